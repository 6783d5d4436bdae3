//! Who may ask at all, by what a payload itself says: the workspace, the app, the command's name.

use super::{Asked, text::shown};
use crate::{
    app::inbound::{Envelope, Refusal},
    domain::moment::Moment,
};

/// What the config says of where requests may come from.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Workspaces whose members may act.
    pub teams: Vec<String>,
    /// Ids of the Slack apps that may call; any when empty.
    pub apps: Vec<String>,
    /// Name of the slash command, with its slash.
    pub command: String,
}

impl Rules {
    /// The request as the product takes it in, or why it is turned away. `id` is unique to the request.
    ///
    /// # Errors
    /// The refusal, with the sentence for the person.
    #[expect(
        clippy::result_large_err,
        reason = "a refusal is written down whole, and there is one for each request at the most"
    )]
    pub fn judge(&self, asked: Asked, id: String, at: Moment) -> Result<Envelope, Refusal> {
        let why = self.barred(&asked).or_else(|| self.misnamed(&asked)).or_else(|| shared(&asked));
        let Asked { via, user, mut teams, channel, thread, what, .. } = asked;
        teams.truncate(1);
        let team = teams.pop().unwrap_or_default();
        match why {
            Some(why) => Err(Refusal { id, via, user, team, channel, at, why }),
            None => Ok(Envelope { id, via, user, team, channel, thread, at, what }),
        }
    }

    /// Why somebody of these workspaces, calling through this app, may not act; in a sentence. On an Enterprise Grid a
    /// payload does not say which workspaces somebody is a member of: Slack is asked that, as it is asked of everybody.
    fn barred(&self, asked: &Asked) -> Option<String> {
        let foreign = asked.teams.iter().find(|team| !self.teams.contains(team));
        if let Some(team) = foreign.filter(|_| !asked.grid) {
            let team = shown(team);
            return Some(format!(
                "Members of workspace `{team}` may not use this app. Nothing was done. Whoever runs bbws can add the \
                 workspace to `teams` in its configuration."
            ));
        }
        if !self.apps.is_empty() && !self.apps.contains(&asked.app) {
            let app = shown(&asked.app);
            return Some(format!(
                "This came through Slack app `{app}`, which bbws does not answer. Nothing was done. Whoever runs bbws \
                 can add the app to `apps` in its configuration."
            ));
        }
        None
    }

    fn misnamed(&self, asked: &Asked) -> Option<String> {
        let theirs = asked.command.as_ref().filter(|theirs| **theirs != self.command)?;
        let (ours, theirs) = (&self.command, shown(theirs));
        Some(format!("bbws answers to `{ours}` and not to `{theirs}`. Nothing was done. Type `{ours} help`."))
    }
}

fn shared(asked: &Asked) -> Option<String> {
    asked.shared.then(|| {
        "bbws does not work in channels shared with other organisations. Nothing was done. Ask in a channel of your own."
            .to_owned()
    })
}
