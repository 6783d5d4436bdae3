//! `bbws audit`: walks the chain, or prints it.

use std::{
    io::{BufWriter, Write as _},
    path::Path,
    sync::Arc,
};

use serde_json::Value;

use crate::{
    adapters::store::Ledger,
    boot::chain,
    domain::{audit::Head, moment::Moment, span::Span},
    ports::{
        clock::{Clock as _, SystemClock},
        store::{Audited, Store as _},
    },
    settings,
};

/// Entries read at once.
const PAGE: u32 = 1000;

/// How entries are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
}

async fn open() -> Result<Ledger, String> {
    let url = settings::database_url(std::env::var("DATABASE_URL").ok().filter(|v| !v.is_empty()))?;
    Ledger::open_readonly(&url, Arc::new(SystemClock))
        .await
        .map_err(|e| format!("The ledger could not be opened for reading (DATABASE_URL): {}", chain(&e)))
}

/// Walks the chain and says what it found. `pinned` is a file with what bbws published of the chain's end: the messages of
/// the status topic as they came, one a line.
///
/// # Errors
/// A sentence that names the first broken entry.
pub async fn verify(pinned: Option<&Path>) -> Result<(), String> {
    let pins = pinned.map(pins).transpose()?.unwrap_or_default();
    let compared = pins.len();
    let ledger = open().await?;
    match ledger.verify_audit_with(pins).await.map_err(|e| chain(&e))? {
        Ok(head) => {
            say!("The audit chain is whole: {} entries, the last with hash {}", head.seq, head.hash);
            match compared {
                0 => say!("It was not compared with anything outside of the database; give --pinned FILE for that"),
                n => say!("It has the {n} entries that were pinned outside"),
            }
            Ok(())
        }
        Err(broken) => {
            Err(format!("{broken}. Compare with an earlier export, and find out who can write to the database."))
        }
    }
}

/// Reads heads of the chain: objects with `seq` and `hash`, each on a line of its own, as they are or as the `Message` of
/// what SNS delivers. Other messages of the topic are passed over.
fn pins(file: &Path) -> Result<Vec<Head>, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{} cannot be read: {e}", file.display()))?;
    let head = |value: &Value| {
        let (seq, hash) = (value["seq"].as_i64()?, value["hash"].as_str()?);
        Some(Head { seq, hash: hash.to_owned() })
    };
    let wrapped = |value: &Value| value["Message"].as_str().and_then(|m| serde_json::from_str::<Value>(m).ok());
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).map_err(|e| {
            format!("{}:{number} is not JSON ({e}); each line is one message of the topic", file.display())
        })?;
        found.extend(head(&value).or_else(|| wrapped(&value).as_ref().and_then(head)));
    }
    if found.is_empty() {
        return Err(format!(
            "{} holds no head of the audit chain: no line has `seq` and `hash`. Collect what bbws publishes to the status topic.",
            file.display()
        ));
    }
    Ok(found)
}

/// Prints the entries at or after `since`.
///
/// # Errors
/// A sentence.
pub async fn export(since: Option<Moment>, format: Format) -> Result<(), String> {
    let since = since.unwrap_or(Moment(i64::MIN));
    let ledger = open().await?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let gone = |e: std::io::Error| format!("The output was closed: {e}");
    if format == Format::Csv {
        writeln!(out, "seq,at,actor,action,operation,detail,previous,hash").map_err(gone)?;
    }
    let mut after = 0;
    loop {
        let page = ledger.audit(after, PAGE).await.map_err(|e| chain(&e))?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for entry in page.iter().filter(|e| e.entry.at >= since) {
            writeln!(out, "{}", row(entry, format)?).map_err(gone)?;
        }
    }
    out.flush().map_err(gone)
}

/// From when on entries are wanted: a moment, or so long ago.
///
/// # Errors
/// A sentence that names both forms.
pub fn since(text: &str) -> Result<Moment, String> {
    if let Ok(Span(back)) = Span::parse(text) {
        return Ok(SystemClock.now() - back);
    }
    let wrong =
        |_| "it is neither a moment, written as 2026-11-21T03:00:00Z, nor a length of time, such as 7d".to_owned();
    text.parse::<jiff::Timestamp>().map(|t| Moment(t.as_millisecond())).map_err(wrong)
}

fn row(entry: &Audited, format: Format) -> Result<String, String> {
    let json = |value: &_| serde_json::to_string(value).map_err(|e| e.to_string());
    if format == Format::Jsonl {
        return serde_json::to_string(entry).map_err(|e| e.to_string());
    }
    let e = &entry.entry;
    let operation = e.operation.as_ref().map(|o| o.0.clone()).unwrap_or_default();
    let cells = [
        entry.seq.to_string(),
        e.at.iso(),
        e.actor.clone(),
        e.action.clone(),
        operation,
        json(&e.detail)?,
        entry.previous.clone(),
        entry.hash.clone(),
    ];
    Ok(cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","))
}

/// RFC 4180; a cell that a spreadsheet would take for a formula is disarmed.
fn quoted(cell: &str) -> String {
    let armed = cell.starts_with(['=', '+', '-', '@', '\t']);
    let safe = if armed { format!("'{cell}") } else { cell.to_owned() };
    if safe.contains([',', '"', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}
