//! What a platform does by itself whose backups are in order: its file systems and archives are backed up as its schedule says
//! and its RPO asks, its databases replicate their automated backups, and restores were tested not long ago. Without it nobody
//! backs anything up but bbws, and whoever watches is right to complain.

use std::time::Duration;

use super::{
    super::world::{World, rds::Replicated},
    past::{self, Past},
};
use crate::domain::{
    environment::{Environment, Replication},
    mark::{Mark, MarkKind},
    moment::Moment,
    schedule::Schedule,
};

/// What such backups are called where a backup of ours has its operation, before day and time.
const CALLED: &str = "scheduled-";
/// The tag by which their recovery points are known.
const TAG: &str = "platform:schedule";
/// Replicated automated backups are so many seconds behind.
const BEHIND: u64 = 240;
/// How long they are kept here: a demo that runs for a week lists no more than one that has just begun.
const KEPT: Duration = Duration::from_secs(86_400);
/// Rounds caught up with at most, after a clock that was put forward.
const ROUNDS: usize = 100;
/// So long after a backup it was restored for a test.
const LATER: Duration = Duration::from_secs(2 * 3600);

/// Makes the automated backups of databases replicate to the DR region.
pub fn replicate(world: &mut World, environment: &Environment) {
    for database in environment.databases.iter().filter(|_| environment.replicates()) {
        let arn = environment.database_arn(&database.id);
        let there = world.region(&environment.account, &environment.dr_region);
        there.rds.replicated.insert(arn, Replicated { behind: BEHIND });
    }
}

/// Makes the backups that were due since the last ones. `down` says which regions make and take nothing. Whether there were any.
pub fn catch_up(world: &mut World, environment: &Environment, down: impl Fn(&str) -> bool, now: Moment) -> bool {
    let Some(schedule) = environment.schedule.as_deref().and_then(|text| Schedule::parse(text).ok()) else {
        return false;
    };
    let name = &environment.name;
    let last = world.regular.get(name).copied().unwrap_or(now - environment.rpo.0 * 2);
    let mut due = rounds(&schedule, environment.rpo.0 / 2, last, now);
    due.sort_unstable();
    let Some(newest) = due.last().copied() else { return false };
    world.regular.insert(name.clone(), newest);
    if !down(&environment.primary_region) {
        let reaches = !down(&environment.dr_region);
        let alone = Environment { replication: Replication::Disabled, ..environment.clone() };
        for at in due {
            let past = round(if reaches { environment } else { &alone }, at);
            super::backups::seed_past(world, &past);
        }
    }
    forget(world, environment, now);
    true
}

/// Moments after `last` at which backups are due, the newest first: those of the schedule, and others in between as often as
/// the copies need them to keep the RPO.
fn rounds(schedule: &Schedule, often: Duration, last: Moment, now: Moment) -> Vec<Moment> {
    let often = i64::try_from(often.as_millis()).unwrap_or(i64::MAX).max(1);
    let mut rounds = Vec::new();
    let mut at = now;
    while rounds.len() < ROUNDS {
        let regular = Moment(at.0 - at.0.rem_euclid(often));
        at = schedule.previous(at).map_or(regular, |due| due.max(regular));
        if at <= last {
            break;
        }
        rounds.push(at);
        at = at - Duration::from_millis(1);
    }
    rounds
}

fn round(environment: &Environment, at: Moment) -> Past<'_> {
    let tags = [
        (TAG, "regular".to_owned()),
        ("bbws:environment", environment.name.clone()),
        ("bbws:retention-days", environment.retention_days.default.to_string()),
    ];
    let clock = at.iso();
    Past {
        environment,
        at,
        operation: format!("{CALLED}{}-{}{}", at.yyyymmdd(), &clock[11..13], &clock[14..16]),
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        bad: None,
        over: false,
        recent: true,
    }
}

/// Takes away what is too old to be of use to anybody who looks at a demo.
fn forget(world: &mut World, environment: &Environment, now: Moment) {
    let old = |at: Moment| now.since(at) > KEPT;
    for region in [&environment.primary_region, &environment.dr_region] {
        for vault in world.region(&environment.account, region).backup.vaults.values_mut() {
            vault.points.retain(|_, point| !(point.tags.contains_key(TAG) && old(point.created)));
        }
    }
    let part = format!("/{CALLED}");
    for name in [&environment.secrets_bucket, &environment.dr_secrets_bucket].into_iter().flatten() {
        if let Some(bucket) = world.s3.buckets.get_mut(name) {
            let gone = |key: &String, made: Option<Moment>| key.contains(&part) && made.is_some_and(old);
            bucket.objects.retain(|key, versions| !gone(key, versions.first().map(|version| version.made)));
        }
    }
}

/// What the ledger would remember of the last restore tests.
pub fn tested(seed: u64, environment: &Environment, index: usize, now: Moment) -> Vec<Mark> {
    let all = past::TESTED.into_iter().map(|n| past::past(seed, environment, index, n, now));
    let Some(past) = all.filter(|past| !past.over).find(|_| environment.restore_test.is_some()) else {
        return Vec::new();
    };
    let operation = format!("vl-{}", past::LAST - i64::try_from(index).unwrap_or(0));
    let (day, made_by) = (past.at.yyyymmdd(), &past.operation);
    let mark = |subject: String, resource: &str| Mark {
        environment: environment.name.clone(),
        kind: MarkKind::Tested,
        subject,
        note: Mark::tested(resource, &operation),
        operation: operation.clone(),
        at: past.at + LATER,
    };
    let databases = environment.databases.iter().map(|d| mark(format!("rds {}-manual-{day}-{made_by}", d.id), &d.id));
    let files = environment.file_systems.iter().map(|f| mark(format!("efs {} {}", f.id, past.at), &f.id));
    let dumps = environment.dumps.iter().map(|dump| {
        let key = format!("{}/dump/{day}/{made_by}/{}.dump", environment.name, dump.database);
        mark(format!("dump {key}"), &Mark::dump_of(&dump.database))
    });
    databases.chain(files).chain(dumps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_those_of_the_schedule_and_of_half_the_rpo() {
        let schedule = Schedule::parse("cron(0 2 * * ? *)").unwrap();
        let day = |hours: u64| Moment(1_795_219_200_000) + Duration::from_secs(3600 * hours);
        let rounds = rounds(&schedule, Duration::from_secs(12 * 3600), day(0), day(25));
        assert_eq!(rounds, [day(24), day(12), day(2)]);
    }
}
