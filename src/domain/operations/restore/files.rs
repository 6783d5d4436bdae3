//! File systems: a whole one out of a recovery point into a new one, or a folder of it beside the live one; compared with what is
//! live either way.

use super::{
    super::{
        Asked, Known,
        delete::{named, unknown},
    },
    Ask, Kind,
    ask::{PATH, POINT, TENANT},
    path::Path,
};
use crate::domain::{
    environment::Environment,
    mark::{Leftover, Mark, MarkKind},
    moment::spoken,
    plan::Plan,
    point::{Place, Point, PointKind},
    restored, step,
    world::{Survey, World},
};

pub(super) const EFS: Kind = Kind { word: "efs", needs: &[POINT], takes: &[PATH, TENANT], survey, plan };

/// The folder that is meant, and the file system it has to be in where the config says so; none where it is all of it.
fn folder<'a>(env: &'a Environment, ask: &Ask<'a>) -> Result<Option<(&'a str, Option<&'a str>)>, String> {
    match (ask.path(), ask.tenant()) {
        (Some(_), Some(_)) => Err(format!("Say `--{PATH}` or `--{TENANT}`, not both: a tenant has its folder.")),
        (Some(path), None) => Ok(Some((path, None))),
        (None, Some(id)) => {
            let (_, tenant) = env.tenant(id)?;
            match (&tenant.path, &tenant.file_system) {
                (Some(path), Some(files)) => Ok(Some((path, Some(files)))),
                _ => Err(format!("Tenant `{id}` has no `path` and `file_system` in bbws.toml.")),
            }
        }
        (None, None) => Ok(None),
    }
}

fn survey(asked: &Asked<'_>, ask: &Ask<'_>) -> Result<Survey, Vec<String>> {
    let isolated = folder(asked.environment, ask).map_err(|why| vec![why])?.is_none();
    let file_systems = asked.environment.file_systems.iter().map(|files| files.id.clone()).collect();
    Ok(Survey { point: Some(ask.point().to_owned()), file_systems, isolated, ..Survey::default() })
}

fn plan(asked: &Asked<'_>, ask: &Ask<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    ask.stays_beside()?;
    let env = asked.environment;
    let folder = folder(env, ask).map_err(|why| vec![why])?;
    let point = named(&known.world, ask.point()).ok_or_else(|| vec![unknown(env, ask.point())])?;
    let (Place::Vault { vault }, PointKind::Efs) = (&point.place, point.kind) else {
        return Err(vec![format!(
            "`{}` is a backup of {}, not of a file system. `/bbws backup list {} efs` shows those there are.",
            point.id, point.kind, env.name
        )]);
    };
    let mut path = Path::new(env, ask);
    for why in refusals(env, point, folder.and_then(|(_, expected)| expected), &known.world) {
        path.draft.problem(why);
    }
    path.draft
        .fact(format!("Recovery point {}", point.id), format!("of {}, data of {}", point.resource, point.created));
    path.draft.note(format!(
        "The point is {} old: what was written since is not in it.",
        spoken(asked.at.since(point.created))
    ));
    match folder {
        Some((folder, _)) => beside(&mut path, (point, vault), folder),
        None => whole(&mut path, &asked.id.0, (point, vault), &known.world),
    }
    path.finish()
}

/// Why nothing can be restored from it, a sentence each.
fn refusals(env: &Environment, point: &Point, expected: Option<&str>, world: &World) -> Vec<String> {
    let (id, files, region) = (&point.id, &point.resource, &env.primary_region);
    let mut refused = Vec::new();
    if !point.usable() {
        refused.push(format!("`{id}` is not usable. `/bbws backup list {} efs` shows others.", env.name));
    }
    if point.region != *region {
        refused.push(format!(
            "`{id}` lies in {}, and its file system is in {region}: it is compared with what is live there. Name the point in {region} that it is a copy of.",
            point.region
        ));
    }
    if !env.file_systems.iter().any(|declared| declared.id == *files) {
        refused.push(format!("`{id}` is of {files}, which is no file system of `{}`.", env.name));
    } else if !world.file_systems.iter().any(|found| found.id == *files) {
        refused.push(format!("File system {files} was not found in {region}, so there is nothing to compare with."));
    }
    if let Some(expected) = expected.filter(|expected| expected != files) {
        refused.push(format!("`{id}` is of {files}, and the tenant's folder is in {expected}."));
    }
    refused
}

