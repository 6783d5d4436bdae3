//! CBOR (RFC 8949), as far as AWS's services that speak it use it. A moment is the number of its seconds with a tag; among the
//! fields of answers it is an object with [`MOMENT`].

use serde_json::{Map, Number, Value, json};

/// The one member of an object that is written as a moment: seconds since the epoch.
const MOMENT: &str = "$moment";
/// Deeper than this nothing is read.
const DEEPEST: usize = 32;

/// A moment among the fields of an answer.
pub(super) fn moment(seconds: f64) -> Value {
    json!({ MOMENT: seconds })
}

/// Reads one value, which has to be all there is; none where it is not whole or says what JSON cannot.
pub(super) fn decode(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader { rest: bytes };
    let value = reader.value(0)?;
    reader.rest.is_empty().then_some(value)
}

struct Reader<'b> {
    rest: &'b [u8],
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// The number that belongs to a head: within it, or in the bytes behind it. None for lengths that are left open.
    fn number(&mut self, low: u8) -> Option<u64> {
        let width = match low {
            0..24 => return Some(u64::from(low)),
            24..28 => 1_usize << (low - 24),
            _ => return None,
        };
        Some(self.take(width)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        let head = *self.take(1)?.first()?;
        let (major, low) = (head >> 5, head & 0x1f);
        Some(match major {
            0 => json!(self.number(low)?),
            1 => json!(-1 - i64::try_from(self.number(low)?).ok()?),
            3 => Value::String(self.text(low)?),
            4 => {
                let mut items = Vec::new();
                self.each(low, |reader| {
                    items.push(reader.value(depth + 1)?);
                    Some(())
                })?;
                Value::Array(items)
            }
            5 => {
                let mut members = Map::new();
                self.each(low, |reader| {
                    let Value::String(name) = reader.value(depth + 1)? else { return None };
                    members.insert(name, reader.value(depth + 1)?);
                    Some(())
                })?;
                Value::Object(members)
            }
            // What a moment is tagged with says no more than its number.
            6 => {
                self.number(low)?;
                self.value(depth + 1)?
            }
            7 => self.simple(low)?,
            _ => return None,
        })
    }

    fn text(&mut self, low: u8) -> Option<String> {
        let length = usize::try_from(self.number(low)?).ok()?;
        Some(std::str::from_utf8(self.take(length)?).ok()?.to_owned())
    }

    /// As often as the head says, or up to a break.
    fn each(&mut self, low: u8, mut read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        const OPEN: u8 = 31;
        const BREAK: u8 = 0xff;
        if low != OPEN {
            let count = self.number(low)?;
            for _ in 0..count {
                read(self)?;
            }
            return Some(());
        }
        while *self.rest.first()? != BREAK {
            read(self)?;
        }
        self.take(1).map(drop)
    }

    fn simple(&mut self, low: u8) -> Option<Value> {
        let float = |number: f64| Number::from_f64(number).map(Value::Number);
        match low {
            20 => Some(json!(false)),
            21 => Some(json!(true)),
            22 | 23 => Some(Value::Null),
            26 => float(f64::from(f32::from_be_bytes(self.take(4)?.try_into().ok()?))),
            27 => float(f64::from_be_bytes(self.take(8)?.try_into().ok()?)),
            _ => None,
        }
    }
}

/// Writes a value. Members that are null are left out, as AWS leaves out what is not there.
pub(super) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, value);
    bytes
}

fn write(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(0xf6),
        Value::Bool(is) => bytes.push(if *is { 0xf5 } else { 0xf4 }),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => head(bytes, 0, number),
            (None, Some(number)) => head(bytes, 1, number.unsigned_abs() - 1),
            (None, None) => float(bytes, number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => {
            head(bytes, 3, text.len() as u64);
            bytes.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            head(bytes, 4, items.len() as u64);
            items.iter().for_each(|item| write(bytes, item));
        }
        Value::Object(members) => {
            if let Some(seconds) = members.get(MOMENT).and_then(Value::as_f64) {
                head(bytes, 6, 1);
                return float(bytes, seconds);
            }
            let there = members.iter().filter(|(_, value)| !value.is_null());
            head(bytes, 5, there.clone().count() as u64);
            for (name, value) in there {
                write(bytes, &json!(name));
                write(bytes, value);
            }
        }
    }
}

fn float(bytes: &mut Vec<u8>, number: f64) {
    bytes.push(0xfb);
    bytes.extend_from_slice(&number.to_be_bytes());
}

fn head(bytes: &mut Vec<u8>, major: u8, number: u64) {
    let major = major << 5;
    match number {
        0..24 => bytes.push(major | number as u8),
        _ => {
            bytes.push(major | 27);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let long = "x".repeat(300);
        let value = json!({
            "a": [1, -1, 23, 24, 1_u64 << 40, -500, 1.5], "b": {"c": long, "d": true, "e": false}, "f": [], "g": {},
        });
        assert_eq!(decode(&encode(&value)), Some(value));
        assert_eq!(decode(&encode(&json!({"at": moment(1.5), "no": null}))), Some(json!({"at": 1.5})));
    }

    #[test]
    fn lengths_that_are_left_open_are_read_to_their_break() {
        // {_ "a": [_ 1, 2], "t": 1(1363896240)}, as RFC 8949 writes it.
        let bytes = hex::decode("bf61619f0102ff6174c11a514b67b0ff").unwrap();
        assert_eq!(decode(&bytes), Some(json!({"a": [1, 2], "t": 1_363_896_240})));
    }

    #[test]
    fn what_is_not_whole_is_nothing() {
        let whole = encode(&json!({"a": ["b", 70_000, 1.25], "c": moment(5.0)}));
        for end in 0..whole.len() {
            assert_eq!(decode(&whole[..end]), None, "{end}");
        }
        assert_eq!(decode(&[whole, vec![0]].concat()), None);
        assert_eq!(decode(&[0x9f; 200]), None, "too deep");
        assert_eq!(
            decode(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            None,
            "no memory is taken for a length"
        );
    }
}
