//! `dr.reprotect`: what protects a platform once it runs where it moved to. A replica in another region follows its databases again, and
//! a first copy of them lies there.

use super::{
    Asked, Ended, Known, Operation, Past, Works,
    aside::{Aside, scale},
    begun,
    draft::{Draft, Head},
    failover, of, two_people, unplanned,
};
use crate::domain::{
    active::{self, Active},
    command::{Arg, Command, Does, ENVIRONMENT, Entry, Form, Group, REASON, as_they_are, nothing_more, value},
    environment::{Environment, Side},
    mark::Mark,
    operation::Run,
    plan::Plan,
    policy::Need,
    shelter::Shelter,
    step::{self, Consent},
    text::escape,
    world::{DatabaseFound, ShelterFound, Survey, World},
};

/// The kind on plans.
const KIND: &str = "dr.reprotect";
const REGION: &str = "region";

static ELSEWHERE: value::Kind =
    value::Kind { name: "elsewhere", usage: "region", lacking: |_| "a region".to_owned(), ..value::TEXT };

static ENTRY: Entry = Entry {
    name: KIND,
    path: &["dr", "reprotect"],
    group: Group::Recovery,
    place: 40,
    about: "Protect a platform where it runs after a failover or a failback",
    happens: "Makes a replica of each live database in the region that the platform left, or in the one of `--region`, and a first copy \
              there. A database that has the replica's name already is kept under another one, with a last snapshot of it; nothing is \
              deleted. Nothing is asked of a region that is gone: name a third one then.",
    args: &[
        ENVIRONMENT,
        Arg {
            name: REGION,
            kind: &ELSEWHERE,
            form: Form::Option,
            required: false,
            usual: None,
            about: "where: a region that the config names for it, `primary` or `dr`; where it does not run, when left out",
        },
        REASON,
    ],
    examples: &["dr reprotect ENV", "dr reprotect ENV --region eu-central-1"],
    who: "anyone in a role, and a second person has to agree",
    does: |_| Does::Operation,
    settle: as_they_are,
    mend: nothing_more,
};

/// The operation.
pub struct Reprotect;

/// What is asked for.
fn shelter(asked: &Asked<'_>) -> Result<Shelter, Vec<String>> {
    let named = asked.command.values().get(REGION);
    let third = |id: &str| active::replica(id, &asked.id.0);
    Shelter::of(asked.environment, asked.active, named, third).map_err(|why| vec![why])
}

