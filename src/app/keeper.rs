//! Holds the ledger against what lies outside of it: AWS, which knows what was asked for in its name, and those who keep what
//! it published of its audit chain.
//!
//! A ledger can go back in time: an older copy is put back, a replica that lagged is promoted. It would give the ids of its
//! earlier life again, and find in AWS what that life had made. So it is compared at the start with the operations that the
//! recovery points in AWS name: where AWS knows of newer ones, the ledger goes on after them, under a new name, and says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use super::{change::SELF, wake::Wake};
use crate::{
    domain::{environment::Environment, moment::Moment, point::PointQuery, text::escape},
    ports::{
        alert::Topic,
        chat::{Attachment, Level},
        clock::Clock,
        cloud::Cloud,
        store::{AuditEntry, Commit, Filter, Incarnation, Notice, Renewal, Store, StoreError},
    },
};

/// Points are of operations that were asked for a while before.
const BEFORE: Duration = Duration::from_secs(86_400);
/// AWS is asked again this long after it did not answer.
const AGAIN: Duration = Duration::from_secs(60);
/// As often the head of the audit chain is published; the day is part of the message's key.
const DAY: Duration = Duration::from_secs(86_400);
/// The first time, this long after the start.
const SETTLED: Duration = Duration::from_secs(300);

/// Compares and publishes.
pub struct Keeper {
    store: Arc<dyn Store>,
    cloud: Arc<dyn Cloud>,
    clock: Arc<dyn Clock>,
    wake: Arc<Wake>,
    environments: BTreeMap<String, Arc<Environment>>,
    /// Environments that are still to be read.
    unread: Mutex<BTreeSet<String>>,
    /// When the head is published next, in milliseconds since the epoch.
    publish: AtomicI64,
}

/// What AWS was found to know of: the highest number per prefix, and where it was seen.
type Known = BTreeMap<String, (i64, BTreeSet<String>)>;

impl Keeper {
    /// One that has compared nothing yet.
    pub fn new(
        store: Arc<dyn Store>,
        cloud: Arc<dyn Cloud>,
        clock: Arc<dyn Clock>,
        wake: Arc<Wake>,
        environments: BTreeMap<String, Arc<Environment>>,
    ) -> Keeper {
        let unread = Mutex::new(environments.keys().cloned().collect());
        let publish = AtomicI64::new((clock.now() + SETTLED).0);
        Keeper { store, cloud, clock, wake, environments, unread, publish }
    }

