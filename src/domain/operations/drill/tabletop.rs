//! The tabletop: people decide, inject by inject, what they would do. What they decide about is a twin, made of readings; no step of
//! it can change AWS.

use super::{
    super::draft::{Draft, Head},
    Asked, Ended, Form, KIND, Plan, SEED,
};
use crate::domain::{
    drill::{checklist::CHECKLIST, tabletop},
    step::{self, Consent},
};

pub(super) fn plan(asked: &Asked<'_>) -> Result<Plan, Vec<String>> {
    let env = asked.environment;
    let seed = asked.command.values().read(SEED).unwrap_or_else(|| number(&asked.id.0));
    let mut draft = Draft::default();
    draft.fact("Seed", seed.to_string());
    draft.note("It is played on a twin that is made of readings: no step of it can change AWS, and what happens to the twin is made up.");
    draft.note("An inject comes at T-0, +5, +15, +30, +45 and +60 min, below the card; its buttons decide. What the assessment of a failover says of the twin is the measure.");
    draft.note("It tries decisions, not hands: no command works on the twin.");
    let mut last = draft.step(
        format!("Read both sides of {}, and make a twin of it", env.name),
        vec![],
        step::TwinReport { region: env.primary_region.clone(), seed },
    );
    for (minute, stage) in CHECKLIST {
        let at = if minute == 0 { "T-0".to_owned() } else { format!("T+{minute}") };
        last = draft.step(
            format!("{at}: {stage}"),
            vec![last],
            step::WaitForPeople {
                question: format!(
                    "{at}, {stage}: decide by the buttons below the card. Continue passes on without a decision."
                ),
                rule: None,
                consent: Consent::Look,
            },
        );
    }
    let scope = Form::Tabletop.word().to_owned();
    draft.finish(Head { kind: KIND, environment: env, scope, tenant: None, retention_days: None })
}

/// The seed of whoever names none: the number of the operation.
fn number(id: &str) -> u32 {
    id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

pub(super) fn done(ended: &Ended<'_>) -> String {
    tabletop::told(ended.run)
}
