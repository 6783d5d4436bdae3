//! What `bbws check` finds out about Slack, and what a start finds out about the blocks the workspace takes.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};

use super::{
    SlackChat,
    answers::{ChannelAnswer, WhoAmI},
    client::Failure,
    sample,
    support::{self, Support, Surface},
};
use crate::ports::{
    chat::{Chat, ChatError},
    check::CheckLine,
};

/// Before `blocks.validate` is asked again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

impl SlackChat {
    /// Whether the token is good.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn ready(&self) -> Result<(), ChatError> {
        self.client.get::<WhoAmI>("auth.test", Vec::new()).await?;
        Ok(())
    }

    /// One line for the token, each channel, each approver group (role and group id), and the blocks.
    pub async fn check(&self, channels: &[String], groups: &[(String, String)]) -> Vec<CheckLine> {
        let mut lines = vec![match self.client.get::<WhoAmI>("auth.test", Vec::new()).await {
            Ok(me) => CheckLine::good(
                "Slack token",
                format!("signed in as {} ({}) in {} ({})", me.user, me.user_id, me.team, me.team_id),
            ),
            Err(failure) => CheckLine::bad(
                "Slack token",
                advice(&failure, "set SLACK_BOT_TOKEN to the Bot User OAuth Token of the app"),
            ),
        }];
        for channel in channels {
            lines.push(self.check_channel(channel).await);
        }
        for (role, group) in groups {
            let what = format!("approvers of role {role} (group {group})");
            lines.push(match self.group_members(group).await {
                Ok(users) if users.is_empty() => {
                    CheckLine::bad(what, "the group is empty, so nobody can approve; add people to it")
                }
                Ok(users) => CheckLine::good(what, super::text::count(users.len(), "member")),
                Err(error @ ChatError::Refused { .. }) => {
                    CheckLine::bad(what, format!("{error}; give the app `usergroups:read` and correct the group id"))
                }
                Err(error) => CheckLine::unchecked(what, format!("{error}; run the check again")),
            });
        }
        lines.push(self.learn_blocks().await);
        lines
    }

    /// One line for the group that is called for each duty of an incident (duty and group id).
    pub async fn check_roster(&self, roster: &[(String, String)]) -> Vec<CheckLine> {
        let mut lines = Vec::new();
        for (duty, group) in roster {
            let what = format!("incident.roster: {duty} (group {group})");
            lines.push(match self.group_members(group).await {
                Ok(users) if users.is_empty() => {
                    CheckLine::bad(what, "the group is empty, so nobody is called; add people to it")
                }
                Ok(users) => CheckLine::good(what, super::text::count(users.len(), "member")),
                Err(error @ ChatError::Refused { .. }) => {
                    CheckLine::bad(what, format!("{error}; give the app `usergroups:read` and correct the group id"))
                }
                Err(error) => CheckLine::unchecked(what, format!("{error}; run the check again")),
            });
        }
        lines
    }

    async fn check_channel(&self, channel: &str) -> CheckLine {
        let what = format!("channel {channel}");
        match self.client.get::<ChannelAnswer>("conversations.info", vec![("channel", Some(channel.to_owned()))]).await
        {
            Ok(answer) if answer.channel.as_ref().is_some_and(|c| c.is_ext_shared || c.is_pending_ext_shared) => {
                CheckLine::bad(what, "it is shared with another organisation; choose a channel of your own")
            }
            Ok(answer) if answer.channel.as_ref().is_some_and(|c| c.is_archived || c.is_frozen) => CheckLine::bad(
                what,
                "it is archived, so nothing can be said in it; choose another channel or unarchive it",
            ),
            Ok(answer) if answer.channel.as_ref().is_some_and(|c| c.is_member == Some(false)) => CheckLine::good(
                what,
                "found; the app is not in it, so answers there go to people's own conversations: `/invite` it",
            ),
            Ok(_) => CheckLine::good(what, "found"),
            Err(failure) => CheckLine::bad(what, advice(&failure, "invite the app to the channel or correct its id")),
        }
    }

    /// Asks `blocks.validate` until it answers, at longer and longer intervals. Until then answers are drawn plainly.
    pub async fn learn(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let line = self.learn_blocks().await;
            if self.validated.load(Ordering::Relaxed) {
                tracing::info!(detail = line.detail, "it is known which blocks Slack takes");
                return;
            }
            tracing::warn!(detail = line.detail, again = ?pause, "Slack did not say which blocks it takes; answers are drawn plainly");
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Asks `blocks.validate` about a sample card and remembers which blocks the workspace takes in messages: the answer to
    /// a command cannot be sent again when Slack refuses its blocks. Not being able to ask is only a note.
    pub async fn learn_blocks(&self) -> CheckLine {
        let what = "Slack blocks";
        let known = |line| {
            self.validated.store(true, Ordering::Relaxed);
            line
        };
        // Each refusal leaves one kind of block fewer.
        for _ in 0..=7 {
            let support = self.support();
            let blocks = sample::blocks(support);
            let failure = match self
                .client
                .post::<Value>("blocks.validate", &json!({ "message": json!({ "blocks": blocks }).to_string() }))
                .await
            {
                Ok(_) if support == Support::on(Surface::Message) => {
                    return known(CheckLine::good(what, "a sample card is accepted"));
                }
                Ok(_) => {
                    let refused = support.refused(Surface::Message);
                    return known(CheckLine::good(
                        what,
                        format!(
                            "a sample card is accepted, but the workspace refuses {refused}: plainer blocks are used"
                        ),
                    ));
                }
                Err(failure) => failure,
            };
            let refused = matches!(&failure.error, ChatError::Refused { code, .. } if code == "invalid_blocks" || code == "invalid_message");
            if !refused {
                return CheckLine::unchecked(
                    what,
                    format!("{}. Answers are drawn plainly until Slack says which blocks it takes", failure.error),
                );
            }
            match support::plainer(support, "invalid_blocks", &failure.body, &blocks) {
                Some(Some(next)) => self.give_up(next),
                _ => {
                    return known(CheckLine::bad(
                        what,
                        "Slack refuses even the plain form of a sample card; messages would go out as text without buttons",
                    ));
                }
            }
        }
        known(CheckLine::good(what, "plain blocks are used"))
    }
}

/// What was wrong and what to do about it.
fn advice(failure: &Failure, otherwise: &str) -> String {
    let needed = failure.body["needed"].as_str().unwrap_or("the scope that is missing");
    match &failure.error {
        ChatError::Refused { code, .. } if code == "missing_scope" => {
            format!("{}; add `{needed}` to the app's bot scopes and reinstall it", failure.error)
        }
        ChatError::Refused { .. } => format!("{}; {otherwise}", failure.error),
        ChatError::RateLimited { .. } => format!("{}; run the check again then", failure.error),
        ChatError::Unknown { .. } => format!("{}; see that SLACK_API_URL can be reached from here", failure.error),
    }
}
