//! One tenant's tables back into a live database, from the request to the last look and back again, over simulated servers.

use std::time::Duration;

use bbws::{
    adapters::{
        sandbox::aws::{Fault, Target, incidents::Side, judge::Verb, world::rows::Rows},
        slack::draw_card,
    },
    domain::{
        operation::State,
        step::{Action, Consent, StepState},
    },
    ports::{chat::Content, clock::Clock as _},
};

use crate::support::rig::Rig;

const DB: &str = "bbws-prod-mysql";
const POSTS: &str = "tenant_1.wp_posts";
const USERS: &str = "tenant_1.wp_users";

fn rows(rig: &Rig, table: &str) -> Option<Rows> {
    rig.cloud.rows_of("prod", DB, table)
}

fn count(rig: &Rig, table: &str) -> Option<u64> {
    rows(rig, table).map(|rows| rows.count())
}

async fn snapshot(rig: &mut Rig) -> String {
    let id = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let points = rig.cloud.point_ids("prod", Side::Primary);
    points.into_iter().find(|point| point.ends_with(&id) && point.contains("-manual-")).expect("a snapshot")
}

/// Runs until people are asked.
async fn waiting(rig: &mut Rig, id: &str) {
    for _ in 0..240 {
        if rig.state(id).await == State::Waiting {
            return;
        }
        rig.settle(Duration::from_secs(30)).await;
    }
    panic!("nobody is asked: {:#?}", rig.run(id).await);
}

async fn said(rig: &mut Rig, user: &str, button: &str, id: &str) -> String {
    let reply = rig.click(user, button, id).await.expect("an answer").text;
    rig.settle(Duration::from_secs(5)).await;
    reply
}

/// Asks as Alice, and approves as Bob, who types what is changed.
async fn begun(rig: &mut Rig, what: &str) -> String {
    let id = rig.asked(&format!("backup restore prod {what} --tenant tenant-1 --into live --ticket INC-7")).await;
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {DB}")).await;
    id
}

/// Runs until the cutover is agreed to.
async fn agreed(rig: &mut Rig, what: &str) -> String {
    let id = begun(rig, what).await;
    waiting(rig, &id).await;
    said(rig, "U0ALICE", "continue", &id).await;
    waiting(rig, &id).await;
    said(rig, "U0BOB", "continue", &id).await;
    id
}

/// State and words of the last step of a kind.
async fn step(rig: &Rig, id: &str, kind: &str) -> (StepState, String) {
    let run = rig.run(id).await;
    let of_kind = run.op.plan.steps.iter().zip(&run.steps).rfind(|(spec, _)| spec.action.kind() == kind);
    let step = of_kind.unwrap_or_else(|| panic!("{id} has no {kind}")).1;
    (step.state, step.detail.clone().unwrap_or_default())
}

