//! `dr.failover`: a platform moves to its DR region, whether or not the primary one can be reached. Nothing in its plan needs
//! the primary region, and nothing of that side is ever deleted.

mod stages;
mod steps;

use std::time::Duration;

use super::{
    Asked, Ended, Known, LeftOut, Operation, Past, Works, begun,
    draft::{Draft, Head},
    two_people, unplanned,
};
use crate::domain::{
    command::{ASSESS_ONLY, Arg, Command, Does, ENVIRONMENT, Entry, Form, Group, List, REASON, Values, Wrong, value},
    environment::Side,
    mark::{Mark, MarkWrite},
    moment::Moment,
    operation::{OpId, Run},
    plan::{Fact, Plan},
    policy::Need,
    price, proven,
    readiness::{self, Assessment, Health, Verdict},
    recovery::Recovery,
    step::{Action, StepSpec},
    text::escape,
    world::{Survey, World},
};
use steps::Route;

/// The kind on plans.
const KIND: &str = "dr.failover";
/// The kind under which approval rules say who agrees to the move of traffic.
const DNS: &str = "dr.dns";
const TICKET: &str = "ticket";
const EXECUTE: &str = "execute";
const STOP: &str = "stop";
const VALIDATE: &str = "validate";

/// Facts of a plan that are compared by what they mean for whoever agreed, not by their letters.
const ASSESSED: &str = "Assessment";
const ITS_TICKET: &str = "Ticket";
const PRIMARY: &str = "Primary region";
const LOSS: &str = "Writes lost";
/// Up to when what was written is there, component by component.
const REACHED: &str = "Copies reach";
const STOPS: &str = "Stops with the approval";

static ENTRY: Entry = Entry {
    name: KIND,
    path: &["dr", "failover"],
    group: Group::Recovery,
    place: 20,
    about: "Move a platform to its DR region, or say whether that should be done",
    happens: "Without `--execute` it answers only you with PROCEED, RISKY or DO_NOT_FAILOVER and the reasons, and with what would be lost now; \
                  what is unknown is never PROCEED, and nothing is changed. With `--execute` it shuts the old side off where it can be reached, promotes replicas or restores the newest copies, scales the services up, \
                  and asks whether all of it serves. Then it waits: traffic moves only once other people have said so. At last the first \
                  backup is made there. Nothing of the old side is deleted, and Roll back sends traffic back, not data.",
    args: &[
        ENVIRONMENT,
        ASSESS_ONLY,
        Arg {
            name: EXECUTE,
            kind: &value::FLAG,
            form: Form::Flag,
            required: false,
            usual: None,
            about: "carries it out; takes two people",
        },
        Arg {
            name: VALIDATE,
            kind: &value::FLAG,
            form: Form::Flag,
            required: false,
            usual: None,
            about: "only says, line by line, whether the platform serves where it runs now",
        },
        Arg {
            name: TICKET,
            kind: &value::TICKET,
            form: Form::Option,
            required: false,
            usual: None,
            about: "with `--execute`: the ticket that asks for it",
        },
        Arg {
            name: STOP,
            kind: &value::OPERATION,
            form: Form::Option,
            required: false,
            usual: None,
            about: "with `--execute`: the operation that holds the environment; it is stopped in the moment in which somebody else approves this",
        },
        REASON,
    ],
    examples: &[
        "dr failover ENV",
        "dr failover ENV --validate",
        "dr failover ENV --execute --ticket INC-123 --reason \"the primary region is gone\"",
    ],
    who: "to judge, everyone in the workspace; to carry it out, anyone in a role, with a second person, and others before traffic moves",
    does: |values| match (values.has(EXECUTE), values.has(VALIDATE)) {
        (true, _) => Does::Operation,
        (false, true) => Does::List(List::Serving),
        (false, false) => Does::List(List::Failover),
    },
    settle: settled,
    mend: completed,
};

