//! The one guard of what a restore made: names, the platform's own things, and the tag that has to be there.

use bbws::{
    config::Config,
    domain::{
        environment::{Database, Environment},
        restored::{Found, Removable, is_made_by, is_named, is_of, name, source},
    },
};

const INSTANCE: &str = "bbws-prod-mysql-restored-vl-7";
const FILES: &str = "fs-0900d000000000001-restored-vl-7";

fn prod() -> Environment {
    Config::example().environments["prod"].clone()
}

#[test]
fn names_tell_source_and_operation() {
    let made = name("bbws-prod-mysql", "vl-7");
    assert_eq!(made, INSTANCE);
    assert!(is_named(&made) && is_made_by(&made, "vl-7") && is_of(&made, "bbws-prod-mysql"));
    assert_eq!((source(&made), source("bbws-prod-mysql")), ("bbws-prod-mysql", "bbws-prod-mysql"));
    assert!(!is_of(&made, "bbws-prod") && !is_of(&made, ""));
}

#[test]
fn only_names_that_this_operation_gives_will_do() {
    assert!(Removable::instance(INSTANCE, "vl-7", &prod()).is_ok());
    assert!(Removable::file_system(FILES, "vl-7", &prod()).is_ok());
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
        assert!(Removable::instance(name, operation, &prod()).is_err(), "{name} of {operation}");
        assert!(Removable::file_system(name, operation, &prod()).is_err(), "{name} of {operation}");
    }
    assert!(Removable::file_system(INSTANCE, "vl-7", &prod()).is_err(), "an instance is no file system");
}

#[test]
fn what_the_platform_declares_is_never_deleted_whatever_it_is_called() {
    let mut env = prod();
    env.databases[0].id = INSTANCE.to_uppercase();
    assert_eq!(Removable::instance(INSTANCE, "vl-7", &env), Err(format!("{INSTANCE} is a database of the platform")));
    env.databases[0] = Database { dr_replica: Some(INSTANCE.into()), ..prod().databases[0].clone() };
    assert!(Removable::instance(INSTANCE, "vl-7", &env).is_err(), "its replica as well");
    let files = Removable::file_system(FILES, "vl-7", &prod()).expect("the name will do");
    let found = Found { id: &prod().file_systems[0].id, tag: Some(FILES) };
    assert!(files.admits(found, &prod()).expect_err("declared").contains("of the platform"));
}

#[test]
fn what_is_found_has_to_carry_the_tag() {
    let instance = Removable::instance(INSTANCE, "vl-7", &prod()).expect("the name will do");
    let found = |tag| Found { id: INSTANCE, tag };
    assert_eq!(instance.admits(found(Some("vl-7")), &prod()), Ok(()));
    for tag in [None, Some(""), Some("vl-77"), Some(INSTANCE)] {
        assert!(instance.admits(found(tag), &prod()).is_err(), "{tag:?}");
    }
    let files = Removable::file_system(FILES, "vl-7", &prod()).expect("the name will do");
    let found = |tag| Found { id: "fs-0123456789abcdef0", tag };
    assert_eq!(files.admits(found(Some(FILES)), &prod()), Ok(()));
    for tag in [None, Some("wp-content"), Some("vl-7")] {
        assert!(files.admits(found(tag), &prod()).is_err(), "{tag:?}");
    }
}
