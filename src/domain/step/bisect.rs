//! The search for the last recovery point that answers a check rightly: its points, the restores it may take, the questions,
//! and what came of it.
//!
//! A plan is frozen, and which point is restored next depends on what was answered. So the plan holds as many restores as the
//! search takes at the most; each works out from the answers so far which point it is about, or that it is not needed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Outputs, Page, Parameters, RestoreTest, Step, VerifyCheck};
use crate::domain::{
    bisect::{self, Answer, Answers},
    moment::Moment,
    restored,
};

/// The output that holds the points.
const POINTS: &str = "points";
/// The output that holds the place of the point that was restored.
const POINT: &str = "point";
/// What the output with the answer of a point begins with; its place follows.
const ANSWER: &str = "answer-";
/// The output that says why a point could not be restored.
const UNRESTORED: &str = "unrestored";

/// A recovery point that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbePoint {
    /// As lists show it.
    pub id: String,
    /// What RDS restores it from.
    pub snapshot: String,
    /// See [`crate::domain::point::Point::key`].
    pub key: String,
    /// When the data was as it is in there.
    pub created: Moment,
}

/// The points of a search in the order of their data, for the steps that follow. Happens in the ledger, not in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BisectPoints {
    /// The database they are of.
    pub database: String,
    /// The points, the oldest first.
    pub points: Vec<ProbePoint>,
}

impl BisectPoints {
    /// What the steps that follow find.
    pub fn outputs(&self) -> Outputs {
        Outputs::from([(POINTS.to_owned(), serde_json::to_string(&self.points).unwrap_or_default())])
    }
}

impl Parameters for BisectPoints {
    fn region(&self) -> Option<&str> {
        None
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Lay out the points"
    }
}

/// The points that a step was given.
pub fn points(inputs: &Outputs) -> Vec<ProbePoint> {
    inputs.get(POINTS).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The answers that a step was given.
pub fn answers(inputs: &Outputs) -> Answers {
    let answer = |(name, word): (&String, &String)| {
        Some((name.strip_prefix(ANSWER)?.parse::<usize>().ok()?, Answer::of(word.split(':').next()?)?))
    };
    inputs.iter().filter_map(answer).collect()
}

/// Why points gave no answer, by their places.
pub fn unanswered(inputs: &Outputs) -> BTreeMap<usize, String> {
    let why = |(name, said): (&String, &String)| {
        let (word, why) = said.split_once(':')?;
        let at = name.strip_prefix(ANSWER)?.parse::<usize>().ok()?;
        (Answer::of(word) == Some(Answer::Unknown)).then(|| (at, why.trim().to_owned()))
    };
    inputs.iter().filter_map(why).collect()
}

/// Restores the point that is to be asked next, in the isolated network; nothing where no more is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BisectRestore {
    /// Region of the points.
    pub region: String,
    /// Which of the points of its round it is about.
    pub slot: usize,
    /// Name of the instance to make.
    pub instance: String,
    /// DB subnet group.
    pub subnet_group: String,
    /// VPC security groups.
    pub security_groups: Vec<String>,
}

impl BisectRestore {
    /// The place of the point it is about, and its restore; none where nothing more can be found out.
    pub fn chosen(&self, inputs: &Outputs) -> Option<(usize, ProbePoint, RestoreTest)> {
        let points = points(inputs);
        let at = bisect::next(points.len(), &answers(inputs)).get(self.slot).copied()?;
        let point = points.get(at)?.clone();
        let restore = RestoreTest {
            region: self.region.clone(),
            snapshot: point.snapshot.clone(),
            instance: self.instance.clone(),
            subnet_group: self.subnet_group.clone(),
            security_groups: self.security_groups.clone(),
        };
        Some((at, point, restore))
    }

    /// What the question that follows is told of a point that was restored.
    pub fn restored(at: usize) -> (String, String) {
        (POINT.to_owned(), at.to_string())
    }

    /// What it is told of one that could not be.
    pub fn unrestored(why: &str) -> (String, String) {
        (UNRESTORED.to_owned(), why.to_owned())
    }
}

impl Parameters for BisectRestore {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        restored::source(&self.instance)
    }

    fn label(&self) -> &'static str {
        "Restore points to ask"
    }

    fn page(&self, _step: &Step, _inputs: &Outputs) -> Option<Page> {
        None
    }
}

/// Puts the check to what was restored, and takes whatever it answers for an answer. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BisectAsk {
    /// The question.
    pub ask: VerifyCheck,
}

impl BisectAsk {
    /// The place of the point that was restored for it; none where none was needed.
    pub fn point(inputs: &Outputs) -> Option<usize> {
        inputs.get(POINT)?.parse().ok()
    }

    /// Why it could not be restored.
    pub fn unrestored(inputs: &Outputs) -> Option<&str> {
        inputs.get(UNRESTORED).map(String::as_str)
    }

    /// What the search is told.
    pub fn answered(at: usize, answer: &Result<bool, String>) -> Outputs {
        let said = match answer {
            Ok(true) => Answer::Right.word().to_owned(),
            Ok(false) => Answer::Wrong.word().to_owned(),
            Err(why) => format!("{}: {why}", Answer::Unknown.word()),
        };
        Outputs::from([(format!("{ANSWER}{at}"), said)])
    }
}

impl Parameters for BisectAsk {
    fn region(&self) -> Option<&str> {
        Some(&self.ask.region)
    }

    fn resource(&self) -> &str {
        &self.ask.database
    }

    fn label(&self) -> &'static str {
        "Ask restored points"
    }
}

/// Remembers of every point that was asked what it answered. Happens in the ledger, not in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberAnswers {
    /// Name of the check.
    pub check: String,
}

impl Parameters for RememberAnswers {
    fn region(&self) -> Option<&str> {
        None
    }

    fn resource(&self) -> &str {
        &self.check
    }

    fn label(&self) -> &'static str {
        "Write down"
    }
}

/// What the search found, told as a report. Reads only, and nothing of AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BisectReport {
    /// Region of the points.
    pub region: String,
    /// The database.
    pub database: String,
    /// Name of the check.
    pub check: String,
}

impl Parameters for BisectReport {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Tell what was found"
    }
}
