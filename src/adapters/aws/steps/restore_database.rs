//! Test restores: an instance made out of a snapshot in a network of its own, and its deletion.
//!
//! Nothing is ever deleted here that does not bear both the name of a restored instance and the tag of the operation that
//! made it.

use aws_sdk_rds::types::{DbInstance, Tag};

use super::{
    super::{
        background::Outcome,
        error::Attempt,
        login::{self, Login},
        rds,
        secrets::{self, Live},
        session::Session,
        tags,
    },
    At, Change, begun, finished,
};
use crate::{
    domain::{
        cost::Hardware,
        environment::Environment,
        live,
        restored::{Found, Removable},
        step::{DATA_OF, DeleteInstance, ISSUE, Outputs, RestoreTest},
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

impl Change for RestoreTest {
    /// Looks for the instance an earlier call may have made.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        made(at, &self.instance).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        restore(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let made = match arrival(&at.session, &self.instance).await? {
            Arrival::Under(progress) => return Ok(progress),
            Arrival::There(made) => made,
        };
        let differs = source(&at.session, &self.snapshot).await?.difference(&made);
        Ok(there(&made, &self.instance, differs))
    }
}

impl Change for DeleteInstance {
    /// Looks whether an earlier call got through.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let DeleteInstance { instance, operation, .. } = self;
        Ok(match describe(&at.session, instance).await? {
            None => Probe::Present(finished(instance)),
            Some(found) if is_of(&found, operation) && status_of(&found) == "deleting" => {
                Probe::Present(begun(instance))
            }
            Some(_) => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        delete(at, self).await
    }

    /// Whether the instance is gone.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        Ok(match describe(&at.session, &self.instance).await? {
            Some(found) if is_of(&found, &self.operation) => {
                Progress::Running { percent: None, detail: status_of(&found).to_owned() }
            }
            // One of that name that is not ours was made after ours had gone.
            _ => Progress::Done { outputs: Outputs::new(), detail: "gone, with its automated backups".to_owned() },
        })
    }
}

/// What a restore takes over from its source. RDS's own defaults are other ones: gp3, and enrolment in Extended Support,
/// which is paid for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Source {
    storage: Option<String>,
    iops: Option<i32>,
    throughput: Option<i32>,
    support: Option<String>,
}

/// Not enrolled: what is restored from a source that is not there any more.
const NO_SUPPORT: &str = "open-source-rds-extended-support-disabled";
/// Below so many GiB gp3 has no figures of its own to be given.
const GP3_FIGURES: i32 = 400;

/// Whether RDS takes IOPS, and for gp3 a throughput, for storage of this type and so many GiB.
pub fn has_figures(storage: Option<&str>, gib: Option<i32>) -> bool {
    match storage {
        Some("io1" | "io2") => true,
        Some("gp3") => gib.is_some_and(|gib| gib >= GP3_FIGURES),
        _ => false,
    }
}

/// Whether RDS knows paid Extended Support for this engine.
pub fn has_support(engine: Option<&str>) -> bool {
    engine.is_some_and(|engine| ["mysql", "postgres"].contains(&engine))
}

/// Whether an earlier call of this step made the instance. A stranger's of this name means that ours was never made; the call itself
/// will say so in words.
pub async fn made(at: &At<'_>, instance: &str) -> Result<Probe, CloudError> {
    let found = describe(&at.session, instance).await?;
    Ok(match found.filter(|db| is_ours(db, at.call)) {
        Some(_) => Probe::Present(begun(instance)),
        None => Probe::Absent,
    })
}

async fn source(session: &Session, snapshot: &str) -> Result<Source, CloudError> {
    let found = rds::describe(session, &[snapshot]).await?;
    // The restore itself says in words that there is no such snapshot.
    let Some(snapshot) = found.get(&snapshot.to_lowercase()) else { return Ok(Source::default()) };
    let live = match snapshot.db_instance_identifier() {
        Some(id) => describe(session, id).await?,
        None => None,
    };
    let figures = has_figures(snapshot.storage_type(), snapshot.allocated_storage());
    let support = live.and_then(|live| live.engine_lifecycle_support).unwrap_or_else(|| NO_SUPPORT.to_owned());
    let supported = has_support(snapshot.engine());
    Ok(Source {
        storage: snapshot.storage_type().map(str::to_owned),
        iops: snapshot.iops().filter(|_| figures),
        throughput: snapshot.storage_throughput().filter(|_| figures && snapshot.storage_type() == Some("gp3")),
        support: supported.then_some(support),
    })
}

