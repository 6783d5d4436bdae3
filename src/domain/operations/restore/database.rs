//! Databases as a whole: out of a snapshot, or as they were at a moment.

use super::{
    super::{Asked, Known, proof},
    Ask, Kind,
    ask::Target,
    live::{self, Exchange},
    names::{DATABASE, MERGE, REGION, SNAPSHOT, TABLES, TARGET, TENANT},
    past::{untold, within},
    path::Path,
    tenant::{self, Tenancy},
};
use crate::domain::{
    environment::{Database, Engine, Environment},
    mark::{Mark, MarkKind},
    moment::{Moment, spoken},
    plan::Plan,
    restored, step,
    text::escape,
    world::{DatabaseFound, SnapshotFound, Survey, World},
};

/// From a snapshot.
pub(super) const RDS: Kind = Kind {
    word: "rds",
    needs: &[SNAPSHOT],
    takes: &[DATABASE, REGION, TENANT, TABLES, MERGE],
    survey: survey_snapshot,
    plan: plan_snapshot,
};

/// As of a moment.
pub(super) const PITR: Kind = Kind {
    word: "pitr",
    needs: &[TARGET],
    takes: &[DATABASE, REGION, TENANT, TABLES, MERGE],
    survey: survey_moment,
    plan: plan_moment,
};

/// Whether there can be copies where it is to come from.
///
/// # Errors
/// Why not.
pub(super) fn replicated(env: &Environment, ask: &Ask<'_>) -> Result<(), Vec<String>> {
    if ask.comes_from_dr() && !env.replicates() {
        let why = format!(
            "`{}` has no copies in a DR region (`replication = \"disabled\"`). Leave `--{REGION} dr` out.",
            env.name
        );
        return Err(vec![why]);
    }
    Ok(())
}

fn survey(asked: &Asked<'_>, ask: &Ask<'_>) -> Result<Survey, Vec<String>> {
    let env = asked.environment;
    replicated(env, ask)?;
    if ask.goes_live() && ask.tenant().is_some() {
        let refused = tenant::refusals(env, ask);
        if !refused.is_empty() {
            return Err(refused);
        }
    }
    Ok(Survey {
        databases: env.databases.iter().map(|database| database.id.clone()).collect(),
        isolated: !ask.replaces_database(),
        restored_in: Some(ask.region(env).to_owned()),
        ..Survey::default()
    })
}

/// Why what is asked for cannot take the place of what is live.
fn cutover(env: &Environment, ask: &Ask<'_>) -> Result<(), Vec<String>> {
    let refused = if ask.replaces_database() { live::refusals(env, ask) } else { Vec::new() };
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

fn survey_snapshot(asked: &Asked<'_>, ask: &Ask<'_>) -> Result<Survey, Vec<String>> {
    let id = ask.snapshot();
    own(id, asked.environment).map_err(|why| vec![why])?;
    Ok(Survey { snapshot: names(id), ..survey(asked, ask)? })
}

fn survey_moment(asked: &Asked<'_>, ask: &Ask<'_>) -> Result<Survey, Vec<String>> {
    let database = declared(asked.environment, ask.database()).map_err(|why| vec![why])?;
    if let Target::At(at) = ask.target()
        && at > asked.at
    {
        let why =
            format!("{at} is in the future: it is {} now. The latest that works is `--{TARGET} latest`.", asked.at);
        return Err(vec![why]);
    }
    Ok(Survey { windows: vec![database.id.clone()], ..survey(asked, ask)? })
}

/// What can be told without AWS of an id that is an ARN: whose it is.
fn own(id: &str, env: &Environment) -> Result<(), String> {
    let parts: Vec<&str> = id.splitn(7, ':').collect();
    let [_, _, _, _, account, ..] = parts[..] else { return Ok(()) };
    if !id.starts_with("arn:") || account.is_empty() || account == env.account {
        return Ok(());
    }
    Err(format!(
        "{id} belongs to account {account} and `{}` is account {}: what is shared from elsewhere is not restored, since nobody here vouches for it. Copy it into the account first, if it is the right one.",
        env.name, env.account
    ))
}

/// The names that RDS may know a snapshot by that people call so: AWS Backup lists the end of an ARN, RDS the whole name.
fn names(id: &str) -> Vec<String> {
    let name = id.split_once(":snapshot:").map_or(id, |(_, name)| name);
    if name.contains(':') {
        return vec![name.to_owned()];
    }
    [name.to_owned(), format!("awsbackup:{name}"), format!("rds:{name}")].to_vec()
}

/// The database that is meant: the one that was named, or the only one.
fn declared<'e>(env: &'e Environment, named: Option<&str>) -> Result<&'e Database, String> {
    let known: Vec<String> = env.databases.iter().map(|d| format!("`{}`", d.name())).collect();
    let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
    match (named, env.databases.as_slice()) {
        (Some(id), all) => all
            .iter()
            .find(|d| d.is_called(id))
            .ok_or_else(|| format!("`{}` declares no database `{id}`; {known}.", env.name)),
        (None, [only]) => Ok(only),
        (None, _) => Err(format!("`{}`: {known}. Say which with `--{DATABASE}`.", env.name)),
    }
}

