//! The config file: the example loads, and each mistake is refused with its line, its reason and the next step.

mod data;
mod mutations;
mod standby;
mod variables;

use bbws::config::{Config, DEMO, EXAMPLE};

/// The example with parts of it replaced.
fn edited(edits: &[(&str, &str)]) -> String {
    replaced(EXAMPLE, edits)
}

fn replaced(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the example has no `{from}`");
        text.replacen(from, to, 1)
    })
}

/// What is said about the example after these edits.
fn refusal(edits: &[(&str, &str)]) -> String {
    said(Config::parse(&edited(edits), "bbws.toml").expect_err("must be refused"))
}

fn said(problems: Vec<bbws::config::Problem>) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_unknown_key_at_the_top() {
    let said = refusal(&[("[slack]", "retries = 3\n[slack]")]);
    insta::assert_snapshot!(said, @"bbws.toml:3: retries: `retries` is not a known key; remove it, or use one of: slack, roles, topics, approvals, approval_limits, incident, environments");
}

#[test]
fn unknown_keys_inside_tables() {
    let said = refusal(&[
        ("retention_days = { min = 7", "retention_day = 3\nretention_days = { minimum = 7, min = 7"),
        (
            "hosted_zone =",
            r#"hostd_zone = "x"
hosted_zone ="#,
        ),
    ]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:93: environments.prod.retention_day: `retention_day` is not a known key; did you mean `retention_days`?
    bbws.toml:94: environments.prod.retention_days.minimum: `minimum` is not a known key; remove it, or use one of: min, default, max
    bbws.toml:115: environments.prod.dns.hostd_zone: `hostd_zone` is not a known key; did you mean `hosted_zone`?
    ");
}

#[test]
fn an_unknown_section() {
    let said = refusal(&[("[approval_limits]", "[aproval_limits]")]);
    insta::assert_snapshot!(said, @"bbws.toml:51: aproval_limits: `aproval_limits` is not a known key; did you mean `approval_limits`?");
}

#[test]
fn a_required_key_left_out() {
    let said = refusal(&[(
        r#"vault = "bbws-prod"
"#,
        "",
    )]);
    insta::assert_snapshot!(said, @"bbws.toml:88: environments.prod.vault: is missing; set it");
}

#[test]
fn sections_left_out() {
    let said = refusal(&[("[slack]", "[[slak]]")]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:1: slack: is missing; add a [slack] table (the example, bbws.toml, shows one)
    bbws.toml:3: slak: `slak` is not a known key; did you mean `slack`?
    ");
}

#[test]
fn values_of_the_wrong_type() {
    let said = refusal(&[
        (r#"account = "093646564004""#, "account = 93646564004"),
        (r#"rpo = "1h""#, r#"rpo = "1 hour""#),
        (r#"replication = "enabled""#, r#"replication = "on""#),
        ("default = 3,", "default = -3,"),
    ]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:74: environments.sit.replication: `on` is not valid; use one of `disabled`, `enabled`, `mandatory`
    bbws.toml:75: environments.sit.retention_days.default: expected a whole number, 0 or more, found integer `-3`
    bbws.toml:89: environments.prod.account: expected a string, found integer `93646564004`; put it in quotes
    bbws.toml:94: environments.prod.rpo: `1 hour` is not a length of time; write a number and s, m, h or d, such as `15m`
    ");
}

#[test]
fn text_that_is_not_toml() {
    let said = refusal(&[(r#"rpo = "4h""#, "rpo = 4h"), (r#"vault = "bbws-sit""#, r#"vault = "bbws-sit"#)]);
    insta::assert_snapshot!(said, @r#"
    bbws.toml:76: not valid TOML: string values must be quoted, expected literal string
    bbws.toml:78: not valid TOML: invalid basic string, expected `"`
    "#);
}

#[test]
fn a_key_set_twice() {
    let said = refusal(&[(
        r#"rto = "8h""#,
        r#"rto = "8h"
rto = "9h""#,
    )]);
    insta::assert_snapshot!(said, @"bbws.toml:78: not valid TOML: duplicate key");
}

#[test]
fn an_unknown_region() {
    let said = refusal(&[(
        r#"primary_region = "af-south-1"
dr_region = "eu-west-1"
replication = "mandatory""#,
        r#"primary_region = "af-sout-1"
dr_region = "mars-north-1"
replication = "mandatory""#,
    )]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:90: environments.prod.primary_region: `af-sout-1` is not an AWS region; did you mean `af-south-1`?
    bbws.toml:91: environments.prod.dr_region: `mars-north-1` is not an AWS region; use a region's code such as `eu-west-1`
    ");
}

#[test]
fn a_dr_region_that_is_the_primary() {
    let said = refusal(&[(
        r#"dr_region = "eu-west-1"
replication = "mandatory""#,
        r#"dr_region = "af-south-1"
replication = "mandatory""#,
    )]);
    insta::assert_snapshot!(said, @"bbws.toml:91: environments.prod.dr_region: `af-south-1` is the primary region too, so its failure would take the copies along; choose another");
}

#[test]
fn a_dr_region_of_another_partition() {
    let said = refusal(&[(
        r#"dr_region = "eu-west-1"
replication = "enabled""#,
        r#"dr_region = "cn-north-1"
replication = "enabled""#,
    )]);
    insta::assert_snapshot!(said, @"bbws.toml:73: environments.sit.dr_region: nothing can be copied from `af-south-1` to `cn-north-1`: they belong to separate AWS partitions");
}

#[test]
fn a_prod_retention_under_its_own_minimum() {
    let said = refusal(&[("min = 7, default = 30, max = 30", "min = 7, default = 5, max = 30")]);
    insta::assert_snapshot!(said, @"bbws.toml:93: environments.prod.retention_days.default: 5 is under min (7); set 7 or more");
}

#[test]
fn a_prod_retention_under_the_products_floor() {
    let said = refusal(&[("min = 7, default = 30, max = 30", "min = 3, default = 30, max = 30")]);
    insta::assert_snapshot!(said, @"bbws.toml:93: environments.prod.retention_days.min: 3 is under the floor of 7 for `prod`; set 7 or more");
}

#[test]
fn retention_that_contradicts_itself() {
    let said = refusal(&[
        ("min = 7, default = 30, max = 30", "min = 31, default = 30, max = 30"),
        ("min = 3, default = 3, max = 14", "min = 3, default = 15, max = 14"),
        ("min = 1, default = 1, max = 7", "min = 0, default = 1, max = 99999"),
    ]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:60: environments.dev.retention_days.min: 0 is under the floor of 1 for `dev`; set 1 or more
    bbws.toml:60: environments.dev.retention_days.max: 99999 is over what AWS Backup keeps; set 36500 or less
    bbws.toml:75: environments.sit.retention_days.default: 15 is over max (14); set 14 or less
    bbws.toml:93: environments.prod.retention_days.min: 31 is over max (30); set 30 or less, or raise max
    ");
}

#[test]
fn an_approver_role_with_nobody_in_it() {
    let said = refusal(&[(r#"dba = { users = ["U0BOB", "U0CAROL"] }"#, "dba = { users = [] }")]);
    insta::assert_snapshot!(said, @"bbws.toml:12: roles.dba: role `dba` has nobody in it; list users, or name a Slack user group");
}

#[test]
fn an_approver_group_without_an_id() {
    let said = refusal(&[(r#"lead = { users = ["U0CAROL"] }"#, r#"lead = { group = "" }"#)]);
    insta::assert_snapshot!(said, @"bbws.toml:13: roles.lead.group: `` is not a user group id (S…)");
}

#[test]
fn an_approver_role_that_does_not_exist() {
    let said = refusal(&[(r#"{ role = "lead", count = 1 }"#, r#"{ role = "leed", count = 1 }"#)]);
    insta::assert_snapshot!(said, @"bbws.toml:37: approvals[2].need[1].role: `leed` is not a role of this file; did you mean `lead`?");
}

#[test]
fn more_approvers_than_there_are() {
    let said = refusal(&[(
        r#"environments = ["prod"]
need = [{ role = "operator", count = 1 }]"#,
        r#"environments = ["prod"]
need = [{ role = "operator", count = 4 }]"#,
    )]);
    insta::assert_snapshot!(said, @"bbws.toml:26: approvals[0].need[0].count: 4 approvers are asked for, but role `operator` lists 3; add people or ask for fewer");
}

#[test]
fn an_approver_count_of_none() {
    let said = refusal(&[(r#"need = [{ role = "dba", count = 1 }]"#, r#"need = [{ role = "dba", count = 0 }]"#)]);
    insta::assert_snapshot!(said, @"bbws.toml:31: approvals[1].need[0].count: 0 approvers are none; set 1 or more, or write need = [] for no approval");
}

#[test]
fn rules_about_what_does_not_exist() {
    let said = refusal(&[
        (
            r#"operations = ["backup.create", "backup.schedule"]
environments = ["prod"]"#,
            r#"operations = ["backup.creat", "coffee.make"]
environments = ["prd"]"#,
        ),
        (r#"scope = "full""#, r#"scope = "everything""#),
    ]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:24: approvals[0].operations[0]: `backup.creat` is not an operation; did you mean `backup.create`?
    bbws.toml:24: approvals[0].operations[1]: `coffee.make` is not an operation; use one of: backup.create, backup.schedule, backup.delete, backup.validate, backup.restore, backup.bisect, backup.hold, backup.lifecycle, dr.failover, dr.failback, dr.reprotect, dr.test, dr.incident, control.resume, backup.cutover, dr.dns, dr.shift, dr.drill, dr.declare
    bbws.toml:25: approvals[0].environments[0]: `prd` is not an environment of this file; did you mean `prod`?
    bbws.toml:36: approvals[2].scope: `everything` is not a scope; use one of: full, rds, efs, secrets, config, s3, dump, lifecycle, tenant, create, update, clone, single, multi, hold, release, tabletop, infra, dns, full-drill
    ");
}

#[test]
fn rules_may_be_written_before_the_day_on_which_they_are_needed() {
    let rule = |operations: &str, scope: &str| {
        let old = "operations = [\"backup.restore\"]    # the blast radius decides: a full restore needs both\nenvironments = [\"prod\"]\nscope = \"full\"";
        edited(&[(old, &format!("operations = [{operations}]\nenvironments = [\"prod\"]{scope}"))])
    };
    for scope in ["clone", "tenant", "single", "multi", "full"] {
        let text = rule(r#""backup.restore", "backup.cutover""#, &format!("\nscope = \"{scope}\""));
        Config::parse(&text, "bbws.toml").unwrap_or_else(|wrong| panic!("{scope}: {wrong:?}"));
    }
    let waiting = r#""dr.incident", "dr.dns", "dr.shift", "dr.reprotect", "dr.test", "dr.drill", "backup.bisect""#;
    Config::parse(&rule(waiting, ""), "bbws.toml").unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let text = rule(r#""dr.incident""#, "\nscope = \"full\"");
    let wrong = Config::parse(&text, "bbws.toml").expect_err("an incident has no scope");
    assert!(said(wrong).contains("`dr.incident` never has scope `full`"));
}

#[test]
fn a_rule_for_dr_declare_is_one_for_dr_incident() {
    let old = "operations = [\"backup.restore\"]    # the blast radius decides: a full restore needs both\nenvironments = [\"prod\"]\nscope = \"full\"";
    let new = "operations = [\"dr.declare\"]\nenvironments = [\"prod\"]";
    let config = Config::parse(&edited(&[(old, new)]), "bbws.toml").unwrap_or_else(|wrong| panic!("{wrong:?}"));
    assert_eq!(bbws::domain::policy::needs(&config.approvals, "dr.incident", "prod", "").len(), 2);
}

#[test]
fn a_rule_for_dr_drill_is_one_for_dr_test() {
    let old = "operations = [\"backup.restore\"]    # the blast radius decides: a full restore needs both\nenvironments = [\"prod\"]\nscope = \"full\"";
    let new = "operations = [\"dr.drill\"]\nenvironments = [\"prod\"]\nscope = \"dns\"";
    let config = Config::parse(&edited(&[(old, new)]), "bbws.toml").unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let needs = |scope| bbws::domain::policy::needs(&config.approvals, "dr.test", "prod", scope).len();
    assert_eq!((needs("dns"), needs("infra")), (2, 0));
}

#[test]
fn an_account_that_is_not_one() {
    let said = refusal(&[(r#"account = "536580886816""#, r#"account = "5365-8088-6816""#)]);
    insta::assert_snapshot!(said, @"bbws.toml:56: environments.dev.account: `5365-8088-6816` is not an AWS account id; write its 12 digits in quotes");
}

#[test]
fn roles_of_another_account_or_no_role() {
    let said = refusal(&[
        (
            r#"assume_role = "arn:aws:iam::093646564004:role/bbws-operator""#,
            r#"assume_role = "arn:aws:iam::536580886816:role/bbws-operator""#,
        ),
        (r#"backup_role = "arn:aws:iam::815856636111:role/bbws-backup""#, r#"backup_role = "bbws-backup""#),
        (
            r#"backup_role = "arn:aws:iam::536580886816:role/bbws-backup""#,
            r#"backup_role = "arn:aws:s3:::bbws-backup""#,
        ),
    ]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:65: environments.dev.backup_role: `arn:aws:s3:::bbws-backup` is not the ARN of an IAM role; use one such as `arn:aws:iam::536580886816:role/…`
    bbws.toml:82: environments.sit.backup_role: `bbws-backup` is not an ARN; use one such as `arn:aws:iam::815856636111:role/…`
    bbws.toml:96: environments.prod.assume_role: `arn:aws:iam::536580886816:role/bbws-operator` is in account 536580886816, but the environment's account is 093646564004; correct one of them
    ");
}

#[test]
fn replication_without_where_to() {
    let said = refusal(&[
        (
            r#"dr_vault = "bbws-sit-dr"
"#,
            "",
        ),
        (
            r#"dr_secrets_bucket = "bbws-sit-backups-dr"
"#,
            "",
        ),
        (
            r#"dr_kms_key = "alias/bbws-dr"
databases = [{ id = "bbws-sit"#,
            r#"databases = [{ id = "bbws-sit"#,
        ),
    ]);
    insta::assert_snapshot!(said, @r#"
    bbws.toml:70: environments.sit.dr_vault: is missing, though replication is on; name the vault that receives the copies, or set replication = "disabled"
    bbws.toml:70: environments.sit.dr_kms_key: is missing, though replication is on; name the DR region's key that encrypts the copies, or set replication = "disabled"
    bbws.toml:70: environments.sit.dr_secrets_bucket: is missing, though replication is on; name the replica of secrets_bucket, or set replication = "disabled"
    "#);
}

#[test]
fn a_key_of_the_wrong_region() {
    let said = refusal(&[(
        r#"dr_kms_key = "alias/bbws-dr"
databases = [{ id = "bbws-prod"#,
        r#"dr_kms_key = "arn:aws:kms:af-south-1:093646564004:key/1"
databases = [{ id = "bbws-prod"#,
    )]);
    insta::assert_snapshot!(said, @"bbws.toml:103: environments.prod.dr_kms_key: `arn:aws:kms:af-south-1:093646564004:key/1` is in `af-south-1`; copies need a key of the DR region, `eu-west-1`");
}

#[test]
fn tenants_of_what_the_environment_has_not() {
    let said = refusal(&[
        (
            r#"[environments.dev.tenants.tenant-1]
database = "bbws-dev-mysql""#,
            r#"[environments.dev.tenants.tenant-1]
database = "bbws-prod-mysql""#,
        ),
        (
            r#"file_system = "fs-0de00000000000001"
path = "/tenant-1"
secrets_prefix = "bbws/dev/tenant-1/""#,
            r#"file_system = "fs-0900d000000000001"
path = "/../tenant-1"
secrets_prefix = "bbws/prod/tenant-1""#,
        ),
    ]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:141: environments.dev.tenants.tenant-1.database: `dev` has no database `bbws-prod-mysql`; add it to databases, or name one of those
    bbws.toml:143: environments.dev.tenants.tenant-1.file_system: `dev` has no file system `fs-0900d000000000001`; add it to file_systems, or name one of those
    bbws.toml:144: environments.dev.tenants.tenant-1.path: `/../tenant-1` is not a folder; begin with a slash, without `..`
    bbws.toml:145: environments.dev.tenants.tenant-1.secrets_prefix: `bbws/prod/tenant-1` also begins names beside it; end it with a slash: `bbws/prod/tenant-1/`
    bbws.toml:145: environments.dev.tenants.tenant-1.secrets_prefix: `bbws/prod/tenant-1` is outside the environment's `bbws/dev/`; begin it with that
    ");
}

#[test]
fn the_same_thing_twice() {
    let said = refusal(&[
        (
            r#"databases = [{ id = "bbws-dev-mysql", engine = "mysql" }]"#,
            r#"databases = [{ id = "bbws-dev-mysql", engine = "mysql" }, { id = "BBWS-dev-mysql", engine = "mysql" }]"#,
        ),
        (r#"["U0ALICE", "U0BOB", "U0CAROL"]"#, r#"["U0ALICE", "U0BOB", "U0BOB"]"#),
        (r#"teams = ["T0BBWS"]"#, r#"teams = ["T0BBWS", "T0BBWS"]"#),
    ]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:5: slack.teams[1]: `T0BBWS` is listed twice; remove one
    bbws.toml:11: roles.operator.users[2]: `U0BOB` is listed twice; remove one
    bbws.toml:66: environments.dev.databases[1].id: `bbws-dev-mysql` is listed twice; remove one
    ");
}

#[test]
fn names_that_aws_would_not_take() {
    let said = refusal(&[
        (r#"id = "bbws-sit-mysql""#, r#"id = "bbws--sit""#),
        (r#"id = "fs-05100000000000001""#, r#"id = "fs-mine""#),
        (
            r#"vault = "bbws-sit"
"#,
            r#"vault = "b"
"#,
        ),
        (r#"secrets_bucket = "bbws-dev-backups""#, r#"secrets_bucket = "s3://bbws""#),
        (r#"name = "wp.bbws.example.""#, r#"name = "wp.bbws.example""#),
        (r#"urls = ["https://"#, r#"urls = ["ftp://"#),
        (r#"backup_status = "bbws-backup-status""#, r#"backup_status = "arn:aws:sns:eu-west-1:093646564004:x""#),
    ]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:16: topics.backup_status: `arn:aws:sns:eu-west-1:093646564004:x` is not a topic's name; use letters, digits, - and _ (not the ARN: every account has its own)
    bbws.toml:64: environments.dev.secrets_bucket: `s3://bbws` is not an S3 bucket's name (not its ARN or address)
    bbws.toml:78: environments.sit.vault: `b` is not a backup vault's name; use 2 to 50 letters, digits, - and _
    bbws.toml:84: environments.sit.databases[0].id: `bbws--sit` is not a DB instance identifier
    bbws.toml:85: environments.sit.file_systems[0].id: `fs-mine` is not a file system id (fs- and hexadecimal digits)
    bbws.toml:115: environments.prod.dns.records[0].name: `wp.bbws.example` is not a full domain name; write it with the final dot, such as `wp.example.com.`
    bbws.toml:122: environments.prod.health.urls[0]: `ftp://wp.bbws.example/healthz` is not a web address; use one that begins with https://
    ");
}

#[test]
fn a_topic_that_cannot_push() {
    let refused = refusal(&[(r#"push = "bbws-backup-events""#, r#"push = "bbws-backup-events.fifo""#)]);
    insta::assert_snapshot!(refused, @"bbws.toml:21: topics.push: `bbws-backup-events.fifo` is not the name of a standard topic, which alone delivers to a web address; use letters, digits, - and _");
    let without = edited(&[("push = \"bbws-backup-events\"", "")]);
    assert_eq!(Config::parse(&without, "bbws.toml").map_err(said).unwrap().topics.push, None);
}

#[test]
fn slack_settings_that_slack_would_not_take() {
    let said = refusal(&[
        (r#"command = "/bbws""#, r#"command = "bbws""#),
        (r#"teams = ["T0BBWS"]"#, "teams = []"),
        (r#"ops_channel = "C0OPS""#, r#"ops_channel = "ops""#),
        (r#"incident_prefix = "inc""#, r#"incident_prefix = "Inc ""#),
        (r#""^INC-[0-9]+$""#, r#""^INC-([0-9]+$""#),
        (r#"channel = "C0PROD""#, r#"channel = "general""#),
    ]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:4: slack.command: `bbws` is not a slash command; use one such as `/bbws`
    bbws.toml:5: slack.teams: no workspace is listed, so nobody could act; add the id of yours (T…)
    bbws.toml:6: slack.ops_channel: `ops` is not a channel id (C… or G…); copy it from the channel's details
    bbws.toml:7: slack.incident_prefix: `Inc ` cannot begin a channel's name; use 1 to 20 of a-z, 0-9, - and _
    bbws.toml:8: slack.ticket_pattern: `^INC-([0-9]+$` is not a regular expression: found open group without closing ')'; correct it
    bbws.toml:97: environments.prod.channel: `general` is not a channel id (C… or G…); copy it from the channel's details
    ");
}

#[test]
fn addresses_of_tickets_that_lead_nowhere_or_make_a_link_of_every_word() {
    let pattern = r#"ticket_pattern = "^INC-[0-9]+$""#;
    let with = |pattern: &str, url: &str| format!("ticket_pattern = \"{pattern}\"\nticket_url = \"{url}\"");
    let refused = |url: &str| refusal(&[(pattern, &with("^INC-[0-9]+$", url))]);
    insta::assert_snapshot!(
        refused("http://tickets.example/{ticket}"),
        @"bbws.toml:9: slack.ticket_url: `http://tickets.example/{ticket}` is not an address that begins with https://; write one such as `https://tickets.example/browse/{ticket}`"
    );
    insta::assert_snapshot!(
        refused("https://tickets.example/browse/"),
        @"bbws.toml:9: slack.ticket_url: `https://tickets.example/browse/` has to name `{ticket}` once, where the ticket's number goes; write one such as `https://tickets.example/browse/{ticket}`"
    );
    let every = refusal(&[(pattern, &with(".*", "https://tickets.example/{ticket}"))]);
    insta::assert_snapshot!(
        every,
        @"bbws.toml:9: slack.ticket_url: every word would be a link, since ticket_pattern `.*` takes `the` for a ticket; narrow the pattern, such as `^INC-[0-9]+$`"
    );
    let good = EXAMPLE.replacen(pattern, &with("^INC-[0-9]+$", "https://tickets.example/browse/{ticket}"), 1);
    let config = Config::parse(&good, "bbws.toml").expect("it is good");
    let links = config.environments["prod"].tickets.as_ref().expect("every environment has it");
    assert_eq!(links.address("INC-1"), "https://tickets.example/browse/INC-1");
}

#[test]
fn limits_that_leave_no_time() {
    let said = refusal(&[
        (r#"approve_within = "15m""#, r#"approve_within = "0m""#),
        (r#"start_within = "10m""#, r#"start_within = "ten""#),
    ]);
    insta::assert_snapshot!(said, @"bbws.toml:53: approval_limits.start_within: `ten` is not a length of time; write a number and s, m, h or d, such as `15m`");
}

#[test]
fn an_environment_named_as_commands_cannot() {
    let said = refusal(&[(
        "[environments.dev.tenants.tenant-1]",
        r#"[environments.Prod-2]
[environments.all]
[environments.dev.tenants."tenant 1"]"#,
    )]);
    insta::assert_snapshot!(said, @r#"
    bbws.toml:140: environments.Prod-2.account: is missing; set it
    bbws.toml:140: environments.Prod-2: `Prod-2` is not an environment's name; use 1 to 64 of a-z, 0-9, - and _
    bbws.toml:141: environments.all.account: is missing; set it
    bbws.toml:141: environments.all: `all` means every environment in commands; choose another name
    bbws.toml:142: environments.dev.tenants."tenant 1": `tenant 1` is not a tenant's id; use 1 to 128 letters, digits, -, _ and dots inside
    "#);
}

#[test]
fn a_file_without_anything() {
    let said = said(Config::parse("", "empty.toml").expect_err("must be refused"));
    insta::assert_snapshot!(said, @r#"
    empty.toml:1: slack: is missing; add a [slack] table (the example, bbws.toml, shows one)
    empty.toml:1: roles: is missing; add a [roles] table (the example, bbws.toml, shows one)
    empty.toml:1: topics: is missing; add a [topics] table (the example, bbws.toml, shows one)
    empty.toml:1: environments: no environment is described; add a table such as [environments.dev]
    "#);
}

#[test]
fn the_example_loads_as_it_stands() {
    let config = Config::parse(EXAMPLE, "bbws.toml").map_err(said).expect("the example is right");
    assert_eq!(config.environments.keys().collect::<Vec<_>>(), ["dev", "prod", "sit"]);
    assert!(config.environments.iter().all(|(name, environment)| *name == environment.name));
    assert_eq!(config.approvals.len(), 5);
    assert_eq!(config.slack.teams, ["T0BBWS"]);
    assert_eq!(config.approval_limits.approve_within.0.as_secs(), 900);
    assert_eq!(config.environments["prod"].tenants["tenant-1"].path.as_deref(), Some("/tenant-1"));
    assert_eq!(config, Config::example());
}

#[test]
fn what_may_be_left_out_has_a_default() {
    let text = edited(&[
        ("command = \"/bbws\"\n", ""),
        ("[approval_limits]\napprove_within = \"15m\"\nstart_within = \"10m\"\n", ""),
    ]);
    let config = Config::parse(&text, "bbws.toml").map_err(said).expect("nothing that is needed is missing");
    assert_eq!(config, Config { warnings: config.warnings.clone(), ..Config::example() });
}

#[test]
fn a_slack_group_may_stand_for_people() {
    let text = edited(&[(r#"lead = { users = ["U0CAROL"] }"#, r#"lead = { group = "S0LEADS" }"#)]);
    let config = Config::parse(&text, "bbws.toml").map_err(said).expect("a group is as good as a list");
    assert_eq!(config.roles["lead"].group.as_deref(), Some("S0LEADS"));
    assert_eq!(config.warnings, [], "who is in the group is not known here");
}

#[test]
fn people_whose_requests_nobody_could_approve_are_warned_of() {
    insta::assert_snapshot!(said(Config::example().warnings), @r"
    bbws.toml:37: approvals[2].need: nobody else could approve what U0BOB or U0CAROL asks for; add people to the roles
    bbws.toml:43: approvals[3].need: nobody else could approve what U0BOB or U0CAROL asks for; add people to the roles
    ");
}

#[test]
fn an_environment_without_approval_rules_is_warned_of() {
    let start = EXAMPLE.find("[[approvals]]").expect("the example has rules");
    let end = EXAMPLE.find("[approval_limits]").expect("the example has limits");
    let text = format!("{}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
    let config = Config::parse(&text, "bbws.toml").map_err(said).expect("rules may be left out");
    insta::assert_snapshot!(said(config.warnings), @"bbws.toml:1: approvals: there is no approval rule: whoever is in a role runs everything at once, alone");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let said = Config::load(std::path::Path::new("no/such/bbws.toml")).expect_err("there is no such file");
    assert!(said.starts_with("no/such/bbws.toml: cannot read the config file"), "{said}");
    assert!(said.ends_with("name another with --config or BBWS_CONFIG"), "{said}");
}

#[test]
fn one_problem_is_one_line_whatever_the_value() {
    let said = refusal(&[(r#"ops_channel = "C0OPS""#, "ops_channel = \"C0\\nOPS\\u001b[2J\"")]);
    insta::assert_snapshot!(said, @r"bbws.toml:6: slack.ops_channel: `C0\nOPS\u{1b}[2J` is not a channel id (C… or G…); copy it from the channel's details");
}
