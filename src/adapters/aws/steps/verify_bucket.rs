//! A bucket of the platform's data: versioned, replicated as a whole, and its newest objects arrived.

use std::{collections::BinaryHeap, sync::Arc, time::Duration};

use aws_sdk_s3::{
    operation::head_object::HeadObjectOutput,
    types::{ReplicationRule, ReplicationRuleStatus, ReplicationStatus},
};

use super::{
    super::{
        background::Outcome,
        s3::{Object, goes_on},
        session::Session,
        side_by_side,
    },
    At, Look,
    lifecycle::versions_kept,
    replication,
    uploads::since,
};
use crate::{
    domain::{
        moment::Moment,
        step::{Outputs, VerifyBucket},
    },
    ports::cloud::{CloudError, Progress},
};

/// Most objects replicate within seconds, nearly all within this: AWS's own promise for replication time control.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Listings are by name, so the newest objects are looked for in so many pages of 1,000.
const PAGES: usize = 10;
/// More objects than this are counted, not named.
const NAMED: usize = 10;

/// What is compared.
struct Pair<'a> {
    /// Account of both.
    account: &'a str,
    /// The bucket.
    bucket: &'a str,
    /// Session of the replica's region, and its name.
    replica: Option<(Arc<Session>, &'a str)>,
}

/// How one object of the sample stands.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Arrived,
    /// Younger than [`PATIENCE`].
    Waiting,
    /// Deleted or replaced while it was looked at.
    Moved,
    Wrong(String),
}

impl Look for VerifyBucket {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let replica = match &self.replica {
            Some((region, name)) => Some((at.elsewhere(region).await, name.as_str())),
            None => None,
        };
        let pair = Pair { account: &at.call.environment.account, bucket: &self.bucket, replica };
        verify(&at.session, &pair, self.sample).await
    }
}

/// Looks at the bucket and at a sample of its newest objects.
async fn verify(session: &Session, pair: &Pair<'_>, sample: u32) -> Outcome {
    let refuted = |why: String, outputs| {
        let reason = format!("Bucket {} in {} does not hold: {why}", pair.bucket, session.region);
        Ok(Progress::Refuted { reason, outputs })
    };
    match versions_kept(session, pair.bucket, pair.account).await? {
        Some(true) => {}
        Some(false) => return refuted("its versioning is not Enabled. Enable it.".to_owned(), Outputs::new()),
        None => {
            let attempt = session.reads("s3:GetBucketVersioning", format!("versioning of bucket {}", pair.bucket));
            return Err(attempt.never("there is no such bucket", "Check `buckets` in bbws.toml."));
        }
    }
    let Some((there, replica)) = &pair.replica else {
        let detail = "versioning Enabled; the environment does not replicate".to_owned();
        return Ok(Progress::Done { outputs: Outputs::new(), detail });
    };
    if !replicates(session, pair, replica).await? {
        let why = format!(
            "no enabled replication rule covers the whole bucket and goes to {replica}. Add one that includes KMS-encrypted objects."
        );
        return refuted(why, Outputs::new());
    }
    let keys = newest(session, pair, usize::try_from(sample).unwrap_or(usize::MAX)).await?;
    let standings =
        side_by_side(keys.iter().map(|key| standing(session, pair, (there.as_ref(), replica), key)).collect()).await;
    let (mut arrived, mut waiting, mut wrong) = (0_usize, 0_usize, Vec::new());
    for (key, found) in keys.iter().zip(standings) {
        match found? {
            Standing::Arrived => arrived += 1,
            Standing::Waiting => waiting += 1,
            Standing::Moved => {}
            Standing::Wrong(why) => wrong.push(format!("{key} {why}")),
        }
    }
    let numbers = [("sampled", keys.len()), ("replicated", arrived), ("waiting", waiting), ("failed", wrong.len())];
    let outputs: Outputs = numbers.into_iter().map(|(k, n)| (k.to_owned(), n.to_string())).collect();
    if !wrong.is_empty() {
        let more = wrong.len().saturating_sub(NAMED);
        let named = wrong.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        let why = format!(
            "{} of {} sampled objects are not in {replica}: {named}{more}. Check the replication role and the keys, then replicate them by S3 Batch Replication.",
            wrong.len(),
            keys.len()
        );
        return refuted(why, outputs);
    }
    let sampled = match (keys.len(), waiting) {
        (0, _) => "the bucket is empty".to_owned(),
        (all, 0) => format!("{arrived} of {all} sampled objects are there"),
        (all, waiting) => {
            format!("{arrived} of {all} sampled objects are there, {waiting} younger than 15 minutes are on their way")
        }
    };
    let detail = format!("versioning Enabled; replicated to {replica} in {}; {sampled}", there.region);
    Ok(Progress::Done { outputs, detail })
}

