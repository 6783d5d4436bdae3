//! The same on a real MySQL of Oracle's, with Oracle's programs: what MariaDB's would lose, what only MySQL has.

use bbws::{
    adapters::{
        archive::{Counted, Expected, Programs, Release, Sealed, Source, Tally, Written, dump, load, verify},
        sql::{self, Wanted, validate},
    },
    domain::environment::Engine,
};

use crate::archive::{
    bed::{End, Maria, Memory, Server, authority, key, name},
    sql::{target, wanted},
};

const SHOP: &str = r"
    CREATE TABLE shop (id bigint PRIMARY KEY AUTO_INCREMENT, net decimal(10,2) NOT NULL, gross decimal(10,2) GENERATED ALWAYS AS (net * 1.19) STORED,
      tags json, v vector(3), name varchar(60) DEFAULT (CONCAT('it''s ', 'new')), upper_name varchar(60) AS (UPPER(name)) VIRTUAL, mood enum('good','bad'),
      made datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), hidden int INVISIBLE DEFAULT 7,
      KEY by_upper ((LOWER(name))), CONSTRAINT positive CHECK (net >= 0));
    SET SESSION cte_max_recursion_depth = 100000;
    INSERT INTO shop (net, tags, v, mood) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      SELECT i / 7, JSON_OBJECT('i', i, 't', 'Zürich 東京 🦀'), STRING_TO_VECTOR(CONCAT('[', i, ',0.5,-1]')), 'good' FROM n;
    CREATE TABLE items (id int PRIMARY KEY, shop bigint, b longblob, c bit(3), CONSTRAINT of_shop FOREIGN KEY (shop) REFERENCES shop (id));
    INSERT INTO items VALUES (1, 1, REPEAT(RANDOM_BYTES(1000), 9500), b'101'), (2, NULL, '', NULL);
    CREATE TABLE `o``dd name` (a int); CREATE VIEW names AS SELECT name FROM shop;
    CREATE PROCEDURE p() SELECT 1; CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN 2 * n;
";
/// Each by itself: what is made among other statements keeps their `;`.
const ALONE: [&str; 2] = [
    "CREATE TRIGGER stamp BEFORE INSERT ON items FOR EACH ROW SET NEW.id = NEW.id",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00' DO DELETE FROM items",
];
const SUM: &str = "SELECT CONCAT_WS('-', (SELECT SUM(CRC32(CONCAT_WS('|', id, net, gross, tags, HEX(v), name, upper_name, mood, made, hidden))) FROM shop),
    (SELECT SUM(CRC32(HEX(b)) + IFNULL(c + 0, 9)) FROM items), (SELECT COUNT(*) FROM names), twice(21))";

/// A schema with all of it.
async fn shop(server: Server, schema: &str) -> Maria {
    let shop = Maria::on(server, schema.to_owned(), SHOP).await;
    for sql in ALONE {
        shop.run(sql).await;
    }
    shop
}

fn source(of: &Maria) -> Source {
    let programs = std::env::var("BBWS_TEST_MYSQL_PROGRAMS").expect("run these tests by `tests/run mysql`");
    Source {
        server: Release { engine: Engine::Mysql, major: 9 },
        programs: Programs::only(&[&programs]),
        ..of.server.source(Engine::Mysql, &[&of.database])
    }
}

async fn dumped(source: &Source) -> (Memory, Written) {
    let memory = Memory::small();
    let written = dump(source, &key(7), memory.sink(), |_| ()).await.expect("it is dumped");
    assert_eq!(memory.end(), End::Completed);
    (memory, written)
}

async fn held(memory: &Memory, written: &Written) -> Tally {
    let bytes = memory.bytes();
    let sealed = Sealed::read(bytes.as_slice()).await.expect("an archive");
    verify(sealed, &key(7), &Expected::from(written)).await.expect("it is good").held
}

