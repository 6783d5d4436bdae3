//! What the watcher finds wrong, rule by rule, and what of it is news.

use std::{collections::BTreeSet, time::Duration};

use bbws::{
    config::Config,
    domain::{
        chain::{Gap, Link},
        environment::{Dump, Engine, Environment, Span},
        lag::{AwsPlan, Component, JobTrouble, Measurements, Side},
        language,
        mark::{Mark, MarkKind, MarkWrite},
        moment::Moment,
        point::PointKind::{self, Efs, Rds},
        step::{PlanRule, PlanSpec},
        tier::TierPromise,
        watch::{Calm, Finding, Kind, Look, MOST, Standing, View, rules, words},
    },
};

use crate::support::measurements::{ended, healthy, with, without};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// 2026-11-21T03:00:00Z.
const NOW: Moment = Moment(1_795_230_000_000);

fn prod() -> Environment {
    let mut env = Config::example().environments["prod"].clone();
    env.schedule = Some("cron(0 2 * * ? *)".to_owned());
    env.restore_test = Some(Span(Duration::from_secs(30 * 86_400)));
    env
}

fn ago(millis: i64) -> Moment {
    Moment(NOW.0 - millis)
}

fn mark(kind: MarkKind, subject: &str, at: Moment) -> Mark {
    Mark {
        environment: "prod".to_owned(),
        kind,
        subject: subject.to_owned(),
        note: "eu-west-1".to_owned(),
        operation: "rs-7".to_owned(),
        at,
    }
}

fn tested() -> Vec<Mark> {
    vec![tested_of("bbws-prod-mysql", ago(24 * HOUR)), tested_of("fs-0900d000000000001", ago(24 * HOUR))]
}

fn tested_of(resource: &str, at: Moment) -> Mark {
    let note = format!("{resource} by vl-7");
    Mark { note, ..mark(MarkKind::Tested, &format!("{resource} point at {at}"), at) }
}

/// A look at prod as it is now, with what stands.
fn look(measurements: &Measurements, marks: &[Mark], standing: &[Standing]) -> Look {
    let environment = &prod();
    rules::look(&View { environment, measurements, marks, standing, dues: &[], backing_up: None, now: NOW })
}

fn found(measurements: &Measurements) -> Vec<Finding> {
    look(measurements, &tested(), &[]).found
}

/// What is told stands.
fn stand(told: &[Finding], at: Moment) -> Vec<Standing> {
    let written = told.iter().map(|f| match f.mark("prod", at) {
        MarkWrite::New(mark) => mark,
        other => panic!("a new mark: {other:?}"),
    });
    Standing::of(&written.collect::<Vec<_>>())
}

fn keys(found: &[Finding]) -> Vec<&str> {
    found.iter().map(|f| f.key.as_str()).collect()
}

#[test]
fn nothing_is_wrong_with_what_is_well() {
    assert_eq!(found(&healthy(NOW)), []);
}

