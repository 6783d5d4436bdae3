//! `dr.failback`: a platform that was failed over goes home. At every moment one side writes: the other one's services are stopped,
//! everything they wrote has arrived, and only then the database at home can be written.

mod back;
mod route;
mod turn;

use super::{
    Asked, Ended, Known, Marks, Operation, Past, Works, begun,
    draft::{Draft, Head},
    two_people, unplanned,
};
use crate::domain::{
    active::Active,
    command::{ASSESS_ONLY, Arg, Command, Does, ENVIRONMENT, Entry, Form, Group, List, REASON, Values, Wrong, value},
    drill,
    environment::Side,
    mark::{Mark, MarkWrite},
    moment::spoken,
    operation::{OpId, Run, State},
    plan::Plan,
    policy::Need,
    readiness::{self, Return},
    text::escape,
    world::{Survey, World},
};
use route::Route;

/// The kind on plans.
const KIND: &str = "dr.failback";
/// The kind under which approval rules say who agrees to each turn of it.
const SHIFT: &str = "dr.shift";
const TICKET: &str = "ticket";
const EXECUTE: &str = "execute";
const STAGED: &str = "staged";

const fn flag(name: &'static str, about: &'static str) -> Arg {
    Arg { name, kind: &value::FLAG, form: Form::Flag, required: false, usual: None, about }
}

static ENTRY: Entry = Entry {
    name: KIND,
    path: &["dr", "failback"],
    group: Group::Recovery,
    place: 30,
    about: "Bring a platform home from its DR region, or say whether that may be done",
    happens: "Without `--execute` or `--staged` it answers only you with PROCEED or WAIT and the reasons, and changes nothing. Otherwise \
              it backs up what is live, keeps the old database under another name with a last snapshot of it, makes a replica of what is live \
              in the primary region, and asks. Then writes stand still until the replica has everything; it is promoted, services \
              start at home, and traffic follows: at once, or 10, 50 and 100 % with `--staged`, each of which waits for others. The first \
              backup is made there. Nothing is deleted, and Roll back sends traffic and writers back, not data.",
    args: &[
        ENVIRONMENT,
        ASSESS_ONLY,
        flag(STAGED, "carries it out, and moves traffic in three parts; takes two people"),
        flag(EXECUTE, "carries it out, and moves all traffic at once; takes two people"),
        Arg {
            name: TICKET,
            kind: &value::TICKET,
            form: Form::Option,
            required: false,
            usual: None,
            about: "with `--execute` or `--staged`: the ticket that asks for it",
        },
        REASON,
    ],
    examples: &["dr failback ENV", "dr failback ENV --staged --ticket INC-123"],
    who: "to judge, everyone in the workspace; to carry it out, anyone in a role, with a second person, and others before writes stand still and traffic moves",
    does: |values| if carried_out(values) { Does::Operation } else { Does::List(List::Failback) },
    settle: settled,
    mend: completed,
};

fn carried_out(values: &Values) -> bool {
    values.has(EXECUTE) || values.has(STAGED)
}

fn settled(mut values: Values) -> Result<Values, Wrong> {
    if !carried_out(&values) {
        // Only a judgement, which asks for no ticket and gives no reason to anybody.
        values.flag(ASSESS_ONLY.name, false);
        values.clear(TICKET);
        values.clear(REASON.name);
        return Ok(values);
    }
    if values.has(EXECUTE) && values.has(STAGED) {
        return Err(Wrong::new(
            "`--staged` moves traffic in parts and `--execute` all of it at once: say one of them.",
        ));
    }
    if values.has(ASSESS_ONLY.name) {
        return Err(Wrong::new("`--assess-only` carries nothing out: say it, or how to carry it out, not both."));
    }
    if values.get(TICKET).is_none() {
        return Err(Wrong::new("A failback needs the ticket that asks for it: `--ticket INC-123`."));
    }
    Ok(values)
}

/// What whoever mistyped has yet to say.
fn completed(values: &mut Values) {
    if carried_out(values) {
        values.flag(ASSESS_ONLY.name, false);
        if values.has(STAGED) {
            values.flag(EXECUTE, false);
        }
        values.offer(TICKET, value::TICKET.open);
    }
}

/// The operation.
pub struct Failback;

