//! The secret with which a database is signed in to. It lives in memory that is wiped, and is never logged.

use secrecy::{SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Deserializer};

use super::session::Session;
use crate::ports::cloud::CloudError;

/// How to sign in to a database.
#[derive(Debug, Clone)]
pub struct Login {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User.
    pub username: String,
    /// Its password; shown by nothing.
    pub password: SecretString,
    /// PostgreSQL database to sign in to, where the secret names one.
    pub database: Option<String>,
}

/// The secret's JSON, as RDS and people write it.
#[derive(Deserialize)]
struct Document {
    host: String,
    #[serde(deserialize_with = "port")]
    port: u16,
    username: String,
    #[serde(deserialize_with = "secret")]
    password: SecretString,
    #[serde(default, alias = "database")]
    dbname: Option<String>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

/// A port as a number or as text.
fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(u16),
        Text(String),
    }
    match Port::deserialize(deserializer)? {
        Port::Number(port) => Ok(port),
        Port::Text(text) => text.parse().map_err(|_| serde::de::Error::custom("not a port")),
    }
}

/// Where a secret's text leads to; none where it says no host and port.
pub fn place(text: &str) -> Option<(String, u16)> {
    #[derive(Deserialize)]
    struct Place {
        host: String,
        #[serde(deserialize_with = "port")]
        port: u16,
    }
    serde_json::from_str::<Place>(text).ok().map(|place| (place.host, place.port))
}

/// Reads the secret.
///
/// # Errors
/// See [`CloudError`]; `Permanent` when the secret does not say how to sign in. No error holds anything of its value.
pub async fn read(session: &Session, secret: &str) -> Result<Login, CloudError> {
    let attempt = session.reads("secretsmanager:GetSecretValue", format!("secret {secret}"));
    let answer = session.secrets().get_secret_value().secret_id(secret).send().await.map_err(|e| attempt.failed(e))?;
    let text = Zeroizing::new(answer.secret_string.unwrap_or_default());
    let Ok(document) = serde_json::from_str::<Document>(&text) else {
        let next = "Write its JSON with host, port, username and password.";
        return Err(attempt.never("it does not say how to sign in to the database", next));
    };
    Ok(Login {
        host: document.host,
        port: document.port,
        username: document.username,
        password: document.password,
        database: document.dbname.filter(|name| !name.is_empty()),
    })
}
