//! What a restore made: its name, its source, whose it is, and the one guard that says whether it may be deleted.
//!
//! Everything that deletes an instance or a file system asks here first, when it is planned, when it is cleaned up after, and
//! again in the adapter immediately before the call. There is no other place that decides it.

use super::{
    derived,
    environment::Environment,
    mark::{Leftover, Mark, MarkKind},
    moment::{Moment, spoken},
};

/// What stands between the source's name and the operation in the name of everything that a restore makes.
const RESTORED: &str = "-restored-";

/// The longest name of a DB snapshot.
const SNAPSHOT: usize = 255;

/// The name of what an operation restores out of a source. The same operation gives the same name, so that a crash cannot make two.
pub fn name(source: &str, operation: &str) -> String {
    derived::named(source, &format!("{RESTORED}{operation}"), derived::INSTANCE)
}

/// The name of what was live before an operation put something else in its place.
pub fn before(live: &str, operation: &str) -> String {
    derived::named(live, &format!("-before-{operation}"), derived::INSTANCE)
}

/// The name of what an operation had put in the place of a database, once that was undone.
pub fn undone(live: &str, operation: &str) -> String {
    derived::named(live, &format!("-undone-{operation}"), derived::INSTANCE)
}

/// The name of the backup that is made of a database before something else takes its place.
pub fn snapshot(live: &str, day: &str, operation: &str) -> String {
    derived::named(live, &format!("-manual-{day}-{operation}"), SNAPSHOT)
}

/// The source in a name; the whole name where no restore gave it.
pub fn source(name: &str) -> &str {
    name.split(RESTORED).next().unwrap_or(name)
}

/// What something that a restore left is, by the name under which the ledger remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// A DB instance, or a file system.
    Whole,
    /// A schema beside a live one: `tenant_1__before_rs_3 in bbws-prod-mysql`.
    Schema,
    /// What a merge wrote down of itself, by which it is taken back: `tenant_1__undo_rs_3 in bbws-prod-mysql`.
    Journal,
    /// A folder beside a live one: `/tenant-1.before-rs-3 in fs-0123`.
    Folder,
}

/// What stands between a schema or a folder and where it is.
const IN: &str = " in ";

impl Left {
    /// By its name.
    pub fn of(subject: &str) -> Left {
        match subject.split_once(IN) {
            None => Left::Whole,
            Some((folder, _)) if folder.starts_with('/') => Left::Folder,
            Some((schema, _)) if schema.contains("__undo_") => Left::Journal,
            Some(_) => Left::Schema,
        }
    }

    /// How the ledger calls a schema or a folder that is left in a database or a file system.
    pub fn within(what: &str, place: &str) -> String {
        format!("{what}{IN}{place}")
    }

    /// Where it is deleted once two people have agreed that nobody needs it.
    pub fn removed(self) -> &'static str {
        match self {
            Left::Whole => "delete it in RDS",
            Left::Schema | Left::Journal => "drop it in the database",
            Left::Folder => "remove it from the file system",
        }
    }
}

/// How long something that a restore left stays, as a clause; none where a mark is of something else.
pub fn stays(mark: &Mark, now: Moment) -> Option<String> {
    let rest = Leftover::read(&mark.note).stays().checked_sub(now.since(mark.at));
    match (mark.kind, rest) {
        (MarkKind::Leftover, Some(rest)) => Some(format!("deleted by itself in {}", spoken(rest))),
        (MarkKind::Leftover, None) => Some("about to be deleted by itself".to_owned()),
        (MarkKind::Before, Some(rest)) => Some(format!("promised for another {}", spoken(rest))),
        (MarkKind::Before, None) => {
            Some("no longer promised: when two of you agree that nobody needs it, delete it by hand".to_owned())
        }
        _ => None,
    }
}

/// What something that a restore left is like, by its name: what it is a copy of, or was live as.
pub fn is_like(subject: &str) -> &str {
    let ends = ["-before-", "-undone-", RESTORED];
    ends.iter().find_map(|end| subject.split_once(end)).map_or("its successor", |(front, _)| front)
}

