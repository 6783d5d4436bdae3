//! Five nights, played on the page from the first sign to the end, and scored: what people have to type and press, how long it
//! takes them to a decision, how much they have to read for it, and whether anything leads nowhere.

use std::{path::Path, time::Instant};

use super::{
    browser::{Browser, Screen},
    demo::Demo,
    regions::{click, side},
    tenants::POSTS,
};

/// More words than that on a card are not read at night.
const READ: usize = 400;

/// A demo of its own, with Alice before the page; over when dropped.
struct Night {
    _demo: Demo,
    _folder: tempfile::TempDir,
}

impl Night {
    async fn falls(b: &Browser, start: fn(&Path) -> Demo) -> Night {
        let folder = tempfile::tempdir().unwrap();
        let demo = start(folder.path());
        b.client.goto(&demo.url).await.unwrap();
        b.see("body[data-me=U0ALICE]").await;
        Night { _demo: demo, _folder: folder }
    }
}

/// What a scene takes of people.
struct Scene<'b> {
    browser: &'b Browser,
    name: &'static str,
    begun: Instant,
    commands: usize,
    clicks: usize,
    /// When somebody decided, seconds from its beginning, and the words on the card by which they did.
    decided: Option<(u64, usize)>,
    dead_ends: Vec<String>,
}

impl<'b> Scene<'b> {
    fn begins(browser: &'b Browser, name: &'static str) -> Scene<'b> {
        let begun = Instant::now();
        Scene { browser, name, begun, commands: 0, clicks: 0, decided: None, dead_ends: Vec::new() }
    }

    /// Somebody types a command.
    async fn types(&mut self, line: &str) {
        self.commands += 1;
        self.browser.say(line).await;
    }

    /// Somebody presses something.
    async fn presses(&mut self, element: &str) {
        self.clicks += 1;
        self.browser.comes(element).await;
        click(self.browser, element).await;
    }

    /// Somebody decides by what stands on this card.
    async fn decides(&mut self, card: &str) {
        let words = self.browser.eval(&format!("{card}.innerText.split(/\\s+/).length")).await.as_u64().expect("words");
        let words = usize::try_from(words).expect("not that many");
        assert!(words <= READ, "{} words on the card of {}", words, self.name);
        self.decided.get_or_insert((self.begun.elapsed().as_secs(), words));
    }

    /// Somebody else goes on.
    async fn hands_over_to(&mut self, user: &str) {
        self.look_for_dead_ends().await;
        self.browser.become_user(user).await;
    }

    /// Whatever says that nothing was done has to say what to do instead, by a command or a button.
    async fn look_for_dead_ends(&mut self) {
        let dead = "[...document.querySelectorAll('#log .message.ephemeral')].filter((m) => /⛔|Nothing was done/.test(m.innerText) \
            && !m.innerText.includes('/bbws') && ![...m.querySelectorAll('button')].some((el) => el.dataset.actionId)).map((m) => m.innerText)";
        let found = self.browser.eval(dead).await;
        self.dead_ends.extend(found.as_array().into_iter().flatten().filter_map(|m| m.as_str().map(str::to_owned)));
    }

    /// The score; at most so many commands and clicks.
    async fn ends(mut self, commands: usize, clicks: usize) {
        self.look_for_dead_ends().await;
        let (seconds, words) = self.decided.expect("somebody decided");
        println!(
            "SCENE {}: {} commands, {} clicks, {seconds} s to a decision, {words} words on the card, {} dead ends",
            self.name,
            self.commands,
            self.clicks,
            self.dead_ends.len()
        );
        assert_eq!(self.dead_ends, Vec::<String>::new(), "{}", self.name);
        assert!(self.commands <= commands && self.clicks <= clicks, "{}: {} {}", self.name, self.commands, self.clicks);
    }
}

/// The first message for everybody that has all of these words in it.
fn card(words: &[&str]) -> String {
    let all: Vec<String> = words.iter().map(|word| format!("m.innerText.includes('{word}')")).collect();
    format!("[...document.querySelectorAll('#log .message:not(.ephemeral)')].find((m) => {})", all.join(" && "))
}

/// A button within an element.
fn button(within: &str, label: &str) -> String {
    format!(
        "[...({within}).querySelectorAll('button')].find((el) => el.innerText.split('\\n')[0].trim() === '{label}')"
    )
}

