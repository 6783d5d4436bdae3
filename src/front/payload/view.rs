//! Views: App Home and modals. What stands in the inputs of a view or of a message is the same kind of thing.

use serde_json::Value;

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
