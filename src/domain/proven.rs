//! The steps of a failover as people think of them: what each cannot do without, and in which form it was last proved to work. What was
//! proved was proved of what AWS had at that time: an attribute of it that changes takes the proof away.

use std::{collections::BTreeMap, fmt};

use sha2::{Digest as _, Sha256};

use super::{
    environment::Environment,
    mark::{Mark, MarkKind, MarkWrite},
    moment::Moment,
    operation::{OpId, Run, State},
    plan::Plan,
    restored,
    standby::Fence,
    step::{Action, ISSUE, StepState},
};

/// What a step of a failover cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// Nothing but what answers in any region.
    DataPlane,
    /// The DR region.
    DrRegion,
    /// A control plane of which there is one in the world.
    GlobalControlPlane,
    /// The very region that is left, where it can be reached: nothing waits for it.
    PrimaryRegion,
    /// The very region that is left: without it the step cannot be done.
    LostRegion,
}

impl Needs {
    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Needs::DataPlane => "a data plane only",
            Needs::DrRegion => "the DR region",
            Needs::GlobalControlPlane => "a global control plane (Route 53, in us-east-1)",
            Needs::PrimaryRegion => "the primary region, where it can be reached",
            Needs::LostRegion => "the primary region, which may be gone",
        }
    }
}

/// A step of a failover. It is written as its key, by which plans and marks name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The old side is kept from writing.
    Fence,
    /// Something takes the place of this database.
    Database(String),
    /// The files of this file system come up; people do that.
    Files(String),
    /// Replicas of secrets become secrets.
    Secrets,
    /// Services run.
    Services,
    /// Routing controls are turned.
    Controls,
    /// Weighted records lead traffic.
    Records,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Fence => f.write_str("fence"),
            Part::Database(id) => write!(f, "database {id}"),
            Part::Files(id) => write!(f, "files {id}"),
            Part::Secrets => f.write_str("secrets"),
            Part::Services => f.write_str("services"),
            Part::Controls => f.write_str("controls"),
            Part::Records => f.write_str("records"),
        }
    }
}

impl Part {
    fn read(key: &str) -> Option<Part> {
        let named = |key: &str| match key.split_once(' ')? {
            ("database", id) => Some(Part::Database(id.to_owned())),
            ("files", id) => Some(Part::Files(id.to_owned())),
            _ => None,
        };
        let plain = [Part::Fence, Part::Secrets, Part::Services, Part::Controls, Part::Records];
        plain.into_iter().find(|part| part.to_string() == key).or_else(|| named(key))
    }

    /// What people call it.
    pub fn title(&self, env: &Environment) -> String {
        match self {
            Part::Fence => "Keep the old side from writing".to_owned(),
            Part::Database(id) => {
                let replica = env.databases.iter().find(|d| d.id == *id).and_then(|d| d.dr_replica.as_ref());
                match replica {
                    Some(replica) => format!("Promote {replica}"),
                    None => format!("Restore the newest copy of {id}"),
                }
            }
            Part::Files(id) => {
                let name = env.file_systems.iter().find(|files| files.id == *id).map_or(id, |files| &files.name);
                format!("Bring up file system {name}")
            }
            Part::Secrets => "Promote the replicas of secrets".to_owned(),
            Part::Services => "Scale the services up".to_owned(),
            Part::Controls => "Move traffic by routing controls".to_owned(),
            Part::Records => "Move traffic by weighted records".to_owned(),
        }
    }

    /// Whether nothing here carries it out, so that no run can prove it.
    pub fn is_by_hand(&self) -> bool {
        matches!(self, Part::Files(_))
    }

    /// Whether a step of a plan carries it out.
    fn is_done_by(&self, action: &Action, plan: &Plan) -> bool {
        match (self, action) {
            (Part::Fence, Action::FenceService(_))
            | (Part::Secrets, Action::PromoteSecrets(_))
            | (Part::Controls, Action::TurnControls(_))
            | (Part::Records, Action::ShiftTraffic(_)) => true,
            (Part::Database(id), Action::PromoteReplica(promoted)) => promoted.database == *id,
            (Part::Database(id), Action::RestoreTest(restored)) => restored::source(&restored.instance) == id,
            (Part::Services, Action::ScaleService(scaled)) => plan.dr_region.as_ref() == Some(&scaled.region),
            _ => false,
        }
    }
}

/// The steps of a failover of this environment in their order, and what each needs, by what was found of the other side.
pub fn parts(env: &Environment, leans: &[String]) -> Vec<(Part, Needs)> {
    let mut parts: Vec<(Part, Needs)> = Vec::new();
    if env.dr.fence != Fence::None {
        parts.push((Part::Fence, Needs::PrimaryRegion));
    }
    parts.extend(env.databases.iter().map(|database| (Part::Database(database.id.clone()), Needs::DrRegion)));
    parts.extend(env.file_systems.iter().map(|files| (Part::Files(files.id.clone()), Needs::DrRegion)));
    if env.secrets_prefix.is_some() {
        parts.push((Part::Secrets, Needs::DrRegion));
    }
    if env.services.is_some() {
        parts.push((Part::Services, if leans.is_empty() { Needs::DrRegion } else { Needs::LostRegion }));
    }
    match &env.dns {
        Some(dns) if dns.routing_controls.is_some() => parts.push((Part::Controls, Needs::DataPlane)),
        Some(dns) if !dns.records.is_empty() => parts.push((Part::Records, Needs::GlobalControlPlane)),
        Some(_) | None => {}
    }
    parts
}

