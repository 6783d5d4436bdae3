//! Where a step's result can be seen in the AWS console, in the region it is in.

use crate::domain::{
    operation::Run,
    step::{Job, Outputs, Page, Step, StepSpec},
};

/// Address of the page that shows what the step made or looked at; none before there is anything to see.
pub fn console(run: &Run, spec: &StepSpec, step: &Step) -> Option<String> {
    let before = spec.after.iter().filter_map(|index| run.steps.get(*index));
    let inputs: Outputs = before.flat_map(|step| step.outputs.clone()).collect();
    Some(address(&spec.action.page(step, &inputs)?))
}

fn address(page: &Page) -> String {
    match page {
        Page::Snapshot { region, name } => {
            format!("{}#db-snapshot:engine=;id={}", home(region, "rds"), path(name))
        }
        Page::Job { region, job, id } => {
            let kind = match job {
                Job::Backup => "backup",
                Job::Copy => "copy",
                Job::Restore => "restore",
            };
            format!("{}#/jobs/{kind}/details/{}", home(region, "backup"), path(id))
        }
        Page::RecoveryPoint { region, vault, arn } => {
            format!("{}#/backupvaults/details/{}/{}", home(region, "backup"), path(vault), path(arn))
        }
        Page::FileSystem { region, id } => format!("{}#/file-systems/{}", home(region, "efs"), path(id)),
        Page::Object { region, bucket, key } => format!(
            "https://{}.console.aws.amazon.com/s3/object/{}?region={}&prefix={}",
            path(region),
            path(bucket),
            path(region),
            path(key)
        ),
    }
}

fn home(region: &str, service: &str) -> String {
    let region = path(region);
    format!("https://{region}.console.aws.amazon.com/{service}/home?region={region}")
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
