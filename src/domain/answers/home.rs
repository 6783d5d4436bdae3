//! App Home: what concerns one person, on one page that is drawn anew as things change. It says what `status` and `handover` say of
//! every environment, and carries the buttons of what waits for that person.

use super::{
    Known, Runs, Wants, handover,
    status::{self, standing},
};
use crate::domain::{
    approval,
    attachment::Offer,
    drill::{
        calendar::{self, Stands},
        ready,
    },
    environment::Environment,
    incident::{self, item},
    mark::{Mark, MarkKind},
    moment::Moment,
    operation::{Run, State},
    operations::title,
    principal::Principal,
    reach,
    text::{count, escape},
};

/// Environments shown, and lines of each: what is more is counted, and a command says it.
const PLACES: usize = 10;
const ROOM: usize = 4;
/// Runs that wait for the person, each with its buttons.
const WAITS: usize = 6;
/// Lines of what runs, and of action items.
const LINES: usize = 8;

/// What stands on App Home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// For whoever may not look: a sentence, escaped.
    Shut(String),
    /// What there is to see.
    Open(Box<Board>),
}

/// What a person sees who may look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// The moment it is of.
    pub at: Moment,
    /// Each environment.
    pub places: Vec<Panel>,
    /// What waits for this person, the oldest first.
    pub waits: Vec<Run>,
    /// What else there is to say: how many more wait, what runs, drills, action items.
    pub more: Vec<Panel>,
}

/// A few lines and the commands that belong to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Panel {
    /// mrkdwn; whatever people typed in it is escaped.
    pub text: String,
    /// Below it.
    pub offers: Vec<Offer>,
}

/// What of the ledger it rests on.
pub fn wants() -> Wants {
    Wants {
        environments: true,
        runs: Runs::Unfinished,
        stops: true,
        marks: &[MarkKind::Finding, MarkKind::Leftover, MarkKind::Before, MarkKind::Drill, MarkKind::Item],
        measured: true,
        dues: true,
        approvers: true,
        ..Wants::default()
    }
}

/// What it was drawn from, so that it is drawn anew when that changed, and not because a minute went by.
pub fn drawn_from(known: &Known<'_>) -> Vec<String> {
    let runs = known.runs.iter().map(|run| format!("{} {}", run.op.id, run.version));
    let stops = known.stops.iter().map(|stop| format!("{} {}", stop.scope, stop.at.0));
    let marks = known.marks.iter().map(|mark| format!("{:?} {} {} {}", mark.kind, mark.subject, mark.note, mark.at.0));
    let places = known.environments.iter().map(|environment| {
        let seen = status::unseen(known.measured.get(&environment.name).copied(), known.now).is_none();
        format!("{} {} {seen} {:?}", environment.name, environment.primary_region, known.exposed.get(&environment.name))
    });
    runs.chain(stops).chain(marks).chain(places).collect()
}

/// What this person sees.
pub fn board(known: &Known<'_>, person: &Principal) -> Board {
    let acts = !person.roles.is_empty();
    let place = |environment: &&Environment| {
        let name = environment.name.as_str();
        let mut text = status::section(environment, known, ROOM);
        let reached = reach::line(environment, known.rules, &known.marks, known.now);
        text.extend(reached.map(|line| format!("\n• {line}")));
        let mut offers = vec![offer("Hand over", format!("handover {name}"))];
        if acts {
            offers.push(offer("Restore…", format!("backup restore {name}")));
            offers.push(offer("Declare an incident…", format!("dr declare {name}")));
        }
        Panel { text, offers }
    };
    let mut places: Vec<Panel> = known.environments.iter().take(PLACES).map(place).collect();
    if known.environments.len() > PLACES {
        let text = format!("and {} more: `/bbws status`", count(known.environments.len() - PLACES, "environment"));
        places.push(Panel { text, offers: Vec::new() });
    }
    let mut waits: Vec<Run> = known.runs.iter().filter(|run| waits_for(run, person)).cloned().collect();
    waits.sort_by_key(|run| run.op.created);
    let mut more = Vec::new();
    if waits.len() > WAITS {
        let text = format!("and {} more that wait for you: `/bbws op list`", waits.len() - WAITS);
        more.push(Panel { text, offers: Vec::new() });
        waits.truncate(WAITS);
    }
    more.extend([running(known), drills(known, acts), items(known, person)]);
    Board { at: known.now, places, waits, more }
}

