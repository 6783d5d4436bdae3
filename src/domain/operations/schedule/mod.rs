//! `backup.schedule`: when AWS makes backups by itself, and how long it keeps them; and what bbws starts by itself.

mod desired;
pub mod own;

use super::{
    Asked, Ended, Known, Marks, Operation, Works, begun,
    draft::{Draft, Head},
    narrowed, unplanned, whole,
};
use crate::domain::{
    approval::ANY_ROLE,
    command::{
        Arg, Command, Does, ENVIRONMENT, Entry, Form, Group, List, REASON, Values, Wrong, one_of, shown,
        value::{self, Kind},
    },
    environment::Environment,
    mark::{Mark, MarkKind},
    operation::Run,
    plan::Plan,
    point::PointKind,
    policy::Need,
    routine::Routine,
    schedule::daily_window,
    step::StepSpec,
    text::count,
    world::{Survey, World},
};

pub use desired::describe;
use own::Meant;

/// The kind on plans.
const KIND: &str = "backup.schedule";

const ACTION: &str = "action";
const RETENTION: &str = "retention";
const TIMES: &str = "cron";
const TYPE: &str = "type";
/// The word for all that bbws starts by itself.
const OWN: &str = "own";

/// What is done with a schedule, as a word.
static ACT: Kind = Kind {
    name: "act",
    words: &["list", "create", "update"],
    called: &[
        ("show", "list"),
        ("get", "list"),
        ("ls", "list"),
        ("set", "update"),
        ("change", "update"),
        ("edit", "update"),
        ("modify", "update"),
        ("make", "create"),
        ("new", "create"),
        ("add", "create"),
    ],
    read: |kind, text, _| {
        let known = || format!("{} is not done with a schedule, only {}.", shown(text), one_of(kind.words));
        kind.exactly(text).map(str::to_owned).ok_or_else(|| Wrong::new(known()))
    },
    lacking: |_| "to know what to do: list, create or update.".to_owned(),
    ..value::TEXT
};
static ENTRY: Entry = Entry {
    name: KIND,
    path: &["backup", "schedule"],
    group: Group::Backups,
    place: 40,
    about: "Show or change when backups are made and how long they are kept",
    happens: "`list` shows only you the schedule and changes nothing. `create` and `update` show what is now and what will be; \
                  AWS is changed once that is agreed to, where the policy asks for approval. Backups that exist keep \
                  their expiry. What AWS cannot do by itself, bbws starts by itself once that is approved: exports, dumps, \
                  checks and test restores, when the config's `schedules` say or else as often as the RPO asks.",
    args: &[
        ENVIRONMENT,
        Arg {
            name: ACTION,
            kind: &ACT,
            form: Form::Word,
            required: true,
            usual: Some("list"),
            about: "`list` shows the schedule, `create` makes it, `update` changes what you name",
        },
        Arg {
            name: RETENTION,
            kind: &value::DAYS,
            form: Form::Option,
            required: false,
            usual: None,
            about: "days to keep, within the environment's limits",
        },
        Arg {
            name: TIMES,
            kind: &value::CRON,
            form: Form::Option,
            required: false,
            usual: None,
            about: "when, in UTC and at most hourly, in quotes, as AWS writes it: `cron(0 2 * * ? *)` is every day at 02:00; with `--type rds` the daily time at which automated backups begin. A new schedule without it goes by the config's `schedule`, or else by the RPO",
        },
        Arg {
            name: TYPE,
            kind: &value::SCHEDULED,
            form: Form::Option,
            required: false,
            usual: None,
            about: "only the databases' automated backups (`rds`), only the plan of AWS Backup (`efs`), only what bbws starts by itself (`own`), or one of that (`secrets`, `config`, `s3`, `dump`, `lifecycle`, `inventory`, `replication`, `dr-check`, `dump-test`, `restore-test`, `pitr-test`, `dr-restore-test`). Without it, `create` makes all of it, and with `--cron`, `--retention` or `update` it is about AWS alone",
        },
        REASON,
    ],
    examples: &[
        "backup schedule ENV list",
        "backup schedule ENV create --cron \"cron(0 2 * * ? *)\" --retention 30",
        "backup schedule ENV update --type rds --cron \"cron(30 1 * * ? *)\"",
        "backup schedule ENV update --retention 14 --type rds --reason \"storage costs\"",
        "backup schedule ENV create --type own",
    ],
    who: "everyone in the workspace may list; anyone in a role may create and update",
    does: |values| match values.get(ACTION) {
        Some("create" | "update") => Does::Operation,
        _ => Does::List(List::Schedule),
    },
    settle: settled,
    mend: completed,
};

