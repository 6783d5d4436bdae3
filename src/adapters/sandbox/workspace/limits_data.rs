//! Slack's rules for the blocks that show work and data: plan, alert, tables, charts, containers, cards.

use std::collections::HashSet;

use serde_json::Value;

use super::check::{Check, chars};

/// Characters all cells of one `table` may hold together.
const TABLE_CHARS: usize = 10_000;
/// The same for a `data_table`; the data tables of one message share it.
pub(super) const DATA_TABLE_CHARS: usize = 20_000;
/// Most points of a line, bar or area, and longest label of a point, segment or series.
const POINTS: usize = 20;
const LABEL: usize = 20;
/// Longest label of an axis.
const AXIS: usize = 50;

/// Checks a block of one of these kinds; any other kind is unknown to Slack.
pub(super) fn block(check: &mut Check, block: &Value, at: &str) {
    match block["type"].as_str().unwrap_or_default() {
        "plan" => plan(check, block, at),
        "task_card" => task(check, block, at),
        "alert" => {
            check.only(block, at, &["block_id", "text", "level"], &[]);
            check.text(block, "text", at, true, 200, false);
            if !matches!(block["level"].as_str(), None | Some("default" | "info" | "success" | "warning" | "error")) {
                check.bad(&format!("{at}/level"), "unsupported level");
            }
        }
        "table" => {
            check.only(block, at, &["block_id", "rows", "column_settings"], &[]);
            rows(check, block, at, 1, 100, &["raw_text", "rich_text"]);
            if weight(&block["rows"]) > TABLE_CHARS {
                check.bad(&format!("{at}/rows"), format_args!("must be less than {} characters", TABLE_CHARS + 1));
            }
        }
        "data_table" => data_table(check, block, at),
        "data_visualization" => chart(check, block, at),
        "container" => container(check, block, at),
        "card" => card(check, block, at),
        "carousel" => {
            let cards = check.list(block, "elements", at, 1, 10);
            for (i, inner) in cards.iter().enumerate() {
                card(check, inner, &format!("{at}/elements/{i}"));
            }
        }
        "" => check.bad(at, "missing required field: type"),
        other => check.bad(&format!("{at}/type"), format_args!("unsupported type: {other}")),
    }
}

fn plan(check: &mut Check, block: &Value, at: &str) {
    check.only(block, at, &["block_id", "title", "tasks"], &[]);
    check.string(block, "title", at, true, 256);
    let mut seen = HashSet::new();
    for (i, inner) in check.list(block, "tasks", at, 0, 50).iter().enumerate() {
        let here = format!("{at}/tasks/{i}");
        task(check, inner, &here);
        if let Some(id) = inner["task_id"].as_str()
            && !seen.insert(id)
        {
            check.bad(&here, format_args!("`task_id` \"{id}\" already exists"));
        }
    }
}

fn task(check: &mut Check, task: &Value, at: &str) {
    let known = ["block_id", "task_id", "title", "status", "details", "output", "sources", "icon", "hide_title"];
    check.only(task, at, &known, &[]);
    check.string(task, "task_id", at, true, 255);
    check.string(task, "title", at, true, 256);
    if !matches!(task["status"].as_str(), None | Some("pending" | "in_progress" | "complete" | "error")) {
        check.bad(&format!("{at}/status"), "unsupported status");
    }
    for key in ["details", "output"] {
        if !task[key].is_null() {
            check.rich_text(&task[key], &format!("{at}/{key}"));
        }
    }
    for (i, source) in check.list(task, "sources", at, 0, 50).iter().enumerate() {
        let here = format!("{at}/sources/{i}");
        check.only(source, &here, &["url", "text"], &[]);
        check.string(source, "url", &here, true, 3_000);
        check.string(source, "text", &here, true, 256);
    }
}

/// The characters in a value's strings, `type` and ids aside.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Object(map) => {
            map.iter().filter(|(k, _)| *k != "type" && !k.ends_with("_id")).map(|(_, v)| weight(v)).sum()
        }
        Value::Array(list) => list.iter().map(weight).sum(),
        text => chars(text),
    }
}

