//! What Slack takes in blocks, and what is one too many.

use serde_json::{Value, json};

use crate::workspace::Desk;

pub fn plain(text: impl Into<String>) -> Value {
    json!({"type": "plain_text", "text": text.into()})
}

pub fn section(text: impl Into<String>) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text.into()}})
}

pub fn button(more: Value) -> Value {
    let mut button = json!({"type": "button", "text": plain("Go"), "action_id": "go"});
    button.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    button
}

pub fn actions(elements: Vec<Value>) -> Value {
    json!({"type": "actions", "elements": elements})
}

fn plan(tasks: usize) -> Value {
    let tasks: Vec<Value> =
        (0..tasks).map(|i| json!({"task_id": i.to_string(), "title": "Copy", "status": "pending"})).collect();
    json!({"type": "plan", "title": "Plan", "tasks": tasks})
}

fn table(rows: usize) -> Value {
    let rows: Vec<Value> = (0..rows).map(|i| json!([{"type": "raw_text", "text": i.to_string()}])).collect();
    json!({"type": "data_table", "caption": "Rows", "rows": rows})
}

fn cell(text: impl Into<String>) -> Value {
    json!({"type": "raw_text", "text": text.into()})
}

/// A data table with that cell below the header `h`.
fn with_cell(cell: Value) -> Value {
    json!({"type": "data_table", "caption": "Rows", "rows": [[self::cell("h")], [cell]]})
}

/// A data table with that many characters below the header `h`.
fn heavy(characters: usize) -> Value {
    with_cell(cell("x".repeat(characters)))
}

/// A data table with a button per row.
fn acting(rows: usize, id: impl Fn(usize) -> String) -> Value {
    let button = |i| json!([{"type": "action_cell", "element": button(json!({"action_id": id(i)}))}]);
    let rows: Vec<Value> = std::iter::once(json!([cell("h")])).chain((0..rows).map(button)).collect();
    json!({"type": "data_table", "caption": "Rows", "rows": rows})
}

/// A line chart.
fn chart(title: impl Into<String>, lines: usize, points: usize, value: Value) -> Value {
    let categories: Vec<String> = (0..points).map(|i| i.to_string()).collect();
    let data: Vec<Value> = categories.iter().map(|label| json!({"label": label, "value": value})).collect();
    let series: Vec<Value> = (0..lines).map(|i| json!({"name": format!("line {i}"), "data": data})).collect();
    let axes = json!({"categories": categories});
    json!({"type": "data_visualization", "title": title.into(), "chart": {"type": "line", "series": series, "axis_config": axes}})
}

/// A chart of one point with that label and that unit.
fn labelled(label: impl Into<String>, unit: impl Into<String>) -> Value {
    let label = label.into();
    let series = json!([{"name": "line", "data": [{"label": label, "value": 1}]}]);
    let axes = json!({"categories": [label], "y_label": unit.into()});
    json!({"type": "data_visualization", "title": "t", "chart": {"type": "line", "series": series, "axis_config": axes}})
}

