//! `backup restore … list`: what can be restored, the most trustworthy first, and what that would lose.

use bbws::{
    adapters::sandbox::aws::incidents::Side,
    domain::{language, mark::MarkKind, operation::State},
    ports::{
        chat::{Form, Level, Reply, Table},
        store::Store,
    },
};

use crate::support::rig::Rig;

async fn listed(rig: &mut Rig, command: &str) -> Reply {
    rig.command("U0DAVE", command).await.expect("an answer")
}

fn table(reply: &Reply) -> &Table {
    reply.attachment.table.as_ref().unwrap_or_else(|| panic!("no table: {}", reply.text))
}

fn score(row: &[String]) -> Option<u8> {
    row[1].split_once(", ")?.1.strip_suffix(" of 100")?.parse().ok()
}

#[tokio::test]
async fn the_best_of_everything_is_shown_with_its_reasons_and_what_it_loses() {
    let mut rig = Rig::demo_sqlite().await;
    let test = rig.asked("backup validate prod --test-restore").await;
    assert_eq!(rig.finish(&test).await, State::Succeeded, "{:?}", rig.run(&test).await.op.outcome);
    let reply = listed(&mut rig, "backup restore prod list").await;
    assert_eq!(reply.level, Level::Info, "{}", reply.text);
    assert!(reply.text.contains("The newest of the most trustworthy (confidence high): `"), "{}", reply.text);
    let table = table(&reply);
    let window = &table.rows[0];
    assert_eq!(window[0], "any second of bbws-prod-mysql");
    assert!(window[2].starts_with("loses the last ") && window[3].contains("in af-south-1"), "{window:?}");
    let scores: Vec<u8> = table.rows.iter().filter_map(|row| score(row)).collect();
    assert!(scores.len() > 5 && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    for kind in ["rds", "efs", "secrets", "config", "s3", "dump"] {
        assert!(table.rows.iter().any(|row| row[5].starts_with(kind)), "nothing of {kind}: {:?}", table.rows);
    }
    for row in &table.rows {
        assert!(row[2].starts_with("loses the last ") && row[2].ends_with(" of writes"), "{row:?}");
    }
    let best = table.rows.iter().find(|row| row[5] == "rds bbws-prod-mysql").expect("a snapshot");
    assert!(best[1].starts_with("high, ") && best[3].starts_with("restore-tested "), "{best:?}");
}

#[tokio::test]
async fn one_kind_alone_and_one_tenant_alone() {
    let mut rig = Rig::demo_sqlite().await;
    for said in
        ["backup restore prod list efs", "backup restore prod --list --type efs", "backup restore list prod efs"]
    {
        let reply = listed(&mut rig, said).await;
        let rows = &table(&reply).rows;
        assert!(rows.len() > 2 && rows.len() <= 20, "{said}: {} rows", rows.len());
        assert!(rows.iter().all(|row| row[5].starts_with("efs ")), "{said}: {rows:?}");
    }
    let reply = listed(&mut rig, "backup restore prod list --tenant tenant-1").await;
    let rows = &table(&reply).rows;
    assert!(rows.iter().any(|row| row[5] == "rds bbws-prod-mysql"), "{rows:?}");
    assert!(rows.iter().all(|row| !row[0].contains("/secrets/")), "the environment's secrets are not one tenant's");
    let reply = listed(&mut rig, "backup restore prod list --tenant tenant-9").await;
    assert!(reply.text.contains("has no tenant `tenant-9`"), "{}", reply.text);
}

#[tokio::test]
async fn every_button_says_a_whole_command_that_the_grammar_knows_and_nothing_else_has_one() {
    let mut rig = Rig::demo_sqlite().await;
    let reply = listed(&mut rig, "backup restore prod list").await;
    let table = table(&reply);
    let known = |row: &[String]| {
        let asks = match row[5].split_once(' ').expect("what it is of") {
            ("point", _) => "pitr --target-time latest --database bbws-prod-mysql".to_owned(),
            ("rds", _) => format!("rds --snapshot-id {}", row[0]),
            ("efs", _) => format!("efs --recovery-point {}", row[0]),
            ("s3", bucket) => format!("s3 --bucket {bucket} --as-of 2026-11-20T00:00:00Z"),
            (kind, _) => format!("{kind} --from {}", row[0]),
        };
        language::parse(&format!("backup restore prod {asks}"), &["prod"]).is_ok()
    };
    for (at, row) in table.rows.iter().enumerate() {
        let offer = table.offers.get(at).and_then(Option::as_ref);
        assert_eq!(offer.is_some(), known(row), "{row:?}: {offer:?}");
        if let Some(offer) = offer {
            let command = language::parse(&offer.command, &["prod"]).expect("it is a command");
            assert_eq!(command.canonical(), offer.command);
            assert_eq!(offer.label, "Restore");
            let confirm = offer.confirm.as_deref().unwrap_or_default();
            assert!(confirm.contains(&format!("/bbws {}", offer.command)), "{confirm}");
        }
    }
}

#[tokio::test]
async fn a_dead_region_is_said_and_what_the_other_has_is_restored_there() {
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.region_down("af-south-1", true);
    let reply = listed(&mut rig, "backup restore prod list rds").await;
    assert!(reply.level == Level::Warning && reply.text.contains("Not everything could be read"), "{}", reply.text);
    let table = table(&reply);
    assert!(table.rows.len() > 2);
    for row in table.rows.iter().filter(|row| score(row).is_some()) {
        assert!(row[3].contains("in eu-west-1, from where it would be restored"), "{row:?}");
    }
    let offers: Vec<String> = table.offers.iter().flatten().map(|offer| offer.command.clone()).collect();
    assert!(offers.iter().all(|command| command.contains(" --region dr")), "{offers:?}");
    // And what is offered works: planned, made, and looked at, with nothing of the region that is gone.
    let command = offers.iter().find(|command| command.contains("rds --snapshot-id")).expect("a snapshot");
    let id = rig.asked(command).await;
    let plan = rig.run(&id).await.op.plan;
    assert!(plan.notes.iter().any(|note| note.contains("af-south-1 does not answer")), "{:?}", plan.notes);
    assert!(plan.steps.iter().all(|step| step.action.region() != Some("af-south-1")), "{:#?}", plan.steps);
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
    assert!(!rig.run(&id).await.issues().is_empty(), "nothing calls it verified");
    let clones = rig.cloud.restored_instances();
    assert!(clones.keys().any(|name| name.ends_with(&format!("-restored-{id}"))), "{clones:?}");
    assert!(rig.ledger.marks("prod", Some(MarkKind::Tested)).await.unwrap().is_empty(), "it was compared with nothing");
    rig.cloud.region_down("eu-west-1", true);
    let reply = listed(&mut rig, "backup restore prod list").await;
    assert!(reply.level == Level::Error && reply.text.contains("Ask again"), "{}", reply.text);
}

#[tokio::test]
async fn the_list_ends_with_what_was_restored_lately() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked("backup restore prod pitr --target-time latest").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let reply = listed(&mut rig, "backup restore prod list rds").await;
    let table = table(&reply);
    let last = table.rows.last().expect("a row");
    assert_eq!((last[0].as_str(), last[1].as_str(), last[5].as_str()), (id.as_str(), "succeeded", "earlier restore"));
    assert!(last[3].starts_with("Restore of bbws-prod-mysql as of "), "{last:?}");
    assert!(table.offers.last().is_none_or(Option::is_none), "what was restored is no recovery point");
}