/// A folder, beside the live one.
fn beside(path: &mut Path<'_>, (point, vault): (&Point, &str), folder: &str) {
    let (env, files) = (path.env, &point.resource);
    let region = env.primary_region.clone();
    path.draft.note(format!(
        "AWS Backup puts {folder} under `aws-backup-restore_…` in the root of {files}, beside everything that is live. Nothing that is live is changed. It takes room there until somebody removes it: bbws deletes no files."
    ));
    let restored = path.draft.step(
        format!("Restore {folder} of {files} beside the live one"),
        vec![],
        step::RestoreFolder {
            region: region.clone(),
            vault: vault.to_owned(),
            recovery_point: point.arn.clone(),
            file_system: files.clone(),
            path: folder.to_owned(),
            role: env.backup_role.clone(),
        },
    );
    path.draft.step(
        format!("Find it, and compare owner, mode and a sample with the live {folder}"),
        vec![restored],
        step::VerifyFolder { region, file_system: files.clone(), path: folder.to_owned(), data_of: point.created },
    );
}

/// All of it, as a new file system with an address in the isolated network.
fn whole(path: &mut Path<'_>, operation: &str, (point, vault): (&Point, &str), world: &World) {
    let (env, files) = (path.env, &point.resource);
    let region = env.primary_region.clone();
    let network = world.isolated.clone();
    let network =
        network.unwrap_or_else(|| Err("Whether the isolated network is there is not known. Ask again.".to_owned()));
    let subnet = network.and_then(|network| {
        let none = || format!("DB subnet group {} has no subnet. Give it one.", network.subnet_group);
        network.subnets.first().cloned().ok_or_else(none)
    });
    let subnet = match subnet {
        Ok(subnet) => subnet,
        Err(why) => return path.draft.problem(why),
    };
    let name = restored::name(files, operation);
    let keep = path.ask.keep();
    path.draft.note(format!(
        "Nothing of the platform is changed: {name} is made beside it, with an address in subnet {subnet}, and nothing uses it. It costs what such a file system costs, and is deleted by itself {keep} after it was compared."
    ));
    let leftover = |note: String| step::Remember { mark: MarkKind::Leftover, subject: name.clone(), note };
    let announced =
        path.draft.step(format!("Write down that {name} is made"), vec![], leftover(Leftover::files(&region).note()));
    let restore = step::RestoreFiles {
        region: region.clone(),
        vault: vault.to_owned(),
        recovery_point: point.arn.clone(),
        name: name.clone(),
        role: env.backup_role.clone(),
    };
    let made = path.draft.step(format!("Restore {} as {name}", point.id), vec![announced], restore);
    let tag = step::TagFiles { region: region.clone(), name: name.clone() };
    let tagged = path.draft.step(format!("Tag {name}"), vec![made], tag);
    let mount = step::MountTarget {
        region: region.clone(),
        name: name.clone(),
        subnet,
        security_groups: env.restore_test_security_groups.clone(),
    };
    let mounted = path.draft.step(format!("Give {name} an address in the isolated network"), vec![tagged], mount);
    let tenants = env.tenants.values().filter(|tenant| tenant.file_system.as_ref() == Some(files));
    let verify = step::VerifyFiles {
        region: region.clone(),
        name: name.clone(),
        file_system: files.clone(),
        folders: tenants.filter_map(|tenant| tenant.path.clone()).collect(),
        data_of: point.created,
    };
    let validated = path.draft.step(format!("Compare a sample of {name} with {files}"), vec![mounted], verify);
    let note = Mark::tested(files, operation);
    path.draft.step(
        format!("Write down that {} is restore-tested", point.id),
        vec![validated],
        step::Remember { mark: MarkKind::Tested, subject: point.key(), note },
    );
    path.draft.step(
        format!("Write down that {name} is kept for {keep}"),
        vec![validated],
        leftover(Leftover::files(&region).kept_for(keep).note()),
    );
}
