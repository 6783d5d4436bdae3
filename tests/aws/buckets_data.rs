//! Buckets of the platform's data: versioning, replication and lifecycle, on answers as S3 writes them.

use bbws::{
    domain::step::{self, Action, Outputs},
    ports::cloud::{CloudError, Progress},
};

use crate::aws::{
    fake::{Answer, Fake, Seen, headers},
    s3_fake::{ago, xml},
    support::{DR, HOME, Platform, done, environment, permanent, poll, refuted},
};

const ENABLED: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

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

fn http_date(seconds: u64) -> String {
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
    aws_smithy_types::DateTime::from(then)
        .fmt(aws_smithy_types::date_time::Format::HttpDate)
        .expect("it can be written")
}

struct Bucket {
    versioning: &'static str,
    rules: String,
    objects: Vec<Shown>,
}

impl Bucket {
    fn of(objects: &[Shown]) -> Bucket {
        Bucket { versioning: ENABLED, rules: rule("<Filter></Filter>"), objects: objects.to_vec() }
    }

    fn answer(&self, seen: &Seen) -> Answer {
        if seen.query.contains("versioning") {
            return xml(200, self.versioning.into());
        }
        if seen.query.contains("replication") {
            return match self.rules.as_str() {
                "" => xml(
                    404,
                    "<Error><Code>ReplicationConfigurationNotFoundError</Code><Message>none</Message></Error>".into(),
                ),
                rules => xml(200, rules.into()),
            };
        }
        if seen.query.contains("list-type=2") {
            let one = |o: &Shown| {
                format!(
                    "<Contents><Key>{}</Key><LastModified>{}</LastModified><Size>7</Size></Contents>",
                    o.key,
                    ago(o.seconds)
                )
            };
            let all: String = self.objects.iter().map(one).collect();
            return xml(200, format!("<ListBucketResult>{all}<IsTruncated>false</IsTruncated></ListBucketResult>"));
        }
        self.head(seen)
    }

    fn head(&self, seen: &Seen) -> Answer {
        let key = seen.path.rsplit('/').next().expect("a key");
        let object = self.objects.iter().find(|o| o.key == key).expect("only what is listed is looked at");
        let (version, status) = if seen.path.starts_with("/media-dr/") {
            let Some((version, status)) = object.copy else { return headers(404, &[]) };
            (version, status)
        } else {
            ("1", object.source)
        };
        let modified = http_date(object.seconds);
        let mut known = vec![
            ("content-length", "7"),
            ("etag", "\"e\""),
            ("x-amz-version-id", version),
            ("last-modified", &modified),
        ];
        known.extend(status.map(|s| ("x-amz-replication-status", s)));
        headers(200, &known)
    }
}

async fn look(bucket: Bucket, action: Action) -> Result<Progress, CloudError> {
    let fake = Fake::start(move |seen: &Seen| bucket.answer(seen)).await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    poll(&platform.cloud, &platform.call(action)).await
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
    let with = |rules: String| Bucket { rules, ..Bucket::of(&[GOOD]) };
    for good in ["", "<Prefix></Prefix>", "<Filter><Prefix></Prefix></Filter>"] {
        done(look(with(rule(good)), bucket(true)).await);
    }
    for bad in [
        String::new(),
        rule("<Filter><Prefix>a/</Prefix></Filter>"),
        rule("<Prefix>a/</Prefix>"),
        rule("<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>"),
        rule("<Filter><And><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>"),
        rule("").replace("Enabled", "Disabled"),
        rule("").replace("media-dr", "elsewhere"),
    ] {
        let reason = refuted(look(with(bad), bucket(true)).await).0;
        assert!(
            reason.contains("no enabled replication rule covers the whole bucket and goes to media-dr"),
            "{reason}"
        );
    }
    for versioning in [
        "<VersioningConfiguration></VersioningConfiguration>",
        "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
    ] {
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

async fn rules(status: u16, body: &str, prefix: &str) -> Result<Progress, CloudError> {
    let body = body.to_owned();
    let fake = Fake::start(move |_: &Seen| xml(status, body.clone())).await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    poll(&platform.cloud, &platform.call(lifecycle(prefix))).await
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
    <NoncurrentVersionExpiration><NoncurrentDays>14</NoncurrentDays></NoncurrentVersionExpiration></Rule>";

#[tokio::test]
async fn lifecycle_rules_are_told_in_words() {
    let (outputs, detail) = done(rules(200, &configuration(&format!("{TIERS}{NONCURRENT}")), "prod/").await);
    assert_eq!(
        detail,
        "rule tiers (under prod/): STANDARD_IA after 30 days, GLACIER after 90 days, DEEP_ARCHIVE after 365 days, expires after 2555 days; \
         rule old: noncurrent versions to GLACIER after 7 days, noncurrent versions expire after 14 days"
    );
    assert_eq!(outputs["rules"], "2");
    let none = "<Error><Code>NoSuchLifecycleConfiguration</Code><Message>none</Message></Error>";
    for (status, body) in [(404, none.to_owned()), (200, configuration(&TIERS.replace("Enabled", "Disabled")))] {
        assert_eq!(
            done(rules(status, &body, "").await).1,
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
        let reason = refuted(rules(200, &expires(filter, days), prefix).await).0;
        assert!(reason.contains("but rule purge expires it after 29 days. Change or disable that rule."), "{reason}");
    }
    let reason = refuted(rules(200, &expires(prod, days), "prod/dump/").await).0;
    assert!(
        reason.starts_with("Bucket media in af-south-1 has to keep what is under prod/dump/ for 30 days"),
        "{reason}"
    );
    let date = "<Date>2026-12-01T00:00:00Z</Date>";
    assert!(refuted(rules(200, &expires(prod, date), "").await).0.contains("expires everything from 2026-12-01"));
    done(rules(200, &expires(prod, "<Days>30</Days>"), "prod/").await);
    done(rules(200, &expires(prod, days), "sit/").await);
    done(rules(200, &expires(prod, "<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"), "prod/").await);
}

#[tokio::test]
async fn what_may_not_be_read_is_an_error_and_no_verdict() {
    let denied = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    assert!(permanent(rules(403, denied, "").await).contains("may not do s3:GetLifecycleConfiguration"));
    let fake = Fake::start(move |_: &Seen| xml(403, denied.into())).await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    let reason = permanent(poll(&platform.cloud, &platform.call(bucket(true))).await);
    assert!(reason.contains("may not do s3:GetBucketVersioning"), "{reason}");
}
