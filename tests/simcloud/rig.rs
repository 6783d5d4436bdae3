//! A simulated AWS with a clock that is moved by hand, and the calls that are made of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bbws::{
    adapters::sandbox::cloud::{Fault, SimCloud, Target},
    config::Config,
    domain::{
        environment::{Bucket, Dump, Engine, Environment, RetentionTiers, Span},
        moment::Moment,
        operation::OpId,
        point::{Point, PointKind, PointQuery},
        step::{self, Action, Outputs},
    },
    ports::{
        clock::Clock,
        cloud::{Call, Cloud as _, CloudError, Probe, Progress, Started},
    },
};

pub const ACCOUNT: &str = "093646564004";
pub const DB: &str = "bbws-prod-mysql";
pub const SNAPSHOT: &str = "bbws-prod-mysql-manual-20261121-bk-1001";
pub const KEY: &str = "prod/secrets/20261121/bk-1001/secrets.json";
pub const HOME: &str = "af-south-1";
pub const AWAY: &str = "eu-west-1";
pub const MEDIA: &str = "bbws-prod-media";
pub const MEDIA_DR: &str = "bbws-prod-media-dr";
pub const ARCHIVES: &str = "bbws-prod-backups";
pub const LOGIN: &str = "bbws/prod/database";
pub const START: Moment = Moment(1_795_222_800_000);

pub struct Hand(pub Mutex<Moment>);

impl Clock for Hand {
    fn now(&self) -> Moment {
        *self.0.lock().unwrap()
    }
}

pub struct Rig {
    pub cloud: Arc<SimCloud>,
    pub hand: Arc<Hand>,
    pub environment: Arc<Environment>,
}

impl Rig {
    pub fn new(seed: u64) -> Rig {
        let environments = environments();
        let hand = Arc::new(Hand(Mutex::new(START)));
        let cloud = Arc::new(SimCloud::new(&environments, hand.clone(), seed));
        Rig { cloud, hand, environment: Arc::new(environments["prod"].clone()) }
    }

    /// With everything declared that can be, and so with a past.
    pub fn declared(seed: u64) -> Rig {
        let mut environments = Config::example().environments;
        let prod = environments.get_mut("prod").unwrap();
        prod.parameters_prefix = Some("/bbws/prod/".into());
        prod.buckets = vec![Bucket { name: MEDIA.into(), dr: Some(MEDIA_DR.into()) }];
        prod.dumps = vec![Dump {
            database: DB.into(),
            engine: Engine::Mysql,
            secret: LOGIN.into(),
            schemas: vec!["tenant_1".into()],
            load_test: None,
        }];
        prod.dump_kms_key = Some("alias/bbws-dumps".into());
        prod.schedule = Some("cron(0 * * * ? *)".into());
        prod.restore_test = Some(Span::parse("30d").unwrap());
        prod.retention_tiers = Some(RetentionTiers { daily: 30, weekly: 13, monthly: 12, yearly: 7 });
        let environment = Arc::new(prod.clone());
        let hand = Arc::new(Hand(Mutex::new(START)));
        let cloud = Arc::new(SimCloud::new(&environments, hand.clone(), seed));
        Rig { cloud, hand, environment }
    }

    pub fn now(&self) -> Moment {
        self.cloud.now()
    }

    /// What a query gives, page by page, and what could not be read.
    pub async fn list(&self, query: &PointQuery) -> Result<(Vec<Vec<Point>>, Vec<String>), CloudError> {
        let mut pages = Vec::new();
        let unread = self.cloud.points(&self.environment, query, "U0ALICE", &mut |page| pages.push(page)).await?;
        Ok((pages, unread))
    }

    /// The newest point of a kind in the primary region.
    pub fn newest(&self, kind: PointKind) -> Point {
        let points = self.cloud.points_now("prod").into_iter().filter(|p| p.kind == kind && p.region == HOME);
        points.max_by_key(|p| p.created).unwrap()
    }

    /// A subnet of the isolated network.
    pub fn subnet(&self) -> String {
        self.cloud.isolated_subnets("prod").remove(0)
    }

    /// Starts a call whose reply is lost, and finds out by a probe that it was carried out.
    pub async fn lose(&self, call: &Call) -> Started {
        let before = self.cloud.effects();
        assert_eq!(self.cloud.probe(call).await, Ok(Probe::Absent));
        self.cloud.inject(Fault::LostReply, Target::next_start());
        assert!(is_unknown(&self.cloud.start(call).await));
        let Probe::Present(started) = self.cloud.probe(call).await.unwrap() else {
            panic!("not found again: {call:?}")
        };
        assert_eq!(self.cloud.start(call).await.unwrap(), started, "a repeat gives what is there");
        assert_eq!(self.cloud.effects(), before + 1);
        started
    }

    pub fn pass(&self, minutes: u64) {
        let mut now = self.hand.0.lock().unwrap();
        *now = *now + Duration::from_secs(minutes * 60);
    }

    pub fn call(&self, step: usize, action: Action) -> Call {
        let tags = [("bbws:operation", "bk-1001"), ("bbws:retention-days", "30"), ("bbws:environment", "prod")];
        Call {
            operation: OpId("bk-1001".to_owned()),
            step,
            environment: self.environment.clone(),
            action,
            token: format!("bk-1001-{step}-r0"),
            intended: Moment(0),
            tags: tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            inputs: Outputs::new(),
            external_id: None,
            requester: "U0ALICE".to_owned(),
        }
    }

    pub fn snapshot(&self) -> Call {
        self.call(
            0,
            Action::RdsSnapshot(step::RdsSnapshot {
                region: HOME.into(),
                database: DB.into(),
                snapshot: SNAPSHOT.into(),
            }),
        )
    }

