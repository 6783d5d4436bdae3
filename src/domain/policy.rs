//! Who may act and how many must agree: roles, approval rules, and which rule governs an operation.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::environment::Span;

/// Who holds a role: Slack user ids, or the members of a Slack user group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct RoleMembers {
    /// Slack user ids.
    #[serde(default)]
    pub users: Vec<String>,
    /// Slack user group id (`S…`), whose members are asked of Slack when it matters.
    pub group: Option<String>,
}

/// Role name → members.
pub type Roles = BTreeMap<String, RoleMembers>;

/// So many distinct people of a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Role of the approvers.
    pub role: String,
    /// How many of them.
    pub count: u32,
}

/// One `[[approvals]]` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Operation kinds such as `backup.create`.
    pub operations: Vec<String>,
    /// Environments; all where left out.
    pub environments: Option<Vec<String>>,
    /// Scope such as `full`; all where left out.
    pub scope: Option<String>,
    /// Who has to agree.
    pub need: Vec<Need>,
}

impl Rule {
    fn matches(&self, kind: &str, environment: &str, scope: &str) -> bool {
        self.operations.iter().any(|o| o == kind)
            && self.environments.as_ref().is_none_or(|es| es.iter().any(|e| e == environment))
            && self.scope.as_ref().is_none_or(|s| s == scope)
    }

    fn specificity(&self) -> u32 {
        u32::from(self.environments.is_some()) + 2 * u32::from(self.scope.is_some())
    }
}

/// How long an approval may take and stays good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// From the request to the last vote.
    pub approve_within: Span,
    /// From the last vote to the start of the run.
    pub start_within: Span,
}

impl Limits {
    /// For a clock that runs so many times faster than people do; never less than they are.
    #[must_use]
    pub fn stretched(self, speed: f64) -> Limits {
        let stretch = |span: Span| Span(span.0.mul_f64(speed.clamp(1.0, 1e6)));
        Limits { approve_within: stretch(self.approve_within), start_within: stretch(self.start_within) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let minutes = |m: u64| Span(std::time::Duration::from_secs(m * 60));
        Limits { approve_within: minutes(15), start_within: minutes(10) }
    }
}

/// The people an operation needs, from the most specific rule; empty means it runs at once.
/// Rules of the same specificity are all binding: the larger count of each role wins.
pub fn needs(rules: &[Rule], kind: &str, environment: &str, scope: &str) -> Vec<Need> {
    let matching: Vec<&Rule> = rules.iter().filter(|r| r.matches(kind, environment, scope)).collect();
    let Some(best) = matching.iter().map(|r| r.specificity()).max() else { return Vec::new() };
    let mut by_role: BTreeMap<&str, u32> = BTreeMap::new();
    for need in matching.iter().filter(|r| r.specificity() == best).flat_map(|r| &r.need) {
        let count = by_role.entry(&need.role).or_default();
        *count = need.count.max(*count);
    }
    by_role.into_iter().map(|(role, count)| Need { role: role.to_owned(), count }).collect()
}

/// What meets all of these: of each role the larger count.
pub fn strictest(all: impl IntoIterator<Item = Vec<Need>>) -> Vec<Need> {
    let mut by_role: BTreeMap<String, u32> = BTreeMap::new();
    for need in all.into_iter().flatten() {
        let count = by_role.entry(need.role).or_default();
        *count = need.count.max(*count);
    }
    by_role.into_iter().map(|(role, count)| Need { role, count }).collect()
}

/// Whether every slot can be given to another person, `requester` left out: bipartite matching by augmenting paths.
pub fn can_agree(slots: &[&[String]], requester: &str) -> bool {
    fn seat<'s>(
        slot: usize,
        slots: &[&'s [String]],
        requester: &str,
        tried: &mut BTreeSet<&'s str>,
        seats: &mut BTreeMap<&'s str, usize>,
    ) -> bool {
        for person in slots[slot].iter().map(String::as_str).filter(|p| *p != requester) {
            if !tried.insert(person) {
                continue;
            }
            let holder = seats.get(person).copied();
            if holder.is_none_or(|holder| seat(holder, slots, requester, tried, seats)) {
                seats.insert(person, slot);
                return true;
            }
        }
        false
    }
    let mut seats = BTreeMap::new();
    (0..slots.len()).all(|slot| seat(slot, slots, requester, &mut BTreeSet::new(), &mut seats))
}

/// Whether an approval can be given at all, with these people in the roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Whoever asks, others can agree.
    Anyone,
    /// Others can agree to what most ask for, and never to what these people ask for.
    NotFor(Vec<String>),
    /// Whoever asks, there are not enough others.
    Nobody,
}

/// Whether these needs can be met by `members`, the people of each role, for requests of anybody in a role.
pub fn reach(needs: &[Need], members: &BTreeMap<String, Vec<String>>) -> Reach {
    let none = Vec::new();
    let of = |need: &Need| members.get(&need.role).unwrap_or(&none).as_slice();
    let slots: Vec<&[String]> = needs.iter().flat_map(|need| (0..need.count).map(move |_| of(need))).collect();
    let people: BTreeSet<&String> = members.values().flatten().collect();
    let stuck: Vec<String> = people.iter().filter(|p| !can_agree(&slots, p)).map(|p| (*p).clone()).collect();
    match stuck.len() {
        0 if people.is_empty() && !slots.is_empty() => Reach::Nobody,
        0 => Reach::Anyone,
        all if all == people.len() => Reach::Nobody,
        _ => Reach::NotFor(stuck),
    }
}
