//! Keys of KMS.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::time::uuid_for;

/// AWS's own keys, used where nobody names one.
pub const RDS_KEY: &str = "alias/aws/rds";
/// See [`RDS_KEY`].
pub const BACKUP_KEY: &str = "alias/aws/backup";
/// See [`RDS_KEY`].
pub const S3_KEY: &str = "alias/aws/s3";
/// See [`RDS_KEY`].
pub const EFS_KEY: &str = "alias/aws/elasticfilesystem";
/// See [`RDS_KEY`].
pub const SECRETS_KEY: &str = "alias/aws/secretsmanager";
/// See [`RDS_KEY`].
pub const SSM_KEY: &str = "alias/aws/ssm";

/// Keys of a region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Kms {
    /// By their ARN.
    pub keys: BTreeMap<String, Key>,
    /// ARNs by alias, `alias/…`.
    pub aliases: BTreeMap<String, String>,
}

/// A key for symmetric encryption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Can be used.
    pub enabled: bool,
    /// AWS made it and looks after it.
    pub of_aws: bool,
    /// It gets new material each year.
    #[serde(default)]
    pub rotated: bool,
}

impl Kms {
    /// AWS's own keys.
    pub fn of_aws(account: &str, region: &str) -> Kms {
        let mut kms = Kms::default();
        for alias in [RDS_KEY, BACKUP_KEY, S3_KEY, EFS_KEY, SECRETS_KEY, SSM_KEY] {
            let arn = kms.add(account, region, alias);
            if let Some(key) = kms.keys.get_mut(&arn) {
                key.of_aws = true;
            }
        }
        kms
    }

    /// A key under an alias, or under the ARN itself; answers its ARN. What is there stays.
    pub fn add(&mut self, account: &str, region: &str, name: &str) -> String {
        if let Some(arn) = self.arn(name) {
            return arn.to_owned();
        }
        let key = Key { enabled: true, of_aws: false, rotated: true };
        let arn = if name.starts_with("arn:") {
            name.to_owned()
        } else {
            let id = uuid_for(0, &format!("{account}/{region}/{name}"));
            format!("arn:aws:kms:{region}:{account}:key/{id}")
        };
        if name.starts_with("alias/") {
            self.aliases.insert(name.to_owned(), arn.clone());
        }
        self.keys.insert(arn.clone(), key);
        arn
    }

    /// The ARN of a key given by id, ARN, alias or alias's ARN.
    pub fn arn(&self, name: &str) -> Option<&str> {
        if let Some((arn, _)) = self.keys.get_key_value(name) {
            return Some(arn);
        }
        let alias = name.find(":alias/").map_or(name, |at| &name[at + 1..]);
        if let Some(arn) = self.aliases.get(alias) {
            return Some(arn);
        }
        self.keys.keys().find(|arn| arn.rsplit('/').next() == Some(name)).map(String::as_str)
    }

    /// A key by the same names.
    pub fn key(&self, name: &str) -> Option<(&str, &Key)> {
        let arn = self.arn(name)?;
        self.keys.get_key_value(arn).map(|(arn, key)| (arn.as_str(), key))
    }

    /// The ARN of a key that is there and enabled.
    pub fn usable(&self, name: &str) -> Option<&str> {
        self.key(name).filter(|(_, key)| key.enabled).map(|(arn, _)| arn)
    }

    /// Enables or disables a key; `false` when there is none.
    pub fn set_enabled(&mut self, name: &str, enabled: bool) -> bool {
        let Some(arn) = self.arn(name).map(str::to_owned) else { return false };
        self.keys.get_mut(&arn).map(|key| key.enabled = enabled).is_some()
    }
}
