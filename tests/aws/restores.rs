//! Test restores: on moto, and on answers in RDS's shapes for everything moto does at once.

use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

use bbws::{
    domain::{
        attachment::Report,
        environment::Engine,
        step::{self, Action},
    },
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};

use crate::aws::{
    dumps::{self, Server},
    fake::{Answer, Fake, Seen},
    moto,
    s3_fake::xml,
    snapshots,
    support::{HOME, Platform, done, environment, failed, permanent, poll, refuted, settled},
};

/// Ids of the subnets of an account. EC2 is called by nothing of ours, so its form is sent by hand; moto only looks at the
/// access key.
async fn subnets(region: &str, access_key: &str) -> Vec<String> {
    let scope = format!("AWS4-HMAC-SHA256 Credential={access_key}/20261121/{region}/ec2/aws4_request");
    let request = axum::http::Request::post(moto::address())
        .header("authorization", format!("{scope}, SignedHeaders=host, Signature=0"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::new(bytes::Bytes::from_static(b"Action=DescribeSubnets&Version=2016-11-15")))
        .expect("a request");
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await.expect("moto answers").into_body().collect().await.expect("a body");
    let text = String::from_utf8(answer.to_bytes().to_vec()).expect("XML");
    text.split("<subnetId>").skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect()
}

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
        instance: INSTANCE.into(),
        database: "bbws-prod-mysql".into(),
        engine: Engine::Mysql,
        secret: secret.map(str::to_owned),
        schemas: Vec::new(),
        wordpress: Vec::new(),
        data_of: bbws::domain::moment::Moment(1_795_219_200_000),
        rpo_seconds: 3600,
    })
}

/// The isolated network: a subnet group of the account's own subnets.
pub async fn network(platform: &Platform) {
    let session = platform.setup(HOME).await;
    let role = platform.environment.assume_role.as_deref().expect("it has one");
    let assumed = session.sts().assume_role().role_arn(role).role_session_name("setup").send().await.expect("a role");
    let key = assumed.credentials.expect("credentials").access_key_id;
    let subnets = subnets(HOME, &key).await;
    assert!(subnets.len() > 1, "the account has subnets: {subnets:?}");
    let request = session.rds().create_db_subnet_group().db_subnet_group_name("bbws-isolated");
    let request = request.db_subnet_group_description("of test restores").set_subnet_ids(Some(subnets));
    request.send().await.expect("a subnet group");
}

/// RDS with one instance of that name; `fields` are added to it.
async fn rds_with(fields: &'static str, operation: &'static str) -> (Fake, Platform) {
    let fake = Fake::start(move |seen: &Seen| match seen.field("Action").as_deref() {
        Some("DescribeDBInstances") if seen.field("DBInstanceIdentifier").as_deref() == Some(INSTANCE) => {
            described(&[(INSTANCE, fields, operation)])
        }
        Some("DescribeDBInstances") => described(&[]),
        Some("DescribeDBSnapshots") => xml(200, SOURCE.into()),
        Some("DeleteDBInstance") => refusal("InvalidDBInstanceState", "it is already being deleted"),
        _ => refusal("DBInstanceAlreadyExists", "exists"),
    })
    .await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    (fake, platform)
}

