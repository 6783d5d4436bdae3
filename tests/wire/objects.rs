//! S3: objects written once, in one piece and in parts, their replicas, buckets and what lists tell.

use std::time::Duration;

use bbws::{
    adapters::{
        archive::{Part, PartSink as _, Place, S3Upload, Written, fetch, stored},
        aws::{reads::buckets, s3},
        sandbox::aws::{
            Fault, Target,
            world::s3::{Content, Version},
        },
    },
    domain::step::{self, Action, Outputs},
    ports::cloud::{Call, Cloud as _, CloudError, Progress},
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;

use super::{
    backups::{done, minutes, poll, started},
    bed::{Bed, DR, HOME},
};

const BUCKET: &str = "bbws-prod-backups";
const KEY: &str = "prod/secrets/20261121/bk-1001/secrets.json";

pub fn export() -> Action {
    Action::SecretsExport(step::SecretsExport {
        region: HOME.into(),
        prefix: "bbws/prod/".into(),
        bucket: BUCKET.into(),
        key: KEY.into(),
    })
}

fn replica() -> Action {
    Action::ObjectReplica(step::ObjectReplica {
        from_region: HOME.into(),
        from_bucket: BUCKET.into(),
        region: DR.into(),
        bucket: "bbws-prod-backups-dr".into(),
        key: KEY.into(),
    })
}

fn verify(region: &str) -> Action {
    let bucket = if region == HOME { BUCKET } else { "bbws-prod-backups-dr" };
    Action::VerifyObject(step::VerifyObject {
        region: region.into(),
        bucket: bucket.into(),
        key: KEY.into(),
        retention_days: 30,
    })
}

fn with(outputs: &Outputs, call: Call) -> Call {
    Call { inputs: outputs.clone(), ..call }
}

#[tokio::test]
async fn an_export_is_written_once_replicated_and_verified_on_both_sides() {
    let bed = Bed::new();
    let made = bed.cloud.start(&bed.call(0, export())).await.unwrap();
    assert!(made.finished);
    let again = bed.cloud.start(&bed.call(0, export())).await.unwrap();
    assert_eq!(again.outputs["sha256"], made.outputs["sha256"], "what this operation made is adopted");
    assert_eq!(bed.aws.effects(), 1);
    let foreign = Call { operation: bbws::domain::operation::OpId("bk-7".into()), ..bed.call(0, export()) };
    let refused = bed.cloud.start(&foreign).await;
    assert!(
        matches!(&refused, Err(CloudError::Permanent { reason }) if reason.contains("did not make")),
        "{refused:?}"
    );
    done(&bed, &with(&made.outputs, bed.call(1, verify(HOME)))).await;

    let call = with(&made.outputs, bed.call(2, replica()));
    assert!(matches!(poll(&bed, &call).await, Ok(Progress::Running { detail, .. }) if detail == "replication PENDING"));
    bed.clock.advance(minutes(2));
    let (_, detail) = done(&bed, &call).await;
    assert!(detail.starts_with("replicated to bbws-prod-backups-dr in eu-west-1"), "{detail}");
    let (_, detail) = done(&bed, &with(&made.outputs, bed.call(3, verify(DR)))).await;
    assert!(detail.contains("SSE-KMS") && detail.contains("SHA-256 matches, key usable in eu-west-1"), "{detail}");
}

#[tokio::test]
async fn a_lost_reply_of_a_put_is_found_by_the_condition() {
    let bed = Bed::new();
    bed.aws.inject(Fault::LostReply, Target::next().of("PutObject"));
    let lost = bed.cloud.start(&bed.call(0, export())).await;
    assert!(matches!(lost, Err(CloudError::Unknown { .. })), "{lost:?}");
    assert!(bed.cloud.start(&bed.call(0, export())).await.unwrap().finished);
    assert_eq!((bed.aws.effects(), bed.aws.twice().len()), (1, 0));
}

#[tokio::test]
async fn replication_that_fails_or_is_not_there_is_told() {
    let bed = Bed::new();
    bed.aws.inject(Fault::JobFails, Target::next().of("PutObject"));
    let made = bed.cloud.start(&bed.call(0, export())).await.unwrap();
    bed.clock.advance(minutes(2));
    let Ok(Progress::Failed { reason }) = poll(&bed, &with(&made.outputs, bed.call(2, replica()))).await else {
        panic!()
    };
    assert!(reason.contains("S3 could not replicate"), "{reason}");

    let bed = Bed::new();
    bed.aws.change(|world, _| world.s3.buckets.get_mut(BUCKET).unwrap().replication = None);
    let (here, there, account) = (bed.session(HOME).await, "bbws-prod-backups-dr", &bed.environment.account);
    let why = s3::replicates(&here, BUCKET, there, account).await.unwrap().unwrap_err();
    assert!(why.contains("no enabled replication rule"), "{why}");
    let made = bed.cloud.start(&bed.call(0, export())).await.unwrap();
    let Ok(Progress::Failed { reason }) = poll(&bed, &with(&made.outputs, bed.call(2, replica()))).await else {
        panic!()
    };
    assert!(reason.contains("no replication rule of bucket"), "{reason}");
}

#[tokio::test]
async fn a_rule_that_leaves_out_what_is_under_kms_replicates_nothing_of_ours() {
    let bed = Bed::new();
    bed.aws.change(|world, _| {
        let rules = world.s3.buckets.get_mut(BUCKET).unwrap().replication.as_mut().unwrap();
        let kms = "<SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects>";
        *rules = rules.replace(kms, "<SseKmsEncryptedObjects><Status>Disabled</Status></SseKmsEncryptedObjects>");
    });
    let made = bed.cloud.start(&bed.call(0, export())).await.unwrap();
    let Ok(Progress::Failed { reason }) = poll(&bed, &with(&made.outputs, bed.call(2, replica()))).await else {
        panic!()
    };
    assert!(reason.contains("includes KMS-encrypted objects"), "{reason}");
}

#[tokio::test]
async fn a_bucket_of_the_platform_is_versioned_replicated_and_recorded() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let names = ["bbws-prod-media".to_owned(), "bbws-prod-none".to_owned()];
    let found = buckets::describe(&session, &bed.environment, &names).await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].versioned);
    assert_eq!(found[0].replication, Ok("rule everything-to-dr to bbws-prod-media-dr".into()));
    assert_eq!(found[0].lifecycle[0].transitions, [("STANDARD_IA".to_owned(), 30), ("GLACIER".to_owned(), 90)]);
    assert_eq!(found[0].lifecycle[0].noncurrent_expires, Some(400));

    let account = &bed.environment.account;
    let safe = buckets::replicated(&session, "bbws-prod-media", account, session.now()).await.unwrap();
    let oldest = bed.aws.look(|world, now| {
        let versions = world.s3.buckets["bbws-prod-media"].objects.values().flatten();
        versions.filter(|v| v.replication_status(now) == Some("PENDING")).map(|v| v.made.seconds()).min()
    });
    assert_eq!(Some(safe.seconds()), oldest, "the oldest of the newest objects that are not there yet");
    assert!(safe < session.now());
    bed.clock.advance(minutes(30));
    let safe = buckets::replicated(&session, "bbws-prod-media", account, session.now()).await.unwrap();
    assert_eq!(safe, session.now());
    let action = Action::VerifyBucket(step::VerifyBucket {
        region: HOME.into(),
        bucket: "bbws-prod-media".into(),
        replica: Some((DR.into(), "bbws-prod-media-dr".into())),
        sample: 50,
    });
    let (outputs, detail) = done(&bed, &bed.call(0, action)).await;
    assert!(detail.contains("50 of 50 sampled objects are there"), "{detail}");
    assert_eq!(outputs["replicated"], "50");
    let action = Action::VerifyLifecycle(step::VerifyLifecycle {
        region: HOME.into(),
        bucket: BUCKET.into(),
        prefix: "prod/".into(),
        min_days: 30,
    });
    let (_, detail) = done(&bed, &bed.call(1, action)).await;
    assert!(detail.contains("STANDARD_IA after 30 days"), "{detail}");
}

