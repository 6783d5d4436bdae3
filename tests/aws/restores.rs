//! Test restores of databases: restored into isolation, compared with their source, deleted.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{Fault, Override, Target},
    domain::{
        attachment::Report,
        environment::Engine,
        step::{self, Action},
    },
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};

use crate::aws::{
    bed::{Bed, tagged},
    dumps::{self, Server},
    snapshots,
    support::{HOME, done, failed, permanent, poll, refuted, settled},
};

pub const INSTANCE: &str = "bbws-prod-mysql-restored-bk-1042";

pub fn restore() -> Action {
    let Action::RdsSnapshot(step::RdsSnapshot { snapshot, .. }) = snapshots::snapshot() else { unreachable!() };
    Action::RestoreTest(step::RestoreTest {
        region: HOME.into(),
        snapshot,
        instance: INSTANCE.into(),
        subnet_group: "bbws-isolated".into(),
        security_groups: vec!["sg-1".into()],
    })
}

/// To the latest moment: moto takes any other as well.
pub fn to_latest() -> Action {
    Action::RestoreMoment(step::RestoreMoment {
        region: HOME.into(),
        database: "bbws-prod-mysql".into(),
        backup: None,
        at: None,
        instance: "bbws-prod-mysql-restored-bk-1043".into(),
        subnet_group: "bbws-isolated".into(),
        security_groups: vec!["sg-1".into()],
    })
}

/// Empty, for a dump.
pub fn empty() -> Action {
    Action::CreateEmpty(step::CreateEmpty {
        source_region: None,
        region: HOME.into(),
        database: "bbws-prod-mysql".into(),
        secret: dumps::SECRET.into(),
        instance: "bbws-prod-mysql-restored-bk-1044".into(),
        subnet_group: "bbws-isolated".into(),
        security_groups: vec!["sg-1".into()],
        live: false,
    })
}

pub fn delete(instance: &str, operation: &str) -> Action {
    Action::DeleteInstance(step::DeleteInstance {
        region: HOME.into(),
        instance: instance.into(),
        operation: operation.into(),
    })
}

pub fn verify(secret: Option<&str>) -> Action {
    Action::VerifyDatabase(step::VerifyDatabase {
        region: HOME.into(),
        source_region: None,
        instance: INSTANCE.into(),
        database: "bbws-prod-mysql".into(),
        engine: Engine::Mysql,
        secret: secret.map(str::to_owned),
        schemas: Vec::new(),
        wordpress: Vec::new(),
        data_of: bbws::domain::moment::Moment(1_795_219_200_000),
        rpo_seconds: 3600,
        measures: false,
        live: false,
        turns_back: false,
        alone: false,
    })
}

/// Longer than a restore takes.
const LATER: Duration = Duration::from_secs(3600);

/// An AWS whose snapshot was restored on behalf of an operation.
async fn restored(operation: &str) -> Bed {
    let bed = Bed::new();
    snapshots::made(&bed).await;
    bed.platform.cloud.start(&bed.platform.call_of(operation, restore())).await.expect("it is restored");
    bed.later(LATER);
    bed
}

/// Has RDS describe an instance otherwise from now on.
fn describe(bed: &Bed, instance: &'static str, edit: impl Fn(&str) -> String + Send + Sync + 'static) {
    let named = format!("<DBInstanceIdentifier>{instance}</DBInstanceIdentifier>");
    let edit = move |answer: &str| if answer.contains(&named) { edit(answer) } else { answer.to_owned() };
    bed.aws.override_answers(Target::always().of("DescribeDBInstances"), Override::xml(edit));
}

#[tokio::test]
async fn a_restore_is_isolated_tagged_and_adopted_when_ours() {
    let bed = Bed::new();
    snapshots::made(&bed).await;
    bed.aws.override_answers(
        Target::always().of("DescribeDBSnapshots"),
        Override::xml(|answer| tagged(answer, "StorageType", "gp2")),
    );
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(restore()));
    let started = cloud.start(&call).await.expect("it is restored");
    assert_eq!(cloud.start(&call).await, Ok(started.clone()), "it is adopted");
    assert_eq!((started.external_id.as_deref(), started.finished), (Some(INSTANCE), false));
    let asked = bed.asked("RestoreDBInstanceFromDBSnapshot").remove(0);
    let field = |name: &str| asked.text(name).unwrap_or_default();
    assert_eq!(
        (field("StorageType"), field("BackupRetentionPeriod"), field("Iops")),
        ("gp2", "0", ""),
        "as the source has it, and no first backup"
    );
    assert_eq!(field("EngineLifecycleSupport"), "open-source-rds-extended-support-disabled");
    assert_eq!(
        (field("DBInstanceIdentifier"), field("DBSnapshotIdentifier"), field("DBSubnetGroupName")),
        (INSTANCE, "bbws-prod-mysql-manual-20261121-bk-1042", "bbws-isolated")
    );
    for name in ["PubliclyAccessible", "MultiAZ", "DeletionProtection", "CopyTagsToSnapshot"] {
        assert_eq!(field(name), "false", "{name}");
    }
    assert_eq!(asked.texts("VpcSecurityGroupIds"), ["sg-1"]);
    assert_eq!(asked.tags("Tags")["bbws:operation"], "bk-1042", "tagged at once");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started)));
    let answer = poll(cloud, &call).await;
    assert_eq!(answer, Ok(Progress::Running { percent: None, detail: "creating".into() }));
}

