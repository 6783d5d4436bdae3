//! `dr status`: how it is asked for. The assessments of a failover and a failback are asked for as these are, without what carries them
//! out. AWS is read for all of them, which `app::recovery` does.

use crate::domain::command::{
    Arg, Command, Does, ENVIRONMENT, EVERYONE, Entry, Form, Group, List, WHY_ASKED, as_they_are, nothing_more, value,
};

const REPLICATION: &str = "replication";
const INFRASTRUCTURE: &str = "infrastructure";
const REPORT: &str = "report";

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
              behind its RPO, what is lacking in the DR region, what each step of a failover needs, how old the last restore \
              test is, and when drills were held and are due. What could not be seen is unknown. Changes nothing.",
    args: &[
        ENVIRONMENT,
        flag(REPLICATION, "only how far the copies and replicas are behind"),
        flag(INFRASTRUCTURE, "only the regions, and what stands ready in the DR region"),
        flag(REPORT, "with a chart of how far each copy was behind in the last days"),
        WHY_ASKED,
    ],
    examples: &["dr status ENV", "dr status ENV --replication"],
    who: EVERYONE,
    does: |_| Does::List(List::Readiness),
    settle: as_they_are,
    mend: nothing_more,
};

/// Whether a chart is asked for as well.
pub fn report(command: &Command) -> bool {
    command.values().has(REPORT)
}

/// What of a status is asked for: replication, infrastructure.
pub fn parts(command: &Command) -> (bool, bool) {
    let values = command.values();
    match (values.has(REPLICATION), values.has(INFRASTRUCTURE)) {
        (false, false) => (true, true),
        asked => asked,
    }
}