    /// Does what is due; answers when to come again.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn turn(&self) -> Result<Moment, StoreError> {
        let unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !unread.is_empty() {
            self.compare(unread).await?;
        }
        // Ids are given from now on, even where AWS did not answer: a backup in an outage has to be possible.
        self.wake.compared.open();
        let now = self.clock.now();
        let publish = Moment(self.publish.load(Ordering::Relaxed));
        let next = if publish <= now {
            self.publish_head().await?;
            let next = now + DAY;
            self.publish.store(next.0, Ordering::Relaxed);
            next
        } else {
            publish
        };
        let all = self.unread.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        Ok(if all { next } else { next.min(now + AGAIN) })
    }

    /// Reads what recovery points there are since the ledger's newest operation, and goes on after the operations they name.
    async fn compare(&self, unread: BTreeSet<String>) -> Result<(), StoreError> {
        let newest = self.store.list(&Filter { limit: 1, ..Filter::default() }).await?.into_iter().next();
        let since = newest.as_ref().map(|op| op.created - BEFORE);
        let mut known = Known::new();
        for environment in unread.iter().filter_map(|name| self.environments.get(name)) {
            let query = PointQuery { since, ..PointQuery::default() };
            let mut named: Vec<String> = Vec::new();
            let mut page = |points: Vec<crate::ports::cloud::Point>| {
                named.extend(points.into_iter().filter_map(|point| point.operation));
            };
            let missing = match self.cloud.points(environment, &query, SELF, &mut page).await {
                Ok(left_out) => left_out.unread,
                Err(error) => vec![error.to_string()],
            };
            for (prefix, number) in named.iter().filter_map(|id| numbered(id)) {
                let found = known.entry(prefix.to_owned()).or_default();
                found.0 = found.0.max(number);
                found.1.insert(environment.name.clone());
            }
            if missing.is_empty() {
                self.unread.lock().unwrap_or_else(PoisonError::into_inner).remove(&environment.name);
            } else {
                let missing = missing.join(" ");
                tracing::warn!(
                    environment = environment.name,
                    missing,
                    "the ledger could not be compared with all of AWS"
                );
            }
        }
        let numbers = self.store.numbers().await?;
        known.retain(|prefix, (number, _)| *number > numbers.get(prefix).copied().unwrap_or(0));
        if known.is_empty() {
            return Ok(());
        }
        match self.store.commit(self.renewal(&known, &numbers, newest.is_none())).await {
            // Another replica was quicker.
            Err(StoreError::Conflict) => Ok(()),
            other => other,
        }
    }

    fn renewal(&self, known: &Known, numbers: &BTreeMap<String, i64>, fresh: bool) -> Commit {
        let now = self.clock.now();
        let name = Incarnation::of(rand::random());
        let spoken = |last: &dyn Fn(&String, i64) -> i64| -> String {
            let ids = known.iter().map(|(prefix, (number, _))| format!("{prefix}-{}", last(prefix, *number)));
            ids.collect::<Vec<_>>().join(", ")
        };
        let aws = spoken(&|_, number| number);
        let own = spoken(&|prefix, _| numbers.get(prefix).copied().unwrap_or(0));
        let detail = json!({"ledger": name.as_str(), "in_aws": aws, "in_the_ledger": own});
        tracing::warn!(aws, own, ledger = %name, "AWS knows of newer operations than the ledger; it goes on after them");
        let mut commit = Commit {
            renewal: Some(Renewal {
                name: name.clone(),
                why: format!("AWS knows of {aws}"),
                given: known.iter().map(|(prefix, (number, _))| (prefix.clone(), *number)).collect(),
            }),
            audit: vec![AuditEntry {
                at: now,
                actor: SELF.to_owned(),
                action: "behind".to_owned(),
                operation: None,
                detail: detail.clone(),
            }],
            ..Commit::default()
        };
        // A ledger that begins is expected to know nothing: nobody has to be woken.
        if fresh {
            return commit;
        }
        let text = format!(
            "*The ledger is older than AWS.* AWS holds recovery points of operations up to {}; the ledger knew of {}. Most likely an \
             older copy of it was put back, or a replica that had lagged was promoted. None of them is taken for what is done from \
             now on, and ids go on after them. What ran in between is not in this ledger: look for what is still under way in AWS, \
             and at what there is with `/bbws backup list`, before you ask for more.",
            escape(&aws),
            escape(&own)
        );
        let concerned: BTreeSet<&String> = known.values().flat_map(|(_, seen)| seen).collect();
        for environment in concerned {
            let key = format!("ledger-{name}");
            commit.notices.push(Notice::Channel {
                environment: environment.clone(),
                key: key.clone(),
                level: Level::Warning,
                text: text.clone(),
                attachment: Attachment::default(),
            });
            commit.notices.push(Notice::Publish {
                environment: environment.clone(),
                topic: Topic::OpsWarning,
                key: format!("{environment}-{key}"),
                subject: format!("bbws: the ledger is older than AWS ({environment})"),
                body: detail.clone(),
            });
        }
        commit
    }

    /// Publishes where the audit chain ends, in every environment's account, for whoever archives the topic: a chain that was
    /// written anew does not have that entry any more.
    async fn publish_head(&self) -> Result<(), StoreError> {
        let (head, ledger) = (self.store.head().await?, self.store.incarnation().await?);
        if head.seq == 0 {
            return Ok(());
        }
        let day = self.clock.now().yyyymmdd();
        let body = json!({"event": "audit.head", "ledger": ledger.as_str(), "seq": head.seq, "hash": head.hash});
        let notice = |environment: &String| Notice::Publish {
            environment: environment.clone(),
            topic: Topic::BackupStatus,
            key: format!("audit-head-{environment}-{day}-{ledger}"),
            subject: format!("bbws audit head: {} entries", head.seq),
            body: body.clone(),
        };
        let notices = self.environments.keys().map(notice).collect();
        self.store.commit(Commit { notices, ..Commit::default() }).await?;
        self.wake.announcer.notify_one();
        Ok(())
    }
}

/// Prefix and number of an operation's id; nothing for what is none.
fn numbered(id: &str) -> Option<(&str, i64)> {
    let (prefix, number) = id.split_once('-')?;
    let letters = prefix.len() == 2 && prefix.bytes().all(|b| b.is_ascii_lowercase());
    let digits = number.len() <= 12 && number.bytes().all(|b| b.is_ascii_digit());
    let number = number.parse().ok().filter(|_| letters && digits)?;
    Some((prefix, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_operations_count() {
        assert_eq!(numbered("bk-1042"), Some(("bk", 1042)));
        for other in ["", "bk-", "bk-x", "BK-1", "bkp-1", "bk-1-2", "bk--1", "bk-9999999999999", "bk-+1"] {
            assert_eq!(numbered(other), None, "{other}");
        }
    }
}
