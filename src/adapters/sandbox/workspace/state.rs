//! What the workspace remembers: messages, ephemeral messages, modals, triggers, response addresses, calls and faults.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::Workspace;
use super::fault::Fault;
use super::journal::{self, Entry, Journal};
use super::message::{Message, micros};
use super::people::{self, Channel, Person};
use super::scopes;

/// Slack accepts a trigger for three seconds.
const TRIGGER_MS: i64 = 3_000;
/// A response address works five times within thirty minutes.
const HOOK_USES: u8 = 5;
const HOOK_MS: i64 = 30 * 60 * 1_000;
/// Ephemeral messages kept per person; Slack itself forgets them at reload.
const EPHEMERALS: usize = 100;
/// Calls kept for inspection; the counters go on beyond that.
const CALLS: usize = 50_000;

/// One call of the Web API that arrived, whatever came of it.
#[derive(Debug, Clone)]
pub struct Call {
    /// For example `chat.postMessage`.
    pub method: String,
    /// Its arguments.
    pub args: Value,
}

/// An open modal.
#[derive(Debug, Clone)]
pub(super) struct Modal {
    pub(super) user: String,
    pub(super) view: Value,
}

/// Shapes Slack is known to send beside the documented ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks {
    /// `[]` where an object without members is documented: `state.values`.
    pub empty_lists: bool,
    /// `team` is null, as after an install for a whole organisation.
    pub null_team: bool,
    /// A message's `ts` is a number.
    pub numeric_ts: bool,
}

/// A file on its way, or shared.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) length: u64,
    /// What arrived at its upload address.
    pub(super) arrived: Option<Vec<u8>>,
    pub(super) title: Option<String>,
    pub(super) channels: Vec<String>,
    /// Shared: `completeUploadExternal` was called.
    pub(super) complete: bool,
}

struct Trigger {
    user: String,
    issued_ms: i64,
    used: bool,
}

/// Where a `response_url` leads.
#[derive(Debug, Clone)]
pub(super) struct Hook {
    pub(super) user: String,
    pub(super) channel: String,
    /// The message whose button was pressed, for `replace_original`.
    pub(super) message: Option<String>,
    issued_ms: i64,
    left: u8,
}

