//! The restored database takes writes: a table of our own is made, written, read back, emptied and dropped.

use super::{
    Target,
    link::{Link, Mode},
};
use crate::domain::environment::Engine;

/// Never on the source, and never on what may be the source.
pub(super) async fn write(
    link: &mut Link,
    restored: &Target,
    source: Option<&Target>,
    schema: &str,
    token: &str,
) -> Result<String, String> {
    let is_source = |source: &Target| source.host.eq_ignore_ascii_case(&restored.host) && source.port == restored.port;
    let databases = (restored.engine == Engine::Postgres)
        .then(|| (source.and_then(|s| s.database.as_ref()), restored.database.as_ref()));
    if source.is_some_and(is_source) && databases.is_none_or(|(theirs, ours)| theirs == ours) {
        return Err(format!("{} is the source itself, to which nothing is ever written.", restored.name()));
    }
    if token.is_empty()
        || token.len() > 40
        || !token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    {
        return Err(format!("`{}` cannot be part of a table's name, so nothing was written.", token.escape_default()));
    }
    let name = format!("bbws_canary_{token}");
    let table = link.table(schema, &name);
    if link.engine == Engine::Postgres {
        // All of it is one transaction: whatever happens to us, nothing of it is ever seen.
        link.run("BEGIN").await?;
        link.run(&format!("CREATE TABLE {table} (token text PRIMARY KEY)"))
            .await
            .map_err(|why| refused(&name, &why))?;
        let answer = round(link, &table, token).await;
        link.run(if answer.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
        return answer.map(|()| done(&name)).map_err(|why| refused(&name, &why));
    }
    // A statement that makes a table commits at once: from here on it has to be dropped whatever happens.
    let mut leftover = Leftover { target: Some(restored.clone()), drop: format!("DROP TABLE IF EXISTS {table}") };
    let made = link.run(&format!("CREATE TABLE {table} (token varchar(64) PRIMARY KEY) ENGINE = InnoDB")).await;
    if let Err(why) = made {
        // It may be somebody else's, which is not ours to drop; a lost answer is the only other case.
        if !why.contains("did not answer") {
            leftover.target = None;
        }
        return Err(refused(&name, &why));
    }
    let answer = round(link, &table, token).await;
    if answer.is_ok() || link.run(&leftover.drop).await.is_ok() {
        leftover.target = None;
    }
    answer.map(|()| done(&name)).map_err(|why| refused(&name, &why))
}

/// Written, read back, deleted, gone, dropped.
async fn round(link: &mut Link, table: &str, token: &str) -> Result<(), String> {
    link.run(&format!("INSERT INTO {table} (token) VALUES ('{token}')")).await?;
    let select = match link.engine {
        Engine::Postgres => format!("SELECT token::text FROM {table}"),
        _ => format!("SELECT token FROM {table}"),
    };
    if link.ask(&select, &[]).await? != [vec![Some(token.to_owned())]] {
        return Err("What was read back is not what was written.".to_owned());
    }
    link.run(&format!("DELETE FROM {table}")).await?;
    if !link.ask(&select, &[]).await?.is_empty() {
        return Err("What was deleted is still there.".to_owned());
    }
    link.run(&format!("DROP TABLE {table}")).await
}

fn done(name: &str) -> String {
    format!("Table {name} was made, written, read back equal, emptied and dropped.")
}

fn refused(name: &str, why: &str) -> String {
    format!("The database does not take writes to table {name}: {why}")
}

/// Drops the table from a connection of its own when we did not get that far, also when the validation was cancelled.
struct Leftover {
    target: Option<Target>,
    drop: String,
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let (Some(target), Ok(runtime)) = (self.target.take(), tokio::runtime::Handle::try_current()) else { return };
        let drop = std::mem::take(&mut self.drop);
        runtime.spawn(async move {
            let dropped = match Link::open(&target, Mode::Write).await {
                Ok((mut link, _)) => link.run(&drop).await,
                Err(why) => Err(why),
            };
            if let Err(why) = dropped {
                tracing::error!(%why, sql = %drop, server = %target.name(), "a canary table may be left; run this there");
            }
        });
    }
}
