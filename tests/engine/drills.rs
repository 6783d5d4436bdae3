//! Drills: they change nothing that is live, say so first, and what they came to is remembered.

use std::{collections::BTreeSet, time::Duration};

use bbws::{
    adapters::sandbox::aws::{api::route53::REGION, incidents::Side},
    config::Config,
    domain::{
        active::Active,
        drill::{
            self, Form,
            calendar::{self, Stands},
            choice::Choice,
            script::{self, Inject},
            tabletop,
        },
        environment::{Environment, Span},
        incident::Every,
        mark::{Mark, MarkKind, MarkWrite},
        moment::Moment,
        operation::{OpId, State},
        operations,
        watch::{Finding, Standing, View, rules},
    },
    ports::{chat::Content, clock::Clock as _, cloud::Cloud as _, store::Store},
};
use serde_json::json;

use crate::support::{measurements::healthy, rig::Rig};

const ZONE: &str = "Z0BBWSPROD";

/// When a form was last held in prod, and what it came to.
async fn held(rig: &Rig, form: Form) -> Option<String> {
    let marks = rig.ledger.marks("prod", Some(MarkKind::Drill)).await.unwrap();
    drill::held(&marks, form).map(|held| held.result.to_owned())
}

/// The record sets of the zone, whole.
fn sets(rig: &Rig) -> Vec<serde_json::Value> {
    let account = &rig.config.environments["prod"].account;
    rig.cloud.look(|world, _| {
        let zone = &world.find(account, REGION).expect("Route 53").route53.zones[ZONE];
        zone.sets.values().cloned().collect()
    })
}

/// How often record sets were changed.
fn changes(rig: &Rig) -> usize {
    rig.cloud.journal().iter().filter(|asked| asked.operation == "ChangeResourceRecordSets" && asked.effect).count()
}

/// Everything that was said of an operation, below its card.
fn said(rig: &Rig, id: &str) -> Vec<String> {
    rig.chat.thread_of(id).iter().filter_map(|posted| posted.line().map(str::to_owned)).collect()
}

#[tokio::test]
async fn an_infrastructure_drill_looks_asks_nobody_and_names_every_gap() {
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.meddle("prod", Side::Dr, |place, _, _| place.rds.subnet_groups.clear());
    // It is no change of the environment, so that nothing has to wait for it, nor it for anything.
    let backup = rig.asked("backup create prod config").await;
    let id = rig.asked("dr test prod infra").await;
    assert!(id.starts_with("dt-"), "{id}");
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert_eq!((rig.state(&backup).await, rig.mutations()), (State::AwaitingApproval, 0));
    let run = rig.run(&id).await;
    let outcome = run.op.outcome.clone().expect("an outcome");
    assert!(outcome.contains("DB subnet group bbws-dr: "), "{outcome}");
    assert!(outcome.contains("Bring it back, or correct bbws.toml, before a failover needs it."), "{outcome}");
    assert!(outcome.ends_with("drill again: `/bbws dr test prod infra`"), "{outcome}");
    let score = held(&rig, Form::Infra).await.expect("it is remembered");
    assert!(outcome.starts_with(&format!("{score} points hold")), "{score}: {outcome}");
    assert_eq!(rig.chat.cards_of(&id)[0].message.payload["issues"], json!(true));
}

#[tokio::test]
async fn every_message_of_a_drill_says_first_that_it_is_one() {
    let mut rig = Rig::demo_sqlite().await;
    let reply = rig.say("U0ALICE", "dr test prod dns").await;
    assert!(reply.contains("EXERCISE: DNS drill of prod"), "{reply}");
    let id = rig.newest().await.expect("it was made").to_string();
    rig.settle(Duration::from_secs(2)).await;
    assert_eq!(rig.state(&id).await, State::AwaitingApproval, "in production one other person");
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    rig.settle(Duration::from_secs(60)).await;
    assert_eq!(operations::title(&rig.run(&id).await.op), "EXERCISE: DNS drill of prod", "which its card begins with");
    let below = said(&rig, &id);
    assert!(below.len() >= 3, "{below:#?}");
    for line in below {
        assert!(line.starts_with("*EXERCISE* · "), "{line}");
    }
    let published = rig.cloud.published();
    let told: Vec<_> = published.iter().filter(|(_, message)| message.body.contains(&id)).collect();
    assert!(!told.is_empty());
    for (_, message) in told {
        assert!(message.subject.contains("EXERCISE") && message.body.contains("\"exercise\":true"), "{message:?}");
    }
}

