//! What a message consists of, and how Slack's blocks are made of it. Every limit of Slack is kept here, by construction.

use std::borrow::Cow;

use serde_json::Value;
use slack_morphism::prelude::*;

use super::{
    chart::Graph,
    command_button::CommandButton,
    support::{Newer, Support},
    table::Sheet,
    text::{SECTION, clip, clip_mrkdwn, len, one_line, split},
};
use crate::ports::chat::Level;

/// Most blocks in a message.
const BLOCKS: usize = 50;
/// Longest text of an alert.
const ALERT: usize = 200;
/// Most task cards in a plan.
pub const TASKS: usize = 50;
/// What the words of a plan's details may come to in all, lest the message as a whole grows too long.
const PLAN_WORDS: usize = 6_000;

/// Where a task is; drawn as the status of a task card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
    /// Done.
    Complete,
    /// Failed or unknown.
    Error,
}

/// One line of the plan, in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Unique in the plan.
    pub id: String,
    /// What it does.
    pub title: String,
    /// Where it is.
    pub status: Status,
    /// How far it is, what AWS says.
    pub details: String,
    /// AWS's id of it.
    pub code: Option<String>,
    /// What came of it.
    pub output: Option<String>,
    /// Address in the AWS console.
    pub link: Option<String>,
}

/// A button of an operation's card.
#[derive(Debug, Clone, PartialEq)]
pub struct Button {
    /// What it says.
    pub label: &'static str,
    /// Its `action_id`.
    pub action: Cow<'static, str>,
    /// `primary`, `danger` or neither.
    pub style: Option<SlackBlockButtonStyle>,
    /// What is asked before it counts.
    pub confirm: Option<Question>,
}

/// What is asked before a button counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Plain text.
    pub text: String,
    /// It cannot be taken back, and looks like that.
    pub irreversible: bool,
}

impl Question {
    /// The `style` of the dialog: red is kept for what cannot be taken back.
    pub fn style(irreversible: bool) -> String {
        if irreversible { "danger" } else { "primary" }.to_owned()
    }
}

/// A piece of a message, whatever blocks it is drawn with.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// mrkdwn of any length.
    Section(String),
    /// Label and mrkdwn, at most ten.
    Fields(Vec<(&'static str, String)>),
    /// A sentence or two of mrkdwn that must be seen.
    Alert(Level, String),
    /// The plan and its tasks.
    Plan {
        /// Plain text.
        title: String,
        /// At most [`TASKS`].
        tasks: Vec<Task>,
    },
    /// What need not be read at once, folded away: mrkdwn under a title of plain text. Where nothing folds, a button shows it.
    Folded {
        /// What is in it, with counts.
        title: String,
        /// Sections of mrkdwn, at most ten.
        sections: Vec<String>,
        /// Says the command that shows the same.
        show: Option<CommandButton>,
    },
    /// mrkdwn in small print.
    Context(String),
    /// A table, with a button per row or none.
    Table {
        /// As much as fits.
        sheet: Sheet,
        /// The same in mrkdwn.
        plain: String,
    },
    /// A line chart.
    Chart {
        /// As much as can be drawn; nothing where nothing is known.
        graph: Option<Graph>,
        /// mrkdwn about what cannot be drawn, or nothing.
        notes: String,
        /// The same in mrkdwn.
        plain: String,
    },
    /// Buttons that say a command, at most 25.
    Offers(Vec<CommandButton>),
    /// A field for the reason of a veto, to type in before the button is pressed.
    Reason,
    /// Buttons.
    Actions {
        /// `block_id`.
        block: String,
        /// Value of every button.
        value: String,
        /// The buttons.
        buttons: Vec<Button>,
    },
}

/// The blocks of a message.
pub fn draw(parts: &[Part], support: Support) -> Vec<Value> {
    draw_within(BLOCKS, parts, support)
}

/// The blocks of a surface that takes so many.
pub fn draw_within(most: usize, parts: &[Part], support: Support) -> Vec<Value> {
    let mut blocks: Vec<SlackBlock> = parts.iter().flat_map(|part| part.draw(support)).collect();
    let controls =
        blocks.iter().rev().take_while(|b| matches!(b, SlackBlock::Actions(_) | SlackBlock::Input(_))).count();
    if blocks.len() > most {
        // Whatever has to go, the buttons stay.
        let tail = blocks.split_off(blocks.len() - controls);
        blocks.truncate(most - controls - 1);
        blocks.push(section("… the rest does not fit into one message."));
        blocks.extend(tail);
    }
    blocks.into_iter().map(|b| serde_json::to_value(b).expect("a block is plain data and always serialises")).collect()
}

/// `⛔` and the like, for where there is no alert block.
pub fn sign(level: Level) -> &'static str {
    match level {
        Level::Info => "ℹ️",
        Level::Success => "✅",
        Level::Warning => "⚠️",
        Level::Error => "⛔",
    }
}

