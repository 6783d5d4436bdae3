//! Buckets that environments describe: those of archives, empty at first, and those of the platform's data.

use std::{collections::BTreeMap, time::Duration};

use rand::RngExt as _;
use sha2::{Digest as _, Sha256};

use super::{
    super::{
        time::{Timeline, rng_for, uuid_for},
        world::{
            Tags, World,
            kms::S3_KEY,
            s3::{Bucket, Content, Replication, Version},
        },
    },
    files::AGE,
};
use crate::domain::{
    environment::{Bucket as Declared, Environment},
    moment::Moment,
};

/// Objects of a bucket of data, and how many of them are not replicated yet at first.
const OBJECTS: u64 = 120;
const PENDING: u64 = 5;

/// The buckets of an environment.
pub(super) fn seed(world: &mut World, environment: &Environment, now: Moment) {
    let e = environment;
    let dr_key = e.dr_kms_key.as_deref().unwrap_or(S3_KEY);
    let dr = |bucket: &Option<String>| bucket.clone().filter(|_| e.replicates());
    if let Some(name) = &e.dr_secrets_bucket {
        bucket(world, &e.account, &e.dr_region, name, dr_key, now);
    }
    if let Some(name) = &e.secrets_bucket {
        let place = bucket(world, &e.account, &e.primary_region, name, S3_KEY, now);
        place.lifecycle = Some(lifecycle(&archives(environment)));
        let to = dr(&e.dr_secrets_bucket);
        replicate(world, environment, name, to.as_deref());
    }
    for declared in &e.buckets {
        if let Some(name) = &declared.dr {
            bucket(world, &e.account, &e.dr_region, name, dr_key, now);
        }
        bucket(world, &e.account, &e.primary_region, &declared.name, S3_KEY, now).lifecycle = Some(lifecycle(UPLOADS));
        replicate(world, environment, &declared.name, dr(&declared.dr).as_deref());
        data(world, environment, declared, now);
    }
}

fn bucket<'w>(world: &'w mut World, account: &str, region: &str, name: &str, key: &str, now: Moment) -> &'w mut Bucket {
    let key = world.region(account, region).kms.arn(key).map(str::to_owned);
    let fresh = Bucket { versioning: Some(true), key, ..Bucket::new(account, region, now - AGE) };
    world.s3.buckets.entry(name.to_owned()).or_insert(fresh)
}

/// A rule for everything in a bucket, also what is encrypted under KMS.
fn replicate(world: &mut World, environment: &Environment, name: &str, to: Option<&str>) {
    let Some(to) = to else { return };
    let dr_key = environment.dr_kms_key.as_deref().unwrap_or(S3_KEY);
    let key = world.region(&environment.account, &environment.dr_region).kms.arn(dr_key).unwrap_or_default().to_owned();
    let account = &environment.account;
    let rule = format!(
        "<ReplicationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Role>arn:aws:iam::{account}:role/bbws-replication</Role>\
         <Rule><ID>everything-to-dr</ID><Priority>1</Priority><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>\
         <SourceSelectionCriteria><SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects></SourceSelectionCriteria>\
         <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>\
         <Destination><Bucket>arn:aws:s3:::{to}</Bucket><EncryptionConfiguration><ReplicaKmsKeyID>{key}</ReplicaKmsKeyID></EncryptionConfiguration></Destination>\
         </Rule></ReplicationConfiguration>"
    );
    if let Some(bucket) = world.s3.buckets.get_mut(name) {
        bucket.replication = Some(rule);
    }
}

/// Nothing current is ever deleted; what was overwritten stays for longer than any backup.
const UPLOADS: &str = "<Rule><ID>uploads</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>\
    <Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>\
    <Transition><Days>90</Days><StorageClass>GLACIER</StorageClass></Transition>\
    <NoncurrentVersionExpiration><NoncurrentDays>400</NoncurrentDays></NoncurrentVersionExpiration></Rule>";

