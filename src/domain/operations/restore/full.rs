//! Everything of an environment as of one moment, beside what is there: its databases and file systems one after the other, then
//! what of its secrets, parameters and objects would come back. Not everything can be brought to the same moment, so the plan says
//! of each thing to which one it is.

use super::{
    super::{Asked, Known, draft::Draft},
    Ask, Kind,
    ask::Target,
    database::{Subject, isolated, loses, put_checks, validate},
    files,
    names::AS_OF,
    objects, past,
    path::Path,
    secrets,
};
use crate::domain::{
    environment::{Database, FileSystem},
    moment::{Moment, spoken},
    plan::Plan,
    point::{Place, Point, PointKind},
    restored,
    step::{self, Holding},
    world::Survey,
};

pub(super) const FULL: Kind = Kind { word: "full", needs: &[AS_OF], takes: &[], survey, plan };

fn survey(asked: &Asked<'_>, ask: &Ask<'_>) -> Result<Survey, Vec<String>> {
    let env = asked.environment;
    if ask.goes_live() {
        return Err(vec![format!(
            "Everything at once does not go into live. Restore it into a clone (leave `--into live` out), look at it, and then put back what is wrong, one thing after the other: `/bbws backup restore {} pitr --target-time T --database DB --into live`.",
            env.name
        )]);
    }
    let at = objects::past(asked, ask)?;
    if env.databases.is_empty() && env.file_systems.is_empty() {
        return Err(vec![format!("`{}` declares no database and no file system that could be restored.", env.name)]);
    }
    let databases: Vec<String> = env.databases.iter().map(|database| database.id.clone()).collect();
    let listed = ask.as_of().is_some() && env.secrets_bucket.is_some();
    let buckets = env.buckets.iter().filter(|_| listed).map(|bucket| bucket.name.clone()).collect::<Vec<_>>();
    Ok(Survey {
        windows: databases.clone(),
        databases,
        file_systems: env.file_systems.iter().map(|files| files.id.clone()).collect(),
        bucket: !buckets.is_empty(),
        buckets,
        newest_at: Some(at),
        isolated: true,
        restored_in: Some(env.primary_region.clone()),
        ..Survey::default()
    })
}

fn plan(asked: &Asked<'_>, ask: &Ask<'_>, known: &Known) -> Result<Plan, Vec<String>> {
    let env = asked.environment;
    let at = objects::past(asked, ask)?;
    let mut path = Path::new(env, ask);
    path.everything_as_of(
        ask.as_of().map_or_else(|| format!("its latest state, asked for at {at}"), |at| at.to_string()),
    );
    path.draft.note("Databases and file systems come one after the other: where one of them is not as it should be, those after it are not begun.");
    for database in &env.databases {
        if let Some(done) = (Component { asked, known, at }).database(&mut path, database)? {
            path.gate = vec![done];
        }
    }
    for files in &env.file_systems {
        if let Some(done) = (Component { asked, known, at }).file_system(&mut path, files) {
            path.gate = vec![done];
        }
    }
    if path.gate.is_empty() {
        path.draft.problem(format!(
            "Nothing of `{}` can be restored as of {at}: no database and no file system has a backup from until then. `/bbws backup restore {} list` shows what there is.",
            env.name, env.name
        ));
    }
    for holds in [Holding::Secrets, Holding::Config] {
        Component { asked, known, at }.export(&mut path, holds);
    }
    if ask.as_of().is_some() && env.secrets_bucket.is_some() {
        for bucket in &env.buckets {
            let (_, listed) = objects::list(&mut path, asked, known, bucket)?;
            gets(&mut path.draft, &format!("Bucket {}", bucket.name), &format!("listed exactly as of {at}"));
            path.gate = vec![listed];
        }
    } else if !env.buckets.is_empty() {
        path.draft.note("Objects are not listed: the latest of a bucket is what is in it, and a list needs a `secrets_bucket` in bbws.toml to be kept in.");
    }
    path.draft.note("Nothing of the platform is changed, and nothing uses the copies.");
    path.finish()
}

/// Says to which moment something is brought.
fn gets(draft: &mut Draft, what: &str, how: &str) {
    draft.fact(format!("{what} gets"), how);
}

/// One thing of everything.
struct Component<'a> {
    asked: &'a Asked<'a>,
    known: &'a Known,
    at: Moment,
}

