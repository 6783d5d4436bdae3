//! The past of a database, as far as its automated backups reach: which moments of it can be restored, and which are the nearest to
//! one that cannot.

use super::ask::Target;
use crate::domain::{chain::Gap, environment::Database, moment::Moment, point::Window, world::World};

/// What a moment of a database's past lies in that cannot be restored, though its window reaches further back.
pub(super) fn gap<'w>(world: &'w World, database: &Database, at: Moment) -> Option<&'w Gap> {
    of(world, database, at).find(|gap| gap.certain)
}

/// What a chain that was broken proposes: it may have been broken by whoever does not want anything to be brought back.
pub(super) fn broken(environment: &str) -> String {
    format!(
        " If nobody here meant to break that chain, let nothing else change until it is known who did: `/bbws stop {environment} the chain of automated backups was broken`."
    )
}

/// What is said of a moment of which nobody can tell whether it can be restored.
pub(super) fn untold(world: &World, database: &Database, at: Moment) -> Option<String> {
    let why = match &world.gaps {
        Some(Err(why)) => why,
        _ => &of(world, database, at).find(|gap| !gap.certain)?.why,
    };
    Some(format!(
        "Whether its automated backups went on until then cannot be told, so that RDS may refuse this moment: {why}"
    ))
}

fn of<'w>(world: &'w World, database: &Database, at: Moment) -> impl Iterator<Item = &'w Gap> {
    let gaps = world.gaps.iter().flatten().flatten();
    gaps.filter(move |gap| gap.database == database.id && gap.holds(at))
}

/// The moment, if it is one that can be restored; `option` is how it was asked for.
///
/// # Errors
/// Why not, and the nearest that works.
pub(super) fn within(
    target: Target,
    (window, world): (&Window, &World),
    database: &Database,
    (environment, region): (&str, &str),
    option: &str,
) -> Result<Option<Moment>, String> {
    let Target::At(at) = target else { return Ok(None) };
    if let Some(gap) = gap(world, database, at) {
        let reached = [Some(gap.from), gap.until].into_iter().flatten();
        let reached: Vec<String> = reached
            .filter(|at| (window.oldest..=window.latest).contains(at))
            .map(|at| format!("`--{option} {at}`"))
            .collect();
        let nearest = match reached.as_slice() {
            [] => format!("`--{option} {}`", window.oldest.max(gap.until.unwrap_or(window.oldest))),
            some => some.join(" or "),
        };
        return Err(format!(
            "{} cannot be restored to {at}, because {}. The nearest that works is {nearest}; snapshots may be nearer.{}",
            database.id,
            gap.why,
            broken(environment)
        ));
    }
    let range = format!(
        "{} can be restored in {region} to any second from {} to {}",
        database.id, window.oldest, window.latest
    );
    if at < window.oldest {
        return Err(format!(
            "{at} is before that: {range}. The nearest that works is `--{option} {}`; snapshots may be older.",
            window.oldest
        ));
    }
    if at > window.latest {
        return Err(format!("{at} is after that: {range}. The nearest that works is `--{option} latest`."));
    }
    Ok(Some(at))
}
