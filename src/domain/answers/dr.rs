//! `dr status`, and the assessment of a failback: how they are asked for. That of a failover is asked for as the failover is, without
//! `--execute`. AWS is read for them, which `app::recovery` does.

use crate::domain::command::{
    ASSESS_ONLY, Arg, Command, Does, ENVIRONMENT, EVERYONE, Entry, Form, Group, List, as_they_are, nothing_more, value,
};

const REPLICATION: &str = "replication";
const INFRASTRUCTURE: &str = "infrastructure";

const fn flag(name: &'static str, about: &'static str) -> Arg {
    Arg { name, kind: &value::CHECK, form: Form::Flag, required: false, usual: None, about }
}

/// How the status is asked for.
pub static STATUS: Entry = Entry {
    name: "dr.status",
    path: &["dr", "status"],
    group: Group::Recovery,
    place: 10,
    about: "Show whether a failover would work, and what it would lose",
    happens: "Shows only you how the primary region is by signs that do not depend on each other, how far each copy and replica is \
              behind its RPO, what is lacking in the DR region, what each step of a failover needs, and how old the last restore \
              test is. What could not be seen is unknown. Changes nothing.",
    args: &[
        ENVIRONMENT,
        flag(REPLICATION, "only how far the copies and replicas are behind"),
        flag(INFRASTRUCTURE, "only the regions, and what stands ready in the DR region"),
    ],
    examples: &["dr status ENV", "dr status ENV --replication"],
    who: EVERYONE,
    does: |_| Does::List(List::Readiness),
    settle: as_they_are,
    mend: nothing_more,
};

/// How the assessment of a failback is asked for.
pub static FAILBACK: Entry = Entry {
    name: "dr.failback",
    path: &["dr", "failback"],
    group: Group::Recovery,
    place: 30,
    about: "Judge whether to fail back already",
    happens: "Answers only you with PROCEED or WAIT and the reasons: whether the primary region has been healthy for as long as the \
              config asks for, and has what a failback needs. Changes nothing.",
    args: &[ENVIRONMENT, ASSESS_ONLY],
    examples: &["dr failback ENV"],
    who: EVERYONE,
    does: |_| Does::List(List::Failback),
    settle: |mut values| {
        values.flag(ASSESS_ONLY.name, false);
        Ok(values)
    },
    mend: nothing_more,
};

/// What of a status is asked for: replication, infrastructure.
pub fn parts(command: &Command) -> (bool, bool) {
    let values = command.values();
    match (values.has(REPLICATION), values.has(INFRASTRUCTURE)) {
        (false, false) => (true, true),
        asked => asked,
    }
}
