//! `backup bisect`: the last point on which a check holds is found by restores that are gone afterwards.

use bbws::{
    config::Config,
    domain::{
        attachment::Report,
        checked::Checked,
        language,
        mark::MarkKind,
        operation::{Run, State},
        step::{Action, BisectAsk, ProbePoint, StepState},
    },
    ports::store::Store,
};

use crate::support::{
    clock::ManualClock,
    db,
    rig::{Rig, id_in},
};

const ASKS: &str = "backup bisect prod rds --check orders --since 30d";

fn points(run: &Run) -> Vec<ProbePoint> {
    let laid_out = run.op.plan.steps.iter().find_map(|spec| match &spec.action {
        Action::BisectPoints(what) => Some(what.points.clone()),
        _ => None,
    });
    laid_out.expect("the points are in the plan")
}

/// Places of the points that were restored.
fn restored(run: &Run) -> Vec<usize> {
    let restores = run.steps.iter().filter(|step| {
        matches!(run.op.plan.steps[step.index].action, Action::BisectRestore(_)) && step.state == StepState::Done
    });
    restores.filter_map(|step| BisectAsk::point(&step.outputs)).collect()
}

async fn over(rig: &mut Rig, id: &str) -> Run {
    let state = rig.finish(id).await;
    let run = rig.run(id).await;
    assert_eq!(state, State::Succeeded, "{:?}", run.op.outcome);
    assert!(rig.cloud.restored_instances().is_empty(), "nothing is left: {:?}", rig.cloud.restored_instances());
    assert!(rig.ledger.marks("prod", Some(MarkKind::Leftover)).await.unwrap().is_empty());
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
    run
}

#[tokio::test]
async fn the_last_right_point_is_found_and_offered() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked(ASKS).await;
    let plan = rig.run(&id).await;
    let points = points(&plan);
    assert!(points.len() > 16 && points.is_sorted_by_key(|point| point.created), "{} points", points.len());
    let first_wrong = points.len() * 2 / 3;
    rig.cloud.corrupt_since("prod", "bbws-prod-mysql", points[first_wrong].created);
    let run = over(&mut rig, &id).await;
    let right = &points[first_wrong - 1];
    let outcome = run.op.outcome.clone().expect("an outcome");
    let said = format!(
        "The last recovery point on which check orders holds is {} of {}; restoring it loses the last ",
        right.id, right.created
    );
    assert!(outcome.starts_with(&format!("Done: {said}")), "{outcome}");
    assert!(outcome.contains(&format!("It does not hold on {}", points[first_wrong].id)), "{outcome}");
    let most = 3 * bbws::domain::bisect::rounds(points.len());
    assert!(restored(&run).len() <= most, "{:?} of at most {most}", restored(&run));
    let report = run.steps.iter().find_map(|step| Report::of(&step.outputs)).expect("a report");
    let offer = &report.attachment.offers[0];
    assert_eq!(offer.label, "Restore");
    assert_eq!(offer.command, format!("backup restore prod rds --snapshot-id {}", right.id));
    assert!(language::parse(&offer.command, &["prod"]).is_ok(), "the grammar knows it");
    let marks = rig.ledger.marks("prod", Some(MarkKind::Checked)).await.unwrap();
    let answers: Vec<(&str, bool)> = marks.iter().filter_map(Checked::of).map(|(key, c)| (key, c.right)).collect();
    assert_eq!(answers.len(), restored(&run).len());
    assert!(
        answers.contains(&(right.key.as_str(), true)) && answers.contains(&(points[first_wrong].key.as_str(), false))
    );
    let list = rig.command("U0DAVE", "backup restore prod list rds").await.expect("an answer");
    let rows = list.attachment.table.expect("a table").rows;
    let row = rows.iter().find(|row| row[0] == right.id);
    assert!(row.is_none_or(|row| row[4] == "orders: right"), "{row:?}");
    assert!(rows.iter().any(|row| row[4] == "orders: right"), "{rows:?}");
}

#[tokio::test]
async fn a_question_without_an_answer_is_told_and_nothing_is_left() {
    let clock = ManualClock::new();
    let ledger = db::sqlite(clock.clone()).await;
    let mut config = Config::demo();
    let check = config.environments.get_mut("prod").unwrap().checks.get_mut("orders").unwrap();
    check.query = "SELECT COUNT(*) > 1 FROM missing".to_owned();
    let mut rig = Rig::new(ledger, clock, config, 7);
    let id = rig.asked(ASKS).await;
    let run = over(&mut rig, &id).await;
    let outcome = run.op.outcome.clone().expect("an outcome");
    assert!(
        outcome.contains("No recovery point of bbws-prod-mysql that was asked answers check orders rightly."),
        "{outcome}"
    );
    assert!(
        outcome.contains("no answer was to be had (The database refused the question with code 1146)"),
        "{outcome}"
    );
    assert!(rig.ledger.marks("prod", Some(MarkKind::Checked)).await.unwrap().is_empty(), "an unknown is no answer");
}

#[tokio::test]
async fn a_search_holds_nothing_up_and_what_cannot_be_searched_is_refused_with_the_next_step() {
    let mut rig = Rig::demo_sqlite().await;
    for (asked, why) in [
        (
            "backup bisect prod rds --check sums",
            "`prod` has no check `sums`; it has orders. A check is a line in `[environments.prod.checks]`",
        ),
        ("backup bisect dev rds --check orders", "`dev` has no check `orders`; it has none."),
        ("backup bisect prod rds --check orders --database other", "`prod` declares no database `other`."),
        (
            "backup bisect prod rds --check orders --since 1m",
            "There is no recovery point of bbws-prod-mysql to restore in that time.",
        ),
        ("backup bisect prod rds", "to know what to ask: `--check`"),
    ] {
        let said = rig.say("U0ALICE", asked).await;
        assert!(said.contains(why), "{asked}: {said}");
    }
    let search = rig.asked(ASKS).await;
    let backup = id_in(&rig.say("U0ALICE", "backup create prod config").await);
    assert_ne!(search, backup, "the environment is free");
}
