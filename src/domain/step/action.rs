//! The one list of kinds of steps. A line names the type of its parameters and the name it is stored under; the section it
//! stands in says who carries it out, and whether that changes AWS.
//!
//! Everything else that is to be known of a kind is said by its parameters ([`Parameters`]), and what is done for it by its
//! executor. So a new kind of step is a struct with its parameters, a file of its executor, and a line here.

use serde::{Deserialize, Serialize};

use super::{
    Outputs, Page, Step,
    archive::*,
    backup::*,
    bisect::{BisectAsk, BisectPoints, BisectReport, BisectRestore, RememberAnswers},
    cutover::*,
    drill::*,
    dump::*,
    efs::*,
    failover::*,
    ledger::*,
    lifecycle::*,
    parameters::{Metric, Parameters, Proof},
    people::*,
    rds::*,
    replica::*,
    replication::*,
    report::*,
    room::*,
    s3::*,
    tenant::*,
    values::*,
};

/// Hands the list to a macro, which makes of it what it needs: the type [`Action`] here, the dispatch of an adapter there.
/// Nobody who goes through the list like this can forget a kind.
macro_rules! every_kind_of_step {
    ($then:ident) => {
        $then! {
            // AWS, by a call that changes something: an intent is written before it.
            AwsChange {
                RdsSnapshot = "rds.snapshot",
                RdsCopy = "rds.copy",
                BackupJob = "backup.job",
                BackupCopy = "backup.copy",
                SecretsExport = "secrets.export",
                ConfigExport = "config.export",
                BucketRecord = "s3.record",
                DumpExport = "dump.export",
                PutPlan = "backup.plan",
                AutomatedBackups = "rds.automated_backups",
                DeleteSnapshot = "rds.delete_snapshot",
                DeletePoint = "backup.delete_point",
                LegalHold = "backup.hold",
                ReleaseHold = "backup.release",
                TagSnapshot = "rds.tag_snapshot",
                RestoreTest = "rds.restore_test",
                RestoreMoment = "rds.restore_moment",
                RestoreLike = "rds.restore_like",
                CreateEmpty = "rds.create_empty",
                LoadDump = "dump.load",
                Protect = "rds.protect",
                Rename = "rds.rename",
                TagLive = "rds.tag_live",
                PointSecret = "secrets.point",
                PointSecretBack = "secrets.point_back",
                DeleteInstance = "rds.delete_instance",
                BisectRestore = "bisect.restore",
                RestoreFiles = "backup.restore_test",
                TagFiles = "efs.tag",
                MountTarget = "efs.mount_target",
                DeleteMountTarget = "efs.delete_mount_target",
                DeleteFiles = "efs.delete_file_system",
                RestoreSecrets = "secrets.restore",
                RevertSecrets = "secrets.revert",
                RestoreParameters = "config.restore",
                ListVersions = "s3.list_versions",
                RestoreVersions = "s3.restore",
                RevertVersions = "s3.revert",
                RestoreFolder = "backup.restore_folder",
                SwapFolder = "efs.swap",
                StageTenant = "tenant.stage",
                SwapTenant = "tenant.swap",
                SwapTenantBack = "tenant.swap_back",
                MergeTenant = "tenant.merge",
                MergeTenantBack = "tenant.merge_back",
                ClearTenant = "tenant.clear",
                PromoteReplica = "rds.promote",
                PromoteSecrets = "secrets.promote",
                ScaleService = "ecs.scale",
                FenceService = "ecs.fence",
                ShiftTraffic = "dns.shift",
                TurnControls = "arc.turn",
                CreateReplica = "rds.replica",
                EnableVersioning = "s3.versioning",
                PutLifecycle = "s3.lifecycle",
                PutReplication = "s3.replication",
                RewriteRecords = "dns.rewrite",
            }
            // AWS, which is only looked at.
            AwsRead {
                ObjectReplica = "s3.replica",
                VerifySnapshot = "verify.snapshot",
                VerifyRecoveryPoint = "verify.recovery_point",
                VerifyVault = "verify.vault",
                VerifyObject = "verify.object",
                VerifyBucket = "verify.bucket",
                VerifyLifecycle = "verify.lifecycle",
                VerifyDump = "verify.dump",
                VerifyDatabase = "verify.database",
                VerifyCheck = "verify.check",
                VerifyStorage = "verify.storage",
                VerifyReach = "verify.reach",
                BisectAsk = "bisect.ask",
                VerifyFiles = "verify.files",
                VerifySecrets = "verify.secrets",
                VerifyConfig = "verify.config",
                CompareExport = "verify.export",
                VerifyVersions = "verify.versions",
                VerifyFolder = "verify.folder",
                CompareTenant = "tenant.difference",
                SumOthers = "tenant.others",
                VerifyTenant = "tenant.verify",
                WatchHealth = "verify.health",
                SettleTraffic = "dns.settle",
                DrainConnections = "rds.drained",
                FollowReplica = "rds.follow",
                CatchUp = "rds.caught_up",
                CompareRecords = "dns.compare",
            }
            // The ledger, in one transaction with the end of the step.
            Ledger {
                Remember = "ledger.mark",
                Forget = "ledger.unmark",
                BisectPoints = "bisect.points",
                RememberAnswers = "bisect.remember",
                ClearStop = "control.clear_stop",
            }
            // Slack: rooms, and what is in them. An intent is written before it.
            Chat {
                OpenRoom = "chat.room",
                InvitePeople = "chat.invite",
                DescribeRoom = "chat.topic",
                PinCard = "chat.pin",
                BookmarkLink = "chat.bookmark",
            }
            // A look at a whole environment that is told as a report.
            Report {
                InventoryReport = "report.inventory",
                ReplicationReport = "report.replication",
                ObstacleReport = "report.obstacles",
                BisectReport = "bisect.report",
                ReadinessReport = "report.readiness",
                TwinReport = "drill.twin",
            }
            // People, for whose word the run waits.
            People {
                WaitForPeople = "people.wait",
            }
        }
    };
}
pub(crate) use every_kind_of_step;

