//! `control.resume`: lifting a stop, which takes two people.

use crate::domain::{
    approval::ANY_ROLE,
    plan::{Fact, Plan},
    policy::Need,
    step::{Action, StepSpec},
};

/// Kind.
pub const KIND: &str = "control.resume";
/// Prefix of its ids.
pub const PREFIX: &str = "rs";

/// One other person who holds any role. Not configurable: starting again takes two people.
pub fn needs() -> Vec<Need> {
    vec![Need { role: ANY_ROLE.to_owned(), count: 1 }]
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
            action: Action::ClearStop { scope: scope.to_owned() },
            always: false,
        }],
    }
}
