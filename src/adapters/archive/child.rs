//! The programs that dump and that read a table of contents: found, started without any secret in sight, watched.

use std::{
    ffi::OsString,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use secrecy::{ExposeSecret as _, zeroize::Zeroizing};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{ChildStdout, Command},
    task::JoinHandle,
};

use super::{
    ArchiveError, Source,
    programs::{Program, Task, unstarted},
    relay::Relay,
};
use crate::domain::environment::Engine;

/// A database that does not answer is given up.
const CONNECT_SECONDS: u32 = 20;
/// How much of what a program says is kept, and how many lines of that are told.
const KEPT: usize = 8 * 1024;
const LINES: usize = 4;
/// A program that has closed its output has nothing left to do.
const ENDING: Duration = Duration::from_secs(60);

/// A dump under way. Dropping it kills the program.
pub(super) struct Dump {
    pub(super) name: String,
    pub(super) stdout: ChildStdout,
    process: tokio::process::Child,
    stderr: JoinHandle<Vec<u8>>,
    secret: Option<SecretFile>,
    relay: Option<Relay>,
    password: Zeroizing<String>,
    from: String,
}

impl Dump {
    /// Starts the program for this engine.
    pub(super) async fn start(source: &Source) -> Result<Dump, ArchiveError> {
        check(source)?;
        let Started { mut command, secret, relay, name } = match source.server.engine {
            Engine::Postgres => postgres(source, Task::Dump).await?,
            Engine::Mysql | Engine::Mariadb => mysql(source, Task::Dump).await?,
        };
        let mut process = command.stdout(Stdio::piped()).spawn().map_err(|e| unstarted(&name, &e))?;
        let (Some(stdout), Some(stderr)) = (process.stdout.take(), process.stderr.take()) else {
            return Err(ArchiveError::Retryable(format!("{name} was started without its pipes. It is tried again.")));
        };
        let from = format!("{}:{}", source.host, source.port);
        let password = Zeroizing::new(source.password.expose_secret().to_owned());
        let stderr = tokio::spawn(tail(stderr));
        Ok(Dump { name, stdout, process, stderr, secret: Some(secret), relay, password, from })
    }

    /// It writes, so it has signed in: nobody needs the password any more.
    pub(super) fn signed_in(&mut self) {
        self.secret = None;
    }

    /// Waits for its end, which is good only with status 0.
    pub(super) async fn end(mut self) -> Result<(), ArchiveError> {
        let ending = tokio::time::timeout(ENDING, self.process.wait()).await;
        let status = ending.map_err(|_| {
            ArchiveError::Retryable(format!(
                "{} wrote everything but does not end, and was killed. It is tried again.",
                self.name
            ))
        })?;
        let status = status.map_err(|e| unstarted(&self.name, &e))?;
        self.secret = None;
        if status.success() {
            return Ok(());
        }
        let said = said(&self.stderr.await.unwrap_or_default(), &self.password);
        if let Some(relay) = self.relay
            && let Some(why) = relay.refused().await
        {
            return Err(ArchiveError::Permanent(format!(
                "{} did not sign in to {}: {why}, and bbws dumps over TLS (SSL) only. Nothing was stored. Switch TLS on at the \
                 server, then dump again.",
                self.name, self.from
            )));
        }
        Err(ArchiveError::Permanent(format!(
            "{} of {} {}{said}. Nothing was stored. Mend that and dump again.",
            self.name,
            self.from,
            ended(status)
        )))
    }
}

/// A command that is ready to be started, and what has to live as long as it runs.
pub(super) struct Started {
    pub(super) command: Command,
    pub(super) secret: SecretFile,
    pub(super) relay: Option<Relay>,
    pub(super) name: String,
}

/// What a program said at its end, as the rest of a sentence, without the password.
pub(super) fn said(stderr: &[u8], password: &str) -> String {
    let text = String::from_utf8_lossy(stderr);
    let text = if password.is_empty() { text.into_owned() } else { text.replace(password, "…") };
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return " and said nothing".to_owned();
    }
    let last: Vec<String> =
        lines[lines.len().saturating_sub(LINES)..].iter().map(|line| line.chars().take(300).collect()).collect();
    format!(" and said: {}", last.join(" / ").trim_end_matches('.'))
}

/// The end of a program, as the middle of a sentence.
pub(super) fn ended(status: ExitStatus) -> String {
    status.code().map_or_else(|| format!("was killed ({status})"), |code| format!("ended with status {code}"))
}

/// Reads to the end and keeps the last of it.
pub(super) async fn tail(mut from: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 2048];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
    kept
}

