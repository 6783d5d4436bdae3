//! The same questions to every operation: what if a step fails, an answer is lost, the process dies, somebody stops it, or asks twice?

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bbws::{
    adapters::sandbox::aws::{Fault, Target, judge::Verb},
    domain::{
        active::Active,
        mark::MarkKind,
        operation::State,
        operations,
        point::{Place, Point, PointKind, PointQuery},
        step::Work,
    },
    ports::{clock::Clock, cloud::Cloud, store::Store},
};

use crate::support::{
    kill::{Death, Killer, die, long},
    moved, overwrite,
    rig::{Rig, find_id},
    rooms::Room,
};

/// One of everything that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Config,
    Buckets,
    Dump,
    Lifecycle,
    DeleteSnapshot,
    DeletePoint,
    HoldSnapshot,
    HoldPoint,
    Release,
    CreateSchedule,
    UpdateSchedule,
    TestRestore,
    TestDump,
    RestoreSnapshot,
    RestoreMoment,
    RestoreFiles,
    RestoreFolder,
    CompareSecrets,
    CompareConfig,
    ListObjects,
    Bisect,
    RestoreLive,
    RestoreTenant,
    SwapTenant,
    Failover,
    Failback,
    Reprotect,
    Declare,
    InfraDrill,
    DnsDrill,
    FullDrill,
    Tabletop,
    LiveSecrets,
    LiveConfig,
    LiveObjects,
    LiveFolder,
    BucketRules,
    LiveEverything,
}

impl Kind {
    /// Whether what it made is kept for a while, and goes by itself after that.
    fn keeps(self) -> bool {
        matches!(self, Kind::RestoreSnapshot | Kind::RestoreMoment | Kind::RestoreFiles | Kind::RestoreTenant)
    }

