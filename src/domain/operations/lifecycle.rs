//! `backup.lifecycle`: the lifecycle rules of buckets as the config has them: when objects move into colder storage, and when they and
//! their noncurrent versions end. Versions are switched on before anything else, since without them an end cannot be taken back.

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
    about: "Bring the lifecycle rules of buckets to what the config says",
    happens: "Shows the rules that are there and those that will be, and switches versions on where they are off. Rules that bbws \
                  did not make stay word for word. S3 deletes what its rules say is old, so that a second person has to agree.",
    args: &[
        ENVIRONMENT,
        Arg {
            name: BUCKET,
            kind: &BUCKET_NAME,
            form: Form::Option,
            required: false,
            usual: None,
            about: "only this one; all that the config's `lifecycle` names when left out",
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
    /// The buckets it is about, in the order of the config.
    fn buckets(asked: &Asked<'_>) -> Result<Vec<String>, Vec<String>> {
        let env = asked.environment;
        if asked.command.name() != KIND {
            return Err(unplanned(asked.command));
        }
        let mut names: Vec<String> = Vec::new();
        for rule in &env.lifecycle {
            if !names.contains(&rule.bucket) {
                names.push(rule.bucket.clone());
            }
        }
        if names.is_empty() {
            return Err(vec![format!(
                "The config says nothing of lifecycle rules of `{0}`. Add `[[environments.{0}.lifecycle]]` to bbws.toml.",
                env.name
            )]);
        }
        let Some(only) = asked.command.values().get(BUCKET) else { return Ok(names) };
        match names.iter().any(|name| name == only) {
            true => Ok(vec![only.to_owned()]),
            false => Err(vec![format!(
                "The config says nothing of lifecycle rules of bucket `{only}`, only of {}.",
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            )]),
        }
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
        format!("The lifecycle rules of `{}`", escape(environment))
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        Ok(Survey { buckets: Self::buckets(asked)?, ..Survey::default() })
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
        Some("What S3 deletes by these rules cannot be brought back once its noncurrent versions are gone, too.")
    }

    fn title(&self, plan: &Plan) -> String {
        format!("Lifecycle rules of {} ({})", plan.environment, plan.scope)
    }

    fn done(&self, _: &Ended<'_>) -> String {
        "The lifecycle rules are as the config says: they were read back and compared.".to_owned()
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "The lifecycle rules are *not* as the config says."
    }
}

/// The plan: versions on, and the rules as wanted, bucket by bucket.
fn plan(env: &Environment, buckets: &[String], world: &World) -> Result<Plan, Vec<String>> {
    let mut draft = Draft::default();
    for name in buckets {
        match world.buckets.iter().find(|found| found.name == *name) {
            Some(found) => one(env, found, &mut draft),
            None => draft.problem(format!(
                "Bucket `{name}` was not found in {} of account {}. Check `lifecycle` in bbws.toml.",
                env.primary_region, env.account
            )),
        }
    }
    let nothing = draft.is_empty();
    let scope = match buckets {
        [only] => only.clone(),
        several => count(several.len(), "bucket"),
    };
    let plan = draft.finish(Head { kind: KIND, environment: env, scope, tenant: None, retention_days: None })?;
    if nothing {
        return Err(vec![
            "Nothing would change: versions are kept, and the lifecycle rules are as the config says.".to_owned(),
        ]);
    }
    Ok(plan)
}

fn one(env: &Environment, found: &BucketFound, draft: &mut Draft) {
    let (name, region) = (&found.name, env.primary_region.clone());
    let versions = if found.versioned { "versions are kept" } else { "versions are NOT kept" };
    let rules = match found.rules.as_slice() {
        [] => "no lifecycle rules".to_owned(),
        rules => rules.iter().map(|rule| rule.words.as_str()).collect::<Vec<_>>().join("; "),
    };
    draft.fact(format!("Bucket {name}"), format!("{versions}; {rules}"));
    let mut before = Vec::new();
    if !found.versioned {
        draft.note(format!("Versions in bucket {name}: not kept → kept. It cannot be undone, only suspended."));
        let versioning = step::EnableVersioning { region: region.clone(), bucket: name.clone() };
        before.push(draft.step(format!("Keep versions in bucket {name}"), vec![], versioning));
    }
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
            before,
            step::PutLifecycle { region, bucket: name.clone(), rules: wanted },
        );
    }
}

/// A rule of the config as it is put.
fn spec(rule: &LifecycleRule) -> RuleSpec {
    let moves = [("STANDARD_IA", rule.ia), ("GLACIER", rule.glacier), ("DEEP_ARCHIVE", rule.deep_archive)];
    RuleSpec {
        id: rule.id.clone().unwrap_or_else(|| RuleSpec::named(&rule.prefix)),
        prefix: rule.prefix.clone(),
        transitions: moves.into_iter().filter_map(|(class, days)| Some((class.to_owned(), days?))).collect(),
        expires: rule.expire,
        noncurrent_expires: rule.noncurrent,
    }
}