impl Operation for Failback {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "dr"
    }

    fn works(&self) -> Works {
        Works::OnBoth
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, _: &Command, environment: &str) -> String {
        format!("The failback of `{}`", escape(environment))
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        let env = asked.environment;
        if !env.replicates() {
            return Err(vec![format!(
                "`{}` has nothing in another region (`replication = \"disabled\"`), so that there is nothing to fail back.",
                env.name
            )]);
        }
        let databases = env.databases.iter().map(|database| database.id.clone()).collect();
        Ok(Survey { standby: true, readiness: true, databases, heirs: asked.heirs(), ..Survey::default() })
    }

    fn marks(&self) -> Marks {
        Marks::All
    }

    /// The run that left the primary region.
    fn past(&self, _: &Asked<'_>, _: &World, marks: &[Mark]) -> Past {
        let left = Active::of(marks).since.map(|(_, by)| OpId(by));
        Past { ids: left.into_iter().collect(), whose: None }
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        let env = asked.environment;
        let (Some(found), Some(ready)) = (&known.world.standby, &known.world.readiness) else {
            return Err(unplanned(asked.command));
        };
        let (verdict, reasons) = readiness::failback(env, asked.active, ready, known.healthy);
        if verdict == Return::Wait {
            let why =
                format!("{verdict}: `{}` does not go home yet. `/bbws dr failback {0}` says when it may.", env.name);
            return Err(std::iter::once(why).chain(reasons).collect());
        }
        let values = asked.command.values();
        let mut draft = Draft::default();
        if let Some(ticket) = values.get(TICKET) {
            draft.fact("Ticket", ticket);
        }
        draft.fact("Assessment", verdict.to_string());
        let staged = values.has(STAGED);
        let mut route =
            Route { env, active: asked.active, found, known, operation: &asked.id.0, at: asked.at, staged, draft };
        route.plan();
        route.draft.finish(Head {
            kind: KIND,
            environment: env,
            scope: String::new(),
            tenant: None,
            // Of the backups that it makes on its way.
            retention_days: Some(env.retention_days.default),
        })
    }

    fn needs(&self, _: &Plan, configured: Vec<Need>) -> Vec<Need> {
        two_people(configured)
    }

    /// Its own steps change what is found.
    fn plans_again(&self, run: &Run) -> bool {
        !begun(run)
    }

    fn moves(&self) -> Option<Side> {
        Some(Side::Primary)
    }

    fn irreversible(&self) -> Option<&'static str> {
        Some(
            "Writes that never left the primary region are given up but for their archive, and a replica that is promoted does not follow again.",
        )
    }

    fn kept(&self) -> &'static str {
        "Backups kept until"
    }

    /// For how long writes stood still.
    fn receipt(&self, run: &Run, step: usize, _: crate::domain::moment::Moment) -> Option<String> {
        let caught_up = run.steps.iter().filter(|done| done.index < step);
        let stood = caught_up.filter_map(|done| done.outputs.get("stood_still")?.parse::<u64>().ok()).max()?;
        let stood = spoken(std::time::Duration::from_secs(stood));
        Some(format!("The replica had everything {stood} after the last write."))
    }

    /// A platform that went there and back has shown more than any drill.
    fn remembers(&self, run: &Run) -> Vec<MarkWrite> {
        let held = run.op.state == State::Succeeded;
        held.then(|| drill::remembered(drill::Form::FullDrill, run, "failed over and back".to_owned()))
            .into_iter()
            .collect()
    }

    fn title(&self, plan: &Plan) -> String {
        format!("Failback of {} to {}", plan.environment, plan.region)
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        let there = ended.plan.dr_region.as_deref().unwrap_or("its DR region");
        format!(
            "{} runs in {} again, and the first backup there is made and verified; all of it took {}. What was in {} is kept: Roll back sends traffic and writers back there, not data. No replica follows it there until `/bbws dr reprotect {0}` makes one.",
            escape(&ended.plan.environment),
            escape(&ended.plan.region),
            ended.took,
            escape(there)
        )
    }

    fn after_issues(&self, run: &Run) -> String {
        let plan = &run.op.plan;
        format!(
            "{0} runs in {1} again: do not ask for the move again. No replica follows it in another region until `/bbws dr reprotect {0}` makes one. Roll back sends traffic and writers back, not data.",
            escape(&plan.environment),
            escape(&plan.region)
        )
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "The platform has *not* gone home, or not as a whole: the steps say how far it came. Where its services are stopped, nobody writes: Retry goes on, Roll back starts them again where they were."
    }

    fn left_behind(&self, plan: &Plan, _: usize) -> Option<String> {
        let there = plan.dr_region.as_deref().unwrap_or("the DR region");
        Some(format!(
            "What was renamed, replicated or promoted in {} stays as it is, and nothing of {} was deleted. The steps say which side has services and traffic.",
            escape(&plan.region),
            escape(there)
        ))
    }
}