/// Who carries a step out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// AWS, by a call that changes something.
    AwsChange,
    /// AWS, which is only looked at.
    AwsRead,
    /// The ledger.
    Ledger,
    /// Slack, where something is made or changed beside the cards.
    Chat,
    /// A report on a whole environment.
    Report,
    /// People, for whose word the run waits.
    People,
}

impl Work {
    /// Whether an intent is written before it begins. What only reads, or only waits, is watched from its beginning.
    pub fn is_intended(self) -> bool {
        match self {
            Work::AwsChange | Work::Ledger | Work::Chat => true,
            Work::AwsRead | Work::Report | Work::People => false,
        }
    }

    /// Whether something outside of this product answers for it, which is then audited.
    pub fn is_called(self) -> bool {
        match self {
            Work::AwsChange | Work::AwsRead | Work::Chat => true,
            Work::Ledger | Work::Report | Work::People => false,
        }
    }
}

macro_rules! actions {
    ($($work:ident { $($kind:ident = $name:literal,)* })*) => {
        /// What a step does. Stored as `kind` and `params`, so that a deploy never changes a run in flight.
        /// Every name in here is deterministic from the operation, so that a crash cannot make two.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", content = "params")]
        pub enum Action {
            $($(
                #[doc = concat!("`", $name, "`, see [`", stringify!($kind), "`].")]
                #[serde(rename = $name)]
                $kind($kind),
            )*)*
        }

        impl Action {
            /// The stored names of all kinds, with who carries them out.
            pub const KINDS: &[(&str, Work)] = &[$($(($name, Work::$work),)*)*];

            /// The stored name of the kind.
            pub fn kind(&self) -> &'static str {
                match self {
                    $($(Action::$kind(_) => $name,)*)*
                }
            }

            /// Who carries it out.
            pub fn work(&self) -> Work {
                match self {
                    $($(Action::$kind(_) => Work::$work,)*)*
                }
            }

            fn parameters(&self) -> &dyn Parameters {
                match self {
                    $($(Action::$kind(parameters) => parameters,)*)*
                }
            }
        }

        $($(
            impl From<$kind> for Action {
                fn from(parameters: $kind) -> Action {
                    Action::$kind(parameters)
                }
            }
        )*)*
    };
}

every_kind_of_step!(actions);

impl Action {
    /// Whether it changes anything in AWS.
    pub fn mutates(&self) -> bool {
        self.work() == Work::AwsChange
    }

    /// Whether it happens in the ledger and not in AWS.
    pub fn in_ledger(&self) -> bool {
        self.work() == Work::Ledger
    }

    /// See [`Parameters::region`].
    pub fn region(&self) -> Option<&str> {
        self.parameters().region()
    }

    /// See [`Parameters::resource`].
    pub fn resource(&self) -> &str {
        self.parameters().resource()
    }

    /// See [`Parameters::label`].
    pub fn label(&self) -> &'static str {
        self.parameters().label()
    }

    /// See [`Parameters::page`].
    pub fn page(&self, step: &Step, inputs: &Outputs) -> Option<Page> {
        self.parameters().page(step, inputs)
    }

    /// See [`Parameters::turns_back`].
    pub fn turns_back(&self) -> bool {
        self.parameters().turns_back()
    }

    /// See [`Parameters::metric`].
    pub fn metric(&self) -> Option<Metric> {
        self.parameters().metric()
    }

    /// See [`Parameters::is_final`].
    pub fn is_final(&self) -> bool {
        self.parameters().is_final()
    }

    /// See [`Parameters::proves`].
    pub fn proves(&self) -> Option<Proof> {
        self.parameters().proves()
    }
}
