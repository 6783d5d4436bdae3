//! `views.*`: modals, opened with a trigger that lives three seconds.

use serde_json::{Value, json};

use super::Workspace;
use super::api::{Args, Refusal};
use super::check::Surface;
use super::limits;
use super::people::{APP, BOT, TEAM};
use super::state::Modal;

/// Bytes of `private_metadata` Slack takes.
const PRIVATE_METADATA: usize = 3_000;

/// Most modals on top of each other.
const STACK: usize = 3;
/// Bytes of a view Slack takes.
const VIEW: usize = 250_000;

/// A modal that keeps Slack's rules.
pub(super) fn checked(view: &Value) -> Result<(), Refusal> {
    let mut found = limits::problems(&view["blocks"], Surface::Modal);
    if view["type"] != "modal" {
        found.push("[ERROR] unsupported type [json-pointer:/view/type]".into());
    }
    for (key, required) in [("title", true), ("submit", false), ("close", false)] {
        let text = view[key]["text"].as_str();
        if text.is_none() && required {
            found.push(format!("[ERROR] missing required field: {key} [json-pointer:/view]"));
        }
        if text.is_some_and(|t| t.chars().count() > 24) {
            found.push(format!("[ERROR] must be less than 25 characters [json-pointer:/view/{key}/text]"));
        }
    }
    sized(view, found)
}

/// A Home tab that keeps Slack's rules.
fn checked_home(view: &Value) -> Result<(), Refusal> {
    let mut found = limits::problems(&view["blocks"], Surface::Home);
    if view["type"] != "home" {
        found.push("[ERROR] unsupported type [json-pointer:/view/type]".into());
    }
    sized(view, found)
}

fn sized(view: &Value, mut found: Vec<String>) -> Result<(), Refusal> {
    if view["private_metadata"].as_str().is_some_and(|t| t.len() > PRIVATE_METADATA) {
        found.push("[ERROR] must be less than 3001 characters [json-pointer:/view/private_metadata]".into());
    }
    if view.to_string().len() > VIEW {
        return Err("view_too_large".into());
    }
    if found.is_empty() { Ok(()) } else { Err(Refusal::invalid_blocks(found)) }
}

impl Workspace {
    pub(super) fn open_view(&self, args: &Args) -> Result<Value, Refusal> {
        let view = args.data("view")?.ok_or("invalid_arguments")?;
        checked(&view)?;
        let now = self.machines_ms();
        let user = self.state().use_trigger(args.need("trigger_id")?, now)?;
        let view = self.show_modal(&user, view);
        Ok(json!({"view": view}))
    }

    /// Puts a modal on top of an open one.
    pub(super) fn push_view(&self, args: &Args) -> Result<Value, Refusal> {
        let view = args.data("view")?.ok_or("invalid_arguments")?;
        checked(&view)?;
        let now = self.machines_ms();
        let user = {
            let mut state = self.state();
            let user = state.use_trigger(args.need("trigger_id")?, now)?;
            match state.modals.iter().filter(|m| m.user == user).count() {
                0 => return Err("not_found".into()),
                open if open >= STACK => return Err("push_limit_reached".into()),
                _ => user,
            }
        };
        let view = self.show_modal(&user, view);
        Ok(json!({"view": view}))
    }

    /// Shows one person their Home tab.
    pub(super) fn publish_view(&self, args: &Args) -> Result<Value, Refusal> {
        let mut view = args.data("view")?.ok_or("invalid_arguments")?;
        checked_home(&view)?;
        let user = args.need("user_id")?;
        let mut state = self.state();
        if !state.home_tab {
            return Err("not_enabled".into());
        }
        if state.person(user).is_none_or(|p| p.deleted) {
            return Err("user_not_found".into());
        }
        let old = state.homes.get(user).map(|home| (home["id"].clone(), home["hash"].clone()));
        if args.text("hash").is_some_and(|hash| old.as_ref().is_none_or(|(_, was)| *was != hash)) {
            return Err("hash_conflict".into());
        }
        if let Some(blocks) = view["blocks"].as_array_mut() {
            state.identify(blocks);
        }
        let id = old.and_then(|(id, _)| id.as_str().map(str::to_owned)).unwrap_or_else(|| state.next_id("V0"));
        let hash = state.next_id("h");
        let view = dressed(view, &id, &hash);
        state.homes.insert(user.to_owned(), view.clone());
        drop(state);
        self.tell(Some(user), json!({"kind": "home", "view": view}));
        Ok(json!({"view": view}))
    }

    pub(super) fn update_view(&self, args: &Args) -> Result<Value, Refusal> {
        let view = args.data("view")?.ok_or("invalid_arguments")?;
        checked(&view)?;
        let id = args.need("view_id")?;
        let (user, view) = {
            let mut state = self.state();
            let hash = state.next_id("h");
            let modal = state.modals.iter_mut().find(|m| m.view["id"] == id).ok_or("not_found")?;
            if args.text("hash").is_some_and(|hash| modal.view["hash"] != hash) {
                return Err("hash_conflict".into());
            }
            modal.view = dressed(view, id, &hash);
            (modal.user.clone(), modal.view.clone())
        };
        self.tell(Some(&user), json!({"kind": "modal", "view": view}));
        Ok(json!({"view": view}))
    }

    /// Puts a modal on a person's screen, above any other.
    pub(super) fn show_modal(&self, user: &str, mut view: Value) -> Value {
        let view = {
            let mut state = self.state();
            if let Some(blocks) = view["blocks"].as_array_mut() {
                state.identify(blocks);
            }
            let (id, hash) = (state.next_id("V0"), state.next_id("h"));
            let view = dressed(view, &id, &hash);
            state.modals.push(Modal { user: user.into(), view: view.clone() });
            view
        };
        self.tell(Some(user), json!({"kind": "modal", "view": view}));
        view
    }

    /// Takes modals off a person's screen: the one with that id, or all of them.
    pub(super) fn close_modal(&self, user: &str, id: Option<&str>) {
        self.state().modals.retain(|m| m.user != user || id.is_some_and(|id| m.view["id"] != id));
        self.tell(Some(user), json!({"kind": "modal", "view": self.modal(user)}));
    }
}

fn dressed(mut view: Value, id: &str, hash: &str) -> Value {
    view["id"] = json!(id);
    view["hash"] = json!(hash);
    view["root_view_id"] = json!(id);
    view["previous_view_id"] = Value::Null;
    view["team_id"] = json!(TEAM);
    view["app_id"] = json!(APP);
    view["bot_id"] = json!(BOT);
    for key in ["private_metadata", "callback_id", "external_id"] {
        if view[key].is_null() {
            view[key] = json!("");
        }
    }
    view["state"] = json!({"values": {}});
    view
}
