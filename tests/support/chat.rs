//! Slack in memory, as the chat port sees it: people, channels, messages that can be found again, and trouble on demand.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Mutex,
};

use async_trait::async_trait;
use bbws::{
    domain::{answers::home::Home, operation::State, principal::Profile},
    ports::chat::{ChannelFacts, Chat, ChatError, Content, File, Form, Outgoing, Reply, Written},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::rooms::AllRooms;

/// What goes wrong with the next change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It happened, but the reply is lost.
    LostReply,
    /// It did not happen, and nobody says so.
    LostRequest,
    /// 429.
    RateLimited,
}

/// A message as it stands.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Channel.
    pub channel: String,
    /// Thread it is in.
    pub thread: Option<String>,
    /// Its ts.
    pub ts: String,
    /// What was last said.
    pub message: Outgoing,
    /// How often it was edited.
    pub edits: usize,
}

impl Posted {
    /// The state the card shows.
    pub fn card_state(&self) -> Option<State> {
        match &self.message.content {
            Content::Card(view) => Some(view.run.op.state),
            Content::Line { .. } => None,
        }
    }

    /// The line it says.
    pub fn line(&self) -> Option<&str> {
        match &self.message.content {
            Content::Line { text, .. } => Some(text),
            Content::Card(_) => None,
        }
    }
}

#[derive(Default)]
struct Inner {
    people: BTreeMap<String, Profile>,
    external: BTreeSet<String>,
    asked: BTreeMap<String, usize>,
    refusing: BTreeMap<(String, String), String>,
    responses: Vec<(String, Reply)>,
    groups: BTreeMap<String, Vec<String>>,
    messages: Vec<Posted>,
    rooms: AllRooms,
    whispers: Vec<(String, Reply)>,
    forms: Vec<Form>,
    homes: BTreeMap<String, Vec<Home>>,
    files: Vec<(String, String, File)>,
    written: BTreeMap<(String, String), Written>,
    trouble: VecDeque<Trouble>,
    down: bool,
    next: u64,
}

/// The fake.
#[derive(Default)]
pub struct FakeChat {
    inner: Mutex<Inner>,
}

/// The groups of the demo's roster.
const ROSTER: [(&str, &[&str]); 3] =
    [("S0LEADS", &["U0CAROL"]), ("S0DBAS", &["U0BOB", "U0CAROL"]), ("S0OPERATORS", &["U0ALICE", "U0BOB", "U0CAROL"])];

