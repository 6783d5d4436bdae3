//! What tests and the demo may look at and change from the side, without going over HTTP.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::Workspace;
use super::fault::Fault;
use super::message::Message;
use super::people::{self, Channel, Person};
use super::state::{Call, Quirks};

impl Workspace {
    /// Messages of a channel in the order they were posted, thread replies included.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.state().messages.iter().filter(|m| m.channel == channel).cloned().collect()
    }

    /// One message as it stands now.
    pub fn message(&self, channel: &str, ts: &str) -> Option<Message> {
        self.state().message(channel, ts).cloned()
    }

    /// Replies in the thread under a message, oldest first, without the message itself.
    pub fn replies(&self, channel: &str, thread_ts: &str) -> Vec<Message> {
        let reply = |m: &&Message| m.channel == channel && m.thread_ts.as_deref() == Some(thread_ts);
        self.state().messages.iter().filter(reply).cloned().collect()
    }

    /// Ephemeral messages one person has been shown, oldest first.
    pub fn ephemerals(&self, user: &str) -> Vec<Message> {
        let mine = |m: &&Message| m.only_for.as_deref() == Some(user);
        self.state().ephemerals.iter().filter(mine).cloned().collect()
    }

    /// The modal on top for a person, as Slack's view object.
    pub fn modal(&self, user: &str) -> Option<Value> {
        self.state().modals.iter().rev().find(|m| m.user == user).map(|m| m.view.clone())
    }

    /// How often a method was called, refused calls and lost replies included.
    pub fn count(&self, method: &str) -> u64 {
        self.state().counts.get(method).copied().unwrap_or(0)
    }

    /// The calls that arrived, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.iter().cloned().collect()
    }

    /// Makes the next call of a method go wrong; several queue up. The method `*` stands for any.
    pub fn fail_next(&self, method: &str, fault: Fault) {
        self.state().faults.entry(method.to_owned()).or_default().push_back(fault);
    }

    /// Faults that were asked for and have not struck yet.
    pub fn pending_faults(&self) -> usize {
        self.state().faults.values().map(VecDeque::len).sum()
    }

    /// Takes Slack down for every call, or brings it back.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
        self.tell(None, json!({"kind": "down", "down": down}));
    }

    /// Adds a person, or replaces the one with that id.
    pub fn add_person(&self, person: Person) {
        let mut state = self.state();
        state.people.retain(|p| p.id != person.id);
        state.people.push(person);
    }

    /// Changes a person, for example deactivates them; false when there is none with that id.
    pub fn edit_person(&self, id: &str, change: impl FnOnce(&mut Person)) -> bool {
        let mut state = self.state();
        let found = state.people.iter_mut().find(|p| p.id == id);
        found.map(change).is_some()
    }

    /// Adds a channel, or replaces the one with that id.
    pub fn add_channel(&self, channel: Channel) {
        let mut state = self.state();
        state.channels.retain(|c| c.id != channel.id);
        state.channels.push(channel);
    }

    /// Changes a channel, for example shares it with another organisation; false when there is none with that id.
    pub fn edit_channel(&self, id: &str, change: impl FnOnce(&mut Channel)) -> bool {
        let mut state = self.state();
        let found = state.channels.iter_mut().find(|c| c.id == id);
        found.map(change).is_some()
    }

    /// The Home tab a person has been shown last, as Slack's view object.
    pub fn home(&self, user: &str) -> Option<Value> {
        self.state().homes.get(user).cloned()
    }

    /// What stands in the canvas of a channel, where it has one.
    pub fn canvas(&self, channel: &str) -> Option<String> {
        self.state().canvases.get(channel).cloned()
    }

    /// From now on payloads have these shapes.
    pub fn set_quirks(&self, quirks: Quirks) {
        self.state().quirks = quirks;
    }

    /// Switches the app's Home tab and Messages tab on or off, as a manifest does.
    pub fn set_tabs(&self, home: bool, messages: bool) {
        let mut state = self.state();
        (state.home_tab, state.messages_tab) = (home, messages);
    }

    /// Grants the app these rights and no others, as the manifest it was installed from asks for.
    pub fn grant(&self, scopes: &[&str]) {
        self.state().granted = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    }

    /// Messages can be edited for so many milliseconds; for ever where left out.
    pub fn set_edit_window(&self, window_ms: Option<i64>) {
        self.state().edit_window_ms = window_ms;
    }

    /// Sets who is in a user group.
    pub fn set_user_group(&self, id: &str, users: &[&str]) {
        self.state().groups.insert(id.into(), users.iter().map(|u| (*u).to_owned()).collect());
    }

    /// Posts a message as a person, as typing plain text into a channel does; its ts, or Slack's error code.
    pub fn say(&self, user: &str, channel: &str, text: &str, thread_ts: Option<&str>) -> Result<String, String> {
        let known = self.state().person(user).is_some_and(|p| !p.is_bot);
        if !known {
            return Err("user_not_found".into());
        }
        let now = self.now_ms();
        let message = {
            let mut state = self.state();
            let channel = state.channel(channel).ok_or("channel_not_found")?.id.clone();
            let message = Message {
                ts: state.next_ts(now),
                channel,
                user: user.into(),
                text: text.into(),
                blocks: Vec::new(),
                metadata: None,
                thread_ts: thread_ts.map(str::to_owned),
                edited: None,
                only_for: None,
                files: Vec::new(),
                reactions: Vec::new(),
            };
            state.put(message.clone());
            message
        };
        self.tell(None, json!({"kind": "message", "message": message.to_page()}));
        Ok(message.ts)
    }

    /// Everything a page needs to draw the workspace for one person.
    pub(super) fn snapshot(&self, user: &str) -> Value {
        let state = self.state();
        let mine = |m: &&Message| m.only_for.as_deref() == Some(user);
        let channels: Vec<&Channel> = state.channels.iter().filter(|c| c.shows_to(user)).collect();
        let seen_by_me = |m: &&Message| channels.iter().any(|c| c.id == m.channel);
        let pages: Vec<Value> = state.messages.iter().filter(seen_by_me).map(Message::to_page).collect();
        let seen: Vec<Value> = state.ephemerals.iter().filter(mine).map(Message::to_page).collect();
        let modal = state.modals.iter().rev().find(|m| m.user == user).map(|m| m.view.clone());
        json!({
            "kind": "snapshot", "team": {"id": people::TEAM, "name": "BBWS"},
            "me": user, "bot": people::BOT_USER, "command": people::COMMAND, "down": state.down,
            "users": state.people.iter().map(Person::to_slack).collect::<Vec<_>>(),
            "groups": state.groups.keys().map(|id| (id.clone(), people::handle(id))).collect::<BTreeMap<_, _>>(),
            "channels": channels.iter().map(|c| c.to_slack()).collect::<Vec<_>>(),
            "messages": pages, "ephemerals": seen, "modal": modal, "home": state.homes.get(user),
        })
    }
}