impl Part {
    fn draw(&self, support: Support) -> Vec<SlackBlock> {
        match self {
            Part::Section(text) => sections(text),
            Part::Fields(fields) => vec![fields_block(fields)],
            Part::Alert(level, text) if support.takes(Newer::Alert) => alert(*level, text),
            Part::Alert(level, text) => sections(&format!("{} {text}", sign(*level))),
            Part::Plan { title, tasks } if support.takes(Newer::Plan) => vec![plan(title, tasks)],
            Part::Plan { title, tasks } => sections(&plan_lines(title, tasks)),
            Part::Folded { title, sections, .. } if support.takes(Newer::Container) => vec![folded(title, sections)],
            Part::Folded { title, show, .. } => {
                let title = context(&super::text::escape(title));
                std::iter::once(title)
                    .chain(show.iter().map(|ask| offers("bbws.plan", std::slice::from_ref(ask))))
                    .collect()
            }
            Part::Context(text) => vec![context(text)],
            Part::Table { sheet, .. } if support.takes(Newer::Table) && sheet.len() > 0 => vec![sheet.block(support)],
            Part::Table { plain, .. } => sections(plain),
            Part::Chart { graph: Some(graph), notes, .. } if support.takes(Newer::Chart) => {
                let notes = (!notes.is_empty()).then(|| context(notes));
                std::iter::once(graph.block()).chain(notes).collect()
            }
            Part::Chart { plain, .. } => sections(plain),
            Part::Offers(command_button) => vec![offers("bbws.offers", command_button)],
            Part::Reason => vec![reason()],
            Part::Actions { buttons, .. } if buttons.is_empty() => Vec::new(),
            Part::Actions { block, value, buttons } => {
                let elements = buttons.iter().take(25).map(|b| button(b, value)).collect();
                vec![SlackActionsBlock::new(elements).with_block_id(SlackBlockId(clip(block, 255))).into()]
            }
        }
    }
}

/// Slack refuses empty text.
fn filled(text: String) -> String {
    if text.trim().is_empty() { "–".to_owned() } else { text }
}

fn section(text: &str) -> SlackBlock {
    SlackSectionBlock::new().with_text(SlackBlockMarkDownText::new(filled(clip_mrkdwn(text, SECTION))).into()).into()
}

fn sections(text: &str) -> Vec<SlackBlock> {
    let mut blocks = Vec::new();
    let mut rest = Some(text.to_owned());
    while let Some(text) = rest {
        let (head, tail) = split(&text, SECTION);
        blocks.push(section(&head));
        rest = tail;
    }
    blocks
}

fn offers(block: &str, command_button: &[CommandButton]) -> SlackBlock {
    let elements = command_button.iter().map(|ask| ask.element().into()).collect();
    SlackActionsBlock::new(elements).with_block_id(SlackBlockId(block.into())).into()
}

/// Closed until somebody opens it. Neither a `plan` nor a table is among the blocks that every version of Slack takes inside.
fn folded(title: &str, sections: &[String]) -> SlackBlock {
    let children = sections.iter().take(10).map(|text| section(text)).collect();
    SlackContainerBlock::new(children)
        .with_title(filled(clip(&one_line(title), 150)).into())
        .with_is_collapsible(true)
        .with_default_collapsed(true)
        .into()
}

fn context(text: &str) -> SlackBlock {
    SlackContextBlock::new(vec![SlackBlockMarkDownText::new(filled(clip_mrkdwn(text, 1_000))).into()]).into()
}

fn fields_block(fields: &[(&str, String)]) -> SlackBlock {
    let texts = fields.iter().take(10).map(|(label, value)| {
        SlackBlockMarkDownText::new(format!("*{label}*\n{}", filled(clip_mrkdwn(value, 1_900)))).into()
    });
    SlackSectionBlock::new().with_fields(texts.collect()).into()
}

fn alert(level: Level, text: &str) -> Vec<SlackBlock> {
    let level = match level {
        Level::Info => SlackAlertLevel::Info,
        Level::Success => SlackAlertLevel::Success,
        Level::Warning => SlackAlertLevel::Warning,
        Level::Error => SlackAlertLevel::Error,
    };
    // A list stays in one piece: its heading is the alert, and the list stands below it.
    let heading = text.split_once('\n').filter(|(head, _)| len(text) > ALERT && len(head) <= ALERT);
    let (head, rest) =
        heading.map_or_else(|| split(text, ALERT), |(head, rest)| (head.to_owned(), Some(rest.to_owned())));
    let mut blocks: Vec<SlackBlock> =
        vec![SlackAlertBlock::new(SlackBlockMarkDownText::new(filled(head)).into()).with_level(level).into()];
    blocks.extend(rest.iter().flat_map(|rest| sections(rest)));
    blocks
}