/// Whether values that are right each by itself belong together.
fn settled(values: Values) -> Result<Values, Wrong> {
    let environment = values.get(ENVIRONMENT.name).unwrap_or_default();
    let retention = values.get(RETENTION);
    let cron = values.get(TIMES);
    let only_own = !parts(&values).aws;
    match values.get(ACTION) {
        Some("create" | "update") if only_own && retention.is_some() => Err(Wrong::new(
            "How long what bbws makes is kept is said in the config, by `retention` and `retention_tiers`. Leave `--retention` out.",
        )),
        Some("create" | "update") if cron.is_some() && values.get(TYPE) == Some(OWN) => Err(Wrong::new(
            "Not everything that bbws starts by itself is due at one time. Say which with `--type`, or leave `--cron` out.",
        )),
        Some("update") if only_own => Ok(values),
        Some("list") => match [RETENTION, TIMES, TYPE, REASON.name].into_iter().find(|name| values.get(name).is_some())
        {
            Some(option) => Err(Wrong::new(format!(
                "`backup schedule {environment} list` only shows the schedule and takes no `--{option}`. `update` changes it."
            ))),
            None => Ok(values),
        },
        _ if values.get(TYPE) == Some(PointKind::Rds.as_str())
            && cron.is_some_and(|cron| daily_window(cron).is_none()) =>
        {
            Err(Wrong::new(
                "RDS makes automated backups once a day, in a window of half an hour. With `--type rds` say a daily time, such as `--cron \"cron(0 2 * * ? *)\"`, or leave `--cron` out.",
            ))
        }
        // The config says what else the plan of AWS Backup is to do.
        Some("update") if values.get(TYPE) == Some(PointKind::Efs.as_str()) => Ok(values),
        Some("update") if retention.is_none() && cron.is_none() => Err(Wrong::new(format!(
            "`backup schedule {environment} update` would change nothing. Say what: `--retention`, `--cron` or both."
        ))),
        _ => Ok(values),
    }
}

/// What a command is about: what AWS does by itself, of which kind if not of both, and what bbws starts by itself.
struct Parts {
    aws: bool,
    kind: Option<PointKind>,
    own: Meant,
}

fn parts(values: &Values) -> Parts {
    match values.get(TYPE) {
        None => {
            // Times and lengths are said of AWS.
            let plain = values.get(RETENTION).is_none() && values.get(TIMES).is_none();
            let everything = plain && values.get(ACTION) == Some(ScheduleAct::Create.as_str());
            Parts { aws: true, kind: None, own: if everything { Meant::All } else { Meant::None } }
        }
        Some(OWN) => Parts { aws: false, kind: None, own: Meant::All },
        Some(word) => match [PointKind::Rds, PointKind::Efs].into_iter().find(|kind| kind.as_str() == word) {
            Some(kind) => Parts { aws: true, kind: Some(kind), own: Meant::None },
            None => Parts { aws: false, kind: None, own: Routine::named(word).map_or(Meant::None, Meant::One) },
        },
    }
}

/// The command that brings what bbws starts by itself to what the config says.
pub fn own_command(environment: &str, act: ScheduleAct) -> Command {
    let mut values = Values::default();
    values.set(ENVIRONMENT.name, environment);
    values.set(ACTION, act.as_str());
    values.set(TYPE, OWN);
    Command::new(&ENTRY, values)
}

/// What is done with the schedule has to fit what is said of it.
fn completed(values: &mut Values) {
    let changes = values.get(RETENTION).is_some() || values.get(TIMES).is_some();
    match values.get(ACTION) {
        None | Some("list") if changes => values.set(ACTION, "update"),
        None | Some("list") => values.clear(TYPE),
        Some("update") if !changes && parts(values).aws => values.offer(RETENTION, value::DAYS.open),
        Some(_) => {}
    }
}

/// What is done with a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScheduleAct {
    /// Show it.
    List,
    /// Make it.
    Create,
    /// Change it.
    Update,
}

impl ScheduleAct {
    /// Every act, in the order help names them.
    pub const ALL: [Self; 3] = [Self::List, Self::Create, Self::Update];

    /// The word people type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}
/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Make or change.
    pub act: ScheduleAct,
    /// Days.
    pub retention: Option<u32>,
    /// AWS cron expression, checked already.
    pub cron: Option<&'a str>,
    /// Whether it is about what AWS does by itself.
    pub aws: bool,
    /// Of that, `rds`: only the databases' automated backups; `efs`: only the AWS Backup plan.
    pub kind: Option<PointKind>,
    /// What of bbws's own it is about.
    pub own: Meant,
}

/// The operation.
pub struct Schedule;

impl Schedule {
    fn wanted(command: &Command) -> Result<Wanted<'_>, Vec<String>> {
        let values = command.values();
        let act = ScheduleAct::ALL.into_iter().find(|act| values.get(ACTION) == Some(act.as_str()));
        let Parts { aws, kind, own } = parts(values);
        Ok(Wanted {
            act: act.ok_or_else(|| unplanned(command))?,
            retention: values.read(RETENTION),
            cron: values.get(TIMES),
            aws,
            kind,
            own,
        })
    }
}

