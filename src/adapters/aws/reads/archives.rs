//! Archives in the secrets bucket: `<env>/<kind>/<yyyymmdd>/<op>/<file>`.

use std::time::Duration;

use super::super::{moment, s3, session::Session};
use super::sink::Sink;
use crate::{
    domain::{
        environment::Environment,
        point::{Place, Point, PointKind, PointState},
    },
    ports::cloud::CloudError,
};

/// How long before it is written an archive may be named: its key has the day its operation was asked for.
const NAMED_BEFORE: Duration = Duration::from_secs(31 * 86_400);

/// Lists the archives of one kind. Keys are in the order of their days, so that days before and after those asked for are
/// not read.
///
/// # Errors
/// See [`CloudError`].
pub async fn list(
    session: &Session,
    environment: &Environment,
    bucket: &str,
    kind: PointKind,
    sink: &Sink<'_, '_>,
) -> Result<(), CloudError> {
    let prefix = format!("{}/{kind}/", environment.name);
    let query = sink.query();
    let after = query.since.map(|since| format!("{prefix}{}", (since - NAMED_BEFORE).yyyymmdd()));
    let last = query.before.map(|before| format!("{prefix}{}/\u{10ffff}", before.yyyymmdd()));
    let attempt = session.reads("s3:ListBucket", format!("archives s3://{bucket}/{prefix}"));
    let mut pages = session
        .s3()
        .list_objects_v2()
        .bucket(bucket)
        .expected_bucket_owner(&environment.account)
        .prefix(&prefix)
        .set_start_after(after)
        .max_keys(1000)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|e| attempt.failed(e))?;
        s3::goes_on(page.is_truncated, page.next_continuation_token.is_some(), &attempt)?;
        let objects = page.contents.unwrap_or_default();
        let past =
            objects.last().and_then(|o| o.key()).is_some_and(|key| last.as_deref().is_some_and(|last| key > last));
        sink.give(objects.into_iter().filter_map(|object| {
            let created = object.last_modified.and_then(moment)?;
            let bytes = object.size.and_then(|size| u64::try_from(size).ok());
            let key = object.key.filter(|_| bytes != Some(0))?;
            let [_, _, day, operation, file] = key.splitn(5, '/').collect::<Vec<_>>()[..] else { return None };
            if file.is_empty() || day.len() != 8 || !day.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            Some(Point {
                kind,
                arn: format!("arn:aws:s3:::{bucket}/{key}"),
                place: Place::Bucket { bucket: bucket.to_owned() },
                region: session.region.clone(),
                resource: resource(environment, kind, file),
                created,
                bytes,
                // When a lifecycle rule deletes it is not told by a listing.
                expires: None,
                state: PointState::Available,
                // S3 encrypts every object; that it is under KMS is verified when it is written.
                encrypted: true,
                locked: false,
                retention_days: None,
                operation: Some(operation.to_owned()),
                tenant: tenant(environment, kind, file).map(str::to_owned),
                id: key,
            })
        }));
        if past {
            break;
        }
    }
    Ok(())
}

/// What the archives of a kind are of, where it is one thing for the whole environment: its prefix.
pub fn whole(environment: &Environment, kind: PointKind) -> String {
    let prefix = match kind {
        PointKind::Secrets => environment.secrets_prefix.as_ref(),
        PointKind::Config => environment.parameters_prefix.as_ref(),
        _ => None,
    };
    prefix.cloned().unwrap_or_else(|| format!("{}/{kind}", environment.name))
}

/// The tenant whose secrets or schema an archive holds, where it does not hold all of the environment's or the database's.
fn tenant<'f>(environment: &Environment, kind: PointKind, file: &'f str) -> Option<&'f str> {
    let tenant = match kind {
        PointKind::Secrets => file.strip_suffix(".secrets.json"),
        PointKind::Dump => {
            let mut dumped = environment.dumps.iter();
            let file = file.strip_suffix(".dump")?;
            // Names of instances have no dots, so that what is behind the first one is a tenant's.
            dumped.find_map(|dump| file.strip_prefix(&*dump.database)?.strip_prefix('.'))
        }
        PointKind::Rds | PointKind::Efs | PointKind::Config | PointKind::S3 => None,
    };
    tenant.filter(|tenant| !tenant.is_empty())
}

/// What an archive is of: the declared database or bucket its file is named after, else the file's name without its ending.
pub fn resource(environment: &Environment, kind: PointKind, file: &str) -> String {
    let declared: Vec<&str> = match kind {
        PointKind::Dump => environment.dumps.iter().map(|d| d.database.as_str()).collect(),
        PointKind::S3 => environment.buckets.iter().map(|b| b.name.as_str()).collect(),
        _ => {
            let narrowed = tenant(environment, kind, file).map(|tenant| {
                let declared = environment.tenants.get(tenant).and_then(|t| t.secrets_prefix.clone());
                declared.unwrap_or_else(|| format!("{}/{kind}/{tenant}", environment.name))
            });
            return narrowed.unwrap_or_else(|| whole(environment, kind));
        }
    };
    let first = file.split('/').next().unwrap_or(file);
    let named_after =
        |id: &&&str| first.strip_prefix(**id).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    match declared.iter().filter(named_after).max_by_key(|id| id.len()) {
        Some(id) => (*id).to_owned(),
        None => first.split('.').next().unwrap_or(first).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_secrets_are_not_the_environments() {
        let environment: Environment = serde_json::from_value(serde_json::json!({
            "account": "093646564004", "primary_region": "af-south-1", "dr_region": "eu-west-1", "replication": "disabled",
            "retention_days": {"min": 7, "default": 30, "max": 30}, "rpo": "1h", "rto": "4h", "vault": "bbws-prod",
            "backup_role": "arn:aws:iam::093646564004:role/bbws-backup", "secrets_prefix": "bbws/prod/",
            "tenants": {"tenant-1": {"secrets_prefix": "bbws/prod/tenant-1/"}},
            "dumps": [{"database": "bbws-prod-mysql", "engine": "mysql", "secret": "bbws/prod/database"}],
        }))
        .unwrap();
        let of = |file| resource(&environment, PointKind::Secrets, file);
        assert_eq!(of("secrets.json"), "bbws/prod/");
        assert_eq!(of("tenant-1.secrets.json"), "bbws/prod/tenant-1/");
        assert_ne!(of("gone.secrets.json"), "bbws/prod/", "also of one that the config no longer declares");
        let of = |kind, file| tenant(&environment, kind, file);
        assert_eq!(of(PointKind::Secrets, "tenant-1.secrets.json"), Some("tenant-1"));
        assert_eq!(of(PointKind::Dump, "tenant-1.secrets.json"), None);
        assert_eq!(of(PointKind::Dump, "bbws-prod-mysql.tenant-1.dump"), Some("tenant-1"));
        assert_eq!(of(PointKind::Dump, "bbws-prod-mysql.dump"), None);
        assert_eq!(resource(&environment, PointKind::Dump, "bbws-prod-mysql.tenant-1.dump"), "bbws-prod-mysql");
    }
}
