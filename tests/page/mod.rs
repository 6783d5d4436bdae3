//! The page of `bbws demo`, driven in headless Chromium: people type, press and read as they would in Slack.

#![allow(clippy::unwrap_used)]

mod attachment;
mod browser;
mod cards;
mod demo;
mod home;
mod phone;
mod regions;
mod restore;
mod scenes;
mod stage;
mod tenants;

use browser::{Browser, Screen};
use demo::Demo;
use serde_json::json;
use stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn two_people_approve_a_backup() {
    Browser::drive(Screen::Desktop, |b| async move {
        let stage = Stage::set().await;
        b.client.goto(&stage.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.picture("1-empty").await;

        let input = b.see("#composer textarea").await;
        input.send_keys("/bbws ba").await.unwrap();
        b.see(".complete-item").await;
        b.picture("2-completion").await;
        input.send_keys("\u{e004}").await.unwrap(); // Tab
        b.until("document.querySelector('#composer textarea').value === '/bbws backup create '").await;
        b.say("prod full").await;

        b.find("//h3[text()='bk-1042 · Full backup of prod']").await;
        b.see(".message.ephemeral .only-you").await;
        assert!(b.log().await.contains("bk-1042 asks for approval"));
        b.picture("3-awaiting").await;

        b.press("Approve").await;
        b.find("//div[contains(@class,'ephemeral')]//*[contains(text(),'You asked for')] | //article[contains(@class,'ephemeral')]//div[contains(.,'You asked for')]").await;

        b.become_user("U0BOB").await;
        assert!(!b.log().await.contains("Only visible to you"), "Bob must not see what only Alice may see");
        b.press("Approve").await;
        b.see(".task[data-task-id=efs][data-status=in_progress] .mark-in_progress").await;
        b.see(".task[data-task-id=snapshot][data-status=complete]").await;
        b.see(".task[data-task-id=secrets][data-status=error]").await;
        b.see(".thread-link").await;
        b.picture("4-running").await;

        b.see(".thread-link").await.click().await.unwrap();
        b.find("//aside[@id='thread']//span[text()='@Bob']").await;
        b.picture("5-thread").await;

        b.press("Stop").await;
        b.until("document.querySelectorAll('#log .task[data-status=complete]').length === 5").await;
        let card = &stage.workspace.messages("C0OPS")[0];
        assert_eq!(card.metadata.as_ref().unwrap()["event_payload"]["state"], "succeeded");
        assert_eq!(stage.workspace.replies("C0OPS", &card.ts).len(), 2);
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_asks_first_and_carries_the_reason_typed_on_the_card() {
    Browser::drive(Screen::Desktop, |b| async move {
        let stage = Stage::set().await;
        b.client.goto(&format!("{}/?as=U0ALICE", stage.url)).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.say("/bbws backup create prod full").await;
        b.become_user("U0CAROL").await;
        b.see("#log .field-input").await.send_keys("not during the sale").await.unwrap();

        b.press("Reject").await;
        b.see("dialog.confirm[open]").await;
        b.picture("6-confirm").await;
        b.find("//dialog//button[normalize-space()='Keep waiting']").await.click().await.unwrap();
        b.until("!document.querySelector('dialog')").await;
        assert_eq!(b.eval("document.querySelector('#log .field-input').value").await, json!("not during the sale"));

        b.press("Reject").await;
        b.see("dialog [data-confirm=yes]").await.click().await.unwrap();
        b.find("//div[@id='log']//b[text()='Rejected']").await;
        assert!(b.log().await.contains("Rejected by @Carol: not during the sale"));
        b.until("![...document.querySelectorAll('#log .btn')].length").await;
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_block_is_drawn_and_hostile_text_stays_text() {
    Browser::drive(Screen::Desktop, |b| async move {
        let stage = Stage::set().await;
        b.client.goto(&stage.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.say("/bbws gallery").await;
        b.see(".chart-pie").await;
        assert_eq!(b.eval("typeof window.hacked").await, json!("undefined"));
        assert_eq!(b.eval("document.querySelectorAll('#log img, #log script, #log [onerror]').length").await, json!(0));
        assert_eq!(b.eval("document.querySelectorAll('#log .block-unknown').length").await, json!(0));
        assert_eq!(b.eval("document.querySelectorAll('#log a[href^=javascript]').length").await, json!(0));
        assert_eq!(
            b.eval("document.querySelector('#log .header-text').textContent.includes('<script>')").await,
            json!(true)
        );
        for css in [
            "blockquote",
            "pre",
            "code",
            ".mention",
            "a[href='https://example.com/']",
            ".markdown ul",
            ".rich ul",
            "details.container:not([open])",
            ".card .btn",
            ".icon-action",
            ".data-table",
            ".chart-axes rect",
        ] {
            b.see(&format!("#log {css}")).await;
        }

        let first = "document.querySelector('.data-table tbody tr').textContent";
        assert_eq!(b.eval(first).await, json!("bk-1000200verifiedRestore"));
        b.find("//button[contains(@class,'sort') and starts-with(.,'Size')]").await.click().await.unwrap();
        b.until(&format!("{first}.startsWith('bk-1006')")).await;
        b.find("//div[contains(@class,'pager')]//button[.='Next']").await.click().await.unwrap();
        b.until("document.querySelectorAll('.data-table tbody tr').length === 3").await;
        b.picture("7-data").await;
        b.client.execute("document.querySelector('#log').scrollTop = 0", vec![]).await.unwrap();
        b.picture("8-text").await;
        drop(stage);
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialog_is_filled_in_refused_once_and_accepted() {
    Browser::drive(Screen::Desktop, |b| async move {
        let stage = Stage::set().await;
        b.client.goto(&stage.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.say("/bbws dialog").await;
        for css in [".alert-success", ".alert-warning", ".alert-error"] {
            b.see(&format!("dialog.view {css}")).await;
        }
        let submit = b.see("dialog.view [type=submit]").await;
        submit.click().await.unwrap();
        b.find("//dialog//*[text()='Please complete this required field.']").await;
        b.see("dialog textarea").await.send_keys("no").await.unwrap();
        submit.click().await.unwrap();
        b.find("//dialog//*[text()='Say a little more.']").await;
        b.picture("9-dialog").await;
        b.see("dialog textarea").await.send_keys(", the sale is on").await.unwrap();
        submit.click().await.unwrap();
        b.until("!document.querySelector('dialog.view')").await;
        b.find("//div[@id='log']//div[text()='Reason given: no, the sale is on']").await;
        assert_eq!(stage.workspace.modal("U0ALICE"), None);
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_made_in_the_drawer_and_told_to_people() {
    Browser::drive(Screen::Desktop, |b| async move {
        let stage = Stage::set().await;
        b.client.goto(&stage.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.see("#aws-toggle").await.click().await.unwrap();
        b.find("//div[text()='bbws-prod-mysql-manual-20261121-bk-1001']").await;
        b.see("#aws progress[value='40']").await;
        b.see("#aws [data-region=eu-west-1] .switch.off").await;
        b.picture("10-aws").await;

        b.find("//aside[@id='aws']//button[.='Break the next one']").await.click().await.unwrap();
        b.see(".toast").await;
        assert_eq!(stage.workspace.pending_faults(), 1);
        b.find("//aside[@id='aws']//section[.//h3[contains(.,'Web API')]]//button[.='up']")
            .await
            .click()
            .await
            .unwrap();
        b.see("#banner:not([hidden])").await;

        b.say("/bbws silence").await;
        b.find("//article[contains(@class,'ephemeral')]//div[contains(.,'bbws did not respond')]").await;
        b.say("/nonsense").await;
        b.find("//article[contains(@class,'ephemeral')]//div[contains(.,'is not a command here')]").await;
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_fits_a_phone() {
    Browser::drive(Screen::Phone, |b| async move {
        let stage = Stage::set().await;
        b.client.goto(&stage.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        assert_eq!(b.eval("innerWidth").await, json!(390));
        b.say("/bbws backup create prod full").await;
        b.see(".plan").await;
        b.picture("11-phone").await;
        assert_eq!(b.eval("document.documentElement.scrollWidth").await, json!(390), "nothing may stick out");
        assert_eq!(b.eval("document.querySelector('#log').scrollWidth").await, json!(390), "no message may stick out");

        b.see("#menu").await.click().await.unwrap();
        b.see("body.menu-open").await;
        b.until("document.querySelector('#sidebar').getBoundingClientRect().left === 0").await;
        b.picture("12-phone-menu").await;
        b.see(".channel[data-channel=C0PROD]").await.click().await.unwrap();
        b.find("//header[@id='channel-head']//h1[contains(.,'prod-notices')]").await;
        b.until("!document.body.classList.contains('menu-open')").await;
        drop(stage);
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_card_is_a_few_stops_of_the_tab_key() {
    Browser::drive(Screen::Desktop, |b| async move {
        let stage = Stage::set().await;
        b.client.goto(&stage.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.say("/bbws backup create prod full").await;
        b.find("//h3[text()='bk-1042 · Full backup of prod']").await;
        b.become_user("U0BOB").await;
        b.press("Approve").await;
        b.see(".task[data-task-id=efs][data-status=in_progress]").await;
        b.press("Stop").await;
        b.until("document.querySelectorAll('#log .task[data-status=complete]').length === 5").await;
        let stops = "[...document.querySelector('#log .plan').closest('article').querySelectorAll('button, a, summary, input')]\
            .filter((el) => el.checkVisibility() && el.tabIndex >= 0).length";
        let stops = b.eval(stops).await.as_u64().unwrap();
        assert!(stops <= 4, "{stops} stops");
        drop(stage);
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_approves_on_a_phone_sees_what_and_the_button_on_one_screen() {
    Browser::drive(Screen::Phone, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::start(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.say("/bbws backup create prod full").await;
        b.see(".message:not(.ephemeral) .container").await;
        let approve = "[...document.querySelectorAll('#log .message:not(.ephemeral) button')].find((el) => el.innerText.startsWith('Approve'))";
        b.client.execute(&format!("{approve}.closest('article').scrollIntoView()"), vec![]).await.unwrap();
        b.picture("24-phone-awaiting").await;
        let height = format!(
            "Math.round({approve}.getBoundingClientRect().bottom - {approve}.closest('article').getBoundingClientRect().top)"
        );
        let height = b.eval(&height).await.as_f64().unwrap();
        let room = b.eval("document.querySelector('#log').clientHeight").await.as_f64().unwrap();
        assert!(height <= room, "{height} of {room} pixels");
        let shown = b.eval(&format!("{approve}.closest('article').innerText")).await;
        let shown = shown.as_str().unwrap();
        for said in ["093646564004", "af-south-1 → eu-west-1", " kinds", "Needs", "Requested by"] {
            assert!(shown.contains(said), "{said}: {shown}");
        }
        assert!(!shown.contains("arn:"), "{shown}");
        b.see(".message:not(.ephemeral) .container summary").await.click().await.unwrap();
        b.until("document.querySelector('#log .container').innerText.includes('Steps')").await;
        b.picture("25-phone-unfolded").await;
        assert_eq!(b.eval("document.querySelector('#log').scrollWidth").await, json!(390), "no message may stick out");
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_product_backs_up_prod_once_bob_approves() {
    Browser::drive(Screen::Desktop, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::start(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.say("/bbws backup create prod full").await;
        b.see(".message:not(.ephemeral) .container").await;
        b.see(".message.ephemeral").await;
        b.picture("20-demo-awaiting").await;
        assert!(!b.log().await.contains('⚠'), "nobody is warned where all is well: {}", b.log().await);

        b.become_user("U0BOB").await;
        b.press("Approve").await;
        b.see("dialog [data-confirm=yes]").await.click().await.unwrap();
        b.see(".task[data-status=in_progress], .task[data-status=complete]").await;
        b.picture("21-demo-running").await;
        b.until(
            "document.querySelectorAll('#log .task').length > 5 && \
            [...document.querySelectorAll('#log .task')].every((t) => t.dataset.status === 'complete')",
        )
        .await;
        b.picture("22-demo-succeeded").await;
        b.see("#aws-toggle").await.click().await.unwrap();
        b.find("//aside[@id='aws']//div[contains(@class,'resource-id') and contains(.,'-manual-')]").await;
        b.picture("23-demo-aws").await;

        let before = b.eval("document.querySelectorAll('#log .plan').length").await;
        demo.cut();
        let again = Demo::start(folder.path());
        b.client.goto(&again.url).await.unwrap();
        b.see(".message .plan").await;
        assert_eq!(
            b.eval("document.querySelectorAll('#log .plan').length").await,
            before,
            "the card is still there, once"
        );
        b
    })
    .await;
}