#[tokio::test]
async fn a_dns_drill_writes_both_of_each_pair_as_they_are_in_one_change() {
    let mut rig = Rig::demo_sqlite().await;
    let before = sets(&rig);
    let id = rig.asked("dr test prod --type dns").await;
    rig.settle(Duration::from_secs(2)).await;
    let waits = rig.say("U0CAROL", "backup create prod config").await;
    assert!(waits.contains(&id), "the environment is taken: {waits}");
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert_eq!((sets(&rig), changes(&rig)), (before, 1));
    assert_eq!(held(&rig, Form::Dns).await.as_deref(), Some(drill::PASSED));
    let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
    assert!(outcome.starts_with("Passed: the weighted records can be read and written"), "{outcome}");
}

#[tokio::test]
async fn a_dns_drill_never_writes_over_what_somebody_moved_and_tells_what_is_different() {
    // Moved between the approval and the change: nothing is written.
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked("dr test prod dns").await;
    rig.settle(Duration::from_secs(2)).await;
    weigh(&rig, "primary", 50);
    rig.click("U0BOB", "approve", &id).await;
    rig.settle(Duration::from_secs(60)).await;
    assert_eq!((rig.state(&id).await, changes(&rig)), (State::AwaitingApproval, 0), "the approval is void");
    // Moved while the change is on its way: the comparison tells.
    rig.click("U0BOB", "approve", &id).await;
    for _ in 0..60 {
        if changes(&rig) == 1 {
            break;
        }
        rig.step().await;
    }
    weigh(&rig, "dr", 7);
    assert_eq!(rig.finish(&id).await, State::Failed, "{:#?}", rig.run(&id).await);
    let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
    assert!(outcome.contains("The drill is *not* passed.") && outcome.contains("weight 7"), "{outcome}");
    assert_eq!(held(&rig, Form::Dns).await, None, "what failed is no drill that was held");
}

/// Somebody moves a record by hand.
fn weigh(rig: &Rig, set: &str, weight: u8) {
    let account = rig.config.environments["prod"].account.clone();
    rig.cloud.change(|world, _| {
        let zone = world.region(&account, REGION).route53.zones.get_mut(ZONE).expect("the zone");
        let sets = zone.sets.values_mut().filter(|found| found["SetIdentifier"] == set);
        sets.for_each(|found| found["Weight"] = json!(weight.to_string()));
    });
}

#[tokio::test]
async fn what_cannot_be_drilled_is_refused_with_the_next_step() {
    let mut rig = Rig::demo_sqlite().await;
    let said = rig.say("U0ALICE", "dr test dev dns").await;
    assert!(said.contains("there is no failover to try") && said.contains("--test-restore"), "{said}");
    rig.config.environments.get_mut("prod").expect("it is declared").dns = None;
    rig.reboot(crate::support::kill::Killer::never()).await;
    let said = rig.say("U0ALICE", "dr test prod dns").await;
    assert!(said.contains("names no weighted records") && said.contains("`dns` in bbws.toml"), "{said}");
    let said = rig.say("U0DAVE", "dr test prod infra").await;
    assert!(said.contains("You hold no role"), "{said}");
}

const DAY: u64 = 86_400;
/// 2026-11-21T03:00:00Z.
const NOW: Moment = Moment(1_795_230_000_000);

fn days(n: u64) -> Duration {
    Duration::from_secs(n * DAY)
}

/// The calendar of an environment began so many days ago, and these drills were held.
fn marks(environment: &str, begun: u64, held: &[(Form, u64)]) -> Vec<Mark> {
    let Some(MarkWrite::New(since)) = calendar::begins(environment, &[], NOW - days(begun)) else { unreachable!() };
    let of = |(form, ago): &(Form, u64)| Mark {
        environment: environment.to_owned(),
        kind: MarkKind::Drill,
        subject: form.word().to_owned(),
        note: drill::PASSED.to_owned(),
        operation: "dt-7".to_owned(),
        at: NOW - days(*ago),
    };
    std::iter::once(since).chain(held.iter().map(of)).collect()
}

