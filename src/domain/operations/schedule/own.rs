//! What bbws starts by itself: which routines an environment has use for, what each may do, and how that changes.

use std::time::Duration;

use super::{
    super::{
        Operation as _,
        create::{self, BackupScope, Target},
        draft::Draft,
        restore,
        validate::{self, Checks},
    },
    ScheduleAct, desired,
};
use crate::domain::{
    environment::Environment,
    mark::{Mark, MarkKind},
    moment::spoken,
    routine::{Rhythm, Routine, Template, Wish},
    schedule::Schedule as Calendar,
    step,
};

const DAY: u64 = 86_400;
/// How often a restore is tested where the config promises nothing.
const MONTH: Duration = Duration::from_secs(30 * DAY);

/// Which routines a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// None: only what AWS does by itself.
    None,
    /// All that the environment has use for.
    All,
    /// One.
    One(Routine),
}

/// What an environment would have of a routine: what it starts, and when the config or, where nothing says when, its objectives ask
/// for it.
pub fn template(env: &Environment, routine: Routine, rhythm: &Rhythm) -> Option<Template> {
    let (command, kind, scope) = match source(env, routine) {
        Source::Backup(part) => {
            Target::new(env, part, None).ok()?;
            (create::command(&env.name, part).canonical(), create::Create.kind(), part.to_string())
        }
        Source::Look(checks) => {
            let dumps = !env.dumps.is_empty() || env.secrets_prefix.is_some();
            let data = !env.databases.is_empty() || !env.file_systems.is_empty() || dumps;
            let idle = ((checks.replication || checks.dr) && !env.replicates())
                || (checks.test_restore && !data)
                || (checks.dump_test && env.dumps.is_empty());
            if idle {
                return None;
            }
            (validate::command(&env.name, checks).canonical(), validate::Validate.kind(), checks.words())
        }
        Source::Past { from_dr } => {
            let database = env.databases.first().filter(|_| env.replicates() || !from_dr)?;
            let place = if from_dr { " --region dr" } else { "" };
            let database = database.name();
            let command =
                format!("backup restore {} pitr --target-time latest --database {database}{place} --keep 1h", env.name);
            (command, restore::Restore.kind(), restore::CLONE.to_owned())
        }
    };
    Some(Template {
        command,
        rhythm: rhythm.text().to_owned(),
        kind: kind.to_owned(),
        scope,
        account: env.account.clone(),
        region: env.primary_region.clone(),
        dr_region: env.replicates().then(|| env.dr_region.clone()),
        days: days(env, routine),
        about: about(env),
    })
}

/// When a routine is due: as the config wishes, or else as often as the environment's promises need it.
pub fn rhythm(env: &Environment, routine: Routine) -> Wish {
    let loaded = || !env.dumps.iter().any(|dump| dump.load_test.is_none());
    match routine.wished(env) {
        Some(wish) => wish,
        // The test restore loads them.
        None if routine == Routine::DumpTest && loaded() => Wish::Never,
        None => Wish::When(usual(env, routine)),
    }
}

/// What a routine is made of.
enum Source {
    Backup(BackupScope),
    Look(Checks),
    /// The first database as it was some minutes ago, beside the platform; deleted by itself once that was looked into.
    Past {
        from_dr: bool,
    },
}

fn source(env: &Environment, routine: Routine) -> Source {
    match routine {
        Routine::Secrets => Source::Backup(BackupScope::Secrets),
        Routine::Config => Source::Backup(BackupScope::Config),
        Routine::S3 => Source::Backup(BackupScope::S3),
        Routine::Dump => Source::Backup(BackupScope::Dump),
        Routine::Lifecycle => Source::Backup(BackupScope::Lifecycle),
        Routine::Inventory => Source::Look(Checks { inventory: true, ..Checks::NONE }),
        Routine::Replication => Source::Look(Checks { replication: true, ..Checks::NONE }),
        Routine::DrCheck => Source::Look(Checks { dr: true, ..Checks::NONE }),
        Routine::DumpTest => Source::Look(Checks { dump_test: true, ..Checks::NONE }),
        Routine::RestoreTest => {
            Source::Look(Checks { test_restore: true, since: env.restore_test_window, ..Checks::NONE })
        }
        Routine::PitrTest => Source::Past { from_dr: false },
        Routine::DrRestoreTest => Source::Past { from_dr: true },
    }
}

