//! What belongs to a PostgreSQL server and to none of its databases: roles, memberships, settings of roles, no passwords.
//!
//! No dump of a database holds them, and without the roles its owners and grants cannot be restored. So they travel in the
//! archive's header, compressed and sealed under the archive's own key.

use std::{
    io::Read as _,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use aes_gcm::{Aes256Gcm, KeyInit as _, aead::AeadInOut as _};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use tokio::io::AsyncReadExt as _;

use super::{
    ArchiveError, Source,
    child::{Started, check, ended, postgres, said, tail},
    format::{Header, not_ours},
    key::DataKey,
    programs::{Task, unstarted},
};
use crate::domain::environment::Engine;
use secrecy::ExposeSecret as _;

/// Roles and definitions are few; more is not what it seems to be.
const MOST: u64 = 64 << 20;
/// A server with a hundred thousand roles takes seconds.
const PATIENCE: Duration = Duration::from_secs(300);
/// What is sealed, so that it cannot be taken for a chunk of the dump.
const ASSOCIATED: &[u8] = b"bbws globals";
const NONCE: usize = 12;
const LEVEL: i32 = 3;

/// Asks pg_dumpall; nothing for other servers, whose accounts are no part of any schema's dump.
pub(super) async fn read(source: &Source) -> Result<Option<String>, ArchiveError> {
    if source.server.engine != Engine::Postgres {
        return Ok(None);
    }
    check(source)?;
    let Answer { name, status, text, stderr } = answer(source, postgres(source, Task::Globals).await?).await?;
    if !status.success() {
        return Err(ArchiveError::Permanent(format!(
            "{name} of {}:{} {}{}. Without the roles a dump cannot be restored, so nothing was stored. Mend that and dump again.",
            source.host,
            source.port,
            ended(status),
            said(&stderr, source.password.expose_secret())
        )));
    }
    let text = text.ok_or_else(|| {
        ArchiveError::Permanent(format!("{name} wrote what cannot be the server's roles. Nothing was stored."))
    })?;
    Ok(Some(text))
}

/// What a program wrote that tells little enough to be held.
pub(super) struct Answer {
    pub(super) name: String,
    pub(super) status: ExitStatus,
    /// Nothing where it was too long, or no text.
    pub(super) text: Option<String>,
    pub(super) stderr: Vec<u8>,
}

/// Starts it and waits for its end.
pub(super) async fn answer(source: &Source, started: Started) -> Result<Answer, ArchiveError> {
    let Started { mut command, secret, name, .. } = started;
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|e| unstarted(&name, &e))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(ArchiveError::Retryable(format!("{name} was started without its pipes. It is tried again.")));
    };
    let mut text = Vec::new();
    let mut stdout = stdout.take(MOST + 1);
    let work = async {
        let (read, stderr) = futures::future::join(stdout.read_to_end(&mut text), tail(stderr)).await;
        read.map_err(|e| ArchiveError::from_io(e, &format!("What {name} wrote could not be read")))?;
        Ok((child.wait().await.map_err(|e| unstarted(&name, &e))?, stderr))
    };
    let worked: Result<_, ArchiveError> = tokio::time::timeout(PATIENCE, work)
        .await
        .map_err(|_| ArchiveError::Retryable(format!("{name} of {} does not end. It is tried again.", source.host)))?;
    let (status, stderr) = worked?;
    drop(secret);
    let text = String::from_utf8(text).ok().filter(|text| text.len() as u64 <= MOST);
    Ok(Answer { name, status, text, stderr })
}

/// Compresses and seals.
pub(super) fn seal(text: &str, key: &DataKey) -> Result<String, ArchiveError> {
    let sealing = "The server's roles could not be sealed";
    let mut bytes = zstd::encode_all(text.as_bytes(), LEVEL).map_err(|e| ArchiveError::from_io(e, sealing))?;
    let nonce: [u8; NONCE] = rand::random();
    Aes256Gcm::new(key.expose().into())
        .encrypt_in_place(&nonce.into(), ASSOCIATED, &mut bytes)
        .map_err(|_| ArchiveError::Permanent(format!("{sealing}. Report this.")))?;
    Ok(BASE64.encode([nonce.as_slice(), &bytes].concat()))
}

/// SQL that makes the roles of the server an archive is from, without passwords; nothing for other engines and older archives.
///
/// # Errors
/// `Damaged` when they were changed, or when the key is another one.
pub fn roles(header: &Header, key: &DataKey) -> Result<Option<String>, ArchiveError> {
    let Some(sealed) = &header.globals else { return Ok(None) };
    let damaged = || not_ours("the roles in its header cannot be opened");
    let sealed = BASE64.decode(sealed).map_err(|_| damaged())?;
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
    let mut bytes = sealed.to_vec();
    Aes256Gcm::new(key.expose().into())
        .decrypt_in_place(&(*nonce).into(), ASSOCIATED, &mut bytes)
        .map_err(|_| damaged())?;
    let mut text = String::new();
    let decoder = zstd::Decoder::new(bytes.as_slice()).map_err(|_| damaged())?;
    decoder.take(MOST + 1).read_to_string(&mut text).map_err(|_| damaged())?;
    Ok(Some(text))
}
