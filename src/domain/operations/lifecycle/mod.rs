//! `backup.lifecycle`: what the config says of buckets as a whole. When objects move into colder storage, and when they and
//! their noncurrent versions end; and how they are replicated. Versions are switched on before anything else, since without them an
//! end cannot be taken back, and S3 replicates nothing.

mod replication;

use super::{
    Asked, Ended, Known, Operation, begun,
    draft::{Draft, Head},
    restore::BUCKET_NAME,
    two_people, unplanned,
};
use crate::domain::{
    command::{Arg, Command, Does, ENVIRONMENT, Entry, Form, Group, REASON, as_they_are, nothing_more},
    environment::{Environment, LifecycleRule},
    operation::Run,
    plan::Plan,
    policy::Need,
    step::{self, RuleSpec},
    text::{count, escape},
    world::{BucketFound, Survey, World},
};

/// The kind on plans.
const KIND: &str = "backup.lifecycle";
const BUCKET: &str = "bucket";

static ENTRY: Entry = Entry {
    name: KIND,
    path: &["backup", "lifecycle"],
    group: Group::Backups,
    place: 45,
    about: "Bring lifecycle and replication rules of buckets to what the config says",
    happens: "Shows the rules that are there and those that will be, and switches versions on where they are off. Rules that bbws \
                  did not make stay as they are. S3 deletes what its rules say is old, so that a second person has to agree.",
    args: &[
        ENVIRONMENT,
        Arg {
            name: BUCKET,
            kind: &BUCKET_NAME,
            form: Form::Option,
            required: false,
            usual: None,
            about: "only this one; all that the config's `lifecycle` and `s3_replication` are about when left out",
        },
        REASON,
    ],
    examples: &["backup lifecycle ENV", "backup lifecycle ENV --bucket bbws-prod-media"],
    who: "anyone in a role; a second person has to agree",
    does: |_| Does::Operation,
    settle: as_they_are,
    mend: nothing_more,
};

/// The operation.
pub struct Lifecycle;

impl Lifecycle {
    /// The buckets it is about.
    fn buckets(asked: &Asked<'_>) -> Result<Buckets, Vec<String>> {
        let env = asked.environment;
        if asked.command.name() != KIND {
            return Err(unplanned(asked.command));
        }
        let mut ruled: Vec<String> = Vec::new();
        for rule in &env.lifecycle {
            if !ruled.contains(&rule.bucket) {
                ruled.push(rule.bucket.clone());
            }
        }
        let replicated = env.replicated_buckets().filter(|_| env.s3_replication.is_some());
        let replicated = replicated.map(|(bucket, replica)| (bucket.to_owned(), replica.to_owned())).collect();
        let mut buckets = Buckets { ruled, replicated };
        let names = buckets.names();
        if names.is_empty() {
            return Err(vec![format!(
                "The config says nothing of lifecycle rules or replication of buckets of `{0}`. Add `[[environments.{0}.lifecycle]]` or \
                 `[environments.{0}.s3_replication]` to bbws.toml.",
                env.name
            )]);
        }
        if let Some(only) = asked.command.values().get(BUCKET) {
            if !names.iter().any(|name| name == only) {
                return Err(vec![format!(
                    "The config says nothing of lifecycle rules or replication of bucket `{only}`, only of {}.",
                    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                )]);
            }
            buckets.ruled.retain(|name| name == only);
            buckets.replicated.retain(|(name, _)| name == only);
        }
        Ok(buckets)
    }
}

/// The buckets that one run is about, in the order of the config.
struct Buckets {
    /// Those with lifecycle rules.
    ruled: Vec<String>,
    /// Those that are to be replicated, with their replicas.
    replicated: Vec<(String, String)>,
}

impl Buckets {
    fn names(&self) -> Vec<String> {
        let mut names = self.ruled.clone();
        names.extend(self.replicated.iter().map(|(name, _)| name).filter(|name| !self.ruled.contains(name)).cloned());
        names
    }
}

impl Operation for Lifecycle {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "lc"
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, _: &Command, environment: &str) -> String {
        format!("The rules of buckets of `{}`", escape(environment))
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        let Buckets { ruled, replicated } = Self::buckets(asked)?;
        Ok(Survey { buckets: ruled, dr: !replicated.is_empty(), replications: replicated, ..Survey::default() })
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        plan(asked.environment, &Self::buckets(asked)?, &known.world)
    }

    /// S3 deletes by these rules: nobody lets it do so alone.
    fn needs(&self, _: &Plan, configured: Vec<Need>) -> Vec<Need> {
        two_people(configured)
    }

    fn plans_again(&self, run: &Run) -> bool {
        !begun(run)
    }

    fn irreversible(&self) -> Option<&'static str> {
        Some("What S3 deletes by lifecycle rules cannot be brought back once its noncurrent versions are gone, too.")
    }

    fn title(&self, plan: &Plan) -> String {
        format!("Rules of buckets of {} ({})", plan.environment, plan.scope)
    }

    fn done(&self, _: &Ended<'_>) -> String {
        "The rules of the buckets are as the config says: they were read back and compared.".to_owned()
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "The rules of the buckets are *not* as the config says."
    }
}

