//! Dumps of real databases through the adapter: secret, key, archive, verification.

use bbws::{
    domain::{
        environment::Engine,
        step::{self, Action, LoadTest, Outputs},
    },
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, PgConnection};

use crate::aws::{
    bed::Bed,
    support::{HOME, Platform, carried_out, done, permanent, poll, refuted, settled},
    watch,
};

pub const KEY: &str = "prod/dump/20261121/bk-1042/bbws-prod-mysql.bbwsdump";
pub const SECRET: &str = "bbws/prod/database";

/// A server that `tests/run` started.
#[derive(Debug, Clone)]
pub struct Server {
    pub engine: Engine,
    pub url: String,
}

impl Server {
    pub fn of(engine: Engine) -> Server {
        let variable = match engine {
            Engine::Postgres => "BBWS_TEST_PG_LOGIN",
            Engine::Mariadb => "BBWS_TEST_MARIADB",
            Engine::Mysql => "BBWS_TEST_MYSQL",
        };
        Server::at(engine, variable)
    }

    /// A second one, into which dumps are loaded.
    pub fn spare(engine: Engine) -> Server {
        let variable = match engine {
            Engine::Postgres => "BBWS_TEST_PG_RESTORED",
            Engine::Mariadb => "BBWS_TEST_MARIADB_RESTORED",
            Engine::Mysql => "BBWS_TEST_MYSQL_RESTORED",
        };
        Server::at(engine, variable)
    }

    fn at(engine: Engine, variable: &str) -> Server {
        let url = std::env::var(variable)
            .unwrap_or_else(|_| panic!("{variable} is not set: run these tests by `tests/run aws`"));
        Server { engine, url }
    }

    fn base(&self) -> &str {
        &self.url[..self.url.rfind('/').expect("it ends in a database")]
    }

    /// User, password, host and port.
    pub fn parts(&self) -> (String, String, String, u16) {
        let rest = self.base().split_once("://").expect("a URL").1;
        let (login, place) = rest.split_once('@').expect("it names a user");
        let (user, password) = login.split_once(':').expect("and a password");
        let (host, port) = place.rsplit_once(':').expect("and a port");
        (user.into(), password.into(), host.into(), port.parse().expect("a number"))
    }

    /// Runs SQL in a database, or in none in particular.
    pub async fn run(&self, database: &str, sql: &str) {
        let url = format!("{}/{database}", self.base());
        let sql = AssertSqlSafe(sql.to_owned());
        if self.engine == Engine::Postgres {
            let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL answers");
            sqlx::raw_sql(sql).execute(&mut connection).await.expect("the SQL is good");
        } else {
            let mut connection = MySqlConnection::connect(&url).await.expect("MariaDB answers");
            sqlx::raw_sql(sql).execute(&mut connection).await.expect("the SQL is good");
        }
    }

    /// A database with some rows, under a name no other test uses.
    pub async fn database(&self, name: &str) -> String {
        let name = format!("awsdump_{name}_{}", std::process::id());
        let first = if self.engine == Engine::Postgres { "postgres" } else { "" };
        self.run(first, &format!("DROP DATABASE IF EXISTS {name}")).await;
        self.run(first, &format!("CREATE DATABASE {name}")).await;
        self.run(
            &name,
            "CREATE TABLE posts (id int primary key, title varchar(100), made timestamp default current_timestamp); \
             INSERT INTO posts (id, title) VALUES (1, 'dumped-Text-One'), (2, 'dumped-Text-Two');",
        )
        .await;
        name
    }

    pub async fn drop(&self, name: &str) {
        let first = if self.engine == Engine::Postgres { "postgres" } else { "" };
        self.run(first, &format!("DROP DATABASE {name}")).await;
    }

    /// The secret with its login.
    pub async fn secret(&self, platform: &Platform) {
        let (username, password, host, port) = self.parts();
        let text = serde_json::json!({ "host": host, "port": port, "username": username, "password": password });
        let session = platform.setup(HOME).await;
        let request = session.secrets().create_secret().name(SECRET).secret_string(text.to_string());
        request.send().await.expect("a secret");
    }
}

