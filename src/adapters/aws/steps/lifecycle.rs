//! What is set about a bucket as a whole: versions, and lifecycle rules. S3 takes all rules of a bucket at once, so that those of
//! others are read immediately before and written back word for word.

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput,
    types::{
        BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus, LifecycleExpiration, LifecycleRule,
        LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration, Tag, Transition,
        TransitionDefaultMinimumObjectSize, TransitionStorageClass, VersioningConfiguration,
    },
};
use std::time::Duration;

use super::{
    super::{background::Outcome, session::Session},
    At, Change, verify_lifecycle,
};
use crate::{
    domain::{
        step::{EnableVersioning, Outputs, PutLifecycle, RuleSpec},
        text::count,
        world::RuleFound,
    },
    ports::cloud::{CloudError, Probe, Progress, Started},
};

/// S3 shows what was set about a bucket after a while; after so long somebody else has changed it.
const SHOWN: Duration = Duration::from_secs(15 * 60);

/// The rules of a bucket, whoever made them.
///
/// # Errors
/// See [`CloudError`].
pub async fn found(session: &Session, bucket: &str, account: &str) -> Result<Vec<RuleFound>, CloudError> {
    let rules = read(session, bucket, account).await?.rules.unwrap_or_default();
    let found = |rule: &LifecycleRule| {
        let spec = plain(rule);
        let off = if rule.status == ExpirationStatus::Enabled { "" } else { ", disabled" };
        RuleFound {
            id: rule.id.clone().unwrap_or_default(),
            words: spec.as_ref().map_or_else(|| format!("{}{off}", verify_lifecycle::words(rule)), RuleSpec::words),
            plain: spec.is_some(),
        }
    };
    Ok(rules.iter().map(found).collect())
}

