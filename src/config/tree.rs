//! The file as a tree that remembers where each value stands, and a reader that goes on after the first mistake.

use std::{fmt, ops::Range};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Error, ValueDeserializer},
};

use super::{Problem, forms::nearest};

type Value<'t> = Spanned<DeValue<'t>>;

/// A place in the file: `environments.prod.databases[0].id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(String),
    Item(usize),
}

impl At {
    /// The whole file.
    pub fn root() -> At {
        At(Vec::new())
    }

    /// The value of `key` in this table.
    pub fn key(&self, key: &str) -> At {
        self.with(Segment::Key(key.to_owned()))
    }

    /// The item of this array.
    pub fn item(&self, index: usize) -> At {
        self.with(Segment::Item(index))
    }

    fn with(&self, segment: Segment) -> At {
        let mut segments = self.0.clone();
        segments.push(segment);
        At(segments)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match segment {
                Segment::Item(item) => write!(f, "[{item}]")?,
                Segment::Key(key) if bare(key) => write!(f, "{dot}{key}")?,
                Segment::Key(key) => write!(f, "{dot}{key:?}")?,
            }
        }
        Ok(())
    }
}

fn bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// What is wrong and what is doubtful, collected while the file is read and checked.
pub(super) struct Report<'t> {
    tree: &'t Tree<'t>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl<'t> Report<'t> {
    pub fn new(tree: &'t Tree<'t>) -> Self {
        Report { tree, problems: Vec::new(), warnings: Vec::new() }
    }

    /// Something that keeps the file from being used.
    pub fn problem(&mut self, at: &At, message: impl fmt::Display) {
        let problem = self.tree.problem(at, &message.to_string());
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Something that is probably not meant.
    pub fn warning(&mut self, at: &At, message: impl fmt::Display) {
        self.warnings.push(self.tree.problem(at, &message.to_string()));
    }

    /// A key that means nothing where it stands.
    pub fn unknown_key(&mut self, at: &At, key: &str, known: &[&str]) {
        let next = match nearest(key, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("remove it, or use one of: {}", known.join(", ")),
        };
        self.problem(at, format_args!("`{key}` is not a known key; {next}"));
    }

    /// Whether something was already said about that very place.
    pub fn has_problem_at(&self, at: &At) -> bool {
        let prefix = format!("{at}: ");
        self.problems.iter().any(|p| p.message.starts_with(&prefix))
    }

    /// Problems and warnings, in the order of the lines.
    pub fn finish(mut self) -> (Vec<Problem>, Vec<Problem>) {
        self.problems.sort_by_key(|p| p.line);
        self.warnings.sort_by_key(|p| p.line);
        (self.problems, self.warnings)
    }
}

/// The file's text, parsed.
pub(super) struct Tree<'t> {
    text: &'t str,
    file: &'t str,
    root: Value<'t>,
}

impl<'t> Tree<'t> {
    /// Parses the text as TOML.
    pub fn parse(text: &'t str, file: &'t str) -> Result<Tree<'t>, Vec<Problem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let tree = Tree { text, file, root: Spanned::new(root.span(), DeValue::Table(root.into_inner())) };
        if errors.is_empty() {
            return Ok(tree);
        }
        let mut problems: Vec<Problem> = Vec::new();
        for error in errors {
            let line = tree.line(error.span().map_or(0, |s| s.start));
            // The parser's later complaints about one line follow from its first.
            if problems.iter().all(|p| p.line != line) {
                let message = format!("not valid TOML: {}", error.message().replace('\n', "; "));
                problems.push(Problem { file: file.to_owned(), line, message });
            }
        }
        problems.sort_by_key(|p| p.line);
        Err(problems)
    }

    fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|b| **b == b'\n').count() + 1
    }

    fn problem(&self, at: &At, message: &str) -> Problem {
        let line = self.line(self.span(at).start);
        let whole = if at.0.is_empty() { message.to_owned() } else { format!("{at}: {message}") };
        // Keys and values may hold anything; one problem is one line.
        let message =
            whole.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
        Problem { file: self.file.to_owned(), line, message }
    }

    /// Where the value stands; where it is missing, the table it is missing from.
    fn span(&self, at: &At) -> Range<usize> {
        let mut value = &self.root;
        for segment in &at.0 {
            match child(value, segment) {
                Some(next) => value = next,
                None => break,
            }
        }
        value.span()
    }

    fn get(&self, at: &At) -> Option<&Value<'t>> {
        at.0.iter().try_fold(&self.root, child)
    }

    /// Keys of the table.
    pub fn keys(&self, at: &At) -> Vec<String> {
        let table = self.get(at).and_then(|v| v.get_ref().as_table());
        table.map(|t| t.keys().map(|k| k.get_ref().to_string()).collect()).unwrap_or_default()
    }

    /// Keys of a table of tables; none where it is left out.
    pub fn tables(&self, at: &At, report: &mut Report<'_>) -> Vec<String> {
        match self.get(at) {
            Some(value) if !value.get_ref().is_table() => {
                report.problem(at, format_args!("expected tables, found {}", article(value.get_ref().type_str())));
                Vec::new()
            }
            _ => self.keys(at),
        }
    }

    /// Items of an array of tables with their indices; none where it is left out.
    pub fn items(&self, at: &At, report: &mut Report<'_>) -> Vec<(usize, At)> {
        match self.get(at).map(|v| v.get_ref()) {
            None => Vec::new(),
            Some(DeValue::Array(array)) => (0..array.len()).map(|i| (i, at.item(i))).collect(),
            Some(other) => {
                let found = article(other.type_str());
                report.problem(at, format_args!("expected a list, found {found}; write `[[{at}]]` above each entry"));
                Vec::new()
            }
        }
    }

    /// Reads a section that has to be there.
    pub fn required<T: DeserializeOwned>(&self, at: &At, report: &mut Report<'_>) -> Option<T> {
        if self.get(at).is_none() {
            report.problem(at, format_args!("is missing; add a [{at}] table (the example, bbws.toml, shows one)"));
            return None;
        }
        self.decode(at, report)
    }

    /// Reads a section that may be left out.
    pub fn decode_or_default<T: DeserializeOwned + Default>(&self, at: &At, report: &mut Report<'_>) -> Option<T> {
        if self.get(at).is_none() { Some(T::default()) } else { self.decode(at, report) }
    }

    /// Reads the value at that place. What cannot be read is reported, taken out, and the rest read again, so that one
    /// run names every mistake. `None` where the rest does not make a value.
    pub fn decode<T: DeserializeOwned>(&self, at: &At, report: &mut Report<'_>) -> Option<T> {
        let mut value = self.get(at)?.clone();
        let mut removed: Vec<At> = Vec::new();
        loop {
            let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
                Ok(read) => return Some(read),
                Err(error) => error,
            };
            let (inner, missing) = place(&value, &error);
            let whole = inner.iter().fold(at.clone(), |at, segment| at.with(segment.clone()));
            if let Some(field) = missing {
                let field = whole.key(&field);
                // Absent because it was wrong and taken out: already said.
                if !removed.contains(&field) {
                    report.problem(&field, "is missing; set it");
                }
                return None;
            }
            explain(&whole, &error, report);
            if !remove(&mut value, &inner) {
                return None;
            }
            removed.push(whole);
        }
    }
}

