//! AWS Backup plans: written once, compared before they are written again.

use std::time::Duration;

use aws_sdk_backup::types::{BackupPlanInput, BackupRuleInput};
use bbws::{
    domain::{
        step::{self, Action, Extra, PlanRule, PlanSpec},
        world::{PlanFound, Survey},
    },
    ports::cloud::{Call, Cloud as _, CloudError, Probe},
};
use serde_json::{Value, json as value};

use crate::aws::{
    bed::{Bed, DB, FS},
    support::{HOME, Platform, done, failed, permanent, poll},
};
use bbws::adapters::sandbox::aws::{
    Fault, Target,
    world::backup::{BackupPlan, Selection},
};

const NAME: &str = "bbws-prod";

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

/// Writes the plan, as the engine does it; what was called to change something for it.
async fn write(bed: &Bed, spec: PlanSpec) -> Vec<String> {
    let before = bed.changes().len();
    let call = bed.platform.call(put(spec));
    let started = bed.platform.cloud.start(&call).await.expect("it starts");
    done(poll(&bed.platform.cloud, &Call { external_id: started.external_id, ..call }).await);
    bed.changes().split_off(before)
}

/// The plans there are, by id.
fn plans(bed: &Bed) -> Vec<(String, BackupPlan)> {
    bed.backup(|backup, _| backup.plans.clone().into_iter().collect())
}

/// The one plan there is.
fn plan(bed: &Bed) -> (String, BackupPlan) {
    let mut plans = plans(bed);
    assert_eq!(plans.len(), 1, "{plans:?}");
    plans.remove(0)
}

fn protected(bed: &Bed) -> Vec<Value> {
    let selections = plans(bed).into_iter().flat_map(|(_, plan)| plan.selections.into_values());
    let mut selections: Vec<_> = selections.collect();
    selections.sort_by_key(|selection| selection.created);
    selections.into_iter().map(|selection| selection.body["Resources"].clone()).collect()
}

/// Somebody else at the console changes the plan and its selection.
fn meddle(bed: &Bed, change: impl FnOnce(&mut Value, &mut Value)) {
    let (id, _) = plan(bed);
    bed.backup(|backup, _| {
        let plan = backup.plans.get_mut(&id).expect("it is there");
        let selection = plan.selections.values_mut().next().expect("it is there");
        change(&mut plan.versions.last_mut().expect("it says something").1, &mut selection.body);
    });
}

#[tokio::test]
async fn a_plan_is_made_with_our_token_our_tags_and_what_it_protects() {
    let bed = Bed::new();
    assert_eq!(bed.platform.cloud.probe(&bed.platform.call(put(spec()))).await, Ok(Probe::Absent));
    assert_eq!(write(&bed, spec()).await, ["CreateBackupPlan", "CreateBackupSelection"]);
    let made = &bed.asked("CreateBackupPlan")[0].input;
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
    assert_eq!(protected(&bed), [value!([FS, DB])]);
}

/// AWS gives what a token made before, whatever became of the ledger that sent it.
#[tokio::test]
async fn the_plan_of_an_earlier_life_is_not_taken_for_ours() {
    let after = |bed: &Bed, seconds: u64| {
        let (call, made) = (bed.platform.call(put(spec())), plan(bed).1.created);
        Call { intended: made + Duration::from_secs(seconds), ..call }
    };
    // The reply of the call that made it was lost, and with it the ledger that remembers.
    let made_before = async || {
        let bed = Bed::new();
        bed.aws.inject(Fault::LostReply, Target::next().of("CreateBackupPlan"));
        let answer = bed.platform.cloud.start(&bed.platform.call(put(spec()))).await;
        assert!(Bed::unknown(&answer), "{answer:?}");
        bed.edit("ListBackupPlans", |answer| answer["BackupPlansList"] = value!([]));
        bed
    };
    let bed = made_before().await;
    assert!(bed.platform.cloud.start(&after(&bed, 299)).await.is_ok(), "clocks may differ");
    let bed = made_before().await;
    let refused = bed.platform.cloud.start(&after(&bed, 301)).await;
    assert!(permanent(refused).contains("an earlier life of the ledger"));
    assert!(protected(&bed).is_empty(), "nothing more is done to it");

    let bed = Bed::new();
    write(&bed, PlanSpec { resources: vec![FS.into()], ..spec() }).await;
    let started = bed.platform.cloud.start(&after(&bed, 301)).await;
    assert!(started.is_ok(), "a selection counts by what it selects: {started:?}");
    assert!(protected(&bed).contains(&value!([DB])), "{:?}", protected(&bed));
}

