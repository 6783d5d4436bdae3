//! A Slack workspace inside the process: people, channels and messages, the Web API methods the product calls
//! (`Workspace::slack_api`), and the page through which a browser acts as a person (`Workspace::page`).
//!
//! It imitates what matters to an app: ids, limits, triggers that die after three seconds, lost replies and rate
//! limits. `bbws demo` shows it to people; the tests drive it without a browser.

mod api;
mod chat;
mod check;
mod deeds;
mod extras;
mod fault;
mod files;
mod forms;
mod inspect;
mod journal;
mod limits;
mod limits_data;
mod message;
mod page;
mod people;
mod product;
mod read;
mod replies;
mod rooms;
mod scopes;
mod state;
mod views;

pub use check::Surface;
pub use fault::Fault;
pub use forms::{Press, SignedForm};
pub use limits::problems;
pub use message::Message;
pub use page::CommandHelp;
pub use people::{APP, BOT, BOT_USER, COMMAND, Channel, DOMAIN, Person, TEAM};
pub use replies::Reply;
pub use state::{Call, Quirks};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::broadcast;

use state::State;

/// Changes a slow page may fall behind before it is sent everything anew.
const BACKLOG: usize = 1_024;

/// Reads the time: milliseconds since 1970.
pub type ClockFn = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The local Slack workspace. Clones share one state.
#[derive(Clone)]
pub struct Workspace {
    inner: Arc<Inner>,
}

struct Inner {
    signing_secret: SecretString,
    bot_token: SecretString,
    clock: ClockFn,
    /// By which triggers end: a form is opened by machines, which are no faster in a world that is.
    machines: ClockFn,
    base_url: Mutex<String>,
    state: Mutex<State>,
    changes: broadcast::Sender<Change>,
}

/// Something that happened, for the pages that watch; `only_for` names the one person who may see it.
#[derive(Debug, Clone)]
struct Change {
    only_for: Option<String>,
    body: Value,
}

impl Workspace {
    /// A workspace with its usual people and channels and no messages.
    ///
    /// Requests to the product are signed with `signing_secret`; the Web API accepts only `bot_token`. Messages have the time of
    /// `clock`; triggers end by `machines`.
    pub fn new(
        signing_secret: impl Into<SecretString>,
        bot_token: impl Into<SecretString>,
        clock: ClockFn,
        machines: ClockFn,
    ) -> Self {
        let (changes, _) = broadcast::channel(BACKLOG);
        Self {
            inner: Arc::new(Inner {
                signing_secret: signing_secret.into(),
                bot_token: bot_token.into(),
                clock,
                machines,
                base_url: Mutex::new("http://127.0.0.1:3000".into()),
                state: Mutex::new(State::new()),
                changes,
            }),
        }
    }

    /// Where the product and this workspace are served, without a trailing slash; response addresses begin with it.
    pub fn set_base_url(&self, url: &str) {
        *self.inner.base_url.lock().unwrap_or_else(PoisonError::into_inner) = url.trim_end_matches('/').to_owned();
    }

    fn base_url(&self) -> String {
        self.inner.base_url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn now_ms(&self) -> i64 {
        (self.inner.clock)()
    }

    /// Milliseconds by which triggers end.
    fn machines_ms(&self) -> i64 {
        (self.inner.machines)()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the pages; nobody watching is not an error.
    fn tell(&self, only_for: Option<&str>, body: Value) {
        let _ = self.inner.changes.send(Change { only_for: only_for.map(str::to_owned), body });
    }
}
