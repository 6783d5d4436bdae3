//! Copies of the ledger: of the file itself, made by the program, put back; and what a ledger is called afterwards.

use std::{path::PathBuf, time::Duration};

use bbws::{
    adapters::store::copy,
    domain::operation::{OpId, State},
    ports::store::{Accepted, Commit, Incarnation, Notice, Renewal, Store as _, StoreError},
};
use sqlx::{AnyConnection, Connection as _, query_scalar};

use crate::store::bed::{Bed, START, card, entry, open, request, sentence, tell};

on_every_database!(a_ledger_has_a_name_that_stays, a_renewed_ledger_gives_no_number_twice);

async fn a_ledger_has_a_name_that_stays(bed: Bed) {
    let name = bed.ledger.incarnation().await.unwrap();
    assert_eq!(Incarnation::parse(name.as_str()), Some(name.clone()));
    assert_ne!(Bed::memory().await.ledger.incarnation().await.unwrap(), name, "no two are called the same");
    if bed.url != "sqlite::memory:" {
        bed.ledger.close().await;
        let again = open(&bed.url, bed.clock.clone()).await.unwrap();
        assert_eq!(again.incarnation().await.unwrap(), name);
    }
}

async fn a_renewed_ledger_gives_no_number_twice(bed: Bed) {
    for _ in 0..3 {
        bed.ledger.next_id("bk").await.unwrap();
    }
    let renewal = |name: u32, given: &[(&str, i64)]| Commit {
        renewal: Some(Renewal {
            name: Incarnation::of(name),
            why: "AWS knows more".into(),
            given: given.iter().map(|(prefix, n)| ((*prefix).to_owned(), *n)).collect(),
        }),
        audit: vec![entry("behind", name)],
        ..Commit::default()
    };
    let name = bed.ledger.incarnation().await.unwrap();
    // What another replica has seen to already is not done again.
    let stale = bed.ledger.commit(renewal(1, &[("bk", 3)])).await;
    assert!(matches!(stale, Err(StoreError::Conflict)), "{stale:?}");
    assert_eq!(bed.ledger.incarnation().await.unwrap(), name);
    bed.ledger.commit(renewal(2, &[("bk", 7), ("rs", 2), ("dl", 1)])).await.unwrap();
    assert_eq!(bed.ledger.incarnation().await.unwrap(), Incarnation::of(2));
    assert_eq!(bed.ledger.next_id("bk").await.unwrap(), OpId("bk-8".into()));
    assert_eq!(bed.ledger.next_id("rs").await.unwrap(), OpId("rs-3".into()));
    assert_eq!(
        bed.ledger.numbers().await.unwrap().into_iter().collect::<Vec<_>>(),
        [("bk".to_owned(), 8), ("dl".to_owned(), 1), ("rs".to_owned(), 3)]
    );
}

/// Something of everything, so that nothing can be missing from a copy unseen.
async fn fill(bed: &Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    bed.ledger.next_id("bk").await.unwrap();
    bed.ledger.accept(request("a", START), None, vec![entry("request", "a")]).await.unwrap();
    bed.ledger.accept(request("b", START), Some("the help".into()), vec![]).await.unwrap();
    bed.ledger.commit(tell(vec![card(&op)])).await.unwrap();
    bed.ledger.claim("runner", Duration::from_secs(30), 1).await.unwrap();
    let many = (0..700).map(|n| entry("state", n)).collect();
    bed.ledger.commit(Commit { audit: many, ..Commit::default() }).await.unwrap();
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    (folder, file)
}

async fn is_copied_while_in_use_and_put_back(bed: Bed, url: String) {
    fill(&bed).await;
    let (_folder, file) = folder();
    let copied = copy::backup(&bed.url, &file, bed.clock.clone()).await.unwrap();
    assert_eq!((copied.head.seq, copied.operations), (701, 1));
    assert_eq!(copied.ledger, Some(bed.ledger.incarnation().await.unwrap()));
    assert_eq!(copied.head, bed.ledger.verify_audit().await.unwrap().unwrap());
    assert_eq!(copy::verify(&file, bed.clock.clone()).await.unwrap(), copied);
    let twice = copy::backup(&bed.url, &file, bed.clock.clone()).await.unwrap_err();
    assert!(sentence(&twice).contains("exists already"), "{}", sentence(&twice));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");

    let restored = copy::restore(&file, &url, bed.clock.clone()).await.unwrap();
    assert_eq!(restored.copied, copied);
    let again = open(&url, bed.clock.clone()).await.unwrap();
    let (old, new) =
        (bed.ledger.load(&OpId("bk-1".into())).await.unwrap(), again.load(&OpId("bk-1".into())).await.unwrap());
    assert_eq!(old, new);
    assert_eq!(again.accept(request("a", START), None, vec![]).await.unwrap(), Accepted::Replay);
    assert_eq!(again.next_id("bk").await.unwrap(), OpId("bk-2".into()));
    assert_eq!(again.incarnation().await.unwrap(), restored.ledger);
    assert_ne!(Some(&restored.ledger), copied.ledger.as_ref(), "it is another life");
    assert_eq!(again.verify_audit().await.unwrap().unwrap().seq, 702, "and the chain says so");
    let last = again.audit(701, 1).await.unwrap().remove(0);
    assert_eq!(
        (last.entry.action.as_str(), last.entry.detail["hash"].as_str()),
        ("restored", Some(copied.head.hash.as_str()))
    );
    let told = again.outgoing(Duration::from_secs(20), 10).await.unwrap();
    assert!(
        matches!(told.as_slice(), [queued] if queued.uncertain && matches!(queued.notice, Notice::Card { .. })),
        "{told:?}"
    );
}

