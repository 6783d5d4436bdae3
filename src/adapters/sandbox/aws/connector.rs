//! The SDK's way into the simulated AWS without a socket: a connector that calls it, the clock as the SDK's time source, and
//! sleeps that nobody waits for.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{self, Poll, Waker},
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, stalled_stream_protection};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{
    rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep},
    time::{SharedTimeSource, TimeSource},
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;

use super::{
    Delivery, SimAws,
    api::{Raw, Reply},
};
use crate::ports::clock::Clock;

impl SimAws {
    /// What an SDK needs to speak to this AWS as the account of this number: connector, credentials, time. No attempt is
    /// repeated by the SDK itself. Time-outs and the like are for the caller to add.
    pub fn sdk(self: &Arc<Self>, account: &str, sleep: SharedAsyncSleep) -> aws_types::sdk_config::Builder {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                account, "any", None, None, "sandbox",
            )))
            .http_client(Connector { aws: Arc::clone(self) })
            .time_source(SharedTimeSource::new(Told(Arc::clone(&self.clock))))
            .sleep_impl(sleep)
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(stalled_stream_protection::StalledStreamProtectionConfig::disabled())
    }

    /// Sleeps for simulated time: they last as long as nothing hangs. Once something does they are over, which is how a
    /// time-out is met, and `passes` is told how much time that took.
    pub fn skipping(&self, passes: impl Fn(Duration) + Send + Sync + 'static) -> SharedAsyncSleep {
        SharedAsyncSleep::new(Skipping { hung: Arc::clone(&self.hung), passes: Arc::new(passes) })
    }
}

/// A clock of ours as the SDK's.
struct Told(Arc<dyn Clock>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

impl TimeSource for Told {
    fn now(&self) -> SystemTime {
        let since = Duration::from_millis(u64::try_from(self.0.now().0).unwrap_or(0));
        SystemTime::UNIX_EPOCH + since
    }
}

/// How many requests hang, and who sleeps meanwhile.
#[derive(Debug, Default)]
pub(super) struct Hung {
    count: AtomicUsize,
    sleepers: Mutex<Vec<Waker>>,
}

/// One request that hangs, for as long as this lives.
struct Hanging(Arc<Hung>);

impl Hanging {
    fn on(hung: &Arc<Hung>) -> Hanging {
        hung.count.fetch_add(1, Ordering::SeqCst);
        let sleepers = std::mem::take(&mut *hung.sleepers.lock().unwrap_or_else(PoisonError::into_inner));
        sleepers.into_iter().for_each(Waker::wake);
        Hanging(Arc::clone(hung))
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Skipping {
    hung: Arc<Hung>,
    passes: Arc<dyn Fn(Duration) + Send + Sync>,
}

impl fmt::Debug for Skipping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skipping").field("hung", &self.hung).finish_non_exhaustive()
    }
}

impl AsyncSleep for Skipping {
    fn sleep(&self, duration: Duration) -> Sleep {
        let (hung, passes) = (Arc::clone(&self.hung), Arc::clone(&self.passes));
        Sleep::new(std::future::poll_fn(move |cx| {
            // Registered before it is looked, so that no wake-up is missed.
            let mut sleepers = hung.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
            if !sleepers.iter().any(|sleeper| sleeper.will_wake(cx.waker())) {
                sleepers.push(cx.waker().clone());
            }
            drop(sleepers);
            if hung.count.load(Ordering::SeqCst) == 0 {
                return Poll::Pending;
            }
            passes(duration);
            Poll::Ready(())
        }))
    }
}

/// The simulated AWS as an HTTP client.
#[derive(Debug, Clone)]
struct Connector {
    aws: Arc<SimAws>,
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = Arc::clone(&self.aws);
        HttpConnectorFuture::new(async move {
            let raw = raw(request).await?;
            arrive(&aws, raw).await
        })
    }
}

async fn arrive(aws: &SimAws, raw: Raw) -> Result<HttpResponse, ConnectorError> {
    match aws.take(raw) {
        Delivery::Whole(reply) => {
            let body = SdkBody::from(reply.body.clone());
            response(reply, body)
        }
        Delivery::CutShort(reply) => {
            let half = SdkBody::from(half(&reply));
            response(reply, half)
        }
        Delivery::Torn(reply) => {
            let body = Broken { first: Some(half(&reply)), stalls: None };
            response(reply, SdkBody::from_body_1_x(body))
        }
        Delivery::Stalls(reply) => {
            let body = Broken { first: Some(half(&reply)), stalls: Some((Arc::clone(&aws.hung), None)) };
            response(reply, SdkBody::from_body_1_x(body))
        }
        Delivery::Refused => Err(failure("client error (Connect)", "tcp connect error: Connection refused")),
        Delivery::Lost => Err(failure("client error (SendRequest)", "connection closed before message completed")),
        Delivery::Never => {
            let _hanging = Hanging::on(&aws.hung);
            std::future::pending().await
        }
    }
}

/// A request with its whole body.
async fn raw(mut request: HttpRequest) -> Result<Raw, ConnectorError> {
    let body = request.take_body();
    let body = match body.bytes() {
        Some(bytes) => Bytes::copy_from_slice(bytes),
        None => body.collect().await.map_err(ConnectorError::user)?.to_bytes(),
    };
    let uri = request.uri();
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let (authority, target) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Raw {
        method: request.method().to_owned(),
        host: authority.split(':').next().unwrap_or(authority).to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: request.headers().iter().map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect(),
        body,
    })
}

fn response(reply: Reply, body: SdkBody) -> Result<HttpResponse, ConnectorError> {
    let broken = |e: Box<dyn std::error::Error + Send + Sync>| ConnectorError::other(e, None);
    let status = StatusCode::try_from(reply.status).map_err(|e| broken(e.into()))?;
    let mut response = HttpResponse::new(status, body);
    for (name, value) in reply.headers {
        response.headers_mut().try_append(name, value).map_err(|e| broken(e.into()))?;
    }
    Ok(response)
}

/// The first half of a body: at least one byte is missing.
pub(super) fn half(reply: &Reply) -> Bytes {
    reply.body.slice(..reply.body.len() / 2)
}

/// A body that gives one piece, and then breaks or stalls.
struct Broken {
    first: Option<Bytes>,
    stalls: Option<(Arc<Hung>, Option<Hanging>)>,
}

impl Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        match &mut self.stalls {
            None => {
                let why = "connection closed before message completed";
                Poll::Ready(Some(Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, why))))
            }
            Some((hung, hanging)) => {
                hanging.get_or_insert_with(|| Hanging::on(hung));
                Poll::Pending
            }
        }
    }
}

/// An error of the connection in the words of the HTTP client that `serve` uses, since those are what tells whether
/// anything was sent.
fn failure(what: &'static str, why: &'static str) -> ConnectorError {
    #[derive(Debug)]
    struct Failure(&'static str, std::io::Error);
    impl fmt::Display for Failure {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }
    impl std::error::Error for Failure {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.1)
        }
    }
    ConnectorError::io(Failure(what, std::io::Error::other(why)).into())
}
