//! Secrets and parameters that are brought back from an export, one by one: new versions over old ones, never a deletion.

use serde::{Deserialize, Serialize};

use super::{Metric, Parameters};

/// What an export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holding {
    /// Secrets of Secrets Manager with their values.
    Secrets,
    /// Parameters of SSM.
    Config,
}

/// An export, and which of what it holds is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// What it holds.
    pub holds: Holding,
    /// Region of its bucket.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// Only what is named so; everything where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only what begins so: a tenant's share, or the environment's.
    pub prefix: String,
    /// But nothing that is named so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

impl Export {
    /// Whether something of this name is meant.
    pub fn means(&self, name: &str) -> bool {
        let named = self.name.as_deref().is_none_or(|wanted| wanted == name);
        name.starts_with(&self.prefix) && named && !self.except.iter().any(|left| left == name)
    }
}

/// Decrypts an export and compares it with what is live, by value. Names are told, values never. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareExport {
    /// Region of what is live.
    pub region: String,
    /// The export.
    pub export: Export,
    /// Whether everything in it has to be live by now: the look after it was brought back. What is missing counts only
    /// where it was to be created.
    pub restored: bool,
    /// Whether what is missing was to be created.
    pub create: bool,
}

impl Parameters for CompareExport {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.export.prefix
    }

    fn label(&self) -> &'static str {
        "Compare with an export"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Validation)
    }
}

/// Gives secrets the values they have in an export: `secretsmanager:PutSecretValue` under a token of the operation's own, and
/// `CreateSecret` for what is missing, where that was asked for. What is equal already is left alone. The old version keeps
/// the stage AWSPREVIOUS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreSecrets {
    /// Region of the secrets.
    pub region: String,
    /// The export.
    pub export: Export,
    /// Whether what is missing is created.
    pub create: bool,
}

impl Parameters for RestoreSecrets {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.export.prefix
    }

    fn label(&self) -> &'static str {
        "Restore secrets"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Restore)
    }
}

/// Moves the stage AWSCURRENT back from the versions that this operation made to those before them:
/// `secretsmanager:UpdateSecretVersionStage`. A secret that has got another version since is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertSecrets {
    /// Region of the secrets.
    pub region: String,
    /// The export made immediately before, which says what was current.
    pub before: Export,
}

impl Parameters for RevertSecrets {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.before.prefix
    }

    fn label(&self) -> &'static str {
        "Put secrets back"
    }
}

/// Gives parameters the values they have in an export: `ssm:PutParameter` over what is there, with its type, tier and key;
/// what is missing is created where that was asked for. What is equal already is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreParameters {
    /// Region of the parameters.
    pub region: String,
    /// The export.
    pub export: Export,
    /// Whether what is missing is created.
    pub create: bool,
    /// Another export: only what has its value from there is written over. The way back names the one that was brought
    /// back, so that what somebody wrote since stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Export>,
}

impl Parameters for RestoreParameters {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.export.prefix
    }

    fn label(&self) -> &'static str {
        "Restore parameters"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Restore)
    }
}
