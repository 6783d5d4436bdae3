//! `backup restore … list`: what can be restored, the most trustworthy first, and what that would lose.

use std::collections::BTreeSet;

use super::{
    desk::{Desk, say},
    list::{elsewhere, holds, regions, restore, unreadable},
};
use crate::{
    domain::{
        answers::restore_list,
        checked,
        command::Command,
        confidence::{self, Candidates, Evidence, Ranked, Trust},
        cost::{self, Hardware},
        environment::{Environment, Side, Tenant},
        mark::{Mark, MarkKind},
        moment::{Moment, spoken},
        operation::{OpId, Operation, Run, State},
        operations,
        point::{Point, PointKind, PointQuery, Window},
        restored,
        text::{count, escape},
    },
    ports::{
        chat::{Attachment, Choice, Level, Offer, Reply, Table},
        cloud::Windows,
        store::{Filter, StoreError},
    },
};

/// Recovery points that are ranked; of more the newest are.
const RANKED: usize = 20_000;
/// Rows of one answer: with their reasons and buttons no more fit into a table of Slack's.
const LINES: usize = 20;
/// Rows of each thing that is backed up, where no kind was named.
const OF_EACH: usize = 2;
/// Columns: what decides comes first.
const COLUMNS: [&str; 6] = ["Recovery point", "Confidence", "If restored", "Why", "Checks", "Of"];
/// Runs looked through for what they verified when they made it.
const RUNS: usize = 100;
/// Operations looked through for such runs, and for the latest restores.
const OPERATIONS: u32 = 500;
/// Latest restores the list ends with, and latest things that restores left.
const RECENT: usize = 5;

/// What an answer rests on.
struct Found<'a> {
    env: &'a Environment,
    tenant: Option<(&'a str, &'a Tenant)>,
    kind: Option<PointKind>,
    windows: Windows,
    ranked: Vec<Ranked>,
    /// Recovery points that were looked at, copies included.
    seen: u64,
    /// The time of the oldest that was ranked, where older ones were not.
    from: Option<Moment>,
    unread: Vec<String>,
    marks: Vec<Mark>,
    restores: Vec<Operation>,
    now: Moment,
}

impl Desk {
    /// Answers `backup restore … list`.
    pub(super) async fn restore_list(&self, command: &Command, by: &str) -> Result<Reply, StoreError> {
        let environment = command.environment().unwrap_or_default();
        let Some((active, env)) = self.planner.where_it_runs(environment).await? else {
            return Ok(say(Level::Error, format!("There is no environment `{}`.", escape(environment))));
        };
        let tenant = match restore_list::tenant(command).map(|id| env.tenant(id)).transpose() {
            Ok(tenant) => tenant,
            Err(why) => return Ok(say(Level::Warning, escape(&why))),
        };
        let mut reply = match self.found(&env, restore_list::kind(command), tenant, by).await? {
            Ok(found) => {
                let left = self.left(&found.marks).await?;
                found.drawn(&left)
            }
            Err(reply) => reply,
        };
        reply.text = elsewhere(&active, &env) + &reply.text;
        Ok(reply)
    }

    /// What a form offers to restore, with what else there is to say; the answer that says why not.
    pub(super) async fn restore_choices(
        &self,
        environment: &str,
        by: &str,
    ) -> Result<Result<(Vec<Choice>, String), Reply>, StoreError> {
        let Some((_, env)) = self.planner.where_it_runs(environment).await? else {
            return Ok(Err(say(Level::Error, format!("There is no environment `{}`.", escape(environment)))));
        };
        Ok(self.found(&env, None, None, by).await?.map(|found| found.choices()))
    }

