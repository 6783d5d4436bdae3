//! The IAM policies in `deploy/iam` grant what the product calls: no more, no fewer.

use std::{collections::BTreeSet, fs, path::Path};

use bbws::{
    domain::{
        active::Active,
        datum::Datum,
        environment::{Bucket, Environment},
        moment::Moment,
        point::PointQuery,
        step::{self, Outputs, RuleSpec},
        world::Survey,
    },
    ports::{
        alert::{Alerts as _, Topic},
        cloud::{Call, Cloud as _},
    },
};
use serde_json::{Value, json as value};

use crate::aws::{
    backup,
    bed::{ACCOUNT, Bed, FILES, FS, carried_out, environment},
    buckets_data, configuration, dumps, ends, exports, files, identity, plans, records, restores, secrets_check,
    snapshots,
    support::{DR, HOME, done, poll, settled},
    watch,
};
use crate::wire::{brought_back, failback, failover};

/// Each call, and the actions IAM asks for when it is made: its own, those for what it tags and whom it hands a role,
/// and those for the keys of encrypted things, which KMS checks against the caller.
const CALLS: &[(&str, &[&str])] = &[
    ("Backup.DescribeBackupJob", &["backup:DescribeBackupJob"]),
    ("Backup.DescribeBackupVault", &["backup:DescribeBackupVault"]),
    ("Backup.DescribeCopyJob", &["backup:DescribeCopyJob"]),
    ("Backup.DescribeRecoveryPoint", &["backup:DescribeRecoveryPoint"]),
    ("Backup.ListBackupJobs", &["backup:ListBackupJobs"]),
    ("Backup.ListCopyJobs", &["backup:ListCopyJobs"]),
    ("Backup.ListTags", &["backup:ListTags"]),
    ("Backup.StartBackupJob", &["backup:StartBackupJob", "backup:TagResource", "iam:PassRole"]),
    ("Backup.StartCopyJob", &["backup:StartCopyJob", "backup:CopyIntoBackupVault", "iam:PassRole"]),
    ("CloudWatch.GetMetricData", &["cloudwatch:GetMetricData"]),
    ("CloudWatch.PutMetricData", &["cloudwatch:PutMetricData"]),
    ("EFS.DescribeFileSystems", &["elasticfilesystem:DescribeFileSystems"]),
    ("KMS.DescribeKey", &["kms:DescribeKey"]),
    ("KMS.GetKeyRotationStatus", &["kms:GetKeyRotationStatus"]),
    ("RDS.CopyDBSnapshot", &["rds:CopyDBSnapshot", "rds:AddTagsToResource", "kms:CreateGrant"]),
    ("RDS.CreateDBSnapshot", &["rds:CreateDBSnapshot", "rds:AddTagsToResource"]),
    ("RDS.DescribeDBInstances", &["rds:DescribeDBInstances"]),
    ("RDS.DescribeDBSnapshots", &["rds:DescribeDBSnapshots"]),
    ("Route53 Recovery Cluster.GetRoutingControlState", &["route53-recovery-cluster:GetRoutingControlState"]),
    ("Route53 Recovery Cluster.UpdateRoutingControlStates", &["route53-recovery-cluster:UpdateRoutingControlStates"]),
    ("S3.GetBucketReplication", &["s3:GetReplicationConfiguration"]),
    ("S3.GetObjectTagging", &["s3:GetObjectTagging"]),
    ("S3.HeadBucket", &["s3:ListBucket"]),
    ("S3.HeadObject", &["s3:GetObject", "kms:Decrypt"]),
    ("S3.PutBucketLifecycleConfiguration", &["s3:PutLifecycleConfiguration"]),
    ("S3.PutBucketReplication", &["s3:PutReplicationConfiguration", "iam:PassRole"]),
    ("S3.PutBucketVersioning", &["s3:PutBucketVersioning"]),
    ("S3.PutObject", &["s3:PutObject", "s3:PutObjectTagging", "kms:GenerateDataKey"]),
    ("SNS.GetTopicAttributes", &["sns:GetTopicAttributes"]),
    ("SNS.Publish", &["sns:Publish", "kms:GenerateDataKey", "kms:Decrypt"]),
    // Anyone may ask who they are.
    ("STS.AssumeRole", &["sts:AssumeRole", "sts:SetSourceIdentity"]),
    ("STS.GetCallerIdentity", &[]),
    (
        "Secrets Manager.BatchGetSecretValue",
        &["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue", "kms:Decrypt"],
    ),
    ("Secrets Manager.ListSecrets", &["secretsmanager:ListSecrets"]),
    ("Backup.CancelLegalHold", &["backup:CancelLegalHold"]),
    ("Backup.CreateBackupPlan", &["backup:CreateBackupPlan", "backup:TagResource"]),
    ("Backup.CreateBackupSelection", &["backup:CreateBackupSelection", "iam:PassRole"]),
    ("Backup.CreateLegalHold", &["backup:CreateLegalHold", "backup:TagResource"]),
    ("Backup.DeleteBackupSelection", &["backup:DeleteBackupSelection"]),
    ("Backup.DeleteRecoveryPoint", &["backup:DeleteRecoveryPoint"]),
    ("Backup.GetBackupPlan", &["backup:GetBackupPlan"]),
    ("Backup.GetBackupSelection", &["backup:GetBackupSelection"]),
    ("Backup.GetLegalHold", &["backup:GetLegalHold"]),
    ("Backup.ListBackupJobSummaries", &["backup:ListBackupJobSummaries"]),
    ("Backup.ListBackupPlans", &["backup:ListBackupPlans"]),
    ("Backup.ListBackupSelections", &["backup:ListBackupSelections"]),
    ("Backup.ListLegalHolds", &["backup:ListLegalHolds"]),
    ("Backup.ListRecoveryPointsByBackupVault", &["backup:ListRecoveryPointsByBackupVault"]),
    ("Backup.ListRecoveryPointsByLegalHold", &["backup:ListRecoveryPointsByLegalHold"]),
    ("Backup.ListRestoreJobs", &["backup:ListRestoreJobs"]),
    ("Backup.UpdateBackupPlan", &["backup:UpdateBackupPlan"]),
    ("EFS.DescribeAccessPoints", &["elasticfilesystem:DescribeAccessPoints"]),
    ("EFS.DescribeReplicationConfigurations", &["elasticfilesystem:DescribeReplicationConfigurations"]),
    ("RDS.AddTagsToResource", &["rds:AddTagsToResource"]),
    ("RDS.DeleteDBSnapshot", &["rds:DeleteDBSnapshot"]),
    ("RDS.DescribeDBInstanceAutomatedBackups", &["rds:DescribeDBInstanceAutomatedBackups"]),
    ("RDS.DescribeAccountAttributes", &["rds:DescribeAccountAttributes"]),
    ("RDS.DescribeEvents", &["rds:DescribeEvents"]),
    ("RDS.DescribeDBSubnetGroups", &["rds:DescribeDBSubnetGroups"]),
    ("RDS.ListTagsForResource", &["rds:ListTagsForResource"]),
    ("RDS.ModifyDBInstance", &["rds:ModifyDBInstance"]),
    ("RDS.RemoveTagsFromResource", &["rds:RemoveTagsFromResource"]),
    ("S3.GetBucketLifecycleConfiguration", &["s3:GetLifecycleConfiguration"]),
    ("S3.GetBucketVersioning", &["s3:GetBucketVersioning"]),
    ("S3.ListObjectsV2", &["s3:ListBucket"]),
    ("SSM.DescribeParameters", &["ssm:DescribeParameters"]),
    ("Service Quotas.GetServiceQuota", &["servicequotas:GetServiceQuota"]),
    ("Secrets Manager.DescribeSecret", &["secretsmanager:DescribeSecret"]),
    // The key of dumps is used directly, in the context of the environment.
    ("KMS.Decrypt", &["kms:Decrypt"]),
    ("KMS.GenerateDataKey", &["kms:GenerateDataKey"]),
    ("RDS.DeleteDBInstance", &["rds:DeleteDBInstance"]),
    ("RDS.CreateDBInstance", &["rds:CreateDBInstance", "rds:AddTagsToResource", "kms:CreateGrant"]),
    (
        "RDS.RestoreDBInstanceFromDBSnapshot",
        &["rds:RestoreDBInstanceFromDBSnapshot", "rds:AddTagsToResource", "kms:CreateGrant"],
    ),
    (
        "RDS.RestoreDBInstanceToPointInTime",
        &["rds:RestoreDBInstanceToPointInTime", "rds:AddTagsToResource", "kms:CreateGrant"],
    ),
    ("Backup.DescribeRestoreJob", &["backup:DescribeRestoreJob"]),
    ("Backup.GetRecoveryPointRestoreMetadata", &["backup:GetRecoveryPointRestoreMetadata"]),
    ("Backup.GetRestoreJobMetadata", &["backup:GetRestoreJobMetadata"]),
    ("Backup.StartRestoreJob", &["backup:StartRestoreJob", "iam:PassRole"]),
    (
        "EFS.CreateMountTarget",
        &[
            "elasticfilesystem:CreateMountTarget",
            "ec2:DescribeSubnets",
            "ec2:DescribeNetworkInterfaces",
            "ec2:CreateNetworkInterface",
        ],
    ),
    ("EFS.DeleteFileSystem", &["elasticfilesystem:DeleteFileSystem"]),
    ("EFS.DeleteMountTarget", &["elasticfilesystem:DeleteMountTarget", "ec2:DeleteNetworkInterface"]),
    ("EFS.DescribeMountTargets", &["elasticfilesystem:DescribeMountTargets"]),
    ("EFS.TagResource", &["elasticfilesystem:TagResource"]),
    ("S3.AbortMultipartUpload", &["s3:AbortMultipartUpload"]),
    ("S3.CompleteMultipartUpload", &["s3:PutObject", "kms:Decrypt"]),
    ("S3.CreateMultipartUpload", &["s3:PutObject", "s3:PutObjectTagging", "kms:GenerateDataKey"]),
    ("S3.GetObject", &["s3:GetObject", "kms:Decrypt"]),
    ("S3.ListMultipartUploads", &["s3:ListBucketMultipartUploads"]),
    ("S3.ListObjectVersions", &["s3:ListBucketVersions"]),
    ("S3.ListParts", &["s3:ListMultipartUploadParts"]),
    ("S3.UploadPart", &["s3:PutObject", "kms:Decrypt"]),
    ("SSM.GetParametersByPath", &["ssm:GetParametersByPath"]),
    ("Secrets Manager.GetSecretValue", &["secretsmanager:GetSecretValue", "kms:Decrypt"]),
    ("Secrets Manager.PutSecretValue", &["secretsmanager:PutSecretValue", "kms:GenerateDataKey", "kms:Decrypt"]),
    (
        "Secrets Manager.CreateSecret",
        &["secretsmanager:CreateSecret", "secretsmanager:TagResource", "kms:GenerateDataKey", "kms:Decrypt"],
    ),
    ("Secrets Manager.StopReplicationToReplica", &["secretsmanager:StopReplicationToReplica"]),
    ("Secrets Manager.UpdateSecretVersionStage", &["secretsmanager:UpdateSecretVersionStage"]),
    ("SSM.GetParameter", &["ssm:GetParameter", "kms:Decrypt"]),
    // Values of advanced parameters are encrypted under data keys.
    ("SSM.PutParameter", &["ssm:PutParameter", "ssm:AddTagsToResource", "kms:Encrypt", "kms:GenerateDataKey"]),
    (
        "S3.CopyObject",
        &[
            "s3:GetObjectVersion",
            "s3:GetObjectVersionTagging",
            "s3:PutObject",
            "s3:PutObjectTagging",
            "kms:Decrypt",
            "kms:GenerateDataKey",
        ],
    ),
    ("S3.UploadPartCopy", &["s3:GetObjectVersion", "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey"]),
    ("S3.DeleteObject", &["s3:DeleteObject", "s3:DeleteObjectVersion"]),
    ("ECR.DescribeImages", &["ecr:DescribeImages"]),
    ("ECS.DescribeServices", &["ecs:DescribeServices"]),
    ("ECS.DescribeTaskDefinition", &["ecs:DescribeTaskDefinition"]),
    ("ECS.UpdateService", &["ecs:UpdateService"]),
    ("RDS.PromoteReadReplica", &["rds:PromoteReadReplica"]),
    (
        "RDS.CreateDBInstanceReadReplica",
        &["rds:CreateDBInstanceReadReplica", "rds:AddTagsToResource", "kms:CreateGrant"],
    ),
    ("Route 53.ChangeResourceRecordSets", &["route53:ChangeResourceRecordSets"]),
    ("Route 53.GetChange", &["route53:GetChange"]),
    ("Route 53.ListResourceRecordSets", &["route53:ListResourceRecordSets"]),
];

