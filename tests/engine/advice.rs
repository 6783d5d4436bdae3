//! No advice leads nowhere: whatever is refused or fails says what to do, and whoever does it gets what they wanted.

use std::{panic::AssertUnwindSafe, time::Duration};

use bbws::{
    adapters::sandbox::aws::{Fault, Target, incidents::Side, judge::Verb},
    domain::{
        mark::MarkKind,
        moment::Moment,
        operation::State,
        point::{Place, Point, PointKind, PointQuery},
    },
    ports::{
        chat::Level,
        clock::Clock,
        cloud::Cloud,
        store::{Commit, Mark, MarkWrite, Store},
    },
};

use futures::FutureExt as _;

use crate::support::rig::{Rig, find_id};

const DAY: Duration = Duration::from_secs(86_400);

/// What stands in somebody's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    SnapshotFails,
    CopyFails,
    JobFails,
    NotAllowed,
    OutcomeUnknown,
    TestRestoreFails,
    FailedSnapshotInTheWay,
    Held,
    UnderTheFloor,
    OnlyTested,
    NoSuchPoint,
    ScheduleExists,
    NoSchedule,
    KeptTooShort,
    KeptTooLong,
    Stopped,
    OtherUnderWay,
    NobodyApproved,
    Mistyped,
    ToCome,
    VaultLocked,
    DumpFails,
    SecretsFail,
    ArchiveNameTaken,
    HoldFails,
    HeldForAnother,
    RegionDead,
    RegionDeadForTheList,
}

const ALL: [Situation; 28] = [
    Situation::SnapshotFails,
    Situation::CopyFails,
    Situation::JobFails,
    Situation::NotAllowed,
    Situation::OutcomeUnknown,
    Situation::TestRestoreFails,
    Situation::FailedSnapshotInTheWay,
    Situation::Held,
    Situation::UnderTheFloor,
    Situation::OnlyTested,
    Situation::NoSuchPoint,
    Situation::ScheduleExists,
    Situation::NoSchedule,
    Situation::KeptTooShort,
    Situation::KeptTooLong,
    Situation::Stopped,
    Situation::OtherUnderWay,
    Situation::NobodyApproved,
    Situation::Mistyped,
    Situation::ToCome,
    Situation::VaultLocked,
    Situation::DumpFails,
    Situation::SecretsFail,
    Situation::ArchiveNameTaken,
    Situation::HoldFails,
    Situation::HeldForAnother,
    Situation::RegionDead,
    Situation::RegionDeadForTheList,
];

/// What somebody reads, and what they wanted.
struct Told {
    advice: String,
    /// The operation whose card has the buttons the advice speaks of.
    card: Option<String>,
    /// What is asked for again once the advice was followed.
    again: Option<String>,
}

impl Told {
    fn refused(advice: String, again: &str) -> Told {
        Told { advice, card: None, again: Some(again.to_owned()) }
    }

    async fn ended(rig: &Rig, id: String) -> Told {
        let advice = rig.run(&id).await.op.outcome.unwrap_or_default();
        Told { advice, card: Some(id), again: None }
    }
}

