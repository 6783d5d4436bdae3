//! The schema in which an operation writes down what it did, and what it did already.

use super::{
    super::{Target, catalogue, link::Link},
    Done, Hitch, State, Tenant, open, refuse,
    swap::SWAPPED,
    text::{number, quoted},
};
use crate::domain::environment::Engine;

/// The table that tells what was done: a row is written in the transaction that does it.
const DONE: &str = "bbws_done";

/// Makes the journal anew. Nothing of an operation that has changed anything is thrown away by it.
pub(super) async fn begin(link: &mut Link, tenant: &Tenant) -> Result<(), String> {
    let name = link.quoted(&tenant.journal());
    if catalogue::exists(link, &tenant.journal()).await? {
        drop_schema(link, &tenant.journal()).await?;
    }
    link.run(&format!("CREATE SCHEMA {name}")).await?;
    let done = link.table(&tenant.journal(), DONE);
    let engine = if link.engine == Engine::Postgres { "" } else { " ENGINE = InnoDB CHARACTER SET utf8mb4" };
    link.run(&format!("CREATE TABLE {done} (what varchar(16) PRIMARY KEY){engine}")).await
}

/// Writes down that something was done. Begun by whoever does it, in the same transaction where that is possible.
pub(super) async fn note(link: &mut Link, tenant: &Tenant, what: &str) -> Result<(), String> {
    let done = link.table(&tenant.journal(), DONE);
    let what = quoted(link, what);
    link.run(&format!("INSERT INTO {done} (what) VALUES ({what})")).await
}

/// Whether it is written down.
pub(super) async fn noted(link: &mut Link, tenant: &Tenant, what: &str) -> Result<bool, String> {
    if !has_table(link, &tenant.journal(), DONE).await? {
        return Ok(false);
    }
    let (done, what) = (link.table(&tenant.journal(), DONE), quoted(link, what));
    let count = super::text::counted(link, "COUNT(*)");
    Ok(number(link, &format!("SELECT {count} FROM {done} WHERE what = {what}")).await? > 0)
}

/// See [`super::Tenants::state`].
pub(super) async fn state(live: &Target, tenant: &Tenant) -> Result<State, String> {
    let mut link = open(live).await?;
    let found = of(&mut link, tenant).await;
    link.close().await;
    found
}

/// The same over a connection.
pub(super) async fn of(link: &mut Link, tenant: &Tenant) -> Result<State, String> {
    let undone = tables(link, &tenant.undone()).await? > 0;
    let before = tables(link, &tenant.before()).await? > 0 || unmarked(link, tenant).await?;
    Ok(State {
        staged: noted(link, tenant, "staged").await?,
        swapped: before && !undone,
        unswapped: undone || noted(link, tenant, "unswapped").await?,
        merged: noted(link, tenant, "merged").await? && !noted(link, tenant, "unmerged").await?,
        unmerged: noted(link, tenant, "unmerged").await?,
    })
}

/// MySQL, MariaDB: whether the tables were swapped by a build that moved nothing of its own along, and none of them left: what was
/// staged is written down as coming, and is not beside the live tables any more.
async fn unmarked(link: &mut Link, tenant: &Tenant) -> Result<bool, String> {
    if link.engine == Engine::Postgres
        || !has_table(link, &tenant.journal(), SWAPPED).await?
        || !catalogue::exists(link, &tenant.stage()).await?
        || tables(link, &tenant.stage()).await? > 0
    {
        return Ok(false);
    }
    let swapped = link.table(&tenant.journal(), SWAPPED);
    Ok(number(link, &format!("SELECT CAST(COUNT(*) AS CHAR) FROM {swapped}")).await? > 0)
}

/// Makes sure that what was not done is not done any more, by whoever may have begun it and not come to it yet.
pub(super) async fn never(link: &mut Link, tenant: &Tenant, undone: &str) -> Result<Done, String> {
    if has_table(link, &tenant.journal(), DONE).await? {
        note(link, tenant, undone).await?;
    }
    Ok(Done { count: 0, found: vec![format!("nothing of {} had been changed", tenant.schema)], issues: Vec::new() })
}

/// Tables in a schema, the one that moves with a swap among them; none where there is no such schema. PostgreSQL: a schema that is
/// there counts as one, for it is made or renamed by the transaction that swaps.
pub(super) async fn tables(link: &mut Link, schema: &str) -> Result<u64, String> {
    let name = quoted(link, schema);
    let sql = match link.engine {
        Engine::Postgres => format!("SELECT COUNT(*)::text FROM pg_namespace WHERE nspname = {name}"),
        _ => format!("SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {name}"),
    };
    number(link, &sql).await
}

pub(super) async fn has_table(link: &mut Link, schema: &str, table: &str) -> Result<bool, String> {
    let (schema, table) = (quoted(link, schema), quoted(link, table));
    let sql = match link.engine {
        Engine::Postgres => {
            format!("SELECT COUNT(*)::text FROM pg_tables WHERE schemaname = {schema} AND tablename = {table}")
        }
        _ => format!(
            "SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {table}"
        ),
    };
    Ok(number(link, &sql).await? > 0)
}

/// Only ever a schema whose name ends as ours do.
pub(super) async fn drop_schema(link: &mut Link, name: &str) -> Result<(), String> {
    debug_assert!(name.contains("__"), "only what this product made is dropped");
    let quoted = link.quoted(name);
    let cascade = if link.engine == Engine::Postgres { " CASCADE" } else { "" };
    link.run(&format!("DROP SCHEMA IF EXISTS {quoted}{cascade}")).await
}

/// See [`super::Tenants::clear`].
pub(super) async fn clear(live: &Target, tenant: &Tenant) -> Result<(), String> {
    let mut link = open(live).await?;
    let state = of(&mut link, tenant).await?;
    let cleared = async {
        drop_schema(&mut link, &tenant.stage()).await?;
        // What was done can be taken back only by what is written down.
        if !(state.merged || state.swapped) {
            drop_schema(&mut link, &tenant.journal()).await?;
        }
        Ok(())
    };
    let cleared = cleared.await;
    link.close().await;
    cleared
}

/// One change of a tenant's rows at a time on a server; freed with the connection. While another holds it, what that did is
/// not known yet.
pub(super) async fn lock(link: &mut Link, tenant: &Tenant) -> Result<(), String> {
    let got = match link.engine {
        Engine::Postgres => {
            let name = quoted(link, &tenant.journal());
            link.ask(&format!("SELECT pg_try_advisory_lock(hashtextextended({name}, 7))::text"), &[]).await?
        }
        _ => {
            // Names of locks are at most 64 letters long, as those of schemas.
            let name = quoted(link, &tenant.journal());
            link.ask(&format!("SELECT CAST(GET_LOCK({name}, 5) AS CHAR)"), &[]).await?
        }
    };
    match got.into_iter().flatten().flatten().next().as_deref() {
        Some("1" | "true" | "t") => Ok(()),
        _ => Err(format!(
            "Another session is at work on {} for this operation. It is looked at again when that is done.",
            tenant.schema
        )),
    }
}

/// Whether an operation staged this tenant to its end.
pub(super) async fn ready(link: &mut Link, tenant: &Tenant) -> Result<(), Hitch> {
    if noted(link, tenant, "staged").await? {
        return Ok(());
    }
    let stage = quoted(link, &tenant.stage());
    refuse(format!(
        "Nothing was put beside {} for this operation ({stage} is not complete). Ask for a new restore.",
        tenant.schema
    ))
}
