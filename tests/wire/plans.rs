//! Backup plans and their selections, as the real adapter writes and compares them.

use bbws::{
    adapters::{
        aws::steps::plans,
        sandbox::aws::{Fault, Target},
    },
    domain::step::{self, Action, PlanRule, PlanSpec},
    ports::cloud::{Cloud as _, CloudError, Probe},
};

use super::{
    backups::{FS, ROLE, done},
    bed::{Bed, DR, HOME},
};

fn spec(bed: &Bed, days: u32, resources: &[&str]) -> PlanSpec {
    PlanSpec {
        vault: "bbws-prod".into(),
        rules: vec![PlanRule {
            name: "daily".into(),
            schedule: "cron(0 1 * * ? *)".into(),
            delete_after_days: days,
            copy_to: Some(format!("arn:aws:backup:{DR}:{}:backup-vault:bbws-prod-dr", bed.environment.account)),
            extras: Default::default(),
        }],
        resources: resources.iter().map(|id| bed.environment.file_system_arn(id)).collect(),
        role: ROLE.into(),
    }
}

fn put(spec: PlanSpec) -> Action {
    Action::PutPlan(step::PutPlan { region: HOME.into(), name: "bbws-prod".into(), spec })
}

#[tokio::test]
async fn a_plan_is_made_changed_where_it_differs_and_left_alone_where_not() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let first = bed.call(0, put(spec(&bed, 30, &[FS])));
    assert_eq!(bed.cloud.probe(&first).await, Ok(Probe::Absent));
    bed.cloud.start(&first).await.unwrap();
    assert_eq!(done(&bed, &first).await.1, "1 rule, 1 resource");
    let effects = bed.aws.effects();
    bed.cloud.start(&first).await.unwrap();
    assert_eq!(bed.aws.effects(), effects, "what says so already is left alone");
    let made = plans::find(&session, "bbws-prod").await.unwrap().unwrap();
    let second = bed.call(1, put(spec(&bed, 14, &["fs-0900d000000000002"])));
    bed.cloud.start(&second).await.unwrap();
    done(&bed, &second).await;
    let changed = plans::find(&session, "bbws-prod").await.unwrap().unwrap();
    assert_eq!(changed.id, made.id);
    assert_ne!(changed.version, made.version, "AWS makes a version of every update");
    let selections = bed.aws.look(|world, _| {
        let plans = &world.find(&bed.environment.account, HOME).unwrap().backup.plans;
        plans[&made.id].selections.len()
    });
    assert_eq!(selections, 1, "the old selection goes when the new one is there");
    assert_eq!(bed.aws.twice(), []);
}

#[tokio::test]
async fn a_lost_reply_of_every_write_makes_nothing_twice() {
    for operation in ["CreateBackupPlan", "CreateBackupSelection", "UpdateBackupPlan", "DeleteBackupSelection"] {
        let bed = Bed::new();
        bed.cloud.start(&bed.call(0, put(spec(&bed, 30, &[FS])))).await.unwrap();
        let name = if operation == "CreateBackupPlan" { "another" } else { "bbws-prod" };
        let spec = spec(&bed, 14, &["fs-0900d000000000002"]);
        let call = bed.call(1, Action::PutPlan(step::PutPlan { region: HOME.into(), name: name.into(), spec }));
        bed.aws.inject(Fault::LostReply, Target::next().of(operation));
        let lost = bed.cloud.start(&call).await;
        assert!(matches!(lost, Err(CloudError::Unknown { .. })), "{operation}: {lost:?}");
        if bed.cloud.probe(&call).await == Ok(Probe::Absent) {
            bed.cloud.start(&call).await.unwrap();
        }
        done(&bed, &call).await;
        assert_eq!(bed.aws.twice(), [], "{operation}");
        let plans = bed.aws.look(|world, _| world.find(&bed.environment.account, HOME).unwrap().backup.plans.len());
        assert_eq!(plans, if operation == "CreateBackupPlan" { 2 } else { 1 }, "{operation}");
    }
}