#[tokio::test]
async fn rows_come_back_after_a_look_and_an_agreement_and_nobody_elses_are_touched() {
    for (merge, kind) in [(" --merge missing", "tenant.merge"), ("", "tenant.swap")] {
        let mut rig = Rig::demo_sqlite().await;
        let point = snapshot(&mut rig).await;
        // What came while the snapshot was made is not in it.
        let had = 2;
        assert!(rig.cloud.delete_rows("prod", DB, POSTS) && rig.cloud.delete_rows("prod", DB, "tenant_2.wp_posts"));
        rig.settle(Duration::from_secs(900)).await;
        assert!(count(&rig, POSTS) > Some(0), "somebody goes on writing");
        let id = begun(&mut rig, &format!("rds --snapshot-id {point}{merge}")).await;
        let plan = rig.run(&id).await.op.plan;
        assert_eq!((plan.scope.as_str(), plan.tenant.as_deref()), ("tenant", Some("tenant-1")));
        assert!(plan.steps.iter().any(|step| step.back), "a way back");
        let asked: Vec<_> = plan
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::WaitForPeople(what) => Some(what.consent.clone()),
                _ => None,
            })
            .collect();
        assert!(matches!(&asked[..], [Consent::Look, Consent::Others(needs)] if !needs.is_empty()), "{asked:?}");

        waiting(&mut rig, &id).await;
        assert_eq!(
            rows(&rig, POSTS).and_then(|rows| rows.get(1)),
            None,
            "nothing is changed before a person has looked"
        );
        let (_, told) = step(&rig, &id, "tenant.difference").await;
        assert!(told.contains(&format!("wp_posts: {had} of {had} vanished rows come back (ids 1–{had})")), "{told}");
        let came = if merge.is_empty() { "came since and go away" } else { "came since and stay" };
        assert!(told.contains(came), "{told}");
        // The requester may look, and may not agree to the change.
        said(&mut rig, "U0ALICE", "continue", &id).await;
        waiting(&mut rig, &id).await;
        assert_eq!(step(&rig, &id, "verify.snapshot").await.0, StepState::Done, "a fresh backup comes first");
        assert_eq!(step(&rig, &id, kind).await.0, StepState::Ready);
        let own = said(&mut rig, "U0ALICE", "continue", &id).await;
        assert!(own.contains("somebody else has to say"), "{own}");
        let last = rows(&rig, POSTS).expect("a table");
        said(&mut rig, "U0BOB", "continue", &id).await;
        assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);

        let back = rows(&rig, POSTS).expect("a table");
        assert!((1..=had).all(|number| back.get(number) == Some(true)), "every row is back");
        let kept = last.iter().all(|(number, _)| back.get(number).is_some());
        assert_eq!(kept, !merge.is_empty(), "what was written since stays where rows are merged");
        let others = rows(&rig, "tenant_2.wp_posts").expect("a table");
        assert!((1..=had).all(|number| others.get(number).is_none()), "the other tenant's are not touched");
        let (_, told) = step(&rig, &id, "tenant.others").await;
        assert!(told.contains("others"), "{told}");
        assert_eq!(step(&rig, &id, "tenant.verify").await.0, StepState::Done);
        let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
        assert!(outcome.contains("The tables of tenant-1 are back in live bbws-prod-mysql"), "{outcome}");
        let Content::Card(card) = rig.chat.cards_of(&id).remove(0).message.content else { panic!("a card") };
        let drawn = serde_json::to_string(&draw_card(&card).blocks).expect("JSON");
        let steps = plan.steps.iter().filter(|step| !step.back).count();
        assert!(
            drawn.contains(&format!("{steps} of {steps} steps done · 100 %")),
            "the way back was not taken: {drawn}"
        );
        assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
        rig.settle(Duration::from_secs(5)).await;
        let receipt =
            rig.chat.files_of(&id).into_iter().find(|file| file.name.ends_with("-receipt.csv")).expect("a receipt");
        assert!(
            receipt.text.lines().any(|line| line.contains("wp_posts") && line.starts_with('"')),
            "{}",
            receipt.text
        );

        // Once it is over, rolling back takes those who agree to a cutover.
        rig.say("U0BOB", &format!("op rollback {id} --reason \"the wrong day\"")).await;
        assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
        let undone = rows(&rig, POSTS).expect("a table");
        assert!((1..=had).all(|number| undone.get(number).is_none()), "they are gone again");
        assert!(last.iter().all(|(number, _)| undone.get(number).is_some()), "and what was live is there");
    }
}

#[tokio::test]
async fn old_values_come_back_into_named_tables_only() {
    let mut rig = Rig::demo_sqlite().await;
    rig.settle(Duration::from_secs(3600)).await;
    let point = snapshot(&mut rig).await;
    assert!(rig.cloud.corrupt_rows("prod", DB, POSTS) && rig.cloud.corrupt_rows("prod", DB, USERS));
    let what = format!("rds --snapshot-id {point} --tables wp_posts --merge changed");
    let id = agreed(&mut rig, &what).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
    let posts = rows(&rig, POSTS).expect("a table");
    assert!(posts.get(2) == Some(true) && posts.count() > 2, "what the backup has is as it was: {posts:?}");
    assert_eq!(rows(&rig, USERS).map(|rows| rows.corrupted()), Some(1), "nobody named them");
}

