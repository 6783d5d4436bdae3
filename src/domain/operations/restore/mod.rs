//! `backup.restore`: bringing something back from a backup, beside what is there.
//!
//! A kind of restore is a file here and a line in `KINDS`: what it asks of AWS, and which steps make the copy and prove it.
//! What was asked for is in `ask`, what every restore does around that in `path`, how far it reaches in `scope`.

mod ask;
mod database;
mod dump;
mod files;
mod full;
mod full_live;
mod gates;
mod live;
mod names;
mod objects;
mod past;
mod path;
mod preflight;
mod scope;
mod secrets;
mod stages;
mod tenant;
mod values;

use ask::Ask;
pub(super) use scope::CLONE;
pub(super) use values::BUCKET_NAME;

use super::{Asked, Ended, Known, Marks, Operation, Works, unplanned, whole};
use crate::domain::{
    command::{ANY_ROLE, Command, Does, ENVIRONMENT, Entry, Group, REASON},
    environment::{Environment, PRODUCTION},
    moment::Moment,
    operation::Run,
    plan::Plan,
    preflight::Check,
    recovery::Recovery,
    step::{Action, StepState, UNPROVED},
    text::escape,
    world::Survey,
};

/// The kind on plans.
const KIND: &str = "backup.restore";

/// One kind of restore: how it is told from the others, and what it does.
pub(super) struct Kind {
    /// The word people type.
    word: &'static str,
    /// Options that it cannot do without and others may not have.
    needs: &'static [&'static str],
    /// Options of its own that may be left out.
    takes: &'static [&'static str],
    /// What it has to know of the live world.
    survey: fn(&Asked<'_>, &Ask<'_>) -> Result<Survey, Vec<String>>,
    /// Its plan.
    plan: fn(&Asked<'_>, &Ask<'_>, &Known) -> Result<Plan, Vec<String>>,
}

impl Kind {
    /// Whether an option is one of its own.
    fn says(&self, option: &str) -> bool {
        self.needs.contains(&option) || self.takes.contains(&option)
    }
}

/// Every kind of restore, in the order help names them. A new one is its file and its line here.
const KINDS: [&Kind; 8] = [
    &database::RDS,
    &database::PITR,
    &files::EFS,
    &dump::DUMP,
    &secrets::SECRETS,
    &secrets::CONFIG,
    &objects::S3,
    &full::FULL,
];

/// Their words.
static WORDS: [&str; KINDS.len()] = {
    let mut words = [""; KINDS.len()];
    let mut at = 0;
    while at < KINDS.len() {
        words[at] = KINDS[at].word;
        at += 1;
    }
    words
};

fn kind(word: &str) -> Option<&'static Kind> {
    KINDS.into_iter().find(|kind| kind.word == word)
}

static ENTRY: Entry = Entry {
    name: KIND,
    path: &["backup", "restore"],
    group: Group::Backups,
    place: 35,
    about: "Bring something back from a backup, beside what is there or into its place",
    happens: "Makes a new database or file system out of the backup in a network apart from the platform, looks whether it is \
                  whole, and tells what was found; of secrets, parameters and objects it tells what would come back. Nothing uses the \
                  copy, and it is deleted by itself when its time is over. With `--into live` it goes on: somebody looks at what was \
                  found, what is there is backed up, others agree, and what was restored takes its place; Roll back on the card is the \
                  way back.",
    args: &[
        ENVIRONMENT,
        ask::WHAT_ARG,
        ask::SNAPSHOT_ARG,
        ask::TARGET_ARG,
        ask::DATABASE_ARG,
        ask::POINT_ARG,
        ask::PATH_ARG,
        ask::FROM_ARG,
        ask::NAME_ARG,
        ask::BUCKET_ARG,
        ask::PREFIX_ARG,
        ask::AS_OF_ARG,
        ask::TENANT_ARG,
        ask::TABLES_ARG,
        ask::MERGE_ARG,
        ask::REGION_ARG,
        ask::INTO_ARG,
        ask::KEEP_ARG,
        ask::TICKET_ARG,
        REASON,
    ],
    examples: &[
        "backup restore ENV rds --snapshot-id bbws-mysql-manual-20261121-bk-1042",
        "backup restore ENV pitr --target-time 2026-11-21T09:30:00+02:00 --ticket INC-123",
        "backup restore ENV pitr --target-time latest --keep 6h --reason \"what did the order look like\"",
        "backup restore ENV rds --snapshot-id bbws-mysql-manual-20261121-bk-1042 --tenant tenant-1 --merge missing --into live --ticket INC-123",
        "backup restore ENV dump --from prod/dump/20261121/bk-1042/bbws-mysql.dump",
        "backup restore ENV efs --recovery-point 071de735-8d7a-3fa8-f530-3f66d7b3f173 --path /tenant-1",
        "backup restore ENV full --as-of 2026-11-21T09:30:00+02:00 --ticket INC-123",
        "backup restore ENV full --as-of latest --into live --ticket INC-123",
        "backup restore ENV s3 --bucket bbws-media --as-of 2026-11-21T09:30:00+02:00 --prefix wp-content/",
    ],
    who: ANY_ROLE,
    does: |_| Does::Operation,
    settle: ask::settled,
    mend: ask::completed,
};

