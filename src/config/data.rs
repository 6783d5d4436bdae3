//! Checks on what an environment declares beyond databases, files and secrets: parameters, buckets, dumps, schedule,
//! restore tests, tiers of retention.

use std::collections::BTreeMap;

use crate::domain::{
    cost,
    environment::{AwsBackup, Bucket, Dump, Environment, LifecycleRule, RetentionTiers},
    moment::spoken,
    point::PointKind,
    retention,
    routine::{Routine, Wish},
    schedule::Schedule,
    step::RuleSpec,
    tier::{self, ServiceTier, TierPromise},
};

use super::{
    access::unique,
    environments::{LONGEST_DAYS, kms_key},
    forms,
    tree::{At, Report},
};

/// A test restore is not made more often, in seconds.
const SHORTEST_RESTORE_TEST: u64 = 86_400;

/// Storage classes whose objects can be read without being thawed.
const READABLE: [&str; 5] = ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"];

/// All of it, in the order of the keys.
pub(super) fn check(env: &Environment, at: &At, report: &mut Report<'_>) {
    if let Some(prefix) = &env.parameters_prefix {
        parameters_prefix(prefix, &at.key("parameters_prefix"), report);
        if env.secrets_bucket.is_none() {
            report.problem(
                &at.key("secrets_bucket"),
                "is missing, though parameters_prefix is set; name the bucket that receives the parameters",
            );
        }
    }
    let required = at.key("required_parameters");
    for (index, name) in env.required_parameters.iter().enumerate() {
        let under = env.parameters_prefix.as_deref().unwrap_or_default();
        if under.is_empty() || !name.starts_with(under) || name.ends_with('/') {
            let next = if under.is_empty() { "set parameters_prefix" } else { "write the whole name of one under it" };
            report.problem(&required.item(index), format_args!("`{name}` is not under parameters_prefix; {next}"));
        }
    }
    if let Some(class) = &env.dump_storage_class
        && !READABLE.contains(&class.as_str())
    {
        let classes = READABLE.join(", ");
        let text = format!(
            "`{class}` is not a storage class that can be read at once, which dumps are after they are written; use one of: {classes}"
        );
        report.problem(&at.key("dump_storage_class"), text);
    }
    buckets(env, &at.key("buckets"), report);
    for (index, dump) in env.dumps.iter().enumerate() {
        self::dump(dump, env, &at.key("dumps").item(index), report);
    }
    unique(env.dumps.iter().map(|d| d.database.as_str()), |i| at.key("dumps").item(i).key("database"), report);
    dumps_need(env, at, report);
    if let Some(key) = &env.dump_kms_key {
        let need = ("dumps are encrypted under a key of the primary region", env.primary_region.as_str());
        kms_key(key, env, need, &at.key("dump_kms_key"), report);
    }
    if let Some(text) = &env.schedule {
        schedule(text, env, &at.key("schedule"), report);
    }
    schedules(env, &at.key("schedules"), report);
    if let Some(wanted) = &env.backup_plan {
        backup_plan(wanted, env, &at.key("backup_plan"), report);
    }
    restore_test(env, at, report);
    retention_of_kinds(env, &at.key("retention"), report);
    if let Some(namespace) = env.cloudwatch.as_ref().filter(|n| n.starts_with("AWS/") || !forms::word(n, 255, "._/#:-"))
    {
        let text = "is not a namespace of CloudWatch; use letters, digits and ._-/#: and nothing that begins with AWS/";
        report.problem(&at.key("cloudwatch"), format_args!("`{namespace}` {text}"));
    }
    for (key, percent) in env.thresholds.named().into_iter().filter(|(_, percent)| *percent > 100) {
        let text = format!("{percent} is over 100 percent of what the backups before it held; set 0 to 100");
        report.problem(&at.key("thresholds").key(key), text);
    }
    lifecycle(env, &at.key("lifecycle"), report);
    service_tiers(env, &at.key("tiers"), report);
    let kinds: Vec<&str> = PointKind::ALL.into_iter().map(PointKind::as_str).collect();
    let priced: Vec<&str> = kinds.into_iter().chain(cost::STORAGE).collect();
    let unknown = |name: &&String| !priced.contains(&name.as_str()) && !name.starts_with(cost::CLASS);
    for name in env.prices.keys().filter(unknown) {
        report.unknown_key(&at.key("prices").key(name), name, &priced);
    }
    if let Some(tiers) = &env.retention_tiers {
        retention_tiers(tiers, env, &at.key("retention_tiers"), report);
    }
}