impl<'a> Component<'a> {
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
    fn database(&self, path: &mut Path<'_>, database: &Database) -> Result<Option<usize>, Vec<String>> {
        let (env, id) = (path.env, &database.id);
        let subject = Subject::new(env, path.ask, &self.known.world, database).map_err(|why| vec![why])?;
        let instance = restored::name(database.name(), &self.asked.id.0);
        let window = self.known.world.windows.iter().find(|window| window.database == *id);
        let whole = |at| past::gap(&self.known.world, database, at).is_none();
        let reached =
            window.filter(|window| self.at >= window.oldest && (path.ask.as_of().is_none() || whole(self.at)));
        let what = format!("Database {id}");
        let (title, data_of, restore): (_, _, step::Action) = if let Some(window) = reached {
            let target = path.ask.as_of().map_or(Target::Latest, Target::At);
            let world = &self.known.world;
            let at =
                past::within(target, (window, world), database, &env.primary_region, AS_OF).map_err(|why| vec![why])?;
            if let (Some(_), Some(Err(why))) = (at, &world.gaps) {
                path.draft.note(past::unlooked(why));
            }
            let how = match at {
                Some(at) => format!("exactly as of {at}"),
                None => "its latest restorable moment when its restore begins, usually some minutes before".to_owned(),
            };
            gets(&mut path.draft, &what, &format!("{how}, out of its automated backups"));
            let restore = step::RestoreMoment {
                region: env.primary_region.clone(),
                database: id.clone(),
                backup: None,
                at,
                instance: instance.clone(),
                subnet_group: isolated(env, &self.known.world)?,
                security_groups: env.restore_test_security_groups.clone(),
            };
            let title = match at {
                Some(at) => format!("Restore {id} as of {at} as {instance}"),
                None => format!("Restore {id} as late as can be as {instance}"),
            };
            (title, self.at, restore.into())
        } else if let Some((snapshot, name)) =
            self.newest(PointKind::Rds, id).and_then(|point| Some((point, point.snapshot()?)))
        {
            gets(&mut path.draft, &what, &self.before(snapshot));
            let restore = step::RestoreTest {
                region: env.primary_region.clone(),
                snapshot: name.to_owned(),
                instance: instance.clone(),
                subnet_group: isolated(env, &self.known.world)?,
                security_groups: env.restore_test_security_groups.clone(),
            };
            (format!("Restore {name} as {instance}"), snapshot.created, restore.into())
        } else {
            self.left_out(path, &what);
            return Ok(None);
        };
        let announced = path.announced(&instance);
        let made = path.draft.step(title, vec![announced], restore);
        let validated = validate(path, &subject, &instance, made, data_of);
        let validated = put_checks(path, &subject, &instance, validated, None);
        loses(path, &subject, data_of, self.asked.at);
        Ok(Some(path.kept(&instance, validated.step)))
    }

    /// A file system: out of the recovery point before the moment. There is nothing between two of them.
    fn file_system(&self, path: &mut Path<'_>, files: &FileSystem) -> Option<usize> {
        let what = format!("File system {}", files.id);
        let found = self.newest(PointKind::Efs, &files.id);
        let Some((point, Place::Vault { vault })) = found.map(|point| (point, &point.place)) else {
            self.left_out(path, &what);
            return None;
        };
        for why in files::refusals(path.env, point, None, &self.known.world) {
            path.draft.problem(why);
        }
        gets(&mut path.draft, &what, &self.before(point));
        files::whole(path, &self.asked.id.0, (point, vault), &self.known.world)
    }

    /// What of secrets or parameters would come back, out of the export before the moment.
    fn export(&self, path: &mut Path<'_>, holds: Holding) {
        let env = path.env;
        let (kind, prefix, noun) = match holds {
            Holding::Secrets => (PointKind::Secrets, &env.secrets_prefix, "Secrets"),
            Holding::Config => (PointKind::Config, &env.parameters_prefix, "Parameters"),
        };
        let Some(prefix) = prefix else { return };
        let what = format!("{noun} under {prefix}");
        let Some(point) = self.newest(kind, prefix) else { return self.left_out(path, &what) };
        gets(&mut path.draft, &what, &format!("compared {}", self.before(point)));
        match secrets::compare(path, self.asked, point, holds) {
            Ok((_, compared)) => path.gate = vec![compared],
            Err(why) => path.draft.problem(why),
        }
    }
}
