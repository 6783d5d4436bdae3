//! Chooses adapters, wires them to the use cases, and runs the loops: the only place that knows everything.

/// Prints a line. Whoever read so far may have read enough (`bbws check | head`), which changes nothing of what is found.
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}

pub mod audit;
mod beat;
pub mod check;
pub mod demo;
pub mod ledger;
mod lives;
mod loops;
pub mod sandbox;
pub mod serve;
mod systemd;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio::sync::watch;

use self::beat::Beats;
use crate::{
    adapters::{slack::Tickets, store::Ledger},
    app::{
        addresses::Addresses,
        announce::Announcer,
        authority::Authority,
        desk::{Desk, Inner, PATIENCE},
        executors::Executors,
        keeper::Keeper,
        planner::Planner,
        push::Push,
        timer::Timer,
        wake::Wake,
        watch::Watcher,
    },
    config::{Config, SlackConfig},
    domain::{environment::Environment, push, run::Pacing, ticket::TicketLinks},
    engine::Engine,
    front::{self, Front, http::Check},
    ports::{alert::Alerts, chat::Chat, clock::Clock, cloud::Cloud, fetch::Fetch, store::Store},
};

/// Runs advanced at the same time by one loop.
const PARALLEL: usize = 16;

/// The adapters one way of running chose.
pub struct Parts {
    /// Config.
    pub config: Config,
    /// Ledger.
    pub store: Arc<dyn Store>,
    /// Slack.
    pub chat: Arc<dyn Chat>,
    /// AWS.
    pub cloud: Arc<dyn Cloud>,
    /// SNS.
    pub alerts: Arc<dyn Alerts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What Slack signs with.
    pub signing_secret: SecretString,
    /// How often AWS is asked.
    pub pacing: Pacing,
    /// How often the watcher looks at an environment.
    pub watch_every: Duration,
    /// What has to hold for `/readyz`.
    pub checks: Vec<Check>,
    /// Reads SNS's certificates; what SNS pushes is not believed where left out.
    pub fetch: Option<Arc<dyn Fetch>>,
}

/// The product, wired and not yet running.
pub struct Product {
    /// Its endpoints.
    pub router: axum::Router,
    desk: Desk,
    engine: Arc<Engine>,
    announcer: Arc<Announcer>,
    watcher: Watcher,
    keeper: Keeper,
    timer: Timer,
    beats: Arc<Beats>,
    wake: Arc<Wake>,
}

