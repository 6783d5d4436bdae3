//! What the AWS Backup plan and the databases' automated backups should say, and how that differs from what they say.

use super::super::draft::Draft;
use super::{ScheduleAct, Wanted};
use crate::domain::{
    environment::{AwsBackup, Environment},
    moment::spoken,
    point::PointKind,
    retention::Tier,
    schedule::{Schedule as Calendar, daily_window},
    step::{self, Extra, PlanRule, PlanSpec},
    text::{self, count},
    world::World,
};

/// RDS keeps automated backups for no longer, in days.
const RDS_DAYS: u32 = 35;
/// AWS Backup keeps continuous backups for no longer, in days.
const CONTINUOUS_DAYS: u32 = AwsBackup::CONTINUOUS_DAYS;
/// AWS Backup keeps what is in cold storage for no less, in days.
const COLD_DAYS: i64 = AwsBackup::COLD_DAYS as i64;
/// What a note of something that ends begins with.
pub(super) const LOSS: &str = "What ends:";
/// The rule that runs as the environment's schedule says.
const MAIN: &str = "scheduled";
/// The rule that makes continuous backups.
const CONTINUOUS: &str = "continuous";

/// The steps that bring the AWS Backup plan to what is wanted.
pub(super) fn backup_plan(env: &Environment, wanted: &Wanted<'_>, world: &World, draft: &mut Draft) {
    let name = env.plan_name();
    let was = world.plan.as_ref().map(|found| &found.spec);
    match (wanted.act, &world.plan) {
        (ScheduleAct::Create, Some(found)) => {
            return draft.problem(format!(
                "The AWS Backup plan `{name}` exists already ({}). `/bbws backup schedule {} update …` changes it.",
                found.id, env.name
            ));
        }
        (ScheduleAct::Update, None) => {
            return draft.problem(format!(
                "There is no AWS Backup plan `{name}` in {}. `/bbws backup schedule {} create …` makes it.",
                env.primary_region, env.name
            ));
        }
        _ => {}
    }
    let spec = match desired(env, wanted, was) {
        Ok(spec) => spec,
        Err(why) => return draft.problem(why),
    };
    let as_it_was = |rule: &PlanRule| was.is_some_and(|was| was.rules.contains(rule));
    for rule in spec.rules.iter().filter(|rule| !as_it_was(rule)) {
        if (1..env.retention_days.min).contains(&rule.delete_after_days) {
            return draft.problem(format!(
                "Rule {} keeps {} days, under the floor of `{}`, {} days. Say `--retention` too.",
                rule.name, rule.delete_after_days, env.name, env.retention_days.min
            ));
        }
        if let Err(why) = possible(rule) {
            return draft.problem(why);
        }
        let refusals = world.refusals(rule.delete_after_days);
        if spec.vault == env.vault && !refusals.is_empty() {
            return draft.problem(refusals.join(" "));
        }
    }
    if spec.resources.is_empty() {
        return draft.problem(format!("`{}` declares no databases or file systems to protect.", env.name));
    }
    match was {
        None => draft.fact(format!("AWS Backup plan {name}"), "none"),
        Some(was) => draft.fact(format!("AWS Backup plan {name}"), describe(was)),
    }
    if was == Some(&spec) {
        return;
    }
    for line in besides_that(env, was, &spec) {
        draft.note(line);
    }
    if was.is_none()
        && let (_, Some(taken)) = rhythm(env, wanted)
    {
        draft.note(taken);
    }
    for line in difference(was, &spec, &env.account) {
        draft.note(line);
    }
    for line in was.map(|was| losses(was, &spec)).unwrap_or_default() {
        draft.note(line);
    }
    if was.is_some() && !protects_all(&spec) {
        let unnamed = undeclared(env, &spec);
        if !unnamed.is_empty() {
            draft.note(format!("The plan does not name {}: that stays so.", unnamed.join(", ")));
        }
    }
    let title =
        if was.is_some() { format!("Change AWS Backup plan {name}") } else { format!("Create AWS Backup plan {name}") };
    draft.step(title, vec![], step::PutPlan { region: env.primary_region.clone(), name, spec });
}

/// What the plan should say.
///
/// # Errors
/// A sentence, where nothing says which of several rules is meant.
fn desired(env: &Environment, wanted: &Wanted<'_>, was: Option<&PlanSpec>) -> Result<PlanSpec, String> {
    match was {
        Some(was) => updated(env, wanted, was),
        None => Ok(created(env, wanted)),
    }
}

