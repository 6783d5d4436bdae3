//! What the watcher tells without being asked: what is wrong with an environment, told once, and taken back once it is over.
//!
//! [`rules`] finds what is wrong in one set of measurements. Here it is decided what of that is news, so that nothing is told
//! twice, nothing flaps, and a flood stays a handful of lines. [`words`] makes the messages.

mod objectives;
mod proofs;
pub mod rules;
pub mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    attachment::Offer,
    environment::Environment,
    lag::Measurements,
    mark::{Mark, MarkKind, MarkWrite},
    moment::Moment,
    routine::Due,
    text::escape,
};

/// Findings of one kind that stand at the same time one by one; what is beyond is summed up in one.
pub const MOST: usize = 10;
/// What was summed up is told one by one again when no more than so many are left of its kind.
const FEW: usize = 7;
/// How long it is remembered that a finding was taken back.
const REMEMBERED: Duration = Duration::from_secs(2 * 86_400);
const HOUR: Duration = Duration::from_secs(3600);
/// Subject of the finding that sums up.
const MORE: &str = "more";

/// What is wrong. Findings of one kind that come up at the same time are told in one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// AWS does not answer at all.
    Unreachable,
    /// A vault, key, bucket or region is not usable.
    Place,
    /// A backup did not happen within its schedule.
    Missed,
    /// A copy in the DR region is further behind than the RPO allows.
    Lag,
    /// An RPO is about to be broken.
    Promise,
    /// A database cannot be restored to every moment of its past.
    Chain,
    /// A job ended otherwise than well.
    Job,
    /// Something cannot be seen, so that nobody would know if it went wrong.
    Blind,
    /// No restore was tested for too long.
    RestoreTest,
    /// A test restore left something behind.
    Leftover,
    /// What bbws starts by itself is late, or the config wishes what nobody approved.
    Schedule,
    /// A drill is due soon, or was due.
    Drill,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 12] = [
        Kind::Unreachable,
        Kind::Place,
        Kind::Missed,
        Kind::Lag,
        Kind::Promise,
        Kind::Chain,
        Kind::Job,
        Kind::Blind,
        Kind::RestoreTest,
        Kind::Leftover,
        Kind::Schedule,
        Kind::Drill,
    ];

    /// The word keys begin with.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Unreachable => "unreachable",
            Kind::Place => "place",
            Kind::Missed => "missed-backup",
            Kind::Lag => "lag",
            Kind::Promise => "promise",
            Kind::Chain => "chain",
            Kind::Job => "job",
            Kind::Blind => "unseen",
            Kind::RestoreTest => "restore-test-overdue",
            Kind::Leftover => "leftover",
            Kind::Schedule => "schedule",
            Kind::Drill => "drill",
        }
    }

    /// The key of a finding about this subject; of the environment as a whole when there is none.
    pub fn key(self, subject: &str) -> String {
        if subject.is_empty() { self.name().to_owned() } else { format!("{}:{subject}", self.name()) }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its identity: the same trouble has the same key however long it stands.
    pub key: String,
    /// Of which kind.
    pub kind: Kind,
    /// Somebody has to act now: a whole region, or every copy in the DR region.
    pub critical: bool,
    /// Seen in what AWS answered. Otherwise something could not be read, which is told when it is so twice in a row.
    pub certain: bool,
    /// How often it has come back since it was first told, in the last two days.
    pub again: u32,
    /// mrkdwn: what is wrong with which thing, without a final period.
    pub title: String,
    /// mrkdwn: why, in a sentence; empty where the title says it all.
    pub reason: String,
    /// mrkdwn: what to do, in a sentence.
    pub next: String,
    /// The command that does it.
    pub fix: Option<Offer>,
}

/// What the ledger keeps of a finding that was told, as the note of its mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Of which kind.
    pub kind: Kind,
    /// As it was told.
    pub title: String,
    /// As it was told.
    pub reason: String,
    /// As it was told.
    pub critical: bool,
    /// As it was told.
    #[serde(default)]
    pub again: u32,
}

impl Note {
    fn plain(key: &str) -> Note {
        let name = key.split(':').next().unwrap_or(key);
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Kind::Blind);
        Note { kind, title: escape(key), reason: String::new(), critical: false, again: 0 }
    }
}

/// A finding that was told and still stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its key.
    pub key: String,
    /// Since when.
    pub since: Moment,
    /// As it was told.
    pub note: Note,
}

impl Standing {
    /// From the marks of an environment.
    pub fn of(marks: &[Mark]) -> Vec<Standing> {
        let findings = marks.iter().filter(|mark| mark.kind == MarkKind::Finding);
        // A note that cannot be read was written by another version; its key says enough.
        let note = |mark: &Mark| serde_json::from_str(&mark.note).unwrap_or_else(|_| Note::plain(&mark.subject));
        findings.map(|mark| Standing { key: mark.subject.clone(), since: mark.at, note: note(mark) }).collect()
    }

    /// The mark goes.
    pub fn take(&self, environment: &str) -> MarkWrite {
        MarkWrite::Take { environment: environment.to_owned(), kind: MarkKind::Finding, subject: self.key.clone() }
    }
}

impl Finding {
    /// The mark that remembers that it was told.
    pub fn mark(&self, environment: &str, now: Moment) -> MarkWrite {
        let note = Note {
            kind: self.kind,
            title: self.title.clone(),
            reason: self.reason.clone(),
            critical: self.critical,
            again: self.again,
        };
        MarkWrite::New(Mark {
            environment: environment.to_owned(),
            kind: MarkKind::Finding,
            subject: self.key.clone(),
            note: serde_json::to_string(&note).unwrap_or_default(),
            operation: String::new(),
            at: now,
        })
    }
}

