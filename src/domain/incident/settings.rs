//! What the config file says of incidents (`[incident]`) and of drills (`[environments.X.drills]`).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::duty::Duty;
use crate::domain::span::Span;

/// `[incident]`: who is called, who is told, and where people talk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Incidents {
    /// The Slack user group that is called for each duty; whoever is named in none is not called.
    pub roster: BTreeMap<Duty, String>,
    /// Channel ids of those who are kept informed.
    pub stakeholders: Vec<String>,
    /// Where people talk.
    pub conference_url: Option<String>,
    /// The emoji that puts a message of a room on its timeline, by Slack's name and without colons.
    pub emoji: String,
    /// What names of rooms begin with: `slack.incident_prefix`.
    #[serde(skip)]
    pub prefix: String,
}

impl Default for Incidents {
    fn default() -> Incidents {
        Incidents {
            roster: BTreeMap::new(),
            stakeholders: Vec::new(),
            conference_url: None,
            emoji: "memo".to_owned(),
            prefix: String::new(),
        }
    }
}

/// How often a drill is due; never where the config says `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Every(pub Option<Span>);

impl Every {
    /// Never.
    pub const NEVER: Every = Every(None);
}

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "none" => Ok(Every::NEVER),
            text => Span::parse(text).map(|span| Every(Some(span))).map_err(serde::de::Error::custom),
        }
    }
}

/// `[environments.X.drills]`: how often each drill is due, where it is not as often as is usual (`domain::drill::calendar`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drills {
    /// People play an incident at a table.
    pub tabletop: Option<Every>,
    /// What stands ready in the DR region is looked at.
    pub infra: Option<Every>,
    /// Record sets are written as they are.
    pub dns: Option<Every>,
    /// All of it is tried, beside what is live.
    #[serde(alias = "full-drill")]
    pub full_drill: Option<Every>,
}
