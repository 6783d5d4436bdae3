//! The second half of the way home: the database there can be written, services and traffic follow it.

use super::{
    super::{
        aside::scale,
        failover,
        traffic::{self, ALL},
    },
    route::{Begun, Home, Route},
};
use crate::domain::{active::Active, environment::Dns, mark::MarkKind, moment::spoken, step, world::RecordFound};

/// RDS keeps automated backups for no more days.
const MOST_DAYS: u32 = 35;
/// Percent of the traffic, part by part.
const PARTS: [u8; 3] = [10, 50, ALL];

impl Route<'_> {
    /// Everything after the promotion; the step after which every command follows.
    pub(super) fn turn(&mut self, homes: &[Home<'_>], promoted: Vec<usize>, begun: &mut Begun) -> usize {
        let led = self.secrets(homes, &promoted, begun);
        let active = self.active(homes, led);
        let served = self.services(active, begun);
        let validated = self.validations(homes, &promoted);
        // Not beside that: what RDS modifies or backs up is not to be compared.
        self.backups_at_home(homes, validated.iter().copied().chain([active]).collect());
        let checked = served.into_iter().chain(validated).collect();
        let moved = self.traffic(checked, begun);
        let settled = self.settle(moved);
        self.watch(settled.clone());
        self.standing(&settled, begun);
        active
    }

    /// Both sides' services read where the database is before they start again.
    fn secrets(&mut self, homes: &[Home<'_>], promoted: &[usize], begun: &mut Begun) -> Vec<usize> {
        let (here, there) = (self.env.primary_region.clone(), self.env.dr_region.clone());
        let mut led = promoted.to_vec();
        for home in homes {
            let Some(secret) = &home.database.endpoint_secret else { continue };
            let id = &home.database.id;
            for region in [&here, &there] {
                let from = match *region == here {
                    true => self.was_live(id).unwrap_or_else(|| id.clone()),
                    false => home.heir.id.clone(),
                };
                let point = step::PointSecret {
                    region: region.clone(),
                    secret: secret.clone(),
                    from,
                    to: id.clone(),
                    to_region: (*region != here).then(|| here.clone()),
                    away_from: Vec::new(),
                };
                let title = format!("Lead secret {secret} in {region} to {id} in {here}");
                let step = self.draft.step(title, promoted.to_vec(), point);
                begun.pointed.push((step, region.clone(), secret.clone()));
                led.push(step);
            }
        }
        led
    }

    /// From now on every command and the watcher follow it: what is written, is written there.
    fn active(&mut self, homes: &[Home<'_>], after: Vec<usize>) -> usize {
        let title = format!("Write down that {} runs in {}", self.env.name, self.env.primary_region);
        let active = self.draft.step(title, after, Active::primary().remember());
        for id in homes.iter().map(|home| &home.database.id) {
            if self.was_live(id).is_some() {
                let title = format!("Write down that {id} is live as {id} again");
                let forget = step::Forget { mark: MarkKind::Live, subject: id.clone() };
                self.draft.step(title, vec![active], forget);
            }
        }
        active
    }

    /// What was promoted keeps no backups by itself; the first one is made now, with its copy.
    fn backups_at_home(&mut self, homes: &[Home<'_>], after: Vec<usize>) {
        let env = self.env;
        let (here, there, days) = (env.primary_region.clone(), env.dr_region.clone(), env.retention_days.default);
        for home in homes {
            let id = &home.database.id;
            let kept = self.draft.step(
                format!("Keep automated backups of {id}"),
                after.clone(),
                step::AutomatedBackups {
                    region: here.clone(),
                    database: id.clone(),
                    days: days.min(MOST_DAYS),
                    window: None,
                },
            );
            let aside = self.aside();
            let verified = aside.snapshot(&mut self.draft, (&here, id), id, vec![kept]);
            if let Some(key) = &env.dr_kms_key {
                aside.copy(&mut self.draft, aside.snapshot_of(id), (&here, &there, key), verified);
            }
        }
    }

    /// Services at home, and where traffic moves in parts those of the other side too, which now write at home as well.
    fn services(&mut self, active: usize, begun: &mut Begun) -> Vec<usize> {
        let env = self.env;
        let Some(declared) = &env.services else {
            let question = format!(
                "{} can be written. Start what serves there now. Continue once it answers.",
                env.primary_region
            );
            return vec![self.hand("Wait until what serves is started", vec![active], question)];
        };
        for service in &declared.services {
            let start = scale(&env.primary_region, &declared.cluster, &service.name, service.desired);
            let title = format!("Scale {} in {} to {}", service.name, env.primary_region, service.desired);
            begun.started.push(self.draft.step(title, vec![active], start));
        }
        if let Some(cluster) = env.standby_cluster().filter(|_| self.staged) {
            for (service, tasks) in self.tasks_there() {
                let start = scale(&env.dr_region, cluster, &service, tasks);
                let title = format!("Scale {service} in {} to {tasks} again", env.dr_region);
                begun.restarted.push(self.draft.step(title, vec![active], start));
            }
        }
        begun.started.iter().chain(&begun.restarted).copied().collect()
    }

    /// The services of the DR region with the tasks they have now.
    pub(super) fn tasks_there(&self) -> Vec<(String, u32)> {
        let declared = self.env.services.iter().flat_map(|services| &services.services);
        let tasks = |name: &str| self.found.services.iter().find(|found| found.name == name).map(|found| found.desired);
        declared.filter_map(|service| Some((service.name.clone(), tasks(&service.name)?))).collect()
    }

    /// What is in the databases at home is held against what was live until then, before anybody is sent there.
    fn validations(&mut self, homes: &[Home<'_>], promoted: &[usize]) -> Vec<usize> {
        let env = self.env;
        let mut checked = Vec::new();
        for home in homes {
            let id = &home.database.id;
            let Some(dump) = env.dumps.iter().find(|dump| dump.database == *id) else {
                self.draft.note(format!(
                    "What is in {id} is not compared with {}: no `dumps` entry in the config names a login for it.",
                    home.heir.id
                ));
                continue;
            };
            let tenants = env.tenants.values().filter(|tenant| tenant.database.as_ref() == Some(id));
            let validate = step::VerifyDatabase {
                region: env.primary_region.clone(),
                source_region: Some(env.dr_region.clone()),
                instance: id.clone(),
                database: home.heir.id.clone(),
                engine: home.database.engine,
                secret: Some(dump.secret.clone()),
                schemas: dump.schemas.clone(),
                wordpress: tenants.filter_map(|tenant| tenant.schema.clone()).collect(),
                data_of: crate::domain::moment::Moment(0),
                rpo_seconds: env.rpo.0.as_secs(),
                measures: true,
                live: true,
                turns_back: false,
                alone: false,
            };
            let title = format!("Validate {id} against {}", home.heir.id);
            checked.push(self.draft.step(title, promoted.to_vec(), validate));
        }
        checked
    }

    fn records(&mut self) -> Option<&[RecordFound]> {
        let found: &crate::domain::world::StandbyFound = self.found;
        match found.records.as_ref()? {
            Ok(records) => Some(records),
            Err(why) => {
                self.draft
                    .problem(format!("Route 53 cannot be read ({why}), so that no traffic could go home. Ask again."));
                None
            }
        }
    }

    fn traffic(&mut self, checked: Vec<usize>, begun: &mut Begun) -> Vec<usize> {
        let env = self.env;
        let Some(dns) = &env.dns else {
            self.draft.note("No records are moved: `dns` of the config names none.");
            return checked;
        };
        if let Some(controls) = &dns.routing_controls {
            let shifted = self.shifts(dns, checked, begun);
            let turn = traffic::turn(&env.primary_region, &controls.primary, &controls.dr, controls);
            let turned = self.draft.step(format!("Turn routing controls to {}", env.primary_region), shifted, turn);
            begun.turned = Some(turned);
            return vec![turned];
        }
        self.shifts(dns, checked, begun)
    }

    /// The records, in as many parts as they are moved in.
    fn shifts(&mut self, dns: &Dns, checked: Vec<usize>, begun: &mut Begun) -> Vec<usize> {
        let env = self.env;
        // A batch of nothing is refused.
        if dns.records.is_empty() {
            return checked;
        }
        let Some(records) = self.records().map(<[RecordFound]>::to_vec) else { return checked };
        match traffic::as_found(env, &records) {
            Ok(were) => self.draft.fact(format!("Hosted zone {}", dns.hosted_zone), traffic::listed(&were)),
            Err(why) => {
                self.draft.problem(why);
                return checked;
            }
        }
        let parts: &[u8] = if self.staged { &PARTS } else { &[ALL] };
        let mut after = checked;
        for part in parts {
            if self.staged {
                let question = format!(
                    "Services of both sides write to {}. Shall it get {part} % of the traffic now?",
                    env.primary_region
                );
                let title = format!("Wait for the word that {} gets {part} %", env.primary_region);
                after = vec![self.ask(title, after, question)];
            }
            let Ok(weights) = traffic::weighed(env, &records, *part) else { return after };
            let shift = step::ShiftTraffic {
                region: env.primary_region.clone(),
                zone: dns.hosted_zone.clone(),
                records: weights,
            };
            let shifted =
                self.draft.step(format!("Shift {part} % of the traffic to {}", env.primary_region), after, shift);
            begun.shifted.push(shifted);
            after = vec![shifted];
            if *part < ALL {
                after = self.watched(after, true);
            }
        }
        after
    }

    /// Waits until clients have followed.
    fn settle(&mut self, after: Vec<usize>) -> Vec<usize> {
        let env = self.env;
        let (Some(dns), Some(Ok(records))) = (&env.dns, &self.found.records) else { return after };
        if dns.records.is_empty() {
            return after;
        }
        let Ok(weights) = traffic::weighed(env, records, ALL) else { return after };
        let settle = step::SettleTraffic {
            region: env.primary_region.clone(),
            zone: dns.hosted_zone.clone(),
            records: weights,
            seconds: traffic::forgotten_after(records),
        };
        vec![self.draft.step("Wait until resolvers have forgotten the other side", after, settle)]
    }

    /// Looks at the platform as its users see it.
    fn watched(&mut self, after: Vec<usize>, holds: bool) -> Vec<usize> {
        let env = self.env;
        let urls = env.health.as_ref().map(|health| health.urls.clone()).unwrap_or_default();
        if urls.is_empty() {
            return after;
        }
        let watch = env.restore.health_watch.0;
        let title = format!("Watch the health of {} for {}", env.name, spoken(watch));
        let region = env.primary_region.clone();
        let watch = step::WatchHealth { region, urls, seconds: watch.as_secs(), turns_back: false, holds };
        vec![self.draft.step(title, after, watch)]
    }

    fn watch(&mut self, after: Vec<usize>) {
        let watched = self.watched(after.clone(), false);
        if watched == after {
            self.draft.note("Health is not watched after the move: `health.urls` of the config names no address.");
        }
    }

    /// The other side gets its standing size again, where its services do not write to a database of their own then.
    fn standing(&mut self, settled: &[usize], begun: &Begun) {
        let env = self.env;
        let Some(cluster) = env.standby_cluster().filter(|_| env.services.is_some()) else { return };
        let there = &env.dr_region;
        if !self.led() {
            self.draft.note(format!(
                "Services in {there} stay at 0 tasks: without `endpoint_secret` they would write to the database there, which follows nothing any more."
            ));
            return;
        }
        for (service, _) in self.tasks_there() {
            let left = self.known.past.first();
            let Some(tasks) = left.and_then(|left| failover::stood_by(&left.op.plan, &service)) else {
                self.draft.note(format!(
                    "How many tasks {service} has in {there} while it stands by is not known: set it by hand afterwards."
                ));
                continue;
            };
            let title = format!("Scale {service} in {there} to {tasks}, its standing size");
            let after = settled.iter().chain(&begun.restarted).copied().collect();
            self.draft.step(title, after, scale(there, cluster, &service, tasks));
        }
    }
}
