//! The loops that work off the ledger: runs, notices, requests left over, old rows; the one that watches AWS, and the one that holds the
//! ledger against it.

use std::{future::Future, time::Duration};

use tokio::sync::{Notify, watch};

use super::Product;
use crate::ports::store::StoreError;

/// Loops that advance runs, so that one slow AWS call does not hold up every run.
const ENGINES: usize = 4;
/// Another replica's work is noticed after this long at the latest.
const IDLE: Duration = Duration::from_secs(2);
/// The watcher looks at the clock at least this often.
const REST: Duration = Duration::from_secs(60);
/// Pause after the ledger failed.
const TROUBLE: Duration = Duration::from_secs(1);
/// How often requests that were left unanswered are looked for.
const SWEEP: Duration = Duration::from_secs(15);

/// A turn may take so long before the loop counts as standing still. An engine and the watcher may wait for many answers of
/// AWS one after the other, each of them with a limit of its own.
const LONGEST_TURN: Duration = Duration::from_secs(900);
const LONGEST_SHORT_TURN: Duration = Duration::from_secs(300);
/// The keeper comes round at least this often.
const KEEPER_REST: Duration = Duration::from_secs(600);

/// Runs everything until `stopping`.
pub(super) async fn run(product: &Product, stopping: watch::Receiver<bool>) {
    let engines = futures::future::join_all((1..=ENGINES).map(|n| engine(product, n, stopping.clone())));
    tokio::join!(
        engines,
        announcer(product, stopping.clone()),
        watcher(product, stopping.clone()),
        keeper(product, stopping.clone()),
        sweeper(product, stopping)
    );
}

/// A loop by its name, what it is counted as, and how long a turn may take.
struct Loop {
    name: String,
    kind: &'static str,
    within: Duration,
}

impl Loop {
    fn only(kind: &'static str, within: Duration) -> Loop {
        Loop { name: kind.to_owned(), kind, within }
    }

    fn turn(&self, product: &Product) {
        product.beats.turn(&self.name, self.kind, self.within);
    }
}

async fn engine(product: &Product, number: usize, stopping: watch::Receiver<bool>) {
    let store = &product.engine.store;
    let turn = || async {
        let claimed = product.engine.turn().await;
        if claimed.as_ref().is_ok_and(|n| *n > 0) {
            product.wake.announcer.notify_one();
        }
        claimed
    };
    let next = || async { store.next_wake().await };
    let this = Loop { name: format!("engine {number}"), ..Loop::only("engine", LONGEST_TURN) };
    work_off(this, product, &product.wake.engine, stopping, turn, next).await;
}

async fn announcer(product: &Product, stopping: watch::Receiver<bool>) {
    let turn = || async { product.announcer.turn().await };
    let next = || async { product.announcer.store.next_notice().await };
    let this = Loop::only("announcer", LONGEST_SHORT_TURN);
    work_off(this, product, &product.wake.announcer, stopping, turn, next).await;
}

/// Looks at environments when they are due, or when AWS pushed something. A look that is broken off at the end is repeated
/// after the start: what it tells is one transaction.
async fn watcher(product: &Product, mut stopping: watch::Receiver<bool>) {
    let this = Loop::only("watcher", LONGEST_TURN);
    while !*stopping.borrow() {
        this.turn(product);
        let looked = tokio::select! {
            looked = product.watcher.turn() => looked,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let wait = match looked {
            Ok(_) => until(product, product.watcher.next()).clamp(Duration::from_millis(5), REST),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the watcher cannot use the ledger; trying again");
                TROUBLE
            }
        };
        tokio::select! {
            () = product.watcher.nudged() => {}
            () = tokio::time::sleep(wait) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }
    product.beats.over(&this.name);
}

/// Compares the ledger with AWS, and publishes the head of the audit chain. Both are begun again after a start.
async fn keeper(product: &Product, mut stopping: watch::Receiver<bool>) {
    let this = Loop::only("keeper", LONGEST_TURN);
    while !*stopping.borrow() {
        this.turn(product);
        let kept = tokio::select! {
            kept = product.keeper.turn() => kept,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let wait = match kept {
            Ok(next) => next.since(product.engine.clock.now()).clamp(TROUBLE, KEEPER_REST),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the ledger could not be compared with AWS; trying again");
                TROUBLE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }
    product.beats.over(&this.name);
}

/// How long this machine takes until a moment.
fn until(product: &Product, at: crate::domain::moment::Moment) -> Duration {
    let clock = &product.engine.clock;
    clock.takes(at.since(clock.now()))
}

/// Takes turns while there is something to do, then waits for a nudge or for the next moment something is due.
async fn work_off<T, N>(
    this: Loop,
    product: &Product,
    nudge: &Notify,
    mut stopping: watch::Receiver<bool>,
    turn: impl Fn() -> T,
    next: impl Fn() -> N,
) where
    T: Future<Output = Result<usize, StoreError>>,
    N: Future<Output = Result<Option<crate::domain::moment::Moment>, StoreError>>,
{
    while !*stopping.borrow() {
        this.turn(product);
        let wait = match turn().await {
            Ok(0) => match next().await {
                Ok(Some(at)) => until(product, at).clamp(Duration::from_millis(5), IDLE),
                Ok(None) => IDLE,
                Err(_) => TROUBLE,
            },
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(
                    name = this.name,
                    error = &error as &dyn std::error::Error,
                    "the ledger does not answer; trying again"
                );
                TROUBLE
            }
        };
        tokio::select! {
            () = nudge.notified() => {}
            () = tokio::time::sleep(wait) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }
    product.beats.over(&this.name);
}

async fn sweeper(product: &Product, mut stopping: watch::Receiver<bool>) {
    let this = Loop::only("sweeper", LONGEST_SHORT_TURN);
    while !*stopping.borrow() {
        this.turn(product);
        let swept = async {
            product.desk.sweep().await?;
            product.desk.tidy().await
        };
        if let Err(error) = swept.await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "requests left over could not be dealt with; trying again"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }
    product.beats.over(&this.name);
}
