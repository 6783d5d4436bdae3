//! What dump programs lose without a word, on real servers: programs of the wrong kind, history, sequences, blobs, roles.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use bbws::{
    adapters::archive::{
        ArchiveError, Counted, Expected, Programs, Release, Sealed, Source, Tally, Written, dump, load, roles, verify,
    },
    domain::environment::Engine,
};

use crate::archive::bed::{End, Maria, Memory, Pg, Server, key, name, release};

async fn dumped(source: &Source) -> (Memory, Written) {
    let memory = Memory::new();
    let written = dump(source, &key(7), memory.sink(), |_| ()).await.expect("it is dumped");
    (memory, written)
}

async fn held(memory: &Memory, written: &Written) -> Tally {
    let bytes = memory.bytes();
    let sealed = Sealed::read(bytes.as_slice()).await.expect("an archive");
    verify(sealed, &key(7), &Expected::from(written)).await.expect("it is good").held
}

async fn loaded(memory: &Memory, written: &Written, to: &Source) -> Result<u64, ArchiveError> {
    let bytes = memory.bytes();
    load(Sealed::read(bytes.as_slice()).await.expect("an archive"), &key(7), &Expected::from(written), to).await
}

async fn refused(source: &Source) -> String {
    let memory = Memory::new();
    let error = dump(source, &key(7), memory.sink(), |_| ()).await.expect_err("it is refused");
    assert!(matches!(error, ArchiveError::Permanent(_)), "{error}");
    assert_eq!(memory.end(), End::Aborted);
    error.to_string()
}

