//! Everything at once into live, while an incident is open: all of it is ready and was looked at before anything changes, and then
//! one thing after the other takes the place of what is there. The next one is not touched before the one before it is proved.

use super::{
    super::{Asked, Known},
    database::{Subject, Validated},
    files, gates,
    live::Exchange,
    objects,
    path::Path,
    secrets,
};
use crate::domain::{
    mark::MarkKind,
    point::Point,
    step::{Export, Origin, Versions},
    text::count,
};

/// One thing that is ready beside what is live, or known to come back.
pub(super) enum Ready<'a> {
    /// A database, or one tenant's tables in it.
    Database { subject: Subject<'a>, instance: String, validated: Validated },
    /// A folder of a file system.
    Folder { files: &'a str, folder: String, compared: usize },
    /// Secrets or parameters.
    Export { point: &'a Point, export: Export, compared: usize },
    /// Objects of a bucket.
    Bucket { versions: Versions, listed: usize },
}

/// Writes down within which incident everything of the environment is replaced.
///
/// # Errors
/// When none is open.
pub(super) fn within_an_incident(path: &mut Path<'_>, known: &Known) -> Result<(), Vec<String>> {
    let env = &path.env.name;
    let open = known.marks.iter().filter(|mark| mark.kind == MarkKind::Room && mark.environment == *env);
    let Some(open) = open.min_by_key(|mark| mark.at) else {
        let ticket = path.ask.ticket().unwrap_or("INC-123");
        return Err(vec![format!(
            "Everything of `{env}` goes into live only while an incident is open there, so that everybody who has a duty knows of it. Declare it, then ask again: `/bbws dr declare {env} --ticket {ticket} what happened`."
        )]);
    };
    path.draft.fact("Incident", format!("{} is open for {}", open.note, open.subject));
    Ok(())
}

/// Adds everything from the look at what is ready to its last proof.
///
/// # Errors
/// Why it cannot be done.
pub(super) fn go_live(
    path: &mut Path<'_>,
    asked: &Asked<'_>,
    known: &Known,
    ready: Vec<Ready<'_>>,
) -> Result<(), Vec<String>> {
    let Some(prepared) = path.gate.last().copied() else { return Ok(()) };
    path.draft.note("Nothing that is live changes before all of it is ready and somebody has looked at it. Then one thing after the other is backed up, agreed to, changed and proved; where one of them is not as it should be, those after it are not touched. Roll back takes back everything that was changed by then, the last first.");
    if path.ask.tenant().is_none() {
        path.draft.note("Objects, secrets and parameters that came since the moment stay; whoever has open connections or cached values keeps them until they ask again.");
    }
    let in_place = ready.iter().any(|part| !matches!(part, Ready::Database { .. }));
    // A tenant's tables are looked at where they lie beside the live ones: that look is the one for all of it.
    let tables = path.ask.tenant().is_some() && matches!(ready.first(), Some(Ready::Database { .. }));
    if !tables {
        path.health_notes();
        let question = format!(
            "Everything that comes back is ready, {} of it: this thread says what was found. Continue backs up the first and asks for its cutover; each of the others is asked for by itself.",
            count(ready.len(), "part"),
        );
        let looked = gates::look(path, prepared, question);
        path.looked = Some(looked);
    }
    for part in ready {
        path.draft.part();
        let proved = take_place(part, path, asked, known, prepared)?;
        path.looked = proved.or(path.looked);
    }
    if let Some(last) = path.looked.filter(|_| in_place) {
        path.health(last);
    }
    Ok(())
}

/// Adds what puts one thing into the place of what is live; the last step of it.
fn take_place(
    part: Ready<'_>,
    path: &mut Path<'_>,
    asked: &Asked<'_>,
    known: &Known,
    prepared: usize,
) -> Result<Option<usize>, Vec<String>> {
    match part {
        Ready::Database { subject, instance, validated } => match (&subject.tenancy, subject.live) {
            (Some(tenancy), _) => {
                let from = Origin::Instance { instance };
                tenancy.go_live(path, asked, known, from, vec![validated.step, prepared]).map(Some)
            }
            (None, Some(live)) => {
                let (env, operation) = (asked.environment, asked.id.0.as_str());
                let database = subject.database;
                let exchange = Exchange { env, database, live, instance: &instance, operation, at: asked.at };
                Ok(Some(exchange.plan(path, known, &validated)))
            }
            // What is not there is refused already.
            (None, None) => Ok(None),
        },
        Ready::Folder { files, folder, compared } => Ok(files::swap(path, asked, known, (files, &folder), compared)),
        Ready::Export { point, export, compared } => {
            Ok(secrets::bring_back(path, asked, known, (point, export), compared))
        }
        Ready::Bucket { versions, listed } => Ok(Some(objects::bring_back(path, asked, known, versions, listed))),
    }
}
