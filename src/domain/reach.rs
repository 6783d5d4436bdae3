//! Who can be reached to approve a failover: people say once a week when they can, by one tap, so that it is seen now, and not at
//! night, that nobody could. Nothing is decided by it: an approval is a vote of somebody who holds the role at that moment.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

use super::{
    approval::{ANY_ROLE, somebody},
    attachment::Offer,
    environment::{Environment, Side},
    mark::{Mark, MarkKind, MarkWrite},
    moment::Moment,
    operations,
    policy::{self, Need, Reach, Rule},
};

/// Marks of this kind are of no environment.
pub const EVERYWHERE: &str = "*";
/// The subject of the mark that says when people were last asked.
const ASKED: &str = "asked";
const DAY: u64 = 86_400;
/// How often people are asked, and how long an answer holds: a day longer, so that nobody drops out while they are asked.
const EVERY: Duration = Duration::from_secs(7 * DAY);
const HOLDS: Duration = Duration::from_secs(8 * DAY);
/// The hours of somebody who can by day, in UTC.
const BY_DAY: std::ops::Range<u64> = 6..18;

/// When somebody can approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// At any hour.
    Always,
    /// From Monday to Friday, by day.
    Days,
    /// Not this week.
    Never,
}

impl When {
    /// Every answer, in the order of its buttons.
    pub const ALL: [When; 3] = [When::Always, When::Days, When::Never];
    /// The words for them in commands.
    pub const WORDS: [&str; 3] = ["always", "days", "never"];

    /// The word for it in commands.
    pub fn word(self) -> &'static str {
        match self {
            When::Always => "always",
            When::Days => "days",
            When::Never => "never",
        }
    }

    /// What its button says.
    pub fn label(self) -> &'static str {
        match self {
            When::Always => "I can approve",
            When::Days => "Mon-Fri, 06-18 UTC",
            When::Never => "Not this week",
        }
    }

    fn covers(self, at: Moment) -> bool {
        let weekend = matches!(at.date().weekday(), Weekday::Saturday | Weekday::Sunday);
        match self {
            When::Always => true,
            When::Days => !weekend && BY_DAY.contains(&hour(at)),
            When::Never => false,
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<When, String> {
        let known = When::ALL.into_iter().find(|when| when.word() == text);
        known.ok_or_else(|| format!("`{text}` is no answer; it is one of {}", When::WORDS.join(", ")))
    }
}

/// What somebody said, as the note of their mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    when: When,
    /// The roles they held then.
    roles: Vec<String>,
}

/// What the ledger remembers of somebody who says when they can.
pub fn said(user: &str, when: When, roles: &[String], at: Moment) -> MarkWrite {
    let note = serde_json::to_string(&Said { when, roles: roles.to_vec() }).unwrap_or_default();
    MarkWrite::Set(mark(user, note, at))
}

fn mark(subject: &str, note: String, at: Moment) -> Mark {
    Mark {
        environment: EVERYWHERE.to_owned(),
        kind: MarkKind::Reach,
        subject: subject.to_owned(),
        note,
        operation: String::new(),
        at,
    }
}

/// Whether people are to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Not now.
    Quiet,
    /// It begins: they are asked in a week for the first time.
    Begins(MarkWrite),
    /// Now; they were asked before at the moment that is named.
    Due(Moment, MarkWrite),
}

/// Whether people are to be asked at this moment.
pub fn question(marks: &[Mark], now: Moment) -> Question {
    let asked = marks.iter().find(|mark| mark.kind == MarkKind::Reach && mark.subject == ASKED);
    match asked {
        None => Question::Begins(MarkWrite::New(mark(ASKED, String::new(), now))),
        Some(before) if now.since(before.at) >= EVERY => {
            Question::Due(before.at, MarkWrite::Set(mark(ASKED, ASKED.to_owned(), now)))
        }
        Some(_) => Question::Quiet,
    }
}

/// What people are asked, below those who are called; mrkdwn.
pub const ASKS: &str = "Could you approve a failover in the coming week? One tap says so, and `/bbws status` tells of which hours nobody is left.";

/// The buttons of it.
pub fn offers() -> Vec<Offer> {
    let offer = |when: When| Offer {
        label: when.label().to_owned(),
        command: format!("dr approver {}", when.word()),
        confirm: None,
    };
    When::ALL.map(offer).to_vec()
}

/// Who has to agree to a failover of an environment; none where it has nothing to fail over to.
pub fn needs(environment: &Environment, rules: &[Rule]) -> Option<Vec<Need>> {
    let moves = operations::ALL.into_iter().find(|operation| operation.moves() == Some(Side::Dr))?;
    environment.replicates().then(|| somebody(policy::needs(rules, moves.kind(), &environment.name, "")))
}

/// Who could approve a failover now, tonight and on Sunday, in a line of mrkdwn; none where there is no failover, or nobody was
/// asked so far.
pub fn line(environment: &Environment, rules: &[Rule], marks: &[Mark], now: Moment) -> Option<String> {
    let needs = needs(environment, rules)?;
    let known: Vec<(&Mark, Option<Said>)> = marks
        .iter()
        .filter(|mark| mark.kind == MarkKind::Reach)
        .map(|mark| (mark, serde_json::from_str(&mark.note).ok()))
        .collect();
    let answered = known.iter().any(|(_, said)| said.is_some());
    let asked = known.iter().any(|(mark, _)| mark.subject == ASKED && mark.note == ASKED);
    if !answered && !asked {
        return None;
    }
    let mut alone = Vec::new();
    let told: Vec<String> = [("now", now), ("tonight", tonight(now)), ("on Sunday", sunday(now))]
        .into_iter()
        .map(|(name, at)| {
            let who = who(&needs, &known, now, at);
            if who.is_none() {
                alone.push(name);
            }
            format!("{name} {}", who.unwrap_or_else(|| "*nobody*".to_owned()))
        })
        .collect();
    let next = match alone.is_empty() {
        true => String::new(),
        false => format!(
            " \u{1f534} *Nobody could approve one {}*: whoever can says so by `/bbws dr approver always`.",
            alone.join(" and ")
        ),
    };
    Some(format!("Approvers of a failover: {}.{next}", told.join("; ")))
}

