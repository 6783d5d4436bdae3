//! Legal holds: what is under one is deleted by nobody.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::{
        super::{
            judge::Made,
            time::{Timeline, between},
            world::backup::Hold,
        },
        Context, Outcome, Refusal, Request,
    },
    fresh_id, gone, made_before, not_found, page_of, remember, vault_of,
};
use crate::domain::moment::Moment;

/// `CreateLegalHold`.
pub(super) fn create(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (title, description) = (request.need("Title")?, request.need("Description")?);
    if let Some(id) = made_before(cx, request)? {
        return Ok(get_one(cx, request, &id));
    }
    let selection = Some(request.input["RecoveryPointSelection"].clone()).filter(|selection| !selection.is_null());
    for vault in selection.iter().flat_map(|s| s["VaultNames"].as_array()).flatten().filter_map(Value::as_str) {
        vault_of(cx, request, vault)?;
    }
    let id = fresh_id(cx, request, "hold");
    let (now, fate) = (cx.now, cx.fate(request));
    let hold = Hold {
        title: title.to_owned(),
        description: description.to_owned(),
        selection,
        tags: request.tags("Tags"),
        course: Timeline::new(now, now, fate.stretch(between(cx.world.seed, &id, 10, 45)), None),
        canceling: None,
    };
    cx.place(request).backup.holds.insert(id.clone(), hold);
    cx.changed(request, format!("legal hold {title}: {description}"), Made::Hold { id: id.clone() });
    remember(cx, request, &id);
    Ok(get_one(cx, request, &id))
}

fn get_one(cx: &mut Context<'_>, request: &Request, id: &str) -> Value {
    let now = cx.now;
    let here = &mut cx.place(request).backup;
    here.holds.get(id).map_or(Value::Null, |hold| {
        let mut shown = shown(request, id, hold, now);
        shown["RecoveryPointSelection"] = hold.selection.clone().unwrap_or_else(|| json!({}));
        if let Some((_, why)) = &hold.canceling {
            shown["CancelDescription"] = why.as_str().into();
        }
        shown
    })
}

fn shown(request: &Request, id: &str, hold: &Hold, now: Moment) -> Value {
    json!({
        "Title": hold.title,
        "Status": hold.status(now),
        "Description": hold.description,
        "LegalHoldId": id,
        "LegalHoldArn": format!("arn:aws:backup:{}:{}:legal-hold:{id}", request.region, request.account()),
        "CreationDate": request.time(hold.course.created),
        "CancellationDate": hold.canceling.as_ref().filter(|(c, _)| c.ends <= now).map(|(c, _)| request.time(c.ends)),
    })
}

/// `GetLegalHold`.
pub(super) fn get(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("legalHoldId")?;
    if !cx.place(request).backup.holds.contains_key(id) {
        return Err(not_found(&format!("Legal hold {id}")));
    }
    Ok(get_one(cx, request, id))
}

/// `ListLegalHolds`.
pub(super) fn list(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let now = cx.now;
    let show = |id: &str, hold: &Hold| shown(request, id, hold, now);
    page_of(request, "LegalHolds", &cx.place(request).backup.holds, |_, _| true, show)
}

/// `ListRecoveryPointsByLegalHold`: what an active hold has met, which may be nothing.
pub(super) fn points(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("legalHoldId")?, cx.now);
    let here = &mut cx.place(request).backup;
    let Some(hold) = here.holds.get(id) else {
        return Err(request.invalid(format!("Legal hold {id} does not exist.")));
    };
    let active = hold.status(now) == "ACTIVE";
    let mut held = BTreeMap::new();
    for (name, vault) in here.vaults.iter().filter(|_| active) {
        let there = vault.points.iter().filter(|(_, point)| here.status_of(name, point, now).is_some());
        held.extend(
            there.filter(|(_, point)| hold.meets(name, point)).map(|(arn, point)| (arn.clone(), (name, point))),
        );
    }
    page_of(
        request,
        "RecoveryPoints",
        &held,
        |_, _| true,
        |arn, (vault, point)| {
            json!({
                "RecoveryPointArn": arn,
                "ResourceArn": point.resource_arn,
                "ResourceType": point.resource_type,
                "BackupVaultName": vault,
            })
        },
    )
}

/// `CancelLegalHold`.
pub(super) fn cancel(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, why, now) = (request.need("legalHoldId")?, request.need("cancelDescription")?, cx.now);
    let fate = cx.fate(request);
    let lasts = fate.stretch(between(cx.world.seed, &format!("release/{id}"), 10, 45));
    let hold = cx.place(request).backup.holds.get_mut(id).ok_or_else(|| not_found(&format!("Legal hold {id}")))?;
    match hold.status(now) {
        "ACTIVE" => hold.canceling = Some((Timeline::new(now, now, lasts, None), why.to_owned())),
        status => {
            let why = format!("Legal hold {id} is {status}.");
            return Err(Refusal::new("InvalidResourceStateException", why));
        }
    }
    gone(cx, request, &format!("legal hold {id}"));
    Ok(json!({}))
}
