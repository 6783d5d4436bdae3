//! Everything that can be asked for and changes something: one file per operation, and the one list of them.
//!
//! An operation says here, in one place, how it is asked for, what it has to know, what it will do, who has to agree, and
//! what people are told at its end. Planner, submit, words, access, control, the engine and the generic suites read [`ALL`]:
//! none of them knows an operation by name.

mod aside;
pub mod bisect;
pub mod cleanup;
pub mod create;
pub mod delete;
mod draft;
pub mod drill;
pub mod failback;
pub mod failover;
pub mod hold;
pub mod incident;
pub mod lifecycle;
mod proof;
pub mod reprotect;
pub mod restore;
pub mod resume;
pub mod schedule;
mod traffic;
pub mod validate;

use std::time::Duration;

use super::{
    active::Active,
    approval::ANY_ROLE,
    command::{Command, Does, Entry},
    environment::{Environment, Side},
    mark::{Mark, MarkKind, MarkWrite},
    moment::Moment,
    operation::{OpId, Operation as Record, Run, State},
    plan::Plan,
    policy::{Need, Rule},
    preflight::Check,
    price::Price,
    recovery::Recovery,
    step::StepState,
    text::{count, escape},
    world::{Survey, World},
};

/// Every operation, in the order lists name them. A new one is its file and its line here.
pub static ALL: [&dyn Operation; 15] = [
    &create::Create,
    &schedule::Schedule,
    &delete::Delete,
    &validate::Validate,
    &restore::Restore,
    &bisect::Bisect,
    &hold::Hold,
    &lifecycle::Lifecycle,
    &failover::Failover,
    &failback::Failback,
    &reprotect::Reprotect,
    &drill::Drill,
    &incident::Declare,
    &resume::Resume,
    &cleanup::Cleanup,
];

/// What rules are asked for under when something restored takes the place of what is live.
pub const CUTOVER: &str = "backup.cutover";
/// How much of an environment a restore reaches, measured when it is planned.
const RADIUS: &[&str] = &["clone", "tenant", "single", "multi", "full"];

/// Kinds that approval rules may name although no operation is of them, with their scopes: steps that wait for people.
const FURTHER: [(&str, &[&str]); 3] = [(CUTOVER, RADIUS), ("dr.dns", &[]), ("dr.shift", &[])];

/// What a command asks for, once everything in it is known to exist.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The command.
    pub command: &'a Command,
    /// The environment it names.
    pub environment: &'a Environment,
    /// Id of the operation to be.
    pub id: &'a OpId,
    /// When it was asked for: what depends on the time is planned for this moment, so that planning again gives the same.
    pub at: Moment,
    /// What is drawn at random is drawn for this moment, so that a repeat draws the same: when it was due by schedule, or asked for.
    pub drawn: Moment,
    /// Where the environment runs.
    pub active: &'a Active,
}

impl Asked<'_> {
    /// The DB instances that are live in the place of the config's databases.
    fn heirs(&self) -> Vec<String> {
        let env = self.environment;
        env.databases.iter().map(|database| self.active.database(env, &database.id)).collect()
    }
}

/// Which of the environment's marks a plan rests on. Those that the operation itself set are never among them: a run that
/// is planned again must not stand in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// None.
    Nothing,
    /// Those of a kind.
    Of(MarkKind),
    /// All.
    All,
}

/// Tells whether a plan is one of those that are looked for.
pub type Likeness = Box<dyn Fn(&Plan) -> bool + Send + Sync>;

/// Which earlier runs a plan rests on.
#[derive(Default)]
pub struct Past {
    /// Those with these ids, as far as they exist.
    pub ids: Vec<OpId>,
    /// Those of the environment whose plan is like this.
    pub whose: Option<Likeness>,
}

/// What was found out for a plan.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The live world, as far as [`Operation::survey`] asked.
    pub world: World,
    /// Marks, as far as [`Operation::marks`] asked.
    pub marks: Vec<Mark>,
    /// Runs, as far as [`Operation::past`] asked.
    pub past: Vec<Run>,
    /// The approval rules, for what a plan says of people who are asked during its run.
    pub rules: Vec<Rule>,
    /// For how long the primary region has been seen healthy without a gap, where [`Survey::readiness`] was asked for; none where
    /// it is not known to be.
    pub healthy: Option<Duration>,
    /// What waiting with a failover costs, where [`Survey::readiness`] was asked for.
    pub price: Option<Price>,
}

