//! How S3 replicates a bucket. S3 takes a configuration as a whole, so that rules of others are read immediately before and written
//! back; the role is one for all of them.

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    types::{
        DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination, EncryptionConfiguration,
        ReplicationConfiguration, ReplicationRule, ReplicationRuleFilter, ReplicationRuleStatus,
        SourceSelectionCriteria, SseKmsEncryptedObjects, SseKmsEncryptedObjectsStatus,
    },
};
use aws_smithy_types::error::operation::BuildError;

use super::{
    super::{background::Outcome, session::Session},
    At, Change,
    lifecycle::{set, shown, versions_kept},
};
use crate::{
    domain::{
        step::{PutReplication, ReplicationSpec},
        text::count,
        world::{ReplicationFound, RuleFound},
    },
    ports::cloud::{CloudError, Probe, Started},
};

/// What the ARN of a bucket begins with.
const ARN: &str = "arn:aws:s3:::";

/// How a bucket is replicated, and whether both ends keep versions; none where there is no such bucket.
///
/// # Errors
/// See [`CloudError`].
pub async fn found(
    here: &Session,
    there: &Session,
    bucket: &str,
    replica: &str,
    account: &str,
) -> Result<Option<ReplicationFound>, CloudError> {
    let Some(versioned) = versions_kept(here, bucket, account).await? else { return Ok(None) };
    let replica_versioned = versions_kept(there, replica, account).await?;
    let live = read(here, bucket, account).await?;
    let (role, rules) = live.map_or((None, Vec::new()), |live| (Some(live.role), live.rules));
    let first_schema = rules.iter().filter(|rule| rule.filter.is_none()).map(label).collect();
    Ok(Some(ReplicationFound {
        bucket: bucket.to_owned(),
        versioned,
        replica: replica.to_owned(),
        replica_versioned,
        role,
        rules: rules.iter().map(rule_found).collect(),
        first_schema,
    }))
}

