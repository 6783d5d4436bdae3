//! Tables: as Slack's `data_table` with a button per row, and as a code block.

use slack_morphism::prelude::*;

use super::{
    command_button::CommandButton,
    support::{Newer, Support},
    text::{clip, count, escape, len, mention, one_line},
};
use crate::ports::chat::Table;

/// Most rows and columns of a table, most characters that are read in it, and most that its buttons carry.
const ROWS: usize = 200;
const COLUMNS: usize = 20;
const CELLS: usize = 9_500;
const HIDDEN: usize = 9_500;
/// Heading of the column of buttons.
const ACTION: &str = "Action";

/// As much of a table as Slack takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    caption: String,
    /// Plain text; the first row is the header.
    rows: Vec<Vec<String>>,
    /// The buttons of the rows below the header; empty when the table has none.
    command_button: Vec<Option<CommandButton>>,
    /// The command of each row in words, where there is a column of buttons.
    said: Vec<String>,
}

impl Sheet {
    /// The header and as many rows as fit. Buttons are numbered from `first`.
    pub fn fitting(table: &Table, first: usize) -> Sheet {
        let acts = table.offers.iter().take(table.rows.len()).any(Option::is_some);
        let columns = table.columns.len().min(COLUMNS - usize::from(acts));
        let mut sheet =
            Sheet { caption: table.caption.clone(), rows: Vec::new(), command_button: Vec::new(), said: Vec::new() };
        let header = cells(&table.columns, columns);
        let (mut read, mut hidden) = (size(&header) + ACTION.len(), 0);
        sheet.rows.push(header);
        for (i, row) in table.rows.iter().take(ROWS).enumerate() {
            let row = cells(row, columns);
            let offer = table.offers.get(i).and_then(Option::as_ref);
            let ask = offer.and_then(|offer| CommandButton::of(offer, first + i));
            let said = ask.as_ref().map(CommandButton::typed).unwrap_or_default();
            read += size(&row) + usize::from(acts) * len(&said).max(1);
            if read > CELLS {
                break;
            }
            hidden += ask.as_ref().map_or(0, CommandButton::hidden);
            sheet.rows.push(row);
            if acts {
                // A row whose button would be too much keeps its command in words.
                sheet.command_button.push(ask.filter(|_| hidden <= HIDDEN));
                sheet.said.push(said);
            }
        }
        sheet
    }

    /// Rows below the header.
    pub fn len(&self) -> usize {
        self.rows.len() - 1
    }

    /// The block.
    pub fn block(&self, support: Support) -> SlackBlock {
        let mut rows: Vec<Vec<SlackDataTableCell>> =
            self.rows.iter().map(|row| row.iter().map(|c| shown(c)).collect()).collect();
        if !self.said.is_empty() {
            rows[0].push(ACTION.into());
            for (row, (ask, said)) in rows[1..].iter_mut().zip(self.command_button.iter().zip(&self.said)) {
                row.push(action(ask.as_ref().filter(|_| support.takes(Newer::RowButton)), said));
            }
        }
        let page = u32::try_from(self.len()).unwrap_or(100).clamp(1, 20);
        SlackDataTableBlock::new(filled(clip(&one_line(&self.caption), 150)), rows).with_page_size(page).into()
    }
}

/// A cell as it is shown: who is meant by a mention is seen by their name, all else is plain text.
fn shown(cell: &str) -> SlackDataTableCell {
    let Some(user) = mentioned(cell) else { return filled(one_line(cell)).into() };
    let user = SlackRichTextUser::new(SlackUserId(user.to_owned()));
    let text = SlackRichTextSection::new(vec![user.into()]);
    SlackDataTableCell::RichText(SlackTableRichTextCell::new(vec![text.into()]))
}

/// The id of whom a cell mentions and nothing else.
fn mentioned(cell: &str) -> Option<&str> {
    cell.strip_prefix("<@")?.strip_suffix('>').filter(|id| mention(id) == cell)
}

/// A button, or its command in words.
fn action(ask: Option<&CommandButton>, said: &str) -> SlackDataTableCell {
    let words = SlackDataTableCell::from(filled(said.to_owned()));
    match ask {
        Some(ask) => SlackDataTableActionCell::new(ask.element().into()).with_fallback(words.into()).into(),
        None => words,
    }
}

fn filled(text: String) -> String {
    if text.trim().is_empty() { "–".to_owned() } else { text }
}

fn cells(row: &[String], columns: usize) -> Vec<String> {
    (0..columns).map(|i| clip(&one_line(row.get(i).map_or("", String::as_str)), 400)).collect()
}

fn size(row: &[String]) -> usize {
    row.iter().map(|cell| len(cell).max(1)).sum()
}

/// The table in a code block of at most `room`, with the command of each row; says how many rows do not fit.
pub fn monospace(table: &Table, room: usize) -> String {
    // No name stands in a code block, only the id.
    let cell = |text: &str| clip(&one_line(mentioned(text).unwrap_or(text)).replace('`', "'"), 40);
    let columns = table.columns.len().min(COLUMNS);
    let acts = table.offers.iter().take(table.rows.len()).any(Option::is_some);
    // A command that is cut is of no use, so the last column may be long.
    let typed = |i: usize| {
        let ask = table.offers.get(i)?.as_ref().and_then(|offer| CommandButton::of(offer, i))?;
        Some(ask.typed().replace('`', "'"))
    };
    let line = |row: &[String], last: String| {
        let mut line: Vec<String> = (0..columns).map(|i| cell(row.get(i).map_or("", String::as_str))).collect();
        line.extend(acts.then_some(last));
        line
    };
    let mut lines = vec![line(&table.columns, ACTION.to_owned())];
    lines.extend(table.rows.iter().enumerate().map(|(i, row)| line(row, typed(i).unwrap_or_default())));
    aligned(&lines, room, |left| format!("\n… and {} more", count(left, "row")))
        .unwrap_or_else(|| count(table.rows.len(), "row"))
}

/// Lines of cells in a code block, columns below each other; `more` says how many lines do not fit into `room`. None when
/// not even the first two fit.
pub fn aligned(lines: &[Vec<String>], room: usize, more: impl Fn(usize) -> String) -> Option<String> {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| lines.iter().filter_map(|l| l.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = "```".to_owned();
    for (i, cells) in lines.iter().enumerate() {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}", w = *w)).collect();
        let next = format!("\n{}", escape_keeping_blanks(padded.join("  ").trim_end()));
        let more = format!("\n```{}", more(lines.len() - i));
        if len(&out) + len(&next) + len(&more) > room {
            return (i >= 2).then(|| format!("{out}{more}"));
        }
        out.push_str(&next);
    }
    Some(format!("{out}\n```"))
}

/// Cells are one line each already; the blanks between them are wanted.
fn escape_keeping_blanks(text: &str) -> String {
    text.split(' ').map(escape).collect::<Vec<_>>().join(" ")
}
