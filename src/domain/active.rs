//! Where an environment runs: in its primary region, as the config says, or after a failover in its DR region.
//!
//! It is a fact of the ledger, set by a step in the transaction in which that step ends. Whoever plans, lists or measures takes
//! the environment from here ([`Active::environment`]), so that everything follows a failover and nothing is ever done to the side
//! that was left. A ledger that says nothing means the primary region.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    derived,
    environment::{Bucket, Environment, Replication, Side},
    mark::{Mark, MarkKind},
    moment::Moment,
    step::Remember,
};

/// The subject of the one mark.
const SUBJECT: &str = "region";
/// The subject of the mark that says what protects it where it runs.
const PROTECTION: &str = "protection";
/// What stands between a thing of the primary region and what takes its place.
const IS: char = '=';

/// Where an environment runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Active {
    /// On which side.
    pub side: Side,
    /// In the DR region: what took the place of a database or a file system of the config, by the id the config has.
    pub instead: BTreeMap<String, String>,
    /// Since when, and by which operation; none where it never ran elsewhere.
    pub since: Option<(Moment, String)>,
    /// What protects it there since; none where nobody has protected it since it moved.
    pub protected: Option<Protection>,
}

/// What protects an environment where it moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// The region in which its copies lie.
    pub region: String,
    /// The operation that made it so.
    pub by: String,
}

impl Active {
    /// From the marks of an environment. A note that nobody can read means what stands first in it, and the primary region where
    /// that is no side either.
    pub fn of(marks: &[Mark]) -> Active {
        let Some(mark) = marks.iter().find(|mark| mark.kind == MarkKind::Active && mark.subject == SUBJECT) else {
            return Active::default();
        };
        let mut words = mark.note.split_whitespace();
        let side = if words.next() == Some(Side::Dr.word()) { Side::Dr } else { Side::Primary };
        let pairs = words.filter_map(|pair| pair.split_once(IS)).map(|(id, by)| (id.to_owned(), by.to_owned()));
        // What protected it before it moved protects it no longer.
        let since =
            |other: &&Mark| other.kind == MarkKind::Active && other.subject == PROTECTION && other.at >= mark.at;
        let protected = marks
            .iter()
            .find(since)
            .map(|found| Protection { region: found.note.clone(), by: found.operation.clone() });
        Active { side, instead: pairs.collect(), since: Some((mark.at, mark.operation.clone())), protected }
    }

    /// In the DR region, with what takes whose place there. Databases whose `dr_replica` is promoted need not be named.
    pub fn dr(instead: impl IntoIterator<Item = (String, String)>) -> Active {
        Active { side: Side::Dr, instead: instead.into_iter().collect(), ..Active::default() }
    }

    /// In the primary region.
    pub fn primary() -> Active {
        Active::default()
    }

    /// The step that makes it so.
    pub fn remember(&self) -> Remember {
        let pairs = self.instead.iter().map(|(id, by)| format!(" {id}{IS}{by}"));
        let note = format!("{}{}", self.side.word(), pairs.collect::<String>());
        Remember { mark: MarkKind::Active, subject: SUBJECT.to_owned(), note }
    }

    /// The step that writes down that it is protected in this region, where it runs.
    pub fn protected_in(region: &str) -> Remember {
        Remember { mark: MarkKind::Active, subject: PROTECTION.to_owned(), note: region.to_owned() }
    }

    /// Since when nothing follows it in another region, because it moved: in the DR region, or home again without the replicas that
    /// the config names.
    pub fn exposed(&self, config: &Environment) -> Option<Moment> {
        let (at, _) = self.since.as_ref()?;
        let followed = config.databases.iter().any(|database| database.dr_replica.is_some());
        (self.protected.is_none() && (self.side == Side::Dr || followed)).then_some(*at)
    }

