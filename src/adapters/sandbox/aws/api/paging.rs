//! Pages of tables that change between them: a page begins after the last key of the one before.

use std::{collections::BTreeMap, ops::Bound};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::Value;

use super::{Refusal, Request};

/// Entries of a page that are wanted, in the order of their keys, and the token of the next page where there is one.
///
/// # Errors
/// As the service refuses a token that is not its own.
pub(super) fn keyed<T>(
    request: &Request,
    table: &BTreeMap<String, T>,
    token: Option<&str>,
    most: usize,
    wanted: impl Fn(&str, &T) -> bool,
    shown: impl Fn(&str, &T) -> Value,
) -> Result<(Vec<Value>, Option<String>), Refusal> {
    let after = match token {
        None => Bound::Unbounded,
        Some(token) => Bound::Excluded(key_of(token).ok_or_else(|| request.invalid("The token is not valid."))?),
    };
    let mut rest = table.range((after, Bound::Unbounded)).filter(|(key, entry)| wanted(key, entry)).peekable();
    let (mut page, mut last) = (Vec::new(), None);
    while page.len() < most.max(1)
        && let Some((key, entry)) = rest.next()
    {
        page.push(shown(key, entry));
        last = Some(key);
    }
    let more = rest.peek().is_some();
    Ok((page, last.filter(|_| more).map(|key| BASE64.encode(key))))
}

fn key_of(token: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(token).ok()?).ok()
}
