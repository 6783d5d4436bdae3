//! The simulated look into a restored file system: what a comparison over NFS would report.

use super::find;
use crate::{
    adapters::sandbox::cloud::world::Aws,
    domain::{
        exhibit::{Exhibit, Report, Table},
        moment::Moment,
        step::Outputs,
    },
    ports::cloud::{Call, CloudError, Progress},
};

/// Files that are compared.
const SAMPLE: u64 = 200;

/// What is compared.
pub(in crate::adapters::sandbox::cloud) struct Pair<'a> {
    pub(in crate::adapters::sandbox::cloud) region: &'a str,
    /// Creation token of the restored file system.
    pub(in crate::adapters::sandbox::cloud) name: &'a str,
    /// The source.
    pub(in crate::adapters::sandbox::cloud) file_system: &'a str,
    /// Tenants' folders.
    pub(in crate::adapters::sandbox::cloud) folders: &'a [String],
    /// When the backup was begun.
    pub(in crate::adapters::sandbox::cloud) data_of: Moment,
}

/// Compares a restored file system with its source.
pub(in crate::adapters::sandbox::cloud) fn verify(
    aws: &Aws,
    call: &Call,
    pair: &Pair<'_>,
    now: Moment,
) -> Result<Progress, CloudError> {
    let Pair { region, name, file_system, folders, data_of } = *pair;
    let place = aws.region(&call.environment.account, region)?;
    let failed = |reason: String| Ok(Progress::Failed { reason });
    let Some(restored) = find(aws, call, region, name, now)? else {
        return failed(format!("file system {name} does not exist in {region}; test again"));
    };
    if !restored.address.as_ref().is_some_and(|a| a.exists(now) && a.course.done(now)) {
        return failed(format!("file system {name} in {region} has no address; test again"));
    }
    let Some(source) = place.file_systems.get(file_system) else {
        return failed(format!("file system {file_system} is not in {region}, so there is nothing to compare with"));
    };
    // WordPress has a file in about 60 kB.
    let all = source.size_bytes / 60_000;
    let compared = if restored.corrupt {
        let missing = SAMPLE / 40;
        Err(format!("{missing} of {SAMPLE} files of {all} that are older than the backup are missing."))
    } else {
        Ok(format!("{SAMPLE} of {all} files that are older than {data_of} are the same: size, time and SHA-256."))
    };
    let mut checks = vec![
        ("Encrypted".to_owned(), if source.encrypted { Ok("yes".to_owned()) } else { Err("no".to_owned()) }),
        ("Connection to the restored file system".to_owned(), Ok("NFSv4.0 over TLS 1.3".to_owned())),
        ("Connection to the source".to_owned(), Ok("NFSv4.0 over TLS 1.3".to_owned())),
        ("Files".to_owned(), compared),
    ];
    checks.extend(folders.iter().map(|folder| (format!("Folder {folder}"), Ok("has files in it".to_owned()))));
    Ok(verdict(pair, checks))
}

fn verdict(pair: &Pair<'_>, checks: Vec<(String, Result<String, String>)>) -> Progress {
    let wrong = |(what, found): &(String, Result<String, String>)| Some(format!("{what}: {}", found.as_ref().err()?));
    let breaches: Vec<String> = checks.iter().filter_map(wrong).collect();
    let counted = format!("{} of {} checks hold", checks.len() - breaches.len(), checks.len());
    let rows = checks.into_iter().map(|(what, found)| {
        let holds = if found.is_ok() { "yes" } else { "no" };
        vec![what, found.unwrap_or_else(|why| why), holds.to_owned()]
    });
    let table = Table {
        caption: format!("Checks of {}", pair.name),
        columns: ["Check", "Found", "Holds"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        offers: Vec::new(),
    };
    let report = Report {
        text: format!("*{}* against *{}*: {counted}.", pair.name, pair.file_system),
        exhibit: Exhibit { table: Some(table), ..Exhibit::default() },
        breaches: breaches.clone(),
    };
    let outputs = Outputs::from([report.to_output()]);
    if breaches.is_empty() {
        return Progress::Done { outputs, detail: counted };
    }
    let reason = format!(
        "{} is not what {} was: {}; look at the recovery point before you rely on it",
        pair.name,
        pair.file_system,
        breaches.join("; ")
    );
    Progress::Refuted { reason, outputs }
}
