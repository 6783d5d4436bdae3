//! One tag of one snapshot, set or removed. To do it twice is to do it once.

use aws_sdk_rds::types::Tag;

use super::{
    super::{background::Outcome, session::Session},
    At, Change, finished,
};
use crate::{
    domain::step::{Outputs, TagSnapshot},
    ports::cloud::{CloudError, Probe, Progress, Started},
};

impl Change for TagSnapshot {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        Ok(if is_met(&at.session, self).await? { Probe::Present(finished(&self.arn)) } else { Probe::Absent })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        write(&at.session, self).await
    }

    /// Reads it back.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let TagSnapshot { arn, key, .. } = self;
        Ok(if is_met(&at.session, self).await? {
            Progress::Done { outputs: Outputs::new(), detail: "tagged".to_owned() }
        } else {
            Progress::Failed {
                reason: format!("Tag {key} of {arn} is not as it was written. Look who else tags it, then retry."),
            }
        })
    }
}

/// Sets or removes it.
async fn write(session: &Session, wanted: &TagSnapshot) -> Result<Started, CloudError> {
    let TagSnapshot { arn, key, value, .. } = wanted;
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
    Ok(finished(arn))
}

async fn is_met(session: &Session, wanted: &TagSnapshot) -> Result<bool, CloudError> {
    let TagSnapshot { arn, key, value, .. } = wanted;
    let attempt = session.reads("rds:ListTagsForResource", format!("tags of {arn}"));
    let answer =
        session.rds().list_tags_for_resource().resource_name(arn).send().await.map_err(|e| attempt.failed(e))?;
    let found = answer.tag_list().iter().find(|tag| tag.key() == Some(key.as_str()));
    Ok(found.map(|tag| tag.value().unwrap_or_default()) == value.as_deref())
}