impl Source {
    /// What of a restored instance is not as it was to be.
    fn difference(&self, made: &DbInstance) -> Option<String> {
        let pairs = [
            ("storage", self.storage.as_deref(), made.storage_type()),
            ("Extended Support", self.support.as_deref(), made.engine_lifecycle_support()),
        ];
        // What RDS does not tell cannot be compared.
        let differ = pairs.into_iter().filter_map(|(what, wanted, found)| match (wanted, found) {
            (Some(wanted), Some(found)) if wanted != found => Some(format!("its {what} is {found}, not {wanted}")),
            _ => None,
        });
        let kept = made.backup_retention_period().filter(|days| *days > 0);
        let all: Vec<String> =
            differ.chain(kept.map(|days| format!("RDS backs it up by itself and keeps {days} days"))).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// Restores the snapshot, or adopts the instance this operation made before.
async fn restore(session: &Session, call: &Call, what: &RestoreTest) -> Result<Started, CloudError> {
    let thing = format!("instance {} restored from snapshot {}", what.instance, what.snapshot);
    let attempt = session.changes("rds:RestoreDBInstanceFromDBSnapshot", thing);
    let groups = Some(what.security_groups.to_vec()).filter(|groups| !groups.is_empty());
    let source = source(session, &what.snapshot).await?;
    let request = session
        .rds()
        .restore_db_instance_from_db_snapshot()
        .db_snapshot_identifier(&what.snapshot)
        .db_instance_identifier(&what.instance)
        .db_subnet_group_name(&what.subnet_group)
        .set_vpc_security_group_ids(groups)
        .publicly_accessible(false)
        .multi_az(false)
        .deletion_protection(false)
        .copy_tags_to_snapshot(false)
        // It ends as it is, so a first backup of it would only cost time.
        .backup_retention_period(0)
        .set_storage_type(source.storage)
        .set_iops(source.iops)
        .set_storage_throughput(source.throughput)
        .set_engine_lifecycle_support(source.support)
        .set_tags(Some(rds::rds_tags(call)));
    match request.send().await {
        Ok(_) => Ok(begun(&what.instance)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_already_exists_fault()) => {
            adopt(session, call, &what.instance, &attempt).await
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

/// The name is taken: by an earlier attempt of this operation, or by somebody else.
///
/// # Errors
/// See [`CloudError`]; `Permanent` where it is somebody else's, or of no use.
pub async fn adopt(session: &Session, call: &Call, name: &str, attempt: &Attempt<'_>) -> Result<Started, CloudError> {
    let Some(found) = describe(session, name).await? else {
        return Err(attempt.later("RDS says that it exists, but does not show it yet", None));
    };
    if !is_ours(&found, call) {
        let next = "Look at it in RDS; delete or rename it, then retry.";
        return Err(attempt.never("an instance of that name exists that this operation did not make", next));
    }
    if rds::is_bad(status_of(&found)) {
        let why = format!("this operation's instance exists but is {}", status_of(&found));
        return Err(attempt.never(&why, "Delete it in RDS, then retry."));
    }
    Ok(begun(name))
}

/// Up to when a database can be restored just now: what is restored as late as can be begins to be restored after this is asked,
/// so that it is no older. Looked for among the backups that came from another region where there is one of those.
///
/// # Errors
/// See [`CloudError`].
pub async fn latest(session: &Session, database: &str, replicated: bool) -> Result<Outputs, CloudError> {
    let found = rds::automated(session, &[database.to_owned()]).await?;
    let own = found.into_iter().filter(|backup| backup.replicated == replicated && backup.gone.is_none());
    let latest = own.map(|backup| backup.latest).max();
    Ok(latest.map(|latest| (DATA_OF.to_owned(), latest.iso())).into_iter().collect())
}

/// How far an instance is that is being restored.
pub enum Arrival {
    /// Not there yet, or never.
    Under(Progress),
    /// There, with all of its data.
    There(Box<DbInstance>),
}

/// How far a restore is; to be asked again while RDS does not show it.
///
/// # Errors
/// See [`CloudError`].
pub async fn arrival(session: &Session, name: &str) -> Result<Arrival, CloudError> {
    let running = |percent, detail: &str| Ok(Arrival::Under(Progress::Running { percent, detail: detail.to_owned() }));
    let Some(found) = describe(session, name).await? else {
        let attempt = session.reads("rds:DescribeDBInstances", format!("instance {name}"));
        return Err(attempt.later("RDS accepted it but does not show it; if that lasts, somebody deleted it", None));
    };
    let status = status_of(&found);
    if rds::is_bad(status) || status == "insufficient-capacity" {
        let reason = format!(
            "Instance {name} in {} is {status}. Its events in RDS say why. It is deleted by itself; restore again.",
            session.region
        );
        return Ok(Arrival::Under(Progress::Failed { reason }));
    }
    if status != "available" {
        return running(None, status);
    }
    // It answers before all of its data has arrived.
    if let Some(percent) = initializing(&found) {
        return running(percent, "available, storage Initializing");
    }
    if endpoint(&found).is_none() {
        return running(None, "available, no endpoint yet");
    }
    Ok(Arrival::There(Box::new(found)))
}

/// What is told of a restored instance, with what of it is not as it was to be.
pub fn there(made: &DbInstance, name: &str, differs: Option<String>) -> Progress {
    let (address, port) = endpoint(made).unwrap_or_default();
    let mut detail = format!("available at {address}:{port}, not reachable from outside of its network");
    let mut outputs = Outputs::from([
        ("endpoint".to_owned(), address),
        ("port".to_owned(), port.to_string()),
        ("restored_instance".to_owned(), name.to_owned()),
    ]);
    outputs.extend(hardware(made).map(|hardware| hardware.output(name)));
    if let Some(differs) = differs {
        detail.push_str(&format!(", but {differs}"));
        outputs.insert(ISSUE.to_owned(), differs);
    }
    Progress::Done { outputs, detail }
}

/// What AWS bills of an instance; none where it does not say all of it.
pub fn hardware(instance: &DbInstance) -> Option<Hardware> {
    Some(Hardware {
        class: instance.db_instance_class()?.to_owned(),
        storage: instance.storage_type()?.to_owned(),
        gib: u64::try_from(instance.allocated_storage()?).ok()?,
        doubled: instance.multi_az() == Some(true),
    })
}

/// Deletes a restored instance, with its backups and without a last snapshot; nothing that the operation did not restore.
async fn delete(at: &At<'_>, what: &DeleteInstance) -> Result<Started, CloudError> {
    let DeleteInstance { instance: name, operation, .. } = what;
    let (session, environment) = (&*at.session, &at.call.environment);
    let attempt = session.changes("rds:DeleteDBInstance", format!("instance {name}"));
    let removable = Removable::instance(name, operation, environment)
        .map_err(|why| attempt.never(&why, "Nothing was done. Report this."))?;
    let Some(found) = describe(session, name).await? else { return Ok(finished(name)) };
    let shown = Found { id: found.db_instance_identifier().unwrap_or(name), tag: operation_of(&found) };
    removable.admits(shown, environment).map_err(|why| {
        attempt.never(&why, "Nothing was done. Look at it in RDS; delete it there if it is not needed.")
    })?;
    if status_of(&found) == "deleting" {
        return Ok(begun(name));
    }
    if let Some(secret) = reached_by(at, &found).await? {
        let why = format!("secret {secret} leads applications to it, so it is live");
        return Err(attempt.never(&why, "Nothing was done. Look at the secret, and at who changed it."));
    }
    let request = session.rds().delete_db_instance().db_instance_identifier(name);
    match request.skip_final_snapshot(true).delete_automated_backups(true).send().await {
        Ok(_) => Ok(begun(name)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_not_found_fault()) => {
            Ok(finished(name))
        }
        Err(error) => {
            // An earlier attempt, whose answer was lost, may have begun it.
            let failed = attempt.failed(error);
            match describe(session, name).await {
                Ok(Some(found)) if status_of(&found) == "deleting" => Ok(begun(name)),
                _ => Err(failed),
            }
        }
    }
}

/// The secret that leads applications to this instance, if one of the environment's does: whatever else is known, it is live.
async fn reached_by<'a>(at: &'a At<'_>, found: &DbInstance) -> Result<Option<&'a str>, CloudError> {
    let Some((host, _)) = endpoint(found) else { return Ok(None) };
    let environment = &at.call.environment;
    let here = at.elsewhere(&environment.primary_region).await;
    for name in environment.databases.iter().filter_map(|database| database.endpoint_secret.as_deref()) {
        let leads = match secrets::value(&here, name).await? {
            Live::Value { string: Some(text), .. } => login::place(&text),
            Live::Value { .. } | Live::Empty | Live::Missing | Live::Doomed => None,
        };
        if leads.is_some_and(|(leads, _)| leads.eq_ignore_ascii_case(&host)) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// An instance as RDS describes it; none only where RDS says that there is none of that name, which a list that does not
/// show it is not.
///
/// # Errors
/// See [`CloudError`].
pub async fn describe(session: &Session, name: &str) -> Result<Option<DbInstance>, CloudError> {
    let attempt = session.reads("rds:DescribeDBInstances", format!("instance {name}"));
    let answer = match session.rds().describe_db_instances().db_instance_identifier(name).send().await {
        Ok(answer) => answer,
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_not_found_fault()) => return Ok(None),
        Err(error) => return Err(attempt.failed(error)),
    };
    let named = |db: &DbInstance| db.db_instance_identifier().is_some_and(|id| id.eq_ignore_ascii_case(name));
    let found = answer.db_instances.unwrap_or_default().into_iter().find(named);
    let unsaid = || attempt.later("RDS neither shows it nor says that it does not exist", None);
    found.map(Some).ok_or_else(unsaid)
}

/// A login to a database of the environment: where another instance is live in its place than the config declares, the login's
/// secret may lead to the one before, and RDS is asked.
///
/// # Errors
/// See [`CloudError`].
pub async fn login_of(
    session: &Session,
    environment: &Environment,
    instance: &str,
    secret: &str,
) -> Result<Login, CloudError> {
    let login = login::read(session, secret).await?;
    if !live::stands_in(environment, instance) {
        return Ok(login);
    }
    let attempt = session.reads("rds:DescribeDBInstances", format!("instance {instance}"));
    let found = describe(session, instance).await?;
    let Some((host, port)) = found.as_ref().and_then(endpoint) else {
        return Err(attempt.later("RDS tells no endpoint of it", None));
    };
    Ok(Login { host, port, ..login })
}

/// Percent of the storage that has arrived, as long as not all has.
pub fn initializing(instance: &DbInstance) -> Option<Option<u8>> {
    let status = instance.storage_operation_status()?;
    let percent = instance.storage_operation_percent_progress().and_then(|p| u8::try_from(p.clamp(0, 100)).ok());
    status.eq_ignore_ascii_case("initializing").then_some(percent)
}

/// Where an instance is reached.
pub fn endpoint(instance: &DbInstance) -> Option<(String, u16)> {
    let endpoint = instance.endpoint()?;
    let port = endpoint.port().and_then(|port| u16::try_from(port).ok())?;
    Some((endpoint.address()?.to_owned(), port))
}

/// RDS's word for its state.
pub fn status_of(instance: &DbInstance) -> &str {
    instance.db_instance_status().unwrap_or("of unknown state")
}

/// Whether this very step made it.
pub fn is_ours(instance: &DbInstance, call: &Call) -> bool {
    let value = |key: &str| instance.tag_list().iter().find(|tag| tag.key() == Some(key)).and_then(Tag::value);
    tags::is_ours(call, value, instance.instance_create_time())
}

/// Whether this operation made it.
pub fn is_of(instance: &DbInstance, operation: &str) -> bool {
    operation_of(instance) == Some(operation)
}

fn operation_of(instance: &DbInstance) -> Option<&str> {
    instance.tag_list().iter().find(|tag| tag.key() == Some(tags::OPERATION)).and_then(Tag::value)
}
