//! The real router and ledger with SNS in front of them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode},
};
use bbws::{
    app::{push::Push, wake::Wake},
    domain::push::sources,
    front::{Front, router},
};
use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use crate::{
    push::sns::{TOPIC, Web},
    support::rig::Rig,
};

pub struct Stage {
    pub rig: Rig,
    pub web: Arc<Web>,
    pub wake: Arc<Wake>,
    pub router: Router,
}

impl Stage {
    pub async fn new() -> Stage {
        Stage::on(Rig::sqlite().await)
    }

    /// In front of this rig.
    pub fn on(rig: Rig) -> Stage {
        let (web, wake) = (Web::new(), Arc::new(Wake::default()));
        let push = Push {
            sources: sources(rig.config.topics.push.as_deref().unwrap(), rig.config.environments.values()),
            store: rig.process.store.clone(),
            fetch: web.clone(),
            clock: rig.clock.clone(),
            wake: wake.clone(),
            hastened: Default::default(),
        };
        let router = front(&rig, Some(Arc::new(push)));
        Stage { rig, web, wake, router }
    }

    /// Sends an envelope as SNS does; the status. No answer has a body.
    pub async fn send(&self, envelope: &Map<String, Value>) -> StatusCode {
        let kind = envelope["Type"].as_str().unwrap_or_default().to_owned();
        let topic = envelope["TopicArn"].as_str().unwrap_or_default().to_owned();
        self.raw(request(&kind, &topic, Value::Object(envelope.clone()).to_string())).await
    }

    pub async fn raw(&self, request: Request<Body>) -> StatusCode {
        bare(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Whether the environment's watcher was nudged since this was asked last.
    pub fn nudged(&self, environment: &str) -> bool {
        self.wake.watcher(environment).notified().now_or_never().is_some()
    }
}

/// A front with this behind it.
pub fn front(rig: &Rig, push: Option<Arc<Push>>) -> Router {
    router(Front {
        signing_secret: "a-secret".into(),
        teams: Vec::new(),
        apps: Vec::new(),
        command: "/bbws".to_owned(),
        clock: rig.clock.clone(),
        inbox: Arc::new(rig.process.desk.clone()),
        render: Arc::new(|reply| json!({ "text": reply.text })),
        push,
        answer_within: Duration::from_millis(50),
        checks: Vec::new(),
        metrics: None,
    })
}

pub async fn bare(response: Response<Body>) -> StatusCode {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.is_empty(), "{status} tells nothing: {body:?}");
    status
}

/// A request with the headers that SNS sends.
pub fn request(kind: &str, topic: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/aws/sns")
        .header("x-amz-sns-message-type", kind)
        .header("x-amz-sns-message-id", "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324")
        .header("x-amz-sns-topic-arn", topic)
        .header("x-amz-sns-subscription-arn", format!("{TOPIC}:c9135db0-26c4-47ec-8998-413945fb5a96"))
        .header("content-type", "text/plain; charset=UTF-8")
        .header("user-agent", "Amazon Simple Notification Service Agent")
        .body(body.into())
        .unwrap()
}
