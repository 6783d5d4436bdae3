//! File systems: a whole one out of a recovery point into a new one, or a folder of it beside the live one; compared with what is
//! live either way, and swapped with the live one where that is asked for: a folder, or of a whole file system every folder into
//! which an access point leads, so that access points and whatever names them stay as they are.

use super::{
    super::{Asked, Known, delete::named},
    Ask, Kind, gates,
    names::{PATH, POINT, REGION, TENANT},
    path::Path,
    scope,
};
use crate::domain::{
    environment::Environment,
    mark::{Leftover, Mark, MarkKind},
    moment::spoken,
    plan::Plan,
    point::{Place, Point, PointKind},
    restored::{self, Left},
    step,
    world::{Survey, World},
};

pub(super) const EFS: Kind = Kind { word: "efs", needs: &[POINT], takes: &[PATH, REGION, TENANT], survey, plan };

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
    let env = asked.environment;
    if ask.comes_from_dr() {
        return Err(vec![format!(
            "A file system is restored in {0}, where the live one is that it is compared with. Name the recovery point in {0} that the copy is of: `/bbws backup list {1} efs` shows both. While {0} does not answer, the replica of the file system in {2} is the way: `/bbws dr failover {1}`.",
            env.primary_region, env.name, env.dr_region
        )]);
    }
    let whole = folder(env, ask).map_err(|why| vec![why])?.is_none();
    Ok(Survey {
        point: Some(ask.point().to_owned()),
        file_systems: env.file_systems.iter().map(|files| files.id.clone()).collect(),
        isolated: whole && !ask.goes_live(),
        access_points: whole && ask.goes_live(),
        restored_in: Some(ask.region(env).to_owned()),
        ..Survey::default()
    })
}

fn plan(asked: &Asked<'_>, ask: &Ask<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    let env = asked.environment;
    let folder = folder(env, ask).map_err(|why| vec![why])?;
    let point = named(&known.world, ask.point()).ok_or_else(|| vec![ask.unknown(env, ask.point())])?;
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
        Some((folder, _)) => {
            let compared = beside(&mut path, (point, vault), folder);
            if ask.goes_live() {
                swap(&mut path, asked, known, (&point.resource, folder), compared);
            }
        }
        None if ask.goes_live() => everything(&mut path, asked, known, (point, vault)),
        None => drop(whole(&mut path, &asked.id.0, (point, vault), &known.world)),
    }
    path.finish()
}

