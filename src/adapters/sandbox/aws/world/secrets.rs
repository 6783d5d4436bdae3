//! Secrets of Secrets Manager, their versions and their replicas.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{super::time::Timeline, Tags};
use crate::domain::moment::Moment;

/// Secrets of a region, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Secrets {
    /// Secrets by name.
    pub secrets: BTreeMap<String, Secret>,
}

/// A secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secret {
    /// ARN, which ends in six letters of chance.
    pub arn: String,
    /// For people.
    pub description: Option<String>,
    /// Key it is encrypted under, as it was named; AWS's own where it was not.
    pub key: Option<String>,
    /// When it was made.
    pub created: Moment,
    /// When its value or its settings changed.
    pub changed: Moment,
    /// Asked to be deleted: it is there until its end, and cannot be read.
    pub deleted: Option<Moment>,
    /// By id.
    pub versions: BTreeMap<String, SecretVersion>,
    /// When it was rotated.
    pub rotated: Option<Moment>,
    /// How it is rotated, as AWS describes it.
    pub rotation: Option<Rotation>,
    /// Replicas by region.
    pub replicas: BTreeMap<String, Replica>,
    /// Region of the secret this is a replica of.
    pub primary: Option<String>,
    /// From when on a replica is there.
    pub visible: Moment,
    /// Tags.
    pub tags: Tags,
}

/// A value of a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretVersion {
    /// Text.
    pub string: Option<String>,
    /// Bytes in base64.
    pub binary: Option<String>,
    /// `AWSCURRENT`, `AWSPREVIOUS`, ….
    pub stages: Vec<String>,
    /// When it was made.
    pub created: Moment,
}

impl fmt::Debug for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretVersion").field("stages", &self.stages).finish_non_exhaustive()
    }
}

/// How a secret is rotated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Lambda function.
    pub lambda: String,
    /// Days between rotations.
    pub days: i64,
}

/// A replica, as its source knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Key it is encrypted under.
    pub key: Option<String>,
    /// `InProgress` until its end.
    pub course: Timeline,
}

impl Secret {
    /// A new one without a value.
    pub fn new(arn: String, created: Moment) -> Secret {
        Secret {
            arn,
            description: None,
            key: None,
            created,
            changed: created,
            deleted: None,
            versions: BTreeMap::new(),
            rotated: None,
            rotation: None,
            replicas: BTreeMap::new(),
            primary: None,
            visible: created,
            tags: Tags::new(),
        }
    }

    /// The version that carries a stage.
    pub fn at_stage(&self, stage: &str) -> Option<(&String, &SecretVersion)> {
        self.versions.iter().find(|(_, version)| version.stages.iter().any(|there| there == stage))
    }

    /// Gives it a value: the current one becomes the previous one, and what was that loses its stage.
    pub fn put(&mut self, id: String, string: Option<String>, binary: Option<String>, now: Moment) {
        let current = self.at_stage("AWSCURRENT").map(|(id, _)| id.clone());
        for version in self.versions.values_mut() {
            version.stages.retain(|stage| stage != "AWSCURRENT" && stage != "AWSPREVIOUS");
        }
        if let Some(previous) = current.and_then(|current| self.versions.get_mut(&current)) {
            previous.stages.push("AWSPREVIOUS".to_owned());
        }
        self.versions.retain(|_, version| !version.stages.is_empty());
        let stages = vec!["AWSCURRENT".to_owned()];
        self.versions.insert(id, SecretVersion { string, binary, stages, created: now });
        self.changed = now;
    }
}
