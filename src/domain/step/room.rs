//! Steps that happen in Slack: the room of an incident, who is called into it, and what hangs on its wall. Nothing in a recovery
//! waits for them: what Slack refuses is said, and the step is done all the same.

use serde::{Deserialize, Serialize};

use super::Parameters;
use crate::domain::{incident::disaster::Disaster, moment::Moment};

/// Opens the room, or adopts the one of that name that is there: one that is public, not archived, and nobody else's. Where that
/// cannot be had, the same name with `-2` behind it. It also says what was declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRoom {
    /// The channel's name.
    pub name: String,
    /// The ticket.
    pub ticket: String,
    /// What happened, in the words of whoever declared it; hostile.
    pub what: String,
    /// Of what kind it is.
    pub disaster: Disaster,
    /// When it was first noticed.
    pub first_sign: Moment,
    /// By what it was noticed, where a finding of the watcher told.
    pub sign: Option<String>,
    /// The longest outage that is acceptable, in seconds.
    pub rto: u64,
    /// The most data that may be lost, in seconds.
    pub rpo: u64,
    /// Where people talk.
    pub conference: Option<String>,
    /// Where the ticket is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Calls people into the room: whoever declared the incident, and the groups of the roster. Whoever is in it already is left
/// alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitePeople {
    /// The group of each duty: its word, and the Slack user group's id.
    pub groups: Vec<(String, String)>,
}

/// Says at the top of the room what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribeRoom {
    /// The topic.
    pub topic: String,
}

/// Pins the card of the incident in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinCard {}

/// Puts a link to the top of the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookmarkLink {
    /// What it says.
    pub title: String,
    /// Where it leads.
    pub link: String,
}

macro_rules! in_slack {
    ($($kind:ident, $resource:literal, $label:literal;)*) => {
        $(impl Parameters for $kind {
            fn region(&self) -> Option<&str> {
                None
            }

            fn resource(&self) -> &str {
                $resource
            }

            fn label(&self) -> &'static str {
                $label
            }
        })*
    };
}

in_slack! {
    OpenRoom, "room", "Open rooms";
    InvitePeople, "people", "Invite people";
    DescribeRoom, "topic", "Set topics";
    PinCard, "card", "Pin cards";
    BookmarkLink, "link", "Bookmark links";
}
