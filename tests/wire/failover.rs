//! A platform's way to its other side, step by step: a promotion is asked for once, record sets stay whole, services count as
//! scaled when their tasks run, and a side that is dead holds nothing up.

use std::time::Duration;

use bbws::{
    adapters::{
        aws::secrets,
        sandbox::aws::{
            Fault, Override, Target,
            api::route53::REGION,
            incidents::Side,
            judge::Recorded,
            world::{Region, ecs::Service, route53::Zone},
        },
    },
    domain::{
        active::Active,
        environment::Environment,
        readiness::{Found, Readiness},
        step::{self, Action, ISSUE, Outputs, Weighing},
    },
    ports::{
        clock::Clock as _,
        cloud::{Call, Cloud as _, CloudError, Probe, Progress},
    },
};

use super::bed::{Bed, DR, HOME};

const REPLICA: &str = "bbws-prod-mysql-replica";
const ZONE: &str = "Z0BBWSPROD";
const NAME: &str = "wp.bbws.example.";

fn promote() -> Action {
    step::PromoteReplica { region: DR.into(), database: "bbws-prod-mysql".into(), replica: REPLICA.into() }.into()
}

fn scale(desired: u32) -> Action {
    step::ScaleService { region: DR.into(), cluster: "bbws-prod-dr".into(), service: "wordpress".into(), desired }
        .into()
}

fn fence() -> Action {
    step::FenceService { region: HOME.into(), cluster: "bbws-prod".into(), service: "wordpress".into() }.into()
}

fn weights(primary: u8, dr: u8) -> Vec<Weighing> {
    let of = |set: &str, weight| Weighing { name: NAME.into(), kind: "CNAME".into(), set: set.into(), weight };
    vec![of("primary", primary), of("dr", dr)]
}

fn shift(primary: u8, dr: u8) -> Action {
    step::ShiftTraffic { region: DR.into(), zone: ZONE.into(), records: weights(primary, dr) }.into()
}

fn settle(seconds: u64) -> Action {
    step::SettleTraffic { region: DR.into(), zone: ZONE.into(), records: weights(0, 100), seconds }.into()
}

async fn poll(bed: &Bed, call: &Call) -> Result<Progress, CloudError> {
    bed.cloud.poll(std::slice::from_ref(call)).await.remove(0)
}

/// Starts and watches, as the engine does.
async fn ended(bed: &Bed, call: Call) -> Progress {
    let mut call = Call { intended: bed.clock.now(), ..call };
    if call.action.mutates() {
        let started = bed.cloud.start(&call).await.expect("it starts");
        if started.finished {
            return Progress::Done { outputs: started.outputs, detail: String::new() };
        }
        call.external_id = started.external_id;
    }
    for _ in 0..120 {
        match poll(bed, &call).await.expect("AWS answers") {
            Progress::Running { .. } => bed.clock.advance(Duration::from_secs(10)),
            other => return other,
        }
    }
    panic!("{} does not end", call.action.kind());
}

async fn done(bed: &Bed, call: Call) -> (Outputs, String) {
    match ended(bed, call).await {
        Progress::Done { outputs, detail } => (outputs, detail),
        other => panic!("{other:?}"),
    }
}

fn asked(bed: &Bed, operation: &str) -> Vec<Recorded> {
    bed.aws.journal().into_iter().filter(|asked| asked.operation == operation).collect()
}

fn zone<T>(bed: &Bed, change: impl FnOnce(&mut Zone) -> T) -> T {
    let account = bed.environment.account.clone();
    bed.aws.change(|world, _| change(world.region(&account, REGION).route53.zones.get_mut(ZONE).expect("the zone")))
}

fn service(bed: &Bed, change: impl FnOnce(&mut Service)) {
    let changed = bed.aws.meddle("prod", Side::Dr, |place, _, _| {
        change(place.ecs.clusters.get_mut("bbws-prod-dr").and_then(|c| c.get_mut("wordpress")).expect("the service"));
    });
    assert!(changed.is_some());
}

