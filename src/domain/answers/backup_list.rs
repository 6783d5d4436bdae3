//! `backup list`: how it is asked for. AWS is read page by page for it, which `app::list` does.

use crate::domain::{
    command::{
        Arg, Command, Does, ENVIRONMENT, EVERYONE, Entry, Form, Group, List, TENANT, as_they_are, nothing_more, value,
    },
    environment::Span,
    moment::Moment,
    point::{PointKind, PointQuery},
};

const TYPE: &str = "type";
const SINCE: &str = "since";
const BEFORE: &str = "before";

/// How it is asked for.
pub static ENTRY: Entry = Entry {
    name: "backup.list",
    path: &["backup", "list"],
    group: Group::Backups,
    place: 20,
    about: "List recovery points, newest first",
    happens: "Shows only you what can be restored, both regions side by side: age, size, when it expires, whether it is locked or \
                  held, and whether it was ever restored for a test. Changes nothing.",
    args: &[
        ENVIRONMENT,
        Arg {
            name: TYPE,
            kind: &value::DATA,
            form: Form::WordOrOption,
            required: false,
            usual: None,
            about: "only this kind; all of them when left out; `--type rds` works too",
        },
        TENANT,
        Arg {
            name: SINCE,
            kind: &value::DURATION,
            form: Form::Option,
            required: false,
            usual: None,
            about: "only data no older than this: a number and `m`, `h` or `d`",
        },
        Arg {
            name: BEFORE,
            kind: &value::TIME,
            form: Form::Option,
            required: false,
            usual: None,
            about: "only data from before this moment, with its zone; the button for older ones says it for you",
        },
    ],
    examples: &["backup list ENV", "backup list ENV rds --since 7d", "backup list ENV --tenant tenant-1"],
    who: EVERYONE,
    does: |_| Does::List(List::Points),
    settle: as_they_are,
    mend: nothing_more,
};

/// The recovery points that are asked for.
pub fn query(command: &Command, now: Moment) -> PointQuery {
    let values = command.values();
    let since = values.get(SINCE).and_then(|text| Span::parse(text).ok());
    PointQuery {
        kinds: PointKind::ALL.into_iter().filter(|kind| values.get(TYPE) == Some(kind.as_str())).collect(),
        since: since.map(|span| now - span.0),
        before: before(command),
        resource: None,
    }
}

/// The tenant whose points alone are asked for.
pub fn tenant(command: &Command) -> Option<&str> {
    command.values().get(TENANT.name)
}

/// The same question about what is older than `oldest`. What is of the same moment may be shown twice, but nothing is left out.
pub fn older(command: &Command, oldest: Moment) -> Command {
    let next = Moment(oldest.0 + 1);
    let next = if before(command) == Some(next) { oldest } else { next };
    command.clone().with(BEFORE, value::moment_text(next))
}

fn before(command: &Command) -> Option<Moment> {
    command.values().get(BEFORE).and_then(|text| value::moment(text).ok())
}
