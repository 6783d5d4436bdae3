//! One connection to either kind of server, with a time limit on every question.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, MySqlConnection, PgConnection, Row as _,
    mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlSslMode},
    postgres::{PgConnectOptions, PgDatabaseError, PgSslMode},
};

use super::Target;
use crate::domain::environment::Engine;

const LOGIN: Duration = Duration::from_secs(30);
/// The source serves people, so no question may burden it for longer.
const SOURCE: Duration = Duration::from_secs(300);
/// Counting the rows of a database that was just restored, whose blocks come from S3 one by one. It serves nobody.
const RESTORED: Duration = Duration::from_secs(1800);
/// A question that people wrote is one that the platform could be asked.
const QUESTION: Duration = Duration::from_secs(310);
/// The server gives up so much sooner, so that the connection stays good.
const SOONER: Duration = Duration::from_secs(10);

/// A row: texts, or nothing for NULL.
pub(super) type Texts = Vec<Option<String>>;

/// Whether a session may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Write,
    /// Reads, and answers soon: a question that people wrote.
    Question,
}

impl Mode {
    /// How long a question may take.
    fn patience(self) -> Duration {
        match self {
            Mode::Read => SOURCE,
            Mode::Write => RESTORED,
            Mode::Question => QUESTION,
        }
    }
}

/// A connection, or the reason why there is none.
pub(super) struct Link {
    pub(super) engine: Engine,
    open: Result<Open, String>,
    patience: Duration,
    reticent: bool,
}

/// What became of a transaction that was to be committed and was not said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Uncommitted {
    /// The server refused: nothing of it is there.
    Refused(String),
    /// No answer came: it may be there.
    Unknown(String),
}

enum Open {
    Mysql(Box<MySqlConnection>),
    Postgres(Box<PgConnection>),
}

impl Link {
    /// No connection: every question is answered with this sentence.
    pub(super) fn absent(why: &str) -> Link {
        Link { engine: Engine::Postgres, open: Err(why.to_owned()), patience: Duration::ZERO, reticent: false }
    }

    /// Signs in; says how, or why not.
    pub(super) async fn open(target: &Target, mode: Mode) -> Result<(Link, String), String> {
        let name = target.name();
        let opened = tokio::time::timeout(LOGIN, connect(target)).await;
        let opened = opened.map_err(|_| {
            format!(
                "{name} did not let {} in within {} s. Look at its security group.",
                target.username,
                LOGIN.as_secs()
            )
        })?;
        let open = opened.map_err(|e| {
            format!(
                "{} could not sign in to {name}: {}. Check the login, and TLS at the server.",
                target.username,
                brief(&e)
            )
        })?;
        let mut link = Link { engine: target.engine, open: Ok(open), patience: mode.patience(), reticent: false };
        let cipher = link
            .cipher()
            .await
            .map_err(|why| format!("Whether the session with {name} is encrypted is unknown: {why}"))?;
        if cipher.is_none() && target.require_tls {
            return Err(format!(
                "The session with {name} is not encrypted, and has to be. Switch TLS on at the server."
            ));
        }
        link.prepare(mode).await?;
        let how = cipher
            .map_or_else(|| "without TLS, which is not required".to_owned(), |cipher| format!("over TLS ({cipher})"));
        Ok((link, format!("{} signed in to {name} {how}.", target.username)))
    }

    /// Whether the server says that this very session is encrypted, and how.
    async fn cipher(&mut self) -> Result<Option<String>, String> {
        let rows = match self.engine {
            Engine::Postgres => {
                self.ask(
                    "SELECT concat_ws(' ', version, cipher) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl",
                    &[],
                )
                .await?
            }
            _ => self.raw("SHOW SESSION STATUS LIKE 'Ssl_cipher'").await?,
        };
        let cipher = rows.into_iter().next().and_then(|row| row.into_iter().next_back().flatten());
        Ok(cipher.filter(|cipher| !cipher.is_empty()))
    }

    async fn prepare(&mut self, mode: Mode) -> Result<(), String> {
        let limit = self.patience.saturating_sub(SOONER);
        if self.engine == Engine::Postgres {
            self.run(&format!(
                "SET statement_timeout = {}; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; \
                 SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1; SET search_path = pg_catalog",
                limit.as_millis()
            ))
            .await?;
        } else {
            // MySQL remembers what tables were like a day ago; MariaDB does not know the word.
            let _ = self.run("SET SESSION information_schema_stats_expiry = 0").await;
            // MySQL's name of it, then MariaDB's: whichever the server knows.
            if self.run(&format!("SET SESSION max_execution_time = {}", limit.as_millis())).await.is_err() {
                let _ = self.run(&format!("SET SESSION max_statement_time = {}", limit.as_secs())).await;
            }
        }
        match (mode, self.engine) {
            (Mode::Write, _) => Ok(()),
            (Mode::Read | Mode::Question, Engine::Postgres) => self.run("SET default_transaction_read_only = on").await,
            (Mode::Read | Mode::Question, _) => self.run("SET SESSION TRANSACTION READ ONLY").await,
        }
    }

