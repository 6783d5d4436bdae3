//! Checks on `[environments.…]`: regions, retention, names in AWS, and that the parts fit together.

use crate::domain::environment::{Dns, Environment, Services, Tenant};

use super::{
    access::{channel, unique},
    checks, data as declared,
    forms::{self, Arn},
    incidents, restores, standby,
    tree::{At, Report},
};

/// Backups of production are never kept for less, in days.
const PROD_FLOOR_DAYS: u32 = 7;

/// AWS Backup keeps nothing for longer, in days.
pub(super) const LONGEST_DAYS: u32 = 36_500;

/// The table's key, by which people call the environment in commands.
pub(super) fn name(name: &str, at: &At, report: &mut Report<'_>) {
    if !forms::word(name, 64, "-_") || name.chars().any(|c| c.is_ascii_uppercase()) {
        let text = format!("`{name}` is not an environment's name; use 1 to 64 of a-z, 0-9, - and _");
        report.problem(at, text);
    } else if name == "all" {
        report.problem(at, "`all` means every environment in commands; choose another name");
    }
}

/// The environment with the ids of its databases as RDS has them: in lower case, whatever the file says. So one database has
/// one id everywhere.
pub(super) fn as_aws_has_it(mut env: Environment) -> Environment {
    let lower = |id: &mut String| id.make_ascii_lowercase();
    for database in &mut env.databases {
        lower(&mut database.id);
        database.dr_replica.as_mut().map(lower);
    }
    env.dumps.iter_mut().for_each(|dump| lower(&mut dump.database));
    env.checks.values_mut().for_each(|check| lower(&mut check.database));
    env.tenants.values_mut().filter_map(|tenant| tenant.database.as_mut()).for_each(lower);
    env
}

/// One environment.
pub(super) fn check(env: &Environment, at: &At, report: &mut Report<'_>) {
    if !forms::account(&env.account) {
        report.problem(
            &at.key("account"),
            format_args!("`{}` is not an AWS account id; write its 12 digits in quotes", env.account),
        );
    }
    regions(env, at, report);
    retention(env, &at.key("retention_days"), report);
    for (key, span) in [("rpo", env.rpo), ("rto", env.rto)] {
        if span.0.is_zero() {
            report.problem(&at.key(key), "an objective of nothing cannot be met; set a length such as `1h`");
        }
    }
    if let Some(id) = &env.channel {
        channel(id, &at.key("channel"), report);
    }
    role(&env.backup_role, env, &at.key("backup_role"), report);
    if let Some(arn) = &env.assume_role {
        role(arn, env, &at.key("assume_role"), report);
    }
    if let Some(s3) = &env.s3_replication {
        let at = at.key("s3_replication");
        role(&s3.role, env, &at.key("role"), report);
        if s3.rule.as_ref().is_some_and(|rule| rule.is_empty() || rule.len() > 255) {
            report.problem(&at.key("rule"), "a rule's name has 1 to 255 characters");
        }
        if !env.replicates() {
            let text = "is set, though replication is \"disabled\"; set replication = \"enabled\", or remove it";
            report.problem(&at, text);
        }
    }
    storage(env, at, report);
    replication(env, at, report);
    data(env, at, report);
    declared::check(env, at, report);
    checks::check(env, &at.key("checks"), report);
    incidents::drills(env, &at.key("drills"), report);
    if let Some(dns) = &env.dns {
        records(dns, &at.key("dns"), report);
    }
    if let Some(services) = &env.services {
        cluster(services, &at.key("services"), report);
    }
    health(env, &at.key("health").key("urls"), report);
    standby::check(env, at, report);
    for (id, tenant) in &env.tenants {
        self::tenant(id, tenant, env, &at.key("tenants").key(id), report);
    }
}

fn regions(env: &Environment, at: &At, report: &mut Report<'_>) {
    for (key, region) in [("primary_region", &env.primary_region), ("dr_region", &env.dr_region)] {
        if !forms::REGIONS.contains(&region.as_str()) {
            let next = match forms::nearest(region, &forms::REGIONS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "use a region's code such as `eu-west-1`".to_owned(),
            };
            report.problem(&at.key(key), format_args!("`{region}` is not an AWS region; {next}"));
        }
    }
    let (primary, dr) = (&env.primary_region, &env.dr_region);
    if primary == dr {
        report.problem(
            &at.key("dr_region"),
            format_args!(
                "`{dr}` is the primary region too, so its failure would take the copies along; choose another"
            ),
        );
    } else if forms::partition(primary) != forms::partition(dr) {
        report.problem(
            &at.key("dr_region"),
            format_args!("nothing can be copied from `{primary}` to `{dr}`: they belong to separate AWS partitions"),
        );
    }
}