/// An environment of which there is everything.
fn whole() -> Environment {
    let mut environment = environment();
    environment.assume_role = Some(format!("arn:aws:iam::{ACCOUNT}:role/bbws-operator"));
    environment.parameters_prefix = Some("/bbws/prod/".into());
    environment.dump_kms_key = Some("alias/bbws-dumps".into());
    environment.buckets = vec![Bucket { name: format!("m{ACCOUNT}"), dr: Some("media-dr".into()) }];
    environment.databases[0].dr_replica = Some(format!("{}-replica", environment.databases[0].id));
    environment
}

/// Lists, measures and surveys everything there is.
async fn watched(bed: &Bed) {
    let (cloud, environment) = (&bed.platform.cloud, &bed.platform.environment);
    let before = bed.changes();
    cloud.points(environment, &PointQuery::default(), "U0ALICE", &mut |_| {}).await.expect("points");
    cloud.measurements(environment, "U0ALICE").await.expect("measurements");
    assert!(cloud.keys(environment, "U0ALICE").await.iter().all(|key| key.rotation.is_ok()));
    cloud.readiness(environment, &Active::primary(), "U0ALICE").await.expect("both sides");
    let asks = [
        Survey { point: Some("5f0c2a6e-7e1d-4d55-9a11-000000000000".into()), ..Survey::default() },
        Survey {
            parameters_prefix: environment.parameters_prefix.clone(),
            secrets: vec!["bbws/prod/db".into()],
            buckets: environment.buckets.iter().map(|bucket| bucket.name.clone()).collect(),
            file_systems: environment.file_systems.iter().map(|files| files.id.clone()).collect(),
            access_points: true,
            dump_key: true,
            newest: true,
            schedule: true,
            isolated: true,
            ..Survey::default()
        },
    ];
    for ask in asks {
        cloud.survey(environment, &ask, "U0ALICE").await.expect("a world");
    }
    assert_eq!(bed.changes(), before, "nothing was changed");
}

