//! An archive as S3 has it: what S3 knows of it, and its bytes range by range.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use aws_sdk_s3::{Client, types::ChecksumMode};
use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::mpsc,
    time::timeout,
};

use super::{
    ArchiveError,
    upload::{Place, failed, status},
};

/// What is asked for at once: large enough to be fast, small enough to be asked for again.
const RANGE: u64 = 8 << 20;
const ATTEMPTS: u32 = 5;
/// The least speed at which one range may come, in bytes per second. The SDK is content with one byte per second, and no
/// time-out of it covers a body.
const SLOWEST_RANGE: u64 = 128 << 10;
/// What a range gets on top, for its first byte.
const RANGE_SLACK: Duration = Duration::from_secs(10);
/// The least speed at which a whole object may come, with everything that was asked for again: the largest archive takes
/// three days, which is how long a step may run.
const SLOWEST_WHOLE: u64 = 2 << 20;
/// What a whole object gets on top.
const WHOLE_SLACK: Duration = Duration::from_secs(900);

/// The time in which so many bytes have to come.
pub(super) fn allowed(bytes: u64, slowest: u64, slack: Duration) -> Duration {
    slack + Duration::from_secs(bytes.div_ceil(slowest))
}

/// What S3 says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Bytes.
    pub bytes: u64,
    /// Identity of the content.
    pub etag: String,
    /// Version, in a versioned bucket.
    pub version: Option<String>,
    /// SHA-256 over the parts, `base64-N`, where S3 has it.
    pub checksum: Option<String>,
    /// Metadata, `bbws-operation` among it.
    pub metadata: HashMap<String, String>,
}

/// The object in that place, if there is one.
///
/// # Errors
/// See [`ArchiveError`].
pub async fn stored(client: &Client, place: &Place) -> Result<Option<Stored>, ArchiveError> {
    let request = client.head_object().bucket(&place.bucket).key(&place.key).expected_bucket_owner(&place.account);
    match request.checksum_mode(ChecksumMode::Enabled).send().await {
        Ok(head) => Ok(Some(Stored {
            bytes: head.content_length.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
            etag: head.e_tag.unwrap_or_default(),
            version: head.version_id,
            checksum: head.checksum_sha256,
            metadata: head.metadata.unwrap_or_default(),
        })),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
        Err(error) => Err(failed("s3:GetObject", &place.name(), &error)),
    }
}

/// The bytes of that very object: one that is replaced meanwhile is an error. A range that breaks off is asked for again.
/// Memory: two ranges of 8 MiB. To be called inside of a Tokio runtime; reading ends when the value is dropped.
pub fn fetch(client: Client, place: Place, object: &Stored) -> impl AsyncRead + Unpin + Send + use<> {
    let (to_reader, ranges) = mpsc::channel(1);
    let object = object.clone();
    tokio::spawn(async move {
        let limit = allowed(object.bytes, SLOWEST_WHOLE, WHOLE_SLACK);
        // Only the time in which S3 is waited for counts, not that in which the reader is.
        let (mut from, mut waited) = (0, Duration::ZERO);
        while from < object.bytes {
            let upto = (from + RANGE).min(object.bytes);
            let began = Instant::now();
            let read = timeout(limit.saturating_sub(waited), range(&client, &place, &object, from, upto)).await;
            waited += began.elapsed();
            let read = read.unwrap_or_else(|_| Err(late(&place, from, &object, limit)));
            let ended = read.is_err();
            if to_reader.send(read.map_err(io::Error::other)).await.is_err() || ended {
                return;
            }
            from = upto;
        }
    });
    Ranges { ranges, current: Bytes::new() }
}

fn late(place: &Place, got: u64, object: &Stored, limit: Duration) -> ArchiveError {
    ArchiveError::Retryable(format!(
        "Reading the {} took longer than {} min, in which {got} of its {} bytes came. It is tried again; look at the network between here and S3.",
        place.name(),
        limit.as_secs() / 60,
        object.bytes
    ))
}

async fn range(client: &Client, place: &Place, object: &Stored, from: u64, upto: u64) -> Result<Bytes, ArchiveError> {
    let mut wait = Duration::from_millis(500);
    for _ in 1..ATTEMPTS {
        match once(client, place, object, from, upto).await {
            Err(ArchiveError::Retryable(_)) => tokio::time::sleep(wait).await,
            settled => return settled,
        }
        wait *= 2;
    }
    once(client, place, object, from, upto).await
}

async fn once(client: &Client, place: &Place, object: &Stored, from: u64, upto: u64) -> Result<Bytes, ArchiveError> {
    let broken = || {
        ArchiveError::Retryable(format!(
            "Reading bytes {from} to {upto} of {} broke off. It is tried again.",
            place.name()
        ))
    };
    let request = client
        .get_object()
        .bucket(&place.bucket)
        .key(&place.key)
        .expected_bucket_owner(&place.account)
        .set_version_id(object.version.clone())
        .if_match(&object.etag)
        .range(format!("bytes={from}-{}", upto - 1));
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if status(&error) == Some(412) => {
            return Err(ArchiveError::Damaged(format!(
                "The {} was replaced while it was read. Look at who writes there.",
                place.name()
            )));
        }
        Err(error) => return Err(failed("s3:GetObject", &place.name(), &error)),
    };
    let body = timeout(allowed(upto - from, SLOWEST_RANGE, RANGE_SLACK), answer.body.collect()).await;
    let bytes = body.map_err(|_| broken())?.map_err(|_| broken())?.into_bytes();
    if bytes.len() as u64 == upto - from { Ok(bytes) } else { Err(broken()) }
}

/// Ranges one after the other.
struct Ranges {
    ranges: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl AsyncRead for Ranges {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.current.is_empty() {
            match ready!(self.ranges.poll_recv(cx)) {
                Some(range) => self.current = range?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.current.len().min(into.remaining());
        into.put_slice(&self.current[..length]);
        self.current.advance(length);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_has_a_least_speed_and_an_end() {
        assert_eq!(allowed(RANGE, SLOWEST_RANGE, RANGE_SLACK), Duration::from_secs(74));
        assert_eq!(allowed(0, SLOWEST_WHOLE, WHOLE_SLACK), WHOLE_SLACK);
        let largest = allowed(531 << 30, SLOWEST_WHOLE, WHOLE_SLACK);
        assert!(largest < Duration::from_secs(4 * 86_400), "{largest:?}");
    }
}
