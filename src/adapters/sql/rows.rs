//! How many rows there are and how recent they are, table by table, against the source.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, civil::DateTime};

use super::{
    Promised, Wanted,
    catalogue::{self, Clock, Table},
    count,
    link::Link,
    sums, unchanged,
};
use crate::domain::{environment::Engine, moment::Moment};

/// Above this many rows the source is not burdened with a count where its statistics agree with what was counted in the
/// restored one. Its own statistics say nothing: they were restored with the data.
pub(super) const LARGE: u64 = 1_000_000;
/// One row in so many may be missing or too much.
const TOLERANCE: u64 = 1000;
/// An idle connection is spoken to so often.
const AWAKE: Duration = Duration::from_secs(60);
/// Up to so many rows are also compared by what is in them.
const SUMMED: u64 = 100_000;
/// Tables that are named in a sentence.
const NAMED: usize = 3;
/// What a table of the source has that did not change since the moment that the copy is of.
const UNTOUCHED: &str = "the source had then and has not changed since, so that one of both is damaged";
/// A copy may lack so much of what was there at the moment that it promises, whatever the RPO: clocks and commits lie apart.
const SLACK: Duration = Duration::from_secs(3600);
/// A clock without a zone may be so far behind UTC.
const BEHIND_UTC: Duration = Duration::from_secs(12 * 3600);

type Answer = Result<String, String>;

/// What rows came to.
pub(super) struct Counted {
    /// A sentence.
    pub(super) found: String,
    /// Rows of the restored side.
    pub(super) rows: u64,
    /// Tables with rows of which nothing proves that they are what they were at the moment that was promised.
    pub(super) unproved: Vec<String>,
}

/// Compares row counts, which it gives as well, then the newest timestamps.
pub(super) async fn compare(
    restored: &mut Link,
    source: &mut Link,
    schema: &str,
    wanted: &Wanted,
) -> (Result<Counted, String>, Answer) {
    let sides = async { Ok((catalogue::tables(restored, schema).await?, catalogue::tables(source, schema).await?)) };
    let (here, there) = match sides.await {
        Ok(sides) => sides,
        Err(why) => return (Err(why), unknown_age()),
    };
    if there.is_empty() {
        let why = format!("The source has no tables in {schema}, so there is nothing to compare with.");
        return (Err(why), unknown_age());
    }
    let unchanged = match wanted.promised {
        // Where that cannot be asked nothing is known to be unchanged, and every table that differs is told as not proved.
        Some(Promised { at, .. }) => unchanged::since(source, schema, at).await.unwrap_or_default(),
        None => BTreeSet::new(),
    };
    let counted = counts(restored, source, schema, (&here, &there), (&unchanged, wanted.measures)).await;
    (counted, newest(restored, source, schema, &there, wanted).await)
}

/// Reads all tables of a copy whose source does not answer; with how many rows there are.
pub(super) async fn alone(restored: &mut Link, schema: &str) -> Result<(String, u64), String> {
    let here = catalogue::tables(restored, schema).await?;
    if here.is_empty() {
        return Err(format!("There are no tables in {schema}."));
    }
    let (mut rows, mut wrong) = (0, Vec::new());
    for name in here.keys() {
        let counted = exact(restored, schema, name).await;
        let read = match counted {
            Ok(n) if n <= LARGE => sums::of(restored, schema, name).await.map(|_| n),
            counted => counted,
        };
        match read {
            Ok(n) => rows += n,
            Err(why) => wrong.push(format!("the rows of {name} cannot be read ({})", why.trim_end_matches('.'))),
        }
    }
    if wrong.is_empty() {
        Ok((format!("{rows} rows in {}, compared with nothing.", count(here.len(), "table")), rows))
    } else {
        Err(format!("Not readable: {}.", several(&wrong)))
    }
}

fn unknown_age() -> Answer {
    Err("How recent the data is is unknown, since the tables cannot be compared.".to_owned())
}

