//! Buttons that say a command in the name of whoever presses them.

use slack_morphism::prelude::*;

use super::{
    blocks::Question,
    text::{clip, escape, len, one_line},
};
use crate::{domain::operations, ports::chat::Offer};

/// `action_id` of these buttons, with a number behind it, since an id may stand in a message but once.
const ACTION: &str = "bbws.ask.";
/// The slash command in front of what is typed.
const SLASH: &str = "/bbws";
/// Longest value of a button.
const VALUE: usize = 2_000;
/// Longest command shown as text.
const SHOWN: usize = 200;

/// An offer that fits on a button.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandButton {
    number: usize,
    /// What the button says.
    pub label: String,
    /// Its value.
    command: String,
    confirm: Option<String>,
}

impl CommandButton {
    /// The offer as the `number`th of these buttons in a message. None when no button can carry the command: a command that
    /// was cut would be another one.
    pub fn of(offer: &Offer, number: usize) -> Option<CommandButton> {
        let command = one_line(&offer.command);
        if command.is_empty() || len(&command) > VALUE {
            return None;
        }
        let label = one_line(&offer.label);
        let label = clip(if label.is_empty() { &command } else { &label }, 75);
        let confirm = offer.confirm.as_deref().map(|text| match one_line(text) {
            text if text.is_empty() => clip(&format!("This says {SLASH} {command}"), 300),
            text => clip(&text, 300),
        });
        Some(CommandButton { number, label, command, confirm })
    }

    /// What is typed instead of pressing, as plain text.
    pub fn typed(&self) -> String {
        typed(&self.command)
    }

    /// Characters the button carries beside those that are always read.
    pub fn hidden(&self) -> usize {
        let confirm = self.confirm.as_ref().map_or(0, |text| len(text) + self.title().len() + 2 * 30);
        len(&self.command) + len(&self.label) + confirm
    }

    fn title(&self) -> String {
        clip(&format!("{}?", self.label), 100)
    }

    /// The button.
    pub fn element(&self) -> SlackBlockButtonElement {
        let mut element = SlackBlockButtonElement::new(self.label.as_str().into())
            .with_action_id(SlackActionId(format!("{ACTION}{}", self.number)))
            .with_value(self.command.clone());
        element.confirm = self.confirm.as_ref().map(|text| {
            let text: SlackBlockPlainText = text.as_str().into();
            let yes = clip(&self.label, 30);
            SlackBlockConfirmItem::new(self.title().into(), text.into(), yes.into(), "Back".into())
                .with_style(Question::style(operations::irreversible(&self.command)))
        });
        element
    }
}

/// A command with the slash command in front, as plain text of bounded length.
fn typed(command: &str) -> String {
    clip(&format!("{SLASH} {}", one_line(command)), SHOWN)
}

/// Label and command of each offer, in mrkdwn lines of at most `room` in all; nothing without offers.
pub fn lines(offers: &[Offer], room: usize) -> String {
    let mut out = String::new();
    for (i, offer) in offers.iter().enumerate() {
        let label = clip(&one_line(&offer.label), 75);
        let code = escape(&typed(&offer.command).replace('`', "'"));
        let line = format!("{}• {}: `{code}`", if i == 0 { "" } else { "\n" }, escape(&label));
        let more = format!("\n… and {} more", offers.len() - i);
        if len(&out) + len(&line) + len(&more) > room {
            return if i == 0 { String::new() } else { out + &more };
        }
        out.push_str(&line);
    }
    out
}
