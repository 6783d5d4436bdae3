#!/usr/bin/env bash
# SQLite in WAL mode: a copy of the main file of a database in use has no tables, and passes integrity_check.
#
# Found with: apsw 3.50.4.0 (SQLite 3.50.4), Python 3. SQLite's documentation says that the -wal file is part of the state of a
# database; what surprises is that nothing of SQLite tells such a copy from a whole one: it opens, `PRAGMA integrity_check`
# says "ok", and all that was committed is missing. With `PRAGMA wal_autocheckpoint` above what a small database ever writes,
# that lasts as long as the process does: the file stays at one page, 4096 bytes. The default is 1000 pages, with which the file
# of a database that has written less than 4 MB is as empty.
#
# Seen:
#   apsw 3.50.4.0 SQLite 3.50.4
#   rows that were committed: 500
#   bytes of the file: 4096
#   integrity_check of a copy of the file: ok
#   tables in the copy: 0
#   rows in what VACUUM INTO made meanwhile: 500
#   integrity_check of a copy after a passive checkpoint: ok
#   rows in that copy: 500
#
# Exit 0 while this is so, 1 when it changes. Needs python3 with venv, and pip's index.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.50.4.0
cat >"$folder/show.py" <<'PYTHON'
import os, shutil, sys
import apsw

folder = sys.argv[1]
live = os.path.join(folder, "live.db")
print("apsw", apsw.apsw_version(), "SQLite", apsw.sqlite_lib_version())
changed = []


def expect(what, found, wanted):
    print(f"{what}: {found}")
    if found != wanted:
        changed.append(f"{what}: {found} instead of {wanted}")


def one(connection, sql):
    return next(iter(connection.execute(sql)))[0]


def copied(name):
    to = os.path.join(folder, name)
    shutil.copyfile(live, to)
    return apsw.Connection(to)


writer = apsw.Connection(live)
for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 16000"):
    list(writer.execute(f"PRAGMA {pragma}"))
writer.execute("CREATE TABLE entry (n INTEGER PRIMARY KEY, body TEXT)")
with writer:
    writer.executemany("INSERT INTO entry (body) VALUES (?)", (("x" * 200,) for _ in range(500)))
expect("rows that were committed", one(writer, "SELECT COUNT(*) FROM entry"), 500)
expect("bytes of the file", os.path.getsize(live), 4096)
copy = copied("copy.db")
expect("integrity_check of a copy of the file", one(copy, "PRAGMA integrity_check"), "ok")
expect("tables in the copy", one(copy, "SELECT COUNT(*) FROM sqlite_master"), 0)
whole = os.path.join(folder, "vacuumed.db")
other = apsw.Connection(live)
other.execute("VACUUM INTO ?", (whole,))
expect("rows in what VACUUM INTO made meanwhile", one(apsw.Connection(whole), "SELECT COUNT(*) FROM entry"), 500)
list(other.execute("PRAGMA wal_checkpoint(PASSIVE)"))
folded = copied("folded.db")
expect("integrity_check of a copy after a passive checkpoint", one(folded, "PRAGMA integrity_check"), "ok")
expect("rows in that copy", one(folded, "SELECT COUNT(*) FROM entry"), 500)
for line in changed:
    print("CHANGED", line)
sys.exit(1 if changed else 0)
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder"