pub fn dump(platform: &Platform, engine: Engine, schemas: &[&str], kms_key: &str) -> Action {
    Action::DumpExport(step::DumpExport {
        region: HOME.into(),
        database: "bbws-prod-mysql".into(),
        engine,
        secret: SECRET.into(),
        schemas: schemas.iter().map(|s| (*s).to_owned()).collect(),
        bucket: platform.environment.secrets_bucket.clone().expect("it has one"),
        key: KEY.into(),
        kms_key: kms_key.into(),
        storage_class: Some("STANDARD_IA".into()),
    })
}

pub fn verify(platform: &Platform, engine: Engine, retention_days: u32) -> Action {
    let bucket = platform.environment.secrets_bucket.clone().expect("it has one");
    Action::VerifyDump(step::VerifyDump {
        region: HOME.into(),
        bucket,
        key: KEY.into(),
        engine,
        retention_days,
        load_test: None,
    })
}

/// A platform with a bucket, a key and the server's secret.
async fn platform(server: &Server) -> (Platform, String) {
    let Bed { platform, .. } = Bed::new();
    server.secret(&platform).await;
    let key = platform.key(HOME, None).await;
    (platform, key)
}

pub async fn round(engine: Engine) {
    let server = Server::of(engine);
    let name = server.database(&format!("round_{engine}")).await;
    let (platform, key) = platform(&server).await;
    let ledger = |name: &str, mut call: Call| {
        call.tags.push(("bbws:ledger".into(), name.into()));
        call
    };
    let asked = || platform.call(dump(&platform, engine, &[&name], &key));
    let (cloud, call) = (&platform.cloud, ledger("5e1fca9e", asked()));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let (outputs, detail) = done(carried_out(cloud, &call).await);
    assert!(detail.contains(" dumped into ") && detail.ends_with(&format!(", encrypted under {key}")), "{detail}");

    let session = platform.setup(HOME).await;
    let bucket = platform.environment.secrets_bucket.as_deref().expect("it has one");
    let object = session.s3().get_object().bucket(bucket).key(KEY).send().await.expect("the archive");
    assert_eq!(object.storage_class().map(|class| class.as_str()), Some("STANDARD_IA"));
    let metadata = object.metadata().expect("metadata");
    assert_eq!((metadata["bbws-operation"].as_str(), metadata["bbws-ledger"].as_str()), ("bk-1042", "5e1fca9e"));
    let bytes = object.body.collect().await.expect("a body").to_vec();
    assert_eq!(outputs["size"], bytes.len().to_string());
    let readable = String::from_utf8_lossy(&bytes);
    assert!(!readable.contains("dumped-Text") && !readable.contains("CREATE TABLE"), "nothing of it can be read");

    let adopted = cloud.start(&call).await.expect("it is there");
    assert!(adopted.finished);
    assert_eq!(adopted.outputs["sha256"], outputs["sha256"], "by S3's own checksum");
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(_))));
    let stranger = Call { token: "bk-7-0".into(), ..platform.call_of("bk-7", dump(&platform, engine, &[], &key)) };
    let other = Call { token: "bk-1042-0-r0-other".into(), ..ledger("01dbeef0", asked()) };
    assert_eq!(cloud.probe(&other).await, Ok(Probe::Absent), "the dump of another ledger is not ours");
    for call in [stranger, other] {
        assert!(permanent(cloud.start(&call).await).contains("that this operation did not make"));
    }

    let look = |token: &str, days, inputs: &Outputs| Call {
        token: token.into(),
        inputs: inputs.clone(),
        ..platform.call(verify(&platform, engine, days))
    };
    let (found, detail) = done(settled(cloud, &look("a", 30, &outputs)).await);
    assert!(
        detail.starts_with("1 table, 2 rows, ") && detail.ends_with(", read whole, hashes match, not loaded"),
        "{detail}"
    );
    assert_eq!((found["tables"].as_str(), &found["sha256_plain"]), ("1", &outputs["sha256_plain"]));
    done(settled(cloud, &look("b", 30, &adopted.outputs)).await);
    let reason = refuted(settled(cloud, &look("c", 60, &outputs)).await).0;
    assert!(reason.contains("says 30 days instead of 60. Dump again."), "{reason}");
    let other = Outputs::from([("sha256_plain".to_owned(), "00".to_owned())]);
    let reason = refuted(settled(cloud, &look("d", 30, &other)).await).0;
    assert!(reason.contains("its dump's SHA-256 is"), "{reason}");
    let wrong = if engine == Engine::Postgres { Engine::Mysql } else { Engine::Postgres };
    let call = Call { token: "e".into(), ..platform.call(verify(&platform, wrong, 30)) };
    assert!(refuted(settled(cloud, &call).await).0.contains("its engine is"));

    let mut broken = bytes;
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    let put = session.s3().put_object().bucket(bucket).key(KEY).body(broken.into()).tagging("bbws:retention-days=30");
    put.send().await.expect("a damaged archive");
    let reason = refuted(settled(cloud, &look("f", 30, &Outputs::new())).await).0;
    assert!(reason.contains("archive"), "{reason}");
    session.s3().delete_object().bucket(bucket).key(KEY).send().await.expect("deleted");
    let reason = refuted(settled(cloud, &look("g", 30, &outputs)).await).0;
    assert!(reason.contains("does not hold: it does not exist. Dump again."), "{reason}");
    server.drop(&name).await;
}

