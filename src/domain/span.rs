//! Lengths of time as the config and people write them.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

/// A length of time written as `15m`, `1h`, `7d`, `30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Span(pub Duration);

impl Span {
    /// Reads `<number><s|m|h|d>`.
    ///
    /// # Errors
    /// A sentence that names the text and the forms that are accepted.
    pub fn parse(text: &str) -> Result<Span, String> {
        let wrong = || format!("`{text}` is not a length of time; write a number and s, m, h or d, such as `15m`");
        let unit = text.chars().last().ok_or_else(wrong)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        let seconds = number.checked_mul(factor).filter(|s| *s <= 366 * 86_400 * 100).ok_or_else(wrong)?;
        Ok(Span(Duration::from_secs(seconds)))
    }
}

/// In the largest unit that says it whole.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [('d', 86_400), ('h', 3600), ('m', 60)];
        let (unit, factor) = units.into_iter().find(|(_, factor)| seconds.is_multiple_of(*factor)).unwrap_or(('s', 1));
        write!(f, "{}{unit}", seconds / factor)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Span::parse(&text).map_err(serde::de::Error::custom)
    }
}
