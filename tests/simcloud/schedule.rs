//! Schedules in the simulated AWS: plans with their versions, and automated backups of databases.

use bbws::{
    adapters::sandbox::cloud::{Fault, Target},
    domain::step::{self, Action, PlanRule, PlanSpec},
    ports::cloud::{Call, Cloud as _, Probe, Survey},
};

use super::rig::*;

fn spec(days: u32) -> PlanSpec {
    let rule = PlanRule {
        name: "daily".into(),
        schedule: "cron(0 2 * * ? *)".into(),
        delete_after_days: days,
        copy_to: Some(format!("arn:aws:backup:{AWAY}:{ACCOUNT}:backup-vault:bbws-prod-dr")),
        extras: vec![],
    };
    PlanSpec {
        vault: "bbws-prod".into(),
        rules: vec![rule],
        resources: vec![format!("arn:aws:elasticfilesystem:{HOME}:{ACCOUNT}:file-system/fs-0900d000000000001")],
        role: format!("arn:aws:iam::{ACCOUNT}:role/bbws-backup"),
    }
}

fn put(rig: &Rig, spec: PlanSpec) -> Call {
    rig.call(0, Action::PutPlan(step::PutPlan { region: HOME.into(), name: "bbws-prod".into(), spec }))
}

#[tokio::test]
async fn an_unchanged_plan_gets_no_new_version() {
    let rig = Rig::declared(61);
    let started = rig.lose(&put(&rig, spec(30))).await;
    assert!(started.finished);
    assert_eq!(done(rig.poll(&put(&rig, spec(30))).await), started.outputs);
    rig.cloud.start(&by("bk-1002", &put(&rig, spec(30)))).await.unwrap();
    assert_eq!((rig.cloud.plan_versions("bbws-prod").len(), rig.cloud.effects()), (1, 1));
    let ask = Survey { schedule: true, ..Survey::default() };
    let first = rig.cloud.survey(&rig.environment, &ask, "U0ALICE").await.unwrap().plan.unwrap();
    assert_eq!((&first.spec, &first.version), (&spec(30), &started.outputs["version"]));

    rig.cloud.start(&by("bk-1003", &put(&rig, spec(14)))).await.unwrap();
    let second = rig.cloud.survey(&rig.environment, &ask, "U0ALICE").await.unwrap().plan.unwrap();
    assert!(second.id == first.id && second.version != first.version && second.spec == spec(14));
    assert_eq!(rig.cloud.plan_versions("bbws-prod"), [spec(30), spec(14)]);
    assert_eq!(rig.cloud.probe(&put(&rig, spec(30))).await, Ok(Probe::Absent));
    assert!(failed(rig.poll(&put(&rig, spec(30))).await).contains("somebody changed it"));
    assert!(rig.cloud.twice().is_empty());
    assert!(rig.cloud.change_plan("prod", 5));
    assert_eq!(rig.cloud.plan_versions("bbws-prod").last(), Some(&spec(5)));
}

#[tokio::test]
async fn a_plan_needs_its_vaults_and_role() {
    let rig = Rig::declared(62);
    let wrong = [
        (PlanSpec { vault: "none".into(), ..spec(30) }, "backup vault none does not exist"),
        (PlanSpec { role: "arn:aws:iam::1:role/x".into(), ..spec(30) }, "cannot assume"),
    ];
    for (spec, why) in wrong {
        assert!(permanent(rig.cloud.start(&put(&rig, spec)).await).contains(why));
    }
    let mut nowhere = spec(30);
    nowhere.rules[0].copy_to = Some("arn:none".into());
    assert!(permanent(rig.cloud.start(&put(&rig, nowhere)).await).contains("arn:none does not exist"));
    assert!(rig.cloud.plan_versions("bbws-prod").is_empty());
}

#[tokio::test]
async fn automated_backups_are_changed_and_watched() {
    let rig = Rig::declared(63);
    let call = |step, days, window: Option<&str>| {
        let (region, database, window) = (HOME.to_owned(), DB.to_owned(), window.map(str::to_owned));
        rig.call(step, Action::AutomatedBackups(step::AutomatedBackups { region, database, days, window }))
    };
    let first = call(0, 14, Some("03:00-03:30"));
    rig.lose(&first).await;
    assert_eq!(running(rig.poll(&first).await).1, "modifying");
    assert!(is_retryable(&rig.cloud.start(&rig.snapshot()).await), "a modified instance is not available");
    rig.pass(2);
    done(rig.poll(&first).await);
    let ask = Survey { databases: vec![DB.into()], ..Survey::default() };
    let db = rig.cloud.survey(&rig.environment, &ask, "U0ALICE").await.unwrap().databases.remove(0);
    assert_eq!((db.automated_days, db.window.as_str(), db.status.as_str()), (14, "03:00-03:30", "available"));
    rig.cloud.start(&call(0, 14, None)).await.unwrap();
    assert_eq!(rig.cloud.effects(), 1, "it is so already");

    rig.cloud.inject(Fault::JobFails, Target::next_start());
    let second = by("bk-1002", &call(0, 21, None));
    rig.cloud.start(&second).await.unwrap();
    rig.pass(2);
    assert!(failed(rig.poll(&second).await).contains("could not change"));
    rig.cloud.start(&second).await.unwrap();
    rig.pass(2);
    done(rig.poll(&second).await);
    assert!(rig.cloud.twice().is_empty());
}
