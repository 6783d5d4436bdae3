//! A read replica becomes an instance of its own: once, and for good.

use std::time::Duration;

use aws_sdk_rds::types::DbInstance;

use super::{
    super::{background::Outcome, rds, session::Session},
    At, Change, begun,
    restore_database::{describe, endpoint, status_of},
};
use crate::{
    domain::step::{Outputs, PromoteReplica, RESOURCE},
    ports::cloud::{CloudError, Probe, Progress, Started},
};

/// So long after a promotion was asked for RDS may still show the replica as it was.
const UNSEEN: Duration = Duration::from_secs(120);

impl Change for PromoteReplica {
    /// Without a source it is promoted, whoever did that. A replica that RDS is at may be on its way there, and one that RDS shows
    /// as it was is none for certain only after a while: a second call is never made in doubt.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let found = self.found(&at.session).await?;
        if !is_replica(&found) {
            return Ok(Probe::Present(begun(&self.replica)));
        }
        let attempt = at.session.reads("rds:DescribeDBInstances", format!("replica {}", self.replica));
        if status_of(&found) != "available" {
            return Err(attempt.later(&format!("it is {}, and may be on its way", status_of(&found)), None));
        }
        if at.session.now().since(at.call.intended) < UNSEEN {
            return Err(attempt.later("RDS may not show yet that it is being promoted", None));
        }
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let found = self.found(&at.session).await?;
        if !is_replica(&found) {
            return Ok(begun(&self.replica));
        }
        let attempt = at.session.changes("rds:PromoteReadReplica", format!("replica {}", self.replica));
        // RDS refuses while it backs it up, and whatever it is at is over by itself.
        if status_of(&found) != "available" {
            return Err(
                attempt.later(&format!("it is {}, and only what is available is promoted", status_of(&found)), None)
            );
        }
        let request = at.session.rds().promote_read_replica().db_instance_identifier(&self.replica);
        request.send().await.map_err(|error| attempt.failed(error))?;
        Ok(begun(&self.replica))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let found = self.found(&at.session).await?;
        let status = status_of(&found);
        if rds::is_bad(status) {
            let reason = format!(
                "{} in {} is {status} after its promotion. Its events in RDS say why; restore the newest copy instead.",
                self.replica, at.session.region
            );
            return Ok(Progress::Failed { reason });
        }
        let (false, "available", Some((address, port))) = (is_replica(&found), status, endpoint(&found)) else {
            return Ok(Progress::Running { percent: None, detail: format!("{status}, {}", way(&found)) });
        };
        let outputs = Outputs::from([
            (RESOURCE.to_owned(), found.dbi_resource_id().unwrap_or_default().to_owned()),
            ("endpoint".to_owned(), address.clone()),
            ("port".to_owned(), port.to_string()),
        ]);
        Ok(Progress::Done { outputs, detail: format!("an instance of its own, at {address}:{port}") })
    }
}

impl PromoteReplica {
    async fn found(&self, session: &Session) -> Result<DbInstance, CloudError> {
        describe(session, &self.replica).await?.ok_or_else(|| CloudError::Permanent {
            reason: format!(
                "There is no replica {} in {}. Restore the newest copy of {} there instead, or correct `dr_replica` in bbws.toml.",
                self.replica, session.region, self.database
            ),
        })
    }
}

fn is_replica(found: &DbInstance) -> bool {
    found.read_replica_source_db_instance_identifier().is_some_and(|source| !source.is_empty())
}

fn way(found: &DbInstance) -> &'static str {
    if is_replica(found) { "still a replica" } else { "no replica any more" }
}
