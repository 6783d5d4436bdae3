"""Asks the simulated AWS by boto3 and holds every answer against the service's own model.

Arguments: address, account, file system, vault, bucket, database. What does not fit is printed, a line each; the last line
is the number of answers that were looked at.
"""

import json
import re
import sys
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ADDRESS, ACCOUNT, FILES, VAULT, BUCKET, DATABASE = sys.argv[1:7]
HOME, DR = "af-south-1", "eu-west-1"
faults, looked = [], 0


def wire_name(shape, member):
    return shape.members[member].serialization.get("name", member)


def json_fits(shape, value, where):
    kind = shape.type_name
    wanted = {
        "string": str, "integer": int, "long": int, "double": (int, float), "float": (int, float), "boolean": bool,
        "timestamp": (int, float), "blob": str, "structure": dict, "map": dict, "list": list, "character": str,
    }[kind]
    if not isinstance(value, wanted) or (kind in ("integer", "long") and isinstance(value, bool)):
        return [f"{where}: {value!r} is no {kind}"]
    found = []
    if kind == "structure":
        names = {wire_name(shape, member): member for member in shape.members}
        found += [f"{where}.{name} is not in the model" for name in value if name not in names]
        found += [
            f"{where}.{member} is missing"
            for member in shape.required_members
            if wire_name(shape, member) not in value and not shape.members[member].serialization.get("location")
        ]
        for name, inner in value.items():
            if name in names:
                found += json_fits(shape.members[names[name]], inner, f"{where}.{name}")
    elif kind == "list":
        for at, inner in enumerate(value):
            found += json_fits(shape.member, inner, f"{where}[{at}]")
    elif kind == "map":
        for key, inner in value.items():
            found += json_fits(shape.value, inner, f"{where}.{key}")
    elif kind == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        found.append(f"{where}: {value!r} is none of {shape.enum}")
    return found


def plain(tag):
    return tag.rsplit("}", 1)[-1]


