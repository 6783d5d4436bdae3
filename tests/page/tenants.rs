//! The accident of the demo, and the way out of it: DELETE without WHERE, two commands, two clicks, and the rows are back.

use super::{
    browser::{Browser, Screen},
    demo::Demo,
};

/// The table that it happens to, as the drawer shows it.
const POSTS: &str = "document.querySelector('.tables [data-environment=prod][data-table=\"tenant_1.wp_posts\"]')";
async fn rows(b: &Browser) -> u64 {
    b.eval(&format!("Number({POSTS}.dataset.rows)")).await.as_u64().expect("a number of rows")
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_somebody_deleted_come_back_with_two_commands_and_two_clicks() {
    Browser::drive(Screen::Desktop, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::start(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.drawer().await;
        // Somebody writes all the time.
        b.comes(&format!("{POSTS} && Number({POSTS}.dataset.rows) > 5")).await;
        let (had, at) = (
            rows(&b).await,
            b.eval("document.querySelector('.aws-now').innerText.replace(' UTC', 'Z').replace(' ', 'T')").await,
        );
        b.client.execute("document.querySelector('[data-fault=delete_rows]').click()", vec![]).await.unwrap();
        b.comes(&format!("Number({POSTS}.dataset.rows) < {had}")).await;
        b.client.execute(&format!("{POSTS}.scrollIntoView()"), vec![]).await.unwrap();
        b.picture("40-tables-emptied").await;
        // What can be restored ends some minutes ago.
        b.client.execute("[...document.querySelectorAll('.segment')].find((el) => el.innerText === '+1 h').click()", vec![]).await.unwrap();
        b.drawer().await;

        let moment = at.as_str().expect("a moment");
        b.say(&format!(
            "/bbws backup restore prod pitr --target-time {moment} --tenant tenant-1 --merge missing --into live --ticket INC-1"
        ))
        .await;
        let card = "[...document.querySelectorAll('#log .message:not(.ephemeral)')].find((m) => m.innerText.includes('Restore of tenant tenant-1'))";
        b.comes(card).await;
        let id = b.eval(&format!("{card}.innerText.match(/rs-\\d+/)[0]")).await;
        let id = id.as_str().expect("an id").to_owned();
        b.become_user("U0BOB").await;
        b.say(&format!("/bbws op approve {id} --confirm prod")).await;
        let button = |label: &str| format!("[...document.querySelectorAll('#log button')].find((el) => el.innerText.split('\\n')[0].trim() === '{label}')");
        let next = button("Continue");
        b.comes(&next).await;
        b.picture("41-tenant-look").await;
        b.client.execute(&format!("{next}.click()"), vec![]).await.expect("it can be clicked");
        b.comes(&format!("!{next}")).await;
        b.comes(&next).await;
        b.become_user("U0CAROL").await;
        b.client.execute(&format!("{next}.click()"), vec![]).await.expect("it can be clicked");
        b.comes(&format!("{card}.innerText.includes('are back in live')")).await;
        b.drawer().await;
        b.comes(&format!("Number({POSTS}.dataset.rows) > {had}")).await;
        b.client.execute(&format!("{POSTS}.scrollIntoView()"), vec![]).await.unwrap();
        b.picture("42-tables-back").await;
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_what_can_happen_to_them_fit_on_a_phone() {
    Browser::drive(Screen::Phone, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::calm(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.drawer().await;
        b.comes(POSTS).await;
        b.client.execute("document.querySelector('[data-fault=drop_table]').click()", vec![]).await.unwrap();
        b.comes(&format!("{POSTS}.innerText.includes('no such table')")).await;
        b.client.execute(&format!("{POSTS}.scrollIntoView()"), vec![]).await.unwrap();
        b.picture("43-phone-tables").await;
        b.client.execute("document.querySelector('.faults').scrollIntoView()", vec![]).await.unwrap();
        b.picture("44-phone-accidents").await;
        let right = b.eval("Math.max(...[...document.querySelectorAll('.tables *, .faults *')].map((el) => el.getBoundingClientRect().right))").await;
        assert!(right.as_f64().is_some_and(|right| right <= 390.0), "{right} is beyond the edge");
        b
    })
    .await;
}
