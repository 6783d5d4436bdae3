//! Dump, verify, restore, compare: on real servers, with data that is hard to carry.

use std::process::Stdio;

use bbws::{
    adapters::archive::{Expected, Sealed, Written, dump, unseal, verify},
    domain::environment::Engine,
};
use tokio::process::Command;

use crate::archive::bed::{End, Maria, Memory, Pg, authority, key};

pub const POSTGRES: &str = r#"
    CREATE TABLE posts (id int PRIMARY KEY, title text NOT NULL, body bytea, created_at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX posts_title ON posts (title);
    INSERT INTO posts SELECT g, 'Zürich 東京 🦀 ' || g || E'\n\t\\"''', sha512(g::text::bytea), now() FROM generate_series(1, 20000) g;
    CREATE TABLE empty_one (id int);
    CREATE VIEW titles AS SELECT title FROM posts;
    CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS $$ SELECT 2 * n $$;
    CREATE SCHEMA "we""ird.*";
    CREATE TABLE "we""ird.*"."ta ble" (a int, b text);
    INSERT INTO "we""ird.*"."ta ble" VALUES (1, NULL), (2, 'x');
"#;

pub const MARIADB: &str = r"
    CREATE TABLE wp_posts (ID bigint PRIMARY KEY AUTO_INCREMENT, post_title text NOT NULL, body longblob, post_date datetime NOT NULL, KEY t (post_title(20)));
    INSERT INTO wp_posts (post_title, body, post_date) SELECT CONCAT('Zürich 東京 🦀 ', seq, '\n\t\\\'`'), RANDOM_BYTES(300), NOW() FROM seq_1_to_5000;
    CREATE TABLE `o``dd name` (a int, b bit(3));
    INSERT INTO `o``dd name` VALUES (1, b'101'), (NULL, NULL);
    CREATE VIEW titles AS SELECT post_title FROM wp_posts;
    CREATE TRIGGER stamp BEFORE INSERT ON wp_posts FOR EACH ROW SET NEW.post_date = COALESCE(NEW.post_date, NOW());
    CREATE PROCEDURE p() CREATE TEMPORARY TABLE `inside` (a int);
";

/// Of every row, in order.
pub const PG_SUM: &str =
    "SELECT md5(string_agg(p::text, '|' ORDER BY id)) || (SELECT count(*) FROM titles) || twice(21)
    || (SELECT string_agg(t::text, ',' ORDER BY a) FROM \"we\"\"ird.*\".\"ta ble\" t) FROM posts p";
pub const MARIADB_SUM: &str = "SELECT CONCAT(SUM(CRC32(CONCAT(ID, post_title, HEX(body), post_date))), '-', COUNT(*), '-',
    (SELECT COUNT(*) FROM titles), '-', (SELECT GROUP_CONCAT(CONCAT_WS(',', a, b + 0) SEPARATOR ';') FROM `o``dd name`)) FROM wp_posts";

async fn archived(source: bbws::adapters::archive::Source, memory: &Memory) -> Written {
    let seen = std::sync::atomic::AtomicU64::new(0);
    let progress = |bytes| seen.store(bytes, std::sync::atomic::Ordering::Relaxed);
    let written = dump(&source, &key(7), memory.sink(), progress).await.expect("it is dumped");
    assert_eq!(memory.end(), End::Completed);
    assert_eq!(seen.into_inner(), written.bytes_plain, "progress ends at the whole");
    assert_eq!(memory.bytes().len() as u64, written.bytes_archive);
    written
}

fn expected(memory: &Memory, written: &Written, engine: Engine) -> Expected {
    Expected { plan: Some(memory.plan), engine: Some(engine), ..Expected::from(written) }
}

/// Pipes the archive's dump into a program that restores it.
async fn restored(memory: &Memory, expected: &Expected, command: &mut Command) {
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the client runs");
    let sealed = Sealed::read(memory.bytes().as_slice()).await.map(|s| s.header).expect("an archive");
    assert_eq!(sealed.compression, "zstd");
    let bytes = memory.bytes();
    let sealed = Sealed::read(bytes.as_slice()).await.expect("an archive");
    unseal(sealed, &key(7), expected, child.stdin.take().expect("a pipe")).await.expect("it is opened");
    let output = child.wait_with_output().await.expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_database_survives_the_whole_way() {
    let pg = Pg::new(POSTGRES).await;
    let memory = Memory::small();
    let written = archived(pg.source(), &memory).await;
    let parts = memory.parts();
    assert!(parts.len() > 4 && parts[..3] == [65536; 3] && parts[3] == 204_800, "as planned: {parts:?}");
    let expected = expected(&memory, &written, Engine::Postgres);

    let bytes = memory.bytes();
    let contents = verify(Sealed::read(bytes.as_slice()).await.unwrap(), &key(7), &expected).await.expect("it is good");
    let mut names = contents.held.tables.names.clone();
    names.sort();
    assert_eq!(names, ["public.empty_one", "public.posts", "we\"ird.*.ta ble"]);
    assert!(contents.entries > contents.held.tables.count, "{contents:?}");
    assert_eq!((contents.bytes_plain, contents.sha256), (written.bytes_plain, written.sha256_plain.clone()));
    assert!(!bytes.windows(6).any(|w| w == "Zürich".as_bytes() || w == b"posts_"), "nothing is readable");

    let second = Pg::new("").await;
    let login = &second.server;
    restored(
        &memory,
        &expected,
        Command::new("pg_restore")
            .args(["--exit-on-error", "-h", &login.host, "-p", &login.port.to_string(), "-U", &login.username])
            .args(["-d", &second.database])
            .env("PGPASSWORD", &login.password),
    )
    .await;
    assert_eq!(second.text(PG_SUM).await, pg.text(PG_SUM).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_named_postgres_schema_is_dumped_and_a_missing_one_is_named() {
    let pg = Pg::new(POSTGRES).await;
    let memory = Memory::new();
    let mut source = pg.source();
    source.schemas = vec!["we\"ird.*".into()];
    source.ca = Some(authority());
    let written = archived(source.clone(), &memory).await;
    let bytes = memory.bytes();
    let sealed = Sealed::read(bytes.as_slice()).await.unwrap();
    let contents = verify(sealed, &key(7), &Expected::from(&written)).await.expect("it is good");
    assert_eq!(contents.held.tables.names, ["we\"ird.*.ta ble"]);

    source.schemas = vec!["tenant_9".into()];
    let memory = Memory::new();
    let error = dump(&source, &key(7), memory.sink(), |_| ()).await.expect_err("there is no such schema");
    assert!(error.to_string().contains("tenant_9") && error.to_string().contains("Nothing was stored"), "{error}");
    assert_eq!(memory.end(), End::Aborted);
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_databases_survive_the_whole_way() {
    let (one, two) = (Maria::new(MARIADB).await, Maria::new("CREATE TABLE t (a int)").await);
    let memory = Memory::small();
    let mut source = one.source();
    source.schemas.push(two.database.clone());
    source.ca = Some(authority());
    let written = archived(source, &memory).await;
    let expected = expected(&memory, &written, Engine::Mariadb);

    let bytes = memory.bytes();
    let contents = verify(Sealed::read(bytes.as_slice()).await.unwrap(), &key(7), &expected).await.expect("it is good");
    let mut names = contents.held.tables.names.clone();
    names.sort();
    let (one_is, two_is) = (&one.database, &two.database);
    assert_eq!(names, [format!("{one_is}.o`dd name"), format!("{one_is}.wp_posts"), format!("{two_is}.t")]);
    assert_eq!((contents.entries, contents.sha256), (3, written.sha256_plain));

    let before = one.text(MARIADB_SUM).await;
    one.run(&format!("DROP DATABASE {one_is}; DROP DATABASE {two_is}")).await;
    let login = &one.server;
    restored(
        &memory,
        &expected,
        Command::new("mariadb")
            .args(["--no-defaults", "--binary-mode", "-h", &login.host, "-P", &login.port.to_string()])
            .args(["-u", &login.username])
            .env("MYSQL_PWD", &login.password),
    )
    .await;
    assert_eq!(one.text(MARIADB_SUM).await, before);
    assert_eq!(two.text("SELECT CAST(COUNT(*) AS CHAR) FROM t").await, "0");
}

/// Every letter that option files and password files treat in a way of their own.
#[tokio::test(flavor = "multi_thread")]
async fn passwords_of_any_letters_reach_the_server() {
    let word = r#" p"a's\s:w#o;r=d\n% [x] {é} "#;
    let maria = Maria::new("CREATE TABLE t (a int)").await;
    let user = crate::archive::bed::name("u");
    let quoted = word.replace('\\', "\\\\").replace('\'', "\\'");
    maria
        .run(&format!(
            "CREATE USER {user}@'%' IDENTIFIED BY '{quoted}'; GRANT ALL ON {}.* TO {user}@'%'",
            maria.database
        ))
        .await;
    let mut source = maria.source();
    (source.username, source.password) = (user.clone(), word.to_owned().into());
    let memory = Memory::new();
    archived(source, &memory).await;
    maria.run(&format!("DROP USER {user}@'%'")).await;

    let pg = Pg::new("CREATE TABLE t (a int)").await;
    // Passwords of members of `dumper` are looked at; other roles need none.
    pg.run(&format!("CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{}' IN ROLE dumper", word.replace('\'', "''"))).await;
    let mut source = pg.source();
    (source.username, source.password) = (user.clone(), word.to_owned().into());
    let memory = Memory::new();
    archived(source, &memory).await;
    pg.run(&format!("DROP ROLE {user}")).await;
}
