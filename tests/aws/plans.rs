//! AWS Backup plans: written once, compared before they are written again.

use bbws::{
    domain::{
        moment::Moment,
        step::{self, Action, PlanRule, PlanSpec},
        world::Survey,
    },
    ports::cloud::{Call, Cloud as _, CloudError, Probe},
};
use serde_json::{Value, json as value};

use crate::aws::{
    support::{HOME, Platform, done, environment, failed, permanent, poll},
    vaults::{Trouble, Vaults},
};

const NAME: &str = "bbws-prod";
const FS: &str = "arn:aws:elasticfilesystem:af-south-1:093646564004:file-system/fs-0900d000000000001";
const DB: &str = "arn:aws:rds:af-south-1:093646564004:db:bbws-prod-mysql";

pub fn spec() -> PlanSpec {
    let rule = |name: &str, schedule: &str, copy_to: Option<&str>| PlanRule {
        name: name.into(),
        schedule: schedule.into(),
        delete_after_days: 30,
        copy_to: copy_to.map(str::to_owned),
        extras: vec![],
    };
    PlanSpec {
        vault: "bbws-prod".into(),
        rules: vec![
            rule("main", "cron(0 2 * * ? *)", Some("arn:aws:backup:eu-west-1:093646564004:backup-vault:bbws-prod-dr")),
            rule("extra", "cron(30 3 ? * SUN *)", None),
        ],
        resources: vec![FS.into(), DB.into()],
        role: "arn:aws:iam::093646564004:role/bbws-backup".into(),
    }
}

pub fn put(spec: PlanSpec) -> Action {
    Action::PutPlan(step::PutPlan { region: HOME.into(), name: NAME.into(), spec })
}

async fn on() -> (Vaults, Platform) {
    let vaults = Vaults::start().await;
    let platform = vaults.platform(environment(false)).await;
    (vaults, platform)
}

/// Writes the plan, as the engine does it; how often something was changed for it.
async fn write(vaults: &Vaults, platform: &Platform, spec: PlanSpec) -> Vec<String> {
    let before = vaults.changes().len();
    let call = platform.call(put(spec));
    let started = platform.cloud.start(&call).await.expect("it starts");
    done(poll(&platform.cloud, &Call { external_id: started.external_id, ..call }).await);
    vaults.changes().split_off(before)
}

fn protected(vaults: &Vaults) -> Vec<Value> {
    vaults.with(|state| state.selections.values().map(|s| s["Resources"].clone()).collect())
}

#[tokio::test]
async fn a_plan_is_made_with_our_token_our_tags_and_what_it_protects() {
    let (vaults, platform) = on().await;
    assert_eq!(platform.cloud.probe(&platform.call(put(spec()))).await, Ok(Probe::Absent));
    let changes = write(&vaults, &platform, spec()).await;
    assert_eq!(changes, ["PUT /backup/plans", "PUT /backup/plans/plan-1/selections"]);
    let made = &vaults.fake.asked("PUT", "/backup/plans")[0].json();
    assert_eq!(made["CreatorRequestId"], "bk-1042-0-r0");
    assert_eq!(made["BackupPlanTags"]["bbws:operation"], "bk-1042");
    assert_eq!(
        made["BackupPlan"],
        value!({
            "BackupPlanName": NAME,
            "Rules": [{
                "RuleName": "main",
                "TargetBackupVaultName": "bbws-prod",
                "ScheduleExpression": "cron(0 2 * * ? *)",
                "ScheduleExpressionTimezone": "Etc/UTC",
                "StartWindowMinutes": 60,
                "CompletionWindowMinutes": 1440,
                "Lifecycle": { "DeleteAfterDays": 30 },
                "CopyActions": [{
                    "DestinationBackupVaultArn": "arn:aws:backup:eu-west-1:093646564004:backup-vault:bbws-prod-dr",
                    "Lifecycle": { "DeleteAfterDays": 30 },
                }],
            }, {
                "RuleName": "extra",
                "TargetBackupVaultName": "bbws-prod",
                "ScheduleExpression": "cron(30 3 ? * SUN *)",
                "ScheduleExpressionTimezone": "Etc/UTC",
                "StartWindowMinutes": 60,
                "CompletionWindowMinutes": 1440,
                "Lifecycle": { "DeleteAfterDays": 30 },
            }],
        })
    );
    assert_eq!(protected(&vaults), [value!([FS, DB])]);
}

