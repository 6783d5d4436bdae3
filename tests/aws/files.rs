//! Test restores of file systems: EFS on moto, restore jobs in AWS Backup's own shapes.

use std::sync::{Arc, Mutex};

use bbws::{
    domain::{
        attachment::Report,
        environment::{FileSystem, Span},
        moment::Moment,
        step::{self, Action},
    },
    ports::{
        check::Verdict,
        cloud::{Call, Cloud as _, CloudError, Probe, Progress},
    },
};
use serde_json::{Value, json as value};

use crate::aws::{
    backup,
    fake::{Answer, Fake, Seen, error, json},
    moto, restores,
    support::{HOME, Platform, carried_out, done, environment, failed, permanent, poll, refuted},
};

pub const NAME: &str = "fs-0900d000000000001-restored-bk-1042";
const ROLE: &str = "arn:aws:iam::093646564004:role/bbws-backup";

/// Restore jobs of AWS Backup: the one that was started, and what it is said to have made.
#[derive(Clone, Default)]
pub struct Jobs(Arc<Mutex<Job>>);

#[derive(Default)]
struct Job {
    /// Body of the call that started it.
    asked: Option<Value>,
    made: String,
    fields: Option<Value>,
}

impl Jobs {
    /// What the job is said to have made.
    pub fn make(&self, id: &str) {
        id.clone_into(&mut self.lock().made);
    }