/// On which side of an environment an operation works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Works {
    /// Wherever the platform runs: it is planned for the environment as it is there ([`Active::environment`]).
    WhereItRuns,
    /// Only while the platform runs in its primary region. After a failover people are told this next step instead.
    AtHome(&'static str),
    /// On both sides: it is planned for the environment as the config has it, and looks at [`Asked::active`] itself.
    OnBoth,
}

/// A step that people may leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Whether it is something that goes on gracefully and is not waited for any longer, and not something that is not done.
    pub forced: bool,
    /// What is lost by it, a sentence; plain text.
    pub loses: String,
}

impl LeftOut {
    /// What its button says.
    pub fn label(&self) -> &'static str {
        if self.forced { "Force" } else { "Skip" }
    }
}

/// The step of a run that people may leave out now: one that is being watched, or, once the run has failed, one that failed.
pub fn left_out(run: &Run) -> Option<(usize, LeftOut)> {
    let now = match run.op.state {
        State::Running => StepState::Polling,
        State::Failed if run.op.gave_way().is_none() => StepState::Failed,
        _ => return None,
    };
    let operation = of(run.op.kind());
    let mut steps = run.steps.iter().filter(|step| step.state == now && !run.back(step.index));
    steps.find_map(|step| Some((step.index, operation.may_leave_out(run, step.index)?)))
}

/// A run at its end, as its sentences need it.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// What was approved and run.
    pub plan: &'a Plan,
    /// Steps it had.
    pub steps: usize,
    /// How long it took, spoken.
    pub took: &'a str,
    /// All of it.
    pub run: &'a Run,
}

/// One kind of operation.
///
/// What is not said for an operation is what is safe for any: it takes the environment's lock, heeds stops, is planned again
/// before its start, and claims no more at its end than that its steps are done.
pub trait Operation: Sync {
    /// What policy, audit and cards call it: `backup.create`. Never changes: ledgers and rules name it.
    fn kind(&self) -> &'static str;

    /// The letters before the number of its ids. Never change.
    fn prefix(&self) -> &'static str;

    /// Where it works once the platform was failed over.
    fn works(&self) -> Works {
        Works::AtHome("Do it by hand in AWS, or after a failback.")
    }

    /// The scopes by which approval rules may tell its requests apart.
    fn scopes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether approval rules may name it: not where it begins by itself, on the strength of an earlier approval.
    fn governed(&self) -> bool {
        true
    }

