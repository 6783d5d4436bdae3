//! Commands that only read: help, the list of operations, one operation.

use super::desk::{Desk, say};
use crate::{
    domain::{
        command::{self, Command, ScheduleAct},
        moment::spoken,
        operation::{OpId, Run},
        operations::title,
        text::escape,
    },
    ports::{
        chat::{Exhibit, Level, Reply, Table},
        store::{Filter, StoreError},
    },
};

/// Operations shown by one `op list`.
const LISTED: u32 = 50;

impl Desk {
    /// Answers a command that changes nothing.
    pub(super) async fn read(&self, command: &Command, by: &str) -> Result<Reply, StoreError> {
        match command {
            Command::OpList { environment } => self.op_list(environment.as_deref()).await,
            Command::BackupList { .. } => self.backup_list(command, by).await,
            Command::BackupSchedule { environment, act: ScheduleAct::List, .. } => {
                self.schedule_list(environment, by).await
            }
            Command::OpShow { id } => self.op_show(&OpId(id.clone())).await,
            Command::Help { topic } => Ok(say(Level::Info, command::help(topic, &self.environments()))),
            other => Ok(say(Level::Error, format!("`{}` is not a question.", other.name()))),
        }
    }

    async fn op_list(&self, environment: Option<&str>) -> Result<Reply, StoreError> {
        let filter = Filter { environment: environment.map(str::to_owned), states: Vec::new(), limit: LISTED + 1 };
        let mut ops = self.store.list(&filter).await?;
        let cut = ops.len() > LISTED as usize;
        ops.truncate(LISTED as usize);
        let mut head: Vec<String> = Vec::new();
        for stop in self.store.stops().await? {
            let what = if stop.scope == "*" { "Everything".to_owned() } else { format!("`{}`", stop.scope) };
            head.push(format!("{what} is stopped by <@{}>: {}", stop.by, escape(&stop.reason)));
        }
        let whose = environment.map(|e| format!(" of `{e}`")).unwrap_or_default();
        if ops.is_empty() {
            head.push(format!("There are no operations{whose} yet. `/bbws help` shows what can be asked for."));
            return Ok(say(Level::Info, head.join("\n")));
        }
        head.push(if cut {
            format!("The newest {LISTED} operations{whose}; there are older ones. Show any with `/bbws op show <id>`.")
        } else {
            format!("{} operations{whose}, newest first. Show one with `/bbws op show <id>`.", ops.len())
        });
        let now = self.clock.now();
        let rows = ops
            .iter()
            .map(|op| {
                vec![
                    op.id.to_string(),
                    title(op),
                    op.state.name().to_owned(),
                    format!("{} ago", spoken(now.since(op.created))),
                    op.requester.user.clone(),
                ]
            })
            .collect();
        let columns = ["Operation", "What", "State", "Asked", "By"].map(str::to_owned).to_vec();
        let table = Table {
            caption: format!("Operations{}", environment.map(|e| format!(" of {e}")).unwrap_or_default()),
            columns,
            rows,
            offers: Vec::new(),
        };
        Ok(Reply {
            level: Level::Info,
            text: head.join("\n"),
            exhibit: Exhibit { table: Some(table), ..Exhibit::default() },
        })
    }

    async fn op_show(&self, id: &OpId) -> Result<Reply, StoreError> {
        let Some(run) = self.store.load(id).await? else {
            let text = format!("There is no operation `{}`. `/bbws op list` shows those there are.", escape(&id.0));
            return Ok(say(Level::Error, text));
        };
        let now = self.clock.now();
        let rows = run
            .steps
            .iter()
            .map(|step| {
                let took = step.started.map(|s| spoken(step.ended.unwrap_or(now).since(s))).unwrap_or_default();
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
            })
            .collect();
        let columns = ["Step", "What", "State", "Done", "Time", "AWS id", "Note"].map(str::to_owned).to_vec();
        let table = Table { caption: format!("Steps of {id}"), columns, rows, offers: Vec::new() };
        Ok(Reply {
            level: Level::Info,
            text: header(&run) + &notes(&run),
            exhibit: Exhibit { table: Some(table), ..Exhibit::default() },
        })
    }
}

/// What the plan says beside its steps.
fn notes(run: &Run) -> String {
    run.op.plan.notes.iter().map(|note| format!("\n• {}", escape(note))).collect()
}

fn header(run: &Run) -> String {
    let op = &run.op;
    let mut lines = vec![
        format!("*{}* · {} · `{}` · {} %", op.id, title(op), op.state, run.percent()),
        format!(
            "Asked by <@{}> at {}{}",
            op.requester.user,
            op.created,
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
