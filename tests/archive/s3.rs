//! The way to S3 and back, with KMS, against moto.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_kms::{Client as Kms, types::KeyUsageType};
use aws_sdk_s3::Client as S3;
use bbws::{
    adapters::{
        archive::{
            ArchiveError, DataKey, Expected, Part, PartPlan, PartSink, Place, S3Upload, Sealed, Tally, Written,
            abandon, dump, fetch, stored, verify,
        },
        aws::session::loader,
    },
    domain::environment::Engine,
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::archive::bed::{Pg, name};

const REGION: &str = "af-south-1";
const ACCOUNT: &str = "123456789012";

struct Aws {
    s3: S3,
    kms: Kms,
    key: String,
    place: Place,
}

impl Aws {
    async fn new() -> Aws {
        let endpoint =
            std::env::var("BBWS_TEST_MOTO").expect("BBWS_TEST_MOTO is not set: run these tests by `tests/run archive`");
        let credentials = aws_credential_types::Credentials::new("test", "test", None, None, "test");
        let config = loader()
            .region(aws_config::Region::new(REGION))
            .endpoint_url(endpoint)
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials))
            .timeout_config(
                aws_config::timeout::TimeoutConfig::builder()
                    .operation_attempt_timeout(Duration::from_secs(120))
                    .build(),
            )
            .load()
            .await;
        let s3 = S3::from_conf(aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build());
        let kms = Kms::new(&config);
        let made = kms.create_key().key_usage(KeyUsageType::EncryptDecrypt).send().await.expect("a key");
        let key = made.key_metadata.and_then(|k| k.arn).expect("with an ARN");
        let bucket = name("bbws-dump").replace('_', "-");
        let here = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
        s3.create_bucket().bucket(&bucket).create_bucket_configuration(here).send().await.expect("a bucket");
        let place = Place { account: ACCOUNT.into(), bucket, key: "prod/dump/20260101/bk-1042/db.bbwsdump".into() };
        Aws { s3, kms, key, place }
    }

    async fn upload(&self) -> Result<S3Upload, ArchiveError> {
        let tags = [
            ("bbws:operation".to_owned(), "bk-1042".to_owned()),
            ("bbws:approved-by".to_owned(), "U0BOB U0CAROL".to_owned()),
        ];
        S3Upload::new(self.s3.clone(), self.place.clone(), Some(self.key.clone()), &tags, by("bk-1042")).await
    }

    async fn unfinished(&self) -> usize {
        let answer = self.s3.list_multipart_uploads().bucket(&self.place.bucket).send().await.expect("a list");
        answer.uploads().len()
    }

    fn context(operation: &str) -> bbws::adapters::archive::Context {
        DataKey::context("prod", operation)
    }
}

fn by(operation: &str) -> Vec<(&'static str, String)> {
    vec![("bbws-operation", operation.to_owned()), ("bbws-ledger", "5e1fca9e".to_owned())]
}

/// The smallest parts that S3 takes, since sealing is slow without optimisation.
struct Smallest(S3Upload);

const SMALLEST: PartPlan = PartPlan { first: 5 << 20, ..PartPlan::S3 };

#[async_trait]
impl PartSink for Smallest {
    fn plan(&self) -> PartPlan {
        SMALLEST
    }

    async fn put(&mut self, part: Part) -> Result<(), ArchiveError> {
        self.0.put(part).await
    }

    async fn complete(&mut self, written: &Written) -> Result<(), ArchiveError> {
        self.0.complete(written).await
    }

    async fn abort(&mut self) {
        self.0.abort().await;
    }
}

fn part(number: u32, bytes: &'static [u8]) -> Part {
    Part { number, bytes: Bytes::from_static(bytes), sha256: Sha256::digest(bytes).into() }
}

