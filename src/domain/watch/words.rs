//! The sentences of findings, and the messages they are told in.

use std::time::Duration;

use super::{Finding, Kind, Look, MORE, Standing, View, dwell, is_region};
use crate::domain::{
    attachment::Offer,
    drill::{calendar::Entry, ready},
    environment::{Environment, Side},
    lag::{Component, JobTrouble},
    mark::{Leftover, Mark},
    moment::{Moment, spoken},
    operations::{
        create::{self, BackupScope},
        drill,
        schedule::{self, ScheduleAct},
        validate::{self, Checks},
    },
    point::PointKind,
    routine::{Due, Routine},
    schedule::Schedule,
    text::{count, escape},
};

/// The most characters of what AWS says that are repeated.
const SAYING: usize = 240;
/// Buttons under one message.
const BUTTONS: usize = 5;

/// What can be done about something while a region it needs does not answer.
pub(super) const LATER: &str = "Nothing can be done about it before the region answers, which is told on its own.";

/// A file system by its name in the config, anything else by its id.
pub(super) fn named<'n>(environment: &'n Environment, resource: &'n str) -> &'n str {
    environment.file_systems.iter().find(|f| f.id == resource).map_or(resource, |f| f.name.as_str())
}

/// `efs wp-content in DR`.
pub(super) fn called(environment: &Environment, component: &Component) -> String {
    let resource = named(environment, &component.resource).to_owned();
    Component { resource, ..component.clone() }.name()
}

/// What somebody else said, harmless, short, and with a period.
pub(super) fn sentence(said: &str) -> String {
    let said = crate::domain::text::one_line(said);
    let mut short: String = said.chars().take(SAYING).collect();
    if short.len() < said.len() {
        short.push('…');
    } else if !short.is_empty() && !short.ends_with(['.', '!', '?', '…']) {
        short.push('.');
    }
    escape(&short)
}

/// A promised length of time: `30 days` where [`spoken`] would count hours as well.
pub(super) fn promised(span: Duration) -> String {
    match span.as_secs() {
        seconds if seconds > 86_400 && seconds.is_multiple_of(86_400) => format!("{} days", seconds / 86_400),
        _ => spoken(span),
    }
}

pub(super) fn code(text: &str) -> String {
    format!("`{}`", escape(&text.replace('`', "'")))
}

/// A button that makes a backup.
pub(super) fn back_up(environment: &Environment, scope: BackupScope) -> Offer {
    let command = create::command(&environment.name, scope);
    let what = if scope == BackupScope::Full { "everything" } else { scope.as_str() };
    Offer { label: format!("Back up {what} now"), command: command.canonical(), confirm: None }
}

pub(super) fn scope(kind: PointKind) -> BackupScope {
    match kind {
        PointKind::Rds => BackupScope::Rds,
        PointKind::Efs => BackupScope::Efs,
        PointKind::Secrets => BackupScope::Secrets,
        PointKind::Config => BackupScope::Config,
        PointKind::S3 => BackupScope::S3,
        PointKind::Dump => BackupScope::Dump,
    }
}

/// A button that looks closer: restores one, or measures copies again.
pub(super) fn look_closer(environment: &Environment, test_restore: bool, replication: bool) -> Offer {
    let checks = Checks { replication, test_restore, ..Checks::NONE };
    let command = validate::command(&environment.name, checks);
    let label = if test_restore { "Test a restore now" } else { "Measure it again" };
    Offer { label: label.to_owned(), command: command.canonical(), confirm: None }
}

/// What to do about a place that is not usable. Never a failover into what is down itself.
pub(super) fn place_next(environment: &Environment, name: &str) -> String {
    let is = |region: &str| name.split_whitespace().next_back() == Some(region);
    if is_region(name) && is(&environment.primary_region) && environment.replicates() {
        format!(
            "Look at the AWS Health Dashboard; if it lasts, the incident commander decides about a failover to {}. bbws goes on looking, and says when it answers.",
            escape(&environment.dr_region)
        )
    } else if is_region(name) && is(&environment.dr_region) {
        format!(
            "{} runs on in {}; until there is an answer no copies arrive and nothing can fail over to it. Look at the AWS Health Dashboard. bbws goes on looking, and says when it answers.",
            escape(&environment.name),
            escape(&environment.primary_region)
        )
    } else if is_region(name) {
        "Look at the AWS Health Dashboard. bbws goes on looking, and says when it answers.".to_owned()
    } else if name.to_ascii_lowercase().contains("key ") {
        "Enable the key, or cancel its deletion, in KMS: what it encrypts cannot be restored without it.".to_owned()
    } else {
        "Bring it back in AWS, or correct its name in the config; new backups fail without it.".to_owned()
    }
}