/// A schedule: a plan made and changed, automated backups.
async fn planned(bed: &Bed) {
    run(bed, bed.platform.call(plans::put(plans::spec()))).await;
    let mut other = plans::spec();
    other.rules[0].delete_after_days = 14;
    other.resources.pop();
    run(bed, bed.platform.call(plans::put(other))).await;
    let plans = bed.backup(|backup, _| backup.plans.values().map(|plan| plan.selections.len()).collect::<Vec<_>>());
    assert_eq!(plans, [1]);
    bed.platform.cloud.start(&bed.platform.call(ends::automated(14))).await.expect("a change");
    let bucket = bed.platform.environment.secrets_bucket.clone().expect("it has one");
    let versions = step::EnableVersioning { region: HOME.into(), bucket: bucket.clone() };
    bed.platform.cloud.start(&bed.platform.call(versions.into())).await.expect("versions are kept");
    let (id, prefix) = (RuleSpec::named("old/"), "old/".into());
    let rule = RuleSpec {
        id,
        prefix,
        retention_days: None,
        transitions: Vec::new(),
        expires: Some(3000),
        noncurrent_expires: None,
    };
    let put = step::PutLifecycle { region: HOME.into(), bucket: bucket.clone(), rules: vec![rule] };
    run(bed, bed.platform.call(put.into())).await;
    let (id, role) = ("bbws-to-dr".into(), format!("arn:aws:iam::{ACCOUNT}:role/bbws-replication"));
    let replica = bed.platform.environment.dr_secrets_bucket.clone().expect("it has one");
    let there = step::EnableVersioning { region: DR.into(), bucket: replica.clone() };
    bed.platform.cloud.start(&bed.platform.call(there.into())).await.expect("versions are kept there, too");
    let rule = step::ReplicationSpec { id, replica, kms_key: None, delete_markers: false };
    run(bed, bed.platform.call(step::PutReplication { region: HOME.into(), bucket, role, rule }.into())).await;
}