impl Operation for Reprotect {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn prefix(&self) -> &'static str {
        "dr"
    }

    fn works(&self) -> Works {
        Works::OnBoth
    }

    fn entry(&self) -> Option<&'static Entry> {
        Some(&ENTRY)
    }

    fn what(&self, _: &Command, environment: &str) -> String {
        format!("The protection of `{}`", escape(environment))
    }

    fn survey(&self, asked: &Asked<'_>) -> Result<Survey, Vec<String>> {
        let env = asked.environment;
        if !env.replicates() {
            return Err(vec![format!(
                "`{}` is to have no copies elsewhere (`replication = \"disabled\"` in bbws.toml), so that there is nothing to protect it with.",
                env.name
            )]);
        }
        Ok(Survey { shelter: Some(shelter(asked)?), ..Survey::default() })
    }

    /// The runs that left the primary region: they know how many tasks stood by in the DR region.
    fn past(&self, _: &Asked<'_>, _: &World, _: &[Mark]) -> Past {
        Past { ids: Vec::new(), whose: Some(Box::new(|plan| of(&plan.kind).moves() == Some(Side::Dr))) }
    }

    fn plan(&self, asked: &Asked<'_>, known: &Known) -> Result<Plan, Vec<String>> {
        let env = asked.environment;
        let Some(found) = &known.world.shelter else { return Err(unplanned(asked.command)) };
        let shelter = shelter(asked)?;
        let aside = Aside { env, operation: &asked.id.0, at: asked.at };
        let mut cover = Cover { env, shelter: &shelter, found, past: &known.past, aside, draft: Draft::default() };
        cover.plan();
        cover.draft.finish(Head {
            kind: KIND,
            environment: env,
            scope: String::new(),
            tenant: None,
            // Of the first copies.
            retention_days: Some(env.retention_days.default),
        })
    }

    fn needs(&self, _: &Plan, configured: Vec<Need>) -> Vec<Need> {
        two_people(configured)
    }

    /// Its own steps change what is found.
    fn plans_again(&self, run: &Run) -> bool {
        !begun(run)
    }

    fn kept(&self) -> &'static str {
        "First copies kept until"
    }

    fn title(&self, plan: &Plan) -> String {
        let there =
            plan.facts.iter().find(|fact| fact.subject == PROTECTED).map_or("another region", |fact| &fact.found);
        format!("Protection of {} in {there}", plan.environment)
    }

    fn done(&self, ended: &Ended<'_>) -> String {
        format!(
            "{}: replicas follow what is live, and the first copies are made and verified; all of it took {}. Backups of databases and file systems that are made from now on are copied there as well, those that AWS Backup makes by itself once `/bbws backup schedule {} update` was approved; archives in buckets are not.",
            escape(&self.title(ended.plan)),
            ended.took,
            escape(&ended.plan.environment)
        )
    }

    fn not_done(&self, _: &Plan) -> &'static str {
        "The platform is *not* protected, or not as a whole: the steps say what is missing. What is live was not touched."
    }
}

/// The fact that says where.
const PROTECTED: &str = "Protected in";

/// A protection in the planning.
struct Cover<'a> {
    env: &'a Environment,
    shelter: &'a Shelter,
    found: &'a ShelterFound,
    past: &'a [Run],
    aside: Aside<'a>,
    draft: Draft,
}

