//! The DNS drill: the weighted records are written as they are. What it tries is that the records can be read, that a change is
//! allowed, and how long one takes to reach every name server.

use super::{
    super::{
        draft::{Draft, Head},
        traffic,
    },
    Asked, Ended, Form, KIND, Known, Plan, Survey,
};
use crate::domain::{environment::Environment, step, text::count, world::RecordFound};

pub(super) fn survey(env: &Environment) -> Result<Survey, Vec<String>> {
    if env.dns.as_ref().is_none_or(|dns| dns.records.is_empty()) {
        return Err(vec![format!(
            "`{}` names no weighted records (`dns` in bbws.toml), so that a failover would move no traffic by itself. Name them, then drill.",
            env.name
        )]);
    }
    Ok(Survey { standby: true, ..Survey::default() })
}

pub(super) fn plan(asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    let env = asked.environment;
    let found = known.world.standby.as_ref().and_then(|found| found.records.as_ref());
    let Some(found) = found else { return Err(super::unplanned(asked.command)) };
    let mut draft = Draft::default();
    steps(&mut draft, env, found.as_ref(), vec![]);
    let scope = Form::Dns.word().to_owned();
    draft.finish(Head { kind: KIND, environment: env, scope, tenant: None, retention_days: None })
}

/// The steps that write the records of an environment as they are, after these.
pub(super) fn steps(
    draft: &mut Draft,
    env: &Environment,
    found: Result<&Vec<RecordFound>, &String>,
    after: Vec<usize>,
) {
    let Some(dns) = &env.dns else { return };
    let records = match found.map_err(Clone::clone).and_then(|found| traffic::as_found(env, found)) {
        Ok(records) => records,
        Err(why) => return draft.problem(why),
    };
    draft.fact(format!("Records of {}", dns.hosted_zone), traffic::listed(&records));
    draft.note(
        "Each record is written as it was read a moment before, so that nothing changes but the number of the change.",
    );
    draft.note(
        "Nobody should edit these records while it runs: what somebody writes in that very moment would be written over.",
    );
    let (region, zone) = (env.dr_region.clone(), dns.hosted_zone.clone());
    let written = draft.step(
        format!("Write {} as they are", count(records.len(), "record")),
        after,
        step::RewriteRecords { region: region.clone(), zone: zone.clone(), records: records.clone() },
    );
    draft.step(
        "Compare the records with what they were",
        vec![written],
        step::CompareRecords { region, zone, records },
    );
}

pub(super) fn done(ended: &Ended<'_>) -> String {
    format!(
        "Passed: the weighted records can be read and written from {}, the change reached every name server, and they are as they were. It took {}.",
        ended.plan.dr_region.as_deref().unwrap_or("the DR region"),
        ended.took
    )
}
