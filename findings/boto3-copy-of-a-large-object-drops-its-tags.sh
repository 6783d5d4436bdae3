#!/usr/bin/env bash
# boto3 1.44.8: `client.copy()` keeps an object's tags below 8 MiB and drops them from 8 MiB on, with the same call and without a word.
#
# It is the usual way to bring an older version of an object back: copy the version onto its own key. Small objects are copied
# by CopyObject, which takes the tags along; from the multipart threshold on the object is copied in parts, and a multipart
# upload has only the tags it is given. Content type, cache control and metadata do survive (they are read and passed on),
# which makes the loss easy to miss. Lifecycle rules that filter by tag, and policies that let people in by tag, then no longer
# know the large objects. The ETag differs as well (`…-2`), so a comparison by ETag calls a good copy a wrong one.
#
# Seen: boto3 1.44.8, s3transfer as it brings, moto 5.2.5 as S3, Python 3.11
#   1000 bytes: type image/png, metadata kept, tags [('retention', '7y')], ETag same
#   9437184 bytes: type image/png, metadata kept, tags [], ETag different
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

s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{os.environ['PORT']}",
                  aws_access_key_id="test", aws_secret_access_key="test")
bucket = "uploads-of-tenant-1"
s3.create_bucket(Bucket=bucket)
s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

def brought_back(key, size):
    good = s3.put_object(Bucket=bucket, Key=key, Body=b"x" * size, ContentType="image/png", Metadata={"owner": "tenant-1"},
                         Tagging="retention=7y")
    s3.put_object(Bucket=bucket, Key=key, Body=b"overwritten")
    s3.copy({"Bucket": bucket, "Key": key, "VersionId": good["VersionId"]}, bucket, key)
    head = s3.head_object(Bucket=bucket, Key=key)
    assert head["ContentLength"] == size and head["ContentType"] == "image/png", head
    tags = [(tag["Key"], tag["Value"]) for tag in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]]
    kept, same = head["Metadata"] == {"owner": "tenant-1"}, head["ETag"] == good["ETag"]
    print(f"{size} bytes: type {head['ContentType']}, metadata {'kept' if kept else 'lost'}, tags {tags}, "
          f"ETag {'same' if same else 'different'}")
    return kept, tags, same

seen = [brought_back("small.png", 1000), brought_back("large.png", 9 * 1024 * 1024)]
if seen != [(True, [("retention", "7y")], True), (True, [], False)]:
    sys.exit("another outcome than the one described")
EOF
