//! Which instance is live in the place of each database that the config declares.
//!
//! A cutover by secret renames nothing: the application is sent to another instance, and the config goes on naming the one before.
//! The ledger remembers which one is live, and an environment as it stands has that one's name wherever the config has the
//! declared one. Whoever plans for, reads or changes an environment takes it as it stands.

use super::{
    environment::Environment,
    mark::{Mark, MarkKind},
};

/// What stands between the two instances in the note of a mark.
const INSTEAD: &str = " instead of ";

/// The note of a [`MarkKind::Live`], whose subject is the database's id in the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live<'n> {
    /// The instance that is live.
    pub instance: &'n str,
    /// The one that was live before it.
    pub before: &'n str,
}

impl<'n> Live<'n> {
    /// What a note says.
    pub fn read(note: &'n str) -> Live<'n> {
        let (instance, before) = note.split_once(INSTEAD).unwrap_or((note, note));
        Live { instance, before }
    }

    /// The note.
    pub fn note(&self) -> String {
        format!("{}{INSTEAD}{}", self.instance, self.before)
    }
}

/// The environment as these marks say that it stands; none where that is as the config declares it. For the operation that
/// set a mark itself it is as it was before: planned again, it must not stand in its own way.
pub fn standing(declared: &Environment, marks: &[Mark], own: Option<&str>) -> Option<Environment> {
    let mut standing: Option<Environment> = None;
    for mark in marks.iter().filter(|mark| mark.kind == MarkKind::Live && mark.environment == declared.name) {
        let live = Live::read(&mark.note);
        let instance = if own == Some(mark.operation.as_str()) { live.before } else { live.instance };
        if instance != mark.subject {
            put(standing.get_or_insert_with(|| declared.clone()), &mark.subject, instance);
        }
    }
    standing
}

/// Writes one name over another wherever an environment has it.
fn put(env: &mut Environment, declared: &str, instance: &str) {
    let over = |name: &mut String| {
        if name == declared {
            instance.clone_into(name);
        }
    };
    for database in env.databases.iter_mut().filter(|database| database.id == declared) {
        database.declared = Some(declared.to_owned());
        instance.clone_into(&mut database.id);
        // It replicates what was live before.
        database.dr_replica = None;
    }
    env.dumps.iter_mut().for_each(|dump| over(&mut dump.database));
    env.tenants.values_mut().filter_map(|tenant| tenant.database.as_mut()).for_each(over);
    env.checks.values_mut().for_each(|check| over(&mut check.database));
}

/// Whether an instance is live in the place of the one that the config declares: what leads by name or by a login of the config
/// leads to the one before.
pub fn stands_in(env: &Environment, instance: &str) -> bool {
    env.databases.iter().any(|database| database.id == instance && database.declared.is_some())
}