/// When backups are made by a plan that is new: as was said, or as the config says, or else as often as the RPO asks, with
/// the sentence that says so.
fn rhythm(env: &Environment, wanted: &Wanted<'_>) -> (String, Option<String>) {
    if let Some(said) = wanted.cron.map(str::to_owned).or_else(|| env.schedule.clone()) {
        return (said, None);
    }
    let rhythm = Calendar::within(env.rpo.0);
    let (often, rpo) = (rhythm.spoken(), spoken(env.rpo.0));
    let note = match rhythm.longest_gap() > env.rpo.0 {
        false => format!(
            "Backups are made {often}: neither `--cron` nor the config says when, so that the RPO of {rpo} does."
        ),
        true => format!(
            "Backups are made {often}, which is as often as AWS Backup goes and not as often as the RPO of {rpo} asks: neither `--cron` nor the config says when."
        ),
    };
    (rhythm.text().to_owned(), Some(note))
}

/// The plan as it is, with nothing changed but what was named. Who made it, and with which rules, makes no difference.
fn updated(env: &Environment, wanted: &Wanted<'_>, was: &PlanSpec) -> Result<PlanSpec, String> {
    let mut spec = was.clone();
    let names: Vec<String> = was.rules.iter().map(|rule| format!("`{}`", rule.name)).collect();
    let rule = match spec.rules.iter_mut().find(|rule| rule.name == MAIN) {
        Some(rule) => rule,
        None => match spec.rules.as_mut_slice() {
            [only] => only,
            _ => {
                return Err(format!(
                    "The AWS Backup plan `{}` has the rules {}, and none is called `{MAIN}`: nothing says which is meant. Change it in AWS Backup.",
                    env.plan_name(),
                    names.join(", ")
                ));
            }
        },
    };
    if let Some(cron) = wanted.cron {
        cron.clone_into(&mut rule.schedule);
    }
    if let Some(days) = wanted.retention {
        rule.delete_after_days = days;
    }
    // Where nothing is named it is what the config says besides times and lengths.
    if wanted.cron.is_none() && wanted.retention.is_none() {
        if !protects_all(&spec) {
            spec.resources.extend(declared(env));
            spec.resources.sort();
            spec.resources.dedup();
        }
        if let Some(further) = &env.backup_plan {
            further_of(env, further, &mut spec);
        }
    }
    Ok(spec)
}

/// What the config wants of AWS Backup besides: cold storage, continuous backups, buckets. What it does not name stays as it is.
fn further_of(env: &Environment, further: &AwsBackup, spec: &mut PlanSpec) {
    let ours = |rule: &PlanRule| rule.name == MAIN || Tier::LONG.iter().any(|tier| tier.to_string() == rule.name);
    let main =
        spec.rules.iter().find(|rule| rule.name == MAIN).or(spec.rules.first()).map(|rule| rule.schedule.clone());
    if let Some(after) = further.cold_after.map(i64::from) {
        for rule in spec.rules.iter_mut().filter(|rule| ours(rule) && !rule.extras.contains(&Extra::Continuous)) {
            let days = i64::from(rule.delete_after_days);
            if days == 0 || days >= after + COLD_DAYS {
                rule.extras.retain(|extra| !matches!(extra, Extra::Cold(_)));
                // In the order in which a rule is read.
                let place =
                    rule.extras.iter().take_while(|extra| matches!(extra, Extra::Other(_) | Extra::Zone(_))).count();
                rule.extras.insert(place, Extra::Cold(after));
            }
        }
    }
    if let (Some(days), Some(schedule)) = (further.continuous, main) {
        let continues = |rule: &&mut PlanRule| rule.name == CONTINUOUS || rule.extras.contains(&Extra::Continuous);
        match spec.rules.iter_mut().find(continues) {
            Some(rule) => rule.delete_after_days = days,
            None => spec.rules.push(PlanRule {
                name: CONTINUOUS.to_owned(),
                schedule,
                delete_after_days: days,
                // A copy of a continuous backup is none: what is at home is restored to any second, and copies are made by the others.
                copy_to: None,
                extras: vec![Extra::Continuous],
            }),
        }
    }
    if further.buckets {
        spec.resources.extend(env.buckets.iter().map(|bucket| Environment::bucket_arn(&bucket.name)));
        spec.resources.sort();
        spec.resources.dedup();
    }
}

