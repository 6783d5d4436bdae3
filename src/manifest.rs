//! The Slack app manifest: what the workspace is asked to allow, for the address this product is reached at.

/// Rights the bot asks for, each because of a call this product makes.
pub const SCOPES: [&str; 18] = [
    "app_mentions:read", // the event that stands in for the command inside threads
    "bookmarks:read",    // bookmarks.list: does one lead to the runbook already?
    "bookmarks:write",   // bookmarks.add: the runbook, in the room of an incident
    "canvases:write",    // conversations.canvases.create: the review of an incident, in its room
    "channels:history",  // finds a card again by its metadata when the reply to its posting was lost
    "channels:join",     // conversations.join: the room of an incident that was there already
    "channels:manage",   // conversations.create, .invite, .setTopic: the room of an incident
    "channels:read",     // conversations.info: is the channel shared with other organisations?
    "chat:write",        // chat.postMessage, chat.update, chat.postEphemeral
    "chat:write.public", // the same in public channels that nobody invited the bot to
    "commands",          // the slash command
    "files:write",       // files.getUploadURLExternal, files.completeUploadExternal: reports, below their cards
    "groups:history",    // as channels:history, in private channels
    "groups:read",       // as channels:read, in private channels
    "pins:write",        // pins.add: the card of an incident in its room
    "reactions:read",    // the event that puts a message on the timeline of an incident
    "usergroups:read",   // usergroups.users.list: who holds a role that is a Slack group
    "users:read",        // users.info: guests, bots and deleted people may not act
];

/// Events that Slack is to send: somebody looks at App Home; the bot is spoken to; a message that is on a timeline is edited or
/// deleted; one is put there by an emoji.
pub const EVENTS: [&str; 4] = ["app_home_opened", "app_mention", "message.channels", "reaction_added"];

const NAME: &str = "bbws";
const DESCRIPTION: &str = "Backups of the platform: made, checked, tested and kept, with approval by colleagues.";
const COMMAND_DESCRIPTION: &str = "Back up, check and keep, with approval";
const SHORTCUT: &str = "Add to the timeline";
const SHORTCUT_DESCRIPTION: &str = "Puts this message on the timeline of the incident whose room this is";
const USAGE_HINT: &str = "status | backup create prod full | backup list prod | help";

// Slack's limits, held at compile time.
const _: () = assert!(NAME.len() <= 35 && DESCRIPTION.len() <= 140);

/// The manifest, as YAML, of the app that is reached at `url`.
///
/// # Errors
/// A sentence that says why Slack could not reach that address.
pub fn manifest(url: &str) -> Result<String, String> {
    let base = address(url)?;
    let list = |items: &[&str], indent: &str| items.iter().map(|i| format!("{indent}- {i}\n")).collect::<String>();
    Ok(format!(
        r##"display_information:
  name: {NAME}
  description: "{DESCRIPTION}"
  background_color: "#1d3557"
features:
  app_home:
    home_tab_enabled: true
    messages_tab_enabled: true
    messages_tab_read_only_enabled: true
  bot_user:
    display_name: {NAME}
    always_online: true
  shortcuts:
    - name: "{SHORTCUT}"
      type: message
      callback_id: bbws.timeline
      description: "{SHORTCUT_DESCRIPTION}"
  slash_commands:
    - command: /bbws
      url: "{base}/slack/commands"
      description: "{COMMAND_DESCRIPTION}"
      usage_hint: "{USAGE_HINT}"
      should_escape: true
oauth_config:
  scopes:
    bot:
{scopes}settings:
  event_subscriptions:
    request_url: "{base}/slack/events"
    bot_events:
{events}  interactivity:
    is_enabled: true
    request_url: "{base}/slack/interactions"
  org_deploy_enabled: false
  socket_mode_enabled: false
  token_rotation_enabled: false
"##,
        scopes = list(&SCOPES, "      "),
        events = list(&EVENTS, "      "),
    ))
}

/// The address without a final slash, when it is one Slack can post to.
fn address(url: &str) -> Result<&str, String> {
    let wrong =
        |why: &str| Err(format!("`{}` {why}; give an address such as https://bot.example.com", url.escape_debug()));
    let Some(rest) = url.strip_prefix("https://") else {
        return wrong("does not begin with https://, and Slack posts to nothing else");
    };
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    if !domain(host) {
        return wrong("has no host name that Slack could look up");
    }
    if port.is_some_and(|p| p.parse::<u16>().is_err() || p.starts_with('+') || p == "0") {
        return wrong("has a port that is not a number from 1 to 65535");
    }
    if !path.chars().all(|c| c.is_ascii_alphanumeric() || "-._~/".contains(c)) {
        return wrong("has a path with more than letters, digits, - . _ ~ and slashes");
    }
    Ok(url.trim_end_matches('/'))
}

fn domain(host: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    host.len() <= 253 && host.contains('.') && host.split('.').all(label)
}
