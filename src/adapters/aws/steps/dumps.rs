//! Logical dumps: the archive's pipeline, fed with a secret, a KMS key and a place in S3.

use std::sync::Arc;

use super::{
    super::{
        background::{Outcome, Teller},
        login::Login,
        s3::{self, Object},
        session::Session,
        tags,
        tools::Tools,
    },
    At, Change, Look,
    archives::{Archive, context, expected, source, target},
    dump_check::{Compared, long_statement, permanent},
    dump_load, objects,
    restore_database::login_of,
    uploads,
};
use crate::{
    adapters::{
        archive::{ArchiveError, DataKey, Expected, S3Upload, Written, stored},
        sql::Target,
    },
    domain::{
        environment::Engine,
        step::{DumpExport, Outputs, VerifyDump},
        text::count,
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Output with the SHA-256 of the archive, hex.
const ARCHIVE: &str = "sha256_archive";
/// Output with the SHA-256 of the dump, hex.
const PLAIN: &str = "sha256_plain";
/// Output with the bytes of the dump.
const BYTES_PLAIN: &str = "bytes_plain";

impl Change for DumpExport {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        objects::written(at, &self.bucket, &self.key).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let login = login_of(&at.session, &at.call.environment, &self.database, &self.secret).await?;
        let (session, call, what) = (Arc::clone(&at.session), at.call.clone(), self.clone());
        let tools = at.cloud.tools.clone();
        let work = |tell| export(session, call, what, login, tools, tell);
        uploads::start(at, &at.object(&self.bucket, &self.key), work).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        uploads::poll(at, &at.object(&self.bucket, &self.key), found).await
    }
}

impl Look for VerifyDump {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let (what, tools) = (self.clone(), at.cloud.tools.clone());
        at.watch(|session, call, tell| verify(session, call, what, tools, tell))
    }
}

/// Asks for a data key and dumps. Nothing was stored when it fails, except with `Unknown`, when nobody knows.
async fn export(
    session: Arc<Session>,
    call: Call,
    what: DumpExport,
    login: Login,
    tools: Tools,
    tell: Teller,
) -> Outcome {
    let DumpExport { database, engine, schemas, bucket, key, kms_key, .. } = &what;
    let (target, schemas) = wanted(&login, database, *engine, schemas)?;
    tell.tell(None, "asking the server what it has");
    let before = tools.databases.inventory(&target, &schemas).await.map_err(permanent)?;
    if before.server.engine != *engine {
        return Err(permanent(format!(
            "{database} is declared as {engine}, and its server says that it is {}. Write engine = \"{}\" in the config file.",
            before.server.version, before.server.engine
        )));
    }
    let source = source(&target, &before.server, schemas.clone(), before.history);
    let object = Object { account: &call.environment.account, bucket, key };
    let context = DataKey::context(&call.environment.name, &call.operation.0);
    let data_key = DataKey::generate(session.kms(), kms_key, context).await?;
    let upload = S3Upload::new(
        session.s3().clone(),
        uploads::place(&object),
        Some(kms_key.clone()),
        &tags::of(&call),
        s3::by(&call),
    )
    .await?
    .in_class(what.storage_class.clone());
    let sink = Compared::new(upload, Arc::clone(&tools.databases), target, schemas, before);
    let notes = sink.notes();
    let dumped = |bytes| tell.tell(None, format!("{} dumped", uploads::bytes(bytes)));
    let written = tools.dumper.dump(&source, &data_key, Box::new(sink), &dumped).await?;
    let detail = format!(
        "{}, {} dumped into {}, encrypted under {kms_key}{notes}{}",
        count(written.held.tables.count, "table"),
        uploads::bytes(written.bytes_plain),
        uploads::bytes(written.bytes_archive),
        long_statement(written.held.longest).unwrap_or_default()
    );
    Ok(Progress::Done { outputs: outputs(&written), detail })
}

/// What an archive that is there already says of itself; its hashes are in the archive and are read when it is verified.
fn found(made: Started) -> Progress {
    let size = made.outputs.get("size").and_then(|size| size.parse().ok()).unwrap_or(0);
    let mut outputs = made.outputs;
    outputs.remove("count");
    Progress::Done { detail: format!("dumped into {}", uploads::bytes(size)), outputs }
}

