//! Whatever the operation is like, its card keeps every limit of Slack.

use std::collections::BTreeSet;

use bbws::{
    adapters::slack::draw_card,
    domain::{
        operation::State,
        plan::Fact,
        step::{self, Action, Step, StepState},
    },
};
use proptest::prelude::*;
use serde_json::Value;

use crate::slack::sample::{agree, halt, running, view};

fn len(value: &Value) -> usize {
    value.as_str().unwrap().encode_utf16().count()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn button_fits(b: &Value) {
    assert!((1..=75).contains(&len(&b["text"]["text"])) && len(&b["value"]) <= 2_000 && len(&b["action_id"]) <= 255);
    let confirm = &b["confirm"];
    if confirm.is_object() {
        for (field, most) in [("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)] {
            assert!((1..=most).contains(&len(&confirm[field]["text"])), "{field}: {confirm}");
        }
    }
}

fn table_fits(block: &Value) {
    let rows = list(&block["rows"]);
    let width = list(&rows[0]).len();
    assert!((2..=201).contains(&rows.len()) && (1..=20).contains(&width), "{} rows, {width} columns", rows.len());
    assert!((1..=100).contains(&block["page_size"].as_u64().unwrap()) && len(&block["caption"]) > 0);
    let (mut read, mut all, mut ids) = (0, 0, BTreeSet::new());
    for (r, row) in rows.iter().enumerate() {
        assert_eq!(list(row).len(), width);
        for cell in list(row) {
            if cell["type"] == "raw_text" {
                assert!(len(&cell["text"]) > 0);
                (read, all) = (read + len(&cell["text"]), all + len(&cell["text"]));
                continue;
            }
            assert!(cell["type"] == "action_cell" && r > 0, "{cell}");
            let button = &cell["element"];
            button_fits(button);
            assert!(ids.insert(button["action_id"].as_str().unwrap().to_owned()), "{button} twice");
            let confirm: usize = button["confirm"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(_, v)| if v.is_object() { len(&v["text"]) } else { 0 })
                .sum();
            read += len(&cell["fallback"]["text"]);
            all += len(&cell["fallback"]["text"]) + len(&button["text"]["text"]) + len(&button["value"]) + confirm;
        }
    }
    assert!(read <= 10_000 && all <= 20_000, "{read} characters to read, {all} in all");
}

fn chart_fits(block: &Value) {
    assert!((1..=50).contains(&len(&block["title"])));
    let chart = &block["chart"];
    let categories = list(&chart["axis_config"]["categories"]);
    let unique: BTreeSet<_> = categories.iter().map(|c| c.as_str().unwrap()).collect();
    assert!((1..=20).contains(&categories.len()) && unique.len() == categories.len(), "{categories:?}");
    assert!(categories.iter().all(|c| (1..=20).contains(&len(c))));
    assert!(chart["axis_config"]["y_label"].is_null() || (1..=50).contains(&len(&chart["axis_config"]["y_label"])));
    let series = list(&chart["series"]);
    let names: BTreeSet<_> = series.iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert!((1..=12).contains(&series.len()) && names.len() == series.len(), "{names:?}");
    for one in series {
        assert!((1..=20).contains(&len(&one["name"])));
        let points = list(&one["data"]);
        assert_eq!(points.iter().map(|p| p["label"].clone()).collect::<Vec<_>>(), categories);
        assert!(points.iter().all(|p| p["value"].is_u64()));
    }
}

/// Every limit of the blocks a message is made of.
pub fn within_limits(blocks: &[Value]) {
    assert!(blocks.len() <= 50, "{} blocks", blocks.len());
    let mut ids = BTreeSet::new();
    for block in blocks {
        if let Some(id) = block["block_id"].as_str() {
            assert!(id.len() <= 255 && ids.insert(id.to_owned()));
        }
        match block["type"].as_str().unwrap() {
            "section" => {
                if block["text"].is_object() {
                    assert!((1..=3_000).contains(&len(&block["text"]["text"])));
                }
                let fields = list(&block["fields"]);
                assert!(fields.len() <= 10 && fields.iter().all(|f| (1..=2_000).contains(&len(&f["text"]))));
            }
            "alert" => assert!((1..=200).contains(&len(&block["text"]["text"]))),
            "context" => assert!((1..=10).contains(&list(&block["elements"]).len())),
            "plan" => {
                let tasks = list(&block["tasks"]);
                assert!(tasks.len() <= 50 && len(&block["title"]) <= 150);
                let unique: BTreeSet<_> = tasks.iter().map(|t| t["task_id"].as_str().unwrap()).collect();
                assert_eq!(unique.len(), tasks.len());
                assert!(tasks.iter().all(|t| (1..=150).contains(&len(&t["title"]))));
            }
            "input" => assert!(len(&block["label"]["text"]) <= 2_000),
            "actions" => {
                let buttons = list(&block["elements"]);
                assert!((1..=25).contains(&buttons.len()));
                let ids: BTreeSet<_> = buttons.iter().map(|b| b["action_id"].as_str().unwrap()).collect();
                assert_eq!(ids.len(), buttons.len());
                buttons.iter().for_each(button_fits);
            }
            "data_table" => table_fits(block),
            "data_visualization" => chart_fits(block),
            "container" => {
                let children = list(&block["child_blocks"]);
                assert!((1..=10).contains(&children.len()) && len(&block["title"]["text"]) <= 150);
                assert!(children.iter().all(|c| c["type"] == "section"), "{children:?}");
                within_limits(&children);
            }
            other => panic!("a message has no {other} block"),
        }
    }
}

pub fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,30}",
        "[<>&\u{202E}\n`*🔥a. ]{0,400}",
        Just("&<".repeat(1_600)),
        Just("🔥".repeat(1_600)),
        Just("word. ".repeat(600)),
        Just(String::new())
    ]
}

