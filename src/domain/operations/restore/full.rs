//! Everything of an environment or of one tenant as of one moment: its databases and file systems one after the other beside what
//! is there, then what of its secrets, parameters and objects would come back. Not everything can be brought to the same moment, so
//! the plan says of each thing to which one it is. Where it is to go into live, `full_live` goes on from there.

use super::{
    super::{Asked, Known, draft::Draft},
    Ask, Kind,
    ask::Target,
    database::{Origin, Subject, isolated, like, loses, put_checks, validate},
    files,
    full_live::{self, Ready},
    live,
    names::{AS_OF, REGION, TENANT},
    objects, past,
    path::Path,
    scope, secrets,
};
use crate::domain::{
    environment::{Database, Environment, FileSystem},
    moment::{Moment, spoken},
    plan::Plan,
    point::{Place, Point, PointKind},
    restored,
    step::{self, Holding},
    world::Survey,
};

pub(super) const FULL: Kind = Kind { word: "full", needs: &[AS_OF], takes: &[TENANT, REGION], survey, plan };

/// What of an environment is meant by everything.
struct Meant<'e> {
    databases: Vec<&'e Database>,
    file_systems: Vec<&'e FileSystem>,
    /// Secrets and parameters, as far as there are any.
    exports: Vec<Holding>,
    /// Whether buckets are: they are not divided by tenant.
    buckets: bool,
}

impl<'e> Meant<'e> {
    /// All of it, or what is one tenant's.
    ///
    /// # Errors
    /// When there is no such tenant.
    fn of(env: &'e Environment, ask: &Ask<'_>) -> Result<Meant<'e>, String> {
        let Some(id) = ask.tenant() else {
            return Ok(Meant {
                databases: env.databases.iter().collect(),
                file_systems: env.file_systems.iter().collect(),
                exports: vec![Holding::Secrets, Holding::Config],
                buckets: true,
            });
        };
        let (_, tenant) = env.tenant(id)?;
        let holds = |database: &&Database| tenant.schema.is_some() && tenant.database.as_ref() == Some(&database.id);
        let has = |files: &&FileSystem| tenant.path.is_some() && tenant.file_system.as_ref() == Some(&files.id);
        Ok(Meant {
            databases: env.databases.iter().filter(holds).collect(),
            file_systems: env.file_systems.iter().filter(has).collect(),
            exports: tenant.secrets_prefix.iter().map(|_| Holding::Secrets).collect(),
            buckets: false,
        })
    }
}

fn survey(asked: &Asked<'_>, ask: &Ask<'_>) -> Result<Survey, Vec<String>> {
    let env = asked.environment;
    if ask.comes_from_dr() && !env.replicates() {
        return Err(vec![format!(
            "`{}` has no copies in a DR region (`replication = \"disabled\"`). Leave `--{REGION} dr` out.",
            env.name
        )]);
    }
    let refused = if ask.goes_live() { live::refusals(env, ask) } else { Vec::new() };
    if !refused.is_empty() {
        return Err(refused);
    }
    let at = objects::past(asked, ask)?;
    let meant = Meant::of(env, ask).map_err(|why| vec![why])?;
    if meant.databases.is_empty() && meant.file_systems.is_empty() {
        let whose = ask.tenant().map_or_else(|| format!("`{}`", env.name), |id| format!("Tenant `{id}`"));
        return Err(vec![format!("{whose} declares no database and no file system that could be restored.")]);
    }
    // What is compared with what is live in the other region is left out.
    let file_systems = meant.file_systems.iter().filter(|_| !ask.comes_from_dr()).map(|files| files.id.clone());
    let databases: Vec<String> = meant.databases.iter().map(|database| database.id.clone()).collect();
    let listed = meant.buckets && ask.as_of().is_some() && env.secrets_bucket.is_some();
    let buckets = env.buckets.iter().filter(|_| listed).map(|bucket| bucket.name.clone()).collect::<Vec<_>>();
    Ok(Survey {
        windows: databases.clone(),
        databases,
        file_systems: file_systems.collect(),
        access_points: ask.goes_live() && ask.tenant().is_none(),
        bucket: !buckets.is_empty(),
        buckets,
        newest_at: Some(at),
        isolated: !ask.replaces_database(),
        restored_in: Some(ask.region(env).to_owned()),
        ..Survey::default()
    })
}