fn written(bytes: u64) -> Written {
    Written {
        bytes_plain: 0,
        sha256_plain: String::new(),
        bytes_archive: bytes,
        sha256_archive: String::new(),
        checksum: String::new(),
        parts: 1,
        held: Tally::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_reaches_s3_and_is_verified_from_there() {
    let aws = Aws::new().await;
    // Two parts of 5 MiB and a rest.
    let pg = Pg::new(
        "CREATE EXTENSION pgcrypto; CREATE TABLE big (b bytea);
         INSERT INTO big SELECT gen_random_bytes(1024) FROM generate_series(1, 11000)",
    )
    .await;
    let key = DataKey::generate(&aws.kms, &aws.key, Aws::context("bk-1042")).await.expect("KMS gives a key");
    assert!(!format!("{key:?}").contains("plain"));
    let written = dump(&pg.source(), &key, Smallest(aws.upload().await.expect("the place is free")), |_| ())
        .await
        .expect("it is stored");
    assert_eq!(written.parts, 3);
    drop(key);

    let object = stored(&aws.s3, &aws.place).await.expect("S3 answers").expect("it is there");
    assert_eq!(object.bytes, written.bytes_archive);
    assert_eq!(
        (object.metadata["bbws-operation"].as_str(), object.metadata["bbws-ledger"].as_str()),
        ("bk-1042", "5e1fca9e")
    );
    // S3 gives the number of parts too, moto does not.
    let checksum = object.checksum.clone().expect("S3 sums its parts up");
    assert_eq!(checksum.split('-').next(), written.checksum.split('-').next(), "as we do");
    let tags = aws.s3.get_object_tagging().bucket(&aws.place.bucket).key(&aws.place.key).send().await.expect("tags");
    let tags: Vec<_> = tags.tag_set().iter().map(|t| (t.key(), t.value())).collect();
    assert!(tags.contains(&("bbws:approved-by", "U0BOB U0CAROL")), "{tags:?}");
    assert_eq!(aws.unfinished().await, 0);

    let sealed = Sealed::read(fetch(aws.s3.clone(), aws.place.clone(), &object)).await.expect("an archive");
    let key = DataKey::open(&aws.kms, &sealed.header, Aws::context("bk-1042")).await.expect("KMS opens the key");
    let expected = Expected {
        plan: Some(SMALLEST),
        engine: Some(Engine::Postgres),
        checksum: object.checksum.clone(),
        ..Expected::from(&written)
    };
    let contents = verify(sealed, &key, &expected).await.expect("it is good");
    assert_eq!(contents.held.tables.names, ["public.big"]);
    assert_eq!(contents.bytes_archive, object.bytes);

    // Of another operation, by what the header says and by what KMS says.
    let sealed = Sealed::read(fetch(aws.s3.clone(), aws.place.clone(), &object)).await.expect("an archive");
    let other = DataKey::open(&aws.kms, &sealed.header, Aws::context("bk-7")).await.expect_err("another operation");
    assert!(matches!(&other, ArchiveError::Damaged(why) if why.contains("bk-7")), "{other}");
    let mut header = sealed.header;
    header.context = Aws::context("bk-7");
    let other = DataKey::open(&aws.kms, &header, Aws::context("bk-7")).await.expect_err("KMS refuses");
    assert!(matches!(&other, ArchiveError::Damaged(why) if why.contains("KMS")), "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_never_overwritten() {
    let aws = Aws::new().await;
    let mut early = aws.upload().await.expect("the place is free");
    early.put(part(1, b"early")).await.expect("a part");
    let mut late = aws.upload().await.expect("it is free still");
    late.put(part(1, b"late")).await.expect("a part");
    early.complete(&written(5)).await.expect("the first one wins");

    let error = late.complete(&written(4)).await.expect_err("the place is taken");
    assert!(matches!(&error, ArchiveError::Exists(why) if why.contains(&aws.place.key)), "{error:?}");
    late.abort().await;
    assert_eq!(aws.unfinished().await, 0);
    let error = aws.upload().await.expect_err("it is seen before anything is dumped");
    assert!(matches!(error, ArchiveError::Exists(_)), "{error:?}");
    let object = aws.s3.get_object().bucket(&aws.place.bucket).key(&aws.place.key).send().await.expect("the object");
    assert_eq!(object.body.collect().await.expect("its bytes").into_bytes(), "early");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_given_up_leaves_nothing() {
    let aws = Aws::new().await;
    let mut upload = aws.upload().await.expect("the place is free");
    upload.put(part(1, b"x")).await.expect("a part");
    assert_eq!(aws.unfinished().await, 1);
    upload.abort().await;
    assert_eq!(aws.unfinished().await, 0);

    let mut upload = aws.upload().await.expect("the place is free");
    upload.put(part(1, b"x")).await.expect("a part");
    drop(upload);
    for _ in 0..500 {
        if aws.unfinished().await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(aws.unfinished().await, 0, "it aborts itself when it is dropped");

    // What a process leaves that is killed is found by the next attempt, and nothing else is touched.
    let mut upload = aws.upload().await.expect("the place is free");
    upload.put(part(1, b"x")).await.expect("a part");
    std::mem::forget(upload);
    let other = Place { key: format!("{}.other", aws.place.key), ..aws.place.clone() };
    let mut theirs = S3Upload::new(aws.s3.clone(), other, None, &[], by("bk-2")).await.expect("the place is free");
    theirs.put(part(1, b"y")).await.expect("a part");
    assert_eq!(abandon(&aws.s3, &aws.place).await, Ok(1));
    assert_eq!(aws.unfinished().await, 1);
    theirs.abort().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_replaced_or_cut_while_it_is_read_is_refused() {
    let aws = Aws::new().await;
    let place = &aws.place;
    let put = async |bytes: Vec<u8>| {
        aws.s3.put_object().bucket(&place.bucket).key(&place.key).body(bytes.into()).send().await.expect("an object");
    };
    put(vec![1; 20 << 20]).await;
    let object = stored(&aws.s3, place).await.expect("S3 answers").expect("it is there");
    put(vec![2; 20 << 20]).await;
    let mut reader = fetch(aws.s3.clone(), place.clone(), &object);
    let mut all = Vec::new();
    let error = tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut all).await.expect_err("it was replaced");
    assert!(error.to_string().contains("was replaced"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_aws_are_sentences() {
    let aws = Aws::new().await;
    let nowhere = Place { bucket: "bbws-there-is-none".into(), ..aws.place.clone() };
    let mut upload = S3Upload::new(aws.s3.clone(), nowhere, None, &[], by("bk-1")).await.expect("nothing is there");
    let error = upload.put(part(1, b"x")).await.expect_err("there is no such bucket");
    assert!(
        matches!(&error, ArchiveError::Permanent(why) if why.contains("NoSuchBucket") && why.contains("config file")),
        "{error:?}"
    );
    let error = DataKey::generate(&aws.kms, "alias/none", Aws::context("bk-1")).await.expect_err("no such key");
    assert!(matches!(&error, ArchiveError::Permanent(why) if why.contains("alias/none")), "{error:?}");
}