/// Waits for work of this process, which no simulated time hastens.
async fn settled(bed: &Bed, call: &Call) -> Result<Progress, CloudError> {
    loop {
        match poll(bed, call).await {
            Ok(Progress::Running { .. }) => tokio::task::yield_now().await,
            other => return other,
        }
    }
}

#[tokio::test]
async fn a_record_names_every_current_version_page_by_page() {
    let bed = Bed::new();
    let account = bed.environment.account.clone();
    bed.aws.change(|world, now| {
        let bucket = world.s3.buckets.get_mut("bbws-prod-media").unwrap();
        let template: Version = bucket.objects.values().next().unwrap()[0].clone();
        for n in 0..2500 {
            for (at, deleted) in [(0, false), (1, n % 10 == 9)] {
                let id = format!("v{n}-{at}");
                let version =
                    Version { id, made: now + Duration::from_secs(at), visible: now, deleted, ..template.clone() };
                bucket.add(&format!("many/{n:05} ä&\u{1}"), version);
            }
        }
    });
    bed.clock.advance(minutes(1));
    let action = Action::BucketRecord(step::BucketRecord {
        region: HOME.into(),
        source: "bbws-prod-media".into(),
        bucket: BUCKET.into(),
        key: "prod/s3/20261121/bk-1001/bbws-prod-media.jsonl.zst".into(),
    });
    let call = started(&bed, bed.call(0, action)).await;
    let Ok(Progress::Done { outputs, .. }) = settled(&bed, &call).await else { panic!("it is recorded") };
    assert_eq!(outputs["objects"], (120 + 2250).to_string());
    let listings = bed.aws.journal().iter().filter(|r| r.operation == "ListObjectVersions").count();
    assert_eq!(listings, 6, "5120 versions in pages of a thousand");
    let object = bed.aws.look(|world, now| {
        let bucket = &world.s3.buckets[BUCKET];
        assert_eq!(bucket.account, account);
        bucket.current("prod/s3/20261121/bk-1001/bbws-prod-media.jsonl.zst", now).unwrap().clone()
    });
    let Content::Real(bytes) = &object.content else { panic!("it has content") };
    let text = String::from_utf8(zstd::decode_all(&bytes[..]).unwrap()).unwrap();
    assert_eq!(text.lines().count(), 2370);
    assert!(text.lines().any(|line| line.contains("many/00000 ä&\\u0001") && line.contains("v0-1")));
}