/// The operation.
pub struct Restore;

impl Restore {
    fn ask<'a>(asked: &Asked<'a>) -> Result<Ask<'a>, Vec<String>> {
        Ask::of(asked.command).ok_or_else(|| unplanned(asked.command))
    }
}

impl Operation for Restore {
    fn kind(&self) -> &'static str {
        KIND
    }

    /// Shared with the lifting of stops: one sequence of numbers.
    fn prefix(&self) -> &'static str {
        "rs"
    }

    fn works(&self) -> Works {
        Works::AtHome("Restore it in the console of AWS, beside what is there, or ask again after a failback.")
    }

    fn scopes(&self) -> &'static [&'static str] {
        scope::WORDS
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, _: &Command, environment: &str) -> String {
        format!("A restore of `{environment}`")
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        let ask = Self::ask(asked)?;
        (ask.kind.survey)(asked, &ask)
    }

    fn marks(&self) -> Marks {
        Marks::All
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        let ask = Self::ask(asked)?;
        (ask.kind.plan)(asked, &ask, known)
    }

    fn scope(&self, plan: &Plan) -> String {
        plan.scope.clone()
    }

    /// A clone is apart from everything that others change.
    fn locks_for(&self, command: &Command) -> bool {
        Ask::of(command).is_none_or(|ask| ask.goes_live())
    }

    fn locked_by(&self, plan: &Plan) -> bool {
        plan.scope != scope::CLONE
    }

    fn restores(&self) -> bool {
        true
    }

    /// Its own cutover makes another world of the one that the plan was made for.
    fn plans_again(&self, run: &Run) -> bool {
        !path::changed_live(run)
    }

    fn recovers(&self, plan: &Plan) -> Option<&'static str> {
        Some(if plan.scope == CLONE { "restores into a clone" } else { "restores into live" })
    }

    /// Of the backup that it makes on its way.
    fn kept(&self) -> &'static str {
        "Backup kept until"
    }

    fn title(&self, plan: &Plan) -> String {
        let of = path::of(plan).unwrap_or_else(|| whole(plan).to_owned());
        if path::everything(plan).is_some() && path::cuts_over(plan) {
            return format!("Restore of {of} into live");
        }
        if let (Some(tables), Some(tenant)) = (path::tenant_tables(plan), &plan.tenant) {
            return format!("Restore of tenant {tenant} from {of} into live {}", tables.database);
        }
        match path::replaced(plan) {
            Some(database) => format!("Restore of {of} into live {database}"),
            None if path::cuts_over(plan) => format!("Restore of {of} into live"),
            None => format!("Restore of {of} into a clone"),
        }
    }

    /// What replaces something live in production concerns everybody who has a duty. What replaces everything is asked for in the
    /// room of an incident.
    fn meets<'p>(&self, plan: &'p Plan) -> Option<&'p str> {
        self.confirmed_by(plan).filter(|_| plan.scope != scope::EVERYTHING || path::everything(plan).is_none())?;
        plan.facts.iter().find(|fact| fact.subject == path::TICKET).map(|fact| fact.found.as_str())
    }

    /// In production, by the name of what is replaced or of the environment.
    fn confirmed_by(&self, plan: &Plan) -> Option<Vec<String>> {
        if plan.environment != PRODUCTION || !path::cuts_over(plan) {
            return None;
        }
        let one = path::replaced(plan).or_else(|| path::tenant_tables(plan).map(|of| of.database.as_str()));
        let database = one.filter(|_| path::everything(plan).is_none());
        Some(database.map(str::to_owned).into_iter().chain([plan.environment.clone()]).collect())
    }

    fn hurries(&self, plan: &Plan) -> Option<usize> {
        path::cutover(plan)
    }

    /// What lies in the DR region needs nothing of the primary one, as long as it is restored beside what is there.
    fn instead(&self, command: &Command, env: &Environment) -> Option<String> {
        let ask = Ask::of(command).filter(|ask| !ask.comes_from_dr() && env.replicates())?;
        let (word, dr) = (ask.kind.word, &env.dr_region);
        if ![database::PITR.word, full::FULL.word].contains(&word) {
            let list = format!("`/bbws backup restore {} list {word}`", env.name);
            return Some(match word {
                _ if word == dump::DUMP.word => {
                    format!("{list} shows what lies in {dr}; a dump is not loaded without {}.", env.primary_region)
                }
                _ => format!("{list} shows what lies in {dr} and is restored there meanwhile."),
            });
        }
        let said = command.canonical().replace(" --into live", "").replace(" --region primary", "");
        Some(format!("In {dr} it can be restored meanwhile, into a clone: `/bbws {} --region dr`.", escape(&said)))
    }

    fn preflight(&self, run: &Run) -> Vec<Check> {
        preflight::checks(run)
    }

    fn receipt(&self, run: &Run, step: usize, now: Moment) -> Option<String> {
        preflight::receipt(run, step, now)
    }

    fn recovery(&self, run: &Run) -> Option<Recovery> {
        stages::recovery(run)
    }

    fn interrupts(&self, plan: &Plan) -> Option<String> {
        Some(path::interrupts(plan))
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        if let Some(told) = path::told_of_everything(ended.plan, ended.took) {
            return told;
        }
        if let Some(told) = path::told(ended.plan) {
            return format!("{told} It took {}.", ended.took);
        }
        if let (Some(database), Some(before)) = (path::replaced(ended.plan), path::before(ended.plan)) {
            let unseen = ended.run.steps.iter().any(|step| step.outputs.get(UNPROVED).is_some_and(String::is_empty));
            let seen = match unseen {
                true => "only the instance was looked at, since no login is configured for it (`dumps`)",
                false => "it was validated from the application's side",
            };
            return format!(
                "{} is restored and live, and {seen}; all of it took {}. What was live before is kept as {}: Roll back is the way back to it.",
                escape(database),
                ended.took,
                escape(before)
            );
        }
        if let (Some(of), Some(tenant)) = (path::tenant_tables(ended.plan), &ended.plan.tenant) {
            return format!(
                "The tables of {} are back in live {}, and were counted there; all of it took {}. The steps say what came back and what is kept of what was there before: Roll back takes it back.",
                escape(tenant),
                escape(&of.database),
                ended.took
            );
        }
        let made = path::made(ended.plan).unwrap_or("the clone");
        let kept =
            path::kept(ended.plan).map(|kept| format!(" It is deleted by itself in {kept}.")).unwrap_or_default();
        format!(
            "{} is there and validated, in {}: its step tells where it is reached. Nothing of the platform was changed, and nothing uses it.{kept}",
            escape(made),
            ended.took
        )
    }

    fn after_issues(&self, run: &Run) -> String {
        match run.undoes() {
            Some(_) => "What was restored is live, so do not ask for it again: Roll back on the card is the way back to what was there before.".to_owned(),
            None => format!("When the cause is mended, ask anew: `/bbws {}`", escape(&run.op.command)),
        }
    }

    fn after_the_way_back(&self, run: &Run) -> Option<String> {
        let ended = run.op.plan.steps.iter().zip(&run.steps).filter(|(_, step)| step.state == StepState::Done);
        let secrets = ended.filter_map(|(spec, _)| match &spec.action {
            Action::PointSecretBack(back) => Some(format!("`{}`", escape(&back.secret))),
            _ => None,
        });
        let secrets = secrets.collect::<Vec<_>>().join(", ");
        let text = format!(
            "*Redeploy the services that read {secrets} now*: they read it at their start, and until then they go on with what was taken back."
        );
        (!secrets.is_empty()).then_some(text)
    }

    fn not_done(&self, plan: &Plan) -> &'static str {
        match path::cuts_over(plan) {
            true => "What was restored is *not* live, or *not* proved: the steps say how far it came.",
            false => "The restored copy is *not* proved. Nothing of the platform was changed.",
        }
    }

    fn left_behind(&self, plan: &Plan, _: usize) -> Option<String> {
        if path::tenant_tables(plan).is_some() {
            let what = "What was put beside the live tables is dropped, and a clone that was made is deleted by itself within a day. Nothing live was changed before the step that swaps or merges.";
            return Some(what.to_owned());
        }
        if path::cuts_over(plan) {
            return None;
        }
        if path::everything(plan).is_none() && path::told(plan).is_some() {
            return Some(path::stays(plan).to_owned());
        }
        Some(
            "What was restored so far is deleted by itself within a day. Nothing of the platform was changed."
                .to_owned(),
        )
    }

    fn refuted(&self, run: &Run) -> bool {
        let looks = |action: &Action| {
            matches!(action, Action::VerifyDatabase(_) | Action::VerifyCheck(_) | Action::VerifyFiles(_))
        };
        let steps = run.steps.iter().zip(&run.op.plan.steps);
        steps.into_iter().any(|(step, spec)| step.state == StepState::Failed && looks(&spec.action))
    }

    fn advice(&self, run: &Run) -> String {
        if self.refuted(run) {
            return format!(
                "Look at the copy, which is deleted by itself within a day, or restore another point: `/bbws backup list {} rds`.",
                escape(run.op.environment())
            );
        }
        match (self.retries(&run.op.plan), run.undoes()) {
            (true, _) => "When the reason is mended, press Retry: steps that are done are not repeated.".to_owned(),
            (false, Some(_)) => {
                "It is not tried again in the same run: Roll back on the card is the way back to what was there before."
                    .to_owned()
            }
            (false, None) => format!("When the reason is mended, ask anew: `/bbws {}`", escape(&run.op.command)),
        }
    }
}