    async fn found<'a>(
        &self,
        env: &'a Environment,
        kind: Option<PointKind>,
        tenant: Option<(&'a str, &'a Tenant)>,
        by: &str,
    ) -> Result<Result<Found<'a>, Reply>, StoreError> {
        let now = self.clock.now();
        let query = PointQuery { kinds: kind.into_iter().collect(), ..PointQuery::default() };
        let mut candidates = Candidates::new(&env.primary_region, RANKED);
        let mut take = |page: Vec<Point>| {
            let whose = |point: &Point| tenant.is_none_or(|(id, tenant)| holds(point, id, tenant));
            page.into_iter()
                .filter(|point| query.wants(point) && whose(point) && !point.is_left_to_aws())
                .for_each(|point| candidates.take(point));
        };
        let cloud = self.planner.cloud();
        let databases = kind.is_none_or(|kind| kind == PointKind::Rds);
        let windows = async { if databases { cloud.windows(env, by).await } else { Windows::default() } };
        let (read, windows) = futures::future::join(cloud.points(env, &query, by, &mut take), windows).await;
        let left_out = match read {
            Ok(left_out) => left_out,
            Err(error) => return Ok(Err(unreadable(&env.name, &error))),
        };
        let marks = self.store.marks(&env.name, None).await?;
        let (verified, restores) = self.past(&env.name).await?;
        let evidence = Evidence {
            marks: &marks,
            verified: &verified,
            rpo: env.rpo.0,
            replicates: env.replicates(),
            dr_known: !left_out.unread.iter().any(|why| why.contains(&env.dr_region)),
            now,
        };
        let (seen, from) = (candidates.seen(), candidates.from());
        let ranked = candidates.ranked(&evidence);
        Ok(Ok(Found { env, tenant, kind, windows, ranked, seen, from, unread: left_out.unread, marks, restores, now }))
    }

    /// What restores left, the latest first, with the runs that left it.
    async fn left(&self, marks: &[Mark]) -> Result<Vec<(Mark, Option<Run>)>, StoreError> {
        let kept = |mark: &&Mark| matches!(mark.kind, MarkKind::Leftover | MarkKind::Before);
        let mut kept: Vec<&Mark> = marks.iter().filter(kept).collect();
        kept.sort_by_key(|mark| std::cmp::Reverse(mark.at));
        let mut left = Vec::new();
        for mark in kept.into_iter().take(RECENT) {
            left.push((mark.clone(), self.store.load(&OpId(mark.operation.clone())).await?));
        }
        Ok(left)
    }

    /// What runs verified when they had made it, and the latest restores.
    async fn past(&self, environment: &str) -> Result<(BTreeSet<String>, Vec<Operation>), StoreError> {
        let filter = Filter { environment: Some(environment.to_owned()), states: Vec::new(), limit: OPERATIONS };
        let operations = self.store.list(&filter).await?;
        let proves = |op: &&Operation| {
            op.state == State::Succeeded && op.plan.steps.iter().any(|step| step.action.proves().is_some())
        };
        let mut verified = BTreeSet::new();
        for op in operations.iter().filter(proves).take(RUNS) {
            verified.extend(self.store.load(&op.id).await?.iter().flat_map(confidence::verified_by));
        }
        let restores = operations.into_iter().filter(|op| operations::of(op.kind()).restores()).take(RECENT).collect();
        Ok((verified, restores))
    }
}