/// What RDS says of the live instance beyond what the simulated one has.
const SETTINGS: &str = "<Iops>12000</Iops><CACertificateIdentifier>rds-ca-rsa4096-g1</CACertificateIdentifier>\
    <IAMDatabaseAuthenticationEnabled>true</IAMDatabaseAuthenticationEnabled>\
    <EnabledCloudwatchLogsExports><member>error</member><member>slowquery</member></EnabledCloudwatchLogsExports>\
    <AutoMinorVersionUpgrade>false</AutoMinorVersionUpgrade><CopyTagsToSnapshot>true</CopyTagsToSnapshot>\
    <EngineLifecycleSupport>open-source-rds-extended-support</EngineLifecycleSupport><MonitoringInterval>60</MonitoringInterval>";
const OPTIONS: &str = "<OptionGroupMembership><OptionGroupName>bbws-audit</OptionGroupName><Status>in-sync</Status></OptionGroupMembership>";
const TAGS: &str = "<Tag><Key>team</Key><Value>orders</Value></Tag>\
    <Tag><Key>aws:cloudformation:stack-name</Key><Value>platform</Value></Tag>";

#[tokio::test]
async fn what_takes_the_place_of_an_instance_gets_its_settings_and_what_still_differs_is_told() {
    const LIVE: &str = "<DBInstanceIdentifier>bbws-prod-mysql</DBInstanceIdentifier>";
    for from_snapshot in [true, false] {
        let bed = Bed::new();
        snapshots::made(&bed).await;
        describe(&bed, "bbws-prod-mysql", |answer| {
            let answer = tagged(answer, "StorageType", "io2").replace(LIVE, &format!("{LIVE}{SETTINGS}"));
            let answer = tagged(&answer, "OptionGroupMemberships", OPTIONS);
            match answer.contains("<TagList>") {
                true => tagged(&answer, "TagList", TAGS),
                false => answer.replace(LIVE, &format!("{LIVE}<TagList>{TAGS}</TagList>")),
            }
        });
        let Action::RestoreTest(step::RestoreTest { snapshot, .. }) = restore() else { unreachable!() };
        let call = bed.platform.call(Action::RestoreLike(step::RestoreLike {
            region: HOME.into(),
            database: "bbws-prod-mysql".into(),
            snapshot: from_snapshot.then_some(snapshot),
            at: None,
            instance: INSTANCE.into(),
        }));
        let started = bed.platform.cloud.start(&call).await.expect("it is restored");
        let operation =
            if from_snapshot { "RestoreDBInstanceFromDBSnapshot" } else { "RestoreDBInstanceToPointInTime" };
        let asked = bed.asked(operation).remove(0);
        for (name, value) in [
            ("DBInstanceClass", "db.r6g.large"),
            ("StorageType", "io2"),
            ("Iops", "12000"),
            ("OptionGroupName", "bbws-audit"),
            ("DBParameterGroupName", "default.mysql"),
            ("CACertificateIdentifier", "rds-ca-rsa4096-g1"),
            ("EnableIAMDatabaseAuthentication", "true"),
            ("AutoMinorVersionUpgrade", "false"),
            ("CopyTagsToSnapshot", "true"),
            ("EngineLifecycleSupport", "open-source-rds-extended-support"),
            ("DeletionProtection", "false"),
        ] {
            assert_eq!(asked.text(name), Some(value), "{name} of {operation}");
        }
        assert_eq!(asked.texts("EnableCloudwatchLogsExports"), ["error", "slowquery"]);
        for name in ["DBSubnetGroupName", "MultiAZ", "BackupRetentionPeriod", "PreferredBackupWindow"] {
            assert!(asked.text(name).is_some(), "{name} of {operation}");
        }
        let tags = asked.tags("Tags");
        assert_eq!((tags["team"].as_str(), tags["bbws:operation"].as_str()), ("orders", "bk-1042"));
        assert!(tags.keys().all(|key| !key.starts_with("aws:")), "{tags:?}");
        bed.later(LATER);
        let call = Call { external_id: started.external_id, ..call };
        let (outputs, told) = done(poll(&bed.platform.cloud, &call).await);
        for differs in [
            "its storage is gp3, not io2",
            "IOPS",
            "option group",
            "certificate authority",
            "login by IAM",
            "exports of logs",
        ] {
            assert!(outputs["issue"].contains(differs) && told.contains(differs), "{differs}: {told}");
        }
    }
}

