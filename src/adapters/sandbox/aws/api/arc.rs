//! Routing controls of ARC: one state, whichever endpoint of the cluster is asked.

use serde_json::{Value, json};

use super::{super::judge::Made, Context, Outcome, Refusal, Request};

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "GetRoutingControlState" => state(cx, request),
        "UpdateRoutingControlStates" => update(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn missing(arn: &str) -> Refusal {
    let fields = json!({"resourceId": arn, "resourceType": "RoutingControl"});
    let why = format!("Routing control {arn} is not found.");
    Refusal { fields: Some(Box::new(fields)), ..Refusal::with_status(404, "ResourceNotFoundException", why) }
}

fn state(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let arn = request.need("RoutingControlArn")?;
    let on = cx.world.controls.get(arn).copied().ok_or_else(|| missing(arn))?;
    Ok(json!({"RoutingControlArn": arn, "RoutingControlState": if on { "On" } else { "Off" }}))
}

fn update(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let entries = request.list("UpdateRoutingControlStateEntries");
    let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let wanted: Vec<(String, bool)> = entries
        .iter()
        .map(|entry| (text(entry, "RoutingControlArn"), text(entry, "RoutingControlState") == "On"))
        .collect();
    if wanted.is_empty() {
        return Err(request.invalid("UpdateRoutingControlStateEntries must have elements."));
    }
    if let Some((arn, _)) = wanted.iter().find(|(arn, _)| !cx.world.controls.contains_key(arn)) {
        return Err(missing(arn));
    }
    let mut after = cx.world.controls.clone();
    after.extend(wanted.iter().cloned());
    // As the safety rule says that every control panel should have: traffic goes somewhere at any time.
    if wanted.iter().all(|(arn, _)| !after[arn]) {
        let why = "The request would break the safety rule that at least one of them is On.";
        return Err(Refusal::with_status(409, "ConflictException", why));
    }
    if after != cx.world.controls {
        let change = cx.world.next_id("routing controls");
        cx.world.controls = after;
        cx.changed(request, "routing controls", Made::Turned { change });
    }
    Ok(json!({}))
}
