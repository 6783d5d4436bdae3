//! The card of an operation that has to be approved: what is signed, short enough for a phone, and all the rest folded away.

use std::time::Duration;

use super::{
    blocks::Part,
    command_button::CommandButton,
    text::{clip_mrkdwn, count, date, escape, len, mention},
    words,
};
use crate::{
    domain::{moment::spoken, operation::Operation, operations},
    ports::chat::Offer,
};

/// Of what is kept for longer only the day is said.
const COUNTED_DAYS: u32 = 90;

/// Notes that are shown at once, and how much of each.
const NOTES: usize = 3;
const NOTE: usize = 180;
/// Number of the button that shows the plan: above those of any table.
const SHOW: usize = 900;
/// Longest list in a section.
const LIST: usize = 2_900;

/// `29 steps of 6 kinds`.
pub fn extent(op: &Operation) -> String {
    let steps = &op.plan.steps;
    let mut kinds: Vec<&str> = steps.iter().map(|spec| spec.action.label()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    match (steps.len(), kinds.len()) {
        (n, _) if n <= 1 => count(n, "step"),
        (n, kinds) => format!("{} of {}", count(n, "step"), count(kinds, "kind")),
    }
}

/// What an approver signs, in a few lines: account, region, what, what is lost, who.
pub fn signed(op: &Operation) -> String {
    let short = |text: &str| clip_mrkdwn(&escape(text), 120);
    let mut lines = Vec::new();
    // What happens in the ledger alone has neither.
    if !op.plan.account.is_empty() {
        let alone = if op.plan.dr_region.is_some() { "" } else { ", no copy elsewhere" };
        lines.push(format!("*Account* {} · {}{alone}", short(&op.plan.account), short(&route(op))));
    }
    let usual = op.estimate.map(|estimate| format!(" · usually takes {}", spoken(estimate))).unwrap_or_default();
    lines.push(format!("*Plan* {}{usual}", extent(op)));
    lines.extend(
        op.recovery.as_ref().map(|recovery| format!("*Recovery time* {}", clip_mrkdwn(&escape(recovery), 200))),
    );
    lines.extend(kept_until(op).map(|until| format!("*{}* {until}", operations::of(op.kind()).kept())));
    let why = reason(op).map(|reason| format!(": {}", clip_mrkdwn(&reason, 160))).unwrap_or_default();
    lines.push(format!("*Requested by* {}{why}", mention(&op.requester.user)));
    let agreed: Vec<String> = op.votes.iter().take(10).map(|v| mention(&v.by.user)).collect();
    let agreed = if agreed.is_empty() { String::new() } else { format!(", agreed: {}", agreed.join(", ")) };
    let by = op.deadline.map(|at| format!(", by {}", date(at))).unwrap_or_default();
    lines.push(format!("*Needs* {}{by}{agreed}", words::people(&op.needs)));
    let notes = notes(op);
    lines.extend(notes.iter().take(NOTES).map(|note| format!("• {}", clip_mrkdwn(&escape(note), NOTE))));
    if notes.len() > NOTES {
        lines.push(format!("… and {} below", count(notes.len() - NOTES, "more note")));
    }
    lines.join("\n")
}

/// What there is to know, what is lost first: the notes that say so begin so.
fn notes(op: &Operation) -> Vec<&String> {
    let mut notes: Vec<&String> = op.plan.notes.iter().collect();
    notes.sort_by_key(|note| !note.starts_with("What "));
    notes
}

/// Everything else that the digest is made of.
pub fn folded(op: &Operation) -> Part {
    let facts = op
        .plan
        .facts
        .iter()
        .map(|f| format!("• *{}*: {}", clip_mrkdwn(&escape(&f.subject), 200), clip_mrkdwn(&escape(&f.found), 400)));
    let whole = |note: &&String| len(note) > NOTE;
    let more = notes(op).into_iter().enumerate().filter(|(i, note)| *i >= NOTES || whole(note));
    let steps = op.plan.steps.iter().enumerate();
    let lists = [
        ("What is there now", facts.collect::<Vec<_>>()),
        ("Know before you approve", more.map(|(_, note)| format!("• {}", clip_mrkdwn(&escape(note), 600))).collect()),
        ("Steps", steps.map(|(i, s)| format!("{}. {}", i + 1, clip_mrkdwn(&escape(&s.title), 150))).collect()),
    ];
    let sections = lists.iter().filter(|(_, items)| !items.is_empty());
    let counted = |n: usize, one: &str| if n == 0 { String::new() } else { format!(" · {}", count(n, one)) };
    let show = Offer { label: "Show plan".to_owned(), command: format!("op show {}", op.id), confirm: None };
    Part::Folded {
        title: format!("Show plan: {}{}", extent(op), counted(op.plan.facts.len(), "fact")),
        sections: sections.map(|(title, items)| bullets(op, title, items)).collect(),
        show: CommandButton::of(&show, SHOW),
    }
}

/// A list that says how many do not fit.
fn bullets(op: &Operation, title: &str, items: &[String]) -> String {
    let mut out = format!("*{title}*");
    for (i, item) in items.iter().enumerate() {
        let more =
            format!("\n… and {} more: `/bbws op show {}` lists them", count(items.len() - i, "line"), escape(&op.id.0));
        if len(&out) + len(item) + 1 + len(&more) > LIST {
            out.push_str(&more);
            break;
        }
        out.push('\n');
        out.push_str(item);
    }
    out
}

/// Until when what it makes is kept, and for how many days where people count in days: `21 Dec 2026 (30 days)`.
pub fn kept_until(op: &Operation) -> Option<String> {
    let days = op.plan.retention_days?;
    let from = op.started.unwrap_or(op.created);
    let until = (from + Duration::from_secs(u64::from(days) * 86_400)).day();
    Some(if days <= COUNTED_DAYS { format!("{until} ({})", count(days, "day")) } else { until })
}

/// `af-south-1 → eu-west-1`.
pub(super) fn route(op: &Operation) -> String {
    match &op.plan.dr_region {
        Some(dr) => format!("{} → {dr}", op.plan.region),
        None => op.plan.region.clone(),
    }
}

pub(super) fn reason(op: &Operation) -> Option<String> {
    let reason = clip_mrkdwn(&escape(op.reason.as_deref()?), 500);
    Some(reason).filter(|r| !r.is_empty()).map(|r| format!("“{r}”"))
}
