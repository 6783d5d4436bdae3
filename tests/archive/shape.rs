//! What a restored schema may have lost though its tables, columns and indexes are all there: each loss is seen and named.

use bbws::{
    adapters::sql::{self, validate},
    domain::environment::Engine,
};

use crate::archive::{
    bed::{Maria, Pg, Server, name},
    sql::{target, wanted},
};

const PG: &str = "
    CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE TABLE users (id serial PRIMARY KEY, mood mood, age positive);
    CREATE TABLE posts (id int PRIMARY KEY, author int REFERENCES users, title text CHECK (title <> ''), made timestamptz DEFAULT '2026-01-01');
    INSERT INTO users (mood) SELECT 'good' FROM generate_series(1, 500); INSERT INTO posts VALUES (1, 1, 'x');
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TRIGGER stamp BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION f();
    ALTER TABLE posts ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON posts USING (id > 0);
    CREATE VIEW titles AS SELECT title FROM posts; GRANT SELECT ON posts TO PUBLIC;
    CREATE SEQUENCE free; SELECT setval('free', 1000);
";

#[tokio::test(flavor = "multi_thread")]
async fn every_loss_of_a_postgres_schema_is_seen() {
    let losses = [
        (
            "ALTER TABLE posts DROP CONSTRAINT posts_author_fkey",
            "schema of",
            "foreign key posts posts_author_fkey is missing",
        ),
        (
            "ALTER TABLE posts DROP CONSTRAINT posts_title_check",
            "schema of",
            "check posts posts_title_check is missing",
        ),
        (
            "ALTER DOMAIN positive DROP CONSTRAINT positive_check",
            "schema of",
            "check positive positive_check is missing",
        ),
        ("DROP TRIGGER stamp ON posts", "schema of", "trigger posts stamp is missing"),
        ("ALTER TABLE posts DISABLE TRIGGER stamp", "schema of", "trigger posts stamp is `D CREATE TRIGGER"),
        (
            "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
            "schema of",
            "routine f is",
        ),
        ("DROP POLICY mine ON posts", "schema of", "policy posts mine is missing"),
        ("ALTER POLICY mine ON posts USING (true)", "schema of", "policy posts mine is"),
        ("ALTER TABLE posts DISABLE ROW LEVEL SECURITY", "schema of", "table posts is"),
        ("REVOKE SELECT ON posts FROM PUBLIC", "schema of", "grant posts PUBLIC SELECT is missing"),
        ("CREATE OR REPLACE VIEW titles AS SELECT title FROM posts WHERE id > 1", "schema of", "view titles is"),
        (
            "ALTER TYPE mood ADD VALUE 'ugly'",
            "schema of",
            "type mood is `e 'good', 'bad', 'ugly'` instead of `e 'good', 'bad'`",
        ),
        ("ALTER SEQUENCE free CYCLE", "schema of", "sequence free is"),
        ("SELECT setval('free', 1)", "sequences of", "free is at 1, the source's is at 1000"),
        ("SELECT setval('users_id_seq', 300)", "sequences of", "users_id_seq is at 300, and users.id goes up to 500"),
        ("ALTER SEQUENCE free RESTART", "sequences of", "free was never used"),
    ];
    let source = Pg::new(PG).await;
    let there = target(&source.server, Engine::Postgres, Some(&source.database));
    for (loss, check, named) in losses {
        let restored = Pg::new(PG).await;
        let here = target(&restored.server, Engine::Postgres, Some(&restored.database));
        restored.run(loss).await;
        let checks = validate(&here, Some(&there), &wanted("public")).await;
        let bad: Vec<_> = checks.iter().filter(|c| !c.ok).collect();
        assert!(bad.len() == 1 && bad[0].name.starts_with(check) && bad[0].found.contains(named), "{loss}: {bad:#?}");
    }
    // As many rows, and another text in one: said, though only people know whether the source changed it.
    let restored = Pg::new(PG).await;
    let here = target(&restored.server, Engine::Postgres, Some(&restored.database));
    restored.run("UPDATE posts SET title = 'y'").await;
    let checks = validate(&here, Some(&there), &wanted("public")).await;
    let rows = checks.iter().find(|c| c.name.starts_with("rows of")).expect("they are compared");
    assert!(
        rows.found.contains(
            "those of 1 table are the source's to the last byte; as many but other rows than the source's now has posts"
        ),
        "{rows:?}"
    );
}

const MARIADB: &str = "
    CREATE TABLE users (id int PRIMARY KEY AUTO_INCREMENT, mood enum('good', 'bad'), f float); INSERT INTO users (mood, f) SELECT 'good', seq / 7 FROM seq_1_to_500;
    CREATE TABLE posts (id int PRIMARY KEY, author int, title text CHECK (title <> ''), made datetime DEFAULT '2026-01-01', CONSTRAINT of_user FOREIGN KEY (author) REFERENCES users (id));
    INSERT INTO posts (id, author, title) VALUES (1, 1, 'x');
    CREATE TRIGGER stamp BEFORE INSERT ON posts FOR EACH ROW SET NEW.title = NEW.title;
    CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN 2 * n; CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00' DO DELETE FROM posts;
    CREATE VIEW titles AS SELECT title FROM posts; CREATE SEQUENCE s NOCACHE; SELECT SETVAL(s, 1000);
