//! Commands that are not there and that people type all the same, in an emergency first of all: that they are not, and what comes
//! nearest.

use super::command::{self, SLASH, Wrong};

/// A command to come.
struct Coming {
    /// Its first words.
    path: &'static [&'static str],
    /// What is to be said of it, behind its first words.
    lacks: &'static str,
    /// What can be done instead, a sentence.
    until: &'static str,
    /// The command that comes nearest, with ` ENV` where it names the environment.
    nearest: &'static str,
}

/// Every command to come, longer paths first where one begins another.
const ALL: [Coming; 3] = [
    Coming {
        path: &["failover"],
        lacks: "is not a command of its own: a failover begins with `dr`",
        until: "That says whether to, and what it would lose; `--execute --ticket INC-123` carries it out.",
        nearest: "dr failover ENV",
    },
    Coming {
        path: &["failback"],
        lacks: "is not a command of its own: a failback begins with `dr`",
        until: "That says whether to; `--staged --ticket INC-123` carries it out.",
        nearest: "dr failback ENV",
    },
    Coming {
        path: &["drill"],
        lacks: "is not a command of its own: a drill begins with `dr test`",
        until: "`infra` looks at all that a failover stands on, and changes nothing.",
        nearest: "dr test ENV infra",
    },
];

/// What to say of a line that no command is and that begins as one to come does; none where it begins otherwise, or where
/// `known` says that such a command is there.
pub fn instead(text: &str, environments: &[&str], known: impl Fn(&[&str]) -> bool) -> Option<Wrong> {
    let words = command::words(text);
    let coming = ALL.iter().find(|coming| {
        let begins = |(path, word): (&&str, &String)| path.eq_ignore_ascii_case(word);
        words.len() >= coming.path.len() && coming.path.iter().zip(&words).all(begins)
    })?;
    if known(coming.path) {
        return None;
    }
    let named = words.iter().find_map(|word| environments.iter().find(|known| known.eq_ignore_ascii_case(word)));
    let environment = named.copied().unwrap_or("<env>");
    Some(Wrong {
        said: format!("`{}` {}. {}", coming.path.join(" "), coming.lacks, coming.until),
        try_instead: Some(format!("{SLASH} {}", coming.nearest.replace("ENV", environment))),
    })
}
