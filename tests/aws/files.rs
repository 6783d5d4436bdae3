//! Test restores of file systems: AWS Backup's restore jobs, what they make in EFS, and what is deleted of that.

use std::{sync::Arc, time::Duration};

use bbws::{
    adapters::sandbox::aws::{Override, Target},
    domain::{
        attachment::Report,
        environment::{FileSystem, Span},
        moment::Moment,
        step::{self, Action},
    },
    ports::{
        check::Verdict,
        clock::Clock as _,
        cloud::{Call, Cloud as _, CloudError, Probe, Progress},
    },
};
use serde_json::{Value, json as value};

use crate::aws::{
    backup,
    bed::{Bed, FILES, FS, carried_out},
    support::{HOME, Platform, done, failed, permanent, poll, refuted},
};

pub const NAME: &str = "fs-0900d000000000001-restored-bk-1042";
const ROLE: &str = "arn:aws:iam::093646564004:role/bbws-backup";
/// Longer than AWS takes for any of it.
const LATER: Duration = Duration::from_secs(3600);

pub fn restore() -> Action {
    Action::RestoreFiles(step::RestoreFiles {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        recovery_point: backup::POINT.into(),
        name: NAME.into(),
        role: ROLE.into(),
    })
}

fn tag() -> Action {
    Action::TagFiles(step::TagFiles { region: HOME.into(), name: NAME.into() })
}

fn mount(subnet: &str) -> Action {
    Action::MountTarget(step::MountTarget {
        region: HOME.into(),
        name: NAME.into(),
        subnet: subnet.into(),
        security_groups: vec![],
    })
}

pub fn verify() -> Action {
    Action::VerifyFiles(step::VerifyFiles {
        region: HOME.into(),
        name: NAME.into(),
        file_system: "fs-0900d000000000001".into(),
        folders: vec!["/tenant-1".into()],
        data_of: Moment(1_795_219_200_000),
    })
}

fn unmount(name: &str, operation: &str) -> Action {
    Action::DeleteMountTarget(step::DeleteMountTarget {
        region: HOME.into(),
        name: name.into(),
        operation: operation.into(),
    })
}

fn delete(name: &str, operation: &str) -> Action {
    Action::DeleteFiles(step::DeleteFiles { region: HOME.into(), name: name.into(), operation: operation.into() })
}

/// Everything a test does to AWS, in order.
pub fn whole_test(subnet: &str) -> [Action; 5] {
    [restore(), tag(), mount(subnet), unmount(NAME, "bk-1042"), delete(NAME, "bk-1042")]
}

/// A subnet of the isolated network.
pub async fn subnet(platform: &Platform) -> String {
    let ask = bbws::domain::world::Survey { isolated: true, ..Default::default() };
    let world = platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world");
    let network = world.isolated.expect("it was asked for").expect("it is usable");
    assert_eq!(network.subnet_group, "bbws-isolated");
    network.subnets.first().expect("it has a subnet").clone()
}

/// An AWS with a recovery point of the file system.
fn on() -> Bed {
    let bed = Bed::new();
    bed.point(HOME, backup::POINT, FS, bed.clock.now());
    bed
}

/// The id of what a restore made that has ended.
async fn made(bed: &Bed) -> String {
    done(carried_out(bed, &bed.platform.call(restore())).await).0["restored_file_system"].clone()
}

/// Has AWS Backup say something else of restore jobs from now on.
fn say(bed: &Bed, fields: Value) {
    let with = |job: &mut Value, fields: &Value| {
        for (name, value) in fields.as_object().expect("fields") {
            job[name] = value.clone();
        }
    };
    let listed = fields.clone();
    bed.edit("DescribeRestoreJob", move |job| with(job, &fields));
    bed.edit("ListRestoreJobs", move |answer| {
        answer["RestoreJobs"].as_array_mut().expect("a list").iter_mut().for_each(|job| with(job, &listed));
    });
}

