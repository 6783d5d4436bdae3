//! Opening, closing, and who else may have the database open.

use std::sync::Arc;

use bbws::{
    adapters::store::{Ledger, Options},
    domain::operation::{OpId, State},
    ports::store::{Accepted, Store as _, StoreError},
};

use crate::store::bed::{Bed, START, entry, open, request, sentence, tell};

/// What was acknowledged is there after the process is gone without a word.
async fn everything_is_there_after_a_restart(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Queued).await;
    bed.ledger.accept(request("a", START), None, vec![entry("request", "a")]).await.unwrap();
    let Bed { ledger, clock, url, directory } = bed;
    drop(Arc::into_inner(ledger).expect("nobody else holds it"));
    let ledger = open(&url, clock).await.expect("it opens again at once");
    assert_eq!(ledger.load(&op.id).await.unwrap().unwrap().op, op);
    assert_eq!(ledger.accept(request("a", START), None, vec![]).await.unwrap(), Accepted::Replay);
    assert_eq!(ledger.verify_audit().await.unwrap().expect("the chain is whole").seq, 1);
    assert!(directory.is_none_or(|d| d.path().join("bbws.db").exists()));
}

#[tokio::test]
async fn everything_is_there_after_a_restart_in_a_file() {
    everything_is_there_after_a_restart(Bed::file().await).await;
}

#[tokio::test]
async fn everything_is_there_after_a_restart_in_postgres() {
    everything_is_there_after_a_restart(Bed::postgres().await).await;
}

#[tokio::test]
async fn a_second_process_is_refused_with_a_sentence() {
    let bed = Bed::file().await;
    let refused = open(&bed.url, bed.clock.clone()).await.err().expect("it is refused");
    let path = bed.url.trim_start_matches("sqlite://");
    assert_eq!(
        sentence(&refused),
        format!(
            "the ledger is not available: another bbws process (process {}) has the database {path} open; \
             stop that one first, or use PostgreSQL to run several",
            std::process::id()
        )
    );
    bed.ledger.close().await;
    open(&bed.url, bed.clock.clone()).await.expect("it opens when the first one has closed");
}

async fn it_can_be_read_while_the_service_runs(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Queued).await;
    let second = Ledger::open_readonly(&bed.url, bed.clock.clone()).await.expect("it opens for reading");
    assert_eq!(second.load(&op.id).await.unwrap().unwrap().op, op);
    bed.ledger.accept(request("a", START), None, vec![entry("request", "a")]).await.unwrap();
    assert_eq!(second.audit(0, 10).await.unwrap().len(), 1);
    assert_eq!(second.verify_audit().await.unwrap().expect("the chain is whole").seq, 1);

    assert!(matches!(second.commit(tell(vec![crate::store::bed::card(&op)])).await, Err(StoreError::Database(_))));
    assert!(matches!(second.ready().await, Err(StoreError::Database(_))));
    assert!(second.next_id("bk").await.is_err());
    assert!(second.accept(request("b", START), None, vec![]).await.is_err());
    assert_eq!(bed.ledger.next_notice().await.unwrap(), None);
}

#[tokio::test]
async fn a_file_can_be_read_while_the_service_runs() {
    it_can_be_read_while_the_service_runs(Bed::file().await).await;
}

#[tokio::test]
async fn postgres_can_be_read_while_the_service_runs() {
    it_can_be_read_while_the_service_runs(Bed::postgres().await).await;
}

#[tokio::test]
async fn a_file_can_be_read_when_the_service_has_ended() {
    let bed = Bed::file().await;
    let op = bed.plant("bk-1", "prod", State::Queued).await;
    bed.ledger.close().await;
    let reader = Ledger::open_readonly(&bed.url, bed.clock.clone()).await.expect("it opens for reading");
    assert!(reader.load(&op.id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_url_that_cannot_be_is_refused_with_a_sentence() {
    let clock = crate::store::bed::Hand::at(START);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let refusal = async |url: &str| {
        sentence(&Ledger::open(url, clock.clone(), Options::default()).await.err().expect("it is refused"))
    };
    assert_eq!(
        refusal("mysql://root:secret@db/bbws").await,
        "the ledger is not available: `mysql:` is not a database bbws knows; DATABASE_URL begins with sqlite:// or postgres://"
    );
    assert_eq!(
        refusal("sqlite://").await,
        "the ledger is not available: the database URL names no file; write sqlite://bbws.db, for example"
    );
    let missing = format!("sqlite://{}/none.db", directory.path().display());
    let unread = Ledger::open_readonly(&missing, clock.clone()).await.err().expect("it is refused");
    assert!(sentence(&unread).contains("there is no database at "), "{}", sentence(&unread));

    // Characters that mean something in a URL mean nothing in a file's name, and directories are made.
    let odd = format!("sqlite://{}/made/100%#1.db", directory.path().display());
    let ledger = Ledger::open(&odd, clock.clone(), Options::default()).await.expect("it opens");
    assert_eq!(ledger.next_id("bk").await.unwrap(), OpId("bk-1".into()));
    assert!(directory.path().join("made/100%#1.db").exists());
}
