//! What is told of objectives before they are broken: an RPO of which most is gone while nothing will keep it, and a chain of automated
//! backups with a gap in it.

use std::time::Duration;

use super::{
    Finding, Kind, Look, View,
    words::{LATER, back_up, called, code, look_closer, scope, sentence, upper},
};
use crate::domain::{
    attachment::Offer,
    chain::Gap,
    lag::{Component, Side},
    moment::{Moment, spoken},
    point::PointKind,
    routine::Due,
    schedule::Schedule,
    text::escape,
};

/// Times of its past to which a database cannot be restored.
pub(super) fn chain(view: &View<'_>, look: &mut Look) {
    match &view.measurements.gaps {
        Ok(gaps) => look.found.extend(gaps.iter().map(|gap| broken(view, gap))),
        // Nobody knows what happened meanwhile.
        Err(_) => drop(look.unseen.insert(Kind::Chain)),
    }
}

/// A time of its past to which a database cannot be restored.
fn broken(view: &View<'_>, gap: &Gap) -> Finding {
    let (name, environment) = (code(&format!("rds {}", gap.database)), escape(&view.environment.name));
    let from = gap.from.clock_at(view.now);
    let title = match gap.until {
        Some(until) => {
            format!("{name} cannot be restored to any moment between {from} and {}", until.clock_at(view.now))
        }
        None => format!("{name} cannot be restored to any moment since {from}"),
    };
    let next = match gap.until {
        Some(_) => "Snapshots and points of AWS Backup of that time still can be restored.".to_owned(),
        None => format!(
            "Switch them on: `/bbws backup schedule {environment} update --type rds --retention {}`.",
            view.environment.retention_days.default
        ),
    };
    // It may have been broken by whoever does not want anything to be brought back.
    let next = format!(
        "{next} Find out who switched them off. If nobody here meant to, shall everything in `{environment}` stop until that is known? Lifting a stop takes two people."
    );
    Finding {
        key: Kind::Chain.key(&format!("{} {}", gap.database, gap.from.0)),
        kind: Kind::Chain,
        critical: false,
        certain: true,
        again: 0,
        title,
        reason: upper(&sentence(&gap.why)),
        next,
        fix: Some(stop(&view.environment.name)),
    }
}

/// Whether everything shall stop until it is known who broke the chain. Nothing stops by itself.
fn stop(environment: &str) -> Offer {
    Offer {
        label: "Stop everything".to_owned(),
        command: format!("stop {environment} \"the chain of automated backups was broken\""),
        confirm: Some(format!("Nothing new starts in {environment} until two people lift it.")),
    }
}

/// An RPO is told of when so much of it is gone, in tenths; once told, it is over under a tenth less.
const NEARLY: u32 = 8;

/// What is about to break its RPO while nothing is under way, or due in time, that would keep it.
pub(super) fn promises(view: &View<'_>, look: &mut Look) {
    let at = view.measurements.at;
    for component in &view.measurements.components {
        let key = Kind::Promise.key(&component.name());
        let stands = view.stands(&key);
        let Ok(safe) = component.safe else {
            // How near it is nobody knows; that nobody does is told by another rule.
            look.veiled.insert(key);
            continue;
        };
        let rpo = view.environment.promise_of(component).rpo;
        let nearly = rpo * if stands { NEARLY - 1 } else { NEARLY } / 10;
        let lag = at.since(safe);
        if lag < nearly {
            continue;
        }
        // What is broken is told as broken, and no more as about to.
        let told = view.stands(&Kind::Lag.key(&component.name()));
        let helped = lag >= rpo || told || view.backing_up.is_some() || view.region_lost(component.side);
        if stands || !(helped || due_in_time(view, component, safe + rpo)) {
            look.found.push(promise(view, component, key, rpo, lag));
        }
    }
}

/// Whether something is due before the RPO breaks that keeps it. Where the plans of AWS Backup cannot be read, nobody knows that
/// nothing is.
fn due_in_time(view: &View<'_>, component: &Component, breaks: Moment) -> bool {
    let (env, now) = (view.environment, view.now);
    let arn = match component.kind {
        PointKind::Rds => env.database_arn(&component.resource),
        PointKind::Efs => env.file_system_arn(&component.resource),
        kind => {
            let own = |due: &&Due| due.routine == kind.as_str() && due.at <= breaks;
            return kind == PointKind::S3 || view.dues.iter().any(|due| own(&due));
        }
    };
    let promised = env.schedule.as_deref().and_then(|text| Schedule::parse(text).ok()?.next(now));
    let copied = component.side == Side::Dr;
    let by_aws = match &view.measurements.plans {
        Err(_) => return true,
        Ok(plans) => plans.iter().filter(|plan| plan.may_protect(&arn)).filter_map(|plan| plan.next(now, copied)).min(),
    };
    promised.into_iter().chain(by_aws).any(|due| due <= breaks)
}

/// What is about to break its RPO.
fn promise(view: &View<'_>, c: &Component, key: String, rpo: Duration, lag: Duration) -> Finding {
    let tier = view.environment.promise_of(c).tier.map(|tier| format!(" ({})", tier.name())).unwrap_or_default();
    let fix = match c.kind {
        PointKind::S3 => look_closer(view.environment, false, true),
        kind => back_up(view.environment, scope(kind)),
    };
    Finding {
        key,
        kind: Kind::Promise,
        critical: false,
        certain: true,
        again: 0,
        title: format!(
            "{}{tier} is {} behind; its RPO of {} is about to break, in {}",
            code(&called(view.environment, c)),
            spoken(lag),
            spoken(rpo),
            spoken(rpo.saturating_sub(lag))
        ),
        reason: "Nothing that would keep it is under way, or due before.".to_owned(),
        next: if view.reaches_all() { "Make a backup now." } else { LATER }.to_owned(),
        fix: view.reaches_all().then_some(fix),
    }
}