fn parameters_prefix(prefix: &str, at: &At, report: &mut Report<'_>) {
    let whole = prefix.starts_with('/') && prefix.ends_with('/') && !prefix.contains("//");
    let lower = prefix.to_ascii_lowercase();
    if !forms::word(prefix, 1000, "/_.-") {
        report.problem(at, format_args!("`{prefix}` cannot begin a parameter's name; use letters, digits and /_.-"));
    } else if prefix == "/" {
        report
            .problem(at, "`/` would take every parameter of the account; name the environment's, such as `/bbws/dev/`");
    } else if !whole {
        // `/bbws/prod` would take the parameters of `/bbws/production/` along.
        let name = prefix.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        report.problem(at, format_args!("`{prefix}` must begin and end with one slash: `/{name}/`"));
    } else if lower.starts_with("/aws") || lower.starts_with("/ssm") {
        report
            .problem(at, format_args!("`{prefix}` begins names that AWS keeps for itself; name the environment's own"));
    }
}

fn buckets(env: &Environment, at: &At, report: &mut Report<'_>) {
    let mut names = Vec::new();
    for (index, Bucket { name, dr }) in env.buckets.iter().enumerate() {
        let at = at.item(index);
        for (key, bucket) in [("name", Some(name)), ("dr", dr.as_ref())] {
            let Some(bucket) = bucket else { continue };
            if !forms::bucket(bucket) {
                let text = format!("`{bucket}` is not an S3 bucket's name (not its ARN or address)");
                report.problem(&at.key(key), text);
            }
            names.push((at.key(key), bucket.as_str()));
        }
        if dr.is_none() && env.replicates() {
            let text = format!(
                "is missing, though replication is on; name the replica of `{name}`, or set replication = \"disabled\""
            );
            report.problem(&at.key("dr"), text);
        }
    }
    unique(names.iter().map(|(_, name)| *name), |i| names[i].0.clone(), report);
}

fn dump(dump: &Dump, env: &Environment, at: &At, report: &mut Report<'_>) {
    let (environment, database) = (&env.name, &dump.database);
    match env.databases.iter().find(|d| d.id == *database) {
        None => report.problem(
            &at.key("database"),
            format_args!("`{environment}` has no database `{database}`; add it to databases, or name one of those"),
        ),
        Some(found) if found.engine != dump.engine => {
            let (said, engine) = (dump.engine, found.engine);
            report.problem(
                &at.key("engine"),
                format_args!("`{said}` is not the engine of `{database}`, which is {engine}; set \"{engine}\""),
            );
        }
        Some(_) => {}
    }
    for (key, secret) in [("secret", Some(&dump.secret)), ("load_test", dump.load_test.as_ref())] {
        let Some(secret) = secret else { continue };
        if !forms::word(secret, 512, "/_+=.@-") || secret.ends_with('/') {
            report.problem(
                &at.key(key),
                format_args!("`{secret}` is not a secret's name; use letters, digits and /_+=.@- (not its ARN)"),
            );
        }
    }
    if dump.load_test.as_ref() == Some(&dump.secret) {
        report.problem(
            &at.key("load_test"),
            format_args!("names the login of `{database}` itself; name one of a server of the test's own, where everything may be overwritten"),
        );
    }
    let schemas = at.key("schemas");
    for (index, schema) in dump.schemas.iter().enumerate() {
        if !forms::word(schema, 64, "-_$") {
            report.problem(&schemas.item(index), format_args!("`{schema}` is not a schema's name"));
        }
    }
    unique(dump.schemas.iter().map(String::as_str), |i| schemas.item(i), report);
}

/// Where dumps go and what encrypts them.
fn dumps_need(env: &Environment, at: &At, report: &mut Report<'_>) {
    let needs = [
        ("secrets_bucket", env.secrets_bucket.is_some(), "name the bucket that receives them"),
        (
            "dump_kms_key",
            env.dump_kms_key.is_some(),
            "name the primary region's key that encrypts them, such as `alias/bbws-dumps`",
        ),
    ];
    for (key, set, next) in needs {
        if !env.dumps.is_empty() && !set {
            report.problem(&at.key(key), format_args!("is missing, though there are dumps; {next}"));
        }
    }
}

