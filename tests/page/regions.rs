//! The loss of a region, shown on the demo: a command, an approval and three clicks until customers are served again.

use super::{
    browser::{Browser, Screen},
    demo::Demo,
};

/// A side of the platform in the drawer.
fn side(region: &str) -> String {
    format!("document.querySelector('[data-platform=prod] [data-side={region}]')")
}

/// The failover's card.
const CARD: &str = "[...document.querySelectorAll('#log .message:not(.ephemeral)')].find((m) => m.innerText.includes('Failover of prod to eu-west-1'))";

/// The button of the failover's card that says this; the incident that it opened has one that says the same.
fn button(label: &str) -> String {
    format!("[...{CARD}.querySelectorAll('button')].find((el) => el.innerText.split('\\n')[0].trim() === '{label}')")
}

/// That the step of this title waits for a person.
fn waits(step: &str) -> String {
    format!(
        "[...{CARD}.querySelectorAll('.task')].some((t) => t.innerText.includes('{step}') && t.innerText.includes('waits for'))"
    )
}

async fn click(b: &Browser, element: &str) {
    b.client.execute(&format!("{element}.click()"), vec![]).await.expect("it can be clicked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_is_lost_and_its_customers_are_served_by_the_other_one() {
    Browser::drive(Screen::Desktop, |b| async move {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::start(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        b.drawer().await;
        let (home, away) = (side("af-south-1"), side("eu-west-1"));
        b.comes(&format!("{home}.dataset.role === 'can be written' && {away}.dataset.role === 'replicates'")).await;
        b.picture("50-two-regions").await;
        click(&b, "document.querySelector('[data-platform=prod] .next-step')").await;
        b.comes("Number(document.querySelector('[data-platform=prod]').dataset.dark) > 0").await;
        let had = b.eval(&format!("Number({home}.dataset.newest)")).await.as_u64().expect("a number");
        b.picture("51-region-lost").await;

        // What comes next is a command, and one click types it.
        b.comes("document.querySelector('[data-platform=prod] .next-step code')").await;
        click(&b, "document.querySelector('[data-platform=prod] .next-step')").await;
        let typed = b.eval("document.querySelector('#composer textarea').value").await;
        let typed = typed.as_str().expect("a command").to_owned();
        assert!(typed.starts_with("/bbws dr failover prod --execute --ticket INC-1"), "{typed}");
        b.client.execute("document.querySelector('#composer textarea').value = ''", vec![]).await.unwrap();
        b.say(&typed).await;
        b.comes(CARD).await;
        let id = b.eval(&format!("{CARD}.innerText.match(/dr-\\d+/)[0]")).await;
        b.become_user("U0BOB").await;
        b.say(&format!("/bbws op approve {} --confirm prod", id.as_str().expect("an id"))).await;
        // Files are brought there by hand, and what secrets say is put right by hand: somebody says when.
        for step in ["the files are there", "the secrets name the databases"] {
            b.comes(&waits(step)).await;
            b.picture("52-failover-waits").await;
            click(&b, &button("Continue")).await;
        }
        // In the middle of it bbws dies, too.
        click(&b, "document.querySelector('[data-fault=kill]')").await;
        b.comes(
            "document.querySelector('#aws .side-dark[role=status]:not([hidden])').innerText.includes('bbws is dead')",
        )
        .await;
        // Traffic goes over when another one says so.
        b.comes(&waits("traffic goes to eu-west-1")).await;
        b.become_user("U0CAROL").await;
        b.comes(&button("Continue")).await;
        click(&b, &button("Continue")).await;
        b.comes(&format!("Number({away}.dataset.traffic) === 100")).await;
        b.comes("document.querySelector('[data-platform=prod]').dataset.dark === ''").await;
        assert_eq!(b.eval(&format!("Number({home}.dataset.newest)")).await.as_u64(), Some(had), "nobody writes there");
        let only = b.eval("document.querySelector('[data-platform=prod] .side-orders').innerText").await;
        assert!(only.as_str().is_some_and(|told| told.contains("4 orders are only in af-south-1")), "{only}");
        b.comes(&format!("{CARD}.innerText.includes('runs in eu-west-1')")).await;
        b.picture("53-failed-over").await;
        b
    })
    .await;
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
