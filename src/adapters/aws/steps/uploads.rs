//! Objects that a job of this process writes, in parts: begun once, watched from any process, begun anew when it is gone.
//!
//! An unfinished upload is invisible, so a process that ends leaves nothing that counts. Whether somebody works on it is
//! told by the time of its newest part.

use std::time::Duration;

use aws_sdk_s3::types::MultipartUpload;
use aws_smithy_types::DateTime;

use super::{
    super::{
        background::{Outcome, Teller},
        backup::size,
        s3::{self, Object},
        session::Session,
    },
    At, begun_ago, begun_at,
};
use crate::{
    adapters::archive::Place,
    domain::moment::Moment,
    ports::cloud::{CloudError, Progress, Started},
};

/// An upload to which no part was added for so long is nobody's any more. A part takes at most five minutes to send.
const STALE: Duration = Duration::from_secs(600);
/// Work that has sent no part in so long after it was begun is not under way: a first part is small.
const SILENT: Duration = Duration::from_secs(180);

/// Begins the work, unless the object is there or another process is at it. `work` is only called when it is begun.
///
/// # Errors
/// See [`CloudError`]; `Permanent` when somebody else's object is in that place.
pub async fn start<F, W>(at: &At<'_>, object: &Object<'_>, work: F) -> Result<Started, CloudError>
where
    F: FnOnce(Teller) -> W + Send + 'static,
    W: Future<Output = Outcome> + Send + 'static,
{
    let At { cloud, session, call, .. } = at;
    if let Some(made) = s3::made_by(session, object, call).await? {
        return Ok(made);
    }
    let attempt = session.changes("s3:PutObject", object.name());
    if s3::exists(session, object).await? {
        return Err(attempt.never(
            "an object of that name exists that this operation did not make",
            "Look at it in S3; rename or delete it, then retry.",
        ));
    }
    let begun = begun_at(&format!("s3://{}/{}", object.bucket, object.key), session.now());
    if cloud.jobs.ask(&call.token).is_some_and(|outcome| matches!(outcome, Ok(Progress::Running { .. }))) {
        return Ok(begun);
    }
    let unfinished = unfinished(session, object).await?;
    if unfinished.iter().any(|(_, age)| *age < STALE) {
        return Ok(begun);
    }
    for (id, _) in &unfinished {
        abort(session, object, id).await;
    }
    cloud.jobs.spawn(&call.token, work);
    Ok(begun)
}

/// How far the work is. `finished` puts into words what was found when another process, or an earlier life of this one,
/// wrote the object.
///
/// # Errors
/// See [`CloudError`].
pub async fn poll(at: &At<'_>, object: &Object<'_>, finished: impl FnOnce(Started) -> Progress + Send) -> Outcome {
    let At { cloud, session, call, .. } = at;
    let told = cloud.jobs.ask(&call.token);
    if let Some(Ok(progress)) = told {
        return Ok(progress);
    }
    if let Some(made) = s3::made_by(session, object, call).await? {
        return Ok(finished(made));
    }
    match told {
        Some(Err(CloudError::Permanent { reason })) => return Ok(Progress::Failed { reason }),
        // Nothing was stored, and what was begun is aborted.
        Some(Err(CloudError::Retryable { reason, .. })) => return Ok(Progress::Gone { reason }),
        _ => {}
    }
    let unfinished = unfinished(session, object).await?;
    let under_way = match unfinished.iter().map(|(_, age)| *age).min() {
        Some(age) => age < STALE,
        None => begun_ago(call, session.now()).is_some_and(|age| age < SILENT),
    };
    if under_way {
        let detail = "another process works on it, or did until a moment ago".to_owned();
        return Ok(Progress::Running { percent: None, detail });
    }
    Ok(Progress::Gone { reason: format!("The process that wrote {} ended before it was complete.", object.name()) })
}

/// The same place as the archive knows it.
pub fn place(object: &Object<'_>) -> Place {
    Place { account: object.account.to_owned(), bucket: object.bucket.to_owned(), key: object.key.to_owned() }
}

/// `1.2 GiB`.
pub fn bytes(count: u64) -> String {
    size(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Unfinished uploads of this very key, and how long ago the last part was added to each.
async fn unfinished(session: &Session, object: &Object<'_>) -> Result<Vec<(String, Duration)>, CloudError> {
    let attempt = session.reads("s3:ListBucketMultipartUploads", format!("unfinished uploads of {}", object.name()));
    let request = session.s3().list_multipart_uploads().bucket(object.bucket).prefix(object.key);
    let answer = request.expected_bucket_owner(object.account).send().await.map_err(|e| attempt.failed(e))?;
    // The key is the prefix, so its uploads come first; a thousand of one key are never under way.
    s3::goes_on(answer.is_truncated, answer.next_key_marker.is_some(), &attempt)?;
    let mut found = Vec::new();
    for upload in answer.uploads.unwrap_or_default() {
        if let (Some(key), Some(id)) = (upload.key(), upload.upload_id())
            && key == object.key
        {
            found.push((id.to_owned(), age(session, object, id, &upload).await?));
        }
    }
    Ok(found)
}

async fn age(
    session: &Session,
    object: &Object<'_>,
    id: &str,
    upload: &MultipartUpload,
) -> Result<Duration, CloudError> {
    let attempt = session.reads("s3:ListMultipartUploadParts", format!("parts of {}", object.name()));
    let request = session.s3().list_parts().bucket(object.bucket).key(object.key).upload_id(id);
    let mut pages = request.expected_bucket_owner(object.account).into_paginator().send();
    let mut newest = upload.initiated;
    while let Some(page) = pages.next().await {
        let page = match page {
            Ok(page) => page,
            // It was completed or aborted meanwhile: nobody works on it now, and there is nothing to abort.
            Err(error) if error.raw_response().is_some_and(|r| r.status().as_u16() == 404) => break,
            Err(error) => return Err(attempt.failed(error)),
        };
        s3::goes_on(page.is_truncated, page.next_part_number_marker.is_some(), &attempt)?;
        newest = page.parts().iter().filter_map(|part| part.last_modified).chain(newest).max();
    }
    Ok(newest.map_or(Duration::MAX, |then| since(then, session.now())))
}

/// Abandoned uploads only cost storage: one that cannot be aborted must not keep a backup from being made.
async fn abort(session: &Session, object: &Object<'_>, id: &str) {
    let attempt = session.changes("s3:AbortMultipartUpload", format!("unfinished upload {id} of {}", object.name()));
    let request = session.s3().abort_multipart_upload().bucket(object.bucket).key(object.key).upload_id(id);
    if let Err(error) = request.expected_bucket_owner(object.account).send().await {
        let _ = attempt.failed(error);
    }
}

/// How long ago that was; nothing where it is still to come.
pub fn since(then: DateTime, now: Moment) -> Duration {
    then.to_millis().map_or(Duration::MAX, |millis| now.since(Moment(millis)))
}
