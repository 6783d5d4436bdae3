//! Credentials that are fetched before the call that needs them, so that a failure to get them is never taken for a call
//! that may have been carried out.
//!
//! The SDK fetches credentials inside of a call and of its time-out: where they do not come, the call "timed out", though
//! the service never saw it. So whoever opens a session waits here first, with a budget of its own; what came of it stands
//! for a moment, in which calls are told at once. Credentials that run out in the middle of a long piece of work are
//! fetched inside of a call after all, in less time than that call has.

use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use aws_smithy_async::{
    future::timeout::Timeout,
    rt::sleep::{AsyncSleep as _, SharedAsyncSleep},
    time::SharedTimeSource,
};
use tokio::sync::Mutex;

use super::error::Refused;
use crate::ports::cloud::CloudError;

/// How long is waited for credentials before a call.
const BEFORE: Duration = Duration::from_secs(15);
/// How long is waited for them inside of a call: less than its own time-out.
const WITHIN: Duration = Duration::from_secs(7);
/// How long a failure to get them stands.
const LACKING: Duration = Duration::from_secs(3);
/// Credentials that end sooner than this are fetched anew, so that no request is signed with dying ones.
const MARGIN: Duration = Duration::from_secs(300);
/// With less than this left they are not used even where no others can be had.
const LEAST: Duration = Duration::from_secs(30);
/// Those that do not say when they end are asked for again after this.
const UNDATED: Duration = Duration::from_secs(900);

/// One source of credentials, and what it gave last. Clones share it.
#[derive(Clone)]
pub struct Kept {
    source: SharedCredentialsProvider,
    clock: SharedTimeSource,
    sleep: Option<SharedAsyncSleep>,
    last: Arc<Mutex<Last>>,
}

enum Last {
    Nothing,
    Got(Credentials, SystemTime),
    Lacking(Lack, SystemTime),
}

/// Why there are none.
#[derive(Debug, Clone)]
enum Lack {
    /// A role that could not be assumed says so in words.
    Refused(CloudError),
    /// Nothing in the environment names any.
    NotLoaded,
    /// They could not be had this time.
    Unavailable(String),
}

impl Kept {
    /// Keeps what `source` gives, by the clock of this configuration.
    pub fn new(source: SharedCredentialsProvider, config: &SdkConfig) -> Kept {
        let (clock, sleep) = (config.time_source().unwrap_or_default(), config.sleep_impl());
        Kept { source, clock, sleep, last: Arc::new(Mutex::new(Last::Nothing)) }
    }

    /// Sees to it that the next call finds credentials, or finds out at once that there are none. A failure of before is no
    /// answer to that; one of somebody who is at it just now is.
    pub async fn fetch(&self) {
        if let Ok(mut last) = self.last.try_lock()
            && matches!(*last, Last::Lacking(..))
        {
            *last = Last::Nothing;
        }
        if self.within(BEFORE).await.is_none()
            && let Ok(mut last) = self.last.try_lock()
        {
            let late = format!("no credentials within {} s", BEFORE.as_secs());
            *last = Last::Lacking(Lack::Unavailable(late), self.clock.now());
        }
    }

    /// AWS takes what was got last no more, whenever that was said to end: whoever comes next fetches anew. What was got just
    /// now stands, so that AWS is not asked without end for what it refuses.
    pub fn refused(&self) {
        if let Ok(mut last) = self.last.try_lock()
            && matches!(*last, Last::Got(_, at) if self.since(at) >= LACKING)
        {
            *last = Last::Nothing;
        }
    }

    /// What there is within this time; none where that is too short.
    async fn within(&self, budget: Duration) -> Option<provider::Result> {
        match &self.sleep {
            Some(sleep) => Timeout::new(Box::pin(self.current()), sleep.sleep(budget)).await.ok(),
            None => Some(self.current().await),
        }
    }

    /// One caller fetches, the others wait for what it gets.
    async fn current(&self) -> provider::Result {
        let mut last = self.last.lock().await;
        let old = match &*last {
            Last::Got(got, at) if self.is_fresh(got, *at) => return Ok(got.clone()),
            Last::Lacking(lack, at) if self.since(*at) < LACKING => return Err(lack.error()),
            Last::Got(got, _) => Some(got.clone()).filter(|got| self.lasts(got, LEAST)),
            Last::Lacking(..) | Last::Nothing => None,
        };
        match (self.source.provide_credentials().await, old) {
            (Ok(got), _) => {
                *last = Last::Got(got.clone(), self.clock.now());
                Ok(got)
            }
            (Err(error), Some(old)) => {
                tracing::warn!(%error, "no new AWS credentials can be had; the old ones are used while they last");
                Ok(old)
            }
            (Err(error), None) => {
                let lack = Lack::of(error);
                let error = lack.error();
                *last = Last::Lacking(lack, self.clock.now());
                Err(error)
            }
        }
    }

    fn is_fresh(&self, got: &Credentials, at: SystemTime) -> bool {
        match got.expiry() {
            Some(_) => self.lasts(got, MARGIN),
            None => self.since(at) < UNDATED,
        }
    }

    fn since(&self, at: SystemTime) -> Duration {
        self.clock.now().duration_since(at).unwrap_or_default()
    }

    fn lasts(&self, got: &Credentials, long: Duration) -> bool {
        got.expiry().is_none_or(|end| end > self.clock.now() + long)
    }
}

impl Lack {
    fn of(error: CredentialsError) -> Lack {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        let mut words = Vec::new();
        while let Some(error) = cause {
            if let Some(Refused(reason)) = error.downcast_ref::<Refused>() {
                return Lack::Refused(reason.clone());
            }
            words.push(error.to_string());
            cause = error.source();
        }
        match error {
            CredentialsError::CredentialsNotLoaded(_) => Lack::NotLoaded,
            _ => Lack::Unavailable(words.join(": ")),
        }
    }

    fn error(&self) -> CredentialsError {
        match self {
            Lack::Refused(reason) => CredentialsError::provider_error(Refused(reason.clone())),
            Lack::NotLoaded => CredentialsError::not_loaded_no_source(),
            Lack::Unavailable(why) => CredentialsError::provider_error(why.clone()),
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("source", &self.source).finish_non_exhaustive()
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let late = || CredentialsError::provider_error(format!("no credentials within {} s", WITHIN.as_secs()));
            self.within(WITHIN).await.unwrap_or_else(|| Err(late()))
        })
    }
}