/// AWS gives what a token made before, whatever became of the ledger that sent it.
#[tokio::test]
async fn the_plan_of_an_earlier_life_is_not_taken_for_ours() {
    const ASKED: i64 = 1_795_230_600;
    let intended = Moment(ASKED * 1000);
    let answer = async |made: i64| {
        let (vaults, platform) = on().await;
        vaults.with(|state| state.made = Some(made));
        let answer = platform.cloud.start(&Call { intended, ..platform.call(put(spec())) }).await;
        (answer, vaults)
    };
    assert!(answer(ASKED - 299).await.0.is_ok(), "clocks may differ");
    let (refused, vaults) = answer(ASKED - 301).await;
    assert!(permanent(refused).contains("an earlier life of the ledger"));
    assert!(protected(&vaults).is_empty(), "nothing more is done to it");

    let (vaults, platform) = on().await;
    write(&vaults, &platform, PlanSpec { resources: vec![FS.into()], ..spec() }).await;
    vaults.with(|state| state.made = Some(ASKED - 301));
    let started = platform.cloud.start(&Call { intended, ..platform.call(put(spec())) }).await;
    assert!(started.is_ok(), "a selection counts by what it selects: {started:?}");
    assert_eq!(protected(&vaults), [value!([FS]), value!([DB])]);
}

#[tokio::test]
async fn a_plan_that_is_as_wanted_is_not_written_again() {
    let (vaults, platform) = on().await;
    write(&vaults, &platform, spec()).await;
    let before = vaults.changes();
    let other =
        platform.call_of("bk-2000", put(PlanSpec { resources: vec![DB.into(), FS.into(), DB.into()], ..spec() }));
    let started = platform.cloud.start(&other).await.expect("it is found");
    assert!(started.finished && started.outputs["plan"] == "plan-1", "{started:?}");
    assert_eq!(platform.cloud.probe(&other).await, Ok(Probe::Present(started)));
    assert_eq!(vaults.changes(), before, "no new version");
    assert_eq!(vaults.with(|state| state.plans["plan-1"]["version"].clone()), 1);
}

#[tokio::test]
async fn new_rules_keep_the_selection_and_a_new_selection_keeps_the_rules() {
    let (vaults, platform) = on().await;
    write(&vaults, &platform, spec()).await;
    let mut longer = spec();
    longer.rules[0].delete_after_days = 90;
    assert_eq!(write(&vaults, &platform, longer.clone()).await, ["POST /backup/plans/plan-1"]);
    assert_eq!(protected(&vaults), [value!([FS, DB])], "it still protects the same");

    let fewer = PlanSpec { resources: vec![DB.into()], ..longer.clone() };
    let changes = write(&vaults, &platform, fewer).await;
    assert_eq!(
        changes,
        ["PUT /backup/plans/plan-1/selections", "DELETE /backup/plans/plan-1/selections/selection-2"],
        "the new one is there before the old one goes"
    );
    assert_eq!(protected(&vaults), [value!([DB])]);
    assert_eq!(vaults.with(|state| state.plans["plan-1"]["version"].clone()), 2);

    let nothing = PlanSpec { resources: vec![], ..longer };
    assert_eq!(write(&vaults, &platform, nothing).await, ["DELETE /backup/plans/plan-1/selections/selection-3"]);
    assert!(protected(&vaults).is_empty(), "a selection of nothing would be one of everything");
}