impl Situation {
    async fn arises(self, rig: &mut Rig) -> Told {
        match self {
            Situation::SnapshotFails => fails(rig, Fault::JobFails, "rds.snapshot", "backup create prod rds").await,
            Situation::CopyFails => fails(rig, Fault::JobFails, "rds.copy", "backup create prod rds").await,
            Situation::JobFails => fails(rig, Fault::JobFails, "backup.job", "backup create prod efs").await,
            Situation::NotAllowed => fails(rig, Fault::Denied, "rds.snapshot", "backup create prod rds").await,
            Situation::TestRestoreFails => {
                fails(rig, Fault::JobFails, "rds.restore_test", "backup validate prod --test-restore").await
            }
            Situation::OutcomeUnknown => {
                rig.cloud.inject(Fault::LostReply, Target::next_start().of_kind("rds.snapshot"));
                rig.cloud.inject(Fault::Denied, Target::next().on(Verb::Probe).of_kind("rds.snapshot"));
                let id = begun(rig, "backup create prod rds").await.expect("it begins");
                assert_eq!(rig.finish(&id).await, State::NeedsAttention);
                Told::ended(rig, id).await
            }
            Situation::FailedSnapshotInTheWay => {
                let first = fails(rig, Fault::JobFails, "rds.snapshot", "backup create prod rds").await;
                let id = first.card.clone().expect("a card");
                // Retry is pressed before the snapshot is out of the way.
                rig.click("U0ALICE", "retry", &id).await;
                assert_eq!(rig.finish(&id).await, State::Failed);
                Told::ended(rig, id).await
            }
            Situation::Held => {
                let old = old(rig, PointKind::Rds, 9).await.id;
                carried_out(rig, &format!("backup hold prod {old} --ticket INC-7")).await;
                refused(rig, &format!("backup delete prod {old}")).await
            }
            Situation::UnderTheFloor => {
                carried_out(rig, "backup create prod rds").await;
                let young = old(rig, PointKind::Rds, 0).await.id;
                refused(rig, &format!("backup delete prod {young}")).await
            }
            Situation::OnlyTested => {
                let old = old(rig, PointKind::Rds, 9).await;
                // A copy would be as good.
                carried_out(rig, &format!("backup delete prod {}-dr", old.id)).await;
                let tested = Mark {
                    environment: "prod".into(),
                    kind: MarkKind::Tested,
                    subject: old.key(),
                    note: Mark::tested(&old.resource, "vl-1"),
                    operation: "vl-1".into(),
                    at: rig.clock.now(),
                };
                let commit = Commit { marks: vec![MarkWrite::Set(tested)], ..Commit::default() };
                rig.ledger.commit(commit).await.unwrap();
                refused(rig, &format!("backup delete prod {}", old.id)).await
            }
            Situation::NoSuchPoint => {
                let said = rig.say("U0ALICE", "backup delete prod bbws-prod-mysql-manual-20200101-bk-1").await;
                Told { advice: said, card: None, again: None }
            }
            Situation::ScheduleExists => {
                carried_out(rig, "backup schedule prod create --retention 14").await;
                let told = refused(rig, "backup schedule prod create --retention 21").await;
                Told { again: None, ..told }
            }
            Situation::NoSchedule => {
                let told = refused(rig, "backup schedule prod update --retention 21").await;
                Told { again: None, ..told }
            }
            Situation::KeptTooShort | Situation::KeptTooLong => {
                let days = if self == Situation::KeptTooShort { 6 } else { 31 };
                let told = refused(rig, &format!("backup schedule prod create --retention {days}")).await;
                Told { again: None, ..told }
            }
            Situation::Stopped => {
                rig.say("U0BOB", "stop prod the database looks corrupt").await;
                refused(rig, "backup create prod rds").await
            }
            Situation::OtherUnderWay => {
                begun(rig, "backup create prod rds").await.expect("it begins");
                refused(rig, "backup create prod efs").await
            }
            Situation::NobodyApproved => {
                let id = rig.asked("backup create prod rds").await;
                rig.settle(Duration::from_secs(3600)).await;
                assert_eq!(rig.state(&id).await, State::Expired);
                Told::ended(rig, id).await
            }
            Situation::Mistyped => {
                let told = rig.say("U0ALICE", "bakup crate prod rds").await;
                Told { advice: told, card: None, again: None }
            }
            Situation::ToCome => {
                let told = rig.say("U0ALICE", "backup restore prod rds --snapshot-id x").await;
                Told { advice: told, card: None, again: None }
            }
            Situation::VaultLocked => {
                rig.cloud.meddle("prod", Side::Primary, |place, _, _| {
                    place.backup.vaults.values_mut().for_each(|vault| vault.locked = true);
                });
                let old = old(rig, PointKind::Efs, 9).await.id;
                let told = refused(rig, &format!("backup delete prod {old}")).await;
                Told { again: None, ..told }
            }
            Situation::DumpFails => fails(rig, Fault::Denied, "dump.export", "backup create prod dump").await,
            Situation::SecretsFail => fails(rig, Fault::Denied, "secrets.export", "backup create prod secrets").await,
            Situation::ArchiveNameTaken => {
                let id = rig.asked("backup create prod secrets").await;
                let key = format!("prod/secrets/{}/{id}/secrets.json", rig.clock.now().yyyymmdd());
                rig.cloud.change(|world, _| {
                    let bucket = world.s3.buckets.get_mut("bbws-prod-backups").expect("it is there");
                    let another = bucket.objects.values().next().expect("there are archives").clone();
                    bucket.objects.insert(key, another);
                });
                rig.click("U0BOB", "approve", &id).await;
                assert_eq!(rig.finish(&id).await, State::Failed);
                Told::ended(rig, id).await
            }
            Situation::HoldFails => {
                let old = old(rig, PointKind::Efs, 9).await.id;
                fails(rig, Fault::Denied, "backup.hold", &format!("backup hold prod {old} --ticket INC-7")).await
            }
            Situation::HeldForAnother => {
                let old = old(rig, PointKind::Rds, 9).await.id;
                carried_out(rig, &format!("backup hold prod {old} --ticket INC-7")).await;
                let told = refused(rig, &format!("backup hold prod {old} --ticket INC-8 --release")).await;
                Told { again: None, ..told }
            }
            Situation::RegionDead => {
                rig.cloud.region_down("af-south-1", true);
                refused(rig, "backup create prod rds").await
            }
            Situation::RegionDeadForTheList => {
                rig.cloud.region_down("af-south-1", true);
                rig.cloud.region_down("eu-west-1", true);
                let told = refused(rig, "backup list prod").await;
                Told { again: Some("backup create prod rds".to_owned()), ..told }
            }
        }
    }
}

