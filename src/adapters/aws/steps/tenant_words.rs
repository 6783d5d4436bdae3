//! What is told of one tenant's rows on their way back: to whoever looks, table by table, and of all the others.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::{
    adapters::sql::merge::{Difference, Sums},
    domain::{
        attachment::{Attachment, Report, Table},
        step::{Bring, CompareTenant},
        text::{count, escape},
    },
};

/// Tables that are told of in a sentence.
pub(super) const TOLD: usize = 8;
/// Tables that a receipt lists: as many rows as a table in Slack has.
const LISTED: usize = 100;

/// What bringing rows back would change, for people.
pub(super) fn words(found: &Difference, bring: Bring) -> String {
    let (differ, came) = match bring {
        Bring::Swap => ("differ and get their old values", "came since and go away"),
        Bring::Missing => ("differ and stay as they are", "came since and stay"),
        Bring::Changed => ("differ and get their old values", "came since and stay"),
    };
    let touched: Vec<String> = found
        .tables
        .iter()
        .filter(|table| table.vanished + table.changed + table.came > 0)
        .map(|table| {
            let mut parts =
                vec![format!("{} of {} come back", table.returning(), count(table.vanished, "vanished row"))];
            if let Some(ids) = &table.ids {
                parts[0].push_str(&format!(" (ids {ids})"));
            }
            if table.taken > 0 {
                parts.push(format!("{} held back, their unique values are taken", table.taken));
            }
            if table.orphaned > 0 {
                parts.push(format!("{} held back, what they belong to is not there", table.orphaned));
            }
            parts.push(format!("{} {differ}", table.changed));
            parts.push(format!("{} {came}", table.came));
            format!("{}: {}", table.table, parts.join(", "))
        })
        .collect();
    let mut said = match touched.len() {
        0 => "Nothing differs.".to_owned(),
        n if n > TOLD => format!("{}; and {} more.", touched[..TOLD].join("; "), count((n - TOLD) as u64, "table")),
        _ => format!("{}.", touched.join("; ")),
    };
    for note in &found.notes {
        said.push(' ');
        said.push_str(note);
    }
    said
}

/// The same table by table, to be looked at before anybody says that it goes on, and to be kept.
pub(super) fn receipt(found: &Difference, what: &CompareTenant) -> Report {
    let (schema, database) = (&what.of.schema, &what.of.database);
    let told = found.tables.iter().take(LISTED).map(|table| {
        let numbers =
            [table.staged, table.vanished, table.returning(), table.taken, table.orphaned, table.changed, table.came];
        let numbers = numbers.iter().map(u64::to_string);
        let ids = table.ids.clone().unwrap_or_default();
        std::iter::once(table.table.clone()).chain(numbers).chain([ids]).collect()
    });
    let columns = [
        "Table",
        "In the backup",
        "Vanished since",
        "Come back",
        "Held back: value taken",
        "Held back: nothing to belong to",
        "Differ",
        "Came since",
        "Ids that come back",
    ];
    let table = Table {
        caption: format!("Rows of {schema} in the backup and in live {database}"),
        columns: columns.map(str::to_owned).to_vec(),
        rows: told.collect(),
        offers: Vec::new(),
    };
    let rest = match found.tables.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" {} more are not shown.", count(more as u64, "table")),
    };
    let text = format!("*Receipt of {}*: {}{rest}", escape(schema), escape(&words(found, what.bring)));
    Report { text, attachment: Attachment { table: Some(table), ..Attachment::default() }, breaches: Vec::new() }
}

/// One sum for each schema.
pub(super) fn by_schema(sums: &Sums) -> BTreeMap<String, String> {
    let mut schemas: BTreeMap<String, Sha256> = BTreeMap::new();
    for (name, sum) in sums {
        let schema = name.split('.').next().unwrap_or(name);
        schemas.entry(schema.to_owned()).or_default().update(format!("{name} {} {:?}\n", sum.rows, sum.hashes));
    }
    schemas.into_iter().map(|(schema, sum)| (schema, hex::encode(&sum.finalize()[..8]))).collect()
}

/// How many schemas of others were summed.
pub(super) fn summed(now: &BTreeMap<String, String>) -> String {
    format!("{} of others summed", count(now.len() as u64, "schema"))
}

/// How the sums of others compare with what they were.
pub(super) fn compared(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>, own: &str) -> String {
    let written: Vec<&str> =
        before.iter().filter(|(name, sum)| now.get(*name) != Some(*sum)).map(|(name, _)| name.as_str()).collect();
    let same = before.len() - written.len();
    let same = format!("{} of others the same to the last byte", count(same as u64, "schema"));
    match written.len() {
        0 => same,
        n => {
            let more = if n > TOLD { ", …" } else { "" };
            format!(
                "{same}; written to by others meanwhile, so not comparable: {}{more}. What this run did names {own} only",
                written[..n.min(TOLD)].join(", ")
            )
        }
    }
}
