//! AWS Backup on the wire, as far as backups need it: vaults, jobs, copies, recovery points. One job per token.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::serve::amazon::{Answer, Seen};

/// What AWS Backup remembers.
#[derive(Debug, Default)]
pub struct Jobs {
    made: BTreeMap<String, Job>,
    /// Jobs stay RUNNING.
    pub held: bool,
    /// KMS keys of recovery points by region.
    pub keys: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
struct Job {
    id: String,
    token: String,
    copy: bool,
    /// The recovery point a job makes.
    point: String,
    /// The request's body.
    asked: Value,
    polls: u32,
    created: u64,
}

impl Jobs {
    /// Jobs made so far, copies not counted.
    pub fn backups(&self) -> Vec<Value> {
        self.made.values().filter(|j| !j.copy).map(|j| j.asked.clone()).collect()
    }

    /// Answers one request.
    pub fn answer(&mut self, seen: &Seen) -> Answer {
        let parts: Vec<&str> = seen.path.trim_matches('/').split('/').collect();
        match (seen.method.as_str(), parts.as_slice()) {
            ("GET", ["backup-vaults", name]) => Answer::json(&json!({
                "BackupVaultName": name, "BackupVaultArn": vault(&seen.region, &seen.account, name), "NumberOfRecoveryPoints": 0,
            })),
            ("PUT", ["backup-jobs"]) => self.start(seen, false),
            ("PUT", ["copy-jobs"]) => self.start(seen, true),
            ("GET", ["backup-jobs"]) => {
                let jobs: Vec<Value> = self.made.values().filter(|j| !j.copy).map(|j| self.told(j)).collect();
                Answer::json(&json!({ "BackupJobs": jobs }))
            }
            ("GET", ["copy-jobs"]) => {
                let jobs: Vec<Value> = self.made.values().filter(|j| j.copy).map(|j| self.told(j)).collect();
                Answer::json(&json!({ "CopyJobs": jobs }))
            }
            ("GET", ["backup-jobs", id]) => self.look(id, false),
            ("GET", ["copy-jobs", id]) => self.look(id, true),
            ("GET", ["backup-vaults", _, "recovery-points", rest @ ..]) => self.point(seen, &rest.join("/")),
            ("GET", ["tags", rest @ ..]) => {
                let arn = rest.join("/");
                match self.made.values().find(|j| j.point == arn) {
                    Some(job) => Answer::json(&json!({ "Tags": job.asked["RecoveryPointTags"] })),
                    None => absent(),
                }
            }
            _ => Answer::error(400, "UnknownOperationException", &format!("{} {}", seen.method, seen.path)),
        }
    }

    fn start(&mut self, seen: &Seen, copy: bool) -> Answer {
        let asked: Value = serde_json::from_slice(&seen.body).unwrap();
        let token = asked["IdempotencyToken"].as_str().unwrap_or_default().to_owned();
        let known = self.made.values().find(|j| j.token == token && j.copy == copy).cloned();
        let job = known.unwrap_or_else(|| {
            let number = self.made.len() + 1;
            let region = if copy { "eu-west-1" } else { &seen.region };
            let job = Job {
                id: format!("job-{number}"),
                token,
                copy,
                point: format!("arn:aws:backup:{region}:{}:recovery-point:{number}", seen.account),
                asked,
                polls: 0,
                created: SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs(),
            };
            self.made.insert(job.id.clone(), job.clone());
            job
        });
        let id = if copy { "CopyJobId" } else { "BackupJobId" };
        let mut answer = json!({ id: job.id, "CreationDate": job.created });
        if !copy {
            answer["RecoveryPointArn"] = json!(job.point);
        }
        Answer::json(&answer)
    }

    fn look(&mut self, id: &str, copy: bool) -> Answer {
        let Some(job) = self.made.get_mut(id) else { return absent() };
        job.polls += 1;
        let told = self.told(&self.made[id]);
        Answer::json(&if copy { json!({ "CopyJob": told }) } else { told })
    }

    fn told(&self, job: &Job) -> Value {
        // The second look finds it done.
        let state = if self.held || job.polls < 2 { "RUNNING" } else { "COMPLETED" };
        let mut told = job.asked.clone();
        told["State"] = json!(state);
        told["CreationDate"] = json!(job.created);
        told["BackupSizeInBytes"] = json!(5_368_709_120_i64);
        if job.copy {
            told["CopyJobId"] = json!(job.id);
            told["SourceRecoveryPointArn"] = job.asked["RecoveryPointArn"].clone();
            told["DestinationRecoveryPointArn"] = json!(job.point);
        } else {
            told["BackupJobId"] = json!(job.id);
            told["RecoveryPointArn"] = json!(job.point);
            told["PercentDone"] = json!("40");
        }
        told
    }

    fn point(&self, seen: &Seen, arn: &str) -> Answer {
        match self.made.values().find(|j| j.point == arn) {
            Some(job) => Answer::json(&json!({
                "RecoveryPointArn": job.point, "Status": "COMPLETED", "IsEncrypted": true,
                "BackupSizeInBytes": 5_368_709_120_i64, "Lifecycle": job.asked["Lifecycle"],
                "EncryptionKeyArn": self.keys.get(&seen.region),
            })),
            None => absent(),
        }
    }
}

fn vault(region: &str, account: &str, name: &str) -> String {
    format!("arn:aws:backup:{region}:{account}:backup-vault:{name}")
}

fn absent() -> Answer {
    Answer::error(400, "ResourceNotFoundException", "There is no such thing.")
}
