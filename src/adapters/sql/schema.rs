//! Whether a schema is the same on both sides: one SHA-256 over everything that makes it up.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::{
    anatomy, catalogue, count,
    link::{Link, Texts},
};

/// Longest definition that is told.
const LONGEST: usize = 200;

/// Compares a schema with the source's; names the first difference.
pub(super) async fn compare(restored: &mut Link, source: &mut Link, schema: &str) -> Result<String, String> {
    let here = shape(restored, schema, "restored").await?;
    let sum = checksum(&here);
    let there = shape(source, schema, "source")
        .await
        .map_err(|why| format!("{why} The restored schema has SHA-256 {sum} and {}.", words(&here)))?;
    if sum == checksum(&there) {
        return Ok(format!("SHA-256 {sum}, the source's as well: {}.", words(&here)));
    }
    Err(format!(
        "SHA-256 {sum} is not the source's {}: {}. Look at what changed since the backup.",
        checksum(&there),
        difference(&here, &there)
    ))
}

async fn shape(link: &mut Link, schema: &str, role: &str) -> Result<Vec<Texts>, String> {
    if !catalogue::exists(link, schema).await? {
        return Err(format!("There is no schema {schema} in the {role} database."));
    }
    anatomy::of(link, schema).await
}

/// Every text with its length, so that no two shapes read the same.
fn checksum(shape: &[Texts]) -> String {
    let mut sum = Sha256::new();
    for row in shape {
        for text in row {
            let length = text.as_ref().map_or(u64::MAX, |text| text.len() as u64);
            sum.update(length.to_be_bytes());
            sum.update(text.as_deref().unwrap_or_default());
        }
    }
    hex::encode(sum.finalize())
}

fn words(shape: &[Texts]) -> String {
    let of = |kind: &str| shape.iter().filter(|row| row.first().and_then(Option::as_deref) == Some(kind)).count();
    let (tables, columns, indexes) = (of("table"), of("column"), of("index"));
    let others = shape.len() - tables - columns - indexes;
    format!(
        "{}, {}, {} and {}",
        count(tables, "table"),
        count(columns, "column"),
        count(indexes, "index"),
        count(others, "other part")
    )
}

/// The first difference, as a sentence without its end.
pub(super) fn difference(here: &[Texts], there: &[Texts]) -> String {
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (here.iter().collect(), there.iter().collect());
    let name =
        |row: &Texts| row.iter().take(3).flatten().filter(|t| !t.is_empty()).cloned().collect::<Vec<_>>().join(" ");
    let what = |row: &Texts| row.get(3).cloned().flatten().unwrap_or_default();
    let missing = theirs.difference(&ours).next();
    let extra = ours.difference(&theirs).next();
    let changed =
        missing.and_then(|row| ours.difference(&theirs).find(|other| other[..3] == row[..3]).map(|other| (row, other)));
    match (changed, missing, extra) {
        // The body of a routine is no word in a sentence.
        (Some((source, restored)), ..) if what(source).len().max(what(restored).len()) > LONGEST => {
            format!("{} differs", name(source))
        }
        (Some((source, restored)), ..) => {
            format!("{} is `{}` instead of `{}`", name(source), what(restored), what(source))
        }
        (None, Some(row), _) => format!("{} is missing", name(row)),
        (None, None, Some(row)) => format!("{} is not in the source", name(row)),
        (None, None, None) => "a row of the catalogue occurs more often on one side".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(texts: [&str; 4]) -> Texts {
        texts.iter().map(|t| Some((*t).to_owned())).collect()
    }

    #[test]
    fn no_two_shapes_have_one_checksum() {
        let one = vec![row(["table", "ab", "", "r"])];
        let other = vec![row(["table", "a", "b", "r"])];
        let none: Vec<Texts> = vec![vec![Some("table".into()), Some("ab".into()), None, Some("r".into())]];
        assert!(checksum(&one) != checksum(&other) && checksum(&one) != checksum(&none));
        assert_eq!(checksum(&one), checksum(&one.clone()));
    }

    #[test]
    fn differences_are_named() {
        let (id, title) = (row(["column", "posts", "id", "1 int"]), row(["column", "posts", "title", "2 text"]));
        let wider = row(["column", "posts", "id", "1 bigint"]);
        assert_eq!(
            difference(std::slice::from_ref(&id), &[id.clone(), title.clone()]),
            "column posts title is missing"
        );
        assert_eq!(
            difference(&[id.clone(), title], std::slice::from_ref(&id)),
            "column posts title is not in the source"
        );
        assert_eq!(difference(&[wider], &[id]), "column posts id is `1 bigint` instead of `1 int`");
    }
}