    pub fn copy(&self, key: Option<&str>) -> Call {
        self.call(
            1,
            Action::RdsCopy(step::RdsCopy {
                from_region: HOME.into(),
                region: AWAY.into(),
                account: ACCOUNT.into(),
                snapshot: SNAPSHOT.into(),
                copy: format!("{SNAPSHOT}-dr"),
                kms_key: key.map(str::to_owned),
            }),
        )
    }

    pub fn job(&self, step: usize) -> Call {
        self.call(
            step,
            Action::BackupJob(step::BackupJob {
                region: HOME.into(),
                resource_arn: format!("arn:aws:elasticfilesystem:{HOME}:{ACCOUNT}:file-system/fs-0900d000000000001"),
                vault: "bbws-prod".into(),
                role: format!("arn:aws:iam::{ACCOUNT}:role/bbws-backup"),
                retention_days: 30,
            }),
        )
    }

    pub fn job_copy(&self, step: usize, recovery_point: &str) -> Call {
        let action = Action::BackupCopy(step::BackupCopy {
            region: HOME.into(),
            vault: "bbws-prod".into(),
            to_region: AWAY.into(),
            to_vault_arn: format!("arn:aws:backup:{AWAY}:{ACCOUNT}:backup-vault:bbws-prod-dr"),
            role: format!("arn:aws:iam::{ACCOUNT}:role/bbws-backup"),
            retention_days: 30,
        });
        with(self.call(step, action), "recovery_point", recovery_point)
    }

    pub fn export(&self) -> Call {
        let action = Action::SecretsExport(step::SecretsExport {
            region: HOME.into(),
            prefix: "bbws/prod/".into(),
            bucket: "bbws-prod-backups".into(),
            key: KEY.into(),
        });
        self.call(4, action)
    }

    pub fn replica(&self) -> Call {
        let action = Action::ObjectReplica(step::ObjectReplica {
            from_region: HOME.into(),
            from_bucket: "bbws-prod-backups".into(),
            region: AWAY.into(),
            bucket: "bbws-prod-backups-dr".into(),
            key: KEY.into(),
        });
        self.call(5, action)
    }

    pub async fn poll(&self, call: &Call) -> Progress {
        self.cloud.poll(std::slice::from_ref(call)).await.remove(0).unwrap()
    }

    /// Starts what must start, lets it run to its end and gives its outputs.
    pub async fn finish(&self, mut call: Call) -> Outputs {
        call.external_id = self.cloud.start(&call).await.unwrap().external_id;
        self.pass(30);
        done(self.poll(&call).await)
    }
}

pub fn environments() -> BTreeMap<String, Environment> {
    let text = r#"
        [prod]
        account = "093646564004"
        primary_region = "af-south-1"
        dr_region = "eu-west-1"
        replication = "mandatory"
        retention_days = { min = 7, default = 30, max = 30 }
        rpo = "1h"
        rto = "4h"
        vault = "bbws-prod"
        dr_vault = "bbws-prod-dr"
        secrets_bucket = "bbws-prod-backups"
        dr_secrets_bucket = "bbws-prod-backups-dr"
        backup_role = "arn:aws:iam::093646564004:role/bbws-backup"
        dr_kms_key = "alias/bbws-dr"
        databases = [{ id = "bbws-prod-mysql", engine = "mysql" }]
        file_systems = [{ id = "fs-0900d000000000001", name = "wp-content" }]
        secrets_prefix = "bbws/prod/"
        [prod.tenants.tenant-1]
        secrets_prefix = "bbws/prod/tenant-1/"
    "#;
    let mut environments: BTreeMap<String, Environment> = toml::from_str(text).unwrap();
    for (name, environment) in &mut environments {
        environment.name.clone_from(name);
    }
    environments
}

pub fn with(mut call: Call, name: &str, value: &str) -> Call {
    call.inputs.insert(name.to_owned(), value.to_owned());
    call
}

pub fn done(progress: Progress) -> Outputs {
    match progress {
        Progress::Done { outputs, .. } => outputs,
        other => panic!("not done: {other:?}"),
    }
}

pub fn failed(progress: Progress) -> String {
    match progress {
        Progress::Failed { reason } => reason,
        other => panic!("not failed: {other:?}"),
    }
}

pub fn running(progress: Progress) -> (Option<u8>, String) {
    match progress {
        Progress::Running { percent, detail } => (percent, detail),
        other => panic!("not running: {other:?}"),
    }
}

pub fn permanent<T: std::fmt::Debug>(answer: Result<T, CloudError>) -> String {
    match answer {
        Err(CloudError::Permanent { reason }) => reason,
        other => panic!("not permanent: {other:?}"),
    }
}

pub fn refuted(progress: Progress) -> (String, Outputs) {
    match progress {
        Progress::Refuted { reason, outputs } => (reason, outputs),
        other => panic!("not refuted: {other:?}"),
    }
}

/// The same call by another operation.
pub fn by(operation: &str, call: &Call) -> Call {
    let mut tags = call.tags.clone();
    tags.iter_mut().filter(|(name, _)| name == "bbws:operation").for_each(|(_, value)| *value = operation.to_owned());
    let token = format!("{operation}-{}-r0", call.step);
    Call { operation: OpId(operation.to_owned()), token, tags, ..call.clone() }
}

pub fn is_retryable<T>(answer: &Result<T, CloudError>) -> bool {
    matches!(answer, Err(CloudError::Retryable { .. }))
}

pub fn is_unknown<T>(answer: &Result<T, CloudError>) -> bool {
    matches!(answer, Err(CloudError::Unknown { .. }))
}