/// A database that is to be restored, with what was found of it.
pub(super) struct Subject<'a> {
    pub(super) database: &'a Database,
    pub(super) live: Option<&'a DatabaseFound>,
    /// What came of asking for it, where its region did not answer.
    silent: Option<&'a str>,
    /// The one tenant that is meant.
    pub(super) tenancy: Option<Tenancy<'a>>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        env: &'a Environment,
        ask: &Ask<'_>,
        world: &'a World,
        database: &'a Database,
    ) -> Result<Subject<'a>, String> {
        let live = world.databases.iter().find(|found| found.id == database.id);
        live.map_or(Ok(()), DatabaseFound::stands_alone)?;
        Ok(Subject { database, live, silent: world.silent.as_deref(), tenancy: Tenancy::asked(env, ask, database)? })
    }

    /// Schemas that are looked into, of those that the config names.
    fn schemas(&self, named: &[String]) -> Vec<String> {
        match &self.tenancy {
            // What the config calls schemas are databases of PostgreSQL, and a tenant's is one schema of one of them.
            Some(tenancy) if self.database.engine != Engine::Postgres => vec![tenancy.schema.to_owned()],
            _ => named.to_vec(),
        }
    }
}

fn plan_snapshot(asked: &Asked<'_>, ask: &Ask<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    let (env, world) = (asked.environment, &known.world);
    let snapshot = usable(ask, env, world).map_err(|why| vec![why])?;
    let database = declared(env, Some(&snapshot.database)).map_err(|_| {
        vec![format!(
            "{} is a snapshot of {}, which is no database of `{}`. Only what the config declares is restored.",
            snapshot.id, snapshot.database, env.name
        )]
    })?;
    if let Some(named) = ask.database().filter(|named| !database.is_called(named)) {
        let why = format!(
            "{} is a snapshot of {}, not of {named}. Leave `--{DATABASE}` out, or say another snapshot.",
            snapshot.id, database.id
        );
        return Err(vec![why]);
    }
    cutover(env, ask)?;
    let subject = Subject::new(env, ask, world, database).map_err(|why| vec![why])?;
    let mut path = Path::new(env, ask);
    path.draft.fact(
        format!("Snapshot {}", snapshot.id),
        format!(
            "of {}, data of {}, {}, {} GiB, {}",
            snapshot.database,
            snapshot.created,
            snapshot.engine,
            snapshot.size_gib,
            if snapshot.encrypted { "encrypted" } else { "not encrypted" }
        ),
    );
    let tested = known.marks.iter().filter(|mark| mark.kind == MarkKind::Tested);
    let key = format!("rds {}", snapshot.id.strip_suffix("-dr").unwrap_or(&snapshot.id));
    match tested.into_iter().find(|mark| mark.subject == key) {
        Some(mark) => {
            path.draft.note(format!("{} was restored and validated before, by {}.", snapshot.id, mark.operation))
        }
        None => path.draft.note(format!("{} was never restored for a test.", snapshot.id)),
    }
    let instance = restored::name(database.name(), &asked.id.0);
    let announced = path.announced(&instance);
    let title = format!("Restore {} as {instance}", snapshot.id);
    let restored = if ask.replaces_database() {
        let from = Origin { snapshot: Some(&snapshot.id), at: None };
        path.draft.step(title, vec![announced], like(env, database, &instance, from))
    } else {
        let restore = step::RestoreTest {
            region: ask.region(env).to_owned(),
            snapshot: snapshot.id.clone(),
            instance: instance.clone(),
            subnet_group: isolated(env, world)?,
            security_groups: env.restore_test_security_groups.clone(),
        };
        path.draft.step(title, vec![announced], restore)
    };
    let validated = validate(&mut path, &subject, &instance, restored, snapshot.created);
    let validated = put_checks(&mut path, &subject, &instance, validated, Some(&key));
    if validated.looked_into {
        path.draft.step(
            format!("Write down that {} is restore-tested", snapshot.id),
            vec![validated.step],
            step::Remember { mark: MarkKind::Tested, subject: key, note: Mark::tested(&database.id, &asked.id.0) },
        );
    }
    loses(&mut path, &subject, snapshot.created, asked.at);
    ends(path, &subject, asked, known, &instance, &validated)
}

/// What an instance like another one is made of.
pub(super) struct Origin<'a> {
    pub(super) snapshot: Option<&'a str>,
    pub(super) at: Option<Moment>,
}

