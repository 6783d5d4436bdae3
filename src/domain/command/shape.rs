//! The shapes of values: what may be an id, a tenant, a reason, a time. Each says what is wrong with the value it refuses.

use jiff::Timestamp;

use super::Wrong;
use super::lexer::{is_long_dash, visible};
use super::text::{one_of, shown};
use crate::domain::{environment::Span, moment::Moment, schedule::Schedule};

/// The most characters a reason may have.
pub const LONGEST_REASON: usize = 500;
/// The most characters the id of a recovery point may have, which is S3's limit for a key.
pub const LONGEST_POINT: usize = 1024;
/// AWS Backup keeps nothing for longer, in days.
pub const LONGEST_DAYS: u32 = 36_500;

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

/// What is listed for an id as AWS's console and Slack show it: without the quotes and backticks around it, and of the tail of
/// an ARN (`recovery-point:…`, `awsbackup:job-…`, `continuous:db-…`) the last part. A whole ARN says more and stays.
fn listed(text: &str) -> &str {
    let text = text.trim_matches(['`', '"', '\'', '‘', '’', '“', '”']);
    if text.starts_with("arn:") || text.contains('/') {
        return text;
    }
    let heads = ["recovery-point:", "snapshot:", "auto-backup:", "awsbackup:", "continuous:"];
    let ends = heads.iter().filter_map(|head| Some(text.to_ascii_lowercase().rfind(head)? + head.len()));
    ends.max().map_or(text, |end| &text[end..])
}

/// A tenant's id; often the domain it is reached by.
///
/// # Errors
/// When it is not 1 to 128 letters, digits, `-`, `_` and single dots inside.
pub fn tenant(text: &str) -> Result<String, Wrong> {
    let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let dots = text.starts_with('.') || text.ends_with('.') || text.contains("..");
    if allowed && !dots && (1..=128).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    let text = shown(text);
    Err(Wrong::new(format!(
        "{text} is not a tenant. One has letters, digits, `-`, `_` and dots inside only, at most 128."
    )))
}

/// The id of a recovery point as it is listed: a snapshot's name, the last part of a recovery point's ARN or the ARN
/// itself, or an object's key. AWS knows the case of each, so it is kept.
///
/// # Errors
/// When it is not 1 to [`LONGEST_POINT`] letters, digits and `/:._+=@-`, begins with a slash or a dash, or climbs by `..`.
pub fn point_id(text: &str) -> Result<String, Wrong> {
    let text = listed(text);
    let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/:._+=@-".contains(&b));
    let climbs = text.split('/').any(|part| part == "..");
    if allowed && !climbs && (1..=LONGEST_POINT).contains(&text.len()) && !text.starts_with(['/', '-']) {
        return Ok(text.to_owned());
    }
    let text = shown(text);
    Err(Wrong::new(format!("{text} is not the id of a recovery point. Copy one from what `backup list` shows.")))
}

/// A ticket's number such as `INC-123`, in the case it was written in.
///
/// # Errors
/// When it is not 1 to 64 letters, digits, `-`, `_` and `#`.
pub fn ticket(text: &str) -> Result<String, Wrong> {
    let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_#".contains(&b));
    if allowed && (1..=64).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    let text = shown(text);
    Err(Wrong::new(format!(
        "{text} is not a ticket. One has letters, digits, `-`, `_` and `#` only, at most 64: `INC-123`."
    )))
}

/// Days to keep a backup.
///
/// # Errors
/// When it is not a whole number from 1 to [`LONGEST_DAYS`].
pub fn days(text: &str) -> Result<u32, Wrong> {
    let number = Some(text).filter(|text| text.bytes().all(|b| b.is_ascii_digit())).and_then(|text| text.parse().ok());
    number.filter(|days| (1..=LONGEST_DAYS).contains(days)).ok_or_else(|| {
        let text = shown(text);
        Wrong::new(format!("{text} is not a number of days to keep. Write a whole one from 1 to {LONGEST_DAYS}."))
    })
}

/// When backups are made, in the usual spelling: `cron(0 2 * * ? *)`.
///
/// # Errors
/// When AWS Backup would not take it.
pub fn cron(text: &str) -> Result<String, Wrong> {
    Schedule::parse(text).map(|schedule| schedule.text().to_owned()).map_err(|why| Wrong::new(format!("{why}.")))
}

/// A length of time, such as `7d`, that is not nothing.
///
/// # Errors
/// When it is no such length.
pub fn span(text: &str) -> Result<Span, Wrong> {
    let lower = text.to_ascii_lowercase();
    Span::parse(&lower).ok().filter(|span| !span.0.is_zero()).ok_or_else(|| {
        Wrong::new(format!(
            "{} is not a length of time. Write a number and `m`, `h` or `d`, such as `7d`.",
            shown(text)
        ))
    })
}

/// The shortest text that [`span`] reads as this length of whole seconds.
pub fn span_text(span: Span) -> String {
    let seconds = span.0.as_secs();
    let units = [(86_400, 'd'), (3600, 'h'), (60, 'm')];
    let unit = units.into_iter().find(|(factor, _)| seconds.is_multiple_of(*factor));
    unit.map_or_else(|| format!("{seconds}s"), |(factor, unit)| format!("{}{unit}", seconds / factor))
}

/// A moment in ISO 8601 with its zone, such as `2026-03-01T02:30:00Z` or `2026-03-01T04:30+02:00`, from 1970 on. What is
/// shorter than a millisecond is dropped.
///
/// # Errors
/// When it is no such moment, or has no zone.
pub fn moment(text: &str) -> Result<Moment, Wrong> {
    let moment = instant(text)?.as_millisecond();
    if moment < 0 { Err(Wrong::new(format!("{} is before 1970.", shown(text)))) } else { Ok(Moment(moment)) }
}

/// The text that [`moment`] reads as this one, to the millisecond.
pub fn moment_text(moment: Moment) -> String {
    Timestamp::from_millisecond(moment.0).map_or_else(|_| moment.iso(), |timestamp| timestamp.to_string())
}

/// A moment in ISO 8601 with its zone, such as `2026-03-01T02:30:00Z` or `2026-03-01T04:30+02:00`, not after `now`.
///
/// # Errors
/// When it is no such moment, has no zone, or lies in the future.
pub fn timestamp(text: &str, now: Timestamp) -> Result<Timestamp, Wrong> {
    let moment = instant(text)?;
    if moment > now {
        return Err(Wrong::new(format!("{} is in the future: it is {now:.0} now.", shown(text))));
    }
    Ok(moment)
}

fn instant(text: &str) -> Result<Timestamp, Wrong> {
    let upper = text.replace(is_long_dash, "-").to_ascii_uppercase();
    let plain = upper.bytes().all(|b| b.is_ascii_digit() || b"-+:.TZ".contains(&b)) && upper.contains('T');
    plain.then(|| upper.parse::<Timestamp>().ok()).flatten().ok_or_else(|| {
        Wrong::new(format!(
            "{} is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.",
            shown(text)
        ))
    })
}

/// The known word within so many edits of `word`, the nearest first.
pub(super) fn within<'a>(edits: usize, word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.is_empty() || word.len() > 200 {
        return None;
    }
    let near = known.iter().map(|known| (strsim::osa_distance(word, &known.to_ascii_lowercase()), *known));
    near.filter(|(distance, _)| *distance <= edits).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}