/// How often a routine is due where the config does not say.
fn usual(env: &Environment, routine: Routine) -> Rhythm {
    let daily = |at: &str| Rhythm::parse(&format!("cron({at} * * ? *)")).expect("AWS takes a time of the day");
    match routine {
        Routine::Secrets | Routine::Config | Routine::S3 | Routine::Dump => {
            Rhythm::At(Box::new(Calendar::within(env.rpo.0)))
        }
        Routine::Lifecycle => daily("30 5"),
        Routine::Inventory => daily("0 6"),
        Routine::Replication => daily("30 6"),
        Routine::DrCheck => daily("45 6"),
        Routine::PitrTest => Rhythm::parse("7d").expect("a week is a length of time"),
        Routine::DrRestoreTest => Rhythm::parse("90d").expect("a quarter is a length of time"),
        Routine::DumpTest => in_time(MONTH),
        Routine::RestoreTest => {
            let loads = env.dumps.iter().any(|dump| dump.load_test.is_some());
            let promised = env.restore_test.map_or(MONTH, |span| span.0);
            in_time(if loads { promised.min(MONTH) } else { promised })
        }
    }
}

/// Before the promise is broken, and not when it is.
fn in_time(promised: Duration) -> Rhythm {
    let days = (promised.as_secs() * 9 / 10 / DAY).max(1);
    Rhythm::parse(&format!("{days}d")).expect("a number of days is a length of time")
}

/// Days for which what a routine makes may be kept.
fn days(env: &Environment, routine: Routine) -> Vec<u32> {
    match source(env, routine) {
        Source::Look(_) | Source::Past { .. } | Source::Backup(BackupScope::Lifecycle) => Vec::new(),
        Source::Backup(scope) => crate::domain::retention::lengths(env, scope.as_str()),
    }
}

/// What runs may be about: all that the environment declares.
fn about(env: &Environment) -> Vec<String> {
    let databases = env.databases.iter().flat_map(|d| [d.id.clone(), d.name().to_owned()]);
    let files = env.file_systems.iter().map(|f| f.id.clone());
    let buckets = env.buckets.iter().map(|bucket| bucket.name.clone());
    let prefixes = [&env.secrets_prefix, &env.parameters_prefix].into_iter().flatten().cloned();
    let mut about: Vec<String> = databases.chain(files).chain(buckets).chain(prefixes).collect();
    about.sort();
    about.dedup();
    about
}

/// What is in force of a routine, and by which operation.
pub fn in_force(marks: &[Mark], routine: Routine) -> Option<(&Mark, Template)> {
    let mark = marks.iter().find(|mark| mark.kind == MarkKind::Routine && mark.subject == routine.name())?;
    Some((mark, Template::read(&mark.note)?))
}

/// Routines that the environment has use for and that are not in force.
pub fn lacking(env: &Environment, marks: &[Mark]) -> Vec<Routine> {
    let lacks = |routine: &Routine| {
        let Wish::When(rhythm) = rhythm(env, *routine) else { return false };
        in_force(marks, *routine).is_none() && template(env, *routine, &rhythm).is_some()
    };
    Routine::ALL.into_iter().filter(lacks).collect()
}

/// What is asked for of the routines that are meant.
pub(super) struct Asked<'a> {
    pub(super) env: &'a Environment,
    pub(super) act: ScheduleAct,
    pub(super) meant: Meant,
    /// When, if that was said.
    pub(super) cron: Option<&'a str>,
    pub(super) marks: &'a [Mark],
}

