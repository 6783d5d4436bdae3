//! Validators of restored databases, each with a database that is good and with one that is not.

use std::time::Duration;

use bbws::{
    adapters::sql::{Checked, Target, Wanted, validate},
    domain::environment::Engine,
};
use secrecy::SecretString;

use crate::archive::{
    bed::{Maria, Pg, Server, authority, name},
    plain::stripped,
};

const PG: &str = "
    CREATE TABLE posts (id int PRIMARY KEY, title text, created_at timestamptz NOT NULL);
    CREATE TABLE \"od\"\"d\" (a int);
    INSERT INTO posts SELECT g, 'x', '2026-01-01 10:00+00'::timestamptz + g * interval '1 second' FROM generate_series(1, 3000) g;
    INSERT INTO \"od\"\"d\" VALUES (1);
";

const WORDPRESS: &str = "
    CREATE TABLE wp_posts (ID bigint PRIMARY KEY, post_title text, post_date datetime NOT NULL);
    INSERT INTO wp_posts SELECT seq, 'x', '2026-01-01 10:00:00' + INTERVAL seq SECOND FROM seq_1_to_3000;
    CREATE TABLE wp_options (a int); CREATE TABLE wp_users (a int); CREATE TABLE wp_usermeta (a int);
    CREATE TABLE wp_postmeta (a int); CREATE TABLE wp_terms (a int); CREATE TABLE wp_termmeta (a int);
    CREATE TABLE wp_term_taxonomy (a int); CREATE TABLE wp_term_relationships (a int);
    CREATE TABLE wp_comments (a int); CREATE TABLE wp_commentmeta (a int); CREATE TABLE `o``dd` (a int);
";

pub fn target(server: &Server, engine: Engine, database: Option<&str>) -> Target {
    Target {
        engine,
        host: server.host.clone(),
        port: server.port,
        username: server.username.clone(),
        password: SecretString::from(server.password.clone()),
        database: database.map(str::to_owned),
        ca: None,
        require_tls: true,
    }
}

pub fn wanted(schema: &str) -> Wanted {
    Wanted {
        schemas: vec![schema.to_owned()],
        wordpress: Vec::new(),
        rpo: Duration::from_secs(3600),
        promised: None,
        alone: false,
        measures: false,
        token: name("t"),
    }
}

/// Source and restored side, on PostgreSQL.
async fn pair() -> (Pg, Pg, Target, Target) {
    let (source, restored) = (Pg::new(PG).await, Pg::new(PG).await);
    let of = |pg: &Pg| target(&pg.server, Engine::Postgres, Some(&pg.database));
    let targets = (of(&restored), of(&source));
    (source, restored, targets.0, targets.1)
}

/// The same on two MariaDB servers, in a schema of one name.
async fn maria_pair() -> (Maria, Maria, Target, Target) {
    let schema = name("tenant");
    let source = Maria::on(Server::mariadb(), schema.clone(), WORDPRESS).await;
    let restored = Maria::on(Server::mariadb_restored(), schema, WORDPRESS).await;
    let of = |maria: &Maria| target(&maria.server, Engine::Mariadb, None);
    let targets = (of(&restored), of(&source));
    (source, restored, targets.0, targets.1)
}

fn all_good(checks: &[Checked]) {
    assert!(checks.iter().all(|c| c.ok), "{checks:#?}");
    assert!(checks.iter().all(|c| c.found.ends_with('.')), "{checks:#?}");
}

/// Exactly this check is not ok; its sentence.
#[track_caller]
fn only<'c>(checks: &'c [Checked], name: &str) -> &'c str {
    let bad: Vec<_> = checks.iter().filter(|c| !c.ok).collect();
    assert!(bad.len() == 1 && bad[0].name.starts_with(name), "{checks:#?}");
    &bad[0].found
}

async fn canaries_of_pg(pg: &Pg) -> String {
    pg.text("SELECT count(*)::text FROM pg_class WHERE relname LIKE 'bbws_canary%'").await
}