/// Each call of these steps once.
pub async fn everything() {
    let bed = Bed::new();
    done(&bed, bed.call(0, fence())).await;
    done(&bed, bed.call(1, promote())).await;
    done(&bed, bed.call(2, scale(4))).await;
    done(&bed, bed.call(3, shift(0, 100))).await;
    done(&bed, bed.call(4, settle(120))).await;
    replicated(&bed);
    done(&bed, bed.call(5, promote_secrets())).await;
    controls(&bed);
    done(&bed, bed.call(6, turn(true))).await;
    both_sides(&bed).await;
}

fn promote_secrets() -> Action {
    step::PromoteSecrets { region: DR.into(), prefix: "bbws/prod/".into() }.into()
}

/// Every secret has a replica in the DR region.
pub fn replicated(bed: &Bed) {
    let account = bed.environment.account.clone();
    bed.aws.change(|world, _| {
        let secrets = world.region(&account, HOME).secrets.secrets.clone();
        for (name, mut secret) in secrets {
            secret.primary = Some(HOME.into());
            world.region(&account, DR).secrets.secrets.insert(name, secret);
        }
    });
}

#[tokio::test]
async fn replicas_of_secrets_are_promoted_once_and_can_be_written_while_their_region_is_dark() {
    let bed = Bed::new();
    replicated(&bed);
    let there = bed.session(DR).await;
    let write = |value: &'static str| {
        there.secrets().put_secret_value().secret_id("bbws/prod/smtp").secret_string(value).send()
    };
    let refused = write("new").await.unwrap_err().into_service_error();
    assert_eq!(refused.meta().code(), Some("InvalidRequestException"), "a replica takes no value");
    bed.aws.region_down(HOME, true);
    let all = secrets::replicas(&there, "bbws/prod/").await.unwrap().len();
    assert!(all > 2, "{all}");
    let call = Call { intended: bed.clock.now(), ..bed.call(1, promote_secrets()) };
    bed.aws.inject(Fault::LostReply, Target::next().of("StopReplicationToReplica"));
    assert!(matches!(bed.cloud.start(&call).await, Err(CloudError::Unknown { .. })));
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
    let Progress::Done { outputs, detail } = ended(&bed, call).await else { panic!("it is done") };
    assert!(detail.contains("of eu-west-1 can be written") && outputs.is_empty(), "{detail} {outputs:?}");
    assert_eq!(asked(&bed, "StopReplicationToReplica").len(), all, "each once, whatever was lost");
    assert!(secrets::replicas(&there, "bbws/prod/").await.unwrap().is_empty());
    write("new").await.expect("what was promoted takes values");
    assert!(bed.aws.twice().is_empty(), "{:?}", bed.aws.twice());
}

#[tokio::test]
async fn that_there_are_no_secrets_is_said() {
    let bed = Bed::new();
    bed.aws.meddle("prod", Side::Dr, |place, _, _| place.secrets.secrets.clear());
    let Progress::Done { detail, .. } = ended(&bed, bed.call(1, promote_secrets())).await else { panic!("it ends") };
    assert!(detail.contains("none is under bbws/prod/ in eu-west-1"), "{detail}");
}