/// What a step rests on, attribute by attribute, as AWS has it. What changes by itself, or by the step, is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// Adds an attribute. What is not there is told apart from what is empty.
    pub fn add<T: fmt::Display>(&mut self, name: impl Into<String>, value: Option<T>) {
        let value = value.map_or_else(|| "-".to_owned(), |value| format!("={value}"));
        self.0.insert(name.into(), value);
    }

    /// Adds an attribute that is a set: the order of its members means nothing.
    pub fn add_all<T: fmt::Display>(&mut self, name: impl Into<String>, values: impl IntoIterator<Item = T>) {
        let mut values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        values.sort();
        self.add(name, Some(values.join("\n")));
    }

    /// With all that another one has.
    #[must_use]
    pub fn with(mut self, other: Form) -> Form {
        self.0.extend(other.0);
        self
    }

    /// All of it in a few characters.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for (name, value) in &self.0 {
            hasher.update(format!("{}:{name}{}:{value}", name.len(), value.len()));
        }
        hex::encode(&hasher.finalize()[..5])
    }
}

/// Forms that could be seen.
pub type Forms = BTreeMap<Part, Form>;

/// The fact of a plan that says in which form its steps are carried out.
pub const FORM: &str = "Form of its steps";

/// What the fact says.
pub fn told(forms: &Forms) -> String {
    let each = forms.iter().map(|(part, form)| format!("{part} {}", form.digest()));
    each.collect::<Vec<_>>().join(", ")
}

/// What a plan says of it.
fn planned(plan: &Plan) -> impl Iterator<Item = (&str, &str)> {
    let fact = plan.facts.iter().find(|fact| fact.subject == FORM).map_or("", |fact| &fact.found);
    fact.split(", ").filter_map(|part| part.rsplit_once(' '))
}

/// Whether what both plans know of the form of their steps is the same.
pub fn same_form(one: &Plan, other: &Plan) -> bool {
    planned(one).all(|(key, digest)| planned(other).all(|(theirs, is)| theirs != key || is == digest))
}

/// What a failover that has ended has proved: each step of it that was carried out without an issue, in the form it had.
pub fn remembered(run: &Run) -> Vec<MarkWrite> {
    if run.op.state != State::Succeeded {
        return Vec::new();
    }
    let plan = &run.op.plan;
    let proved = |key: &str| {
        let Some(part) = Part::read(key) else { return false };
        let steps = plan.steps.iter().enumerate().filter(|(_, spec)| !spec.back);
        let own: Vec<usize> = steps.filter(|(_, spec)| part.is_done_by(&spec.action, plan)).map(|(at, _)| at).collect();
        let held = |at: &usize| {
            run.steps.get(*at).is_some_and(|step| step.state == StepState::Done && !step.outputs.contains_key(ISSUE))
        };
        !own.is_empty() && own.iter().all(held)
    };
    let mark = |(key, digest): (&str, &str)| {
        MarkWrite::Set(Mark {
            environment: run.op.environment().to_owned(),
            kind: MarkKind::Proved,
            subject: key.to_owned(),
            note: digest.to_owned(),
            operation: run.op.id.to_string(),
            at: run.op.ended.unwrap_or(run.op.created),
        })
    };
    planned(plan).filter(|(key, _)| proved(key)).map(mark).collect()
}

/// What is known of the proof of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// People do it: no run proves it.
    ByHand,
    /// No run has carried it out.
    Never,
    /// A run has, in the form it has now.
    Holds(OpId, Moment),
    /// A run has, and what it rests on has changed since.
    Lost(OpId, Moment),
    /// A run has, and nobody can see now whether anything has changed.
    Unseen(OpId, Moment),
}

impl Proof {
    /// By what the ledger remembers and what is there now.
    pub fn of(part: &Part, marks: &[Mark], forms: &Forms) -> Proof {
        if part.is_by_hand() {
            return Proof::ByHand;
        }
        let key = part.to_string();
        let Some(mark) = marks.iter().find(|mark| mark.kind == MarkKind::Proved && mark.subject == key) else {
            return Proof::Never;
        };
        let (by, at) = (OpId(mark.operation.clone()), mark.at);
        match forms.get(part) {
            Some(form) if form.digest() == mark.note => Proof::Holds(by, at),
            Some(_) => Proof::Lost(by, at),
            None => Proof::Unseen(by, at),
        }
    }

    /// In words, without a period at the end.
    pub fn told(&self) -> String {
        match self {
            Proof::ByHand => "people do it, so that no run proves it".to_owned(),
            Proof::Never => "no run has proved it yet".to_owned(),
            Proof::Holds(by, at) => format!("proved in this form by {by}, {}", at.day_and_clock()),
            Proof::Lost(by, at) => {
                format!(
                    "NOT proved in this form: {by} proved it, {}, and what it rests on has changed",
                    at.day_and_clock()
                )
            }
            Proof::Unseen(by, at) => {
                format!("{by} proved it, {}; whether in this form cannot be seen now", at.day_and_clock())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let named = [Part::Database("a b".into()), Part::Files("fs-1".into())];
        let plain = [Part::Fence, Part::Secrets, Part::Services, Part::Controls, Part::Records];
        for part in named.into_iter().chain(plain) {
            assert_eq!(Part::read(&part.to_string()), Some(part));
        }
        assert_eq!(Part::read("database"), None);
    }

    #[test]
    fn a_form_tells_every_attribute_apart() {
        let form = |name: &str, value: Option<&str>| {
            let mut form = Form::default();
            form.add(name, value);
            form.digest()
        };
        let all = [form("a", Some("b")), form("a", Some("")), form("a", None), form("a", Some("-")), form("ab", None)];
        let different: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        let mut sets = [Form::default(), Form::default()];
        sets[0].add_all("groups", ["sg-1", "sg-2"]);
        sets[1].add_all("groups", ["sg-2", "sg-1"]);
        assert_eq!(sets[0], sets[1]);
    }
}
