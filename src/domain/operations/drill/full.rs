//! The full drill: in the DR region, apart from everything, the newest copy of each database is restored and looked into, and the
//! records are written as they are. Replication goes on untouched, and all that was made is deleted again.

use super::{
    super::{
        draft::{Draft, Head},
        proof::{self, Subject},
    },
    Asked, Ended, Form, KIND, Known, PRODUCTION, Plan, Run, Survey, dns,
};
use crate::domain::{
    drill::{
        checklist::{self, Stage},
        ready,
    },
    environment::{Database, Environment},
    moment::spoken,
    operation::State,
    recovery::Recovery,
    step::{self, Action, Consent},
    text::escape,
    world::SnapshotFound,
};

/// What the step that asks whether to go on is called.
const DECIDE: &str = "Wait for the decision to carry it out";

pub(super) fn survey(env: &Environment) -> Result<Survey, Vec<String>> {
    if env.name == PRODUCTION {
        return Err(vec![format!(
            "A full drill of {0} is not held: a failover that is carried out, and the failback after it, count as {0}'s. `/bbws dr test {0} infra` and `/bbws dr test {0} dns` try what it stands on; `/bbws dr failover {0}` says what a planned move would lose.",
            env.name
        )]);
    }
    Ok(Survey { standby: true, isolated: true, ..Survey::default() })
}

pub(super) fn plan(asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    let env = asked.environment;
    let Some(found) = &known.world.standby else { return Err(super::unplanned(asked.command)) };
    let mut draft = Draft::default();
    let assessed = draft.step(
        format!("Look at all that a failover of {} to {} stands on", env.name, env.dr_region),
        vec![],
        step::ReadinessReport { region: env.dr_region.clone() },
    );
    let question = format!(
        "What a failover of {} stands on was looked at. Shall the drill be carried out? It restores into {} what is deleted again, and changes nothing that is live.",
        env.name, env.dr_region
    );
    let decided =
        draft.step(DECIDE, vec![assessed], step::WaitForPeople { question, rule: None, consent: Consent::Look });
    match &known.world.isolated {
        Some(Ok(_)) => {}
        Some(Err(why)) => draft.problem(format!("Nothing can be restored apart from the platform: {why}")),
        None => draft.problem("Whether the isolated network is there is not known. Ask again."),
    }
    for database in &env.databases {
        match found.copies.iter().find(|copy| copy.database == database.id && copy.created <= asked.at) {
            Some(copy) => restored(&mut draft, asked, database, copy, decided),
            None => draft.problem(format!(
                "There is no usable copy of {} in {}, so that nothing can be restored from there. Make one: `/bbws backup create {} rds`.",
                database.id, env.dr_region, env.name
            )),
        }
    }
    if env.databases.is_empty() {
        draft.problem(format!("`{}` declares no database, so that there is nothing to restore.", env.name));
    }
    match (&env.dns, &found.records) {
        (Some(_), Some(records)) => dns::steps(&mut draft, env, records.as_ref(), vec![decided]),
        _ => draft.note("No records are written: `dns` of the config names none."),
    }
    draft.note(format!(
        "Replication, replicas and what is live are left alone. What is made in {} is deleted again, and what is left of it by itself within a day.",
        env.dr_region
    ));
    draft.note(format!(
        "It is held against an RTO of {} and an RPO of {}, as the config promises.",
        spoken(env.rto.0),
        spoken(env.rpo.0)
    ));
    let scope = Form::FullDrill.word().to_owned();
    draft.finish(Head { kind: KIND, environment: env, scope, tenant: None, retention_days: None })
}

fn restored(draft: &mut Draft, asked: &Asked<'_>, database: &Database, copy: &SnapshotFound, decided: usize) {
    let env = asked.environment;
    draft.fact(format!("Newest copy of {}", database.id), format!("{}, data of {}", copy.id, copy.created));
    draft.note(format!("The data in {} is {} old.", copy.id, spoken(asked.at.since(copy.created))));
    let subject = Subject {
        point: copy.id.clone(),
        snapshot: copy.id.clone(),
        key: format!("rds {}", copy.id.strip_suffix("-dr").unwrap_or(&copy.id)),
        created: copy.created,
        region: env.dr_region.clone(),
        source_region: Some(env.primary_region.clone()),
        measures: false,
    };
    proof::steps(draft, (env, asked.id), database, &subject, &[decided]);
}

/// When the run reached what of the checklist.
pub(super) fn stages(run: &Run) -> Vec<Stage> {
    let last = |of: &dyn Fn(&Action) -> bool| {
        let steps = run.op.plan.steps.iter().zip(&run.steps);
        let ends: Option<Vec<_>> = steps.filter(|(spec, _)| of(&spec.action)).map(|(_, step)| step.ended).collect();
        ends.and_then(|ends| ends.into_iter().max())
    };
    checklist::reached([
        run.op.started,
        last(&|action| matches!(action, Action::ReadinessReport(_))),
        last(&|action| matches!(action, Action::WaitForPeople(_))),
        last(&|action| matches!(action, Action::RestoreTest(_) | Action::RewriteRecords(_))),
        last(&|action| matches!(action, Action::VerifyDatabase(_) | Action::CompareRecords(_))),
        last(&|action| matches!(action, Action::Forget(_))).or(run.op.ended),
    ])
}

/// What it came to: how long from its start until all that was restored was proved, and how old the data was by then.
pub(super) fn recovery(run: &Run) -> Recovery {
    let began = run.op.started.unwrap_or(run.op.created);
    let of = stages(run);
    let reached = of.iter().filter(|stage| (1..60).contains(&stage.minute));
    let data_of = run.op.plan.steps.iter().filter_map(|spec| match &spec.action {
        Action::VerifyDatabase(what) => Some(what.data_of),
        _ => None,
    });
    Recovery {
        of: format!(
            "a copy of {} in {}",
            run.op.environment(),
            run.op.plan.dr_region.as_deref().unwrap_or("its DR region")
        ),
        asked: began,
        stages: reached.filter_map(|stage| Some((stage.what, began + stage.reached?))).collect(),
        data_of: data_of.min(),
        whole: run.op.state == State::Succeeded,
    }
}

pub(super) fn done(ended: &Ended<'_>) -> String {
    let there = ended.plan.dr_region.as_deref().unwrap_or("the DR region");
    format!(
        "Passed: the newest copy of each database was restored in {} and validated, the records can be written, and nothing is left of it. It took {}.\n{}{}",
        escape(there),
        ended.took,
        checklist::told(&stages(ended.run)),
        ready::told(ended.run).map(|told| format!(" {told}")).unwrap_or_default()
    )
}