def xml_fits(shape, element, where):
    kind = shape.type_name
    text = element.text or ""
    if kind == "structure":
        members = {wire_name(shape, member): shape.members[member] for member in shape.members}
        for inner in shape.members.values():
            # A list without a wrapper stands under the name of its elements.
            if inner.type_name == "list" and inner.serialization.get("flattened"):
                members.setdefault(inner.member.serialization.get("name", ""), inner)
        found, there = [], set()
        for child in element:
            name = plain(child.tag)
            there.add(name)
            if name not in members:
                found.append(f"{where}.{name} is not in the model")
                continue
            inner = members[name]
            if inner.type_name == "list" and inner.serialization.get("flattened"):
                inner = inner.member
            found += xml_fits(inner, child, f"{where}.{name}")
        found += [
            f"{where}.{member} is missing"
            for member in shape.required_members
            if wire_name(shape, member) not in there and not shape.members[member].serialization.get("location")
        ]
        return found
    if kind == "list":
        name = shape.member.serialization.get("name", "member")
        found = []
        for child in element:
            if plain(child.tag) != name:
                found.append(f"{where}: <{plain(child.tag)}> instead of <{name}>")
            found += xml_fits(shape.member, child, where)
        return found
    if kind == "map":
        return [f"{where}: <{plain(child.tag)}> instead of <entry>" for child in element if plain(child.tag) != "entry"]
    pattern = {
        "integer": r"-?\d+", "long": r"-?\d+", "boolean": "true|false", "double": r"-?\d+(\.\d+)?",
        "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    }.get(kind)
    if pattern and not re.fullmatch(pattern, text):
        return [f"{where}: {text!r} is no {kind}"]
    if kind == "string" and getattr(shape, "enum", None) and text not in shape.enum:
        return [f"{where}: {text!r} is none of {shape.enum}"]
    return []


def look(operation_model, response_dict, **_):
    """What the model says of an answer that was not parsed yet."""
    global looked
    looked += 1
    protocol = operation_model.service_model.resolved_protocol
    shape, body, name = operation_model.output_shape, response_dict["body"], operation_model.name
    if response_dict["status_code"] >= 300 or shape is None:
        return
    if "payload" in shape.serialization:
        shape = shape.members[shape.serialization["payload"]]
        if shape.type_name == "blob":
            return
    if "json" in protocol:
        faults.extend(json_fits(shape, json.loads(body or b"{}"), name))
        return
    bodied = [m for m in shape.members.values() if not m.serialization.get("location")]
    if protocol == "rest-xml" and not bodied:
        if body:
            faults.append(f"{name}: a body where none belongs")
        return
    root = ET.fromstring(body)
    if protocol == "query":
        result = next((child for child in root if plain(child.tag) == f"{name}Result"), None)
        if result is None:
            faults.append(f"{name}: no {name}Result")
            return
        root = result
    faults.extend(xml_fits(shape, root, name))


def client(service, region=HOME):
    made = boto3.client(
        service, region_name=region, endpoint_url=ADDRESS, aws_access_key_id=ACCOUNT, aws_secret_access_key="any",
        config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
    )
    made.meta.events.register("before-parse.*.*", look)
    return made


def refused(code, call, **arguments):
    """An error that has to come, and has to be one that the model knows of this operation."""
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        if found != code:
            faults.append(f"{error.operation_name}: {found} instead of {code}")
        owner = call.__self__
        model = owner.meta.service_model.operation_model(error.operation_name)
        known = {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes}
        if owner.meta.service_model.service_name != "s3" and code not in known:
            faults.append(f"{error.operation_name}: the model knows no {code}")
        return
    faults.append(f"{call.__name__}: not refused with {code}")


def pages(made, operation, **arguments):
    return [page for page in made.get_paginator(operation).paginate(**arguments)]


def backup():
    made = client("backup")
    arn = f"arn:aws:elasticfilesystem:{HOME}:{ACCOUNT}:file-system/{FILES}"
    role = f"arn:aws:iam::{ACCOUNT}:role/bbws-backup"
    made.describe_backup_vault(BackupVaultName=VAULT)
    made.list_backup_vaults()
    made.create_backup_vault(BackupVaultName="by-boto")
    refused("AlreadyExistsException", made.create_backup_vault, BackupVaultName="by-boto")
    job = made.start_backup_job(
        BackupVaultName=VAULT, ResourceArn=arn, IamRoleArn=role, IdempotencyToken="token-1",
        Lifecycle={"DeleteAfterDays": 7}, RecoveryPointTags={"a": "b"},
    )
    made.describe_backup_job(BackupJobId=job["BackupJobId"])
    refused("ResourceNotFoundException", made.describe_backup_job, BackupJobId="none")
    refused(
        "InvalidParameterValueException", made.start_backup_job, BackupVaultName=VAULT, ResourceArn=arn, IamRoleArn="x"
    )
    pages(made, "list_backup_jobs", ByResourceArn=arn)
    made.list_backup_job_summaries()
    point = pages(made, "list_recovery_points_by_backup_vault", BackupVaultName=VAULT)[0]["RecoveryPoints"][0]
    point = point["RecoveryPointArn"]
    made.describe_recovery_point(BackupVaultName=VAULT, RecoveryPointArn=point)
    made.list_tags(ResourceArn=point)
    metadata = made.get_recovery_point_restore_metadata(BackupVaultName=VAULT, RecoveryPointArn=point)
    metadata = {**metadata["RestoreMetadata"], "newFileSystem": "true", "CreationToken": "by-boto"}
    restore = made.start_restore_job(RecoveryPointArn=point, Metadata=metadata, IamRoleArn=role, IdempotencyToken="token-2")
    made.describe_restore_job(RestoreJobId=restore["RestoreJobId"])
    made.get_restore_job_metadata(RestoreJobId=restore["RestoreJobId"])
    pages(made, "list_restore_jobs")
    refused(
        "InvalidParameterValueException", made.start_restore_job, RecoveryPointArn=point, Metadata={"a": "b"},
        IamRoleArn=role,
    )
    copy = made.start_copy_job(
        RecoveryPointArn=point, SourceBackupVaultName=VAULT, IamRoleArn=role,
        DestinationBackupVaultArn=f"arn:aws:backup:{DR}:{ACCOUNT}:backup-vault:{VAULT}-dr",
    )
    made.describe_copy_job(CopyJobId=copy["CopyJobId"])
    pages(made, "list_copy_jobs")
    hold = made.create_legal_hold(
        Title="t", Description="d", RecoveryPointSelection={"VaultNames": [VAULT], "ResourceIdentifiers": [arn]}
    )["LegalHoldId"]
    made.get_legal_hold(LegalHoldId=hold)
    pages(made, "list_legal_holds")
    pages(made, "list_recovery_points_by_legal_hold", LegalHoldId=hold)
    refused("InvalidRequestException", made.delete_recovery_point, BackupVaultName=VAULT, RecoveryPointArn=point)
    refused("InvalidResourceStateException", made.cancel_legal_hold, LegalHoldId=hold, CancelDescription="over")
    rule = {"RuleName": "r", "TargetBackupVaultName": VAULT, "ScheduleExpression": "cron(0 1 * * ? *)"}
    plan = made.create_backup_plan(BackupPlan={"BackupPlanName": "p", "Rules": [rule]})["BackupPlanId"]
    made.update_backup_plan(BackupPlanId=plan, BackupPlan={"BackupPlanName": "p", "Rules": [rule]})
    made.get_backup_plan(BackupPlanId=plan)
    pages(made, "list_backup_plans")
    selection = {"SelectionName": "s", "IamRoleArn": role, "Resources": [arn]}
    selected = made.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)["SelectionId"]
    refused("AlreadyExistsException", made.create_backup_selection, BackupPlanId=plan, BackupSelection=selection)
    made.get_backup_selection(BackupPlanId=plan, SelectionId=selected)
    pages(made, "list_backup_selections", BackupPlanId=plan)
    refused("InvalidRequestException", made.delete_backup_plan, BackupPlanId=plan)
    made.delete_backup_selection(BackupPlanId=plan, SelectionId=selected)
    made.delete_backup_plan(BackupPlanId=plan)
    refused("ResourceNotFoundException", made.get_backup_selection, BackupPlanId=plan, SelectionId=selected)


