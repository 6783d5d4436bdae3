//! Where a step's result can be seen in the AWS console, in the region it is in.

use crate::domain::{
    operation::Run,
    step::{Action, Step, StepSpec},
};

/// Address of the page that shows what the step made or looked at; none before there is anything to see.
pub fn console(run: &Run, spec: &StepSpec, step: &Step) -> Option<String> {
    let begun = step.external_id.is_some() || step.started.is_some();
    match &spec.action {
        Action::RdsSnapshot { region, snapshot, .. } | Action::RdsCopy { region, copy: snapshot, .. } => {
            begun.then(|| rds(region, snapshot))
        }
        Action::VerifySnapshot { region, snapshot, .. } => begun.then(|| rds(region, snapshot)),
        Action::BackupJob { region, .. } => {
            step.external_id.as_deref().map(|job| format!("{}#/jobs/backup/details/{}", backup(region), path(job)))
        }
        Action::BackupCopy { region, .. } => {
            step.external_id.as_deref().map(|job| format!("{}#/jobs/copy/details/{}", backup(region), path(job)))
        }
        Action::RestoreFiles { region, .. } => {
            step.external_id.as_deref().map(|job| format!("{}#/jobs/restore/details/{}", backup(region), path(job)))
        }
        Action::TagFiles { region, .. } => step.external_id.as_deref().map(|id| {
            let region = path(region);
            format!("https://{region}.console.aws.amazon.com/efs/home?region={region}#/file-systems/{}", path(id))
        }),
        Action::VerifyRecoveryPoint { region, vault, .. } => {
            let point = recovery_point(run, spec)?;
            Some(format!("{}#/backupvaults/details/{}/{}", backup(region), path(vault), path(point)))
        }
        Action::SecretsExport { region, bucket, key, .. }
        | Action::ObjectReplica { region, bucket, key, .. }
        | Action::VerifyObject { region, bucket, key, .. } => begun.then(|| {
            format!(
                "https://{}.console.aws.amazon.com/s3/object/{}?region={}&prefix={}",
                path(region),
                path(bucket),
                path(region),
                path(key)
            )
        }),
        // Nothing that can be looked at under an address of its own.
        _ => None,
    }
}

fn rds(region: &str, snapshot: &str) -> String {
    let region = path(region);
    format!(
        "https://{region}.console.aws.amazon.com/rds/home?region={region}#db-snapshot:engine=;id={}",
        path(snapshot)
    )
}

fn backup(region: &str) -> String {
    let region = path(region);
    format!("https://{region}.console.aws.amazon.com/backup/home?region={region}")
}

/// The recovery point that the step before gave.
fn recovery_point<'a>(run: &'a Run, spec: &StepSpec) -> Option<&'a str> {
    spec.after.iter().find_map(|i| run.steps.get(*i)?.outputs.get("recovery_point")).map(String::as_str)
}

/// Percent-encoded, so that nothing in a name can end the link or lead elsewhere.
fn path(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, b| {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
        out
    })
}
