//! What counts as wrong: one rule per kind of finding, over one set of measurements.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Finding, Kind, Look, MORE, SOON, Standing, View, is_region, objectives, proofs, words};
use crate::domain::{
    drill::calendar::{self, Stands},
    environment::Environment,
    lag::{Component, JobTrouble, Measurements, Side},
    mark::{Leftover, Mark, MarkKind},
    moment::Moment,
    operations::schedule::own,
    point::PointKind,
    routine::{Rhythm, Routine, Wish},
    schedule::Schedule,
    text::escape,
};

/// The least a backup may be late.
const GRACE: Duration = Duration::from_secs(30 * 60);
/// How long a job that failed is a finding, and how long a test restore may leave something lying about.
const DAY: Duration = Duration::from_secs(86_400);
/// Deleting what a test restore left begins after a day and may take so long before anybody is told.
const TIDYING: Duration = Duration::from_secs(2 * 3600);
/// Due times looked back at: more than fit into the longest grace of any schedule.
const LOOK_BACK: usize = 60;

/// Everything that is wrong.
pub fn look(view: &View<'_>) -> Look {
    let mut look = Look::default();
    places(view, &mut look);
    missed(view, &mut look);
    lags(view, &mut look);
    objectives::promises(view, &mut look);
    objectives::chain(view, &mut look);
    jobs(view, &mut look);
    proofs::restore_test(view, &mut look);
    leftovers(view, &mut look);
    schedules(view, &mut look);
    drills(view, &mut look);
    look
}

/// AWS did not answer so many times in a row. Nothing else can be said, so that everything else goes on standing.
pub fn unreachable(environment: &Environment, times: u32, reason: &str) -> Look {
    let key = Kind::Unreachable.key("");
    let found = vec![words::unreachable(environment, key, times, reason)];
    Look { found, ..silence() }
}

/// AWS did not answer, and it is too early to tell: everything goes on standing.
pub fn silence() -> Look {
    Look { unseen: Kind::ALL.into_iter().collect(), ..Look::default() }
}

impl View<'_> {
    pub(super) fn stands(&self, key: &str) -> bool {
        self.standing.iter().any(|s| s.key == key)
    }

    /// The region of this side does not answer as a whole, which is a finding of its own.
    pub(super) fn region_lost(&self, side: Side) -> bool {
        let region = match side {
            Side::Primary => &self.environment.primary_region,
            Side::Dr => &self.environment.dr_region,
        };
        self.lost().any(|lost| lost == region)
    }

    /// Regions that do not answer as a whole.
    fn lost(&self) -> impl Iterator<Item = &str> {
        let lost = self.measurements.places.iter().filter(|(name, condition)| condition.is_err() && is_region(name));
        lost.filter_map(|(name, _)| name.split_whitespace().next_back())
    }

    /// Nothing that a backup or a test restore needs is out of reach: neither can be advised while a region is.
    pub(super) fn reaches_all(&self) -> bool {
        self.lost().next().is_none()
    }
}

fn places(view: &View<'_>, look: &mut Look) {
    let lost = view.region_lost(Side::Primary) || view.region_lost(Side::Dr);
    if lost {
        // What lies in a region that does not answer is not listed.
        let listed: BTreeSet<String> = view.measurements.places.iter().map(|(name, _)| Kind::Place.key(name)).collect();
        let gone = view.standing.iter().filter(|s| s.note.kind == Kind::Place && !listed.contains(&s.key));
        look.veiled.extend(gone.map(|s| s.key.clone()));
    }
    let regions = view.measurements.places.iter().filter(|(name, _)| is_region(name));
    let silences: Vec<&String> = regions.filter_map(|(_, condition)| condition.as_ref().err()).collect();
    for (name, condition) in &view.measurements.places {
        if let Err(reason) = condition {
            // What lies in a region that does not answer is told with the region.
            let key = Kind::Place.key(name);
            if silences.contains(&reason) && !is_region(name) && !view.stands(&key) {
                continue;
            }
            look.found.push(Finding {
                key,
                kind: Kind::Place,
                critical: is_region(name),
                certain: false,
                again: 0,
                title: format!("The {} is not usable", escape(name)),
                reason: words::sentence(reason),
                next: words::place_next(view.environment, name),
                // What measures needs the region as well; it is looked at again anyway.
                fix: view.reaches_all().then(|| words::look_closer(view.environment, false, true)),
            });
        }
    }
}

