//! Objects brought back as a list says, one by one, and put back as it says.
//!
//! Every write is conditional on what the list saw: S3 itself refuses it where the object is another one by now. So a write
//! that is asked for again after a lost answer is made once, and what somebody wrote meanwhile stays. What was written is known
//! by two tags on it. The only version that is ever removed is a delete marker which S3 says, immediately before, is one and is
//! the current one.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::{
    config::timeout::TimeoutConfig,
    error::ProvideErrorMetadata as _,
    types::{CompletedMultipartUpload, CompletedPart, StorageClass, TaggingDirective},
};

use super::{
    super::{
        background::{Outcome, Teller},
        error::Attempt,
        s3::Object,
        session::Session,
        side_by_side, tags,
    },
    At, Change, begun, bulk, lines,
    list_versions::{Act, Entry, Was},
};
use crate::{
    domain::{
        step::{ISSUE, Outputs, RestoreVersions, RevertVersions, Versions},
        text::count,
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Larger objects are copied in parts.
const AT_ONCE: i64 = 5 << 30;
/// Size of a part; 10,000 of them hold the largest object.
const PART: i64 = 512 << 20;
/// S3 copies within itself, but does not answer before it has.
const COPY: Duration = Duration::from_secs(600);
/// Says of an object which version it was made of.
const VERSION: &str = "bbws:restored-version";
/// An object has at most so many tags.
const TAGS: usize = 10;

/// What became of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Did {
    Done,
    /// It is another one than the list saw: somebody wrote it meanwhile.
    Left,
    /// It would have to be thawed.
    Frozen,
}

impl Change for RestoreVersions {
    /// Every write is conditional, so that none is made twice.
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        start(at, &self.versions, false).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        bulk::poll(at)
    }
}

impl Change for RevertVersions {
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        start(at, &self.versions, true).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        bulk::poll(at)
    }
}

async fn start(at: &At<'_>, what: &Versions, back: bool) -> Result<Started, CloudError> {
    let from = match &what.from {
        Some((region, _)) => at.elsewhere(region).await,
        None => Arc::clone(&at.session),
    };
    let hand = Hand { session: Arc::clone(&at.session), from, call: at.call.clone(), what: what.clone() };
    at.cloud.jobs.spawn(&at.call.token, move |tell| work(hand, back, tell));
    Ok(begun(&what.list))
}

async fn work(hand: Hand, back: bool, tell: Teller) -> Outcome {
    let object = hand.object(&hand.what.archive, &hand.what.list);
    let list = lines::whole(&hand.session, &object).await?;
    let mut reading = list.read(&hand.session, &object).await?;
    let (mut done, mut left, mut frozen) = (0_u64, 0_u64, 0_u64);
    while let Some(entries) = reading.next::<Entry>().await? {
        let act = |index: usize| {
            let entry: &Entry = &entries[index];
            let hand = &hand;
            async move { if back { hand.put_back(entry).await } else { hand.bring_back(entry).await } }
        };
        for did in bulk::each(&entries, act).await? {
            match did {
                Did::Done => done += 1,
                Did::Left => left += 1,
                Did::Frozen => frozen += 1,
            }
        }
        tell.tell(None, format!("{} looked at", count(done + left + frozen, "object")));
    }
    let mut detail = match back {
        false => format!("{} brought back", count(done, "object")),
        true => format!("{} as before", count(done, "object")),
    };
    let mut outputs: Outputs = [("done", done), ("left", left), ("frozen", frozen)]
        .map(|(name, number)| (name.to_owned(), number.to_string()))
        .into();
    if left > 0 {
        let words = format!("{} written anew meanwhile and left so", count(left, "object"));
        detail.push_str(&format!("; {words}"));
        outputs.insert(ISSUE.to_owned(), words);
    }
    if frozen > 0 && !back {
        detail.push_str(&format!("; {} archived and not thawed", count(frozen, "object")));
    }
    Ok(Progress::Done { outputs, detail })
}

/// Writes objects for a call.
struct Hand {
    session: Arc<Session>,
    /// Of the region of the replica, where that is what is brought back.
    from: Arc<Session>,
    call: Call,
    what: Versions,
}

