//! Dumps of a real MySQL of Oracle's through the adapter, made and loaded by Oracle's programs.

use bbws::domain::environment::Engine;

use crate::aws::dumps;

#[tokio::test]
async fn a_mysql_database_is_dumped_and_verified() {
    dumps::round(Engine::Mysql).await;
}

/// With what MariaDB's program would write in a way that MySQL does not take back.
#[tokio::test]
async fn a_dump_of_mysql_is_verified_by_loading_it() {
    let rows = "CREATE TABLE many (a int, b int AS (a + 1) STORED); SET SESSION cte_max_recursion_depth = 10000;
        INSERT INTO many (a) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i FROM n;
        CREATE VIEW v AS SELECT a FROM many";
    dumps::loaded(Engine::Mysql, rows).await;
}
