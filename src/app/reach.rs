//! People say when they can approve, by one tap, and are asked that once a week.

use serde_json::json;

use super::{
    authority::Freshness,
    desk::{Desk, Inquiry, say},
};
use crate::{
    domain::{
        approval::ANY_ROLE,
        principal::{PersonId, Principal},
        reach::{self, EVERYWHERE, Question, When},
    },
    ports::{
        chat::{Attachment, Level, Reply},
        store::{AuditEntry, Commit, MarkKind, Notice, StoreError},
    },
};

impl Desk {
    /// Somebody says when they can approve.
    pub(super) async fn can_approve(&self, ask: &Inquiry, when: Option<When>) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let Some(when) = when else {
            let text = format!("Say when: {}. Nothing was done.", When::WORDS.join(", "));
            return self.refuse_ask(ask, say(Level::Error, text)).await;
        };
        let now = self.clock.now();
        let reply = say(
            Level::Success,
            match when {
                When::Always => "Written down for a week: you can approve at any hour.",
                When::Days => "Written down for a week: you can approve from Monday to Friday, 06 to 18 UTC.",
                When::Never => {
                    "Written down for a week: you cannot approve. You still may, if you are there after all."
                }
            },
        );
        let audit = AuditEntry {
            at: now,
            actor: by.user.clone(),
            action: "reach".to_owned(),
            operation: None,
            detail: json!({"when": when, "roles": by.roles}),
        };
        self.answer_with(ask, reply, audit, vec![reach::said(&by.user, when, &by.roles, now)]).await
    }

    /// Asks everybody in a role once a week, whichever process does it.
    pub(super) async fn ask_who_can_approve(&self) -> Result<(), StoreError> {
        let moves = self.planner.environments().any(|environment| environment.replicates());
        if !moves {
            return Ok(());
        }
        let marks = self.store.marks(EVERYWHERE, Some(MarkKind::Reach)).await?;
        let (mark, notices) = match reach::question(&marks, self.clock.now()) {
            Question::Quiet => return Ok(()),
            Question::Begins(mark) => (mark, Vec::new()),
            Question::Due(before, mark) => {
                let nobody = Principal { person: PersonId(String::new()), user: String::new(), roles: Vec::new() };
                let whom = self.authority.mentions(ANY_ROLE, &nobody).join(" ");
                let notice = Notice::Post {
                    channel: self.ops_channel.clone(),
                    // Two processes that ask at the same moment ask the same.
                    key: format!("approvers-since-{}", before.0),
                    level: Level::Info,
                    text: format!("{whom} {}", reach::ASKS),
                    attachment: Attachment { offers: reach::offers(), ..Attachment::default() },
                };
                (mark, vec![notice])
            }
        };
        match self.store.commit(Commit { marks: vec![mark], notices, ..Commit::default() }).await {
            Err(StoreError::Conflict) => Ok(()),
            other => {
                self.wake.announcer.notify_one();
                other
            }
        }
    }
}
