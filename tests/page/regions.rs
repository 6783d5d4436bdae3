//! The two regions of a platform in the drawer of the demo.

use super::{
    browser::{Browser, Screen},
    demo::Demo,
};

/// A side of the platform in the drawer.
pub(super) fn side(region: &str) -> String {
    format!("document.querySelector('[data-platform=prod] [data-side={region}]')")
}

pub(super) async fn click(b: &Browser, element: &str) {
    b.client.execute(&format!("{element}.click()"), vec![]).await.expect("it can be clicked");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_regions_fit_on_a_phone() {
    Browser::drive(Screen::Phone, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::calm(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.drawer().await;
        b.comes(&side("eu-west-1")).await;
        click(&b, "document.querySelector('[data-platform=prod] .next-step')").await;
        b.comes("document.querySelector('[data-platform=prod] .next-step code')").await;
        b.client.execute("document.querySelector('[data-platform=prod]').scrollIntoView()", vec![]).await.unwrap();
        b.picture("54-phone-two-regions").await;
        let right = b.eval("Math.max(...[...document.querySelectorAll('[data-platform=prod] *')].map((el) => el.getBoundingClientRect().right))").await;
        assert!(right.as_f64().is_some_and(|right| right <= 390.0), "{right} is beyond the edge");
        // The drawer lies over what is typed into.
        click(&b, "document.querySelector('[data-platform=prod] .next-step')").await;
        b.comes("document.querySelector('#composer textarea').value.startsWith('/bbws dr failover prod')").await;
        assert_eq!(b.eval("document.querySelector('#aws').hidden").await, serde_json::json!(true));
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_brings_the_demo_to_its_beginning() {
    Browser::drive(Screen::Desktop, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::calm(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        let first = "document.querySelector('#log').innerText.match(/bk-\\d+/)?.[0]";
        b.say("/bbws backup create prod config").await;
        b.comes(first).await;
        let id = b.eval(first).await;
        b.drawer().await;
        let reset = "document.querySelector('[data-reset]')";
        b.comes(reset).await;
        click(&b, reset).await;
        b.comes("document.querySelector('[data-reset=sure]')").await;
        click(&b, reset).await;
        b.comes(&format!("!{first}")).await;
        // The same person at the same address, and the ledger counts from where it began.
        b.drawer().await;
        b.say("/bbws backup create prod config").await;
        b.comes(first).await;
        assert_eq!(b.eval(first).await, id);
        b
    })
    .await;
}
