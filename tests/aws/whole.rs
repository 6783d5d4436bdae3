//! An answer that was cut off is no answer, whatever its status; what changes something is sent once; credentials are no
//! part of a call.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use bbws::{
    adapters::{
        aws::{AwsCloud, credentials::Kept, error::Attempt, s3},
        sandbox::aws::{
            Fault, Override, Target,
            api::{Refusal, Reply},
        },
    },
    ports::cloud::{Cloud as _, CloudError, Probe, Progress, Survey},
};

use crate::aws::{
    bed::{Bed, environment},
    ends, snapshots,
    support::{HOME, config, done, permanent, poll, topics},
};

/// An AWS in which the snapshot was made.
async fn with_snapshot() -> Bed {
    let bed = Bed::new();
    let call = bed.platform.call(snapshots::snapshot());
    bed.platform.cloud.start(&call).await.expect("a snapshot");
    bed.later(Duration::from_secs(3600));
    done(poll(&bed.platform.cloud, &call).await);
    bed
}

#[tokio::test]
async fn xml_that_stops_anywhere_is_neither_success_nor_absence() {
    // Behind the declaration, in the list, in a state (`avai`), and just before the end.
    let cuts = [
        "<DescribeDBSnapshotsResult>",
        "<DBSnapshots>",
        "<Status>avai",
        "</DBSnapshots>",
        "</DescribeDBSnapshotsResult>",
    ];
    for cut in cuts {
        let bed = with_snapshot().await;
        let stops = move |answer: &str| answer[..answer.find(cut).expect("it is in there") + cut.len()].to_owned();
        bed.aws.override_answers(Target::always().of("DescribeDBSnapshots"), Override::xml(stops));
        for action in [snapshots::snapshot(), ends::delete_snapshot()] {
            let call = bed.platform.call(action);
            let polled = poll(&bed.platform.cloud, &call).await;
            assert!(matches!(polled, Err(CloudError::Retryable { .. })), "{cut}: {polled:?}");
            let probed = bed.platform.cloud.probe(&call).await;
            assert!(matches!(probed, Err(CloudError::Retryable { .. })), "{cut}: {probed:?}");
        }
    }
}

#[tokio::test]
async fn a_change_whose_answer_stops_is_unknown_and_sent_once() {
    for fault in [Fault::CutShort, Fault::Torn] {
        let bed = Bed::new();
        bed.aws.inject(fault, Target::next().of("CreateDBSnapshot"));
        let cloud = AwsCloud::with(topics(), repeating(&bed));
        let answer = cloud.start(&bed.platform.call(snapshots::snapshot())).await;
        assert!(Bed::unknown(&answer), "{answer:?}");
        assert_eq!(bed.asked("CreateDBSnapshot").len(), 1, "it is sent once");
    }
}

#[tokio::test]
async fn an_empty_answer_of_a_json_service_is_no_secret() {
    for body in ["", " \n"] {
        let bed = Bed::new();
        let empty = Reply::new(200).body(body);
        bed.aws.override_answers(Target::always().at("secretsmanager"), Override::Instead(empty));
        let session = bed.platform.setup(HOME).await;
        let read = session.secrets().get_secret_value().secret_id("bbws/prod/db").send().await;
        assert!(read.is_err(), "{read:?}");
        let written = session.secrets().put_secret_value().secret_id("x").secret_string("y").send().await;
        assert!(written.is_err(), "{written:?}");
        assert_eq!(bed.asked("PutSecretValue").len(), 1, "sent once");
    }
}

/// The bed's configuration, by which the SDK asks three times, and waits for nothing between.
fn repeating(bed: &Bed) -> SdkConfig {
    let three = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1));
    let config = bed.config().into_builder().retry_config(three).sleep_impl(Hurry::default());
    config.timeout_config(TimeoutConfig::disabled()).build()
}

#[tokio::test]
async fn what_changes_something_is_sent_once_and_what_reads_is_not() {
    let bed = Bed::new();
    bed.refuse_all("rds", Refusal::with_status(500, "InternalFailure", ""));
    let (cloud, call) = (AwsCloud::with(topics(), repeating(&bed)), bed.platform.call(snapshots::snapshot()));
    let answer = cloud.start(&call).await;
    assert!(Bed::unknown(&answer), "{answer:?}");
    assert_eq!(bed.requests(), 1);
    assert!(matches!(poll(&cloud, &call).await, Err(CloudError::Retryable { .. })));
    assert_eq!(bed.requests(), 1 + 3);
}

