//! What a look into something restored came to: one line a check, and the verdict over all of them.

use crate::{
    domain::{
        attachment::{Attachment, Report, Table},
        step::Outputs,
        text::escape,
    },
    ports::cloud::Progress,
};

/// One thing that was looked at.
pub struct Check {
    /// What: `Encrypted`.
    pub name: String,
    /// What was found, for people.
    pub found: String,
    /// Whether it is as it has to be.
    pub holds: bool,
}

impl Check {
    /// A check with its answer.
    pub fn new(name: impl Into<String>, holds: bool, found: impl Into<String>) -> Check {
        Check { name: name.into(), found: found.into(), holds }
    }
}

/// What was compared with what.
pub struct Pair<'a> {
    /// The restored thing, as a sentence about it begins: `Instance x in af-south-1`.
    pub subject: String,
    /// Its name.
    pub restored: &'a str,
    /// The source's name.
    pub source: &'a str,
    /// It was looked at beside its source; otherwise by itself, since the source does not answer.
    pub compared: bool,
}

/// The verdict, with the report.
pub fn verdict(pair: &Pair<'_>, checks: &[Check], note: Option<&str>) -> Progress {
    let Pair { subject, restored, source, compared } = pair;
    let failed: Vec<&Check> = checks.iter().filter(|check| !check.holds).collect();
    let counted = format!("{} of {} checks hold", checks.len() - failed.len(), checks.len());
    let breaches: Vec<String> = failed.iter().map(|check| format!("{}: {}", check.name, check.found)).collect();
    let beside = if *compared { "against" } else { "by itself, a copy of" };
    let mut text = format!("*{}* {beside} *{}*: {counted}.", escape(restored), escape(source));
    text.extend(note.map(|note| format!(" {note}")));
    let table = Table {
        caption: format!("Checks of {restored}"),
        columns: ["Check", "Found", "Holds"].map(str::to_owned).to_vec(),
        rows: checks
            .iter()
            .map(|check| vec![check.name.clone(), check.found.clone(), yes(check.holds).to_owned()])
            .collect(),
        offers: Vec::new(),
    };
    let attachment = Attachment { table: Some(table), ..Attachment::default() };
    let report = Report { text, attachment, breaches: breaches.clone() };
    let outputs = Outputs::from([report.to_output()]);
    if breaches.is_empty() {
        let detail = note.map_or_else(|| counted.clone(), |note| format!("{counted}. {note}"));
        return Progress::Done { outputs, detail };
    }
    Progress::Refuted {
        reason: format!(
            "{subject} is not what {source} has to be restorable to: {}. Look at the report; back up and test again.",
            breaches.join("; ")
        ),
        outputs,
    }
}

/// For people.
pub fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}