/// What people have to know of what AWS Backup is to do besides.
fn besides_that(env: &Environment, was: Option<&PlanSpec>, is: &PlanSpec) -> Vec<String> {
    let new = |rule: &&PlanRule, extra: fn(&Extra) -> bool| {
        let before = was.and_then(|was| was.rules.iter().find(|before| before.name == rule.name));
        rule.extras.iter().any(extra) && !before.is_some_and(|before| before.extras.iter().any(extra))
    };
    let mut lines = Vec::new();
    let cold = |extra: &Extra| matches!(extra, Extra::Cold(_));
    let colder: Vec<&str> = is.rules.iter().filter(|rule| new(rule, cold)).map(|rule| rule.name.as_str()).collect();
    if !colder.is_empty() {
        lines.push(format!(
            "Cold storage is for recovery points of file systems, by {}: AWS bills at least {COLD_DAYS} days of each there, and a restore out of it \
             takes hours longer. Those of databases and buckets stay warm.",
            colder.join(", ")
        ));
    }
    let wished = env.backup_plan.as_ref().and_then(|further| further.cold_after);
    if let Some(after) = wished.filter(|_| !is.rules.iter().any(|rule| rule.extras.iter().any(cold))) {
        lines.push(format!(
            "No rule keeps its recovery points for {} days or more, so that none moves into cold storage after {after} days.",
            i64::from(after) + COLD_DAYS
        ));
    }
    if is.rules.iter().any(|rule| new(&rule, |extra| *extra == Extra::Continuous)) {
        let databases: Vec<&str> = env.databases.iter().map(|database| database.id.as_str()).collect();
        lines.push(format!(
            "Continuous backups are of databases and buckets; of file systems the rule makes ordinary ones. From then on AWS Backup keeps the \
             automated backups of {}, and only this rule changes for how long.",
            if databases.is_empty() { "databases".to_owned() } else { databases.join(", ") }
        ));
    }
    let bucket = |arn: &&String| arn.starts_with("arn:aws:s3:");
    if is.resources.iter().filter(bucket).any(|arn| !was.is_some_and(|was| was.resources.contains(arn))) {
        lines.push(
            "AWS Backup takes buckets only where their versions are kept, its role has AWSBackupServiceRolePolicyForS3Backup, and S3 is opted in \
             under its settings."
                .to_owned(),
        );
    }
    lines
}

