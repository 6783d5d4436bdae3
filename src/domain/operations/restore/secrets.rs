//! Secrets and parameters out of an export: decrypted, compared with what is live by value, and brought back as new versions
//! where that is asked for. Names are told, values never.

use super::{
    super::{Asked, Known, delete::named},
    Ask, Kind,
    database::replicated,
    gates,
    names::{FROM, NAME, REGION, TENANT},
    path::Path,
    scope,
};
use crate::domain::{
    environment::{Cutover, Environment},
    moment::spoken,
    plan::Plan,
    point::{Place, Point, PointKind},
    step::{self, Export, Holding},
    world::Survey,
};

pub(super) const SECRETS: Kind = Kind {
    word: "secrets",
    needs: &[FROM],
    takes: &[NAME, REGION, TENANT],
    survey,
    plan: |asked, ask, known| plan(asked, ask, known, Holding::Secrets),
};

pub(super) const CONFIG: Kind = Kind {
    word: "config",
    needs: &[FROM],
    takes: &[NAME, REGION],
    survey,
    plan: |asked, ask, known| plan(asked, ask, known, Holding::Config),
};

fn survey(asked: &Asked<'_>, ask: &Ask<'_>) -> Result<Survey, Vec<String>> {
    let env = asked.environment;
    replicated(env, ask)?;
    // By them it is told whether the region answers in which everything is compared.
    let databases = env.databases.iter().filter(|_| ask.comes_from_dr()).map(|database| database.id.clone());
    Ok(Survey {
        point: Some(ask.from().to_owned()),
        databases: databases.collect(),
        restored_in: Some(ask.region(env).to_owned()),
        ..Survey::default()
    })
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
    let env = asked.environment;
    let (kind, noun) = words(holds);
    let point = named(&known.world, ask.from()).ok_or_else(|| vec![ask.unknown(env, ask.from())])?;
    if point.kind != kind {
        return Err(vec![format!(
            "`{}` is a backup of {}, not of {kind}. `/bbws backup list {} {kind}` shows those there are.",
            point.id, point.kind, env.name
        )]);
    }
    if known.world.silent.is_some() {
        return Err(vec![format!(
            "{} does not answer, and an export is compared with the {noun} that are live there. Those of {} are there already: `/bbws dr failover {}` says whether to move to them.",
            env.primary_region, env.dr_region, env.name
        )]);
    }
    let mut path = Path::new(env, ask);
    let (export, compared) = compare(&mut path, asked, point, holds).map_err(|why| vec![why])?;
    if ask.goes_live() {
        bring_back(&mut path, asked, known, (point, export), compared);
    } else {
        path.draft.note("Nothing is changed.");
    }
    path.finish()
}

fn words(holds: Holding) -> (PointKind, &'static str) {
    match holds {
        Holding::Secrets => (PointKind::Secrets, "secrets"),
        Holding::Config => (PointKind::Config, "parameters"),
    }
}

/// The secrets by which cutovers lead applications to databases: to which instance is no matter of an export.
fn leading(env: &Environment) -> Vec<String> {
    let by_secret = env.databases.iter().filter(|database| database.cutover == Some(Cutover::Secret));
    by_secret.filter_map(|database| database.endpoint_secret.clone()).collect()
}

/// Who names one thing wants it back, also where it is missing.
fn creates(ask: &Ask<'_>) -> bool {
    ask.goes_live() && ask.name().is_some()
}

/// Compares an export with what is live.
///
/// # Errors
/// Why it cannot be compared.
pub(super) fn compare(
    path: &mut Path<'_>,
    asked: &Asked<'_>,
    point: &Point,
    holds: Holding,
) -> Result<(Export, usize), String> {
    let (env, ask) = (path.env, path.ask);
    let (_, noun) = words(holds);
    let Place::Bucket { bucket } = &point.place else { return Err(ask.unknown(env, &point.id)) };
    let export = Export {
        holds,
        region: point.region.clone(),
        bucket: bucket.clone(),
        key: point.id.clone(),
        name: ask.name().map(str::to_owned),
        prefix: prefix(env, ask, holds)?,
        except: if ask.goes_live() && holds == Holding::Secrets { leading(env) } else { Vec::new() },
    };
    if let Some(name) = ask.name().filter(|name| export.except.iter().any(|leads| leads == name)) {
        return Err(format!(
            "Secret {name} leads applications to a database, and the value of the export may lead them to one that is not live any more. What it leads to is changed by the cutover of a restore and by its Roll back; other values of it by hand."
        ));
    }
    if !export.except.is_empty() {
        path.draft.note(format!(
            "Left as they are, since they lead applications to the databases that are live: {}.",
            export.except.join(", ")
        ));
    }
    path.draft.fact(format!("Export {}", point.id), format!("{noun}, of {}, in {}", point.created, point.region));
    path.draft.note(format!(
        "The export is {} old. It is decrypted and compared with what is live; names are told, values never.",
        spoken(asked.at.since(point.created))
    ));
    let compare = step::CompareExport {
        region: env.primary_region.clone(),
        export: export.clone(),
        restored: false,
        create: creates(ask),
    };
    let after = path.gate.clone();
    let compared = path.draft.step(format!("Compare {} with what is live", point.id), after, compare);
    Ok((export, compared))
}