pub(super) fn check(source: &Source) -> Result<(), ArchiveError> {
    let refused =
        |what: &str| Err(ArchiveError::Permanent(format!("{what} Correct the database's secret or the config file.")));
    let is_name = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    if source.host.is_empty() || source.host.starts_with('-') || !source.host.chars().all(is_name) {
        return refused(&format!("`{}` is not a host name or address.", source.host.escape_default()));
    }
    if source.username.is_empty() || source.username.contains(['\0', '\n', '\r']) {
        return refused("The user name is empty or has a line break.");
    }
    if source.password.expose_secret().contains(['\0', '\n', '\r']) {
        return refused("The password has a line break, which no dump program takes.");
    }
    if source.server.engine == Engine::Postgres && source.database.is_none() {
        return refused(
            "Which database of the PostgreSQL server is to be dumped is not said (`dbname` in the secret).",
        );
    }
    if source.schemas.iter().chain(&source.database).any(|name| name.is_empty() || name.contains('\0')) {
        return refused("The name of a schema or database is empty or has a NUL in it.");
    }
    Ok(())
}

/// PostgreSQL's programs: only options on the command line; the rest in variables, the password in a file.
pub(super) async fn postgres(source: &Source, task: Task) -> Result<Started, ArchiveError> {
    let program = source.programs.of(source.server, task).await?;
    let escaped = source.password.expose_secret().replace('\\', "\\\\").replace(':', "\\:");
    let secret = SecretFile::new(&Zeroizing::new(format!("*:*:*:*:{}\n", Zeroizing::new(escaped).as_str())))?;
    let mut command = program.command();
    command
        .env("PGHOST", &source.host)
        .env("PGPORT", source.port.to_string())
        .env("PGUSER", &source.username)
        .env("PGPASSFILE", &secret.path)
        .env("PGCONNECT_TIMEOUT", CONNECT_SECONDS.to_string())
        .env("PGAPPNAME", "bbws")
        .env("PGGSSENCMODE", "disable");
    match &source.ca {
        Some(ca) => command.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", ca),
        None => command.env("PGSSLMODE", "require"),
    };
    let database = source.database.as_deref().unwrap_or_default();
    match task {
        Task::Dump => {
            command.args(["--format=custom", "--compress=0", "--no-password", "--lock-wait-timeout=60000"]);
            command.env("PGDATABASE", database);
        }
        // Password hashes are no part of a backup: whoever reads it could try them out.
        Task::Globals => {
            command.args(["--globals-only", "--no-role-passwords", "--no-tablespaces", "--no-password"]);
        }
        Task::Define => {
            command.args(["--format=plain", "--no-password", "--lock-wait-timeout=60000", "--strict-names"]);
            command.env("PGDATABASE", database);
        }
        // All or nothing: what stops in the middle leaves tables without their keys. `--dbname` takes a whole connection
        // string as well, so the name is quoted in one.
        Task::Load => {
            let quoted = database.replace('\\', "\\\\").replace('\'', "\\'");
            command.args(["--single-transaction", "--exit-on-error", "--no-password"]);
            command.arg(format!("--dbname=dbname='{quoted}'"));
        }
    }
    if task == Task::Dump {
        for schema in &source.schemas {
            // The option takes a pattern; in double quotes it is a name.
            command.arg(format!("--schema=\"{}\"", schema.replace('"', "\"\"")));
        }
        if !source.schemas.is_empty() {
            command.arg("--strict-names");
        }
    }
    Ok(Started { command, secret, relay: None, name: program.name() })
}

/// MariaDB's and MySQL's programs: host, user and password in an option file, and no other option file is read.
pub(super) async fn mysql(source: &Source, task: Task) -> Result<Started, ArchiveError> {
    let program = source.programs.of(source.server, task).await?;
    let name = program.name();
    let of_mariadb = source.server.engine == Engine::Mariadb;
    let relay = match &source.ca {
        None if of_mariadb => Some(Relay::start(&source.host, source.port).await.map_err(|e| {
            ArchiveError::Retryable(format!("No port on this machine is free for {name} ({e}). It is tried again."))
        })?),
        _ => None,
    };
    let place = relay.as_ref().map_or((source.host.as_str(), source.port), |relay| ("127.0.0.1", relay.port));
    let secret = SecretFile::new(&options(source, place, of_mariadb)?)?;
    let mut command = program.command();
    let mut file = OsString::from("--defaults-file=");
    file.push(&secret.path);
    // It has to be the first option.
    command.arg(file).args(["--default-character-set=utf8mb4", "--max-allowed-packet=1G"]);
    match task {
        Task::Load => {
            command.args(["--batch", "--binary-mode"]);
        }
        Task::Dump | Task::Globals | Task::Define => dumping(&mut command, &program, source, of_mariadb).await?,
    }
    Ok(Started { command, secret, relay, name })
}