#[tokio::test]
async fn absence_is_what_aws_says_and_not_what_a_list_lacks() {
    let bed = with_snapshot().await;
    let unlisted = Override::edit(|request, reply| {
        if request.text("DBSnapshotIdentifier").is_none() {
            let answer = String::from_utf8_lossy(&reply.body).into_owned();
            let (before, rest) = answer.split_once("<DBSnapshots>").expect("a list");
            let after = rest.split_once("</DBSnapshots>").expect("its end").1;
            reply.body = format!("{before}<DBSnapshots/>{after}").into();
        }
    });
    bed.aws.override_answers(Target::always().of("DescribeDBSnapshots"), unlisted);
    let call = bed.platform.call(ends::delete_snapshot());
    assert_eq!(bed.platform.cloud.probe(&call).await, Ok(Probe::Absent), "it is there still");
    let polled = poll(&bed.platform.cloud, &call).await;
    assert!(matches!(polled, Ok(Progress::Running { .. })), "{polled:?}");
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
    let bed = Bed::new();
    let base = bed.config().into_builder().sleep_impl(Hurry::default());
    let cloud = AwsCloud::with(topics(), base.credentials_provider(SharedCredentialsProvider::new(Silent)).build());
    match cloud.start(&bed.platform.call(snapshots::snapshot())).await {
        Err(CloudError::Retryable { reason, .. }) => {
            assert!(reason.contains("AWS credentials could not be fetched"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bed.requests(), 0, "nothing was sent");
}

#[tokio::test]
async fn inside_of_a_call_credentials_have_less_time_than_the_call() {
    let hurry = Hurry::default();
    let base = config("http://127.0.0.1:9").await.into_builder().sleep_impl(hurry.clone()).build();
    let lack = Kept::new(SharedCredentialsProvider::new(Silent), &base).provide_credentials().await;
    assert!(matches!(lack, Err(CredentialsError::ProviderError(_))), "{lack:?}");
    let waited = hurry.0.lock().expect("no test panics while holding it").clone();
    assert!(!waited.is_empty() && waited.iter().all(|long| *long < Duration::from_secs(10)), "{waited:?}");
}

#[tokio::test]
async fn half_a_role_is_no_role() {
    let bed = Bed::under_a_role();
    let stops = |answer: &str| answer[..answer.find("<SecretAcc").expect("it is in there") + 10].to_owned();
    bed.aws.override_answers(Target::always().of("AssumeRole"), Override::xml(stops));
    let answer = bed.platform.cloud.start(&bed.platform.call(snapshots::snapshot())).await;
    assert!(matches!(answer, Err(CloudError::Retryable { .. })), "nothing happened: {answer:?}");
    assert_eq!(bed.requests(), bed.asked("AssumeRole").len(), "RDS was never called");
}

/// Runs only as a child of the next test, with an environment of its own.
#[tokio::test]
async fn child_behind_a_proxy() {
    if std::env::var_os("BBWS_TEST_PROXIED").is_none() {
        return;
    }
    let reason = permanent(AwsCloud::new(topics()).survey(&environment(), &Survey::default(), "U0ALICE").await);
    println!("answer: {reason}");
}

#[tokio::test]
async fn calls_go_through_the_proxy_that_the_environment_names() {
    let bed = Bed::new();
    let proxy = bed.port().await;
    let program = std::env::current_exe().expect("this program");
    let child = tokio::task::spawn_blocking({
        let address = proxy.clone();
        move || {
            std::process::Command::new(program)
                .args(["--exact", "aws::whole::child_behind_a_proxy", "--nocapture"])
                .env("BBWS_TEST_PROXIED", "1")
                .env("AWS_ENDPOINT_URL", "http://aws.invalid")
                .env("HTTP_PROXY", &address)
                .env("http_proxy", address)
                .env("AWS_ACCESS_KEY_ID", "000000000000")
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .output()
        }
    });
    let output = child.await.expect("it ran").expect("it started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("belongs to account 000000000000"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((bed.requests(), bed.asked("GetCallerIdentity").len()), (1, 1));
}
