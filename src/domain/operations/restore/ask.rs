//! What was asked of a restore: what comes back, from when, where to, and for how long it is kept.

use super::{Kind, WORDS, kind};
use crate::domain::{
    command::{
        Arg, Command, Form, Values, Wrong, one_of, shown,
        value::{self, Kind as Value, moment, moment_text, point_id, span, span_text, word},
    },
    environment::Environment,
    moment::Moment,
    step::Bring,
};

/// The names of a restore's options, by which kinds say what they need and take.
pub(super) const SNAPSHOT: &str = "snapshot-id";
pub(super) const TARGET: &str = "target-time";
pub(super) const DATABASE: &str = "database";
pub(super) const REGION: &str = "region";
pub(super) const POINT: &str = "recovery-point";
pub(super) const PATH: &str = "path";
pub(super) const FROM: &str = "from";
pub(super) const NAME: &str = "name";
pub(super) const BUCKET: &str = "bucket";
pub(super) const PREFIX: &str = "prefix";
pub(super) const AS_OF: &str = "as-of";
pub(super) const TENANT: &str = "tenant";
pub(super) const TABLES: &str = "tables";
pub(super) const MERGE: &str = "merge";
const TYPE: &str = "type";
const INTO: &str = "into";
const KEEP: &str = "keep";
const TICKET: &str = "ticket";

/// The word that stands for as late as can be.
const LATEST: &str = "latest";
/// How long a clone is kept where nobody says how long.
const A_DAY: &str = "1d";
/// The place of what is there.
const LIVE: &str = "live";
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

static WHAT: Value = Value {
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
    ..value::TEXT
};
static SNAPSHOT_ID: Value =
    Value { name: "snapshot", usage: "ID", read: |_, text, _| point_id(text), open: Some("<id>"), ..value::TEXT };
static TARGET_TIME: Value = Value {
    name: "target time",
    usage: "TIME|latest",
    read: |_, text, _| target(text),
    mend: |_, text, _| target(text).ok(),
    open: Some("<time>"),
    ..value::TEXT
};
static POINT_ID: Value = Value {
    name: "recovery point of files",
    usage: "ID",
    read: |_, text, _| point_id(text),
    open: Some("<id>"),
    ..value::TEXT
};
static EXPORT_ID: Value =
    Value { name: "export", usage: "ID", read: |_, text, _| point_id(text), open: Some("<id>"), ..value::TEXT };
static FOLDER: Value = Value { name: "folder", usage: "/folder", read: |_, text, _| folder(text), ..value::TEXT };
static VALUE_NAME: Value = Value { name: "name", usage: "NAME", read: |_, text, _| value_name(text), ..value::TEXT };
static BUCKET_NAME: Value =
    Value { name: "bucket", usage: "BUCKET", read: |_, text, _| bucket(text), open: Some("<bucket>"), ..value::TEXT };
static KEY_PREFIX: Value = Value { name: "prefix", usage: "PREFIX", read: |_, text, _| prefix(text), ..value::TEXT };
static MOMENT: Value = Value {
    name: "moment",
    usage: "TIME",
    read: |_, text, _| instant(text, AS_OF),
    open: Some("<time>"),
    ..value::TEXT
};
static DATABASE_ID: Value =
    Value { name: "database", usage: "DB", read: |_, text, _| database(text), open: Some("<database>"), ..value::TEXT };
static SIDE: Value = Value {
    name: "side",
    words: &["primary", "dr"],
    read: |kind, text, _| word(kind, text, "a region to restore from"),
    ..value::TEXT
};
static PLACE: Value = Value {
    name: "place",
    words: &["clone", "live"],
    called: &[("copy", "clone"), ("new", "clone")],
    read: |kind, text, _| word(kind, text, "somewhere to restore to"),
    ..value::TEXT
};
static TABLE_NAMES: Value =
    Value { name: "tables", usage: "a,b", read: |_, text, _| tables(text), open: Some("<tables>"), ..value::TEXT };
static MERGED: Value = Value {
    name: "merge",
    words: &["missing", "changed"],
    called: &[("gone", "missing"), ("deleted", "missing"), ("differing", "changed")],
    read: |kind, text, _| word(kind, text, "a way to merge"),
    ..value::TEXT
};
static KEPT: Value =
    Value { name: "keep", usage: "24h", open: Some("24h"), read: |_, text, _| keep(text), ..value::DURATION };

const fn option(name: &'static str, kind: &'static Value, about: &'static str) -> Arg {
    Arg { name, kind, form: Form::Option, required: false, usual: None, about }
}

/// The arguments of a restore, after the environment.
pub(super) const WHAT_ARG: Arg = Arg {
    name: TYPE,
    kind: &WHAT,
    form: Form::WordOrOption,
    required: true,
    usual: None,
    about: "`rds` brings back a database from a snapshot, `pitr` as it was at a moment, `dump` loads a logical dump, `efs` a file system or a folder of it; \
            `secrets`, `config` and `s3` say what would come back, or bring it back; `--type rds` works too",
};
pub(super) const SNAPSHOT_ARG: Arg =
    option(SNAPSHOT, &SNAPSHOT_ID, "`rds`: the recovery point's id, as `backup list` shows it");
