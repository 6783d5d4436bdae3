//! Versions, lifecycle and replication rules of buckets: put as wanted, with what others put left as it was.

use bbws::{
    adapters::{
        aws::reads::buckets,
        sandbox::aws::{Fault, Target},
    },
    domain::{
        step::{self, Action, ReplicationSpec, RuleSpec},
        world::Survey,
    },
    ports::cloud::{Cloud as _, CloudError, Probe},
};

use super::{
    backups::done,
    bed::{Bed, HOME},
};

const BUCKET: &str = "bbws-prod-media";
/// A rule of somebody else's, with a filter that this product never writes.
const THEIRS: &str = "<Rule><ID>logs</ID><Filter><And><Prefix>logs/</Prefix><Tag><Key>kind</Key><Value>log</Value></Tag></And></Filter>\
    <Status>Enabled</Status><Expiration><Days>14</Days></Expiration></Rule>";

fn rule(id: &str, prefix: &str, expires: u32) -> RuleSpec {
    RuleSpec {
        id: id.into(),
        prefix: prefix.into(),
        retention_days: None,
        transitions: vec![("STANDARD_IA".into(), 30), ("GLACIER".into(), 90), ("DEEP_ARCHIVE".into(), 365)],
        expires: Some(expires),
        noncurrent_expires: Some(90),
    }
}

fn put(rules: Vec<RuleSpec>) -> Action {
    Action::PutLifecycle(step::PutLifecycle { region: HOME.into(), bucket: BUCKET.into(), rules })
}

fn versions() -> Action {
    Action::EnableVersioning(step::EnableVersioning { region: HOME.into(), bucket: BUCKET.into() })
}

/// The bucket as the plan shows it: whether versions are kept, and its rules in words.
async fn shown(bed: &Bed) -> (bool, Vec<String>) {
    let session = bed.session(HOME).await;
    let mut found = buckets::describe(&session, &bed.environment, &[BUCKET.to_owned()]).await.unwrap();
    let found = found.remove(0);
    (found.versioned, found.rules.into_iter().map(|rule| rule.words).collect())
}

#[tokio::test]
async fn rules_are_put_replaced_and_taken_away_and_those_of_others_stay_word_for_word() {
    let bed = Bed::new();
    bed.aws.change(|world, _| {
        let lifecycle = world.s3.buckets.get_mut(BUCKET).unwrap().lifecycle.as_mut().unwrap();
        *lifecycle = lifecycle.replace("</LifecycleConfiguration>", &format!("{THEIRS}</LifecycleConfiguration>"));
    });
    let first = bed.call(0, put(vec![rule("uploads", "", 2555), rule("bbws-tmp", "tmp/", 400)]));
    assert_eq!(bed.cloud.probe(&first).await, Ok(Probe::Absent));
    bed.cloud.start(&first).await.unwrap();
    assert_eq!(done(&bed, &first).await.1, "3 rules, 2 of them bbws's");
    let effects = bed.aws.effects();
    assert!(bed.cloud.start(&first).await.unwrap().finished);
    assert!(matches!(bed.cloud.probe(&first).await, Ok(Probe::Present(_))));
    assert_eq!(bed.aws.effects(), effects, "what says so already is left alone");
    assert_eq!(
        shown(&bed).await.1,
        [
            "rule logs (under logs/): expires after 14 days",
            "rule uploads: STANDARD_IA after 30 days, GLACIER after 90 days, DEEP_ARCHIVE after 365 days, expires after 2555 days, noncurrent versions expire after 90 days",
            "rule bbws-tmp (under tmp/): STANDARD_IA after 30 days, GLACIER after 90 days, DEEP_ARCHIVE after 365 days, expires after 400 days, noncurrent versions expire after 90 days"
        ]
    );
    // A rule that the config has no more goes when it bears a name of ours, and no other does.
    let tagged = RuleSpec {
        retention_days: Some(90),
        transitions: vec![],
        noncurrent_expires: None,
        ..rule("bbws-prod-90d", "prod/", 91)
    };
    let second = bed.call(1, put(vec![rule("uploads", "", 3000), tagged]));
    bed.cloud.start(&second).await.unwrap();
    done(&bed, &second).await;
    let rules = shown(&bed).await.1;
    assert_eq!(rules.len(), 3, "{rules:?}");
    assert_eq!(rules[2], "rule bbws-prod-90d (under prod/, with tag bbws:retention-days=90): expires after 91 days");
    assert!(rules[0].starts_with("rule logs (under logs/): expires after 14 days"), "{rules:?}");
    assert!(rules[1].contains("expires after 3000 days"), "{rules:?}");
    let kept = bed.aws.look(|world, _| world.s3.buckets[BUCKET].lifecycle.clone().unwrap());
    assert!(kept.contains("<Key>kind</Key>") && kept.contains("<Value>log</Value>"), "{kept}");
    assert_eq!(bed.aws.twice(), []);
}