    /// The command that asks for it, in a world made ready for it. `life` makes names that no earlier life used.
    async fn prepared(self, rig: &mut Rig, life: usize) -> String {
        match self {
            Kind::Config => "backup create prod config".to_owned(),
            Kind::Buckets => "backup create prod s3".to_owned(),
            Kind::Dump => "backup create prod dump".to_owned(),
            Kind::Lifecycle => "backup create prod lifecycle".to_owned(),
            Kind::BucketRules => {
                assert!(rig.cloud.suspend_versions("bbws-prod-media"));
                "backup lifecycle prod".to_owned()
            }
            Kind::DeleteSnapshot => format!("backup delete prod {}", old(rig, PointKind::Rds).await.id),
            Kind::DeletePoint => format!("backup delete prod {}", old(rig, PointKind::Efs).await.id),
            Kind::HoldSnapshot => {
                format!("backup hold prod {} --ticket INC-{life}", old(rig, PointKind::Rds).await.id)
            }
            Kind::HoldPoint => format!("backup hold prod {} --ticket INC-{life}", old(rig, PointKind::Efs).await.id),
            Kind::Release => {
                let hold = format!("backup hold prod {} --ticket INC-{life}", old(rig, PointKind::Efs).await.id);
                done(rig, &hold).await;
                format!("{hold} --release")
            }
            Kind::CreateSchedule => "backup schedule prod create --retention 14".to_owned(),
            Kind::UpdateSchedule => {
                done(rig, "backup schedule prod create --retention 14").await;
                "backup schedule prod update --retention 21 --cron \"cron(0 5 * * ? *)\"".to_owned()
            }
            Kind::TestRestore => "backup validate prod --test-restore".to_owned(),
            Kind::TestDump => {
                exported(rig, "dump").await;
                // Without a server of the test's own it is loaded into an instance that is made for it.
                rig.config.environments.get_mut("prod").expect("it is there").dumps[0].load_test = None;
                rig.reboot(rig.process.killer.clone()).await;
                "backup validate prod --dump-test".to_owned()
            }
            Kind::RestoreSnapshot => {
                format!("backup restore prod rds --snapshot-id {} --ticket INC-{life}", newest_snapshot(rig).await)
            }
            Kind::RestoreTenant => {
                emptied(rig);
                let snapshot = newest_snapshot(rig).await;
                format!(
                    "backup restore prod rds --snapshot-id {snapshot} --tenant tenant-1 --merge missing --into live --ticket INC-{life}"
                )
            }
            Kind::SwapTenant => {
                let dump = exported(rig, "dump").await;
                emptied(rig);
                format!("backup restore prod dump --from {dump} --tenant tenant-1 --into live --ticket INC-{life}")
            }
            Kind::RestoreLive => {
                let at = (rig.clock.now() - Duration::from_secs(3600)).iso();
                format!("backup restore prod pitr --target-time {at} --into live --ticket INC-{life}")
            }
            Kind::RestoreMoment => {
                let at = (rig.clock.now() - Duration::from_secs(3600)).iso();
                format!("backup restore prod pitr --target-time {at}")
            }
            Kind::RestoreFiles => format!("backup restore prod efs --recovery-point {}", files(rig).await),
            Kind::RestoreFolder => {
                format!("backup restore prod efs --recovery-point {} --path /tenant-1", files(rig).await)
            }
            Kind::CompareSecrets => format!("backup restore prod secrets --from {}", exported(rig, "secrets").await),
            Kind::CompareConfig => format!("backup restore prod config --from {}", exported(rig, "config").await),
            Kind::ListObjects => {
                let at = (rig.clock.now() - Duration::from_secs(3600)).iso();
                format!("backup restore prod s3 --bucket bbws-prod-media --as-of {at} --prefix wp-content/")
            }
            Kind::LiveSecrets => {
                let export = exported(rig, "secrets").await;
                overwrite::secret(&rig.cloud, life);
                format!("backup restore prod secrets --from {export} --into live --ticket INC-{life}")
            }
            Kind::LiveConfig => {
                let export = exported(rig, "config").await;
                overwrite::parameter(&rig.cloud);
                format!("backup restore prod config --from {export} --into live --ticket INC-{life}")
            }
            Kind::LiveObjects => {
                let at = rig.clock.now().iso();
                rig.clock.advance(Duration::from_secs(60));
                overwrite::object(&rig.cloud);
                format!("backup restore prod s3 --bucket bbws-prod-media --as-of {at} --into live --ticket INC-{life}")
            }
            Kind::LiveFolder => {
                let point = files(rig).await;
                format!(
                    "backup restore prod efs --recovery-point {point} --path /tenant-1 --into live --ticket INC-{life}"
                )
            }
            Kind::InfraDrill => "dr test prod infra".to_owned(),
            Kind::DnsDrill => "dr test prod dns".to_owned(),
            Kind::FullDrill => "dr test sit full-drill".to_owned(),
            Kind::Tabletop => "dr test prod tabletop".to_owned(),
            Kind::LiveEverything => {
                exported(rig, "secrets").await;
                exported(rig, "config").await;
                let at = rig.clock.now().iso();
                rig.clock.advance(Duration::from_secs(600));
                overwrite::secret(&rig.cloud, life);
                overwrite::parameter(&rig.cloud);
                overwrite::object(&rig.cloud);
                rig.asked(&format!("dr declare prod --ticket INC-{life} everything is wrong")).await;
                rig.settle(Duration::from_secs(10)).await;
                format!("backup restore prod full --as-of {at} --into live --ticket INC-{life}")
            }
            Kind::Declare => format!("dr declare prod --ticket INC-{life} orders are gone"),
            Kind::Bisect => "backup bisect prod rds --check orders --since 1d".to_owned(),
            Kind::Failover => {
                format!("dr failover prod --execute --ticket INC-{life} --reason \"a planned move\"")
            }
            Kind::Reprotect => {
                moved::failed_over(rig).await;
                "dr reprotect prod".to_owned()
            }
            Kind::Failback => {
                moved::failed_over(rig).await;
                format!("dr failback prod --execute --ticket INC-{life}")
            }
        }
    }
}