fn plan(title: &str, tasks: &[Task]) -> SlackBlock {
    let room = (PLAN_WORDS / tasks.len().max(1)).max(120);
    SlackPlanBlock::new(clip(&one_line(title), 150), tasks.iter().take(TASKS).map(|t| task_card(t, room)).collect())
        .into()
}

fn task_card(task: &Task, room: usize) -> SlackTaskCardBlock {
    let mut details: Vec<SlackRichTextInlineElement> = Vec::new();
    if !task.details.is_empty() {
        details.push(clip(&one_line(&task.details), room).into());
    }
    if let Some(code) = &task.code {
        if !details.is_empty() {
            details.push(" · ".into());
        }
        details.push(SlackRichTextText::new(clip(&one_line(code), 120)).code().into());
    }
    let rich = |inline: Vec<SlackRichTextInlineElement>| -> SlackRichTextInlineContent {
        SlackRichTextBlock::new(vec![SlackRichTextSection::new(inline).into()]).into()
    };
    let mut card = SlackTaskCardBlock::new(SlackTaskId(clip(&task.id, 100)), filled(clip(&one_line(&task.title), 150)))
        .with_status(match task.status {
            Status::Pending => SlackTaskCardStatus::Pending,
            Status::InProgress => SlackTaskCardStatus::InProgress,
            Status::Complete => SlackTaskCardStatus::Complete,
            Status::Error => SlackTaskCardStatus::Error,
        });
    if !details.is_empty() {
        card.details(rich(details));
    }
    if let Some(output) = task.output.as_deref().map(one_line).filter(|o| !o.is_empty()) {
        card.output(rich(vec![clip(&output, room).into()]));
    }
    if let Some(url) = task.link.as_deref().and_then(|l| l.parse().ok()) {
        card.sources(vec![SlackUrlSourceElement::new(url, "AWS console".to_owned()).into()]);
    }
    card
}

/// The plan as lines of mrkdwn, no longer than a section.
fn plan_lines(title: &str, tasks: &[Task]) -> String {
    use super::text::escape;
    let mut out = format!("*{}*", clip_mrkdwn(&escape(title), 150));
    for (i, task) in tasks.iter().enumerate() {
        let mark = match task.status {
            Status::Pending => "▫️",
            Status::InProgress => "⏳",
            Status::Complete => "✅",
            Status::Error => "⛔",
        };
        let words = [Some(task.details.as_str()), task.output.as_deref()]
            .into_iter()
            .flatten()
            .filter(|w| !w.is_empty())
            .collect::<Vec<_>>()
            .join(" · ");
        let words =
            if words.is_empty() { String::new() } else { format!(" – {}", clip_mrkdwn(&escape(&words), 300)) };
        let code = task
            .code
            .as_ref()
            .map(|c| format!(" `{}`", clip_mrkdwn(&escape(c).replace('`', "'"), 120)))
            .unwrap_or_default();
        let link = task
            .link
            .as_ref()
            .filter(|l| l.len() < 400)
            .map(|l| format!(" <{}|AWS console>", l.replace('&', "&amp;")))
            .unwrap_or_default();
        let line = format!("\n{mark} {}{words}{code}{link}", clip_mrkdwn(&escape(&task.title), 150));
        let more = format!("\n… and {} more", super::text::count(tasks.len() - i, "line"));
        if super::text::len(&out) + super::text::len(&line) + super::text::len(&more) > SECTION {
            out.push_str(&more);
            return out;
        }
        out.push_str(&line);
    }
    out
}

fn reason() -> SlackBlock {
    let element =
        SlackBlockPlainTextInputElement::new().with_action_id(SlackActionId("reason".into())).with_max_length(500);
    SlackInputBlock::new("Reason, if you reject".into(), element.into())
        .with_block_id(SlackBlockId("bbws.reason".into()))
        .with_optional(true)
        .with_dispatch_action(false)
        .into()
}

fn button(button: &Button, value: &str) -> SlackActionBlockElement {
    let mut element = SlackBlockButtonElement::new(button.label.into())
        .with_action_id(SlackActionId(button.action.to_string()))
        .with_value(clip(value, 2_000));
    element.style.clone_from(&button.style);
    element.confirm = button.confirm.as_ref().map(|question| confirm(button, question, value));
    element.into()
}

fn confirm(button: &Button, question: &Question, value: &str) -> SlackBlockConfirmItem {
    let text: SlackBlockPlainText = clip(&one_line(&question.text), 300).into();
    SlackBlockConfirmItem::new(
        clip(&format!("{} {value}?", button.label), 100).into(),
        text.into(),
        button.label.into(),
        "Back".into(),
    )
    .with_style(Question::style(question.irreversible))
}