fn rows(check: &mut Check, block: &Value, at: &str, least: usize, most: usize, kinds: &[&str]) {
    let rows = check.list(block, "rows", at, least, most);
    let wide = rows.first().and_then(Value::as_array).map_or(0, Vec::len);
    for (r, row) in rows.iter().enumerate() {
        let here = format!("{at}/rows/{r}");
        let Some(cells) = row.as_array() else {
            check.bad(&here, "must be an array");
            continue;
        };
        check.count(cells, &here, 1, 20);
        if cells.len() != wide {
            check.bad(&here, "all rows must have the same number of cells");
        }
        for (c, cell) in cells.iter().enumerate() {
            self::cell(check, cell, &format!("{here}/{c}"), kinds);
        }
    }
}

fn cell(check: &mut Check, cell: &Value, at: &str, kinds: &[&str]) {
    let kind = cell["type"].as_str().unwrap_or_default();
    if !kinds.contains(&kind) {
        check.bad(&format!("{at}/type"), format_args!("unsupported cell type: {kind}"));
    }
    match kind {
        "raw_text" => check.string(cell, "text", at, true, DATA_TABLE_CHARS),
        "raw_number" => {
            check.string(cell, "text", at, true, DATA_TABLE_CHARS);
            if !cell["value"].is_number() {
                check.bad(&format!("{at}/value"), "must be a number");
            }
        }
        "rich_text" => check.rich_text(cell, at),
        "action_cell" => action_cell(check, cell, at),
        _ => {}
    }
}

fn action_cell(check: &mut Check, cell: &Value, at: &str) {
    check.only(cell, at, &["element", "fallback"], &[]);
    let element = &cell["element"];
    let here = format!("{at}/element");
    if element.is_null() {
        check.bad(at, "missing required field: element");
    } else if element["type"] == "button" {
        check.string(element, "action_id", &here, false, 255);
        check.button(element, &here);
    } else {
        check.bad(&format!("{here}/type"), "unsupported element inside a cell");
    }
    if !cell["fallback"].is_null() {
        self::cell(check, &cell["fallback"], &format!("{at}/fallback"), &["raw_text", "raw_number"]);
    }
}

/// Action ids are unique within a block.
fn distinct_actions(check: &mut Check, block: &Value, at: &str) {
    let mut seen = HashSet::new();
    for (r, row) in block["rows"].as_array().into_iter().flatten().enumerate() {
        for (c, cell) in row.as_array().into_iter().flatten().enumerate() {
            if let Some(id) = cell["element"]["action_id"].as_str()
                && !seen.insert(id)
            {
                let here = format!("{at}/rows/{r}/{c}/element");
                check.bad(&here, format_args!("`action_id` \"{id}\" already exists"));
            }
        }
    }
}

fn data_table(check: &mut Check, block: &Value, at: &str) {
    check.only(block, at, &["block_id", "caption", "rows", "page_size", "row_header_column_index"], &[]);
    check.string(block, "caption", at, true, 256);
    let kinds = ["raw_text", "raw_number", "rich_text", "action_cell"];
    rows(check, block, at, 2, 201, &kinds);
    distinct_actions(check, block, at);
    for (c, cell) in block["rows"][0].as_array().into_iter().flatten().enumerate() {
        if cell["type"] != "raw_text" && cell["type"] != "raw_number" {
            check.bad(&format!("{at}/rows/0/{c}"), "header cells must be raw_text or raw_number");
        }
    }
    if !block["page_size"].is_null() && !block["page_size"].as_u64().is_some_and(|n| (1..=100).contains(&n)) {
        check.bad(&format!("{at}/page_size"), "must be between 1 and 100");
    }
}

fn chart(check: &mut Check, block: &Value, at: &str) {
    check.only(block, at, &["block_id", "title", "chart"], &[]);
    check.string(block, "title", at, true, 50);
    let (chart, at) = (&block["chart"], format!("{at}/chart"));
    match chart["type"].as_str().unwrap_or_default() {
        "pie" => {
            for (i, segment) in check.list(chart, "segments", &at, 1, 12).iter().enumerate() {
                point(check, segment, &format!("{at}/segments/{i}"));
            }
        }
        "bar" | "line" | "area" => series(check, chart, &at),
        _ => check.bad(&format!("{at}/type"), "unsupported chart type"),
    }
}

