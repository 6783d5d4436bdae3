//! The gates of every restore into live: somebody looks at what was found, what is replaced is backed up, and others agree to the
//! cutover. What lies between them is the kind's own.

use super::{Ask, path::Path, scope};
use crate::domain::{
    environment::Environment,
    operations::{CUTOVER, Known},
    policy,
    step::{self, Consent},
};

/// Why there cannot be a cutover, whatever is restored; a sentence each.
pub(super) fn refusals(env: &Environment, ask: &Ask<'_>) -> Vec<String> {
    let lacks = env.name == super::PRODUCTION && ask.ticket().is_none();
    let why = "A restore into live in `prod` needs the ticket that asks for it: `--ticket INC-123`.";
    lacks.then(|| why.to_owned()).into_iter().collect()
}

/// Waits until somebody has looked at what these steps found; not again where that was at all of it at once.
pub(super) fn look(path: &mut Path<'_>, found: usize, question: String) -> usize {
    if let Some(looked) = path.looked {
        return looked;
    }
    let wait = step::WaitForPeople { question, rule: None, consent: Consent::Look };
    path.draft.step("Wait until somebody has looked at what was found", vec![found], wait)
}

/// Waits for those who agree to the cutover: whom its own rules name for the reach of this plan, or else those of a restore.
pub(super) fn agreed(
    path: &mut Path<'_>,
    known: &Known,
    after: Vec<usize>,
    title: impl Into<String>,
    question: String,
) -> usize {
    let (environment, scope) = (&path.env.name, path.scope);
    let own = policy::needs(&known.rules, CUTOVER, environment, scope);
    let needs = if own.is_empty() { policy::needs(&known.rules, super::KIND, environment, scope) } else { own };
    let wait = step::WaitForPeople { question, rule: Some(CUTOVER.to_owned()), consent: Consent::Others(needs) };
    path.draft.step(title, after, wait)
}

/// Measures once more what is replaced, once people have agreed to that: they were chosen by how large it was when it was planned.
/// The step that does, or the one before where there is no end to what they agreed to.
pub(super) fn measured(path: &mut Path<'_>, resource: &str, agreed: usize) -> usize {
    let scope = path.scope;
    let Some(most_gib) = scope::most_gib(scope) else { return agreed };
    let region = path.env.primary_region.clone();
    let measure = step::VerifyReach { region, resource: resource.to_owned(), scope: scope.to_owned(), most_gib };
    path.draft.step(format!("Look whether {resource} is still as large as was agreed to"), vec![agreed], measure)
}

/// What a person reads of a cutover that brings something back in place, where no health is watched after it.
pub(super) fn in_place(path: &mut Path<'_>) {
    if path.looked.is_some() {
        return;
    }
    path.draft.note(
        "Roll back on the card puts back what was live before; what somebody wrote anew since stays, and is told. Health is not watched after this cutover.",
    );
}
