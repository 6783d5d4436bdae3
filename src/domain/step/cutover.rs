//! A cutover of databases and its way back: an instance like another one, its protection, its name, and how the platform does
//! on it.

use serde::{Deserialize, Serialize};

use super::{Metric, Parameters};
use crate::domain::moment::Moment;

/// The output under which a restore gives the id that RDS knows an instance by, whatever its name is.
pub const RESOURCE: &str = "resource";

/// `rds:RestoreDBInstanceFromDBSnapshot` or `RestoreDBInstanceToPointInTime` with the settings that another instance has now,
/// so that it can take its place. What could not be passed is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreLike {
    /// Region of both.
    pub region: String,
    /// The instance whose settings it takes, and whose past it is where there is no snapshot.
    pub database: String,
    /// The snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// The moment; without one and without a snapshot as late as can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// Name of the instance to make.
    pub instance: String,
}

impl Parameters for RestoreLike {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Restore beside"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Restore)
    }
}

/// `rds:ModifyDBInstance`: an instance can no longer be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protect {
    /// Region of the instance.
    pub region: String,
    /// Its name.
    pub instance: String,
}

impl Parameters for Protect {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        "clone"
    }

    fn label(&self) -> &'static str {
        "Protect from deletion"
    }
}

/// `rds:ModifyDBInstance`: an instance gets another name. It is followed by the id that stays with it, never by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// Region of the instance.
    pub region: String,
    /// The id that stays with it; what the restore before this step gave, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name it has.
    pub from: String,
    /// The name it gets.
    pub to: String,
    /// Where it has neither of the two names there is nothing to do: the way back of a rename that did not come about.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub back: bool,
    /// Its failure turns the run back: the platform must not be left without a database.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub turns_back: bool,
}

impl Parameters for Rename {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        "rename"
    }

    fn label(&self) -> &'static str {
        "Rename databases"
    }

    fn turns_back(&self) -> bool {
        self.turns_back
    }
}

/// `rds:AddTagsToResource`: an instance says by a tag that it is live, or was; IAM lets nobody delete what has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagLive {
    /// Region of the instance.
    pub region: String,
    /// Its name.
    pub instance: String,
    /// The database that it is, by its id in the config: the tag's value.
    pub database: String,
}

impl Parameters for TagLive {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        "clone"
    }

    fn label(&self) -> &'static str {
        "Tag as live"
    }
}

/// `secretsmanager:PutSecretValue`: the secret that applications read leads to another instance. Of its JSON only host and port
/// change; the version before keeps the stage AWSPREVIOUS. A secret that does not lead to the instance it is to lead away
/// from is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointSecret {
    /// Region of the secret and of the instance it leads to now.
    pub region: String,
    /// The secret.
    pub secret: String,
    /// The instance it leads to now.
    pub from: String,
    /// The instance it leads to afterwards. A secret that leads there already is left as it is.
    pub to: String,
    /// Region of that one, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_region: Option<String>,
    /// The instances it may lead to now, in place of the one above: known by their names alone, since their region may not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub away_from: Vec<Away>,
}

/// An instance that may be asked nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Away {
    /// Its region.
    pub region: String,
    /// Its DB instance identifier.
    pub instance: String,
}

impl Away {
    /// Whether this is the host under which RDS lets it be reached: `<instance>.<letters>.<region>.rds.amazonaws.com`.
    pub fn is_at(&self, host: &str) -> bool {
        let mut labels = host.split('.');
        let (instance, region, service) = (labels.next(), labels.nth(1), labels.next());
        let same = |label: Option<&str>, own: &str| label.is_some_and(|label| label.eq_ignore_ascii_case(own));
        same(instance, &self.instance) && same(region, &self.region) && same(service, "rds")
    }
}

impl Parameters for PointSecret {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.secret
    }

    fn label(&self) -> &'static str {
        "Point secret"
    }
}

/// `secretsmanager:UpdateSecretVersionStage`: AWSCURRENT moves back to the version before the one that this operation made. A
/// secret that got another version since is left alone, and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointSecretBack {
    /// Region of the secret.
    pub region: String,
    /// The secret.
    pub secret: String,
}

impl Parameters for PointSecretBack {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.secret
    }

    fn label(&self) -> &'static str {
        "Point secret back"
    }
}

/// Whether the platform answers at its addresses, for a while. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchHealth {
    /// Region whose platform it is.
    pub region: String,
    /// Addresses, each of which has to answer.
    pub urls: Vec<String>,
    /// For how long, in seconds.
    pub seconds: u64,
    /// Its failure turns the run back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub turns_back: bool,
    /// What is ill ends the watch and does not fail it: the step after it, which asks people, is held by itself ([`HOLD`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds: bool,
}

/// The output of a step because of which the people who are asked next are asked to wait: why.
pub const HOLD: &str = "hold";

impl Parameters for WatchHealth {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        "health"
    }

    fn label(&self) -> &'static str {
        "Watch health"
    }

    fn turns_back(&self) -> bool {
        self.turns_back
    }
}

/// Measures once more how large what is about to be replaced is, when people have agreed to it: they agreed to so much of the
/// platform. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReach {
    /// Region.
    pub region: String,
    /// The DB instance, or the file system.
    pub resource: String,
    /// The scope they agreed to.
    pub scope: String,
    /// How large that is at the most, in GiB.
    pub most_gib: u64,
}

impl Parameters for VerifyReach {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.resource
    }

    fn label(&self) -> &'static str {
        "Measure what is replaced"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_known_by_the_host_that_rds_gives_it() {
        let away = Away { region: "af-south-1".into(), instance: "bbws-prod-mysql".into() };
        for (host, own) in [
            ("bbws-prod-mysql.c9akciq32rqa.af-south-1.rds.amazonaws.com", true),
            ("BBWS-prod-mysql.c9akciq32rqa.AF-south-1.rds.amazonaws.com.cn", true),
            ("bbws-prod-mysql-replica.c9akciq32rqa.af-south-1.rds.amazonaws.com", false),
            ("bbws-prod-mysql.c9akciq32rqa.eu-west-1.rds.amazonaws.com", false),
            ("bbws-prod-mysql.af-south-1.rds.amazonaws.com", false),
            ("bbws-prod-mysql", false),
            ("", false),
        ] {
            assert_eq!(away.is_at(host), own, "{host}");
        }
    }
}