/// A folder with a program that says and does what it is told.
fn program(called: &str, version: &str, does: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(called);
    std::fs::write(&path, format!("#!/bin/sh\nif [ \"$1\" = --version ]; then echo '{version}'; exit; fi\n{does}\n"))
        .expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn each_server_is_dumped_by_its_own_program_or_not_at_all() {
    let (pg, maria) = (Pg::new("CREATE TABLE t (a int)").await, Maria::new("CREATE TABLE t (a int)").await);
    // A PostgreSQL of a version of which there are no programs.
    let source = Source { server: Release { engine: Engine::Postgres, major: 99 }, ..pg.source() };
    let why = refused(&source).await;
    assert!(why.contains("The server is PostgreSQL 99") && why.contains("Install postgresql-client-99"), "{why}");
    // MySQL, where there is MariaDB's program only, by its own name and by the other's.
    let mysql = Release { engine: Engine::Mysql, major: 8 };
    let source = Source { server: mysql, programs: Programs::only(&["/usr/bin"]), ..maria.source() };
    let why = refused(&source).await;
    assert!(why.contains("The server is MySQL") && why.contains("generated columns"), "{why}");
    assert!(why.contains("Install mysql-community-client"), "{why}");
    // Oracle's is taken for MySQL, not for MariaDB; folders are named with the server's version.
    let does = "printf '%s\\n' '-- Current Database: `t`' '' '-- Dump completed on today'";
    let folder = program("mysqldump", "mysqldump  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)", does);
    let under = folder.path().join("8");
    std::fs::create_dir(&under)
        .and_then(|()| std::fs::copy(folder.path().join("mysqldump"), under.join("mysqldump")))
        .expect("copied");
    let place = format!("{}/<major>", folder.path().display());
    let (_, written) = dumped(&Source { programs: Programs::only(&[&place]), ..source }).await;
    assert_eq!(written.held.schemas, ["t".to_owned()].into());
    let place = folder.path().display().to_string();
    let why = refused(&Source { programs: Programs::only(&[&place]), ..maria.source() }).await;
    assert!(why.contains("The server is MariaDB") && why.contains("8.4.3"), "{why}");
}

/// A program that ends well and was cut off by something is no program that ended well.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_postgres_that_lacks_rows_is_none() {
    let pg =
        Pg::new("CREATE TABLE a AS SELECT g FROM generate_series(1, 50000) g; CREATE TABLE b AS SELECT 1 AS x").await;
    let major = release(Engine::Postgres).major;
    let real = format!("/usr/lib/postgresql/{major}/bin");
    let (_, whole) = dumped(&pg.source()).await;
    for kept in [whole.bytes_plain - 1, whole.bytes_plain - 200, whole.bytes_plain / 2, 4000] {
        let cut = format!("{real}/pg_dump \"$@\" | head -c {kept}");
        let folder = program("pg_dump", &format!("pg_dump (PostgreSQL) {major}.0"), &cut);
        let place = folder.path().display().to_string();
        let source = Source { programs: Programs::only(&[&place, &real]), ..pg.source() };
        let why = refused(&source).await;
        assert!(why.contains("is not a complete dump"), "{kept} bytes: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_a_postgres_database_is_counted() {
    let pg = Pg::new(
        "CREATE TABLE posts (id serial PRIMARY KEY, title text); INSERT INTO posts (title) SELECT E'a\\nb\\\\.\\n' FROM generate_series(1, 1234);
         CREATE TABLE empty_one (id int); CREATE TABLE part (a int) PARTITION BY RANGE (a); CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (100);
         INSERT INTO part SELECT generate_series(1, 99); CREATE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 2;
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
         CREATE TRIGGER stamp BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION f(); CREATE POLICY mine ON posts USING (true);
         SELECT lo_from_bytea(0, decode(repeat('0a', 100000), 'hex')); SELECT lo_from_bytea(0, 'x');",
    )
    .await;
    let (memory, written) = dumped(&pg.source()).await;
    let found = held(&memory, &written).await;
    assert_eq!(found, written.held, "what is read back is what passed");
    let rows = [("public.part_1", 99), ("public.posts", 1234)].map(|(table, rows)| (table.to_owned(), rows));
    assert_eq!((found.rows, found.tables.count), (rows.into(), 4));
    let others = [
        (Counted::View, 2),
        (Counted::Routine, 2),
        (Counted::Trigger, 1),
        (Counted::Sequence, 1),
        (Counted::Policy, 1),
    ];
    assert_eq!(found.others, others.into());
}

const LOSABLE: &str = "
    CREATE SEQUENCE s; CREATE TABLE by_sequence (id bigint DEFAULT NEXTVAL(s) PRIMARY KEY); INSERT INTO by_sequence VALUES (DEFAULT), (DEFAULT);
    CREATE TABLE versions (a int PRIMARY KEY) WITH SYSTEM VERSIONING; INSERT INTO versions VALUES (1); UPDATE versions SET a = 2; UPDATE versions SET a = 3;
    CREATE TABLE blobs (a int PRIMARY KEY, b longblob, c bit(3), d varbinary(20)); INSERT INTO blobs VALUES (1, REPEAT(RANDOM_BYTES(1000), 9500), b'101', x'0027225C0A0D1A'), (2, '', NULL, '(;');
    CREATE TABLE made (a int, b int AS (a + 1) STORED, t varchar(40)); INSERT INTO made (a, t) VALUES (1, 'it''s; ('), (2, '\\\\'), (3, NULL);
    CREATE VIEW v AS SELECT a FROM made; CREATE TRIGGER stamp BEFORE INSERT ON made FOR EACH ROW SET NEW.t = NEW.t;
    CREATE PROCEDURE p() SELECT 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM made;
";
const LOSABLE_SUM: &str =
    "SELECT CONCAT_WS('-', (SELECT SUM(CRC32(HEX(b)) + CRC32(HEX(d)) + IFNULL(c + 0, 9)) FROM blobs),
    (SELECT COUNT(*) FROM versions FOR SYSTEM_TIME ALL), (SELECT SUM(id) FROM by_sequence), (SELECT SUM(b) FROM made))";

#[tokio::test(flavor = "multi_thread")]
async fn a_default_server_takes_back_what_mariadb_easily_loses() {
    let schema = name("lost");
    let source = Maria::on(Server::mariadb(), schema.clone(), LOSABLE).await;
    // 9.5 MB in hexadecimal are more than the 16 MiB that a server takes.
    let target = Maria::on(Server::mariadb_restored(), schema.clone(), "SELECT 1").await;
    let packet = target.text("SELECT CAST(@@GLOBAL.max_allowed_packet AS CHAR)").await;
    assert_eq!(packet, (16 << 20).to_string(), "the server takes what servers take by default");
    let (memory, written) = dumped(&Source { history: true, ..source.source() }).await;
    let found = held(&memory, &written).await;
    let rows = [("blobs", 2), ("by_sequence", 2), ("made", 3), ("versions", 3)];
    assert_eq!(found.rows, rows.map(|(table, rows)| (format!("{schema}.{table}"), rows)).into());
    let others =
        [Counted::View, Counted::Routine, Counted::Trigger, Counted::Event, Counted::Sequence].map(|kind| (kind, 1));
    assert_eq!((found.others, found.tables.count), (others.into(), 4));
    assert!((9_500_000..16 << 20).contains(&found.longest), "{}", found.longest);

    target.run(&format!("DROP DATABASE {schema}")).await;
    loaded(&memory, &written, &target.source()).await.expect("it is loaded");
    assert_eq!(target.text(LOSABLE_SUM).await, source.text(LOSABLE_SUM).await);
    assert_eq!(
        target.text("SELECT CAST(NEXTVAL(s) AS CHAR)").await,
        "1001",
        "the sequence goes on where the cache ends"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_fails_says_why_and_tells_no_row() {
    let (one, other) = (
        Pg::new("CREATE TABLE t (a text); INSERT INTO t VALUES ('hush-hush')").await,
        Pg::new("CREATE TABLE t (a int)").await,
    );
    let (memory, written) = dumped(&one.source()).await;
    let error = loaded(&memory, &written, &other.source()).await.expect_err("there is such a table");
    assert!(matches!(&error, ArchiveError::Damaged(why) if why.contains("relation \"t\" already exists")), "{error}");
    assert!(!error.to_string().contains("hush"), "{error}");
    // All or nothing.
    assert_eq!(other.text("SELECT count(*)::text FROM t").await, "0");

    let schema = name("fails");
    let source =
        Maria::on(Server::mariadb(), schema.clone(), "CREATE TABLE t (a text); INSERT INTO t VALUES ('hush-hush')")
            .await;
    let (memory, written) = dumped(&source.source()).await;
    let nobody = Source { username: "nobody".into(), ..Server::mariadb_restored().source(Engine::Mariadb, &[]) };
    let error = loaded(&memory, &written, &nobody).await.expect_err("nobody is let in");
    assert!(error.to_string().contains("ERROR 1045 (28000)") && !error.to_string().contains("hush"), "{error}");

    // The same with more than the pipes hold: nobody reads the rest, and nothing waits for that.
    source.run("CREATE TABLE much AS SELECT RANDOM_BYTES(1000) AS b FROM seq_1_to_20000").await;
    let (memory, written) = dumped(&source.source()).await;
    let load = loaded(&memory, &written, &nobody);
    let error =
        tokio::time::timeout(Duration::from_secs(60), load).await.expect("it ends").expect_err("nobody is let in");
    assert!(error.to_string().contains("ERROR 1045 (28000)"), "{error}");
}

/// No dump of a database holds roles, and without them it is not loaded.
#[tokio::test(flavor = "multi_thread")]
async fn the_roles_of_a_postgres_server_travel_with_the_archive() {
    let owner = name("owner");
    let pg = Pg::new("").await;
    pg.run(&format!("CREATE ROLE {owner} LOGIN PASSWORD 'hush-hush' CONNECTION LIMIT 7; CREATE TABLE t (a int); ALTER TABLE t OWNER TO {owner}")).await;
    let (memory, written) = dumped(&pg.source()).await;
    let bytes = memory.bytes();
    let header = Sealed::read(bytes.as_slice()).await.expect("an archive").header;
    let sql = roles(&header, &key(7)).expect("they can be opened").expect("they are there");
    assert!(sql.contains(&format!("CREATE ROLE {owner};")) && sql.contains("CONNECTION LIMIT 7"), "{sql}");
    assert!(!sql.contains("SCRAM") && !sql.contains("PASSWORD"), "no password, not even its hash");
    assert!(!String::from_utf8_lossy(&bytes).contains(&owner), "they are sealed");
    assert!(matches!(roles(&header, &key(8)), Err(ArchiveError::Damaged(_))));
    held(&memory, &written).await;
    pg.run(&format!("DROP TABLE t; DROP ROLE {owner}")).await;

    let maria = Maria::new("CREATE TABLE t (a int)").await;
    let (memory, _) = dumped(&maria.source()).await;
    let bytes = memory.bytes();
    assert_eq!(roles(&Sealed::read(bytes.as_slice()).await.expect("an archive").header, &key(7)), Ok(None));
}
