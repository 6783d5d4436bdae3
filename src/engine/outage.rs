//! What an answer says of the region it came from, and what an answer that did not come says.

use super::{BATCH, Claimed, Engine};
use crate::{
    app::change::{Change, SELF},
    domain::{
        operation::{OpId, Run, State},
        step::Down,
        text::escape,
    },
    ports::{
        chat::Level,
        cloud::CloudError,
        store::{Filter, Guard, StoreError},
    },
};

impl Engine {
    /// Takes down whether the region of this step answered. Called after the answer itself was dealt with, in the same change.
    /// `called`: regions for which nobody has to be called any more.
    pub(super) fn heard(change: &mut Change, index: usize, error: Option<&CloudError>, called: &[String]) {
        match error {
            Some(error) if error.unanswered() => silent(change, index, error.region(), called),
            _ => answered(change, index),
        }
    }

    /// Regions that another run of the same person waits for already: one outage calls somebody once. Asked only where an
    /// outage is about to be found.
    pub(super) async fn called(&self, run: &Run) -> Result<Vec<String>, StoreError> {
        let near = run.steps.iter().any(|step| step.silence > 0 || step.down.is_some());
        if !near || !run.outages().is_empty() {
            return Ok(Vec::new());
        }
        let mut called = Vec::new();
        for other in self.others(&run.op.id).await? {
            if other.op.requester.person == run.op.requester.person {
                called.extend(other.outages().into_iter().map(|outage| outage.region));
            }
        }
        Ok(called)
    }

    /// A region that this run waited for has answered: whatever other runs wait for it is due as well.
    pub(super) async fn wake_others(&self, hand: &Claimed) -> Result<(), StoreError> {
        let waits: Vec<String> = hand.run.outages().into_iter().map(|outage| outage.region).collect();
        let back: Vec<&String> = hand.waited.iter().filter(|region| !waits.contains(region)).collect();
        if back.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        for run in self.others(&hand.run.op.id).await? {
            let mut change = Change::on(&run, now);
            let due: Vec<usize> = back.iter().flat_map(|region| run.unanswered(region)).collect();
            if due.is_empty() {
                continue;
            }
            for index in due {
                let step = change.touch(index);
                step.wake_at = step.wake_at.min(now);
            }
            change.op().wake_at = run.op.wake_at.min(now);
            let (_, commit) = change.commit(Guard::Version(run.version));
            match self.store.commit(commit).await {
                // Somebody writes it at this moment, and it is looked at again soon.
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Everything else that is under way.
    async fn others(&self, id: &OpId) -> Result<Vec<Run>, StoreError> {
        let filter = Filter { states: vec![State::Running], limit: BATCH, ..Filter::default() };
        let mut runs = Vec::new();
        for op in self.store.list(&filter).await?.into_iter().filter(|op| op.id != *id) {
            runs.extend(self.store.load(&op.id).await?);
        }
        Ok(runs)
    }
}

/// All steps that wait for a region share the moment since which it is down, so that one outage is one and is told once.
/// Where the error does not say which region it was, it is that of the step, once a look was left unanswered as well.
fn silent(change: &mut Change, index: usize, named: Option<&str>, called: &[String]) {
    let before = change.run.steps[index].down.clone();
    let looked = change.run.steps[index].silence > 1;
    let of_step = || change.run.op.plan.steps[index].action.region().filter(|_| looked);
    let earlier = before.as_ref().map(|down| down.region.as_str());
    let Some(region) = named.or(earlier).or_else(of_step).map(str::to_owned) else { return };
    let others = change.run.unanswered(&region).into_iter();
    let since = others.filter_map(|i| change.run.steps[i].down.as_ref().map(|down| down.since)).min();
    let since = since.unwrap_or(change.now());
    change.touch(index).down = Some(Down { region: region.clone(), since });
    if !change.run.outages().iter().any(|outage| outage.region == region) {
        return;
    }
    // The ledger tells a key once, however many attempts follow.
    let user = &change.run.op.requester.user;
    let quiet = user == SELF || called.contains(&region);
    let whom = if quiet { String::new() } else { format!("<@{user}> ") };
    let text = format!(
        "{whom}{} has not answered since {}. Nothing is called again before it was looked for, and it goes on by itself once there is an answer. *Try now* on the card asks at once.",
        escape(&region),
        since.clock()
    );
    change.thread(format!("outage-{region}-{}", since.0), Level::Warning, text);
}

/// A region that had left the step unanswered answers: what else waits for it is due.
fn answered(change: &mut Change, index: usize) {
    let now = change.now();
    let Some(down) = change.run.steps[index].down.clone() else { return };
    change.touch(index).revive(now);
    for other in change.run.unanswered(&down.region) {
        let step = change.touch(other);
        step.wake_at = step.wake_at.min(now);
    }
}
