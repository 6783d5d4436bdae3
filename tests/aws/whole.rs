//! An answer that was cut off is no answer, whatever its status; what changes something is sent once; credentials are no
//! part of a call.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use bbws::{
    adapters::aws::{AwsCloud, credentials::Kept, error::Attempt, s3},
    ports::cloud::{Cloud as _, CloudError, Survey},
};

use crate::aws::{
    ends,
    fake::{Answer, Fake, Seen, json},
    s3_fake::xml,
    snapshots,
    support::{HOME, Platform, config, environment, permanent, poll, topics},
};

const SNAPSHOT: &str = "bbws-prod-mysql-manual-20261121-bk-1042";

/// One snapshot, as RDS describes it.
fn described() -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<DescribeDBSnapshotsResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DescribeDBSnapshotsResult><DBSnapshots>\
         <DBSnapshot><DBSnapshotIdentifier>{SNAPSHOT}</DBSnapshotIdentifier><DBInstanceIdentifier>bbws-prod-mysql</DBInstanceIdentifier>\
         <Status>available</Status><AllocatedStorage>100</AllocatedStorage><Encrypted>true</Encrypted></DBSnapshot>\
         </DBSnapshots></DescribeDBSnapshotsResult></DescribeDBSnapshotsResponse>"
    )
}

async fn answering(body: String) -> (Fake, Platform) {
    let fake = Fake::start(move |_: &Seen| xml(200, body.clone())).await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    (fake, platform)
}

#[tokio::test]
async fn xml_that_stops_anywhere_is_neither_success_nor_absence() {
    let whole = described();
    // Behind the declaration, in the list, in a state (`avai`), and just before the end.
    let cuts = [
        "<DescribeDBSnapshotsResult>",
        "<DBSnapshots>",
        "<Status>avai",
        "</DBSnapshots>",
        "</DescribeDBSnapshotsResult>",
    ];
    for cut in cuts {
        let end = whole.find(cut).expect("it is in there") + cut.len();
        let (fake, platform) = answering(whole[..end].to_owned()).await;
        for action in [snapshots::snapshot(), ends::delete_snapshot()] {
            let call = platform.call(action);
            let polled = poll(&platform.cloud, &call).await;
            assert!(matches!(polled, Err(CloudError::Retryable { .. })), "{cut}: {polled:?}");
            let probed = platform.cloud.probe(&call).await;
            assert!(matches!(probed, Err(CloudError::Retryable { .. })), "{cut}: {probed:?}");
        }
        let before = fake.seen().len();
        match platform.cloud.start(&platform.call(snapshots::snapshot())).await {
            Err(CloudError::Unknown { .. }) => {}
            other => panic!("{cut}: {other:?}"),
        }
        assert_eq!(fake.seen().len(), before + 1, "it is sent once");
    }
    let (_fake, platform) = answering(whole).await;
    poll(&platform.cloud, &platform.call(snapshots::snapshot())).await.expect("what is whole is an answer");
}

#[tokio::test]
async fn an_empty_answer_of_a_json_service_is_no_secret() {
    for (status, body) in [(200, ""), (200, " \n")] {
        let fake = Fake::start(move |_: &Seen| Answer { status, headers: vec![], body: body.to_owned() }).await;
        let platform = Platform::on(&fake.address, &[], environment(false)).await;
        let session = platform.setup(HOME).await;
        let read = session.secrets().get_secret_value().secret_id("bbws/prod/db").send().await;
        assert!(read.is_err(), "{read:?}");
        let written = session.secrets().put_secret_value().secret_id("x").secret_string("y").send().await;
        assert!(written.is_err(), "{written:?}");
        assert_eq!(fake.seen().iter().filter(|s| s.target.ends_with("PutSecretValue")).count(), 1, "sent once");
    }
}

#[tokio::test]
async fn what_changes_something_is_sent_once_and_what_reads_is_not() {
    let fake = Fake::start(|_: &Seen| {
        xml(500, "<ErrorResponse><Error><Code>InternalFailure</Code></Error></ErrorResponse>".into())
    })
    .await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    let call = platform.call(snapshots::snapshot());
    assert!(matches!(platform.cloud.start(&call).await, Err(CloudError::Unknown { .. })));
    assert_eq!(fake.seen().len(), 1);
    assert!(matches!(poll(&platform.cloud, &call).await, Err(CloudError::Retryable { .. })));
    assert_eq!(fake.seen().len(), 1 + 3);
}

