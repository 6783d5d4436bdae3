//! The durable interpreter: claims runs that are due, writes down what it is about to do, does it, watches it, and parks.

mod lifecycle;
mod outage;
mod polls;
mod steps;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};

use crate::{
    app::{
        authority::Authority,
        change::{Change, Illegal},
        executors::Executors,
        planner::Planner,
    },
    domain::{
        operation::{Run, State},
        policy::Limits,
        run::Pacing,
    },
    ports::{
        clock::Clock,
        store::{Claim, Guard, Store, StoreError},
    },
};

/// How long a claim lasts. Every call is given less than what remains of it, see [`crate::app::executors::CALL`].
pub const LEASE: Duration = Duration::from_secs(60);
/// Runs claimed at once.
const BATCH: u32 = 256;
/// A run is looked at again at least this often, though nothing seems due.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// How often a card is drawn again while its run waits for a region, and for how long: as often as [`HEARTBEAT`] after that.
const REDRAWN: Duration = Duration::from_secs(15);
const SOME_TIME: Duration = Duration::from_secs(600);

/// Why a run was let go.
#[derive(Debug, thiserror::Error)]
pub enum Dropped {
    /// The ledger failed, or somebody else has the run now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A move that is not legal any more; the next look decides anew.
    #[error(transparent)]
    Illegal(#[from] Illegal),
}

/// Runs operations.
pub struct Engine {
    /// Ledger.
    pub store: Arc<dyn Store>,
    /// Who carries steps out.
    pub executors: Executors,
    /// Resolves plans again just before the run.
    pub planner: Arc<Planner>,
    /// Checks approvers again just before the run.
    pub authority: Arc<Authority>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Name of this process in claims.
    pub owner: String,
    /// How often AWS is asked.
    pub pacing: Pacing,
    /// Approval time limits.
    pub limits: Limits,
    /// Runs advanced at the same time.
    pub parallel: usize,
}

/// A claimed run.
struct Claimed {
    claim: Claim,
    run: Run,
    /// Regions that it waited for when it was claimed.
    waited: Vec<String>,
}

impl Engine {
    /// Works on everything that is due. Answers how many runs were claimed; zero means there was nothing to do.
    ///
    /// # Errors
    /// The ledger's. What goes wrong with one run does not hold up the others.
    pub async fn turn(&self) -> Result<usize, StoreError> {
        let claims = self.store.claim(&self.owner, LEASE, BATCH).await?;
        let count = claims.len();
        let hands: Vec<Option<Claimed>> =
            stream::iter(claims).map(|claim| self.begin(claim)).buffered(self.parallel.max(1)).collect().await;
        let mut hands: Vec<Claimed> = hands.into_iter().flatten().collect();
        let answers = self.poll(&hands).await;
        for (index, answer) in answers {
            if let Some(hand) = hands.get_mut(index) {
                self.log_dropped(hand.run.op.id.0.clone(), self.record_polls(hand, answer).await);
            }
        }
        let ends = stream::iter(hands).map(|hand| self.finish(hand)).buffered(self.parallel.max(1));
        ends.collect::<Vec<()>>().await;
        Ok(count)
    }

    /// Loads a claimed run and does everything but polling.
    async fn begin(&self, claim: Claim) -> Option<Claimed> {
        let id = claim.id.clone();
        let loaded = self.store.load(&id).await;
        let run = match loaded {
            Ok(run) => run?,
            Err(error) => {
                tracing::error!(operation = %id, error = &error as &dyn std::error::Error, "a claimed run could not be loaded");
                return None;
            }
        };
        let waited = run.outages().into_iter().map(|outage| outage.region).collect();
        let mut hand = Claimed { claim, run, waited };
        let advanced = self.advance(&mut hand).await;
        self.log_dropped(id.0, advanced).map(|()| hand)
    }

    async fn advance(&self, hand: &mut Claimed) -> Result<(), Dropped> {
        match hand.run.op.state {
            State::AwaitingApproval => self.expire_unapproved(hand).await?,
            State::Queued => self.start_queued(hand).await?,
            _ => {}
        }
        if matches!(hand.run.op.state, State::Running | State::Paused | State::Waiting | State::Stopped) {
            self.heed_stop(hand).await?;
            self.heed_time(hand).await?;
            self.look_for_lost_calls(hand).await?;
            self.heed_people(hand).await?;
            self.begin_steps(hand).await?;
        }
        Ok(())
    }

    /// Ends the run if it is at its end, and parks it until something is due.
    async fn finish(&self, mut hand: Claimed) {
        let id = hand.run.op.id.0.clone();
        let result = async {
            self.conclude(&mut hand).await?;
            Box::pin(self.wake_others(&hand)).await?;
            let now = self.clock.now();
            let mut wake = hand.run.next_wake(now);
            if hand.run.op.state == State::Queued {
                // It waits for Slack, AWS or the end of a stop.
                wake = now + Duration::from_secs(5);
            }
            if !hand.run.op.state.terminal() && wake > now + HEARTBEAT && hand.run.in_flight() {
                wake = now + HEARTBEAT;
            }
            let outages = hand.run.outages();
            if let Some(outage) = outages.first().filter(|_| hand.run.op.state == State::Running) {
                // How long it has taken and when it is tried next goes on being shown while nothing else happens.
                self.write(&mut hand, false, |_| Ok(())).await?;
                let fresh = now.since(outage.since) < SOME_TIME;
                wake = wake.min(now + if fresh { REDRAWN } else { HEARTBEAT });
            }
            self.store.park(&hand.claim, hand.run.version, wake).await?;
            Ok::<(), Dropped>(())
        }
        .await;
        self.log_dropped(id, result);
    }

    /// Commits an edit of the run under its fence; decides again on a fresh record when a person changed it meanwhile.
    async fn write(
        &self,
        hand: &mut Claimed,
        intent: bool,
        edit: impl Fn(&mut Change) -> Result<(), Illegal>,
    ) -> Result<(), Dropped> {
        loop {
            let mut change = Change::on(&hand.run, self.clock.now());
            edit(&mut change)?;
            let guard = Guard::Runner { fence: hand.claim.fence, version: hand.run.version, intent };
            let (run, commit) = change.commit(guard);
            match self.store.commit(commit).await {
                Ok(()) => {
                    hand.run = run;
                    return Ok(());
                }
                Err(StoreError::Conflict) => {
                    let id = hand.run.op.id.clone();
                    hand.run = self.store.load(&id).await?.ok_or(StoreError::Fenced)?;
                }
                Err(other) => return Err(other.into()),
            }
        }
    }

    fn log_dropped<T>(&self, operation: String, result: Result<T, Dropped>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Dropped::Store(error @ (StoreError::Fenced | StoreError::Halted { .. }))) => {
                tracing::info!(operation, %error, "the run is let go");
                None
            }
            Err(error) => {
                tracing::error!(
                    operation,
                    error = &error as &dyn std::error::Error,
                    "the run is let go; it is taken up again when its lease ends"
                );
                None
            }
        }
    }
}
