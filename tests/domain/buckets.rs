//! `backup lifecycle`: what is planned for buckets, and what is refused.

use bbws::{
    config::Config,
    domain::{
        active::Active,
        environment::{Environment, S3Replication},
        language,
        operation::OpId,
        operations::{self, Asked, Known},
        plan::Plan,
        step::ReplicationSpec,
        world::{BucketFound, ReplicationFound, RuleFound, Survey, World},
    },
};
use insta::assert_snapshot;

use super::plans::{NOW, shown};

const ROLE: &str = "arn:aws:iam::093646564004:role/bbws-replication";
const KEY: &str = "arn:aws:kms:eu-west-1:093646564004:key/1";

/// `prod` of the demo without lifecycle rules, so that plans are of replication alone.
fn prod() -> Environment {
    let prod = Config::demo().environments["prod"].clone();
    let s3 = S3Replication { role: ROLE.into(), rule: None, delete_markers: true };
    Environment { lifecycle: vec![], s3_replication: Some(s3), ..prod }
}

fn found(bucket: &str) -> ReplicationFound {
    ReplicationFound {
        bucket: bucket.into(),
        versioned: true,
        replica: format!("{bucket}-dr"),
        replica_versioned: Some(true),
        role: None,
        rules: vec![],
        first_schema: vec![],
    }
}

fn rule(id: &str, words: &str) -> RuleFound {
    RuleFound { id: id.into(), words: words.into(), plain: false }
}

fn right(bucket: &str, delete_markers: bool) -> ReplicationFound {
    let (id, replica) = (ReplicationSpec::NAME.to_owned(), format!("{bucket}-dr"));
    let spec = ReplicationSpec { id: id.clone(), replica, kms_key: Some(KEY.into()), delete_markers };
    let rules = vec![RuleFound { id, words: spec.words(), plain: true }];
    ReplicationFound { role: Some(ROLE.into()), rules, ..found(bucket) }
}

