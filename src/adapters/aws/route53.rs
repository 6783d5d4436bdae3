//! Route 53: groups of weighted records, read whole and written whole.
//!
//! The SDK has no paginator for record sets, and a list whose text was cut would be a short list to it; the guard of all calls
//! refuses such a text. A group is read from its first record to the first that is another's, or to the end of the zone.

use aws_sdk_route53::{
    error::SdkError,
    types::{Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecordSet, RrType},
};

use super::{error::Attempt, session::Session};
use crate::ports::cloud::CloudError;

/// Where the control plane is, whichever region asks.
pub const REGION: &str = "us-east-1";
/// Pages of one group that are read at most: a group has at most 100 weighted records, and a page 300.
const PAGES: usize = 3;
/// Record sets asked for on a page.
const PAGE: i32 = 300;

/// Every record set of a name and type.
///
/// # Errors
/// `Permanent` where there is no such zone; `Retryable` where the list is not whole.
pub async fn group(
    session: &Session,
    zone: &str,
    name: &str,
    kind: &str,
) -> Result<Vec<ResourceRecordSet>, CloudError> {
    let thing = format!("records {name} {kind} of hosted zone {zone}");
    let attempt = Attempt { region: REGION, ..session.reads("route53:ListResourceRecordSets", thing) };
    let (mut found, mut from) = (Vec::new(), (name.to_owned(), RrType::from(kind), None::<String>));
    for _ in 0..PAGES {
        let request = session
            .route53()
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .start_record_name(&from.0)
            .start_record_type(from.1.clone())
            .set_start_record_identifier(from.2.clone())
            .max_items(PAGE);
        let page = request.send().await.map_err(|error| attempt.failed(error))?;
        let listed = page.resource_record_sets.len();
        found.extend(page.resource_record_sets.into_iter().filter(|set| is(set, name, kind)));
        let next = (page.next_record_name, page.next_record_type, page.next_record_identifier);
        match (page.is_truncated, next) {
            (false, _) if page.max_items > 0 => return Ok(found),
            (true, (Some(next), Some(of), identifier)) if listed > 0 => {
                if !same(&next, name) || of.as_str() != kind {
                    return Ok(found);
                }
                from = (next, of, identifier);
            }
            _ => break,
        }
    }
    Err(attempt.later("the list of them is not whole", None))
}

/// Whether a record set is one of this name and type.
pub fn is(set: &ResourceRecordSet, name: &str, kind: &str) -> bool {
    same(&set.name, name) && set.r#type.as_str() == kind
}

/// Route 53 writes names in lower case, with the final dot, and a star as its code.
fn same(listed: &str, name: &str) -> bool {
    let plain = |name: &str| name.replace("\\052", "*").trim_end_matches('.').to_ascii_lowercase();
    plain(listed) == plain(name)
}

/// Writes these record sets as they are here, all in one change; the id of the change.
///
/// # Errors
/// See [`CloudError`]. A batch that Route 53 refuses is `Permanent`, with everything it says.
pub async fn upsert(session: &Session, zone: &str, sets: Vec<ResourceRecordSet>) -> Result<String, CloudError> {
    let named: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
    let thing = format!("records {} of hosted zone {zone}", named.join(", "));
    let attempt = Attempt { region: REGION, ..session.changes("route53:ChangeResourceRecordSets", thing) };
    let odd = |error: aws_smithy_types::error::operation::BuildError| {
        attempt.never(&format!("the change cannot be put together ({error})"), "Report this.")
    };
    let mut changes = Vec::new();
    for set in sets {
        changes.push(Change::builder().action(ChangeAction::Upsert).resource_record_set(set).build().map_err(odd)?);
    }
    let batch = ChangeBatch::builder().set_changes(Some(changes)).build().map_err(odd)?;
    match session.route53().change_resource_record_sets().hosted_zone_id(zone).change_batch(batch).send().await {
        Ok(answer) => match answer.change_info {
            Some(info) if !info.id.is_empty() => Ok(info.id),
            _ => Err(CloudError::Unknown { reason: format!("Route 53 names no change of zone {zone}.") }),
        },
        Err(error) => {
            let said = messages(&error);
            let answer = attempt.failed(error);
            if said.is_empty() {
                return Err(answer);
            }
            let next = "Nothing of it was changed. Mend what it names, or lift the protection, then retry.";
            Err(attempt.never(&format!("Route 53 refuses the change: {}", said.join("; ")), next))
        }
    }
}

/// Everything Route 53 says of a batch that it refuses. The SDK knows such answers under `ErrorResponse` only; Route 53 gives
/// them a root of their own as well, of which the SDK says nothing but the status.
fn messages<E>(error: &SdkError<E>) -> Vec<String> {
    const ROOT: &str = "InvalidChangeBatch";
    let Some(body) = error.raw_response().and_then(|raw| raw.body().bytes()) else { return Vec::new() };
    let text = String::from_utf8_lossy(body);
    if !text.contains(ROOT) {
        return Vec::new();
    }
    let parts = text.split("<Message>").skip(1).filter_map(|part| part.split_once("</Message>"));
    parts.map(|(message, _)| plain(message)).filter(|message| !message.is_empty()).collect()
}

/// Text of XML, on one line and not longer than people read.
fn plain(xml: &str) -> String {
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'"), ("&amp;", "&")];
    let text = known.iter().fold(xml.to_owned(), |text, (entity, plain)| text.replace(entity, plain));
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}

/// Whether a change has reached every name server.
///
/// # Errors
/// See [`CloudError`].
pub async fn in_sync(session: &Session, change: &str) -> Result<bool, CloudError> {
    let attempt = Attempt { region: REGION, ..session.reads("route53:GetChange", format!("change {change}")) };
    let answer = session.route53().get_change().id(change).send().await.map_err(|error| attempt.failed(error))?;
    Ok(answer.change_info.is_some_and(|info| info.status == ChangeStatus::Insync))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_however_they_are_written() {
        assert!(same("wp.example.com.", "WP.example.com"));
        assert!(same("\\052.example.com.", "*.example.com."));
        assert!(!same("a.wp.example.com.", "wp.example.com."));
    }
}
