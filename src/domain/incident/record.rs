//! What people have done in an incident so far: kept with the record of its operation, and changed with every click.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::duty::Duty;
use crate::domain::{drill::choice::Choice, moment::Moment};

/// Most entries of a timeline that people write by hand.
pub const LONGEST: usize = 500;
/// Most edits of one message that are kept; the last one counts.
const AMENDMENTS: usize = 10;
/// Most decisions of one incident that are kept.
pub const RULINGS: usize = 50;

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
    /// What the commander decided, and why, in the order in which they did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rulings: Vec<Ruling>,
    /// What the review left to be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
    /// How long own failovers took, as it was known when the incident was open; none while fewer were measured than give a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// What the commander of an incident decided, in earnest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// What.
    pub choice: Choice,
    /// Why; plain text, hostile.
    pub why: String,
    /// Slack user id.
    pub by: String,
    /// When.
    pub at: Moment,
}

/// Something that is to be done after an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its number in the incident, from 1.
    pub number: u32,
    /// What went wrong or was left out; plain text, hostile.
    pub what: String,
    /// When people were last asked after it, or told of it.
    pub asked: Moment,
    /// Whose it is, Slack user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Who said that it is done, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Holder>,
}

/// How long runs took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Nine of ten took no longer, in seconds.
    pub takes: u64,
    /// How many there were.
    pub runs: usize,
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
    /// What became of that message later: its text stays as it was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Amendment>,
}

/// That a message on the timeline was edited or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// When that was seen.
    pub at: Moment,
    /// What it says since; none where it was deleted. Plain text, hostile.
    pub text: Option<String>,
}

impl Entry {
    /// What it says, with what became of it.
    pub fn told(&self) -> String {
        let later = self.later.iter().map(|later| match &later.text {
            Some(text) => format!(" [edited at {}: {text}]", later.at.day_and_clock()),
            None => format!(" [deleted at {}]", later.at.day_and_clock()),
        });
        format!("{}{}", self.text, later.collect::<String>())
    }
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

    /// Whether a message is on the timeline.
    pub fn quotes(&self, message: &str) -> bool {
        self.timeline.iter().any(|entry| entry.message.as_deref() == Some(message))
    }

    /// Writes down that a message on the timeline was edited or deleted; answers whether that is news.
    pub fn amend(&mut self, message: &str, amendment: Amendment) -> bool {
        let mut quoted = self.timeline.iter_mut().filter(|entry| entry.message.as_deref() == Some(message));
        let Some(entry) = quoted.next() else { return false };
        let known = entry.later.last().map_or(Some(&entry.text), |last| last.text.as_ref());
        if known == amendment.text.as_ref() {
            return false;
        }
        entry.later.truncate(AMENDMENTS - 1);
        entry.later.push(amendment);
        true
    }
}
