//! Faults on demand and by chance: what goes wrong, for which call, how often.

use std::{collections::BTreeSet, time::Duration};

use rand::{RngExt as _, rngs::Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

use super::journal::Verb;
use crate::ports::cloud::CloudError;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// `ThrottlingException`: nothing happens, try later. Any call.
    Throttle,
    /// The change is made, the answer is lost. Starts and publications.
    LostReply,
    /// The request never arrives, nobody knows. Starts and publications.
    LostRequest,
    /// `AccessDenied`. Any call.
    Denied,
    /// What is made next ends badly. Starts that make something that takes time.
    JobFails,
    /// What is made next takes so many times as long. Starts that make something that takes time.
    Slow(f64),
    /// The answer to a poll is an error of the service. Polls.
    PollFails,
}

impl Fault {
    fn fits(self, verb: Verb) -> bool {
        match self {
            Fault::Throttle | Fault::Denied => true,
            Fault::LostReply | Fault::LostRequest => matches!(verb, Verb::Start | Verb::Publish),
            Fault::JobFails | Fault::Slow(_) => verb == Verb::Start,
            Fault::PollFails => verb == Verb::Poll,
        }
    }

    /// Befalls what is made rather than the call.
    fn of_results(self) -> bool {
        matches!(self, Fault::JobFails | Fault::Slow(_))
    }
}

/// Which calls a fault befalls: those that fit everything that is set, and that the fault can befall at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    verb: Option<Verb>,
    kind: Option<String>,
    region: Option<String>,
    skip: u32,
    times: u32,
}

impl Target {
    /// The next call.
    pub fn next_call() -> Target {
        Target { times: 1, ..Target::default() }
    }

    /// The next start.
    pub fn next_start() -> Target {
        Target::next_call().on(Verb::Start)
    }

    /// The `n`th call from now on, from 1.
    pub fn nth_call(n: u32) -> Target {
        Target { skip: n.saturating_sub(1), ..Target::next_call() }
    }

    /// Only calls of this verb.
    #[must_use]
    pub fn on(self, verb: Verb) -> Target {
        Target { verb: Some(verb), ..self }
    }

    /// Only steps of this kind, such as `rds.snapshot`; `survey` for surveys, `points` and `readings` for those, the topic for publications.
    #[must_use]
    pub fn of_kind(self, kind: &str) -> Target {
        Target { kind: Some(kind.to_owned()), ..self }
    }

    /// Only calls in this region.
    #[must_use]
    pub fn in_region(self, region: &str) -> Target {
        Target { region: Some(region.to_owned()), ..self }
    }

    /// So many calls instead of one.
    #[must_use]
    pub fn times(self, times: u32) -> Target {
        Target { times, ..self }
    }

    fn fits(&self, verb: Verb, kind: &str, region: &str) -> bool {
        self.verb.is_none_or(|v| v == verb)
            && self.kind.as_ref().is_none_or(|k| k == kind)
            && self.region.as_ref().is_none_or(|r| r == region)
    }
}

/// How likely each fault is per call, 0–1. Drawn from the seed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Chaos {
    /// [`Fault::Throttle`].
    pub throttle: f64,
    /// [`Fault::LostReply`].
    pub lost_reply: f64,
    /// [`Fault::LostRequest`].
    pub lost_request: f64,
    /// [`Fault::JobFails`].
    pub job_fails: f64,
    /// [`Fault::PollFails`].
    pub poll_fails: f64,
}

/// What may still become of a call that got through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    Clear,
    /// It is carried out, but the caller must not learn of it.
    LoseReply,
}

/// What befalls something that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Fate {
    pub(super) fails: bool,
    /// Factor of its duration; none for 1.
    pub(super) slow: Option<f64>,
}

impl Fate {
    pub(super) fn stretch(self, lasts: Duration) -> Duration {
        self.slow.map_or(lasts, |factor| lasts.mul_f64(if factor.is_nan() { 1.0 } else { factor.clamp(0.01, 1000.0) }))
    }
}

/// Faults in waiting.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Faults {
    rules: Vec<(Fault, Target)>,
    chaos: Chaos,
    down: BTreeSet<String>,
}

impl Faults {
    pub(super) fn inject(&mut self, fault: Fault, target: Target) {
        if target.times > 0 {
            self.rules.push((fault, target));
        }
    }

    pub(super) fn set_chaos(&mut self, chaos: Chaos) {
        self.chaos = chaos;
    }

    pub(super) fn set_down(&mut self, region: &str, down: bool) {
        if down {
            self.down.insert(region.to_owned());
        } else {
            self.down.remove(region);
        }
    }

    pub(super) fn is_down(&self, region: &str) -> bool {
        self.down.contains(region)
    }

