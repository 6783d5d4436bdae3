//! What a failover and a failback are judged by: signs of the primary region, copies and replicas, and what the other side has.
//! Reads only, and finds out what it can while either region is dead.

use std::collections::BTreeMap;

use aws_sdk_route53::types::ResourceRecordSet;
use futures::future::{BoxFuture, FutureExt as _, join, join_all, join5};

use super::super::{
    AwsCloud, arc, backup, cloudwatch, efs, kms, rds, route53, secrets, session::Session, side_by_side, steps::health,
};
use super::{
    capacity, components, stand_in,
    survey::unset,
    tasks::{self, Tasks},
    watch::{self, Watch},
};
use crate::{
    domain::{
        active::Active,
        environment::{Database, Dns, DnsRecord, Environment, Side},
        lag::Component,
        proven::{Form, Forms, Part},
        readiness::{Found, Prerequisite, Promoted, Readiness, Replica, Saw, Sign, Source},
        standby::RoutingControls,
    },
    ports::cloud::{CloudError, Condition},
};

/// A region's session, or why it has none.
pub(super) type Reached = Result<std::sync::Arc<Session>, CloudError>;

/// Looks at everything.
///
/// # Errors
/// For the wrong account only: a region that does not answer is an answer here.
pub async fn readiness(
    cloud: &AwsCloud,
    config: &Environment,
    active: &Active,
    requester: &str,
) -> Result<Readiness, CloudError> {
    let (primary, dr) =
        join(watch::reach(cloud, config, Side::Primary, requester), watch::reach(cloud, config, Side::Dr, requester))
            .await;
    let (primary, dr) = (primary?, dr?);
    let watch = Watch {
        cloud,
        environment: config,
        requester,
        at: cloud.now(),
        here: primary.as_ref().map(Clone::clone).map_err(ToString::to_string),
        there: config.replicates().then(|| dr.as_ref().map(Clone::clone).map_err(ToString::to_string)),
    };
    // Any region's credentials do for Route 53; those of the side that was left may not be had.
    let any = dr.as_ref().or(primary.as_ref()).ok().map(|session| &**session);
    let (signs, copies, replicas, more, records) = join5(
        signs(cloud, config, &primary),
        copies(&watch, active),
        replicas(config, active, &dr),
        prerequisites(config, active, &primary, &dr),
        records(config, active, any),
    )
    .await;
    let (components, uncopied) = copies;
    let Replicas { found: replicas, mut prerequisites, promoted, mut disagreements } = replicas;
    let Records { prerequisites: of_records, disagreements: moved, form } = records;
    let Tasks { prerequisites: more, leans, mut forms, .. } = more;
    prerequisites.extend(more);
    prerequisites.extend(of_records);
    disagreements.extend(moved);
    forms.extend(form.map(|form| (Part::Records, form)));
    forms.insert(Part::Fence, of_fence(config));
    forms.extend(of_controls(config).map(|form| (Part::Controls, form)));
    Ok(Readiness {
        at: watch.at,
        signs,
        dr_answers: dr.is_ok(),
        components,
        uncopied,
        replicas,
        prerequisites,
        leans,
        forms,
        promoted,
        disagreements,
    })
}

/// How the primary region is: from outside, by its APIs, by its databases.
async fn signs(cloud: &AwsCloud, config: &Environment, primary: &Reached) -> Vec<Sign> {
    let urls = config.health.as_ref().map(|health| health.urls.as_slice()).unwrap_or_default();
    let tools = &cloud.tools;
    let addresses = urls.iter().map(|url| async {
        let wrong = health::answers(&*tools.web, url, tools.between).await;
        let (saw, detail) = match wrong {
            None => (Saw::Well, "answers".to_owned()),
            Some(why) => (Saw::Ill, format!("fails {} times in a row ({why})", health::IN_A_ROW)),
        };
        Sign { source: Source::Addresses, subject: url.clone(), saw, detail }
    });
    let (mut signs, of_region) = join(join_all(addresses), of_region(config, primary)).await;
    signs.extend(of_region);
    signs
}

