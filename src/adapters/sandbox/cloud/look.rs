//! The simulated AWS as tests look at it: what is really there, whatever its faults would say.

use std::collections::BTreeMap;

use super::{Side, SimCloud, files, points};
use crate::{domain::step::PlanSpec, ports::cloud::Point};

/// A legal hold of AWS Backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimHold {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// ARN of the resource whose points it holds.
    pub resource_arn: String,
    /// Vault they lie in.
    pub vault: String,
    /// `CREATING`, `ACTIVE`, `CANCELING`, `CANCELED`.
    pub status: String,
}

/// A DB instance that was restored for a test and exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimInstance {
    /// Name.
    pub name: String,
    /// Snapshot it was restored from.
    pub snapshot: String,
    /// `creating`, `available`, `failed`, `deleting`.
    pub status: String,
    /// DB subnet group.
    pub subnet_group: String,
    /// VPC security groups.
    pub security_groups: Vec<String>,
    /// Operation it is tagged with.
    pub operation: String,
}

/// A file system that was restored for a test and exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimFiles {
    /// Creation token.
    pub name: String,
    /// `fs-…`.
    pub id: String,
    /// ARN of the recovery point it was restored from.
    pub recovery_point: String,
    /// `restoring`, `available`, `failed`, `deleting`.
    pub status: String,
    /// Subnet and security groups of its mount target, where it has one.
    pub address: Option<(String, Vec<String>)>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl SimCloud {
    /// Every recovery point of an environment in both regions.
    pub fn points_now(&self, environment: &str) -> Vec<Point> {
        let inner = self.lock();
        let Some(environment) = inner.environments.get(environment) else { return Vec::new() };
        points::all(&inner.aws, environment, &points::regions(environment), inner.time.now())
    }

    /// Every legal hold there ever was, in all regions.
    pub fn legal_holds(&self) -> Vec<SimHold> {
        let inner = self.lock();
        let now = inner.time.now();
        let holds = inner.aws.places().flat_map(|place| &place.holds);
        let hold = holds.map(|(id, hold)| SimHold {
            id: id.clone(),
            title: hold.title.clone(),
            resource_arn: hold.resource_arn.clone(),
            vault: hold.vault.clone(),
            status: hold.status(now).to_owned(),
        });
        hold.collect()
    }

    /// Every restored instance that exists, in all regions.
    pub fn instances(&self) -> Vec<SimInstance> {
        let inner = self.lock();
        let now = inner.time.now();
        let there = inner.aws.places().flat_map(|place| &place.instances).filter(|(_, i)| i.exists(now));
        let instance = there.map(|(name, instance)| SimInstance {
            name: name.clone(),
            snapshot: instance.snapshot.clone(),
            status: instance.status(now).to_owned(),
            subnet_group: instance.subnet_group.clone(),
            security_groups: instance.security_groups.clone(),
            operation: instance.operation.clone(),
        });
        instance.collect()
    }

    /// Every restored file system that exists, in all regions.
    pub fn restored_files(&self) -> Vec<SimFiles> {
        let inner = self.lock();
        let now = inner.time.now();
        let there = inner.aws.places().flat_map(|place| &place.restored_files).filter(|(_, f)| f.exists(now));
        let files = there.map(|(name, files)| SimFiles {
            name: name.clone(),
            id: files.id.clone(),
            recovery_point: files.recovery_point.clone(),
            status: files.status(now).to_owned(),
            address: files
                .address
                .as_ref()
                .filter(|a| a.exists(now))
                .map(|a| (a.subnet.clone(), a.security_groups.clone())),
            tags: files.tags.clone(),
        });
        files.collect()
    }

    /// Subnets of an environment's isolated network, sorted.
    pub fn isolated_subnets(&self, environment: &str) -> Vec<String> {
        let inner = self.lock();
        let group = inner.environments.get(environment).map(|e| e.isolated_subnet_group());
        group.map(|group| files::subnets(inner.aws.seed, group)).unwrap_or_default()
    }

    /// Everything a plan ever said, the newest last; empty when there is no such plan.
    pub fn plan_versions(&self, name: &str) -> Vec<PlanSpec> {
        let inner = self.lock();
        inner.aws.places().find_map(|place| place.plans.get(name)).map(|plan| plan.versions.clone()).unwrap_or_default()
    }

    /// Keys of everything in a bucket, sorted.
    pub fn objects(&self, environment: &str, side: Side, bucket: &str) -> Vec<String> {
        let inner = self.lock();
        let now = inner.time.now();
        let found = inner.place(environment, side).and_then(|place| place.buckets.get(bucket));
        let Some(bucket) = found else { return Vec::new() };
        let archives = bucket.objects.iter().filter(|(_, object)| object.course.done(now)).map(|(key, _)| key);
        let mut keys: Vec<String> = archives.chain(bucket.data.keys()).cloned().collect();
        keys.sort();
        keys
    }
}
