//! The front: requests from Slack and SNS are verified, parsed and handed on; nothing is decided here.
//!
//! `payload` says what bytes mean and is pure; `http` and `sns` are the doors by which bytes arrive.

pub mod http;
pub mod payload;
pub mod sns;

use std::{sync::Arc, time::Duration};

use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;

use self::{
    http::{Check, Gate, Render},
    payload::Rules,
};
use crate::{
    app::{inbound::Inbox, push::Push},
    ports::clock::Clock,
};

/// How long a person waits for an answer at most, a little more than the inbox takes by its own count, unless [`Front::answer_within`] says otherwise.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(950);

/// All the front needs.
pub struct Front {
    /// Slack's signing secret.
    pub signing_secret: SecretString,
    /// Workspaces whose members may act.
    pub teams: Vec<String>,
    /// Ids of the Slack apps that may call; any when empty.
    pub apps: Vec<String>,
    /// Name of the slash command, with its slash.
    pub command: String,
    /// The present time.
    pub clock: Arc<dyn Clock>,
    /// Who takes requests in.
    pub inbox: Arc<dyn Inbox>,
    /// Draws replies.
    pub render: Render,
    /// Who takes what SNS pushes; nobody is believed where left out.
    pub push: Option<Arc<Push>>,
    /// How long the inbox may take before the person is told that it goes on; usually [`ANSWER_WITHIN`].
    pub answer_within: Duration,
    /// What has to hold for `/readyz`.
    pub checks: Vec<Check>,
    /// Where `/metrics` comes from; 404 without.
    pub metrics: Option<PrometheusHandle>,
}

/// The routes of the product. Metrics have to be installed before, or nothing is counted.
pub fn router(front: Front) -> Router {
    let health = http::health(front.checks, front.metrics);
    let rules = Rules { teams: front.teams, apps: front.apps, command: front.command };
    let gate =
        Arc::new(Gate::new(&front.signing_secret, rules, front.clock, front.inbox, front.render, front.answer_within));
    Router::new().merge(http::routes(gate.clone())).merge(sns::routes(gate, front.push)).merge(health)
}
