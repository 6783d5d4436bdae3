//! EFS: what a restored file system needs to be looked into, its end, and replication.

use bbws::{
    adapters::{
        aws::{efs, steps::mounts},
        sandbox::aws::{Fault, Target},
    },
    domain::step::{self, Action, Outputs},
    ports::{
        clock::Clock as _,
        cloud::{Call, Cloud as _, CloudError, Probe, Progress},
    },
};

use super::{
    backups::{FS, NAME, backed_up, done, minutes, poll, restore, started},
    bed::{Bed, DR, HOME},
};

const SUBNET: &str = "subnet-0123456789abcdef0";

fn tag() -> Action {
    Action::TagFiles(step::TagFiles { region: HOME.into(), name: NAME.into() })
}

fn mount() -> Action {
    let security_groups = vec!["sg-0900d000000000001".to_owned()];
    Action::MountTarget(step::MountTarget {
        region: HOME.into(),
        name: NAME.into(),
        subnet: SUBNET.into(),
        security_groups,
    })
}

fn unmount() -> Action {
    Action::DeleteMountTarget(step::DeleteMountTarget {
        region: HOME.into(),
        name: NAME.into(),
        operation: "bk-1001".into(),
    })
}

fn delete() -> Action {
    Action::DeleteFiles(step::DeleteFiles { region: HOME.into(), name: NAME.into(), operation: "bk-1001".into() })
}

/// A bed with a restored file system.
async fn restored() -> Bed {
    let bed = Bed::new();
    let point = backed_up(&bed, 0).await;
    let call = started(&bed, bed.call(1, restore(&point))).await;
    bed.clock.advance(minutes(20));
    done(&bed, &call).await;
    bed
}

#[tokio::test]
async fn it_is_tagged_mounted_and_deleted_in_that_order() {
    let bed = restored().await;
    assert_eq!(bed.cloud.probe(&bed.call(2, tag())).await, Ok(Probe::Absent));
    bed.cloud.start(&bed.call(2, tag())).await.unwrap();
    assert!(matches!(bed.cloud.probe(&bed.call(2, tag())).await, Ok(Probe::Present(_))));
    let session = bed.session(HOME).await;
    let all = efs::all(&session).await.unwrap();
    assert!(all.iter().any(|(_, name)| name == NAME), "{all:?}");

    let call = started(&bed, bed.call(3, mount())).await;
    assert!(matches!(poll(&bed, &call).await, Ok(Progress::Running { detail, .. }) if detail == "creating"));
    bed.clock.advance(minutes(3));
    let (outputs, detail) = done(&bed, &call).await;
    assert!(detail.contains(SUBNET) && outputs["restored_address"].starts_with("10.99.0."), "{detail}");

    let used = bed.cloud.start(&bed.call(5, delete())).await;
    assert!(
        matches!(&used, Err(CloudError::Retryable { reason, .. }) if reason.contains("still has a mount target")),
        "{used:?}"
    );
    let call = started(&bed, bed.call(4, unmount())).await;
    assert!(matches!(poll(&bed, &call).await, Ok(Progress::Running { detail, .. }) if detail == "deleting"));
    bed.clock.advance(minutes(2));
    assert_eq!(done(&bed, &call).await.1, "gone");
    let call = started(&bed, bed.call(5, delete())).await;
    bed.clock.advance(minutes(2));
    assert_eq!(done(&bed, &call).await.1, "gone");
    assert!(bed.cloud.start(&bed.call(5, delete())).await.unwrap().finished);
    assert_eq!(bed.aws.twice(), []);
    assert_eq!(efs::all(&session).await.unwrap().len(), all.len() - 1);
}

#[tokio::test]
async fn what_efs_accepts_to_delete_and_keeps_is_told() {
    let bed = restored().await;
    bed.cloud.start(&bed.call(2, tag())).await.unwrap();
    let call = started(&bed, bed.call(3, mount())).await;
    bed.clock.advance(minutes(3));
    done(&bed, &call).await;
    bed.aws.inject(Fault::JobFails, Target::next().of("DeleteMountTarget"));
    let call = Call { intended: bed.clock.now(), ..started(&bed, bed.call(4, unmount())).await };
    bed.clock.advance(minutes(5));
    assert!(matches!(poll(&bed, &call).await, Ok(Progress::Running { .. })), "EFS may be slow to show it");
    bed.clock.advance(minutes(20));
    let told = poll(&bed, &call).await;
    assert!(matches!(&told, Ok(Progress::Failed { reason }) if reason.contains("it is available still")), "{told:?}");
}