pub(super) fn missed(view: &View<'_>, c: &Component, key: String, due: Moment, schedule: &Schedule) -> Finding {
    let when = format!("{} on {}", due.clock(), due.day());
    let name = code(&called(view.environment, c));
    let (title, reason) = match &c.safe {
        Ok(safe) => (
            format!("The backup of {name} that was due at {when} did not happen"),
            format!("Its newest backup is {} old; promised is {}.", spoken(view.now.since(*safe)), schedule.spoken()),
        ),
        Err(why) => (format!("No backup of {name} is known since one was due at {when}"), sentence(why)),
    };
    Finding {
        key,
        kind: Kind::Missed,
        critical: false,
        certain: c.safe.is_ok(),
        again: 0,
        title,
        reason,
        next: if view.reaches_all() {
            "Make one now, and look at the AWS Backup plan or at who stopped it.".to_owned()
        } else {
            LATER.to_owned()
        },
        fix: view.reaches_all().then(|| back_up(view.environment, scope(c.kind))),
    }
}

pub(super) fn lag(view: &View<'_>, c: &Component, key: String) -> Finding {
    let rpo = spoken(view.environment.promise_of(c).rpo);
    let name = code(&called(view.environment, c));
    let (title, reason) = match c.lag(view.measurements.at) {
        Some(lag) => (
            format!("{name} is {} behind; the RPO is {rpo}", spoken(lag)),
            "A failover now would lose that much.".to_owned(),
        ),
        None => (
            format!("How far {name} is behind is unknown, which counts as a breach of the RPO of {rpo}"),
            sentence(c.safe.as_ref().err().map_or("", String::as_str)),
        ),
    };
    // AWS replicates buckets by itself: a backup does not bring the copy any closer.
    let fix = if c.kind == PointKind::S3 || c.safe.is_err() {
        look_closer(view.environment, false, true)
    } else {
        back_up(view.environment, scope(c.kind))
    };
    let next = match c.kind {
        _ if !view.reaches_all() => LATER,
        PointKind::S3 => "Look at the bucket's replication rule and the role it runs under.",
        _ if c.safe.is_err() => "Find out why it cannot be read, then measure again.",
        _ => "Make a backup now, which is copied there, and look at what holds the copies up.",
    };
    Finding {
        key,
        kind: Kind::Lag,
        critical: false,
        certain: c.safe.is_ok(),
        again: 0,
        title,
        reason,
        next: next.to_owned(),
        fix: view.reaches_all().then_some(fix),
    }
}

pub(super) fn no_copy(view: &View<'_>, copies: usize, certain: bool) -> Finding {
    Finding {
        key: Kind::Lag.key("every copy in DR"),
        kind: Kind::Lag,
        critical: true,
        certain,
        again: 0,
        title: format!(
            "None of the {} in {} keeps {}",
            count(copies, "copy"),
            escape(&view.environment.dr_region),
            match view.environment.tiers.is_empty() {
                true => format!("the RPO of {}", spoken(view.environment.rpo.0)),
                false => "its RPO".to_owned(),
            }
        ),
        reason: "A failover now would break the promise for everything.".to_owned(),
        next: if view.reaches_all() {
            "Make a backup of everything now, which is copied there, and look at what holds the copies up.".to_owned()
        } else {
            LATER.to_owned()
        },
        fix: view.reaches_all().then(|| back_up(view.environment, BackupScope::Full)),
    }
}