fn refusal(code: &str, message: &str) -> Answer {
    xml(400, format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"))
}

fn described(instances: &[(&str, &str, &str)]) -> Answer {
    if instances.is_empty() {
        return refusal("DBInstanceNotFound", "there is none");
    }
    let one = |(name, fields, operation): &(&str, &str, &str)| {
        format!(
            "<DBInstance><DBInstanceIdentifier>{name}</DBInstanceIdentifier>{fields}\
             <TagList><Tag><Key>bbws:operation</Key><Value>{operation}</Value></Tag></TagList></DBInstance>"
        )
    };
    let all: String = instances.iter().map(one).collect();
    xml(
        200,
        format!(
            "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{all}</DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>"
        ),
    )
}

/// The snapshot that is restored.
const SOURCE: &str = "<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult><DBSnapshots><DBSnapshot>\
    <DBSnapshotIdentifier>bbws-prod-mysql-manual-20261121-bk-1042</DBSnapshotIdentifier><DBInstanceIdentifier>bbws-prod-mysql</DBInstanceIdentifier>\
    <Engine>mysql</Engine><StorageType>gp2</StorageType><AllocatedStorage>100</AllocatedStorage><Status>available</Status>\
    </DBSnapshot></DBSnapshots></DescribeDBSnapshotsResult></DescribeDBSnapshotsResponse>";
const CREATING: &str = "<DBInstanceStatus>creating</DBInstanceStatus>";
const READY: &str = "<DBInstanceStatus>available</DBInstanceStatus><Engine>mysql</Engine><EngineVersion>8.0.36</EngineVersion>\
    <Endpoint><Address>restored.example</Address><Port>3306</Port></Endpoint><StorageEncrypted>true</StorageEncrypted>\
    <PubliclyAccessible>false</PubliclyAccessible><DBSubnetGroup><DBSubnetGroupName>bbws-isolated</DBSubnetGroupName></DBSubnetGroup>";

#[tokio::test]
async fn a_restore_is_isolated_tagged_and_adopted_when_ours() {
    let (fake, platform) = rds_with(CREATING, "bk-1042").await;
    let call = platform.call(restore());
    let started = platform.cloud.start(&call).await.expect("it is adopted");
    assert_eq!((started.external_id.as_deref(), started.finished), (Some(INSTANCE), false));
    let seen = fake.seen();
    let restores = |seen: &&Seen| seen.field("Action").as_deref() == Some("RestoreDBInstanceFromDBSnapshot");
    let asked = seen.iter().find(restores).expect("it was restored");
    let field = |name: &str| asked.field(name).unwrap_or_default();
    assert_eq!(
        (field("StorageType").as_str(), field("BackupRetentionPeriod").as_str(), field("Iops").as_str()),
        ("gp2", "0", ""),
        "as the source has it, and no first backup"
    );
    assert_eq!(field("EngineLifecycleSupport"), "open-source-rds-extended-support-disabled");
    assert_eq!(
        (
            field("DBInstanceIdentifier").as_str(),
            field("DBSnapshotIdentifier").as_str(),
            field("DBSubnetGroupName").as_str()
        ),
        (INSTANCE, "bbws-prod-mysql-manual-20261121-bk-1042", "bbws-isolated")
    );
    for name in ["PubliclyAccessible", "MultiAZ", "DeletionProtection", "CopyTagsToSnapshot"] {
        assert_eq!(field(name), "false", "{name}");
    }
    assert!(asked.form().iter().any(|(name, value)| name.starts_with("VpcSecurityGroupIds") && value == "sg-1"));
    assert!(asked.form().iter().any(|(_, value)| value == "bbws:operation"), "tagged at once");
    assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Present(started)));
    let answer = poll(&platform.cloud, &call).await;
    assert_eq!(answer, Ok(Progress::Running { percent: None, detail: "creating".into() }));
}

#[tokio::test]
async fn an_instance_of_a_stranger_is_neither_adopted_nor_deleted() {
    let (fake, platform) = rds_with(READY, "bk-7").await;
    let cloud = &platform.cloud;
    let call = platform.call(restore());
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
        let reason = permanent(cloud.start(&platform.call(delete(name, operation))).await);
        assert!(reason.contains(why) && reason.contains("Nothing was done."), "{reason}");
    }
    assert!(fake.seen().iter().all(|seen| seen.field("Action").as_deref() != Some("DeleteDBInstance")));
}

/// How a restored instance looks in a state.
async fn state(fields: &'static str) -> Result<Progress, CloudError> {
    let (_fake, platform) = rds_with(fields, "bk-1042").await;
    poll(&platform.cloud, &platform.call(restore())).await
}