";

#[tokio::test(flavor = "multi_thread")]
async fn every_loss_of_a_mariadb_schema_is_seen() {
    let losses = [
        ("ALTER TABLE posts DROP FOREIGN KEY of_user", "schema of", "foreign key posts of_user 1 is missing"),
        ("ALTER TABLE posts MODIFY title text", "schema of", "check posts title is missing"),
        ("DROP TRIGGER stamp", "schema of", "trigger posts stamp is missing"),
        (
            "CREATE OR REPLACE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN 3 * n",
            "schema of",
            "routine twice FUNCTION is",
        ),
        ("DROP EVENT e", "schema of", "event e is missing"),
        ("ALTER EVENT e DISABLE", "schema of", "event e differs"),
        ("CREATE OR REPLACE VIEW titles AS SELECT title FROM posts WHERE id > 1", "schema of", "view titles is"),
        ("ALTER TABLE users MODIFY mood enum('good', 'bad', 'ugly')", "schema of", "column users mood is"),
        ("ALTER TABLE posts MODIFY author int COMMENT 'x' INVISIBLE", "schema of", "column posts author is"),
        ("ALTER TABLE posts ALTER INDEX of_user IGNORED", "schema of", "index posts of_user 1 is"),
        ("ALTER SEQUENCE s RESTART 1", "sequences of", "s is at 1, the source's is at 100"),
    ];
    let schema = name("shape");
    let source = Maria::on(Server::mariadb(), schema.clone(), MARIADB).await;
    let there = target(&source.server, Engine::Mariadb, None);
    for (loss, check, named) in losses {
        let restored = Maria::on(Server::mariadb_restored(), schema.clone(), MARIADB).await;
        let here = target(&restored.server, Engine::Mariadb, None);
        restored.run(loss).await;
        let checks = validate(&here, Some(&there), &wanted(&schema)).await;
        let bad: Vec<_> = checks.iter().filter(|c| !c.ok).collect();
        assert!(bad.len() == 1 && bad[0].name.starts_with(check) && bad[0].found.contains(named), "{loss}: {bad:#?}");
    }
    let restored = Maria::on(Server::mariadb_restored(), schema.clone(), MARIADB).await;
    let here = target(&restored.server, Engine::Mariadb, None);
    restored.run("UPDATE posts SET title = NULL; GRANT SELECT ON posts TO bbws@'%'").await;
    let checks = validate(&here, Some(&there), &wanted(&schema)).await;
    let of = |name: &str| checks.iter().find(|c| c.name.starts_with(name)).expect("it is looked at");
    assert!(of("rows of").found.contains("those of 1 table are the source's"), "{checks:#?}");
    assert!(!of("schema of").ok && of("schema of").found.contains("grant posts 'bbws'@'%' SELECT"), "{checks:#?}");
}

/// Who sees one table of three cannot know that there are three.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_be_shown_a_part_is_told_so() {
    let maria = Maria::new("CREATE TABLE a (x int); CREATE TABLE b (x float); CREATE TABLE c (x int)").await;
    let (schema, user) = (maria.database.clone(), name("part"));
    let login = Server { username: user.clone(), password: "p".into(), ..maria.server.clone() };
    let part = target(&login, Engine::Mariadb, None);
    maria
        .run(&format!("CREATE USER {user}@'%' IDENTIFIED BY 'p'; GRANT SELECT, SHOW VIEW, TRIGGER ON a TO {user}@'%'"))
        .await;
    let why = sql::inventory(&part, std::slice::from_ref(&schema)).await.expect_err("it sees one table");
    let grant = format!("Run: GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `{schema}`.* TO");
    assert!(why.contains("has no SELECT and no TRIGGER on") && why.contains(&grant), "{why}");

    maria.run(&format!("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {schema}.* TO {user}@'%'")).await;
    let found = sql::inventory(&part, std::slice::from_ref(&schema)).await.expect("it sees them all");
    assert_eq!((found.tables.len(), found.server.engine, found.server.major), (3, Engine::Mariadb, 10));
    assert_eq!(found.floats, [format!("{schema}.b.x")]);
    assert!(found.doubts[0].contains("may not be shown all routines"), "{:?}", found.doubts);
    sql::inventory(&part, &[]).await.expect_err("of the others it sees nothing");

    let before = sql::inventory(&part, std::slice::from_ref(&schema)).await.expect("it is seen");
    assert_eq!(before.changed_since(&found), None);
    maria.run("ALTER TABLE c ADD y int; ALTER TABLE c DROP x, ALGORITHM = INSTANT").await;
    let after = sql::inventory(&part, std::slice::from_ref(&schema)).await.expect("it is seen");
    assert!(
        after.changed_since(&before).is_some_and(|change| change.contains(&format!("{schema}.c x is missing"))),
        "{after:?}"
    );
    maria.run(&format!("DROP USER {user}@'%'")).await;
}
