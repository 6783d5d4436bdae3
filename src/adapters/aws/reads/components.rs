//! How far each component of an environment is behind: the newest state that is safe on a side.

use std::collections::BTreeMap;

use futures::future::join3;

use super::super::{efs, rds, secrets, session::Session, side_by_side, steps::lifecycle};
use super::{
    buckets, newest,
    newest::{Newest, Of},
    points,
    watch::Watch,
};
use crate::{
    domain::{
        lag::{Component, Side},
        moment::Moment,
        point::PointKind,
        tier,
    },
    ports::cloud::{CloudError, DatabaseFound},
};

/// What replicates by itself, up to when; or why nobody knows.
type Live = BTreeMap<Of, Result<Moment, String>>;

/// Measures the components of a side, every one that the config declares.
pub async fn measure(watch: &Watch<'_>, side: Side, instances: &Result<Vec<DatabaseFound>, String>) -> Vec<Component> {
    look(watch, side, instances).await.into_iter().map(|(component, _)| component).collect()
}

/// The same, and of those without a known state whether it is certain that there is none.
pub async fn look(
    watch: &Watch<'_>,
    side: Side,
    instances: &Result<Vec<DatabaseFound>, String>,
) -> Vec<(Component, bool)> {
    let declared = tier::declared(watch.environment);
    let session = match watch.session(side) {
        Ok(session) => session,
        Err(reason) => return all(side, declared, |_| Err((reason.clone(), false))),
    };
    let live = match side {
        Side::Primary => live_here(watch, session, instances).await,
        Side::Dr => live_there(watch, session).await,
    };
    // A bucket's data has no points of its own, and what keeps the objective by itself needs none.
    let keeps = |of: &Of| {
        let rpo = watch.environment.promise(of.0, &of.1).rpo;
        live.get(of).and_then(|safe| safe.as_ref().ok()).is_some_and(|s| watch.at.since(*s) <= rpo)
    };
    let wanted: Vec<Of> = declared.iter().filter(|of| of.0 != PointKind::S3 && !keeps(of)).cloned().collect();
    let found = newest::newest(watch.cloud, watch.environment, side, watch.requester, &wanted, None).await;
    let region = points::region(watch.environment, side);
    all(side, declared, |of| safe(of, region, live.get(of), &found))
}

/// Why nothing is known to be safe, and whether it is certain that nothing is.
type Lacking = (String, bool);

fn all(side: Side, declared: Vec<Of>, safe: impl Fn(&Of) -> Result<Moment, Lacking>) -> Vec<(Component, bool)> {
    let component = |of: Of| {
        let safe = safe(&of);
        let certain = matches!(safe, Err((_, true)));
        (Component { safe: safe.map_err(|(why, _)| why), kind: of.0, resource: of.1, side }, certain)
    };
    declared.into_iter().map(component).collect()
}

/// The later of what replicates by itself and the newest point; where there is neither, why.
fn safe(
    of: &Of,
    region: &str,
    live: Option<&Result<Moment, String>>,
    found: &Result<Newest, CloudError>,
) -> Result<Moment, Lacking> {
    let point = found.as_ref().ok().and_then(|f| f.points.get(of)).map(|p| p.created);
    let known = live.and_then(|l| l.as_ref().ok()).copied().max(point);
    if let Some(known) = known {
        return Ok(known);
    }
    let mut reasons: Vec<String> = live.and_then(|l| l.as_ref().err()).cloned().into_iter().collect();
    if of.0 != PointKind::S3 {
        match found {
            Err(error) => reasons.push(error.to_string()),
            Ok(found) => reasons.extend(found.unread.iter().cloned()),
        }
    }
    let certain = reasons.is_empty();
    if certain {
        reasons.push(format!("There is no usable recovery point of {} {} in {region}. Back it up.", of.0, of.1));
    }
    Err((reasons.join(" "), certain))
}

