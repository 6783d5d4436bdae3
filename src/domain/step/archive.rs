//! What is written as one object that can be read back: exports of secrets and configuration, logical dumps.

use serde::{Deserialize, Serialize};

use super::{Metric, Outputs, Page, Parameters, Proof, Step};
use crate::domain::environment::Engine;

/// Reads every secret under the prefix and writes one SSE-KMS encrypted object (`If-None-Match: *`, SHA-256).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsExport {
    /// Region of the secrets and the bucket.
    pub region: String,
    /// Prefix of the secrets' names.
    pub prefix: String,
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
}

impl Parameters for SecretsExport {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.prefix
    }

    fn label(&self) -> &'static str {
        "Export secrets"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.begun().then(|| Page::object(&self.region, &self.bucket, &self.key))
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Backup)
    }
}

/// Reads SSM parameters (SecureStrings stay encrypted) and Secrets Manager metadata and writes them as one SSE-KMS
/// encrypted object (`If-None-Match: *`, SHA-256).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigExport {
    /// Region of the parameters and the bucket.
    pub region: String,
    /// Prefix of the parameters' names.
    pub parameters_prefix: String,
    /// Prefix of the names of secrets whose metadata is taken along.
    pub secrets_prefix: Option<String>,
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
}

impl Parameters for ConfigExport {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.parameters_prefix
    }

    fn label(&self) -> &'static str {
        "Export configuration"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Backup)
    }
}

/// Verifies that the parameters without which a backup of configuration is not good are in an export. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyConfig {
    /// Region of the bucket.
    pub region: String,
    /// Prefix of the parameters' names.
    pub prefix: String,
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// Their names.
    pub required: Vec<String>,
}

impl Parameters for VerifyConfig {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.prefix
    }

    fn label(&self) -> &'static str {
        "Verify exported configuration"
    }
}

/// Dumps a database into an archive: compressed, encrypted in this process under a data key, in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpExport {
    /// Region of the bucket, the key and the secret.
    pub region: String,
    /// DB instance identifier.
    pub database: String,
    /// Engine.
    pub engine: Engine,
    /// Secret with `host`, `port`, `username`, `password`.
    pub secret: String,
    /// Schemas; all when empty.
    pub schemas: Vec<String>,
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// KMS key of the data key.
    pub kms_key: String,
    /// Storage class; Standard where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

impl Parameters for DumpExport {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Dump databases"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Backup)
    }
}

/// Verifies an archive of `dump.export`: reads it whole, its hashes and what it holds. Reads only in AWS; a server of the test's
/// own is loaded with it where one is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyDump {
    /// Region of the bucket.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// Engine.
    pub engine: Engine,
    /// Retention the tag has to show, in days.
    pub retention_days: u32,
    /// Where it is loaded after that; only read where nowhere is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_test: Option<LoadTest>,
}

/// Where a dump is loaded to see that it can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadTest {
    /// Secret with the login of a server of the test's own.
    pub secret: String,
    /// Secret with the login of the server that was dumped, from which the other one is told apart.
    pub source: String,
}

impl Parameters for VerifyDump {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or(&self.key)
    }

    fn label(&self) -> &'static str {
        "Verify dumps"
    }

    fn proves(&self) -> Option<Proof> {
        Some(Proof::Object)
    }

    fn metric(&self) -> Option<Metric> {
        self.load_test.as_ref().map(|_| Metric::Validation)
    }
}

/// Decrypts an export of secrets and compares version ids with what is live. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifySecrets {
    /// Region of the bucket and the secrets.
    pub region: String,
    /// Prefix of the secrets' names.
    pub prefix: String,
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
}

impl Parameters for VerifySecrets {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.prefix
    }

    fn label(&self) -> &'static str {
        "Validate exported secrets"
    }
}
