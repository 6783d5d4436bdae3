//! The real program on its stage: a Slack workspace and AWS over TCP, a config file, a ledger, and people who type and click.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_config::retry::RetryConfig;
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::{Router, body::Body, http::Request};
use bbws::{
    adapters::{
        aws::session::{Session, Sessions, loader},
        sandbox::workspace::{Message, SignedForm, Workspace},
    },
    config::Config,
};
use http_body_util::BodyExt as _;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

use crate::serve::amazon::Amazon;

pub const SECRET: &str = "a-signing-secret-of-the-tests";
pub const TOKEN: &str = "xoxb-of-the-tests";
pub const ASKED_IN: &str = "C0GENERAL";
/// The account that everything is in.
pub const ACCOUNT: &str = "093646564004";
pub const HOME: &str = "af-south-1";
pub const DR: &str = "eu-west-1";
/// Nothing here takes so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);
const GLANCE: Duration = Duration::from_millis(40);

/// Looks again and again until there is something to see.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        tokio::time::sleep(GLANCE).await;
    }
}

/// Serves a router on a free port; its address.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// An answer of the program.
#[derive(Debug)]
pub struct Heard {
    pub status: u16,
    pub kind: String,
    pub body: String,
    pub took: Duration,
}

impl Heard {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The sentence of an answer to a command, which is always JSON, ephemeral, 200 and quick.
    pub fn said(&self) -> String {
        assert_eq!((self.status, self.kind.as_str()), (200, "application/json"), "{self:?}");
        assert!(self.took < Duration::from_secs(1), "answered after {:?}", self.took);
        let answer = self.json();
        assert_eq!(answer["response_type"], "ephemeral");
        answer["text"].as_str().unwrap().to_owned()
    }
}

/// The first `bk-1042` in a text.
pub fn id_in(text: &str) -> Option<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let ids = text.split(|c| !word(c));
    ids.filter(|w| w.split_once('-').is_some_and(|(kind, n)| kind.len() == 2 && n.parse::<u32>().is_ok()))
        .map(str::to_owned)
        .next()
}

/// Everything around the program.
pub struct Stage {
    pub workspace: Workspace,
    pub amazon: Amazon,
    pub directory: tempfile::TempDir,
    pub config: PathBuf,
    pub slack_url: String,
    pub database: String,
    pub address: SocketAddr,
    pub token: String,
    sessions: Sessions,
    client: Client<HttpConnector, Body>,
    child: Option<Child>,
    others: Vec<Child>,
}

