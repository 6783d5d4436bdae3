//! A platform's way home, as far as it is not that of a failover: a replica is made once and like the instance whose place it takes, and
//! has everything once it has what was written up to the last write.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{
        Fault, Target,
        incidents::Side,
        judge::Recorded,
        world::{cloudwatch::Lag, ecs::Service},
    },
    domain::step::{self, Action, ISSUE, StoppedService},
    ports::{
        clock::Clock as _,
        cloud::{Call, Cloud as _, CloudError, Probe, Progress},
    },
};

use super::bed::{Bed, DR, HOME};

const LIVE: &str = "bbws-prod-mysql";
const BEFORE: &str = "bbws-prod-mysql-before-dr-2";
const REPLICA: &str = "bbws-prod-mysql-replica";

fn replicate() -> step::CreateReplica {
    step::CreateReplica {
        region: HOME.into(),
        from_region: DR.into(),
        source: REPLICA.into(),
        instance: LIVE.into(),
        like: Some(BEFORE.into()),
        kms_key: None,
        subnet_group: None,
        security_groups: Vec::new(),
    }
}

fn follow(at_most: u64) -> Action {
    step::FollowReplica { region: HOME.into(), replica: LIVE.into(), at_most }.into()
}

fn caught_up() -> Action {
    let stopped = vec![StoppedService { cluster: "bbws-prod-dr".into(), service: "wordpress".into() }];
    step::CatchUp { region: HOME.into(), replica: LIVE.into(), from_region: DR.into(), stopped, within: 1800 }.into()
}

/// After a failover, with what was left renamed.
fn bed() -> Bed {
    let bed = Bed::new();
    bed.aws.meddle("prod", Side::Dr, |place, _, _| {
        let heir = place.rds.instances.get_mut(REPLICA).expect("the replica");
        (heir.replica_of, heir.automated_days) = (None, 7);
    });
    bed.aws.meddle("prod", Side::Primary, |place, _, _| {
        let mut old = place.rds.instances.remove(LIVE).expect("what was live");
        old.resource = Some("db-OLD".to_owned());
        (old.multi_az, old.security_groups) = (true, vec!["sg-0900d0000000000aa".to_owned()]);
        place.rds.instances.insert(BEFORE.to_owned(), old);
    });
    bed
}

fn tasks(bed: &Bed, tasks: u32) {
    bed.aws.meddle("prod", Side::Dr, |place, _, now| {
        let services = place.ecs.clusters.get_mut("bbws-prod-dr").expect("the cluster");
        services.insert("wordpress".to_owned(), Service::long_there(tasks, now));
    });
}

fn lag(bed: &Bed, seconds: Option<i64>) {
    let lag = Lag { seconds, age: 30 };
    bed.aws.meddle("prod", Side::Primary, |place, _, _| place.cloudwatch.lags.insert(LIVE.to_owned(), lag));
}

async fn poll(bed: &Bed, call: &Call) -> Result<Progress, CloudError> {
    bed.cloud.poll(std::slice::from_ref(call)).await.remove(0)
}

/// Begins now.
fn now(bed: &Bed, index: usize, action: impl Into<Action>) -> Call {
    Call { intended: bed.clock.now(), ..bed.call(index, action.into()) }
}

async fn ended(bed: &Bed, call: &Call) -> Progress {
    for _ in 0..240 {
        match poll(bed, call).await.expect("AWS answers") {
            Progress::Running { .. } => bed.clock.advance(Duration::from_secs(10)),
            other => return other,
        }
    }
    panic!("{} does not end", call.action.kind());
}

async fn replicated(bed: &Bed) -> Progress {
    let call = now(bed, 0, replicate());
    bed.cloud.start(&call).await.expect("it starts");
    ended(bed, &call).await
}

fn asked(bed: &Bed) -> Vec<Recorded> {
    bed.aws.journal().into_iter().filter(|asked| asked.operation == "CreateDBInstanceReadReplica").collect()
}

/// Each call of these steps once.
pub async fn everything() {
    let bed = bed();
    tasks(&bed, 0);
    assert!(matches!(replicated(&bed).await, Progress::Done { .. }));
    for (index, action) in [(1, follow(60)), (2, caught_up())] {
        let call = now(&bed, index, action);
        assert!(matches!(ended(&bed, &call).await, Progress::Done { .. }));
    }
}

