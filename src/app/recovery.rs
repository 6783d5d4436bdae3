//! `dr status`, and the assessments of a failover and a failback: what AWS shows of both sides, and what that comes to.

use std::{sync::Arc, time::Duration};

use super::{
    desk::{Desk, say},
    inventory,
    list::unreadable,
    reports,
};
use crate::{
    domain::{
        active::Active,
        answers::dr,
        command::Command,
        drill::calendar,
        environment::{Environment, Side},
        lag::Component,
        mark::{Mark, MarkKind},
        moment::{Moment, spoken},
        operation::OpId,
        point::PointKind,
        proven::{self, Needs, Proof},
        reach,
        readiness::{self, Assessment, Found, Readiness, Return, Saw, Verdict},
        stranded,
        text::escape,
    },
    ports::{
        chat::{Attachment, Chart, Level, Reply, Table},
        store::StoreError,
    },
};

/// How far back a chart of lags goes.
const CHARTED: Duration = Duration::from_secs(7 * 86_400);
/// What no look at AWS of this build shows.
const UNSEEN: &str = "Not looked at, since it cannot be seen from here: protections of record sets, which fail a whole change; and what else runs on Fargate in the account.";

/// An environment with what was found of both its sides.
struct Seen {
    config: Arc<Environment>,
    active: Active,
    found: Readiness,
}

impl Desk {
    /// Answers `dr status`.
    pub(super) async fn dr_status(&self, command: &Command, by: &str) -> Result<Reply, StoreError> {
        let seen = match self.both_sides(command, by).await? {
            Ok(seen) => seen,
            Err(reply) => return Ok(reply),
        };
        let marks = self.store.marks(&seen.config.name, None).await?;
        let table = table(&seen, &marks, dr::parts(command));
        let chart = if dr::report(command) { self.lags_over_time(&seen).await? } else { None };
        let attachment = Attachment { table: Some(table), chart, ..Attachment::default() };
        let (level, text) = match seen.active.side {
            Side::Primary => {
                let judged = readiness::failover(&seen.config, &seen.active, &seen.found);
                (level(judged.verdict), status(&seen, &judged))
            }
            Side::Dr => (Level::Info, moved(&seen)),
        };
        let drills = calendar::line(&seen.config, &marks, seen.found.at);
        let said = self.store.marks(reach::EVERYWHERE, Some(MarkKind::Reach)).await?;
        let approvers = reach::line(&seen.config, self.planner.rules(), &said, seen.found.at);
        let approvers = approvers.map(|line| format!("\n{line}")).unwrap_or_default();
        Ok(Reply { level, text: format!("{text}\n{drills}.{approvers}"), attachment })
    }

    /// How far each copy in the DR region was behind, as the watcher measured it.
    async fn lags_over_time(&self, seen: &Seen) -> Result<Option<Chart>, StoreError> {
        let at = seen.found.at;
        let samples = self.store.samples(&seen.config.name, at - CHARTED).await?;
        let lag = |component: &Component| (component.name(), component.lag(at).map(|lag| lag.as_secs()));
        let lags: Vec<(String, Option<u64>)> = seen.found.components.iter().map(lag).collect();
        Ok(reports::chart(&seen.config, &samples, &lags, at))
    }

    /// Answers `dr failover` where nothing is to be carried out.
    pub(super) async fn dr_failover(&self, command: &Command, by: &str) -> Result<Reply, StoreError> {
        let seen = match self.both_sides(command, by).await? {
            Ok(seen) => seen,
            Err(reply) => return Ok(reply),
        };
        let (config, found) = (&seen.config, &seen.found);
        let judged = readiness::failover(config, &seen.active, found);
        let mut lines =
            vec![format!("*{}*: a failover of `{}` to {}.", judged.verdict, escape(&config.name), config.dr_region)];
        lines.extend(judged.reasons.iter().map(|reason| format!("• {}", escape(reason))));
        if seen.active.side == Side::Primary {
            lines.push(loses(&judged, config));
            lines.extend(self.planner.price(config, found).await?.told(found.at).iter().map(|line| escape(line)));
        }
        lines.push(format!("As of {}. It is worked out anew each time somebody asks.", found.at.clock()));
        Ok(say(level(judged.verdict), lines.join("\n")))
    }

