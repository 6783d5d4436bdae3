//! `backup.validate`: whether the backups are worth anything. Reports that only look, and a restore that proves it.

mod restores;

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{
    Asked, Ended, Known, Operation, Works,
    draft::{Draft, Head},
    narrowed, whole,
};
use crate::domain::{
    command::{
        ANY_ROLE, Arg, Command, Does, ENVIRONMENT, Entry, Form, Group, REASON, Values, Wrong, nothing_more,
        value::{CHECK, DURATION},
    },
    environment::{Environment, Side},
    mark::KEPT,
    moment::Moment,
    operation::{OpId, Run},
    plan::Plan,
    span::Span,
    step::{self, Action, StepState},
    text::{count, escape},
    world::{Survey, World},
};

/// The kind on plans.
const KIND: &str = "backup.validate";

const SINCE: &str = "since";

static ENTRY: Entry = Entry {
    name: KIND,
    path: &["backup", "validate"],
    group: Group::Backups,
    place: 30,
    about: "Find out whether the backups can be relied on",
    happens: "Looks at everything, or only at what you name. A test restore makes new databases and file systems apart from the \
                  platform, compares what is in them with their sources and removes them again; of the platform itself nothing is changed.",
    args: &[
        ENVIRONMENT,
        check("inventory", "what is protected against what exists, how long it is kept, how often backups fail"),
        check("replication", "how far the copies lag behind, against the RPO"),
        check(
            "test-restore",
            "restores the newest recovery point of each database and file system, measures how long that takes, and checks the data",
        ),
        check("dr", "what stands in the way of a failover, however the primary region is"),
        check(
            "dump-test",
            "loads the newest dump of each database apart from the platform, and compares what it holds",
        ),
        Arg {
            name: SINCE,
            kind: &DURATION,
            form: Form::Option,
            required: false,
            usual: None,
            about: "test restores take recovery points of databases and file systems at random instead of the newest, none older than this",
        },
        REASON,
    ],
    examples: &[
        "backup validate ENV",
        "backup validate ENV --inventory --replication",
        "backup validate ENV --test-restore --since 30d",
    ],
    who: ANY_ROLE,
    does: |_| Does::Operation,
    settle: settled,
    mend: nothing_more,
};

/// What a validation looks at. At least one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checks {
    /// What is protected against what exists.
    pub inventory: bool,
    /// Lag against RPO.
    pub replication: bool,
    /// Restores the newest recovery point and validates it.
    pub test_restore: bool,
    /// What stands in the way of a failover.
    pub dr: bool,
    /// Loads the newest dumps.
    pub dump_test: bool,
    /// Test restores take recovery points at random, none older than this; the newest where left out.
    pub since: Option<Span>,
}

impl Checks {
    /// None of them.
    pub const NONE: Checks =
        Checks { inventory: false, replication: false, test_restore: false, dr: false, dump_test: false, since: None };

    /// All of backups: what you get when you say nothing.
    pub const ALL: Checks = Checks { inventory: true, replication: true, test_restore: true, ..Checks::NONE };

    /// The words, as a plan's scope keeps them: `inventory, replication, test-restore`.
    pub fn words(self) -> String {
        self.named().join(", ")
    }

    fn named(self) -> Vec<&'static str> {
        let named = [
            ("inventory", self.inventory),
            ("replication", self.replication),
            ("test-restore", self.test_restore),
            ("dr", self.dr),
            ("dump-test", self.dump_test),
        ];
        named.into_iter().filter(|(_, on)| *on).map(|(word, _)| word).collect()
    }

    fn of(values: &Values) -> Checks {
        let checks = Checks {
            inventory: values.has("inventory"),
            replication: values.has("replication"),
            test_restore: values.has("test-restore"),
            dr: values.has("dr"),
            dump_test: values.has("dump-test"),
            since: None,
        };
        let checks = if checks == Checks::NONE { Checks::ALL } else { checks };
        Checks { since: values.get(SINCE).and_then(|text| Span::parse(text).ok()), ..checks }
    }

    fn say(self, values: &mut Values) {
        let all = Checks { since: None, ..self } == Checks::ALL;
        values.flag("inventory", self.inventory && !all);
        values.flag("replication", self.replication && !all);
        values.flag("test-restore", self.test_restore && !all);
        values.flag("dr", self.dr);
        values.flag("dump-test", self.dump_test);
        if let Some(since) = self.since {
            values.set(SINCE, since.to_string());
        }
    }

    /// Only this is looked at.
    fn is_only(self, one: Checks) -> bool {
        Checks { since: None, ..self } == one
    }

    /// Whether something is made for it and removed again.
    fn makes(self) -> bool {
        self.test_restore || self.dump_test
    }
}