    /// What else is said of it.
    fn say(&self, fields: Value) {
        self.lock().fields = Some(fields);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Job> {
        self.0.lock().expect("no test panics while holding it")
    }

    pub fn answer(&self, seen: &Seen) -> Answer {
        let mut job = self.lock();
        let mut state = value!({
            "RestoreJobId": "restore-1", "Status": "COMPLETED", "CreationDate": 1_795_219_200,
            "CreatedResourceArn": format!("arn:aws:elasticfilesystem:af-south-1:093646564004:file-system/{}", job.made),
        });
        for (key, field) in job.fields.iter().filter_map(Value::as_object).flatten() {
            state[key] = field.clone();
        }
        let path: Vec<&str> = seen.path.split('/').skip(1).collect();
        match (seen.method.as_str(), &path[..]) {
            ("PUT", ["restore-jobs"]) => {
                job.asked = Some(seen.json());
                json(value!({ "RestoreJobId": "restore-1" }))
            }
            ("GET", ["restore-jobs"]) => match job.asked {
                Some(_) => json(value!({ "RestoreJobs": [state] })),
                None => json(value!({ "RestoreJobs": [] })),
            },
            ("GET", ["restore-jobs", "restore-1"]) => json(state),
            ("GET", ["restore-jobs", "restore-1", "metadata"]) => match &job.asked {
                Some(asked) => json(value!({ "RestoreJobId": "restore-1", "Metadata": asked["Metadata"] })),
                None => error(400, "ResourceNotFoundException", "no such job"),
            },
            ("GET", ["backup-vaults", "bbws-prod", "recovery-points", ..]) => json(value!({ "RestoreMetadata": {
                "file-system-id": "fs-0900d000000000001", "encrypted": "false", "KmsKeyId": "arn:key", "PerformanceMode": "maxIO",
                "newFileSystem": "false", "itemsToRestore": "[\"/a\"]",
            } })),
            other => panic!("no such call: {other:?}"),
        }
    }
}

pub fn restore() -> Action {
    Action::RestoreFiles(step::RestoreFiles {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        recovery_point: backup::POINT.into(),
        name: NAME.into(),
        role: ROLE.into(),
    })
}

fn tag() -> Action {
    Action::TagFiles(step::TagFiles { region: HOME.into(), name: NAME.into() })
}

fn mount(subnet: &str) -> Action {
    Action::MountTarget(step::MountTarget {
        region: HOME.into(),
        name: NAME.into(),
        subnet: subnet.into(),
        security_groups: vec![],
    })
}

pub fn verify() -> Action {
    Action::VerifyFiles(step::VerifyFiles {
        region: HOME.into(),
        name: NAME.into(),
        file_system: "fs-0900d000000000001".into(),
        folders: vec!["/tenant-1".into()],
        data_of: Moment(1_795_219_200_000),
    })
}

fn unmount(name: &str, operation: &str) -> Action {
    Action::DeleteMountTarget(step::DeleteMountTarget {
        region: HOME.into(),
        name: name.into(),
        operation: operation.into(),
    })
}

fn delete(name: &str, operation: &str) -> Action {
    Action::DeleteFiles(step::DeleteFiles { region: HOME.into(), name: name.into(), operation: operation.into() })
}

/// Everything a test does to AWS, in order.
pub fn whole_test(subnet: &str) -> [Action; 5] {
    [restore(), tag(), mount(subnet), unmount(NAME, "bk-1042"), delete(NAME, "bk-1042")]
}

/// What AWS Backup would have made: moto has no restore jobs.
pub async fn made(platform: &Platform, token: &str) -> String {
    let request = platform.setup(HOME).await.efs().create_file_system().creation_token(token).encrypted(true);
    request.send().await.expect("a file system").file_system_id
}

/// A subnet of the isolated network.
pub async fn subnet(platform: &Platform) -> String {
    let ask = bbws::domain::world::Survey { isolated: true, ..Default::default() };
    let world = platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world");
    let network = world.isolated.expect("it was asked for").expect("it is usable");
    assert_eq!(network.subnet_group, "bbws-isolated");
    network.subnets.first().expect("it has a subnet").clone()
}

/// EFS on moto, an isolated network, and restore jobs.
async fn bed() -> (Jobs, Fake, Platform) {
    let jobs = Jobs::default();
    let answering = jobs.clone();
    let fake = Fake::start(move |seen| answering.answer(seen)).await;
    let platform = Platform::on(moto::address(), &[("backup", &fake.address)], environment(true)).await;
    restores::network(&platform).await;
    (jobs, fake, platform)
}

#[tokio::test]
async fn a_file_system_is_restored_whole_into_a_new_encrypted_one_and_found_again() {
    let (jobs, fake, platform) = bed().await;
    let call = platform.call(restore());
    assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Absent));
    let started = platform.cloud.start(&call).await.expect("it is accepted");
    assert_eq!((started.external_id.as_deref(), started.finished), (Some("restore-1"), false));
    let asked = jobs.lock().asked.clone().expect("it was asked for");
    assert_eq!(
        asked,
        value!({
            "RecoveryPointArn": backup::POINT, "IamRoleArn": ROLE, "IdempotencyToken": "bk-1042-0-r0", "ResourceType": "EFS",
            "Metadata": {
                "file-system-id": "fs-0900d000000000001", "Encrypted": "true", "KmsKeyId": "arn:key", "PerformanceMode": "maxIO",
                "newFileSystem": "true", "CreationToken": NAME,
            },
        })
    );
    assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Present(started.clone())), "its job is found by the token");
    let other = Action::RestoreFiles(step::RestoreFiles {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        recovery_point: backup::POINT.into(),
        name: "fs-0900d000000000001-restored-bk-1043".into(),
        role: ROLE.into(),
    });
    assert_eq!(
        platform.cloud.probe(&platform.call_of("bk-1043", other)).await,
        Ok(Probe::Absent),
        "another test's job"
    );

    let call = Call { external_id: started.external_id, ..call };
    jobs.say(value!({ "Status": "RUNNING", "PercentDone": "12.50%" }));
    let running = Progress::Running { percent: Some(12), detail: "RUNNING".into() };
    assert_eq!(poll(&platform.cloud, &call).await, Ok(running));
    jobs.say(value!({ "CreatedResourceArn": null }));
    assert!(matches!(poll(&platform.cloud, &call).await, Ok(Progress::Running { percent: Some(100), .. })));
    // As long as it may still make something, nothing counts as gone.
    jobs.say(value!({ "Status": "PENDING", "CreatedResourceArn": null }));
    for action in [tag(), unmount(NAME, "bk-1042"), delete(NAME, "bk-1042")] {
        let answer = platform.cloud.start(&platform.call(action)).await;
        assert!(
            matches!(&answer, Err(CloudError::Retryable { reason, .. }) if reason.contains("under way")),
            "{answer:?}"
        );
    }
    let gone = poll(&platform.cloud, &platform.call(delete(NAME, "bk-1042"))).await;
    assert!(matches!(gone, Err(CloudError::Retryable { .. })), "{gone:?}");
    jobs.say(value!({}));
    jobs.make("fs-new");
    let (outputs, _) = done(poll(&platform.cloud, &call).await);
    assert_eq!(outputs["restored_file_system"], "fs-new");
    for state in ["ABORTED", "FAILED"] {
        jobs.say(value!({ "Status": state, "StatusMessage": "no capacity" }));
        let reason = failed(poll(&platform.cloud, &call).await);
        assert!(reason.contains(&format!("ended {state}: no capacity")), "{reason}");
        assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Absent), "one that ended badly is not adopted");
    }
    let changes = fake.seen().into_iter().filter(|seen| seen.method == "PUT").count();
    assert_eq!(changes, 1, "asking changes nothing");
}