impl Found<'_> {
    fn drawn(self, left: &[(Mark, Option<Run>)]) -> Reply {
        let mut head: Vec<String> = (self.unread.iter().chain(&self.windows.unread))
            .map(|why| format!("*Not everything could be read.* {}", escape(why)))
            .collect();
        let level = if head.is_empty() { Level::Info } else { Level::Warning };
        let of = self.kind.map(|kind| format!("{kind} ")).unwrap_or_default();
        let name = &self.env.name;
        let windows: Vec<&Window> = self.windows.windows.iter().filter(|window| self.concerns(window)).collect();
        let shown = self.shown();
        if windows.is_empty() && shown.is_empty() {
            let makes = self.kind.map(|kind| format!(" {kind}")).unwrap_or_default();
            head.push(format!(
                "There is no {of}recovery point of `{name}` to restore from. `/bbws backup create {name}{makes}` makes one; `/bbws backup list {name}` shows what there is of other kinds."
            ));
            return say(level, head.join("\n"));
        }
        let best = if self.kind.is_none() {
            format!("the {OF_EACH} best of each")
        } else {
            format!("the {LINES} best at most")
        };
        head.push(format!(
            "What can be restored of `{name}`, the most trustworthy first: {best}, of {} in {}. `/bbws backup list {name}` shows all.",
            count(self.seen, &format!("{of}recovery point")),
            regions(self.env),
        ));
        head.extend(self.from.map(|from| format!("Points from before {from} were too many to be ranked.")));
        head.extend(self.newest_trusted(&shown));
        let (mut rows, mut offers) = (Vec::new(), Vec::new());
        for window in windows {
            rows.push(self.window_row(window));
            offers.push(self.offer(&self.window_text(window)));
        }
        for ranked in &shown {
            let Some(point) = ranked.candidate.point() else { continue };
            rows.push(self.row(ranked, point));
            let text = confidence::asks_for(name, point, ranked.candidate.from_dr(), self.tenant.map(|(id, _)| id));
            offers.push(text.filter(|_| point.usable()).and_then(|text| self.offer(&text)));
        }
        let left: Vec<Vec<String>> = left.iter().filter_map(|(mark, run)| self.left_row(mark, run.as_ref())).collect();
        offers.extend(left.iter().map(|_| None));
        rows.extend(left);
        for restore in &self.restores {
            rows.push(self.past_row(restore));
            offers.push(None);
        }
        let caption = format!("What can be restored of {name}");
        let offers = if offers.iter().any(Option::is_some) { offers } else { Vec::new() };
        let table = Table { caption, columns: COLUMNS.map(str::to_owned).to_vec(), rows, offers };
        let attachment = Attachment { table: Some(table), ..Attachment::default() };
        Reply { level, text: head.join("\n"), attachment }
    }

    /// The same to choose from: how far back it is in words, how far it is trusted, and the rest of its command.
    fn choices(self) -> (Vec<Choice>, String) {
        let front = format!("backup restore {} ", self.env.name);
        let choice = |offer: Offer, label: String, about: String| {
            // Where to is asked by a field of its own.
            let value = offer.command.strip_prefix(&front)?.replacen(" --into clone", "", 1);
            Some(Choice { label, about, value })
        };
        let mut choices = Vec::new();
        for window in &self.windows.windows {
            let back = spoken(self.now.since(window.latest));
            let label = format!("{back} back, or any second: {}", window.database);
            let about = format!("point in time, in {}", window.region);
            choices.extend(self.offer(&self.window_text(window)).and_then(|offer| choice(offer, label, about)));
        }
        for ranked in self.shown() {
            let Some(point) = ranked.candidate.point().filter(|point| point.usable()) else { continue };
            let back = spoken(confidence::lost(point, self.now));
            let label =
                format!("{back} back, {} · {} {}", ranked.confidence.trust().word(), point.kind, point.resource);
            let text = confidence::asks_for(&self.env.name, point, ranked.candidate.from_dr(), None);
            let offer = text.and_then(|text| self.offer(&text));
            choices.extend(offer.and_then(|offer| choice(offer, label, point.id.clone())));
        }
        let unread =
            self.unread.iter().chain(&self.windows.unread).map(|why| escape(why)).collect::<Vec<_>>().join(" ");
        let note = match (choices.is_empty(), unread.is_empty()) {
            (true, true) => format!(
                "There is nothing to restore `{0}` from. `/bbws backup create {0}` makes a backup.",
                self.env.name
            ),
            (_, true) => String::new(),
            (_, false) => format!("Not everything could be read. {unread}"),
        };
        (choices, note)
    }

    /// What is shown, in its order. What cannot be restored at all is only where nothing else is.
    fn shown(&self) -> Vec<Ranked> {
        let mut shown = match self.kind {
            Some(_) => self.ranked.clone(),
            None => confidence::best_of_each(self.ranked.clone(), OF_EACH),
        };
        let restorable = |ranked: &Ranked| ranked.confidence.trust() > Trust::None;
        if shown.iter().any(restorable) {
            shown.retain(restorable);
        }
        shown.truncate(LINES);
        shown
    }

    fn concerns(&self, window: &Window) -> bool {
        self.tenant.is_none_or(|(_, tenant)| tenant.database.as_deref() == Some(&window.database))
    }

    /// The one sentence for somebody who has no time for the table.
    fn newest_trusted(&self, shown: &[Ranked]) -> Option<String> {
        let most = shown.iter().map(|ranked| ranked.confidence.trust()).max().filter(|trust| *trust > Trust::None)?;
        let trusted = shown.iter().filter(|ranked| ranked.confidence.trust() == most);
        let point = trusted.filter_map(|ranked| ranked.candidate.point()).max_by_key(|point| point.created)?;
        Some(format!(
            "The newest of the most trustworthy (confidence {}): `{}` of {}, {}.",
            most.word(),
            escape(&point.id),
            point.created,
            confidence::loses(confidence::lost(point, self.now)),
        ))
    }

    fn row(&self, ranked: &Ranked, point: &Point) -> Vec<String> {
        let confidence = &ranked.confidence;
        let loses = match confidence.trust() {
            Trust::None => "cannot be restored".to_owned(),
            _ => confidence::loses(confidence::lost(point, self.now)),
        };
        vec![
            point.id.clone(),
            format!("{}, {} of 100", confidence.trust().word(), confidence.score),
            loses,
            confidence.why(),
            checked::checked(point, &self.marks),
            format!("{} {}", point.kind, point.resource),
        ]
    }

    fn window_row(&self, window: &Window) -> Vec<String> {
        let (reach, loses) = confidence::window(window.latest, window.oldest, self.now);
        vec![
            format!("any second of {}", window.database),
            "of AWS's own backups, not ranked".to_owned(),
            loses,
            format!("{reach}, in {}", window.region),
            "—".to_owned(),
            format!("point in time {}", window.database),
        ]
    }

    fn window_text(&self, window: &Window) -> String {
        let from_dr = window.region != self.env.primary_region;
        confidence::asks_for_window(&self.env.name, &window.database, from_dr, self.tenant.map(|(id, _)| id))
    }

    /// A restore that was asked for lately.
    fn past_row(&self, past: &Operation) -> Vec<String> {
        vec![
            past.id.to_string(),
            past.state.name().to_owned(),
            format!("asked for {} ago", spoken(self.now.since(past.created))),
            operations::title(past),
            "—".to_owned(),
            "earlier restore".to_owned(),
        ]
    }

    /// What a restore left: whose it is, how long it stays, and what it costs.
    fn left_row(&self, mark: &Mark, run: Option<&Run>) -> Option<Vec<String>> {
        let hardware = run.and_then(|run| Hardware::of(&mark.subject, run));
        let owner = run.map(|run| format!(", asked for by {}", run.op.requester.user)).unwrap_or_default();
        Some(vec![
            mark.subject.clone(),
            "left by a restore".to_owned(),
            restored::stays(mark, self.now)?,
            cost::told(&mark.subject, hardware.as_ref(), &self.env.prices),
            "—".to_owned(),
            format!("{}{owner}", mark.operation),
        ])
    }

    fn offer(&self, text: &str) -> Option<Offer> {
        restore(&self.env.name, text).filter(|_| self.env.side == Side::Primary)
    }
}
