//! Which program speaks to which server: the right kind, of the right version, started with nothing of ours in sight.
//!
//! PostgreSQL: the server's own major version, since an older pg_dump refuses a newer server and an older server refuses what
//! a newer pg_restore sends. MySQL: Oracle's programs, since MariaDB's write generated values into INSERTs, which MySQL refuses
//! when they are loaded. MariaDB: its own, since Oracle's write its sequences as tables.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::Command;

use super::ArchiveError;
use crate::domain::environment::Engine;

/// Folders with programs, as `PATH` has them; `<major>` in them is the server's major version.
pub const VARIABLE: &str = "BBWS_DATABASE_PROGRAMS";
/// Where Debian and PostgreSQL's own packages put them.
const DEBIAN: &str = "/usr/lib/postgresql/<major>/bin";
const MAJOR: &str = "<major>";
/// A program that was asked for its version answers at once.
const VERSION: Duration = Duration::from_secs(10);

/// A server as it says of itself: what it is, and its major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// What it is, whatever the config calls it.
    pub engine: Engine,
    /// Major version: 15 of PostgreSQL 15.4, 8 of MySQL 8.4.
    pub major: u32,
}

/// Where programs are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    folders: Vec<String>,
}

impl Programs {
    /// In folders of one's own, the first ones first, and nowhere else.
    pub fn only(folders: &[&str]) -> Programs {
        Programs { folders: folders.iter().map(|folder| (*folder).to_owned()).collect() }
    }

    /// Where the variables say, in Debian's place, and in `PATH`.
    pub fn installed() -> Programs {
        let of = |name| std::env::var_os(name).unwrap_or_default();
        let split = |text: &std::ffi::OsString| -> Vec<String> {
            std::env::split_paths(text).filter_map(|path| path.to_str().map(str::to_owned)).collect()
        };
        let mut folders = split(&of(VARIABLE));
        folders.push(DEBIAN.to_owned());
        folders.extend(split(&of("PATH")));
        Programs { folders }
    }

    /// The program that dumps, restores or tells of `server`.
    pub(super) async fn of(&self, server: Release, task: Task) -> Result<Program, ArchiveError> {
        let names = task.names(server.engine);
        let mut others = Vec::new();
        for folder in &self.folders {
            let folder = PathBuf::from(folder.replace(MAJOR, &server.major.to_string()));
            for path in names.iter().map(|name| folder.join(name)).filter(|path| runs(path)) {
                let said = version(&path).await?;
                if suits(server, &said) {
                    return Ok(Program { path });
                }
                others.push(format!("{} ({said})", path.display()));
            }
        }
        Err(missing(server, &names, &others))
    }

    /// The newest of its name: it reads what all older ones wrote.
    pub(super) fn newest(&self, name: &str) -> Result<Program, ArchiveError> {
        let mut folders = Vec::new();
        for folder in &self.folders {
            let Some((before, after)) = folder.split_once(MAJOR) else {
                folders.push(PathBuf::from(folder));
                continue;
            };
            let entries = std::fs::read_dir(before).into_iter().flatten().flatten();
            let mut versions: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
            versions.sort_unstable_by(|a, b| b.cmp(a));
            folders.extend(versions.iter().map(|version| PathBuf::from(format!("{before}{version}{after}"))));
        }
        let path = folders.into_iter().map(|folder| folder.join(name)).find(|path| runs(path));
        let path = path.ok_or_else(|| {
            ArchiveError::Permanent(format!(
                "There is no {name} on this machine. Install it where bbws runs (Debian: postgresql-client), or name its folder in {VARIABLE}."
            ))
        })?;
        Ok(Program { path })
    }
}

impl Default for Programs {
    fn default() -> Programs {
        Programs::installed()
    }
}

/// What a program is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Dump,
    Globals,
    Define,
    Load,
}

impl Task {
    fn names(self, engine: Engine) -> Vec<&'static str> {
        match (self, engine) {
            (Task::Dump | Task::Define, Engine::Postgres) => vec!["pg_dump"],
            (Task::Globals, _) => vec!["pg_dumpall"],
            (Task::Load, Engine::Postgres) => vec!["pg_restore"],
            (Task::Dump | Task::Define, Engine::Mysql) => vec!["mysqldump"],
            (Task::Load, Engine::Mysql) => vec!["mysql"],
            (Task::Dump | Task::Define, Engine::Mariadb) => vec!["mariadb-dump", "mysqldump"],
            (Task::Load, Engine::Mariadb) => vec!["mariadb", "mysql"],
        }
    }
}