/// A run that fails by this fault.
async fn fails(rig: &mut Rig, fault: Fault, step: &str, command: &str) -> Told {
    rig.cloud.inject(fault, Target::next_start().of_kind(step));
    let id = begun(rig, command).await.expect("it begins");
    assert_eq!(rig.finish(&id).await, State::Failed, "{command}");
    Told::ended(rig, id).await
}

async fn refused(rig: &mut Rig, command: &str) -> Told {
    let said = rig.say("U0ALICE", command).await;
    Told::refused(said, command)
}

/// A point of the primary region that is so many days old and usable.
async fn old(rig: &Rig, kind: PointKind, days: u32) -> Point {
    let env = rig.config.environments["prod"].clone();
    let mut all = Vec::new();
    rig.adapter
        .points(&env, &PointQuery::default(), "U0ALICE", &mut |page| all.extend(page))
        .await
        .expect("AWS answers");
    let before = rig.clock.now() - days * DAY;
    let fits = |p: &Point| {
        p.kind == kind
            && p.usable()
            && p.created <= before
            && p.region == "af-south-1"
            && !matches!(p.place, Place::Bucket { .. })
    };
    all.into_iter().filter(fits).max_by_key(|p| p.created).expect("there is one")
}

/// Asks for it and agrees to it; none where nothing was begun.
async fn begun(rig: &mut Rig, command: &str) -> Option<String> {
    let reply = rig.command("U0ALICE", command).await.expect("an answer");
    let id = find_id(&reply.text).filter(|_| reply.level == Level::Success)?;
    for approver in ["U0BOB", "U0CAROL"] {
        rig.settle(Duration::from_secs(2)).await;
        if rig.state(&id).await == State::AwaitingApproval {
            rig.click(approver, "approve", &id).await;
        }
    }
    Some(id)
}

