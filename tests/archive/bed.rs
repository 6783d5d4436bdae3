//! The servers, databases of a test's own, and sinks in memory.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use bbws::{
    adapters::archive::{ArchiveError, DataKey, Part, PartPlan, PartSink, Programs, Release, Source, Written},
    domain::environment::Engine,
};
use secrecy::{SecretBox, SecretString};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection};

/// Where a server is and who may sign in.
#[derive(Debug, Clone)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub username: String,
    pub password: String,
}

impl Server {
    fn of(variable: &str) -> Server {
        let url = std::env::var(variable)
            .unwrap_or_else(|_| panic!("{variable} is not set: run these tests by `tests/run archive`"));
        let rest = url.split_once("://").expect("it is a URL").1;
        let (login, place) = rest.split_once('@').expect("it names a user");
        let (username, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = place.split('/').next().and_then(|p| p.rsplit_once(':')).expect("it names a port");
        Server {
            host: host.to_owned(),
            port: port.parse().expect("a number"),
            username: username.to_owned(),
            password: password.to_owned(),
        }
    }

    /// The login that has a password, on PostgreSQL.
    pub fn postgres() -> Server {
        Server::of("BBWS_TEST_PG_LOGIN")
    }

    /// A second one, which plays what was restored.
    pub fn postgres_restored() -> Server {
        Server::of("BBWS_TEST_PG_RESTORED")
    }

    pub fn mariadb() -> Server {
        Server::of("BBWS_TEST_MARIADB")
    }

    /// A second one, which plays what was restored.
    pub fn mariadb_restored() -> Server {
        Server::of("BBWS_TEST_MARIADB_RESTORED")
    }

    /// Oracle's, where `tests/run` could get one.
    pub fn mysql() -> Server {
        Server::of("BBWS_TEST_MYSQL")
    }

    /// A second one of them.
    pub fn mysql_restored() -> Server {
        Server::of("BBWS_TEST_MYSQL_RESTORED")
    }

    pub fn source(&self, engine: Engine, schemas: &[&str]) -> Source {
        Source {
            server: release(engine),
            programs: Programs::installed(),
            history: false,
            host: self.host.clone(),
            port: self.port,
            username: self.username.clone(),
            password: SecretString::from(self.password.clone()),
            database: None,
            schemas: schemas.iter().map(|s| (*s).to_owned()).collect(),
            ca: None,
        }
    }

    pub fn url(&self, scheme: &str, database: &str) -> String {
        format!("{scheme}://{}:{}@{}:{}/{database}", self.username, self.password, self.host, self.port)
    }
}

/// What `tests/run` starts: the newest PostgreSQL that is installed, and the machine's MariaDB.
pub fn release(engine: Engine) -> Release {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).max();
    let major = if engine == Engine::Postgres { newest.expect("Debian's folder of PostgreSQL") } else { 10 };
    Release { engine, major }
}

/// The authority that signed the servers' certificates.
pub fn authority() -> PathBuf {
    std::env::var_os("BBWS_TEST_CA").expect("BBWS_TEST_CA is not set: run these tests by `tests/run archive`").into()
}

/// A name that no other test uses.
pub fn name(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A PostgreSQL database of the test's own.
pub struct Pg {
    pub server: Server,
    pub database: String,
}

impl Pg {
    pub async fn new(sql: &str) -> Pg {
        let (server, database) = (Server::postgres(), name("arc"));
        let mut all = PgConnection::connect(&server.url("postgres", "postgres")).await.expect("PostgreSQL answers");
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {database}")))
            .execute(&mut all)
            .await
            .expect("a database");
        let pg = Pg { server, database };
        pg.run(sql).await;
        pg
    }

    pub async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.server.url("postgres", &self.database)).await.expect("PostgreSQL answers")
    }

    pub async fn run(&self, sql: &str) {
        let mut connection = self.connection().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("the SQL is good");
    }

    pub async fn text(&self, sql: &str) -> String {
        let mut connection = self.connection().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.expect("one text")
    }

    pub fn source(&self) -> Source {
        Source { database: Some(self.database.clone()), ..self.server.source(Engine::Postgres, &[]) }
    }
}

impl Drop for Pg {
    fn drop(&mut self) {
        let (url, database) = (self.server.url("postgres", "postgres"), self.database.clone());
        clean_up(async move {
            if let Ok(mut all) = PgConnection::connect(&url).await {
                let sql = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
                let _ = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut all).await;
            }
        });
    }
}

/// A MariaDB database of the test's own.
pub struct Maria {
    pub server: Server,
    pub database: String,
}

