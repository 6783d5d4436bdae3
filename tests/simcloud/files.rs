//! Test restores of file systems in the simulated AWS: made once, tagged, reached, looked into, removed.

use bbws::{
    adapters::sandbox::cloud::{Fault, Side, Target},
    domain::{
        exhibit::Report,
        point::PointKind,
        step::{self, Action},
    },
    ports::cloud::{Call, Cloud as _, Probe},
};

use super::rig::*;

const FS: &str = "fs-0900d000000000001";
const NAME: &str = "fs-0900d000000000001-restored-bk-1001";

fn restore(rig: &Rig) -> Call {
    let action = Action::RestoreFiles(step::RestoreFiles {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        recovery_point: rig.newest(PointKind::Efs).arn,
        name: NAME.into(),
        role: rig.environment.backup_role.clone(),
    });
    rig.call(0, action)
}

fn tag(rig: &Rig) -> Call {
    rig.call(1, Action::TagFiles(step::TagFiles { region: HOME.into(), name: NAME.into() }))
}

fn mount(rig: &Rig) -> Call {
    let (region, name, subnet) = (HOME.to_owned(), NAME.to_owned(), rig.subnet());
    rig.call(2, Action::MountTarget(step::MountTarget { region, name, subnet, security_groups: vec!["sg-1".into()] }))
}

fn compare(rig: &Rig) -> Call {
    let action = Action::VerifyFiles(step::VerifyFiles {
        region: HOME.into(),
        name: NAME.into(),
        file_system: FS.into(),
        folders: vec!["/tenant-1".into()],
        data_of: rig.newest(PointKind::Efs).created,
    });
    rig.call(3, action)
}

fn unmount(rig: &Rig) -> Call {
    rig.call(
        4,
        Action::DeleteMountTarget(step::DeleteMountTarget {
            region: HOME.into(),
            name: NAME.into(),
            operation: "bk-1001".into(),
        }),
    )
}

fn delete(rig: &Rig) -> Call {
    rig.call(
        5,
        Action::DeleteFiles(step::DeleteFiles { region: HOME.into(), name: NAME.into(), operation: "bk-1001".into() }),
    )
}

/// Restored, and with an address.
async fn reached(rig: &Rig) {
    for call in [restore(rig), tag(rig), mount(rig)] {
        rig.finish(call).await;
    }
}

#[tokio::test]
async fn a_file_system_is_restored_once_looked_into_and_removed() {
    let rig = Rig::declared(61);
    let call = restore(&rig);
    rig.lose(&call).await;
    rig.pass(1);
    let (percent, detail) = running(rig.poll(&call).await);
    assert!(percent.is_some_and(|p| p > 0) && detail == "RUNNING", "{percent:?} {detail}");
    assert!(is_retryable(&rig.cloud.start(&delete(&rig)).await), "not while it is being made");
    let existing = rig.cloud.readings(&rig.environment, "U0ALICE").await.unwrap();
    assert_eq!(existing.unprotected(&rig.environment).unwrap().len(), 1, "a test restore is not meant to last");
    rig.pass(15);
    let id = done(rig.poll(&call).await)["restored_file_system"].clone();
    assert!(id.starts_with("fs-") && id.len() == 20 && id != FS, "{id}");

    rig.lose(&tag(&rig)).await;
    rig.lose(&mount(&rig)).await;
    assert!(failed(rig.poll(&compare(&rig)).await).contains("has no address"));
    rig.pass(3);
    assert!(done(rig.poll(&mount(&rig)).await)["restored_address"].starts_with("10."));
    let there = rig.cloud.restored_files();
    assert_eq!(there[0].address, Some((rig.subnet(), vec!["sg-1".to_owned()])));
    assert_eq!(there[0].tags["bbws:operation"], "bk-1001");

    let report = Report::of(&done(rig.poll(&compare(&rig)).await)).unwrap();
    let table = report.exhibit.table.unwrap();
    assert!(report.breaches.is_empty() && table.rows.len() == 5, "{table:?}");

    assert!(is_retryable(&rig.cloud.start(&delete(&rig)).await), "not while it has an address");
    for call in [unmount(&rig), delete(&rig)] {
        rig.lose(&call).await;
        assert_eq!(running(rig.poll(&call).await).1, "deleting");
        rig.pass(2);
        done(rig.poll(&call).await);
    }
    assert!(rig.cloud.restored_files().is_empty());
    assert!(rig.cloud.start(&tag(&rig)).await.unwrap().finished, "what is gone needs no tag");
    assert!(rig.cloud.twice().is_empty());
    rig.cloud.start(&by("bk-1002", &delete(&rig))).await.unwrap();
    assert_eq!(rig.cloud.twice().len(), 1, "another operation removes what is gone");
}

#[tokio::test]
async fn files_that_were_not_restored_are_told() {
    let rig = Rig::declared(62);
    assert!(rig.cloud.corrupt_restored_files("prod", FS, true));
    assert!(!rig.cloud.corrupt_restored_files("prod", "fs-none", true));
    reached(&rig).await;
    let (reason, outputs) = refuted(rig.poll(&compare(&rig)).await);
    assert!(reason.contains("5 of 200 files") && reason.contains("missing"), "{reason}");
    assert_eq!(Report::of(&outputs).unwrap().breaches.len(), 1);
}

#[tokio::test]
async fn only_what_the_operation_restored_is_ever_removed() {
    let rig = Rig::declared(63);
    reached(&rig).await;
    let of = |name: &str, operation: &str| {
        let (region, name, operation) = (HOME.to_owned(), name.to_owned(), operation.to_owned());
        rig.call(5, Action::DeleteFiles(step::DeleteFiles { region, name, operation }))
    };
    for (name, operation) in [(FS, "bk-1001"), (NAME, "bk-100"), (NAME, "")] {
        assert!(permanent(rig.cloud.start(&of(name, operation)).await).contains("is no test restore"), "{name}");
    }
    assert_eq!(rig.cloud.restored_files().len(), 1);
}

#[tokio::test]
async fn a_restore_needs_its_point_its_key_and_the_network() {
    let rig = Rig::declared(64);
    let call = restore(&rig);
    let mut nowhere = mount(&rig);
    if let Action::MountTarget(step::MountTarget { subnet, .. }) = &mut nowhere.action {
        "subnet-0".clone_into(subnet);
    }
    assert!(permanent(rig.cloud.start(&mount(&rig)).await).contains("does not exist"));
    rig.cloud.inject(Fault::JobFails, Target::next_start());
    rig.cloud.start(&call).await.unwrap();
    rig.pass(16);
    assert!(failed(rig.poll(&call).await).contains("FAILED"));
    rig.finish(delete(&rig)).await;
    rig.finish(Call { token: "bk-1001-0-r1".into(), ..call.clone() }).await;
    assert!(permanent(rig.cloud.start(&nowhere).await).contains("SubnetNotFound"));
    let call = Call { token: "bk-1001-0-r2".into(), ..call };
    rig.cloud.disable_key("prod", Side::Primary, "alias/aws/backup");
    assert!(permanent(rig.cloud.start(&call).await).contains("disabled"));
    rig.cloud.remove_backups_since("prod", START - std::time::Duration::from_secs(86_400 * 30));
    assert!(permanent(rig.cloud.start(&call).await).contains("is not in vault"));
    assert!(matches!(rig.cloud.probe(&call).await, Ok(Probe::Present(_))));
}
