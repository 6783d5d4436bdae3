"""Asks moto and the simulated AWS the same, and compares what they answer.

Arguments: address of moto, address of the simulated AWS, account. Every call is made on both; its answers are compared
member by member, without ids, times and other things that are each one's own. Where the two differ on purpose, `DIFFER`
says why. What is printed is a fault, a line each; the last line is the number of answers that were compared.
"""

import re
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MOTO, SANDBOX, ACCOUNT = sys.argv[1:4]
HOME = "af-south-1"

# By operation and path in the answer: why they differ. An entry that explains nothing any more is a fault.
DIFFER = {
    # What AWS answers and moto does not know.
    r"(DescribeBackupVault|ListBackupVaults).*(NumberOfRecoveryPoints|VaultState|VaultType)": "moto has none of it",
    r"GetBackupPlan.*EnableContinuousBackup": "AWS says no where it was not asked for; moto says nothing",
    r"(CreateFileSystem|DescribeFileSystems).*ReplicationOverwriteProtection": "moto has no protection",
    r"(CreateFileSystem|DescribeFileSystems).*LifeCycleState": "with moto everything is there at once",
    r"(CreateFileSystem|DescribeFileSystems).*SizeInBytes.*": "an empty file system has 6 KiB of metadata",
    r"\w+\.ServerSideEncryption": "S3 encrypts everything since 2023; moto only what asks for it",
    r"\w+\.ChecksumType": "S3 says of what a checksum is since 2024",
    r"ListObjectVersions.EncodingType": "S3 gives it back where it was asked for",
    r"ListMultipartUploads.Prefix": "S3 gives it back, also when it is empty",
    r"(GetSecretValue|DescribeSecret).Status": "errors of JSON 1.1 are 400; moto makes some of them 404",
    r"DescribeParameters.*Policies": "AWS says that there are none",
    r"(CreateKey|DescribeKey).*(KeyUsage|MultiRegion)": "moto leaves out what it does not know of a key",
    r"Decrypt(\.EncryptionAlgorithm)?": "moto says only the first half of an answer",
    # What moto answers and the simulated AWS has no use for.
    r"(PutObject|UploadPart)(.ChecksumCRC32)?": "only SHA-256 is kept: it is the one that is asked for",
    r"ListObjectsV2.*ChecksumAlgorithm.*": "nobody asks which checksum an object has before it asks for the checksum",
    r"GetBucketLifecycleConfiguration.TransitionDefaultMinimumObjectSize": "configurations are given back as they were put",
    r"(ListMultipartUploads|ListParts).*Initiator.*": "moto invents a person",
    r"DescribeParameters.*LastModifiedUser": "moto invents a person",
    r"(CreateKey|DescribeKey).*(Description|SigningAlgorithms)": "keys have neither here",
    # What is each one's own without being called so.
    r"ListSecrets.*SecretVersionsToStages.*": "ids of versions are the keys of this map",
}

# Each one's own, wherever it stands: what makes it, when, and what it says to people.
OWN = re.compile(
    r"(ResponseMetadata|Arn|ARN|Id|Date|Time|Timestamp|Marker|Token|Message|RequestId|ETag|Owner|Body|LastModified|KmsKeyId"
    r"|Initiated|Plaintext|CiphertextBlob|Location|IpAddress|VpcId|AvailabilityZone\w*|Address|HostId)$"
)
met = set()


def flat(value, path=""):
    """Leaves of an answer by their path."""
    if isinstance(value, dict):
        found = {}
        for key, inner in value.items():
            if not OWN.search(key):
                found.update(flat(inner, f"{path}.{key}"))
        return found or {path: "{}"}
    if isinstance(value, list):
        found = {}
        for at, inner in enumerate(value):
            found.update(flat(inner, f"{path}[{at}]"))
        return found or {path: "[]"}
    return {path: repr(value)}


def session(address):
    """Credentials of a role, by which moto knows accounts."""
    sts = boto3.client(
        "sts", region_name=HOME, endpoint_url=address, aws_access_key_id=ACCOUNT, aws_secret_access_key="any"
    )
    given = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/conform", RoleSessionName="conform")["Credentials"]
    return given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]


SESSIONS = {address: session(address) for address in (MOTO, SANDBOX)}


