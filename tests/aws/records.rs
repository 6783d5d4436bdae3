//! Records of buckets: their pages, their parts, and answers that are lost, over the simulated AWS.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bbws::{
    adapters::sandbox::aws::{
        Fault, Override, Target,
        api::{Reply, Request},
        world::s3::{Bucket, Content, Part, Upload, Version},
    },
    domain::step::{self, Action},
    ports::{
        clock::Clock as _,
        cloud::{Call, Cloud as _, CloudError, Probe, Progress},
    },
};
use bytes::Bytes;
use serde_json::{Value, json as value};

use crate::{
    aws::support::{HOME, Platform, carried_out, done, failed, permanent, poll, settled},
    wire::bed::Bed,
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

fn lines(bytes: &[u8]) -> Vec<Value> {
    let text = zstd::decode_all(bytes).expect("zstd");
    String::from_utf8(text).expect("UTF-8").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The bucket that is recorded, and the one the record is put into.
const SOURCE: &str = "records-source";
const TARGET: &str = "bbws-prod-backups";

fn step_of() -> Action {
    Action::BucketRecord(step::BucketRecord {
        region: HOME.into(),
        source: SOURCE.into(),
        bucket: TARGET.into(),
        key: KEY.into(),
    })
}

/// A bed with a bucket of so many objects, each with so many versions, of which every tenth was deleted.
fn filled(objects: usize, per: usize, key: fn(usize) -> String) -> Bed {
    let bed = Bed::new();
    let account = bed.environment.account.clone();
    bed.aws.change(|world, now| {
        let template: Version =
            world.s3.buckets["bbws-prod-media"].objects.values().next().expect("an object")[0].clone();
        let mut bucket = Bucket { versioning: Some(true), ..Bucket::new(&account, HOME, now) };
        for object in 0..objects {
            for version in 0..per {
                let (made, newest) = (now - Duration::from_secs(version as u64), version == 0);
                let id = format!("v{}", object * per + version);
                let (etag, content) = (format!("e{}", object * per + version), Content::Zeros(10));
                let deleted = newest && object % 10 == 9;
                let of = Version { id, made, visible: made, deleted, content, etag, ..template.clone() };
                bucket.add(&key(object), of);
            }
        }
        world.s3.buckets.insert(SOURCE.to_owned(), bucket);
    });
    bed
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

/// The record as it is stored.
fn stored(bed: &Bed) -> Version {
    bed.aws.look(|world, now| world.s3.buckets[TARGET].current(KEY, now).expect("it is stored").clone())
}

fn content(version: &Version) -> Vec<u8> {
    version.content.range(0, version.content.len()).to_vec()
}

/// How often an operation was asked for.
fn asked(bed: &Bed, operation: &str) -> usize {
    bed.aws.journal().iter().filter(|request| request.operation == operation).count()
}

#[tokio::test]
async fn the_current_versions_of_a_bucket_are_recorded_once() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let put = async |key: &str, body: &'static str| {
        let request = session.s3().put_object().bucket("bbws-prod-media").key(key);
        request.body(body.as_bytes().to_vec().into()).send().await.expect("an object");
    };
    bed.aws.change(|world, _| world.s3.buckets.get_mut("bbws-prod-media").expect("it is there").objects.clear());
    for (key, body) in [("a b+c.jpg", "1"), ("b.jpg", "22"), ("b.jpg", "333"), ("c/ü.jpg", "4444"), ("gone.jpg", "5")]
    {
        bed.clock.advance(Duration::from_secs(1));
        put(key, body).await;
    }
    bed.clock.advance(Duration::from_secs(1));
    session.s3().delete_object().bucket("bbws-prod-media").key("gone.jpg").send().await.expect("a delete marker");
    let record = |target: &str| {
        Action::BucketRecord(step::BucketRecord {
            region: HOME.into(),
            source: "bbws-prod-media".into(),
            bucket: target.into(),
            key: KEY.into(),
        })
    };
    let (cloud, call) = (&bed.cloud, bed.call(0, record(TARGET)));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let (outputs, detail) = done(carried_out(cloud, &call).await);
    assert_eq!(detail, "3 objects, 8 bytes");
    assert_eq!((outputs["objects"].as_str(), outputs["bytes"].as_str()), ("3", "8"));
    let object = stored(&bed);
    assert_eq!(object.metadata["bbws-operation"], "bk-1001");
    assert_eq!(object.metadata["bbws-count"], "3");
    let found = lines(&content(&object));
    let keys: Vec<&Value> = found.iter().map(|line| &line["key"]).collect();
    assert_eq!(keys, ["a b+c.jpg", "b.jpg", "c/ü.jpg"]);
    let sizes: Vec<&Value> = found.iter().map(|line| &line["size"]).collect();
    assert_eq!(sizes, [&value!(1), &value!(3), &value!(4)], "the newest version of each");
    let all = session.s3().list_object_versions().bucket("bbws-prod-media").send().await.expect("versions");
    for line in &found {
        let same = |v: &&aws_sdk_s3::types::ObjectVersion| v.version_id() == line["version"].as_str();
        let version = all.versions().iter().find(same).expect("it exists");
        assert_eq!(version.e_tag().map(|e| e.trim_matches('"')), line["etag"].as_str());
        assert!(line["modified"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }
    let verify = Action::VerifyObject(step::VerifyObject {
        region: HOME.into(),
        bucket: TARGET.into(),
        key: KEY.into(),
        retention_days: 30,
    });
    done(poll(cloud, &Call { inputs: outputs.clone(), ..bed.call(1, verify) }).await);
    let started = cloud.start(&call).await.expect("it is adopted");
    assert!(started.finished);
    assert_eq!(started.outputs["sha256"], outputs["sha256"]);
    let operation = bbws::domain::operation::OpId("bk-7".into());
    let stranger = Call { token: "bk-7-0".into(), operation, ..bed.call(0, record(TARGET)) };
    assert_eq!(cloud.probe(&stranger).await, Ok(Probe::Absent));
    assert!(permanent(cloud.start(&stranger).await).contains("that this operation did not make"));
}

#[tokio::test]
async fn a_bucket_of_2500_objects_is_read_page_by_page() {
    let bed = filled(2500, 3, plain);
    let (outputs, detail) = done(carried_out(&bed.cloud, &bed.call(0, step_of())).await);
    assert_eq!(detail, "2,250 objects, 22.0 KiB");
    assert_eq!(outputs["objects"], "2250", "every tenth is deleted");
    let found = lines(&content(&stored(&bed)));
    assert_eq!(found.len(), 2250);
    assert_eq!(
        found[0],
        value!({ "key": plain(0), "version": "v0", "size": 10, "etag": "e0", "modified": crate::wire::bed::START.iso() })
    );
    assert_eq!(found[2249]["key"], plain(2498));
    assert_eq!(asked(&bed, "ListObjectVersions"), 8, "7,500 versions in pages of 1,000");
    assert_eq!((asked(&bed, "PutObject"), bed.aws.effects()), (1, 1), "one PUT");
}

#[tokio::test]
async fn a_long_record_is_sent_in_parts_of_at_least_8_mib() {
    let bed = filled(16_000, 1, random);
    let sent: Arc<Mutex<Vec<(usize, u64)>>> = Arc::default();
    let hears = Arc::clone(&sent);
    let hear = move |request: &Request, _: &mut Reply| {
        let number = request.raw.parameters().into_iter().find(|(name, _)| name == "partNumber").expect("a number").1;
        let size = request.raw.body.len() as u64;
        hears.lock().expect("no test panics while holding it").push((number.parse().expect("a number"), size));
    };
    bed.aws.override_answers(Target::always().of("UploadPart"), Override::edit(hear));
    let mut call = bed.call(0, step_of());
    call.tags.push(("bbws:ledger".into(), "5e1fca9e".into()));
    // The object is complete, but the answer is lost.
    bed.aws.inject(Fault::LostReply, Target::next().of("CompleteMultipartUpload"));
    let (outputs, _) = done(carried_out(&bed.cloud, &call).await);
    assert_eq!(outputs["objects"], "14400");
    let object = stored(&bed);
    let found = lines(&content(&object));
    assert_eq!((found.len(), found[14_399]["key"].as_str()), (14_400, Some(random(15_998).as_str())));
    let parts = asked(&bed, "UploadPart");
    assert!(parts > 1 && object.etag.ends_with(&format!("-{parts}")), "{}", object.etag);
    let sent = sent.lock().expect("no test panics while holding it").clone();
    assert_eq!(
        sent.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
        (1..=parts).collect::<Vec<_>>(),
        "each once"
    );
    let (last, full) = sent.split_last().expect("there are parts");
    assert!(full.iter().all(|(_, size)| (8 << 20..10 << 20).contains(size)), "no smaller and hardly larger: {sent:?}");
    assert!(last.1 < 10 << 20, "{sent:?}");
    assert_eq!(sent.iter().map(|(_, size)| size).sum::<u64>(), object.content.len(), "and nothing besides");
    assert_eq!(Some(&outputs["sha256"]), object.sha256.as_ref(), "what S3 says of it");
    assert_eq!((&*object.metadata["bbws-operation"], &*object.metadata["bbws-ledger"]), ("bk-1001", "5e1fca9e"));
    assert!(bed.aws.look(|world, _| world.s3.buckets[TARGET].uploads.is_empty()));
    let present = async |call: &Call| bed.cloud.probe(call).await.map(|found| matches!(found, Probe::Present(_)));
    assert_eq!(present(&call).await, Ok(true));
    call.tags.last_mut().expect("the ledger").1 = "01dbeef0".into();
    assert_eq!(present(&call).await, Ok(false), "another ledger's record is not ours");
    assert_eq!(bed.aws.twice(), []);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_looked_for() {
    let bed = filled(10, 1, plain);
    bed.aws.inject(Fault::LostReply, Target::next().of("PutObject"));
    let (outputs, _) = done(carried_out(&bed.cloud, &bed.call(0, step_of())).await);
    assert_eq!(Some(&outputs["sha256"]), stored(&bed).sha256.as_ref());
    assert_eq!(asked(&bed, "PutObject"), 1);
}

/// The call as it looks after it was begun so many seconds ago.
fn begun(bed: &Bed, seconds: u64) -> Call {
    let since = bed.clock.now() - Duration::from_secs(seconds);
    Call { external_id: Some(format!("s3://b/{KEY} since {}", since.iso())), ..bed.call(0, step_of()) }
}

/// An unfinished upload whose newest part came so many seconds ago.
fn upload(bed: &Bed, age: u64) {
    bed.aws.change(|world, now| {
        let draft = world.s3.buckets["bbws-prod-media"].objects.values().next().expect("an object")[0].clone();
        let at = now - Duration::from_secs(age);
        let part = Part { bytes: Bytes::from_static(&[0; 8]), etag: "e".into(), sha256: String::new(), at, zeros: 0 };
        let parts = [(1, part)].into();
        let left = Upload { key: KEY.into(), begun: now - Duration::from_secs(9000), draft, summed: true, parts };
        let uploads = &mut world.s3.buckets.get_mut(TARGET).expect("it is there").uploads;
        let other = Upload { key: format!("{KEY}.other"), begun: now, ..left.clone() };
        uploads.insert("left".into(), left);
        uploads.insert("other".into(), other);
    });
}

fn is_left(bed: &Bed) -> bool {
    bed.aws.look(|world, _| {
        let uploads = &world.s3.buckets[TARGET].uploads;
        assert!(uploads.contains_key("other"), "what is of another key stays");
        uploads.contains_key("left")
    })
}

/// A record that is begun anew where another process left one unfinished.
pub async fn left_behind() {
    let bed = filled(10, 1, plain);
    upload(&bed, 660);
    done(carried_out(&bed.cloud, &bed.call(0, step_of())).await);
    assert!(!is_left(&bed), "what was left is aborted");
}

#[tokio::test]
async fn another_process_is_seen_by_its_parts_and_missed_when_they_stop() {
    let bed = filled(10, 1, plain);
    let cloud = &bed.cloud;
    let gone = Progress::Gone {
        reason: format!("The process that wrote object s3://{TARGET}/{KEY} ended before it was complete."),
    };
    let running =
        Progress::Running { percent: None, detail: "another process works on it, or did until a moment ago".into() };
    assert_eq!(poll(cloud, &begun(&bed, 30)).await, Ok(running.clone()), "it has just begun");
    assert_eq!(poll(cloud, &begun(&bed, 600)).await, Ok(gone.clone()), "and never sent a part");
    upload(&bed, 60);
    assert_eq!(poll(cloud, &begun(&bed, 6000)).await, Ok(running), "a part is a minute old");
    let started = cloud.start(&bed.call(0, step_of())).await.expect("it is left to the other");
    assert!(!started.finished && is_left(&bed));
    upload(&bed, 660);
    assert_eq!(poll(cloud, &begun(&bed, 6000)).await, Ok(gone), "nobody sends parts any more");
    done(carried_out(cloud, &bed.call(0, step_of())).await);
    assert!(!is_left(&bed), "what was left is aborted");
    let (outputs, detail) = done(poll(&bed.another_process(), &begun(&bed, 9000)).await);
    assert_eq!((detail.as_str(), outputs["objects"].as_str()), ("9 objects", "9"), "another process finds it done");
}

#[tokio::test]
async fn work_that_fails_is_gone_or_failed() {
    let under = async |fault| {
        let bed = filled(10, 1, plain);
        bed.aws.inject(fault, Target::next().of("ListObjectVersions"));
        let answer = carried_out(&bed.cloud, &bed.call(0, step_of())).await;
        (answer, asked(&bed, "PutObject"))
    };
    let (answer, puts) = under(Fault::Denied).await;
    assert!(failed(answer).contains("may not do s3:ListBucketVersions"));
    assert_eq!(puts, 0, "nothing was stored");
    let (answer, puts) = under(Fault::Throttled).await;
    assert!(matches!(&answer, Ok(Progress::Gone { reason }) if reason.contains("fewer requests")), "{answer:?}");
    assert_eq!(puts, 0, "nothing was stored");
    // The framing says that this is all, and half of the versions are not in it.
    let (answer, puts) = under(Fault::CutShort).await;
    assert!(matches!(&answer, Ok(Progress::Gone { .. }) | Err(CloudError::Retryable { .. })), "{answer:?}");
    assert_eq!(puts, 0, "a list that was cut is no list");
}

#[tokio::test]
async fn work_that_nobody_can_begin_stays_untouched() {
    let bed = filled(10, 1, plain);
    bed.aws.change(|world, _| {
        let mut version = world.s3.buckets["bbws-prod-media"].objects.values().next().expect("an object")[0].clone();
        version.metadata.insert("bbws-operation".into(), "bk-7".into());
        version.content = Content::Real(Bytes::from_static(b"somebody's"));
        world.s3.buckets.get_mut(TARGET).expect("it is there").add(KEY, version);
    });
    let call = bed.call(0, step_of());
    assert!(permanent(bed.cloud.start(&call).await).contains("that this operation did not make"));
    assert_eq!(content(&stored(&bed)), b"somebody's");
    assert_eq!(bed.aws.effects(), 0);
    let answer = settled(&bed.cloud, &begun(&bed, 6000)).await;
    assert!(matches!(answer, Ok(Progress::Gone { .. })), "{answer:?}");
}
