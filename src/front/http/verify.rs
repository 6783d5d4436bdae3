//! Slack's request signature: HMAC-SHA256 over the raw body, checked before anything is parsed.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// How far Slack's clock and ours may differ, in seconds, in either direction.
pub const WINDOW: u64 = 300;

/// Why a request is not believed. The sender learns none of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Distrust {
    /// No signature or no timestamp, or one of them twice.
    #[error("unsigned")]
    Unsigned,
    /// Signature or timestamp has not the form Slack gives it.
    #[error("malformed signature")]
    Malformed,
    /// Timestamp outside the window.
    #[error("stale")]
    Stale,
    /// The signature is not ours.
    #[error("forged")]
    Forged,
    /// Signed well, and seen before.
    #[error("replayed")]
    Replayed,
}

/// A request's identity: SHA-256 of its signature, taken over the decoded bytes, so that the case of the hex digits
/// makes no second identity; and the time that was signed with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignatureId {
    signed: i64,
    digest: [u8; 32],
}

impl SignatureId {
    /// The time and the digest in lower-case hex digits. The time comes first, so that a ledger puts requests beside each other that
    /// come after each other, and writes one page for many of them.
    pub fn text(&self) -> String {
        let mut text = format!("{:08x}-", self.signed);
        text.push_str(&hex::encode(self.digest));
        text
    }

    /// Half of the digest, plenty to tell requests apart in memory.
    pub(super) fn short(&self) -> u128 {
        let mut half = [0; 16];
        half.copy_from_slice(&self.digest[..16]);
        u128::from_le_bytes(half)
    }
}

impl fmt::Debug for SignatureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// Checks signatures. The key is prepared once.
#[derive(Clone)]
pub struct Verifier {
    /// `None` for an empty secret, with which everybody could sign: nothing is believed then.
    key: Option<Hmac<Sha256>>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    /// A verifier for one signing secret.
    pub fn new(secret: &SecretString) -> Verifier {
        let secret = secret.expose_secret().as_bytes();
        Verifier { key: if secret.is_empty() { None } else { Hmac::new_from_slice(secret).ok() } }
    }

    /// Believes or does not believe a request. `now` is in seconds since the epoch; the signature is compared in
    /// constant time.
    ///
    /// # Errors
    /// See [`Distrust`].
    pub fn verify(
        &self,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
        now: i64,
    ) -> Result<SignatureId, Distrust> {
        let timestamp = timestamp.ok_or(Distrust::Unsigned)?;
        let signature = signature.ok_or(Distrust::Unsigned)?;
        // `parse` alone would let a sign through, which Slack never writes.
        if !timestamp.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Distrust::Malformed);
        }
        let at: i64 = timestamp.parse().map_err(|_| Distrust::Malformed)?;
        if now.abs_diff(at) > WINDOW {
            return Err(Distrust::Stale);
        }
        let digits = signature.strip_prefix("v0=").ok_or(Distrust::Malformed)?;
        let mut claimed = [0; 32];
        hex::decode_to_slice(digits, &mut claimed).map_err(|_| Distrust::Malformed)?;
        let mut mac = self.key.clone().ok_or(Distrust::Forged)?;
        for part in [b"v0:", timestamp.as_bytes(), b":", body] {
            mac.update(part);
        }
        mac.verify_slice(&claimed).map_err(|_| Distrust::Forged)?;
        Ok(SignatureId { signed: at, digest: Sha256::digest(claimed).into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The worked example of Slack's documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: &str = "1531420618";
    const NOW: i64 = 1_531_420_618;
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&\
        channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
        response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
        trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    fn check(timestamp: Option<&str>, signature: Option<&str>, body: &[u8], now: i64) -> Result<SignatureId, Distrust> {
        Verifier::new(&SecretString::from(SECRET)).verify(timestamp, signature, body, now)
    }

    #[test]
    fn slacks_own_example_is_believed() {
        let id = check(Some(AT), Some(SIGNATURE), BODY, NOW).expect("signed");
        let shouted = SIGNATURE.replace("a2114d57", "A2114D57");
        assert_eq!(Ok(id), check(Some(AT), Some(&shouted), BODY, NOW), "one identity however the digits are written");
    }

    #[test]
    fn the_window_is_five_minutes_both_ways() {
        for (now, fine) in [(300, true), (-300, true), (301, false), (-301, false)] {
            assert_eq!(check(Some(AT), Some(SIGNATURE), BODY, NOW + now).is_ok(), fine, "{now}");
        }
        assert_eq!(check(Some("9223372036854775807"), Some(SIGNATURE), BODY, i64::MIN), Err(Distrust::Stale));
    }

    #[test]
    fn whatever_differs_is_not_believed() {
        use Distrust::*;
        type Case<'a> = (Option<&'a str>, Option<&'a str>, &'a [u8], Distrust);
        let cases: [Case<'_>; 11] = [
            (None, Some(SIGNATURE), BODY, Unsigned),
            (Some(AT), None, BODY, Unsigned),
            (Some(""), Some(SIGNATURE), BODY, Malformed),
            (Some("+1531420618"), Some(SIGNATURE), BODY, Malformed),
            (Some("1531420618.0"), Some(SIGNATURE), BODY, Malformed),
            (Some("99999999999999999999"), Some(SIGNATURE), BODY, Malformed),
            (Some(AT), Some("a2114d57"), BODY, Malformed),
            (Some(AT), Some("v0=a2114d57"), BODY, Malformed),
            (Some(AT), Some(&SIGNATURE[..66]), BODY, Malformed),
            (Some("1531420619"), Some(SIGNATURE), BODY, Forged),
            (Some(AT), Some(SIGNATURE), b"text=other", Forged),
        ];
        for (timestamp, signature, body, why) in cases {
            assert_eq!(check(timestamp, signature, body, NOW), Err(why), "{timestamp:?} {signature:?}");
        }
    }

    #[test]
    fn an_empty_secret_believes_nothing() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"").expect("any length");
        mac.update(format!("v0:{AT}:").as_bytes());
        let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
        let empty = Verifier::new(&SecretString::from(""));
        assert_eq!(empty.verify(Some(AT), Some(&signature), b"", NOW), Err(Distrust::Forged));
    }
}
