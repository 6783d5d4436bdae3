//! Who still has to agree, and the proof that they did.

use super::{
    mark::MarkKind,
    operation::{BySchedule, Operation, State, Vote},
    plan::Plan,
    policy::Need,
    principal::{PersonId, Principal},
    routine::Template,
    step::{Action, Answers, Consent, WaitForPeople},
    text::count,
};

/// The places that are still empty. Each vote fills at most one place, the requester's fills none, one person's
/// identities count once, and votes on another digest are not votes on this plan.
pub fn missing(needs: &[Need], requester: &PersonId, digest: &str, votes: &[Vote]) -> Vec<Need> {
    let places: Vec<&str> = needs.iter().flat_map(|n| std::iter::repeat_n(n.role.as_str(), n.count as usize)).collect();
    let mut voters: Vec<&Principal> = Vec::new();
    for vote in votes.iter().filter(|v| v.digest == digest && v.by.person != *requester) {
        if !voters.iter().any(|p| p.person == vote.by.person) {
            voters.push(&vote.by);
        }
    }
    let mut seat_of: Vec<Option<usize>> = vec![None; places.len()];
    for voter in 0..voters.len() {
        let mut tried = vec![false; places.len()];
        seat(voter, &voters, &places, &mut seat_of, &mut tried);
    }
    let mut open: Vec<Need> = Vec::new();
    for (place, taken) in places.iter().zip(&seat_of) {
        if taken.is_none() {
            match open.iter_mut().find(|n| n.role == *place) {
                Some(need) => need.count += 1,
                None => open.push(Need { role: (*place).to_owned(), count: 1 }),
            }
        }
    }
    open
}

/// Who has yet to say that a step which waits for people may go on. Their word counts on the present plan only.
pub fn awaited(op: &Operation, what: &WaitForPeople, answers: &Answers) -> Vec<Need> {
    let anybody = vec![Need { role: ANY_ROLE.to_owned(), count: 1 }];
    match &what.consent {
        Consent::Look => {
            let looked = answers.votes.iter().any(|vote| vote.digest == op.digest && !vote.by.roles.is_empty());
            if looked { Vec::new() } else { anybody }
        }
        Consent::Others(needs) => {
            let named = needs.iter().any(|need| need.count > 0);
            let needs = if named { needs } else { &anybody };
            missing(needs, &op.requester.person, &op.digest, &answers.votes)
        }
    }
}

/// Whether the vote of this person would fill a place of the operation that is empty.
pub fn counts(op: &Operation, voter: &Principal) -> bool {
    let places = |votes: &[Vote]| seats(&missing(&op.needs, &op.requester.person, &op.digest, votes));
    let mut with = op.votes.clone();
    with.push(Vote { by: voter.clone(), digest: op.digest.clone(), at: op.created });
    places(&with) < places(&op.votes)
}

fn seats(needs: &[Need]) -> u32 {
    needs.iter().map(|need| need.count).sum()
}

/// Whether the word of this person would bring a step on that waits for people.
pub fn would_help(op: &Operation, what: &WaitForPeople, answers: &Answers, voter: &Principal) -> bool {
    let places = |answers: &Answers| seats(&awaited(op, what, answers));
    let mut with = answers.clone();
    with.votes.push(Vote { by: voter.clone(), digest: op.digest.clone(), at: op.created });
    places(&with) < places(answers)
}

/// Whose word a step still waits for, as people say it.
pub fn whom(op: &Operation, what: &WaitForPeople, answers: &Answers) -> String {
    match what.consent {
        Consent::Look => "anyone in a role".to_owned(),
        Consent::Others(_) => spoken(&awaited(op, what, answers)),
    }
}

/// The same needs, and at least one other person where they name none.
pub fn somebody(needs: Vec<Need>) -> Vec<Need> {
    if needs.iter().any(|need| need.count > 0) { needs } else { vec![Need { role: ANY_ROLE.to_owned(), count: 1 }] }
}

/// The role of a need that anyone in any role fills.
pub const ANY_ROLE: &str = "*";

fn fits(voter: &Principal, place: &str) -> bool {
    if place == ANY_ROLE { !voter.roles.is_empty() } else { voter.roles.iter().any(|r| r == place) }
}

