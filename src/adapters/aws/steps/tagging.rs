//! One tag of one snapshot, set or removed. To do it twice is to do it once.

use aws_sdk_rds::types::Tag;

use super::super::session::Session;
use crate::{
    domain::step::{Action, Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Looks whether the tag is as wanted.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe(session: &Session, call: &Call) -> Result<Probe, CloudError> {
    Ok(if is_met(session, call).await? { Probe::Present(finished(call)?) } else { Probe::Absent })
}

/// Sets or removes it.
///
/// # Errors
/// See [`CloudError`].
pub async fn start(session: &Session, call: &Call) -> Result<Started, CloudError> {
    let (arn, key, value) = wanted(call)?;
    match value {
        Some(value) => {
            let attempt = session.changes("rds:AddTagsToResource", format!("tag {key} of {arn}"));
            let tag = Tag::builder().key(key).value(value).build();
            let request = session.rds().add_tags_to_resource().resource_name(arn).tags(tag);
            request.send().await.map_err(|e| attempt.failed(e))?;
        }
        None => {
            let attempt = session.changes("rds:RemoveTagsFromResource", format!("tag {key} of {arn}"));
            let request = session.rds().remove_tags_from_resource().resource_name(arn).tag_keys(key);
            request.send().await.map_err(|e| attempt.failed(e))?;
        }
    }
    finished(call)
}

/// Reads it back.
///
/// # Errors
/// See [`CloudError`].
pub async fn poll(session: &Session, call: &Call) -> Result<Progress, CloudError> {
    let (arn, key, _) = wanted(call)?;
    Ok(if is_met(session, call).await? {
        Progress::Done { outputs: Outputs::new(), detail: "tagged".to_owned() }
    } else {
        Progress::Failed {
            reason: format!("Tag {key} of {arn} is not as it was written. Look who else tags it, then retry."),
        }
    })
}

async fn is_met(session: &Session, call: &Call) -> Result<bool, CloudError> {
    let (arn, key, value) = wanted(call)?;
    let attempt = session.reads("rds:ListTagsForResource", format!("tags of {arn}"));
    let answer =
        session.rds().list_tags_for_resource().resource_name(arn).send().await.map_err(|e| attempt.failed(e))?;
    let found = answer.tag_list().iter().find(|tag| tag.key() == Some(key));
    Ok(found.map(|tag| tag.value().unwrap_or_default()) == value)
}

fn wanted(call: &Call) -> Result<(&str, &str, Option<&str>), CloudError> {
    match &call.action {
        Action::TagSnapshot { arn, key, value, .. } => Ok((arn, key, value.as_deref())),
        _ => Err(super::super::not_aws()),
    }
}

fn finished(call: &Call) -> Result<Started, CloudError> {
    let (arn, ..) = wanted(call)?;
    Ok(Started { external_id: Some(arn.to_owned()), finished: true, ..Started::default() })
}
