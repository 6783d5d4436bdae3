//! What an incident says by itself: what its clock shows, what is done first, and who is called because a duty is nobody's.

use std::time::Duration;

use super::{Disaster, Duty, FIRST, Hint, checklist, declared};
use crate::domain::{
    attachment::Offer,
    moment::{Moment, spoken},
    operation::Run,
    step::{Action, OpenRoom},
    text::escape,
};

/// A duty that nobody has taken for so long is called for: the first of its group, and then the whole group.
const CALLED_AFTER: Duration = Duration::from_secs(5 * 60);
const CALLED_AGAIN: Duration = Duration::from_secs(10 * 60);

/// Something to say to the room, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What is said by it, each once: `first-steps`, `call-commander-1`.
    pub keys: Vec<String>,
    /// mrkdwn.
    pub text: String,
    /// Buttons below.
    pub offers: Vec<Offer>,
}

/// What the clock of an incident shows, line by line, mrkdwn. It stands still once the incident is over.
pub fn clock(run: &Run, now: Moment) -> Vec<String> {
    let Some(room) = declared(&run.op.plan) else { return Vec::new() };
    let now = run.op.ended.unwrap_or(now);
    let (rto, rpo) = (Duration::from_secs(room.rto), Duration::from_secs(room.rpo));
    let until = room.first_sign + rto;
    let sign = room.sign.as_ref().map(|sign| format!(": {}", escape(sign))).unwrap_or_default();
    let since = format!(
        "*{}* since the first sign at {}{sign}.",
        spoken(now.since(room.first_sign)),
        room.first_sign.clock_at(now)
    );
    let rto = if now <= until {
        format!("RTO {}: *{}* left, until {}.", spoken(rto), spoken(until.since(now)), until.clock_at(now))
    } else {
        format!("RTO {} is over since {}, by *{}*.", spoken(rto), until.clock_at(now), spoken(now.since(until)))
    };
    let oldest = room.first_sign - rpo;
    let rpo = format!("RPO {}: what is brought back has to be from {} or later.", spoken(rpo), oldest.clock_at(now));
    let mut lines = vec![since, rto, rpo];
    lines.extend(too_late(run, room, now));
    lines.extend(ruled(run, room, now));
    lines
}

/// After which minute a failover comes too late for the promise, by what own failovers took; none where too few were measured, or
/// where none would help.
fn too_late(run: &Run, room: &OpenRoom, now: Moment) -> Option<String> {
    let measured = run.op.incident.as_ref()?.measured?;
    let helps = matches!(room.disaster, Disaster::Region | Disaster::Outage) && run.op.ended.is_none();
    let (rto, takes) = (Duration::from_secs(room.rto), Duration::from_secs(measured.takes));
    let gone = room.first_sign + rto.saturating_sub(takes);
    let by = format!("nine of ten of {} measured failovers took at most {}", measured.runs, spoken(takes));
    let rto = spoken(rto);
    let told = match now <= gone {
        true => format!("Past *{}* a failover cannot keep the {rto} any more: {by}.", gone.clock_at(now)),
        false => format!("Since {} no failover keeps the {rto} any more: {by}.", gone.clock_at(now)),
    };
    helps.then_some(told)
}

/// What the commander decided last.
fn ruled(run: &Run, room: &OpenRoom, now: Moment) -> Option<String> {
    let ruling = run.op.incident.as_ref()?.rulings.last()?;
    let (what, at) = (ruling.choice.in_earnest(room.disaster), ruling.at.clock_at(now));
    Some(format!("Decided at {at} by <@{}>: *{what}*, because {}.", ruling.by, escape(&ruling.why)))
}

/// What is due to be said to the room now and was not said yet.
pub fn calls(run: &Run, now: Moment) -> Vec<Call> {
    let Some(room) = declared(&run.op.plan) else { return Vec::new() };
    let said = |key: &str| run.op.incident.as_ref().is_some_and(|incident| incident.said.contains(key));
    let mut calls = Vec::new();
    if !said(FIRST_STEPS) {
        calls.push(first_steps(run, room));
    }
    let open = run.op.started.map(|at| now.since(at)).unwrap_or_default();
    for (stage, after) in [(1, CALLED_AFTER), (2, CALLED_AGAIN)] {
        let due = |duty: &Duty| open >= after && !said(&key(*duty, stage)) && !taken(run, *duty);
        let whom: Vec<(Duty, String)> =
            Duty::ALL.into_iter().filter(due).filter_map(|duty| Some((duty, called(run, duty, stage)?))).collect();
        if whom.is_empty() {
            continue;
        }
        let lines: Vec<String> = whom.iter().map(|(duty, whom)| format!("• *{duty}*: {whom}")).collect();
        calls.push(Call {
            keys: whom.iter().map(|(duty, _)| key(*duty, stage)).collect(),
            text: format!(
                "Nobody has taken this for {} yet. Take it on the card, or hand it to somebody.\n{}",
                spoken(after),
                lines.join("\n")
            ),
            offers: Vec::new(),
        });
    }
    calls
}

/// The key under which the first steps are said.
const FIRST_STEPS: &str = "first-steps";

fn key(duty: Duty, stage: u8) -> String {
    format!("call-{duty}-{stage}")
}

fn taken(run: &Run, duty: Duty) -> bool {
    run.op.incident.as_ref().is_some_and(|incident| incident.duties.contains_key(&duty))
}

/// Who is called for a duty; none where the roster names nobody. An incident that nobody leads is led by whoever declared it.
fn called(run: &Run, duty: Duty, stage: u8) -> Option<String> {
    let invites = run.op.plan.steps.iter().zip(&run.steps).find_map(|(spec, step)| match &spec.action {
        Action::InvitePeople(people) => Some((people, step)),
        _ => None,
    });
    let (people, step) = invites?;
    let group = people.groups.iter().find(|(word, _)| word == duty.word()).map(|(_, group)| group);
    let whole = group.map(|group| format!("<!subteam^{group}>"));
    let declared_by = (duty == Duty::Commander).then(|| format!("<@{}>", run.op.requester.user));
    match stage {
        1 => step.outputs.get(&format!("{FIRST}{duty}")).map(|user| format!("<@{user}>")).or(whole).or(declared_by),
        _ => whole.or(declared_by),
    }
}

fn first_steps(run: &Run, room: &OpenRoom) -> Call {
    let environment = run.op.environment();
    let fill = |text: &str| text.replace("ENV", environment).replace("TICKET", &room.ticket);
    let line = |(at, hint): (usize, &Hint)| {
        let command = hint.command.map(|command| format!(" `/bbws {}`", escape(&fill(command)))).unwrap_or_default();
        format!("{}. {}{command}", at + 1, hint.text)
    };
    let hints = checklist(room.disaster);
    let lines: Vec<String> = hints.iter().enumerate().map(line).collect();
    let conference =
        room.conference.as_ref().map(|url| format!(" People talk at {}.", escape(url))).unwrap_or_default();
    let offer = |hint: &Hint| {
        let confirm = hint.confirm.map(fill);
        Some(Offer { label: hint.label?.to_owned(), command: fill(hint.command?), confirm })
    };
    Call {
        keys: vec![FIRST_STEPS.to_owned()],
        text: format!(
            "*{}* in `{}`: {}.{conference} First steps where {}:\n{}",
            escape(&room.ticket),
            escape(environment),
            escape(&room.what),
            room.disaster.about(),
            lines.join("\n")
        ),
        offers: hints.iter().filter_map(offer).collect(),
    }
}
