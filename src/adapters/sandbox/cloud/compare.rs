//! The simulated look into a restored database: what a validator over a real connection would report.

use std::time::Duration;

use super::{
    estate::Instance,
    time::uuid_for,
    world::{Aws, SimDatabase},
};
use crate::{
    domain::{
        exhibit::{Exhibit, Report, Table},
        moment::{Moment, spoken},
        step::Outputs,
    },
    ports::cloud::{Call, CloudError, Progress},
};

/// What is compared.
pub(super) struct Pair<'a> {
    pub(super) region: &'a str,
    pub(super) instance: &'a str,
    pub(super) database: &'a str,
    /// Secret with the source's credentials.
    pub(super) secret: Option<&'a str>,
    pub(super) schemas: &'a [String],
    /// Schemas that hold a tenant's WordPress.
    pub(super) wordpress: &'a [String],
    pub(super) rpo: Duration,
}

/// The newest row of a live source is so old.
const IDLE: Duration = Duration::from_secs(20);

/// Compares a restored instance with its source.
pub(super) fn verify(aws: &Aws, call: &Call, pair: &Pair<'_>, now: Moment) -> Result<Progress, CloudError> {
    let Pair { region, instance, database, secret, .. } = *pair;
    let place = aws.region(&call.environment.account, region)?;
    let Some(restored) = place.instances.get(instance).filter(|i| i.exists(now)) else {
        return Ok(Progress::Failed {
            reason: format!("DB instance {instance} does not exist in {region}; restore it again"),
        });
    };
    match restored.status(now) {
        "available" => {}
        "creating" => return Ok(Progress::Running { percent: None, detail: "creating".to_owned() }),
        status => {
            return Ok(Progress::Failed { reason: format!("DB instance {instance} in {region} is {status}") });
        }
    }
    let Some(source) = place.databases.get(database) else {
        return Ok(Progress::Failed {
            reason: format!("DB instance {database} does not exist in {region}, so there is nothing to compare with"),
        });
    };
    let mut checks = configuration(restored, source);
    match secret {
        None => {}
        Some(secret) if place.secrets.contains(secret) => {
            checks.extend(contents(aws.seed, pair, restored, source, now));
        }
        Some(secret) => checks.push(Check {
            what: "login",
            restored: "no credentials".to_owned(),
            source: secret.to_owned(),
            wrong: Some(format!("secret {secret} does not exist in {region}")),
        }),
    }
    Ok(verdict(pair, checks))
}

struct Check {
    what: &'static str,
    restored: String,
    source: String,
    wrong: Option<String>,
}

impl Check {
    fn equal(what: &'static str, restored: String, source: String) -> Check {
        let wrong = (restored != source).then(|| format!("{what} differs: {restored} instead of {source}"));
        Check { what, restored, source, wrong }
    }
}

fn configuration(restored: &Instance, source: &SimDatabase) -> Vec<Check> {
    let encrypted = |encrypted| if encrypted { "encrypted" } else { "not encrypted" }.to_owned();
    vec![
        Check::equal(
            "engine",
            format!("{} {}", restored.engine, restored.version),
            format!("{} {}", source.engine, source.version),
        ),
        Check::equal("storage", encrypted(restored.encrypted), encrypted(source.encrypted)),
    ]
}

fn contents(seed: u64, pair: &Pair<'_>, restored: &Instance, source: &SimDatabase, now: Moment) -> Vec<Check> {
    let checksum = |tables: u32| uuid_for(seed, &format!("{}/{tables}", pair.database))[..8].to_owned();
    let lost = if restored.corrupt { restored.contents.rows / 50 } else { 0 };
    let (rows, all) = (restored.contents.rows(restored.data) - lost, source.contents.rows(now));
    let off = all.abs_diff(rows) * 1000 > all;
    let newest = now - IDLE;
    let behind = newest.since(restored.data);
    let ok = |what, restored: &str| Check {
        what,
        restored: restored.to_owned(),
        source: "expected".to_owned(),
        wrong: None,
    };
    let mut checks = vec![
        ok("login over TLS", "as the source's user"),
        Check::equal("tables", restored.contents.tables.to_string(), source.contents.tables.to_string()),
        Check::equal("schema checksum", checksum(restored.contents.tables), checksum(source.contents.tables)),
        Check {
            what: "rows",
            restored: rows.to_string(),
            source: all.to_string(),
            wrong: off.then(|| format!("{rows} rows instead of {all}: more than 0.1 % apart")),
        },
        Check {
            what: "newest row",
            restored: restored.data.iso(),
            source: newest.iso(),
            wrong: (behind > pair.rpo).then(|| {
                format!("the newest row is {} older than the source's, RPO {}", spoken(behind), spoken(pair.rpo))
            }),
        },
        ok("canary", "written, read, deleted"),
    ];
    checks.extend(pair.wordpress.iter().map(|schema| ok("WordPress tables", schema)));
    checks
}

fn verdict(pair: &Pair<'_>, checks: Vec<Check>) -> Progress {
    let breaches: Vec<String> = checks.iter().filter_map(|check| check.wrong.clone()).collect();
    let rows = checks.iter().map(|check| {
        let result = if check.wrong.is_none() { "as expected" } else { "differs" };
        vec![check.what.to_owned(), check.restored.clone(), check.source.clone(), result.to_owned()]
    });
    let schemas = if pair.schemas.is_empty() { "all schemas".to_owned() } else { pair.schemas.join(", ") };
    let table = Table {
        caption: format!("{} against {}, {schemas}", pair.instance, pair.database),
        columns: ["Check", "Restored", "Source", "Result"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        offers: Vec::new(),
    };
    let summary = format!("{} of {} checks as expected", checks.len() - breaches.len(), checks.len());
    let report = Report {
        text: format!("*{}* against *{}*: {summary}", pair.instance, pair.database),
        exhibit: Exhibit { table: Some(table), ..Exhibit::default() },
        breaches: breaches.clone(),
    };
    let outputs = Outputs::from([report.to_output()]);
    if breaches.is_empty() {
        return Progress::Done { outputs, detail: summary };
    }
    let reason = format!(
        "{} is not what {} was: {}; look at the snapshot before you rely on it",
        pair.instance,
        pair.database,
        breaches.join("; ")
    );
    Progress::Refuted { reason, outputs }
}
