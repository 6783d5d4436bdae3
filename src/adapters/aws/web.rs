//! Public documents of AWS over HTTPS, and whether a platform answers at its addresses, trusted by the machine's root certificates and through the proxy that the environment
//! names: the port [`Fetch`].

use std::{fmt, time::Duration};

use async_trait::async_trait;
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorSettings},
    orchestrator::{HttpRequest, HttpResponse},
};
use http_body_util::{BodyExt as _, Limited};

use crate::ports::fetch::{Fetch, FetchError};

/// How long connecting and the first byte may take each.
const STAGE: Duration = Duration::from_secs(2);
/// How long the whole may take; SNS waits 15 s for our answer.
const WHOLE: Duration = Duration::from_secs(5);

/// A client that sends no credentials.
#[derive(Debug)]
pub struct Web {
    connector: Connector,
}

impl Default for Web {
    fn default() -> Web {
        Web::over(TlsContext::default())
    }
}

impl Web {
    /// One that trusts these roots instead of the machine's.
    ///
    /// # Errors
    /// A sentence, where they cannot be used.
    pub fn trusting(roots: TrustStore) -> Result<Web, String> {
        let context = TlsContext::builder().with_trust_store(roots).build();
        context.map(Web::over).map_err(|e| format!("the root certificates cannot be used: {e}"))
    }

    fn over(context: TlsContext) -> Web {
        let settings = HttpConnectorSettings::builder().connect_timeout(STAGE).read_timeout(STAGE).build();
        let connector = Connector::builder()
            .connector_settings(settings)
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(context)
            .build();
        Web { connector }
    }

    async fn ask(&self, url: &str) -> Result<HttpResponse, FetchError> {
        let request = HttpRequest::get(url).map_err(|_| unreachable("the address cannot be read"))?;
        self.connector.call(request).await.map_err(unreachable)
    }
}

#[async_trait]
impl Fetch for Web {
    async fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, FetchError> {
        if !url.starts_with("https://") {
            return Err(FetchError::Unreachable("the address does not begin with https://".to_owned()));
        }
        in_time(async {
            let response = self.ask(url).await?;
            let status = response.status().as_u16();
            if status != 200 {
                return Err(FetchError::Status(status));
            }
            let body = Limited::new(response.into_body(), limit).collect().await.map_err(unreachable)?;
            Ok(body.to_bytes().to_vec())
        })
        .await
    }

    async fn status(&self, url: &str) -> Result<u16, FetchError> {
        in_time(async { Ok(self.ask(url).await?.status().as_u16()) }).await
    }
}

/// What comes of it, if it comes within [`WHOLE`].
async fn in_time<T>(asked: impl Future<Output = Result<T, FetchError>>) -> Result<T, FetchError> {
    match tokio::time::timeout(WHOLE, asked).await {
        Ok(result) => result,
        Err(_) => Err(unreachable(format_args!("nothing within {} s", WHOLE.as_secs()))),
    }
}

fn unreachable(why: impl fmt::Display) -> FetchError {
    FetchError::Unreachable(why.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn whether_something_answers_is_asked_over_plain_http_as_well_and_the_page_may_be_long() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/healthz", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for status in ["200 OK", "503 Service Unavailable"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await.unwrap();
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: 9999999\r\nconnection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
            }
        });
        let web = Web::default();
        assert_eq!(web.status(&url).await, Ok(200));
        assert_eq!(web.status(&url).await, Ok(503));
        assert!(matches!(web.status(&url).await, Err(FetchError::Unreachable(_))));
        let documents = web.get(&url, 10).await;
        assert!(documents.unwrap_err().to_string().contains("does not begin with https://"));
    }
}