impl Operation for Schedule {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "sc"
    }

    fn works(&self) -> Works {
        Works::WhereItRuns
    }

    fn scopes(&self) -> &'static [&'static str] {
        &["create", "update"]
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, _: &Command, environment: &str) -> String {
        format!("The schedule of `{environment}`")
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        let wanted = Self::wanted(asked.command)?;
        bounds(asked.environment, wanted.retention).map_err(|why| vec![why])?;
        Ok(if wanted.aws { survey(asked.environment) } else { Survey::default() })
    }

    fn marks(&self) -> Marks {
        Marks::Of(MarkKind::Routine)
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        plan(asked.environment, &Self::wanted(asked.command)?, &known.world, &known.marks)
    }

    fn scope(&self, plan: &Plan) -> String {
        plan.scope.clone()
    }

    /// Where something ends a second person agrees, in every environment and whatever the config leaves out.
    fn needs(&self, plan: &Plan, configured: Vec<Need>) -> Vec<Need> {
        if configured.is_empty() && plan.notes.iter().any(|note| note.starts_with(desired::LOSS)) {
            return vec![Need { role: ANY_ROLE.to_owned(), count: 1 }];
        }
        configured
    }

    fn plans_again(&self, run: &Run) -> bool {
        !begun(run)
    }

    fn title(&self, plan: &Plan) -> String {
        format!("Schedule of {}{}", whole(plan), narrowed(plan))
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        let routine = |step: &StepSpec| !step.action.mutates();
        let routines = ended.plan.steps.iter().filter(|step| routine(step)).count();
        match (routines, ended.plan.steps.len() - routines) {
            (0, _) => "The schedule is as asked for: it was read back and compared.".to_owned(),
            (own, 0) => format!("{} in force: from now on bbws starts by itself what was approved.", are(own)),
            (own, _) => format!(
                "The schedule is as asked for: what AWS does was read back and compared; {} in force.",
                are(own)
            ),
        }
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "The schedule is *not* as asked for."
    }

    fn left_behind(&self, plan: &Plan, finished: usize) -> Option<String> {
        let environment = &plan.environment;
        Some(format!(
            "{finished} of its changes are made and stay: `/bbws backup schedule {environment} list` shows them."
        ))
    }
}

/// `3 routines are`.
fn are(routines: usize) -> String {
    format!("{} {}", count(routines, "routine"), if routines == 1 { "is" } else { "are" })
}

/// What has to be known of the live world.
pub fn survey(env: &Environment) -> Survey {
    Survey {
        databases: env.databases.iter().map(|d| d.id.clone()).collect(),
        schedule: true,
        vault: true,
        dr: env.replicates(),
        ..Survey::default()
    }
}

/// What can be refused before AWS is asked: a retention outside the environment's bounds.
///
/// # Errors
/// A sentence.
pub fn bounds(env: &Environment, retention: Option<u32>) -> Result<(), String> {
    let Some(days) = retention else { return Ok(()) };
    let allowed = env.retention_days;
    if days < allowed.min {
        return Err(format!(
            "{days} days is under the floor of `{}`: nothing is kept for less than {} days. Say {} or more.",
            env.name, allowed.min, allowed.min
        ));
    }
    if days > allowed.max {
        return Err(format!(
            "{days} days is over the ceiling of `{}`, {} days. Say {} or less, or raise `retention_days.max` in bbws.toml.",
            env.name, allowed.max, allowed.max
        ));
    }
    Ok(())
}

/// The plan: the AWS Backup plan, the automated backups and the routines become what is wanted. The difference is in the notes.
///
/// # Errors
/// What stands in the way, a sentence each; also when nothing would change.
pub fn plan(env: &Environment, wanted: &Wanted<'_>, world: &World, marks: &[Mark]) -> Result<Plan, Vec<String>> {
    bounds(env, wanted.retention).map_err(|why| vec![why])?;
    let mut draft = Draft::default();
    for (what, condition) in [("Backup vault", &world.vault), ("DR backup vault", &world.dr_vault)] {
        if let Some(Err(why)) = condition {
            draft.problem(format!("{what}: {why}"));
        }
    }
    // Where AWS does its part already, the rest is made without touching it.
    let rest = wanted.own == Meant::All && world.plan.is_some() && !own::lacking(env, marks).is_empty();
    let aws = wanted.aws && !rest;
    if aws && wanted.kind != Some(PointKind::Rds) {
        desired::backup_plan(env, wanted, world, &mut draft);
    }
    if aws && wanted.kind != Some(PointKind::Efs) {
        desired::automated(env, wanted, world, &mut draft);
    }
    own::Asked { env, act: wanted.act, meant: wanted.own, cron: wanted.cron, marks }.all(&mut draft);
    let scope = wanted.act.as_str().to_owned();
    let head = Head { kind: KIND, environment: env, scope, tenant: None, retention_days: wanted.retention };
    let empty = draft.is_empty();
    let plan = draft.finish(head)?;
    if empty {
        let name = env.plan_name();
        return Err(vec![if wanted.aws {
            format!(
                "Nothing would change: `{name}` and the automated backups are as asked for already. No new version is made."
            )
        } else {
            format!("Nothing would change: bbws starts of `{}` by itself what the config says already.", env.name)
        }]);
    }
    Ok(plan)
}