#[tokio::test]
async fn what_was_restored_is_tagged_gets_one_address_and_is_deleted() {
    let (_jobs, _fake, platform) = bed().await;
    let cloud = &platform.cloud;
    let id = made(&platform, NAME).await;
    let subnet = subnet(&platform).await;

    assert_eq!(cloud.probe(&platform.call(tag())).await, Ok(Probe::Absent));
    assert!(cloud.start(&platform.call(tag())).await.expect("it is tagged").finished);
    assert!(matches!(cloud.probe(&platform.call(tag())).await, Ok(Probe::Present(_))));
    let here = platform.setup(HOME).await;
    let described = here.efs().describe_file_systems().file_system_id(&id).send().await.expect("it is there");
    let tags = described.file_systems()[0].tags();
    for (key, wanted) in [("bbws:operation", "bk-1042"), ("bbws:approved-by", "U0BOB U0CAROL"), ("Name", NAME)] {
        assert!(tags.iter().any(|t| t.key == key && t.value == wanted), "{key} in {tags:?}");
    }

    let call = platform.call(mount(&subnet));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let first = cloud.start(&call).await.expect("an address");
    assert_eq!(cloud.start(&call).await, Ok(first.clone()), "EFS's conflict is our own address");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(first)));
    let (outputs, detail) = done(poll(cloud, &call).await);
    assert_eq!(outputs["restored_file_system"], id);
    assert!(detail.starts_with(&outputs["restored_address"]), "{detail}");

    let early = cloud.start(&platform.call(delete(NAME, "bk-1042"))).await;
    assert!(
        matches!(&early, Err(CloudError::Retryable { reason, .. }) if reason.contains("mount target")),
        "{early:?}"
    );
    for action in [unmount(NAME, "bk-1042"), delete(NAME, "bk-1042")] {
        let call = platform.call(action);
        assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
        done(carried_out(cloud, &call).await);
        assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(_))));
        assert!(cloud.start(&call).await.expect("a repeat is no error").finished);
    }
    let gone = here.efs().describe_file_systems().file_system_id(&id).send().await;
    assert!(gone.expect_err("it is gone").as_service_error().is_some_and(|e| e.is_file_system_not_found()));
    assert!(cloud.start(&platform.call(tag())).await.expect("what is gone needs no tag").finished);
    let inputs = [("restored_file_system".to_owned(), id)].into();
    let lost = cloud.start(&Call { inputs, ..platform.call(tag()) }).await;
    assert!(matches!(lost, Err(CloudError::Retryable { .. })), "{lost:?}");
}