fn part(number: u32, bytes: Vec<u8>) -> Part {
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    Part { number, bytes: bytes.into(), sha256 }
}

/// An archive of two parts: its place, what was written, and its bytes.
fn archive(bed: &Bed) -> (Place, [Part; 2], Written, Vec<u8>) {
    use base64::Engine as _;
    let parts = [part(1, vec![1; 5 << 20]), part(2, vec![2; 1000])];
    let sums: Vec<u8> = parts.iter().flat_map(|part| part.sha256).collect();
    let whole: Vec<u8> = parts.iter().flat_map(|part| part.bytes.to_vec()).collect();
    let checksum = format!("{}-2", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&sums)));
    let key = "prod/dump/20261121/bk-1001/bbws-prod-mysql.dump".to_owned();
    let place = Place { account: bed.environment.account.clone(), bucket: BUCKET.to_owned(), key };
    let written = Written {
        bytes_plain: 0,
        sha256_plain: String::new(),
        bytes_archive: whole.len() as u64,
        sha256_archive: String::new(),
        checksum,
        parts: 2,
        held: Default::default(),
    };
    (place, parts, written, whole)
}

fn by() -> Vec<(&'static str, String)> {
    vec![("bbws-operation", "bk-1001".to_owned())]
}

async fn upload(bed: &Bed, place: &Place) -> S3Upload {
    let session = bed.session(HOME).await;
    let tags = [("bbws:operation".to_owned(), "bk-1001".to_owned())];
    S3Upload::new(session.s3().clone(), place.clone(), None, &tags, by()).await.unwrap()
}

#[tokio::test]
async fn an_upload_in_parts_is_an_object_when_it_is_complete_and_is_read_back_in_ranges() {
    let bed = Bed::new();
    let (place, parts, written, whole) = archive(&bed);
    let session = bed.session(HOME).await;
    let mut upload = upload(&bed, &place).await;
    for part in parts {
        upload.put(part).await.unwrap();
    }
    assert!(stored(session.s3(), &place).await.unwrap().is_none(), "an upload is nothing until it is complete");
    bed.aws.inject(Fault::LostReply, Target::next().of("CompleteMultipartUpload"));
    upload.complete(&written).await.unwrap();
    let found = stored(session.s3(), &place).await.unwrap().unwrap();
    assert_eq!((found.bytes, found.checksum.as_deref()), (whole.len() as u64, Some(written.checksum.as_str())));
    assert_eq!(found.metadata["bbws-operation"], "bk-1001");
    let mut read = Vec::new();
    fetch(session.s3().clone(), place.clone(), &found).read_to_end(&mut read).await.unwrap();
    assert!(read == whole);
    let taken = S3Upload::new(session.s3().clone(), place, None, &[], by()).await;
    assert!(taken.is_err(), "there is one already");
    assert_eq!(bed.aws.twice(), []);
}

