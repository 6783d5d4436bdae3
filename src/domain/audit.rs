//! The audit chain: each entry's hash covers the one before it, so that nothing can be changed, dropped or slipped in unseen.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{moment::Moment, operation::OpId};

/// Hash that stands before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An entry of the audit chain before it is chained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Moment,
    /// Slack user id, or `bbws` for the product itself.
    pub actor: String,
    /// `request`, `refusal`, `vote`, `intent`, `outcome`, `state`, ….
    pub action: String,
    /// Operation it belongs to.
    pub operation: Option<OpId>,
    /// Details, never a secret. Fractions in it are kept as text, because they do not survive JSON to the last bit.
    pub detail: Value,
}

/// An entry as chained: `hash = SHA-256(previous hash ‖ canonical JSON of seq and entry)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audited {
    /// Position, from 1, without gaps.
    pub seq: i64,
    /// The entry.
    #[serde(flatten)]
    pub entry: AuditEntry,
    /// Hash of the previous entry; 64 zeros for the first.
    pub previous: String,
    /// This entry's hash.
    pub hash: String,
}

impl AuditEntry {
    /// Canonical JSON: keys in order, no white space, no fractions. Equal entries give equal text.
    pub fn canonical(&self) -> String {
        let mut out = String::with_capacity(256);
        out.push_str("{\"action\":");
        push_text(&mut out, &self.action);
        out.push_str(",\"actor\":");
        push_text(&mut out, &self.actor);
        out.push_str(",\"at\":");
        out.push_str(&self.at.0.to_string());
        out.push_str(",\"detail\":");
        push_value(&mut out, &self.detail);
        out.push_str(",\"operation\":");
        match &self.operation {
            Some(id) => push_text(&mut out, &id.0),
            None => out.push_str("null"),
        }
        out.push('}');
        out
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).expect("a string always serialises"));
}

fn push_value(out: &mut String, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (i, (key, field)) in fields.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_text(out, key);
                out.push(':');
                push_value(out, field);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_value(out, item);
            }
            out.push(']');
        }
        Value::Number(number) if number.is_f64() => push_text(out, &number.to_string()),
        Value::String(text) => push_text(out, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Position of the last entry; 0 when there is none.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Head { seq: 0, hash: GENESIS.to_owned() }
    }
}

impl Head {
    /// The head after an entry with this canonical JSON.
    pub fn extend(&self, canonical: &str) -> Head {
        let seq = self.seq + 1;
        Head { seq, hash: hash(&self.hash, seq, canonical) }
    }
}

/// The entry's canonical JSON, with `seq` as its last key, hashed after the hash of the entry before it.
fn hash(previous: &str, seq: i64, canonical: &str) -> String {
    let open = canonical.strip_suffix('}').unwrap_or(canonical);
    let mut sha = Sha256::new();
    sha.update(previous.as_bytes());
    sha.update(open.as_bytes());
    sha.update(format!(",\"seq\":{seq}}}").as_bytes());
    hex::encode(sha.finalize())
}

/// What is wrong with a chain, at the first place where something is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Entries are missing.
    #[error("audit entry {expected} is missing: after entry {} comes entry {found}", .expected - 1)]
    Gap {
        /// The first one that is missing.
        expected: i64,
        /// What stands in its place.
        found: i64,
    },
    /// It does not follow from the entry before it.
    #[error("audit entry {seq} does not follow from the entry before it: it names another previous hash")]
    Previous {
        /// Position.
        seq: i64,
    },
    /// Its content is not what was written.
    #[error("audit entry {seq} was changed: its content does not give its hash")]
    Hash {
        /// Position.
        seq: i64,
    },
    /// Entries are missing at the end, or the head was changed.
    #[error("the audit chain ends with entry {last}, but its head names entry {head}")]
    End {
        /// Last entry found.
        last: i64,
        /// Last entry by the head.
        head: i64,
    },
    /// It is not the entry whose hash is known from outside.
    #[error(
        "audit entry {seq} is not the one that was pinned outside: the chain was written anew from there or before"
    )]
    Pinned {
        /// Position.
        seq: i64,
    },
    /// An entry that is known from outside is not there any more.
    #[error(
        "audit entry {seq} was pinned outside, but the chain ends with entry {last}: its end was cut off, or an older copy of the ledger was put back"
    )]
    Beyond {
        /// Position of the pinned entry.
        seq: i64,
        /// Last entry found.
        last: i64,
    },
    /// The last entry is not the one the head names.
    #[error("audit entry {seq}, the last one, is not the one the head of the chain names")]
    Head {
        /// Position.
        seq: i64,
    },
}

/// Walks a chain from its first entry.
#[derive(Debug, Default)]
pub struct Walk {
    at: Head,
    /// Entries known from outside, last first.
    pins: Vec<Head>,
}