/// New versions of what differs from an export, and their way back; the last step before that.
pub(super) fn bring_back(
    path: &mut Path<'_>,
    asked: &Asked<'_>,
    known: &Known,
    (point, export): (&Point, Export),
    compared: usize,
) -> Option<usize> {
    let (_, noun) = words(export.holds);
    let create = creates(path.ask);
    Return { point, export, noun, create }.plan(path, asked, known, compared)
}

/// What is brought back in place.
struct Return<'p> {
    point: &'p Point,
    export: Export,
    noun: &'static str,
    /// Whether what is missing is created.
    create: bool,
}

impl Return<'_> {
    fn plan(self, path: &mut Path<'_>, asked: &Asked<'_>, known: &Known, compared: usize) -> Option<usize> {
        let Return { point, noun, create, .. } = self;
        for why in gates::refusals(path.env, path.ask) {
            path.draft.problem(why);
        }
        path.reaches(match path.ask.tenant() {
            Some(_) => scope::TENANT,
            None => scope::of_databases(1, 0).word(),
        });
        self.notes(path);
        let question = format!(
            "{} is compared with the {noun} that are live: this thread names what differs. Continue exports them as they are now and asks for the cutover; nothing is changed before that.",
            point.id
        );
        let looked = gates::look(path, compared, question);
        let (verified, before) = self.fresh_export(path, asked, looked)?;
        let title = format!("Wait for the word that the {noun} change");
        let question = format!(
            "What is live is exported and verified. Shall the {noun} that differ get their values of {} now?",
            point.created
        );
        let agreed = gates::agreed(path, known, vec![verified], title, question);
        let region = path.env.primary_region.clone();
        let title = format!("Bring the {noun} of {} back", point.id);
        let export = self.export;
        let restored = match export.holds {
            Holding::Secrets => {
                let restore = step::RestoreSecrets { region: region.clone(), export: export.clone(), create };
                path.draft.step(title, vec![agreed], restore)
            }
            Holding::Config => {
                let (region, export) = (region.clone(), export.clone());
                path.draft.step(title, vec![agreed], step::RestoreParameters { region, export, create, over: None })
            }
        };
        let again = step::CompareExport { region: region.clone(), export: export.clone(), restored: true, create };
        let proved = path.draft.step(format!("Read the {noun} back"), vec![restored], again);
        let title = format!("Put the {noun} back as they were");
        match export.holds {
            Holding::Secrets => path.draft.back(title, vec![restored], step::RevertSecrets { region, before }),
            Holding::Config => {
                let back = step::RestoreParameters { region, export: before, create: false, over: Some(export) };
                path.draft.back(title, vec![restored], back)
            }
        };
        Some(proved)
    }

    /// Everything of this kind as it is now, verified: the way back rests on it.
    fn fresh_export(&self, path: &mut Path<'_>, asked: &Asked<'_>, looked: usize) -> Option<(usize, Export)> {
        let (env, noun) = (path.env, self.noun);
        let Some(bucket) = env.secrets_bucket.clone() else {
            path.draft.problem(format!(
                "`{}` has no `secrets_bucket` in bbws.toml, where what is live now would be exported to.",
                env.name
            ));
            return None;
        };
        let (kind, name) = match (self.export.holds, path.ask.tenant()) {
            (Holding::Secrets, Some(tenant)) => ("secrets", format!("{tenant}.secrets.json")),
            (Holding::Secrets, None) => ("secrets", "secrets.json".to_owned()),
            (Holding::Config, _) => ("config", "config.json".to_owned()),
        };
        let key = format!("{}/{kind}/{}/{}/{name}", env.name, asked.at.yyyymmdd(), asked.id);
        let (region, prefix) = (env.primary_region.clone(), self.export.prefix.clone());
        let title = format!("Export the {noun} under {prefix} as they are now");
        let exported = match self.export.holds {
            Holding::Secrets => {
                let (region, bucket, key) = (region.clone(), bucket.clone(), key.clone());
                path.draft.step(title, vec![looked], step::SecretsExport { region, prefix, bucket, key })
            }
            Holding::Config => {
                let export = step::ConfigExport {
                    region: region.clone(),
                    parameters_prefix: prefix,
                    secrets_prefix: env.secrets_prefix.clone(),
                    bucket: bucket.clone(),
                    key: key.clone(),
                };
                path.draft.step(title, vec![looked], export)
            }
        };
        let verify = step::VerifyObject {
            region: region.clone(),
            bucket: bucket.clone(),
            key: key.clone(),
            retention_days: env.retention_days.default,
        };
        let verified = path.draft.step(format!("Verify that export in {region}"), vec![exported], verify);
        Some((verified, Export { region, bucket, key, ..self.export.clone() }))
    }

    fn notes(&self, path: &mut Path<'_>) {
        path.draft.note(match self.export.holds {
            Holding::Secrets => "Each secret that differs gets the value of the export as a new version; the version that is live now keeps the stage AWSPREVIOUS. What is not in the export stays as it is.",
            Holding::Config => "Each parameter that differs gets the value of the export as a new version, under its own key. What is not in the export stays as it is.",
        });
        path.draft
            .note("Applications keep the values they have read until they read them again: bbws restarts nothing.");
        if self.create {
            path.draft.note("Where it is missing it is created, and stays on the way back: nothing is deleted.");
        }
        gates::in_place(path);
    }
}