pub(super) const TARGET_ARG: Arg = option(
    TARGET,
    &TARGET_TIME,
    "`pitr`: the moment, with its zone: `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`; or `latest`",
);
pub(super) const DATABASE_ARG: Arg =
    option(DATABASE, &DATABASE_ID, "which database, by its id; not needed where there is only one");
pub(super) const POINT_ARG: Arg = option(POINT, &POINT_ID, "`efs`: the recovery point's id, as `backup list` shows it");
pub(super) const PATH_ARG: Arg =
    option(PATH, &FOLDER, "`efs`: only this folder, from the root, restored beside the live one");
pub(super) const FROM_ARG: Arg = option(
    FROM,
    &EXPORT_ID,
    "`dump`, `secrets`, `config`: the id of the dump or the export, as `backup list` shows it",
);
pub(super) const NAME_ARG: Arg = option(NAME, &VALUE_NAME, "`secrets`, `config`: only the one of this name");
pub(super) const BUCKET_ARG: Arg = option(BUCKET, &BUCKET_NAME, "`s3`: the bucket, one of the config's");
pub(super) const PREFIX_ARG: Arg = option(PREFIX, &KEY_PREFIX, "`s3`: only objects whose key begins so");
pub(super) const AS_OF_ARG: Arg =
    option(AS_OF, &MOMENT, "`s3`: the moment the objects are to be as of, with its zone: `2026-03-01T02:30:00Z`");
pub(super) const TENANT_ARG: Arg = option(
    TENANT,
    &value::TENANT,
    "only what is this tenant's; of a database with `--into live` only this tenant's tables, and those of others are not touched",
);
pub(super) const REGION_ARG: Arg = option(
    REGION,
    &SIDE,
    "from where, and where it is restored: the `primary` region or the `dr` region; `primary` when left out",
);
pub(super) const INTO_ARG: Arg = Arg {
    usual: Some("clone"),
    ..option(
        INTO,
        &PLACE,
        "`clone` ends with a validated copy apart from the platform, which nothing uses; `live` goes on: somebody looks, what is there is backed up, others agree, and the copy takes its place",
    )
};
pub(super) const TABLES_ARG: Arg = option(
    TABLES,
    &TABLE_NAMES,
    "with `--tenant`: only these tables, without schema; all of the tenant's when left out",
);
pub(super) const MERGE_ARG: Arg = option(
    MERGE,
    &MERGED,
    "with `--tenant`: `missing` brings back only rows that are gone, `changed` also gives rows that differ their old values; whole tables are swapped when left out",
);
pub(super) const KEEP_ARG: Arg = option(
    KEEP,
    &KEPT,
    "how long a clone is kept after it was validated, a day when left out; then it is deleted by itself",
);
pub(super) const TICKET_ARG: Arg = option(TICKET, &value::TICKET, "the ticket that asks for it");

/// Whether values that are right each by itself belong together.
pub(super) fn settled(values: Values) -> Result<Values, Wrong> {
    let environment = values.get("environment").unwrap_or_default();
    let Some(kind) = values.get(TYPE).and_then(kind) else { return Ok(values) };
    if let Some(lacks) = kind.needs.iter().find(|name| values.get(name).is_none()) {
        return Err(Wrong::new(format!(
            "`backup restore {environment} {}` needs `--{lacks}`: {}.",
            kind.word,
            about(lacks)
        )));
    }
    if values.get(INTO) == Some(LIVE) && values.get(KEEP).is_some() {
        let why = "What takes the place of what is live is not deleted by itself: leave `--keep` out, or restore into a clone.";
        return Err(Wrong::new(why));
    }
    let own = |name: &&&str| !kind.needs.contains(name) && !kind.takes.contains(name);
    let foreign = super::KINDS.iter().flat_map(|other| other.needs.iter().chain(other.takes)).filter(own);
    if let Some(option) = foreign.into_iter().find(|name| values.get(name).is_some()) {
        return Err(Wrong::new(format!("`backup restore {environment} {}` takes no `--{option}`.", kind.word)));
    }
    if let Some(option) = [TABLES, MERGE].into_iter().find(|name| values.get(name).is_some())
        && values.get(TENANT).is_none()
    {
        return Err(Wrong::new(format!(
            "`--{option}` says what of a tenant's comes back, and not whose: say that with `--{TENANT} ID`."
        )));
    }
    Ok(values)
}

fn about(option: &str) -> &'static str {
    let args = super::ENTRY.args.iter();
    let about = args.clone().find(|arg| arg.name == option).map_or("", |arg| arg.about);
    about.split_once(": ").map_or(about, |(_, rest)| rest)
}

