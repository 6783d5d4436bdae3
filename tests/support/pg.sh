#!/bin/sh
# Runs a private PostgreSQL server in the given empty directory, reachable by its socket there and by nothing else,
# until standard input ends: whoever holds the other end of the pipe may die in any way. Prints the server's URL when
# it takes connections. PostgreSQL refuses to run as root; for root it runs as the user postgres.
set -eu
dir=$1
as=
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    as="setpriv --reuid=postgres --regid=$(id -g postgres) --clear-groups"
fi
cd "$dir"
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
pid=
finish() {
    [ -z "$pid" ] || { kill -QUIT "$pid" 2>/dev/null && wait "$pid" || true; }
    cd / && rm -rf "$dir"
}
trap finish EXIT
$as initdb -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
$as postgres -D "$dir/data" -k "$dir" -c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=300 \
    -c shared_buffers=64MB -c autovacuum=off >>"$dir/log" 2>&1 &
pid=$!
for _ in $(seq 300); do
    if [ -S "$dir/.s.PGSQL.5432" ] && psql -h "$dir" -U postgres -c 'SELECT 1' >/dev/null 2>&1; then
        echo "postgres://postgres@localhost/postgres?host=$dir"
        cat >/dev/null
        exit 0
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
done
cat "$dir/log" >&2
exit 1
