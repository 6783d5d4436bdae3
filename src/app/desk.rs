//! Where requests arrive: stored first, then dealt with, then answered, each exactly once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::json;
use tokio::task::JoinHandle;

use super::{
    addresses::Addresses,
    authority::{Authority, Denied, Freshness},
    change::{Change, SELF},
    home::Homes,
    inbound::{Envelope, Inbound, Inbox, Refusal, Seen, Unavailable, Via, says_command},
    lateness::Lateness,
    leave_out::{self, Left},
    planner::Planner,
    restore_form::Triggers,
    timeline::Message,
    wake::Wake,
};
use crate::{
    domain::{
        command::{Command, Control, Does, OPERATION, Wrong},
        controls::{CHOICE, CONFIRM, DONE, DUTY, FORM, INJECT, ITEM, NUMBER, TICK, TO, WHEN},
        drill::Form,
        language,
        mirror::mirrored,
        operation::OpId,
        policy::Limits,
        principal::Principal,
        text::{escape, one_line},
    },
    ports::{
        chat::{Attachment, Chat, Level, Offer, Reply},
        clock::Clock,
        store::{Accepted, AuditEntry, Commit, MarkKind, MarkWrite, Notice, Request, Store, StoreError},
    },
};

/// How long a person waits for the answer itself before being told that it follows: Slack gives up after three seconds, and a
/// person is promised less than one.
pub const PATIENCE: Duration = Duration::from_millis(750);
/// A request found unanswered after a crash is dealt with only if it is younger than this: nobody expects an hour-old
/// command to start something.
const STALE: Duration = Duration::from_secs(600);

/// The use cases behind Slack commands and buttons.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

/// What the use cases share.
pub struct Inner {
    /// Ledger.
    pub store: Arc<dyn Store>,
    /// Who is who.
    pub authority: Arc<Authority>,
    /// Makes plans.
    pub planner: Arc<Planner>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Nudges.
    pub wake: Arc<Wake>,
    /// Approval time limits.
    pub limits: Limits,
    /// What a ticket looks like.
    pub ticket_pattern: regex_lite::Regex,
    /// Where what concerns everybody is told, and where cards go that nobody would see where they were asked for.
    pub ops_channel: String,
    /// Slack, for the forms it shows.
    pub chat: Arc<dyn Chat>,
    /// What forms can be opened with.
    pub triggers: Triggers,
    /// Who looks at App Home.
    pub homes: Homes,
    /// Where people can be answered when nothing can be posted.
    pub addresses: Arc<Addresses>,
    /// How long a person waits for the answer itself, and for Slack to say who asks. See [`PATIENCE`].
    pub patience: Duration,
    /// Requests being dealt with in this process.
    pub busy: Mutex<HashSet<String>>,
}

/// A request that is being dealt with.
#[derive(Clone)]
pub struct Inquiry {
    /// The stored request.
    pub request: Request,
    via: Via,
    /// A command was said, so the answer is wanted whatever it is.
    said: bool,
    /// Whether the person was told that the answer follows.
    late: Arc<Lateness>,
}

impl Inquiry {
    /// Whether the reply has to be whispered, since nobody waits for it any more or nobody ever could.
    fn whispers(&self, reply: &Reply) -> bool {
        match self.via {
            Via::Command => self.late.whispers(),
            // Successes of an operation's buttons show on its card; everything else has to be read.
            Via::Interaction => self.said || reply.level != Level::Success,
            // Whoever edits a message waits for nothing.
            Via::Event => self.said || reply.level != Level::Success,
        }
    }

    /// The notice that carries the reply, if it has to be whispered.
    pub fn whisper(&self, reply: &Reply) -> Option<Notice> {
        self.whispers(reply).then(|| self.whispered(reply))
    }

    fn whispered(&self, reply: &Reply) -> Notice {
        Notice::Whisper {
            channel: self.request.channel.clone(),
            user: self.request.user.clone(),
            level: reply.level,
            text: reply.text.clone(),
            attachment: reply.attachment.clone(),
        }
    }

    /// Makes the change answer this request.
    pub fn seal(&self, change: &mut Change, reply: &Reply) {
        change.answer(&self.request.id, reply.text.clone());
        if self.whispers(reply) {
            change.whisper(&self.request.channel, &self.request.user, reply);
        }
    }
}