#[tokio::test]
async fn a_replica_is_promoted_once_whatever_gets_lost() {
    let bed = Bed::new();
    bed.aws.meddle("prod", Side::Dr, |place, _, now| {
        place.rds.instances.get_mut(REPLICA).expect("the replica").backing_up = Some(now + Duration::from_secs(300));
    });
    let call = Call { intended: bed.clock.now(), ..bed.call(1, promote()) };
    let Err(CloudError::Retryable { reason, .. }) = bed.cloud.start(&call).await else { panic!("it waits") };
    assert!(reason.contains("it is backing-up, and only what is available is promoted"), "{reason}");
    assert!(asked(&bed, "PromoteReadReplica").is_empty(), "nothing is asked of what cannot do it");
    bed.clock.advance(Duration::from_secs(301));
    let call = Call { intended: bed.clock.now(), ..call };
    bed.aws.inject(Fault::LostReply, Target::next().of("PromoteReadReplica"));
    assert!(matches!(bed.cloud.start(&call).await, Err(CloudError::Unknown { .. })));
    assert!(
        matches!(bed.cloud.probe(&call).await, Err(CloudError::Retryable { .. })),
        "it is on its way, so nobody knows"
    );
    bed.clock.advance(Duration::from_secs(300));
    let Ok(Probe::Present(started)) = bed.cloud.probe(&call).await else { panic!("it was promoted") };
    let call = Call { external_id: started.external_id, ..call };
    let Ok(Progress::Done { outputs, detail }) = poll(&bed, &call).await else { panic!("it is done") };
    assert!(detail.starts_with("an instance of its own, at bbws-prod-mysql-replica."), "{detail}");
    assert!(outputs[step::RESOURCE].starts_with("db-"), "{outputs:?}");
    // Whoever comes late finds it done.
    done(&bed, bed.call(1, promote())).await;
    assert_eq!(asked(&bed, "PromoteReadReplica").len(), 1);
    assert!(bed.aws.twice().is_empty());
}

#[tokio::test]
async fn a_promotion_that_was_never_asked_for_is_asked_for_only_after_a_while() {
    let bed = Bed::new();
    let call = Call { intended: bed.clock.now(), ..bed.call(1, promote()) };
    bed.aws.inject(Fault::LostRequest, Target::next().of("PromoteReadReplica"));
    assert!(matches!(bed.cloud.start(&call).await, Err(CloudError::Unknown { .. })));
    assert!(matches!(bed.cloud.probe(&call).await, Err(CloudError::Retryable { .. })), "RDS may not show it yet");
    bed.clock.advance(Duration::from_secs(121));
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
}

#[tokio::test]
async fn a_service_is_scaled_when_its_tasks_run_and_a_failed_deployment_ends_it() {
    let bed = Bed::new();
    let call = Call { intended: bed.clock.now(), ..bed.call(1, scale(4)) };
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
    bed.cloud.start(&call).await.unwrap();
    assert!(matches!(bed.cloud.probe(&call).await, Ok(Probe::Present(_))));
    let Ok(Progress::Running { detail, .. }) = poll(&bed, &call).await else { panic!("its tasks start") };
    assert_eq!(detail, "1 of 4 tasks run");
    bed.clock.advance(Duration::from_secs(200));
    assert!(matches!(poll(&bed, &call).await, Ok(Progress::Done { .. })));
    bed.cloud.start(&call).await.unwrap();
    assert_eq!(asked(&bed, "UpdateService").len(), 1, "what is so is not said again");
    service(&bed, |service| service.desired = 2);
    let Ok(Progress::Failed { reason }) = poll(&bed, &call).await else { panic!("somebody changed it") };
    assert!(reason.contains("is to run 2 tasks, not 4"), "{reason}");
    bed.aws.inject(Fault::JobFails, Target::next_change());
    let Progress::Failed { reason } = ended(&bed, bed.call(2, scale(6))).await else { panic!("it fails") };
    assert!(reason.contains("circuit breaker"), "{reason}");
    let missing =
        step::ScaleService { region: DR.into(), cluster: "bbws-prod-dr".into(), service: "none".into(), desired: 1 };
    let Err(CloudError::Permanent { reason }) = bed.cloud.start(&bed.call(3, missing.into())).await else {
        panic!("there is none")
    };
    assert!(reason.contains("Cluster bbws-prod-dr in eu-west-1 has no active service none."), "{reason}");
}

