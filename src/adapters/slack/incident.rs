//! What the card of an incident shows besides: its clock, who does what, and the buttons by which that is taken.

use super::{blocks::Part, command_button::CommandButton, text::mention};
use crate::{
    domain::{
        drill::choice::Choice,
        incident::{self, Duty, Item, item},
        moment::Moment,
        operation::Run,
        step::OpenRoom,
        text::escape,
    },
    ports::chat::Offer,
};

/// Most action items a card shows; a section takes 3,000 characters.
const ITEMS: usize = 10;

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
    let items = item::of(run);
    if !items.is_empty() {
        let lines: Vec<String> = items.iter().take(ITEMS).map(Item::line).collect();
        let more = items.len().saturating_sub(ITEMS);
        let more = if more > 0 {
            format!("\n… and {more} more: `/bbws dr actions {}`", escape(run.op.environment()))
        } else {
            String::new()
        };
        parts.push(Part::Section(format!("*What is left to do*\n{}{more}", lines.join("\n"))));
    }
    let offers: Vec<Offer> = match run.op.state.terminal() {
        false => Duty::ALL.into_iter().map(|duty| offer(run, duty)).chain(decisions(run, room)).collect(),
        true => {
            let open = items.iter().take(ITEMS).filter(|item| item.done.is_none());
            open.map(|item| item.offer(&run.op.id.0)).collect()
        }
    };
    let buttons: Vec<CommandButton> =
        offers.iter().enumerate().filter_map(|(number, offer)| CommandButton::of(offer, number)).collect();
    parts.extend((!buttons.is_empty()).then_some(Part::Offers(buttons)));
    parts
}

/// What the commander can decide, each asked for its reason; nothing while nobody leads.
fn decisions(run: &Run, room: &OpenRoom) -> Vec<Offer> {
    if holder(run, Duty::Commander).is_none() {
        return Vec::new();
    }
    let offer = |choice: Choice| Offer {
        label: choice.in_earnest(room.disaster).to_owned(),
        command: format!("dr decide {} --choice {}", run.op.id, choice.word()),
        confirm: None,
    };
    Choice::ALL.map(offer).to_vec()
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
