//! What an app may do: the right that each method takes, and those that the app was granted.

use serde_json::json;

use super::api::{Args, Refusal};
use super::state::State;

/// Rights that no method takes.
const OTHERS: [&str; 4] = ["app_mentions:read", "chat:write.public", "commands", "reactions:read"];

/// The right a method takes. One that begins with `*` has a variant for public channels, private ones and conversations of
/// two; a method that is not in here takes none.
const NEEDS: [(&str, &str); 40] = [
    ("bookmarks.add", "bookmarks:write"),
    ("bookmarks.edit", "bookmarks:write"),
    ("bookmarks.list", "bookmarks:read"),
    ("bookmarks.remove", "bookmarks:write"),
    ("bots.info", "users:read"),
    ("chat.delete", "chat:write"),
    ("chat.postEphemeral", "chat:write"),
    ("chat.postMessage", "chat:write"),
    ("chat.update", "chat:write"),
    ("conversations.archive", "*manage"),
    ("conversations.canvases.create", "canvases:write"),
    ("conversations.create", "channels:manage"),
    ("conversations.history", "*history"),
    ("conversations.info", "*read"),
    ("conversations.invite", "*manage"),
    ("conversations.join", "channels:join"),
    ("conversations.kick", "*manage"),
    ("conversations.leave", "*manage"),
    ("conversations.list", "channels:read"),
    ("conversations.members", "*read"),
    ("conversations.open", "im:write"),
    ("conversations.rename", "*manage"),
    ("conversations.replies", "*history"),
    ("conversations.setPurpose", "*manage"),
    ("conversations.setTopic", "*manage"),
    ("conversations.unarchive", "*manage"),
    ("files.completeUploadExternal", "files:write"),
    ("files.delete", "files:write"),
    ("files.getUploadURLExternal", "files:write"),
    ("files.info", "files:read"),
    ("files.list", "files:read"),
    ("pins.add", "pins:write"),
    ("pins.list", "pins:read"),
    ("pins.remove", "pins:write"),
    ("team.info", "team:read"),
    ("usergroups.list", "usergroups:read"),
    ("usergroups.users.list", "usergroups:read"),
    ("users.info", "users:read"),
    ("users.list", "users:read"),
    ("users.lookupByEmail", "users:read.email"),
];

/// All there are: what an app has that asked for everything.
pub(super) fn all() -> Vec<String> {
    let variants = |need: &'static str| -> Vec<String> {
        match need.strip_prefix('*') {
            Some(what) => ["C", "G", "D"].iter().map(|kind| variant(kind, what)).collect(),
            None => vec![need.to_owned()],
        }
    };
    let needed = NEEDS.iter().flat_map(|(_, need)| variants(need));
    let mut all: Vec<String> = needed.chain(OTHERS.iter().map(|other| (*other).to_owned())).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn variant(kind: &str, what: &str) -> String {
    match (kind, what) {
        ("C", what) => format!("channels:{what}"),
        // Slack's own name of it.
        ("G", "manage") => "groups:write".to_owned(),
        ("D", "manage") => "im:write".to_owned(),
        ("G", what) => format!("groups:{what}"),
        (_, what) => format!("im:{what}"),
    }
}

/// Refuses a method that the app was not granted the right for, and names both.
pub(super) fn check(state: &State, method: &str, args: &Args) -> Result<(), Refusal> {
    let Some((_, need)) = NEEDS.iter().find(|(name, _)| *name == method) else { return Ok(()) };
    let needed = match need.strip_prefix('*') {
        Some(what) => {
            let channel = args.text("channel").and_then(|name| state.channel(name));
            let kind = channel.map_or("C", |c| match (&c.direct_with, c.is_private) {
                (Some(_), _) => "D",
                (None, true) => "G",
                (None, false) => "C",
            });
            variant(kind, what)
        }
        None => (*need).to_owned(),
    };
    if state.granted.contains(&needed) {
        return Ok(());
    }
    Err(Refusal::from("missing_scope").with(json!({"needed": needed, "provided": state.granted.join(",")})))
}