async fn canaries_of(maria: &Maria) -> String {
    maria.text("SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.TABLES WHERE TABLE_NAME LIKE 'bbws_canary%' AND TABLE_SCHEMA = DATABASE()").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_postgres_passes_everything() {
    let (source, restored, mut here, mut there) = pair().await;
    (here.ca, there.ca) = (Some(authority()), Some(authority()));
    let checks = validate(&here, Some(&there), &wanted("public")).await;
    all_good(&checks);
    let names: Vec<_> = checks.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "login to the restored database",
            "login to the source database",
            "schema of public",
            "sequences of public",
            "rows of public",
            "keys of public",
            "newest data of public",
            "write, read, delete"
        ]
    );
    assert!(checks[0].found.contains("TLSv1"), "{checks:#?}");
    assert!(checks[4].found.contains("3001 rows in 2 tables") && checks[4].found.contains("counted"), "{checks:#?}");
    assert!(checks[4].found.contains("those of 2 tables are the source's to the last byte"), "{checks:#?}");
    assert_eq!((canaries_of_pg(&restored).await, canaries_of_pg(&source).await), ("0".into(), "0".into()));
    // All schemas where none is named.
    all_good(&validate(&here, Some(&there), &Wanted { schemas: Vec::new(), ..wanted("") }).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_mariadb_passes_everything() {
    let (source, restored, mut here, mut there) = maria_pair().await;
    (here.ca, there.ca) = (Some(authority()), Some(authority()));
    let schema = restored.database.clone();
    let checks = validate(&here, Some(&there), &Wanted { wordpress: vec![schema.clone()], ..wanted(&schema) }).await;
    all_good(&checks);
    assert!(checks[0].found.contains("TLS_"), "{checks:#?}");
    assert!(checks.iter().any(|c| c.found.contains("prefix `wp_`")), "{checks:#?}");
    assert_eq!((canaries_of(&restored).await, canaries_of(&source).await), ("0".into(), "0".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_on_postgres_is_named() {
    let (_source, restored, here, there) = pair().await;
    restored.run("DELETE FROM posts WHERE id <= 3").await;
    all_good(&validate(&here, Some(&there), &wanted("public")).await);
    restored.run("DELETE FROM posts WHERE id = 4").await;
    let checks = validate(&here, Some(&there), &wanted("public")).await;
    let why = only(&checks, "rows of public");
    assert!(why.contains("posts has 2996 rows, the source 3000"), "{why}");

    let (_source, restored, here, there) = pair().await;
    restored.run("ALTER TABLE posts ALTER COLUMN title TYPE varchar(10)").await;
    let checks = validate(&here, Some(&there), &wanted("public")).await;
    let why = only(&checks, "schema of public");
    assert!(why.contains("column posts title is `2 character varying(10)` instead of `2 text`"), "{why}");

    // Statistics are restored with the data: those of the restored side agree with the source's whatever is in it.
    let (source, restored, here, there) = pair().await;
    let large = "SET allow_system_table_mods = on; UPDATE pg_class SET reltuples = 2000000 WHERE relname = 'posts'";
    source.run(large).await;
    restored.run(large).await;
    all_good(&validate(&here, Some(&there), &wanted("public")).await);
    restored.run("DELETE FROM posts WHERE id <= 300").await;
    let checks = validate(&here, Some(&there), &wanted("public")).await;
    let why = only(&checks, "rows of public");
    assert!(why.contains("posts has 2700 rows, the source 3000"), "{why}");

    let (_source, restored, here, there) = pair().await;
    restored.run("DROP TABLE \"od\"\"d\"").await;
    let checks = validate(&here, Some(&there), &wanted("public")).await;
    assert!(checks.iter().any(|c| !c.ok && c.found.contains("od\"d is missing")), "{checks:#?}");

    let (_source, restored, here, there) = pair().await;
    restored.run("UPDATE posts SET created_at = created_at - interval '59 minutes'").await;
    all_good(&validate(&here, Some(&there), &wanted("public")).await);
    restored.run("UPDATE posts SET created_at = created_at - interval '2 minutes'").await;
    let checks = validate(&here, Some(&there), &wanted("public")).await;
    let why = only(&checks, "newest data");
    assert!(why.contains("posts.created_at") && why.contains("1h 1m later"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_on_mariadb_is_named() {
    let (_source, restored, here, there) = maria_pair().await;
    let schema = restored.database.clone();
    restored.run("DELETE FROM wp_posts WHERE ID <= 4").await;
    let checks = validate(&here, Some(&there), &wanted(&schema)).await;
    let why = only(&checks, "rows of");
    assert!(why.contains("wp_posts has 2996 rows, the source 3000"), "{why}");

    restored
        .run("INSERT INTO wp_posts SELECT seq, 'x', '2026-01-01' FROM seq_1_to_4; CREATE INDEX extra ON wp_terms (a)")
        .await;
    let checks = validate(&here, Some(&there), &wanted(&schema)).await;
    let why = only(&checks, "schema of");
    assert!(why.contains("index wp_terms extra 1 is not in the source"), "{why}");

    restored.run("DROP INDEX extra ON wp_terms; UPDATE wp_posts SET post_date = post_date - INTERVAL 2 HOUR").await;
    let checks = validate(&here, Some(&there), &wanted(&schema)).await;
    let why = only(&checks, "newest data");
    assert!(why.contains("wp_posts.post_date") && why.contains("2h later"), "{why}");

    restored.run("DROP TABLE wp_options").await;
    let checks = validate(&here, Some(&there), &Wanted { wordpress: vec![schema.clone()], ..wanted(&schema) }).await;
    let why = checks.iter().find(|c| c.name.starts_with("WordPress")).expect("it is looked for");
    assert!(!why.ok && why.found.contains("wp_options"), "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_is_refused_where_tls_is_required() {
    let (_s, pg, here, there) = pair().await;
    let (_m, maria, maria_here, maria_there) = maria_pair().await;
    for (schema, mut here, there) in [("public", here, there), (maria.database.as_str(), maria_here, maria_there)] {
        let server = Server {
            host: here.host.clone(),
            port: here.port,
            username: here.username.clone(),
            password: String::new(),
        };
        here.port = stripped(&server, here.engine).await;
        let checks = validate(&here, Some(&there), &wanted(schema)).await;
        assert!(!checks[0].ok && checks[0].found.contains("TLS"), "{checks:#?}");
        // Nothing that could not be asked is called good.
        let good: Vec<_> = checks.iter().filter(|c| c.ok).map(|c| c.name.as_str()).collect();
        assert_eq!(good, ["login to the source database"]);
        assert!(checks.len() >= 6, "{checks:#?}");

        here.require_tls = false;
        let checks = validate(&here, Some(&there), &wanted(schema)).await;
        all_good(&checks);
        assert!(checks[0].found.contains("without TLS"), "{checks:#?}");
    }
    drop(pg);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_not_good() {
    let (_source, restored, here, there) = pair().await;
    for (here, there) in [
        (Target { password: "wrong".to_owned().into(), ..here.clone() }, there.clone()),
        (Target { port: 1, ..here.clone() }, there.clone()),
        (Target { ca: Some("/nonexistent.pem".into()), ..here.clone() }, there.clone()),
    ] {
        let checks = validate(&here, Some(&there), &wanted("public")).await;
        assert!(checks.iter().all(|c| c.ok == (c.name == "login to the source database")), "{checks:#?}");
        assert!(!format!("{checks:?}{here:?}").contains("wrong\""), "no password in a sentence");
    }
    // Without a source the comparisons are unknown, the rest is not.
    let checks = validate(&here, None, &wanted("public")).await;
    let good: Vec<_> = checks.iter().filter(|c| c.ok).map(|c| c.name.as_str()).collect();
    assert_eq!(good, ["login to the restored database", "write, read, delete"], "{checks:#?}");
    // A schema that nobody has.
    let checks = validate(&here, Some(&there), &wanted("gone")).await;
    assert!(checks.iter().all(|c| c.ok == c.name.starts_with("login")), "{checks:#?}");
    drop(restored);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_canary_never_sings_on_the_source_and_never_stays() {
    let (source, restored, here, there) = maria_pair().await;
    let schema = restored.database.clone();
    let checks = validate(&there, Some(&there), &wanted(&schema)).await;
    assert!(only(&checks, "write, read, delete").contains("is the source itself"));
    assert_eq!(canaries_of(&source).await, "0");

    // Somebody else's table of that name is left as it is.
    let mine = wanted(&schema);
    restored.run(&format!("CREATE TABLE bbws_canary_{} (a int)", mine.token)).await;
    source.run(&format!("CREATE TABLE bbws_canary_{} (a int)", mine.token)).await;
    let checks = validate(&here, Some(&there), &mine).await;
    assert!(only(&checks, "write, read, delete").contains("already exists"), "{checks:#?}");
    assert_eq!(canaries_of(&restored).await, "1");

    // What could end the statement is no token.
    for token in ["", "a; DROP TABLE wp_posts", "A", "`"] {
        let checks = validate(&here, Some(&there), &Wanted { token: token.into(), ..wanted(&schema) }).await;
        assert!(only(&checks, "write, read, delete").contains("nothing was written"), "{checks:#?}");
    }

    // A server that takes no writes is told apart, and nothing is left.
    let (_source, restored, here, there) = pair().await;
    restored.run(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", restored.database)).await;
    let checks = validate(&here, Some(&there), &wanted("public")).await;
    assert!(only(&checks, "write, read, delete").contains("read-only"), "{checks:#?}");
}

/// Cancelled at any moment, a validation leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_validation_that_is_cancelled_leaves_no_table() {
    let schema = name("tenant");
    let source = Maria::on(Server::mariadb(), schema.clone(), "CREATE TABLE t (a int)").await;
    let restored = Maria::on(Server::mariadb_restored(), schema.clone(), "CREATE TABLE t (a int)").await;
    let (here, there) =
        (target(&restored.server, Engine::Mariadb, None), target(&source.server, Engine::Mariadb, None));
    let began = std::time::Instant::now();
    validate(&here, Some(&there), &wanted(&schema)).await;
    let whole = began.elapsed();
    for part in 0..20 {
        let _ = tokio::time::timeout(whole * part / 20, validate(&here, Some(&there), &wanted(&schema))).await;
    }
    for _ in 0..500 {
        if canaries_of(&restored).await == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a table is left");
}

/// Names that would be SQL if they were not quoted.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_schemas_are_names() {
    let (_source, restored, here, there) = pair().await;
    let schema = "x\"; DROP TABLE posts; --";
    for pg in [&restored, &_source] {
        let sql = "CREATE SCHEMA \"x\"\"; DROP TABLE posts; --\"; CREATE TABLE \"x\"\"; DROP TABLE posts; --\".t (created_at timestamp);
                   INSERT INTO \"x\"\"; DROP TABLE posts; --\".t VALUES ('2026-01-01')";
        pg.run(sql).await;
    }
    all_good(&validate(&here, Some(&there), &wanted(schema)).await);
    all_good(&validate(&here, Some(&there), &wanted("public")).await);
}

/// Both kinds of servers, with orders in them.
async fn asked(query: &str) -> [Result<bool, String>; 2] {
    const ORDERS: &str = "CREATE TABLE orders (id int PRIMARY KEY, card varchar(40)); \
        INSERT INTO orders VALUES (1, '4111-secret'), (2, 'x');";
    let pg = Pg::new(ORDERS).await;
    let maria = Maria::on(Server::mariadb_restored(), name("tenant"), ORDERS).await;
    let there = target(&pg.server, Engine::Postgres, None);
    let one = bbws::adapters::sql::ask(&there, &pg.database, query).await;
    let in_schema = target(&pg.server, Engine::Postgres, Some(&pg.database));
    assert_eq!(bbws::adapters::sql::ask(&in_schema, "public", query).await, one, "by its schema, too");
    let there = target(&maria.server, Engine::Mariadb, None);
    [one, bbws::adapters::sql::ask(&there, &maria.database, query).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_check_is_answered_with_true_or_false_and_nothing_else_is_told() {
    let both = |answer: Result<bool, String>| [answer.clone(), answer];
    assert_eq!(asked("SELECT COUNT(*) > 1 FROM orders").await, both(Ok(true)));
    assert_eq!(asked("SELECT COUNT(*) > 2 FROM orders;").await, both(Ok(false)));
    assert_eq!(asked("SELECT 1").await, both(Ok(true)));
    assert_eq!(
        asked("WITH big AS (SELECT id FROM orders WHERE id > 1) SELECT COUNT(*) = 1 FROM big -- all of them").await,
        both(Ok(true))
    );
    let refused = |said: &str| both(Err(said.to_owned()));
    assert_eq!(asked("SELECT id FROM orders").await, refused("The answer has several rows instead of one."));
    assert_eq!(asked("SELECT id FROM orders WHERE id > 9").await, refused("The answer has no row instead of one."));
    assert_eq!(
        asked("SELECT id, card FROM orders WHERE id = 1").await,
        refused("The answer has 2 columns instead of one.")
    );
    assert_eq!(asked("SELECT card FROM orders WHERE id = 1").await, refused("The answer is neither true nor false."));
    assert_eq!(asked("SELECT NULL").await, refused("The answer is NULL, which is neither true nor false."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_check_neither_writes_nor_tells_a_row_by_way_of_an_error() {
    for query in [
        "SELECT CAST(card AS int) = 1 FROM orders WHERE id = 1 AND missing = 2",
        "SELECT count(*) FROM gone",
        "SELECT 1) AS x; DELETE FROM orders; SELECT * FROM (SELECT 1",
        "SELECT 1) AS x; COMMIT; DELETE FROM orders; SELECT * FROM (SELECT 1",
        "DELETE FROM orders",
    ] {
        for answer in asked(query).await {
            let why = answer.expect_err(query);
            assert!(why.starts_with("The database refused the question with code "), "{query}: {why}");
            assert!(!why.contains("4111"), "{why}");
        }
    }
    let [pg, _] = asked("SELECT card::int = 1 FROM orders WHERE id = 1").await;
    assert_eq!(pg, Err("The database refused the question with code 22P02.".to_owned()), "its words hold the value");
}
