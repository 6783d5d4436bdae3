//! DB snapshots: made, copied between regions, described, deleted.

use serde_json::{Value, json};

use super::{
    super::super::{
        judge::Made,
        time::{Timeline, between},
        world::rds::Snapshot,
    },
    Context, Outcome, Refusal, Request, arn, identifier, no_instance, no_key, no_snapshot, paged, tag_list,
};
use crate::domain::moment::Moment;

/// RDS copies so many snapshots into one region at once; more wait at 0 percent.
const COPIES_AT_ONCE: usize = 20;
/// The longest identifier of a snapshot.
const LONGEST: usize = 255;

pub(super) fn create(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, instance) = (identifier(request, "DBSnapshotIdentifier", LONGEST)?, request.need("DBInstanceIdentifier")?);
    let instance = instance.to_lowercase();
    let now = cx.now;
    let place = cx.place(request);
    place.rds.sweep(&id, now);
    if place.rds.snapshots.contains_key(&id) {
        return Err(exists(&id));
    }
    let Some(found) = place.rds.instance(&instance, now) else { return Err(no_instance(&instance)) };
    if found.status(now) != "available" {
        let why = format!(
            "Cannot create a snapshot because the database instance {instance} is not currently in the available state."
        );
        return Err(Refusal::new("InvalidDBInstanceState", why));
    }
    if found.key.as_deref().is_some_and(|key| place.kms.usable(key).is_none()) {
        return Err(no_key(&instance));
    }
    let fate = cx.fate(request);
    let lasts = between(cx.world.seed, &format!("snapshot/{}/{}/{id}", request.account(), request.region), 360, 540);
    let fails = fate.fails.then(|| format!("the snapshot of {instance} ended as failed (internal error of RDS)"));
    let timeline = Timeline::new(now, now, fate.stretch(lasts), fails);
    let rds = &mut cx.place(request).rds;
    let Some(found) = rds.instances.get_mut(&instance) else { return Err(no_instance(&instance)) };
    found.backing_up = Some(timeline.ends);
    let snapshot = Snapshot::of(&instance, found, timeline, request.tags("Tags"));
    let shown = shown(request, &id, &snapshot, now);
    rds.snapshots.insert(id.clone(), snapshot);
    cx.changed(request, format!("snapshot {id}"), Made::Snapshot { name: id });
    Ok(json!({"DBSnapshot": shown}))
}

/// Called in the destination region.
pub(super) fn copy(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (source, id) =
        (request.need("SourceDBSnapshotIdentifier")?, identifier(request, "TargetDBSnapshotIdentifier", LONGEST)?);
    let now = cx.now;
    let rds = &mut cx.place(request).rds;
    rds.sweep(&id, now);
    if rds.snapshots.contains_key(&id) {
        return Err(exists(&id));
    }
    let (from, name) = source_of(request, source)?;
    cx.reach(&from)?;
    let original = cx.world.find(request.account(), &from).and_then(|place| place.rds.snapshot(&name, now)).cloned();
    let Some(original) = original else { return Err(no_snapshot(&name)) };
    if original.status(now) != "available" {
        let why =
            format!("Cannot copy the snapshot because the snapshot {name} is not currently in the available state.");
        return Err(Refusal::new("InvalidDBSnapshotState", why));
    }
    let key = match (request.text("KmsKeyId"), &original.key) {
        (Some(name), _) => {
            let found = cx.place(request).kms.usable(name).map(str::to_owned);
            Some(found.ok_or_else(|| no_key(name))?)
        }
        (None, Some(_)) if from != request.region => {
            let why = "You must specify a KmsKeyId to copy an encrypted snapshot to another region.";
            return Err(Refusal::new("InvalidParameterCombination", why));
        }
        (None, key) => key.clone(),
    };
    let fate = cx.fate(request);
    let lasts = between(cx.world.seed, &format!("copy/{}/{}/{id}", request.account(), request.region), 600, 900);
    let fails = fate.fails.then(|| format!("the copy {id} ended as failed (internal error of RDS)"));
    let rds = &mut cx.place(request).rds;
    let timeline = Timeline::new(now, rds.copies.turn(now, COPIES_AT_ONCE), fate.stretch(lasts), fails);
    rds.copies.take(timeline.ends);
    let mut tags = if request.flag("CopyTags") { original.tags.clone() } else { Default::default() };
    tags.extend(request.tags("Tags"));
    let full = format!("arn:aws:rds:{from}:{}:snapshot:{name}", request.account());
    let copy = original.copy(&full, timeline, key, tags);
    let shown = shown(request, &id, &copy, now);
    rds.snapshots.insert(id.clone(), copy);
    cx.changed(request, format!("snapshot {id}"), Made::Snapshot { name: id });
    Ok(json!({"DBSnapshot": shown}))
}

