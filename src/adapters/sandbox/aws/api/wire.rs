//! Requests and answers as they go over the wire, and AWS's no in the terms of every protocol.

use bytes::Bytes;
use serde_json::Value;

/// A request as it comes over the wire.
#[derive(Debug, Clone, Default)]
pub struct Raw {
    /// `GET`, ….
    pub method: String,
    /// Host, without the port.
    pub host: String,
    /// Path as sent: percent signs are not taken apart.
    pub path: String,
    /// What comes after the question mark.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body, whole.
    pub body: Bytes,
}

impl Raw {
    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Parameters of the query string, decoded; one without `=` has an empty value.
    pub fn parameters(&self) -> Vec<(String, String)> {
        serde_urlencoded::from_str(&self.query).unwrap_or_default()
    }
}

/// An answer as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

impl Reply {
    /// An answer of this status and without a body.
    pub fn new(status: u16) -> Reply {
        Reply { status, ..Reply::default() }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Reply {
        Reply { body: body.into(), ..self }
    }
}

/// AWS's no, in the terms of every protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Code as it stands on the wire: `DBSnapshotNotFound`, `ResourceNotFoundException`.
    pub code: String,
    /// For people.
    pub message: String,
    /// Further fields some services put beside the message.
    pub fields: Option<Box<Value>>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

impl Refusal {
    /// With status 400, as most are.
    pub fn new(code: &str, message: impl Into<String>) -> Refusal {
        Refusal::with_status(400, code, message)
    }

    /// With a status of its own.
    pub fn with_status(status: u16, code: &str, message: impl Into<String>) -> Refusal {
        Refusal { status, code: code.to_owned(), message: message.into(), fields: None, headers: Vec::new() }
    }
}
