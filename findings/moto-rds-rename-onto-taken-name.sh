#!/usr/bin/env bash
# moto 5.2.5: renaming a DB instance onto a name that is taken succeeds, and the instance that had the name is gone.
#
# A cutover by rename moves the live instance aside and gives its name to the restored one. AWS refuses the second rename with
# DBInstanceAlreadyExists while the name is still taken, which is what makes the order of the two safe. moto answers 200,
# keeps one instance under that name and forgets the other with its data: a cutover with its renames in the wrong order
# passes every test against it.
#
# Seen: moto 5.2.5, boto3 1.44.8, Python 3.11
#   before: live restored
#   rename restored -> live: HTTP 200
#   after: live (class db.m5.large, the restored one's)
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

def instances():
    return {i["DBInstanceIdentifier"]: i["DBInstanceClass"] for i in rds.describe_db_instances()["DBInstances"]}

for name, size in (("live", "db.t3.micro"), ("restored", "db.m5.large")):
    rds.create_db_instance(DBInstanceIdentifier=name, DBInstanceClass=size, Engine="mysql", AllocatedStorage=20,
                           MasterUsername="admin", MasterUserPassword="a-password")
print("before:", *sorted(instances()))
try:
    answer = rds.modify_db_instance(DBInstanceIdentifier="restored", NewDBInstanceIdentifier="live", ApplyImmediately=True)
except rds.exceptions.DBInstanceAlreadyExistsFault as refused:
    sys.exit(f"it is refused, as AWS does: {refused}")
print("rename restored -> live: HTTP", answer["ResponseMetadata"]["HTTPStatusCode"])
after = instances()
print("after:", *(f"{name} (class {size})" for name, size in sorted(after.items())))
if after != {"live": "db.m5.large"}:
    sys.exit("another outcome than the one described")
EOF