#[tokio::test]
async fn a_mariadb_database_is_dumped_and_verified() {
    round(Engine::Mariadb).await;
}

#[tokio::test]
async fn a_postgresql_database_is_dumped_and_verified() {
    round(Engine::Postgres).await;
}

#[tokio::test]
async fn a_dump_leaves_no_word_of_its_secret_or_its_data_in_the_log() {
    let server = Server::of(Engine::Mariadb);
    let name = server.database("log").await;
    let bed = Bed::new();
    // In the process the SDK holds whole answers, and its own TRACE shows them.
    let platform = bed.over_http().await;
    server.secret(&platform).await;
    let key = platform.key(HOME, None).await;
    let watching = watch::start();
    done(carried_out(&platform.cloud, &platform.call(dump(&platform, Engine::Mariadb, &[&name], &key))).await);
    done(settled(&platform.cloud, &platform.call(verify(&platform, Engine::Mariadb, 30))).await);
    let text = String::from_utf8_lossy(&watching.stop().log).into_owned();
    let password = server.parts().1;
    for sign in ["GetSecretValue", "GenerateDataKey", "UploadPart", "TRACE"] {
        assert!(text.contains(sign), "the log lacks {sign}: it has {} bytes", text.len());
    }
    for value in [password.as_str(), "dumped-Text"] {
        let place = text.find(value).map(|at| &text[at.saturating_sub(300)..(at + 10).min(text.len())]);
        assert_eq!(place, None, "a secret was logged");
    }
    server.drop(&name).await;
}

#[tokio::test]
async fn what_keeps_a_dump_from_being_made_is_said() {
    let server = Server::of(Engine::Mariadb);
    let (platform, key) = platform(&server).await;
    let cloud = &platform.cloud;
    let missing = Action::DumpExport(step::DumpExport {
        region: HOME.into(),
        database: "bbws-prod-mysql".into(),
        engine: Engine::Mariadb,
        secret: "bbws/prod/gone".into(),
        schemas: Vec::new(),
        bucket: platform.environment.secrets_bucket.clone().expect("it has one"),
        key: KEY.into(),
        kms_key: key.clone(),
        storage_class: Some("STANDARD_IA".into()),
    });
    let reason = permanent(cloud.start(&platform.call(missing)).await);
    assert!(
        reason.contains("secret bbws/prod/gone in af-south-1: it does not exist")
            || reason.contains("Secret bbws/prod/gone in af-south-1: it does not exist"),
        "{reason}"
    );

    let call = |token: &str, action| Call { token: token.into(), ..platform.call(action) };
    let answer = carried_out(cloud, &call("a", dump(&platform, Engine::Postgres, &["one", "two"], &key))).await;
    assert!(
        matches!(&answer, Ok(Progress::Failed { reason }) if reason.contains("Declare one dump for each in the config file.")),
        "{answer:?}"
    );
    let answer = carried_out(cloud, &call("e", dump(&platform, Engine::Postgres, &[], &key))).await;
    assert!(
        matches!(&answer, Ok(Progress::Failed { reason }) if reason.contains("names no PostgreSQL database. Name one in its `schemas`")),
        "{answer:?}"
    );
    // Other tests make and drop schemas of this server meanwhile, which ends a dump of everything in words of its own.
    let meanwhile = |answer: &Result<Progress, CloudError>| matches!(answer, Ok(Progress::Failed { reason }) if reason.starts_with("There is no schema"));
    let mut answer = carried_out(cloud, &call("b", dump(&platform, Engine::Mariadb, &[], "alias/none"))).await;
    for again in ["b1", "b2", "b3", "b4"] {
        if meanwhile(&answer) {
            answer = carried_out(cloud, &call(again, dump(&platform, Engine::Mariadb, &[], "alias/none"))).await;
        }
    }
    assert!(matches!(&answer, Ok(Progress::Failed { reason }) if reason.contains("KMS key alias/none")), "{answer:?}");
    let answer = carried_out(cloud, &call("c", dump(&platform, Engine::Mariadb, &["no_such_schema"], &key))).await;
    assert!(matches!(&answer, Ok(Progress::Failed { .. } | Progress::Gone { .. })), "{answer:?}");

    let session = platform.setup(HOME).await;
    let text = r#"{"host":"db","username":"u","password":"s3cr3t-Password"}"#;
    session.secrets().put_secret_value().secret_id(SECRET).secret_string(text).send().await.expect("changed");
    let reason = permanent(cloud.start(&call("d", dump(&platform, Engine::Mariadb, &[], &key))).await);
    assert_eq!(
        reason,
        format!(
            "Secret {SECRET} in af-south-1: it does not say how to sign in to the database. Write its JSON with host, port, username and password."
        )
    );
}

