//! Cards in the rooms of incidents: whatever goes on in an environment while an incident of it is open is shown in its room as
//! well, with its buttons, and each edit of a card reaches the room.

use super::{
    announce::{Announcer, Edited, Sent},
    deliver::{Delivered, Place},
    letter::card_letter,
};
use crate::{
    domain::{
        incident,
        mirror::{mirror, mirrored},
        operation::{CardRef, OpId, Run},
    },
    ports::store::{Commit, MarkKind, MarkWrite, Notice, Queued, StoreError},
};

impl Announcer {
    /// Makes the card due in the rooms it belongs into: before it is written down that the card itself got through, so that
    /// whoever takes over after a crash does it again.
    pub(super) async fn show_in_rooms(&self, operation: &OpId) -> Result<(), StoreError> {
        let Some(run) = self.store.load(operation).await? else { return Ok(()) };
        let rooms = self.store.marks(run.op.environment(), Some(MarkKind::Room)).await?;
        let mut incidents: Vec<OpId> = rooms.into_iter().map(|mark| OpId(mark.note)).collect();
        // The last state of an incident belongs into its room, too, which is no longer open then.
        if incident::room(&run).is_some() && !incidents.contains(operation) {
            incidents.push(operation.clone());
        }
        let notices: Vec<Notice> =
            incidents.into_iter().map(|incident| Notice::Mirror { operation: operation.clone(), incident }).collect();
        if notices.is_empty() {
            return Ok(());
        }
        self.store.commit(Commit { notices, ..Commit::default() }).await
    }

    /// The card as it is now, in the room of an incident.
    pub(super) async fn mirror(&self, queued: &Queued, id: &OpId, incident: &OpId) -> Result<Sent, StoreError> {
        let (Some(run), Some(declared)) = (self.store.load(id).await?, self.store.load(incident).await?) else {
            return Ok(Sent::Yes(None));
        };
        let Some(room) = incident::room(&declared) else { return Ok(Sent::Yes(None)) };
        let own = run.op.card.as_ref().is_some_and(|card| card.channel == room);
        // What was over before the incident began is none of its business.
        let before = run.op.ended.is_some_and(|ended| ended < declared.op.created);
        if own || before {
            return Ok(Sent::Yes(None));
        }
        let marks = self.store.marks(run.op.environment(), Some(MarkKind::Mirror)).await?;
        let mut letter = card_letter(&run, self.clock.now());
        if let Some(card) = mirrored(&marks, &id.0).find(|card| card.channel == room) {
            match self.edit(queued, &card, &letter.content, &letter.payload).await {
                // A room that takes nothing any more has seen what there was to see; the card itself goes on.
                Edited::Yes | Edited::Shut => return Ok(Sent::Yes(None)),
                Edited::Later(later) => return Ok(later.into_sent()),
                Edited::Lost => letter.lost = Some(card),
            }
        }
        Ok(match self.postman().deliver_once(queued, &letter, &[Place::Channel(room.to_owned())]).await {
            Delivered::Posted(Some(card)) => {
                self.shown(&run, &card).await?;
                Sent::Yes(None)
            }
            // What an earlier attempt posted may show an older state.
            Delivered::Found(card) => {
                self.shown(&run, &card).await?;
                match self.edit(queued, &card, &letter.content, &letter.payload).await {
                    Edited::Later(later) => later.doubtful().into_sent(),
                    Edited::Yes | Edited::Lost | Edited::Shut => Sent::Yes(None),
                }
            }
            Delivered::Posted(None) => Sent::Yes(None),
            Delivered::Nowhere(why) => {
                tracing::warn!(operation = %id, %incident, why, "the room of an incident takes no card");
                Sent::Yes(None)
            }
            later => later.into_sent(),
        })
    }

    /// The card below which files of an operation belong: that in its own room, where it has one.
    pub(super) async fn shared_below(&self, id: &OpId) -> Result<Option<CardRef>, StoreError> {
        let Some(run) = self.store.load(id).await? else { return Ok(None) };
        let Some(room) = incident::room(&run) else { return Ok(run.op.card) };
        let marks = self.store.marks(run.op.environment(), Some(MarkKind::Mirror)).await?;
        let there = mirrored(&marks, &id.0).find(|card| card.channel == room);
        Ok(there.or(run.op.card))
    }

    /// Writes down where it is shown: by that its buttons are known there, and the next edit finds it.
    async fn shown(&self, run: &Run, card: &CardRef) -> Result<(), StoreError> {
        let mark = mirror(run.op.environment(), &run.op.id.0, card, self.clock.now());
        self.store.commit(Commit { marks: vec![MarkWrite::Set(mark)], ..Commit::default() }).await
    }
}