impl Asked<'_> {
    /// The steps that bring the routines to what is wanted.
    pub(super) fn all(&self, draft: &mut Draft) {
        match self.meant {
            Meant::None => {}
            Meant::All => Routine::ALL.into_iter().for_each(|routine| self.one(routine, draft)),
            Meant::One(routine) => self.one(routine, draft),
        }
    }

    fn one(&self, routine: Routine, draft: &mut Draft) {
        let (env, name) = (self.env, routine.name());
        let alone = self.meant == Meant::One(routine);
        let is = in_force(self.marks, routine);
        let was = |template: &Template| Rhythm::parse(&template.rhythm).map_or(template.rhythm.clone(), |r| r.spoken());
        let found = match &is {
            Some((mark, template)) => format!("started by bbws {}, by {}", was(template), mark.operation),
            None => "not started by bbws".to_owned(),
        };
        match (self.act, &is) {
            (ScheduleAct::Create, Some((mark, _))) if alone => {
                return draft.problem(format!(
                    "bbws starts {} of {} by itself already, by {}. `/bbws backup schedule {} update --type {name} …` changes that.",
                    routine.spoken(), env.name, mark.operation, env.name
                ));
            }
            (ScheduleAct::Update, None) if alone => {
                return draft.problem(format!(
                    "bbws does not start {} of {} by itself. `/bbws backup schedule {} create --type {name}` makes that so.",
                    routine.spoken(), env.name, env.name
                ));
            }
            (ScheduleAct::Create, Some(_)) | (ScheduleAct::Update, None) | (ScheduleAct::List, _) => return,
            (ScheduleAct::Create, None) | (ScheduleAct::Update, Some(_)) => {}
        }
        let wish = match self.cron.map(Rhythm::parse) {
            Some(Ok(said)) => Wish::When(said),
            Some(Err(why)) => return draft.problem(format!("{why}.")),
            None => rhythm(env, routine),
        };
        let wanted = match wish {
            Wish::When(rhythm) => template(env, routine, &rhythm).map(|template| (rhythm, template)),
            Wish::Never => None,
        };
        match (is, wanted) {
            (None, None) if alone => draft.problem(format!(
                "There is nothing for {} in `{}`: the config declares none of it, or turns it off.",
                routine.spoken(),
                env.name
            )),
            (None, None) => {}
            (Some((_, template)), Some((_, wanted))) if template == wanted => {}
            (is, Some((rhythm, wanted))) => {
                draft.fact(format!("Routine {name}"), found);
                draft.note(said(routine, is.as_ref().map(|(_, template)| template), &rhythm, &wanted));
                draft.step(
                    format!("Let bbws start `{}` {}", wanted.command, rhythm.spoken()),
                    vec![],
                    step::Remember { mark: MarkKind::Routine, subject: name.to_owned(), note: wanted.note() },
                );
            }
            (Some(_), None) => {
                draft.fact(format!("Routine {name}"), found);
                draft.note(format!("{} {} is not started by bbws any more.", desired::LOSS, routine.spoken()));
                draft.step(
                    format!("End what starts {} by itself", routine.spoken()),
                    vec![],
                    step::Forget { mark: MarkKind::Routine, subject: name.to_owned() },
                );
            }
        }
    }
}

/// What is signed of a routine, in a sentence.
fn said(routine: Routine, was: Option<&Template>, rhythm: &Rhythm, is: &Template) -> String {
    let kept = match is.days.as_slice() {
        [] => String::new(),
        [days] => format!(", kept {days} days"),
        days => format!(", kept by its tier, up to {} days", days.iter().max().copied().unwrap_or_default()),
    };
    let copies = match &is.dr_region {
        Some(region) if !is.days.is_empty() => format!(", with copies in {region}"),
        _ => String::new(),
    };
    let spread = spoken(crate::domain::routine::jitter_at_most(rhythm.gap()));
    let at_once = if matches!(rhythm, Rhythm::Every(..)) { ", the first at once" } else { "" };
    let each = format!("`/bbws {}` {}{at_once}{kept}{copies}", is.command, rhythm.spoken());
    match was {
        None => format!("{name}: bbws starts {each}, up to {spread} later, and asks nobody.", name = routine.name()),
        Some(was) if was.rhythm != is.rhythm => {
            let was = Rhythm::parse(&was.rhythm).map_or(was.rhythm.clone(), |rhythm| rhythm.spoken());
            format!("{}: {was} → {each}, and asks nobody.", routine.name())
        }
        Some(_) => {
            format!("{}: what it may be about has changed; bbws starts {each}, and asks nobody.", routine.name())
        }
    }
}
