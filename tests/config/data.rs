//! Parameters, buckets, dumps, schedules, restore tests and tiers: read where they are right, refused where they are not.

use bbws::domain::{environment::Environment, standby::Standby};

use super::*;

/// What is said about the demo after these edits.
fn refusal(edits: &[(&str, &str)]) -> String {
    said(Config::parse(&replaced(DEMO, edits), "demo.toml").expect_err("must be refused"))
}

fn warnings(edits: &[(&str, &str)]) -> String {
    let config = Config::parse(&replaced(DEMO, edits), "demo.toml").map_err(said).expect("is right");
    said(config.warnings.into_iter().filter(|w| !w.message.starts_with("approvals")).collect())
}

#[test]
fn the_demo_declares_everything() {
    let config = Config::parse(DEMO, "demo.toml").map_err(said).expect("the demo is right");
    assert_eq!(config, Config::demo());
    assert_eq!(warnings(&[]), "");
    for environment in config.environments.values() {
        let Environment { parameters_prefix, buckets, dumps, dump_kms_key, .. } = environment;
        assert!(parameters_prefix.is_some() && !buckets.is_empty() && !dumps.is_empty() && dump_kms_key.is_some());
        let Environment { schedule, restore_test, restore_test_subnet_group, retention_tiers, .. } = environment;
        assert!(schedule.is_some() && restore_test.is_some() && restore_test_subnet_group.is_some());
        assert!(retention_tiers.is_some() && !environment.restore_test_security_groups.is_empty());
    }
    let prod = &config.environments["prod"];
    assert_eq!(prod.buckets[0].dr.as_deref(), Some("bbws-prod-media-dr"));
    assert_eq!(prod.dumps[0].schemas, ["tenant_1"]);
    assert_eq!(prod.restore_test.map(|span| span.0.as_secs()), Some(30 * 86_400));
    assert_eq!(prod.retention_tiers.map(|t| [t.daily, t.weekly, t.monthly, t.yearly]), Some([30, 13, 12, 7]));
}

#[test]
fn the_demo_is_the_example_and_those_keys() {
    let (mut demo, example) = (Config::demo(), Config::example());
    demo.incident = example.incident.clone();
    for environment in demo.environments.values_mut() {
        *environment = Environment {
            parameters_prefix: None,
            buckets: Vec::new(),
            dumps: Vec::new(),
            dump_kms_key: None,
            schedule: None,
            schedules: std::collections::BTreeMap::new(),
            restore_test: None,
            restore_test_subnet_group: None,
            restore_test_security_groups: Vec::new(),
            retention_tiers: None,
            checks: std::collections::BTreeMap::new(),
            tiers: std::collections::BTreeMap::new(),
            lifecycle: Vec::new(),
            s3_replication: None,
            backup_plan: None,
            required_parameters: Vec::new(),
            dump_storage_class: None,
            incidents: example.incident.clone(),
            dr: Standby { primary_kms_key: None, ..environment.dr.clone() },
            ..environment.clone()
        };
    }
    demo.warnings = example.warnings.clone();
    assert_eq!(demo, example);
    let mut lines = DEMO.lines();
    for line in EXAMPLE.lines() {
        assert!(lines.any(|other| other == line), "the demo lacks the example's line `{line}`, or has it elsewhere");
    }
}