fn settled(mut values: Values) -> Result<Values, Wrong> {
    if values.has(VALIDATE) && (values.has(EXECUTE) || values.has(ASSESS_ONLY.name)) {
        return Err(Wrong::new("`--validate` looks at the platform as it runs now: say it alone."));
    }
    if !values.has(EXECUTE) {
        // Only a judgement, which asks for no ticket and gives no reason to anybody.
        values.flag(ASSESS_ONLY.name, false);
        values.clear(TICKET);
        values.clear(STOP);
        values.clear(REASON.name);
        return Ok(values);
    }
    if values.has(ASSESS_ONLY.name) {
        return Err(Wrong::new("`--execute` carries it out and `--assess-only` does not: say one of them."));
    }
    if values.get(TICKET).is_none() {
        return Err(Wrong::new("A failover needs the ticket that asks for it: `--ticket INC-123`."));
    }
    Ok(values)
}

/// What whoever mistyped has yet to say.
fn completed(values: &mut Values) {
    if values.has(EXECUTE) {
        values.flag(ASSESS_ONLY.name, false);
        values.flag(VALIDATE, false);
        values.offer(TICKET, value::TICKET.open);
    }
}

/// The operation.
pub struct Failover;

impl Operation for Failover {
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
        format!("The failover of `{}`", escape(environment))
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        let env = asked.environment;
        if !env.replicates() {
            return Err(vec![format!(
                "DO_NOT_FAILOVER: `{}` has nothing in another region (`replication = \"disabled\"`), so that there is nowhere to go. Restore it in {} instead.",
                env.name, env.primary_region
            )]);
        }
        Ok(Survey { standby: true, readiness: true, ..Survey::default() })
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        let env = asked.environment;
        let (Some(found), Some(ready)) = (&known.world.standby, &known.world.readiness) else {
            return Err(unplanned(asked.command));
        };
        let assessment = readiness::failover(env, asked.active, ready);
        let mut draft = Draft::default();
        if let Some(stops) = asked.command.values().get(STOP) {
            stopped_first(stops, &env.name, &known.past, &mut draft)?;
        }
        if let Some(ticket) = asked.command.values().get(TICKET) {
            draft.fact(ITS_TICKET, ticket);
        }
        refused(&assessment, asked.command)?;
        draft.fact(ASSESSED, assessment.verdict.to_string());
        draft.fact(PRIMARY, format!("{} is {}", env.primary_region, ready.health().word()));
        draft.fact(LOSS, assessment.loss());
        let reached = ready.positions().map(|(name, at)| format!("{name} {}", at.iso()));
        draft.fact(REACHED, reached.collect::<Vec<_>>().join(", "));
        draft.fact(proven::FORM, proven::told(&ready.forms));
        draft.note(format!("What is lost: it {}, as measured when this was planned.", assessment.loss()));
        if let Some(price) = &known.price {
            draft.note(price.by_the_clock(ready.at));
        }
        assessment.reasons.iter().for_each(|reason| draft.note(reason));
        let mut route = Route { env, found, known, operation: &asked.id.0, at: asked.at, draft };
        route.plan();
        route.draft.finish(Head {
            kind: KIND,
            environment: env,
            scope: String::new(),
            tenant: None,
            // Of the first backup that is made there.
            retention_days: Some(env.retention_days.default),
        })
    }

    fn past(&self, asked: &Asked<'_>, _: &World, _: &[Mark]) -> Past {
        Past { ids: self.stops_first(asked.command).into_iter().collect(), whose: None }
    }

    fn stops_first(&self, command: &Command) -> Option<OpId> {
        command.values().get(STOP).map(|id| OpId(id.to_owned()))
    }

    fn supplants(&self, plan: &Plan) -> Option<OpId> {
        Some(fact(plan, STOPS)).filter(|id| !id.is_empty()).map(|id| OpId(id.to_owned()))
    }

    fn may_leave_out(&self, run: &Run, step: usize) -> Option<LeftOut> {
        if run.op.turned.is_some() {
            return None;
        }
        let plan = &run.op.plan;
        let (old, new) = (&plan.region, plan.dr_region.as_deref().unwrap_or("the DR region"));
        let agreement = |spec: &StepSpec| matches!(&spec.action, Action::WaitForPeople(what) if what.rule.is_some());
        let asked_later = plan.steps.iter().skip(step).any(agreement);
        let (forced, loses) = match &plan.steps.get(step)?.action {
            Action::FenceService(fence) => (
                true,
                format!(
                    "{} in {old} may go on taking writes that are not in {new}: they are lost to the platform until somebody merges them.",
                    fence.service
                ),
            ),
            Action::PointSecret(led) => (
                false,
                format!(
                    "Services in {new} go on to read and write where secret {} leads, which may be {old}: correct it by hand before traffic moves.",
                    led.secret
                ),
            ),
            Action::SettleTraffic(_) => {
                (true, format!("Resolvers may still lead clients to {old}: what they write there is not in {new}."))
            }
            Action::DrainConnections(_) => (
                true,
                format!("Whoever is still connected to {old} goes on to read and write there, which is not in {new}."),
            ),
            Action::WatchHealth(_) if asked_later => {
                (false, format!("Nobody knows whether {new} serves before its users are sent there."))
            }
            Action::WatchHealth(_) => (false, format!("Nobody knows whether users reach the platform in {new}.")),
            Action::AutomatedBackups(_) | Action::RdsSnapshot(_) | Action::VerifySnapshot(_) => (
                false,
                format!(
                    "Nothing brings back what is written in {new} until a backup of it is made: the RPO is not kept."
                ),
            ),
            _ => return None,
        };
        Some(LeftOut { forced, loses })
    }

    /// Whatever else holds the environment: it is no reason to stay in a region that is lost.
    fn over(&self, command: &Command, holder: &Run) -> Option<(String, Command)> {
        let id = &holder.op.id;
        let gives = super::of(holder.op.kind()).moves().is_none();
        gives.then(|| (format!("Stop {id} and fail over"), command.clone().with(STOP, id.0.clone())))
    }

    /// Two people: whoever asks and somebody else, whatever the rules say.
    fn needs(&self, _: &Plan, configured: Vec<Need>) -> Vec<Need> {
        two_people(configured)
    }

    /// Its own steps change what stands ready.
    fn plans_again(&self, run: &Run) -> bool {
        !begun(run)
    }

    /// Time passes, and more is lost by it: that alone takes nobody's word back. What is worse otherwise does: a verdict, a region that
    /// lives again, a copy that reaches less far than when people agreed, and anything that the steps rest on that was changed.
    fn stands(&self, approved: &Plan, now: &Plan) -> bool {
        let lasting = |plan: &Plan| -> Vec<Fact> {
            let weighed = [ASSESSED, PRIMARY, LOSS, REACHED, proven::FORM];
            plan.facts.iter().filter(|fact| !weighed.contains(&fact.subject.as_str())).cloned().collect()
        };
        approved.steps == now.steps
            && lasting(approved) == lasting(now)
            && verdict(now) <= verdict(approved)
            && life(now) <= life(approved)
            && !went_back(approved, now)
            && proven::same_form(approved, now)
    }

    fn moves(&self) -> Option<Side> {
        Some(Side::Dr)
    }

    fn remembers(&self, run: &Run) -> Vec<MarkWrite> {
        proven::remembered(run)
    }

    fn recovery(&self, run: &Run) -> Option<Recovery> {
        Some(stages::recovery(run))
    }

    fn meets<'p>(&self, plan: &'p Plan) -> Option<&'p str> {
        Some(fact(plan, ITS_TICKET)).filter(|ticket| !ticket.is_empty())
    }

    fn recovers(&self, _: &Plan) -> Option<&'static str> {
        Some(price::RUNS)
    }

    fn irreversible(&self) -> Option<&'static str> {
        Some(
            "A replica that is promoted does not follow its source again, and Roll back brings back traffic, not data.",
        )
    }

    /// Of the backup that it makes on its way.
    fn kept(&self) -> &'static str {
        "Backup kept until"
    }

    fn title(&self, plan: &Plan) -> String {
        let there = plan.dr_region.as_deref().unwrap_or("its DR region");
        format!("Failover of {} to {there}", plan.environment)
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        let there = ended.plan.dr_region.as_deref().unwrap_or("its DR region");
        format!(
            "{} runs in {}, and the first backup there is made and verified; all of it took {}. What was in {} is kept: Roll back sends traffic back there, not data. Nothing protects it in another region until `/bbws dr reprotect {0}` does.",
            escape(&ended.plan.environment),
            escape(there),
            ended.took,
            escape(&ended.plan.region)
        )
    }

    fn after_issues(&self, run: &Run) -> String {
        let plan = &run.op.plan;
        format!(
            "{0} runs in {1}: do not ask for the move again. Nothing protects it in another region until `/bbws dr reprotect {0}` does, and `/bbws dr status {0}` shows how both are. Roll back sends traffic back to {2}, not data.",
            escape(&plan.environment),
            escape(plan.dr_region.as_deref().unwrap_or("its DR region")),
            escape(&plan.region)
        )
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "The platform has *not* moved, or not as a whole: the steps say how far it came."
    }

    fn left_behind(&self, plan: &Plan, _: usize) -> Option<String> {
        let there = plan.dr_region.as_deref().unwrap_or("the DR region");
        Some(format!(
            "What was promoted, restored or scaled in {} stays as it is, and nothing of {} was deleted. The steps say where traffic goes.",
            escape(there),
            escape(&plan.region)
        ))
    }
}