/// Bipartite matching by augmenting paths: a voter may displace another who fits elsewhere.
fn seat(
    voter: usize,
    voters: &[&Principal],
    places: &[&str],
    seat_of: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for (index, place) in places.iter().enumerate() {
        if tried[index] || !fits(voters[voter], place) {
            continue;
        }
        tried[index] = true;
        let free = match seat_of[index] {
            None => true,
            Some(other) => seat(other, voters, places, seat_of, tried),
        };
        if free {
            seat_of[index] = Some(voter);
            return true;
        }
    }
    false
}

/// Proof that enough people agreed to exactly this. Only [`Approved::rebuild`] makes one, from the ledger's record, at
/// every load; nothing that changes AWS is called without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved<T> {
    what: T,
    by: Vec<String>,
}

impl Approved<Plan> {
    /// Checks the digest against the plan and the votes against the needs. Where a schedule started it, it is the schedule that was
    /// approved: then its record is what is checked, and that the plan is of nothing but what it lets bbws start.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn rebuild(op: &Operation, schedule: Option<&Operation>) -> Result<Approved<Plan>, String> {
        if op.plan.digest() != op.digest {
            return Err(format!("the plan of {} does not match its digest; it will not run", op.id));
        }
        let agreed = match op.mandate() {
            None => op,
            Some(by) => mandated(op, by, schedule)?,
        };
        let open = missing(&agreed.needs, &agreed.requester.person, &agreed.digest, &agreed.votes);
        if !open.is_empty() {
            return Err(format!("{} still needs {}", agreed.id, spoken(&open)));
        }
        let mut by: Vec<String> = Vec::new();
        for vote in agreed.votes.iter().filter(|v| v.digest == agreed.digest && !agreed.asked_by(&v.by.person)) {
            if !by.contains(&vote.by.user) {
                by.push(vote.by.user.clone());
            }
        }
        Ok(Approved { what: op.plan.clone(), by })
    }
}

/// The schedule by which this run was started, once its plan is found to say so.
fn mandated<'s>(op: &Operation, by: &BySchedule, schedule: Option<&'s Operation>) -> Result<&'s Operation, String> {
    let schedule = schedule.filter(|schedule| schedule.id == by.schedule);
    let schedule = schedule.ok_or_else(|| format!("no record tells of {}, which started {}", by.schedule, op.id))?;
    if schedule.plan.digest() != schedule.digest {
        return Err(format!("the plan of {} does not match its digest; nothing runs by it", schedule.id));
    }
    if schedule.state != State::Succeeded || schedule.environment() != op.environment() {
        return Err(format!("{} is not in force for {}", schedule.id, op.environment()));
    }
    let template = template_of(&schedule.plan, &by.routine);
    let template = template.ok_or_else(|| format!("{} says nothing of {}", schedule.id, by.routine))?;
    template.covers(&op.plan).map_err(|why| format!("{} does not cover {}, since {why}", schedule.id, op.id))?;
    Ok(schedule)
}

/// What the plan of a schedule lets bbws start of a routine.
pub fn template_of(plan: &Plan, routine: &str) -> Option<Template> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Remember(what) if what.mark == MarkKind::Routine && what.subject == routine => {
            Template::read(&what.note)
        }
        _ => None,
    })
}

impl<T> Approved<T> {
    /// What was agreed to.
    pub fn get(&self) -> &T {
        &self.what
    }

    /// Slack user ids of those who agreed; empty where nobody had to.
    pub fn by(&self) -> &[String] {
        &self.by
    }
}

/// `1 dba and 1 lead`.
pub fn spoken(needs: &[Need]) -> String {
    let parts: Vec<String> = needs
        .iter()
        .map(|n| {
            if n.role == ANY_ROLE {
                format!("{} in a role", count(n.count, "other person"))
            } else if n.count == 1 {
                format!("1 {}", n.role)
            } else {
                format!("{} people with the role {}", n.count, n.role)
            }
        })
        .collect();
    if parts.is_empty() { "nobody".to_owned() } else { parts.join(" and ") }
}