    /// Another word that approval rules may have for it.
    fn also(&self) -> Option<&'static str> {
        None
    }

    /// How it is asked for: its words, values and help. None where it begins by itself.
    fn entry(&self) -> Option<&'static Entry> {
        None
    }

    /// What was asked for, as a sentence begins with it; mrkdwn, escaped.
    fn what(&self, command: &Command, environment: &str) -> String {
        format!("`{}` of `{}`", escape(command.name()), escape(environment))
    }

    /// What has to be known of the live world. Also the place to refuse what needs no look at AWS to be refused.
    ///
    /// # Errors
    /// Why it cannot be done as asked, a sentence each.
    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        let _ = asked;
        Ok(Survey::default())
    }

    /// What has to be known of what the ledger remembers.
    fn marks(&self) -> Marks {
        Marks::Nothing
    }

    /// What has to be known of earlier runs, in the light of the world and the marks.
    fn past(&self, asked: &Asked<'_>, world: &World, marks: &[Mark]) -> Past {
        let _ = (asked, world, marks);
        Past::default()
    }

    /// The plan.
    ///
    /// # Errors
    /// What stands in the way, a sentence each.
    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        let _ = known;
        Err(unplanned(asked.command))
    }

    /// The scope of such a plan as approval rules know it, one of [`Self::scopes`]; empty where there are none.
    fn scope(&self, plan: &Plan) -> String {
        let _ = plan;
        String::new()
    }

    /// Who has to agree, given what the rules ask for. An operation may ask for more than they do, never for less.
    fn needs(&self, plan: &Plan, configured: Vec<Need>) -> Vec<Need> {
        let _ = plan;
        configured
    }

    /// Whether it changes what the environment has, so that no other may at the same time.
    fn locks(&self) -> bool {
        true
    }

    /// Whether this request takes that lock.
    fn locks_for(&self, command: &Command) -> bool {
        let _ = command;
        self.locks()
    }

    /// Whether a run of this plan holds that lock.
    fn locked_by(&self, plan: &Plan) -> bool {
        let _ = plan;
        self.locks()
    }

    /// The operation that this request stops, to take its environment in the moment in which it is approved.
    fn stops_first(&self, command: &Command) -> Option<OpId> {
        let _ = command;
        None
    }

    /// The same of a plan.
    fn supplants(&self, plan: &Plan) -> Option<OpId> {
        let _ = plan;
        None
    }

    /// What leaving this step of a run out loses, where two people may do that in the middle of it. None where nobody may.
    fn may_leave_out(&self, run: &Run, step: usize) -> Option<LeftOut> {
        let _ = (run, step);
        None
    }

    /// The request that would stop the run which holds the environment, with the label of its button. None where it waits instead.
    fn over(&self, command: &Command, holder: &Run) -> Option<(String, Command)> {
        let _ = (command, holder);
        None
    }

    /// Whether the run is planned again before it starts, and its approvals are void where the plan has become another. Not
    /// where its own steps have changed the very world the plan was made for, and each of them compares before it writes.
    fn plans_again(&self, run: &Run) -> bool {
        let _ = run;
        true
    }

    /// Whether what was approved still stands, now that the plan that was made anew is this one. Where it does not, the approvals
    /// are void and the new plan is put to people.
    fn stands(&self, approved: &Plan, now: &Plan) -> bool {
        approved.digest() == now.digest()
    }

    /// What its card says before the day until which [`Plan::retention_days`] keeps something.
    fn kept(&self) -> &'static str {
        "Kept until"
    }

    /// The side to which it moves the platform, if it does: then its start, each word it waits for, its way back and its end
    /// are published to those who follow disaster recovery, and its failure is critical.
    fn moves(&self) -> Option<Side> {
        None
    }

    /// Whether the world is asked once more immediately before each change: it may begin long after its start, when a stop
    /// was lifted or AWS was busy, and then must not rest on what was known at the start.
    fn asks_before_each_change(&self) -> bool {
        false
    }

    /// Whether it begins and goes on while a stop is in force, and cannot be stopped itself.
    fn passes_stops(&self) -> bool {
        false
    }

    /// What the ledger remembers from its first moment on, in the transaction that makes it: one that is there already refuses it.
    fn claims(&self, op: &Record) -> Vec<MarkWrite> {
        let _ = op;
        Vec::new()
    }

    /// What the ledger forgets in the transaction that ends it, however it ends.
    fn yields(&self, op: &Record) -> Vec<MarkWrite> {
        let _ = op;
        Vec::new()
    }

    /// What the ledger remembers of a run that has ended, in the transaction that ends it.
    fn remembers(&self, run: &Run) -> Vec<MarkWrite> {
        let _ = run;
        Vec::new()
    }

    /// Whether nothing of it is in earnest: then every message says so first.
    fn exercise(&self) -> bool {
        false
    }

    /// Whether its start calls everybody who has to act, by SNS.
    fn alarms(&self) -> bool {
        false
    }

    /// The ticket of the incident in whose room people meet while such a plan is carried out: a room is opened for it where there is
    /// none. None where nobody has to meet.
    fn meets<'p>(&self, plan: &'p Plan) -> Option<&'p str> {
        let _ = plan;
        None
    }

    /// Whether what it makes are backups, which for that time stand in for those that AWS makes on a schedule.
    fn backs_up(&self) -> bool {
        false
    }

    /// Whether what it makes is a restore that people asked for: the list of what can be restored ends with the latest of them.
    fn restores(&self) -> bool {
        false
    }

    /// Whether a run that failed made a copy which is not what it was to be.
    fn refuted(&self, run: &Run) -> bool {
        let _ = run;
        false
    }

    /// What people call runs of this plan where they bring something back, so that how long they take is held against the RTO.
    fn recovers(&self, plan: &Plan) -> Option<&'static str> {
        let _ = plan;
        None
    }

    /// What whoever approves it has to type, so that nobody approves what they did not read: any of these names. None where
    /// nobody has to.
    fn confirmed_by(&self, plan: &Plan) -> Option<Vec<String>> {
        let _ = plan;
        None
    }

    /// The step until which a run of this plan stops and asks where it takes far longer than usual: before it nothing that is live
    /// changes. None where it goes on however long it takes.
    fn hurries(&self, plan: &Plan) -> Option<usize> {
        let _ = plan;
        None
    }

    /// What has to be so before it changes what is live, line by line; none where nothing is asked for.
    fn preflight(&self, run: &Run) -> Vec<Check> {
        let _ = run;
        Vec::new()
    }

    /// What people who are asked by this step of the run are told beside the question, as measured by the steps before it;
    /// plain text, not escaped.
    fn receipt(&self, run: &Run, step: usize, now: Moment) -> Option<String> {
        let _ = (run, step, now);
        None
    }

    /// What can be done of what was asked while the region that it needs does not answer, as a sentence with a command that needs
    /// nothing of that region; mrkdwn, escaped.
    fn instead(&self, command: &Command, environment: &Environment) -> Option<String> {
        let _ = (command, environment);
        None
    }

    /// Why nobody can say yet that the step which waits for people may go on; none where they can.
    fn not_yet(&self, run: &Run, now: Moment) -> Option<String> {
        let _ = (run, now);
        None
    }

    /// When a run that has ended reached what, where it recovers something: it is held against the environment's targets, and a
    /// report of it is kept.
    fn recovery(&self, run: &Run) -> Option<Recovery> {
        let _ = run;
        None
    }

    /// What a run of this plan interrupts, a sentence for those who are told of its start by SNS. None where its start is not
    /// published.
    fn interrupts(&self, plan: &Plan) -> Option<String> {
        let _ = plan;
        None
    }

    /// What cannot be taken back once it is done, a sentence for whoever approves it, who is asked in red. None where all can.
    fn irreversible(&self) -> Option<&'static str> {
        None
    }

    /// Whether its end is published to the environment's topics.
    fn publishes(&self) -> bool {
        true
    }

    /// What people call it, in plain text; not escaped: `Backup of prod (full)`.
    fn title(&self, plan: &Plan) -> String {
        format!("{} of {}{}", spoken(&plan.kind), whole(plan), narrowed(plan))
    }

    /// What a run that succeeded came to; mrkdwn, escaped. Claims nothing that was not looked at.
    fn done(&self, ended: &Ended<'_>) -> String {
        format!("{}, in {}.", all_done(ended.steps), ended.took)
    }

    /// What a run that succeeded found, where finding things is what it is for; mrkdwn, escaped. None where an issue is a
    /// doubt about what was made.
    fn found(&self, run: &Run, took: &str) -> Option<String> {
        let _ = (run, took);
        None
    }

    /// What a person does after a run that succeeded with issues; mrkdwn, escaped. What was changed is not asked for again.
    fn after_issues(&self, run: &Run) -> String {
        format!("When the cause is mended, ask anew: `/bbws {}`", escape(&run.op.command))
    }

    /// What a person still has to do after a run was rolled back; mrkdwn, escaped. Nothing where the way back left nothing to do.
    fn after_the_way_back(&self, run: &Run) -> Option<String> {
        let _ = run;
        None
    }

    /// Whether what failed may be tried again in the same run. Not where the run has cleaned up behind itself.
    fn retries(&self, plan: &Plan) -> bool {
        !plan.steps.iter().any(|s| s.always)
    }

    /// What a run that failed must not be taken for; mrkdwn.
    fn not_done(&self, plan: &Plan) -> &'static str {
        let _ = plan;
        "What was asked for is *not* done."
    }

    /// What a run that was given up with so many finished steps leaves, where there is more to say than that it is tagged;
    /// mrkdwn, escaped.
    fn left_behind(&self, plan: &Plan, finished: usize) -> Option<String> {
        let _ = (plan, finished);
        None
    }

    /// What a person does after a failure, once the reason is mended; mrkdwn, escaped.
    fn advice(&self, run: &Run) -> String {
        if !self.retries(&run.op.plan) {
            return format!("When the reason is mended, ask anew: `/bbws {}`", escape(&run.op.command));
        }
        "When the reason is mended, press Retry: steps that are done are not repeated.".to_owned()
    }
}

