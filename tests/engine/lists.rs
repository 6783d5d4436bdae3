//! `backup list` and `backup schedule … list`: everything is shown, page by page, and says where it lies.

use std::{collections::BTreeSet, time::Duration};

use bbws::{
    adapters::sandbox::aws::incidents::Side,
    domain::operation::State,
    ports::chat::{Level, Reply},
};

use crate::support::rig::{Rig, id_in as bbws_id};

async fn listed(rig: &mut Rig, command: &str) -> Reply {
    rig.command("U0DAVE", command).await.expect("an answer")
}

fn ids(reply: &Reply) -> Vec<String> {
    reply.attachment.table.iter().flat_map(|t| &t.rows).map(|row| row[0].clone()).collect()
}

#[tokio::test]
async fn every_point_is_on_some_page_newest_first() {
    let mut rig = Rig::demo_sqlite().await;
    let stem = |id: &str| id.strip_suffix("-dr").unwrap_or(id).to_owned();
    let all: BTreeSet<String> = rig.cloud.point_ids("prod", Side::Primary).iter().map(|id| stem(id)).collect();
    let (mut seen, mut pages, mut command) = (BTreeSet::new(), 0, "backup list prod".to_owned());
    loop {
        let reply = listed(&mut rig, &command).await;
        assert!(reply.level == Level::Info, "{}", reply.text);
        let rows = ids(&reply);
        assert!(!rows.is_empty() && rows.len() <= 50);
        seen.extend(rows);
        pages += 1;
        match reply.attachment.offers.first() {
            Some(older) => command.clone_from(&older.command),
            None => break,
        }
        assert!(pages < 50, "the pages come to an end");
    }
    assert!(pages > 3, "there is a past to page through, not {pages} pages");
    let missing: Vec<&String> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "not on any page: {missing:?}");
}

#[tokio::test]
async fn a_row_tells_both_regions_hold_and_test_and_offers_the_deletion() {
    let mut rig = Rig::demo_sqlite().await;
    let reply = listed(&mut rig, "backup list prod rds --since 30d").await;
    let table = reply.attachment.table.expect("a table");
    let id = table.rows.last().unwrap()[0].clone();
    let hold = rig.asked(&format!("backup hold prod {id} --ticket INC-9")).await;
    assert_eq!(rig.finish(&hold).await, State::Succeeded);
    let test = rig.asked("backup validate prod --test-restore").await;
    assert_eq!(rig.finish(&test).await, State::Succeeded, "{:?}", rig.run(&test).await.op.outcome);
    let reply = listed(&mut rig, "backup list prod rds").await;
    let table = reply.attachment.table.expect("a table");
    let held = table.rows.iter().find(|row| row[0] == id).expect("it is still there");
    assert_eq!((held[7].as_str(), held[8].as_str(), held[4].as_str()), ("yes", "yes", "hold INC-9"));
    assert!(table.rows[0][3].ends_with("ago") && held[3] == "never", "{:?}", table.rows[0]);
    assert!(table.rows[0][4].starts_with("floor until "), "{:?}", table.rows[0]);
    for (row, offer) in table.rows.iter().zip(&table.offers) {
        let label = offer.as_ref().map(|offer| offer.label.as_str());
        let wanted = if row[4] == "—" { Some("Delete") } else { Some("Restore").filter(|_| row[7] == "yes") };
        assert_eq!(label, wanted, "what nothing protects may go, all else may come back: {row:?}");
    }
    let (row, offer) = table
        .rows
        .iter()
        .zip(&table.offers)
        .find_map(|(r, o)| Some((r, o.clone().filter(|o| o.label == "Delete")?)))
        .expect("a button");
    assert_eq!((offer.label.as_str(), offer.confirm.is_some()), ("Delete", true));
    assert_eq!(offer.command, format!("backup delete prod {}", row[0]));
    let offers: Vec<_> = table.offers.iter().flatten().filter(|offer| offer.label == "Delete").take(5).collect();
    for offer in offers {
        let said = rig.say("U0ALICE", &offer.command).await;
        let id = bbws_id(&said);
        rig.click("U0ALICE", "cancel", &id).await;
        rig.settle(Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn a_dead_region_is_said_and_the_other_is_shown() {
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.region_down("af-south-1", true);
    let reply = listed(&mut rig, "backup list prod").await;
    assert!(reply.level == Level::Warning && reply.text.contains("Not everything could be read"), "{}", reply.text);
    let table = reply.attachment.table.expect("what the other region has");
    assert!(table.rows.iter().all(|row| row[7] == "?" && row[8] == "yes"), "{:?}", table.rows[0]);
    rig.cloud.region_down("eu-west-1", true);
    let reply = listed(&mut rig, "backup list prod").await;
    assert!(reply.level == Level::Error && reply.text.contains("Ask again"), "{}", reply.text);
}

#[tokio::test]
async fn the_schedule_shows_its_calendar() {
    let mut rig = Rig::demo_sqlite().await;
    let reply = listed(&mut rig, "backup schedule prod list").await;
    assert!(reply.text.contains("There is no AWS Backup plan `bbws-prod`"), "{}", reply.text);
    let table = reply.attachment.table.expect("a calendar");
    assert!(table.rows.iter().any(|row| row[1] == "yearly" && row[2] == "due"), "{:?}", table.rows);
    let made = rig.approved_backup("backup schedule prod create").await;
    assert_eq!(rig.finish(&made).await, State::Succeeded);
    let reply = listed(&mut rig, "backup schedule prod list").await;
    assert!(reply.text.contains("*bbws-prod*: scheduled cron(0 * * * ? *), kept 30 days"), "{}", reply.text);
}

#[tokio::test]
async fn a_backup_made_meanwhile_does_not_void_an_approved_deletion() {
    let mut rig = Rig::demo_sqlite().await;
    let rows = ids(&listed(&mut rig, "backup list prod rds --before 2026-11-10T00:00:00Z").await);
    let id = rig.asked(&format!("backup delete prod {}", rows[0])).await;
    rig.settle(Duration::from_secs(5)).await;
    rig.cloud.add_snapshots("prod", Side::Primary, 3);
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:?}", rig.run(&id).await.op.outcome);
}

#[tokio::test]
async fn a_tenants_list_has_what_holds_its_data() {
    let mut rig = Rig::demo_sqlite().await;
    let text = |reply: &Reply| format!("{} {:?}", reply.text, reply.attachment.table);
    let known = text(&listed(&mut rig, "backup list prod --tenant tenant-1").await);
    assert!(known.contains("bbws-prod-mysql") && known.contains("fs-0900d000000000001"), "{known}");
    assert!(!known.contains("prod/secrets/"), "the environment's secrets are not one tenant's: {known}");
    let unknown = text(&listed(&mut rig, "backup list prod --tenant tenant-9").await);
    assert!(unknown.contains("has no tenant `tenant-9`; it has `tenant-1`"), "{unknown}");
}
