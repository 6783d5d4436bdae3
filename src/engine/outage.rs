//! What an answer says of the region it came from, and what an answer that did not come says.

use super::Engine;
use crate::{
    app::change::{Change, SELF},
    domain::{step::Down, text::escape},
    ports::{chat::Level, cloud::CloudError},
};

impl Engine {
    /// Takes down whether the region of this step answered. Called after the answer itself was dealt with, in the same change.
    pub(super) fn heard(change: &mut Change, index: usize, error: Option<&CloudError>) {
        match error {
            Some(error) if error.unanswered() => silent(change, index, error.region()),
            _ => answered(change, index),
        }
    }
}

/// All steps that wait for a region share the moment since which it is down, so that one outage is one and is told once.
/// Where the error does not say which region it was, it is that of the step, once a look was left unanswered as well.
fn silent(change: &mut Change, index: usize, named: Option<&str>) {
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
    let whom = if user == SELF { String::new() } else { format!("<@{user}> ") };
    let text = format!(
        "{whom}{} does not answer since {}. Nothing is called again before it was looked for, and it goes on by itself once there is an answer. *Try now* on the card asks at once.",
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
