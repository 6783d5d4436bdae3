//! What a thumb and a screen reader find on a phone: rows as cards, named buttons that are large enough, few stops of the Tab key.

use serde_json::{Value, json};

use super::{
    browser::{Browser, Screen},
    demo::Demo,
};

/// Texts of all shown by this selector.
async fn texts(b: &Browser, css: &str) -> Vec<String> {
    let all = b.eval(&format!("[...document.querySelectorAll({css:?})].map((el) => el.innerText.trim())")).await;
    all.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether the newest table shows its rows as a table.
const WIDE: &str = "[...document.querySelectorAll('.data-table thead')].at(-1).checkVisibility()";
/// The rows of the newest table, each with what it says and its buttons.
const ROWS: &str = "[...[...document.querySelectorAll('.data-table')].at(-1).querySelectorAll('tbody tr')].map((tr) => ({ \
    text: tr.innerText, kept: tr.querySelector('[data-label=\"Kept by\"]').innerText, \
    right: Math.max(...[...tr.querySelectorAll('*')].map((el) => el.getBoundingClientRect().right)), \
    labels: [...tr.querySelectorAll('[data-label]')].filter((el) => el.checkVisibility()) \
        .map((el) => getComputedStyle(el, '::before').content.replaceAll('\"', '').replace(/[\\s:]+$/, '')), \
    buttons: [...tr.querySelectorAll('button')].map((el) => el.innerText.split('\\n')[0].trim()) }))";

async fn rows(b: &Browser, command: &str) -> Vec<Value> {
    let before = b.eval("document.querySelectorAll('.data-table').length").await;
    b.say(command).await;
    b.until(&format!("document.querySelectorAll('.data-table').length > {before}")).await;
    b.eval(ROWS).await.as_array().cloned().expect("rows")
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_points_are_a_table_where_there_is_room() {
    Browser::drive(Screen::Desktop, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::calm(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        let all = rows(&b, "/bbws backup list prod rds").await;
        assert_eq!(b.eval(WIDE).await, json!(true), "headings stand above the columns");
        assert!(all.iter().all(|row| row["right"].as_f64().unwrap() <= 1280.0), "no column is cut off: {:#}", all[0]);
        b.picture("36-wide-list").await;
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_points_are_cards_on_a_phone_and_say_what_keeps_them() {
    Browser::drive(Screen::Phone, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::calm(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;

        let young = rows(&b, "/bbws backup list prod rds --since 3d").await;
        assert_eq!(b.eval(WIDE).await, json!(false), "no table on a phone");
        assert!(young.len() > 5, "{young:#?}");
        for row in &young {
            let labels = row["labels"].as_array().expect("labels");
            for label in ["Age", "Expires", "Tested", "Kept by"] {
                assert!(labels.contains(&json!(label)), "{label} is not to be seen: {row:#}");
            }
            assert!(row["right"].as_f64().unwrap() <= 390.0, "it sticks out: {row:#}");
            let kept = row["kept"].as_str().unwrap();
            assert!(kept.starts_with("floor until ") && kept.split(' ').count() >= 4, "{row:#}");
            assert_eq!(row["buttons"], json!(["Restore"]), "what is kept has no Delete: {row:#}");
        }
        b.client
            .execute("[...document.querySelectorAll('.data-table')].at(-1).scrollIntoView()", vec![])
            .await
            .unwrap();
        b.picture("30-phone-list").await;

        let since = b.eval("new Date(Date.now() - 9 * 86400e3).toISOString().replace(/\\.\\d+/, '')").await;
        let old = rows(&b, &format!("/bbws backup list prod rds --before {}", since.as_str().unwrap())).await;
        assert!(old.iter().any(|row| row["buttons"] == json!(["Delete"])), "{old:#?}");
        for row in &old {
            let free = row["kept"] == "—";
            assert_eq!(row["buttons"] == json!(["Delete"]), free, "Delete where it works and nowhere else: {row:#}");
        }
        b.press("Delete").await;
        b.see("dialog.confirm .btn-danger").await;
        assert!(texts(&b, "dialog.confirm").await[0].contains("irreversible"));
        b.picture("31-phone-delete").await;
        b.find("//dialog//button[normalize-space()='Back']").await.click().await.unwrap();
        b
    })
    .await;
}

/// Everything that can be pressed or filled in: what a screen reader calls it, and how large it is.
const CONTROLS: &str = "[...document.querySelectorAll('button, a[href], summary, input, textarea, select, [role=radio]')] \
    .filter((el) => el.checkVisibility({ visibilityProperty: true }) && el.getBoundingClientRect().width > 0).map((el) => ({ \
    name: (el.getAttribute('aria-label') || el.labels?.[0]?.innerText || el.innerText || el.title || '').trim(), \
    inline: el.matches('.section-text a, .section-text .link, .text .link, .rich-line .link'), \
    width: el.getBoundingClientRect().width, height: el.getBoundingClientRect().height, html: el.outerHTML.slice(0, 160) }))";

#[tokio::test(flavor = "multi_thread")]
async fn every_button_on_a_phone_has_a_name_and_room_for_a_thumb() {
    Browser::drive(Screen::Phone, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::start(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.say("/bbws backup create dev rds").await;
        b.until("[...document.querySelectorAll('#log .message:not(.ephemeral)')].at(-1).innerText.includes('Succeeded')").await;
        b.say("/bbws backup create prod rds").await;
        b.see("#log .container summary").await;
        rows(&b, "/bbws backup list prod rds").await;
        for (name, open) in [
            ("32-phone-log", "null"),
            ("33-phone-menu", "document.querySelector('#menu').click()"),
            ("34-phone-aws", "(document.querySelector('#scrim').click(), document.querySelector('#aws-toggle').click())"),
            ("35-phone-thread", "(document.querySelector('#aws-toggle').click(), document.querySelector('.thread-link').click())"),
        ] {
            b.client.execute(open, vec![]).await.unwrap();
            b.until("document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity)").await;
            b.picture(name).await;
            let controls = b.eval(CONTROLS).await;
            let controls = controls.as_array().expect("controls");
            assert!(controls.len() > 10, "{name}: {controls:#?}");
            for control in controls {
                let said = control["name"].as_str().unwrap();
                assert!(said.chars().any(char::is_alphanumeric), "{name}: without a name: {control:#}");
                let small = ["width", "height"].iter().any(|side| control[*side].as_f64().unwrap() < 23.5);
                assert!(!small || control["inline"] == true, "{name}: too small for a thumb: {control:#}");
            }
            let nested = b.eval("document.querySelectorAll('summary button, summary a, summary input').length").await;
            assert_eq!(nested, json!(0), "{name}: nothing to press inside of what folds");
        }
        let stops = b.eval(
            "Math.max(...[...document.querySelectorAll('#log .message:not(.ephemeral)')].filter((m) => m.innerText.includes('Succeeded')) \
            .map((m) => [...m.querySelectorAll('button, a[href], summary, input')].filter((el) => el.checkVisibility()).length))",
        );
        let stops = stops.await.as_u64().expect("there is a finished card");
        assert!(stops <= 4, "{stops} stops of the Tab key on a finished card");
        b
    })
    .await;
}