async fn counts(
    restored: &mut Link,
    source: &mut Link,
    schema: &str,
    (here, there): (&BTreeMap<String, Table>, &BTreeMap<String, Table>),
    (unchanged, measures): (&BTreeSet<String>, bool),
) -> Result<Counted, String> {
    let mut apart = Vec::new();
    let (mut rows, mut estimated, mut wrong) = (0, 0, Vec::new());
    let (mut same, mut other, mut unproved) = (0, Vec::new(), Vec::new());
    for (name, theirs) in there {
        if !here.contains_key(name) {
            wrong.push(format!("{name} is missing"));
            continue;
        }
        let ours = awake(source, exact(restored, schema, name)).await;
        let still = unchanged.contains(name);
        let theirs = match (&ours, theirs.estimate) {
            (Ok(ours), Some(estimate)) if estimate > LARGE && close(*ours, estimate) => {
                estimated += 1;
                Ok(estimate)
            }
            _ => exact(source, schema, name).await,
        };
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) if still && ours != theirs && theirs > 0 && theirs <= LARGE => {
                wrong.push(format!("{name} has {ours} rows and not the {theirs} that {UNTOUCHED}"));
            }
            (Ok(ours), Ok(theirs)) if close(ours, theirs) => {
                rows += ours;
                let summed = if still { LARGE } else { SUMMED };
                if ours != theirs || ours > summed {
                    unproved.push(name.clone());
                } else if ours > 0 {
                    match equal(restored, source, schema, name).await {
                        Ok(true) => same += 1,
                        Ok(false) if still => wrong.push(format!("{name} has other rows than those that {UNTOUCHED}")),
                        Ok(false) => {
                            other.push(name.clone());
                            unproved.push(name.clone());
                        }
                        Err(why) => {
                            wrong.push(format!("the rows of {name} cannot be read ({})", why.trim_end_matches('.')))
                        }
                    }
                }
            }
            (Ok(ours), Ok(theirs)) if measures => {
                rows += ours;
                apart.push(format!("{name} has {ours} rows, the source {theirs}"));
                unproved.push(name.clone());
            }
            (Ok(ours), Ok(theirs)) => wrong.push(format!("{name} has {ours} rows, the source {theirs}")),
            (Err(why), _) | (_, Err(why)) => {
                wrong.push(format!("{name} cannot be counted ({})", why.trim_end_matches('.')))
            }
        }
    }
    if !wrong.is_empty() {
        let what = if measures { "Not what it was" } else { "Not within 0.1 % of the source" };
        return Err(format!("{what}: {}.", several(&wrong)));
    }
    let how = match estimated {
        0 => "counted".to_owned(),
        n => format!("counted, but for {n} of the source's, which its statistics tell"),
    };
    let mut found = format!("{rows} rows in {} are within 0.1 % of the source ({how})", count(there.len(), "table"));
    if same > 0 {
        found.push_str(&format!("; those of {} are the source's to the last byte", count(same, "table")));
    }
    if !apart.is_empty() {
        found = format!("{rows} rows in {} ({how}); {}", count(there.len(), "table"), several(&apart));
    }
    if !other.is_empty() {
        // As many rows, but others: whether the source changed them since is not for us to know.
        found.push_str(&format!("; as many but other rows than the source's now has {}", several(&other)));
    }
    Ok(Counted { found: found + ".", rows, unproved })
}

/// Whether both sides have the same rows.
async fn equal(restored: &mut Link, source: &mut Link, schema: &str, table: &str) -> Result<bool, String> {
    Ok(sums::of(restored, schema, table).await? == sums::of(source, schema, table).await?)
}

fn close(ours: u64, theirs: u64) -> bool {
    ours.abs_diff(theirs) <= theirs / TOLERANCE
}

/// Networks forget a connection on which nothing is said for some minutes; a count may take longer.
pub(super) async fn awake<T>(idle: &mut Link, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        match tokio::time::timeout(AWAKE, &mut work).await {
            Ok(done) => return done,
            // What is wrong with it shows when it is asked in earnest.
            Err(_) => _ = idle.run("SELECT 1").await,
        }
    }
}

pub(super) async fn exact(link: &mut Link, schema: &str, table: &str) -> Result<u64, String> {
    let table = link.table(schema, table);
    let sql = match link.engine {
        Engine::Postgres => format!("SELECT count(*)::text FROM {table}"),
        _ => format!("SELECT CAST(COUNT(*) AS CHAR) FROM {table}"),
    };
    one(link, &sql).await?.and_then(|n| n.parse().ok()).ok_or_else(|| "no number came back".to_owned())
}

