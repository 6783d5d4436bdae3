//! What people can decide in a tabletop.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What people can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// Fail over now.
    Proceed,
    /// Not without looking further, or a reason.
    Look,
    /// Not at all.
    Never,
}

impl Choice {
    /// Every choice, in the order of its buttons.
    pub const ALL: [Choice; 3] = [Choice::Proceed, Choice::Look, Choice::Never];
    /// The words for them in commands.
    pub const WORDS: [&str; 3] = ["proceed", "look", "never"];

    /// The word for it in commands.
    pub fn word(self) -> &'static str {
        match self {
            Choice::Proceed => "proceed",
            Choice::Look => "look",
            Choice::Never => "never",
        }
    }

    /// What its button says.
    pub fn label(self) -> &'static str {
        match self {
            Choice::Proceed => "Fail over now",
            Choice::Look => "Not yet: look further",
            Choice::Never => "Do not fail over",
        }
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Choice, String> {
        let known = Choice::ALL.into_iter().find(|choice| choice.word() == text);
        known.ok_or_else(|| format!("`{text}` is no choice; it is {}", Choice::WORDS.join(", ")))
    }
}
