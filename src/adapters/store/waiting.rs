//! A request that waits to be stored, as text already.

use super::operation::to_json;
use crate::{
    domain::moment::Moment,
    ports::store::{AuditEntry, Request},
};

/// Whether there is a request of this id.
pub(super) const KNOWN: &str = "SELECT 1 FROM inbox WHERE id = $1";

/// What is written of it.
pub(super) struct Waiting {
    pub(super) id: String,
    pub(super) at: Moment,
    pub(super) body: String,
    pub(super) answer: Option<String>,
    pub(super) audit: Vec<String>,
}

impl Waiting {
    /// Serialised where the request arrives, not by the one that writes.
    pub(super) fn new(request: Request, answer: Option<String>, audit: &[AuditEntry]) -> Waiting {
        let body = to_json(&request);
        let audit = audit.iter().map(AuditEntry::canonical).collect();
        Waiting { id: request.id, at: request.at, body, answer: answer.map(storable), audit }
    }

    /// The id that a signed request had before ids began with the time of the signature: it may have been stored under that one just
    /// before this build was started, and come again.
    pub(super) fn earlier(&self) -> Option<&str> {
        let parts = self.id.split_once('-');
        parts.filter(|(signed, digest)| signed.len() == 8 && digest.len() == 64).map(|(_, digest)| digest)
    }
}

/// PostgreSQL's TEXT takes every character but NUL.
pub(super) fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}
