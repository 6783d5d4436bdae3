//! What the front counts: requests by endpoint and outcome, and how long the answer took.

use std::time::Duration;

use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};

use super::verify::Distrust;

/// Histogram of seconds from the first byte of a request's body to its answer.
pub const ACK_SECONDS: &str = "bbws_ack_seconds";
/// Counter of requests.
pub const REQUESTS: &str = "bbws_requests_total";

/// Endpoints that take signed requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front) enum Endpoint {
    Commands,
    Interactions,
    Events,
    Sns,
}

impl Endpoint {
    const ALL: [Endpoint; 4] = [Endpoint::Commands, Endpoint::Interactions, Endpoint::Events, Endpoint::Sns];

    pub(in crate::front) fn name(self) -> &'static str {
        match self {
            Endpoint::Commands => "commands",
            Endpoint::Interactions => "interactions",
            Endpoint::Events => "events",
            Endpoint::Sns => "sns",
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front) enum Outcome {
    /// Stored, and answered by the inbox.
    Accepted,
    /// Well signed, and nothing to do: `ssl_check`, an unknown payload, an event seen before or that nothing waits for.
    Ignored,
    /// Well signed, and makes no sense.
    Malformed,
    /// Wrong workspace, app or command name; an event of another account or region.
    Refused,
    /// The ledger did not take it.
    Unavailable,
    /// The inbox is still at it.
    Late,
    /// Over the size limit.
    Oversize,
    /// The body stopped coming.
    Broken,
    Unsigned,
    Stale,
    Forged,
    Replayed,
}

impl Outcome {
    const ALL: [Outcome; 12] = [
        Outcome::Accepted,
        Outcome::Ignored,
        Outcome::Malformed,
        Outcome::Refused,
        Outcome::Unavailable,
        Outcome::Late,
        Outcome::Oversize,
        Outcome::Broken,
        Outcome::Unsigned,
        Outcome::Stale,
        Outcome::Forged,
        Outcome::Replayed,
    ];

    pub(in crate::front) fn name(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Ignored => "ignored",
            Outcome::Malformed => "malformed",
            Outcome::Refused => "refused",
            Outcome::Unavailable => "unavailable",
            Outcome::Late => "late",
            Outcome::Oversize => "oversize",
            Outcome::Broken => "broken",
            Outcome::Unsigned => "unsigned",
            Outcome::Stale => "stale",
            Outcome::Forged => "forged",
            Outcome::Replayed => "replayed",
        }
    }
}

impl From<Distrust> for Outcome {
    fn from(why: Distrust) -> Outcome {
        match why {
            Distrust::Unsigned | Distrust::Malformed => Outcome::Unsigned,
            Distrust::Stale => Outcome::Stale,
            Distrust::Forged => Outcome::Forged,
            Distrust::Replayed => Outcome::Replayed,
        }
    }
}

/// Handles, looked up once: a look-up by name and labels costs more than the rest of an answer.
pub(super) struct Meters {
    requests: Vec<Vec<Counter>>,
    ack: Vec<Histogram>,
}

impl Meters {
    pub(super) fn new() -> Meters {
        describe_counter!(REQUESTS, "Requests from Slack and SNS by endpoint and outcome");
        describe_histogram!(ACK_SECONDS, metrics::Unit::Seconds, "Time to the answer of a request from Slack or SNS");
        let outcomes = |endpoint: Endpoint| {
            let each = |o: &Outcome| counter!(REQUESTS, "endpoint" => endpoint.name(), "outcome" => o.name());
            Outcome::ALL.iter().map(each).collect()
        };
        Meters {
            requests: Endpoint::ALL.into_iter().map(outcomes).collect(),
            ack: Endpoint::ALL.into_iter().map(|e| histogram!(ACK_SECONDS, "endpoint" => e.name())).collect(),
        }
    }

    /// Counts one request. Only those that were believed tell how long an answer takes.
    pub(super) fn record(&self, endpoint: Endpoint, outcome: Outcome, took: Duration) {
        self.requests[endpoint as usize][outcome as usize].increment(1);
        if (outcome as usize) <= Outcome::Late as usize {
            self.ack[endpoint as usize].record(took.as_secs_f64());
        }
    }
}
