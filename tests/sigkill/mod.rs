//! The real program, killed without a warning again and again while it backs up prod: every run still ends as promised.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use bbws::{
    adapters::{sandbox::workspace::Message, store::Ledger},
    domain::operation::{Run, State},
    ports::{
        clock::SystemClock,
        store::{Filter, Store as _},
    },
};
use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use serde_json::{Value, json};

/// Deaths in all, and at most so many per operation.
const DEATHS: usize = 56;
const PER_OPERATION: usize = 20;
const ASKED: [&str; 4] = ["prod full", "prod rds", "prod secrets", "prod full"];
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(3);

/// `bbws demo` in a process of its own; killed when dropped.
struct Demo {
    child: Child,
    said: mpsc::Receiver<String>,
}

impl Demo {
    fn start(data: &Path) -> Demo {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bbws"))
            .args(["demo", "--listen", "127.0.0.1:0", "--speed", "300", "--data"])
            .arg(data)
            // As a person starts it, and not cargo.
            .env_remove("RUST_MIN_STACK")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = child.stdout.take().unwrap();
        let (say, said) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some(address) = line.split_whitespace().find_map(|word| word.strip_prefix("http://")) {
                    let _ = say.send(address.to_owned());
                }
            }
        });
        Demo { child, said }
    }

    /// `127.0.0.1:port`, once it listens.
    fn address(&self) -> String {
        self.said.recv_timeout(PATIENCE).expect("bbws starts again whenever it was killed")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request; nothing where the program died over it.
fn http(address: &str, method: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

/// Messages as the workspace left them on disk, in the order they were posted.
fn messages(data: &Path) -> Vec<Message> {
    let text = std::fs::read(data.join("workspace.jsonl")).unwrap_or_default();
    let mut found: BTreeMap<(String, String), Message> = BTreeMap::new();
    for line in text.split(|b| *b == b'\n') {
        let Ok(mut entry) = serde_json::from_slice::<Value>(line) else { continue };
        if let Ok(message) = serde_json::from_value::<Message>(entry["put"].take()) {
            found.insert((message.ts.clone(), message.channel.clone()), message);
        } else if let Some(gone) = entry["gone"].as_array() {
            found.remove(&(gone[1].as_str().unwrap().to_owned(), gone[0].as_str().unwrap().to_owned()));
        }
    }
    found.into_values().collect()
}

fn payload<'m>(message: &'m Message, field: &str) -> Option<&'m str> {
    message.metadata.as_ref()?["event_payload"][field].as_str()
}

/// Messages that are the card of an operation that somebody asked for; what a schedule started has one where it found something.
fn cards(data: &Path) -> Vec<Message> {
    let card = |m: &Message| m.metadata.as_ref().is_some_and(|d| d["event_type"] == "bbws_operation");
    let scheduled = |m: &Message| m.text.contains("“by schedule ");
    messages(data).into_iter().filter(|m| m.thread_ts.is_none() && card(m) && !scheduled(m)).collect()
}

fn ended(card: &Message) -> bool {
    let over = ["succeeded", "failed", "rolled_back", "rejected", "expired", "cancelled", "stopped", "needs_attention"];
    payload(card, "state").is_some_and(|state| over.contains(&state))
}

/// What people do next: Bob approves what waits for it, Alice asks for a backup where nothing is open.
fn next_act(cards: &[Message]) -> Option<(&'static str, Value)> {
    let open: Vec<&Message> = cards.iter().filter(|c| !ended(c)).collect();
    if open.is_empty() {
        let text = format!("/bbws backup create {}", ASKED[cards.len() % ASKED.len()]);
        return Some(("/sandbox/page/command", json!({"user": "U0ALICE", "channel": "C0OPS", "text": text})));
    }
    let press = open.iter().find_map(|card| card.press("Approve"))?;
    let click = json!({"user": "U0BOB", "channel": press.channel, "ts": press.ts, "block_id": press.block_id,
        "action_id": press.action_id, "value": press.value});
    Some(("/sandbox/page/click", click))
}

/// A life that ends at a moment of the dice, perhaps while it starts, perhaps in the middle of what people do.
fn short_life(data: &Path, dice: &mut Xoshiro256PlusPlus) {
    let demo = Demo::start(data);
    if dice.random_ratio(1, 5) {
        return thread::sleep(Duration::from_millis(dice.random_range(0..250)));
    }
    let address = demo.address();
    let act = next_act(&cards(data));
    let actor = thread::spawn(move || act.map(|(path, body)| http(&address, "POST", path, &body.to_string())));
    thread::sleep(Duration::from_millis(dice.random_range(0..700)));
    drop(demo);
    actor.join().unwrap();
}

