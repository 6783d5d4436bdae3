"""Does by boto3 what tests/serve/console.rs does by the AWS CLI; prints what it found, a line each.

Arguments: address, account, region, vault, role, file system's ARN, bucket, database.
"""

import sys
import time

import boto3

ADDRESS, ACCOUNT, REGION, VAULT, ROLE, FILES, BUCKET, DATABASE = sys.argv[1:9]


def client(service):
    return boto3.client(
        service, region_name=REGION, endpoint_url=ADDRESS, aws_access_key_id=ACCOUNT, aws_secret_access_key="any"
    )


def until(what, look):
    for _ in range(600):
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise SystemExit(f"waited in vain for {what}")


rds, backup, s3 = client("rds"), client("backup"), client("s3")
rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier="by-boto3")
described = until(
    "the snapshot",
    lambda: [
        found
        for found in rds.describe_db_snapshots(DBSnapshotIdentifier="by-boto3")["DBSnapshots"]
        if found["Status"] == "available"
    ],
)
print("snapshot", described[0]["DBInstanceIdentifier"], described[0]["Encrypted"])
job = backup.start_backup_job(BackupVaultName=VAULT, ResourceArn=FILES, IamRoleArn=ROLE)
pages = backup.get_paginator("list_recovery_points_by_backup_vault")
point = until(
    "the recovery point",
    lambda: [
        point
        for page in pages.paginate(BackupVaultName=VAULT)
        for point in page["RecoveryPoints"]
        if point["RecoveryPointArn"] == job["RecoveryPointArn"] and point["Status"] == "COMPLETED"
    ],
)
print("point", point[0]["ResourceType"])
s3.put_object(Bucket=BUCKET, Key="by-hand/boto3.txt", Body=b"boto3 was here")
print("object", s3.get_object(Bucket=BUCKET, Key="by-hand/boto3.txt")["Body"].read().decode())