#[tokio::test]
async fn of_many_points_the_best_are_shown() {
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.add_snapshots("prod", Side::Primary, 2_000);
    let reply = listed(&mut rig, "backup restore prod list rds").await;
    assert!(reply.text.contains("of 2,") && reply.text.contains("rds recovery points"), "{}", reply.text);
    let rows = &table(&reply).rows;
    assert!(rows.len() <= 21, "{}", rows.len());
    let scores: Vec<u8> = rows.iter().filter_map(|row| score(row)).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
}

#[tokio::test]
async fn what_is_not_there_is_said_with_the_next_step() {
    let mut rig = Rig::sqlite().await;
    let reply = listed(&mut rig, "backup restore dev list dump").await;
    assert!(
        reply.text.contains(
            "There is no dump recovery point of `dev` to restore from. `/bbws backup create dev dump` makes one"
        ),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn a_bare_restore_opens_a_form_that_is_filled_in_and_whose_command_passes_the_same_gates() {
    let mut rig = Rig::demo_sqlite().await;
    let reply = rig.typed("U0DAVE", "Backup RESTORE prod").await.expect("an answer");
    assert!(reply.text.starts_with("The form is open."), "{}", reply.text);
    let filled = |rig: &Rig| match rig.chat.forms().pop() {
        Some(Form::Restore(form)) => Some(form).filter(|form| form.choices.is_some()),
        _ => None,
    };
    let form = loop {
        match filled(&rig) {
            Some(form) => break form,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!((form.environment.as_str(), form.places.first().copied()), ("prod", Some("clone")));
    let choices = form.choices.expect("it is filled in");
    assert!(choices[0].label.contains(" back, or any second: bbws-prod-mysql"), "{choices:?}");
    assert!(
        choices.iter().any(|choice| choice.value.starts_with("rds --snapshot-id ") && choice.label.contains(" back, "))
    );
    for choice in &choices {
        let command = format!("backup restore prod {}", choice.value);
        assert!(language::parse(&command, &["prod"]).is_ok(), "{command}");
        let refused = rig.say("U0DAVE", &command).await;
        assert!(refused.contains("You hold no role"), "{refused}");
    }
    // Where nothing can be opened, the grammar answers.
    let said = rig.say("U0DAVE", "backup restore prod").await;
    assert!(said.contains("what to restore"), "{said}");
    assert_eq!(rig.chat.forms().len(), 1);
}
