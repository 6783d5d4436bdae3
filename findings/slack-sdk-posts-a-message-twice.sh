#!/usr/bin/env bash
# slack_sdk 3.48.0 (Python): when the connection ends after a message was taken and before the answer arrived, `chat_postMessage` sends it again
# by itself. The channel has two messages; the caller is told of one, the second, and of no repetition.
#
# `WebClient()` as it is made by default carries a handler that repeats a request after a connection error, also of calls
# that are not safe to repeat, and chat.postMessage has no idempotency key. What was posted first stays behind as a message that
# nobody edits any more: of an approval card, two stand in the channel and one of them never changes. Whoever cannot have that
# passes `retry_handlers=[]` and looks for the message (by its metadata) before posting again.
#
# Seen: slack_sdk 3.48.0, Python 3.11
#   posts that the server took: 2, all alike: True
#   the caller was told: ts 2.0
#
# The server is a few lines on loopback that take the first post and hang up. Needs python3 with venv and pip.
# Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'slack_sdk==3.48.0'
"$work/venv/bin/python" - <<'EOF'
import http.server, json, sys, threading
from slack_sdk import WebClient

taken = []

class Slack(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        taken.append(self.rfile.read(int(self.headers["content-length"])))
        self.close_connection = True
        if len(taken) == 1:
            return
        answer = json.dumps({"ok": True, "ts": f"{len(taken)}.0"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slack)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = WebClient("xoxb-not-a-token", base_url=f"http://127.0.0.1:{server.server_port}/")
told = client.chat_postMessage(channel="C0OPS", text="Failover of prod waits for approval")
print(f"posts that the server took: {len(taken)}, all alike: {len(set(taken)) == 1}")
print("the caller was told: ts", told["ts"])
if len(taken) != 2 or len(set(taken)) != 1 or told["ts"] != "2.0":
    sys.exit("another outcome than the one described")
EOF