    pub(super) fn heal(&mut self) {
        *self = Faults::default();
    }

    /// Before a call is carried out. The first region is the one that is called, the others it depends on.
    pub(super) fn gate(
        &mut self,
        rng: &mut Xoshiro256PlusPlus,
        verb: Verb,
        kind: &str,
        regions: &[&str],
    ) -> Result<Passage, CloudError> {
        if let Some(down) = regions.iter().find(|r| self.is_down(r)) {
            return Err(unreachable(rng, verb, down));
        }
        let region = regions.first().copied().unwrap_or_default();
        match self.due(verb, kind, region).or_else(|| self.by_chance(rng, verb)) {
            None => Ok(Passage::Clear),
            Some(Fault::LostReply) => Ok(Passage::LoseReply),
            Some(fault) => Err(error(fault, kind, region)),
        }
    }

    /// For something that is about to be made.
    pub(super) fn fate(&mut self, rng: &mut Xoshiro256PlusPlus, kind: &str, region: &str) -> Fate {
        let mut fate = Fate::default();
        self.rules.retain_mut(|(fault, target)| {
            if !fault.of_results() || !target.fits(Verb::Start, kind, region) {
                return true;
            }
            if target.skip > 0 {
                target.skip -= 1;
                return true;
            }
            match fault {
                Fault::Slow(factor) if fate.slow.is_none() => fate.slow = Some(*factor),
                Fault::JobFails if !fate.fails => fate.fails = true,
                _ => return true,
            }
            target.times -= 1;
            target.times > 0
        });
        fate.fails |= self.chaos.job_fails > 0.0 && rng.random_bool(self.chaos.job_fails.min(1.0));
        fate
    }

    /// Counts a call against the rules of calls and gives the first fault that is due.
    fn due(&mut self, verb: Verb, kind: &str, region: &str) -> Option<Fault> {
        let mut due = None;
        for (index, (fault, target)) in self.rules.iter_mut().enumerate() {
            if fault.of_results() || !fault.fits(verb) || !target.fits(verb, kind, region) {
                continue;
            }
            if target.skip > 0 {
                target.skip -= 1;
            } else if due.is_none() {
                target.times -= 1;
                due = Some((index, *fault, target.times == 0));
            }
        }
        let (index, fault, spent) = due?;
        if spent {
            self.rules.remove(index);
        }
        Some(fault)
    }

    fn by_chance(&self, rng: &mut Xoshiro256PlusPlus, verb: Verb) -> Option<Fault> {
        if self.chaos == Chaos::default() {
            return None;
        }
        let mut draw: f64 = rng.random();
        for (fault, chance) in [
            (Fault::Throttle, self.chaos.throttle),
            (Fault::LostReply, self.chaos.lost_reply),
            (Fault::LostRequest, self.chaos.lost_request),
            (Fault::PollFails, self.chaos.poll_fails),
        ] {
            if !fault.fits(verb) {
                continue;
            }
            if draw < chance {
                return Some(fault);
            }
            draw -= chance;
        }
        None
    }
}

/// A dead region refuses connections, so nothing happened; or it swallows requests, and who changes something cannot tell.
fn unreachable(rng: &mut Xoshiro256PlusPlus, verb: Verb, region: &str) -> CloudError {
    let silent = matches!(verb, Verb::Start | Verb::Publish) && rng.random_bool(0.5);
    if silent {
        return CloudError::Unknown {
            reason: format!("no answer from {region} in time; whether the change was made is not known yet"),
        };
    }
    CloudError::Retryable {
        reason: format!("{region} does not answer (connection refused); it will be tried again"),
        after: None,
    }
}

fn error(fault: Fault, kind: &str, region: &str) -> CloudError {
    match fault {
        Fault::Throttle => {
            let reason = format!(
                "AWS throttles {kind} in {region} (ThrottlingException: Rate exceeded); it will be tried again"
            );
            CloudError::Retryable { reason, after: Some(Duration::from_secs(2)) }
        }
        Fault::Denied => CloudError::Permanent {
            reason: format!(
                "AWS refuses {kind} in {region} (AccessDenied); grant the role this permission, then retry"
            ),
        },
        Fault::PollFails => CloudError::Retryable {
            reason: format!("AWS could not answer {kind} in {region} (ServiceUnavailable); it will be asked again"),
            after: None,
        },
        Fault::LostReply | Fault::LostRequest | Fault::JobFails | Fault::Slow(_) => lost(kind, region),
    }
}

/// What is told when a request or its answer is lost.
pub(super) fn lost(kind: &str, region: &str) -> CloudError {
    CloudError::Unknown {
        reason: format!(
            "the connection was lost during {kind} in {region}; whether the change was made is not known yet"
        ),
    }
}