fn plan(asked: &Asked<'_>, ask: &Ask<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    let env = asked.environment;
    let at = objects::past(asked, ask)?;
    let meant = Meant::of(env, ask).map_err(|why| vec![why])?;
    let mut path = Path::new(env, ask);
    if ask.replaces_database() {
        full_live::within_an_incident(&mut path, known)?;
        path.reaches(scope::EVERYTHING);
    }
    path.everything_as_of(
        ask.as_of().map_or_else(|| format!("its latest state, asked for at {at}"), |at| at.to_string()),
    );
    path.draft.note("Databases and file systems come one after the other: where one of them is not as it should be, those after it are not begun.");
    let mut whole = Whole { asked, known, at, ready: Vec::new() };
    for database in &meant.databases {
        whole.database(&mut path, database)?;
    }
    for files in &meant.file_systems {
        whole.file_system(&mut path, files);
    }
    if path.gate.is_empty() {
        path.draft.problem(format!(
            "Nothing of `{}` can be restored as of {at}: no database and no file system has a backup from until then. `/bbws backup restore {} list` shows what there is.",
            env.name, env.name
        ));
    }
    for holds in meant.exports {
        whole.export(&mut path, holds);
    }
    if meant.buckets {
        whole.buckets(&mut path)?;
    } else {
        path.draft.note("Parameters and buckets are not divided by tenant, so they are left as they are.");
    }
    if ask.goes_live() {
        full_live::go_live(&mut path, asked, known, whole.ready)?;
    } else {
        path.draft.note("Nothing of the platform is changed, and nothing uses the copies.");
    }
    path.finish()
}

/// Says to which moment something is brought.
fn gets(draft: &mut Draft, what: &str, how: &str) {
    draft.fact(format!("{what} gets"), how);
}

/// Everything, thing by thing.
struct Whole<'a> {
    asked: &'a Asked<'a>,
    known: &'a Known,
    at: Moment,
    /// What is ready beside what is live, or known to come back, so far.
    ready: Vec<Ready<'a>>,
}