#[tokio::test]
async fn a_plan_that_is_as_wanted_is_not_written_again() {
    let bed = Bed::new();
    write(&bed, spec()).await;
    let before = bed.changes();
    let resources = vec![DB.into(), FS.into(), DB.into()];
    let other = bed.platform.call_of("bk-2000", put(PlanSpec { resources, ..spec() }));
    let started = bed.platform.cloud.start(&other).await.expect("it is found");
    let (id, plan) = plan(&bed);
    assert!(started.finished && started.outputs["plan"] == id, "{started:?}");
    assert_eq!(bed.platform.cloud.probe(&other).await, Ok(Probe::Present(started)));
    assert_eq!(bed.changes(), before, "nothing is written");
    assert_eq!(plan.versions.len(), 1, "no new version");
}

#[tokio::test]
async fn new_rules_keep_the_selection_and_a_new_selection_keeps_the_rules() {
    let bed = Bed::new();
    write(&bed, spec()).await;
    let mut longer = spec();
    longer.rules[0].delete_after_days = 90;
    assert_eq!(write(&bed, longer.clone()).await, ["UpdateBackupPlan"]);
    assert_eq!(protected(&bed), [value!([FS, DB])], "it still protects the same");

    let first = plan(&bed).1.selections.into_keys().next().expect("there is one");
    let fewer = PlanSpec { resources: vec![DB.into()], ..longer.clone() };
    let changes = write(&bed, fewer).await;
    let successor = "the new one is there before the old one goes";
    assert_eq!(changes, ["CreateBackupSelection", "DeleteBackupSelection"], "{successor}");
    assert_eq!(bed.asked("DeleteBackupSelection")[0].input["selectionId"], first);
    assert_eq!(protected(&bed), [value!([DB])]);
    assert_eq!(plan(&bed).1.versions.len(), 2);

    let nothing = PlanSpec { resources: vec![], ..longer };
    assert_eq!(write(&bed, nothing).await, ["DeleteBackupSelection"]);
    assert!(protected(&bed).is_empty(), "a selection of nothing would be one of everything");
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
        let bed = Bed::new();
        write(&bed, spec()).await;
        meddle(&bed, change);
        let call = bed.platform.call(put(spec()));
        assert_eq!(bed.platform.cloud.probe(&call).await, Ok(Probe::Absent), "change {n}");
        let named = Call { external_id: Some(plan(&bed).0), ..call.clone() };
        let reason = failed(poll(&bed.platform.cloud, &named).await);
        assert!(reason.starts_with("Backup plan bbws-prod in af-south-1 does not say what was written: "), "{reason}");
        write(&bed, spec()).await;
    }
}

#[tokio::test]
async fn a_lost_reply_is_unknown_and_found_again() {
    let bed = Bed::new();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(put(spec())));
    bed.aws.inject(Fault::LostReply, Target::next().of("CreateBackupPlan"));
    let answer = cloud.start(&call).await;
    assert!(Bed::unknown(&answer), "{answer:?}");
    assert_eq!(plans(&bed).len(), 1);
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent), "it does not protect anything yet");
    let started = cloud.start(&call).await.expect("it is completed");
    done(poll(cloud, &Call { external_id: started.external_id, ..call.clone() }).await);
    assert_eq!((plans(&bed).len(), protected(&bed).len()), (1, 1));
    let before = bed.changes();
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(started)) if started.finished));
    assert_eq!(bed.changes(), before);
}

