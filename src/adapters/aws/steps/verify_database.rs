//! A restored instance, compared with its source: as RDS describes both, and over a connection to each.

use std::{sync::Arc, time::Duration};

use aws_sdk_rds::types::DbInstance;

use super::{
    super::{
        background::{Outcome, Teller},
        checks::{Check, Pair, verdict, yes},
        login::Login,
        session::Session,
        tools::Tools,
    },
    At, Look,
    restore_database::{self, status_of},
    verify_storage::room,
};
use crate::{
    adapters::sql::{Databases, Promised, Target, Wanted},
    domain::{
        environment::Engine,
        moment::Moment,
        step::{DATA_OF, ISSUE, Outputs, UNPROVED, VerifyDatabase},
        text::count,
    },
    ports::cloud::{Call, CloudError, Progress},
};

/// One row in so many may be gone after a cutover of those that were there when people looked.
const TOLERANCE: u64 = 1000;
/// Tables that are named in a sentence.
const NAMED: usize = 5;
/// What the outputs begin with that say how many rows there were: `rows of tenant_1`.
const ROWS: &str = "rows of ";

impl Look for VerifyDatabase {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let what = self.clone();
        let tools = at.cloud.tools.clone();
        let source = match &self.source_region {
            Some(region) => at.elsewhere(region).await,
            None => Arc::clone(&at.session),
        };
        at.watch(|session, call, tell| verify((session, source), call, what, tools, tell))
    }
}

/// Looks at the restored instance and, where there is a secret, into it.
async fn verify(
    (session, there): (Arc<Session>, Arc<Session>),
    call: Call,
    what: VerifyDatabase,
    tools: Tools,
    tell: Teller,
) -> Outcome {
    let VerifyDatabase { instance, database, secret, .. } = &what;
    // Read first: what cannot be signed in to is not worth a connection.
    // Under the platform's login of the side that is live, or that of the source.
    let logins = if what.live { &session } else { &there };
    let login = match secret {
        Some(secret) => restore_database::login_of(logins, &call.environment, database, secret).await.map(Some),
        None => Ok(None),
    };
    let (login, unseen) = match login {
        Ok(login) => (login, None),
        // That a login was not brought there says nothing against the copy.
        Err(CloudError::Permanent { reason }) if what.alone => (None, Some(reason)),
        Err(error) => return Err(error),
    };
    let source = async { if what.alone { Ok(None) } else { restore_database::describe(&there, database).await } };
    let (restored, source) = futures::future::join(restore_database::describe(&session, instance), source).await;
    let (Some(restored), source) = (restored?, source?) else {
        let reason = format!(
            "Instance {instance} in {} does not exist, so nothing was compared. Restore it again.",
            session.region
        );
        return Ok(Progress::Refuted { reason, outputs: Outputs::new() });
    };
    let subnet_group = call.environment.isolated_subnet_group();
    let isolated = (!what.live).then_some(subnet_group);
    let of = (!what.alone).then_some((database.as_str(), source.as_ref()));
    let mut checks = of_instance(&restored, of, isolated);
    let mut counted = Outputs::new();
    // Whoever is asked to go on, and reads what came of it, is told that nobody looked into it.
    if what.live && login.is_none() {
        counted.insert(UNPROVED.to_owned(), String::new());
    }
    let note = match login {
        None => Some(match &unseen {
            Some(reason) => format!("Only the instance was looked at: {reason}"),
            None => "Only the instance was looked at: no secret with a login is configured for this database, so nothing in it was compared.".to_owned(),
        }),
        Some(login) => {
            let does =
                if what.alone { "reading its contents" } else { "comparing its contents with those of its source" };
            tell.tell(None, does);
            // After a cutover the login of the platform leads to what is live, so its source is reached by its own address.
            let there = source.as_ref().filter(|_| what.live).and_then(restore_database::endpoint);
            let source = match there {
                Some((host, port)) => Login { host, port, ..login.clone() },
                None => login.clone(),
            };
            let found = inside(&*tools.databases, &call, &what, session.now(), &restored, (&login, &source)).await;
            counted.extend(
                found.iter().filter_map(|(check, seen)| Some((check.name.clone(), seen.rows?.to_string()))),
            );
            let unproved: Vec<&String> = found.iter().flat_map(|(_, seen)| &seen.unproved).collect();
            if !unproved.is_empty() && what.data_of > Moment(0) {
                counted.insert(UNPROVED.to_owned(), named(&unproved));
            }
            checks.extend(found.into_iter().map(|(check, _)| check));
            checks.extend(what.live.then(|| lost(&call.inputs, &counted)).into_iter().flatten());
            what.alone.then(|| format!("What is in it was read; {database} does not answer, so that nothing was compared."))
        }
    };
    let pair = Pair {
        subject: format!("Instance {instance} in {}", session.region),
        restored: instance,
        source: database,
        compared: !what.alone,
    };
    let mut verdict = verdict(&pair, &checks, note.as_deref());
    if let Progress::Done { outputs, .. } | Progress::Refuted { outputs, .. } = &mut verdict {
        let seen = [(instance, Some(&restored)), (database, source.as_ref())];
        outputs
            .extend(seen.into_iter().filter_map(|(name, seen)| Some(restore_database::hardware(seen?)?.output(name))));
    }
    if let Progress::Done { outputs, .. } = &mut verdict {
        outputs.extend(note.filter(|_| what.alone).map(|issue| (ISSUE.to_owned(), issue)));
        outputs.extend(counted);
        outputs.extend(data_of(&call, &what).map(|at| (DATA_OF.to_owned(), at.iso())));
        outputs.extend(
            room(&session, instance, &restored).await.and_then(Result::err).map(|issue| (ISSUE.to_owned(), issue)),
        );
    }
    Ok(verdict)
}

