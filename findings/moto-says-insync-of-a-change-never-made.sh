#!/usr/bin/env bash
# moto 5.2.5: GetChange of Route 53 answers INSYNC for any id, also for one that no call ever gave.
#
# Whoever moves traffic waits until Route 53 says INSYNC of the change, and only then counts the TTL down. AWS refuses an id it
# does not know with NoSuchChange; that is how a mistake shows (the id of another change, the `/change/` in front kept twice, an
# id read back from the wrong record after a restart). Against moto such code always sees its change arrive, at once.
#
# Seen: moto 5.2.5, boto3 1.44.8, Python 3.11
#   the change that was made: INSYNC
#   C0NOSUCHCHANGE: INSYNC
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

route53 = boto3.client("route53", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{os.environ['PORT']}",
                       aws_access_key_id="test", aws_secret_access_key="test")

def status(change):
    try:
        return route53.get_change(Id=change)["ChangeInfo"]["Status"]
    except ClientError as error:
        return error.response["Error"]["Code"]

zone = route53.create_hosted_zone(Name="shop.example", CallerReference="1")["HostedZone"]["Id"]
record = {"Name": "app.shop.example", "Type": "A", "SetIdentifier": "dr", "Weight": 255, "TTL": 60,
          "ResourceRecords": [{"Value": "192.0.2.2"}]}
made = route53.change_resource_record_sets(
    HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]})["ChangeInfo"]["Id"]
seen = [status(made), status("C0NOSUCHCHANGE")]
print("the change that was made:", seen[0])
print("C0NOSUCHCHANGE:", seen[1])
if seen != ["INSYNC", "INSYNC"]:
    sys.exit("another outcome than the one described")
EOF
