//! From a dump: loaded into a server of the test's own, and from there beside the live rows.

use std::collections::BTreeSet;

use bbws::{
    adapters::{
        archive::{Expected, Sealed, dump, load},
        aws::tools::DumpedDefinitions,
        sql::{
            Incoming, Room as _, Servers, Target, Trial,
            merge::{Bring, Tenant, Tenants as _, sums_of},
        },
    },
    domain::environment::Engine,
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::bed::Bed;
use crate::archive::{
    bed::{Maria, Memory, Server, key, name},
    sql::target,
};

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_back_from_a_dump() {
    let schema = name("tenant");
    let live = Maria::on(
        Server::mariadb(),
        schema.clone(),
        "CREATE TABLE wp_posts (ID int PRIMARY KEY AUTO_INCREMENT, post_title text, rating float);
         CREATE TABLE wp_postmeta (meta_id int PRIMARY KEY AUTO_INCREMENT, post_id int NOT NULL, FOREIGN KEY (post_id) REFERENCES wp_posts (ID) ON DELETE CASCADE);
         INSERT INTO wp_posts SELECT seq, CONCAT('t', seq), 0.5 FROM seq_1_to_500; INSERT INTO wp_postmeta SELECT seq, seq FROM seq_1_to_500;
         CREATE EVENT sweep ON SCHEDULE EVERY 1 SECOND DO DELETE FROM wp_posts",
    )
    .await;
    let (here, there) =
        (target(&live.server, Engine::Mariadb, None), target(&Server::mariadb_restored(), Engine::Mariadb, None));
    let good = sums_of(&here, &schema).await.unwrap();
    let memory = Memory::new();
    dump(&live.source(), &key(7), memory.sink(), |_| ()).await.expect("it is dumped");
    live.run("DELETE FROM wp_posts; INSERT INTO wp_posts VALUES (NULL, 'since', 1)").await;

    let schemas = BTreeSet::from([schema.clone()]);
    let incoming = Incoming { token: "rs_9_1".to_owned(), schemas, events: true, ..Incoming::default() };
    let (trial, _) = Trial::prepare(&there, &here, incoming).await.expect("there is room");
    let mut to = Server::mariadb_restored().source(Engine::Mariadb, &[]);
    to.schemas = Vec::new();
    let bytes = memory.bytes();
    let sealed = Sealed::read(bytes.as_slice()).await.expect("its head is read");
    load(sealed, &key(7), &Expected::default(), &to).await.expect("it is loaded");
    let tenant = Tenant { schema: schema.clone(), tables: Vec::new(), operation: "rs-9".into() };
    let staged = Servers.stage(trial.target(), &here, &tenant, Bring::Missing, &DumpedDefinitions, &|_| ()).await;
    Box::new(trial).clear().await.expect("nothing is left there");
    assert_eq!(staged.expect("it is staged").rows["wp_posts"], 500);
    let seen = Servers.difference(&here, &tenant, Bring::Missing).await.expect("a difference");
    let done = Servers.merge(&here, &tenant, Bring::Missing, &seen.agreed(Bring::Missing)).await.expect("it is merged");
    assert_eq!(done.count, 1000, "{done:?}");
    live.run("DELETE FROM wp_posts WHERE post_title = 'since'").await;
    assert_eq!(sums_of(&here, &schema).await.unwrap(), good);
    Servers.clear(&here, &tenant).await.unwrap();
    live.run(&format!("DROP DATABASE {}", tenant.journal())).await;
}

/// Two tenants of one server, and nobody stops writing: from a dump that is loaded elsewhere and kept there.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_tenants_comes_back_from_a_dump_while_both_are_written_to() {
    for bed in Bed::both(120).await {
        let (schema, other) = (bed.tenant.schema.clone(), bed.other.clone());
        let others = bed.sums(&other).await;
        let posts = bed.rows("{t}.wp_posts", "TRUE").await;
        let memory = Memory::new();
        dump(&bed.source(), &key(9), memory.sink(), |_| ()).await.expect("it is dumped");
        // Somebody forgot the WHERE.
        bed.run("DELETE FROM {t}.wp_posts").await;
        assert_eq!((bed.rows("{t}.wp_posts", "TRUE").await, bed.rows("{t}.wp_postmeta", "TRUE").await), (0, 0));
        bed.run("INSERT INTO {t}.wp_options VALUES ('since', 9, 'x')").await;
        let broken = bed.sums(&schema).await;

        let (spare, mut to) = bed.spare().await;
        let schemas = if bed.engine == Engine::Postgres { BTreeSet::new() } else { BTreeSet::from([schema.clone()]) };
        let incoming = Incoming { token: name("rs_9"), schemas, ..Incoming::default() };
        let (trial, _) = Trial::prepare(&spare, &bed.live, incoming).await.expect("there is room");
        to.database = trial.target().database.clone();
        let bytes = memory.bytes();
        let sealed = Sealed::read(bytes.as_slice()).await.expect("its head is read");
        load(sealed, &key(9), &Expected::default(), &to).await.expect("it is loaded");
        let kept = (bed.engine == Engine::Postgres).then(|| name("kept"));
        let from = Target { database: kept.clone().or_else(|| trial.target().database.clone()), ..spare.clone() };
        Box::new(trial).keep(kept.as_deref()).await.expect("it is kept");

        let tell = |_: String| ();
        let staged = Servers.stage(&from, &bed.live, &bed.tenant, Bring::Missing, &DumpedDefinitions, &tell).await;
        assert_eq!(staged.expect("it is staged").rows["wp_posts"], posts);
        let seen = bed.difference(Bring::Missing).await;
        let of = |table: &str| seen.tables.iter().find(|t| t.table == table).cloned().expect("it is told");
        assert_eq!((of("wp_posts").vanished, of("wp_posts").expected()), (posts, posts));
        assert_eq!((of("wp_options").vanished, of("wp_options").came), (0, 1));
        let merging = bed.merge(Bring::Missing, &seen);
        let writing = async {
            for n in 1..=5 {
                bed.run(&format!(
                    "INSERT INTO {{t}}.wp_options VALUES ('w{n}', 8, 'x'); INSERT INTO {{o}}.wp_options VALUES ('w{n}', 8, 'x')"
                ))
                .await;
            }
        };
        let (done, ()) = futures::future::join(merging, writing).await;
        assert_eq!(done.expect("it is merged").count, posts * 3, "posts, and two rows of meta of each");
        assert_eq!(bed.rows("{t}.wp_posts", "TRUE").await, posts);
        assert_eq!(bed.rows("{t}.wp_options", "blog IN (8, 9)").await, 6, "what was written since stays");
        bed.run("DELETE FROM {o}.wp_options WHERE blog = 8").await;
        assert_eq!(bed.sums(&other).await, others, "nothing of the other tenant's was touched");

        bed.merge_back().await.expect("it is taken back");
        bed.run("DELETE FROM {t}.wp_options WHERE blog = 8").await;
        assert_eq!(bed.sums(&schema).await, broken, "as it was before");
        Servers.clear(&bed.live, &bed.tenant).await.unwrap();
        if let Some(kept) = kept {
            let url = Server::postgres_restored().url("postgres", "postgres");
            let mut all = PgConnection::connect(&url).await.expect("PostgreSQL answers");
            let sql = AssertSqlSafe(format!("DROP DATABASE {kept} WITH (FORCE)"));
            sqlx::raw_sql(sql).execute(&mut all).await.expect("it was there");
        }
        bed.leave().await;
    }
}
