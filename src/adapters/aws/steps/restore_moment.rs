//! A database as it was at a moment: an instance out of automated backups, in a network of its own.

use super::{
    super::{background::Outcome, rds, time},
    At, Change, begun,
    restore_database::{Arrival, adopt, arrival, latest, made, there},
};
use crate::{
    domain::step::{Outputs, RestoreMoment},
    ports::cloud::{CloudError, Probe, Started},
};

impl Change for RestoreMoment {
    /// Looks for the instance an earlier call may have made.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        made(at, &self.instance).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, call) = (&at.session, at.call);
        let when = self.at.map_or_else(|| "the latest restorable moment".to_owned(), |at| at.to_string());
        let thing = format!("instance {} restored from {} as of {when}", self.instance, self.database);
        let attempt = session.changes("rds:RestoreDBInstanceToPointInTime", thing);
        let outputs = match self.at {
            None => latest(session, &self.database, self.backup.is_some()).await?,
            Some(_) => Outputs::new(),
        };
        let groups = Some(self.security_groups.clone()).filter(|groups| !groups.is_empty());
        let source = Some(self.database.clone()).filter(|_| self.backup.is_none());
        let request = session
            .rds()
            .restore_db_instance_to_point_in_time()
            .set_source_db_instance_identifier(source)
            .set_source_db_instance_automated_backups_arn(self.backup.clone())
            .target_db_instance_identifier(&self.instance)
            .set_restore_time(self.at.map(time))
            .set_use_latest_restorable_time(self.at.is_none().then_some(true))
            .db_subnet_group_name(&self.subnet_group)
            .set_vpc_security_group_ids(groups)
            .publicly_accessible(false)
            .multi_az(false)
            .deletion_protection(false)
            .copy_tags_to_snapshot(false)
            // It ends as it is, so a first backup of it would only cost time.
            .backup_retention_period(0)
            .set_tags(Some(rds::rds_tags(call)));
        match request.send().await {
            Ok(_) => Ok(Started { outputs, ..begun(&self.instance) }),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_already_exists_fault()) => {
                adopt(session, call, &self.instance, &attempt).await
            }
            Err(error) => Err(attempt.failed(error)),
        }
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        Ok(match arrival(&at.session, &self.instance).await? {
            Arrival::Under(progress) => progress,
            Arrival::There(made) => {
                let days = made.backup_retention_period().filter(|days| *days > 0);
                let differs = days.map(|days| format!("RDS backs it up by itself and keeps {days} days"));
                there(&made, &self.instance, differs)
            }
        })
    }
}