    /// A question with values; every column of the answer has to be a text.
    pub(super) async fn ask(&mut self, sql: &str, values: &[&str]) -> Result<Vec<Texts>, String> {
        let answer = match &mut self.open {
            Err(why) => return Err(why.clone()),
            Ok(open) => tokio::time::timeout(self.patience, fetch(open, sql, values)).await,
        };
        self.settled(answer)
    }

    /// A question that servers do not prepare.
    pub(super) async fn raw(&mut self, sql: &str) -> Result<Vec<Texts>, String> {
        let answer = match &mut self.open {
            Err(why) => return Err(why.clone()),
            Ok(open) => tokio::time::timeout(self.patience, fetch_raw(open, sql)).await,
        };
        self.settled(answer)
    }

    /// A question that people wrote. What is wrong with it is told by the server's code alone: its words may hold a value.
    pub(super) async fn discreet(&mut self, sql: &str) -> Result<Vec<Texts>, String> {
        let answer = match &mut self.open {
            Err(why) => return Err(why.clone()),
            Ok(open) => tokio::time::timeout(self.patience, fetch_raw(open, sql)).await,
        };
        match answer {
            Ok(Err(sqlx::Error::Database(error))) => {
                let code = error.code().map_or_else(|| "without a code".to_owned(), |code| format!("with code {code}"));
                Err(format!("The database refused the question {code}."))
            }
            Ok(Err(_)) => Err("The connection to the database was lost.".to_owned()),
            answer => self.settled(answer),
        }
    }

    /// The same connection, which says of an error only its number and what it names: where rows are written, the server's own
    /// words hold values of them.
    pub(super) fn reticent(self) -> Link {
        Link { reticent: true, ..self }
    }

    /// How many rows a statement changed; of an UPDATE, how many it found.
    pub(super) async fn change(&mut self, sql: &str) -> Result<u64, String> {
        let answer = match &mut self.open {
            Err(why) => return Err(why.clone()),
            Ok(open) => tokio::time::timeout(self.patience, execute(open, sql)).await,
        };
        self.settled(answer)
    }

    /// A statement that makes something so, all of it or nothing: `COMMIT`, or a rename. Tells a refusal from silence.
    pub(super) async fn conclude(&mut self, sql: &str) -> Result<(), Uncommitted> {
        let answer = match &mut self.open {
            Err(why) => return Err(Uncommitted::Refused(why.clone())),
            Ok(open) => tokio::time::timeout(self.patience, execute(open, sql)).await,
        };
        let refused = matches!(&answer, Ok(Err(sqlx::Error::Database(_))));
        self.settled(answer).map(|_| ()).map_err(|why| match refused {
            true => Uncommitted::Refused(why),
            false => Uncommitted::Unknown(why),
        })
    }

    /// The connection itself, for what streams.
    pub(super) fn mysql(&mut self) -> Result<&mut MySqlConnection, String> {
        match &mut self.open {
            Ok(Open::Mysql(connection)) => Ok(connection),
            Ok(Open::Postgres(_)) => Err("This is no connection to MySQL or MariaDB.".to_owned()),
            Err(why) => Err(why.clone()),
        }
    }

    /// The connection itself, for what streams.
    pub(super) fn postgres(&mut self) -> Result<&mut PgConnection, String> {
        match &mut self.open {
            Ok(Open::Postgres(connection)) => Ok(connection),
            Ok(Open::Mysql(_)) => Err("This is no connection to PostgreSQL.".to_owned()),
            Err(why) => Err(why.clone()),
        }
    }

    /// A statement without an answer.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), String> {
        self.raw(sql).await.map(|_| ())
    }

    fn settled<T>(&mut self, answer: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>) -> Result<T, String> {
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if self.reticent => Err(format!("The database refused a statement: {}.", coded(&error))),
            Ok(Err(error)) => Err(format!("The database refused a question: {}.", brief(&error))),
            Err(_) => {
                // Its answer may still come; nothing else can be asked on this connection.
                let why =
                    format!("The database did not answer within {} s, so this is unknown.", self.patience.as_secs());
                self.open = Err(why.clone());
                Err(why)
            }
        }
    }

    /// An identifier, whatever is in it.
    pub(super) fn quoted(&self, name: &str) -> String {
        match self.engine {
            Engine::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
            _ => format!("`{}`", name.replace('`', "``")),
        }
    }

    /// A table with its schema.
    pub(super) fn table(&self, schema: &str, table: &str) -> String {
        format!("{}.{}", self.quoted(schema), self.quoted(table))
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        let closed = async {
            match self.open {
                Ok(Open::Mysql(connection)) => connection.close().await,
                Ok(Open::Postgres(connection)) => connection.close().await,
                Err(_) => Ok(()),
            }
        };
        // It is over either way.
        let _ = tokio::time::timeout(Duration::from_secs(5), closed).await;
    }
}

