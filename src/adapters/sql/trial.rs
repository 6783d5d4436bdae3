//! A server of the test's own, into which a dump is loaded to see that it can be, and from which it is taken away again.
//!
//! A dump makes its schemas anew and drops what is in their way, so nothing is loaded where anything is in the way, and never
//! into the server that was dumped. What is to be loaded is written down there first: a load that was cut off is recognised
//! by that and cleared away by the next.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{
    Incoming, Room, Target, catalogue,
    inventory::{self, Identity},
    link::{Link, Mode},
};
use crate::domain::environment::Engine;

/// Where a load writes down its schemas (MySQL, MariaDB), and what the names of its databases begin with (PostgreSQL).
const PLACE: &str = "bbws_load";
/// One load at a time: `bbws_load` as a number.
const LOCK: i64 = 0x6262_7773_6c6f;
/// How long another load is waited for, in seconds.
const WAIT: u32 = 240;

/// A place that is ready to be loaded into. One at a time on a server.
pub struct Trial {
    link: Link,
    target: Target,
    schemas: BTreeSet<String>,
}

impl Trial {
    /// Makes room for a dump of `source`. PostgreSQL: a new database is made, and its roles where they are missing.
    ///
    /// # Errors
    /// A sentence for people; nothing is left then.
    pub async fn prepare(target: &Target, source: &Target, incoming: Incoming) -> Result<(Trial, Identity), String> {
        let Incoming { token, schemas, roles, events } = incoming;
        let is_source = target.host.eq_ignore_ascii_case(&source.host) && target.port == source.port;
        if is_source {
            return Err(format!("{} is the server that was dumped, into which nothing is ever loaded.", target.name()));
        }
        let (mut link, _) = Link::open(target, Mode::Write).await?;
        let identity = inventory::identity(&mut link).await?;
        let theirs = inventory::identify(source).await?;
        if (identity.engine, identity.major) != (theirs.engine, theirs.major) {
            return Err(format!(
                "{} is {} {}, the server that was dumped is {} {}. Load into one of the same kind and version.",
                target.name(),
                identity.engine,
                identity.version,
                theirs.engine,
                theirs.version
            ));
        }
        let name = format!("{PLACE}_{token}");
        let mut trial = Trial { link, target: target.clone(), schemas };
        trial.lock().await?;
        trial.clear_left().await?;
        let ready = match trial.link.engine {
            Engine::Postgres => trial.database(source, &name, &roles).await,
            _ => trial.room(source, events).await,
        };
        if let Err(why) = ready {
            Box::new(trial).clear().await?;
            return Err(why);
        }
        Ok((trial, identity))
    }

    async fn lock(&mut self) -> Result<(), String> {
        let got = match self.link.engine {
            Engine::Postgres => {
                self.link.run(&format!("SET lock_timeout = '{WAIT}s'; SELECT pg_advisory_lock({LOCK})")).await.is_ok()
            }
            _ => {
                let sql = format!("SELECT CAST(GET_LOCK('{PLACE}', {WAIT}) AS CHAR)");
                self.link.ask(&sql, &[]).await? == [vec![Some("1".to_owned())]]
            }
        };
        let name = self.target.name();
        if got {
            Ok(())
        } else {
            Err(format!("Another dump is being loaded into {name}. Try again when that is done."))
        }
    }

    /// What this and earlier loads left.
    async fn clear_left(&mut self) -> Result<(), String> {
        if self.link.engine == Engine::Postgres {
            let sql = "SELECT datname::text FROM pg_database WHERE datname LIKE 'bbws\\_load\\_%'";
            for name in self.link.ask(sql, &[]).await?.into_iter().flatten().flatten() {
                let name = self.link.quoted(&name);
                self.link.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
            }
            return Ok(());
        }
        if !catalogue::exists(&mut self.link, PLACE).await? {
            return Ok(());
        }
        // A load that was cut off may have made the one without the other.
        self.link.run(&format!("CREATE TABLE IF NOT EXISTS {PLACE}.loads (name varchar(64) PRIMARY KEY)")).await?;
        for name in
            self.link.ask(&format!("SELECT name FROM {PLACE}.loads"), &[]).await?.into_iter().flatten().flatten()
        {
            let name = self.link.quoted(&name);
            self.link.run(&format!("DROP DATABASE IF EXISTS {name}")).await?;
        }
        self.link.run(&format!("DROP DATABASE {PLACE}")).await
    }