/// How each operation is asked for here. Whoever registers one adds its row: without it every suite of this file fails.
const ROWS: [(&str, &[Kind]); 15] = [
    ("backup.create", &[Kind::Config, Kind::Buckets, Kind::Dump, Kind::Lifecycle]),
    ("backup.lifecycle", &[Kind::BucketRules]),
    ("backup.schedule", &[Kind::CreateSchedule, Kind::UpdateSchedule]),
    ("backup.delete", &[Kind::DeleteSnapshot, Kind::DeletePoint]),
    ("backup.validate", &[Kind::TestRestore, Kind::TestDump]),
    (
        "backup.restore",
        &[
            Kind::RestoreSnapshot,
            Kind::RestoreMoment,
            Kind::RestoreLive,
            Kind::RestoreFiles,
            Kind::RestoreFolder,
            Kind::CompareSecrets,
            Kind::CompareConfig,
            Kind::ListObjects,
            Kind::RestoreTenant,
            Kind::SwapTenant,
            Kind::LiveSecrets,
            Kind::LiveConfig,
            Kind::LiveObjects,
            Kind::LiveFolder,
            Kind::LiveEverything,
        ],
    ),
    ("backup.bisect", &[Kind::Bisect]),
    ("backup.hold", &[Kind::HoldSnapshot, Kind::HoldPoint, Kind::Release]),
    ("dr.failover", &[Kind::Failover]),
    ("dr.failback", &[Kind::Failback]),
    ("dr.reprotect", &[Kind::Reprotect]),
    ("dr.test", &[Kind::InfraDrill, Kind::DnsDrill, Kind::FullDrill, Kind::Tabletop]),
    ("dr.incident", &[Kind::Declare]),
    // Every stop of this file is lifted by one; `control.rs` stops it, and it has no step in AWS that could fail.
    ("control.resume", &[]),
    // It begins by itself, after a test that left something: with every step that fails in one.
    ("backup.cleanup", &[]),
];

/// Everything that is asked for, in the order of the list of operations.
fn cases() -> Vec<Kind> {
    let row = |kind: &str| {
        let row = ROWS.iter().find(|(named, _)| *named == kind);
        row.unwrap_or_else(|| panic!("{kind} is registered and has no row that says how to ask for it")).1
    };
    operations::ALL.into_iter().flat_map(|operation| row(operation.kind())).copied().collect()
}

/// The same without what is made of the steps of several others, each of which is asked by itself.
fn parts() -> Vec<Kind> {
    cases().into_iter().filter(|kind| *kind != Kind::LiveEverything).collect()
}

/// PostgreSQL is asked about the parts, whose steps are those of the whole: the whole would take another half of the time of all of
/// them. `--long` asks it about all.
fn on_postgresql() -> Vec<Kind> {
    if long() { cases() } else { parts() }
}

async fn newest_snapshot(rig: &Rig) -> String {
    let points = points(rig).await;
    let snapshots = points.iter().filter(|p| p.place == Place::Snapshot && p.region == "af-south-1");
    snapshots.filter(|p| p.usable()).max_by_key(|p| p.created).expect("a snapshot").id.clone()
}

/// Somebody ran DELETE without WHERE.
fn emptied(rig: &Rig) {
    assert!(rig.cloud.delete_rows("prod", "bbws-prod-mysql", "tenant_1.wp_posts"));
}

/// The newest recovery point of the file system, at home.
async fn files(rig: &Rig) -> String {
    let points = points(rig).await;
    let here = points.iter().filter(|p| p.kind == PointKind::Efs && p.usable() && p.region == "af-south-1");
    here.max_by_key(|p| p.created).expect("a recovery point").id.clone()
}

/// An export that was made just now.
async fn exported(rig: &mut Rig, kind: &str) -> String {
    done(rig, &format!("backup create prod {kind}")).await;
    let points = points(rig).await;
    let of_kind = points.iter().filter(|p| p.kind.as_str() == kind && p.region == "af-south-1");
    of_kind.max_by_key(|p| p.created).expect("an export").id.clone()
}

/// A point that nothing protects.
async fn old(rig: &Rig, kind: PointKind) -> Point {
    let points = points(rig).await;
    let long_ago = rig.clock.now() - Duration::from_secs(9 * 86_400);
    let fits = |p: &&Point| {
        p.kind == kind
            && p.usable()
            && p.created < long_ago
            && !matches!(p.place, Place::Bucket { .. })
            && p.region == "af-south-1"
    };
    points.iter().find(fits).cloned().unwrap_or_else(|| panic!("no old {kind} among {points:#?}"))
}

