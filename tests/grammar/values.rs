//! The shapes of values.

use super::*;

#[test]
fn identifiers_have_their_shape() {
    for id in ["bk-1", "DR-17", "bk-999999999"] {
        assert_eq!(value::operation_id(id), Ok(id.to_lowercase()));
    }
    for id in [
        "",
        "bk",
        "bk-",
        "-1",
        "b-1",
        "bkk-1",
        "bk-1234567890",
        "bk-1a",
        "b1-1",
        "bk-１",
        "\u{212a}b-1",
        "bk-1 ",
        "bk--1",
    ] {
        assert!(value::operation_id(id).is_err(), "{id:?}");
    }
    for id in ["a", "tenant-1", "T_9", &"x".repeat(128)] {
        assert_eq!(value::identifier("tenant", id).as_deref(), Ok(id));
    }
    for id in ["", "a b", "a/b", "../x", "é", "a;b", &"x".repeat(129)] {
        assert!(value::identifier("tenant", id).is_err(), "{id:?}");
    }
}

#[test]
fn timestamps_have_a_zone_and_are_past() {
    let now: jiff::Timestamp = "2026-03-01T12:00:00Z".parse().expect("a timestamp");
    let half_past_two: jiff::Timestamp = "2026-03-01T02:30:00Z".parse().expect("a timestamp");
    for text in [
        "2026-03-01T02:30:00Z",
        "2026-03-01T02:30Z",
        "2026-03-01T04:30:00+02:00",
        "2026-03-01T04:30:00.000+02:00",
        "2026-03-01t02:30:00z",
        "2026–03–01T02:30:00Z",
    ] {
        assert_eq!(value::timestamp(text, now), Ok(half_past_two), "{text}");
    }
    assert_eq!(value::timestamp("2026-03-01T12:00:00Z", now), Ok(now), "now is not the future");
    let mut said = String::new();
    for text in [
        "",
        "yesterday",
        "2026-03-01",
        "2026-03-01T02:30:00",
        "2026-03-01 02:30:00Z",
        "2026-03-01T02:30:00[Africa/Johannesburg]",
        "2026-02-30T02:30:00Z",
        "2026-03-01T25:30:00Z",
        "2026-03-01T12:00:01Z",
        "2026-03-01T12:00:00-02:00",
    ] {
        said.push_str(&format!("{}\n", value::timestamp(text, now).expect_err(text).said));
    }
    insta::assert_snapshot!(said, @r"
    (nothing) is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `yesterday` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01T02:30:00` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01 02:30:00Z` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01T02:30:00[Africa/Johannesburg]` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-02-30T02:30:00Z` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01T25:30:00Z` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01T12:00:01Z` is in the future: it is 2026-03-01T12:00:00Z now.
    `2026-03-01T12:00:00-02:00` is in the future: it is 2026-03-01T12:00:00Z now.
    ");
}

#[test]
fn reasons_fit_in_one_line() {
    assert_eq!(value::reason("  a\n b ").as_deref(), Ok("a b"));
    assert!(value::reason(" \u{200b}\n").is_err());
    assert!(value::reason(&"x".repeat(501)).is_err());
}

#[test]
fn the_ids_of_recovery_points_have_their_shape() {
    for id in [
        "bbws-prod-mysql-manual-20261121-bk-1042",
        "rds:bbws-prod-mysql-2026-11-21-02-05",
        "8a92e5b4-7c1f-4c22-9b1e-0f6d2f7a9d11",
        "arn:aws:backup:eu-west-1:093646564004:recovery-point:8A92E5B4-7C1F-4C22-9B1E-0F6D2F7A9D11",
        "prod/secrets/20261121/bk-1042/secrets.json",
        "a..b",
        &"x".repeat(1024),
    ] {
        assert_eq!(value::point_id(id).as_deref(), Ok(id), "the case is kept");
    }
    for id in ["", "/prod/x", "-x", "prod/../dev/x", "..", "a b", "é", "a;b", "a\nb", "<id>", &"x".repeat(1025)] {
        assert!(value::point_id(id).is_err(), "{id:?}");
    }
}

#[test]
fn tickets_days_and_lengths_have_their_shape() {
    for ticket in ["INC-123", "inc_9", "#42", "-", &"x".repeat(64)] {
        assert_eq!(value::ticket(ticket).as_deref(), Ok(ticket));
    }
    for ticket in ["", "INC 1", "INC/1", "é", &"x".repeat(65)] {
        assert!(value::ticket(ticket).is_err(), "{ticket:?}");
    }
    assert_eq!(value::days("1"), Ok(1));
    assert_eq!(value::days("36500"), Ok(36_500));
    for days in ["", "0", "-1", "+1", "1.5", "30d", "thirty", "36501", "99999999999"] {
        assert!(value::days(days).is_err(), "{days:?}");
    }
    assert_eq!(value::span("7D").map(|span| span.0.as_secs()), Ok(7 * 86_400));
    for span in ["", "0d", "7", "d", "-1d", "7 d", "1w", "99999999d"] {
        assert!(value::span(span).is_err(), "{span:?}");
    }
}

#[test]
fn a_moment_is_kept_to_the_millisecond() {
    assert_eq!(value::moment("2026-03-01T04:30:00.1239+02:00").map(|moment| moment.0), Ok(1_772_332_200_123));
    for text in ["yesterday", "2026-03-01", "2026-03-01T02:30:00", "1969-12-31T23:59:59Z"] {
        assert!(value::moment(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_word_may_be_an_option_and_an_option_without_a_value_a_word() {
    for (said, meant) in [
        ("dr failover prod assess-only", "dr failover prod"),
        ("dr failover prod VALIDATE", "dr failover prod --validate"),
        (
            "dr failover prod execute --ticket INC-1 --reason \"dark\"",
            "dr failover prod --execute --ticket INC-1 --reason \"dark\"",
        ),
        ("dr failback prod staged --ticket INC-1", "dr failback prod --staged --ticket INC-1"),
        ("dr status prod replication", "dr status prod --replication"),
        ("dr test prod --tabletop", "dr test prod tabletop"),
        ("dr test prod --FULL-DRILL", "dr test prod full-drill"),
        (
            "backup restore prod --pitr --target-time latest",
            "backup restore prod pitr --target-time latest --into clone",
        ),
        ("backup create --rds prod", "backup create prod rds"),
        ("backup validate prod test-restore", "backup validate prod --test-restore"),
        ("backup schedule prod --list", "backup schedule prod list"),
        ("status prod tiers", "status prod --tiers"),
    ] {
        assert_eq!(ok(said).canonical(), meant, "{said}");
    }
    // What stands in quotes or behind an option is a value, and one dash is a typing mistake.
    assert_eq!(ok("backup create prod --reason staged").reason(), Some("staged"));
    for (said, meant) in [
        ("dr failover prod \"execute\"", "dr failover prod --execute --ticket <ticket>"),
        ("dr failover prod -execute --ticket INC-1", "dr failover prod --execute --ticket INC-1"),
        ("dr failover prod --pitr", "dr failover prod"),
        ("dr failover prod now", "dr failover prod"),
        ("dr failover prod --assess only", "dr failover prod --assess-only"),
        ("dr failover prod --execute INC-5", "dr failover prod --execute --ticket INC-5"),
        ("dr prod failover", "dr failover prod"),
        ("backup prod create rds", "backup create prod rds"),
        ("restore prod", "backup restore prod <rds|pitr|efs|dump|secrets|config|s3|full> --into clone"),
        ("dr test prod drill", "dr test prod <tabletop|infra|dns|full-drill>"),
    ] {
        assert_eq!(wrong(said).try_instead, Some(format!("/bbws {meant}")), "{said}");
    }
}
