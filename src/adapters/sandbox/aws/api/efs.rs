//! EFS: file systems, mount targets, tags, replication.

use serde_json::{Value, json};

use super::{
    super::{
        judge::Made,
        time::{Timeline, between, hex_for},
        world::{
            Tags,
            efs::{FileSystem, MountTarget, Replication},
            kms::EFS_KEY,
        },
    },
    Context, Outcome, Refusal, Request, Route, paging,
};
use crate::domain::moment::Moment;

/// Most entries of a page.
const PAGE: usize = 100;

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/2015-02-01/file-systems", "CreateFileSystem"),
    ("GET", "/2015-02-01/file-systems", "DescribeFileSystems"),
    ("GET", "/2015-02-01/file-systems/replication-configurations", "DescribeReplicationConfigurations"),
    ("DELETE", "/2015-02-01/file-systems/{FileSystemId}", "DeleteFileSystem"),
    (
        "POST",
        "/2015-02-01/file-systems/{SourceFileSystemId}/replication-configuration",
        "CreateReplicationConfiguration",
    ),
    ("GET", "/2015-02-01/access-points", "DescribeAccessPoints"),
    ("POST", "/2015-02-01/mount-targets", "CreateMountTarget"),
    ("GET", "/2015-02-01/mount-targets", "DescribeMountTargets"),
    ("DELETE", "/2015-02-01/mount-targets/{MountTargetId}", "DeleteMountTarget"),
    ("POST", "/2015-02-01/resource-tags/{ResourceId}", "TagResource"),
    ("GET", "/2015-02-01/resource-tags/{ResourceId}", "ListTagsForResource"),
];

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "CreateFileSystem" => create(cx, request),
        "DescribeFileSystems" => describe(cx, request),
        "DeleteFileSystem" => delete(cx, request),
        "CreateReplicationConfiguration" => replicate(cx, request),
        "DescribeReplicationConfigurations" => replications(cx, request),
        "DescribeAccessPoints" => access_points(cx, request),
        "CreateMountTarget" => mount(cx, request),
        "DescribeMountTargets" => targets(cx, request),
        "DeleteMountTarget" => unmount(cx, request),
        "TagResource" => tag(cx, request),
        "ListTagsForResource" => tags(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn create(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (token, now) = (request.need("CreationToken")?, cx.now);
    let there = cx.place(request).efs.file_systems.iter().find(|(_, fs)| fs.token == token && fs.exists(now));
    if let Some((id, _)) = there {
        let why = format!("File system '{id}' already exists with creation token '{token}'");
        let mut refusal = refusal(409, "FileSystemAlreadyExists", why);
        refusal.fields = Some(Box::new(json!({ "FileSystemId": id })));
        return Err(refusal);
    }
    let fate = cx.fate(request);
    let id = format!("fs-{}", &cx.world.next_id("fs").replace('-', "")[..17]);
    let lasts = fate.stretch(between(cx.world.seed, &id, 2, 8));
    let encrypted = request.flag("Encrypted");
    let key = request.text("KmsKeyId").unwrap_or(EFS_KEY);
    let key = encrypted.then(|| cx.place(request).kms.arn(key).unwrap_or(key).to_owned());
    let file_system = FileSystem {
        token: token.to_owned(),
        course: Timeline::new(now, now, lasts, None),
        size: 6144,
        encrypted,
        key,
        performance_mode: request.text("PerformanceMode").unwrap_or("generalPurpose").to_owned(),
        tags: request.tags("Tags"),
        deleting: None,
        restored: None,
        folders: Default::default(),
        access_points: Default::default(),
    };
    let shown = shown(request, &id, &file_system, 0, now);
    cx.place(request).efs.file_systems.insert(id, file_system);
    Ok(shown)
}

fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let now = cx.now;
    let (id, token) = (request.text("FileSystemId").map(id_of), request.text("CreationToken"));
    let efs = &cx.place(request).efs;
    if let Some(id) = id {
        existing(efs.file_systems.get(id), id, now)?;
    }
    let most = most_of(request, "MaxItems");
    let wanted = |key: &str, fs: &FileSystem| {
        fs.exists(now) && id.is_none_or(|id| id == key) && token.is_none_or(|token| token == fs.token)
    };
    let show = |id: &str, fs: &FileSystem| shown(request, id, fs, efs.targets_of(id, now).count(), now);
    let (page, next) = paging::keyed(request, &efs.file_systems, request.text("Marker"), most, wanted, show)?;
    Ok(json!({ "FileSystems": page, "Marker": request.text("Marker"), "NextMarker": next }))
}

