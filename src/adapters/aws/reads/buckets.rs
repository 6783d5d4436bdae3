//! Buckets of the platform's data: versions, replication and lifecycle as they are. Bucket configuration is only read.

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    types::{ExpirationStatus, LifecycleRule, ReplicationRule, ReplicationRuleStatus, ReplicationStatus},
};

use super::super::{
    moment, s3,
    session::Session,
    side_by_side,
    steps::{lifecycle, replication},
};
use crate::{
    domain::{
        environment::Environment,
        moment::Moment,
        world::{BucketFound, LifecycleFound},
    },
    ports::cloud::{CloudError, Condition},
};

/// A listing of S3 is by name, so the newest objects are looked for among so many pages of 1000.
const SAMPLE_PAGES: usize = 10;
/// How many of the newest objects are looked at.
const SAMPLE: usize = 20;

/// Describes buckets by name. What does not exist is absent.
///
/// # Errors
/// See [`CloudError`].
pub async fn describe(
    session: &Session,
    environment: &Environment,
    names: &[String],
) -> Result<Vec<BucketFound>, CloudError> {
    let found = side_by_side(names.iter().map(|name| one(session, environment, name)).collect()).await;
    Ok(found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

async fn one(session: &Session, environment: &Environment, name: &str) -> Result<Option<BucketFound>, CloudError> {
    let Some(versioned) = lifecycle::versions_kept(session, name, &environment.account).await? else { return Ok(None) };
    let dr = environment.buckets.iter().find(|b| b.name == name).and_then(|b| b.dr.as_deref());
    let replication = match dr {
        Some(dr) => replicated_by(session, name, dr, &environment.account).await?,
        None => Err(format!("Bucket {name} has no `dr` in the config file. Name its replica there.")),
    };
    let enabled = enabled(session, name, &environment.account).await?;
    let rules = lifecycle::found(session, name, &environment.account).await?;
    Ok(Some(BucketFound { name: name.to_owned(), versioned, replication, lifecycle: enabled, rules }))
}

/// The rule that replicates the whole bucket to its replica, or why there is none that counts.
async fn replicated_by(session: &Session, name: &str, dr: &str, account: &str) -> Result<Condition, CloudError> {
    let rules = match replication::read(session, name, account).await {
        Ok(found) => found.map(|found| found.rules).unwrap_or_default(),
        Err(CloudError::Permanent { reason }) => return Ok(Err(reason)),
        Err(other) => return Err(other),
    };
    let arn = format!("arn:aws:s3:::{dr}");
    let there: Vec<&ReplicationRule> =
        rules.iter().filter(|r| r.destination.as_ref().is_some_and(|d| d.bucket == arn)).collect();
    let enabled: Vec<&&ReplicationRule> = there.iter().filter(|r| r.status == ReplicationRuleStatus::Enabled).collect();
    if let Some(rule) = enabled.iter().find(|rule| replication::narrowed(rule).is_none()) {
        return Ok(Ok(format!("rule {} to {dr}", replication::label(rule))));
    }
    Ok(Err(match (enabled.first(), there.first()) {
        (Some(rule), _) => format!(
            "Rule {} replicates only {} of bucket {name} to {dr}. Add a rule for the whole bucket.",
            replication::label(rule),
            replication::narrowed(rule).unwrap_or_default()
        ),
        (None, Some(rule)) => {
            format!("Rule {} of bucket {name} to {dr} is disabled. Enable it.", replication::label(rule))
        }
        (None, None) => format!("Bucket {name} has no replication rule to {dr}. Add one for the whole bucket."),
    }))
}

/// The enabled lifecycle rules of a bucket.
///
/// # Errors
/// See [`CloudError`].
pub async fn enabled(session: &Session, name: &str, account: &str) -> Result<Vec<LifecycleFound>, CloudError> {
    let attempt = session.reads("s3:GetLifecycleConfiguration", format!("lifecycle rules of bucket {name}"));
    let request = session.s3().get_bucket_lifecycle_configuration().bucket(name).expected_bucket_owner(account);
    let rules = match request.send().await {
        Ok(answer) => answer.rules.unwrap_or_default(),
        Err(error) if error.code() == Some("NoSuchLifecycleConfiguration") => Vec::new(),
        Err(error) => return Err(attempt.failed(error)),
    };
    Ok(rules.into_iter().filter(|rule| rule.status == ExpirationStatus::Enabled).map(rule_found).collect())
}

fn rule_found(rule: LifecycleRule) -> LifecycleFound {
    let days = |days: Option<i32>| days.and_then(|days| u32::try_from(days).ok());
    let filter = rule.filter;
    let and = filter.as_ref().and_then(|f| f.and.as_ref()).and_then(|a| a.prefix.clone());
    #[allow(deprecated)] // Rules of the first schema have their prefix here.
    let old = rule.prefix;
    let transitions = rule.transitions.unwrap_or_default().into_iter();
    LifecycleFound {
        prefix: filter.and_then(|f| f.prefix).or(and).or(old).unwrap_or_default(),
        transitions: transitions
            .filter_map(|t| Some((t.storage_class?.as_str().to_owned(), days(t.days).unwrap_or(0))))
            .collect(),
        // A date is a day on which everything goes, however young: no days at all.
        expires: rule.expiration.and_then(|e| days(e.days).or(e.date.map(|_| 0))),
        noncurrent_expires: rule.noncurrent_version_expiration.and_then(|e| days(e.noncurrent_days)),
    }
}

/// Up to when a bucket is safe in its replica, by a sample of its newest objects: the oldest of them that is not replicated,
/// or now.
///
/// # Errors
/// See [`CloudError`].
pub async fn replicated(session: &Session, name: &str, account: &str, now: Moment) -> Result<Moment, CloudError> {
    let attempt = session.reads("s3:ListBucket", format!("objects of bucket {name}"));
    let request = session.s3().list_objects_v2().bucket(name).expected_bucket_owner(account).max_keys(1000);
    let mut pages = request.into_paginator().send();
    let mut newest: Vec<(Moment, String)> = Vec::new();
    for _ in 0..SAMPLE_PAGES {
        let Some(page) = pages.next().await else { break };
        let page = page.map_err(|e| attempt.failed(e))?;
        s3::goes_on(page.is_truncated, page.next_continuation_token.is_some(), &attempt)?;
        let objects = page.contents.unwrap_or_default();
        newest.extend(objects.into_iter().filter_map(|o| Some((o.last_modified.and_then(moment)?, o.key?))));
        newest.sort_by(|a, b| b.cmp(a));
        newest.truncate(SAMPLE);
    }
    let looked = side_by_side(newest.iter().map(|(at, key)| behind(session, name, account, key, *at)).collect()).await;
    let behind: Vec<Option<Moment>> = looked.into_iter().collect::<Result<_, _>>()?;
    Ok(behind.into_iter().flatten().min().unwrap_or(now))
}

/// When an object was written that is not replicated yet; none for one that is, or that is gone by now.
async fn behind(
    session: &Session,
    bucket: &str,
    account: &str,
    key: &str,
    at: Moment,
) -> Result<Option<Moment>, CloudError> {
    let attempt = session.reads("s3:GetObject", format!("object s3://{bucket}/{key}"));
    match session.s3().head_object().bucket(bucket).key(key).expected_bucket_owner(account).send().await {
        Ok(head) => {
            let there = matches!(
                head.replication_status,
                Some(ReplicationStatus::Completed | ReplicationStatus::Complete | ReplicationStatus::Replica)
            );
            Ok((!there).then_some(at))
        }
        Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}
