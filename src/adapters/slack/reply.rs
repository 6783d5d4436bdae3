//! The answer to a command: JSON for the body of the reply to Slack's own request.

use serde_json::{Value, json};

use super::{
    blocks::{self, Grade, Part},
    card::{Message, TEXT},
    text::{clip, clip_mrkdwn, count, escape, len, one_line},
};
use crate::ports::chat::{Exhibit, Level, Reply, Table};

/// Most rows and columns of a table, and most characters in all its cells.
const ROWS: usize = 200;
const COLUMNS: usize = 20;
const CELLS: usize = 9_500;

/// `{"response_type": "ephemeral", "text": …, "blocks": […]}`.
pub fn reply(reply: &Reply, grade: Grade) -> Value {
    let Message { text, parts } = message(reply.level, &reply.text, &reply.exhibit);
    json!({ "response_type": "ephemeral", "text": text, "blocks": blocks::draw(&parts, grade) })
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
pub fn message(level: Level, sentence: &str, exhibit: &Exhibit) -> Message {
    let mut parts = vec![said(level, sentence)];
    let mut text = clip_mrkdwn(&format!("{} {sentence}", blocks::sign(level)), TEXT);
    if let Some(table) = exhibit.table.as_ref().filter(|t| !t.rows.is_empty() && !t.columns.is_empty()) {
        let rows = fitting(table);
        let left = table.rows.len() - (rows.len() - 1);
        let room = TEXT.saturating_sub(len(&text) + 1);
        let plain = monospace(table, TEXT - 100);
        parts.push(Part::Table { caption: table.caption.clone(), rows, plain });
        if left > 0 {
            parts.push(Part::Context(format!(
                "… and {} more that the table cannot hold; narrow the list down to see them.",
                count(left, "row")
            )));
        }
        if room > 100 {
            text = format!("{text}\n{}", monospace(table, room));
        }
    }
    Message { text, parts }
}

/// Header and as many rows as Slack takes.
fn fitting(table: &Table) -> Vec<Vec<String>> {
    let columns = table.columns.len().min(COLUMNS);
    let cells = |row: &[String]| {
        (0..columns).map(|i| clip(&one_line(row.get(i).map_or("", String::as_str)), 400)).collect::<Vec<_>>()
    };
    let mut rows = vec![cells(&table.columns)];
    let size = |row: &[String]| row.iter().map(|c| len(c).max(1)).sum::<usize>();
    let mut used = size(&rows[0]);
    for row in table.rows.iter().take(ROWS) {
        let row = cells(row);
        used += size(&row);
        if used > CELLS {
            break;
        }
        rows.push(row);
    }
    rows
}

/// The table in a code block of at most `room`; says how many rows do not fit.
fn monospace(table: &Table, room: usize) -> String {
    let cell = |text: &str| clip(&one_line(text).replace('`', "'"), 40);
    let columns = table.columns.len().min(COLUMNS);
    let line = |row: &[String]| (0..columns).map(|i| cell(row.get(i).map_or("", String::as_str))).collect::<Vec<_>>();
    let mut lines = vec![line(&table.columns)];
    lines.extend(table.rows.iter().map(|row| line(row)));
    let widths: Vec<usize> =
        (0..columns).map(|i| lines.iter().map(|l| l[i].chars().count()).max().unwrap_or(0)).collect();
    let aligned = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}", w = *w)).collect();
        escape_keeping_blanks(padded.join("  ").trim_end())
    };
    let mut out = "```".to_owned();
    for (i, cells) in lines.iter().enumerate() {
        let next = format!("\n{}", aligned(cells));
        let more = format!("\n```\n… and {} more", count(lines.len() - i, "row"));
        if len(&out) + len(&next) + len(&more) > room {
            return if i < 2 { count(table.rows.len(), "row") } else { format!("{out}{more}") };
        }
        out.push_str(&next);
    }
    format!("{out}\n```")
}

/// Cells are one line each already; the blanks between them are wanted.
fn escape_keeping_blanks(text: &str) -> String {
    text.split(' ').map(escape).collect::<Vec<_>>().join(" ")
}
