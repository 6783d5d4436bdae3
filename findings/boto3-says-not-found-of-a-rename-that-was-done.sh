#!/usr/bin/env bash
# boto3 1.44.8: when the reply to a rename of a DB instance is lost, the caller is told DBInstanceNotFound, although the rename was carried out:
# botocore sent the call a second time by itself, and reports what the second one was answered.
#
# ModifyDBInstance has no idempotency token. botocore repeats it after a connection error like any other call, and by then the
# old name is gone. A script that reads DBInstanceNotFound as "nothing happened" (which it is for a single attempt) starts over,
# or gives up in the middle of a cutover with neither name where it belongs. PromoteReadReplica and RebootDBInstance are repeated in
# the same way. `Config(retries={"total_max_attempts": 1})` gives the honest answer: the connection was lost, nobody knows.
#
# Seen: boto3 1.44.8, Python 3.11
#   as it comes: DBInstanceNotFound after 2 requests, instances: orders-before
#   total_max_attempts 1: ConnectionClosedError after 1 request, instances: orders-before
#
# The server is a few lines on loopback that rename once and answer in RDS's shapes. Needs python3 with venv and pip.
# Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'boto3==1.44.8'
AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null "$work/venv/bin/python" - <<'EOF'
import http.server, sys, threading, urllib.parse
import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

NOT_FOUND = b"""<ErrorResponse><Error><Type>Sender</Type>
<Code>DBInstanceNotFound</Code><Message>DBInstance orders not found.</Message></Error><RequestId>2</RequestId></ErrorResponse>"""

class Rds(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
        self.server.requests += 1
        self.close_connection = True
        if form["DBInstanceIdentifier"] in self.server.instances:
            self.server.instances = [form["NewDBInstanceIdentifier"]]
            return  # Renamed; the reply is lost.
        self.send_response(404)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(NOT_FOUND)))
        self.end_headers()
        self.wfile.write(NOT_FOUND)

    def log_message(self, *_):
        pass

def renamed(config):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rds)
    server.instances, server.requests = ["orders"], 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rds = boto3.client("rds", region_name="eu-west-1", endpoint_url=f"http://127.0.0.1:{server.server_port}", config=config,
                       aws_access_key_id="test", aws_secret_access_key="test")
    try:
        rds.modify_db_instance(DBInstanceIdentifier="orders", NewDBInstanceIdentifier="orders-before", ApplyImmediately=True)
        told = "success"
    except ClientError as error:
        told = error.response["Error"]["Code"]
    except BotoCoreError as error:
        told = type(error).__name__
    server.shutdown()
    return told, server.requests, server.instances

by_default = renamed(Config())
once = renamed(Config(retries={"total_max_attempts": 1}))
for how, (told, requests, instances) in (("as it comes", by_default), ("total_max_attempts 1", once)):
    print(f"{how}: {told} after {requests} request{'s' if requests > 1 else ''}, instances:", *instances)
if by_default != ("DBInstanceNotFound", 2, ["orders-before"]) or once != ("ConnectionClosedError", 1, ["orders-before"]):
    sys.exit("another outcome than the one described")
EOF
