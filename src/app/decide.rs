//! Votes: who may say yes or no to which plan, checked at the click, with people asked of Slack fresh.

use serde_json::json;

use super::{
    authority::Freshness,
    change::Change,
    desk::{Desk, Inquiry, say},
    inbound::Seen,
    words,
};
use crate::{
    domain::{
        approval::{self, ANY_ROLE},
        operation::{OpId, Operation, Run, State, Trigger, Vote},
        operations,
        principal::Principal,
        text::{escape, one_line},
    },
    ports::{
        chat::{Attachment, ConfirmForm, Form, Level, Offer, Reply},
        store::{Commit, Guard, Lock, StoreError},
    },
};

/// Attempts before giving up on a record that others keep changing. Each loss means somebody else's write got through.
const TRIES: u32 = 50;

/// What one attempt at a change of an operation led to.
pub(super) enum Attempt {
    /// Refuse with this.
    Refuse(Reply),
    /// Ask for what is missing in this form; where none can be opened, refuse with this.
    Ask(Option<Form>, Reply),
    /// Commit this and answer with the reply.
    Change(Box<Change>, Reply),
}

impl Desk {
    /// Approve.
    pub(super) async fn approve(
        &self,
        ask: &Inquiry,
        id: &OpId,
        seen: Option<&Seen>,
        typed: Option<&str>,
    ) -> Result<Reply, StoreError> {
        let voter = match self.actor(ask, Freshness::Now).await {
            Ok(principal) => principal,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        self.attempt(ask, id, |run| self.vote(ask, run, &voter, seen, typed)).await
    }

    /// Reject: a veto by anyone who holds a role.
    pub(super) async fn reject(
        &self,
        ask: &Inquiry,
        id: &OpId,
        reason: Option<String>,
        seen: Option<&Seen>,
    ) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Now).await {
            Ok(principal) => principal,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let reason = reason.map(|r| one_line(&r).chars().take(500).collect::<String>()).filter(|r| !r.is_empty());
        self.attempt(ask, id, |run| self.veto(ask, run, &by, reason.as_deref(), seen)).await
    }

    /// Loads, decides, commits; again when somebody else was faster.
    pub(super) async fn attempt(
        &self,
        ask: &Inquiry,
        id: &OpId,
        decide: impl Fn(&Run) -> Attempt,
    ) -> Result<Reply, StoreError> {
        for _ in 0..TRIES {
            let Some(run) = self.store.load(id).await? else {
                let text = format!("There is no operation `{}`. `/bbws op list` shows those there are.", escape(&id.0));
                return self.refuse_ask(ask, say(Level::Error, text)).await;
            };
            match decide(&run) {
                Attempt::Refuse(reply) => return self.refuse_ask(ask, reply).await,
                Attempt::Ask(form, reply) => return self.ask_back(ask, form, reply).await,
                Attempt::Change(mut change, reply) => {
                    ask.seal(&mut change, &reply);
                    self.take_from(&mut change, &ask.request.user).await?;
                    let (_, commit) = change.commit(Guard::Version(run.version));
                    match self.store.commit(commit).await {
                        Err(StoreError::Conflict) if !self.answered(ask).await? => {}
                        Err(StoreError::Locked(holder)) => {
                            let reply = self.locked_reply(run.op.environment(), &holder, &run.op.command).await?;
                            return self.refuse_ask(ask, reply).await;
                        }
                        other => return other.map(|()| reply),
                    }
                }
            }
        }
        let text = format!("{id} is changing too fast right now; nothing was done. Try again.");
        self.refuse_ask(ask, say(Level::Warning, text)).await
    }

