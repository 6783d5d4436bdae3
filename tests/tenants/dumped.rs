//! From a dump: loaded into a server of the test's own, and from there beside the live rows.

use std::collections::BTreeSet;

use bbws::{
    adapters::{
        archive::{Expected, Sealed, dump, load},
        aws::tools::DumpedDefinitions,
        sql::{
            Room as _, Servers, Trial,
            merge::{Bring, Tenant, Tenants as _, sums_of},
        },
    },
    domain::environment::Engine,
};

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

    let (trial, _) =
        Trial::prepare(&there, &here, "rs_9_1", BTreeSet::from([schema.clone()]), "").await.expect("there is room");
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
