//! How names, numbers and sizes are told to people. Names come from a file system where anybody may have chosen them.

pub(super) use crate::domain::text::count;
use crate::domain::text::{self, one_line};

/// Names that are told; of the others only how many there are.
pub(super) const NAMED: usize = 10;
const LONGEST: usize = 120;

/// Text of ours or of the configuration, on one line.
pub(super) fn plain(text: &str) -> String {
    one_line(text).chars().take(LONGEST).collect()
}

/// A path, in backticks, on one line, of a length that fits a sentence.
pub(super) fn path(bytes: &[u8]) -> String {
    let line = one_line(&String::from_utf8_lossy(bytes)).replace('`', "'");
    if line.chars().count() <= LONGEST {
        return format!("`{line}`");
    }
    // The end of a path says more than its middle.
    let half = |text: &mut dyn Iterator<Item = char>| text.take(LONGEST / 2).collect::<Vec<_>>();
    let (head, mut tail) = (half(&mut line.chars()), half(&mut line.chars().rev()));
    tail.reverse();
    format!("`{}…{}`", head.iter().collect::<String>(), tail.iter().collect::<String>())
}

/// The first few of them, and how many there are beside.
pub(super) fn several(all: &[String]) -> String {
    let named = all[..all.len().min(NAMED)].join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}, and {} more", number(more as u64)),
    }
}

/// `48,113`.
pub(super) fn number(n: u64) -> String {
    text::number(usize::try_from(n).unwrap_or(usize::MAX))
}

/// `1.2 GiB`, `64 MiB`.
pub(super) fn size(bytes: u64) -> String {
    let unit = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")].into_iter().find(|(unit, _)| bytes >= *unit);
    match unit {
        None => count(bytes, "byte"),
        Some((unit, name)) if bytes.is_multiple_of(unit) => format!("{} {name}", bytes / unit),
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1000, 48_113, 1_234_567].map(number), ["0", "999", "1,000", "48,113", "1,234,567"]);
        assert_eq!([1, 1536, 64 << 20, (1 << 30) + (1 << 28)].map(size), ["1 byte", "1.5 KiB", "64 MiB", "1.2 GiB"]);
    }

    #[test]
    fn hostile_names_are_harmless() {
        assert_eq!(path(b"/a\n*b*\x1b[31m\0`c`"), "`/a *b* [31m 'c'`");
        assert_eq!(path("/\u{202e}gpj.exe\u{200b}".as_bytes()), "`/gpj.exe`");
        assert_eq!(path(b"/caf\xe9"), "`/caf\u{fffd}`");
        let long = path(&[b'x'; 5000]);
        assert!(long.chars().count() <= LONGEST + 3, "{long}");
        let names: Vec<String> = (0..22).map(|i| i.to_string()).collect();
        assert!(several(&names).ends_with("8, 9, and 12 more"));
    }
}
