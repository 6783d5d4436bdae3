//! What is shown, approved and run: ordered steps, frozen, with a digest that every vote names.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    mark::MarkKind,
    step::{Action, StepSpec},
};

/// One line of the live world that the plan rests on: shown on the card, signed by the approvers, compared before the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is about: `Database bbws-prod-mysql`.
    pub subject: String,
    /// What was found: `mysql 8.0.36, 100 GiB, encrypted, Multi-AZ`.
    pub found: String,
}

/// Everything an approver signs. Its canonical JSON is what the digest is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// `backup.create`.
    pub kind: String,
    /// Environment's name; `*` for all of them.
    pub environment: String,
    /// `full`, `rds`, `efs`, `secrets`, `tenant`, ….
    pub scope: String,
    /// Tenant it is narrowed to.
    pub tenant: Option<String>,
    /// AWS account id.
    pub account: String,
    /// Primary region.
    pub region: String,
    /// DR region, where copies go; none without replication.
    pub dr_region: Option<String>,
    /// Days the results are kept.
    pub retention_days: Option<u32>,
    /// The live world it rests on.
    pub facts: Vec<Fact>,
    /// What the approver should know before signing: what is lost, what cannot be undone, what is not covered.
    pub notes: Vec<String>,
    /// The steps.
    pub steps: Vec<StepSpec>,
}

impl Plan {
    /// SHA-256 of the canonical JSON, in lower-case hex.
    pub fn digest(&self) -> String {
        let canonical = serde_json::to_vec(self).expect("a plan is plain data and always serialises");
        hex::encode(Sha256::digest(&canonical))
    }

    /// How many steps lead to its end. Those of the way back are told of once somebody takes it.
    pub fn forward(&self) -> usize {
        self.steps.iter().filter(|step| !step.back).count()
    }

    /// Whether it releases a hold instead of setting one.
    pub fn releases(&self) -> bool {
        self.steps.iter().any(|s| matches!(&s.action, Action::Forget(mark) if mark.mark == MarkKind::Hold))
    }

    /// What differs between the plan that was approved and the one the live world gives now, one line each.
    pub fn drift(&self, now: &Plan) -> Vec<String> {
        let mut lines = Vec::new();
        for (label, was, is) in [
            ("account", Some(&self.account), Some(&now.account)),
            ("region", Some(&self.region), Some(&now.region)),
            ("DR region", self.dr_region.as_ref(), now.dr_region.as_ref()),
        ] {
            if was != is {
                let none = "none".to_owned();
                lines.push(format!("{label}: was {}, is now {}", was.unwrap_or(&none), is.unwrap_or(&none)));
            }
        }
        if self.retention_days != now.retention_days {
            lines.push(format!(
                "retention: was {:?} days, is now {:?} days",
                self.retention_days.unwrap_or(0),
                now.retention_days.unwrap_or(0)
            ));
        }
        drift_of_facts(&self.facts, &now.facts, &mut lines);
        drift_of_steps(&self.steps, &now.steps, &mut lines);
        if lines.is_empty() && self != now {
            lines.push("the notes of the plan changed".to_owned());
        }
        lines
    }
}

fn drift_of_facts(was: &[Fact], is: &[Fact], lines: &mut Vec<String>) {
    for old in was {
        match is.iter().find(|f| f.subject == old.subject) {
            None => lines.push(format!("{} is gone", old.subject)),
            Some(new) if new.found != old.found => {
                lines.push(format!("{}: was {}, is now {}", old.subject, old.found, new.found));
            }
            Some(_) => {}
        }
    }
    for new in is.iter().filter(|n| !was.iter().any(|o| o.subject == n.subject)) {
        lines.push(format!("{} is new: {}", new.subject, new.found));
    }
}

fn drift_of_steps(was: &[StepSpec], is: &[StepSpec], lines: &mut Vec<String>) {
    for old in was.iter().filter(|o| !is.contains(o)) {
        match is.iter().find(|n| n.title == old.title) {
            Some(_) => lines.push(format!("step \"{}\" would run with other parameters", old.title)),
            None => lines.push(format!("step \"{}\" would not run", old.title)),
        }
    }
    for new in is.iter().filter(|n| !was.iter().any(|o| o.title == n.title)) {
        lines.push(format!("step \"{}\" would run as well", new.title));
    }
}
