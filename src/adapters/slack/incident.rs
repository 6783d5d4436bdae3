//! What the card of an incident shows besides: its clock, who does what, and the buttons by which that is taken.

use super::{blocks::Part, command_button::CommandButton, text::mention};
use crate::{
    domain::{
        incident::{self, Duty},
        moment::Moment,
        operation::Run,
        text::escape,
    },
    ports::chat::Offer,
};

/// What stands above the steps; nothing on the card of anything else.
pub fn parts(run: &Run, now: Moment) -> Vec<Part> {
    let Some(room) = incident::declared(&run.op.plan) else { return Vec::new() };
    let mut parts = vec![Part::Section(format!("*{}*\n{}", escape(&room.what), incident::clock(run, now).join("\n")))];
    let talk = room.conference.as_ref().map(|url| format!("People talk at {}.", escape(url)));
    let meet = incident::room(run).map(|channel| format!("Its room is <#{channel}>."));
    let places: Vec<String> = meet.into_iter().chain(talk).collect();
    if !places.is_empty() {
        parts.push(Part::Section(places.join(" ")));
    }
    let lines: Vec<String> = Duty::ALL.into_iter().map(|duty| line(run, duty)).collect();
    parts.push(Part::Section(format!("*Who does what*\n{}", lines.join("\n"))));
    if !run.op.state.terminal() {
        let offers = Duty::ALL.into_iter().map(|duty| offer(run, duty)).enumerate();
        parts.push(Part::Offers(offers.filter_map(|(number, offer)| CommandButton::of(&offer, number)).collect()));
    }
    parts
}

fn holder(run: &Run, duty: Duty) -> Option<&incident::Holder> {
    run.op.incident.as_ref()?.duties.get(&duty)
}

fn line(run: &Run, duty: Duty) -> String {
    match holder(run, duty) {
        Some(holder) => format!("✅ *{duty}*: {} since {}", mention(&holder.user), holder.since.clock()),
        None => format!("⬜ *{duty}*: nobody yet"),
    }
}

/// Takes the duty; from somebody who has it only after a question.
fn offer(run: &Run, duty: Duty) -> Offer {
    let command = format!("dr duty {} {duty}", run.op.id);
    match holder(run, duty) {
        None => Offer { label: format!("Take {duty}"), command, confirm: None },
        Some(_) => Offer {
            label: format!("Take over {duty}"),
            command,
            confirm: Some(format!("Somebody is {duty} already. Take it over from them?")),
        },
    }
}