impl Stage {
    /// Everything but the program, on SQLite.
    pub async fn set() -> Stage {
        let directory = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}", directory.path().join("bbws.db").display());
        let workspace = Workspace::new(SECRET.to_owned(), TOKEN.to_owned(), Arc::new(now_ms), Arc::new(now_ms));
        // As it is installed from our manifest, and nothing more.
        workspace.grant(&bbws::manifest::SCOPES);
        let slack_url = serve(Router::new().nest("/api", workspace.slack_api())).await + "/api";
        let config = directory.path().join("bbws.toml");
        std::fs::write(&config, of_one_account()).unwrap();
        let declared = Config::load(&config).unwrap();
        let amazon = Amazon::start(&declared.environments, &declared.topics).await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let credentials = SharedCredentialsProvider::new(Credentials::new(ACCOUNT, "test", None, None, "test"));
        let base = loader()
            .endpoint_url(&amazon.address)
            .region(aws_config::Region::new(DR))
            .credentials_provider(credentials)
            .retry_config(RetryConfig::standard().with_max_attempts(5))
            .timeout_config(aws_config::timeout::TimeoutConfig::builder().operation_timeout(PATIENCE).build())
            .load()
            .await;
        Stage {
            config,
            sessions: Sessions::with(base),
            address: free_address(),
            token: TOKEN.to_owned(),
            child: None,
            others: Vec::new(),
            workspace,
            amazon,
            directory,
            slack_url,
            database,
            client,
        }
    }

    /// With the program running.
    pub async fn running() -> Stage {
        let mut stage = Stage::set().await;
        stage.start().await;
        stage
    }

    /// Clients for the test itself.
    pub async fn session(&self, region: &str) -> Arc<Session> {
        let config = Config::load(&self.config).unwrap();
        self.sessions.get(&config.environments["prod"], region, "U0SETUP").await
    }

    /// The program with these arguments.
    pub fn bbws(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bbws"));
        // As a person starts it: with neither their AWS nor what cargo adds.
        let theirs = ["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "SLACK_APP_TOKEN"];
        for name in theirs.into_iter().chain(["RUST_MIN_STACK"]) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .env("SLACK_SIGNING_SECRET", SECRET)
            .env("SLACK_BOT_TOKEN", &self.token)
            .env("SLACK_API_URL", &self.slack_url)
            .env("DATABASE_URL", &self.database)
            .env("BBWS_LISTEN", self.address.to_string())
            .env("BBWS_CONFIG", &self.config)
            .env("AWS_ENDPOINT_URL", &self.amazon.address)
            .env("AWS_ACCESS_KEY_ID", ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("RUST_LOG", "info");
        command
    }

    /// Runs the program to its end, while the servers of this stage go on.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.bbws(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Starts `bbws serve` and waits until it answers.
    pub async fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = self.bbws(&["serve"]);
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.child = Some(child);
        let health = format!("http://{}/healthz", self.address);
        until("bbws to serve", async || self.try_get(&health).await.filter(|h| h.status == 200)).await;
    }

    /// Starts another process on the same ledger; people reach that one from now on.
    pub async fn replica(&mut self) {
        self.others.extend(self.child.take());
        self.address = free_address();
        self.start().await;
    }

    /// SIGKILL to the processes that people no longer reach.
    pub fn kill_others(&mut self) {
        for mut other in self.others.drain(..) {
            other.kill().unwrap();
            other.wait().unwrap();
        }
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("bbws.log")
    }

    /// What the program logged.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; the exit code and how long it took.
    pub async fn terminate(&mut self) -> (Option<i32>, Duration) {
        let mut child = self.child.take().unwrap();
        let began = Instant::now();
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        let status = until("bbws to end", async || child.try_wait().unwrap()).await;
        (status.code(), began.elapsed())
    }

    async fn try_get(&self, url: &str) -> Option<Heard> {
        self.send(Request::get(url).body(Body::empty()).unwrap()).await.ok()
    }

    /// GET of one of its pages.
    pub async fn get(&self, path: &str) -> Heard {
        self.try_get(&format!("http://{}{path}", self.address)).await.expect("it answers")
    }

    /// Any request.
    pub async fn send(&self, request: Request<Body>) -> Result<Heard, String> {
        let began = Instant::now();
        let response = self.client.request(request).await.map_err(|e| e.to_string())?;
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let body = response.into_body().collect().await.map_err(|e| e.to_string())?.to_bytes();
        Ok(Heard { status, kind, body: String::from_utf8_lossy(&body).into_owned(), took: began.elapsed() })
    }

    /// A signed form as it is.
    pub async fn post(&self, form: &SignedForm) -> Heard {
        let request = form.request(&format!("http://{}", self.address)).unwrap();
        self.send(request).await.expect("it answers")
    }

    /// Types a command; the sentence it is answered with.
    pub async fn says(&self, user: &str, text: &str) -> String {
        let form = self.workspace.command_form(user, ASKED_IN, text).unwrap();
        self.post(&form).await.said()
    }

    /// Types a command that makes an operation; its id. A busy machine may get to it after the answer was due.
    pub async fn asks(&self, user: &str, text: &str) -> String {
        let before = self.workspace.ephemerals(user).len();
        let said = self.says(user, text).await;
        if let Some(id) = id_in(&said) {
            return id;
        }
        assert!(said.contains("the answer follows"), "{said}\n{}", self.logged());
        let later = async || self.workspace.ephemerals(user).get(before).map(|m| m.text.clone());
        let said = until("the answer that follows", later).await;
        id_in(&said).unwrap_or_else(|| panic!("{said}\n{}", self.logged()))
    }

    /// The cards of an operation in all channels.
    pub fn cards(&self, id: &str) -> Vec<Message> {
        let all = ["C0GENERAL", "C0OPS", "C0PROD"].iter().flat_map(|c| self.workspace.messages(c));
        all.filter(|m| {
            m.metadata.as_ref().is_some_and(|d| {
                d["event_type"] == "bbws_operation" && d["event_payload"]["operation"] == id && m.thread_ts.is_none()
            })
        })
        .collect()
    }

    /// The operations that have a card, by their cards' metadata.
    pub fn operations(&self) -> Vec<String> {
        let all = ["C0GENERAL", "C0OPS", "C0PROD"].iter().flat_map(|c| self.workspace.messages(c));
        let cards = all.filter_map(|m| m.metadata).filter(|d| d["event_type"] == "bbws_operation");
        cards.filter_map(|d| d["event_payload"]["operation"].as_str().map(str::to_owned)).collect()
    }

    /// The card once its metadata says `state`.
    pub async fn card(&self, id: &str, state: &str) -> Message {
        let look = async || self.cards(id).into_iter().find(|m| state_of(m) == state);
        until(&format!("{id} to be {state}"), look).await
    }

    /// Clicks the button with that visible label.
    pub async fn presses(&self, user: &str, label: &str, card: &Message) {
        let press = card.press(label).unwrap_or_else(|| panic!("no {label} on {:?}", card.button_labels()));
        let heard = self.post(&self.workspace.press_form(user, &press).unwrap()).await;
        assert_eq!(heard.status, 200, "{heard:?}");
        assert!(heard.took < Duration::from_secs(3), "Slack waits three seconds, it took {:?}", heard.took);
    }

    /// The next thing whispered to somebody after they had seen `before`.
    pub async fn whispered(&self, user: &str, before: usize) -> String {
        let look = async || self.workspace.ephemerals(user).get(before).map(|m| m.text.clone());
        until("a whisper", look).await
    }

    /// Manual snapshots of a region: name and tags.
    pub async fn snapshots(&self, region: &str) -> Vec<(String, Vec<(String, String)>)> {
        let session = self.session(region).await;
        let all = session.rds().describe_db_snapshots().snapshot_type("manual").send().await.unwrap();
        let tags = |s: &aws_sdk_rds::types::DbSnapshot| {
            let pair = |t: &aws_sdk_rds::types::Tag| {
                (t.key().unwrap_or_default().to_owned(), t.value().unwrap_or_default().to_owned())
            };
            s.tag_list().iter().map(pair).collect()
        };
        all.db_snapshots().iter().map(|s| (s.db_snapshot_identifier().unwrap().to_owned(), tags(s))).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in self.child.iter_mut().chain(&mut self.others) {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("what bbws logged:\n{}", self.logged());
        }
    }
}

/// The state in a card's metadata.
pub fn state_of(card: &Message) -> String {
    let metadata = card.metadata.as_ref().unwrap();
    metadata["event_payload"]["state"].as_str().unwrap_or_default().to_owned()
}

pub fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Today as names of snapshots have it; a test that runs past midnight sees yesterday's.
pub fn dated(name: &str) -> Option<(String, String, String)> {
    let (database, rest) = name.split_once("-manual-")?;
    let (date, id) = rest.split_once('-')?;
    let digits = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| (database.to_owned(), date.to_owned(), id.to_owned()))
}

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The example config with everything in one account, each environment by its role.
fn of_one_account() -> String {
    let mut text = include_str!("../../deploy/bbws.toml").to_owned();
    for account in ["536580886816", "815856636111"] {
        text = text.replace(account, ACCOUNT);
    }
    let role = format!("assume_role = \"arn:aws:iam::{ACCOUNT}:role/bbws-operator\"\n");
    let line = format!("account = \"{ACCOUNT}\"\n");
    text.replace(&role, "").replace(&line, &format!("{line}{role}"))
}
