//! Recovery points of the simulated AWS: what is listed, in pages, also when a region does not answer.

use std::{collections::BTreeSet, time::Duration};

use bbws::{
    adapters::sandbox::cloud::{Fault, Side, Target, Verb},
    domain::point::{Place, PointKind, PointQuery, PointState},
    ports::cloud::{Cloud as _, Survey},
};

use super::rig::*;

#[tokio::test]
async fn everything_is_listed_with_what_is_told_of_it() {
    let rig = Rig::new(31);
    assert!(rig.list(&PointQuery::default()).await.unwrap().0.is_empty(), "nothing was ever made");
    let snapshot = rig.snapshot();
    rig.cloud.start(&snapshot).await.unwrap();
    assert_eq!(rig.newest(PointKind::Rds).state, PointState::Creating);
    rig.pass(10);
    rig.finish(rig.copy(Some("alias/bbws-dr"))).await;
    let point = rig.finish(rig.job(2)).await["recovery_point"].clone();
    rig.finish(rig.job_copy(3, &point)).await;
    rig.cloud.start(&rig.export()).await.unwrap();
    rig.pass(5);

    let (pages, unread) = rig.list(&PointQuery::default()).await.unwrap();
    let points: Vec<_> = pages.into_iter().flatten().collect();
    assert!(unread.is_empty());
    assert_eq!(points.len(), 6, "each thing and its copy: {points:#?}");
    for kind in [PointKind::Rds, PointKind::Efs, PointKind::Secrets] {
        let pair: Vec<_> = points.iter().filter(|p| p.kind == kind).collect();
        assert_eq!(pair.iter().map(|p| p.region.as_str()).collect::<Vec<_>>(), [HOME, AWAY]);
        assert_eq!(pair[0].key(), pair[1].key(), "a copy keeps its source's time");
        for point in pair {
            assert!(point.usable() && point.encrypted && !point.locked && point.bytes.unwrap() > 0);
            assert_eq!((point.retention_days, point.operation.as_deref()), (Some(30), Some("bk-1001")));
        }
    }
    let efs = rig.newest(PointKind::Efs);
    assert!(point.ends_with(&efs.id) && efs.arn == point && efs.resource == "fs-0900d000000000001");
    assert_eq!(efs.expires, Some(efs.created + Duration::from_secs(30 * 86_400)));
    assert_eq!(rig.newest(PointKind::Rds).created, START);
    assert_eq!(rig.newest(PointKind::Secrets).place, Place::Bucket { bucket: ARCHIVES.into() });
    assert_eq!(rig.newest(PointKind::Secrets).resource, "bbws/prod/");
    rig.pass(31 * 24 * 60);
    assert!(rig.cloud.points_now("prod").iter().all(|p| p.kind != PointKind::Efs), "their lifecycle deletes them");
}

#[tokio::test]
async fn a_query_narrows() {
    let rig = Rig::declared(32);
    let ids = |query: PointQuery| {
        let rig = &rig;
        async move {
            let (pages, _) = rig.list(&query).await.unwrap();
            pages.into_iter().flatten().collect::<Vec<_>>()
        }
    };
    let all = ids(PointQuery::default()).await;
    let kinds: BTreeSet<PointKind> = all.iter().map(|p| p.kind).collect();
    assert_eq!(kinds.len(), 6, "every kind has a past");
    assert!(all.iter().all(|p| rig.now().since(p.created) < Duration::from_secs(14 * 86_400)));
    let newest = all.iter().map(|p| p.created).max().unwrap();
    assert_eq!(rig.now().since(newest), Duration::from_secs(40 * 60));
    let day = rig.now() - Duration::from_secs(86_400);
    let efs = ids(PointQuery { kinds: vec![PointKind::Efs], since: Some(day), ..PointQuery::default() }).await;
    assert_eq!(efs.len(), 2 * 3, "four backups in a day, of which one failed, in two regions");
    let before = ids(PointQuery { before: Some(day), ..PointQuery::default() }).await;
    assert_eq!(before.len() + ids(PointQuery { since: Some(day), ..PointQuery::default() }).await.len(), all.len());
    let of = ids(PointQuery { resource: Some(DB.into()), ..PointQuery::default() }).await;
    assert!(of.iter().all(|p| p.kind == PointKind::Rds || p.kind == PointKind::Dump) && !of.is_empty());
}

#[tokio::test]
async fn pages_are_never_larger_than_aws_gives() {
    let rig = Rig::new(33);
    assert!(rig.cloud.add_snapshots("prod", Side::Primary, 2500) && rig.cloud.add_snapshots("prod", Side::Dr, 1));
    let before = rig.cloud.requests();
    let (pages, unread) = rig.list(&PointQuery { kinds: vec![PointKind::Rds], ..PointQuery::default() }).await.unwrap();
    assert!(unread.is_empty());
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 1000, 500, 1]);
    // RDS gives 100 snapshots per request; and both vaults are looked into for recovery points of databases.
    assert_eq!(rig.cloud.requests() - before, 25 + 1 + 2);
    let verbs: Vec<Verb> = rig.cloud.journal().iter().map(|r| r.verb).collect();
    assert_eq!(verbs, [Verb::Points, Verb::Points], "once per region");
    let ids: BTreeSet<String> = pages.into_iter().flatten().map(|p| p.id).collect();
    assert_eq!(ids.len(), 2501);
}

#[tokio::test]
async fn a_region_that_is_down_does_not_hide_the_other() {
    let rig = Rig::declared(34);
    rig.cloud.region_down(HOME, true);
    let (pages, unread) = rig.list(&PointQuery::default()).await.unwrap();
    assert_eq!(unread.len(), 1);
    assert!(unread[0].contains("What is in af-south-1 is not listed"), "{unread:?}");
    assert!(pages.iter().flatten().all(|p| p.region == AWAY) && !pages.is_empty());
    rig.cloud.region_down(AWAY, true);
    assert!(is_retryable(&rig.list(&PointQuery::default()).await));
    rig.cloud.heal();
    rig.cloud.inject(Fault::Throttle, Target::next_call().of_kind("points").in_region(AWAY));
    let (_, unread) = rig.list(&PointQuery::default()).await.unwrap();
    assert!(unread[0].contains("eu-west-1") && unread[0].contains("Throttling"), "{unread:?}");
}

#[tokio::test]
async fn a_point_is_found_with_its_lineage_by_id_and_by_arn() {
    let rig = Rig::declared(35);
    let efs = rig.newest(PointKind::Efs);
    for id in [efs.id.clone(), efs.arn.clone()] {
        let ask = Survey { point: Some(id), newest: true, ..Survey::default() };
        let world = rig.cloud.survey(&rig.environment, &ask, "U0ALICE").await.unwrap();
        assert!(world.lineage.contains(&efs));
        assert!(world.lineage.iter().all(|p| p.resource == efs.resource && p.kind == PointKind::Efs));
        assert!(world.lineage.iter().any(|p| p.region == AWAY && p.key() == efs.key()));
        assert_eq!(world.newest.len(), 6, "one of every resource: {:#?}", world.newest);
        assert!(world.newest.iter().all(|p| p.region == HOME && p.usable()));
    }
    let ask = Survey { point: Some("none".into()), ..Survey::default() };
    assert!(rig.cloud.survey(&rig.environment, &ask, "U0ALICE").await.unwrap().lineage.is_empty());
    let removed = rig.cloud.remove_backups_since("prod", efs.created);
    assert_eq!(removed, 2 * 6);
    assert!(rig.newest(PointKind::Efs).created < efs.created);
}