/// The plan: versions on, and the rules as wanted, bucket by bucket.
fn plan(env: &Environment, buckets: &Buckets, world: &World) -> Result<Plan, Vec<String>> {
    let mut draft = Draft::default();
    let mut versioned = Vec::new();
    for name in &buckets.ruled {
        match world.buckets.iter().find(|found| found.name == *name) {
            Some(found) => versioned.extend(one(env, found, &mut draft).map(|step| (name.as_str(), step))),
            None => draft.problem(format!(
                "Bucket `{name}` was not found in {} of account {}. Check `lifecycle` in bbws.toml.",
                env.primary_region, env.account
            )),
        }
    }
    if let Some(wanted) = &env.s3_replication {
        let step = |bucket: &str| versioned.iter().find(|(name, _)| *name == bucket).map(|(_, step)| *step);
        replication::plan(env, wanted, &buckets.replicated, world, &step, &mut draft);
    }
    let nothing = draft.is_empty();
    let scope = match buckets.names().as_slice() {
        [only] => only.clone(),
        several => count(several.len(), "bucket"),
    };
    let plan = draft.finish(Head { kind: KIND, environment: env, scope, tenant: None, retention_days: None })?;
    if nothing {
        return Err(vec![
            "Nothing would change: versions are kept, and the rules of the buckets are as the config says.".to_owned(),
        ]);
    }
    Ok(plan)
}

/// One bucket's versions and lifecycle rules; answers the step that switches versions on, where there is one.
fn one(env: &Environment, found: &BucketFound, draft: &mut Draft) -> Option<usize> {
    let (name, region) = (&found.name, env.primary_region.clone());
    let versions = if found.versioned { "versions are kept" } else { "versions are NOT kept" };
    let rules = match found.rules.as_slice() {
        [] => "no lifecycle rules".to_owned(),
        rules => rules.iter().map(|rule| rule.words.as_str()).collect::<Vec<_>>().join("; "),
    };
    draft.fact(format!("Bucket {name}"), format!("{versions}; {rules}"));
    let before = (!found.versioned).then(|| replication::keep_versions(&region, name, draft));
    let wanted: Vec<RuleSpec> = env.lifecycle.iter().filter(|rule| rule.bucket == *name).map(spec).collect();
    let spare = |id: &str| id.starts_with(RuleSpec::OURS) && !wanted.iter().any(|rule| rule.id == id);
    let mut differs = false;
    for rule in &wanted {
        let was = found.rules.iter().find(|there| there.id == rule.id);
        let is = rule.words();
        if was.is_some_and(|was| was.words == is && was.plain) {
            continue;
        }
        differs = true;
        draft.note(format!(
            "Rule {} of bucket {name}: {} → {is}",
            rule.id,
            was.map_or("none", |was| was.words.as_str())
        ));
    }
    for gone in found.rules.iter().filter(|rule| spare(&rule.id)) {
        differs = true;
        draft.note(format!("Rule {} of bucket {name}: {} → none, as the config has it no more", gone.id, gone.words));
    }
    let others = found.rules.iter().filter(|rule| !spare(&rule.id) && !wanted.iter().any(|w| w.id == rule.id)).count();
    if differs {
        if others > 0 {
            draft
                .note(format!("{} that bbws did not make of bucket {name} stay word for word.", count(others, "rule")));
        }
        draft.step(
            format!("Put {} on bucket {name}", count(wanted.len(), "lifecycle rule")),
            before.into_iter().collect(),
            step::PutLifecycle { region, bucket: name.clone(), rules: wanted },
        );
    }
    before
}

/// A rule of the config as it is put.
fn spec(rule: &LifecycleRule) -> RuleSpec {
    let moves = [("STANDARD_IA", rule.ia), ("GLACIER", rule.glacier), ("DEEP_ARCHIVE", rule.deep_archive)];
    RuleSpec {
        id: RuleSpec::name_of(rule),
        prefix: rule.prefix.clone(),
        retention_days: rule.retention,
        transitions: moves.into_iter().filter_map(|(class, days)| Some((class.to_owned(), days?))).collect(),
        expires: rule.expire,
        noncurrent_expires: rule.noncurrent,
    }
}
