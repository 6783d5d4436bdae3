//! Where an environment runs: what the ledger remembers of it, and what the environment is there.

use bbws::{
    config::Config,
    domain::{
        active::{Active, Protection},
        environment::{Environment, Replication, Side},
        mark::{Mark, MarkKind},
        moment::Moment,
        standby::Third,
    },
};

fn prod() -> Environment {
    Config::demo().environments["prod"].clone()
}

/// The mark that a step with this note leaves.
fn noted(note: &str) -> Vec<Mark> {
    let set = Active::primary().remember();
    vec![Mark {
        environment: "prod".into(),
        kind: set.mark,
        subject: set.subject,
        note: note.into(),
        operation: "dr-1".into(),
        at: Moment(5),
    }]
}

#[test]
fn a_ledger_that_says_nothing_or_nonsense_means_the_primary_region() {
    assert_eq!(Active::of(&[]), Active::primary());
    for note in ["", "primary", "DR", "eu-west-1", "dr=x", "primary a=b"] {
        assert_eq!(Active::of(&noted(note)).side, Side::Primary, "{note}");
    }
    let mut other = noted("dr");
    other[0].kind = MarkKind::Finding;
    assert_eq!(Active::of(&other).side, Side::Primary, "another kind of mark says nothing of it");
}

#[test]
fn what_is_remembered_is_read_back_with_what_took_whose_place() {
    let instead = [("bbws-prod-mysql", "bbws-prod-mysql-replica"), ("fs-1", "fs-2")];
    let there = Active::dr(instead.map(|(id, by)| (id.to_owned(), by.to_owned())));
    let read = Active::of(&noted(&there.remember().note));
    assert_eq!((read.side, &read.instead), (Side::Dr, &there.instead));
    assert_eq!(read.since, Some((Moment(5), "dr-1".to_owned())));
    assert_eq!(Active::of(&noted(&Active::primary().remember().note)).side, Side::Primary);
}

#[test]
fn at_home_it_is_what_the_config_says() {
    let config = prod();
    assert_eq!(*Active::primary().environment(&config), config);
    assert!(Active::primary().left_out(&config).is_empty());
}

#[test]
fn in_the_dr_region_nothing_of_the_side_that_was_left_is_named() {
    let mut config = prod();
    // Every region of its own, so that a value of the wrong one cannot hide.
    config.dump_kms_key = Some("alias/of-the-primary".into());
    let there = Active::dr([("fs-0900d000000000001".to_owned(), "fs-0dd00000000000001".to_owned())]);
    let env = there.environment(&config);
    assert_eq!((env.side, env.primary_region.as_str()), (Side::Dr, "eu-west-1"));
    assert_eq!((env.replication, env.replicates()), (Replication::Disabled, false));
    assert_eq!((env.vault.as_str(), env.dr_vault.as_ref()), ("bbws-prod-dr", None));
    assert_eq!(env.secrets_bucket.as_deref(), Some("bbws-prod-backups-dr"));
    assert_eq!((env.dr_kms_key.as_ref(), env.dump_kms_key.as_deref()), (None, Some("alias/bbws-dr")));
    assert_eq!((env.databases[0].id.as_str(), env.databases[0].dr_replica.as_ref()), ("bbws-prod-mysql-replica", None));
    assert_eq!(env.dumps[0].database, "bbws-prod-mysql-replica");
    assert_eq!(env.checks["orders"].database, "bbws-prod-mysql-replica");
    assert_eq!(env.file_systems[0].id, "fs-0dd00000000000001");
    let tenant = &env.tenants["tenant-1"];
    assert_eq!(tenant.database.as_deref(), Some("bbws-prod-mysql-replica"));
    assert_eq!(tenant.file_system.as_deref(), Some("fs-0dd00000000000001"));
    assert_eq!(
        env.buckets.iter().map(|b| (b.name.as_str(), b.dr.as_ref())).collect::<Vec<_>>(),
        [("bbws-prod-media-dr", None)]
    );
    assert_eq!(env.services.as_ref().map(|services| services.cluster.as_str()), Some("bbws-prod-dr"));
    assert_eq!((env.account.as_str(), env.name.as_str()), (config.account.as_str(), "prod"));
    assert!(there.left_out(&config).is_empty());
}

#[test]
fn what_has_no_place_there_is_left_out_and_named() {
    let mut config = prod();
    config.databases[0].dr_replica = None;
    config.buckets[0].dr = None;
    let there = Active::dr([]);
    let env = there.environment(&config);
    assert_eq!(env.databases[0].id, "bbws-prod-mysql", "a database that was restored there keeps its name");
    assert!(env.file_systems.is_empty() && env.buckets.is_empty());
    assert_eq!(env.tenants["tenant-1"].file_system, None);
    assert_eq!(there.left_out(&config), ["file system fs-0900d000000000001 (wp-content)", "bucket bbws-prod-media"]);
}

/// An environment in its DR region, protected in another one by dr-7.
fn protected(config: &Environment, region: &str) -> Environment {
    let protection = Protection { region: region.into(), by: "dr-7".into() };
    Active { protected: Some(protection), ..Active::dr([]) }.environment(config).into_owned()
}

#[test]
fn what_protects_it_there_gets_its_copies_under_a_key_of_its_own() {
    let mut config = prod();
    let env = protected(&config, "af-south-1");
    assert_eq!((env.replication, env.dr_region.as_str()), (config.replication, "af-south-1"));
    assert_eq!((env.dr_vault.as_deref(), env.dr_kms_key.as_deref()), (Some("bbws-prod"), Some("alias/bbws-home")));
    assert_eq!(env.databases[0].dr_replica.as_deref(), Some("bbws-prod-mysql"));
    assert_eq!(env.dr_secrets_bucket, None, "S3 replicates archives one way");
    assert!(!protected(&config, "eu-central-1").replicates(), "the config says nothing of that region");
    config.dr.third_region = Some("eu-central-1".into());
    config.dr.third = Some(Third {
        vault: "bbws-third".into(),
        kms_key: "alias/bbws-third".into(),
        bucket: "bbws-prod-third".into(),
        subnet_group: "bbws-third".into(),
    });
    let env = protected(&config, "eu-central-1");
    assert_eq!((env.dr_region.as_str(), env.dr_vault.as_deref()), ("eu-central-1", Some("bbws-third")));
    assert_eq!(env.databases[0].dr_replica.as_deref(), Some("bbws-prod-mysql-replica-dr-7"));
    config.dr.primary_kms_key = None;
    assert!(!protected(&config, "af-south-1").replicates(), "nothing is copied there without a key");
}
