//! Versions and lifecycle rules of buckets: put as wanted, with what others put left word for word.

use bbws::{
    adapters::{
        aws::reads::buckets,
        sandbox::aws::{Fault, Target},
    },
    domain::step::{self, Action, RuleSpec},
    ports::cloud::{Cloud as _, Probe},
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
    let second = bed.call(1, put(vec![rule("uploads", "", 3000)]));
    bed.cloud.start(&second).await.unwrap();
    done(&bed, &second).await;
    let rules = shown(&bed).await.1;
    assert_eq!(rules.len(), 2, "{rules:?}");
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