async fn carried_out(rig: &mut Rig, command: &str) {
    let id = begun(rig, command).await.unwrap_or_else(|| panic!("`{command}` is refused"));
    let ended = rig.finish(&id).await;
    assert_eq!(ended, State::Succeeded, "{command}: {:?}", rig.run(&id).await.op.outcome);
}

/// The commands that a text names, as somebody types them who fills in what only they can know.
fn commands(advice: &str) -> Vec<String> {
    let named = advice.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("/bbws "));
    let mut all: Vec<String> = Vec::new();
    for command in named {
        let filled = command.replace('…', "--retention 21").replace("&lt;env&gt;", "prod").replace("&gt;", ">");
        if !all.contains(&filled) {
            all.push(filled);
        }
    }
    all
}

/// Does what the advice says, as a person would.
async fn follow(rig: &mut Rig, situation: Situation, told: &Told) {
    let mut did = 0;
    if let Some(until) = told.advice.split("has to be kept until ").nth(1) {
        let until = until.split(": ").next().and_then(|text| bbws::domain::command::value::moment(text).ok());
        let until: Moment = until.unwrap_or_else(|| panic!("{situation:?} names no moment: {}", told.advice));
        // Something newer has to be there by then, as it is wherever backups are made.
        carried_out(rig, "backup create prod rds").await;
        rig.settle(until.since(rig.clock.now())).await;
        did += 1;
    }
    if told.advice.contains("Wait for it") {
        let holder = find_id(&told.advice).expect("it names who is under way");
        rig.finish(&holder).await;
        did += 1;
    }
    if told.advice.contains("Ask again in a minute") {
        rig.cloud.heal();
        rig.settle(Duration::from_secs(60)).await;
        did += 1;
    }
    if let Some(object) = told.advice.split("s3://").nth(1).filter(|_| told.advice.contains("delete it, then retry")) {
        let named = object.split([' ', ':']).next().unwrap_or_default();
        let (bucket, key) = named.split_once('/').expect("a bucket and a key");
        rig.cloud.change(|world, _| world.s3.buckets.get_mut(bucket).expect("it exists").objects.remove(key));
        did += 1;
    }
    if told.advice.contains("AWS Backup deletes it by itself on ") {
        let id = told.advice.split('`').nth(1).expect("it names the point").to_owned();
        rig.settle(40 * DAY).await;
        let gone = rig.say("U0ALICE", &format!("backup delete prod {id}")).await;
        assert!(gone.contains("There is no recovery point"), "{gone}");
        did += 1;
    }
    for command in commands(&told.advice) {
        let reply = rig.command("U0ALICE", &command).await.expect("an answer");
        // Whoever is sent to look at something is answered with whatever is seen there.
        let looked = command.starts_with("dr status ") && reply.level == Level::Warning;
        assert!(
            looked || matches!(reply.level, Level::Success | Level::Info),
            "{situation:?} advises `{command}`, and that is answered: {}",
            reply.text
        );
        if let Some(id) = find_id(&reply.text).filter(|_| reply.level == Level::Success) {
            for approver in ["U0BOB", "U0CAROL"] {
                rig.settle(Duration::from_secs(2)).await;
                if rig.state(&id).await == State::AwaitingApproval {
                    rig.click(approver, "approve", &id).await;
                }
            }
            let ended = rig.finish(&id).await;
            let outcome = rig.run(&id).await.op.outcome;
            assert_eq!(ended, State::Succeeded, "{situation:?} advises `{command}`: {outcome:?}");
        }
        did += 1;
    }
    if told.advice.contains("Retry") {
        let id = told.card.as_deref().expect("Retry is on a card");
        rig.click("U0ALICE", "retry", id).await;
        let ended = rig.finish(id).await;
        assert_eq!(ended, State::Succeeded, "{situation:?}: {:?}", rig.run(id).await.op.outcome);
        did += 1;
    }
    if let Some(days) = told.advice.split(". Say ").nth(1).and_then(|rest| rest.split(' ').next()) {
        carried_out(rig, &format!("backup schedule prod create --retention {days}")).await;
        did += 1;
    }
    assert!(did > 0, "{situation:?} says nothing that can be done: {}", told.advice);
}

