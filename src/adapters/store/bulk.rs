//! Inserts of many rows in a few statement texts, so that every text stays prepared.

use std::sync::Arc;

use sqlx::{Any, AssertSqlSafe, any::AnyArguments, query::Query};

/// How many rows one statement holds; the rest goes into smaller ones.
const SIZES: [usize; 3] = [64, 8, 1];

/// `INSERT INTO … VALUES …` in several sizes.
#[derive(Debug)]
pub(super) struct Bulk {
    texts: [Arc<str>; SIZES.len()],
}

impl Bulk {
    /// `head` up to `VALUES`, the number of columns, and what follows the rows.
    pub(super) fn new(head: &str, columns: usize, tail: &str) -> Bulk {
        Bulk { texts: SIZES.map(|rows| values(head, rows, columns, tail).into()) }
    }

    /// Splits rows into slices, each with the statement it fills.
    pub(super) fn split<'b, 'r, T>(
        &'b self,
        rows: &'r [T],
    ) -> impl Iterator<Item = (&'b Arc<str>, &'r [T])> + use<'b, 'r, T> {
        let mut rest = rows;
        std::iter::from_fn(move || {
            let which = SIZES.iter().position(|size| *size <= rest.len())?;
            let (now, later) = rest.split_at(SIZES[which]);
            rest = later;
            Some((&self.texts[which], now))
        })
    }
}

/// A statement whose text was put together by this module or a dialect, never from data.
pub(super) fn prepared(text: &Arc<str>) -> Query<'static, Any, AnyArguments> {
    sqlx::query(AssertSqlSafe(Arc::clone(text)))
}

fn values(head: &str, rows: usize, columns: usize, tail: &str) -> String {
    let mut text = String::from(head);
    for row in 0..rows {
        text.push_str(if row == 0 { " (" } else { ", (" });
        for column in 1..=columns {
            let comma = if column == 1 { "" } else { ", " };
            text.push_str(&format!("{comma}${}", row * columns + column));
        }
        text.push(')');
    }
    text.push(' ');
    text.push_str(tail);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_goes_into_exactly_one_statement() {
        let bulk = Bulk::new("INSERT INTO t (a, b) VALUES", 2, "ON CONFLICT DO NOTHING");
        let rows: Vec<u32> = (0..83).collect();
        let sizes: Vec<usize> = bulk.split(&rows).map(|(_, part)| part.len()).collect();
        assert_eq!(sizes, [64, 8, 8, 1, 1, 1]);
        assert_eq!(bulk.split(&rows).flat_map(|(_, part)| part).copied().collect::<Vec<_>>(), rows);
        let (text, _) = bulk.split(&rows[..1]).next().expect("one row is one statement");
        assert_eq!(&**text, "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        assert!(values("", 2, 2, "").contains("($1, $2), ($3, $4)"));
    }
}
