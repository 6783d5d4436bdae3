#!/usr/bin/env bash
# croniter 7.0.0 takes the six fields of an AWS schedule without complaint and means something else by two of them: the last one, AWS's
# year, is read as the second, so that "daily at four" is due sixty times within one minute; and in the day of the week 1 is Monday,
# where AWS counts from Sunday = 1.
#
# Schedules of AWS Backup and EventBridge (`cron(0 4 * * ? *)`) are often handed to this library to show the next runs, or to tell
# which backup is overdue. `?` is taken for `*`, so nothing is refused. A day of the week by its name is read rightly.
#
# Seen: croniter 7.0.0, Python 3.11
#   0 4 * * ? *: 2026-11-27T04:00:00 2026-11-27T04:00:01 2026-11-27T04:00:02
#   0 2 ? * 1 *: first on a Monday
#   0 2 ? * SUN *: first on a Sunday
#
# By AWS's documentation the first is due once a day, and the second on Sundays. No network but for the installation.
# Needs python3 with venv and pip. Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'croniter==7.0.0'
"$work/venv/bin/python" - <<'EOF'
import sys
from datetime import datetime
from croniter import croniter

def due(expression, times):
    runs = croniter(expression, datetime(2026, 11, 27))
    return [runs.get_next(datetime) for _ in range(times)]

daily = [run.isoformat() for run in due("0 4 * * ? *", 3)]
print("0 4 * * ? *:", *daily)
number, name = (due(expression, 1)[0].strftime("%A") for expression in ("0 2 ? * 1 *", "0 2 ? * SUN *"))
print(f"0 2 ? * 1 *: first on a {number}")
print(f"0 2 ? * SUN *: first on a {name}")
if daily != [f"2026-11-27T04:00:0{second}" for second in range(3)] or (number, name) != ("Monday", "Sunday"):
    sys.exit("another outcome than the one described")
EOF