/// What AWS Backup would refuse of a rule.
fn possible(rule: &PlanRule) -> Result<(), String> {
    let (name, days) = (&rule.name, rule.delete_after_days);
    for extra in &rule.extras {
        match extra {
            Extra::Continuous if days == 0 || days > CONTINUOUS_DAYS => {
                return Err(format!(
                    "Rule {name} makes continuous backups, which AWS Backup keeps for {CONTINUOUS_DAYS} days at most. Say `--retention {CONTINUOUS_DAYS}` or less."
                ));
            }
            Extra::Cold(after) if days > 0 && i64::from(days) < after + COLD_DAYS => {
                return Err(format!(
                    "Rule {name} moves its recovery points into cold storage after {after} days, where AWS Backup keeps them for {COLD_DAYS} days at least. Say `--retention {}` or more.",
                    after + COLD_DAYS
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What the plan does no longer, a sentence each.
fn losses(was: &PlanSpec, is: &PlanSpec) -> Vec<String> {
    let mut lines = Vec::new();
    for before in &was.rules {
        let Some(after) = is.rules.iter().find(|rule| rule.name == before.name) else { continue };
        let (long, short) = (before.delete_after_days, after.delete_after_days);
        if short > 0 && (long == 0 || short < long) {
            let long = if long == 0 { "for ever".to_owned() } else { format!("for {long} days") };
            lines.push(format!(
                "{LOSS} what rule {} makes is kept for {short} days from now on, and no longer {long}.",
                before.name
            ));
        }
        let often = |rule: &PlanRule| Calendar::parse(&rule.schedule).ok().map(|s| s.longest_gap());
        if let (Some(before_gap), Some(after_gap)) = (often(before), often(after))
            && after_gap > before_gap
        {
            lines.push(format!(
                "{LOSS} rule {} is due every {} at the latest, and no longer every {}.",
                before.name,
                spoken(after_gap),
                spoken(before_gap)
            ));
        }
    }
    lines
}

/// Whether the plan selects by conditions, so that nobody can tell from its list what it protects.
fn protects_all(spec: &PlanSpec) -> bool {
    spec.resources.iter().any(|resource| !resource.starts_with("arn:") || resource.contains('*'))
}

/// Declared resources that the plan does not name.
fn undeclared(env: &Environment, spec: &PlanSpec) -> Vec<String> {
    let buckets = env.backup_plan.as_ref().is_some_and(|further| further.buckets);
    let buckets = env.buckets.iter().filter(|_| buckets).map(|bucket| Environment::bucket_arn(&bucket.name));
    declared(env).into_iter().chain(buckets).filter(|arn| !spec.resources.contains(arn)).collect()
}

/// ARNs of everything of the environment that AWS Backup backs up.
fn declared(env: &Environment) -> Vec<String> {
    let mut resources: Vec<String> = env.file_systems.iter().map(|f| env.file_system_arn(&f.id)).collect();
    resources.extend(env.databases.iter().map(|d| env.database_arn(&d.id)));
    resources.sort();
    resources
}

/// The plan of an environment that has none.
fn created(env: &Environment, wanted: &Wanted<'_>) -> PlanSpec {
    let (schedule, _) = rhythm(env, wanted);
    let days = wanted.retention.or_else(|| env.retention_tiers.map(|t| t.daily)).unwrap_or(env.retention_days.default);
    let rule = |name: &str, schedule: String, days| PlanRule {
        name: name.to_owned(),
        schedule,
        delete_after_days: days,
        copy_to: env.dr_vault_arn(),
        extras: Vec::new(),
    };
    let mut rules = vec![rule(MAIN, schedule, days)];
    if let Some(tiers) = &env.retention_tiers {
        for (tier, when) in [
            (Tier::Weekly, "cron(30 3 ? * MON *)"),
            (Tier::Monthly, "cron(30 3 1 * ? *)"),
            (Tier::Yearly, "cron(30 3 1 JAN ? *)"),
        ] {
            rules.push(rule(&tier.to_string(), when.to_owned(), tier.days(tiers)));
        }
    }
    let mut spec =
        PlanSpec { vault: env.vault.clone(), rules, resources: declared(env), role: env.backup_role.clone() };
    if let Some(further) = &env.backup_plan {
        further_of(env, further, &mut spec);
    }
    spec
}

/// The steps that bring the automated backups to what is wanted.
pub(super) fn automated(env: &Environment, wanted: &Wanted<'_>, world: &World, draft: &mut Draft) {
    // A schedule without `--type rds` is of the AWS Backup plan alone.
    let window = wanted.cron.filter(|_| wanted.kind == Some(PointKind::Rds)).and_then(daily_window);
    let days = wanted.retention.or((wanted.act == ScheduleAct::Create).then_some(env.retention_days.default));
    if days.is_none() && window.is_none() {
        return;
    }
    if days.is_some_and(|days| days > RDS_DAYS) {
        draft.note(format!("RDS keeps automated backups for {RDS_DAYS} days at most."));
    }
    for database in &env.databases {
        let Some(found) = world.databases.iter().find(|d| d.id == database.id) else {
            draft.problem(format!(
                "Database `{}` was not found in {} of account {}. Check its name in bbws.toml.",
                database.id, env.primary_region, env.account
            ));
            continue;
        };
        if let Err(why) = found.stands_alone() {
            draft.problem(why);
            continue;
        }
        draft.fact(
            format!("Automated backups of {}", database.id),
            format!("{} days, window {}", found.automated_days, found.window),
        );
        let days = days.unwrap_or(found.automated_days).min(RDS_DAYS);
        if days == 0 {
            draft.problem(format!(
                "Automated backups of {} are switched off, so that a window changes nothing. Say `--retention` too.",
                database.id
            ));
            continue;
        }
        let window = window.clone().filter(|window| *window != found.window);
        if found.automated_days == days && window.is_none() {
            continue;
        }
        let mut title = format!("Keep automated backups of {} for {days} days", database.id);
        if found.automated_days != days {
            draft.note(format!("Automated backups of {}: {} days → {days} days.", database.id, found.automated_days));
        }
        if found.automated_days == 0 {
            draft.note(format!("{} is restarted: RDS does so when automated backups are switched on.", database.id));
        }
        if days < found.automated_days {
            draft.note(format!(
                "{LOSS} {} can then no longer be restored to moments more than {days} days ago.",
                database.id
            ));
        }
        if let Some(window) = &window {
            draft.note(format!("Window of {}: {} → {window} UTC.", database.id, found.window));
            title.push_str(&format!(", made {window} UTC"));
        }
        let (region, database) = (env.primary_region.clone(), database.id.clone());
        draft.step(title, vec![], step::AutomatedBackups { region, database, days, window });
    }
}

/// A plan in a line.
pub fn describe(spec: &PlanSpec) -> String {
    let rules: Vec<String> = spec.rules.iter().map(describe_rule).collect();
    format!("{}; {} into vault {}", rules.join("; "), count(spec.resources.len(), "resource"), spec.vault)
}

fn describe_rule(rule: &PlanRule) -> String {
    let copy = if rule.copy_to.is_some() { ", copied to DR" } else { "" };
    format!("{} {}, {}{copy}{}", rule.name, rule.schedule, kept(rule), besides(rule))
}

fn kept(rule: &PlanRule) -> String {
    match rule.delete_after_days {
        0 => "kept for ever".to_owned(),
        days => format!("kept {}", text::kept(days)),
    }
}

/// What an ARN names, where people know it by a name: `vault bbws-prod-dr in eu-west-1`. Of another account than `account`, and
/// of all else, conditions among it, the whole of it.
fn plain(arn: &str, account: &str) -> String {
    let named = match arn.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", _, "s3", _, _, bucket] if !bucket.contains(['*', '/']) => Some(format!("bucket {bucket}")),
        ["arn", _, service, region, of, rest] if of == account && !rest.contains('*') => match service {
            "backup" => rest.strip_prefix("backup-vault:").map(|name| format!("vault {name} in {region}")),
            "rds" => rest.strip_prefix("db:").map(|name| format!("database {name}")),
            "elasticfilesystem" => rest.strip_prefix("file-system/").map(|id| format!("file system {id}")),
            "iam" => rest.strip_prefix("role/").map(|name| format!("role {name}")),
            _ => None,
        },
        _ => None,
    };
    named.unwrap_or_else(|| arn.to_owned())
}

/// What somebody else made the rule say.
fn besides(rule: &PlanRule) -> String {
    rule.extras.iter().map(|extra| format!(", {extra}")).collect()
}

/// Before and after, one line per thing that changes.
fn difference(was: Option<&PlanSpec>, is: &PlanSpec, account: &str) -> Vec<String> {
    let none = || "none".to_owned();
    let mut lines = Vec::new();
    let mut line = |what: String, before: String, after: String| {
        if before != after {
            lines.push(format!("{what}: {before} → {after}"));
        }
    };
    let rule = |spec: Option<&PlanSpec>, name: &str| {
        spec.and_then(|s| s.rules.iter().find(|r| r.name == name)).map_or_else(none, |r| {
            let copy = r
                .copy_to
                .as_ref()
                .map_or_else(|| "no copy".to_owned(), |to| format!("copied to {}", plain(to, account)));
            format!("{}, {}, {copy}{}", r.schedule, kept(r), besides(r))
        })
    };
    let mut names: Vec<&str> = is.rules.iter().map(|r| r.name.as_str()).collect();
    names.extend(
        was.iter().flat_map(|w| &w.rules).map(|r| r.name.as_str()).filter(|n| !is.rules.iter().any(|r| r.name == *n)),
    );
    for name in names {
        line(format!("Rule {name}"), rule(was, name), rule(Some(is), name));
    }
    let parts = |spec: Option<&PlanSpec>| match spec {
        None => [none(), none(), none()],
        Some(spec) => {
            let resources: Vec<String> = spec.resources.iter().map(|arn| plain(arn, account)).collect();
            [spec.vault.clone(), plain(&spec.role, account), resources.join(", ")]
        }
    };
    for ((what, before), after) in ["Vault", "Role", "Resources"].into_iter().zip(parts(was)).zip(parts(Some(is))) {
        line(what.to_owned(), before, after);
    }
    lines
}
