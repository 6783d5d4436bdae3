//! Lifecycle rules of a bucket: where they move objects to, and whether they delete what has to be kept.

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    types::{ExpirationStatus, LifecycleRule, Transition},
};

use super::{
    super::{background::Outcome, session::Session},
    At, Look,
};
use crate::{
    domain::step::{Outputs, RuleSpec, VerifyLifecycle},
    ports::cloud::Progress,
};

impl Look for VerifyLifecycle {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        verify(&at.session, &at.call.environment.account, self).await
    }
}

/// Verifies that nothing under the prefix expires before so many days.
async fn verify(session: &Session, account: &str, what: &VerifyLifecycle) -> Outcome {
    let VerifyLifecycle { bucket, prefix, min_days, .. } = what;
    let min_days = *min_days;
    let attempt = session.reads("s3:GetLifecycleConfiguration", format!("lifecycle of bucket {bucket}"));
    let request = session.s3().get_bucket_lifecycle_configuration().bucket(bucket).expected_bucket_owner(account);
    let rules = match request.send().await {
        Ok(answer) => answer.rules.unwrap_or_default(),
        Err(error) if error.code() == Some("NoSuchLifecycleConfiguration") => Vec::new(),
        Err(error) => return Err(attempt.failed(error)),
    };
    let rules: Vec<LifecycleRule> = rules.into_iter().filter(|rule| rule.status == ExpirationStatus::Enabled).collect();
    let detail = rules.iter().map(words).collect::<Vec<_>>().join("; ");
    let outputs = Outputs::from([("rules".to_owned(), rules.len().to_string())]);
    let early: Vec<String> = rules.iter().filter_map(|rule| too_early(rule, prefix, min_days)).collect();
    if !early.is_empty() {
        let place = if prefix.is_empty() { "everything in it".to_owned() } else { format!("what is under {prefix}") };
        return Ok(Progress::Refuted {
            reason: format!(
                "Bucket {bucket} in {} has to keep {place} for {min_days} days, but {}. Change or disable that rule.",
                session.region,
                early.join("; ")
            ),
            outputs,
        });
    }
    if detail.is_empty() {
        let detail = "no lifecycle rule is enabled: nothing expires and nothing moves to colder storage".to_owned();
        return Ok(Progress::Done { outputs, detail });
    }
    Ok(Progress::Done { outputs, detail })
}

fn name(rule: &LifecycleRule) -> String {
    format!("rule {}", rule.id().filter(|id| !id.is_empty()).unwrap_or("without a name"))
}

/// What a rule does, in the words of S3.
pub(super) fn words(rule: &LifecycleRule) -> String {
    let mut acts: Vec<String> = rule.transitions().iter().map(transition).collect();
    acts.extend(rule.expiration().and_then(|e| match (e.days, e.date) {
        (Some(days), _) => Some(format!("expires after {days} days")),
        (None, Some(date)) => Some(format!("expires from {date} on")),
        (None, None) => None,
    }));
    for moved in rule.noncurrent_version_transitions() {
        if let (Some(class), Some(days)) = (&moved.storage_class, moved.noncurrent_days) {
            acts.push(format!("noncurrent versions to {} after {days} days", class.as_str()));
        }
    }
    if let Some(days) = rule.noncurrent_version_expiration().and_then(|e| e.noncurrent_days) {
        acts.push(format!("noncurrent versions expire after {days} days"));
    }
    if acts.is_empty() {
        acts.push("moves and expires nothing".to_owned());
    }
    let scope = match scope(rule) {
        "" => String::new(),
        prefix => format!(" (under {prefix})"),
    };
    format!("{}{scope}: {}", name(rule), acts.join(", "))
}

fn transition(to: &Transition) -> String {
    let class = to.storage_class.as_ref().map_or("colder storage", |class| class.as_str());
    match (to.days, to.date) {
        (Some(days), _) => format!("{class} after {days} days"),
        (None, Some(date)) => format!("{class} from {date} on"),
        (None, None) => class.to_owned(),
    }
}

/// The prefix a rule is about; a filter by tag or size narrows it further, which does not make it harmless.
fn scope(rule: &LifecycleRule) -> &str {
    let filter = rule.filter();
    let of_filter = filter.and_then(|f| f.prefix().or_else(|| f.and().and_then(|and| and.prefix())));
    #[allow(deprecated)]
    of_filter.or_else(|| rule.prefix()).unwrap_or_default()
}

fn too_early(rule: &LifecycleRule, prefix: &str, min_days: u32) -> Option<String> {
    let scope = scope(rule);
    if !scope.starts_with(prefix) && !prefix.starts_with(scope) {
        return None;
    }
    // What is meant by the tag of archives is to be kept for as long as the tag says.
    let min_days = promised(rule).unwrap_or(min_days);
    let early = |days: &i32| i64::from(*days) < i64::from(min_days);
    let current = rule.expiration().and_then(|expiration| match (expiration.days, expiration.date) {
        (Some(days), _) => Some(days).filter(early).map(|days| format!("{} expires it after {days} days", name(rule))),
        // From that date on everything expires at once, however young.
        (None, Some(date)) => Some(format!("{} expires everything from {date} on", name(rule))),
        (None, None) => None,
    });
    // What was overwritten or deleted by mistake is brought back from versions that are no longer current.
    let noncurrent = rule.noncurrent_version_expiration().and_then(|expiration| expiration.noncurrent_days);
    let noncurrent = noncurrent
        .filter(early)
        .map(|days| format!("{} deletes what was overwritten or deleted after {days} days", name(rule)));
    let both: Vec<String> = [current, noncurrent].into_iter().flatten().collect();
    (!both.is_empty()).then(|| both.join(", and "))
}

/// For how many days what the rule is about is to be kept, where it is about archives with such a tag.
fn promised(rule: &LifecycleRule) -> Option<u32> {
    let filter = rule.filter()?;
    let among = filter.and().map(|and| and.tags()).unwrap_or_default();
    let tag = filter.tag().into_iter().chain(among).find(|tag| tag.key == RuleSpec::TAG)?;
    tag.value.parse().ok()
}
