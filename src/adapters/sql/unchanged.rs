//! Tables of the source that provably did not change since the moment that a copy is of: there every row has to be the copy's.
//!
//! A copy is rightly older than what is live, so that most of what differs says nothing against it. Of these tables it does. Only what
//! a server itself vouches for counts: silence of its statistics is no proof, since they are lost when it crashes.

use std::{collections::BTreeSet, time::Duration};

use super::link::Link;
use crate::domain::{environment::Engine, moment::Moment};

/// What changed shortly before that moment may have been written after it: clocks differ, and statistics come late.
const MARGIN: Duration = Duration::from_secs(600);
/// The first PostgreSQL whose counters lose nothing on their way.
const COUNTS_ALL: u32 = 150_000;

/// Their names. Tables that are left out may have changed or not.
pub(super) async fn since(source: &mut Link, schema: &str, at: Moment) -> Result<BTreeSet<String>, String> {
    let before = (at - MARGIN).iso();
    // Neither server reads the same spelling of a moment in UTC.
    if source.engine == Engine::Postgres && version(source).await? < COUNTS_ALL {
        return Ok(BTreeSet::new());
    }
    let (sql, before) = match source.engine {
        // What was changed since the last analysis is counted exactly. A truncation is not counted: what is empty proves nothing.
        Engine::Postgres => (
            "SELECT s.relname::text FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid
             WHERE s.schemaname = $1 AND c.relkind = 'r' AND s.n_mod_since_analyze = 0
               AND greatest(s.last_analyze, s.last_autoanalyze) < $2::text::timestamptz",
            before,
        ),
        // Of InnoDB the time is kept in memory: NULL means that nobody knows. A table that was made or altered since is another one.
        Engine::Mysql | Engine::Mariadb => (
            "SELECT TABLE_NAME FROM information_schema.TABLES
             WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE' AND GREATEST(UPDATE_TIME, CREATE_TIME) < ?",
            before.replace('T', " ").trim_end_matches('Z').to_owned(),
        ),
    };
    Ok(source.ask(sql, &[schema, &before]).await?.into_iter().flatten().flatten().collect())
}

async fn version(link: &mut Link) -> Result<u32, String> {
    let told = link.ask("SELECT current_setting('server_version_num')", &[]).await?;
    told.into_iter()
        .flatten()
        .flatten()
        .next()
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| "The server does not tell its version.".to_owned())
}
