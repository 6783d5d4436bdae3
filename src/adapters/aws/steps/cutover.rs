//! A cutover: an instance is protected from deletion and gets another name. A renamed instance is followed by the id that RDS
//! knows it by, since its name leads to another instance, or to none, for some minutes.

use aws_sdk_rds::types::{DbInstance, Filter};

use super::{
    super::{background::Outcome, error::Attempt, rds, session::Session},
    At, Change, begun, finished,
    restore_database::{describe, status_of},
};
use crate::{
    domain::step::{Outputs, Protect, RESOURCE, Rename},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

impl Change for Protect {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let found = describe(&at.session, &self.instance).await?;
        Ok(match found.is_some_and(|db| db.deletion_protection() == Some(true)) {
            true => Probe::Present(finished(&self.instance)),
            false => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let attempt = at.session.changes("rds:ModifyDBInstance", format!("deletion protection of {}", self.instance));
        let Some(found) = describe(&at.session, &self.instance).await? else {
            return Err(attempt.never("it does not exist", "Restore it again."));
        };
        if found.deletion_protection() == Some(true) {
            return Ok(finished(&self.instance));
        }
        let request = at.session.rds().modify_db_instance().db_instance_identifier(&self.instance);
        request.deletion_protection(true).apply_immediately(true).send().await.map_err(|e| attempt.failed(e))?;
        Ok(begun(&self.instance))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let found = describe(&at.session, &self.instance).await?;
        let protected = found.is_some_and(|db| db.deletion_protection() == Some(true));
        Ok(match protected {
            true => Progress::Done { outputs: Outputs::new(), detail: "cannot be deleted".to_owned() },
            false => Progress::Running { percent: None, detail: "not protected yet".to_owned() },
        })
    }
}

impl Change for Rename {
    /// Looks which name the instance has, or is about to have.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let id = self.id_of(at.call)?;
        let Some(found) = by_id(&at.session, id).await? else { return Err(self.lost(&at.session, id)) };
        Ok(match self.stands(&found) {
            Stands::Named => Probe::Present(begun(id)),
            Stands::Elsewhere if self.back => Probe::Present(finished(id)),
            Stands::Coming => Probe::Present(begun(id)),
            Stands::Before | Stands::Elsewhere => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, id) = (&at.session, self.id_of(at.call)?);
        let attempt = session.changes("rds:ModifyDBInstance", format!("instance {} renamed to {}", self.from, self.to));
        let Some(found) = by_id(session, id).await? else { return Err(self.lost(session, id)) };
        match self.stands(&found) {
            Stands::Named | Stands::Coming => return Ok(begun(id)),
            // What never came about has no way back.
            Stands::Elsewhere if self.back => return Ok(finished(id)),
            Stands::Elsewhere => {
                let why = format!("{id} is called {} now", found.db_instance_identifier().unwrap_or("otherwise"));
                return Err(attempt.never(&why, "Look at it in RDS before anything else."));
            }
            Stands::Before => self.free(session, id, &attempt).await?,
        }
        if status_of(&found) != "available" {
            return Err(
                attempt.later(&format!("it is {}, and only what is available is renamed", status_of(&found)), None)
            );
        }
        let request = session.rds().modify_db_instance().db_instance_identifier(&self.from);
        let request = request.new_db_instance_identifier(&self.to).apply_immediately(true);
        request.send().await.map_err(|e| attempt.failed(e))?;
        Ok(begun(id))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let id = self.id_of(at.call)?;
        // While it is renamed RDS may show it under neither name.
        let Some(found) = by_id(&at.session, id).await? else {
            return Ok(Progress::Running { percent: None, detail: "not shown by RDS at the moment".to_owned() });
        };
        let (status, name) = (status_of(&found), found.db_instance_identifier().unwrap_or_default());
        if rds::is_bad(status) {
            let reason = format!("{name} ({id}) is {status}; its events in RDS say why.");
            return Ok(Progress::Failed { reason });
        }
        if matches!(self.stands(&found), Stands::Named) && status == "available" {
            return Ok(Progress::Done { outputs: Outputs::new(), detail: format!("{id} is {name}") });
        }
        Ok(Progress::Running { percent: None, detail: format!("{name} is {status}") })
    }
}

/// Where an instance is on its way from one name to another.
enum Stands {
    /// It has the old name.
    Before,
    /// It has the old name and RDS has accepted the new one.
    Coming,
    /// It has the new name.
    Named,
    /// It has neither.
    Elsewhere,
}

impl Rename {
    /// The id that stays with the instance.
    fn id_of<'i>(&'i self, call: &'i Call) -> Result<&'i str, CloudError> {
        let id = self.id.as_deref().or_else(|| call.inputs.get(RESOURCE).map(String::as_str));
        id.filter(|id| !id.is_empty()).ok_or_else(|| CloudError::Permanent {
            reason: format!("The id of {} is not known, so that it is not renamed. Report this.", self.from),
        })
    }

    fn stands(&self, found: &DbInstance) -> Stands {
        let named = |name: &str| found.db_instance_identifier().is_some_and(|id| id.eq_ignore_ascii_case(name));
        let pending = found.pending_modified_values().and_then(|pending| pending.db_instance_identifier());
        let coming = pending.is_some_and(|id| id.eq_ignore_ascii_case(&self.to)) || status_of(found) == "renaming";
        if named(&self.to) {
            Stands::Named
        } else if !named(&self.from) {
            Stands::Elsewhere
        } else if coming {
            Stands::Coming
        } else {
            Stands::Before
        }
    }

    /// Whether nobody else has the name.
    async fn free(&self, session: &Session, id: &str, attempt: &Attempt<'_>) -> Result<(), CloudError> {
        match describe(session, &self.to).await? {
            Some(other) if other.dbi_resource_id() != Some(id) => {
                let why = format!("{} is another instance", self.to);
                Err(attempt
                    .never(&why, "Look at both in RDS; rename or delete the one that should not be there, then retry."))
            }
            _ => Ok(()),
        }
    }

    fn lost(&self, session: &Session, id: &str) -> CloudError {
        let reason =
            format!("RDS in {} does not show {id}, which was {}. It is tried again.", session.region, self.from);
        CloudError::Retryable { reason, after: None }
    }
}

/// An instance by the id that stays with it.
async fn by_id(session: &Session, id: &str) -> Result<Option<DbInstance>, CloudError> {
    let attempt = session.reads("rds:DescribeDBInstances", format!("instance {id}"));
    let filter = Filter::builder().name("dbi-resource-id").values(id).build();
    match session.rds().describe_db_instances().filters(filter).send().await {
        Ok(answer) => {
            let mut found = answer.db_instances.unwrap_or_default().into_iter();
            Ok(found.find(|db| db.dbi_resource_id() == Some(id)))
        }
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_not_found_fault()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}
