//! Every error is one of three kinds, and what people read names the thing, the reason and the next step.

use std::time::Duration;

use bbws::{
    adapters::{
        aws::AwsCloud,
        sandbox::aws::{
            Override, Target,
            api::{Refusal, Reply},
        },
    },
    ports::cloud::{After, Cloud as _, CloudError},
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use crate::aws::{
    backup,
    bed::{Bed, environment},
    snapshots,
    support::{Platform, config, poll, topics},
};

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Class {
    Retryable,
    Permanent,
    Unknown,
}

fn class<T: std::fmt::Debug>(answer: Result<T, CloudError>) -> (Class, String) {
    match answer {
        Err(CloudError::Retryable { reason, .. }) => (Class::Retryable, reason),
        Err(CloudError::Permanent { reason }) => (Class::Permanent, reason),
        Err(CloudError::Unknown { reason }) => (Class::Unknown, reason),
        Ok(value) => panic!("expected an error, got {value:?}"),
    }
}

/// What becomes of a mutation and of a read that RDS refuses so.
async fn both(status: u16, code: &str, message: &str) -> ((Class, String), (Class, String)) {
    let bed = Bed::new();
    bed.refuse_all("rds", Refusal::with_status(status, code, message));
    let call = bed.platform.call(snapshots::snapshot());
    (class(bed.platform.cloud.start(&call).await), class(poll(&bed.platform.cloud, &call).await))
}

#[tokio::test]
async fn codes_of_rds_fall_into_their_classes() {
    for (status, code, message, mutation) in [
        (400, "Throttling", "Rate exceeded", Class::Retryable),
        (503, "RequestLimitExceeded", "", Class::Retryable),
        (400, "InvalidDBInstanceState", "is backing-up", Class::Retryable),
        (503, "ServiceUnavailable", "", Class::Retryable),
        (400, "ExpiredToken", "", Class::Retryable),
        (400, "SnapshotQuotaExceeded", "Cannot have more than 20 copies in progress", Class::Retryable),
        (400, "SnapshotQuotaExceeded", "Cannot create more than 100 manual snapshots", Class::Permanent),
        (403, "AccessDenied", "User: x is not authorized", Class::Permanent),
        (400, "KMSKeyNotAccessibleFault", "key is disabled", Class::Permanent),
        (404, "DBInstanceNotFound", "no such instance", Class::Permanent),
        (400, "InvalidParameterValue", "bad name", Class::Permanent),
        (500, "InternalFailure", "", Class::Unknown),
        (502, "", "", Class::Unknown),
    ] {
        let ((got, reason), (read, _)) = both(status, code, message).await;
        assert_eq!(got, mutation, "{status} {code}: {reason}");
        let expected = if mutation == Class::Unknown { Class::Retryable } else { mutation };
        assert_eq!(read, expected, "a read of {status} {code}");
        assert!(reason.contains("bbws-prod-mysql") && reason.contains("af-south-1"), "it names the thing: {reason}");
    }
}

#[tokio::test]
async fn sentences_name_the_thing_the_reason_and_the_next_step() {
    let name = "Snapshot bbws-prod-mysql-manual-20261121-bk-1042 of database bbws-prod-mysql in af-south-1";
    let say = async |status, code, message| both(status, code, message).await.0.1;
    assert_eq!(
        say(403, "AccessDenied", "User: arn:x is not authorized").await,
        format!(
            "{name}: this process's own AWS identity may not do rds:CreateDBSnapshot (AccessDenied). Allow rds:CreateDBSnapshot in the policy of \
             this process's own AWS identity, or check that it exists in this account."
        )
    );
    assert_eq!(
        say(400, "KMSKeyNotAccessibleFault", "The key is disabled.").await,
        format!(
            "{name}: its KMS key cannot be used (KMSKeyNotAccessibleFault: The key is disabled). Enable the key in af-south-1 and allow \
             this process's own AWS identity to use it."
        )
    );
    assert_eq!(
        say(400, "Throttling", "Rate exceeded").await,
        format!("{name}: AWS asks for fewer requests (Throttling). It is tried again.")
    );
    assert_eq!(
        say(500, "InternalFailure", "").await,
        format!(
            "{name}: AWS failed with HTTP 500 (InternalFailure); rds:CreateDBSnapshot may or may not have been carried out."
        )
    );
}

#[tokio::test]
async fn throttling_tells_when_to_come_back() {
    let bed = Bed::new();
    bed.refuse("StartBackupJob", "TooManyRequestsException");
    let header = |_: &_, reply: &mut Reply| {
        reply.status = 429;
        reply.headers.push(("retry-after".into(), "7".into()));
    };
    bed.aws.override_answers(Target::next().of("StartBackupJob"), Override::edit(header));
    match bed.platform.cloud.start(&bed.platform.call(backup::job())).await {
        Err(CloudError::Retryable { after, .. }) => assert_eq!(after, Some(After::Time(Duration::from_secs(7)))),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn codes_of_aws_backup_fall_into_their_classes() {
    for (status, code, expected) in [
        (400, "LimitExceededException", Class::Retryable),
        (500, "ServiceUnavailableException", Class::Retryable),
        (400, "InvalidRequestException", Class::Permanent),
        (400, "InvalidParameterValueException", Class::Permanent),
        (400, "ResourceNotFoundException", Class::Permanent),
        (403, "AccessDeniedException", Class::Permanent),
        (500, "InternalServerException", Class::Unknown),
    ] {
        let bed = Bed::new();
        bed.refuse_all("backup", Refusal::with_status(status, code, "says AWS"));
        let (got, reason) = class(bed.platform.cloud.start(&bed.platform.call(backup::job())).await);
        assert_eq!(got, expected, "{code}: {reason}");
    }
}

#[tokio::test]
async fn what_was_never_sent_is_retryable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    for endpoint in [address.as_str(), "http://nowhere.invalid"] {
        let platform = Platform::on(endpoint, environment()).await;
        let (got, reason) = class(platform.cloud.start(&platform.call(snapshots::snapshot())).await);
        assert_eq!(got, Class::Retryable, "{endpoint}: {reason}");
        assert!(reason.contains("AWS cannot be reached in af-south-1"), "{reason}");
    }
}

/// Reads a request to its end and closes without an answer, or holds on to it.
async fn deaf(hold: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 1 << 16];
            let read = stream.read(&mut buffer).await;
            assert!(read.is_ok());
            if hold {
                held.push(stream);
            }
        }
    });
    address
}