#[tokio::test]
async fn an_instance_of_a_stranger_is_neither_adopted_nor_deleted() {
    let bed = restored("bk-7").await;
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(restore()));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    assert!(
        permanent(cloud.start(&call).await)
            .contains("an instance of that name exists that this operation did not make")
    );
    for (name, operation, why) in [
        (INSTANCE, "bk-1042", "its tag says `bk-7` instead of `bk-1042`"),
        (INSTANCE, "bk-7", "only what is named …-restored-bk-7 is deleted by operation bk-7"),
        ("bbws-prod-mysql", "bk-1042", "only what is named"),
        ("bbws-prod-mysql-bk-1042", "bk-1042", "only what is named"),
        ("bbws-prod-mysql-restored-bk-1042-x", "bk-1042", "only what is named"),
        (INSTANCE, "", "only what is named"),
    ] {
        let reason = permanent(cloud.start(&bed.platform.call(delete(name, operation))).await);
        assert!(reason.contains(why) && reason.contains("Nothing was done."), "{reason}");
    }
    assert!(bed.asked("DeleteDBInstance").is_empty());
}

/// What is told of a restored instance that RDS describes so.
async fn state(edit: impl Fn(&str) -> String + Send + Sync + 'static) -> Result<Progress, CloudError> {
    let bed = restored("bk-1042").await;
    describe(&bed, INSTANCE, edit);
    poll(&bed.platform.cloud, &bed.platform.call(restore())).await
}

/// The same in this state of RDS's.
async fn is(status: &'static str) -> Result<Progress, CloudError> {
    state(move |answer| tagged(answer, "DBInstanceStatus", status)).await
}

#[tokio::test]
async fn every_state_of_a_restore_is_understood() {
    let running = |percent: Option<u8>, detail: &str| Ok(Progress::Running { percent, detail: detail.to_owned() });
    assert_eq!(is("backing-up").await, running(None, "backing-up"));
    let with = |more: &'static str| {
        move |answer: &str| answer.replace("</DBInstanceStatus>", &format!("</DBInstanceStatus>{more}"))
    };
    let initializing = "<StorageOperationStatus>Initializing</StorageOperationStatus>\
        <StorageOperationPercentProgress>42</StorageOperationPercentProgress>";
    assert_eq!(state(with(initializing)).await, running(Some(42), "available, storage Initializing"));
    let nowhere = |answer: &str| answer.replace("<Endpoint>", "<Was>").replace("</Endpoint>", "</Was>");
    assert_eq!(state(nowhere).await, running(None, "available, no endpoint yet"));
    let (outputs, detail) = done(state(|answer| tagged(answer, "Address", "restored.example")).await);
    assert_eq!(detail, "available at restored.example:3306, not reachable from outside of its network");
    let made_of = format!("made of {INSTANCE}");
    let expected = [
        ("endpoint", "restored.example"),
        (&made_of, "db.r6g.large gp3 100 1"),
        ("port", "3306"),
        ("restored_instance", INSTANCE),
    ];
    assert_eq!(outputs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    let otherwise = |answer: &str| {
        let support = "<EngineLifecycleSupport>open-source-rds-extended-support</EngineLifecycleSupport>";
        let kept = tagged(&tagged(answer, "StorageType", "gp2"), "BackupRetentionPeriod", "1");
        kept.replace("</DBInstanceStatus>", &format!("</DBInstanceStatus>{support}"))
    };
    assert_eq!(
        done(state(otherwise).await).0["issue"],
        "its storage is gp2, not gp3; its Extended Support is open-source-rds-extended-support, \
         not open-source-rds-extended-support-disabled; RDS backs it up by itself and keeps 1 days"
    );
    for bad in [
        "failed",
        "incompatible-network",
        "inaccessible-encryption-credentials",
        "restore-error",
        "storage-full",
        "insufficient-capacity",
        "deleting",
    ] {
        assert!(
            failed(is(bad).await).contains("Its events in RDS say why. It is deleted by itself; restore again."),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_delete_whose_answer_was_lost_is_recognised() {
    let bed = restored("bk-1042").await;
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(delete(INSTANCE, "bk-1042")));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent), "it lives");
    bed.refuse("DeleteDBInstance", "InvalidDBInstanceState");
    let answer = cloud.start(&call).await;
    assert!(matches!(answer, Err(CloudError::Retryable { .. })), "RDS refuses for now: {answer:?}");
    bed.aws.inject(Fault::LostReply, Target::next().of("DeleteDBInstance"));
    cloud.start(&call).await.expect("it is seen to be under way");
    let asked = bed.asked("DeleteDBInstance").len();
    let started = cloud.start(&call).await.expect("it is under way");
    assert!(!started.finished);
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started)));
    let answer = poll(cloud, &call).await;
    assert_eq!(answer, Ok(Progress::Running { percent: None, detail: "deleting".into() }));
    assert_eq!(bed.asked("DeleteDBInstance").len(), asked, "not again");
}