/// Makes a reply.
pub fn say(level: Level, text: impl Into<String>) -> Reply {
    Reply { level, text: text.into(), attachment: Attachment::default() }
}

impl std::ops::Deref for Desk {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Desk {
    /// A desk over these.
    pub fn new(inner: Inner) -> Desk {
        Desk { inner: Arc::new(inner) }
    }

    /// Names of the environments, for the grammar.
    pub fn environments(&self) -> Vec<&str> {
        self.planner.environments().map(|e| e.name.as_str()).collect()
    }

    /// Deals with requests that a crash or a failure left unanswered.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for request in self.store.unanswered(now, 100).await? {
            if self.busy.lock().unwrap_or_else(PoisonError::into_inner).contains(&request.id) {
                continue;
            }
            let Ok(envelope) = Envelope::stored(&request) else {
                self.close(&request, "unreadable").await?;
                continue;
            };
            let stale = now.since(request.at) > STALE;
            let said = envelope.what.wants_answer();
            let ask = Inquiry { request, via: envelope.via, said, late: Arc::new(Lateness::from_the_start()) };
            if stale {
                let text = "Your last request reached bbws while it was restarting and was *not* carried out, since it is too old now. Ask again if it is still wanted.";
                self.refuse_ask(&ask, say(Level::Warning, text)).await?;
            } else {
                self.deal(&ask, envelope.what).await?;
            }
        }
        Ok(())
    }

    async fn close(&self, request: &Request, why: &str) -> Result<(), StoreError> {
        tracing::error!(request = %request.id, why, "a stored request cannot be dealt with");
        self.store.commit(Commit { answers: Some((request.id.clone(), why.to_owned())), ..Commit::default() }).await
    }

    /// Stores the request and its answer at once: for what changes nothing.
    pub(super) async fn answer_now(
        &self,
        request: Request,
        via: Via,
        reply: Reply,
        refused: bool,
    ) -> Result<Option<Reply>, StoreError> {
        let mut audit = vec![asked(&request)];
        if refused {
            audit.push(entry(&request, "refusal", json!({"said": reply.text})));
        }
        // Whatever is answered here was said, or is a refusal, which is whispered in any case where the reply to the request shows nothing.
        let ask =
            (via != Via::Command).then(|| Inquiry { request: request.clone(), via, said: true, late: Arc::default() });
        if self.store.accept(request, Some(reply.text.clone()), audit).await? == Accepted::Replay {
            return Ok(None);
        }
        if let Some(notice) = ask.and_then(|ask| ask.whisper(&reply)) {
            self.store.commit(Commit { notices: vec![notice], ..Commit::default() }).await?;
            self.wake.announcer.notify_one();
        }
        Ok(Some(reply))
    }

    async fn take_request(&self, request: Request, via: Via, what: Inbound) -> Result<Option<Reply>, StoreError> {
        if what == Inbound::OpenedHome {
            self.homes.opened(&request.user, self.clock.now());
            return Ok(Some(say(Level::Success, "Home is drawn.")));
        }
        if let Inbound::Mentioned { text } = &what {
            let reply = match self.gate_in_time(&request).await {
                Ok(()) => aside(text, &self.environments()),
                Err(reply) => reply,
            };
            return self.answer_now(request, via, reply, false).await;
        }
        if !self.concerns(&request.channel, &what).await? {
            return Ok(Some(say(Level::Success, "Nothing to keep.")));
        }
        let Some(text) = what.said() else { return self.accept_and_deal(request, via, what).await };
        let environments = self.environments();
        let command = language::parse(text, &environments);
        if let Err(wrong) = &command {
            if let Some(open) = language::open_restore(text, &environments)
                && let Some(trigger) = self.triggers.take(&request.id)
            {
                return self.open_restore(request, via, open, trigger).await;
            }
            if let Some(open) = language::open_command(text, &environments)
                && let Some(trigger) = self.triggers.take(&request.id)
            {
                return self.open_command(request, via, open, trigger, wrong_reply(wrong)).await;
            }
        }
        // What has to be asked of AWS may take longer than Slack waits.
        if command.as_ref().is_ok_and(|c| c.changes_things() || c.asks_aws()) {
            return self.accept_and_deal(request, via, what).await;
        }
        self.triggers.take(&request.id);
        // What changes nothing is worked out first and stored together with its answer.
        match (self.gate_in_time(&request).await, command) {
            (Err(reply), _) => self.answer_now(request, via, reply, true).await,
            (Ok(()), Err(wrong)) => self.answer_now(request, via, wrong_reply(&wrong), true).await,
            (Ok(()), Ok(command)) => {
                let reply = self.read(&command, &request.user).await?;
                self.answer_now(request, via, reply, false).await
            }
        }
    }

    /// [`Desk::gate`] for what somebody waits for.
    pub(super) async fn gate_in_time(&self, request: &Request) -> Result<(), Reply> {
        match tokio::time::timeout(self.patience, self.gate(request, false)).await {
            Ok(gate) => gate,
            Err(_) => Err(say(Level::Error, "Slack is slow to say who you are. Ask again in a moment.")),
        }
    }

    /// Whether this person, in this channel, is answered with more than a sentence. To stop things it is enough to be named
    /// in a role, when Slack cannot be asked.
    async fn gate(&self, request: &Request, stops: bool) -> Result<(), Reply> {
        let listed = || stops && !self.authority.listed(&request.user).is_empty();
        match self.external(&request.channel).await {
            Ok(true) => {
                let text =
                    "Sorry, bbws does not work in channels that are shared with other organisations. Nothing was done.";
                return Err(say(Level::Error, text));
            }
            Err(denied) if !listed() => return Err(say(Level::Error, denied.sentence())),
            Ok(false) | Err(_) => {}
        }
        match self.authority.principal(&request.user, Freshness::Recent).await {
            Err(Denied::Unknown(_)) if listed() => Ok(()),
            Err(denied) => Err(say(Level::Error, denied.sentence())),
            Ok(_) => Ok(()),
        }
    }

    async fn external(&self, channel: &str) -> Result<bool, Denied> {
        // Nobody else reads App Home or a conversation with the app.
        if channel.is_empty() || channel.starts_with('D') { Ok(false) } else { self.authority.external(channel).await }
    }

    /// Stores the request, then deals with it in a task of its own, so that a slow AWS never loses what was accepted.
    async fn accept_and_deal(&self, request: Request, via: Via, what: Inbound) -> Result<Option<Reply>, StoreError> {
        let begun = Instant::now();
        if self.store.accept(request.clone(), None, vec![asked(&request)]).await? == Accepted::Replay {
            return Ok(None);
        }
        let ask = Inquiry { request, via, said: what.wants_answer(), late: Arc::default() };
        let asked = ask.clone();
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(ask.request.id.clone());
        let desk = self.clone();
        let mut work = tokio::spawn(async move {
            let result = desk.deal(&ask, what).await;
            desk.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&ask.request.id);
            result
        });
        // Whoever stored it slowly has the less time left.
        let patience = self.patience.saturating_sub(begun.elapsed());
        match tokio::time::timeout(patience, &mut work).await {
            Ok(Ok(Ok(reply))) => Ok(Some(reply)),
            Ok(Ok(Err(error))) => Ok(Some(stored_but(&error))),
            Ok(Err(panicked)) => Ok(Some(stored_but(&panicked))),
            Err(_) => {
                if !asked.late.follows() {
                    let desk = self.clone();
                    tokio::spawn(async move { desk.whisper_after(asked, work).await });
                }
                let text = "Accepted and stored. Working it out takes a moment; the answer follows here.";
                Ok(Some(say(Level::Info, text)))
            }
        }
    }

    /// Whispers an answer that was being written as the reply while its time ran out.
    async fn whisper_after(&self, ask: Inquiry, work: JoinHandle<Result<Reply, StoreError>>) {
        let reply = match work.await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => stored_but(&error),
            Err(panicked) => stored_but(&panicked),
        };
        let notices = vec![ask.whispered(&reply)];
        match self.store.commit(Commit { notices, ..Commit::default() }).await {
            Ok(()) => self.wake.announcer.notify_one(),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, request = %ask.request.id, "an answer was not told");
            }
        }
    }

    /// Deals with a stored request and answers it in the ledger.
    async fn deal(&self, ask: &Inquiry, what: Inbound) -> Result<Reply, StoreError> {
        let dealt = match what {
            // Whoever edits or deletes asks for nothing, and is told nothing.
            Inbound::Amended { ts, text } => self.amend(ask, &ts, text.as_deref()).await,
            what => match self.gate(&ask.request, stops(&what)).await {
                Ok(()) => self.act(ask, what).await,
                Err(reply) => self.refuse_ask(ask, reply).await,
            },
        };
        // Whoever wanted to open a form has.
        self.triggers.take(&ask.request.id);
        self.wake.all();
        match dealt {
            // Another process, or the sweep, answered this very request first.
            Err(StoreError::Conflict) => Ok(say(Level::Info, "This was dealt with already.")),
            other => other,
        }
    }

    async fn act(&self, ask: &Inquiry, what: Inbound) -> Result<Reply, StoreError> {
        match what {
            Inbound::Command { text } => self.obey(ask, &text).await,
            Inbound::Mentioned { text } => self.refuse_ask(ask, aside(&text, &self.environments())).await,
            Inbound::Noted { ts, by, text } => self.put_on_timeline(ask, Message { ts, by, text }).await,
            Inbound::Reacted { ts, .. } => self.put_reacted(ask, &ts).await,
            Inbound::Amended { ts, text } => self.amend(ask, &ts, text.as_deref()).await,
            // Whoever looks has asked for nothing: that is not stored.
            Inbound::OpenedHome => {
                self.close(&ask.request, "nothing was asked").await.map(|()| say(Level::Success, ""))
            }
            Inbound::Click { action, value, .. } if says_command(&action) => self.obey(ask, &value).await,
            Inbound::Click { action, value, block_id, message_ts, reason } => {
                let id = OpId(one_line(&value));
                let seen = self.seen(&id, &ask.request.channel, block_id, message_ts).await?;
                match action.as_str() {
                    "bbws.approve" => self.approve(ask, &id, Some(&seen), reason.as_deref()).await,
                    "bbws.reject" => self.reject(ask, &id, reason, Some(&seen)).await,
                    "bbws.cancel" => self.cancel(ask, &id, None).await,
                    "bbws.stop" => self.stop_one(ask, &id).await,
                    "bbws.resume" => self.resume_one(ask, &id).await,
                    "bbws.retry" => self.retry(ask, &id).await,
                    "bbws.continue" => self.carry_on(ask, &id, &seen).await,
                    "bbws.hold" => self.hold_step(ask, &id, &seen).await,
                    "bbws.roll_back" => self.roll_back(ask, &id, reason, Some(&seen)).await,
                    "bbws.try_now" => self.try_now(ask, &id).await,
                    other => {
                        if let Some(step) = leave_out::pressed(other) {
                            return self.leave_out(ask, &id, Left::Pressed(step, &seen)).await;
                        }
                        let text =
                            format!("The button `{}` is not one this version knows. Nothing was done.", escape(other));
                        self.refuse_ask(ask, say(Level::Error, text)).await
                    }
                }
            }
        }
    }

    /// What a click tells of the card it was made on. In the room of an incident cards of other operations stand as well, with all
    /// their buttons.
    async fn seen(
        &self,
        id: &OpId,
        channel: &str,
        block_id: Option<String>,
        message_ts: Option<String>,
    ) -> Result<Seen, StoreError> {
        let seen = Seen { block_id, message_ts, mirrored: false };
        let Some(ts) = &seen.message_ts else { return Ok(seen) };
        let Some(run) = self.store.load(id).await? else { return Ok(seen) };
        if run.op.card.as_ref().is_none_or(|card| card.channel == channel && card.ts == *ts) {
            return Ok(seen);
        }
        let marks = self.store.marks(run.op.environment(), Some(MarkKind::Mirror)).await?;
        let mirrored = mirrored(&marks, &id.0).any(|card| card.channel == channel && card.ts == *ts);
        Ok(Seen { mirrored, ..seen })
    }

    async fn obey(&self, ask: &Inquiry, text: &str) -> Result<Reply, StoreError> {
        match language::parse(text, &self.environments()) {
            Ok(command) => self.carry_out(ask, command).await,
            Err(wrong) => self.refuse_ask(ask, wrong_reply(&wrong)).await,
        }
    }

    async fn carry_out(&self, ask: &Inquiry, command: Command) -> Result<Reply, StoreError> {
        match command.does() {
            Does::Control(control) => self.control(ask, control, &command).await,
            Does::Operation => self.submit(ask, &command).await,
            Does::Explain | Does::Answer | Does::List(_) => {
                let reply = self.read(&command, &ask.request.user).await?;
                self.store
                    .commit(Commit {
                        answers: Some((ask.request.id.clone(), reply.text.clone())),
                        notices: ask.whisper(&reply).into_iter().collect(),
                        ..Commit::default()
                    })
                    .await?;
                Ok(reply)
            }
        }
    }

    async fn control(&self, ask: &Inquiry, control: Control, command: &Command) -> Result<Reply, StoreError> {
        let id = OpId(command.values().get(OPERATION.name).unwrap_or_default().to_owned());
        let reason = command.reason().map(str::to_owned);
        match control {
            Control::Approve => self.approve(ask, &id, None, command.values().get(CONFIRM)).await,
            Control::RollBack => self.roll_back(ask, &id, reason, None).await,
            Control::Skip => self.leave_out(ask, &id, Left::Typed { forced: false }).await,
            Control::Force => self.leave_out(ask, &id, Left::Typed { forced: true }).await,
            Control::Reject => self.reject(ask, &id, reason, None).await,
            Control::Cancel => self.cancel(ask, &id, reason).await,
            Control::Retry => self.retry(ask, &id).await,
            Control::Pause => self.pause(ask, &id).await,
            Control::Halt => self.stop_one(ask, &id).await,
            Control::Resume => self.resume_one(ask, &id).await,
            Control::Stop => self.stop(ask, command.environment(), &reason.unwrap_or_default()).await,
            Control::Duty => self.duty(ask, &id, command.values().read(DUTY), command.values().get(TO)).await,
            Control::Decide => {
                let values = command.values();
                match (values.get(INJECT), values.read(CHOICE)) {
                    (None, Some(choice)) => self.rule(ask, &id, choice, command).await,
                    (_, choice) => self.decide_inject(ask, &id, values.read(INJECT), choice).await,
                }
            }
            Control::Reach => self.can_approve(ask, command.values().read(WHEN)).await,
            Control::Ready => {
                let values = command.values();
                let form = values.get(FORM).and_then(Form::named);
                let environment = command.environment().unwrap_or_default();
                self.ready(ask, environment, form, values.read(TICK)).await
            }
            Control::Item => {
                let values = command.values();
                self.act_on_item(ask, &id, values.read(ITEM), values.get(TO), values.has(DONE)).await
            }
            Control::Update => self.send_update(ask, &id, command.values().read(NUMBER)).await,
            Control::Lift => self.resume(ask, command.environment(), reason).await,
        }
    }

    /// Answers with a refusal: audited, nothing else.
    pub(super) async fn refuse_ask(&self, ask: &Inquiry, reply: Reply) -> Result<Reply, StoreError> {
        let refusal = entry(&ask.request, "refusal", json!({"said": reply.text}));
        self.answer_with(ask, reply, AuditEntry { at: self.clock.now(), ..refusal }, Vec::new()).await
    }

    /// Answers with what was put on the record, and with what is remembered of it, in one transaction: for what is part of no operation.
    pub(super) async fn answer_with(
        &self,
        ask: &Inquiry,
        reply: Reply,
        entry: AuditEntry,
        marks: Vec<MarkWrite>,
    ) -> Result<Reply, StoreError> {
        self.store
            .commit(Commit {
                marks,
                audit: vec![entry],
                notices: ask.whisper(&reply).into_iter().collect(),
                answers: Some((ask.request.id.clone(), reply.text.clone())),
                ..Commit::default()
            })
            .await?;
        self.wake.announcer.notify_one();
        Ok(reply)
    }

    /// The person behind a request, who must hold a role. `Err` is the refusal.
    pub(super) async fn actor(&self, ask: &Inquiry, freshness: Freshness) -> Result<Principal, Reply> {
        let principal = self.authority.principal(&ask.request.user, freshness).await;
        match principal {
            Ok(principal) if principal.roles.is_empty() => Err(say(
                Level::Error,
                "You hold no role in bbws, so you may read (`help`, `status`, `backup list`, `op list`, `op show`) and nothing else. Ask whoever keeps bbws.toml to add you to a role.",
            )),
            Ok(principal) => Ok(principal),
            Err(denied) => Err(say(Level::Error, denied.sentence())),
        }
    }
}

