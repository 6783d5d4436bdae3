//! The script of a tabletop: what happens at which minute to a twin of the platform, and what the assessment of a failover says of it
//! each time. The twin is made of what was read of both sides a moment before; what happens to it is made up, by a seed, and the
//! judgement is the one by which a failover in earnest is judged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{checklist::CHECKLIST, choice::Choice};
use crate::domain::{
    active::Active,
    environment::Environment,
    moment::spoken,
    readiness::{self, Found, Prerequisite, Readiness, Saw, Sign, Source, Verdict},
};

/// The output of a step that holds the script, as JSON.
pub const SCRIPT: &str = "script";

/// What people are told at one moment, and what the assessment says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inject {
    /// Minutes after the declaration.
    pub minute: u64,
    /// What of the checklist is due by then.
    pub stage: String,
    /// What happens; plain text.
    pub text: String,
    /// The choice that the assessment stands for.
    pub right: Choice,
    /// The verdict of the assessment.
    pub verdict: String,
    /// Its reasons, a sentence each.
    pub reasons: Vec<String>,
}

/// The choice that a verdict stands for.
fn choice(verdict: Verdict) -> Choice {
    match verdict {
        Verdict::Proceed => Choice::Proceed,
        Verdict::Risky => Choice::Look,
        Verdict::DoNotFailover => Choice::Never,
    }
}

/// The trouble that a twin gets into in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Nobody knows how far the copies reach.
    Blind,
    /// A copy is older than may be lost.
    Late,
    /// The key of the copies is disabled.
    Locked,
}

/// The script for a twin of these readings. The same readings and the same seed give the same script.
pub fn script(env: &Environment, read: &Readiness, seed: u32) -> Vec<Inject> {
    let twin = Twin { env, read, seed };
    CHECKLIST.into_iter().map(|(minute, stage)| twin.inject(minute, stage)).collect()
}

struct Twin<'a> {
    env: &'a Environment,
    read: &'a Readiness,
    seed: u32,
}

impl Twin<'_> {
    fn trouble(&self) -> Trouble {
        match self.seed % 3 {
            0 => Trouble::Blind,
            1 => Trouble::Late,
            _ => Trouble::Locked,
        }
    }

    /// Whether the first alarm comes from a line of our own, which the DR region is not heard over either.
    fn own_line(&self) -> bool {
        (self.seed / 3).is_multiple_of(2)
    }

    fn inject(&self, minute: u64, stage: &str) -> Inject {
        use Saw::{Ill, Nothing, Well};
        let home = &self.env.primary_region;
        let mut twin = self.read.clone();
        // Copies reach no further than they did when the twin was made: all of it is lost by which the clock goes on.
        twin.at = twin.at + Duration::from_secs(minute * 60);
        let (signs, text) = match minute {
            0 => (
                [Ill, Nothing, Well],
                format!(
                    "The APIs of {home} stop answering. The platform itself still answers, and nobody has complained."
                ),
            ),
            5 if self.own_line() => {
                twin.dr_answers = false;
                let there = &self.env.dr_region;
                (
                    [Ill, Nothing, Ill],
                    format!(
                        "The platform does not answer from here any more, and neither does {there}. A colleague at home sees the platform well."
                    ),
                )
            }
            5 => {
                ([Ill, Nothing, Ill], format!("Now the platform does not answer either. {} does.", self.env.dr_region))
            }
            15 => (
                [Ill, Nothing, Ill],
                format!("{home} has been dark for ten minutes, and so is the platform. Users call."),
            ),
            30 => ([Ill, Nothing, Ill], self.befalls(&mut twin)),
            45 => ([Ill, Nothing, Ill], format!("That is mended. {home} is as dark as before.")),
            _ => ([Well, Well, Well], format!("{home} answers again, and so does the platform.")),
        };
        twin.signs = self.signs(signs);
        let judged = readiness::failover(self.env, &Active::primary(), &twin);
        Inject {
            minute,
            stage: stage.to_owned(),
            text: format!("{text} {}", self.losing(&twin)),
            right: choice(judged.verdict),
            verdict: judged.verdict.to_string(),
            reasons: judged.reasons,
        }
    }

    /// The trouble in the middle.
    fn befalls(&self, twin: &mut Readiness) -> String {
        let there = &self.env.dr_region;
        match self.trouble() {
            Trouble::Blind => {
                for component in &mut twin.components {
                    component.safe = Err("it is not listed any more".to_owned());
                }
                format!("{there} does not list its copies any more: nobody knows how far they reach.")
            }
            Trouble::Late => {
                let old = twin.at - self.env.rpo.0 * 2;
                let Some(first) = twin.components.first_mut() else {
                    return format!("Nothing new is seen in {there}.");
                };
                first.safe = Ok(old);
                format!("{} turns out to be {} behind.", first.name(), spoken(self.env.rpo.0 * 2))
            }
            Trouble::Locked => {
                let key = self.env.dr_kms_key.as_deref().unwrap_or("of the copies");
                twin.prerequisites.push(Prerequisite {
                    subject: format!("DR KMS key {key}"),
                    vital: true,
                    found: Found::Lacking("somebody disabled it".to_owned()),
                });
                format!("The KMS key {key} in {there} is disabled: what it encrypts cannot be opened.")
            }
        }
    }

    fn losing(&self, twin: &Readiness) -> String {
        match twin.loses() {
            Ok(loss) => {
                format!("A failover now would lose the last {}; the RPO is {}.", spoken(loss), spoken(self.env.rpo.0))
            }
            Err(_) => "What a failover now would lose is not known.".to_owned(),
        }
    }

    /// Signs of the primary region: its APIs, its databases, the platform's addresses.
    fn signs(&self, [apis, databases, addresses]: [Saw; 3]) -> Vec<Sign> {
        let sign = |source, subject: &str, saw| Sign {
            source,
            subject: subject.to_owned(),
            saw,
            detail: match saw {
                Saw::Well => "answers".to_owned(),
                Saw::Ill => "does not answer".to_owned(),
                Saw::Nothing => "could not be looked at".to_owned(),
            },
        };
        let mut signs = vec![sign(Source::Apis, &format!("RDS in {}", self.env.primary_region), apis)];
        signs.extend(self.env.databases.iter().map(|database| sign(Source::Databases, &database.id, databases)));
        let urls = self.env.health.as_ref().map(|health| health.urls.as_slice()).unwrap_or_default();
        signs.extend(urls.iter().map(|url| sign(Source::Addresses, url, addresses)));
        if urls.is_empty() {
            signs.push(sign(Source::Addresses, "the platform", addresses));
        }
        signs
    }
}
