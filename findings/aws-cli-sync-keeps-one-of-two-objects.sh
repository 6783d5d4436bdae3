#!/usr/bin/env bash
# AWS CLI 1.46.3: `aws s3 sync` of a bucket into a folder writes the objects `uploads/b.txt` and `uploads//b.txt` to one file, says
# "download" of both and ends with 0. The next run has work again though nothing changed in the bucket, and the file gets the other
# one's content.
#
# An empty segment in a key is what a program leaves that joins a prefix with a path that begins with a slash, and S3 takes it: two
# keys, two objects, both in every listing. A folder that is synced as a backup has one of them, by chance; the sync that is to show
# that nothing is left to do finds work each time and turns the file over. Between two buckets the same command keeps both.
# Whoever counts objects against files sees it; exit codes and output do not say it.
#
# Seen: awscli 1.46.3, against moto 5.2.5, Python 3.11
#   first sync    exit 0   2 downloads   1 file
#   the next ones exit 0   1 download, sometimes 2   1 file, now with one content and now with the other
#   bucket to bucket       exit 0   2 copies   2 objects
#
# Needs python3 with venv and pip. Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
server=
trap 'test -z "$server" || kill "$server"; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'awscli==1.46.3' 'moto[server,s3]==5.2.5'
"$work/venv/bin/moto_server" -H 127.0.0.1 -p 0 >"$work/log" 2>&1 &
server=$!
for _ in $(seq 150); do
  address=$(grep -o 'http://127.0.0.1:[0-9]*' "$work/log" | head -1) && test -n "$address" && break
  sleep 0.2
done

export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 AWS_CONFIG_FILE=/dev/null
s3() { "$work/venv/bin/aws" --endpoint-url "$address" s3 "$@"; }
wrong() { echo "$1" >&2; exit 1; }
s3 mb s3://media >/dev/null
s3 mb s3://replica >/dev/null
echo one >"$work/one"
echo other >"$work/other"
s3 cp --quiet "$work/one" s3://media/uploads/b.txt
s3 cp --quiet "$work/other" s3://media/uploads//b.txt

contents=()
for run in first second third fourth; do
  said=$(s3 sync --no-progress s3://media "$work/folder")
  downloads=$(grep -c '^download: ' <<<"$said" || true)
  files=$(find "$work/folder" -type f | wc -l)
  contents+=("$(cat "$work/folder/uploads/b.txt")")
  echo "$run sync: exit 0, $downloads of 2 downloaded, $files file, which holds \"${contents[-1]}\""
  [ "$files" = 1 ] || wrong "there is a file for each object now"
  [ "$downloads" -ge 1 ] || wrong "nothing was left to do"
done
[ "$(printf '%s\n' "${contents[@]}" | sort -u | wc -l)" = 2 ] || wrong "the content stays as it is now"
copies=$(s3 sync --no-progress s3://media s3://replica | grep -c '^copy: ')
objects=$(s3 ls --recursive s3://replica | wc -l)
echo "bucket to bucket: exit 0, $copies copies, $objects objects"
[ "$copies $objects" = "2 2" ] || wrong "a bucket does not get both any more"
