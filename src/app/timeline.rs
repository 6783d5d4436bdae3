//! Messages on the timeline of an incident: chosen by a shortcut or by an emoji, each once, and kept honest where somebody edits or
//! deletes one later.

use serde_json::json;

use super::{
    authority::Freshness,
    change::Change,
    decide::Attempt,
    desk::{Desk, Inquiry, say},
    inbound::Inbound,
};
use crate::{
    domain::{
        incident::{self, Amendment, Entry},
        moment::Moment,
        operation::{OpId, Run},
        text::one_line,
    },
    ports::{
        chat::{Level, Reply, Written},
        store::{MarkKind, StoreError},
    },
};

/// Most characters of a message that are kept.
const QUOTED: usize = 500;

/// A message that somebody wrote in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Slack's id of it.
    pub ts: String,
    /// Who wrote it, Slack user id.
    pub by: String,
    /// What it says; hostile.
    pub text: String,
}

impl Message {
    /// When it was written, by its id.
    fn at(&self) -> Option<Moment> {
        let seconds: i64 = self.ts.split('.').next()?.parse().ok()?;
        Some(Moment(seconds.checked_mul(1_000)?))
    }
}

impl Desk {
    /// Whether what happened to a message is of any concern: the emoji is the one that is configured, and it stands in the room of
    /// an open incident; for an edit, on its timeline. Slack tells of every edit in every channel, which is nobody's business here.
    pub(super) async fn concerns(&self, channel: &str, what: &Inbound) -> Result<bool, StoreError> {
        match what {
            Inbound::Reacted { emoji, .. } => Ok(self.chooses(emoji) && self.incident_in(channel).await?.is_some()),
            Inbound::Amended { ts, .. } => {
                let quotes = |run: Run| run.op.incident.is_some_and(|incident| incident.quotes(ts));
                Ok(self.incident_in(channel).await?.is_some_and(quotes))
            }
            Inbound::Command { .. }
            | Inbound::Click { .. }
            | Inbound::Noted { .. }
            | Inbound::OpenedHome
            | Inbound::Mentioned { .. } => Ok(true),
        }
    }

    /// Whether this emoji, in whatever tone of skin, puts messages on timelines.
    fn chooses(&self, emoji: &str) -> bool {
        let name = emoji.split("::").next();
        self.planner.environments().any(|environment| Some(environment.incidents.emoji.as_str()) == name)
    }

    /// Somebody puts a message on the timeline by an emoji: what it says is asked of Slack.
    pub(super) async fn put_reacted(&self, ask: &Inquiry, ts: &str) -> Result<Reply, StoreError> {
        let asked = tokio::time::timeout(self.patience, self.chat.message(&ask.request.channel, ts)).await;
        let why = match asked {
            Ok(Ok(Some(Written { by, text }))) => {
                return self.put_on_timeline(ask, Message { ts: ts.to_owned(), by, text }).await;
            }
            Ok(Ok(None)) => "Slack does not find the message".to_owned(),
            Ok(Err(error)) => format!("Slack does not say what the message says ({error})"),
            Err(_) => "Slack is slow to say what the message says".to_owned(),
        };
        let text = format!(
            "{why}, so that it is *not* on the timeline. Choose *Add to the timeline* in the message's menu, or type it again."
        );
        self.refuse_ask(ask, say(Level::Warning, text)).await
    }

    /// A message that is on a timeline was edited or deleted.
    pub(super) async fn amend(&self, ask: &Inquiry, ts: &str, text: Option<&str>) -> Result<Reply, StoreError> {
        let nothing = || say(Level::Success, "It is on no timeline.");
        let Some(run) = self.incident_in(&ask.request.channel).await? else {
            return self.refuse_ask(ask, nothing()).await;
        };
        let by = &ask.request.user;
        self.attempt(ask, &run.op.id, |run| {
            let now = self.clock.now();
            let mut change = Change::on(run, now);
            let amendment = Amendment { at: now, text: text.map(quoted) };
            if !change.op().incident.get_or_insert_default().amend(ts, amendment) {
                return Attempt::Refuse(nothing());
            }
            change.audit(by, "timeline_amended", json!({"message": ts, "deleted": text.is_none()}));
            Attempt::Change(Box::new(change), say(Level::Success, "The timeline says so."))
        })
        .await
    }

    /// Somebody puts a message on the timeline of the incident whose room it stands in.
    pub(super) async fn put_on_timeline(&self, ask: &Inquiry, message: Message) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let Some(Run { op, .. }) = self.incident_in(&ask.request.channel).await? else {
            let text =
                "This channel is no open incident's room, so that there is no timeline to put it on. Nothing was done.";
            return self.refuse_ask(ask, say(Level::Warning, text)).await;
        };
        self.attempt(ask, &op.id, |run| noted(run, &by, &message, self.clock.now())).await
    }

    /// The open incident that has its room there.
    async fn incident_in(&self, channel: &str) -> Result<Option<Run>, StoreError> {
        for mark in self.store.marks_of(MarkKind::Room).await? {
            let run = self.store.load(&OpId(mark.note)).await?;
            if let Some(run) = run.filter(|run| incident::room(run) == Some(channel)) {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }
}

/// As much of a message as is kept, on one line.
fn quoted(text: &str) -> String {
    one_line(text).chars().take(QUOTED).collect()
}

fn noted(run: &Run, by: &str, message: &Message, now: Moment) -> Attempt {
    let id = &run.op.id;
    // What claims to be from the future, or from before Slack, is written down as of now.
    let at = message.at().filter(|at| *at <= now && at.0 > 0).unwrap_or(now);
    let entry = Entry {
        at,
        by: message.by.clone(),
        text: quoted(&message.text),
        message: Some(message.ts.clone()),
        later: Vec::new(),
    };
    let mut change = Change::on(run, now);
    if !change.op().incident.get_or_insert_default().note(entry) {
        return Attempt::Refuse(say(
            Level::Info,
            format!("It is on the timeline of {id} already, or that is full. Nothing was done."),
        ));
    }
    change.audit(by, "timeline", json!({"message": message.ts, "written_by": message.by}));
    Attempt::Change(Box::new(change), say(Level::Success, format!("It is on the timeline of {id}.")))
}
