//! SDK configuration and clients per environment, region and requester. Nothing is built before it is needed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

use aws_config::{
    BehaviorVersion, ConfigLoader, Region, SdkConfig, environment::region::EnvironmentVariableRegionProvider,
    identity::IdentityCache, meta::region::RegionProviderChain, profile::region::ProfileFileRegionProvider,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::OnceCell;

use super::{
    arc,
    credentials::Kept,
    error::Attempt,
    guard::{Guard, client},
    role::Role,
    transport,
};
use crate::domain::{environment::Environment, moment::Moment};

/// More sessions than this are not kept: they are cheap to open again.
const MOST_SESSIONS: usize = 256;

/// A loader with this product's HTTP client, retries and time-outs; everything else is what the AWS SDK finds in the
/// environment and in profiles.
pub fn loader() -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(transport::client())
        // For what only reads; see `guard` for what does not. Nothing relies on it: a service that fails often takes these
        // attempts away from all clients of a region.
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts())
}

/// How long a call may take.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(30))
        .build()
}

/// Which session: an assumed role carries its requester, the process's own identity does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    environment: String,
    role: Option<String>,
    region: String,
    requester: String,
}

/// What all sessions share: the configuration, and the credentials of the process.
#[derive(Debug)]
struct Base {
    config: SdkConfig,
    own: Option<Kept>,
}

impl Base {
    fn new(config: SdkConfig) -> Base {
        let own = config.credentials_provider().map(|source| Kept::new(source, &config));
        let mut builder = config.into_builder();
        if let Some(own) = &own {
            builder = builder.credentials_provider(SharedCredentialsProvider::new(own.clone()));
        }
        // What is kept is kept here, not a second time in the SDK.
        Base { config: builder.identity_cache(IdentityCache::no_cache()).build(), own }
    }
}

/// All sessions of the process.
#[derive(Debug, Default)]
pub struct Sessions {
    base: OnceCell<Base>,
    open: Mutex<HashMap<Key, Arc<Session>>>,
}

impl Sessions {
    /// Sessions on top of a configuration that is loaded already.
    pub fn with(base: SdkConfig) -> Sessions {
        Sessions { base: OnceCell::new_with(Some(Base::new(base))), open: Mutex::default() }
    }

    /// The session for one environment and region, opened when it is not open yet. Its credentials are fetched here; where
    /// they cannot be had, its calls say so without being made.
    pub async fn get(&self, environment: &Environment, region: &str, requester: &str) -> Arc<Session> {
        let session = self.opened(environment, region, requester).await;
        session.fetch_credentials().await;
        session
    }

    async fn opened(&self, environment: &Environment, region: &str, requester: &str) -> Arc<Session> {
        let role = environment.assume_role.clone();
        let requester = if role.is_some() { requester } else { "" };
        // The process's own identity is the same for every environment, and so are its clients.
        let name = if role.is_some() { environment.name.as_str() } else { "" };
        let key =
            Key { environment: name.to_owned(), role, region: region.to_owned(), requester: requester.to_owned() };
        if let Some(session) = self.lock().get(&key) {
            return Arc::clone(session);
        }
        let load = || async { Base::new(load(environment.dr_region.clone()).await) };
        let base = self.base.get_or_init(load).await;
        let session = Arc::new(Session::open(base, &key));
        let mut open = self.lock();
        if open.len() >= MOST_SESSIONS {
            open.clear();
        }
        Arc::clone(open.entry(key).or_insert(session))
    }

