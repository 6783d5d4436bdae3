//! The Web API over slack-morphism's HTTP client: one call, its time limit, and what its failure means.
//!
//! Answers are read with tolerant structs of our own: a field that Slack adds, drops or renames must not lose a message.

#![allow(clippy::result_large_err, reason = "a failure carries Slack's whole answer and is rare")]

use std::time::Duration;

use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use slack_morphism::{errors::SlackClientError, prelude::*};

use super::way::{self, Way};
use crate::ports::chat::ChatError;

/// Wait when Slack asks to wait and does not say how long.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

/// Codes with which Slack says that it does not know either whether it was carried out.
const DOUBTFUL: [&str; 5] =
    ["fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"];

/// How long Slack has to answer.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Any call.
    pub call: Duration,
    /// Questions that somebody's click waits for.
    pub question: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { call: Duration::from_secs(5), question: Duration::from_millis(2_500) }
    }
}

/// A call that did not succeed, with Slack's own words where there are some.
#[derive(Debug)]
pub struct Failure {
    /// What it means.
    pub error: ChatError,
    /// Body of a refusal; null otherwise.
    pub body: Value,
}

impl From<Failure> for ChatError {
    fn from(failure: Failure) -> ChatError {
        failure.error
    }
}

enum Transport {
    Tls(SlackClient<SlackClientHyperConnector<HttpsConnector<Way>>>),
    /// Loopback: the local workspace and tests.
    Plain(SlackClient<SlackClientHyperConnector<HttpConnector>>),
}

/// Speaks to the Web API at one address with one token.
pub struct Client {
    transport: Transport,
    token: SecretString,
    patience: Patience,
}