/// When the data was as it is in there, as the restore itself tells; of what is live already nobody asks.
fn data_of(call: &Call, what: &VerifyDatabase) -> Option<Moment> {
    let told = call.inputs.get(DATA_OF).and_then(|at| Moment::read(at));
    told.filter(|_| what.data_of > Moment(0))
}

/// Tables in a sentence.
fn named(tables: &[&String]) -> String {
    let first: Vec<&str> = tables.iter().take(NAMED).map(|table| table.as_str()).collect();
    match tables.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {}", first.join(", "), count(more, "more table")),
    }
}

/// Of each schema that was counted before the cutover, whether its rows are still there.
fn lost(before: &Outputs, now: &Outputs) -> Vec<Check> {
    let counted = before.iter().filter(|(name, _)| name.starts_with(ROWS));
    let known =
        counted.filter_map(|(name, rows)| Some((name, rows.parse::<u64>().ok()?, now.get(name)?.parse::<u64>().ok()?)));
    known
        .map(|(name, before, now)| {
            let kept = before.saturating_sub(now) <= before / TOLERANCE;
            let found = match kept {
                true => format!("{now}, of the {before} that were counted before the cutover"),
                false => format!("{now}, and {before} before the cutover: more than 0.1 % are gone"),
            };
            Check::new(format!("{name} since the cutover"), kept, found)
        })
        .collect()
}

/// What a check saw besides its answer.
#[derive(Default)]
struct Seen {
    /// Rows that it counted.
    rows: Option<u64>,
    /// Tables of which nothing is proved.
    unproved: Vec<String>,
}