fn schedule(text: &str, env: &Environment, at: &At, report: &mut Report<'_>) {
    match Schedule::parse(text) {
        Err(why) => report.problem(at, why),
        Ok(schedule) if schedule.longest_gap() > env.rpo.0 => {
            let (gap, rpo) = (spoken(schedule.longest_gap()), spoken(env.rpo.0));
            report.warning(
                at,
                format_args!(
                    "leaves up to {gap} between two backups, but rpo is {rpo}; back up more often, or allow more"
                ),
            );
        }
        Ok(_) => {}
    }
}

/// What AWS Backup does besides: within what it takes, and over the floor.
fn backup_plan(wanted: &AwsBackup, env: &Environment, at: &At, report: &mut Report<'_>) {
    let most = LONGEST_DAYS - AwsBackup::COLD_DAYS;
    if let Some(days) = wanted.cold_after.filter(|days| !(1..=most).contains(days)) {
        report.problem(&at.key("cold_after"), format_args!("{days} is not between 1 and {most} days"));
    }
    let (min, most) = (env.retention_days.min, AwsBackup::CONTINUOUS_DAYS);
    if let Some(days) = wanted.continuous {
        let at = at.key("continuous");
        if days > most {
            let text = format!("{days} days are over the {most} for which AWS Backup keeps continuous backups");
            report.problem(&at, format_args!("{text}; set {most} or less"));
        } else if days < min {
            report.problem(&at, format_args!("{days} days are under retention_days.min ({min}); set {min} or more"));
        }
    }
    if wanted.buckets && env.buckets.is_empty() {
        report.problem(
            &at.key("buckets"),
            "is set, though `buckets` of the environment names none; add them, or remove it",
        );
    }
}

/// When bbws starts what AWS does not: a key for each routine.
fn schedules(env: &Environment, at: &At, report: &mut Report<'_>) {
    for (key, text) in &env.schedules {
        let at = at.key(key);
        if Routine::keyed(key).is_none() {
            let known: Vec<&str> = Routine::ALL.into_iter().map(Routine::key).collect();
            report.unknown_key(&at, key, &known);
        } else if let Err(why) = Wish::parse(text) {
            report.problem(&at, why);
        }
    }
}

fn restore_test(env: &Environment, at: &At, report: &mut Report<'_>) {
    if env.restore_test.is_some_and(|span| span.0.as_secs() < SHORTEST_RESTORE_TEST) {
        report.problem(&at.key("restore_test"), "is under a day, and a test restore takes hours; set `1d` or more");
    }
    if env.restore_test_window.is_some_and(|span| span.0.as_secs() < SHORTEST_RESTORE_TEST) {
        let text = "is under a day, in which there is little to choose from; set `1d` or more, or leave it out";
        report.problem(&at.key("restore_test_window"), text);
    }
    if let Some(group) = &env.restore_test_subnet_group {
        let at = at.key("restore_test_subnet_group");
        if group.eq_ignore_ascii_case("default") {
            report.problem(&at, "`default` is not cut off from the platform; name a DB subnet group made for tests");
        } else if !forms::word(group, 255, "-_. ") {
            let text = "is not a DB subnet group's name; use letters, digits, spaces, -, _ and .";
            report.problem(&at, format_args!("`{group}` {text}"));
        }
    }
    let groups = at.key("restore_test_security_groups");
    for (index, group) in env.restore_test_security_groups.iter().enumerate() {
        if !forms::security_group(group) {
            let text = format!("`{group}` is not a security group id (sg- and hexadecimal digits)");
            report.problem(&groups.item(index), text);
        }
    }
    unique(env.restore_test_security_groups.iter().map(String::as_str), |i| groups.item(i), report);
}

fn retention_of_kinds(env: &Environment, at: &At, report: &mut Report<'_>) {
    let kinds: Vec<&str> = PointKind::ALL.into_iter().map(PointKind::as_str).collect();
    let min = env.retention_days.min;
    for (kind, days) in &env.retention {
        let at = at.key(kind);
        if !kinds.contains(&kind.as_str()) {
            report.unknown_key(&at, kind, &kinds);
        } else if *days < min {
            report.problem(&at, format_args!("{days} days are under retention_days.min ({min}); set {min} or more"));
        } else if *days > LONGEST_DAYS {
            report.problem(&at, format_args!("{days} is over what AWS Backup keeps; set {LONGEST_DAYS} or less"));
        }
    }
}

