//! Records of buckets: on moto, and on a fake where S3's pages, parts and lost answers matter.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use bbws::{
    domain::step::{self, Action},
    ports::cloud::{Call, Cloud as _, Probe, Progress},
};
use serde_json::{Value, json as value};

use crate::aws::{
    exports,
    fake::{Fake, Seen},
    s3_fake::{self, Shared, Store},
    support::{HOME, Platform, carried_out, done, environment, failed, permanent, poll, settled},
};

pub const KEY: &str = "prod/s3/20261121/bk-1042/media.jsonl.zst";

pub fn record(platform: &Platform) -> Action {
    Action::BucketRecord(step::BucketRecord {
        region: HOME.into(),
        source: source(platform),
        bucket: platform.environment.secrets_bucket.clone().expect("it has one"),
        key: KEY.into(),
    })
}

pub fn source(platform: &Platform) -> String {
    format!("m{}", platform.environment.account)
}

/// A versioned bucket with three objects that are current, of which one has an older version, and one that is deleted.
pub async fn media(platform: &Platform) {
    let name = source(platform);
    exports::bucket(platform, HOME, &Some(name.clone())).await;
    let session = platform.setup(HOME).await;
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let request = session.s3().put_bucket_versioning().bucket(&name).versioning_configuration(versioning);
    request.send().await.expect("versioned");
    for (key, body) in [("a b+c.jpg", "1"), ("b.jpg", "22"), ("b.jpg", "333"), ("c/ü.jpg", "4444"), ("gone.jpg", "5")]
    {
        let request = session.s3().put_object().bucket(&name).key(key);
        request.body(body.as_bytes().to_vec().into()).send().await.expect("an object");
    }
    session.s3().delete_object().bucket(&name).key("gone.jpg").send().await.expect("a delete marker");
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = zstd::decode_all(bytes).expect("zstd");
    String::from_utf8(text).expect("UTF-8").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn the_current_versions_of_a_bucket_are_recorded_once() {
    let platform = Platform::on_moto().await;
    media(&platform).await;
    exports::bucket(&platform, HOME, &platform.environment.secrets_bucket).await;
    let (cloud, call) = (&platform.cloud, platform.call(record(&platform)));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let (outputs, detail) = done(carried_out(cloud, &call).await);
    assert_eq!(detail, "3 objects, 8 bytes");
    assert_eq!((outputs["objects"].as_str(), outputs["bytes"].as_str()), ("3", "8"));

    let session = platform.setup(HOME).await;
    let bucket = platform.environment.secrets_bucket.as_deref().expect("it has one");
    let object = session.s3().get_object().bucket(bucket).key(KEY).send().await.expect("the record");
    assert_eq!(object.metadata().expect("metadata")["bbws-operation"], "bk-1042");
    assert_eq!(object.metadata().expect("metadata")["bbws-count"], "3");
    let found = lines(&object.body.collect().await.expect("a body").to_vec());
    let keys: Vec<&Value> = found.iter().map(|line| &line["key"]).collect();
    assert_eq!(keys, ["a b+c.jpg", "b.jpg", "c/ü.jpg"]);
    let sizes: Vec<&Value> = found.iter().map(|line| &line["size"]).collect();
    assert_eq!(sizes, [&value!(1), &value!(3), &value!(4)], "the newest version of each");
    let all = session.s3().list_object_versions().bucket(source(&platform)).send().await.expect("versions");
    for line in &found {
        let same = |v: &&aws_sdk_s3::types::ObjectVersion| v.version_id() == line["version"].as_str();
        let version = all.versions().iter().find(same).expect("it exists");
        assert_eq!(version.e_tag().map(|e| e.trim_matches('"')), line["etag"].as_str());
        assert!(line["modified"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }

    let verify = Action::VerifyObject(step::VerifyObject {
        region: HOME.into(),
        bucket: bucket.into(),
        key: KEY.into(),
        retention_days: 30,
    });
    done(poll(cloud, &Call { inputs: outputs.clone(), ..platform.call(verify) }).await);
    let started = cloud.start(&call).await.expect("it is adopted");
    assert!(started.finished);
    assert_eq!(started.outputs["sha256"], outputs["sha256"]);
    let stranger = Call { token: "bk-7-0".into(), ..platform.call_of("bk-7", record(&platform)) };
    assert_eq!(cloud.probe(&stranger).await, Ok(Probe::Absent));
    assert!(permanent(cloud.start(&stranger).await).contains("that this operation did not make"));
}

/// A platform on a bucket of so many objects, and what is in the other bucket.
async fn fakes(objects: usize, per: usize, key: fn(usize) -> String) -> (Fake, Platform, Shared) {
    let store: Shared = Arc::new(Mutex::new(Store::default()));
    let fake = Fake::start({
        let store = Arc::clone(&store);
        move |seen: &Seen| {
            if seen.path.starts_with("/m") && seen.query.contains("versions") {
                return s3_fake::versions(seen, objects, per, key);
            }
            store.lock().expect("no test panics while holding it").answer(seen)
        }
    })
    .await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    (fake, platform, store)
}

fn plain(number: usize) -> String {
    format!("media/{number:06} ü+=%25.jpg")
}

/// Keys that do not compress, as long as S3 allows.
fn random(number: usize) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    let digests = (0..22).flat_map(|part| sha2::Sha256::digest(format!("{number}-{part}")).to_vec());
    let noise = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digests.collect::<Vec<u8>>());
    format!("{number:08}-{noise}")
}

fn stored(store: &Shared) -> Vec<u8> {
    store.lock().expect("no test panics while holding it").object.clone().expect("it is stored").0
}

#[tokio::test]
async fn a_bucket_of_2500_objects_is_read_page_by_page() {
    let (fake, platform, store) = fakes(2500, 3, plain).await;
    let (outputs, detail) = done(carried_out(&platform.cloud, &platform.call(record(&platform))).await);
    assert_eq!(detail, "2250 objects, 22.0 KiB");
    assert_eq!(outputs["objects"], "2250", "every tenth is deleted");
    let found = lines(&stored(&store));
    assert_eq!(found.len(), 2250);
    assert_eq!(
        found[0],
        value!({ "key": plain(0), "version": "v0", "size": 10, "etag": "e0", "modified": "2026-11-20T01:02:03Z" })
    );
    assert_eq!(found[2249]["key"], plain(2498));
    let pages = fake.seen().iter().filter(|seen| seen.query.contains("versions")).count();
    assert_eq!(pages, 8, "7,500 versions in pages of 1,000");
    assert_eq!(fake.asked("PUT", "/b").len(), 1, "one PUT");
}

#[tokio::test]
async fn a_long_record_is_sent_in_parts_of_at_least_8_mib() {
    let (_fake, platform, store) = fakes(16_000, 1, random).await;
    let call = platform.call(record(&platform));
    // The object is complete, but the answer is lost.
    store.lock().expect("no test panics while holding it").lose = 1;
    let (outputs, _) = done(carried_out(&platform.cloud, &call).await);
    assert_eq!(outputs["objects"], "14400");
    let found = lines(&stored(&store));
    assert_eq!((found.len(), found[14_399]["key"].as_str()), (14_400, Some(random(15_998).as_str())));
    {
        let store = store.lock().expect("no test panics while holding it");
        let (last, parts) = store.sizes.split_last().expect("parts");
        assert!(!parts.is_empty() && parts.iter().all(|size| *size >= 8 << 20), "{:?} and {last}", parts);
        assert_eq!(outputs["sha256"], store.checksum, "what S3 says of it");
        assert_eq!(store.object.as_ref().expect("it is there").1["x-amz-meta-bbws-operation"], "bk-1042");
        assert!(store.uploads.is_empty());
    }
    assert_eq!(platform.cloud.probe(&call).await.map(|p| matches!(p, Probe::Present(_))), Ok(true));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_looked_for() {
    let (_fake, platform, store) = fakes(10, 1, plain).await;
    store.lock().expect("no test panics while holding it").lose = 1;
    let (outputs, _) = done(carried_out(&platform.cloud, &platform.call(record(&platform))).await);
    assert_eq!(outputs["sha256"], store.lock().expect("no test panics while holding it").checksum);
}

/// The call as it looks after it was begun so many seconds ago.
fn begun(platform: &Platform, seconds: u64) -> Call {
    let id = format!("s3://b/{KEY} since {}", s3_fake::ago(seconds));
    Call { external_id: Some(id), ..platform.call(record(platform)) }
}

fn upload(store: &Shared, age: u64) {
    let mut store = store.lock().expect("no test panics while holding it");
    store.age = age;
    store.uploads.insert("left".into(), [(1, vec![0; 8])].into());
}

/// A record that is begun anew where another process left one unfinished.
pub async fn left_behind() {
    let (_fake, platform, store) = fakes(10, 1, plain).await;
    upload(&store, 660);
    done(carried_out(&platform.cloud, &platform.call(record(&platform))).await);
    assert!(store.lock().expect("no test panics while holding it").uploads.is_empty(), "what was left is aborted");
}

#[tokio::test]
async fn another_process_is_seen_by_its_parts_and_missed_when_they_stop() {
    let (fake, platform, store) = fakes(10, 1, plain).await;
    let cloud = &platform.cloud;
    let gone = Progress::Gone {
        reason: format!(
            "The process that wrote object s3://{}/{KEY} ended before it was complete.",
            platform.environment.secrets_bucket.as_deref().expect("it has one")
        ),
    };
    let running =
        Progress::Running { percent: None, detail: "another process works on it, or did until a moment ago".into() };
    assert_eq!(poll(cloud, &begun(&platform, 30)).await, Ok(running.clone()), "it has just begun");
    assert_eq!(poll(cloud, &begun(&platform, 600)).await, Ok(gone.clone()), "and never sent a part");
    upload(&store, 60);
    assert_eq!(poll(cloud, &begun(&platform, 6000)).await, Ok(running), "a part is a minute old");
    let started = cloud.start(&platform.call(record(&platform))).await.expect("it is left to the other");
    assert!(!started.finished && store.lock().expect("no test panics while holding it").uploads.contains_key("left"));
    upload(&store, 660);
    assert_eq!(poll(cloud, &begun(&platform, 6000)).await, Ok(gone), "nobody sends parts any more");

    done(carried_out(cloud, &platform.call(record(&platform))).await);
    assert!(store.lock().expect("no test panics while holding it").uploads.is_empty(), "what was left is aborted");
    let other = Platform::on(&fake.address, &[], environment(false)).await;
    let (outputs, detail) = done(poll(&other.cloud, &begun(&platform, 9000)).await);
    assert_eq!((detail.as_str(), outputs["objects"].as_str()), ("9 objects", "9"), "another process finds it done");
}

#[tokio::test]
async fn work_that_fails_is_gone_or_failed() {
    let deny = |code: &'static str, status: u16| async move {
        let store: Shared = Arc::default();
        let fake = Fake::start(move |seen: &Seen| {
            if seen.path.starts_with("/m") && seen.query.contains("versions") {
                return s3_fake::xml(status, format!("<Error><Code>{code}</Code><Message>no</Message></Error>"));
            }
            store.lock().expect("no test panics while holding it").answer(seen)
        })
        .await;
        let platform = Platform::on(&fake.address, &[], environment(false)).await;
        let answer = carried_out(&platform.cloud, &platform.call(record(&platform))).await;
        (answer, fake.asked("PUT", "/b").len())
    };
    let (answer, puts) = deny("AccessDenied", 403).await;
    assert!(failed(answer).contains("may not do s3:ListBucketVersions"));
    assert_eq!(puts, 0, "nothing was stored");
    let (answer, puts) = deny("SlowDown", 503).await;
    assert!(matches!(&answer, Ok(Progress::Gone { reason }) if reason.contains("fewer requests")), "{answer:?}");
    assert_eq!(puts, 0, "nothing was stored");
}

#[tokio::test]
async fn work_that_nobody_can_begin_stays_untouched() {
    let (fake, platform, store) = fakes(10, 1, plain).await;
    store.lock().expect("no test panics while holding it").object =
        Some((b"somebody's".to_vec(), [("x-amz-meta-bbws-operation".to_owned(), "bk-7".to_owned())].into()));
    let call = platform.call(record(&platform));
    assert!(permanent(platform.cloud.start(&call).await).contains("that this operation did not make"));
    assert_eq!(stored(&store), b"somebody's");
    assert!(fake.asked("PUT", "/").is_empty());
    let answer = settled(&platform.cloud, &begun(&platform, 6000)).await;
    assert!(matches!(answer, Ok(Progress::Gone { .. })), "{answer:?}");
}
