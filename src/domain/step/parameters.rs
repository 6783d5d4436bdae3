//! What the parameters of a kind of step say of it.

use super::{Outputs, Page, Step};

/// What is known of a step without carrying it out: all that cards, durations and the engine ask of its kind.
pub trait Parameters {
    /// The region it is called in; none for what does not happen in AWS.
    fn region(&self) -> Option<&str>;

    /// What it works on, so that durations of the past can be found again: nothing that differs with every operation.
    fn resource(&self) -> &str;

    /// What steps of this kind are called together on a card: `Snapshot databases`.
    fn label(&self) -> &'static str;

    /// The page of the AWS console that shows what it made or looked at; none before there is anything to see. `inputs` are
    /// what the steps before it gave.
    fn page(&self, _step: &Step, _inputs: &Outputs) -> Option<Page> {
        None
    }

    /// Whether the run turns back by itself where it fails, as the plan says that it will.
    fn turns_back(&self) -> bool {
        false
    }

    /// What its end is counted as in CloudWatch, where an environment's metrics go there.
    fn metric(&self) -> Option<Metric> {
        None
    }

    /// Whether nothing undoes it once it was begun: what is deleted, promoted or let go.
    fn is_final(&self) -> bool {
        false
    }

    /// What it has proved once it is done; counted on the card.
    fn proves(&self) -> Option<Proof> {
        None
    }
}

/// What the end of a step is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    /// Something was backed up.
    Backup,
    /// Something was restored.
    Restore,
    /// What was restored was looked into.
    Validation,
}

impl Metric {
    /// Its name in CloudWatch.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Backup => "BackupSuccess",
            Metric::Restore => "RestoreSuccess",
            Metric::Validation => "RestoreValidationSuccess",
        }
    }
}

/// What a verification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Proof {
    /// A DB snapshot.
    Snapshot,
    /// A recovery point of AWS Backup.
    RecoveryPoint,
    /// An object.
    Object,
}

impl Proof {
    /// For people, in the singular.
    pub fn noun(self) -> &'static str {
        match self {
            Proof::Snapshot => "snapshot",
            Proof::RecoveryPoint => "recovery point",
            Proof::Object => "object",
        }
    }
}
