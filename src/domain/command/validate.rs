//! The shapes of values: what may be an id, a tenant, a reason, a time. Each says what is wrong with the value it refuses.

use jiff::Timestamp;

use super::Wrong;
use super::lexer::{is_long_dash, visible};
use super::suggest::{one_of, shown};

/// The most characters a reason may have.
pub const LONGEST_REASON: usize = 500;

/// An operation id such as `bk-1042`, in lower case.
///
/// # Errors
/// When it is not two letters, a hyphen and one to nine digits.
pub fn operation_id(text: &str) -> Result<String, Wrong> {
    let id = text.replace(is_long_dash, "-").to_ascii_lowercase();
    match id.split_once('-') {
        Some((kind, number))
            if kind.len() == 2
                && kind.bytes().all(|b| b.is_ascii_lowercase())
                && (1..=9).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Ok(id)
        }
        _ => Err(Wrong::new(format!("{} is not an operation id. One looks like `bk-1042`.", shown(text)))),
    }
}

/// An identifier such as a tenant's; `what` names it in the error.
///
/// # Errors
/// When it is not 1 to 128 letters, digits, `-` and `_`.
pub fn identifier(what: &str, text: &str) -> Result<String, Wrong> {
    let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if allowed && (1..=128).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    let said = format!("{} is not a {what}. One has letters, digits, `-` and `_` only, at most 128.", shown(text));
    Err(Wrong::new(said))
}

/// A known environment, spelt as the configuration spells it.
///
/// # Errors
/// When there is no such environment; the error names those there are.
pub fn environment(text: &str, environments: &[&str]) -> Result<String, Wrong> {
    known(text, environments).map(str::to_owned).ok_or_else(|| {
        let text = shown(text);
        Wrong::new(match environments {
            [] => format!("{text} is not an environment: none is configured."),
            known => format!("{text} is not an environment. It is one of these: {}.", one_of(known)),
        })
    })
}

pub(super) fn known<'a>(text: &str, environments: &[&'a str]) -> Option<&'a str> {
    environments.iter().copied().find(|known| known.eq_ignore_ascii_case(text))
}

/// A reason in one line, without invisible characters, in the case it was written in.
///
/// # Errors
/// When nothing visible is left, or more than [`LONGEST_REASON`] characters.
pub fn reason(text: &str) -> Result<String, Wrong> {
    let visible: String = text.chars().filter_map(visible).collect();
    let reason = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    match reason.chars().count() {
        0 => Err(Wrong::new("The reason is empty.")),
        1..=LONGEST_REASON => Ok(reason),
        length => Err(Wrong::new(format!(
            "The reason is {length} characters long; at most {LONGEST_REASON} fit. It begins {}.",
            shown(&reason)
        ))),
    }
}

/// A moment in ISO 8601 with its zone, such as `2026-03-01T02:30:00Z` or `2026-03-01T04:30+02:00`, not after `now`.
///
/// # Errors
/// When it is no such moment, has no zone, or lies in the future.
pub fn timestamp(text: &str, now: Timestamp) -> Result<Timestamp, Wrong> {
    let upper = text.replace(is_long_dash, "-").to_ascii_uppercase();
    let plain = upper.bytes().all(|b| b.is_ascii_digit() || b"-+:.TZ".contains(&b)) && upper.contains('T');
    let moment = plain.then(|| upper.parse::<Timestamp>().ok()).flatten().ok_or_else(|| {
        Wrong::new(format!(
            "{} is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.",
            shown(text)
        ))
    })?;
    if moment > now {
        return Err(Wrong::new(format!("{} is in the future: it is {now:.0} now.", shown(text))));
    }
    Ok(moment)
}
