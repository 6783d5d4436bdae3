//! Public documents of AWS over HTTPS, trusted by the machine's root certificates and through the proxy that the environment
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
    orchestrator::HttpRequest,
};
use http_body_util::{BodyExt as _, Limited};

use crate::ports::fetch::{Fetch, FetchError};

/// How long connecting and the first byte may take each.
const STAGE: Duration = Duration::from_secs(2);
/// How long the whole may take; SNS waits 15 s for our answer.
const WHOLE: Duration = Duration::from_secs(5);

/// An HTTPS client that sends no credentials.
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
}

#[async_trait]
impl Fetch for Web {
    async fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, FetchError> {
        if !url.starts_with("https://") {
            return Err(FetchError::Unreachable("the address does not begin with https://".to_owned()));
        }
        let request = HttpRequest::get(url).map_err(|_| unreachable("the address cannot be read"))?;
        let whole = async {
            let response = self.connector.call(request).await.map_err(unreachable)?;
            let status = response.status().as_u16();
            if status != 200 {
                return Err(FetchError::Status(status));
            }
            let body = Limited::new(response.into_body(), limit).collect().await.map_err(unreachable)?;
            Ok(body.to_bytes().to_vec())
        };
        match tokio::time::timeout(WHOLE, whole).await {
            Ok(result) => result,
            Err(_) => Err(unreachable(format_args!("nothing within {} s", WHOLE.as_secs()))),
        }
    }
}

fn unreachable(why: impl fmt::Display) -> FetchError {
    FetchError::Unreachable(why.to_string())
}