fn shown(request: &Request, id: &str, fs: &FileSystem, targets: usize, now: Moment) -> Value {
    json!({
        "OwnerId": request.account(),
        "CreationToken": fs.token,
        "FileSystemId": id,
        "FileSystemArn": arn(request, id),
        "CreationTime": request.time(fs.course.created),
        "LifeCycleState": fs.state(now),
        "Name": fs.tags.get("Name"),
        "NumberOfMountTargets": targets,
        "SizeInBytes": { "Value": fs.size, "Timestamp": request.time(now), "ValueInIA": 0, "ValueInStandard": fs.size },
        "PerformanceMode": fs.performance_mode,
        "Encrypted": fs.encrypted,
        "KmsKeyId": fs.key,
        "ThroughputMode": "bursting",
        "Tags": shown_tags(&fs.tags),
        "FileSystemProtection": { "ReplicationOverwriteProtection": "ENABLED" },
    })
}

fn access_points(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (of, now) = (request.text("FileSystemId").map(id_of), cx.now);
    let efs = &cx.place(request).efs;
    if let Some(of) = of {
        existing(efs.file_systems.get(of), of, now)?;
    }
    let there = efs.file_systems.iter().filter(|(id, fs)| fs.exists(now) && of.is_none_or(|of| of == *id));
    let all = there.flat_map(|(id, fs)| fs.access_points.iter().map(move |(point, path)| (point.clone(), (id, path))));
    let all = all.collect::<std::collections::BTreeMap<_, _>>();
    let show = |point: &str, (id, path): &(&String, &String)| {
        json!({
            "AccessPointId": point,
            "AccessPointArn": format!("arn:aws:elasticfilesystem:{}:{}:access-point/{point}", request.region, request.account()),
            "ClientToken": point,
            "FileSystemId": id,
            "OwnerId": request.account(),
            "LifeCycleState": "available",
            "PosixUser": { "Uid": 33, "Gid": 33 },
            "RootDirectory": { "Path": path },
            "Tags": [],
        })
    };
    let most = most_of(request, "MaxResults");
    let (page, next) = paging::keyed(request, &all, request.text("NextToken"), most, |_, _| true, show)?;
    Ok(json!({ "AccessPoints": page, "NextToken": next }))
}

fn delete(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (id_of(request.need("FileSystemId")?), cx.now);
    let efs = &cx.place(request).efs;
    let found = existing(efs.file_systems.get(id), id, now)?;
    if efs.targets_of(id, now).next().is_some() {
        return Err(refusal(409, "FileSystemInUse", "The file system has mount targets and cannot be deleted."));
    }
    match found.state(now) {
        "creating" => {
            let why = format!("File system {id} is creating.");
            return Err(refusal(409, "IncorrectFileSystemLifeCycleState", why));
        }
        "deleting" => return Ok(json!({})),
        _ => {}
    }
    let fate = cx.fate(request);
    let lasts = fate.stretch(between(cx.world.seed, &format!("remove/{id}"), 30, 90));
    let fails = fate.fails.then(|| "the file system could not be deleted".to_owned());
    if let Some(found) = cx.place(request).efs.file_systems.get_mut(id) {
        found.deleting = Some(Timeline::new(now, now, lasts, fails));
    }
    let what = arn(request, id);
    cx.changed(request, format!("end of {what}"), Made::Gone { what });
    Ok(json!({}))
}