pub(super) fn delete(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("DBSnapshotIdentifier")?.to_lowercase();
    let now = cx.now;
    let Some(found) = cx.place(request).rds.snapshot(&id, now) else { return Err(no_snapshot(&id)) };
    if !["available", "failed"].contains(&found.status(now)) {
        let why = format!("Cannot delete the snapshot because it is in the {} state.", found.status(now));
        return Err(Refusal::new("InvalidDBSnapshotState", why));
    }
    let fate = cx.fate(request);
    let lasts = fate.stretch(between(cx.world.seed, &format!("delete/{}", arn(request, "snapshot", &id)), 10, 40));
    let Some(found) = cx.place(request).rds.snapshots.get_mut(&id) else { return Err(no_snapshot(&id)) };
    if found.sticks || fate.fails {
        found.sticks = false;
    } else {
        found.deleting = Some(Timeline::new(now, now, lasts, None));
    }
    let found = found.clone();
    cx.changed(request, format!("deletion of snapshot {id}"), Made::SnapshotGone { name: id.clone() });
    Ok(json!({"DBSnapshot": shown(request, &id, &found, now)}))
}

pub(super) fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let now = cx.now;
    let rds = &cx.place(request).rds;
    let one = request.text("DBSnapshotIdentifier").map(str::to_lowercase);
    let named: Option<Vec<String>> =
        request.filter("db-snapshot-id").map(|ids| ids.into_iter().map(str::to_lowercase).collect());
    let kinds = request.filter("snapshot-type");
    let manual = request.text("SnapshotType").is_none_or(|kind| kind == "manual")
        && kinds.is_none_or(|kinds| kinds.contains(&"manual"));
    let mut of: Option<Vec<String>> =
        request.filter("db-instance-id").map(|ids| ids.into_iter().map(str::to_lowercase).collect());
    if let Some(instance) = request.text("DBInstanceIdentifier") {
        of.get_or_insert_default().push(instance.to_lowercase());
    }
    let fits = |snapshot: &Snapshot| {
        manual && !snapshot.is_gone(now) && of.as_ref().is_none_or(|ids| ids.contains(&snapshot.instance))
    };
    // Names lead there directly; whole regions are only walked where nobody names any.
    let found: Vec<Value> = match one.clone().map(|id| vec![id]).or(named) {
        Some(mut ids) => {
            ids.sort();
            let there = ids.iter().filter_map(|id| Some((id, rds.snapshots.get(id)?)));
            there.filter(|(_, s)| fits(s)).map(|(id, s)| shown(request, id, s, now)).collect()
        }
        None => rds.snapshots.iter().filter(|(_, s)| fits(s)).map(|(id, s)| shown(request, id, s, now)).collect(),
    };
    match one {
        Some(id) if found.is_empty() => Err(no_snapshot(&id)),
        _ => Ok(paged(request, "DBSnapshots", found)),
    }
}

fn shown(request: &Request, id: &str, snapshot: &Snapshot, now: Moment) -> Value {
    let from = snapshot.copied_from.as_deref();
    let region = from.and_then(|arn| arn.split(':').nth(3));
    json!({
        "DBSnapshotIdentifier": id,
        "DBSnapshotArn": arn(request, "snapshot", id),
        "DBInstanceIdentifier": snapshot.instance,
        "Engine": snapshot.engine,
        "EngineVersion": snapshot.version,
        "AllocatedStorage": snapshot.size_gib,
        "Status": snapshot.status(now),
        "PercentProgress": snapshot.timeline.percent(now),
        "SnapshotType": "manual",
        "SnapshotTarget": "region",
        "StorageType": "gp3",
        "Encrypted": snapshot.key.is_some(),
        "KmsKeyId": snapshot.key,
        "SnapshotCreateTime": request.time(snapshot.timeline.begins),
        "OriginalSnapshotCreateTime": request.time(snapshot.original),
        "SnapshotDatabaseTime": request.time(snapshot.data.until.unwrap_or(snapshot.original)),
        "SourceDBSnapshotIdentifier": from,
        "SourceRegion": region,
        "TagList": tag_list(&snapshot.tags),
    })
}

/// Region and name of what is to be copied: an ARN, or a name of the region that is called.
fn source_of(request: &Request, source: &str) -> Result<(String, String), Refusal> {
    let parts: Vec<&str> = source.split(':').collect();
    match parts[..] {
        [name] => Ok((request.region.clone(), name.to_lowercase())),
        ["arn", _, "rds", region, account, "snapshot", name] if account == request.account() => {
            Ok((region.to_owned(), name.to_lowercase()))
        }
        ["arn", _, "rds", _, _, "snapshot", name] => Err(no_snapshot(name)),
        _ => Err(Refusal::new("InvalidParameterValue", format!("Invalid snapshot identifier:  {source}"))),
    }
}

fn exists(id: &str) -> Refusal {
    let why = format!("Cannot create the snapshot because a snapshot with the identifier {id} already exists.");
    Refusal::new("DBSnapshotAlreadyExists", why)
}