async fn of_region(config: &Environment, primary: &Reached) -> Vec<Sign> {
    let region = &config.primary_region;
    let session = match primary {
        Ok(session) => session,
        Err(error) => return vec![api("STS", region, Err(error))],
    };
    let mut signs = vec![api("STS", region, Ok(()))];
    let ids: Vec<String> = config.databases.iter().map(|database| database.id.clone()).collect();
    let files: Vec<String> = config.file_systems.iter().map(|files| files.id.clone()).collect();
    let (instances, files, secrets) = futures::future::join3(
        async { if ids.is_empty() { None } else { Some(rds::instances(session, &ids).await) } },
        async { if files.is_empty() { None } else { Some(efs::file_systems(session, &files).await) } },
        async {
            match &config.secrets_prefix {
                Some(prefix) => Some(secrets::names(session, prefix).await),
                None => None,
            }
        },
    )
    .await;
    signs.extend(instances.as_ref().map(|found| api("RDS", region, found.as_ref().map(drop))));
    signs.extend(files.as_ref().map(|found| api("EFS", region, found.as_ref().map(drop))));
    signs.extend(secrets.as_ref().map(|found| api("Secrets Manager", region, found.as_ref().map(drop))));
    if let Some(Ok(found)) = instances {
        signs.extend(config.databases.iter().map(|declared| {
            let status = found.iter().find(|f| f.id.eq_ignore_ascii_case(&declared.id)).map(|f| f.status.as_str());
            database(declared, status)
        }));
    }
    signs
}

/// An API: silence is a sign, a refusal only says that nobody could look.
fn api(name: &str, region: &str, asked: Result<(), &CloudError>) -> Sign {
    let (saw, detail) = match asked {
        Ok(()) => (Saw::Well, "answers".to_owned()),
        Err(error) if error.unanswered() => (Saw::Ill, "does not answer".to_owned()),
        Err(error) => (Saw::Nothing, format!("could not be asked ({})", brief(error))),
    };
    Sign { source: Source::Apis, subject: format!("{name} in {region}"), saw, detail }
}

fn database(declared: &Database, status: Option<&str>) -> Sign {
    let (saw, detail) = match status {
        None => (Saw::Ill, "does not exist".to_owned()),
        Some(status) if rds::is_bad(status) || status.starts_with("stop") => (Saw::Ill, format!("is {status}")),
        Some(status) => (Saw::Well, format!("is {status}")),
    };
    Sign { source: Source::Databases, subject: format!("database {}", declared.id), saw, detail }
}

/// The reason of an error, without what is said to whoever waits for a step.
pub(super) fn brief(error: &CloudError) -> String {
    error.to_string().replace(" It is tried again.", "").trim_end_matches('.').to_owned()
}

/// How far every component's newest copy in the DR region reaches, and which certainly have none.
async fn copies(watch: &Watch<'_>, active: &Active) -> (Vec<Component>, Vec<String>) {
    let environment = active.environment(watch.environment);
    if !environment.replicates() {
        return (Vec::new(), Vec::new());
    }
    let elsewhere = match active.side {
        Side::Primary => None,
        // Its copies lie in the region that protects it there.
        Side::Dr => match watch::reach(watch.cloud, &environment, Side::Dr, watch.requester).await {
            Ok(reached) => Some(reached.map_err(|error| error.to_string())),
            Err(error) => Some(Err(error.to_string())),
        },
    };
    let (here, there) = match elsewhere {
        None => (watch.here.clone(), watch.there.clone()),
        Some(there) => (watch.there.clone().unwrap_or_else(|| Err("it is not looked at".to_owned())), Some(there)),
    };
    let watch = &Watch { environment: &environment, here, there, ..*watch };
    let instances = Err("not asked for".to_owned());
    let looked = components::look(watch, Side::Dr, &instances).await;
    let uncopied = looked.iter().filter(|(_, certain)| *certain).map(|(component, _)| component.name()).collect();
    (looked.into_iter().map(|(component, _)| component).collect(), uncopied)
}

/// What was found of the weighted records.
#[derive(Default)]
pub struct Records {
    /// A line for each group.
    pub prerequisites: Vec<Prerequisite>,
    /// Where they lead elsewhere than by the ledger.
    pub disagreements: Vec<String>,
    /// What a move of traffic rests on, where all of them could be read.
    pub form: Option<Form>,
}

/// Replicas that the config names, what is lacking of them, and where they are not what the ledger says.
#[derive(Default)]
struct Replicas {
    found: Vec<Replica>,
    prerequisites: Vec<Prerequisite>,
    promoted: Vec<Promoted>,
    disagreements: Vec<String>,
}

