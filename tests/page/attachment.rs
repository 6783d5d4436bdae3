//! Tables with row buttons, charts and buttons below, in a message only the reader sees.

use serde_json::json;

use crate::page::{
    browser::{Browser, Screen},
    stage::Stage,
};

async fn shown(b: &Browser) -> Stage {
    let stage = Stage::set().await;
    b.client.goto(&stage.url).await.unwrap();
    b.see("body[data-me=U0ALICE]").await;
    b.say("/bbws points").await;
    b.see(".ephemeral .chart-line").await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_button_asks_first_and_says_its_command() {
    Browser::drive(Screen::Desktop, |b| async move {
        let stage = shown(&b).await;
        assert_eq!(b.eval("document.querySelectorAll('.ephemeral .data-table tbody tr').length").await, json!(20));
        b.client.execute("document.querySelector('#log').scrollTop = 0", vec![]).await.unwrap();
        b.picture("13-points").await;
        b.find("//div[contains(@class,'pager')]//button[.='Next']").await.click().await.unwrap();
        b.until("document.querySelectorAll('.data-table tbody tr').length === 6").await;
        assert_eq!(b.eval("document.querySelectorAll('th.act .sort').length").await, json!(0), "buttons have no order");

        let button = "(//div[contains(@class,'data-table')]//button[@data-value='restore prod rp-21'])";
        b.find(button).await.click().await.unwrap();
        b.see("dialog.confirm[open]").await;
        b.picture("14-points-confirm").await;
        b.find("//dialog//button[normalize-space()='Back']").await.click().await.unwrap();
        b.until("!document.querySelector('dialog')").await;
        b.find(button).await.click().await.unwrap();
        b.see("dialog [data-confirm=yes]").await.click().await.unwrap();
        b.find("//article[contains(@class,'ephemeral')]//code[text()='/bbws restore prod rp-21']").await;
        assert_eq!(stage.workspace.count("chat.postEphemeral"), 1, "what was taken back was not said");

        b.press("Back up now").await;
        b.find("//article[contains(@class,'ephemeral')]//code[text()='/bbws backup create prod full']").await;
        assert_eq!(
            b.eval("document.querySelectorAll('.data-table tbody tr').length").await,
            json!(6),
            "the page stays"
        );
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_drawn_for_its_width_and_told_in_words() {
    for (screen, name) in [(Screen::Desktop, "15-chart"), (Screen::Phone, "16-chart-phone")] {
        Browser::drive(screen, move |b| async move {
            let stage = shown(&b).await;
            assert_eq!(b.eval("document.querySelectorAll('.chart-line').length").await, json!(6), "three, and their keys");
            assert_eq!(b.eval("document.querySelectorAll('.chart-dot').length").await, json!(48));
            let about = b.eval("document.querySelector('.chart-axes').getAttribute('aria-label')").await;
            let about = about.as_str().unwrap();
            assert!(about.starts_with("Line chart: Replication lag, minutes. prod, snapshots: from 12 to 14"), "{about}");
            assert_eq!(b.eval("document.querySelectorAll('.chart .sr-only tbody tr').length").await, json!(16));
            // Text is as large as it says only when the drawing is as wide as the place for it.
            b.until("Math.abs(document.querySelector('.chart-axes').viewBox.baseVal.width - document.querySelector('.chart-plot').clientWidth) <= 1").await;
            assert_eq!(
                b.eval("document.querySelector('#log').scrollWidth === document.querySelector('#log').clientWidth").await,
                json!(true),
                "nothing sticks out"
            );
            let inside = "[...document.querySelectorAll('.chart-axes text')].every((t) => { const a = t.getBoundingClientRect(), b = document.querySelector('.chart-axes').getBoundingClientRect(); return a.left >= b.left - 1 && a.right <= b.right + 1; })";
            assert_eq!(b.eval(inside).await, json!(true), "no label is cut");
            b.picture(name).await;
            b.client.execute("document.querySelector('.data-table').scrollIntoView()", vec![]).await.unwrap();
            let button = "(() => { const a = document.querySelector('.data-table tbody .btn').getBoundingClientRect(); return a.left >= 0 && a.right <= innerWidth; })()";
            assert_eq!(b.eval(button).await, json!(true), "the row's button is in sight");
            b.picture(&format!("{name}-table")).await;
            drop(stage);
            b
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_stays_a_gap() {
    Browser::drive(Screen::Desktop, |b| async move {
        let stage = shown(&b).await;
        let script = "const done = arguments[arguments.length - 1]; import('/sandbox/page/chart.js').then(({ chart }) => { \
            const data = [1, null, 3, 4].map((value, i) => ({ label: String(i), value })); \
            const el = chart({ title: 'x', chart: { type: 'line', series: [{ name: 'a', data }], axis_config: { categories: ['0', '1', '2', '3'] } } }); \
            done([el.querySelectorAll('.chart-plot .chart-line').length, el.querySelectorAll('.chart-dot').length, el.querySelector('.sr-only').textContent]); })";
        let drawn = b.client.execute_async(script, vec![]).await.unwrap();
        assert_eq!(drawn, json!([2, 3, "xa011unknown2334"]));
        drop(stage);
        b
    })
    .await;
}