#[tokio::test]
async fn what_protects_stays_until_its_successor_is_there() {
    let bed = Bed::new();
    write(&bed, spec()).await;
    let fewer = PlanSpec { resources: vec![DB.into()], ..spec() };
    let call = bed.platform.call(put(fewer.clone()));
    for code in ["AlreadyExistsException", "LimitExceededException"] {
        bed.refuse("CreateBackupSelection", code);
        let answer = bed.platform.cloud.start(&call).await;
        assert!(matches!(answer, Err(CloudError::Retryable { .. })), "{code}: {answer:?}");
        assert_eq!(protected(&bed), [value!([FS, DB])], "{code}");
    }
    bed.aws.inject(Fault::LostReply, Target::next().of("CreateBackupSelection"));
    let answer = bed.platform.cloud.start(&call).await;
    assert!(Bed::unknown(&answer), "{answer:?}");
    assert!(protected(&bed).contains(&value!([FS, DB])), "the old one is there as long as nobody knows of the new one");
    assert_eq!(bed.platform.cloud.probe(&call).await, Ok(Probe::Absent), "it protects too much still");
    write(&bed, fewer).await;
    assert_eq!(protected(&bed), [value!([DB])]);
}

#[tokio::test]
async fn trouble_is_of_three_kinds() {
    let bed = Bed::new();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(put(spec())));
    bed.refuse("CreateBackupPlan", "ThrottlingException");
    assert!(matches!(cloud.start(&call).await, Err(CloudError::Retryable { .. })));
    bed.refuse("CreateBackupPlan", "AlreadyExistsException");
    assert!(matches!(cloud.start(&call).await, Err(CloudError::Retryable { .. })), "it is not visible yet");
    bed.refuse("CreateBackupPlan", "InvalidParameterValueException");
    let reason = permanent(cloud.start(&call).await);
    assert!(reason.contains("AWS refused it (InvalidParameterValueException: as the test says)"), "{reason}");
    // Names of plans need not differ.
    let backup = bed.platform.setup(HOME).await;
    for _ in 0..2 {
        let rule = BackupRuleInput::builder().rule_name("theirs").target_backup_vault_name("bbws-prod").build();
        let theirs = BackupPlanInput::builder().backup_plan_name(NAME).rules(rule.expect("a rule")).build();
        let request = backup.backup().create_backup_plan().backup_plan(theirs.expect("a plan"));
        request.send().await.expect("it is made");
    }
    assert!(permanent(cloud.start(&call).await).contains("there are 2 plans of that name"));
    let gone = Call { external_id: Some("plan-9".into()), ..call };
    assert!(failed(poll(cloud, &gone).await).contains("is gone"));
}

async fn survey(platform: &Platform) -> Option<PlanFound> {
    let ask = Survey { schedule: true, ..Survey::default() };
    platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world").plan
}

#[tokio::test]
async fn a_survey_tells_what_the_plan_says() {
    let bed = Bed::new();
    assert_eq!(survey(&bed.platform).await, None);
    bed.platform.cloud.start(&bed.platform.call(put(spec()))).await.expect("a plan");
    let found = survey(&bed.platform).await.expect("there is one");
    let (id, plan) = plan(&bed);
    assert_eq!((found.id, found.version), (id, plan.versions[0].0.clone()));
    let sorted = vec![FS.to_owned(), DB.to_owned()];
    assert_eq!(found.spec, PlanSpec { resources: sorted, ..spec() });
}

