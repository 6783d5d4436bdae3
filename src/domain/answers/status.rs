//! `status`: one phone screen that says where each environment runs, what runs in it, what waits for whom, and what is late.

use super::{Answer, Known, Runs, Told, Wants, tiers};
use crate::domain::{
    approval,
    command::{
        ANY_ENVIRONMENT, Arg, Command, Does, EVERYONE, Entry, Form, Group, Values, WHY_ASKED, Wrong, nothing_more,
        value,
    },
    cost,
    drill::calendar,
    environment::{Environment, Side},
    experience,
    incident::item,
    mark::{Mark, MarkKind},
    moment::{Moment, spoken},
    operation::{Run, State},
    operations::{self, title},
    reach, restored,
    routine::Due,
    step::{Action, Consent, StepState},
    text::escape,
    tier,
    watch::{Kind, Standing, is_notice},
};

/// Lines below the head of an environment that was asked about by name.
const ROOM: usize = 10;
/// Lines below the head of each, where there are several.
const ROOM_OF_EACH: usize = 2;
/// Runs looked through for those that brought something back.
const MEASURED: u32 = 500;
/// What was measured longer ago than this is not what is so now, in milliseconds.
const FRESH: i64 = 15 * 60_000;

static ENTRY: Entry = Entry {
    name: "status",
    path: &["status"],
    group: Group::Operations,
    place: 5,
    about: "Show where things stand, on one screen",
    happens: "Shows only you, for each environment, which region is active, what runs, what waits for whom, and what is late or \
              wrong by the watcher's last look. Changes nothing and asks AWS nothing.",
    args: &[
        ANY_ENVIRONMENT,
        Arg {
            name: TIERS,
            kind: &value::CHECK,
            form: Form::Flag,
            required: false,
            usual: None,
            about: "RPO and RTO of each database, file system, bucket and configuration by its service tier, how far each is \
                    behind, and how well its RPO was kept in the last 30 days; of one environment",
        },
        WHY_ASKED,
    ],
    examples: &["status", "status ENV", "status ENV --tiers"],
    who: EVERYONE,
    does: |_| Does::Answer,
    settle: settled,
    mend: nothing_more,
};

const TIERS: &str = "tiers";

/// A matrix is of one environment.
fn settled(values: Values) -> Result<Values, Wrong> {
    if values.has(TIERS) && values.get(ANY_ENVIRONMENT.name).is_none() {
        return Err(Wrong::new("Tiers are shown of one environment. Say which: `/bbws status prod --tiers`."));
    }
    Ok(values)
}

/// The answer.
pub struct Status;

impl Answer for Status {
    fn entry(&self) -> &'static Entry {
        &ENTRY
    }

    fn wants(&self, command: &Command) -> Wants {
        Wants {
            environments: true,
            // How long recoveries take is told of one environment.
            newest: if command.environment().is_some() { MEASURED } else { 0 },
            runs: Runs::Unfinished,
            stops: true,
            marks: &[MarkKind::Finding, MarkKind::Leftover, MarkKind::Before, MarkKind::Drill, MarkKind::Item],
            measured: true,
            dues: true,
            attainment: command.environment().is_some(),
            approvers: command.environment().is_some(),
        }
    }

    fn tell(&self, command: &Command, known: &Known<'_>) -> Told {
        if known.environments.is_empty() {
            return Told::text("No environment is configured, so that nothing can be said of any.");
        }
        if let ([only], true) = (known.environments.as_slice(), command.values().has(TIERS)) {
            return tiers::told(only, known);
        }
        let room = if known.environments.len() == 1 { ROOM } else { ROOM_OF_EACH };
        let sections = known.environments.iter().map(|environment| Section::of(environment, known).text(room));
        let mut lines: Vec<String> = sections.collect();
        if let [only] = known.environments.as_slice() {
            let rows = tier::matrix(only, &known.samples, &known.tallies, known.now);
            lines.extend(tier::line(&rows).map(|line| format!("• {line}")));
            lines.push(format!("• {}", calendar::line(only, &known.marks, known.now)));
            lines.extend(reach::line(only, known.rules, &known.marks, known.now).map(|line| format!("• {line}")));
            lines.extend(experience::of(&known.newest).iter().map(|of| format!("• {}", of.spoken(only.rto.0))));
        }
        Told::text(lines.join("\n"))
    }
}

/// What there is to say of one environment, in so many lines below its head.
pub(super) fn section(environment: &Environment, known: &Known<'_>, room: usize) -> String {
    Section::of(environment, known).text(room)
}

