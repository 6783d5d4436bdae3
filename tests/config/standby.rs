//! What stands ready in the DR region: read wherever the file says it, refused where it cannot be.

use bbws::domain::standby::{Fence, Standby};

use super::*;

const RECORDS: &str = r#"records = [{ name = "wp.bbws.example.", type = "CNAME", primary = "primary", dr = "dr" }]"#;
const REST: &str = r#"third = { vault = "bbws-third", kms_key = "alias/bbws-third", bucket = "bbws-prod-third", subnet_group = "bbws-third" }
primary_kms_key = "alias/bbws-primary"
stack = "bbws-prod-dr"
manual = ["terraform -chdir=dr apply"]
runbook = "https://wiki.example/dr"
runbook_reviewed = 2026-11-01"#;
const CONTROLS: &str = r#"routing_controls = { primary = "arn:aws:route53-recovery-control::093646564004:controlpanel/c1/routingcontrol/r1", dr = "arn:aws:route53-recovery-control::093646564004:controlpanel/c1/routingcontrol/r2", endpoints = ["https://a.example/v1", "https://b.example/v1"] }"#;

fn standby(edits: &[(&str, &str)]) -> Standby {
    let config = Config::parse(&edited(edits), "bbws.toml").map_err(said).expect("is right");
    config.environments["prod"].dr.clone()
}

#[test]
fn what_the_example_says_is_read_and_the_rest_has_its_usual_values() {
    let dr = standby(&[]);
    assert_eq!((dr.cluster.as_deref(), dr.db_subnet_group.as_deref()), (Some("bbws-prod-dr"), Some("bbws-dr")));
    assert_eq!((dr.fence, dr.stable.0.as_secs(), dr.efs_subnets.len()), (Fence::Ecs, 3600, 2));
    let sit = &Config::example().environments["sit"];
    assert_eq!(sit.dr, Standby::default());
    assert_eq!((sit.dr.fence, sit.dr.stable.0.as_secs()), (Fence::Ecs, 3600));
}

#[test]
fn what_may_stand_in_either_table_means_the_same_in_both() {
    let third = ("stable = \"1h\"", "third_region = \"eu-central-1\"\nstable = \"1h\"");
    let in_dr = standby(&[third, ("cluster = \"bbws-prod-dr\"", &format!("{REST}\ncluster = \"bbws-prod-dr\""))]);
    let in_dns = standby(&[third, (RECORDS, &format!("{RECORDS}\n{CONTROLS}\n{REST}\n"))]);
    assert_eq!(in_dr, in_dns);
    assert_eq!(in_dr.third.as_ref().map(|third| third.vault.as_str()), Some("bbws-third"));
    assert_eq!(in_dr.manual, ["terraform -chdir=dr apply"]);
    assert_eq!(in_dr.runbook_reviewed.map(|day| day.0.to_string()).as_deref(), Some("2026-11-01"));
    let quoted = REST.replace("2026-11-01", "\"2026-11-01\"");
    assert_eq!(
        standby(&[third, ("cluster = \"bbws-prod-dr\"", &format!("{quoted}\ncluster = \"bbws-prod-dr\""))]),
        in_dr
    );
}

#[test]
fn said_twice_is_refused() {
    let said = refusal(&[
        (RECORDS, &format!("{RECORDS}\nstack = \"other\"\n")),
        ("fence = \"ecs\"", "stack = \"bbws-prod-dr\"\nfence = \"ecs\""),
    ]);
    insta::assert_snapshot!(said, @"bbws.toml:116: environments.prod.dns.stack: stands in `environments.prod.dr` as well; remove one of them");
}

