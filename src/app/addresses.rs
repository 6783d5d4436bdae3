//! Addresses at which Slack lets a person be answered for a while: the last resort where nothing can be posted.
//!
//! Whoever has such an address can post, so it lives in memory only and dies with the process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use secrecy::SecretString;

use crate::domain::moment::Moment;

/// Slack takes them for half an hour; a minute is kept back for clocks that differ.
const LIFETIME: Duration = Duration::from_secs(29 * 60);
/// Slack takes each five times.
const USES: u8 = 5;
/// The most kept; beyond that those that are spent or expired go, and then all.
const MOST: usize = 10_000;

/// Person and channel.
type Who = (String, String);

struct Address {
    url: SecretString,
    until: Moment,
    left: u8,
}

/// The newest address of each person in each channel.
#[derive(Default)]
pub struct Addresses {
    held: Mutex<HashMap<Who, Address>>,
}

impl Addresses {
    /// Keeps an address that was given at `now`.
    pub fn keep(&self, user: &str, channel: &str, url: SecretString, now: Moment) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MOST {
            held.retain(|_, address| address.left > 0 && address.until > now);
        }
        if held.len() >= MOST {
            held.clear();
        }
        held.insert((user.to_owned(), channel.to_owned()), Address { url, until: now + LIFETIME, left: USES });
    }

    /// One use of an address, if there is a good one.
    pub fn spend(&self, user: &str, channel: &str, now: Moment) -> Option<SecretString> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let address = held.get_mut(&(user.to_owned(), channel.to_owned()))?;
        if address.until <= now || address.left == 0 {
            return None;
        }
        address.left -= 1;
        Some(address.url.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn an_address_is_good_for_five_uses_and_half_an_hour() {
        let addresses = Addresses::default();
        let now = Moment(1_800_000_000_000);
        let spend = |at: Moment| addresses.spend("U1", "C1", at).map(|url| url.expose_secret().to_owned());
        assert_eq!(spend(now), None);
        addresses.keep("U1", "C1", "https://a".to_owned().into(), now);
        addresses.keep("U1", "C1", "https://b".to_owned().into(), now);
        for _ in 0..USES {
            assert_eq!(spend(now).as_deref(), Some("https://b"), "the newest");
        }
        assert_eq!(spend(now), None, "spent");
        addresses.keep("U1", "C1", "https://c".to_owned().into(), now);
        assert_eq!(spend(now + LIFETIME), None, "expired");
        assert!(addresses.spend("U1", "C2", now).is_none() && addresses.spend("U2", "C1", now).is_none());
    }
}
