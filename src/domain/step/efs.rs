//! File systems that a test restored: their tags, their address, what is in them, and their end; and folders that are brought
//! back into the file system they are of.

use serde::{Deserialize, Serialize};

use super::{Job, Metric, Outputs, Page, Parameters, Step};
use crate::domain::{moment::Moment, restored};

/// `elasticfilesystem:TagResource` on a restored file system: AWS Backup restores it without our tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagFiles {
    /// Region of the file system.
    pub region: String,
    /// Its creation token.
    pub name: String,
}

impl Parameters for TagFiles {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        restored::source(&self.name)
    }

    fn label(&self) -> &'static str {
        "Tag test file systems"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.external_id.as_deref().map(|id| Page::FileSystem { region: self.region.clone(), id: id.to_owned() })
    }
}

/// `elasticfilesystem:CreateMountTarget`: the restored file system gets an address in the isolated network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountTarget {
    /// Region of the file system.
    pub region: String,
    /// Its creation token.
    pub name: String,
    /// Subnet.
    pub subnet: String,
    /// VPC security groups.
    pub security_groups: Vec<String>,
}

impl Parameters for MountTarget {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        restored::source(&self.name)
    }

    fn label(&self) -> &'static str {
        "Give test file systems an address"
    }
}

/// Compares a sample of a restored file system with its source over NFS. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyFiles {
    /// Region of both.
    pub region: String,
    /// Creation token of the restored file system.
    pub name: String,
    /// The source.
    pub file_system: String,
    /// Tenants' folders, which have to be there.
    pub folders: Vec<String>,
    /// When the data was as it is in there. What the source got since is no fault of the backup.
    pub data_of: Moment,
}

impl Parameters for VerifyFiles {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.file_system
    }

    fn label(&self) -> &'static str {
        "Compare restored files"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Validation)
    }
}

/// `elasticfilesystem:DeleteMountTarget` of a file system that this product restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteMountTarget {
    /// Region of the file system.
    pub region: String,
    /// Its creation token, which begins as its source's id and ends in `-restored-<op>`.
    pub name: String,
    /// Operation that restored it.
    pub operation: String,
}

impl Parameters for DeleteMountTarget {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        restored::source(&self.name)
    }

    fn label(&self) -> &'static str {
        "Delete mount targets"
    }
}

/// `elasticfilesystem:DeleteFileSystem` of a file system that this product restored, and a look whether it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteFiles {
    /// Region of the file system.
    pub region: String,
    /// Its creation token, which begins as its source's id and ends in `-restored-<op>`.
    pub name: String,
    /// Operation that restored it.
    pub operation: String,
}

impl Parameters for DeleteFiles {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        restored::source(&self.name)
    }

    fn label(&self) -> &'static str {
        "Delete test file systems"
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// `backup:StartRestoreJob` of one folder into the file system it is of. AWS Backup puts it under
/// `aws-backup-restore_<time>`, beside everything that is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreFolder {
    /// Region of both.
    pub region: String,
    /// Vault.
    pub vault: String,
    /// ARN of the recovery point.
    pub recovery_point: String,
    /// The file system.
    pub file_system: String,
    /// The folder, from the root: `/tenant-1`.
    pub path: String,
    /// Role that AWS Backup assumes.
    pub role: String,
}

impl Parameters for RestoreFolder {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.file_system
    }

    fn label(&self) -> &'static str {
        "Restore folders"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.external_id.as_deref().map(|id| Page::job(&self.region, Job::Restore, id))
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Restore)
    }
}

/// Finds a restored folder in `aws-backup-restore_…` and compares it with the live one over NFS: owner, mode and a sample of
/// its files. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyFolder {
    /// Region of the file system.
    pub region: String,
    /// The file system.
    pub file_system: String,
    /// The folder, from the root.
    pub path: String,
    /// When the data was as it is in there.
    pub data_of: Moment,
}

impl Parameters for VerifyFolder {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.file_system
    }

    fn label(&self) -> &'static str {
        "Compare restored folders"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Validation)
    }
}

/// Puts a folder in the place of the live one, by two renames within the file system: the live one is set aside under a name
/// that keeps it, and the other takes its name. Nothing is ever written over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapFolder {
    /// Region of the file system.
    pub region: String,
    /// The file system.
    pub file_system: String,
    /// The live folder, from the root.
    pub path: String,
    /// What it is called afterwards: `<path>.before-<op>`, or `<path>.undone-<op>` on the way back.
    pub aside: String,
    /// What takes its place; the restored folder that the step before found, where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
}

impl Parameters for SwapFolder {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.file_system
    }

    fn label(&self) -> &'static str {
        "Swap folders"
    }
}
