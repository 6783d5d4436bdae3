//! A named question to restored data: one statement in a read-only transaction, of which nothing is told but whether its
//! answer is true.

use super::{
    Target,
    link::{Link, Mode},
};
use crate::domain::environment::Engine;

/// Asks. The statement is a part of another one that gives two rows at the most, so that it can be nothing but a query.
///
/// # Errors
/// Why it cannot be answered, a sentence without anything of what is in the database.
pub async fn ask(target: &Target, schema: &str, query: &str) -> Result<bool, String> {
    let mut link = open(target, schema).await?;
    let answer = put(&mut link, schema, query).await;
    link.close().await;
    answer
}

/// What the config calls a schema is in PostgreSQL a schema of the database that is signed in to, or a database.
async fn open(target: &Target, schema: &str) -> Result<Link, String> {
    let (mut link, _) = Link::open(target, Mode::Question).await?;
    if target.engine != Engine::Postgres {
        return Ok(link);
    }
    let found = link.ask("SELECT nspname::text FROM pg_namespace WHERE nspname = $1", &[schema]).await?;
    if !found.is_empty() {
        return Ok(link);
    }
    link.close().await;
    let there = Target { database: Some(schema.to_owned()), ..target.clone() };
    let (link, _) = Link::open(&there, Mode::Question).await?;
    Ok(link)
}

async fn put(link: &mut Link, schema: &str, query: &str) -> Result<bool, String> {
    let home = link.quoted(schema);
    if link.engine == Engine::Postgres {
        // Where there is no schema of that name, it is the database and `public` is meant.
        link.run(&format!("SET search_path = {home}, public")).await?;
        link.run("BEGIN TRANSACTION READ ONLY").await?;
    } else {
        link.discreet(&format!("USE {home}")).await.map_err(|_| format!("There is no schema {schema} in it."))?;
        link.run("START TRANSACTION READ ONLY").await?;
    }
    let query = query.trim().trim_end_matches(';');
    let rows = link.discreet(&format!("SELECT * FROM (\n{query}\n) AS bbws_question LIMIT 2")).await;
    // Nothing was written, so that it is over either way.
    let _ = link.run("ROLLBACK").await;
    let rows = rows?;
    let [row] = rows.as_slice() else {
        return Err(format!(
            "The answer has {} instead of one.",
            if rows.is_empty() { "no row" } else { "several rows" }
        ));
    };
    let [value] = row.as_slice() else {
        return Err(format!("The answer has {} columns instead of one.", row.len()));
    };
    match value.as_deref() {
        Some("1" | "t" | "true") => Ok(true),
        Some("0" | "f" | "false") => Ok(false),
        Some(_) => Err("The answer is neither true nor false.".to_owned()),
        None => Err("The answer is NULL, which is neither true nor false.".to_owned()),
    }
}
