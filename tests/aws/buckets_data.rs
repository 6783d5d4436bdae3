//! Buckets of the platform's data: versioning, replication and lifecycle.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{
        api::Refusal,
        time::Timeline,
        world::s3::{Replication, Version},
    },
    domain::{
        environment::{Bucket as Declared, Environment},
        step::{self, Action, Outputs},
    },
    ports::{
        clock::Clock as _,
        cloud::{CloudError, Progress},
    },
};

use crate::aws::{
    bed::{Bed, environment},
    support::{DR, HOME, done, permanent, poll, refuted},
};

pub fn bucket(replica: bool) -> Action {
    let replica = replica.then(|| (DR.to_owned(), "media-dr".to_owned()));
    Action::VerifyBucket(step::VerifyBucket { region: HOME.into(), bucket: "media".into(), replica, sample: 4 })
}

fn rule(inner: &str) -> String {
    format!(
        "<ReplicationConfiguration><Role>r</Role><Rule><Status>Enabled</Status>{inner}<Destination><Bucket>arn:aws:s3:::media-dr</Bucket></Destination></Rule></ReplicationConfiguration>"
    )
}

/// An object as the listing and both buckets show it.
#[derive(Clone)]
struct Shown {
    key: &'static str,
    seconds: u64,
    /// Status at the source.
    source: Option<&'static str>,
    /// Version and status at the replica.
    copy: Option<(&'static str, Option<&'static str>)>,
}

const GOOD: Shown =
    Shown { key: "good", seconds: 86_400, source: Some("COMPLETED"), copy: Some(("1", Some("REPLICA"))) };

struct Bucket {
    versioning: Option<bool>,
    rules: Option<String>,
    objects: Vec<Shown>,
}

impl Bucket {
    fn of(objects: &[Shown]) -> Bucket {
        Bucket { versioning: Some(true), rules: Some(rule("<Filter></Filter>")), objects: objects.to_vec() }
    }
}

/// An AWS in which bucket `media` is declared.
fn on() -> Bed {
    let media = Declared { name: "media".into(), dr: Some("media-dr".into()) };
    Bed::of(Environment { buckets: vec![media], ..environment() })
}

/// A version whose replication is so far, or which is a replica.
fn version(template: &Version, bed: &Bed, shown: &Shown, id: &str, status: Option<&str>) -> Version {
    let made = bed.clock.now() - Duration::from_secs(shown.seconds);
    let course = match status {
        Some("PENDING") => Some(Timeline::new(made, made, Duration::from_secs(10_000 * 86_400), None)),
        Some("FAILED") => Some(Timeline::new(made, made, Duration::ZERO, Some("the role may not".into()))),
        Some("COMPLETED") => Some(Timeline::instant(made)),
        _ => None,
    };
    let replication = course.map(|course| Replication { bucket: "media-dr".into(), course });
    let (id, replica) = (id.to_owned(), status == Some("REPLICA"));
    Version { id, made, visible: made, replication, replica, ..template.clone() }
}

async fn look(shown: Bucket, action: Action) -> Result<Progress, CloudError> {
    let bed = on();
    let template = bed.bucket("media", |bucket| bucket.objects.values().next().expect("an object")[0].clone());
    let mut there = Vec::new();
    let mut here = Vec::new();
    for object in &shown.objects {
        here.push((object.key, version(&template, &bed, object, "1", object.source)));
        let copy = object.copy.map(|(id, status)| version(&template, &bed, object, id, status));
        there.extend(copy.map(|copy| (object.key, copy)));
    }
    for (name, versions) in [("media", here), ("media-dr", there)] {
        bed.bucket(name, |bucket| {
            bucket.objects.clear();
            versions.into_iter().for_each(|(key, version)| bucket.add(key, version));
        });
    }
    bed.bucket("media", |bucket| (bucket.versioning, bucket.replication) = (shown.versioning, shown.rules));
    poll(&bed.platform.cloud, &bed.platform.call(action)).await
}

fn number(outputs: &Outputs, key: &str) -> u32 {
    outputs[key].parse().expect("a number")
}

