#!/usr/bin/env bash
# botocore 1.44.8: the waiter `services_stable` of ECS is content with a service that wants 0 tasks and runs 0, and with a deployment whose
# rolloutState is FAILED, because it compares three numbers and never looks at rolloutState.
#
# At a failover the services of the other region are scaled up and waited for. Whoever waits with this waiter (the AWS CLI's
# `aws ecs wait services-stable` is the same code) is told "stable" when the scaling did not happen at all, and when the deployment
# circuit breaker has given up and the old tasks are still counted.
#
# Seen: botocore 1.44.8, Python 3.11
#   0 of 0 tasks: stable after 1 call
#   rolloutState FAILED, 2 of 2 tasks: stable after 1 call
#
# The answers are AWS's own shape, from a stub of botocore itself; no network. Needs python3 with venv and pip.
# Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'botocore==1.44.8'
"$work/venv/bin/python" - <<'EOF'
import sys
import botocore.session
from botocore.exceptions import WaiterError
from botocore.stub import Stubber

def stable(desired, running, rollout):
    client = botocore.session.get_session().create_client(
        "ecs", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    deployment = {"status": "PRIMARY", "desiredCount": desired, "runningCount": running, "rolloutState": rollout}
    service = {"serviceName": "wordpress", "status": "ACTIVE", "desiredCount": desired, "runningCount": running,
               "deployments": [deployment]}
    with Stubber(client) as stub:
        stub.add_response("describe_services", {"services": [service], "failures": []})
        try:
            client.get_waiter("services_stable").wait(
                cluster="dr", services=["wordpress"], WaiterConfig={"Delay": 0, "MaxAttempts": 1})
        except WaiterError as error:
            sys.exit(f"not content: {error}")
        stub.assert_no_pending_responses()

stable(0, 0, "COMPLETED")
print("0 of 0 tasks: stable after 1 call")
stable(2, 2, "FAILED")
print("rolloutState FAILED, 2 of 2 tasks: stable after 1 call")
EOF