/// Starts a dump and says what became of it.
async fn answered(platform: &Platform, token: &str, action: Action) -> Result<Progress, CloudError> {
    carried_out(&platform.cloud, &Call { token: token.into(), ..platform.call(action) }).await
}

fn failed(answer: &Result<Progress, CloudError>) -> &str {
    match answer {
        Ok(Progress::Failed { reason } | Progress::Gone { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

/// The server says that it is another one, or shows a part of what it has: neither becomes a backup.
#[tokio::test]
async fn a_dump_that_cannot_be_whole_is_none() {
    let server = Server::of(Engine::Mariadb);
    let name = server.database("part").await;
    let (platform, key) = platform(&server).await;
    let answer = answered(&platform, "a", dump(&platform, Engine::Mysql, &[&name], &key)).await;
    assert!(
        failed(&answer).contains("declared as mysql") && failed(&answer).contains("Write engine = \"mariadb\""),
        "{answer:?}"
    );

    server.run(&name, "CREATE TABLE second (a int); CREATE TABLE third (a int)").await;
    let user = format!("part_{}", std::process::id());
    let all = format!("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {name}.* TO {user}@'%'");
    let one = format!(
        "CREATE OR REPLACE USER {user}@'%' IDENTIFIED BY 'pass-word'; GRANT SELECT, TRIGGER ON {name}.posts TO {user}@'%'"
    );
    server.run("", &one).await;
    let (_, _, host, port) = server.parts();
    let text = serde_json::json!({ "host": host, "port": port, "username": user, "password": "pass-word" });
    let session = platform.setup(HOME).await;
    session
        .secrets()
        .put_secret_value()
        .secret_id(SECRET)
        .secret_string(text.to_string())
        .send()
        .await
        .expect("changed");
    let answer = answered(&platform, "b", dump(&platform, Engine::Mariadb, &[&name], &key)).await;
    assert!(failed(&answer).contains("a dump would miss the rest without a word"), "{answer:?}");
    let bucket = platform.environment.secrets_bucket.as_deref().expect("it has one");
    session.s3().head_object().bucket(bucket).key(KEY).send().await.expect_err("nothing was stored");

    server.run("", &all).await;
    let (_, detail) = done(answered(&platform, "c", dump(&platform, Engine::Mariadb, &[&name], &key)).await);
    assert!(detail.starts_with("3 tables, ") && detail.contains("may not be shown all routines"), "{detail}");
    server.run("", &format!("DROP USER {user}@'%'")).await;
    server.drop(&name).await;
}

/// An instant DROP COLUMN waits for nobody, and the dump program ends as if nothing had been.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_dropped_meanwhile_is_noticed() {
    let server = Server::of(Engine::Mariadb);
    let name = server.database("meanwhile").await;
    let (platform, key) = platform(&server).await;
    let much = "CREATE TABLE a_much (b longblob); INSERT INTO a_much SELECT RANDOM_BYTES(1000) FROM seq_1_to_30000;
                CREATE TABLE z_last (kept int, lost float); INSERT INTO z_last VALUES (1, 2);";
    server.run(&name, much).await;
    let call = platform.call(dump(&platform, Engine::Mariadb, &[&name], &key));
    let started = platform.cloud.start(&call).await.expect("it begins");
    let call = Call { external_id: started.external_id, ..call };
    loop {
        match poll(&platform.cloud, &call).await {
            Ok(Progress::Running { detail, .. }) if detail.ends_with(" dumped") => break,
            Ok(Progress::Running { .. }) => tokio::task::yield_now().await,
            other => panic!("it ended too soon: {other:?}"),
        }
    }
    server.run(&name, "ALTER TABLE z_last DROP COLUMN lost, ALGORITHM = INSTANT").await;
    let answer = settled(&platform.cloud, &call).await;
    assert!(failed(&answer).contains("z_last lost is missing"), "{answer:?}");
    let session = platform.setup(HOME).await;
    let bucket = platform.environment.secrets_bucket.as_deref().expect("it has one");
    session.s3().head_object().bucket(bucket).key(KEY).send().await.expect_err("nothing was stored");
    server.drop(&name).await;
}

const THERE: &str = "bbws/prod/load-test";

fn login(server: &Server, host: &str) -> String {
    let (username, password, _, port) = server.parts();
    serde_json::json!({ "host": host, "port": port, "username": username, "password": password }).to_string()
}

/// A database that was dumped, the place of the dump, and the look at it that loads it into the spare server.
async fn dumped_to_be_loaded(server: &Server, rows: &str) -> (Platform, String, Action) {
    let engine = server.engine;
    let name = server.database("loaded").await;
    server.run(&name, rows).await;
    let (platform, key) = platform(server).await;
    done(carried_out(&platform.cloud, &platform.call(dump(&platform, engine, &[&name], &key))).await);
    let session = platform.setup(HOME).await;
    let secret = session.secrets().create_secret().name(THERE);
    secret.secret_string(login(&Server::spare(engine), "127.0.0.1")).send().await.expect("a secret");
    let verify = Action::VerifyDump(step::VerifyDump {
        region: HOME.into(),
        bucket: platform.environment.secrets_bucket.clone().expect("it has one"),
        key: KEY.into(),
        engine,
        retention_days: 30,
        load_test: Some(LoadTest { secret: THERE.into(), source: SECRET.into() }),
    });
    (platform, name, verify)
}

/// Into a server of the test's own, counted there, and nothing is left; never over anything, never into the source.
pub async fn loaded(engine: Engine, rows: &str) {
    let (server, there) = (Server::of(engine), Server::spare(engine));
    let (platform, name, verify) = dumped_to_be_loaded(&server, rows).await;
    let session = platform.setup(HOME).await;
    let secrets = session.secrets();
    let look = |token: &str| Call { token: token.into(), ..platform.call(verify.clone()) };

    let (_, detail) = done(settled(&platform.cloud, &look("a-1")).await);
    assert!(detail.ends_with("hashes match, loaded into 127.0.0.1: 2 tables and 3002 rows were there"), "{detail}");
    there.run("", &format!("CREATE DATABASE {name}")).await;
    there.run(&name, "CREATE TABLE mine (a int)").await;
    let reason = permanent(settled(&platform.cloud, &look("a-2")).await);
    assert!(reason.contains(&format!("There is a schema {name} in 127.0.0.1")), "{reason}");
    there.run(&name, "DROP TABLE mine").await;
    there.drop(&name).await;

    // What a load left that was cut off is cleared away by the next.
    let left = format!(
        "CREATE DATABASE bbws_load; CREATE TABLE bbws_load.loads (name varchar(64) PRIMARY KEY); INSERT INTO bbws_load.loads VALUES ('{name}'); CREATE DATABASE {name}"
    );
    there.run("", &left).await;
    done(settled(&platform.cloud, &look("a-3")).await);
    there
        .run(
            "",
            &format!(
                "CREATE DATABASE {name}; DROP DATABASE {name}; CREATE DATABASE bbws_load; DROP DATABASE bbws_load"
            ),
        )
        .await;

    // Never into the server itself, by whatever name it is called, and whatever is in the way there.
    let reason = async |token: &str, host: &str| {
        secrets.put_secret_value().secret_id(THERE).secret_string(login(&server, host)).send().await.expect("changed");
        permanent(settled(&platform.cloud, &look(token)).await)
    };
    assert!(reason("a-4", "127.0.0.1").await.contains("is the server that was dumped"));
    assert!(reason("a-5", "localhost").await.contains(&format!("There is a schema {name} in localhost")));
    server.run(&name, "SELECT 1 FROM many").await;
    server.drop(&name).await;
    assert!(reason("a-6", "localhost").await.contains("are one server"));
    server.run("", "CREATE DATABASE bbws_load; DROP DATABASE bbws_load").await;
}

#[tokio::test]
async fn a_dump_is_verified_by_loading_it() {
    let rows = "CREATE TABLE many (a int); INSERT INTO many SELECT seq FROM seq_1_to_3000; CREATE VIEW v AS SELECT a FROM many";
    loaded(Engine::Mariadb, rows).await;
}

/// PostgreSQL's goes into a database of its own, with roles that the other server did not have.
#[tokio::test]
async fn a_dump_of_postgresql_is_verified_by_loading_it() {
    let (server, there) = (Server::of(Engine::Postgres), Server::spare(Engine::Postgres));
    let owner = format!("\"owner of {}\"", std::process::id());
    let rows = format!(
        "CREATE ROLE {owner}; CREATE TABLE many AS SELECT g AS a FROM generate_series(1, 3000) g; ALTER TABLE many OWNER TO {owner};
         CREATE VIEW v AS SELECT a FROM many; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE TABLE part (a int) PARTITION BY RANGE (a); CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (100);
         INSERT INTO part SELECT generate_series(1, 50)"
    );
    let (platform, name, verify) = dumped_to_be_loaded(&server, &rows).await;
    let look = |token: &str| Call { token: token.into(), ..platform.call(verify.clone()) };
    // What a load left that was cut off is cleared away by the next, and it leaves nothing itself.
    there.run("postgres", "CREATE DATABASE bbws_load_a_0").await;
    let (_, detail) = done(settled(&platform.cloud, &look("a-1")).await);
    assert!(detail.ends_with("hashes match, loaded into 127.0.0.1: 4 tables and 3052 rows were there"), "{detail}");
    let nothing = "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_database WHERE datname LIKE 'bbws%'); END $$";
    there.run("postgres", nothing).await;

    // A login that may not do what the dump asks for: the dump is not called good, and nothing is left.
    let weak = format!("weak_{}", std::process::id());
    there.run("postgres", &format!("CREATE ROLE {weak} LOGIN CREATEDB PASSWORD 'pass-word' IN ROLE dumper")).await;
    let (_, _, host, port) = there.parts();
    let text = serde_json::json!({ "host": host, "port": port, "username": weak, "password": "pass-word" }).to_string();
    let session = platform.setup(HOME).await;
    let put = async |text: String| {
        session.secrets().put_secret_value().secret_id(THERE).secret_string(text).send().await.expect("changed");
    };
    put(text).await;
    let answer = settled(&platform.cloud, &look("a-2")).await;
    assert!(!matches!(answer, Ok(Progress::Done { .. })), "{answer:?}");
    there.run("postgres", nothing).await;

    // Never into the server itself, by whatever name it is called.
    for (token, host, why) in
        [("a-3", "127.0.0.1", "is the server that was dumped"), ("a-4", "localhost", "are one server")]
    {
        put(login(&server, host)).await;
        let reason = permanent(settled(&platform.cloud, &look(token)).await);
        assert!(reason.contains(why), "{reason}");
    }
    server.run("postgres", nothing).await;
    there.run("postgres", &format!("DROP ROLE {weak}; DROP ROLE IF EXISTS {owner}")).await;
    server.drop(&name).await;
    server.run("postgres", &format!("DROP ROLE {owner}")).await;
}