/// A life that is left alone until one more operation has ended.
fn long_life(data: &Path) {
    let demo = Demo::start(data);
    let address = demo.address();
    let begun = Instant::now();
    let over = |cards: &[Message]| cards.iter().filter(|c| ended(c)).count();
    let (mut seen, mut acted, mut last) = (cards(data), None, begun);
    let before = over(&seen);
    while over(&seen) == before {
        let act = next_act(&seen);
        // A run that a schedule started holds prod for a while, and what was asked meanwhile is asked again.
        if (act != acted || last.elapsed() > AGAIN)
            && let Some((path, body)) = &act
        {
            http(&address, "POST", path, &body.to_string()).expect("nobody killed it");
            (acted, last) = (act, Instant::now());
        }
        let texts: Vec<&str> = seen.iter().map(|c| c.text.as_str()).collect();
        assert!(begun.elapsed() < PATIENCE, "no operation ends any more: {texts:#?}");
        thread::sleep(Duration::from_millis(25));
        seen = cards(data);
    }
}

async fn runs(url: &str) -> Vec<Run> {
    let ledger = Ledger::open_readonly(url, Arc::new(SystemClock)).await.unwrap();
    let mut runs = Vec::new();
    for op in ledger.list(&Filter { limit: 100, ..Filter::default() }).await.unwrap() {
        runs.push(ledger.load(&op.id).await.unwrap().unwrap());
    }
    runs
}

/// Asked for by people; what a schedule starts has no card where it goes well, nor has a schedule that was there from the start.
fn asked_for(run: &Run) -> bool {
    run.op.by_schedule.is_none() && run.op.kind() != "backup.schedule"
}

#[tokio::test]
async fn backups_of_prod_outlive_every_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let url = format!("sqlite://{}", data.join("bbws.db").display());
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(20_261_121);
    let mut deaths: BTreeMap<String, usize> = BTreeMap::new();
    loop {
        let cards = cards(data);
        let over = cards.iter().filter(|c| ended(c)).count();
        let died: usize = deaths.values().sum();
        if died < DEATHS.min(PER_OPERATION * (over + 1)) {
            let state = cards.last().and_then(|c| payload(c, "state")).unwrap_or("nothing").to_owned();
            short_life(data, &mut dice);
            *deaths.entry(state).or_default() += 1;
        } else if died < DEATHS || over < 3 || over < runs(&url).await.iter().filter(|run| asked_for(run)).count() {
            long_life(data);
        } else {
            break;
        }
    }
    println!("died while the newest card said: {deaths:?}");
    assert!(deaths.get("running").is_some_and(|n| *n >= 10), "many deaths have to strike a run: {deaths:?}");

    let runs = runs(&url).await;
    everything_is_told_once(data, &runs);
    nothing_was_changed_twice(data, &runs);
    let verified =
        Command::new(env!("CARGO_BIN_EXE_bbws")).args(["audit", "verify"]).env("DATABASE_URL", &url).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

fn everything_is_told_once(data: &Path, runs: &[Run]) {
    let cards = cards(data);
    let runs: Vec<&Run> = runs.iter().filter(|run| asked_for(run)).collect();
    let shown: Vec<&str> = cards.iter().filter_map(|card| payload(card, "operation")).collect();
    let asked: Vec<&str> = runs.iter().rev().map(|run| run.op.id.0.as_str()).collect();
    assert_eq!(shown, asked, "one card for each operation: {cards:#?}");
    for run in runs {
        let id = &run.op.id;
        assert_eq!(run.op.state, State::Succeeded, "{id}: {:?}", run.op.outcome);
        let own: Vec<&Message> = cards.iter().filter(|c| payload(c, "operation") == Some(&id.0)).collect();
        assert_eq!(own.len(), 1, "{id} has one card");
        assert_eq!(payload(own[0], "state"), Some(run.op.state.name()), "{id}: card and ledger agree");
    }
    let told = messages(data).into_iter().filter(|m| m.thread_ts.is_some());
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for key in told.filter_map(|m| Some(format!("{:?} {}", m.thread_ts, payload(&m, "key")?))) {
        *times.entry(key).or_default() += 1;
    }
    assert!(!times.is_empty() && times.values().all(|n| *n == 1), "nothing is told twice in a thread: {times:?}");
}

fn nothing_was_changed_twice(data: &Path, runs: &[Run]) {
    let demo = Demo::start(data);
    let state = http(&demo.address(), "GET", "/sandbox/aws/state", "").unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["twice"], json!([]));
    let planned = |of: &dyn Fn(&Run) -> bool| {
        runs.iter()
            .filter(|run| of(run))
            .flat_map(|run| &run.op.plan.steps)
            .filter(|step| step.action.mutates())
            .count()
    };
    // What a schedule started may not have ended.
    let changed = state["mutations"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap();
    assert!(
        (planned(&asked_for)..=planned(&|_| true)).contains(&changed),
        "AWS was changed once for each step that changes it: {changed} times"
    );
}