#[tokio::test]
async fn every_state_of_a_restore_is_understood() {
    let running = |percent: Option<u8>, detail: &str| Ok(Progress::Running { percent, detail: detail.to_owned() });
    assert_eq!(state("<DBInstanceStatus>backing-up</DBInstanceStatus>").await, running(None, "backing-up"));
    assert_eq!(
        state("<DBInstanceStatus>available</DBInstanceStatus><StorageOperationStatus>Initializing</StorageOperationStatus>\
               <StorageOperationPercentProgress>42</StorageOperationPercentProgress>")
        .await,
        running(Some(42), "available, storage Initializing")
    );
    assert_eq!(
        state("<DBInstanceStatus>available</DBInstanceStatus>").await,
        running(None, "available, no endpoint yet")
    );
    let (outputs, detail) = done(state(READY).await);
    assert_eq!(detail, "available at restored.example:3306, not reachable from outside of its network");
    let expected = [("endpoint", "restored.example"), ("port", "3306"), ("restored_instance", INSTANCE)];
    assert_eq!(outputs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    const OTHERWISE: &str = "<DBInstanceStatus>available</DBInstanceStatus><Endpoint><Address>x</Address><Port>3306</Port></Endpoint>\
        <StorageType>gp3</StorageType><EngineLifecycleSupport>open-source-rds-extended-support</EngineLifecycleSupport>\
        <BackupRetentionPeriod>1</BackupRetentionPeriod>";
    assert_eq!(
        done(state(OTHERWISE).await).0["issue"],
        "its storage is gp3, not gp2; its Extended Support is open-source-rds-extended-support, \
         not open-source-rds-extended-support-disabled; RDS backs it up by itself and keeps 1 days"
    );
    for bad in [
        "<DBInstanceStatus>failed</DBInstanceStatus>",
        "<DBInstanceStatus>incompatible-network</DBInstanceStatus>",
        "<DBInstanceStatus>inaccessible-encryption-credentials</DBInstanceStatus>",
        "<DBInstanceStatus>restore-error</DBInstanceStatus>",
        "<DBInstanceStatus>storage-full</DBInstanceStatus>",
        "<DBInstanceStatus>insufficient-capacity</DBInstanceStatus>",
        "<DBInstanceStatus>deleting</DBInstanceStatus>",
    ] {
        assert!(
            failed(state(bad).await).contains("Its events in RDS say why. It is deleted by itself; test again."),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_delete_whose_answer_was_lost_is_recognised() {
    let (fake, platform) = rds_with("<DBInstanceStatus>deleting</DBInstanceStatus>", "bk-1042").await;
    let call = platform.call(delete(INSTANCE, "bk-1042"));
    let started = platform.cloud.start(&call).await.expect("it is under way");
    assert!(!started.finished);
    assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Present(started)));
    let answer = poll(&platform.cloud, &call).await;
    assert_eq!(answer, Ok(Progress::Running { percent: None, detail: "deleting".into() }));
    assert!(fake.seen().iter().all(|seen| seen.field("Action").as_deref() != Some("DeleteDBInstance")), "not again");

    let (_fake, platform) = rds_with(READY, "bk-1042").await;
    let call = platform.call(delete(INSTANCE, "bk-1042"));
    assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Absent), "it lives");
    let answer = platform.cloud.start(&call).await;
    assert!(matches!(answer, Err(CloudError::Retryable { .. })), "RDS refuses for now: {answer:?}");
}

