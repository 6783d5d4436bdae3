//! DB instances: changed, described, deleted; and their automated backups.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::super::{
        judge::Made,
        time::{Timeline, between, hex_for},
        world::rds::{Event, Instance, Modification},
    },
    Context, Outcome, Refusal, Request, arn, no_instance, paged, subnet_group, tag_list,
};
use crate::domain::moment::Moment;

pub(super) const DAY: Duration = Duration::from_secs(86_400);
/// The most days automated backups are kept.
const MOST_DAYS: i64 = 35;

pub(super) fn modify(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("DBInstanceIdentifier")?.to_lowercase();
    let now = cx.now;
    let Some(found) = cx.place(request).rds.instance(&id, now) else { return Err(no_instance(&id)) };
    if found.status(now) != "available" {
        return Err(state(&id, "modified", found.status(now)));
    }
    if let Some(name) = request.text("NewDBInstanceIdentifier").map(str::to_lowercase) {
        return rename(cx, request, &id, name);
    }
    let days = match request.number("BackupRetentionPeriod") {
        Some(days) if !(0..=MOST_DAYS).contains(&days) => {
            let why =
                format!("Invalid backup retention period: {days}. Backup retention period must be between 0 and 35.");
            return Err(Refusal::new("InvalidParameterValue", why));
        }
        days => days.and_then(|days| u32::try_from(days).ok()),
    };
    let window = request.text("PreferredBackupWindow").map(str::to_owned);
    let (had, window_was) = (found.automated_days(now), found.window.clone());
    let changes = days.is_some_and(|days| days != had);
    let fate = if changes { cx.fate(request) } else { Default::default() };
    let what = format!("modify/{}/{}/{id}/{}", request.account(), request.region, days.unwrap_or(had));
    let lasts = fate.stretch(between(cx.world.seed, &what, 30, 90));
    let fails = fate.fails.then(|| format!("RDS could not change the automated backups of {id}"));
    let Some(found) = cx.place(request).rds.instances.get_mut(&id) else { return Err(no_instance(&id)) };
    found.automated_days = had;
    found.modifying = changes.then(|| Modification {
        timeline: Timeline::new(now, now, lasts, fails),
        automated_days: days,
        renames: false,
    });
    if let Some(window) = &window {
        found.window.clone_from(window);
    }
    if request.input.get("DeletionProtection").is_some() {
        found.protected = request.flag("DeletionProtection");
    }
    let found = found.clone();
    if let Some(days) = days.filter(|days| (*days == 0) != (had == 0)) {
        cx.place(request).rds.events.push(Event::backups(&id, now, days > 0));
    }
    if changes || window.as_ref().is_some_and(|w| *w != window_was) {
        let made = Made::AutomatedBackups { instance: id.clone(), days: days.unwrap_or(had), window };
        cx.changed(request, format!("automated backups of {id}"), made);
    }
    let shown = shown(cx, request, &id, &found, now);
    Ok(json!({"DBInstance": shown}))
}

/// RDS answers under the new name from then on; for a while nobody gets in.
fn rename(cx: &mut Context<'_>, request: &Request, id: &str, name: String) -> Outcome {
    let now = cx.now;
    cx.place(request).rds.sweep(&name, now);
    if cx.place(request).rds.instances.contains_key(&name) {
        return Err(Refusal::new("DBInstanceAlreadyExists", "DB instance already exists"));
    }
    if !request.flag("ApplyImmediately") {
        return Err(Refusal::new(
            "InvalidParameterCombination",
            "A rename is not put off until the maintenance window here.",
        ));
    }
    let (fate, seed) = (cx.fate(request), cx.world.seed);
    let what = format!("rename/{}/{}/{id}/{name}", request.account(), request.region);
    let lasts = fate.stretch(between(seed, &what, 40, 110));
    let Some(mut found) = cx.place(request).rds.instances.remove(id) else { return Err(no_instance(id)) };
    let resource = found.resource(seed, id);
    found.automated_days = found.automated_days(now);
    found.resource = Some(resource.clone());
    let timeline = Timeline::new(now, now, lasts, None);
    found.modifying = Some(Modification { timeline, automated_days: None, renames: true });
    cx.place(request).rds.instances.insert(name.clone(), found.clone());
    cx.changed(request, format!("name of {resource}"), Made::Renamed { resource, name: name.clone() });
    let shown = shown(cx, request, &name, &found, now);
    Ok(json!({"DBInstance": shown}))
}

