//! New DB instances: empty, out of a snapshot, out of the past of another instance, and replicas of one.

use serde_json::json;

use super::{
    super::super::{
        judge::Made,
        time::{Timeline, between, hex_for},
        world::{
            kms::RDS_KEY,
            rds::{Data, Instance},
        },
    },
    Context, Outcome, Refusal, Request, identifier, instances, no_instance, no_key, no_snapshot, no_subnet_group,
};
use crate::domain::moment::Moment;

/// The longest identifier of an instance.
const LONGEST: usize = 63;

/// What an instance is made of.
struct Origin {
    engine: String,
    version: String,
    size_gib: u32,
    key: Option<String>,
    data: Data,
    /// ARN of the instance that it follows.
    replica_of: Option<String>,
}

/// What an instance gets whose maker names no version.
fn usual_version(engine: &str) -> &'static str {
    match engine {
        "mysql" => "8.0.40",
        "mariadb" => "10.11.9",
        _ => "16.6",
    }
}

/// A new one with nothing in it.
pub(super) fn create(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = identifier(request, "DBInstanceIdentifier", LONGEST)?;
    let now = cx.now;
    free(cx, request, &id)?;
    for name in ["DBInstanceClass", "MasterUsername", "MasterUserPassword"] {
        request.need(name)?;
    }
    let usual = || cx.place(request).kms.arn(RDS_KEY).map(str::to_owned);
    let key = match request.flag("StorageEncrypted") {
        true => request.text("KmsKeyId").map(str::to_owned).or_else(usual),
        false => None,
    };
    let size = request.number("AllocatedStorage").and_then(|gib| u32::try_from(gib).ok()).filter(|gib| *gib >= 20);
    let why = "Invalid storage size for engine name and storage type";
    let engine = request.need("Engine")?.to_owned();
    let origin = Origin {
        version: request.text("EngineVersion").unwrap_or_else(|| usual_version(&engine)).to_owned(),
        engine,
        size_gib: size.ok_or_else(|| Refusal::new("InvalidParameterValue", why))?,
        key,
        data: Data::none(now),
        replica_of: None,
    };
    made(cx, request, id, origin)
}

pub(super) fn from_snapshot(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = identifier(request, "DBInstanceIdentifier", LONGEST)?;
    let name = request.need("DBSnapshotIdentifier")?.to_lowercase();
    let now = cx.now;
    free(cx, request, &id)?;
    let name = name.split_once(":snapshot:").map_or(name.as_str(), |(_, name)| name).to_owned();
    let place = cx.place(request);
    let Some(snapshot) = place.rds.snapshot(&name, now).cloned() else { return Err(no_snapshot(&name)) };
    if snapshot.status(now) != "available" {
        let why = format!("Cannot restore from snapshot {name} because it is not in the available state.");
        return Err(Refusal::new("InvalidDBSnapshotState", why));
    }
    let origin = Origin {
        engine: snapshot.engine,
        version: snapshot.version,
        size_gib: snapshot.size_gib,
        key: snapshot.key,
        data: snapshot.data,
        replica_of: None,
    };
    made(cx, request, id, origin)
}

pub(super) fn to_moment(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = identifier(request, "TargetDBInstanceIdentifier", LONGEST)?;
    free(cx, request, &id)?;
    let (latest, wanted) = (request.flag("UseLatestRestorableTime"), request.moment("RestoreTime"));
    if latest == wanted.is_some() {
        let why = "Either RestoreTime or UseLatestRestorableTime must be specified, and not both.";
        return Err(Refusal::new("InvalidParameterCombination", why));
    }
    let (origin, oldest, newest) = match request.text("SourceDBInstanceAutomatedBackupsArn") {
        Some(arn) => replicated(cx, request, arn)?,
        None => own(cx, request)?,
    };
    let at = wanted.unwrap_or(newest);
    if at < oldest || at > newest {
        let why = "The specified instance cannot be restored to a time earlier than its earliest or later than its latest restorable time.";
        return Err(Refusal::new("InvalidRestoreFault", why));
    }
    let origin = Origin { data: origin.data.frozen(at), ..origin };
    made(cx, request, id, origin)
}

/// The past of an instance that lives here.
fn own(cx: &mut Context<'_>, request: &Request) -> Result<(Origin, Moment, Moment), Refusal> {
    let (source, now) = (request.need("SourceDBInstanceIdentifier")?.to_lowercase(), cx.now);
    let Some(source) = cx.place(request).rds.instance(&source, now) else { return Err(no_instance(&source)) };
    let Some(newest) = source.restorable(now) else {
        let why = "Point in time restore is not enabled for this instance.";
        return Err(Refusal::new("PointInTimeRestoreNotEnabled", why));
    };
    Ok((origin_of(source), source.oldest(now), newest))
}

/// The past of an instance of another region that was replicated here.
fn replicated(cx: &mut Context<'_>, request: &Request, arn: &str) -> Result<(Origin, Moment, Moment), Refusal> {
    let now = cx.now;
    let copies = cx.place(request).rds.replicated.clone();
    let wanted = |source: &&String| arn.ends_with(&format!(":{}", instances::automated_id(source)));
    let missing = || {
        let why = format!("The automated backup {arn} was not found.");
        Refusal::with_status(404, "DBInstanceAutomatedBackupNotFound", why)
    };
    let source = copies.keys().find(wanted).cloned().ok_or_else(missing)?;
    let mut parts = source.split(':');
    let (Some(region), Some(id)) = (parts.nth(3).map(str::to_owned), parts.nth(2)) else { return Err(missing()) };
    let newest = now - std::time::Duration::from_secs(copies[&source].behind);
    let (account, id) = (request.account().to_owned(), id.to_owned());
    let live = cx.world.find(&account, &region).and_then(|place| place.rds.instance(&id, now)).ok_or_else(missing)?;
    let mut origin = origin_of(live);
    // What was replicated is encrypted under a key of the region it was replicated to.
    origin.key = cx.place(request).kms.arn(RDS_KEY).map(str::to_owned);
    Ok((origin, newest - instances::DAY, newest))
}