    /// The environment as it is where it runs: in the DR region under the ids and names that things have there. Copies elsewhere are made
    /// from it once it is protected, in the region that protects it, and none before. What has no place there is left out, see
    /// [`Active::left_out`].
    pub fn environment<'e>(&self, config: &'e Environment) -> Cow<'e, Environment> {
        match self.side {
            Side::Primary => Cow::Borrowed(config),
            Side::Dr => Cow::Owned(self.there(config)),
        }
    }

    /// Things of the config that have no known counterpart in the DR region, as people call them; none while it runs at home.
    pub fn left_out(&self, config: &Environment) -> Vec<String> {
        if self.side == Side::Primary {
            return Vec::new();
        }
        let files = config.file_systems.iter().filter(|files| !self.instead.contains_key(&files.id));
        let buckets = config.buckets.iter().filter(|bucket| bucket.dr.is_none());
        let files = files.map(|files| format!("file system {} ({})", files.id, files.name));
        files.chain(buckets.map(|bucket| format!("bucket {}", bucket.name))).collect()
    }

    /// The id of a database of the config where the platform runs.
    pub fn database(&self, config: &Environment, id: &str) -> String {
        let replica = config.databases.iter().find(|database| database.id == id).and_then(|d| d.dr_replica.as_ref());
        self.instead.get(id).or(replica).cloned().unwrap_or_else(|| id.to_owned())
    }

    fn there(&self, config: &Environment) -> Environment {
        let mut env = config.clone();
        env.side = Side::Dr;
        std::mem::swap(&mut env.primary_region, &mut env.dr_region);
        // No copy goes anywhere before the environment is protected again: the region that was left may be dead.
        env.replication = Replication::Disabled;
        env.vault = config.dr_vault.clone().unwrap_or_else(|| config.vault.clone());
        env.secrets_bucket.clone_from(&config.dr_secrets_bucket);
        (env.dr_vault, env.dr_secrets_bucket, env.dr_kms_key) = (None, None, None);
        env.dump_kms_key = config.dump_kms_key.as_ref().and(config.dr_kms_key.clone());
        let database = |id: &mut String| *id = self.database(config, id);
        for each in &mut env.databases {
            database(&mut each.id);
            each.dr_replica = None;
        }
        env.dumps.iter_mut().for_each(|dump| database(&mut dump.database));
        env.checks.values_mut().for_each(|check| database(&mut check.database));
        env.tenants.values_mut().filter_map(|tenant| tenant.database.as_mut()).for_each(database);
        env.file_systems.retain_mut(|files| match self.instead.get(&files.id) {
            Some(there) => {
                files.id.clone_from(there);
                true
            }
            None => false,
        });
        for tenant in env.tenants.values_mut() {
            tenant.file_system = tenant.file_system.as_ref().and_then(|id| self.instead.get(id).cloned());
        }
        let bucket = |bucket: Bucket| bucket.dr.map(|name| Bucket { name, dr: None });
        env.buckets = std::mem::take(&mut env.buckets).into_iter().filter_map(bucket).collect();
        env.services = env.services.map(|mut services| {
            services.cluster = config.dr.cluster.clone().unwrap_or(services.cluster);
            services
        });
        if let Some(protection) = &self.protected {
            protection.cover(&mut env, config);
        }
        env
    }
}

impl Protection {
    /// Lets copies of an environment that runs in its DR region go to the region that protects it, as far as the config names a key there:
    /// a copy of what is encrypted needs one. Archives are left out: S3 replicates them one way.
    fn cover(&self, env: &mut Environment, config: &Environment) {
        let (vault, key, home) = match (&config.dr.third_region, &config.dr.third) {
            _ if self.region == config.primary_region => (&config.vault, config.dr.primary_kms_key.as_ref(), true),
            (Some(region), Some(third)) if *region == self.region => (&third.vault, Some(&third.kms_key), false),
            _ => return,
        };
        let Some(key) = key else { return };
        env.replication = config.replication;
        env.dr_region.clone_from(&self.region);
        (env.dr_vault, env.dr_kms_key) = (Some(vault.clone()), Some(key.clone()));
        for (own, declared) in env.databases.iter_mut().zip(&config.databases) {
            own.dr_replica = Some(match home {
                true => declared.id.clone(),
                false => replica(&declared.id, &self.by),
            });
        }
    }
}

/// The name of the replica of a database in a third region, by the operation that makes it.
pub fn replica(database: &str, operation: &str) -> String {
    derived::named(database, &format!("-replica-{operation}"), derived::INSTANCE)
}