/// Holds, tags, and deletions.
async fn ended(bed: &Bed) {
    let platform = &bed.platform;
    let id = run(bed, platform.call(ends::hold())).await["legal_hold"].clone();
    run(bed, platform.call(ends::release(&id))).await;
    let (outputs, _) = done(poll(&platform.cloud, &platform.call(snapshots::snapshot())).await);
    for value in [Some("CHG-1"), None] {
        run(bed, platform.call(ends::tag(&outputs["snapshot_arn"], value))).await;
    }
    run(bed, platform.call(ends::delete_snapshot())).await;
    run(bed, platform.call(ends::delete_point())).await;
}

/// Configuration, records, dumps, test restores, and what is read back of them.
async fn explored(bed: &Bed, server: &dumps::Server, name: &str, key: &str) {
    let (platform, cloud) = (&bed.platform, &bed.platform.cloud);
    run(bed, platform.call(configuration::export(platform, "/bbws/prod/"))).await;
    let own = |token: &str, action| Call { token: token.into(), ..platform.call(action) };
    run(bed, own("record", records::record(platform))).await;
    records::left_behind().await;
    run(bed, own("dump", dumps::dump(platform, server.engine, &[name], key))).await;
    done(settled(cloud, &own("dumped", dumps::verify(platform, server.engine, 30))).await);
    done(settled(cloud, &own("secrets", secrets_check::verify(platform))).await);
    poll(cloud, &platform.call(buckets_data::bucket(false))).await.expect_err("there is no such bucket");
    run(bed, platform.call(restores::restore())).await;
    run(bed, platform.call(restores::to_latest())).await;
    run(bed, platform.call(restores::empty())).await;
    done(settled(cloud, &own("database", restores::verify(None))).await);
    run(bed, platform.call(restores::delete(restores::INSTANCE, "bk-1042"))).await;
    let subnet = files::subnet(platform).await;
    let [restore, rest @ ..] = files::whole_test(&subnet);
    let made = run(bed, platform.call(restore)).await["restored_file_system"].clone();
    // It does not bear the creation token, so that it is found by its job.
    bed.place(|place, _| place.efs.file_systems.get_mut(&made).expect("it is there").token = "another token".into());
    for action in rest {
        run(bed, platform.call(action)).await;
    }
    poll(cloud, &platform.call(files::verify())).await.expect("an answer");
}

