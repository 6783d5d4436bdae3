//! What a backup holds, next to what those before it held. A login that sees one of forty tables makes a good dump of one
//! table: that everything else is missing shows only beside its predecessors. Beside several of them: what has fallen would
//! otherwise be the measure of the next one, and a night later all would be well.
//!
//! The size that AWS Backup tells of a job is not among what is compared. For some services it is what this job had to store
//! beside the recovery points before it, for others the whole, and AWS does not say which: a quiet night would be a loss.

use super::{
    operation::Run,
    step::{Step, StepState},
    text::{count, number as grouped},
    threshold::Thresholds,
};

/// What is counted: the outputs it stands in, its word, and how much of it has to be there, in percent.
type Measure = (&'static [&'static str], &'static str, fn(&Thresholds) -> u8);
const MEASURES: [Measure; 5] = [
    (&["tables"], "table", |least| least.tables),
    (&["rows"], "row", |least| least.rows),
    (&["objects"], "object", |least| least.objects),
    (&["count"], "entry", |least| least.entries),
    (&["bytes_plain", "bytes"], "byte", |least| least.bytes),
];

/// Whether anything that a run's steps tell can be compared at all.
pub fn measured(run: &Run) -> bool {
    done(run).any(|step| MEASURES.iter().any(|(outputs, _, _)| number(step, outputs).is_some()))
}

/// Steps of a run that hold less than they have to of what the same steps of its predecessors held at most, and by how much, in a
/// sentence without an end.
pub fn falls(run: &Run, before: &[Run], least: &Thresholds) -> Vec<(usize, String)> {
    let title = |run: &'_ Run, step: &Step| run.op.plan.steps.get(step.index).map(|spec| spec.title.clone());
    let mut falls = Vec::new();
    for step in done(run) {
        let alike: Vec<(&Run, &Step)> = before
            .iter()
            .filter_map(|before| Some((before, done(before).find(|was| title(before, was) == title(run, step))?)))
            .collect();
        let less = MEASURES.iter().filter_map(|(outputs, what, percent)| {
            let is = number(step, outputs)?;
            let (most, had) = alike
                .iter()
                .filter_map(|(before, was)| Some((before, number(was, outputs)?)))
                // Of equals the newest, which come first.
                .rev()
                .max_by_key(|(_, had)| *had)?;
            let fell = u128::from(is) * 100 < u128::from(had) * u128::from(percent(least));
            fell.then(|| {
                format!(
                    "{}, where {} held {}",
                    count(is, what),
                    most.op.id,
                    grouped(usize::try_from(had).unwrap_or(usize::MAX))
                )
            })
        });
        let less: Vec<String> = less.collect();
        if !less.is_empty() {
            falls.push((step.index, format!("it holds {}; say whether that is meant", less.join(", and "))));
        }
    }
    falls
}

fn done(run: &Run) -> impl Iterator<Item = &Step> {
    run.steps.iter().filter(|step| step.state == StepState::Done)
}

fn number(step: &Step, outputs: &[&str]) -> Option<u64> {
    outputs.iter().find_map(|name| step.outputs.get(*name)?.parse().ok())
}
