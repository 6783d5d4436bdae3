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
