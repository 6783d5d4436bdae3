//! Slack's answers, as far as they are read: whatever is left out or added does no harm.

use serde::Deserialize;
use serde_json::Value;

/// `users.info`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserAnswer {
    pub user: Option<UserObject>,
}

/// A user; flags that are left out are not set.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserObject {
    pub id: String,
    pub team_id: Option<String>,
    pub deleted: bool,
    pub is_bot: bool,
    pub is_restricted: bool,
    pub is_ultra_restricted: bool,
    pub is_stranger: bool,
    pub is_invited_user: bool,
    pub enterprise_user: Option<EnterpriseUser>,
}

/// Who somebody is across an Enterprise Grid.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EnterpriseUser {
    pub id: String,
    pub teams: Vec<String>,
}

/// `conversations.info`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChannelAnswer {
    pub channel: Option<ChannelObject>,
}

/// A channel.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChannelObject {
    pub is_ext_shared: bool,
    pub is_pending_ext_shared: bool,
    pub is_archived: bool,
    pub is_frozen: bool,
    /// Left out where it is not asked as a member.
    pub is_member: Option<bool>,
}

/// `usergroups.users.list`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MembersAnswer {
    pub users: Vec<String>,
}

/// `views.open`, `views.update`, `views.publish`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ViewAnswer {
    pub view: ViewObject,
}

/// A view.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ViewObject {
    pub id: String,
    pub hash: String,
}

/// `chat.postMessage`, `chat.update`, `chat.postEphemeral`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PostAnswer {
    pub ts: String,
}

/// `conversations.history` and `conversations.replies`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct HistoryAnswer {
    pub messages: Vec<MessageObject>,
    pub response_metadata: Option<Cursor>,
}

/// A message of a channel.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MessageObject {
    pub ts: String,
    pub user: Option<String>,
    pub text: Option<String>,
    pub metadata: Value,
    pub files: Vec<FileObject>,
}

/// A file that a message carries.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FileObject {
    pub name: String,
}

/// Where the next page begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cursor {
    pub next_cursor: String,
}

/// `auth.test`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WhoAmI {
    pub team: String,
    pub team_id: String,
    pub user: String,
    pub user_id: String,
}