#[tokio::test]
async fn a_bucket_whose_newest_objects_arrived_holds() {
    let fresh = Shown { key: "fresh", seconds: 60, source: Some("PENDING"), copy: None };
    let young = Shown { key: "young", seconds: 60, source: Some("COMPLETED"), copy: None };
    let back = Shown { key: "back", source: Some("REPLICA"), copy: Some(("1", Some("COMPLETED"))), ..GOOD };
    let old = Shown { key: "old", seconds: 900_000, source: Some("FAILED"), copy: None };
    let (outputs, detail) = done(look(Bucket::of(&[GOOD, old, fresh, young, back]), bucket(true)).await);
    assert_eq!(
        detail,
        "versioning Enabled; replicated to media-dr in eu-west-1; 2 of 4 sampled objects are there, 2 younger than 15 minutes are on their way"
    );
    assert_eq!((number(&outputs, "sampled"), number(&outputs, "replicated"), number(&outputs, "waiting")), (4, 2, 2));
    let (_, detail) = done(look(Bucket::of(&[]), bucket(true)).await);
    assert!(detail.ends_with("; the bucket is empty"), "{detail}");
    let (_, detail) = done(look(Bucket::of(&[GOOD]), bucket(false)).await);
    assert_eq!(detail, "versioning Enabled; the environment does not replicate");
}

#[tokio::test]
async fn objects_that_did_not_arrive_are_named() {
    let bad = |key, source, copy| Shown { key, seconds: 3600, source, copy };
    for (object, why) in [
        (bad("a", Some("PENDING"), None), "a is PENDING for more than 15 minutes"),
        (bad("b", Some("FAILED"), Some(("1", Some("REPLICA")))), "b is FAILED"),
        (bad("c", None, None), "c was never replicated"),
        (bad("d", Some("COMPLETED"), None), "d is missing there although it counts as replicated"),
        (bad("e", Some("COMPLETED"), Some(("0", Some("REPLICA")))), "e is another version there"),
        (bad("f", Some("COMPLETED"), Some(("1", None))), "f was put there by something other than replication"),
    ] {
        let (reason, outputs) = refuted(look(Bucket::of(&[GOOD, object]), bucket(true)).await);
        assert_eq!(
            reason,
            format!(
                "Bucket media in af-south-1 does not hold: 1 of 2 sampled objects are not in media-dr: {why}. \
                 Check the replication role and the keys, then replicate them by S3 Batch Replication."
            )
        );
        assert_eq!((number(&outputs, "failed"), number(&outputs, "replicated")), (1, 1));
    }
}

#[tokio::test]
async fn rules_have_to_cover_the_whole_bucket() {
    let with = |rules: Option<String>| Bucket { rules, ..Bucket::of(&[GOOD]) };
    for good in ["", "<Prefix></Prefix>", "<Filter><Prefix></Prefix></Filter>"] {
        done(look(with(Some(rule(good))), bucket(true)).await);
    }
    for bad in [
        None,
        Some(rule("<Filter><Prefix>a/</Prefix></Filter>")),
        Some(rule("<Prefix>a/</Prefix>")),
        Some(rule("<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>")),
        Some(rule("<Filter><And><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>")),
        Some(rule("").replace("Enabled", "Disabled")),
        Some(rule("").replace("media-dr", "elsewhere")),
    ] {
        let reason = refuted(look(with(bad), bucket(true)).await).0;
        assert!(
            reason.contains("no enabled replication rule covers the whole bucket and goes to media-dr"),
            "{reason}"
        );
    }
    for versioning in [None, Some(false)] {
        let reason = refuted(look(Bucket { versioning, ..Bucket::of(&[]) }, bucket(true)).await).0;
        assert_eq!(reason, "Bucket media in af-south-1 does not hold: its versioning is not Enabled. Enable it.");
    }
}

pub fn lifecycle(prefix: &str) -> Action {
    Action::VerifyLifecycle(step::VerifyLifecycle {
        region: HOME.into(),
        bucket: "media".into(),
        prefix: prefix.into(),
        min_days: 30,
    })
}

/// What is told of a bucket with this configuration.
async fn rules(configuration: Option<&str>, prefix: &str) -> Result<Progress, CloudError> {
    let bed = on();
    bed.bucket("media", |bucket| bucket.lifecycle = configuration.map(str::to_owned));
    poll(&bed.platform.cloud, &bed.platform.call(lifecycle(prefix))).await
}

fn configuration(rules: &str) -> String {
    format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>")
}

const TIERS: &str = "<Rule><ID>tiers</ID><Status>Enabled</Status><Filter><Prefix>prod/</Prefix></Filter>\
    <Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>\
    <Transition><Days>90</Days><StorageClass>GLACIER</StorageClass></Transition>\
    <Transition><Days>365</Days><StorageClass>DEEP_ARCHIVE</StorageClass></Transition>\
    <Expiration><Days>2555</Days></Expiration></Rule>";