class Both:
    """One client for each."""

    def __init__(self, service):
        self.pair = [
            boto3.client(
                service, region_name=HOME, endpoint_url=address, aws_access_key_id=key, aws_secret_access_key=secret,
                aws_session_token=token, config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
            )
            for address, (key, secret, token) in SESSIONS.items()
        ]

    def __call__(self, operation, moto=None, sandbox=None, **arguments):
        """The answers of both. What only one of them is told, such as its own id, is in `moto` and `sandbox`."""
        global compared
        compared += 1
        answers = []
        for client, own in zip(self.pair, (moto or {}, sandbox or {})):
            try:
                answers.append(getattr(client, operation)(**arguments, **own))
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                answers.append({"Refused": error.response["Error"]["Code"], "Status": status})
        name = self.pair[0].meta.method_to_api_mapping[operation]
        theirs, ours = (flat(answer) for answer in answers)
        for path in sorted(set(theirs) | set(ours)):
            if theirs.get(path) == ours.get(path):
                continue
            known = next((key for key in DIFFER if re.fullmatch(key, f"{name}{path}")), None)
            if known:
                met.add(known)
            else:
                print(f"{name}{path}: moto {theirs.get(path)}, simulated {ours.get(path)}")
        return answers


compared = 0


def backup():
    ask = Both("backup")
    ask("create_backup_vault", BackupVaultName="conform")
    ask("create_backup_vault", BackupVaultName="conform")
    ask("describe_backup_vault", BackupVaultName="conform")
    ask("describe_backup_vault", BackupVaultName="none")
    ask("list_backup_vaults")
    rule = {
        "RuleName": "daily", "TargetBackupVaultName": "conform", "ScheduleExpression": "cron(0 1 * * ? *)",
        "StartWindowMinutes": 60, "CompletionWindowMinutes": 1440, "Lifecycle": {"DeleteAfterDays": 30},
    }
    plan = {"BackupPlanName": "conform", "Rules": [rule]}
    made = [{"BackupPlanId": answer["BackupPlanId"]} for answer in ask("create_backup_plan", BackupPlan=plan)]
    ask("get_backup_plan", *made)
    ask("list_backup_plans")
    ask("delete_backup_plan", *made)
    ask("list_backup_plans")


def efs():
    ask = Both("efs")
    made = ask("create_file_system", CreationToken="conform", Encrypted=True, Tags=[{"Key": "Name", "Value": "n"}])
    ask("create_file_system", CreationToken="conform")
    ids = [{"FileSystemId": answer["FileSystemId"]} for answer in made]
    ask("describe_file_systems", CreationToken="conform")
    ask("describe_file_systems", FileSystemId="fs-00000000000000000")
    tagged = [{"ResourceId": answer["FileSystemId"]} for answer in made]
    ask("tag_resource", *tagged, Tags=[{"Key": "k", "Value": "v"}])
    ask("list_tags_for_resource", *tagged)
    ask("describe_mount_targets", *ids)
    ask("delete_mount_target", MountTargetId="fsmt-00000000000000000")


