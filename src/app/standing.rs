//! An environment as it stands: what the config declares, with the instances that the ledger says are live.

use std::sync::Arc;

use crate::{
    domain::{environment::Environment, live, mark::MarkKind, operation::OpId},
    ports::store::{Store, StoreError},
};

/// The environment as it stands; for an operation that changed it itself, as it stood before.
///
/// # Errors
/// The ledger's.
pub async fn standing(
    store: &dyn Store,
    declared: &Arc<Environment>,
    own: Option<&OpId>,
) -> Result<Arc<Environment>, StoreError> {
    let marks = store.marks(&declared.name, Some(MarkKind::Live)).await?;
    let stands = live::standing(declared, &marks, own.map(|id| id.0.as_str()));
    Ok(stands.map_or_else(|| Arc::clone(declared), Arc::new))
}