#[tokio::test]
async fn whoever_does_what_the_advice_says_gets_there() {
    let mut dead_ends = Vec::new();
    for situation in ALL {
        if AssertUnwindSafe(leads_there(situation)).catch_unwind().await.is_err() {
            dead_ends.push(situation);
        }
    }
    assert!(dead_ends.is_empty(), "dead ends, each told above: {dead_ends:?}");
}

async fn leads_there(situation: Situation) {
    let mut rig = Rig::demo_sqlite().await;
    let told = situation.arises(&mut rig).await;
    follow(&mut rig, situation, &told).await;
    if let Some(again) = &told.again {
        carried_out(&mut rig, again).await;
    }
    assert!(rig.cloud.twice().is_empty(), "{situation:?}: {:?}", rig.cloud.twice());
}

#[tokio::test]
async fn a_validation_that_found_things_has_succeeded_and_names_each_once() {
    let mut rig = Rig::demo_sqlite().await;
    // Nobody backs anything up for three days.
    rig.settle(3 * DAY).await;
    let id = rig.asked("backup validate prod --replication --inventory").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let run = rig.run(&id).await;
    let outcome = run.op.outcome.clone().unwrap();
    assert!(outcome.starts_with("Done: ") && outcome.contains(" late"), "{outcome}");
    assert!(outcome.contains("\n• ") && outcome.contains("look again: `/bbws backup validate prod"), "{outcome}");
    assert!(!outcome.contains("Retry") && !outcome.contains("erified"), "{outcome}");
    let bullets: Vec<&str> = outcome.lines().filter(|line| line.starts_with("• ")).collect();
    let once: std::collections::BTreeSet<&str> = bullets.iter().copied().collect();
    assert_eq!(once.len(), bullets.len(), "{outcome}");
    let thread: Vec<String> =
        rig.chat.thread_of(&id).iter().filter_map(|post| post.line().map(str::to_owned)).collect();
    for bullet in bullets {
        let told = thread.iter().filter(|line| line.contains(bullet)).count();
        assert!(told <= 1, "{bullet} is told {told} times: {thread:#?}");
    }
    rig.click("U0ALICE", "retry", &id).await;
    assert_eq!(rig.state(&id).await, State::Succeeded, "there is nothing to retry about an answer");
}

#[tokio::test]
async fn what_no_plan_names_is_named_once_the_advice_was_followed() {
    let mut rig = Rig::demo_sqlite().await;
    carried_out(&mut rig, "backup schedule prod create --retention 14").await;
    let look = async |rig: &mut Rig| {
        let id = rig.asked("backup validate prod --inventory").await;
        assert_eq!(rig.finish(&id).await, State::Succeeded);
        rig.run(&id).await.op.outcome.unwrap_or_default()
    };
    let lacks = "No plan of AWS Backup names efs wp-content";
    let before = look(&mut rig).await;
    assert!(!before.contains(lacks), "{before}");
    // Somebody takes it out of the plan, by hand.
    rig.cloud.meddle("prod", Side::Primary, |place, _, _| {
        for selection in place.backup.plans.values_mut().flat_map(|plan| plan.selections.values_mut()) {
            let named = selection.body["Resources"].as_array_mut().expect("a list");
            named.retain(|arn| !arn.as_str().is_some_and(|arn| arn.contains(":file-system/")));
        }
    });
    let told = look(&mut rig).await;
    let advice = told.lines().find(|line| line.contains(lacks)).unwrap_or_else(|| panic!("{told}"));
    let [command] = &commands(advice)[..] else { panic!("{advice}") };
    assert_eq!(command, "backup schedule prod update --type efs");
    carried_out(&mut rig, command).await;
    let after = look(&mut rig).await;
    assert!(!after.contains(lacks), "{after}");
}