#[tokio::test]
async fn a_file_system_is_restored_whole_into_a_new_encrypted_one_and_found_again() {
    let bed = on();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(restore()));
    let as_it_was = value!({
        "file-system-id": FILES, "encrypted": "false", "KmsKeyId": "arn:key", "PerformanceMode": "maxIO",
        "newFileSystem": "false", "itemsToRestore": "[\"/a\"]",
    });
    bed.edit("GetRecoveryPointRestoreMetadata", move |answer| answer["RestoreMetadata"] = as_it_was.clone());
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("it is accepted");
    assert!(started.external_id.is_some() && !started.finished, "{started:?}");
    assert_eq!(
        bed.asked("StartRestoreJob")[0].input,
        value!({
            "RecoveryPointArn": backup::POINT, "IamRoleArn": ROLE, "IdempotencyToken": "bk-1042-0-r0", "ResourceType": "EFS",
            "Metadata": {
                "file-system-id": FILES, "Encrypted": "true", "KmsKeyId": "arn:key", "PerformanceMode": "maxIO",
                "newFileSystem": "true", "CreationToken": NAME,
            },
        })
    );
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started.clone())), "its job is found by the token");
    let other = Action::RestoreFiles(step::RestoreFiles {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        recovery_point: backup::POINT.into(),
        name: "fs-0900d000000000001-restored-bk-1043".into(),
        role: ROLE.into(),
    });
    let other = cloud.probe(&bed.platform.call_of("bk-1043", other)).await;
    assert_eq!(other, Ok(Probe::Absent), "another test's job");

    let call = Call { external_id: started.external_id, ..call };
    let told = async |fields: Value| {
        let edit = move |job: &mut Value| {
            fields.as_object().expect("fields").iter().for_each(|(name, value)| job[name] = value.clone());
        };
        bed.aws.override_answers(Target::next().of("DescribeRestoreJob"), Override::json(edit));
        poll(cloud, &call).await
    };
    let running = Progress::Running { percent: Some(12), detail: "RUNNING".into() };
    assert_eq!(told(value!({ "Status": "RUNNING", "PercentDone": "12.50%" })).await, Ok(running));
    let nameless = told(value!({ "Status": "COMPLETED", "CreatedResourceArn": null })).await;
    assert!(matches!(nameless, Ok(Progress::Running { percent: Some(100), .. })), "{nameless:?}");
    // As long as it may still make something, nothing counts as gone.
    for action in [tag(), unmount(NAME, "bk-1042"), delete(NAME, "bk-1042")] {
        let answer = cloud.start(&bed.platform.call(action)).await;
        assert!(
            matches!(&answer, Err(CloudError::Retryable { reason, .. }) if reason.contains("under way")),
            "{answer:?}"
        );
    }
    let gone = poll(cloud, &bed.platform.call(delete(NAME, "bk-1042"))).await;
    assert!(matches!(gone, Err(CloudError::Retryable { .. })), "{gone:?}");
    bed.later(LATER);
    let (outputs, _) = done(poll(cloud, &call).await);
    let file_system = bed.place(|place, _| {
        let mut there = place.efs.file_systems.iter();
        there.find(|(_, fs)| fs.token == NAME).map(|(id, _)| id.clone())
    });
    assert_eq!(Some(outputs["restored_file_system"].clone()), file_system);
    for state in ["ABORTED", "FAILED"] {
        say(&bed, value!({ "Status": state, "StatusMessage": "no capacity" }));
        let reason = failed(poll(cloud, &call).await);
        assert!(reason.contains(&format!("ended {state}: no capacity")), "{reason}");
    }
    bed.place(|place, _| place.efs.file_systems.retain(|_, fs| fs.token != NAME));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent), "one that ended badly is not adopted");
    assert_eq!(bed.changes(), ["StartRestoreJob"], "asking changes nothing");
}