/// What is not carried out: what there is nowhere to go for, and what is risky and nobody says why.
fn refused(assessment: &Assessment, command: &Command) -> Result<(), Vec<String>> {
    let reasons = || assessment.reasons.iter().cloned();
    let verdict = assessment.verdict;
    match verdict {
        Verdict::Proceed => Ok(()),
        Verdict::Risky if command.reason().is_some() => Ok(()),
        Verdict::Risky => {
            let why = format!(
                "{verdict}: say why it is to be done nevertheless, `--reason \"…\"`. It {}.",
                assessment.loss()
            );
            Err(std::iter::once(why).chain(reasons()).collect())
        }
        Verdict::DoNotFailover => {
            Err(std::iter::once(format!("{verdict}: it would come to no good end.")).chain(reasons()).collect())
        }
    }
}

/// What whoever approves it has to know of the run that gives way to it.
fn stopped_first(id: &str, environment: &str, past: &[Run], draft: &mut Draft) -> Result<(), Vec<String>> {
    let Some(run) = past.iter().find(|run| run.op.id.0 == id) else {
        return Err(vec![format!("There is no operation `{id}` that could be stopped first.")]);
    };
    if run.op.environment() != environment {
        return Err(vec![format!("{id} is about `{}`, and does not hold `{environment}`.", run.op.environment())]);
    }
    if super::of(run.op.kind()).moves().is_some() {
        return Err(vec![format!(
            "{id} moves `{environment}` itself, so that nothing takes its place by a button: roll it back or cancel it on its card."
        )]);
    }
    draft.fact(STOPS, id);
    if run.op.state.terminal() {
        draft.note(format!("{id} is over, so that nothing has to be stopped."));
        return Ok(());
    }
    draft.note(format!(
        "{id} ({}, {}) is stopped in the moment in which this is approved, and gives the environment up. What runs of it in AWS is watched to its end; nothing of it begins again.",
        super::title(&run.op),
        run.op.state.spoken()
    ));
    Ok(())
}

