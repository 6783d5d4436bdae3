//! Everything at once into live: only within an incident, one thing after the other, each proved before the next, and all of it back
//! in the reverse order.

use std::time::Duration;

use bbws::{
    config::Config,
    domain::{
        operation::State,
        preflight::Stands,
        step::{Action, StepState},
    },
    ports::clock::Clock,
};

use crate::support::{clock::ManualClock, db, overwrite, rig::Rig};

const LIVE: &str = "bbws-prod-mysql";
const SHOP: &str = "bbws-prod-shop";

/// With two databases, everything of which is backed up, and somebody who has overwritten things since.
async fn rig() -> Rig {
    let clock = ManualClock::new();
    let mut config = Config::demo();
    let prod = config.environments.get_mut("prod").unwrap();
    let mut shop = prod.databases[0].clone();
    (shop.id, shop.dr_replica) = (SHOP.to_owned(), None);
    prod.databases.push(shop);
    prod.schedules.clear();
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, 7);
    let id = rig.approved_backup("backup create prod full").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    rig.settle(Duration::from_secs(3600)).await;
    rig
}

async fn incident(rig: &mut Rig) -> String {
    let id = rig.asked("dr declare prod --ticket INC-1 orders are gone").await;
    rig.settle(Duration::from_secs(10)).await;
    id
}

/// Runs until people are asked.
async fn waiting(rig: &mut Rig, id: &str) {
    for _ in 0..2000 {
        if rig.state(id).await == State::Waiting {
            return;
        }
        assert!(!rig.state(id).await.terminal(), "{:#?}", rig.run(id).await);
        rig.settle(Duration::from_secs(30)).await;
    }
    panic!("nobody is asked: {:#?}", rig.run(id).await);
}

/// Asks for it, and has it approved by those whom its reach asks for, who type the environment.
async fn begun(rig: &mut Rig, command: &str) -> String {
    let id = rig.asked(command).await;
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm prod")).await;
    assert_eq!(rig.state(&id).await, State::AwaitingApproval, "one is not enough");
    rig.say("U0CAROL", &format!("op approve {id} --confirm prod")).await;
    waiting(rig, &id).await;
    id
}

/// The title of the step that asks people.
async fn asks(rig: &Rig, id: &str) -> String {
    let run = rig.run(id).await;
    let (step, _) = run.asks().expect("somebody is asked");
    run.op.plan.steps[step].title.clone()
}

/// Both of those say that it goes on; answers what is asked after that, if anything is.
async fn agreed(rig: &mut Rig, id: &str) -> Option<String> {
    rig.click("U0BOB", "continue", id).await;
    rig.settle(Duration::from_secs(10)).await;
    rig.click("U0CAROL", "continue", id).await;
    for _ in 0..2000 {
        rig.settle(Duration::from_secs(30)).await;
        match rig.state(id).await {
            State::Waiting => return Some(asks(rig, id).await),
            state if state.terminal() => return None,
            _ => {}
        }
    }
    panic!("it does not go on: {:#?}", rig.run(id).await);
}

/// What RDS has under this name.
fn resource(rig: &Rig, name: &str) -> Option<String> {
    rig.cloud.look(|world, now| {
        let mut all = world.places().flat_map(|(_, _, place)| &place.rds.instances);
        all.find(|(id, i)| *id == name && !i.is_gone(now)).map(|(id, i)| i.resource(world.seed, id))
    })
}

/// When the steps of a kind began, by their titles, in that order.
async fn begun_in_order(rig: &Rig, id: &str, kind: &str) -> Vec<String> {
    let run = rig.run(id).await;
    let steps = run.op.plan.steps.iter().zip(&run.steps);
    let mut steps: Vec<_> = steps.filter(|(spec, step)| spec.action.kind() == kind && step.started.is_some()).collect();
    steps.sort_by_key(|(_, step)| step.started);
    steps.into_iter().map(|(spec, _)| spec.title.clone()).collect()
}