    /// Answers `dr failback` where nothing is to be carried out.
    pub(super) async fn dr_failback(&self, command: &Command, by: &str) -> Result<Reply, StoreError> {
        let seen = match self.both_sides(command, by).await? {
            Ok(seen) => seen,
            Err(reply) => return Ok(reply),
        };
        let (config, now) = (&seen.config, seen.found.at);
        let healthy = self.planner.healthy(&config.name, now).await?;
        let (verdict, reasons) = readiness::failback(config, &seen.active, &seen.found, healthy);
        let mut lines =
            vec![format!("*{verdict}*: a failback of `{}` to {}.", escape(&config.name), config.primary_region)];
        lines.extend(reasons.iter().map(|reason| format!("• {}", escape(reason))));
        if verdict == Return::Proceed {
            let healthy = healthy.map(spoken).unwrap_or_default();
            lines.push(format!(
                "{} has been healthy for {healthy}, and what a failback needs there is ready.",
                config.primary_region
            ));
        }
        if let (Side::Dr, Some((_, by))) = (seen.active.side, &seen.active.since)
            && let Some(left) = self.store.load(&OpId(by.clone())).await?
        {
            lines.push(format!(
                "{} A failback keeps that aside, in the renamed database and in a last snapshot of it; whoever approves it gives it up for the platform.",
                escape(&stranded::told(config, &left))
            ));
        }
        lines.push(format!("As of {}. {UNSEEN}", now.clock()));
        let level = if verdict == Return::Proceed { Level::Info } else { Level::Warning };
        Ok(say(level, lines.join("\n")))
    }

    /// What AWS shows of both sides, or what to say where it is not asked.
    async fn both_sides(&self, command: &Command, by: &str) -> Result<Result<Seen, Reply>, StoreError> {
        let name = command.environment().unwrap_or_default();
        let Some(config) = self.planner.environment(name).cloned() else {
            return Ok(Err(say(Level::Error, format!("There is no environment `{}`.", escape(name)))));
        };
        if !config.replicates() {
            let text = format!(
                "*{}*: `{}` has no copies in another region (`replication = \"disabled\"` in bbws.toml), so there is nothing to fail over to. `/bbws backup restore {} list` shows what can be restored in {}.",
                Verdict::DoNotFailover,
                escape(name),
                escape(name),
                config.primary_region
            );
            return Ok(Err(say(Level::Error, text)));
        }
        let active = self.planner.active(name).await?;
        Ok(match self.planner.readiness(&config, &active, by).await? {
            Ok(found) => Ok(Seen { config, active, found }),
            Err(error) => Err(unreadable(name, &error)),
        })
    }
}

fn level(verdict: Verdict) -> Level {
    match verdict {
        Verdict::Proceed => Level::Info,
        Verdict::Risky => Level::Warning,
        Verdict::DoNotFailover => Level::Error,
    }
}

fn loses(judged: &Assessment, config: &Environment) -> String {
    format!("It {}, as measured just now; the RPO is {}.", escape(&judged.loss()), spoken(config.rpo.0))
}

fn status(seen: &Seen, judged: &Assessment) -> String {
    let (config, found) = (&seen.config, &seen.found);
    let mut lines = vec![format!(
        "*`{}` runs in {}*, which is *{}*. A failover to {} now: *{}*.",
        escape(&config.name),
        config.primary_region,
        found.health().word(),
        config.dr_region,
        judged.verdict
    )];
    lines.push(loses(judged, config));
    lines.extend(judged.reasons.iter().map(|reason| format!("• {}", escape(reason))));
    lines.push(UNSEEN.to_owned());
    lines.join("\n")
}

