//! Secrets Manager and SSM: exports, versions, replicas, parameters.

use bbws::{
    adapters::{
        aws::{secrets, ssm},
        sandbox::aws::{Fault, Target, world::s3::Content},
    },
    domain::step::{self, Action},
    ports::cloud::{Call, Cloud as _, CloudError, Progress},
};

use super::{
    backups::{minutes, poll},
    bed::{Bed, DR, HOME},
    objects::export,
};

const PREFIX: &str = "bbws/prod/";

#[tokio::test]
async fn an_export_holds_every_secret_under_the_prefix_in_its_current_version() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let names = secrets::names(&session, PREFIX).await.unwrap();
    assert!(names.contains(&"bbws/prod/database".to_owned()) && names.len() >= 5, "{names:?}");
    bed.cloud.start(&bed.call(0, export())).await.unwrap();
    let document = bed.aws.look(|world, now| {
        let bucket = &world.s3.buckets["bbws-prod-backups"];
        let object = bucket.current("prod/secrets/20261121/bk-1001/secrets.json", now).unwrap();
        assert_eq!(object.tags["bbws:retention-days"], "30");
        match &object.content {
            Content::Real(bytes) => serde_json::from_slice::<serde_json::Value>(bytes).unwrap(),
            Content::Zeros(_) => panic!("it has content"),
        }
    });
    let exported: Vec<&str> =
        document["secrets"].as_array().unwrap().iter().map(|secret| secret["name"].as_str().unwrap()).collect();
    assert_eq!(exported, names);
}

fn verify() -> Action {
    Action::VerifySecrets(step::VerifySecrets {
        region: HOME.into(),
        prefix: PREFIX.into(),
        bucket: "bbws-prod-backups".into(),
        key: "prod/secrets/20261121/bk-1001/secrets.json".into(),
    })
}

async fn settled(bed: &Bed, call: &Call) -> Result<Progress, CloudError> {
    loop {
        match poll(bed, call).await {
            Ok(Progress::Running { .. }) => tokio::task::yield_now().await,
            other => return other,
        }
    }
}

#[tokio::test]
async fn an_export_is_compared_with_what_is_live() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let made = bed.cloud.start(&bed.call(0, export())).await.unwrap();
    let call = |step| Call { inputs: made.outputs.clone(), ..bed.call(step, verify()) };
    let all = secrets::names(&session, PREFIX).await.unwrap().len();
    let Ok(Progress::Done { outputs, .. }) = settled(&bed, &call(1)).await else { panic!("it holds") };
    assert_eq!((outputs["same"].clone(), outputs["rotated"].as_str()), (all.to_string(), "0"));
    bed.clock.advance(minutes(5));
    let client = session.secrets();
    client.put_secret_value().secret_id("bbws/prod/smtp").secret_string("new").send().await.unwrap();
    client.create_secret().name("bbws/prod/late").secret_string("x").send().await.unwrap();
    client.delete_secret().secret_id("bbws/prod/db-master").recovery_window_in_days(7).send().await.unwrap();
    let Ok(Progress::Done { outputs, detail }) = settled(&bed, &call(2)).await else { panic!("it holds") };
    let numbers = ["rotated", "newer", "deleted", "lacking"].map(|name| outputs[name].as_str());
    assert_eq!(numbers, ["1", "1", "1", "0"], "{detail}");
    assert_eq!(outputs["same"], (all - 2).to_string());
}

#[tokio::test]
async fn a_value_that_cannot_be_read_fails_the_export_by_name() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    session.secrets().create_secret().name("bbws/prod/empty").send().await.unwrap();
    let refused = bed.cloud.start(&bed.call(0, export())).await;
    let Err(CloudError::Permanent { reason }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("bbws/prod/empty"), "{reason}");
}