/// AWS keeps tokens for longer than a ledger may have gone back in time, and names the old job again. When that began it says
/// of the job only.
#[tokio::test]
async fn the_restore_of_an_earlier_life_is_not_taken_for_ours() {
    let bed = on();
    let (cloud, began) = (&bed.platform.cloud, bed.clock.now());
    let started = cloud.start(&bed.platform.call(restore())).await.expect("it is accepted");
    bed.later(LATER);
    let call = |seconds| Call {
        intended: began + Duration::from_secs(seconds),
        external_id: started.external_id.clone(),
        ..bed.platform.call(restore())
    };
    let again = cloud.start(&call(301)).await.expect("its answer does not say when it began");
    assert_eq!(again.external_id, started.external_id, "the token gives what it made");
    done(poll(cloud, &call(299)).await);
    let refused = permanent(poll(cloud, &call(301)).await);
    assert!(refused.contains("an earlier life of the ledger"), "{refused}");
}

/// A list that does not show what was restored does not say that it is gone.
#[tokio::test]
async fn what_efs_does_not_show_is_not_gone() {
    let bed = on();
    made(&bed).await;
    bed.edit("DescribeFileSystems", |answer| answer["FileSystems"] = value!([]));
    let unsure = |answer: &CloudError| matches!(answer, CloudError::Retryable { reason, .. } if reason.contains("neither shows it"));
    for action in [delete(NAME, "bk-1042"), unmount(NAME, "bk-1042")] {
        let call = bed.platform.call(action);
        let polled = poll(&bed.platform.cloud, &call).await.expect_err("nobody knows");
        let probed = bed.platform.cloud.probe(&call).await.expect_err("nobody knows");
        let started = bed.platform.cloud.start(&call).await.expect_err("nobody knows");
        assert!([&polled, &probed, &started].into_iter().all(unsure), "{polled:?} {probed:?} {started:?}");
    }
    let changes = bed.changes();
    assert!(!changes.iter().any(|name| name.starts_with("Delete")), "{changes:?}");
}

#[tokio::test]
async fn what_was_restored_is_tagged_gets_one_address_and_is_deleted() {
    let bed = on();
    let (platform, cloud) = (&bed.platform, &bed.platform.cloud);
    let id = made(&bed).await;
    let subnet = subnet(platform).await;

    assert_eq!(cloud.probe(&platform.call(tag())).await, Ok(Probe::Absent));
    assert!(cloud.start(&platform.call(tag())).await.expect("it is tagged").finished);
    assert!(matches!(cloud.probe(&platform.call(tag())).await, Ok(Probe::Present(_))));
    let here = platform.setup(HOME).await;
    let described = here.efs().describe_file_systems().file_system_id(&id).send().await.expect("it is there");
    let tags = described.file_systems()[0].tags();
    for (key, wanted) in [("bbws:operation", "bk-1042"), ("bbws:approved-by", "U0BOB U0CAROL"), ("Name", NAME)] {
        assert!(tags.iter().any(|t| t.key == key && t.value == wanted), "{key} in {tags:?}");
    }

    let call = platform.call(mount(&subnet));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let first = cloud.start(&call).await.expect("an address");
    assert_eq!(cloud.start(&call).await, Ok(first.clone()), "EFS's conflict is our own address");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(first)));
    bed.later(LATER);
    let (outputs, detail) = done(poll(cloud, &call).await);
    assert_eq!(outputs["restored_file_system"], id);
    assert!(detail.starts_with(&outputs["restored_address"]), "{detail}");

    let early = cloud.start(&platform.call(delete(NAME, "bk-1042"))).await;
    assert!(
        matches!(&early, Err(CloudError::Retryable { reason, .. }) if reason.contains("mount target")),
        "{early:?}"
    );
    for action in [unmount(NAME, "bk-1042"), delete(NAME, "bk-1042")] {
        let call = platform.call(action);
        assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
        done(carried_out(&bed, &call).await);
        assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(_))));
        assert!(cloud.start(&call).await.expect("a repeat is no error").finished);
    }
    let gone = here.efs().describe_file_systems().file_system_id(&id).send().await;
    assert!(gone.expect_err("it is gone").as_service_error().is_some_and(|e| e.is_file_system_not_found()));
    assert!(cloud.start(&platform.call(tag())).await.expect("what is gone needs no tag").finished);
    let inputs = [("restored_file_system".to_owned(), id)].into();
    let lost = cloud.start(&Call { inputs, ..platform.call(tag()) }).await;
    assert!(matches!(lost, Err(CloudError::Retryable { .. })), "{lost:?}");
}