#[tokio::test]
async fn what_slack_takes_is_taken_and_one_more_is_refused() {
    let confirm = |title: usize, text: usize| {
        let confirm = json!({"title": plain("t".repeat(title)), "text": plain("x".repeat(text)), "confirm": plain("Yes"), "deny": plain("No")});
        vec![actions(vec![button(json!({"confirm": confirm}))])]
    };
    let many = |n: usize| vec![section("x"); n];
    let buttons = |n: usize| vec![actions((0..n).map(|i| button(json!({"action_id": i.to_string()}))).collect())];
    let header = |n: usize| vec![json!({"type": "header", "text": plain("é".repeat(n))})];
    let fields = |n: usize| vec![json!({"type": "section", "fields": vec![plain("x"); n]})];
    let context = |n: usize| vec![json!({"type": "context", "elements": vec![plain("x"); n]})];
    let ids = |n: usize| vec![json!({"type": "divider", "block_id": "i".repeat(n)})];
    let status = |status: &str| {
        vec![json!({"type": "plan", "title": "P", "tasks": [{"task_id": "1", "title": "T", "status": status}]})]
    };
    let cases: Vec<(&str, Vec<Value>, Vec<Value>)> = vec![
        ("blocks", many(50), many(51)),
        ("section text", vec![section("x".repeat(3_000))], vec![section("x".repeat(3_001))]),
        ("empty text", vec![section("x")], vec![section("")]),
        ("fields", fields(10), fields(11)),
        ("header, in characters", header(150), header(151)),
        ("context elements", context(10), context(11)),
        ("actions elements", buttons(25), buttons(26)),
        (
            "button text",
            vec![actions(vec![button(json!({"text": plain("x".repeat(75))}))])],
            vec![actions(vec![button(json!({"text": plain("x".repeat(76))}))])],
        ),
        (
            "button value",
            vec![actions(vec![button(json!({"value": "v".repeat(2_000)}))])],
            vec![actions(vec![button(json!({"value": "v".repeat(2_001)}))])],
        ),
        (
            "button style",
            vec![actions(vec![button(json!({"style": "danger"}))])],
            vec![actions(vec![button(json!({"style": "warning"}))])],
        ),
        ("button field", vec![actions(vec![button(json!({}))])], vec![actions(vec![button(json!({"colour": "red"}))])]),
        ("confirm title", confirm(100, 1), confirm(101, 1)),
        ("confirm text", confirm(1, 300), confirm(1, 301)),
        ("block id", ids(255), ids(256)),
        ("plan tasks", vec![plan(50)], vec![plan(51)]),
        ("task status", status("in_progress"), status("running")),
        ("data table rows", vec![table(201)], vec![table(202)]),
        ("row buttons", vec![acting(2, |i| format!("go.{i}"))], vec![acting(2, |_| "go".into())]),
        (
            "fallback of a row button",
            vec![with_cell(
                json!({"type": "action_cell", "element": button(json!({})), "fallback": {"type": "raw_text", "text": "x"}}),
            )],
            vec![with_cell(
                json!({"type": "action_cell", "element": button(json!({})), "fallback": {"type": "rich_text", "elements": []}}),
            )],
        ),
        (
            "element of a cell",
            vec![with_cell(json!({"type": "action_cell", "element": button(json!({"value": "v".repeat(2_000)}))}))],
            vec![with_cell(json!({"type": "action_cell", "element": {"type": "plain_text_input", "action_id": "a"}}))],
        ),
        ("data table characters", vec![heavy(19_999)], vec![heavy(20_000)]),
        ("data tables together", vec![heavy(9_999); 2], vec![heavy(10_000), heavy(9_999)]),
        ("chart title", vec![chart("t".repeat(50), 1, 2, json!(1))], vec![chart("t".repeat(51), 1, 2, json!(1))]),
        ("chart lines", vec![chart("t", 12, 2, json!(1))], vec![chart("t", 13, 2, json!(1))]),
        ("chart points", vec![chart("t", 1, 20, json!(1))], vec![chart("t", 1, 21, json!(1))]),
        ("chart values", vec![chart("t", 1, 2, json!(0))], vec![chart("t", 1, 2, Value::Null)]),
        ("charts", vec![chart("t", 1, 2, json!(1)); 2], vec![chart("t", 1, 2, json!(1)); 3]),
        ("chart labels", vec![labelled("l".repeat(20), "u".repeat(50))], vec![labelled("l".repeat(21), "u")]),
        ("axis labels", vec![labelled("l", "u".repeat(50))], vec![labelled("l", "u".repeat(51))]),
        ("data table without a row", vec![table(2)], vec![table(1)]),
        (
            "tables",
            vec![json!({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]})],
            vec![json!({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}); 2],
        ),
        ("block type", vec![json!({"type": "divider"})], vec![json!({"type": "blink"})]),
        (
            "block id twice",
            vec![json!({"type": "divider", "block_id": "a"}), json!({"type": "divider", "block_id": "b"})],
            vec![json!({"type": "divider", "block_id": "a"}); 2],
        ),
    ];
    let desk = Desk::new();
    for (what, good, bad) in cases {
        let taken = desk.call("blocks.validate", json!({"blocks": good})).await;
        assert_eq!(taken["ok"], true, "{what}: {taken}");
        let refused = desk.call("chat.postMessage", json!({"channel": "C0OPS", "text": "t", "blocks": bad})).await;
        assert_eq!(refused["error"], "invalid_blocks", "{what}");
        let why = refused["response_metadata"]["messages"][0].as_str().unwrap();
        assert!(why.starts_with("[ERROR]") && why.contains("[json-pointer:/blocks"), "{what}: {why}");
    }
    assert_eq!(desk.workspace.messages("C0OPS"), vec![]);
}

#[tokio::test]
async fn every_surface_takes_its_own_blocks() {
    let alert = |n: usize, level: &str| json!({"type": "alert", "level": level, "text": plain("x".repeat(n))});
    let raw = json!([[{"type": "raw_text", "text": "x"}]]);
    let everywhere = [section("x"), json!({"type": "divider"}), actions(vec![button(json!({}))])];
    let some: [(Value, [bool; 3]); 8] = [
        (alert(200, "warning"), [false, true, false]),
        (plan(1), [true, false, false]),
        (json!({"type": "task_card", "task_id": "1", "title": "T"}), [true, false, false]),
        (json!({"type": "markdown", "text": "x"}), [true, false, false]),
        (table(2), [true, false, true]),
        (json!({"type": "table", "rows": raw}), [true, false, true]),
        (chart("t", 1, 2, json!(1)), [true, false, true]),
        (json!({"type": "container", "title": plain("t"), "child_blocks": [section("x")]}), [true, false, true]),
    ];
    let desk = Desk::new();
    for (block, taken) in everywhere.into_iter().map(|block| (block, [true; 3])).chain(some) {
        let view = |kind: &str| json!({"view": {"type": kind, "title": plain("t"), "blocks": [block]}});
        let tries = [json!({"blocks": [block]}), view("modal"), view("home")];
        for (args, taken) in tries.into_iter().zip(taken) {
            let answer = desk.call("blocks.validate", args).await;
            assert_eq!(answer["ok"], taken, "{block}: {answer}");
        }
    }
    for (good, bad) in [(alert(200, "warning"), alert(201, "warning")), (alert(1, "error"), alert(1, "fatal"))] {
        let modal = |block: Value| json!({"view": {"type": "modal", "title": plain("t"), "blocks": [block]}});
        assert_eq!(desk.call("blocks.validate", modal(good)).await["ok"], true);
        assert_eq!(desk.call("blocks.validate", modal(bad)).await["error"], "invalid_view");
    }
    let refused =
        desk.call("chat.postMessage", json!({"channel": "C0OPS", "text": "t", "blocks": [alert(1, "info")]})).await;
    assert_eq!(refused["error"], "invalid_blocks");
}