def efs():
    made = client("efs")
    made.describe_file_systems()
    made.describe_file_systems(FileSystemId=FILES)
    refused("FileSystemNotFound", made.describe_file_systems, FileSystemId="fs-00000000")
    refused("ReplicationNotFound", made.describe_replication_configurations)
    made.create_replication_configuration(SourceFileSystemId=FILES, Destinations=[{"Region": DR}])
    made.describe_replication_configurations()
    made.describe_mount_targets(FileSystemId=FILES)
    made.describe_access_points(FileSystemId=FILES)
    new = made.create_file_system(CreationToken="by-boto-itself", Encrypted=True, Tags=[{"Key": "Name", "Value": "n"}])
    refused("FileSystemAlreadyExists", made.create_file_system, CreationToken="by-boto-itself")
    made.tag_resource(ResourceId=new["FileSystemId"], Tags=[{"Key": "k", "Value": "v"}])
    made.list_tags_for_resource(ResourceId=new["FileSystemId"])
    refused("FileSystemInUse", made.delete_file_system, FileSystemId=FILES)
    refused("MountTargetNotFound", made.delete_mount_target, MountTargetId="fsmt-00000000")
    target = made.create_mount_target(FileSystemId=FILES, SubnetId="subnet-0123456789abcdef0")
    refused("MountTargetConflict", made.create_mount_target, FileSystemId=FILES, SubnetId="subnet-0123456789abcdef0")
    made.delete_mount_target(MountTargetId=target["MountTargetId"])