impl Product {
    /// Wires the parts. Needs a Tokio runtime.
    ///
    /// # Errors
    /// When the metrics recorder cannot be installed.
    pub fn wire(parts: Parts) -> Result<Product, String> {
        let metrics = crate::telemetry::metrics().map_err(|e| format!("metrics could not be set up: {e}"))?;
        let config = parts.config;
        let environments: BTreeMap<String, Arc<Environment>> =
            config.environments.into_iter().map(|(name, env)| (name, Arc::new(env))).collect();
        let wake = Arc::new(Wake::default());
        let authority =
            Arc::new(Authority::new(parts.chat.clone(), parts.clock.clone(), config.roles, config.slack.teams.clone()));
        let planner =
            Arc::new(Planner::new(environments.clone(), config.approvals, parts.cloud.clone(), parts.store.clone()));
        let ticket_pattern = regex_lite::Regex::new(&config.slack.ticket_pattern)
            .map_err(|e| format!("slack.ticket_pattern is not a regular expression: {e}"))?;
        let addresses = Arc::new(Addresses::default());
        let desk = Desk::new(Inner {
            chat: parts.chat.clone(),
            triggers: Default::default(),
            homes: Default::default(),
            store: parts.store.clone(),
            authority: authority.clone(),
            planner: planner.clone(),
            clock: parts.clock.clone(),
            wake: wake.clone(),
            limits: config.approval_limits,
            ticket_pattern,
            ops_channel: config.slack.ops_channel.clone(),
            addresses: addresses.clone(),
            patience: PATIENCE,
            busy: std::sync::Mutex::default(),
        });
        let push = parts.fetch.zip(config.topics.push).map(|(fetch, topic)| {
            Arc::new(Push {
                sources: push::sources(&topic, environments.values().map(Arc::as_ref)),
                store: parts.store.clone(),
                fetch,
                clock: parts.clock.clone(),
                wake: wake.clone(),
                hastened: std::sync::Mutex::default(),
            })
        });
        // Ids are given once the keeper has compared.
        wake.compared.close();
        let keeper = Keeper::new(
            parts.store.clone(),
            parts.cloud.clone(),
            parts.clock.clone(),
            wake.clone(),
            environments.clone(),
        );
        let beats = Arc::new(Beats::default());
        let mut checks = parts.checks;
        checks.push(beats.check());
        let watcher = Watcher::new(
            parts.store.clone(),
            parts.cloud.clone(),
            parts.clock.clone(),
            environments.clone(),
            wake.clone(),
            parts.watch_every,
        );
        let engine = Arc::new(Engine {
            store: parts.store.clone(),
            executors: Executors::new(
                parts.cloud,
                parts.chat.clone(),
                parts.store.clone(),
                parts.clock.clone(),
                environments.clone(),
            ),
            planner,
            authority: authority.clone(),
            clock: parts.clock.clone(),
            owner: format!("{}-{:08x}", std::process::id(), rand::random::<u32>()),
            pacing: parts.pacing,
            limits: config.approval_limits,
            parallel: PARALLEL,
        });
        let announcer = Arc::new(Announcer {
            store: parts.store,
            chat: parts.chat.clone(),
            alerts: parts.alerts,
            clock: parts.clock.clone(),
            environments,
            ops_channel: config.slack.ops_channel,
            authority,
            addresses,
            unseen: std::sync::Mutex::default(),
        });
        let render = parts.chat;
        let router = front::router(Front {
            signing_secret: parts.signing_secret,
            teams: config.slack.teams,
            apps: config.slack.apps,
            command: config.slack.command,
            clock: parts.clock,
            inbox: Arc::new(desk.clone()),
            render: Arc::new(move |reply| render.reply(reply)),
            push,
            answer_within: front::ANSWER_WITHIN,
            checks,
            metrics: Some(metrics),
        });
        let timer = Timer::new(desk.clone());
        Ok(Product { router, desk, engine, announcer, watcher, keeper, timer, beats, wake })
    }

    /// Runs the loops until `stopping`; returns when each has finished what it was writing. Meanwhile systemd's watchdog, where
    /// there is one, is told whether they turn.
    pub async fn run(&self, stopping: watch::Receiver<bool>) {
        tokio::join!(loops::run(self, stopping.clone()), systemd::keep_alive(self.beats.clone(), stopping));
    }
}

/// Turns true when the process is asked to end: Ctrl-C or SIGTERM.
pub fn on_signal() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let terminate = async {
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(mut signal) => signal.recv().await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate => {}
        }
        tracing::info!("stopping: no new work is begun, what is being written is finished");
        let _ = sender.send(true);
        // Keep the channel open for those who still listen.
        sender.closed().await;
    });
    receiver
}

/// Deletes, once an hour, requests and notices that were dealt with more than a day ago.
pub async fn keep_tidy(ledger: Arc<Ledger>, clock: Arc<dyn Clock>, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        match ledger.prune(clock.now() - Duration::from_secs(86_400)).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "old rows of the ledger are deleted"),
            Err(error) => tracing::warn!(error = chain(&error), "old rows of the ledger could not be deleted"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(3600)) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }
}

/// Resolves when the receiver turned true.
pub async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// A check for `/readyz` that asks at most every ten seconds.
pub fn readiness<F, Fut>(name: &str, probe: F) -> Check
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: std::future::Future<Output = Result<(), String>> + Send + 'static,
{
    Check::new(name, Duration::from_secs(10), probe)
}

/// The ledger's part of `/readyz`.
pub fn ledger_ready(store: Arc<dyn Store>) -> Check {
    Check::new("ledger", Duration::from_secs(2), move || {
        let store = store.clone();
        async move { store.ready().await.map_err(|e| crate::boot::chain(&e)) }
    })
}

/// How tickets become links, where the config says at which address they are read.
///
/// # Errors
/// A sentence, where their pattern is no regular expression.
pub fn tickets(slack: &SlackConfig) -> Result<Option<Tickets>, String> {
    let links = slack.ticket_url.as_deref().map(TicketLinks::parse).transpose()?;
    links.map(|links| Tickets::new(links, &slack.ticket_pattern)).transpose()
}

/// An error with its causes, in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text.push_str(": ");
            text.push_str(&next_text);
        }
        cause = next.source();
    }
    text
}
