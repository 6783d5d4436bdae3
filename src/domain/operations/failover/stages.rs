//! When a failover reached what: for the account of a recovery against its targets.

use crate::domain::{
    operation::{Run, State},
    recovery::{Recovery, stages::Stages},
    step::{Action, StepSpec},
};

/// What the run came to. How much it lost was measured when it was judged, component by component, and stands on its card: it is
/// not one moment.
pub(super) fn recovery(run: &Run) -> Recovery {
    let mut reached = Stages::of(run);
    // Once traffic has left, the old side is stopped once more, which is no stage.
    let fence = |spec: &StepSpec| matches!(spec.action, Action::FenceService(_)) && spec.after.is_empty();
    reached.add("fenced", reached.last(fence));
    reached.add("databases ready", reached.last(takes_writes));
    let agreed = |spec: &StepSpec| matches!(&spec.action, Action::WaitForPeople(what) if what.rule.is_some());
    reached.add("agreed to", reached.last(agreed));
    reached.add("traffic moved", reached.last(|spec| matches!(spec.action, Action::SettleTraffic(_))));
    reached.add("proved", reached.last(|spec| matches!(spec.action, Action::WatchHealth(_))));
    Recovery {
        of: format!("{} in {}", run.op.environment(), run.op.plan.dr_region.as_deref().unwrap_or("its DR region")),
        asked: run.op.created,
        stages: reached.all(),
        data_of: None,
        whole: run.op.state == State::Succeeded,
    }
}

fn takes_writes(spec: &StepSpec) -> bool {
    matches!(spec.action, Action::PromoteReplica(_) | Action::RestoreTest(_))
}
