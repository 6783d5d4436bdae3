//! Where the card of an operation is shown besides its own place: in the rooms of the incidents of its environment.

use super::{
    mark::{Mark, MarkKind},
    moment::Moment,
    operation::CardRef,
};

/// What stands between the operation and the channel in the subject of a [`MarkKind::Mirror`].
const IN: char = ' ';

/// The mark that says that the card of an operation is shown there as well.
pub fn mirror(environment: &str, operation: &str, card: &CardRef, at: Moment) -> Mark {
    Mark {
        environment: environment.to_owned(),
        kind: MarkKind::Mirror,
        subject: format!("{operation}{IN}{}", card.channel),
        note: card.ts.clone(),
        operation: operation.to_owned(),
        at,
    }
}

/// Where the card of an operation is shown besides its own place.
pub fn mirrored<'m>(marks: &'m [Mark], operation: &'m str) -> impl Iterator<Item = CardRef> + 'm {
    marks.iter().filter(|mark| mark.kind == MarkKind::Mirror).filter_map(move |mark| {
        let (shown, channel) = mark.subject.split_once(IN)?;
        (shown == operation).then(|| CardRef { channel: channel.to_owned(), ts: mark.note.clone() })
    })
}
