//! Updates for those who wait and are not in the room: what is known, what is being done, and when they hear more. Nothing is
//! promised that nobody measured.

use std::time::Duration;

use super::{Duty, declared};
use crate::domain::{
    moment::{Moment, spoken},
    operation::{Run, State},
    operations::title,
    text::escape,
};

/// How often those who wait are told something.
pub const EVERY: Duration = Duration::from_secs(30 * 60);

/// The number of the update that is due by now, from 1; none before the first.
pub fn due(run: &Run, now: Moment) -> Option<u32> {
    let open = run.op.started.map(|at| now.since(at)).unwrap_or_default();
    let number = u32::try_from(open.as_secs() / EVERY.as_secs()).unwrap_or(u32::MAX);
    let drafted =
        run.op.incident.as_ref().and_then(|incident| incident.update.as_ref()).map_or(0, |update| update.number);
    (number > drafted && !run.op.state.terminal()).then_some(number)
}

/// What there is to say now, mrkdwn; `others` are the operations of the environment that are not over.
pub fn draft(run: &Run, others: &[Run], now: Moment) -> Option<String> {
    let room = declared(&run.op.plan)?;
    let mut lines = vec![
        format!("*{}* · {} · update of {}", escape(&room.ticket), escape(run.op.environment()), now.day_and_clock()),
        format!(
            "What happened: {}. Noticed at {}, {} ago.",
            escape(&room.what),
            room.first_sign.clock_at(now),
            spoken(now.since(room.first_sign))
        ),
    ];
    let doing: Vec<String> = others.iter().filter(|other| other.op.id != run.op.id).take(4).map(doing).collect();
    lines.push(match doing.is_empty() {
        true => "What is done: people are looking for the cause; nothing is being recovered yet.".to_owned(),
        false => format!("What is done: {}.", doing.join("; ")),
    });
    let leads = run.op.incident.as_ref().and_then(|incident| incident.duties.get(&Duty::Commander));
    lines.extend(leads.map(|holder| format!("<@{}> leads it.", holder.user)));
    lines.push(format!("You hear more by {}, or as soon as there is news.", (now + EVERY).clock_at(now)));
    Some(lines.join("\n"))
}

fn doing(other: &Run) -> String {
    let where_it_is = match other.op.state {
        State::Running => format!("{} % done", other.percent()),
        state => state.spoken().to_owned(),
    };
    format!("{} ({where_it_is})", escape(&title(&other.op)))
}
