//! Slack's rules for blocks: what a message may hold, how long its texts may be. A payload that breaks one is
//! refused with `invalid_blocks`, exactly as the real service would refuse it.

use serde_json::Value;

use super::check::{Check, Surface, chars};
use super::limits_data;

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

impl Check {
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
        let mut seen = std::collections::HashSet::new();
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
