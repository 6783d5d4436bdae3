//! What AWS can never accept is refused before anybody approves it; what is not named does not change; what succeeded with
//! issues is not called verified.

use bbws::{
    adapters::slack::draw_card,
    app::{letter::card_payload, words},
    config::Config,
    domain::{
        command::value::point_id,
        derived,
        environment::{Environment, Thresholds},
        held,
        operation::{OpId, Run, State},
        operations::{
            Operation as _,
            create::{BackupScope, Target},
            schedule::{self, ScheduleAct, own::Meant},
        },
        plan::Plan,
        point::{Place, Point, PointKind, PointState, is_continuous},
        retention::protection,
        step::{Action, Extra, ISSUE, PlanRule, PlanSpec, StepState},
        world::{DatabaseFound, PlanFound, VaultRange, World},
    },
};

use super::plans::{NOW, database, files, prod};
use crate::slack::sample::running;

/// A plan as a team keeps it by itself.
fn kept() -> PlanSpec {
    let rule = |name: &str, schedule: &str, days, extras: Vec<Extra>| PlanRule {
        name: name.into(),
        schedule: schedule.into(),
        delete_after_days: days,
        copy_to: None,
        extras,
    };
    PlanSpec {
        vault: "bbws-prod".into(),
        rules: vec![
            rule("scheduled", "cron(0 2 ? * SUN *)", 30, vec![Extra::Zone("Africa/Johannesburg".into())]),
            rule("pitr", "cron(0 3 * * ? *)", 35, vec![Extra::Continuous]),
            rule("seven years", "cron(0 4 1 * ? *)", 2557, vec![Extra::Cold(30), Extra::Windows(120, 480)]),
        ],
        resources: vec!["what the conditions of selection tagged match".into()],
        role: "arn:aws:iam::093646564004:role/theirs".into(),
    }
}

fn update(spec: PlanSpec, retention: Option<u32>, cron: Option<&str>) -> Result<Plan, Vec<String>> {
    let world = World {
        databases: vec![DatabaseFound { automated_days: 30, ..database() }],
        vault: Some(Ok("arn:vault".into())),
        dr_vault: Some(Ok("arn:dr".into())),
        plan: Some(PlanFound { id: "plan-1".into(), version: "v1".into(), spec }),
        ..World::default()
    };
    let kind = Some(PointKind::Efs);
    schedule::plan(
        &prod(),
        &schedule::Wanted { act: ScheduleAct::Update, retention, cron, aws: true, kind, own: Meant::None },
        &world,
        &[],
    )
}

fn written(plan: &Plan) -> &PlanSpec {
    match &plan.steps[0].action {
        Action::PutPlan(put) => &put.spec,
        other => panic!("the plan comes first: {other:?}"),
    }
}

#[test]
fn an_update_changes_what_was_named_and_nothing_else() {
    let plan = update(kept(), Some(14), None).expect("a plan");
    let mut expected = kept();
    expected.rules[0].delete_after_days = 14;
    assert_eq!(*written(&plan), expected);
    assert!(plan.notes.iter().any(|n| n.starts_with("What ends: what rule scheduled makes")), "{:?}", plan.notes);
    assert_eq!(schedule::Schedule.needs(&plan, vec![]).len(), 1, "what ends takes a second person");

    let plan = update(kept(), None, Some("cron(0 5 * * ? *)")).expect("a plan");
    let mut expected = kept();
    expected.rules[0].schedule = "cron(0 5 * * ? *)".into();
    assert_eq!(*written(&plan), expected, "the zone is kept, and no text of ours is sent as a cron");
    assert!(schedule::Schedule.needs(&plan, vec![]).is_empty(), "more often is no loss: {:?}", plan.notes);
    let rarer = update(kept(), None, Some("cron(0 5 1 * ? *)")).expect("a plan");
    assert_eq!(schedule::Schedule.needs(&rarer, vec![]).len(), 1, "{:?}", rarer.notes);
}

#[test]
fn a_plan_whose_rule_nobody_named_is_not_guessed_at() {
    let mut spec = kept();
    spec.rules[0].name = "weekly".into();
    let why = update(spec.clone(), Some(14), None).expect_err("which?").join(" ");
    assert!(why.contains("`weekly`, `pitr`, `seven years`") && why.contains("nothing says which"), "{why}");
    spec.rules.truncate(1);
    assert_eq!(written(&update(spec, Some(14), None).expect("the only one")).rules[0].delete_after_days, 14);
}

#[test]
fn lengths_that_aws_backup_refuses_are_refused_first() {
    let only = |extra, days| {
        let mut spec = kept();
        spec.rules.truncate(1);
        spec.rules[0].extras = vec![extra];
        update(spec, Some(days), None)
    };
    let env = prod();
    assert!(env.retention_days.max < 35, "the bounds of the environment come first");
    let why = only(Extra::Cold(30), 29).expect_err("cold storage keeps for 90 days").join(" ");
    assert!(why.contains("Say `--retention 120` or more"), "{why}");
    only(Extra::Continuous, 29).expect("35 days at most");
}

