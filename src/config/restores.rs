//! Checks on what restores go by: `[environments.X.restore]`, and how each database is cut over.

use crate::domain::environment::{Cutover, Environment};

use super::{
    forms,
    tree::{At, Report},
};

/// Health is watched for at most so long: the run holds its environment meanwhile.
const LONGEST_WATCH: u64 = 3600;
/// What was live before costs as much as what is live.
const LONGEST_KEEP_DAYS: u64 = 90;

/// One environment's.
pub(super) fn check(env: &Environment, at: &At, report: &mut Report<'_>) {
    let restore = at.key("restore");
    if let Some(group) = &env.restore.subnet_group {
        let at = restore.key("subnet_group");
        if group.eq_ignore_ascii_case("default") {
            report.problem(&at, "`default` is not cut off from the platform; name a DB subnet group made for restores");
        } else if !forms::word(group, 255, "-_. ") {
            let text = "is not a DB subnet group's name; use letters, digits, spaces, -, _ and .";
            report.problem(&at, format_args!("`{group}` {text}"));
        }
    }
    let watch = env.restore.health_watch.0.as_secs();
    if !(1..=LONGEST_WATCH).contains(&watch) {
        report.problem(&restore.key("health_watch"), "is not a time to watch health for; set one from `1m` to `1h`");
    }
    let kept = env.restore.keep_before.0.as_secs() / 3600;
    if !(1..=LONGEST_KEEP_DAYS * 24).contains(&kept) {
        let text = "is not how long what was live before is kept; set one from `1h` to `90d`";
        report.problem(&restore.key("keep_before"), text);
    }
    let databases = at.key("databases");
    for (index, database) in env.databases.iter().enumerate() {
        let at = databases.item(index);
        if let Some(secret) = &database.endpoint_secret
            && (!forms::word(secret, 512, "/_+=.@-") || secret.ends_with('/'))
        {
            let text = "is not a secret's name; use letters, digits and /_+=.@- (not its ARN)";
            report.problem(&at.key("endpoint_secret"), format_args!("`{secret}` {text}"));
        }
        if database.cutover == Some(Cutover::Secret) && database.endpoint_secret.is_none() {
            let text =
                "`secret` needs endpoint_secret, the secret that the application reads; name it, or set \"rename\"";
            report.problem(&at.key("cutover"), text);
        }
    }
}
