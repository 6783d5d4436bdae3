//! Who and where: the people, channels and ids of the local workspace, and their Slack JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The workspace (team) id.
pub const TEAM: &str = "T0BBWS";
/// The workspace's sub-domain.
pub const DOMAIN: &str = "bbws-demo";
/// The id of the installed app.
pub const APP: &str = "A0BBWS";
/// The user id the app acts as.
pub const BOT_USER: &str = "U0BBWS";
/// The app's bot id.
pub const BOT: &str = "B0BBWS";
/// Slack's own helper, who reports commands that failed.
pub const SLACKBOT: &str = "USLACKBOT";
/// The slash command the app owns.
pub const COMMAND: &str = "/bbws";

/// A member of the workspace, or a visitor to it.
#[derive(Debug, Clone)]
pub struct Person {
    /// Slack user id.
    pub id: String,
    /// Home team id; differs from [`TEAM`] for people of another workspace.
    pub team: String,
    /// Handle, lower case.
    pub name: String,
    /// Name as people write it.
    pub real_name: String,
    /// What the page says about the person; Slack's profile title.
    pub title: String,
    /// Avatar colour, six hex digits without `#`.
    pub color: String,
    /// The account was deactivated.
    pub deleted: bool,
    /// The account belongs to an app.
    pub is_bot: bool,
    /// A guest of several channels.
    pub is_restricted: bool,
    /// A guest of one channel.
    pub is_ultra_restricted: bool,
    /// Somebody of another workspace in a shared channel.
    pub is_stranger: bool,
    /// Invited, has not joined yet.
    pub is_invited_user: bool,
    /// The person's id across an Enterprise Grid, where there is one.
    pub enterprise_user: Option<String>,
    /// Workspaces of the Enterprise Grid that the person is a member of.
    pub enterprise_teams: Vec<String>,
}

impl Person {
    /// An ordinary member of this workspace.
    pub fn member(id: &str, real_name: &str, title: &str, color: &str) -> Self {
        Self {
            id: id.into(),
            team: TEAM.into(),
            name: real_name.to_lowercase().replace(' ', "."),
            real_name: real_name.into(),
            title: title.into(),
            color: color.into(),
            deleted: false,
            is_bot: false,
            is_restricted: false,
            is_ultra_restricted: false,
            is_stranger: false,
            is_invited_user: false,
            enterprise_user: None,
            enterprise_teams: vec![TEAM.into()],
        }
    }

    /// The address by which `users.lookupByEmail` finds them.
    pub fn email(&self) -> String {
        format!("{}@bbws.example", self.name)
    }

    /// The person as `users.info` gives it.
    pub fn to_slack(&self) -> Value {
        let mut user = json!({
            "id": self.id, "team_id": self.team, "name": self.name, "deleted": self.deleted,
            "color": self.color, "real_name": self.real_name,
            "tz": "Africa/Johannesburg", "tz_label": "South Africa Standard Time", "tz_offset": 7200,
            "profile": {
                "title": self.title, "real_name": self.real_name,
                "real_name_normalized": self.real_name, "display_name": self.name,
                "display_name_normalized": self.name, "email": self.email(), "avatar_hash": "g0", "team": self.team,
            },
            "is_admin": false, "is_owner": false, "is_primary_owner": false,
            "is_restricted": self.is_restricted, "is_ultra_restricted": self.is_ultra_restricted,
            "is_bot": self.is_bot, "is_app_user": false, "updated": 1_700_000_000,
        });
        // Slack leaves these out where they are not so, and readers must cope with that.
        if self.is_stranger {
            user["is_stranger"] = json!(true);
        }
        if self.is_invited_user {
            user["is_invited_user"] = json!(true);
        }
        if let Some(id) = &self.enterprise_user {
            user["enterprise_user"] =
                json!({"id": id, "enterprise_id": "E0BBWS", "enterprise_name": "BBWS", "teams": self.enterprise_teams});
        }
        user
    }
}

/// A channel of the workspace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Channel {
    /// Slack channel id.
    pub id: String,
    /// Name without `#`.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// No longer in use; nothing may be posted.
    pub is_archived: bool,
    /// Shared with another organisation (Slack Connect).
    pub is_ext_shared: bool,
    /// An invitation to another organisation is open.
    pub is_pending_ext_shared: bool,
    /// The app is a member.
    pub has_bot: bool,
    /// Only members see it.
    pub is_private: bool,
    /// Its messages can be read and no longer be changed (`is_inactive`).
    pub is_frozen: bool,
    /// Who may post is restricted; Slack's error code, such as `restricted_action_read_only_channel`.
    pub restriction: Option<String>,
    /// The one person whose conversation with the app this is.
    pub direct_with: Option<String>,
    /// People in it; everybody of the workspace while nobody was invited or left.
    pub members: Option<Vec<String>>,
    /// What it is about at present.
    pub topic: String,
    /// Who made it.
    pub creator: String,
}

