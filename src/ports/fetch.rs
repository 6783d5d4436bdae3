//! Reading a public address: SNS's certificates, its confirmations of subscriptions, and whether a platform answers.

use async_trait::async_trait;

/// Why there is no document. The address stays out of the text: it may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Another status than 200; a redirect is one, since none is followed.
    #[error("the answer was HTTP {0}")]
    Status(u16),
    /// No answer, or one that is too long or too slow.
    #[error("no answer: {0}")]
    Unreachable(String),
}

impl FetchError {
    /// Whether asking again may help.
    pub fn passes(&self) -> bool {
        match self {
            FetchError::Status(status) => *status >= 500 || *status == 429,
            FetchError::Unreachable(_) => true,
        }
    }
}

/// Asks public addresses, without credentials.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Reads the document at `url`, which begins with `https://`, within seconds and without following redirects.
    /// `limit` is the most bytes it may have.
    ///
    /// # Errors
    /// See [`FetchError`].
    async fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, FetchError>;

    /// Asks what answers at `url`, over HTTP or HTTPS, within seconds and without following redirects: the status, whatever it is. How
    /// long the document is does not matter, since it is not read.
    ///
    /// # Errors
    /// [`FetchError::Unreachable`].
    async fn status(&self, url: &str) -> Result<u16, FetchError>;
}
