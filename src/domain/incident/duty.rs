//! Duties in an incident: who leads, who does what, and who has to be called because nobody does it yet.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One duty. An incident has each of them, whether or not somebody has taken it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duty {
    /// Decides, and says why.
    Commander,
    /// Databases.
    Database,
    /// Name servers, routes, certificates.
    Network,
    /// Services, accounts, quotas.
    Infrastructure,
    /// What may be touched, and what is evidence.
    Security,
    /// Whether the platform does what people use it for.
    Application,
    /// Tells those who are not in the room.
    Communication,
    /// Writes down what nobody would remember.
    Scribe,
}

impl Duty {
    /// Every duty, in the order a card shows them.
    pub const ALL: [Duty; 8] = [
        Duty::Commander,
        Duty::Database,
        Duty::Network,
        Duty::Infrastructure,
        Duty::Security,
        Duty::Application,
        Duty::Communication,
        Duty::Scribe,
    ];

    /// The words for all of them, in the same order.
    pub const WORDS: [&str; 8] =
        ["commander", "database", "network", "infrastructure", "security", "application", "communication", "scribe"];

    /// The word for it in the config, in commands and on cards.
    pub fn word(self) -> &'static str {
        match self {
            Duty::Commander => "commander",
            Duty::Database => "database",
            Duty::Network => "network",
            Duty::Infrastructure => "infrastructure",
            Duty::Security => "security",
            Duty::Application => "application",
            Duty::Communication => "communication",
            Duty::Scribe => "scribe",
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Duty {
    type Err = String;
    fn from_str(text: &str) -> Result<Duty, String> {
        Duty::ALL.into_iter().find(|duty| duty.word() == text).ok_or_else(|| format!("`{text}` is not a duty"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_by_its_word() {
        assert_eq!(Duty::ALL.map(Duty::word), Duty::WORDS);
        for duty in Duty::ALL {
            assert_eq!(duty.word().parse(), Ok(duty));
            assert_eq!(serde_json::to_string(&duty).unwrap(), format!("\"{duty}\""));
        }
    }
}