pub(super) async fn one(link: &mut Link, sql: &str) -> Result<Option<String>, String> {
    Ok(link.ask(sql, &[]).await?.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
}

async fn newest(
    restored: &mut Link,
    source: &mut Link,
    schema: &str,
    there: &BTreeMap<String, Table>,
    wanted: &Wanted,
) -> Answer {
    let limit = SignedDuration::try_from(wanted.rpo).unwrap_or(SignedDuration::MAX);
    let (mut compared, mut worst, mut wrong) = (0, SignedDuration::ZERO, Vec::new());
    for (name, table) in there {
        let Some(clock) = &table.clock else { continue };
        let what = format!("{name}.{}", clock.column);
        let theirs = match latest(source, schema, name, clock, None).await {
            Ok(Some(theirs)) => theirs,
            // An empty table is as recent as it can be.
            Ok(None) => continue,
            Err(why) => {
                wrong.push(format!("{what} of the source is unknown ({})", why.trim_end_matches('.')));
                continue;
            }
        };
        match latest(restored, schema, name, clock, None).await {
            Ok(Some(ours)) => {
                let lag = theirs.duration_since(ours);
                (compared, worst) = (compared + 1, worst.max(lag));
                if lag > limit {
                    wrong.push(format!("{what} ends at {ours}, the source's at {theirs}, {} later", words(lag)));
                } else {
                    wrong.extend(lacks(source, schema, (name, clock), ours, wanted.promised).await);
                }
            }
            Ok(None) => wrong.push(format!("{what} is empty, the source's ends at {theirs}")),
            Err(why) => wrong.push(format!("{what} is unknown ({})", why.trim_end_matches('.'))),
        }
    }
    if !wrong.is_empty() {
        return Err(format!("Older than the RPO of {} allows: {}.", words(limit), several(&wrong)));
    }
    if compared == 0 {
        return Err("No table with rows has a timestamp, so how recent the data is is unknown.".to_owned());
    }
    let behind = if worst.is_zero() {
        "as recent as the source".to_owned()
    } else {
        format!("at most {} behind the source", words(worst))
    };
    Ok(format!("{} with timestamps: {behind}; the RPO is {}.", count(compared, "table"), words(limit)))
}

/// Whether the source has rows from before the moment that was promised which are newer than everything in the copy: then the copy is
/// older than it says, however long ago that moment is.
async fn lacks(
    source: &mut Link,
    schema: &str,
    (table, clock): (&str, &Clock),
    ours: DateTime,
    promised: Option<Promised>,
) -> Option<String> {
    let Promised { at, within } = promised?;
    let until = if clock.in_utc { at } else { at - BEHIND_UTC };
    // What cannot be asked twice was asked once.
    let theirs = latest(source, schema, table, clock, Some(until)).await.ok()??;
    let lag = theirs.duration_since(ours);
    let allowed = SignedDuration::try_from(within.min(SLACK)).unwrap_or(SignedDuration::MAX);
    (lag > allowed).then(|| {
        format!(
            "{table}.{} ends at {ours}, though the copy is said to be of {at}, and the source has rows of {theirs}",
            clock.column
        )
    })
}

/// The newest value, in UTC where it has a zone; of those until a moment, where one is named.
async fn latest(
    link: &mut Link,
    schema: &str,
    table: &str,
    clock: &Clock,
    until: Option<Moment>,
) -> Result<Option<DateTime>, String> {
    let (table, column) = (link.table(schema, table), link.quoted(&clock.column));
    // A moment of our own, which holds nothing but digits and marks.
    let until = until.map(|at| at.iso().replace('T', " ").trim_end_matches('Z').to_owned());
    let until = |cast: &str| until.as_ref().map(|at| format!(" AND {column} <= {cast}'{at}'")).unwrap_or_default();
    let sql = match link.engine {
        Engine::Postgres => {
            let at = if clock.zoned { " AT TIME ZONE 'UTC'" } else { "" };
            format!(
                "SELECT to_char(max({column}){at}, 'YYYY-MM-DD\"T\"HH24:MI:SS') FROM {table} WHERE isfinite({column}){}",
                until("timestamp ")
            )
        }
        // WordPress writes zeros where it has no date.
        _ => format!(
            "SELECT DATE_FORMAT(MAX({column}), '%Y-%m-%dT%H:%i:%s') FROM {table} WHERE YEAR({column}) > 0{}",
            until("")
        ),
    };
    let Some(text) = one(link, &sql).await? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("`{text}` is no time that can be compared"))
}

pub(super) fn several(wrong: &[String]) -> String {
    let named = wrong[..wrong.len().min(NAMED)].join("; ");
    match wrong.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}; and {} more", count(more, "table")),
    }
}

/// `1h 5m`, as the config file writes it.
fn words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let words: Vec<_> = parts.iter().filter(|(n, _)| *n != 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if words.is_empty() { "0s".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_in_a_thousand_may_differ() {
        for (ours, theirs, good) in [
            (0, 0, true),
            (1, 0, false),
            (9, 10, false),
            (999, 1000, true),
            (1001, 1000, true),
            (998, 1000, false),
            (998, 999, false),
        ] {
            assert_eq!(close(ours, theirs), good, "{ours} of {theirs}");
        }
    }

    #[test]
    fn durations_are_words() {
        assert_eq!(words(SignedDuration::from_secs(3900)), "1h 5m");
        assert_eq!(words(SignedDuration::ZERO), "0s");
    }
}
