//! Tables with buttons, charts and buttons, in full and where the workspace refuses them.

use std::collections::BTreeSet;

use bbws::{
    adapters::slack::{Drawn, draw_line},
    domain::{attachment::Series, text::escape},
    ports::chat::{Attachment, Chart, Level, Offer, Table},
};
use insta::assert_snapshot;
use proptest::prelude::*;

use crate::slack::{
    limits::{hostile, within_limits},
    sample::outline,
};

fn offer(label: &str, command: &str, confirm: Option<&str>) -> Offer {
    Offer { label: label.into(), command: command.into(), confirm: confirm.map(str::to_owned) }
}

fn series(name: &str, values: &[Option<u64>]) -> Series {
    Series { name: name.into(), values: values.to_vec() }
}

pub fn attachment() -> Attachment {
    Attachment {
        table: Some(Table {
            caption: "Recovery points of prod".into(),
            columns: vec!["Id".into(), "Taken".into()],
            rows: vec![vec!["rp-1".into(), "08:00".into()], vec!["rp-2".into(), "09:00".into()]],
            offers: vec![Some(offer("Restore", "restore prod rp-1", Some("Restore prod from rp-1?"))), None],
        }),
        chart: Some(Chart {
            title: "Replication lag".into(),
            unit: "minutes".into(),
            categories: vec!["08:00".into(), "08:05".into(), "08:10".into()],
            series: vec![series("prod", &[Some(3), None, Some(12)]), series("sit", &[Some(1), Some(2), Some(2)])],
        }),
        offers: vec![offer("Back up now", "backup create prod full", None)],
    }
}

fn drawn(attachment: &Attachment) -> Drawn {
    draw_line(Level::Info, "2 recovery points", attachment)
}

