//! Work that takes longer than a call may: a task of this process carries it out, and polls ask after it by the step's token.
//!
//! What was told survives nothing: when the process ends, the work ends. Whoever starts it has to be able to begin anew.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{sync::Semaphore, task::JoinHandle, time::Instant};

use crate::ports::cloud::{CloudError, Progress};

/// Pieces of work under way at once: each may hold some parts of 64 MiB and a dump program.
const AT_ONCE: usize = 4;
/// An answer that nobody came for in so long is forgotten; the work would be done again.
const KEPT: Duration = Duration::from_secs(3600);

/// What a piece of work came to.
pub type Outcome = Result<Progress, CloudError>;

/// A piece of work as a task carries it out.
pub type Work = BoxFuture<'static, Outcome>;
/// Gives a piece of work what is known of the task that begins it, since a task of its own knows nothing of that.
pub type Carry = Arc<dyn Fn(Work) -> Work + Send + Sync>;

/// All work of this process. Dropping it ends what is under way.
pub struct Jobs {
    places: Arc<Semaphore>,
    kept: Duration,
    carry: Option<Carry>,
    jobs: Mutex<HashMap<String, Job>>,
}

struct Job {
    task: JoinHandle<()>,
    state: Arc<Mutex<State>>,
}

enum State {
    Running { percent: Option<u8>, detail: String },
    Ended { outcome: Outcome, at: Instant },
}

/// Tells how far a piece of work is.
#[derive(Clone)]
pub struct Teller(Arc<Mutex<State>>);

impl Teller {
    /// Percent where it is known, and words for people.
    pub fn tell(&self, percent: Option<u8>, detail: impl Into<String>) {
        let mut state = lock(&self.0);
        if matches!(*state, State::Running { .. }) {
            *state = State::Running { percent, detail: detail.into() };
        }
    }
}

impl Default for Jobs {
    fn default() -> Jobs {
        Jobs::new(AT_ONCE)
    }
}

impl Jobs {
    /// So many pieces at once; others wait.
    pub fn new(at_once: usize) -> Jobs {
        Jobs { places: Arc::new(Semaphore::new(at_once)), kept: KEPT, carry: None, jobs: Mutex::default() }
    }

    /// The same, with something that every piece of work is given.
    #[must_use]
    pub fn carrying(self, carry: Option<Carry>) -> Jobs {
        Jobs { carry, ..self }
    }

    /// Begins a piece of work, once: nothing happens while work under this token is under way or its answer is kept.
    pub fn spawn<F, W>(&self, token: &str, work: F)
    where
        F: FnOnce(Teller) -> W + Send + 'static,
        W: Future<Output = Outcome> + Send + 'static,
    {
        let mut jobs = lock(&self.jobs);
        jobs.retain(|_, job| !job.forgotten(self.kept));
        if jobs.contains_key(token) {
            return;
        }
        let state = Arc::new(Mutex::new(State::Running { percent: None, detail: "queued".to_owned() }));
        let (places, teller) = (Arc::clone(&self.places), Teller(Arc::clone(&state)));
        let told = teller.clone();
        let work: Work = Box::pin(async move { work(told).await });
        let work = match &self.carry {
            Some(carry) => carry(work),
            None => work,
        };
        let task = tokio::spawn(async move {
            // Nobody closes the semaphore; without a place the work would merely not be bounded.
            let _place = places.acquire_owned().await.ok();
            teller.tell(None, "begun");
            let outcome = work.await;
            *lock(&teller.0) = State::Ended { outcome, at: Instant::now() };
        });
        jobs.insert(token.to_owned(), Job { task, state });
    }

    /// How far the work is; `None` where this process knows of none. What came to a good or bad end is told again as often
    /// as it is asked for; what may be tried again is told once, and then may be begun anew.
    pub fn ask(&self, token: &str) -> Option<Outcome> {
        let mut jobs = lock(&self.jobs);
        let outcome = jobs.get(token)?.outcome();
        if matches!(outcome, Err(_) | Ok(Progress::Gone { .. })) {
            jobs.remove(token);
        }
        Some(outcome)
    }

    /// Waits until every piece of work has ended, for as long as any is going on: in simulated time nothing else lets work
    /// proceed.
    pub async fn settled(&self) {
        while lock(&self.jobs).values().any(|job| !job.task.is_finished()) {
            tokio::task::yield_now().await;
        }
    }

