//! Backup plans and their selections. AWS makes a version with every update, however little it changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::{
        super::{
            judge::Made,
            world::backup::{BackupPlan, Selection},
        },
        Context, Outcome, Refusal, Request,
    },
    assumed, fresh_id, gone, id_for, name_of_vault, not_found, page_of, region_of, vault_in,
};

/// `CreateBackupPlan`. The same request of the same creator gives the same plan; a name may be given twice.
pub(super) fn create(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let body = plan_body(cx, request)?;
    let creator_request = creator_request(request)?;
    let twin = |plan: &BackupPlan| {
        plan.deleted.is_none() && plan.creator_request.is_some() && plan.creator_request == creator_request
    };
    if let Some((id, _)) = cx.place(request).backup.plans.iter().find(|(_, plan)| twin(plan)) {
        let id = id.clone();
        return Ok(answered(cx, request, &id));
    }
    let now = cx.now;
    let (id, version) = (fresh_id(cx, request, "plan"), fresh_id(cx, request, "version"));
    let plan = BackupPlan {
        versions: vec![(version, body)],
        created: now,
        deleted: None,
        creator_request,
        tags: request.tags("BackupPlanTags"),
        selections: BTreeMap::new(),
    };
    let (name, version) = (plan.name().to_owned(), version_of(&plan));
    cx.place(request).backup.plans.insert(id.clone(), plan);
    cx.changed(request, format!("backup plan {name}"), Made::Plan { id: id.clone(), version });
    Ok(answered(cx, request, &id))
}

/// `UpdateBackupPlan`.
pub(super) fn update(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("backupPlanId")?;
    let body = plan_body(cx, request)?;
    living_plan(cx, request, id)?;
    let version = cx.world.next_id("version");
    let plan = living_plan(cx, request, id)?;
    plan.versions.push((version.clone(), body));
    let name = plan.name().to_owned();
    cx.changed(request, format!("backup plan {name}"), Made::Plan { id: id.to_owned(), version });
    Ok(answered(cx, request, id))
}

/// Who asks, where the request says so: the same request again gives what the first one made.
fn creator_request(request: &Request) -> Result<Option<String>, Refusal> {
    let Some(id) = request.text("CreatorRequestId") else { return Ok(None) };
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if id.len() > 50 || !id.chars().all(fits) {
        return Err(request.invalid("CreatorRequestId has 1 to 50 letters, digits and '-_.' characters."));
    }
    Ok(Some(id.to_owned()))
}

fn version_of(plan: &BackupPlan) -> String {
    plan.versions.last().map(|(version, _)| version.clone()).unwrap_or_default()
}

fn answered(cx: &mut Context<'_>, request: &Request, id: &str) -> Value {
    let arn = arn(request, id);
    let plan = cx.place(request).backup.plans.get(id);
    json!({
        "BackupPlanId": id,
        "BackupPlanArn": arn,
        "CreationDate": plan.map(|plan| request.time(plan.created)),
        "VersionId": plan.and_then(|plan| plan.versions.last()).map(|(version, _)| version),
    })
}

/// `GetBackupPlan`, of deleted ones too.
pub(super) fn get(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("backupPlanId")?;
    let arn = arn(request, id);
    let plan = cx.place(request).backup.plans.get(id).ok_or_else(|| not_found("Backup plan"))?;
    let wanted = request.text("versionId");
    let version = match wanted {
        Some(wanted) => plan.versions.iter().find(|(version, _)| version == wanted),
        None => plan.versions.last(),
    };
    let (version, body) = version.ok_or_else(|| not_found("Backup plan version"))?;
    Ok(json!({
        "BackupPlan": body,
        "BackupPlanId": id,
        "BackupPlanArn": arn,
        "VersionId": version,
        "CreatorRequestId": plan.creator_request,
        "CreationDate": request.time(plan.created),
        "DeletionDate": plan.deleted.map(|at| request.time(at)),
    }))
}

/// `ListBackupPlans`.
pub(super) fn list(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let deleted = request.flag("includeDeleted");
    page_of(
        request,
        "BackupPlansList",
        &cx.place(request).backup.plans,
        |_, plan| deleted || plan.deleted.is_none(),
        |id, plan| {
            json!({
                "BackupPlanArn": arn(request, id),
                "BackupPlanId": id,
                "CreationDate": request.time(plan.created),
                "DeletionDate": plan.deleted.map(|at| request.time(at)),
                "VersionId": plan.versions.last().map(|(version, _)| version),
                "BackupPlanName": plan.name(),
                "CreatorRequestId": plan.creator_request,
            })
        },
    )
}

/// `DeleteBackupPlan`: first its selections have to go.
pub(super) fn delete(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("backupPlanId")?, cx.now);
    let arn = arn(request, id);
    let plan = living_plan(cx, request, id)?;
    if !plan.selections.is_empty() {
        let why = "Related backup plan selections must be deleted prior to backup plan deletion.";
        return Err(Refusal::new("InvalidRequestException", why));
    }
    plan.deleted = Some(now);
    let version = plan.versions.last().map(|(version, _)| version.clone());
    Ok(json!({ "BackupPlanId": id, "BackupPlanArn": arn, "DeletionDate": request.time(now), "VersionId": version }))
}

