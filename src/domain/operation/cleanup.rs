//! `backup.cleanup`: deleting what a test restore left behind. The plan of the test says that this comes by itself.

use super::draft::{Draft, Head};
use crate::domain::{
    environment::Environment,
    mark::{Mark, MarkKind},
    plan::Plan,
    step::Action,
};

/// Kind.
pub const KIND: &str = "backup.cleanup";
/// Prefix of its ids.
pub const PREFIX: &str = "cl";

/// The plan for one leftover.
///
/// # Errors
/// When the mark is not one of a test restore.
pub fn plan(env: &Environment, leftover: &Mark) -> Result<Plan, Vec<String>> {
    let instance = &leftover.subject;
    let mut draft = Draft::default();
    if leftover.kind != MarkKind::Leftover || !instance.ends_with(&format!("-restored-{}", leftover.operation)) {
        draft.problem(format!("`{instance}` was not made by a test restore."));
    }
    draft.fact(format!("Instance {instance}"), format!("made for a test by {} at {}", leftover.operation, leftover.at));
    let deleted = draft.step(
        format!("Delete {instance}"),
        vec![],
        Action::DeleteInstance {
            region: leftover.note.clone(),
            instance: instance.clone(),
            operation: leftover.operation.clone(),
        },
    );
    draft.step(
        format!("Write down that nothing is left of {instance}"),
        vec![deleted],
        Action::Unmark { mark: MarkKind::Leftover, subject: instance.clone() },
    );
    draft.finish(Head { kind: KIND, environment: env, scope: instance.clone(), tenant: None, retention_days: None })
}
