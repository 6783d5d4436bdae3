//! SNS: notices to machines.

use sha2::{Digest as _, Sha256};

use super::session::Session;
use crate::{
    domain::{
        environment::Environment,
        topics::{TopicRegion, Topics},
    },
    ports::{alert::Topic, cloud::CloudError},
};

/// The longest message SNS takes, in bytes.
const LONGEST: usize = 256 * 1024;
/// The longest subject SNS takes, in characters.
const LONGEST_SUBJECT: usize = 99;

/// The region in which the topics of an environment are.
pub fn region<'a>(topics: &Topics, environment: &'a Environment) -> &'a str {
    match topics.region {
        TopicRegion::Dr => &environment.dr_region,
        TopicRegion::Primary => &environment.primary_region,
    }
}

/// A topic's name in the config file.
pub fn name(topics: &Topics, topic: Topic) -> &str {
    match topic {
        Topic::BackupStatus => &topics.backup_status,
        Topic::OpsWarning => &topics.ops_warning,
        Topic::OpsCritical => &topics.ops_critical,
        Topic::DrEvents => &topics.dr_events,
    }
}

/// A topic's ARN in the account of an environment.
pub fn arn(topics: &Topics, topic: Topic, environment: &Environment) -> String {
    format!("arn:aws:sns:{}:{}:{}", region(topics, environment), environment.account, name(topics, topic))
}

/// Publishes one message.
///
/// # Errors
/// See [`CloudError`].
pub async fn publish(
    session: &Session,
    arn: &str,
    environment: &str,
    subject: &str,
    body: &str,
) -> Result<(), CloudError> {
    let attempt = session.changes("sns:Publish", format!("notice to topic {arn}"));
    if body.len() > LONGEST {
        return Err(attempt.never(&format!("the message has {} bytes, SNS takes {LONGEST}", body.len()), "Shorten it."));
    }
    let mut request = session.sns().publish().topic_arn(arn).subject(one_line(subject)).message(body);
    if arn.ends_with(".fifo") {
        // The body names the operation and what happened, so equal bodies are the same notice.
        request = request.message_group_id(environment).message_deduplication_id(hex::encode(Sha256::digest(body)));
    }
    request.send().await.map(|_| ()).map_err(|e| attempt.failed(e))
}

/// Whether a topic exists and may be seen.
///
/// # Errors
/// See [`CloudError`].
pub async fn look(session: &Session, arn: &str) -> Result<(), CloudError> {
    let attempt = session.reads("sns:GetTopicAttributes", format!("topic {arn}"));
    session.sns().get_topic_attributes().topic_arn(arn).send().await.map(|_| ()).map_err(|e| attempt.failed(e))
}

/// SNS refuses line breaks and control characters in a subject.
fn one_line(subject: &str) -> String {
    subject.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_SUBJECT).collect()
}
