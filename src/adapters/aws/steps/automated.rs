//! Automated backups of DB instances: how long they are kept, and when they are taken.

use std::time::Duration;

use aws_sdk_rds::types::DbInstance;

use super::{
    super::{background::Outcome, rds, session::Session},
    At, Change,
    batch::Batch,
    begun, finished,
};
use crate::{
    domain::{
        moment::Moment,
        step::{AutomatedBackups, Outputs},
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// How long RDS may show neither the change nor that it is pending before it is known that none will come.
const GIVEN_UP: Duration = Duration::from_secs(15 * 60);

impl Change for AutomatedBackups {
    /// Looks whether the instance is as wanted, or on its way there.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let found = rds::describe_instances(&at.session, &[&self.database]).await?;
        let Some(instance) = found.get(&self.database.to_lowercase()) else { return Ok(Probe::Absent) };
        Ok(match (is_met(self, instance), is_pending(self, instance)) {
            (true, _) => Probe::Present(finished(&self.database)),
            (false, true) => Probe::Present(begun(&self.database)),
            (false, false) => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        change(&at.session, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        progress(&at.session, self, at.instances(&self.database).await?.as_ref(), at.call.intended)
    }

    fn batch<'c>(&'c self, _call: &'c Call) -> Option<Batch<'c>> {
        Some(Batch::Instance(&self.database))
    }
}

/// Changes retention and window at once; nothing where they are as wanted.
async fn change(session: &Session, wanted: &AutomatedBackups) -> Result<Started, CloudError> {
    let found = rds::describe_instances(session, &[&wanted.database]).await?;
    if found.get(&wanted.database.to_lowercase()).is_some_and(|instance| is_met(wanted, instance)) {
        return Ok(finished(&wanted.database));
    }
    let attempt = session.changes("rds:ModifyDBInstance", format!("automated backups of database {}", wanted.database));
    let days = i32::try_from(wanted.days)
        .map_err(|_| attempt.never(&format!("{} days cannot be kept", wanted.days), "RDS takes at most 35."))?;
    let request = session
        .rds()
        .modify_db_instance()
        .db_instance_identifier(&wanted.database)
        .backup_retention_period(days)
        .set_preferred_backup_window(wanted.window.clone())
        .apply_immediately(true);
    request.send().await.map_err(|e| attempt.failed(e))?;
    Ok(begun(&wanted.database))
}

fn progress(session: &Session, wanted: &AutomatedBackups, found: &rds::Instances, intended: Moment) -> Outcome {
    let Some(instance) = found.get(&wanted.database.to_lowercase()) else {
        let reason =
            format!("Database {} is gone from {}. Check its id in the config file.", wanted.database, session.region);
        return Ok(Progress::Failed { reason });
    };
    let status = instance.db_instance_status.as_deref().unwrap_or("of unknown state");
    let kept = instance.backup_retention_period.unwrap_or(0);
    let window = instance.preferred_backup_window.as_deref().unwrap_or("at no time");
    if is_met(wanted, instance) {
        return Ok(Progress::Done { outputs: Outputs::new(), detail: format!("kept {kept} days, taken {window} UTC") });
    }
    if rds::is_bad(status) {
        let reason = format!(
            "Database {} in {} is {status}, its automated backups are not as wanted. Look at the RDS events of it, then retry.",
            wanted.database, session.region
        );
        return Ok(Progress::Failed { reason });
    }
    if status == "available" && pending_days(instance).is_none() && session.now().since(intended) > GIVEN_UP {
        let reason = format!(
            "RDS took the change of {}'s automated backups in {} and did not carry it out: kept {kept} days, taken {window} UTC, nothing pending. Look at the RDS events of it, then retry.",
            wanted.database, session.region
        );
        return Ok(Progress::Failed { reason });
    }
    Ok(Progress::Running { percent: None, detail: format!("{status}, kept {kept} days, taken {window} UTC so far") })
}

/// Everything is as wanted, and nothing else is about to come.
fn is_met(wanted: &AutomatedBackups, instance: &DbInstance) -> bool {
    let days = instance.backup_retention_period.unwrap_or(0);
    pending_days(instance).is_none() && days_are(wanted, days) && window_is(wanted, instance)
}

fn is_pending(wanted: &AutomatedBackups, instance: &DbInstance) -> bool {
    pending_days(instance).is_some_and(|days| days_are(wanted, days)) && window_is(wanted, instance)
}

fn pending_days(instance: &DbInstance) -> Option<i32> {
    instance.pending_modified_values.as_ref().and_then(|p| p.backup_retention_period)
}

fn days_are(wanted: &AutomatedBackups, days: i32) -> bool {
    u32::try_from(days) == Ok(wanted.days)
}

fn window_is(wanted: &AutomatedBackups, instance: &DbInstance) -> bool {
    wanted.window.as_deref().is_none_or(|window| instance.preferred_backup_window.as_deref() == Some(window))
}