#[tokio::test]
async fn a_second_mount_target_in_the_subnet_is_the_first_one() {
    let bed = restored().await;
    bed.aws.inject(Fault::LostReply, Target::next().of("CreateMountTarget"));
    let lost = bed.cloud.start(&bed.call(3, mount())).await;
    // The conflict is looked into, and what is there is taken.
    assert!(lost.is_err() || lost.as_ref().is_ok_and(|started| started.external_id.is_some()), "{lost:?}");
    let again = bed.cloud.start(&bed.call(3, mount())).await.unwrap();
    assert!(again.external_id.is_some_and(|id| id.starts_with("fsmt-")));
    assert_eq!(bed.aws.twice(), []);
}

#[tokio::test]
async fn a_restore_that_fails_leaves_its_file_system() {
    let bed = Bed::new();
    let point = backed_up(&bed, 0).await;
    bed.aws.inject(Fault::JobFails, Target::next().of("StartRestoreJob"));
    let call = started(&bed, bed.call(1, restore(&point))).await;
    bed.clock.advance(minutes(20));
    let Ok(Progress::Failed { reason }) = poll(&bed, &call).await else { panic!("it failed") };
    assert!(reason.contains("ended FAILED: Restore job failed because of an internal error"), "{reason}");
    let untagged = bed.cloud.start(&bed.call(5, delete())).await;
    assert!(matches!(&untagged, Err(CloudError::Permanent { .. })), "nothing says whose it is: {untagged:?}");
    bed.cloud.start(&bed.call(2, tag())).await.unwrap();
    let call = started(&bed, bed.call(5, delete())).await;
    bed.clock.advance(minutes(2));
    assert_eq!(done(&bed, &call).await.1, "gone");
}

#[tokio::test]
async fn file_systems_of_the_platform_are_described_and_replicated() {
    let bed = Bed::new();
    let (session, account) = (bed.session(HOME).await, bed.environment.account.clone());
    let found = efs::file_systems(&session, &[FS.to_owned(), "fs-0000000000000dead".to_owned()]).await.unwrap();
    assert_eq!(found.len(), 1, "what is not there is absent");
    assert!(found[0].encrypted && found[0].size_bytes > 20 << 30 && found[0].status == "available");
    assert_eq!(mounts::targets(&session, FS).await.unwrap().len(), 1);
    assert!(efs::replicated(&session, DR).await.unwrap().is_empty());
    let destination = aws_sdk_efs::types::DestinationToCreate::builder().region(DR).build();
    session
        .efs()
        .create_replication_configuration()
        .source_file_system_id(FS)
        .destinations(destination)
        .send()
        .await
        .unwrap();
    assert!(efs::replicated(&session, DR).await.unwrap().is_empty(), "the first copy takes a while");
    bed.clock.advance(minutes(30));
    let at = |of: &std::collections::BTreeMap<String, bbws::domain::moment::Moment>| of[FS];
    let behind = session.now().since(at(&efs::replicated(&session, DR).await.unwrap()));
    assert_eq!(behind, minutes(5));
    bed.aws.change(|world, _| {
        let there = &mut world.region(&account, HOME).efs.replications;
        there.get_mut(FS).unwrap().lag = Some(90 * 60_000);
    });
    bed.clock.advance(minutes(120));
    let behind = session.now().since(at(&efs::replicated(&session, DR).await.unwrap()));
    assert_eq!(behind, minutes(90));
    let there = efs::replicated(&*bed.session(DR).await, DR).await.unwrap();
    assert!(there.contains_key(FS), "the destination knows as well");
}

#[tokio::test]
async fn a_restored_file_system_without_inputs_is_still_found_by_its_name() {
    let bed = restored().await;
    let call = Call { inputs: Outputs::new(), ..bed.call(3, mount()) };
    assert!(bed.cloud.start(&call).await.unwrap().external_id.is_some());
}
