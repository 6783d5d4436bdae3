//! What every restore does around the making of a copy: it is written down before it is made, so that nothing is left behind,
//! and kept for as long as was asked once it is validated.

use super::{
    super::draft::{Draft, Head},
    Ask, KIND, scope,
};
use crate::domain::{
    command::value::span_text,
    environment::Environment,
    mark::{Leftover, MarkKind},
    moment::{Moment, spoken},
    operation::Run,
    plan::Plan,
    restored,
    span::Span,
    step::{self, Action, DATA_OF, Origin, Step, TenantTables},
    text::{count, escape},
};

/// The fact that names the moment to which everything is restored, where that is asked for.
const MOMENT: &str = "Everything as of";
/// The fact that names the ticket.
pub(super) const TICKET: &str = "Ticket";

/// What a restore that ended as a clone leaves, in the planning.
pub(super) struct Path<'a> {
    pub(super) env: &'a Environment,
    pub(super) ask: &'a Ask<'a>,
    pub(super) draft: Draft,
    pub(super) scope: &'static str,
    /// What the next thing that is restored comes after: one at a time, where there are several.
    pub(super) gate: Vec<usize>,
    /// The step after which the next thing that is live may change, where somebody has looked at all of them at once.
    pub(super) looked: Option<usize>,
}

