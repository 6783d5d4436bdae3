//! Objects of a bucket as they were at a moment: which would come back, counted by what happened to them since.

use super::{
    super::{Asked, Known},
    Ask, Kind,
    ask::{AS_OF, BUCKET, PREFIX, REGION},
    path::Path,
};
use crate::domain::{
    environment::Bucket,
    moment::{Moment, spoken},
    plan::Plan,
    step::{self, Versions},
    world::{BucketFound, Survey},
};

pub(super) const S3: Kind = Kind { word: "s3", needs: &[BUCKET, AS_OF], takes: &[PREFIX, REGION], survey, plan };

fn declared<'e>(asked: &Asked<'e>, ask: &Ask<'_>) -> Result<&'e Bucket, Vec<String>> {
    let env = asked.environment;
    env.buckets.iter().find(|bucket| bucket.name == ask.bucket()).ok_or_else(|| {
        let known: Vec<String> = env.buckets.iter().map(|bucket| format!("`{}`", bucket.name)).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        vec![format!("`{}` declares no bucket `{}`; {known}.", env.name, ask.bucket())]
    })
}

fn survey(asked: &Asked<'_>, ask: &Ask<'_>) -> Result<Survey, Vec<String>> {
    let bucket = declared(asked, ask)?;
    let as_of = ask.as_of().unwrap_or(asked.at);
    if as_of > asked.at {
        return Err(vec![format!(
            "{as_of} is in the future: it is {} now. The latest that works is `--{AS_OF} {}`.",
            asked.at,
            asked.at.iso()
        )]);
    }
    if ask.comes_from_dr() && (bucket.dr.is_none() || !asked.environment.replicates()) {
        let why = format!("Bucket `{}` has no replica in bbws.toml. Leave `--{REGION} dr` out.", bucket.name);
        return Err(vec![why]);
    }
    Ok(Survey { buckets: vec![bucket.name.clone()], bucket: true, ..Survey::default() })
}

fn plan(asked: &Asked<'_>, ask: &Ask<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    ask.stays_beside()?;
    let (env, bucket) = (asked.environment, declared(asked, ask)?);
    let as_of = ask.as_of().unwrap_or(asked.at);
    let Some(found) = known.world.buckets.iter().find(|found| found.name == bucket.name) else {
        let region = &env.primary_region;
        return Err(vec![format!("Bucket `{}` was not found in {region}. Check `buckets` in bbws.toml.", bucket.name)]);
    };
    let Some(archive) = env.secrets_bucket.clone() else {
        return Err(vec![format!(
            "`{}` has no `secrets_bucket` in bbws.toml, where the list would be kept.",
            env.name
        )]);
    };
    let mut path = Path::new(env, ask);
    if let Some(Err(why)) = &known.world.bucket {
        path.draft.problem(why.clone());
    }
    if !found.versioned {
        path.draft.problem(format!(
            "Bucket `{}` keeps no versions, so that what was in it is gone. Enable versioning, for the next time.",
            bucket.name
        ));
    }
    path.draft.fact(format!("Bucket {}", bucket.name), "versioned");
    path.draft.note(format!(
        "As of {as_of}, {} ago. What was overwritten or deleted since is listed with the version that would come back; what came since would stay. Archived storage classes are named with their hours. Nothing in the bucket is changed.",
        spoken(asked.at.since(as_of))
    ));
    expired(&mut path, found, asked.at, as_of);
    let versions = Versions {
        bucket: bucket.name.clone(),
        from: bucket.dr.clone().filter(|_| ask.comes_from_dr()).map(|dr| (env.dr_region.clone(), dr)),
        prefix: ask.prefix().to_owned(),
        as_of,
        archive,
        list: format!("{}/restore/{}/{}/{}.versions.jsonl.zst", env.name, asked.at.yyyymmdd(), asked.id, bucket.name),
    };
    path.draft.step(
        format!("List what would come back in bucket {}", bucket.name),
        vec![],
        step::ListVersions { region: env.primary_region.clone(), versions },
    );
    path.finish()
}

/// Versions that the bucket's own rules may have let go since.
fn expired(path: &mut Path<'_>, found: &BucketFound, now: Moment, as_of: Moment) {
    let age = now.since(as_of).as_secs() / 86_400;
    for rule in &found.lifecycle {
        if let Some(days) = rule.noncurrent_expires.filter(|days| age >= u64::from(*days)) {
            let under = if rule.prefix.is_empty() { "in it".to_owned() } else { format!("under {}", rule.prefix) };
            path.draft.note(format!(
                "A lifecycle rule of {} lets earlier versions {under} go after {days} days: what was replaced before that is gone.",
                found.name
            ));
        }
    }
}
