//! `backup.bisect`: the last recovery point of a database on which a named check holds, found by test restores that are
//! deleted again.

mod report;

pub use report::report;

use super::{
    Asked, Ended, Known, Operation, Works,
    draft::{Draft, Head},
    whole,
};
use crate::domain::{
    bisect::{self, WIDTH},
    command::{
        ANY_ROLE, Arg, Command, Does, ENVIRONMENT, Entry, Form, Group, REASON, Values, Wrong, nothing_more, one_of,
        shown,
        value::{self, DURATION, Kind, TEXT, identifier, word},
    },
    environment::{Database, NamedCheck, Span},
    mark::{Leftover, MarkKind},
    moment::Moment,
    operation::Run,
    plan::Plan,
    point::Point,
    restored,
    step::{self, ProbePoint, VerifyCheck},
    text::{count, escape},
    world::{Survey, World},
};

/// The kind on plans.
const KIND: &str = "backup.bisect";

const TYPE: &str = "type";
const CHECK: &str = "check";
const DATABASE: &str = "database";
const SINCE: &str = "since";

/// Points of one search; of more the newest. Each of them stands in the plan.
const MOST: usize = 512;

static WHAT: Kind = Kind {
    name: "kind to bisect",
    words: &["rds"],
    called: &value::DATA_CALLED,
    read: |kind, text, _| word(kind, text, "something that can be bisected"),
    ..TEXT
};
static NAME: Kind = Kind {
    name: "check name",
    usage: "NAME",
    read: |_, text, _| identifier("check", text),
    lacking: |_| "to know what to ask: `--check` and the name of a check in bbws.toml.".to_owned(),
    open: Some("<check>"),
    ..TEXT
};
static ID: Kind = Kind {
    name: "bisected database",
    usage: "DB",
    read: |_, text, _| identifier("database", text).map(|id| id.to_ascii_lowercase()),
    open: Some("<database>"),
    ..TEXT
};

const fn option(name: &'static str, kind: &'static Kind, about: &'static str) -> Arg {
    Arg { name, kind, form: Form::Option, required: false, usual: None, about }
}

static ENTRY: Entry = Entry {
    name: KIND,
    path: &["backup", "bisect"],
    group: Group::Backups,
    place: 38,
    about: "Find the last recovery point on which a named check holds",
    happens: "Restores some of the database's recovery points apart from the platform, three at a time, asks each the check's \
                  question, and removes them again. Each round leaves a fourth of the points, so that of 64 nine are restored at \
                  the most. Of the platform itself nothing is changed.",
    args: &[
        ENVIRONMENT,
        Arg {
            name: TYPE,
            kind: &WHAT,
            form: Form::WordOrOption,
            required: false,
            usual: Some("rds"),
            about: "`rds`; nothing else can be asked so far",
        },
        Arg {
            required: true,
            ..option(CHECK, &NAME, "the check's name, as in `[environments.….checks]` of bbws.toml")
        },
        option(DATABASE, &ID, "which database, by its id; the check's own when left out"),
        Arg {
            usual: Some("30d"),
            ..option(SINCE, &DURATION, "only points no older than this: a number and `m`, `h` or `d`")
        },
        REASON,
    ],
    examples: &["backup bisect ENV rds --check orders", "backup bisect ENV rds --check orders --since 7d"],
    who: ANY_ROLE,
    does: |_| Does::Operation,
    settle: settled,
    mend: nothing_more,
};

fn settled(values: Values) -> Result<Values, Wrong> {
    match values.get(CHECK) {
        Some(_) => Ok(values),
        None => Err(Wrong::new((NAME.lacking)(&[]))),
    }
}

/// The operation.
pub struct Bisect;