fn mount(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, subnet, now) = (id_of(request.need("FileSystemId")?), request.need("SubnetId")?, cx.now);
    let efs = &cx.place(request).efs;
    let state = existing(efs.file_systems.get(id), id, now)?.state(now);
    if state != "available" {
        let why = format!("File system {id} is {state}.");
        return Err(refusal(409, "IncorrectFileSystemLifeCycleState", why));
    }
    if efs.targets_of(id, now).any(|(_, target)| target.subnet == subnet) {
        return Err(refusal(409, "MountTargetConflict", "mount target already exists in this AZ"));
    }
    if !subnet.strip_prefix("subnet-").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric())) {
        return Err(refusal(400, "SubnetNotFound", format!("The subnet ID '{subnet}' does not exist")));
    }
    let fate = cx.fate(request);
    let target = format!("fsmt-{}", &cx.world.next_id("fsmt").replace('-', "")[..17]);
    let lasts = fate.stretch(between(cx.world.seed, &format!("mount/{target}"), 60, 120));
    let fails = fate.fails.then(|| "the network interface could not be made".to_owned());
    let host = between(cx.world.seed, &format!("{subnet}/{id}"), 10, 250).as_secs();
    let made = MountTarget {
        file_system: id.to_owned(),
        subnet: subnet.to_owned(),
        security_groups: request.texts("SecurityGroups").into_iter().map(str::to_owned).collect(),
        address: format!("10.99.0.{host}"),
        course: Timeline::new(now, now, lasts, fails),
        deleting: None,
    };
    let shown = shown_target(request, &target, &made, now);
    cx.place(request).efs.targets.insert(target.clone(), made);
    cx.changed(request, format!("mount target of {id} in {subnet}"), Made::MountTarget { id: target });
    Ok(shown)
}

fn targets(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let now = cx.now;
    let (of, id) = (request.text("FileSystemId").map(id_of), request.text("MountTargetId"));
    let efs = &cx.place(request).efs;
    match (of, id) {
        (Some(of), _) => drop(existing(efs.file_systems.get(of), of, now)?),
        (None, Some(id)) if !efs.targets.get(id).is_some_and(|t| t.exists(now)) => return Err(no_target(id)),
        (None, Some(_)) => {}
        (None, None) => {
            return Err(request.invalid("One of FileSystemId, MountTargetId and AccessPointId must be given."));
        }
    }
    let wanted = |key: &str, target: &MountTarget| {
        target.exists(now) && of.is_none_or(|of| of == target.file_system) && id.is_none_or(|id| id == key)
    };
    let show = |id: &str, target: &MountTarget| shown_target(request, id, target, now);
    let most = most_of(request, "MaxItems");
    let (page, next) = paging::keyed(request, &efs.targets, request.text("Marker"), most, wanted, show)?;
    Ok(json!({ "MountTargets": page, "Marker": request.text("Marker"), "NextMarker": next }))
}

fn shown_target(request: &Request, id: &str, target: &MountTarget, now: Moment) -> Value {
    json!({
        "OwnerId": request.account(),
        "MountTargetId": id,
        "FileSystemId": target.file_system,
        "SubnetId": target.subnet,
        "LifeCycleState": target.state(now),
        "IpAddress": target.address,
        "NetworkInterfaceId": format!("eni-{}", hex_for(0, id, 17)),
        "AvailabilityZoneName": format!("{}a", request.region),
        "VpcId": format!("vpc-{}", hex_for(0, &request.region, 17)),
    })
}

fn unmount(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("MountTargetId")?, cx.now);
    let found = cx.place(request).efs.targets.get(id).filter(|target| target.exists(now));
    let (state, of) = found.map(|t| (t.state(now), t.file_system.clone())).ok_or_else(|| no_target(id))?;
    if state == "deleting" {
        return Ok(json!({}));
    }
    let fate = cx.fate(request);
    let lasts = fate.stretch(between(cx.world.seed, &format!("unmount/{id}"), 20, 60));
    let fails = fate.fails.then(|| "the network interface could not be removed".to_owned());
    if let Some(target) = cx.place(request).efs.targets.get_mut(id) {
        target.deleting = Some(Timeline::new(now, now, lasts, fails));
    }
    cx.changed(request, format!("end of mount target {id} of {of}"), Made::Gone { what: id.to_owned() });
    Ok(json!({}))
}

fn tag(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, new, now) = (id_of(request.need("ResourceId")?), request.tags("Tags"), cx.now);
    let found = cx.place(request).efs.file_systems.get_mut(id).filter(|fs| fs.exists(now));
    let found = found.ok_or_else(|| no_file_system(id))?;
    let news = new.iter().any(|(key, value)| found.tags.get(key) != Some(value));
    found.tags.extend(new);
    if news {
        let what = arn(request, id);
        cx.changed(request, format!("tags of {what}"), Made::Tags { what });
    }
    Ok(json!({}))
}

fn tags(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (id_of(request.need("ResourceId")?), cx.now);
    let found = existing(cx.place(request).efs.file_systems.get(id), id, now)?;
    Ok(json!({ "Tags": shown_tags(&found.tags) }))
}

