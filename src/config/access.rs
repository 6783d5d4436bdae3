//! Checks on who may act: the workspace, the roles, the approval rules, the topics.

use std::collections::BTreeSet;

use crate::domain::{
    operations,
    policy::{Limits, Need, RoleMembers, Roles, Rule, can_agree},
    ticket::TicketLinks,
    topics::Topics,
};

use super::{
    SlackConfig, forms,
    tree::{At, Report},
};

/// `[slack]`.
pub(super) fn slack(slack: &SlackConfig, at: &At, report: &mut Report<'_>) {
    let name = slack.command.strip_prefix('/').unwrap_or_default();
    if !forms::word(name, 31, "-_") || name.chars().any(|c| c.is_ascii_uppercase()) {
        let text = &slack.command;
        report.problem(&at.key("command"), format_args!("`{text}` is not a slash command; use one such as `/bbws`"));
    }
    let teams = at.key("teams");
    if slack.teams.is_empty() {
        report.problem(&teams, "no workspace is listed, so nobody could act; add the id of yours (T…)");
    }
    ids(&slack.teams, "TE", "a workspace id (T… or E…)", &teams, report);
    ids(&slack.apps, "A", "an app id (A…)", &at.key("apps"), report);
    channel(&slack.ops_channel, &at.key("ops_channel"), report);
    let prefix = &slack.incident_prefix;
    if !forms::word(prefix, 20, "-_") || prefix.chars().any(|c| c.is_ascii_uppercase()) {
        report.problem(
            &at.key("incident_prefix"),
            format_args!("`{prefix}` cannot begin a channel's name; use 1 to 20 of a-z, 0-9, - and _"),
        );
    }
    pattern(&slack.ticket_pattern, &at.key("ticket_pattern"), report);
    if let Some(url) = &slack.ticket_url {
        ticket_url(url, &slack.ticket_pattern, &at.key("ticket_url"), report);
    }
}

/// Words that are in every message.
const ORDINARY: [&str; 5] = ["the", "restore", "prod", "24", "rs-12"];

fn ticket_url(url: &str, pattern: &str, at: &At, report: &mut Report<'_>) {
    if let Err(why) = TicketLinks::parse(url) {
        report.problem(at, why);
    }
    let takes = |word: &&&str| regex_lite::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|is| is.is_match(word));
    if let Some(word) = ORDINARY.iter().find(takes) {
        let text = format_args!(
            "every word would be a link, since ticket_pattern `{pattern}` takes `{word}` for a ticket; narrow the pattern, such as `^INC-[0-9]+$`"
        )
        .to_string();
        report.problem(at, text);
    }
}

fn pattern(text: &str, at: &At, report: &mut Report<'_>) {
    if text.is_empty() || text.len() > 200 {
        report.problem(at, "a pattern has 1 to 200 characters; use one such as `^INC-[0-9]+$`");
    } else if let Err(error) = regex_lite::Regex::new(text) {
        report.problem(at, format_args!("`{text}` is not a regular expression: {error}; correct it"));
    }
}

/// A channel's id; names change, ids do not.
pub(super) fn channel(id: &str, at: &At, report: &mut Report<'_>) {
    if !forms::slack_id(id, "CG") {
        report.problem(at, format_args!("`{id}` is not a channel id (C… or G…); copy it from the channel's details"));
    }
}

fn ids(ids: &[String], kinds: &str, what: &str, at: &At, report: &mut Report<'_>) {
    for (index, id) in ids.iter().enumerate() {
        if !forms::slack_id(id, kinds) {
            report.problem(&at.item(index), format_args!("`{id}` is not {what}"));
        }
    }
    unique(ids.iter().map(String::as_str), |i| at.item(i), report);
}

/// Each name once; `place` tells where the n-th stands.
pub(super) fn unique<'n>(names: impl Iterator<Item = &'n str>, place: impl Fn(usize) -> At, report: &mut Report<'_>) {
    let mut seen = BTreeSet::new();
    for (index, name) in names.enumerate() {
        if !seen.insert(name.to_ascii_lowercase()) {
            report.problem(&place(index), format_args!("`{name}` is listed twice; remove one"));
        }
    }
}

/// `[topics]`.
pub(super) fn topics(topics: &Topics, at: &At, report: &mut Report<'_>) {
    for (key, name) in [
        ("backup_status", &topics.backup_status),
        ("ops_warning", &topics.ops_warning),
        ("ops_critical", &topics.ops_critical),
        ("dr_events", &topics.dr_events),
    ] {
        if !forms::word(name.strip_suffix(".fifo").unwrap_or(name), 256, "-_") {
            report.problem(
                &at.key(key),
                format_args!("`{name}` is not a topic's name; use letters, digits, - and _ (not the ARN: every account has its own)"),
            );
        }
    }
    if let Some(name) = topics.push.as_ref().filter(|name| !forms::word(name, 256, "-_")) {
        report.problem(
            &at.key("push"),
            format_args!("`{name}` is not the name of a standard topic, which alone delivers to a web address; use letters, digits, - and _"),
        );
    }
}

/// `[approval_limits]`.
pub(super) fn limits(limits: &Limits, at: &At, report: &mut Report<'_>) {
    for (key, span) in [("approve_within", limits.approve_within), ("start_within", limits.start_within)] {
        if span.0.is_zero() {
            report.problem(&at.key(key), "leaves no time at all; set a length such as `15m`");
        }
    }
}

