//! What `bbws check` says of the kinds of data that an environment may declare besides databases, files and secrets.

use super::super::AwsCloud;
use super::survey::{NOBODY, survey};
use crate::{
    domain::environment::Environment,
    ports::cloud::{CloudError, Condition, Survey, World},
};

/// A line for everything that is declared: what it is, and whether it is as needed.
pub async fn check(cloud: &AwsCloud, environment: &Environment) -> Vec<(String, Condition)> {
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
    lines(environment, &survey(cloud, environment, &ask, NOBODY).await)
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
