//! Collects what is wrong with blocks: the rules that every kind of block is made of.

use std::collections::HashSet;

use serde_json::Value;

/// Where blocks are to be shown; views take more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// A message in a channel.
    Message,
    /// A modal.
    Modal,
    /// The app's Home tab.
    Home,
}

/// Collects what is wrong, each with a JSON pointer.
pub(super) struct Check {
    pub(super) surface: Surface,
    pub(super) found: Vec<String>,
    pub(super) block_ids: HashSet<String>,
    pub(super) markdown: usize,
}

pub(super) fn chars(value: &Value) -> usize {
    value.as_str().map_or(0, |s| s.chars().count())
}

impl Check {
    pub(super) fn on(surface: Surface) -> Self {
        Check { surface, found: Vec::new(), block_ids: HashSet::new(), markdown: 0 }
    }

    pub(super) fn bad(&mut self, at: &str, why: impl std::fmt::Display) {
        self.found.push(format!("[ERROR] {why} [json-pointer:{at}]"));
    }

    pub(super) fn count(&mut self, list: &[Value], at: &str, least: usize, most: usize) {
        if list.len() < least {
            self.bad(at, format_args!("no less than {least} items are required"));
        }
        if list.len() > most {
            self.bad(at, format_args!("no more than {most} items allowed"));
        }
    }

    /// A list under a key: required when `least` is above nought.
    pub(super) fn list<'v>(
        &mut self,
        holder: &'v Value,
        key: &str,
        at: &str,
        least: usize,
        most: usize,
    ) -> &'v [Value] {
        match &holder[key] {
            Value::Array(list) => {
                self.count(list, &format!("{at}/{key}"), least, most);
                list
            }
            Value::Null if least == 0 => &[],
            Value::Null => {
                self.bad(at, format_args!("missing required field: {key}"));
                &[]
            }
            _ => {
                self.bad(&format!("{at}/{key}"), "must be an array");
                &[]
            }
        }
    }

    /// A plain string under a key.
    pub(super) fn string(&mut self, holder: &Value, key: &str, at: &str, required: bool, most: usize) {
        let here = format!("{at}/{key}");
        match &holder[key] {
            Value::Null if required => self.bad(at, format_args!("missing required field: {key}")),
            Value::Null => {}
            value @ Value::String(text) => {
                if required && text.is_empty() {
                    self.bad(&here, "must be more than 0 characters");
                }
                if chars(value) > most {
                    self.bad(&here, format_args!("must be less than {} characters", most + 1));
                }
            }
            _ => self.bad(&here, "must be a string"),
        }
    }

    /// A text object under a key; `plain` allows `plain_text` only.
    pub(super) fn text(&mut self, holder: &Value, key: &str, at: &str, required: bool, most: usize, plain: bool) {
        let here = format!("{at}/{key}");
        match &holder[key] {
            Value::Null if required => self.bad(at, format_args!("missing required field: {key}")),
            Value::Null => {}
            object => self.text_object(object, &here, most, plain),
        }
    }

    pub(super) fn text_object(&mut self, object: &Value, at: &str, most: usize, plain: bool) {
        let kind = object["type"].as_str().unwrap_or_default();
        if !(kind == "plain_text" || (kind == "mrkdwn" && !plain)) {
            self.bad(&format!("{at}/type"), "unsupported text type");
        }
        let allowed: &[&str] = if kind == "plain_text" { &["emoji"] } else { &["verbatim"] };
        self.only(object, at, &["text"], allowed);
        self.string(object, "text", at, true, most);
    }

    /// Refuses fields Slack does not know.
    pub(super) fn only(&mut self, object: &Value, at: &str, known: &[&str], more: &[&str]) {
        let Some(map) = object.as_object() else {
            self.bad(at, "must be an object");
            return;
        };
        for key in map.keys().filter(|k| *k != "type") {
            if !known.contains(&key.as_str()) && !more.contains(&key.as_str()) {
                self.bad(at, format_args!("invalid additional property: {key}"));
            }
        }
    }

    pub(super) fn button(&mut self, button: &Value, at: &str) {
        let known = ["action_id", "text", "url", "value", "style", "confirm", "accessibility_label"];
        self.only(button, at, &known, &[]);
        self.text(button, "text", at, true, 75, true);
        self.string(button, "value", at, false, 2_000);
        self.string(button, "url", at, false, 3_000);
        self.string(button, "accessibility_label", at, false, 75);
        if !matches!(button["style"].as_str(), None | Some("primary" | "danger")) {
            self.bad(&format!("{at}/style"), "unsupported style");
        }
        let confirm = &button["confirm"];
        if !confirm.is_null() {
            let here = format!("{at}/confirm");
            self.only(confirm, &here, &["title", "text", "confirm", "deny", "style"], &[]);
            self.text(confirm, "title", &here, true, 100, true);
            self.text(confirm, "text", &here, true, 300, false);
            self.text(confirm, "confirm", &here, true, 30, true);
            self.text(confirm, "deny", &here, true, 30, true);
            if !matches!(confirm["style"].as_str(), None | Some("primary" | "danger")) {
                self.bad(&format!("{here}/style"), "unsupported style");
            }
        }
    }

    pub(super) fn options(&mut self, element: &Value, at: &str) {
        let most = match element["type"].as_str() {
            Some("static_select") => 100,
            Some("overflow") => 5,
            _ => 10,
        };
        for (i, option) in self.list(element, "options", at, 0, most).iter().enumerate() {
            let here = format!("{at}/options/{i}");
            self.text(option, "text", &here, true, 75, false);
            self.string(option, "value", &here, true, 150);
        }
    }

    pub(super) fn rich_text(&mut self, block: &Value, at: &str) {
        if block["type"] != "rich_text" {
            self.bad(&format!("{at}/type"), "must be rich_text");
        }
        self.only(block, at, &["block_id", "elements"], &[]);
        for (i, element) in self.list(block, "elements", at, 1, 1_000).iter().enumerate() {
            let kinds = ["rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"];
            if !element["type"].as_str().is_some_and(|kind| kinds.contains(&kind)) {
                self.bad(&format!("{at}/elements/{i}/type"), "unsupported type");
            }
            self.list(element, "elements", &format!("{at}/elements/{i}"), 1, 1_000);
        }
    }
}