#[tokio::test]
async fn a_side_that_is_dead_is_not_waited_for_and_said_to_be_open() {
    for hangs in [false, true] {
        let bed = Bed::new();
        match hangs {
            false => bed.aws.region_down(HOME, true),
            true => bed.aws.inject(Fault::Hangs, Target::always().in_region(HOME)),
        }
        let before = bed.clock.now();
        let (outputs, _) = done(&bed, bed.call(1, fence())).await;
        let issue = &outputs[ISSUE];
        assert!(issue.starts_with("wordpress in af-south-1 is not fenced: "), "{issue}");
        assert!(issue.ends_with("it may take writes until somebody scales it to 0"), "{issue}");
        assert!(bed.clock.now().since(before) < Duration::from_secs(120), "hangs: {hangs}");
    }
    let bed = Bed::new();
    let (outputs, detail) = done(&bed, bed.call(1, fence())).await;
    assert_eq!((outputs.len(), detail.as_str()), (0, "no task runs any more"));
    bed.aws.inject(Fault::Throttled, Target::next().of("DescribeServices"));
    let call = Call { intended: bed.clock.now(), ..bed.call(2, fence()) };
    assert!(matches!(bed.cloud.start(&call).await, Err(CloudError::Retryable { .. })), "who answers is asked again");
    bed.aws.inject(Fault::LostReply, Target::next().of("UpdateService"));
    let bed = Bed::new();
    bed.aws.inject(Fault::LostReply, Target::next().of("UpdateService"));
    assert_eq!(done(&bed, bed.call(3, fence())).await.1, "no task runs any more", "a second look tells");
}

#[tokio::test]
async fn weights_are_shifted_in_one_change_and_the_rest_of_the_records_stays() {
    let bed = Bed::new();
    zone(&bed, |zone| {
        for set in zone.sets.values_mut() {
            set["HealthCheckId"] = "11111111-2222-3333-4444-555555555555".into();
        }
        // Others of the zone, some with names around it.
        for n in 0..700 {
            zone.weigh(&format!("a{n:03}.bbws.example."), "A", "only", 1, "192.0.2.9");
        }
    });
    let before = zone(&bed, |zone| zone.clone());
    let call = Call { intended: bed.clock.now(), ..bed.call(1, shift(0, 100)) };
    let started = bed.cloud.start(&call).await.unwrap();
    let call = Call { external_id: started.external_id, ..call };
    let Ok(Progress::Running { detail, .. }) = poll(&bed, &call).await else { panic!("it is on its way") };
    assert_eq!(detail, "PENDING");
    bed.clock.advance(Duration::from_secs(61));
    let Ok(Progress::Done { detail, .. }) = poll(&bed, &call).await else { panic!("it is there") };
    assert_eq!(detail, "INSYNC: wp.bbws.example. primary 0, wp.bbws.example. dr 100");
    let after = zone(&bed, |zone| zone.clone());
    assert_eq!((after.weight(NAME, "CNAME", "primary"), after.weight(NAME, "CNAME", "dr")), (Some(0), Some(100)));
    assert_eq!(asked(&bed, "ChangeResourceRecordSets").len(), 1);
    done(&bed, bed.call(2, shift(100, 0))).await;
    assert_eq!(zone(&bed, |zone| zone.clone()), before, "the way back leaves the zone as it was, to the letter");
    assert!(asked(&bed, "ListResourceRecordSets").iter().all(|asked| asked.region == REGION));
}

