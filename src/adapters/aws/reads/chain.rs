//! What happened to the chain of a database's automated backups, as its events tell.
//!
//! RDS documents ids of events and does not return them, so they are known by their words, and words change. Categories are looked at
//! first: only in some of them is anything that can break the chain, and what is said there in words that are not known here is told as
//! unknown, never taken for nothing.

use aws_sdk_rds::types::{Event, SourceType};

use super::super::{moment, session::Session};
use crate::{
    domain::{chain::Link, moment::Moment, text::one_line},
    ports::cloud::CloudError,
};

/// RDS remembers events for 14 days; in minutes.
const EVENTS: i32 = 14 * 24 * 60;

/// Categories in which something can break the chain.
const BREAKING: [&str; 4] = ["backup", "configuration change", "failover", "maintenance"];

/// What the events of these categories say, without what they are about, where the chain stays whole.
const HARMLESS: [&str; 32] = [
    "failover",
    "multi-az",
    "single-az",
    "security group",
    "parameter group",
    "parametergroup",
    "option group",
    "modification to",
    "modified",
    "allocated storage",
    "storage",
    "monitoring",
    "performance insights",
    "credentials",
    "master user",
    "password",
    "certificate",
    "ca ",
    "instance class",
    "deletion protection",
    "log export",
    "iam",
    "endpoint",
    "domain",
    "renamed",
    "rebooted",
    "patch",
    "minor version upgrade available",
    "os update",
    "operating system",
    "maintenance",
    "pre-check",
];

/// What was longer than this in RDS's words is cut.
const WORDS: usize = 120;

/// Everything of the last 14 days, in the order of time.
///
/// # Errors
/// See [`CloudError`].
pub async fn links(session: &Session, database: &str) -> Result<Vec<(Moment, Link)>, CloudError> {
    let attempt = session.reads("rds:DescribeEvents", format!("events of {database}"));
    let request = session.rds().describe_events().source_type(SourceType::DbInstance).source_identifier(database);
    let mut pages = request.duration(EVENTS).into_paginator().send();
    let mut links = Vec::new();
    while let Some(page) = pages.next().await {
        for event in page.map_err(|error| attempt.failed(error))?.events.unwrap_or_default() {
            let at = event.date.and_then(moment);
            links.extend(at.zip(of(&event)));
        }
    }
    links.sort_unstable();
    Ok(links)
}

/// What an event means for the chain; none where it means nothing.
fn of(event: &Event) -> Option<Link> {
    let categories = event.event_categories();
    let breaking = |category: &String| BREAKING.contains(&category.to_lowercase().as_str());
    // One without a category may be of any.
    let may_break = categories.is_empty() || categories.iter().any(breaking);
    read(event.message().unwrap_or_default()).filter(|link| may_break || !matches!(link, Link::Unknown(_)))
}

fn read(message: &str) -> Option<Link> {
    let said = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    // That copies of them go elsewhere, or no more, breaks nothing here.
    let elsewhere = says(&["replicat", "cross-region", "cross region"]);
    if said.contains("backup") && !elsewhere {
        if says(&["disabled", "turned off", "switched off", "suspended", "retention period to 0"]) {
            return Some(Link::Off);
        }
        if says(&["enabled", "turned on", "switched on", "resumed"]) {
            return Some(Link::On);
        }
        if says(&["finished db instance backup", "finished backup", "backup finished", "backup completed"]) {
            return Some(Link::BackedUp);
        }
    }
    let known = elsewhere || says(&["backing up"]) || (!said.contains("backup") && says(&HARMLESS));
    if known {
        return None;
    }
    Some(Link::Unknown(one_line(message).chars().take(WORDS).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(category: Option<&str>, message: &str) -> Event {
        Event::builder().message(message).set_event_categories(category.map(|one| vec![one.to_owned()])).build()
    }

    #[test]
    fn switches_are_known_by_several_words_and_copies_elsewhere_are_none() {
        let change = |message| of(&event(Some("configuration change"), message));
        for off in
            ["Disabled automated backups.", "Automated backups disabled", "Set the backup retention period to 0 days"]
        {
            assert_eq!(change(off), Some(Link::Off), "{off}");
        }
        for on in ["Enabled automated backups.", "Automated backups were turned on"] {
            assert_eq!(change(on), Some(Link::On), "{on}");
        }
        assert_eq!(of(&event(Some("backup"), "Finished DB Instance backup")), Some(Link::BackedUp));
        for category in [None, Some("availability")] {
            assert_eq!(
                of(&event(category, "Disabled automated backups.")),
                Some(Link::Off),
                "whatever it is filed under"
            );
        }
        for none in [
            "Disabled cross-Region automated backups.",
            "Disabled replication of automated backups to eu-west-1",
            "Finished applying modification to allocated storage",
            "Updated to use DBParameterGroup mysql",
            "Multi-AZ instance failover completed",
        ] {
            assert_eq!(change(none), None, "{none}");
        }
        assert_eq!(of(&event(Some("backup"), "Backing up DB instance")), None);
    }

    #[test]
    fn unknown_words_count_only_where_something_can_break_the_chain() {
        let words = "The engine version upgrade of the DB instance is finished";
        for category in ["maintenance", "backup", "Configuration Change", "failover"] {
            assert_eq!(of(&event(Some(category), words)), Some(Link::Unknown(words.to_owned())), "{category}");
        }
        let changed = "Finished applying modification to backup retention period";
        assert_eq!(of(&event(Some("configuration change"), changed)), Some(Link::Unknown(changed.to_owned())));
        for category in ["availability", "low storage", "notification", "creation"] {
            assert_eq!(of(&event(Some(category), words)), None, "{category}");
        }
        let long = of(&event(Some("backup"), &format!("Something\nelse {}", "x".repeat(500))));
        assert!(
            matches!(long, Some(Link::Unknown(words)) if words.len() == 120 && words.starts_with("Something else"))
        );
    }
}
