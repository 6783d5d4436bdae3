//! Incidents: what one is about, who does what in it, what its clock says, and what is done first.
//!
//! What was declared is part of the plan: the step that opens the room ([`OpenRoom`]) holds it. What people do in the room
//! changes with every click, and is kept with the record of the operation ([`Incident`]).

pub mod disaster;
pub mod duty;
pub mod item;
pub mod record;
pub mod review;
pub mod settings;
mod told;
pub mod update;

use super::{
    operation::Run,
    plan::Plan,
    step::{Action, OpenRoom, StepState},
};

pub use disaster::{Disaster, Hint, checklist};
pub use duty::Duty;
pub use record::{Amendment, Decision, Entry, Holder, Incident, Item, Measured, RULINGS, Ruling, Update};
pub use settings::{Drills, Every, Incidents};
pub use told::{Call, calls, clock};

/// The output of the step that opened the room: its channel id.
pub const CHANNEL: &str = "channel";
/// What outputs of the step that invited people begin with where they name, for a duty, who of its group is called first.
pub const FIRST: &str = "first_";

/// What was declared, where this is the plan of an incident.
pub fn declared(plan: &Plan) -> Option<&OpenRoom> {
    plan.steps.iter().find_map(|spec| match &spec.action {
        Action::OpenRoom(room) => Some(room),
        _ => None,
    })
}

/// The room of an incident, once there is one: its channel id.
pub fn room(run: &Run) -> Option<&str> {
    let opens = run.op.plan.steps.iter().position(|spec| matches!(spec.action, Action::OpenRoom(_)))?;
    let step = run.steps.get(opens).filter(|step| step.state == StepState::Done)?;
    step.outputs.get(CHANNEL).map(String::as_str)
}

/// The name of a room, in the letters and the length that Slack takes for a channel's.
pub fn room_name(prefix: &str, ticket: &str, environment: &str) -> String {
    /// Slack takes 80; two are left for `-2`.
    const LONGEST: usize = 78;
    let whole = format!("{prefix}-{ticket}-{environment}").to_ascii_lowercase();
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let tail = format!("-{environment}").to_ascii_lowercase();
    let head: String =
        whole.chars().take(whole.chars().count().saturating_sub(tail.chars().count())).map(fits).collect();
    let head: String = head.chars().take(LONGEST.saturating_sub(tail.chars().count())).collect();
    head + &tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rooms_name_is_one_that_slack_takes() {
        assert_eq!(room_name("inc", "INC-1", "prod"), "inc-inc-1-prod");
        assert_eq!(room_name("inc", "Störung 7/a", "prod"), "inc-st-rung-7-a-prod");
        let long = room_name("inc", &"X".repeat(200), "prod");
        assert_eq!(long.len(), 78);
        assert!(long.ends_with("x-prod"), "{long}");
    }
}