#[tokio::test]
async fn answers_that_are_lost_are_unknown() {
    let bed = Bed::new();
    snapshots::made(&bed).await;
    bed.aws.inject(Fault::Internal, Target::next().of("RestoreDBInstanceFromDBSnapshot"));
    let answer = bed.platform.cloud.start(&bed.platform.call(restore())).await;
    assert!(Bed::unknown(&answer), "{answer:?}");
    let bed = restored("bk-1042").await;
    bed.aws.inject(Fault::Internal, Target::next().of("DeleteDBInstance"));
    let answer = bed.platform.cloud.start(&bed.platform.call(delete(INSTANCE, "bk-1042"))).await;
    assert!(Bed::unknown(&answer), "{answer:?}");
}

#[tokio::test]
async fn what_is_gone_is_gone() {
    let bed = Bed::new();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(delete(INSTANCE, "bk-1042")));
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(started)) if started.finished));
    assert!(cloud.start(&call).await.expect("nothing to do").finished);
    assert_eq!(done(poll(cloud, &call).await).1, "gone, with its automated backups");
    assert!(matches!(poll(cloud, &bed.platform.call(restore())).await, Err(CloudError::Retryable { .. })));
    let reason = refuted(settled(cloud, &bed.platform.call(verify(None))).await).0;
    assert!(reason.contains("does not exist, so nothing was compared. Restore it again."), "{reason}");
}

#[tokio::test]
async fn an_instance_is_compared_with_its_source_and_the_report_says_how_far() {
    let bed = restored("bk-1042").await;
    let look = |token: &str| Call { token: token.to_owned(), ..bed.platform.call(verify(None)) };
    let (outputs, detail) = done(settled(&bed.platform.cloud, &look("as it is")).await);
    assert!(detail.starts_with("5 of 5 checks hold. Only the instance was looked at: no secret"), "{detail}");
    let report = Report::of(&outputs).expect("a report");
    assert!(report.breaches.is_empty());
    let table = report.attachment.table.expect("a table");
    assert_eq!(table.columns, ["Check", "Found", "Holds"]);
    assert_eq!(table.rows[2], ["Engine version of its source", "mysql 8.0.36", "yes"]);

    bed.place(|place, _| place.rds.instances.remove("bbws-prod-mysql"));
    let (_, outputs) = refuted(settled(&bed.platform.cloud, &look("without its source")).await);
    assert_eq!(
        Report::of(&outputs).expect("a report").breaches,
        ["Engine version of its source: mysql 8.0.36; bbws-prod-mysql does not exist"]
    );

    let bed = restored("bk-1042").await;
    describe(&bed, INSTANCE, |answer| {
        let otherwise = [
            ("DBInstanceStatus", "stopped"),
            ("EngineVersion", "8.0.35"),
            ("StorageEncrypted", "false"),
            ("PubliclyAccessible", "true"),
            ("DBSubnetGroupName", "default"),
        ];
        otherwise.iter().fold(answer.to_owned(), |answer, (name, is)| tagged(&answer, name, is))
    });
    let (reason, outputs) = refuted(settled(&bed.platform.cloud, &bed.platform.call(verify(None))).await);
    let report = Report::of(&outputs).expect("a report");
    assert_eq!(
        report.breaches,
        [
            "Available: stopped",
            "Encrypted: no",
            "Engine version of its source: mysql 8.0.35, bbws-prod-mysql has mysql 8.0.36",
            "In the isolated subnet group: default instead of bbws-isolated",
            "Not reachable from the internet: public",
        ]
    );
    assert!(report.breaches.iter().all(|breach| reason.contains(breach)), "{reason}");
}

