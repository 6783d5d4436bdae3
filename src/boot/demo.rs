//! `bbws demo`: the whole product with nothing outside the process. AWS is simulated behind the wire, so that the same adapter
//! speaks to it; Slack is a local workspace in the browser, spoken to over HTTP as Slack is. One clock is everybody's.

use std::{
    io::Write as _,
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use aws_smithy_async::rt::sleep::default_async_sleep;
use secrecy::SecretString;
use tokio::{net::TcpListener, sync::watch};

use super::{Parts, Product, chain, ledger_ready, lives::Lives, on_signal, sandbox, serve::listen, stopped};
use crate::{
    adapters::{
        sandbox::{
            aws::{SimAws, attributed::Attributed, drawer::Drawer, port},
            clock::SharedClock,
            mortal::Mortal,
            workspace::{CommandHelp, Workspace},
        },
        slack::SlackChat,
        store::{Ledger, Options},
    },
    app::watch::EVERY,
    config::Config,
    domain::{
        language,
        moment::Moment,
        operations::{Operation as _, schedule::Schedule},
        run::Pacing,
    },
    front::http,
    ports::{
        clock::{Clock, SystemClock},
        store::{Commit, Filter, Incarnation, MarkWrite, Renewal, Store as _, StoreError},
    },
};

/// Between two looks at an environment at least so much of this machine's time goes by.
const LOOK: Duration = Duration::from_secs(12);
const DAY: Duration = Duration::from_secs(86_400);

/// What can be chosen.
#[derive(Debug, Clone)]
pub struct Choices {
    /// Where the page is.
    pub listen: SocketAddr,
    /// Where to keep everything; in memory where left out.
    pub data: Option<PathBuf>,
    /// How many times faster than real time its clock runs.
    pub speed: f64,
    /// Where its AWS answers any SDK.
    pub aws: Option<SocketAddr>,
}

/// Runs until it is asked to end.
///
/// # Errors
/// What stands in the way, in sentences.
pub async fn demo(choices: Choices) -> Result<(), String> {
    let mortal = Arc::new(Mortal::default());
    let stopping = until_reset(on_signal(), mortal.clone());
    let (mut config, home) = sandbox::at_home(Config::demo());
    // People are as slow as ever.
    config.approval_limits = config.approval_limits.stretched(choices.speed);
    let shared = Arc::new(SharedClock::new(Arc::new(SystemClock)));
    let clock: Arc<dyn Clock> = shared.clone();
    let listener = listen(choices.listen).await?;
    let address = listener.local_addr().map_err(|e| format!("The port has no address: {e}"))?;
    let base = format!("http://{address}");
    let aws_listener = listen_for_aws(choices.aws).await?;
    let aws_address = aws_listener.local_addr().map_err(|e| format!("The port of AWS has no address: {e}"))?;
    let url = database(choices.data.as_ref())?;
    if let Some(directory) = &choices.data {
        shared.keep_in(&directory.join("clock.json"))?;
    }
    shared.set_speed(choices.speed);
    let ledger = Arc::new(
        Ledger::open(&url, clock.clone(), Options { lease_clock: Some(Arc::new(SystemClock)), ..Options::default() })
            .await
            .map_err(|e| format!("The ledger could not be opened in --data: {}", chain(&e)))?,
    );
    ledger.break_leases().await.map_err(|e| format!("The ledger does not take writes: {}", chain(&e)))?;
    let (signing_secret, bot_token) = (random_secret("demo-signing-"), random_secret("xoxb-demo-"));
    let workspace_clock = clock.clone();
    let workspace = Workspace::new(
        signing_secret.clone(),
        bot_token.clone(),
        Arc::new(move || workspace_clock.now().0),
        Arc::new(|| SystemClock.now().0),
    );
    if let Some(directory) = &choices.data {
        let file = directory.join("workspace.jsonl");
        workspace.keep_in(&file).map_err(|e| {
            format!("The messages cannot be kept in {}: {e}. Choose another directory with --data.", file.display())
        })?;
    }
    let aws = Arc::new(SimAws::new(&config.environments, &config.topics, clock.clone(), rand::random()));
    if let Some(directory) = &choices.data {
        aws.keep_in(&directory.join("world.json"))?;
    }
    remember(&ledger, &aws, &config, clock.now()).await?;
    let sleep = default_async_sleep().ok_or("The AWS SDK has no way to sleep.")?;
    let cloud = Arc::new(Attributed(Arc::new(sandbox::adapter(&aws, &config.topics, &home, sleep))));
    let chat = Arc::new(
        SlackChat::new(&format!("{base}/sandbox/slack/api"), bot_token)?.linking(super::tickets(&config.slack)?),
    );
    let tidy_clock = clock.clone();
    let (speed, wired) = (choices.speed, (chat.clone(), ledger.clone()));
    let wire = move || {
        let (chat, ledger) = wired.clone();
        Product::wire(Parts {
            config: config.clone(),
            store: ledger.clone(),
            chat,
            cloud: cloud.clone(),
            alerts: cloud.clone(),
            clock: clock.clone(),
            signing_secret: signing_secret.clone(),
            pacing: Pacing { floor: Duration::from_secs(6), ceiling: Duration::from_secs(120) },
            // Often by the demo's clock, and never all the time by this machine's.
            watch_every: EVERY.max(LOOK.mul_f64(speed)),
            checks: vec![ledger_ready(ledger)],
            // Nothing outside the process is asked, so nobody's signature can be checked.
            fetch: None,
        })
    };
    let lives = Lives::default();
    let commands =
        language::reference().into_iter().map(|usage| CommandHelp { usage: usage.usage, about: usage.about }).collect();
    let router =
        lives.router().merge(workspace.page(&base, commands)).nest("/sandbox/slack/api", workspace.slack_api()).nest(
            "/sandbox/aws",
            Drawer { aws: aws.clone(), clock: shared, address: Some(aws_address.to_string()), bbws: mortal.clone() }
                .router(),
        );
    let pace = match choices.speed {
        1.0 => String::new(),
        times => format!(
            "Its clock is {times} times as fast as yours, and people are given as much longer to approve; the drawer Simulated AWS changes that.\n"
        ),
    };
    // Whoever read only the first line of it has not ended the demo by that.
    let _ = writeln!(
        std::io::stdout(),
        "bbws demo is at {base}\nOpen it, and type as Alice:  /bbws backup create prod full\n\
         {pace}Its AWS answers at {aws_address}, an access key of 12 digits is the account:  aws --endpoint-url=http://{aws_address} rds describe-db-instances\n\
         Ctrl-C ends it."
    );
    let pages = workspace.clone();
    let ending = stopping.clone();
    let end = async move {
        stopped(ending).await;
        pages.close_pages();
    };
    let tidy = super::keep_tidy(ledger.clone(), tidy_clock, stopping.clone());
    let learning = tokio::spawn(async move { chat.learn().await });
    let answering = port::serve(aws, aws_listener, stopped(stopping.clone()));
    let living = lives.run(wire, &ledger, &mortal, stopping);
    let (served, lived, (), ()) = tokio::join!(http::serve(listener, router, end), living, tidy, answering);
    learning.abort();
    ledger.close().await;
    lived.and(served.map_err(|e| format!("The web server ended: {e}")))?;
    // Where it is to begin again this process becomes that one, at the addresses that people have open.
    if mortal.begins_again() { Err(begin_again(&choices, address, aws_address)) } else { Ok(()) }
}

/// Turns true when the process is asked to end, or the demo to begin again.
fn until_reset(signal: watch::Receiver<bool>, mortal: Arc<Mortal>) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            () = stopped(signal) => {}
            () = mortal.until_reset() => {}
        }
        let _ = sender.send(true);
        sender.closed().await;
    });
    receiver
}

