//! The commands about backups.

use super::{ANY_ROLE, Arg, Command, ENVIRONMENT, EVERYONE, Form, Group, Kind, REASON, Spec};
use crate::domain::{
    command::{Checks, validate},
    environment::Span,
};

const SCOPE: Arg = Arg {
    name: "type",
    kind: Kind::Scope,
    form: Form::WordOrOption,
    required: false,
    about: "`full` takes everything the environment declares (what you get when you say nothing): `rds` the databases, \
            `efs` the files, `secrets` the secrets, `config` the parameters, `s3` the record of the buckets' versions, \
            `dump` the logical dumps; `lifecycle` only checks the buckets' lifecycle rules; `--type rds` works too",
};
const TENANT: Arg = Arg {
    name: "tenant",
    kind: Kind::Tenant,
    form: Form::Option,
    required: false,
    about: "only this tenant's database, files and secrets",
};
const DATA: Arg = Arg {
    name: "type",
    kind: Kind::Data,
    form: Form::WordOrOption,
    required: false,
    about: "only this kind; all of them when left out; `--type rds` works too",
};
const CHECK: Arg = Arg { name: "inventory", kind: Kind::Check, form: Form::Flag, required: false, about: "" };
const POINT: Arg = Arg {
    name: "id",
    kind: Kind::Point,
    form: Form::Word,
    required: true,
    about: "the recovery point's id, as `backup list` shows it",
};

