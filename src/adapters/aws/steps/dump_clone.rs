//! A dump in an instance of its own: an empty one like the source's, and the load. What is there already is asked of the server: a
//! load that was cut off left a note in it, by which the next one clears it away and begins anew.

use std::{collections::BTreeSet, sync::Arc};

use aws_sdk_rds::types::DbInstance;
use secrecy::ExposeSecret as _;

use super::{
    super::{
        background::{Outcome, Teller},
        login::{self, Login},
        rds,
        session::Session,
        tools::Tools,
    },
    At, Change,
    archives::{Archive, source, target},
    begun,
    dump_check::permanent,
    dump_load,
    restore_database::{
        Arrival, adopt, arrival, describe, endpoint, has_figures, has_support, is_of, login_of, made, there,
    },
    restore_like::{Like, arrives, settings},
};
use crate::{
    adapters::{
        archive::{ArchiveError, Contents},
        sql::Target,
    },
    domain::{
        environment::Engine,
        restored,
        step::{CreateEmpty, LoadDump, Outputs},
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

impl Change for CreateEmpty {
    /// Looks for the instance an earlier call may have made.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        made(at, &self.instance).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, source) = (&at.session, source_of(at, self.source_region.as_deref()).await);
        let attempt = session
            .changes("rds:CreateDBInstance", format!("instance {}, empty and like {}", self.instance, self.database));
        let Some(live) = describe(&source, &self.database).await? else {
            return Err(attempt.never(&format!("{} does not exist", self.database), "Restore it from a snapshot."));
        };
        let login = login::read(&source, &self.secret).await?;
        if self.live {
            return self.in_its_place(at, &live, &login).await;
        }
        let figures = has_figures(live.storage_type(), live.allocated_storage());
        let supported = has_support(live.engine());
        let throughput = live.storage_throughput().filter(|_| figures && live.storage_type() == Some("gp3"));
        // Keys do not leave their region.
        let key = match &self.source_region {
            Some(_) => at.call.environment.dr_kms_key.clone(),
            None => live.kms_key_id.clone(),
        };
        let request = session
            .rds()
            .create_db_instance()
            .db_instance_identifier(&self.instance)
            .set_engine(live.engine.clone())
            .set_engine_version(live.engine_version.clone())
            .set_db_instance_class(live.db_instance_class.clone())
            .set_allocated_storage(live.allocated_storage())
            .set_storage_type(live.storage_type.clone())
            .set_iops(live.iops().filter(|_| figures))
            .set_storage_throughput(throughput)
            .set_port(endpoint(&live).map(|(_, port)| i32::from(port)))
            .master_username(&login.username)
            .master_user_password(login.password.expose_secret())
            .storage_encrypted(true)
            .set_kms_key_id(key)
            .db_subnet_group_name(&self.subnet_group)
            .set_vpc_security_group_ids(Some(self.security_groups.clone()).filter(|groups| !groups.is_empty()))
            .set_ca_certificate_identifier(live.ca_certificate_identifier.clone())
            .set_engine_lifecycle_support(live.engine_lifecycle_support.clone().filter(|_| supported))
            .publicly_accessible(false)
            .multi_az(false)
            .deletion_protection(false)
            .copy_tags_to_snapshot(false)
            // It ends as it is, so a first backup of it would only cost time.
            .backup_retention_period(0)
            .set_tags(Some(rds::rds_tags(at.call)));
        match request.send().await {
            Ok(_) => Ok(begun(&self.instance)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_already_exists_fault()) => {
                adopt(session, at.call, &self.instance, &attempt).await
            }
            Err(error) => Err(attempt.failed(error)),
        }
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        if self.live {
            return arrives(at, &self.instance, &self.database).await;
        }
        Ok(match arrival(&at.session, &self.instance).await? {
            Arrival::Under(progress) => progress,
            Arrival::There(made) => there(&made, &self.instance, None),
        })
    }
}

impl CreateEmpty {
    /// One with all the settings of the other, its network among them: it is to take its place once it is filled.
    async fn in_its_place(&self, at: &At<'_>, live: &DbInstance, login: &Login) -> Result<Started, CloudError> {
        let session = &at.session;
        let thing = format!("instance {}, empty and like {}", self.instance, self.database);
        let attempt = session.changes("rds:CreateDBInstance", thing);
        let like = Like::of(live);
        let tags = [like.tags.clone(), rds::rds_tags(at.call)].concat();
        let request = session.rds().create_db_instance().db_instance_identifier(&self.instance);
        let request = settings!(request, live, like, tags)
            .set_engine(live.engine.clone())
            .set_engine_version(live.engine_version.clone())
            .set_allocated_storage(live.allocated_storage())
            .set_max_allocated_storage(live.max_allocated_storage())
            .set_port(endpoint(live).map(|(_, port)| i32::from(port)))
            .master_username(&login.username)
            .master_user_password(login.password.expose_secret())
            .storage_encrypted(true)
            .set_kms_key_id(live.kms_key_id.clone());
        match request.send().await {
            Ok(_) => Ok(begun(&self.instance)),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_already_exists_fault()) => {
                adopt(session, at.call, &self.instance, &attempt).await
            }
            Err(error) => Err(attempt.failed(error)),
        }
    }
}

