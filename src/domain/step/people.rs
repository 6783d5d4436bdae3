//! Steps that wait for people, and what people have said to them.

use serde::{Deserialize, Serialize};

use super::Parameters;
use crate::domain::{moment::Moment, policy::Need, vote::Vote};

/// Waits until people say that the run may go on: they press *Continue*. Nothing is called; the operation is `waiting`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitForPeople {
    /// What they are asked, a sentence for card and thread.
    pub question: String,
    /// The kind under which approval rules say who is asked, such as `backup.cutover`; none where no rule can.
    pub rule: Option<String>,
    /// Whose word it takes. Part of the plan, and so of what was approved.
    pub consent: Consent,
}

/// Whose word lets a run go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// A look at what was found: one person in a role, the requester included.
    Look,
    /// Distinct people, never the requester. Where nobody is named, one other person in a role: such a step never passes with
    /// nobody asked.
    Others(Vec<Need>),
}

impl Parameters for WaitForPeople {
    fn region(&self) -> Option<&str> {
        None
    }

    fn resource(&self) -> &str {
        self.rule.as_deref().unwrap_or("look")
    }

    fn label(&self) -> &'static str {
        "Wait for people"
    }
}

/// What people have said to a step that waits for them. A deliberate repeat of the step begins with none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answers {
    /// Who said that it may go on. Votes on another plan than the present one do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// Who said that it may not go on yet; until somebody presses *Continue*.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// Somebody's word that a step is to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Slack user id, or [`ITSELF`].
    pub by: String,
    /// When.
    pub at: Moment,
}

/// Who holds a step that nobody held: what was looked at before it is not as it should be.
pub const ITSELF: &str = "bbws";

impl Held {
    /// Who, as Slack shows it.
    pub fn who(&self) -> String {
        if self.by == ITSELF { "bbws itself".to_owned() } else { format!("<@{}>", self.by) }
    }
}

impl Answers {
    /// Nobody has said anything.
    pub fn is_empty(&self) -> bool {
        self.votes.is_empty() && self.held.is_none()
    }
}
