//! The connection: TLS that is to be trusted, and servers that are none.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bbws::adapters::files::{Checked, Place, Tls, Wanted, validate};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::bed::{Bed, all_good, port, wanted};

const NAME: &str = "fs-0123.efs.eu-central-1.amazonaws.com";
const RESTORED: &str = "connection to the restored file system";

/// An authority, and a certificate that it signed for a name.
struct Signed {
    ca: PathBuf,
    config: Arc<ServerConfig>,
    _dir: tempfile::TempDir,
}

fn signed(name: &str) -> Signed {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let own = KeyPair::generate().unwrap();
    let signed = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let signed = signed.signed_by(&own, &Issuer::new(params, key)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], PrivateKeyDer::Pkcs8(own.serialize_der().into()))
        .unwrap();
    Signed { ca, config: Arc::new(config), _dir: dir }
}

/// A listener whose connections are dealt with by this; it ends with the test's runtime.
async fn server<W>(deal: impl Fn(TcpStream) -> W + Send + Sync + 'static) -> u16
where
    W: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(deal(stream));
        }
    });
    port
}

/// TLS in front of the NFS server, as a mount target has it.
async fn mount_target(signed: &Signed) -> u16 {
    let acceptor = TlsAcceptor::from(signed.config.clone());
    server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut client) = acceptor.accept(stream).await {
                let mut server = TcpStream::connect(("127.0.0.1", port())).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        }
    })
    .await
}

fn tls(place: Place, port: u16, name: &str, ca: Option<PathBuf>) -> Place {
    Place { port, tls: Some(Tls { server_name: name.into(), ca }), ..place }
}

fn bed() -> Bed {
    Bed::new(&[("a", "1"), ("b", "2")]).restore()
}

fn impatient() -> Wanted {
    let mut wanted = wanted();
    wanted.limits.answer = Duration::from_millis(300);
    wanted
}

/// What is said about the connection to a restored side of that kind; the rest is unknown, but for the source.
async fn refused(bed: &Bed, restored: &Place, wanted: &Wanted) -> String {
    let began = Instant::now();
    let checks = validate(restored, &bed.place("source"), wanted, |_, _| ()).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{checks:#?}");
    let good: Vec<_> = checks.iter().filter(|c| c.ok).map(|c| c.name.as_str()).collect();
    assert_eq!(good, ["connection to the source file system"], "{checks:#?}");
    let Checked { name, found, .. } = &checks[0];
    assert!(name == RESTORED && found.ends_with('.'), "{checks:#?}");
    found.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_and_checked() {
    let (bed, signed) = (bed(), signed(NAME));
    let port = mount_target(&signed).await;
    let place = |side: &str| tls(bed.place(side), port, NAME, Some(signed.ca.clone()));
    let checks = validate(&place("restored"), &place("source"), &wanted(), |_, _| ()).await;
    all_good(&checks);
    assert!(checks[..2].iter().all(|c| c.found.contains("TLS 1.3") && c.found.contains(NAME)), "{checks:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_the_file_system_is_refused() {
    let (bed, good, other) = (bed(), signed(NAME), signed(NAME));
    let port = mount_target(&good).await;
    let said = |name: &'static str, ca: Option<PathBuf>, port: u16| {
        let place = tls(bed.place("restored"), port, name, ca);
        let bed = &bed;
        async move { refused(bed, &place, &impatient()).await }
    };
    let ca = || Some(good.ca.clone());
    let found = said("fs-9999.efs.eu-central-1.amazonaws.com", ca(), port).await;
    assert!(found.contains("is not trusted: it is for another name than fs-9999"), "{found}");
    let found = said(NAME, Some(other.ca.clone()), port).await;
    assert!(found.contains("is not trusted: the authorities in"), "{found}");
    let found = said(NAME, None, port).await;
    assert!(found.contains("is not trusted: the system's authorities did not sign it"), "{found}");
    let found = said(NAME, Some("/nowhere/ca.pem".into()), port).await;
    assert!(found.contains("/nowhere/ca.pem cannot be read: there is no such file"), "{found}");
    let found = said("no name", ca(), port).await;
    assert!(found.contains("`no name` is no name"), "{found}");
    // A server without TLS, and one that has TLS where none is asked for.
    let found = said(NAME, ca(), super::bed::port()).await;
    assert!(found.contains("does not") && found.contains("TLS"), "{found}");
    let found = refused(&bed, &Place { port, ..bed.place("restored") }, &impatient()).await;
    assert!(found.contains("does not answer NFSv4.0"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_reached_is_told() {
    let bed = bed();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let at = |port: u16| Place { port, ..bed.place("restored") };
    let found = refused(&bed, &at(free), &impatient()).await;
    assert!(
        found.contains("cannot be reached") && found.contains("refused") && found.contains("security group"),
        "{found}"
    );

    let silent = server(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    });
    let silent = silent.await;
    let found = refused(&bed, &at(silent), &impatient()).await;
    assert!(found.contains("did not answer within 0.3 s"), "{found}");
    let found = refused(&bed, &tls(at(silent), silent, NAME, None), &impatient()).await;
    assert!(found.contains("does not answer TLS: no answer within 0.3 s"), "{found}");

    for garbage in
        [b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), vec![0; 4096], vec![0xff; 4096], vec![0x80, 0, 0, 4, 1, 2, 3, 4]]
    {
        let port = server(move |mut stream| {
            let garbage = garbage.clone();
            async move {
                let _ = stream.write_all(&garbage).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        });
        let found = refused(&bed, &at(port.await), &impatient()).await;
        assert!(found.contains("what it answers is not NFS"), "{found}");
    }
    let found = refused(&bed, &bed.place("nowhere"), &impatient()).await;
    assert!(found.contains("has no folder"), "{found}");
    let found = refused(&bed, &bed.place("source"), &impatient()).await;
    assert!(found.contains("is the source itself"), "{found}");
}

/// Hangs up on every connection after so many bytes of answers.
async fn cut(after: u64) -> u16 {
    server(move |client| async move {
        let server = TcpStream::connect(("127.0.0.1", port())).await.unwrap();
        let ((mut asks, mut hears), (answers, mut asked)) = (client.into_split(), server.into_split());
        tokio::select! {
            _ = tokio::io::copy(&mut asks, &mut asked) => (),
            _ = async { tokio::io::copy(&mut answers.take(after), &mut hears).await } => (),
        }
    })
    .await
}

/// Wherever the line breaks, it is mended or what was not seen is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_up_is_never_ok() {
    let text = "x".repeat(3000);
    let bed = Bed::new(&[("a", &text), ("b/c", &text), ("b/d", &text)]).restore();
    let mut good = 0;
    for after in (0..6000).step_by(333) {
        for side in ["restored", "source"] {
            let port = cut(after).await;
            let at = |s: &str| if s == side { Place { port, ..bed.place(s) } } else { bed.place(s) };
            let checks = validate(&at("restored"), &at("source"), &wanted(), |_, _| ()).await;
            let files = checks.iter().find(|c| c.name == "files compared").unwrap();
            assert!(!files.ok || files.found.starts_with("3 of 3 files"), "{after}: {checks:#?}");
            assert!(after > 100 || !files.ok, "{after}: {checks:#?}");
            good += usize::from(files.ok);
        }
    }
    assert!(good > 0, "a line that breaks now and then is mended");
}
