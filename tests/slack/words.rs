//! Hostile text, and the answers to commands.

use bbws::{
    adapters::slack::{SlackChat, draw_card, draw_line},
    domain::text::{escape, one_line},
    ports::chat::{Attachment, Chat, Level, Reply, Table},
};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::Value;

use crate::slack::sample::{halt, outline, view};

fn slack() -> SlackChat {
    SlackChat::new("http://127.0.0.1:1/api", "xoxb-test".to_owned().into()).unwrap()
}

fn reply(level: Level, text: &str, table: Option<Table>) -> Value {
    slack().reply(&Reply { level, text: text.into(), attachment: Attachment { table, ..Attachment::default() } })
}

#[test]
fn nothing_people_type_mentions_anybody() {
    let hostile = "<!channel> <@U0EVIL> <https://evil.example|Approve> \u{202E}txet\nsecond line &lt;!here&gt;";
    let mut view = view();
    view.run.op.reason = Some(hostile.into());
    view.run.op.plan.notes = vec![hostile.into()];
    view.run.op.plan.facts[0].found = hostile.into();
    view.run.op.plan.steps[0].title = hostile.into();
    view.run.op.outcome = Some(format!(
        "{} says <@U0ALICE>. Not escaped: <!channel> <https://evil.example|Approve> a & b",
        escape(hostile)
    ));
    view.run.op.revision = 2;
    view.run.op.plan.scope = hostile.into();
    halt(&mut view, "U0BOB> <!here", hostile, false);
    let drawn = draw_card(&view);
    let mrkdwn: String = drawn
        .plain_blocks
        .iter()
        .map(|b| b["text"]["text"].as_str().unwrap_or("").to_owned() + &b["fields"].to_string())
        .collect();
    for text in [&drawn.text, &mrkdwn] {
        assert!(
            !text.contains("<!channel")
                && !text.contains("<!here")
                && !text.contains("<@U0EVIL")
                && !text.contains("<https://evil"),
            "{text}"
        );
        assert!(!text.contains('\u{202E}'), "{text}");
        assert!(text.contains("&lt;!channel&gt;"), "{text}");
        assert!(
            text.contains("&lt;@U0EVIL&gt;")
                && text.contains(
                    "says <@U0ALICE>. Not escaped: &lt;!channel&gt; &lt;https://evil.example|Approve&gt; a &amp; b"
                ),
            "{text}"
        );
    }
}

#[test]
fn a_refusal_is_loud_and_says_all_in_text() {
    let answer = reply(Level::Error, "You may not approve what you asked for yourself.", None);
    assert_eq!(answer["response_type"], "ephemeral");
    assert_eq!(answer["text"], "⛔ You may not approve what you asked for yourself.");
    assert_snapshot!(outline(answer["blocks"].as_array().unwrap()), @r##"section ⛔ You may not approve what you asked for yourself."##);
}

#[test]
fn a_list_is_a_table_and_says_how_many_rows_are_left_out() {
    let rows = (0..250).map(|i| vec![format!("bk-{i}"), "prod".to_owned(), "<!here>".to_owned()]).collect();
    let table = Table {
        caption: "Operations".into(),
        columns: vec!["Id".into(), "Environment".into(), "Reason".into()],
        rows,
        ..Table::default()
    };
    let drawn = draw_line(Level::Info, "250 operations", &Attachment { table: Some(table), ..Attachment::default() });
    let blocks = &drawn.blocks;
    assert_eq!(blocks[1]["rows"].as_array().unwrap().len(), 201);
    assert_eq!(
        blocks[2]["elements"][0]["text"],
        "… and 50 rows more that the table cannot hold; narrow the list down to see them."
    );
    let text = drawn.text.as_str();
    assert!(
        text.chars().count() <= 3_000
            && text.contains("bk-0   ")
            && text.contains("… and ")
            && !text.contains("<!here>"),
        "{text}"
    );
}

#[test]
fn a_short_list_in_full() {
    let table = Table {
        caption: "Operations".into(),
        columns: vec!["Id".into(), "State".into()],
        rows: vec![vec!["bk-1042".into(), "running".into()], vec!["dr-17".into(), String::new()]],
        ..Table::default()
    };
    let answer = reply(Level::Info, "2 operations", Some(table));
    assert_snapshot!(format!("{}\n---\n{}", answer["text"].as_str().unwrap(), outline(answer["blocks"].as_array().unwrap())), @r##"
    ℹ️ 2 operations
    ```
    Id       State
    bk-1042  running
    dr-17
    ```
    ---
    section ℹ️ 2 operations
    section ```
    Id       State
    bk-1042  running
    dr-17
    ```
    "##);
}

proptest! {
    #[test]
    fn escaped_text_is_one_harmless_line(text in "\\PC{0,40}[\\x00-\\x20<>&\u{202A}-\u{202E}\u{2066}-\u{2069}]{0,20}\\PC{0,40}") {
        let safe = escape(&text);
        let harmless = !safe.contains(['<', '>', '\n', '\r', '\u{202E}', '\u{2066}', '\0']);
        prop_assert!(harmless);
        let unescaped = safe.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        prop_assert_eq!(&unescaped, &one_line(&text));
        prop_assert_eq!(one_line(&unescaped), unescaped);
    }
}
