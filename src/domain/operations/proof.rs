//! What proves a snapshot of a database: it is restored beside the platform, looked into, and deleted again.

use super::{draft::Draft, validate::UNTESTED};
use crate::domain::{
    checked::Checked,
    environment::{Database, Environment},
    mark::{Leftover, Mark, MarkKind},
    moment::Moment,
    operation::OpId,
    restored, step,
};

/// A snapshot to be proved.
pub(super) struct Subject {
    /// What it is listed as.
    pub(super) point: String,
    /// Its name.
    pub(super) snapshot: String,
    /// What the ledger knows it by, copies included.
    pub(super) key: String,
    /// Up to when its data goes.
    pub(super) created: Moment,
    /// Where it lies, and is restored.
    pub(super) region: String,
    /// Where the database is that it is compared with, if that is elsewhere.
    pub(super) source_region: Option<String>,
    /// It is older than the newest, so that rows which differ from the live ones are told and refute nothing.
    pub(super) measures: bool,
}

/// The steps that prove a snapshot, after these; the last of them, which also comes where something of it failed.
pub(super) fn steps(
    draft: &mut Draft,
    (env, id): (&Environment, &OpId),
    database: &Database,
    subject: &Subject,
    after: &[usize],
) -> usize {
    let region = &subject.region;
    let instance = restored::name(database.name(), &id.0);
    let noted = draft.step(
        format!("Write down that {instance} is made for a test"),
        after.to_vec(),
        step::Remember { mark: MarkKind::Leftover, subject: instance.clone(), note: Leftover::instance(region).note() },
    );
    let restored = draft.step(
        format!("Restore {} as {instance}", subject.point),
        vec![noted],
        step::RestoreTest {
            region: region.clone(),
            snapshot: subject.snapshot.clone(),
            instance: instance.clone(),
            subnet_group: env.isolated_subnet_group().to_owned(),
            security_groups: env.restore_test_security_groups.clone(),
        },
    );
    let dump = env.dumps.iter().find(|d| d.database == database.id);
    if dump.is_none() {
        draft.note(format!(
            "{UNTESTED}what is in {}: no `dumps` entry in the config names a login, so that it does not count as restore-tested.",
            database.id
        ));
    }
    let tenants = env.tenants.values().filter(|t| t.database.as_ref() == Some(&database.id));
    let validated = draft.step(
        format!("Validate {instance} against {}", database.id),
        vec![restored],
        step::VerifyDatabase {
            region: region.clone(),
            source_region: subject.source_region.clone(),
            instance: instance.clone(),
            database: database.id.clone(),
            engine: database.engine,
            secret: dump.map(|d| d.secret.clone()),
            schemas: dump.map(|d| d.schemas.clone()).unwrap_or_default(),
            wordpress: tenants.filter_map(|t| t.schema.clone()).collect(),
            data_of: subject.created,
            rpo_seconds: env.rpo.0.as_secs(),
            measures: subject.measures,
            live: false,
            turns_back: false,
            alone: false,
        },
    );
    let asked = questions(draft, (env, &instance), database, subject, validated);
    let proved: Vec<usize> = [validated].into_iter().chain(asked).collect();
    if dump.is_some() {
        draft.step(
            format!("Write down that {} is restore-tested", subject.point),
            proved.clone(),
            step::Remember {
                mark: MarkKind::Tested,
                subject: subject.key.clone(),
                note: Mark::tested(&database.id, &id.0),
            },
        );
    }
    let deleted = draft.always(
        format!("Delete {instance}"),
        [restored].into_iter().chain(proved).collect(),
        step::DeleteInstance { region: region.clone(), instance: instance.clone(), operation: id.to_string() },
    );
    draft.step(
        format!("Write down that nothing is left of {instance}"),
        vec![deleted],
        step::Forget { mark: MarkKind::Leftover, subject: instance },
    )
}

/// Puts every named check of the config about this database to what was restored of it; answers the steps that ask. Each is asked
/// whatever the others answer, and what holds is remembered of the point.
fn questions(
    draft: &mut Draft,
    (env, instance): (&Environment, &str),
    database: &Database,
    subject: &Subject,
    validated: usize,
) -> Vec<usize> {
    let checks = env.checks.iter().filter(|(_, check)| check.database == database.id);
    let Some(secret) = env.login(&database.id) else {
        for (name, _) in checks {
            draft.note(format!(
                "{UNTESTED}whether {name} holds in {}: no `dumps` entry in the config names a login to ask with.",
                database.id
            ));
        }
        return Vec::new();
    };
    let asked = checks.map(|(name, check)| {
        let question = step::VerifyCheck {
            region: subject.region.clone(),
            instance: instance.to_owned(),
            database: database.id.clone(),
            engine: database.engine,
            secret: secret.to_owned(),
            secret_region: subject.source_region.clone(),
            check: name.clone(),
            schema: check.schema.clone(),
            query: check.query.clone(),
        };
        ask(draft, question, validated, Some(&subject.key))
    });
    asked.collect()
}

/// Puts a named check to a copy, once this step is done, and writes down of the recovery point with this key that it holds; answers the
/// step that asks.
pub(super) fn ask(draft: &mut Draft, question: step::VerifyCheck, after: usize, key: Option<&str>) -> usize {
    let name = question.check.clone();
    let asked = draft.step(format!("Ask {} whether {name} holds", question.instance), vec![after], question);
    if let Some(key) = key {
        draft.step(
            format!("Write down that {name} holds"),
            vec![asked],
            step::Remember {
                mark: MarkKind::Checked,
                subject: Checked::subject(key, &name),
                note: Checked::note(true).to_owned(),
            },
        );
    }
    asked
}