impl FakeChat {
    /// The forms that were opened, as they are now.
    pub fn forms(&self) -> Vec<Form> {
        self.inner.lock().unwrap().forms.clone()
    }
    /// What stood on somebody's App Home, the newest last.
    pub fn homes(&self, user: &str) -> Vec<Home> {
        self.inner.lock().unwrap().homes.get(user).cloned().unwrap_or_default()
    }
    /// Alice, Bob and Carol, and Mallory the guest.
    pub fn new() -> FakeChat {
        let chat = FakeChat::default();
        for user in ["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"] {
            chat.person(person(user));
        }
        chat.person(Profile { guest: true, ..person("U0MALLORY") });
        for (group, members) in ROSTER {
            chat.group(group, members);
        }
        chat
    }
    /// Somebody writes something in a channel.
    pub fn writes(&self, channel: &str, ts: &str, by: &str, text: &str) {
        let written = Written { by: by.to_owned(), text: text.to_owned() };
        self.inner.lock().unwrap().written.insert((channel.to_owned(), ts.to_owned()), written);
    }
    /// Adds or changes somebody.
    pub fn person(&self, profile: Profile) {
        self.inner.lock().unwrap().people.insert(profile.user.clone(), profile);
    }
    /// Makes a channel shared with another organisation.
    pub fn share(&self, channel: &str) {
        self.inner.lock().unwrap().external.insert(channel.to_owned());
    }
    /// The channel is one's own again.
    pub fn unshare(&self, channel: &str) {
        self.inner.lock().unwrap().external.remove(channel);
    }
    /// How often it was asked whose a channel is.
    pub fn asked(&self, channel: &str) -> usize {
        self.inner.lock().unwrap().asked.get(channel).copied().unwrap_or(0)
    }
    /// From now on this method is refused in this channel, with this code.
    pub fn refuse(&self, method: &str, channel: &str, code: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.refusing.insert((method.to_owned(), channel.to_owned()), code.to_owned());
    }
    /// From now on nothing can be said or changed in this channel.
    pub fn shut(&self, channel: &str, code: &str) {
        for method in ["chat.postMessage", "chat.update", "chat.postEphemeral"] {
            self.refuse(method, channel, code);
        }
    }
    /// Nothing is refused any more.
    pub fn open(&self) {
        self.inner.lock().unwrap().refusing.clear();
    }
    /// What stands in a channel, or in somebody's conversation with the app, threads included.
    pub fn said_in(&self, channel: &str) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        let here = inner.messages.iter().filter(|m| m.channel == channel);
        here.filter_map(|m| m.line().map(str::to_owned)).collect()
    }
    /// What was posted to addresses that Slack gave.
    pub fn responses(&self) -> Vec<(String, Reply)> {
        self.inner.lock().unwrap().responses.clone()
    }
    /// Members of a user group.
    pub fn group(&self, group: &str, members: &[&str]) {
        self.inner.lock().unwrap().groups.insert(group.to_owned(), members.iter().map(|m| (*m).to_owned()).collect());
    }
    /// Nothing is answered.
    pub fn down(&self, down: bool) {
        self.inner.lock().unwrap().down = down;
    }
    /// Trouble for the next changes, in order.
    pub fn trouble(&self, trouble: Trouble) {
        self.inner.lock().unwrap().trouble.push_back(trouble);
    }
    /// Messages outside threads.
    pub fn cards(&self) -> Vec<Posted> {
        self.inner.lock().unwrap().messages.iter().filter(|m| m.thread.is_none()).cloned().collect()
    }
    /// Cards of one operation; more than one is a fault.
    pub fn cards_of(&self, id: &str) -> Vec<Posted> {
        self.cards().into_iter().filter(|m| m.message.payload["operation"] == id).collect()
    }
    /// Thread replies of one operation.
    pub fn thread_of(&self, id: &str) -> Vec<Posted> {
        let inner = self.inner.lock().unwrap();
        inner.messages.iter().filter(|m| m.thread.is_some() && m.message.payload["operation"] == id).cloned().collect()
    }
    /// Every file that was shared, with its channel.
    pub fn files_with_places(&self) -> Vec<(File, String)> {
        let inner = self.inner.lock().unwrap();
        inner.files.iter().map(|(channel, _, file)| (file.clone(), channel.clone())).collect()
    }
    /// Files shared below the card of one operation.
    pub fn files_of(&self, id: &str) -> Vec<File> {
        let cards = self.cards_of(id);
        let inner = self.inner.lock().unwrap();
        let below = |thread: &String| cards.iter().any(|card| card.ts == *thread);
        inner.files.iter().filter(|(_, thread, _)| below(thread)).map(|(_, _, file)| file.clone()).collect()
    }
    /// What was whispered to somebody.
    pub fn whispers(&self, user: &str) -> Vec<String> {
        self.whispered(user).into_iter().map(|reply| reply.text).collect()
    }
    /// The same with all that stood beside it.
    pub fn whispered(&self, user: &str) -> Vec<Reply> {
        let inner = self.inner.lock().unwrap();
        inner.whispers.iter().filter(|(u, _)| u == user).map(|(_, reply)| reply.clone()).collect()
    }
    /// Forgets messages.
    pub fn clear(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.messages.clear();
        inner.whispers.clear();
        inner.trouble.clear();
        inner.down = false;
    }

    /// Looks at the channels, or changes them as others do.
    pub fn with_rooms<T>(&self, look: impl FnOnce(&mut AllRooms) -> T) -> T {
        look(&mut self.inner.lock().unwrap().rooms)
    }
    /// A call that is about a channel, with all that may go wrong with it.
    pub fn change_rooms<T>(
        &self,
        method: &str,
        room: &str,
        apply: impl FnOnce(&mut AllRooms) -> Result<T, ChatError>,
    ) -> Result<T, ChatError> {
        self.change_in(method, room, |inner| apply(&mut inner.rooms))
    }

    fn change_in<T>(
        &self,
        method: &str,
        channel: &str,
        apply: impl FnOnce(&mut Inner) -> Result<T, ChatError>,
    ) -> Result<T, ChatError> {
        let code = self.inner.lock().unwrap().refusing.get(&(method.to_owned(), channel.to_owned())).cloned();
        match code {
            Some(code) => Err(ChatError::Refused { method: method.to_owned(), code }),
            None => self.change(method, apply),
        }
    }

    fn change<T>(&self, method: &str, apply: impl FnOnce(&mut Inner) -> Result<T, ChatError>) -> Result<T, ChatError> {
        let mut inner = self.inner.lock().unwrap();
        let unknown = || ChatError::Unknown { method: method.to_owned(), reason: "no answer".to_owned() };
        if inner.down {
            return Err(unknown());
        }
        match inner.trouble.pop_front() {
            Some(Trouble::LostReply) => {
                apply(&mut inner)?;
                Err(unknown())
            }
            Some(Trouble::LostRequest) => Err(unknown()),
            Some(Trouble::RateLimited) => Err(ChatError::RateLimited { after: std::time::Duration::from_secs(3) }),
            None => apply(&mut inner),
        }
    }
}

