//! The search for the last recovery point that answers a question rightly, in rounds of several at a time. Pure.
//!
//! Points are in the order of their data, and what is wrong once stays wrong. Of so many points that may be the last right one
//! each round leaves a fourth. What cannot be answered is left out of the search, so that less is known at its end, and the
//! result says so.

use std::collections::BTreeMap;

/// Restores of one round.
pub const WIDTH: usize = 3;

/// What a point answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// The answer is true.
    Right,
    /// The answer is false.
    Wrong,
    /// There is none: it could not be restored, or not be asked.
    Unknown,
}

impl Answer {
    /// The word for it in outputs of steps.
    pub fn word(self) -> &'static str {
        match self {
            Answer::Right => "right",
            Answer::Wrong => "wrong",
            Answer::Unknown => "unknown",
        }
    }

    /// The answer of that word.
    pub fn of(word: &str) -> Option<Answer> {
        [Answer::Right, Answer::Wrong, Answer::Unknown].into_iter().find(|answer| answer.word() == word)
    }
}

/// Answers by the place of the point.
pub type Answers = BTreeMap<usize, Answer>;

/// How many rounds so many points need at the most: 3 for 64.
pub fn rounds(points: usize) -> usize {
    let mut rounds = 1;
    let mut reach = WIDTH + 1;
    while reach < points {
        reach = reach.saturating_mul(WIDTH + 1);
        rounds += 1;
    }
    rounds
}

/// The points to ask next, in their order; none where nothing more can be found out.
pub fn next(points: usize, answers: &Answers) -> Vec<usize> {
    let found = found(points, answers);
    let open = found.unasked;
    let left = open.len();
    if left <= WIDTH {
        return open;
    }
    // As much is left on each side of every point that is asked; what does not divide is left at the old end, where a right
    // answer is most likely and least worth.
    let (share, more) = ((left - WIDTH) / (WIDTH + 1), (left - WIDTH) % (WIDTH + 1));
    let mut at = 0;
    (0..WIDTH)
        .map(|gap| {
            at += share + usize::from(gap < more);
            let chosen = open[at];
            at += 1;
            chosen
        })
        .collect()
}

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The last point that answered rightly before the first that did not.
    pub right: Option<usize>,
    /// The first that answered wrongly after it.
    pub wrong: Option<usize>,
    /// Points between the two that nobody asked.
    pub unasked: Vec<usize>,
    /// Points between the two that gave no answer.
    pub unanswered: Vec<usize>,
    /// A point answered rightly after one that did not: what was wrong did not stay wrong.
    pub mixed: bool,
}

impl Found {
    /// Whether the last right point, or that there is none, is known for sure.
    pub fn exact(&self) -> bool {
        self.unasked.is_empty() && self.unanswered.is_empty()
    }
}

/// What these answers tell.
pub fn found(points: usize, answers: &Answers) -> Found {
    let all = |wanted: Answer| {
        answers.iter().filter(move |(at, answer)| **at < points && **answer == wanted).map(|(at, _)| *at)
    };
    let right = all(Answer::Right).max();
    let wrong = all(Answer::Wrong).filter(|at| right.is_none_or(|right| *at > right)).min();
    let mixed = right.is_some_and(|right| all(Answer::Wrong).any(|at| at < right));
    let between = right.map_or(0, |right| right + 1)..wrong.unwrap_or(points);
    let unasked = between.clone().filter(|at| !answers.contains_key(at)).collect();
    let unanswered = between.filter(|at| answers.get(at) == Some(&Answer::Unknown)).collect();
    Found { right, wrong, unasked, unanswered, mixed }
}