#[tokio::test]
async fn every_word_of_a_refused_change_is_shown_and_a_list_that_is_not_whole_is_none() {
    let bed = Bed::new();
    zone(&bed, |zone| {
        zone.weigh(NAME, "CNAME", "third", 0, "third.example.");
        let third = zone.sets.values_mut().find(|set| set["SetIdentifier"] == "third").expect("it was made");
        third["TTL"] = "300".into();
    });
    let Err(CloudError::Permanent { reason }) = bed.cloud.start(&bed.call(1, shift(0, 100))).await else {
        panic!("it is refused")
    };
    assert!(
        reason.contains("Route 53 refuses the change: RRSet with DNS name wp.bbws.example., type CNAME has TTLs"),
        "{reason}"
    );
    let bed = Bed::new();
    let cut = Override::xml(|xml| xml.replace("<MaxItems>300</MaxItems>", ""));
    bed.aws.override_answers(Target::next().of("ListResourceRecordSets"), cut);
    let Err(CloudError::Retryable { reason, .. }) = bed.cloud.start(&bed.call(1, shift(0, 100))).await else {
        panic!("nothing is changed on half of a list")
    };
    assert!(reason.contains("the list of them is not whole"), "{reason}");
    bed.aws.inject(Fault::CutShort, Target::next().of("ListResourceRecordSets"));
    assert!(matches!(bed.cloud.start(&bed.call(1, shift(0, 100))).await, Err(CloudError::Retryable { .. })));
    assert!(asked(&bed, "ChangeResourceRecordSets").is_empty());
    zone(&bed, |zone| zone.sets.clear());
    let Err(CloudError::Permanent { reason }) = bed.cloud.start(&bed.call(1, shift(0, 100))).await else {
        panic!("there is none")
    };
    assert!(
        reason.contains("has no weighted record wp.bbws.example. CNAME with the set identifier primary"),
        "{reason}"
    );
}

#[tokio::test]
async fn resolvers_are_given_their_time_and_weights_that_move_meanwhile_are_told() {
    let bed = Bed::new();
    done(&bed, bed.call(1, shift(0, 100))).await;
    let call = Call { intended: bed.clock.now(), ..bed.call(2, settle(120)) };
    bed.clock.advance(Duration::from_secs(119));
    assert!(matches!(poll(&bed, &call).await, Ok(Progress::Running { percent: Some(99), .. })));
    bed.clock.advance(Duration::from_secs(1));
    assert!(matches!(poll(&bed, &call).await, Ok(Progress::Done { .. })));
    zone(&bed, |zone| zone.weigh(NAME, "CNAME", "primary", 50, "old.example."));
    let Ok(Progress::Failed { reason }) = poll(&bed, &call).await else { panic!("somebody moved them") };
    assert!(reason.contains("its weight is 50, not 0"), "{reason}");
}

/// Of both sides without the addresses, which are asked several times over the network.
async fn both_sides(bed: &Bed) -> Readiness {
    let environment = Environment { health: None, ..(*bed.environment).clone() };
    bed.cloud.readiness(&environment, &Active::primary(), "U0ALICE").await.expect("an answer")
}

/// What is not ready of what a failover stands on.
async fn gaps(bed: &Bed) -> Vec<(String, Found)> {
    let found = both_sides(bed).await.prerequisites;
    let not = |p: &&bbws::domain::readiness::Prerequisite| !matches!(p.found, Found::Ready(_));
    found.iter().filter(not).map(|p| (p.subject.clone(), p.found.clone())).collect()
}

