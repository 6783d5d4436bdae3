//! App Home, drawn anew for those who looked at it lately: at once when they open it or press something on it, and now and then while
//! things change. Who looks is remembered by this process alone, since whoever opens it again is drawn it again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    authority::{Denied, Freshness},
    desk::Desk,
};
use crate::{
    domain::{
        answers::home::{self, Home},
        moment::Moment,
    },
    ports::{chat::ChatError, store::StoreError},
};

/// For how long after it was opened it is kept up to date.
const LOOKS_FOR: Duration = Duration::from_secs(1800);
/// It is drawn anew at most this often where nobody did anything on it.
const EVERY: Duration = Duration::from_secs(20);
/// People it is kept up to date for. Slack takes a hundred of them a minute, and forms come out of the same purse.
const MOST: usize = 20;
/// Slack is not waited for any longer: the next turn tries again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who looks at App Home.
#[derive(Default)]
pub struct Homes {
    lookers: Mutex<BTreeMap<String, Looker>>,
    nudge: Notify,
}

/// Somebody who looks.
#[derive(Debug, Clone, Default)]
struct Looker {
    opened: Moment,
    /// It is drawn whatever it shows: they opened it, or pressed something on it.
    wanted: bool,
    /// Not before then.
    due: Moment,
    shown: Option<Shown>,
}

/// What stands there as far as is known.
#[derive(Debug, Clone)]
struct Shown {
    drawn_from: Vec<String>,
    hash: String,
}

impl Homes {
    /// Somebody opens it.
    pub(super) fn opened(&self, user: &str, now: Moment) {
        let mut lookers = self.lookers.lock().unwrap_or_else(PoisonError::into_inner);
        let looker = lookers.entry(user.to_owned()).or_default();
        (looker.opened, looker.wanted, looker.due) = (now, true, now);
        while lookers.len() > MOST {
            let oldest = lookers.iter().min_by_key(|(_, looker)| looker.opened).map(|(user, _)| user.clone());
            oldest.and_then(|user| lookers.remove(&user));
        }
        self.nudge.notify_one();
    }

    /// Somebody pressed something on it, or sent a form that was opened there.
    pub(super) fn pressed(&self, user: &str, now: Moment) {
        let mut lookers = self.lookers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(looker) = lookers.get_mut(user) {
            (looker.wanted, looker.due) = (true, looker.due.min(now));
            self.nudge.notify_one();
        }
    }

    /// Those for whom it is due; whoever looked long ago is let go of.
    fn due(&self, now: Moment) -> Vec<(String, Looker)> {
        let mut lookers = self.lookers.lock().unwrap_or_else(PoisonError::into_inner);
        lookers.retain(|_, looker| now.since(looker.opened) < LOOKS_FOR);
        let due = lookers.iter_mut().filter(|(_, looker)| looker.due <= now);
        let taken = |(user, looker): (&String, &mut Looker)| {
            let taken = looker.clone();
            looker.wanted = false;
            (user.clone(), taken)
        };
        due.map(taken).collect()
    }

    /// What became of it.
    fn settle(&self, user: &str, due: Moment, wanted: bool, shown: Option<Shown>) {
        let mut lookers = self.lookers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(looker) = lookers.get_mut(user) {
            // Opened again meanwhile, it stays due at once.
            looker.due = if looker.wanted { looker.due } else { due };
            looker.wanted |= wanted;
            looker.shown = shown;
        }
    }

    fn forget(&self, user: &str) {
        self.lookers.lock().unwrap_or_else(PoisonError::into_inner).remove(user);
    }

    fn next(&self) -> Option<Moment> {
        let lookers = self.lookers.lock().unwrap_or_else(PoisonError::into_inner);
        lookers.values().map(|looker| looker.due).min()
    }
}

impl Desk {
    /// Somebody opened App Home, or pressed something on it.
    pub async fn looked_at(&self) {
        self.homes.nudge.notified().await;
    }

    /// Draws App Home for those for whom it is due. Answers when it is due next; never where nobody looks.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn show_homes(&self) -> Result<Option<Moment>, StoreError> {
        let due = self.homes.due(self.clock.now());
        if !due.is_empty() {
            let environments = self.standing_now(None).await?;
            let known = self.known(&environments, home::wants(), None).await?;
            let drawn_from = home::drawn_from(&known);
            let each = due.into_iter().map(async |(user, looker)| {
                let same = looker.shown.as_ref().is_some_and(|shown| shown.drawn_from == drawn_from);
                if same && !looker.wanted {
                    return self.homes.settle(&user, self.clock.now() + EVERY, false, looker.shown);
                }
                let home = match self.authority.principal(&user, Freshness::Recent).await {
                    Ok(person) => Home::Open(Box::new(home::board(&known, &person))),
                    Err(Denied::Barred(sentence)) => Home::Shut(sentence),
                    Err(Denied::Unknown(_)) => Home::Shut(
                        "Slack does not say who you are just now. Open this again in a moment, or type `/bbws status`."
                            .to_owned(),
                    ),
                };
                self.show_home(&user, &home, drawn_from.clone(), looker.shown).await;
            });
            futures::future::join_all(each).await;
        }
        Ok(self.homes.next())
    }

    async fn show_home(&self, user: &str, home: &Home, drawn_from: Vec<String>, before: Option<Shown>) {
        let hash = before.as_ref().map(|shown| shown.hash.as_str()).filter(|hash| !hash.is_empty());
        let published = tokio::time::timeout(PATIENCE, self.chat.publish(user, home, hash)).await;
        let later = self.clock.now() + EVERY;
        match published {
            Ok(Ok(hash)) => self.homes.settle(user, later, false, Some(Shown { drawn_from, hash })),
            // Another process drew it meanwhile, or nobody knows what stands there: it is drawn whatever that is.
            Ok(Err(ChatError::Refused { code, .. })) if code == "hash_conflict" => {
                self.homes.settle(user, self.clock.now(), true, None);
            }
            Ok(Err(ChatError::RateLimited { after })) => {
                self.homes.settle(user, self.clock.now() + after.max(EVERY), true, before);
            }
            Ok(Err(error @ ChatError::Refused { .. })) => {
                tracing::warn!(user, error = &error as &dyn std::error::Error, "App Home is not shown");
                self.homes.forget(user);
            }
            Ok(Err(ChatError::Unknown { .. })) | Err(_) => self.homes.settle(user, later, true, None),
        }
    }
}