/// What is current.
enum Current {
    /// A version, with its ETag as S3 writes it.
    Version {
        id: String,
        etag: String,
    },
    Marker {
        id: String,
    },
    Nothing,
}

impl Hand {
    fn object<'o>(&'o self, bucket: &'o str, key: &'o str) -> Object<'o> {
        Object { account: &self.call.environment.account, bucket, key }
    }

    fn session_of(&self, source: &Source<'_>) -> &Session {
        let replica = self.what.from.as_ref().is_some_and(|(_, bucket)| bucket == source.bucket);
        if replica { &self.from } else { &self.session }
    }

    async fn bring_back(&self, entry: &Entry) -> Result<Did, CloudError> {
        match (entry.act, &entry.was) {
            (Act::Frozen, _) => Ok(Did::Frozen),
            (Act::Unmark, Was::Marker { id }) => self.unmark(entry, id).await,
            (Act::Copy, was) => {
                let from = self.what.from.as_ref().map_or(&self.what.bucket, |(_, bucket)| bucket);
                let condition = match was {
                    Was::Version { etag, .. } => Condition::Is(format!("\"{etag}\"")),
                    Was::Marker { .. } | Was::Nothing => Condition::Free,
                };
                let source = Source { bucket: from, key: &entry.key, version: &entry.version };
                self.copy(&source, entry.size, entry.class.as_deref(), condition).await
            }
            // No list of ours says so.
            (Act::Unmark, _) => Ok(Did::Left),
        }
    }

    /// Removes a delete marker, having seen that it is one and is current.
    async fn unmark(&self, entry: &Entry, marker: &str) -> Result<Did, CloudError> {
        match self.current(&entry.key).await? {
            Current::Version { id, .. } if id == entry.version => return Ok(Did::Done),
            Current::Marker { id } if id == marker => {}
            Current::Version { .. } | Current::Marker { .. } | Current::Nothing => return Ok(Did::Left),
        }
        let object = self.object(&self.what.bucket, &entry.key);
        let attempt = self.session.changes("s3:DeleteObjectVersion", format!("delete marker of {}", object.name()));
        let request = self.session.s3().delete_object().bucket(object.bucket).key(object.key).version_id(marker);
        request.expected_bucket_owner(object.account).send().await.map_err(|e| attempt.failed(e))?;
        Ok(Did::Done)
    }

    async fn put_back(&self, entry: &Entry) -> Result<Did, CloudError> {
        let (now, etag) = match (entry.act, self.current(&entry.key).await?) {
            (Act::Frozen, _) => return Ok(Did::Frozen),
            // Where there was nothing, a marker has to do: nothing is ever deleted for good.
            (_, Current::Marker { .. } | Current::Nothing) => {
                return Ok(if matches!(entry.was, Was::Version { .. }) { Did::Left } else { Did::Done });
            }
            (_, Current::Version { id, etag }) => (id, etag),
        };
        match (entry.act, &entry.was) {
            (Act::Unmark, _) if now == entry.version => self.mark(&entry.key, &etag).await,
            (Act::Copy, Was::Version { id, .. }) if now == *id => Ok(Did::Done),
            (Act::Copy, was) => match (self.made_of(&entry.key, &now).await?, was) {
                (Some(made_of), Was::Version { id, .. }) if made_of == *id => Ok(Did::Done),
                (Some(made_of), Was::Version { id, .. }) if made_of == entry.version => {
                    let source = Source { bucket: &self.what.bucket, key: &entry.key, version: id };
                    self.copy_whole(&source, Condition::Is(etag)).await
                }
                (Some(made_of), Was::Marker { .. } | Was::Nothing) if made_of == entry.version => {
                    self.mark(&entry.key, &etag).await
                }
                _ => Ok(Did::Left),
            },
            (Act::Unmark | Act::Frozen, _) => Ok(Did::Left),
        }
    }

    /// Puts a delete marker on top, as long as this is what is there.
    async fn mark(&self, key: &str, etag: &str) -> Result<Did, CloudError> {
        let object = self.object(&self.what.bucket, key);
        let attempt = self.session.changes("s3:DeleteObject", object.name());
        let request = self.session.s3().delete_object().bucket(object.bucket).key(object.key).if_match(etag);
        match request.expected_bucket_owner(object.account).send().await {
            Ok(_) => Ok(Did::Done),
            Err(error) if is_refused(error.code(), error.raw_response().map(|r| r.status().as_u16())) => Ok(Did::Left),
            Err(error) => Err(attempt.failed(error)),
        }
    }

    /// A version of which only the id is known.
    async fn copy_whole(&self, source: &Source<'_>, condition: Condition) -> Result<Did, CloudError> {
        let object = self.object(source.bucket, source.key);
        let attempt = self.session.reads("s3:GetObjectVersion", object.name());
        let request = self.session.s3().head_object().bucket(object.bucket).key(object.key).version_id(source.version);
        let head = request.expected_bucket_owner(object.account).send().await.map_err(|e| attempt.failed(e))?;
        let class = head.storage_class().map(|class| class.as_str().to_owned());
        self.copy(source, head.content_length.unwrap_or(0), class.as_deref(), condition).await
    }

    /// Copies a version on top of what the condition says is there.
    async fn copy(
        &self,
        source: &Source<'_>,
        size: i64,
        class: Option<&str>,
        condition: Condition,
    ) -> Result<Did, CloudError> {
        let tagging = self.tagging(source).await?;
        let copied = match size > AT_ONCE {
            false => self.copy_at_once(source, class, tagging, &condition).await?,
            true => self.copy_in_parts(source, size, class, tagging, &condition).await?,
        };
        match copied {
            Copied::Done => Ok(Did::Done),
            Copied::Frozen => Ok(Did::Frozen),
            // An earlier call of ours may have been carried out.
            Copied::Refused => Ok(match self.current(source.key).await? {
                Current::Version { id, .. }
                    if self.made_of(source.key, &id).await?.as_deref() == Some(source.version) =>
                {
                    Did::Done
                }
                Current::Version { .. } | Current::Marker { .. } | Current::Nothing => Did::Left,
            }),
        }
    }

    async fn copy_at_once(
        &self,
        source: &Source<'_>,
        class: Option<&str>,
        tagging: String,
        condition: &Condition,
    ) -> Result<Copied, CloudError> {
        let object = self.object(&self.what.bucket, source.key);
        let attempt = self.session.changes("s3:PutObject", object.name());
        let request = self
            .session
            .s3()
            .copy_object()
            .bucket(object.bucket)
            .key(object.key)
            .copy_source(source.address())
            .expected_bucket_owner(object.account)
            .expected_source_bucket_owner(object.account)
            .tagging_directive(TaggingDirective::Replace)
            .tagging(tagging)
            .set_storage_class(class.map(StorageClass::from));
        let request = match condition {
            Condition::Is(etag) => request.if_match(etag),
            Condition::Free => request.if_none_match("*"),
        };
        match request.customize().config_override(patient()).send().await {
            // S3 may say 200 before it knows. Only a result with an ETag is one.
            Ok(answer) if answer.copy_object_result().is_some_and(|result| result.e_tag().is_some()) => {
                Ok(Copied::Done)
            }
            Ok(_) => Err(unsaid(&attempt)),
            Err(error) => refused(error.code(), error.raw_response().map(|r| r.status().as_u16()))
                .ok_or_else(|| attempt.failed(error)),
        }
    }

    async fn copy_in_parts(
        &self,
        source: &Source<'_>,
        size: i64,
        class: Option<&str>,
        tagging: String,
        condition: &Condition,
    ) -> Result<Copied, CloudError> {
        let object = self.object(&self.what.bucket, source.key);
        let attempt = self.session.changes("s3:PutObject", object.name());
        let original = self.object(source.bucket, source.key);
        // The headers come with a copy at once, and have to be carried over here.
        let session = self.session_of(source);
        let reads = session.reads("s3:GetObjectVersion", original.name());
        let head = session.s3().head_object().bucket(original.bucket).key(original.key).version_id(source.version);
        let head = head.expected_bucket_owner(original.account).send().await.map_err(|e| reads.failed(e))?;
        let begin = self
            .session
            .s3()
            .create_multipart_upload()
            .bucket(object.bucket)
            .key(object.key)
            .expected_bucket_owner(object.account)
            .tagging(tagging)
            .set_storage_class(class.map(StorageClass::from))
            .set_metadata(head.metadata)
            .set_content_type(head.content_type)
            .set_content_encoding(head.content_encoding)
            .set_content_disposition(head.content_disposition)
            .set_content_language(head.content_language)
            .set_cache_control(head.cache_control);
        let begun = begin.send().await.map_err(|e| attempt.failed(e))?;
        let Some(id) = begun.upload_id else { return Err(attempt.later("S3 began no upload", None)) };
        let parts = self.parts(source, &object, &id, size, &attempt).await;
        let copied = match parts {
            Ok(parts) => self.complete(&object, &id, parts, condition, &attempt).await,
            Err(error) => Err(error),
        };
        // What is unknown may have been completed, and then there is nothing to abort; an upload only costs storage.
        if !matches!(copied, Ok(Copied::Done)) {
            let request = self.session.s3().abort_multipart_upload().bucket(object.bucket).key(object.key);
            if let Err(error) = request.upload_id(&id).expected_bucket_owner(object.account).send().await {
                let _ = self.session.changes("s3:AbortMultipartUpload", object.name()).failed(error);
            }
        }
        copied
    }

    async fn parts(
        &self,
        source: &Source<'_>,
        object: &Object<'_>,
        id: &str,
        size: i64,
        attempt: &Attempt<'_>,
    ) -> Result<Vec<CompletedPart>, CloudError> {
        let starts: Vec<(i32, i64)> =
            (1..).zip((0..size).step_by(usize::try_from(PART).unwrap_or(usize::MAX))).collect();
        let part = |(number, start): (i32, i64)| async move {
            let last = (start + PART).min(size) - 1;
            let request = self.session.s3().upload_part_copy().bucket(object.bucket).key(object.key).upload_id(id);
            let request = request.part_number(number).copy_source(source.address());
            let request = request.copy_source_range(format!("bytes={start}-{last}"));
            let request = request.expected_bucket_owner(object.account).expected_source_bucket_owner(object.account);
            let answer = request.customize().config_override(patient()).send().await.map_err(|e| attempt.failed(e))?;
            match answer.copy_part_result.and_then(|result| result.e_tag) {
                Some(etag) => Ok(CompletedPart::builder().part_number(number).e_tag(etag).build()),
                None => Err(unsaid(attempt)),
            }
        };
        side_by_side(starts.into_iter().map(part).collect()).await.into_iter().collect()
    }

    async fn complete(
        &self,
        object: &Object<'_>,
        id: &str,
        parts: Vec<CompletedPart>,
        condition: &Condition,
        attempt: &Attempt<'_>,
    ) -> Result<Copied, CloudError> {
        let request = self.session.s3().complete_multipart_upload().bucket(object.bucket).key(object.key).upload_id(id);
        let request = request.multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
        let request = request.expected_bucket_owner(object.account);
        let request = match condition {
            Condition::Is(etag) => request.if_match(etag),
            Condition::Free => request.if_none_match("*"),
        };
        match request.customize().config_override(patient()).send().await {
            Ok(answer) if answer.e_tag().is_some() => Ok(Copied::Done),
            Ok(_) => Err(unsaid(attempt)),
            Err(error) => refused(error.code(), error.raw_response().map(|r| r.status().as_u16()))
                .ok_or_else(|| attempt.failed(error)),
        }
    }

    /// The tags of the version, and ours, by which it is known again.
    async fn tagging(&self, source: &Source<'_>) -> Result<String, CloudError> {
        let object = self.object(source.bucket, source.key);
        let theirs = tags_of(self.session_of(source), &object, source.version).await?;
        let ours = tags::of(&self.call).into_iter().chain([(VERSION.to_owned(), source.version.to_owned())]);
        let mut all: Vec<(String, String)> = theirs.into_iter().filter(|(key, _)| !key.starts_with("bbws:")).collect();
        // Its own tags decide about its lifecycle. Of ours those are kept first that it is known by.
        let mut ours: Vec<(String, String)> = ours.collect();
        ours.sort_by_key(|(key, _)| ![tags::OPERATION, tags::LEDGER, VERSION].contains(&key.as_str()));
        all.extend(ours);
        all.truncate(TAGS);
        let attempt = self.session.reads("s3:GetObjectVersionTagging", object.name());
        serde_urlencoded::to_string(all)
            .map_err(|e| attempt.never(&format!("its tags cannot be written ({e})"), "Report this."))
    }

    /// The version that this operation made the current one of, if it made it.
    async fn made_of(&self, key: &str, version: &str) -> Result<Option<String>, CloudError> {
        let found = tags_of(&self.session, &self.object(&self.what.bucket, key), version).await?;
        let value = |name: &str| found.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let ours = value(tags::OPERATION) == Some(self.call.operation.0.as_str())
            && value(tags::LEDGER).is_none_or(|ledger| Some(ledger) == tags::ledger(&self.call));
        Ok(value(VERSION).filter(|_| ours).map(str::to_owned))
    }

    async fn current(&self, key: &str) -> Result<Current, CloudError> {
        let object = self.object(&self.what.bucket, key);
        let attempt = self.session.reads("s3:GetObject", object.name());
        let request = self.session.s3().head_object().bucket(object.bucket).key(object.key);
        match request.expected_bucket_owner(object.account).send().await {
            Ok(head) => Ok(Current::Version {
                id: head.version_id.unwrap_or_else(|| "null".to_owned()),
                etag: head.e_tag.unwrap_or_default(),
            }),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => {
                let headers = error.raw_response().map(|answer| answer.headers());
                let header = |name: &str| headers.and_then(|headers| headers.get(name));
                Ok(match (header("x-amz-delete-marker"), header("x-amz-version-id")) {
                    (Some("true"), Some(id)) => Current::Marker { id: id.to_owned() },
                    _ => Current::Nothing,
                })
            }
            Err(error) => Err(attempt.failed(error)),
        }
    }
}

