//! AWS on one address: moto behind a server that answers for AWS Backup itself and adds the replication moto's S3 lacks.
//! Every request is remembered.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::serve::jobs::Jobs;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Percent-decoded.
    pub path: String,
    pub query: String,
    /// `rds`, `s3`, `backup`, …, from the credential's scope.
    pub service: String,
    pub region: String,
    pub account: String,
    pub body: Bytes,
}

impl Seen {
    /// A field of a form, as the query protocol has them.
    pub fn field(&self, name: &str) -> Option<String> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&self.body).ok()?;
        pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// An answer of our own.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
    code: Option<&'static str>,
}

impl Answer {
    pub fn json(body: &Value) -> Answer {
        Answer { status: 200, kind: "application/json", body: body.to_string(), code: None }
    }

    pub fn error(status: u16, code: &'static str, message: &str) -> Answer {
        let body = json!({ "__type": code, "Message": message }).to_string();
        Answer { status, kind: "application/json", body, code: Some(code) }
    }

    fn xml(body: String) -> Answer {
        Answer { status: 200, kind: "application/xml", body, code: None }
    }

    fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if let Some(code) = self.code {
            response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
        }
        response
    }
}

/// When AWS goes silent, and on which side of what it was asked to do.
#[derive(Debug, Clone, Copy)]
struct Fuse {
    after: u32,
    done: bool,
}

struct Inner {
    account: String,
    moto: String,
    client: Client<HttpConnector, Full<Bytes>>,
    seen: Mutex<Vec<Seen>>,
    jobs: Mutex<Jobs>,
    slow: Mutex<Duration>,
    fuse: Mutex<Option<Fuse>>,
    silent: Notify,
}

impl Inner {
    /// Whether this request is the one that is not answered: `Some(true)` when it is carried out all the same.
    fn burn(&self) -> Option<bool> {
        let mut fuse = self.fuse.lock().unwrap();
        let burning = fuse.as_mut()?;
        if burning.after > 0 {
            burning.after -= 1;
            return None;
        }
        fuse.take().map(|f| f.done)
    }

    async fn never_answers(&self) -> Response<Body> {
        self.silent.notify_one();
        std::future::pending().await
    }
}

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub struct Amazon {
    pub address: String,
    inner: Arc<Inner>,
}

