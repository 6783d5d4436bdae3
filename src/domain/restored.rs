//! What a restore made: its name, its source, whose it is, and the one guard that says whether it may be deleted.
//!
//! Everything that deletes an instance or a file system asks here first, when it is planned, when it is cleaned up after, and
//! again in the adapter immediately before the call. There is no other place that decides it.

use super::{derived, environment::Environment, operation::OpId};

/// What stands between the source's name and the operation in the name of everything that a restore makes.
const RESTORED: &str = "-restored-";

/// The name of what an operation restores out of a source. The same operation gives the same name, so that a crash cannot make two.
pub fn name(source: &str, operation: &OpId) -> String {
    derived::named(source, &format!("{RESTORED}{operation}"), derived::INSTANCE)
}

/// The source in a name; the whole name where no restore gave it.
pub fn source(name: &str) -> &str {
    name.split(RESTORED).next().unwrap_or(name)
}

/// Whether a restore gives such names.
pub fn is_named(name: &str) -> bool {
    name.contains(RESTORED)
}

/// Whether a restore of this source gives such names.
pub fn is_of(name: &str, source: &str) -> bool {
    let whole = !source.is_empty() && name.strip_prefix(source).is_some_and(|rest| rest.starts_with(RESTORED));
    let made_by = |operation: &str| !operation.is_empty() && self::name(source, &OpId(operation.to_owned())) == name;
    whole || name.rsplit_once(RESTORED).is_some_and(|(_, operation)| made_by(operation))
}

/// Something that may be deleted as far as its name tells: this operation restored it, and the platform does not declare it.
/// Whoever deletes it has yet to show what was found under the name to [`Removable::instance`] or [`Removable::file_system`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removable<'n> {
    name: &'n str,
    operation: &'n str,
}

/// What AWS shows under the name of something that is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'f> {
    /// AWS's own identifier of it.
    pub id: &'f str,
    /// The tag that tells who made it; an operation for an instance, its name for a file system, which AWS Backup restores
    /// without our tags.
    pub tag: Option<&'f str>,
}

