//! Forms on a phone, in the real product: the one that a bare restore opens, and the one that Approve opens.

use serde_json::json;

use crate::page::{
    browser::{Browser, Screen},
    demo::Demo,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_restore_opens_a_form_and_what_is_sent_is_the_command_it_says() {
    Browser::drive(Screen::Phone, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::start(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.say("/bbws backup restore prod").await;
        b.see("dialog.view[open] select[data-action-id=point], dialog.view[open] select").await;
        b.until("document.querySelector('dialog.view select').options.length > 4").await;
        b.picture("27-phone-restore-form").await;
        let width = b.eval("document.querySelector('dialog.view').getBoundingClientRect().right <= 390").await;
        assert_eq!(width, json!(true), "the form fits");
        let label = b.eval("[...document.querySelector('dialog.view select').options].map((o) => o.text).find((t) => t.includes('rds bbws-prod-mysql'))").await;
        assert!(label.as_str().is_some_and(|label| label.contains(" back, ")), "how far back is said in words: {label}");
        let choose = "(() => { const box = document.querySelector('dialog.view select'); \
            box.value = [...box.options].find((o) => o.value.startsWith('rds --snapshot-id')).value; \
            box.dispatchEvent(new Event('change')); return box.value; })()";
        let chosen = b.eval(choose).await;
        let ticket = "(() => { const field = [...document.querySelectorAll('dialog.view input')].find((i) => i.placeholder === 'INC-123'); \
            field.value = 'INC-7'; field.dispatchEvent(new Event('input')); return true; })()";
        b.eval(ticket).await;
        b.find("//dialog//button[normalize-space()='Ask for it']").await.click().await.unwrap();
        b.until("!document.querySelector('dialog.view[open]')").await;
        // The card of a restore of exactly that, as if it had been typed.
        let snapshot = chosen.as_str().unwrap().strip_prefix("rds --snapshot-id ").unwrap().to_owned();
        b.until(&format!("document.querySelector('#log').innerText.includes('{snapshot}')")).await;
        b.until("document.querySelector('#log').innerText.includes('rs-')").await;
        drop(demo);
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approving_what_replaces_something_live_asks_for_its_name() {
    Browser::drive(Screen::Phone, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::start(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.say("/bbws backup restore prod pitr --target-time latest --into live --ticket INC-7").await;
        b.until("document.querySelector('#log').innerText.includes('Approve')").await;
        b.become_user("U0BOB").await;
        b.press("Approve").await;
        b.see("dialog.view[open] input").await;
        b.picture("28-phone-confirm-form").await;
        let asked = b.eval("document.querySelector('dialog.view').innerText").await;
        let asked = asked.as_str().unwrap();
        assert!(asked.contains("bbws-prod-mysql") && asked.contains("what is live now is replaced"), "{asked}");
        for name in ["sit", "prod"] {
            b.eval(&format!("(() => {{ const field = document.querySelector('dialog.view input'); field.value = '{name}'; field.dispatchEvent(new Event('input')); return true; }})()")).await;
            b.find("//dialog//button[normalize-space()='Approve']").await.click().await.unwrap();
            if name == "sit" {
                // A wrong name is told below the field, and the form stays.
                b.until("document.querySelector('dialog.view[open]')?.innerText.includes('sit is not what rs-')").await;
            }
        }
        b.until("!document.querySelector('dialog.view[open]')").await;
        b.until("!document.querySelector('#log').innerText.includes('Waits for approval')").await;
        let card = b.log().await;
        assert!(card.contains("Restore of bbws-prod-mysql") && !card.contains("Rejected"), "{card}");
        drop(demo);
        b
    })
    .await;
}