#[tokio::test]
async fn versions_are_switched_on_once_and_an_answer_that_is_lost_is_looked_for() {
    let bed = Bed::new();
    assert!(bed.aws.suspend_versions(BUCKET));
    let call = bed.call(0, versions());
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
    bed.aws.inject(Fault::LostReply, Target::next().of("PutBucketVersioning"));
    bed.cloud.start(&call).await.unwrap_err();
    assert!(matches!(bed.cloud.probe(&call).await, Ok(Probe::Present(_))));
    assert_eq!(done(&bed, &call).await.1, "versions are kept");
    assert!(shown(&bed).await.0);
    assert_eq!(bed.aws.twice(), []);
}

const REPLICA: &str = "bbws-prod-media-dr";
const ROLE: &str = "arn:aws:iam::093646564004:role/bbws-replication";
/// A rule of somebody else's, to a bucket of its own, with a class that this product never writes.
const ELSEWHERE: &str = "<Rule><ID>logs</ID><Priority>7</Priority><Status>Enabled</Status><Filter><Prefix>logs/</Prefix></Filter>\
    <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>\
    <Destination><Bucket>arn:aws:s3:::bbws-prod-backups-dr</Bucket><StorageClass>GLACIER</StorageClass></Destination></Rule>";

fn replication(bed: &Bed, id: &str, role: &str, delete_markers: bool) -> Action {
    let key = bed.aws.look(|world, _| world.s3.buckets[REPLICA].key.clone());
    let rule = ReplicationSpec { id: id.into(), replica: REPLICA.into(), kms_key: key, delete_markers };
    Action::PutReplication(step::PutReplication { region: HOME.into(), bucket: BUCKET.into(), role: role.into(), rule })
}

/// How the bucket is replicated, as a plan sees it.
async fn replicated(bed: &Bed) -> bbws::domain::world::ReplicationFound {
    let ask = Survey { replications: vec![(BUCKET.into(), REPLICA.into())], ..Survey::default() };
    bed.cloud.survey(&bed.environment, &ask, "U0ALICE").await.unwrap().replications.remove(0)
}

fn beside(bed: &Bed, rule: &str) {
    bed.aws.change(|world, _| {
        let rules = world.s3.buckets.get_mut(BUCKET).unwrap().replication.as_mut().unwrap();
        *rules = rules.replace("</ReplicationConfiguration>", &format!("{rule}</ReplicationConfiguration>"));
    });
}

#[tokio::test]
async fn a_bucket_is_replicated_as_wanted_and_rules_of_others_stay() {
    let bed = Bed::new();
    beside(&bed, ELSEWHERE);
    let call = bed.call(0, replication(&bed, "everything-to-dr", ROLE, true));
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent), "it leaves delete markers out as yet");
    bed.aws.inject(Fault::LostReply, Target::next().of("PutBucketReplication"));
    bed.cloud.start(&call).await.unwrap_err();
    assert!(matches!(bed.cloud.probe(&call).await, Ok(Probe::Present(_))), "what was lost is found");
    let effects = bed.aws.effects();
    assert!(bed.cloud.start(&call).await.unwrap().finished);
    assert_eq!(bed.aws.effects(), effects, "what says so already is left alone");
    done(&bed, &call).await;
    let found = replicated(&bed).await;
    assert_eq!((found.versioned, found.replica_versioned, found.role.as_deref()), (true, Some(true), Some(ROLE)));
    let words: Vec<&str> = found.rules.iter().map(|rule| rule.words.as_str()).collect();
    assert_eq!(words[0], "rule logs: what begins with `logs/` to bbws-prod-backups-dr, without delete markers");
    assert!(words[1].starts_with("rule everything-to-dr: everything to bbws-prod-media-dr, what is under KMS too"));
    assert!(words[1].ends_with(", with delete markers"), "{words:?}");
    assert_eq!(found.rules.iter().map(|rule| rule.plain).collect::<Vec<_>>(), [false, true]);
    let kept = bed.aws.look(|world, _| world.s3.buckets[BUCKET].replication.clone().unwrap());
    assert!(kept.contains("<StorageClass>GLACIER</StorageClass>") && kept.contains("<Priority>8</Priority>"), "{kept}");
    assert_eq!(bed.aws.twice(), []);
    // What is deleted from now on is deleted there as well.
    let key = bed.aws.look(|world, _| world.s3.buckets[BUCKET].objects.keys().next().unwrap().clone());
    let session = bed.session(HOME).await;
    session.s3().delete_object().bucket(BUCKET).key(&key).send().await.unwrap();
    assert!(bed.aws.look(|world, _| world.s3.buckets[REPLICA].objects[&key][0].deleted));
}

#[tokio::test]
async fn another_role_is_not_put_over_that_of_other_rules() {
    let bed = Bed::new();
    let other = "arn:aws:iam::093646564004:role/other";
    bed.cloud.start(&bed.call(0, replication(&bed, "everything-to-dr", other, true))).await.unwrap();
    assert_eq!(replicated(&bed).await.role.as_deref(), Some(other), "where there is no other rule it is");
    beside(&bed, ELSEWHERE);
    match bed.cloud.start(&bed.call(1, replication(&bed, "everything-to-dr", ROLE, true))).await {
        Err(CloudError::Permanent { reason }) => assert!(reason.contains("1 rule of others"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(replicated(&bed).await.role.as_deref(), Some(other));
}