fn point(check: &mut Check, point: &Value, at: &str) {
    check.only(point, at, &["label", "value"], &[]);
    check.string(point, "label", at, true, LABEL);
    if !point["value"].is_number() {
        check.bad(&format!("{at}/value"), "must be a number");
    }
}

fn series(check: &mut Check, chart: &Value, at: &str) {
    check.only(chart, at, &["series", "axis_config"], &[]);
    let (axis, axis_at) = (&chart["axis_config"], format!("{at}/axis_config"));
    check.only(axis, &axis_at, &["categories", "x_label", "y_label"], &[]);
    check.string(axis, "x_label", &axis_at, false, AXIS);
    check.string(axis, "y_label", &axis_at, false, AXIS);
    let categories = check.list(axis, "categories", &axis_at, 1, POINTS);
    let mut labels = HashSet::new();
    for (i, label) in categories.iter().enumerate() {
        let here = format!("{axis_at}/categories/{i}");
        if !label.is_string() || !(1..=LABEL).contains(&chars(label)) {
            check.bad(&here, format_args!("must be a string of 1 to {LABEL} characters"));
        }
        if !labels.insert(label.as_str().unwrap_or_default()) {
            check.bad(&here, "categories must be unique");
        }
    }
    let mut names = HashSet::new();
    for (i, one) in check.list(chart, "series", at, 1, 12).iter().enumerate() {
        let here = format!("{at}/series/{i}");
        check.only(one, &here, &["name", "data"], &[]);
        check.string(one, "name", &here, true, LABEL);
        if !names.insert(one["name"].as_str().unwrap_or_default()) {
            check.bad(&here, "series names must be unique");
        }
        let data = check.list(one, "data", &here, categories.len(), categories.len());
        let mut covered = HashSet::new();
        for (p, value) in data.iter().enumerate() {
            let here = format!("{here}/data/{p}");
            point(check, value, &here);
            let label = value["label"].as_str().unwrap_or_default();
            if !labels.contains(label) || !covered.insert(label) {
                check.bad(&here, "each category must have exactly one data point");
            }
        }
    }
}

fn container(check: &mut Check, block: &Value, at: &str) {
    let known = [
        "block_id",
        "title",
        "rich_text_title",
        "subtitle",
        "child_blocks",
        "width",
        "icon",
        "is_collapsible",
        "default_collapsed",
        "has_header_divider",
    ];
    check.only(block, at, &known, &[]);
    check.text(block, "title", at, block["rich_text_title"].is_null(), 150, true);
    check.text(block, "subtitle", at, false, 150, false);
    if block["default_collapsed"] == true && block["is_collapsible"] != true {
        check.bad(&format!("{at}/default_collapsed"), "requires is_collapsible");
    }
    let kinds =
        ["actions", "context", "divider", "file", "header", "image", "input", "rich_text", "section", "table", "video"];
    for (i, child) in check.list(block, "child_blocks", at, 1, 10).iter().enumerate() {
        let here = format!("{at}/child_blocks/{i}");
        if child["type"].as_str().is_none_or(|kind| !kinds.contains(&kind)) {
            check.bad(&format!("{here}/type"), "unsupported type inside a container");
        }
        check.block(child, &here);
    }
}

fn card(check: &mut Check, block: &Value, at: &str) {
    check.only(block, at, &["block_id", "title", "subtitle", "body", "hero_image", "icon", "actions"], &[]);
    check.text(block, "title", at, false, 150, false);
    check.text(block, "subtitle", at, false, 150, false);
    check.text(block, "body", at, false, 200, false);
    if ["title", "body", "hero_image", "actions"].iter().all(|key| block[*key].is_null()) {
        check.bad(at, "one of title, body, hero_image or actions is required");
    }
    let actions = check.list(block, "actions", at, 0, 5);
    check.elements(actions, &format!("{at}/actions"));
}