impl<'n> Removable<'n> {
    /// The guard over names. The name has to end in `-restored-` and exactly this operation, to have a source before that, and
    /// to be declared nowhere in the environment.
    ///
    /// # Errors
    /// A clause that says why it is not deleted.
    pub fn named(name: &'n str, operation: &'n str, environment: &Environment) -> Result<Removable<'n>, String> {
        if !is_made_by(name, operation) {
            return Err(format!("only what is named …{RESTORED}{operation} is deleted by operation {operation}"));
        }
        declared_nowhere(name, environment)?;
        Ok(Removable { name, operation })
    }

    /// The guard over what was found under the name of an instance: its tag has to name the operation.
    ///
    /// # Errors
    /// A clause that says why it is not deleted.
    pub fn instance(&self, found: Found<'_>, environment: &Environment) -> Result<(), String> {
        declared_nowhere(found.id, environment)?;
        self.tagged(found, self.operation)
    }

    /// The guard over what was found under the name of a file system: its `Name` has to be that name. The policy that lets file
    /// systems be deleted asks for the same.
    ///
    /// # Errors
    /// A clause that says why it is not deleted.
    pub fn file_system(&self, found: Found<'_>, environment: &Environment) -> Result<(), String> {
        declared_nowhere(found.id, environment)?;
        if !self.name.starts_with("fs-") {
            return Err(format!("only what is named fs-…{RESTORED}{} is deleted as a file system", self.operation));
        }
        self.tagged(found, self.name)
    }

    fn tagged(&self, found: Found<'_>, wanted: &str) -> Result<(), String> {
        if found.tag == Some(wanted) {
            return Ok(());
        }
        let tag = found.tag.map_or_else(|| "none".to_owned(), |tag| format!("`{tag}`"));
        Err(format!("its tag should say `{wanted}` and says {tag}, so it may be somebody else's"))
    }
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
    let database = |d: &super::environment::Database| same(&d.id) || d.dr_replica.as_deref().is_some_and(same);
    if environment.databases.iter().any(database) {
        return Err(format!("{id} is a database of the platform"));
    }
    if environment.file_systems.iter().any(|f| same(&f.id)) {
        return Err(format!("{id} is a file system of the platform"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const INSTANCE: &str = "bbws-prod-mysql-restored-vl-7";
    const FILES: &str = "fs-0900d000000000001-restored-vl-7";

    fn prod() -> Environment {
        Config::example().environments["prod"].clone()
    }

    #[test]
    fn names_tell_source_and_operation() {
        let made = name("bbws-prod-mysql", &OpId("vl-7".into()));
        assert_eq!(made, INSTANCE);
        assert!(is_named(&made) && is_made_by(&made, "vl-7") && is_of(&made, "bbws-prod-mysql"));
        assert_eq!((source(&made), source("bbws-prod-mysql")), ("bbws-prod-mysql", "bbws-prod-mysql"));
        assert!(!is_of(&made, "bbws-prod") && !is_of(&made, ""));
    }

    #[test]
    fn only_names_that_this_operation_gives_will_do() {
        assert!(Removable::named(INSTANCE, "vl-7", &prod()).is_ok());
        for (name, operation) in [
            ("bbws-prod-mysql", "vl-7"),
            (INSTANCE, "vl-"),
            (INSTANCE, "l-7"),
            (INSTANCE, "7"),
            (INSTANCE, ""),
            ("bbws-prod-mysql-vl-7", "vl-7"),
            ("bbws-prod-mysql-restored-vl-7-2", "vl-7"),
            ("bbws-prod-mysql-restored-vl-77", "vl-7"),
            ("bbws-prod-mysql-restored-x-vl-7", "vl-7"),
            ("-restored-vl-7", "vl-7"),
            ("restored-vl-7", "vl-7"),
            ("", "vl-7"),
            ("", ""),
        ] {
            assert!(Removable::named(name, operation, &prod()).is_err(), "{name} of {operation}");
        }
    }

    #[test]
    fn what_the_platform_declares_is_never_deleted_whatever_it_is_called() {
        let mut env = prod();
        env.databases[0].id = INSTANCE.to_uppercase();
        assert_eq!(Removable::named(INSTANCE, "vl-7", &env), Err(format!("{INSTANCE} is a database of the platform")));
        env.databases[0] =
            crate::domain::environment::Database { dr_replica: Some(INSTANCE.into()), ..prod().databases[0].clone() };
        assert!(Removable::named(INSTANCE, "vl-7", &env).is_err(), "its replica as well");
        let files = Removable::named(FILES, "vl-7", &prod()).expect("the name will do");
        let found = Found { id: &prod().file_systems[0].id.clone(), tag: Some(FILES) };
        assert!(files.file_system(found, &prod()).expect_err("declared").contains("of the platform"));
    }

    #[test]
    fn what_is_found_has_to_carry_the_tag() {
        let instance = Removable::named(INSTANCE, "vl-7", &prod()).expect("the name will do");
        let found = |tag| Found { id: INSTANCE, tag };
        assert_eq!(instance.instance(found(Some("vl-7")), &prod()), Ok(()));
        for tag in [None, Some(""), Some("vl-77"), Some(INSTANCE)] {
            assert!(instance.instance(found(tag), &prod()).is_err(), "{tag:?}");
        }
        let files = Removable::named(FILES, "vl-7", &prod()).expect("the name will do");
        let found = |tag| Found { id: "fs-0123456789abcdef0", tag };
        assert_eq!(files.file_system(found(Some(FILES)), &prod()), Ok(()));
        for tag in [None, Some("wp-content"), Some("vl-7")] {
            assert!(files.file_system(found(tag), &prod()).is_err(), "{tag:?}");
        }
        assert!(instance.file_system(Found { id: INSTANCE, tag: Some(INSTANCE) }, &prod()).is_err(), "no file system");
    }
}
