//! Every page of help, and the README's table.

use super::*;

#[test]
fn the_overview() {
    insta::assert_snapshot!(help(&[], ENVIRONMENTS), @r#"
    *Backups*
    • `/bbws backup create &lt;env&gt; [full|rds|efs|secrets|config|s3|dump|lifecycle] [--tenant ID] [--reason "why"]`
       Back up an environment and check the backup
    • `/bbws backup list &lt;env&gt; [rds|efs|secrets|config|s3|dump] [--tenant ID] [--since 7d] [--before 2026-03-01T02:30:00Z]`
       List recovery points, newest first
    • `/bbws backup validate &lt;env&gt; [--inventory] [--replication] [--test-restore] [--dr] [--dump-test] [--since 7d] [--reason "why"]`
       Find out whether the backups can be relied on
    • `/bbws backup restore &lt;env&gt; list [rds|efs|secrets|config|s3|dump] [--tenant ID] [--reason "why"]`
       Choose what to restore: recovery points, the most trustworthy first
    • `/bbws backup restore &lt;env&gt; &lt;rds|pitr|efs|dump|secrets|config|s3|full&gt; [--snapshot-id ID] [--target-time TIME|latest] [--database DB] [--recovery-point ID] [--path /folder] [--from ID] [--name NAME] [--bucket BUCKET] [--prefix PREFIX] [--as-of TIME|latest] [--tenant ID] [--tables a,b] [--merge missing|changed] [--region primary|dr] [--into clone|live] [--keep 24h] [--ticket ticket] [--reason "why"]`
       Bring something back from a backup, beside what is there or into its place
    • `/bbws backup bisect &lt;env&gt; [rds] --check &lt;NAME&gt; [--database DB] [--since 7d] [--reason "why"]`
       Find the last recovery point on which a named check holds
    • `/bbws backup schedule &lt;env&gt; &lt;list|create|update&gt; [--retention N] [--cron "…"] [--type rds|efs|own|secrets|config|s3|dump|lifecycle|inventory|replication|dr-check|dump-test|restore-test|pitr-test|dr-restore-test] [--reason "why"]`
       Show or change when backups are made and how long they are kept
    • `/bbws backup lifecycle &lt;env&gt; [--bucket BUCKET] [--reason "why"]`
       Bring lifecycle and replication rules of buckets to what the config says
    • `/bbws backup delete &lt;env&gt; &lt;id&gt; [--reason "why"]`
       Delete a recovery point
    • `/bbws backup hold &lt;env&gt; &lt;id&gt; --ticket &lt;ticket&gt; [--release] [--reason "why"]`
       Keep a recovery point from being deleted, or release it

    *Disaster recovery*
    • `/bbws dr declare &lt;env&gt; --ticket &lt;ticket&gt; [--kind region|corruption|breach|freeze|outage] &lt;reason&gt;`
       Declare an incident, and open its room
    • `/bbws dr duty &lt;id&gt; &lt;commander|database|network|infrastructure|security|application|communication|scribe&gt; [--to @somebody]`
       Take a duty in an incident, or hand it to somebody
    • `/bbws dr update &lt;id&gt; --number &lt;N&gt;`
       Send the update of an incident that was drafted
    • `/bbws dr decide &lt;id&gt; [--inject N] --choice &lt;proceed|look|never&gt; [--reason "why"]`
       Decide as the commander of an incident, or on the inject of a tabletop
    • `/bbws dr status &lt;env&gt; [--replication] [--infrastructure] [--report] [--reason "why"]`
       Show whether a failover would work, and what it would lose
    • `/bbws dr failover &lt;env&gt; [--assess-only] [--execute] [--validate] [--ticket ticket] [--stop id] [--reason "why"]`
       Move a platform to its DR region, or say whether that should be done
    • `/bbws dr failback &lt;env&gt; [--assess-only] [--staged] [--execute] [--ticket ticket] [--reason "why"]`
       Bring a platform home from its DR region, or say whether that may be done
    • `/bbws dr reprotect &lt;env&gt; [--region region] [--reason "why"]`
       Protect a platform where it runs after a failover or a failback
    • `/bbws dr test &lt;env&gt; list`
       Show when each drill was last held, and when it is due
    • `/bbws dr ready &lt;env&gt; &lt;tabletop|full-drill&gt; --tick &lt;roles|criteria|environment|plan&gt;`
       Say that something is ready for the next drill
    • `/bbws dr test &lt;env&gt; &lt;tabletop|infra|dns|full-drill&gt; [--seed N] [--reason "why"]`
       Hold a drill: try what a disaster would ask for, while there is none
    • `/bbws dr actions [env]`
       Show what incidents left to be done, and whose it is
    • `/bbws dr action &lt;id&gt; --item &lt;N&gt; [--to @somebody] [--done]`
       Take an action item of an incident, hand it over, or say that it is done
    • `/bbws dr approver &lt;always|days|never&gt;`
       Say when you can approve in the coming week

    *Operations*
    • `/bbws status [env] [--tiers] [--reason "why"]`
       Show where things stand, on one screen
    • `/bbws handover [env] [--reason "why"]`
       Hand over to whoever comes next, on one screen
    • `/bbws op list [env]`
       List operations, newest first
    • `/bbws op show &lt;id&gt;`
       Show one operation with its steps
    • `/bbws op approve &lt;id&gt; [--confirm NAME]`
       Approve an operation, as its button does
    • `/bbws op reject &lt;id&gt; [--reason "why"]`
       Reject an operation, as its button does
    • `/bbws op cancel &lt;id&gt; [--reason "why"]`
       Cancel an operation
    • `/bbws op retry &lt;id&gt;`
       Try again what failed
    • `/bbws op rollback &lt;id&gt; [--reason "why"]`
       Undo what an operation has put in the place of something else
    • `/bbws op skip &lt;id&gt;`
       Leave out the step of a failover that may be left out now, as its button does
    • `/bbws op force &lt;id&gt;`
       Wait no longer for a step of a failover that ends gracefully, as its button does
    • `/bbws op pause &lt;id&gt;`
       Hold an operation before its next step
    • `/bbws op stop &lt;id&gt;`
       Halt an operation at once
    • `/bbws op resume &lt;id&gt;`
       Go on with a paused operation

    *Emergency*
    • `/bbws stop [env] &lt;reason&gt;`
       Stop everything at once, or everything in one environment
    • `/bbws resume [env] [--reason "why"]`
       End a stop

    Environments: dev, sit, prod.
    A typo never does anything: you are shown the command you may have meant. More about one command: `/bbws help backup create`.
    "#);
}

#[test]
fn the_pages_of_backup() {
    insta::assert_snapshot!(help(&topic("help backup"), ENVIRONMENTS), @r#"
    • `/bbws backup create &lt;env&gt; [full|rds|efs|secrets|config|s3|dump|lifecycle] [--tenant ID] [--reason "why"]`
       Back up an environment and check the backup
    • `/bbws backup list &lt;env&gt; [rds|efs|secrets|config|s3|dump] [--tenant ID] [--since 7d] [--before 2026-03-01T02:30:00Z]`
       List recovery points, newest first
    • `/bbws backup validate &lt;env&gt; [--inventory] [--replication] [--test-restore] [--dr] [--dump-test] [--since 7d] [--reason "why"]`
       Find out whether the backups can be relied on
    • `/bbws backup restore &lt;env&gt; list [rds|efs|secrets|config|s3|dump] [--tenant ID] [--reason "why"]`
       Choose what to restore: recovery points, the most trustworthy first
    • `/bbws backup restore &lt;env&gt; &lt;rds|pitr|efs|dump|secrets|config|s3|full&gt; [--snapshot-id ID] [--target-time TIME|latest] [--database DB] [--recovery-point ID] [--path /folder] [--from ID] [--name NAME] [--bucket BUCKET] [--prefix PREFIX] [--as-of TIME|latest] [--tenant ID] [--tables a,b] [--merge missing|changed] [--region primary|dr] [--into clone|live] [--keep 24h] [--ticket ticket] [--reason "why"]`
       Bring something back from a backup, beside what is there or into its place
    • `/bbws backup bisect &lt;env&gt; [rds] --check &lt;NAME&gt; [--database DB] [--since 7d] [--reason "why"]`
       Find the last recovery point on which a named check holds
    • `/bbws backup schedule &lt;env&gt; &lt;list|create|update&gt; [--retention N] [--cron "…"] [--type rds|efs|own|secrets|config|s3|dump|lifecycle|inventory|replication|dr-check|dump-test|restore-test|pitr-test|dr-restore-test] [--reason "why"]`
       Show or change when backups are made and how long they are kept
    • `/bbws backup lifecycle &lt;env&gt; [--bucket BUCKET] [--reason "why"]`
       Bring lifecycle and replication rules of buckets to what the config says
    • `/bbws backup delete &lt;env&gt; &lt;id&gt; [--reason "why"]`
       Delete a recovery point
    • `/bbws backup hold &lt;env&gt; &lt;id&gt; --ticket &lt;ticket&gt; [--release] [--reason "why"]`
       Keep a recovery point from being deleted, or release it

    More about one command: `/bbws help backup create`.
    "#);
    insta::assert_snapshot!(help(&topic("help backup create"), ENVIRONMENTS), @r#"
    *Back up an environment and check the backup*
    `/bbws backup create &lt;env&gt; [full|rds|efs|secrets|config|s3|dump|lifecycle] [--tenant ID] [--reason "why"]`

    Takes a snapshot of the databases, a backup of the files, encrypted exports of the secrets and the parameters, a record of the buckets' versions and the logical dumps, as far as the environment declares them; copies them to the DR region where the environment replicates; then checks every one. Nothing is deleted or overwritten. Where the policy asks for approval, nothing starts before it is given.

    • `env`: which environment (dev, sit, prod)
    • `full|rds|efs|secrets|config|s3|dump|lifecycle`: `full` takes everything the environment declares (what you get when you say nothing): `rds` the databases, `efs` the files, `secrets` the secrets, `config` the parameters, `s3` the record of the buckets' versions, `dump` the logical dumps; `lifecycle` only checks the buckets' lifecycle rules; `--type rds` works too
    • `--tenant`: only this tenant's database, files and secrets
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws backup create prod full`
    `/bbws backup create prod rds --reason "before the release"`
    `/bbws backup create prod --type secrets --tenant tenant-1`

    *Who may:* anyone in a role.
    "#);
}

#[test]
fn the_pages_of_what_backups_left() {
    insta::assert_snapshot!(help(&topic("help backup list"), ENVIRONMENTS), @r"
    *List recovery points, newest first*
    `/bbws backup list &lt;env&gt; [rds|efs|secrets|config|s3|dump] [--tenant ID] [--since 7d] [--before 2026-03-01T02:30:00Z]`

    Shows only you what can be restored, both regions side by side: age, size, when it expires, whether it is locked or held, and whether it was ever restored for a test. Changes nothing.

    • `env`: which environment (dev, sit, prod)
    • `rds|efs|secrets|config|s3|dump`: only this kind; all of them when left out; `--type rds` works too
    • `--tenant`: only this tenant's
    • `--since`: only data no older than this: a number and `m`, `h` or `d`
    • `--before`: only data from before this moment, with its zone; the button for older ones says it for you

    *Examples*
    `/bbws backup list prod`
    `/bbws backup list prod rds --since 7d`
    `/bbws backup list prod --tenant tenant-1`

    *Who may:* everyone in the workspace.
    ");
    insta::assert_snapshot!(help(&topic("help backup validate"), ENVIRONMENTS), @r#"
    *Find out whether the backups can be relied on*
    `/bbws backup validate &lt;env&gt; [--inventory] [--replication] [--test-restore] [--dr] [--dump-test] [--since 7d] [--reason "why"]`

    Looks at everything, or only at what you name. A test restore makes new databases and file systems apart from the platform, compares what is in them with their sources and removes them again; of the platform itself nothing is changed.

    • `env`: which environment (dev, sit, prod)
    • `--inventory`: what is protected against what exists, how long it is kept, how often backups fail
    • `--replication`: how far the copies lag behind, against the RPO
    • `--test-restore`: restores the newest recovery point of each database and file system, measures how long that takes, and checks the data
    • `--dr`: what stands in the way of a failover, however the primary region is
    • `--dump-test`: loads the newest dump of each database apart from the platform, and compares what it holds
    • `--since`: test restores take recovery points of databases and file systems at random instead of the newest, none older than this
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws backup validate prod`
    `/bbws backup validate prod --inventory --replication`
    `/bbws backup validate prod --test-restore --since 30d`

    *Who may:* anyone in a role.
    "#);
    insta::assert_snapshot!(help(&topic("help backup schedule"), ENVIRONMENTS), @r#"
    *Show or change when backups are made and how long they are kept*
    `/bbws backup schedule &lt;env&gt; &lt;list|create|update&gt; [--retention N] [--cron "…"] [--type rds|efs|own|secrets|config|s3|dump|lifecycle|inventory|replication|dr-check|dump-test|restore-test|pitr-test|dr-restore-test] [--reason "why"]`

    `list` shows only you the schedule and changes nothing. `create` and `update` show what is now and what will be; AWS is changed once that is agreed to, where the policy asks for approval. Backups that exist keep their expiry. What AWS cannot do by itself, bbws starts by itself once that is approved: exports, dumps, checks and test restores, when the config's `schedules` say or else as often as the RPO asks.

    • `env`: which environment (dev, sit, prod)
    • `list|create|update`: `list` shows the schedule, `create` makes it, `update` changes what you name
    • `--retention`: days to keep, within the environment's limits
    • `--cron`: when, in UTC and at most hourly, in quotes, as AWS writes it: `cron(0 2 * * ? *)` is every day at 02:00; with `--type rds` the daily time at which automated backups begin. A new schedule without it goes by the config's `schedule`, or else by the RPO
    • `--type`: only the databases' automated backups (`rds`), only the plan of AWS Backup (`efs`), only what bbws starts by itself (`own`), or one of that (`secrets`, `config`, `s3`, `dump`, `lifecycle`, `inventory`, `replication`, `dr-check`, `dump-test`, `restore-test`, `pitr-test`, `dr-restore-test`). Without it, `create` makes all of it, and with `--cron`, `--retention` or `update` it is about AWS alone
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws backup schedule prod list`
    `/bbws backup schedule prod create --cron "cron(0 2 * * ? *)" --retention 30`
    `/bbws backup schedule prod update --type rds --cron "cron(30 1 * * ? *)"`
    `/bbws backup schedule prod update --retention 14 --type rds --reason "storage costs"`
    `/bbws backup schedule prod create --type own`

    *Who may:* everyone in the workspace may list; anyone in a role may create and update.
    "#);
    insta::assert_snapshot!(help(&topic("help backup delete"), ENVIRONMENTS), @r#"
    *Delete a recovery point*
    `/bbws backup delete &lt;env&gt; &lt;id&gt; [--reason "why"]`

    Deletes it for good, and looks again that it is gone. Refused while it must be kept, under a hold, in a locked vault, and for the last of its kind that passed a test restore. Archives in buckets are never deleted: they go by the bucket's lifecycle rules. Where the policy asks for approval, nothing is deleted before it is given.

    • `env`: which environment (dev, sit, prod)
    • `id`: the recovery point's id, as `backup list` shows it
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws backup delete prod bbws-mysql-manual-20261121-bk-1042 --reason "made by mistake"`

    *Who may:* anyone in a role; where the policy asks for it, a second person has to agree.
    "#);
    insta::assert_snapshot!(help(&topic("help backup hold"), ENVIRONMENTS), @r#"
    *Keep a recovery point from being deleted, or release it*
    `/bbws backup hold &lt;env&gt; &lt;id&gt; --ticket &lt;ticket&gt; [--release] [--reason "why"]`

    bbws does not delete it or its copies while it is held. Points of AWS Backup get a legal hold, which stops everybody and their expiry; snapshots get a tag, which stops only bbws. Archives in buckets cannot be held this way. Releasing takes two people.

    • `env`: which environment (dev, sit, prod)
    • `id`: the recovery point's id, as `backup list` shows it
    • `--ticket`: the ticket that asks for it, such as `INC-123`
    • `--release`: ends the hold instead
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws backup hold prod bbws-mysql-manual-20261121-bk-1042 --ticket INC-123`
    `/bbws backup hold prod bbws-mysql-manual-20261121-bk-1042 --ticket INC-123 --release --reason "case is closed"`

    *Who may:* anyone in a role; to release, a second person has to agree.
    "#);
}

#[test]
fn the_pages_of_op() {
    insta::assert_snapshot!(help(&topic("help op"), ENVIRONMENTS), @r#"
    • `/bbws op list [env]`
       List operations, newest first
    • `/bbws op show &lt;id&gt;`
       Show one operation with its steps
    • `/bbws op approve &lt;id&gt; [--confirm NAME]`
       Approve an operation, as its button does
    • `/bbws op reject &lt;id&gt; [--reason "why"]`
       Reject an operation, as its button does
    • `/bbws op cancel &lt;id&gt; [--reason "why"]`
       Cancel an operation
    • `/bbws op retry &lt;id&gt;`
       Try again what failed
    • `/bbws op rollback &lt;id&gt; [--reason "why"]`
       Undo what an operation has put in the place of something else
    • `/bbws op skip &lt;id&gt;`
       Leave out the step of a failover that may be left out now, as its button does
    • `/bbws op force &lt;id&gt;`
       Wait no longer for a step of a failover that ends gracefully, as its button does
    • `/bbws op pause &lt;id&gt;`
       Hold an operation before its next step
    • `/bbws op stop &lt;id&gt;`
       Halt an operation at once
    • `/bbws op resume &lt;id&gt;`
       Go on with a paused operation

    More about one command: `/bbws help op list`.
    "#);
    insta::assert_snapshot!(help(&topic("help op list"), ENVIRONMENTS), @r"
    *List operations, newest first*
    `/bbws op list [env]`

    Shows only you what runs, what waits and what is over. Changes nothing.

    • `env`: only this environment; all of them when left out (dev, sit, prod)

    *Examples*
    `/bbws op list`
    `/bbws op list prod`

    *Who may:* everyone in the workspace.
    ");
    insta::assert_snapshot!(help(&topic("help op show"), ENVIRONMENTS), @r"
    *Show one operation with its steps*
    `/bbws op show &lt;id&gt;`

    Shows only you the state, the steps and the votes. Changes nothing.

    • `id`: the operation's id, as its card shows it

    *Examples*
    `/bbws op show bk-1042`

    *Who may:* everyone in the workspace.
    ");
    insta::assert_snapshot!(help(&topic("help op approve"), ENVIRONMENTS), @r"
    *Approve an operation, as its button does*
    `/bbws op approve &lt;id&gt; [--confirm NAME]`

    Counts your vote for exactly the plan the card shows. It starts once enough people have approved.

    • `id`: the operation's id, as its card shows it
    • `--confirm`: the name of what is replaced, where the operation replaces what is live in production

    *Examples*
    `/bbws op approve bk-1042`
    `/bbws op approve rs-7 --confirm bbws-prod-mysql`

    *Who may:* whoever the approval policy names, never the person who asked.
    ");
    insta::assert_snapshot!(help(&topic("help op reject"), ENVIRONMENTS), @r#"
    *Reject an operation, as its button does*
    `/bbws op reject &lt;id&gt; [--reason "why"]`

    Ends an operation that awaits approval. It never runs; asking again makes a new one.

    • `id`: the operation's id, as its card shows it
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws op reject bk-1042 --reason "release is under way"`

    *Who may:* anyone in a role.
    "#);
    insta::assert_snapshot!(help(&topic("help op cancel"), ENVIRONMENTS), @r#"
    *Cancel an operation*
    `/bbws op cancel &lt;id&gt; [--reason "why"]`

    No further step starts. What AWS has already begun is watched to its end and reported.

    • `id`: the operation's id, as its card shows it
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws op cancel bk-1042`
    `/bbws op cancel bk-1042 --reason "wrong environment"`

    *Who may:* anyone in a role.
    "#);
    insta::assert_snapshot!(help(&topic("help op retry"), ENVIRONMENTS), @r"
    *Try again what failed*
    `/bbws op retry &lt;id&gt;`

    Runs the failed steps again. What is already done stays done and is not made twice.

    • `id`: the operation's id, as its card shows it

    *Examples*
    `/bbws op retry bk-1042`

    *Who may:* anyone in a role.
    ");
    insta::assert_snapshot!(help(&topic("help op pause"), ENVIRONMENTS), @r"
    *Hold an operation before its next step*
    `/bbws op pause &lt;id&gt;`

    No further step starts until somebody resumes it. What AWS has already begun goes on.

    • `id`: the operation's id, as its card shows it

    *Examples*
    `/bbws op pause bk-1042`

    *Who may:* anyone in a role.
    ");
    insta::assert_snapshot!(help(&topic("help op resume"), ENVIRONMENTS), @r"
    *Go on with a paused operation*
    `/bbws op resume &lt;id&gt;`

    The operation goes on with its next step.

    • `id`: the operation's id, as its card shows it

    *Examples*
    `/bbws op resume bk-1042`

    *Who may:* anyone in a role.
    ");
}

#[test]
fn the_pages_of_emergency() {
    insta::assert_snapshot!(help(&topic("help stop"), ENVIRONMENTS), @r#"
    *Stop everything at once, or everything in one environment*
    `/bbws stop [env] &lt;reason&gt;`

    From this moment nothing new starts. What AWS has already begun is watched to its end and reported. No approval is needed; starting again takes two people.

    • `env`: only this environment; *every* environment when left out (dev, sit, prod)
    • `reason`: why; others see it and it stays in the audit log

    *Examples*
    `/bbws stop prod "database looks corrupt"`
    `/bbws stop "we are under attack"`

    *Who may:* anyone in a role.
    "#);
    insta::assert_snapshot!(help(&topic("help resume"), ENVIRONMENTS), @r#"
    *End a stop*
    `/bbws resume [env] [--reason "why"]`

    Operations may start again once a second person has agreed.

    • `env`: the environment that is stopped; left out, the stop of every environment (dev, sit, prod)
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws resume prod --reason "false alarm"`

    *Who may:* anyone in a role, and a second person has to agree.
    "#);
}

#[test]
fn help_on_what_is_not_there() {
    let first = |text: &str| help(&topic(text), ENVIRONMENTS).lines().next().unwrap_or_default().to_owned();
    insta::assert_snapshot!(first("help bakup crate"), @r"There is no command `bakup crate`. Did you mean `/bbws help backup create`?");
    insta::assert_snapshot!(first("help frobnicate"), @r"There is no command `frobnicate`.");
    insta::assert_snapshot!(first("help `<!channel>`&amp;"), @r"There is no command `'@channel'&amp;`.");
}

#[test]
fn every_example_is_a_command_of_its_page() {
    let mut examples = 0;
    for environments in [ENVIRONMENTS, &["alpha", "beta"]] {
        for usage in reference() {
            let words: Vec<String> = usage
                .usage
                .split(' ')
                .skip(1)
                .filter(|word| word.bytes().all(|b| b.is_ascii_lowercase()))
                .map(str::to_owned)
                .collect();
            let page = help(&words, environments);
            for line in page.split("*Examples*").nth(1).unwrap_or_default().lines() {
                let Some(example) = line.strip_prefix('`').and_then(|line| line.strip_suffix('`')) else {
                    continue;
                };
                let command = parse(example, environments).unwrap_or_else(|wrong| panic!("{example}: {wrong:?}"));
                assert_eq!(command.name(), words.join("."), "{example}");
                examples += 1;
            }
        }
    }
    assert!(examples >= 2 * 26, "only {examples} examples were found");
}

#[test]
fn the_readme_table() {
    insta::assert_snapshot!(readme_table(), @r#"
    | command | does | who |
    |---|---|---|
    | `/bbws backup create <env> [full\|rds\|efs\|secrets\|config\|s3\|dump\|lifecycle] [--tenant ID] [--reason "why"]` | Back up an environment and check the backup | anyone in a role |
    | `/bbws backup list <env> [rds\|efs\|secrets\|config\|s3\|dump] [--tenant ID] [--since 7d] [--before 2026-03-01T02:30:00Z]` | List recovery points, newest first | everyone in the workspace |
    | `/bbws backup validate <env> [--inventory] [--replication] [--test-restore] [--dr] [--dump-test] [--since 7d] [--reason "why"]` | Find out whether the backups can be relied on | anyone in a role |
    | `/bbws backup restore <env> list [rds\|efs\|secrets\|config\|s3\|dump] [--tenant ID] [--reason "why"]` | Choose what to restore: recovery points, the most trustworthy first | everyone in the workspace |
    | `/bbws backup restore <env> <rds\|pitr\|efs\|dump\|secrets\|config\|s3\|full> [--snapshot-id ID] [--target-time TIME\|latest] [--database DB] [--recovery-point ID] [--path /folder] [--from ID] [--name NAME] [--bucket BUCKET] [--prefix PREFIX] [--as-of TIME\|latest] [--tenant ID] [--tables a,b] [--merge missing\|changed] [--region primary\|dr] [--into clone\|live] [--keep 24h] [--ticket ticket] [--reason "why"]` | Bring something back from a backup, beside what is there or into its place | anyone in a role |
    | `/bbws backup bisect <env> [rds] --check <NAME> [--database DB] [--since 7d] [--reason "why"]` | Find the last recovery point on which a named check holds | anyone in a role |
    | `/bbws backup schedule <env> <list\|create\|update> [--retention N] [--cron "…"] [--type rds\|efs\|own\|secrets\|config\|s3\|dump\|lifecycle\|inventory\|replication\|dr-check\|dump-test\|restore-test\|pitr-test\|dr-restore-test] [--reason "why"]` | Show or change when backups are made and how long they are kept | everyone in the workspace may list; anyone in a role may create and update |
    | `/bbws backup lifecycle <env> [--bucket BUCKET] [--reason "why"]` | Bring lifecycle and replication rules of buckets to what the config says | anyone in a role; a second person has to agree |
    | `/bbws backup delete <env> <id> [--reason "why"]` | Delete a recovery point | anyone in a role; where the policy asks for it, a second person has to agree |
    | `/bbws backup hold <env> <id> --ticket <ticket> [--release] [--reason "why"]` | Keep a recovery point from being deleted, or release it | anyone in a role; to release, a second person has to agree |
    | `/bbws dr declare <env> --ticket <ticket> [--kind region\|corruption\|breach\|freeze\|outage] <reason>` | Declare an incident, and open its room | anyone in a role |
    | `/bbws dr duty <id> <commander\|database\|network\|infrastructure\|security\|application\|communication\|scribe> [--to @somebody]` | Take a duty in an incident, or hand it to somebody | anyone in a role |
    | `/bbws dr update <id> --number <N>` | Send the update of an incident that was drafted | anyone in a role |
    | `/bbws dr decide <id> [--inject N] --choice <proceed\|look\|never> [--reason "why"]` | Decide as the commander of an incident, or on the inject of a tabletop | anyone in a role |
    | `/bbws dr status <env> [--replication] [--infrastructure] [--report] [--reason "why"]` | Show whether a failover would work, and what it would lose | everyone in the workspace |
    | `/bbws dr failover <env> [--assess-only] [--execute] [--validate] [--ticket ticket] [--stop id] [--reason "why"]` | Move a platform to its DR region, or say whether that should be done | to judge, everyone in the workspace; to carry it out, anyone in a role, with a second person, and others before traffic moves |
    | `/bbws dr failback <env> [--assess-only] [--staged] [--execute] [--ticket ticket] [--reason "why"]` | Bring a platform home from its DR region, or say whether that may be done | to judge, everyone in the workspace; to carry it out, anyone in a role, with a second person, and others before writes stand still and traffic moves |
    | `/bbws dr reprotect <env> [--region region] [--reason "why"]` | Protect a platform where it runs after a failover or a failback | anyone in a role, and a second person has to agree |
    | `/bbws dr test <env> list` | Show when each drill was last held, and when it is due | everyone in the workspace |
    | `/bbws dr ready <env> <tabletop\|full-drill> --tick <roles\|criteria\|environment\|plan>` | Say that something is ready for the next drill | anyone in a role |
    | `/bbws dr test <env> <tabletop\|infra\|dns\|full-drill> [--seed N] [--reason "why"]` | Hold a drill: try what a disaster would ask for, while there is none | anyone in a role; a second person has to agree to `full-drill`, and in production to `dns` |
    | `/bbws dr actions [env]` | Show what incidents left to be done, and whose it is | everyone in the workspace |
    | `/bbws dr action <id> --item <N> [--to @somebody] [--done]` | Take an action item of an incident, hand it over, or say that it is done | anyone in a role |
    | `/bbws dr approver <always\|days\|never>` | Say when you can approve in the coming week | anyone in a role |
    | `/bbws status [env] [--tiers] [--reason "why"]` | Show where things stand, on one screen | everyone in the workspace |
    | `/bbws handover [env] [--reason "why"]` | Hand over to whoever comes next, on one screen | everyone in the workspace |
    | `/bbws op list [env]` | List operations, newest first | everyone in the workspace |
    | `/bbws op show <id>` | Show one operation with its steps | everyone in the workspace |
    | `/bbws op approve <id> [--confirm NAME]` | Approve an operation, as its button does | whoever the approval policy names, never the person who asked |
    | `/bbws op reject <id> [--reason "why"]` | Reject an operation, as its button does | anyone in a role |
    | `/bbws op cancel <id> [--reason "why"]` | Cancel an operation | anyone in a role |
    | `/bbws op retry <id>` | Try again what failed | anyone in a role |
    | `/bbws op rollback <id> [--reason "why"]` | Undo what an operation has put in the place of something else | anyone in a role while it runs or has just failed; after that whoever the policy names for `backup.cutover` |
    | `/bbws op skip <id>` | Leave out the step of a failover that may be left out now, as its button does | anyone in a role, and a second person has to say the same |
    | `/bbws op force <id>` | Wait no longer for a step of a failover that ends gracefully, as its button does | anyone in a role, and a second person has to say the same |
    | `/bbws op pause <id>` | Hold an operation before its next step | anyone in a role |
    | `/bbws op stop <id>` | Halt an operation at once | anyone in a role |
    | `/bbws op resume <id>` | Go on with a paused operation | anyone in a role |
    | `/bbws stop [env] <reason>` | Stop everything at once, or everything in one environment | anyone in a role |
    | `/bbws resume [env] [--reason "why"]` | End a stop | anyone in a role, and a second person has to agree |
    | `/bbws help [command]` | Explain the commands, or one of them | everyone in the workspace |
    "#);
}

#[test]
fn only_reading_changes_nothing() {
    let reading: Vec<&str> =
        one_of_each().iter().filter(|command| !command.changes_things()).map(Command::name).collect();
    assert_eq!(
        reading,
        [
            "help",
            "backup.list",
            "backup.restore.list",
            "dr.actions",
            "dr.status",
            "dr.failover",
            "dr.failback",
            "dr.test.list",
            "status",
            "handover",
            "op.list",
            "op.show"
        ]
    );
    let names: Vec<&str> = one_of_each().iter().map(Command::name).collect();
    let listed: Vec<String> = reference().iter().map(|usage| usage.usage.clone()).collect();
    assert_eq!(listed.len(), names.len());
    for name in names {
        let is_of = |usage: &String| name.split('.').all(|word| usage.split(' ').any(|said| said == word));
        assert!(listed.iter().any(is_of), "{name} is missing from the reference");
    }
}

fn one_of_each() -> Vec<Command> {
    [
        "help",
        "backup create prod",
        "backup list prod",
        "backup restore prod list",
        "backup validate prod",
        "backup restore prod pitr --target-time latest",
        "backup bisect prod --check orders",
        "backup schedule prod create",
        "backup lifecycle prod",
        "backup delete prod snap-1",
        "backup hold prod snap-1 --ticket INC-1",
        "dr declare prod --ticket INC-1 orders are gone",
        "dr duty in-1 scribe",
        "dr update in-1 --number 2",
        "dr actions prod",
        "dr action in-1 --item 2",
        "dr approver always",
        "dr ready prod tabletop --tick roles",
        "dr status prod",
        "dr failover prod",
        "dr failback prod",
        "dr reprotect prod",
        "dr test prod list",
        "dr test prod infra",
        "dr decide dt-1 --inject 2 --choice look",
        "status prod",
        "handover prod",
        "op list",
        "op show bk-1",
        "op cancel bk-1",
        "op retry bk-1",
        "op rollback rs-1",
        "op skip dr-1",
        "op force dr-1",
        "op pause bk-1",
        "op stop bk-1",
        "op resume bk-1",
        "op reject bk-1",
        "op approve bk-1",
        "stop prod why",
        "resume",
    ]
    .map(ok)
    .to_vec()
}
