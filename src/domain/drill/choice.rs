//! What people can decide in a tabletop.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::incident::disaster::Disaster;

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

    /// What it is in an incident of that kind, where not every recovery is a failover.
    pub fn in_earnest(self, disaster: Disaster) -> &'static str {
        match (disaster, self) {
            (Disaster::Region | Disaster::Outage, choice) => choice.label(),
            (Disaster::Corruption | Disaster::Breach | Disaster::Freeze, Choice::Proceed) => "Recover now",
            (Disaster::Corruption | Disaster::Breach | Disaster::Freeze, Choice::Look) => Choice::Look.label(),
            (Disaster::Corruption | Disaster::Breach | Disaster::Freeze, Choice::Never) => "Recover nothing",
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