/// What a person means who says from what, and not what kind of restore that is; and what they have yet to say.
pub(super) fn completed(values: &mut Values) {
    if values.get(TYPE).is_none() {
        let meant = super::KINDS.iter().find(|kind| kind.needs.iter().any(|name| values.get(name).is_some()));
        values.offer(TYPE, meant.map(|kind| kind.word));
    }
    let Some(kind) = values.get(TYPE).and_then(kind) else { return };
    if kind.says(TABLES) && (values.get(TABLES).is_some() || values.get(MERGE).is_some()) {
        values.offer(TENANT, TENANT_ARG.kind.open);
    }
    for arg in super::ENTRY.args {
        if kind.needs.contains(&arg.name) {
            values.offer(arg.name, arg.kind.open);
        } else if !kind.takes.contains(&arg.name) && super::KINDS.iter().any(|other| other.says(arg.name)) {
            values.clear(arg.name);
        }
    }
}

/// `latest`, or a moment to the second: RDS knows no finer ones.
fn target(text: &str) -> Result<String, Wrong> {
    if text.eq_ignore_ascii_case(LATEST) {
        return Ok(LATEST.to_owned());
    }
    instant(text, TARGET)
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
        let or = if option == TARGET { ", or is `latest`" } else { "" };
        return Err(Wrong::new(format!(
            "{} is not a time to restore to. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`{or}.",
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

/// Up to when the data is to be as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// As late as can be when the restore begins.
    Latest,
    /// At this moment.
    At(Moment),
}

/// What was asked, as its values mean it.
pub(super) struct Ask<'a> {
    pub(super) kind: &'static Kind,
    values: &'a Values,
}

impl<'a> Ask<'a> {
    /// What this command asks for; none where it does not say what.
    pub(super) fn of(command: &'a Command) -> Option<Ask<'a>> {
        let values = command.values();
        Some(Ask { kind: values.get(TYPE).and_then(kind)?, values })
    }

    /// The recovery point it is to come from.
    pub(super) fn snapshot(&self) -> &'a str {
        self.values.get(SNAPSHOT).unwrap_or_default()
    }

    /// The moment it is to be as of.
    pub(super) fn target(&self) -> Target {
        self.values.get(TARGET).and_then(|text| moment(text).ok()).map_or(Target::Latest, Target::At)
    }

    /// The database that was named.
    pub(super) fn database(&self) -> Option<&'a str> {
        self.values.get(DATABASE)
    }

    /// The recovery point of a file system.
    pub(super) fn point(&self) -> &'a str {
        self.values.get(POINT).unwrap_or_default()
    }

    /// The folder that is meant.
    pub(super) fn path(&self) -> Option<&'a str> {
        self.values.get(PATH)
    }

    /// The export it is to come from.
    pub(super) fn from(&self) -> &'a str {
        self.values.get(FROM).unwrap_or_default()
    }

    /// The one secret or parameter that is meant.
    pub(super) fn name(&self) -> Option<&'a str> {
        self.values.get(NAME)
    }

    /// The bucket.
    pub(super) fn bucket(&self) -> &'a str {
        self.values.get(BUCKET).unwrap_or_default()
    }

    /// What the keys begin with; empty where all are meant.
    pub(super) fn prefix(&self) -> &'a str {
        self.values.get(PREFIX).unwrap_or_default()
    }

    /// The moment the objects are to be as of.
    pub(super) fn as_of(&self) -> Option<Moment> {
        self.values.get(AS_OF).and_then(|text| moment(text).ok())
    }

    /// The tenant it is narrowed to.
    pub(super) fn tenant(&self) -> Option<&'a str> {
        self.values.get(TENANT)
    }

    /// The tenant's tables that were named; all of them where none are.
    pub(super) fn tables(&self) -> Vec<String> {
        let named = self.values.get(TABLES).into_iter().flat_map(|names| names.split(','));
        named.map(str::to_owned).collect()
    }

    /// How a tenant's rows come back.
    pub(super) fn bring(&self) -> Bring {
        match self.values.get(MERGE) {
            Some("missing") => Bring::Missing,
            Some(_) => Bring::Changed,
            None => Bring::Swap,
        }
    }

    /// Whether a whole database is to take the place of what is live, and not one tenant's tables in it.
    pub(super) fn replaces_database(&self) -> bool {
        self.goes_live() && self.tenant().is_none()
    }

    /// How long a clone is kept, as people write it.
    pub(super) fn keep(&self) -> &'a str {
        self.values.get(KEEP).unwrap_or(A_DAY)
    }

    /// Whether it is to take the place of what is live.
    pub(super) fn goes_live(&self) -> bool {
        self.values.get(INTO) == Some(LIVE)
    }

    /// Whether it comes from the DR region.
    pub(super) fn comes_from_dr(&self) -> bool {
        self.values.get(REGION) == Some("dr")
    }

    /// The region it comes from and is restored in.
    pub(super) fn region(&self, env: &'a Environment) -> &'a str {
        if self.comes_from_dr() { &env.dr_region } else { &env.primary_region }
    }

    /// The ticket that asks for it.
    pub(super) fn ticket(&self) -> Option<&'a str> {
        self.values.get(TICKET)
    }
}
