//! `control.resume`: lifting a stop, which takes two people.

use super::{Ended, Operation, Works};
use crate::domain::{
    approval,
    command::{ANY_ENVIRONMENT, Arg, Command, Control, Does, Entry, Group, REASON, Values, as_they_are, nothing_more},
    operation::Run,
    plan::{Fact, Plan},
    policy::Need,
    step::{self, StepSpec},
};

/// The kind on plans.
const KIND: &str = "control.resume";

static ENTRY: Entry = Entry {
    name: "resume",
    path: &["resume"],
    group: Group::Emergency,
    place: 20,
    about: "End a stop",
    happens: "Operations may start again once a second person has agreed.",
    args: &[
        Arg { about: "the environment that is stopped; left out, the stop of every environment", ..ANY_ENVIRONMENT },
        REASON,
    ],
    examples: &["resume ENV --reason \"false alarm\""],
    who: "anyone in a role, and a second person has to agree",
    does: |_| Does::Control(Control::Lift),
    settle: as_they_are,
    mend: nothing_more,
};

/// The command that asks for the lifting of a stop.
pub fn command(environment: Option<&str>, reason: Option<&str>) -> Command {
    let mut values = Values::default();
    values.offer(ANY_ENVIRONMENT.name, environment);
    values.offer(REASON.name, reason);
    Command::new(&ENTRY, values)
}

/// The operation. Its plan is made from the stops that are in force, not from the live world.
pub struct Resume;

impl Operation for Resume {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "rs"
    }

    fn works(&self) -> Works {
        Works::OnBoth
    }

    /// Its command is a hand on what runs (`app::lift`): which stops are meant is settled there.
    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    /// One other person, who holds any role where no rule says which: starting again always takes two people.
    fn needs(&self, _: &Plan, configured: Vec<Need>) -> Vec<Need> {
        approval::somebody(configured)
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
            back: false,
        }],
    }
}
