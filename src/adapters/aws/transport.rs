//! The HTTP client under all clients: rustls with ring, through the proxy that the environment names.

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};

/// An HTTP client that honours `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`. What can only be on this machine or
/// its host, credentials of instances and containers for one, is asked directly whatever they say.
pub fn client() -> SharedHttpClient {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let direct = Builder::new().tls_provider(tls.clone()).build_https();
    let proxied = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.tls_provider(tls.clone()).build()
    });
    SharedHttpClient::new(Routes { direct, proxied })
}

#[derive(Debug)]
struct Routes {
    direct: SharedHttpClient,
    proxied: SharedHttpClient,
}

impl HttpClient for Routes {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Route {
            direct: self.direct.http_connector(settings, components),
            proxied: self.proxied.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct Route {
    direct: SharedHttpConnector,
    proxied: SharedHttpConnector,
}

impl HttpConnector for Route {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if is_near(request.uri()) { self.direct.call(request) } else { self.proxied.call(request) }
    }
}

/// Whether an address is one of this machine, or of the link on which AWS hands out credentials.
fn is_near(uri: &str) -> bool {
    let host = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or_default().to_ascii_lowercase();
    let near = ["169.254.", "127.", "[::1]", "[fd00:ec2:"];
    near.iter().any(|start| host.starts_with(start)) || host == "localhost" || host.starts_with("localhost:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_its_link_are_near() {
        for uri in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials",
            "http://[fd00:ec2::254]/latest",
            "http://127.0.0.1:4566",
            "http://localhost:4566/?x",
            "http://LOCALHOST/",
        ] {
            assert!(is_near(uri), "{uri}");
        }
        for uri in ["https://rds.eu-west-1.amazonaws.com/", "http://localhost.example.com/", "https://1.127.0.1/"] {
            assert!(!is_near(uri), "{uri}");
        }
    }
}