def s3():
    ask = Both("s3")
    bucket = {"Bucket": f"conform-{ACCOUNT}"}
    ask("create_bucket", **bucket, CreateBucketConfiguration={"LocationConstraint": HOME})
    ask("create_bucket", **bucket, CreateBucketConfiguration={"LocationConstraint": HOME})
    ask("head_bucket", **bucket)
    ask("get_bucket_location", **bucket)
    ask("get_bucket_versioning", **bucket)
    ask("get_bucket_replication", **bucket)
    ask("get_bucket_lifecycle_configuration", **bucket)
    ask("put_bucket_versioning", **bucket, VersioningConfiguration={"Status": "Enabled"})
    ask("get_bucket_versioning", **bucket)
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "a/"}, "Expiration": {"Days": 9}}
    ask("put_bucket_lifecycle_configuration", **bucket, LifecycleConfiguration={"Rules": [rule]})
    ask("get_bucket_lifecycle_configuration", **bucket)
    for key in ("a/1", "a/2", "b ä"):
        put = {"Body": b"bbws", "Metadata": {"k": "v"}, "Tagging": "x=y", "ContentType": "text/plain"}
        ask("put_object", **bucket, Key=key, IfNoneMatch="*", ChecksumAlgorithm="SHA256", **put)
    ask("put_object", **bucket, Key="a/1", IfNoneMatch="*", Body=b"other")
    ask("put_object", **bucket, Key="a/1", Body=b"second")
    ask("head_object", **bucket, Key="a/1")
    ask("head_object", **bucket, Key="b ä", ChecksumMode="ENABLED")
    ask("head_object", **bucket, Key="none")
    ask("get_object", **bucket, Key="none")
    answers = ask("get_object", **bucket, Key="b ä", Range="bytes=1-2")
    bodies = {answer["Body"].read() for answer in answers}
    if bodies != {b"bw"}:
        print(f"GetObject: {bodies}")
    ask("get_object_tagging", **bucket, Key="a/2")
    ask("list_objects_v2", **bucket)
    ask("list_objects_v2", **bucket, Prefix="a/", MaxKeys=1)
    ask("list_objects_v2", **bucket, Delimiter="/")
    ask("list_objects_v2", **bucket, StartAfter="a/1")
    ask("list_object_versions", **bucket)
    ask("list_objects_v2", Bucket="conform-none")
    upload = ask("create_multipart_upload", **bucket, Key="parts")
    ids = [{"UploadId": answer["UploadId"]} for answer in upload]
    part = ask("upload_part", *ids, **bucket, Key="parts", PartNumber=1, Body=b"x")
    ask("list_multipart_uploads", **bucket)
    ask("list_parts", *ids, **bucket, Key="parts")
    done = [{**i, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": p["ETag"]}]}} for i, p in zip(ids, part)]
    ask("complete_multipart_upload", *done, **bucket, Key="parts")
    ask("head_object", **bucket, Key="parts")
    ask("abort_multipart_upload", *ids, **bucket, Key="parts")


def secrets():
    ask = Both("secretsmanager")
    ask("create_secret", Name="conform/a", SecretString="one", Description="d", Tags=[{"Key": "k", "Value": "v"}])
    ask("create_secret", Name="conform/a", SecretString="one")
    ask("get_secret_value", SecretId="conform/a")
    ask("put_secret_value", SecretId="conform/a", SecretString="two")
    ask("get_secret_value", SecretId="conform/a")
    ask("get_secret_value", SecretId="conform/a", VersionStage="AWSPREVIOUS")
    ask("get_secret_value", SecretId="conform/none")
    ask("describe_secret", SecretId="conform/none")
    ask("create_secret", Name="conform/empty")
    ask("get_secret_value", SecretId="conform/empty")
    ask("list_secrets", Filters=[{"Key": "name", "Values": ["conform/a"]}])
    ask("batch_get_secret_value", SecretIdList=["conform/a", "conform/none"])
    ask("delete_secret", SecretId="conform/a", RecoveryWindowInDays=7)
    ask("get_secret_value", SecretId="conform/a")
    ask("restore_secret", SecretId="conform/a")


def ssm():
    ask = Both("ssm")
    for name, kind in (("/conform/a", "String"), ("/conform/b", "String"), ("/conform/deep/c", "StringList")):
        ask("put_parameter", Name=name, Value="v", Type=kind)
    ask("put_parameter", Name="/conform/a", Value="v", Type="String")
    ask("put_parameter", Name="/conform/a", Value="w", Overwrite=True)
    ask("get_parameter", Name="/conform/a")
    ask("get_parameter", Name="/conform/none")
    ask("get_parameters_by_path", Path="/conform")
    ask("get_parameters_by_path", Path="/conform", Recursive=True)
    named = {"Key": "Name", "Option": "BeginsWith", "Values": ["/conform/"]}
    ask("describe_parameters", ParameterFilters=[named])
    ask("delete_parameter", Name="/conform/a")
    ask("delete_parameter", Name="/conform/a")


def others():
    Both("sts")("get_caller_identity")
    ask = Both("kms")
    keys = [{"KeyId": answer["KeyMetadata"]["KeyId"]} for answer in ask("create_key")]
    ask("describe_key", *keys)
    ask("describe_key", KeyId="alias/conform-none")
    data = ask("generate_data_key", *keys, KeySpec="AES_256", EncryptionContext={"a": "b"})
    sealed = [{"CiphertextBlob": answer["CiphertextBlob"]} for answer in data]
    opened = ask("decrypt", *sealed, EncryptionContext={"a": "b"})
    if any(one["Plaintext"] != two["Plaintext"] for one, two in zip(data, opened)):
        print("Decrypt: not what was sealed")
    ask("decrypt", *sealed, EncryptionContext={"a": "c"})


for part in (backup, efs, s3, secrets, ssm, others):
    try:
        part()
    except Exception as error:  # noqa: BLE001: whatever goes wrong is a finding
        print(f"{part.__name__}: {type(error).__name__}: {error}")
print(*(f"{key}: they agree now" for key in DIFFER if key not in met), sep="\n")
print(compared)