/// Why nothing can be restored from it, a sentence each.
pub(super) fn refusals(env: &Environment, point: &Point, expected: Option<&str>, world: &World) -> Vec<String> {
    let (id, files, region) = (&point.id, &point.resource, &env.primary_region);
    let mut refused = Vec::new();
    if !point.usable() {
        refused.push(format!("`{id}` is not usable. `/bbws backup list {} efs` shows others.", env.name));
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
pub(super) fn beside(path: &mut Path<'_>, (point, vault): (&Point, &str), folder: &str) -> usize {
    let after = path.gate.clone();
    let (env, files) = (path.env, &point.resource);
    let region = env.primary_region.clone();
    path.draft.note(format!(
        "AWS Backup puts {folder} under `aws-backup-restore_…` in the root of {files}, beside everything that is live. It takes room there until somebody removes it: bbws deletes no files."
    ));
    if !path.ask.goes_live() {
        path.draft.note("Nothing that is live is changed.");
    }
    let restored = path.draft.step(
        format!("Restore {folder} of {files} beside the live one"),
        after,
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
    )
}

/// Every folder of a file system that is known to be in use, each in the place of the live one.
///
/// EFS makes no access point anew under an id, and what mounts one names its id. So what they lead to is swapped, and not they.
fn everything(path: &mut Path<'_>, asked: &Asked<'_>, known: &Known, (point, vault): (&Point, &str)) {
    let (env, files) = (path.env, &point.resource);
    let refused = gates::refusals(env, path.ask);
    if !refused.is_empty() {
        return refused.into_iter().for_each(|why| path.draft.problem(why));
    }
    let folders = match in_use(env, files, &known.world) {
        Ok(folders) => folders,
        Err(why) => return path.draft.problem(why),
    };
    path.draft.fact(format!("Folders of {files} in use"), folders.join(", "));
    path.draft.note(format!(
        "Those are the folders into which access points of {files} lead, and those of tenants. Access points, and what mounts them, stay as they are: what they lead to is swapped. What lies outside of these folders stays as it is, so name a folder with `--{PATH}` that something mounts without an access point."
    ));
    let mut ready = Vec::new();
    for folder in &folders {
        let compared = beside(path, (point, vault), folder);
        path.gate = vec![compared];
        ready.push((folder, compared));
    }
    let (Some(found), all) = (path.gate.last().copied(), folders.iter().map(String::as_str).collect::<Vec<_>>()) else {
        return;
    };
    let Some(agreed) = agreed(path, known, (files, &all), found) else { return };
    path.health_notes();
    let mut last = agreed;
    for (folder, compared) in &ready {
        path.draft.part();
        last = exchange(path, &asked.id.0, (files, folder), (*compared, last));
    }
    path.health(last);
}

/// The folders of a file system that something is led into, none inside of another.
///
/// # Errors
/// Why they cannot be swapped.
pub(super) fn in_use(env: &Environment, files: &str, world: &World) -> Result<Vec<String>, String> {
    let points: Vec<_> = world.access_points.iter().filter(|point| point.file_system == files).collect();
    let instead = format!(
        "Say `--{PATH} /folder` or `--{TENANT} ID` to put a folder back, or leave `--into live` out to get all of it as a file system of its own."
    );
    if let Some(root) = points.iter().find(|point| point.path.trim_matches('/').is_empty()) {
        return Err(format!(
            "Access point {} leads to the root of {files}, and a root cannot be swapped. {instead}",
            root.id
        ));
    }
    let tenants = env.tenants.values().filter(|tenant| tenant.file_system.as_deref() == Some(files));
    let paths =
        points.iter().map(|point| point.path.as_str()).chain(tenants.filter_map(|tenant| tenant.path.as_deref()));
    let folders = outermost(paths.collect());
    if folders.is_empty() {
        return Err(format!(
            "No access point of {files} leads to a folder, and no tenant has one there, so that nothing tells what of it is in use. {instead}"
        ));
    }
    Ok(folders.into_iter().map(|folder| format!("/{}", folder.trim_matches('/'))).collect())
}

/// Folders without those that lie in another of them.
fn outermost(mut folders: Vec<&str>) -> Vec<&str> {
    folders.sort_unstable();
    folders.dedup_by_key(|folder| folder.trim_matches('/'));
    let all = folders.clone();
    let lies_in = |path: &str, other: &str| {
        path.trim_matches('/').strip_prefix(other.trim_matches('/')).is_some_and(|rest| rest.starts_with('/'))
    };
    folders.retain(|path| !all.iter().any(|other| lies_in(path, other)));
    folders
}

/// The restored folder in the place of the live one of a file system, and the way back; the last step before that.
pub(super) fn swap(
    path: &mut Path<'_>,
    asked: &Asked<'_>,
    known: &Known,
    (files, folder): (&str, &str),
    compared: usize,
) -> Option<usize> {
    for why in gates::refusals(path.env, path.ask) {
        path.draft.problem(why);
    }
    let agreed = agreed(path, known, (files, &[folder]), compared)?;
    let swapped = exchange(path, &asked.id.0, (files, folder), (compared, agreed));
    gates::in_place(path);
    Some(swapped)
}

/// What comes before folders of a file system are swapped: somebody looks, it is backed up, others agree. What is not there is
/// refused already.
fn agreed(path: &mut Path<'_>, known: &Known, (files, folders): (&str, &[&str]), compared: usize) -> Option<usize> {
    let env = path.env;
    let found = known.world.file_systems.iter().find(|found| found.id == files)?;
    path.reaches(match path.ask.tenant() {
        Some(_) => scope::TENANT,
        // How large a folder is nobody can tell before it is walked through: no larger than the file system.
        None => scope::of_databases(1, found.size_bytes.div_ceil(1 << 30)).word(),
    });
    let region = env.primary_region.clone();
    let all = folders.join(", ");
    let (is, live, it) =
        if folders.len() == 1 { ("is", "the live one", "it") } else { ("are", "the live ones", "them") };
    let question = format!(
        "{all} of {files} {is} restored beside {live} and compared with {it}: this thread says what differs. Continue backs {files} up and asks for the cutover; nothing is changed before that."
    );
    let looked = gates::look(path, compared, question);
    let retention_days = env.retention_days.default;
    let job = step::BackupJob {
        region: region.clone(),
        resource_arn: found.arn.clone(),
        vault: env.vault.clone(),
        role: env.backup_role.clone(),
        retention_days,
    };
    let backed_up = path.draft.step(format!("Back up {files} as it is now"), vec![looked], job);
    let verify = step::VerifyRecoveryPoint { region: region.clone(), vault: env.vault.clone(), retention_days };
    let verified = path.draft.step(format!("Verify that recovery point in {region}"), vec![backed_up], verify);
    let title = format!("Wait for the word that {all} {is} swapped");
    let question = format!("{files} is backed up. Shall the restored {all} take the place of {live} now?");
    let agreed = gates::agreed(path, known, vec![verified], title, question);
    Some(gates::measured(path, files, agreed))
}

/// One restored folder takes the name of the live one, with its way back; the step that does that.
fn exchange(
    path: &mut Path<'_>,
    operation: &str,
    (files, folder): (&str, &str),
    (compared, agreed): (usize, usize),
) -> usize {
    let (before, undone) = (format!("{folder}.before-{operation}"), format!("{folder}.undone-{operation}"));
    path.draft.note(format!(
        "The cutover is two renames in one request: {folder} becomes {before}, and the restored folder takes its name. Between them there is no {folder} for a moment; files that are open stay with the folder they are in. What was written since the recovery point is in {before}; what is written after the cutover is kept as {undone} on the way back."
    ));
    let region = path.env.primary_region.clone();
    let swap = |aside: String, with: Option<String>| step::SwapFolder {
        region: region.clone(),
        file_system: files.to_owned(),
        path: folder.to_owned(),
        aside,
        with,
    };
    let title = format!("Swap {folder} with the restored one");
    let swapped = path.draft.step(title, vec![compared, agreed], swap(before.clone(), None));
    let (aside, meanwhile) = (Left::within(&before, files), Left::within(&undone, files));
    let kept = path.promised(&aside, swapped);
    let back = path.draft.back(format!("Swap {folder} back"), vec![compared, swapped], swap(undone, Some(before)));
    path.exchanged(kept, back, (&aside, &meanwhile));
    swapped
}

/// All of it, as a new file system with an address in the isolated network; the last step of that.
pub(super) fn whole(
    path: &mut Path<'_>,
    operation: &str,
    (point, vault): (&Point, &str),
    world: &World,
) -> Option<usize> {
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
        Err(why) => {
            path.draft.problem(why);
            return None;
        }
    };
    let name = restored::name(files, operation);
    let keep = path.ask.keep();
    path.draft.note(format!(
        "Nothing of the platform is changed: {name} is made beside it, with an address in subnet {subnet}, and nothing uses it. It costs what such a file system costs, and is deleted by itself {keep} after it was compared."
    ));
    let leftover = |note: String| step::Remember { mark: MarkKind::Leftover, subject: name.clone(), note };
    let announced = path.draft.step(
        format!("Write down that {name} is made"),
        path.gate.clone(),
        leftover(Leftover::files(&region).note()),
    );
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
    Some(path.draft.step(
        format!("Write down that {name} is kept for {keep}"),
        vec![validated],
        leftover(Leftover::files(&region).kept_for(keep).note()),
    ))
}
