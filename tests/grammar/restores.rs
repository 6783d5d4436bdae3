//! `backup restore`: what may be said of each kind of it, and what people read when it is wrong.

use super::*;

#[test]
fn one_text_stands_for_each_restore() {
    let canonical = |text: &str| ok(text).canonical();
    let said = [
        "backup restore prod rds --snapshot-id snap-1",
        "Backup Restore PROD --type rds --snapshot-id arn:aws:rds:af-south-1:093646564004:snapshot:snap-1 --keep 24h",
        "backup restore prod pitr --target-time 2026-11-21T09:30:00+02:00 --database BBWS-Prod-Mysql --keep 90m",
        "backup restore prod pitr --target-time LATEST --region dr --into clone --ticket INC-1 --reason \"why not\"",
    ]
    .map(canonical);
    insta::assert_snapshot!(said.join("\n"), @r#"
    backup restore prod rds --snapshot-id snap-1 --into clone --keep 1d
    backup restore prod rds --snapshot-id arn:aws:rds:af-south-1:093646564004:snapshot:snap-1 --into clone --keep 1d
    backup restore prod pitr --target-time 2026-11-21T07:30:00Z --database bbws-prod-mysql --into clone --keep 90m
    backup restore prod pitr --target-time latest --region dr --into clone --keep 1d --ticket INC-1 --reason "why not"
    "#);
    for text in &said {
        assert_eq!(canonical(text), *text);
    }
}

#[test]
fn says_what_is_wrong_with_a_restore() {
    insta::assert_snapshot!(answers(&[
        "backup restore prod",
        "backup restore prod rds",
        "backup restore prod --snapshot-id snap-1",
        "backup restore prod snapshot --snapshot-id snap-1",
        "backup restore prod rds --target-time latest",
        "backup restore prod rds --snapshot-id snap-1 --target-time latest",
        "backup restore prod rds --snapshot-id ../../etc",
        "backup restore prod rds --snapshot-id \"snap; drop\"",
        "backup restore prod rds --snapshot-id snap-1 --database \"x' OR 1=1\"",
        "backup restore prod rds --snapshot-id snap-1 --into live",
        "backup restore prod rds --snapshot-id snap-1 --keep 30s",
        "backup restore prod rds --snapshot-id snap-1 --keep 31d",
        "backup restore prod pitr",
        "backup restore prod pitr --target-time yesterday",
        "backup restore prod pitr --target-time 2026-11-21T09:30:00",
        "backup restore prod pitr --target-time 2026-11-21T09:30Z",
        "backup restore prod pitr --target-time 2026-11-31T09:30:00Z",
        "backup restore prod pitr --target-time 2026-11-21T09:30:00.5Z",
        "backup restore prod pitr --target-time latest --region eu-west-1",
        "backup restore prod pitr --target-time latest --in-place",
    ]), @r#"
    backup restore prod
      `backup restore` needs to know what to restore: rds or pitr.
      /bbws help backup restore
    backup restore prod rds
      `backup restore prod rds` needs `--snapshot-id`: the recovery point's id, as `backup list` shows it.
      /bbws backup restore prod rds --snapshot-id <id> --into clone --keep 1d
    backup restore prod --snapshot-id snap-1
      `backup restore` needs to know what to restore: rds or pitr.
      /bbws backup restore prod rds --snapshot-id snap-1 --into clone --keep 1d
    backup restore prod snapshot --snapshot-id snap-1
      `snapshot` is not something to restore. It is rds or pitr.
      /bbws backup restore prod rds --snapshot-id snap-1 --into clone --keep 1d
    backup restore prod rds --target-time latest
      `backup restore prod rds` needs `--snapshot-id`: the recovery point's id, as `backup list` shows it.
      /bbws backup restore prod rds --snapshot-id <id> --into clone --keep 1d
    backup restore prod rds --snapshot-id snap-1 --target-time latest
      `backup restore prod rds` takes no `--target-time`.
      /bbws backup restore prod rds --snapshot-id snap-1 --into clone --keep 1d
    backup restore prod rds --snapshot-id ../../etc
      `../../etc` is not the id of a recovery point. Copy one from what `backup list` shows.
      /bbws backup restore prod rds --snapshot-id <id> --into clone --keep 1d
    backup restore prod rds --snapshot-id "snap; drop"
      `snap; drop` is not the id of a recovery point. Copy one from what `backup list` shows.
      /bbws backup restore prod rds --snapshot-id <id> --into clone --keep 1d
    backup restore prod rds --snapshot-id snap-1 --database "x' OR 1=1"
      `x' OR 1=1` is not the id of a database: letters, digits and hyphens, at most 63.
      /bbws backup restore prod rds --snapshot-id snap-1 --database <database> --into clone --keep 1d
    backup restore prod rds --snapshot-id snap-1 --into live
      `live` is not somewhere to restore to. It is clone.
      /bbws backup restore prod rds --snapshot-id snap-1 --into clone --keep 1d
    backup restore prod rds --snapshot-id snap-1 --keep 30s
      `30s` is not how long a clone is kept: an hour (`1h`) at least, 30 days at most.
      /bbws help backup restore
    backup restore prod rds --snapshot-id snap-1 --keep 31d
      `31d` is not how long a clone is kept: an hour (`1h`) at least, 30 days at most.
      /bbws help backup restore
    backup restore prod pitr
      `backup restore prod pitr` needs `--target-time`: the moment, with its zone: `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`; or `latest`.
      /bbws backup restore prod pitr --target-time <time> --into clone --keep 1d
    backup restore prod pitr --target-time yesterday
      `yesterday` is not a time to restore to. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`, or is `latest`.
      /bbws backup restore prod pitr --target-time <time> --into clone --keep 1d
    backup restore prod pitr --target-time 2026-11-21T09:30:00
      `2026-11-21T09:30:00` has no zone, and nobody guesses one. Say `--target-time 2026-11-21T09:30:00Z` for UTC, or with your own zone, such as `--target-time 2026-11-21T09:30:00+02:00`.
      /bbws backup restore prod pitr --target-time <time> --into clone --keep 1d
    backup restore prod pitr --target-time 2026-11-21T09:30Z
      `2026-11-21T09:30Z` is not a time to restore to. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`, or is `latest`.
      /bbws backup restore prod pitr --target-time <time> --into clone --keep 1d
    backup restore prod pitr --target-time 2026-11-31T09:30:00Z
      `2026-11-31T09:30:00Z` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
      /bbws backup restore prod pitr --target-time <time> --into clone --keep 1d
    backup restore prod pitr --target-time 2026-11-21T09:30:00.5Z
      `2026-11-21T09:30:00.5Z` is not a time to restore to. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`, or is `latest`.
      /bbws backup restore prod pitr --target-time <time> --into clone --keep 1d
    backup restore prod pitr --target-time latest --region eu-west-1
      `eu-west-1` is not a region to restore from. It is primary or dr.
      /bbws backup restore prod pitr --target-time latest --into clone --keep 1d
    backup restore prod pitr --target-time latest --in-place
      `backup restore` has no option `--in-place`, only `--type`, `--snapshot-id`, `--target-time`, `--database`, `--region`, `--into`, `--keep`, `--ticket` and `--reason`.
      /bbws backup restore prod pitr --target-time latest --into clone --keep 1d
    "#);
}
