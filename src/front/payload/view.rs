//! Views: App Home and modals. What stands in the inputs of a view or of a message is the same kind of thing.

use serde_json::Value;

use super::text::{MAX_TEXT, id, storable, ts};
use crate::{app::inbound::Inbound, domain::command::quoted};

/// `callback_id` of the form of a restore.
pub(super) const RESTORE: &str = "bbws.restore";
/// `callback_id` of the form that asks for the word an approval needs.
pub(super) const CONFIRM: &str = "bbws.confirm";
/// `callback_id` of the form that asks for the reason of a command.
pub(super) const REASON: &str = "bbws.reason";
/// The blocks of their fields below which it is said why nothing came of them.
pub(super) const POINT_FIELD: &str = "bbws.form.point";
pub(super) const NAME_FIELD: &str = "bbws.form.name";
pub(super) const WHY_FIELD: &str = "bbws.form.why";
/// `callback_id` of the form that asks for what a command lacks.
pub(super) const COMMAND: &str = "bbws.command";
/// What the blocks of all fields of ours begin with.
const FIELD: &str = "bbws.form.";
/// What a form says counts as what a button says that says a command.
const SAYS: &str = "bbws.ask.form";

/// Whether something was pressed in a view and not in a message.
pub(super) fn is_view(payload: &Value) -> bool {
    payload["container"]["type"] == "view" || payload["view"].is_object()
}

/// What stands in the inputs: block → action → input. Slack sends it beside a message and inside a view, and `[]` where
/// there are none.
fn inputs(payload: &Value) -> impl Iterator<Item = (&str, &serde_json::Map<String, Value>)> {
    [&payload["state"]["values"], &payload["view"]["state"]["values"]]
        .into_iter()
        .filter_map(Value::as_object)
        .flatten()
        .filter_map(|(block, actions)| Some((block.as_str(), actions.as_object()?)))
}

/// What was typed into the `reason` field of the block made for it, or of any other.
pub(super) fn reason(payload: &Value) -> Option<&str> {
    let typed = |input: &'_ Value| -> bool { text(input).is_some() };
    let meant =
        inputs(payload).find(|(block, _)| *block == "bbws.reason").and_then(|(_, actions)| actions.get("reason"));
    let any = || {
        let named = inputs(payload).filter_map(|(_, a)| a.get("reason").or_else(|| a.get("bbws.reason")));
        let mut plain = named.filter(|input| input["type"] == "plain_text_input");
        plain.find(|input| typed(input))
    };
    text(meant.or_else(any)?)
}

