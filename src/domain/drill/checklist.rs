//! The checklist of a drill: what is to be reached by which minute, and when it was.

use std::time::Duration;

use crate::domain::moment::{Moment, spoken};

/// What is reached, and by which minute after the declaration.
pub const CHECKLIST: [(u64, &str); 6] =
    [(0, "declared"), (5, "assessed"), (15, "decided"), (30, "executed"), (45, "validated"), (60, "done")];

/// One line of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// By which minute.
    pub minute: u64,
    /// What.
    pub what: &'static str,
    /// How long after the declaration it was reached; none where it was not.
    pub reached: Option<Duration>,
}

impl Stage {
    /// Whether it was reached in time.
    pub fn in_time(&self) -> bool {
        self.reached.is_some_and(|reached| reached <= Duration::from_secs(self.minute * 60))
    }
}

/// The checklist with the moments at which each of it was reached; the first is the declaration.
pub fn reached(moments: [Option<Moment>; 6]) -> Vec<Stage> {
    let begun = moments[0];
    let each = CHECKLIST.into_iter().zip(moments);
    each.map(|((minute, what), at)| Stage { minute, what, reached: at.zip(begun).map(|(at, begun)| at.since(begun)) })
        .collect()
}

/// The checklist in a line, mrkdwn.
pub fn told(stages: &[Stage]) -> String {
    let line = |stage: &Stage| match stage.reached {
        Some(_) if stage.minute == 0 => format!("T-0 {}", stage.what),
        Some(reached) if stage.in_time() => format!("T+{} {} after {}", stage.minute, stage.what, spoken(reached)),
        Some(reached) => format!("T+{} {} *late*, after {}", stage.minute, stage.what, spoken(reached)),
        None => format!("T+{} *not* {}", stage.minute, stage.what),
    };
    format!("Checklist: {}.", stages.iter().map(line).collect::<Vec<_>>().join(" · "))
}