fn child<'v, 't>(value: &'v Value<'t>, segment: &Segment) -> Option<&'v Value<'t>> {
    match (value.get_ref(), segment) {
        (DeValue::Table(table), Segment::Key(key)) => table.get(key.as_str()),
        (DeValue::Array(array), Segment::Item(index)) => array.get(*index),
        _ => None,
    }
}

/// Which part of `value` the error is about, and the field that is missing from it when that is the error.
fn place(value: &Value<'_>, error: &Error) -> (Vec<Segment>, Option<String>) {
    let missing = error.message().strip_prefix("missing field ").map(|f| f.trim_matches('`').to_owned());
    let about_key = error.message().starts_with("unknown field");
    let mut path = Vec::new();
    if let Some(span) = error.span() {
        find(value, &span, about_key, &mut path);
    }
    (path, missing)
}

fn find(value: &Value<'_>, span: &Range<usize>, about_key: bool, path: &mut Vec<Segment>) -> bool {
    let children: Vec<(Segment, Range<usize>, &Value<'_>)> = match value.get_ref() {
        DeValue::Table(table) => {
            table.iter().map(|(k, v)| (Segment::Key(k.get_ref().to_string()), k.span(), v)).collect()
        }
        DeValue::Array(array) => array.iter().enumerate().map(|(i, v)| (Segment::Item(i), v.span(), v)).collect(),
        _ => return false,
    };
    for (segment, key_span, child) in children {
        let hit = if about_key { key_span == *span } else { child.span() == *span };
        path.push(segment);
        if hit || find(child, span, about_key, path) {
            return true;
        }
        path.pop();
    }
    false
}

fn remove(value: &mut Value<'_>, path: &[Segment]) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    if !rest.is_empty() {
        let next = match (value.get_mut(), first) {
            (DeValue::Table(table), Segment::Key(key)) => table.get_mut(key.as_str()),
            (DeValue::Array(array), Segment::Item(index)) => array.get_mut(*index),
            _ => None,
        };
        return next.is_some_and(|next| remove(next, rest));
    }
    match (value.get_mut(), first) {
        (DeValue::Table(table), Segment::Key(key)) => table.remove(key.as_str()).is_some(),
        // Taking an item out would shift the indices of those after it.
        _ => false,
    }
}

/// Says the deserializer's error in words for the person who wrote the file.
fn explain(at: &At, error: &Error, report: &mut Report<'_>) {
    let message = error.message();
    if message.starts_with("unknown field") {
        let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        if let Some((key, known)) = names.split_first() {
            return report.unknown_key(at, key, known);
        }
    }
    if let Some(rest) = message.strip_prefix("unknown variant ")
        && let Some((found, known)) = rest.split_once(", expected ")
    {
        return report.problem(at, format_args!("{found} is not valid; use {known}"));
    }
    if let Some(rest) = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))
        && let Some((found, expected)) = rest.split_once(", expected ")
    {
        let advice = match expected {
            "a string" if found.starts_with("integer") => "; put it in quotes",
            _ => "",
        };
        return report.problem(at, format_args!("expected {}, found {found}{advice}", plain(expected)));
    }
    report.problem(at, message);
}

fn plain(expected: &str) -> &str {
    match expected {
        "u32" => "a whole number, 0 or more",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "a table",
        other => other,
    }
}

fn article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {kind}")
}
