//! Simulated schedules: plans of AWS Backup, which get a new version with every write, and automated backups of RDS.

use super::{
    Making, Start,
    backup::{role_of, vault_exists},
    estate::Plan,
    journal::Made,
    rds,
    time::{Course, Phase, between, uuid_for},
    world::{Aws, Region, permanent, retryable},
};
use crate::{
    domain::{
        moment::Moment,
        step::{Outputs, PlanSpec},
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// `CreateBackupPlan` with its selection, or `UpdateBackupPlan`; a plan that says so already is left alone.
pub(super) fn put(making: &mut Making<'_>, region: &str, name: &str, spec: &PlanSpec) -> Start {
    let account = making.account().to_owned();
    let (call, seed) = (making.call, making.aws.seed);
    role_of(&account, &spec.role)?;
    let place = making.aws.region(&account, region)?;
    if let Some(plan) = place.plans.get(name).filter(|plan| plan.spec() == Some(spec)) {
        return Ok((put_already(plan, seed), None));
    }
    vault_exists(place, region, &spec.vault)?;
    for target in spec.rules.iter().filter_map(|rule| rule.copy_to.as_ref()) {
        let vaults = making.aws.accounts.get(&account).into_iter().flat_map(|regions| regions.values());
        if !vaults.flat_map(|place| place.vaults.values()).any(|vault| vault.arn == *target) {
            return Err(permanent(format!(
                "backup vault {target} does not exist, so rules cannot copy to it; create it or correct the config"
            )));
        }
    }
    let place = making.aws.region_mut(&account, region)?;
    let plan = place.plans.entry(name.to_owned()).or_insert_with(|| Plan {
        id: uuid_for(seed, &format!("plan/{account}/{region}/{name}")),
        versions: Vec::new(),
        operation: String::new(),
    });
    plan.versions.push(spec.clone());
    plan.operation.clone_from(&call.operation.0);
    let started = put_already(plan, seed);
    let made = Made::Plan { region: region.to_owned(), name: name.to_owned(), version: plan.versions.len() };
    Ok((started, Some(made)))
}

/// A plan that says what it has to say needs no write, whoever wrote it.
pub(super) fn probe(aws: &Aws, call: &Call, region: &str, name: &str, spec: &PlanSpec) -> Result<Probe, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let found = place.plans.get(name).filter(|plan| plan.spec() == Some(spec));
    Ok(found.map_or(Probe::Absent, |plan| Probe::Present(put_already(plan, aws.seed))))
}

/// Whether the plan says it.
pub(super) fn poll(aws: &Aws, call: &Call, region: &str, name: &str, spec: &PlanSpec) -> Result<Progress, CloudError> {
    Ok(match probe(aws, call, region, name, spec)? {
        Probe::Present(started) => {
            let detail = format!("{} rules, {} resources", spec.rules.len(), spec.resources.len());
            Progress::Done { outputs: started.outputs, detail }
        }
        Probe::Absent => Progress::Failed {
            reason: format!("plan {name} in {region} does not say what was written; somebody changed it, press Retry"),
        },
    })
}

fn put_already(plan: &Plan, seed: u64) -> Started {
    let outputs = Outputs::from([
        ("plan".to_owned(), plan.id.clone()),
        ("version".to_owned(), plan.version_id(seed, plan.versions.len())),
    ]);
    Started { external_id: Some(plan.id.clone()), outputs, finished: true }
}

/// `ModifyDBInstance`: retention and window of automated backups.
pub(super) fn automate(
    making: &mut Making<'_>,
    region: &str,
    database: &str,
    days: u32,
    window: Option<&str>,
) -> Start {
    let account = making.account().to_owned();
    let (now, seed) = (making.now, making.aws.seed);
    let place = making.aws.region(&account, region)?;
    if is_so(place, region, database, days, window)? {
        return Ok((modified(&account, region, database), None));
    }
    let status = rds::status(place, database, now);
    if status != "available" {
        return Err(retryable(format!(
            "DB instance {database} in {region} is {status}, not available (InvalidDBInstanceState); it will be tried again"
        )));
    }
    let fate = making.fate(region);
    let lasts = fate.stretch(between(seed, &format!("modify/{account}/{region}/{database}/{days}"), 30, 90));
    let fails = fate.fails.then(|| format!("RDS could not change the automated backups of {database}"));
    let course = Course::new(now, now, lasts, fails);
    let place = making.aws.region_mut(&account, region)?;
    if let Some(db) = place.databases.get_mut(database).filter(|_| course.fails.is_none()) {
        db.automated_days = days;
        if let Some(window) = window {
            window.clone_into(&mut db.window);
        }
    }
    place.modifying.insert(database.to_owned(), course);
    let made = Made::Automated {
        region: region.to_owned(),
        database: database.to_owned(),
        days,
        window: window.map(str::to_owned),
    };
    Ok((modified(&account, region, database), Some(made)))
}

/// Automated backups that are as they have to be need no call.
pub(super) fn probe_automated(
    aws: &Aws,
    call: &Call,
    region: &str,
    database: &str,
    days: u32,
    window: Option<&str>,
) -> Result<Probe, CloudError> {
    let account = &call.environment.account;
    let so = is_so(aws.region(account, region)?, region, database, days, window)?;
    Ok(if so { Probe::Present(modified(account, region, database)) } else { Probe::Absent })
}

/// How far the modification is.
pub(super) fn poll_automated(
    aws: &Aws,
    call: &Call,
    region: &str,
    database: &str,
    wanted: (u32, Option<&str>),
    now: Moment,
) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    match place.modifying.get(database).map(|course| course.phase(now)) {
        Some(Phase::Queued | Phase::Running(_)) => {
            return Ok(Progress::Running { percent: None, detail: "modifying".to_owned() });
        }
        Some(Phase::Failed(reason)) => {
            return Ok(Progress::Failed { reason: format!("{reason}; look at its events, then press Retry") });
        }
        Some(Phase::Done) | None => {}
    }
    Ok(if is_so(place, region, database, wanted.0, wanted.1)? {
        let window = place.databases.get(database).map_or("", |db| db.window.as_str());
        Progress::Done { outputs: Outputs::new(), detail: format!("{} days, {window} UTC", wanted.0) }
    } else {
        Progress::Failed {
            reason: format!("automated backups of {database} in {region} are not as they were asked for; press Retry"),
        }
    })
}

fn is_so(place: &Region, region: &str, database: &str, days: u32, window: Option<&str>) -> Result<bool, CloudError> {
    let Some(db) = place.databases.get(database) else {
        return Err(permanent(format!(
            "DB instance {database} does not exist in {region}; correct the config or bring it back, then ask again"
        )));
    };
    Ok(db.automated_days == days && window.is_none_or(|window| db.window == window))
}

fn modified(account: &str, region: &str, database: &str) -> Started {
    Started { external_id: Some(format!("arn:aws:rds:{region}:{account}:db:{database}")), ..Started::default() }
}
