//! The simulated AWS on a port, in which what takes AWS half an hour takes seconds, and which can be held, slowed and silenced.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use bbws::{
    adapters::sandbox::aws::{
        Fault, Override, SimAws, Target,
        api::{Request, changes},
        judge::Answer,
        port,
    },
    domain::{environment::Environment, moment::Moment, topics::Topics},
    ports::clock::{Clock, SystemClock},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::serve::stage::until;

/// How much faster than on the wall time passes in AWS.
const FASTER: i32 = 300;
const TICK: Duration = Duration::from_millis(20);

/// The time in AWS, which runs ahead of that on the wall.
#[derive(Debug, Default)]
struct Ahead(AtomicI64);

impl Clock for Ahead {
    fn now(&self) -> Moment {
        Moment(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

/// The server; it ends with the test's runtime.
pub struct Amazon {
    pub address: String,
    pub aws: Arc<SimAws>,
    seen: Arc<Mutex<Vec<Request>>>,
    held: Arc<AtomicBool>,
    slow: Arc<Mutex<Duration>>,
}

impl Amazon {
    /// With what these environments declare.
    pub async fn start(environments: &BTreeMap<String, Environment>, topics: &Topics) -> Amazon {
        let clock = Arc::new(Ahead::default());
        let aws = Arc::new(SimAws::new(environments, topics, clock.clone(), 7));
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let hears = Arc::clone(&seen);
        aws.override_answers(
            Target::always(),
            Override::edit(move |request, _| hears.lock().unwrap().push(request.clone())),
        );
        let (held, slow) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Duration>>::default());
        tokio::spawn(hurry(Arc::clone(&aws), clock, Arc::clone(&held)));
        let (listener, inner) = (listen().await, listen().await);
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(relay(listener, inner.local_addr().unwrap().to_string(), Arc::clone(&slow)));
        tokio::spawn(port::serve(Arc::clone(&aws), inner, std::future::pending()));
        Amazon { address, aws, seen, held, slow }
    }

    /// Nothing that AWS works on gets any further.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }

    /// From now on every answer takes so long.
    pub fn slow(&self, by: Duration) {
        *self.slow.lock().unwrap() = by;
    }

    /// Returns when nothing was asked for a while: the watcher has had its first look.
    pub async fn quiet(&self) {
        let mut before = usize::MAX;
        loop {
            let now = self.seen.lock().unwrap().len();
            if now == before {
                return;
            }
            before = now;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Answers `after` more requests, and the next one never.
    pub fn silence(&self, after: u32) {
        self.aws.inject(Fault::Hangs, Target::nth(after + 1));
    }

    /// Returns when a request is not answered.
    pub async fn silenced(&self) {
        let unanswered = || self.aws.journal().iter().any(|request| request.answer == Answer::Nothing);
        until("a request without an answer", async || unanswered().then_some(())).await;
    }

    /// Requests for this API operation.
    pub fn asked(&self, operation: &str) -> Vec<Request> {
        self.seen.lock().unwrap().iter().filter(|request| request.operation == operation).cloned().collect()
    }

    /// Operations of a service that were called to change something.
    pub fn changes(&self, service: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let changing = seen.iter().filter(|r| r.service.name() == service && changes(&r.operation));
        changing.map(|request| request.operation.clone()).collect()
    }

    /// How many backup jobs there are.
    pub fn jobs(&self) -> usize {
        self.aws.look(|world, _| world.places().map(|(_, _, place)| place.backup.jobs.len()).sum())
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Moves the time in AWS on. The program does not know of it, so that the sessions it was given last as long as it thinks.
async fn hurry(aws: Arc<SimAws>, clock: Arc<Ahead>, held: Arc<AtomicBool>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        if !held.load(Ordering::SeqCst) {
            let ahead = i64::from(FASTER) * i64::try_from(TICK.as_millis()).unwrap();
            clock.0.fetch_add(ahead, Ordering::SeqCst);
            aws.change(|world, _| world.sessions.values_mut().for_each(|s| s.expires = Moment::FAR_FUTURE));
        }
    }
}

/// Passes bytes on to a port, and the answers back, late.
async fn relay(listener: TcpListener, to: String, slow: Arc<Mutex<Duration>>) {
    while let Ok((caller, _)) = listener.accept().await {
        let (to, slow) = (to.clone(), Arc::clone(&slow));
        tokio::spawn(async move {
            let server = TcpStream::connect(to).await.unwrap();
            let ((mut asks, mut hears), (mut answers, mut takes)) = (caller.into_split(), server.into_split());
            let asking = tokio::spawn(async move { tokio::io::copy(&mut asks, &mut takes).await });
            let mut piece = vec![0; 1 << 16];
            while let Ok(length @ 1..) = answers.read(&mut piece).await {
                let late = *slow.lock().unwrap();
                if late > Duration::ZERO {
                    tokio::time::sleep(late).await;
                }
                if hears.write_all(&piece[..length]).await.is_err() {
                    break;
                }
            }
            asking.abort();
        });
    }
}
