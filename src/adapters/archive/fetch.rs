//! The bytes of an archive in S3, range by range.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use aws_sdk_s3::Client;
use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::mpsc,
    time::timeout,
};

use super::{
    error::{ArchiveError, failed, status},
    object::{Place, Stored},
};

/// What is asked for at once: large enough to be fast, small enough to be asked for again.
const RANGE: u64 = 8 << 20;
const ATTEMPTS: u32 = 5;

/// How long S3 is waited for. No time-out of the SDK covers a body, and it is content with one byte per second.
#[derive(Debug, Clone, Copy)]
struct Patience {
    range: Allowed,
    /// With everything that was asked for again.
    whole: Allowed,
    /// Before a range is asked for again, doubled each time.
    pause: Duration,
}

/// The time in which a number of bytes has to come.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    /// The least speed, in bytes per second.
    slowest: u64,
    /// What there is on top, for the first byte.
    slack: Duration,
}

/// The largest archive takes three days, which is how long a step may run.
const PATIENCE: Patience = Patience {
    range: Allowed { slowest: 128 << 10, slack: Duration::from_secs(10) },
    whole: Allowed { slowest: 2 << 20, slack: Duration::from_secs(900) },
    pause: Duration::from_millis(500),
};

impl Allowed {
    fn of(&self, bytes: u64) -> Duration {
        self.slack + Duration::from_millis(bytes.saturating_mul(1000).div_ceil(self.slowest))
    }
}

/// The bytes of that very object: one that is replaced meanwhile is an error. A range that breaks off is asked for again.
/// Memory: two ranges of 8 MiB. To be called inside of a Tokio runtime; reading ends when the value is dropped.
pub fn fetch(client: Client, place: Place, object: &Stored) -> impl AsyncRead + Unpin + Send + use<> {
    patiently(client, place, object, PATIENCE)
}

fn patiently(client: Client, place: Place, object: &Stored, patience: Patience) -> Ranges {
    let (to_reader, ranges) = mpsc::channel(1);
    let object = object.clone();
    tokio::spawn(async move {
        let limit = patience.whole.of(object.bytes);
        // Only the time in which S3 is waited for counts, not that in which the reader is.
        let (mut from, mut waited) = (0, Duration::ZERO);
        while from < object.bytes {
            let upto = (from + RANGE).min(object.bytes);
            let began = Instant::now();
            let asked = range(&client, &place, &object, (from, upto), patience);
            let read = timeout(limit.saturating_sub(waited), asked).await;
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

async fn range(
    client: &Client,
    place: &Place,
    object: &Stored,
    part: (u64, u64),
    patience: Patience,
) -> Result<Bytes, ArchiveError> {
    let mut wait = patience.pause;
    for _ in 1..ATTEMPTS {
        match once(client, place, object, part, patience.range).await {
            // What S3 could not answer just now; it ends with `ATTEMPTS`.
            Err(ArchiveError::Retryable(_)) => tokio::time::sleep(wait).await,
            settled => return settled,
        }
        wait *= 2;
    }
    once(client, place, object, part, patience.range).await
}

async fn once(
    client: &Client,
    place: &Place,
    object: &Stored,
    (from, upto): (u64, u64),
    allowed: Allowed,
) -> Result<Bytes, ArchiveError> {
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
    let body = timeout(allowed.of(upto - from), answer.body.collect()).await;
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
    use std::{
        collections::HashMap,
        convert::Infallible,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
    use aws_smithy_runtime_api::{
        client::{
            http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
            orchestrator::{HttpRequest, HttpResponse},
            runtime_components::RuntimeComponents,
        },
        http::StatusCode,
    };
    use aws_smithy_types::body::SdkBody;
    use http_body::{Body, Frame};
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[test]
    fn a_download_has_a_least_speed_and_an_end() {
        assert_eq!(PATIENCE.range.of(RANGE), Duration::from_secs(74));
        assert_eq!(PATIENCE.whole.of(0), Duration::from_secs(900));
        let largest = PATIENCE.whole.of(531 << 30);
        assert!(largest < Duration::from_secs(4 * 86_400), "{largest:?}");
    }

    /// An S3 whose bodies begin and never end.
    #[derive(Debug, Clone, Default)]
    struct Stalled(Arc<AtomicUsize>);

    /// Some bytes, and then silence.
    struct Beginning(Option<Bytes>);

    impl Body for Beginning {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
        }
    }

    impl HttpConnector for Stalled {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.0.fetch_add(1, Ordering::SeqCst);
            let body = SdkBody::from_body_1_x(Beginning(Some(Bytes::from_static(b"BBWS"))));
            HttpConnectorFuture::ready(Ok(HttpResponse::new(StatusCode::try_from(206).unwrap(), body)))
        }
    }

    impl HttpClient for Stalled {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    /// Why reading an object of 1 MiB from such an S3 ends, and how often it was asked for.
    async fn read(patience: Patience) -> (String, usize) {
        let s3 = Stalled::default();
        let credentials = Credentials::new("id", "secret", None, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("af-south-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(s3.clone())
            .build();
        let place = Place { account: "093646564004".into(), bucket: "b".into(), key: "k".into() };
        let object =
            Stored { bytes: 1 << 20, etag: "e".into(), version: None, checksum: None, metadata: HashMap::new() };
        let mut reader = patiently(Client::from_conf(config), place, &object, patience);
        let read = async { reader.read_to_end(&mut Vec::new()).await };
        let ended = timeout(Duration::from_secs(30), read).await.expect("it ends by itself");
        (ended.expect_err("it never came").to_string(), s3.0.load(Ordering::SeqCst))
    }

    const SOON: Allowed = Allowed { slowest: u64::MAX, slack: Duration::from_millis(20) };

    #[tokio::test]
    async fn a_body_that_stalls_is_asked_for_again_and_given_up() {
        let patience = Patience { range: SOON, pause: Duration::from_millis(1), ..PATIENCE };
        let (why, asked) = read(patience).await;
        assert_eq!(asked, 5);
        assert!(
            why.contains("bytes 0 to 1048576 of object s3://b/k broke off") && why.contains("tried again"),
            "{why}"
        );
    }

    #[tokio::test]
    async fn an_object_that_never_comes_whole_has_an_end() {
        let (why, asked) = read(Patience { whole: SOON, ..PATIENCE }).await;
        assert_eq!(asked, 1);
        assert!(why.contains("took longer than") && why.contains("0 of its 1048576 bytes"), "{why}");
    }
}
