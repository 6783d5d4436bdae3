//! What holds for every kind of step that changes something: faults before the change leave nothing, a lost reply is
//! found again, a repeat changes nothing, and the journal counts one change.

use bbws::{
    adapters::sandbox::cloud::{Fault, Target},
    domain::{
        environment::Engine,
        point::PointKind,
        step::{self, Action, PlanSpec},
    },
    ports::cloud::{Call, Cloud as _, Probe},
};

use super::rig::*;

/// One call of every kind that a first backup does not have. The last needs what the one before it made.
fn calls(rig: &Rig) -> Vec<Call> {
    let region = HOME.to_owned();
    let bucket = ARCHIVES.to_owned();
    let (snapshot, point) = (rig.newest(PointKind::Rds), rig.newest(PointKind::Efs));
    let name = "fs-0900d000000000001-restored-bk-1001".to_owned();
    let instance = "bbws-prod-mysql-restored-bk-1001".to_owned();
    let resource_arn = rig.environment.file_system_arn(&point.resource);
    let older = rig.cloud.points_now("prod").into_iter().filter(|p| p.kind == PointKind::Rds && p.region == HOME);
    let older = older.min_by_key(|p| p.created).unwrap();
    let older_efs = rig.cloud.points_now("prod").into_iter().filter(|p| p.kind == PointKind::Efs && p.region == HOME);
    let older_efs = older_efs.min_by_key(|p| p.created).unwrap();
    let spec = PlanSpec {
        vault: "bbws-prod".into(),
        rules: vec![],
        resources: vec![resource_arn.clone()],
        role: rig.environment.backup_role.clone(),
    };
    let actions = [
        Action::ConfigExport(step::ConfigExport {
            region: region.clone(),
            parameters_prefix: "/bbws/prod/".into(),
            secrets_prefix: None,
            bucket: bucket.clone(),
            key: "prod/config/20261121/bk-1001/config.json".into(),
        }),
        Action::BucketRecord(step::BucketRecord {
            region: region.clone(),
            source: MEDIA.into(),
            bucket: bucket.clone(),
            key: "prod/s3/20261121/bk-1001/media".into(),
        }),
        Action::DumpExport(step::DumpExport {
            region: region.clone(),
            database: DB.into(),
            engine: Engine::Mysql,
            secret: LOGIN.into(),
            schemas: vec![],
            bucket,
            key: "prod/dump/20261121/bk-1001/dump".into(),
            kms_key: "alias/bbws-dumps".into(),
        }),
        Action::PutPlan(step::PutPlan { region: region.clone(), name: "bbws-prod".into(), spec }),
        Action::AutomatedBackups(step::AutomatedBackups {
            region: region.clone(),
            database: DB.into(),
            days: 3,
            window: None,
        }),
        Action::DeleteSnapshot(step::DeleteSnapshot { region: region.clone(), snapshot: older.id }),
        Action::DeletePoint(step::DeletePoint {
            region: region.clone(),
            vault: "bbws-prod".into(),
            recovery_point: older_efs.arn,
        }),
        Action::LegalHold(step::LegalHold {
            region: region.clone(),
            vault: "bbws-prod".into(),
            resource_arn,
            created: point.created,
            title: "INC-7".into(),
        }),
        Action::TagSnapshot(step::TagSnapshot {
            region: region.clone(),
            arn: snapshot.arn,
            key: "bbws:hold".into(),
            value: Some("INC-7".into()),
        }),
        Action::RestoreTest(step::RestoreTest {
            region: region.clone(),
            snapshot: snapshot.id,
            instance: instance.clone(),
            subnet_group: "bbws-isolated".into(),
            security_groups: vec![],
        }),
        Action::DeleteInstance(step::DeleteInstance { region: region.clone(), instance, operation: "bk-1001".into() }),
        Action::RestoreFiles(step::RestoreFiles {
            region: region.clone(),
            vault: "bbws-prod".into(),
            recovery_point: point.arn,
            name: name.clone(),
            role: rig.environment.backup_role.clone(),
        }),
        Action::TagFiles(step::TagFiles { region: region.clone(), name: name.clone() }),
        Action::MountTarget(step::MountTarget {
            region: region.clone(),
            name: name.clone(),
            subnet: rig.subnet(),
            security_groups: vec![],
        }),
        Action::DeleteMountTarget(step::DeleteMountTarget {
            region: region.clone(),
            name: name.clone(),
            operation: "bk-1001".into(),
        }),
        Action::DeleteFiles(step::DeleteFiles { region, name, operation: "bk-1001".into() }),
    ];
    actions.into_iter().enumerate().map(|(step, action)| rig.call(step, action)).collect()
}

#[tokio::test]
async fn faults_before_a_change_leave_nothing_and_replies_are_found_again() {
    let rig = Rig::declared(91);
    for (n, call) in calls(&rig).iter().enumerate() {
        let kind = call.action.kind();
        for fault in [Fault::Throttle, Fault::Denied, Fault::LostRequest] {
            rig.cloud.inject(fault, Target::next_start().of_kind(kind));
            assert!(rig.cloud.start(call).await.is_err(), "{kind}: {fault:?}");
        }
        assert_eq!(rig.cloud.probe(call).await, Ok(Probe::Absent), "{kind}");
        assert_eq!(rig.cloud.effects(), n as u64, "{kind}");
        rig.lose(call).await;
        rig.cloud.inject(Fault::PollFails, Target::next_call().of_kind(kind));
        assert!(is_retryable(&rig.cloud.poll(std::slice::from_ref(call)).await[0]), "{kind}");
        rig.cloud.region_down(HOME, true);
        assert!(is_retryable(&rig.cloud.probe(call).await), "{kind}");
        rig.cloud.region_down(HOME, false);
        let external_id = rig.cloud.start(call).await.unwrap().external_id;
        rig.pass(15);
        done(rig.poll(&Call { external_id, ..call.clone() }).await);
    }
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
    assert_eq!(rig.cloud.mutations().into_values().collect::<Vec<_>>(), vec![1; 16]);
}

#[tokio::test]
async fn what_only_reads_or_lives_in_the_ledger_is_never_started() {
    let rig = Rig::declared(92);
    let steps = [
        Action::InventoryReport(step::InventoryReport { region: HOME.into() }),
        Action::ReplicationReport(step::ReplicationReport { region: HOME.into() }),
        Action::VerifyLifecycle(step::VerifyLifecycle {
            region: HOME.into(),
            bucket: MEDIA.into(),
            prefix: String::new(),
            min_days: 1,
        }),
    ];
    for action in steps {
        assert!(permanent(rig.cloud.start(&rig.call(0, action)).await).contains("nothing to start"));
    }
    let report = rig.call(0, Action::InventoryReport(step::InventoryReport { region: HOME.into() }));
    assert!(permanent(rig.cloud.poll(&[report]).await.remove(0)).contains("nothing to poll"));
}