/// A read replica becomes an instance of its own, which nothing makes a replica again.
pub(super) fn promote(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("DBInstanceIdentifier")?.to_lowercase();
    let now = cx.now;
    let Some(found) = cx.place(request).rds.instance(&id, now) else { return Err(no_instance(&id)) };
    if found.source(now).is_none() {
        return Err(Refusal::new("InvalidDBInstanceState", format!("DB Instance {id} is not a read replica.")));
    }
    if found.status(now) != "available" {
        return Err(state(&id, "promoted", found.status(now)));
    }
    let days = request.number("BackupRetentionPeriod").and_then(|days| u32::try_from(days).ok()).unwrap_or(1);
    let (fate, change) = (cx.fate(request), cx.world.next_id("promotion"));
    let what = format!("promote/{}/{}/{id}", request.account(), request.region);
    let lasts = fate.stretch(between(cx.world.seed, &what, 90, 240));
    let fails = fate.fails.then(|| format!("the promotion of {id} failed (internal error of RDS)"));
    let Some(found) = cx.place(request).rds.instances.get_mut(&id) else { return Err(no_instance(&id)) };
    found.promoting = Some(Timeline::new(now, now, lasts, fails));
    found.automated_days = days;
    let found = found.clone();
    cx.changed(request, format!("promotion of {id}"), Made::Promoted { name: id.clone(), change });
    let shown = shown(cx, request, &id, &found, now);
    Ok(json!({"DBInstance": shown}))
}

pub(super) fn delete(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("DBInstanceIdentifier")?.to_lowercase();
    let now = cx.now;
    let Some(found) = cx.place(request).rds.instance(&id, now) else { return Err(no_instance(&id)) };
    if found.protected {
        let why = "Cannot delete protected DB Instance, please disable deletion protection and try again.";
        return Err(Refusal::new("InvalidParameterCombination", why));
    }
    if !request.flag("SkipFinalSnapshot") && request.text("FinalDBSnapshotIdentifier").is_none() {
        let why = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.";
        return Err(Refusal::new("InvalidParameterCombination", why));
    }
    if found.deleting.is_some() {
        let why = format!("Instance {id} is already being deleted.");
        return Err(Refusal::new("InvalidDBInstanceState", why));
    }
    let fate = cx.fate(request);
    let what = format!("remove/{}/{}/{id}", request.account(), request.region);
    let lasts = fate.stretch(between(cx.world.seed, &what, 150, 360));
    let Some(found) = cx.place(request).rds.instances.get_mut(&id) else { return Err(no_instance(&id)) };
    found.deleting = Some(Timeline::new(now, now, lasts, None));
    let found = found.clone();
    cx.changed(request, format!("deletion of instance {id}"), Made::InstanceGone { name: id.clone() });
    let shown = shown(cx, request, &id, &found, now);
    Ok(json!({"DBInstance": shown}))
}

pub(super) fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let now = cx.now;
    let one = request.text("DBInstanceIdentifier").map(str::to_lowercase);
    let named = request.filter("db-instance-id").map(|ids| ids.into_iter().map(str::to_lowercase).collect::<Vec<_>>());
    let seed = cx.world.seed;
    let resources = request.filter("dbi-resource-id");
    let rds = &cx.place(request).rds;
    let ids: Vec<String> = match one.clone().map(|id| vec![id]).or(named) {
        Some(mut ids) => {
            ids.sort();
            ids
        }
        None => rds.instances.keys().cloned().collect(),
    };
    let there: Vec<(String, Instance)> =
        ids.into_iter().filter_map(|id| Some((id.clone(), rds.instance(&id, now)?.clone()))).collect();
    let meant = |id: &str, instance: &Instance| {
        resources.as_ref().is_none_or(|wanted| wanted.contains(&instance.resource(seed, id).as_str()))
    };
    let there: Vec<(String, Instance)> = there.into_iter().filter(|(id, instance)| meant(id, instance)).collect();
    match one {
        Some(id) if there.is_empty() => Err(no_instance(&id)),
        _ => {
            let shown = there.iter().map(|(id, instance)| shown(cx, request, id, instance, now)).collect();
            Ok(paged(request, "DBInstances", shown))
        }
    }
}

/// The id of the automated backups of an instance, by its ARN.
pub(super) fn automated_id(arn: &str) -> String {
    format!("ab-{}", hex_for(0, arn, 26))
}

