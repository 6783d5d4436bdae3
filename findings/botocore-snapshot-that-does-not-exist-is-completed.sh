#!/usr/bin/env bash
# botocore 1.44.8: the waiter `db_snapshot_completed` of RDS takes "there is no such snapshot" for success, and never takes the state
# `failed` for a failure.
#
# `aws rds wait db-snapshot-completed` is the same code, so a script that makes a snapshot, waits for it and goes on to delete or to
# upgrade something goes on at once when the id was mistyped, when it asks in the wrong region, or when the snapshot was
# removed while it was made; after a snapshot that has failed it waits ten minutes (40 times 15 s) and then speaks of a time-out. Its
# sibling `db_snapshot_available` does both rightly. (The first of this waiter's rules looks like one of a `…deleted` waiter.)
#
# Seen: botocore 1.44.8, Python 3.11
#   no such snapshot: db_snapshot_completed is content
#   no such snapshot: db_snapshot_available refuses
#   failed snapshot: db_snapshot_completed went on asking
#   failed snapshot: db_snapshot_available refuses
#
# The answers are AWS's own shapes, from a stub of botocore itself; no network. Needs python3 with venv and pip.
# Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'botocore==1.44.8'
"$work/venv/bin/python" - <<'EOF'
import sys
import botocore.session
from botocore.exceptions import WaiterError
from botocore.stub import Stubber

ASKED = 3

def waits(waiter, prepare):
    client = botocore.session.get_session().create_client(
        "rds", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stub:
        prepare(stub)
        try:
            client.get_waiter(waiter).wait(
                DBSnapshotIdentifier="prod-before-upgrade", WaiterConfig={"Delay": 0, "MaxAttempts": ASKED})
        except WaiterError as error:
            return "went on asking" if "Max attempts exceeded" in str(error) else "refuses"
    return "is content"

def missing(stub):
    stub.add_client_error("describe_db_snapshots", "DBSnapshotNotFound", "DBSnapshot prod-before-upgrade not found.", 404)

def failed(stub):
    for _ in range(ASKED):
        stub.add_response("describe_db_snapshots", {"DBSnapshots": [{"Status": "failed"}]})

seen = []
for what, prepare in (("no such snapshot", missing), ("failed snapshot", failed)):
    for waiter in ("db_snapshot_completed", "db_snapshot_available"):
        seen.append(waits(waiter, prepare))
        print(f"{what}: {waiter} {seen[-1]}")
if seen != ["is content", "refuses", "went on asking", "refuses"]:
    sys.exit("another outcome than the one described")
EOF
