//! Faults on demand and by chance: what goes wrong with which request, how often.
//!
//! Faults are the wire's: what a client meets between itself and AWS, or in AWS's own answers. Only [`Fault::JobFails`] and
//! [`Fault::Slow`] befall what a request makes.

use std::{collections::BTreeSet, time::Duration};

use rand::{RngExt as _, rngs::Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

use super::judge::{Asker, Verb};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// AWS asks for fewer requests, in the words of the service. Nothing happens.
    Throttled,
    /// AWS says that the caller may not. Nothing happens.
    Denied,
    /// AWS answers 503. Nothing happens.
    Unavailable,
    /// The service fails with 500; whether it did anything, nobody says. It did not.
    Internal,
    /// The connection is refused. Nothing happens.
    Refused,
    /// The connection ends before AWS has the request; the caller cannot tell. Only requests that change something.
    LostRequest,
    /// The change is made and the answer is lost. Only requests that change something.
    LostReply,
    /// No answer, ever, and nothing was done; the caller's time-out ends it.
    Hangs,
    /// The request is carried out, and then there is no answer, ever.
    HangsAfter,
    /// The request is carried out; half of the answer's body arrives, and the connection stays open.
    Stalls,
    /// The request is carried out; the body of the answer ends in the middle, and its framing says that this is all.
    CutShort,
    /// The request is carried out; the connection breaks in the middle of the body.
    Torn,
    /// Whoever asks for credentials gets none: AssumeRole, and the process's own.
    NoCredentials,
    /// What is made next ends badly. Requests that make something that takes time.
    JobFails,
    /// What is made next takes so many times as long. Requests that make something that takes time.
    Slow(f64),
}

impl Fault {
    /// Befalls what is made rather than the request.
    fn of_results(self) -> bool {
        matches!(self, Fault::JobFails | Fault::Slow(_))
    }

    fn fits(self, asked: &Asked<'_>) -> bool {
        match self {
            Fault::LostRequest | Fault::LostReply => asked.changes,
            Fault::NoCredentials => asked.operation == "AssumeRole",
            _ => true,
        }
    }

    /// Whether the request is carried out all the same.
    pub(super) fn after_the_fact(self) -> bool {
        matches!(self, Fault::LostReply | Fault::HangsAfter | Fault::Stalls | Fault::CutShort | Fault::Torn)
    }
}

/// A request as faults look at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) service: &'a str,
    pub(super) operation: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) changes: bool,
    pub(super) asker: Option<&'a Asker>,
}

/// Which requests a fault befalls: those that fit everything that is set, and that the fault can befall at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    verb: Option<Verb>,
    kind: Option<String>,
    service: Option<String>,
    operation: Option<String>,
    region: Option<String>,
    account: Option<String>,
    changes: bool,
    skip: u32,
    times: u32,
}

impl Target {
    /// The next request.
    pub fn next() -> Target {
        Target { times: 1, ..Target::default() }
    }

    /// The next request that changes something.
    pub fn next_change() -> Target {
        Target { changes: true, ..Target::next() }
    }

    /// The next request that changes something for a start.
    pub fn next_start() -> Target {
        Target::next_change().on(Verb::Start)
    }

    /// The `n`th request from now on, from 1.
    pub fn nth(n: u32) -> Target {
        Target { skip: n.saturating_sub(1), ..Target::next() }
    }

    /// Only on behalf of this verb of [`Cloud`](crate::ports::cloud::Cloud).
    #[must_use]
    pub fn on(self, verb: Verb) -> Target {
        Target { verb: Some(verb), ..self }
    }

    /// Only on behalf of steps of this kind, such as `rds.snapshot`.
    #[must_use]
    pub fn of_kind(self, kind: &str) -> Target {
        Target { kind: Some(kind.to_owned()), ..self }
    }

    /// Only this API operation, such as `CreateDBSnapshot`.
    #[must_use]
    pub fn of(self, operation: &str) -> Target {
        Target { operation: Some(operation.to_owned()), ..self }
    }

    /// Only this service, by its name in signatures: `rds`, `elasticfilesystem`.
    #[must_use]
    pub fn at(self, service: &str) -> Target {
        Target { service: Some(service.to_owned()), ..self }
    }

    /// Only in this region.
    #[must_use]
    pub fn in_region(self, region: &str) -> Target {
        Target { region: Some(region.to_owned()), ..self }
    }

