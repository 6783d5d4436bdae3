//! Deleting, holding and releasing in the simulated AWS, and whether the journal sees what was done twice.

use bbws::{
    adapters::sandbox::cloud::{Fault, Side, Target},
    domain::{
        point::{Point, PointKind, PointState},
        step::{self, Action},
    },
    ports::cloud::{Call, Cloud as _, Probe},
};

use super::rig::*;

fn delete_snapshot(rig: &Rig, name: &str) -> Call {
    rig.call(8, Action::DeleteSnapshot(step::DeleteSnapshot { region: HOME.into(), snapshot: name.into() }))
}

fn delete_point(rig: &Rig, point: &Point) -> Call {
    let (region, vault) = (point.region.clone(), if point.region == HOME { "bbws-prod" } else { "bbws-prod-dr" });
    rig.call(
        0,
        Action::DeletePoint(step::DeletePoint { region, vault: vault.into(), recovery_point: point.arn.clone() }),
    )
}

fn hold(rig: &Rig, point: &Point) -> Call {
    let action = Action::LegalHold(step::LegalHold {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        resource_arn: rig.environment.file_system_arn(&point.resource),
        created: point.created,
        title: "INC-7 bk-1001".into(),
    });
    rig.call(0, action)
}

fn release(rig: &Rig, id: &str) -> Call {
    rig.call(
        1,
        Action::ReleaseHold(step::ReleaseHold {
            region: HOME.into(),
            hold: id.into(),
            description: "INC-7 is closed".into(),
        }),
    )
}

fn has(rig: &Rig, point: &Point) -> bool {
    rig.cloud.points_now("prod").iter().any(|p| p.arn == point.arn)
}

#[tokio::test]
async fn a_snapshot_is_deleted_once_and_looked_for_afterwards() {
    let rig = Rig::declared(51);
    let point = rig.newest(PointKind::Rds);
    let call = delete_snapshot(&rig, &point.id);
    rig.lose(&call).await;
    assert_eq!(running(rig.poll(&call).await).1, "deleting");
    rig.pass(1);
    done(rig.poll(&call).await);
    assert!(!has(&rig, &point));
    assert_eq!(rig.cloud.points_now("prod").iter().filter(|p| p.key() == point.key()).count(), 1, "its copy stays");
    let again = Call { token: "bk-1001-8-r1".into(), ..call.clone() };
    rig.cloud.start(&again).await.unwrap();
    assert!(rig.cloud.twice().is_empty(), "gone by the same operation is not a second deletion");
    assert_eq!(rig.cloud.mutations().into_values().sum::<u32>(), 1);
    rig.cloud.start(&by("bk-1002", &call)).await.unwrap();
    let twice = rig.cloud.twice();
    assert_eq!(twice.len(), 1, "another operation deletes it again");
    assert!(twice[0].first.ends_with("by bk-1001"), "{twice:?}");
}

#[tokio::test]
async fn a_snapshot_that_is_being_made_or_that_sticks_is_not_gone() {
    let rig = Rig::declared(52);
    rig.cloud.start(&rig.snapshot()).await.unwrap();
    assert!(is_retryable(&rig.cloud.start(&delete_snapshot(&rig, SNAPSHOT)).await));
    rig.pass(10);
    assert!(rig.cloud.fail_delete("prod", Side::Primary, SNAPSHOT));
    let call = delete_snapshot(&rig, SNAPSHOT);
    rig.cloud.start(&call).await.unwrap();
    assert!(failed(rig.poll(&call).await).contains("still available"));
    assert_eq!(rig.cloud.probe(&call).await, Ok(Probe::Absent));
    rig.cloud.start(&call).await.unwrap();
    rig.pass(1);
    done(rig.poll(&call).await);
    assert!(rig.cloud.twice().is_empty(), "the first one had no effect that stands");
}

#[tokio::test]
async fn a_recovery_point_is_deleted_by_id_or_arn_in_either_region() {
    let rig = Rig::declared(53);
    let point = rig.newest(PointKind::Efs);
    let copy = rig.cloud.points_now("prod").into_iter().find(|p| p.region == AWAY && p.key() == point.key());
    let copy = copy.unwrap();
    for point in [&point, &copy] {
        let call = delete_point(&rig, point);
        rig.lose(&call).await;
        assert!(running(rig.poll(&call).await).1.contains("deleting"));
        rig.pass(1);
        done(rig.poll(&call).await);
        assert!(!has(&rig, point));
    }
    let mut by_id = delete_point(&rig, &rig.newest(PointKind::Efs));
    by_id.step = 1;
    if let Action::DeletePoint(step::DeletePoint { recovery_point, .. }) = &mut by_id.action {
        *recovery_point = recovery_point.rsplit(':').next().unwrap().to_owned();
    }
    rig.lose(&by_id).await;
    rig.pass(1);
    done(rig.poll(&by_id).await);
    assert_eq!(rig.cloud.effects(), 3);
}