async fn replicas(config: &Environment, active: &Active, dr: &Reached) -> Replicas {
    let named: Vec<(&Database, &String)> =
        config.databases.iter().filter_map(|database| Some((database, database.dr_replica.as_ref()?))).collect();
    let (Ok(session), false) = (dr, named.is_empty()) else { return Replicas::default() };
    let ids: Vec<String> = named.iter().map(|(_, id)| (*id).clone()).collect();
    let wanted: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (instances, lags) =
        join(rds::describe_instances(session, &wanted), cloudwatch::replica_lags(session, &ids)).await;
    let Replicas { mut found, mut prerequisites, mut promoted, mut disagreements } = Replicas::default();
    for (database, id) in named {
        let subject = format!("Replica {id} of {}", database.id);
        let mut prerequisite =
            |state: Found| prerequisites.push(Prerequisite { subject: subject.clone(), vital: false, found: state });
        let instance = match &instances {
            Ok(instances) => instances.get(&id.to_lowercase()),
            Err(error) => {
                prerequisite(Found::Unknown(brief(error)));
                continue;
            }
        };
        let Some(instance) = instance else {
            if active.side == Side::Primary {
                prerequisite(Found::Lacking(format!("it does not exist in {}", config.dr_region)));
            }
            continue;
        };
        let source = instance.read_replica_source_db_instance_identifier.clone().filter(|source| !source.is_empty());
        let status = instance.db_instance_status.clone().unwrap_or_default();
        match (active.side, &source) {
            (Side::Primary, None) => promoted.push(Promoted { database: database.id.clone(), id: id.clone() }),
            (Side::Primary, Some(_)) if status != "available" => prerequisite(Found::Lacking(format!("it is {status}"))),
            (Side::Primary, Some(_)) => prerequisite(Found::Ready("available, and replicating".to_owned())),
            (Side::Dr, Some(source)) if !active.instead.contains_key(&database.id) => disagreements.push(format!(
                "{id} still replicates {source}, but by the ledger {} runs in {}: find out which of them is written to.",
                config.name, config.dr_region
            )),
            (Side::Dr, _) => {}
        }
        let lag = match &lags {
            Ok(lags) => lags.get(id).cloned().unwrap_or_else(|| Err("nothing was answered of it".to_owned())),
            Err(error) => Err(brief(error)),
        };
        let lag = lag.map(|(lag, _)| lag);
        if source.is_some() {
            found.push(Replica { database: database.id.clone(), id: id.clone(), status, source, lag });
        }
    }
    Replicas { found, prerequisites, promoted, disagreements }
}

/// What has to be there on the side that is gone to.
async fn prerequisites(config: &Environment, active: &Active, primary: &Reached, dr: &Reached) -> Tasks {
    let to = active.side.other();
    let (session, other) = match to {
        Side::Dr => (dr, primary),
        Side::Primary => (primary, dr),
    };
    let region = config.region(to);
    let other = other.as_ref().ok().map(|session| &**session);
    let session = match session {
        Ok(session) => session,
        Err(error) => {
            let found = Found::Unknown(brief(error));
            let lost = Prerequisite { subject: format!("What stands ready in {region}"), vital: false, found };
            return Tasks { prerequisites: vec![lost], ..Tasks::default() };
        }
    };
    let mut asked: Vec<BoxFuture<'_, Prerequisite>> = Vec::new();
    if let Some(controls) = config.dns.as_ref().and_then(|dns| dns.routing_controls.as_ref()) {
        asked.push(one("Routing controls".to_owned(), false, turned(session, controls)).boxed());
    }
    let key = match active.side {
        Side::Primary => config.dr_kms_key.as_ref().map(|key| ("DR KMS key", key)),
        Side::Dr => config.dr.primary_kms_key.as_ref().map(|key| ("KMS key", key)),
    };
    if let Some((what, key)) = key {
        asked.push(one(format!("{what} {key}"), true, kms::usable(session, key)).boxed());
    }
    let vault = match active.side {
        Side::Primary => config.dr_vault.as_ref(),
        Side::Dr => Some(&config.vault),
    };
    if let Some(vault) = vault {
        asked.push(one(format!("Backup vault {vault}"), false, backup::vault(session, vault)).boxed());
        asked.push(one(format!("KMS key of vault {vault}"), false, key_of(session, vault)).boxed());
    }
    let stands = async {
        match to {
            Side::Dr => join(standing(config, session), stand_in::look(config, session, other)).await,
            Side::Primary => (Vec::new(), (Vec::new(), Forms::new())),
        }
    };
    let (mut found, (standing, (stand_in, forms)), capacity, mut tasks, secrets) = join5(
        side_by_side(asked),
        stands,
        capacity::look(config, to, session, other),
        tasks::look(config, to, session, other),
        of_secrets(config, (to, session), other),
    )
    .await;
    let (names, secrets) = secrets;
    tasks.forms.extend(forms.into_iter().chain(names.map(|form| (Part::Secrets, form))));
    found.extend(secrets);
    found.extend(standing.into_iter().chain(stand_in).chain(capacity).chain(tasks.prerequisites).chain(tasks.unseen));
    Tasks { prerequisites: found, unseen: Vec::new(), ..tasks }
}

