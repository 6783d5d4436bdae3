//! Turns Slack's text into words: undoes Slack's escapes and what phones do to quotes and dashes, and splits as a shell would.
//!
//! Not a real shell: an apostrophe inside a word is an apostrophe, and `#` begins no comment.

use std::borrow::Cow;

/// One word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word without its quotes.
    pub text: String,
    /// Whether it began with a quote: then it is a value, never an option.
    pub quoted: bool,
}

impl Word {
    /// Whether this is written as an option: `--reason`, `-x`.
    pub fn is_option(&self) -> bool {
        !self.quoted && self.text.len() > 1 && self.text.starts_with('-')
    }
}

/// A line split into words.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The words, in order. An unclosed quote is taken to end with the line, so that a suggestion can be made.
    pub words: Vec<Word>,
    /// The quote that is never closed.
    pub unclosed: Option<char>,
}

/// Reads what Slack sent.
pub(super) fn read(text: &str) -> Line {
    let visible: String = text.chars().filter_map(visible).collect();
    let chars: Vec<char> = decode(&visible).chars().collect();
    let mut line = split(&chars);
    for word in line.words.iter_mut().filter(|word| !word.quoted) {
        word.text = plain_dashes(&word.text).into_owned();
    }
    line
}

/// The character as it may be kept: white space as a space, and nothing for what is invisible or turns the text around.
pub(super) fn visible(c: char) -> Option<char> {
    match c {
        c if c.is_whitespace() => Some(' '),
        c if c.is_control() => None,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => None,
        '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => None,
        c => Some(c),
    }
}

/// Undoes [`decode`] where the text would otherwise be taken for an escape of Slack's.
pub(super) fn encode(text: &str) -> String {
    if decode(text) == text {
        return text.to_owned();
    }
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Replaces entities, mentions and links by what they stand for, once: `&amp;lt;` is the text `&lt;`.
fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((meaning, length)) = entity(rest).or_else(|| escape(rest)) {
            out.push_str(&meaning);
            rest = &rest[length..];
        } else {
            out.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

fn entity(text: &str) -> Option<(Cow<'static, str>, usize)> {
    [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")]
        .into_iter()
        .find(|(entity, _)| text.starts_with(entity))
        .map(|(entity, meaning)| (meaning.into(), entity.len()))
}

/// `<@U123|name>`, `<#C123|name>`, `<!subteam^S123|name>`, `<!here>` and links.
fn escape(text: &str) -> Option<(Cow<'static, str>, usize)> {
    let end = text.find('>')?;
    let inner = text.strip_prefix('<')?.get(..end - 1)?;
    let (target, label) = inner.split_once('|').map_or((inner, None), |(target, label)| (target, Some(label)));
    if inner.contains('<') {
        return None;
    }
    let id = target.strip_prefix(['@', '#']).or_else(|| target.strip_prefix("!subteam^"));
    let meaning = if let Some(id) = id {
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        id.to_owned()
    } else if let Some(special) = target.strip_prefix('!') {
        label.map_or_else(|| format!("@{special}"), str::to_owned)
    } else {
        link(target, label)?
    };
    Some((meaning.into(), end + 1))
}

/// What a link says: where it leads, so that a label cannot pretend; but `prod.example` where Slack made a link of that word.
fn link(target: &str, label: Option<&str>) -> Option<String> {
    let (_, bare) = ["https://", "http://", "mailto:", "tel:"]
        .into_iter()
        .find_map(|scheme| target.strip_prefix(scheme).map(|bare| (scheme, bare)))?;
    let typed = label.filter(|label| label.trim_end_matches('/') == bare.trim_end_matches('/'));
    Some(decode(typed.unwrap_or(target)))
}

fn is_double(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '＂')
}

fn is_single(c: char) -> bool {
    matches!(c, '\'' | '‘' | '’' | '‚' | '‛')
}

/// Puts a value into double quotes so that [`read`] gives it back.
pub(super) fn quote(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        if c == '\\' || is_double(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

fn split(chars: &[char]) -> Line {
    let mut line = Line::default();
    let mut word: Option<Word> = None;
    let mut open: Option<char> = None;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        at += 1;
        match open {
            None if c == ' ' => line.words.extend(word.take()),
            None if is_double(c) || (is_single(c) && may_open(word.as_ref())) => {
                open = Some(c);
                word.get_or_insert(Word { text: String::new(), quoted: true });
            }
            // A closing single quote ends a word: the one in `'can't'` does not.
            Some(quote) if is_double(quote) && is_double(c) => open = None,
            Some(quote) if is_single(quote) && is_single(c) && next.is_none_or(|c| c == ' ') => open = None,
            _ => {
                let kept = if c == '\\' { next.filter(|&next| escapable(next, open)) } else { None };
                at += usize::from(kept.is_some());
                word.get_or_insert(Word { text: String::new(), quoted: false }).text.push(kept.unwrap_or(c));
            }
        }
    }
    line.words.extend(word);
    line.unclosed = open;
    line
}

/// A single quote opens only where a value begins; elsewhere it is an apostrophe.
fn may_open(word: Option<&Word>) -> bool {
    word.is_none_or(|word| !word.quoted && word.text.ends_with('='))
}

fn escapable(next: char, open: Option<char>) -> bool {
    match open {
        None => next == '\\' || next == ' ' || is_double(next) || is_single(next),
        Some(quote) => is_double(quote) && (next == '\\' || is_double(next)),
    }
}

/// `—reason`, `–reason` and `–-reason` are what phones make of `--reason`.
fn plain_dashes(text: &str) -> Cow<'_, str> {
    let body = text.trim_start_matches(|c| c == '-' || is_long_dash(c));
    let head = &text[..text.len() - body.len()];
    let option = body.is_empty() || body.starts_with(|c: char| c.is_ascii_alphabetic());
    if option && head.contains(is_long_dash) { format!("--{body}").into() } else { text.into() }
}

/// Dashes that stand where a keyboard has `-`.
pub(super) fn is_long_dash(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}