impl Amazon {
    /// For the resources of one account.
    pub async fn start(account: &str) -> Amazon {
        let inner = Arc::new(Inner {
            account: account.to_owned(),
            moto: crate::moto::address().to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            seen: Mutex::default(),
            jobs: Mutex::default(),
            slow: Mutex::default(),
            fuse: Mutex::default(),
            silent: Notify::new(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Amazon { address, inner }
    }

    /// AWS Backup's memory.
    pub fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.inner.jobs.lock().unwrap()
    }

    /// From now on every answer takes so long.
    pub fn slow(&self, by: Duration) {
        *self.inner.slow.lock().unwrap() = by;
    }

    /// Returns when nothing was asked for a while: the watcher has had its first look.
    pub async fn quiet(&self) {
        let mut before = usize::MAX;
        loop {
            let now = self.inner.seen.lock().unwrap().len();
            if now == before {
                return;
            }
            before = now;
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }

    /// Answers `after` more requests, and the next one never, whether it is carried out or not.
    pub fn silence(&self, after: u32, done: bool) {
        *self.inner.fuse.lock().unwrap() = Some(Fuse { after, done });
    }

    /// Returns when a request is not answered.
    pub async fn silenced(&self) {
        self.inner.silent.notified().await;
    }

    /// Everything that was asked of one service.
    pub fn asked(&self, service: &str) -> Vec<Seen> {
        self.inner.seen.lock().unwrap().iter().filter(|s| s.service == service).cloned().collect()
    }

    /// Requests of the query protocol with this action.
    pub fn actions(&self, service: &str, action: &str) -> Vec<Seen> {
        self.asked(service).into_iter().filter(|s| s.field("Action").as_deref() == Some(action)).collect()
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 24).await.unwrap();
    let (service, region) = scope(&head.headers);
    let seen = Seen {
        method: head.method.to_string(),
        path: decoded(head.uri.path()),
        query: head.uri.query().unwrap_or_default().to_owned(),
        service,
        region,
        account: inner.account.clone(),
        body: body.clone(),
    };
    inner.seen.lock().unwrap().push(seen.clone());
    let slow = *inner.slow.lock().unwrap();
    tokio::time::sleep(slow).await;
    match inner.burn() {
        None => carry_out(&inner, &head, &seen, body).await,
        Some(false) => inner.never_answers().await,
        Some(true) => {
            carry_out(&inner, &head, &seen, body).await;
            inner.never_answers().await
        }
    }
}

async fn carry_out(inner: &Inner, head: &Parts, seen: &Seen, body: Bytes) -> Response<Body> {
    if seen.service == "backup" {
        return inner.jobs.lock().unwrap().answer(seen).response();
    }
    if seen.service == "s3" && seen.method == "GET" && seen.query.starts_with("replication") {
        return rule(seen).response();
    }
    let target = head.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let mut response = forward(inner, head, &target, body.clone()).await;
    let secret = seen.service == "s3" && seen.path.contains("/secrets/");
    if secret && seen.method == "PUT" && response.status() == 200 && !target.contains("-dr/") {
        let (bucket, key) = target.trim_start_matches('/').split_once('/').unwrap();
        let copy = format!("/{bucket}-dr/{key}");
        let copied = forward(inner, head, &copy, body).await;
        assert!(copied.status() == 200 || copied.status() == 412, "the replica of {copy}: {}", copied.status());
    }
    if secret && seen.method == "HEAD" && response.status() == 200 {
        let state = if seen.path.contains("-dr/") { "REPLICA" } else { "COMPLETED" };
        response.headers_mut().insert("x-amz-replication-status", HeaderValue::from_static(state));
    }
    response
}

/// The replication of a bucket to its namesake with `-dr`.
fn rule(seen: &Seen) -> Answer {
    let bucket = seen.path.trim_matches('/');
    Answer::xml(format!(
        "<ReplicationConfiguration><Role>arn:aws:iam::{}:role/replicate</Role><Rule><ID>all</ID><Status>Enabled</Status><Priority>1</Priority>\
         <Filter><Prefix></Prefix></Filter><Destination><Bucket>arn:aws:s3:::{bucket}-dr</Bucket></Destination></Rule></ReplicationConfiguration>",
        seen.account
    ))
}

async fn forward(inner: &Inner, head: &Parts, target: &str, body: Bytes) -> Response<Body> {
    let mut request = axum::http::Request::builder().method(head.method.clone()).uri(format!("{}{target}", inner.moto));
    for (name, value) in &head.headers {
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING {
            request = request.header(name, value);
        }
    }
    let answer = inner.client.request(request.body(Full::new(body)).unwrap()).await;
    let (head, body) = answer.unwrap_or_else(|e| panic!("moto does not answer {target}: {e}")).into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = head.status;
    let keep = |name: &header::HeaderName| name != header::TRANSFER_ENCODING && name != header::CONNECTION;
    for (name, value) in head.headers.iter().filter(|(name, _)| keep(name)) {
        response.headers_mut().append(name, value.clone());
    }
    response
}

/// Service and region of a signature: `Credential=KEY/20261121/af-south-1/rds/aws4_request`.
fn scope(headers: &HeaderMap) -> (String, String) {
    let signature = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let credential = signature.split("Credential=").nth(1).unwrap_or_default();
    let mut parts = credential.split('/').skip(2).map(str::to_owned);
    let (region, service) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (service, region)
}

fn decoded(text: &str) -> String {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&format!("x={}", text.replace('+', "%2B"))).unwrap();
    pairs.into_iter().map(|(_, value)| value).collect()
}