impl<'a> Path<'a> {
    pub(super) fn new(env: &'a Environment, ask: &'a Ask<'a>) -> Path<'a> {
        let mut draft = Draft::default();
        if let Some(ticket) = ask.ticket() {
            draft.fact(TICKET, ticket);
        }
        Path { env, ask, draft, scope: scope::CLONE, gate: Vec::new(), looked: None }
    }

    /// It reaches so far into what is live. What reaches everything reaches no less because of one part of it.
    pub(super) fn reaches(&mut self, scope: &'static str) {
        if self.scope != scope::EVERYTHING {
            self.scope = scope;
        }
    }

    /// Writes down that an instance is about to be made: what is written down is deleted by itself.
    pub(super) fn announced(&mut self, instance: &str) -> usize {
        let note = Leftover::instance(self.ask.region(self.env)).note();
        self.draft.step(
            format!("Write down that {instance} is made"),
            self.gate.clone(),
            step::Remember { mark: MarkKind::Leftover, subject: instance.to_owned(), note },
        )
    }

    /// The end of a restore into a clone: from now on its time runs.
    pub(super) fn kept(&mut self, instance: &str, validated: usize) -> usize {
        let keep = self.ask.keep();
        let note = Leftover::instance(self.ask.region(self.env)).kept_for(keep).note();
        self.draft.step(
            format!("Write down that {instance} is kept for {keep}"),
            vec![validated],
            step::Remember { mark: MarkKind::Leftover, subject: instance.to_owned(), note },
        )
    }

    /// What is left of a cutover is promised for a while, and the ledger remembers whose it is and for how long.
    pub(super) fn promised(&mut self, what: &str, after: usize) -> usize {
        let (title, promise) = self.promise(what);
        self.draft.step(title, vec![after], promise)
    }

    /// On the way back: what was kept is live again, and what was live meanwhile is kept instead.
    pub(super) fn exchanged(&mut self, kept: usize, back: usize, (before, undone): (&str, &str)) {
        self.draft.back(
            format!("Write down that {before} is live again"),
            vec![kept, back],
            step::Forget { mark: MarkKind::Before, subject: before.to_owned() },
        );
        let (title, promise) = self.promise(undone);
        self.draft.back(title, vec![kept, back], promise);
    }

    fn promise(&self, what: &str) -> (String, step::Remember) {
        let keep = self.env.restore.keep_before;
        let note = Leftover::instance(&self.env.primary_region).kept_for(&span_text(keep)).note();
        let title = format!("Write down that {what} is promised for {}", spoken(keep.0));
        (title, step::Remember { mark: MarkKind::Before, subject: what.to_owned(), note })
    }

    /// A snapshot of a database that is about to be changed, verified; the step that does that.
    pub(super) fn fresh_backup(&mut self, database: &str, at: Moment, operation: &str, after: usize) -> usize {
        let region = self.env.primary_region.clone();
        let snapshot = restored::snapshot(database, &at.yyyymmdd(), operation);
        let made = self.draft.step(
            format!("Snapshot database {database}"),
            vec![after],
            step::RdsSnapshot { region: region.clone(), database: database.to_owned(), snapshot: snapshot.clone() },
        );
        self.draft.step(
            format!("Verify {snapshot}"),
            vec![made],
            step::VerifySnapshot { region, snapshot, retention_days: self.env.retention_days.default },
        )
    }

    fn urls(&self) -> &[String] {
        self.env.health.as_ref().map(|health| health.urls.as_slice()).unwrap_or_default()
    }

    /// Watches the platform for a while after a cutover, where the config says at which addresses; the last step until then.
    pub(super) fn health(&mut self, after: usize) -> usize {
        if self.urls().is_empty() {
            return after;
        }
        let watch = self.env.restore.health_watch;
        let watched = step::WatchHealth {
            region: self.env.primary_region.clone(),
            urls: self.urls().to_vec(),
            seconds: watch.0.as_secs(),
            turns_back: self.env.restore.auto_roll_back,
            holds: false,
        };
        self.draft.step(format!("Watch the health of {} for {}", self.env.name, spoken(watch.0)), vec![after], watched)
    }

    /// What a person reads of that, and of what follows when it fails.
    pub(super) fn health_notes(&mut self) {
        let note = match self.urls() {
            [] => "Health is not watched after the cutover: `health.urls` of the config names no address.".to_owned(),
            urls => format!(
                "Health is asked of {} for {} after the cutover.",
                urls.join(", "),
                spoken(self.env.restore.health_watch.0)
            ),
        };
        self.draft.note(note);
        self.draft.note(match self.env.restore.auto_roll_back {
            true => "Where health or the validation after the cutover fails, it is rolled back by itself.",
            false => "Where health or the validation after the cutover fails, Roll back is offered and nothing is rolled back by itself (`auto_roll_back = false`).",
        });
    }

    /// Says to which moment everything is restored.
    pub(super) fn everything_as_of(&mut self, moment: String) {
        self.draft.fact(MOMENT, moment);
    }

    /// The plan.
    pub(super) fn finish(self) -> Result<Plan, Vec<String>> {
        self.draft.finish(Head {
            kind: KIND,
            environment: self.env,
            scope: self.scope.to_owned(),
            tenant: self.ask.tenant().map(str::to_owned),
            // Of the backup that is made of what is replaced.
            retention_days: (self.scope != scope::CLONE).then_some(self.env.retention_days.default),
        })
    }
}

/// Up to when the data goes, where a step that looked at it measured that.
pub(super) fn measured(step: &Step) -> Option<Moment> {
    step.outputs.get(DATA_OF).and_then(|at| Moment::read(at))
}

/// The instance that a plan makes.
pub(super) fn made(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find_map(|spec| match &spec.action {
        Action::RestoreTest(what) => Some(what.instance.as_str()),
        Action::RestoreMoment(what) => Some(what.instance.as_str()),
        Action::RestoreFiles(what) => Some(what.name.as_str()),
        Action::RestoreLike(what) => Some(what.instance.as_str()),
        Action::CreateEmpty(what) => Some(what.instance.as_str()),
        _ => None,
    })
}

/// The moment to which a plan restores everything; none where it restores one thing.
pub(super) fn everything(plan: &Plan) -> Option<&str> {
    plan.facts.iter().find(|fact| fact.subject == MOMENT).map(|fact| fact.found.as_str())
}

/// What a plan brings back: `bbws-prod-mysql as of 2026-11-21 09:30 UTC`.
pub(super) fn of(plan: &Plan) -> Option<String> {
    if let Some(moment) = everything(plan) {
        let whose = plan
            .tenant
            .as_ref()
            .map_or_else(|| plan.environment.clone(), |id| format!("tenant {id} of {}", plan.environment));
        return Some(format!("everything of {whose} as of {moment}"));
    }
    plan.steps.iter().find_map(|spec| match &spec.action {
        Action::RestoreTest(what) => Some(what.snapshot.clone()),
        Action::RestoreMoment(what) => Some(as_of(&what.database, what.at)),
        Action::RestoreLike(what) => Some(what.snapshot.clone().unwrap_or_else(|| as_of(&what.database, what.at))),
        Action::RestoreFiles(what) => Some(what.recovery_point.rsplit(':').next().unwrap_or_default().to_owned()),
        Action::RestoreFolder(what) if swapped(plan).len() > 1 => Some(format!("all of {}", what.file_system)),
        Action::RestoreFolder(what) => Some(format!("{} of {}", what.path, what.file_system)),
        Action::CompareExport(what) => Some(what.export.key.clone()),
        Action::LoadDump(what) => Some(what.key.clone()),
        Action::StageTenant(what) => match &what.from {
            Origin::Dump { key, .. } => Some(key.clone()),
            Origin::Instance { .. } => None,
        },
        Action::ListVersions(what) => Some(format!("{} as of {}", what.versions.bucket, what.versions.as_of)),
        _ => None,
    })
}

/// The folders that a plan swaps.
fn swapped(plan: &Plan) -> Vec<&step::SwapFolder> {
    let forward = plan.steps.iter().filter(|spec| !spec.back);
    forward.filter_map(|spec| if let Action::SwapFolder(what) = &spec.action { Some(what) } else { None }).collect()
}

fn as_of(database: &str, at: Option<Moment>) -> String {
    match at {
        Some(at) => format!("{database} as of {at}"),
        None => format!("{database} as of its latest restorable moment"),
    }
}

/// The database that a plan puts something else in the place of.
pub(super) fn replaced(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find_map(|spec| match &spec.action {
        Action::Rename(what) if !spec.back => Some(what.from.as_str()),
        Action::TagLive(what) => Some(what.database.as_str()),
        _ => None,
    })
}

/// The tenant's tables that a plan changes in a live database.
pub(super) fn tenant_tables(plan: &Plan) -> Option<&TenantTables> {
    plan.steps.iter().find_map(|spec| match &spec.action {
        Action::SwapTenant(what) => Some(&what.of),
        Action::MergeTenant(what) => Some(&what.of),
        _ => None,
    })
}

/// What is then called what was live before.
pub(super) fn before(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find_map(|spec| match &spec.action {
        Action::Rename(what) if !spec.back => Some(what.to.as_str()),
        Action::PointSecret(what) => Some(what.from.as_str()),
        _ => None,
    })
}

/// Whether a plan goes on to what is live.
pub(super) fn cuts_over(plan: &Plan) -> bool {
    cutover(plan).is_some()
}

/// The first step of a plan that asks for the word of those who agree to a cutover.
pub(super) fn cutover(plan: &Plan) -> Option<usize> {
    plan.steps.iter().position(|spec| matches!(&spec.action, Action::WaitForPeople(what) if what.rule.is_some()))
}

/// Whether a run has begun to change what is live: a step that changes anything, after the first word for a cutover. What was
/// tried and failed may have changed it, too.
pub(super) fn changed_live(run: &Run) -> bool {
    let Some(agreed) = cutover(&run.op.plan) else { return false };
    let steps = run.steps.iter().zip(&run.op.plan.steps).skip(agreed + 1);
    steps.into_iter().any(|(step, spec)| spec.action.mutates() && (step.touched() || step.round > 0))
}

/// What a plan interrupts of the platform, each thing once.
pub(super) fn interrupts(plan: &Plan) -> String {
    let forward = plan.steps.iter().filter(|spec| !spec.back);
    let found = forward.filter_map(|spec| match &spec.action {
        Action::Rename(what) if what.id.is_some() => Some(format!(
            "Connections to {} are refused from the first rename to the end of the second, usually some minutes; when that begins is decided by people.",
            what.from
        )),
        Action::PointSecret(what) => Some(format!(
            "None by itself: services that read secret {} have to be redeployed once it leads to another instance.",
            what.secret
        )),
        Action::SwapFolder(what) => {
            Some(format!("{} of {} is not there for a moment while it is swapped.", what.path, what.file_system))
        }
        Action::RestoreSecrets(_) | Action::RestoreParameters(_) => Some(
            "None by itself: applications keep the values they have read until they read them again.".to_owned(),
        ),
        Action::RestoreVersions(what) => {
            Some(format!("None: objects of {} change one by one.", what.versions.bucket))
        }
        _ => None,
    });
    let found: Vec<String> = found.collect();
    match found.first() {
        None => "None: nothing that is live is changed.".to_owned(),
        Some(first) if found.len() == 1 => first.clone(),
        Some(_) => {
            let interrupting: Vec<&String> = found.iter().filter(|what| !what.starts_with("None")).collect();
            let told = if interrupting.is_empty() { found.iter().take(1).collect() } else { interrupting };
            told.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ")
        }
    }
}

/// What a plan came to that makes nothing which is kept for a while; mrkdwn, escaped.
pub(super) fn told(plan: &Plan) -> Option<String> {
    in_place(plan).or_else(|| beside(plan))
}

/// What a plan came to that brings something back in place.
fn in_place(plan: &Plan) -> Option<String> {
    let told = plan.steps.iter().filter(|spec| !spec.back).find_map(|spec| match &spec.action {
        Action::RestoreSecrets(step::RestoreSecrets { export, .. })
        | Action::RestoreParameters(step::RestoreParameters { export, .. }) => Some(format!(
            "The values of {} are live again, and were read back. Applications keep those they have read until they read them again.",
            escape(&export.key)
        )),
        Action::RestoreVersions(what) => Some(format!(
            "What was overwritten or deleted in {} since {} is current again, and the bucket was listed again.",
            escape(&what.versions.bucket),
            what.versions.as_of
        )),
        Action::SwapFolder(_) => Some(
            swapped(plan)
                .into_iter()
                .map(|what| {
                    let (path, aside) = (escape(&what.path), escape(&what.aside));
                    format!("The restored {path} is live. What was live before is kept as {aside}.")
                })
                .collect::<Vec<_>>()
                .join(" "),
        ),
        _ => None,
    })?;
    Some(format!("{told} Roll back on the card puts back what was live before."))
}

/// What a plan came to that changes nothing and leaves nothing which goes by itself.
fn beside(plan: &Plan) -> Option<String> {
    plan.steps.iter().find_map(|spec| match &spec.action {
        Action::RestoreFolder(what) => Some(format!(
            "{} of {} is restored beside the live one and was compared with it: its step tells where it is. Nothing that is live was changed.",
            escape(&what.path),
            escape(&what.file_system)
        )),
        Action::CompareExport(what) => Some(format!(
            "{} was compared with what is live: the thread tells what differs, by name. Nothing was changed.",
            escape(&what.export.key)
        )),
        Action::ListVersions(what) => Some(format!(
            "What would come back in {} as of {} is counted in the thread. Nothing was changed.",
            escape(&what.versions.bucket),
            what.versions.as_of
        )),
        _ => None,
    })
}

/// What a plan came to that restores everything; mrkdwn, escaped.
pub(super) fn told_of_everything(plan: &Plan, took: &str) -> Option<String> {
    let moment = everything(plan)?;
    if cuts_over(plan) {
        let whose = plan.tenant.as_deref().unwrap_or(&plan.environment);
        return Some(format!(
            "{} as of {} is live, one thing after the other, each proved before the next; all of it took {took}. The steps say what each came to and what is kept of what was live before, and the card to which moment each was brought. Roll back takes all of it back, the last first.",
            escape(whose),
            escape(moment)
        ));
    }
    let kept = kept(plan).map(|kept| format!(" What was made is deleted by itself in {kept}.")).unwrap_or_default();
    Some(format!(
        "{} as of {} is there and validated, one thing after the other, in {took}: the steps tell where each is reached and what differs, and the card to which moment each was brought. Nothing of the platform was changed, and nothing uses the copies.{kept}",
        escape(&plan.environment),
        escape(moment)
    ))
}

/// What such a plan leaves when it was given up.
pub(super) fn stays(plan: &Plan) -> &'static str {
    match plan.steps.iter().any(|spec| matches!(spec.action, Action::RestoreFolder(_))) {
        true => {
            "What AWS Backup restored so far is in a folder `aws-backup-restore_…` in the root of the file system, where it stays until somebody removes it. Nothing that is live was changed."
        }
        false => "Nothing was changed.",
    }
}

/// How long the clone of a plan is kept, in words.
pub(super) fn kept(plan: &Plan) -> Option<String> {
    const DAY: u64 = 86_400;
    let kept = plan.steps.iter().rev().find_map(|spec| match &spec.action {
        Action::Remember(what) if what.mark == MarkKind::Leftover => Leftover::read(&what.note).kept,
        _ => None,
    })?;
    Some(match Span::parse(kept) {
        Ok(Span(span)) if span.as_secs().is_multiple_of(DAY) => count(span.as_secs() / DAY, "day"),
        Ok(Span(span)) => spoken(span),
        Err(_) => kept.to_owned(),
    })
}
