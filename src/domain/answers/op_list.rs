//! `op list`: what runs, what waits and what is over.

use super::{Answer, Known, Told, Wants};
use crate::domain::{
    attachment::{Attachment, Table},
    command::{ANY_ENVIRONMENT, Command, Does, EVERYONE, Entry, Group, as_they_are, nothing_more},
    moment::spoken,
    operations::title,
    stop::Stop,
    text::{count, escape},
};

/// Operations shown by one list.
const LISTED: usize = 50;

static ENTRY: Entry = Entry {
    name: "op.list",
    path: &["op", "list"],
    group: Group::Operations,
    place: 10,
    about: "List operations, newest first",
    happens: "Shows only you what runs, what waits and what is over. Changes nothing.",
    args: &[ANY_ENVIRONMENT],
    examples: &["op list", "op list ENV"],
    who: EVERYONE,
    does: |_| Does::Answer,
    settle: as_they_are,
    mend: nothing_more,
};

/// The answer.
pub struct OpList;

impl Answer for OpList {
    fn entry(&self) -> &'static Entry {
        &ENTRY
    }

    fn wants(&self, _: &Command) -> Wants {
        Wants { newest: LISTED as u32 + 1, stops: true, ..Wants::default() }
    }

    fn tell(&self, command: &Command, known: &Known<'_>) -> Told {
        let environment = command.environment();
        let mut head: Vec<String> = known.stops.iter().map(stopped).collect();
        let whose = environment.map(|e| format!(" of `{e}`")).unwrap_or_default();
        if known.newest.is_empty() {
            head.push(format!("There are no operations{whose} yet. `/bbws help` shows what can be asked for."));
            return Told::text(head.join("\n"));
        }
        let shown = known.newest.len().min(LISTED);
        head.push(if known.newest.len() > LISTED {
            format!("The newest {LISTED} operations{whose}; there are older ones. Show any with `/bbws op show <id>`.")
        } else {
            format!("{}{whose}, newest first. Show one with `/bbws op show <id>`.", count(shown, "operation"))
        });
        let rows = known.newest[..shown].iter().map(|op| {
            vec![
                op.id.to_string(),
                title(op),
                op.state.name().replace('_', " "),
                format!("{} ago", spoken(known.now.since(op.created))),
                format!("<@{}>", op.requester.user),
            ]
        });
        let table = Table {
            caption: format!("Operations{}", environment.map(|e| format!(" of {e}")).unwrap_or_default()),
            columns: ["Operation", "What", "State", "Asked", "By"].map(str::to_owned).to_vec(),
            rows: rows.collect(),
            offers: Vec::new(),
        };
        Told { attachment: Attachment { table: Some(table), ..Attachment::default() }, ..Told::text(head.join("\n")) }
    }
}

/// A stop in a line.
fn stopped(stop: &Stop) -> String {
    let what = if stop.scope == "*" { "Everything".to_owned() } else { format!("`{}`", stop.scope) };
    format!("{what} is stopped by <@{}>: {}", stop.by, escape(&stop.reason))
}
