//! The values of a restore's options: how each is read, refused, asked for and completed.

use super::{
    WORDS,
    names::{AS_OF, TABLES, TARGET},
};
use crate::domain::command::{
    Wrong, one_of, shown,
    value::{self, Kind as Value, moment, moment_text, point_id, span, span_text, word},
};

/// The word that stands for as late as can be.
pub(super) const LATEST: &str = "latest";
/// The longest name of a table.
const LONGEST_NAME: usize = 63;
/// Words of SQL that no table is called by without quotes.
const RESERVED: [&str; 30] = [
    "all", "alter", "and", "as", "by", "create", "delete", "distinct", "drop", "from", "grant", "group", "having",
    "in", "insert", "into", "join", "like", "limit", "not", "null", "on", "or", "order", "select", "table", "union",
    "update", "values", "where",
];
/// The longest time a clone is kept, in days: it costs as much as a database that is used.
const LONGEST_KEEP: u64 = 30;

pub(super) static WHAT: Value = Value {
    name: "kind of restore",
    words: &WORDS,
    called: &[
        ("snapshot", "rds"),
        ("db", "rds"),
        ("point-in-time", "pitr"),
        ("time", "pitr"),
        ("files", "efs"),
        ("parameters", "config"),
        ("bucket", "s3"),
        ("objects", "s3"),
    ],
    read: |kind, text, _| word(kind, text, "something to restore"),
    lacking: |_| format!("to know what to restore: {}.", one_of(&WORDS)),
    open: Some("<rds|pitr|efs|dump|secrets|config|s3|full>"),
    ..value::TEXT
};
pub(super) static SNAPSHOT_ID: Value =
    Value { name: "snapshot", usage: "ID", read: |_, text, _| point_id(text), open: Some("<id>"), ..value::TEXT };
pub(super) static TARGET_TIME: Value = Value {
    name: "target time",
    usage: "TIME|latest",
    read: |_, text, _| target(text, TARGET),
    mend: |_, text, _| target(text, TARGET).ok(),
    open: Some("<time>"),
    ..value::TEXT
};
pub(super) static POINT_ID: Value = Value {
    name: "recovery point of files",
    usage: "ID",
    read: |_, text, _| point_id(text),
    open: Some("<id>"),
    ..value::TEXT
};
pub(super) static EXPORT_ID: Value =
    Value { name: "export", usage: "ID", read: |_, text, _| point_id(text), open: Some("<id>"), ..value::TEXT };
pub(super) static FOLDER: Value =
    Value { name: "folder", usage: "/folder", read: |_, text, _| folder(text), ..value::TEXT };
pub(super) static VALUE_NAME: Value =
    Value { name: "name", usage: "NAME", read: |_, text, _| value_name(text), ..value::TEXT };
pub(in super::super) static BUCKET_NAME: Value =
    Value { name: "bucket", usage: "BUCKET", read: |_, text, _| bucket(text), open: Some("<bucket>"), ..value::TEXT };
pub(super) static KEY_PREFIX: Value =
    Value { name: "prefix", usage: "PREFIX", read: |_, text, _| prefix(text), ..value::TEXT };
pub(super) static MOMENT: Value = Value {
    name: "moment",
    usage: "TIME|latest",
    read: |_, text, _| target(text, AS_OF),
    mend: |_, text, _| target(text, AS_OF).ok(),
    open: Some("<time>"),
    ..value::TEXT
};
pub(super) static DATABASE_ID: Value =
    Value { name: "database", usage: "DB", read: |_, text, _| database(text), open: Some("<database>"), ..value::TEXT };
pub(super) static SIDE: Value = Value {
    name: "side",
    words: &["primary", "dr"],
    read: |kind, text, _| word(kind, text, "a region to restore from"),
    ..value::TEXT
};
pub(super) static PLACE: Value = Value {
    name: "place",
    words: &["clone", "live"],
    called: &[("copy", "clone"), ("new", "clone")],
    read: |kind, text, _| word(kind, text, "somewhere to restore to"),
    ..value::TEXT
};
pub(super) static TABLE_NAMES: Value =
    Value { name: "tables", usage: "a,b", read: |_, text, _| tables(text), open: Some("<tables>"), ..value::TEXT };
pub(super) static MERGED: Value = Value {
    name: "merge",
    words: &["missing", "changed"],
    called: &[("gone", "missing"), ("deleted", "missing"), ("differing", "changed")],
    read: |kind, text, _| word(kind, text, "a way to merge"),
    ..value::TEXT
};
pub(super) static KEPT: Value =
    Value { name: "keep", usage: "24h", open: Some("24h"), read: |_, text, _| keep(text), ..value::DURATION };

