//! Large tables and large rows, in constant memory.

use bbws::adapters::sql::{
    Servers,
    merge::{Bring, Tenants as _},
};

use super::bed::Bed;

fn kb(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is /proc");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_pass_in_constant_memory() {
    let before = kb("VmRSS:");
    for bed in Bed::both(5).await {
        let fill = match bed.engine {
            bbws::domain::environment::Engine::Postgres => {
                "CREATE TABLE {t}.big (id int PRIMARY KEY, t text); ALTER TABLE {t}.big ALTER t SET STORAGE EXTERNAL;
                 INSERT INTO {t}.big SELECT g, repeat('abcdefgh', 250) FROM generate_series(1, 50000) g"
            }
            _ => {
                "CREATE TABLE {t}.big (id int PRIMARY KEY, t text, b longblob); INSERT INTO {t}.big SELECT seq, REPEAT('abcdefgh', 250), NULL FROM seq_1_to_50000;
                 INSERT INTO {t}.big SELECT 0, '', REPEAT(UNHEX('00ff27'), 4000000)"
            }
        };
        bed.run_in_clone(fill).await;
        bed.run_in_clone("UPDATE {t}.big SET t = 'x' WHERE id < 0").await;
        let bed = bed.of(&["big"]);
        let staged = bed.stage(Bring::Swap).await.expect("it is staged");
        assert!(staged.rows["big"] >= 50_000, "{staged:?}");
        Servers.swap(&bed.live, &bed.tenant).await.expect("it is swapped");
        assert_eq!(bed.rows("{t}.big", "id > 0").await, 50_000);
        bed.leave().await;
    }
    let grown = kb("VmHWM:").saturating_sub(before) / 1024;
    assert!(grown < 100, "{grown} MB more than before");
}
