//! The server under load: the real front over a real SQLite ledger, in a process of its own.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bbws::{
    adapters::{
        aws::AwsCloud,
        sandbox::aws::SimAws,
        slack::SlackChat,
        store::{Ledger, Options},
    },
    app::{
        authority::Authority,
        desk::{Desk, Inner, PATIENCE},
        inbound::{Envelope, Inbox, Refusal, Unavailable},
        planner::Planner,
    },
    boot::sandbox,
    config::Config,
    front::{
        ANSWER_WITHIN, Front,
        http::{Check, serve},
        router,
    },
    ports::{
        chat::{Chat, Level, Reply},
        clock::{Clock, SystemClock},
        store::Store,
    },
    telemetry,
};
use tokio::net::TcpListener;

use crate::{SECRET, chat::FakeChat};

/// Serves from this folder until it is killed, and says on standard output where.
pub(crate) fn run(folder: &str, without_ledger: bool) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        telemetry::log();
        let metrics = telemetry::metrics().unwrap();
        let store: Option<Arc<dyn Store>> = if without_ledger {
            None
        } else {
            let url = format!("sqlite://{}", Path::new(folder).join("bbws.db").display());
            Some(Arc::new(Ledger::open(&url, Arc::new(SystemClock), Options::default()).await.unwrap()))
        };
        let chat = SlackChat::new("http://127.0.0.1:9/api", "xoxb-bench".into()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let front = Front {
            signing_secret: SECRET.into(),
            teams: vec!["T0BBWS".to_owned()],
            apps: Vec::new(),
            command: "/bbws".to_owned(),
            clock: Arc::new(SystemClock),
            inbox: inbox(store.clone()),
            render: Arc::new(move |reply| chat.reply(reply)),
            push: None,
            answer_within: ANSWER_WITHIN,
            checks: store.map(readable).into_iter().collect(),
            metrics: Some(metrics),
        };
        serve(listener, router(front), std::future::pending()).await.unwrap();
    });
}

fn readable(store: Arc<dyn Store>) -> Check {
    Check::new("ledger", Duration::from_secs(10), move || {
        let store = store.clone();
        async move { store.stops().await.map(|_| ()).map_err(|e| e.to_string()) }
    })
}

/// What stands behind the front: the product's own desk, with Slack's answers and AWS in memory. Without a ledger, a stand-in
/// that says yes, to measure the front alone.
fn inbox(store: Option<Arc<dyn Store>>) -> Arc<dyn Inbox> {
    let Some(store) = store else { return Arc::new(Accepting) };
    let config = Config::example();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (config, home) = sandbox::at_home(config);
    let aws = Arc::new(SimAws::new(&config.environments, &config.topics, clock.clone(), 7));
    let cloud: Arc<AwsCloud> = Arc::new(sandbox::adapter(&aws, &config.topics, &home, aws.skipping(|_| {})));
    let environments = config.environments.into_iter().map(|(name, env)| (name, Arc::new(env))).collect();
    let authority = Authority::new(Arc::new(FakeChat::new()), clock.clone(), config.roles, config.slack.teams);
    let planner = Arc::new(Planner::new(environments, config.approvals, cloud, store.clone()));
    let ticket_pattern = regex_lite::Regex::new(&config.slack.ticket_pattern).expect("checked with the config");
    Arc::new(Desk::new(Inner {
        chat: Arc::new(FakeChat::new()),
        triggers: Default::default(),
        homes: Default::default(),
        store,
        authority: Arc::new(authority),
        planner,
        clock,
        wake: Arc::default(),
        limits: config.approval_limits,
        ticket_pattern,
        ops_channel: config.slack.ops_channel.clone(),
        addresses: Default::default(),
        patience: PATIENCE,
        busy: std::sync::Mutex::default(),
    }))
}

struct Accepting;

#[async_trait]
impl Inbox for Accepting {
    async fn take(&self, _: Envelope) -> Result<Option<Reply>, Unavailable> {
        Ok(Some(Reply { level: Level::Info, text: "Accepted.".to_owned(), attachment: Default::default() }))
    }

    async fn refuse(&self, refusal: Refusal) -> Result<(), Unavailable> {
        panic!("nothing of the load is refused, but this was: {}", refusal.why)
    }

    fn reachable(&self, _: &str, _: &str, _: secrecy::SecretString) {}
}