fn action(kind: u8, text: &str) -> Action {
    let (region, bucket, key) = (text.to_owned(), text.to_owned(), text.to_owned());
    match kind % 4 {
        0 => Action::RdsSnapshot(step::RdsSnapshot { region, database: bucket, snapshot: key }),
        1 => Action::VerifySnapshot(step::VerifySnapshot { region, snapshot: key, retention_days: 1 }),
        2 => Action::SecretsExport(step::SecretsExport { region, prefix: key.clone(), bucket, key }),
        _ => Action::ClearStop(step::ClearStop { scope: key }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_card_always_fits(
        state in 0..13usize,
        texts in prop::collection::vec(hostile(), 8),
        steps in prop_oneof![12 => 0..60usize, 2 => 60..400usize],
        seed in any::<u32>(),
        cancel in any::<bool>(),
        facts in prop_oneof![Just(1usize), Just(60)],
    ) {
        let mut view = if seed % 2 == 0 { view() } else { running() };
        agree(&mut view);
        let text = |i: usize| texts[i % texts.len()].clone();
        let op = &mut view.run.op;
        op.state = State::ALL[state];
        (op.reason, op.outcome, op.command, op.revision) = (Some(text(0)), Some(text(1)).filter(|_| seed % 3 == 0), text(2), seed % 2);
        (op.plan.environment, op.plan.scope, op.plan.account, op.plan.tenant) = (text(3), text(4), text(5), Some(text(6)));
        op.plan.facts = (0..facts).map(|i| Fact { subject: text(i), found: text(i + 1) }).collect();
        op.plan.notes = (0..facts).map(text).collect();
        let one = op.plan.steps[0].clone();
        op.plan.steps = (0..steps).map(|i| {
            let mut spec = one.clone();
            spec.title = text(i);
            spec.action = action((i % 4) as u8, &format!("{}{}", i % (1 + seed as usize % 100), text(i).chars().take(40).collect::<String>()));
            spec
        }).collect();
        view.run.steps = (0..steps).map(|i| {
            let mut step = Step::new(i);
            step.state = StepState::ALL[(i + seed as usize) % 7];
            (step.detail, step.error, step.external_id, step.percent) = (Some(text(i)), Some(text(i + 1)), Some(text(i + 2)), Some(255));
            step.outputs.insert(text(i), text(i + 3));
            step
        }).collect();
        halt(&mut view, &text(7), &text(0), cancel);
        let drawn = draw_card(&view);
        prop_assert!((1..=3_000).contains(&drawn.text.encode_utf16().count()));
        within_limits(&drawn.blocks);
        within_limits(&drawn.plain_blocks);
        let kinds: BTreeSet<String> = drawn.plain_blocks.iter().map(|b| b["type"].as_str().unwrap().to_owned()).collect();
        prop_assert!(kinds.iter().all(|k| ["section", "context", "input", "actions"].contains(&k.as_str())));
        let buttons = |blocks: &[Value]| blocks.iter().filter(|b| b["type"] == "actions" && b["block_id"] != "bbws.plan").cloned().collect::<Vec<_>>();
        prop_assert_eq!(buttons(&drawn.blocks), buttons(&drawn.plain_blocks));
        let words: usize = drawn.plain_blocks.iter().filter_map(|b| b["text"]["text"].as_str()).map(|t| t.encode_utf16().count()).sum();
        prop_assert!(words <= 12_000, "{words} characters are more than a message takes");
    }
}

#[test]
fn ten_thousand_steps_fit() {
    let mut view = running();
    let (spec, step) = (view.run.op.plan.steps[0].clone(), view.run.steps[1].clone());
    view.run.op.plan.steps = vec![spec; 10_000];
    view.run.steps = (0..10_000)
        .map(|index| Step { index, state: StepState::ALL[index % 7], error: Some("broken".into()), ..step.clone() })
        .collect();
    let drawn = draw_card(&view);
    within_limits(&drawn.blocks);
    within_limits(&drawn.plain_blocks);
    let plan = drawn.blocks.iter().find(|b| b["type"] == "plan").unwrap();
    assert_eq!(plan["title"], "1,429 of 10,000 steps done · 25 %");
    assert_eq!(plan["tasks"][0]["status"], "error");
    assert_eq!(plan["tasks"][20]["title"], "… and 2,836 more that failed or whose outcome is unknown");
}