/// Calls, as the engine does: probe, start, watch; what it gives is handed on.
async fn run(bed: &Bed, call: Call) -> Outputs {
    bed.platform.cloud.probe(&call).await.expect("a probe");
    done(carried_out(bed, &call).await).0
}

#[tokio::test]
async fn policies_grant_exactly_what_a_whole_backup_calls() {
    let bed = Bed::of(whole());
    let platform = &bed.platform;
    bed.point(HOME, ends::POINT, FS, ends::MADE);
    let server = dumps::Server::of(bbws::domain::environment::Engine::Mariadb);
    let name = server.database("policies").await;
    server.secret(platform).await;
    let key = platform.key(HOME, None).await;
    let recording = watch::start();

    let ask = identity::everything(platform, FILES);
    platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world");
    let past = Survey { windows: vec!["bbws-prod-mysql".into()], ..Survey::default() };
    platform.cloud.survey(&platform.environment, &past, "U0ALICE").await.expect("what a database can be restored to");
    platform.cloud.check(&platform.environment).await;
    run(&bed, platform.call(snapshots::snapshot())).await;
    run(&bed, platform.call(snapshots::copy(platform))).await;
    for region in [HOME, DR] {
        done(poll(&platform.cloud, &platform.call(snapshots::verify(region, 30))).await);
    }
    let job = platform.call(backup::job());
    let point = run(&bed, job.clone()).await["recovery_point"].clone();
    platform.cloud.probe(&job).await.expect("it is found by its tags");
    let copied = run(&bed, backup::follows(&point, platform.call(backup::copy()))).await["recovery_point"].clone();
    done(poll(&platform.cloud, &backup::follows(&copied, platform.call(backup::verify(DR)))).await);
    let exported = run(&bed, platform.call(exports::export(platform))).await;
    let after = |action| Call { inputs: exported.clone(), ..platform.call(action) };
    done(poll(&platform.cloud, &after(exports::verify(platform, 30))).await);
    poll(&platform.cloud, &after(exports::replica(platform))).await.expect("an answer");
    watched(&bed).await;
    planned(&bed).await;
    explored(&bed, &server, &name, &key).await;
    ended(&bed).await;
    brought_back::everything().await;
    failover::everything().await;
    failback::everything().await;
    platform
        .cloud
        .publish(&platform.environment, Topic::BackupStatus, "bk-1042 succeeded", "{}")
        .await
        .expect("published");
    let good = Datum { metric: "BackupSuccess".into(), resource: FS.into(), good: true };
    platform.cloud.measure(&platform.environment, "bbws", Moment(1_795_230_000_000), &[good]).await.expect("put");
    server.drop(&name).await;

    let made = recording.stop().calls;
    let known: BTreeSet<String> = CALLS.iter().map(|(call, _)| (*call).to_owned()).collect();
    assert_eq!(made, known, "the calls of a whole backup are those in the table");
    let needed: BTreeSet<String> =
        CALLS.iter().flat_map(|(_, actions)| actions.iter().map(|a| (*a).to_owned())).collect();
    assert_eq!(granted(), needed, "the policies grant what the table needs");
    assert!(!granted().iter().any(|action| action.contains("VaultLock")), "a lock is for people to set");
}