impl Operation for Bisect {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "bs"
    }

    fn works(&self) -> Works {
        Works::AtHome("Restore single recovery points in the console of AWS, or ask again after a failback.")
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, command: &Command, environment: &str) -> String {
        let check = command.values().get(CHECK).unwrap_or_default();
        format!("The search for the last recovery point of `{}` on which {} holds", escape(environment), escape(check))
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        let (database, _, _) = subject(asked)?;
        Ok(Survey {
            databases: vec![database.id.clone()],
            history: Some(database.id.clone()),
            isolated: true,
            ..Survey::default()
        })
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        let (database, check, secret) = subject(asked)?;
        Search { asked, database, check, secret, world: &known.world }.plan()
    }

    /// It makes only what it deletes again, and must never hold up a restore in earnest.
    fn locks(&self) -> bool {
        false
    }

    fn title(&self, plan: &Plan) -> String {
        format!("Search in {} for the last recovery point on which {} holds", whole(plan), plan.scope)
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        format!("The search is over, in {}; what it found is in the thread.", ended.took)
    }

    fn found(&self, run: &Run, took: &str) -> Option<String> {
        let told = run.findings().into_iter().map(|(_, found)| found).collect::<Vec<_>>();
        Some(format!("Done: {} It took {took}; nothing is left of what was restored.", escape(&told.join(" "))))
    }

    /// What was restored is deleted again, so that it is asked for anew.
    fn retries(&self, _: &Plan) -> bool {
        false
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "The last right recovery point is *not* found."
    }

    fn left_behind(&self, _: &Plan, _: usize) -> Option<String> {
        Some("What was restored for the search is deleted by itself within a day.".to_owned())
    }
}

/// A database, the check by its name, and the secret with a login.
type Subject<'a> = (&'a Database, (&'a str, &'a NamedCheck), &'a str);

/// What is meant.
fn subject<'a>(asked: &Asked<'a>) -> Result<Subject<'a>, Vec<String>> {
    let (env, values) = (asked.environment, asked.command.values());
    let name = values.get(CHECK).unwrap_or_default();
    let Some((name, check)) = env.checks.get_key_value(name) else {
        let known: Vec<&str> = env.checks.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", one_of(&known)) };
        return Err(vec![format!(
            "`{}` has no check {}; {known}. A check is a line in `[environments.{}.checks]` of bbws.toml.",
            env.name,
            shown(name),
            env.name
        )]);
    };
    let wanted = values.get(DATABASE).unwrap_or(&check.database);
    let Some(database) = env.databases.iter().find(|database| database.is_called(wanted)) else {
        return Err(vec![format!("`{}` declares no database {}.", env.name, shown(wanted))]);
    };
    let Some(secret) = env.login(&database.id) else {
        return Err(vec![format!(
            "Nobody can sign in to a copy of {}: no `dumps` entry in bbws.toml names a secret with its login. Add one.",
            database.id
        )]);
    };
    Ok((database, (name, check), secret))
}

/// A search in the planning.
struct Search<'a> {
    asked: &'a Asked<'a>,
    database: &'a Database,
    check: (&'a str, &'a NamedCheck),
    secret: &'a str,
    world: &'a World,
}