/// How each form stands that does not stand quietly, by its word.
fn stands(environment: &str, marks: &[Mark]) -> Vec<(&'static str, &'static str)> {
    let env = Config::example().environments[environment].clone();
    let stands = calendar::of(&env, marks).into_iter().filter_map(|entry| match entry.stands(NOW) {
        Stands::Quiet => None,
        Stands::Soon(_) => Some((entry.form.word(), "soon")),
        Stands::Overdue(_) => Some((entry.form.word(), "overdue")),
    });
    stands.collect()
}

#[test]
fn drills_are_due_as_often_as_is_usual_or_the_config_says() {
    let every =
        |env: &Environment| Form::ALL.map(|form| calendar::every(env, form).map_or(0, |every| every.as_secs() / DAY));
    let config = Config::example();
    for (name, expected) in [("dev", [30, 7, 0, 0]), ("sit", [30, 30, 0, 90]), ("prod", [90, 90, 0, 0])] {
        assert_eq!(every(&config.environments[name]), expected, "{name}: tabletop, infra, dns, full-drill");
    }
    let mut env = config.environments["prod"].clone();
    env.drills.infra = Some(Every::NEVER);
    env.drills.dns = Some(Every(Some(Span(days(10)))));
    assert_eq!(every(&env), [90, 0, 10, 0]);
}

#[test]
fn what_is_due_is_announced_two_weeks_before_and_what_is_due_every_week_half_a_week() {
    let half = Duration::from_secs(DAY / 2);
    for (environment, form, before, quiet) in [
        ("prod", Form::Infra, days(14), 90),
        ("sit", Form::Infra, days(14), 30),
        ("dev", Form::Infra, days(3) + half, 7),
    ] {
        let env = Config::example().environments[environment].clone();
        let marks = marks(environment, quiet, &[]);
        let entry = calendar::of(&env, &marks).into_iter().find(|entry| entry.form == form).expect("it is due");
        let second = Duration::from_secs(1);
        assert_eq!(entry.stands(NOW - before - second), Stands::Quiet, "{environment}");
        assert_eq!(entry.stands(NOW - before), Stands::Soon(NOW), "{environment}");
        assert_eq!(entry.stands(NOW), Stands::Overdue(NOW), "{environment}");
    }
    assert_eq!(
        stands("prod", &marks("prod", 1, &[])),
        [],
        "what was never held is due a rhythm after the calendar began"
    );
    assert_eq!(stands("prod", &marks("prod", 400, &[(Form::Infra, 80)])), [("tabletop", "overdue"), ("infra", "soon")]);
    assert_eq!(stands("prod", &[]), [], "nobody has looked at the calendar so far");
}

#[test]
fn a_drill_that_is_due_is_told_once_then_once_more_when_it_is_overdue_and_is_over_when_it_was_held() {
    let environment = &Config::example().environments["prod"].clone();
    let measurements = &healthy(NOW);
    let look = |marks: &[Mark], standing: &[Standing]| {
        let look =
            rules::look(&View { environment, measurements, marks, standing, dues: &[], backing_up: None, now: NOW });
        let news = look.news(standing, &BTreeSet::new());
        let of = |key: &str| key.starts_with("drill");
        let fresh: Vec<_> = news.fresh.into_iter().filter(|found| of(&found.key)).collect();
        let over: Vec<String> = news.over.into_iter().map(|standing| standing.key).filter(|key| of(key)).collect();
        (fresh, over)
    };
    let told = |found: &[Finding]| -> Vec<Standing> {
        let marks = found.iter().filter_map(|found| match found.mark("prod", NOW) {
            MarkWrite::New(mark) => Some(mark),
            _ => None,
        });
        Standing::of(&marks.collect::<Vec<_>>())
    };
    let held = |tabletop| marks("prod", 400, &[(Form::Tabletop, tabletop), (Form::Infra, 1)]);
    let (fresh, over) = look(&held(80), &[]);
    assert_eq!((fresh.len(), over.len()), (1, 0), "{fresh:#?}");
    assert_eq!(fresh[0].title, "The tabletop of `prod` is due on 1 Dec 2026");
    assert_eq!(fresh[0].reason, "It was last held on 2 Sep 2026, by dt-7 (passed).");
    let mut standing = told(&fresh);
    assert_eq!(look(&held(80), &standing), (vec![], vec![]), "told once");
    let (fresh, over) = look(&held(95), &standing);
    assert_eq!((fresh.len(), over.len()), (1, 0), "{fresh:#?}");
    assert_eq!(fresh[0].title, "The tabletop of `prod` was due on 16 Nov 2026, and is overdue");
    let fix = fresh[0].fix.as_ref().expect("a button");
    assert!(bbws::domain::language::parse(&fix.command, &["prod"]).is_ok(), "{fix:?}");
    standing.extend(told(&fresh));
    assert_eq!(look(&held(95), &standing), (vec![], vec![]), "told once more");
    let (fresh, over) = look(&held(0), &standing);
    assert_eq!((fresh.len(), over.len()), (0, 2), "both are over");
}

