//! The HTTPS client that reads SNS's documents, against a server of the `openssl` program.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use aws_smithy_http_client::tls::TrustStore;
use bbws::{
    adapters::aws::web::Web,
    ports::fetch::{Fetch as _, FetchError},
};

use crate::push::sns::{certificate, key, openssl};

/// Serves the files of a folder as `localhost` until it is dropped.
struct Server {
    child: Child,
    port: String,
    certificate: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
        let certificate = certificate(key(), &["localhost"], (2020, 2049));
        file("key.pem", key().serialize_pem().as_bytes());
        file("certificate.pem", &certificate);
        file("page", b"a document\n");
        file("moved", b"HTTP/1.0 302 Found\r\nLocation: page\r\nContent-Length: 0\r\n\r\n");
        file("broken", b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        let (child, port) = Server::run(folder.path());
        Server { child, port, certificate, _folder: folder }
    }

    /// Files hold whole answers, unless `page` is served.
    fn run(folder: &Path) -> (Child, String) {
        let whole = std::fs::read(folder.join("page")).unwrap();
        let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", whole.len());
        std::fs::write(folder.join("page"), [head.as_bytes(), &whole].concat()).unwrap();
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "certificate.pem", "-key", "key.pem", "-HTTP"])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs; tests/run installs it (Debian package openssl)");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ")?.rsplit(':').next().map(str::to_owned));
        std::thread::spawn(move || lines.for_each(drop));
        (child, port.expect("it says where it listens"))
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}/{path}", self.port)
    }
}

#[tokio::test]
async fn documents_are_read_from_whoever_is_who_he_says() {
    let server = Server::start();
    let roots = TrustStore::empty().with_pem_certificate(server.certificate.clone());
    let web = Web::trusting(roots).unwrap();
    assert_eq!(web.get(&server.url("localhost", "page"), 100).await.unwrap(), b"a document\n");
    assert_eq!(web.get(&server.url("localhost", "moved"), 100).await, Err(FetchError::Status(302)), "not followed");
    assert_eq!(web.get(&server.url("localhost", "broken"), 100).await, Err(FetchError::Status(503)));
    let fails = |name: &'static str, got: Result<Vec<u8>, FetchError>| {
        assert!(matches!(got, Err(FetchError::Unreachable(_))), "{name}: {got:?}");
    };
    fails("too long", web.get(&server.url("localhost", "page"), 5).await);
    fails("another name than its certificate's", web.get(&server.url("127.0.0.1", "page"), 100).await);
    fails("plain", web.get(&format!("http://localhost:{}/page", server.port), 100).await);
    fails("not an address", web.get("https://", 100).await);
    fails("a certificate that nobody vouches for", Web::default().get(&server.url("localhost", "page"), 100).await);
}

#[test]
fn openssl_is_the_program_it_should_be() {
    assert!(String::from_utf8_lossy(&openssl(&["version"], b"")).starts_with("OpenSSL"));
}