#[tokio::test]
async fn every_gap_of_the_other_side_is_found_by_itself() {
    let bed = Bed::new();
    assert_eq!(gaps(&bed).await, [], "nothing is lacking at first");
    let there = |change: &dyn Fn(&mut Region)| {
        bed.aws.meddle("prod", Side::Dr, |place, _, _| change(place)).expect("the region");
    };
    let image = format!("{}.dkr.ecr.{DR}.amazonaws.com/bbws/wordpress:6.8", bed.environment.account);
    let vcpus = || "Fargate vCPUs in eu-west-1".to_owned();
    type Change<'c> = &'c dyn Fn(&mut Region);
    let definition = |place: &mut Region| place.ecs.definitions.get_mut("wordpress:7").expect("it").clone();
    let cases: [(Change<'_>, Change<'_>, String, &str); 6] = [
        (
            &|place| place.ecs.repositories.clear(),
            &|place| {
                drop(place.ecs.repositories.insert("bbws/wordpress".into(), [("6.8".into(), "sha256:a".into())].into()))
            },
            format!("Image {image}"),
            "has no repository bbws/wordpress",
        ),
        (
            &|place| place.ecs.repositories.values_mut().for_each(std::collections::BTreeMap::clear),
            &|place| {
                drop(place.ecs.repositories.insert("bbws/wordpress".into(), [("6.8".into(), "sha256:a".into())].into()))
            },
            format!("Image {image}"),
            "has no such image",
        ),
        (
            &|place| place.ecs.definitions.get_mut("wordpress:7").expect("it").active = false,
            &|place| place.ecs.definitions.get_mut("wordpress:7").expect("it").active = true,
            "Task definition wordpress:7 in eu-west-1".into(),
            "not active",
        ),
        (
            &|place| place.ecs.fargate_vcpus = Some(3),
            &|place| place.ecs.fargate_vcpus = None,
            vcpus(),
            "4 are needed, and the account may have 3; in af-south-1 6",
        ),
        (
            &|place| place.ecs.definitions.get_mut("wordpress:7").expect("it").cpu = 4096,
            &|place| place.ecs.definitions.get_mut("wordpress:7").expect("it").cpu = 1024,
            vcpus(),
            "16 are needed",
        ),
        (
            &|place| drop(place.rds.subnet_groups.remove("bbws-dr")),
            &|place| drop(place.rds.subnet_groups.insert("bbws-dr".into(), vec!["subnet-1".into()])),
            "DB subnet group bbws-dr".into(),
            "not found",
        ),
    ];
    for (breaks, mends, subject, why) in cases {
        there(breaks);
        let found = gaps(&bed).await;
        assert!(
            matches!(&found[..], [(of, Found::Lacking(is))] if *of == subject && is.contains(why)),
            "{subject}: {found:?}"
        );
        there(mends);
        assert_eq!(gaps(&bed).await, [], "{subject} is mended");
    }
    assert!(both_sides(&bed).await.leans.is_empty());
    there(&|place| {
        let home = definition(place).image.replace(DR, HOME);
        place.ecs.definitions.get_mut("wordpress:7").expect("it").image = home;
    });
    let found = both_sides(&bed).await;
    assert!(found.leans[0].contains("are started from") && found.leans[0].contains(HOME), "{:?}", found.leans);
    there(&|place| place.ecs.definitions.get_mut("wordpress:7").expect("it").image = "wordpress:6.8".into());
    assert!(matches!(&gaps(&bed).await[..], [(of, Found::Unknown(_))] if of == "Image wordpress:6.8"));
}

#[tokio::test]
async fn groups_and_quotas_are_compared_and_need_nothing_of_the_region_that_is_dark() {
    let bed = Bed::new();
    bed.aws.region_down(HOME, true);
    assert_eq!(gaps(&bed).await, [], "what is told beside is not needed");
    bed.aws.region_down(HOME, false);
    let in_dr = || Target::always().of("DescribeDBInstances").in_region(DR);
    bed.aws.override_answers(in_dr(), Override::xml(|xml| xml.replace("in-sync", "pending-reboot")));
    let subjects: Vec<String> = gaps(&bed).await.into_iter().map(|(subject, _)| subject).collect();
    assert_eq!(subjects, [format!("Parameter group of {REPLICA}"), format!("Option group of {REPLICA}")]);
    let bed = Bed::new();
    let at_home = Target::always().of("DescribeDBInstances").in_region(HOME);
    bed.aws.override_answers(at_home, Override::xml(|xml| xml.replace("default.mysql", "bbws-mysql8")));
    let found = gaps(&bed).await;
    assert!(matches!(&found[..], [(_, Found::Lacking(why))] if why.contains("bbws-mysql8")), "{found:?}");
    let mut alone = Environment { health: None, ..(*bed.environment).clone() };
    alone.databases[0].dr_replica = None;
    bed.aws.meddle("prod", Side::Dr, |place, _, _| place.rds.most_instances = Some(1));
    let found = bed.cloud.readiness(&alone, &Active::primary(), "U0ALICE").await.expect("an answer").prerequisites;
    let quota = found.iter().find(|p| p.subject == "RDS quota DBInstances in eu-west-1").expect("the quota");
    assert!(matches!(&quota.found, Found::Lacking(why) if why.contains("ask for more")), "{quota:?}");
}

