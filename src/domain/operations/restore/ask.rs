//! What was asked of a restore: what comes back, from when, where to, and for how long it is kept.

use super::{
    Kind, kind,
    names::{
        AS_OF, BUCKET, DATABASE, FROM, INTO, KEEP, MERGE, NAME, PATH, POINT, PREFIX, REGION, SNAPSHOT, TABLES, TARGET,
        TENANT, TICKET, TYPE,
    },
    values::{
        BUCKET_NAME, DATABASE_ID, EXPORT_ID, FOLDER, KEPT, KEY_PREFIX, LATEST, MERGED, MOMENT, PLACE, POINT_ID, SIDE,
        SNAPSHOT_ID, TABLE_NAMES, TARGET_TIME, VALUE_NAME, WHAT,
    },
};
use crate::domain::{
    command::{
        Arg, Command, Form, Values, Wrong,
        value::{self, Kind as Value, moment},
    },
    environment::Environment,
    moment::Moment,
    step::Bring,
};

/// How long a clone is kept where nobody says how long.
const A_DAY: &str = "1d";
/// The place of what is there.
const LIVE: &str = "live";
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
            `secrets`, `config` and `s3` say what would come back, or bring it back; `full` is all of it as of a moment, one thing after the other; \
            `--type rds` works too",
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
pub(super) const AS_OF_ARG: Arg = option(
    AS_OF,
    &MOMENT,
    "`s3`, `full`: the moment it is to be as of, with its zone: `2026-03-01T02:30:00Z`; of `full` also `latest`",
);
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
    if latest_of_a_bucket(kind, &values) {
        let why = "The latest of a bucket is what is in it: say the moment its objects are to be as of, `--as-of 2026-03-01T02:30:00Z`.";
        return Err(Wrong::new(why));
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

/// Whether a bucket is asked for as it is: there is nothing to bring back.
fn latest_of_a_bucket(kind: &Kind, values: &Values) -> bool {
    kind.needs.contains(&BUCKET) && values.get(AS_OF) == Some(LATEST)
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
    if latest_of_a_bucket(kind, values) {
        values.clear(AS_OF);
    }
    for arg in super::ENTRY.args {
        if kind.needs.contains(&arg.name) {
            values.offer(arg.name, arg.kind.open);
        } else if !kind.takes.contains(&arg.name) && super::KINDS.iter().any(|other| other.says(arg.name)) {
            values.clear(arg.name);
        }
    }
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

    /// The moment it is to be as of; none where that is the latest, or was not said.
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

    /// A sentence for somebody whose id names nothing where it is to come from.
    pub(super) fn unknown(&self, env: &Environment, id: &str) -> String {
        let there = match (env.replicates(), self.comes_from_dr()) {
            (false, _) => String::new(),
            (true, false) if self.kind.says(REGION) => {
                format!("; what is in {} is restored with `--{REGION} dr`", env.dr_region)
            }
            (true, false) => format!("; of a copy in {}, name the one here that it is a copy of", env.dr_region),
            (true, true) => format!("; what is in {} is restored without `--{REGION} dr`", env.primary_region),
        };
        format!(
            "There is no recovery point `{id}` of `{0}` in {1}. `/bbws backup list {0}` shows those there are{there}.",
            env.name,
            self.region(env)
        )
    }

    /// The ticket that asks for it.
    pub(super) fn ticket(&self) -> Option<&'a str> {
        self.values.get(TICKET)
    }
}