    /// For steps that only read: asks after the work, and begins it where there is none.
    pub fn watch<F, W>(&self, token: &str, work: F) -> Outcome
    where
        F: FnOnce(Teller) -> W + Send + 'static,
        W: Future<Output = Outcome> + Send + 'static,
    {
        if let Some(outcome) = self.ask(token) {
            return outcome;
        }
        self.spawn(token, work);
        Ok(Progress::Running { percent: None, detail: "queued".to_owned() })
    }
}

impl Job {
    fn outcome(&self) -> Outcome {
        // Looked at before the state: a task that has ended has written its answer.
        let ended = self.task.is_finished();
        match &*lock(&self.state) {
            State::Ended { outcome, .. } => outcome.clone(),
            State::Running { percent, detail } if !ended => {
                Ok(Progress::Running { percent: *percent, detail: detail.clone() })
            }
            State::Running { detail, .. } => Err(CloudError::Retryable {
                reason: format!(
                    "The work ended without an answer while it was at `{detail}`; the log has the cause. It is tried again."
                ),
                after: None,
            }),
        }
    }

    fn forgotten(&self, kept: Duration) -> bool {
        self.task.is_finished() && matches!(&*lock(&self.state), State::Ended { at, .. } if at.elapsed() > kept)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("known", &lock(&self.jobs).len()).finish_non_exhaustive()
    }
}

/// A task that panicked while it held a lock left nothing half-written: every write is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(detail: &str) -> Outcome {
        Ok(Progress::Done { outputs: Default::default(), detail: detail.to_owned() })
    }

    fn running(detail: &str) -> Option<Outcome> {
        Some(Ok(Progress::Running { percent: None, detail: detail.to_owned() }))
    }

    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn work_is_begun_once_and_its_answer_kept_for_a_while() {
        let mut jobs = Jobs::default();
        assert_eq!(jobs.ask("a"), None);
        jobs.spawn("a", |_| async { done("first") });
        jobs.spawn("a", |_| async { done("second") });
        settle().await;
        assert_eq!(jobs.ask("a"), Some(done("first")));
        assert_eq!(jobs.watch("a", |_| async { done("third") }), done("first"), "it is told again");
        jobs.kept = Duration::ZERO;
        jobs.spawn("b", |_| async { done("other") });
        assert_eq!(jobs.ask("a"), None);
    }

    #[tokio::test]
    async fn what_may_be_tried_again_is_told_once() {
        let jobs = Jobs::default();
        let busy = || CloudError::Retryable { reason: "busy".into(), after: None };
        jobs.spawn("a", move |_| async move { Err(busy()) });
        settle().await;
        assert_eq!(jobs.ask("a"), Some(Err(busy())));
        assert_eq!(jobs.ask("a"), None);
    }

    #[tokio::test]
    async fn only_so_many_are_under_way_at_once() {
        let jobs = Jobs::new(1);
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        jobs.spawn("a", |teller| async move {
            teller.tell(None, "half");
            let _ = gone.await;
            done("a")
        });
        jobs.spawn("b", |_| async { done("b") });
        settle().await;
        assert_eq!((jobs.ask("a"), jobs.ask("b")), (running("half"), running("queued")));
        go.send(()).expect("it waits");
        settle().await;
        assert_eq!((jobs.ask("a"), jobs.ask("b")), (Some(done("a")), Some(done("b"))));
    }

    #[tokio::test]
    async fn work_that_panics_is_told_of_and_gives_its_place_back() {
        let jobs = Jobs::new(1);
        jobs.spawn("a", |teller| async move {
            teller.tell(None, "half");
            if true {
                panic!("a fault of ours");
            }
            done("never")
        });
        settle().await;
        let answer = jobs.ask("a");
        assert!(
            matches!(&answer, Some(Err(CloudError::Retryable { reason, .. })) if reason.contains("`half`")),
            "{answer:?}"
        );
        jobs.spawn("a", |_| async { done("again") });
        settle().await;
        assert_eq!(jobs.ask("a"), Some(done("again")));
    }

    #[tokio::test]
    async fn work_ends_with_its_owner() {
        let sign = Arc::new(());
        let jobs = Jobs::default();
        let held = Arc::clone(&sign);
        jobs.spawn("a", |_| async move {
            let _held = held;
            std::future::pending::<Outcome>().await
        });
        settle().await;
        assert_eq!(Arc::strong_count(&sign), 2);
        drop(jobs);
        settle().await;
        assert_eq!(Arc::strong_count(&sign), 1);
    }
}
