//! The real adapter over a simulated AWS, with a clock that is moved by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aws_config::SdkConfig;
use bbws::{
    adapters::{
        aws::{
            AwsCloud,
            session::{Session, Sessions, timeouts},
        },
        sandbox::aws::SimAws,
    },
    config::Config,
    domain::{
        environment::Environment,
        moment::Moment,
        operation::OpId,
        step::{Action, Outputs},
    },
    ports::{clock::Clock, cloud::Call},
};

pub const HOME: &str = "af-south-1";
pub const DR: &str = "eu-west-1";
/// 2026-11-21T03:00:00Z.
pub const START: Moment = Moment(1_795_230_000_000);

/// Moved by hand, and by what hangs.
#[derive(Debug)]
pub struct Hand(AtomicI64);

impl Hand {
    pub fn at(start: Moment) -> Hand {
        Hand(AtomicI64::new(start.0))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::SeqCst))
    }
}

pub struct Bed {
    pub aws: Arc<SimAws>,
    pub clock: Arc<Hand>,
    pub cloud: AwsCloud,
    /// `prod` of the demo, which declares everything and assumes a role.
    pub environment: Arc<Environment>,
    sessions: Sessions,
}

impl Bed {
    pub fn new() -> Bed {
        Bed::seeded(7)
    }

    pub fn seeded(seed: u64) -> Bed {
        let config = Config::demo();
        let clock = Arc::new(Hand::at(START));
        let aws = Arc::new(SimAws::new(&config.environments, &config.topics, clock.clone(), seed));
        let environment = Arc::new(config.environments["prod"].clone());
        let base = base(&aws, &clock, &environment.account);
        let cloud = AwsCloud::with(config.topics, base.clone());
        Bed { aws, clock, cloud, environment, sessions: Sessions::with(base) }
    }

    /// The adapter as another process has it: it knows nothing of what this one is at.
    pub fn another_process(&self) -> AwsCloud {
        AwsCloud::with(Config::demo().topics, base(&self.aws, &self.clock, &self.environment.account))
    }

    /// How many notices reached any topic.
    pub fn messages(&self) -> usize {
        self.aws.published().len()
    }

    /// Clients of a region, under the environment's role.
    pub async fn session(&self, region: &str) -> Arc<Session> {
        self.sessions.get(&self.environment, region, "U0ALICE").await
    }

    /// A step of `bk-1001`, as the engine would call it.
    pub fn call(&self, step: usize, action: Action) -> Call {
        let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Call {
            operation: OpId("bk-1001".into()),
            step,
            environment: Arc::clone(&self.environment),
            action,
            token: format!("bk-1001-{step}"),
            intended: bbws::domain::moment::Moment(0),
            tags: vec![
                tag("bbws:operation", "bk-1001"),
                tag("bbws:environment", "prod"),
                tag("bbws:requested-by", "U0ALICE"),
                tag("bbws:approved-by", "U0BOB"),
                tag("bbws:retention-days", "30"),
            ],
            inputs: Outputs::default(),
            external_id: None,
            requester: "U0ALICE".into(),
        }
    }
}

/// The SDK over this AWS, as `serve` would use it but for the connector and the time.
pub fn base(aws: &Arc<SimAws>, clock: &Arc<Hand>, account: &str) -> SdkConfig {
    let passes = Arc::clone(clock);
    let sleep = aws.skipping(move |span| passes.advance(span));
    aws.sdk(account, sleep).timeout_config(timeouts()).build()
}