async fn points(rig: &Rig) -> Vec<Point> {
    let mut all = Vec::new();
    let env = rig.config.environments["prod"].clone();
    rig.adapter
        .points(&env, &PointQuery::default(), "U0ALICE", &mut |page| all.extend(page))
        .await
        .expect("AWS answers");
    all
}

/// Runs a command to its good end.
async fn done(rig: &mut Rig, command: &str) {
    let id = rig.asked(command).await;
    approve(rig, &id).await;
    assert_eq!(finish(rig, &id).await, State::Succeeded, "{command}: {:?}", rig.run(&id).await.op.outcome);
}

async fn approve(rig: &mut Rig, id: &str) {
    if rig.state(id).await == State::AwaitingApproval {
        rig.settle(Duration::from_secs(2)).await;
        rig.command("U0BOB", &format!("op approve {id} --confirm prod")).await;
    }
    // What reaches everything takes two.
    if rig.state(id).await == State::AwaitingApproval {
        rig.command("U0CAROL", &format!("op approve {id} --confirm prod")).await;
    }
}

/// Runs to the end, where people say that it goes on whenever they are asked.
async fn finish(rig: &mut Rig, id: &str) -> State {
    for _ in 0..4 * 1440 {
        let state = rig.state(id).await;
        if state.terminal() || state == State::NeedsAttention || rig.process.killer.dead() {
            break;
        }
        rig.settle(Duration::from_secs(20)).await;
        if rig.state(id).await == State::Paused {
            // It took far longer than in the lives before this one.
            rig.click("U0BOB", "resume", id).await;
        }
        if rig.state(id).await == State::Waiting {
            rig.click("U0BOB", "continue", id).await;
            rig.settle(Duration::from_secs(2)).await;
            if rig.state(id).await == State::Waiting {
                rig.click("U0CAROL", "continue", id).await;
            }
        }
    }
    rig.settle(Duration::from_secs(10)).await;
    rig.state(id).await
}

/// What has to be true of every end.
async fn judge(rig: &mut Rig, kind: Kind, id: &str, at: &str) {
    if kind == Kind::LiveEverything {
        for mark in rig.ledger.marks("prod", Some(MarkKind::Room)).await.unwrap() {
            rig.click("U0BOB", "continue", &mark.note).await;
        }
        rig.settle(Duration::from_secs(60)).await;
    }
    if kind.keeps() {
        rig.clock.advance(Duration::from_secs(25 * 3600));
        // The clean-up is part of the life: a death that did not come before may come in it.
        while let Err(error) = rig.process.desk.tidy().await {
            assert!(rig.process.killer.dead(), "{kind:?} {at}: {error:?}");
            rig.revive().await;
        }
        rig.settle(Duration::from_secs(3600)).await;
        while rig.process.killer.dead() {
            rig.revive().await;
            rig.process.desk.tidy().await.unwrap();
            rig.settle(Duration::from_secs(3600)).await;
        }
        assert!(rig.cloud.restored_instances().is_empty(), "{kind:?} {at}: {:?}", rig.cloud.restored_instances());
    }
    assert!(rig.cloud.twice().is_empty(), "{kind:?} {at}: {:?}", rig.cloud.twice());
    let rooms: Vec<Room> = rig.chat.with_rooms(|rooms| rooms.values().cloned().collect());
    let told = rig.chat.cards_of(id).into_iter().filter(|posted| posted.card_state().is_some());
    let (shown, cards): (Vec<_>, Vec<_>) = told.partition(|card| rooms.iter().any(|room| room.id == card.channel));
    assert_eq!(cards.len(), 1, "{kind:?} {at}: one card");
    for card in cards.iter().chain(&shown) {
        assert_eq!(card.card_state(), Some(rig.state(id).await), "{kind:?} {at}: card and ledger agree");
    }
    assert_eq!(rig.ledger_holder("prod").await, None, "{kind:?} {at}: the environment is free");
    let left = rig.ledger.marks("prod", Some(MarkKind::Leftover)).await.unwrap();
    assert!(left.is_empty(), "{kind:?} {at}: {left:?}");
    rig.ledger.verify_audit().await.unwrap().unwrap_or_else(|broken| panic!("{kind:?} {at}: {broken}"));
    let open = rig.ledger.marks("prod", Some(MarkKind::Room)).await.unwrap();
    assert!(open.is_empty(), "{kind:?} {at}: no incident is open any more: {open:?}");
    let meets = matches!(kind, Kind::Declare | Kind::LiveEverything);
    assert_eq!(rooms.len(), usize::from(meets), "{kind:?} {at}: one room, and none for anything else");
    for room in rooms {
        let once: BTreeSet<&String> = room.invited.iter().collect();
        assert_eq!(once.len(), room.invited.len(), "{kind:?} {at}: nobody is invited twice: {:?}", room.invited);
        assert_eq!((room.pins.len(), room.topics, shown.len()), (1, 1, 1), "{kind:?} {at}: each once in {room:?}");
    }
}