impl Search<'_> {
    fn plan(&self) -> Result<Plan, Vec<String>> {
        let env = self.asked.environment;
        let mut draft = Draft::default();
        let (points, older) = self.points();
        let (Some(oldest), Some(newest)) = (points.first(), points.last()) else {
            return Err(vec![format!(
                "There is no recovery point of {} to restore in that time. `/bbws backup restore {} list rds` shows what there is; `--since` reaches further back.",
                self.database.id, env.name
            )]);
        };
        match &self.world.isolated {
            Some(Ok(_)) => {}
            Some(Err(why)) => return Err(vec![why.clone()]),
            None => return Err(vec!["Whether the isolated network is there is not known. Ask again.".to_owned()]),
        }
        let rounds = bisect::rounds(points.len());
        let most = (rounds * WIDTH).min(points.len());
        draft.fact(
            format!("Points of {}", self.database.id),
            format!("{}, data from {} to {}", count(points.len(), "recovery point"), oldest.created, newest.created),
        );
        draft.note(format!(
            "At the most {most} of them are restored, {WIDTH} at a time, in {}; each is asked whether `{}` holds and then deleted. Each costs what such a database costs while it is there.",
            count(rounds, "round"),
            self.check.0
        ));
        draft.note("What is wrong once is taken to stay wrong: the search does not ask every point.");
        if older > 0 {
            draft.note(format!("{} in that time are not among them.", count(older, "older point")));
        }
        self.steps(&mut draft, points, rounds);
        draft.finish(Head {
            kind: KIND,
            environment: env,
            scope: self.check.0.to_owned(),
            tenant: None,
            retention_days: None,
        })
    }

    /// What can be asked, the oldest first, and how many older ones are left out. What was made since it was asked for is not
    /// among them, so that planning again gives the same.
    fn points(&self) -> (Vec<ProbePoint>, usize) {
        let at = self.asked.at;
        let since = self.asked.command.values().get(SINCE).and_then(|text| Span::parse(text).ok());
        let from = since.map_or(Moment(0), |span| at - span.0);
        let env = self.asked.environment;
        let wanted = |point: &&Point| {
            self.database.is_called(&point.resource)
                && point.region == env.primary_region
                && point.usable()
                && (from..at).contains(&point.created)
        };
        let mut points: Vec<ProbePoint> = (self.world.lineage.iter().filter(wanted))
            .filter_map(|point| {
                let snapshot = point.snapshot()?.to_owned();
                Some(ProbePoint { id: point.id.clone(), snapshot, key: point.key(), created: point.created })
            })
            .collect();
        points.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        let older = points.len().saturating_sub(MOST);
        points.drain(..older);
        (points, older)
    }

    fn steps(&self, draft: &mut Draft, points: Vec<ProbePoint>, rounds: usize) {
        let env = self.asked.environment;
        let region = env.primary_region.clone();
        let database = self.database.id.clone();
        let laid_out = draft.step(
            format!("Lay out the {}", count(points.len(), "recovery point")),
            vec![],
            step::BisectPoints { database: database.clone(), points },
        );
        let mut asked: Vec<usize> = Vec::new();
        for round in 0..rounds {
            let before: Vec<usize> = std::iter::once(laid_out).chain(asked.iter().copied()).collect();
            asked.extend(self.round(draft, &before, round));
        }
        let all: Vec<usize> = std::iter::once(laid_out).chain(asked).collect();
        let check = self.check.0.to_owned();
        draft.step(
            format!("Write down what {check} answered"),
            all.clone(),
            step::RememberAnswers { check: check.clone() },
        );
        draft.step("Tell what was found", all, step::BisectReport { region, database, check });
    }

    /// Some points at once: restored, asked, deleted. Answers the steps that ask.
    fn round(&self, draft: &mut Draft, before: &[usize], round: usize) -> Vec<usize> {
        let (env, id) = (self.asked.environment, self.asked.id);
        let region = &env.primary_region;
        let name =
            |slot: usize| restored::name(&format!("{}-{}", self.database.name(), round * WIDTH + slot + 1), &id.0);
        let instances: Vec<String> = (0..WIDTH).map(name).collect();
        let noted = instances.iter().map(|instance| {
            draft.step(
                format!("Write down that {instance} may be made"),
                before.to_vec(),
                step::Remember {
                    mark: MarkKind::Leftover,
                    subject: instance.clone(),
                    note: Leftover::instance(region).note(),
                },
            )
        });
        let noted: Vec<usize> = noted.collect();
        let made = instances.iter().zip(noted).enumerate().map(|(slot, (instance, noted))| {
            draft.step(
                format!("Restore the next point as {instance}"),
                before.iter().copied().chain([noted]).collect(),
                step::BisectRestore {
                    region: region.clone(),
                    slot,
                    instance: instance.clone(),
                    subnet_group: env.isolated_subnet_group().to_owned(),
                    security_groups: env.restore_test_security_groups.clone(),
                },
            )
        });
        let made: Vec<usize> = made.collect();
        let check = self.check.0;
        let asked = instances.iter().zip(&made).map(|(instance, made)| {
            let title = format!("Ask {instance} whether {check} holds");
            draft.step(title, vec![*made], step::BisectAsk { ask: self.question(instance) })
        });
        let asked: Vec<usize> = asked.collect();
        let deleted = instances.iter().zip(made.iter().zip(&asked)).map(|(instance, (made, asked))| {
            draft.always(
                format!("Delete {instance}"),
                vec![*made, *asked],
                step::DeleteInstance { region: region.clone(), instance: instance.clone(), operation: id.to_string() },
            )
        });
        let deleted: Vec<usize> = deleted.collect();
        for (instance, deleted) in instances.into_iter().zip(deleted) {
            draft.step(
                format!("Write down that nothing is left of {instance}"),
                vec![deleted],
                step::Forget { mark: MarkKind::Leftover, subject: instance },
            );
        }
        asked
    }

    fn question(&self, instance: &str) -> VerifyCheck {
        let (name, check) = self.check;
        VerifyCheck {
            region: self.asked.environment.primary_region.clone(),
            instance: instance.to_owned(),
            database: self.database.id.clone(),
            engine: self.database.engine,
            secret: self.secret.to_owned(),
            secret_region: None,
            check: name.to_owned(),
            schema: check.schema.clone(),
            query: check.query.clone(),
        }
    }
}