/// What one look at an environment showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// What is wrong.
    pub found: Vec<Finding>,
    /// Kinds nothing can be said of this time: what stands of them goes on standing.
    pub unseen: BTreeSet<Kind>,
    /// Keys nothing can be said of this time, likewise.
    pub veiled: BTreeSet<String>,
    /// Keys of jobs that failed and were made good by a later one.
    pub cured: BTreeSet<String>,
}

/// What is news.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    /// To be told.
    pub fresh: Vec<Finding>,
    /// To be taken back.
    pub over: Vec<Standing>,
    /// Keys of what could not be read this time for the first time.
    pub doubtful: BTreeSet<String>,
}

impl Look {
    /// Compares with what stands. `doubted` are the doubtful keys of the look before.
    pub fn news(self, standing: &[Standing], doubted: &BTreeSet<String>) -> News {
        let stands: BTreeSet<&str> = standing.iter().map(|s| s.key.as_str()).collect();
        let Look { found, unseen, veiled, .. } = self;
        let mut news = News::default();
        let mut by_kind: BTreeMap<Kind, Vec<Finding>> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for finding in found {
            let known = stands.contains(finding.key.as_str()) || doubted.contains(&finding.key);
            if !finding.certain && !known {
                news.doubtful.insert(finding.key);
            } else if keys.insert(finding.key.clone()) {
                by_kind.entry(finding.kind).or_default().push(finding);
            }
        }
        let mut holds = BTreeSet::new();
        for (kind, found) in by_kind {
            for finding in bounded(kind, found, &stands) {
                holds.insert(finding.key.clone());
                if !stands.contains(finding.key.as_str()) {
                    news.fresh.push(finding);
                }
            }
        }
        let stays = |s: &&Standing| holds.contains(&s.key) || unseen.contains(&s.note.kind) || veiled.contains(&s.key);
        news.over = standing.iter().filter(|s| !stays(s)).cloned().collect();
        news
    }
}

/// How long what comes and goes has to be gone before it is taken back: the oftener it came, the longer, up to a day. So
/// what is wrong for some minutes of every hour, or some hours of every day, ends as one finding that stands.
pub fn dwell(again: u32) -> Duration {
    match again {
        0 => Duration::ZERO,
        n => HOUR.saturating_mul(2_u32.saturating_pow(n)).min(24 * HOUR),
    }
}

/// What is remembered from look to look of findings that come and go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calm {
    /// What stood at the last look, and how often it had come back.
    stood: BTreeMap<String, u32>,
    /// What was taken back, when, and how often it had come back.
    gone: BTreeMap<String, (Moment, u32)>,
    /// Since when what stands is not seen any more.
    since: BTreeMap<String, Moment>,
}

impl Calm {
    /// Marks what comes back as such, and holds back what has not been gone for long enough.
    pub fn damp(&mut self, mut news: News, standing: &[Standing], now: Moment) -> News {
        let stands: BTreeMap<String, u32> = standing.iter().map(|s| (s.key.clone(), s.note.again)).collect();
        for (key, again) in std::mem::replace(&mut self.stood, stands) {
            if !self.stood.contains_key(&key) {
                self.gone.insert(key, (now, again));
            }
        }
        self.gone.retain(|_, (at, _)| now.since(*at) < REMEMBERED);
        for finding in &mut news.fresh {
            finding.again = self.gone.get(&finding.key).map_or(0, |(_, again)| again + 1);
        }
        let over: BTreeSet<&str> = news.over.iter().map(|s| s.key.as_str()).collect();
        self.since.retain(|key, _| over.contains(key.as_str()));
        news.over.retain(|s| now.since(*self.since.entry(s.key.clone()).or_insert(now)) >= dwell(s.note.again));
        news
    }
}

/// At most [`MOST`] of a kind stand one by one. What stands already stays as it is; once there is a sum, nothing is taken
/// out of it before few are left, so that a flood is not told drop by drop.
fn bounded(kind: Kind, found: Vec<Finding>, stands: &BTreeSet<&str>) -> Vec<Finding> {
    let sum = kind.key(MORE);
    let most = if stands.contains(sum.as_str()) { FEW } else { MOST };
    if found.len() <= most {
        return found;
    }
    let summed = stands.contains(sum.as_str());
    let individual = |f: &Finding| f.critical || stands.contains(f.key.as_str());
    let (mut told, mut rest): (Vec<_>, Vec<_>) = found.into_iter().partition(individual);
    if !summed {
        let room = MOST.saturating_sub(told.len()).min(rest.len());
        told.extend(rest.drain(..room));
    }
    if let Some(first) = rest.first() {
        told.push(words::sum(kind, sum, first, rest.len()));
    }
    told
}

/// What an environment is judged by.
#[derive(Debug, Clone, Copy)]
pub struct View<'v> {
    /// The environment with its promises.
    pub environment: &'v Environment,
    /// What was measured.
    pub measurements: &'v Measurements,
    /// What the ledger remembers of it.
    pub marks: &'v [Mark],
    /// What was told and still stands.
    pub standing: &'v [Standing],
    /// When what bbws starts by itself in it is due.
    pub dues: &'v [Due],
    /// Since when a backup of ours is being made, if one is.
    pub backing_up: Option<Moment>,
    /// Now.
    pub now: Moment,
}

/// What the subject of a finding ends with that only says that something is due soon.
const SOON: &str = " soon";

/// Whether this is the key of a finding by which nothing is late or wrong yet.
pub fn is_notice(key: &str) -> bool {
    key.starts_with(Kind::Drill.name()) && key.ends_with(SOON)
}

/// `region eu-west-1`, and not a bucket with such a name.
fn is_region(place: &str) -> bool {
    place.split_whitespace().next() == Some("region")
}
