//! Objects of a bucket as they were at a moment: counted by what happened to them since, and brought back as copies on top where
//! that is asked for.

use super::{
    super::{Asked, Known},
    Ask, Kind, gates,
    names::{AS_OF, BUCKET, PREFIX, REGION},
    path::Path,
    scope,
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
    past(asked, ask)?;
    if ask.comes_from_dr() && (bucket.dr.is_none() || !asked.environment.replicates()) {
        let why = format!("Bucket `{}` has no replica in bbws.toml. Leave `--{REGION} dr` out.", bucket.name);
        return Err(vec![why]);
    }
    Ok(Survey { buckets: vec![bucket.name.clone()], bucket: true, ..Survey::default() })
}

/// The moment that is asked for, which has to have been.
///
/// # Errors
/// The latest that works.
pub(super) fn past(asked: &Asked<'_>, ask: &Ask<'_>) -> Result<Moment, Vec<String>> {
    let as_of = ask.as_of().unwrap_or(asked.at);
    if as_of <= asked.at {
        return Ok(as_of);
    }
    Err(vec![format!(
        "{as_of} is in the future: it is {} now. The latest that works is `--{AS_OF} {}`.",
        asked.at,
        asked.at.iso()
    )])
}

fn plan(asked: &Asked<'_>, ask: &Ask<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    let bucket = declared(asked, ask)?;
    let mut path = Path::new(asked.environment, ask);
    let (versions, listed) = list(&mut path, asked, known, bucket)?;
    if ask.goes_live() {
        bring_back(&mut path, asked, known, versions, listed);
    } else {
        path.draft.note("Nothing in the bucket is changed.");
    }
    path.finish()
}

/// Lists what comes back in a bucket, and where that list is.
///
/// # Errors
/// Why it cannot be listed.
pub(super) fn list(
    path: &mut Path<'_>,
    asked: &Asked<'_>,
    known: &Known,
    bucket: &Bucket,
) -> Result<(Versions, usize), Vec<String>> {
    let (env, ask) = (path.env, path.ask);
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
        "As of {as_of}, {} ago. What was overwritten or deleted since is listed with the version that comes back; what came since stays. Archived storage classes are named with their hours, and nothing is thawed.",
        spoken(asked.at.since(as_of))
    ));
    expired(path, found, asked.at, as_of);
    let versions = Versions {
        bucket: bucket.name.clone(),
        from: bucket.dr.clone().filter(|_| ask.comes_from_dr()).map(|dr| (env.dr_region.clone(), dr)),
        prefix: ask.prefix().to_owned(),
        as_of,
        archive,
        list: format!("{}/restore/{}/{}/{}.versions.jsonl.zst", env.name, asked.at.yyyymmdd(), asked.id, bucket.name),
    };
    let list = step::ListVersions { region: env.primary_region.clone(), versions: versions.clone() };
    let after = path.gate.clone();
    let listed = path.draft.step(format!("List what comes back in bucket {}", bucket.name), after, list);
    Ok((versions, listed))
}

/// Copies on top of what was overwritten, an end to what hides the others, and the way back; the last step before that.
pub(super) fn bring_back(
    path: &mut Path<'_>,
    asked: &Asked<'_>,
    known: &Known,
    versions: Versions,
    listed: usize,
) -> usize {
    let (env, bucket) = (path.env, versions.bucket.clone());
    for why in gates::refusals(env, path.ask) {
        path.draft.problem(why);
    }
    path.reaches(scope::of_databases(1, 0).word());
    path.draft.note("What was current stays below what comes back. The only thing that is deleted is the one delete marker that hides an object. What somebody writes meanwhile stays and is told.");
    gates::in_place(path);
    let region = env.primary_region.clone();
    let question = format!(
        "Bucket {bucket} is listed as of {}: this thread counts what comes back. Continue records its versions as they are now and asks for the cutover; nothing is changed before that.",
        versions.as_of
    );
    let looked = gates::look(path, listed, question);
    let archive = versions.archive.clone();
    let key = format!("{}/s3/{}/{}/{bucket}.jsonl.zst", env.name, asked.at.yyyymmdd(), asked.id);
    let record = step::BucketRecord {
        region: region.clone(),
        source: bucket.clone(),
        bucket: archive.clone(),
        key: key.clone(),
    };
    let title = format!("Record the versions in bucket {bucket} as they are now");
    let recorded = path.draft.step(title, vec![looked], record);
    let verify =
        step::VerifyObject { region: region.clone(), bucket: archive, key, retention_days: env.retention_days.default };
    let verified = path.draft.step(format!("Verify that record in {region}"), vec![recorded], verify);
    let title = format!("Wait for the word that objects of {bucket} change");
    let question = format!(
        "The versions in {bucket} are recorded and verified. Shall its objects come back as of {} now?",
        versions.as_of
    );
    let agreed = gates::agreed(path, known, vec![verified], title, question);
    let restore = step::RestoreVersions { region: region.clone(), versions: versions.clone() };
    let restored = path.draft.step(format!("Bring the objects of {bucket} back"), vec![agreed], restore);
    let again = step::VerifyVersions { region: region.clone(), versions: versions.clone() };
    let proved = path.draft.step(format!("List bucket {bucket} again"), vec![restored], again);
    let back = step::RevertVersions { region, versions };
    path.draft.back(format!("Put the objects of {bucket} back as they were"), vec![restored], back);
    proved
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