    /// Opens the form by what the click brought to open one with.
    async fn ask_back(&self, ask: &Inquiry, form: Option<Form>, reply: Reply) -> Result<Reply, StoreError> {
        let trigger = self.triggers.take(&ask.request.id);
        let (Some(form), Some(trigger)) = (form, trigger) else { return self.refuse_ask(ask, reply).await };
        let asks = match &form {
            Form::Confirm(form) => format!("The form asks for the name of what {} replaces.", form.operation),
            Form::Reason(_) => "The form asks why.".to_owned(),
            Form::Restore(_) => "The form asks what to restore.".to_owned(),
            Form::Command(_) => "The form asks for the rest.".to_owned(),
        };
        let asked = say(Level::Success, asks);
        match tokio::time::timeout(self.patience, self.chat.open(&trigger, &form)).await {
            Ok(Ok(_)) => {
                let answers = Some((ask.request.id.clone(), asked.text.clone()));
                self.store.commit(Commit { answers, ..Commit::default() }).await?;
                return Ok(asked);
            }
            Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "a form was not opened"),
            Err(_) => tracing::warn!("a form was not opened in time"),
        }
        self.refuse_ask(ask, reply).await
    }

    pub(super) async fn answered(&self, ask: &Inquiry) -> Result<bool, StoreError> {
        let open = self.store.unanswered(self.clock.now(), 1000).await?;
        Ok(!open.iter().any(|r| r.id == ask.request.id))
    }

    fn vote(&self, ask: &Inquiry, run: &Run, voter: &Principal, seen: Option<&Seen>, typed: Option<&str>) -> Attempt {
        let op = &run.op;
        let now = self.clock.now();
        if let Some(reply) = not_open(op, now, voter) {
            return Attempt::Refuse(reply);
        }
        if let Some(why) = seen.and_then(|s| s.stale(op, &ask.request.channel)) {
            return Attempt::Refuse(say(Level::Warning, why));
        }
        if op.asked_by(&voter.person) {
            let text = format!("You asked for {}, so somebody else has to approve it.", op.id);
            return Attempt::Refuse(say(Level::Error, text));
        }
        if op.votes.iter().any(|v| v.by.person == voter.person && v.digest == op.digest) {
            return Attempt::Refuse(say(
                Level::Info,
                format!("You approved {} already; one person counts once.", op.id),
            ));
        }
        if let Some(why) = unconfirmed(op, typed) {
            let form = seen.map(|seen| Form::Confirm(confirm_form(op, &ask.request.channel, seen)));
            return Attempt::Ask(form, say(Level::Warning, why));
        }
        let before = approval::missing(&op.needs, &op.requester.person, &op.digest, &op.votes);
        let mut votes = op.votes.clone();
        votes.push(Vote { by: voter.clone(), digest: op.digest.clone(), at: now });
        let after = approval::missing(&op.needs, &op.requester.person, &op.digest, &votes);
        let count = |needs: &[crate::domain::policy::Need]| needs.iter().map(|n| n.count).sum::<u32>();
        if count(&after) >= count(&before) {
            let text = format!(
                "{} needs {}, and you hold {}. Your approval would not count.",
                op.id,
                approval::spoken(&before),
                roles(voter)
            );
            return Attempt::Refuse(say(Level::Error, text));
        }
        let mut change = Change::on(run, now);
        change.op().votes = votes;
        change.audit(&voter.user, "vote", json!({"vote": "approve", "digest": op.digest, "revision": op.revision, "roles": voter.roles, "person": voter.person}));
        let place = format!("approved-{}-{}", op.revision, voter.person);
        if after.is_empty() {
            if change.trigger(Trigger::Approve, &voter.user).is_err() {
                return Attempt::Refuse(say(
                    Level::Warning,
                    format!("{} {}; nothing was done.", op.id, op.state.spoken()),
                ));
            }
            change.op().deadline = Some(now + self.limits.start_within.0);
            if let Some(from) = operations::of(op.kind()).supplants(&op.plan) {
                change.lock(Lock::TakeFrom(from));
            }
            change.thread(place, Level::Success, format!("Approved by <@{}>. Starting now.", voter.user));
        } else {
            change.thread(
                place,
                Level::Info,
                format!("Approved by <@{}>. Still needs {}.", voter.user, approval::spoken(&after)),
            );
        }
        Attempt::Change(Box::new(change), say(Level::Success, format!("Your approval of {} counts.", op.id)))
    }

    fn veto(&self, ask: &Inquiry, run: &Run, by: &Principal, reason: Option<&str>, seen: Option<&Seen>) -> Attempt {
        let op = &run.op;
        let now = self.clock.now();
        if let Some(reply) = not_open(op, now, by) {
            return Attempt::Refuse(reply);
        }
        // A no to an older plan is still a no, so only the card's place is checked.
        let elsewhere = seen.map(|s| Seen { block_id: None, message_ts: s.message_ts.clone(), mirrored: s.mirrored });
        if let Some(why) = elsewhere.filter(|_| op.revision == 1).and_then(|s| s.stale(op, &ask.request.channel)) {
            return Attempt::Refuse(say(Level::Warning, why));
        }
        let mut change = Change::on(run, now);
        change.audit(
            &by.user,
            "vote",
            json!({"vote": "reject", "digest": op.digest, "revision": op.revision, "reason": reason}),
        );
        if change.trigger(Trigger::Reject, &by.user).is_err() {
            return Attempt::Refuse(say(Level::Warning, format!("{} {}; nothing was done.", op.id, op.state.spoken())));
        }
        let because = reason.map_or_else(String::new, |r| format!(": {}", escape(r)));
        let outcome = format!(
            "Rejected by <@{}>{because}. Nothing was started. To ask again: `/bbws {}`",
            by.user,
            escape(&op.command)
        );
        change.op().outcome = Some(outcome.clone());
        let told = words::calling(&change.run, State::Rejected, &outcome);
        change.thread("rejected", Level::Warning, told);
        Attempt::Change(Box::new(change), say(Level::Success, format!("{} is rejected.", op.id)))
    }
}

