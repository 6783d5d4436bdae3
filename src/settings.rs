//! What the process reads from environment variables: secrets, addresses, file names.

use std::{net::SocketAddr, path::PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::DEFAULT_FILE;

/// Where Slack's Web API is.
pub const SLACK_API_URL: &str = "https://slack.com/api";

/// Where the ledger is when nobody says otherwise.
pub const DATABASE_URL: &str = "sqlite://bbws.db";

/// What `serve` and `check` need from the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `SLACK_SIGNING_SECRET`: what Slack signs requests with.
    pub signing_secret: SecretString,
    /// `SLACK_BOT_TOKEN`: what the Web API is called with.
    pub bot_token: SecretString,
    /// `SLACK_API_URL` without a final slash.
    pub slack_api_url: String,
    /// `DATABASE_URL`; secret, because it may carry a password.
    pub database_url: SecretString,
    /// `BBWS_CONFIG`.
    pub config: PathBuf,
    /// `BBWS_LISTEN`.
    pub listen: SocketAddr,
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// A sentence for each variable that is missing or wrong. Values of secrets are not in it.
    pub fn from_env() -> Result<Settings, Vec<String>> {
        Settings::read(|name| std::env::var(name).ok())
    }

    /// Reads variables through `get`. A variable that is set to nothing counts as left out.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Settings, Vec<String>> {
        let get = |name: &str| get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let mut wrong = Vec::new();
        let mut keep = |result: Result<String, String>| result.map_err(|e| wrong.push(e)).unwrap_or_default();
        let signing_secret = keep(get("SLACK_SIGNING_SECRET").ok_or_else(|| {
            "SLACK_SIGNING_SECRET is not set; copy it from the Slack app's page, Basic Information, App Credentials"
                .to_owned()
        }));
        let bot_token = keep(bot_token(get("SLACK_BOT_TOKEN")));
        let slack_api_url = keep(api_url(get("SLACK_API_URL")));
        let database_url = keep(database_url(get("DATABASE_URL")));
        let listen = listen(get("BBWS_LISTEN")).map_err(|e| wrong.push(e));
        match listen {
            Ok(listen) if wrong.is_empty() => Ok(Settings {
                signing_secret: signing_secret.into(),
                bot_token: bot_token.into(),
                slack_api_url,
                database_url: database_url.into(),
                config: config_file(get("BBWS_CONFIG")),
                listen,
            }),
            _ => Err(wrong),
        }
    }

    /// Whether the ledger is a server's, which several replicas share.
    pub fn shared_database(&self) -> bool {
        self.database_url.expose_secret().starts_with("postgres")
    }
}

/// The ledger's address from `DATABASE_URL`, for commands that need nothing else.
///
/// # Errors
/// A sentence that names the forms which are accepted; the address itself is not in it.
pub fn database_url(set: Option<String>) -> Result<String, String> {
    let url = set.unwrap_or_else(|| DATABASE_URL.to_owned());
    let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    if known {
        Ok(url)
    } else {
        Err("DATABASE_URL is not an address of SQLite or PostgreSQL; use sqlite://bbws.db or postgres://…".to_owned())
    }
}

fn bot_token(set: Option<String>) -> Result<String, String> {
    let token = set.ok_or_else(|| {
        "SLACK_BOT_TOKEN is not set; copy the bot token (xoxb-…) from the Slack app's page, OAuth & Permissions"
            .to_owned()
    })?;
    match ["xapp-", "xoxp-"].iter().find(|kind| token.starts_with(**kind)) {
        Some(kind) => Err(format!("SLACK_BOT_TOKEN holds another kind of token ({kind}…); set the bot token (xoxb-…)")),
        None => Ok(token),
    }
}

fn api_url(set: Option<String>) -> Result<String, String> {
    let url = set.unwrap_or_else(|| SLACK_API_URL.to_owned());
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(format!("SLACK_API_URL is `{url}`, which is not a web address; leave it out for {SLACK_API_URL}"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn config_file(set: Option<String>) -> PathBuf {
    set.unwrap_or_else(|| DEFAULT_FILE.to_owned()).into()
}

fn listen(set: Option<String>) -> Result<SocketAddr, String> {
    let Some(text) = set else { return Ok(SocketAddr::from(([0, 0, 0, 0], 8080))) };
    text.parse()
        .map_err(|_| format!("BBWS_LISTEN is `{text}`, which is not an address and port; use one such as 0.0.0.0:8080"))
}
