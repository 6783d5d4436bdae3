//! Two replicas on PostgreSQL, one of which stands still while it starts what is due, with all that it holds, and goes on when the
//! other has done its work: whatever was due is started once.

use std::{
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use bbws::{
    config::Config,
    domain::{moment::Moment, operation::State},
    ports::store::{Store, StoreError},
};
use sqlx::{AnyConnection, Connection as _};
use tokio::sync::oneshot;

use super::timer::{pass, scheduled, started};
use crate::support::{
    clock::ManualClock,
    db,
    kill::Killer,
    pg,
    rig::{self, Rig},
};

const MINUTE: Duration = Duration::from_secs(60);
/// More points than a turn has that starts a run.
const POINTS: usize = 40;

/// One replica, whose secrets are exported each hour, and the database that it shares.
async fn hourly() -> (Rig, String) {
    let (url, clock, mut config) = (pg::database().await, ManualClock::new(), Config::demo());
    config.environments.values_mut().for_each(|environment| environment.schedules.clear());
    let mut rig = Rig::new(db::on_postgres(&url, clock.clone()).await, clock, config, 7);
    rig.embedded = false;
    scheduled(&mut rig, "backup schedule prod create --type secrets").await;
    pass(&mut rig, 2 * MINUTE).await;
    (rig, url)
}

/// Stands still when it is told to, until it is told to go on.
struct Halt {
    when: oneshot::Receiver<()>,
    stands: mpsc::Sender<()>,
    goes_on: mpsc::Receiver<()>,
}

/// Two turns of another replica, on a thread and over connections of its own: what became of each.
fn elsewhere(
    rig: &Rig,
    url: &str,
    killer: Arc<Killer>,
    halt: Option<Halt>,
) -> JoinHandle<[Result<Moment, StoreError>; 2]> {
    let (adapter, seen, chat) = (rig.adapter.clone(), rig.seen.clone(), rig.chat.clone());
    let (clock, config, url) = (rig.clock.clone(), rig.config.clone(), url.to_owned());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let ledger = db::on_postgres(&url, clock.clone()).await;
            let process = rig::start(&ledger, &adapter, &seen, &chat, &clock, &config, killer);
            if let Some(halt) = halt {
                // Nothing else happens on this thread until it goes on.
                tokio::spawn(async move {
                    halt.when.await.unwrap();
                    halt.stands.send(()).unwrap();
                    halt.goes_on.recv().unwrap();
                });
            }
            [process.timer.turn().await, process.timer.turn().await]
        })
    })
}

/// What is due next in prod, a minute after its time.
async fn due(rig: &Rig) -> Moment {
    let due = rig.ledger.dues(Some("prod")).await.unwrap().all[0].at;
    rig.clock.set(due + MINUTE);
    due
}

/// One run was made of what was due then, and it goes well.
async fn once(rig: &mut Rig, due: Moment, at: &str) {
    let of = started(rig).await.into_iter().filter(|op| op.by_schedule.as_ref().unwrap().due == due);
    let ids: Vec<String> = of.map(|op| op.id.0).collect();
    assert_eq!(ids.len(), 1, "{at}: {ids:?}");
    assert_eq!(rig.finish(&ids[0]).await, State::Succeeded, "{at}");
    assert!(rig.cloud.twice().is_empty(), "{at}: {:?}", rig.cloud.twice());
    let next = rig.ledger.dues(Some("prod")).await.unwrap().all[0].at;
    assert!(next > due, "{at}: {next} is due after {due}");
}

#[tokio::test]
async fn a_replica_that_stands_still_at_any_point_of_a_start_starts_nothing_twice() {
    let (mut rig, url) = hourly().await;
    for point in 0..POINTS {
        let due = due(&rig).await;
        let (killer, stands, go) = Killer::freezing(point);
        let other = elsewhere(&rig, &url, killer, None);
        // The other one ends, or stands still: this replica does what is to be done meanwhile.
        while stands.recv_timeout(Duration::from_millis(20)) == Err(mpsc::RecvTimeoutError::Timeout)
            && !other.is_finished()
        {}
        let over = other.is_finished();
        rig.process.timer.turn().await.unwrap();
        let _ = go.send(());
        let turns = other.join().unwrap();
        assert!(turns.iter().all(Result::is_ok), "point {point}: {turns:?}");
        once(&mut rig, due, &format!("point {point}")).await;
        if over {
            assert!(point > 3, "it stood still {point} times");
            return;
        }
    }
    panic!("a turn has more than {POINTS} points");
}

/// Asks until it is so.
async fn until<T>(connection: &mut AnyConnection, sql: &'static str) -> T
where
    (T,): for<'r> sqlx::FromRow<'r, sqlx::any::AnyRow> + Send + Unpin,
{
    loop {
        if let Some((found,)) = sqlx::query_as(sql).fetch_optional(&mut *connection).await.unwrap() {
            return found;
        }
    }
}

const WAITING: &str = "SELECT CAST(l.pid AS bigint) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
    WHERE NOT l.granted AND a.datname = current_database() LIMIT 1";
const IDLE: &str = "SELECT CAST(pid AS bigint) FROM pg_stat_activity WHERE datname = current_database() \
    AND state = 'idle in transaction' AND pid <> pg_backend_pid() LIMIT 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_stands_still_within_its_transaction_is_cut_off_and_the_other_one_starts_what_was_due() {
    let (mut rig, url) = hourly().await;
    let due = due(&rig).await;
    let mut door = AnyConnection::connect(&url).await.unwrap();
    let mut eye = AnyConnection::connect(&url).await.unwrap();
    // Nobody gets past the last statement of a transaction.
    sqlx::raw_sql("BEGIN; LOCK TABLE audit IN EXCLUSIVE MODE").execute(&mut door).await.unwrap();
    let ((halt, when), (stands, stood), (go, goes_on)) = (oneshot::channel(), mpsc::channel(), mpsc::channel());
    let other = elsewhere(&rig, &url, Killer::never(), Some(Halt { when, stands, goes_on }));
    until::<i64>(&mut eye, WAITING).await;
    halt.send(()).unwrap();
    stood.recv().unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut door).await.unwrap();
    // It has written all that a start is, and will not say whether it stands.
    let holder = until::<i64>(&mut eye, IDLE).await;
    let cut_off = async {
        until::<i64>(&mut eye, WAITING).await;
        // As PostgreSQL does by itself when that has lasted for as long as every connection of ours allows.
        sqlx::query("SELECT pg_terminate_backend(CAST($1 AS int))").bind(holder).execute(&mut eye).await.unwrap();
    };
    let (turn, ()) = tokio::join!(rig.process.timer.turn(), cut_off);
    turn.unwrap();
    go.send(()).unwrap();
    let [first, second] = other.join().unwrap();
    assert!(first.is_err(), "its transaction is gone: {first:?}");
    assert!(second.is_ok(), "and it goes on: {second:?}");
    once(&mut rig, due, "within the transaction").await;
    rig.ledger.verify_audit().await.unwrap().unwrap();
}
