//! How far a recovery point can be trusted before anybody has restored it, and what restoring it would lose. Pure: what the
//! ledger and AWS know goes in, a number with its reasons comes out.
//!
//! A hundred is a point that was restored for a test, has a usable copy in the DR region, is as young as the RPO promises,
//! was verified when it was made and is as large as those before it. What nobody knows counts as half at the most, and what a
//! named check answered wrongly brings a point to the end of the list, whatever else speaks for it.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use super::{
    checked::Checked,
    mark::{Mark, MarkKind},
    moment::{Moment, spoken},
    operation::Run,
    point::{Place, Point, PointKind, PointState, is_continuous},
    step::{Action, ISSUE, StepState},
    text::count,
};

/// What each sign is worth; they make a hundred.
const TESTED: u8 = 30;
const AGE: u8 = 25;
const DR: u8 = 15;
const VERIFIED: u8 = 15;
const SIZE: u8 = 15;
/// What remains of a point of which a named check does not hold.
const REFUTED: u8 = 5;
/// From here on a point is trusted, and from here on it is worth a try.
const HIGH: u8 = 75;
const FAIR: u8 = 50;
/// Points before it that tell how large a point should be.
const BEFORE: usize = 5;
/// Per cent of the size of those before it within which a point is as large as they are.
const IN_LINE: std::ops::RangeInclusive<u64> = 70..=200;
/// What AWS writes down of a continuous backup follows its source by about so much.
const TRAILS: Duration = Duration::from_secs(300);

/// A recovery point with the copies of the same data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Candidate {
    /// In the primary region.
    pub primary: Option<Point>,
    /// In the DR region.
    pub dr: Option<Point>,
}

impl Candidate {
    /// The one that would be restored: the primary region's, unless only the other is usable.
    pub fn point(&self) -> Option<&Point> {
        let usable = |point: &&Point| point.usable();
        self.primary
            .as_ref()
            .filter(usable)
            .or(self.dr.as_ref().filter(usable))
            .or(self.primary.as_ref())
            .or(self.dr.as_ref())
    }

    /// Whether it would be restored in the DR region.
    pub fn from_dr(&self) -> bool {
        self.point().is_some() && self.point() == self.dr.as_ref()
    }
}

/// What is known besides the points.
#[derive(Debug, Clone)]
pub struct Evidence<'a> {
    /// What the ledger remembers of the environment.
    pub marks: &'a [Mark],
    /// Names, ARNs and keys of what was verified when it was made; see [`verified_by`].
    pub verified: &'a BTreeSet<String>,
    /// Most data that may be lost.
    pub rpo: Duration,
    /// Whether copies are made in a DR region.
    pub replicates: bool,
    /// Whether all of the DR region could be read, so that what is not there is known not to be.
    pub dr_known: bool,
    /// When it is asked.
    pub now: Moment,
}

/// How far a point is trusted, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// It cannot be restored at all.
    None,
    /// Only where there is nothing better.
    Low,
    /// Worth a try.
    Fair,
    /// As good as can be known.
    High,
}

impl Trust {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Trust::None => "none",
            Trust::Low => "low",
            Trust::Fair => "fair",
            Trust::High => "high",
        }
    }
}

/// What speaks for a point or against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Whether it speaks for it; none where nobody knows.
    pub holds: Option<bool>,
    /// In a few words: `restore-tested 3 d ago`.
    pub words: String,
}

/// What a point is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confidence {
    /// Of a hundred.
    pub score: u8,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
}

impl Confidence {
    /// In a word.
    pub fn trust(&self) -> Trust {
        match self.score {
            0 => Trust::None,
            score if score >= HIGH => Trust::High,
            score if score >= FAIR => Trust::Fair,
            _ => Trust::Low,
        }
    }

    /// The reasons in one line: what speaks against it is marked.
    pub fn why(&self) -> String {
        let reason = |reason: &Reason| match reason.holds {
            Some(true) => reason.words.clone(),
            Some(false) => format!("✗ {}", reason.words),
            None => format!("? {}", reason.words),
        };
        self.reasons.iter().map(reason).collect::<Vec<_>>().join("; ")
    }
}

/// A candidate in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// What can be restored.
    pub candidate: Candidate,
    /// What it is worth.
    pub confidence: Confidence,
}

/// Recovery points of any number as they come, in no order: copies of the same data are put together, and no more than so
/// many of the newest are held.
#[derive(Debug)]
pub struct Candidates<'r> {
    primary_region: &'r str,
    most: usize,
    by_key: HashMap<String, Candidate>,
    seen: u64,
    /// Older points than this were let go.
    from: Option<Moment>,
}

