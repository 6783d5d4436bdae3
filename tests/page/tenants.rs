//! Tenants' tables in the drawer of the demo, and what can happen to them.

use super::{
    browser::{Browser, Screen},
    demo::Demo,
};

/// The table that it happens to, as the drawer shows it.
pub(super) const POSTS: &str =
    "document.querySelector('.tables [data-environment=prod][data-table=\"tenant_1.wp_posts\"]')";

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
