//! What `bbws check` says of an environment in AWS: a line for everything that has to be there.

use aws_sdk_efs::types::LifeCycleState;

use super::{
    super::{AwsCloud, backup, efs, kms, rds, s3, secrets, session::Session, sns, steps::mounts, sts},
    readiness,
    survey::{self, NOBODY},
    tasks,
};
use crate::{
    domain::{
        active::Active,
        environment::{Database, Environment, Side},
        readiness::Found,
        standby::Standby,
    },
    ports::{
        alert::Topic,
        check::CheckLine,
        cloud::{CloudError, Condition, DatabaseFound, Survey, World},
    },
};

/// Everything of an environment that has to be there, one line each.
pub async fn check(cloud: &AwsCloud, environment: &Environment) -> Vec<CheckLine> {
    let here = cloud.sessions.get(environment, &environment.primary_region, NOBODY).await;
    let mut lines = Report { environment: &environment.name, lines: Vec::new() };
    let who = match sts::identity(&here).await {
        Ok(identity) => sts::belongs(&identity, &environment.name, &environment.account).map(|()| identity.arn),
        Err(error) => Err(error),
    };
    let known = who.is_ok();
    lines.add(&format!("AWS identity for account {}", environment.account), who.map_err(|e| e.to_string()));
    if !known {
        // Every further line would only repeat that reason.
        let what = format!("{}: everything else in AWS", environment.name);
        lines.lines.push(CheckLine::unchecked(what, "AWS does not know who asks; mend the identity first"));
        return lines.lines;
    }
    check_data(&here, environment, &mut lines).await;
    check_places(&here, environment, &mut lines).await;
    // Boxed: what it awaits is large, and every caller would carry it on its stack.
    for (what, found) in Box::pin(more_declared(cloud, environment)).await {
        lines.add(&what, found);
    }
    if environment.replicates() {
        check_dr(cloud, &here, environment, &mut lines).await;
    }
    check_topics(cloud, environment, &mut lines).await;
    lines.lines
}

struct Report<'a> {
    environment: &'a str,
    lines: Vec<CheckLine>,
}

impl Report<'_> {
    fn add(&mut self, what: &str, found: Condition) {
        let what = format!("{}: {what}", self.environment);
        self.lines.push(match found {
            Ok(detail) => CheckLine::good(what, detail),
            // Nobody tries it again but the person who checks.
            Err(detail) => CheckLine::bad(what, detail.replace(" It is tried again.", "")),
        });
    }
}

async fn check_data(here: &Session, environment: &Environment, lines: &mut Report<'_>) {
    let ids: Vec<String> = environment.databases.iter().map(|d| d.id.clone()).collect();
    let instances = rds::instances(here, &ids).await;
    for database in &environment.databases {
        lines.add(&format!("database {}", database.id), found_database(&instances, database, &here.region));
    }
    for wanted in &environment.file_systems {
        let found = match efs::file_systems(here, std::slice::from_ref(&wanted.id)).await {
            Ok(found) => found.into_iter().next().map(|fs| fs.status).ok_or_else(|| absent(&here.region)),
            Err(error) => Err(error.to_string()),
        };
        lines.add(&format!("file system {} ({})", wanted.id, wanted.name), found);
        if environment.restore_test.is_some() {
            lines.add(&format!("address of file system {}", wanted.id), flat(address(here, &wanted.id).await));
        }
    }
    if let Some(prefix) = &environment.secrets_prefix {
        let found = match secrets::names(here, prefix).await {
            Ok(names) if names.is_empty() => {
                Err(format!("No secret has this prefix in {}. Correct `secrets_prefix`.", here.region))
            }
            Ok(names) => Ok(format!("{} found", names.len())),
            Err(error) => Err(error.to_string()),
        };
        lines.add(&format!("secrets under {prefix}"), found);
    }
}

/// Where a test restore of a file system is compared with it.
async fn address(here: &Session, id: &str) -> Result<Condition, CloudError> {
    let targets = mounts::targets(here, id).await?;
    let usable = targets.iter().filter(|t| t.life_cycle_state == LifeCycleState::Available && t.ip_address.is_some());
    Ok(match usable.count() {
        0 => {
            Err("No mount target of it is available, so a restored one cannot be compared with it. Give it one.".into())
        }
        1 => Ok("1 mount target".to_owned()),
        count => Ok(format!("{count} mount targets")),
    })
}