impl Channel {
    /// The app made it.
    pub(super) fn of_app(&self) -> bool {
        self.creator == BOT_USER && self.direct_with.is_none()
    }

    /// An open channel of this workspace that the app belongs to.
    pub fn open(id: &str, name: &str, purpose: &str) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            purpose: purpose.into(),
            is_archived: false,
            is_ext_shared: false,
            is_pending_ext_shared: false,
            has_bot: true,
            is_private: false,
            is_frozen: false,
            restriction: None,
            direct_with: None,
            members: None,
            topic: String::new(),
            creator: "U0CAROL".into(),
        }
    }

    /// The conversation between the app and one person.
    pub fn direct(user: &str) -> Self {
        let id = Self::direct_id(user);
        Self { direct_with: Some(user.into()), is_private: true, ..Self::open(&id, "bbws", "The app, for your eyes") }
    }

    /// Its id.
    pub fn direct_id(user: &str) -> String {
        format!("D0{}", user.trim_start_matches(['U', 'W', '0']))
    }

    /// Whether somebody sees it.
    pub fn shows_to(&self, user: &str) -> bool {
        match (&self.direct_with, &self.members) {
            (Some(with), _) => with == user,
            (None, Some(members)) if self.is_private => members.iter().any(|member| member == user),
            _ => true,
        }
    }

    /// The channel as `conversations.info` gives it.
    pub fn to_slack(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "name_normalized": self.name,
            "is_channel": self.direct_with.is_none(), "is_group": false, "is_im": self.direct_with.is_some(), "is_mpim": false,
            "is_private": self.is_private, "is_archived": self.is_archived, "is_frozen": self.is_frozen,
            "user": self.direct_with,
            "is_general": self.name == "general",
            "is_shared": self.is_ext_shared, "is_ext_shared": self.is_ext_shared,
            "is_org_shared": false, "is_pending_ext_shared": self.is_pending_ext_shared,
            "pending_shared": [], "pending_connected_team_ids": [],
            "context_team_id": TEAM, "shared_team_ids": [TEAM],
            "created": 1_700_000_000, "creator": self.creator, "unlinked": 0,
            "is_member": self.has_bot, "num_members": self.members.as_ref().map_or(5, Vec::len),
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": self.purpose, "creator": "U0CAROL", "last_set": 1_700_000_000},
            "previous_names": [],
        })
    }
}

/// The people every new workspace starts with; the last two are the app and Slack's own helper.
pub fn people() -> Vec<Person> {
    let mut mallory = Person::member("U0MALLORY", "Mallory", "Guest, in no role", "5f6368");
    mallory.is_restricted = true;
    let mut bot = Person::member(BOT_USER, "bbws", "Backup, restore and disaster recovery", "4a154b");
    bot.is_bot = true;
    let mut slackbot = Person::member(SLACKBOT, "Slackbot", "", "757575");
    slackbot.is_bot = true;
    vec![
        Person::member("U0ALICE", "Alice", "Operator", "1d7fb8"),
        Person::member("U0BOB", "Bob", "DBA, operator", "2b8a5a"),
        Person::member("U0CAROL", "Carol", "Lead, DBA, operator", "b3487a"),
        mallory,
        bot,
        slackbot,
    ]
}

/// What people call a user group: `leads` for `S0LEADS`.
pub fn handle(group: &str) -> String {
    group.trim_start_matches('S').trim_start_matches('0').to_lowercase()
}

/// The user groups every new workspace starts with.
pub fn groups() -> BTreeMap<String, Vec<String>> {
    let group = |id: &str, users: &[&str]| (id.to_owned(), users.iter().map(|user| (*user).to_owned()).collect());
    BTreeMap::from([
        group("S0LEADS", &["U0CAROL"]),
        group("S0DBAS", &["U0BOB", "U0CAROL"]),
        group("S0OPERATORS", &["U0ALICE", "U0BOB", "U0CAROL"]),
    ])
}

/// The channels every new workspace starts with.
pub fn channels() -> Vec<Channel> {
    vec![
        Channel::open("C0OPS", "ops", "Where backups, restores and drills are asked for"),
        Channel::open("C0PROD", "prod-notices", "What happens to prod, as it happens"),
        Channel::open("C0GENERAL", "general", "Everybody"),
    ]
}
