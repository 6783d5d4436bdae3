//! `backup restore … list`: how it is asked for. AWS is read page by page for it, which `app::restorable` does.

use crate::domain::{
    command::{
        Arg, Command, Does, ENVIRONMENT, EVERYONE, Entry, Form, Group, List, TENANT, WHY_ASKED, as_they_are,
        nothing_more, value,
    },
    point::PointKind,
};

const TYPE: &str = "type";

/// How it is asked for.
pub static ENTRY: Entry = Entry {
    name: "backup.restore.list",
    path: &["backup", "restore", "list"],
    group: Group::Backups,
    place: 34,
    about: "Choose what to restore: recovery points, the most trustworthy first",
    happens: "Shows only you which recovery points can be relied on and why: restore-tested, usable in the DR region as well, \
                  young against the RPO, verified when it was made, as large as those before it. Each row says what restoring it \
                  would lose and which named checks it passed, and has a button that asks for the restore. Changes nothing.",
    args: &[
        ENVIRONMENT,
        Arg {
            name: TYPE,
            kind: &value::DATA,
            form: Form::WordOrOption,
            required: false,
            usual: None,
            about: "only this kind; the best of everything when left out; `--type rds` works too",
        },
        TENANT,
        WHY_ASKED,
    ],
    examples: &["backup restore ENV list", "backup restore ENV list rds", "backup restore ENV list --tenant tenant-1"],
    who: EVERYONE,
    does: |_| Does::List(List::Restorable),
    settle: as_they_are,
    mend: nothing_more,
};

/// The kind that alone is asked for.
pub fn kind(command: &Command) -> Option<PointKind> {
    let word = command.values().get(TYPE);
    PointKind::ALL.into_iter().find(|kind| word == Some(kind.as_str()))
}

/// The tenant whose points alone are asked for.
pub fn tenant(command: &Command) -> Option<&str> {
    command.values().get(TENANT.name)
}