/// `latest`, or a moment to the second: RDS knows no finer ones.
fn target(text: &str, option: &str) -> Result<String, Wrong> {
    if text.eq_ignore_ascii_case(LATEST) {
        return Ok(LATEST.to_owned());
    }
    instant(text, option)
}

/// A moment to the second, with its zone: nobody guesses one.
fn instant(text: &str, option: &str) -> Result<String, Wrong> {
    let bare: String = text.chars().take_while(|c| c.is_ascii_digit() || "-:Tt".contains(*c)).collect();
    let shape = |text: &str, pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(is, wanted)| match wanted {
                b'0' => is.is_ascii_digit(),
                other => is.eq_ignore_ascii_case(&other),
            })
    };
    if shape(text, "0000-00-00T00:00:00") {
        return Err(Wrong::new(format!(
            "{} has no zone, and nobody guesses one. Say `--{option} {text}Z` for UTC, or with your own zone, such as `--{option} {text}+02:00`.",
            shown(text)
        )));
    }
    let zone = text.get(19..).unwrap_or_default();
    let zoned = zone.eq_ignore_ascii_case("Z") || shape(zone, "+00:00") || shape(zone, "-00:00");
    if bare.len() < 19 || !shape(&text[..19.min(text.len())], "0000-00-00T00:00:00") || !zoned {
        return Err(Wrong::new(format!(
            "{} is not a time to restore to. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`, or is `latest`.",
            shown(text)
        )));
    }
    moment(text).map(moment_text)
}

/// A folder from the root, without a slash at its end.
fn folder(text: &str) -> Result<String, Wrong> {
    let path = text.trim_end_matches('/');
    let plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.len() <= 255
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+@ ".contains(&b))
    };
    let parts = path.strip_prefix('/').map(|rest| rest.split('/'));
    match parts.is_some_and(|mut parts| parts.all(plain)) && path.len() <= 1024 {
        true => Ok(path.to_owned()),
        false => Err(Wrong::new(format!(
            "{} is no folder. It begins with a slash, as seen from the root of the file system: `/tenant-1`.",
            shown(text)
        ))),
    }
}

/// The name of a secret or a parameter.
fn value_name(text: &str) -> Result<String, Wrong> {
    let fits =
        (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+=.@-".contains(&b));
    let wrong = || Wrong::new(format!("{} is not the name of a secret or a parameter.", shown(text)));
    fits.then(|| text.to_owned()).ok_or_else(wrong)
}

/// The name of a bucket.
fn bucket(text: &str) -> Result<String, Wrong> {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    let fits = (3..=63).contains(&bytes.len())
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| edge(Some(b)) || b".-".contains(b));
    let wrong = || Wrong::new(format!("{} is not the name of a bucket.", shown(text)));
    fits.then(|| text.to_owned()).ok_or_else(wrong)
}

/// The beginning of keys: parts between slashes, as the platform names its objects.
fn prefix(text: &str) -> Result<String, Wrong> {
    let plain = |part: &str| {
        !matches!(part, "" | "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let fits = text.len() <= 1024 && text.strip_suffix('/').unwrap_or(text).split('/').all(plain);
    let wrong = || {
        Wrong::new(format!(
            "{} is no beginning of keys: letters, digits, `.`, `_`, `-` and single slashes, such as `wp-content/uploads/`.",
            shown(text)
        ))
    };
    fits.then(|| text.to_owned()).ok_or_else(wrong)
}

/// The id of a database as RDS writes it, in lower case.
fn database(text: &str) -> Result<String, Wrong> {
    let id = text.to_ascii_lowercase();
    let fits = (1..=63).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    fits.then_some(id).ok_or_else(|| {
        Wrong::new(format!("{} is not the id of a database: letters, digits and hyphens, at most 63.", shown(text)))
    })
}

/// Names of tables, each once, as PostgreSQL and MySQL take them without quotes.
fn tables(text: &str) -> Result<String, Wrong> {
    let mut names: Vec<&str> = text.split(',').map(str::trim).collect();
    for name in &names {
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let fits = begins && name.len() <= LONGEST_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !fits || RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(Wrong::new(format!(
                "{} is not the name of a table: letters, digits and `_`, at most {LONGEST_NAME}, several with commas, without schema: `--{TABLES} wp_posts,wp_postmeta`.",
                shown(name)
            )));
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names.join(","))
}

fn keep(text: &str) -> Result<String, Wrong> {
    let kept = span(text)?;
    let hours = kept.0.as_secs() / 3600;
    if !(1..=LONGEST_KEEP * 24).contains(&hours) {
        return Err(Wrong::new(format!(
            "{} is not how long a clone is kept: an hour (`1h`) at least, {LONGEST_KEEP} days at most.",
            shown(text)
        )));
    }
    Ok(span_text(kept))
}
