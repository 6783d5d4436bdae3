//! What can be made to go wrong between the product and the local Slack.

/// One thing that goes wrong with one call of the Web API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Slack refuses with this error code, and nothing changes.
    Error(String),
    /// Slack asks to come back after so many seconds (429), and nothing changes.
    RateLimited(u64),
    /// The change happens, but the connection breaks before the reply is whole.
    LostReply,
    /// Slack answers 503, and nothing changes.
    Down,
}

impl Fault {
    /// Reads a fault as the page names it: `lost_reply`, `down`, `rate_limited`, `rate_limited:30`
    /// or an error code of Slack's.
    pub fn parse(text: &str) -> Option<Self> {
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        match text.split_once(':') {
            Some(("rate_limited", seconds)) => seconds.parse().ok().map(Self::RateLimited),
            Some(_) => None,
            None => match text {
                "lost_reply" => Some(Self::LostReply),
                "down" => Some(Self::Down),
                "rate_limited" => Some(Self::RateLimited(5)),
                code if !code.is_empty() && code.len() <= 60 && code.chars().all(known) => {
                    Some(Self::Error(code.into()))
                }
                _ => None,
            },
        }
    }
}