/// Automated backups of databases, and buckets that keep their versions.
async fn live_here(watch: &Watch<'_>, session: &Session, instances: &Result<Vec<DatabaseFound>, String>) -> Live {
    let environment = watch.environment;
    let mut live = Live::new();
    for database in &environment.databases {
        let of = (PointKind::Rds, database.id.clone());
        match instances {
            Ok(found) => {
                let found = found.iter().find(|d| d.id.eq_ignore_ascii_case(&database.id) && d.automated_days > 0);
                live.extend(found.and_then(|d| d.restorable).map(|safe| (of, Ok(safe))));
            }
            Err(reason) => drop(live.insert(of, Err(reason.clone()))),
        }
    }
    let versions = environment.buckets.iter().map(|bucket| async move {
        let name = &bucket.name;
        let safe = match lifecycle::versions_kept(session, name, &environment.account).await {
            Ok(Some(true)) => Ok(watch.at),
            Ok(Some(false)) => {
                Err(format!("Bucket {name} keeps no versions, so what is overwritten is lost. Enable versioning."))
            }
            Ok(None) => Err(format!("Bucket {name} does not exist. Correct the config file.")),
            Err(error) => Err(error.to_string()),
        };
        ((PointKind::S3, name.clone()), safe)
    });
    live.extend(side_by_side(versions.collect()).await);
    live
}

/// Replicated automated backups, replicated file systems, replicated secrets, replicated buckets.
async fn live_there(watch: &Watch<'_>, there: &Session) -> Live {
    let environment = watch.environment;
    let databases: Vec<String> = environment.databases.iter().map(|d| d.id.clone()).collect();
    let (databases, file_systems, secrets) = join3(
        async { if databases.is_empty() { Ok(BTreeMap::new()) } else { rds::replicated(there, &databases).await } },
        replicated_file_systems(watch, there),
        replicated_secrets(watch, there),
    )
    .await;
    let mut live = Live::new();
    let mut add = |kind: PointKind, declared: Vec<&String>, found: Result<BTreeMap<String, Moment>, CloudError>| {
        for id in declared {
            match &found {
                Ok(found) => live.extend(found.get(id).map(|safe| ((kind, id.clone()), Ok(*safe)))),
                Err(error) => drop(live.insert((kind, id.clone()), Err(error.to_string()))),
            }
        }
    };
    add(PointKind::Rds, environment.databases.iter().map(|d| &d.id).collect(), databases);
    add(PointKind::Efs, environment.file_systems.iter().map(|f| &f.id).collect(), file_systems);
    add(PointKind::Secrets, environment.secrets_prefix.iter().collect(), secrets);
    let samples = environment.buckets.iter().map(|bucket| async move {
        ((PointKind::S3, bucket.name.clone()), replicated_bucket(watch, &bucket.name, bucket.dr.as_deref()).await)
    });
    live.extend(side_by_side(samples.collect()).await);
    live
}

/// The source knows; when its region is down the destination is asked.
async fn replicated_file_systems(watch: &Watch<'_>, there: &Session) -> Result<BTreeMap<String, Moment>, CloudError> {
    if watch.environment.file_systems.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asked: &Session = watch.here.as_ref().map_or(there, |here| here);
    efs::replicated(asked, &there.region).await
}

async fn replicated_secrets(watch: &Watch<'_>, there: &Session) -> Result<BTreeMap<String, Moment>, CloudError> {
    let (Some(prefix), Ok(here)) = (&watch.environment.secrets_prefix, &watch.here) else { return Ok(BTreeMap::new()) };
    let in_sync = secrets::in_sync(here, there, prefix).await?;
    Ok(in_sync.then(|| (prefix.clone(), watch.at)).into_iter().collect())
}

/// The bucket itself knows what is replicated, so its own region is asked.
async fn replicated_bucket(watch: &Watch<'_>, name: &str, dr: Option<&str>) -> Result<Moment, String> {
    if dr.is_none() {
        return Err(format!(
            "Bucket {name} has no `dr` in the config file, so nobody knows of a replica. Name it there."
        ));
    }
    let here = watch.session(Side::Primary)?;
    buckets::replicated(here, name, &watch.environment.account, watch.at).await.map_err(|e| e.to_string())
}