/// What the demo keeps in its directory.
const KEPT: [&str; 6] = ["bbws.db", "bbws.db-wal", "bbws.db-shm", "workspace.jsonl", "world.json", "clock.json"];

/// Forgets everything and starts the demo as it was started. Answers only where that fails, and why.
fn begin_again(choices: &Choices, page: SocketAddr, aws: SocketAddr) -> String {
    if let Some(why) = choices.data.as_deref().and_then(forget) {
        return why;
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(e) => return format!("The demo cannot begin again by itself: {e}. Start it again with bbws demo."),
    };
    let mut again = Command::new(program);
    again.args(["demo", "--listen", &page.to_string(), "--aws", &aws.to_string()]);
    again.args(["--speed", &choices.speed.to_string()]);
    if let Some(directory) = &choices.data {
        again.arg("--data").arg(directory);
    }
    format!("The demo cannot begin again by itself: {}. Start it again with bbws demo.", again.exec())
}

/// Deletes what was kept; why not, where it cannot be.
fn forget(directory: &Path) -> Option<String> {
    KEPT.iter().map(|name| directory.join(name)).find_map(|file| match std::fs::remove_file(&file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Some(format!("{} cannot be deleted: {e}. Delete it, and start bbws demo again.", file.display()))
        }
        _ => None,
    })
}

/// A ledger that begins with this platform knows of the restores that were tested before, of what was approved to start by itself,
/// and of the ids that were given.
async fn remember(ledger: &Ledger, aws: &SimAws, config: &Config, now: Moment) -> Result<(), String> {
    let failed = |e: StoreError| format!("The ledger does not answer: {}", chain(&e));
    let tested = aws.keep_backing_up();
    let Some(first) = tested.first() else { return Ok(()) };
    let known = ledger.marks(&first.environment, None).await.map_err(failed)?;
    let begun = ledger.list(&Filter { limit: 1, ..Filter::default() }).await.map_err(failed)?;
    if !known.is_empty() || !begun.is_empty() {
        return Ok(());
    }
    let marks = tested.into_iter().map(MarkWrite::Set).collect();
    let renewal = Renewal {
        name: Incarnation::of(rand::random()),
        why: "the demo begins in the middle of a platform's life".to_owned(),
        given: aws.given(),
    };
    let begun = Commit { renewal: Some(renewal), marks, ..Commit::default() };
    ledger.commit(begun).await.map_err(failed)?;
    for environment in config.environments.values() {
        let id = ledger.next_id(Schedule.prefix()).await.map_err(failed)?;
        if let Some(approved) = sandbox::approved_schedule(config, environment, id, now - DAY) {
            ledger.commit(approved).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// Where its AWS answers: where it was told to or, if that is nowhere, where people expect it unless somebody is there.
async fn listen_for_aws(wanted: Option<SocketAddr>) -> Result<TcpListener, String> {
    let refused = |address: &SocketAddr, e: std::io::Error| {
        format!("AWS cannot answer on {address}: {e}. Choose another address with --aws, or end what uses it.")
    };
    if let Some(address) = wanted {
        return TcpListener::bind(address).await.map_err(|e| refused(&address, e));
    }
    let (usual, any) = (SocketAddr::from(([127, 0, 0, 1], 4566)), SocketAddr::from(([127, 0, 0, 1], 0)));
    match TcpListener::bind(usual).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(any).await.map_err(|e| refused(&any, e)),
    }
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
