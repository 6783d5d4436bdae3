//! The infrastructure drill: all that a failover stands on is looked at, and nothing is changed.

use super::{
    super::draft::{Draft, Head},
    Ended, Form, KIND, Plan,
};
use crate::domain::{environment::Environment, step, text::escape};

pub(super) fn plan(env: &Environment) -> Result<Plan, Vec<String>> {
    let mut draft = Draft::default();
    draft.note("Nothing is changed: AWS is only read.");
    draft.note(
        "Not looked at, since it cannot be seen from here: protections of record sets, and what else runs on Fargate in the account.",
    );
    let (what, region) = match env.replicates() {
        true => (format!("a failover of {} to {}", env.name, env.dr_region), &env.dr_region),
        false => (format!("a restore of {} in {}", env.name, env.primary_region), &env.primary_region),
    };
    if !env.replicates() {
        draft.note(format!(
            "{} has nothing in another region: what is looked at is what a restore at home needs.",
            env.name
        ));
    }
    draft.step(format!("Look at all that {what} stands on"), vec![], step::ReadinessReport { region: region.clone() });
    let scope = Form::Infra.word().to_owned();
    draft.finish(Head { kind: KIND, environment: env, scope, tenant: None, retention_days: None })
}

pub(super) fn done(ended: &Ended<'_>) -> String {
    let what = match ended.plan.dr_region.as_deref() {
        Some(there) => format!("a failover of {} to {there}", ended.plan.environment),
        None => format!("a restore of {} in {}", ended.plan.environment, ended.plan.region),
    };
    format!(
        "Passed: everything that {} stands on is there, and usable. It took {}, and nothing was changed.",
        escape(&what),
        ended.took
    )
}
