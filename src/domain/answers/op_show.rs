//! `op show`: one operation with its steps.

use super::{Answer, Known, Runs, Told, Wants};
use crate::domain::{
    attachment::{Attachment, Table},
    command::{Command, Does, EVERYONE, Entry, Group, OPERATION, as_they_are, nothing_more},
    moment::spoken,
    operation::{OpId, Run},
    operations::title,
    text::escape,
};

static ENTRY: Entry = Entry {
    name: "op.show",
    path: &["op", "show"],
    group: Group::Operations,
    place: 20,
    about: "Show one operation with its steps",
    happens: "Shows only you the state, the steps and the votes. Changes nothing.",
    args: &[OPERATION],
    examples: &["op show bk-1042"],
    who: EVERYONE,
    does: |_| Does::Answer,
    settle: as_they_are,
    mend: nothing_more,
};

/// The answer.
pub struct OpShow;

impl Answer for OpShow {
    fn entry(&self) -> &'static Entry {
        &ENTRY
    }

    fn wants(&self, command: &Command) -> Wants {
        let id = command.values().get(OPERATION.name).unwrap_or_default();
        Wants { runs: Runs::One(OpId(id.to_owned())), ..Wants::default() }
    }

    fn tell(&self, command: &Command, known: &Known<'_>) -> Told {
        let Some(run) = known.runs.first() else {
            let id = escape(command.values().get(OPERATION.name).unwrap_or_default());
            let text = format!("There is no operation `{id}`. `/bbws op list` shows those there are.");
            return Told { found: false, ..Told::text(text) };
        };
        let rows = run.steps.iter().map(|step| {
            let took = step.started.map(|s| spoken(step.ended.unwrap_or(known.now).since(s))).unwrap_or_default();
            let note = step.error.clone().or_else(|| step.detail.clone()).unwrap_or_default();
            vec![
                (step.index + 1).to_string(),
                run.op.plan.steps.get(step.index).map(|s| s.title.clone()).unwrap_or_default(),
                step.state.to_string(),
                step.percent.map(|p| format!("{p} %")).unwrap_or_default(),
                took,
                step.external_id.clone().unwrap_or_default(),
                note,
            ]
        });
        let table = Table {
            caption: format!("Steps of {}", run.op.id),
            columns: ["Step", "What", "State", "Done", "Time", "AWS id", "Note"].map(str::to_owned).to_vec(),
            rows: rows.collect(),
            offers: Vec::new(),
        };
        Told {
            attachment: Attachment { table: Some(table), ..Attachment::default() },
            ..Told::text(header(run) + &notes(run))
        }
    }
}

/// What the plan says beside its steps.
fn notes(run: &Run) -> String {
    run.op.plan.notes.iter().map(|note| format!("\n• {}", escape(note))).collect()
}

fn header(run: &Run) -> String {
    let op = &run.op;
    let mut lines = vec![
        format!("*{}* · {} · {} · {} %", op.id, title(op), op.state.spoken(), run.percent()),
        format!(
            "Asked by <@{}> at {}{}",
            op.requester.user,
            op.created.day_and_clock(),
            op.reason.as_ref().map(|r| format!(": {}", escape(r))).unwrap_or_default()
        ),
    ];
    if !op.votes.is_empty() {
        let by: Vec<String> = op.votes.iter().map(|v| format!("<@{}>", v.by.user)).collect();
        lines.push(format!("Approved by {}", by.join(", ")));
    }
    if let Some(card) = &op.card {
        lines.push(format!("Its card is in <#{}>.", card.channel));
    }
    lines.extend(op.outcome.clone());
    lines.join("\n")
}