#[tokio::test]
async fn an_upload_that_is_aborted_leaves_nothing() {
    let bed = Bed::new();
    let (place, [first, _], _, _) = archive(&bed);
    let mut upload = upload(&bed, &place).await;
    upload.put(first).await.unwrap();
    assert_eq!(bed.aws.look(|world, _| world.s3.buckets[BUCKET].uploads.len()), 1);
    upload.abort().await;
    assert_eq!(bed.aws.look(|world, _| world.s3.buckets[BUCKET].uploads.len()), 0);
}

#[tokio::test]
async fn parts_that_are_missing_short_or_wrong_are_refused() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let s3 = session.s3();
    let begun = s3.create_multipart_upload().bucket(BUCKET).key("k").send().await.unwrap();
    let id = begun.upload_id().unwrap();
    let send = async |number, body: &'static [u8]| {
        let body = aws_sdk_s3::primitives::ByteStream::from(Bytes::from_static(body));
        let answer = s3.upload_part().bucket(BUCKET).key("k").upload_id(id).part_number(number).body(body).send().await;
        aws_sdk_s3::types::CompletedPart::builder().part_number(number).set_e_tag(answer.unwrap().e_tag).build()
    };
    let (one, two) = (send(1, b"short").await, send(2, b"last").await);
    let strange = aws_sdk_s3::types::CompletedPart::builder().part_number(3).e_tag("none").build();
    let complete = async |parts: Vec<aws_sdk_s3::types::CompletedPart>| {
        let parts = aws_sdk_s3::types::CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = s3.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(id).multipart_upload(parts);
        let answer = request.send().await;
        answer.map(|_| ()).map_err(|error| error.into_service_error().meta().code().unwrap_or_default().to_owned())
    };
    assert_eq!(complete(vec![one.clone(), strange]).await, Err("InvalidPart".into()));
    assert_eq!(complete(vec![two.clone(), one.clone()]).await, Err("InvalidPartOrder".into()));
    assert_eq!(complete(vec![one, two.clone()]).await, Err("EntityTooSmall".into()));
    assert_eq!(complete(vec![two.clone()]).await, Ok(()));
    assert_eq!(complete(vec![two]).await, Err("NoSuchUpload".into()));
}

#[tokio::test]
async fn a_bucket_of_another_account_or_region_is_told_apart() {
    let bed = Bed::new();
    let account = &bed.environment.account;
    let (here, there) = (bed.session(HOME).await, bed.session(DR).await);
    assert_eq!(s3::bucket(&here, BUCKET, account).await.unwrap(), Ok(BUCKET.to_owned()));
    let why = s3::bucket(&there, BUCKET, account).await.unwrap().unwrap_err();
    assert!(why.contains("is not in eu-west-1"), "{why}");
    let why = s3::bucket(&here, "bbws-sit-backups", account).await.unwrap().unwrap_err();
    assert!(why.contains("may not do s3:ListBucket"), "{why}");
    let why = s3::bucket(&here, "no-such-bucket", account).await.unwrap().unwrap_err();
    assert!(why.contains("does not exist"), "{why}");
}

#[tokio::test]
async fn what_was_put_with_another_checksum_is_refused() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"bbws");
    let wrong = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let put = session.s3().put_object().bucket(BUCKET).key("k").checksum_sha256(wrong).body(body).send().await;
    assert_eq!(put.unwrap_err().into_service_error().meta().code(), Some("BadDigest"));
}

#[tokio::test]
async fn lists_give_folders_and_pages() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let list = session.s3().list_objects_v2().bucket("bbws-prod-media");
    let all = list.clone().prefix("wp-content/").delimiter("/").send().await.unwrap();
    let folders: Vec<&str> = all.common_prefixes().iter().filter_map(|folder| folder.prefix()).collect();
    assert_eq!((folders, all.contents().len()), (vec!["wp-content/uploads/"], 0));
    let mut pages = list.max_keys(50).into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.unwrap().contents().len());
    }
    assert_eq!(sizes, [50, 50, 20]);
}
