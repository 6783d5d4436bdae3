//! The server under load: the real front over a real SQLite ledger, in a process of its own.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bbws::{
    adapters::{
        slack::SlackChat,
        store::{Ledger, Options},
    },
    app::inbound::{Envelope, Inbox, Refusal, Unavailable},
    http::{ANSWER_WITHIN, Check, Front, router, serve},
    ports::{
        chat::{Chat, Level, Reply},
        clock::SystemClock,
        store::{Accepted, AuditEntry, Store},
    },
    telemetry,
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::SECRET;

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

/// WIRING: what stands behind the front. To measure the whole product put its own inbox here.
fn inbox(store: Option<Arc<dyn Store>>) -> Arc<dyn Inbox> {
    Arc::new(Accepting { store })
}

/// Accepts durably, with an audit entry, and answers a sentence.
struct Accepting {
    store: Option<Arc<dyn Store>>,
}

#[async_trait]
impl Inbox for Accepting {
    async fn take(&self, envelope: Envelope) -> Result<Option<Reply>, Unavailable> {
        let reply = Reply { level: Level::Info, text: "Accepted.".to_owned(), table: None };
        let Some(store) = &self.store else { return Ok(Some(reply)) };
        let request = envelope.request();
        let entry = AuditEntry {
            at: request.at,
            actor: request.user.clone(),
            action: "request".to_owned(),
            operation: None,
            detail: json!({ "kind": request.kind, "channel": request.channel, "asked": request.body }),
        };
        let accepted = store.accept(request, Some(reply.text.clone()), vec![entry]).await?;
        Ok((accepted == Accepted::New).then_some(reply))
    }

    async fn refuse(&self, refusal: Refusal) -> Result<(), Unavailable> {
        panic!("nothing of the load is refused, but this was: {}", refusal.why)
    }
}