/// Signs in to both and compares what is in them: the checks, with what each saw.
async fn inside(
    databases: &dyn Databases,
    call: &Call,
    what: &VerifyDatabase,
    now: Moment,
    restored: &DbInstance,
    (login, other): (&Login, &Login),
) -> Vec<(Check, Seen)> {
    let VerifyDatabase { engine, schemas, wordpress, data_of, rpo_seconds, .. } = what;
    let data_of = &self::data_of(call, what).unwrap_or(*data_of);
    let Some((host, port)) = restore_database::endpoint(restored) else {
        return vec![(
            Check::new("login to the restored database", false, "RDS tells no endpoint of it."),
            Seen::default(),
        )];
    };
    let here = Login { host, port, ..login.clone() };
    // What the source got since the backup is no fault of the backup.
    let rpo = Duration::from_secs(*rpo_seconds) + now.since(*data_of);
    let token: String = call.token.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect();
    let mut checks = Vec::new();
    for (index, (database, schemas)) in places(*engine, schemas, login).into_iter().enumerate() {
        // Tenants are looked for once, wherever they are.
        let wordpress = if index == 0 { wordpress.clone() } else { Vec::new() };
        // What has taken its place already is no copy of a moment any more.
        let promised = Promised { at: *data_of, within: Duration::from_secs(*rpo_seconds) };
        let promised = (*data_of > Moment(0)).then_some(promised);
        let (alone, measures) = (what.alone, what.measures);
        let wanted = Wanted { schemas, wordpress, rpo, promised, alone, token: token.clone(), measures };
        let (restored, source) = (target(&here, *engine, &database), target(other, *engine, &database));
        let of = database.map(|name| format!(" ({name})")).unwrap_or_default();
        let found = databases.validate(&restored, (!what.alone).then_some(&source), &wanted).await;
        checks.extend(found.into_iter().map(|c| {
            let seen = Seen { rows: c.rows, unproved: c.unproved };
            (Check::new(format!("{}{of}", c.name), c.ok, c.found), seen)
        }));
    }
    checks
}

/// Databases to sign in to, and schemas to compare in each. What the config calls schemas are databases of PostgreSQL.
fn places(engine: Engine, schemas: &[String], login: &Login) -> Vec<(Option<String>, Vec<String>)> {
    match engine {
        Engine::Postgres if schemas.is_empty() => vec![(login.database.clone(), Vec::new())],
        Engine::Postgres => schemas.iter().map(|name| (Some(name.clone()), Vec::new())).collect(),
        Engine::Mysql | Engine::Mariadb => vec![(None, schemas.to_vec())],
    }
}

pub(super) fn target(login: &Login, engine: Engine, database: &Option<String>) -> Target {
    Target {
        engine,
        host: login.host.clone(),
        port: login.port,
        username: login.username.clone(),
        password: login.password.clone(),
        database: database.clone(),
        ca: None,
        require_tls: true,
    }
}

/// What RDS says of the instance, beside the database `of` which it is, where that can be asked for, and what RDS says of that one.
fn of_instance(
    restored: &DbInstance,
    of: Option<(&str, Option<&DbInstance>)>,
    subnet_group: Option<&str>,
) -> Vec<Check> {
    let status = status_of(restored);
    let ready = restore_database::initializing(restored).is_none();
    let group = restored.db_subnet_group().and_then(|group| group.db_subnet_group_name()).unwrap_or("none");
    let version = version(restored);
    let isolated = subnet_group.map(|wanted| {
        let right = group.eq_ignore_ascii_case(wanted);
        let found = if right { group.to_owned() } else { format!("{group} instead of {wanted}") };
        Check::new("In the isolated subnet group", right, found)
    });
    let versions = of.map(|(database, source)| match source.map(self::version) {
        Some(expected) => {
            let found =
                if version == expected { version.clone() } else { format!("{version}, {database} has {expected}") };
            Check::new("Engine version of its source", version == expected, found)
        }
        None => Check::new("Engine version of its source", false, format!("{version}; {database} does not exist")),
    });
    let mut checks = vec![
        Check::new(
            "Available",
            status == "available" && ready,
            if ready { status.to_owned() } else { format!("{status}, storage Initializing") },
        ),
        Check::new(
            "Encrypted",
            restored.storage_encrypted() == Some(true),
            yes(restored.storage_encrypted() == Some(true)),
        ),
        Check::new(
            "Not reachable from the internet",
            restored.publicly_accessible() == Some(false),
            if restored.publicly_accessible() == Some(false) { "private" } else { "public" },
        ),
    ];
    // In the order in which reports have always shown them.
    checks.splice(2..2, versions.into_iter().chain(isolated));
    checks
}

fn version(instance: &DbInstance) -> String {
    format!("{} {}", instance.engine().unwrap_or_default(), instance.engine_version().unwrap_or_default())
        .trim()
        .to_owned()
}