/// A program that was found.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
}

impl Program {
    pub(super) fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// A command with nothing of ours in its environment: that has tokens in it.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env_clear().env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()));
        command.current_dir("/").stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Whether it knows an option, by its own help.
    pub(super) async fn knows(&self, option: &str) -> Result<bool, ArchiveError> {
        let help = ask(&self.path, &["--no-defaults", "--help"]).await?;
        Ok(help.split_whitespace().any(|word| word.trim_end_matches(',') == option))
    }
}

fn runs(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

async fn version(path: &Path) -> Result<String, ArchiveError> {
    let said = ask(path, &["--version"]).await?;
    Ok(said.lines().next().unwrap_or_default().trim().chars().take(120).collect())
}

async fn ask(path: &Path, arguments: &[&str]) -> Result<String, ArchiveError> {
    let program = Program { path: path.to_owned() };
    let name = program.name();
    let asked = tokio::time::timeout(VERSION, program.command().args(arguments).output()).await;
    let answer = asked.map_err(|_| {
        ArchiveError::Retryable(format!("{name} {} does not end. It is tried again.", arguments.join(" ")))
    })?;
    let answer = answer.map_err(|e| unstarted(&name, &e))?;
    Ok(String::from_utf8_lossy(&answer.stdout).into_owned())
}

/// Whether a program that says this of itself is the one for the server.
fn suits(server: Release, said: &str) -> bool {
    match server.engine {
        Engine::Postgres => postgres_major(said) == Some(server.major),
        Engine::Mysql => !said.contains("MariaDB"),
        Engine::Mariadb => said.contains("MariaDB"),
    }
}

/// 15 of `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn postgres_major(said: &str) -> Option<u32> {
    let (_, after) = said.split_once("(PostgreSQL) ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn missing(server: Release, names: &[&str], others: &[String]) -> ArchiveError {
    let Release { engine, major } = server;
    let wanted = names.join(" or ");
    let found = if others.is_empty() { String::new() } else { format!(" Not suited: {}.", others.join(", ")) };
    let (why, next) = match engine {
        Engine::Postgres => (
            format!(
                "The server is PostgreSQL {major}, and this machine has no {wanted} of version {major}; another one cannot be relied on."
            ),
            format!("Install postgresql-client-{major} where bbws runs"),
        ),
        Engine::Mysql => (
            format!(
                "The server is MySQL, and this machine has no {wanted} of Oracle's; MariaDB's writes generated columns that MySQL does not take back."
            ),
            "Install mysql-community-client where bbws runs".to_owned(),
        ),
        Engine::Mariadb => (
            format!(
                "The server is MariaDB, and this machine has no {wanted} of MariaDB's; Oracle's writes its sequences as tables."
            ),
            "Install mariadb-client where bbws runs".to_owned(),
        ),
    };
    ArchiveError::Permanent(format!("{why}{found} {next}, or name its folder in {VARIABLE}."))
}

/// A program that the system would not start.
pub(super) fn unstarted(name: &str, error: &std::io::Error) -> ArchiveError {
    ArchiveError::Permanent(format!("{name} cannot be run: {error}. Install it where bbws runs."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_own_program() {
        let of = |engine, major| Release { engine, major };
        let pg15 = "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)";
        let maria = "mysqldump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)";
        let oracle = "mysqldump  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)";
        assert!(suits(of(Engine::Postgres, 15), pg15) && !suits(of(Engine::Postgres, 16), pg15));
        assert!(suits(of(Engine::Postgres, 18), "pg_restore (PostgreSQL) 18beta1"));
        assert!(suits(of(Engine::Mariadb, 10), maria) && !suits(of(Engine::Mariadb, 10), oracle));
        assert!(suits(of(Engine::Mysql, 8), oracle) && !suits(of(Engine::Mysql, 8), maria));
        assert!(!suits(of(Engine::Postgres, 15), ""));
    }
}