    /// Only in this account.
    #[must_use]
    pub fn in_account(self, account: &str) -> Target {
        Target { account: Some(account.to_owned()), ..self }
    }

    /// Every request from now on.
    pub fn always() -> Target {
        Target { times: u32::MAX, ..Target::default() }
    }

    /// So many requests instead of one.
    #[must_use]
    pub fn times(self, times: u32) -> Target {
        Target { times, ..self }
    }

    /// Counts a request, and says whether it is one that is meant.
    pub(super) fn hits(&mut self, asked: &Asked<'_>) -> bool {
        if self.is_spent() || !self.fits(asked) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.times < u32::MAX {
            self.times -= 1;
        }
        true
    }

    /// Whether all of them have come.
    pub(super) fn is_spent(&self) -> bool {
        self.times == 0
    }

    fn fits(&self, asked: &Asked<'_>) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|w| w == is);
        same(&self.service, asked.service)
            && same(&self.operation, asked.operation)
            && same(&self.region, asked.region)
            && same(&self.account, asked.account)
            && (asked.changes || !self.changes)
            && self.verb.is_none_or(|verb| asked.asker.is_some_and(|a| a.verb == verb))
            && self.kind.as_ref().is_none_or(|kind| asked.asker.is_some_and(|a| a.is_about(kind)))
    }
}

/// How likely each fault is per request, 0–1. Drawn from the seed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Chaos {
    /// [`Fault::Throttled`].
    pub throttled: f64,
    /// [`Fault::Unavailable`].
    pub unavailable: f64,
    /// [`Fault::LostReply`], of changes.
    pub lost_reply: f64,
    /// [`Fault::LostRequest`], of changes.
    pub lost_request: f64,
    /// [`Fault::CutShort`].
    pub cut_short: f64,
    /// [`Fault::Torn`].
    pub torn: f64,
    /// [`Fault::Hangs`].
    pub hangs: f64,
    /// [`Fault::JobFails`], of what is made.
    pub job_fails: f64,
}

/// What befalls something that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fate {
    /// It ends badly.
    pub fails: bool,
    /// Factor of its duration; none for 1.
    pub slow: Option<f64>,
}

impl Fate {
    /// How long it takes, out of how long it would take.
    pub fn stretch(self, lasts: Duration) -> Duration {
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

    /// What goes wrong with a request, before it is carried out.
    pub(super) fn befalls(&mut self, rng: &mut Xoshiro256PlusPlus, asked: &Asked<'_>) -> Option<Fault> {
        if self.is_down(asked.region) {
            // A dead region refuses connections, or it swallows requests: who changes something cannot tell.
            let swallows = asked.changes && rng.random_bool(0.5);
            return Some(if swallows { Fault::Hangs } else { Fault::Refused });
        }
        self.due(asked).or_else(|| self.by_chance(rng, asked))
    }

    /// For something that is about to be made.
    pub(super) fn fate(&mut self, rng: &mut Xoshiro256PlusPlus, asked: &Asked<'_>) -> Fate {
        let mut fate = Fate::default();
        self.rules.retain_mut(|(fault, target)| {
            if !fault.of_results() || !target.fits(asked) {
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

    /// Counts a request against the rules and gives the first fault that is due.
    fn due(&mut self, asked: &Asked<'_>) -> Option<Fault> {
        let mut due = None;
        for (index, (fault, target)) in self.rules.iter_mut().enumerate() {
            if fault.of_results() || !fault.fits(asked) || !target.fits(asked) {
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

    fn by_chance(&self, rng: &mut Xoshiro256PlusPlus, asked: &Asked<'_>) -> Option<Fault> {
        if self.chaos == Chaos::default() {
            return None;
        }
        let mut draw: f64 = rng.random();
        for (fault, chance) in [
            (Fault::Throttled, self.chaos.throttled),
            (Fault::Unavailable, self.chaos.unavailable),
            (Fault::LostReply, self.chaos.lost_reply),
            (Fault::LostRequest, self.chaos.lost_request),
            (Fault::CutShort, self.chaos.cut_short),
            (Fault::Torn, self.chaos.torn),
            (Fault::Hangs, self.chaos.hangs),
        ] {
            if !fault.fits(asked) {
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
