//! The loops that work off the ledger: runs, notices, requests left over, old rows; the one that watches AWS, the one that holds the
//! ledger against it, and the one that starts what is due.

use std::{future::Future, time::Duration};

use tokio::sync::{Notify, watch};

use super::{Product, beat::Beats};
use crate::ports::{clock::Clock, store::StoreError};

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
        timer(product, stopping.clone()),
        homes(product, stopping.clone()),
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

    fn turn(&self, beats: &Beats) {
        beats.turn(&self.name, self.kind, self.within);
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
    work_off(this, with(product), &product.wake.engine, stopping, turn, next).await;
}

async fn announcer(product: &Product, stopping: watch::Receiver<bool>) {
    let turn = || async { product.announcer.turn().await };
    let next = || async { product.announcer.store.next_notice().await };
    let this = Loop::only("announcer", LONGEST_SHORT_TURN);
    work_off(this, with(product), &product.wake.announcer, stopping, turn, next).await;
}

/// Looks at environments when they are due, or when AWS pushed something. A look that is broken off at the end is repeated
/// after the start: what it tells is one transaction.
async fn watcher(product: &Product, mut stopping: watch::Receiver<bool>) {
    let this = Loop::only("watcher", LONGEST_TURN);
    while !*stopping.borrow() {
        this.turn(&product.beats);
        let looked = tokio::select! {
            looked = product.watcher.turn() => looked,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let wait = match looked {
            Ok(_) => until(product.engine.clock.as_ref(), product.watcher.next()).clamp(Duration::from_millis(5), REST),
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
        this.turn(&product.beats);
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

/// Starts what is due by schedule. A turn that is broken off at the end is taken again after the start: what it makes is one
/// transaction.
async fn timer(product: &Product, mut stopping: watch::Receiver<bool>) {
    let this = Loop::only("timer", LONGEST_TURN);
    while !*stopping.borrow() {
        this.turn(&product.beats);
        let turned = tokio::select! {
            turned = product.timer.turn() => turned,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let wait = match turned {
            Ok(next) => until(product.engine.clock.as_ref(), next).clamp(TROUBLE, REST),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "what is due cannot be started, since the ledger does not answer; trying again");
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

/// Draws App Home for those who look at it. Slack may be slow about it: it is a loop of its own, so that nothing waits for it.
async fn homes(product: &Product, mut stopping: watch::Receiver<bool>) {
    let this = Loop::only("homes", LONGEST_SHORT_TURN);
    while !*stopping.borrow() {
        this.turn(&product.beats);
        let wait = match product.desk.show_homes().await {
            // However fast its clock runs, Slack is asked no more often than that.
            Ok(Some(next)) => until(product.engine.clock.as_ref(), next).clamp(IDLE, REST),
            Ok(None) => REST,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "App Home cannot be drawn, since the ledger does not answer; trying again");
                REST
            }
        };
        tokio::select! {
            () = product.desk.looked_at() => {}
            () = tokio::time::sleep(wait) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }
    product.beats.over(&this.name);
}

/// How long this machine takes until a moment.
fn until(clock: &dyn Clock, at: crate::domain::moment::Moment) -> Duration {
    clock.takes(at.since(clock.now()))
}

/// What a loop goes by: whom it tells that it turns, and the time.
fn with(product: &Product) -> (&Beats, &dyn Clock) {
    (&product.beats, product.engine.clock.as_ref())
}

/// Takes turns while there is something to do, then waits for a nudge or for the next moment something is due.
async fn work_off<T, N>(
    this: Loop,
    (beats, clock): (&Beats, &dyn Clock),
    nudge: &Notify,
    mut stopping: watch::Receiver<bool>,
    turn: impl Fn() -> T,
    next: impl Fn() -> N,
) where
    T: Future<Output = Result<usize, StoreError>>,
    N: Future<Output = Result<Option<crate::domain::moment::Moment>, StoreError>>,
{
    while !*stopping.borrow() {
        this.turn(beats);
        let wait = match turn().await {
            Ok(0) => match next().await {
                Ok(Some(at)) => until(clock, at).clamp(Duration::from_millis(5), IDLE),
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
    beats.over(&this.name);
}

async fn sweeper(product: &Product, mut stopping: watch::Receiver<bool>) {
    let this = Loop::only("sweeper", LONGEST_SHORT_TURN);
    while !*stopping.borrow() {
        this.turn(&product.beats);
        let swept = async {
            product.desk.sweep().await?;
            product.desk.convene().await?;
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use async_trait::async_trait;
    use secrecy::SecretString;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::{
        app::inbound::{Envelope, Inbox, Refusal, Unavailable},
        front::{self, Front},
        ports::{chat::Reply, clock::SystemClock},
    };

    /// Nobody sends anything here.
    struct Nobody;

    #[async_trait]
    impl Inbox for Nobody {
        async fn take(&self, _: Envelope) -> Result<Option<Reply>, Unavailable> {
            Ok(None)
        }
        async fn refuse(&self, _: Refusal) -> Result<(), Unavailable> {
            Ok(())
        }
        fn reachable(&self, _: &str, _: &str, _: SecretString) {}
    }

    /// Serves what the product serves; where.
    async fn served(beats: &Arc<Beats>) -> std::net::SocketAddr {
        let router = front::router(Front {
            signing_secret: "secret".into(),
            teams: Vec::new(),
            apps: Vec::new(),
            command: "/bbws".to_owned(),
            clock: Arc::new(SystemClock),
            inbox: Arc::new(Nobody),
            render: Arc::new(|_| serde_json::Value::Null),
            push: None,
            answer_within: Duration::from_secs(1),
            checks: vec![beats.check()],
            metrics: None,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(front::http::serve(listener, router, std::future::pending()));
        address
    }

    async fn healthz(address: std::net::SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: bbws\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Asks until the answer is of this status; the answer.
    async fn answers(address: std::net::SocketAddr, status: &str) -> String {
        let asked = async {
            loop {
                let answer = healthz(address).await;
                if answer.starts_with(&format!("HTTP/1.1 {status} ")) {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asked).await.expect("that status in the end")
    }

    #[tokio::test]
    async fn a_loop_that_stands_still_is_told_over_http() {
        let beats = Arc::new(Beats::default());
        let address = served(&beats).await;
        let (stuck, free) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (stop, stopping) = watch::channel(false);
        let (nudge, its) = (Arc::new(Notify::new()), (beats.clone(), stuck.clone(), free.clone()));
        let nudged = nudge.clone();
        let looping = tokio::spawn(async move {
            let (beats, stuck, free) = its;
            let turn = || async {
                if stuck.swap(false, Ordering::SeqCst) {
                    free.notified().await;
                }
                Ok(0)
            };
            // It is nudged all the time, so that only a turn that does not end lets it stand still.
            let this = Loop::only("announcer", Duration::from_secs(1));
            let next = || async { Ok(Some(SystemClock.now())) };
            work_off(this, (&beats, &SystemClock), &nudged, stopping, turn, next).await;
        });
        assert!(answers(address, "200").await.ends_with("ok\n"));
        stuck.store(true, Ordering::SeqCst);
        let told = answers(address, "503").await;
        assert!(
            told.contains("loops: the announcer has not come round for ") && told.contains("restart bbws"),
            "{told}"
        );
        free.notify_one();
        answers(address, "200").await;
        stop.send(true).unwrap();
        looping.await.unwrap();
        assert_eq!(beats.turning(), Ok(()), "one that has ended in order does not stand still");
    }
}
