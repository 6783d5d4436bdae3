//! How fast one tenant's tables are put beside the live ones of a server and compared row by row, against the server's own programs,
//! which compare nothing: `mariadb-dump | mariadb` and `pg_dump | psql`; in how much memory, and what the other tenants feel of it. Before
//! that, how long it takes to plan a restore for each of a thousand tenants.
//!
//!     BBWS_TEST_MARIADB=mysql://… BBWS_TEST_MARIADB_RESTORED=mysql://… \
//!     BBWS_TEST_PG=postgres://… BBWS_TEST_PG_RESTORED=postgres://… cargo bench --bench restore -- [--megabytes 100] [--tables 4]
//!
//! The first of each pair is the live server, the second one is where the tenant comes from; a pair that is not given is left out.
//! Everything is made in schemas of the benchmark's own, which are dropped again.

#![allow(clippy::unwrap_used)]

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bbws::{
    adapters::{
        aws::tools::DumpedDefinitions,
        sql::{
            Servers, Target,
            merge::{Bring, Tenant, Tenants as _},
        },
    },
    domain::environment::Engine,
};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Connection as _, MySqlConnection, PgConnection,
    mysql::{MySqlConnectOptions, MySqlSslMode},
    postgres::{PgConnectOptions, PgSslMode},
};

mod plans;

/// About this many bytes per row.
const ROW: u64 = 1024;
/// The schema of the tenant, and of another one that goes on living.
const TENANT: &str = "bbws_bench_tenant";
const OTHER: &str = "bbws_bench_other";
/// The database of PostgreSQL that both are in.
const DATABASE: &str = "bbws_bench";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // Test runners start every target, to list or to run tests: there are none here, and nothing is timed among tests.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let number = |flag: &str, default: u64| {
        let at = args.iter().position(|arg| arg == flag);
        at.map_or(default, |at| {
            args.get(at + 1).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{flag} wants a number"))
        })
    };
    let (megabytes, tables) = (number("--megabytes", 100), number("--tables", 4).max(1));
    plans::measure();
    let pairs: Vec<Pair> = [Engine::Mariadb, Engine::Postgres].into_iter().filter_map(Pair::given).collect();
    assert!(!pairs.is_empty(), "BBWS_TEST_MARIADB and BBWS_TEST_MARIADB_RESTORED, or the same of PG, name the servers");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("One tenant of {megabytes} MB in {tables} tables.");
    println!("{:<34}{:>9}{:>9}{:>10}{:>12}{:>12}", "", "seconds", "MB/s", "peak MB", "p99 ms idle", "p99 ms then");
    for pair in pairs {
        runtime.block_on(pair.measure(megabytes, tables));
    }
}

/// A live server and the one that a tenant comes from.
struct Pair {
    live: Target,
    from: Target,
}

impl Pair {
    fn given(engine: Engine) -> Option<Pair> {
        let name = if engine == Engine::Postgres { "BBWS_TEST_PG" } else { "BBWS_TEST_MARIADB" };
        let server = |name: String| std::env::var(name).ok().map(|url| target(engine, &url));
        Some(Pair { live: server(name.to_owned())?, from: server(format!("{name}_RESTORED"))? })
    }

    async fn measure(&self, megabytes: u64, tables: u64) {
        let rows = megabytes * 1_000_000 / ROW / tables;
        self.begin(rows, tables);
        let idle = Felt::by(&self.live).during(async { tokio::time::sleep(Duration::from_secs(2)).await }).await;
        forget_peak();
        let before = peak();
        let tenant = Tenant { schema: TENANT.into(), tables: Vec::new(), operation: "rs-1".into() };
        let tell = |_: String| ();
        let began = Instant::now();
        let felt = Felt::by(&self.live);
        let staging = Servers.stage(&self.from, &self.live, &tenant, Bring::Swap, &DumpedDefinitions, &tell);
        let (staged, ours) = felt.with(staging).await;
        let took = began.elapsed();
        let staged = staged.expect("it is staged");
        assert_eq!(staged.rows.values().sum::<u64>(), rows * tables, "all of it");
        print("bbws: copied and compared", megabytes, took, Some(peak().saturating_sub(before)), (idle, ours));
        Servers.clear(&self.live, &tenant).await.expect("it is cleared away");
        run(&self.live, &format!("DROP SCHEMA {TENANT}{}", self.cascade()));
        let (name, command) = self.piped();
        let began = Instant::now();
        let piping = tokio::task::spawn_blocking(move || Command::new("bash").arg("-c").arg(command).status());
        let (done, theirs) = Felt::by(&self.live).with(piping).await;
        assert!(done.unwrap().unwrap().success(), "{name}");
        print(name, megabytes, began.elapsed(), None, (idle, theirs));
        self.end();
    }