/// The subject of the fact that says how many tasks a service had in the DR region while it stood by.
fn serves(service: &str) -> String {
    format!("Service {service}")
}

/// How many tasks a service had in the DR region before the platform was moved there, by the plan of the move.
pub(super) fn stood_by(plan: &Plan, service: &str) -> Option<u32> {
    fact(plan, &serves(service)).split_whitespace().next()?.parse().ok()
}

fn fact<'p>(plan: &'p Plan, subject: &str) -> &'p str {
    plan.facts.iter().find(|fact| fact.subject == subject).map_or("", |fact| &fact.found)
}

/// What a plan was judged to be, the better the smaller; what cannot be read is the worst.
fn verdict(plan: &Plan) -> Verdict {
    let all = [Verdict::Proceed, Verdict::Risky];
    all.into_iter().find(|verdict| verdict.to_string() == fact(plan, ASSESSED)).unwrap_or(Verdict::DoNotFailover)
}

/// How much life there was in the primary region: a failover of what lives is another decision than one of what is dead.
fn life(plan: &Plan) -> usize {
    let all = [Health::Down, Health::Unobservable, Health::Degraded, Health::Healthy];
    let found = fact(plan, PRIMARY);
    all.iter().position(|health| found.ends_with(health.word())).unwrap_or(all.len())
}