#[test]
fn all_of_it_with_native_blocks() {
    assert_snapshot!(outline(&drawn(&attachment()).blocks), @r##"
    section ℹ️ 2 recovery points
    data_table Recovery points of prod
      Id | Taken | Action
      rp-1 | 08:00 | [Restore bbws.ask.0=restore prod rp-1
        asks: Restore prod from rp-1?, else /bbws restore prod rp-1]
      rp-2 | 09:00 | –
    line Replication lag (minutes)
      prod: 08:00=3 08:10=12
      sit: 08:00=1 08:10=2
    context Left out, since a value is unknown: 08:05.
    actions bbws.offers
      Back up now bbws.ask.2=backup create prod full
    "##);
}

#[test]
fn all_of_it_with_plain_blocks() {
    assert_snapshot!(outline(&drawn(&attachment()).plain_blocks), @r##"
    section ℹ️ 2 recovery points
    section ```
    Id    Taken  Action
    rp-1  08:00  /bbws restore prod rp-1
    rp-2  09:00
    ```
    section *Replication lag in minutes, 08:00 to 08:10*
    ```
               First  Lowest  Highest  Last  Unknown
    prod  ▂·█  3      3       12       12    1 of 3
    sit   ▁▂▂  1      1       2        2     0 of 3
    ```
    actions bbws.offers
      Back up now bbws.ask.2=backup create prod full
    "##);
}

#[test]
fn the_text_carries_the_whole_meaning() {
    assert_snapshot!(drawn(&attachment()).text, @r##"
    ℹ️ 2 recovery points
    ```
    Id    Taken  Action
    rp-1  08:00  /bbws restore prod rp-1
    rp-2  09:00
    ```
    *Replication lag in minutes, 08:00 to 08:10*
    ```
               First  Lowest  Highest  Last  Unknown
    prod  ▂·█  3      3       12       12    1 of 3
    sit   ▁▂▂  1      1       2        2     0 of 3
    ```
    • Back up now: `/bbws backup create prod full`
    "##);
}

#[test]
fn a_row_button_is_what_slack_documents() {
    let drawn = drawn(&attachment());
    let cell = &drawn.blocks[1]["rows"][1][2];
    assert_eq!(
        *cell,
        serde_json::json!({
            "type": "action_cell",
            "element": {
                "type": "button",
                "text": {"type": "plain_text", "text": "Restore"},
                "action_id": "bbws.ask.0",
                "value": "restore prod rp-1",
                "confirm": {
                    "title": {"type": "plain_text", "text": "Restore?"},
                    "text": {"type": "plain_text", "text": "Restore prod from rp-1?"},
                    "confirm": {"type": "plain_text", "text": "Restore"},
                    "deny": {"type": "plain_text", "text": "Back"},
                    "style": "primary",
                },
            },
            "fallback": {"type": "raw_text", "text": "/bbws restore prod rp-1"},
        })
    );
}

#[test]
fn only_what_cannot_be_taken_back_is_asked_in_red() {
    for (command, style) in
        [("backup delete prod rp-1", "danger"), ("op stop bk-1", "primary"), ("stop prod x", "primary")]
    {
        let offers = vec![offer("Go", command, Some("Sure?"))];
        let drawn = drawn(&Attachment { offers, ..Attachment::default() });
        let button = drawn.blocks.iter().find(|b| b["type"] == "actions").expect("a button");
        assert_eq!(button["elements"][0]["confirm"]["style"], style, "{command}");
    }
}

#[test]
fn a_long_chart_keeps_its_peaks_and_names_what_it_leaves_out() {
    let mut values: Vec<Option<u64>> = (0..48).map(|i| Some(if i == 17 { 900 } else { 5 })).collect();
    (values[30], values[31], values[32]) = (None, None, None);
    let mut lines = vec![series("prod", &values), series("never", &[None; 48])];
    lines.extend((0..12).map(|i| series(&format!("a line with a long name {i}"), &vec![Some(i); 48])));
    let chart = Chart {
        title: "Lag".into(),
        unit: String::new(),
        categories: (0..48).map(|i| format!("{:02}:{:02}", i / 2, i % 2 * 30)).collect(),
        series: lines,
    };
    let drawn = drawn(&Attachment { chart: Some(chart), ..Attachment::default() });
    within_limits(&drawn.blocks);
    let series = drawn.blocks[1]["chart"]["series"].as_array().unwrap();
    assert!(series[0]["data"].as_array().unwrap().iter().any(|p| p["value"] == 900), "{}", series[0]);
    assert_snapshot!(drawn.blocks[2]["elements"][0]["text"].as_str().unwrap(), @r##"48 points are drawn as 16, each at its highest value. … and 2 lines more. Not drawn, since too little is known: never. Left out, since a value is unknown: 16:00."##);
    assert!(drawn.text.contains("3 of 48") && drawn.text.contains("48 of 48"), "{}", drawn.text);
}

#[test]
fn a_chart_of_which_nothing_is_known_is_told_in_words() {
    let chart = Chart {
        title: "Lag".into(),
        unit: "minutes".into(),
        categories: vec!["08:00".into()],
        series: vec![series("prod", &[None])],
    };
    let drawn = drawn(&Attachment { chart: Some(chart), ..Attachment::default() });
    assert_snapshot!(outline(&drawn.blocks), @r##"
    section ℹ️ 2 recovery points
    section *Lag in minutes, 08:00 to 08:00*
    ```
             First  Lowest  Highest  Last  Unknown
    prod  ·  –      –       –        –     1 of 1
    ```
    "##);
}

#[test]
fn a_command_no_button_can_carry_is_never_cut_into_another() {
    let long = format!("stop prod {}", "x".repeat(2_000));
    let offers = vec![offer("Stop", &long, None), offer("Help", "help", None), offer("Nothing", " \n ", None)];
    let drawn = drawn(&Attachment { offers, ..Attachment::default() });
    let actions = drawn.blocks.last().unwrap();
    assert_eq!(actions["elements"].as_array().unwrap().len(), 1);
    assert_eq!(actions["elements"][0]["value"], "help");
    assert!(drawn.blocks[1]["elements"][0]["text"].as_str().unwrap().contains("Stop: `/bbws stop prod xxx"));
}

#[test]
fn many_heavy_buttons_leave_their_commands_behind_in_words() {
    let confirm = "c".repeat(300);
    let rows = 60;
    let table = Table {
        caption: "Points".into(),
        columns: vec!["Id".into()],
        rows: (0..rows).map(|i| vec![format!("rp-{i}")]).collect(),
        offers: (0..rows).map(|i| Some(offer("Restore", &format!("restore prod rp-{i}"), Some(&confirm)))).collect(),
    };
    let drawn = drawn(&Attachment { table: Some(table), ..Attachment::default() });
    within_limits(&drawn.blocks);
    let rows = drawn.blocks[1]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 61, "no row is lost for its button");
    assert_eq!(rows[1][1]["type"], "action_cell");
    assert_eq!(rows[60][1]["text"], "/bbws restore prod rp-59");
}

fn offers(most: usize) -> impl Strategy<Value = Vec<Option<Offer>>> {
    let one = (hostile(), hostile(), prop::option::of(hostile())).prop_map(|(label, command, confirm)| Offer {
        label,
        command,
        confirm,
    });
    prop::collection::vec(prop::option::of(one), 0..most)
}

fn chart() -> impl Strategy<Value = Chart> {
    let value = prop_oneof![8 => any::<u64>().prop_map(Some), 1 => Just(None)];
    let line = (hostile(), prop::collection::vec(value, 0..70)).prop_map(|(name, values)| Series { name, values });
    let label = prop_oneof![hostile(), (0..5u8).prop_map(|i| format!("0{i}:00"))];
    (hostile(), hostile(), prop::collection::vec(label, 0..60), prop::collection::vec(line, 0..20))
        .prop_map(|(title, unit, categories, series)| Chart { title, unit, categories, series })
}

fn table() -> impl Strategy<Value = Table> {
    let rows = prop::collection::vec(prop::collection::vec(hostile(), 0..4), 0..12);
    (hostile(), prop::collection::vec(hostile(), 0..24), rows, offers(14), 1..30usize).prop_map(
        |(caption, columns, rows, offers, times)| Table {
            caption,
            columns,
            rows: rows.iter().cycle().take(rows.len() * times).cloned().collect(),
            offers: offers.iter().cycle().take(offers.len() * times).cloned().collect(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_shown_fits(
        sentence in hostile(),
        table in prop::option::of(table()),
        chart in prop::option::of(chart()),
        offers in offers(40),
    ) {
        let attachment = Attachment { table, chart, offers: offers.into_iter().flatten().collect() };
        let drawn = draw_line(Level::Warning, &escape(&sentence), &attachment);
        prop_assert!((1..=3_000).contains(&drawn.text.encode_utf16().count()));
        within_limits(&drawn.blocks);
        within_limits(&drawn.plain_blocks);
        let ids: Vec<String> = drawn.blocks.iter().flat_map(action_ids).collect();
        prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        prop_assert!(ids.iter().all(|id| id.starts_with("bbws.ask.")));
        let harmless = !drawn.text.contains(['\u{202E}', '<']);
        prop_assert!(harmless, "{}", drawn.text);
        let plain: BTreeSet<&str> = drawn.plain_blocks.iter().map(|b| b["type"].as_str().unwrap()).collect();
        prop_assert!(plain.iter().all(|kind| ["section", "context", "actions"].contains(kind)));
    }
}

fn action_ids(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(map) => {
            let own = map.get("action_id").and_then(|id| id.as_str()).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(action_ids)).collect()
        }
        serde_json::Value::Array(all) => all.iter().flat_map(action_ids).collect(),
        _ => Vec::new(),
    }
}