    fn postgres(&self) -> bool {
        self.live.engine == Engine::Postgres
    }

    fn cascade(&self) -> &'static str {
        if self.postgres() { " CASCADE" } else { "" }
    }

    /// The tenant on both servers, with rows where it comes from, and another one on the live server.
    fn begin(&self, rows: u64, tables: u64) {
        self.end();
        for server in [&self.live, &self.from] {
            if self.postgres() {
                let maintenance = Target { database: None, ..server.clone() };
                run(&maintenance, &format!("CREATE DATABASE {DATABASE}"));
            }
            run(server, &format!("CREATE SCHEMA {TENANT}; CREATE SCHEMA {OTHER}"));
            for table in 0..tables {
                let body = if self.postgres() { "text" } else { "longtext" };
                run(
                    server,
                    &format!("CREATE TABLE {TENANT}.t{table} (id bigint PRIMARY KEY, title varchar(200), body {body})"),
                );
            }
        }
        run(&self.live, &format!("CREATE TABLE {OTHER}.t (id int PRIMARY KEY, v int)"));
        let (series, body) = match self.postgres() {
            true => (
                format!("generate_series(1, {rows}) AS s(n)"),
                "repeat('The quick brown fox jumps over the lazy dog ' || n % 977 || '. ', 18) || md5(n::text)",
            ),
            false => (
                format!("(SELECT seq AS n FROM {TENANT}.seq_1_to_{rows}) s"),
                "CONCAT(REPEAT(CONCAT('The quick brown fox jumps over the lazy dog ', n % 977, '. '), 18), MD5(n))",
            ),
        };
        let title = if self.postgres() { "'Post number ' || n" } else { "CONCAT('Post number ', n)" };
        for table in 0..tables {
            run(&self.from, &format!("INSERT INTO {TENANT}.t{table} SELECT n, {title}, {body} FROM {series}"));
        }
        let some = match self.postgres() {
            true => "generate_series(1, 1000) AS s(n)".to_owned(),
            false => format!("(SELECT seq AS n FROM {OTHER}.seq_1_to_1000) s"),
        };
        run(&self.live, &format!("INSERT INTO {OTHER}.t SELECT n, n FROM {some}"));
    }

    fn end(&self) {
        for server in [&self.live, &self.from] {
            if self.postgres() {
                let maintenance = Target { database: None, ..server.clone() };
                run(&maintenance, &format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"));
            } else {
                run(server, &format!("DROP SCHEMA IF EXISTS {TENANT}; DROP SCHEMA IF EXISTS {OTHER}"));
            }
        }
    }

    /// The server's own programs, in a pipe.
    fn piped(&self) -> (&'static str, String) {
        let (from, live) = (&self.from, &self.live);
        if self.postgres() {
            let url = |target: &Target| format!("'{}'", uri(target));
            let dump = format!("{}/pg_dump -d {} -n {TENANT}", programs(), url(from));
            // What an older server does not know is no reason to measure nothing.
            let load = format!("{}/psql -q -o /dev/null -d {} -v ON_ERROR_STOP=0", programs(), url(live));
            return ("pg_dump | psql", format!("set -o pipefail; {dump} | {load}"));
        }
        let login = |target: &Target| {
            format!(
                "MYSQL_PWD='{}' {{}} -h {} -P {} -u {} --ssl --skip-ssl-verify-server-cert",
                target.password.expose_secret(),
                target.host,
                target.port,
                target.username
            )
        };
        let dump = login(from).replace("{}", "mariadb-dump") + &format!(" --single-transaction --databases {TENANT}");
        let load = login(live).replace("{}", "mariadb");
        ("mariadb-dump | mariadb", format!("set -o pipefail; {dump} | {load}"))
    }
}

/// What another tenant feels: how long a simple query of its own takes.
struct Felt {
    server: Target,
}

impl Felt {
    fn by(server: &Target) -> Felt {
        Felt { server: server.clone() }
    }

    async fn during(self, work: impl Future<Output = ()>) -> Duration {
        self.with(work).await.1
    }