#[tokio::test]
async fn a_lost_answer_leaves_a_mutation_unknown_and_a_read_to_be_repeated() {
    for hold in [false, true] {
        let address = deaf(hold).await;
        let timeouts =
            aws_config::timeout::TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(40)).build();
        let base = config(&address).await.into_builder().timeout_config(timeouts).build();
        let platform = Platform::on(&address, environment()).await;
        let cloud = AwsCloud::with(topics(), base);
        let call = platform.call(snapshots::snapshot());
        let (got, reason) = class(cloud.start(&call).await);
        assert_eq!(got, Class::Unknown, "hold {hold}: {reason}");
        assert!(reason.ends_with("may or may not have been carried out."), "{reason}");
        assert_eq!(class(poll(&cloud, &call).await).0, Class::Retryable, "hold {hold}");
        assert_eq!(class(cloud.probe(&call).await).0, Class::Retryable, "hold {hold}");
    }
}

#[tokio::test]
async fn an_answer_nobody_can_read_leaves_a_mutation_unknown() {
    let bed = Bed::new();
    let reply = Reply::new(200).with("content-type", "application/json").body("{\"BackupJobId\": ");
    bed.answer("StartBackupJob", reply);
    assert_eq!(class(bed.platform.cloud.start(&bed.platform.call(backup::job())).await).0, Class::Unknown);
}
