//! What a recovery came to against its targets: when each stage was reached, how long it took from the request to proved data,
//! and how much of the data it lost. The same for people as a sentence and a page, and for machines as JSON.

mod page;
pub mod stages;

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    attachment::{File, Report},
    environment::Environment,
    moment::{Moment, spoken},
    operation::{Run, State},
    operations,
    step::Action,
    text::escape,
};

/// What was promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Targets {
    /// Data may be so old at the most.
    pub rpo: Duration,
    /// A recovery may take so long at the most.
    pub rto: Duration,
}

impl Targets {
    /// Those of an environment.
    pub fn of(env: &Environment) -> Targets {
        Targets { rpo: env.rpo.0, rto: env.rto.0 }
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// What was brought back, plain text.
    pub of: String,
    /// When it was asked for.
    pub asked: Moment,
    /// What was reached after that, in the order of time.
    pub stages: Vec<(&'static str, Moment)>,
    /// Up to when the data goes; none where that is not one moment.
    pub data_of: Option<Moment>,
    /// Whether it came to its end: what was not reached has taken no time that could be measured.
    pub whole: bool,
}

impl Recovery {
    /// How long it took from the request to the last stage; none where it never got there.
    pub fn took(&self) -> Option<Duration> {
        self.stages.last().filter(|_| self.whole).map(|(_, at)| at.since(self.asked))
    }

    /// How much data it lost, as of the request.
    pub fn lost(&self) -> Option<Duration> {
        self.data_of.filter(|_| self.whole).map(|data_of| self.asked.since(data_of))
    }

    /// Both measures in a sentence each, mrkdwn, escaped.
    pub fn told(&self, targets: Targets) -> String {
        let took = match self.took() {
            Some(took) => format!("from the request to the last proof {}", against(took, targets.rto)),
            None => "it came to no end that holds, so that no time of recovery is counted".to_owned(),
        };
        let lost = match (self.lost(), self.whole) {
            (Some(lost), _) => format!(" Data lost, as of the request: {}.", against(lost, targets.rpo)),
            (None, true) => " How much data it lost is not one number: the steps say what came back.".to_owned(),
            (None, false) => String::new(),
        };
        format!("*Recovery of {}*: {took}.{lost}", escape(&self.of))
    }

    /// For machines: times in ISO 8601, spans in seconds, unknown ones null.
    pub fn json(&self, targets: Targets) -> Value {
        let stage = |(stage, at): &(&str, Moment)| json!({"stage": stage, "at": at.iso(), "seconds": at.since(self.asked).as_secs()});
        json!({
            "of": self.of,
            "asked": self.asked.iso(),
            "data_of": self.data_of.map(Moment::iso),
            "stages": self.stages.iter().map(stage).collect::<Vec<_>>(),
            "rto": measured(self.took(), targets.rto),
            "rpo": measured(self.lost(), targets.rpo),
        })
    }
}

/// A measure against what was promised, as a person reads it; mrkdwn.
fn against(measured: Duration, target: Duration) -> String {
    match measured <= target {
        true => format!("{}, within the {} that are promised", spoken(measured), spoken(target)),
        false => format!("{}, *more* than the {} that are promised", spoken(measured), spoken(target)),
    }
}

fn measured(measured: Option<Duration>, target: Duration) -> Value {
    json!({
        "seconds": measured.map(|measured| measured.as_secs()),
        "target_seconds": target.as_secs(),
        "met": measured.map(|measured| measured <= target),
    })
}

/// The report of a run that has ended: a sentence for its thread, and a page and JSON to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// mrkdwn, escaped.
    pub told: String,
    /// For people who audit it, for machines, and of a tenant's rows the receipt, table by table.
    pub files: Vec<File>,
}

impl Account {
    /// Of a run in this environment that was brought to its end; none where it recovered nothing that could be measured.
    pub fn of(run: &Run, environment: &Environment) -> Option<Account> {
        let targets = Targets::of(environment);
        let link = ticket(run).and_then(|ticket| Some(environment.tickets.as_ref()?.address(ticket)));
        let ended = run.op.ended?;
        if !matches!(run.op.state, State::Succeeded | State::Failed | State::RolledBack) {
            return None;
        }
        let recovery = operations::of(run.op.kind()).recovery(run)?;
        // A run may end more than once: it is tried again, or rolled back when it was over.
        let stem = format!("{}-{}-{}", run.op.id, run.op.state.name(), ended.iso().replace(['-', ':'], ""));
        let title = operations::title(&run.op);
        let page = File {
            name: format!("{stem}.html"),
            title: format!("{title}: report"),
            text: page::page(run, &recovery, targets, link.as_deref()),
        };
        let json = serde_json::to_string_pretty(&whole(run, &recovery, targets, link.as_deref())).unwrap_or_default();
        let json = File { name: format!("{stem}.json"), title: format!("{title}: report for machines"), text: json };
        let mut files = vec![page, json];
        files.extend(receipt(run, &stem, &title));
        Some(Account { told: recovery.told(targets), files })
    }
}

/// What the fact of a plan is called that names the ticket.
const TICKET: &str = "Ticket";

/// The ticket that asks for what a run does.
fn ticket(run: &Run) -> Option<&str> {
    run.op.plan.facts.iter().find(|fact| fact.subject == TICKET).map(|fact| fact.found.as_str())
}

/// What people looked at before rows went into a live database, as a table to keep: how many come back, change and are lost, table by
/// table. No row is in it.
fn receipt(run: &Run, stem: &str, title: &str) -> Option<File> {
    let steps = run.op.plan.steps.iter().zip(&run.steps);
    let compared = steps.filter(|(spec, _)| matches!(spec.action, Action::CompareTenant(_)));
    let table = compared.filter_map(|(_, step)| Report::of(&step.outputs)?.attachment.table).next_back()?;
    let lines = std::iter::once(&table.columns)
        .chain(&table.rows)
        .map(|cells| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","));
    let text = lines.map(|line| format!("{line}\r\n")).collect();
    Some(File { name: format!("{stem}-receipt.csv"), title: format!("{title}: receipt, table by table"), text })
}