fn retention(env: &Environment, at: &At, report: &mut Report<'_>) {
    let days = env.retention_days;
    let floor = if env.name == "prod" { PROD_FLOOR_DAYS } else { 1 };
    if days.min < floor {
        let min = days.min;
        report.problem(
            &at.key("min"),
            format_args!("{min} is under the floor of {floor} for `{}`; set {floor} or more", env.name),
        );
    }
    if days.max > LONGEST_DAYS {
        let max = days.max;
        report.problem(&at.key("max"), format_args!("{max} is over what AWS Backup keeps; set {LONGEST_DAYS} or less"));
    }
    if days.min > days.max {
        let (min, max) = (days.min, days.max);
        report.problem(&at.key("min"), format_args!("{min} is over max ({max}); set {max} or less, or raise max"));
    } else if days.default < days.min {
        let (default, min) = (days.default, days.min);
        report.problem(&at.key("default"), format_args!("{default} is under min ({min}); set {min} or more"));
    } else if days.default > days.max {
        let (default, max) = (days.default, days.max);
        report.problem(&at.key("default"), format_args!("{default} is over max ({max}); set {max} or less"));
    }
}

/// An IAM role of the environment's account.
fn role(text: &str, env: &Environment, at: &At, report: &mut Report<'_>) {
    let account = &env.account;
    let example = || format!("use one such as `arn:aws:iam::{account}:role/…`");
    let Some(arn) = Arn::parse(text) else {
        return report.problem(at, format_args!("`{text}` is not an ARN; {}", example()));
    };
    if arn.service != "iam" || !arn.region.is_empty() || arn.resource.strip_prefix("role/").is_none_or(str::is_empty) {
        return report.problem(at, format_args!("`{text}` is not the ARN of an IAM role; {}", example()));
    }
    belongs(text, &arn, env, at, report);
}

fn belongs(text: &str, arn: &Arn<'_>, env: &Environment, at: &At, report: &mut Report<'_>) {
    // A wrong account id was already said; every ARN would only repeat it.
    if arn.account != env.account && forms::account(&env.account) {
        let (theirs, ours) = (arn.account, &env.account);
        report.problem(
            at,
            format_args!(
                "`{text}` is in account {theirs}, but the environment's account is {ours}; correct one of them"
            ),
        );
    }
    partition(text, arn, env, at, report);
}

fn partition(text: &str, arn: &Arn<'_>, env: &Environment, at: &At, report: &mut Report<'_>) {
    let partition = forms::partition(&env.primary_region);
    if arn.partition != partition {
        report.problem(
            at,
            format_args!("`{text}` is not of partition `{partition}`, where the environment's regions are"),
        );
    }
}

/// Vaults, buckets and the key, each by its form.
fn storage(env: &Environment, at: &At, report: &mut Report<'_>) {
    for (key, vault) in [("vault", Some(&env.vault)), ("dr_vault", env.dr_vault.as_ref())] {
        if let Some(vault) = vault.filter(|v| !forms::vault(v)) {
            report.problem(
                &at.key(key),
                format_args!("`{vault}` is not a backup vault's name; use 2 to 50 letters, digits, - and _"),
            );
        }
    }
    for (key, bucket) in [("secrets_bucket", &env.secrets_bucket), ("dr_secrets_bucket", &env.dr_secrets_bucket)] {
        if let Some(bucket) = bucket.as_ref().filter(|b| !forms::bucket(b)) {
            report
                .problem(&at.key(key), format_args!("`{bucket}` is not an S3 bucket's name (not its ARN or address)"));
        }
    }
    if env.secrets_bucket.is_some() && env.secrets_bucket == env.dr_secrets_bucket {
        report.problem(
            &at.key("dr_secrets_bucket"),
            "is the primary region's bucket too; name its replica in the DR region",
        );
    }
    if let Some(key) = &env.dr_kms_key {
        let need = ("copies need a key of the DR region", env.dr_region.as_str());
        kms_key(key, env, need, &at.key("dr_kms_key"), report);
    }
    if let Some(prefix) = &env.secrets_prefix {
        secrets_prefix(prefix, &at.key("secrets_prefix"), report);
        if env.secrets_bucket.is_none() {
            report.problem(
                &at.key("secrets_bucket"),
                "is missing, though secrets_prefix is set; name the bucket that receives them",
            );
        }
    }
}

