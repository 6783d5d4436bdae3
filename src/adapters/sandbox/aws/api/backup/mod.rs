//! AWS Backup. The requests of each kind of thing have a file; this one has the routes and what they share.

mod copies;
mod holds;
mod jobs;
mod plans;
mod points;
mod restores;
mod vaults;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::{
        judge::Made,
        time::uuid_for,
        world::{
            backup::{Lifecycle, Vault},
            kms::BACKUP_KEY,
        },
    },
    Context, Outcome, Refusal, Request, Route, paging,
};
use crate::domain::moment::Moment;

/// Most entries of a page, and as many as come where nobody says how many.
const PAGE: usize = 1000;

pub(super) const ROUTES: &[Route] = &[
    ("PUT", "/backup-vaults/{backupVaultName}", "CreateBackupVault"),
    ("GET", "/backup-vaults/{backupVaultName}", "DescribeBackupVault"),
    ("GET", "/backup-vaults/", "ListBackupVaults"),
    ("PUT", "/backup-vaults/{backupVaultName}/vault-lock", "PutBackupVaultLockConfiguration"),
    ("GET", "/backup-vaults/{backupVaultName}/recovery-points/", "ListRecoveryPointsByBackupVault"),
    ("GET", "/backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn}", "DescribeRecoveryPoint"),
    ("DELETE", "/backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn}", "DeleteRecoveryPoint"),
    (
        "POST",
        "/backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn}/disassociate",
        "DisassociateRecoveryPoint",
    ),
    (
        "GET",
        "/backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn}/restore-metadata",
        "GetRecoveryPointRestoreMetadata",
    ),
    ("PUT", "/backup-jobs", "StartBackupJob"),
    ("GET", "/backup-jobs/", "ListBackupJobs"),
    ("GET", "/backup-jobs/{backupJobId}", "DescribeBackupJob"),
    ("POST", "/backup-jobs/{backupJobId}", "StopBackupJob"),
    ("GET", "/audit/backup-job-summaries", "ListBackupJobSummaries"),
    ("PUT", "/copy-jobs", "StartCopyJob"),
    ("GET", "/copy-jobs/", "ListCopyJobs"),
    ("GET", "/copy-jobs/{copyJobId}", "DescribeCopyJob"),
    ("PUT", "/restore-jobs", "StartRestoreJob"),
    ("GET", "/restore-jobs/", "ListRestoreJobs"),
    ("GET", "/restore-jobs/{restoreJobId}", "DescribeRestoreJob"),
    ("GET", "/restore-jobs/{restoreJobId}/metadata", "GetRestoreJobMetadata"),
    ("PUT", "/backup/plans/", "CreateBackupPlan"),
    ("GET", "/backup/plans/", "ListBackupPlans"),
    ("GET", "/backup/plans/{backupPlanId}/", "GetBackupPlan"),
    ("POST", "/backup/plans/{backupPlanId}", "UpdateBackupPlan"),
    ("DELETE", "/backup/plans/{backupPlanId}", "DeleteBackupPlan"),
    ("PUT", "/backup/plans/{backupPlanId}/selections/", "CreateBackupSelection"),
    ("GET", "/backup/plans/{backupPlanId}/selections/", "ListBackupSelections"),
    ("GET", "/backup/plans/{backupPlanId}/selections/{selectionId}", "GetBackupSelection"),
    ("DELETE", "/backup/plans/{backupPlanId}/selections/{selectionId}", "DeleteBackupSelection"),
    ("POST", "/legal-holds/", "CreateLegalHold"),
    ("GET", "/legal-holds/", "ListLegalHolds"),
    ("GET", "/legal-holds/{legalHoldId}/", "GetLegalHold"),
    ("DELETE", "/legal-holds/{legalHoldId}", "CancelLegalHold"),
    ("GET", "/legal-holds/{legalHoldId}/recovery-points", "ListRecoveryPointsByLegalHold"),
    ("GET", "/tags/{resourceArn}/", "ListTags"),
    ("POST", "/tags/{resourceArn}", "TagResource"),
];

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "CreateBackupVault" => vaults::create(cx, request),
        "DescribeBackupVault" => vaults::describe(cx, request),
        "ListBackupVaults" => vaults::list(cx, request),
        "PutBackupVaultLockConfiguration" => vaults::lock(cx, request),
        "ListRecoveryPointsByBackupVault" => points::list(cx, request),
        "DescribeRecoveryPoint" => points::describe(cx, request),
        "DeleteRecoveryPoint" => points::delete(cx, request),
        "DisassociateRecoveryPoint" => points::disassociate(cx, request),
        "ListTags" => points::tags(cx, request),
        "TagResource" => points::tag(cx, request),
        "StartBackupJob" => jobs::start(cx, request),
        "ListBackupJobs" => jobs::list(cx, request),
        "DescribeBackupJob" => jobs::describe(cx, request),
        "StopBackupJob" => jobs::stop(cx, request),
        "ListBackupJobSummaries" => jobs::summaries(cx, request),
        "StartCopyJob" => copies::start(cx, request),
        "ListCopyJobs" => copies::list(cx, request),
        "DescribeCopyJob" => copies::describe(cx, request),
        "GetRecoveryPointRestoreMetadata" => restores::metadata(cx, request),
        "StartRestoreJob" => restores::start(cx, request),
        "ListRestoreJobs" => restores::list(cx, request),
        "DescribeRestoreJob" => restores::describe(cx, request),
        "GetRestoreJobMetadata" => restores::job_metadata(cx, request),
        "CreateBackupPlan" => plans::create(cx, request),
        "ListBackupPlans" => plans::list(cx, request),
        "GetBackupPlan" => plans::get(cx, request),
        "UpdateBackupPlan" => plans::update(cx, request),
        "DeleteBackupPlan" => plans::delete(cx, request),
        "CreateBackupSelection" => plans::select(cx, request),
        "ListBackupSelections" => plans::selections(cx, request),
        "GetBackupSelection" => plans::selection(cx, request),
        "DeleteBackupSelection" => plans::unselect(cx, request),
        "CreateLegalHold" => holds::create(cx, request),
        "ListLegalHolds" => holds::list(cx, request),
        "GetLegalHold" => holds::get(cx, request),
        "CancelLegalHold" => holds::cancel(cx, request),
        "ListRecoveryPointsByLegalHold" => holds::points(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn not_found(what: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", format!("{what} does not exist."))
}

/// A page of a table under a name, in AWS Backup's words.
fn page_of<T>(
    request: &Request,
    name: &str,
    table: &BTreeMap<String, T>,
    wanted: impl Fn(&str, &T) -> bool,
    shown: impl Fn(&str, &T) -> Value,
) -> Outcome {
    let token = ["nextToken", "NextToken"].into_iter().find_map(|name| request.text(name));
    let most = ["maxResults", "MaxResults"].into_iter().find_map(|name| request.number(name));
    let most = most.and_then(|most| usize::try_from(most).ok()).map_or(PAGE, |most| most.clamp(1, PAGE));
    let (page, next) = paging::keyed(request, table, token, most, wanted, shown)?;
    Ok(json!({ name: page, "NextToken": next }))
}

/// What lists of jobs can be narrowed to.
struct Wanted<'r> {
    resource: Option<&'r str>,
    kind: Option<&'r str>,
    state: Option<&'r str>,
    created: (Option<Moment>, Option<Moment>),
    completed: (Option<Moment>, Option<Moment>),
}