/// The last due time whose grace is over, and how long the schedule leaves between two.
fn due(schedule: &Schedule, now: Moment) -> Option<(Moment, Duration)> {
    let mut at = schedule.previous(now)?;
    for _ in 0..LOOK_BACK {
        let interval = schedule.interval(at);
        if at + GRACE.max(interval / 10) <= now {
            return Some((at, interval));
        }
        at = schedule.previous(at - Duration::from_millis(1))?;
    }
    None
}

fn missed(view: &View<'_>, look: &mut Look) {
    // The config was checked when it was read; a schedule that is none promises nothing.
    let Some(schedule) = view.environment.schedule.as_deref().and_then(|s| Schedule::parse(s).ok()) else { return };
    let Some((due, interval)) = due(&schedule, view.now) else { return };
    // A backup of ours that began since is given until the next one is due.
    let under_way = view.backing_up.is_some_and(|began| began >= due) && view.now < due + interval;
    let lost = view.region_lost(Side::Primary);
    for component in view.measurements.components.iter().filter(|c| c.side == Side::Primary) {
        if component.safe.as_ref().is_ok_and(|safe| *safe >= due) {
            continue;
        }
        let key = Kind::Missed.key(&component.name());
        if !view.stands(&key) && (under_way || lost) {
            continue;
        }
        look.found.push(words::missed(view, component, key, due, &schedule));
    }
}

fn lags(view: &View<'_>, look: &mut Look) {
    let at = view.measurements.at;
    let lost = view.region_lost(Side::Dr);
    let copies: Vec<&Component> = view.measurements.components.iter().filter(|c| c.side == Side::Dr).collect();
    let mut behind = 0;
    let mut certain = true;
    let mut found = Vec::new();
    for component in &copies {
        let key = Kind::Lag.key(&component.name());
        let stands = view.stands(&key);
        let rpo = view.environment.promise_of(component).rpo;
        // What was told to be behind has to catch up by a margin, or it would come and go.
        let limit = if stands { rpo * 9 / 10 } else { rpo };
        if component.within(limit, at) {
            continue;
        }
        behind += 1;
        certain &= component.safe.is_ok();
        // That copies fall behind while their region does not answer is part of that outage.
        if stands || !lost {
            found.push(words::lag(view, component, key));
        }
    }
    let none = words::no_copy(view, behind, certain);
    if behind > 1 && behind == copies.len() {
        if !lost || view.stands(&none.key) {
            look.found.push(none);
        }
    } else if behind == 1 && copies.len() == 1 {
        found.iter_mut().for_each(|only| only.critical = true);
    }
    look.found.append(&mut found);
}

fn jobs(view: &View<'_>, look: &mut Look) {
    let trouble = match &view.measurements.trouble {
        Ok(trouble) => trouble,
        Err(reason) => {
            look.unseen.insert(Kind::Job);
            let blind = words::blind(view, reason);
            if view.stands(&blind.key) || !(view.region_lost(Side::Primary) || view.region_lost(Side::Dr)) {
                look.found.push(blind);
            }
            return;
        }
    };
    // Many jobs of one resource that end alike are one finding.
    let mut by_key: BTreeMap<String, (&JobTrouble, usize)> = BTreeMap::new();
    for job in trouble.iter().filter(|job| view.now.since(job.at) < DAY) {
        let subject = format!("{} {} {} {}", job.what, job.resource, job.region, job.state);
        let entry = by_key.entry(Kind::Job.key(&subject)).or_insert((job, 0));
        entry.1 += 1;
        if job.at > entry.0.at {
            entry.0 = job;
        }
    }
    let mut newest: Vec<(String, &JobTrouble, usize)> =
        by_key.into_iter().map(|(key, (job, times))| (key, job, times)).collect();
    newest.sort_by_key(|(_, job, _)| std::cmp::Reverse(job.at));
    for (key, job, times) in newest {
        if made_good(view.measurements, job) {
            look.cured.insert(key);
        } else if view.stands(&key) || !view.lost().any(|region| region == job.region) {
            look.found.push(words::job(view, job, key, times));
        }
    }
    // A region or a state that was not listed this time looks like one without trouble.
    let sum = Kind::Job.key(MORE);
    let young = |s: &&Standing| s.note.kind == Kind::Job && s.key != sum && view.now.since(s.since) < DAY;
    let kept = view.standing.iter().filter(young).filter(|s| !look.cured.contains(&s.key)).map(|s| s.key.clone());
    look.veiled.extend(kept.collect::<Vec<_>>());
}

