//! What the end of a run comes to as metrics: whether each resource was backed up, restored, and found right.

use serde::{Deserialize, Serialize};

use super::{operation::Run, step::StepState};

/// One value of one metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datum {
    /// Its name: `BackupSuccess`.
    pub metric: String,
    /// What it is of: DB instance id, file system id, prefix, bucket.
    pub resource: String,
    /// Whether it went well: 1, or 0.
    pub good: bool,
}

/// What a run that has ended comes to. What was not begun, or skipped, is neither. Of several steps of one resource the worst counts.
pub fn of(run: &Run) -> Vec<Datum> {
    let mut data: Vec<Datum> = Vec::new();
    for (spec, step) in run.op.plan.steps.iter().zip(&run.steps) {
        let Some(metric) = spec.action.metric() else { continue };
        let good = match step.state {
            StepState::Done => run.doubt(step.index).is_none(),
            StepState::Failed => false,
            _ => continue,
        };
        let resource = named(spec.action.resource());
        match data.iter_mut().find(|datum| datum.metric == metric.name() && datum.resource == resource) {
            Some(datum) => datum.good &= good,
            None => data.push(Datum { metric: metric.name().to_owned(), resource: resource.to_owned(), good }),
        }
    }
    data
}

/// What people call it: of an ARN the last part.
fn named(resource: &str) -> &str {
    let last = || resource.rsplit(['/', ':']).next().unwrap_or(resource);
    if resource.starts_with("arn:") { last() } else { resource }
}