impl<'r> Candidates<'r> {
    /// None yet.
    pub fn new(primary_region: &'r str, most: usize) -> Candidates<'r> {
        Candidates { primary_region, most: most.max(1), by_key: HashMap::new(), seen: 0, from: None }
    }

    /// Points seen so far, copies included.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The time of the oldest point that is held, where older ones were let go.
    pub fn from(&self) -> Option<Moment> {
        self.from
    }

    /// Takes one in.
    pub fn take(&mut self, point: Point) {
        self.seen += 1;
        if self.from.is_some_and(|from| point.created < from) {
            return;
        }
        let candidate = self.by_key.entry(point.key()).or_default();
        let side = if point.region == self.primary_region { &mut candidate.primary } else { &mut candidate.dr };
        *side = Some(point);
        // Let go of in batches, so that what each point costs does not grow with their number.
        if self.by_key.len() > self.most.saturating_mul(2) {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let mut times: Vec<Moment> =
            self.by_key.values().filter_map(Candidate::point).map(|point| point.created).collect();
        times.sort_unstable();
        let from = times[times.len().saturating_sub(self.most)];
        self.by_key.retain(|_, candidate| candidate.point().is_some_and(|point| point.created >= from));
        self.from = Some(from);
    }

    /// All of them, ranked: the most trustworthy first, and of equals the newest.
    pub fn ranked(mut self, evidence: &Evidence<'_>) -> Vec<Ranked> {
        if self.by_key.len() > self.most {
            self.shrink();
        }
        rank(self.by_key.into_values().collect(), evidence)
    }
}

/// Ranks candidates: the most trustworthy first, of equals the newest, of those the one whose name comes first.
pub fn rank(mut candidates: Vec<Candidate>, evidence: &Evidence<'_>) -> Vec<Ranked> {
    candidates.retain(|candidate| candidate.point().is_some());
    candidates.sort_by_cached_key(|candidate| candidate.point().map(|point| (point.created, point.id.clone())));
    let known = Known::of(evidence);
    let mut sizes: HashMap<Line<'_>, Vec<u64>> = HashMap::new();
    let mut confidences = Vec::with_capacity(candidates.len());
    for candidate in &candidates {
        let Some(point) = candidate.point() else { continue };
        let before = sizes.entry(Line::of(point)).or_default();
        confidences.push(known.judge(candidate, point, before));
        if let Some(bytes) = point.bytes.filter(|_| point.usable()) {
            before.push(bytes);
        }
    }
    let mut ranked: Vec<Ranked> = candidates
        .into_iter()
        .zip(confidences)
        .map(|(candidate, confidence)| Ranked { candidate, confidence })
        .collect();
    ranked.sort_by_cached_key(|ranked| {
        let point = ranked.candidate.point();
        let place = point.map(|point| (std::cmp::Reverse(point.created), point.id.clone()));
        (std::cmp::Reverse(ranked.confidence.score), place)
    });
    ranked
}

/// The best so many of everything that is backed up, in the order they are ranked in.
pub fn best_of_each(ranked: Vec<Ranked>, most: usize) -> Vec<Ranked> {
    let mut told: HashMap<(PointKind, String), usize> = HashMap::new();
    let kept = ranked.into_iter().filter(|ranked| {
        let Some(point) = ranked.candidate.point() else { return false };
        let told = told.entry((point.kind, point.resource.clone())).or_default();
        *told += 1;
        *told <= most
    });
    kept.collect()
}

/// Points whose sizes can be compared: what a snapshot tells is not what a vault tells, and a part is not the whole.
#[derive(PartialEq, Eq, Hash)]
struct Line<'p> {
    kind: PointKind,
    resource: &'p str,
    tenant: Option<&'p str>,
    place: std::mem::Discriminant<Place>,
    region: &'p str,
}

impl<'p> Line<'p> {
    fn of(point: &'p Point) -> Line<'p> {
        Line {
            kind: point.kind,
            resource: &point.resource,
            tenant: point.tenant.as_deref(),
            place: std::mem::discriminant(&point.place),
            region: &point.region,
        }
    }
}

/// The evidence, so that each point finds its own at once.
struct Known<'e> {
    evidence: &'e Evidence<'e>,
    tested: HashMap<&'e str, Moment>,
    /// By the resource: when anything of it was last restored for a test.
    tested_of: HashMap<&'e str, Moment>,
    checks: HashMap<&'e str, Vec<Checked<'e>>>,
}

impl<'e> Known<'e> {
    fn of(evidence: &'e Evidence<'e>) -> Known<'e> {
        let (mut tested, mut tested_of) = (HashMap::new(), HashMap::new());
        let mut checks: HashMap<&str, Vec<Checked<'_>>> = HashMap::new();
        for mark in evidence.marks {
            if mark.kind == MarkKind::Tested {
                tested.insert(mark.subject.as_str(), mark.at);
                if let Some(resource) = mark.tested_resource() {
                    let last = tested_of.entry(resource).or_insert(mark.at);
                    *last = mark.at.max(*last);
                }
            }
            if let Some((key, checked)) = Checked::of(mark) {
                checks.entry(key).or_default().push(checked);
            }
        }
        Known { evidence, tested, tested_of, checks }
    }

