#!/usr/bin/env bash
# slack_bolt 1.30.0 (Python): a slash command whose listener acknowledges after more than three seconds is answered with HTTP 404 and
# "unhandled request", and its listener runs on to its end, the late ack() included.
#
# The listener works something out first, reads AWS for a plan, say, and acks with the result. The person is shown that the command failed,
# the log says "Unhandled request" and proposes to write the listener that is running at that moment, and nothing tells that the work
# was done: typed again, as anybody would, it is done again. In a process that ends after its answer, as on Lambda, it is cut off
# somewhere instead. What is slow has to come after ack(), or in a lazy listener.
#
# Seen: slack_bolt 1.30.0, Python 3.11
#   answered after 3.0 s: 404 {"error": "unhandled request"}
#   at that moment done: []
#   a little later done: ['planned', 'acknowledged']
#   the same typed again: 404, done: ['planned', 'acknowledged', 'planned', 'acknowledged']
#
# The requests are made and signed here and handed to the app as a web framework would. Needs python3 with venv and pip; no network but
# for the installation. Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'slack_bolt==1.30.0' 'slack_sdk==3.48.0'
"$work/venv/bin/python" - 2>"$work/log" <<'EOF'
import hashlib, hmac, sys, time, urllib.parse
from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult

SECRET = "signing-secret-of-a-test"
done = []
app = App(signing_secret=SECRET, authorize=lambda **_: AuthorizeResult(
    enterprise_id=None, team_id="T1", bot_token="xoxb-test", bot_id="B1", bot_user_id="U9"))

@app.command("/restore")
def restore(ack, command):
    time.sleep(4)
    done.append("planned")
    ack("Here is the plan.")
    done.append("acknowledged")

def typed(at):
    body = urllib.parse.urlencode({"command": "/restore", "text": "prod", "user_id": "U1", "team_id": "T1", "channel_id": "C1",
                                   "trigger_id": "1.1", "response_url": "http://127.0.0.1:9/commands/1"})
    signature = "v0=" + hmac.new(SECRET.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    begun = time.time()
    answer = app.dispatch(BoltRequest(body=body, headers={
        "content-type": "application/x-www-form-urlencoded", "x-slack-request-timestamp": str(at), "x-slack-signature": signature}))
    return answer.status, answer.body, time.time() - begun, list(done)

def settled(count):
    until = time.time() + 20
    while len(done) < count and time.time() < until:
        time.sleep(0.1)
    return list(done)

first = typed(int(time.time()))
print(f"answered after {first[2]:.1f} s: {first[0]} {first[1]}")
print("at that moment done:", first[3])
after = settled(2)
print("a little later done:", after)
second = typed(int(time.time()))
again = settled(4)
print(f"the same typed again: {second[0]}, done: {again}")
once = ["planned", "acknowledged"]
if (first[0], first[3], after, second[0], again) != (404, [], once, 404, once + once) or not 2.5 < first[2] < 3.9:
    sys.exit("another outcome than the one described")
EOF
grep -q "Unhandled request" "$work/log" || { echo "the log does not say what is described"; exit 1; }
echo "the log: $(grep -m 1 -o 'Unhandled request' "$work/log")"
