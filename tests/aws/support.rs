//! The adapter as a test calls it, and what answers are to be.

use std::{fmt, sync::Arc, time::Duration};

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use bbws::{
    adapters::aws::{
        AwsCloud,
        session::{Session, Sessions, loader},
    },
    domain::{
        environment::Environment,
        operation::OpId,
        step::{Action, Outputs},
        topics::{TopicRegion, Topics},
    },
    ports::cloud::{Call, CloudError, Progress},
};

use crate::aws::bed::ACCOUNT;

pub const HOME: &str = "af-south-1";
pub const DR: &str = "eu-west-1";

/// A configuration as a profile gives it: one endpoint for everything, which takes the account's number for an access key.
pub async fn config(endpoint: &str) -> SdkConfig {
    crate::aws::watch::install();
    let profile = format!("[default]\nregion = {DR}\nendpoint_url = {endpoint}\n");
    let own = Credentials::new(ACCOUNT, "test", None, None, "test");
    loader()
        .profile_files(EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, profile).build())
        .credentials_provider(SharedCredentialsProvider::new(own))
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1)))
        // A busy machine may take longer than AWS does.
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(120)).build())
        .load()
        .await
}

pub fn topics() -> Topics {
    Topics {
        backup_status: "bbws-backup-status".into(),
        ops_warning: "bbws-ops-warning".into(),
        ops_critical: "bbws-ops-critical".into(),
        dr_events: "bbws-dr-events".into(),
        region: TopicRegion::Dr,
        push: None,
    }
}

/// The adapter, and a way into the same account for the test itself.
pub struct Platform {
    pub environment: Arc<Environment>,
    pub cloud: AwsCloud,
    setup: Sessions,
}

impl Platform {
    /// Everything on one address.
    pub async fn on(endpoint: &str, environment: Environment) -> Platform {
        Platform::over(config(endpoint).await, environment)
    }

    /// Everything by one configuration.
    pub fn over(config: SdkConfig, environment: Environment) -> Platform {
        let cloud = AwsCloud::with(topics(), config.clone());
        Platform { environment: Arc::new(environment), cloud, setup: Sessions::with(config) }
    }

    /// Clients for the test itself.
    pub async fn setup(&self, region: &str) -> Arc<Session> {
        self.setup.get(&self.environment, region, "U0SETUP").await
    }

    /// A KMS key; its ARN.
    pub async fn key(&self, region: &str, alias: Option<&str>) -> String {
        let session = self.setup(region).await;
        let key = session.kms().create_key().send().await.expect("a key").key_metadata.expect("with data");
        if let Some(alias) = alias {
            session.kms().create_alias().alias_name(alias).target_key_id(&key.key_id).send().await.expect("an alias");
        }
        key.arn.expect("with an ARN")
    }

    /// A call of operation `bk-1042`, approved and tagged as the engine does it.
    pub fn call(&self, action: Action) -> Call {
        self.call_of("bk-1042", action)
    }

    /// A call of any operation.
    pub fn call_of(&self, operation: &str, action: Action) -> Call {
        let tags = [
            ("bbws:operation", operation),
            ("bbws:environment", "prod"),
            ("bbws:requested-by", "U0ALICE"),
            ("bbws:approved-by", "U0BOB U0CAROL"),
            ("bbws:retention-days", "30"),
        ];
        Call {
            operation: OpId(operation.into()),
            step: 0,
            environment: Arc::clone(&self.environment),
            action,
            token: format!("{operation}-0-r0"),
            intended: bbws::domain::moment::Moment(0),
            tags: tags.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(),
            inputs: Outputs::new(),
            external_id: None,
            requester: "U0ALICE".into(),
        }
    }
}

/// The sentence of a permanent error.
pub fn permanent<T: fmt::Debug>(answer: Result<T, CloudError>) -> String {
    match answer {
        Err(CloudError::Permanent { reason }) => reason,
        other => panic!("expected a permanent error, got {other:?}"),
    }
}

/// What a finished step gives and says.
pub fn done(answer: Result<Progress, CloudError>) -> (Outputs, String) {
    match answer {
        Ok(Progress::Done { outputs, detail }) => (outputs, detail),
        other => panic!("expected Done, got {other:?}"),
    }
}

/// Why a step failed.
pub fn failed(answer: Result<Progress, CloudError>) -> String {
    match answer {
        Ok(Progress::Failed { reason }) => reason,
        other => panic!("expected Failed, got {other:?}"),
    }
}

/// Asks after one step.
pub async fn poll(cloud: &AwsCloud, call: &Call) -> Result<Progress, CloudError> {
    use bbws::ports::cloud::Cloud as _;
    cloud.poll(std::slice::from_ref(call)).await.pop().expect("one answer per call")
}

/// Why a verification does not hold, and what it found.
pub fn refuted(answer: Result<Progress, CloudError>) -> (String, Outputs) {
    match answer {
        Ok(Progress::Refuted { reason, outputs }) => (reason, outputs),
        other => panic!("expected Refuted, got {other:?}"),
    }
}

/// Asks after one step until its job of this process has ended.
pub async fn settled(cloud: &AwsCloud, call: &Call) -> Result<Progress, CloudError> {
    for _ in 0..6000 {
        match poll(cloud, call).await {
            Ok(Progress::Running { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            other => return other,
        }
    }
    panic!("step {} does not end", call.action.kind());
}

/// Starts a step and asks after it until it has ended.
pub async fn carried_out(cloud: &AwsCloud, call: &Call) -> Result<Progress, CloudError> {
    use bbws::ports::cloud::Cloud as _;
    let started = cloud.start(call).await?;
    settled(cloud, &Call { external_id: started.external_id, ..call.clone() }).await
}
