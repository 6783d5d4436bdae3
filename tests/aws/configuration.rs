//! Parameters and the metadata of secrets exported to S3.

use aws_sdk_ssm::types::ParameterType;
use bbws::{
    domain::step::{self, Action},
    ports::cloud::{Call, Cloud as _, Probe},
};
use serde_json::Value;

use crate::aws::{
    bed::Bed,
    exports,
    support::{HOME, Platform, done, failed, permanent, poll, refuted, settled},
};

const KEY: &str = "prod/config/20261121/bk-1042/config.json";

pub fn export(platform: &Platform, parameters_prefix: &str) -> Action {
    Action::ConfigExport(step::ConfigExport {
        region: HOME.into(),
        parameters_prefix: parameters_prefix.into(),
        secrets_prefix: Some("bbws/prod/".into()),
        bucket: platform.environment.secrets_bucket.clone().expect("it has one"),
        key: KEY.into(),
    })
}

pub async fn parameters(platform: &Platform) {
    let session = platform.setup(HOME).await;
    for (name, kind, value) in [
        ("/bbws/prod/wp/memory", ParameterType::String, "512M"),
        ("/bbws/prod/db/password", ParameterType::SecureString, "p4rameter-Secret"),
        ("/bbws/prod/hosts", ParameterType::StringList, "a,b"),
        ("/bbws/production/not-ours", ParameterType::String, "elsewhere"),
        ("/bbws/sit/hosts", ParameterType::String, "elsewhere"),
    ] {
        session.ssm().put_parameter().name(name).r#type(kind).value(value).send().await.expect("a parameter");
    }
    // More than fit on a page of ten.
    for number in 10..30 {
        let name = format!("/bbws/prod/tenants/{number}/plan");
        let request = session.ssm().put_parameter().name(name).r#type(ParameterType::String).value("basic");
        request.send().await.expect("a parameter");
    }
    let change = session.ssm().put_parameter().name("/bbws/prod/hosts").value("a,b,c").overwrite(true);
    change.send().await.expect("a second version");
}

async fn stored(platform: &Platform) -> Value {
    let session = platform.setup(HOME).await;
    let bucket = platform.environment.secrets_bucket.as_deref().expect("it has one");
    let object = session.s3().get_object().bucket(bucket).key(KEY).send().await.expect("the object");
    assert_eq!(object.server_side_encryption().map(|e| e.as_str()), Some("aws:kms"));
    serde_json::from_slice(&object.body.collect().await.expect("a body").to_vec()).expect("JSON")
}

#[tokio::test]
async fn parameters_are_exported_once_and_secure_ones_stay_encrypted() {
    let bed = Bed::without_secrets();
    let platform = &bed.platform;
    parameters(platform).await;
    exports::secrets(platform).await;
    let (cloud, call) = (&platform.cloud, platform.call(export(platform, "/bbws/prod/")));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("an export");
    assert!(started.finished);
    assert_eq!(started.outputs["count"], "26", "23 parameters and 3 secrets");

    let document = stored(platform).await;
    assert_eq!(started.outputs["size"], document.to_string().len().to_string());
    assert_eq!((&document["format"], &document["operation"]), (&"bbws.config/1".into(), &"bk-1042".into()));
    let list = |name: &str| document[name].as_array().expect("a list").clone();
    let parameters = list("parameters");
    let names: Vec<&str> = parameters.iter().map(|p| p["name"].as_str().expect("a name")).collect();
    assert!(names.is_sorted() && names.len() == 23, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("/bbws/prod/")), "{names:?}");
    let named = |name: &str| parameters.iter().find(|p| p["name"] == name).expect("it is there").clone();
    let hosts = named("/bbws/prod/hosts");
    assert_eq!(
        (&hosts["type"], &hosts["value"], &hosts["version"], &hosts["data_type"]),
        (&"StringList".into(), &"a,b,c".into(), &2.into(), &"text".into())
    );
    assert!(hosts["arn"].as_str().is_some_and(|arn| arn.ends_with("parameter/bbws/prod/hosts")), "{hosts}");
    assert!(hosts["last_modified"].as_str().is_some_and(|time| time.ends_with('Z')), "{hosts}");
    let secure = named("/bbws/prod/db/password")["value"].as_str().expect("text").to_owned();
    assert!(!secure.is_empty() && !secure.contains("p4rameter-Secret"), "{secure}");

    let secrets = list("secrets");
    let names: Vec<&Value> = secrets.iter().map(|s| &s["name"]).collect();
    assert_eq!(names, ["bbws/prod/db", "bbws/prod/tenant-1/wp", "bbws/prod/tls"]);
    let versions = secrets[0]["versions"].as_object().expect("versions");
    assert_eq!(versions.values().collect::<Vec<_>>(), [&serde_json::json!(["AWSCURRENT"])]);
    assert_eq!(secrets[0]["rotation"]["enabled"], false);
    assert!(!document.to_string().contains("s3cr3t-"), "no value of a secret");
}