#[async_trait]
impl Inbox for Desk {
    async fn take(&self, envelope: Envelope) -> Result<Option<Reply>, Unavailable> {
        let request = envelope.request();
        // What is pressed in a form or on App Home is pressed in no channel.
        let at_home = (envelope.channel.is_empty() && envelope.via == Via::Interaction).then(|| envelope.user.clone());
        let taken = self.take_request(request, envelope.via, envelope.what).await;
        at_home.into_iter().for_each(|user| self.homes.pressed(&user, self.clock.now()));
        Ok(taken?)
    }

    async fn refuse(&self, refusal: Refusal) -> Result<(), Unavailable> {
        let Refusal { id, via, user, team, channel, at, why } = refusal;
        let body = json!({"team": team});
        let request = Request { id, kind: via.kind().to_owned(), user, team, channel, body, at };
        let reply = say(Level::Error, why);
        self.answer_now(request, via, reply, true).await?;
        Ok(())
    }

    fn reachable(&self, user: &str, channel: &str, address: SecretString) {
        self.addresses.keep(user, channel, address, self.clock.now());
    }

    fn triggered(&self, request: &str, trigger: SecretString) {
        self.triggers.keep(request, trigger);
    }
}

/// What somebody is told who spoke of the bot: nothing was done, and a button for what may have been meant.
fn aside(text: &str, environments: &[&str]) -> Reply {
    let said = "You mentioned me. I act only on messages that *begin* with my name, so nothing was done.";
    let meant =
        Some(text).filter(|text| !text.trim().is_empty()).and_then(|text| language::parse(text, environments).ok());
    let (text, offer) = match meant {
        Some(command) => {
            let (command, asks) = (command.canonical(), command.changes_things());
            let confirm = asks.then(|| format!("This asks for /bbws {command} in your name."));
            let text = format!("{said} If you meant `/bbws {}`, press the button.", escape(&command));
            (text, Offer { label: "Do it".to_owned(), command, confirm })
        }
        None => {
            let offer = Offer { label: "Help".to_owned(), command: "help".to_owned(), confirm: None };
            (said.to_owned(), offer)
        }
    };
    Reply { level: Level::Info, text, attachment: Attachment { offers: vec![offer], ..Attachment::default() } }
}