fn asked<T>(env: &Environment, text: &str, ask: impl FnOnce(&dyn operations::Operation, &Asked<'_>) -> T) -> T {
    let command = language::parse(text, &["prod"]).unwrap();
    let id = OpId("lc-7".into());
    let asked = Asked { command: &command, environment: env, id: &id, at: NOW, drawn: NOW, active: &Active::primary() };
    ask(operations::asked(&command).unwrap(), &asked)
}

fn planned(env: &Environment, text: &str, replications: Vec<ReplicationFound>) -> Result<Plan, String> {
    let world = World { replications, dr_key: Some(Ok(KEY.into())), ..World::default() };
    let known = Known { world, ..Known::default() };
    asked(env, text, |operation, asked| operation.plan(asked, &known)).map_err(|problems| problems.join("\n"))
}

#[test]
fn replication_is_shown_before_and_after_and_needs_versions_at_both_ends() {
    let media = ReplicationFound {
        versioned: false,
        replica_versioned: Some(false),
        rules: vec![rule("logs", "rule logs: what begins with `logs/` to elsewhere, without delete markers")],
        role: Some(ROLE.into()),
        ..found("bbws-prod-media")
    };
    let plan = planned(&prod(), "backup lifecycle prod", vec![media, right("bbws-prod-backups", false)]).unwrap();
    assert_snapshot!(shown(&plan), @r"
    Replication of bucket bbws-prod-media to bbws-prod-media-dr: versions are NOT kept there; rule logs: what begins with `logs/` to elsewhere, without delete markers, as arn:aws:iam::093646564004:role/bbws-replication
    Replication of bucket bbws-prod-backups to bbws-prod-backups-dr: versions are kept there; rule bbws-to-dr: everything to bbws-prod-backups-dr, what is under KMS too, encrypted there under arn:aws:kms:eu-west-1:093646564004:key/1, without delete markers, as arn:aws:iam::093646564004:role/bbws-replication
    ! Versions in bucket bbws-prod-media: not kept → kept. It cannot be undone, only suspended.
    ! Versions in bucket bbws-prod-media-dr: not kept → kept. It cannot be undone, only suspended.
    ! Replication of bucket bbws-prod-media: none by this rule → rule bbws-to-dr: everything to bbws-prod-media-dr, what is under KMS too, encrypted there under arn:aws:kms:eu-west-1:093646564004:key/1, with delete markers
    ! Left as it is: 1 replication rule of bucket bbws-prod-media that bbws did not make; of the same objects that of bbws goes before it.
    ! S3 replicates to bbws-prod-media-dr what is written from then on. What is in bucket bbws-prod-media by then and has no replica gets one by S3 Batch Replication only.
    0. Keep versions in bucket bbws-prod-media after []
    1. Keep versions in bucket bbws-prod-media-dr after []
    2. Replicate bucket bbws-prod-media to bbws-prod-media-dr after [0, 1]
    ");
    assert_eq!(plan.scope, "2 buckets");
    let survey = asked(&prod(), "backup lifecycle prod --bucket bbws-prod-media", |o, asked| o.survey(asked)).unwrap();
    let replications = vec![("bbws-prod-media".to_owned(), "bbws-prod-media-dr".to_owned())];
    assert_eq!(survey, Survey { dr: true, replications, ..Survey::default() });
}

#[test]
fn what_is_as_wanted_or_cannot_be_put_is_no_plan() {
    let both = |media: ReplicationFound| {
        planned(&prod(), "backup lifecycle prod", vec![media, right("bbws-prod-backups", false)]).unwrap_err()
    };
    assert_snapshot!(both(right("bbws-prod-media", true)), @"Nothing would change: versions are kept, and the rules of the buckets are as the config says.");
    assert_snapshot!(both(ReplicationFound { replica_versioned: None, ..found("bbws-prod-media") }), @"Bucket `bbws-prod-media-dr` was not found in eu-west-1 of account 093646564004. Make it, or name another one as the replica of `bbws-prod-media` in bbws.toml.");
    let old = ReplicationFound { first_schema: vec!["old".into()], ..found("bbws-prod-media") };
    assert_snapshot!(both(old), @"Rule old of bucket `bbws-prod-media` is of S3's first schema of replication, and S3 takes no rule of the newer one beside it. Write it anew in the S3 console, which makes it one of the newer, and ask again.");
    let other = ReplicationFound {
        role: Some("arn:aws:iam::093646564004:role/other".into()),
        rules: vec![rule("logs", "rule logs: what begins with `logs/` to elsewhere, without delete markers")],
        ..found("bbws-prod-media")
    };
    assert_snapshot!(both(other), @"Bucket `bbws-prod-media` has 1 rule of others, which S3 carries out as arn:aws:iam::093646564004:role/other, and the role is one for all rules of a bucket. Name that one as `role` in `[environments.prod.s3_replication]`, or have those rules moved to arn:aws:iam::093646564004:role/bbws-replication.");
    // Archives are written once: what deletes one is never carried over to its copy.
    let marked = planned(
        &prod(),
        "backup lifecycle prod",
        vec![right("bbws-prod-media", true), right("bbws-prod-backups", true)],
    );
    assert!(marked.unwrap().notes[0].ends_with("without delete markers"));
    let nothing = Environment { s3_replication: None, ..prod() };
    let why = asked(&nothing, "backup lifecycle prod", |o, asked| o.survey(asked)).unwrap_err();
    assert_snapshot!(why.join(""), @"The config says nothing of lifecycle rules or replication of buckets of `prod`. Add `[[environments.prod.lifecycle]]` or `[environments.prod.s3_replication]` to bbws.toml.");
}

#[test]
fn versions_are_switched_on_once_for_rules_of_both_kinds() {
    let env = Environment { lifecycle: Config::demo().environments["prod"].lifecycle.clone(), ..prod() };
    let media = BucketFound {
        name: "bbws-prod-media".into(),
        versioned: false,
        replication: Err("not yet".into()),
        lifecycle: vec![],
        rules: vec![],
    };
    let replications =
        vec![ReplicationFound { versioned: false, ..found("bbws-prod-media") }, right("bbws-prod-backups", false)];
    let world = World { buckets: vec![media], replications, dr_key: Some(Ok(KEY.into())), ..World::default() };
    let known = Known { world, ..Known::default() };
    let plan = asked(&env, "backup lifecycle prod", |operation, asked| operation.plan(asked, &known)).unwrap();
    let steps: Vec<(&str, &[usize])> =
        plan.steps.iter().map(|step| (step.title.as_str(), step.after.as_slice())).collect();
    assert_eq!(
        steps,
        [
            ("Keep versions in bucket bbws-prod-media", &[][..]),
            ("Put 2 lifecycle rules on bucket bbws-prod-media", &[0]),
            ("Replicate bucket bbws-prod-media to bbws-prod-media-dr", &[0]),
        ]
    );
}