/// A full member of the workspace.
pub fn person(user: &str) -> Profile {
    Profile {
        user: user.to_owned(),
        team: Some("T0BBWS".to_owned()),
        enterprise_user: None,
        enterprise_teams: Vec::new(),
        deleted: false,
        bot: false,
        guest: false,
        stranger: false,
        invited: false,
    }
}

#[async_trait]
impl Chat for FakeChat {
    async fn open(&self, _: &SecretString, form: &Form) -> Result<String, ChatError> {
        let mut inner = self.inner.lock().unwrap();
        inner.forms.push(form.clone());
        Ok(format!("V{}", inner.forms.len() - 1))
    }
    async fn refill(&self, view: &str, form: &Form) -> Result<(), ChatError> {
        let at: usize = view[1..].parse().expect("one of ours");
        self.inner.lock().unwrap().forms[at] = form.clone();
        Ok(())
    }
    async fn publish(&self, user: &str, home: &Home, hash: Option<&str>) -> Result<String, ChatError> {
        self.change_in("views.publish", user, |inner| {
            let homes = inner.homes.entry(user.to_owned()).or_default();
            if hash.is_some_and(|hash| hash != homes.len().to_string()) {
                return Err(ChatError::Refused {
                    method: "views.publish".to_owned(),
                    code: "hash_conflict".to_owned(),
                });
            }
            homes.push(home.clone());
            Ok(homes.len().to_string())
        })
    }
    async fn message(&self, channel: &str, ts: &str) -> Result<Option<Written>, ChatError> {
        let inner = self.inner.lock().unwrap();
        if inner.down {
            return Err(ChatError::Unknown {
                method: "conversations.replies".to_owned(),
                reason: "no answer".to_owned(),
            });
        }
        Ok(inner.written.get(&(channel.to_owned(), ts.to_owned())).cloned())
    }
    async fn profile(&self, user: &str) -> Result<Profile, ChatError> {
        let inner = self.inner.lock().unwrap();
        if inner.down {
            return Err(ChatError::Unknown { method: "users.info".to_owned(), reason: "no answer".to_owned() });
        }
        inner
            .people
            .get(user)
            .cloned()
            .ok_or_else(|| ChatError::Refused { method: "users.info".to_owned(), code: "user_not_found".to_owned() })
    }
    async fn group_members(&self, group: &str) -> Result<Vec<String>, ChatError> {
        let inner = self.inner.lock().unwrap();
        inner.groups.get(group).cloned().ok_or_else(|| ChatError::Refused {
            method: "usergroups.users.list".to_owned(),
            code: "no_such_subteam".to_owned(),
        })
    }
    async fn channel(&self, channel: &str) -> Result<ChannelFacts, ChatError> {
        let mut inner = self.inner.lock().unwrap();
        *inner.asked.entry(channel.to_owned()).or_default() += 1;
        if inner.down {
            return Err(ChatError::Unknown { method: "conversations.info".to_owned(), reason: "no answer".to_owned() });
        }
        Ok(ChannelFacts { external: inner.external.contains(channel) })
    }
    async fn post(&self, message: &Outgoing) -> Result<String, ChatError> {
        self.change_in("chat.postMessage", &message.channel, |inner| {
            inner.next += 1;
            let ts = format!("17000000{:02}.{:06}", inner.next / 1_000_000, inner.next % 1_000_000);
            inner.messages.push(Posted {
                channel: message.channel.clone(),
                thread: message.thread.clone(),
                ts: ts.clone(),
                message: message.clone(),
                edits: 0,
            });
            Ok(ts)
        })
    }
    async fn update(&self, ts: &str, message: &Outgoing) -> Result<(), ChatError> {
        self.change_in("chat.update", &message.channel, |inner| {
            let found = inner.messages.iter_mut().find(|m| m.ts == ts && m.channel == message.channel);
            let Some(posted) = found else {
                return Err(ChatError::Refused {
                    method: "chat.update".to_owned(),
                    code: "message_not_found".to_owned(),
                });
            };
            posted.message = message.clone();
            posted.edits += 1;
            Ok(())
        })
    }
    async fn share(&self, channel: &str, thread: &str, file: &File) -> Result<(), ChatError> {
        self.change_in("files.completeUploadExternal", channel, |inner| {
            inner.files.push((channel.to_owned(), thread.to_owned(), file.clone()));
            Ok(())
        })
    }
    async fn shared(&self, channel: &str, thread: &str, name: &str, _oldest: i64) -> Result<bool, ChatError> {
        Ok(self.inner.lock().unwrap().files.iter().any(|(c, t, f)| c == channel && t == thread && f.name == name))
    }
    async fn respond(&self, address: &SecretString, reply: &Reply) -> Result<(), ChatError> {
        self.change("response_url", |inner| {
            inner.responses.push((address.expose_secret().to_owned(), reply.clone()));
            Ok(())
        })
    }
    async fn whisper(&self, channel: &str, user: &str, reply: &Reply) -> Result<(), ChatError> {
        self.change_in("chat.postEphemeral", channel, |inner| {
            inner.whispers.push((user.to_owned(), reply.clone()));
            Ok(())
        })
    }
    fn reply(&self, reply: &Reply) -> Value {
        json!({"response_type": "ephemeral", "text": reply.text})
    }
    async fn find(
        &self,
        channel: &str,
        thread: Option<&str>,
        event_type: &str,
        payload: &Value,
        _oldest: i64,
    ) -> Result<Option<String>, ChatError> {
        let inner = self.inner.lock().unwrap();
        if inner.down {
            return Err(ChatError::Unknown {
                method: "conversations.history".to_owned(),
                reason: "no answer".to_owned(),
            });
        }
        let wanted = payload.as_object().cloned().unwrap_or_default();
        // Newest first, as a channel's history is.
        let found = inner.messages.iter().rev().find(|m| {
            m.channel == channel
                && m.thread.as_deref() == thread
                && m.message.event_type == event_type
                && wanted.iter().all(|(k, v)| m.message.payload.get(k) == Some(v))
        });
        Ok(found.map(|m| m.ts.clone()))
    }
}
