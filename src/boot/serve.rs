//! `bbws serve`: the product against real Slack and real AWS.

use std::{path::PathBuf, sync::Arc};

use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;

use super::{Parts, Product, chain, ledger_ready, on_signal, readiness, stopped};
use crate::{
    adapters::{
        aws::{AwsCloud, web::Web},
        slack::SlackChat,
        store::{Ledger, Options},
    },
    app::watch,
    config::Config,
    domain::run::Pacing,
    front::http,
    ports::{
        clock::{Clock, SystemClock},
        store::Store,
    },
    settings::Settings,
};

/// Runs until it is asked to end.
///
/// # Errors
/// What stands in the way, in sentences for the operator.
pub async fn serve(config: Option<PathBuf>) -> Result<(), String> {
    let settings = Settings::from_env().map_err(|problems| problems.join("\n"))?;
    let config = Config::load(&config.unwrap_or_else(|| settings.config.clone()))?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let stopping = on_signal();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let url = settings.database_url.expose_secret();
    let ledger = Arc::new(
        Ledger::open(url, clock.clone(), Options::default())
            .await
            .map_err(|e| format!("The ledger could not be opened (DATABASE_URL): {}", chain(&e)))?,
    );
    if !settings.shared_database() {
        ledger.break_leases().await.map_err(|e| format!("The ledger does not take writes: {}", chain(&e)))?;
    }
    let chat = Arc::new(
        SlackChat::new(&settings.slack_api_url, settings.bot_token.clone())?.linking(super::tickets(&config.slack)?),
    );
    let aws = Arc::new(AwsCloud::new(config.topics.clone()));
    let listener = listen(settings.listen).await?;
    let token = chat.clone();
    let slack_ready = readiness("slack", move || {
        let token = token.clone();
        async move { token.ready().await.map_err(|e| e.to_string()) }
    });
    let tidy_clock = clock.clone();
    let product = Product::wire(Parts {
        config,
        store: ledger.clone(),
        chat: chat.clone(),
        cloud: aws.clone(),
        alerts: aws,
        clock,
        signing_secret: settings.signing_secret,
        pacing: Pacing::default(),
        watch_every: watch::EVERY,
        checks: vec![ledger_ready(ledger.clone()), slack_ready],
        fetch: Some(Arc::new(Web::default())),
    })?;
    let learning = tokio::spawn(async move { chat.learn().await });
    tracing::info!(listen = %settings.listen, "bbws serves");
    super::systemd::tell("READY=1\nSTATUS=serves");
    let web = http::serve(listener, product.router.clone(), stopped(stopping.clone()));
    let tidy = super::keep_tidy(ledger.clone(), tidy_clock, stopping.clone());
    let (served, (), ()) = tokio::join!(web, product.run(stopping), tidy);
    learning.abort();
    ledger.close().await;
    served.map_err(|e| format!("The web server ended: {e}"))
}

/// Opens the port.
///
/// # Errors
/// A sentence with the address and what to do.
pub async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|e| {
        format!("Cannot listen on {address}: {e}. Choose another address with BBWS_LISTEN (serve) or --listen (demo), or end what uses it.")
    })
}
