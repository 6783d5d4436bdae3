//! What is shown beside a sentence: a table, a chart, buttons that say a command. How it is drawn is the chat's business.

use serde::{Deserialize, Serialize};

/// A button that says a command in the name of the person who presses it. It carries no authority: what comes of it is
/// what would come of typing the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What the button says, at most 30 characters.
    pub label: String,
    /// The command without the slash command in front, canonical: `backup create prod full`.
    pub command: String,
    /// It deserves a second thought: asked before it is said, in a sentence.
    pub confirm: Option<String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Table {
    /// What the table shows.
    pub caption: String,
    /// Column titles.
    pub columns: Vec<String>,
    /// Rows of plain text, as many cells as there are columns.
    pub rows: Vec<Vec<String>>,
    /// A button per row, by position; rows without one have `None`. No buttons at all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Option<Offer>>,
}

/// A line in a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Name.
    pub name: String,
    /// A value per category, none where nobody knew.
    pub values: Vec<Option<u64>>,
}

/// A line chart over shared categories.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Chart {
    /// At most 50 characters.
    pub title: String,
    /// What the values are: `minutes`.
    pub unit: String,
    /// Labels of the horizontal axis.
    pub categories: Vec<String>,
    /// At most 12 lines.
    pub series: Vec<Series>,
}

/// Everything beside a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attachment {
    /// A table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
    /// A chart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
    /// Buttons below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
}

impl Attachment {
    /// Nothing is shown.
    pub fn is_empty(&self) -> bool {
        self.table.is_none() && self.chart.is_none() && self.offers.is_empty()
    }
}

/// A file that is shared with people to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name, by which it is found again in its thread: `rs-12-succeeded-20261128T031200Z.html`.
    pub name: String,
    /// What it is, in a few words of plain text.
    pub title: String,
    /// What is in it.
    pub text: String,
}

/// What a step that looks has to say, beside its verdict. It travels as JSON in the step's output `report`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// mrkdwn, the whole meaning; whatever came from AWS is escaped already.
    pub text: String,
    /// Beside it.
    #[serde(default, rename = "exhibit")]
    pub attachment: Attachment,
    /// Why it does not hold; empty when everything holds.
    pub breaches: Vec<String>,
}

/// Name of the output that carries a [`Report`].
pub const REPORT: &str = "report";

impl Report {
    /// As a step's output.
    pub fn to_output(&self) -> (String, String) {
        (REPORT.to_owned(), serde_json::to_string(self).unwrap_or_default())
    }

    /// From a step's outputs.
    pub fn of(outputs: &super::step::Outputs) -> Option<Report> {
        serde_json::from_str(outputs.get(REPORT)?).ok()
    }
}
