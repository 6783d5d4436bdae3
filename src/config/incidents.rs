//! Checks on `[incident]`, and on how often drills are due.

use crate::domain::{environment::Environment, incident::Incidents};

use super::{
    access::{channel, unique},
    environments::web_address,
    forms,
    tree::{At, Report},
};

/// A drill is due at least once a day and at most once in a hundred years, in seconds.
const SHORTEST: u64 = 86_400;

/// `[incident]`.
pub(super) fn check(incidents: &Incidents, at: &At, report: &mut Report<'_>) {
    let roster = at.key("roster");
    for (duty, group) in incidents.roster.iter().filter(|(_, group)| !forms::slack_id(group, "S")) {
        let text = "is not a user group id (S…); copy it from the group's details";
        report.problem(&roster.key(duty.word()), format_args!("`{group}` {text}"));
    }
    let stakeholders = at.key("stakeholders");
    for (index, id) in incidents.stakeholders.iter().enumerate() {
        channel(id, &stakeholders.item(index), report);
    }
    unique(incidents.stakeholders.iter().map(String::as_str), |i| stakeholders.item(i), report);
    if let Some(url) = &incidents.conference_url {
        web_address(url, &at.key("conference_url"), report);
    }
    let emoji = &incidents.emoji;
    let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '+');
    if emoji.is_empty() || emoji.len() > 100 || !emoji.chars().all(named) {
        let text = "is not the name of an emoji; write it as Slack does, without colons: `memo`";
        report.problem(&at.key("emoji"), format_args!("`{emoji}` {text}"));
    }
}

/// `[environments.X.drills]`.
pub(super) fn drills(env: &Environment, at: &At, report: &mut Report<'_>) {
    let drills = &env.drills;
    let all = [
        ("tabletop", drills.tabletop),
        ("infra", drills.infra),
        ("dns", drills.dns),
        ("full_drill", drills.full_drill),
    ];
    for (key, every) in all {
        let Some(span) = every.and_then(|every| every.0) else { continue };
        if span.0.as_secs() < SHORTEST {
            let text = "is not how often a drill is due; set a length of at least `1d`, or \"none\"";
            report.problem(&at.key(key), text);
        }
    }
}