#[tokio::test]
async fn two_hundred_does_not_mean_gone() {
    let rig = Rig::declared(54);
    let point = rig.newest(PointKind::Efs);
    assert!(rig.cloud.fail_delete("prod", Side::Primary, &point.id));
    let call = delete_point(&rig, &point);
    rig.cloud.start(&call).await.unwrap();
    let reason = failed(rig.poll(&call).await);
    assert!(reason.contains("EXPIRED") && reason.contains("press Retry"), "{reason}");
    let left = rig.cloud.points_now("prod").into_iter().find(|p| p.arn == point.arn).unwrap();
    assert!(left.state == PointState::Expired && !left.usable());
    rig.cloud.inject(Fault::JobFails, Target::next_start());
    let again = Call { token: "bk-1001-0-r1".into(), ..call };
    rig.cloud.start(&again).await.unwrap();
    assert!(failed(rig.poll(&again).await).contains("EXPIRED"), "the fault does the same");
    rig.cloud.start(&again).await.unwrap();
    rig.pass(1);
    done(rig.poll(&again).await);
    assert!(!has(&rig, &point) && rig.cloud.twice().is_empty());
}

#[tokio::test]
async fn a_locked_vault_keeps_what_is_in_it() {
    let rig = Rig::declared(55);
    let point = rig.newest(PointKind::Efs);
    assert!(rig.cloud.lock_vault("prod", Side::Primary, "bbws-prod", true));
    assert!(!rig.cloud.lock_vault("prod", Side::Primary, "none", true));
    assert!(rig.newest(PointKind::Efs).locked);
    let reason = permanent(rig.cloud.start(&delete_point(&rig, &point)).await);
    assert!(reason.contains("locked vault bbws-prod"), "{reason}");
    assert!(has(&rig, &point) && rig.cloud.effects() == 0);
    rig.cloud.lock_vault("prod", Side::Primary, "bbws-prod", false);
    rig.cloud.start(&delete_point(&rig, &point)).await.unwrap();
}

#[tokio::test]
async fn a_legal_hold_protects_until_it_is_canceled() {
    let rig = Rig::declared(56);
    let point = rig.newest(PointKind::Efs);
    let mut call = hold(&rig, &point);
    let started = rig.lose(&call).await;
    let id = started.outputs["legal_hold"].clone();
    assert_eq!(running(rig.poll(&call).await).1, "CREATING", "found by its token");
    call.external_id = started.external_id;
    assert!(permanent(rig.cloud.start(&by("bk-1002", &delete_point(&rig, &point))).await).contains("INC-7"));
    assert!(is_retryable(&rig.cloud.start(&release(&rig, &id)).await));
    rig.pass(1);
    assert_eq!(done(rig.poll(&call).await)["legal_hold"], id);
    rig.pass(40 * 24 * 60);
    assert!(has(&rig, &point), "not even its lifecycle deletes it");

    let free = release(&rig, &id);
    rig.lose(&free).await;
    assert_eq!(running(rig.poll(&free).await).1, "CANCELING");
    assert!(permanent(rig.cloud.start(&by("bk-1002", &delete_point(&rig, &point))).await).contains("INC-7"));
    rig.pass(1);
    done(rig.poll(&free).await);
    assert_eq!(rig.cloud.legal_holds().iter().map(|h| h.status.as_str()).collect::<Vec<_>>(), ["CANCELED"]);
    assert!(failed(rig.poll(&call).await).contains("somebody released it"));
    assert!(!has(&rig, &point), "its time has come");
    assert!(permanent(rig.cloud.start(&release(&rig, "none")).await).contains("none does not exist"));
    assert!(rig.cloud.twice().is_empty());
}

#[tokio::test]
async fn a_second_hold_of_one_step_is_caught() {
    let rig = Rig::declared(57);
    let point = rig.newest(PointKind::Efs);
    rig.cloud.start(&hold(&rig, &point)).await.unwrap();
    let mut abused = hold(&rig, &point);
    if let Action::LegalHold(step::LegalHold { title, .. }) = &mut abused.action {
        *title = "another".into();
    }
    assert!(permanent(rig.cloud.start(&abused).await).contains("was used before"));
    rig.cloud.start(&by("bk-1002", &hold(&rig, &point))).await.unwrap();
    assert!(rig.cloud.twice().is_empty(), "two tickets may hold one thing");
    let again = Call { token: "bk-1001-0-r1".into(), ..hold(&rig, &point) };
    rig.cloud.start(&again).await.unwrap();
    assert_eq!(rig.cloud.twice().len(), 1);
    assert_eq!(rig.cloud.legal_holds().len(), 3);
}

#[tokio::test]
async fn a_tag_is_written_and_removed_once() {
    let rig = Rig::declared(58);
    let point = rig.newest(PointKind::Rds);
    let tag = |step, value: Option<&str>| {
        let (region, arn, value) = (HOME.to_owned(), point.arn.clone(), value.map(str::to_owned));
        rig.call(step, Action::TagSnapshot(step::TagSnapshot { region, arn, key: "bbws:hold".into(), value }))
    };
    assert!(rig.lose(&tag(0, Some("INC-7"))).await.finished);
    done(rig.poll(&tag(0, Some("INC-7"))).await);
    assert_eq!(rig.cloud.tags("prod", Side::Primary, &point.id).unwrap()["bbws:hold"], "INC-7");
    rig.lose(&tag(1, None)).await;
    assert!(!rig.cloud.tags("prod", Side::Primary, &point.id).unwrap().contains_key("bbws:hold"));
    rig.cloud.delete_snapshot("prod", Side::Primary, &point.id);
    assert!(permanent(rig.cloud.start(&tag(2, None)).await).contains("cannot be tagged"));
    assert!(rig.cloud.twice().is_empty());
}