/// What a ledger may hold that this build has no operation for: everything safe, nothing claimed.
struct Foreign;

impl Operation for Foreign {
    fn kind(&self) -> &'static str {
        "unknown"
    }

    fn prefix(&self) -> &'static str {
        "op"
    }

    fn governed(&self) -> bool {
        false
    }
}

/// The operation of that kind. A kind that this build does not know gets the safe answer to every question.
pub fn of(kind: &str) -> &'static dyn Operation {
    ALL.into_iter().find(|operation| operation.kind() == kind).unwrap_or(&Foreign)
}

/// Whether this text is a command that asks for something that cannot be taken back.
pub fn irreversible(command: &str) -> bool {
    let asks = |operation: &&dyn Operation| {
        operation.entry().is_some_and(|entry| command.starts_with(&format!("{} ", entry.path.join(" "))))
    };
    ALL.into_iter().find(asks).is_some_and(|operation| operation.irreversible().is_some())
}

/// The operation that this command asks for; none for questions and for what holds the hands on a run.
pub fn asked(command: &Command) -> Option<&'static dyn Operation> {
    let asks = |operation: &&dyn Operation| operation.entry().is_some_and(|entry| entry.name == command.name());
    ALL.into_iter().find(asks).filter(|_| command.does() == Does::Operation)
}

