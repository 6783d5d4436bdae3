//! People as Slack knows them, and whether they may act at all.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One human being, whichever of their Slack identities is used: the Enterprise Grid user id where there is one,
/// the Slack user id otherwise. Nobody counts twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub String);

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What Slack answered when asked who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Slack user id.
    pub user: String,
    /// Workspace the account belongs to.
    pub team: Option<String>,
    /// Enterprise Grid user id.
    pub enterprise_user: Option<String>,
    /// Workspaces of the Enterprise Grid that the person is a member of.
    pub enterprise_teams: Vec<String>,
    /// Account deactivated.
    pub deleted: bool,
    /// A bot, or Slackbot.
    pub bot: bool,
    /// Single- or multi-channel guest.
    pub guest: bool,
    /// Member of another organisation in a shared channel.
    pub stranger: bool,
    /// Invited but not yet joined.
    pub invited: bool,
}

impl Profile {
    /// The human behind the account.
    pub fn person(&self) -> PersonId {
        PersonId(self.enterprise_user.clone().unwrap_or_else(|| self.user.clone()))
    }

    /// Whether an id is one of this person's: the account's own, or the one they have across an Enterprise Grid. Configs
    /// and user groups name either.
    pub fn is(&self, id: &str) -> bool {
        self.user == id || self.enterprise_user.as_deref() == Some(id)
    }

    /// Whether the person is a member of one of these workspaces. On an Enterprise Grid `team` is only one of several.
    fn belongs(&self, teams: &[String]) -> bool {
        let named = || self.team.iter().chain(&self.enterprise_teams);
        named().next().is_none() || named().any(|team| teams.contains(team))
    }

    /// Why this account gets nothing but a sentence, if it does.
    pub fn barred(&self, teams: &[String]) -> Option<&'static str> {
        if self.deleted {
            Some("this account is deactivated")
        } else if self.bot || self.user == "USLACKBOT" {
            Some("bots may not use this app")
        } else if self.guest {
            Some("guests may not use this app")
        } else if self.stranger || !self.belongs(teams) {
            Some("members of other workspaces may not use this app")
        } else if self.invited {
            Some("this account has not joined the workspace yet")
        } else {
            None
        }
    }
}

/// A verified person with the roles they hold now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The human.
    pub person: PersonId,
    /// The Slack account they acted with.
    pub user: String,
    /// Names of the roles they hold.
    pub roles: Vec<String>,
}