/// The actions that the adapters name in their errors, read from their source: also those on paths no test takes.
fn named_in_source() -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    named_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapters/aws"), &mut named);
    named
}

fn named_in(folder: &Path, named: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the adapters") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            named_in(&path, named);
            continue;
        }
        let text = fs::read_to_string(path).expect("source");
        for after in text.split("reads(").chain(text.split("changes(")).chain(text.split("action: ")).skip(1) {
            let Some(literal) = after.trim_start().strip_prefix('"') else { continue };
            let action = literal.split('"').next().expect("a first part");
            named.extend(action.contains(':').then(|| action.to_owned()));
        }
    }
}

#[test]
fn no_action_is_named_that_is_not_granted() {
    let granted = granted();
    let named = named_in_source();
    assert!(named.len() > 20, "the search finds them: {named:?}");
    let missing: Vec<&String> =
        named.iter().filter(|a| !granted.contains(*a) && *a != "sts:GetCallerIdentity").collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What is restored with `--region dr` is made, tagged, encrypted and deleted there.
#[test]
fn instances_may_be_restored_and_deleted_in_both_regions() {
    let of_restores = statements().into_iter().filter(|(name, _)| ["restore", "restore-test"].contains(&name.as_str()));
    let statements: Vec<Value> = of_restores.map(|(_, statement)| statement).collect();
    let actions = [
        ("rds:RestoreDBInstanceFromDBSnapshot", "db:*-restored-*"),
        ("rds:RestoreDBInstanceToPointInTime", "db:*-restored-*"),
        ("rds:CreateDBInstance", "db:*-restored-*"),
        ("rds:AddTagsToResource", "db:*-restored-*"),
        ("rds:DeleteDBInstance", "db:*-restored-*"),
        ("kms:CreateGrant", "Key}"),
    ];
    for (action, resource) in actions {
        let allows = |s: &&Value| s["Effect"] == "Allow" && list(&s["Action"]).iter().any(|a| a == action);
        let resources = statements.iter().filter(allows).flat_map(|s| list(&s["Resource"]));
        let resources: Vec<String> = resources.filter(|found| found.ends_with(resource)).collect();
        for region in ["Primary", "Dr"] {
            assert!(
                resources.iter().any(|r| r.contains(&format!("${{{region}"))),
                "{action} in {region}: {resources:?}"
            );
        }
    }
}

fn policies() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/iam");
    let mut found: Vec<(String, Value)> = fs::read_dir(folder)
        .expect("the folder of policies")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a policy");
            (
                path.file_stem().expect("a name").to_string_lossy().into_owned(),
                serde_json::from_str(&text).expect("a policy is JSON"),
            )
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn statements() -> Vec<(String, Value)> {
    let identity = policies().into_iter().filter(|(name, _)| name != "trust");
    identity
        .flat_map(|(name, policy)| {
            policy["Statement"].as_array().expect("statements").clone().into_iter().map(move |s| (name.clone(), s))
        })
        .collect()
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(|v| v.as_str().expect("text").to_owned()).collect()
}

fn granted() -> BTreeSet<String> {
    statements()
        .iter()
        .filter(|(_, s)| s["Effect"] == "Allow")
        .flat_map(|(_, statement)| list(&statement["Action"]))
        .collect()
}

#[test]
fn policies_are_as_narrow_as_aws_lets_them_be() {
    let names: Vec<String> = policies().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "backup",
            "delete",
            "dr",
            "hold",
            "notifications",
            "process",
            "reader",
            "restore",
            "restore-data",
            "restore-test",
            "schedule",
            "trust"
        ]
    );
    for (name, statement) in statements() {
        if statement["Effect"] == "Deny" {
            let platforms = list(&statement["Resource"])[0].ends_with(":file-system/${FileSystem}");
            let live = statement["Condition"]["Null"]["aws:ResourceTag/bbws:live"] == "false";
            assert!(platforms || live, "{name}");
            continue;
        }
        let actions = list(&statement["Action"]);
        assert!(actions.iter().all(|a| !a.contains('*')), "{name}: {actions:?}");
        let everywhere = list(&statement["Resource"]).contains(&"*".to_owned());
        let reads = |a: &String| ["Describe", "List"].iter().any(|verb| a.contains(&format!(":{verb}")));
        // These take no resource, or one that only exists once it was asked for.
        let bare = [
            "secretsmanager:BatchGetSecretValue",
            "backup:CreateLegalHold",
            "backup:GetRestoreJobMetadata",
            "cloudwatch:GetMetricData",
            "cloudwatch:PutMetricData",
        ];
        assert!(!everywhere || actions.iter().all(|a| reads(a) || bare.contains(&a.as_str())), "{name}: {statement}");
        if actions.contains(&"iam:PassRole".to_owned()) {
            assert_eq!(actions.len(), 1);
            let role = list(&statement["Resource"]);
            let service = if role == ["${ReplicationRole}"] { "s3.amazonaws.com" } else { "backup.amazonaws.com" };
            assert!(role == ["${BackupRole}"] || role == ["${ReplicationRole}"], "{name}: {role:?}");
            assert_eq!(statement["Condition"]["StringEquals"]["iam:PassedToService"], service);
        }
        if actions.contains(&"rds:DeleteDBInstance".to_owned()) {
            assert_eq!(actions.len(), 1);
            assert!(list(&statement["Resource"]).iter().all(|r| r.ends_with(":db:*-restored-*")), "{name}");
            assert_eq!(statement["Condition"]["Null"]["aws:ResourceTag/bbws:operation"], "false");
        }
        if actions.contains(&"s3:DeleteObjectVersion".to_owned()) {
            assert_eq!((name.as_str(), actions.len()), ("restore-data", 1));
            assert_eq!(list(&statement["Resource"]), ["arn:aws:s3:::${DataBucket}/*"], "never of archives or replicas");
        }
        if actions.contains(&"route53:ChangeResourceRecordSets".to_owned()) {
            let only = &statement["Condition"]["ForAllValues:StringEquals"];
            assert_eq!(
                only["route53:ChangeResourceRecordSetsActions"],
                value!(["UPSERT"]),
                "{name}: nothing is removed"
            );
            assert!(only["route53:ChangeResourceRecordSetsNormalizedRecordNames"].is_array(), "{name}");
        }
        if actions.contains(&"elasticfilesystem:DeleteFileSystem".to_owned()) {
            assert_eq!(statement["Condition"]["StringLike"]["aws:ResourceTag/Name"], "fs-*-restored-*");
        }
        if actions.contains(&"elasticfilesystem:TagResource".to_owned()) {
            assert_eq!(statement["Condition"]["StringLike"]["aws:RequestTag/Name"], "fs-*-restored-*");
            assert_eq!(statement["Condition"]["StringLikeIfExists"]["aws:ResourceTag/Name"], "fs-*-restored-*");
        }
        if actions.contains(&"ec2:DeleteNetworkInterface".to_owned()) {
            assert_eq!(actions.len(), 1);
            assert!(statement["Condition"]["ArnEquals"]["ec2:Subnet"].is_array(), "{name}");
        }
        if actions.contains(&"kms:CreateGrant".to_owned()) {
            assert_eq!(statement["Condition"]["Bool"]["kms:GrantIsForAWSResource"], "true");
        }
        for action in actions
            .iter()
            .filter(|a| a.starts_with("kms:") && !["kms:DescribeKey", "kms:GetKeyRotationStatus"].contains(&a.as_str()))
        {
            let condition = statement["Condition"].to_string();
            let narrow = [
                "kms:ViaService",
                "kms:EncryptionContext:bbws:environment",
                // What SSM says for each parameter.
                "kms:EncryptionContext:PARAMETER_ARN",
            ];
            assert!(
                narrow.iter().any(|key| condition.contains(key)),
                "{name}: {action} only through the service that needs it, or for what this product encrypts itself"
            );
        }
    }
}

#[test]
fn the_role_trusts_one_process_that_names_the_person_behind_it() {
    let trust = policies().into_iter().find(|(name, _)| name == "trust").expect("a trust policy").1;
    let statements = trust["Statement"].as_array().expect("statements");
    assert_eq!(statements.len(), 1);
    assert_eq!(list(&statements[0]["Action"]), ["sts:AssumeRole", "sts:SetSourceIdentity"]);
    assert_eq!(statements[0]["Principal"]["AWS"], "${ProcessRole}");
    assert_eq!(statements[0]["Condition"]["StringLike"]["sts:SourceIdentity"], value!(["U*", "W*", "bbws"]));
}
