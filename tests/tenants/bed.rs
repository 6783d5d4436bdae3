//! Two tenants with the tables of WordPress in a live server, and the same in a clone, on both kinds of servers.

use std::collections::BTreeMap;

use bbws::{
    adapters::{
        archive::Source,
        aws::tools::DumpedDefinitions,
        sql::{
            Servers, Target,
            merge::{Bring, Difference, Done, Hitch, Staged, State, Tenant, Tenants as _, sums_of},
        },
    },
    domain::environment::Engine,
};

use crate::archive::{
    bed::{Maria, Pg, Server, name},
    sql::target,
};

/// A value of a customer's, which no sentence may have.
pub const PRIVATE: &str = "Wanda.Private@example.com";

/// Tables of a tenant. `{t}` is its schema; `{n}` rows of each.
const MARIA: &str = "
    CREATE TABLE {t}.wp_users (ID bigint unsigned PRIMARY KEY AUTO_INCREMENT, user_login varchar(60) NOT NULL, user_email varchar(100) NOT NULL DEFAULT '',
      user_registered datetime NOT NULL DEFAULT '0000-00-00 00:00:00', UNIQUE KEY login (user_login));
    CREATE TABLE {t}.wp_posts (ID bigint unsigned PRIMARY KEY AUTO_INCREMENT, post_author bigint unsigned NOT NULL DEFAULT 0, post_date datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
      post_title text NOT NULL, post_content longtext, rating float, score double, flags bit(5), body longblob, length int GENERATED ALWAYS AS (char_length(post_title)) STORED, KEY author (post_author));
    CREATE TABLE {t}.wp_postmeta (meta_id bigint unsigned PRIMARY KEY AUTO_INCREMENT, post_id bigint unsigned NOT NULL, meta_key varchar(191), meta_value longtext,
      CONSTRAINT meta_of_post FOREIGN KEY (post_id) REFERENCES {t}.wp_posts (ID) ON DELETE CASCADE);
    CREATE TABLE {t}.wp_terms (term_id int PRIMARY KEY, parent int NULL, name varchar(50) CHARACTER SET latin1 NOT NULL, CONSTRAINT term_of_term FOREIGN KEY (parent) REFERENCES {t}.wp_terms (term_id) ON DELETE CASCADE);
    CREATE TABLE {t}.wp_options (option_name varchar(64) NOT NULL, blog int NOT NULL, option_value longtext, PRIMARY KEY (blog, option_name));
    INSERT INTO {t}.wp_users SELECT seq, CONCAT('user', seq), IF(seq = 1, '{private}', CONCAT(seq, '@x')), IF(seq % 2, '0000-00-00', '2026-01-01') FROM seq_1_to_{n};
    INSERT INTO {t}.wp_posts (ID, post_author, post_date, post_title, post_content, rating, score, flags, body)
      SELECT seq, seq % 7, '2026-01-01 10:00:00' + INTERVAL seq SECOND, CONCAT('O\\'Hara \\\\ ', CHAR(0), ' äöü 😀 ', seq), IF(seq % 3, NULL, ''), seq / 7, seq / 3, seq % 32, UNHEX(SHA2(seq, 256)) FROM seq_1_to_{n};
    INSERT INTO {t}.wp_postmeta SELECT seq * 2, seq, 'a', 'x' FROM seq_1_to_{n};
    INSERT INTO {t}.wp_postmeta SELECT seq * 2 + 1, seq, 'b', NULL FROM seq_1_to_{n};
    INSERT INTO {t}.wp_terms SELECT seq, IF(seq = 1, NULL, seq DIV 2), CONCAT('ä', seq) FROM seq_1_to_40;
    INSERT INTO {t}.wp_options SELECT CONCAT('o', seq), seq % 3, 'v' FROM seq_1_to_100;
";

const PG: &str = "
    CREATE SCHEMA {t};
    CREATE TYPE {t}.status AS ENUM ('draft', 'published');
    CREATE TABLE {t}.wp_users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_login text NOT NULL UNIQUE, user_email text NOT NULL, deleted boolean NOT NULL DEFAULT false);
    CREATE UNIQUE INDEX email_once ON {t}.wp_users (lower(user_email)) WHERE NOT deleted;
    CREATE TABLE {t}.wp_posts (id serial PRIMARY KEY, post_author bigint REFERENCES {t}.wp_users ON DELETE CASCADE, status {t}.status NOT NULL DEFAULT 'draft', post_date timestamptz, post_title text NOT NULL,
      data jsonb, body bytea, rating real, score double precision, tags text[], length int GENERATED ALWAYS AS (char_length(post_title)) STORED, updated_at timestamptz);
    CREATE TABLE {t}.wp_postmeta (meta_id bigserial PRIMARY KEY, post_id int NOT NULL REFERENCES {t}.wp_posts ON DELETE CASCADE, meta_key varchar(191), meta_value text);
    CREATE TABLE {t}.wp_terms (term_id int PRIMARY KEY, parent int REFERENCES {t}.wp_terms ON DELETE CASCADE, name text NOT NULL);
    CREATE TABLE {t}.wp_options (option_name text NOT NULL, blog int NOT NULL, option_value text, PRIMARY KEY (blog, option_name));
    CREATE VIEW {t}.published AS SELECT id, post_title FROM {t}.wp_posts WHERE status = 'published';
    CREATE FUNCTION {t}.touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.updated_at := now(); RETURN NEW; END$$;
    INSERT INTO {t}.wp_users (user_login, user_email) SELECT 'user' || g, CASE g WHEN 1 THEN '{private}' ELSE g || '@x' END FROM generate_series(1, {n}) g;
    INSERT INTO {t}.wp_posts (post_author, status, post_date, post_title, data, body, rating, score, tags)
      SELECT g, CASE g % 2 WHEN 0 THEN 'draft' ELSE 'published' END::{t}.status, '2026-01-01 10:00+00'::timestamptz + g * interval '1 second', E'O''Hara \\\\ \\t äöü 😀 ' || g,
        jsonb_build_object('a', g), sha256(g::text::bytea), g / 7.0, g / 3.0, ARRAY['x', NULL, g::text] FROM generate_series(1, {n}) g;
    INSERT INTO {t}.wp_postmeta (post_id, meta_key, meta_value) SELECT g, 'a', NULL FROM generate_series(1, {n}) g;
    INSERT INTO {t}.wp_postmeta (post_id, meta_key, meta_value) SELECT g, 'b', 'x' FROM generate_series(1, {n}) g;
    INSERT INTO {t}.wp_terms SELECT g, CASE g WHEN 1 THEN NULL ELSE g / 2 END, 'n' || g FROM generate_series(1, 40) g;
    INSERT INTO {t}.wp_options SELECT 'o' || g, g % 3, 'v' FROM generate_series(1, 100) g;
    CREATE TRIGGER touched BEFORE INSERT OR UPDATE ON {t}.wp_posts FOR EACH ROW EXECUTE FUNCTION {t}.touch();
