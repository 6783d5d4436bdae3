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
    backup restore prod rds --snapshot-id snap-1 --into clone
    backup restore prod rds --snapshot-id arn:aws:rds:af-south-1:093646564004:snapshot:snap-1 --into clone --keep 1d
    backup restore prod pitr --target-time 2026-11-21T07:30:00Z --database bbws-prod-mysql --into clone --keep 90m
    backup restore prod pitr --target-time latest --region dr --into clone --ticket INC-1 --reason "why not"
    "#);
    for text in &said {
        assert_eq!(canonical(text), *text);
    }
}

#[test]
fn one_text_stands_for_each_restore_of_what_is_no_database() {
    let canonical = |text: &str| ok(text).canonical();
    let said = [
        "backup restore prod efs --recovery-point 071de735-8d7a-3fa8-f530-3f66d7b3f173 --path /tenant-1/",
        "backup restore prod --type EFS --recovery-point arn:aws:backup:af-south-1:093646564004:recovery-point:071de735 --tenant tenant-1",
        "backup restore prod secrets --from prod/secrets/20261121/bk-1/secrets.json --name bbws/prod/smtp",
        "backup restore prod config --from prod/config/20261121/bk-1/config.json",
        "backup restore prod s3 --bucket bbws-prod-media --as-of 2026-11-21T09:30:00+02:00 --prefix wp-content/ --region dr",
    ]
    .map(canonical);
    insta::assert_snapshot!(said.join("\n"), @"
    backup restore prod efs --recovery-point 071de735-8d7a-3fa8-f530-3f66d7b3f173 --path /tenant-1 --into clone
    backup restore prod efs --recovery-point arn:aws:backup:af-south-1:093646564004:recovery-point:071de735 --tenant tenant-1 --into clone
    backup restore prod secrets --from prod/secrets/20261121/bk-1/secrets.json --name bbws/prod/smtp --into clone
    backup restore prod config --from prod/config/20261121/bk-1/config.json --into clone
    backup restore prod s3 --bucket bbws-prod-media --prefix wp-content/ --as-of 2026-11-21T07:30:00Z --region dr --into clone
    ");
    for text in &said {
        assert_eq!(canonical(text), *text);
    }
}

#[test]
fn nothing_odd_gets_into_a_restore_of_what_is_no_database() {
    let refused = [
        "backup restore prod efs --recovery-point rp-1 --path ../etc",
        "backup restore prod efs --recovery-point rp-1 --path /a/../b",
        "backup restore prod efs --recovery-point rp-1 --path /a/./b",
        "backup restore prod efs --recovery-point rp-1 --path /",
        "backup restore prod efs --recovery-point rp-1 --bucket b",
        "backup restore prod secrets --from \"prod/x; drop\"",
        "backup restore prod secrets --from prod/x --name \"a b\"",
        "backup restore prod config --from prod/x --tenant tenant-1",
        "backup restore prod s3 --bucket Bad_Bucket --as-of 2026-11-21T09:30:00Z",
        "backup restore prod s3 --bucket media --as-of 2026-11-21T09:30:00",
        "backup restore prod s3 --bucket media --as-of latest",
        "backup restore prod full",
        "backup restore prod full --as-of yesterday",
        "backup restore prod full --as-of latest --tables orders",
        "backup restore prod s3 --bucket media --as-of 2026-11-21T09:30:00Z --prefix ../x",
        "backup restore prod s3 --bucket media --as-of 2026-11-21T09:30:00Z --prefix a//b",
        "backup restore prod s3 --bucket media",
    ];
    for text in refused {
        wrong(text);
    }
    insta::assert_snapshot!(answers(&[refused[0], refused[9], refused[16]]), @"
    backup restore prod efs --recovery-point rp-1 --path ../etc
      `../etc` is no folder. It begins with a slash, as seen from the root of the file system: `/tenant-1`.
      /bbws backup restore prod efs --recovery-point rp-1 --into clone
    backup restore prod s3 --bucket media --as-of 2026-11-21T09:30:00
      `2026-11-21T09:30:00` has no zone, and nobody guesses one. Say `--as-of 2026-11-21T09:30:00Z` for UTC, or with your own zone, such as `--as-of 2026-11-21T09:30:00+02:00`.
      /bbws backup restore prod s3 --bucket media --as-of <time> --into clone
    backup restore prod s3 --bucket media
      `backup restore prod s3` needs `--as-of`: the moment it is to be as of, with its zone: `2026-03-01T02:30:00Z`; of `full` also `latest`.
      /bbws backup restore prod s3 --bucket media --as-of <time> --into clone
    ");
}

#[test]
fn a_tenant_and_its_tables_belong_to_databases() {
    let canonical = |text: &str| ok(text).canonical();
    let said = [
        "backup restore prod rds --snapshot-id snap-1 --tenant tenant-1",
        "backup restore prod pitr --target-time latest --tenant tenant-1 --tables wp_posts,wp_postmeta,wp_posts --merge missing --into live --ticket INC-1",
        "backup restore prod --type dump --from prod/dump/20261121/bk-1/bbws-prod-mysql.dump --tenant tenant-1 --merge CHANGED --into live",
        "backup restore prod dump --from prod/dump/20261121/bk-1/bbws-prod-mysql.dump",
    ]
    .map(canonical);
    insta::assert_snapshot!(said.join("\n"), @r"
    backup restore prod rds --snapshot-id snap-1 --tenant tenant-1 --into clone
    backup restore prod pitr --target-time latest --tenant tenant-1 --tables wp_postmeta,wp_posts --merge missing --into live --ticket INC-1
    backup restore prod dump --from prod/dump/20261121/bk-1/bbws-prod-mysql.dump --tenant tenant-1 --merge changed --into live
    backup restore prod dump --from prod/dump/20261121/bk-1/bbws-prod-mysql.dump --into clone
    ");
    for text in &said {
        assert_eq!(canonical(text), *text);
    }
    insta::assert_snapshot!(answers(&[
        "backup restore prod rds --snapshot-id snap-1 --tables wp_posts",
        "backup restore prod rds --snapshot-id snap-1 --tenant tenant-1 --tables \"wp_posts; drop\"",
        "backup restore prod rds --snapshot-id snap-1 --tenant tenant-1 --merge all",
        "backup restore prod efs --recovery-point rp-1 --tables wp_posts",
    ]), @r#"
    backup restore prod rds --snapshot-id snap-1 --tables wp_posts
      `--tables` says what of a tenant's comes back, and not whose: say that with `--tenant ID`.
      /bbws backup restore prod rds --snapshot-id snap-1 --tenant <tenant> --tables wp_posts --into clone
    backup restore prod rds --snapshot-id snap-1 --tenant tenant-1 --tables "wp_posts; drop"
      `wp_posts; drop` is not the name of a table: letters, digits and `_`, at most 63, several with commas, without schema: `--tables wp_posts,wp_postmeta`.
      /bbws backup restore prod rds --snapshot-id snap-1 --tenant tenant-1 --tables <tables> --into clone
    backup restore prod rds --snapshot-id snap-1 --tenant tenant-1 --merge all
      `all` is not a way to merge. It is missing or changed.
      /bbws backup restore prod rds --snapshot-id snap-1 --tenant tenant-1 --into clone
    backup restore prod efs --recovery-point rp-1 --tables wp_posts
      `backup restore prod efs` takes no `--tables`.
      /bbws backup restore prod efs --recovery-point rp-1 --into clone
    "#);
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
        "backup restore prod rds --snapshot-id snap-1 --into live --keep 2h",
        "backup restore prod rds --snapshot-id snap-1 --into place",
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
      `backup restore` needs to know what to restore: rds, pitr, efs, dump, secrets, config, s3 or full.
      /bbws backup restore prod <rds|pitr|efs|dump|secrets|config|s3|full> --into clone
    backup restore prod rds
      `backup restore prod rds` needs `--snapshot-id`: the recovery point's id, as `backup list` shows it.
      /bbws backup restore prod rds --snapshot-id <id> --into clone
    backup restore prod --snapshot-id snap-1
      `backup restore` needs to know what to restore: rds, pitr, efs, dump, secrets, config, s3 or full.
      /bbws backup restore prod rds --snapshot-id snap-1 --into clone
    backup restore prod snapshot --snapshot-id snap-1
      `snapshot` is not something to restore. It is rds, pitr, efs, dump, secrets, config, s3 or full.
      /bbws backup restore prod rds --snapshot-id snap-1 --into clone
    backup restore prod rds --target-time latest
      `backup restore prod rds` needs `--snapshot-id`: the recovery point's id, as `backup list` shows it.
      /bbws backup restore prod rds --snapshot-id <id> --into clone
    backup restore prod rds --snapshot-id snap-1 --target-time latest
      `backup restore prod rds` takes no `--target-time`.
      /bbws backup restore prod rds --snapshot-id snap-1 --into clone
    backup restore prod rds --snapshot-id ../../etc
      `../../etc` is not the id of a recovery point. Copy one from what `backup list` shows.
      /bbws backup restore prod rds --snapshot-id <id> --into clone
    backup restore prod rds --snapshot-id "snap; drop"
      `snap; drop` is not the id of a recovery point. Copy one from what `backup list` shows.
      /bbws backup restore prod rds --snapshot-id <id> --into clone
    backup restore prod rds --snapshot-id snap-1 --database "x' OR 1=1"
      `x' OR 1=1` is not the id of a database: letters, digits and hyphens, at most 63.
      /bbws backup restore prod rds --snapshot-id snap-1 --database <database> --into clone
    backup restore prod rds --snapshot-id snap-1 --into live --keep 2h
      What takes the place of what is live is not deleted by itself: leave `--keep` out, or restore into a clone.
      /bbws help backup restore
    backup restore prod rds --snapshot-id snap-1 --into place
      `place` is not somewhere to restore to. It is clone or live.
      /bbws backup restore prod rds --snapshot-id snap-1 --into clone
    backup restore prod rds --snapshot-id snap-1 --keep 30s
      `30s` is not how long a clone is kept: an hour (`1h`) at least, 30 days at most.
      /bbws help backup restore
    backup restore prod rds --snapshot-id snap-1 --keep 31d
      `31d` is not how long a clone is kept: an hour (`1h`) at least, 30 days at most.
      /bbws help backup restore
    backup restore prod pitr
      `backup restore prod pitr` needs `--target-time`: the moment, with its zone: `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`; or `latest`.
      /bbws backup restore prod pitr --target-time <time> --into clone
    backup restore prod pitr --target-time yesterday
      `yesterday` is not a time to restore to. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`, or is `latest`.
      /bbws backup restore prod pitr --target-time <time> --into clone
    backup restore prod pitr --target-time 2026-11-21T09:30:00
      `2026-11-21T09:30:00` has no zone, and nobody guesses one. Say `--target-time 2026-11-21T09:30:00Z` for UTC, or with your own zone, such as `--target-time 2026-11-21T09:30:00+02:00`.
      /bbws backup restore prod pitr --target-time <time> --into clone
    backup restore prod pitr --target-time 2026-11-21T09:30Z
      `2026-11-21T09:30Z` is not a time to restore to. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`, or is `latest`.
      /bbws backup restore prod pitr --target-time <time> --into clone
    backup restore prod pitr --target-time 2026-11-31T09:30:00Z
      `2026-11-31T09:30:00Z` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
      /bbws backup restore prod pitr --target-time <time> --into clone
    backup restore prod pitr --target-time 2026-11-21T09:30:00.5Z
      `2026-11-21T09:30:00.5Z` is not a time to restore to. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`, or is `latest`.
      /bbws backup restore prod pitr --target-time <time> --into clone
    backup restore prod pitr --target-time latest --region eu-west-1
      `eu-west-1` is not a region to restore from. It is primary or dr.
      /bbws backup restore prod pitr --target-time latest --into clone
    backup restore prod pitr --target-time latest --in-place
      `backup restore` has no option `--in-place`, only `--type`, `--snapshot-id`, `--target-time`, `--database`, `--recovery-point`, `--path`, `--from`, `--name`, `--bucket`, `--prefix`, `--as-of`, `--tenant`, `--tables`, `--merge`, `--region`, `--into`, `--keep`, `--ticket` and `--reason`.
      /bbws backup restore prod pitr --target-time latest --into clone
    "#);
}
