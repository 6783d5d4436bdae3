//! The way back of a failback: writers and traffic go to the DR region again; data does not. Nobody writes on two sides on this way
//! either: what writes at home stops before what is in the DR region starts.

use super::{
    super::{aside::scale, traffic},
    route::{Begun, Home, Route},
};
use crate::domain::{active::Active, step};

impl Route<'_> {
    /// Each step undoes what came before it, as far as that was begun.
    pub(super) fn back(&mut self, homes: &[Home<'_>], active: usize, begun: &Begun) {
        let env = self.env;
        let (here, there) = (&env.primary_region, &env.dr_region);
        let mut last: Vec<usize> = Vec::new();
        let and = |last: &[usize], own: usize| last.iter().copied().chain([own]).collect::<Vec<_>>();
        if let Some(declared) = &env.services {
            for (service, started) in declared.services.iter().zip(&begun.started) {
                let stop = scale(here, &declared.cluster, &service.name, 0);
                let title = format!("Stop {} in {here}", service.name);
                last.push(self.draft.back(title, vec![*started], stop));
            }
        }
        let cluster = env.standby_cluster().unwrap_or_default();
        let there_now = self.tasks_there();
        for ((service, _), restarted) in there_now.iter().zip(&begun.restarted) {
            let title = format!("Stop {service} in {there}, which writes to {here}");
            last.push(self.draft.back(title, vec![*restarted], scale(there, cluster, service, 0)));
        }
        for (pointed, region, secret) in &begun.pointed {
            let title = format!("Lead secret {secret} in {region} back");
            let back = step::PointSecretBack { region: region.clone(), secret: secret.clone() };
            last.push(self.draft.back(title, and(&last, *pointed), back));
        }
        for ((service, tasks), stopped) in there_now.iter().zip(&begun.stopped) {
            let title = format!("Scale {service} in {there} back to {tasks}");
            last.push(self.draft.back(title, and(&last, *stopped), scale(there, cluster, service, *tasks)));
        }
        let controls = env.dns.as_ref().and_then(|dns| dns.routing_controls.as_ref());
        if let (Some(turned), Some(controls)) = (begun.turned, controls) {
            let turn = traffic::turn(there, &controls.dr, &controls.primary, controls);
            let title = format!("Turn routing controls back to {there}");
            last.push(self.draft.back(title, and(&last, turned), turn));
        }
        if let (Some(first), Some(dns), Some(Ok(records))) = (begun.shifted.first(), &env.dns, &self.found.records)
            && let Ok(were) = traffic::as_found(env, records)
        {
            let shift = step::ShiftTraffic { region: there.clone(), zone: dns.hosted_zone.clone(), records: were };
            let title = format!("Shift traffic back to {there}");
            last.push(self.draft.back(title, and(&last, *first), shift));
        }
        let instead = homes.iter().map(|home| (home.database.id.clone(), home.heir.id.clone()));
        let title = format!("Write down that {} runs in {there}", env.name);
        self.draft.back(title, and(&last, active), Active::dr(instead).remember());
    }
}
