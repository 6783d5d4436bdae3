//! Secrets and parameters that environments describe, with values that mean nothing.

use serde_json::json;

use super::{
    super::{
        time::{hex_for, uuid_for},
        world::{Tags, World, kms::SSM_KEY, rds::Instance, secrets::Secret, ssm::Parameter},
    },
    files::AGE,
};
use crate::domain::{
    environment::{Engine, Environment},
    moment::Moment,
};

/// The secrets and parameters of an environment.
pub(super) fn seed(world: &mut World, environment: &Environment, now: Moment) {
    for name in names(environment) {
        let value = json!({ "username": "bbws", "password": hex_for(world.seed, &format!("password/{name}"), 24) });
        secret(world, environment, &name, value.to_string(), now);
    }
    for dump in &environment.dumps {
        let port = match dump.engine {
            Engine::Postgres => 5432,
            Engine::Mysql | Engine::Mariadb => 3306,
        };
        let value = json!({
            "host": format!("{}.{}.rds.amazonaws.com", dump.database, environment.primary_region),
            "port": port,
            "username": "bbws_dump",
            "password": hex_for(world.seed, &format!("password/{}", dump.secret), 24),
            "dbname": "platform",
        });
        secret(world, environment, &dump.secret, value.to_string(), now);
        if let Some(name) = &dump.load_test {
            let spare = json!({
                "host": format!("{}.load-test.internal", dump.database),
                "port": port,
                "username": "bbws_load",
                "password": hex_for(world.seed, &format!("password/{name}"), 24),
            });
            secret(world, environment, name, spare.to_string(), now);
        }
    }
    for database in &environment.databases {
        let Some(name) = &database.endpoint_secret else { continue };
        let port = match database.engine {
            Engine::Postgres => 5432,
            Engine::Mysql | Engine::Mariadb => 3306,
        };
        let value = json!({
            "host": Instance::address(world.seed, &database.id, &environment.primary_region),
            "port": port,
            "username": "bbws",
            "password": hex_for(world.seed, &format!("password/{name}"), 24),
            "dbname": "platform",
        });
        secret(world, environment, name, value.to_string(), now);
        // Its twin in the DR region leads to what stands by there.
        let Some(replica) = &database.dr_replica else { continue };
        let mut there = value;
        there["host"] = json!(Instance::address(world.seed, replica, &environment.dr_region));
        secret_in(world, (&environment.account, &environment.dr_region), name, there.to_string(), now);
    }
    let parameters = parameters(environment);
    let place = world.region(&environment.account, &environment.primary_region);
    for (name, secure, value) in parameters {
        let kind = if secure { "SecureString" } else { "String" };
        let parameter = Parameter {
            kind: kind.to_owned(),
            value,
            version: 1,
            modified: now - AGE,
            key: secure.then(|| SSM_KEY.to_owned()),
            tags: Tags::new(),
            earlier: Default::default(),
        };
        place.ssm.parameters.entry(name).or_insert(parameter);
    }
}

/// Four of the platform and two of every tenant.
fn names(environment: &Environment) -> Vec<String> {
    let Some(prefix) = &environment.secrets_prefix else { return Vec::new() };
    let own = ["db-master", "smtp", "wordpress/auth-keys", "wordpress/salts"];
    let mut names: Vec<String> = own.iter().map(|name| format!("{prefix}{name}")).collect();
    for tenant in environment.tenants.values().filter_map(|tenant| tenant.secrets_prefix.as_ref()) {
        names.push(format!("{tenant}db"));
        names.push(format!("{tenant}wp-admin"));
    }
    names
}

fn secret(world: &mut World, environment: &Environment, name: &str, value: String, now: Moment) {
    secret_in(world, (&environment.account, &environment.primary_region), name, value, now);
}

fn secret_in(world: &mut World, (account, region): (&str, &str), name: &str, value: String, now: Moment) {
    let letters = hex_for(world.seed, &format!("secret/{account}/{region}/{name}"), 6);
    let version = uuid_for(world.seed, &format!("secret/{account}/{name}/0"));
    let arn = format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}-{letters}");
    let mut secret = Secret::new(arn, now - AGE);
    secret.put(version, Some(value), None, now - AGE);
    world.region(account, region).secrets.secrets.entry(name.to_owned()).or_insert(secret);
}

/// Name, whether it is a SecureString, and value.
fn parameters(environment: &Environment) -> Vec<(String, bool, String)> {
    let Some(prefix) = &environment.parameters_prefix else { return Vec::new() };
    let own = [
        ("database/host", false, "db.internal"),
        ("database/password", true, "not a real one"),
        ("database/port", false, "3306"),
        ("smtp/host", false, "smtp.internal"),
        ("smtp/password", true, "not a real one"),
        ("wordpress/domain", false, "example.org"),
        ("wordpress/memory-limit", false, "256M"),
    ];
    let mut all: Vec<(String, bool, String)> =
        own.iter().map(|(name, secure, value)| (format!("{prefix}{name}"), *secure, (*value).to_owned())).collect();
    all.extend(
        environment
            .tenants
            .keys()
            .map(|tenant| (format!("{prefix}tenants/{tenant}/domain"), false, format!("{tenant}.example.org"))),
    );
    all
}