impl<'r> Wanted<'r> {
    fn of(request: &'r Request) -> Wanted<'r> {
        Wanted {
            resource: request.text("resourceArn"),
            kind: request.text("resourceType"),
            state: request.text("state").or_else(|| request.text("status")),
            created: (request.moment("createdAfter"), request.moment("createdBefore")),
            completed: (request.moment("completeAfter"), request.moment("completeBefore")),
        }
    }

    fn met(&self, resource: &str, kind: &str, state: &str, created: Moment, completed: Option<Moment>) -> bool {
        let between = |(after, before): (Option<Moment>, Option<Moment>), at: Moment| {
            after.is_none_or(|after| at > after) && before.is_none_or(|before| at < before)
        };
        let ended = self.completed == (None, None) || completed.is_some_and(|at| between(self.completed, at));
        self.resource.is_none_or(|wanted| wanted == resource)
            && self.kind.is_none_or(|wanted| wanted == kind)
            && self.state.is_none_or(|wanted| wanted == state)
            && between(self.created, created)
            && ended
    }
}

/// What an earlier request with this token made, if it was the same request in everything.
fn made_before(cx: &mut Context<'_>, request: &Request) -> Result<Option<String>, Refusal> {
    let Some(token) = request.text("IdempotencyToken") else { return Ok(None) };
    match cx.place(request).backup.tokens.get(&known_as(request, token)) {
        None => Ok(None),
        Some((was, id)) if *was == request.input => Ok(Some(id.clone())),
        Some(_) => Err(request.invalid(format!("Idempotency token {token} was used before for another request."))),
    }
}

/// Remembers what a request made.
fn remember(cx: &mut Context<'_>, request: &Request, id: &str) {
    if let Some(token) = request.text("IdempotencyToken") {
        let entry = (request.input.clone(), id.to_owned());
        cx.place(request).backup.tokens.insert(known_as(request, token), entry);
    }
}

fn known_as(request: &Request, token: &str) -> String {
    format!("{} {token}", request.operation)
}

/// An id that belongs to the request's token, or to nothing that was ever named.
fn fresh_id(cx: &mut Context<'_>, request: &Request, what: &str) -> String {
    match request.text("IdempotencyToken") {
        Some(token) => id_for(cx, &format!("{what}/{}/{}/{token}", request.account(), request.region)),
        None => cx.world.next_id(what),
    }
}

fn id_for(cx: &Context<'_>, name: &str) -> String {
    uuid_for(cx.world.seed, name)
}

/// A role that AWS Backup can assume: one of the account.
fn assumed(request: &Request, role: &str) -> Result<(), Refusal> {
    if role.starts_with(&format!("arn:aws:iam::{}:role/", request.account())) {
        return Ok(());
    }
    Err(request.invalid(format!("The IAM role {role} is not valid or cannot be assumed by AWS Backup.")))
}

fn vault_of<'c>(cx: &'c mut Context<'_>, request: &Request, name: &str) -> Result<&'c Vault, Refusal> {
    vault_in(cx, request, &request.region, name)
}

fn vault_in<'c>(cx: &'c mut Context<'_>, request: &Request, region: &str, name: &str) -> Result<&'c Vault, Refusal> {
    let there = &cx.world.region(request.account(), region).backup;
    there.vaults.get(name).ok_or_else(|| not_found(&format!("Backup vault {name}")))
}

/// Why what is encrypted under a key cannot be written or read in a region, if it cannot.
fn unusable_key(cx: &mut Context<'_>, request: &Request, region: &str, key: &str) -> Option<String> {
    let kms = &cx.world.region(request.account(), region).kms;
    kms.usable(key).is_none().then(|| format!("KMS key {key} is disabled, pending deletion or not accessible."))
}

fn key_arn(cx: &mut Context<'_>, request: &Request, name: &str) -> String {
    cx.place(request).kms.arn(name).unwrap_or(name).to_owned()
}

/// ARN of the point that a job makes in a region.
fn point_arn(cx: &Context<'_>, request: &Request, region: &str, kind: &str, job: &str) -> String {
    let account = request.account();
    match kind {
        "RDS" => format!("arn:aws:rds:{region}:{account}:snapshot:awsbackup:job-{}", job.to_lowercase()),
        _ => format!("arn:aws:backup:{region}:{account}:recovery-point:{}", id_for(cx, &format!("point/{job}"))),
    }
}

/// Region and name of a vault, out of its ARN.
fn region_of(arn: &str) -> String {
    arn.split(':').nth(3).unwrap_or_default().to_owned()
}

fn name_of_vault(arn: &str) -> String {
    arn.rsplit(':').next().unwrap_or_default().to_owned()
}

fn lifecycle_of(request: &Request, name: &str) -> Result<Lifecycle, Refusal> {
    let given = &request.input[name];
    let lifecycle = Lifecycle {
        cold_after: given["MoveToColdStorageAfterDays"].as_i64(),
        delete_after: given["DeleteAfterDays"].as_i64().filter(|days| *days >= 0),
    };
    match (lifecycle.cold_after, lifecycle.delete_after) {
        (_, Some(0)) => Err(request.invalid("DeleteAfterDays must be at least 1.")),
        (Some(cold), Some(delete)) if delete < cold + 90 => {
            Err(request.invalid("DeleteAfterDays must be 90 days more than MoveToColdStorageAfterDays at least."))
        }
        _ => Ok(lifecycle),
    }
}

fn shown_lifecycle(lifecycle: Lifecycle) -> Value {
    match lifecycle {
        Lifecycle { cold_after: None, delete_after: None } => Value::Null,
        Lifecycle { cold_after, delete_after } => {
            json!({ "MoveToColdStorageAfterDays": cold_after, "DeleteAfterDays": delete_after })
        }
    }
}

/// What a backup job backs up.
struct Resource {
    kind: String,
    size: i64,
    encrypted: bool,
}

/// A file system by its ARN.
fn resource_of(cx: &mut Context<'_>, request: &Request, arn: &str) -> Result<Resource, Refusal> {
    let now = cx.now;
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, service, region, account, id] = parts[..] else {
        return Err(request.invalid(format!("Invalid resource ARN {arn}.")));
    };
    if region != request.region || account != request.account() {
        return Err(request.invalid(format!("Resource {arn} is not of this account and region.")));
    }
    let place = cx.place(request);
    match (service, id.split_once(['/', ':'])) {
        ("elasticfilesystem", Some(("file-system", id))) => {
            let found = place.efs.file_systems.get(id).filter(|fs| fs.state(now) == "available");
            let found = found.ok_or_else(|| not_found(&format!("Resource {arn}")))?;
            Ok(Resource { kind: "EFS".to_owned(), size: found.size, encrypted: found.encrypted })
        }
        _ => Err(request.invalid(format!("Resources such as {arn} are not backed up by this AWS."))),
    }
}

/// Tells the judge that something is gone, or will be.
fn gone(cx: &mut Context<'_>, request: &Request, what: &str) {
    cx.changed(request, format!("end of {what}"), Made::Gone { what: what.to_owned() });
}