/// Two routing controls, the primary one of which is on; their ARNs.
pub fn controls(bed: &Bed) -> (String, String) {
    let arn = |n: u8| {
        let account = &bed.environment.account;
        format!("arn:aws:route53-recovery-control::{account}:controlpanel/c1/routingcontrol/r{n}")
    };
    let (primary, dr) = (arn(1), arn(2));
    bed.aws.change(|world, _| world.controls.extend([(primary.clone(), true), (dr.clone(), false)]));
    (primary, dr)
}

/// Regions of the endpoints of a cluster.
const ENDPOINTS: [&str; 5] = ["us-east-1", "us-west-2", "ap-northeast-1", "ap-southeast-2", "eu-west-2"];

/// Turns them to the DR region, or back.
fn turn(to_dr: bool) -> Action {
    let arn = |n: u8| format!("arn:aws:route53-recovery-control::093646564004:controlpanel/c1/routingcontrol/r{n}");
    let (on, off) = if to_dr { (arn(2), arn(1)) } else { (arn(1), arn(2)) };
    let endpoint = |region: &str| format!("https://c1.route53-recovery-cluster.{region}.amazonaws.com/v1");
    step::TurnControls { region: DR.into(), on, off, endpoints: ENDPOINTS.map(endpoint).into() }.into()
}

#[tokio::test]
async fn routing_controls_are_turned_over_the_first_endpoint_that_answers() {
    let bed = Bed::new();
    let (primary, dr) = controls(&bed);
    let state = || bed.aws.look(|world, _| (world.controls[&primary], world.controls[&dr]));
    ENDPOINTS.iter().for_each(|region| bed.aws.region_down(region, true));
    let call = Call { intended: bed.clock.now(), ..bed.call(0, turn(true)) };
    bed.cloud.probe(&call).await.expect_err("nobody knows");
    bed.cloud.start(&call).await.expect_err("no endpoint answers");
    assert_eq!(state(), (true, false));
    bed.aws.region_down("ap-southeast-2", false);
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
    let (_, detail) = done(&bed, call.clone()).await;
    assert!(detail.ends_with("is off") && state() == (false, true), "{detail}");
    let turned = asked(&bed, "UpdateRoutingControlStates");
    let by: Vec<&str> = turned.iter().filter(|asked| asked.effect).map(|asked| &*asked.region).collect();
    assert_eq!(by, ["ap-southeast-2"]);
    assert!(matches!(bed.cloud.probe(&call).await, Ok(Probe::Present(_))));
    bed.aws.region_down("us-east-1", false);
    bed.aws.inject(Fault::LostReply, Target::next().of("UpdateRoutingControlStates"));
    done(&bed, bed.call(1, turn(false))).await;
    assert_eq!(state(), (true, false), "an answer that is lost is made up for by the next endpoint");
    let endpoints = vec!["https://c1.us-east-1.example.com".to_owned()];
    let unknown = step::TurnControls { region: DR.into(), on: "arn:none".into(), off: dr.clone(), endpoints };
    let refused = bed.cloud.start(&bed.call(2, unknown.into())).await.expect_err("there is none");
    assert!(matches!(refused, CloudError::Permanent { .. }), "{refused:?}");
    assert!(bed.aws.twice().is_empty(), "{:?}", bed.aws.twice());
}