/// `[roles]`.
pub(super) fn roles(roles: &Roles, at: &At, report: &mut Report<'_>) {
    if roles.is_empty() {
        report
            .problem(at, "no role is described, so nobody could act; add one such as operator = { users = [\"U…\"] }");
    }
    for (name, members) in roles {
        let at = at.key(name);
        if !forms::word(name, 64, "-_") {
            report.problem(&at, format_args!("`{name}` is not a role's name; use 1 to 64 letters, digits, - and _"));
        }
        if members.users.is_empty() && members.group.is_none() {
            report.problem(&at, format_args!("role `{name}` has nobody in it; list users, or name a Slack user group"));
        }
        ids(&members.users, "UW", "a user id (U… or W…)", &at.key("users"), report);
        if let Some(group) = members.group.as_ref().filter(|g| !forms::slack_id(g, "S")) {
            report.problem(&at.key("group"), format_args!("`{group}` is not a user group id (S…)"));
        }
    }
}

/// `[[approvals]]`; `roles` is none where they could not be read.
pub(super) fn rules(
    rules: &[(usize, Rule)],
    roles: Option<&Roles>,
    environments: &[String],
    at: &At,
    report: &mut Report<'_>,
) {
    if rules.is_empty() && !report.has_problem_at(at) {
        report.warning(at, "there is no approval rule: whoever is in a role runs everything at once, alone");
    }
    for (index, rule) in rules {
        let at = at.item(*index);
        operations(rule, &at, report);
        reach(rule, environments, &at, report);
        let Some(roles) = roles else { continue };
        for (index, need) in rule.need.iter().enumerate() {
            quorum(need, roles, &at.key("need").item(index), report);
        }
        unique(rule.need.iter().map(|n| n.role.as_str()), |i| at.key("need").item(i).key("role"), report);
        satisfiable(rule, roles, &at.key("need"), report);
    }
}

/// The same rule, with the usual words for the operations it governs.
pub(super) fn usual(rule: Rule) -> Rule {
    let operations = rule.operations.iter().map(|kind| operations::usual(kind).to_owned()).collect();
    Rule { operations, ..rule }
}

fn operations(rule: &Rule, at: &At, report: &mut Report<'_>) {
    let at = at.key("operations");
    if rule.operations.is_empty() {
        report.problem(&at, "the rule governs nothing; name operations such as `backup.restore`");
    }
    for (index, kind) in rule.operations.iter().enumerate() {
        one_of(kind, "an operation", &operations::governed(), &at.item(index), report);
    }
    unique(rule.operations.iter().map(String::as_str), |i| at.item(i), report);
}

/// Where and for how much of it the rule holds. A name that matches nothing would silently drop the approval.
fn reach(rule: &Rule, environments: &[String], at: &At, report: &mut Report<'_>) {
    if let Some(named) = &rule.environments {
        let at = at.key("environments");
        if named.is_empty() {
            report.problem(&at, "the rule holds nowhere; name environments, or leave the key out for all of them");
        }
        let known: Vec<&str> = environments.iter().map(String::as_str).collect();
        for (index, name) in named.iter().enumerate() {
            one_of(name, "an environment of this file", &known, &at.item(index), report);
        }
        unique(named.iter().map(String::as_str), |i| at.item(i), report);
    }
    if let Some(scope) = &rule.scope {
        let (at, known) = (at.key("scope"), operations::scopes());
        one_of(scope, "a scope", &known, &at, report);
        let never = |kind: &&String| known.contains(&scope.as_str()) && !operations::may_have(kind, scope);
        if let Some(kind) = rule.operations.iter().find(never) {
            report.problem(&at, format_args!("`{kind}` never has scope `{scope}`, so that the rule would not hold for it; give it a rule of its own"));
        }
    }
}

fn one_of(word: &str, what: &str, known: &[&str], at: &At, report: &mut Report<'_>) {
    if known.contains(&word) {
        return;
    }
    let next = match forms::nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use one of: {}", known.join(", ")),
    };
    report.problem(at, format_args!("`{word}` is not {what}; {next}"));
}

fn quorum(need: &Need, roles: &Roles, at: &At, report: &mut Report<'_>) {
    let Some(members) = roles.get(&need.role) else {
        let known: Vec<&str> = roles.keys().map(String::as_str).collect();
        return one_of(&need.role, "a role of this file", &known, &at.key("role"), report);
    };
    if need.count == 0 {
        report.problem(&at.key("count"), "0 approvers are none; set 1 or more, or write need = [] for no approval");
    }
    let listed = members.users.len();
    if members.group.is_none() && listed > 0 && need.count as usize > listed {
        let (role, count) = (&need.role, need.count);
        report.problem(
            &at.key("count"),
            format_args!(
                "{count} approvers are asked for, but role `{role}` lists {listed}; add people or ask for fewer"
            ),
        );
    }
}

/// Warns of people whose own requests nobody could approve. Says nothing where a Slack group decides, or the rule is wrong.
fn satisfiable(rule: &Rule, roles: &Roles, at: &At, report: &mut Report<'_>) {
    let mut slots: Vec<&[String]> = Vec::new();
    for need in &rule.need {
        match roles.get(&need.role) {
            Some(RoleMembers { users, group: None }) if need.count as usize <= users.len() => {
                slots.extend((0..need.count).map(|_| users.as_slice()));
            }
            _ => return,
        }
    }
    let people: BTreeSet<&str> = roles.values().flat_map(|r| &r.users).map(String::as_str).collect();
    let stuck: Vec<&str> = people.iter().filter(|p| !can_agree(&slots, p)).copied().collect();
    if !stuck.is_empty() {
        report.warning(
            at,
            format_args!("nobody else could approve what {} asks for; add people to the roles", stuck.join(" or ")),
        );
    }
}