/// What there is to say of one environment, in the order in which somebody has to know it.
struct Section<'a> {
    environment: &'a Environment,
    /// That nothing protects it; none where something does.
    exposed: Option<String>,
    stopped: Vec<String>,
    waiting: Vec<String>,
    running: Vec<String>,
    /// What a schedule is to start, and has not yet.
    due: Vec<String>,
    late: Vec<String>,
    wrong: Vec<String>,
    /// What restores left, each with whose it is, how long it stays, and what it costs.
    kept: Vec<String>,
    /// What makes the silence about what is late worth less; none when it was looked at just now.
    unseen: Option<String>,
    /// What incidents left to be done; none where all of it is.
    left_to_do: Option<String>,
}

impl Section<'_> {
    fn of<'a>(environment: &'a Environment, known: &Known<'_>) -> Section<'a> {
        let name = environment.name.as_str();
        let (mut waiting, mut running) = (Vec::new(), Vec::new());
        for run in known.runs.iter().filter(|run| [name, "*"].contains(&run.op.environment())) {
            let to = if matches!(run.op.state, State::Running | State::Queued) { &mut running } else { &mut waiting };
            to.push(format!("`{}` {}: {}", run.op.id, escape(&title(&run.op)), standing(run, known.now)));
        }
        let due = known.dues.iter().filter(|due| due.environment == name && due.at <= known.now);
        let due = due.map(|due| turn(due, &known.runs, known.now)).collect();
        let marks: Vec<_> = known.marks.iter().filter(|mark| mark.environment == name).cloned().collect();
        let (mut late, mut wrong) = (Vec::new(), Vec::new());
        let mut standing_findings = Standing::of(&marks);
        standing_findings.sort_by_key(|found| !found.note.critical);
        for found in standing_findings.into_iter().filter(|found| !is_notice(&found.key)) {
            let to = if is_late(&found) { &mut late } else { &mut wrong };
            to.push(format!("{} (told {} ago)", found.note.title, spoken(known.now.since(found.since))));
        }
        let stopped = known.stops.iter().filter(|stop| stop.reaches(name)).map(|stop| {
            let lift = if stop.scope == "*" { "/bbws resume".to_owned() } else { format!("/bbws resume {name}") };
            let since = spoken(known.now.since(stop.at));
            format!(
                "Stopped by <@{}> {since} ago: {}. `{lift}` asks a second person to lift it.",
                stop.by,
                escape(&stop.reason)
            )
        });
        let measured = known.measured.get(name).copied();
        let kept = marks.iter().filter_map(|mark| left(mark, environment, known)).collect();
        let exposed = known.exposed.get(name).map(|since| {
            let (at, ago) = (since.day_and_clock(), spoken(known.now.since(*since)));
            format!("*nothing protects {0}* since {at} ({ago} ago): `/bbws dr reprotect {0}`", escape(name))
        });
        Section {
            environment,
            exposed,
            stopped: stopped.collect(),
            waiting,
            running,
            due,
            late,
            wrong,
            kept,
            unseen: unseen(measured, known.now),
            left_to_do: item::counted(name, &item::open(&marks)),
        }
    }

    fn text(&self, room: usize) -> String {
        let name = &self.environment.name;
        let counted = [
            (self.waiting.len(), "waiting for people"),
            (self.running.len(), "running"),
            (self.due.len(), "due by schedule"),
            (self.late.len(), "late"),
            (self.wrong.len(), "otherwise wrong"),
        ];
        let kept = self.kept.len();
        let dr = if self.environment.side == Side::Dr { ", *its DR region*" } else { "" };
        let mut parts: Vec<String> = vec![format!("active in {}{dr}", self.environment.primary_region)];
        parts.extend((!self.stopped.is_empty()).then(|| "*stopped*".to_owned()));
        parts.extend(counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
        if counted.iter().all(|(n, _)| *n == 0) && self.unseen.is_none() && self.exposed.is_none() {
            parts.push("nothing runs, waits or is late".to_owned());
        }
        parts.extend((kept > 0).then(|| format!("{kept} left by restores")));
        let mut text = format!("*{}* · {}", escape(name), parts.join(" · "));
        let groups = [&self.stopped, &self.waiting, &self.running, &self.due, &self.late, &self.wrong, &self.kept];
        let lines: Vec<&String> = self
            .exposed
            .iter()
            .chain(&self.unseen)
            .chain(groups.into_iter().flatten())
            .chain(&self.left_to_do)
            .collect();
        for line in lines.iter().take(room) {
            text.push_str(&format!("\n• {line}"));
        }
        if lines.len() > room {
            // Whoever asked about it by name is not sent to where they are.
            let all = if room == ROOM { format!("`/bbws handover {name}`") } else { format!("`/bbws status {name}`") };
            text.push_str(&format!("\n• and {} more: {all}, `/bbws op list {name}`", lines.len() - room));
        }
        text
    }
}

