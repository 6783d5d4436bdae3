//! The real adapter of AWS over the simulated one: what the demo runs, and the tests.

use std::{sync::Arc, time::Duration};

use aws_smithy_async::rt::sleep::SharedAsyncSleep;

use crate::{
    adapters::{
        aws::{AwsCloud, session::timeouts, tools::Tools},
        sandbox::{
            aws::{SimAws, judge},
            tools::{databases::SimServers, dumps::SimDumps, files::SimFileServers, tenants::SimTenants, web::SimWeb},
        },
    },
    app::change::{Change, SELF},
    config::Config,
    domain::{
        environment::Environment,
        mark::Mark,
        moment::Moment,
        operation::{OpId, Operation, Run, State, Trigger, Vote},
        operations::schedule::{self, ScheduleAct, Wanted, own::Meant},
        policy,
        principal::{PersonId, Principal},
        step::{Action, Step, StepState},
        topics::Topics,
        world::World,
    },
    ports::store::{Commit, Guard, MarkWrite},
};

/// A config for one process, and the account the process itself is at home in: AWS has no identity that is at home in
/// several, so every other environment gets a role to assume.
pub fn at_home(mut config: Config) -> (Config, String) {
    let home = config.environments.values().find(|e| e.assume_role.is_none()).map(|e| e.account.clone());
    let home = home.unwrap_or_else(|| "111122223333".to_owned());
    for environment in config.environments.values_mut().filter(|e| e.account != home) {
        let role = format!("arn:aws:iam::{}:role/bbws-operator", environment.account);
        environment.assume_role.get_or_insert(role);
    }
    (config, home)
}

/// A schedule as the teams of the demo approved it some time ago: Alice asked, Bob agreed. None where there is nothing to start.
pub fn approved_schedule(config: &Config, environment: &Environment, id: OpId, now: Moment) -> Option<Commit> {
    let wanted =
        Wanted { act: ScheduleAct::Create, retention: None, cron: None, aws: false, kind: None, own: Meant::All };
    let plan = schedule::plan(environment, &wanted, &World::default(), &[]).ok()?;
    let person = |user: &str| Principal {
        person: PersonId(user.to_owned()),
        user: user.to_owned(),
        roles: config.roles.iter().filter(|(_, m)| m.users.iter().any(|u| u == user)).map(|(r, _)| r.clone()).collect(),
    };
    let (alice, bob, digest) = (person("U0ALICE"), person("U0BOB"), plan.digest());
    let needs = policy::needs(&config.approvals, &plan.kind, &environment.name, &plan.scope);
    let marks = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Remember(what) => Some(MarkWrite::Set(Mark {
            environment: environment.name.clone(),
            kind: what.mark,
            subject: what.subject.clone(),
            note: what.note.clone(),
            operation: id.to_string(),
            at: now,
        })),
        _ => None,
    });
    let (marks, op) = (
        marks.collect::<Vec<_>>(),
        Operation {
            id,
            state: State::AwaitingApproval,
            votes: vec![Vote { by: bob, digest: digest.clone(), at: now }],
            plan,
            digest,
            revision: 1,
            needs,
            requester: alice,
            reason: Some("what AWS does not back up by itself".to_owned()),
            channel: config.slack.ops_channel.clone(),
            command: schedule::own_command(&environment.name, ScheduleAct::Create).canonical(),
            created: now,
            deadline: None,
            started: Some(now),
            ended: None,
            estimate: None,
            halt: None,
            outcome: None,
            card: None,
            wake_at: now,
            turned: None,
            by_schedule: None,
            incident: None,
            recovery: None,
        },
    );
    let done = |index: usize| Step { state: StepState::Done, started: Some(now), ended: Some(now), ..Step::new(index) };
    let steps: Vec<Step> = (0..op.plan.steps.len()).map(done).collect();
    let mut change = Change::on(&Run { op, steps: steps.clone(), version: 0 }, now);
    change.replace_steps(steps);
    for (trigger, by) in [(Trigger::Approve, "U0BOB"), (Trigger::Start, SELF), (Trigger::Succeed, SELF)] {
        change.trigger(trigger, by).ok()?;
    }
    let (_, commit) = change.commit(Guard::New);
    // It was told when it happened.
    Some(Commit { notices: Vec::new(), marks, ..commit })
}

/// The adapter of a process that is at home in this account, with simulated servers behind what lies in AWS. `sleep` is how
/// the SDK waits.
pub fn adapter(aws: &Arc<SimAws>, topics: &Topics, home: &str, sleep: SharedAsyncSleep) -> AwsCloud {
    let tools = Tools {
        databases: Arc::new(SimServers::new(aws.clone())),
        tenants: Arc::new(SimTenants::new(aws.clone())),
        dumper: Arc::new(SimDumps::new(aws.clone())),
        file_systems: Arc::new(SimFileServers::new(aws.clone())),
        web: Arc::new(SimWeb::new(aws.clone())),
        between: Duration::ZERO,
        carry: Some(Arc::new(|work| Box::pin(judge::carried(work)))),
    };
    AwsCloud::on(topics.clone(), aws.sdk(home, sleep).timeout_config(timeouts()).build(), tools)
}
