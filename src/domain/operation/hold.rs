//! `backup.hold`: keeping a recovery point and its copies from being deleted, for a ticket; and letting go again.
//!
//! The hold is in the ledger first and last: what bbws deletes, it asks the ledger. In AWS it is a legal hold for points of
//! AWS Backup, and a tag on snapshots, for which AWS has no hold.

use std::collections::BTreeMap;

use super::{
    delete::{describe, named, unknown},
    draft::{Draft, Head},
};
use crate::domain::{
    approval::ANY_ROLE,
    environment::Environment,
    mark::{Mark, MarkKind},
    plan::Plan,
    point::{Place, Point, PointKind},
    policy::Need,
    retention,
    step::Action,
    world::World,
};

/// Kind.
pub const KIND: &str = "backup.hold";
/// Prefix of its ids.
pub const PREFIX: &str = "hd";
/// The scope by which approval rules tell a release.
pub const RELEASE: &str = "release";
/// Tag on held snapshots; its value is the ticket.
pub const TAG: &str = "bbws:hold";

pub use super::delete::survey;

/// Who has to agree where no rule says: to hold nobody, to release one other person. Less than that cannot be configured.
pub fn needs(configured: Vec<Need>, release: bool) -> Vec<Need> {
    if release && configured.is_empty() { vec![Need { role: ANY_ROLE.to_owned(), count: 1 }] } else { configured }
}

/// Every usable copy of the point.
fn copies<'w>(world: &'w World, point: &Point) -> Vec<&'w Point> {
    let key = point.key();
    world.lineage.iter().filter(|p| p.key() == key).collect()
}

/// The plan of a hold.
///
/// # Errors
/// What stands in the way, a sentence each.
pub fn hold(env: &Environment, id: &str, ticket: &str, world: &World, marks: &[Mark]) -> Result<Plan, Vec<String>> {
    let Some(point) = named(world, id) else { return Err(vec![unknown(env, id)]) };
    let mut draft = Draft::default();
    refuse_archives(point, &mut draft);
    if retention::holds(point, marks).iter().any(|m| m.note == ticket) {
        draft.problem(format!("`{id}` is held for {ticket} already. Nothing has to be done."));
    }
    draft.note("Nothing of it can be deleted by bbws until two people release it; AWS's own expiry of recovery points waits too.");
    let marked = draft.step(
        format!("Write down that {} is held for {ticket}", point.id),
        vec![],
        Action::Mark { mark: MarkKind::Hold, subject: retention::hold_subject(point, ticket), note: ticket.to_owned() },
    );
    for copy in copies(world, point) {
        draft.fact(format!("Recovery point {}", copy.id), describe(copy));
        let region = copy.region.clone();
        match &copy.place {
            Place::Snapshot => draft.step(
                format!("Tag {} in {region} as held", copy.id),
                vec![marked],
                Action::TagSnapshot {
                    region,
                    arn: copy.arn.clone(),
                    key: TAG.to_owned(),
                    value: Some(ticket.to_owned()),
                },
            ),
            Place::Vault { vault } => draft.step(
                format!("Legal hold on {} in {region}", copy.id),
                vec![marked],
                Action::LegalHold {
                    region,
                    vault: vault.clone(),
                    resource_arn: resource_arn(env, copy),
                    created: copy.created,
                    title: format!("{ticket} {}", copy.id),
                },
            ),
            Place::Bucket { .. } => marked,
        };
    }
    finish(env, point, draft)
}

/// The plan of a release. `legal` are the ids of the legal holds that the hold's operation made, by region.
///
/// # Errors
/// What stands in the way, a sentence each.
pub fn release(
    env: &Environment,
    id: &str,
    ticket: &str,
    world: &World,
    marks: &[Mark],
    legal: &BTreeMap<String, Vec<String>>,
) -> Result<Plan, Vec<String>> {
    let Some(point) = named(world, id) else { return Err(vec![unknown(env, id)]) };
    let mut draft = Draft::default();
    refuse_archives(point, &mut draft);
    let holds = retention::holds(point, marks);
    let Some(held) = holds.iter().find(|m| m.note == ticket) else {
        let tickets: Vec<&str> = holds.iter().map(|m| m.note.as_str()).collect();
        let known = if tickets.is_empty() {
            "it is not held".to_owned()
        } else {
            format!("it is held for {}", tickets.join(", "))
        };
        return Err(vec![format!("`{id}` is not held for {ticket}: {known}. Nothing was released.")]);
    };
    draft.fact(format!("Hold for {ticket}"), format!("since {} by {}", held.at, held.operation));
    draft.note(if holds.len() > 1 {
        format!("{} other holds remain, so that it still cannot be deleted.", holds.len() - 1)
    } else {
        "No hold remains: from then on it can be deleted and expires as its retention says.".to_owned()
    });
    let mut before = Vec::new();
    for copy in copies(world, point).into_iter().filter(|c| c.place == Place::Snapshot && holds.len() == 1) {
        draft.fact(format!("Recovery point {}", copy.id), describe(copy));
        before.push(draft.step(
            format!("Remove the tag of the hold from {} in {}", copy.id, copy.region),
            vec![],
            Action::TagSnapshot {
                region: copy.region.clone(),
                arn: copy.arn.clone(),
                key: TAG.to_owned(),
                value: None,
            },
        ));
    }
    for (region, hold) in legal.iter().flat_map(|(region, holds)| holds.iter().map(move |h| (region, h))) {
        before.push(draft.step(
            format!("Cancel legal hold {hold} in {region}"),
            vec![],
            Action::ReleaseHold {
                region: region.clone(),
                hold: hold.clone(),
                description: format!("released for {ticket}"),
            },
        ));
    }
    draft.step(
        format!("Write down that {} is no longer held for {ticket}", point.id),
        before,
        Action::Unmark { mark: MarkKind::Hold, subject: retention::hold_subject(point, ticket) },
    );
    finish(env, point, draft)
}

fn finish(env: &Environment, point: &Point, draft: Draft) -> Result<Plan, Vec<String>> {
    draft.finish(Head { kind: KIND, environment: env, scope: point.id.clone(), tenant: None, retention_days: None })
}

fn refuse_archives(point: &Point, draft: &mut Draft) {
    if let Place::Bucket { bucket } = &point.place {
        draft.problem(format!(
            "`{}` is an archive in bucket `{bucket}`, which bbws never deletes. To hold it against the bucket's own rules, set an S3 Object Lock legal hold on it.",
            point.id
        ));
    }
}

fn resource_arn(env: &Environment, point: &Point) -> String {
    match point.kind {
        PointKind::Rds => env.database_arn(&point.resource),
        _ => env.file_system_arn(&point.resource),
    }
}