/// What a dump has to be, so that it can be loaded again. Binary values stay as they are: in hexadecimal they are twice as
/// long, and a server that was not told otherwise takes statements of 16 MiB. Tables are not locked while they are loaded:
/// under LOCK TABLES no other table may be used, so a default that asks a sequence could not be made.
async fn dumping(
    command: &mut Command,
    program: &Program,
    source: &Source,
    of_mariadb: bool,
) -> Result<(), ArchiveError> {
    command.args([
        "--single-transaction",
        "--quick",
        "--routines",
        "--triggers",
        "--events",
        "--skip-add-locks",
        "--no-tablespaces",
    ]);
    if !of_mariadb {
        command.arg("--set-gtid-purged=OFF");
        // It asks for a table that servers before 8 do not have; later programs do not know it any more.
        if program.knows("--column-statistics").await? {
            command.arg("--column-statistics=0");
        }
    }
    if source.history {
        if !program.knows("--dump-history").await? {
            return Err(ArchiveError::Permanent(format!(
                "Tables of the database keep the history of their rows, which this {} does not dump. Install mariadb-client 10.11 or newer where bbws runs.",
                program.name()
            )));
        }
        command.arg("--dump-history");
    }
    if source.schemas.is_empty() {
        command.arg("--all-databases");
    } else {
        command.args(["--databases", "--"]).args(&source.schemas);
    }
    Ok(())
}

/// The option file. MariaDB's and MySQL's programs ask for TLS in different words, and neither takes the other's.
fn options(source: &Source, (host, port): (&str, u16), of_mariadb: bool) -> Result<Zeroizing<String>, ArchiveError> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let password = Zeroizing::new(quoted(source.password.expose_secret()));
    let mut lines =
        format!("[client]\nprotocol=tcp\nhost={}\nport={}\nuser={}\n", quoted(host), port, quoted(&source.username));
    let ca = source.ca.as_ref().map(|path| path.to_str().filter(|p| !p.contains(['\n', '\r'])).map(quoted));
    match (ca, of_mariadb) {
        (Some(None), _) => {
            return Err(ArchiveError::Permanent("The path of the CA bundle is not plain text. Move the file.".into()));
        }
        (Some(Some(ca)), true) => lines.push_str(&format!("ssl=1\nssl-ca={ca}\nssl-verify-server-cert=1\n")),
        (Some(Some(ca)), false) => lines.push_str(&format!("ssl-mode=VERIFY_IDENTITY\nssl-ca={ca}\n")),
        (None, true) => lines.push_str("ssl=1\nssl-verify-server-cert=0\n"),
        (None, false) => lines.push_str("ssl-mode=REQUIRED\n"),
    }
    let mut whole = Zeroizing::new(String::with_capacity(lines.len() + password.len() + 16));
    whole.push_str(&lines);
    whole.push_str("password=");
    whole.push_str(&password);
    whole.push('\n');
    Ok(whole)
}

/// A file that only this user can read, in memory where there is such a place; gone with the value.
pub(super) struct SecretFile {
    folder: PathBuf,
    path: PathBuf,
}

impl SecretFile {
    fn new(content: &str) -> Result<SecretFile, ArchiveError> {
        let mut why = String::new();
        for place in [PathBuf::from("/dev/shm"), std::env::temp_dir()] {
            match SecretFile::in_folder(&place, content) {
                Ok(file) => return Ok(file),
                Err(error) => why = format!("{}: {error}", place.display()),
            }
        }
        Err(ArchiveError::Permanent(format!(
            "There is no place for the file that hands the password to the dump program ({why}). Give bbws a writable /tmp."
        )))
    }

    fn in_folder(place: &Path, content: &str) -> std::io::Result<SecretFile> {
        let folder = place.join(format!("bbws-{:032x}", rand::random::<u128>()));
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let file = SecretFile { path: folder.join("login"), folder };
        let mut open = std::fs::OpenOptions::new();
        open.write(true).create_new(true).mode(0o600).open(&file.path)?.write_all(content.as_bytes())?;
        Ok(file)
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        let removed = std::fs::remove_file(&self.path).and_then(|()| std::fs::remove_dir(&self.folder));
        if let Err(error) = removed {
            tracing::error!(path = %self.path.display(), %error, "a file with a password could not be removed; remove it");
        }
    }
}
