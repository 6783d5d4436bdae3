//! A PostgreSQL server for tests: the one `BBWS_TEST_PG` names, or a private one that ends with this process.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

/// The private server. It stops when its standard input is closed, which the kernel does whatever way this process ends.
struct Server {
    url: String,
    _keep: Child,
}

/// URL of a fresh, empty database.
pub async fn database() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = server_url();
    sqlx::any::install_default_drivers();
    let name = format!("t_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection = AnyConnection::connect(&server).await.expect("the test server takes connections");
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .expect("a database can be created");
    connection.close().await.expect("the connection closes");
    renamed(&server, &name)
}

/// The URL with another database name.
fn renamed(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, String::new()), |(base, query)| (base, format!("?{query}")));
    let (server, _) = base.rsplit_once('/').expect("a database URL has a path");
    format!("{server}/{name}{query}")
}

fn server_url() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    if let Ok(url) = std::env::var("BBWS_TEST_PG") {
        return url;
    }
    SERVER.get_or_init(start).url.clone()
}

fn start() -> Server {
    let directory =
        tempfile::Builder::new().prefix("bbws-pg").tempdir().expect("a temporary directory can be made").keep();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/pg.sh");
    let mut child = Command::new("sh")
        .arg(script)
        .arg(&directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Out of the terminal's process group, so that Ctrl-C does not end it before it has cleaned up.
        .process_group(0)
        .spawn()
        .expect("sh can be run");
    let mut url = String::new();
    let stdout = child.stdout.take().expect("its output is a pipe");
    BufReader::new(stdout).read_line(&mut url).expect("its output can be read");
    assert!(
        url.starts_with("postgres://"),
        "PostgreSQL could not be started. These tests need its server: install it (`apt-get install postgresql`), or set BBWS_TEST_PG to the URL of one."
    );
    Server { url: url.trim().to_owned(), _keep: child }
}