const fn check(name: &'static str, about: &'static str) -> Arg {
    Arg { name, kind: &CHECK, form: Form::Flag, required: false, usual: None, about }
}

/// Who names everything says the same as who names nothing.
fn settled(mut values: Values) -> Result<Values, Wrong> {
    let checks = Checks::of(&values);
    if checks.since.is_some() && !checks.test_restore {
        return Err(Wrong::new(
            "`--since` says how old a recovery point may be that a test restore takes. Say `--test-restore` too, or leave `--since` out.",
        ));
    }
    checks.say(&mut values);
    Ok(values)
}

/// The command that looks at these.
pub fn command(environment: &str, checks: Checks) -> Command {
    let mut values = Values::default();
    values.set(ENVIRONMENT.name, environment);
    checks.say(&mut values);
    Command::new(&ENTRY, values)
}
/// Most bytes of an outcome that names what was found: a card shows little more.
const FOUND: usize = 850;

/// What a test leaves behind is cleaned up by itself after this long, in hours.
const TTL_HOURS: u64 = KEPT.as_secs() / 3600;

/// What a note says first of something that is declared and is not tested.
pub(super) const UNTESTED: &str = "Not tested: ";

/// What the plan leaves untested, a sentence each.
fn untested(plan: &Plan) -> Vec<&str> {
    plan.notes.iter().filter(|note| note.starts_with(UNTESTED)).map(String::as_str).collect()
}

/// What the run proved, as far as nothing was said about it.
fn proved(run: &Run) -> Option<String> {
    let (mut restores, mut archives) = (0, 0);
    for step in run.steps.iter().filter(|step| step.state == StepState::Done && run.doubt(step.index).is_none()) {
        match run.op.plan.steps.get(step.index).map(|spec| &spec.action) {
            Some(Action::VerifyDatabase(_) | Action::VerifyFiles(_)) => restores += 1,
            Some(Action::VerifySecrets(_) | Action::VerifyDump(_)) => archives += 1,
            _ => {}
        }
    }
    let restores = (restores > 0).then(|| format!("{} proved", count(restores, "restore")));
    let archives = (archives > 0).then(|| format!("{} read whole", count(archives, "archive")));
    let both: Vec<String> = restores.into_iter().chain(archives).collect();
    (!both.is_empty()).then(|| both.join(", "))
}

/// The operation.
pub struct Validate;

impl Operation for Validate {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "vl"
    }

    fn works(&self) -> Works {
        Works::WhereItRuns
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, _: &Command, environment: &str) -> String {
        format!("A validation of `{environment}`")
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        Ok(survey(asked.environment, Checks::of(asked.command.values()), asked.drawn))
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        plan(asked.environment, Checks::of(asked.command.values()), &known.world, asked.id, asked.at)
    }

    /// A test restore makes only what it deletes again, and must never hold up a restore in earnest.
    fn locks(&self) -> bool {
        false
    }

    fn recovers(&self, plan: &Plan) -> Option<&'static str> {
        let only = |checks: Checks| plan.scope == checks.words();
        match () {
            () if only(Checks { test_restore: true, ..Checks::NONE }) => Some("test restores"),
            () if only(Checks { dump_test: true, ..Checks::NONE }) => Some("test loads of dumps"),
            () => None,
        }
    }

    fn title(&self, plan: &Plan) -> String {
        format!("Validation of {}{}", whole(plan), narrowed(plan))
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        let holds = format!("Everything that was looked at holds: {} in {}.", count(ended.steps, "step"), ended.took);
        let untested = untested(ended.plan);
        match untested.is_empty() {
            true => holds,
            false => format!("{holds} But not everything was: {}", escape(&untested.join(" "))),
        }
    }

    fn found(&self, run: &Run, took: &str) -> Option<String> {
        let mut parts: Vec<String> = proved(run).into_iter().collect();
        parts.extend(run.issues().into_iter().map(|(_, words)| words.to_owned()));
        let mut text = format!("Done: {}. It took {took}.", escape(&parts.join(", ")));
        let untested = untested(&run.op.plan).into_iter().map(str::to_owned);
        let findings: Vec<String> = run.findings().into_iter().map(|(_, found)| found).chain(untested).collect();
        for (told, each) in findings.iter().enumerate() {
            let line = format!("\n• {}", escape(each));
            if text.len() + line.len() > FOUND {
                let more = findings.len() - told;
                text.push_str(&format!("\n… and {more} more: `/bbws op show {}` names them", run.op.id));
                break;
            }
            text.push_str(&line);
        }
        text.push_str(&format!("\nOnce it is mended, look again: `/bbws {}`", escape(&run.op.command)));
        Some(text)
    }

    /// What was looked at gives the same answer until something is mended, and then it is asked for anew.
    fn retries(&self, _: &Plan) -> bool {
        false
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "What failed is *not* proved."
    }

    fn left_behind(&self, _: &Plan, _: usize) -> Option<String> {
        Some("What a test restored is deleted by itself within a day.".to_owned())
    }
}