";

/// A live server with two tenants, and a clone of it.
pub struct Bed {
    pub engine: Engine,
    pub live: Target,
    pub clone: Target,
    pub tenant: Tenant,
    pub other: String,
    maria: Option<(Maria, Maria, Maria, Maria)>,
    pg: Option<(Pg, Pg)>,
    /// Each statement, on the live server and on the clone.
    seen: BTreeMap<String, String>,
}

fn filled(text: &str, schema: &str, rows: u64) -> String {
    text.replace("{t}", schema).replace("{n}", &rows.to_string()).replace("{private}", PRIVATE)
}

impl Bed {
    pub async fn maria(rows: u64) -> Bed {
        let (one, two) = (name("tenant"), name("tenant"));
        let mode = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'; SET NAMES utf8mb4; ";
        let of = |schema: &str| format!("{mode}{}", filled(MARIA, schema, rows));
        let maria = (
            Maria::on(Server::mariadb(), one.clone(), &of(&one)).await,
            Maria::on(Server::mariadb(), two.clone(), &of(&two)).await,
            Maria::on(Server::mariadb_restored(), one.clone(), &of(&one)).await,
            Maria::on(Server::mariadb_restored(), two.clone(), &of(&two)).await,
        );
        Bed {
            engine: Engine::Mariadb,
            live: target(&maria.0.server, Engine::Mariadb, None),
            clone: target(&maria.2.server, Engine::Mariadb, None),
            tenant: Tenant { schema: one, tables: Vec::new(), operation: "rs-7".into() },
            other: two,
            maria: Some(maria),
            pg: None,
            seen: BTreeMap::new(),
        }
    }

    pub async fn pg(rows: u64) -> Bed {
        let both = format!("{}{}", filled(PG, "tenant_1", rows), filled(PG, "tenant_2", rows));
        let pg = (Pg::new(&both).await, Pg::new(&both).await);
        Bed {
            engine: Engine::Postgres,
            live: target(&pg.0.server, Engine::Postgres, Some(&pg.0.database)),
            clone: target(&pg.1.server, Engine::Postgres, Some(&pg.1.database)),
            tenant: Tenant { schema: "tenant_1".into(), tables: Vec::new(), operation: "rs-7".into() },
            other: "tenant_2".into(),
            maria: None,
            pg: Some(pg),
            seen: BTreeMap::new(),
        }
    }

    pub async fn both(rows: u64) -> [Bed; 2] {
        [Bed::maria(rows).await, Bed::pg(rows).await]
    }

    pub fn of(mut self, tables: &[&str]) -> Bed {
        self.tenant.tables = tables.iter().map(|t| (*t).to_owned()).collect();
        self
    }

    fn sql(&self, sql: &str) -> String {
        sql.replace("{t}", &self.tenant.schema).replace("{o}", &self.other)
    }

