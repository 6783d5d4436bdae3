//! Out of a logical dump: an empty instance like the source's is made apart from the platform, the dump is loaded into it, and what
//! came of that is validated; or one tenant's tables go on from there into the live database.

use super::{
    super::{Asked, Known, delete::named},
    Ask, Kind,
    database::{Subject, ends, isolated, loses, put_checks, replicated, validate},
    live,
    names::{FROM, MERGE, REGION, TABLES, TENANT},
    path::Path,
    tenant,
};
use crate::domain::{
    confidence,
    environment::{Database, Environment},
    moment::spoken,
    plan::Plan,
    point::{Place, Point, PointKind},
    restored, step,
    world::Survey,
};

pub(super) const DUMP: Kind =
    Kind { word: "dump", needs: &[FROM], takes: &[REGION, TENANT, TABLES, MERGE], survey, plan };

fn survey(asked: &Asked<'_>, ask: &Ask<'_>) -> Result<Survey, Vec<String>> {
    let env = asked.environment;
    replicated(env, ask)?;
    Ok(Survey {
        point: Some(ask.from().to_owned()),
        databases: env.databases.iter().map(|database| database.id.clone()).collect(),
        isolated: !ask.replaces_database(),
        // What works where this does not.
        newest: ask.comes_from_dr(),
        restored_in: Some(ask.region(env).to_owned()),
        ..Survey::default()
    })
}

fn plan(asked: &Asked<'_>, ask: &Ask<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    let env = asked.environment;
    let (archive, database) = found(ask, env, known).map_err(|why| vec![why])?;
    let why = refusals(env, ask, known, database);
    if !why.is_empty() {
        return Err(why);
    }
    let subject = Subject::new(env, ask, &known.world, database).map_err(|why| vec![why])?;
    let mut path = Path::new(env, ask);
    path.draft.fact(
        format!("Dump {}", archive.point.id),
        format!("of {}, data of {}, in {}", database.id, archive.point.created, archive.point.region),
    );
    path.draft.note(format!(
        "The dump is {} old. It is read to its end and its hashes are compared before anything is loaded.",
        spoken(asked.at.since(archive.point.created))
    ));
    let spare = env.dumps.iter().find(|dump| dump.database == database.id).and_then(|dump| dump.load_test.clone());
    if let (true, Some(tenancy), Some(load)) = (ask.goes_live(), &subject.tenancy, spare) {
        path.draft.note(format!(
            "It is loaded into the server that `load_test` in bbws.toml names for dumps of {}, and taken away from there again.",
            database.id
        ));
        let from = step::Origin::Dump { bucket: archive.bucket.to_owned(), key: archive.point.id.clone(), load };
        loses(&mut path, &subject, archive.point.created, asked.at);
        tenancy.go_live(&mut path, asked, known, from, vec![])?;
        return path.finish();
    }
    loaded(path, &subject, &archive, asked, known)
}

/// Why a dump does not go where it was asked to, a sentence each.
fn refusals(env: &Environment, ask: &Ask<'_>, known: &Known, database: &Database) -> Vec<String> {
    match (ask.goes_live(), ask.tenant()) {
        (false, _) if ask.comes_from_dr() => elsewhere(env, ask, known, database).into_iter().collect(),
        (false, _) => Vec::new(),
        (true, Some(_)) => tenant::refusals(env, ask),
        (true, None) => live::refusals(env, ask),
    }
}

/// Why a replica of a dump cannot be loaded in the DR region, with what can be restored there.
fn elsewhere(env: &Environment, ask: &Ask<'_>, known: &Known, database: &Database) -> Option<String> {
    let (id, primary, dr) = (&database.id, &env.primary_region, &env.dr_region);
    if known.world.silent.is_none() {
        let lacks = env.dr_kms_key.is_none();
        return lacks.then(|| {
            format!("An instance in {dr} is encrypted under `dr_kms_key`, and bbws.toml names none for `{}`. Name it there.", env.name)
        });
    }
    let of = |point: &&Point| {
        point.kind == PointKind::Rds && point.resource == *id && point.usable() && point.snapshot().is_some()
    };
    let newest = known.world.newest.iter().filter(of).max_by_key(|point| point.created);
    let next = newest.and_then(|point| Some((point, confidence::asks_for(&env.name, point, true, ask.tenant())?)));
    let next = match next {
        Some((point, command)) => {
            format!("The newest copy of a snapshot there is of {}: `/bbws {command}`.", point.created)
        }
        None => format!("`/bbws backup restore {} list rds` shows what can be restored there.", env.name),
    };
    Some(format!(
        "{primary} does not answer, and a dump cannot be loaded without it: the key that opens dumps is there, and so is {id}, like which an instance would be made. {next}"
    ))
}

