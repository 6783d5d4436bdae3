//! Secrets and parameters out of an export: decrypted, and compared with what is live by value. Names are told, values never.

use super::{
    super::{
        Asked, Known,
        delete::{named, unknown},
    },
    Ask, Kind,
    ask::{FROM, NAME, TENANT},
    path::Path,
};
use crate::domain::{
    environment::Environment,
    moment::spoken,
    plan::Plan,
    point::{Place, PointKind},
    step::{self, Export, Holding},
    world::Survey,
};

pub(super) const SECRETS: Kind = Kind {
    word: "secrets",
    needs: &[FROM],
    takes: &[NAME, TENANT],
    survey,
    plan: |asked, ask, known| plan(asked, ask, known, Holding::Secrets),
};

pub(super) const CONFIG: Kind = Kind {
    word: "config",
    needs: &[FROM],
    takes: &[NAME],
    survey,
    plan: |asked, ask, known| plan(asked, ask, known, Holding::Config),
};

fn survey(_: &Asked<'_>, ask: &Ask<'_>) -> Result<Survey, Vec<String>> {
    Ok(Survey { point: Some(ask.from().to_owned()), ..Survey::default() })
}

/// The prefix of what is meant.
fn prefix(env: &Environment, ask: &Ask<'_>, holds: Holding) -> Result<String, String> {
    let declared = |prefix: &Option<String>, key: &str| {
        let none = || format!("`{}` has no `{key}` in bbws.toml, so there is nothing to compare with.", env.name);
        prefix.clone().ok_or_else(none)
    };
    match (ask.tenant(), holds) {
        (Some(id), _) => {
            let (_, tenant) = env.tenant(id)?;
            tenant.secrets_prefix.clone().ok_or_else(|| format!("Tenant `{id}` has no `secrets_prefix` in bbws.toml."))
        }
        (None, Holding::Secrets) => declared(&env.secrets_prefix, "secrets_prefix"),
        (None, Holding::Config) => declared(&env.parameters_prefix, "parameters_prefix"),
    }
}

fn plan(asked: &Asked<'_>, ask: &Ask<'_>, known: &Known, holds: Holding) -> Result<Plan, Vec<String>> {
    ask.stays_beside()?;
    let env = asked.environment;
    let (kind, noun) = match holds {
        Holding::Secrets => (PointKind::Secrets, "secrets"),
        Holding::Config => (PointKind::Config, "parameters"),
    };
    let point = named(&known.world, ask.from()).ok_or_else(|| vec![unknown(env, ask.from())])?;
    if point.kind != kind {
        return Err(vec![format!(
            "`{}` is a backup of {}, not of {kind}. `/bbws backup list {} {kind}` shows those there are.",
            point.id, point.kind, env.name
        )]);
    }
    let Place::Bucket { bucket } = &point.place else { return Err(vec![unknown(env, ask.from())]) };
    let export = Export {
        holds,
        region: point.region.clone(),
        bucket: bucket.clone(),
        key: point.id.clone(),
        name: ask.name().map(str::to_owned),
        prefix: prefix(env, ask, holds).map_err(|why| vec![why])?,
    };
    let mut path = Path::new(env, ask);
    path.draft.fact(format!("Export {}", point.id), format!("{noun}, of {}, in {}", point.created, point.region));
    path.draft.note(format!(
        "The export is {} old. It is decrypted and compared with what is live; names are told, values never, and nothing is changed.",
        spoken(asked.at.since(point.created))
    ));
    path.draft.step(
        format!("Compare {} with what is live", point.id),
        vec![],
        step::CompareExport { region: env.primary_region.clone(), export, restored: false, create: false },
    );
    path.finish()
}