fn origin_of(source: &Instance) -> Origin {
    Origin {
        engine: source.engine.clone(),
        version: source.version.clone(),
        size_gib: source.size_gib,
        key: source.key.clone(),
        data: Data { lacks_rows: source.data.lacks_rows || source.restores_badly, ..source.data.clone() },
        replica_of: None,
    }
}

/// A read replica of an instance, which is named by its ARN where it is in another region.
pub(super) fn replica(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = identifier(request, "DBInstanceIdentifier", LONGEST)?;
    let now = cx.now;
    free(cx, request, &id)?;
    let named = request.need("SourceDBInstanceIdentifier")?;
    let (region, source) = match named.split_once(":db:") {
        Some((front, id)) => (front.split(':').nth(3).unwrap_or_default().to_owned(), id.to_lowercase()),
        None => (request.region.clone(), named.to_lowercase()),
    };
    let account = request.account().to_owned();
    let there = cx.world.find(&account, &region).and_then(|place| place.rds.instance(&source, now));
    let Some(live) = there.cloned() else { return Err(no_instance(&source)) };
    if live.status(now) != "available" {
        return Err(instances::state(&source, "replicated", live.status(now)));
    }
    if live.automated_days(now) == 0 {
        let why = "Automated backups are not enabled for this database instance. To enable automated backups, use ModifyDBInstance to set the backup retention period to a non-zero value.";
        return Err(Refusal::new("InvalidDBInstanceState", why));
    }
    let mut origin = origin_of(&live);
    origin.replica_of = Some(format!("arn:aws:rds:{region}:{account}:db:{source}"));
    if region != request.region && origin.key.is_some() {
        let Some(key) = request.text("KmsKeyId") else {
            let why = "Cannot create a cross region encrypted read replica without a KmsKeyId of its region.";
            return Err(Refusal::new("KMSKeyNotAccessibleFault", why));
        };
        let arn = cx.place(request).kms.arn(key).map(str::to_owned);
        origin.key = Some(arn.ok_or_else(|| no_key(key))?);
    }
    made(cx, request, id, origin)
}

/// Whether the name is free.
fn free(cx: &mut Context<'_>, request: &Request, id: &str) -> Result<(), Refusal> {
    let now = cx.now;
    let place = cx.place(request);
    place.rds.sweep(id, now);
    match place.rds.instances.contains_key(id) {
        true => Err(Refusal::new("DBInstanceAlreadyExists", "DB instance already exists")),
        false => Ok(()),
    }
}

fn made(cx: &mut Context<'_>, request: &Request, id: String, origin: Origin) -> Outcome {
    let now = cx.now;
    let place = cx.place(request);
    if let Some(key) = origin.key.as_deref().filter(|key| place.kms.usable(key).is_none()) {
        return Err(no_key(key));
    }
    let group = request.text("DBSubnetGroupName").unwrap_or("default");
    if !place.rds.subnet_groups.contains_key(group) {
        return Err(no_subnet_group(group));
    }
    let mut groups: Vec<String> = request.texts("VpcSecurityGroupIds").into_iter().map(str::to_owned).collect();
    if groups.is_empty() {
        groups.push("sg-0de000000000000001".to_owned());
    }
    let fate = cx.fate(request);
    let seed = cx.world.seed;
    let what = format!("restore/{}/{}/{id}", request.account(), request.region);
    let lasts = fate.stretch(between(seed, &what, 420, 780));
    let fails = fate.fails.then(|| format!("the restore of {id} ended as failed (internal error of RDS)"));
    let creating = Timeline::new(now, now, lasts, fails);
    let initializing = Timeline::new(now, creating.ends, between(seed, &format!("{what}/storage"), 20, 90), None);
    // It may get a name that another instance had before it, whose id stays with that one.
    let resource = |of: &String| format!("db-{}", hex_for(seed, &format!("{of}/{id}/{}", now.0), 26).to_uppercase());
    let days = if origin.replica_of.is_some() { Some(0) } else { request.number("BackupRetentionPeriod") };
    let instance = Instance {
        engine: origin.engine,
        version: origin.version,
        size_gib: origin.size_gib,
        key: origin.key,
        multi_az: request.flag("MultiAZ"),
        status: "available".to_owned(),
        // Unlike a new instance, a restored one keeps backups as its source did, unless it is told.
        automated_days: days.and_then(|d| u32::try_from(d).ok()).unwrap_or(1),
        window: request.text("PreferredBackupWindow").unwrap_or("22:00-22:30").to_owned(),
        subnet_group: group.to_owned(),
        security_groups: groups,
        protected: request.flag("DeletionProtection"),
        tags: request.tags("Tags"),
        creating,
        initializing: Some(initializing),
        backing_up: None,
        modifying: None,
        deleting: None,
        data: origin.data,
        restores_badly: false,
        resource: origin.replica_of.as_ref().map(resource),
        replica_of: origin.replica_of,
        promoting: None,
    };
    let shown = instances::shown(cx, request, &id, &instance, now);
    cx.place(request).rds.instances.insert(id.clone(), instance);
    cx.changed(request, format!("instance {id}"), Made::Instance { name: id });
    Ok(json!({"DBInstance": shown}))
}