/// The id of the operation that a card is of.
async fn id(b: &Browser, card: &str, prefix: &str) -> String {
    b.comes(card).await;
    let id = b.eval(&format!("{card}.innerText.match(/{prefix}-\\d+/)[0]")).await;
    id.as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_without_where() {
    Browser::drive(Screen::Desktop, |b| async move {
        let _night = Night::falls(&b, Demo::start).await;
        b.drawer().await;
        // Somebody writes all the time.
        b.comes(&format!("{POSTS} && Number({POSTS}.dataset.rows) > 5")).await;
        let had = b.eval(&format!("Number({POSTS}.dataset.rows)")).await.as_u64().expect("a number of rows");
        let at = b.eval("document.querySelector('.aws-now').innerText.replace(' UTC', 'Z').replace(' ', 'T')").await;
        let at = at.as_str().expect("a moment").to_owned();
        click(&b, "document.querySelector('[data-fault=delete_rows]')").await;
        let mut scene = Scene::begins(&b, "DELETE without WHERE");
        b.comes(&format!("Number({POSTS}.dataset.rows) < {had}")).await;
        b.picture("40-tables-emptied").await;
        // What can be restored ends some minutes ago.
        click(&b, "[...document.querySelectorAll('.segment')].find((el) => el.innerText === '+1 h')").await;
        b.drawer().await;
        scene
            .types(&format!(
                "/bbws backup restore prod pitr --target-time {at} --tenant tenant-1 --merge missing --into live --ticket INC-1"
            ))
            .await;
        let restore = card(&["Restore of tenant tenant-1"]);
        let id = id(&b, &restore, "rs").await;
        scene.hands_over_to("U0BOB").await;
        scene.decides(&restore).await;
        scene.types(&format!("/bbws op approve {id} --confirm prod")).await;
        // The card of the incident has such a button, too.
        let next = button(&restore, "Continue");
        b.comes(&next).await;
        b.picture("41-tenant-look").await;
        scene.presses(&next).await;
        b.comes(&format!("!{next}")).await;
        b.comes(&next).await;
        scene.hands_over_to("U0CAROL").await;
        scene.presses(&next).await;
        b.comes(&format!("{restore}.innerText.includes('are back in live')")).await;
        b.drawer().await;
        b.comes(&format!("Number({POSTS}.dataset.rows) > {had}")).await;
        b.picture("42-tables-back").await;
        scene.ends(2, 2).await;
        b
    })
    .await;
}

/// The failover's card.
const FAILOVER: &str = "[...document.querySelectorAll('#log .message:not(.ephemeral)')].find((m) => m.innerText.includes('Failover of prod to eu-west-1'))";

/// That the step of this title waits for a person.
fn waits(step: &str) -> String {
    format!(
        "[...{FAILOVER}.querySelectorAll('.task')].some((t) => t.innerText.includes('{step}') && t.innerText.includes('waits for'))"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_is_dark_and_bbws_restarts_in_the_middle_of_the_failover() {
    Browser::drive(Screen::Desktop, |b| async move {
        let _night = Night::falls(&b, Demo::start).await;
        b.drawer().await;
        let (home, away) = (side("af-south-1"), side("eu-west-1"));
        b.comes(&format!("{home}.dataset.role === 'can be written' && {away}.dataset.role === 'replicates'")).await;
        b.picture("50-two-regions").await;
        let behind = b.eval("document.querySelector('[data-platform=prod] .side-between').dataset.behind").await;
        assert_eq!(behind.as_str(), Some("4"), "seconds that the replica is behind");
        click(&b, "document.querySelector('[data-platform=prod] .next-step')").await;
        let mut dark = Scene::begins(&b, "region dark");
        b.comes("Number(document.querySelector('[data-platform=prod]').dataset.dark) > 0").await;
        let had = b.eval(&format!("Number({home}.dataset.newest)")).await.as_u64().expect("a number");
        let watch = |name: &str| format!("document.querySelector('[data-platform=prod] [data-stopwatch={name}]')");
        b.comes(&format!("Number({}.dataset.seconds) > 0", watch("RTO"))).await;
        let lost = b.eval(&format!("{}.innerText", watch("RPO"))).await;
        assert!(lost.as_str().is_some_and(|told| told.contains("00:00:04") && told.contains("of 1 h")), "{lost}");
        b.picture("51-region-lost").await;

        // What comes next is a command, and one click types it.
        dark.presses("document.querySelector('[data-platform=prod] .next-step code')?.closest('button')").await;
        let typed = b.eval("document.querySelector('#composer textarea').value").await;
        let typed = typed.as_str().expect("a command").to_owned();
        assert!(typed.starts_with("/bbws dr failover prod --execute --ticket INC-1"), "{typed}");
        b.client.execute("document.querySelector('#composer textarea').value = ''", vec![]).await.unwrap();
        dark.types(&typed).await;
        let id = id(&b, FAILOVER, "dr").await;
        dark.hands_over_to("U0BOB").await;
        dark.decides(FAILOVER).await;
        dark.types(&format!("/bbws op approve {id} --confirm prod")).await;
        // Files are brought there by hand, and what secrets say is put right by hand: somebody says when.
        for step in ["the files are there", "the secrets name the databases"] {
            b.comes(&waits(step)).await;
            b.picture("52-failover-waits").await;
            dark.presses(&button(FAILOVER, "Continue")).await;
        }
        dark.ends(2, 3).await;

        // In the middle of it bbws dies, too.
        click(&b, "document.querySelector('[data-accident=kill]')").await;
        let mut restarted = Scene::begins(&b, "bbws restarted in the middle of a failover");
        b.comes(
            "document.querySelector('#aws .side-dark[role=status]:not([hidden])').innerText.includes('bbws is dead')",
        )
        .await;
        // Traffic goes over when another one says so.
        b.comes(&waits("traffic goes to eu-west-1")).await;
        restarted.hands_over_to("U0CAROL").await;
        b.comes(&button(FAILOVER, "Continue")).await;
        restarted.decides(FAILOVER).await;
        restarted.presses(&button(FAILOVER, "Continue")).await;
        b.comes(&format!("Number({away}.dataset.traffic) === 100")).await;
        b.comes("document.querySelector('[data-platform=prod]').dataset.dark === ''").await;
        assert_eq!(b.eval(&format!("Number({home}.dataset.newest)")).await.as_u64(), Some(had), "nobody writes there");
        let only = b.eval("document.querySelector('[data-platform=prod] .side-orders').innerText").await;
        assert!(only.as_str().is_some_and(|told| told.contains("4 orders are only in af-south-1")), "{only}");
        b.comes(&format!("{FAILOVER}.innerText.includes('runs in eu-west-1')")).await;
        b.picture("53-failed-over").await;
        let twice = b
            .eval("fetch('/sandbox/aws/state').then((answer) => answer.json()).then((state) => state.twice.length)")
            .await;
        assert_eq!(twice.as_u64(), Some(0), "nothing was done twice");
        restarted.ends(0, 1).await;
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_approver_is_asleep() {
    Browser::drive(Screen::Desktop, |b| async move {
        let _night = Night::falls(&b, Demo::calm).await;
        let mut scene = Scene::begins(&b, "approver asleep");
        scene.types("/bbws backup create prod config").await;
        let first = id(&b, &card(&["Backup of prod (config)"]), "bk").await;
        b.drawer().await;
        // Nobody presses anything for an hour.
        let hour = "[...document.querySelectorAll('.segment')].find((el) => el.innerText === '+1 h')";
        b.comes(hour).await;
        click(&b, hour).await;
        let expired = card(&[first.as_str(), "Expired"]);
        b.comes(&expired).await;
        b.picture("55-expired").await;
        // The card says what to type now.
        let again = b.eval(&format!("[...{expired}.querySelectorAll('code')].map((el) => el.innerText).find((text) => text.startsWith('/bbws backup create'))")).await;
        scene.types(again.as_str().expect("what to do next")).await;
        let second = "[...document.querySelectorAll('#log .message:not(.ephemeral)')].filter((m) => m.innerText.includes('Backup of prod (config)') && [...m.querySelectorAll('button')].some((el) => el.innerText.startsWith('Approve'))).at(-1)";
        b.comes(second).await;
        scene.hands_over_to("U0CAROL").await;
        scene.decides(second).await;
        scene.presses(&button(second, "Approve")).await;
        scene.presses("document.querySelector('dialog [data-confirm=yes]')").await;
        click(&b, "[...document.querySelectorAll('.segment')].find((el) => el.innerText === '600×')").await;
        b.comes(&card(&["Backup of prod (config)", "Succeeded"])).await;
        scene.ends(2, 2).await;
        b
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ransomware() {
    Browser::drive(Screen::Desktop, |b| async move {
        let _night = Night::falls(&b, Demo::start).await;
        let mut scene = Scene::begins(&b, "ransomware");
        scene.types("/bbws dr declare prod --ticket INC-9 files are encrypted by ransomware").await;
        scene
            .presses("[...document.querySelectorAll('.channel')].find((el) => el.innerText.includes('inc-inc-9-prod'))")
            .await;
        let log = "document.querySelector('#log')";
        scene.presses(&button(log, "What can be restored")).await;
        let point = "document.querySelector('#log').innerText.match(/bbws-prod-mysql-manual-\\d{8}-[a-z0-9-]+/)?.[0]";
        b.comes(point).await;
        let point = b.eval(point).await.as_str().expect("an id").to_owned();
        let incident = card(&["Incident INC-9 in prod", "Who does what"]);
        scene.presses(&button(&incident, "Take commander")).await;
        // The commander decides, and is asked why.
        scene.presses(&button(&incident, "Not yet: look further")).await;
        b.see("dialog.view[open] input, dialog.view[open] textarea")
            .await
            .send_keys("an intruder may still be in")
            .await
            .unwrap();
        b.picture("56-why").await;
        scene
            .presses("[...document.querySelectorAll('dialog.view button')].find((el) => el.innerText === 'Say it')")
            .await;
        b.comes(&format!("{incident}.innerText.includes('because an intruder may still be in')")).await;
        scene.decides(&incident).await;
        scene.types(&format!("/bbws backup hold prod {point} --ticket INC-9")).await;
        b.comes(&format!("{log}.innerText.includes('is held, and so are its copies')")).await;
        scene.presses(&button(log, "Stop everything")).await;
        scene.presses("document.querySelector('dialog [data-confirm=yes]')").await;
        b.comes(&format!("{log}.innerText.includes('is stopped: no new step starts')")).await;
        b.picture("57-stopped").await;
        scene.ends(2, 7).await;
        b
    })
    .await;
}