fn secrets_prefix(prefix: &str, at: &At, report: &mut Report<'_>) {
    if !forms::word(prefix, 512, "/_+=.@-") {
        report.problem(at, format_args!("`{prefix}` cannot begin a secret's name; use letters, digits and /_+=.@-"));
    } else if !prefix.ends_with('/') {
        // `tenant-1` would take the secrets of `tenant-10` along.
        report.problem(at, format_args!("`{prefix}` also begins names beside it; end it with a slash: `{prefix}/`"));
    }
}

/// A key of this region; `need` says why of this one, and which it is.
pub(super) fn kms_key(text: &str, env: &Environment, need: (&str, &str), at: &At, report: &mut Report<'_>) {
    let (why, region) = need;
    if let Some(arn) = Arn::parse(text) {
        if arn.service != "kms" || !(arn.resource.starts_with("key/") || arn.resource.starts_with("alias/")) {
            report.problem(at, format_args!("`{text}` is not the ARN of a KMS key or alias"));
        }
        if arn.region != region {
            let theirs = arn.region;
            report.problem(at, format_args!("`{text}` is in `{theirs}`; {why}, `{region}`"));
        }
        // A key may be kept in an account of its own; whether it is usable from here is asked of AWS.
        if !forms::account(arn.account) {
            report.problem(at, format_args!("`{text}` names no account of 12 digits"));
        }
        return partition(text, &arn, env, at, report);
    }
    let alias = text.strip_prefix("alias/").is_some_and(|name| forms::word(name, 250, "/_-"));
    let id = text.len() >= 32 && forms::word(text, 64, "-");
    if !alias && !id {
        report.problem(at, format_args!("`{text}` is not a KMS key; use `alias/…`, a key id, or an ARN"));
    }
}

/// What copies to the DR region need.
fn replication(env: &Environment, at: &At, report: &mut Report<'_>) {
    if !env.replicates() {
        return;
    }
    let needs = [
        ("dr_vault", true, env.dr_vault.is_some(), "the vault that receives the copies"),
        (
            "dr_kms_key",
            !env.databases.is_empty(),
            env.dr_kms_key.is_some(),
            "the DR region's key that encrypts the copies",
        ),
        (
            "dr_secrets_bucket",
            env.secrets_bucket.is_some(),
            env.dr_secrets_bucket.is_some(),
            "the replica of secrets_bucket",
        ),
    ];
    for (key, needed, set, what) in needs {
        if needed && !set {
            let text = format!("is missing, though replication is on; name {what}, or set replication = \"disabled\"");
            report.problem(&at.key(key), text);
        }
    }
}

fn data(env: &Environment, at: &At, report: &mut Report<'_>) {
    let databases = at.key("databases");
    for (index, database) in env.databases.iter().enumerate() {
        let at = databases.item(index);
        for (key, id) in [("id", Some(&database.id)), ("dr_replica", database.dr_replica.as_ref())] {
            if let Some(id) = id.filter(|id| !forms::db_instance(id)) {
                report.problem(&at.key(key), format_args!("`{id}` is not a DB instance identifier"));
            }
        }
    }
    unique(env.databases.iter().map(|d| d.id.as_str()), |i| databases.item(i).key("id"), report);
    restores::check(env, at, report);
    let systems = at.key("file_systems");
    for (index, system) in env.file_systems.iter().enumerate() {
        let at = systems.item(index);
        if !forms::file_system(&system.id) {
            let id = &system.id;
            report.problem(&at.key("id"), format_args!("`{id}` is not a file system id (fs- and hexadecimal digits)"));
        }
        if !forms::word(&system.name, 128, "-_ .") {
            report.problem(&at.key("name"), "a name has 1 to 128 letters, digits, spaces, -, _ and .");
        }
    }
    unique(env.file_systems.iter().map(|f| f.id.as_str()), |i| systems.item(i).key("id"), report);
    unique(env.file_systems.iter().map(|f| f.name.as_str()), |i| systems.item(i).key("name"), report);
    let more = env.parameters_prefix.is_some() || !env.buckets.is_empty();
    if env.databases.is_empty() && env.file_systems.is_empty() && env.secrets_prefix.is_none() && !more {
        report.warning(
            at,
            "names no databases, file systems, secrets, parameters or buckets, so there is nothing to back up",
        );
    }
}