/// `CreateReplicationConfiguration`, into a new file system of the other region.
fn replicate(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (id_of(request.need("SourceFileSystemId")?).to_owned(), cx.now);
    let source = existing(cx.place(request).efs.file_systems.get(&id), &id, now)?.clone();
    let region = request.list("Destinations").first().and_then(|d| d["Region"].as_str());
    let Some(region) = region.map(str::to_owned) else {
        return Err(request.invalid("Destinations must name a region."));
    };
    if cx.place(request).efs.replications.contains_key(&id) {
        return Err(refusal(409, "ReplicationAlreadyExists", "A replication configuration already exists."));
    }
    cx.reach(&region)?;
    let replica = format!("fs-{}", hex_for(cx.world.seed, &format!("replica/{id}/{region}"), 17));
    let key = cx.world.region(request.account(), &region).kms.arn(EFS_KEY).map(str::to_owned);
    let token = format!("source-{id}");
    let copy = FileSystem { token, key, encrypted: true, course: Timeline::instant(now), tags: Tags::new(), ..source };
    let copy = FileSystem { access_points: Default::default(), ..copy };
    let replication = Replication {
        source_region: request.region.clone(),
        source_arn: arn(request, &id),
        region: region.clone(),
        file_system: replica.clone(),
        created: now,
        lag: None,
    };
    let shown = shown_replication(request, &id, &replication, now);
    // Both sides tell of it.
    for place in [request.region.as_str(), &region] {
        cx.world.region(request.account(), place).efs.replications.insert(id.clone(), replication.clone());
    }
    cx.world.region(request.account(), &region).efs.file_systems.insert(replica, copy);
    Ok(shown)
}

fn replications(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.text("FileSystemId").map(id_of), cx.now);
    let efs = &cx.place(request).efs;
    let wanted = |source: &str, r: &Replication| id.is_none_or(|id| id == source || id == r.file_system);
    if !efs.replications.iter().any(|(source, replication)| wanted(source, replication)) {
        return Err(refusal(404, "ReplicationNotFound", "No replication configuration was found."));
    }
    let most = most_of(request, "MaxResults");
    let show = |source: &str, replication: &Replication| shown_replication(request, source, replication, now);
    let (page, next) = paging::keyed(request, &efs.replications, request.text("NextToken"), most, wanted, show)?;
    Ok(json!({ "Replications": page, "NextToken": next }))
}

fn shown_replication(request: &Request, source: &str, replication: &Replication, now: Moment) -> Value {
    json!({
        "SourceFileSystemId": source,
        "SourceFileSystemRegion": replication.source_region,
        "SourceFileSystemArn": replication.source_arn,
        "OriginalSourceFileSystemArn": replication.source_arn,
        "SourceFileSystemOwnerId": request.account(),
        "CreationTime": request.time(replication.created),
        "Destinations": [{
            "Status": "ENABLED",
            "FileSystemId": replication.file_system,
            "Region": replication.region,
            "OwnerId": request.account(),
            "LastReplicatedTimestamp": replication.last(now).map(|at| request.time(at)),
        }],
    })
}

fn existing<'e>(found: Option<&'e FileSystem>, id: &str, now: Moment) -> Result<&'e FileSystem, Refusal> {
    found.filter(|fs| fs.exists(now)).ok_or_else(|| no_file_system(id))
}

/// The id out of an id or an ARN.
fn id_of(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

fn arn(request: &Request, id: &str) -> String {
    format!("arn:aws:elasticfilesystem:{}:{}:file-system/{id}", request.region, request.account())
}

fn most_of(request: &Request, name: &str) -> usize {
    request.number(name).and_then(|most| usize::try_from(most).ok()).map_or(PAGE, |most| most.clamp(1, PAGE))
}

fn shown_tags(tags: &Tags) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

fn no_file_system(id: &str) -> Refusal {
    refusal(404, "FileSystemNotFound", format!("File system '{id}' does not exist."))
}

fn no_target(id: &str) -> Refusal {
    refusal(404, "MountTargetNotFound", format!("Mount target '{id}' does not exist."))
}

/// EFS says its code twice.
fn refusal(status: u16, code: &str, why: impl Into<String>) -> Refusal {
    Refusal { fields: Some(Box::new(json!({ "ErrorCode": code }))), ..Refusal::with_status(status, code, why) }
}