    /// Now, by the clock of the SDK.
    pub fn now(&self) -> Moment {
        now(self.base.get().map(|base| &base.config))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Session>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Loads what all sessions share. The process's own region only serves to find credentials; it is set, since the
/// SDK would ask the instance metadata service otherwise.
async fn load(home: String) -> SdkConfig {
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(Region::new(home));
    loader().region(region).load().await
}

/// Now, by the clock that requests are signed by: that of this machine, or that of a simulated AWS.
fn now(config: Option<&SdkConfig>) -> Moment {
    let clock = config.and_then(SdkConfig::time_source).unwrap_or_default();
    let elapsed = clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Moment(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// Clients of one region under one identity, each built when it is first used.
#[derive(Debug)]
pub struct Session {
    /// Region of every call.
    pub region: String,
    /// Whose permissions are used, for people: a role's ARN or words.
    pub who: String,
    config: SdkConfig,
    /// The process's credentials, and those of the role that is assumed with them.
    credentials: [Option<Kept>; 2],
    backup: OnceLock<aws_sdk_backup::Client>,
    cloudwatch: OnceLock<aws_sdk_cloudwatch::Client>,
    ecr: OnceLock<aws_sdk_ecr::Client>,
    ecs: OnceLock<aws_sdk_ecs::Client>,
    efs: OnceLock<aws_sdk_efs::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
    quotas: OnceLock<aws_sdk_servicequotas::Client>,
    rds: OnceLock<aws_sdk_rds::Client>,
    route53: OnceLock<aws_sdk_route53::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    secrets: OnceLock<aws_sdk_secretsmanager::Client>,
    sns: OnceLock<aws_sdk_sns::Client>,
    ssm: OnceLock<aws_sdk_ssm::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
}

impl Session {
    fn open(base: &Base, key: &Key) -> Session {
        let regional = base.config.to_builder().region(Region::new(key.region.clone())).build();
        let (config, who, assumed) = match &key.role {
            None => (regional, "this process's own AWS identity".to_owned(), None),
            Some(role) => {
                let source = Role::new(&regional, role, &key.environment, &key.region, &key.requester);
                let kept = Kept::new(SharedCredentialsProvider::new(source), &regional);
                let provider = SharedCredentialsProvider::new(kept.clone());
                (regional.into_builder().credentials_provider(provider).build(), role.clone(), Some(kept))
            }
        };
        Session {
            region: key.region.clone(),
            who,
            config,
            credentials: [base.own.clone(), assumed],
            backup: OnceLock::new(),
            cloudwatch: OnceLock::new(),
            ecr: OnceLock::new(),
            ecs: OnceLock::new(),
            efs: OnceLock::new(),
            kms: OnceLock::new(),
            quotas: OnceLock::new(),
            rds: OnceLock::new(),
            route53: OnceLock::new(),
            s3: OnceLock::new(),
            secrets: OnceLock::new(),
            sns: OnceLock::new(),
            ssm: OnceLock::new(),
            sts: OnceLock::new(),
        }
    }

    /// The role's come second: they are asked for with the process's own.
    async fn fetch_credentials(&self) {
        for kept in self.credentials.iter().flatten() {
            kept.fetch().await;
        }
    }

    fn guard(&self) -> Guard {
        Guard::of(self.credentials.iter().flatten())
    }

    /// Now, by the clock of the SDK.
    pub fn now(&self) -> Moment {
        now(Some(&self.config))
    }

    /// One endpoint of a cluster of ARC's routing controls, and the region that it signs for. Where its name says none, that is the
    /// session's own.
    pub fn arc(&self, endpoint: &str) -> (aws_sdk_route53recoverycluster::Client, String) {
        let region = arc::region(endpoint).unwrap_or(&self.region).to_owned();
        let timeouts =
            timeouts().to_builder().operation_attempt_timeout(arc::PATIENCE).operation_timeout(arc::PATIENCE);
        let config = self.config.to_builder().region(Region::new(region.clone())).endpoint_url(endpoint);
        let config = config.timeout_config(timeouts.build()).build();
        (client!(aws_sdk_route53recoverycluster, &config, self.guard()), region)
    }

    /// AWS Backup.
    pub fn backup(&self) -> &aws_sdk_backup::Client {
        self.backup.get_or_init(|| client!(aws_sdk_backup, &self.config, self.guard()))
    }

    /// CloudWatch.
    pub fn cloudwatch(&self) -> &aws_sdk_cloudwatch::Client {
        self.cloudwatch.get_or_init(|| client!(aws_sdk_cloudwatch, &self.config, self.guard()))
    }

    /// ECR.
    pub fn ecr(&self) -> &aws_sdk_ecr::Client {
        self.ecr.get_or_init(|| client!(aws_sdk_ecr, &self.config, self.guard()))
    }

    /// ECS.
    pub fn ecs(&self) -> &aws_sdk_ecs::Client {
        self.ecs.get_or_init(|| client!(aws_sdk_ecs, &self.config, self.guard()))
    }

    /// EFS.
    pub fn efs(&self) -> &aws_sdk_efs::Client {
        self.efs.get_or_init(|| client!(aws_sdk_efs, &self.config, self.guard()))
    }

    /// KMS.
    pub fn kms(&self) -> &aws_sdk_kms::Client {
        self.kms.get_or_init(|| client!(aws_sdk_kms, &self.config, self.guard()))
    }

    /// Service Quotas.
    pub fn quotas(&self) -> &aws_sdk_servicequotas::Client {
        self.quotas.get_or_init(|| client!(aws_sdk_servicequotas, &self.config, self.guard()))
    }

    /// RDS.
    pub fn rds(&self) -> &aws_sdk_rds::Client {
        self.rds.get_or_init(|| client!(aws_sdk_rds, &self.config, self.guard()))
    }

    /// Route 53, whose control plane is the same for every region; see [`super::route53::REGION`].
    pub fn route53(&self) -> &aws_sdk_route53::Client {
        self.route53.get_or_init(|| client!(aws_sdk_route53, &self.config, self.guard()))
    }

    /// S3.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.s3.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.config).interceptor(self.guard());
            aws_sdk_s3::Client::from_conf(config.force_path_style(self.s3_has_own_endpoint()).build())
        })
    }

    /// Secrets Manager.
    pub fn secrets(&self) -> &aws_sdk_secretsmanager::Client {
        self.secrets.get_or_init(|| client!(aws_sdk_secretsmanager, &self.config, self.guard()))
    }

    /// SNS.
    pub fn sns(&self) -> &aws_sdk_sns::Client {
        self.sns.get_or_init(|| client!(aws_sdk_sns, &self.config, self.guard()))
    }

    /// SSM, for its parameters.
    pub fn ssm(&self) -> &aws_sdk_ssm::Client {
        self.ssm.get_or_init(|| client!(aws_sdk_ssm, &self.config, self.guard()))
    }

    /// STS, the region's own endpoint.
    pub fn sts(&self) -> &aws_sdk_sts::Client {
        self.sts.get_or_init(|| client!(aws_sdk_sts, &self.config, self.guard()))
    }

    /// Words for the errors of a call that only reads: `rds:DescribeDBSnapshots` on `snapshot x`.
    pub fn reads(&self, action: &'static str, thing: impl Into<String>) -> Attempt<'_> {
        Attempt { action, thing: thing.into(), region: &self.region, who: &self.who, mutates: false }
    }

    /// Words for the errors of a call that changes something.
    pub fn changes(&self, action: &'static str, thing: impl Into<String>) -> Attempt<'_> {
        Attempt { action, thing: thing.into(), region: &self.region, who: &self.who, mutates: true }
    }

    /// Emulators have no host name per bucket, so a custom endpoint gets the bucket in the path.
    fn s3_has_own_endpoint(&self) -> bool {
        let key = ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
        let own = key.ok().and_then(|key| self.config.service_config()?.load_config(key));
        own.is_some() || self.config.endpoint_url().is_some()
    }
}
