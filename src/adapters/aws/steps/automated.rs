//! Automated backups of DB instances: how long they are kept, and when they are taken.

use std::collections::HashMap;

use aws_sdk_rds::types::{DbInstance, Filter};

use super::super::{rds, session::Session};
use crate::{
    domain::step::{Action, Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// What a step wants of an instance.
struct Wanted<'a> {
    database: &'a str,
    days: u32,
    window: Option<&'a str>,
}

/// Instances by their name in lower case.
type Found = HashMap<String, DbInstance>;

/// Looks whether the instance is as wanted, or on its way there.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe(session: &Session, call: &Call) -> Result<Probe, CloudError> {
    let wanted = wanted(call)?;
    let found = describe(session, &[wanted.database]).await?;
    let Some(instance) = found.get(&wanted.database.to_lowercase()) else { return Ok(Probe::Absent) };
    Ok(match (wanted.is_met(instance), wanted.is_pending(instance)) {
        (true, _) => Probe::Present(started(&wanted, true)),
        (false, true) => Probe::Present(started(&wanted, false)),
        (false, false) => Probe::Absent,
    })
}

/// Changes retention and window at once; nothing where they are as wanted.
///
/// # Errors
/// See [`CloudError`].
pub async fn start(session: &Session, call: &Call) -> Result<Started, CloudError> {
    let wanted = wanted(call)?;
    let found = describe(session, &[wanted.database]).await?;
    if found.get(&wanted.database.to_lowercase()).is_some_and(|instance| wanted.is_met(instance)) {
        return Ok(started(&wanted, true));
    }
    let attempt = session.changes("rds:ModifyDBInstance", format!("automated backups of database {}", wanted.database));
    let days = i32::try_from(wanted.days)
        .map_err(|_| attempt.never(&format!("{} days cannot be kept", wanted.days), "RDS takes at most 35."))?;
    let request = session
        .rds()
        .modify_db_instance()
        .db_instance_identifier(wanted.database)
        .backup_retention_period(days)
        .set_preferred_backup_window(wanted.window.map(str::to_owned))
        .apply_immediately(true);
    request.send().await.map_err(|e| attempt.failed(e))?;
    Ok(started(&wanted, false))
}

/// How far several changes are, out of one description; one answer per call, in order.
pub async fn poll(session: &Session, calls: &[&Call]) -> Vec<Result<Progress, CloudError>> {
    let mut names: Vec<&str> = calls.iter().filter_map(|call| wanted(call).ok()).map(|w| w.database).collect();
    names.sort_unstable();
    names.dedup();
    match describe(session, &names).await {
        Ok(found) => calls.iter().map(|call| progress(session, &wanted(call)?, &found)).collect(),
        Err(error) => calls.iter().map(|_| Err(error.clone())).collect(),
    }
}

fn progress(session: &Session, wanted: &Wanted<'_>, found: &Found) -> Result<Progress, CloudError> {
    let Some(instance) = found.get(&wanted.database.to_lowercase()) else {
        let reason =
            format!("Database {} is gone from {}. Check its id in the config file.", wanted.database, session.region);
        return Ok(Progress::Failed { reason });
    };
    let status = instance.db_instance_status.as_deref().unwrap_or("of unknown state");
    let kept = instance.backup_retention_period.unwrap_or(0);
    let window = instance.preferred_backup_window.as_deref().unwrap_or("at no time");
    if wanted.is_met(instance) {
        return Ok(Progress::Done { outputs: Outputs::new(), detail: format!("kept {kept} days, taken {window} UTC") });
    }
    if rds::is_bad(status) {
        let reason = format!(
            "Database {} in {} is {status}, its automated backups are not as wanted. Look at the RDS events of it, then retry.",
            wanted.database, session.region
        );
        return Ok(Progress::Failed { reason });
    }
    Ok(Progress::Running { percent: None, detail: format!("{status}, kept {kept} days, taken {window} UTC so far") })
}

impl Wanted<'_> {
    /// Everything is as wanted, and nothing else is about to come.
    fn is_met(&self, instance: &DbInstance) -> bool {
        let pending = instance.pending_modified_values.as_ref().and_then(|p| p.backup_retention_period);
        pending.is_none() && self.days_are(instance.backup_retention_period.unwrap_or(0)) && self.window_is(instance)
    }

    fn is_pending(&self, instance: &DbInstance) -> bool {
        let pending = instance.pending_modified_values.as_ref().and_then(|p| p.backup_retention_period);
        pending.is_some_and(|days| self.days_are(days)) && self.window_is(instance)
    }

    fn days_are(&self, days: i32) -> bool {
        u32::try_from(days) == Ok(self.days)
    }

    fn window_is(&self, instance: &DbInstance) -> bool {
        self.window.is_none_or(|window| instance.preferred_backup_window.as_deref() == Some(window))
    }
}

fn wanted(call: &Call) -> Result<Wanted<'_>, CloudError> {
    match &call.action {
        Action::AutomatedBackups { database, days, window, .. } => {
            Ok(Wanted { database, days: *days, window: window.as_deref() })
        }
        _ => Err(super::super::not_aws()),
    }
}

fn started(wanted: &Wanted<'_>, finished: bool) -> Started {
    Started { external_id: Some(wanted.database.to_owned()), finished, ..Started::default() }
}

async fn describe(session: &Session, names: &[&str]) -> Result<Found, CloudError> {
    let mut found = Found::new();
    for chunk in names.chunks(rds::PAGE) {
        let attempt = session.reads("rds:DescribeDBInstances", format!("database {}", chunk.join(", ")));
        let names = chunk.iter().map(|name| (*name).to_owned()).collect();
        let filter = Filter::builder().name("db-instance-id").set_values(Some(names)).build();
        let mut pages = session.rds().describe_db_instances().filters(filter).max_records(100).into_paginator().send();
        while let Some(page) = pages.next().await {
            for instance in page.map_err(|e| attempt.failed(e))?.db_instances.unwrap_or_default() {
                found.insert(instance.db_instance_identifier.clone().unwrap_or_default().to_lowercase(), instance);
            }
        }
    }
    Ok(found)
}
