//! An export compared with what is live, by value: what differs, what is missing, what came since. Names are told; no value is
//! in any text.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    super::{
        background::Outcome,
        secrets::{self, Live},
        session::Session,
        ssm,
    },
    At, Look, bulk,
    exported::{self, Reader},
    restore_parameters, restore_secrets,
    verify_secrets::listed,
};
use crate::{
    domain::{
        attachment::{Attachment, Report, Table},
        step::{CompareExport, Holding, Outputs},
        text::{count, escape},
    },
    ports::cloud::{CloudError, Progress},
};

/// More rows than this are counted, not shown.
const ROWS: usize = 50;

/// How one thing of an export stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Same,
    Differs,
    Missing,
    Doomed,
}

impl Look for CompareExport {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let reader = Reader { session: at.elsewhere(&self.export.region).await, call: at.call.clone() };
        let what = self.clone();
        at.watch(|session, _, _| compare(session, reader, what))
    }
}

async fn compare(session: Arc<Session>, reader: Reader, what: CompareExport) -> Outcome {
    let (noun, found) = match what.export.holds {
        Holding::Secrets => ("secret", of_secrets(&session, &reader, &what).await?),
        Holding::Config => ("parameter", of_parameters(&session, &reader, &what).await?),
    };
    if found.is_empty() {
        let name = what.export.name.as_deref().unwrap_or(&what.export.prefix);
        let reason = format!(
            "The export {} holds no {noun} {name}. Choose another: `/bbws backup list {} {}`.",
            what.export.key,
            reader.call.environment.name,
            if what.export.holds == Holding::Secrets { "secrets" } else { "config" }
        );
        return Ok(Progress::Refuted { reason, outputs: Outputs::new() });
    }
    let newer = match (&what.export.name, what.restored) {
        (None, false) => newer(&session, &what, &found).await?,
        _ => Vec::new(),
    };
    Ok(Compared { noun, found, newer }.told(&session.region, &what))
}

async fn of_secrets(
    session: &Session,
    reader: &Reader,
    what: &CompareExport,
) -> Result<Vec<(String, Standing)>, CloudError> {
    let exported = exported::secrets(reader, &what.export).await?;
    let standing = |index: usize| {
        let wanted = &exported[index];
        async move {
            Ok(match secrets::value(session, &wanted.name).await? {
                Live::Missing => Standing::Missing,
                Live::Doomed => Standing::Doomed,
                Live::Value { string, binary, .. }
                    if restore_secrets::is_equal(wanted, string.as_ref(), binary.as_ref()) =>
                {
                    Standing::Same
                }
                Live::Value { .. } | Live::Empty => Standing::Differs,
            })
        }
    };
    let found = bulk::each(&exported, standing).await?;
    Ok(exported.iter().map(|secret| secret.name.clone()).zip(found).collect())
}

async fn of_parameters(
    session: &Session,
    reader: &Reader,
    what: &CompareExport,
) -> Result<Vec<(String, Standing)>, CloudError> {
    let exported = exported::parameters(reader, &what.export).await?;
    let standing = |index: usize| {
        let wanted = &exported[index];
        async move {
            let Some(live) = restore_parameters::value(session, &wanted.name).await? else {
                return Ok(Standing::Missing);
            };
            let same = restore_parameters::clear(session, wanted).await? == live;
            Ok(if same { Standing::Same } else { Standing::Differs })
        }
    };
    let found = bulk::each(&exported, standing).await?;
    Ok(exported.iter().map(|parameter| parameter.name.clone()).zip(found).collect())
}

/// What is live and not in the export: it stays as it is.
async fn newer(
    session: &Session,
    what: &CompareExport,
    found: &[(String, Standing)],
) -> Result<Vec<String>, CloudError> {
    let known: BTreeSet<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    let live = match what.export.holds {
        Holding::Secrets => secrets::names(session, &what.export.prefix).await?,
        Holding::Config => ssm::names(session, &what.export.prefix).await?,
    };
    Ok(live.into_iter().filter(|name| !known.contains(name.as_str())).collect())
}

struct Compared {
    noun: &'static str,
    found: Vec<(String, Standing)>,
    newer: Vec<String>,
}

impl Compared {
    fn names(&self, standing: Standing) -> Vec<String> {
        self.found.iter().filter(|(_, found)| *found == standing).map(|(name, _)| name.clone()).collect()
    }

    fn told(&self, region: &str, what: &CompareExport) -> Progress {
        let [same, differs, missing, doomed] =
            [Standing::Same, Standing::Differs, Standing::Missing, Standing::Doomed].map(|s| self.names(s));
        let numbers = [
            ("same", same.len()),
            ("differs", differs.len()),
            ("missing", missing.len()),
            ("doomed", doomed.len()),
            ("newer", self.newer.len()),
        ];
        let mut outputs: Outputs = numbers.into_iter().map(|(name, n)| (name.to_owned(), n.to_string())).collect();
        let mut detail = format!("{}: {} as in the export", count(self.found.len(), self.noun), same.len());
        let parts = [
            ("with another value", &differs),
            ("missing", &missing),
            ("scheduled for deletion", &doomed),
            ("not in the export", &self.newer),
        ];
        for (how, names) in parts {
            if !names.is_empty() {
                detail.push_str(&format!("; {how}: {}", listed(names)));
            }
        }
        if what.restored {
            let lacking: Vec<String> =
                differs.iter().chain(&doomed).chain(missing.iter().filter(|_| what.create)).cloned().collect();
            if !lacking.is_empty() {
                let reason = format!(
                    "{} in {region} not as in the export {}: {}. Look who writes them, then restore again.",
                    count(lacking.len(), self.noun),
                    what.export.key,
                    listed(&lacking)
                );
                return Progress::Refuted { reason, outputs };
            }
        } else {
            outputs.extend([self.report(what).to_output()]);
        }
        Progress::Done { outputs, detail }
    }

    /// What bringing it back would change, for whoever is asked whether it shall be.
    fn report(&self, what: &CompareExport) -> Report {
        let word = |standing: &Standing| match standing {
            Standing::Same => "as in the export: stays",
            Standing::Differs => "another value: the one of the export comes back",
            Standing::Missing if what.create => "missing: is created",
            Standing::Missing => "missing: stays so",
            Standing::Doomed => "scheduled for deletion: has to be taken back first",
        };
        let mut rows: Vec<Vec<String>> = self
            .found
            .iter()
            .filter(|(_, s)| *s != Standing::Same)
            .map(|(n, s)| vec![n.clone(), word(s).to_owned()])
            .collect();
        rows.extend(self.newer.iter().map(|name| vec![name.clone(), "not in the export: stays".to_owned()]));
        let more = rows.len().saturating_sub(ROWS);
        rows.truncate(ROWS);
        if more > 0 {
            rows.push(vec![format!("{more} more"), String::new()]);
        }
        let differing = self.names(Standing::Differs).len();
        let text = format!(
            "*{}* against what is live: {} of {} with another value. No value is shown.",
            escape(&what.export.key),
            differing,
            count(self.found.len(), self.noun)
        );
        let table = (!rows.is_empty()).then(|| Table {
            caption: format!("What differs from {}", what.export.key),
            columns: ["Name", "Live"].map(str::to_owned).to_vec(),
            rows,
            offers: Vec::new(),
        });
        Report { text, attachment: Attachment { table, ..Attachment::default() }, breaches: Vec::new() }
    }
}
