//! Signatures seen lately: the first line against replays. The ledger, which stores no request twice, is the last.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::verify::SignatureId;
use crate::domain::moment::Moment;

/// A signature made five minutes ahead of us stays good for ten.
const LIFETIME: Duration = Duration::from_secs(600);

/// Signatures per generation. Two of them take about 4 MB.
const ROOM: usize = 1 << 16;

/// Remembers every signature for ten minutes, unless so many come that the oldest have to go.
#[derive(Debug)]
pub struct Seen {
    room: usize,
    generations: Mutex<Generations>,
}

/// Entries are never removed one by one: the older set is dropped whole when the younger one is old or full.
#[derive(Debug, Default)]
struct Generations {
    since: Moment,
    young: HashSet<u128>,
    old: HashSet<u128>,
}

impl Default for Seen {
    fn default() -> Self {
        Seen::with_room(ROOM)
    }
}

impl Seen {
    /// A memory of at least `room` and less than twice as many signatures.
    fn with_room(room: usize) -> Seen {
        Seen { room, generations: Mutex::default() }
    }

    /// Remembers a signature. False when it was seen before.
    pub fn first_time(&self, id: &SignatureId, now: Moment) -> bool {
        let mut held = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if held.young.len() >= self.room || now.since(held.since) >= LIFETIME {
            held.since = now;
            held.old = std::mem::take(&mut held.young);
        }
        !held.old.contains(&id.short()) && held.young.insert(id.short())
    }

    /// Forgets a signature whose request was not stored, so that it may come again.
    pub fn forget(&self, id: &SignatureId) {
        let mut held = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        held.young.remove(&id.short());
        held.old.remove(&id.short());
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use secrecy::SecretString;
    use sha2::Sha256;

    use super::*;
    use crate::front::http::verify::Verifier;

    fn id(n: u32) -> SignatureId {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"k").expect("any length");
        mac.update(format!("v0:0:{n}").as_bytes());
        let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
        let verifier = Verifier::new(&SecretString::from("k"));
        verifier.verify(Some("0"), Some(&signature), n.to_string().as_bytes(), 0).expect("signed")
    }

    fn minutes(n: i64) -> Moment {
        Moment(n * 60_000)
    }

    #[test]
    fn a_signature_counts_once_for_as_long_as_it_is_good() {
        let seen = Seen::default();
        assert!(seen.first_time(&id(1), minutes(100)));
        for minute in [100, 105, 110] {
            assert!(!seen.first_time(&id(1), minutes(minute)), "{minute}");
        }
        assert!(seen.first_time(&id(2), minutes(110)));
        assert!(!seen.first_time(&id(2), minutes(120)), "kept over the change of generations");
    }

    #[test]
    fn what_was_not_stored_may_come_again() {
        let seen = Seen::default();
        assert!(seen.first_time(&id(1), minutes(1)));
        seen.forget(&id(1));
        assert!(seen.first_time(&id(1), minutes(1)));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_go_first() {
        let seen = Seen::with_room(10);
        for n in 0..1000 {
            assert!(seen.first_time(&id(n), minutes(1)));
        }
        let held = seen.generations.lock().expect("not poisoned");
        assert!(held.young.len() + held.old.len() <= 20);
        drop(held);
        assert!(!seen.first_time(&id(999), minutes(1)));
        assert!(!seen.first_time(&id(990), minutes(1)));
    }
}
