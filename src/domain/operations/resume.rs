//! `control.resume`: lifting a stop, which takes two people.

use super::{Ended, Operation};
use crate::domain::{
    approval::ANY_ROLE,
    command::Command,
    operation::Run,
    plan::{Fact, Plan},
    policy::Need,
    step::{self, StepSpec},
};

/// The kind on plans.
const KIND: &str = "control.resume";

/// The operation. Its plan is made from the stops that are in force, not from the live world.
pub struct Resume;

impl Operation for Resume {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "rs"
    }

    /// Never on the way of the others: which stop is meant is settled by who asks, `app::lift`.
    fn asked_by(&self, _: &Command) -> bool {
        false
    }

    /// One other person who holds any role. Not configurable: starting again takes two people.
    fn needs(&self, _: &Plan, _: Vec<Need>) -> Vec<Need> {
        vec![Need { role: ANY_ROLE.to_owned(), count: 1 }]
    }

    fn locks(&self) -> bool {
        false
    }

    /// The step itself looks whether a newer stop has come.
    fn plans_again(&self, _: &Run) -> bool {
        false
    }

    fn passes_stops(&self) -> bool {
        true
    }

    /// It is no event of an environment; those it lets go on are.
    fn publishes(&self) -> bool {
        false
    }

    fn title(&self, plan: &Plan) -> String {
        let what = if plan.scope == "*" { "every environment" } else { &plan.scope };
        format!("Lift the stop of {what}")
    }

    fn done(&self, _: &Ended<'_>) -> String {
        "The stop is lifted.".to_owned()
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "The stop is *not* lifted."
    }
}

/// The plan: lift the stop of `scope` (`*`, an environment, or an operation's id). `facts` says what was stopped, by
/// whom, and what will go on.
pub fn plan(scope: &str, environment: &str, facts: Vec<Fact>) -> Plan {
    let what = if scope == "*" { "every environment".to_owned() } else { scope.to_owned() };
    Plan {
        kind: KIND.to_owned(),
        environment: environment.to_owned(),
        scope: scope.to_owned(),
        tenant: None,
        account: String::new(),
        region: String::new(),
        dr_region: None,
        retention_days: None,
        facts,
        notes: vec![
            "Stopped operations go on where they halted, with the plans that were approved for them.".to_owned(),
        ],
        steps: vec![StepSpec {
            title: format!("Lift the stop of {what}"),
            after: Vec::new(),
            kind_version: 1,
            action: step::ClearStop { scope: scope.to_owned() }.into(),
            always: false,
        }],
    }
}