fn file_in(folder: &tempfile::TempDir, name: &str) -> String {
    format!("sqlite://{}", folder.path().join(name).display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_copied_while_in_use_and_put_back() {
    let elsewhere = tempfile::tempdir().unwrap();
    is_copied_while_in_use_and_put_back(Bed::file().await, file_in(&elsewhere, "bbws.db")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_copied_while_in_use_and_put_back() {
    is_copied_while_in_use_and_put_back(Bed::postgres().await, crate::support::pg::database().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_one_database_can_be_put_back_into_the_other() {
    let elsewhere = tempfile::tempdir().unwrap();
    is_copied_while_in_use_and_put_back(Bed::postgres().await, file_in(&elsewhere, "bbws.db")).await;
    is_copied_while_in_use_and_put_back(Bed::file().await, crate::support::pg::database().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_there_is_kept_and_what_is_in_use_is_left_alone() {
    let bed = Bed::file().await;
    fill(&bed).await;
    let (_folder, file) = folder();
    copy::backup(&bed.url, &file, bed.clock.clone()).await.unwrap();
    bed.plant("bk-2", "prod", State::Queued).await;
    let refused = copy::restore(&file, &bed.url, bed.clock.clone()).await.unwrap_err();
    assert!(sentence(&refused).contains("another bbws process"), "{}", sentence(&refused));
    assert!(bed.ledger.load(&OpId("bk-2".into())).await.unwrap().is_some());
    bed.ledger.close().await;

    let restored = copy::restore(&file, &bed.url, bed.clock.clone()).await.unwrap();
    let now = open(&bed.url, bed.clock.clone()).await.unwrap();
    assert!(now.load(&OpId("bk-2".into())).await.unwrap().is_none(), "it is the older one");
    let before = restored.before.expect("the newer one is kept");
    let kept = open(&format!("sqlite://{}", before.display()), bed.clock.clone()).await.unwrap();
    assert!(kept.load(&OpId("bk-2".into())).await.unwrap().is_some());
    let left: Vec<String> = std::fs::read_dir(bed.directory.as_ref().unwrap().path())
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("restoring"))
        .collect();
    assert_eq!(left, [""; 0], "nothing is left lying about");

    let used = Bed::postgres().await;
    fill(&used).await;
    let refused = copy::restore(&file, &used.url, bed.clock.clone()).await.unwrap_err();
    assert!(sentence(&refused).contains("holds a ledger already"), "{}", sentence(&refused));
    used.ledger.verify_audit().await.unwrap().expect("it is as it was");
}

#[tokio::test]
async fn a_copy_that_does_not_hold_is_refused() {
    let bed = Bed::file().await;
    fill(&bed).await;
    let (folder, file) = folder();
    let none = copy::verify(&file, bed.clock.clone()).await.unwrap_err();
    assert!(sentence(&none).contains("there is no file"), "{}", sentence(&none));
    for (name, bytes) in
        [("text.db", b"not a database at all, but long enough to look like one".as_slice()), ("empty.db", b"")]
    {
        let other = folder.path().join(name);
        std::fs::write(&other, bytes).unwrap();
        let refused = copy::verify(&other, bed.clock.clone()).await.unwrap_err();
        assert!(sentence(&refused).contains("no copy that could be put back"), "{name}: {}", sentence(&refused));
    }
    copy::backup(&bed.url, &file, bed.clock.clone()).await.unwrap();
    let mut connection = AnyConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    sqlx::raw_sql("UPDATE audit SET body = replace(body, 'U0ALICE', 'U0CAROL') WHERE seq = 3")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let forged = copy::verify(&file, bed.clock.clone()).await.unwrap_err();
    assert!(sentence(&forged).contains("audit entry 3 was changed"), "{}", sentence(&forged));
    let target = format!("sqlite://{}", folder.path().join("target.db").display());
    assert!(copy::restore(&file, &target, bed.clock.clone()).await.is_err());
    assert!(!folder.path().join("target.db").exists(), "nothing was put back");
}

/// Whoever copies the file of a running ledger for safety has a ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_of_a_running_ledger_holds_what_was_written() {
    let bed = Bed::file().await;
    fill(&bed).await;
    let path = PathBuf::from(bed.url.trim_start_matches("sqlite://"));
    let (folder, _) = folder();
    let mut found = (0, 0);
    for attempt in 0..600 {
        let file = folder.path().join(format!("{attempt}.db"));
        std::fs::copy(&path, &file).unwrap();
        found = contents(&file).await;
        if found == (1, 701) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("after half a minute the file holds {found:?} operations and entries");
}

async fn contents(file: &std::path::Path) -> (i64, i64) {
    let Ok(mut connection) = AnyConnection::connect(&format!("sqlite://{}", file.display())).await else {
        return (0, 0);
    };
    let count: Result<i64, _> = query_scalar("SELECT COUNT(*) FROM op").fetch_one(&mut connection).await;
    let entries: Result<i64, _> = query_scalar("SELECT seq FROM audit_head").fetch_one(&mut connection).await;
    connection.close().await.unwrap();
    (count.unwrap_or(0), entries.unwrap_or(0))
}
