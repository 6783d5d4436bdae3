//! RDS: instances, snapshots, automated backups, subnet groups, tags. Names are kept in lower case, and are the only tokens RDS
//! has.

mod events;
mod instances;
mod restores;
mod snapshots;
mod tags;

use serde_json::{Value, json};

use super::{
    super::{
        judge::Made,
        world::{Region, Tags},
    },
    Context, Outcome, Refusal, Request, page,
};
use crate::domain::moment::Moment;

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "AddTagsToResource" => tags::add(cx, request),
        "CopyDBSnapshot" => snapshots::copy(cx, request),
        "CreateDBInstance" => restores::create(cx, request),
        "CreateDBInstanceReadReplica" => restores::replica(cx, request),
        "CreateDBSnapshot" => snapshots::create(cx, request),
        "DeleteDBInstance" => instances::delete(cx, request),
        "DeleteDBSnapshot" => snapshots::delete(cx, request),
        "DescribeAccountAttributes" => account_attributes(cx, request),
        "DescribeDBInstanceAutomatedBackups" => instances::automated_backups(cx, request),
        "DescribeDBInstances" => instances::describe(cx, request),
        "DescribeDBSnapshots" => snapshots::describe(cx, request),
        "DescribeEvents" => events::describe(cx, request),
        "DescribeDBSubnetGroups" => subnet_groups(cx, request),
        "PromoteReadReplica" => instances::promote(cx, request),
        "ListTagsForResource" => tags::list(cx, request),
        "ModifyDBInstance" => instances::modify(cx, request),
        "RemoveTagsFromResource" => tags::remove(cx, request),
        "RestoreDBInstanceFromDBSnapshot" => restores::from_snapshot(cx, request),
        "RestoreDBInstanceToPointInTime" => restores::to_moment(cx, request),
        _ => Err(super::unknown(request)),
    }
}

/// Whether what the judge was told still stands.
pub(in super::super) fn stands(place: &Region, made: &Made, now: Moment) -> bool {
    let rds = &place.rds;
    match made {
        Made::Snapshot { name } => rds.snapshot(name, now).is_some_and(|s| !s.timeline.failed(now)),
        Made::Instance { name } => {
            rds.instance(name, now).is_some_and(|i| i.deleting.is_none() && !i.creating.failed(now))
        }
        Made::Promoted { name, .. } => {
            rds.instance(name, now).is_some_and(|i| i.promoting.as_ref().is_some_and(|p| !p.failed(now)))
        }
        Made::SnapshotGone { name } => rds.snapshot(name, now).is_none_or(|s| s.deleting.is_some()),
        Made::InstanceGone { name } => rds.instance(name, now).is_none_or(|i| i.deleting.is_some()),
        Made::AutomatedBackups { instance, days, window } => rds.instance(instance, now).is_some_and(|i| {
            let days_are = i.pending_days(now).unwrap_or_else(|| i.automated_days(now)) == *days;
            days_are && window.as_ref().is_none_or(|w| *w == i.window)
        }),
        Made::RdsTag { arn, key, value } => {
            tags::of(place, arn, now).is_some_and(|tags| tags.get(key) == value.as_ref())
        }
        _ => false,
    }
}

/// Quotas, as far as anything here counts against them.
fn account_attributes(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let now = cx.now;
    let rds = &cx.place(request).rds;
    let there: Vec<_> = rds.instances.keys().filter_map(|id| rds.instance(id, now)).collect();
    let stored: u64 = there.iter().map(|instance| u64::from(instance.size_gib)).sum();
    let most = rds.most_instances.unwrap_or(40);
    let quota = |name: &str, used: u64, most: u64| json!({"AccountQuotaName": name, "Used": used, "Max": most});
    Ok(json!({"AccountQuotas": [
        quota("DBInstances", there.len() as u64, u64::from(most)),
        quota("AllocatedStorage", stored, 100_000),
        quota("ManualSnapshots", rds.snapshots.len() as u64, 100),
    ]}))
}

fn subnet_groups(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (account, region) = (request.account().to_owned(), request.region.clone());
    let groups = &cx.place(request).rds.subnet_groups;
    let wanted = request.text("DBSubnetGroupName");
    if let Some(name) = wanted.filter(|name| !groups.contains_key(*name)) {
        return Err(no_subnet_group(name));
    }
    let shown: Vec<Value> = groups
        .iter()
        .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name))
        .map(|(name, subnets)| {
            let mut group = subnet_group(&region, name, subnets);
            group["DBSubnetGroupArn"] = json!(format!("arn:aws:rds:{region}:{account}:subgrp:{name}"));
            group
        })
        .collect();
    Ok(paged(request, "DBSubnetGroups", shown))
}

fn subnet_group(region: &str, name: &str, subnets: &[String]) -> Value {
    let zones = ["a", "b", "c"].into_iter().cycle();
    let subnets = subnets.iter().zip(zones).map(|(id, zone)| {
        let zone = format!("{region}{zone}");
        json!({"SubnetIdentifier": id, "SubnetStatus": "Active", "SubnetAvailabilityZone": {"Name": zone}})
    });
    json!({
        "DBSubnetGroupName": name,
        "DBSubnetGroupDescription": name,
        "SubnetGroupStatus": "Complete",
        "VpcId": "vpc-0bb500000000000001",
        "Subnets": subnets.collect::<Vec<_>>(),
    })
}

fn no_subnet_group(name: &str) -> Refusal {
    Refusal::with_status(404, "DBSubnetGroupNotFoundFault", format!("DB subnet group '{name}' not found."))
}

fn no_key(name: &str) -> Refusal {
    let why = format!(
        "The specified KMS key [{name}] does not exist, is not enabled or you do not have permissions to access it."
    );
    Refusal::new("KMSKeyNotAccessibleFault", why)
}

/// A page of a list of this name, as RDS's descriptions have them.
fn paged(request: &Request, name: &str, items: Vec<Value>) -> Value {
    let most = request.number("MaxRecords").and_then(|n| usize::try_from(n).ok()).unwrap_or(100).clamp(1, 100);
    let (items, marker) = page(items, request.text("Marker"), most);
    json!({name: items, "Marker": marker})
}

/// Tags as RDS shows them.
fn tag_list(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// An identifier as RDS keeps it.
///
/// # Errors
/// As RDS refuses one that cannot be: 1 to so many letters, digits and single hyphens, beginning with a letter.
fn identifier(request: &Request, name: &str, longest: usize) -> Result<String, Refusal> {
    let id = request.need(name)?.to_lowercase();
    let letters = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let begins = id.starts_with(|c: char| c.is_ascii_lowercase());
    if letters && begins && !id.ends_with('-') && !id.contains("--") && id.len() <= longest {
        return Ok(id);
    }
    let why = format!(
        "The parameter {name} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
    );
    Err(Refusal::new("InvalidParameterValue", why))
}

fn arn(request: &Request, kind: &str, id: &str) -> String {
    format!("arn:aws:rds:{}:{}:{kind}:{id}", request.region, request.account())
}

/// There is no instance of that name.
fn no_instance(id: &str) -> Refusal {
    Refusal::with_status(404, "DBInstanceNotFound", format!("DBInstance {id} not found."))
}

/// There is no snapshot of that name.
fn no_snapshot(id: &str) -> Refusal {
    Refusal::with_status(404, "DBSnapshotNotFound", format!("DBSnapshot {id} not found."))
}