#[tokio::test]
async fn a_snapshot_is_restored_looked_at_and_deleted() {
    let bed = restored("bk-1042").await;
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(restore()));
    let Ok(Probe::Present(started)) = cloud.probe(&call).await else { panic!("it is there") };
    assert_eq!(cloud.start(&call).await, Ok(started), "the same operation adopts what it made");
    let outputs = done(poll(cloud, &call).await).0;
    assert_eq!(outputs["restored_instance"], INSTANCE);
    let looked = Call { inputs: outputs, ..bed.platform.call(verify(None)) };
    done(settled(cloud, &looked).await);

    let call = bed.platform.call(delete(INSTANCE, "bk-1042"));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    cloud.start(&call).await.expect("it is deleted");
    bed.later(LATER);
    done(poll(cloud, &call).await);
    let there = bed.place(|place, now| {
        let there = place.rds.instances.iter().filter(|(_, instance)| !instance.is_gone(now));
        there.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    });
    assert_eq!(there, ["bbws-prod-mysql"], "and nothing else");
}

/// Looks into a database of one server that stands for both the restored instance and its source, under two names.
async fn look_inside(engine: Engine, server: &Server, wordpress: &[&str], name: &str) -> Result<Progress, CloudError> {
    let bed = restored("bk-1042").await;
    let (_, _, _, port) = server.parts();
    for instance in [INSTANCE, "bbws-prod-mysql"] {
        let port = port.to_string();
        describe(&bed, instance, move |answer| tagged(&tagged(answer, "Address", "localhost"), "Port", &port));
    }
    server.secret(&bed.platform).await;
    let Action::VerifyDatabase(step::VerifyDatabase { region, instance, database, .. }) = verify(None) else {
        unreachable!()
    };
    let action = Action::VerifyDatabase(step::VerifyDatabase {
        source_region: None,
        region,
        instance,
        database,
        engine,
        secret: Some(dumps::SECRET.into()),
        schemas: vec![name.to_owned()],
        wordpress: wordpress.iter().map(|s| (*s).to_owned()).collect(),
        data_of: bbws::domain::moment::Moment(1_795_219_200_000),
        rpo_seconds: 3600,
        measures: false,
        live: false,
        turns_back: false,
        alone: false,
    });
    settled(&bed.platform.cloud, &bed.platform.call(action)).await
}

#[tokio::test]
async fn a_restored_database_is_compared_over_a_connection() {
    for engine in [Engine::Mariadb, Engine::Postgres] {
        let server = Server::of(engine);
        let name = server.database(&format!("inside_{engine}")).await;
        let (outputs, detail) = done(look_inside(engine, &server, &[], &name).await);
        let report = Report::of(&outputs).expect("a report");
        let rows = report.attachment.table.expect("a table").rows;
        assert!(rows.len() >= 11, "{rows:?}");
        assert_eq!(detail, format!("{} of {} checks hold", rows.len(), rows.len()));
        for check in ["login to the restored database", "login to the source database", "write, read, delete"] {
            let row = rows.iter().find(|row| row[0].starts_with(check)).expect("it was looked at");
            assert_eq!(row[2], "yes", "{row:?}");
        }
        let schema = if engine == Engine::Postgres { "public" } else { &name };
        assert!(rows.iter().any(|row| row[0].starts_with(&format!("rows of {schema}")) && row[2] == "yes"), "{rows:?}");
        let reason = refuted(look_inside(engine, &server, &[schema], &name).await).0;
        assert!(reason.contains(&format!("WordPress in {schema}")), "{reason}");
        server.drop(&name).await;
    }
}

#[tokio::test]
async fn a_login_that_is_refused_refutes_and_says_nothing_of_the_password() {
    let mut server = Server::of(Engine::Mariadb);
    let name = server.database("refused").await;
    let good = server.clone();
    let password = server.parts().1;
    server.url = server.url.replace(&password, "wr0ng-Password");
    let (reason, outputs) = refuted(look_inside(Engine::Mariadb, &server, &[], &name).await);
    assert!(reason.contains("login to the restored database"), "{reason}");
    assert!(!format!("{reason}{outputs:?}").contains("wr0ng-Password"), "the password is told");
    good.drop(&name).await;
}