/// Generated columns, vectors, expression defaults, invisible columns, a blob near what a server takes at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_mysql_has_survives_the_whole_way() {
    let one = shop(Server::mysql(), &name("ora")).await;
    let schema = &one.database;
    let other = Maria::on(Server::mysql_restored(), schema.clone(), "SELECT 1").await;
    other.run(&format!("DROP DATABASE {schema}")).await;
    for ca in [None, Some(authority())] {
        let (memory, written) = dumped(&Source { ca: ca.clone(), ..source(&one) }).await;
        let found = held(&memory, &written).await;
        let rows = [("items", 2), ("shop", 3000)].map(|(table, rows)| (format!("{schema}.{table}"), rows));
        let others = [(Counted::View, 1), (Counted::Routine, 2), (Counted::Trigger, 1), (Counted::Event, 1)];
        assert_eq!((found.rows, found.others, found.tables.count), (rows.into(), others.into(), 3));

        let bytes = memory.bytes();
        let to = Source { ca, ..source(&other) };
        let sealed = Sealed::read(bytes.as_slice()).await.expect("an archive");
        load(sealed, &key(7), &Expected::from(&written), &to).await.expect("it is loaded");
        assert_eq!(other.text(SUM).await, one.text(SUM).await);
        let (here, there) = (target(&other.server, Engine::Mysql, None), target(&one.server, Engine::Mysql, None));
        let checks = validate(&here, Some(&there), &wanted(schema)).await;
        assert!(checks.iter().all(|c| c.ok), "{checks:#?}");
        assert!(
            // The third has no rows.
            checks.iter().any(|c| c.found.contains("those of 2 tables are the source's to the last byte")),
            "{checks:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadbs_programs_are_refused_for_mysql() {
    let one = Maria::on(Server::mysql(), name("ora"), "CREATE TABLE t (a int)").await;
    let memory = Memory::new();
    let wrong = Source { programs: Programs::only(&["/usr/bin"]), ..source(&one) };
    let why = dump(&wrong, &key(7), memory.sink(), |_| ()).await.expect_err("it is refused").to_string();
    assert!(why.contains("The server is MySQL") && why.contains("MariaDB") && why.contains("generated"), "{why}");
    assert_eq!(memory.end(), End::Aborted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inventory_is_what_the_dump_has_to_hold() {
    let one = shop(Server::mysql(), &name("ora")).await;
    let (there, schemas) = (target(&one.server, Engine::Mysql, None), [one.database.clone()]);
    let found = sql::inventory(&there, &schemas).await.expect("it is seen");
    assert_eq!((found.server.engine, found.server.major), (Engine::Mysql, 9));
    let sql::Others { views, routines, triggers, events, sequences, policies } = found.others;
    assert_eq!((found.tables.len(), views, routines, triggers, events), (3, 1, 2, 1, 1));
    assert_eq!((sequences, policies, found.history), (0, 0, false));
    let shop = format!("{}.shop", one.database);
    assert_eq!(sql::count_rows(&there, std::slice::from_ref(&shop)).await, Ok([(shop, 3000)].into()));
    one.run("ALTER TABLE shop DROP COLUMN hidden, ALGORITHM = INSTANT").await;
    let after = sql::inventory(&there, &schemas).await.expect("it is seen");
    assert!(after.changed_since(&found).is_some_and(|change| change.contains("shop hidden is missing")), "{after:?}");
}

/// Who sees one table of three cannot know that there are three.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_be_shown_a_part_is_told_so() {
    let tables = "CREATE TABLE a (x int); CREATE TABLE b (x float); CREATE TABLE c (x int)";
    let one = Maria::on(Server::mysql(), name("ora"), tables).await;
    let (schema, user) = (one.database.clone(), name("part"));
    let login = Server { username: user.clone(), password: "p".into(), ..one.server.clone() };
    let part = target(&login, Engine::Mysql, None);
    one.run(&format!("CREATE USER {user}@'%' IDENTIFIED BY 'p'; GRANT SELECT, SHOW VIEW, TRIGGER ON a TO {user}@'%'"))
        .await;
    let why = sql::inventory(&part, std::slice::from_ref(&schema)).await.expect_err("it sees one table");
    let grant = format!("Run: GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `{schema}`.* TO");
    assert!(why.contains(&grant), "{why}");
    one.run(&format!("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {schema}.* TO {user}@'%'")).await;
    let found = sql::inventory(&part, std::slice::from_ref(&schema)).await.expect("it sees them all");
    assert_eq!((found.tables.len(), found.floats.as_slice()), (3, &[format!("{schema}.b.x")][..]));
    one.run(&format!("DROP USER {user}@'%'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_loss_of_a_mysql_schema_is_seen() {
    let losses = [
        ("ALTER TABLE items DROP FOREIGN KEY of_shop", "schema of", "foreign key items of_shop 1 is missing"),
        ("ALTER TABLE shop DROP CHECK positive", "schema of", "check shop positive is missing"),
        ("ALTER TABLE shop ALTER CHECK positive NOT ENFORCED", "schema of", "check shop positive is"),
        ("DROP TRIGGER stamp", "schema of", "trigger items stamp is missing"),
        (
            "DROP FUNCTION twice; CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN 3 * n",
            "schema of",
            "routine twice FUNCTION is",
        ),
        ("DROP EVENT e", "schema of", "event e is missing"),
        ("ALTER EVENT e DISABLE", "schema of", "event e differs"),
        ("CREATE OR REPLACE VIEW names AS SELECT name FROM shop WHERE id > 1", "schema of", "view names is"),
        ("ALTER TABLE shop MODIFY mood enum('good','bad','ugly')", "schema of", "column shop mood is"),
        ("ALTER TABLE shop ALTER COLUMN hidden SET VISIBLE", "schema of", "column shop hidden is"),
        (
            "ALTER TABLE shop DROP INDEX by_upper, ADD KEY by_upper ((UPPER(name)))",
            "schema of",
            "index shop by_upper 1 is",
        ),
        ("ALTER TABLE shop ALTER INDEX by_upper INVISIBLE", "schema of", "index shop by_upper 1 is"),
        ("GRANT SELECT (id) ON shop TO bbws@'%'", "schema of", "grant shop.id 'bbws'@'%' SELECT"),
        (
            "DELETE FROM items; DELETE FROM shop WHERE id > 10; ALTER TABLE shop AUTO_INCREMENT = 11",
            "rows of",
            "shop has 10 rows",
        ),
    ];
    let schema = name("shape");
    let source = shop(Server::mysql(), &schema).await;
    let there = target(&source.server, Engine::Mysql, None);
    for (loss, check, named) in losses {
        let restored = shop(Server::mysql_restored(), &schema).await;
        let here = target(&restored.server, Engine::Mysql, None);
        restored.run(loss).await;
        let checks = validate(&here, Some(&there), &Wanted { schemas: vec![schema.clone()], ..wanted(&schema) }).await;
        let bad: Vec<_> = checks.iter().filter(|c| !c.ok).collect();
        assert!(bad.iter().any(|c| c.name.starts_with(check) && c.found.contains(named)), "{loss}: {bad:#?}");
    }
}

/// mysqldump ends well, and what it wrote is not loaded: it puts the `;` that MySQL kept into a comment.
#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_its_semicolon_is_named_since_it_is_not_loaded() {
    let (one, schema) = (Maria::on(Server::mysql(), name("ora"), "CREATE TABLE t (a int)").await, name("ora"));
    let there = target(&one.server, Engine::Mysql, None);
    one.run("CREATE TRIGGER good BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1").await;
    let ours = [one.database.clone()];
    assert_eq!(sql::inventory(&there, &ours).await.expect("it is seen").doubts, Vec::<String>::new());
    one.run("CREATE TRIGGER bad BEFORE UPDATE ON t FOR EACH ROW SET NEW.a = 1; SELECT 1").await;
    let doubts = sql::inventory(&there, &ours).await.expect("it is seen").doubts;
    let why = format!("trigger {}.bad ends in `;` and is not loaded like that: make it anew without", one.database);
    assert_eq!(doubts, [why]);

    // As it is said: it is dumped and read whole, and no server takes it.
    let (memory, written) = dumped(&source(&one)).await;
    held(&memory, &written).await;
    let other = Maria::on(Server::mysql_restored(), schema, "SELECT 1").await;
    let bytes = memory.bytes();
    let sealed = Sealed::read(bytes.as_slice()).await.expect("an archive");
    let to = source(&other);
    let error = load(sealed, &key(7), &Expected::from(&written), &to).await.expect_err("it is not loaded");
    assert!(error.to_string().contains("ERROR 1064 (42000)"), "{error}");
    other.run(&format!("DROP DATABASE IF EXISTS {}", one.database)).await;
}