    fn judge(&self, candidate: &Candidate, point: &Point, before: &[u64]) -> Confidence {
        if !point.usable() {
            let words = unusable(point.state).to_owned();
            return Confidence { score: 0, reasons: vec![Reason { holds: Some(false), words }] };
        }
        let key = point.key();
        let signs = [
            self.tested(point, &key),
            self.age(point),
            self.copy(candidate),
            self.verified(point),
            size(point, before),
        ];
        let mut score: u8 = signs.iter().map(|(worth, _)| *worth).sum();
        let mut reasons: Vec<Reason> = signs.into_iter().map(|(_, reason)| reason).collect();
        let checks = self.checks.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
        if let Some(wrong) = checks.iter().find(|checked| !checked.right) {
            score = REFUTED;
            let words = format!("check {} does not hold on it", wrong.check);
            reasons.insert(0, Reason { holds: Some(false), words });
        }
        Confidence { score: score.max(1), reasons }
    }

    fn tested(&self, point: &Point, key: &str) -> (u8, Reason) {
        let ago = |at: Moment| spoken(self.evidence.now.since(at));
        if let Some(at) = self.tested.get(key) {
            return (TESTED, Reason { holds: Some(true), words: format!("restore-tested {} ago", ago(*at)) });
        }
        let of = match point.kind {
            PointKind::Dump => Mark::dump_of(&point.resource),
            _ => point.resource.clone(),
        };
        match self.tested_of.get(of.as_str()) {
            Some(at) => {
                let words = format!("not restore-tested itself, another one was {} ago", ago(*at));
                (TESTED / 3, Reason { holds: None, words })
            }
            None => (0, Reason { holds: Some(false), words: "never restore-tested".to_owned() }),
        }
    }

    /// All of it within the RPO, less with every time that is exceeded twice over.
    fn age(&self, point: &Point) -> (u8, Reason) {
        let (age, rpo) = (lost(point, self.evidence.now), self.evidence.rpo.max(Duration::from_secs(1)));
        let (said, rpo_said) = (spoken(age), spoken(self.evidence.rpo));
        if age <= rpo {
            let words = format!("{said} old, within the RPO of {rpo_said}");
            return (AGE, Reason { holds: Some(true), words });
        }
        let doublings = (age.as_secs() / rpo.as_secs().max(1)).ilog2() + 1;
        let worth = AGE.saturating_sub(u8::try_from(doublings.saturating_mul(3)).unwrap_or(AGE));
        (worth, Reason { holds: Some(false), words: format!("{said} old, the RPO is {rpo_said}") })
    }

    fn copy(&self, candidate: &Candidate) -> (u8, Reason) {
        if !self.evidence.replicates {
            return (DR, Reason { holds: Some(true), words: "no copies are asked for".to_owned() });
        }
        let (worth, holds, words) = match &candidate.dr {
            Some(copy) if candidate.from_dr() => {
                (DR, Some(true), format!("in {}, from where it would be restored", copy.region))
            }
            Some(copy) if copy.usable() => (DR, Some(true), format!("usable in {} as well", copy.region)),
            Some(copy) => (0, Some(false), format!("its copy in {}: {}", copy.region, unusable(copy.state))),
            None if !self.evidence.dr_known => (DR / 2, None, "nobody knows of a copy in the DR region".to_owned()),
            None => (0, Some(false), "no copy in the DR region".to_owned()),
        };
        (worth, Reason { holds, words })
    }

    fn verified(&self, point: &Point) -> (u8, Reason) {
        let known = [&point.id, &point.arn].into_iter().any(|name| self.evidence.verified.contains(name.as_str()));
        match known {
            true => (VERIFIED, Reason { holds: Some(true), words: "verified when it was made".to_owned() }),
            false => (0, Reason { holds: None, words: "not verified by bbws when it was made".to_owned() }),
        }
    }
}

