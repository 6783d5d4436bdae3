//! A network that nothing leaves but by a proxy: Slack and AWS are reached through its tunnels, and nobody is asked directly.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::serve::stage::Stage;

const SLACK: &str = "slack.invalid";
const AWS: &str = "aws.invalid";
const LOGIN: &str = "Proxy-Authorization: Basic b3BzOnBhc3M=";

/// A proxy that makes tunnels, and at their ends TLS servers in front of the stage's own. It keeps what it was asked for.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    roots: std::path::PathBuf,
}

impl Proxy {
    async fn start(stage: &Stage) -> Proxy {
        let (roots, tls) = certificate(stage.directory.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://ops:pass@{}", listener.local_addr().unwrap());
        let place = |url: &str| url.trim_start_matches("http://").trim_end_matches("/api").to_owned();
        let (slack, aws) = (place(&stage.slack_url), place(&stage.amazon.address));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, tls, slack, aws) = (seen.clone(), tls.clone(), slack.clone(), aws.clone());
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        assert_ne!(stream.read_line(&mut head).await.unwrap_or(0), 0, "it ends in the head: {head}");
                    }
                    let to = if head.contains(SLACK) { &slack } else { &aws };
                    seen.lock().unwrap().push(head.clone());
                    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                    let Ok(mut inside) = tls.accept(stream).await else { return };
                    let mut server = TcpStream::connect(to).await.unwrap();
                    let _ = copy_bidirectional(&mut inside, &mut server).await;
                });
            }
        });
        Proxy { address, asked, roots }
    }
}

/// An authority in a file, and a server that has a certificate of it for both names.
fn certificate(folder: &std::path::Path) -> (std::path::PathBuf, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let own = KeyPair::generate().unwrap();
    let signed = CertificateParams::new(vec![SLACK.to_owned(), AWS.to_owned(), format!("*.{AWS}")]).unwrap();
    let signed = signed.signed_by(&own, &Issuer::new(params, key)).unwrap();
    let file = folder.join("roots.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], PrivateKeyDer::Pkcs8(own.serialize_der().into()))
        .unwrap();
    (file, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn slack_and_aws_are_reached_through_the_proxy_that_the_environment_names() {
    let stage = Stage::set().await;
    let proxy = Proxy::start(&stage).await;
    let mut command = stage.bbws(&["check"]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name);
    }
    command
        .env("HTTPS_PROXY", &proxy.address)
        .env("SSL_CERT_FILE", &proxy.roots)
        .env("SLACK_API_URL", format!("https://{SLACK}/api"))
        .env("AWS_ENDPOINT_URL", format!("https://{AWS}"))
        // moto takes the name of its host for a bucket's; what is on this machine is asked without the proxy.
        .env("AWS_ENDPOINT_URL_S3", &stage.amazon.address);
    let checked = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&checked.stderr));
    assert!(said.lines().any(|line| line.starts_with("ok") && line.contains("Slack token")), "{said}");
    assert!(said.lines().any(|line| line.starts_with("ok") && line.contains("bbws-prod-mysql")), "{said}");
    let asked = proxy.asked.lock().unwrap().clone();
    for host in [SLACK, AWS] {
        let begin = format!("CONNECT {host}:443 HTTP/1.1\r\n");
        assert!(asked.iter().any(|head| head.starts_with(&begin)), "{host}: {asked:#?}");
    }
    let signed = |head: &String| head.to_lowercase().contains(&LOGIN.to_lowercase());
    assert!(asked.iter().all(signed), "the proxy is signed in to: {asked:#?}");
    assert!(!said.contains("pass@") && !said.contains("b3BzOnBhc3M="), "{said}");
}