    /// What the work came to, and what all but one in a hundred queries took at the most while it was done.
    async fn with<T>(self, work: impl Future<Output = T>) -> (T, Duration) {
        let over = Arc::new(AtomicBool::new(false));
        let asking = tokio::spawn(asks(self.server, Arc::clone(&over)));
        let done = work.await;
        over.store(true, Ordering::Relaxed);
        let mut took = asking.await.unwrap();
        took.sort_unstable();
        (done, took[(took.len() * 99 / 100).min(took.len() - 1)])
    }
}

async fn asks(server: Target, over: Arc<AtomicBool>) -> Vec<Duration> {
    let mut took = Vec::new();
    let sql = format!("SELECT v FROM {OTHER}.t WHERE id = 500");
    let mut maria = None;
    let mut postgres = None;
    match server.engine {
        Engine::Postgres => postgres = Some(pg(&server).await),
        Engine::Mysql | Engine::Mariadb => maria = Some(mysql(&server).await),
    }
    while !over.load(Ordering::Relaxed) || took.is_empty() {
        let began = Instant::now();
        let asked = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone()));
        match (&mut maria, &mut postgres) {
            (Some(connection), _) => drop(asked.fetch_all(connection).await.unwrap()),
            (_, Some(connection)) => drop(asked.fetch_all(connection).await.unwrap()),
            _ => unreachable!("one of them"),
        }
        took.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    took
}

async fn mysql(server: &Target) -> MySqlConnection {
    let options = MySqlConnectOptions::new().host(&server.host).port(server.port).username(&server.username);
    options.password(server.password.expose_secret()).ssl_mode(MySqlSslMode::Required).connect().await.unwrap()
}

async fn pg(server: &Target) -> PgConnection {
    let options = PgConnectOptions::new().host(&server.host).port(server.port).username(&server.username);
    let options = options.password(server.password.expose_secret()).ssl_mode(PgSslMode::Require);
    options.database(server.database.as_deref().unwrap_or("postgres")).connect().await.unwrap()
}

/// Runs statements on a connection of their own.
fn run(server: &Target, sql: &str) {
    let (server, sql) = (server.clone(), sql.to_owned());
    let statements = async move {
        for statement in sql.split("; ") {
            let asked = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()));
            match server.engine {
                Engine::Postgres => {
                    let mut connection = pg(&server).await;
                    asked.execute(&mut connection).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
                    connection.close().await.unwrap();
                }
                Engine::Mysql | Engine::Mariadb => {
                    let mut connection = mysql(&server).await;
                    asked.execute(&mut connection).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
                    connection.close().await.unwrap();
                }
            }
        }
    };
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(statements));
}

/// A server by its URL: `mysql://user:password@host:port/`.
fn target(engine: Engine, url: &str) -> Target {
    let rest = url.split_once("://").expect("a URL").1;
    let (login, place) = rest.split_once('@').expect("a login");
    let (username, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = place.split('/').next().unwrap().rsplit_once(':').expect("a port");
    Target {
        engine,
        host: host.to_owned(),
        port: port.parse().expect("a port"),
        username: username.to_owned(),
        password: SecretString::from(password.to_owned()),
        database: (engine == Engine::Postgres).then(|| DATABASE.to_owned()),
        ca: None,
        require_tls: true,
    }
}

fn uri(target: &Target) -> String {
    let Target { host, port, username, password, .. } = target;
    format!("postgres://{username}:{}@{host}:{port}/{DATABASE}?sslmode=require", password.expose_secret())
}

/// The newest programs of PostgreSQL that are installed.
fn programs() -> String {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    format!("/usr/lib/postgresql/{}/bin", newest.expect("Debian's folder of PostgreSQL"))
}

/// The most memory so far is what there is now: of the pair before nothing counts.
fn forget_peak() {
    // Where the kernel does not let us, the second pair's figure is too small.
    if let Err(error) = std::fs::write("/proc/self/clear_refs", "5") {
        println!("The peak of memory is not reset: {error}");
    }
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn print(name: &str, megabytes: u64, took: Duration, peak: Option<u64>, (idle, then): (Duration, Duration)) {
    let seconds = took.as_secs_f64();
    let peak = peak.map_or_else(|| "-".to_owned(), |kb| format!("{:.1}", kb as f64 / 1024.0));
    let millis = |took: Duration| took.as_secs_f64() * 1000.0;
    println!(
        "{name:<34}{seconds:>9.1}{:>9.0}{peak:>10}{:>12.2}{:>12.2}",
        megabytes as f64 / seconds,
        millis(idle),
        millis(then)
    );
}