#[tokio::test]
async fn the_calendar_is_one_line_in_every_status_and_a_table_for_whoever_asks() {
    let mut rig = Rig::demo_sqlite().await;
    rig.watch_for(Duration::from_secs(400)).await;
    let listed = rig.command("U0DAVE", "dr test prod list").await.expect("an answer");
    assert!(listed.text.starts_with("*prod* · Drills: tabletop never held, due "), "{}", listed.text);
    assert!(listed.text.contains("A full drill of production is never held"), "{}", listed.text);
    assert_eq!(listed.attachment.table.expect("a table").rows.len(), Form::ALL.len());
    let id = rig.asked("dr test prod infra").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let result = held(&rig, Form::Infra).await.expect("it is remembered");
    for ask in ["status prod", "dr status prod", "dr test prod --list"] {
        let said = rig.say("U0DAVE", ask).await;
        assert!(said.contains("Drills: tabletop never held, due "), "{ask}: {said}");
        assert!(said.contains(&format!(" ago ({result}), due ")), "{ask}: {said}");
    }
    assert_eq!(rig.mutations(), 0);
}

#[tokio::test]
async fn a_full_drill_restores_apart_from_everything_keeps_the_minutes_and_leaves_nothing() {
    let mut rig = Rig::demo_sqlite().await;
    let dns = rig.config.environments["prod"].dns.clone();
    let id = rig.asked("dr test sit full-drill").await;
    assert!(dns.is_some());
    rig.settle(Duration::from_secs(2)).await;
    assert_eq!((rig.state(&id).await, rig.mutations()), (State::AwaitingApproval, 0), "one other person");
    rig.click("U0BOB", "approve", &id).await;
    for _ in 0..60 {
        if rig.state(&id).await == State::Waiting {
            break;
        }
        rig.settle(Duration::from_secs(10)).await;
    }
    assert_eq!((rig.state(&id).await, rig.mutations()), (State::Waiting, 0), "nothing before the decision");
    rig.click("U0ALICE", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    rig.settle(Duration::from_secs(60)).await;
    let run = rig.run(&id).await;
    let kinds: BTreeSet<&str> =
        run.op.plan.steps.iter().filter(|spec| spec.action.mutates()).map(|spec| spec.action.kind()).collect();
    assert_eq!(kinds, ["rds.delete_instance", "rds.restore_test"].into(), "sit has no records");
    let regions: BTreeSet<&str> = run.op.plan.steps.iter().filter_map(|spec| spec.action.region()).collect();
    assert_eq!(regions, ["eu-west-1"].into());
    assert!(rig.cloud.restored_instances().is_empty(), "{:?}", rig.cloud.restored_instances());
    assert!(rig.ledger.marks("sit", Some(MarkKind::Leftover)).await.unwrap().is_empty());
    let outcome = run.op.outcome.expect("an outcome");
    for said in
        ["Checklist: T-0 declared · T+5 assessed after ", " · T+15 decided after ", " · T+30 executed ", " · T+60 "]
    {
        assert!(outcome.contains(said), "{said}: {outcome}");
    }
    assert_eq!(rig.chat.files_of(&id).len(), 2, "the account of a recovery, for people and for machines");
    let said = rig.say("U0ALICE", "dr test prod full-drill").await;
    assert!(said.contains("count as prod's") && said.contains("/bbws dr test prod infra"), "{said}");
    assert!(rig.say("U0ALICE", "dr test dev full-drill").await.contains("there is no failover to try"));
}

/// What people decide on the injects, each a minute after it came; `None` passes on.
async fn played(seed: u32, choose: impl Fn(usize, &Inject) -> Option<Choice>) -> (Rig, String) {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked(&format!("dr test prod tabletop --seed {seed}")).await;
    for number in 0..6 {
        let inject = loop {
            rig.settle(Duration::from_secs(30)).await;
            let run = rig.run(&id).await;
            assert!(!run.op.state.terminal(), "{:#?}", run.op.outcome);
            match tabletop::on_table(&run) {
                Some((at, inject, due)) if at == number && due <= rig.clock.now() => break inject,
                Some((at, ..)) if at == number => {
                    let early = rig.click("U0BOB", "continue", &id).await.expect("an answer").text;
                    assert!(early.contains(&format!("Inject {} comes at ", number + 1)), "{early}");
                }
                _ => {}
            }
        };
        rig.settle(Duration::from_secs(60)).await;
        match choose(number, &inject) {
            Some(choice) => {
                let ask = format!("dr decide {id} --inject {} --choice {}", number + 1, choice.word());
                let said = rig.say("U0ALICE", &ask).await;
                assert!(said.contains(&format!("Decided: {}", choice.label())), "{said}");
                let again = rig.say("U0BOB", &ask).await;
                assert!(again.contains("Nothing was done"), "decided once: {again}");
            }
            None => {
                rig.click("U0BOB", "continue", &id).await;
            }
        }
    }
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    rig.settle(Duration::from_secs(30)).await;
    (rig, id)
}

#[tokio::test]
async fn a_tabletop_is_played_by_buttons_scored_by_the_assessment_and_never_reaches_aws() {
    let (rig, id) = played(4, |_, inject| Some(inject.right)).await;
    let changed: Vec<String> = rig
        .cloud
        .journal()
        .into_iter()
        .filter(|asked| asked.effect && asked.operation != "Publish")
        .map(|asked| asked.operation)
        .collect();
    assert_eq!((changed, rig.mutations()), (vec![], 0), "nothing of it changed AWS");
    assert!(rig.cloud.requests_by(&OpId(id.clone())).iter().all(|asked| !asked.effect));
    let run = rig.run(&id).await;
    assert!(run.op.plan.steps.iter().all(|spec| !spec.action.mutates()), "and none of it could");
    assert_eq!(held(&rig, Form::Tabletop).await.as_deref(), Some(drill::PASSED));
    let outcome = run.op.outcome.expect("an outcome");
    assert!(outcome.starts_with("Passed: 6 of 6 decisions as the assessment says, the slowest after "), "{outcome}");
    assert!(outcome.contains("✅ T+15 decided: Fail over now by <@U0ALICE>; the assessment said PROCEED"), "{outcome}");
    assert!(outcome.contains("Checklist: T-0 declared"), "{outcome}");
    let below = rig.chat.thread_of(&id);
    let injects: Vec<_> =
        below.iter().filter(|posted| posted.line().is_some_and(|line| line.contains("*Inject "))).collect();
    assert_eq!(injects.len(), 6, "each once");
    for posted in injects {
        let Content::Line { text, attachment, .. } = &posted.message.content else { unreachable!() };
        assert!(text.starts_with("*EXERCISE* · *Inject "), "{text}");
        assert_eq!(attachment.offers.len(), 3);
        for offer in &attachment.offers {
            assert!(bbws::domain::language::parse(&offer.command, &["prod"]).is_ok(), "{offer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_ready_is_ticked_before_a_drill_and_what_is_not_is_said_in_its_score() {
    let mut rig = Rig::demo_sqlite().await;
    rig.watch_for(Duration::from_secs(400)).await;
    let listed = rig.command("U0BOB", "dr test prod list").await.expect("an answer");
    assert!(
        listed.text.contains("Before the tabletop: ☐ Roles are set · ☐ Success criteria are set"),
        "{}",
        listed.text
    );
    assert!(!listed.text.contains("Before the full drill"), "none is held in prod: {}", listed.text);
    let asks: Vec<&str> = listed.attachment.offers.iter().map(|offer| offer.command.as_str()).collect();
    assert_eq!(asks[0], "dr ready prod tabletop --tick roles");
    // A button is a command: whoever holds no role may look and nothing else.
    assert!(rig.say("U0DAVE", asks[0]).await.contains("You hold no role"));
    for ask in &asks[..2] {
        let said = rig.say("U0BOB", ask).await;
        assert!(said.contains("☑ Roles are set (<@U0BOB>)"), "{said}");
    }
    assert_eq!(rig.say("U0CAROL", asks[0]).await, "<@U0BOB> ticked *Roles are set* already.");
    assert!(rig.say("U0BOB", "dr ready prod full-drill --tick plan").await.contains("it is not held there"));
    let id = rig.asked("dr test prod tabletop --seed 4").await;
    for number in 1..=6 {
        for _ in 0..200 {
            if tabletop::on_table(&rig.run(&id).await)
                .is_some_and(|(at, _, due)| at + 1 == number && due <= rig.clock.now())
            {
                break;
            }
            rig.settle(Duration::from_secs(30)).await;
        }
        let said = rig.say("U0ALICE", &format!("dr decide {id} --inject {number} --choice look")).await;
        assert!(said.starts_with("Decided: "), "{said}");
        // What is ticked once it has begun was not ready before it.
        rig.say("U0BOB", asks[2]).await;
    }
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    rig.settle(Duration::from_secs(30)).await;
    let open = "*Not ticked* before it began: environment is prepared, plan is reviewed.";
    let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
    assert!(outcome.contains(open), "{outcome}");
    assert!(
        said(&rig, &id).iter().any(|line| line.contains("The twin is made") && line.contains(open)),
        "{:#?}",
        said(&rig, &id)
    );
    let listed = rig.say("U0BOB", "dr test prod list").await;
    assert!(listed.contains("Before the tabletop: ☐ Roles are set"), "the next one begins anew: {listed}");
}

#[tokio::test]
async fn the_same_seed_and_the_same_decisions_give_the_same_score() {
    let wrong = |number: usize, inject: &Inject| match number {
        1 => None,
        2 => Some(Choice::Never),
        _ => Some(inject.right),
    };
    let mut told = Vec::new();
    for _ in 0..2 {
        let (rig, id) = played(8, wrong).await;
        assert_eq!(held(&rig, Form::Tabletop).await.as_deref(), Some("4 of 6"));
        told.push(rig.run(&id).await.op.outcome.expect("an outcome"));
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0].contains("; 1 inject without a decision."), "{}", told[0]);
}

#[tokio::test]
async fn what_happens_to_a_twin_follows_from_the_seed_and_what_is_right_from_the_assessment() {
    let rig = Rig::demo_sqlite().await;
    let env = &rig.config.environments["prod"];
    let read = rig.adapter.readiness(env, &Active::primary(), "U0ALICE").await.expect("AWS answers");
    let of = |seed| script::script(env, &read, seed);
    let mut different = BTreeSet::new();
    // Its newest copy is 40 min old, so that whoever waits until T+45 loses more than is promised.
    for seed in 0..6 {
        let injects = of(seed);
        assert_eq!(injects, of(seed), "the same for the same seed");
        let right: Vec<Choice> = injects.iter().map(|inject| inject.right).collect();
        let own_line = injects[1].text.contains("A colleague at home");
        let trouble = if injects[3].text.contains("is disabled") { Choice::Never } else { Choice::Look };
        let second = if own_line { Choice::Look } else { Choice::Proceed };
        assert_eq!(right, [Choice::Look, second, Choice::Proceed, trouble, Choice::Look, Choice::Look], "{injects:#?}");
        different.insert(injects.iter().map(|inject| inject.text.clone()).collect::<Vec<_>>());
    }
    assert_eq!(different.len(), 6);
}