/// Whether a later job of the same resource did what this one failed to do. A database's continuous backups say nothing of
/// its jobs, and nothing tells of restores.
fn made_good(measurements: &Measurements, job: &JobTrouble) -> bool {
    let side = match job.what.as_str() {
        "backup" => Side::Primary,
        "copy" => Side::Dr,
        _ => return false,
    };
    let later = |c: &Component| c.safe.as_ref().is_ok_and(|safe| *safe > job.at);
    let same = |c: &Component| c.kind == PointKind::Efs && c.side == side && c.resource == job.resource;
    measurements.components.iter().any(|c| same(c) && later(c))
}

fn leftovers(view: &View<'_>, look: &mut Look) {
    let old = |mark: &&Mark| {
        mark.kind == MarkKind::Leftover && view.now.since(mark.at) > Leftover::read(&mark.note).stays() + TIDYING
    };
    for mark in view.marks.iter().filter(old) {
        look.found.push(words::leftover(mark, view.now));
    }
}

/// Drills that are due soon, and those that were due. What is announced goes on standing until the drill is held.
fn drills(view: &View<'_>, look: &mut Look) {
    for entry in calendar::of(view.environment, view.marks) {
        let (soon, overdue) =
            (Kind::Drill.key(&format!("{}{SOON}", entry.form.word())), Kind::Drill.key(entry.form.word()));
        // Nobody holds a drill in the middle of the real thing.
        let busy = view.environment.side == Side::Dr || !view.reaches_all();
        let (found, quiet) = match entry.stands(view.now) {
            Stands::Quiet => continue,
            Stands::Soon(at) => (words::drill_soon(view, &entry, soon, at), None),
            Stands::Overdue(at) => (words::drill_overdue(view, &entry, overdue, at), Some(soon)),
        };
        look.veiled.extend(quiet);
        if busy && !view.stands(&found.key) {
            look.veiled.insert(found.key);
        } else {
            look.found.push(found);
        }
    }
}

/// What bbws starts by itself: whether it is in time, and whether people approved what the config says now.
fn schedules(view: &View<'_>, look: &mut Look) {
    let env = view.environment;
    for due in view.dues {
        let grace = GRACE.max(Duration::from_millis(due.kept.gap) / 10);
        let Some(routine) = Routine::named(&due.routine).filter(|_| due.late(view.now) > grace) else { continue };
        let late = words::late(view, routine, due);
        // A run that needs a region begins when that answers again; until then the region is what is told.
        if view.reaches_all() {
            look.found.push(late);
        } else {
            look.veiled.insert(late.key);
        }
    }
    let (mut wished, mut changed) = (Vec::new(), Vec::new());
    for routine in Routine::ALL {
        let wish = routine.wished(env);
        match (own::in_force(view.marks, routine), wish) {
            (None, Some(Wish::When(rhythm))) if own::template(env, routine, &rhythm).is_some() => wished.push(routine),
            (Some((_, approved)), wish) => {
                let now = match wish {
                    Some(Wish::Never) => None,
                    Some(Wish::When(rhythm)) => own::template(env, routine, &rhythm),
                    // Where the config says nothing of when, what was approved holds.
                    None => {
                        Rhythm::parse(&approved.rhythm).ok().and_then(|rhythm| own::template(env, routine, &rhythm))
                    }
                };
                if now != Some(approved) {
                    changed.push(routine);
                }
            }
            (None, _) => {}
        }
    }
    look.found.extend((!wished.is_empty()).then(|| words::not_approved(view, &wished)));
    look.found.extend((!changed.is_empty()).then(|| words::approved_otherwise(view, &changed)));
}
