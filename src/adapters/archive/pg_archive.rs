//! pg_dump's custom format as it passes: its table of contents, and how many rows each table's data has.
//!
//! `pg_restore --list` reads the table of contents and nothing after it, so it calls an archive good that has lost all rows.
//! This follows the whole file: it is complete when every entry that promises data had a block of it, and the block its end.
//! Formats 1.14 (PostgreSQL 12 to 15), 1.15 (16) and 1.16 (17 and 18).

use std::collections::HashMap;

use super::tally::{Counted, NAMES, Tally};

/// An entry is as long as the longest function body; one that claims more is not one.
const LONGEST_ENTRY: usize = 64 << 20;
/// Most entries of which data is expected.
const MOST: usize = 5_000_000;
/// What COPY's data ends in: `\.` and two empty lines.
const TERMINATOR: u64 = 3;
const DATA: u8 = 1;
const LARGE_OBJECTS: u8 = 3;

/// Reads an archive.
#[derive(Debug, Default)]
pub(super) struct PgArchive {
    buffer: Vec<u8>,
    state: State,
    form: Form,
    /// Tables by the number of the entry with their data; those without a name are of another kind.
    expected: HashMap<i64, String>,
    tally: Tally,
    wrong: Option<String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Form {
    minor: u8,
    int: usize,
    offset: usize,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Head,
    /// So many entries are to come.
    Contents(i64),
    /// Between blocks.
    Block,
    /// Before the length of a piece of an entry's data, with the line breaks so far.
    Length {
        id: i64,
        lines: u64,
    },
    /// Within such a piece.
    Piece {
        id: i64,
        left: u64,
        lines: u64,
    },
    /// Before the number of a large object.
    Object,
    /// Before the length of a piece of a large object.
    ObjectLength,
    ObjectPiece {
        left: u64,
    },
}

impl PgArchive {
    pub(super) fn see(&mut self, mut bytes: &[u8]) {
        while self.wrong.is_none() && !bytes.is_empty() {
            match self.state {
                State::Piece { id, left, lines } => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let lines = lines + bytes[..taken].iter().filter(|b| **b == b'\n').count() as u64;
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::Length { id, lines } } else { State::Piece { id, left, lines } };
                    bytes = &bytes[taken..];
                }
                State::ObjectPiece { left } => {
                    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::ObjectLength } else { State::ObjectPiece { left } };
                    bytes = &bytes[taken..];
                }
                _ => bytes = self.gathered(bytes),
            }
        }
    }

    /// Everything but data is small and is read when it is there as a whole; gives back what was not needed.
    fn gathered<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let before = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        let mut used = 0;
        loop {
            let mut reader = Reader { bytes: &self.buffer[used..], at: 0, form: self.form };
            match next(self.state, &mut reader, &mut self.expected, &mut self.tally) {
                Ok(Some((state, form))) => {
                    used += reader.at;
                    (self.state, self.form) = (state, form);
                    if matches!(state, State::Piece { .. } | State::ObjectPiece { .. }) {
                        break;
                    }
                }
                Ok(None) => {
                    self.buffer.drain(..used);
                    if self.buffer.len() > LONGEST_ENTRY {
                        self.wrong = Some("an entry of its table of contents has no end".to_owned());
                    }
                    return &[];
                }
                Err(why) => {
                    self.wrong = Some(why);
                    return &[];
                }
            }
        }
        self.buffer.clear();
        &bytes[used.saturating_sub(before)..]
    }

    /// What it held, or why it is no complete dump.
    pub(super) fn finish(self) -> Result<Tally, String> {
        if let Some(why) = self.wrong {
            return Err(why);
        }
        if !matches!(self.state, State::Block) || !self.buffer.is_empty() {
            return Err("it ends in the middle".to_owned());
        }
        if let Some(missing) = self.expected.values().next() {
            return Err(format!("the data of {} of its entries is missing, {missing} among them", self.expected.len()));
        }
        Ok(self.tally)
    }
}

type Next = Result<Option<(State, Form)>, String>;

/// The next thing, when all of it is there.
fn next(state: State, reader: &mut Reader<'_>, expected: &mut HashMap<i64, String>, tally: &mut Tally) -> Next {
    let read = match state {
        State::Head => return head(reader),
        State::Contents(left) => match entry(reader)? {
            None => None,
            Some(entry) => {
                if entry.has_data && expected.len() >= MOST {
                    return Err("its table of contents is too long".to_owned());
                }
                entry.count(expected, tally);
                Some(if left <= 1 { State::Block } else { State::Contents(left - 1) })
            }
        },
        State::Block => block(reader, expected)?,
        State::Length { id, lines } => reader.int().map(|length| match u64::try_from(length) {
            Ok(left @ 1..) => State::Piece { id, left, lines },
            _ => {
                if let Some(table) = expected.remove(&id).filter(|name| !name.is_empty()) {
                    tally.row_in(&table, lines.saturating_sub(TERMINATOR));
                }
                State::Block
            }
        }),
        State::Object => reader.int().map(|object| match object {
            0 => State::Block,
            _ => State::ObjectLength,
        }),
        State::ObjectLength => reader.int().map(|length| match u64::try_from(length) {
            Ok(left @ 1..) => State::ObjectPiece { left },
            _ => State::Object,
        }),
        State::Piece { .. } | State::ObjectPiece { .. } => None,
    };
    Ok(read.map(|state| (state, reader.form)))
}

