#!/usr/bin/env bash
# octoDNS 1.22.0 with octodns-route53 1.3.1: `octodns-dump` of a Route 53 zone keeps one record of each weighted or failover
# pair, as a plain record, says nothing and ends with 0. Compared with the zone it was taken from, the dump has "No changes", and that
# stays so when the weights are turned round.
#
# Such pairs are how two regions share a name: where they were made by hand, by Terraform or by CloudFormation, octoDNS takes one
# record set of the name for the whole. A dump kept as the zone's backup, or as the picture taken before a cutover, has neither the
# other region's address nor any weight, health check or role, and a drift check by `octodns-sync` (a dry run unless told otherwise)
# is green before, during and after a failover.
#
# Seen: octodns 1.22.0, octodns-route53 1.3.1, against moto 5.2.5, Python 3.11
#   zone: app primary 100 192.0.2.1, app dr 0 192.0.2.2, www primary PRIMARY 192.0.2.1, www dr SECONDARY 192.0.2.2
#   dump: exit 0, no warning; app A 192.0.2.1, www A 192.0.2.1; no weight, no second address
#   sync against the same zone: No changes were planned
#   sync after the weights were turned round (0 and 100): No changes were planned
#
# Needs python3 with venv and pip. Loopback only. Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'moto[server]==5.2.5' 'boto3==1.44.8' 'octodns==1.22.0' 'octodns-route53==1.3.1'
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 150); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.2; done
cat >"$work/octodns.yaml" <<EOF
providers:
  route53: {class: octodns_route53.Route53Provider, access_key_id: test, secret_access_key: test}
  dump: {class: octodns.provider.yaml.YamlProvider, directory: $work/dump}
zones:
  shop.example.: {sources: [dump], targets: [route53]}
EOF
mkdir "$work/dump"
export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_DEFAULT_REGION=us-east-1 WORK="$work"
"$work/venv/bin/python" - <<'EOF'
import os, subprocess, sys
import boto3

work = os.environ["WORK"]
route53 = boto3.client("route53", aws_access_key_id="test", aws_secret_access_key="test")
zone = route53.create_hosted_zone(Name="shop.example", CallerReference="1")["HostedZone"]["Id"]
check = route53.create_health_check(
    CallerReference="1", HealthCheckConfig={"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 443})["HealthCheck"]["Id"]

def upsert(*sets):
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [
        {"Action": "UPSERT", "ResourceRecordSet": {"Type": "A", "TTL": 60, "ResourceRecords": [{"Value": value}], **more}}
        for value, more in sets]})

def weights(primary, dr):
    upsert(("192.0.2.1", {"Name": "app.shop.example", "SetIdentifier": "primary", "Weight": primary}),
           ("192.0.2.2", {"Name": "app.shop.example", "SetIdentifier": "dr", "Weight": dr}))

def octodns(program, *args):
    done = subprocess.run([f"{work}/venv/bin/{program}", "--config-file", f"{work}/octodns.yaml", *args], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr

weights(100, 0)
upsert(("192.0.2.1", {"Name": "www.shop.example", "SetIdentifier": "primary", "Failover": "PRIMARY", "HealthCheckId": check}),
       ("192.0.2.2", {"Name": "www.shop.example", "SetIdentifier": "dr", "Failover": "SECONDARY"}))
for one in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]:
    if one["Type"] == "A":
        print("zone:", one["Name"], one["SetIdentifier"], one.get("Weight", one.get("Failover")), one["ResourceRecords"][0]["Value"])

code, said = octodns("octodns-dump", "--output-dir", f"{work}/dump", "shop.example.", "route53")
dump = open(f"{work}/dump/shop.example.yaml").read()
warned = any(word in said for word in ("WARN", "ERROR"))
print(f"dump: exit {code}, {'warned' if warned else 'no warning'}")
print(dump)
first = octodns("octodns-sync")
weights(0, 100)
second = octodns("octodns-sync")
plans = ["No changes were planned" in said for _, said in (first, second)]
print("no changes planned: before", plans[0], "after the weights were turned round", plans[1])
# One address of each pair is there, whichever came first, and nothing that tells of the other.
lost = all(dump.count(f"{name}:") == 1 for name in ("app", "www")) and dump.count("192.0.2.") == 2
told = any(word in dump.lower() for word in ("weight", "failover", "pools", "healthcheck"))
if (code, warned, lost, told, plans) != (0, False, True, False, [True, True]) or first[0] or second[0]:
    sys.exit("another outcome than the one described")
EOF
