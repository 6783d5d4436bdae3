//! Which ledger asked for something: a name that every token and tag in AWS carries.
//!
//! A ledger that goes back in time (an older copy put back, a replica promoted that had lagged) gives the same operation ids
//! again. From then on it goes by a new name, so that nothing of its earlier life is taken for what it does now.

use std::fmt;

use super::operation::OpId;

/// Digits of a name.
const LENGTH: usize = 8;

/// The name of a ledger in one of its lives: eight hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(String);

impl Incarnation {
    /// A name out of random bits.
    pub fn of(bits: u32) -> Incarnation {
        Incarnation(format!("{bits:08x}"))
    }

    /// A name as it was written down; nothing where it is none.
    pub fn parse(text: &str) -> Option<Incarnation> {
        let digits = text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        digits.then(|| Incarnation(text.to_owned()))
    }

    /// Who wrote a token; nothing where it was written before ledgers had names.
    pub fn of_token(token: &str) -> Option<Incarnation> {
        token.rsplit_once('-').and_then(|(_, last)| Incarnation::parse(last))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The idempotency token of a step: `bk-1042-3-5e1fca9e`, and `bk-1042-3-r1-5e1fca9e` in the first round that a person
/// asked for. Letters in lower case, digits and hyphens, under 50 of them.
pub fn token(operation: &OpId, step: usize, round: u32, ledger: &Incarnation) -> String {
    match round {
        0 => format!("{operation}-{step}-{ledger}"),
        round => format!("{operation}-{step}-r{round}-{ledger}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_who_wrote_it() {
        let ledger = Incarnation::of(0x5e1f_ca9e);
        let op = OpId("bk-1042".into());
        assert_eq!(token(&op, 3, 0, &ledger), "bk-1042-3-5e1fca9e");
        assert_eq!(token(&op, 3, 1, &ledger), "bk-1042-3-r1-5e1fca9e");
        for round in [0, 1, u32::MAX] {
            let token = token(&OpId("bk-9999999999".into()), 9_999, round, &ledger);
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(token.len() <= 50 && token.bytes().all(fits), "{token}");
            assert_eq!(Incarnation::of_token(&token), Some(ledger.clone()));
        }
    }

    #[test]
    fn tokens_from_before_name_nobody() {
        for token in ["bk-1042-3", "bk-1042-3-r1", "", "bk-1042-3-5E1FCA9E", "bk-1042-3-5e1fca9", "5e1fca9e"] {
            assert_eq!(Incarnation::of_token(token), None, "{token}");
        }
    }
}
