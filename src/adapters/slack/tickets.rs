//! Tickets in what is sent become links, where the config says at which address they are read.
//!
//! This is done with the blocks as they are drawn, so that no place that names a ticket can be forgotten. What is typed as code stays
//! as it is, since it is copied, and so does what Slack reads as a mention.

use regex_lite::Regex;
use serde_json::Value;

use super::text::{SECTION, len};
use crate::domain::ticket::TicketLinks;

/// Longest text of a field.
const FIELD: usize = 2_000;

/// What a ticket looks like, and where it is read.
#[derive(Debug, Clone)]
pub struct Tickets {
    links: TicketLinks,
    pattern: Regex,
}

impl Tickets {
    /// `pattern`: what a whole ticket matches.
    ///
    /// # Errors
    /// A sentence, where that is no regular expression.
    pub fn new(links: TicketLinks, pattern: &str) -> Result<Tickets, String> {
        let whole = format!("^(?:{pattern})$");
        let pattern =
            Regex::new(&whole).map_err(|error| format!("slack.ticket_pattern is not a regular expression: {error}"))?;
        Ok(Tickets { links, pattern })
    }

    /// The same blocks with links.
    pub(super) fn link(&self, blocks: &mut [Value]) {
        blocks.iter_mut().for_each(|block| self.visit(block, SECTION));
    }

    fn visit(&self, value: &mut Value, longest: usize) {
        match value {
            // It takes 200 characters, which an address would use up.
            Value::Object(map) if map.get("type").is_some_and(|kind| kind == "alert") => {}
            Value::Object(map) if map.get("type").is_some_and(|kind| kind == "mrkdwn") => {
                if let Some(Value::String(text)) = map.get_mut("text") {
                    *text = self.linked(text, longest);
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    self.visit(value, if key == "fields" { FIELD } else { longest });
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.visit(value, longest)),
            _ => {}
        }
    }

    /// mrkdwn with every ticket in it as a link, as long as it stays no longer than this.
    fn linked(&self, text: &str, longest: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut room = longest.saturating_sub(len(text));
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let piece = match first {
                '`' => until(rest, '`'),
                '<' => until(rest, '>'),
                c if in_word(c) => &rest[..rest.find(|c| !in_word(c)).unwrap_or(rest.len())],
                c => &rest[..c.len_utf8()],
            };
            rest = &rest[piece.len()..];
            match self.link_of(piece) {
                Some(link) if len(&link) - len(piece) <= room => {
                    room -= len(&link) - len(piece);
                    out.push_str(&link);
                }
                _ => out.push_str(piece),
            }
        }
        out
    }

    /// A word as a link, if it is a ticket. Marks at its end belong to the sentence.
    fn link_of(&self, word: &str) -> Option<String> {
        let ticket = word.trim_matches(['-', '/', '#', '_']);
        let (before, after) = word.split_once(ticket).filter(|_| !ticket.is_empty())?;
        self.pattern.is_match(ticket).then(|| format!("{before}<{}|{ticket}>{after}", self.links.address(ticket)))
    }
}

/// Up to the next mark of this kind, and with it; where there is none only the first one.
fn until(text: &str, mark: char) -> &str {
    match text[1..].find(mark) {
        Some(at) => &text[..at + 2],
        None => &text[..1],
    }
}

/// What a ticket may consist of: nothing that has a meaning to Slack.
fn in_word(c: char) -> bool {
    c.is_alphanumeric() || "-_/#".contains(c)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tickets() -> Tickets {
        let links = TicketLinks::parse("https://tickets.example/{ticket}").unwrap();
        Tickets::new(links, "^INC-[0-9]+$").unwrap()
    }

    #[test]
    fn every_ticket_is_a_link_and_nothing_else_is() {
        let link = "<https://tickets.example/INC-12|INC-12>";
        for (said, linked) in [
            ("INC-12", link.to_owned()),
            ("✅ *Ticket* INC-12", format!("✅ *Ticket* {link}")),
            ("*INC-12*: see INC-12, (INC-12).", format!("*{link}*: see {link}, ({link}).")),
            ("“because of INC-12”", format!("“because of {link}”")),
            ("`--ticket INC-12` and INC-12", format!("`--ticket INC-12` and {link}")),
            ("<#C1|INC-12> <@U1>", "<#C1|INC-12> <@U1>".to_owned()),
            ("#inc-12-prod INC-12x xINC-12 INC- 12", "#inc-12-prod INC-12x xINC-12 INC- 12".to_owned()),
            ("&lt;INC-12&gt;", format!("&lt;{link}&gt;")),
            ("a ` INC-12", format!("a ` {link}")),
        ] {
            assert_eq!(tickets().linked(said, SECTION), linked);
        }
    }

    #[test]
    fn what_would_grow_too_long_for_slack_stays_as_it_is() {
        let said = "INC-1 ".repeat(450);
        let linked = tickets().linked(&said, SECTION);
        assert!(len(&linked) <= SECTION && linked.starts_with("<https"), "{linked}");
        assert!(linked.ends_with("INC-1 "));
    }

    #[test]
    fn texts_are_found_wherever_they_are_in_a_block_and_alerts_and_plain_texts_stay() {
        let text = |kind: &str| json!({"type": kind, "text": "INC-1"});
        let mut blocks = vec![
            json!({"type": "section", "text": text("mrkdwn")}),
            json!({"type": "section", "fields": [text("mrkdwn")]}),
            json!({"type": "container", "child_blocks": [{"type": "section", "text": text("mrkdwn")}]}),
            json!({"type": "alert", "text": text("mrkdwn")}),
            json!({"type": "header", "text": text("plain_text")}),
        ];
        tickets().link(&mut blocks);
        let linked: Vec<bool> = blocks.iter().map(|block| block.to_string().contains("<https://")).collect();
        assert_eq!(linked, [true, true, true, false, false]);
    }
}
