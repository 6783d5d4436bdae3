//! What people have done in an incident so far: kept with the record of its operation, and changed with every click.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::duty::Duty;
use crate::domain::{drill::choice::Choice, moment::Moment};

/// Most entries of a timeline that people write by hand.
pub const LONGEST: usize = 500;

/// What people have done in an incident so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Incident {
    /// Who does what.
    #[serde(default)]
    pub duties: BTreeMap<Duty, Holder>,
    /// What was said to the room already, so that it is said once.
    #[serde(default)]
    pub said: BTreeSet<String>,
    /// What people did in it and what they put on its timeline, in the order in which they did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Entry>,
    /// The newest update for those who wait, and whether somebody sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Update>,
    /// What was decided in a tabletop, by the number of the inject, from 0.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub decisions: BTreeMap<usize, Decision>,
}

/// What somebody decided on an inject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What.
    pub choice: Choice,
    /// Slack user id.
    pub by: String,
    /// When.
    pub at: Moment,
}

/// Who has taken a duty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Slack user id.
    pub user: String,
    /// Since when.
    pub since: Moment,
}

/// Something on the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened.
    pub at: Moment,
    /// Whose doing or saying it is, Slack user id.
    pub by: String,
    /// What; plain text, hostile.
    pub text: String,
    /// Slack's id of the message that it quotes, by which that is on the timeline once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// An update for those who wait. What is sent is what was read: its text is kept, not made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The how manieth, from 1.
    pub number: u32,
    /// What it says, mrkdwn.
    pub text: String,
    /// Who sent it, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Holder>,
}

impl Incident {
    /// Puts something on the timeline; answers whether there was room for it, and it was not there yet.
    pub fn note(&mut self, entry: Entry) -> bool {
        let there = entry.message.is_some() && self.timeline.iter().any(|other| other.message == entry.message);
        if there || self.timeline.len() >= LONGEST {
            return false;
        }
        self.timeline.push(entry);
        true
    }
}