/// A dump where it lies.
struct Archive<'k> {
    point: &'k Point,
    bucket: &'k str,
}

/// The dump that was asked for, and the database it is of.
fn found<'k>(ask: &Ask<'_>, env: &'k Environment, known: &'k Known) -> Result<(Archive<'k>, &'k Database), String> {
    let point = named(&known.world, ask.from()).ok_or_else(|| ask.unknown(env, ask.from()))?;
    let other = format!("`/bbws backup list {} dump` shows those there are.", env.name);
    if point.kind != PointKind::Dump {
        return Err(format!("`{}` is a backup of {}, and no dump. {other}", point.id, point.kind));
    }
    if let Some(of) = point.tenant.as_deref().filter(|of| ask.tenant() != Some(*of)) {
        return Err(format!(
            "{} holds the schema of tenant {of} alone. Say `--tenant {of}` as well. {other}",
            point.id
        ));
    }
    let Place::Bucket { bucket } = &point.place else { return Err(ask.unknown(env, ask.from())) };
    let database = env.databases.iter().find(|database| database.id == point.resource).ok_or_else(|| {
        format!(
            "{} is a dump of {}, which is no database of `{}`. Only what the config declares is restored.",
            point.id, point.resource, env.name
        )
    })?;
    Ok((Archive { point, bucket }, database))
}

/// The dump in an instance of its own.
fn loaded(
    mut path: Path<'_>,
    subject: &Subject<'_>,
    archive: &Archive<'_>,
    asked: &Asked<'_>,
    known: &Known,
) -> Result<Plan, Vec<String>> {
    let (env, id) = (path.env, &subject.database.id);
    let Some(secret) = env.login(id) else {
        return Err(vec![format!(
            "No login of {id} is known, which its clone would get: a `dumps` entry of bbws.toml names the secret with one."
        )]);
    };
    if subject.live.is_none() {
        return Err(vec![format!(
            "{id} does not exist, so it cannot be known what an instance like it is. Restore it with `rds` from a snapshot."
        )]);
    }
    let takes_place = path.ask.replaces_database();
    let region = path.ask.region(env).to_owned();
    let source_region = path.ask.comes_from_dr().then(|| env.primary_region.clone());
    let instance = restored::name(subject.database.name(), &asked.id.0);
    let announced = path.announced(&instance);
    if takes_place {
        path.draft.note(format!(
            "A dump holds schemas and no server: {instance} gets the settings of {id}, in PostgreSQL the roles that the dump names, and the login of secret {secret}. Other accounts of MySQL and MariaDB are in no dump: make those that applications sign in with before the cutover is agreed to."
        ));
    }
    let made = path.draft.step(
        format!("Make {instance}, empty and like {id}"),
        vec![announced],
        step::CreateEmpty {
            region: region.clone(),
            database: id.clone(),
            secret: secret.to_owned(),
            instance: instance.clone(),
            subnet_group: if takes_place { String::new() } else { isolated(env, &known.world)? },
            security_groups: if takes_place { Vec::new() } else { env.restore_test_security_groups.clone() },
            live: takes_place,
            source_region: source_region.clone(),
        },
    );
    let filled = path.draft.step(
        format!("Load {} into {instance}", archive.point.id),
        vec![made],
        step::LoadDump {
            region,
            bucket: archive.bucket.to_owned(),
            key: archive.point.id.clone(),
            database: id.clone(),
            engine: subject.database.engine,
            secret: secret.to_owned(),
            schemas: env.dumps.iter().find(|dump| dump.database == *id).map(|d| d.schemas.clone()).unwrap_or_default(),
            instance: instance.clone(),
            source_region,
        },
    );
    let validated = validate(&mut path, subject, &instance, filled, archive.point.created);
    let mut validated = put_checks(&mut path, subject, &instance, validated, None);
    // The id by which it is renamed is known of its making, and not of its filling.
    validated.restored = made;
    loses(&mut path, subject, archive.point.created, asked.at);
    ends(path, subject, asked, known, &instance, &validated)
}
