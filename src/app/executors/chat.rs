//! Slack: the room of an incident, who is called into it, and what hangs on its wall.
//!
//! Slack has no tokens for any of this. What makes each of it happen once is its name: a channel's name is unique in a
//! workspace, a person is in a channel or is not, a topic is set or is not. So a probe never finds anything, and each start looks
//! before it does, or takes "there is one already" for an answer. What Slack refuses is said, and the step is done all the same:
//! nothing in a recovery waits for a channel.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Begun, Executor, Task, amiss};
use crate::{
    domain::{
        incident::{CHANNEL, FIRST},
        mirror::mirrored,
        step::{Action, ISSUE, InvitePeople, OpenRoom, Outputs},
        text::count,
    },
    ports::{
        chat::{Chat, ChatError},
        clock::Clock,
        cloud::{After, CloudError, Probe, Progress, Started},
        store::{MarkKind, Store},
    },
};

/// Slack is given so long to do it; then what it did not do is said.
const PATIENCE: Duration = Duration::from_secs(600);
/// Names that are tried for a room: its own, and those with a number behind it.
const NAMES: usize = 3;
/// Most people in one invitation.
const AT_ONCE: usize = 100;
/// People who are invited one by one, where Slack does not take them together.
const ONE_BY_ONE: usize = 100;
/// Refused so, somebody or something is there already, or is ourselves.
const HARMLESS: [&str; 4] = ["already_in_channel", "already_pinned", "cant_invite_self", "no_users"];

/// Carries out what happens in Slack.
pub struct Rooms {
    pub(super) chat: Arc<dyn Chat>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Why something is not done.
enum Undone {
    /// Slack refuses it, and will go on refusing it.
    Refused(String),
    /// Slack may do it later, or has done it and nobody knows.
    Later(ChatError),
    /// The ledger does not answer, or something of ours is not there yet.
    NotYet(String),
}

impl From<ChatError> for Undone {
    fn from(error: ChatError) -> Undone {
        match &error {
            ChatError::Refused { method, code } => Undone::Refused(refusal(method, code)),
            ChatError::RateLimited { .. } | ChatError::Unknown { .. } => Undone::Later(error),
        }
    }
}

/// What Slack's code means for whoever reads it, with the next step where there is one.
fn refusal(method: &str, code: &str) -> String {
    let next = match code {
        "missing_scope" => "give the app the scope that `bbws manifest` lists, and install it again",
        "restricted_action" | "not_allowed_token_type" | "user_is_restricted" => {
            "the workspace restricts this to some people: one of them does it by hand"
        }
        "is_archived" | "channel_is_archived" => "somebody unarchives the channel",
        "no_such_subteam" => "correct the group in `incident.roster`; `bbws check` names it",
        _ => "somebody does it by hand",
    };
    format!("Slack refuses {method} ({code}); {next}")
}

#[async_trait]
impl Executor for Rooms {
    /// To do it again does no harm: see above.
    async fn probe(&self, _: &Task) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, task: &Task) -> Result<Begun, CloudError> {
        let done = match &task.action {
            Action::OpenRoom(what) => self.open(what).await,
            Action::InvitePeople(what) => self.invite(task, what).await,
            Action::DescribeRoom(what) => match task.inputs.get(CHANNEL) {
                Some(room) => {
                    self.chat.set_topic(room, &what.topic).await.map(|()| Outputs::new()).map_err(Undone::from)
                }
                None => Ok(Outputs::new()),
            },
            Action::PinCard(_) => self.pin(task).await,
            Action::BookmarkLink(what) => match task.inputs.get(CHANNEL) {
                Some(room) => {
                    let hung = self.chat.bookmark(room, &what.title, &what.link).await;
                    hung.map(|()| Outputs::new()).map_err(Undone::from)
                }
                None => Ok(Outputs::new()),
            },
            _ => return Err(amiss(task, "do in Slack")),
        };
        let outputs = match done {
            Ok(outputs) => outputs,
            Err(undone) => self.said(task, undone)?,
        };
        let external_id = outputs.get(CHANNEL).cloned();
        Ok(Started { finished: true, outputs, external_id }.into())
    }

    async fn poll(&self, tasks: &[Task]) -> Vec<Result<Progress, CloudError>> {
        tasks.iter().map(|task| Err(amiss(task, "wait for"))).collect()
    }
}

impl Rooms {
    /// What is told of something that is not done; an error as long as it is tried again.
    fn said(&self, task: &Task, undone: Undone) -> Result<Outputs, CloudError> {
        let patient = task.intended.is_none_or(|at| self.clock.now().since(at) < PATIENCE);
        let words = match undone {
            Undone::Refused(words) => words,
            Undone::Later(ChatError::RateLimited { after }) if patient => {
                let reason = "Slack asks to wait.".to_owned();
                return Err(CloudError::Retryable { reason, after: Some(After::Time(after)) });
            }
            Undone::Later(error) if patient => return Err(CloudError::Unknown { reason: error.to_string() }),
            Undone::NotYet(reason) if patient => return Err(CloudError::Retryable { reason, after: None }),
            Undone::Later(error) => format!("{error}; somebody does it by hand"),
            Undone::NotYet(reason) => format!("{reason} Somebody does it by hand."),
        };
        tracing::warn!(operation = %task.op.id, step = task.step, words, "something of a room is not done");
        Ok([(ISSUE.to_owned(), words)].into())
    }