/// A cell of CSV that no spreadsheet takes for a formula.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, cell.replace('"', "\"\""))
}

/// Files by name, with the SHA-256 of what is in them: whoever is given one can tell that it is the one that was kept.
pub fn sums(files: &[File]) -> Value {
    let sum = |file: &File| (file.name.clone(), Value::from(hex::encode(Sha256::digest(file.text.as_bytes()))));
    Value::Object(files.iter().map(sum).collect())
}

fn whole(run: &Run, recovery: &Recovery, targets: Targets, link: Option<&str>) -> Value {
    let op = &run.op;
    let steps = op.plan.steps.iter().zip(&run.steps).map(|(spec, step)| {
        json!({
            "title": spec.title,
            "kind": spec.action.kind(),
            "way_back": spec.back,
            "state": step.state,
            "began": step.started.map(Moment::iso),
            "ended": step.ended.map(Moment::iso),
            "found": step.detail,
            "error": step.error,
        })
    });
    json!({
        "operation": op.id,
        "kind": op.kind(),
        "command": op.command,
        "environment": op.environment(),
        "account": op.plan.account,
        "region": op.plan.region,
        "scope": op.plan.scope,
        "tenant": op.plan.tenant,
        "ticket": ticket(run),
        "ticket_address": link,
        "state": op.state.name(),
        "outcome": op.outcome,
        "reason": op.reason,
        "plan": op.digest,
        "requested_by": op.requester.user,
        "approved_by": op.votes.iter().map(|vote| json!({"user": vote.by.user, "at": vote.at.iso()})).collect::<Vec<_>>(),
        "facts": op.plan.facts.iter().map(|fact| json!({"subject": fact.subject, "found": fact.found})).collect::<Vec<_>>(),
        "recovery": recovery.json(targets),
        "steps": steps.collect::<Vec<_>>(),
    })
}
