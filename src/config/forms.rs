//! The forms that names take in Slack and AWS.

pub(super) use crate::domain::topics::partition;

/// Every AWS region with a public name.
pub(super) const REGIONS: [&str; 41] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "me-west-1",
    "mx-central-1",
    "sa-east-1",
    "sa-west-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// The known word a mistyped one most likely stands for.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let scored = known.iter().map(|k| (strsim::damerau_levenshtein(word, k), *k));
    scored.min().filter(|(distance, k)| *distance <= 1 + k.chars().count() / 4).map(|(_, k)| k)
}

/// 1 to `max` characters, all of them ASCII letters, digits or one of `extra`.
pub(super) fn word(text: &str, max: usize, extra: &str) -> bool {
    (1..=max).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

/// A Slack id that begins with one of `kinds`, such as `C0OPS` for `C`.
pub(super) fn slack_id(text: &str, kinds: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let rest = &text[first.len_utf8()..];
    kinds.contains(first) && word(rest, 30, "") && !rest.bytes().any(|b| b.is_ascii_lowercase())
}

/// A DB instance identifier.
pub(super) fn db_instance(text: &str) -> bool {
    word(text, 63, "-")
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with('-')
        && !text.contains("--")
}

/// A backup vault's name. AWS's own of EFS has slashes.
pub(super) fn vault(text: &str) -> bool {
    let own = text == "aws/efs/automatic-backup-vault";
    own || text.len() >= 2 && word(text, 50, "-_")
}

/// An EFS file system id.
pub(super) fn file_system(text: &str) -> bool {
    text.strip_prefix("fs-").is_some_and(|id| (8..=40).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A VPC security group id.
pub(super) fn security_group(text: &str) -> bool {
    text.strip_prefix("sg-").is_some_and(|id| (8..=17).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A VPC subnet id.
pub(super) fn subnet(text: &str) -> bool {
    let digits = |id: &str| (8..=17).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit());
    text.strip_prefix("subnet-").is_some_and(digits)
}

/// An S3 bucket's name.
pub(super) fn bucket(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&text.len())
        && text.chars().all(|c| edge(c) || matches!(c, '-' | '.'))
        && text.starts_with(edge)
        && text.ends_with(edge)
        && !text.contains("..")
}

/// An AWS account id.
pub(super) fn account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// A path or prefix without parts that climb, and without control characters.
pub(super) fn path(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 512
        && !text.chars().any(char::is_control)
        && !text.split('/').any(|part| part == "..")
}

/// An ARN's parts that this product looks at.
pub(super) struct Arn<'a> {
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits `arn:partition:service:region:account:resource`.
    pub fn parse(text: &'a str) -> Option<Arn<'a>> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let arn = Arn {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        let whole = arn.partition.starts_with("aws") && !arn.service.is_empty() && !arn.resource.is_empty();
        let printable = text.len() <= 2048 && text.chars().all(|c| c.is_ascii_graphic());
        (whole && printable).then_some(arn)
    }
}