/// What is due by schedule and has not begun, and what it waits for.
fn turn(due: &Due, runs: &[Run], now: Moment) -> String {
    let what = escape(due.spoken());
    let locks = |run: &&Run| operations::of(run.op.kind()).locked_by(&run.op.plan);
    // Who came first has the environment: backups that began while it waits for people have not.
    let of_it = runs.iter().filter(|run| run.op.environment() == due.environment);
    let holder = of_it.filter(locks).min_by_key(|run| run.op.created);
    let waits = match holder {
        Some(run) if run.op.state != State::Waiting || due.kept.told.is_none() => {
            format!("waits its turn behind `{}`", run.op.id)
        }
        _ if due.kept.told.is_some() => "could not begin, and why was told in the channel".to_owned(),
        _ => "about to begin".to_owned(),
    };
    format!("{what}, due since {} by schedule `{}`: {waits}", due.at.clock_at(now), escape(&due.kept.schedule))
}

/// What a restore left: whose it is, how long it stays, and what it costs; none where a mark is of something else.
fn left(mark: &Mark, env: &Environment, known: &Known<'_>) -> Option<String> {
    let stays = restored::stays(mark, known.now)?;
    let owner = known.owners.get(&mark.operation).map(|user| format!(", asked for by <@{user}>")).unwrap_or_default();
    let cost = cost::told(&mark.subject, known.hardware.get(&mark.subject), &env.prices);
    Some(format!("`{}` of {}{owner}: {stays}; {}.", escape(&mark.subject), escape(&mark.operation), escape(&cost)))
}

/// Whether a finding is of something that should have happened by now.
pub(super) fn is_late(found: &Standing) -> bool {
    let late = [Kind::Missed, Kind::Lag, Kind::Promise, Kind::RestoreTest, Kind::Drill];
    late.contains(&found.note.kind) && !is_notice(&found.key)
}

/// Where a run stands, and who has to do something.
pub(super) fn standing(run: &Run, now: Moment) -> String {
    let op = &run.op;
    match op.state {
        State::AwaitingApproval => {
            let missing = approval::missing(&op.needs, &op.requester.person, &op.digest, &op.votes);
            let until = op.deadline.map(|at| format!(", {} left", spoken(at.since(now)))).unwrap_or_default();
            format!("waits for {} to approve{until}", approval::spoken(&missing))
        }
        State::Queued => {
            op.outcome.as_ref().map_or("about to start".to_owned(), |why| format!("not started yet: {why}"))
        }
        State::Running if op.halt.as_ref().is_some_and(|halt| halt.cancel) => {
            "is being cancelled; what runs in AWS is watched to its end".to_owned()
        }
        State::Running if !run.outages().is_empty() => {
            let outages = run.outages();
            let regions: Vec<String> = outages.iter().map(|outage| escape(&outage.region)).collect();
            let since = outages[0].since.clock();
            format!("waits for {} (down since {since}), {} % done", regions.join(" and "), run.percent())
        }
        State::Running => {
            let took = op.started.map(|at| format!(", {} so far", spoken(now.since(at)))).unwrap_or_default();
            let usual = op.estimate.map(|usual| format!(", usually {}", spoken(usual))).unwrap_or_default();
            format!("{} % done{took}{usual}", run.percent())
        }
        State::Paused => "paused; anyone in a role may press Resume".to_owned(),
        State::Waiting => asked(run),
        State::Stopped => match op.gave_way() {
            Some(to) => format!("stopped; it gave its environment up to `{to}`, and Cancel on its card closes it"),
            None => "stopped; Resume on its card asks a second person".to_owned(),
        },
        State::NeedsAttention => {
            "waits for a person to look: nobody knows whether a step was carried out. Then Retry or Cancel on its card"
                .to_owned()
        }
        over => over.name().to_owned(),
    }
}

/// Whose word a run waits for.
fn asked(run: &Run) -> String {
    let asks = run.op.plan.steps.iter().zip(&run.steps).find_map(|(spec, step)| match &spec.action {
        Action::WaitForPeople(what) if step.state == StepState::Polling => Some((what, step)),
        _ => None,
    });
    let whom = asks.map(|(what, step)| match (&what.consent, &step.answers.held) {
        (_, Some(held)) => format!("is held by <@{}>", held.by),
        (Consent::Look, None) => "waits for anyone in a role to look".to_owned(),
        (Consent::Others(_), None) => {
            format!("waits for {}", approval::spoken(&approval::awaited(&run.op, what, &step.answers)))
        }
    });
    format!("{}; the buttons are on its card", whom.unwrap_or_else(|| "waits for a person".to_owned()))
}

/// Nothing late is worth nothing where nobody looked.
pub(super) fn unseen(measured: Option<Moment>, now: Moment) -> Option<String> {
    match measured {
        Some(at) if now.0 - at.0 <= FRESH => None,
        Some(at) => Some(format!("What is late is not known: it was last measured {} ago.", spoken(now.since(at)))),
        None => Some("What is late is not known: nothing was measured in the last hour.".to_owned()),
    }
}