fn records(dns: &Dns, at: &At, report: &mut Report<'_>) {
    let zone = &dns.hosted_zone;
    if !zone.starts_with('Z') || !forms::word(zone, 32, "") {
        report.problem(&at.key("hosted_zone"), format_args!("`{zone}` is not a hosted zone id (Z…)"));
    }
    let at = at.key("records");
    for (index, record) in dns.records.iter().enumerate() {
        let at = at.item(index);
        let name = &record.name;
        let host = name.strip_suffix('.').is_some_and(|n| forms::word(n, 253, "-_.*") && !n.contains(".."));
        if !host {
            report.problem(
                &at.key("name"),
                format_args!(
                    "`{name}` is not a full domain name; write it with the final dot, such as `wp.example.com.`"
                ),
            );
        }
        if !["A", "AAAA", "CNAME"].contains(&record.kind.as_str()) {
            report.problem(
                &at.key("type"),
                format_args!("`{}` records are not steered; use A, AAAA or CNAME", record.kind),
            );
        }
        if record.primary.is_empty() || record.dr.is_empty() || record.primary == record.dr {
            report
                .problem(&at.key("dr"), "primary and dr name two different records by their set identifiers; set both");
        }
    }
    let keys: Vec<String> = dns.records.iter().map(|r| format!("{} {}", r.name, r.kind)).collect();
    unique(keys.iter().map(String::as_str), |i| at.item(i).key("name"), report);
}

fn cluster(services: &Services, at: &At, report: &mut Report<'_>) {
    let items = at.key("services");
    let names = services.services.iter().enumerate().map(|(i, s)| (items.item(i).key("name"), &s.name));
    for (at, name) in std::iter::once((at.key("cluster"), &services.cluster)).chain(names) {
        if !forms::word(name, 255, "-_") {
            report.problem(&at, format_args!("`{name}` is not an ECS name; use 1 to 255 letters, digits, - and _"));
        }
    }
    unique(services.services.iter().map(|s| s.name.as_str()), |i| items.item(i).key("name"), report);
}

fn health(env: &Environment, at: &At, report: &mut Report<'_>) {
    let urls = env.health.as_ref().map(|h| h.urls.as_slice()).unwrap_or_default();
    for (index, url) in urls.iter().enumerate() {
        web_address(url, &at.item(index), report);
    }
    unique(urls.iter().map(String::as_str), |i| at.item(i), report);
}

/// An address that can be asked over HTTP.
pub(super) fn web_address(url: &str, at: &At, report: &mut Report<'_>) {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.is_some_and(|r| r.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '['));
    if !host || !url.chars().all(|c| c.is_ascii_graphic()) || url.len() > 2000 {
        report.problem(at, format_args!("`{url}` is not a web address; use one that begins with https://"));
    }
}

fn tenant(id: &str, tenant: &Tenant, env: &Environment, at: &At, report: &mut Report<'_>) {
    let dots = id.starts_with('.') || id.ends_with('.') || id.contains("..");
    if dots || !forms::word(id, 128, "-_.") {
        report.problem(
            at,
            format_args!("`{id}` is not a tenant's id; use 1 to 128 letters, digits, -, _ and dots inside"),
        );
    }
    let environment = &env.name;
    if let Some(database) = tenant.database.as_ref().filter(|d| !env.databases.iter().any(|e| e.id == **d)) {
        report.problem(
            &at.key("database"),
            format_args!("`{environment}` has no database `{database}`; add it to databases, or name one of those"),
        );
    }
    if let Some(system) = tenant.file_system.as_ref().filter(|f| !env.file_systems.iter().any(|e| e.id == **f)) {
        report.problem(
            &at.key("file_system"),
            format_args!("`{environment}` has no file system `{system}`; add it to file_systems, or name one of those"),
        );
    }
    if tenant.schema.is_some() && tenant.database.is_none() {
        report.problem(&at.key("database"), "is missing, though schema is set; name the database it is in");
    }
    if let Some(schema) = tenant.schema.as_ref().filter(|s| !forms::word(s, 64, "-_$")) {
        report.problem(&at.key("schema"), format_args!("`{schema}` is not a schema's name"));
    }
    if tenant.path.is_some() && tenant.file_system.is_none() {
        report.problem(&at.key("file_system"), "is missing, though path is set; name the file system it is on");
    }
    if let Some(path) = tenant.path.as_ref().filter(|p| !p.starts_with('/') || !forms::path(p)) {
        report.problem(&at.key("path"), format_args!("`{path}` is not a folder; begin with a slash, without `..`"));
    }
    if let Some(prefix) = &tenant.secrets_prefix {
        secrets_prefix(prefix, &at.key("secrets_prefix"), report);
        if let Some(whole) = env.secrets_prefix.as_ref().filter(|whole| !prefix.starts_with(whole.as_str())) {
            report.problem(
                &at.key("secrets_prefix"),
                format_args!("`{prefix}` is outside the environment's `{whole}`; begin it with that"),
            );
        }
    }
    if tenant.database.is_none() && tenant.file_system.is_none() && tenant.secrets_prefix.is_none() {
        report.problem(at, "names no database, file system or secrets, so there is nothing of it to back up");
    }
}
