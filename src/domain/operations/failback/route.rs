//! The way home, step by step, up to the moment from which nobody writes any more.

use super::{
    super::{
        Known,
        aside::{Aside, scale},
        draft::Draft,
    },
    KIND, SHIFT,
};
use crate::domain::{
    active::Active,
    environment::{Database, Environment},
    live::Live,
    mark::MarkKind,
    moment::{Moment, spoken},
    policy::{self, Need},
    step::{self, Consent, StoppedService},
    stranded,
    world::{DatabaseFound, ReplicaFound, StandbyFound},
};

/// How far a replica may be behind before anybody is asked, in seconds: writes stand still for so long and a little more.
const HARDLY: u64 = 60;
/// For how long writes stand still at the most, in seconds. After that the side that wrote writes again.
const STANDSTILL: u64 = 30 * 60;

/// A failback in the planning.
pub(super) struct Route<'a> {
    pub(super) env: &'a Environment,
    pub(super) active: &'a Active,
    pub(super) found: &'a StandbyFound,
    pub(super) known: &'a Known,
    pub(super) operation: &'a str,
    pub(super) at: Moment,
    /// Traffic moves in parts.
    pub(super) staged: bool,
    pub(super) draft: Draft,
}

/// A database of the config, what is live in its place, and what is at home under its name.
pub(super) struct Home<'a> {
    pub(super) database: &'a Database,
    pub(super) heir: &'a ReplicaFound,
    old: Option<&'a DatabaseFound>,
    /// What is at home follows what is live already.
    follows: bool,
}

/// Steps that others come after.
#[derive(Default)]
pub(super) struct Begun {
    /// Services of the DR region that were stopped.
    pub(super) stopped: Vec<usize>,
    /// Services at home that were started.
    pub(super) started: Vec<usize>,
    /// Services of the DR region that were started again, with the database at home.
    pub(super) restarted: Vec<usize>,
    /// Secrets that were led home, each with its region.
    pub(super) pointed: Vec<(usize, String, String)>,
    /// Shifts of traffic.
    pub(super) shifted: Vec<usize>,
    /// The turn of routing controls, where they are.
    pub(super) turned: Option<usize>,
}

impl<'a> Route<'a> {
    /// Every step, and what has to be said before.
    pub(super) fn plan(&mut self) {
        let homes = self.homes();
        self.stages();
        let mut begun = Begun::default();
        let backed_up = self.backups(&homes);
        let replicas = self.replicas(&homes, &backed_up);
        let ready = self.by_hand(replicas);
        let agreed = self.agreement(ready);
        let stopped = self.standstill(agreed, &mut begun);
        let still = self.last_files(stopped);
        let promoted = self.promotions(&homes, &still);
        let active = self.turn(&homes, promoted, &mut begun);
        self.back(&homes, active, &begun);
        self.notes(&homes);
    }

