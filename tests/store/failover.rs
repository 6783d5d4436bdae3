//! The database's fail-over: a real primary and its standby, behind an address that moves from one to the other.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use bbws::{
    adapters::store::Ledger,
    ports::store::{Commit, Store as _},
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

use crate::store::bed::{Hand, START, entry, open, sentence};

/// Two servers that stop when their input ends, and the address: a link to the folder of the socket of one of them.
struct Pair {
    directory: PathBuf,
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Pair {
    fn start() -> Pair {
        let directory = tempfile::Builder::new().prefix("bbws-pair").tempdir().unwrap().keep();
        let mut child = Command::new("sh")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/pair.sh"))
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        let mut pair = Pair { directory, child, says };
        pair.hears("ready");
        pair
    }

    fn hears(&mut self, word: &str) {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), word, "PostgreSQL's server and pg_basebackup have to be installed");
    }

    fn promote(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"promote\n").unwrap();
        self.hears("promoted");
    }

    fn url(&self, server: &str) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.directory.join(server).display())
    }

    /// The address leads there from now on, and connections to the primary are cut.
    async fn leads_to(&self, server: &str) {
        let link = self.directory.join("address");
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(self.directory.join(server), &link).unwrap();
        const CUT: &str = "SELECT pg_terminate_backend(pid)::int FROM pg_stat_activity \
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        self.tell("primary", CUT).await;
    }

    async fn tell(&self, server: &str, sql: &str) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url(server)).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn note(what: &str) -> Commit {
    Commit { audit: vec![entry("state", what)], ..Commit::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_stays_with_a_standby() {
    let mut pair = Pair::start();
    pair.leads_to("primary").await;
    let clock = Hand::at(START);
    let ledger = open(&pair.url("address"), clock.clone()).await.expect("the primary takes it");
    ledger.commit(note("before")).await.unwrap();

    // The name of the database resolves to the standby for a while: connections made then must not be kept.
    pair.leads_to("standby").await;
    let refused = ledger.ready().await.expect_err("nothing is written to a standby");
    assert!(sentence(&refused).contains("leads to a standby"), "{}", sentence(&refused));
    let late = open(&pair.url("address"), clock.clone()).await.err().expect("it does not open either");
    assert!(sentence(&late).contains("leads to a standby"), "{}", sentence(&late));
    let reader = Ledger::open_readonly(&pair.url("address"), clock.clone()).await.expect("but it can be read");
    assert_eq!(reader.verify_audit().await.unwrap().expect("the chain is whole").seq, 1);
    reader.close().await;

    pair.leads_to("primary").await;
    ledger.commit(note("after")).await.expect("it goes on at once when the name is right again");

    pair.leads_to("standby").await;
    pair.promote();
    ledger.commit(note("promoted")).await.expect("it goes on with the promoted standby");
    assert_eq!(ledger.verify_audit().await.unwrap().expect("the chain is whole").seq, 3);
}

/// What a fail-over service does to the old primary while its connections live on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_becomes_read_only_is_named() {
    let bed = crate::store::bed::Bed::postgres().await;
    let name = bed.url.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
    bed.tamper(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    const CUT: &str = "SELECT pg_terminate_backend(pid)::int FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    bed.tamper(CUT).await;
    let refused = bed.ledger.ready().await.expect_err("it takes no writes");
    assert!(sentence(&refused).contains("set to be read-only"), "{}", sentence(&refused));
    bed.tamper(&format!("BEGIN READ WRITE; ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT")).await;
    bed.ledger.commit(note("again")).await.expect("it goes on when writes are taken again");
}