/// Whether the word of this person would move a run on.
fn waits_for(run: &Run, person: &Principal) -> bool {
    let op = &run.op;
    if person.roles.is_empty() {
        return false;
    }
    match op.state {
        State::AwaitingApproval => approval::counts(op, person),
        // An incident waits for its end all the time.
        State::Waiting if incident::declared(&op.plan).is_none() => {
            run.asks().is_some_and(|(step, what)| approval::would_help(op, what, &run.steps[step].answers, person))
        }
        State::NeedsAttention => true,
        State::Paused => op.asked_by(&person.person),
        State::Waiting
        | State::Queued
        | State::Running
        | State::Stopped
        | State::Succeeded
        | State::Failed
        | State::RolledBack
        | State::Rejected
        | State::Expired
        | State::Cancelled => false,
    }
}

/// What is under way, incidents first.
fn running(known: &Known<'_>) -> Panel {
    let (incidents, others): (Vec<&Run>, Vec<&Run>) =
        known.runs.iter().partition(|run| incident::declared(&run.op.plan).is_some());
    let line = |run: &&Run| {
        let (environment, what) = (escape(run.op.environment()), escape(&title(&run.op)));
        format!("`{}` {what} ({environment}): {}", run.op.id, standing(run, known.now))
    };
    let lines: Vec<String> =
        incidents.iter().map(|run| handover::open(run, known)).chain(others.iter().map(line)).collect();
    listed("Under way", lines, "nothing is under way", "/bbws op list")
}

/// When drills are due, and where one can be held.
fn drills(known: &Known<'_>, acts: bool) -> Panel {
    let own =
        |name: &str| -> Vec<Mark> { known.marks.iter().filter(|mark| mark.environment == name).cloned().collect() };
    let places = known.environments.iter().take(PLACES);
    let (mut lines, mut offers) = (Vec::new(), Vec::new());
    for environment in places {
        let name = &environment.name;
        let marks = own(name);
        let told = calendar::line(environment, &marks, known.now);
        lines.push(format!("*{}* {}", escape(name), told.trim_start_matches("Drills: ")));
        offers.push(offer(&format!("Drill in {name}…"), format!("dr test {name}")));
        let coming =
            calendar::of(environment, &marks).into_iter().filter(|entry| entry.stands(known.now) != Stands::Quiet);
        for form in coming.map(|entry| entry.form).filter(|form| ready::asked(name, *form)) {
            lines.push(ready::line(&marks, form));
            let ticks = ready::offers(name, &marks, form).into_iter();
            offers.extend(ticks.map(|tick| Offer { label: format!("{name} {}: {}", form.word(), tick.label), ..tick }));
        }
    }
    offers.retain(|_| acts);
    Panel { offers, ..listed("Drills", lines, "no environment is configured", "/bbws status") }
}

/// What reviews left to be done, that of this person first.
fn items(known: &Known<'_>, person: &Principal) -> Panel {
    let open = item::open(&known.marks);
    let mut all: Vec<(&str, &incident::Item)> =
        open.iter().flat_map(|open| open.items.iter().map(|item| (open.incident.as_str(), item))).collect();
    let mine = |item: &incident::Item| item.owner.as_deref() == Some(person.user.as_str());
    all.sort_by_key(|(_, item)| (!mine(item), item.owner.is_some()));
    let lines = all.iter().map(|(incident, item)| format!("`{}` {}", escape(incident), item.line())).collect();
    // A button says no more than its number: where two incidents have one of that number, it names the incident.
    let offers =
        all.iter().take(LINES).filter(|(_, item)| mine(item) || item.owner.is_none()).map(|(incident, item)| {
            let offered = item.offer(incident);
            Offer { label: format!("{incident}: {}", offered.label), ..offered }
        });
    let offers = if person.roles.is_empty() { Vec::new() } else { offers.collect() };
    Panel { offers, ..listed("Action items", lines, "no incident left anything open", "/bbws dr actions") }
}

/// A heading and its lines; `nothing` where there are none, and `all` says those that do not fit.
fn listed(heading: &str, lines: Vec<String>, nothing: &str, all: &str) -> Panel {
    let mut text = format!("*{heading}*");
    if lines.is_empty() {
        text.push_str(&format!(" · {nothing}"));
    }
    lines.iter().take(LINES).for_each(|line| text.push_str(&format!("\n• {line}")));
    if lines.len() > LINES {
        text.push_str(&format!("\n• and {} more: `{all}`", lines.len() - LINES));
    }
    Panel { text, offers: Vec::new() }
}

fn offer(label: &str, command: String) -> Offer {
    Offer { label: label.to_owned(), command, confirm: None }
}
