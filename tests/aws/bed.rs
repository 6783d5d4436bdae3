//! The simulated AWS of one test: the adapter over it, what it was asked, and what it is to answer otherwise.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bbws::{
    adapters::sandbox::aws::{
        Override, SimAws, Target,
        api::{Refusal, Reply, Request, changes},
        port,
        time::Timeline,
        world::{
            Region, Tags,
            backup::{Backup, Lifecycle, Point},
            s3::Bucket,
        },
    },
    domain::{environment::Environment, moment::Moment},
    ports::cloud::{Call, Cloud as _, CloudError, Progress},
};
use serde_json::{Value, json};

use crate::{
    aws::support::{DR, HOME, Platform, poll, topics},
    wire::bed::{Hand, START, base},
};

/// Account of every environment here: each test has an AWS of its own.
pub const ACCOUNT: &str = "093646564004";
/// Its file system.
pub const FILES: &str = "fs-0900d000000000001";
pub const FS: &str = "arn:aws:elasticfilesystem:af-south-1:093646564004:file-system/fs-0900d000000000001";
pub const DB: &str = "arn:aws:rds:af-south-1:093646564004:db:bbws-prod-mysql";

/// `prod`, with a database, a file system and two buckets, which the process speaks to as itself.
pub fn environment() -> Environment {
    let mut environment: Environment = serde_json::from_value(json!({
        "account": ACCOUNT, "primary_region": HOME, "dr_region": DR, "replication": "mandatory",
        "retention_days": {"min": 7, "default": 30, "max": 30}, "rpo": "1h", "rto": "4h",
        "vault": "bbws-prod", "dr_vault": "bbws-prod-dr",
        "secrets_bucket": "bbws-prod-backups", "dr_secrets_bucket": "bbws-prod-backups-dr",
        "backup_role": format!("arn:aws:iam::{ACCOUNT}:role/bbws-backup"), "dr_kms_key": "alias/bbws-dr",
        "databases": [{"id": "bbws-prod-mysql", "engine": "mysql"}],
        "file_systems": [{"id": FILES, "name": "uploads"}],
        "secrets_prefix": "bbws/prod/",
    }))
    .expect("it is a good environment");
    environment.name = "prod".into();
    environment
}

