//! Stranded writes: rows that only the side has that was left. What is known of them is when that side could still be written to, by the
//! record of the run that left it.

use super::{
    environment::Environment,
    moment::Moment,
    operation::Run,
    step::{Action, ISSUE, StepState},
};

/// What the run that left the primary region says of writes that are only there, a sentence.
pub fn told(env: &Environment, run: &Run) -> String {
    let (old, new, id) = (&env.primary_region, &env.dr_region, &run.op.id);
    let begun = |promotes: bool| {
        let steps = run.op.plan.steps.iter().zip(&run.steps);
        let meant = steps.filter(|(spec, _)| match &spec.action {
            Action::PromoteReplica(_) | Action::RestoreTest(_) => promotes,
            // Once traffic has left they are stopped once more, which tells nothing of the time before.
            Action::FenceService(_) => !promotes && spec.after.is_empty(),
            _ => false,
        });
        meant.map(|(_, step)| step).collect::<Vec<_>>()
    };
    let taken_over: Option<Moment> = begun(true).iter().filter_map(|step| step.started).min();
    let since = taken_over.map_or_else(|| "the failover".to_owned(), |at| at.day_and_clock());
    let fences = begun(false);
    let fenced = |step: &&crate::domain::step::Step| step.state == StepState::Done && !step.outputs.contains_key(ISSUE);
    let shut = fences.iter().filter(|step| fenced(step)).filter_map(|step| step.ended).max();
    match shut.filter(|_| fences.iter().all(fenced)) {
        Some(shut) => format!(
            "{id} kept {old} from writing from {} on, and {new} took over at {since}: only {old} has what it took before that and had not replicated.",
            shut.day_and_clock()
        ),
        None => format!(
            "{id} did not keep {old} from writing: only {old} has what it took since {since}, when {new} took over, and what it had not replicated by then."
        ),
    }
}
