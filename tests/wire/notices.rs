//! KMS, SNS and STS: keys, notices, roles.

use std::time::Duration;

use bbws::{
    adapters::aws::{kms, sns, sts},
    domain::datum::Datum,
    ports::{
        alert::{Alerts as _, Topic},
        clock::Clock as _,
        cloud::CloudError,
    },
};

use super::bed::{Bed, DR, HOME};

#[tokio::test]
async fn a_role_is_assumed_and_renewed_before_it_ends() {
    let bed = Bed::new();
    let session = bed.session(DR).await;
    let identity = sts::identity(&session).await.unwrap();
    assert_eq!(identity.account, bed.environment.account);
    let account = &bed.environment.account;
    assert_eq!(identity.arn, format!("arn:aws:sts::{account}:assumed-role/bbws-operator/bbws-prod"));
    let assumed = || bed.aws.journal().iter().filter(|r| r.operation == "AssumeRole").count();
    assert_eq!(assumed(), 1);
    sts::identity(&session).await.unwrap();
    assert_eq!(assumed(), 1, "credentials that are good are kept");
    bed.clock.advance(Duration::from_secs(56 * 60));
    sts::identity(&session).await.unwrap();
    assert_eq!(assumed(), 2, "credentials that end in four minutes are not");
    let source = bed.aws.look(|world, _| world.sessions.values().next().unwrap().source_identity.clone());
    assert_eq!(source.as_deref(), Some("U0ALICE"));
}

#[tokio::test]
async fn a_key_is_usable_disabled_or_missing() {
    let bed = Bed::new();
    let session = bed.session(DR).await;
    let alias = bed.environment.dr_kms_key.clone().unwrap();
    let arn = kms::usable(&session, &alias).await.unwrap().unwrap();
    assert!(arn.starts_with("arn:aws:kms:eu-west-1:"), "{arn}");
    assert_eq!(kms::usable(&session, &arn).await.unwrap().unwrap(), arn);
    let account = bed.environment.account.clone();
    bed.aws.change(|world, _| assert!(world.region(&account, DR).kms.set_enabled(&alias, false)));
    let why = kms::usable(&session, &alias).await.unwrap().unwrap_err();
    assert!(why.contains("is Disabled, not Enabled"), "{why}");
    let why = kms::usable(&session, "alias/none").await.unwrap().unwrap_err();
    assert!(why.contains("does not exist (NotFoundException"), "{why}");
    let own = kms::usable(&*bed.session(HOME).await, "alias/aws/rds").await.unwrap().unwrap();
    assert!(own.contains(HOME), "{own}");
}

#[tokio::test]
async fn a_notice_reaches_its_topic_once_and_a_foreign_one_does_not() {
    let bed = Bed::new();
    bed.cloud.publish(&bed.environment, Topic::OpsCritical, "a\nb", r#"{"operation":"bk-1"}"#).await.unwrap();
    let session = bed.session(DR).await;
    let region = DR.to_owned();
    let account = bed.environment.account.clone();
    let messages = bed
        .aws
        .look(|world, _| world.find(&account, &region).unwrap().sns.topics["bbws-ops-critical"].messages.clone());
    assert_eq!(messages.len(), 1);
    assert_eq!((messages[0].subject.as_str(), messages[0].at), ("a b", super::bed::START));
    assert_eq!(bed.aws.effects(), 0, "a notice changes nothing of the platform's");
    sns::look(&session, &format!("arn:aws:sns:{DR}:{account}:bbws-ops-critical")).await.unwrap();
    let gone = sns::look(&session, &format!("arn:aws:sns:{DR}:{account}:none")).await;
    assert!(matches!(&gone, Err(CloudError::Permanent { reason }) if reason.contains("does not exist")), "{gone:?}");
    let foreign = sns::look(&session, &format!("arn:aws:sns:{DR}:111122223333:bbws-ops-critical")).await;
    assert!(matches!(&foreign, Err(CloudError::Permanent { reason }) if reason.contains("may not do")), "{foreign:?}");
}

#[tokio::test]
async fn what_runs_came_to_is_put_by_environment_and_resource() {
    let bed = Bed::new();
    let at = bed.clock.now();
    let datum = |n: usize| Datum { metric: "RestoreSuccess".into(), resource: format!("db-{n}"), good: n != 1 };
    let data: Vec<Datum> = (0..45).map(datum).collect();
    bed.cloud.measure(&bed.environment, "bbws/prod", at, &data).await.unwrap();
    let account = bed.environment.account.clone();
    let put = bed.aws.change(|world, _| world.region(&account, DR).cloudwatch.put.clone());
    assert_eq!(put.len(), 45);
    let of = |n: usize, value: &str| {
        ("bbws/prod".into(), "RestoreSuccess".into(), format!("Environment=prod Resource=db-{n}"), value.into())
    };
    assert_eq!(put[..2], [of(0, "1.0"), of(1, "0.0")]);
    let refused = bed.cloud.measure(&bed.environment, "AWS/RDS", at, &data).await.unwrap_err();
    assert!(refused.to_string().contains("The value AWS/ for parameter Namespace is invalid"), "{refused}");
}
