//! Tags: the marks by which a thing in AWS is known to be ours.

use crate::ports::cloud::Call;

/// Which operation made it.
pub const OPERATION: &str = "bbws:operation";
/// How many days it is to be kept.
pub const RETENTION: &str = "bbws:retention-days";
/// Tenant it is narrowed to.
pub const TENANT: &str = "bbws:tenant";

/// The call's tags in the characters and lengths that every service takes.
pub fn of(call: &Call) -> Vec<(String, String)> {
    call.tags.iter().map(|(key, value)| (clean(key, 128), clean(value, 256))).collect()
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
