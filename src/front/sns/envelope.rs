//! A message as SNS wraps it, and the text that its signature is over.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

/// SHA-256 with RSA. Version 1 is SHA-1, which is not believed.
const VERSION: &str = "2";
/// Longest value of every field but the message and the signature, in bytes.
const LONGEST: usize = 4096;

/// What SNS sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Kind {
    Notification,
    #[serde(rename = "SubscriptionConfirmation")]
    Subscribed,
    #[serde(rename = "UnsubscribeConfirmation")]
    Unsubscribed,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Notification, Kind::Subscribed, Kind::Unsubscribed];

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Notification => "Notification",
            Kind::Subscribed => "SubscriptionConfirmation",
            Kind::Unsubscribed => "UnsubscribeConfirmation",
        }
    }

    pub(super) fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The signed fields and the signature. It has no `Debug`: a subscription's token must not get into a log.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Envelope<'a> {
    #[serde(rename = "Type")]
    pub(super) kind: Kind,
    #[serde(borrow)]
    pub(super) message_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) topic_arn: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) message: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) timestamp: Cow<'a, str>,
    pub(super) subject: Option<String>,
    pub(super) token: Option<String>,
    #[serde(rename = "SubscribeURL")]
    pub(super) subscribe_url: Option<String>,
    #[serde(borrow)]
    signature_version: Cow<'a, str>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
    #[serde(rename = "SigningCertURL", borrow)]
    pub(super) certificate_url: Cow<'a, str>,
}

impl<'a> Envelope<'a> {
    /// Reads a body. `None` when it is not a message with a signature of version 2.
    pub(super) fn read(body: &'a [u8]) -> Option<Envelope<'a>> {
        let envelope: Envelope<'a> = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
        (envelope.signature_version == VERSION && envelope.unambiguous()).then_some(envelope)
    }

    /// Whether only this message has this canonical text. Its lines have no quotes: with a line break in an id, another
    /// division of a signed text into fields would carry the same signature. Only the message itself, which comes first
    /// and ends where the one `MessageId` line before the last fields begins, may have several lines.
    fn unambiguous(&self) -> bool {
        let fields = [
            Some(&*self.message_id),
            Some(&*self.topic_arn),
            Some(&*self.timestamp),
            self.subject.as_deref(),
            self.token.as_deref(),
            self.subscribe_url.as_deref(),
        ];
        let line = |text: &str| text.len() <= LONGEST && !text.chars().any(char::is_control);
        let whole = self.kind == Kind::Notification || (self.token.is_some() && self.subscribe_url.is_some());
        whole && !self.message_id.is_empty() && fields.into_iter().flatten().all(line)
    }

    /// The text that is signed: names and values of the fields in the order of their names, each on lines of its own.
    pub(super) fn canonical(&self) -> String {
        let (id, kind) = (Some(&*self.message_id), Some(self.kind.name()));
        let (message, timestamp, topic) = (Some(&*self.message), Some(&*self.timestamp), Some(&*self.topic_arn));
        let fields: &[(&str, Option<&str>)] = match self.kind {
            Kind::Notification => &[
                ("Message", message),
                ("MessageId", id),
                ("Subject", self.subject.as_deref()),
                ("Timestamp", timestamp),
                ("TopicArn", topic),
                ("Type", kind),
            ],
            Kind::Subscribed | Kind::Unsubscribed => &[
                ("Message", message),
                ("MessageId", id),
                ("SubscribeURL", self.subscribe_url.as_deref()),
                ("Timestamp", timestamp),
                ("Token", self.token.as_deref()),
                ("TopicArn", topic),
                ("Type", kind),
            ],
        };
        let present = fields.iter().filter_map(|(name, value)| Some((name, (*value)?)));
        present.map(|(name, value)| format!("{name}\n{value}\n")).collect()
    }

    /// The signature's bytes, if it is one of RSA with 2048 to 8192 bits.
    pub(super) fn signature(&self) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(self.signature.as_bytes()).ok()?;
        (256..=1024).contains(&bytes.len()).then_some(bytes)
    }
}
