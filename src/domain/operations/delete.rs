//! `backup.delete`: taking one recovery point away, when nothing protects it.

use std::time::Duration;

use super::{
    Asked, Ended, Known, Marks, Operation, Works,
    draft::{Draft, Head},
    unplanned, whole,
};
use crate::domain::{
    approval,
    command::{Command, Does, ENVIRONMENT, Entry, Group, POINT, REASON, Values, as_they_are, nothing_more},
    environment::Environment,
    mark::{Mark, MarkKind},
    moment::{Moment, spoken},
    plan::Plan,
    point::{Place, Point},
    policy::Need,
    retention, step,
    text::escape,
    world::{Survey, World},
};

/// The kind on plans.
const KIND: &str = "backup.delete";

static ENTRY: Entry = Entry {
    name: KIND,
    path: &["backup", "delete"],
    group: Group::Backups,
    place: 50,
    about: "Delete a recovery point",
    happens: "Deletes it for good, and looks again that it is gone. Refused while it must be kept, under a hold, in a locked vault, \
                  and for the last of its kind that passed a test restore. Archives in buckets are never deleted: they go by the \
                  bucket's lifecycle rules. Where the policy asks for approval, nothing is \
                  deleted before it is given.",
    args: &[ENVIRONMENT, POINT, REASON],
    examples: &["backup delete ENV bbws-mysql-manual-20261121-bk-1042 --reason \"made by mistake\""],
    who: "anyone in a role; where the policy asks for it, a second person has to agree",
    does: |_| Does::Operation,
    settle: as_they_are,
    mend: nothing_more,
};

/// The command that deletes this point.
pub fn command(environment: &str, point: &str) -> Command {
    let mut values = Values::default();
    values.set(ENVIRONMENT.name, environment);
    values.set(POINT.name, point);
    Command::new(&ENTRY, values)
}

/// The operation.
pub struct Delete;

impl Operation for Delete {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "dl"
    }

    fn works(&self) -> Works {
        Works::AtHome(
            "Nothing of a platform that was failed over is deleted; let AWS's own retention end it, or delete it after a failback.",
        )
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, command: &Command, environment: &str) -> String {
        match command.values().get(POINT.name) {
            Some(point) => format!("The deletion of `{}`", escape(point)),
            None => format!("A deletion in `{environment}`"),
        }
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        Ok(survey(asked.command.values().get(POINT.name).ok_or_else(|| unplanned(asked.command))?))
    }

    fn marks(&self) -> Marks {
        Marks::All
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        let point = asked.command.values().get(POINT.name).ok_or_else(|| unplanned(asked.command))?;
        plan(asked.environment, point, &known.world, &known.marks, asked.at)
    }

    /// Where no rule says: in an environment that replicates, one other person. Less cannot be configured there.
    fn needs(&self, plan: &Plan, configured: Vec<Need>) -> Vec<Need> {
        if configured.is_empty() && plan.dr_region.is_some() {
            return vec![Need { role: approval::ANY_ROLE.to_owned(), count: 1 }];
        }
        configured
    }

    fn irreversible(&self) -> Option<&'static str> {
        Some("What is deleted cannot be brought back.")
    }

    /// What protects the point may have come after the start.
    fn asks_before_each_change(&self) -> bool {
        true
    }

    fn title(&self, plan: &Plan) -> String {
        format!("Delete {} of {}", plan.scope, whole(plan))
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        let (scope, took) = (escape(&ended.plan.scope), ended.took);
        format!("{scope} is deleted, and it was looked for afterwards: it is gone. It took {took}.")
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "Do *not* count on it being gone."
    }

    fn left_behind(&self, plan: &Plan, _: usize) -> Option<String> {
        let environment = &plan.environment;
        Some(format!(
            "What was deleted before that is gone for good: `/bbws backup list {environment}` shows what is left."
        ))
    }
}

/// What has to be known of the live world.
pub fn survey(point: &str) -> Survey {
    Survey { point: Some(point.to_owned()), ..Survey::default() }
}

/// The point that an id names: the id itself, or its ARN.
pub(super) fn named<'w>(world: &'w World, id: &str) -> Option<&'w Point> {
    world.lineage.iter().find(|p| p.is_named(id))
}

/// A sentence for somebody whose id names nothing.
pub(super) fn unknown(env: &Environment, id: &str) -> String {
    format!(
        "There is no recovery point `{id}` of `{}` in {} or {}. `/bbws backup list {}` shows those there are.",
        env.name, env.primary_region, env.dr_region, env.name
    )
}

/// The plan: one deletion, and a look whether it is gone.
///
/// # Errors
/// Everything that protects the point, a sentence each.
pub fn plan(env: &Environment, id: &str, world: &World, marks: &[Mark], now: Moment) -> Result<Plan, Vec<String>> {
    let Some(point) = named(world, id) else { return Err(vec![unknown(env, id)]) };
    let arns: Vec<&str> =
        world.lineage.iter().filter(|p| p.id.eq_ignore_ascii_case(id)).map(|p| p.arn.as_str()).collect();
    if arns.len() > 1 {
        return Err(vec![format!("`{id}` exists more than once. Say which by its ARN: `{}`.", arns.join("` or `"))]);
    }
    let mut draft = Draft::default();
    for reason in retention::protection(point, env, &world.lineage, marks, now) {
        draft.problem(reason);
    }
    draft.fact(format!("Recovery point {}", point.id), describe(point));
    draft.note(format!(
        "What is lost: {} {} as it was at {} ({} ago). This cannot be undone.",
        point.kind,
        point.resource,
        point.created,
        spoken(now.since(point.created))
    ));
    let others: Vec<&Point> = world.lineage.iter().filter(|p| p.arn != point.arn && p.usable()).collect();
    // What is finished between request and run must not void the approval, so nothing of the last day is named.
    let settled = now - Duration::from_secs(86_400);
    let newest = others.iter().filter(|p| p.created <= settled).max_by_key(|p| (p.created, &p.arn));
    draft.note(match newest {
        Some(newest) => format!(
            "What remains of {}: at least {} in {}, of {}.",
            point.resource, newest.id, newest.region, newest.created
        ),
        None => format!("Nothing of {} remains that is older than a day.", point.resource),
    });
    let title = format!("Delete {} in {}", point.id, point.region);
    let region = point.region.clone();
    let gone = match &point.place {
        Place::Snapshot => draft.step(title, vec![], step::DeleteSnapshot { region, snapshot: point.id.clone() }),
        Place::Vault { vault } => draft.step(
            title,
            vec![],
            step::DeletePoint { region, vault: vault.clone(), recovery_point: point.arn.clone() },
        ),
        // `protection` has refused it already.
        Place::Bucket { .. } => 0,
    };
    let copies = others.iter().any(|p| p.key() == point.key());
    if !copies && retention::tested(point, marks).is_some() && !draft.is_empty() {
        draft.step(
            "Forget that it was restore-tested",
            vec![gone],
            step::Forget { mark: MarkKind::Tested, subject: point.key() },
        );
    }
    draft.finish(Head { kind: KIND, environment: env, scope: point.id.clone(), tenant: None, retention_days: None })
}

/// What it is, as far as that does not change by itself.
pub(super) fn describe(point: &Point) -> String {
    let encrypted = if point.encrypted { "encrypted" } else { "NOT encrypted" };
    format!("{} of {} in {}, data of {}, {encrypted}", point.kind, point.resource, point.region, point.created)
}