fn found_database(instances: &Result<Vec<DatabaseFound>, CloudError>, wanted: &Database, region: &str) -> Condition {
    let found = instances
        .as_ref()
        .map_err(ToString::to_string)?
        .iter()
        .find(|d| d.id.eq_ignore_ascii_case(&wanted.id))
        .ok_or_else(|| absent(region))?;
    found.stands_alone()?;
    if !found.engine.starts_with(&wanted.engine.to_string()) {
        return Err(format!("It runs {}, the config file says {}. Correct `engine`.", found.engine, wanted.engine));
    }
    if !found.encrypted {
        return Err(format!(
            "{}, but its storage is not encrypted, so no backup of it can be verified. Encrypt it.",
            found.engine
        ));
    }
    Ok(format!("{}, {}, {} GiB", found.engine, found.status, found.size_gib))
}

fn absent(region: &str) -> String {
    format!("It does not exist in {region}. Correct its id in the config file.")
}

async fn check_places(here: &Session, environment: &Environment, lines: &mut Report<'_>) {
    let (vault, bucket) = (&environment.vault, environment.secrets_bucket.as_deref());
    lines.add(&format!("vault {vault}"), flat(backup::vault(here, vault).await));
    if let Some(name) = bucket {
        lines.add(&format!("bucket {name}"), flat(s3::bucket(here, name, &environment.account).await));
    }
}

async fn check_dr(cloud: &AwsCloud, here: &Session, environment: &Environment, lines: &mut Report<'_>) {
    let there = cloud.sessions.get(environment, &environment.dr_region, NOBODY).await;
    let label = |what: &str, name: &Option<String>| format!("DR {what} {}", name.as_deref().unwrap_or("(not set)"));
    lines.add(
        &label("vault", &environment.dr_vault),
        flat(survey::dr_vault(&there, environment).await.map(|(found, _)| found)),
    );
    lines.add(
        &label("bucket", &environment.dr_secrets_bucket),
        flat(survey::dr_bucket(here, &there, environment).await),
    );
    lines.add(&label("KMS key", &environment.dr_kms_key), flat(survey::dr_key(&there, environment).await));
    if environment.dr != Standby::default() {
        let records = readiness::records(environment, &Active::primary(), Some(&there)).await.prerequisites;
        let tasks = tasks::look(environment, Side::Dr, &there, Some(here)).await.prerequisites;
        let standing = readiness::standing(environment, &there).await;
        for prerequisite in standing.into_iter().chain(tasks).chain(records) {
            let found = match prerequisite.found {
                Found::Ready(detail) => Ok(detail),
                Found::Lacking(why) | Found::Unknown(why) => Err(why),
            };
            lines.add(&format!("DR: {}", prerequisite.subject), found);
        }
        if let Some(controls) = environment.dns.as_ref().and_then(|dns| dns.routing_controls.as_ref()) {
            lines.add("DR: Routing controls", flat(readiness::turned(&there, controls).await));
        }
        if let Some(key) = &environment.dr.primary_kms_key {
            lines.add(&format!("KMS key {key} of failbacks"), flat(kms::usable(here, key).await));
        }
    }
}

async fn check_topics(cloud: &AwsCloud, environment: &Environment, lines: &mut Report<'_>) {
    let session = cloud.sessions.get(environment, sns::region(&cloud.topics, environment), NOBODY).await;
    for topic in [Topic::BackupStatus, Topic::OpsWarning, Topic::OpsCritical, Topic::DrEvents] {
        let arn = sns::arn(&cloud.topics, topic, environment);
        let found = sns::look(&session, &arn).await.map(|()| arn).map_err(|e| e.to_string());
        lines.add(&format!("topic {}", sns::name(&cloud.topics, topic)), found);
    }
}

fn flat(found: Result<Condition, CloudError>) -> Condition {
    found.unwrap_or_else(|error| Err(error.to_string()))
}

/// A line for everything that is declared: what it is, and whether it is as needed.
async fn more_declared(cloud: &AwsCloud, environment: &Environment) -> Vec<(String, Condition)> {
    let tests = environment.restore_test.is_some();
    let ask = Survey {
        parameters_prefix: environment.parameters_prefix.clone(),
        buckets: environment.buckets.iter().map(|b| b.name.clone()).collect(),
        secrets: environment.dumps.iter().map(|d| d.secret.clone()).collect(),
        dump_key: !environment.dumps.is_empty(),
        isolated: tests,
        ..Survey::default()
    };
    if ask == Survey::default() {
        return Vec::new();
    }
    lines(environment, &survey::survey(cloud, environment, &ask, NOBODY).await)
}