/// How much a position may seem to go back by: a lag is known by the minute, and told some minutes late.
const UNSURE: Duration = Duration::from_secs(300);

/// What a plan says of how far copies reach, by component.
fn reached(plan: &Plan) -> impl Iterator<Item = (&str, Moment)> {
    let each = fact(plan, REACHED).split(", ").filter_map(|part| part.rsplit_once(' '));
    each.filter_map(|(name, at)| Some((name, Moment::read(at)?)))
}

/// Whether a copy reaches less far than it did: it is another one, or the one there was is gone.
fn went_back(approved: &Plan, now: &Plan) -> bool {
    let worse = |name: &str, was: Moment| reached(now).any(|(theirs, is)| theirs == name && is + UNSURE < was);
    reached(approved).any(|(name, was)| worse(name, was))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(verdict: &str, health: &str, loss: &str) -> Plan {
        let fact = |subject: &str, found: &str| Fact { subject: subject.into(), found: found.into() };
        Plan {
            kind: KIND.into(),
            environment: "prod".into(),
            scope: String::new(),
            tenant: None,
            account: String::new(),
            region: "af-south-1".into(),
            dr_region: Some("eu-west-1".into()),
            retention_days: None,
            facts: vec![
                fact("Ticket", "INC-1"),
                fact(ASSESSED, verdict),
                fact(PRIMARY, &format!("af-south-1 is {health}")),
                fact(LOSS, loss),
                fact(REACHED, "rds bbws-prod-mysql in DR 2026-11-21T03:00:00Z, efs fs-1 in DR 2026-11-21T02:00:00Z"),
                fact(proven::FORM, "database bbws-prod-mysql aa, services bb"),
            ],
            notes: vec![loss.into()],
            steps: Vec::new(),
        }
    }

    #[test]
    fn time_takes_nobodys_word_back_and_what_is_worse_does() {
        let approved = plan("RISKY", "unobservable", "loses the last 4 min of writes");
        for (now, stands) in [
            (plan("RISKY", "unobservable", "loses the last 9 min of writes"), true),
            (plan("PROCEED", "down", "loses the last 9 min of writes"), true),
            (plan("RISKY", "down", ""), true),
            (plan("DO_NOT_FAILOVER", "down", ""), false),
            (plan("RISKY", "degraded", ""), false),
            (plan("RISKY", "healthy", ""), false),
            (Plan { facts: Vec::new(), ..approved.clone() }, false),
        ] {
            assert_eq!(Failover.stands(&approved, &now), stands, "{:?}", now.facts);
        }
        let with = |subject: &str, found: &str| {
            let mut plan = approved.clone();
            plan.facts.iter_mut().filter(|fact| fact.subject == subject).for_each(|fact| fact.found = found.into());
            plan
        };
        for (reached, stands) in [
            ("rds bbws-prod-mysql in DR 2026-11-21T03:20:00Z, efs fs-1 in DR 2026-11-21T02:00:00Z", true),
            ("rds bbws-prod-mysql in DR 2026-11-21T02:56:00Z, efs fs-1 in DR 2026-11-21T02:00:00Z", true),
            ("efs fs-1 in DR 2026-11-21T02:00:00Z", true),
            ("rds bbws-prod-mysql in DR 2026-11-21T02:54:00Z, efs fs-1 in DR 2026-11-21T02:00:00Z", false),
            ("rds bbws-prod-mysql in DR 2026-11-21T03:20:00Z, efs fs-1 in DR 2026-11-20T02:00:00Z", false),
        ] {
            assert_eq!(Failover.stands(&approved, &with(REACHED, reached)), stands, "{reached}");
        }
        for (form, stands) in
            [("database bbws-prod-mysql aa", true), ("database bbws-prod-mysql aa, services cc", false)]
        {
            assert_eq!(Failover.stands(&approved, &with(proven::FORM, form)), stands, "{form}");
        }
        let proceeds = plan("PROCEED", "down", "");
        assert!(!Failover.stands(&proceeds, &plan("RISKY", "down", "")), "beyond the promise since");
    }
}
