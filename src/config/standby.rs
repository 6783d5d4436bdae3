//! Checks on what stands ready in the DR region: `[environments.X.dr]`, and what `[environments.X.dns]` may say of it too.

use crate::domain::{
    environment::{Dns, Environment},
    standby::{Day, RoutingControls, Standby, Third},
};

use super::{
    access::unique,
    environments::{kms_key, web_address},
    forms::{self, Arn},
    tree::{At, Report},
};

/// The primary region has to be healthy at least a minute and at most a week before a failback.
const STABLE: std::ops::RangeInclusive<u64> = 60..=7 * 86_400;
/// More steps by hand than these are a runbook of their own.
const MOST_BY_HAND: usize = 20;
/// Characters of one of them.
const LONGEST_BY_HAND: usize = 500;
/// Endpoints an ARC cluster has.
const ENDPOINTS: usize = 5;

/// What may stand in either of the two tables.
struct Either<'a> {
    third: Option<&'a Third>,
    primary_kms_key: Option<&'a String>,
    stack: Option<&'a String>,
    manual: &'a [String],
    runbook: Option<&'a String>,
    runbook_reviewed: Option<&'a Day>,
}

impl<'a> Either<'a> {
    fn of_dr(dr: &'a Standby) -> Either<'a> {
        let Standby { third, primary_kms_key, stack, manual, runbook, runbook_reviewed, .. } = dr;
        Either {
            third: third.as_ref(),
            primary_kms_key: primary_kms_key.as_ref(),
            stack: stack.as_ref(),
            manual,
            runbook: runbook.as_ref(),
            runbook_reviewed: runbook_reviewed.as_ref(),
        }
    }

    fn of_dns(dns: &'a Dns) -> Either<'a> {
        let Dns { third, primary_kms_key, stack, manual, runbook, runbook_reviewed, .. } = dns;
        Either {
            third: third.as_ref(),
            primary_kms_key: primary_kms_key.as_ref(),
            stack: stack.as_ref(),
            manual,
            runbook: runbook.as_ref(),
            runbook_reviewed: runbook_reviewed.as_ref(),
        }
    }

    /// The keys that say something.
    fn said(&self) -> Vec<&'static str> {
        let all = [
            ("third", self.third.is_some()),
            ("primary_kms_key", self.primary_kms_key.is_some()),
            ("stack", self.stack.is_some()),
            ("manual", !self.manual.is_empty()),
            ("runbook", self.runbook.is_some()),
            ("runbook_reviewed", self.runbook_reviewed.is_some()),
        ];
        all.into_iter().filter(|(_, said)| *said).map(|(key, _)| key).collect()
    }

    fn check(&self, env: &Environment, at: &At, report: &mut Report<'_>) {
        if let Some(third) = self.third {
            self::third(third, env, &at.key("third"), report);
        }
        if let Some(key) = self.primary_kms_key {
            let need = (
                "what a failback brings back is encrypted under a key of the primary region",
                env.primary_region.as_str(),
            );
            kms_key(key, env, need, &at.key("primary_kms_key"), report);
        }
        if let Some(stack) = self.stack
            && !(forms::word(stack, 128, "-") && stack.starts_with(|c: char| c.is_ascii_alphabetic()))
        {
            let text = "is not a CloudFormation stack's name; use letters, digits and -, a letter first";
            report.problem(&at.key("stack"), format_args!("`{stack}` {text}"));
        }
        by_hand(self.manual, &at.key("manual"), report);
        if let Some(runbook) = self.runbook {
            web_address(runbook, &at.key("runbook"), report);
        } else if self.runbook_reviewed.is_some() {
            report
                .problem(&at.key("runbook"), "is missing, though runbook_reviewed is set; write the runbook's address");
        }
    }
}

/// What the `dns` table says of the DR region is kept with the rest of it.
pub(super) fn kept_in_one_place(mut env: Environment) -> Environment {
    let (Some(dns), dr) = (&mut env.dns, &mut env.dr) else { return env };
    dr.third = dr.third.take().or(dns.third.take());
    dr.primary_kms_key = dr.primary_kms_key.take().or(dns.primary_kms_key.take());
    dr.stack = dr.stack.take().or(dns.stack.take());
    if dr.manual.is_empty() {
        dr.manual = std::mem::take(&mut dns.manual);
    }
    dr.runbook = dr.runbook.take().or(dns.runbook.take());
    dr.runbook_reviewed = dr.runbook_reviewed.or(dns.runbook_reviewed.take());
    env
}

/// One environment's.
pub(super) fn check(env: &Environment, at: &At, report: &mut Report<'_>) {
    let (dr, dns) = (at.key("dr"), at.key("dns"));
    let here = Either::of_dr(&env.dr);
    here.check(env, &dr, report);
    if let Some(found) = &env.dns {
        let there = Either::of_dns(found);
        there.check(env, &dns, report);
        for key in there.said().into_iter().filter(|key| here.said().contains(key)) {
            report.problem(&dns.key(key), format_args!("stands in `{dr}` as well; remove one of them"));
        }
        if let Some(controls) = &found.routing_controls {
            routing_controls(controls, env, &dns.key("routing_controls"), report);
        }
    }
    network(env, &dr, report);
    regions(env, &dr, report);
    for (index, url) in env.dr.urls.iter().enumerate() {
        web_address(url, &dr.key("urls").item(index), report);
    }
    unique(env.dr.urls.iter().map(String::as_str), |i| dr.key("urls").item(i), report);
    if !STABLE.contains(&env.dr.stable.0.as_secs()) {
        let text = "is not how long the primary region has to be healthy before a failback; set one from `1m` to `7d`";
        report.problem(&dr.key("stable"), text);
    }
    if !env.replicates() && env.dr != Standby::default() {
        let text = "says what stands ready in the DR region, but replication is \"disabled\", so that nothing is ever failed over";
        report.warning(&dr, text);
    }
}

fn network(env: &Environment, at: &At, report: &mut Report<'_>) {
    if let Some(group) = env.dr.db_subnet_group.as_ref().filter(|group| !forms::word(group, 255, "-_. ")) {
        let text = "is not a DB subnet group's name; use letters, digits, spaces, -, _ and .";
        report.problem(&at.key("db_subnet_group"), format_args!("`{group}` {text}"));
    }
    let groups = at.key("db_security_groups");
    for (index, group) in env.dr.db_security_groups.iter().enumerate().filter(|(_, g)| !forms::security_group(g)) {
        let text = "is not a security group id (sg- and hexadecimal digits)";
        report.problem(&groups.item(index), format_args!("`{group}` {text}"));
    }
    unique(env.dr.db_security_groups.iter().map(String::as_str), |i| groups.item(i), report);
    let subnets = at.key("efs_subnets");
    for (index, subnet) in env.dr.efs_subnets.iter().enumerate().filter(|(_, s)| !forms::subnet(s)) {
        let text = "is not a subnet id (subnet- and hexadecimal digits)";
        report.problem(&subnets.item(index), format_args!("`{subnet}` {text}"));
    }
    unique(env.dr.efs_subnets.iter().map(String::as_str), |i| subnets.item(i), report);
    if let Some(cluster) = &env.dr.cluster {
        let at = at.key("cluster");
        if !forms::word(cluster, 255, "-_") {
            report.problem(&at, format_args!("`{cluster}` is not an ECS name; use 1 to 255 letters, digits, - and _"));
        } else if env.services.is_none() {
            report.problem(
                &at,
                "is set, but no `services` say what runs in it; add an `[environments.….services]` table",
            );
        }
    }
}

fn regions(env: &Environment, at: &At, report: &mut Report<'_>) {
    let Some(region) = &env.dr.third_region else { return };
    let at = at.key("third_region");
    if !forms::REGIONS.contains(&region.as_str()) {
        let next = match forms::nearest(region, &forms::REGIONS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "use a region's code such as `eu-central-1`".to_owned(),
        };
        report.problem(&at, format_args!("`{region}` is not an AWS region; {next}"));
    } else if *region == env.primary_region || *region == env.dr_region {
        report.problem(&at, format_args!("`{region}` is the primary or the DR region already; name a third one"));
    } else if forms::partition(region) != forms::partition(&env.primary_region) {
        let primary = &env.primary_region;
        let text = format_args!("nothing can be copied to `{region}`: it is in another AWS partition than `{primary}`");
        report.problem(&at, text);
    }
}

fn third(third: &Third, env: &Environment, at: &At, report: &mut Report<'_>) {
    let Some(region) = &env.dr.third_region else {
        return report.problem(
            at,
            "says what stands ready in a third region, but `dr.third_region` does not say in which; set it",
        );
    };
    if !forms::vault(&third.vault) {
        let text = "is not a backup vault's name; use 2 to 50 letters, digits, - and _";
        report.problem(&at.key("vault"), format_args!("`{}` {text}", third.vault));
    }
    let need = ("copies there need a key of the third region", region.as_str());
    kms_key(&third.kms_key, env, need, &at.key("kms_key"), report);
    if !forms::bucket(&third.bucket) {
        let text = "is not an S3 bucket's name (not its ARN or address)";
        report.problem(&at.key("bucket"), format_args!("`{}` {text}", third.bucket));
    }
    if !forms::word(&third.subnet_group, 255, "-_. ") {
        let text = "is not a DB subnet group's name; use letters, digits, spaces, -, _ and .";
        report.problem(&at.key("subnet_group"), format_args!("`{}` {text}", third.subnet_group));
    }
}

fn by_hand(commands: &[String], at: &At, report: &mut Report<'_>) {
    if commands.len() > MOST_BY_HAND {
        report.problem(at, format_args!("has more than {MOST_BY_HAND} entries; put them into a script, and name that"));
    }
    for (index, command) in commands.iter().enumerate() {
        let length = command.chars().count();
        if command.trim().is_empty() || length > LONGEST_BY_HAND || command.chars().any(char::is_control) {
            let text =
                format!("is not one line of 1 to {LONGEST_BY_HAND} characters that a person can be asked to run");
            report.problem(&at.item(index), text);
        }
    }
}

fn routing_controls(controls: &RoutingControls, env: &Environment, at: &At, report: &mut Report<'_>) {
    let account = &env.account;
    for (key, text) in [("primary", &controls.primary), ("dr", &controls.dr)] {
        let is = Arn::parse(text).is_some_and(|arn| {
            arn.service == "route53-recovery-control"
                && arn.account == account.as_str()
                && arn.resource.starts_with("controlpanel/")
                && arn.resource.contains("/routingcontrol/")
        });
        if !is {
            report.problem(
                &at.key(key),
                format_args!("`{text}` is not the ARN of a routing control of account {account}; use one such as `arn:aws:route53-recovery-control::{account}:controlpanel/…/routingcontrol/…`"),
            );
        }
    }
    if controls.primary == controls.dr {
        report.problem(&at.key("dr"), "is the control of the primary region too; name the one of the DR region");
    }
    let endpoints = at.key("endpoints");
    if !(1..=ENDPOINTS).contains(&controls.endpoints.len()) {
        let text = format!("an ARC cluster has {ENDPOINTS} endpoints, of which any may be down; name them");
        report.problem(&endpoints, text);
    }
    for (index, url) in controls.endpoints.iter().enumerate() {
        web_address(url, &endpoints.item(index), report);
    }
    unique(controls.endpoints.iter().map(String::as_str), |i| endpoints.item(i), report);
}