#[tokio::test]
async fn everything_goes_into_live_only_within_an_incident_and_one_thing_after_the_other() {
    let mut rig = rig().await;
    let at = rig.clock.now().iso();
    rig.clock.advance(Duration::from_secs(600));
    overwrite::secret(&rig.cloud, 1);
    overwrite::parameter(&rig.cloud);
    overwrite::object(&rig.cloud);
    let command = format!("backup restore prod full --as-of {at} --into live --ticket INC-1");
    let said = rig.say("U0ALICE", &command).await;
    assert!(
        said.contains("only while an incident is open") && said.contains("/bbws dr declare prod --ticket INC-1"),
        "{said}"
    );
    let incident = incident(&mut rig).await;
    let was = [LIVE, SHOP].map(|name| resource(&rig, name).expect("it is there"));
    let id = begun(&mut rig, &command).await;
    let run = rig.run(&id).await;
    assert_eq!(run.op.plan.scope, "full");
    assert!(run.op.plan.facts.iter().any(|fact| fact.subject == "Incident" && fact.found.contains(&incident)));
    // All of it is ready before anybody is asked, and nothing has changed.
    let looked = run.asks().unwrap().0;
    let prepared = |kind: &str| run.op.plan.steps[..looked].iter().filter(|spec| spec.action.kind() == kind).count();
    assert_eq!((prepared("rds.restore_like"), prepared("backup.restore_folder"), prepared("verify.export")), (2, 1, 2));
    assert_eq!([LIVE, SHOP].map(|name| resource(&rig, name)), was.clone().map(Some));
    let checks = bbws::domain::operations::of("backup.restore").preflight(&run);
    let open = checks.iter().find(|check| check.what == "Agreement to the cutover").unwrap();
    assert!(open.stands == Stands::Open && open.words.contains("for each by itself: 0 of 6 so far"), "{open:?}");
    rig.click("U0ALICE", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &id).await;
    let mut asked = vec![asks(&rig, &id).await];
    while let Some(next) = agreed(&mut rig, &id).await {
        asked.push(next);
    }
    assert_eq!(rig.state(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    let of = |what: &str| {
        asked.iter().position(|title| title.contains(what)).unwrap_or_else(|| panic!("{what}: {asked:#?}"))
    };
    let order = [LIVE, SHOP, "/tenant-1", "secrets", "parameters", "objects"].map(of);
    assert_eq!(order, [0, 1, 2, 3, 4, 5], "{asked:#?}");
    // The health of the platform is watched, and the database proved, before the next one is backed up.
    let run = rig.run(&id).await;
    let ends = |kind: &str| {
        let steps =
            run.op.plan.steps.iter().zip(&run.steps).filter(|(spec, _)| !spec.back && spec.action.kind() == kind);
        steps.map(|(_, step)| step.ended.unwrap()).collect::<Vec<_>>()
    };
    let (watched, backed_up) = (ends("verify.health"), ends("rds.snapshot"));
    assert_eq!((watched.len(), backed_up.len()), (3, 2));
    assert!(backed_up[0] < watched[0] && watched[0] < backed_up[1] && backed_up[1] < watched[1]);
    assert_ne!(overwrite::secret_now(&rig.cloud), "wrong");
    assert_ne!(overwrite::parameter_now(&rig.cloud), "wrong");
    assert!(overwrite::object_now(&rig.cloud) != Some(7) && overwrite::folder_is_restored(&rig.cloud));
    let outcome = run.op.outcome.clone().unwrap();
    assert!(outcome.contains("one thing after the other") && outcome.contains("the last first"), "{outcome}");
    let cutovers = rig.cloud.published().iter().filter(|(_, what)| format!("{what:?}").contains("is cut over")).count();
    assert_eq!(cutovers, 6, "each is told");
    // All of it back, the last first.
    rig.say("U0BOB", &format!("op rollback {id} --reason \"it was right before\"")).await;
    if rig.state(&id).await == State::Succeeded {
        rig.say("U0CAROL", &format!("op rollback {id} --reason \"it was right before\"")).await;
    }
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!([LIVE, SHOP].map(|name| resource(&rig, name)), was.map(Some), "the old world is back");
    assert_eq!(overwrite::secret_now(&rig.cloud), "wrong");
    assert!(overwrite::object_now(&rig.cloud) == Some(7) && !overwrite::folder_is_restored(&rig.cloud));
    let renamed = begun_in_order(&rig, &id, "rds.rename").await;
    let back: Vec<bool> = renamed[4..].iter().map(|title| title.contains(SHOP)).collect();
    assert_eq!(back, [true, true, false, false], "{renamed:#?}");
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
    assert_eq!(rig.ledger_holder("prod").await, None);
}

#[tokio::test]
async fn where_one_is_ill_after_its_cutover_the_next_is_not_touched_and_those_before_go_back() {
    let mut rig = rig().await;
    incident(&mut rig).await;
    let was = [LIVE, SHOP].map(|name| resource(&rig, name));
    let id = begun(&mut rig, "backup restore prod full --as-of latest --into live --ticket INC-1").await;
    let clone = format!("{SHOP}-restored-{id}");
    assert!(rig.cloud.modify_database("prod", &clone, |database| database.data.lacks_rows = true));
    rig.click("U0ALICE", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &id).await;
    let second = agreed(&mut rig, &id).await.expect("the second is asked for");
    assert!(second.contains(SHOP), "{second}");
    assert_ne!(resource(&rig, LIVE), was[0], "the first has taken its place");
    assert_eq!(agreed(&mut rig, &id).await, None);
    assert_eq!(rig.state(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!([LIVE, SHOP].map(|name| resource(&rig, name)), was);
    let run = rig.run(&id).await;
    for (spec, step) in run.op.plan.steps.iter().zip(&run.steps) {
        if matches!(spec.action, Action::SwapFolder(_) | Action::RestoreSecrets(_) | Action::RestoreParameters(_)) {
            assert_eq!(step.state, StepState::Skipped, "{}", spec.title);
        }
    }
}

#[tokio::test]
async fn everything_of_one_tenant_goes_into_live_without_touching_others() {
    let mut rig = rig().await;
    let at = rig.clock.now().iso();
    rig.clock.advance(Duration::from_secs(600));
    assert!(rig.cloud.delete_rows("prod", LIVE, "tenant_1.wp_posts"));
    let was = resource(&rig, LIVE);
    let command = format!("backup restore prod full --as-of {at} --tenant tenant-1 --into live --ticket INC-1");
    let id = rig.asked(&command).await;
    let plan = rig.run(&id).await.op.plan;
    assert_eq!((plan.scope.as_str(), plan.tenant.as_deref()), ("tenant", Some("tenant-1")));
    assert!(!plan.steps.iter().any(|spec| matches!(spec.action, Action::Rename(_) | Action::RestoreVersions(_))));
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm prod")).await;
    waiting(&mut rig, &id).await;
    rig.click("U0ALICE", "continue", &id).await;
    let mut asked = Vec::new();
    for _ in 0..5 {
        rig.settle(Duration::from_secs(10)).await;
        for _ in 0..2000 {
            if rig.state(&id).await == State::Waiting || rig.state(&id).await.terminal() {
                break;
            }
            rig.settle(Duration::from_secs(30)).await;
        }
        if rig.state(&id).await.terminal() {
            break;
        }
        asked.push(asks(&rig, &id).await);
        rig.click("U0BOB", "continue", &id).await;
    }
    assert_eq!(rig.state(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert_eq!(asked.len(), 3, "its tables, its folder, its secrets: {asked:#?}");
    assert!(overwrite::folder_is_restored(&rig.cloud));
    assert_eq!(resource(&rig, LIVE), was, "no instance takes another's place");
    assert!(rig.run(&id).await.op.outcome.unwrap().contains("tenant-1 as of"));
}

#[tokio::test]
async fn everything_is_restored_out_of_the_other_region_beside_what_is_there() {
    let mut rig = rig().await;
    let said =
        rig.say("U0ALICE", "backup restore prod full --as-of latest --region dr --into live --ticket INC-1").await;
    assert!(said.contains("cannot take the place of what is live in the primary one"), "{said}");
    let id = rig.asked("backup restore prod full --as-of latest --region dr").await;
    let plan = rig.run(&id).await.op.plan;
    let made: Vec<&str> = plan
        .steps
        .iter()
        .filter_map(|spec| match &spec.action {
            Action::RestoreTest(what) => Some(what.region.as_str()),
            Action::RestoreMoment(what) => Some(what.region.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(made, ["eu-west-1", "eu-west-1"]);
    let files = plan.facts.iter().find(|fact| fact.subject.starts_with("File system")).unwrap();
    assert!(files.found.contains("*nothing*") && files.found.contains("/bbws dr failover prod"), "{files:?}");
}