async fn tags_of(session: &Session, object: &Object<'_>, version: &str) -> Result<Vec<(String, String)>, CloudError> {
    let attempt = session.reads("s3:GetObjectVersionTagging", object.name());
    let request = session.s3().get_object_tagging().bucket(object.bucket).key(object.key).version_id(version);
    let answer = request.expected_bucket_owner(object.account).send().await.map_err(|e| attempt.failed(e))?;
    Ok(answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// A version to be copied.
struct Source<'s> {
    bucket: &'s str,
    key: &'s str,
    version: &'s str,
}

impl Source<'_> {
    /// As the header wants it: everything but slashes and what is plain in percent signs.
    fn address(&self) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
        let mut address = format!("{}/", self.bucket);
        for byte in self.key.bytes() {
            match plain(byte) {
                true => address.push(char::from(byte)),
                false => address.push_str(&format!("%{byte:02X}")),
            }
        }
        format!("{address}?versionId={}", self.version)
    }
}

/// What has to be there for a write to be made.
enum Condition {
    /// The object with this ETag.
    Is(String),
    /// No object: none of that key, or a delete marker.
    Free,
}

enum Copied {
    Done,
    /// The condition does not hold.
    Refused,
    Frozen,
}

/// What a refusal means that is an answer.
fn refused(code: Option<&str>, status: Option<u16>) -> Option<Copied> {
    match code {
        Some("InvalidObjectState") => Some(Copied::Frozen),
        code => is_refused(code, status).then_some(Copied::Refused),
    }
}

fn is_refused(code: Option<&str>, status: Option<u16>) -> bool {
    // 404 is said of an object that a condition names and that is not there any more.
    code == Some("PreconditionFailed") || status == Some(412) || (code == Some("NoSuchKey") && status == Some(404))
}

fn unsaid(attempt: &Attempt<'_>) -> CloudError {
    CloudError::Unknown { reason: format!("{}: S3 answered without saying what it made.", attempt.thing) }
}

fn patient() -> aws_sdk_s3::config::Builder {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(COPY).operation_timeout(COPY).read_timeout(COPY);
    aws_sdk_s3::Config::builder().timeout_config(timeouts.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_the_header_wants_them() {
        let source = Source { bucket: "b", key: "wp/a b+ü%?&.jpg", version: "v_1" };
        assert_eq!(source.address(), "b/wp/a%20b%2B%C3%BC%25%3F%26.jpg?versionId=v_1");
    }
}