#[test]
fn each_kind_is_found_and_names_thing_reason_and_next_step() {
    let late = || Ok(ago(26 * HOUR));
    let no = || Err("AccessDenied on ListRecoveryPoints".to_owned());
    let mut failed = with(healthy(NOW), Efs, Side::Primary, Ok(ago(HOUR)));
    failed.trouble = Ok(vec![ended("job-1", "fs-0900d000000000001", "EXPIRED", ago(20 * MINUTE))]);
    let mut blind = healthy(NOW);
    blind.trouble = Err("AccessDenied on ListBackupJobs".to_owned());
    let key = without(healthy(NOW), "DR vault bbws-prod-dr", "It is gone");
    let region = without(healthy(NOW), "region eu-west-1", "No answer in 10 s");
    let mut broken = healthy(NOW);
    broken.gaps = Ok(Gap::between("bbws-prod-mysql", &[(ago(5 * HOUR), Link::Off), (ago(3 * HOUR), Link::On)]));
    let mut off = healthy(NOW);
    off.gaps = Ok(Gap::between("bbws-prod-mysql", &[(ago(5 * HOUR), Link::Off)]));
    let gap = format!("chain:bbws-prod-mysql {}", ago(5 * HOUR).0);
    let stop = "stop prod \"the chain of automated backups was broken\"";
    let mut leftover = tested();
    leftover.push(mark(MarkKind::Leftover, "bbws-test-1", ago(27 * HOUR)));
    let cases = [
        (
            found(&with(healthy(NOW), Rds, Side::Primary, late())),
            "missed-backup:rds bbws-prod-mysql",
            "backup create prod rds",
        ),
        (
            found(&with(healthy(NOW), Efs, Side::Primary, no())),
            "missed-backup:efs fs-0900d000000000001",
            "backup create prod efs",
        ),
        (
            found(&with(healthy(NOW), Efs, Side::Dr, Ok(ago(61 * MINUTE)))),
            "lag:efs fs-0900d000000000001 in DR",
            "backup create prod efs",
        ),
        (
            found(&with(healthy(NOW), Rds, Side::Dr, no())),
            "lag:rds bbws-prod-mysql in DR",
            "backup validate prod --replication",
        ),
        (found(&failed), "job:backup fs-0900d000000000001 af-south-1 EXPIRED", "backup create prod efs"),
        (found(&blind), "unseen:jobs", "backup validate prod --replication"),
        (found(&broken), &gap, stop),
        (found(&off), &gap, stop),
        (found(&key), "place:DR vault bbws-prod-dr", "backup validate prod --replication"),
        (found(&region), "place:region eu-west-1", ""),
        (
            look(&healthy(NOW), &tested()[..1], &[]).found,
            "restore-test-overdue:efs fs-0900d000000000001",
            "backup validate prod --test-restore",
        ),
        (
            look(&healthy(NOW), &tested()[1..], &[]).found,
            "restore-test-overdue:rds bbws-prod-mysql",
            "backup validate prod --test-restore",
        ),
        (look(&healthy(NOW), &leftover, &[]).found, "leftover:bbws-test-1", "op show rs-7"),
        (rules::unreachable(&prod(), 3, "no answer").found, "unreachable", ""),
    ];
    let mut told = Vec::new();
    for (found, key, fix) in cases {
        assert_eq!(keys(&found), [key]);
        told.push(words::told("prod", &found).0);
        let Some(offer) = found[0].fix.clone() else {
            assert_eq!(fix, "", "what does not answer can be asked for nothing: {key}");
            continue;
        };
        assert_eq!(offer.command, fix);
        assert!(offer.label.chars().count() <= 30, "{}", offer.label);
        let command = language::parse(fix, &["dev", "sit", "prod"]).expect("the button says a command");
        assert_eq!(command.canonical(), fix);
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    *prod*: The backup of `rds bbws-prod-mysql` that was due at 02:00 UTC on 20 Nov 2026 did not happen. Its newest backup is 1 d 2 h old; promised is every day at 02:00 UTC. Make one now, and look at the AWS Backup plan or at who stopped it.
    *prod*: No backup of `efs wp-content` is known since one was due at 02:00 UTC on 20 Nov 2026. AccessDenied on ListRecoveryPoints. Make one now, and look at the AWS Backup plan or at who stopped it.
    *prod*: `efs wp-content in DR` is 1 h 01 min behind; the RPO is 1 h. A failover now would lose that much. Make a backup now, which is copied there, and look at what holds the copies up.
    *prod*: How far `rds bbws-prod-mysql in DR` is behind is unknown, which counts as a breach of the RPO of 1 h. AccessDenied on ListRecoveryPoints. Find out why it cannot be read, then measure again.
    *prod*: The backup of `wp-content` in af-south-1 ended EXPIRED. Backup job failed because &lt;the&gt; vault was `locked` &amp; busy. Job `job-1`, 02:40 UTC. Remove the cause, then make a backup now.
    *prod*: The jobs of AWS Backup cannot be seen: one that fails now goes unnoticed. AccessDenied on ListBackupJobs. Allow the role of bbws to list jobs, or wait if AWS is in trouble.
    *prod*: `rds bbws-prod-mysql` cannot be restored to any moment between 22:00 UTC on 20 Nov 2026 and 00:00 UTC. Its automated backups were switched off at 2026-11-20T22:00:00Z, until 2026-11-21T00:00:01Z. Snapshots and points of AWS Backup of that time still can be restored. Find out who switched them off. If nobody here meant to, shall everything in `prod` stop until that is known? Lifting a stop takes two people.
    *prod*: `rds bbws-prod-mysql` cannot be restored to any moment since 22:00 UTC on 20 Nov 2026. Its automated backups were switched off at 2026-11-20T22:00:00Z, and nobody knows whether they are on. Switch them on: `/bbws backup schedule prod update --type rds --retention 30`. Find out who switched them off. If nobody here meant to, shall everything in `prod` stop until that is known? Lifting a stop takes two people.
    *prod*: The DR vault bbws-prod-dr is not usable. It is gone. Bring it back in AWS, or correct its name in the config; new backups fail without it.
    *prod*: The region eu-west-1 is not usable. No answer in 10 s. prod runs on in af-south-1; until there is an answer no copies arrive and nothing can fail over to it. Look at the AWS Health Dashboard. bbws goes on looking, and says when it answers.
    *prod*: No backup of `efs wp-content` was restored for a test in the last 30 days. There has been none yet. A backup that was never restored is a hope: test one now.
    *prod*: No backup of `rds bbws-prod-mysql` was restored for a test in the last 30 days. There has been none yet. Nothing in it can be compared without a login: declare it under `dumps` in the config, then test one.
    *prod*: `bbws-test-1`, made for a restore, still exists after 1 d 3 h. It was not deleted, costs money, and holds a copy of the data in eu-west-1. bbws tries to delete it every six hours. If that goes on failing, delete the instance in RDS without a final snapshot.
    *prod*: AWS account 093646564004 did not answer 3 times in a row: nothing is watched. no answer. Check the credentials and the role of bbws, the network, and the AWS Health Dashboard.
    ");
}

/// A dump that is only read is not called tested, and one that can be loaded is loaded every month.
#[test]
fn dumps_are_loaded_or_it_is_said_that_they_are_not() {
    let mut env = prod();
    env.restore_test = Some(Span(Duration::from_secs(90 * 86_400)));
    env.dumps = vec![Dump {
        database: "bbws-prod-mysql".into(),
        engine: Engine::Mysql,
        secret: "bbws/prod/database".into(),
        schemas: Vec::new(),
        load_test: None,
    }];
    let due = |env: &Environment, loaded: Option<Moment>| {
        let mut marks = tested();
        marks.extend(loaded.map(|at| tested_of(&Mark::dump_of("bbws-prod-mysql"), at)));
        let measurements = &healthy(NOW);
        let view = View {
            environment: env,
            measurements,
            marks: &marks,
            standing: &[],
            dues: &[],
            backing_up: None,
            now: NOW,
        };
        rules::look(&view).found.into_iter().map(|f| (f.key, f.title)).collect::<Vec<_>>()
    };
    let key = "restore-test-overdue:dump bbws-prod-mysql";
    let title = "Dumps of `bbws-prod-mysql` are read to their end and never loaded for a test";
    assert_eq!(due(&env, None), [(key.to_owned(), title.to_owned())]);
    env.dumps[0].load_test = Some("bbws/prod/load-test".into());
    assert!(due(&env, Some(ago(24 * HOUR * 27))).is_empty());
    let soon = "`dump bbws-prod-mysql` was last restored for a test 30 d ago; what is promised, once in 31 days, is about to break, in 1 d";
    let soon = ("restore-test-overdue:soon dump bbws-prod-mysql".to_owned(), soon.to_owned());
    assert_eq!(due(&env, Some(ago(24 * HOUR * 30))), [soon]);
    let title = "No backup of `dump bbws-prod-mysql` was restored for a test in the last 31 days";
    assert_eq!(due(&env, Some(ago(24 * HOUR * 32))), [(key.to_owned(), title.to_owned())]);
    assert_eq!(due(&env, None), [(key.to_owned(), title.to_owned())]);
}

#[test]
fn every_database_and_file_system_is_tested_in_its_own_right() {
    let due = |marks: &[Mark]| look(&healthy(NOW), marks, &[]).found.into_iter().map(|f| f.key).collect::<Vec<_>>();
    assert!(due(&tested()).is_empty());
    // The newest counts, however many there were, and nobody else's.
    let mut marks = tested();
    marks.push(tested_of("fs-0900d000000000001", ago(24 * HOUR * 90)));
    marks.push(tested_of("bbws-prod-mysql-2", ago(HOUR)));
    assert!(due(&marks).is_empty());
    marks.retain(|m| m.subject.starts_with("bbws"));
    marks[0].at = ago(24 * HOUR * 31);
    assert_eq!(
        due(&marks),
        ["restore-test-overdue:rds bbws-prod-mysql", "restore-test-overdue:efs fs-0900d000000000001"]
    );
}

#[test]
fn critical_is_a_whole_region_or_every_copy() {
    let critical = |measurements: &Measurements| keys_of(&found(measurements), |f| f.critical);
    assert_eq!(critical(&without(healthy(NOW), "region af-south-1", "no answer")), ["place:region af-south-1"]);
    assert_eq!(critical(&without(healthy(NOW), "DR vault bbws-prod-dr", "gone")), [""; 0]);
    let one = with(healthy(NOW), Efs, Side::Dr, Ok(ago(2 * HOUR)));
    assert_eq!(critical(&one), [""; 0]);
    assert_eq!(critical(&with(one.clone(), Rds, Side::Dr, Err("unknown".to_owned()))), ["lag:every copy in DR"]);
    let mut only = one;
    only.components.retain(|c| c.side == Side::Primary || c.kind == Efs);
    assert_eq!(critical(&only), ["lag:efs fs-0900d000000000001 in DR"]);
}

fn keys_of(found: &[Finding], which: impl Fn(&Finding) -> bool) -> Vec<String> {
    found.iter().filter(|f| which(f)).map(|f| f.key.clone()).collect()
}

#[test]
fn a_promise_about_to_break_is_told_before_unless_something_will_keep_it() {
    let mut env = Environment { schedule: None, ..prod() };
    let told = |env: &Environment, kind, side, minutes: i64, helped: &dyn Fn(&mut View<'_>), stands: bool| {
        let measurements = &with(healthy(NOW), kind, side, Ok(ago(minutes * MINUTE)));
        let (marks, key) = (tested(), "promise:rds bbws-prod-mysql");
        let standing: Vec<Standing> = match stands {
            true => {
                let environment = env;
                let late = &with(healthy(NOW), Rds, Side::Primary, Ok(ago(50 * MINUTE)));
                let view = View {
                    environment,
                    measurements: late,
                    marks: &marks,
                    standing: &[],
                    dues: &[],
                    backing_up: None,
                    now: NOW,
                };
                stand(&rules::look(&view).found, NOW)
            }
            false => Vec::new(),
        };
        let mut view = View {
            environment: env,
            measurements,
            marks: &marks,
            standing: &standing,
            dues: &[],
            backing_up: None,
            now: NOW,
        };
        helped(&mut view);
        let found = rules::look(&view).found;
        assert!(found.iter().all(|f| f.kind != Kind::Promise || f.key.starts_with(key) || kind != Rds));
        found.into_iter().find(|f| f.kind == Kind::Promise).map(|f| f.title)
    };
    let nobody: &dyn Fn(&mut View<'_>) = &|_| {};
    let here = |env: &Environment, minutes, helped, stands| told(env, Rds, Side::Primary, minutes, helped, stands);
    assert_eq!(
        here(&env, 48, nobody, false).as_deref(),
        Some("`rds bbws-prod-mysql` is 48 min behind; its RPO of 1 h is about to break, in 12 min")
    );
    assert_eq!(here(&env, 47, nobody, false), None, "under 80 %");
    assert_eq!(here(&env, 61, nobody, false), None, "what is broken is told as broken");
    assert!(here(&env, 43, nobody, true).is_some(), "it has to be well within");
    assert_eq!(here(&env, 41, nobody, true), None, "mended");
    assert_eq!(here(&env, 50, &|view| view.backing_up = Some(ago(MINUTE)), false), None, "a backup is under way");
    // NOW is 03:00: an hourly backup is due at 04:00, when the RPO has broken; one at 03:05 keeps it.
    env.schedule = Some("cron(0 * * * ? *)".to_owned());
    assert!(here(&env, 50, nobody, false).is_some(), "due after it breaks");
    env.schedule = Some("cron(5 * * * ? *)".to_owned());
    assert_eq!(here(&env, 50, nobody, false), None, "due in time");
    // A plan that somebody else made counts as well, where it protects this database.
    env.schedule = None;
    let plan = |resource: String| AwsPlan {
        name: "theirs".to_owned(),
        spec: PlanSpec {
            vault: "bbws-prod".to_owned(),
            rules: vec![PlanRule {
                name: "hourly".to_owned(),
                schedule: "cron(5 * * * ? *)".to_owned(),
                delete_after_days: 7,
                copy_to: None,
                extras: Vec::new(),
            }],
            resources: vec![resource],
            role: "role".to_owned(),
        },
    };
    let by_plan = |side, plans: Result<Vec<AwsPlan>, String>| {
        let environment = &env;
        let mut measurements = with(healthy(NOW), Rds, side, Ok(ago(50 * MINUTE)));
        measurements.plans = plans;
        let (measurements, marks) = (&measurements, &tested());
        let view = View { environment, measurements, marks, standing: &[], dues: &[], backing_up: None, now: NOW };
        rules::look(&view).found.iter().any(|f| f.kind == Kind::Promise)
    };
    let ours = || env.database_arn("bbws-prod-mysql");
    assert!(!by_plan(Side::Primary, Ok(vec![plan(ours())])));
    assert!(by_plan(Side::Dr, Ok(vec![plan(ours())])), "nothing of it is copied");
    assert!(by_plan(Side::Primary, Ok(vec![plan(env.database_arn("another"))])), "it protects another one");
    assert!(!by_plan(Side::Primary, Err("AccessDenied".to_owned())), "nobody knows that nothing is due");
    // What its tier promises decides.
    let day = |hours: u64| Span(Duration::from_secs(hours * 3600));
    let of = vec!["rds".to_owned()];
    env.tiers.insert("archival".to_owned(), TierPromise { rpo: day(168), rto: day(168), of });
    assert_eq!(here(&env, 50, nobody, false), None, "far within a week");
    let title = here(&env, 7 * 24 * 60 - 60, nobody, false).unwrap();
    assert!(title.contains("(archival)") && title.ends_with("its RPO of 7 d is about to break, in 1 h"), "{title}");
}

#[test]
fn a_backup_is_missed_when_its_grace_is_over() {
    // Due every day at 02:00, a tenth of the day's grace: until 04:24.
    let before = Moment(NOW.0 - 2 * HOUR);
    let cases = [
        ("cron(0 2 * * ? *)", NOW, before, false, "an hour after it was due"),
        ("cron(0 2 * * ? *)", Moment(NOW.0 + 83 * MINUTE), before, false, "within a tenth of a day"),
        ("cron(0 2 * * ? *)", Moment(NOW.0 + 84 * MINUTE), before, true, "after a tenth of a day"),
        ("cron(0 2 * * ? *)", Moment(NOW.0 + 84 * MINUTE), ago(HOUR), false, "made when it was due"),
        ("cron(0 * * * ? *)", Moment(NOW.0 + 29 * MINUTE), ago(HOUR), false, "within half an hour"),
        ("cron(0 * * * ? *)", Moment(NOW.0 + 30 * MINUTE), ago(HOUR), true, "after half an hour"),
        ("cron(0 * * * ? *)", NOW, ago(HOUR + 1), true, "the one before was missed, too"),
        ("not a schedule", NOW, Moment(0), false, "no promise"),
    ];
    for (schedule, now, safe, missed, why) in cases {
        let environment = &Environment { schedule: Some(schedule.to_owned()), ..prod() };
        let measurements = &with(healthy(now), Efs, Side::Primary, Ok(safe));
        let marks = &tested();
        let view = View { environment, measurements, marks, standing: &[], dues: &[], backing_up: None, now };
        assert_eq!(!rules::look(&view).found.is_empty(), missed, "{schedule}: {why}");
        // A backup of ours that began since gets time until the next is due.
        let ours = View { backing_up: Some(Moment(now.0 - 1)), ..view };
        assert!(rules::look(&ours).found.is_empty() || why == "the one before was missed, too", "{schedule}: {why}");
    }
}

#[test]
fn a_lag_is_over_only_when_it_caught_up_by_a_margin() {
    let lagging = |minutes: i64| with(healthy(NOW), Efs, Side::Dr, Ok(ago(minutes * MINUTE)));
    assert_eq!(found(&lagging(60)), [], "the RPO is an hour");
    let standing = stand(&found(&lagging(61)), ago(HOUR));
    for (minutes, stands) in [(61, true), (59, true), (55, true), (54, false), (1, false)] {
        let look = look(&lagging(minutes), &tested(), &standing);
        let news = look.news(&standing, &BTreeSet::new());
        assert_eq!((news.fresh.len(), news.over.len()), (0, usize::from(!stands)), "{minutes} minutes");
    }
    let unknown = with(healthy(NOW), Efs, Side::Dr, Err("no answer".to_owned()));
    let news = look(&unknown, &tested(), &standing).news(&standing, &BTreeSet::new());
    assert_eq!((news.fresh.len(), news.over.len()), (0, 0), "unknown is never resolved");
}

#[test]
fn what_could_not_be_read_is_told_when_it_is_so_twice() {
    let gone = look(&without(healthy(NOW), "vault bbws-prod", "throttled"), &tested(), &[]);
    let first = gone.clone().news(&[], &BTreeSet::new());
    assert!(first.fresh.is_empty() && first.doubtful.contains("place:vault bbws-prod"));
    let second = gone.clone().news(&[], &first.doubtful);
    assert_eq!(keys(&second.fresh), ["place:vault bbws-prod"]);
    let standing = stand(&second.fresh, NOW);
    assert_eq!(gone.news(&standing, &BTreeSet::new()).fresh, [], "it is told already");
    let fine = look(&healthy(NOW), &tested(), &standing).news(&standing, &BTreeSet::new());
    assert_eq!(fine.over, standing);
}

#[test]
fn jobs_of_one_resource_and_state_are_one_finding_for_a_day_or_until_one_succeeds() {
    let fs = "fs-0900d000000000001";
    let failed = |at| {
        let mut measurements = with(healthy(NOW), Efs, Side::Primary, Ok(ago(3 * HOUR)));
        measurements.trouble = Ok((0..5).map(|n| ended(&format!("job-{n}"), fs, "FAILED", at)).collect());
        measurements
    };
    let told = found(&failed(ago(HOUR)));
    assert_eq!(keys(&told), ["job:backup fs-0900d000000000001 af-south-1 FAILED"]);
    assert!(told[0].title.contains("5 times"), "{}", told[0].title);
    assert!(told[0].reason.contains("&lt;the&gt;") && told[0].reason.contains("&amp; busy"), "{}", told[0].reason);
    assert_eq!(found(&failed(ago(24 * HOUR))), [], "a day later it is history");

    let standing = stand(&told, ago(HOUR));
    let over = |measurements: &Measurements, standing: &[Standing]| {
        let look = look(measurements, &tested(), standing);
        let news = look.clone().news(standing, &BTreeSet::new());
        (news.over.len(), words::resolved("prod", &news.over, &look, NOW))
    };
    let mut unread = healthy(NOW);
    unread.trouble = Err("throttled".to_owned());
    assert_eq!(over(&unread, &standing).0, 0, "what cannot be seen is not over");
    assert_eq!(over(&healthy(NOW), &standing).0, 0, "a job that is not listed is not over either");
    let mut later = healthy(NOW);
    later.trouble = Ok(vec![ended("job-1", fs, "FAILED", ago(HOUR))]);
    let (count, (text, good)) = over(&later, &standing);
    assert!(count == 1 && good && text.contains("made it good"), "{text}");
    let (count, (text, good)) = over(&healthy(NOW), &stand(&told, ago(24 * HOUR)));
    assert!(count == 1 && !good && text.contains("no other for 24 h"), "{text}");
    // Continuous backups of a database say nothing of its jobs.
    let mut database = healthy(NOW);
    database.trouble = Ok(vec![ended("job-1", "bbws-prod-mysql", "FAILED", ago(HOUR))]);
    assert_eq!(found(&database).len(), 1);
}

#[test]
fn a_lost_region_is_one_finding_and_takes_nothing_back() {
    let standing = stand(&found(&without(healthy(NOW), "DR vault bbws-prod-dr", "disabled")), ago(HOUR));
    let mut lost = without(healthy(NOW), "region eu-west-1", "No answer in 10 s");
    lost.places.retain(|(name, _)| !name.starts_with("DR"));
    for component in lost.components.iter_mut().filter(|c| c.side == Side::Dr) {
        component.safe = Err("No answer in 10 s".to_owned());
    }
    lost.trouble = Err("No answer in 10 s".to_owned());
    let look = look(&lost, &tested(), &standing);
    let doubted = look.clone().news(&standing, &BTreeSet::new()).doubtful;
    let news = look.news(&standing, &doubted);
    assert_eq!(keys(&news.fresh), ["place:region eu-west-1"], "one outage is one message");
    assert_eq!(news.over, []);
}

#[test]
fn ten_thousand_troubles_are_eleven_findings_and_do_not_drip() {
    let flood = |from: i64, to: i64| {
        let mut measurements = healthy(NOW);
        let jobs = (from..to).map(|n| ended(&format!("job-{n}"), &format!("fs-{n:05}"), "FAILED", ago(n + HOUR)));
        measurements.trouble = Ok(jobs.collect());
        measurements
    };
    let none = BTreeSet::new();
    let first = look(&flood(0, 10_000), &tested(), &[]).news(&[], &none).fresh;
    assert_eq!(first.len(), MOST + 1);
    assert!(first[MOST].title.contains("9990 more"), "{}", first[MOST].title);
    let (text, offers) = words::told("prod", &first);
    assert!(text.len() < 6_000 && offers.len() <= 5, "{} characters", text.len());

    let standing = stand(&first, ago(23 * HOUR));
    let news = look(&flood(0, 9_000), &tested(), &standing).news(&standing, &none);
    assert_eq!((news.fresh.len(), news.over.len()), (0, 0), "the sum stands for what is left");
    // Those told one by one are history, and hundreds of the others are left: still one sum.
    let standing = stand(&first, ago(24 * HOUR));
    let news = look(&flood(100, 500), &tested(), &standing).news(&standing, &none);
    assert_eq!((news.fresh.len(), news.over.len()), (0, MOST));
    let standing = stand(&first[MOST..], ago(24 * HOUR));
    let news = look(&flood(100, 105), &tested(), &standing).news(&standing, &none);
    assert_eq!((news.fresh.len(), news.over.len()), (5, 1), "the last few are told one by one");
}

#[test]
fn what_comes_and_goes_ends_as_one_finding() {
    // Wrong for a quarter of every hour, or an hour of every day: told, taken back, told again, and in the end it stands.
    let environment = &Environment { schedule: None, restore_test: None, ..prod() };
    for (period, wrong, most) in [(12, 3, 2), (288, 12, 6)] {
        let (mut calm, mut standing, mut told, mut last) = (Calm::default(), Vec::new(), 0, 0);
        for n in 0..288 * 14 {
            let now = Moment(NOW.0 + n * 5 * MINUTE);
            let minutes = if n % period < wrong { 70 } else { 10 };
            let measurements = &with(healthy(now), Efs, Side::Dr, Ok(Moment(now.0 - minutes * MINUTE)));
            let view =
                View { environment, measurements, marks: &[], standing: &standing, dues: &[], backing_up: None, now };
            let news = calm.damp(rules::look(&view).news(&standing, &BTreeSet::new()), &standing, now);
            standing.retain(|s| !news.over.contains(s));
            standing.extend(stand(&news.fresh, now));
            told += news.fresh.len();
            last = if news.fresh.is_empty() { last } else { n };
        }
        assert!((2..=most).contains(&told) && standing.len() == 1, "told {told} times");
        assert!(last < 288 * 7, "it goes on after a week");
    }
}

#[test]
fn notes_of_another_version_still_stand() {
    let old = Mark { note: "from another version".to_owned(), ..mark(MarkKind::Finding, "lag:x <b>", NOW) };
    let standing = Standing::of(&[old]);
    assert_eq!((standing[0].note.kind, standing[0].note.title.as_str()), (Kind::Lag, "lag:x &lt;b&gt;"));
}

#[test]
fn any_component_is_named_safely() {
    let mut measurements = healthy(NOW);
    let resource = "`<!channel>`\n".to_owned();
    measurements.components.push(Component {
        kind: PointKind::S3,
        resource,
        side: Side::Dr,
        safe: Err("<@U1>".to_owned()),
    });
    let (text, _) = words::told("prod", &found(&measurements));
    assert!(!text.contains('<') && text.matches('`').count() == 2, "{text}");
}

/// While a region does not answer, nothing is advised that needs it, and nobody fails over into it.
#[test]
fn advice_that_cannot_work_is_never_given() {
    let down = |region: &str| without(healthy(NOW), &format!("region {region}"), "No answer in 10 s");
    let next = |region: &str| found(&down(region))[0].next.clone();
    assert!(next("af-south-1").contains("decides about a failover to eu-west-1"), "{}", next("af-south-1"));
    assert!(next("eu-west-1").contains("nothing can fail over to it"), "{}", next("eu-west-1"));
    assert!(!next("eu-west-1").contains("commander"), "{}", next("eu-west-1"));

    for region in ["af-south-1", "eu-west-1"] {
        // Everything is late, behind, failed and untested, and was told before the region went.
        let mut trouble = healthy(NOW);
        for component in &mut trouble.components {
            component.safe = Ok(ago(50 * HOUR));
        }
        let job = ended("job-1", "fs-0900d000000000001", "FAILED", ago(HOUR));
        trouble.trouble = Ok(vec![JobTrouble { region: region.to_owned(), ..job }]);
        let before = found_with(&trouble, &[]);
        assert!(before.len() > 6 && before.iter().all(|f| f.fix.is_some()), "{before:#?}");
        let standing = stand(&before, ago(HOUR));
        let lost = without(trouble, &format!("region {region}"), "No answer in 10 s");
        let after = look(&lost, &[], &standing);
        assert!(after.found.iter().all(|f| f.fix.is_none()), "{:#?}", after.found);
        assert!(after.found.iter().all(|f| !f.next.contains("ake ") && !f.next.contains("test one now")), "{after:#?}");
        let doubted = after.clone().news(&standing, &BTreeSet::new()).doubtful;
        let news = after.news(&standing, &doubted);
        assert_eq!(keys(&news.fresh), [format!("place:region {region}")], "one outage is one message");
        assert_eq!(news.over, [], "and takes nothing back");
    }
}

fn found_with(measurements: &Measurements, marks: &[Mark]) -> Vec<Finding> {
    look(measurements, marks, &[]).found
}

#[test]
fn what_is_over_is_said_as_it_is_now() {
    let told = |found: &[Finding]| {
        let over = stand(found, ago(2 * HOUR));
        words::resolved("prod", &over, &Look::default(), NOW).0
    };
    let region = found(&without(healthy(NOW), "region eu-west-1", "No answer in 10 s"));
    let vault = found(&without(healthy(NOW), "DR vault bbws-prod-dr", "It is gone"));
    let lag = found(&with(healthy(NOW), Efs, Side::Dr, Ok(ago(61 * MINUTE))));
    let account = rules::unreachable(&prod(), 3, "no answer").found;
    assert_eq!(told(&region), "*prod*: resolved: eu-west-1 is usable again. It stood for 2 h.");
    assert_eq!(told(&vault), "*prod*: resolved: DR vault bbws-prod-dr is usable again. It stood for 2 h.");
    assert_eq!(told(&lag), "*prod*: resolved: `efs wp-content in DR` keeps its RPO again. It stood for 2 h.");
    assert_eq!(
        told(&account),
        "*prod*: resolved: AWS account 093646564004 answers again. It stood for 2 h, in which nothing could be seen."
    );
}