/// Of instances of this region, and those that were replicated here.
pub(super) fn automated_backups(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let now = cx.now;
    let (account, region) = (request.account().to_owned(), request.region.clone());
    let named = request.filter("db-instance-id");
    let wanted = |id: &str| named.as_ref().is_none_or(|ids| ids.contains(&id));
    let rds = &cx.place(request).rds;
    let own = rds.instances.keys().filter(|id| wanted(id)).filter_map(|id| {
        let instance = rds.instance(id, now)?;
        let (oldest, latest) = (instance.oldest(now), instance.restorable(now)?);
        Some((id.clone(), format!("arn:aws:rds:{region}:{account}:db:{id}"), region.clone(), (oldest, latest)))
    });
    let replicated = rds.replicated.iter().filter_map(|(arn, copy)| {
        let mut parts = arn.split(':');
        let (from, id) = (parts.nth(3)?, parts.nth(2)?);
        let latest = now - Duration::from_secs(copy.behind);
        wanted(id).then(|| (id.to_owned(), arn.clone(), from.to_owned(), (latest - DAY, latest)))
    });
    let shown = own.chain(replicated).map(|(id, arn, from, (earliest, latest))| {
        let backup = format!("arn:aws:rds:{region}:{account}:auto-backup:{}", automated_id(&arn));
        json!({
            "DBInstanceIdentifier": id,
            "DBInstanceArn": arn,
            "DBInstanceAutomatedBackupsArn": backup,
            "Region": from,
            "Status": if from == region { "active" } else { "replicating" },
            "RestoreWindow": {"EarliestTime": request.time(earliest), "LatestTime": request.time(latest)},
        })
    });
    let shown = shown.collect();
    Ok(paged(request, "DBInstanceAutomatedBackups", shown))
}

pub(super) fn shown(cx: &mut Context<'_>, request: &Request, id: &str, instance: &Instance, now: Moment) -> Value {
    let seed = cx.world.seed;
    let region = request.region.as_str();
    let group = &instance.subnet_group;
    let subnets = cx.place(request).rds.subnet_groups.get(group).cloned().unwrap_or_default();
    let groups = instance.security_groups.iter().map(|id| json!({"VpcSecurityGroupId": id, "Status": "active"}));
    let endpoint = instance.creating.done(now).then(|| {
        json!({"Address": Instance::address(seed, id, region), "Port": instance.port(), "HostedZoneId": "ZBB00000000001"})
    });
    // A restored instance answers before all of its data has arrived.
    let storage = instance.initializing.as_ref().filter(|t| instance.creating.done(now) && t.open(now));
    json!({
        "DBInstanceIdentifier": id,
        "DBInstanceArn": arn(request, "db", id),
        "DbiResourceId": instance.resource(seed, id),
        "DBInstanceClass": "db.r6g.large",
        "DBInstanceStatus": instance.status(now),
        "Engine": instance.engine,
        "EngineVersion": instance.version,
        "MasterUsername": "admin",
        "AllocatedStorage": instance.size_gib,
        "StorageType": "gp3",
        "StorageEncrypted": instance.key.is_some(),
        "KmsKeyId": instance.key,
        "MultiAZ": instance.multi_az,
        "ReadReplicaSourceDBInstanceIdentifier": instance.source(now),
        "AvailabilityZone": format!("{region}a"),
        "PubliclyAccessible": false,
        "DeletionProtection": instance.protected,
        "InstanceCreateTime": request.time(instance.creating.ends),
        "Endpoint": endpoint,
        "BackupRetentionPeriod": instance.automated_days(now),
        "PreferredBackupWindow": instance.window,
        "PreferredMaintenanceWindow": "sun:23:00-sun:23:30",
        "LatestRestorableTime": instance.restorable(now).map(|at| request.time(at)),
        "PendingModifiedValues": {"BackupRetentionPeriod": instance.pending_days(now)},
        "DBSubnetGroup": subnet_group(region, group, &subnets),
        "VpcSecurityGroups": groups.collect::<Vec<_>>(),
        "DBParameterGroups": [{
            "DBParameterGroupName": format!("default.{}", instance.engine),
            "ParameterApplyStatus": "in-sync",
        }],
        "OptionGroupMemberships": [{
            "OptionGroupName": format!("default:{}", instance.engine),
            "Status": "in-sync",
        }],
        "TagList": tag_list(&instance.tags),
        "StorageOperationStatus": storage.map(|_| "Initializing"),
        "StorageOperationPercentProgress": storage.map(|t| t.percent(now)),
    })
}

pub(super) fn state(id: &str, what: &str, is: &str) -> Refusal {
    let why = format!("Database instance {id} cannot be {what} because it is in the {is} state.");
    Refusal::new("InvalidDBInstanceState", why)
}