impl Maria {
    pub async fn new(sql: &str) -> Maria {
        Maria::on(Server::mariadb(), name("arc"), sql).await
    }

    pub async fn on(server: Server, database: String, sql: &str) -> Maria {
        let maria = Maria { server, database };
        let mut all = MySqlConnection::connect(&maria.server.url("mysql", "")).await.expect("MariaDB answers");
        let create = format!("CREATE DATABASE {} CHARACTER SET utf8mb4", maria.database);
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut all).await.expect("a database");
        maria.run(sql).await;
        maria
    }

    pub async fn connection(&self) -> MySqlConnection {
        MySqlConnection::connect(&self.server.url("mysql", &self.database)).await.expect("MariaDB answers")
    }

    pub async fn run(&self, sql: &str) {
        let mut connection = self.connection().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("the SQL is good");
    }

    pub async fn text(&self, sql: &str) -> String {
        let mut connection = self.connection().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.expect("one text")
    }

    pub fn source(&self) -> Source {
        self.server.source(Engine::Mariadb, &[&self.database])
    }
}

impl Drop for Maria {
    fn drop(&mut self) {
        let (url, database) = (self.server.url("mysql", ""), self.database.clone());
        clean_up(async move {
            if let Ok(mut all) = MySqlConnection::connect(&url).await {
                let sql = format!("DROP DATABASE IF EXISTS {database}");
                let _ = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut all).await;
            }
        });
    }
}

/// Runs to its end on a thread of its own, since a test's runtime is about to go.
fn clean_up(work: impl Future<Output = ()> + Send + 'static) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let thread = std::thread::spawn(move || runtime().expect("a runtime").block_on(work));
    let _ = thread.join();
}

/// A key made of one byte.
pub fn key(byte: u8) -> DataKey {
    let context = BTreeMap::from([("bbws:environment".to_owned(), "prod".to_owned())]);
    DataKey::new(SecretBox::new(Box::new([byte; 32])), vec![byte; 48], "alias/test".into(), context)
}

/// How a sink in memory ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    #[default]
    Open,
    Completed,
    Aborted,
    Dropped,
}

#[derive(Debug, Default)]
pub struct Kept {
    pub bytes: Vec<u8>,
    pub parts: Vec<usize>,
    pub end: End,
}

/// Keeps everything, refuses the part that it is told to refuse.
#[derive(Debug, Clone)]
pub struct Memory {
    pub kept: Arc<Mutex<Kept>>,
    pub plan: PartPlan,
    pub refuse: Option<u32>,
}

impl Memory {
    pub fn new() -> Memory {
        Memory { kept: Arc::default(), plan: PartPlan::S3, refuse: None }
    }

    /// Small parts, so that a small dump has many.
    pub fn small() -> Memory {
        Memory { plan: PartPlan { first: 64 << 10, firsts: 3, later: 200 << 10, most: 10_000 }, ..Memory::new() }
    }

    /// A handle to look in later; the sink itself is given away.
    pub fn sink(&self) -> MemorySink {
        MemorySink(self.clone())
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.kept.lock().unwrap().bytes.clone()
    }

    pub fn parts(&self) -> Vec<usize> {
        self.kept.lock().unwrap().parts.clone()
    }

    pub fn end(&self) -> End {
        self.kept.lock().unwrap().end
    }
}

pub struct MemorySink(Memory);

impl MemorySink {
    fn ended(&self, end: End) {
        let mut kept = self.0.kept.lock().unwrap();
        if kept.end == End::Open {
            kept.end = end;
        }
    }
}

#[async_trait]
impl PartSink for MemorySink {
    fn plan(&self) -> PartPlan {
        self.0.plan
    }

    async fn put(&mut self, part: Part) -> Result<(), ArchiveError> {
        if self.0.refuse == Some(part.number) {
            return Err(ArchiveError::Retryable("the sink is full".into()));
        }
        let mut kept = self.0.kept.lock().unwrap();
        kept.bytes.extend_from_slice(&part.bytes);
        kept.parts.push(part.bytes.len());
        assert_eq!(kept.parts.len(), part.number as usize, "parts come in order");
        Ok(())
    }

    async fn complete(&mut self, _: &Written) -> Result<(), ArchiveError> {
        self.ended(End::Completed);
        Ok(())
    }

    async fn abort(&mut self) {
        self.ended(End::Aborted);
    }
}

impl Drop for MemorySink {
    fn drop(&mut self) {
        self.ended(End::Dropped);
    }
}
