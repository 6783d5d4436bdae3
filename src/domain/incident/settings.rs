//! What the config file says of incidents (`[incident]`) and of drills (`[environments.X.drills]`).

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

use super::duty::Duty;
use crate::domain::span::Span;

/// `[incident]`: who is called, who is told, and where people talk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Incidents {
    /// The Slack user group that is called for each duty; whoever is named in none is not called.
    pub roster: BTreeMap<Duty, String>,
    /// Channel ids of those who are kept informed.
    pub stakeholders: Vec<String>,
    /// Where people talk.
    pub conference_url: Option<String>,
    /// What names of rooms begin with: `slack.incident_prefix`.
    #[serde(skip)]
    pub prefix: String,
}

/// How often a drill is due; never where the config says `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Every(pub Option<Span>);

impl Every {
    /// Once in so many days.
    pub const fn days(days: u64) -> Every {
        Every(Some(Span(Duration::from_secs(days * 86_400))))
    }

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

/// `[environments.X.drills]`: how often each drill is due. What is left out is due as often as is usual for an environment of
/// that name ([`Drills::usual`]).
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

impl Drills {
    /// How often drills are due in an environment of this name, where its config does not say.
    pub fn usual(environment: &str) -> Drills {
        let of = |tabletop, infra, full| Drills {
            tabletop: Some(tabletop),
            infra: Some(infra),
            dns: Some(Every::NEVER),
            full_drill: Some(full),
        };
        match environment {
            "dev" => of(Every::days(30), Every::days(7), Every::NEVER),
            "sit" => of(Every::days(30), Every::days(30), Every::days(90)),
            _ => of(Every::days(90), Every::days(90), Every::NEVER),
        }
    }

    /// The same, with what is usual where nothing is said.
    #[must_use]
    pub fn or_usual(self, environment: &str) -> Drills {
        let usual = Drills::usual(environment);
        Drills {
            tabletop: self.tabletop.or(usual.tabletop),
            infra: self.infra.or(usual.infra),
            dns: self.dns.or(usual.dns),
            full_drill: self.full_drill.or(usual.full_drill),
        }
    }
}