async fn replicates(session: &Session, pair: &Pair<'_>, replica: &str) -> Result<bool, CloudError> {
    let rules = replication::read(session, pair.bucket, pair.account).await?.map(|found| found.rules);
    let arn = format!("arn:aws:s3:::{replica}");
    let there = |rule: &&ReplicationRule| rule.destination.as_ref().is_some_and(|d| d.bucket == arn);
    let mut rules = rules.iter().flatten().filter(|rule| rule.status == ReplicationRuleStatus::Enabled).filter(there);
    Ok(rules.any(|rule| replication::narrowed(rule).is_none()))
}

/// Keys of the newest objects of the first pages, newest first.
async fn newest(session: &Session, pair: &Pair<'_>, sample: usize) -> Result<Vec<String>, CloudError> {
    let attempt = session.reads("s3:ListBucket", format!("objects of bucket {}", pair.bucket));
    let request = session.s3().list_objects_v2().bucket(pair.bucket).expected_bucket_owner(pair.account);
    let mut pages = request.max_keys(1000).into_paginator().send();
    // The oldest of those kept is on top.
    let mut kept = BinaryHeap::new();
    for _ in 0..PAGES {
        let Some(page) = pages.next().await else { break };
        let page = page.map_err(|e| attempt.failed(e))?;
        goes_on(page.is_truncated, page.next_continuation_token.is_some(), &attempt)?;
        for object in page.contents.unwrap_or_default() {
            let modified = object.last_modified.map_or(0, |t| t.secs());
            kept.push(std::cmp::Reverse((modified, object.key.unwrap_or_default())));
            if kept.len() > sample {
                kept.pop();
            }
        }
    }
    Ok(kept.into_sorted_vec().into_iter().map(|std::cmp::Reverse((_, key))| key).collect())
}

async fn standing(
    session: &Session,
    pair: &Pair<'_>,
    (there, replica): (&Session, &str),
    key: &str,
) -> Result<Standing, CloudError> {
    let source = Object { account: pair.account, bucket: pair.bucket, key };
    let copy = Object { account: pair.account, bucket: replica, key };
    let (source, copy) = futures::future::join(head(session, &source), head(there, &copy)).await;
    Ok(judge(source?.as_ref(), copy?.as_ref(), session.now()))
}

fn judge(source: Option<&HeadObjectOutput>, copy: Option<&HeadObjectOutput>, now: Moment) -> Standing {
    let Some(source) = source else { return Standing::Moved };
    let young = source.last_modified.is_some_and(|modified| since(modified, now) < PATIENCE);
    match &source.replication_status {
        Some(ReplicationStatus::Failed) => return Standing::Wrong("is FAILED".to_owned()),
        Some(ReplicationStatus::Pending) if young => return Standing::Waiting,
        Some(ReplicationStatus::Pending) => {
            return Standing::Wrong("is PENDING for more than 15 minutes".to_owned());
        }
        _ => {}
    }
    // Replicas keep the version ids of their sources.
    let same = |copy: &HeadObjectOutput| {
        copy.content_length == source.content_length
            && (copy.version_id.is_none() || source.version_id.is_none() || copy.version_id == source.version_id)
    };
    match copy {
        Some(copy) if same(copy) && copy.replication_status == Some(ReplicationStatus::Replica) => Standing::Arrived,
        // An object that came from there has no status of a replica there.
        Some(copy) if same(copy) && source.replication_status == Some(ReplicationStatus::Replica) => Standing::Arrived,
        _ if young => Standing::Waiting,
        Some(copy) if same(copy) => Standing::Wrong("was put there by something other than replication".to_owned()),
        Some(_) => Standing::Wrong("is another version there".to_owned()),
        None if source.replication_status.is_none() => Standing::Wrong("was never replicated".to_owned()),
        None => Standing::Wrong("is missing there although it counts as replicated".to_owned()),
    }
}

/// Without the checksum, for which S3 would ask for the right to decrypt.
async fn head(session: &Session, object: &Object<'_>) -> Result<Option<HeadObjectOutput>, CloudError> {
    let attempt = session.reads("s3:GetObject", object.name());
    let request = session.s3().head_object().bucket(object.bucket).key(object.key);
    match request.expected_bucket_owner(object.account).send().await {
        Ok(head) => Ok(Some(head)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}
