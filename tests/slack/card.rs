//! Every state's card, as text and as an outline of its blocks.

use bbws::{
    adapters::slack::{Drawn, draw_card},
    domain::{
        operation::{State, Turn},
        policy::Need,
        step::{Action, Consent, Held, StepState, WaitForPeople},
    },
    ports::chat::CardView,
};
use insta::assert_snapshot;

use crate::slack::sample::{agree, at, done, halt, outline, running, view};

fn shown(view: &CardView) -> String {
    let Drawn { text, blocks, .. } = draw_card(view);
    format!("{text}\n---\n{}", outline(&blocks))
}

/// What differs from state to state: the text, the sentence that must be seen, and the buttons.
fn brief(view: &CardView) -> String {
    let Drawn { text, blocks, .. } = draw_card(view);
    let loud = |b: &serde_json::Value| {
        let text = b["text"]["text"].as_str().unwrap_or_default();
        ["ℹ️", "✅", "⚠️", "⛔"].iter().any(|sign| text.starts_with(sign))
    };
    let telling: Vec<_> =
        blocks.into_iter().filter(|b| loud(b) || b["type"] == "actions" || b["type"] == "input").collect();
    format!("{text}\n---\n{}", outline(&telling))
}

#[test]
fn awaiting_approval() {
    assert_snapshot!(shown(&view()), @r##"
    bk-1042 · Backup of prod (full): Waits for approval by 1 other operator.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    DNS, ECS services and IAM are not covered.
    Next: somebody other than <@U0ALICE> presses *Approve* or *Reject*, by <!date^1795248900^{date_short_pretty} at {time}|21 Nov 2026> (08:15 UTC).
    ---
    section *✋ bk-1042 · Backup of prod (full)*
    Waits for approval by 1 other operator
    section *Account* 093646564004 · af-south-1 → eu-west-1
    *Plan* 6 steps of 5 kinds · usually takes 20 min
    *Kept until* 21 Dec 2026 (30 days)
    *Requested by* <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”
    *Needs* 1 other operator, by <!date^1795248900^{date_short_pretty} at {time}|21 Nov 2026> (08:15 UTC)
    • DNS, ECS services and IAM are not covered.
    actions bbws:bk-1042:0123456789abcdef:1
      Approve (primary) bbws.approve=bk-1042
        asks: Approve backup of prod (full)? Account 093646564004, af-south-1 → eu-west-1, 6 steps of 5 kinds.
      Reject (danger) bbws.reject=bk-1042
      Cancel bbws.cancel=bk-1042
    input bbws.reason reason Reason, if you reject
    container (folded) Show plan: 6 steps of 5 kinds · 2 facts
      section *What is there now*
      • *Database bbws-prod-mysql*: mysql 8.0.36, 100 GiB, encrypted, Multi-AZ
      • *File system wp-content*: 48 GiB, encrypted
      section *Steps*
      1. Snapshot database bbws-prod-mysql
      2. Back up file system wp-content
      3. Copy snapshot to eu-west-1
      4. Verify snapshot
      5. Verify recovery point
      6. Verify snapshot in eu-west-1
    context Plan `0123456789ab` · `/bbws op show bk-1042` shows everything
    "##);
}

#[test]
fn awaiting_approval_of_a_plan_made_anew() {
    let mut view = view();
    view.run.op.revision = 2;
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Waits for approval by 1 other operator.
    What the plan rests on changed, so it was made anew. Earlier approvals do not count.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    DNS, ECS services and IAM are not covered.
    Next: somebody other than <@U0ALICE> presses *Approve* or *Reject*, by <!date^1795248900^{date_short_pretty} at {time}|21 Nov 2026> (08:15 UTC).
    ---
    section ⚠️ What the plan rests on changed, so it was made anew. Earlier approvals do not count.
    actions bbws:bk-1042:0123456789abcdef:2
      Approve (primary) bbws.approve=bk-1042
        asks: Approve backup of prod (full)? Account 093646564004, af-south-1 → eu-west-1, 6 steps of 5 kinds.
      Reject (danger) bbws.reject=bk-1042
      Cancel bbws.cancel=bk-1042
    input bbws.reason reason Reason, if you reject
    "##);
}

#[test]
fn queued() {
    let mut view = view();
    agree(&mut view);
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Agreed; about to start.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    Next: it starts by itself.
    ---
    actions bbws:bk-1042:0123456789abcdef:1
      Cancel bbws.cancel=bk-1042
    "##);
}

#[test]
fn queued_behind_another_operation() {
    let mut view = view();
    agree(&mut view);
    view.run.op.outcome = Some("Waits for bk-1041, which is under way in `prod`.".into());
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Agreed; about to start.
    Waits for bk-1041, which is under way in `prod`.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    Next: it starts by itself.
    ---
    section ℹ️ Waits for bk-1041, which is under way in `prod`.
    actions bbws:bk-1042:0123456789abcdef:1
      Cancel bbws.cancel=bk-1042
    "##);
}

#[test]
fn lifting_a_stop() {
    use bbws::domain::operations::Operation as _;
    let mut view = view();
    view.run.op.plan = bbws::domain::operations::resume::plan("prod", "prod", Vec::new());
    view.run.op.needs = bbws::domain::operations::resume::Resume.needs(&view.run.op.plan, Vec::new());
    view.run.steps.truncate(1);
    assert_snapshot!(shown(&view), @r##"
    bk-1042 · Lift the stop of prod: Waits for approval by 1 other person in a role.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    1 step.
    Stopped operations go on where they halted, with the plans that were approved for them.
    Next: somebody other than <@U0ALICE> presses *Approve* or *Reject*, by <!date^1795248900^{date_short_pretty} at {time}|21 Nov 2026> (08:15 UTC).
    ---
    section *✋ bk-1042 · Lift the stop of prod*
    Waits for approval by 1 other person in a role
    section *Plan* 1 step · usually takes 20 min
    *Requested by* <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”
    *Needs* 1 other person in a role, by <!date^1795248900^{date_short_pretty} at {time}|21 Nov 2026> (08:15 UTC)
    • Stopped operations go on where they halted, with the plans that were approved for them.
    actions bbws:bk-1042:0123456789abcdef:1
      Approve (primary) bbws.approve=bk-1042
        asks: Approve lift the stop of prod? 1 step.
      Reject (danger) bbws.reject=bk-1042
      Cancel bbws.cancel=bk-1042
    input bbws.reason reason Reason, if you reject
    container (folded) Show plan: 1 step
      section *Steps*
      1. Lift the stop of prod
    context Plan `0123456789ab` · `/bbws op show bk-1042` shows everything
    "##);
}

#[test]
fn being_run() {
    assert_snapshot!(shown(&running()), @r##"
    bk-1042 · Backup of prod (full): Running.
    23 % · 6 min so far · about 14 min left.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section *▶️ bk-1042 · Backup of prod (full)*
    Running · 23 % · 6 min so far · about 14 min left
    fields
      *Account* | 093646564004
      *Region → DR region* | af-south-1 → eu-west-1
      *Kept until* | 21 Dec 2026 (30 days)
      *Requested by* | <@U0ALICE> · <!date^1795248000^{date_short_pretty} at {time}|21 Nov 2026> (08:00 UTC) | “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”
      *Needs* | 1 other operator | agreed: <@U0BOB>
      *Usually takes* | 20 min
    plan 1 of 6 steps done · 23 %
      [complete] Snapshot database bbws-prod-mysql | done · 4 min · `aws-id-0`
        https://af-south-1.console.aws.amazon.com/rds/home?region=af-south-1#db-snapshot:engine=;id=bbws-prod-mysql-manual-20261121-bk-1042
      [in_progress] Back up file system wp-content | 40 % · RUNNING · 6 min · `0b1c2d3e-job`
        https://af-south-1.console.aws.amazon.com/backup/home?region=af-south-1#/jobs/backup/details/0b1c2d3e-job
      [pending] Copy snapshot to eu-west-1
      [pending] Verify snapshot
      [pending] Verify recovery point
      [pending] Verify snapshot in eu-west-1
    context Plan `0123456789ab` · `/bbws op show bk-1042` shows everything
    actions bbws:bk-1042:0123456789abcdef:1
      Stop (danger) bbws.stop=bk-1042
        asks: Stop bk-1042? No new step begins; what already runs in AWS is watched to its end. Going on again takes two people.
      Cancel bbws.cancel=bk-1042
    "##);
}

#[test]
fn being_run_plain() {
    assert_snapshot!(outline(&draw_card(&running()).plain_blocks), @r##"
    section *▶️ bk-1042 · Backup of prod (full)*
    Running · 23 % · 6 min so far · about 14 min left
    fields
      *Account* | 093646564004
      *Region → DR region* | af-south-1 → eu-west-1
      *Kept until* | 21 Dec 2026 (30 days)
      *Requested by* | <@U0ALICE> · <!date^1795248000^{date_short_pretty} at {time}|21 Nov 2026> (08:00 UTC) | “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”
      *Needs* | 1 other operator | agreed: <@U0BOB>
      *Usually takes* | 20 min
    section *1 of 6 steps done · 23 %*
    ✅ Snapshot database bbws-prod-mysql – done · 4 min `aws-id-0` <https://af-south-1.console.aws.amazon.com/rds/home?region=af-south-1#db-snapshot:engine=;id=bbws-prod-mysql-manual-20261121-bk-1042|AWS console>
    ⏳ Back up file system wp-content – 40 % · RUNNING · 6 min `0b1c2d3e-job` <https://af-south-1.console.aws.amazon.com/backup/home?region=af-south-1#/jobs/backup/details/0b1c2d3e-job|AWS console>
    ▫️ Copy snapshot to eu-west-1
    ▫️ Verify snapshot
    ▫️ Verify recovery point
    ▫️ Verify snapshot in eu-west-1
    context Plan `0123456789ab` · `/bbws op show bk-1042` shows everything
    actions bbws:bk-1042:0123456789abcdef:1
      Stop (danger) bbws.stop=bk-1042
        asks: Stop bk-1042? No new step begins; what already runs in AWS is watched to its end. Going on again takes two people.
      Cancel bbws.cancel=bk-1042
    "##);
}

#[test]
fn being_cancelled() {
    let mut view = running();
    halt(&mut view, "U0CAROL", "wrong environment", true);
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Being cancelled; what already runs in AWS is watched to its end.
    23 % · 6 min so far.
    Cancelled by <@U0CAROL>, <!date^1795248420^{date_short_pretty} at {time}|21 Nov 2026> (08:07 UTC): “wrong environment”. It ends once what already runs in AWS has ended.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section ⚠️ Cancelled by <@U0CAROL>, <!date^1795248420^{date_short_pretty} at {time}|21 Nov 2026> (08:07 UTC): “wrong environment”. It ends once what already runs in AWS has ended.
    actions bbws:bk-1042:0123456789abcdef:1
      Stop (danger) bbws.stop=bk-1042
        asks: Stop bk-1042? No new step begins; what already runs in AWS is watched to its end. Going on again takes two people.
    "##);
}

#[test]
fn paused() {
    let mut view = running();
    view.run.op.state = State::Paused;
    halt(&mut view, "U0CAROL", "release in progress", false);
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Paused; no new step begins.
    23 % · 6 min so far.
    Paused by <@U0CAROL>, <!date^1795248420^{date_short_pretty} at {time}|21 Nov 2026> (08:07 UTC): “release in progress”. *Resume* goes on, *Stop* halts it, *Cancel* gives it up.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section ⚠️ Paused by <@U0CAROL>, <!date^1795248420^{date_short_pretty} at {time}|21 Nov 2026> (08:07 UTC): “release in progress”. *Resume* goes on, *Stop* halts it, *Cancel* gives it up.
    actions bbws:bk-1042:0123456789abcdef:1
      Resume (primary) bbws.resume=bk-1042
      Stop (danger) bbws.stop=bk-1042
        asks: Stop bk-1042? No new step begins; what already runs in AWS is watched to its end. Going on again takes two people.
      Cancel bbws.cancel=bk-1042
    "##);
}

#[test]
fn waiting() {
    let mut view = running();
    view.run.op.state = State::Waiting;
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Waits for a person.
    23 % · 6 min so far.
    A person has to say how to go on.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section ℹ️ A person has to say how to go on.
    actions bbws:bk-1042:0123456789abcdef:1
      Continue (primary) bbws.continue=bk-1042
      Hold bbws.hold=bk-1042
      Stop (danger) bbws.stop=bk-1042
        asks: Stop bk-1042? No new step begins; what already runs in AWS is watched to its end. Going on again takes two people.
      Cancel bbws.cancel=bk-1042
    "##);
}

#[test]
fn stopped() {
    let mut view = running();
    view.run.op.state = State::Stopped;
    halt(&mut view, "U0CAROL", "database is on fire", false);
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Stopped; no new step begins.
    23 % · 6 min so far.
    Stopped by <@U0CAROL>, <!date^1795248420^{date_short_pretty} at {time}|21 Nov 2026> (08:07 UTC): “database is on fire”. What already runs in AWS is watched to its end. *Resume* goes on; a second person has to agree to that. *Cancel* gives it up.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section ⚠️ Stopped by <@U0CAROL>, <!date^1795248420^{date_short_pretty} at {time}|21 Nov 2026> (08:07 UTC): “database is on fire”. What already runs in AWS is watched to its end. *Resume* goes on; a second person has to agree to that. *Cancel* gives it up.
    actions bbws:bk-1042:0123456789abcdef:1
      Resume (primary) bbws.resume=bk-1042
      Cancel bbws.cancel=bk-1042
    "##);
}

#[test]
fn what_a_step_gave_is_said_for_people() {
    let mut view = running();
    let arn = "arn:aws:rds:af-south-1:093646564004:snapshot:bbws-prod-mysql-manual-20261121-bk-1042";
    done(&mut view, 0, 2, 6);
    view.run.steps[0].external_id = Some(arn.into());
    view.run.steps[0].outputs = [("size", "429496729600"), ("snapshot_arn", arn)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    done(&mut view, 1, 2, 6);
    let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    view.run.steps[1].outputs = [("count", "4"), ("sha256", sha256), ("size", "1536")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let shown = shown(&view);
    assert!(shown.contains(&format!("`{arn}` | size: 400 GiB\n")), "{shown}");
    assert!(shown.contains("| count: 4 · sha256: 9f86d081884c… · size: 1.5 KiB\n"), "{shown}");
}

#[test]
fn succeeded() {
    let mut view = running();
    (0..6).for_each(|i| done(&mut view, i, 2, 20));
    view.run.steps[1]
        .outputs
        .insert("recovery_point".into(), "arn:aws:backup:af-south-1:093646564004:recovery-point:1".into());
    view.run.op.state = State::Succeeded;
    view.run.op.ended = Some(at(20));
    view.run.op.outcome =
        Some("All 6 steps are done and every result is verified, in eu-west-1 too, in 18 min.".into());
    assert_snapshot!(shown(&view), @r##"
    bk-1042 · Backup of prod (full): Succeeded and verified.
    100 % · took 18 min.
    All 6 steps are done and every result is verified, in eu-west-1 too, in 18 min. Verified: 1 snapshot, 1 recovery point in af-south-1; 1 snapshot in eu-west-1.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section *✅ bk-1042 · Backup of prod (full)*
    Succeeded and verified · 100 % · took 18 min
    fields
      *Account* | 093646564004
      *Region → DR region* | af-south-1 → eu-west-1
      *Kept until* | 21 Dec 2026 (30 days)
      *Requested by* | <@U0ALICE> · <!date^1795248000^{date_short_pretty} at {time}|21 Nov 2026> (08:00 UTC) | “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”
      *Needs* | 1 other operator | agreed: <@U0BOB>
      *Usually takes* | 20 min
    section ✅ All 6 steps are done and every result is verified, in eu-west-1 too, in 18 min. Verified: 1 snapshot, 1 recovery point in af-south-1; 1 snapshot in eu-west-1.
    plan 6 of 6 steps done · 100 %
      [complete] Snapshot database bbws-prod-mysql | done · 18 min · `aws-id-0`
        https://af-south-1.console.aws.amazon.com/rds/home?region=af-south-1#db-snapshot:engine=;id=bbws-prod-mysql-manual-20261121-bk-1042
      [complete] Back up file system wp-content | done · RUNNING · 18 min · `aws-id-1` | recovery point: arn:aws:backup:af-south-1:093646564004:recovery-point:1
        https://af-south-1.console.aws.amazon.com/backup/home?region=af-south-1#/jobs/backup/details/aws-id-1
      [complete] Copy snapshot to eu-west-1 | done · 18 min · `aws-id-2`
        https://eu-west-1.console.aws.amazon.com/rds/home?region=eu-west-1#db-snapshot:engine=;id=bbws-prod-mysql-manual-20261121-bk-1042-dr
      [complete] Verify snapshot | done · 18 min · `aws-id-3`
        https://af-south-1.console.aws.amazon.com/rds/home?region=af-south-1#db-snapshot:engine=;id=bbws-prod-mysql-manual-20261121-bk-1042
      [complete] Verify recovery point | done · 18 min · `aws-id-4`
        https://af-south-1.console.aws.amazon.com/backup/home?region=af-south-1#/backupvaults/details/bbws-prod/arn%3Aaws%3Abackup%3Aaf-south-1%3A093646564004%3Arecovery-point%3A1
      [complete] Verify snapshot in eu-west-1 | done · 18 min · `aws-id-5`
        https://eu-west-1.console.aws.amazon.com/rds/home?region=eu-west-1#db-snapshot:engine=;id=bbws-prod-mysql-manual-20261121-bk-1042-dr
    context Plan `0123456789ab` · `/bbws op show bk-1042` shows everything
    "##);
}

#[test]
fn failed() {
    let mut view = running();
    view.run.op.state = State::Failed;
    view.run.op.ended = Some(at(9));
    view.run.steps[1].state = StepState::Failed;
    view.run.steps[1].error = Some("AWS Backup says FAILED: vault <bbws-prod> is locked. Unlock it.".into());
    view.run.steps[4].state = StepState::Skipped;
    assert_snapshot!(shown(&view), @r##"
    bk-1042 · Backup of prod (full): Failed.
    16 % · took 7 min.
    “Back up file system wp-content”: AWS Backup says FAILED: vault &lt;bbws-prod&gt; is locked. Unlock it. *Retry* tries what failed again; `/bbws op show bk-1042` shows every step.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section *⛔ bk-1042 · Backup of prod (full)*
    Failed · 16 % · took 7 min
    fields
      *Account* | 093646564004
      *Region → DR region* | af-south-1 → eu-west-1
      *Kept until* | 21 Dec 2026 (30 days)
      *Requested by* | <@U0ALICE> · <!date^1795248000^{date_short_pretty} at {time}|21 Nov 2026> (08:00 UTC) | “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”
      *Needs* | 1 other operator | agreed: <@U0BOB>
      *Usually takes* | 20 min
    section ⛔ “Back up file system wp-content”: AWS Backup says FAILED: vault &lt;bbws-prod&gt; is locked. Unlock it. *Retry* tries what failed again; `/bbws op show bk-1042` shows every step.
    plan 1 of 6 steps done · 16 %
      [complete] Snapshot database bbws-prod-mysql | done · 4 min · `aws-id-0`
        https://af-south-1.console.aws.amazon.com/rds/home?region=af-south-1#db-snapshot:engine=;id=bbws-prod-mysql-manual-20261121-bk-1042
      [error] Back up file system wp-content | failed · RUNNING · 6 min · `0b1c2d3e-job` | AWS Backup says FAILED: vault <bbws-prod> is locked. Unlock it.
        https://af-south-1.console.aws.amazon.com/backup/home?region=af-south-1#/jobs/backup/details/0b1c2d3e-job
      [pending] Copy snapshot to eu-west-1
      [pending] Verify snapshot
      [pending] Verify recovery point | skipped
      [pending] Verify snapshot in eu-west-1
    context Plan `0123456789ab` · `/bbws op show bk-1042` shows everything
    actions bbws:bk-1042:0123456789abcdef:1
      Retry (primary) bbws.retry=bk-1042
    "##);
}

#[test]
fn needs_attention() {
    let mut view = running();
    view.run.op.state = State::NeedsAttention;
    view.run.steps[1].state = StepState::Unknown;
    view.run.steps[1].error = Some("AWS did not answer StartBackupJob, and no job is to be found".into());
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Needs attention: the outcome of a step is unknown.
    16 % · 6 min so far.
    “Back up file system wp-content”: AWS did not answer StartBackupJob, and no job is to be found. Look in AWS first. *Retry* looks for what may have happened before it calls again, *Cancel* gives it up.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section ⛔ “Back up file system wp-content”: AWS did not answer StartBackupJob, and no job is to be found. Look in AWS first. *Retry* looks for what may have happened before it calls again, *Cancel* gives it up.
    actions bbws:bk-1042:0123456789abcdef:1
      Retry (primary) bbws.retry=bk-1042
      Cancel bbws.cancel=bk-1042
    "##);
}

/// A step of it asks people, the first of its plan.
fn asking(consent: Consent) -> CardView {
    let mut view = running();
    let question = "Two rows of *orders* differ. Is that what is wanted?".to_owned();
    view.run.op.state = State::Waiting;
    view.run.op.plan.steps[0].action = Action::WaitForPeople(WaitForPeople { question, rule: None, consent });
    view.run.steps[0].state = StepState::Polling;
    view
}

#[test]
fn whoever_is_asked_reads_on_the_card_what_and_who_has_to_answer() {
    let needs = vec![Need { role: "dba".into(), count: 2 }];
    for (consent, whom) in [(Consent::Look, "anyone in a role"), (Consent::Others(needs), "2 people with the role dba")]
    {
        let mut view = asking(consent);
        let drawn = brief(&view);
        let line =
            format!("Two rows of *orders* differ. Is that what is wanted? It waits for {whom}: *Continue* or *Hold*.");
        assert_eq!(drawn.matches(&line).count(), 2, "in the text and on the card: {drawn}");
        assert!(!drawn.contains("has to say how to go on"), "said once: {drawn}");
        assert!(drawn.contains("actions bbws:bk-1042:0123456789abcdef:1:0\n"), "its buttons name the step: {drawn}");
        view.run.steps[0].answers.held = Some(Held { by: "U0BOB".into(), at: view.now });
        assert!(brief(&view).contains("*Held by <@U0BOB>*"), "{}", brief(&view));
    }
}

#[test]
fn what_later_steps_read_as_json_is_not_on_the_card() {
    let mut view = running();
    let step = &mut view.run.steps[0];
    step.state = StepState::Done;
    step.outputs =
        [("report".to_owned(), r#"{"breaches":[]}"#.to_owned()), ("rows".to_owned(), "26".to_owned())].into();
    let drawn = shown(&view);
    assert!(drawn.contains("rows: 26") && !drawn.contains("breaches"), "{drawn}");
}

#[test]
fn rolled_back_because_somebody_said_so() {
    let mut view = running();
    view.run.op.state = State::RolledBack;
    view.run.op.turned = Some(Turn { by: "U0BOB".into(), at: view.now, reason: None });
    assert!(brief(&view).contains("Rolled back; what had been changed was undone."), "{}", brief(&view));
}

#[test]
fn rolled_back() {
    let mut view = running();
    view.run.op.state = State::RolledBack;
    view.run.op.outcome = Some("The copy failed; the snapshot was deleted again.".into());
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Failed; what had been changed was undone.
    23 % · 6 min so far.
    The copy failed; the snapshot was deleted again.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    To ask again: `/bbws backup create prod full`
    ---
    section ⛔ The copy failed; the snapshot was deleted again.
    "##);
}

#[test]
fn rejected() {
    let mut view = view();
    view.run.op.state = State::Rejected;
    view.run.op.outcome = Some(
        "Rejected by <@U0BOB>: not during the sale. Nothing was started. To ask again: `/bbws backup create prod full`"
            .into(),
    );
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Rejected.
    Rejected by <@U0BOB>: not during the sale. Nothing was started. To ask again: `/bbws backup create prod full`
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section ⚠️ Rejected by <@U0BOB>: not during the sale. Nothing was started. To ask again: `/bbws backup create prod full`
    "##);
}

#[test]
fn expired() {
    let mut view = view();
    view.run.op.state = State::Expired;
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Expired.
    Nobody agreed in time; nothing was run. To ask again: `/bbws backup create prod full`
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section ⚠️ Nobody agreed in time; nothing was run. To ask again: `/bbws backup create prod full`
    "##);
}

#[test]
fn cancelled() {
    let mut view = view();
    view.run.op.state = State::Cancelled;
    halt(&mut view, "U0ALICE", "mistyped", true);
    assert_snapshot!(brief(&view), @r##"
    bk-1042 · Backup of prod (full): Cancelled.
    Cancelled by <@U0ALICE>, <!date^1795248420^{date_short_pretty} at {time}|21 Nov 2026> (08:07 UTC): “mistyped”.
    Requested by <@U0ALICE>: “before the &lt;b&gt;release&lt;/b&gt; &amp; the sale”.
    Account 093646564004, af-south-1 → eu-west-1, 6 steps, kept until 21 Dec 2026 (30 days).
    ---
    section ℹ️ Cancelled by <@U0ALICE>, <!date^1795248420^{date_short_pretty} at {time}|21 Nov 2026> (08:07 UTC): “mistyped”.
    "##);
}

#[test]
fn a_thousand_steps_are_grouped_and_failures_come_first() {
    let mut view = running();
    let one = view.run.op.plan.steps[0].clone();
    view.run.op.plan.steps = vec![one; 1_000];
    let step = view.run.steps[2].clone();
    view.run.steps = (0..1_000).map(|index| bbws::domain::step::Step { index, ..step.clone() }).collect();
    (0..412).for_each(|i| view.run.steps[i].state = StepState::Done);
    (412..420).for_each(|i| view.run.steps[i].state = StepState::Polling);
    view.run.steps[420].state = StepState::Failed;
    view.run.steps[420].error = Some("SnapshotQuotaExceeded".into());
    let plan: Vec<_> = draw_card(&view).blocks.into_iter().filter(|b| b["type"] == "plan").collect();
    assert_snapshot!(outline(&plan), @r##"
    plan 412 of 1,000 steps done · 41 %
      [error] Snapshot database bbws-prod-mysql | failed | SnapshotQuotaExceeded
      [in_progress] Snapshot databases (af-south-1): 412 of 999 done | 8 in progress · 579 to come
    "##);
}
