//! An instance with the settings of another one, out of a snapshot or of that one's past: it can take its place. RDS gives a
//! restored instance settings of its own wherever none are passed.

use aws_sdk_rds::types::{DbInstance, Tag};

use super::{
    super::{background::Outcome, rds, time},
    At, Change, begun,
    restore_database::{Arrival, adopt, arrival, describe, has_figures, has_support, latest, made, there},
};
use crate::{
    domain::step::{Outputs, RESOURCE, RestoreLike},
    ports::cloud::{CloudError, Probe, Progress, Started},
};

/// Passes the settings of an instance on to another one that is to take its place.
macro_rules! settings {
    ($request:expr, $live:expr, $like:expr, $tags:expr) => {
        $request
            .set_db_instance_class($like.class)
            .set_storage_type($like.storage)
            .set_iops($like.iops)
            .set_storage_throughput($like.throughput)
            .set_db_subnet_group_name($like.subnet_group)
            .set_vpc_security_group_ids(Some($like.security_groups))
            .set_db_parameter_group_name($like.parameter_group)
            .set_option_group_name($like.option_group)
            .set_multi_az($live.multi_az())
            .set_publicly_accessible($live.publicly_accessible())
            .set_auto_minor_version_upgrade($live.auto_minor_version_upgrade())
            .set_enable_iam_database_authentication($live.iam_database_authentication_enabled())
            .set_enable_cloudwatch_logs_exports($live.enabled_cloudwatch_logs_exports.clone())
            .set_copy_tags_to_snapshot($live.copy_tags_to_snapshot())
            .set_ca_certificate_identifier($live.ca_certificate_identifier.clone())
            .set_engine_lifecycle_support($like.support)
            .set_backup_retention_period($live.backup_retention_period())
            .set_preferred_backup_window($live.preferred_backup_window.clone())
            // Until it takes the place of the other one it may be deleted.
            .deletion_protection(false)
            .set_tags(Some($tags))
    };
}
pub(super) use settings;

impl Change for RestoreLike {
    /// Looks for the instance an earlier call may have made.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        made(at, &self.instance).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let session = &at.session;
        let action = match self.snapshot {
            Some(_) => "rds:RestoreDBInstanceFromDBSnapshot",
            None => "rds:RestoreDBInstanceToPointInTime",
        };
        let attempt = session.changes(action, format!("instance {} like {}", self.instance, self.database));
        let Some(live) = describe(session, &self.database).await? else {
            return Err(attempt.never(&format!("{} does not exist", self.database), "Restore into a clone."));
        };
        let outputs = match (&self.snapshot, self.at) {
            (None, None) => latest(session, &self.database, false).await?,
            _ => Outputs::new(),
        };
        let like = Like::of(&live);
        let tags = [like.tags.clone(), rds::rds_tags(at.call)].concat();
        let sent = match &self.snapshot {
            Some(snapshot) => {
                let request = session.rds().restore_db_instance_from_db_snapshot().db_snapshot_identifier(snapshot);
                let request = settings!(request.db_instance_identifier(&self.instance), live, like, tags);
                request.send().await.map(drop).map_err(|error| {
                    let taken = error.as_service_error().is_some_and(|e| e.is_db_instance_already_exists_fault());
                    (taken, attempt.failed(error))
                })
            }
            None => {
                let request = session.rds().restore_db_instance_to_point_in_time();
                let request = settings!(request.target_db_instance_identifier(&self.instance), live, like, tags)
                    .source_db_instance_identifier(&self.database)
                    .set_max_allocated_storage(live.max_allocated_storage())
                    .set_restore_time(self.at.map(time))
                    .set_use_latest_restorable_time(self.at.is_none().then_some(true));
                request.send().await.map(drop).map_err(|error| {
                    let taken = error.as_service_error().is_some_and(|e| e.is_db_instance_already_exists_fault());
                    (taken, attempt.failed(error))
                })
            }
        };
        match sent {
            Ok(()) => Ok(Started { outputs, ..begun(&self.instance) }),
            Err((true, _)) => adopt(session, at.call, &self.instance, &attempt).await,
            Err((false, error)) => Err(error),
        }
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        arrives(at, &self.instance, &self.database).await
    }
}

/// Whether an instance is there that is to take the place of another one, with the id that stays with it and what of it is not as
/// the other's.
pub(super) async fn arrives(at: &At<'_>, instance: &str, database: &str) -> Outcome {
    let made = match arrival(&at.session, instance).await? {
        Arrival::Under(progress) => return Ok(progress),
        Arrival::There(made) => made,
    };
    let Some(id) = made.dbi_resource_id() else {
        return Ok(Progress::Running { percent: None, detail: "available, RDS does not tell its id yet".to_owned() });
    };
    let live = describe(&at.session, database).await?;
    let differs = live.map(|live| differences(&live, &made)).filter(|differ| !differ.is_empty());
    let mut progress = there(&made, instance, differs.map(|differ| differ.join("; ")));
    if let Progress::Done { outputs, .. } = &mut progress {
        outputs.insert(RESOURCE.to_owned(), id.to_owned());
    }
    Ok(progress)
}