/// Archives go to colder storage and in the end away.
fn archives(environment: &Environment) -> String {
    let years = environment.retention_tiers.map_or(1, |tiers| tiers.yearly);
    format!(
        "<Rule><ID>archives</ID><Filter><Prefix>{}/</Prefix></Filter><Status>Enabled</Status>\
         <Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>\
         <Transition><Days>90</Days><StorageClass>GLACIER</StorageClass></Transition>\
         <Expiration><Days>{}</Days></Expiration></Rule>",
        environment.name,
        (years + 1) * 366
    )
}

fn lifecycle(rules: &str) -> String {
    format!(
        "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{rules}</LifecycleConfiguration>"
    )
}

/// Objects of the platform: the newest few are still on their way to the replica.
fn data(world: &mut World, environment: &Environment, declared: &Declared, now: Moment) {
    let to = declared.dr.clone().filter(|_| environment.replicates());
    let mut rng = rng_for(world.seed, &declared.name);
    for n in 0..OBJECTS {
        // What still waits for its replica was written a moment ago.
        let age = if n < PENDING { 60 + 90 * n } else { 60 * (1 + n * 37 + rng.random_range(0..20)) };
        let at = now - Duration::from_secs(age);
        let key = format!("wp-content/uploads/{}/image-{:04}.jpg", &at.yyyymmdd()[..6], OBJECTS - n);
        let ends = if n < PENDING { now + Duration::from_secs(120 + 90 * n) } else { at };
        let course = Timeline { ends, ..Timeline::instant(at) };
        let size = rng.random_range(20_000..4_000_000);
        put(world, &declared.name, &key, Content::Zeros(size), at, to.as_deref().map(|to| (to, course)));
    }
}

/// An object as of a moment in the past, and its replica.
pub(super) fn put(
    world: &mut World,
    name: &str,
    key: &str,
    content: Content,
    at: Moment,
    replica: Option<(&str, Timeline)>,
) {
    let id = uuid_for(world.seed, &format!("{name}/{key}/{}", at.0)).replace('-', "");
    let Some(bucket) = world.s3.buckets.get_mut(name) else { return };
    let sha256 = match &content {
        Content::Real(bytes) => Some(base64_of(&Sha256::digest(bytes))),
        Content::Zeros(_) => None,
    };
    let version = Version {
        id,
        made: at,
        visible: at,
        deleted: false,
        content,
        etag: hex::encode(&Sha256::digest(key)[..16]),
        sha256,
        metadata: BTreeMap::new(),
        tags: Tags::new(),
        content_type: "binary/octet-stream".to_owned(),
        class: "STANDARD".to_owned(),
        key: bucket.key.clone(),
        replication: replica
            .as_ref()
            .map(|(to, course)| Replication { bucket: (*to).to_owned(), course: course.clone() }),
        replica: false,
    };
    bucket.add(key, version.clone());
    if let Some((to, course)) = replica
        && let Some(there) = world.s3.buckets.get_mut(to)
    {
        let copy =
            Version { visible: course.ends, key: there.key.clone(), replication: None, replica: true, ..version };
        there.add(key, copy);
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The checksum of an object that was written in parts.
pub(super) fn in_parts(world: &mut World, name: &str, key: &str, sha256: &str) {
    for bucket in [Some(name.to_owned()), replica_of(world, name, key)].into_iter().flatten() {
        let versions = world.s3.buckets.get_mut(&bucket).and_then(|bucket| bucket.objects.get_mut(key));
        for version in versions.into_iter().flatten() {
            version.sha256 = Some(sha256.to_owned());
        }
    }
}

/// Tags and metadata of an object that an operation wrote.
pub(super) fn mark(world: &mut World, name: &str, key: &str, tags: &Tags, operation: &str) {
    for bucket in [Some(name.to_owned()), replica_of(world, name, key)].into_iter().flatten() {
        let versions = world.s3.buckets.get_mut(&bucket).and_then(|bucket| bucket.objects.get_mut(key));
        for version in versions.into_iter().flatten() {
            version.tags.clone_from(tags);
            version.metadata.insert("bbws-operation".to_owned(), operation.to_owned());
        }
    }
}

fn replica_of(world: &World, name: &str, key: &str) -> Option<String> {
    let versions = world.s3.buckets.get(name)?.objects.get(key)?;
    Some(versions.first()?.replication.as_ref()?.bucket.clone())
}
