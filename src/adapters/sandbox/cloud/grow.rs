//! What the optional keys of an environment declare: parameters, buckets of data, dumps, the isolated network.

use std::{collections::BTreeMap, time::Duration};

use rand::RngExt as _;

use super::{
    estate::DataObject,
    history,
    time::{Course, rng_for, uuid_for},
    world::{Aws, Bucket, Key, Region, S3_KEY, database, key},
};
use crate::domain::{
    environment::{Bucket as DeclaredBucket, Engine, Environment},
    moment::Moment,
    world::LifecycleFound,
};

/// What this program grows. A file with less grows the rest.
const GROWN: u32 = 1;
/// Objects of a bucket of data, and how many of them are not replicated yet at first.
const OBJECTS: u64 = 120;
const PENDING: u64 = 5;

impl Aws {
    /// Grows what is declared by optional keys, once.
    pub(super) fn grow_further(&mut self, environments: &BTreeMap<String, Environment>, now: Moment) {
        if self.grown >= GROWN {
            return;
        }
        self.grown = GROWN;
        for environment in environments.values() {
            self.grow_declared(environment, now);
        }
        for (index, environment) in environments.values().filter(|e| e.schedule.is_some()).enumerate() {
            history::grow(self, environment, index, now);
        }
    }

    fn grow_declared(&mut self, environment: &Environment, now: Moment) {
        let seed = self.seed;
        let (account, region) = (environment.account.as_str(), environment.primary_region.as_str());
        let plot = self.plot(account, region);
        plot.subnet_groups.insert(environment.isolated_subnet_group().to_owned());
        plot.parameters.extend(parameters(environment));
        plot.secrets.extend(environment.dumps.iter().map(|dump| dump.secret.clone()));
        if let Some(alias) = &environment.dump_kms_key {
            add_key(plot, account, region, alias);
        }
        for declared in &environment.buckets {
            plot.buckets.insert(declared.name.clone(), bucket(seed, environment, declared, now));
        }
        if let Some(bucket) = environment.secrets_bucket.as_ref().and_then(|name| plot.buckets.get_mut(name)) {
            bucket.lifecycle = vec![archives(environment)];
        }
        if environment.schedule.is_some() {
            // Somebody made it by hand, and nobody declared it.
            let id = format!("bbws-{}-reporting", environment.name);
            plot.databases.insert(id.clone(), database(seed, &id, Engine::Postgres));
            for db in &environment.databases {
                if let Some(found) = plot.databases.get_mut(&db.id) {
                    found.automated_days = 7;
                }
            }
        }
        let own = environment.dr_kms_key.clone().unwrap_or_else(|| S3_KEY.to_owned());
        let plot = self.plot(account, &environment.dr_region);
        for name in environment.buckets.iter().filter_map(|bucket| bucket.dr.as_ref()) {
            plot.buckets.insert(name.clone(), Bucket { key: own.clone(), ..Bucket::default() });
        }
    }
}

fn add_key(plot: &mut Region, account: &str, region: &str, alias: &str) {
    let made: Key = key(account, region, alias);
    plot.keys.entry(alias.to_owned()).or_insert(made);
}

/// Names under the prefix, and whether each is a SecureString.
fn parameters(environment: &Environment) -> Vec<(String, bool)> {
    let Some(prefix) = &environment.parameters_prefix else { return Vec::new() };
    let own = [
        ("database/host", false),
        ("database/password", true),
        ("database/port", false),
        ("smtp/host", false),
        ("smtp/password", true),
        ("wordpress/domain", false),
        ("wordpress/memory-limit", false),
    ];
    let mut names: Vec<(String, bool)> = own.iter().map(|(n, secure)| (format!("{prefix}{n}"), *secure)).collect();
    names.extend(environment.tenants.keys().map(|tenant| (format!("{prefix}tenants/{tenant}/domain"), false)));
    names
}

fn bucket(seed: u64, environment: &Environment, declared: &DeclaredBucket, now: Moment) -> Bucket {
    let replica = declared.dr.clone().filter(|_| environment.replicates());
    let rule = replica.map(|name| (environment.dr_region.clone(), name));
    let mut rng = rng_for(seed, &declared.name);
    let mut data = BTreeMap::new();
    for n in 0..OBJECTS {
        let at = now - Duration::from_secs(60 * (1 + n * 37 + rng.random_range(0..20)));
        let key = format!("wp-content/uploads/{}/image-{:04}.jpg", &at.yyyymmdd()[..6], OBJECTS - n);
        let waits = Duration::from_secs(if n < PENDING { 120 + 90 * n } else { 0 });
        let replication =
            rule.is_some().then(|| Course { ends: if n < PENDING { now + waits } else { at }, ..Course::instant(at) });
        let version = uuid_for(seed, &format!("{}/{key}", declared.name)).replace('-', "");
        data.insert(key, DataObject { size: rng.random_range(20_000..4_000_000), at, version, replication });
    }
    Bucket { key: S3_KEY.to_owned(), rule, data, lifecycle: vec![uploads()], ..Bucket::default() }
}

/// Nothing current is ever deleted; what was overwritten stays for longer than any backup.
fn uploads() -> LifecycleFound {
    LifecycleFound {
        prefix: String::new(),
        transitions: vec![("STANDARD_IA".to_owned(), 30), ("GLACIER".to_owned(), 90)],
        expires: None,
        noncurrent_expires: Some(400),
    }
}

/// Archives go to colder storage and in the end away.
fn archives(environment: &Environment) -> LifecycleFound {
    let years = environment.retention_tiers.map_or(1, |tiers| tiers.yearly);
    LifecycleFound {
        prefix: format!("{}/", environment.name),
        transitions: vec![("STANDARD_IA".to_owned(), 30), ("GLACIER".to_owned(), 90)],
        expires: Some((years + 1) * 366),
        noncurrent_expires: None,
    }
}