pub(super) fn like(env: &Environment, database: &Database, instance: &str, from: Origin<'_>) -> step::RestoreLike {
    step::RestoreLike {
        region: env.primary_region.clone(),
        database: database.id.clone(),
        snapshot: from.snapshot.map(str::to_owned),
        at: from.at,
        instance: instance.to_owned(),
    }
}

/// The snapshot that was asked for, if something can be restored from it.
fn usable<'w>(ask: &Ask<'_>, env: &Environment, world: &'w World) -> Result<&'w SnapshotFound, String> {
    let (id, region) = (ask.snapshot(), ask.region(env));
    let Some(found) = &world.snapshot else {
        return Err(format!(
            "There is no snapshot `{id}` in {region}. `/bbws backup list {} rds` shows those there are; a continuous backup is restored with `pitr --{TARGET}`.",
            env.name
        ));
    };
    own(&found.arn, env)?;
    if ["shared", "public"].contains(&found.source.as_str()) {
        return Err(format!(
            "{} is {}: it comes from another account, and nobody here vouches for it. Copy it into account {} first, if it is the right one.",
            found.id, found.source, env.account
        ));
    }
    if found.status != "available" {
        return Err(format!(
            "{} is {}, so nothing can be restored from it. `/bbws backup list {} rds` shows others.",
            found.id, found.status, env.name
        ));
    }
    Ok(found)
}

fn plan_moment(asked: &Asked<'_>, ask: &Ask<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    let (env, world) = (asked.environment, &known.world);
    let database = declared(env, ask.database()).map_err(|why| vec![why])?;
    cutover(env, ask)?;
    let subject = Subject::new(env, ask, world, database).map_err(|why| vec![why])?;
    let Some(window) = world.windows.iter().find(|window| window.database == database.id) else {
        return Err(vec![format!(
            "{} cannot be restored to a moment in {}: it has no automated backups there. `/bbws backup list {} rds` shows its snapshots.",
            database.id,
            ask.region(env),
            env.name
        )]);
    };
    let at = within(ask.target(), (window, world), database, (&env.name, ask.region(env)), TARGET)
        .map_err(|why| vec![why])?;
    let mut path = Path::new(env, ask);
    if let Some(why) = at.and_then(|at| untold(world, database, at)) {
        path.draft.note(why);
    }
    let instance = restored::name(database.name(), &asked.id.0);
    let announced = path.announced(&instance);
    let title = match at {
        Some(at) => format!("Restore {} as of {at} as {instance}", database.id),
        None => format!("Restore {} as late as can be as {instance}", database.id),
    };
    let restored = if ask.replaces_database() {
        path.draft.step(title, vec![announced], like(env, database, &instance, Origin { snapshot: None, at }))
    } else {
        let restore = step::RestoreMoment {
            region: ask.region(env).to_owned(),
            database: database.id.clone(),
            backup: window.backup.clone(),
            at,
            instance: instance.clone(),
            subnet_group: isolated(env, world)?,
            security_groups: env.restore_test_security_groups.clone(),
        };
        path.draft.step(title, vec![announced], restore)
    };
    // As late as can be is later than the request, in the end.
    let validated = validate(&mut path, &subject, &instance, restored, at.unwrap_or(asked.at));
    let validated = put_checks(&mut path, &subject, &instance, validated, None);
    match at {
        Some(at) => loses(&mut path, &subject, at, asked.at),
        None => path.draft.note(
            "The latest restorable moment is that of the very restore, usually about five minutes before it: what was written after it is not in the copy.",
        ),
    }
    ends(path, &subject, asked, known, &instance, &validated)
}

/// The DB subnet group apart from the platform.
pub(super) fn isolated(env: &Environment, world: &World) -> Result<String, Vec<String>> {
    match &world.isolated {
        Some(Ok(network)) => Ok(network.subnet_group.clone()),
        Some(Err(why)) => Err(vec![why.clone()]),
        None => Err(vec![format!(
            "Whether DB subnet group {} is there is not known. Ask again.",
            env.isolated_subnet_group()
        )]),
    }
}

/// A copy that was looked at.
pub(super) struct Validated {
    /// The step that made it, which knows its id.
    pub(super) restored: usize,
    /// The step that says that it is as it should be.
    pub(super) step: usize,
    /// The step that looked into it, which counted what is in it.
    pub(super) counted: usize,
    /// Its contents were looked into as well.
    looked_into: bool,
}

