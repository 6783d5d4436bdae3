//! What people do besides pressing what is on messages: they react, edit and delete, they open the app's Home, and the app is told of
//! it by an event.

use serde_json::{Value, json};

use super::Workspace;
use super::forms::SignedForm;
use super::message::Message;
use super::people::Channel;

impl Workspace {
    /// A person puts an emoji on a message, once; the event that tells the app, or Slack's error code.
    pub fn react(&self, user: &str, channel: &str, ts: &str, emoji: &str) -> Result<SignedForm, String> {
        let message = self.change_message(channel, ts, |message| {
            let reaction = (emoji.to_owned(), user.to_owned());
            if message.reactions.contains(&reaction) {
                return Err("already_reacted".to_owned());
            }
            message.reactions.push(reaction);
            message.reactions.sort();
            Ok(())
        })?;
        let item = json!({"type": "message", "channel": message.channel, "ts": message.ts});
        Ok(self.tells(json!({
            "type": "reaction_added", "user": user, "reaction": emoji, "item": item, "item_user": message.user,
        })))
    }

    /// A person edits a message of their own; the event that tells the app, or Slack's error code.
    pub fn edit(&self, user: &str, channel: &str, ts: &str, text: &str) -> Result<SignedForm, String> {
        let before = self.message(channel, ts).ok_or("message_not_found")?;
        let edited = self.state().next_ts(self.now_ms());
        let message = self.change_message(channel, ts, |message| {
            if message.user != user {
                return Err("cant_update_message".to_owned());
            }
            text.clone_into(&mut message.text);
            message.edited = Some(edited.clone());
            Ok(())
        })?;
        Ok(self.tells(json!({
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": message.channel, "ts": edited,
            "message": message.to_slack(false), "previous_message": before.to_slack(false),
        })))
    }

    /// A person deletes a message of their own; the event that tells the app, or Slack's error code.
    pub fn erase(&self, user: &str, channel: &str, ts: &str) -> Result<SignedForm, String> {
        let before = self.message(channel, ts).ok_or("message_not_found")?;
        if before.user != user {
            return Err("cant_delete_message".to_owned());
        }
        self.state().remove(channel, ts);
        self.tell(None, json!({"kind": "gone", "channel": channel, "ts": ts}));
        Ok(self.tells(json!({
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": channel, "deleted_ts": ts,
            "previous_message": before.to_slack(false),
        })))
    }

    /// A person opens the app's Home; the event that tells the app, or Slack's error code.
    pub fn open_home(&self, user: &str) -> Result<SignedForm, String> {
        let (tab, view) = {
            let state = self.state();
            state.person(user).filter(|person| !person.is_bot && !person.deleted).ok_or("user_not_found")?;
            (if state.home_tab { "home" } else { "messages" }, state.homes.get(user).cloned())
        };
        let mut event =
            json!({"type": "app_home_opened", "user": user, "channel": Channel::direct_id(user), "tab": tab});
        // Slack says what stands there, where anything does.
        event["view"] = view.unwrap_or_default();
        if event["view"].is_null() {
            event.as_object_mut().map(|event| event.remove("view"));
        }
        Ok(self.tells(event))
    }

    fn change_message(
        &self,
        channel: &str,
        ts: &str,
        change: impl FnOnce(&mut Message) -> Result<(), String>,
    ) -> Result<Message, String> {
        let message = {
            let mut state = self.state();
            let mut message = state.message(channel, ts).ok_or("message_not_found")?.clone();
            change(&mut message)?;
            state.put(message.clone());
            message
        };
        self.tell(None, json!({"kind": "message", "message": message.to_page()}));
        Ok(message)
    }

    fn tells(&self, mut event: Value) -> SignedForm {
        let now = self.now_ms();
        let told = self.state().next_ts(now);
        event["event_ts"] = json!(told);
        self.event_form(&format!("Ev{}", told.replace('.', "")), &event)
    }
}