/// What is passed on.
pub(super) struct Like {
    pub(super) class: Option<String>,
    pub(super) storage: Option<String>,
    pub(super) iops: Option<i32>,
    pub(super) throughput: Option<i32>,
    pub(super) subnet_group: Option<String>,
    pub(super) security_groups: Vec<String>,
    pub(super) parameter_group: Option<String>,
    pub(super) option_group: Option<String>,
    pub(super) support: Option<String>,
    pub(super) tags: Vec<Tag>,
}

impl Like {
    pub(super) fn of(live: &DbInstance) -> Like {
        let figures = has_figures(live.storage_type(), live.allocated_storage());
        let supported = has_support(live.engine());
        let own = |tag: &&Tag| tag.key().is_some_and(|key| !key.starts_with("aws:") && !key.starts_with("bbws:"));
        Like {
            class: live.db_instance_class.clone(),
            storage: live.storage_type.clone(),
            iops: live.iops().filter(|_| figures),
            throughput: live.storage_throughput().filter(|_| figures && live.storage_type() == Some("gp3")),
            subnet_group: subnet_group(live),
            security_groups: security_groups(live),
            parameter_group: parameter_group(live),
            option_group: live
                .option_group_memberships()
                .first()
                .and_then(|g| g.option_group_name().map(str::to_owned)),
            support: live.engine_lifecycle_support.clone().filter(|_| supported),
            tags: live.tag_list().iter().filter(own).cloned().collect(),
        }
    }
}

fn subnet_group(instance: &DbInstance) -> Option<String> {
    instance.db_subnet_group().and_then(|group| group.db_subnet_group_name()).map(str::to_owned)
}

fn security_groups(instance: &DbInstance) -> Vec<String> {
    let mut groups: Vec<String> =
        instance.vpc_security_groups().iter().filter_map(|g| g.vpc_security_group_id().map(str::to_owned)).collect();
    groups.sort();
    groups
}

fn parameter_group(instance: &DbInstance) -> Option<String> {
    instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name()).map(str::to_owned)
}

/// What of an instance is not as the other's, in words.
pub(super) fn differences(live: &DbInstance, made: &DbInstance) -> Vec<String> {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let flag = |value: Option<bool>| value.map(|on| if on { "on" } else { "off" }.to_owned());
    let number = |value: Option<i32>| value.map(|n| n.to_string());
    let version = |db: &DbInstance| db.engine_version().map(str::to_owned);
    let option_group =
        |db: &DbInstance| db.option_group_memberships().first().and_then(|g| g.option_group_name().map(str::to_owned));
    let exports = |db: &DbInstance| {
        let mut logs = db.enabled_cloudwatch_logs_exports().to_vec();
        logs.sort();
        (!logs.is_empty()).then(|| logs.join(" "))
    };
    let iam = |db: &DbInstance| flag(db.iam_database_authentication_enabled());
    let pairs = [
        ("class", text(live.db_instance_class()), text(made.db_instance_class())),
        ("engine version", version(live), version(made)),
        ("storage", text(live.storage_type()), text(made.storage_type())),
        ("IOPS", number(live.iops()), number(made.iops())),
        ("storage throughput", number(live.storage_throughput()), number(made.storage_throughput())),
        ("subnet group", subnet_group(live), subnet_group(made)),
        ("security groups", Some(security_groups(live).join(" ")), Some(security_groups(made).join(" "))),
        ("parameter group", parameter_group(live), parameter_group(made)),
        ("option group", option_group(live), option_group(made)),
        ("login by IAM", iam(live), iam(made)),
        ("exports of logs", exports(live), exports(made)),
        ("access from the internet", flag(live.publicly_accessible()), flag(made.publicly_accessible())),
        ("Extended Support", text(live.engine_lifecycle_support()), text(made.engine_lifecycle_support())),
        ("Multi-AZ", flag(live.multi_az()), flag(made.multi_az())),
        ("KMS key", text(live.kms_key_id()), text(made.kms_key_id())),
        ("certificate authority", text(live.ca_certificate_identifier()), text(made.ca_certificate_identifier())),
        ("backup window", text(live.preferred_backup_window()), text(made.preferred_backup_window())),
        ("days of backups", number(live.backup_retention_period()), number(made.backup_retention_period())),
        ("monitoring interval", number(live.monitoring_interval()), number(made.monitoring_interval())),
        ("Performance Insights", flag(live.performance_insights_enabled()), flag(made.performance_insights_enabled())),
        ("most storage", number(live.max_allocated_storage()), number(made.max_allocated_storage())),
    ];
    let differ = pairs.into_iter().filter_map(|(what, was, is)| match (was, is) {
        (Some(was), Some(is)) if was != is => Some(format!("its {what} is {is}, not {was}")),
        (Some(was), None) => Some(format!("it has no {what}, which is {was} at the other one")),
        _ => None,
    });
    differ.collect()
}
