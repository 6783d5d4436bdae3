//! How soon bbws goes on after AWS has ended a job, and how many requests that takes: a run against the longest chain of its jobs.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{time::Timeline, world::World},
    domain::{
        moment::Moment,
        operation::{Run, State},
        run::{Course, Pacing},
    },
    ports::{clock::Clock as _, store::Store as _},
};

use crate::support::rig::Rig;

/// What AWS works on for a while when a backup is made.
const JOBS: [&str; 5] = ["rds.snapshot", "rds.copy", "backup.job", "backup.copy", "s3.replica"];

/// How a run went.
#[derive(Debug)]
struct Measured {
    /// How long it took, over the longest chain of what AWS worked on.
    ratio: f64,
    /// Requests to AWS from its approval to its end.
    requests: u64,
}

/// Lets everything that AWS began since a moment take so long, a replica in S3 too.
fn even_out(world: &mut World, since: Moment, lasts: Duration) {
    let even = |course: &mut Timeline| {
        if course.created >= since && course.fails.is_none() {
            *course = Timeline::new(course.created, course.created, lasts, None);
        }
    };
    for (_, _, place) in world.places_mut() {
        place.rds.snapshots.values_mut().for_each(|snapshot| even(&mut snapshot.timeline));
        let backup = &mut place.backup;
        backup.jobs.values_mut().for_each(|job| even(&mut job.course));
        backup.copies.values_mut().for_each(|copy| even(&mut copy.course));
        backup
            .vaults
            .values_mut()
            .flat_map(|vault| vault.points.values_mut())
            .for_each(|point| even(&mut point.course));
    }
    for version in world.s3.buckets.values_mut().flat_map(|bucket| bucket.objects.values_mut()).flatten() {
        if version.replica && version.made >= since {
            version.visible = version.made + lasts;
        }
        if let Some(replication) = &mut version.replication {
            even(&mut replication.course);
        }
    }
}

/// The longest chain of jobs, each of this length.
fn critical(run: &Run, lasts: Duration) -> Duration {
    let mut ends: Vec<Duration> = Vec::new();
    for spec in &run.op.plan.steps {
        let begins = spec.after.iter().map(|before| ends[*before]).max().unwrap_or_default();
        let takes = if JOBS.contains(&spec.action.kind()) { lasts } else { Duration::ZERO };
        ends.push(begins + takes);
    }
    ends.into_iter().max().unwrap()
}

/// Backs up prod while each of AWS's jobs takes so long.
async fn backup(rig: &mut Rig, lasts: Duration) -> Measured {
    rig.process.engine.pacing = Pacing::default();
    rig.clock.advance(Duration::from_secs(3600));
    let id = rig.asked("backup create prod full").await;
    rig.settle(Duration::from_secs(5)).await;
    let (since, before) = (rig.clock.now(), rig.cloud.requests());
    rig.click("U0BOB", "approve", &id).await;
    while !rig.state(&id).await.terminal() {
        let worked = rig.step().await;
        rig.cloud.change(|world, _| even_out(world, since, lasts));
        if !worked {
            let next = rig.ledger.next_wake().await.unwrap().into_iter().chain(rig.ledger.next_notice().await.unwrap());
            let next = next.min().expect("a run that goes on is looked at again");
            rig.clock.set(next.max(rig.clock.now() + Duration::from_millis(1)));
        }
    }
    let requests = rig.cloud.requests() - before;
    let run = rig.run(&id).await;
    assert_eq!(run.op.state, State::Succeeded);
    let ended = run.steps.iter().filter_map(|step| step.ended).max().unwrap();
    let took = ended.since(run.op.started.unwrap());
    Measured { ratio: took.as_secs_f64() / critical(&run, lasts).as_secs_f64(), requests }
}

#[tokio::test]
async fn a_run_ends_soon_after_its_last_job() {
    let mut late = Vec::new();
    for lasts in [1_000, 6_000, 6_400, 90_000, 420_000].map(Duration::from_millis) {
        let mut rig = Rig::sqlite().await;
        let first = backup(&mut rig, lasts).await;
        let second = backup(&mut rig, lasts).await;
        println!("jobs of {lasts:?}: {first:?}, with experience {second:?}");
        // Experience makes it closer, and in fewer requests.
        if first.ratio > 1.12 || second.ratio > 1.05 || second.requests > first.requests {
            late.push((lasts, first, second));
        }
    }
    assert!(late.is_empty(), "{late:#?}");
}

#[test]
fn the_next_look_is_when_a_step_is_likely_to_have_ended() {
    let pacing = Pacing { floor: Duration::from_secs(1), ceiling: Duration::from_secs(30) };
    let seconds = Duration::from_secs;
    let next = |elapsed, expected: Option<u64>, percent| {
        let course = Course { elapsed: seconds(elapsed), expected: expected.map(seconds), percent };
        pacing.next(course).as_secs_f64()
    };
    let unsaid = (None, None);
    assert_eq!(next(2, None, unsaid), 1.0, "never more often than the floor");
    assert_eq!(next(60, None, unsaid), 12.0, "by the time it has taken");
    assert_eq!(next(600, None, unsaid), 30.0, "never less often than the ceiling");
    assert_eq!(next(80, Some(96), unsaid), 10.0, "shortly before the end by experience");
    assert_eq!(next(100, Some(96), unsaid), 4.0, "closely around it");
    assert_eq!(next(200, Some(96), unsaid), 20.0, "and less when experience does not hold");
    assert_eq!(next(10, Some(600), (Some(50), Some(0))), 10.0, "AWS's percentage says more than experience");
    assert_eq!(next(10, None, (Some(50), Some(20))), 10.0, "by the percentage");
    assert_eq!(next(100, None, (Some(50), Some(50))), 4.0, "but not while it stands still");
    assert_eq!(next(60, None, (Some(0), None)), 12.0, "nothing is known of what has not begun");
    assert_eq!(pacing.first(None), seconds(1));
    assert_eq!(pacing.first(Some(seconds(16))), seconds(15));
    assert_eq!(pacing.first(Some(seconds(3600))), seconds(30));
}
