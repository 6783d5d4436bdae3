//! Read replicas of another region: made like the instance whose place they are to take, followed until they are hardly behind, and
//! promoted only once they have everything that was written.

use std::time::Duration;

use aws_sdk_rds::types::{DbInstance, Tag};

use super::{
    super::{background::Outcome, cloudwatch, ecs, rds, session::Session},
    At, Change, Look, begun,
    restore_database::{Arrival, adopt, arrival, describe, endpoint, made},
    restore_like::{Like, differences},
};
use crate::{
    domain::{
        moment::{Moment, spoken},
        step::{CatchUp, CreateReplica, FollowReplica, ISSUE, Outputs, RESOURCE},
    },
    ports::cloud::{CloudError, Probe, Progress, Started},
};

/// Of a replica in another region RDS takes a parameter group for this engine only.
const PARAMETERS_OF: &str = "mysql";
/// What is never as at the instance whose settings are taken, and is seen to later.
const LATER: [&str; 2] = ["days of backups", "KMS key"];

impl Change for CreateReplica {
    /// Looks for the replica an earlier call may have made.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        made(at, &self.instance).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let session = &at.session;
        let attempt = session.changes(
            "rds:CreateDBInstanceReadReplica",
            format!("replica {} of {} in {}", self.instance, self.source, self.from_region),
        );
        let there = at.elsewhere(&self.from_region).await;
        let Some(source) = describe(&there, &self.source).await? else {
            let why = format!("{} does not exist in {}", self.source, self.from_region);
            return Err(attempt.never(&why, "Ask for it anew: what the platform runs on has changed."));
        };
        let like = match &self.like {
            Some(id) => Some(self.like(session, id).await?),
            None => None,
        };
        let settings = Like::of(like.as_ref().unwrap_or(&source));
        let own = settings.tags.iter().filter(|_| like.is_some()).cloned();
        let tags: Vec<Tag> = own.chain(rds::rds_tags(at.call)).collect();
        let groups = like.as_ref().map_or_else(|| self.security_groups.clone(), |_| settings.security_groups.clone());
        let here = |value: Option<String>| value.filter(|_| like.is_some());
        let parameters = here(settings.parameter_group).filter(|_| source.engine() == Some(PARAMETERS_OF));
        let key = self.kms_key.clone().or_else(|| like.as_ref()?.kms_key_id.clone());
        let model = like.as_ref().unwrap_or(&source);
        let request = session
            .rds()
            .create_db_instance_read_replica()
            .db_instance_identifier(&self.instance)
            .set_source_db_instance_identifier(source.db_instance_arn.clone())
            .set_kms_key_id(key.filter(|_| source.storage_encrypted() == Some(true)))
            .set_db_instance_class(settings.class)
            .set_storage_type(settings.storage)
            .set_iops(settings.iops)
            .set_storage_throughput(settings.throughput)
            .set_db_subnet_group_name(here(settings.subnet_group).or_else(|| self.subnet_group.clone()))
            .set_vpc_security_group_ids(Some(groups).filter(|groups| !groups.is_empty()))
            .set_db_parameter_group_name(parameters)
            .set_option_group_name(here(settings.option_group))
            .set_multi_az(like.as_ref().and_then(DbInstance::multi_az))
            .publicly_accessible(like.as_ref().and_then(DbInstance::publicly_accessible).unwrap_or(false))
            .set_auto_minor_version_upgrade(model.auto_minor_version_upgrade())
            .set_enable_iam_database_authentication(model.iam_database_authentication_enabled())
            .set_enable_cloudwatch_logs_exports(model.enabled_cloudwatch_logs_exports.clone())
            .set_copy_tags_to_snapshot(model.copy_tags_to_snapshot())
            .set_ca_certificate_identifier(like.as_ref().and_then(|like| like.ca_certificate_identifier.clone()))
            .set_max_allocated_storage(model.max_allocated_storage())
            .deletion_protection(true)
            .set_tags(Some(tags));
        match request.send().await {
            Ok(_) => Ok(begun(&self.instance)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_already_exists_fault()) => {
                adopt(session, at.call, &self.instance, &attempt).await
            }
            Err(error) => Err(attempt.failed(error)),
        }
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let made = match arrival(&at.session, &self.instance).await? {
            Arrival::Under(Progress::Failed { .. }) => return Ok(self.failed(&at.session)),
            Arrival::Under(progress) => return Ok(progress),
            Arrival::There(made) => made,
        };
        let follows = made.read_replica_source_db_instance_identifier().is_some_and(|source| !source.is_empty());
        let (true, Some(id), Some((address, port))) = (follows, made.dbi_resource_id(), endpoint(&made)) else {
            let reason = format!(
                "{} in {} is available and follows nothing: somebody promoted it. Look who did before anything else.",
                self.instance, at.session.region
            );
            return Ok(Progress::Failed { reason });
        };
        let like = match &self.like {
            Some(id) => describe(&at.session, id).await?,
            None => None,
        };
        let mut differs = like.map(|like| differences(&like, &made)).unwrap_or_default();
        differs.retain(|what| !LATER.iter().any(|later| what.contains(later)));
        let mut outputs = Outputs::from([
            (RESOURCE.to_owned(), id.to_owned()),
            ("endpoint".to_owned(), address.clone()),
            ("port".to_owned(), port.to_string()),
        ]);
        let mut detail = format!("follows {} in {}, at {address}:{port}", self.source, self.from_region);
        if !differs.is_empty() {
            let differs = differs.join("; ");
            detail.push_str(&format!(", but {differs}"));
            outputs.insert(ISSUE.to_owned(), format!("Of {} {differs}", self.instance));
        }
        Ok(Progress::Done { outputs, detail })
    }
}