fn outputs(written: &Written) -> Outputs {
    Outputs::from([
        // What S3 keeps of the object, by which it is verified and its replica compared.
        (s3::SHA256.to_owned(), written.checksum.clone()),
        ("size".to_owned(), written.bytes_archive.to_string()),
        (BYTES_PLAIN.to_owned(), written.bytes_plain.to_string()),
        (PLAIN.to_owned(), written.sha256_plain.clone()),
        (ARCHIVE.to_owned(), written.sha256_archive.clone()),
    ])
}

/// The database to sign in to, and what to dump of it.
fn wanted(login: &Login, name: &str, engine: Engine, schemas: &[String]) -> Result<(Target, Vec<String>), CloudError> {
    let (database, schemas) = match (engine, schemas) {
        // What the config calls schemas are databases there, and pg_dump dumps one at a time.
        (Engine::Postgres, []) if login.database.is_some() => (login.database.clone(), Vec::new()),
        (Engine::Postgres, []) => {
            return Err(permanent(format!(
                "The dump of {name} names no PostgreSQL database. Name one in its `schemas` in the config file, or as `dbname` in its secret."
            )));
        }
        (Engine::Postgres, [one]) => (Some(one.clone()), Vec::new()),
        (Engine::Postgres, many) => {
            return Err(permanent(format!(
                "The dump of {name} names {} PostgreSQL databases, but an archive holds one. Declare one dump for each in the config file.",
                many.len()
            )));
        }
        (Engine::Mysql | Engine::Mariadb, schemas) => (None, schemas.to_vec()),
    };
    Ok((target(login, engine, database), schemas))
}

/// Reads an archive back, every byte of it, and what it holds.
async fn verify(session: Arc<Session>, call: Call, what: VerifyDump, tools: Tools, tell: Teller) -> Outcome {
    let VerifyDump { bucket, key, engine, retention_days, load_test, .. } = &what;
    let object = Object { account: &call.environment.account, bucket, key };
    let refuted = |why: &str| {
        let reason = format!("The {} in {} does not hold: {why}. Dump again.", object.name(), session.region);
        Ok(Progress::Refuted { reason, outputs: Outputs::new() })
    };
    let place = uploads::place(&object);
    let Some(known) = stored(session.s3(), &place).await? else { return refuted("it does not exist") };
    let days = s3::retention_tag(&session, &object).await?;
    // A dump that is looked at long after it was made says itself for how long it is kept.
    if let Err(why) = tags::check_kept(days.as_deref(), *retention_days) {
        return refuted(&why);
    }
    let promised = |name: &str| call.inputs.get(name).filter(|text| !text.is_empty()).cloned();
    let kept = known.checksum.clone().unwrap_or_default();
    if promised(s3::SHA256).is_some_and(|sum| !s3::sums_match(&sum, &kept)) {
        return refuted("its SHA-256 in S3 is not that of the dump");
    }
    let expected =
        Expected { sha256_archive: promised(ARCHIVE), sha256_plain: promised(PLAIN), ..expected(&known, *engine) };
    tell.tell(None, format!("reading {}", uploads::bytes(known.bytes)));
    let archive = Archive { session: &session, keys: &session, place, known, context: context(&call, key), expected };
    let contents = match archive.read().await {
        Ok(contents) => contents,
        Err(ArchiveError::Damaged(reason)) => return Ok(Progress::Refuted { reason, outputs: Outputs::new() }),
        Err(error) => return Err(error.into()),
    };
    let loaded = match load_test {
        None => "not loaded".to_owned(),
        Some(test) => {
            tell.tell(None, "loading it");
            match dump_load::verify(&archive, &tools, &call, *engine, test, &contents).await? {
                Ok(loaded) => loaded,
                Err(reason) => return Ok(Progress::Refuted { reason, outputs: Outputs::new() }),
            }
        }
    };
    let rows: u64 = contents.held.rows.values().sum();
    let detail = format!(
        "{}, {}, {} of dump in {}, read whole, hashes match, {loaded}",
        count(contents.held.tables.count, "table"),
        count(rows, "row"),
        uploads::bytes(contents.bytes_plain),
        uploads::bytes(contents.bytes_archive)
    );
    let outputs = Outputs::from([
        ("tables".to_owned(), contents.held.tables.count.to_string()),
        ("rows".to_owned(), rows.to_string()),
        (BYTES_PLAIN.to_owned(), contents.bytes_plain.to_string()),
        (PLAIN.to_owned(), contents.sha256),
    ]);
    Ok(Progress::Done { outputs, detail })
}