fn text(input: &Value) -> Option<&str> {
    input["value"].as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// As much of a typed text as is looked at.
pub(super) fn cut(reason: &str) -> &str {
    let end = (0..=MAX_TEXT.min(reason.len())).rev().find(|at| reason.is_char_boundary(*at));
    &reason[..end.unwrap_or(0)]
}

/// The channel a submitted form belongs to, and the approval it confirms. Everything in it may have been written by anybody: it has
/// no more rights than the button and what is typed.
pub(super) fn confirmed(view: &Value) -> Option<(String, Inbound)> {
    let metadata: Value = serde_json::from_str(view["private_metadata"].as_str()?).ok()?;
    let operation = metadata["operation"].as_str().filter(|id| id.len() <= MAX_TEXT)?;
    let what = Inbound::Click {
        action: "bbws.approve".to_owned(),
        value: storable(operation),
        block_id: metadata["block_id"].as_str().filter(|block| block.len() <= MAX_TEXT).map(storable),
        message_ts: ts(&metadata["message_ts"]),
        reason: text(&view["state"]["values"][NAME_FIELD]["name"]).map(|name| storable(cut(name))),
    };
    Some((id(&metadata["channel"]).unwrap_or_default(), what))
}

/// The channel a submitted form belongs to, and the command it says with the reason that was typed, with no more rights than if all
/// of it had been typed.
pub(super) fn reasoned(view: &Value) -> Option<(String, Inbound)> {
    let metadata: Value = serde_json::from_str(view["private_metadata"].as_str()?).ok()?;
    let command = metadata["command"].as_str()?;
    let why = text(&view["state"]["values"][WHY_FIELD]["why"])?;
    let said = format!("{command} --reason {}", quoted(cut(why)));
    let what = Inbound::Click {
        action: SAYS.to_owned(),
        value: storable(&said),
        block_id: None,
        message_ts: None,
        reason: None,
    };
    Some((id(&metadata["channel"]).unwrap_or_default(), what)).filter(|_| said.len() <= MAX_TEXT)
}

/// The first field of a form whose fields are those of a command.
pub(super) fn first_field(view: &Value) -> Option<String> {
    let mut blocks = view["blocks"].as_array()?.iter().filter_map(|block| block["block_id"].as_str());
    blocks.find(|block| block.starts_with(FIELD) && block.len() <= MAX_TEXT).map(str::to_owned)
}

/// The channel a submitted form belongs to, and the command it says with the options that were filled in, with no more rights than
/// if all of it had been typed.
pub(super) fn completed(view: &Value) -> Option<(String, Inbound)> {
    let metadata: Value = serde_json::from_str(view["private_metadata"].as_str()?).ok()?;
    let mut said = metadata["command"].as_str()?.to_owned();
    for (block, actions) in view["state"]["values"].as_object()? {
        let Some(name) = block.strip_prefix(FIELD) else { continue };
        let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let Some(input) = actions.get(name).filter(|_| named) else { continue };
        let typed = text(input).or_else(|| input["selected_option"]["value"].as_str());
        said.extend(typed.map(|typed| format!(" --{name} {}", quoted(cut(typed)))));
    }
    let what = Inbound::Click {
        action: SAYS.to_owned(),
        value: storable(&said),
        block_id: None,
        message_ts: None,
        reason: None,
    };
    Some((id(&metadata["channel"]).unwrap_or_default(), what)).filter(|_| said.len() <= MAX_TEXT)
}

/// The channel a submitted form belongs to, and the command it says, with no more rights than what is typed.
pub(super) fn restore(view: &Value) -> Option<(String, Inbound)> {
    let metadata: Value = serde_json::from_str(view["private_metadata"].as_str()?).ok()?;
    let environment = metadata["environment"].as_str()?;
    let channel = id(&metadata["channel"]).unwrap_or_default();
    let typed = |name: &str| {
        let input = &view["state"]["values"][format!("{FIELD}{name}")][name];
        let said = text(input).or_else(|| input["selected_option"]["value"].as_str());
        said.map(str::to_owned)
    };
    let chosen = typed("point")?;
    let what = match typed("at") {
        // Of what was chosen the database counts.
        Some(at) => {
            let database = chosen.split_once("--database ").map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
            let database = database.map(|id| format!(" --database {id}")).unwrap_or_default();
            format!("pitr --target-time {}{database}", quoted(&at))
        }
        None => chosen,
    };
    let option =
        |name: &str, option: &str| typed(name).map(|said| format!(" --{option} {}", quoted(&said))).unwrap_or_default();
    let more =
        [option("tenant", "tenant"), option("into", "into"), option("ticket", "ticket"), option("why", "reason")]
            .concat();
    let said = format!("backup restore {environment} {what}{more}");
    let what = Inbound::Click {
        action: SAYS.to_owned(),
        value: storable(&said),
        block_id: None,
        message_ts: None,
        reason: None,
    };
    Some((channel, what)).filter(|_| said.len() <= MAX_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn view(values: Value) -> Value {
        json!({
            "callback_id": RESTORE,
            "private_metadata": r#"{"environment":"prod","channel":"C0OPS"}"#,
            "state": {"values": values},
        })
    }

    fn command(view: &Value) -> Option<(String, String)> {
        let (channel, what) = restore(view)?;
        Some((channel, what.said()?.to_owned()))
    }

    #[test]
    fn a_form_says_the_command_that_would_be_typed() {
        let chosen = |value: &str| json!({"point": {"type": "static_select", "selected_option": {"value": value}}});
        let typed = |name: &str, value: &str| json!({name: {"type": "plain_text_input", "value": value}});
        let point = view(json!({
            "bbws.form.point": chosen("rds --snapshot-id s1"),
            "bbws.form.tenant": typed("tenant", "tenant-1"),
            "bbws.form.into": {"into": {"type": "static_select", "selected_option": {"value": "clone"}}},
            "bbws.form.ticket": typed("ticket", "INC-1"),
            "bbws.form.why": typed("why", "they said \"gone\" --into live"),
            "bbws.form.at": {"at": {"type": "plain_text_input", "value": null}},
        }));
        let said = "backup restore prod rds --snapshot-id s1 --tenant \"tenant-1\" --into \"clone\" --ticket \"INC-1\" --reason \"they said \\\"gone\\\" --into live\"";
        assert_eq!(command(&point), Some(("C0OPS".to_owned(), said.to_owned())));
        let moment = view(json!({
            "bbws.form.point": chosen("pitr --target-time latest --database db"),
            "bbws.form.at": typed("at", "2026-11-21T09:30:00Z"),
        }));
        let said = "backup restore prod pitr --target-time \"2026-11-21T09:30:00Z\" --database db";
        assert_eq!(command(&moment), Some(("C0OPS".to_owned(), said.to_owned())));
        for nothing in [view(json!([])), view(json!({})), json!({"private_metadata": "x"}), json!({})] {
            assert_eq!((command(&nothing), confirmed(&nothing)), (None, None));
            assert_eq!((reasoned(&nothing), completed(&nothing)), (None, None));
        }
    }

    #[test]
    fn what_a_command_lacked_becomes_its_options() {
        let typed = |name: &str, value: &str| json!({name: {"type": "plain_text_input", "value": value}});
        let sent = json!({
            "callback_id": COMMAND,
            "private_metadata": r#"{"command":"dr declare prod","channel":"C0PROD"}"#,
            "state": {"values": {
                "bbws.form.ticket": typed("ticket", "INC-1"),
                "bbws.form.kind": {"kind": {"type": "static_select", "selected_option": {"value": "region"}}},
                "bbws.form.reason": typed("reason", "it is --into live \"dark\""),
                "bbws.form.x y": typed("x y", "no option"),
            }},
        });
        let (channel, what) = completed(&sent).expect("a command");
        let said = what.said().expect("it says one").to_owned();
        assert_eq!(channel, "C0PROD");
        assert!(!said.contains("no option"), "{said}");
        let meant = crate::domain::language::parse(&said, &["prod"]).expect("it is one");
        let typed = "dr declare prod --ticket INC-1 --kind region \"it is --into live \\\"dark\\\"\"";
        assert_eq!(meant, crate::domain::language::parse(typed, &["prod"]).expect("as if typed"));
    }

    #[test]
    fn a_reason_that_was_asked_for_ends_the_command() {
        let sent = json!({
            "callback_id": REASON,
            "private_metadata": r#"{"command":"dr decide in-1 --choice proceed","channel":"C0PROD"}"#,
            "state": {"values": {"bbws.form.why": {"why": {"type": "plain_text_input", "value": "dark \"for\" an hour --choice never"}}}},
        });
        let (channel, what) = reasoned(&sent).expect("a command");
        let said = r#"dr decide in-1 --choice proceed --reason "dark \"for\" an hour --choice never""#;
        assert_eq!((channel.as_str(), what.said()), ("C0PROD", Some(said)));
    }

    #[test]
    fn a_word_that_was_asked_for_is_the_button_with_the_word() {
        let sent = json!({
            "callback_id": CONFIRM,
            "private_metadata": r#"{"operation":"rs-7","channel":"C0PROD","block_id":"b:1","message_ts":"1700000000.000100"}"#,
            "state": {"values": {"bbws.form.name": {"name": {"type": "plain_text_input", "value": " prod "}}}},
        });
        let pressed = Inbound::Click {
            action: "bbws.approve".to_owned(),
            value: "rs-7".to_owned(),
            block_id: Some("b:1".to_owned()),
            message_ts: Some("1700000000.000100".to_owned()),
            reason: Some("prod".to_owned()),
        };
        assert_eq!(confirmed(&sent), Some(("C0PROD".to_owned(), pressed)));
    }
}
