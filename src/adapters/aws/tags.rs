//! Tags: the marks by which a thing in AWS is known to be ours.

use std::time::Duration;

use aws_smithy_types::DateTime;

use crate::{
    domain::{moment::Moment, step::RuleSpec},
    ports::cloud::Call,
};

/// Which operation made it.
pub const OPERATION: &str = "bbws:operation";
/// The name of the ledger that asked for it.
pub const LEDGER: &str = "bbws:ledger";
/// How many days it is to be kept.
pub const RETENTION: &str = RuleSpec::TAG;
/// The database that an instance is live as, or was.
pub const LIVE: &str = "bbws:live";
/// Tenant it is narrowed to.
pub const TENANT: &str = "bbws:tenant";

/// The call's tags in the characters and lengths that every service takes.
pub fn of(call: &Call) -> Vec<(String, String)> {
    call.tags.iter().map(|(key, value)| (clean(key, 128), clean(value, 256))).collect()
}

/// So much AWS's clock may be behind ours.
const SKEW: Duration = Duration::from_secs(300);

/// Whether a thing was made by the call's step: it bears the operation's id, is not another ledger's, and is not older than the
/// intent. An older copy of a ledger gives the same ids again, so that the id alone says nothing. What was made by a build
/// whose ledgers had no names bears none.
pub fn is_ours<'a>(call: &Call, tag: impl Fn(&str) -> Option<&'a str>, made: Option<&DateTime>) -> bool {
    let ours = tag(OPERATION) == Some(call.operation.0.as_str());
    ours && tag(LEDGER).is_none_or(|found| Some(found) == ledger(call)) && !is_older(call, made)
}

/// Whether a thing was made before this step was intended, and so by something else.
pub fn is_older(call: &Call, made: Option<&DateTime>) -> bool {
    let made = made.and_then(|made| made.to_millis().ok()).map(Moment);
    made.is_some_and(|made| made + SKEW < call.intended)
}

/// The name of the ledger that asks.
pub fn ledger(call: &Call) -> Option<&str> {
    call.tags.iter().find(|(key, _)| key == LEDGER).map(|(_, name)| name.as_str())
}

/// S3 and AWS Backup take letters, digits, spaces and `+-=._:/@`.
fn clean(text: &str, longest: usize) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " +-=._:/@".contains(c);
    text.chars().map(|c| if allowed(c) { c } else { '_' }).take(longest).collect()
}

/// Whether the retention written on a thing is the one that was promised; the sentence says what is wrong.
///
/// # Errors
/// What was found instead.
pub fn check_retention(found: Option<&str>, wanted: u32) -> Result<(), String> {
    match found {
        Some(days) if days == wanted.to_string() => Ok(()),
        Some(days) => Err(format!("its tag {RETENTION} says {days} days instead of {wanted}")),
        None => Err(format!("it has no tag {RETENTION}, so nothing says that it is kept for {wanted} days")),
    }
}

/// Holds a tag against what is promised at least, where nobody knows for how long exactly it was to be kept.
///
/// # Errors
/// What was found instead.
pub fn check_kept(found: Option<&str>, at_least: u32) -> Result<(), String> {
    match found.map(str::parse::<u32>) {
        Some(Ok(days)) if days >= at_least => Ok(()),
        _ => check_retention(found, at_least),
    }
}