fn lines(environment: &Environment, world: &Result<World, CloudError>) -> Vec<(String, Condition)> {
    let mut lines = Vec::new();
    let read = |found: &dyn Fn(&World) -> Condition| world.as_ref().map_err(ToString::to_string).and_then(found);
    if let Some(prefix) = &environment.parameters_prefix {
        let found = read(&|w| match w.parameters.len() {
            0 => Err(format!(
                "No parameter has this prefix in {}. Correct `parameters_prefix`.",
                environment.primary_region
            )),
            count => Ok(format!("{count} found")),
        });
        lines.push((format!("parameters under {prefix}"), found));
    }
    for bucket in &environment.buckets {
        let found = read(&|w| {
            let found = w.buckets.iter().find(|b| b.name == bucket.name);
            let found = found.ok_or_else(|| format!("It does not exist in {}.", environment.primary_region))?;
            if !found.versioned {
                return Err("It is not versioned: turn versioning on, or nothing in it can be brought back.".to_owned());
            }
            match &found.replication {
                Err(why) if environment.replicates() => Err(why.clone()),
                _ => Ok("versioned".to_owned()),
            }
        });
        lines.push((format!("bucket {}", bucket.name), found));
    }
    for dump in &environment.dumps {
        let found = read(&|w| {
            let unknown = || Err("Nothing is known of it.".to_owned());
            w.described.get(&dump.secret).cloned().unwrap_or_else(unknown).map(|_| "there".to_owned())
        });
        lines.push((format!("secret {} of the dump of {}", dump.secret, dump.database), found));
    }
    let unknown = || Err("Nothing is known of it.".to_owned());
    if let Some(key) = environment.dump_kms_key.as_ref().filter(|_| !environment.dumps.is_empty()) {
        lines.push((format!("KMS key {key} of dumps"), read(&|w| w.dump_key.clone().unwrap_or_else(unknown))));
    }
    if environment.restore_test.is_some() {
        let group = environment.isolated_subnet_group();
        let found = read(&|w| match &w.isolated {
            Some(found) => found.clone().map(|network| format!("{} subnets", network.subnets.len())),
            None => unknown(),
        });
        lines.push((format!("DB subnet group {group} of test restores"), found));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::world::{BucketFound, Network};

    #[test]
    fn everything_declared_has_its_line() {
        let environment: Environment = serde_json::from_value(serde_json::json!({
            "account": "093646564004", "primary_region": "af-south-1", "dr_region": "eu-west-1", "replication": "mandatory",
            "retention_days": {"min": 7, "default": 30, "max": 30}, "rpo": "1h", "rto": "4h", "vault": "bbws-prod",
            "backup_role": "arn:aws:iam::093646564004:role/bbws-backup", "parameters_prefix": "/bbws/prod/",
            "buckets": [{"name": "bbws-prod-media", "dr": "bbws-prod-media-dr"}], "dump_kms_key": "alias/bbws-dumps",
            "dumps": [{"database": "bbws-prod-mysql", "engine": "mysql", "secret": "bbws/prod/database"}],
            "restore_test": "30d",
        }))
        .unwrap();
        let nothing = lines(&environment, &Ok(World::default()));
        assert_eq!(nothing.len(), 5);
        assert!(nothing.iter().all(|(_, found)| found.is_err()), "{nothing:?}");
        let world = World {
            parameters: vec!["/bbws/prod/a".into()],
            buckets: vec![BucketFound {
                name: "bbws-prod-media".into(),
                versioned: true,
                replication: Ok("bbws-prod-media-dr".into()),
                lifecycle: Vec::new(),
                rules: Vec::new(),
            }],
            described: [("bbws/prod/database".to_owned(), Ok("v1".to_owned()))].into(),
            dump_key: Some(Ok("arn".into())),
            isolated: Some(Ok(Network { subnet_group: "bbws-isolated".into(), subnets: vec!["subnet-1".into()] })),
            ..World::default()
        };
        let all = lines(&environment, &Ok(world));
        assert!(all.iter().all(|(_, found)| found.is_ok()), "{all:?}");
        let unread = lines(&environment, &Err(CloudError::Permanent { reason: "no permission".into() }));
        assert!(unread.iter().all(|(_, found)| found == &Err("no permission".to_owned())));
    }
}