    /// On the live server. `{t}` is the tenant's schema, `{o}` the other one's.
    pub async fn run(&self, sql: &str) {
        match (&self.maria, &self.pg) {
            (Some(maria), _) => maria.0.run(&self.sql(sql)).await,
            (_, Some(pg)) => pg.0.run(&self.sql(sql)).await,
            _ => unreachable!("one of them"),
        }
    }

    pub async fn run_in_clone(&self, sql: &str) {
        match (&self.maria, &self.pg) {
            (Some(maria), _) => maria.2.run(&self.sql(sql)).await,
            (_, Some(pg)) => pg.1.run(&self.sql(sql)).await,
            _ => unreachable!("one of them"),
        }
    }

    /// One value of the live server, which is a text.
    pub async fn text(&self, sql: &str) -> String {
        match (&self.maria, &self.pg) {
            (Some(maria), _) => maria.0.text(&self.sql(sql)).await,
            (_, Some(pg)) => pg.0.text(&self.sql(sql)).await,
            _ => unreachable!("one of them"),
        }
    }

    pub async fn rows(&self, table: &str, filter: &str) -> u64 {
        let count = if self.maria.is_some() { "CAST(COUNT(*) AS CHAR)" } else { "COUNT(*)::text" };
        let text = self.text(&format!("SELECT {count} FROM {table} WHERE {filter}")).await;
        text.parse().expect("a number")
    }

    /// Where the tenant is dumped from.
    pub fn source(&self) -> Source {
        match (&self.maria, &self.pg) {
            (Some(maria), _) => maria.0.source(),
            (_, Some(pg)) => pg.0.source(),
            _ => unreachable!("one of them"),
        }
    }

    /// A server that is there for loading dumps, and how the programs reach it.
    pub async fn spare(&self) -> (Target, Source) {
        match self.engine {
            Engine::Postgres => {
                let server = Server::postgres_restored();
                (target(&server, self.engine, None), server.source(self.engine, &[]))
            }
            _ => {
                // Where the dump goes there must not be anything.
                self.run_in_clone("DROP DATABASE {t}").await;
                (self.clone.clone(), Server::mariadb_restored().source(self.engine, &[]))
            }
        }
    }

    /// Sums over all tables of a schema of the live server.
    pub async fn sums(&self, schema: &str) -> String {
        let sums = sums_of(&self.live, schema).await.expect("they are summed");
        let of: Vec<String> =
            sums.iter().map(|(table, sum)| format!("{} {sum:?}", table.split_once('.').expect("a schema").1)).collect();
        assert!(!of.is_empty(), "{schema} has tables");
        of.join("\n")
    }

    /// The names of the tables that are taken for a tenant's in a schema of the live server.
    pub async fn tables(&self, schema: &str) -> String {
        let sums = sums_of(&self.live, schema).await.expect("they are summed");
        let names: Vec<&str> = sums.keys().map(|table| table.split_once('.').expect("a schema").1).collect();
        names.join(" ")
    }

    pub async fn state(&self) -> State {
        Servers.state(&self.live, &self.tenant).await.expect("it is told")
    }

    pub async fn stage(&self, bring: Bring) -> Result<Staged, Hitch> {
        let told = std::sync::Mutex::new(Vec::new());
        let tell = |text: String| told.lock().unwrap().push(text);
        let staged = Servers.stage(&self.clone, &self.live, &self.tenant, bring, &DumpedDefinitions, &tell).await;
        discreet(&told);
        discreet(&staged);
        staged
    }

    pub async fn difference(&self, bring: Bring) -> Difference {
        let found = Servers.difference(&self.live, &self.tenant, bring).await;
        discreet(&found);
        found.expect("a difference")
    }

    pub async fn merge(&self, bring: Bring, seen: &Difference) -> Result<Done, Hitch> {
        let done = Servers.merge(&self.live, &self.tenant, bring, &seen.agreed(bring)).await;
        discreet(&done);
        done
    }

    pub async fn merge_back(&self) -> Result<Done, Hitch> {
        let done = Servers.merge_back(&self.live, &self.tenant).await;
        discreet(&done);
        done
    }

    /// Nothing that an operation made stays in servers that tests share.
    pub async fn leave(&self) {
        if self.maria.is_some() {
            for made in [self.tenant.stage(), self.tenant.before(), self.tenant.undone(), self.tenant.journal()] {
                self.run(&format!("DROP DATABASE IF EXISTS `{made}`")).await;
            }
        }
    }

    /// Whether what is asked now is what was asked under this name before.
    pub fn same(&mut self, name: &str, now: String) -> bool {
        match self.seen.get(name) {
            Some(before) => *before == now,
            None => {
                self.seen.insert(name.to_owned(), now);
                true
            }
        }
    }
}

/// No sentence has a value of a customer's.
#[track_caller]
pub fn discreet(said: &impl std::fmt::Debug) {
    let text = format!("{said:?}");
    assert!(!text.contains("Private") && !text.contains("O'Hara"), "{text}");
}

/// Why it was refused.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Hitch>) -> String {
    discreet(&answer);
    match answer {
        Err(Hitch::Refused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}