/// The configuration of a bucket; none where it has none.
///
/// # Errors
/// See [`CloudError`].
pub async fn read(
    session: &Session,
    bucket: &str,
    account: &str,
) -> Result<Option<ReplicationConfiguration>, CloudError> {
    let attempt = session.reads("s3:GetReplicationConfiguration", format!("replication of bucket {bucket}"));
    match session.s3().get_bucket_replication().bucket(bucket).expected_bucket_owner(account).send().await {
        Ok(answer) => Ok(answer.replication_configuration),
        Err(error) if error.code() == Some("ReplicationConfigurationNotFoundError") => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// What a rule is narrowed to; none where it is of the whole bucket.
pub fn narrowed(rule: &ReplicationRule) -> Option<String> {
    let filter = rule.filter.as_ref();
    let and = filter.and_then(|f| f.and.as_ref());
    #[allow(deprecated)] // Rules of the first schema have their prefix here.
    let prefixes =
        [rule.prefix.as_deref(), filter.and_then(|f| f.prefix.as_deref()), and.and_then(|a| a.prefix.as_deref())];
    if let Some(prefix) = prefixes.into_iter().flatten().find(|p| !p.is_empty()) {
        return Some(format!("what begins with `{prefix}`"));
    }
    let tagged =
        filter.is_some_and(|f| f.tag.is_some()) || and.is_some_and(|a| a.tags.as_ref().is_some_and(|t| !t.is_empty()));
    tagged.then(|| "what has certain tags".to_owned())
}

/// A rule's name.
pub fn label(rule: &ReplicationRule) -> String {
    rule.id.clone().unwrap_or_else(|| "without a name".to_owned())
}

impl Change for PutReplication {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let live = read(&at.session, &self.bucket, &at.call.environment.account).await?;
        Ok(match self.is_in(live.as_ref()) {
            true => Probe::Present(set(&self.bucket, true)),
            false => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, account) = (&at.session, &at.call.environment.account);
        let live = read(session, &self.bucket, account).await?;
        if self.is_in(live.as_ref()) {
            return Ok(set(&self.bucket, true));
        }
        let attempt =
            session.changes("s3:PutReplicationConfiguration", format!("replication of bucket {}", self.bucket));
        let (role, rules) = live.map_or((None, Vec::new()), |live| (Some(live.role), live.rules));
        let mut rules: Vec<ReplicationRule> =
            rules.into_iter().filter(|rule| rule.id.as_ref() != Some(&self.rule.id)).collect();
        // Looked at again: what was approved says nothing of rules or a role that came since.
        if let Some(role) = role.filter(|role| *role != self.role && !rules.is_empty()) {
            let what = format!("{} of others are carried out as {role}, not {}", count(rules.len(), "rule"), self.role);
            return Err(attempt.never(&what, "Ask for it again to see what is there now."));
        }
        let wrong = |e| attempt.never(&format!("the rule cannot be written ({e})"), "Report this.");
        rules.push(written(&self.rule, &rules).map_err(wrong)?);
        let wanted = ReplicationConfiguration::builder().role(&self.role).set_rules(Some(rules)).build();
        let request = session.s3().put_bucket_replication().bucket(&self.bucket).expected_bucket_owner(account);
        let request = request.replication_configuration(wanted.map_err(wrong)?);
        request.send().await.map_err(|e| attempt.failed(e))?;
        Ok(set(&self.bucket, false))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let live = read(&at.session, &self.bucket, &at.call.environment.account).await?;
        let detail = format!("{}, as {}", self.rule.words(), self.role);
        Ok(shown(at, self.is_in(live.as_ref()), &detail, || {
            format!("The replication of bucket {} is not as it was put", self.bucket)
        }))
    }
}

impl PutReplication {
    fn is_in(&self, live: Option<&ReplicationConfiguration>) -> bool {
        live.is_some_and(|live| {
            live.role == self.role && live.rules.iter().any(|rule| plain(rule).as_ref() == Some(&self.rule))
        })
    }
}

fn rule_found(rule: &ReplicationRule) -> RuleFound {
    let spec = plain(rule);
    RuleFound {
        id: rule.id.clone().unwrap_or_default(),
        words: spec.as_ref().map_or_else(|| words(rule), ReplicationSpec::words),
        plain: spec.is_some(),
    }
}

/// What a rule of somebody else's does, as far as it decides what has a replica.
fn words(rule: &ReplicationRule) -> String {
    let what = narrowed(rule).unwrap_or_else(|| "everything".to_owned());
    let to = rule.destination.as_ref().map_or("nowhere", |to| to.bucket.strip_prefix(ARN).unwrap_or(&to.bucket));
    let markers = if replicates_markers(rule) { "with delete markers" } else { "without delete markers" };
    let off = if rule.status == ReplicationRuleStatus::Enabled { "" } else { ", disabled" };
    format!("rule {}: {what} to {to}, {markers}{off}", label(rule))
}

fn replicates_markers(rule: &ReplicationRule) -> bool {
    let markers = rule.delete_marker_replication.as_ref().and_then(|markers| markers.status.as_ref());
    markers == Some(&DeleteMarkerReplicationStatus::Enabled)
}

/// What a rule says, where it says nothing that this product does not write. Its priority counts among others only.
fn plain(rule: &ReplicationRule) -> Option<ReplicationSpec> {
    let to = rule.destination.as_ref()?;
    let further = to.account.is_some()
        || to.storage_class.is_some()
        || to.access_control_translation.is_some()
        || to.replication_time.is_some()
        || to.metrics.is_some()
        || rule.existing_object_replication.is_some();
    let whole = rule.filter.is_some() && narrowed(rule).is_none();
    if further || !whole || rule.status != ReplicationRuleStatus::Enabled {
        return None;
    }
    let of = rule.source_selection_criteria.as_ref();
    if of.is_some_and(|of| of.replica_modifications.is_some()) {
        return None;
    }
    let encrypted = of.and_then(|of| of.sse_kms_encrypted_objects.as_ref());
    let encrypted = encrypted.is_some_and(|encrypted| encrypted.status == SseKmsEncryptedObjectsStatus::Enabled);
    let kms_key = to.encryption_configuration.as_ref().and_then(|under| under.replica_kms_key_id.clone());
    (encrypted == kms_key.is_some()).then_some(())?;
    Some(ReplicationSpec {
        id: rule.id.clone()?,
        replica: to.bucket.strip_prefix(ARN)?.to_owned(),
        kms_key,
        delete_markers: replicates_markers(rule),
    })
}

/// A rule as S3 takes it, which goes before all others.
fn written(spec: &ReplicationSpec, others: &[ReplicationRule]) -> Result<ReplicationRule, BuildError> {
    let first = others.iter().filter_map(|rule| rule.priority).max().map_or(1, |most| most.saturating_add(1));
    let mut to = Destination::builder().bucket(format!("{ARN}{}", spec.replica));
    let mut rule = ReplicationRule::builder();
    if let Some(key) = &spec.kms_key {
        to = to.encryption_configuration(EncryptionConfiguration::builder().replica_kms_key_id(key).build());
        let encrypted = SseKmsEncryptedObjects::builder().status(SseKmsEncryptedObjectsStatus::Enabled).build()?;
        rule = rule
            .source_selection_criteria(SourceSelectionCriteria::builder().sse_kms_encrypted_objects(encrypted).build());
    }
    let markers = match spec.delete_markers {
        true => DeleteMarkerReplicationStatus::Enabled,
        false => DeleteMarkerReplicationStatus::Disabled,
    };
    rule.id(&spec.id)
        .priority(first)
        .status(ReplicationRuleStatus::Enabled)
        .filter(ReplicationRuleFilter::builder().prefix("").build())
        .delete_marker_replication(DeleteMarkerReplication::builder().status(markers).build())
        .destination(to.build()?)
        .build()
}
