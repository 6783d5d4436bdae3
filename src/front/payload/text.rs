//! Texts and ids from outside: what is one, what is fit to be stored, what is safe to show.

use secrecy::SecretString;
use serde_json::Value;

/// Longest command, value or reason that is looked at, in bytes; Slack's own fields are shorter.
pub(super) const MAX_TEXT: usize = 12_000;

/// What is left of an id or name from outside once it is safe to show inside a code span.
pub(super) fn shown(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-/".contains(c);
    let safe: String = text.chars().take(40).map(|c| if plain(c) { c } else { '?' }).collect();
    if safe.is_empty() { "(none)".to_owned() } else { safe }
}

/// A text a person typed, fit for storing: PostgreSQL keeps no NUL.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', " ")
}

/// Whether a text can be an id of Slack's: a user, team, channel, app or event.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// An id, where the value is one.
pub(super) fn id(value: &Value) -> Option<String> {
    value.as_str().filter(|text| is_id(text)).map(str::to_owned)
}

/// A message's `ts`, `1700000000.000100`, where the value is one. Some senders make a number of it.
pub(super) fn ts(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => format!("{:.6}", number.as_f64()?),
        _ => return None,
    };
    let plausible = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plausible.then_some(text)
}

/// An address to which an answer may be sent.
pub(super) fn address(text: &str) -> Option<SecretString> {
    let plausible = text.len() <= 1_000 && (text.starts_with("https://") || text.starts_with("http://"));
    plausible.then(|| SecretString::from(text.to_owned()))
}

/// What a form may be opened with.
pub(super) fn trigger(text: &str) -> Option<SecretString> {
    let plausible = (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    plausible.then(|| SecretString::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_ts_may_be_a_number() {
        assert_eq!(ts(&json!("1800000000.000100")).as_deref(), Some("1800000000.000100"));
        assert_eq!(ts(&json!(1_800_000_000.000_1)).as_deref(), Some("1800000000.000100"));
        assert_eq!(ts(&json!(1_800_000_000)).as_deref(), Some("1800000000.000000"));
        for no in [json!([]), json!(null), json!({}), json!(""), json!("1; drop"), json!(-1), json!(true)] {
            assert_eq!(ts(&no), None, "{no}");
        }
    }
}
