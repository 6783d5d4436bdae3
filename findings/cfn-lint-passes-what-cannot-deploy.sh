#!/usr/bin/env bash
# cfn-lint 1.58.0 passes a template of disaster recovery that AWS refuses at the deployment: a Route 53 weight of 300 (0 to 255 are
# possible) and a five-field cron in a restore testing plan of AWS Backup (AWS cron has six fields).
#
# Both sit in templates that are first deployed on the day they are needed. "The linter is green" says nothing about ranges
# and expressions that the resource schemas describe in prose only.
#
# Seen: cfn-lint 1.58.0, Python 3.11
#   weight 300: exit 0, no finding
#   five-field cron: exit 0, no finding
#   control, a property that does not exist: E3002
#
# No network after the installation. Needs python3 with venv and pip. Exits 1 when the behaviour is no longer this.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'cfn-lint==1.58.0'
cd "$work"
cat >weight.yaml <<'EOF'
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Dr:
    Type: AWS::Route53::RecordSet
    Properties:
      HostedZoneId: Z0EXAMPLE
      Name: app.example.com.
      Type: CNAME
      TTL: "60"
      SetIdentifier: dr
      Weight: 300
      ResourceRecords: [dr.example.com]
EOF
cat >cron.yaml <<'EOF'
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Proof:
    Type: AWS::Backup::RestoreTestingPlan
    Properties:
      RestoreTestingPlanName: weekly
      ScheduleExpression: cron(0 5 * * 0)
      RecoveryPointSelection:
        Algorithm: LATEST_WITHIN_WINDOW
        IncludeVaults: ["*"]
        RecoveryPointTypes: [SNAPSHOT]
EOF
sed 's/Weight: 300/Weigth: 100/' weight.yaml >control.yaml
failed=0
for what in weight cron; do
  if said=$(venv/bin/cfn-lint --non-zero-exit-code error "$what.yaml" 2>&1) && [ -z "$said" ]; then
    echo "$what: exit 0, no finding"
  else
    echo "$what: now found: $said"
    failed=1
  fi
done
if venv/bin/cfn-lint control.yaml >control.out 2>&1; then echo "control: nothing found"; failed=1; else echo "control: $(grep -o '^E[0-9]*' control.out | head -n 1)"; fi
exit $failed
