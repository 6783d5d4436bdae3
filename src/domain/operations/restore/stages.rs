//! When a restore reached what: for the account of a recovery against its targets.

use super::path;
use crate::domain::{
    moment::Moment,
    operation::{Run, State},
    recovery::{Recovery, stages},
    step::{Action, StepSpec},
};

/// What the run came to; none where nothing was made that anybody could use.
pub(super) fn recovery(run: &Run) -> Option<Recovery> {
    let plan = &run.op.plan;
    if !path::cuts_over(plan) && path::made(plan).is_none() {
        return None;
    }
    let mut reached = stages::Stages::of(run);
    let agrees = |spec: &StepSpec| matches!(&spec.action, Action::WaitForPeople(what) if what.rule.is_some());
    let (first, agreed) = (reached.first(agrees), reached.last(agrees));
    reached.add("restored", reached.last(restores));
    reached.add("validated", reached.by(first, validates));
    let look = |spec: &StepSpec| matches!(&spec.action, Action::WaitForPeople(what) if what.rule.is_none());
    reached.add("looked at", agreed.and(reached.by(first, look)));
    reached.add("agreed to", agreed);
    reached.add("live", reached.last(goes_live));
    reached.add("proved", agreed.and(reached.last(proves)));
    Some(Recovery {
        of: path::of(plan).unwrap_or_default(),
        asked: run.op.created,
        stages: reached.all(),
        data_of: data_of(run),
        whole: run.op.state == State::Succeeded,
    })
}

fn restores(spec: &StepSpec) -> bool {
    matches!(
        spec.action,
        Action::RestoreTest(_)
            | Action::RestoreMoment(_)
            | Action::RestoreLike(_)
            | Action::LoadDump(_)
            | Action::StageTenant(_)
            | Action::RestoreFiles(_)
            | Action::RestoreFolder(_)
    )
}

fn validates(spec: &StepSpec) -> bool {
    matches!(
        spec.action,
        Action::VerifyDatabase(_)
            | Action::VerifyCheck(_)
            | Action::VerifyFiles(_)
            | Action::VerifyFolder(_)
            | Action::CompareTenant(_)
            | Action::CompareExport(_)
            | Action::ListVersions(_)
    )
}

fn goes_live(spec: &StepSpec) -> bool {
    matches!(
        spec.action,
        Action::Rename(_)
            | Action::PointSecret(_)
            | Action::SwapFolder(_)
            | Action::SwapTenant(_)
            | Action::MergeTenant(_)
            | Action::RestoreSecrets(_)
            | Action::RestoreParameters(_)
            | Action::RestoreVersions(_)
    )
}

/// What is looked at once something is live; a swapped folder was compared before, and its swap is what is told of it.
fn proves(spec: &StepSpec) -> bool {
    matches!(
        spec.action,
        Action::VerifyDatabase(_)
            | Action::VerifyTenant(_)
            | Action::SumOthers(_)
            | Action::CompareExport(_)
            | Action::VerifyVersions(_)
            | Action::WatchHealth(_)
            | Action::SwapFolder(_)
    )
}

/// Up to when the data goes; where several things were restored, up to when all of it does.
fn data_of(run: &Run) -> Option<Moment> {
    let unsaid = Moment(0);
    let steps = run.op.plan.steps.iter().zip(&run.steps).filter(|(spec, _)| !spec.back);
    let known = steps.filter_map(|(spec, step)| match &spec.action {
        Action::VerifyDatabase(what) => Some(path::measured(step).unwrap_or(what.data_of)),
        Action::VerifyFiles(what) => Some(what.data_of),
        Action::VerifyFolder(what) => Some(what.data_of),
        Action::ListVersions(what) => Some(what.versions.as_of),
        _ => None,
    });
    known.filter(|data_of| *data_of > unsaid).min()
}
