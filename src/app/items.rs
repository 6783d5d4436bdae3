//! Action items of incidents: people take them, hand them over and say that they are done, and are asked after the others.

use serde_json::json;

use super::{
    authority::Freshness,
    change::{Change, SELF},
    decide::Attempt,
    desk::{Desk, Inquiry, say},
};
use crate::{
    domain::{
        incident::{Holder, item},
        moment::Moment,
        operation::{OpId, Run},
        text::{escape, one_line},
    },
    ports::{
        chat::{Attachment, Level, Reply},
        store::{Guard, MarkKind, StoreError},
    },
};

/// What somebody says of an item.
struct Said<'s> {
    by: &'s str,
    number: u32,
    /// Whose it is from now on; whoever says so where nobody is named.
    to: Option<&'s str>,
    done: bool,
}

impl Desk {
    /// Somebody takes an action item, hands it to somebody, or says that it is done.
    pub(super) async fn act_on_item(
        &self,
        ask: &Inquiry,
        id: &OpId,
        number: Option<u32>,
        to: Option<&str>,
        done: bool,
    ) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let to = to.map(one_line);
        if let Some(user) = to.as_deref().filter(|user| *user != by)
            && let Some(refusal) = self.cannot_hold(user).await
        {
            return self.refuse_ask(ask, refusal).await;
        }
        let said = Said { by: &by, number: number.unwrap_or_default(), to: to.as_deref(), done };
        self.attempt(ask, id, |run| said.of(run, self.clock.now())).await
    }

    /// Asks after the items that nobody was asked after for a week, each once, whichever process does it.
    pub(super) async fn ask_after_items(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for open in item::open(&self.store.marks_of(MarkKind::Item).await?) {
            if !open.due(now) {
                continue;
            }
            let Some(run) = self.store.load(&OpId(open.incident.clone())).await? else { continue };
            let mut change = Change::on(&run, now);
            change.audit(
                SELF,
                "asked_after",
                json!({"items": open.items.iter().map(|i| i.number).collect::<Vec<_>>()}),
            );
            let items = &mut change.op().incident.get_or_insert_default().items;
            items.iter_mut().for_each(|item| item.asked = now);
            change.mark(item::remembered(&change.run));
            let attachment = Attachment { offers: open.offers(), ..Attachment::default() };
            change.show(format!("items-{}", now.0), Level::Info, open.question(), attachment);
            match self.store.commit(change.commit(Guard::Version(run.version)).1).await {
                // Somebody said something of them meanwhile, or another process asked.
                Err(StoreError::Conflict) => {}
                other => {
                    other?;
                    self.wake.all();
                }
            }
        }
        Ok(())
    }
}

impl Said<'_> {
    fn of(&self, run: &Run, now: Moment) -> Attempt {
        let (id, number) = (&run.op.id, self.number);
        let Some(found) = item::of(run).iter().find(|item| item.number == number) else {
            let text = format!(
                "{id} has no action item {number}: `/bbws dr actions {}` shows those there are. Nothing was done.",
                escape(run.op.environment())
            );
            return Attempt::Refuse(say(Level::Error, text));
        };
        if let Some(done) = &found.done {
            let text =
                format!("Item {number} of {id} is done, <@{}> said so at {}.", done.user, done.since.day_and_clock());
            return Attempt::Refuse(say(Level::Info, text));
        }
        let owner = self.to.unwrap_or(self.by);
        if !self.done && found.owner.as_deref() == Some(owner) {
            let whose = if owner == self.by { "yours".to_owned() } else { format!("<@{owner}>'s") };
            return Attempt::Refuse(say(Level::Info, format!("Item {number} of {id} is {whose} already.")));
        }
        let before = found.owner.clone();
        let mut change = Change::on(run, now);
        let items = &mut change.op().incident.get_or_insert_default().items;
        for item in items.iter_mut().filter(|item| item.number == number) {
            if self.done {
                item.done = Some(Holder { user: self.by.to_owned(), since: now });
            } else {
                item.owner = Some(owner.to_owned());
            }
        }
        change.mark(item::remembered(&change.run));
        let detail = json!({"item": number, "done": self.done, "owner": owner, "before": before});
        change.audit(self.by, "item", detail);
        let (told, answer) = match (self.done, owner == self.by) {
            (true, _) => {
                (format!("Item {number} is done, says <@{}>.", self.by), format!("Item {number} of {id} is done."))
            }
            (false, true) => {
                (format!("<@{}> takes item {number}.", self.by), format!("Item {number} of {id} is yours."))
            }
            (false, false) => (
                format!("<@{owner}>, item {number} is yours: <@{}> says so.", self.by),
                format!("Item {number} of {id} is <@{owner}>'s."),
            ),
        };
        change.thread(format!("item-{number}-{}", now.0), Level::Info, told);
        Attempt::Change(Box::new(change), say(Level::Success, answer))
    }
}