async fn connect(target: &Target) -> Result<Open, sqlx::Error> {
    let password = target.password.expose_secret();
    if target.engine == Engine::Postgres {
        let mode = match (&target.ca, target.require_tls) {
            (Some(_), _) => PgSslMode::VerifyFull,
            (None, true) => PgSslMode::Require,
            (None, false) => PgSslMode::Prefer,
        };
        let options = PgConnectOptions::new_without_pgpass()
            .host(&target.host)
            .port(target.port)
            .username(&target.username)
            .password(password)
            .database(target.database.as_deref().unwrap_or("postgres"))
            .application_name("bbws")
            .ssl_mode(mode)
            .disable_statement_logging();
        let options = target.ca.iter().fold(options, |options, ca| options.ssl_root_cert(ca));
        return options.connect().await.map(|open| Open::Postgres(Box::new(open)));
    }
    let mode = match (&target.ca, target.require_tls) {
        (Some(_), _) => MySqlSslMode::VerifyIdentity,
        (None, true) => MySqlSslMode::Required,
        (None, false) => MySqlSslMode::Preferred,
    };
    let options = MySqlConnectOptions::new()
        .host(&target.host)
        .port(target.port)
        .username(&target.username)
        .password(password)
        .ssl_mode(mode)
        .disable_statement_logging();
    let options = target.ca.iter().fold(options, |options, ca| options.ssl_ca(ca));
    options.connect().await.map(|open| Open::Mysql(Box::new(open)))
}

async fn fetch(open: &mut Open, sql: &str, values: &[&str]) -> Result<Vec<Texts>, sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned());
    match open {
        Open::Mysql(connection) => {
            let query = values.iter().fold(sqlx::query(sql), |query, value| query.bind((*value).to_owned()));
            query.persistent(false).fetch_all(&mut **connection).await?.iter().map(mysql_texts).collect()
        }
        Open::Postgres(connection) => {
            let query = values.iter().fold(sqlx::query(sql), |query, value| query.bind((*value).to_owned()));
            query.persistent(false).fetch_all(&mut **connection).await?.iter().map(postgres_texts).collect()
        }
    }
}

async fn fetch_raw(open: &mut Open, sql: &str) -> Result<Vec<Texts>, sqlx::Error> {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    match open {
        Open::Mysql(connection) => sql.fetch_all(&mut **connection).await?.iter().map(mysql_texts).collect(),
        Open::Postgres(connection) => sql.fetch_all(&mut **connection).await?.iter().map(postgres_texts).collect(),
    }
}

async fn execute(open: &mut Open, sql: &str) -> Result<u64, sqlx::Error> {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    match open {
        Open::Mysql(connection) => Ok(sql.execute(&mut **connection).await?.rows_affected()),
        Open::Postgres(connection) => Ok(sql.execute(&mut **connection).await?.rows_affected()),
    }
}

/// MySQL's catalogue has texts of binary type.
fn mysql_texts(row: &sqlx::mysql::MySqlRow) -> Result<Texts, sqlx::Error> {
    let text = |i| row.try_get_unchecked::<Option<Vec<u8>>, _>(i);
    (0..row.len()).map(|i| Ok(text(i)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))).collect()
}

fn postgres_texts(row: &sqlx::postgres::PgRow) -> Result<Texts, sqlx::Error> {
    (0..row.len()).map(|i| row.try_get_unchecked::<Option<String>, _>(i)).collect()
}

/// An error without any value of a row: its number, and what it names.
pub(super) fn coded(error: &sqlx::Error) -> String {
    let sqlx::Error::Database(error) = error else { return brief(error) };
    if let Some(mysql) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return format!("ERROR {} ({})", mysql.number(), mysql.code().unwrap_or_default());
    }
    let named = error.try_downcast_ref::<PgDatabaseError>().map(|postgres| {
        let named = [("table", postgres.table()), ("column", postgres.column()), ("constraint", postgres.constraint())];
        named.iter().filter_map(|(what, name)| name.map(|name| format!(" {what} {name}"))).collect::<String>()
    });
    format!("ERROR {}{}", error.code().unwrap_or_default(), named.unwrap_or_default())
}

/// The server's words on one line. They may name tables and columns, never values of ours but the canary's.
fn brief(error: &sqlx::Error) -> String {
    let text = match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    };
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").trim_end_matches('.').chars().take(300).collect()
}