/// Whether it is as large as those before it.
fn size(point: &Point, before: &[u64]) -> (u8, Reason) {
    let mut before: Vec<u64> = before.iter().rev().take(BEFORE).copied().collect();
    before.sort_unstable();
    let unknown = |words: &str| (SIZE / 2, Reason { holds: None, words: words.to_owned() });
    let Some(bytes) = point.bytes else { return unknown("its size is not told") };
    let Some(usual) = before.get(before.len() / 2).copied() else {
        return unknown("nothing before it to compare with");
    };
    let of_usual = bytes.saturating_mul(100).checked_div(usual).unwrap_or(if bytes == 0 { 100 } else { u64::MAX });
    match IN_LINE.contains(&of_usual) {
        true => (SIZE, Reason { holds: Some(true), words: "as large as those before it".to_owned() }),
        false if of_usual > 1000 => {
            (0, Reason { holds: Some(false), words: "more than ten times as large as those before it".to_owned() })
        }
        false => (0, Reason { holds: Some(false), words: format!("{of_usual} % of the size of those before it") }),
    }
}

fn unusable(state: PointState) -> &'static str {
    match state {
        PointState::Available | PointState::Stopped => "usable",
        PointState::Creating => "still being made",
        PointState::Partial => "PARTIAL, not whole",
        PointState::Expired => "EXPIRED",
        PointState::Unusable => "not usable",
    }
}

/// How much of what was written is not in it, were it restored now.
pub fn lost(point: &Point, now: Moment) -> Duration {
    // A continuous backup is as old as its beginning, and holds what was written since.
    match is_continuous(&point.arn) && point.state == PointState::Available {
        true => TRAILS.min(now.since(point.created)),
        false => now.since(point.created),
    }
}

/// What restoring something loses that is as old as this: `loses the last 47 min of writes`.
pub fn loses(lost: Duration) -> String {
    format!("loses the last {} of writes", spoken(lost))
}

/// Names, keys and ARNs of what a run verified when it had made it, with nothing to be said against it.
pub fn verified_by(run: &Run) -> Vec<String> {
    let done = run.steps.iter().filter(|s| s.state == StepState::Done && !s.outputs.contains_key(ISSUE));
    done.filter_map(|step| match &run.op.plan.steps.get(step.index)?.action {
        Action::VerifySnapshot(what) => Some(what.snapshot.clone()),
        Action::VerifyRecoveryPoint(_) => run.inputs(step.index).get("recovery_point").cloned(),
        Action::VerifyObject(what) => Some(what.key.clone()),
        Action::VerifyDump(what) => Some(what.key.clone()),
        _ => None,
    })
    .collect()
}

/// The window of point-in-time recovery in words: how far back, and what its latest second loses.
pub fn window(latest: Moment, oldest: Moment, now: Moment) -> (String, String) {
    let days = latest.since(oldest);
    let reach = match days.as_secs() / 86_400 {
        0 => spoken(days),
        days => count(days, "day"),
    };
    (format!("any second of {reach}: from {oldest} to {latest}"), loses(now.since(latest)))
}

/// What asks for the restore of this point, without the slash command in front; whether there is such a command is the
/// grammar's to say. None for a continuous backup, which is restored to a moment, see [`asks_for_window`], and for what AWS Backup
/// keeps of a bucket.
pub fn asks_for(environment: &str, point: &Point, from_dr: bool, tenant: Option<&str>) -> Option<String> {
    let Point { kind, id, resource, created, .. } = point;
    let what = match kind {
        PointKind::Rds if is_continuous(&point.arn) => return None,
        PointKind::Rds => format!("--snapshot-id {id}"),
        // A file system is restored where the live one is.
        PointKind::Efs if from_dr => return None,
        PointKind::Efs => format!("--recovery-point {id}"),
        PointKind::Dump | PointKind::Secrets | PointKind::Config => format!("--from {id}"),
        PointKind::S3 if point.is_left_to_aws() => return None,
        PointKind::S3 => format!("--bucket {resource} --as-of {created}"),
    };
    // A tenant's dump holds nothing else.
    let tenant = tenant.or(point.tenant.as_deref().filter(|_| *kind == PointKind::Dump));
    Some(format!("backup restore {environment} {kind} {what}{}", narrowed(from_dr, tenant)))
}

/// What asks for the restore of a database as late as can be.
pub fn asks_for_window(environment: &str, database: &str, from_dr: bool, tenant: Option<&str>) -> String {
    format!("backup restore {environment} pitr --target-time latest --database {database}{}", narrowed(from_dr, tenant))
}

fn narrowed(from_dr: bool, tenant: Option<&str>) -> String {
    let tenant = tenant.map(|tenant| format!(" --tenant {tenant}")).unwrap_or_default();
    format!("{tenant}{}", if from_dr { " --region dr" } else { "" })
}
