//! AWS for real: the ports [`Cloud`] and [`Alerts`] on the AWS SDK, one file per service or task.
//!
//! Every call names its region, every mutation carries a token or a name that AWS makes once, and every error is one
//! of three kinds. Steps are carried out by `steps`, what is read as a whole by `reads`.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_smithy_types::DateTime;
use futures::{StreamExt as _, stream};

use crate::{
    domain::{
        active::Active, datum::Datum, environment::Environment, moment::Moment, readiness::Readiness, serving::Looked,
        topics::Topics,
    },
    ports::{
        alert::{Alerts, Topic},
        check::CheckLine,
        cloud::{
            Call, Cloud, CloudError, KeyFound, LeftOut, Measurements, Pages, PointQuery, Probe, Progress, Started,
            Survey, Windows, World,
        },
    },
};

pub mod arc;
pub mod background;
pub mod backup;
pub mod checks;
pub mod cloudwatch;
pub mod credentials;
pub mod ecr;
pub mod ecs;
pub mod efs;
pub mod error;
pub mod guard;
pub mod kms;
pub mod login;
pub mod quotas;
pub mod rds;
pub mod reads;
pub mod role;
pub mod route53;
pub mod s3;
pub mod secrets;
pub mod session;
pub mod sns;
pub mod ssm;
pub mod steps;
pub mod sts;
pub mod tags;
pub mod tools;
pub mod transport;
pub mod web;

use reads::{check, keys, measure, points, readiness, serving, survey, windows};
use session::{Session, Sessions};
use tools::Tools;

/// Requests in flight at once on behalf of one caller; AWS Backup takes 15 descriptions per second.
const AT_ONCE: usize = 8;

/// AWS.
#[derive(Debug)]
pub struct AwsCloud {
    sessions: Arc<Sessions>,
    topics: Topics,
    jobs: background::Jobs,
    tools: Tools,
}

impl AwsCloud {
    /// AWS as the environment variables and profiles of the process say. Opens nothing and calls nothing.
    pub fn new(topics: Topics) -> AwsCloud {
        AwsCloud { sessions: Arc::default(), topics, jobs: background::Jobs::default(), tools: Tools::default() }
    }

    /// AWS on top of a configuration that is loaded already; [`session::loader`] is where to begin one.
    pub fn with(topics: Topics, base: SdkConfig) -> AwsCloud {
        AwsCloud::on(topics, base, Tools::default())
    }

    /// The same with tools of its own: a simulated AWS has simulated servers in it.
    pub fn on(topics: Topics, base: SdkConfig, tools: Tools) -> AwsCloud {
        let jobs = background::Jobs::default().carrying(tools.carry.clone());
        AwsCloud { sessions: Arc::new(Sessions::with(base)), topics, jobs, tools }
    }

    /// The same as another process would have it: the same clients, and no work under way.
    pub fn again(&self) -> AwsCloud {
        AwsCloud {
            sessions: Arc::clone(&self.sessions),
            topics: self.topics.clone(),
            jobs: background::Jobs::default().carrying(self.tools.carry.clone()),
            tools: self.tools.clone(),
        }
    }

    /// Waits until no work of its own is under way that can go on by itself.
    pub async fn settled(&self) {
        self.jobs.settled().await;
    }

    /// Says, line by line, what is right and wrong with an environment.
    pub async fn check(&self, environment: &Environment) -> Vec<CheckLine> {
        Box::pin(check::check(self, environment)).await
    }

    /// Now, by the clock of the SDK.
    fn now(&self) -> Moment {
        self.sessions.now()
    }

    async fn session(&self, call: &Call, region: &str) -> Arc<Session> {
        self.sessions.get(&call.environment, region, &call.requester).await
    }
}

#[async_trait]
impl Cloud for AwsCloud {
    async fn survey(&self, environment: &Environment, ask: &Survey, requester: &str) -> Result<World, CloudError> {
        survey::survey(self, environment, ask, requester).await
    }

    async fn points(
        &self,
        environment: &Environment,
        query: &PointQuery,
        requester: &str,
        page: &mut Pages<'_>,
    ) -> Result<LeftOut, CloudError> {
        points::read(self, environment, query, requester, &points::BOTH, page).await
    }

    async fn windows(&self, environment: &Environment, requester: &str) -> Windows {
        windows::read(self, environment, requester).await
    }

    async fn keys(&self, environment: &Environment, requester: &str) -> Vec<KeyFound> {
        keys::read(self, environment, requester).await
    }

    async fn measurements(&self, environment: &Environment, requester: &str) -> Result<Measurements, CloudError> {
        measure::measurements(self, environment, requester).await
    }

    async fn readiness(
        &self,
        environment: &Environment,
        active: &Active,
        requester: &str,
    ) -> Result<Readiness, CloudError> {
        readiness::readiness(self, environment, active, requester).await
    }

    async fn serving(
        &self,
        environment: &Environment,
        active: &Active,
        requester: &str,
    ) -> Result<Vec<Looked>, CloudError> {
        serving::serving(self, environment, active, requester).await
    }

    async fn probe(&self, call: &Call) -> Result<Probe, CloudError> {
        steps::probe(self, call).await
    }

    async fn start(&self, call: &Call) -> Result<Started, CloudError> {
        steps::start(self, call).await
    }

    async fn poll(&self, calls: &[Call]) -> Vec<Result<Progress, CloudError>> {
        steps::poll(self, calls).await
    }
}

#[async_trait]
impl Alerts for AwsCloud {
    async fn publish(
        &self,
        environment: &Environment,
        topic: Topic,
        subject: &str,
        body: &str,
    ) -> Result<(), CloudError> {
        let session = self.sessions.get(environment, sns::region(&self.topics, environment), survey::NOBODY).await;
        sns::publish(&session, &sns::arn(&self.topics, topic, environment), &environment.name, subject, body).await
    }

    async fn measure(
        &self,
        environment: &Environment,
        namespace: &str,
        at: Moment,
        data: &[Datum],
    ) -> Result<(), CloudError> {
        // Where the topics are, for the same reason.
        let session = self.sessions.get(environment, sns::region(&self.topics, environment), survey::NOBODY).await;
        cloudwatch::put(&session, environment, namespace, at, data).await
    }
}

/// Runs futures side by side, a few at a time; answers in their order.
async fn side_by_side<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    stream::iter(futures).buffered(AT_ONCE).collect().await
}

/// A moment of AWS's.
fn moment(time: DateTime) -> Option<Moment> {
    time.to_millis().ok().map(Moment)
}

/// A moment for AWS.
fn time(moment: Moment) -> DateTime {
    DateTime::from_millis(moment.0)
}