/// The refusal when no vote is open.
fn not_open(op: &Operation, now: crate::domain::moment::Moment, by: &Principal) -> Option<Reply> {
    if op.state != State::AwaitingApproval {
        return Some(too_late(op, by));
    }
    let late = op.deadline.is_some_and(|d| d <= now);
    late.then(|| {
        say(
            Level::Warning,
            format!(
                "The time to approve {} ran out at {}. Ask again: `/bbws {}`",
                op.id,
                words::clock_time(op.deadline, now),
                escape(&op.command)
            ),
        )
    })
}

/// The answer to a vote or veto after others decided. What goes on can still be stopped, by a button.
fn too_late(op: &Operation, by: &Principal) -> Reply {
    let others: Vec<String> = op
        .votes
        .iter()
        .filter(|v| v.digest == op.digest && v.by.person != by.person)
        .map(|v| format!("<@{}>", v.by.user))
        .collect();
    let mine = op.votes.iter().any(|v| v.digest == op.digest && v.by.person == by.person);
    let decided = match (op.state, mine, others.is_empty()) {
        (State::Rejected, ..) => "Too late: it was rejected.".to_owned(),
        (State::Expired, ..) => "Too late: nobody decided in time.".to_owned(),
        (_, true, true) => "You approved it yourself.".to_owned(),
        (_, true, false) => format!("You approved it already, and so did {}.", others.join(" and ")),
        (_, false, true) => "Too late: it needed nobody's approval.".to_owned(),
        (_, false, false) => format!("Too late: approved by {}.", others.join(" and ")),
    };
    let stops = matches!(op.state, State::Queued | State::Running | State::Paused | State::Waiting);
    let question = if stops { " Stop it?" } else { "" };
    let text = format!(
        "{decided}{question} {} {}, so there is nothing to decide any more. `/bbws op show {}` shows it.",
        op.id,
        op.state.spoken(),
        op.id
    );
    let offer = Offer {
        label: "Stop".to_owned(),
        command: format!("op stop {}", op.id),
        confirm: Some(format!(
            "No new step of {} begins; what already runs in AWS is watched to its end. Going on again takes two people.",
            op.id
        )),
    };
    let offers = if stops { vec![offer] } else { Vec::new() };
    Reply { level: Level::Warning, text, attachment: Attachment { offers, ..Attachment::default() } }
}

fn roles(voter: &Principal) -> String {
    let names: Vec<&str> = voter.roles.iter().map(String::as_str).filter(|r| *r != ANY_ROLE).collect();
    if names.is_empty() { "no role".to_owned() } else { format!("the role {}", names.join(", ")) }
}

/// The form that asks whoever pressed Approve on this card for the name.
fn confirm_form(op: &Operation, channel: &str, seen: &Seen) -> ConfirmForm {
    ConfirmForm {
        operation: op.id.0.clone(),
        does: format!("*{}*: what is live now is replaced.", escape(&operations::title(op))),
        names: operations::of(op.kind()).confirmed_by(&op.plan).unwrap_or_default(),
        channel: channel.to_owned(),
        block_id: seen.block_id.clone(),
        message_ts: seen.message_ts.clone(),
    }
}

/// What whoever approves this has yet to type, and where.
fn unconfirmed(op: &Operation, typed: Option<&str>) -> Option<String> {
    let names = operations::of(op.kind()).confirmed_by(&op.plan)?;
    let typed = typed.map(str::trim).filter(|typed| !typed.is_empty());
    if typed.is_some_and(|typed| names.iter().any(|name| name.eq_ignore_ascii_case(typed))) {
        return None;
    }
    let name = names.first().map(String::as_str).unwrap_or_default();
    let wrong = typed.map(|typed| format!("`{}` is not what {} is about. ", escape(typed), op.id)).unwrap_or_default();
    Some(format!(
        "{wrong}{} replaces what is live, so type what it replaces before you approve: {} into the form that Approve opens; or `/bbws op approve {} --confirm {}`. Nothing was done.",
        op.id,
        names.iter().map(|name| format!("`{}`", escape(name))).collect::<Vec<_>>().join(" or "),
        op.id,
        escape(name)
    ))
}
