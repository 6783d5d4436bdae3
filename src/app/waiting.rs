//! Steps that wait for people: who may say that a run goes on, and who that it waits.
//!
//! A word is written into the record of the step it is about, with the digest of the plan, and audited. Whether enough was said
//! is decided by the executor of such steps from that record, never here.

use serde_json::json;

use super::{
    authority::Freshness,
    change::Change,
    decide::Attempt,
    desk::{Desk, Inquiry, say},
    inbound::Seen,
};
use crate::{
    domain::{
        approval,
        moment::Moment,
        operation::{OpId, Run, Vote},
        operations,
        principal::Principal,
        step::{Consent, Held, WaitForPeople},
        text::escape,
    },
    ports::{
        chat::{Level, Reply},
        store::StoreError,
    },
};

impl Desk {
    /// Continue: one person's word that the step which asks may go on.
    pub(super) async fn carry_on(&self, ask: &Inquiry, id: &OpId, seen: &Seen) -> Result<Reply, StoreError> {
        let voter = match self.actor(ask, Freshness::Now).await {
            Ok(principal) => principal,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let channel = &ask.request.channel;
        self.attempt(ask, id, |run| continued(run, &voter, seen.stale_answer(run, channel), self.clock.now())).await
    }

    /// Hold: the step keeps waiting until somebody presses Continue.
    pub(super) async fn hold_step(&self, ask: &Inquiry, id: &OpId, seen: &Seen) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let channel = &ask.request.channel;
        // Whoever wants it to wait is not asked which question they saw: it waits at the one that is asked.
        self.attempt(ask, id, |run| held(run, &by, seen.stale(&run.op, channel), self.clock.now())).await
    }
}

/// The step that asks, if one does.
#[expect(clippy::result_large_err, reason = "the refusal is the reply, and there is one for each click at the most")]
fn asking(run: &Run) -> Result<(usize, WaitForPeople), Reply> {
    run.asks().map(|(index, what)| (index, what.clone())).ok_or_else(|| {
        let text = format!("{} {} and waits for nobody. Nothing was done.", run.op.id, run.op.state.spoken());
        say(Level::Info, text)
    })
}

fn continued(run: &Run, voter: &Principal, stale: Option<String>, now: Moment) -> Attempt {
    let op = &run.op;
    let (index, what) = match asking(run) {
        Ok(found) => found,
        Err(reply) => return Attempt::Refuse(reply),
    };
    if let Some(why) = stale {
        return Attempt::Refuse(say(Level::Warning, why));
    }
    if let Some(why) = operations::of(op.kind()).not_yet(run, now) {
        return Attempt::Refuse(say(Level::Info, why));
    }
    let answers = &run.steps[index].answers;
    if what.consent != Consent::Look && op.asked_by(&voter.person) {
        let text = format!("You asked for {}, so somebody else has to say that it goes on.", op.id);
        return Attempt::Refuse(say(Level::Error, text));
    }
    let before = approval::awaited(op, &what, answers);
    let said = answers.votes.iter().any(|v| v.by.person == voter.person && v.digest == op.digest);
    if said && answers.held.is_none() {
        return Attempt::Refuse(say(
            Level::Info,
            format!("You said so already; one person counts once for {}.", op.id),
        ));
    }
    let mut told = answers.clone();
    told.held = None;
    if !said {
        told.votes.push(Vote { by: voter.clone(), digest: op.digest.clone(), at: now });
    }
    let after = approval::awaited(op, &what, &told);
    let count = |needs: &[crate::domain::policy::Need]| needs.iter().map(|n| n.count).sum::<u32>();
    if !said && !before.is_empty() && count(&after) >= count(&before) {
        let text = format!("{} waits for {}. Your word would not count.", op.id, approval::spoken(&before));
        return Attempt::Refuse(say(Level::Error, text));
    }
    let mut change = Change::on(run, now);
    let freed = answers.held.is_some();
    let step = change.touch(index);
    (step.answers, step.wake_at) = (told, now);
    change.op().wake_at = now;
    change.audit(
        &voter.user,
        "continue",
        json!({"step": index, "rule": what.rule, "digest": op.digest, "roles": voter.roles, "person": voter.person, "freed": freed}),
    );
    let title = escape(&op.plan.steps[index].title);
    let (text, answer) = if after.is_empty() {
        (format!("*{title}*: <@{}> says that it goes on.", voter.user), format!("{} goes on.", op.id))
    } else {
        let still = approval::spoken(&after);
        (
            format!("*{title}*: <@{}> says that it goes on. Still needs {still}.", voter.user),
            format!("Your word counts. {} still needs {still}.", op.id),
        )
    };
    change.thread(format!("step-{index}-continue-{}", now.0), Level::Info, text);
    Attempt::Change(Box::new(change), say(Level::Success, answer))
}

fn held(run: &Run, by: &Principal, stale: Option<String>, now: Moment) -> Attempt {
    let (index, what) = match asking(run) {
        Ok(found) => found,
        Err(reply) => return Attempt::Refuse(reply),
    };
    if let Some(why) = stale {
        return Attempt::Refuse(say(Level::Warning, why));
    }
    if let Some(held) = &run.steps[index].answers.held {
        let text = format!("{} holds {} already. Continue lets it go on.", held.who(), run.op.id);
        return Attempt::Refuse(say(Level::Info, text));
    }
    let mut change = Change::on(run, now);
    let step = change.touch(index);
    step.answers.held = Some(Held { by: by.user.clone(), at: now });
    (step.detail, step.wake_at) = (Some(format!("held by <@{}>", by.user)), now);
    change.op().wake_at = now;
    change.audit(&by.user, "hold", json!({"step": index, "rule": what.rule, "digest": run.op.digest}));
    let title = escape(&run.op.plan.steps[index].title);
    let text = format!("*{title}*: <@{}> holds it. It waits until somebody presses Continue.", by.user);
    change.thread(format!("step-{index}-held-{}", now.0), Level::Warning, text);
    Attempt::Change(Box::new(change), say(Level::Success, format!("{} is held. Continue lets it go on.", run.op.id)))
}
