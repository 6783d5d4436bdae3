//! Slack's rules for blocks: what a message may hold, how long its texts may be. A payload that breaks one is
//! refused with `invalid_blocks`, exactly as the real service would refuse it.

use std::collections::HashSet;

use serde_json::Value;

use super::limits_data;

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

/// Blocks that Slack's documentation keeps to some surfaces; every other block may stand on any.
const ONLY_ON: [(&str, &[Surface]); 11] = [
    ("alert", &[Surface::Modal]),
    ("carousel", &[Surface::Message, Surface::Home]),
    ("container", &[Surface::Message, Surface::Home]),
    ("context_actions", &[Surface::Message]),
    ("data_table", &[Surface::Message, Surface::Home]),
    ("data_visualization", &[Surface::Message, Surface::Home]),
    ("file", &[Surface::Message]),
    ("markdown", &[Surface::Message]),
    ("plan", &[Surface::Message]),
    ("table", &[Surface::Message, Surface::Home]),
    ("task_card", &[Surface::Message]),
];

/// What is wrong with a list of blocks, one line each in Slack's style; empty when all is well.
pub fn problems(blocks: &Value, surface: Surface) -> Vec<String> {
    let mut check = Check::on(surface);
    let Some(list) = blocks.as_array() else {
        return vec!["[ERROR] must be an array of blocks [json-pointer:/blocks]".into()];
    };
    let most = if surface == Surface::Message { 50 } else { 100 };
    check.count(list, "/blocks", 0, most);
    for (i, block) in list.iter().enumerate() {
        check.block(block, &format!("/blocks/{i}"));
    }
    check.whole(list);
    check.found
}

/// Collects what is wrong, each with a JSON pointer.
pub(super) struct Check {
    surface: Surface,
    found: Vec<String>,
    block_ids: HashSet<String>,
    markdown: usize,
}

pub(super) fn chars(value: &Value) -> usize {
    value.as_str().map_or(0, |s| s.chars().count())
}

impl Check {
    fn on(surface: Surface) -> Self {
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

    fn text_object(&mut self, object: &Value, at: &str, most: usize, plain: bool) {
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

    pub(super) fn block(&mut self, block: &Value, at: &str) {
        self.string(block, "block_id", at, false, 255);
        if let Some(id) = block["block_id"].as_str()
            && !self.block_ids.insert(id.to_owned())
        {
            self.bad(&format!("{at}/block_id"), format_args!("`block_id` \"{id}\" already exists"));
        }
        let kind = block["type"].as_str().unwrap_or_default();
        if ONLY_ON.iter().any(|(only, surfaces)| *only == kind && !surfaces.contains(&self.surface)) {
            self.bad(&format!("{at}/type"), format_args!("unsupported type: {kind}"));
            return;
        }
        match kind {
            "section" => self.section(block, at),
            "header" => {
                self.only(block, at, &["block_id", "text"], &["level"]);
                self.text(block, "text", at, true, 150, true);
            }
            "context" => self.context(block, at),
            "divider" => self.only(block, at, &["block_id"], &[]),
            "actions" => {
                self.only(block, at, &["block_id", "elements"], &[]);
                let elements = self.list(block, "elements", at, 1, 25);
                self.elements(elements, &format!("{at}/elements"));
            }
            "context_actions" => {
                self.only(block, at, &["block_id", "elements"], &[]);
                self.list(block, "elements", at, 1, 5);
            }
            "input" => self.input(block, at),
            "image" => {
                self.only(block, at, &["block_id", "image_url", "slack_file", "alt_text", "title"], &[]);
                self.string(block, "alt_text", at, true, 2_000);
                self.string(block, "image_url", at, false, 3_000);
                self.text(block, "title", at, false, 2_000, true);
            }
            "markdown" => {
                self.string(block, "text", at, true, 12_000);
                self.markdown += chars(&block["text"]);
            }
            "rich_text" => self.rich_text(block, at),
            _ => limits_data::block(self, block, at),
        }
    }

    fn section(&mut self, block: &Value, at: &str) {
        self.only(block, at, &["block_id", "text", "fields", "accessory", "expand"], &[]);
        self.text(block, "text", at, block["fields"].is_null(), 3_000, false);
        let fields = self.list(block, "fields", at, 0, 10);
        for (i, field) in fields.iter().enumerate() {
            self.text_object(field, &format!("{at}/fields/{i}"), 2_000, false);
        }
        if !block["accessory"].is_null() {
            self.elements(std::slice::from_ref(&block["accessory"]), &format!("{at}/accessory"));
        }
    }

    fn context(&mut self, block: &Value, at: &str) {
        self.only(block, at, &["block_id", "elements"], &[]);
        for (i, element) in self.list(block, "elements", at, 1, 10).iter().enumerate() {
            let here = format!("{at}/elements/{i}");
            if element["type"] == "image" {
                self.string(element, "alt_text", &here, true, 2_000);
            } else {
                self.text_object(element, &here, 3_000, false);
            }
        }
    }

    fn input(&mut self, block: &Value, at: &str) {
        self.only(block, at, &["block_id", "label", "element", "hint", "optional", "dispatch_action"], &[]);
        self.text(block, "label", at, true, 2_000, true);
        self.text(block, "hint", at, false, 2_000, true);
        if block["element"].is_null() {
            self.bad(at, "missing required field: element");
        } else {
            self.elements(std::slice::from_ref(&block["element"]), &format!("{at}/element"));
        }
    }

    /// Interactive elements; their action ids are unique within the list.
    pub(super) fn elements(&mut self, elements: &[Value], at: &str) {
        let mut seen = HashSet::new();
        for (i, element) in elements.iter().enumerate() {
            let here = format!("{at}/{i}");
            self.string(element, "action_id", &here, false, 255);
            if let Some(id) = element["action_id"].as_str()
                && !seen.insert(id)
            {
                self.bad(&here, format_args!("`action_id` \"{id}\" already exists"));
            }
            match element["type"].as_str().unwrap_or_default() {
                "button" => self.button(element, &here),
                "image" => self.string(element, "alt_text", &here, true, 2_000),
                "plain_text_input" => {
                    self.text(element, "placeholder", &here, false, 150, true);
                    self.string(element, "initial_value", &here, false, 3_000);
                }
                "static_select" | "radio_buttons" | "checkboxes" | "overflow" => self.options(element, &here),
                "" => self.bad(&here, "missing required field: type"),
                _ => {}
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

    fn options(&mut self, element: &Value, at: &str) {
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

    /// Rules about all the blocks together.
    fn whole(&mut self, blocks: &[Value]) {
        let of = |kind: &str| blocks.iter().filter(|b| b["type"] == kind).count();
        if of("table") > 1 {
            self.bad("/blocks", "only_one_table_allowed");
        }
        if of("data_visualization") > 2 {
            self.bad("/blocks", "no more than 2 data_visualization blocks allowed");
        }
        let tables = blocks.iter().filter(|b| b["type"] == "data_table");
        let most = limits_data::DATA_TABLE_CHARS;
        if tables.map(|b| limits_data::weight(&b["rows"])).sum::<usize>() > most {
            self.bad("/blocks", format_args!("data_table blocks must be less than {} characters together", most + 1));
        }
        if self.markdown > 12_000 {
            self.bad("/blocks", "markdown blocks must be less than 12001 characters together");
        }
    }
}
