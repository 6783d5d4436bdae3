//! Slack's side of the wire: sends signed forms to the product over HTTP and waits three seconds, no longer.

use std::time::Duration;

use axum::body::Body;
use http_body_util::{BodyExt, Limited};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

use super::forms::SignedForm;
use super::replies::Reply;

/// How long Slack waits for an app.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of an app's reply Slack reads.
const LONGEST: usize = 1 << 20;

/// The product as Slack sees it: a base URL.
#[derive(Clone)]
pub(super) struct Product {
    client: Client<HttpConnector, Body>,
    base_url: String,
}

impl Product {
    pub(super) fn at(base_url: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, base_url: base_url.trim_end_matches('/').to_owned() }
    }

    /// Sends a form. Slack's error code when nothing came back in time.
    pub(super) async fn send(&self, form: &SignedForm) -> Result<Reply, &'static str> {
        match tokio::time::timeout(PATIENCE, self.exchange(form)).await {
            Ok(done) => done,
            Err(_) => Err("operation_timeout"),
        }
    }

    async fn exchange(&self, form: &SignedForm) -> Result<Reply, &'static str> {
        let request = form.request(&self.base_url).map_err(|_| "dispatch_failed")?;
        let response = self.client.request(request).await.map_err(|_| "dispatch_failed")?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|_| "dispatch_failed")?.to_bytes();
        Ok(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
    }
}
