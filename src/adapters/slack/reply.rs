//! A sentence and what stands beside it, as a message and as the answer to a command: JSON for the body of the reply to
//! Slack's own request.

use serde_json::{Value, json};

use super::{
    blocks::{self, Part},
    card::{Message, TEXT},
    chart::{self, Graph},
    command_button::{self, CommandButton},
    support::Support,
    table::{Sheet, monospace},
    text::{clip_mrkdwn, count, escape, len},
};
use crate::ports::chat::{Attachment, Chart, Level, Offer, Reply, Table};

/// Longest text of an answer, which is shown once and never edited: Slack takes 40,000 characters of it, and of an edit 4,000.
const ANSWER: usize = 12_000;
/// Most buttons below a message.
const OFFERS: usize = 25;
/// How much of the text is kept for charts, and for buttons, before tables get the rest.
const KEPT: usize = 800;

/// `{"response_type": "ephemeral", "text": …, "blocks": […]}`.
pub fn reply(reply: &Reply, support: Support) -> Value {
    let Message { mut text, parts } = message(reply.level, &reply.text, &reply.attachment);
    let whole = format!("{} {}", blocks::sign(reply.level), reply.text);
    if len(&whole) > TEXT {
        text = clip_mrkdwn(&whole, ANSWER);
    }
    json!({ "response_type": "ephemeral", "text": text, "blocks": blocks::draw(&parts, support) })
}

/// Plain information reads best as a section; what is louder is an alert.
fn said(level: Level, text: &str) -> Part {
    if level == Level::Info && len(text) > 200 {
        Part::Section(text.to_owned())
    } else {
        Part::Alert(level, text.to_owned())
    }
}

/// A sentence and what stands beside it: as an answer, in a thread, in a channel, or whispered.
pub fn message(level: Level, sentence: &str, attachment: &Attachment) -> Message {
    let table = attachment.table.as_ref().filter(|t| !t.rows.is_empty() && !t.columns.is_empty());
    let chart = attachment.chart.as_ref().filter(|c| !c.categories.is_empty() && !c.series.is_empty());
    let mut parts = vec![said(level, sentence)];
    parts.extend(table.into_iter().flat_map(table_parts));
    parts.extend(chart.map(chart_part));
    parts.extend(offer_parts(&attachment.offers, table.map_or(0, |t| t.rows.len())));
    let mut text = clip_mrkdwn(&format!("{} {sentence}", blocks::sign(level)), TEXT);
    // The table is the longest and gets what the others leave.
    let room = |text: &str| TEXT.saturating_sub(len(text) + 3);
    let plain_chart = chart.map(|c| chart::words(c, KEPT.min(room(&text)))).unwrap_or_default();
    let plain_offers =
        command_button::lines(&attachment.offers, KEPT.min(room(&text).saturating_sub(len(&plain_chart))));
    let left = room(&text).saturating_sub(len(&plain_chart) + len(&plain_offers));
    let plain_table = table.filter(|_| left > 100).map(|t| monospace(t, left)).unwrap_or_default();
    for plain in [plain_table, plain_chart, plain_offers].iter().filter(|p| !p.is_empty()) {
        text = format!("{text}\n{plain}");
    }
    Message { text, parts }
}

fn table_parts(table: &Table) -> Vec<Part> {
    let sheet = Sheet::fitting(table, 0);
    let left = table.rows.len() - sheet.len();
    let mut parts = vec![Part::Table { sheet, plain: monospace(table, TEXT - 100) }];
    if left > 0 {
        parts.push(Part::Context(format!(
            "… and {} more that the table cannot hold; narrow the list down to see them.",
            count(left, "row")
        )));
    }
    parts
}

fn chart_part(chart: &Chart) -> Part {
    let (graph, notes) = Graph::fitting(chart);
    Part::Chart { graph, notes: escape(&notes.join(" ")), plain: chart::words(chart, TEXT - 100) }
}

/// Buttons, numbered from `first`, and in words whatever no button can carry.
fn offer_parts(offers: &[Offer], first: usize) -> Vec<Part> {
    let (mut fit, mut rest) = (Vec::new(), Vec::new());
    for (i, offer) in offers.iter().enumerate() {
        match CommandButton::of(offer, first + i).filter(|_| fit.len() < OFFERS) {
            Some(ask) => fit.push(ask),
            None => rest.push(offer.clone()),
        }
    }
    let words = command_button::lines(&rest, 900);
    let mut parts: Vec<Part> = (!words.is_empty()).then_some(Part::Context(words)).into_iter().collect();
    parts.extend((!fit.is_empty()).then_some(Part::Offers(fit)));
    parts
}