impl Change for EnableVersioning {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        Ok(match versioned(at, &self.bucket).await? {
            true => Probe::Present(set(&self.bucket, true)),
            false => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let attempt = at.session.changes("s3:PutBucketVersioning", format!("versions in bucket {}", self.bucket));
        let wanted = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let request = at.session.s3().put_bucket_versioning().bucket(&self.bucket).versioning_configuration(wanted);
        let request = request.expected_bucket_owner(&at.call.environment.account);
        request.send().await.map_err(|e| attempt.failed(e))?;
        Ok(set(&self.bucket, false))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let kept = versioned(at, &self.bucket).await?;
        Ok(shown(at, kept, "versions are kept", || format!("Versions in bucket {} are not kept", self.bucket)))
    }
}

impl Change for PutLifecycle {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let live = read(&at.session, &self.bucket, &at.call.environment.account).await?;
        Ok(match says(&live.rules.unwrap_or_default(), &self.rules) {
            true => Probe::Present(set(&self.bucket, true)),
            false => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, account) = (&at.session, &at.call.environment.account);
        let live = read(session, &self.bucket, account).await?;
        let size = live.transition_default_minimum_object_size.clone();
        let live = live.rules.unwrap_or_default();
        if says(&live, &self.rules) {
            return Ok(set(&self.bucket, true));
        }
        let attempt =
            session.changes("s3:PutLifecycleConfiguration", format!("lifecycle rules of bucket {}", self.bucket));
        let wrong = |e| attempt.never(&format!("a rule cannot be written ({e})"), "Report this.");
        let mut rules: Vec<LifecycleRule> = live.into_iter().filter(|rule| !is_ours(rule, &self.rules)).collect();
        for wanted in &self.rules {
            rules.push(written(wanted).map_err(wrong)?);
        }
        let wanted = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().map_err(wrong)?;
        let request = session
            .s3()
            .put_bucket_lifecycle_configuration()
            .bucket(&self.bucket)
            .expected_bucket_owner(account)
            .set_transition_default_minimum_object_size(
                size.map(|size| TransitionDefaultMinimumObjectSize::from(size.as_str())),
            )
            .lifecycle_configuration(wanted);
        request.send().await.map_err(|e| attempt.failed(e))?;
        Ok(set(&self.bucket, false))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let live = read(&at.session, &self.bucket, &at.call.environment.account).await?.rules.unwrap_or_default();
        let detail = format!("{}, {} of them bbws's", count(live.len(), "rule"), self.rules.len());
        Ok(shown(at, says(&live, &self.rules), &detail, || {
            format!("The lifecycle rules of bucket {} are not those that were put", self.bucket)
        }))
    }
}

/// What was set about a bucket.
pub(super) fn set(bucket: &str, finished: bool) -> Started {
    Started { external_id: Some(bucket.to_owned()), outputs: Outputs::new(), finished }
}

/// Whether what was set is shown by now.
pub(super) fn shown(at: &At<'_>, is: bool, detail: &str, not: impl Fn() -> String) -> Progress {
    if is {
        return Progress::Done { outputs: Outputs::new(), detail: detail.to_owned() };
    }
    let since = at.session.now().since(at.call.intended);
    if since < SHOWN {
        return Progress::Running { percent: None, detail: "S3 does not show it yet".to_owned() };
    }
    Progress::Failed { reason: format!("{} in {}. Look who else changes it, then retry.", not(), at.session.region) }
}

/// Whether the versions of a bucket are kept; none where there is no such bucket.
///
/// # Errors
/// See [`CloudError`].
pub async fn versions_kept(session: &Session, bucket: &str, account: &str) -> Result<Option<bool>, CloudError> {
    let attempt = session.reads("s3:GetBucketVersioning", format!("versioning of bucket {bucket}"));
    match session.s3().get_bucket_versioning().bucket(bucket).expected_bucket_owner(account).send().await {
        Ok(answer) => Ok(Some(answer.status == Some(BucketVersioningStatus::Enabled))),
        Err(error) if error.code() == Some("NoSuchBucket") => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

async fn versioned(at: &At<'_>, bucket: &str) -> Result<bool, CloudError> {
    Ok(versions_kept(&at.session, bucket, &at.call.environment.account).await? == Some(true))
}

async fn read(
    session: &Session,
    bucket: &str,
    account: &str,
) -> Result<GetBucketLifecycleConfigurationOutput, CloudError> {
    let attempt = session.reads("s3:GetLifecycleConfiguration", format!("lifecycle rules of bucket {bucket}"));
    let request = session.s3().get_bucket_lifecycle_configuration().bucket(bucket).expected_bucket_owner(account);
    match request.send().await {
        Ok(answer) => Ok(answer),
        Err(error) if error.code() == Some("NoSuchLifecycleConfiguration") => {
            Ok(GetBucketLifecycleConfigurationOutput::builder().build())
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

/// Whether a rule is replaced or taken away by these: it has the name of one of them, or one that only this product gives.
fn is_ours(rule: &LifecycleRule, wanted: &[RuleSpec]) -> bool {
    let id = rule.id().unwrap_or_default();
    id.starts_with(RuleSpec::OURS) || wanted.iter().any(|wanted| wanted.id == id)
}

/// Whether our rules on a bucket are these and no others.
fn says(live: &[LifecycleRule], wanted: &[RuleSpec]) -> bool {
    let mut ours: Vec<Option<RuleSpec>> = live.iter().filter(|rule| is_ours(rule, wanted)).map(plain).collect();
    let mut wanted: Vec<Option<RuleSpec>> = wanted.iter().cloned().map(Some).collect();
    let id = |spec: &Option<RuleSpec>| spec.as_ref().map(|spec| spec.id.clone());
    ours.sort_by_key(id);
    wanted.sort_by_key(id);
    ours == wanted
}

/// What a rule says, where it says nothing that this product does not write.
fn plain(rule: &LifecycleRule) -> Option<RuleSpec> {
    let days = |days: Option<i32>| days.and_then(|days| u32::try_from(days).ok());
    let mut transitions = Vec::new();
    for to in rule.transitions() {
        transitions.push((to.storage_class.as_ref()?.as_str().to_owned(), days(to.days)?));
    }
    transitions.sort_by_key(|(_, days)| *days);
    let filter = rule.filter()?;
    let (prefix, tag) = match filter.and() {
        Some(and) => (and.prefix().unwrap_or_default(), and.tags().first()),
        None => (filter.prefix().unwrap_or_default(), filter.tag()),
    };
    let spec = RuleSpec {
        id: rule.id.clone()?,
        prefix: prefix.to_owned(),
        // What else it is narrowed to is not written here, so that it differs from what would be.
        retention_days: tag.and_then(|tag| tag.value.parse().ok()),
        transitions,
        expires: rule.expiration().and_then(|e| days(e.days)),
        noncurrent_expires: rule.noncurrent_version_expiration().and_then(|e| days(e.noncurrent_days)),
    };
    let mut sorted = rule.clone();
    sorted.transitions.iter_mut().for_each(|all| all.sort_by_key(|to| to.days));
    (written(&spec).ok()? == sorted).then_some(spec)
}

/// A rule as S3 takes it.
fn written(spec: &RuleSpec) -> Result<LifecycleRule, aws_smithy_types::error::operation::BuildError> {
    let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
    let transitions: Vec<Transition> = spec
        .transitions
        .iter()
        .map(|(class, after)| {
            let class = TransitionStorageClass::from(class.as_str());
            Transition::builder().days(days(*after)).storage_class(class).build()
        })
        .collect();
    let expires = spec.expires.map(|after| LifecycleExpiration::builder().days(days(after)).build());
    let noncurrent = spec.noncurrent_expires;
    let noncurrent =
        noncurrent.map(|after| NoncurrentVersionExpiration::builder().noncurrent_days(days(after)).build());
    LifecycleRule::builder()
        .id(&spec.id)
        .status(ExpirationStatus::Enabled)
        .filter(filter(spec)?)
        .set_transitions((!transitions.is_empty()).then_some(transitions))
        .set_expiration(expires)
        .set_noncurrent_version_expiration(noncurrent)
        .build()
}

/// By prefix, and by the tag of archives where that is said: S3 takes several only as one `And`.
fn filter(spec: &RuleSpec) -> Result<LifecycleRuleFilter, aws_smithy_types::error::operation::BuildError> {
    let Some(days) = spec.retention_days else {
        return Ok(LifecycleRuleFilter::builder().prefix(&spec.prefix).build());
    };
    let tag = Tag::builder().key(RuleSpec::TAG).value(days.to_string()).build()?;
    if spec.prefix.is_empty() {
        return Ok(LifecycleRuleFilter::builder().tag(tag).build());
    }
    let and = LifecycleRuleAndOperator::builder().prefix(&spec.prefix).tags(tag).build();
    Ok(LifecycleRuleFilter::builder().and(and).build())
}
