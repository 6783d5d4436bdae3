#!/usr/bin/env bash
# moto 5.2.5: after PromoteReadReplica the instance is still the replica of its source, in the call's own answer and in every later one, and
# the source still lists it.
#
# RDS has no idempotency token for a promotion. What tells whether an earlier call was carried out is the state: an empty
# ReadReplicaSourceDBInstanceIdentifier. Failover code that looks before it promotes (so that a lost reply does not promote twice), or
# that waits for the field to go, works against AWS and never ends against moto; code that does not look passes there.
#
# Seen: moto 5.2.5, boto3 1.44.8, Python 3.11
#   before: source of the replica is primary
#   promote: HTTP 200, source of the replica is primary
#   after: source of the replica is primary, replicas of primary: replica
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

rds = boto3.client("rds", region_name="eu-west-1", endpoint_url=f"http://127.0.0.1:{os.environ['PORT']}",
                   aws_access_key_id="test", aws_secret_access_key="test")

def instance(name):
    return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]

def source(found):
    return found.get("ReadReplicaSourceDBInstanceIdentifier")

rds.create_db_instance(DBInstanceIdentifier="primary", DBInstanceClass="db.t3.micro", Engine="mysql", AllocatedStorage=20,
                       MasterUsername="admin", MasterUserPassword="a-password", BackupRetentionPeriod=7)
rds.create_db_instance_read_replica(DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="primary")
print("before: source of the replica is", source(instance("replica")))
answer = rds.promote_read_replica(DBInstanceIdentifier="replica")
print(f"promote: HTTP {answer['ResponseMetadata']['HTTPStatusCode']}, source of the replica is", source(answer["DBInstance"]))
listed = instance("primary")["ReadReplicaDBInstanceIdentifiers"]
print(f"after: source of the replica is {source(instance('replica'))}, replicas of primary:", *listed)
if (source(answer["DBInstance"]), source(instance("replica")), listed) != ("primary", "primary", ["replica"]):
    sys.exit("another outcome than the one described")
EOF
