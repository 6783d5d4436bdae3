//! A web server on the loopback that answers as a test says and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Response, StatusCode},
};
use serde_json::Value;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Percent-decoded and without a final slash.
    pub path: String,
    pub query: String,
    pub target: String,
    /// Region and service it was signed for.
    pub scope: (String, String),
    pub body: Vec<u8>,
}

impl Seen {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The body as a form.
    pub fn form(&self) -> Vec<(String, String)> {
        serde_urlencoded::from_bytes(&self.body).expect("the body is a form")
    }

    /// One field of the query string.
    pub fn asked(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    }

    /// One field of the form.
    pub fn field(&self, name: &str) -> Option<String> {
        self.form().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// 200 with JSON.
pub fn json(body: Value) -> Answer {
    Answer { status: 200, headers: vec![("content-type", "application/json".into())], body: body.to_string() }
}

/// An error as services that speak JSON write it.
pub fn error(status: u16, code: &str, message: &str) -> Answer {
    let headers = vec![("content-type", "application/json".into()), ("x-amzn-errortype", code.into())];
    Answer {
        status,
        headers,
        body: serde_json::json!({ "__type": code, "message": message, "Message": message }).to_string(),
    }
}

/// Headers only, as for HEAD.
pub fn headers(status: u16, headers: &[(&'static str, &str)]) -> Answer {
    Answer { status, headers: headers.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(), body: String::new() }
}

type Script = Box<dyn Fn(&Seen) -> Answer + Send + Sync>;

struct Inner {
    script: Script,
    seen: Mutex<Vec<Seen>>,
}

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub struct Fake {
    pub address: String,
    inner: Arc<Inner>,
}

impl Fake {
    /// Starts a server that answers by `script`.
    pub async fn start(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Fake {
        let inner = Arc::new(Inner { script: Box::new(script), seen: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Fake { address, inner }
    }

    /// Everything it was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().expect("no test panics while holding it").clone()
    }

    /// Requests with this method whose path begins so.
    pub fn asked(&self, method: &str, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|s| s.method == method && s.path.starts_with(path)).collect()
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 25).await.expect("the body is short").to_vec();
    let seen = Seen {
        method: parts.method.to_string(),
        path: decoded(parts.uri.path()).trim_end_matches('/').to_owned(),
        query: parts.uri.query().map(decoded).unwrap_or_default(),
        target: parts
            .headers
            .get("x-amz-target")
            .map(|v| v.to_str().expect("it is text").to_owned())
            .unwrap_or_default(),
        scope: scope(parts.headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default()),
        body,
    };
    let answer = (inner.script)(&seen);
    inner.seen.lock().expect("no test panics while holding it").push(seen);
    let mut response = Response::builder().status(StatusCode::from_u16(answer.status).expect("a status"));
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).expect("a response")
}

/// `Credential=<key>/<day>/<region>/<service>/aws4_request`.
fn scope(authorization: &str) -> (String, String) {
    let mut parts = authorization.split('/').skip(2).map(str::to_owned);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn decoded(text: &str) -> String {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(&format!("x={}", text.replace('&', "%26").replace('+', "%2B")))
            .expect("it can be decoded");
    pairs.into_iter().map(|(_, value)| value).collect()
}
