//! What the config says of the other side: what stands ready in the DR region, and what a failover and a failback go by.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
};

use super::{moment::Moment, span::Span};

/// How the old side is kept from writing, where it can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fence {
    /// Its ECS services are scaled to nothing.
    #[default]
    Ecs,
    /// Its database gets a security group that lets nobody in.
    SecurityGroup,
    /// It is not: whoever fails over answers for it.
    None,
}

/// What stands ready in a region that is neither the primary nor the DR region, to protect the DR region once it runs alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Third {
    /// AWS Backup vault.
    pub vault: String,
    /// KMS key.
    pub kms_key: String,
    /// Bucket of archives.
    pub bucket: String,
    /// DB subnet group.
    pub subnet_group: String,
}

/// Routing controls of ARC: two switches, set over any of their endpoints, which no region's failure takes along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingControls {
    /// ARN of the control that lets traffic to the primary region.
    pub primary: String,
    /// ARN of the one that lets it to the DR region.
    pub dr: String,
    /// Addresses of the cluster's endpoints.
    pub endpoints: Vec<String>,
}

/// What stands ready in the DR region, and what a failover goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Standby {
    /// DB subnet group of databases that are restored there.
    pub db_subnet_group: Option<String>,
    /// Security groups of these.
    pub db_security_groups: Vec<String>,
    /// Subnets that get a mount target of each file system.
    pub efs_subnets: Vec<String>,
    /// ECS cluster; it has the services of [`super::environment::Services`].
    pub cluster: Option<String>,
    /// Addresses that answer when the platform serves from there.
    pub urls: Vec<String>,
    /// How the old side is kept from writing.
    pub fence: Fence,
    /// Region that protects the DR region where the primary one is gone for good.
    pub third_region: Option<String>,
    /// What stands ready there.
    pub third: Option<Third>,
    /// How long the primary region has to be healthy before a failback may begin.
    pub stable: Span,
    /// KMS key of the primary region for what a failback brings back.
    pub primary_kms_key: Option<String>,
    /// CloudFormation stack of the DR region that a failover brings up.
    pub stack: Option<String>,
    /// Commands that people run during a failover, shown as steps that wait for them.
    pub manual: Vec<String>,
    /// Address of the runbook.
    pub runbook: Option<String>,
    /// When somebody last read it through.
    pub runbook_reviewed: Option<Day>,
}

impl Default for Standby {
    fn default() -> Standby {
        Standby {
            db_subnet_group: None,
            db_security_groups: Vec::new(),
            efs_subnets: Vec::new(),
            cluster: None,
            urls: Vec::new(),
            fence: Fence::default(),
            third_region: None,
            third: None,
            stable: Span(Duration::from_secs(3600)),
            primary_kms_key: None,
            stack: None,
            manual: Vec::new(),
            runbook: None,
            runbook_reviewed: None,
        }
    }
}

/// A runbook that nobody has read through for longer may say what is no longer so.
const REVIEWED_WITHIN_DAYS: i32 = 90;

impl Standby {
    /// For how many days nobody has read the runbook through, where the config says when somebody did; whether that is too long.
    pub fn reviewed(&self, now: Moment) -> Option<(i32, bool)> {
        let days = now.date().since(self.runbook_reviewed?.0).ok()?.get_days();
        Some((days, days > REVIEWED_WITHIN_DAYS))
    }

    /// Where the runbook is and how old its last review, a sentence; none where there is none.
    pub fn runbook_told(&self, now: Moment) -> Option<String> {
        let runbook = self.runbook.as_ref()?;
        let reviewed = match self.reviewed(now) {
            None => "nobody knows when it was last read through".to_owned(),
            Some((days, false)) => format!("read through {days} days ago"),
            Some((days, true)) => {
                format!(
                    "last read through {days} days ago, which is longer than {REVIEWED_WITHIN_DAYS}: it may be out of date"
                )
            }
        };
        Some(format!("The runbook is {runbook} ({reviewed})."))
    }
}

/// A day of the calendar, written `2026-11-01`: a date of TOML, or the same in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub jiff::civil::Date);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Date)
    }
}

struct Date;

impl<'de> Visitor<'de> for Date {
    type Value = Day;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a day such as 2026-11-01")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Day, E> {
        let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let day = plain.then(|| text.parse().ok()).flatten();
        day.map(Day).ok_or_else(|| E::custom(format!("`{text}` is not a day; write one such as 2026-11-01")))
    }

    /// TOML hands its own dates on as a map of one text.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Day, A::Error> {
        match map.next_entry::<String, String>()? {
            Some((_, text)) => self.visit_str(&text),
            None => Err(A::Error::custom("is not a day; write one such as 2026-11-01")),
        }
    }
}
