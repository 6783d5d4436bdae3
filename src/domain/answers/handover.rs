//! `handover`: what whoever takes over has to know, on one screen of a phone: what runs, what waits for whom, what must not be
//! touched, what is late.

use super::{
    Answer, Known, Runs, Told, Wants,
    status::{is_late, standing, unseen},
};
use crate::domain::{
    command::{ANY_ENVIRONMENT, Command, Does, EVERYONE, Entry, Group, WHY_ASKED, as_they_are, nothing_more},
    environment::{Environment, Side},
    incident::{self, item},
    mark::{Leftover, Mark, MarkKind},
    moment::spoken,
    operation::{Run, State},
    operations::{self, title},
    text::{count, escape},
    watch::Standing,
};

/// Lines under each heading, of an environment that was asked about by name and of each where there are several.
const ROOM: usize = 4;
const ROOM_OF_EACH: usize = 2;

static ENTRY: Entry = Entry {
    name: "handover",
    path: &["handover"],
    group: Group::Operations,
    place: 7,
    about: "Hand over to whoever comes next, on one screen",
    happens: "Shows only you, for each environment, which incident is open and who leads it, what waits for whom, what runs, what must not be \
              touched and why, and what is late. Changes nothing and asks AWS nothing.",
    args: &[ANY_ENVIRONMENT, WHY_ASKED],
    examples: &["handover", "handover ENV"],
    who: EVERYONE,
    does: |_| Does::Answer,
    settle: as_they_are,
    mend: nothing_more,
};

/// The answer.
pub struct Handover;

impl Answer for Handover {
    fn entry(&self) -> &'static Entry {
        &ENTRY
    }

    fn wants(&self, _: &Command) -> Wants {
        Wants {
            environments: true,
            runs: Runs::Unfinished,
            stops: true,
            marks: &[MarkKind::Finding, MarkKind::Hold, MarkKind::Before, MarkKind::Item],
            measured: true,
            ..Wants::default()
        }
    }

    fn tell(&self, _: &Command, known: &Known<'_>) -> Told {
        if known.environments.is_empty() {
            return Told::text("No environment is configured, so that there is nothing to hand over.");
        }
        let room = if known.environments.len() == 1 { ROOM } else { ROOM_OF_EACH };
        let each = known.environments.iter().map(|environment| told(environment, known, room));
        Told::text(each.collect::<Vec<_>>().join("\n"))
    }
}

/// Everything of one environment, in the order in which somebody has to know it.
fn told(environment: &Environment, known: &Known<'_>, room: usize) -> String {
    let name = environment.name.as_str();
    let own = |run: &&Run| [name, "*"].contains(&run.op.environment());
    let (incidents, others): (Vec<&Run>, Vec<&Run>) =
        known.runs.iter().filter(own).partition(|run| incident::declared(&run.op.plan).is_some());
    let (running, waiting): (Vec<&Run>, Vec<&Run>) =
        others.iter().partition(|run| matches!(run.op.state, State::Running | State::Queued));
    let line = |run: &&Run| format!("`{}` {}: {}", run.op.id, escape(&title(&run.op)), standing(run, known.now));
    let marks: Vec<Mark> = known.marks.iter().filter(|mark| mark.environment == name).cloned().collect();
    let dr = if environment.side == Side::Dr { ", *its DR region*" } else { "" };
    let mut text = format!("*{}* · active in {}{dr}", escape(name), environment.primary_region);
    let groups = [
        ("Incident", incidents.iter().map(|run| open(run, known)).collect()),
        ("Waits", waiting.iter().map(line).collect()),
        ("Runs", running.iter().map(line).collect()),
        ("Do not touch", untouchable(environment, &others, &marks, known)),
        ("Late", late(name, &marks, known)),
        ("To do", item::counted(name, &item::open(&marks)).into_iter().collect()),
    ];
    let mut quiet = true;
    for (heading, lines) in groups {
        let lines: Vec<String> = lines;
        quiet &= lines.is_empty();
        if lines.is_empty() {
            continue;
        }
        text.push_str(&format!("\n*{heading}*"));
        lines.iter().take(room).for_each(|line| text.push_str(&format!("\n• {line}")));
        if lines.len() > room {
            text.push_str(&format!("\n• and {} more: `/bbws status {name}`", lines.len() - room));
        }
    }
    if quiet {
        text.push_str("\nNothing runs, waits, is held or is late.");
    }
    text
}

/// An open incident: since when, who leads it, where its room is.
pub(super) fn open(run: &Run, known: &Known<'_>) -> String {
    let since = incident::declared(&run.op.plan).map_or(run.op.created, |room| room.first_sign);
    let leads = run.op.incident.as_ref().and_then(|incident| incident.duties.get(&incident::Duty::Commander));
    let leads = leads.map_or_else(|| "*nobody leads it*".to_owned(), |holder| format!("<@{}> leads it", holder.user));
    let room = incident::room(run).map(|channel| format!(", <#{channel}>")).unwrap_or_default();
    format!("`{}` {}: {} so far, {leads}{room}", run.op.id, escape(&title(&run.op)), spoken(known.now.since(since)))
}

/// What must be left alone, and why.
fn untouchable(environment: &Environment, runs: &[&Run], marks: &[Mark], known: &Known<'_>) -> Vec<String> {
    let name = environment.name.as_str();
    let mut lines: Vec<String> = known
        .stops
        .iter()
        .filter(|stop| stop.reaches(name))
        .map(|stop| format!("All of it: <@{}> stopped it: {}", stop.by, escape(&stop.reason)))
        .collect();
    let locked = runs.iter().find(|run| {
        operations::of(run.op.kind()).locked_by(&run.op.plan)
            && run.op.environment() == name
            && run.op.started.is_some()
    });
    lines.extend(locked.map(|run| format!("What `{}` changes: by hand nothing of it, until it has ended", run.op.id)));
    if environment.side == Side::Dr {
        lines.push(format!("What was left in {}: a failback needs it as it is", environment.dr_region));
    }
    let held = marks.iter().filter(|mark| mark.kind == MarkKind::Hold).count();
    if held > 0 {
        lines.push(format!(
            "{} on hold: `/bbws backup list {name}` shows for which tickets",
            count(held, "recovery point")
        ));
    }
    for mark in marks.iter().filter(|mark| mark.kind == MarkKind::Before) {
        let until = (mark.at + Leftover::read(&mark.note).stays()).day_and_clock();
        lines.push(format!("`{}`: the way back of {}, promised until {until}", escape(&mark.subject), mark.operation));
    }
    lines
}

fn late(name: &str, marks: &[Mark], known: &Known<'_>) -> Vec<String> {
    let found = Standing::of(marks).into_iter().filter(is_late);
    let since = |found: Standing| format!("{} (told {} ago)", found.note.title, spoken(known.now.since(found.since)));
    unseen(known.measured.get(name).copied(), known.now).into_iter().chain(found.map(since)).collect()
}