async fn rig() -> Rig {
    Rig::demo_sqlite().await
}

#[tokio::test]
async fn everything_runs_to_a_verified_end_and_a_repeat_does_nothing_twice() {
    for (life, kind) in cases().into_iter().enumerate() {
        let mut rig = rig().await;
        let command = kind.prepared(&mut rig, life).await;
        let before = rig.mutations();
        let id = rig.asked(&command).await;
        rig.settle(Duration::from_secs(5)).await;
        if rig.state(&id).await == State::AwaitingApproval {
            assert_eq!(rig.mutations(), before, "{kind:?}: nothing before the approval");
            approve(&mut rig, &id).await;
        }
        let state = finish(&mut rig, &id).await;
        assert_eq!(state, State::Succeeded, "{kind:?}: {:#?}", rig.run(&id).await);
        rig.settle(Duration::from_secs(120)).await;
        judge(&mut rig, kind, &id, "at its end").await;
        let said = rig.say("U0ALICE", &command).await;
        if let Some(again) = find_id(&said).filter(|again| *again != id) {
            approve(&mut rig, &again).await;
            finish(&mut rig, &again).await;
        }
        assert!(rig.cloud.twice().is_empty(), "{kind:?} again: {:?}", rig.cloud.twice());
    }
}

#[tokio::test]
async fn every_step_may_fail_and_what_is_told_is_true() {
    for (life, kind) in parts().into_iter().enumerate() {
        let mut steps: Vec<(&'static str, Verb)> = Vec::new();
        let mut index = 0;
        loop {
            let mut rig = rig().await;
            let command = kind.prepared(&mut rig, life).await;
            let id = rig.asked(&command).await;
            if steps.is_empty() {
                let plan = rig.run(&id).await.op.plan;
                // Health is asked of the platform's own addresses, which no fault of AWS reaches.
                let in_aws = plan
                    .steps
                    .iter()
                    .filter(|s| !s.back)
                    .map(|s| &s.action)
                    .filter(|a| matches!(a.work(), Work::AwsChange | Work::AwsRead) && a.kind() != "verify.health");
                steps = in_aws.map(|a| (a.kind(), if a.mutates() { Verb::Start } else { Verb::Poll })).collect();
                let mut seen = Vec::new();
                steps.retain(|(kind, _)| {
                    !seen.contains(kind) && {
                        seen.push(*kind);
                        true
                    }
                });
            }
            let Some((step, verb)) = steps.get(index).copied() else { break };
            index += 1;
            rig.cloud.inject(Fault::Denied, Target::next().on(verb).of_kind(step));
            approve(&mut rig, &id).await;
            let at = format!("with {step} refused");
            let state = finish(&mut rig, &id).await;
            if state == State::RolledBack {
                // The plan says so of what fails from the cutover on; `restores.rs` and `tenants.rs` ask what is live then.
                let turn = match kind {
                    Kind::RestoreLive => &["rds.rename", "verify.database"][..],
                    Kind::RestoreTenant | Kind::SwapTenant => &["tenant.verify"],
                    // Writes stand still meanwhile.
                    Kind::Failback => &["rds.caught_up"],
                    _ => &[],
                };
                assert!(turn.contains(&step), "{kind:?} {at}");
                continue;
            }
            if kind == Kind::Failover && step == "ecs.fence" {
                // Nothing waits for the side that is left: what is not fenced is said, and the run goes on.
                assert_eq!(state, State::Succeeded, "{at}");
                assert!(rig.run(&id).await.op.outcome.is_some_and(|told| told.contains("is not fenced")), "{at}");
                continue;
            }
            if step == "rds.drained" {
                // Nor for its connections, which are asked after once more.
                assert_eq!(state, State::Succeeded, "{at}");
                continue;
            }
            assert_eq!(state, State::Failed, "{kind:?} {at}");
            rig.settle(Duration::from_secs(60)).await;
            let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
            assert!(
                outcome.starts_with("Failed") && outcome.contains("*not*")
                    || outcome.contains("*no* longer")
                    || outcome.contains("costs"),
                "{kind:?} {at}: {outcome}"
            );
            rig.cloud.heal();
            let cleans = rig.run(&id).await.op.plan.steps.iter().any(|s| s.always);
            let said = rig.click("U0ALICE", "retry", &id).await.expect("an answer").text;
            if cleans {
                assert!(said.contains("Ask anew"), "{kind:?} {at}: {said}");
                // What the test made is cleaned up by itself, if its own end did not.
                rig.clock.advance(Duration::from_secs(25 * 3600));
                rig.process.desk.tidy().await.unwrap();
                rig.settle(Duration::from_secs(3600)).await;
            } else {
                approve(&mut rig, &id).await;
                assert_eq!(finish(&mut rig, &id).await, State::Succeeded, "{kind:?} {at}, retried");
            }
            rig.settle(Duration::from_secs(60)).await;
            judge(&mut rig, kind, &id, &at).await;
        }
    }
}

/// Each kind of step in the first operation that has it: looking for what happened is the step's business, and the engine's, whatever
/// operation it is part of. `--long` asks all.
#[tokio::test]
async fn every_answer_may_be_lost() {
    let mut asked = BTreeSet::new();
    for (life, kind) in cases().into_iter().enumerate() {
        let mut kinds: Option<Vec<&'static str>> = None;
        let mut index = 0;
        loop {
            let mut rig = rig().await;
            let command = kind.prepared(&mut rig, life).await;
            let id = rig.asked(&command).await;
            let plan = rig.run(&id).await.op.plan;
            let kinds = kinds.get_or_insert_with(|| {
                let mut kinds: Vec<&str> =
                    plan.steps.iter().filter(|s| s.action.mutates() && !s.back).map(|s| s.action.kind()).collect();
                kinds.dedup();
                kinds.retain(|kind| long() || asked.insert(*kind));
                kinds
            });
            let faults = [Fault::Throttled, Fault::LostReply, Fault::LostRequest];
            let Some(step) = kinds.get(index / faults.len()) else { break };
            let fault = faults[index % faults.len()];
            index += 1;
            rig.cloud.inject(fault, Target::next_start().of_kind(step));
            approve(&mut rig, &id).await;
            let at = format!("with {fault:?} at {step}");
            assert_eq!(finish(&mut rig, &id).await, State::Succeeded, "{kind:?} {at}: {:#?}", rig.run(&id).await.steps);
            rig.settle(Duration::from_secs(60)).await;
            judge(&mut rig, kind, &id, &at).await;
        }
    }
}

/// Each operation is stopped three times, its neighbours in the list at the three other moments: which moment hits which step is
/// a matter of its durations anyway. `--long` stops each at all six.
#[tokio::test]
async fn nothing_begins_after_a_stop() {
    for (life, kind) in cases().into_iter().enumerate() {
        let moments = [0, 1, 20, 120, 400, 900].into_iter().enumerate();
        for (_, seconds) in moments.filter(|(nth, _)| long() || nth % 2 == life % 2) {
            let mut rig = rig().await;
            let command = kind.prepared(&mut rig, life).await;
            let id = rig.asked(&command).await;
            approve(&mut rig, &id).await;
            rig.settle(Duration::from_secs(seconds)).await;
            rig.say("U0CAROL", "stop prod something is wrong").await;
            let before = rig.mutations();
            rig.settle(Duration::from_secs(7200)).await;
            let at = format!("stopped after {seconds} s");
            assert_eq!(rig.mutations(), before, "{kind:?} {at}: nothing begins");
            let resume = rig.asked("resume prod").await;
            rig.settle(Duration::from_secs(2)).await;
            rig.click("U0BOB", "approve", &resume).await;
            rig.settle(Duration::from_secs(30)).await;
            let state = finish(&mut rig, &id).await;
            let expired = seconds == 0 && state == State::Expired;
            assert!(state == State::Succeeded || expired, "{kind:?} {at}: {state} {:?}", rig.run(&id).await.op.outcome);
            rig.settle(Duration::from_secs(60)).await;
            judge(&mut rig, kind, &id, &at).await;
        }
    }
}

#[tokio::test]
async fn what_a_test_has_cleaned_up_behind_is_not_restored_again() {
    let mut rig = rig().await;
    let command = Kind::TestRestore.prepared(&mut rig, 0).await;
    let id = rig.asked(&command).await;
    // One restore fails for good and is cleaned up; of the other nobody knows.
    rig.cloud.inject(Fault::JobFails, Target::next_start().of_kind("backup.restore_test"));
    rig.cloud.inject(Fault::LostReply, Target::next_start().of_kind("rds.restore_test"));
    rig.cloud.inject(Fault::Denied, Target::next().on(Verb::Probe).of_kind("rds.restore_test"));
    approve(&mut rig, &id).await;
    assert_eq!(finish(&mut rig, &id).await, State::NeedsAttention);
    rig.click("U0ALICE", "retry", &id).await;
    assert_eq!(finish(&mut rig, &id).await, State::Failed, "{:#?}", rig.run(&id).await.steps);
    rig.settle(Duration::from_secs(60)).await;
    assert!(rig.cloud.restored_files().is_empty() && rig.cloud.restored_instances().is_empty());
    let tested = rig.ledger.marks("prod", Some(MarkKind::Tested)).await.unwrap();
    assert!(tested.iter().all(|mark| !mark.note.starts_with("fs-")), "{tested:?}");
    judge(&mut rig, Kind::TestRestore, &id, "with one restore unknown and one failed").await;
}

#[tokio::test]
async fn what_could_not_be_tested_is_part_of_the_outcome() {
    let mut rig = rig().await;
    rig.config.environments.get_mut("prod").expect("it is declared").dumps[0].load_test = None;
    rig.reboot(Killer::never()).await;
    assert!(rig.cloud.delete_subnet_group("prod", "bbws-isolated"));
    let id = rig.asked("backup validate prod --test-restore").await;
    assert_eq!(finish(&mut rig, &id).await, State::Succeeded, "{:?}", rig.run(&id).await.op.outcome);
    let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
    assert!(
        outcome.contains("But not everything was: Not tested: that the dump of bbws-prod-mysql can be loaded"),
        "{outcome}"
    );
    assert!(outcome.contains("Not tested: database bbws-prod-mysql"), "{outcome}");
    assert!(outcome.contains("Not tested: file system fs-0900d000000000001"), "{outcome}");
    let shown = rig.say("U0ALICE", &format!("op show {id}")).await;
    assert!(shown.contains("• Not tested: file system fs-0900d000000000001"), "{shown}");
    assert!(rig.ledger.marks("prod", Some(MarkKind::Tested)).await.unwrap().is_empty());
}

/// One life with this one's death in it. `life` makes names that no earlier life used.
async fn one_life(rig: &mut Rig, kind: Kind, life: usize, killer: &Arc<Killer>) {
    rig.fresh().await;
    // The ledger outlives the worlds of this file, and the last one may have been left in the DR region.
    rig.runs(&Active::primary()).await;
    let command = kind.prepared(rig, life).await;
    rig.reboot(killer.clone()).await;
    let newest = rig.newest().await;
    let mut id = rig.command("U0ALICE", &command).await.and_then(|r| find_id(&r.text));
    rig.revive().await;
    if id.is_none() {
        id = rig.newest().await.filter(|id| Some(id) != newest.as_ref());
    }
    let id = match id {
        Some(id) => id,
        // It died before the request was stored: nobody was told anything else, so Alice asks again.
        None => rig.asked(&command).await,
    };
    rig.settle(Duration::from_secs(2)).await;
    rig.revive().await;
    while rig.state(&id).await == State::AwaitingApproval {
        approve(rig, &id).await;
        rig.settle(Duration::from_secs(2)).await;
        rig.revive().await;
    }
    let mut state = finish(rig, &id).await;
    while rig.process.killer.dead() {
        rig.revive().await;
        state = finish(rig, &id).await;
    }
    for _ in 0..2 {
        rig.settle(Duration::from_secs(60)).await;
        rig.revive().await;
    }
    let at = format!("killed {:#?}", rig.died);
    assert_eq!(state, State::Succeeded, "{kind:?} {at}: {:#?}", rig.run(&id).await);
    judge(rig, kind, &id, &at).await;
}

/// The deaths that the kinds can die, each where it comes first: what two of them do in the same way is interrupted in one, and what
/// one does again and again the first time. (`kill.rs` interrupts a backup the last time as well.)
/// PostgreSQL sees those of the ledger's own calls.
async fn killed(mut rig: Rig, kinds: Vec<Kind>, (part, of): (usize, usize), deaths: fn(&Killer) -> Vec<Death>) {
    let (mut died, mut missed) = (BTreeSet::new(), BTreeSet::new());
    let config = rig.config.clone();
    for kind in kinds.iter().skip(part).step_by(of) {
        // What one kind needs to be otherwise is not so for the next.
        rig.config = config.clone();
        // The first backup of a month writes down that it is one, which no later life does: what the second one comes to counts.
        let first = [Kind::Config, Kind::Buckets, Kind::Dump].contains(kind);
        if first {
            one_life(&mut rig, *kind, 0, &Killer::never()).await;
        }
        let whole = Killer::never();
        one_life(&mut rig, *kind, 1, &whole).await;
        assert!(whole.passed() > 20, "{kind:?} has more points to die at than {}", whole.passed());
        let mut life = 1;
        if long() {
            for point in 0..whole.passed() {
                life += 1;
                one_life(&mut rig, *kind, life, &Killer::at(point)).await;
            }
            continue;
        }
        let new = |death: &Death| death.nth == 1 && !died.contains(&death.meaning);
        let deaths: Vec<Death> = deaths(&whole).into_iter().filter(new).collect();
        let live = async |killer| {
            life += 1;
            one_life(&mut rig, *kind, life, &killer).await;
        };
        let never: BTreeSet<String> = die(deaths.clone(), live).await.into_iter().map(|death| death.meaning).collect();
        died.extend(deaths.into_iter().map(|death| death.meaning).filter(|meaning| !never.contains(meaning)));
        missed.extend(never);
    }
    // Which steps are under way at once is a matter of chance: what one life came to another may not, and a later kind may again.
    let never: Vec<&String> = missed.difference(&died).collect();
    assert!(never.len() * 20 <= died.len(), "besides {} that came, these never did: {never:#?}", died.len());
}

#[tokio::test]
async fn killed_on_sqlite_1() {
    killed(rig().await, cases(), (0, 2), Killer::deaths).await;
}

#[tokio::test]
async fn killed_on_sqlite_2() {
    killed(rig().await, cases(), (1, 2), Killer::deaths).await;
}

#[tokio::test]
async fn killed_on_postgresql_1() {
    killed(Rig::demo_postgres().await, on_postgresql(), (0, 2), Killer::deaths_of_the_ledger).await;
}

#[tokio::test]
async fn killed_on_postgresql_2() {
    killed(Rig::demo_postgres().await, on_postgresql(), (1, 2), Killer::deaths_of_the_ledger).await;
}