enum Call<'a> {
    Get(Vec<(&'a str, Option<String>)>),
    Post(&'a Value),
}

impl Client {
    /// A client for the API at `url`, such as `https://slack.com/api`.
    ///
    /// # Errors
    /// A sentence, where the address is no URL or the machine's certificates cannot be read.
    pub fn new(url: &str, token: SecretString, patience: Patience) -> Result<Client, String> {
        let url = url.trim_end_matches('/');
        let transport = if url.starts_with("https://") {
            let https = way::https()
                .map_err(|e| format!("the machine's root certificates cannot be read: {e}; install ca-certificates"))?;
            let connector = SlackClientHyperConnector::with_connector(https);
            Transport::Tls(SlackClient::new(connector.with_slack_api_url(url)))
        } else if url.starts_with("http://") {
            Transport::Plain(SlackClient::new(
                SlackClientHyperConnector::with_connector(HttpConnector::new()).with_slack_api_url(url),
            ))
        } else {
            return Err(format!("SLACK_API_URL `{url}` is not an address; it looks like `https://slack.com/api`"));
        };
        Ok(Client { transport, token, patience })
    }

    /// Asks something within `patience.call`.
    pub async fn get<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Vec<(&str, Option<String>)>,
    ) -> Result<T, Failure> {
        read(method, self.question(method, params, self.patience.call).await?)
    }

    /// Asks something that somebody's click waits for.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Vec<(&str, Option<String>)>,
    ) -> Result<T, Failure> {
        read(method, self.question(method, params, self.patience.question).await?)
    }

    /// Has something done.
    pub async fn post<T: DeserializeOwned>(&self, method: &'static str, body: &Value) -> Result<T, Failure> {
        read(method, self.call(method, Call::Post(body), self.patience.call).await?)
    }

    /// Posts to an address that Slack gave with a request. Whoever has it may post, so the token stays at home, and so does
    /// the address: it is in no log and no error.
    pub async fn respond(&self, address: &SecretString, body: &Value) -> Result<(), Failure> {
        let method = "response_url";
        let url = self.place(method, address)?;
        let sent = async {
            match &self.transport {
                Transport::Tls(client) => respond(client, &url, body).await,
                Transport::Plain(client) => respond(client, &url, body).await,
            }
        };
        match tokio::time::timeout(self.patience.call, sent).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(method, error)),
            Err(_) => Err(unknown(method, format!("no answer within {:?}", self.patience.call))),
        }
    }

    /// Puts a file where Slack said that it goes. The address is good for this one file, so it is in no log and no error.
    pub async fn upload(&self, address: &SecretString, content_type: &str, bytes: &[u8]) -> Result<(), Failure> {
        let method = "upload_url";
        let url = self.place(method, address)?;
        let sent = async {
            match &self.transport {
                Transport::Tls(client) => upload(client, &url, content_type, bytes).await,
                Transport::Plain(client) => upload(client, &url, content_type, bytes).await,
            }
        };
        match tokio::time::timeout(self.patience.call, sent).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(method, error)),
            Err(_) => Err(unknown(method, format!("no answer within {:?}", self.patience.call))),
        }
    }

    /// An address that Slack gave, once it is found to be one of Slack's.
    fn place(&self, method: &'static str, address: &SecretString) -> Result<SlackResponseUrl, Failure> {
        let Ok(url) = serde_json::from_value::<SlackResponseUrl>(address.expose_secret().into()) else {
            return Err(refused(method, "invalid_address", Value::Null));
        };
        if self.is_slacks(&url) { Ok(url) } else { Err(refused(method, "foreign_address", Value::Null)) }
    }

    /// Addresses come in requests and answers of Slack's; all the same nothing is posted but to Slack, or to the local workspace.
    fn is_slacks(&self, url: &SlackResponseUrl) -> bool {
        let url = url.value();
        let host = url.host_str().unwrap_or_default();
        match self.transport {
            Transport::Tls(_) => {
                url.scheme() == "https" && [".slack.com", ".slack-gov.com"].iter().any(|end| host.ends_with(end))
            }
            Transport::Plain(_) => matches!(host, "127.0.0.1" | "localhost" | "[::1]"),
        }
    }

    /// By GET, and by POST where something in between takes no GET.
    async fn question(
        &self,
        method: &'static str,
        params: Vec<(&str, Option<String>)>,
        limit: Duration,
    ) -> Result<Value, Failure> {
        let body: serde_json::Map<String, Value> =
            params.iter().filter_map(|(key, value)| Some(((*key).to_owned(), Value::from(value.clone()?)))).collect();
        match self.call(method, Call::Get(params), limit).await {
            Err(Failure { error: ChatError::Refused { code, .. }, .. }) if code == "http_404" || code == "http_405" => {
                self.call(method, Call::Post(&Value::Object(body)), limit).await
            }
            other => other,
        }
    }

    async fn call(&self, method: &'static str, call: Call<'_>, limit: Duration) -> Result<Value, Failure> {
        let token = SlackApiToken::new(SlackApiTokenValue(self.token.expose_secret().to_owned()));
        let sent = async {
            match &self.transport {
                Transport::Tls(client) => send(client, &token, method, call).await,
                Transport::Plain(client) => send(client, &token, method, call).await,
            }
        };
        let result = match tokio::time::timeout(limit, sent).await {
            Ok(Ok(answer)) => accepted(method, answer),
            Ok(Err(error)) => Err(failure(method, error)),
            Err(_) => Err(unknown(method, format!("no answer within {limit:?}"))),
        };
        match &result {
            Ok(_) => tracing::debug!(method, "Slack answered"),
            Err(failed) => tracing::info!(method, error = %failed.error, "Slack did not do it"),
        }
        result
    }
}

async fn send<C>(
    client: &SlackClient<C>,
    token: &SlackApiToken,
    method: &str,
    call: Call<'_>,
) -> Result<Value, SlackClientError>
where
    C: SlackClientHttpConnector + Send + Sync,
{
    let session = client.open_session(token);
    match call {
        Call::Get(params) => session.http_session_api.http_get(method, &params, None).await,
        Call::Post(body) => session.http_session_api.http_post(method, body, None).await,
    }
}

