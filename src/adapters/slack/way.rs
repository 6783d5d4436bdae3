//! The way to Slack: TLS with the machine's root certificates, through the proxy that the environment names.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::{
        legacy::connect::{HttpConnector, proxy::Tunnel},
        proxy::matcher::Matcher,
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower_service::Service;

type BoxError = Box<dyn Error + Send + Sync>;

/// Opens connections to Slack: directly, or through a tunnel that the proxy of `HTTPS_PROXY` or `ALL_PROXY` makes, except to
/// what `NO_PROXY` names. The proxy sees where to, and nothing of what is said.
#[derive(Debug, Clone)]
pub(super) struct Way {
    direct: HttpConnector,
    proxies: Arc<Matcher>,
}

/// TLS over that way.
///
/// # Errors
/// When the machine's root certificates cannot be read.
pub(super) fn https() -> std::io::Result<HttpsConnector<Way>> {
    let mut direct = HttpConnector::new();
    // Only the beginning of a connection that goes on with TLS.
    direct.enforce_http(false);
    let way = Way { direct, proxies: Arc::new(Matcher::from_env()) };
    let provider = rustls::crypto::ring::default_provider();
    let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
    Ok(builder.https_only().enable_all_versions().wrap_connector(way))
}

impl Service<Uri> for Way {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let Some(proxy) = self.proxies.intercept(&to) else {
            let connecting = self.direct.call(to);
            return Box::pin(async { Ok(connecting.await?) });
        };
        if proxy.uri().scheme_str() != Some("http") {
            let why = "the proxy that the environment names is to be spoken to over TLS itself; name one that begins with http://";
            return Box::pin(async move { Err(why.into()) });
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.direct.clone());
        if let Some(login) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(login.clone());
        }
        let connecting = tunnel.call(to);
        Box::pin(async { connecting.await.map_err(|why| format!("through the proxy: {why}").into()) })
    }
}