impl CreateReplica {
    async fn like(&self, session: &Session, id: &str) -> Result<DbInstance, CloudError> {
        describe(session, id).await?.ok_or_else(|| CloudError::Permanent {
            reason: format!(
                "{id}, whose settings {} is to have, does not exist in {}. Ask for it anew.",
                self.instance, session.region
            ),
        })
    }

    fn failed(&self, session: &Session) -> Progress {
        let reason = format!(
            "Replica {} in {} failed; its events in RDS say why. Nothing else was touched: delete it there, then retry.",
            self.instance, session.region
        );
        Progress::Failed { reason }
    }
}

impl Look for FollowReplica {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let detail = match lag(&at.session, &self.replica).await? {
            Ok((lag, of)) if lag.as_secs() <= self.at_most => {
                let detail = format!("{} behind at {}", spoken(lag), of.clock());
                return Ok(Progress::Done { outputs: Outputs::new(), detail });
            }
            Ok((lag, _)) => format!("{} behind", spoken(lag)),
            Err(why) => format!("unknown: {why}"),
        };
        Ok(Progress::Running { percent: None, detail })
    }
}

impl Look for CatchUp {
    /// A lag says up to when the replica has everything. Nothing is written any more from the beginning of this step on, so once that
    /// moment is past, the replica has all of it: also where an engine, with nothing to replicate, goes on counting.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let (frozen, now) = (at.call.intended, at.session.now());
        if let Some(who) = self.started_again(at).await? {
            let reason = format!(
                "{who} in {} runs again, so that it may write: somebody or its autoscaling started it. Nothing was promoted.",
                self.from_region
            );
            return Ok(Progress::Failed { reason });
        }
        let stood = now.since(frozen);
        let detail = match lag(&at.session, &self.replica).await? {
            Ok((lag, of)) if of >= frozen && of - lag >= frozen => {
                let detail = format!(
                    "has everything up to {}; writes have stood still for {}",
                    (of - lag).clock(),
                    spoken(stood)
                );
                let outputs = Outputs::from([("stood_still".to_owned(), stood.as_secs().to_string())]);
                return Ok(Progress::Done { outputs, detail });
            }
            Ok((lag, of)) => format!("{} behind at {}", spoken(lag), of.clock()),
            Err(why) => format!("unknown: {why}"),
        };
        if stood >= Duration::from_secs(self.within) {
            let reason = format!(
                "{} in {} has not got everything within {} ({detail}), and writes stand still meanwhile. Nothing was promoted.",
                self.replica,
                at.session.region,
                spoken(Duration::from_secs(self.within))
            );
            return Ok(Progress::Failed { reason });
        }
        Ok(Progress::Running {
            percent: None,
            detail: format!("{detail}; writes stand still since {}", frozen.clock()),
        })
    }
}

impl CatchUp {
    /// What has tasks again, or is to have them.
    async fn started_again(&self, at: &At<'_>) -> Result<Option<String>, CloudError> {
        let there = at.elsewhere(&self.from_region).await;
        for stopped in &self.stopped {
            let found = ecs::service(&there, &stopped.cluster, &stopped.service).await?;
            if found.is_some_and(|found| found.desired_count() > 0 || found.running_count() > 0) {
                return Ok(Some(format!("Service {} of {}", stopped.service, stopped.cluster)));
            }
        }
        Ok(None)
    }
}

async fn lag(session: &Session, replica: &str) -> Result<Result<(Duration, Moment), String>, CloudError> {
    let mut lags = cloudwatch::replica_lags(session, &[replica.to_owned()]).await?;
    Ok(lags.remove(replica).unwrap_or_else(|| Err("nothing was answered of it".to_owned())))
}
