//! `bbws audit`: walks the chain, or prints it.

use std::{
    io::{BufWriter, Write as _},
    sync::Arc,
};

use crate::{
    adapters::store::Ledger,
    boot::chain,
    domain::moment::Moment,
    ports::{
        clock::SystemClock,
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

/// Walks the chain and says what it found.
///
/// # Errors
/// A sentence that names the first broken entry.
pub async fn verify() -> Result<(), String> {
    let ledger = open().await?;
    match ledger.verify_audit().await.map_err(|e| chain(&e))? {
        Ok(head) => {
            println!("The audit chain is whole: {} entries, the last with hash {}", head.seq, head.hash);
            Ok(())
        }
        Err(broken) => {
            Err(format!("{broken}. Compare with an earlier export, and find out who can write to the database."))
        }
    }
}

/// Prints the entries at or after `since`.
///
/// # Errors
/// A sentence.
pub async fn export(since: Option<&str>, format: Format) -> Result<(), String> {
    let since = match since {
        Some(text) => moment(text)?,
        None => Moment(i64::MIN),
    };
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

fn moment(text: &str) -> Result<Moment, String> {
    let wrong = |_| format!("`{text}` is not a moment; write it as 2026-11-21T03:00:00Z");
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
