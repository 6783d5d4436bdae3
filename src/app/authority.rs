//! Who somebody is and which roles they hold, asked of Slack: fresh when it decides something, from a short memory when it does not.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    domain::{
        approval::ANY_ROLE,
        moment::Moment,
        policy::Roles,
        principal::{Principal, Profile},
    },
    ports::{chat::Chat, clock::Clock},
};

/// How long what Slack said is remembered for requests that decide nothing.
const MEMORY: Duration = Duration::from_secs(60);
/// The most people remembered; beyond that the memory starts anew.
const MOST: usize = 10_000;

/// How fresh the answer has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Asked now: for votes and before a run.
    Now,
    /// At most a minute old.
    Recent,
}

/// Why somebody may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// Guest, bot, stranger, …: they get this sentence and nothing else.
    Barred(String),
    /// Slack could not say who they are.
    Unknown(String),
}

impl Denied {
    /// The sentence for the person.
    pub fn sentence(&self) -> &str {
        match self {
            Denied::Barred(sentence) | Denied::Unknown(sentence) => sentence,
        }
    }
}

/// Looks people up.
pub struct Authority {
    chat: Arc<dyn Chat>,
    clock: Arc<dyn Clock>,
    roles: Roles,
    teams: Vec<String>,
    profiles: Mutex<HashMap<String, (Moment, Profile)>>,
    groups: Mutex<HashMap<String, (Moment, Vec<String>)>>,
    channels: Mutex<HashMap<String, (Moment, bool)>>,
}

impl Authority {
    /// With the roles and the workspaces of the config.
    pub fn new(chat: Arc<dyn Chat>, clock: Arc<dyn Clock>, roles: Roles, teams: Vec<String>) -> Authority {
        let (profiles, groups, channels) = Default::default();
        Authority { chat, clock, roles, teams, profiles, groups, channels }
    }

    /// Who this is, with the roles they hold.
    ///
    /// # Errors
    /// [`Denied`]: whoever cannot be looked up is nobody.
    pub async fn principal(&self, user: &str, freshness: Freshness) -> Result<Principal, Denied> {
        let profile = self.profile(user, freshness).await?;
        if let Some(why) = profile.barred(&self.teams) {
            return Err(Denied::Barred(format!("Sorry, {why}.")));
        }
        let mut roles = Vec::new();
        for (role, members) in &self.roles {
            let listed = members.users.iter().any(|id| profile.is(id));
            let grouped = match &members.group {
                Some(group) if !listed => self.group(group, freshness).await?.iter().any(|id| profile.is(id)),
                _ => false,
            };
            if listed || grouped {
                roles.push(role.clone());
            }
        }
        Ok(Principal { person: profile.person(), user: profile.user, roles })
    }

    /// Whoever is named in a role, when Slack cannot be asked: enough to stop things, for nothing else. What Slack once
    /// said of their ids is believed for this, however long ago.
    pub fn listed(&self, user: &str) -> Vec<String> {
        let profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
        let known = profiles.get(user).map(|(_, profile)| profile);
        let meant = |id: &String| id == user || known.is_some_and(|profile| profile.is(id));
        self.roles.iter().filter(|(_, m)| m.users.iter().any(meant)).map(|(role, _)| role.clone()).collect()
    }

    /// The user ids and user groups of a role, or of all roles for [`ANY_ROLE`], as mentions; each once.
    pub fn mentions(&self, role: &str, except: &Principal) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for members in self.roles.iter().filter(|(name, _)| role == ANY_ROLE || *name == role).map(|(_, m)| m) {
            let users = members.users.iter().filter(|u| **u != except.user && **u != except.person.0);
            let all = users.map(|u| format!("<@{u}>")).chain(members.group.iter().map(|g| format!("<!subteam^{g}>")));
            for mention in all {
                if !found.contains(&mention) {
                    found.push(mention);
                }
            }
        }
        found
    }

    /// Whether the channel is shared with another organisation.
    ///
    /// # Errors
    /// [`Denied::Unknown`] when Slack does not answer.
    pub async fn external(&self, channel: &str) -> Result<bool, Denied> {
        let now = self.clock.now();
        if let Some(external) = remembered(&self.channels, channel, now) {
            return Ok(external);
        }
        match self.chat.channel(channel).await {
            Ok(facts) => {
                remember(&self.channels, channel, now, facts.external);
                Ok(facts.external)
            }
            Err(error) => Err(silent("conversations.info", &error)),
        }
    }

    async fn profile(&self, user: &str, freshness: Freshness) -> Result<Profile, Denied> {
        let now = self.clock.now();
        if freshness == Freshness::Recent
            && let Some(profile) = remembered(&self.profiles, user, now)
        {
            return Ok(profile);
        }
        match self.chat.profile(user).await {
            Ok(profile) => {
                remember(&self.profiles, user, now, profile.clone());
                Ok(profile)
            }
            Err(error) => Err(silent("users.info", &error)),
        }
    }

    async fn group(&self, group: &str, freshness: Freshness) -> Result<Vec<String>, Denied> {
        let now = self.clock.now();
        if freshness == Freshness::Recent
            && let Some(members) = remembered(&self.groups, group, now)
        {
            return Ok(members);
        }
        match self.chat.group_members(group).await {
            Ok(members) => {
                remember(&self.groups, group, now, members.clone());
                Ok(members)
            }
            Err(error) => Err(silent("usergroups.users.list", &error)),
        }
    }
}

fn silent(method: &str, error: &crate::ports::chat::ChatError) -> Denied {
    tracing::warn!(method, %error, "Slack could not say who somebody is");
    Denied::Unknown(format!(
        "Slack did not say who you are ({method} failed), so nothing was done. Try again in a moment."
    ))
}

fn remembered<T: Clone>(memory: &Mutex<HashMap<String, (Moment, T)>>, key: &str, now: Moment) -> Option<T> {
    let memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    memory.get(key).filter(|(at, _)| now.since(*at) < MEMORY).map(|(_, value)| value.clone())
}

fn remember<T>(memory: &Mutex<HashMap<String, (Moment, T)>>, key: &str, now: Moment, value: T) {
    let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
    if memory.len() >= MOST {
        memory.clear();
    }
    memory.insert(key.to_owned(), (now, value));
}