#[tokio::test]
async fn a_creation_token_that_aws_backup_did_not_hand_on_hides_nothing() {
    let (jobs, _fake, platform) = bed().await;
    let cloud = &platform.cloud;
    cloud.start(&platform.call(restore())).await.expect("it is accepted");
    let id = made(&platform, "a token of its own").await;
    jobs.make(&id);
    assert!(cloud.start(&platform.call(tag())).await.expect("it is tagged").external_id == Some(id));
    done(carried_out(cloud, &platform.call(delete(NAME, "bk-1042"))).await);
    assert!(matches!(cloud.probe(&platform.call(delete(NAME, "bk-1042"))).await, Ok(Probe::Present(_))));
}

#[tokio::test]
async fn only_what_the_operation_restored_is_ever_deleted() {
    let (jobs, _fake, mut platform) = bed().await;
    let id = made(&platform, NAME).await;
    for (name, operation) in [
        (NAME, "bk-104"),
        (NAME, ""),
        ("fs-0900d000000000001", "bk-1042"),
        ("wp-content-restored-bk-1042", "bk-1042"),
        ("fs-0900d000000000001-restored-bk-1042-2", "bk-1042"),
    ] {
        for action in [unmount(name, operation), delete(name, operation)] {
            let reason = permanent(platform.cloud.start(&platform.call(action)).await);
            assert!(reason.contains("only what is named") && reason.contains("Nothing was done"), "{reason}");
        }
    }
    // Whatever a job claims to have made.
    let mut environment = (*platform.environment).clone();
    environment.file_systems = vec![FileSystem { id: id.clone(), name: "wp-content".into() }];
    jobs.make(&id);
    platform.environment = Arc::new(environment);
    for action in [tag(), mount("subnet-1"), unmount(NAME, "bk-1042"), delete(NAME, "bk-1042")] {
        let reason = permanent(platform.cloud.start(&platform.call(action)).await);
        assert!(reason.contains("is a file system of the platform"), "{reason}");
    }
}

#[tokio::test]
async fn without_an_address_on_both_sides_nothing_counts_as_compared() {
    let (_jobs, _fake, platform) = bed().await;
    let call = platform.call(verify());
    let (reason, _) = refuted(crate::aws::support::settled(&platform.cloud, &call).await);
    assert!(reason.contains("does not exist, so nothing was compared"), "{reason}");

    made(&platform, NAME).await;
    let call = Call { token: "again".into(), ..call };
    let (reason, outputs) = refuted(crate::aws::support::settled(&platform.cloud, &call).await);
    assert!(reason.contains("has no mount target that is available. Give it one"), "{reason}");
    let report = Report::of(&outputs).expect("a report");
    let rows = report.attachment.table.expect("a table").rows;
    let shown: Vec<(&str, &str)> = rows.iter().map(|row| (row[0].as_str(), row[2].as_str())).collect();
    assert_eq!(shown, [("Available", "yes"), ("Encrypted", "yes"), ("address", "no"), ("address", "no")]);
}

#[tokio::test]
async fn a_check_says_when_there_is_nothing_to_compare_a_restored_file_system_with() {
    let (_jobs, _fake, mut platform) = bed().await;
    let id = made(&platform, "wp-content").await;
    let mut environment = (*platform.environment).clone();
    environment.file_systems = vec![FileSystem { id: id.clone(), name: "wp-content".into() }];
    environment.restore_test = Some(Span::parse("30d").expect("it is a span"));
    platform.environment = Arc::new(environment);
    let what = format!("prod: address of file system {id}");
    let line = async |platform: &Platform| {
        let lines = platform.cloud.check(&platform.environment).await;
        lines
            .into_iter()
            .find(|line| line.what == what)
            .map(|line| (line.verdict == Verdict::Good, line.detail))
            .expect("the line is there")
    };
    let (ok, why) = line(&platform).await;
    assert!(!ok && why.contains("Give it one"), "{why}");
    let subnet = subnet(&platform).await;
    let here = platform.setup(HOME).await;
    here.efs().create_mount_target().file_system_id(&id).subnet_id(subnet).send().await.expect("an address");
    assert_eq!(line(&platform).await, (true, "1 mount target".to_owned()));
}