pub(super) fn validate(
    path: &mut Path<'_>,
    subject: &Subject<'_>,
    instance: &str,
    restored: usize,
    data_of: Moment,
) -> Validated {
    let (env, id) = (path.env, &subject.database.id);
    let dump = env.dumps.iter().find(|dump| dump.database == *id);
    if dump.is_none() {
        path.draft.note(format!(
            "What is in the copy is not looked into: no `dumps` entry in the config names a login for {id}."
        ));
    }
    let tenants = env.tenants.values().filter(|tenant| tenant.database.as_ref() == Some(id));
    let tenants = tenants.filter_map(|tenant| tenant.schema.clone());
    let meant = |schema: &String| subject.tenancy.as_ref().is_none_or(|tenancy| tenancy.schema == *schema);
    let alone = subject.silent.is_some();
    if let Some(why) = subject.silent {
        path.draft.note(format!(
            "{} does not answer, so the copy is compared with nothing: it is looked at by itself, no named check is put to it, and it counts as restored, not as restore-tested. ({})",
            env.primary_region,
            escape(why)
        ));
    }
    let step = path.draft.step(
        if alone { format!("Validate {instance} by itself") } else { format!("Validate {instance} against {id}") },
        vec![restored],
        step::VerifyDatabase {
            region: path.ask.region(env).to_owned(),
            source_region: (path.ask.comes_from_dr() && !alone).then(|| env.primary_region.clone()),
            instance: instance.to_owned(),
            database: id.clone(),
            engine: subject.database.engine,
            secret: dump.map(|dump| dump.secret.clone()),
            schemas: dump.map(|dump| subject.schemas(&dump.schemas)).unwrap_or_default(),
            wordpress: tenants.filter(meant).collect(),
            data_of,
            rpo_seconds: env.rpo.0.as_secs(),
            measures: true,
            live: path.ask.replaces_database(),
            turns_back: false,
            alone,
        },
    );
    // What was looked into of one tenant says nothing of the others.
    Validated { restored, step, counted: step, looked_into: dump.is_some() && subject.tenancy.is_none() && !alone }
}

/// Puts the named checks of the config to the copy. What they answered is remembered of the recovery point with this key.
pub(super) fn put_checks(
    path: &mut Path<'_>,
    subject: &Subject<'_>,
    instance: &str,
    mut validated: Validated,
    key: Option<&str>,
) -> Validated {
    let (env, id) = (path.env, &subject.database.id);
    let Some(secret) = env.login(id).filter(|_| subject.silent.is_none()) else { return validated };
    let meant = |schema: &str| subject.tenancy.as_ref().is_none_or(|tenancy| tenancy.schema == schema);
    let checks = env.checks.iter().filter(|(_, check)| check.database == *id && meant(&check.schema));
    for (name, check) in checks {
        let question = step::VerifyCheck {
            region: path.ask.region(env).to_owned(),
            instance: instance.to_owned(),
            database: id.clone(),
            engine: subject.database.engine,
            secret: secret.to_owned(),
            secret_region: path.ask.comes_from_dr().then(|| env.primary_region.clone()),
            check: name.clone(),
            schema: check.schema.clone(),
            query: check.query.clone(),
        };
        validated.step = proof::ask(&mut path.draft, question, validated.step, key);
    }
    validated
}

/// What is not in the copy.
pub(super) fn loses(path: &mut Path<'_>, subject: &Subject<'_>, data_of: Moment, now: Moment) {
    if subject.live.is_some() || subject.silent.is_some() {
        let lost = spoken(now.since(data_of));
        path.draft.note(format!("What was written to {} in the last {lost} is not in the copy.", subject.database.id));
    }
}

pub(super) fn ends(
    mut path: Path<'_>,
    subject: &Subject<'_>,
    asked: &Asked<'_>,
    known: &Known,
    instance: &str,
    validated: &Validated,
) -> Result<Plan, Vec<String>> {
    if path.ask.goes_live() {
        let Some(live) = subject.live else {
            let why =
                format!("{} does not exist, so there is nothing whose place could be taken.", subject.database.id);
            return Err(vec![format!("{why} Restore into a clone, and give it that name in RDS.")]);
        };
        if let Some(tenancy) = &subject.tenancy {
            path.kept(instance, validated.step);
            let from = step::Origin::Instance { instance: instance.to_owned() };
            tenancy.go_live(&mut path, asked, known, from, vec![validated.step])?;
            return path.finish();
        }
        let (env, operation) = (path.env, asked.id.0.as_str());
        let exchange = Exchange { env, database: subject.database, live, instance, operation, at: asked.at };
        exchange.plan(&mut path, known, validated);
        return path.finish();
    }
    if let Some(tenancy) = &subject.tenancy {
        tenancy.tell_of_clone(&mut path, instance);
    }
    let keep = path.ask.keep();
    path.draft.note(format!(
        "Nothing of the platform is changed: {instance} is made beside it, and nothing uses it. It costs what such a database costs, and is deleted by itself {keep} after it was validated."
    ));
    path.kept(instance, validated.step);
    path.finish()
}