#[tokio::test]
async fn what_exists_is_adopted_only_by_the_operation_that_made_it() {
    let bed = Bed::without_secrets();
    let platform = &bed.platform;
    parameters(platform).await;
    let (cloud, call) = (&platform.cloud, platform.call(export(platform, "/bbws/prod/")));
    let started = cloud.start(&call).await.expect("an export");
    assert_eq!(cloud.start(&call).await, Ok(started.clone()), "a second PUT answers 412 and the object is adopted");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started.clone())));
    assert_eq!(done(poll(cloud, &call).await).0, started.outputs);
    let stranger = platform.call_of("bk-7", export(platform, "/bbws/prod/"));
    assert_eq!(cloud.probe(&stranger).await, Ok(Probe::Absent));
    assert!(permanent(cloud.start(&stranger).await).contains("that this operation did not make"));
    assert_eq!(
        failed(poll(cloud, &stranger).await),
        format!(
            "The export s3://{}/{KEY} is gone. Retry the step.",
            platform.environment.secrets_bucket.as_deref().expect("it has one")
        )
    );
}

#[tokio::test]
async fn no_parameter_is_an_error_that_names_the_prefix() {
    let bed = Bed::without_secrets();
    let platform = &bed.platform;
    parameters(platform).await;
    let reason = permanent(platform.cloud.start(&platform.call(export(platform, "/bbws/prd/"))).await);
    assert_eq!(
        reason,
        "There is no parameter under /bbws/prd/ in af-south-1 to export. Check `parameters_prefix` in the config file."
    );
}

#[tokio::test]
async fn an_export_that_lacks_what_is_required_is_not_good() {
    let bed = Bed::without_secrets();
    let platform = &bed.platform;
    parameters(platform).await;
    let exported = platform.cloud.start(&platform.call(export(platform, "/bbws/prod/"))).await.expect("an export");
    let look = async |required: &[&str]| {
        let action = Action::VerifyConfig(step::VerifyConfig {
            region: HOME.into(),
            prefix: "/bbws/prod/".into(),
            bucket: platform.environment.secrets_bucket.clone().expect("it has one"),
            key: KEY.into(),
            required: required.iter().map(|name| (*name).to_owned()).collect(),
        });
        let token = required.join(" ");
        let call = Call { inputs: exported.outputs.clone(), token, ..platform.call(action) };
        settled(&platform.cloud, &call).await
    };
    let (_, detail) = done(look(&["/bbws/prod/hosts", "/bbws/prod/db/password"]).await);
    assert_eq!(detail, "23 parameters and all 2 required among them");
    let reason = refuted(look(&["/bbws/prod/hosts", "/bbws/prod/url", "/bbws/prod/salt"]).await).0;
    assert!(reason.contains("is not good: it lacks /bbws/prod/url, /bbws/prod/salt. Write them in SSM"), "{reason}");
    assert!(!reason.contains("a,b,c"), "values are nobody's business");
}
