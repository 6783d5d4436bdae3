//! A connection to a mount target: TCP, and TLS as EFS offers it on the same port, checked against authorities and the name.

use std::{io, path::Path, sync::Arc, time::Duration};

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{Place, Tls};

/// A stream of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Makes connections to one place.
#[derive(Clone)]
pub(super) struct Dialer {
    place: Place,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// For the connection, and again for the handshake.
    patience: Duration,
}

impl Dialer {
    /// Reads the authorities.
    pub(super) async fn new(place: &Place, patience: Duration) -> Result<Dialer, String> {
        let tls = match &place.tls {
            None => None,
            Some(tls) => {
                let name = ServerName::try_from(tls.server_name.clone())
                    .map_err(|_| format!("`{}` is no name that a certificate can be checked for.", tls.server_name))?;
                Some((TlsConnector::from(Arc::new(config(tls).await?)), name))
            }
        };
        Ok(Dialer { place: place.clone(), tls, patience })
    }

    /// Connects; says over what.
    pub(super) async fn dial(&self) -> Result<(Box<dyn Stream>, String), String> {
        let Place { name, address, port, .. } = &self.place;
        let unreached = |why: String| {
            format!(
                "{name} cannot be reached at {address}: {why}. Look at its mount target's security group (TCP {port})."
            )
        };
        let silent = || format!("no answer within {} s", self.patience.as_secs_f32());
        let connected = timeout(self.patience, TcpStream::connect((address.as_str(), *port))).await;
        let stream = connected.map_err(|_| unreached(silent()))?.map_err(|e| unreached(plainly(&e)))?;
        // Questions are small and wait for each other.
        let _ = stream.set_nodelay(true);
        let Some((connector, server)) = &self.tls else {
            return Ok((Box::new(stream), "without TLS, which was not asked for".to_owned()));
        };
        let shaken = timeout(self.patience, connector.connect(server.clone(), stream)).await;
        let stream = shaken
            .map_err(|_| format!("{name} at {address} does not answer TLS: {}. {NO_TLS}", silent()))?
            .map_err(|e| self.refused(&e))?;
        let version = match stream.get_ref().1.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS 1.2",
        };
        Ok((Box::new(stream), format!("over {version}, its certificate checked for {}", server.to_str())))
    }

    /// Why there is no TLS: whom the certificate names, who signed it, or that there is none.
    fn refused(&self, error: &io::Error) -> String {
        let Place { name, address, tls, .. } = &self.place;
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let Some(rustls::Error::InvalidCertificate(why)) = inner else {
            return format!("{name} at {address} does not speak TLS: {}. {NO_TLS}", plainly(error));
        };
        let against = match tls.as_ref().and_then(|tls| tls.ca.as_ref()) {
            Some(file) => format!("the authorities in {}", file.display()),
            None => "the system's authorities".to_owned(),
        };
        match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
                "The certificate of {name} at {address} is not trusted: it is for another name than {}. Look whether the \
                 address is a mount target of {name}.",
                tls.as_ref().map_or("", |tls| tls.server_name.as_str())
            ),
            // The latter is an authority of the same name.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
                "The certificate of {name} at {address} is not trusted: {against} did not sign it. Look who answers there, \
                 and whether the list of authorities is current."
            ),
            other => format!(
                "The certificate of {name} at {address} is not trusted against {against}: {}. Look at the clock here, and \
                 who answers there.",
                clipped(&other.to_string())
            ),
        }
    }
}

const NO_TLS: &str = "An EFS mount target does; look at the address and the port.";

async fn config(tls: &Tls) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match &tls.ca {
        Some(file) => {
            for authority in authorities(file).await? {
                roots.add(authority).map_err(|e| format!("{} holds no authority: {e}.", file.display()))?;
            }
        }
        None => {
            let loaded = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
            // Systems carry authorities that are too odd for rustls; the others count.
            roots.add_parsable_certificates(loaded.map(|loaded| loaded.certs).unwrap_or_default());
        }
    }
    if roots.is_empty() {
        let place = tls.ca.as_ref().map_or("The system".to_owned(), |file| file.display().to_string());
        return Err(format!(
            "{place} has no certificate authorities, so nobody can be trusted. Install ca-certificates."
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| format!("TLS cannot be set up: {e}."))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

async fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unread = |why: String| format!("The authorities in {} cannot be read: {why}.", file.display());
    let pem = tokio::task::spawn_blocking({
        let file = file.to_owned();
        move || std::fs::read(file)
    });
    let pem = pem.await.map_err(|e| unread(e.to_string()))?.map_err(|e| unread(plainly(&e)))?;
    CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|e| unread(e.to_string()))
}

/// Without the number that Rust appends.
fn plainly(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            "it hung up".to_owned()
        }
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => clipped(&error.to_string()),
    }
}

fn clipped(text: &str) -> String {
    text.trim_end_matches('.').chars().take(200).collect()
}