#[test]
fn extras_are_stored_only_where_there_are_some() {
    let mut rule = kept().rules.remove(0);
    rule.extras.clear();
    let json = serde_json::to_string(&rule).expect("JSON");
    assert_eq!(json, r#"{"name":"scheduled","schedule":"cron(0 2 ? * SUN *)","delete_after_days":30,"copy_to":null}"#);
    let back: PlanRule = serde_json::from_str(&json).expect("a ledger of yesterday");
    assert_eq!(back, rule);
    for rule in kept().rules {
        let text = serde_json::to_string(&rule).expect("JSON");
        assert_eq!(serde_json::from_str::<PlanRule>(&text).expect("the same"), rule);
    }
}

#[test]
fn a_member_of_a_cluster_is_said_to_be_one() {
    let member = DatabaseFound { cluster: Some("bbws-aurora".into()), engine: "aurora-mysql 8.0".into(), ..database() };
    let why = member.stands_alone().expect_err("it is a member");
    assert!(why.contains("member of cluster `bbws-aurora`") && why.contains("Take it out of `databases`"), "{why}");
    assert_eq!(database().stands_alone(), Ok(()));
}

#[test]
fn deleting_a_continuous_backup_is_refused_with_the_harmless_way() {
    let arn = "arn:aws:backup:af-south-1:093646564004:recovery-point:continuous:db-abc";
    assert!(is_continuous(arn) && is_continuous("arn:aws:rds:af-south-1:1:auto-backup:ab-1"));
    let point = Point { arn: arn.into(), id: "db-abc".into(), ..files("bbws-prod", "af-south-1", "x") };
    let other = files("bbws-prod", "af-south-1", "y");
    let lineage = [point.clone(), other.clone()];
    let why = protection(&point, &prod(), &lineage, &[], NOW).join(" ");
    assert!(why.contains("aws backup disassociate-recovery-point") && why.contains(arn), "{why}");
    assert!(!protection(&other, &prod(), &lineage, &[], NOW).join(" ").contains("disassociate"));
}

#[test]
fn a_stopped_continuous_backup_is_of_use() {
    let stopped = Point { state: PointState::Stopped, ..files("bbws-prod", "af-south-1", "x") };
    assert!(stopped.usable());
}

#[test]
fn ids_are_understood_as_aws_and_slack_show_them() {
    for (typed, id) in [
        ("`job-1`", "job-1"),
        ("awsbackup:job-1", "job-1"),
        ("continuous:db-abc", "db-abc"),
        ("recovery-point:1EB3-X", "1EB3-X"),
        ("recovery-point:continuous:db-abc", "db-abc"),
        ("af-south-1:093646564004:snapshot:awsbackup:job-1", "job-1"),
        ("SNAPSHOT:awsbackup:JOB-1", "JOB-1"),
        ("“bbws-prod-mysql-manual-1”", "bbws-prod-mysql-manual-1"),
        ("arn:aws:rds:af-south-1:1:snapshot:awsbackup:job-1", "arn:aws:rds:af-south-1:1:snapshot:awsbackup:job-1"),
        ("prod/secrets/20261121/bk-1/snapshot:x", "prod/secrets/20261121/bk-1/snapshot:x"),
    ] {
        assert_eq!(point_id(typed).expect(typed), id, "{typed}");
    }
    let point = files("bbws-prod", "af-south-1", "1eb3b5e7");
    assert!(point.is_named("1EB3B5E7") && point.is_named(&point.arn.to_uppercase()));
    let object = Point { place: Place::Bucket { bucket: "b".into() }, id: "prod/A".into(), ..point };
    assert!(object.is_named("prod/A") && !object.is_named("prod/a"), "S3 tells cases apart");
}

/// The example with one line of `prod` changed.
fn config(from: &str, to: &str) -> Result<Environment, Vec<String>> {
    let text = bbws::config::EXAMPLE;
    assert!(text.contains(from), "{from}");
    Config::parse(&text.replace(from, to), "bbws.toml")
        .map(|config| config.environments["prod"].clone())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn a_database_has_one_id_whatever_its_case_in_the_config() {
    let env = config("bbws-prod-mysql", "BBWS-Prod-MySQL").expect("RDS does not mind");
    assert!(env.databases.iter().any(|d| d.id == "bbws-prod-mysql"), "{:?}", env.databases);
    assert!(env.tenants.values().filter_map(|t| t.database.as_deref()).all(|d| d == d.to_ascii_lowercase()));
}

#[test]
fn keys_of_a_central_account_and_aws_s_own_vault_are_valid() {
    let env = prod();
    let key = format!("arn:aws:kms:{}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", env.dr_region);
    let was = env.dr_kms_key.expect("it has one");
    let found = config(&was, &key).expect("a central account");
    assert_eq!(found.dr_kms_key, Some(key));
    let found = config(&format!("vault = \"{}\"", env.vault), "vault = \"aws/efs/automatic-backup-vault\"");
    assert_eq!(found.expect("AWS's own").vault, "aws/efs/automatic-backup-vault");
}

#[test]
fn derived_names_fit_instances() {
    let long = "a-database-with-an-id-of-sixty-three-characters-in-production-x";
    assert_eq!(long.len(), 63);
    let name = derived::named(long, "-restored-vl-1042", derived::INSTANCE);
    assert!(name.len() <= 63 && name.ends_with("-restored-vl-1042"), "{name}");
}

#[test]
fn a_run_with_issues_is_not_called_verified_anywhere() {
    let mut view = running();
    view.run.op.state = State::Succeeded;
    for step in &mut view.run.steps {
        step.state = StepState::Done;
    }
    assert_eq!(card_payload(&view.run).get("issues"), None);
    assert!(draw_card(&view).text.contains("Succeeded and verified"));
    view.run.steps[0].outputs.insert(ISSUE.into(), "some objects could not be read".into());
    view.run.op.outcome = Some(words::outcome(&view.run, State::Succeeded, NOW));
    assert_eq!(card_payload(&view.run)["issues"], true);
    assert_eq!(card_payload(&view.run)["state"], "succeeded");
    let card = draw_card(&view);
    let all = format!("{}{:?}", card.text, card.blocks);
    assert!(all.contains("some objects could not be read") && all.contains("Succeeded with issues"), "{all}");
    assert!(!card.text.to_lowercase().contains("verified"), "{}", card.text);
    assert_eq!(words::notice_body(&view.run)["issues"][0]["says"], "some objects could not be read");
    view.run.op.state = State::Running;
    assert_eq!(card_payload(&view.run).get("issues"), None, "it is told at the end");
}

#[test]
fn a_locked_vault_that_refuses_the_retention_is_told_before_anybody_approves() {
    let range = VaultRange { vault: "bbws-prod".into(), region: "af-south-1".into(), min: Some(60), max: Some(365) };
    let world = World { vault_ranges: vec![range], ..World::default() };
    for (days, refused) in [(59, true), (60, false), (365, false), (366, true), (0, true)] {
        assert_eq!(!world.refusals(days).is_empty(), refused, "{days}: {:?}", world.refusals(days));
    }
    let env = prod();
    let target = Target::new(&env, BackupScope::Efs, None).expect("it has file systems");
    let world = World { file_systems: vec![], vault: Some(Ok("arn:vault".into())), ..world };
    let why = target.plan(&world, &[], &OpId("bk-1".into()), NOW).expect_err("AWS would refuse it").join(" ");
    assert!(why.contains("takes only what is kept for 60 to 365 days, not 30 days"), "{why}");
}

#[test]
fn what_holds_less_than_its_predecessor_is_asked_about() {
    let mut before = running().run;
    before.op.id = OpId("bk-1041".into());
    let mut run = running().run;
    for (run, tables, objects, bytes) in [(&mut before, "40", "1000", "1000000"), (&mut run, "1", "950", "990000")] {
        run.steps[0].state = StepState::Done;
        for (name, value) in [("tables", tables), ("objects", objects), ("bytes_plain", bytes)] {
            run.steps[0].outputs.insert(name.into(), value.into());
        }
    }
    assert!(held::measured(&run));
    let those = |before: &[&Run]| before.iter().map(|run| (*run).clone()).collect::<Vec<Run>>();
    let falls = |run: &Run, before: &[&Run]| held::falls(run, &those(before), &Thresholds::default());
    assert_eq!(
        falls(&run, &[&before]),
        [(0, "it holds 1 table, where bk-1041 held 40; say whether that is meant".to_owned())]
    );
    assert!(falls(&before, &[&run]).is_empty(), "more is no fall");
    run.steps[0].outputs.insert("objects".into(), "500".into());
    assert!(falls(&run, &[&before])[0].1.contains("500 objects, where bk-1041 held 1,000"));
    // What has fallen already is no measure as long as one that had not is among them; of equals the newest is named.
    let mut fallen = run.clone();
    fallen.op.id = OpId("bk-1042".into());
    let mut older = before.clone();
    older.op.id = OpId("bk-1040".into());
    let told = falls(&run, &[&fallen, &before, &older]);
    assert!(
        told[0].1.contains("1 table, where bk-1041 held 40, and 500 objects, where bk-1041 held 1,000"),
        "{told:?}"
    );
    assert!(falls(&run, &[&fallen]).is_empty(), "after a while it is what is usual");
    // The config says how much is enough.
    let least = |tables, objects, bytes| Thresholds { tables, objects, bytes, ..Thresholds::default() };
    let with = |least: Thresholds| held::falls(&run, &those(&[&before]), &least);
    assert!(with(least(2, 50, 99)).is_empty(), "{:?}", with(least(2, 50, 99)));
    assert!(with(least(0, 51, 0))[0].1.starts_with("it holds 500 objects, where"), "{:?}", with(least(0, 51, 0)));
    assert!(with(least(3, 0, 0))[0].1.starts_with("it holds 1 table, where"), "{:?}", with(least(3, 0, 0)));
    assert!(
        with(least(0, 0, 100))[0].1.contains(" bytes, where bk-1041 held 1,000,000"),
        "{:?}",
        with(least(0, 0, 100))
    );
    before.steps[0].state = StepState::Failed;
    assert!(falls(&run, &[&before]).is_empty(), "what failed is no measure");
}
