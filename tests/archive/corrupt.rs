//! Copies that are not what they are said to be: each is refuted on its own evidence, and what is only older is not.

use std::time::Duration;

use bbws::{
    adapters::sql::{Checked, Promised, Target, Wanted, validate},
    domain::{environment::Engine, moment::Moment},
};

use crate::archive::{
    bed::{Maria, Pg, Server, name},
    sql::{target, wanted},
};

/// Authors, their posts until ten to eleven, and what nobody points to.
const PG: &str = "
    CREATE TABLE authors (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE posts (id int PRIMARY KEY, author int NOT NULL REFERENCES authors, title text, created_at timestamp NOT NULL);
    CREATE TABLE settings (name varchar(20) PRIMARY KEY, value text);
    INSERT INTO authors SELECT g, 'author ' || g FROM generate_series(1, 30) g;
    INSERT INTO posts SELECT g, 1 + g % 30, 'post ' || g, '2026-01-01 10:00'::timestamp + g * interval '1 second' FROM generate_series(1, 3000) g;
    INSERT INTO settings VALUES ('home', 'https://example.com');
";
const MARIA: &str = "
    CREATE TABLE authors (id int PRIMARY KEY, name varchar(40) NOT NULL);
    CREATE TABLE posts (id int PRIMARY KEY, author int NOT NULL, title text, created_at datetime NOT NULL, CONSTRAINT posts_author FOREIGN KEY (author) REFERENCES authors (id));
    CREATE TABLE settings (name varchar(20) PRIMARY KEY, value text);
    INSERT INTO authors SELECT seq, CONCAT('author ', seq) FROM seq_1_to_30;
    INSERT INTO posts SELECT seq, 1 + seq % 30, CONCAT('post ', seq), '2026-01-01 10:00:00' + INTERVAL seq SECOND FROM seq_1_to_3000;
    INSERT INTO settings VALUES ('home', 'https://example.com');
";

/// A source and a copy of it, on either kind of server.
enum Bed {
    Postgres(Pg, Pg),
    Mariadb(Maria, Maria),
}

impl Bed {
    /// Both kinds, whose servers know since when nothing changed.
    async fn both() -> [Bed; 2] {
        let (source, copy) = (Pg::new(PG).await, Pg::new(PG).await);
        // What a session counted is told to all when it ends, which may be later than what follows here.
        settled(&source).await;
        let schema = name("tenant");
        let live = Maria::on(Server::mariadb(), schema.clone(), MARIA).await;
        let restored = Maria::on(Server::mariadb_restored(), schema, MARIA).await;
        [Bed::Postgres(source, copy), Bed::Mariadb(live, restored)]
    }

    fn schema(&self) -> &str {
        match self {
            Bed::Postgres(..) => "public",
            Bed::Mariadb(source, _) => &source.database,
        }
    }

    async fn spoil(&self, postgres: &str, mariadb: &str) {
        match self {
            Bed::Postgres(_, copy) => copy.run(postgres).await,
            Bed::Mariadb(_, copy) => copy.run(mariadb).await,
        }
    }

    async fn go_on(&self, sql: &str) {
        match self {
            Bed::Postgres(source, _) => {
                source.run(sql).await;
                let changed = "SELECT sum(n_mod_since_analyze)::text FROM pg_stat_user_tables";
                while source.text(changed).await == "0" {}
            }
            Bed::Mariadb(source, _) => source.run(sql).await,
        }
    }

    /// As a restore in earnest looks: what differs is measured.
    async fn look(&self, promised: Moment) -> Vec<Checked> {
        let side = |pg: &Pg| target(&pg.server, Engine::Postgres, Some(&pg.database));
        let of = |maria: &Maria| target(&maria.server, Engine::Mariadb, None);
        let (here, there): (Target, Target) = match self {
            Bed::Postgres(source, copy) => (side(copy), side(source)),
            Bed::Mariadb(source, copy) => (of(copy), of(source)),
        };
        let promised = Some(Promised { at: promised, within: Duration::from_secs(4 * 3600) });
        let rpo = Duration::from_secs(400 * 86_400);
        let wanted = Wanted { measures: true, promised, rpo, ..wanted(self.schema()) };
        validate(&here, Some(&there), &wanted).await
    }

    /// Exactly the check of this name refutes the copy; its words.
    async fn refuted(&self, name: &str, promised: Moment) -> String {
        let checks = self.look(promised).await;
        let bad: Vec<&Checked> = checks.iter().filter(|check| !check.ok).collect();
        assert!(bad.len() == 1 && bad[0].name.starts_with(name), "{checks:#?}");
        bad[0].found.clone()
    }

    async fn good(&self, promised: Moment) -> Vec<Checked> {
        let checks = self.look(promised).await;
        assert!(checks.iter().all(|check| check.ok), "{checks:#?}");
        checks
    }
}

async fn settled(source: &Pg) {
    let counted = "SELECT sum(n_mod_since_analyze)::text FROM pg_stat_user_tables";
    while source.text(counted).await != "3031" {}
    source.run("ANALYZE").await;
}

fn at(text: &str) -> Moment {
    Moment::read(text).expect("a moment")
}

/// Later than anything that these servers have seen.
fn later() -> Moment {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Moment(i64::try_from(now.as_millis()).expect("a moment")) + Duration::from_secs(3600)
}

/// Long before these servers were begun, so that they changed everything since.
fn long_ago() -> Moment {
    at("2026-01-03T12:00:00Z")
}

fn unproved(checks: &[Checked]) -> Vec<String> {
    let tables = checks.iter().flat_map(|check| &check.unproved);
    tables.map(|table| table.rsplit('.').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_what_live_has_not_changed_since_refutes_the_copy() {
    for bed in Bed::both().await {
        assert!(unproved(&bed.good(later()).await).is_empty());
        let flip = "UPDATE settings SET value = 'https://exbmple.com'";
        bed.spoil(flip, flip).await;
        let why = bed.refuted("rows of", later()).await;
        assert!(why.contains("settings has other rows than those that the source had then"), "{why}");
        assert!(why.contains("one of both is damaged"), "{why}");
        // Where live changed since, nobody can tell a changed byte from an older one: it is said, table by table.
        bed.go_on("UPDATE settings SET value = 'https://example.org'").await;
        assert_eq!(unproved(&bed.good(long_ago()).await), ["settings"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shifted_rows_refute_the_copy_by_what_was_not_changed_or_by_what_they_point_to() {
    for bed in Bed::both().await {
        let shift = "UPDATE posts SET title = 'post ' || (id + 1)";
        bed.spoil(shift, "UPDATE posts SET title = CONCAT('post ', id + 1)").await;
        let why = bed.refuted("rows of", later()).await;
        assert!(why.contains("posts has other rows"), "{why}");
        // However much live changed since: what others point to has to be there.
        bed.go_on("UPDATE posts SET title = 'x' WHERE id = 1").await;
        let shift = "ALTER TABLE posts DROP CONSTRAINT posts_author_fkey; UPDATE posts SET author = author + 1";
        bed.spoil(shift, "SET foreign_key_checks = 0; UPDATE posts SET author = author + 1").await;
        let why = bed.refuted("keys of", long_ago()).await;
        assert!(why.contains("100 rows of posts point to nothing in authors"), "{why}");
        // What points to nothing in the source as well did so when the copy was made.
        if let Bed::Mariadb(source, _) = &bed {
            source.run("SET foreign_key_checks = 0; UPDATE posts SET author = 99 WHERE id = 5").await;
            bed.good(long_ago()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_a_missing_row_and_a_key_that_is_there_twice_refute_the_copy() {
    for bed in Bed::both().await {
        let lose = "DELETE FROM settings; INSERT INTO settings VALUES ('home', 'a'), ('away', 'b')";
        bed.spoil(lose, lose).await;
        let why = bed.refuted("rows of", later()).await;
        assert!(why.contains("settings has 2 rows and not the 1 that the source had then"), "{why}");

        let twice = "DROP PRIMARY KEY; INSERT INTO settings VALUES ('home', 'c'), ('home', 'd')";
        let postgres = format!("ALTER TABLE settings {}", twice.replace("PRIMARY KEY", "CONSTRAINT settings_pkey"));
        bed.spoil(&postgres, &format!("ALTER TABLE settings {twice}")).await;
        let why = bed.refuted("keys of", long_ago()).await;
        assert!(why.contains("settings has 1 key more than once"), "{why}");

        bed.spoil("DROP TABLE settings", "DROP TABLE settings").await;
        let why = bed.refuted("rows of", long_ago()).await;
        assert!(why.contains("settings is missing"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_older_than_it_is_said_to_be_is_refuted_however_long_ago_that_is() {
    for bed in Bed::both().await {
        // Somebody deletes and writes in live: that is no fault of the copy.
        bed.go_on("DELETE FROM posts WHERE id < 100").await;
        bed.good(long_ago()).await;
        let older = "DELETE FROM posts WHERE id > 100; UPDATE posts SET created_at = created_at - interval '1 hour'";
        bed.spoil(older, &older.replace("'1 hour'", "1 HOUR")).await;
        let why = bed.refuted("newest data of", long_ago()).await;
        assert!(why.contains("though the copy is said to be of 2026-01-03T12:00:00Z"), "{why}");
        // A copy of that earlier moment would be right.
        bed.good(at("2025-12-31T00:00:00Z")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_source_does_not_answer_is_read_and_its_keys_are_looked_at() {
    for bed in Bed::both().await {
        let side = |pg: &Pg| target(&pg.server, Engine::Postgres, Some(&pg.database));
        let here = match &bed {
            Bed::Postgres(_, copy) => side(copy),
            Bed::Mariadb(_, copy) => target(&copy.server, Engine::Mariadb, None),
        };
        let wanted = Wanted { alone: true, ..wanted(bed.schema()) };
        let checks = validate(&here, None, &wanted).await;
        assert!(checks.iter().all(|check| check.ok), "{checks:#?}");
        let rows = checks.iter().find(|check| check.name.starts_with("rows of")).expect("they are read");
        assert_eq!((rows.rows, rows.found.as_str()), (Some(3031), "3031 rows in 3 tables, compared with nothing."));
        bed.spoil(
            "ALTER TABLE authors DROP CONSTRAINT authors_pkey CASCADE; INSERT INTO authors VALUES (1, 'x');
             ALTER TABLE authors ADD CONSTRAINT again PRIMARY KEY (id, name)",
            "SET foreign_key_checks = 0; DELETE FROM authors WHERE id = 7",
        )
        .await;
        let checks = validate(&here, None, &wanted).await;
        let keys = checks.iter().find(|check| check.name.starts_with("keys of")).expect("they are looked at");
        // What a copy has lost of its keys only its source could tell.
        assert_eq!(keys.ok, matches!(bed, Bed::Postgres(..)), "{checks:#?}");
        assert!(keys.ok || keys.found.contains("100 rows of posts point to nothing in authors"), "{checks:#?}");
    }
}