/// How the routing controls are turned, as the first endpoint says that answers.
pub async fn turned(session: &Session, controls: &RoutingControls) -> Result<Condition, CloudError> {
    let states = arc::states(session, &controls.endpoints, &[&controls.primary, &controls.dr]).await;
    let word = |on: bool| if on { "on" } else { "off" };
    match states {
        Ok(states) => {
            let words: Vec<&str> = states.into_iter().map(word).collect();
            Ok(Ok(format!("{} (primary and DR)", words.join(" and "))))
        }
        Err(error) => kms::missing(error),
    }
}

/// Which secrets there are to be promoted, and which of those at home are not there.
async fn of_secrets(
    config: &Environment,
    (to, session): (Side, &Session),
    other: Option<&Session>,
) -> (Option<Form>, Option<Prerequisite>) {
    let Some(prefix) = config.secrets_prefix.as_deref() else { return (None, None) };
    let there = secrets::origins(session, prefix).await;
    let form = there.as_ref().ok().map(|there| {
        let mut form = Form::default();
        form.add_all("names", there.keys());
        form
    });
    if to == Side::Primary {
        return (form, None);
    }
    let home = match other {
        Some(other) => secrets::names(other, prefix).await.ok(),
        None => None,
    };
    let found = match there {
        Ok(there) => replicated(&there, home.as_deref(), config),
        Err(error) => Found::Unknown(brief(&error)),
    };
    (form, Some(Prerequisite { subject: format!("Replicas of secrets under {prefix}"), vital: false, found }))
}

/// Names that are told one by one.
const NAMED: usize = 3;

/// What is there of the secrets at home, of which nobody knows where that region does not answer.
fn replicated(there: &BTreeMap<String, bool>, home: Option<&[String]>, config: &Environment) -> Found {
    let region = &config.dr_region;
    let replicas = there.values().filter(|replica| **replica).count();
    if replicas == 0 {
        return Found::Ready(format!(
            "none: no secret is replicated to {region}, and a failover asks people to make there what services read"
        ));
    }
    let lacks: Vec<&str> =
        home.unwrap_or_default().iter().filter(|name| !there.contains_key(*name)).map(String::as_str).collect();
    if lacks.is_empty() {
        let known = if home.is_some() { "" } else { "; what is at home cannot be seen now" };
        return Found::Ready(format!("{replicas} in {region}{known}"));
    }
    let more = lacks.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Found::Lacking(format!(
        "{}{more} of {} are not in {region}: replicate them there, or write them by hand",
        lacks[..lacks.len().min(NAMED)].join(", "),
        config.primary_region
    ))
}

/// The key that a vault is encrypted under, which opens what is restored from it.
async fn key_of(session: &Session, vault: &str) -> Result<Condition, CloudError> {
    match backup::describe_vault(session, vault).await?.encryption_key_arn {
        Some(key) => kms::usable(session, &key).await,
        None => Ok(Ok("a key that AWS owns".to_owned())),
    }
}

/// What the config says that stands ready in the DR region for databases: their network.
pub async fn standing(config: &Environment, there: &Session) -> Vec<Prerequisite> {
    let mut found = Vec::new();
    let subject = |group: &str| format!("DB subnet group {group}");
    match &config.dr.db_subnet_group {
        // A replica is promoted where it is: only what is restored needs a network.
        None if config.databases.iter().all(|database| database.dr_replica.is_some()) => {}
        Some(group) => {
            let looked = async move {
                let network = rds::subnet_group(there, group).await?;
                Ok(network.map(|network| format!("{} subnets", network.subnets.len())))
            };
            found.push(one(subject(group), false, looked).await);
        }
        None => found.push(Prerequisite {
            subject: subject("of the DR region"),
            vital: false,
            found: Found::Lacking(unset(config, "dr.db_subnet_group")),
        }),
    }
    found
}