/// S3 moves nothing into Standard-IA earlier, and nothing on from there sooner, in days.
const IA_DAYS: u32 = 30;
/// S3 moves nothing on from Glacier sooner, in days.
const GLACIER_DAYS: u32 = 90;

/// Lifecycle rules of buckets: in an order that S3 takes, and none that deletes what is promised to be kept.
fn lifecycle(env: &Environment, at: &At, report: &mut Report<'_>) {
    let archives = env.secrets_bucket.as_deref();
    let known: Vec<&str> = env.buckets.iter().map(|bucket| bucket.name.as_str()).chain(archives).collect();
    let mut names = Vec::new();
    for (index, rule) in env.lifecycle.iter().enumerate() {
        let at = at.item(index);
        if !known.contains(&rule.bucket.as_str()) {
            let next = if known.is_empty() {
                "declare it in buckets".to_owned()
            } else {
                format!("use one of: {}", known.join(", "))
            };
            report.problem(
                &at.key("bucket"),
                format_args!("`{}` declares no bucket `{}`; {next}", env.name, rule.bucket),
            );
        }
        if !rule.prefix.is_empty() && (rule.prefix.starts_with('/') || rule.prefix.chars().any(char::is_control)) {
            report.problem(
                &at.key("prefix"),
                format_args!("`{}` begins no key; write it without a slash before it, such as `logs/`", rule.prefix),
            );
        }
        if rule.retention.is_some() && archives != Some(rule.bucket.as_str()) {
            let text = "goes by a tag that only archives have; leave it out for a bucket of data";
            report.problem(&at.key("retention"), text);
        }
        let name = RuleSpec::name_of(rule);
        if name.is_empty() || name.len() > 255 {
            report.problem(&at.key("id"), "a rule's name has 1 to 255 characters");
        }
        names.push(format!("{} {name}", rule.bucket));
        order(rule, &at, report);
        keeps(env, rule, &at, report);
    }
    unique(names.iter().map(String::as_str), |i| at.item(i).key("prefix"), report);
}

/// What a rule does comes one after the other.
fn order(rule: &LifecycleRule, at: &At, report: &mut Report<'_>) {
    let LifecycleRule { ia, glacier, deep_archive, expire, noncurrent, .. } = rule;
    if [ia, glacier, deep_archive, expire, noncurrent].into_iter().all(Option::is_none) {
        report.problem(at, "does nothing; set `ia`, `glacier`, `deep_archive`, `expire` or `noncurrent`, in days");
    }
    let mut least = 0;
    for (key, days, first, then) in [
        ("ia", ia, IA_DAYS, IA_DAYS),
        ("glacier", glacier, 0, GLACIER_DAYS),
        ("deep_archive", deep_archive, 0, 1),
        ("expire", expire, 1, 0),
    ] {
        let Some(days) = days else { continue };
        let wanted = least.max(first);
        if *days < wanted {
            report.problem(
                &at.key(key),
                format_args!("{days} days come too soon after what comes before it; set {wanted} or more"),
            );
        } else if *days > LONGEST_DAYS {
            report.problem(
                &at.key(key),
                format_args!("{days} days are no time that anybody waits for; set {LONGEST_DAYS} or less"),
            );
        }
        least = days.saturating_add(then);
    }
    if *noncurrent == Some(0) {
        report.problem(&at.key("noncurrent"), "0 keeps no version that is not current; set 1 or more");
    }
}

/// S3 takes the lifecycle rules of a bucket all at once, and what one environment may delete another may have promised: where two keep
/// their archives in one bucket, neither has rules for it.
pub(super) fn shared_archives(environments: &BTreeMap<String, Environment>, at: &At, report: &mut Report<'_>) {
    for (name, env) in environments {
        let Some(bucket) = &env.secrets_bucket else { continue };
        let shares = |other: &&Environment| other.name != *name && other.secrets_bucket.as_ref() == Some(bucket);
        let Some(other) = environments.values().find(shares) else { continue };
        for (index, _) in env.lifecycle.iter().enumerate().filter(|(_, rule)| rule.bucket == *bucket) {
            report.problem(
                &at.key(name).key("lifecycle").item(index).key("bucket"),
                format_args!(
                    "`{bucket}` holds the archives of `{}` as well, which a rule of `{name}` could delete; give each environment a bucket of its own, or leave the rule out",
                    other.name
                ),
            );
        }
    }
}