/// Everything the workspace knows.
pub(super) struct State {
    pub(super) people: Vec<Person>,
    pub(super) channels: Vec<Channel>,
    pub(super) groups: BTreeMap<String, Vec<String>>,
    pub(super) messages: Vec<Message>,
    pub(super) ephemerals: VecDeque<Message>,
    pub(super) modals: Vec<Modal>,
    pub(super) homes: HashMap<String, Value>,
    pub(super) pins: Vec<(String, String)>,
    pub(super) bookmarks: Vec<Value>,
    pub(super) files: Vec<File>,
    /// What stands in the canvas of a channel, Markdown.
    pub(super) canvases: BTreeMap<String, String>,
    /// The app has a Home tab; the manifest says so.
    pub(super) home_tab: bool,
    /// People can be written to; the manifest says so.
    pub(super) messages_tab: bool,
    /// How long a message can be edited, where that is limited.
    pub(super) edit_window_ms: Option<i64>,
    pub(super) quirks: Quirks,
    /// Rights the app has.
    pub(super) granted: Vec<String>,
    pub(super) calls: VecDeque<Call>,
    pub(super) counts: HashMap<String, u64>,
    pub(super) faults: HashMap<String, VecDeque<Fault>>,
    pub(super) down: bool,
    pub(super) commands: Value,
    pub(super) journal: Option<Journal>,
    triggers: HashMap<String, Trigger>,
    hooks: HashMap<String, Hook>,
    last_micros: i64,
    serial: u64,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            people: people::people(),
            channels: people::channels(),
            groups: people::groups(),
            messages: Vec::new(),
            ephemerals: VecDeque::new(),
            modals: Vec::new(),
            homes: HashMap::new(),
            pins: Vec::new(),
            bookmarks: Vec::new(),
            files: Vec::new(),
            canvases: BTreeMap::new(),
            home_tab: true,
            messages_tab: true,
            edit_window_ms: None,
            quirks: Quirks::default(),
            granted: scopes::all(),
            calls: VecDeque::new(),
            counts: HashMap::new(),
            faults: HashMap::new(),
            down: false,
            commands: json!([]),
            journal: None,
            triggers: HashMap::new(),
            hooks: HashMap::new(),
            last_micros: 0,
            serial: 0,
        }
    }

    /// A fresh message id: never used before, and later than every one given.
    pub(super) fn next_ts(&mut self, now_ms: i64) -> String {
        let micros = (now_ms.saturating_mul(1_000)).max(self.last_micros + 1);
        self.last_micros = micros;
        format!("{}.{:06}", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))
    }

    /// A fresh id with the given prefix.
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.serial += 1;
        format!("{prefix}{:05X}", self.serial)
    }

    /// Writes down the channels that the app made.
    pub(super) fn keep_channels(&mut self) {
        if let Some(journal) = &mut self.journal {
            let own = self.channels.iter().filter(|channel| channel.of_app());
            own.for_each(|channel| journal.write(&Entry::Channel(Box::new(channel.clone()))));
        }
    }

    /// A channel as it was before the process ended; ids that are given from now on are none that was given before it.
    fn restore(&mut self, channel: Channel) {
        let number = channel.id.len().checked_sub(5).and_then(|at| channel.id.get(at..));
        self.serial = self.serial.max(number.and_then(|n| u64::from_str_radix(n, 16).ok()).unwrap_or_default());
        self.channels.retain(|known| known.id != channel.id);
        self.channels.push(channel);
    }

    pub(super) fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|p| p.id == id)
    }

    pub(super) fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|c| c.id == id || c.name == id.trim_start_matches('#'))
    }

    pub(super) fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.messages.iter().find(|m| m.channel == channel && m.ts == ts)
    }

    /// Posts a message, or replaces the one with its ts.
    pub(super) fn put(&mut self, message: Message) {
        if let Some(journal) = &mut self.journal {
            journal.write(&Entry::Put(Box::new(message.clone())));
        }
        self.last_micros = self.last_micros.max(micros(&message.ts)).max(message.edited.as_deref().map_or(0, micros));
        match self.messages.iter_mut().rfind(|m| m.channel == message.channel && m.ts == message.ts) {
            Some(old) => *old = message,
            None => self.messages.push(message),
        }
        if let Some(journal) = &mut self.journal {
            journal.tidy(&self.channels, &self.messages);
        }
    }

    /// Deletes a message.
    pub(super) fn remove(&mut self, channel: &str, ts: &str) {
        if let Some(journal) = &mut self.journal {
            journal.write(&Entry::Gone(channel.into(), ts.into()));
        }
        self.messages.retain(|m| !(m.channel == channel && m.ts == ts));
    }

    pub(super) fn ephemeral(&self, channel: &str, ts: &str, user: &str) -> Option<&Message> {
        self.ephemerals.iter().find(|m| m.channel == channel && m.ts == ts && m.only_for.as_deref() == Some(user))
    }

    /// Gives every block that lacks one an id, as Slack does, and buttons an action id.
    pub(super) fn identify(&mut self, blocks: &mut [Value]) {
        for block in blocks {
            if block.get("block_id").is_none() {
                block["block_id"] = json!(self.next_id("b"));
            }
            for list in ["elements", "actions"] {
                let Some(elements) = block.get_mut(list).and_then(Value::as_array_mut) else {
                    continue;
                };
                for element in elements.iter_mut().filter(|e| e["type"] == "button") {
                    if element.get("action_id").is_none() {
                        element["action_id"] = json!(self.next_id("a"));
                    }
                }
            }
            if let Some(children) = block.get_mut("child_blocks").and_then(Value::as_array_mut) {
                let mut owned = std::mem::take(children);
                self.identify(&mut owned);
                block["child_blocks"] = Value::Array(owned);
            }
        }
    }

    pub(super) fn remember_ephemeral(&mut self, message: Message) {
        if self.ephemerals.len() >= EPHEMERALS {
            self.ephemerals.pop_front();
        }
        self.ephemerals.push_back(message);
    }

    pub(super) fn record(&mut self, method: &str, args: &Value) {
        *self.counts.entry(method.to_owned()).or_default() += 1;
        if self.calls.len() >= CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(Call { method: method.to_owned(), args: args.clone() });
    }

    /// The fault this call is to meet: one for the method, else one for any method.
    pub(super) fn take_fault(&mut self, method: &str) -> Option<Fault> {
        if self.down {
            return Some(Fault::Down);
        }
        [method, "*"].iter().find_map(|key| self.faults.get_mut(*key)?.pop_front())
    }

    pub(super) fn new_trigger(&mut self, user: &str, now_ms: i64) -> String {
        self.triggers.retain(|_, t| now_ms - t.issued_ms < 60_000);
        let id = self.next_id("trigger.");
        self.triggers.insert(id.clone(), Trigger { user: user.into(), issued_ms: now_ms, used: false });
        id
    }

    /// Whose trigger it is; a trigger works once, for three seconds.
    pub(super) fn use_trigger(&mut self, id: &str, now_ms: i64) -> Result<String, &'static str> {
        let trigger = self.triggers.get_mut(id).ok_or("invalid_trigger_id")?;
        if trigger.used {
            return Err("exchanged_trigger_id");
        }
        if now_ms - trigger.issued_ms > TRIGGER_MS {
            return Err("expired_trigger_id");
        }
        trigger.used = true;
        Ok(trigger.user.clone())
    }

    pub(super) fn new_hook(&mut self, user: &str, channel: &str, message: Option<&str>, now_ms: i64) -> String {
        self.hooks.retain(|_, h| now_ms - h.issued_ms < HOOK_MS);
        let id = self.next_id("hook");
        let hook = Hook {
            user: user.into(),
            channel: channel.into(),
            message: message.map(str::to_owned),
            issued_ms: now_ms,
            left: HOOK_USES,
        };
        self.hooks.insert(id.clone(), hook);
        id
    }

    pub(super) fn use_hook(&mut self, id: &str, now_ms: i64) -> Result<Hook, &'static str> {
        let hook = self.hooks.get_mut(id).ok_or("no_such_hook")?;
        if now_ms - hook.issued_ms > HOOK_MS {
            return Err("expired_url");
        }
        if hook.left == 0 {
            return Err("used_url");
        }
        hook.left -= 1;
        Ok(hook.clone())
    }
}

impl Workspace {
    /// Keeps the messages in a file from now on, after taking up those already in it. Ephemeral messages, modals and
    /// faults are forgotten with the process, as Slack forgets them.
    ///
    /// # Errors
    /// Where the file can be neither read nor made.
    pub fn keep_in(&self, file: &Path) -> io::Result<()> {
        let mut state = self.state();
        journal::replay(file, |entry| match entry {
            Entry::Put(message) => state.put(*message),
            Entry::Channel(channel) => state.restore(*channel),
            Entry::Gone(channel, ts) => state.remove(&channel, &ts),
        })?;
        state.journal = Some(Journal::fresh(file, &state.channels, &state.messages)?);
        Ok(())
    }
}