pub(super) fn job(view: &View<'_>, job: &JobTrouble, key: String, times: usize) -> Finding {
    let databases = &view.environment.databases;
    let declared = if databases.iter().any(|d| d.is_called(&job.resource)) {
        Some(BackupScope::Rds)
    } else {
        view.environment.file_systems.iter().any(|f| f.id == job.resource).then_some(BackupScope::Efs)
    };
    let fix = match (job.what.as_str(), declared) {
        ("restore", _) => look_closer(view.environment, true, false),
        (_, Some(scope)) => back_up(view.environment, scope),
        _ => back_up(view.environment, BackupScope::Full),
    };
    let often = if times > 1 { format!(", {} in 24 h", count(times, "time")) } else { String::new() };
    let next = match job.what.as_str() {
        _ if !view.reaches_all() => LATER,
        "restore" => "Find the cause in AWS Backup, then test a restore.",
        _ => "Remove the cause, then make a backup now.",
    };
    let said = if job.message.trim().is_empty() { "AWS gives no reason." } else { &job.message };
    Finding {
        key,
        kind: Kind::Job,
        critical: false,
        certain: true,
        again: 0,
        title: format!(
            "The {} of {} in {} ended {}{often}",
            escape(&job.what),
            code(named(view.environment, &job.resource)),
            escape(&job.region),
            escape(&job.state)
        ),
        reason: format!("{} Job {}, {}.", sentence(said), code(&job.id), job.at.clock()),
        next: next.to_owned(),
        fix: view.reaches_all().then_some(fix),
    }
}

pub(super) fn blind(view: &View<'_>, reason: &str) -> Finding {
    Finding {
        key: Kind::Blind.key("jobs"),
        kind: Kind::Blind,
        critical: false,
        certain: false,
        again: 0,
        title: "The jobs of AWS Backup cannot be seen: one that fails now goes unnoticed".to_owned(),
        reason: sentence(reason),
        next: "Allow the role of bbws to list jobs, or wait if AWS is in trouble.".to_owned(),
        fix: Some(look_closer(view.environment, false, true)),
    }
}

/// A dump of which nobody knows whether it can be loaded, since nothing is named to load it into.
pub(super) fn leftover(mark: &Mark, now: Moment) -> Finding {
    let label: String = format!("Show {}", mark.operation).chars().take(30).collect();
    let Leftover { files, region, .. } = Leftover::read(&mark.note);
    let by_hand = match files {
        true => "its mount targets and then the file system in EFS",
        false => "the instance in RDS without a final snapshot",
    };
    Finding {
        key: Kind::Leftover.key(&mark.subject),
        kind: Kind::Leftover,
        critical: false,
        certain: true,
        again: 0,
        title: format!(
            "{}, made for a restore, still exists after {}",
            code(&mark.subject),
            spoken(now.since(mark.at))
        ),
        reason: format!("It was not deleted, costs money, and holds a copy of the data in {}.", escape(region)),
        next: format!("bbws tries to delete it every six hours. If that goes on failing, delete {by_hand}."),
        fix: (!mark.operation.is_empty()).then(|| Offer {
            label,
            command: format!("op show {}", mark.operation),
            confirm: None,
        }),
    }
}

/// What bbws starts by itself and has not started yet.
pub(super) fn late(view: &View<'_>, routine: Routine, due: &Due) -> Finding {
    Finding {
        key: Kind::Schedule.key(&format!("late {}", due.routine)),
        kind: Kind::Schedule,
        critical: false,
        certain: true,
        again: 0,
        title: format!("{} due at {} did not begin", upper(routine.spoken()), due.at.clock_at(view.now)),
        reason: "It waits for its turn, or could not be planned.".to_owned(),
        next: format!(
            "Look at what is under way with `/bbws status {}`; it begins by itself as soon as it can.",
            escape(&view.environment.name)
        ),
        fix: None,
    }
}

/// The config wishes something to start by itself, which takes people's approval.
pub(super) fn not_approved(view: &View<'_>, routines: &[Routine]) -> Finding {
    to_be_approved(
        view,
        "not approved",
        ScheduleAct::Create,
        format!("The config wishes that bbws starts {} by itself, and nobody has approved it", listed(routines)),
        "Nothing starts by itself before that.",
    )
}

/// What was approved is not what the config says now.
pub(super) fn approved_otherwise(view: &View<'_>, routines: &[Routine]) -> Finding {
    let (env, approved) = (view.environment, format!("What was approved for {}", listed(routines)));
    to_be_approved(
        view,
        "changed",
        ScheduleAct::Update,
        match env.side {
            Side::Primary => format!("{approved} is not what the config says now"),
            Side::Dr => {
                format!(
                    "{approved} is of another region than {}, where {} runs now",
                    env.primary_region,
                    code(&env.name)
                )
            }
        },
        "What lies within both goes on; for anything else people are asked.",
    )
}