#[tokio::test]
async fn what_somebody_else_made_of_the_plan_is_seen_and_mended() {
    let changes: [fn(&mut Value, &mut Value); 6] = [
        |plan, _| plan["Rules"][0]["EnableContinuousBackup"] = true.into(),
        |plan, _| plan["Rules"][0]["Lifecycle"]["MoveToColdStorageAfterDays"] = 1.into(),
        |plan, _| plan["Rules"][0]["ScheduleExpressionTimezone"] = "Africa/Johannesburg".into(),
        |plan, _| plan["Rules"][0]["CopyActions"] = value!([]),
        |_, selection| {
            selection["ListOfTags"] =
                value!([{ "ConditionType": "STRINGEQUALS", "ConditionKey": "a", "ConditionValue": "b" }])
        },
        |_, selection| selection["NotResources"] = value!(["arn:x"]),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let (vaults, platform) = on().await;
        write(&vaults, &platform, spec()).await;
        vaults.with(|state| {
            let plan = state.plans.get_mut("plan-1").expect("it is there");
            let selection = state.selections.values_mut().next().expect("it is there");
            change(plan, selection);
        });
        let call = platform.call(put(spec()));
        assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Absent), "change {n}");
        let named = Call { external_id: Some("plan-1".into()), ..call.clone() };
        let reason = failed(poll(&platform.cloud, &named).await);
        assert!(reason.starts_with("Backup plan bbws-prod in af-south-1 does not say what was written: "), "{reason}");
        write(&vaults, &platform, spec()).await;
    }
}

#[tokio::test]
async fn a_lost_reply_is_unknown_and_found_again() {
    let (vaults, platform) = on().await;
    let call = platform.call(put(spec()));
    vaults.with(|state| state.trouble = vec![Trouble::Lost("PUT", "/backup/plans")]);
    let answer = platform.cloud.start(&call).await;
    assert!(matches!(answer, Err(CloudError::Unknown { .. })), "{answer:?}");
    assert_eq!(vaults.with(|state| state.plans.len()), 1, "the SDK asked several times with one token");
    vaults.with(|state| state.trouble.clear());
    assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Absent), "it does not protect anything yet");
    let started = platform.cloud.start(&call).await.expect("it is completed");
    done(poll(&platform.cloud, &Call { external_id: started.external_id, ..call.clone() }).await);
    assert_eq!(vaults.with(|state| (state.plans.len(), state.selections.len())), (1, 1));
    let before = vaults.changes();
    assert!(matches!(platform.cloud.probe(&call).await, Ok(Probe::Present(started)) if started.finished));
    assert_eq!(vaults.changes(), before);
}

#[tokio::test]
async fn what_protects_stays_until_its_successor_is_there() {
    let (vaults, platform) = on().await;
    write(&vaults, &platform, spec()).await;
    let fewer = PlanSpec { resources: vec![DB.into()], ..spec() };
    let call = platform.call(put(fewer.clone()));
    let path = "/backup/plans/plan-1/selections";
    for (trouble, unknown) in [
        (Trouble::Refused("PUT", path, "AlreadyExistsException"), false),
        (Trouble::Refused("PUT", path, "LimitExceededException"), false),
        (Trouble::Lost("PUT", path), true),
    ] {
        vaults.with(|state| state.trouble = vec![trouble.clone()]);
        match platform.cloud.start(&call).await {
            // Asked again by the SDK, AWS says of the one that was lost that it exists.
            Ok(started) => assert!(!started.finished && unknown, "{trouble:?}"),
            Err(CloudError::Retryable { .. }) => assert!(!unknown, "{trouble:?}"),
            Err(CloudError::Unknown { .. }) => assert!(unknown, "{trouble:?}"),
            other => panic!("{trouble:?}: {other:?}"),
        }
        assert!(protected(&vaults).contains(&value!([FS, DB])), "{trouble:?}");
    }
    vaults.with(|state| state.trouble.clear());
    assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Absent), "it protects too much still");
    write(&vaults, &platform, fewer).await;
    assert_eq!(protected(&vaults), [value!([DB])]);
}

#[tokio::test]
async fn trouble_is_of_three_kinds() {
    let (vaults, platform) = on().await;
    let call = platform.call(put(spec()));
    vaults.with(|state| state.trouble = vec![Trouble::Refused("PUT", "/backup/plans", "ThrottlingException")]);
    assert!(matches!(platform.cloud.start(&call).await, Err(CloudError::Retryable { .. })));
    vaults.with(|state| state.trouble = vec![Trouble::Refused("PUT", "/backup/plans", "AlreadyExistsException")]);
    assert!(matches!(platform.cloud.start(&call).await, Err(CloudError::Retryable { .. })), "it is not visible yet");
    vaults
        .with(|state| state.trouble = vec![Trouble::Refused("PUT", "/backup/plans", "InvalidParameterValueException")]);
    let reason = permanent(platform.cloud.start(&call).await);
    assert!(reason.contains("AWS refused it (InvalidParameterValueException: as the test says)"), "{reason}");
    vaults.with(|state| {
        state.trouble.clear();
        for id in ["a", "b"] {
            state.plans.insert(id.into(), value!({ "BackupPlanName": NAME, "Rules": [] }));
        }
    });
    assert!(permanent(platform.cloud.start(&call).await).contains("there are 2 plans of that name"));
    let gone = Call { external_id: Some("plan-9".into()), ..call };
    assert!(failed(poll(&platform.cloud, &gone).await).contains("is gone"));
}