def s3():
    made = client("s3")
    made.list_buckets()
    made.head_bucket(Bucket=BUCKET)
    made.get_bucket_location(Bucket=BUCKET)
    made.get_bucket_versioning(Bucket=BUCKET)
    made.get_bucket_replication(Bucket=BUCKET)
    made.get_bucket_lifecycle_configuration(Bucket=BUCKET)
    made.create_bucket(Bucket="by-boto", CreateBucketConfiguration={"LocationConstraint": HOME})
    refused("NoSuchLifecycleConfiguration", made.get_bucket_lifecycle_configuration, Bucket="by-boto")
    refused("ReplicationConfigurationNotFoundError", made.get_bucket_replication, Bucket="by-boto")
    made.put_bucket_versioning(Bucket="by-boto", VersioningConfiguration={"Status": "Enabled"})
    put = made.put_object(
        Bucket="by-boto", Key="a b/ä", Body=b"bbws" * 1000, Metadata={"k": "v"}, Tagging="x=y", IfNoneMatch="*",
        ChecksumAlgorithm="SHA256",
    )
    refused("PreconditionFailed", made.put_object, Bucket="by-boto", Key="a b/ä", Body=b"", IfNoneMatch="*")
    got = made.get_object(Bucket="by-boto", Key="a b/ä", ChecksumMode="ENABLED")
    if got["Body"].read() != b"bbws" * 1000 or got["Metadata"] != {"k": "v"} or got["VersionId"] != put["VersionId"]:
        faults.append("GetObject: not what was put")
    head = made.head_object(Bucket="by-boto", Key="a b/ä", ChecksumMode="ENABLED")
    if head["ContentLength"] != 4000 or head["ChecksumSHA256"] != put["ChecksumSHA256"]:
        faults.append(f"HeadObject: {head}")
    if made.get_object(Bucket="by-boto", Key="a b/ä", Range="bytes=4-7")["Body"].read() != b"bbws":
        faults.append("GetObject: another range")
    made.get_object_tagging(Bucket="by-boto", Key="a b/ä")
    refused("NoSuchKey", made.get_object, Bucket="by-boto", Key="none")
    refused("404", made.head_object, Bucket="by-boto", Key="none")
    refused("NoSuchBucket", made.list_objects_v2, Bucket="by-nobody")
    pages(made, "list_objects_v2", Bucket="by-boto", EncodingType="url")
    pages(made, "list_object_versions", Bucket="by-boto", PaginationConfig={"PageSize": 1})
    upload = made.create_multipart_upload(Bucket="by-boto", Key="parts", ChecksumAlgorithm="SHA256")["UploadId"]
    sent = [
        made.upload_part(Bucket="by-boto", Key="parts", UploadId=upload, PartNumber=n, Body=body, ChecksumAlgorithm="SHA256")
        for n, body in ((1, b"x" * (5 << 20)), (2, b"y"))
    ]
    pages(made, "list_multipart_uploads", Bucket="by-boto")
    pages(made, "list_parts", Bucket="by-boto", Key="parts", UploadId=upload)
    parts = [{"PartNumber": n + 1, "ETag": s["ETag"], "ChecksumSHA256": s["ChecksumSHA256"]} for n, s in enumerate(sent)]
    made.complete_multipart_upload(Bucket="by-boto", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    refused("NoSuchUpload", made.abort_multipart_upload, Bucket="by-boto", Key="parts", UploadId=upload)
    made.delete_object(Bucket="by-boto", Key="parts")
    refused("NoSuchKey", made.get_object, Bucket="by-boto", Key="parts")


def secrets():
    made = client("secretsmanager")
    name = made.create_secret(Name="by-boto/a", SecretString="x", Tags=[{"Key": "k", "Value": "v"}])["Name"]
    refused("ResourceExistsException", made.create_secret, Name=name, SecretString="x")
    made.put_secret_value(SecretId=name, SecretBinary=b"\x00\xff")
    if made.get_secret_value(SecretId=name)["SecretBinary"] != b"\x00\xff":
        faults.append("GetSecretValue: another value")
    made.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": DR}])
    made.describe_secret(SecretId=name)
    refused("InvalidRequestException", made.stop_replication_to_replica, SecretId=name)
    pages(made, "list_secrets", Filters=[{"Key": "name", "Values": ["by-boto"]}])
    made.batch_get_secret_value(SecretIdList=[name, "none"])
    refused("ResourceNotFoundException", made.get_secret_value, SecretId="none")
    made.create_secret(Name="by-boto/b", SecretString="x")
    made.delete_secret(SecretId="by-boto/b")
    refused("InvalidRequestException", made.get_secret_value, SecretId="by-boto/b")
    made.restore_secret(SecretId="by-boto/b")


def ssm():
    made = client("ssm")
    made.put_parameter(Name="/by-boto/a", Value="v", Type="SecureString")
    refused("ParameterAlreadyExists", made.put_parameter, Name="/by-boto/a", Value="v", Type="String")
    made.get_parameter(Name="/by-boto/a", WithDecryption=True)
    pages(made, "get_parameters_by_path", Path="/by-boto", Recursive=True)
    pages(made, "describe_parameters")
    made.delete_parameter(Name="/by-boto/a")
    refused("ParameterNotFound", made.get_parameter, Name="/by-boto/a")


def others():
    client("sts").get_caller_identity()
    role = client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r", RoleSessionName="boto")
    if role["AssumedRoleUser"]["Arn"] != f"arn:aws:sts::{ACCOUNT}:assumed-role/r/boto":
        faults.append("AssumeRole: another role")
    client("kms").describe_key(KeyId="alias/aws/rds")
    refused("NotFoundException", client("kms").describe_key, KeyId="alias/none")
    topic = client("sns", DR).list_topics()["Topics"][0]["TopicArn"]
    client("sns", DR).get_topic_attributes(TopicArn=topic)
    client("sns", DR).publish(TopicArn=topic, Subject="s", Message="m")
    rds = client("rds")
    rds.describe_db_instances(DBInstanceIdentifier=DATABASE)
    rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier="by-boto")
    pages(rds, "describe_db_snapshots", DBSnapshotIdentifier="by-boto")
    refused(
        "DBSnapshotAlreadyExists", rds.create_db_snapshot, DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier="by-boto"
    )
    empty = dict(
        DBInstanceIdentifier="by-boto", Engine="mysql", EngineVersion="8.0.36", DBInstanceClass="db.r6g.large",
        AllocatedStorage=20, MasterUsername="platform", MasterUserPassword="long-enough", BackupRetentionPeriod=0,
    )
    rds.create_db_instance(**empty)
    refused("DBInstanceAlreadyExists", rds.create_db_instance, **empty)
    refused("DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier="none")
    refused("DBSnapshotNotFound", rds.delete_db_snapshot, DBSnapshotIdentifier="none")


def replicas():
    rds = client("rds", DR)
    source = client("rds").describe_db_instances(DBInstanceIdentifier=DATABASE)["DBInstances"][0]["DBInstanceArn"]
    second = dict(DBInstanceIdentifier="by-boto-replica", SourceDBInstanceIdentifier=source)
    refused("KMSKeyNotAccessibleFault", rds.create_db_instance_read_replica, **second)
    made = rds.create_db_instance_read_replica(KmsKeyId="alias/bbws-dr", **second)["DBInstance"]
    if made["ReadReplicaSourceDBInstanceIdentifier"] != source or made["BackupRetentionPeriod"]:
        faults.append(f"CreateDBInstanceReadReplica: {made}")
    refused("DBInstanceAlreadyExists", rds.create_db_instance_read_replica, KmsKeyId="alias/bbws-dr", **second)


def failover():
    rds = client("rds", DR)
    replica = f"{DATABASE}-replica"
    shown = rds.describe_db_instances(DBInstanceIdentifier=replica)["DBInstances"][0]
    if not shown["ReadReplicaSourceDBInstanceIdentifier"].endswith(f":db:{DATABASE}"):
        faults.append("DescribeDBInstances: another source")
    refused("InvalidDBInstanceState", client("rds").promote_read_replica, DBInstanceIdentifier=DATABASE)
    rds.promote_read_replica(DBInstanceIdentifier=replica)
    refused("InvalidDBInstanceState", rds.promote_read_replica, DBInstanceIdentifier=replica)
    ecs = client("ecs", DR)
    cluster, service = f"{VAULT}-dr", "wordpress"
    shown = ecs.describe_services(cluster=cluster, services=[service, "none"])
    if len(shown["services"]) != 1 or shown["failures"][0]["reason"] != "MISSING":
        faults.append("DescribeServices: another answer")
    definition = shown["services"][0]["taskDefinition"]
    image = ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]["containerDefinitions"][0]["image"]
    refused("ClientException", ecs.describe_task_definition, taskDefinition="none:1")
    ecr, (repository, tag) = client("ecr", DR), image.split("/", 1)[1].split(":")
    ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    refused("ImageNotFoundException", ecr.describe_images, repositoryName=repository, imageIds=[{"imageTag": "none"}])
    refused("RepositoryNotFoundException", ecr.describe_images, repositoryName="none", imageIds=[{"imageTag": tag}])
    quotas = client("service-quotas", DR)
    quotas.get_service_quota(ServiceCode="fargate", QuotaCode="L-3032A538")
    refused("NoSuchResourceException", quotas.get_service_quota, ServiceCode="fargate", QuotaCode="L-00000000")
    if len(rds.describe_account_attributes()["AccountQuotas"]) < 3:
        faults.append("DescribeAccountAttributes: too few quotas")
    ecs.update_service(cluster=cluster, service=service, desiredCount=3)
    refused("ClusterNotFoundException", ecs.describe_services, cluster="none", services=[service])
    refused("ServiceNotFoundException", ecs.update_service, cluster=cluster, service="none", desiredCount=1)
    dns = client("route53")
    zone = dns.list_hosted_zones()["HostedZones"][0]["Id"].rsplit("/", 1)[-1]
    dns.get_hosted_zone(Id=zone)
    first = dns.list_resource_record_sets(HostedZoneId=zone, MaxItems="1")
    rest = dns.list_resource_record_sets(
        HostedZoneId=zone, StartRecordName=first["NextRecordName"], StartRecordType=first["NextRecordType"],
        StartRecordIdentifier=first["NextRecordIdentifier"],
    )
    sets = first["ResourceRecordSets"] + rest["ResourceRecordSets"]
    if [s["SetIdentifier"] for s in sets] != ["dr", "primary"] or rest["IsTruncated"]:
        faults.append(f"ListResourceRecordSets: {sets}")
    changes = [{"Action": "UPSERT", "ResourceRecordSet": dict(s, Weight=50)} for s in sets]
    made = dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    dns.get_change(Id=made["ChangeInfo"]["Id"])
    try:
        # boto3 refuses such a weight by itself, so it is sent past it.
        dns.meta.events.register("before-call.route53.ChangeResourceRecordSets", weigh)
        heavy = [{"Action": "UPSERT", "ResourceRecordSet": dict(sets[0], Weight=255)}]
        dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": heavy})
        faults.append("ChangeResourceRecordSets: a weight of 300 is taken")
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidChangeBatch" and "300" not in str(error.response):
            faults.append(f"ChangeResourceRecordSets: {error.response}")
    arc = client("route53-recovery-cluster", "us-west-2")
    primary, dr = (f"arn:aws:route53-recovery-control::{ACCOUNT}:controlpanel/c1/routingcontrol/r{n}" for n in (1, 2))
    entries = [dict(RoutingControlArn=arn, RoutingControlState=to) for arn, to in ((dr, "On"), (primary, "Off"))]
    arc.update_routing_control_states(UpdateRoutingControlStateEntries=entries)
    if arc.get_routing_control_state(RoutingControlArn=dr)["RoutingControlState"] != "On":
        faults.append("GetRoutingControlState: not turned")
    off = [dict(RoutingControlArn=dr, RoutingControlState="Off")]
    refused("ConflictException", arc.update_routing_control_states, UpdateRoutingControlStateEntries=off)
    refused("ResourceNotFoundException", arc.get_routing_control_state, RoutingControlArn=f"{dr}0")
    refused("NoSuchHostedZone", dns.get_hosted_zone, Id="ZNONE")
    refused("NoSuchChange", dns.get_change, Id="CNONE")


