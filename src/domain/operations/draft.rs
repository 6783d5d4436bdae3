//! A plan in the making: what was found, what to know, what to do, and what stands in the way.

use crate::domain::{
    environment::{Environment, Side},
    plan::{Fact, Plan},
    step::{Action, StepSpec},
};

/// What a plan is of.
pub(super) struct Head<'a> {
    pub(super) kind: &'static str,
    pub(super) environment: &'a Environment,
    pub(super) scope: String,
    pub(super) tenant: Option<String>,
    pub(super) retention_days: Option<u32>,
}

/// The parts of a plan.
#[derive(Default)]
pub(super) struct Draft {
    facts: Vec<Fact>,
    notes: Vec<String>,
    steps: Vec<StepSpec>,
    problems: Vec<String>,
    /// Where its parts begin that go back each by itself.
    parts: Vec<usize>,
}

impl Draft {
    /// A line of the live world that the plan rests on: when it changes, the approval is void.
    pub(super) fn fact(&mut self, subject: impl Into<String>, found: impl Into<String>) {
        self.facts.push(Fact { subject: subject.into(), found: found.into() });
    }

    /// What the approver should know.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Why there cannot be such a plan.
    pub(super) fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// Adds a step; answers its index.
    pub(super) fn step(&mut self, title: impl Into<String>, after: Vec<usize>, action: impl Into<Action>) -> usize {
        let action = action.into();
        self.steps.push(StepSpec { title: title.into(), after, kind_version: 1, action, always: false, back: false });
        self.steps.len() - 1
    }

    /// Adds a step that cleans up, whatever became of those before it.
    pub(super) fn always(&mut self, title: impl Into<String>, after: Vec<usize>, action: impl Into<Action>) -> usize {
        let index = self.step(title, after, action);
        self.steps[index].always = true;
        index
    }

    /// Adds a step of the way back, which undoes these.
    pub(super) fn back(&mut self, title: impl Into<String>, after: Vec<usize>, action: impl Into<Action>) -> usize {
        let index = self.step(title, after, action);
        self.steps[index].back = true;
        index
    }

    /// What follows is another part of it. On the way back the parts come in the reverse order: what changed last goes back first.
    pub(super) fn part(&mut self) {
        self.parts.push(self.steps.len());
    }

    /// Indexes of all steps so far.
    pub(super) fn all(&self) -> Vec<usize> {
        (0..self.steps.len()).collect()
    }

    /// Whether there is nothing to do yet.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The plan.
    ///
    /// # Errors
    /// Everything that stands in the way.
    pub(super) fn finish(self, head: Head<'_>) -> Result<Plan, Vec<String>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let env = head.environment;
        let mut facts = self.facts;
        if env.side == Side::Dr {
            let found = format!("{}, the DR region, after a failover", env.primary_region);
            facts.insert(0, Fact { subject: "Active region".to_owned(), found });
        }
        Ok(Plan {
            kind: head.kind.to_owned(),
            environment: env.name.clone(),
            scope: head.scope,
            tenant: head.tenant,
            account: env.account.clone(),
            region: env.primary_region.clone(),
            dr_region: env.replicates().then(|| env.dr_region.clone()),
            retention_days: head.retention_days,
            facts,
            notes: self.notes,
            steps: if self.parts.is_empty() { self.steps } else { last_part_first(self.steps, &self.parts) },
        })
    }
}

/// The same steps with those of the way back behind all others, those of the last part first.
fn last_part_first(steps: Vec<StepSpec>, parts: &[usize]) -> Vec<StepSpec> {
    let part = |index: usize| parts.partition_point(|begins| *begins <= index);
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by_key(|index| (steps[*index].back, if steps[*index].back { parts.len() - part(*index) } else { 0 }));
    let mut place = vec![0; steps.len()];
    for (now, before) in order.iter().enumerate() {
        place[*before] = now;
    }
    let moved = |spec: &StepSpec| StepSpec { after: spec.after.iter().map(|i| place[*i]).collect(), ..spec.clone() };
    order.iter().map(|index| moved(&steps[*index])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{mark::MarkKind, step::Forget};

    fn forget(subject: &str) -> Forget {
        Forget { mark: MarkKind::Before, subject: subject.to_owned() }
    }

    #[test]
    fn what_changed_last_goes_back_first_and_comes_after_what_it_came_after() {
        let mut draft = Draft::default();
        let looked = draft.step("look", vec![], forget("look"));
        let mut before = looked;
        for part in ["a", "b"] {
            draft.part();
            let changed = draft.step(format!("change {part}"), vec![before], forget(part));
            let out = draft.back(format!("out {part}"), vec![changed], forget(part));
            draft.back(format!("in {part}"), vec![changed, out], forget(part));
            before = draft.step(format!("prove {part}"), vec![changed], forget(part));
        }
        let steps = last_part_first(draft.steps, &draft.parts);
        let titles: Vec<&str> = steps.iter().map(|spec| spec.title.as_str()).collect();
        let forward = ["look", "change a", "prove a", "change b", "prove b"];
        assert_eq!(titles, [&forward[..], &["out b", "in b", "out a", "in a"]].concat());
        let after = |title: &str| {
            let spec = steps.iter().find(|spec| spec.title == title).unwrap();
            spec.after.iter().map(|index| titles[*index]).collect::<Vec<_>>()
        };
        assert_eq!(after("in b"), ["change b", "out b"]);
        assert_eq!(after("change b"), ["prove a"]);
        assert!(steps.iter().enumerate().all(|(at, spec)| spec.after.iter().all(|before| *before < at)));
    }
}
