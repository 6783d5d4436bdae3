//! SNS's signing certificates: fetched from SNS's own host, kept, and checked at every use.
//!
//! A certificate is trusted because it came over TLS from the host of SNS in the topic's region, and is then held to its
//! names and its period. Its chain is not followed: the document holds the certificate alone, and the issuer's would have
//! to be fetched from an address that the certificate itself names, over plain HTTP.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use webpki::{EndEntityCert, ring::RSA_PKCS1_2048_8192_SHA256};

use super::envelope::Envelope;
use crate::{
    domain::{moment::Moment, push::Source},
    ports::fetch::Fetch,
};

/// Certificates kept. SNS has one per region at a time, and a new one every few months.
const KEPT: usize = 32;
/// Most bytes of a document that holds a certificate.
const LONGEST: usize = 64 * 1024;
/// Fetches within [`SPELL`]: whoever sends invented addresses makes us ask SNS no more often than that.
const FETCHES: u32 = 30;
/// In milliseconds.
const SPELL: i64 = 60_000;

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unverified {
    /// Certificate or signature are wrong.
    Forged,
    /// The certificate cannot be had just now.
    Unknown,
}

/// A certificate that was fetched and is SNS's.
struct Kept {
    url: String,
    der: Arc<[u8]>,
}

/// Fetches lately.
#[derive(Default)]
struct Spell {
    since: Moment,
    fetches: u32,
}

/// The certificates of all topics.
pub(super) struct Certificates {
    fetch: Arc<dyn Fetch>,
    kept: Mutex<Vec<Kept>>,
    /// One fetch at a time: whoever waits finds the certificate there afterwards.
    spell: tokio::sync::Mutex<Spell>,
}

impl Certificates {
    pub(super) fn new(fetch: Arc<dyn Fetch>) -> Certificates {
        Certificates { fetch, kept: Mutex::default(), spell: tokio::sync::Mutex::default() }
    }

    /// Checks a message's signature by the certificate that it names.
    pub(super) async fn verify(&self, envelope: &Envelope<'_>, source: &Source, at: Moment) -> Result<(), Unverified> {
        let signature = envelope.signature().ok_or(Unverified::Forged)?;
        if !source.publishes_certificate(&envelope.certificate_url) {
            return Err(Unverified::Forged);
        }
        let der = self.get(&envelope.certificate_url, source, at).await?;
        verify(&der, source, at, envelope.canonical().as_bytes(), &signature).ok_or(Unverified::Forged)
    }

    async fn get(&self, url: &str, source: &Source, at: Moment) -> Result<Arc<[u8]>, Unverified> {
        if let Some(der) = self.find(url) {
            return Ok(der);
        }
        let mut spell = self.spell.lock().await;
        if let Some(der) = self.find(url) {
            return Ok(der);
        }
        if at.0.abs_diff(spell.since.0) >= SPELL.unsigned_abs() {
            *spell = Spell { since: at, fetches: 0 };
        }
        if spell.fetches >= FETCHES {
            tracing::warn!(
                "too many messages name certificates that are not known; SNS is asked for no more this minute"
            );
            return Err(Unverified::Unknown);
        }
        spell.fetches += 1;
        let document = self.fetch.get(url, LONGEST).await.map_err(|error| {
            tracing::warn!(topic = source.arn, %error, "a certificate of SNS could not be fetched");
            if error.passes() { Unverified::Unknown } else { Unverified::Forged }
        })?;
        let der: Arc<[u8]> = pem(&document).ok_or(Unverified::Forged)?.into();
        if !is_sns(&der, source, at) {
            tracing::warn!(topic = source.arn, "a certificate is expired, not yet valid, or not issued to SNS");
            return Err(Unverified::Forged);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(Kept { url: url.to_owned(), der: Arc::clone(&der) });
        Ok(der)
    }

    fn find(&self, url: &str) -> Option<Arc<[u8]>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|k| k.url == url).map(|k| Arc::clone(&k.der))
    }
}

/// The only certificate of a PEM document.
fn pem(document: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(document).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok()
}

fn is_sns(der: &[u8], source: &Source, at: Moment) -> bool {
    with(der, |certificate| named(certificate, source)).unwrap_or(false) && in_period(der, at).unwrap_or(false)
}

/// `Some` when the certificate is SNS's now and the signature is its.
fn verify(der: &[u8], source: &Source, at: Moment, text: &[u8], signature: &[u8]) -> Option<()> {
    if !is_sns(der, source, at) {
        return None;
    }
    with(der, |certificate| certificate.verify_signature(RSA_PKCS1_2048_8192_SHA256, text, signature).ok())?
}

/// Lends the parsed certificate.
fn with<T>(der: &[u8], look: impl FnOnce(&EndEntityCert<'_>) -> T) -> Option<T> {
    let der = der.into();
    // This tells the compiler the type of `der`, which webpki takes and has no name for.
    webpki::anchor_from_trusted_cert(&der).ok()?;
    EndEntityCert::try_from(&der).ok().map(|certificate| look(&certificate))
}

/// Whether one of the certificate's DNS names, taken literally, is SNS's in the topic's region.
fn named(certificate: &EndEntityCert<'_>, source: &Source) -> bool {
    let names = source.certificate_names();
    certificate.valid_dns_names().any(|name| names.iter().any(|n| n.eq_ignore_ascii_case(name)))
}

/// Whether the certificate's period has begun and not ended. webpki reads the period only on the way along a chain.
fn in_period(der: &[u8], at: Moment) -> Option<bool> {
    const SEQUENCE: u8 = 0x30;
    let inside = |input| field(input).filter(|(tag, ..)| *tag == SEQUENCE).map(|(_, value, _)| value);
    let mut rest = inside(inside(der)?)?;
    // Version (which may be left out), serial number, algorithm, issuer.
    if let (0xa0, _, after) = field(rest)? {
        rest = after;
    }
    for _ in 0..3 {
        rest = field(rest)?.2;
    }
    let (tag, begins, rest) = field(inside(rest)?)?;
    let begins = time(tag, begins)?;
    let (tag, ends, _) = field(rest)?;
    Some((begins..=time(tag, ends)?).contains(&at))
}

/// Tag, value and what follows, of DER that webpki found to be well formed.
fn field(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |sum, b| sum << 8 | usize::from(*b)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some((tag, value, rest))
}

/// UTCTime or GeneralizedTime, to the second and in UTC, as certificates have them.
fn time(tag: u8, value: &[u8]) -> Option<Moment> {
    let digits = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    let whole = match tag {
        0x17 if digits < "50" => format!("20{digits}"),
        0x17 => format!("19{digits}"),
        0x18 => digits.to_owned(),
        _ => return None,
    };
    if whole.len() != 14 || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (date, clock) = whole.split_at(8);
    let at: jiff::Timestamp = format!("{date}T{clock}Z").parse().ok()?;
    Some(Moment(at.as_millisecond()))
}