/// A moment of the time before, the same for each look at it: what was the newest recovery point then is the one that is restored.
fn draw(env: &Environment, drawn: Moment, since: Span) -> Moment {
    let digest = Sha256::digest(format!("{} {}", env.name, drawn.0));
    let number = u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"));
    drawn - Duration::from_secs(number % since.0.as_secs().max(1))
}

/// What has to be known of the live world.
pub fn survey(env: &Environment, checks: Checks, drawn: Moment) -> Survey {
    if !checks.makes() {
        return Survey::default();
    }
    Survey {
        databases: env.databases.iter().map(|d| d.id.clone()).collect(),
        file_systems: env.file_systems.iter().map(|f| f.id.clone()).collect(),
        newest: true,
        newest_at: checks.since.map(|since| draw(env, drawn, since)),
        isolated: !env.databases.is_empty() || !env.file_systems.is_empty(),
        ..Survey::default()
    }
}

/// The plan.
///
/// # Errors
/// What stands in the way, a sentence each: only what was asked for by name stands in the way, the rest is noted.
pub fn plan(env: &Environment, checks: Checks, world: &World, id: &OpId, now: Moment) -> Result<Plan, Vec<String>> {
    let mut draft = Draft::default();
    if checks.inventory {
        let region = env.primary_region.clone();
        draft.step(format!("Take inventory of {}", env.name), vec![], step::InventoryReport { region });
    }
    if checks.replication {
        let region = if env.replicates() { &env.dr_region } else { &env.primary_region };
        draft.step(
            format!("Measure how far the copies of {} are behind", env.name),
            vec![],
            step::ReplicationReport { region: region.clone() },
        );
    }
    if checks.dr {
        match env.replicates() {
            true => drop(draft.step(
                format!("Find out what stands in the way of a failover of {} to {}", env.name, env.dr_region),
                vec![],
                step::ObstacleReport { region: env.dr_region.clone() },
            )),
            false if env.side == Side::Dr => draft.problem(format!(
                "`{0}` runs in its DR region, so that there is no failover whose prerequisites could be looked at: `/bbws dr failback {0}` says when it can go home.",
                env.name
            )),
            false => draft.problem(format!(
                "`{}` has no copies elsewhere, so that there is nothing to fail over to: `replication` is \"disabled\".",
                env.name
            )),
        }
    }
    if checks.makes() {
        let before = draft.all().len();
        let mut tests = restores::Tests { env, world, id, now, draft: &mut draft, missing: Vec::new(), checks };
        tests.all();
        let missing = tests.missing;
        let only =
            checks.is_only(Checks { test_restore: checks.test_restore, dump_test: checks.dump_test, ..Checks::NONE });
        for why in missing {
            if only && draft.all().len() == before {
                draft.problem(format!("{UNTESTED}{why}"));
            } else {
                draft.note(format!("{UNTESTED}{why}"));
            }
        }
    }
    if checks.inventory {
        let dr = env.dr_vault.as_ref().filter(|_| env.replicates()).map(|vault| (&env.dr_region, vault));
        for (region, vault) in [(&env.primary_region, &env.vault)].into_iter().chain(dr) {
            let (region, vault) = (region.clone(), vault.clone());
            let title = format!("Verify that vault {vault} in {region} takes backups");
            draft.step(title, vec![], step::VerifyVault { region, vault, retention_days: env.retention_days.default });
        }
    }
    draft.finish(Head { kind: KIND, environment: env, scope: checks.words(), tenant: None, retention_days: None })
}