#[tokio::test]
async fn answers_that_are_lost_are_unknown() {
    let fake = Fake::start(|seen: &Seen| match seen.field("Action").as_deref() {
        Some("DescribeDBInstances") if seen.field("DBInstanceIdentifier").as_deref() == Some(INSTANCE) => {
            described(&[(INSTANCE, READY, "bk-1042")])
        }
        Some("DescribeDBInstances") => described(&[]),
        Some("DescribeDBSnapshots") => xml(200, SOURCE.into()),
        _ => xml(500, "<ErrorResponse><Error><Code>InternalFailure</Code></Error></ErrorResponse>".into()),
    })
    .await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    for action in [restore(), delete(INSTANCE, "bk-1042")] {
        let answer = platform.cloud.start(&platform.call(action)).await;
        assert!(matches!(answer, Err(CloudError::Unknown { .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_gone_is_gone() {
    let fake = Fake::start(|_: &Seen| described(&[])).await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    let call = platform.call(delete(INSTANCE, "bk-1042"));
    assert!(matches!(platform.cloud.probe(&call).await, Ok(Probe::Present(started)) if started.finished));
    assert!(platform.cloud.start(&call).await.expect("nothing to do").finished);
    assert_eq!(done(poll(&platform.cloud, &call).await).1, "gone, with its automated backups");
    assert!(matches!(poll(&platform.cloud, &platform.call(restore())).await, Err(CloudError::Retryable { .. })));
    let reason = refuted(settled(&platform.cloud, &platform.call(verify(None))).await).0;
    assert!(reason.contains("does not exist, so nothing was compared. Restore it again."), "{reason}");
}

/// Looks at a restored instance next to its source.
async fn compare(restored: &'static str, source: Option<&'static str>) -> Result<Progress, CloudError> {
    let fake = Fake::start(move |seen: &Seen| {
        let wanted = seen.form().into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        match source {
            _ if wanted.iter().any(|v| v == INSTANCE) => described(&[(INSTANCE, restored, "bk-1042")]),
            Some(source) => described(&[("bbws-prod-mysql", source, "")]),
            None => described(&[]),
        }
    })
    .await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    settled(&platform.cloud, &platform.call(verify(None))).await
}

#[tokio::test]
async fn an_instance_is_compared_with_its_source_and_the_report_says_how_far() {
    let (outputs, detail) = done(compare(READY, Some(READY)).await);
    assert!(detail.starts_with("5 of 5 checks hold. Only the instance was looked at: no secret"), "{detail}");
    let report = Report::of(&outputs).expect("a report");
    assert!(report.breaches.is_empty());
    let table = report.attachment.table.expect("a table");
    assert_eq!(table.columns, ["Check", "Found", "Holds"]);
    assert_eq!(table.rows[2], ["Engine version of its source", "mysql 8.0.36", "yes"]);

    const OTHER: &str = "<DBInstanceStatus>stopped</DBInstanceStatus><Engine>mysql</Engine><EngineVersion>8.0.35</EngineVersion>\
        <StorageEncrypted>false</StorageEncrypted><PubliclyAccessible>true</PubliclyAccessible>\
        <DBSubnetGroup><DBSubnetGroupName>default</DBSubnetGroupName></DBSubnetGroup>";
    let (reason, outputs) = refuted(compare(OTHER, Some(READY)).await);
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
    let (_, outputs) = refuted(compare(READY, None).await);
    assert_eq!(
        Report::of(&outputs).expect("a report").breaches,
        ["Engine version of its source: mysql 8.0.36; bbws-prod-mysql does not exist"]
    );
}

#[tokio::test]
async fn a_snapshot_is_restored_looked_at_and_deleted() {
    let platform = Platform::on_moto().await;
    snapshots::database(&platform).await;
    let cloud = &platform.cloud;
    cloud.start(&platform.call(snapshots::snapshot())).await.expect("a snapshot");
    network(&platform).await;
    let call = platform.call(restore());
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("it is restored");
    assert_eq!(cloud.start(&call).await, Ok(started.clone()), "the same operation adopts what it made");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started)));
    let outputs = done(poll(cloud, &call).await).0;
    assert_eq!(outputs["restored_instance"], INSTANCE);
    let looked = Call { inputs: outputs, ..platform.call(verify(None)) };
    done(settled(cloud, &looked).await);

    let call = platform.call(delete(INSTANCE, "bk-1042"));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    cloud.start(&call).await.expect("it is deleted");
    done(poll(cloud, &call).await);
    let session = platform.setup(HOME).await;
    let all = session.rds().describe_db_instances().send().await.expect("a list");
    let names: Vec<_> = all.db_instances().iter().filter_map(|db| db.db_instance_identifier()).collect();
    assert_eq!(names, ["bbws-prod-mysql"], "and nothing else");
}

/// Looks into a database of one server that stands for both the restored instance and its source, under two names.
async fn look_inside(
    engine: Engine,
    restored: &Server,
    wordpress: &[&str],
    name: &str,
) -> Result<Progress, CloudError> {
    let platform = Platform::on_moto().await;
    let (_, _, _, port) = restored.parts();
    let rds = Fake::start(move |seen: &Seen| {
        let wanted = seen.form().into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        let fields = READY.replace("restored.example", "localhost").replace("3306", &port.to_string());
        let name = if wanted.iter().any(|v| v == INSTANCE) { INSTANCE } else { "bbws-prod-mysql" };
        described(&[(name, &fields, "bk-1042")])
    })
    .await;
    restored.secret(&platform).await;
    let mut own = environment(true);
    own.account.clone_from(&platform.environment.account);
    own.assume_role.clone_from(&platform.environment.assume_role);
    let there = Platform::on(moto::address(), &[("rds", &rds.address)], own).await;
    let Action::VerifyDatabase(step::VerifyDatabase { region, instance, database, .. }) = verify(None) else {
        unreachable!()
    };
    let action = Action::VerifyDatabase(step::VerifyDatabase {
        region,
        instance,
        database,
        engine,
        secret: Some(dumps::SECRET.into()),
        schemas: vec![name.to_owned()],
        wordpress: wordpress.iter().map(|s| (*s).to_owned()).collect(),
        data_of: bbws::domain::moment::Moment(1_795_219_200_000),
        rpo_seconds: 3600,
    });
    settled(&there.cloud, &there.call(action)).await
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
