//! The app's Home on the page: what waits for somebody is decided there, at a desk and on a phone.

use super::{
    browser::{Browser, Screen},
    demo::Demo,
    regions::click,
};

/// A button on Home.
fn button(label: &str) -> String {
    format!(
        "[...document.querySelectorAll('.home button')].find((el) => el.innerText.split('\\n')[0].trim() === '{label}')"
    )
}

async fn decided_at_home(screen: Screen, picture: &'static str) {
    Browser::drive(screen, move |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::calm(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.say("/bbws backup create prod config").await;
        b.comes("/bk-\\d+ · Backup of prod \\(config\\)/.test(document.querySelector('#log').innerText)").await;
        b.become_user("U0CAROL").await;
        click(&b, "document.querySelector('[data-home]')").await;
        b.comes(&button("Approve")).await;
        b.picture(picture).await;
        let home = b.eval("document.querySelector('.home').innerText").await;
        let home = home.as_str().expect("text");
        for words in ["Waits for you", "prod · active in af-south-1", "Under way", "Drills", "Action items"] {
            assert!(home.contains(words), "{words} is not in {home}");
        }
        let wide = b.eval("[...document.querySelectorAll('.home *')].every((el) => el.getBoundingClientRect().right <= innerWidth)").await;
        assert_eq!(wide, true, "nothing is cut off");
        click(&b, &button("Approve")).await;
        b.comes("document.querySelector('dialog [data-confirm=yes]')").await;
        click(&b, "document.querySelector('dialog [data-confirm=yes]')").await;
        b.comes(&format!("!{}", button("Approve"))).await;
        b.comes("document.querySelector('.home').innerText.includes('Waits for you · nothing')").await;
        // A form opens from there, and what it says is told in the conversation with the app.
        click(&b, &button("Restore…")).await;
        b.comes("document.querySelector('dialog.view[open]')").await;
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_approved_at_home() {
    decided_at_home(Screen::Desktop, "60-home").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_approved_at_home_on_a_phone() {
    decided_at_home(Screen::Phone, "61-home-phone").await;
}