impl Cover<'_> {
    fn plan(&mut self) {
        let shelter = self.shelter;
        self.draft.fact(PROTECTED, &shelter.region);
        self.ready();
        let quiet = self.quiet();
        let mut ready = Vec::new();
        for (live, replica) in &shelter.replicas {
            ready.extend(self.database(live, replica.as_deref(), &quiet));
        }
        let ready = self.by_hand(ready);
        let title = format!("Write down that {} is protected in {}", self.env.name, shelter.region);
        self.draft.step(title, ready.clone(), Active::protected_in(&shelter.region));
        self.standing(&ready);
        self.notes();
    }

    /// What has to stand ready there.
    fn ready(&mut self) {
        let (shelter, found) = (self.shelter, self.found);
        // What serves there would be kept from writing, and put aside for a replica of what serves nobody.
        for disagreement in &found.disagreements {
            self.draft.problem(format!(
                "{disagreement} Once its records lead to {} again, which is done in Route 53 by hand, ask again.",
                shelter.from
            ));
        }
        let looked = [
            ("Backup vault", &shelter.vault, &found.vault),
            ("KMS key", &shelter.key, &found.key),
            ("DB subnet group", &shelter.subnet_group, &found.subnet_group),
        ];
        for (what, name, condition) in looked {
            match (name, condition) {
                (Some(name), Some(Ok(_))) => self.draft.fact(what, format!("{name} is there")),
                (Some(_), Some(Err(why))) => self.draft.problem(why),
                _ => {}
            }
        }
    }

    /// Whether a replica takes the place of something that the services there may write to.
    fn writes_there(&self) -> bool {
        let led = self.env.databases.iter().all(|database| database.endpoint_secret.is_some());
        // Services of the DR region that are led home write there.
        !(led && self.shelter.region == self.env.dr_region)
    }

    /// Nobody writes to what is put aside any more, before a last snapshot is made of it.
    fn quiet(&mut self) -> Vec<usize> {
        let own = |name: &Option<String>| name.as_ref().and_then(|name| instance(&self.found.there, name));
        let alone = self.shelter.replicas.iter().any(|(_, name)| own(name).is_some_and(|found| found.source.is_none()));
        let Some(cluster) = self.shelter.cluster.clone().filter(|_| alone && self.writes_there()) else {
            return Vec::new();
        };
        let region = self.shelter.region.clone();
        let each = self.found.services.iter().map(|service| {
            let title = format!("Keep {} in {region} from writing", service.name);
            self.draft.step(title, vec![], scale(&region, &cluster, &service.name, 0))
        });
        each.collect()
    }

    /// A database, its first copy, and its replica; the steps after which it is protected.
    fn database(&mut self, live: &str, replica: Option<&str>, quiet: &[usize]) -> Vec<usize> {
        let (shelter, aside) = (self.shelter, self.aside);
        let from = shelter.from.as_str();
        let Some(found) = instance(&self.found.live, live).filter(|found| found.status == "available") else {
            self.draft.problem(format!("{live} in {from} is not available: ask again once it is."));
            return Vec::new();
        };
        if found.automated_days == 0 {
            self.draft.problem(format!(
                "{live} in {from} keeps no automated backups, and RDS makes no replica of such an instance: `aws rds modify-db-instance --region {from} --db-instance-identifier {live} --backup-retention-period 7`, then ask again."
            ));
        }
        self.draft.fact(format!("Live {live}"), format!("{} in {from}, {} GiB", found.engine, found.size_gib));
        let backed_up = aside.snapshot(&mut self.draft, (from, live), live, vec![]);
        let mut ready = vec![backed_up];
        match &shelter.key {
            Some(key) => {
                let snapshot = aside.snapshot_of(live);
                ready.push(aside.copy(&mut self.draft, snapshot, (from, &shelter.region, key), backed_up));
            }
            None => self.draft.note(format!(
                "No copy of {live} is made in {}: the config names no KMS key there (`primary_kms_key`, `dr_kms_key`).",
                shelter.region
            )),
        }
        match replica {
            Some(replica) => ready.extend(self.replica(live, replica, backed_up, quiet)),
            None => self.draft.note(format!("No replica of {live} is made: the config names none (`dr_replica`).")),
        }
        ready
    }

    fn replica(&mut self, live: &str, replica: &str, backed_up: usize, quiet: &[usize]) -> Option<usize> {
        let (shelter, aside) = (self.shelter, self.aside);
        let region = shelter.region.as_str();
        let there = instance(&self.found.there, replica);
        let source = format!("arn:aws:rds:{}:{}:db:{live}", shelter.from, self.env.account);
        let follows = |found: &DatabaseFound| found.source.as_ref().is_some_and(|of| of.eq_ignore_ascii_case(&source));
        let mut after = vec![backed_up];
        match there {
            Some(found) if follows(found) => self.draft.fact(format!("Replica {replica}"), "follows already"),
            Some(DatabaseFound { source: Some(other), .. }) => {
                self.draft.problem(format!("{replica} in {region} is a replica of {other}: look at it in RDS first."));
                return None;
            }
            Some(found) if found.status != "available" => {
                self.draft
                    .problem(format!("{replica} in {region} is {}: ask again once it is available.", found.status));
                return None;
            }
            Some(found) => {
                self.draft.fact(format!("Replica {replica}"), format!("{} has the name", found.resource));
                let name = aside.name(replica);
                after.extend_from_slice(quiet);
                let kept = aside.snapshot(&mut self.draft, (region, replica), &name, after);
                let renamed = aside.rename(&mut self.draft, (region, replica), &found.resource, vec![kept]);
                after = vec![self.create(live, replica, Some(name.clone()), vec![renamed])];
                self.draft.note(format!(
                    "Whoever approves this gives up what only {replica} in {region} has: it stays in {name}, of which a last snapshot is made, and does not come into the platform by itself."
                ));
            }
            None => {
                self.draft.fact(format!("Replica {replica}"), "there is none");
                after = vec![self.create(live, replica, None, after)];
            }
        }
        let follow = step::FollowReplica {
            region: region.to_owned(),
            replica: replica.to_owned(),
            at_most: self.env.rpo.0.as_secs(),
        };
        Some(self.draft.step(format!("Wait until {replica} keeps the RPO"), after, follow))
    }

    fn create(&mut self, live: &str, replica: &str, like: Option<String>, after: Vec<usize>) -> usize {
        let shelter = self.shelter;
        self.draft.step(
            format!("Replicate {live} as {replica}"),
            after,
            step::CreateReplica {
                region: shelter.region.clone(),
                from_region: shelter.from.clone(),
                source: live.to_owned(),
                instance: replica.to_owned(),
                like,
                kms_key: shelter.key.clone(),
                subnet_group: shelter.subnet_group.clone(),
                security_groups: shelter.security_groups.clone(),
            },
        )
    }

    /// What people protect, since nothing here does it.
    fn by_hand(&mut self, ready: Vec<usize>) -> Vec<usize> {
        let (env, from, to) = (self.env, &self.shelter.from, &self.shelter.region);
        let mut left = Vec::new();
        if !env.file_systems.is_empty() {
            left.push(format!("replicate the files that are live in {from} to {to} (EFS, replication)"));
        }
        if let Some(prefix) = &env.secrets_prefix {
            left.push(format!(
                "replicate the secrets under {prefix}, `aws secretsmanager replicate-secret-to-regions --region {from} --add-replica-regions Region={to} --secret-id …`"
            ));
        }
        if left.is_empty() {
            return ready;
        }
        let question = format!(
            "The databases are protected in {to}. What is not in them is protected by hand: {}. Continue once each says InSync or ENABLED.",
            left.join("; ")
        );
        let ask = step::WaitForPeople { question, rule: None, consent: Consent::Look };
        vec![self.draft.step("Wait until files and secrets are protected too", ready, ask)]
    }

    /// What stood by in the DR region before the failover stands by again, once its database follows.
    fn standing(&mut self, ready: &[usize]) {
        let Some(cluster) = self.shelter.cluster.clone().filter(|_| self.shelter.region == self.env.dr_region) else {
            return;
        };
        for service in &self.found.services {
            // A way back stops what stood by, so that a move after it found nothing there.
            let stood = self.past.iter().filter_map(|run| failover::stood_by(&run.op.plan, &service.name));
            let Some(tasks) = stood.max().filter(|tasks| *tasks > service.desired) else { continue };
            let title = format!("Scale {} in {} to {tasks}, its standing size", service.name, self.shelter.region);
            let action = scale(&self.shelter.region, &cluster, &service.name, tasks);
            self.draft.step(title, ready.to_vec(), action);
        }
    }

    fn notes(&mut self) {
        let (env, region) = (self.env, &self.shelter.region);
        if *region == env.primary_region || *region == env.dr_region {
            self.draft.note(format!("bbws.toml needs no change for it: it names {region} for `{}` already.", env.name));
        } else {
            let or = |value: &Option<String>| value.clone().unwrap_or_default();
            self.draft.note(format!(
                "bbws.toml goes on naming {} and {}. Should {region} become the DR region for good: `dr_region = \"{region}\"`, `dr_vault = \"{}\"`, `dr_kms_key = \"{}\"`, `dr.db_subnet_group = \"{}\"`.",
                env.primary_region,
                env.dr_region,
                or(&self.shelter.vault),
                or(&self.shelter.key),
                or(&self.shelter.subnet_group)
            ));
        }
        self.draft.note(format!("Nothing is asked of any region but {} and {region}.", self.shelter.from));
    }
}

fn instance<'f>(found: &'f [DatabaseFound], id: &str) -> Option<&'f DatabaseFound> {
    found.iter().find(|found| found.id.eq_ignore_ascii_case(id))
}