impl Change for LoadDump {
    /// To begin again does no harm: what a load that was cut off left is cleared away, and what is whole is only looked at.
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let sessions = (Arc::clone(&at.session), source_of(at, self.source_region.as_deref()).await);
        let (call, what, tools) = (at.call.clone(), self.clone(), at.cloud.tools.clone());
        at.cloud.jobs.spawn(&at.call.token, move |tell| load(sessions, call, what, tools, tell));
        Ok(begun(&self.instance))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        match at.cloud.jobs.ask(&at.call.token) {
            Some(Ok(progress)) => Ok(progress),
            Some(Err(CloudError::Permanent { reason })) => Ok(Progress::Failed { reason }),
            Some(Err(CloudError::Retryable { reason, .. })) => Ok(Progress::Gone { reason }),
            Some(Err(error)) => Err(error),
            None => Ok(Progress::Gone {
                reason: "The process that was loading the dump ended before it was done.".to_owned(),
            }),
        }
    }
}

/// Where the instance is that was dumped.
async fn source_of(at: &At<'_>, region: Option<&str>) -> Arc<Session> {
    match region {
        Some(region) => at.elsewhere(region).await,
        None => Arc::clone(&at.session),
    }
}

/// Nothing is loaded but into what this very operation made, whatever has its name.
async fn own(session: &Session, call: &Call, name: &str) -> Result<DbInstance, CloudError> {
    let operation = &call.operation.0;
    let found = describe(session, name).await?.filter(|found| is_of(found, operation));
    found.filter(|_| restored::is_made_by(name, operation)).ok_or_else(|| {
        permanent(format!("{name} is nothing that {operation} made, so nothing was loaded into it. Restore again."))
    })
}

/// The database that was dumped, in PostgreSQL.
fn database(what: &LoadDump, login: &Login) -> Option<String> {
    let named = what.schemas.first().cloned().or_else(|| login.database.clone());
    named.filter(|_| what.engine == Engine::Postgres)
}

async fn load(
    (session, from): (Arc<Session>, Arc<Session>),
    call: Call,
    what: LoadDump,
    tools: Tools,
    tell: Teller,
) -> Outcome {
    let LoadDump { bucket, key, engine, instance, .. } = &what;
    let found = own(&session, &call, instance).await?;
    let Some((host, port)) = endpoint(&found) else {
        return Err(CloudError::Retryable { reason: format!("RDS tells no endpoint of {instance} yet."), after: None });
    };
    let login = login_of(&from, &call.environment, &what.database, &what.secret).await?;
    let there = target(&login, *engine, login.database.clone());
    let here = Target { host, port, database: None, ..there.clone() };
    tell.tell(None, "reading the dump");
    let archive = Archive::at(&session, &call, bucket, key, *engine).await?.with_key_of(&from);
    let contents = archive.read().await?;
    let schemas = dump_load::schemas(*engine, &contents)?;
    let whole = Target { database: database(&what, &login), ..here.clone() };
    let (sealed, data_key) = archive.open().await?;
    let incoming = dump_load::incoming(&call, &contents, &sealed, &data_key, schemas.clone())?;
    match tools.databases.prepare(&here, &there, incoming).await {
        Ok((room, server)) => {
            tell.tell(None, "loading it");
            let to = source(room.target(), &server, Vec::new(), false);
            match tools.dumper.load(sealed, &data_key, &archive.expected, &to).await {
                Ok(_) => {}
                Err(ArchiveError::Damaged(reason)) => return Err(permanent(reason)),
                Err(error) => return Err(error.into()),
            }
            room.keep(whole.database.as_deref())
                .await
                .map_err(|why| CloudError::Retryable { reason: why, after: None })?;
            compared(&tools, &whole, &schemas, &contents).await
        }
        // It may be because all of it is there.
        Err(why) => match dump_load::compare(&*tools.databases, &whole, &schemas, &contents).await {
            Ok(Ok(found)) => Ok(done(found)),
            _ => Err(permanent(format!("The dump was not loaded: {why}"))),
        },
    }
}

async fn compared(tools: &Tools, whole: &Target, schemas: &BTreeSet<String>, contents: &Contents) -> Outcome {
    Ok(match dump_load::compare(&*tools.databases, whole, schemas, contents).await? {
        Ok(found) => done(found),
        Err(reason) => Progress::Refuted { reason, outputs: Outputs::new() },
    })
}

fn done(found: String) -> Progress {
    Progress::Done { outputs: Outputs::new(), detail: found }
}