#[tokio::test]
async fn a_replica_is_made_once_and_like_the_instance_whose_place_it_takes() {
    let bed = bed();
    let call = now(&bed, 0, replicate());
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
    bed.aws.inject(Fault::LostReply, Target::next().of("CreateDBInstanceReadReplica"));
    assert!(matches!(bed.cloud.start(&call).await, Err(CloudError::Unknown { .. })));
    assert!(matches!(bed.cloud.probe(&call).await, Ok(Probe::Present(_))), "it is found by its name and tag");
    let Progress::Done { outputs, detail } = ended(&bed, &call).await else { panic!("it is made") };
    assert!(detail.starts_with(&format!("follows {REPLICA} in {DR}, at {LIVE}.")), "{detail}");
    assert_eq!(outputs.get(ISSUE), None, "nothing of it is another's: {outputs:?}");
    assert_ne!(outputs[step::RESOURCE], "db-OLD", "it is not what was renamed");
    bed.aws.inspect("prod", Side::Primary, |_, place, now| {
        let (made, old) = (&place.rds.instances[LIVE], &place.rds.instances[BEFORE]);
        assert!(made.source(now).is_some_and(|source| source.ends_with(&format!(":db:{REPLICA}"))));
        assert_eq!((made.multi_az, &made.security_groups, &made.key), (true, &old.security_groups, &old.key));
        assert!(made.protected && made.tags.contains_key("bbws:operation"));
    });
    // Whoever comes late finds it made.
    assert!(bed.cloud.start(&call).await.is_ok());
    assert_eq!(asked(&bed).iter().filter(|asked| asked.effect).count(), 1);
    assert!(bed.aws.twice().is_empty());
}

#[tokio::test]
async fn a_name_that_somebody_elses_has_is_not_taken_for_a_replica() {
    let bed = bed();
    bed.aws.meddle("prod", Side::Primary, |place, _, _| {
        let old = place.rds.instances[BEFORE].clone();
        place.rds.instances.insert(LIVE.to_owned(), old);
    });
    let call = now(&bed, 0, replicate());
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
    let Err(CloudError::Permanent { reason }) = bed.cloud.start(&call).await else { panic!("it is refused") };
    assert!(reason.contains("an instance of that name exists that this operation did not make"), "{reason}");
}

#[tokio::test]
async fn everything_is_there_once_the_lag_reaches_to_the_last_write_and_never_while_somebody_writes() {
    let bed = bed();
    replicated(&bed).await;
    tasks(&bed, 0);
    lag(&bed, Some(400));
    let Ok(Progress::Running { detail, .. }) = poll(&bed, &now(&bed, 1, follow(60))).await else {
        panic!("far behind")
    };
    assert_eq!(detail, "6 min 40 s behind");
    // One that goes on counting with nothing to replicate, as PostgreSQL's does, has everything all the same once it is past that.
    let call = now(&bed, 2, caught_up());
    lag(&bed, Some(100));
    assert!(matches!(poll(&bed, &call).await, Ok(Progress::Running { .. })), "that is of before");
    bed.clock.advance(Duration::from_secs(60));
    assert!(matches!(poll(&bed, &call).await, Ok(Progress::Running { .. })), "that is too");
    for unknown in [None, Some(-1)] {
        lag(&bed, unknown);
        let Ok(Progress::Running { detail, .. }) = poll(&bed, &call).await else { panic!("unknown is no zero") };
        assert!(detail.starts_with("unknown: "), "{detail}");
    }
    lag(&bed, Some(100));
    bed.clock.advance(Duration::from_secs(180));
    let Ok(Progress::Done { outputs, detail }) = poll(&bed, &call).await else { panic!("it has everything") };
    assert!(detail.ends_with("writes have stood still for 4 min"), "{detail}");
    assert_eq!(outputs["stood_still"], "240");
    tasks(&bed, 1);
    let Ok(Progress::Failed { reason }) = poll(&bed, &call).await else { panic!("somebody writes") };
    assert!(reason.starts_with("Service wordpress of bbws-prod-dr in eu-west-1 runs again"), "{reason}");
    tasks(&bed, 0);
    lag(&bed, Some(9000));
    bed.clock.advance(Duration::from_secs(1800));
    let Ok(Progress::Failed { reason }) = poll(&bed, &call).await else { panic!("it takes too long") };
    assert!(reason.contains("has not got everything within 30 min"), "{reason}");
}
