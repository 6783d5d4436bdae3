#!/bin/sh
# Runs a private PostgreSQL primary and its standby in the given empty directory, reachable by sockets in $dir/primary and
# $dir/standby and by nothing else, until standard input ends. Prints `ready` when both take connections; for each line
# `promote` on standard input the standby becomes a primary.
set -eu
dir=$1
as=
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    as="setpriv --reuid=postgres --regid=$(id -g postgres) --clear-groups"
fi
cd "$dir"
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
finish() {
    for server in primary standby; do
        $as pg_ctl stop -D "$dir/$server/data" -m immediate >/dev/null 2>&1 || true
    done
    cd / && rm -rf "$dir"
}
trap finish EXIT
start() {
    $as pg_ctl start -w -D "$dir/$1/data" -l "$dir/$1/log" -o "-k $dir/$1 -c listen_addresses='' -c fsync=off -c full_page_writes=off \
        -c max_connections=40 -c shared_buffers=16MB -c autovacuum=off" >/dev/null
}
{
    $as mkdir primary standby
    $as initdb -D "$dir/primary/data" -U postgres -A trust -E UTF8 --locale=C --no-sync
    start primary
    $as pg_basebackup -h "$dir/primary" -U postgres -D "$dir/standby/data" -R -X stream -c fast --no-sync
    start standby
} >>"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
echo ready
while read -r line; do
    [ "$line" != promote ] || { $as pg_ctl promote -w -D "$dir/standby/data" >/dev/null; echo promoted; }
done