#[tokio::test]
async fn a_survey_tells_what_the_plan_says() {
    let vaults = Vaults::start().await;
    let platform =
        Platform::on(crate::aws::moto::address(), &[("backup", &vaults.fake.address)], environment(true)).await;
    let ask = Survey { schedule: true, ..Survey::default() };
    let survey = async || platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world").plan;
    assert_eq!(survey().await, None);
    platform.cloud.start(&platform.call(put(spec()))).await.expect("a plan");
    let found = survey().await.expect("there is one");
    assert_eq!((found.id.as_str(), found.version.as_str()), ("plan-1", "1"));
    let sorted = vec![FS.to_owned(), DB.to_owned()];
    assert_eq!(found.spec, PlanSpec { resources: sorted, ..spec() });
}

#[tokio::test]
async fn what_was_not_named_is_written_back_word_for_word() {
    let (vaults, platform) = on().await;
    write(&vaults, &platform, spec()).await;
    vaults.with(|state| {
        let plan = state.plans.get_mut("plan-1").expect("it is there");
        let rule = &mut plan["Rules"][0];
        rule["EnableContinuousBackup"] = true.into();
        rule["ScheduleExpressionTimezone"] = "Africa/Johannesburg".into();
        rule["StartWindowMinutes"] = 120.into();
        rule["CopyActions"][0]["Lifecycle"]["DeleteAfterDays"] = 365.into();
        rule["RecoveryPointTags"] = value!({ "owner": "them" });
        plan["Rules"][1]["Lifecycle"] = value!({ "MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 2557 });
        plan["AdvancedBackupSettings"] =
            value!([{ "ResourceType": "EC2", "BackupOptions": { "WindowsVSS": "enabled" } }]);
        let tagged = value!({ "SelectionName": "tagged", "IamRoleArn": spec().role, "ListOfTags": [
            { "ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "yes" },
        ] });
        state.selections.insert(("plan-1".into(), "selection-tagged".into()), tagged);
    });
    let ask = Survey { schedule: true, ..Survey::default() };
    let elsewhere =
        Platform::on(crate::aws::moto::address(), &[("backup", &vaults.fake.address)], environment(true)).await;
    let found = elsewhere.cloud.survey(&elsewhere.environment, &ask, "U0ALICE").await.expect("a world").plan;
    let mut wanted = found.expect("there is one").spec;
    wanted.rules[0].delete_after_days = 14;
    assert_eq!(write(&vaults, &platform, wanted).await, ["POST /backup/plans/plan-1"], "no selection is touched");
    let asked = vaults.fake.asked("POST", "/backup/plans/plan-1");
    let plan = asked.last().expect("it was written").json()["BackupPlan"].clone();
    let rule = &plan["Rules"][0];
    assert_eq!(rule["Lifecycle"]["DeleteAfterDays"], 14, "what was named");
    assert_eq!(rule["ScheduleExpression"], "cron(0 2 * * ? *)");
    assert_eq!(rule["ScheduleExpressionTimezone"], "Africa/Johannesburg");
    assert_eq!((&rule["EnableContinuousBackup"], &rule["StartWindowMinutes"]), (&true.into(), &120.into()));
    assert_eq!(rule["CopyActions"][0]["Lifecycle"]["DeleteAfterDays"], 365);
    assert_eq!(rule["RecoveryPointTags"]["owner"], "them");
    assert_eq!(
        plan["Rules"][1]["Lifecycle"],
        value!({ "MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 2557 }),
        "a foreign rule"
    );
    assert_eq!(plan["AdvancedBackupSettings"][0]["ResourceType"], "EC2");
    assert_eq!(vaults.with(|state| state.selections.len()), 2);
}