#[test]
fn a_prefix_of_parameters_that_takes_others_along() {
    let said = refusal(&[
        (r#"parameters_prefix = "/bbws/dev/""#, r#"parameters_prefix = "bbws/dev""#),
        (r#"parameters_prefix = "/bbws/sit/""#, r#"parameters_prefix = "/""#),
        (r#"parameters_prefix = "/bbws/prod/""#, r#"parameters_prefix = "/AWS/prod/""#),
    ]);
    insta::assert_snapshot!(said, @r"
    demo.toml:70: environments.dev.parameters_prefix: `bbws/dev` must begin and end with one slash: `/bbws/dev/`
    demo.toml:97: environments.sit.parameters_prefix: `/` would take every parameter of the account; name the environment's, such as `/bbws/dev/`
    demo.toml:126: environments.prod.required_parameters[0]: `/bbws/prod/database/host` is not under parameters_prefix; write the whole name of one under it
    demo.toml:126: environments.prod.required_parameters[1]: `/bbws/prod/wordpress/domain` is not under parameters_prefix; write the whole name of one under it
    demo.toml:127: environments.prod.parameters_prefix: `/AWS/prod/` begins names that AWS keeps for itself; name the environment's own
    ");
    let said = refusal(&[
        (r#"parameters_prefix = "/bbws/dev/""#, r#"parameters_prefix = "/bbws/dev *""#),
        (r#"parameters_prefix = "/bbws/sit/""#, r#"parameters_prefix = "//bbws/sit/""#),
        (r#"parameters_prefix = "/bbws/prod/""#, r#"parameters_prefix = """#),
    ]);
    insta::assert_snapshot!(said, @r"
    demo.toml:70: environments.dev.parameters_prefix: `/bbws/dev *` cannot begin a parameter's name; use letters, digits and /_.-
    demo.toml:97: environments.sit.parameters_prefix: `//bbws/sit/` must begin and end with one slash: `/bbws/sit/`
    demo.toml:126: environments.prod.required_parameters[0]: `/bbws/prod/database/host` is not under parameters_prefix; set parameters_prefix
    demo.toml:126: environments.prod.required_parameters[1]: `/bbws/prod/wordpress/domain` is not under parameters_prefix; set parameters_prefix
    demo.toml:127: environments.prod.parameters_prefix: `` cannot begin a parameter's name; use letters, digits and /_.-
    ");
}

#[test]
fn archives_without_a_bucket_to_put_them_into() {
    let said = refusal(&[("secrets_bucket = \"bbws-dev-backups\"\n", ""), ("secrets_prefix = \"bbws/dev/\"\n", "")]);
    insta::assert_snapshot!(said, @r"
    demo.toml:56: environments.dev.secrets_bucket: is missing, though parameters_prefix is set; name the bucket that receives the parameters
    demo.toml:56: environments.dev.secrets_bucket: is missing, though there are dumps; name the bucket that receives them
    ");
}

#[test]
fn buckets_that_are_wrong() {
    let said = refusal(&[
        (
            r#"[{ name = "bbws-dev-media" }]"#,
            r#"[{ name = "arn:aws:s3:::bbws-dev-media" }, { name = "bbws-dev-x", dr = "bbws-dev-x" }]"#,
        ),
        (r#"[{ name = "bbws-sit-media", dr = "bbws-sit-media-dr" }]"#, r#"[{ name = "bbws-sit-media" }]"#),
        (
            r#"[{ name = "bbws-prod-media", dr = "bbws-prod-media-dr" }]"#,
            r#"[{ name = "bbws-prod-media", dr = "m-dr" }, { name = "bbws-prod-media", dr = "Media" }]"#,
        ),
    ]);
    insta::assert_snapshot!(said, @r#"
    demo.toml:71: environments.dev.buckets[0].name: `arn:aws:s3:::bbws-dev-media` is not an S3 bucket's name (not its ARN or address)
    demo.toml:71: environments.dev.buckets[1].dr: `bbws-dev-x` is listed twice; remove one
    demo.toml:98: environments.sit.buckets[0].dr: is missing, though replication is on; name the replica of `bbws-sit-media`, or set replication = "disabled"
    demo.toml:129: environments.prod.buckets[1].dr: `Media` is not an S3 bucket's name (not its ARN or address)
    demo.toml:129: environments.prod.buckets[1].name: `bbws-prod-media` is listed twice; remove one
    "#);
}

#[test]
fn buckets_and_dumps_with_keys_that_are_not_theirs() {
    let said = refusal(&[
        (r#"name = "bbws-sit-media", dr"#, r#"nam = "x", name = "bbws-sit-media", dr"#),
        (
            r#"database = "bbws-prod-mysql", engine = "mysql", secret"#,
            r#"database = "bbws-prod-mysql", engine = "oracle", secret"#,
        ),
        ("daily = 7", "dayly = 7"),
        (r#"name = "bbws-dev-media" }"#, r#"dr = "bbws-dev-media" }"#),
    ]);
    insta::assert_snapshot!(said, @r"
    demo.toml:71: environments.dev.buckets[0].name: is missing; set it
    demo.toml:98: environments.sit.buckets[0].nam: `nam` is not a known key; did you mean `name`?
    demo.toml:132: environments.prod.dumps[0].engine: `oracle` is not valid; use one of `mysql`, `mariadb`, `postgres`
    ");
}

#[test]
fn dumps_of_what_the_environment_has_not() {
    let said = refusal(&[
        (
            r#"database = "bbws-dev-mysql", engine = "mysql", secret"#,
            r#"database = "bbws-prod-mysql", engine = "mysql", secret"#,
        ),
        (r#"engine = "mysql", secret = "bbws/sit/database""#, r#"engine = "postgres", secret = "arn:aws:x""#),
        (
            r#"secret = "bbws/prod/database", schemas = ["tenant_1"], load_test = "bbws/prod/load-test" }]"#,
            r#"secret = "bbws/prod/", schemas = ["tenant_1", "a b", "tenant_1"] }, { database = "bbws-prod-mysql", engine = "mysql", secret = "x", load_test = "x" }]"#,
        ),
    ]);
    insta::assert_snapshot!(said, @r#"
    demo.toml:72: environments.dev.dumps[0].database: `dev` has no database `bbws-prod-mysql`; add it to databases, or name one of those
    demo.toml:99: environments.sit.dumps[0].engine: `postgres` is not the engine of `bbws-sit-mysql`, which is mysql; set "mysql"
    demo.toml:99: environments.sit.dumps[0].secret: `arn:aws:x` is not a secret's name; use letters, digits and /_+=.@- (not its ARN)
    demo.toml:132: environments.prod.dumps[0].secret: `bbws/prod/` is not a secret's name; use letters, digits and /_+=.@- (not its ARN)
    demo.toml:132: environments.prod.dumps[0].schemas[1]: `a b` is not a schema's name
    demo.toml:132: environments.prod.dumps[0].schemas[2]: `tenant_1` is listed twice; remove one
    demo.toml:132: environments.prod.dumps[1].load_test: names the login of `bbws-prod-mysql` itself; name one of a server of the test's own, where everything may be overwritten
    demo.toml:132: environments.prod.dumps[1].database: `bbws-prod-mysql` is listed twice; remove one
    "#);
}

#[test]
fn dumps_without_a_key_or_with_a_wrong_one() {
    let said = refusal(&[
        ("dump_kms_key = \"alias/bbws-dumps\"\nschedule = \"cron(0 2", "schedule = \"cron(0 2"),
        (
            "dump_kms_key = \"alias/bbws-dumps\"\nschedule = \"cron(0 0/4",
            "dump_kms_key = \"arn:aws:kms:eu-west-1:815856636111:key/1\"\nschedule = \"cron(0 0/4",
        ),
        (r#"dump_kms_key = "alias/bbws-dumps"  #"#, r#"dump_kms_key = "bbws-dumps"  #"#),
    ]);
    insta::assert_snapshot!(said, @r"
    demo.toml:56: environments.dev.dump_kms_key: is missing, though there are dumps; name the primary region's key that encrypts them, such as `alias/bbws-dumps`
    demo.toml:99: environments.sit.dump_kms_key: `arn:aws:kms:eu-west-1:815856636111:key/1` is in `eu-west-1`; dumps are encrypted under a key of the primary region, `af-south-1`
    demo.toml:132: environments.prod.dump_kms_key: `bbws-dumps` is not a KMS key; use `alias/…`, a key id, or an ARN
    ");
}

#[test]
fn schedules_that_aws_would_not_take() {
    let said = refusal(&[
        ("cron(0 2 * * ? *)", "0 2 * * *"),
        ("cron(0 0/4 * * ? *)", "rate(4 hours)"),
        ("cron(0 * * * ? *)", "cron(*/5 * * * ? *)"),
    ]);
    insta::assert_snapshot!(said, @r"
    demo.toml:74: environments.dev.schedule: `0 2 * * *` has five fields, as Unix has; AWS has six, the year last: `cron(0 2 * * ? *)`
    demo.toml:101: environments.sit.schedule: `rate(4 hours)` is a rate; AWS Backup takes cron only, such as `cron(0 * * * ? *)`
    demo.toml:135: environments.prod.schedule: `cron(*/5 * * * ? *)` is due more than once an hour; AWS Backup runs hourly at most: give one minute, such as `0`
    ");
}

#[test]
fn a_schedule_that_cannot_keep_the_objective_is_warned_of() {
    let warned =
        warnings(&[("cron(0 2 * * ? *)", "cron(0 2 ? * MON-FRI *)"), ("cron(0 * * * ? *)", "cron(0 0/2 * * ? *)")]);
    insta::assert_snapshot!(warned, @r"
    demo.toml:74: environments.dev.schedule: leaves up to 3 d between two backups, but rpo is 1 d; back up more often, or allow more
    demo.toml:135: environments.prod.schedule: leaves up to 2 h between two backups, but rpo is 1 h; back up more often, or allow more
    ");
}

#[test]
fn restore_tests_that_cannot_be_made() {
    let said = refusal(&[
        (r#"restore_test = "90d""#, r#"restore_test = "23h""#),
        (r#"restore_test = "60d""#, r#"restore_test = "monthly""#),
        (r#"restore_test_subnet_group = "bbws-isolated""#, r#"restore_test_subnet_group = "Default""#),
        (r#"restore_test_subnet_group = "bbws-isolated" "#, r#"restore_test_subnet_group = "a/b" "#),
        (r#"["sg-0de00000000000001"]"#, r#"["sg-0de00000000000001", "sg-mine", "sg-0DE00000000000001"]"#),
    ]);
    insta::assert_snapshot!(said, @r"
    demo.toml:75: environments.dev.restore_test: is under a day, and a test restore takes hours; set `1d` or more
    demo.toml:76: environments.dev.restore_test_subnet_group: `default` is not cut off from the platform; name a DB subnet group made for tests
    demo.toml:77: environments.dev.restore_test_security_groups[1]: `sg-mine` is not a security group id (sg- and hexadecimal digits)
    demo.toml:77: environments.dev.restore_test_security_groups[2]: `sg-0DE00000000000001` is listed twice; remove one
    demo.toml:102: environments.sit.restore_test: `monthly` is not a length of time; write a number and s, m, h or d, such as `15m`
    demo.toml:137: environments.prod.restore_test_subnet_group: `a/b` is not a DB subnet group's name; use letters, digits, spaces, -, _ and .
    ");
}

#[test]
fn tiers_that_keep_nothing_or_for_ever() {
    let said = refusal(&[
        ("daily = 7, weekly = 4, monthly = 3, yearly = 1", "daily = 0, weekly = 0, monthly = 0, yearly = 0"),
        ("daily = 14, weekly = 8, monthly = 6, yearly = 2", "daily = 2, weekly = 5215, monthly = 1178, yearly = 100"),
        ("daily = 30, weekly = 13, monthly = 12, yearly = 7", "daily = 36501, weekly = -1, monthly = 12, yearly = 7"),
    ]);
    insta::assert_snapshot!(said, @r"
    demo.toml:78: environments.dev.retention_tiers.daily: 0 keeps none of them; set 1 or more, or leave retention_tiers out
    demo.toml:78: environments.dev.retention_tiers.weekly: 0 keeps none of them; set 1 or more, or leave retention_tiers out
    demo.toml:78: environments.dev.retention_tiers.monthly: 0 keeps none of them; set 1 or more, or leave retention_tiers out
    demo.toml:78: environments.dev.retention_tiers.yearly: 0 keeps none of them; set 1 or more, or leave retention_tiers out
    demo.toml:105: environments.sit.retention_tiers.weekly: 5215 is over what AWS Backup keeps; set 5214 or less
    demo.toml:105: environments.sit.retention_tiers.monthly: 1178 is over what AWS Backup keeps; set 1177 or less
    demo.toml:105: environments.sit.retention_tiers.yearly: 100 is over what AWS Backup keeps; set 99 or less
    demo.toml:105: environments.sit.retention_tiers.daily: 2 days are under retention_days.min (3); set 3 or more
    demo.toml:140: environments.prod.retention_tiers.weekly: expected a whole number, 0 or more, found integer `-1`
    ");
    let most = [(
        "daily = 30, weekly = 13, monthly = 12, yearly = 7",
        "daily = 36500, weekly = 5214, monthly = 1177, yearly = 99",
    )];
    assert_eq!(warnings(&most), "");
}

#[test]
fn named_checks_are_questions_that_only_read() {
    let with = |check: &str| format!("{EXAMPLE}\n[environments.prod.checks]\n{check}\n");
    let read = |check: &str| Config::parse(&with(check), "bbws.toml").map_err(said);
    let orders = r#"orders = { database = "BBWS-prod-mysql", schema = "tenant_1", query = "SELECT COUNT(*) > 100 FROM orders" }"#;
    let config = read(orders).expect("the contract's own example");
    assert_eq!(config.environments["prod"].checks["orders"].database, "bbws-prod-mysql");
    let warned: Vec<String> =
        config.warnings.iter().map(ToString::to_string).filter(|w| w.contains("checks")).collect();
    assert!(
        warned[0]
            .ends_with("cannot be asked: no `dumps` entry names a secret with a login of `bbws-prod-mysql`; add one")
    );
    let refused = |check: &str| read(check).expect_err(check).split_once(": ").map(|(_, why)| why.to_owned()).unwrap();
    let asks = |query: &str| {
        refused(&format!(r#"c = {{ database = "bbws-prod-mysql", schema = "tenant_1", query = "{query}" }}"#))
    };
    for (said, why) in [
        (asks("DELETE FROM orders"), "environments.prod.checks.c.query: does not begin with SELECT"),
        (asks(""), "query: does not begin with SELECT"),
        (asks("SELECT 1; DROP TABLE orders"), "query: holds more than one statement"),
        (asks("SELECT 1 INTO OUTFILE '/tmp/x'"), "query: has `INTO`, which writes a file"),
        (asks("select 1 from t for  UPDATE"), "query: has `FOR UPDATE`, which locks rows"),
        (asks("SELECT LOAD_FILE('/etc/passwd') IS NULL"), "query: has `LOAD_FILE`"),
        (asks("SELECT /*!50000 1 */"), "query: has a comment that servers carry out"),
        (asks(&format!("SELECT {}", "1+".repeat(3_000))), "query: has more than 4000 characters"),
        (
            refused(&orders.replace("BBWS-prod", "other")),
            "checks.orders.database: `prod` has no database `other-mysql`",
        ),
        (refused(&orders.replace("tenant_1", "a.b")), "checks.orders.schema: `a.b` is not a schema's name"),
        (refused(&orders.replace("orders = {", "\"1 st\" = {")), "`1 st` is not a check's name"),
        (refused(&orders.replace("query", "sql")), "`sql` is not a known key"),
    ] {
        assert!(said.contains(why), "{said} instead of {why}");
    }
    let ends = with(&orders.replace("database", "base"));
    let line = ends.lines().position(|line| line.starts_with("orders")).unwrap() + 1;
    let said = said(Config::parse(&ends, "bbws.toml").unwrap_err());
    assert!(said.starts_with(&format!("bbws.toml:{line}: ")), "{said}");
}

#[test]
fn what_starts_by_itself_is_known_and_has_a_rhythm() {
    let said = refusal(&[
        ("secrets = \"cron(0 4 * * ? *)\"", "secrets = \"cron(0 4 * * * *)\"\nsecret = \"1d\""),
        (
            "dump = \"cron(0 2 * * ? *)\"",
            "dump = \"5m\"\nlifecycle = \"often\"\ninventory = \"off\"\nreplication = \"7d\"",
        ),
    ]);
    insta::assert_snapshot!(said, @r"
    demo.toml:189: environments.dev.schedules.secrets: `cron(0 4 * * * *)` must have `?` either as its day of the month or as its day of the week, and not in both: `cron(0 4 * * ? *)`
    demo.toml:190: environments.dev.schedules.secret: `secret` is not a known key; did you mean `secrets`?
    demo.toml:211: environments.prod.schedules.dump: `5m` is under an hour; set `1h` or more
    demo.toml:212: environments.prod.schedules.lifecycle: `often` is no rhythm; write `cron(0 4 * * ? *)`, a length of time such as `7d`, or `off`
    ");
}

#[test]
fn what_is_kept_by_kind_is_known_and_over_the_floor() {
    let said = refusal(&[(
        "restore_test = \"30d\"",
        "retention = { dump = 90, config = 3, secret = 365, s3 = 99999 }\nrestore_test = \"30d\"",
    )]);
    insta::assert_snapshot!(said, @r"
    demo.toml:136: environments.prod.retention.config: 3 days are under retention_days.min (7); set 7 or more
    demo.toml:136: environments.prod.retention.s3: 99999 is over what AWS Backup keeps; set 36500 or less
    demo.toml:136: environments.prod.retention.secret: `secret` is not a known key; did you mean `secrets`?
    ");
}

#[test]
fn what_service_tiers_promise_is_of_what_there_is_and_in_order() {
    let said = refusal(&[
        (
            r#"critical = { rpo = "1h", rto = "4h", of = ["rds", "efs"] }"#,
            r#"critical = { rpo = "5h", rto = "0s", of = ["rds", "wp-contents"] }"#,
        ),
        (r#"of = ["secrets", "config", "s3"] }"#, r#"of = ["secrets", "RDS", "s3"] }"#),
        ("archival = {", "archive = {"),
    ]);
    insta::assert_snapshot!(said, @r#"
    demo.toml:241: environments.prod.tiers.critical.rto: an objective of nothing cannot be met; set a length such as `1h`
    demo.toml:241: environments.prod.tiers.critical.of[1]: `prod` declares no `wp-contents`; did you mean `wp-content`?
    demo.toml:242: environments.prod.tiers.important.rpo: 4 h is shorter than the 5 h of `critical`, which is more urgent; swap them, or correct one
    demo.toml:242: environments.prod.tiers.important.of[1]: `RDS` is in `critical` already; leave it in one tier
    demo.toml:243: environments.prod.tiers.archive: `archive` is not a known key; did you mean `archival`?
    "#);
    let prod = &Config::demo().environments["prod"];
    let tier = |kind| prod.promise(kind, "anything").tier.map(bbws::domain::tier::ServiceTier::name);
    use bbws::domain::point::PointKind;
    assert_eq!([PointKind::Rds, PointKind::Dump].map(tier), [Some("critical"), Some("archival")]);
}

#[test]
fn lifecycle_rules_are_in_order_and_delete_nothing_that_is_promised() {
    let said = refusal(&[
        (
            "expire = 2555\n",
            "expire = 364\n[[environments.prod.lifecycle]]\nbucket = \"bbws-prod-backups\"\nprefix = \"prod/\"\nexpire = 100\n\
             [[environments.prod.lifecycle]]\nbucket = \"bbws-prod-medium\"\nia = 10\nglacier = 20\n\
             [[environments.prod.lifecycle]]\nbucket = \"bbws-prod-media\"\nprefix = \"kubernetes/\"\n",
        ),
        ("expire = 30\nnoncurrent = 7", "expire = 6\nnoncurrent = 0"),
    ]);
    insta::assert_snapshot!(said, @r#"
    demo.toml:229: environments.prod.lifecycle[0].expire: 364 days come too soon after what comes before it; set 366 or more
    demo.toml:233: environments.prod.lifecycle[1].expire: 100 days are under 2562, for which archives under it are promised to be kept; set 2562 or more
    demo.toml:235: environments.prod.lifecycle[2].bucket: `prod` declares no bucket `bbws-prod-medium`; use one of: bbws-prod-media, bbws-prod-backups
    demo.toml:236: environments.prod.lifecycle[2].ia: 10 days come too soon after what comes before it; set 30 or more
    demo.toml:237: environments.prod.lifecycle[2].glacier: 20 days come too soon after what comes before it; set 40 or more
    demo.toml:245: environments.prod.lifecycle[4].prefix: `bbws-prod-media bbws-kubernetes` is listed twice; remove one
    demo.toml:246: environments.prod.lifecycle[4].expire: 6 days are under 7, for which what was overwritten or deleted has to be there to be brought back; set 7 or more
    demo.toml:247: environments.prod.lifecycle[4].noncurrent: 0 keeps no version that is not current; set 1 or more
    demo.toml:247: environments.prod.lifecycle[4].noncurrent: 0 days are under 7, for which what was overwritten or deleted has to be there to be brought back; set 7 or more
    "#);
}

#[test]
fn environments_that_keep_archives_in_one_bucket_have_no_rules_for_it() {
    let said = refusal(&[
        ("\nsecrets_bucket = \"bbws-sit-backups\"", "\nsecrets_bucket = \"bbws-prod-backups\""),
        ("bucket = \"bbws-prod-media\"\nid = \"uploads\"", "bucket = \"bbws-prod-backups\"\nid = \"uploads\""),
    ]);
    assert!(said.contains("`bbws-prod-backups` holds the archives of `sit` as well, which a rule of `prod`"), "{said}");
}

#[test]
fn replication_of_buckets_needs_a_role_of_the_account_and_a_dr_side() {
    let said = refusal(&[
        ("role = \"arn:aws:iam::093646564004:role/bbws-replication\"", "role = \"bbws-replication\""),
        ("rule = \"everything-to-dr\"", "rule = \"\""),
        (
            "delete_markers = true\n",
            "delete_markers = true\n[environments.dev.s3_replication]\nrole = \"arn:aws:iam::536580886816:role/bbws-replication\"\n",
        ),
    ]);
    insta::assert_snapshot!(said, @r#"
    demo.toml:249: environments.prod.s3_replication.role: `bbws-replication` is not an ARN; use one such as `arn:aws:iam::093646564004:role/…`
    demo.toml:250: environments.prod.s3_replication.rule: a rule's name has 1 to 255 characters
    demo.toml:252: environments.dev.s3_replication: is set, though replication is "disabled"; set replication = "enabled", or remove it
    "#);
}

#[test]
fn what_aws_backup_does_besides_is_within_what_it_takes() {
    let said = refusal(&[
        ("cold_after = 30", "cold_after = 0"),
        ("continuous = 7", "continuous = 36"),
        ("buckets = true\n", "buckets = true\n[environments.prod.backup_plan]\ncontinuous = 6\ncold = 1\n"),
    ]);
    insta::assert_snapshot!(said, @r"
    demo.toml:257: environments.sit.backup_plan.cold_after: 0 is not between 1 and 36410 days
    demo.toml:258: environments.sit.backup_plan.continuous: 36 days are over the 35 for which AWS Backup keeps continuous backups; set 35 or less
    demo.toml:261: environments.prod.backup_plan.continuous: 6 days are under retention_days.min (7); set 7 or more
    demo.toml:262: environments.prod.backup_plan.cold: `cold` is not a known key; remove it, or use one of: cold_after, continuous, buckets
    ");
}

#[test]
fn dumps_are_written_where_they_can_be_read_and_what_is_required_is_backed_up() {
    let said = refusal(&[
        ("dump_storage_class = \"STANDARD_IA\"", "dump_storage_class = \"GLACIER\""),
        (
            "required_parameters = [\"/bbws/prod/database/host\", \"/bbws/prod/wordpress/domain\"]",
            "required_parameters = [\"/bbws/prod/url\", \"/bbws/sit/url\", \"/bbws/prod/\"]",
        ),
        (
            "expire = 2555\n",
            "expire = 2555\nretention = 90\n[[environments.prod.lifecycle]]\nbucket = \"bbws-prod-backups\"\nprefix = \"prod/\"\nretention = 90\nexpire = 89\n",
        ),
    ]);
    insta::assert_snapshot!(said, @r"
    demo.toml:126: environments.prod.required_parameters[1]: `/bbws/sit/url` is not under parameters_prefix; write the whole name of one under it
    demo.toml:126: environments.prod.required_parameters[2]: `/bbws/prod/` is not under parameters_prefix; write the whole name of one under it
    demo.toml:139: environments.prod.dump_storage_class: `GLACIER` is not a storage class that can be read at once, which dumps are after they are written; use one of: STANDARD, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR
    demo.toml:230: environments.prod.lifecycle[0].retention: goes by a tag that only archives have; leave it out for a bucket of data
    demo.toml:235: environments.prod.lifecycle[1].expire: 89 days are under 90, for which archives under it are promised to be kept; set 90 or more
    ");
}
