//! AWS Backup plans: what they say, and how they come to say what is wanted.
//!
//! `UpdateBackupPlan` has no token and makes a version each time, so everything is compared before it is written.

use std::collections::BTreeSet;

use aws_sdk_backup::types::{
    BackupPlan, BackupPlanInput, BackupRule, BackupRuleInput, BackupSelection, CopyAction, Lifecycle,
};
use aws_smithy_types::error::operation::BuildError;
use sha2::{Digest as _, Sha256};

use super::{
    super::{background::Outcome, backup, error::Attempt, session::Session, side_by_side, tags},
    At, Change,
};
use crate::{
    domain::{
        lag::AwsPlan,
        step::{Extra, Outputs, PlanRule, PlanSpec, PutPlan},
        text::count,
        world::PlanFound,
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Names of the zone in which this product writes schedules; the first is the one it writes.
const UTC: [&str; 2] = ["Etc/UTC", "UTC"];
/// The output with the plan's id.
const PLAN: &str = "plan";

/// A plan as found, with its selections by id.
struct Live {
    found: PlanFound,
    /// Word for word: what is not to change is written back as it is here.
    plan: BackupPlan,
    selections: Vec<(String, BackupSelection)>,
}

/// The plan of this name, if there is one.
///
/// # Errors
/// See [`CloudError`]; `Permanent` when there are several.
pub async fn find(session: &Session, name: &str) -> Result<Option<PlanFound>, CloudError> {
    Ok(live(session, name).await?.map(|live| live.found))
}

/// Plans read of one account; who has more keeps them in order otherwise.
const MOST: usize = 50;

/// Every plan of the region, whoever made it, by name.
///
/// # Errors
/// See [`CloudError`]; `Permanent` when there are more than can be read.
pub async fn all(session: &Session) -> Result<Vec<AwsPlan>, CloudError> {
    let attempt = session.reads("backup:ListBackupPlans", "backup plans".to_owned());
    let listed = listed(session, &attempt).await?;
    if listed.len() > MOST {
        let why = format!("there are {} plans, and no more than {MOST} are read", listed.len());
        return Err(attempt.never(&why, "Look at them in AWS Backup."));
    }
    let read = side_by_side(listed.iter().map(|(name, id)| read(session, name, id)).collect()).await;
    let mut plans = Vec::new();
    for ((name, _), live) in listed.iter().zip(read) {
        plans.extend(live?.map(|live| AwsPlan { name: name.clone(), spec: live.found.spec }));
    }
    plans.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(plans)
}

impl Change for PutPlan {
    /// Looks whether the plan says already what it is to say. It is known by that, whoever wrote it: one of an earlier life
    /// of the ledger that says the same is what was asked for, and one that says something else is not taken for done.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        Ok(match live(&at.session, &self.name).await? {
            Some(live) if difference(&live.found.spec, &self.spec).is_none() => {
                Probe::Present(made(&live.found.id, true))
            }
            _ => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        put(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        read_back(&at.session, at.call, self).await
    }
}

/// Makes the plan say what is wanted; writes nothing where it does. What is protected stays so throughout: a new selection
/// is made before an old one goes.
async fn put(session: &Session, call: &Call, what: &PutPlan) -> Result<Started, CloudError> {
    let PutPlan { name, spec: wanted, .. } = what;
    let live = match live(session, name).await? {
        Some(live) => live,
        None => match create(session, call, name, wanted).await? {
            Some(id) => {
                select(session, call, &id, wanted, &[]).await?;
                return Ok(made(&id, false));
            }
            None => self::live(session, name).await?.ok_or_else(|| {
                let attempt = session.changes("backup:CreateBackupPlan", format!("plan {name}"));
                attempt.later("AWS Backup says that it exists, but does not show it yet", None)
            })?,
        },
    };
    if difference(&live.found.spec, wanted).is_none() {
        return Ok(made(&live.found.id, true));
    }
    if by_name(&live.found.spec.rules) != by_name(&wanted.rules) || live.found.spec.vault != wanted.vault {
        let attempt = session.changes("backup:UpdateBackupPlan", format!("plan {name}"));
        let plan = input(session, name, wanted, Some(&live))?;
        let request = session.backup().update_backup_plan().backup_plan_id(&live.found.id).backup_plan(plan);
        request.send().await.map_err(|e| attempt.failed(e))?;
    }
    if live.found.spec.resources != sorted(&wanted.resources) || live.found.spec.role != wanted.role {
        select(session, call, &live.found.id, wanted, &live.selections).await?;
    }
    Ok(made(&live.found.id, false))
}

/// Reads the plan back and compares it with what was to be.
async fn read_back(session: &Session, call: &Call, what: &PutPlan) -> Outcome {
    let PutPlan { name, spec: wanted, .. } = what;
    let live = match &call.external_id {
        Some(id) => read(session, name, id).await?,
        None => live(session, name).await?,
    };
    let Some(live) = live else {
        return Ok(Progress::Failed {
            reason: format!("Backup plan {name} in {} is gone. Retry the step to make it again.", session.region),
        });
    };
    Ok(match difference(&live.found.spec, wanted) {
        Some(what) => Progress::Failed {
            reason: format!(
                "Backup plan {name} in {} does not say what was written: {what} differ. Look who else changes it, then retry.",
                session.region
            ),
        },
        None => Progress::Done {
            outputs: made(&live.found.id, true).outputs,
            detail: format!("{}, {}", count(wanted.rules.len(), "rule"), count(wanted.resources.len(), "resource")),
        },
    })
}

fn made(id: &str, finished: bool) -> Started {
    let outputs = Outputs::from([(PLAN.to_owned(), id.to_owned())]);
    Started { external_id: Some(id.to_owned()), outputs, finished }
}

/// What of a plan is not as wanted.
fn difference(found: &PlanSpec, wanted: &PlanSpec) -> Option<String> {
    let parts = [
        (found.vault != wanted.vault, "its vault"),
        (by_name(&found.rules) != by_name(&wanted.rules), "its rules"),
        (found.resources != sorted(&wanted.resources), "the resources it protects"),
        // A plan that protects nothing has no role.
        (found.role != wanted.role && !wanted.resources.is_empty(), "its role"),
    ];
    let differ: Vec<&str> = parts.into_iter().filter(|(differs, _)| *differs).map(|(_, what)| what).collect();
    (!differ.is_empty()).then(|| differ.join(", "))
}

/// Rules, whatever their order.
fn by_name(rules: &[PlanRule]) -> Vec<&PlanRule> {
    let mut rules: Vec<&PlanRule> = rules.iter().collect();
    rules.sort_by(|a, b| a.name.cmp(&b.name));
    rules
}

fn sorted(resources: &[String]) -> Vec<String> {
    let unique: BTreeSet<&String> = resources.iter().collect();
    unique.into_iter().cloned().collect()
}

async fn live(session: &Session, name: &str) -> Result<Option<Live>, CloudError> {
    let attempt = session.reads("backup:ListBackupPlans", format!("backup plan {name}"));
    let mut plans = listed(session, &attempt).await?;
    plans.retain(|(called, _)| called == name);
    match plans.as_slice() {
        [] => Ok(None),
        [(_, id)] => read(session, name, id).await,
        several => Err(attempt.never(
            &format!("there are {} plans of that name", several.len()),
            "Delete all but one in AWS Backup, then retry.",
        )),
    }
}

/// Name and id of every plan.
async fn listed(session: &Session, attempt: &Attempt<'_>) -> Result<Vec<(String, String)>, CloudError> {
    let mut pages = session.backup().list_backup_plans().max_results(1000).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let plans = page.map_err(|e| attempt.failed(e))?.backup_plans_list.unwrap_or_default();
        found.extend(plans.into_iter().filter_map(|plan| Some((plan.backup_plan_name?, plan.backup_plan_id?))));
    }
    Ok(found)
}

async fn read(session: &Session, name: &str, id: &str) -> Result<Option<Live>, CloudError> {
    let attempt = session.reads("backup:GetBackupPlan", format!("backup plan {name}"));
    let answer = match session.backup().get_backup_plan().backup_plan_id(id).send().await {
        Ok(answer) => answer,
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => return Ok(None),
        Err(error) => return Err(attempt.failed(error)),
    };
    let Some(plan) = answer.backup_plan.filter(|_| answer.deletion_date.is_none()) else { return Ok(None) };
    let selections = selections(session, name, id).await?;
    let spec = spec(&plan, &selections);
    let version = answer.version_id.unwrap_or_default();
    Ok(Some(Live { found: PlanFound { id: id.to_owned(), version, spec }, plan, selections }))
}

async fn selections(session: &Session, name: &str, id: &str) -> Result<Vec<(String, BackupSelection)>, CloudError> {
    let attempt = session.reads("backup:ListBackupSelections", format!("selections of backup plan {name}"));
    let request = session.backup().list_backup_selections().backup_plan_id(id).max_results(1000);
    let mut pages = request.into_paginator().send();
    let mut ids = Vec::new();
    while let Some(page) = pages.next().await {
        let listed = page.map_err(|e| attempt.failed(e))?.backup_selections_list.unwrap_or_default();
        ids.extend(listed.into_iter().filter_map(|selection| selection.selection_id));
    }
    let found =
        side_by_side(ids.into_iter().map(|selection| selection_of(session, name, id, selection)).collect()).await;
    Ok(found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

async fn selection_of(
    session: &Session,
    name: &str,
    plan: &str,
    id: String,
) -> Result<Option<(String, BackupSelection)>, CloudError> {
    let attempt = session.reads("backup:GetBackupSelection", format!("selection {id} of backup plan {name}"));
    match session.backup().get_backup_selection().backup_plan_id(plan).selection_id(&id).send().await {
        Ok(answer) => Ok(answer.backup_selection.map(|selection| (id, selection))),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// What a plan says. What this product does not write is an extra of its rule, or stands in words among the resources, so that
/// it equals what is wanted only where it is wanted to stay.
fn spec(plan: &BackupPlan, selections: &[(String, BackupSelection)]) -> PlanSpec {
    let vaults: BTreeSet<String> = plan.rules.iter().map(|r| r.target_backup_vault_name.clone()).collect();
    // In AWS's order, which is that in which they were written.
    let rules: Vec<PlanRule> = plan.rules.iter().map(rule).collect();
    let mut resources = BTreeSet::new();
    for (_, selection) in selections {
        resources.extend(selection.resources().iter().cloned());
        if conditional(selection) {
            resources.insert(conditions_of(selection));
        }
    }
    let roles: BTreeSet<&str> = selections.iter().map(|(_, s)| s.iam_role_arn.as_str()).collect();
    PlanSpec {
        vault: vaults.into_iter().collect::<Vec<_>>().join(", "),
        rules,
        resources: resources.into_iter().collect(),
        role: roles.into_iter().collect::<Vec<_>>().join(", "),
    }
}

/// How a selection by conditions is named among the resources.
fn conditions_of(selection: &BackupSelection) -> String {
    format!("what the conditions of selection {} match", selection.selection_name)
}

fn rule(found: &BackupRule) -> PlanRule {
    let to: BTreeSet<&str> = found.copy_actions().iter().map(CopyAction::destination_backup_vault_arn).collect();
    PlanRule {
        name: found.rule_name.clone(),
        schedule: found.schedule_expression.clone().unwrap_or_default(),
        delete_after_days: days(found.lifecycle.as_ref()).and_then(|days| u32::try_from(days).ok()).unwrap_or(0),
        copy_to: (!to.is_empty()).then(|| to.into_iter().collect::<Vec<_>>().join(", ")),
        extras: extras(found),
    }
}

fn days(lifecycle: Option<&Lifecycle>) -> Option<i64> {
    lifecycle.and_then(|l| l.delete_after_days)
}

/// What a rule says that is not written here.
fn extras(found: &BackupRule) -> Vec<Extra> {
    let mut extras = Vec::new();
    let mut other = |there: bool, what: &str| there.then(|| extras.push(Extra::Other(what.to_owned())));
    other(!found.recovery_point_tags().is_none_or(|tags| tags.is_empty()), "tags on its recovery points");
    other(!found.index_actions().is_empty(), "index actions");
    other(!found.scan_actions().is_empty(), "scan actions");
    other(found.target_logically_air_gapped_backup_vault_arn.is_some(), "an air-gapped vault");
    let all = found.copy_actions().iter().map(CopyAction::lifecycle).chain([found.lifecycle()]);
    let archived =
        |l: &Lifecycle| l.opt_in_to_archive_for_supported_resources == Some(true) || l.delete_after_event.is_some();
    other(all.flatten().any(archived), "archiving, or an end by events");
    other(
        found.copy_actions().iter().filter_map(CopyAction::lifecycle).any(|l| cold(l).is_some()),
        "copies in cold storage",
    );
    extras.extend(found.schedule_expression_timezone().filter(|z| !UTC.contains(z)).map(|z| Extra::Zone(z.to_owned())));
    if found.enable_continuous_backup == Some(true) {
        extras.push(Extra::Continuous);
    }
    extras.extend(found.lifecycle().and_then(cold).map(Extra::Cold));
    let windows = (found.start_window_minutes, found.completion_window_minutes);
    if windows != (Some(backup::START_WINDOW_MINUTES), Some(backup::COMPLETE_WINDOW_MINUTES)) {
        // What AWS takes where nothing is said: 8 hours, and 7 days.
        extras.push(Extra::Windows(windows.0.unwrap_or(480), windows.1.unwrap_or(10_080)));
    }
    let kept = days(found.lifecycle());
    let apart = found.copy_actions().iter().filter(|copy| days(copy.lifecycle()) != kept);
    extras.extend(apart.map(|copy| Extra::Copy(copy.destination_backup_vault_arn.clone(), days(copy.lifecycle()))));
    extras
}

fn cold(lifecycle: &Lifecycle) -> Option<i64> {
    lifecycle.move_to_cold_storage_after_days
}

/// The plan as AWS Backup takes it. What is wanted as it is found is written back word for word.
fn input(session: &Session, name: &str, wanted: &PlanSpec, live: Option<&Live>) -> Result<BackupPlanInput, CloudError> {
    let attempt = session.changes("backup:CreateBackupPlan", format!("plan {name}"));
    let wrong = |e: BuildError| attempt.never(&format!("it cannot be written ({e})"), "Report this.");
    let mut plan = BackupPlanInput::builder().backup_plan_name(name).set_rules(Some(Vec::new()));
    if let Some(live) = live {
        plan = plan
            .set_advanced_backup_settings(live.plan.advanced_backup_settings.clone())
            .set_scan_settings(live.plan.scan_settings.clone());
    }
    for rule in &wanted.rules {
        let there = live.and_then(|live| live.plan.rules.iter().find(|there| there.rule_name == rule.name));
        let written = match there {
            Some(there) if leads_to(&extras(there), &rule.extras) => {
                let elsewhere = live.filter(|live| live.found.spec.vault != wanted.vault).map(|_| &wanted.vault);
                changed(there, rule, elsewhere)
            }
            _ if of_others(&rule.extras).is_empty() => fresh(rule, &wanted.vault),
            _ => {
                let why = format!("rule {} is not what it was when this was planned", rule.name);
                return Err(attempt.never(&why, "Look who else changes the plan, then ask anew."));
            }
        };
        plan = plan.rules(written.map_err(wrong)?);
    }
    plan.build().map_err(wrong)
}

/// What only others make a rule say.
fn of_others(extras: &[Extra]) -> Vec<&Extra> {
    extras.iter().filter(|extra| !matches!(extra, Extra::Continuous | Extra::Cold(_))).collect()
}

/// Whether a rule that says the one becomes one that says the other by what is written here: nothing that it says besides is taken from it.
fn leads_to(there: &[Extra], wanted: &[Extra]) -> bool {
    let cold = |extras: &[Extra]| extras.iter().any(|extra| matches!(extra, Extra::Cold(_)));
    of_others(there) == of_others(wanted)
        && (wanted.contains(&Extra::Continuous) || !there.contains(&Extra::Continuous))
        && (cold(wanted) || !cold(there))
}

/// After how many days a rule moves its recovery points into cold storage.
fn colder(rule: &PlanRule) -> Option<i64> {
    rule.extras.iter().find_map(|extra| match extra {
        Extra::Cold(days) => Some(*days),
        _ => None,
    })
}

fn in_cold(mut kept: Lifecycle, rule: &PlanRule) -> Lifecycle {
    kept.move_to_cold_storage_after_days = colder(rule).or(kept.move_to_cold_storage_after_days);
    kept
}

/// A rule that says nothing but what is written here.
fn fresh(rule: &PlanRule, vault: &str) -> Result<BackupRuleInput, BuildError> {
    let kept = backup::delete_after(rule.delete_after_days);
    let mut written = BackupRuleInput::builder()
        .rule_name(&rule.name)
        .target_backup_vault_name(vault)
        .schedule_expression(&rule.schedule)
        .schedule_expression_timezone(UTC[0])
        .start_window_minutes(backup::START_WINDOW_MINUTES)
        .completion_window_minutes(backup::COMPLETE_WINDOW_MINUTES)
        .lifecycle(in_cold(kept.clone(), rule));
    if rule.extras.contains(&Extra::Continuous) {
        written = written.enable_continuous_backup(true);
    }
    if let Some(arn) = &rule.copy_to {
        written =
            written.copy_actions(CopyAction::builder().destination_backup_vault_arn(arn).lifecycle(kept).build()?);
    }
    written.build()
}

/// A rule that is there, with nothing changed but what is wanted otherwise: when, how long, and with it the copies that were
/// kept as long.
fn changed(there: &BackupRule, rule: &PlanRule, vault: Option<&String>) -> Result<BackupRuleInput, BuildError> {
    let (was, is) = (days(there.lifecycle()), Some(i64::from(rule.delete_after_days)).filter(|days| *days > 0));
    let kept = |lifecycle: Option<&Lifecycle>| match (days(lifecycle) == was, lifecycle.cloned(), is) {
        (false, found, _) | (true, found, None) => found,
        (true, found, Some(days)) => {
            let mut kept = found.unwrap_or_else(|| backup::delete_after(0));
            kept.delete_after_days = Some(days);
            Some(kept)
        }
    };
    let mut copies = Vec::new();
    for copy in there.copy_actions() {
        let same = CopyAction::builder().destination_backup_vault_arn(&copy.destination_backup_vault_arn);
        copies.push(same.set_lifecycle(kept(copy.lifecycle())).build()?);
    }
    if self::rule(there).copy_to != rule.copy_to {
        let to = rule.copy_to.iter().map(|arn| {
            CopyAction::builder().destination_backup_vault_arn(arn).set_lifecycle(kept(there.lifecycle())).build()
        });
        copies = to.collect::<Result<_, _>>()?;
    }
    BackupRuleInput::builder()
        .rule_name(&there.rule_name)
        .target_backup_vault_name(vault.unwrap_or(&there.target_backup_vault_name))
        .set_target_logically_air_gapped_backup_vault_arn(there.target_logically_air_gapped_backup_vault_arn.clone())
        .set_schedule_expression(Some(rule.schedule.clone()).filter(|when| !when.is_empty()))
        .set_schedule_expression_timezone(there.schedule_expression_timezone.clone())
        .set_start_window_minutes(there.start_window_minutes)
        .set_completion_window_minutes(there.completion_window_minutes)
        .set_lifecycle(match (kept(there.lifecycle()), colder(rule)) {
            (None, None) => None,
            (lifecycle, _) => Some(in_cold(lifecycle.unwrap_or_else(|| Lifecycle::builder().build()), rule)),
        })
        .set_recovery_point_tags(there.recovery_point_tags.clone())
        .set_copy_actions(Some(copies).filter(|copies| !copies.is_empty()))
        .set_enable_continuous_backup(
            there.enable_continuous_backup.or(rule.extras.contains(&Extra::Continuous).then_some(true)),
        )
        .set_index_actions(there.index_actions.clone())
        .set_scan_actions(there.scan_actions.clone())
        .build()
}

/// Makes the plan; none when AWS Backup has one like it already.
async fn create(session: &Session, call: &Call, name: &str, wanted: &PlanSpec) -> Result<Option<String>, CloudError> {
    let attempt = session.changes("backup:CreateBackupPlan", format!("plan {name}"));
    let request = session
        .backup()
        .create_backup_plan()
        .backup_plan(input(session, name, wanted, None)?)
        .creator_request_id(&call.token)
        .set_backup_plan_tags(Some(tags::of(call).into_iter().collect()));
    match request.send().await {
        Ok(answer) => {
            backup::not_of_an_earlier_life(call, answer.creation_date(), &attempt)?;
            Ok(answer.backup_plan_id)
        }
        Err(error) if error.as_service_error().is_some_and(|e| e.is_already_exists_exception()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// Makes the plan protect exactly what is wanted: selections of nothing else stay as they are, what is missing gets one of its
/// own, which is named after what it selects, so that there is one of it at most, and the rest goes.
async fn select(
    session: &Session,
    call: &Call,
    plan: &str,
    wanted: &PlanSpec,
    there: &[(String, BackupSelection)],
) -> Result<(), CloudError> {
    let resources = sorted(&wanted.resources);
    let (stay, go): (Vec<_>, Vec<_>) = there.iter().partition(|(_, selection)| stays(selection, wanted));
    let covered: BTreeSet<&String> = stay.iter().flat_map(|(_, selection)| selection.resources()).collect();
    let words: BTreeSet<String> = stay.iter().map(|(_, selection)| conditions_of(selection)).collect();
    let missing: Vec<String> =
        resources.into_iter().filter(|arn| !covered.contains(arn) && !words.contains(arn)).collect();
    // AWS Backup takes a selection of nothing for one of everything.
    if !missing.is_empty() {
        let mut name = selection_name(wanted, &missing);
        if there.iter().any(|(_, selection)| selection.selection_name == name) {
            name = format!("{name}-{}", call.operation);
        }
        add_selection(session, call, plan, name, wanted, missing).await?;
    }
    for (id, selection) in go {
        let what = format!("selection {} of backup plan {plan}", selection.selection_name);
        let attempt = session.changes("backup:DeleteBackupSelection", what);
        match session.backup().delete_backup_selection().backup_plan_id(plan).selection_id(id).send().await {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {}
            Err(error) => return Err(attempt.failed(error)),
        }
    }
    Ok(())
}

/// Whether a selection selects nothing but what is wanted, under a role that is.
fn stays(selection: &BackupSelection, wanted: &PlanSpec) -> bool {
    let role = wanted.role.split(", ").any(|role| role == selection.iam_role_arn);
    let known = !conditional(selection) || wanted.resources.contains(&conditions_of(selection));
    role && known && selection.resources().iter().all(|arn| wanted.resources.contains(arn))
}

/// Whether a selection is of exactly these resources.
fn selects(selection: &BackupSelection, wanted: &PlanSpec, resources: &[String]) -> bool {
    selection.iam_role_arn == wanted.role && sorted(selection.resources()) == resources && !conditional(selection)
}

/// Whether a selection selects by more than a list of resources.
fn conditional(selection: &BackupSelection) -> bool {
    let conditions = selection.conditions.as_ref().is_some_and(|c| {
        let any = [c.string_equals(), c.string_not_equals(), c.string_like(), c.string_not_like()];
        any.iter().any(|list| !list.is_empty())
    });
    let everything = selection.resources().is_empty();
    everything || conditions || !selection.list_of_tags().is_empty() || !selection.not_resources().is_empty()
}

async fn add_selection(
    session: &Session,
    call: &Call,
    plan: &str,
    name: String,
    wanted: &PlanSpec,
    resources: Vec<String>,
) -> Result<(), CloudError> {
    let attempt = session.changes("backup:CreateBackupSelection", format!("selection {name} of backup plan {plan}"));
    let selection = BackupSelection::builder()
        .selection_name(&name)
        .iam_role_arn(&wanted.role)
        .set_resources(Some(resources.clone()));
    let selection =
        selection.build().map_err(|e| attempt.never(&format!("it cannot be written ({e})"), "Report this."))?;
    let request = session.backup().create_backup_selection().backup_plan_id(plan).backup_selection(selection);
    match request.creator_request_id(&call.token).send().await {
        Ok(answer) if !tags::is_older(call, answer.creation_date()) => Ok(()),
        Err(error) if !error.as_service_error().is_some_and(|e| e.is_already_exists_exception()) => {
            Err(attempt.failed(error))
        }
        // An earlier attempt made it, or an earlier life of the ledger, unless it is of something else: then nothing that
        // protects may go.
        _ => {
            let found = selections(session, &name, plan).await?;
            if found.iter().any(|(_, selection)| selects(selection, wanted, &resources)) {
                return Ok(());
            }
            Err(attempt.later("AWS Backup says that it exists, but does not show it yet", None))
        }
    }
}

fn selection_name(wanted: &PlanSpec, resources: &[String]) -> String {
    let mut hash = Sha256::new();
    hash.update(&wanted.role);
    for resource in resources {
        hash.update("\n");
        hash.update(resource);
    }
    format!("bbws-{}", &hex::encode(hash.finalize())[..16])
}