#[tokio::test]
async fn what_was_not_named_is_written_back_word_for_word() {
    let bed = Bed::new();
    write(&bed, spec()).await;
    meddle(&bed, |plan, _| {
        let rule = &mut plan["Rules"][0];
        rule["EnableContinuousBackup"] = true.into();
        rule["ScheduleExpressionTimezone"] = "Africa/Johannesburg".into();
        rule["StartWindowMinutes"] = 120.into();
        rule["CopyActions"][0]["Lifecycle"]["DeleteAfterDays"] = 365.into();
        rule["RecoveryPointTags"] = value!({ "owner": "them" });
        plan["Rules"][1]["Lifecycle"] = value!({ "MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 2557 });
        plan["AdvancedBackupSettings"] =
            value!([{ "ResourceType": "EC2", "BackupOptions": { "WindowsVSS": "enabled" } }]);
    });
    let (id, _) = plan(&bed);
    let body = value!({ "SelectionName": "tagged", "IamRoleArn": spec().role, "ListOfTags": [
        { "ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "yes" },
    ] });
    bed.backup(|backup, created| {
        let tagged = Selection { body, created, creator_request: None };
        backup.plans.get_mut(&id).expect("it is there").selections.insert("tagged".into(), tagged);
    });
    let mut wanted = survey(&bed.platform).await.expect("there is one").spec;
    wanted.rules[0].delete_after_days = 14;
    assert_eq!(write(&bed, wanted).await, ["UpdateBackupPlan"], "no selection is touched");
    let asked = bed.asked("UpdateBackupPlan");
    let written = asked.last().expect("it was written").input["BackupPlan"].clone();
    let rule = &written["Rules"][0];
    assert_eq!(rule["Lifecycle"]["DeleteAfterDays"], 14, "what was named");
    assert_eq!(rule["ScheduleExpression"], "cron(0 2 * * ? *)");
    assert_eq!(rule["ScheduleExpressionTimezone"], "Africa/Johannesburg");
    assert_eq!((&rule["EnableContinuousBackup"], &rule["StartWindowMinutes"]), (&true.into(), &120.into()));
    assert_eq!(rule["CopyActions"][0]["Lifecycle"]["DeleteAfterDays"], 365);
    assert_eq!(rule["RecoveryPointTags"]["owner"], "them");
    assert_eq!(
        written["Rules"][1]["Lifecycle"],
        value!({ "MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 2557 }),
        "a foreign rule"
    );
    assert_eq!(written["AdvancedBackupSettings"][0]["ResourceType"], "EC2");
    assert_eq!(plan(&bed).1.selections.len(), 2);
}

#[tokio::test]
async fn cold_storage_and_continuous_backups_are_put_and_nothing_else_is_lost_by_it() {
    let bed = Bed::new();
    let mut wanted = spec();
    wanted.rules[0].delete_after_days = 120;
    write(&bed, wanted.clone()).await;
    meddle(&bed, |plan, _| plan["Rules"][0]["RecoveryPointTags"] = value!({ "owner": "them" }));
    let mut wanted = survey(&bed.platform).await.expect("there is one").spec;
    wanted.rules[0].extras.push(Extra::Cold(30));
    wanted.rules.push(PlanRule {
        name: "continuous".into(),
        schedule: "cron(0 2 * * ? *)".into(),
        delete_after_days: 14,
        copy_to: None,
        extras: vec![Extra::Continuous],
    });
    assert_eq!(write(&bed, wanted.clone()).await, ["UpdateBackupPlan"]);
    let asked = bed.asked("UpdateBackupPlan");
    let rules = asked.last().expect("it was written").input["BackupPlan"]["Rules"].clone();
    assert_eq!(rules[0]["Lifecycle"], value!({ "MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 120 }));
    assert_eq!(rules[0]["RecoveryPointTags"]["owner"], "them");
    assert_eq!(rules[0]["CopyActions"][0]["Lifecycle"], value!({ "DeleteAfterDays": 120 }), "copies stay warm");
    assert_eq!((&rules[2]["EnableContinuousBackup"], &rules[2]["CopyActions"]), (&true.into(), &Value::Null));
    assert_eq!(survey(&bed.platform).await.expect("there is one").spec, wanted, "it is read as it was written");
    // What somebody else made it say meanwhile is not taken from it.
    meddle(&bed, |plan, _| plan["Rules"][0]["ScheduleExpressionTimezone"] = "Africa/Johannesburg".into());
    wanted.rules[0].delete_after_days = 150;
    let reason = permanent(bed.platform.cloud.start(&bed.platform.call(put(wanted))).await);
    assert!(reason.contains("rule main is not what it was when this was planned"), "{reason}");
}