#[tokio::test]
async fn a_creation_token_that_aws_backup_did_not_hand_on_hides_nothing() {
    let bed = on();
    let cloud = &bed.platform.cloud;
    let id = made(&bed).await;
    bed.place(|place, _| {
        place.efs.file_systems.get_mut(&id).expect("it is there").token = "a token of its own".into();
    });
    assert!(cloud.start(&bed.platform.call(tag())).await.expect("it is tagged").external_id == Some(id));
    done(carried_out(&bed, &bed.platform.call(delete(NAME, "bk-1042"))).await);
    assert!(matches!(cloud.probe(&bed.platform.call(delete(NAME, "bk-1042"))).await, Ok(Probe::Present(_))));
}

#[tokio::test]
async fn only_what_the_operation_restored_is_ever_deleted() {
    let mut bed = on();
    let id = made(&bed).await;
    for (name, operation) in [
        (NAME, "bk-104"),
        (NAME, ""),
        (FILES, "bk-1042"),
        ("wp-content-restored-bk-1042", "bk-1042"),
        ("fs-0900d000000000001-restored-bk-1042-2", "bk-1042"),
    ] {
        for action in [unmount(name, operation), delete(name, operation)] {
            let reason = permanent(bed.platform.cloud.start(&bed.platform.call(action)).await);
            assert!(reason.contains("only what is named") && reason.contains("Nothing was done"), "{reason}");
        }
    }
    // Whatever a job claims to have made.
    let mut environment = (*bed.platform.environment).clone();
    environment.file_systems = vec![FileSystem { id, name: "wp-content".into() }];
    bed.platform.environment = Arc::new(environment);
    for action in [tag(), mount("subnet-1"), unmount(NAME, "bk-1042"), delete(NAME, "bk-1042")] {
        let reason = permanent(bed.platform.cloud.start(&bed.platform.call(action)).await);
        assert!(reason.contains("is a file system of the platform"), "{reason}");
    }
}

#[tokio::test]
async fn without_an_address_on_both_sides_nothing_counts_as_compared() {
    let bed = on();
    bed.place(|place, _| place.efs.targets.clear());
    let call = bed.platform.call(verify());
    let (reason, _) = refuted(crate::aws::support::settled(&bed.platform.cloud, &call).await);
    assert!(reason.contains("does not exist, so nothing was compared"), "{reason}");

    made(&bed).await;
    let call = Call { token: "again".into(), ..call };
    let (reason, outputs) = refuted(crate::aws::support::settled(&bed.platform.cloud, &call).await);
    assert!(reason.contains("has no mount target that is available. Give it one"), "{reason}");
    let report = Report::of(&outputs).expect("a report");
    let rows = report.attachment.table.expect("a table").rows;
    let shown: Vec<(&str, &str)> = rows.iter().map(|row| (row[0].as_str(), row[2].as_str())).collect();
    assert_eq!(shown, [("Available", "yes"), ("Encrypted", "yes"), ("address", "no"), ("address", "no")]);
}

#[tokio::test]
async fn a_check_says_when_there_is_nothing_to_compare_a_restored_file_system_with() {
    let mut bed = on();
    bed.place(|place, _| place.efs.targets.clear());
    let mut environment = (*bed.platform.environment).clone();
    environment.restore_test = Some(Span::parse("30d").expect("it is a span"));
    bed.platform.environment = Arc::new(environment);
    let line = async || {
        let lines = bed.platform.cloud.check(&bed.platform.environment).await;
        let line = lines.into_iter().find(|line| line.what == format!("prod: address of file system {FILES}"));
        line.map(|line| (line.verdict == Verdict::Good, line.detail)).expect("the line is there")
    };
    let (ok, why) = line().await;
    assert!(!ok && why.contains("Give it one"), "{why}");
    let subnet = subnet(&bed.platform).await;
    let here = bed.platform.setup(HOME).await;
    here.efs().create_mount_target().file_system_id(FILES).subnet_id(subnet).send().await.expect("an address");
    bed.later(LATER);
    assert_eq!(line().await, (true, "1 mount target".to_owned()));
}
