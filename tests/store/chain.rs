//! The audit chain in the database, and what is seen of tampering with it.

use bbws::{
    domain::audit::{self, Broken, Head},
    ports::store::{Commit, Store as _},
};
use serde_json::json;

use crate::store::bed::{Bed, entry};

on_every_database!(entries_are_chained_across_commits);

async fn fill(bed: &Bed, entries: i64) {
    for n in 0..entries {
        let detail = json!({"n": n, "what": "\u{0}\"ü\u{2028}", "ratio": 0.1, "big": u64::MAX, "deep": [{"b": null, "a": true}]});
        let audit = vec![entry("vote", detail)];
        bed.ledger.commit(Commit { audit, ..Commit::default() }).await.unwrap();
    }
}

async fn entries_are_chained_across_commits(bed: Bed) {
    assert_eq!(bed.ledger.verify_audit().await.unwrap(), Ok(Head::default()));
    fill(&bed, 2).await;
    let many: Vec<_> = (0..600).map(|n| entry("state", n)).collect();
    bed.ledger.commit(Commit { audit: many, ..Commit::default() }).await.unwrap();
    let chain = bed.ledger.audit(0, 1000).await.unwrap();
    assert_eq!(chain.iter().map(|a| a.seq).collect::<Vec<_>>(), (1..=602).collect::<Vec<_>>());
    assert_eq!(chain[2].entry, entry("state", 0));
    assert_eq!(chain[1].entry.detail["ratio"], "0.1", "fractions are kept as text");
    assert_eq!((chain[0].previous.as_str(), chain[1].previous.as_str()), (audit::GENESIS, chain[0].hash.as_str()));
    let head = bed.ledger.verify_audit().await.unwrap().expect("the chain is whole");
    assert_eq!(head, Head { seq: 602, hash: chain[601].hash.clone() });
    assert_eq!(audit::verify(&chain, &head), Ok(head));
    assert_eq!(bed.ledger.audit(600, 1).await.unwrap(), [chain[600].clone()]);
}

async fn tampering_is_seen(bed: Bed) {
    fill(&bed, 5).await;
    let check = async |damage: &str, repair: &str, expected: Broken| {
        bed.tamper(damage).await;
        assert_eq!(bed.ledger.verify_audit().await.unwrap(), Err(expected), "{damage}");
        bed.tamper(repair).await;
        assert!(bed.ledger.verify_audit().await.unwrap().is_ok(), "{repair}");
    };
    bed.tamper("CREATE TABLE kept AS SELECT * FROM audit; CREATE TABLE kept_head AS SELECT * FROM audit_head").await;
    let restore = "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM kept_head";
    for (damage, expected) in [
        ("UPDATE audit SET body = replace(body, 'U0ALICE', 'U0MALLORY') WHERE seq = 3", Broken::Hash { seq: 3 }),
        // The same meaning in other words is still not what was written.
        ("UPDATE audit SET body = replace(body, ',\"actor\"', ', \"actor\"') WHERE seq = 2", Broken::Hash { seq: 2 }),
        ("UPDATE audit SET body = 'nonsense' WHERE seq = 4", Broken::Hash { seq: 4 }),
        ("UPDATE audit SET previous = hash WHERE seq = 4", Broken::Previous { seq: 4 }),
        ("UPDATE audit SET hash = previous WHERE seq = 5", Broken::Hash { seq: 5 }),
        ("DELETE FROM audit WHERE seq = 2", Broken::Gap { expected: 2, found: 3 }),
        ("DELETE FROM audit WHERE seq = 1", Broken::Gap { expected: 1, found: 2 }),
        ("DELETE FROM audit WHERE seq = 5", Broken::End { last: 4, head: 5 }),
        ("DELETE FROM audit", Broken::End { last: 0, head: 5 }),
        ("UPDATE audit_head SET hash = (SELECT hash FROM kept WHERE seq = 4)", Broken::Head { seq: 5 }),
    ] {
        check(damage, restore, expected).await;
    }
    fill(&bed, 1).await;
    assert_eq!(bed.ledger.verify_audit().await.unwrap().expect("it goes on where it ended").seq, 6);
}

#[tokio::test]
async fn tampering_is_seen_in_a_file() {
    tampering_is_seen(Bed::file().await).await;
}

#[tokio::test]
async fn tampering_is_seen_in_postgres() {
    tampering_is_seen(Bed::postgres().await).await;
}
