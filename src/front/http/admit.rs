//! The gate: a request's body is read within bounds and its signature checked; behind it everything is Slack's.

use std::time::Duration;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::{
    Endpoint, Gate, Outcome,
    verify::{Distrust, SignatureId},
};
use crate::{domain::moment::Moment, front::payload};

/// Largest body, in bytes.
pub const MAX_BODY: usize = 1 << 20;

/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(3);

/// How much of a body over the limit is read and thrown away, so that the sender gets to read the answer instead of a
/// reset connection.
const DISCARD: usize = 16 * MAX_BODY;

/// A request that is surely Slack's and was not seen before.
pub(super) struct Signed {
    pub(super) id: SignatureId,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) at: Moment,
}

/// What gets past the gate.
pub(super) enum Admitted {
    /// Surely Slack's.
    Signed(Signed),
    /// Slack checking our certificate: unsigned, and nothing comes of it.
    CertificateCheck,
}

/// Turned away at the gate.
pub(in crate::front) struct Rejected {
    pub(in crate::front) outcome: Outcome,
    pub(in crate::front) status: StatusCode,
}

impl Rejected {
    pub(in crate::front) fn new(outcome: Outcome, status: StatusCode) -> Rejected {
        Rejected { outcome, status }
    }
}

impl From<Distrust> for Rejected {
    fn from(why: Distrust) -> Rejected {
        Rejected::new(why.into(), StatusCode::UNAUTHORIZED)
    }
}

/// Lets a request in, or not.
pub(super) async fn admit(gate: &Gate, endpoint: Endpoint, request: Request) -> Result<Admitted, Rejected> {
    let (head, body) = receive(request).await?;
    let at = gate.clock.now();
    let timestamp = single(&head.headers, "x-slack-request-timestamp")?;
    let signature = single(&head.headers, "x-slack-signature")?;
    let unsigned = timestamp.is_none() && signature.is_none();
    if unsigned && endpoint == Endpoint::Commands && payload::is_certificate_check(&body) {
        return Ok(Admitted::CertificateCheck);
    }
    let id = gate.verifier.verify(timestamp, signature, &body, at.seconds())?;
    if !gate.seen.first_time(&id, at) {
        return Err(Distrust::Replayed.into());
    }
    Ok(Admitted::Signed(Signed { id, headers: head.headers, body, at }))
}

/// Head and body of a request, if the body is whole, in bounds and in time.
pub(in crate::front) async fn receive(request: Request) -> Result<(Parts, Bytes), Rejected> {
    let (head, body) = request.into_parts();
    match tokio::time::timeout(BODY_WITHIN, read(&head.headers, body)).await {
        Ok(read) => Ok((head, read?)),
        Err(_) => Err(Rejected::new(Outcome::Broken, StatusCode::REQUEST_TIMEOUT)),
    }
}

/// The only value of a header. A second one is a sign that somebody on the way reads it otherwise than we do.
pub(in crate::front) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Distrust> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Distrust::Unsigned);
    }
    value.to_str().map(Some).map_err(|_| Distrust::Malformed)
}

async fn read(headers: &HeaderMap, mut body: Body) -> Result<Bytes, Rejected> {
    let oversize = || Rejected::new(Outcome::Oversize, StatusCode::PAYLOAD_TOO_LARGE);
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if declared.is_some_and(|n| n > MAX_BODY as u64) {
        // Whoever asks first whether to send at all has sent nothing yet.
        if !headers.contains_key(header::EXPECT) {
            discard(&mut body).await;
        }
        return Err(oversize());
    }
    match Limited::new(&mut body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(e) if e.is::<LengthLimitError>() => {
            discard(&mut body).await;
            Err(oversize())
        }
        Err(_) => Err(Rejected::new(Outcome::Broken, StatusCode::BAD_REQUEST)),
    }
}

async fn discard(body: &mut Body) {
    let mut left = DISCARD;
    while let Some(Ok(frame)) = body.frame().await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        if left == 0 {
            return;
        }
    }
}
