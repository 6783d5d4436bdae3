//! Events of RDS: what happened to instances, for 14 days.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Context, Outcome, Refusal, Request, arn, paged};

/// How long RDS remembers, in minutes.
const REMEMBERED: i64 = 14 * 24 * 60;

pub(super) fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let wanted = request.text("SourceIdentifier").map(str::to_lowercase);
    if wanted.is_some() && request.text("SourceType").is_none() {
        let why = "The request must contain the parameter SourceType when SourceIdentifier is given.";
        return Err(Refusal::new("InvalidParameterCombination", why));
    }
    let minutes = request.number("Duration").unwrap_or(60);
    if !(1..=REMEMBERED).contains(&minutes) {
        return Err(Refusal::new("InvalidParameterValue", "Duration must be between 1 and 20160 minutes."));
    }
    let since = cx.now - Duration::from_secs(u64::try_from(minutes).unwrap_or_default() * 60);
    let ours = request.text("SourceType").is_none_or(|kind| kind == "db-instance");
    let events = cx.place(request).rds.events.clone();
    let meant = events
        .into_iter()
        .filter(|event| ours && event.at >= since && wanted.as_ref().is_none_or(|wanted| *wanted == event.instance));
    let shown: Vec<Value> = meant
        .map(|event| {
            json!({
                "SourceIdentifier": event.instance,
                "SourceType": "db-instance",
                "Message": event.message,
                "EventCategories": [event.category],
                "Date": request.time(event.at),
                "SourceArn": arn(request, "db", &event.instance),
            })
        })
        .collect();
    Ok(paged(request, "Events", shown))
}
