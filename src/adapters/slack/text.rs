//! Text on its way to Slack: what people typed is made harmless, and everything is made to fit.
//!
//! Lengths are counted in UTF-16 units, which is never less than what Slack counts.

use crate::domain::moment::Moment;
pub use crate::domain::text::{count, escape, number, one_line};

/// Longest text of a section.
pub const SECTION: usize = 3_000;

/// Length as the strictest reader counts it.
pub fn len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// mrkdwn from our own sentences, in which what people typed is escaped already. Whatever slipped through is made harmless:
/// mentions of users, channels and dates stay, all else in angle brackets becomes text.
pub fn mrkdwn(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| entities(&tokens(&one_line(line)))).collect();
    lines.join("\n").trim().to_owned()
}

fn tokens(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['<', '>']) {
        out.push_str(&rest[..at]);
        let token = rest[at..].find('>').map(|end| &rest[at..=at + end]).filter(|t| harmless(t));
        match token {
            Some(token) => out.push_str(token),
            None => out.push_str(if rest[at..].starts_with('<') { "&lt;" } else { "&gt;" }),
        }
        rest = &rest[at + token.map_or(1, str::len)..];
    }
    out.push_str(rest);
    out
}

fn harmless(token: &str) -> bool {
    let inner = token.trim_start_matches('<').trim_end_matches('>');
    token.len() == inner.len() + 2
        && (inner.strip_prefix(['@', '#']).is_some_and(is_id)
            || (inner.starts_with("!date^") && inner.matches('^').count() == 2))
}

/// An ampersand that begins no entity is text.
fn entities(line: &str) -> String {
    line.split('&').enumerate().fold(String::with_capacity(line.len()), |mut out, (i, piece)| {
        if i > 0 {
            out.push_str(if ["amp;", "lt;", "gt;"].iter().any(|e| piece.starts_with(e)) { "&" } else { "&amp;" });
        }
        out.push_str(piece);
        out
    })
}

/// The text cut to `max` at a character boundary, ending in `…` where something was left out. For plain text.
pub fn clip(text: &str, max: usize) -> String {
    if len(text) <= max { text.to_owned() } else { format!("{}…", prefix(text, max.saturating_sub(1)).trim_end()) }
}

/// Like [`clip`], for mrkdwn: neither an entity such as `&amp;` nor a token such as `<@U1>` is cut in two.
pub fn clip_mrkdwn(text: &str, max: usize) -> String {
    if len(text) <= max {
        text.to_owned()
    } else {
        format!("{}…", whole(prefix(text, max.saturating_sub(1))).trim_end())
    }
}

fn prefix(text: &str, max: usize) -> &str {
    let mut room = max;
    let end = text.char_indices().find(|(_, c)| {
        let fits = c.len_utf16() <= room;
        room = room.saturating_sub(c.len_utf16());
        !fits
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// Without an unfinished entity or token at the end.
fn whole(cut: &str) -> &str {
    let cut = match cut.rfind('<') {
        Some(at) if !cut[at..].contains('>') => &cut[..at],
        _ => cut,
    };
    match cut.rfind('&') {
        Some(at) if cut.len() - at < 5 && !cut[at..].contains(';') => &cut[..at],
        _ => cut,
    }
}

/// `text` in two: at most `max` of it, ending with a sentence where there is one, else a word; and the rest.
pub fn split(text: &str, max: usize) -> (String, Option<String>) {
    if len(text) <= max {
        return (text.to_owned(), None);
    }
    let head = whole(prefix(text, max));
    let sentence = head
        .rmatch_indices([' ', '\n'])
        .find(|(at, _)| head[..*at].ends_with(['.', '!', '?', ':', '\n']) && balanced(&head[..*at]));
    let word = || head.rmatch_indices([' ', '\n']).find(|(at, _)| balanced(&head[..*at]));
    let at = sentence.or_else(word).map_or(head.len(), |(at, _)| at);
    if at == 0 {
        return (clip_mrkdwn(text, max), None);
    }
    (head[..at].trim_end().to_owned(), Some(text[at..].trim_start().to_owned()).filter(|rest| !rest.is_empty()))
}

/// No token or code span is open at the end.
fn balanced(text: &str) -> bool {
    text.matches('<').count() == text.matches('>').count() && text.matches('`').count().is_multiple_of(2)
}

/// A mention; a text that is no user id is shown as text.
pub fn mention(user: &str) -> String {
    if is_id(user) { format!("<@{user}>") } else { clip_mrkdwn(&escape(user), 100) }
}

fn is_id(text: &str) -> bool {
    (2..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// A moment in the reader's own time zone, which Slack does not name, and in UTC, by which people of several zones agree.
pub fn date(at: Moment) -> String {
    format!("<!date^{}^{{date_short_pretty}} at {{time}}|{}> ({})", at.seconds(), at.day(), at.clock())
}

/// `400 GiB`, `1.5 KiB`, `12 bytes`.
pub fn size(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let power = (0..units.len() - 1).find(|p| bytes >> (10 * (p + 1)) == 0).unwrap_or(units.len() - 1);
    let tenths = (u128::from(bytes) * 10) >> (10 * power);
    match tenths % 10 {
        0 => format!("{} {}", tenths / 10, units[power]),
        tenth => format!("{}.{tenth} {}", tenths / 10, units[power]),
    }
}
