//! A restored instance, compared with its source: as RDS describes both, and over a connection to each.

use std::sync::Arc;

use aws_sdk_rds::types::DbInstance;

use super::{
    background::{Outcome, Teller},
    restored::{self, status_of},
    session::Session,
};
use crate::{
    domain::{
        exhibit::{Exhibit, Report, Table},
        step::{Action, Outputs},
        text::escape,
    },
    ports::cloud::{Call, Progress},
};

/// One thing that was looked at.
pub struct Check {
    /// What: `Encrypted`.
    pub name: String,
    /// What was found, for people.
    pub found: String,
    /// Whether it is as it has to be.
    pub holds: bool,
}

impl Check {
    fn new(name: &str, holds: bool, found: impl Into<String>) -> Check {
        Check { name: name.to_owned(), found: found.into(), holds }
    }
}

/// Looks at the restored instance and, where there is a secret, into it.
///
/// # Errors
/// See [`crate::ports::cloud::CloudError`].
pub async fn verify(session: Arc<Session>, call: Call, tell: Teller) -> Outcome {
    let Action::VerifyDatabase { instance, database, secret, .. } = &call.action else {
        return Err(super::not_aws());
    };
    let (restored, source) =
        futures::future::join(restored::describe(&session, instance), restored::describe(&session, database)).await;
    let (Some(restored), source) = (restored?, source?) else {
        let reason = format!(
            "Instance {instance} in {} does not exist, so nothing was compared. Restore it again.",
            session.region
        );
        return Ok(Progress::Refuted { reason, outputs: Outputs::new() });
    };
    let subnet_group = call.environment.isolated_subnet_group();
    let checks = of_instance(&restored, source.as_ref(), database, subnet_group);
    tell.tell(None, "the instance was looked at");
    let note = match secret {
        None => Some(
            "Only the instance was looked at: no secret with a login is configured for this database, so nothing in it was compared.",
        ),
        Some(_) => None,
    };
    Ok(verdict(&session, instance, database, &checks, note))
}

/// What RDS says of the instance.
fn of_instance(restored: &DbInstance, source: Option<&DbInstance>, database: &str, subnet_group: &str) -> Vec<Check> {
    let status = status_of(restored);
    let ready = restored::initializing(restored).is_none();
    let group = restored.db_subnet_group().and_then(|group| group.db_subnet_group_name()).unwrap_or("none");
    let version = version(restored);
    vec![
        Check::new(
            "Available",
            status == "available" && ready,
            if ready { status.to_owned() } else { format!("{status}, storage Initializing") },
        ),
        Check::new(
            "Encrypted",
            restored.storage_encrypted() == Some(true),
            yes(restored.storage_encrypted() == Some(true)),
        ),
        match source {
            Some(source) => {
                let expected = self::version(source);
                let found =
                    if version == expected { version.clone() } else { format!("{version}, {database} has {expected}") };
                Check::new("Engine version of its source", version == expected, found)
            }
            None => Check::new("Engine version of its source", false, format!("{version}; {database} does not exist")),
        },
        Check::new(
            "In the isolated subnet group",
            group.eq_ignore_ascii_case(subnet_group),
            if group.eq_ignore_ascii_case(subnet_group) {
                group.to_owned()
            } else {
                format!("{group} instead of {subnet_group}")
            },
        ),
        Check::new(
            "Not reachable from the internet",
            restored.publicly_accessible() == Some(false),
            if restored.publicly_accessible() == Some(false) { "private" } else { "public" },
        ),
    ]
}

/// The verdict over all checks, with the report.
fn verdict(session: &Session, instance: &str, database: &str, checks: &[Check], note: Option<&str>) -> Progress {
    let failed: Vec<&Check> = checks.iter().filter(|check| !check.holds).collect();
    let counted = format!("{} of {} checks hold", checks.len() - failed.len(), checks.len());
    let breaches: Vec<String> = failed.iter().map(|check| format!("{}: {}", check.name, check.found)).collect();
    let mut text = format!("*{}* against *{}*: {counted}.", escape(instance), escape(database));
    text.extend(note.map(|note| format!(" {note}")));
    let table = Table {
        caption: format!("Checks of {instance}"),
        columns: ["Check", "Found", "Holds"].map(str::to_owned).to_vec(),
        rows: checks
            .iter()
            .map(|check| vec![check.name.clone(), check.found.clone(), yes(check.holds).to_owned()])
            .collect(),
        offers: Vec::new(),
    };
    let exhibit = Exhibit { table: Some(table), ..Exhibit::default() };
    let report = Report { text, exhibit, breaches: breaches.clone(), lags: Vec::new() };
    let outputs = Outputs::from([report.to_output()]);
    if breaches.is_empty() {
        let detail = note.map_or_else(|| counted.clone(), |note| format!("{counted}. {note}"));
        return Progress::Done { outputs, detail };
    }
    Progress::Refuted {
        reason: format!(
            "Instance {instance} in {} is not what {database} has to be restorable to: {}. Look at the report; back up and test again.",
            session.region,
            breaches.join("; ")
        ),
        outputs,
    }
}

fn version(instance: &DbInstance) -> String {
    format!("{} {}", instance.engine().unwrap_or_default(), instance.engine_version().unwrap_or_default())
        .trim()
        .to_owned()
}

fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}
