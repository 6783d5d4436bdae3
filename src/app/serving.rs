//! `dr failover … --validate`: whether the platform serves where it runs, line by line, and what to do about what is not well.

use super::{
    desk::{Desk, say},
    list::unreadable,
};
use crate::{
    domain::{
        command::Command,
        readiness::Found,
        serving::{Looked, Serves},
        text::{count, escape},
    },
    ports::{
        chat::{Attachment, Level, Reply, Table},
        store::StoreError,
    },
};

impl Desk {
    /// Answers it.
    pub(super) async fn dr_validate(&self, command: &Command, by: &str) -> Result<Reply, StoreError> {
        let name = command.environment().unwrap_or_default();
        let Some((config, active)) = self.planner.standing(name).await? else {
            return Ok(say(Level::Error, format!("There is no environment `{}`.", escape(name))));
        };
        let looked = match self.planner.cloud().serving(&config, &active, by).await {
            Ok(looked) => looked,
            Err(error) => return Ok(unreadable(name, &error)),
        };
        let serves = Serves::of(&looked);
        let well = looked.iter().filter(|look| look.well()).count();
        let mut lines = vec![format!(
            "*{}*: `{}` in {}, where it runs: {well} of {} are as they have to be, as of {}.",
            serves.word(),
            escape(name),
            config.region(active.side),
            count(looked.len(), "look"),
            self.clock.now().clock()
        )];
        lines.extend(looked.iter().filter_map(amiss));
        let level = match serves {
            Serves::Valid => Level::Success,
            Serves::NotValid => Level::Error,
            Serves::Unknown => Level::Warning,
        };
        let table = Table {
            caption: format!("Validation of {name}"),
            columns: ["Looked at", "State", "Found"].map(str::to_owned).to_vec(),
            rows: looked.iter().map(row).collect(),
            offers: Vec::new(),
        };
        let attachment = Attachment { table: Some(table), ..Attachment::default() };
        Ok(Reply { attachment, ..say(level, lines.join("\n")) })
    }
}

/// What is not well, with what to do.
fn amiss(look: &Looked) -> Option<String> {
    let (found, why) = match &look.found {
        Found::Ready(_) => return None,
        Found::Lacking(why) => ("", why),
        Found::Unknown(why) => (" is unknown", why),
    };
    let why = escape(why.trim_end_matches('.'));
    Some(format!("• {}{found}: {why}. {}", escape(&look.subject), escape(&look.next)))
}

fn row(look: &Looked) -> Vec<String> {
    let (state, detail) = match &look.found {
        Found::Ready(detail) => ("ok", detail),
        Found::Lacking(why) => ("NOT OK", why),
        Found::Unknown(why) => ("unknown", why),
    };
    vec![look.subject.clone(), state.to_owned(), detail.clone()]
}
