//! How a PostgreSQL schema is built, as SQL, by the server's own dump program. No rows.

use secrecy::ExposeSecret as _;

use super::{
    ArchiveError, Source,
    child::{check, ended, postgres, said},
    globals::{Answer, answer},
    programs::Task,
};

/// Which part of the definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What has to be there before rows are.
    Before,
    /// Indexes, constraints, triggers.
    After,
}

/// The definitions of a schema, or of these tables in it, as pg_dump writes them.
///
/// # Errors
/// As a dump's; nothing is written anywhere.
pub async fn define(
    source: &Source,
    schema: &str,
    tables: &[String],
    section: Section,
) -> Result<String, ArchiveError> {
    check(source)?;
    let mut started = postgres(source, Task::Define).await?;
    // The options take patterns; in double quotes they are names.
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    started.command.arg(match section {
        Section::Before => "--section=pre-data",
        Section::After => "--section=post-data",
    });
    if tables.is_empty() {
        started.command.arg(format!("--schema={}", quoted(schema)));
    }
    for table in tables {
        started.command.arg(format!("--table={}.{}", quoted(schema), quoted(table)));
    }
    let Answer { name, status, text, stderr } = answer(source, started).await?;
    if !status.success() {
        return Err(ArchiveError::Permanent(format!(
            "{name} of {}:{} {}{}. Without the definitions of {schema} it cannot be put beside the live one. Mend that and ask again.",
            source.host,
            source.port,
            ended(status),
            said(&stderr, source.password.expose_secret())
        )));
    }
    text.ok_or_else(|| ArchiveError::Permanent(format!("{name} wrote what cannot be the definitions of {schema}.")))
}