/// The people who could agree at that moment, by what they said; none where they are not enough, whoever asks.
fn who(needs: &[Need], known: &[(&Mark, Option<Said>)], now: Moment, at: Moment) -> Option<String> {
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (mark, said) in known {
        let Some(said) = said.as_ref().filter(|said| now.since(mark.at) <= HOLDS && said.when.covers(at)) else {
            continue;
        };
        for role in said.roles.iter().map(String::as_str).chain([ANY_ROLE]) {
            members.entry(role.to_owned()).or_default().push(mark.subject.clone());
        }
    }
    let named = |role: &str| members.get(role).into_iter().flatten();
    let mut people: Vec<&String> = needs.iter().flat_map(|need| named(&need.role)).collect();
    people.sort_unstable();
    people.dedup();
    let mentions: Vec<String> = people.into_iter().map(|user| format!("<@{user}>")).collect();
    // Whoever asks is awake, and may be anybody.
    members.insert(String::new(), vec![String::new()]);
    match policy::reach(needs, &members) {
        Reach::Anyone => Some(mentions.join(", ")),
        Reach::NotFor(stuck) => {
            let stuck: Vec<String> = stuck.iter().map(|user| format!("<@{user}>")).collect();
            Some(format!("{} (not of what {} asks)", mentions.join(", "), stuck.join(" or ")))
        }
        Reach::Nobody => None,
    }
}

fn hour(at: Moment) -> u64 {
    u64::try_from(at.seconds()).unwrap_or_default() % DAY / 3600
}

/// The next time at which it is three o'clock, in UTC.
fn tonight(now: Moment) -> Moment {
    next(now, 3)
}

/// The next time at which that hour begins, in UTC.
fn next(now: Moment, hour: u64) -> Moment {
    let midnight = now.seconds().div_euclid(DAY as i64) * DAY as i64;
    let today = Moment(midnight * 1000) + Duration::from_secs(hour * 3600);
    if today > now { today } else { today + Duration::from_secs(DAY) }
}

/// The next Sunday at noon, in UTC.
fn sunday(now: Moment) -> Moment {
    let days = (0..7).map(|days| next(now, 12) + Duration::from_secs(days * DAY));
    let mut days = days.filter(|day| day.date().weekday() == Weekday::Sunday);
    days.next().unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday 2026-11-21, 03:00 UTC.
    const NOW: Moment = Moment(1_795_230_000_000);

    fn taps(all: &[(&str, When, &[&str], u64)]) -> Vec<Mark> {
        let tap = |(user, when, roles, days): &(&str, When, &[&str], u64)| {
            let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
            match said(user, *when, &roles, NOW - Duration::from_secs(days * DAY)) {
                MarkWrite::Set(mark) => mark,
                other => panic!("{other:?}"),
            }
        };
        all.iter().map(tap).collect()
    }

    fn told(marks: &[Mark], at: Moment, count: u32) -> Option<String> {
        let known: Vec<_> = marks.iter().map(|mark| (mark, serde_json::from_str(&mark.note).ok())).collect();
        who(&[Need { role: "dba".to_owned(), count }], &known, NOW, at)
    }

    #[test]
    fn who_could_approve_follows_from_what_they_said_and_from_their_roles() {
        let marks = taps(&[
            ("U0BOB", When::Days, &["dba"], 1),
            ("U0CAROL", When::Always, &["dba", "lead"], 2),
            ("U0ALICE", When::Always, &["operator"], 1),
            ("U0OLD", When::Always, &["dba"], 9),
            ("U0OUT", When::Never, &["dba"], 1),
        ]);
        let monday = next(NOW, 12) + Duration::from_secs(2 * DAY);
        assert_eq!(told(&marks, monday, 1).as_deref(), Some("<@U0BOB>, <@U0CAROL>"));
        assert_eq!(told(&marks, sunday(NOW), 1).as_deref(), Some("<@U0CAROL> (not of what <@U0CAROL> asks)"));
        assert_eq!(
            told(&marks, monday, 2).as_deref(),
            Some("<@U0BOB>, <@U0CAROL> (not of what <@U0BOB> or <@U0CAROL> asks)")
        );
        assert_eq!(told(&marks, sunday(NOW), 2), None);
        assert_eq!(told(&[], NOW, 1), None);
    }

    #[test]
    fn tonight_and_sunday_are_the_next_ones() {
        assert_eq!(tonight(NOW).iso(), "2026-11-22T03:00:00Z");
        assert_eq!(tonight(NOW - Duration::from_secs(1)).iso(), "2026-11-21T03:00:00Z");
        assert_eq!(sunday(NOW).iso(), "2026-11-22T12:00:00Z");
        assert_eq!(sunday(sunday(NOW)).iso(), "2026-11-29T12:00:00Z");
    }

    #[test]
    fn people_are_asked_once_a_week_and_first_a_week_after_it_began() {
        let Question::Begins(MarkWrite::New(begun)) = question(&[], NOW) else { panic!("it begins") };
        let week = NOW + EVERY;
        assert_eq!(question(std::slice::from_ref(&begun), week - Duration::from_secs(1)), Question::Quiet);
        assert!(matches!(question(&[begun], week), Question::Due(before, _) if before == NOW));
    }
}
