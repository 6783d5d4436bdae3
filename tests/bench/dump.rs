//! How fast a PostgreSQL database is dumped, compressed and encrypted, against `pg_dump | gzip`, and in how much memory.
//!
//!     BBWS_TEST_PG=postgres://postgres@127.0.0.1:5432/postgres cargo bench --bench dump -- [--megabytes 500] [--rounds 3]
//!
//! Makes a database of its own there and drops it again. Both dump it over TLS and store nothing; each is given the best of its
//! rounds. Megabytes are those of the dump before compression, so that both are measured by the same work.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bbws::{
    adapters::archive::{ArchiveError, DataKey, Part, PartSink, Programs, Release, Source, Written, dump},
    domain::environment::Engine,
};
use secrecy::{SecretBox, SecretString};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

/// About this many bytes of dump per row.
const ROW: u64 = 1024;

/// Takes everything and forgets it.
struct Discard;

#[async_trait]
impl PartSink for Discard {
    async fn put(&mut self, _: Part) -> Result<(), ArchiveError> {
        Ok(())
    }

    async fn complete(&mut self, _: &Written) -> Result<(), ArchiveError> {
        Ok(())
    }

    async fn abort(&mut self) {}
}

/// What one way of dumping took.
struct Measured {
    name: &'static str,
    took: Duration,
    /// Bytes that would be stored.
    stored: u64,
    /// Largest memory of what compresses and encrypts, without pg_dump itself, in kB.
    peak: u64,
}

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
    let Ok(url) = std::env::var("BBWS_TEST_PG") else {
        panic!("BBWS_TEST_PG has to name a PostgreSQL server with TLS: postgres://postgres@127.0.0.1:5432/postgres")
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(&url, number("--megabytes", 500), number("--rounds", 3).max(1)));
}

async fn run(url: &str, megabytes: u64, rounds: u64) {
    let options: PgConnectOptions = url.parse().expect("BBWS_TEST_PG is a URL");
    let mut server = PgConnection::connect_with(&options).await.expect("the server answers");
    let database = format!("bbws_bench_{}", std::process::id());
    let sql = |text: String| sqlx::raw_sql(AssertSqlSafe(text));
    sql(format!("CREATE DATABASE {database}")).execute(&mut server).await.expect("a database");
    let mut inside = PgConnection::connect_with(&options.clone().database(&database)).await.unwrap();
    sql(generated(megabytes * 1_000_000 / ROW)).execute(&mut inside).await.expect("rows");
    inside.close().await.unwrap();

    let password =
        url.split_once("://").and_then(|(_, rest)| rest.split_once('@')?.0.split_once(':')).map_or("", |(_, p)| p);
    let source = Source {
        server: Release { engine: Engine::Postgres, major: major() },
        programs: Programs::installed(),
        history: false,
        host: options.get_host().to_owned(),
        port: options.get_port(),
        username: options.get_username().to_owned(),
        password: SecretString::from(password.to_owned()),
        database: Some(database.clone()),
        schemas: Vec::new(),
        ca: None,
    };
    let (mut ours, mut theirs, mut plain) = (Vec::new(), Vec::new(), 0);
    for _ in 0..rounds {
        let (measured, bytes) = archived(&source).await;
        plain = bytes;
        ours.push(measured);
        theirs.push(gzipped(&source, password));
    }
    sql(format!("DROP DATABASE {database} WITH (FORCE)")).execute(&mut server).await.expect("it is dropped");

    println!("{:<34}{:>9}{:>9}{:>12}{:>12}", "", "seconds", "MB/s", "stored MB", "peak MB");
    for all in [ours, theirs] {
        let best = all.into_iter().min_by_key(|m| m.took).unwrap();
        let seconds = best.took.as_secs_f64();
        println!(
            "{:<34}{seconds:>9.1}{:>9.0}{:>12.1}{:>12.1}",
            best.name,
            plain as f64 / 1e6 / seconds,
            best.stored as f64 / 1e6,
            best.peak as f64 / 1024.0
        );
    }
}

/// Rows like those of a shop: numbers, words that come again, digests that do not.
fn generated(rows: u64) -> String {
    format!(
        "CREATE TABLE posts (id bigint PRIMARY KEY, created_at timestamptz, title text, body text, digest bytea);
         INSERT INTO posts SELECT g, '2026-01-01'::timestamptz + g * interval '1 second', 'Post number ' || g,
           repeat('The quick brown fox jumps over the lazy dog number ' || g % 977 || '. ', 10) || md5(g::text) || md5((-g)::text),
           sha512(g::text::bytea) FROM generate_series(1, {rows}) g"
    )
}

async fn archived(source: &Source) -> (Measured, u64) {
    let context = BTreeMap::new();
    let key = DataKey::new(SecretBox::new(Box::new([7; 32])), vec![0; 184], "alias/bench".into(), context);
    // The kernel then counts the peak from here on.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let began = Instant::now();
    let written = dump(source, &key, Discard, |_| ()).await.expect("it is dumped");
    let took = began.elapsed();
    let peak = peak(std::process::id());
    (
        Measured { name: "bbws: zstd, AES-256-GCM, SHA-256", took, stored: written.bytes_archive, peak },
        written.bytes_plain,
    )
}

/// `pg_dump | gzip`, whose output is counted and thrown away.
fn gzipped(source: &Source, password: &str) -> Measured {
    let began = Instant::now();
    let mut dumping: Child = Command::new(pg_dump())
        .env("PGHOST", &source.host)
        .env("PGPORT", source.port.to_string())
        .env("PGUSER", &source.username)
        .env("PGPASSWORD", password)
        .env("PGSSLMODE", "require")
        .env("PGDATABASE", source.database.as_deref().unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pg_dump runs");
    let mut gzip =
        Command::new("gzip").stdin(dumping.stdout.take().unwrap()).stdout(Stdio::piped()).spawn().expect("gzip runs");
    let mut output = gzip.stdout.take().unwrap();
    let counting = std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()).unwrap());
    let mut highest = 0;
    while gzip.try_wait().unwrap().is_none() {
        highest = highest.max(peak(gzip.id()));
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = began.elapsed();
    assert!(dumping.wait().unwrap().success() && gzip.wait().unwrap().success());
    Measured { name: "pg_dump | gzip", took, stored: counting.join().unwrap(), peak: highest }
}

/// The same program that bbws takes.
fn pg_dump() -> PathBuf {
    format!("/usr/lib/postgresql/{}/bin/pg_dump", major()).into()
}

/// The newest PostgreSQL that is installed.
fn major() -> u32 {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).max().expect("Debian's folder of PostgreSQL")
}

fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