#[test]
fn what_cannot_stand_ready_is_refused_with_its_line() {
    let said = refusal(&[
        ("\"sg-0900d000000000002\"", "\"default\""),
        ("\"subnet-0900d000000000001\", \"subnet-0900d000000000002\"", "\"sg-1\""),
        ("cluster = \"bbws-prod-dr\"", "cluster = \"bbws prod\""),
        ("https://dr.wp.bbws.example/healthz", "dr.wp.bbws.example"),
        ("fence = \"ecs\"", "fence = \"off\""),
        (
            "stable = \"1h\"",
            "stable = \"30d\"\nthird_region = \"eu-west-1\"\nstack = \"1\"\nprimary_kms_key = \"arn:aws:kms:eu-west-1:093646564004:key/1\"\nmanual = [\" \"]\nrunbook = \"wiki\"",
        ),
    ]);
    insta::assert_snapshot!(said, @r"
    bbws.toml:126: environments.prod.dr.db_security_groups[0]: `default` is not a security group id (sg- and hexadecimal digits)
    bbws.toml:127: environments.prod.dr.efs_subnets[0]: `sg-1` is not a subnet id (subnet- and hexadecimal digits)
    bbws.toml:128: environments.prod.dr.cluster: `bbws prod` is not an ECS name; use 1 to 255 letters, digits, - and _
    bbws.toml:129: environments.prod.dr.urls[0]: `dr.wp.bbws.example` is not a web address; use one that begins with https://
    bbws.toml:130: environments.prod.dr.fence: `off` is not valid; use one of `ecs`, `security_group`, `none`
    bbws.toml:131: environments.prod.dr.stable: is not how long the primary region has to be healthy before a failback; set one from `1m` to `7d`
    bbws.toml:132: environments.prod.dr.third_region: `eu-west-1` is the primary or the DR region already; name a third one
    bbws.toml:133: environments.prod.dr.stack: `1` is not a CloudFormation stack's name; use letters, digits and -, a letter first
    bbws.toml:134: environments.prod.dr.primary_kms_key: `arn:aws:kms:eu-west-1:093646564004:key/1` is in `eu-west-1`; what a failback brings back is encrypted under a key of the primary region, `af-south-1`
    bbws.toml:135: environments.prod.dr.manual[0]: is not one line of 1 to 500 characters that a person can be asked to run
    bbws.toml:136: environments.prod.dr.runbook: `wiki` is not a web address; use one that begins with https://
    ");
}

#[test]
fn each_key_that_is_wrong_by_itself_is_named() {
    let third = r#"third = { vault = "x y", kms_key = "k", bucket = "B", subnet_group = "" }"#;
    let dns = |from: &str, to: &str| format!("{RECORDS}\n{}\n", CONTROLS.replace(from, to));
    for (from, to, says) in [
        (
            "stable",
            "third_region = \"eu-central\"\nstable".to_owned(),
            "dr.third_region: `eu-central` is not an AWS region",
        ),
        ("stable", "third_region = \"cn-north-1\"\nstable".to_owned(), "it is in another AWS partition"),
        ("stable", format!("{third}\nstable"), "dr.third: says what stands ready in a third region"),
        (
            "stable",
            format!("third_region = \"eu-central-1\"\n{third}\nstable"),
            "dr.third.kms_key: `k` is not a KMS key",
        ),
        ("stable", "runbook_reviewed = 5\nstable".to_owned(), "dr.runbook_reviewed: expected a day such as 2026-11-01"),
        ("stable", "runbook_reviewed = \"yesterday\"\nstable".to_owned(), "`yesterday` is not a day"),
        (
            "stable",
            "runbook_reviewed = 2026-11-01\nstable".to_owned(),
            "dr.runbook: is missing, though runbook_reviewed is set",
        ),
        ("stable", "stabel = 1\nstable".to_owned(), "`stabel` is not a known key; did you mean `stable`?"),
        (RECORDS, dns("routingcontrol/r2", "routingcontrol/r1"), "dr: is the control of the primary region too"),
        (RECORDS, dns("c1/routingcontrol/r1", "c1"), "is not the ARN of a routing control of account 093646564004"),
        (
            RECORDS,
            dns("https://a", "ftp://a"),
            "routing_controls.endpoints[0]: `ftp://a.example/v1` is not a web address",
        ),
        (RECORDS, dns(r#"["https://a.example/v1", "https://b.example/v1"]"#, "[]"), "an ARC cluster has 5 endpoints"),
    ] {
        let from = if from == "stable" { "stable = \"1h\"" } else { from };
        let to = to.replace("\nstable", "\nstable = \"1h\"");
        let said = refusal(&[(from, &to)]);
        assert!(said.contains(says), "{to}: {said}");
    }
}

#[test]
fn what_is_never_failed_over_needs_nothing_ready() {
    let tenant = "[environments.prod.tenants.tenant-1]";
    let text = edited(&[(tenant, &format!("[environments.dev.dr]\nfence = \"none\"\n\n{tenant}"))]);
    let warned = Config::parse(&text, "bbws.toml").map_err(said).expect("is right").warnings;
    insta::assert_snapshot!(said(warned.into_iter().filter(|w| !w.message.starts_with("approvals")).collect()), @r#"bbws.toml:133: environments.dev.dr: says what stands ready in the DR region, but replication is "disabled", so that nothing is ever failed over"#);
}