    /// MySQL and MariaDB: nothing may be in the way.
    async fn room(&mut self, source: &Target, events: bool) -> Result<(), String> {
        let scheduler = self.link.ask("SELECT CAST(@@GLOBAL.event_scheduler AS CHAR)", &[]).await?;
        if events && scheduler.iter().flatten().flatten().any(|state| state == "ON" || state == "1") {
            return Err(format!(
                "The event scheduler of {} runs, so that events of the dump would change what was loaded. Switch it off there (event_scheduler = OFF).",
                self.target.name()
            ));
        }
        for schema in &self.schemas {
            if catalogue::exists(&mut self.link, schema).await? {
                let at = self.target.name();
                return Err(format!(
                    "There is a schema {schema} in {at} already, which loading would overwrite. Load into a server of the test's own, or drop it there."
                ));
            }
        }
        self.link.run(&format!("CREATE DATABASE {PLACE}")).await?;
        self.link.run(&format!("CREATE TABLE {PLACE}.loads (name varchar(64) PRIMARY KEY)")).await?;
        self.not_the_source(source, PLACE).await?;
        for schema in self.schemas.clone() {
            // Names were compared with the catalogue's; here they are values.
            let value = schema.replace('\\', "\\\\").replace('\'', "''");
            self.link.run(&format!("INSERT INTO {PLACE}.loads VALUES ('{value}')")).await?;
        }
        Ok(())
    }

    /// Two names may lead to one server: what was made here must not be seen there.
    async fn not_the_source(&mut self, source: &Target, made: &str) -> Result<(), String> {
        let (mut there, _) = Link::open(source, Mode::Read).await?;
        let sql = match there.engine {
            Engine::Postgres => "SELECT datname::text FROM pg_database WHERE datname = $1",
            _ => "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?",
        };
        let found = there.ask(sql, &[made]).await?;
        there.close().await;
        if found.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{} and {} are one server. Load into a server of the test's own.",
            self.target.name(),
            source.name()
        ))
    }

    /// PostgreSQL: a new database, and the roles that own what is in the dump.
    async fn database(&mut self, source: &Target, name: &str, roles: &str) -> Result<(), String> {
        let quoted = self.link.quoted(name);
        self.link.run(&format!("CREATE DATABASE {quoted} TEMPLATE template0 ENCODING 'UTF8'")).await?;
        self.not_the_source(source, name).await?;
        for role in roles.lines().filter_map(role) {
            if !self.link.ask("SELECT rolname::text FROM pg_roles WHERE rolname = $1", &[&role]).await?.is_empty() {
                continue;
            }
            let role = self.link.quoted(&role);
            self.link.run(&format!("CREATE ROLE {role} NOLOGIN")).await?;
            // Who is no superuser has to be a member of a role to give it something. Superusers need not be.
            let _ = self.link.run(&format!("GRANT {role} TO CURRENT_USER")).await;
        }
        self.target.database = Some(name.to_owned());
        Ok(())
    }
}

#[async_trait]
impl Room for Trial {
    fn target(&self) -> &Target {
        &self.target
    }

    async fn clear(mut self: Box<Self>) -> Result<(), String> {
        let cleared = self.clear_left().await;
        self.link.close().await;
        cleared
    }

    /// What a load writes down of itself goes away: from now on nothing takes what is there for its remains.
    async fn keep(mut self: Box<Self>, database: Option<&str>) -> Result<(), String> {
        let kept = match (self.link.engine, &self.target.database, database) {
            (Engine::Postgres, Some(made), Some(name)) => {
                let (made, name) = (self.link.quoted(made), self.link.quoted(name));
                self.link.run(&format!("ALTER DATABASE {made} RENAME TO {name}")).await
            }
            (Engine::Postgres, _, _) => Err("Which database the dump is of is not known.".to_owned()),
            _ => self.link.run(&format!("DROP DATABASE {PLACE}")).await,
        };
        self.link.close().await;
        kept
    }
}

/// The name in `CREATE ROLE app;`, the way pg_dumpall writes it.
fn role(line: &str) -> Option<String> {
    let name = line.strip_prefix("CREATE ROLE ")?.strip_suffix(';')?;
    match name.strip_prefix('"') {
        Some(quoted) => Some(quoted.strip_suffix('"')?.replace("\"\"", "\"")),
        None => Some(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::role;

    #[test]
    fn roles_are_named_as_pg_dumpall_writes_them() {
        assert_eq!(role("CREATE ROLE app;").as_deref(), Some("app"));
        assert_eq!(role("CREATE ROLE \"my \"\"app\";").as_deref(), Some("my \"app"));
        assert_eq!(role("ALTER ROLE app WITH SUPERUSER;"), None);
    }
}
