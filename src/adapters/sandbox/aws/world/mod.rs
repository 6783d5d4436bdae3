//! What the simulated AWS holds: accounts, regions, and the state of each service in them, a file per service.

pub mod backup;
pub mod cloudwatch;
pub mod ecs;
pub mod efs;
pub mod kms;
pub mod orders;
pub mod rds;
pub mod route53;
pub mod rows;
pub mod s3;
pub mod schemas;
pub mod secrets;
pub mod sns;
pub mod ssm;
pub mod tenants;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::moment::Moment;

/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// Bytes of a GiB.
pub const GIB: u64 = 1 << 30;

/// One region of one account: the state of every service in it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Region {
    /// Keys.
    #[serde(default)]
    pub kms: kms::Kms,
    /// Databases.
    #[serde(default)]
    pub rds: rds::Rds,
    /// Topics.
    #[serde(default)]
    pub sns: sns::Sns,
    /// Vaults, jobs, plans and holds of AWS Backup.
    #[serde(default)]
    pub backup: backup::Backup,
    /// File systems.
    #[serde(default)]
    pub efs: efs::Efs,
    /// Secrets.
    #[serde(default)]
    pub secrets: secrets::Secrets,
    /// Parameters.
    #[serde(default)]
    pub ssm: ssm::Ssm,
    /// What CloudWatch measures.
    #[serde(default)]
    pub cloudwatch: cloudwatch::CloudWatch,
    /// Clusters of ECS.
    #[serde(default)]
    pub ecs: ecs::Ecs,
    /// Hosted zones, which an account has in one region only.
    #[serde(default)]
    pub route53: route53::Route53,
}

/// Credentials that AssumeRole gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSession {
    /// Account of the role.
    pub account: String,
    /// Name of the role.
    pub role: String,
    /// Name of the session.
    pub session: String,
    /// SourceIdentity.
    pub source_identity: Option<String>,
    /// Session token.
    pub token: String,
    /// When they end.
    pub expires: Moment,
}

/// Everything there is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct World {
    /// Ids, sizes and durations come from it.
    pub seed: u64,
    accounts: BTreeMap<String, BTreeMap<String, Region>>,
    /// Sessions of roles by their access key.
    pub sessions: BTreeMap<String, RoleSession>,
    /// Buckets, which all accounts and regions have in one namespace.
    #[serde(default)]
    pub s3: s3::S3,
    /// What restores did to tenants' schemas.
    #[serde(default)]
    pub tenants: tenants::Tenants,
    /// How many ids were given that belong to no name.
    serial: u64,
    /// Up to when each environment's regular backups were made, where it makes any.
    #[serde(default)]
    pub regular: BTreeMap<String, Moment>,
    /// The orders of platforms with two sides, by environment.
    #[serde(default)]
    pub orders: BTreeMap<String, orders::Orders>,
    /// Routing controls of ARC by their ARNs: whether they are on. Every region of a cluster tells the same.
    #[serde(default)]
    pub controls: BTreeMap<String, bool>,
    /// How far the world is seeded; a file of an earlier program is seeded further.
    pub seeded: u32,
}

impl World {
    /// Nothing but what AWS itself brings.
    pub fn empty(seed: u64) -> World {
        World {
            seed,
            accounts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            s3: s3::S3::default(),
            tenants: tenants::Tenants::default(),
            serial: 0,
            regular: BTreeMap::new(),
            orders: BTreeMap::new(),
            controls: BTreeMap::new(),
            seeded: 0,
        }
    }

    /// A region of an account, if anything is known of it yet.
    pub fn find(&self, account: &str, region: &str) -> Option<&Region> {
        self.accounts.get(account)?.get(region)
    }

    /// A region of an account. Every account has every region; it is empty but for AWS's own keys.
    pub fn region(&mut self, account: &str, region: &str) -> &mut Region {
        let regions = match self.accounts.get_mut(account) {
            Some(_) => self.accounts.get_mut(account),
            None => Some(self.accounts.entry(account.to_owned()).or_default()),
        };
        let regions = regions.expect("it was looked up or made just now");
        if !regions.contains_key(region) {
            let fresh = Region { kms: kms::Kms::of_aws(account, region), ..Region::default() };
            regions.insert(region.to_owned(), fresh);
        }
        regions.get_mut(region).expect("it is there or was made just now")
    }

    /// Everything there is, as account, region and what is in it.
    pub fn places(&self) -> impl Iterator<Item = (&str, &str, &Region)> {
        self.accounts
            .iter()
            .flat_map(|(account, regions)| regions.iter().map(|(name, r)| (account.as_str(), name.as_str(), r)))
    }

    /// The same, to be changed.
    pub fn places_mut(&mut self) -> impl Iterator<Item = (&str, &str, &mut Region)> {
        self.accounts
            .iter_mut()
            .flat_map(|(account, regions)| regions.iter_mut().map(|(name, r)| (account.as_str(), name.as_str(), r)))
    }

    /// A file system, wherever it is, to be changed.
    pub fn file_system(&mut self, id: &str) -> Option<&mut efs::FileSystem> {
        self.places_mut().find_map(|(_, _, place)| place.efs.file_systems.get_mut(id))
    }

    /// An id nobody has yet, the same for the same seed and order of requests.
    pub fn next_id(&mut self, what: &str) -> String {
        self.serial += 1;
        super::time::uuid_for(self.seed, &format!("{what}/{}", self.serial))
    }
}
