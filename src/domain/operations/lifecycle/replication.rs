//! How S3 replicates buckets to the DR region, as the config has it.

use crate::domain::{
    environment::{Environment, S3Replication},
    operations::draft::Draft,
    step::{self, ReplicationSpec},
    text::count,
    world::{ReplicationFound, World},
};

/// What replicates these buckets as the config says: versions at both ends, then the rule. `versioned` is the step that switches
/// versions on in a bucket of the primary region, where this plan has one.
pub(super) fn plan(
    env: &Environment,
    wanted: &S3Replication,
    pairs: &[(String, String)],
    world: &World,
    versioned: &dyn Fn(&str) -> Option<usize>,
    draft: &mut Draft,
) {
    let key = match (&env.dr_kms_key, &world.dr_key) {
        (None, _) => None,
        (Some(_), Some(Ok(arn))) => Some(arn.clone()),
        (Some(_), Some(Err(why))) => return draft.problem(why.clone()),
        (Some(key), None) => return draft.problem(format!("KMS key {key} in {} was not looked for.", env.dr_region)),
    };
    for (bucket, replica) in pairs {
        let Some(found) = world.replications.iter().find(|found| found.bucket == *bucket) else {
            draft.problem(format!(
                "Bucket `{bucket}` was not found in {} of account {}. Check `buckets` in bbws.toml.",
                env.primary_region, env.account
            ));
            continue;
        };
        let rule = ReplicationSpec {
            id: wanted.rule.clone().unwrap_or_else(|| ReplicationSpec::NAME.to_owned()),
            replica: replica.clone(),
            kms_key: key.clone(),
            delete_markers: wanted.delete_markers && env.buckets.iter().any(|data| data.name == *bucket),
        };
        one(env, wanted, found, rule, versioned(bucket), draft);
    }
}

fn one(
    env: &Environment,
    wanted: &S3Replication,
    found: &ReplicationFound,
    rule: ReplicationSpec,
    versioned: Option<usize>,
    draft: &mut Draft,
) {
    let ReplicationFound { bucket, replica, rules, .. } = found;
    let region = env.primary_region.clone();
    let words: Vec<&str> = rules.iter().map(|rule| rule.words.as_str()).collect();
    let role = found.role.as_deref().map(|role| format!(", as {role}")).unwrap_or_default();
    let is = if words.is_empty() { "no rules".to_owned() } else { format!("{}{role}", words.join("; ")) };
    let versions = match found.replica_versioned {
        Some(true) => "versions are kept there",
        Some(false) => "versions are NOT kept there",
        None => "which does not exist",
    };
    draft.fact(format!("Replication of bucket {bucket} to {replica}"), format!("{versions}; {is}"));
    if found.replica_versioned.is_none() {
        return draft.problem(format!(
            "Bucket `{replica}` was not found in {} of account {}. Make it, or name another one as the replica of `{bucket}` in bbws.toml.",
            env.dr_region, env.account
        ));
    }
    if let [first, ..] = found.first_schema.as_slice() {
        return draft.problem(format!(
            "Rule {first} of bucket `{bucket}` is of S3's first schema of replication, and S3 takes no rule of the newer one beside it. Write it \
             anew in the S3 console, which makes it one of the newer, and ask again."
        ));
    }
    let others = rules.iter().filter(|there| there.id != rule.id).count();
    if let Some(role) = found.role.as_ref().filter(|role| **role != wanted.role && others > 0) {
        return draft.problem(format!(
            "Bucket `{bucket}` has {} of others, which S3 carries out as {role}, and the role is one for all rules of a bucket. Name that one \
             as `role` in `[environments.{}.s3_replication]`, or have those rules moved to {}.",
            count(others, "rule"),
            env.name,
            wanted.role
        ));
    }
    let was = rules.iter().find(|there| there.id == rule.id);
    let same_role = found.role.as_ref() == Some(&wanted.role);
    if same_role && was.is_some_and(|was| was.plain && was.words == rule.words()) {
        return;
    }
    let mut before: Vec<usize> = versioned.into_iter().collect();
    if !found.versioned && versioned.is_none() {
        before.push(keep_versions(&region, bucket, draft));
    }
    if found.replica_versioned == Some(false) {
        before.push(keep_versions(&env.dr_region, replica, draft));
    }
    draft.note(format!(
        "Replication of bucket {bucket}: {} → {}",
        was.map_or("none by this rule", |was| was.words.as_str()),
        rule.words()
    ));
    if !same_role {
        let none = "none".to_owned();
        draft.note(format!("Role of it: {} → {}", found.role.as_ref().unwrap_or(&none), wanted.role));
    }
    if others > 0 {
        draft.note(format!(
            "Left as it is: {} of bucket {bucket} that bbws did not make; of the same objects that of bbws goes before it.",
            count(others, "replication rule")
        ));
    }
    draft.note(format!(
        "S3 replicates to {replica} what is written from then on. What is in bucket {bucket} by then and has no replica gets one by S3 Batch \
         Replication only."
    ));
    let put = step::PutReplication { region, bucket: bucket.clone(), role: wanted.role.clone(), rule };
    draft.step(format!("Replicate bucket {bucket} to {replica}"), before, put);
}

/// The step that switches versions on, which replication needs at both ends.
pub(super) fn keep_versions(region: &str, bucket: &str, draft: &mut Draft) -> usize {
    draft.note(format!("Versions in bucket {bucket}: not kept → kept. It cannot be undone, only suspended."));
    let versioning = step::EnableVersioning { region: region.to_owned(), bucket: bucket.to_owned() };
    draft.step(format!("Keep versions in bucket {bucket}"), vec![], versioning)
}