#[tokio::test]
async fn the_same_request_token_is_the_same_version() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let put = |value: &'static str| {
        let request = session.secrets().put_secret_value().secret_id("bbws/prod/smtp").secret_string(value);
        request.client_request_token("11111111-2222-3333-4444-555555555555").send()
    };
    let first = put("a").await.unwrap();
    assert_eq!(put("a").await.unwrap().version_id(), first.version_id());
    let code = put("b").await.unwrap_err().into_service_error().meta().code().map(str::to_owned);
    assert_eq!(code.as_deref(), Some("ResourceExistsException"));
    let described = secrets::describe(&session, "bbws/prod/smtp").await.unwrap().unwrap();
    let mut stages: Vec<String> = described.version_ids_to_stages.unwrap().into_values().flatten().collect();
    stages.sort();
    assert_eq!(stages, ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn replicas_follow_their_source() {
    let bed = Bed::new();
    let (here, there) = (bed.session(HOME).await, bed.session(DR).await);
    assert!(!secrets::in_sync(&here, &there, PREFIX).await.unwrap(), "nothing is replicated yet");
    for name in secrets::names(&here, PREFIX).await.unwrap() {
        let region = aws_sdk_secretsmanager::types::ReplicaRegionType::builder().region(DR).build();
        let request = here.secrets().replicate_secret_to_regions().secret_id(name).add_replica_regions(region);
        request.send().await.unwrap();
    }
    assert!(!secrets::in_sync(&here, &there, PREFIX).await.unwrap(), "it takes a moment");
    bed.clock.advance(minutes(1));
    assert!(secrets::in_sync(&here, &there, PREFIX).await.unwrap());
    let value = there.secrets().get_secret_value().secret_id("bbws/prod/smtp").send().await.unwrap();
    let source = here.secrets().get_secret_value().secret_id("bbws/prod/smtp").send().await.unwrap();
    assert_eq!((value.version_id(), value.secret_string()), (source.version_id(), source.secret_string()));
    bed.aws.inject(Fault::JobFails, Target::next().of("PutSecretValue"));
    here.secrets().put_secret_value().secret_id("bbws/prod/smtp").secret_string("new").send().await.unwrap();
    bed.clock.advance(minutes(1));
    assert!(!secrets::in_sync(&here, &there, PREFIX).await.unwrap(), "one failed");
}

#[tokio::test]
async fn what_is_deleted_can_be_described_and_not_read() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    session.secrets().delete_secret().secret_id("bbws/prod/smtp").send().await.unwrap();
    let found =
        secrets::described(&session, &["bbws/prod/smtp".to_owned(), "bbws/prod/none".to_owned()]).await.unwrap();
    assert!(found["bbws/prod/smtp"].as_ref().is_err_and(|why| why.contains("scheduled for deletion")));
    assert!(found["bbws/prod/none"].as_ref().is_err_and(|why| why.contains("does not exist")));
    assert!(!secrets::names(&session, PREFIX).await.unwrap().contains(&"bbws/prod/smtp".to_owned()));
    let read = session.secrets().get_secret_value().secret_id("bbws/prod/smtp").send().await;
    assert_eq!(read.unwrap_err().into_service_error().meta().code(), Some("InvalidRequestException"));
    session.secrets().restore_secret().secret_id("bbws/prod/smtp").send().await.unwrap();
    session.secrets().get_secret_value().secret_id("bbws/prod/smtp").send().await.unwrap();
}

#[tokio::test]
async fn parameters_are_named_listed_by_path_and_stay_sealed() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let names = ssm::names(&session, "/bbws/prod/").await.unwrap();
    assert!(names.len() >= 7 && names.contains(&"/bbws/prod/database/password".to_owned()), "{names:?}");
    for n in 0..25 {
        session
            .ssm()
            .put_parameter()
            .name(format!("/bbws/prod/more/{n}"))
            .value("v")
            .r#type(aws_sdk_ssm::types::ParameterType::String)
            .send()
            .await
            .unwrap();
    }
    let action = Action::ConfigExport(step::ConfigExport {
        region: HOME.into(),
        parameters_prefix: "/bbws/prod/".into(),
        secrets_prefix: Some(PREFIX.into()),
        bucket: "bbws-prod-backups".into(),
        key: "prod/config/20261121/bk-1001/config.json".into(),
    });
    let secrets = secrets::names(&session, PREFIX).await.unwrap();
    let made = bed.cloud.start(&bed.call(0, action)).await.unwrap();
    assert_eq!(made.outputs["count"], (names.len() + 25 + secrets.len()).to_string());
    let text = bed.aws.look(|world, now| {
        let bucket = &world.s3.buckets["bbws-prod-backups"];
        let object = bucket.current("prod/config/20261121/bk-1001/config.json", now).unwrap().clone();
        String::from_utf8(object.content.range(0, object.content.len()).to_vec()).unwrap()
    });
    assert!(text.contains("SecureString") && !text.contains("not a real one"), "a sealed value stays sealed");
}
