//! Which marks of what starts by itself are in force: those that a schedule left which came to its good end.

use std::collections::{HashMap, HashSet};

use crate::{
    domain::{
        mark::{Mark, MarkKind},
        operation::{OpId, State},
    },
    ports::store::{Store, StoreError},
};

/// These marks without what a schedule left of routines that is under way still, has failed or was cancelled: nothing is approved by
/// it, so nothing starts by it. `succeeded` are schedules that are known to have succeeded, and is brought up to date.
/// A mark of which the ledger has no schedule stays: of that people are told when it is due.
///
/// # Errors
/// The ledger's.
pub async fn in_force(
    store: &dyn Store,
    mut marks: Vec<Mark>,
    succeeded: &mut HashSet<String>,
) -> Result<Vec<Mark>, StoreError> {
    let mut known: HashMap<String, bool> = HashMap::new();
    for mark in marks.iter().filter(|mark| mark.kind == MarkKind::Routine) {
        let id = &mark.operation;
        if known.contains_key(id) {
            continue;
        }
        let counts = succeeded.contains(id) || {
            let schedule = store.load(&OpId(id.clone())).await?;
            schedule.is_none_or(|run| run.op.state == State::Succeeded)
        };
        known.insert(id.clone(), counts);
    }
    marks.retain(|mark| mark.kind != MarkKind::Routine || known.get(&mark.operation).is_some_and(|counts| *counts));
    *succeeded = known.into_iter().filter_map(|(id, counts)| counts.then_some(id)).collect();
    Ok(marks)
}

/// The marks of an environment, with those of routines only that are in force.
///
/// # Errors
/// The ledger's.
pub async fn marks(store: &dyn Store, environment: &str, kind: Option<MarkKind>) -> Result<Vec<Mark>, StoreError> {
    let marks = store.marks(environment, kind).await?;
    in_force(store, marks, &mut HashSet::new()).await
}