fn to_be_approved(view: &View<'_>, what: &str, act: ScheduleAct, title: String, reason: &str) -> Finding {
    Finding {
        key: Kind::Schedule.key(what),
        kind: Kind::Schedule,
        critical: false,
        certain: true,
        again: 0,
        title,
        reason: reason.to_owned(),
        next: "Have it approved: the button shows what would be.".to_owned(),
        fix: Some(Offer {
            label: "Show and approve".to_owned(),
            command: schedule::own_command(&view.environment.name, act).canonical(),
            confirm: None,
        }),
    }
}

/// A drill that is due before long.
pub(super) fn drill_soon(view: &View<'_>, entry: &Entry<'_>, key: String, at: Moment) -> Finding {
    let name = &view.environment.name;
    let next = match ready::asked(name, entry.form) {
        true => format!(
            "Until then set roles and success criteria, prepare the environment and review the plan: `/bbws dr test {name} list` has a button for each."
        ),
        false => format!("Until then look at `/bbws dr status {name}`: what is amiss there will be found missing."),
    };
    let title = format!("{} is due on {}", the_drill(view, entry), at.day());
    Finding { next, ..the_finding(view, entry, key, title) }
}

/// A drill that was due.
pub(super) fn drill_overdue(view: &View<'_>, entry: &Entry<'_>, key: String, at: Moment) -> Finding {
    let title = format!("{} was due on {}, and is overdue", the_drill(view, entry), at.day());
    the_finding(view, entry, key, title)
}

fn the_drill(view: &View<'_>, entry: &Entry<'_>) -> String {
    format!("The {} of {}", lower(entry.form.title()), code(&view.environment.name))
}

fn the_finding(view: &View<'_>, entry: &Entry<'_>, key: String, title: String) -> Finding {
    let reason = match entry.held {
        Some(held) => {
            format!("It was last held on {}, by {} ({}).", held.at.day(), escape(held.by), escape(held.result))
        }
        None => "None was held so far.".to_owned(),
    };
    let command = drill::ask(&view.environment.name, entry.form);
    let next = match &command {
        Some(_) => "Hold it: the button asks for it. It changes nothing that is live.",
        None => {
            "In production it is not held by itself: a failover that is carried out, and the failback after it, count as one."
        }
    };
    Finding {
        key,
        kind: Kind::Drill,
        critical: false,
        certain: true,
        again: 0,
        title,
        reason,
        next: next.to_owned(),
        fix: command.map(|command| Offer {
            label: "Hold it now".to_owned(),
            command: command.canonical(),
            confirm: None,
        }),
    }
}

fn lower(text: &str) -> String {
    if text.starts_with("DNS") { text.to_owned() } else { text.to_lowercase() }
}