#[tokio::test]
async fn a_dropped_table_comes_back_from_a_moment_and_from_a_dump() {
    for kind in ["pitr", "dump"] {
        let mut rig = Rig::demo_sqlite().await;
        rig.settle(Duration::from_secs(3600)).await;
        let dump = rig.approved_backup("backup create prod dump").await;
        assert_eq!(rig.finish(&dump).await, State::Succeeded);
        let had = count(&rig, POSTS).expect("a table");
        rig.settle(Duration::from_secs(300)).await;
        let before = rig.clock.now().iso();
        rig.settle(Duration::from_secs(600)).await;
        assert!(rig.cloud.drop_table("prod", DB, POSTS));
        rig.settle(Duration::from_secs(600)).await;
        let from = match kind {
            "pitr" => format!("pitr --target-time {before}"),
            _ => {
                let points = rig.cloud.point_ids("prod", Side::Primary);
                let key = points.into_iter().find(|point| point.contains(&format!("/{dump}/"))).expect("a dump");
                format!("dump --from {key}")
            }
        };
        let id = agreed(&mut rig, &from).await;
        assert_eq!(rig.finish(&id).await, State::Succeeded, "{kind}: {:#?}", rig.run(&id).await.steps);
        assert!(count(&rig, POSTS).expect("it is there again") >= had, "{kind}");
        let (_, told) = step(&rig, &id, "tenant.difference").await;
        assert!(told.contains("wp_posts is gone as a whole, and comes back."), "{kind}: {told}");
        rig.say("U0BOB", &format!("op rollback {id} --reason no")).await;
        assert_eq!(rig.finish(&id).await, State::RolledBack, "{kind}: {:#?}", rig.run(&id).await);
        assert_eq!(count(&rig, POSTS), None, "{kind}");
    }
}

#[tokio::test]
async fn a_dump_is_loaded_into_a_clone_that_goes_by_itself() {
    let mut rig = Rig::demo_sqlite().await;
    let dump = rig.approved_backup("backup create prod dump").await;
    assert_eq!(rig.finish(&dump).await, State::Succeeded);
    let points = rig.cloud.point_ids("prod", Side::Primary);
    let key = points.into_iter().find(|point| point.contains(&format!("/{dump}/"))).expect("a dump");
    let id = rig.asked(&format!("backup restore prod dump --from {key}")).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    let clone = format!("{DB}-restored-{id}");
    assert_eq!(rig.cloud.rows_of("prod", &clone, USERS).map(|rows| rows.count()), Some(2));
    let (_, told) = step(&rig, &id, "dump.load").await;
    assert!(told.contains(&format!("loaded into {clone}.")), "{told}");
    let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
    assert!(outcome.contains(&format!("{clone} is there and validated")), "{outcome}");
    rig.clock.advance(Duration::from_secs(25 * 3600));
    rig.process.desk.tidy().await.unwrap();
    rig.settle(Duration::from_secs(3600)).await;
    assert!(rig.cloud.restored_instances().is_empty(), "{:?}", rig.cloud.restored_instances());
}

#[tokio::test]
async fn a_change_that_cannot_be_confirmed_turns_the_run_back() {
    let mut rig = Rig::demo_sqlite().await;
    let point = snapshot(&mut rig).await;
    assert!(rig.cloud.delete_rows("prod", DB, POSTS));
    rig.cloud.inject(Fault::Denied, Target::next().on(Verb::Poll).of_kind("tenant.verify"));
    let id = agreed(&mut rig, &format!("rds --snapshot-id {point} --merge missing")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await.steps);
    assert_eq!(step(&rig, &id, "tenant.verify").await.0, StepState::Failed);
    assert_eq!(step(&rig, &id, "tenant.merge_back").await.0, StepState::Done);
    assert!(rows(&rig, POSTS).expect("a table").get(1).is_none(), "what came back is gone again");
}

