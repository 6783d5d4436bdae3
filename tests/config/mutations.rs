//! However the file is mangled, it is read or refused with a line; nothing panics.

use bbws::config::{Config, DEMO};
use proptest::prelude::*;

/// Every value of the example, replaced by each of these, is either read or refused with a line of the file.
const ODD: [&str; 14] = [
    "",
    "0",
    "-1",
    "\"\"",
    "\"\\u0000\"",
    "[]",
    "{}",
    "[[]]",
    "true",
    "1979-05-27",
    "99999999999999999999",
    "nan",
    "\"é\"",
    "[{}]",
];

fn refused_in_bounds(text: &str) -> Result<(), TestCaseError> {
    if let Err(problems) = Config::parse(text, "bbws.toml") {
        prop_assert!(!problems.is_empty(), "a refusal says why");
        let lines = text.split('\n').count();
        for problem in problems {
            prop_assert!((1..=lines).contains(&problem.line), "{problem}");
            prop_assert!(!problem.message.is_empty() && !problem.message.contains('\n'), "{problem}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_edit_of_a_value_panics(line in 0..DEMO.lines().count(), odd in 0..ODD.len()) {
        let changed = |(index, text): (usize, &str)| match text.split_once('=') {
            Some((key, _)) if index == line => format!("{key}= {}\n", ODD[odd]),
            _ => format!("{text}\n"),
        };
        refused_in_bounds(&DEMO.lines().enumerate().map(changed).collect::<String>())?;
    }

    #[test]
    fn no_splice_panics(from in 0..DEMO.len(), to in 0..DEMO.len(), text in "\\PC{0,12}|[\\[\\]{}=\"'.,\n]{0,6}") {
        prop_assume!(DEMO.is_char_boundary(from) && DEMO.is_char_boundary(to));
        let (from, to) = (from.min(to), from.max(to));
        refused_in_bounds(&format!("{}{text}{}", &DEMO[..from], &DEMO[to..]))?;
    }

    #[test]
    fn no_lines_left_out_or_repeated_panic(keep in prop::collection::vec(0..3usize, DEMO.lines().count())) {
        let text: String = DEMO.lines().zip(keep).map(|(line, times)| format!("{line}\n").repeat(times)).collect();
        refused_in_bounds(&text)?;
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        refused_in_bounds(&text)?;
    }
}
