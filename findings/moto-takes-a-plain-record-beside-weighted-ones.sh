#!/usr/bin/env bash
# moto 5.2.5: ChangeResourceRecordSets of Route 53 takes a plain record for a name that has weighted ones, answers INSYNC, and the zone
# then has both; and it takes a weight of 300.
#
# AWS refuses each with InvalidChangeBatch: record sets of one name and type have one routing policy, and a weight is 0 to 255. It is
# what happens when a cutover's code forgets SetIdentifier and Weight in one place (a step that "sends everybody to the other region",
# a way back written by hand): against moto the change arrives and the tests are green; on the day, nothing moves, and the batch
# that carries it takes the good changes with it.
#
# Seen: moto 5.2.5, boto3 1.44.8, Python 3.11
#   a plain record beside weighted ones: 200; the zone has dr 0, plain, primary 100
#   a weight of 300: 200; the zone has primary 300
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
zone = route53.create_hosted_zone(Name="shop.example", CallerReference="1")["HostedZone"]["Id"]

def upsert(name, value, **more):
    record = {"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": value}], **more}
    try:
        done = route53.change_resource_record_sets(
            HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]})
        return done["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["Error"]["Code"]

def sets(name):
    found = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return sorted(f"{one.get('SetIdentifier', 'plain')} {one.get('Weight', '')}".strip() for one in found if one["Name"] == name + ".")

upsert("app.shop.example", "192.0.2.1", SetIdentifier="primary", Weight=100)
upsert("app.shop.example", "192.0.2.2", SetIdentifier="dr", Weight=0)
plain, both = upsert("app.shop.example", "192.0.2.2"), sets("app.shop.example")
heavy, one = upsert("api.shop.example", "192.0.2.1", SetIdentifier="primary", Weight=300), sets("api.shop.example")
print(f"a plain record beside weighted ones: {plain}; the zone has {', '.join(both)}")
print(f"a weight of 300: {heavy}; the zone has {', '.join(one)}")
if (plain, both, heavy, one) != (200, ["dr 0", "plain", "primary 100"], 200, ["primary 300"]):
    sys.exit("another outcome than the one described")
EOF
