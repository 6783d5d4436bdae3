//! Sums over rows: of what was copied, and of every table that is not the tenant's.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    super::{Target, catalogue, link::Link},
    AT_ONCE, Tenant,
    layout::{Column, Layout},
    open, settle,
    text::hash,
};
use crate::domain::environment::Engine;

/// Sums of tables, by `schema.table`.
pub type Sums = BTreeMap<String, Sum>;

/// Rows, and a sum of their hashes that does not depend on their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many.
    pub rows: u64,
    /// Two sums of 60 bits of each hash.
    pub hashes: (String, String),
}

impl Sum {
    /// For people: enough of it to tell two apart.
    pub fn short(&self) -> String {
        let both = format!("{}{}", self.hashes.0, self.hashes.1);
        both.chars().rev().take(8).collect()
    }
}

/// Of a table, over these columns.
pub(super) async fn sum(link: &mut Link, table: &str, columns: &[Column]) -> Result<Sum, String> {
    let row = hash(link, "bbws_row", columns);
    let sql = match link.engine {
        Engine::Postgres => format!(
            "SELECT count(*)::text, coalesce(sum(('x' || substr(h, 1, 15))::bit(60)::bigint), 0)::text, coalesce(sum(('x' || substr(h, 16, 15))::bit(60)::bigint), 0)::text
             FROM (SELECT {row} AS h FROM ONLY {table} AS bbws_row) AS hashes"
        ),
        _ => format!(
            "SELECT CAST(COUNT(h) AS CHAR), CAST(IFNULL(SUM(CAST(CONV(SUBSTR(h, 1, 15), 16, 10) AS UNSIGNED)), 0) AS CHAR),
               CAST(IFNULL(SUM(CAST(CONV(SUBSTR(h, 16, 15), 16, 10) AS UNSIGNED)), 0) AS CHAR)
             FROM (SELECT {row} AS h FROM {table} AS bbws_row) AS hashes"
        ),
    };
    let answer: Vec<String> = link.raw(&sql).await?.into_iter().flatten().map(Option::unwrap_or_default).collect();
    match <[String; 3]>::try_from(answer) {
        Ok([rows, one, other]) => Ok(Sum { rows: rows.parse().unwrap_or(0), hashes: (one, other) }),
        Err(_) => Err("No sum came back.".to_owned()),
    }
}

/// See [`super::Tenants::others`].
pub(super) async fn sums(live: &Target, tenant: &Tenant) -> Result<Sums, String> {
    let mut link = open(live).await?;
    let schemas = catalogue::schemas(&mut link).await;
    link.close().await;
    let ours = [tenant.schema.clone(), tenant.stage(), tenant.before(), tenant.undone(), tenant.journal()];
    // What operations before this one keep is nobody's.
    let kept =
        |schema: &String| ["__before_", "__undone_", "__undo_", "__stage_"].iter().any(|mark| schema.contains(mark));
    let mut all = Sums::new();
    for schema in schemas?.into_iter().filter(|schema| !ours.contains(schema) && !kept(schema)) {
        all.extend(sums_of(live, &schema).await?);
    }
    Ok(all)
}

/// Sums of every table of a schema, by `schema.table`.
///
/// # Errors
/// A sentence for people.
pub async fn sums_of(live: &Target, schema: &str) -> Result<Sums, String> {
    let mut link = open(live).await?;
    let layout = Layout::of(&mut link, schema).await;
    link.close().await;
    let summed = stream::iter(layout?.tables.into_iter().map(|(table, of)| async move {
        let name = format!("{schema}.{table}");
        let empty = matches!(of.odd.as_deref(), Some("is partitioned" | "is a sequence"));
        let columns: Vec<Column> = of.written().cloned().collect();
        if empty || columns.is_empty() {
            return Ok(None);
        }
        let mut link = open(live).await?;
        let at = link.table(schema, &table);
        let sum = match sum(&mut link, &at, &columns).await {
            Ok(sum) => Ok(Some((name, sum))),
            // Somebody dropped it meanwhile.
            Err(_) if !settle::has_table(&mut link, schema, &table).await? => Ok(None),
            Err(why) => Err(format!("{name} cannot be read: {why}")),
        };
        link.close().await;
        sum
    }));
    let summed: Vec<Option<(String, Sum)>> = summed.buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(summed.into_iter().flatten().collect())
}
