//! What an infrastructure drill looks at: everything that a failover stands on, as a line each, which holds or is a gap.

use std::time::Duration;

use crate::domain::{
    attachment::{Attachment, Report, Table},
    environment::Environment,
    moment::spoken,
    readiness::{Found, Readiness, Saw, Sign, Source},
    text::{count, escape},
};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// What it is.
    pub subject: String,
    /// What was found, or what is the matter with it, without a period at the end.
    pub found: String,
    /// What to do about it, a sentence; none where it holds.
    pub gap: Option<String>,
}

impl Point {
    fn holds(subject: impl Into<String>, found: impl Into<String>) -> Point {
        Point { subject: subject.into(), found: found.into(), gap: None }
    }

    fn lacks(subject: impl Into<String>, found: impl Into<String>, next: impl Into<String>) -> Point {
        let found = found.into().trim_end_matches('.').to_owned();
        Point { subject: subject.into(), found, gap: Some(next.into()) }
    }

    fn told(&self) -> Option<String> {
        self.gap.as_ref().map(|next| format!("{}: {}. {next}", self.subject, self.found))
    }
}

/// What is said of anything that nobody could look at.
const UNSEEN: &str = "What is not seen is not passed: find out why nobody can look, then drill again.";

/// Every point that a failover of this environment stands on.
pub fn points(env: &Environment, found: &Readiness) -> Vec<Point> {
    if !env.replicates() {
        return at_home(&found.signs);
    }
    let there = &env.dr_region;
    let mut points = vec![match found.dr_answers {
        true => Point::holds(there, "answers"),
        false => Point::lacks(there, "it does not answer", "Look at the AWS Health Dashboard and at the role of bbws."),
    }];
    points.extend(found.prerequisites.iter().map(|needed| match &needed.found {
        Found::Ready(detail) => Point::holds(&needed.subject, detail),
        Found::Lacking(why) if needed.vital => Point::lacks(
            &needed.subject,
            why,
            "Without it there is nothing to fail over to: bring it back, or name another one in bbws.toml.",
        ),
        Found::Lacking(why) => {
            Point::lacks(&needed.subject, why, "Bring it back, or correct bbws.toml, before a failover needs it.")
        }
        Found::Unknown(why) => Point::lacks(&needed.subject, why, UNSEEN),
    }));
    points.extend(found.components.iter().map(|copy| {
        let reached = copy.safe.as_ref().map(|safe| found.at.since(*safe)).map_err(String::as_str);
        behind(env, copy.name(), reached, "Look at what holds its copies up, and back it up.")
    }));
    points.extend(found.replicas.iter().map(|replica| {
        let lag = replica.lag.as_ref().copied().map_err(String::as_str);
        behind(env, format!("Lag of replica {}", replica.id), lag, "Look at what holds the replica up.")
    }));
    points.extend(found.promoted.iter().map(|promoted| {
        let what = "it is an instance of its own, and nobody knows by whom";
        Point::lacks(format!("Replica {}", promoted.id), what, "Find out who promoted it, and make a new replica.")
    }));
    points.extend(found.disagreements.iter().map(|said| {
        Point::lacks("The ledger and AWS", said.as_str(), "A failover is refused until both say the same.")
    }));
    points.extend(addresses(env, &found.signs));
    points
}

/// Of an environment that has nothing elsewhere: what a restore in its own region stands on.
fn at_home(signs: &[Sign]) -> Vec<Point> {
    let inside = signs.iter().filter(|sign| sign.source != Source::Addresses);
    let mut points: Vec<Point> = inside
        .map(|sign| match sign.saw {
            Saw::Well => Point::holds(&sign.subject, &sign.detail),
            Saw::Ill => {
                Point::lacks(&sign.subject, &sign.detail, "Look at the AWS Health Dashboard, and at the database.")
            }
            Saw::Nothing => Point::lacks(&sign.subject, &sign.detail, UNSEEN),
        })
        .collect();
    points.extend(from_outside(signs));
    points
}

/// How far a copy is behind, against what is promised.
fn behind(env: &Environment, subject: String, lag: Result<Duration, &str>, next: &str) -> Point {
    let rpo = spoken(env.rpo.0);
    match lag {
        Ok(lag) if lag <= env.rpo.0 => Point::holds(subject, format!("{} behind; the RPO is {rpo}", spoken(lag))),
        Ok(lag) => Point::lacks(subject, format!("it is {} behind, and the RPO is {rpo}", spoken(lag)), next),
        Err(why) => Point::lacks(subject, why, UNSEEN),
    }
}

/// By which addresses anybody would see that the platform serves: on this side, and on the other one.
fn addresses(env: &Environment, signs: &[Sign]) -> Vec<Point> {
    let mut points = from_outside(signs);
    points.push(match env.dr.urls.len() {
        0 => Point::lacks(
            "Addresses of the DR side",
            "`dr.urls` names none",
            "Name them: without them traffic would go there before anybody saw that it serves.",
        ),
        named => Point::holds(
            "Addresses of the DR side",
            format!("{} to ask before traffic goes there", count(named, "address")),
        ),
    });
    points
}

fn from_outside(signs: &[Sign]) -> Vec<Point> {
    let asked = signs.iter().filter(|sign| sign.source == Source::Addresses);
    let mut points: Vec<Point> = asked
        .map(|sign| match sign.saw {
            Saw::Well => Point::holds(&sign.subject, &sign.detail),
            Saw::Ill => Point::lacks(&sign.subject, &sign.detail, "Mend what it leads to, or correct `health.urls`."),
            Saw::Nothing => Point::lacks(&sign.subject, &sign.detail, UNSEEN),
        })
        .collect();
    if points.is_empty() {
        points.push(Point::lacks(
            "Addresses of the platform",
            "`health.urls` names none",
            "Name those that users ask: without them nothing from outside tells that the platform is down.",
        ));
    }
    points
}

/// How many of these hold: `12 of 13`.
pub fn score(points: &[Point]) -> String {
    format!("{} of {}", points.iter().filter(|point| point.gap.is_none()).count(), points.len())
}

/// All of it as a report: a table of what was looked at, and the gaps with what to do about each.
pub fn report(env: &Environment, points: &[Point]) -> Report {
    let rows = points.iter().map(|point| {
        let state = if point.gap.is_some() { "GAP" } else { "holds" };
        vec![point.subject.clone(), state.to_owned(), point.found.clone()]
    });
    let breaches: Vec<String> = points.iter().filter_map(Point::told).collect();
    let what = match env.replicates() {
        true => format!("a failover of {} to {}", env.name, env.dr_region),
        false => format!("a restore of {} in {}", env.name, env.primary_region),
    };
    let table = Table {
        caption: format!("What {what} stands on"),
        columns: ["Looked at", "State", "Found"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        offers: Vec::new(),
    };
    let gaps = match breaches.len() {
        0 => "Nothing is missing.".to_owned(),
        gaps => format!("{}, named with the outcome.", count(gaps, "gap")),
    };
    Report {
        text: format!("*What {} stands on*: {} points hold. {gaps}", escape(&what), score(points)),
        attachment: Attachment { table: Some(table), ..Attachment::default() },
        breaches,
    }
}