fn listed(routines: &[Routine]) -> String {
    match routines.iter().map(|routine| routine.spoken()).collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

pub(super) fn upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

pub(super) fn unreachable(environment: &Environment, key: String, times: u32, reason: &str) -> Finding {
    Finding {
        key,
        kind: Kind::Unreachable,
        critical: false,
        certain: true,
        again: 0,
        title: format!(
            "AWS account {} did not answer {} in a row: nothing is watched",
            escape(&environment.account),
            count(times, "time")
        ),
        reason: sentence(reason),
        next: "Check the credentials and the role of bbws, the network, and the AWS Health Dashboard.".to_owned(),
        // Whatever could be asked for needs an answer as well.
        fix: None,
    }
}

/// Stands for those of a kind that are not told one by one.
pub(super) fn sum(kind: Kind, key: String, first: &Finding, count: usize) -> Finding {
    let more = match kind {
        Kind::Job => "jobs that ended otherwise than well",
        Kind::Missed => "backups that did not happen",
        Kind::Lag => "copies behind their RPO",
        Kind::Promise => "RPOs about to break",
        Kind::Chain => "gaps in what databases can be restored to",
        Kind::Leftover => "things left behind by restores",
        Kind::Place => "places that are not usable",
        Kind::RestoreTest => "restore tests that are overdue",
        Kind::Schedule => "things that should start by themselves",
        Kind::Drill => "drills that are due",
        Kind::Unreachable | Kind::Blind => "of the same kind",
    };
    Finding {
        key,
        kind,
        critical: false,
        certain: true,
        again: 0,
        title: format!("And {count} more {more}"),
        reason: String::new(),
        next: first.next.clone(),
        fix: first.fix.clone(),
    }
}

/// What is told of findings of one kind that came up together, with a button for each fix.
pub fn told(environment: &str, found: &[Finding]) -> (String, Vec<Offer>) {
    let mut offers: Vec<Offer> = Vec::new();
    for fix in found.iter().filter_map(|f| f.fix.as_ref()) {
        if offers.len() < BUTTONS && !offers.contains(fix) {
            offers.push(fix.clone());
        }
    }
    let text = match found {
        [only] => {
            format!("*{environment}*: {}. {}", only.title, joined(&[&only.reason, &comes_and_goes(only), &only.next]))
        }
        many => {
            let lines: Vec<String> =
                many.iter().map(|f| joined(&[&format!("• {}.", f.title), &f.reason, &comes_and_goes(f)])).collect();
            let mut steps: Vec<&str> = Vec::new();
            for step in many.iter().map(|f| f.next.as_str()) {
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
            format!(
                "*{environment}*: {} are wrong.\n{}\n{}",
                count(many.len(), "thing"),
                lines.join("\n"),
                steps.join(" ")
            )
        }
    };
    (text, offers)
}

/// What is told once it is over. The second value: whether it is good news, and not only old news.
pub fn resolved(environment: &str, over: &[Standing], look: &Look, now: Moment) -> (String, bool) {
    let good = over.iter().all(|s| s.note.kind != Kind::Job || look.cured.contains(&s.key));
    let line = |s: &Standing| format!("{}. It stood for {}{}.", mended(s), spoken(now.since(s.since)), ended(s, look));
    let text = match over {
        [only] => format!("*{environment}*: resolved: {}", line(only)),
        many => {
            let lines: Vec<String> = many.iter().map(|s| format!("• {}", line(s))).collect();
            format!("*{environment}*: {} findings are resolved.\n{}", many.len(), lines.join("\n"))
        }
    };
    (text, good)
}

/// What holds again, where that is known; else what was wrong. The words of an older finding are those it was told with.
fn mended(standing: &Standing) -> String {
    let subject = standing.key.split_once(':').map_or("", |(_, subject)| subject);
    let name = || escape(subject.strip_prefix("region ").unwrap_or(subject));
    let title = &standing.note.title;
    let told = |between: &str, now: &str| title.split_once(between).map(|(thing, _)| format!("{thing}{now}"));
    let good = match standing.note.kind {
        Kind::Place if !subject.is_empty() && subject != MORE => Some(format!("{} is usable again", name())),
        Kind::Lag => told(" is ", " keeps its RPO again").filter(|_| title.starts_with('`')),
        Kind::Promise => told(" is ", " is well within its RPO again").filter(|_| title.starts_with('`')),
        Kind::Unreachable => told(" did not answer", " answers again"),
        Kind::Leftover => told(", made for", " is gone"),
        Kind::Blind => Some("The jobs of AWS Backup can be seen again".to_owned()).filter(|_| subject == "jobs"),
        Kind::Schedule if subject.starts_with("late ") => told(" did not begin", " began"),
        Kind::Schedule if subject != MORE => {
            Some("What bbws starts by itself is approved as the config says it".to_owned())
        }
        Kind::RestoreTest if subject.starts_with("soon ") => {
            told(" was last restored", " is restored for a test in time again")
        }
        Kind::Drill if subject != MORE => {
            told(" is due", " is not due any more").or_else(|| told(" was due", " is not due any more"))
        }
        Kind::Place | Kind::Missed | Kind::Chain | Kind::Job | Kind::RestoreTest | Kind::Schedule | Kind::Drill => None,
    };
    good.unwrap_or_else(|| title.clone())
}

/// Why a finding does not stand any more, where that is not plain.
fn ended(standing: &Standing, look: &Look) -> &'static str {
    match standing.note.kind {
        Kind::Job if look.cured.contains(&standing.key) => ", until a later one made it good",
        Kind::Job => "; there was no other for 24 h",
        Kind::Unreachable => ", in which nothing could be seen",
        _ => "",
    }
}

fn comes_and_goes(finding: &Finding) -> String {
    match finding.again {
        0 => String::new(),
        again => format!("It comes and goes: it is resolved once it was gone for {}.", promised(dwell(again))),
    }
}

fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(" ")
}