fn head(reader: &mut Reader<'_>) -> Next {
    let Some(start) = reader.take(11) else { return Ok(None) };
    let (magic, rest) = start.split_at(5);
    if magic != b"PGDMP" {
        return Err("it does not begin as pg_dump's archives do".to_owned());
    }
    let (major, minor, format) = (rest[0], rest[1], rest[5]);
    if major != 1 || !(14..=16).contains(&minor) || format != 1 {
        return Err(format!("its format is {major}.{minor}, kind {format}, which this version of bbws does not read"));
    }
    let form = Form { minor, int: rest[3].into(), offset: rest[4].into() };
    if !(1..=8).contains(&form.int) || form.offset > 8 {
        return Err("its numbers have an unknown size".to_owned());
    }
    reader.form = form;
    let compression = if minor >= 15 { reader.take(1).map(|_| ()) } else { reader.int().map(|_| ()) };
    let time = (0..7).try_for_each(|_| reader.int().map(|_| ()));
    let names = (0..3).try_for_each(|_| reader.text().map(|_| ()));
    let (Some(()), Some(()), Some(()), Some(count)) = (compression, time, names, reader.int()) else { return Ok(None) };
    match count {
        1.. => Ok(Some((State::Contents(count), form))),
        _ => Err("its table of contents is empty".to_owned()),
    }
}

fn block(reader: &mut Reader<'_>, expected: &mut HashMap<i64, String>) -> Result<Option<State>, String> {
    let Some(kind) = reader.take(1).map(|kind| kind[0]) else { return Ok(None) };
    let Some(id) = reader.int() else { return Ok(None) };
    match kind {
        DATA if expected.contains_key(&id) => Ok(Some(State::Length { id, lines: 0 })),
        LARGE_OBJECTS if expected.remove(&id).is_some() => Ok(Some(State::Object)),
        _ => Err("data follows that its table of contents does not name".to_owned()),
    }
}

/// What matters of an entry.
struct Entry {
    id: i64,
    has_data: bool,
    kind: String,
    schema: String,
    name: String,
}

impl Entry {
    fn count(self, expected: &mut HashMap<i64, String>, tally: &mut Tally) {
        let Entry { id, has_data, kind, schema, name } = self;
        let name = format!("{schema}.{name}");
        match kind.as_str() {
            "TABLE" => tally.tables.add(name.clone()),
            "VIEW" | "MATERIALIZED VIEW" => tally.one_more(Counted::View),
            "FUNCTION" | "PROCEDURE" | "AGGREGATE" => tally.one_more(Counted::Routine),
            "TRIGGER" => tally.one_more(Counted::Trigger),
            "SEQUENCE" => tally.one_more(Counted::Sequence),
            "POLICY" => tally.one_more(Counted::Policy),
            _ => {}
        }
        if has_data {
            let kept = kind == "TABLE DATA" && expected.len() < NAMES;
            expected.insert(id, if kept { name } else { String::new() });
        }
    }
}

fn entry(reader: &mut Reader<'_>) -> Result<Option<Entry>, String> {
    let minor = reader.form.minor;
    let mut read = || {
        let (id, has_data) = (reader.int()?, reader.int()?);
        let (_table, _oid) = (reader.text()?, reader.text()?);
        let (name, kind, _section) = (reader.text()?, reader.text()?, reader.int()?);
        let (_definition, _drop, _copy) = (reader.text()?, reader.text()?, reader.text()?);
        let (schema, _space, _method) = (reader.text()?, reader.text()?, reader.text()?);
        if minor >= 16 {
            reader.int()?;
        }
        let (_owner, _oids) = (reader.text()?, reader.text()?);
        // What it depends on, up to a text that is none.
        while reader.text()?.is_some() {}
        reader.take(1 + reader.form.offset)?;
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        Some(Entry { id, has_data: has_data != 0, kind: text(kind), schema: text(schema), name: text(name) })
    };
    Ok(read())
}

/// Reads numbers and texts as the archive has them; nothing where not all of it is there yet.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    form: Form,
}

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    /// A sign, then the bytes, the lowest first.
    fn int(&mut self) -> Option<i64> {
        let bytes = self.take(1 + self.form.int)?;
        let (sign, digits) = bytes.split_first()?;
        let value = digits.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        Some(if *sign == 0 { value } else { -value })
    }

    /// A text with its length; `Some(None)` is one that is none.
    fn text(&mut self) -> Option<Option<&'b [u8]>> {
        let length = self.int()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Some(None),
        }
    }
}