/// The weighted records, which have to be there in pairs, and which side they send traffic to.
pub async fn records(config: &Environment, active: &Active, asked: Option<&Session>) -> Records {
    let (mut found, mut disagreements) = (Vec::new(), Vec::new());
    let mut form = Some(Form::default());
    let Some(dns) = &config.dns else { return Records::default() };
    for record in &dns.records {
        let subject = format!("Records {} {}", record.name, record.kind);
        let Some(session) = asked else {
            form = None;
            let why = "no region answers whose credentials could be used".to_owned();
            found.push(Prerequisite { subject, vital: false, found: Found::Unknown(why) });
            continue;
        };
        let sets = match route53::group(session, &dns.hosted_zone, &record.name, &record.kind).await {
            Ok(sets) => sets,
            Err(CloudError::Permanent { reason }) => {
                form = None;
                found.push(Prerequisite { subject, vital: false, found: Found::Lacking(reason) });
                continue;
            }
            Err(error) => {
                form = None;
                found.push(Prerequisite { subject, vital: false, found: Found::Unknown(brief(&error)) });
                continue;
            }
        };
        if let Some(form) = &mut form {
            of_group(dns, record, &sets, form);
        }
        let weight = |set: &str| sets.iter().find(|s| s.set_identifier() == Some(set)).and_then(|s| s.weight);
        let state = match (weight(&record.primary), weight(&record.dr)) {
            (Some(primary), Some(dr)) => {
                let (here, away) = match active.side {
                    Side::Primary => (primary, dr),
                    Side::Dr => (dr, primary),
                };
                if here == 0 && away > 0 {
                    disagreements.push(format!(
                        "{} sends all traffic to {}, but by the ledger {} runs in {}: where no operation of bbws is moving it just now, find out who did.",
                        record.name,
                        config.region(active.side.other()),
                        config.name,
                        config.region(active.side)
                    ));
                }
                Found::Ready(format!("weights {primary} (primary) and {dr} (DR)"))
            }
            _ => Found::Lacking(format!(
                "hosted zone {} has no pair of weighted records `{}` and `{}` of that name",
                dns.hosted_zone, record.primary, record.dr
            )),
        };
        found.push(Prerequisite { subject, vital: false, found: state });
    }
    Records { prerequisites: found, disagreements, form }
}

/// What of a group of records decides where traffic goes, but for the weights, which a move sets.
fn of_group(dns: &Dns, record: &DnsRecord, sets: &[ResourceRecordSet], form: &mut Form) {
    let key = |set: &ResourceRecordSet, what: &str| {
        format!("{} {} {}: {what}", record.name, record.kind, set.set_identifier().unwrap_or_default())
    };
    form.add(format!("{} {}: zone", record.name, record.kind), Some(&dns.hosted_zone));
    for set in sets {
        form.add(key(set, "TTL"), set.ttl());
        form.add_all(key(set, "values"), set.resource_records().iter().map(|record| record.value()));
        let alias = set.alias_target();
        let alias = alias.map(|a| format!("{} {} {}", a.hosted_zone_id(), a.dns_name(), a.evaluate_target_health()));
        form.add(key(set, "alias"), alias);
        form.add(key(set, "health check"), set.health_check_id());
    }
}

/// The routing controls and their endpoints, as the config says them.
fn of_controls(config: &Environment) -> Option<Form> {
    let controls = config.dns.as_ref()?.routing_controls.as_ref()?;
    let mut form = Form::default();
    form.add("primary", Some(&controls.primary));
    form.add("DR", Some(&controls.dr));
    form.add_all("endpoints", &controls.endpoints);
    Some(form)
}

/// What the fence works on, as the config says it: it may be out of reach whenever anybody looks.
fn of_fence(config: &Environment) -> Form {
    let mut form = Form::default();
    form.add("cluster", config.services.as_ref().map(|services| &services.cluster));
    form.add_all("services", config.services.iter().flat_map(|s| &s.services).map(|service| &service.name));
    form
}

/// A line of something that is asked for.
pub(super) async fn one(
    subject: String,
    vital: bool,
    asked: impl Future<Output = Result<Condition, CloudError>>,
) -> Prerequisite {
    let found = match asked.await {
        Ok(Ok(detail)) => Found::Ready(detail),
        Ok(Err(why)) => Found::Lacking(why),
        Err(error) => Found::Unknown(brief(&error)),
    };
    Prerequisite { subject, vital, found }
}
