//! The way of a platform to its other side, step by step, and the way of its traffic back.

use super::{
    super::{
        Known,
        draft::Draft,
        traffic::{self, ALL},
    },
    DNS,
};
use crate::domain::{
    active::Active,
    environment::{Database, Environment},
    moment::Moment,
    policy::{self, Need},
    restored,
    standby::{Fence, RoutingControls},
    step::{self, Away, Consent, Weighing},
    world::{RecordFound, SnapshotFound, StandbyFound},
};

/// RDS keeps automated backups for no more days.
const MOST_DAYS: u32 = 35;
/// For how long connections to what was left are watched, in seconds.
const DRAINS: u64 = 600;
/// How long the side that takes over has to answer before anybody is sent there, in seconds.
const INSIDE: u64 = 60;

/// A failover in the planning.
pub(super) struct Route<'a> {
    pub(super) env: &'a Environment,
    pub(super) found: &'a StandbyFound,
    pub(super) known: &'a Known,
    pub(super) operation: &'a str,
    pub(super) at: Moment,
    pub(super) draft: Draft,
}

/// What becomes the database of the other side.
enum Heir<'a> {
    /// A read replica, which is promoted.
    Replica(&'a str),
    /// An instance of its own already: an earlier failover came so far.
    Promoted(&'a str),
    /// The newest copy, which is restored.
    Copy(&'a SnapshotFound, String),
}

impl Heir<'_> {
    /// The identifier it has.
    fn id(&self) -> &str {
        match self {
            Heir::Replica(id) | Heir::Promoted(id) => id,
            Heir::Copy(_, id) => id,
        }
    }
}

/// Steps by which others are told what they come after.
#[derive(Default)]
struct Begun {
    fenced: Vec<usize>,
    scaled: Vec<usize>,
    turned: Option<usize>,
    shifted: Option<usize>,
}

impl<'a> Route<'a> {
    fn dr(&self) -> String {
        self.env.dr_region.clone()
    }

    /// Every step, and what has to be said before.
    pub(super) fn plan(&mut self) {
        let heirs = self.heirs();
        let fenced = self.fence();
        let ready = self.databases(&heirs, &fenced);
        let ready = self.secrets(ready);
        let ready = self.endpoints(&heirs, ready);
        let by_hand = self.by_hand(ready);
        let scaled = self.services(&by_hand);
        let inside = self.inside(if scaled.is_empty() { by_hand } else { scaled.clone() });
        let mut begun = Begun { fenced, scaled, ..Begun::default() };
        let agreed = self.agreement(inside);
        let moved = self.traffic(agreed, &mut begun);
        let active = self.active(&heirs, moved);
        self.outside(active, &begun);
        self.backups(&heirs, active);
        self.back(active, &begun);
        self.notes();
    }

    /// What each database becomes, or why it cannot.
    fn heirs(&mut self) -> Vec<(&'a Database, Heir<'a>)> {
        let mut heirs = Vec::new();
        for database in &self.env.databases {
            match self.heir(database) {
                Ok(heir) => heirs.push((database, heir)),
                Err(why) => self.draft.problem(why),
            }
        }
        heirs
    }

    fn heir(&mut self, database: &'a Database) -> Result<Heir<'a>, String> {
        let id = &database.id;
        let replica = database.dr_replica.as_ref().and_then(|id| self.found.replicas.iter().find(|r| r.id == *id));
        let usable = |status: &str| ["available", "backing-up", "modifying"].contains(&status);
        if let Some(replica) = replica.filter(|replica| usable(&replica.status)) {
            let subject = format!("Database {id}");
            return Ok(match &replica.source {
                Some(_) => {
                    self.draft.fact(
                        subject,
                        format!("replica {} ({}, {} GiB)", replica.id, replica.engine, replica.size_gib),
                    );
                    Heir::Replica(&replica.id)
                }
                None => {
                    self.draft.fact(subject, format!("{} is an instance of its own already", replica.id));
                    Heir::Promoted(&replica.id)
                }
            });
        }
        // Copies that arrive while people decide change nothing of what they decide about.
        let newest = self.found.copies.iter().find(|copy| copy.database == *id && copy.created <= self.at);
        let Some(copy) = newest else {
            return Err(format!(
                "{id} has neither a usable replica nor a usable copy in {}, so that nothing can take its place there.",
                self.env.dr_region
            ));
        };
        match (&self.found.subnet_group, &self.found.key) {
            (Some(Err(why)), _) | (_, Some(Err(why))) => return Err(format!("{id} cannot be restored: {why}")),
            (None, _) => {
                return Err(format!(
                    "{id} cannot be restored in {}: `dr.db_subnet_group` of `{}` names no DB subnet group. Set it in bbws.toml.",
                    self.env.dr_region, self.env.name
                ));
            }
            (Some(Ok(_)), _) => {}
        }
        self.draft.fact(format!("Database {id}"), format!("copy {}, data of {}", copy.id, copy.created));
        self.draft.note(format!("{id} has no usable replica: what was written after {} is lost.", copy.created));
        Ok(Heir::Copy(copy, restored::name(id, self.operation)))
    }

    /// Keeps the old side from writing, where it can be reached.
    fn fence(&mut self) -> Vec<usize> {
        let (env, old) = (self.env, self.env.primary_region.clone());
        match env.dr.fence {
            Fence::Ecs => {}
            Fence::SecurityGroup => {
                let question = format!(
                    "Shut the old side off, where {old} can be reached: give its databases a security group that lets nobody in. Continue once it is so, or once it is certain that nobody writes there."
                );
                return vec![self.hand("Wait until the old side is shut off", vec![], question)];
            }
            Fence::None => {
                self.draft.note(format!(
                    "Nothing keeps {old} from taking writes (`fence = \"none\"`): what is written there after the promotion is not here."
                ));
                return Vec::new();
            }
        }
        let Some(services) = &env.services else { return Vec::new() };
        let each = services.services.iter().map(|service| {
            self.draft.step(
                format!("Fence {} in {old}", service.name),
                vec![],
                step::FenceService {
                    region: old.clone(),
                    cluster: services.cluster.clone(),
                    service: service.name.clone(),
                },
            )
        });
        each.collect()
    }

    /// Databases of the other side; the steps after which they can be written.
    fn databases(&mut self, heirs: &[(&Database, Heir<'_>)], fenced: &[usize]) -> Vec<usize> {
        let region = self.dr();
        let mut ready = Vec::new();
        for (database, heir) in heirs {
            match heir {
                Heir::Promoted(_) => {}
                Heir::Replica(replica) => ready.push(self.draft.step(
                    format!("Promote {replica}"),
                    fenced.to_vec(),
                    step::PromoteReplica {
                        region: region.clone(),
                        database: database.id.clone(),
                        replica: (*replica).to_owned(),
                    },
                )),
                Heir::Copy(copy, instance) => {
                    let group = self.found.subnet_group.clone().and_then(Result::ok).unwrap_or_default();
                    let restored = self.draft.step(
                        format!("Restore {} as {instance}", copy.id),
                        fenced.to_vec(),
                        step::RestoreTest {
                            region: region.clone(),
                            snapshot: copy.id.clone(),
                            instance: instance.clone(),
                            subnet_group: group,
                            security_groups: self.env.dr.db_security_groups.clone(),
                        },
                    );
                    ready.push(self.draft.step(
                        format!("Protect {instance} from deletion"),
                        vec![restored],
                        step::Protect { region: region.clone(), instance: instance.clone() },
                    ));
                }
            }
        }
        if ready.is_empty() { fenced.to_vec() } else { ready }
    }

    /// Replicas of secrets cannot be written; what was promoted can.
    fn secrets(&mut self, ready: Vec<usize>) -> Vec<usize> {
        let (region, Some(prefix)) = (self.dr(), &self.env.secrets_prefix) else { return ready };
        let title = format!("Promote the replicas of secrets under {prefix}");
        vec![self.draft.step(title, ready, step::PromoteSecrets { region, prefix: prefix.clone() })]
    }

    /// What serves there is led to what takes over, wherever an earlier move led it.
    fn endpoints(&mut self, heirs: &[(&Database, Heir<'_>)], ready: Vec<usize>) -> Vec<usize> {
        let region = self.dr();
        let led = heirs.iter().filter_map(|(database, heir)| {
            let secret = database.endpoint_secret.clone()?;
            let home = Away { region: self.env.primary_region.clone(), instance: database.id.clone() };
            let replica = database.dr_replica.clone().map(|instance| Away { region: region.clone(), instance });
            let point = step::PointSecret {
                region: region.clone(),
                secret: secret.clone(),
                from: database.id.clone(),
                to: heir.id().to_owned(),
                to_region: None,
                away_from: std::iter::once(home).chain(replica).collect(),
            };
            let title = format!("Lead secret {secret} in {region} to {}", heir.id());
            Some(self.draft.step(title, ready.clone(), point))
        });
        let led: Vec<usize> = led.collect();
        if led.is_empty() { ready } else { led }
    }

    fn hand(&mut self, title: impl Into<String>, after: Vec<usize>, question: String) -> usize {
        self.draft.step(title, after, step::WaitForPeople { question, rule: None, consent: Consent::Look })
    }

    /// What people do, one after the other, since nothing here does it.
    fn by_hand(&mut self, ready: Vec<usize>) -> Vec<usize> {
        let (env, region) = (self.env, self.dr());
        let mut asked: Vec<(String, String)> = Vec::new();
        if !env.file_systems.is_empty() {
            let ids: Vec<&str> = env.file_systems.iter().map(|files| files.id.as_str()).collect();
            let command = |id: &&str| {
                format!("`aws efs delete-replication-configuration --region {region} --source-file-system-id {id}`")
            };
            asked.push((
                "Wait until the files are there".to_owned(),
                format!(
                    "Make the files of {} writable in {region}: {} where they are replicated, else restore their newest recovery point there. Continue once the services can mount them.",
                    ids.join(", "),
                    ids.iter().map(command).collect::<Vec<_>>().join(", ")
                ),
            ));
        }
        if let Some(prefix) = &env.secrets_prefix {
            asked.push((
                "Wait until the secrets name the databases".to_owned(),
                format!(
                    "Let those secrets under {prefix} in {region} that name a database name the one there, and make those that are not there. Continue once it is so."
                ),
            ));
        }
        if let Some(stack) = &env.dr.stack {
            asked.push((
                format!("Wait until stack {stack} is up"),
                format!("Bring stack {stack} up in {region}. What does `aws cloudformation describe-stacks --region {region} --stack-name {stack} --query Stacks[0].StackStatus` say? Continue once that is CREATE_COMPLETE or UPDATE_COMPLETE; Hold while it is not: a ROLLBACK_COMPLETE is a failure."),
            ));
        }
        for command in &env.dr.manual {
            asked.push((
                "Wait for what is run by hand".to_owned(),
                format!("Run `{command}`; bbws does not. How did it end? Continue once it ended well; Hold while it did not."),
            ));
        }
        let mut after = ready;
        for (title, question) in asked {
            after = vec![self.hand(title, after, question)];
        }
        after
    }

    /// Services of the other side, with as many tasks as they have when they serve.
    fn services(&mut self, after: &[usize]) -> Vec<usize> {
        let env = self.env;
        let (Some(declared), Some(cluster)) = (&env.services, env.standby_cluster()) else { return Vec::new() };
        let mut scaled = Vec::new();
        for service in &declared.services {
            let Some(found) = self.found.services.iter().find(|found| found.name == service.name) else {
                self.draft.problem(format!(
                    "Cluster {cluster} in {} has no active service {}, so that nothing would serve there. Make it, or correct `services` and `dr.cluster` in bbws.toml.",
                    env.dr_region, service.name
                ));
                continue;
            };
            self.draft.fact(super::serves(&service.name), format!("{} tasks in {cluster}", found.desired));
            scaled.push(self.draft.step(
                format!("Scale {} to {}", service.name, service.desired),
                after.to_vec(),
                self.scale(&env.dr_region, cluster, &service.name, service.desired),
            ));
        }
        scaled
    }

    fn scale(&self, region: &str, cluster: &str, service: &str, desired: u32) -> step::ScaleService {
        step::ScaleService {
            region: region.to_owned(),
            cluster: cluster.to_owned(),
            service: service.to_owned(),
            desired,
        }
    }

    /// The side that takes over has to answer before anybody is sent there.
    fn inside(&mut self, after: Vec<usize>) -> Vec<usize> {
        let urls = &self.env.dr.urls;
        if urls.is_empty() {
            self.draft.note(
                "Whether the side that takes over serves is not watched before traffic goes there: `dr.urls` of the config names no address.",
            );
            return after;
        }
        let watch = step::WatchHealth {
            region: self.dr(),
            urls: urls.clone(),
            seconds: INSIDE,
            turns_back: false,
            holds: false,
        };
        vec![self.draft.step(format!("Ask {} whether it serves", urls.join(", ")), after, watch)]
    }

    /// Those who agree to the move of the traffic.
    fn people(&self) -> Vec<Need> {
        let rule = policy::needs(&self.known.rules, DNS, &self.env.name, "");
        if rule.is_empty() { policy::needs(&self.known.rules, super::KIND, &self.env.name, "") } else { rule }
    }

    fn agreement(&mut self, after: Vec<usize>) -> usize {
        let (old, new) = (&self.env.primary_region, &self.env.dr_region);
        let question = format!(
            "{} is ready in {new}. Shall its traffic go there now? What is written in {old} from then on is not in {new}, and what is written in {new} does not come back by itself.",
            self.env.name
        );
        let consent = Consent::Others(self.people());
        let title = format!("Wait for the word that traffic goes to {new}");
        self.draft.step(title, after, step::WaitForPeople { question, rule: Some(DNS.to_owned()), consent })
    }

    /// Shifts all traffic; the step after which it is there.
    fn traffic(&mut self, agreed: usize, begun: &mut Begun) -> usize {
        let Some(dns) = &self.env.dns else {
            self.draft.note("No records are moved: `dns` of the config names none.");
            return agreed;
        };
        let agreed = match &dns.routing_controls {
            Some(controls) => self.controls(agreed, controls, &mut begun.turned),
            None => agreed,
        };
        let records = match &self.found.records {
            // A batch of nothing is refused.
            _ if dns.records.is_empty() => return agreed,
            Some(Ok(records)) => records,
            Some(Err(why)) => {
                let question = format!(
                    "Route 53 could not be read when this was planned ({why}), so that nothing here moves the records of hosted zone {}. Give those of {} the weight {} and the others 0 by hand. Continue once it is so.",
                    dns.hosted_zone, self.env.dr_region, ALL
                );
                return self.hand("Wait until the records are moved by hand", vec![agreed], question);
            }
            None => return agreed,
        };
        let Some((there, was)) = self.weights(records) else { return agreed };
        self.draft.fact(format!("Hosted zone {}", dns.hosted_zone), traffic::listed(&was));
        let shift = step::ShiftTraffic { region: self.dr(), zone: dns.hosted_zone.clone(), records: there };
        let shifted = self.draft.step(format!("Shift traffic to {}", self.env.dr_region), vec![agreed], shift);
        begun.shifted = Some(shifted);
        shifted
    }

    /// Both controls in one change, over whichever endpoint takes it.
    fn controls(&mut self, agreed: usize, controls: &RoutingControls, turned: &mut Option<usize>) -> usize {
        let turn = traffic::turn(&self.env.dr_region, &controls.dr, &controls.primary, controls);
        let step = self.draft.step(format!("Turn routing controls to {}", self.env.dr_region), vec![agreed], turn);
        *turned = Some(step);
        step
    }

    /// The weights that are wanted and those there are; a problem where the config names records that are not there.
    fn weights(&mut self, records: &[RecordFound]) -> Option<(Vec<Weighing>, Vec<Weighing>)> {
        let weights = traffic::weighed(self.env, records, 0)
            .and_then(|wanted| Ok((wanted, traffic::as_found(self.env, records)?)));
        match weights {
            Ok(weights) => Some(weights),
            Err(why) => {
                self.draft.problem(why);
                None
            }
        }
    }

    /// From now on every command and the watcher follow it.
    fn active(&mut self, heirs: &[(&Database, Heir<'_>)], after: usize) -> usize {
        let instead = heirs.iter().map(|(database, heir)| (database.id.clone(), heir.id().to_owned()));
        let title = format!("Write down that {} runs in {}", self.env.name, self.env.dr_region);
        self.draft.step(title, vec![after], Active::dr(instead).remember())
    }

    /// Waits until clients have followed, and looks at the platform as its users see it.
    fn outside(&mut self, active: usize, begun: &Begun) {
        let mut after = active;
        if let (Some(shifted), Some(dns), Some(Ok(records))) = (begun.shifted, &self.env.dns, &self.found.records)
            && let Some((there, _)) = self.weights(records)
        {
            let settle = step::SettleTraffic {
                region: self.dr(),
                zone: dns.hosted_zone.clone(),
                records: there,
                seconds: traffic::forgotten_after(records),
            };
            let title = "Wait until resolvers have forgotten the old side";
            after = self.draft.step(title, vec![shifted, active], settle);
            self.cut_off(after);
        }
        let urls = self.env.health.as_ref().map(|health| health.urls.clone()).unwrap_or_default();
        if urls.is_empty() {
            self.draft.note("Health is not watched after the move: `health.urls` of the config names no address.");
            return;
        }
        let watch = self.env.restore.health_watch.0;
        let title = format!("Watch the health of {} for {}", self.env.name, crate::domain::moment::spoken(watch));
        let watch =
            step::WatchHealth { region: self.dr(), urls, seconds: watch.as_secs(), turns_back: false, holds: false };
        self.draft.step(title, vec![after], watch);
    }

    /// Whoever keeps a connection to the old side never leaves by itself. Where that side could not be reached before, it is stopped once
    /// more, and then its connections are seen to fall.
    fn cut_off(&mut self, settled: usize) {
        let (env, old) = (self.env, &self.env.primary_region);
        let mut cut = Vec::new();
        if let (Fence::Ecs, Some(services)) = (env.dr.fence, &env.services) {
            for service in &services.services {
                let fence = step::FenceService {
                    region: old.clone(),
                    cluster: services.cluster.clone(),
                    service: service.name.clone(),
                };
                let title = format!("Fence {} in {old} once more, now that traffic has left", service.name);
                cut.push(self.draft.step(title, vec![settled], fence));
            }
        }
        let databases: Vec<String> = env.databases.iter().map(|database| database.id.clone()).collect();
        if databases.is_empty() {
            return;
        }
        let title = format!("See connections to {} in {old} end", databases.join(", "));
        let drained = step::DrainConnections { region: self.dr(), from_region: old.clone(), databases, within: DRAINS };
        self.draft.step(title, if cut.is_empty() { vec![settled] } else { cut }, drained);
    }

    /// What was promoted or restored keeps no backups, and takes none before it is available.
    fn backups(&mut self, heirs: &[(&Database, Heir<'_>)], active: usize) {
        let (region, days) = (self.dr(), self.env.retention_days.default);
        for (_, heir) in heirs {
            let id = heir.id();
            let kept = self.draft.step(
                format!("Keep automated backups of {id}"),
                vec![active],
                step::AutomatedBackups {
                    region: region.clone(),
                    database: id.to_owned(),
                    days: days.min(MOST_DAYS),
                    window: None,
                },
            );
            let snapshot = restored::snapshot(id, &self.at.yyyymmdd(), self.operation);
            let made = self.draft.step(
                format!("Snapshot database {id}"),
                vec![kept],
                step::RdsSnapshot { region: region.clone(), database: id.to_owned(), snapshot: snapshot.clone() },
            );
            self.draft.step(
                format!("Verify {snapshot}"),
                vec![made],
                step::VerifySnapshot { region: region.clone(), snapshot, retention_days: days },
            );
        }
    }

    /// Traffic goes back, first to services that run again; data does not.
    fn back(&mut self, active: usize, begun: &Begun) {
        let env = self.env;
        let old = &env.primary_region;
        let mut up = Vec::new();
        if let Some(services) = env.services.as_ref().filter(|_| !begun.fenced.is_empty()) {
            for (service, fenced) in services.services.iter().zip(&begun.fenced) {
                let scale = self.scale(old, &services.cluster, &service.name, service.desired);
                let title = format!("Scale {} in {old} back to {}", service.name, service.desired);
                up.push(self.draft.back(title, vec![*fenced], scale));
            }
        }
        // Once the old side is known to run, and before anybody is led there: at no moment users write to both.
        let mut last = self.stopped(up, begun);
        let controls = env.dns.as_ref().and_then(|dns| dns.routing_controls.as_ref());
        if let (Some(turned), Some(controls)) = (begun.turned, controls) {
            let turn = traffic::turn(&env.dr_region, &controls.primary, &controls.dr, controls);
            let after = last.iter().copied().chain([turned]).collect();
            last = vec![self.draft.back(format!("Turn routing controls back to {old}"), after, turn)];
        }
        if let (Some(shifted), Some(dns), Some(Ok(records))) = (begun.shifted, &env.dns, &self.found.records)
            && let Some((_, was)) = self.weights(records)
        {
            let shift = step::ShiftTraffic { region: self.dr(), zone: dns.hosted_zone.clone(), records: was };
            let after = last.iter().copied().chain([shifted]).collect();
            last = vec![self.draft.back(format!("Shift traffic back to {old}"), after, shift)];
        }
        let after = last.iter().copied().chain([active]).collect();
        let title = format!("Write down that {} runs in {old}", env.name);
        self.draft.back(title, after, Active::primary().remember());
    }

    /// What serves in the DR region stops, and does not stand by either: it would write to a database that follows nothing any more.
    fn stopped(&mut self, up: Vec<usize>, begun: &Begun) -> Vec<usize> {
        let env = self.env;
        let mut last = up;
        let Some(cluster) = env.standby_cluster() else { return last };
        let before = last.clone();
        for (service, scaled) in env.services.iter().flat_map(|s| &s.services).zip(&begun.scaled) {
            let stop = self.scale(&env.dr_region, cluster, &service.name, 0);
            let title = format!("Stop {} in {}", service.name, env.dr_region);
            let after = before.iter().copied().chain([*scaled]).collect();
            last.push(self.draft.back(title, after, stop));
        }
        last
    }

    fn notes(&mut self) {
        if let Some(runbook) = self.env.dr.runbook_told(self.at) {
            self.draft.note(runbook);
        }
        let (old, new) = (&self.env.primary_region, &self.env.dr_region);
        self.draft.note(
            "A promotion cannot be undone: what was a replica never becomes one again, and a way home needs a new one.",
        );
        self.draft.note(format!(
            "Nothing of {old} is deleted. Roll back sends traffic back there, not data: what was written in {new} stays in {new}, whose services stop until `/bbws dr reprotect {}` lets them stand by again.",
            self.env.name
        ));
        self.draft.note(format!(
            "Connections that clients keep to {old} do not end by themselves: its services are stopped once more after the move where they can be reached, and what is still connected is said. From the move on no copy of {} is made in another region.",
            self.env.name
        ));
    }
}
