//! What an operation put something else in the place of, and whether a later one did the same again: going back leads to what was
//! there before the earlier one only as long as nothing came after it.

use super::{
    moment::Moment,
    operation::{OpId, Run, Trigger},
    plan::Plan,
    step::{Action, PointSecret, Rename, TenantTables},
};

/// What a step puts something else in the place of.
enum Exchanged<'a> {
    /// Instances whose name or place is another's, and the secret that leads there.
    Whole(Vec<(&'a str, String)>),
    /// Tables as a whole.
    Tables(&'a TenantTables),
    /// Rows, of which others are left alone.
    Rows(&'a TenantTables),
}

fn exchanged(action: &Action) -> Option<Exchanged<'_>> {
    Some(match action {
        Action::Rename(Rename { region, from, to, back: false, .. }) => {
            Exchanged::Whole([from, to].map(|id| (region.as_str(), id.to_lowercase())).into())
        }
        Action::PointSecret(PointSecret { region, secret, from, to, to_region, .. }) => {
            let there = to_region.as_ref().unwrap_or(region);
            // No name of an instance has a blank in it, and where it leads away from several none is named.
            let named =
                [(region, format!("secret {secret}")), (region, from.to_lowercase()), (there, to.to_lowercase())];
            let named = named.into_iter().filter(|(_, name)| !name.is_empty());
            Exchanged::Whole(named.map(|(region, name)| (region.as_str(), name)).collect())
        }
        Action::SwapTenant(what) => Exchanged::Tables(&what.of),
        Action::MergeTenant(what) => Exchanged::Rows(&what.of),
        _ => return None,
    })
}

/// Whether what the later of the two did was done to what the earlier one had put there, so that the earlier one has no way back.
fn replaces(later: &Exchanged<'_>, earlier: &Exchanged<'_>) -> bool {
    use Exchanged::{Rows, Tables, Whole};
    match (later, earlier) {
        (Whole(later), Whole(earlier)) => earlier.iter().any(|what| later.contains(what)),
        (Whole(later), Tables(of) | Rows(of)) => later.contains(&(of.region.as_str(), of.database.to_lowercase())),
        (Tables(later), Tables(earlier) | Rows(earlier)) | (Rows(later), Tables(earlier)) => same(later, earlier),
        // A merge takes back only what nobody changed since; what is written into a database goes aside with it.
        (Rows(_), Rows(_)) | (Tables(_) | Rows(_), Whole(_)) => false,
    }
}

fn same(one: &TenantTables, other: &TenantTables) -> bool {
    let all = one.tables.is_empty() || other.tables.is_empty();
    one.region == other.region
        && one.database.eq_ignore_ascii_case(&other.database)
        && one.schema == other.schema
        && (all || one.tables.iter().any(|table| other.tables.contains(table)))
}

/// What a run put something else in the place of, and when.
fn done(run: &Run) -> impl Iterator<Item = (Exchanged<'_>, Moment)> {
    let steps = run.op.plan.steps.iter().zip(&run.steps).filter(|(spec, step)| !spec.back && step.touched());
    steps.filter_map(|(spec, step)| Some((exchanged(&spec.action)?, step.started?)))
}

/// Whether a plan puts something else in the place of anything.
pub fn exchanges(plan: &Plan) -> bool {
    plan.steps.iter().any(|spec| !spec.back && exchanged(&spec.action).is_some())
}

/// Whether the other run came later and replaced what this one had put there.
pub fn replaced(run: &Run, other: &Run) -> bool {
    done(run).any(|(what, at)| done(other).any(|(later, since)| since > at && replaces(&later, &what)))
}

/// Why a run cannot go back, where another one replaced what it had put there.
pub fn in_the_way(id: &OpId, later: &Run) -> String {
    let other = &later.op.id;
    let what = format!("{other} came after {id} and replaced what {id} had put there");
    if later.op.turned.is_some() {
        return format!(
            "{what}. {other} is on its way back, which has to end first: Retry on its card where it failed. Nothing was done."
        );
    }
    if later.undoes().is_some() && later.op.gave_way().is_none() && later.op.state.on(Trigger::TurnBack).is_some() {
        return format!("{what}. Roll that one back first: `/bbws op rollback {other}`. Nothing was done.");
    }
    format!(
        "{what}, and {other} cannot be rolled back. To have back what was there before, restore it from a backup. Nothing was done."
    )
}