#[tokio::test]
async fn absence_is_what_aws_says_and_not_what_a_list_lacks() {
    let fake = Fake::start(|seen: &Seen| {
        let empty = "<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult><DBSnapshots/></DescribeDBSnapshotsResult></DescribeDBSnapshotsResponse>";
        match seen.field("DBSnapshotIdentifier") {
            None => xml(200, empty.into()),
            Some(_) => xml(200, described()),
        }
    })
    .await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    let call = platform.call(ends::delete_snapshot());
    assert_eq!(platform.cloud.probe(&call).await, Ok(bbws::ports::cloud::Probe::Absent), "it is there still");
    let polled = poll(&platform.cloud, &call).await;
    assert!(matches!(polled, Ok(bbws::ports::cloud::Progress::Running { .. })), "{polled:?}");
}

#[test]
fn a_page_that_does_not_say_whether_it_is_the_last_is_not() {
    let attempt = Attempt { action: "s3:ListBucket", thing: "x".into(), region: HOME, who: "y", mutates: false };
    assert_eq!(s3::goes_on(Some(false), false, &attempt), Ok(false));
    assert_eq!(s3::goes_on(Some(true), true, &attempt), Ok(true));
    for (truncated, next) in [(None, false), (None, true), (Some(true), false)] {
        let told = s3::goes_on(truncated, next, &attempt);
        assert!(matches!(told, Err(CloudError::Retryable { .. })), "{truncated:?} {next}: {told:?}");
    }
}

/// A source of credentials that never answers.
#[derive(Debug)]
struct Silent;

impl ProvideCredentials for Silent {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(std::future::pending())
    }
}

/// Time that passes at once, and what was waited for.
#[derive(Debug, Clone, Default)]
struct Hurry(Arc<Mutex<Vec<Duration>>>);

impl AsyncSleep for Hurry {
    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.lock().expect("no test panics while holding it").push(duration);
        Sleep::new(std::future::ready(()))
    }
}

#[tokio::test]
async fn credentials_that_do_not_come_are_not_a_call_that_may_have_been_carried_out() {
    let fake = Fake::start(|_: &Seen| json(serde_json::json!({}))).await;
    let base = config(&fake.address, &[]).await.into_builder().sleep_impl(Hurry::default());
    let cloud = AwsCloud::with(topics(), base.credentials_provider(SharedCredentialsProvider::new(Silent)).build());
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    match cloud.start(&platform.call(snapshots::snapshot())).await {
        Err(CloudError::Retryable { reason, .. }) => {
            assert!(reason.contains("AWS credentials could not be fetched"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert!(fake.seen().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn inside_of_a_call_credentials_have_less_time_than_the_call() {
    let hurry = Hurry::default();
    let base = config("http://127.0.0.1:9", &[]).await.into_builder().sleep_impl(hurry.clone()).build();
    let lack = Kept::new(SharedCredentialsProvider::new(Silent), &base).provide_credentials().await;
    assert!(matches!(lack, Err(CredentialsError::ProviderError(_))), "{lack:?}");
    let waited = hurry.0.lock().expect("no test panics while holding it").clone();
    assert!(!waited.is_empty() && waited.iter().all(|long| *long < Duration::from_secs(10)), "{waited:?}");
}

#[tokio::test]
async fn half_a_role_is_no_role() {
    let cut = |_: &Seen| {
        xml(
            200,
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAcc".into(),
        )
    };
    let fake = Fake::start(cut).await;
    let platform = Platform::on(&fake.address, &[], environment(true)).await;
    let answer = platform.cloud.start(&platform.call(snapshots::snapshot())).await;
    assert!(matches!(answer, Err(CloudError::Retryable { .. })), "nothing happened: {answer:?}");
    let others = fake.seen().into_iter().filter(|s| s.field("Action").as_deref() != Some("AssumeRole"));
    assert_eq!(others.count(), 0, "RDS was never called");
}

/// Runs only as a child of the next test, with an environment of its own.
#[tokio::test]
async fn child_behind_a_proxy() {
    if std::env::var_os("BBWS_TEST_PROXIED").is_none() {
        return;
    }
    let reason = permanent(AwsCloud::new(topics()).survey(&environment(false), &Survey::default(), "U0ALICE").await);
    println!("answer: {reason}");
}

#[tokio::test]
async fn calls_go_through_the_proxy_that_the_environment_names() {
    let identity = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>000000000000</Account><Arn>arn:aws:iam::000000000000:user/x</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let proxy = Fake::start(move |_: &Seen| xml(200, identity.into())).await;
    let program = std::env::current_exe().expect("this program");
    let child = tokio::task::spawn_blocking({
        let address = proxy.address.clone();
        move || {
            std::process::Command::new(program)
                .args(["--exact", "aws::whole::child_behind_a_proxy", "--nocapture"])
                .env("BBWS_TEST_PROXIED", "1")
                .env("AWS_ENDPOINT_URL", "http://aws.invalid")
                .env("HTTP_PROXY", &address)
                .env("http_proxy", address)
                .env("AWS_ACCESS_KEY_ID", "test")
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .output()
        }
    });
    let output = child.await.expect("it ran").expect("it started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("belongs to account 000000000000"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(proxy.seen().len(), 1);
}