/// Of an environment that was failed over.
fn moved(seen: &Seen) -> String {
    let (config, found) = (&seen.config, &seen.found);
    let since = seen.active.since.as_ref();
    let since = since.map(|(at, by)| format!(" since {}, by {}", at.day_and_clock(), escape(by))).unwrap_or_default();
    let protected = match &seen.active.protected {
        Some(protection) => format!("protected in {}", protection.region),
        None => format!("and nothing protects {0}: `/bbws dr reprotect {0}`", escape(&config.name)),
    };
    let mut lines = vec![format!(
        "*`{}` runs in {}*, its DR region{since}, {protected}. {} is *{}*.",
        escape(&config.name),
        config.dr_region,
        config.primary_region,
        found.health().word()
    )];
    lines.extend(found.disagreements.iter().map(|reason| format!("• {}", escape(reason))));
    lines.push(format!("`/bbws dr failback {}` says whether it can go back. {UNSEEN}", escape(&config.name)));
    lines.join("\n")
}

/// Every point that was looked at.
fn table(seen: &Seen, marks: &[Mark], (replication, infrastructure): (bool, bool)) -> Table {
    let (config, found) = (&seen.config, &seen.found);
    // Copies are named and judged as what is live where it runs.
    let runs = seen.active.environment(config);
    let row = |what: &str, state: &str, detail: &str| vec![what.to_owned(), state.to_owned(), detail.to_owned()];
    let mut rows = Vec::new();
    if infrastructure {
        rows.extend(found.signs.iter().map(|sign| {
            let state = match sign.saw {
                Saw::Well => "ok",
                Saw::Ill => "DOWN",
                Saw::Nothing => "unknown",
            };
            row(&sign.subject, state, &sign.detail)
        }));
    }
    if replication {
        for component in &found.components {
            let rpo = runs.promise_of(component).rpo;
            let (state, detail) = match (component.lag(found.at), component.safe.as_ref().err()) {
                (Some(lag), _) if lag <= rpo => ("kept", format!("{} behind", spoken(lag))),
                (Some(lag), _) => ("BREACH", format!("{} behind", spoken(lag))),
                (None, why) => ("unknown", why.cloned().unwrap_or_default()),
            };
            let detail = format!("{detail}, in {}; RPO {}", runs.dr_region, spoken(rpo));
            rows.push(row(&component.name(), state, &detail));
        }
        for replica in &found.replicas {
            let rpo = config.promise(PointKind::Rds, &replica.database).rpo;
            let (state, detail) = match &replica.lag {
                Ok(lag) if *lag <= rpo => ("kept", format!("{} behind {}", spoken(*lag), replica.database)),
                Ok(lag) => ("BREACH", format!("{} behind {}", spoken(*lag), replica.database)),
                Err(why) => ("unknown", why.clone()),
            };
            rows.push(row(&format!("replica {}", replica.id), state, &detail));
        }
    }
    if infrastructure {
        for prerequisite in &found.prerequisites {
            let (state, detail) = match &prerequisite.found {
                Found::Ready(detail) => ("ok", detail),
                Found::Lacking(why) => ("LACKING", why),
                Found::Unknown(why) => ("unknown", why),
            };
            rows.push(row(&prerequisite.subject, state, detail));
        }
        if seen.active.side == Side::Primary {
            rows.extend(proven::parts(config, &found.leans).into_iter().map(|(part, needs)| {
                let state = match needs {
                    Needs::PrimaryRegion => "not relied on",
                    Needs::LostRegion => "RED",
                    Needs::DataPlane | Needs::DrRegion | Needs::GlobalControlPlane => "needs",
                };
                let leans =
                    if needs == Needs::LostRegion { format!(": {}", found.leans.join(", ")) } else { String::new() };
                let proof = Proof::of(&part, marks, &found.forms).told();
                row(&part.title(config), state, &format!("{}{leans}; {proof}", needs.words()))
            }));
        }
    }
    if let Some(told) = config.dr.runbook_told(found.at) {
        let old = config.dr.reviewed(found.at).is_none_or(|(_, old)| old);
        rows.push(row("Runbook", if old { "amber" } else { "ok" }, &told));
    }
    let tested = inventory::tested(config, marks, Moment(found.at.0));
    rows.push(row("Restore tests", "", &tested));
    Table {
        caption: format!("Readiness of {}", config.name),
        columns: ["Looked at", "State", "Found"].map(str::to_owned).to_vec(),
        rows,
        offers: Vec::new(),
    }
}