pub(super) const BACKUP: &[Spec] = &[
    Spec {
        name: "backup.create",
        path: &["backup", "create"],
        group: Group::Backups,
        about: "Back up an environment and check the backup",
        happens: "Takes a snapshot of the databases, a backup of the files, encrypted exports of the secrets and the parameters, a \
                  record of the buckets' versions and the logical dumps, as far as the environment declares them; copies them \
                  to the DR region where the environment replicates; then checks every one. Nothing is deleted or \
                  overwritten. Where the policy asks for approval, nothing starts before it is given.",
        args: &[ENVIRONMENT, SCOPE, TENANT, REASON],
        examples: &[
            "backup create ENV full",
            "backup create ENV rds --reason \"before the release\"",
            "backup create ENV --type secrets --tenant tenant-1",
        ],
        who: ANY_ROLE,
        build: |v| {
            let scope = v.scope.unwrap_or_default();
            Some(Command::BackupCreate { environment: v.environment?, scope, tenant: v.tenant, reason: v.reason })
        },
    },
    Spec {
        name: "backup.list",
        path: &["backup", "list"],
        group: Group::Backups,
        about: "List recovery points, newest first",
        happens: "Shows only you what can be restored, both regions side by side: age, size, when it expires, whether it is locked or \
                  held, and whether it was ever restored for a test. Changes nothing.",
        args: &[
            ENVIRONMENT,
            DATA,
            Arg { about: "only this tenant's", ..TENANT },
            Arg {
                name: "since",
                kind: Kind::Since,
                form: Form::Option,
                required: false,
                about: "only data no older than this: a number and `m`, `h` or `d`",
            },
            Arg {
                name: "before",
                kind: Kind::Before,
                form: Form::Option,
                required: false,
                about: "only data from before this moment, with its zone; the button for older ones says it for you",
            },
        ],
        examples: &["backup list ENV", "backup list ENV rds --since 7d", "backup list ENV --tenant tenant-1"],
        who: EVERYONE,
        build: |v| {
            Some(Command::BackupList {
                environment: v.environment?,
                kind: v.kind,
                tenant: v.tenant,
                since: v.since.map(|text| Span::parse(&text)).transpose().ok()?,
                before: v.before.map(|text| validate::moment(&text)).transpose().ok()?,
            })
        },
    },
    Spec {
        name: "backup.validate",
        path: &["backup", "validate"],
        group: Group::Backups,
        about: "Find out whether the backups can be relied on",
        happens: "Looks at everything, or only at what you name. A test restore makes new databases and file systems apart from the \
                  platform, compares what is in them with their sources and removes them again; of the platform itself nothing is changed.",
        args: &[
            ENVIRONMENT,
            Arg {
                about: "what is protected against what exists, how long it is kept, how often backups fail",
                ..CHECK
            },
            Arg { name: "replication", about: "how far the copies lag behind, against the RPO", ..CHECK },
            Arg {
                name: "test-restore",
                about: "restores the newest recovery point of each database and file system, measures how long that takes, and checks the data",
                ..CHECK
            },
            REASON,
        ],
        examples: &["backup validate ENV", "backup validate ENV --inventory --replication"],
        who: ANY_ROLE,
        build: |v| {
            let has = |name: &str| v.flags.contains(&name);
            let checks = Checks {
                inventory: has("inventory"),
                replication: has("replication"),
                test_restore: has("test-restore"),
            };
            let none = !(checks.inventory || checks.replication || checks.test_restore);
            let checks = if none { Checks::ALL } else { checks };
            Some(Command::BackupValidate { environment: v.environment?, checks, reason: v.reason })
        },
    },
    Spec {
        name: "backup.schedule",
        path: &["backup", "schedule"],
        group: Group::Backups,
        about: "Show or change when backups are made and how long they are kept",
        happens: "`list` shows only you the schedule and changes nothing. `create` and `update` show what is now and what will be; \
                  AWS is changed once that is agreed to, where the policy asks for approval. Backups that exist keep \
                  their expiry.",
        args: &[
            ENVIRONMENT,
            Arg {
                name: "action",
                kind: Kind::Act,
                form: Form::Word,
                required: true,
                about: "`list` shows the schedule, `create` makes it, `update` changes what you name",
            },
            Arg {
                name: "retention",
                kind: Kind::Retention,
                form: Form::Option,
                required: false,
                about: "days to keep, within the environment's limits",
            },
            Arg {
                name: "cron",
                kind: Kind::Cron,
                form: Form::Option,
                required: false,
                about: "when, in UTC and at most hourly, in quotes, as AWS writes it: `cron(0 2 * * ? *)` is every day at 02:00; with `--type rds` the daily time at which automated backups begin",
            },
            Arg {
                kind: Kind::Scheduled,
                form: Form::Option,
                about: "only the databases' automated backups (`rds`), or only the plan of AWS Backup (`efs`); both when left out",
                ..DATA
            },
            REASON,
        ],
        examples: &[
            "backup schedule ENV list",
            "backup schedule ENV create --cron \"cron(0 2 * * ? *)\" --retention 30",
            "backup schedule ENV update --type rds --cron \"cron(30 1 * * ? *)\"",
            "backup schedule ENV update --retention 14 --type rds --reason \"storage costs\"",
        ],
        who: "everyone in the workspace may list; anyone in a role may create and update",
        build: |v| {
            Some(Command::BackupSchedule {
                environment: v.environment?,
                act: v.act?,
                retention: v.retention.map(|days| days.parse()).transpose().ok()?,
                cron: v.cron,
                kind: v.kind,
                reason: v.reason,
            })
        },
    },
    Spec {
        name: "backup.delete",
        path: &["backup", "delete"],
        group: Group::Backups,
        about: "Delete a recovery point",
        happens: "Deletes it for good, and looks again that it is gone. Refused while it must be kept, under a hold, in a locked vault, \
                  and for the last of its kind that passed a test restore. Archives in buckets are never deleted: they go by the \
                  bucket's lifecycle rules. Where the policy asks for approval, nothing is \
                  deleted before it is given.",
        args: &[ENVIRONMENT, POINT, REASON],
        examples: &["backup delete ENV bbws-mysql-manual-20261121-bk-1042 --reason \"made by mistake\""],
        who: "anyone in a role; where the policy asks for it, a second person has to agree",
        build: |v| Some(Command::BackupDelete { environment: v.environment?, point: v.point?, reason: v.reason }),
    },
    Spec {
        name: "backup.hold",
        path: &["backup", "hold"],
        group: Group::Backups,
        about: "Keep a recovery point from being deleted, or release it",
        happens: "bbws does not delete it or its copies while it is held. Points of AWS Backup get a legal hold, which stops \
                  everybody and their expiry; snapshots get a tag, which stops only bbws. Archives in buckets cannot be held \
                  this way. Releasing takes two people.",
        args: &[
            ENVIRONMENT,
            POINT,
            Arg {
                name: "ticket",
                kind: Kind::Ticket,
                form: Form::Option,
                required: true,
                about: "the ticket that asks for it, such as `INC-123`",
            },
            Arg {
                name: "release",
                kind: Kind::Release,
                form: Form::Flag,
                required: false,
                about: "ends the hold instead",
            },
            REASON,
        ],
        examples: &[
            "backup hold ENV bbws-mysql-manual-20261121-bk-1042 --ticket INC-123",
            "backup hold ENV bbws-mysql-manual-20261121-bk-1042 --ticket INC-123 --release --reason \"case is closed\"",
        ],
        who: "anyone in a role; to release, a second person has to agree",
        build: |v| {
            Some(Command::BackupHold {
                environment: v.environment?,
                point: v.point?,
                ticket: v.ticket?,
                release: !v.flags.is_empty(),
                reason: v.reason,
            })
        },
    },
];