/// `CreateBackupSelection`. A plan has no two selections of one name.
pub(super) fn select(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("backupPlanId")?.to_owned(), cx.now);
    let body = request.input["BackupSelection"].clone();
    let part = |name: &str| body[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let name = part("SelectionName").ok_or_else(|| request.invalid("The parameter SelectionName must be given."))?;
    let role = part("IamRoleArn").ok_or_else(|| request.invalid("The parameter IamRoleArn must be given."))?;
    assumed(request, &role)?;
    let selection = fresh_id(cx, request, &format!("selection/{id}/{name}"));
    let creator_request = creator_request(request)?;
    let plan = living_plan(cx, request, &id)?;
    let twin =
        |there: &Selection| creator_request.is_some() && there.creator_request == creator_request && there.body == body;
    if let Some((there, found)) = plan.selections.iter().find(|(_, there)| twin(there)) {
        return Ok(json!({ "SelectionId": there, "BackupPlanId": id, "CreationDate": request.time(found.created) }));
    }
    if plan.selections.values().any(|there| there.body["SelectionName"] == name) {
        return Err(Refusal::new("AlreadyExistsException", "Backup selection with the same name already exists."));
    }
    plan.selections.insert(selection.clone(), Selection { body, created: now, creator_request });
    let made = Made::Selection { plan: id.clone(), id: selection.clone() };
    cx.changed(request, format!("selection {name} of backup plan {id}"), made);
    Ok(json!({ "SelectionId": selection, "BackupPlanId": id, "CreationDate": request.time(now) }))
}

/// `GetBackupSelection`.
pub(super) fn selection(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, selection) = (request.need("backupPlanId")?, request.need("selectionId")?);
    let plan = cx.place(request).backup.plans.get(id).ok_or_else(|| not_found("Backup plan"))?;
    let found = plan.selections.get(selection).ok_or_else(|| not_found("Backup selection"))?;
    Ok(json!({
        "BackupSelection": found.body,
        "SelectionId": selection,
        "BackupPlanId": id,
        "CreationDate": request.time(found.created),
        "CreatorRequestId": found.creator_request,
    }))
}

/// `ListBackupSelections`.
pub(super) fn selections(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("backupPlanId")?;
    let plan = cx.place(request).backup.plans.get(id).ok_or_else(|| not_found("Backup plan"))?;
    page_of(
        request,
        "BackupSelectionsList",
        &plan.selections,
        |_, _| true,
        |selection, found| {
            json!({
                "SelectionId": selection,
                "SelectionName": found.body["SelectionName"],
                "BackupPlanId": id,
                "CreationDate": request.time(found.created),
                "CreatorRequestId": found.creator_request,
                "IamRoleArn": found.body["IamRoleArn"],
            })
        },
    )
}

/// `DeleteBackupSelection`.
pub(super) fn unselect(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, selection) = (request.need("backupPlanId")?, request.need("selectionId")?);
    living_plan(cx, request, id)?.selections.remove(selection).ok_or_else(|| not_found("Backup selection"))?;
    gone(cx, request, &format!("selection {selection}"));
    Ok(json!({}))
}

fn arn(request: &Request, id: &str) -> String {
    format!("arn:aws:backup:{}:{}:backup-plan:{id}", request.region, request.account())
}

fn living_plan<'c>(cx: &'c mut Context<'_>, request: &Request, id: &str) -> Result<&'c mut BackupPlan, Refusal> {
    cx.place(request)
        .backup
        .plans
        .get_mut(id)
        .filter(|plan| plan.deleted.is_none())
        .ok_or_else(|| not_found("Backup plan"))
}

/// What a plan is to say, with ids of its rules and the windows that AWS takes where none are given.
fn plan_body(cx: &mut Context<'_>, request: &Request) -> Result<Value, Refusal> {
    let mut body = request.input["BackupPlan"].clone();
    if body["BackupPlanName"].as_str().is_none_or(str::is_empty) {
        return Err(request.invalid("The parameter BackupPlanName must be given."));
    }
    let name = body["BackupPlanName"].as_str().unwrap_or_default().to_owned();
    let Some(rules) = body["Rules"].as_array_mut() else {
        return Err(request.invalid("The parameter Rules must be given."));
    };
    for rule in rules {
        let rule_name = rule["RuleName"]
            .as_str()
            .ok_or_else(|| request.invalid("The parameter RuleName must be given."))?
            .to_owned();
        let vault = rule["TargetBackupVaultName"]
            .as_str()
            .ok_or_else(|| request.invalid("The parameter TargetBackupVaultName must be given."))?;
        if !cx.place(request).backup.vaults.contains_key(vault) {
            return Err(request.invalid(format!("Backup vault {vault} does not exist.")));
        }
        rule["RuleId"] = id_for(cx, &format!("rule/{name}/{rule_name}")).into();
        for (window, minutes) in [("StartWindowMinutes", 480), ("CompletionWindowMinutes", 10_080)] {
            if rule[window].is_null() {
                rule[window] = minutes.into();
            }
        }
        if rule["ScheduleExpressionTimezone"].is_null() {
            rule["ScheduleExpressionTimezone"] = "Etc/UTC".into();
        }
        if rule["EnableContinuousBackup"].is_null() {
            rule["EnableContinuousBackup"] = false.into();
        }
        for copy in rule["CopyActions"].as_array().into_iter().flatten() {
            let to = copy["DestinationBackupVaultArn"].as_str().unwrap_or_default();
            vault_in(cx, request, &region_of(to), &name_of_vault(to))?;
        }
    }
    Ok(body)
}