const NONCURRENT: &str = "<Rule><ID>old</ID><Status>Enabled</Status><Filter/>\
    <NoncurrentVersionTransition><NoncurrentDays>7</NoncurrentDays><StorageClass>GLACIER</StorageClass></NoncurrentVersionTransition>\
    <NoncurrentVersionExpiration><NoncurrentDays>30</NoncurrentDays></NoncurrentVersionExpiration></Rule>";

#[tokio::test]
async fn lifecycle_rules_are_told_in_words() {
    let (outputs, detail) = done(rules(Some(&configuration(&format!("{TIERS}{NONCURRENT}"))), "prod/").await);
    assert_eq!(
        detail,
        "rule tiers (under prod/): STANDARD_IA after 30 days, GLACIER after 90 days, DEEP_ARCHIVE after 365 days, expires after 2555 days; \
         rule old: noncurrent versions to GLACIER after 7 days, noncurrent versions expire after 30 days"
    );
    assert_eq!(outputs["rules"], "2");
    for configured in [None, Some(configuration(&TIERS.replace("Enabled", "Disabled")))] {
        assert_eq!(
            done(rules(configured.as_deref(), "").await).1,
            "no lifecycle rule is enabled: nothing expires and nothing moves to colder storage"
        );
    }
}

#[tokio::test]
async fn a_rule_that_deletes_too_early_refutes_where_it_overlaps() {
    let expires = |filter: &str, what: &str| {
        configuration(&format!(
            "<Rule><ID>purge</ID><Status>Enabled</Status>{filter}<Expiration>{what}</Expiration></Rule>"
        ))
    };
    let (days, prod) = ("<Days>29</Days>", "<Filter><Prefix>prod/</Prefix></Filter>");
    for (filter, prefix) in [
        (prod, "prod/dump/"),
        (prod, ""),
        ("<Filter><Prefix>prod/dump/tmp/</Prefix></Filter>", "prod/dump/"),
        ("<Prefix>prod/</Prefix>", "prod/dump/"),
        ("<Filter/>", "prod/"),
        ("<Filter><And><Prefix>prod/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>", "prod/"),
    ] {
        let reason = refuted(rules(Some(&expires(filter, days)), prefix).await).0;
        assert!(reason.contains("but rule purge expires it after 29 days. Change or disable that rule."), "{reason}");
    }
    let reason = refuted(rules(Some(&expires(prod, days)), "prod/dump/").await).0;
    assert!(
        reason.starts_with("Bucket media in af-south-1 has to keep what is under prod/dump/ for 30 days"),
        "{reason}"
    );
    // By the tag of archives: what is to be kept for a week may go after a week.
    let tagged = |days: u32| {
        let tag = format!("<Tag><Key>bbws:retention-days</Key><Value>{days}</Value></Tag>");
        expires(&format!("<Filter><And><Prefix>prod/</Prefix>{tag}</And></Filter>"), "<Days>7</Days>")
    };
    done(rules(Some(&tagged(7)), "prod/").await);
    assert!(refuted(rules(Some(&tagged(8)), "prod/").await).0.contains("rule purge expires it after 7 days"));
    let date = "<Date>2026-12-01T00:00:00Z</Date>";
    assert!(refuted(rules(Some(&expires(prod, date)), "").await).0.contains("expires everything from 2026-12-01"));
    let noncurrent = configuration(&NONCURRENT.replace("<NoncurrentDays>30<", "<NoncurrentDays>29<"));
    let reason = refuted(rules(Some(&noncurrent), "prod/").await).0;
    assert!(
        reason.ends_with(
            "but rule old deletes what was overwritten or deleted after 29 days. Change or disable that rule."
        ),
        "{reason}"
    );
    done(rules(Some(&expires(prod, "<Days>30</Days>")), "prod/").await);
    done(rules(Some(&expires(prod, days)), "sit/").await);
    done(rules(Some(&expires(prod, "<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>")), "prod/").await);
}

#[tokio::test]
async fn what_may_not_be_read_is_an_error_and_no_verdict() {
    let bed = on();
    bed.refuse_all("s3", Refusal::with_status(403, "AccessDenied", "no"));
    let reason = permanent(poll(&bed.platform.cloud, &bed.platform.call(lifecycle(""))).await);
    assert!(reason.contains("may not do s3:GetLifecycleConfiguration"), "{reason}");
    let reason = permanent(poll(&bed.platform.cloud, &bed.platform.call(bucket(true))).await);
    assert!(reason.contains("may not do s3:GetBucketVersioning"), "{reason}");
}