impl<'a> Whole<'a> {
    /// The newest usable backup of something that is not younger than the moment.
    fn newest(&self, kind: PointKind, resource: &str) -> Option<&'a Point> {
        let of = |point: &&Point| point.kind == kind && point.resource == resource && point.created <= self.at;
        // Continuous backups of a database are no snapshot, and its window is looked at before its snapshots.
        let made_of = |point: &&Point| kind != PointKind::Rds || point.snapshot().is_some();
        self.known.world.newest.iter().filter(of).filter(made_of).max_by_key(|point| point.created)
    }

    fn before(&self, point: &Point) -> String {
        format!("as of {}, {} before: {}", point.created, spoken(self.at.since(point.created)), point.id)
    }

    /// What has no backup from until then is left out, and that is said where it cannot be overlooked.
    fn left_out(&self, path: &mut Path<'_>, what: &str) {
        gets(&mut path.draft, what, "*nothing*: no usable backup of it is from until then, so it is not restored");
    }

    /// A database: exactly as of the moment where its automated backups reach it, else out of the snapshot before it.
    fn database(&mut self, path: &mut Path<'_>, database: &'a Database) -> Result<(), Vec<String>> {
        let (env, id) = (self.asked.environment, &database.id);
        let subject = Subject::new(env, path.ask, &self.known.world, database).map_err(|why| vec![why])?;
        let instance = restored::name(database.name(), &self.asked.id.0);
        let what = format!("Database {id}");
        let Some(source) = self.source(path, database)? else {
            self.left_out(path, &what);
            return Ok(());
        };
        gets(&mut path.draft, &what, &source.how);
        if path.ask.goes_live() && subject.live.is_none() {
            path.draft.problem(format!(
                "{id} does not exist, so there is nothing whose place could be taken. Restore it into a clone first, and give it that name in RDS: `/bbws backup restore {} pitr --target-time latest --database {id}`.",
                env.name
            ));
        }
        let restore = self.restore(path, database, &source, &instance)?;
        let announced = path.announced(&instance);
        let made = path.draft.step(format!("Restore {} as {instance}", source.title), vec![announced], restore);
        let validated = validate(path, &subject, &instance, made, source.data_of);
        let validated = put_checks(path, &subject, &instance, validated, None);
        loses(path, &subject, source.data_of, self.asked.at);
        if !path.ask.replaces_database() {
            // A tenant's tables go on from here into the live database, and what they come from goes by itself.
            path.gate = vec![path.kept(&instance, validated.step)];
        } else {
            path.gate = vec![validated.step];
        }
        self.ready.push(Ready::Database { subject, instance, validated });
        Ok(())
    }

    /// What a database comes from; none where it has nothing from until then.
    fn source(&self, path: &mut Path<'_>, database: &Database) -> Result<Option<Source<'a>>, Vec<String>> {
        let (ask, id, world) = (path.ask, &database.id, &self.known.world);
        let (env, region) = (&self.asked.environment.name, ask.region(self.asked.environment));
        let window = world.windows.iter().find(|window| window.database == *id);
        let gap = past::gap(world, database, self.at).filter(|_| ask.as_of().is_some());
        if let Some(gap) = gap {
            path.draft.note(format!(
                "{id} does not come from its automated backups, because {}.{}",
                gap.why,
                past::broken(env)
            ));
        }
        let reached = window.filter(|window| self.at >= window.oldest && gap.is_none());
        if let Some(window) = reached {
            let target = ask.as_of().map_or(Target::Latest, Target::At);
            let at = past::within(target, (window, world), database, (env, region), AS_OF).map_err(|why| vec![why])?;
            if let Some(why) = at.and_then(|at| past::untold(world, database, at)) {
                path.draft.note(format!("{id}: {why}"));
            }
            let (how, title) = match at {
                Some(at) => (format!("exactly as of {at}"), format!("{id} as of {at}")),
                None => (
                    "its latest restorable moment when its restore begins, usually some minutes before".to_owned(),
                    format!("{id} as late as can be"),
                ),
            };
            let how = format!("{how}, out of its automated backups");
            let backup = window.backup.clone();
            return Ok(Some(Source { snapshot: None, at, backup, data_of: self.at, how, title }));
        }
        let newest = self.newest(PointKind::Rds, id).and_then(|point| Some((point, point.snapshot()?)));
        Ok(newest.map(|(point, name)| Source {
            snapshot: Some(name),
            at: None,
            backup: None,
            data_of: point.created,
            how: self.before(point),
            title: name.to_owned(),
        }))
    }

    /// The step that makes it: apart from the platform, or like the live one, whose place it is to take.
    fn restore(
        &self,
        path: &Path<'_>,
        database: &Database,
        source: &Source<'_>,
        instance: &str,
    ) -> Result<step::Action, Vec<String>> {
        let (env, id) = (path.env, &database.id);
        if path.ask.replaces_database() {
            let from = Origin { snapshot: source.snapshot, at: source.at };
            return Ok(like(env, database, instance, from).into());
        }
        let region = path.ask.region(env).to_owned();
        let subnet_group = isolated(env, &self.known.world)?;
        let (instance, security_groups) = (instance.to_owned(), env.restore_test_security_groups.clone());
        Ok(match source.snapshot {
            Some(snapshot) => {
                let snapshot = snapshot.to_owned();
                step::RestoreTest { region, snapshot, instance, subnet_group, security_groups }.into()
            }
            None => {
                let (database, backup, at) = (id.clone(), source.backup.clone(), source.at);
                step::RestoreMoment { region, database, backup, at, instance, subnet_group, security_groups }.into()
            }
        })
    }

    /// A file system: out of the recovery point before the moment. There is nothing between two of them. As a whole it becomes another
    /// one; into live go the folders that are in use.
    fn file_system(&mut self, path: &mut Path<'_>, files: &'a FileSystem) {
        let what = format!("File system {}", files.id);
        let (env, id) = (self.asked.environment, &self.asked.id.0);
        if path.ask.comes_from_dr() {
            let how = format!(
                "*nothing*: it is compared with the live one, which is in {}; its copies stay in {}, where `/bbws dr failover {}` makes file systems of them",
                env.primary_region, env.dr_region, env.name
            );
            return gets(&mut path.draft, &what, &how);
        }
        let found = self.newest(PointKind::Efs, &files.id);
        let Some((point, Place::Vault { vault })) = found.map(|point| (point, &point.place)) else {
            return self.left_out(path, &what);
        };
        for why in files::refusals(env, point, None, &self.known.world) {
            path.draft.problem(why);
        }
        if path.ask.tenant().is_none() && !path.ask.goes_live() {
            gets(&mut path.draft, &what, &self.before(point));
            path.gate = files::whole(path, id, (point, vault), &self.known.world).into_iter().collect();
            return;
        }
        let folders = match path.ask.tenant() {
            Some(tenant) => Ok(folder(env, files, tenant).into_iter().collect()),
            None => files::in_use(env, &files.id, &self.known.world),
        };
        let folders = match folders {
            Ok(folders) => folders,
            Err(why) => return gets(&mut path.draft, &what, &format!("*nothing*: {why}")),
        };
        let rest = "; what lies outside of that stays as it is";
        gets(&mut path.draft, &what, &format!("{} {}{rest}", folders.join(", "), self.before(point)));
        for folder in folders {
            let compared = files::beside(path, (point, vault), &folder);
            path.gate = vec![compared];
            self.ready.push(Ready::Folder { files: &files.id, folder, compared });
        }
    }

    /// What of secrets or parameters would come back, out of the export before the moment.
    fn export(&mut self, path: &mut Path<'_>, holds: Holding) {
        let env = path.env;
        let (kind, prefix, noun) = match holds {
            Holding::Secrets => (PointKind::Secrets, &env.secrets_prefix, "Secrets"),
            Holding::Config => (PointKind::Config, &env.parameters_prefix, "Parameters"),
        };
        let Some(prefix) = prefix else { return };
        let what = format!("{noun} under {prefix}");
        if self.known.world.silent.is_some() {
            return gets(&mut path.draft, &what, &unanswered(env));
        }
        let Some(point) = self.newest(kind, prefix) else { return self.left_out(path, &what) };
        gets(&mut path.draft, &what, &format!("compared {}", self.before(point)));
        match secrets::compare(path, self.asked, point, holds) {
            Ok((export, compared)) => {
                path.gate = vec![compared];
                self.ready.push(Ready::Export { point, export, compared });
            }
            Err(why) => path.draft.problem(why),
        }
    }

    /// What of the objects of its buckets would come back.
    fn buckets(&mut self, path: &mut Path<'_>) -> Result<(), Vec<String>> {
        let env = self.asked.environment;
        if path.ask.as_of().is_none() || env.secrets_bucket.is_none() {
            if !env.buckets.is_empty() {
                path.draft.note("Objects are not listed: the latest of a bucket is what is in it, and a list needs a `secrets_bucket` in bbws.toml to be kept in.");
            }
            return Ok(());
        }
        for bucket in &env.buckets {
            let what = format!("Bucket {}", bucket.name);
            if self.known.world.silent.is_some() {
                gets(&mut path.draft, &what, &unanswered(env));
                continue;
            }
            if path.ask.comes_from_dr() && bucket.dr.is_none() {
                gets(&mut path.draft, &what, "*nothing*: it has no replica in the DR region");
                continue;
            }
            let (versions, listed) = objects::list(path, self.asked, self.known, bucket)?;
            gets(&mut path.draft, &what, &format!("listed exactly as of {}", self.at));
            path.gate = vec![listed];
            self.ready.push(Ready::Bucket { versions, listed });
        }
        Ok(())
    }
}

/// What is said of what is compared with something live in a region that does not answer.
fn unanswered(env: &Environment) -> String {
    format!(
        "*nothing*: it is compared with the live ones, in {}, which does not answer. What {} has of it is there already, for `/bbws dr failover {}`",
        env.primary_region, env.dr_region, env.name
    )
}

/// What a database is restored from.
struct Source<'a> {
    snapshot: Option<&'a str>,
    at: Option<Moment>,
    /// ARN of its automated backup, where that was replicated from another region.
    backup: Option<String>,
    data_of: Moment,
    /// To which moment that brings it.
    how: String,
    title: String,
}

/// The folder of a tenant on a file system.
fn folder(env: &Environment, files: &FileSystem, tenant: &str) -> Option<String> {
    let here = env.tenants.get(tenant).filter(|of| of.file_system.as_ref() == Some(&files.id));
    here.and_then(|of| of.path.clone())
}
