//! `bbws demo`: the whole product with nothing outside the process. Two adapters differ from `serve`: AWS is simulated,
//! and Slack is a local workspace in the browser, spoken to over HTTP as Slack is.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use secrecy::SecretString;

use super::{Parts, Product, chain, ledger_ready, on_signal, serve::listen, stopped};
use crate::{
    adapters::{
        sandbox::{
            cloud::SimCloud,
            workspace::{CommandHelp, Workspace},
        },
        slack::SlackChat,
        store::{Ledger, Options},
    },
    config::Config,
    domain::{language, run::Pacing},
    front::http,
    ports::{
        clock::{Clock, SystemClock},
        store::Store as _,
    },
};

/// What can be chosen.
#[derive(Debug, Clone)]
pub struct Choices {
    /// Where the page is.
    pub listen: SocketAddr,
    /// Where to keep everything; in memory where left out.
    pub data: Option<PathBuf>,
    /// How many times faster than real time the simulated AWS works.
    pub speed: f64,
}

/// Runs until it is asked to end.
///
/// # Errors
/// What stands in the way, in sentences.
pub async fn demo(choices: Choices) -> Result<(), String> {
    let stopping = on_signal();
    let config = Config::demo();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let listener = listen(choices.listen).await?;
    let address = listener.local_addr().map_err(|e| format!("The port has no address: {e}"))?;
    let base = format!("http://{address}");
    let url = database(choices.data.as_ref())?;
    let ledger = Arc::new(
        Ledger::open(&url, clock.clone(), Options::default())
            .await
            .map_err(|e| format!("The ledger could not be opened in --data: {}", chain(&e)))?,
    );
    ledger.break_leases().await.map_err(|e| format!("The ledger does not take writes: {}", chain(&e)))?;
    let (signing_secret, bot_token) = (random_secret("demo-signing-"), random_secret("xoxb-demo-"));
    let workspace_clock = clock.clone();
    let workspace =
        Workspace::new(signing_secret.clone(), bot_token.clone(), Arc::new(move || workspace_clock.now().0));
    if let Some(directory) = &choices.data {
        let file = directory.join("workspace.jsonl");
        workspace.keep_in(&file).map_err(|e| {
            format!("The messages cannot be kept in {}: {e}. Choose another directory with --data.", file.display())
        })?;
    }
    let cloud = Arc::new(SimCloud::new(&config.environments, clock.clone(), rand::random()));
    if let Some(directory) = &choices.data {
        cloud.keep_in(&directory.join("aws.json"))?;
    }
    cloud.set_speed(choices.speed);
    let chat = Arc::new(SlackChat::new(&format!("{base}/sandbox/slack/api"), bot_token)?);
    let tidy_clock = clock.clone();
    let product = Product::wire(Parts {
        config,
        store: ledger.clone(),
        chat: chat.clone(),
        cloud: cloud.clone(),
        alerts: cloud.clone(),
        clock,
        signing_secret,
        pacing: Pacing { floor: Duration::from_millis(400), ceiling: Duration::from_secs(2) },
        watch_every: Duration::from_secs(60),
        checks: vec![ledger_ready(ledger.clone())],
        // Nothing outside the process is asked, so nobody's signature can be checked.
        fetch: None,
    })?;
    let commands =
        language::reference().into_iter().map(|usage| CommandHelp { usage: usage.usage, about: usage.about }).collect();
    let router = product
        .router
        .clone()
        .merge(workspace.page(&base, commands))
        .nest("/sandbox/slack/api", workspace.slack_api())
        .nest("/sandbox/aws", crate::adapters::sandbox::cloud::http::router(cloud));
    println!("bbws demo is at {base}\nOpen it, and type as Alice:  /bbws backup create prod full\nCtrl-C ends it.");
    let pages = workspace.clone();
    let ending = stopping.clone();
    let end = async move {
        stopped(ending).await;
        pages.close_pages();
    };
    let tidy = super::keep_tidy(ledger.clone(), tidy_clock, stopping.clone());
    let learning = tokio::spawn(async move { chat.learn().await });
    let (served, (), ()) = tokio::join!(http::serve(listener, router, end), product.run(stopping), tidy);
    learning.abort();
    ledger.close().await;
    served.map_err(|e| format!("The web server ended: {e}"))
}

fn database(data: Option<&PathBuf>) -> Result<String, String> {
    let Some(directory) = data else { return Ok("sqlite::memory:".to_owned()) };
    std::fs::create_dir_all(directory).map_err(|e| {
        format!("The directory {} cannot be made: {e}. Choose another with --data.", directory.display())
    })?;
    Ok(format!("sqlite://{}", directory.join("bbws.db").display()))
}

fn random_secret(prefix: &str) -> SecretString {
    SecretString::from(format!("{prefix}{:032x}", rand::random::<u128>()))
}