/// What people call this operation: one sentence for card, thread, list and SNS alike. Plain text, not escaped.
pub fn title(op: &Record) -> String {
    of(op.kind()).title(&op.plan)
}

/// Every kind that approval rules may name.
pub fn governed() -> Vec<&'static str> {
    ALL.into_iter()
        .filter(|operation| operation.governed())
        .map(Operation::kind)
        .chain(FURTHER.map(|(kind, _)| kind))
        .chain(ALL.into_iter().filter_map(Operation::also))
        .collect()
}

/// Every scope that approval rules may name, each once.
pub fn scopes() -> Vec<&'static str> {
    let mut scopes: Vec<&str> = Vec::new();
    let further = FURTHER.into_iter().flat_map(|(_, scopes)| scopes);
    for scope in ALL.into_iter().flat_map(Operation::scopes).chain(further) {
        if !scopes.contains(scope) {
            scopes.push(scope);
        }
    }
    scopes
}

/// The kind that somebody means by this word.
pub fn usual(kind: &str) -> &str {
    let meant = ALL.into_iter().find(|operation| operation.also().is_some_and(|also| also == kind));
    meant.map_or(kind, |operation| operation.kind())
}

/// Whether a request of that kind can have that scope.
pub fn may_have(kind: &str, scope: &str) -> bool {
    let kind = usual(kind);
    let known = ALL.into_iter().find(|operation| operation.kind() == kind).map(Operation::scopes);
    let further = || FURTHER.into_iter().find(|(further, _)| *further == kind).map(|(_, scopes)| scopes);
    known.or_else(further).is_none_or(|scopes| scopes.contains(&scope))
}

/// `All 7 steps are done`.
pub(crate) fn all_done(steps: usize) -> String {
    if steps == 1 { "Its one step is done".to_owned() } else { format!("All {} are done", count(steps, "step")) }
}

/// Two people: whoever asks and somebody else, whatever the rules say.
fn two_people(configured: Vec<Need>) -> Vec<Need> {
    match configured.iter().any(|need| need.count > 0) {
        true => configured,
        false => vec![Need { role: ANY_ROLE.to_owned(), count: 1 }],
    }
}

/// Whether a step of it is done already.
fn begun(run: &Run) -> bool {
    run.steps.iter().any(|s| s.state == StepState::Done)
}

/// Why there is no plan for a command that asks for no such operation.
fn unplanned(command: &Command) -> Vec<String> {
    vec![format!("`{}` is not something to plan.", command.name())]
}

/// The environment of a plan, as titles name it.
fn whole(plan: &Plan) -> &str {
    if plan.environment == "*" { "all environments" } else { &plan.environment }
}

/// What of the environment a plan is about, as titles add it: ` (rds, tenant tenant-1)`.
fn narrowed(plan: &Plan) -> String {
    let scope = Some(plan.scope.clone()).filter(|s| !s.is_empty());
    let tenant = plan.tenant.as_ref().filter(|t| **t != plan.scope).map(|t| format!("tenant {t}"));
    let parts: Vec<String> = scope.into_iter().chain(tenant).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// `backup.restore` as `Restore`, `report.send` as `Send report`.
fn spoken(kind: &str) -> String {
    let (noun, verb) = kind.split_once('.').unwrap_or(("", kind));
    let verb = verb.replace(['_', '.'], " ");
    let mut letters = verb.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    match (noun, verb.as_str()) {
        ("backup", "restore") | ("dr", _) => format!("{first}{}", letters.as_str()),
        _ => format!("{first}{} {noun}", letters.as_str()).trim_end().to_owned(),
    }
}
