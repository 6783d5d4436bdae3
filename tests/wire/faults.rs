//! Every fault of the wire, met by the real adapter: what it makes of it, and what really happened.

use std::time::{Duration, Instant};

use bbws::{
    adapters::{
        aws::sts,
        sandbox::aws::{Fault, Target},
    },
    ports::{
        alert::{Alerts as _, Topic},
        clock::Clock as _,
        cloud::CloudError,
    },
};

use super::bed::{Bed, DR, START};

#[derive(Debug, PartialEq)]
enum Class {
    Good,
    Later,
    Never,
    Unknown,
}

fn class<T>(answer: &Result<T, CloudError>) -> Class {
    match answer {
        Ok(_) => Class::Good,
        Err(CloudError::Retryable { .. }) => Class::Later,
        Err(CloudError::Permanent { .. }) => Class::Never,
        Err(CloudError::Unknown { .. }) => Class::Unknown,
    }
}

/// What a publication under a fault comes to, and how many messages arrived.
async fn published(fault: Fault) -> (Class, usize, Duration) {
    let bed = Bed::new();
    bed.aws.inject(fault, Target::next().of("Publish"));
    let answer = bed.cloud.publish(&bed.environment, Topic::BackupStatus, "subject", "{}").await;
    let again = bed.cloud.publish(&bed.environment, Topic::BackupStatus, "subject", "{}").await;
    assert_eq!(class(&again), Class::Good, "a fault befalls one request");
    (class(&answer), bed.messages() - 1, bed.clock.now().since(START))
}

#[tokio::test]
async fn a_change_under_each_fault_is_told_as_what_it_is() {
    let none = Duration::ZERO;
    let late = Duration::from_secs(10);
    for (fault, wanted) in [
        (Fault::Throttled, (Class::Later, 0, none)),
        (Fault::Denied, (Class::Never, 0, none)),
        (Fault::Unavailable, (Class::Later, 0, none)),
        (Fault::Internal, (Class::Unknown, 0, none)),
        (Fault::Refused, (Class::Later, 0, none)),
        (Fault::LostRequest, (Class::Unknown, 0, none)),
        (Fault::LostReply, (Class::Unknown, 1, none)),
        (Fault::Hangs, (Class::Unknown, 0, late)),
        (Fault::HangsAfter, (Class::Unknown, 1, late)),
        (Fault::Stalls, (Class::Unknown, 1, late)),
        (Fault::Torn, (Class::Unknown, 1, none)),
    ] {
        assert_eq!(published(fault).await, wanted, "{fault:?}");
    }
}

#[tokio::test]
async fn a_region_that_is_down_answers_nothing_until_it_is_healed() {
    let bed = Bed::new();
    let session = bed.session(DR).await;
    sts::identity(&session).await.unwrap();
    bed.aws.region_down(DR, true);
    assert_eq!(class(&sts::identity(&session).await), Class::Later);
    for _ in 0..8 {
        let answer = bed.cloud.publish(&bed.environment, Topic::BackupStatus, "subject", "{}").await;
        assert!(matches!(class(&answer), Class::Later | Class::Unknown), "{answer:?}");
    }
    assert_eq!(bed.messages(), 0);
    bed.aws.heal();
    bed.cloud.publish(&bed.environment, Topic::BackupStatus, "subject", "{}").await.unwrap();
    assert_eq!(bed.messages(), 1);
}

#[tokio::test]
async fn who_gets_no_credentials_learns_that_nothing_happened() {
    for fault in [Fault::NoCredentials, Fault::Refused, Fault::Unavailable] {
        let bed = Bed::new();
        bed.aws.inject(fault, Target::next().of("AssumeRole"));
        let answer = bed.cloud.publish(&bed.environment, Topic::BackupStatus, "subject", "{}").await;
        assert_eq!(bed.messages(), 0);
        assert_eq!(class(&answer), Class::Later, "{fault:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_call_costs_little() {
    let bed = Bed::new();
    let session = bed.session(DR).await;
    for _ in 0..50 {
        sts::identity(&session).await.unwrap();
    }
    let begin = Instant::now();
    for _ in 0..1000 {
        sts::identity(&session).await.unwrap();
    }
    let each = begin.elapsed() / 1000;
    println!("one SDK call over the wire in the process: {each:?}");
    // Ten times what it may cost, since this machine may do other things meanwhile.
    assert!(each < Duration::from_millis(3), "{each:?}");
}

#[tokio::test]
async fn a_session_that_aws_takes_no_more_is_opened_anew() {
    let ends: [fn(&Bed); 2] = [
        |bed| bed.aws.change(|world, now| world.sessions.values_mut().for_each(|session| session.expires = now)),
        |bed| bed.aws.change(|world, _| world.sessions.clear()),
    ];
    for end in ends {
        let bed = Bed::new();
        let asked = async || bed.session(DR).await.rds().describe_db_instances().send().await.is_ok();
        assert!(asked().await);
        bed.clock.advance(Duration::from_secs(10));
        end(&bed);
        assert!(!asked().await, "by its own clock the session lasts for most of an hour");
        assert!(asked().await, "what AWS refused is not used again");
    }
}
