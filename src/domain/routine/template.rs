//! What a schedule lets bbws start by itself, as it was approved, and whether a plan is within that.

use serde::{Deserialize, Serialize};

use crate::domain::{plan::Plan, restored};

/// What was approved: it stands in the schedule's plan, so that its digest binds it, and in the mark by which the routine is in
/// force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The command that is carried out, in its canonical text.
    pub command: String,
    /// When: see [`super::Rhythm::parse`].
    pub rhythm: String,
    /// The kind of operation.
    pub kind: String,
    /// Its scope.
    pub scope: String,
    /// AWS account.
    pub account: String,
    /// Region.
    pub region: String,
    /// Region of the copies; none without.
    pub dr_region: Option<String>,
    /// Days for which what it makes may be kept; none where it makes nothing that is kept.
    pub days: Vec<u32>,
    /// What it may be about: names of databases, file systems, buckets, vaults, and prefixes.
    pub about: Vec<String>,
}

impl Template {
    /// As marks and steps have it.
    pub fn note(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a mark's note says; none where it cannot be read, so that nothing is started by it.
    pub fn read(note: &str) -> Option<Template> {
        serde_json::from_str(note).ok()
    }

    /// Whether the plan is of nothing but what was approved.
    ///
    /// # Errors
    /// What is not, in words that follow "since".
    pub fn covers(&self, plan: &Plan) -> Result<(), String> {
        let differs = |what: &str, was: &str, is: &str| Err(format!("{what} is {is} and not {was}, as was approved"));
        let none = "none".to_owned();
        for (what, was, is) in [
            ("its kind", &self.kind, &plan.kind),
            ("its scope", &self.scope, &plan.scope),
            ("the account", &self.account, &plan.account),
            ("the region", &self.region, &plan.region),
            ("the DR region", self.dr_region.as_ref().unwrap_or(&none), plan.dr_region.as_ref().unwrap_or(&none)),
        ] {
            if was != is {
                return differs(what, was, is);
            }
        }
        if let Some(tenant) = &plan.tenant {
            return Err(format!("it is about the tenant {tenant}"));
        }
        if let Some(days) = plan.retention_days.filter(|days| !self.days.contains(days)) {
            return Err(format!("what it makes would be kept for {days} days, which was not approved"));
        }
        for step in plan.steps.iter().filter(|step| step.action.mutates()) {
            let resource = step.action.resource();
            if !self.about.iter().any(|about| resource.contains(about.as_str()) || restored::is_of(resource, about)) {
                return Err(format!("its step \"{}\" is about {resource}, which was not approved", step.title));
            }
        }
        Ok(())
    }
}