async fn respond<C>(client: &SlackClient<C>, url: &SlackResponseUrl, body: &Value) -> Result<Value, SlackClientError>
where
    C: SlackClientHttpConnector + Send + Sync,
{
    let span = tracing::debug_span!("response_url");
    let context = SlackClientApiCallContext {
        rate_control_params: None,
        token: None,
        tracing_span: &span,
        is_sensitive_url: true,
    };
    client.http_api.connector.http_post_uri(url.value().clone(), body, context).await
}

async fn upload<C>(
    client: &SlackClient<C>,
    url: &SlackResponseUrl,
    content_type: &str,
    bytes: &[u8],
) -> Result<Value, SlackClientError>
where
    C: SlackClientHttpConnector + Send + Sync,
{
    let span = tracing::debug_span!("upload_url");
    let context = SlackClientApiCallContext {
        rate_control_params: None,
        token: None,
        tracing_span: &span,
        is_sensitive_url: true,
    };
    client.http_api.connector.http_post_uri_binary(url.value().clone(), content_type.to_owned(), bytes, context).await
}

fn accepted(method: &str, answer: Value) -> Result<Value, Failure> {
    match answer.get("ok").and_then(Value::as_bool) {
        Some(true) => Ok(answer),
        Some(false) => Err(refused(method, "unknown_error", answer)),
        None => Err(unknown(method, "the answer is not Slack's".to_owned())),
    }
}

fn read<T: DeserializeOwned>(method: &'static str, mut answer: Value) -> Result<T, Failure> {
    drop_nulls(&mut answer);
    serde_json::from_value(answer).map_err(|e| unknown(method, format!("the answer cannot be read: {e}")))
}

/// A field that is null is one that is left out. Lists, and so what messages carry, stay as they are.
fn drop_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, v| !v.is_null());
        fields.values_mut().for_each(drop_nulls);
    }
}

/// Nobody knows whether it was carried out.
pub fn unknown(method: &str, reason: String) -> Failure {
    Failure { error: ChatError::Unknown { method: method.to_owned(), reason }, body: Value::Null }
}

fn refused(method: &str, code: &str, body: Value) -> Failure {
    let error = match code {
        "ratelimited" | "rate_limited" => ChatError::RateLimited { after: DEFAULT_WAIT },
        code if DOUBTFUL.contains(&code) => {
            ChatError::Unknown { method: method.to_owned(), reason: format!("Slack says {code}") }
        }
        code => ChatError::Refused { method: method.to_owned(), code: code.to_owned() },
    };
    Failure { error, body }
}

/// What an error of the HTTP client means. Bodies and addresses stay out of the reason.
fn failure(method: &str, error: SlackClientError) -> Failure {
    match error {
        SlackClientError::ApiError(e) => {
            let body = e.http_response_body.and_then(|b| serde_json::from_str(&b).ok()).unwrap_or_default();
            refused(method, &e.code, body)
        }
        SlackClientError::RateLimitError(e) => Failure {
            error: ChatError::RateLimited { after: e.retry_after.unwrap_or(DEFAULT_WAIT) },
            body: Value::Null,
        },
        SlackClientError::HttpError(e) if e.status_code.is_client_error() && e.status_code.as_u16() != 408 => {
            refused(method, &format!("http_{}", e.status_code.as_u16()), Value::Null)
        }
        SlackClientError::HttpError(e) => unknown(method, format!("HTTP {}", e.status_code.as_u16())),
        SlackClientError::ProtocolError(e) => unknown(method, format!("the answer cannot be read: {}", e.json_error)),
        SlackClientError::HttpProtocolError(e) => {
            unknown(method, e.cause.map_or_else(|| "connection failed".to_owned(), |c| chain(c.as_ref())))
        }
        SlackClientError::SystemError(e) => {
            unknown(method, e.cause.map_or_else(|| "connection lost".to_owned(), |c| chain(c.as_ref())))
        }
        SlackClientError::EndOfStream(_) | SlackClientError::SocketModeProtocolError(_) => {
            unknown(method, "connection lost".to_owned())
        }
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
