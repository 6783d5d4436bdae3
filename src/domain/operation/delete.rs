//! `backup.delete`: taking one recovery point away, when nothing protects it.

use super::draft::{Draft, Head};
use crate::domain::{
    environment::Environment,
    mark::{Mark, MarkKind},
    moment::{Moment, spoken},
    plan::Plan,
    point::{Place, Point},
    retention,
    step::Action,
    world::{Survey, World},
};

/// Kind.
pub const KIND: &str = "backup.delete";
/// Prefix of its ids.
pub const PREFIX: &str = "dl";

/// What has to be known of the live world.
pub fn survey(point: &str) -> Survey {
    Survey { point: Some(point.to_owned()), ..Survey::default() }
}

/// The point that an id names: the id itself, or its ARN.
pub(super) fn named<'w>(world: &'w World, id: &str) -> Option<&'w Point> {
    world.lineage.iter().find(|p| p.id == id || p.arn == id)
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
    let newest = others.iter().max_by_key(|p| p.created);
    draft.note(match newest {
        Some(newest) => format!(
            "{} other usable recovery points of {} remain; the newest is {} in {} of {}.",
            others.len(),
            point.resource,
            newest.id,
            newest.region,
            newest.created
        ),
        None => format!("No other usable recovery point of {} remains.", point.resource),
    });
    let title = format!("Delete {} in {}", point.id, point.region);
    let region = point.region.clone();
    let gone = match &point.place {
        Place::Snapshot => draft.step(title, vec![], Action::DeleteSnapshot { region, snapshot: point.id.clone() }),
        Place::Vault { vault } => draft.step(
            title,
            vec![],
            Action::DeletePoint { region, vault: vault.clone(), recovery_point: point.arn.clone() },
        ),
        // `protection` has refused it already.
        Place::Bucket { .. } => 0,
    };
    let copies = others.iter().any(|p| p.key() == point.key());
    if !copies && retention::tested(point, marks).is_some() && !draft.is_empty() {
        draft.step(
            "Forget that it was restore-tested",
            vec![gone],
            Action::Unmark { mark: MarkKind::Tested, subject: point.key() },
        );
    }
    draft.finish(Head { kind: KIND, environment: env, scope: point.id.clone(), tenant: None, retention_days: None })
}

/// What it is, as far as that does not change by itself.
pub(super) fn describe(point: &Point) -> String {
    let encrypted = if point.encrypted { "encrypted" } else { "NOT encrypted" };
    format!("{} of {} in {}, data of {}, {encrypted}", point.kind, point.resource, point.region, point.created)
}