/// Nothing is deleted that is promised to be kept: archives as long as backups are, and data as long as it may have to be brought back.
fn keeps(env: &Environment, rule: &LifecycleRule, at: &At, report: &mut Report<'_>) {
    let LifecycleRule { prefix, .. } = rule;
    let (floor, what) = if env.secrets_bucket.as_ref() == Some(&rule.bucket) {
        let own = format!("{}/", env.name);
        if !own.starts_with(prefix.as_str()) && !prefix.starts_with(own.as_str()) {
            return;
        }
        (rule.retention.unwrap_or_else(|| retention::longest(env)), "archives under it are promised to be kept")
    } else {
        (env.retention_days.min, "what was overwritten or deleted has to be there to be brought back")
    };
    for (key, days) in [("expire", rule.expire), ("noncurrent", rule.noncurrent)] {
        // An archive is written once, so that a version of it is no longer current only when somebody removed it.
        if let Some(days) = days.filter(|days| *days < floor) {
            report.problem(
                &at.key(key),
                format_args!("{days} days are under {floor}, for which {what}; set {floor} or more"),
            );
        }
    }
}

/// What is promised of each service tier, and what is in it.
fn service_tiers(env: &Environment, at: &At, report: &mut Report<'_>) {
    let names = tier::known_names(env);
    let known: Vec<&str> = ServiceTier::ALL.into_iter().map(ServiceTier::name).collect();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for key in env.tiers.keys().filter(|key| !known.contains(&key.as_str())) {
        report.unknown_key(&at.key(key), key, &known);
    }
    let mut before: Option<(&str, &TierPromise)> = None;
    for (key, promise) in known.iter().filter_map(|key| Some((*key, env.tiers.get(*key)?))) {
        let at = at.key(key);
        for (objective, span) in [("rpo", promise.rpo), ("rto", promise.rto)] {
            if span.0.is_zero() {
                report.problem(&at.key(objective), "an objective of nothing cannot be met; set a length such as `1h`");
            }
        }
        if let Some((more, urgent)) = before {
            for (objective, is, was) in [("rpo", promise.rpo, urgent.rpo), ("rto", promise.rto, urgent.rto)] {
                if is < was {
                    let (is, was) = (spoken(is.0), spoken(was.0));
                    report.problem(
                        &at.key(objective),
                        format_args!("{is} is shorter than the {was} of `{more}`, which is more urgent; swap them, or correct one"),
                    );
                }
            }
        }
        before = Some((key, promise));
        for (index, name) in promise.of.iter().enumerate() {
            let at = at.key("of").item(index);
            let lower = name.to_ascii_lowercase();
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                let next = forms::nearest(name, &names.iter().map(String::as_str).collect::<Vec<_>>()).map_or_else(
                    || format!("use one of: {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                report.problem(&at, format_args!("`{}` declares no `{name}`; {next}", env.name));
            } else if let Some(other) = seen.insert(lower, key) {
                report.problem(&at, format_args!("`{name}` is in `{other}` already; leave it in one tier"));
            }
        }
    }
}

fn retention_tiers(tiers: &RetentionTiers, env: &Environment, at: &At, report: &mut Report<'_>) {
    let lengths = [
        ("daily", tiers.daily, 1),
        ("weekly", tiers.weekly, 7),
        ("monthly", tiers.monthly, 31),
        ("yearly", tiers.yearly, 366),
    ];
    for (key, count, days) in lengths {
        let most = LONGEST_DAYS / days;
        if count == 0 {
            report.problem(&at.key(key), "0 keeps none of them; set 1 or more, or leave retention_tiers out");
        } else if count > most {
            report.problem(&at.key(key), format_args!("{count} is over what AWS Backup keeps; set {most} or less"));
        }
    }
    let (daily, min) = (tiers.daily, env.retention_days.min);
    if (1..min).contains(&daily) {
        report.problem(
            &at.key("daily"),
            format_args!("{daily} days are under retention_days.min ({min}); set {min} or more"),
        );
    }
}
