//! `backup.hold`: keeping a recovery point and its copies from being deleted, for a ticket; and letting go again.
//!
//! The hold is in the ledger first and last: what bbws deletes, it asks the ledger. In AWS it is a legal hold for points of
//! AWS Backup, and a tag on snapshots, for which AWS has no hold.

use std::collections::BTreeMap;

use super::{
    Asked, Ended, Known, Marks, Operation, Past, Works, begun,
    delete::{describe, named, unknown},
    draft::{Draft, Head},
    unplanned, whole,
};
use crate::domain::{
    approval,
    command::{Arg, Command, Does, ENVIRONMENT, Entry, Form, Group, POINT, REASON, as_they_are, nothing_more, value},
    environment::Environment,
    mark::{Mark, MarkKind},
    operation::{OpId, Run, State},
    plan::Plan,
    point::{Place, Point, PointKind},
    policy::Need,
    retention,
    step::{self, Action},
    text::escape,
    world::{Survey, World},
};

/// The kind on plans.
const KIND: &str = "backup.hold";
const TICKET: &str = "ticket";
const RELEASE: &str = "release";
/// The scopes by which approval rules tell holding and letting go.
const SCOPES: [&str; 2] = ["hold", "release"];
/// Tag on held snapshots; its value is the ticket.
pub const TAG: &str = "bbws:hold";

static ENTRY: Entry = Entry {
    name: KIND,
    path: &["backup", "hold"],
    group: Group::Backups,
    place: 60,
    about: "Keep a recovery point from being deleted, or release it",
    happens: "bbws does not delete it or its copies while it is held. Points of AWS Backup get a legal hold, which stops \
                  everybody and their expiry; snapshots get a tag, which stops only bbws. Archives in buckets cannot be held \
                  this way. Releasing takes two people.",
    args: &[
        ENVIRONMENT,
        POINT,
        Arg {
            name: TICKET,
            kind: &value::TICKET,
            form: Form::Option,
            usual: None,
            required: true,
            about: "the ticket that asks for it, such as `INC-123`",
        },
        Arg {
            name: RELEASE,
            kind: &value::FLAG,
            form: Form::Flag,
            usual: None,
            required: false,
            about: "ends the hold instead",
        },
        REASON,
    ],
    examples: &[
        "backup hold ENV bbws-mysql-manual-20261121-bk-1042 --ticket INC-123",
        "backup hold ENV bbws-mysql-manual-20261121-bk-1042 --ticket INC-123 --release --reason \"case is closed\"",
    ],
    who: "anyone in a role; to release, a second person has to agree",
    does: |_| Does::Operation,
    settle: as_they_are,
    mend: nothing_more,
};

/// The operation.
pub struct Hold;

/// What a command asks to be held or released.
struct Wanted<'a> {
    point: &'a str,
    ticket: &'a str,
    release: bool,
}

impl Hold {
    fn wanted(command: &Command) -> Result<Wanted<'_>, Vec<String>> {
        let values = command.values();
        let (Some(point), Some(ticket)) = (values.get(POINT.name), values.get(TICKET)) else {
            return Err(unplanned(command));
        };
        Ok(Wanted { point, ticket, release: values.has(RELEASE) })
    }
}

impl Operation for Hold {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "hd"
    }

    /// What is held may lie on either side, and holding it harms neither.
    fn works(&self) -> Works {
        Works::OnBoth
    }

    fn scopes(&self) -> &'static [&'static str] {
        &SCOPES
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, command: &Command, environment: &str) -> String {
        match Self::wanted(command) {
            Ok(Wanted { point, release: true, .. }) => format!("The release of `{}`", escape(point)),
            Ok(Wanted { point, .. }) => format!("A hold on `{}`", escape(point)),
            Err(_) => format!("A hold in `{environment}`"),
        }
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        Ok(super::delete::survey(Self::wanted(asked.command)?.point))
    }

    fn marks(&self) -> Marks {
        Marks::All
    }

    /// To hold: whether what set the holds there are came to its end. To release: what it made in AWS. A hold that failed
    /// half-way and was asked for again left legal holds under both operations.
    fn past(&self, asked: &Asked<'_>, world: &World, marks: &[Mark]) -> Past {
        let Ok(Wanted { point, ticket, release }) = Self::wanted(asked.command) else { return Past::default() };
        if !release {
            let holds = marks.iter().filter(|m| m.kind == MarkKind::Hold);
            return Past { ids: holds.map(|m| OpId(m.operation.clone())).collect(), whose: None };
        }
        let Some(point) = named(world, point) else { return Past::default() };
        let held = retention::holds(point, marks).into_iter().find(|m| m.note == ticket);
        let Some(held) = held else { return Past::default() };
        let subject = retention::hold_subject(point, ticket);
        let marks_it = move |action: &Action| matches!(action, Action::Remember(mark) if mark.subject == subject);
        Past {
            ids: vec![OpId(held.operation.clone())],
            whose: Some(Box::new(move |plan| plan.steps.iter().any(|s| marks_it(&s.action)))),
        }
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        let Known { world, marks, past, .. } = known;
        let Wanted { point, ticket, release: letting_go } = Self::wanted(asked.command)?;
        if letting_go {
            return release(asked.environment, point, ticket, world, marks, &legal_holds(past));
        }
        hold(asked.environment, point, ticket, world, &carried_through(marks, past))
    }

    fn scope(&self, plan: &Plan) -> String {
        SCOPES[usize::from(plan.releases())].to_owned()
    }

    /// Where no rule says: to hold nobody, to release one other person. Less than that cannot be configured.
    fn needs(&self, plan: &Plan, configured: Vec<Need>) -> Vec<Need> {
        if plan.releases() && configured.is_empty() {
            return vec![Need { role: approval::ANY_ROLE.to_owned(), count: 1 }];
        }
        configured
    }

    fn plans_again(&self, run: &Run) -> bool {
        !begun(run)
    }

    fn title(&self, plan: &Plan) -> String {
        let verb = if plan.releases() { "Release the hold on" } else { "Hold" };
        format!("{verb} {} of {}", plan.scope, whole(plan))
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        let scope = escape(&ended.plan.scope);
        if ended.plan.releases() {
            return format!(
                "That hold on {scope} is released. `/bbws backup list {}` shows whether another one remains.",
                ended.plan.environment
            );
        }
        format!("{scope} is held, and so are its copies. Releasing it takes two people.")
    }

    fn not_done(&self, plan: &Plan) -> &'static str {
        if plan.releases() {
            "bbws still keeps it, but AWS may hold it *no* longer."
        } else {
            "bbws will not delete it, but AWS does *not* hold every copy."
        }
    }
}

