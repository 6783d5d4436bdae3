#!/usr/bin/env bash
# AWS CLI 1.46.3 (botocore beneath): `aws rds restore-db-instance-to-point-in-time --restore-time` reads the name of a zone only where it
# is the zone of the machine. The same command restores to another moment from another machine.
#
# "03:00 SAST", pasted from an incident's notes, is 01:00Z on a machine in Johannesburg and 03:00Z on one that runs in UTC, as
# CloudShell and containers do: two hours of somebody's deletions come back with the data, and all that is said is a warning of a Python
# library on stderr. A date without punctuation is taken for seconds since 1970, and a day's name for the next such day, which has not
# been yet. A time with `Z` or an offset, or with no zone at all (then it is UTC, whatever the machine), is what it says everywhere.
#
# Seen: awscli 1.46.3, Python 3.11
#   TZ=UTC                  2026-11-27 03:00 SAST  asks RDS for 2026-11-27T03:00:00Z
#   TZ=Africa/Johannesburg  2026-11-27 03:00 SAST  asks RDS for 2026-11-27T01:00:00Z
#   TZ=Africa/Johannesburg  2026-11-27T03:00:00    asks RDS for 2026-11-27T03:00:00Z
#   TZ=UTC                  20261127               asks RDS for 1970-08-23T12:05:27Z
#
# The endpoint is a few lines on loopback that note what they are asked. Needs python3 with venv and pip.
# Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'awscli==1.46.3'
"$work/venv/bin/python" - "$work/venv/bin/aws" <<'EOF'
import http.server, os, subprocess, sys, threading, urllib.parse

EXPECTED = [
    ("UTC", "2026-11-27 03:00 SAST", "2026-11-27T03:00:00Z"),
    ("Africa/Johannesburg", "2026-11-27 03:00 SAST", "2026-11-27T01:00:00Z"),
    ("Africa/Johannesburg", "2026-11-27T03:00:00", "2026-11-27T03:00:00Z"),
    ("UTC", "20261127", "1970-08-23T12:05:27Z"),
]
ANSWER = (
    b"<RestoreDBInstanceToPointInTimeResponse>"
    b"<RestoreDBInstanceToPointInTimeResult><DBInstance><DBInstanceIdentifier>copy</DBInstanceIdentifier></DBInstance>"
    b"</RestoreDBInstanceToPointInTimeResult></RestoreDBInstanceToPointInTimeResponse>"
)
asked = []

class Rds(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        asked.append(urllib.parse.parse_qs(body)["RestoreTime"][0])
        self.send_response(200)
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rds)
threading.Thread(target=server.serve_forever, daemon=True).start()
for zone, said, expected in EXPECTED:
    subprocess.run(
        [sys.argv[1], "rds", "restore-db-instance-to-point-in-time", "--source-db-instance-identifier", "prod",
         "--target-db-instance-identifier", "copy", "--restore-time", said, "--region", "eu-west-1",
         "--endpoint-url", f"http://127.0.0.1:{server.server_port}"],
        env={**os.environ, "TZ": zone, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(f"TZ={zone:<20} {said:<22} asks RDS for {asked[-1]}")
    if asked[-1] != expected:
        sys.exit("another moment than the one described")
EOF