pub struct Bed {
    pub aws: Arc<SimAws>,
    pub clock: Arc<Hand>,
    pub platform: Platform,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Bed {
    /// An AWS that holds what [`environment`] declares.
    pub fn new() -> Bed {
        Bed::of(environment())
    }

    /// An AWS that holds what [`environment`] declares, to be spoken to under a role.
    pub fn under_a_role() -> Bed {
        let role = Some(format!("arn:aws:iam::{ACCOUNT}:role/bbws-operator"));
        Bed::of(Environment { assume_role: role, ..environment() })
    }

    /// An AWS that holds nothing of what [`environment`] declares.
    pub fn bare() -> Bed {
        let bed = Bed::new();
        bed.aws.change(|world, _| {
            world.s3.buckets.clear();
            for region in [HOME, DR] {
                *world.region(ACCOUNT, region) = Region::default();
            }
        });
        bed
    }

    /// The same without the secrets, for tests that make their own.
    pub fn without_secrets() -> Bed {
        let bed = Bed::new();
        bed.place(|place, _| place.secrets.secrets.clear());
        bed
    }

    /// An AWS that holds what an environment declares.
    pub fn of(environment: Environment) -> Bed {
        crate::aws::watch::install();
        let clock = Arc::new(Hand::at(START));
        let environments = [(environment.name.clone(), environment.clone())].into();
        let aws = Arc::new(SimAws::new(&environments, &topics(), clock.clone(), 7));
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let hears = Arc::clone(&seen);
        aws.override_answers(
            Target::always(),
            Override::edit(move |request, _| {
                hears.lock().expect("no test panics while holding it").push(request.clone());
            }),
        );
        let config = base(&aws, &clock, &environment.account);
        Bed { platform: Platform::over(config, environment), aws, clock, seen }
    }

    /// Everything that was asked of an API operation.
    pub fn asked(&self, operation: &str) -> Vec<Request> {
        let seen = self.seen.lock().expect("no test panics while holding it");
        seen.iter().filter(|request| request.operation == operation).cloned().collect()
    }

    /// The API operations that were called to change something, oldest first.
    pub fn changes(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("no test panics while holding it");
        seen.iter().map(|request| request.operation.clone()).filter(|operation| changes(operation)).collect()
    }

    /// How many requests were made.
    pub fn requests(&self) -> usize {
        self.seen.lock().expect("no test panics while holding it").len()
    }

    /// The next call of an API operation is refused.
    pub fn refuse(&self, operation: &str, code: &str) {
        let refusal = Refusal::new(code, "as the test says.");
        self.aws.override_answers(Target::next().of(operation), Override::Refused(refusal));
    }

    /// The next call of an API operation is answered so.
    pub fn answer(&self, operation: &str, reply: Reply) {
        self.aws.override_answers(Target::next().of(operation), Override::Instead(reply));
    }

    /// Every call of an API operation has this answer edited.
    pub fn edit(&self, operation: &str, edit: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.aws.override_answers(Target::always().of(operation), Override::json(edit));
    }

    /// A recovery point in the vault of a region, whole since it was created.
    pub fn point(&self, region: &str, arn: &str, of: &str, created: Moment) {
        let point = Point {
            resource_arn: of.to_owned(),
            resource_type: match of.split(':').nth(2) {
                Some("rds") => "RDS".to_owned(),
                Some("s3") => "S3".to_owned(),
                _ => "EFS".to_owned(),
            },
            course: Timeline::new(created, created, Duration::ZERO, None),
            created,
            size: 1 << 30,
            encrypted: true,
            key: String::new(),
            lifecycle: Lifecycle::default(),
            tags: Tags::new(),
            role: self.platform.environment.backup_role.clone(),
            source_vault: None,
            message: None,
            status: None,
            continuous: false,
            deleting: None,
            sticks: false,
        };
        let account = &self.platform.environment.account;
        self.aws.change(|world, _| {
            let vault = world.region(account, region).backup.vaults.values_mut().next().expect("there is one");
            vault.points.insert(arn.to_owned(), Point { key: vault.key.clone(), ..point });
        });
    }

    /// AWS Backup in the primary region, as it is.
    pub fn backup<T>(&self, change: impl FnOnce(&mut Backup, Moment) -> T) -> T {
        self.place(|place, now| change(&mut place.backup, now))
    }

    /// A bucket, as it is.
    pub fn bucket<T>(&self, name: &str, change: impl FnOnce(&mut Bucket) -> T) -> T {
        self.aws.change(|world, _| change(world.s3.buckets.get_mut(name).expect("it is there")))
    }

    /// The primary region, as it is.
    pub fn place<T>(&self, change: impl FnOnce(&mut Region, Moment) -> T) -> T {
        self.aws.change(|world, now| change(world.region(&self.platform.environment.account, HOME), now))
    }

    /// The DR region, as it is.
    pub fn there<T>(&self, change: impl FnOnce(&mut Region, Moment) -> T) -> T {
        self.aws.change(|world, now| change(world.region(&self.platform.environment.account, DR), now))
    }

    /// This AWS on a real port, for what has to go over HTTP; its address.
    pub async fn port(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        tokio::spawn(port::serve(Arc::clone(&self.aws), listener, std::future::pending()));
        address
    }

    /// Its platform over HTTP, by the client that the product uses.
    pub async fn over_http(&self) -> Platform {
        Platform::on(&self.port().await, (*self.platform.environment).clone()).await
    }

    /// The configuration that its platform has.
    pub fn config(&self) -> aws_config::SdkConfig {
        base(&self.aws, &self.clock, &self.platform.environment.account)
    }

    /// Every call of a service is refused.
    pub fn refuse_all(&self, service: &str, refusal: Refusal) {
        self.aws.override_answers(Target::always().at(service), Override::Refused(refusal));
    }

    /// So much later.
    pub fn later(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Whether nobody knows what became of a call.
    pub fn unknown<T>(answer: &Result<T, CloudError>) -> bool {
        matches!(answer, Err(CloudError::Unknown { .. }))
    }
}

/// An XML text in which every element of a name has this content.
pub fn tagged(xml: &str, name: &str, content: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut parts = xml.split(open.as_str());
    let mut edited = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_once(close.as_str()).map_or("", |(_, rest)| rest);
        edited.extend([&open, content, &close, rest]);
    }
    edited
}

/// Carries a call out as the engine does, while time passes: what it gives is handed on.
pub async fn carried_out(bed: &Bed, call: &Call) -> Result<Progress, CloudError> {
    let started = bed.platform.cloud.start(call).await?;
    let call = Call { external_id: started.external_id, ..call.clone() };
    if started.finished {
        return Ok(Progress::Done { outputs: started.outputs, detail: String::new() });
    }
    for _ in 0..6000 {
        match poll(&bed.platform.cloud, &call).await {
            Ok(Progress::Running { .. }) => {
                bed.later(Duration::from_secs(30));
                // Work of this process, a dump or a comparison, takes its own time.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(Progress::Done { outputs, detail }) => {
                let outputs = started.outputs.into_iter().chain(outputs).collect();
                return Ok(Progress::Done { outputs, detail });
            }
            other => return other,
        }
    }
    panic!("step {} does not end", call.action.kind());
}