    /// The room of that name; the next name where it is taken by something that is no place to meet.
    async fn open(&self, what: &OpenRoom) -> Result<Outputs, Undone> {
        for number in 1..=NAMES {
            let name = if number == 1 { what.name.clone() } else { format!("{}-{number}", what.name) };
            let room = match self.chat.create_room(&name).await {
                Ok(room) => Some(room),
                Err(ChatError::Refused { code, .. }) if code == "name_taken" => self.adopt(&name).await?,
                Err(error) => return Err(error.into()),
            };
            if let Some(room) = room {
                return Ok([(CHANNEL.to_owned(), room), ("name".to_owned(), name)].into());
            }
        }
        Err(Undone::Refused(format!(
            "#{} and {} like it are taken by channels that are archived, shared or private; somebody unarchives one or makes another by hand",
            what.name,
            count(NAMES - 1, "name")
        )))
    }

    /// The channel that is there, where it may be used; none where it may not.
    async fn adopt(&self, name: &str) -> Result<Option<String>, Undone> {
        let Some(found) = self.chat.find_room(name).await?.filter(|found| found.adoptable()) else { return Ok(None) };
        match self.chat.join_room(&found.id).await {
            Ok(()) => Ok(Some(found.id)),
            Err(ChatError::Refused { code, .. }) if code != "missing_scope" => {
                tracing::warn!(name, code, "a channel of that name cannot be joined");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whoever declared it and the roster, but for those who are in the room already.
    async fn invite(&self, task: &Task, what: &InvitePeople) -> Result<Outputs, Undone> {
        let Some(room) = task.inputs.get(CHANNEL) else { return Ok(Outputs::new()) };
        let (mut outputs, mut unknown) = (Outputs::new(), Vec::new());
        let mut people = vec![task.op.requester.user.clone()];
        for (duty, group) in &what.groups {
            match self.chat.group_members(group).await {
                Ok(members) => {
                    outputs.extend(members.first().map(|first| (format!("{FIRST}{duty}"), first.clone())));
                    people.extend(members);
                }
                Err(ChatError::Refused { method, code }) => {
                    unknown.push(format!("{duty}: {}", refusal(&method, &code)))
                }
                Err(error) => return Err(error.into()),
            }
        }
        let inside = self.chat.people_in(room).await?;
        let mut missing: Vec<String> = Vec::new();
        for user in people.into_iter().filter(|user| !inside.contains(user)) {
            if !missing.contains(&user) {
                missing.push(user);
            }
        }
        let refused = self.invite_all(room, &missing).await?;
        unknown.extend(refused);
        if !unknown.is_empty() {
            outputs.insert(ISSUE.to_owned(), unknown.join("; "));
        }
        Ok(outputs)
    }

    /// Invites people; answers who could not be, and why. One who cannot must not keep out the others.
    async fn invite_all(&self, room: &str, people: &[String]) -> Result<Vec<String>, Undone> {
        let mut refused = Vec::new();
        for some in people.chunks(AT_ONCE) {
            match self.chat.invite(room, some).await {
                Ok(()) => continue,
                Err(ChatError::Refused { code, .. }) if HARMLESS.contains(&code.as_str()) && some.len() == 1 => {
                    continue;
                }
                Err(ChatError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            for user in some.iter().take(ONE_BY_ONE) {
                match self.chat.invite(room, std::slice::from_ref(user)).await {
                    Ok(()) => {}
                    Err(ChatError::Refused { code, .. }) if HARMLESS.contains(&code.as_str()) => {}
                    Err(ChatError::Refused { method, code }) => {
                        refused.push(format!("<@{user}>: {}", refusal(&method, &code)));
                        // What concerns the room concerns everybody.
                        if code == "missing_scope" || code == "is_archived" {
                            return Ok(refused);
                        }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(refused)
    }

    /// The card stands in the room once it was drawn there.
    async fn pin(&self, task: &Task) -> Result<Outputs, Undone> {
        let Some(room) = task.inputs.get(CHANNEL) else { return Ok(Outputs::new()) };
        let own = task.op.card.as_ref().filter(|card| card.channel == *room).map(|card| card.ts.clone());
        let ts = match own {
            Some(ts) => ts,
            None => {
                let marks = self.store.marks(task.op.environment(), Some(MarkKind::Mirror)).await.map_err(|error| {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "where a card is shown could not be read"
                    );
                    Undone::NotYet("The ledger does not answer.".to_owned())
                })?;
                let there = mirrored(&marks, &task.op.id.0).find(|card| card.channel == *room);
                there.ok_or_else(|| Undone::NotYet("The card is not shown there yet.".to_owned()))?.ts
            }
        };
        match self.chat.pin(room, &ts).await {
            Ok(()) => Ok(Outputs::new()),
            Err(ChatError::Refused { code, .. }) if HARMLESS.contains(&code.as_str()) => Ok(Outputs::new()),
            Err(error) => Err(error.into()),
        }
    }
}