/// Marks without holds that were asked for and not carried through in AWS: those may be asked for again.
fn carried_through(marks: &[Mark], past: &[Run]) -> Vec<Mark> {
    let unfinished = |mark: &Mark| {
        mark.kind == MarkKind::Hold
            && past.iter().any(|run| run.op.id.0 == mark.operation && run.op.state != State::Succeeded)
    };
    marks.iter().filter(|mark| !unfinished(mark)).cloned().collect()
}

/// Ids of the legal holds that these runs made, by region, from the record of their steps.
fn legal_holds(past: &[Run]) -> BTreeMap<String, Vec<String>> {
    let mut legal: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for run in past {
        for (spec, step) in run.op.plan.steps.iter().zip(&run.steps) {
            if let (Action::LegalHold(held), Some(hold)) = (&spec.action, step.outputs.get("legal_hold")) {
                legal.entry(held.region.clone()).or_default().push(hold.clone());
            }
        }
    }
    legal
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
        step::Remember {
            mark: MarkKind::Hold,
            subject: retention::hold_subject(point, ticket),
            note: ticket.to_owned(),
        },
    );
    for copy in copies(world, point) {
        draft.fact(format!("Recovery point {}", copy.id), describe(copy));
        let region = copy.region.clone();
        match &copy.place {
            Place::Snapshot => draft.step(
                format!("Tag {} in {region} as held", copy.id),
                vec![marked],
                step::TagSnapshot {
                    region,
                    arn: copy.arn.clone(),
                    key: TAG.to_owned(),
                    value: Some(ticket.to_owned()),
                },
            ),
            Place::Vault { vault } => draft.step(
                format!("Legal hold on {} in {region}", copy.id),
                vec![marked],
                step::LegalHold {
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
        let release = |of: &&str| format!("`/bbws backup hold {} {id} --ticket {of} --release`", env.name);
        let known = if tickets.is_empty() {
            format!("it is not held. `/bbws backup list {}` shows what keeps each", env.name)
        } else {
            let each: Vec<String> = tickets.iter().map(release).collect();
            format!("it is held for {}. {} asks to release that", tickets.join(", "), each.join(" or "))
        };
        return Err(vec![format!("Nothing was released: `{id}` is not held for {ticket}, {known}.")]);
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
            step::TagSnapshot { region: copy.region.clone(), arn: copy.arn.clone(), key: TAG.to_owned(), value: None },
        ));
    }
    for (region, hold) in legal.iter().flat_map(|(region, holds)| holds.iter().map(move |h| (region, h))) {
        before.push(draft.step(
            format!("Cancel legal hold {hold} in {region}"),
            vec![],
            step::ReleaseHold {
                region: region.clone(),
                hold: hold.clone(),
                description: format!("released for {ticket}"),
            },
        ));
    }
    draft.step(
        format!("Write down that {} is no longer held for {ticket}", point.id),
        before,
        step::Forget { mark: MarkKind::Hold, subject: retention::hold_subject(point, ticket) },
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
        PointKind::S3 => Environment::bucket_arn(&point.resource),
        // Archives lie in no vault.
        PointKind::Efs | PointKind::Secrets | PointKind::Config | PointKind::Dump => {
            env.file_system_arn(&point.resource)
        }
    }
}