def weigh(params, **_):
    params["body"] = params["body"].replace(b"<Weight>255</Weight>", b"<Weight>300</Weight>")


def metrics():
    watch, now = client("cloudwatch"), datetime.now(timezone.utc)
    here = [{"Name": "DBInstanceIdentifier", "Value": DATABASE}]
    metric = {"Namespace": "AWS/RDS", "MetricName": "FreeStorageSpace", "Dimensions": here}
    query = {"Id": "free", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Minimum"}}
    times = dict(StartTime=now - timedelta(days=3650), EndTime=now + timedelta(days=3650))
    watch.get_metric_data(MetricDataQueries=[query], **times)
    datum = {"MetricName": "BackupSuccess", "Value": 1.0, "Timestamp": now, "Dimensions": here}
    watch.put_metric_data(Namespace="Bbws", MetricData=[datum])
    refused("InvalidParameterValue", watch.put_metric_data, Namespace="AWS/RDS", MetricData=[datum])


for part in (backup, efs, s3, secrets, ssm, replicas, others, failover, metrics):
    try:
        part()
    except Exception as error:  # noqa: BLE001: whatever boto3 makes of an answer is a finding
        faults.append(f"{part.__name__}: {type(error).__name__}: {error}")
print(*sorted(set(faults)), sep="\n")
print(looked)