    fn homes(&mut self) -> Vec<Home<'a>> {
        let mut homes = Vec::new();
        for database in &self.env.databases {
            match self.home(database) {
                Ok(home) => homes.push(home),
                Err(why) => self.draft.problem(why),
            }
        }
        homes
    }

    fn home(&mut self, database: &'a Database) -> Result<Home<'a>, String> {
        let (env, id) = (self.env, &database.id);
        let (here, there) = (&env.primary_region, &env.dr_region);
        let live = self.active.database(env, id);
        let Some(heir) = self.found.replicas.iter().find(|found| found.id.eq_ignore_ascii_case(&live)) else {
            return Err(format!(
                "{live}, which is live in the place of {id}, does not exist in {there}: look what became of it."
            ));
        };
        if heir.status != "available" {
            return Err(format!("{live} in {there} is {}: ask again once it is available.", heir.status));
        }
        if heir.automated_days == 0 {
            return Err(format!(
                "{live} in {there} keeps no automated backups, and RDS makes no replica of such an instance: `aws rds modify-db-instance --region {there} --db-instance-identifier {live} --backup-retention-period 7`, then ask again."
            ));
        }
        self.draft.fact(format!("Live {id}"), format!("{live} in {there} ({}, {} GiB)", heir.engine, heir.size_gib));
        let old = self.known.world.databases.iter().find(|found| found.id.eq_ignore_ascii_case(id));
        let follows = match old.and_then(|old| old.source.as_deref()) {
            Some(source) if source.eq_ignore_ascii_case(&format!("arn:aws:rds:{there}:{}:db:{live}", env.account)) => {
                true
            }
            Some(source) => {
                return Err(format!(
                    "{id} in {here} is a replica of {source}, not of {live}: look at it in RDS first."
                ));
            }
            None => false,
        };
        match old {
            Some(old) if old.status != "available" => {
                return Err(format!("{id} in {here} is {}: ask again once it is available.", old.status));
            }
            Some(_) if follows => self.draft.fact(format!("Database {id}"), format!("follows {live} already")),
            Some(old) => self.draft.fact(format!("Database {id}"), format!("{} is what was left", old.resource)),
            None => self.draft.fact(format!("Database {id}"), format!("there is none in {here}")),
        }
        Ok(Home { database, heir, old, follows })
    }

    /// The name that what was left of a database gets.
    pub(super) fn before(&self, home: &Home<'_>) -> String {
        self.aside().name(&home.database.id)
    }

    /// Traffic moves in parts only where both sides' services can be led to the database at home.
    fn stages(&mut self) {
        let led = self.env.databases.iter().all(|database| database.endpoint_secret.is_some());
        if self.staged && !led {
            self.staged = false;
            self.draft.note(
                "Traffic goes from 0 to 100 % in one step: without `endpoint_secret` the services of the other side cannot be led to the database at home.",
            );
        }
    }

    /// Whether services of the DR region, once started again, write to the database at home.
    pub(super) fn led(&self) -> bool {
        self.env.databases.iter().all(|database| database.endpoint_secret.is_some())
    }

    /// What is live is backed up first.
    fn backups(&mut self, homes: &[Home<'_>]) -> Vec<usize> {
        let region = self.env.dr_region.clone();
        let aside = self.aside();
        let live = homes.iter().map(|home| home.heir.id.as_str());
        live.map(|id| aside.snapshot(&mut self.draft, (&region, id), id, vec![])).collect()
    }

    pub(super) fn aside(&self) -> Aside<'a> {
        Aside { env: self.env, operation: self.operation, at: self.at }
    }

    /// Replicas of what is live, under the names that the databases have at home; the steps after which they hardly lag.
    fn replicas(&mut self, homes: &[Home<'_>], backed_up: &[usize]) -> Vec<usize> {
        let quiet = if homes.iter().any(|home| home.old.is_some()) { self.quiet() } else { Vec::new() };
        let mut ready = Vec::new();
        for (home, backed_up) in homes.iter().zip(backed_up) {
            let id = &home.database.id;
            let mut after = vec![*backed_up];
            if !home.follows {
                after = self.put_aside(home, *backed_up, &quiet);
                after = vec![self.replica(home, after)];
            }
            let follow =
                step::FollowReplica { region: self.env.primary_region.clone(), replica: id.clone(), at_most: HARDLY };
            ready.push(self.draft.step(format!("Wait until {id} is hardly behind"), after, follow));
        }
        ready
    }

    /// Nobody writes to what was left any more, before a last snapshot is made of it.
    fn quiet(&mut self) -> Vec<usize> {
        let env = self.env;
        let Some(services) = &env.services else { return Vec::new() };
        let each = services.services.iter().map(|service| {
            let title = format!("Keep {} in {} from writing", service.name, env.primary_region);
            self.draft.step(title, vec![], scale(&env.primary_region, &services.cluster, &service.name, 0))
        });
        each.collect()
    }

    /// What was left gets another name and a last snapshot: it is the archive of what only it has.
    fn put_aside(&mut self, home: &Home<'_>, backed_up: usize, quiet: &[usize]) -> Vec<usize> {
        let Some(old) = home.old else { return vec![backed_up] };
        let (region, id, before) = (self.env.primary_region.clone(), &home.database.id, self.before(home));
        let after: Vec<usize> = quiet.iter().copied().chain([backed_up]).collect();
        let aside = self.aside();
        let mut kept = vec![aside.snapshot(&mut self.draft, (&region, id), &before, after.clone())];
        // A restore may have put another instance in its place: then that one has what was written last.
        if let Some(live) = self.was_live(id) {
            kept.push(aside.snapshot(&mut self.draft, (&region, &live), &aside.name(&live), after));
        }
        vec![aside.rename(&mut self.draft, (&region, id), &old.resource, kept)]
    }

    /// The instance that was live at home in the place of a database, where that was another one.
    pub(super) fn was_live(&self, id: &str) -> Option<String> {
        let mark = self.known.marks.iter().find(|mark| mark.kind == MarkKind::Live && mark.subject == *id)?;
        Some(Live::read(&mark.note).instance.to_owned()).filter(|live| live != id)
    }

    fn replica(&mut self, home: &Home<'_>, after: Vec<usize>) -> usize {
        let env = self.env;
        let id = &home.database.id;
        if home.old.is_none() {
            self.draft.note(format!(
                "There is no {id} in {} whose settings the replica could take: it gets RDS's own for network and parameters. Compare them before Continue.",
                env.primary_region
            ));
        }
        self.draft.step(
            format!("Replicate {} as {id}", home.heir.id),
            after,
            step::CreateReplica {
                region: env.primary_region.clone(),
                from_region: env.dr_region.clone(),
                source: home.heir.id.clone(),
                instance: id.clone(),
                like: home.old.map(|_| self.before(home)),
                kms_key: env.dr.primary_kms_key.clone(),
                subnet_group: None,
                security_groups: Vec::new(),
            },
        )
    }

    pub(super) fn hand(&mut self, title: impl Into<String>, after: Vec<usize>, question: String) -> usize {
        self.draft.step(title, after, step::WaitForPeople { question, rule: None, consent: Consent::Look })
    }

    /// What people bring home, since nothing here does it.
    fn by_hand(&mut self, after: Vec<usize>) -> Vec<usize> {
        let (env, here, there) = (self.env, &self.env.primary_region, &self.env.dr_region);
        let mut brought = Vec::new();
        let files: Vec<&str> = env.file_systems.iter().map(|files| files.id.as_str()).collect();
        if !files.is_empty() {
            brought.push(format!(
                "replicate the files that are live in {there} to {}, `aws efs create-replication-configuration --region {there} …`",
                files.join(", ")
            ));
        }
        if let Some(prefix) = &env.secrets_prefix {
            brought
                .push(format!("write into the secrets under {prefix} in {here} what was changed of them in {there}"));
        }
        if let Some(prefix) = &env.parameters_prefix {
            brought.push(format!("do the same with the parameters under {prefix}"));
        }
        let buckets: Vec<String> = env
            .buckets
            .iter()
            .filter_map(|bucket| Some(format!("`aws s3 sync s3://{} s3://{}`", bucket.dr.as_ref()?, bucket.name)))
            .collect();
        if !buckets.is_empty() {
            brought.push(format!("bring the objects home, {}", buckets.join(", ")));
        }
        if brought.is_empty() {
            return after;
        }
        let question = format!(
            "The databases follow. What is not in them comes home by hand: {}. Continue once it is under way and nearly there.",
            brought.join("; ")
        );
        vec![self.hand("Wait until files, secrets and objects are on their way", after, question)]
    }

    /// Those who agree to each turn.
    pub(super) fn people(&self) -> Vec<Need> {
        let rule = policy::needs(&self.known.rules, SHIFT, &self.env.name, "");
        if rule.is_empty() { policy::needs(&self.known.rules, KIND, &self.env.name, "") } else { rule }
    }

    pub(super) fn ask(&mut self, title: String, after: Vec<usize>, question: String) -> usize {
        let consent = Consent::Others(self.people());
        self.draft.step(title, after, step::WaitForPeople { question, rule: Some(SHIFT.to_owned()), consent })
    }

    fn agreement(&mut self, after: Vec<usize>) -> usize {
        let (env, here, there) = (self.env, &self.env.primary_region, &self.env.dr_region);
        let then = if self.staged { "asked again before each part of the traffic" } else { "all of its traffic" };
        let question = format!(
            "Shall {} go home now? Its services in {there} stop and nobody writes until {here} has everything, {} at the most; then it is promoted, its services start, and {here} gets {then}.",
            env.name,
            spoken(std::time::Duration::from_secs(STANDSTILL))
        );
        self.ask(format!("Wait for the word that writes stand still and {here} takes over"), after, question)
    }

    /// From here on nobody writes.
    fn standstill(&mut self, agreed: usize, begun: &mut Begun) -> Vec<usize> {
        let env = self.env;
        let there = env.dr_region.clone();
        let (Some(declared), Some(cluster)) = (&env.services, env.standby_cluster()) else {
            let question = format!(
                "Stop everything that writes in {there} now: no `services` of the config say what that is. Continue once nothing writes there any more."
            );
            return vec![self.hand("Wait until nobody writes", vec![agreed], question)];
        };
        for service in &declared.services {
            let lacks = |found: &[crate::domain::world::ServiceFound]| !found.iter().any(|f| f.name == service.name);
            for (region, cluster, lacks) in [
                (&there, cluster, lacks(&self.found.services)),
                (&env.primary_region, declared.cluster.as_str(), lacks(&self.found.home)),
            ] {
                if lacks {
                    self.draft.problem(format!(
                        "Cluster {cluster} in {region} has no active service {}. Make it, or correct `services` and `dr.cluster` in bbws.toml.",
                        service.name
                    ));
                }
            }
            let title = format!("Stop {} in {there}", service.name);
            begun.stopped.push(self.draft.step(title, vec![agreed], scale(&there, cluster, &service.name, 0)));
        }
        begun.stopped.clone()
    }

    /// Files are written to until then, so what came last has to arrive before anybody writes at home.
    fn last_files(&mut self, stopped: Vec<usize>) -> Vec<usize> {
        if self.env.file_systems.is_empty() {
            return stopped;
        }
        let question = format!(
            "Nobody writes any more. Wait until EFS says that the files of {} are replicated up to now, and end the replication so that they can be written in {}. Continue at once then: the platform stands still.",
            self.env.name, self.env.primary_region
        );
        let waited = self.hand("Wait until the last files are there", stopped.clone(), question);
        stopped.into_iter().chain([waited]).collect()
    }

    /// Everything has arrived, and nobody wrote meanwhile: then, and only then, the database at home becomes one of its own.
    fn promotions(&mut self, homes: &[Home<'_>], still: &[usize]) -> Vec<usize> {
        let env = self.env;
        let cluster = env.standby_cluster().unwrap_or_default();
        let services = env.services.iter().flat_map(|services| &services.services);
        let stopped: Vec<StoppedService> = services
            .map(|service| StoppedService { cluster: cluster.to_owned(), service: service.name.clone() })
            .collect();
        let caught_up: Vec<usize> = homes
            .iter()
            .map(|home| {
                let id = &home.database.id;
                let catch_up = step::CatchUp {
                    region: env.primary_region.clone(),
                    replica: id.clone(),
                    from_region: env.dr_region.clone(),
                    stopped: stopped.clone(),
                    within: STANDSTILL,
                };
                self.draft.step(format!("Wait until {id} has everything"), still.to_vec(), catch_up)
            })
            .collect();
        let promote = |home: &Home<'_>| step::PromoteReplica {
            region: env.primary_region.clone(),
            database: home.heir.id.clone(),
            replica: home.database.id.clone(),
        };
        // None before all of them have everything.
        let each = homes
            .iter()
            .map(|home| self.draft.step(format!("Promote {}", home.database.id), caught_up.clone(), promote(home)));
        let promoted: Vec<usize> = each.collect();
        if promoted.is_empty() { still.to_vec() } else { promoted }
    }

    fn notes(&mut self, homes: &[Home<'_>]) {
        let (env, here, there) = (self.env, &self.env.primary_region, &self.env.dr_region);
        if let Some(run) = self.known.past.first() {
            self.draft.note(stranded::told(env, run));
        }
        let aside: Vec<String> =
            homes.iter().filter(|home| home.old.is_some() && !home.follows).map(|home| self.before(home)).collect();
        if !aside.is_empty() {
            self.draft.note(format!(
                "Whoever approves this gives up what only {here} has: it stays in {}, of which a last snapshot is made, and does not come into the platform by itself.",
                aside.join(", ")
            ));
        }
        self.draft.note(format!(
            "Nobody writes from the stop of the services in {there} until those in {here} run; no estimate of that is made. Where {here} has not got everything within {}, nothing is promoted and {there} goes on by itself.",
            spoken(std::time::Duration::from_secs(STANDSTILL))
        ));
        self.draft.note(format!(
            "Nothing is deleted. Roll back sends traffic and writers to {there} again, not data: what was written in {here} stays in {here}."
        ));
        self.draft.note(format!(
            "No replica follows {0} in {there} afterwards, until `/bbws dr reprotect {0}` makes one; copies of its backups are made there as before.",
            env.name
        ));
    }
}