/// Whether a restore gives such names.
pub fn is_named(name: &str) -> bool {
    name.contains(RESTORED)
}

/// Whether a restore of this source gives such names.
pub fn is_of(name: &str, source: &str) -> bool {
    let whole = !source.is_empty() && name.strip_prefix(source).is_some_and(|rest| rest.starts_with(RESTORED));
    let made_by = |operation: &str| !operation.is_empty() && self::name(source, operation) == name;
    whole || name.rsplit_once(RESTORED).is_some_and(|(_, operation)| made_by(operation))
}

/// Something that may be deleted as far as its name tells: this operation restored it, and the platform does not declare it.
/// Whoever deletes it has yet to show what was found under the name to [`Removable::admits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removable<'n> {
    tag: &'n str,
}

/// What AWS shows under the name of something that is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'f> {
    /// AWS's own identifier of it.
    pub id: &'f str,
    /// What tells that it is the thing meant: the tag `bbws:operation` of an instance, the tag `Name` of a file system, which
    /// AWS Backup restores without our tags.
    pub tag: Option<&'f str>,
}

impl<'n> Removable<'n> {
    /// A DB instance. The name has to end in `-restored-` and exactly this operation, to have a source before that, and to be
    /// declared nowhere in the environment.
    ///
    /// # Errors
    /// A clause that says why it is not deleted.
    pub fn instance(name: &str, operation: &'n str, environment: &Environment) -> Result<Removable<'n>, String> {
        named(name, operation, environment)?;
        Ok(Removable { tag: operation })
    }

    /// A file system: the same, and its source is one. The policy that lets file systems be deleted asks for its `Name`.
    ///
    /// # Errors
    /// A clause that says why it is not deleted.
    pub fn file_system(name: &'n str, operation: &str, environment: &Environment) -> Result<Removable<'n>, String> {
        named(name, operation, environment)?;
        if !name.starts_with("fs-") {
            return Err(format!("only what is named fs-…{RESTORED}{operation} is deleted as a file system"));
        }
        Ok(Removable { tag: name })
    }

    /// Whether what was found is the thing meant, and none that the environment declares.
    ///
    /// # Errors
    /// A clause that says why it is not deleted.
    pub fn admits(&self, found: Found<'_>, environment: &Environment) -> Result<(), String> {
        declared_nowhere(found.id, environment)?;
        match found.tag {
            Some(tag) if tag == self.tag => Ok(()),
            Some(tag) => Err(format!("its tag says `{tag}` instead of `{}`, so it may be somebody else's", self.tag)),
            None => Err(format!("it has no tag that says `{}`, so it may be somebody else's", self.tag)),
        }
    }
}

fn named(name: &str, operation: &str, environment: &Environment) -> Result<(), String> {
    if !is_made_by(name, operation) {
        return Err(format!("only what is named …{RESTORED}{operation} is deleted by operation {operation}"));
    }
    declared_nowhere(name, environment)
}

/// Whether this operation gives this name to something that it restores.
pub fn is_made_by(name: &str, operation: &str) -> bool {
    let source = name.strip_suffix(operation).and_then(|front| front.strip_suffix(RESTORED));
    !operation.is_empty() && source.is_some_and(|source| !source.is_empty())
}

/// What the platform runs on is never deleted, whatever AWS or anybody calls it.
///
/// # Errors
/// A clause that says what it is.
pub fn declared_nowhere(id: &str, environment: &Environment) -> Result<(), String> {
    let same = |declared: &str| declared.eq_ignore_ascii_case(id);
    let database =
        |d: &super::environment::Database| same(&d.id) || same(d.name()) || d.dr_replica.as_deref().is_some_and(same);
    if environment.databases.iter().any(database) {
        return Err(format!("{id} is a database of the platform"));
    }
    if environment.file_systems.iter().any(|f| same(&f.id)) {
        return Err(format!("{id} is a file system of the platform"));
    }
    Ok(())
}
