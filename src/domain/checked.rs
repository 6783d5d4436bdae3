//! What named checks of the config answered on recovery points, as marks remember it.

use std::collections::BTreeMap;

use super::{
    mark::{Mark, MarkKind},
    moment::Moment,
    point::Point,
};

/// What a named check answered on a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked<'m> {
    /// Its name.
    pub check: &'m str,
    /// Whether the answer was the right one.
    pub right: bool,
    /// When.
    pub at: Moment,
    /// Operation that asked.
    pub operation: &'m str,
}

/// What stands between a point's key and the name of a check in the subject of a mark.
const ON: &str = " # ";
/// Notes of marks of checks.
const RIGHT: &str = "true";
const WRONG: &str = "false";

impl<'m> Checked<'m> {
    /// What a mark says of a check, with the key of the point; none where it says something else.
    pub fn of(mark: &'m Mark) -> Option<(&'m str, Checked<'m>)> {
        let (key, check) = mark.subject.rsplit_once(ON).filter(|_| mark.kind == MarkKind::Checked)?;
        let right = match mark.note.as_str() {
            RIGHT => true,
            WRONG => false,
            _ => return None,
        };
        Some((key, Checked { check, right, at: mark.at, operation: &mark.operation }))
    }

    /// Under which the answer of a check on the point with this key is remembered.
    pub fn subject(key: &str, check: &str) -> String {
        format!("{key}{ON}{check}")
    }

    /// The note of an answer.
    pub fn note(right: bool) -> &'static str {
        if right { RIGHT } else { WRONG }
    }
}

/// What named checks answered on a point, in a few words: `orders: right; sums: wrong`; a dash where none was asked.
pub fn checked(point: &Point, marks: &[Mark]) -> String {
    let key = point.key();
    let found: BTreeMap<&str, bool> = marks
        .iter()
        .filter_map(Checked::of)
        .filter(|(of, _)| *of == key)
        .map(|(_, checked)| (checked.check, checked.right))
        .collect();
    if found.is_empty() {
        return "—".to_owned();
    }
    let told = found.into_iter().map(|(check, right)| format!("{check}: {}", if right { "right" } else { "wrong" }));
    told.collect::<Vec<_>>().join("; ")
}