/// The request is stored and the sweep will deal with it, but not now.
fn stored_but(error: &(dyn std::error::Error + 'static)) -> Reply {
    tracing::error!(error, "a stored request could not be dealt with yet");
    say(
        Level::Warning,
        "Your request is stored, but bbws has trouble with its ledger. It is tried again by itself; the answer follows here. `/bbws op list` shows what runs.",
    )
}

/// Whether this asks to stop something, judged before it is parsed as a whole, so that trouble with Slack never stands in the way.
fn stops(what: &Inbound) -> bool {
    match (what.said(), what) {
        (Some(text), _) => {
            let mut words = text.split_whitespace().skip_while(|word| word.eq_ignore_ascii_case("op"));
            words.next().is_some_and(|word| word.eq_ignore_ascii_case("stop"))
        }
        (None, what) => matches!(what, Inbound::Click { action, .. } if action == "bbws.stop"),
    }
}

fn asked(request: &Request) -> AuditEntry {
    entry(request, "request", json!({"kind": request.kind, "channel": request.channel, "asked": request.body}))
}

fn entry(request: &Request, action: &str, detail: serde_json::Value) -> AuditEntry {
    let actor = if request.user.is_empty() { SELF.to_owned() } else { request.user.clone() };
    AuditEntry { at: request.at, actor, action: action.to_owned(), operation: None, detail }
}

fn wrong_reply(wrong: &Wrong) -> Reply {
    let said = escape(&wrong.said);
    let text = match &wrong.try_instead {
        Some(line) => format!("{said}\nTry: `{}`", escape(line)),
        None => said,
    };
    say(Level::Error, text)
}