impl Walk {
    /// A walk that compares with what was pinned outside. Whoever can write to the database can write a whole chain anew;
    /// not one that has the hashes which others wrote down.
    pub fn with(mut pins: Vec<Head>) -> Walk {
        pins.sort_by_key(|pin| std::cmp::Reverse(pin.seq));
        Walk { at: Head::default(), pins }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn step(&mut self, next: &Audited) -> Result<(), Broken> {
        let expected = self.at.seq + 1;
        if next.seq != expected {
            return Err(Broken::Gap { expected, found: next.seq });
        }
        if next.previous != self.at.hash {
            return Err(Broken::Previous { seq: next.seq });
        }
        let head = self.at.extend(&next.entry.canonical());
        if next.hash != head.hash {
            return Err(Broken::Hash { seq: next.seq });
        }
        self.at = head;
        while let Some(pin) = self.pins.pop_if(|pin| pin.seq <= self.at.seq) {
            if pin.seq == self.at.seq && pin.hash != self.at.hash {
                return Err(Broken::Pinned { seq: pin.seq });
            }
        }
        Ok(())
    }

    /// Ends the walk where the chain says that it ends.
    ///
    /// # Errors
    /// It ends elsewhere.
    pub fn end(self, head: &Head) -> Result<Head, Broken> {
        if self.at.seq != head.seq {
            return Err(Broken::End { last: self.at.seq, head: head.seq });
        }
        if self.at.hash != head.hash {
            return Err(Broken::Head { seq: head.seq });
        }
        if let Some(pin) = self.pins.last() {
            return Err(Broken::Beyond { seq: pin.seq, last: self.at.seq });
        }
        Ok(self.at)
    }
}

/// Checks a whole chain.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn verify<'a>(entries: impl IntoIterator<Item = &'a Audited>, head: &Head) -> Result<Head, Broken> {
    let mut walk = Walk::default();
    for entry in entries {
        walk.step(entry)?;
    }
    walk.end(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chain(details: &[Value]) -> (Vec<Audited>, Head) {
        let mut head = Head::default();
        let entries = details
            .iter()
            .map(|detail| {
                let entry = AuditEntry {
                    at: Moment(7),
                    actor: "U0ALICE".into(),
                    action: "request".into(),
                    operation: Some(OpId("bk-1".into())),
                    detail: detail.clone(),
                };
                let next = head.extend(&entry.canonical());
                let previous = std::mem::replace(&mut head, next).hash;
                Audited { seq: head.seq, entry, previous, hash: head.hash.clone() }
            })
            .collect();
        (entries, head)
    }

    #[test]
    fn the_canonical_form_does_not_depend_on_the_order_of_keys() {
        let (a, _) = chain(&[json!({"b": [1, {"y": "\u{0}", "x": null}], "a": 0.1})]);
        assert_eq!(
            a[0].entry.canonical(),
            r#"{"action":"request","actor":"U0ALICE","at":7,"detail":{"a":"0.1","b":[1,{"x":null,"y":"\u0000"}]},"operation":"bk-1"}"#
        );
        let again: AuditEntry = serde_json::from_str(&a[0].entry.canonical()).expect("canonical JSON parses");
        assert_eq!(again.canonical(), a[0].entry.canonical());
    }

    #[test]
    fn each_kind_of_damage_is_named_with_its_place() {
        let (whole, head) = chain(&[json!(1), json!(2), json!(3)]);
        assert_eq!(verify(&whole, &head), Ok(head.clone()));
        assert_eq!(verify(&[], &Head::default()), Ok(Head::default()));

        let mut changed = whole.clone();
        changed[1].entry.actor = "U0MALLORY".into();
        assert_eq!(verify(&changed, &head), Err(Broken::Hash { seq: 2 }));

        let mut dropped = whole.clone();
        dropped.remove(1);
        assert_eq!(verify(&dropped, &head), Err(Broken::Gap { expected: 2, found: 3 }));

        let mut rewritten = whole.clone();
        rewritten[0].hash = Head::default().extend("{}").hash;
        assert_eq!(verify(&rewritten, &head), Err(Broken::Hash { seq: 1 }));
        let mut spliced = whole.clone();
        spliced[1].previous = GENESIS.into();
        assert_eq!(verify(&spliced, &head), Err(Broken::Previous { seq: 2 }));

        assert_eq!(verify(&whole[..2], &head), Err(Broken::End { last: 2, head: 3 }));
        let pinned = |seq: i64, hash: &str| {
            let mut walk =
                Walk::with(vec![Head { seq, hash: hash.to_owned() }, Head { seq: 1, hash: whole[0].hash.clone() }]);
            whole.iter().try_for_each(|entry| walk.step(entry)).and_then(|()| walk.end(&head))
        };
        assert_eq!(pinned(2, &whole[1].hash), Ok(head.clone()));
        assert_eq!(pinned(2, &whole[2].hash), Err(Broken::Pinned { seq: 2 }));
        assert_eq!(pinned(4, &whole[2].hash), Err(Broken::Beyond { seq: 4, last: 3 }));
        let other = Head { seq: 3, hash: GENESIS.into() };
        assert_eq!(verify(&whole, &other), Err(Broken::Head { seq: 3 }));
    }
}