#[tokio::test]
async fn what_is_not_tried_again_is_not_said_to_be() {
    let mut rig = Rig::demo_sqlite().await;
    let point = snapshot(&mut rig).await;
    assert!(rig.cloud.delete_rows("prod", DB, POSTS));
    rig.cloud.inject(Fault::Denied, Target::next().on(Verb::Start).of_kind("tenant.stage"));
    let id = begun(&mut rig, &format!("rds --snapshot-id {point} --merge missing")).await;
    assert_eq!(rig.finish(&id).await, State::Failed);
    let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
    assert!(!outcome.contains("press Retry"), "{outcome}");
    assert!(outcome.contains("ask anew: `/bbws backup restore prod"), "{outcome}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_what_can() {
    let mut rig = Rig::demo_sqlite().await;
    let point = snapshot(&mut rig).await;
    for (rest, why) in [
        ("--into live --tenant nobody --ticket INC-7", "has no tenant `nobody`"),
        ("--into live --tenant tenant-1", "needs the ticket that asks for it"),
        ("--tables wp_posts", "say that with `--tenant ID`"),
        ("--merge missing", "say that with `--tenant ID`"),
        ("--tenant tenant-1 --tables a;b", "is not the name of a table"),
        ("--tenant tenant-1 --tables select", "is not the name of a table"),
        ("--tenant tenant-1 --tables tenant_1.wp_posts", "is not the name of a table"),
        ("--tenant tenant-1 --merge all", "is not a way to merge"),
        ("--into live --tenant tenant-1 --region dr --ticket INC-7", "leave `--region dr` out"),
    ] {
        let said = rig.say("U0ALICE", &format!("backup restore prod rds --snapshot-id {point} {rest}")).await;
        assert!(said.contains(why), "{rest}: {said}");
    }
    let said = rig.say("U0ALICE", "backup restore prod dump --from nothing --tenant tenant-1").await;
    assert!(said.contains("There is no recovery point `nothing`"), "{said}");
    let said = rig.say("U0ALICE", &format!("backup restore prod dump --from {point}")).await;
    assert!(said.contains("is a backup of rds, and no dump"), "{said}");
}

/// Without `--into live` the database as a whole is cloned, and what is looked into is the tenant's.
#[tokio::test]
async fn a_clone_for_one_tenant_is_validated_for_that_one() {
    let mut rig = Rig::demo_sqlite().await;
    let point = snapshot(&mut rig).await;
    let id = rig.asked(&format!("backup restore prod rds --snapshot-id {point} --tenant tenant-1")).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    let plan = rig.run(&id).await.op.plan;
    assert_eq!((plan.scope.as_str(), plan.tenant.as_deref()), ("clone", Some("tenant-1")));
    let validated = plan.steps.iter().find_map(|spec| match &spec.action {
        Action::VerifyDatabase(what) => Some((what.schemas.clone(), what.wordpress.clone())),
        _ => None,
    });
    assert_eq!(validated, Some((vec!["tenant_1".to_owned()], vec!["tenant_1".to_owned()])));
    assert!(plan.notes.iter().any(|note| note.contains("RDS restores whole instances")), "{:?}", plan.notes);
}

#[tokio::test]
async fn of_two_swaps_of_the_same_tables_the_later_one_is_rolled_back_first() {
    let mut rig = Rig::demo_sqlite().await;
    let point = snapshot(&mut rig).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let id = agreed(&mut rig, &format!("rds --snapshot-id {point}")).await;
        assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
        rig.clock.advance(Duration::from_secs(7200));
        ids.push(id);
    }
    let (one, two) = (&ids[0], &ids[1]);
    let refused = rig.say("U0BOB", &format!("op rollback {one} --reason worse")).await;
    assert!(refused.contains(&format!("Roll that one back first: `/bbws op rollback {two}`")), "{refused}");
    assert_eq!(rig.state(one).await, State::Succeeded);
    for id in [two, one] {
        rig.say("U0BOB", &format!("op rollback {id} --reason worse")).await;
        assert_eq!(rig.finish(id).await, State::RolledBack, "{:#?}", rig.run(id).await.steps);
    }
}
