#!/usr/bin/env bash
# moto 5.2.5: a database restored from an RDS snapshot is as its source was in everything that the call does not name: highly available,
# protected against deletion, with IAM logins and the source's instance class. And what the call names as false is not taken: with
# MultiAZ=False and DeletionProtection=False the restored one has both still.
#
# RDS documents the defaults of RestoreDBInstanceFromDBSnapshot: deletion protection "isn't enabled" by default, nor are IAM logins,
# whatever the source had. (Amazon RDS API Reference, RestoreDBInstanceFromDBSnapshot, DeletionProtection and
# EnableIAMDatabaseAuthentication)
# Two mistakes pass for it: a restore into production that forgets to ask for protection is green against moto and
# unprotected on the day; and a test restore that asks for a cheap, deletable copy cannot be cleaned up against moto, which tempts
# people to add a ModifyDBInstance before the deletion that AWS does not need.
#
# Seen: moto 5.2.5, boto3 1.44.8, Python 3.11
#   restored with nothing said: multi-AZ True, protected True, IAM logins True
#   restored with all three false: multi-AZ True, protected True, IAM logins True
#   deleting it: InvalidParameterCombination
#
# Needs python3 with venv and pip. Loopback only. Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[server]==5.2.5' 'boto3==1.44.8'
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 150); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.2; done
PORT=$port "$work/venv/bin/python" - <<'EOF'
import os, sys
import boto3
from botocore.exceptions import ClientError

rds = boto3.client("rds", region_name="eu-west-1", endpoint_url=f"http://127.0.0.1:{os.environ['PORT']}",
                   aws_access_key_id="test", aws_secret_access_key="test")
rds.create_db_instance(DBInstanceIdentifier="shop", Engine="mysql", DBInstanceClass="db.r6g.large", AllocatedStorage=20,
                       MasterUsername="admin", MasterUserPassword="correct-horse", MultiAZ=True, DeletionProtection=True,
                       EnableIAMDatabaseAuthentication=True)
rds.create_db_snapshot(DBSnapshotIdentifier="before", DBInstanceIdentifier="shop")

def restored(name, **said):
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=name, DBSnapshotIdentifier="before", **said)
    one = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    return one["MultiAZ"], one["DeletionProtection"], one["IAMDatabaseAuthenticationEnabled"]

def show(what):
    return "multi-AZ {}, protected {}, IAM logins {}".format(*what)

silent = restored("silent")
said = restored("said", MultiAZ=False, DeletionProtection=False, EnableIAMDatabaseAuthentication=False)
try:
    rds.delete_db_instance(DBInstanceIdentifier="said", SkipFinalSnapshot=True)
    gone = "done"
except ClientError as error:
    gone = error.response["Error"]["Code"]
print(f"restored with nothing said: {show(silent)}")
print(f"restored with all three false: {show(said)}")
print(f"deleting it: {gone}")
if (silent, said, gone) != ((True,) * 3, (True,) * 3, "InvalidParameterCombination"):
    sys.exit("another outcome than the one described")
EOF
