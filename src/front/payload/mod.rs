//! What Slack's payloads say: bytes in, what is asked out. Pure, so that whatever carries them (HTTP, a socket) shares it.
//!
//! Payloads are read field by field. Slack leaves fields out, sends `null`, and sends `[]` where an object is documented;
//! only who acts, for which workspace, and what was pressed may make a payload unreadable.

mod command;
mod event;
mod interaction;
mod rules;
mod text;
mod view;

use secrecy::SecretString;

pub use self::{
    command::{command, is_certificate_check},
    event::event,
    interaction::{interaction, interaction_form},
    rules::Rules,
};
use crate::app::inbound::{Inbound, Via};

/// What came.
#[derive(Debug)]
pub enum Payload {
    /// Somebody asks for something.
    Asks(Box<Asked>),
    /// Well formed, and nothing is to be done; why, for the log.
    Nothing(&'static str),
    /// Slack verifies the address and wants this back.
    Challenge(String),
    /// It cannot be read.
    Senseless(Box<Senseless>),
}

impl Payload {
    /// Nobody can be made out in it.
    pub fn senseless(via: Via, why: impl Into<String>) -> Payload {
        Payload::Senseless(Box::new(Senseless {
            via,
            user: String::new(),
            team: String::new(),
            channel: String::new(),
            why: why.into(),
        }))
    }
}

/// A request, read and not judged yet. It is never stored as it is: [`Rules::judge`] makes an envelope of it, which holds
/// no address.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Slack's own name of it (`event_id`), where it has one.
    pub event: Option<String>,
    /// How it came.
    pub via: Via,
    /// Slack user id.
    pub user: String,
    /// Workspaces it names: the person's first, then the one it came from. Empty for some installs on an Enterprise Grid.
    pub teams: Vec<String>,
    /// It names an Enterprise Grid organisation.
    pub grid: bool,
    /// Id of the Slack app it came through; may be empty.
    pub app: String,
    /// Name of the slash command that was typed, with its slash.
    pub command: Option<String>,
    /// Channel id; empty where there is none, as in App Home.
    pub channel: String,
    /// `ts` of the thread it was said in.
    pub thread: Option<String>,
    /// Slack says that the channel is shared with another organisation.
    pub shared: bool,
    /// Where an answer may be sent for half an hour: a secret, since whoever has it can post.
    pub answer_to: Option<SecretString>,
    /// With what a form may be opened for three seconds, once.
    pub trigger: Option<SecretString>,
    /// The block of a form that was sent, below which it is said why nothing came of it: then the form stays open.
    pub field: Option<String>,
    /// What is asked.
    pub what: Inbound,
}

/// A request that cannot be read, with whatever of it can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Senseless {
    /// How it came.
    pub via: Via,
    /// Slack user id, or nothing.
    pub user: String,
    /// Workspace, or nothing.
    pub team: String,
    /// Channel id, or nothing.
    pub channel: String,
    /// What is wrong with it, as mrkdwn.
    pub why: String,
}
