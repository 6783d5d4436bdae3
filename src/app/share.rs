//! Files below cards: reports and receipts, each shared once.

use super::{
    announce::{Announcer, CARD_EVERY, Sent},
    deliver::Delivered,
};
use crate::{
    domain::{operation::OpId, text::escape},
    ports::{
        chat::{Attachment, File, Level},
        store::{Commit, Notice, Queued, StoreError},
    },
};

impl Announcer {
    /// A file below the card. It is worth less than the sentence that tells of it: where it cannot be shared, that is said, and
    /// it is not tried for ever.
    pub(super) async fn file(&self, queued: &Queued, id: &OpId, file: &File) -> Result<Sent, StoreError> {
        let Some(card) = self.shared_below(id).await? else {
            return Ok(Sent::No { again: CARD_EVERY, uncertain: false, why: "its card is not posted yet".to_owned() });
        };
        let why = match self.postman().share_once(queued, &card, file).await {
            Delivered::Nowhere(why) => why,
            delivered => return Ok(delivered.into_sent()),
        };
        tracing::error!(operation = %id, file = file.name, why, "a file cannot be shared");
        let notice = Notice::Thread {
            operation: id.clone(),
            key: format!("unshared-{}", file.name),
            level: Level::Warning,
            text: format!(
                "`{}` could not be shared here ({}). Give the app what `bbws manifest` asks for, `files:write` among it, and install it again; what was measured is above, and in the audit chain.",
                escape(&file.name),
                escape(&why)
            ),
            attachment: Attachment::default(),
        };
        self.store.commit(Commit { notices: vec![notice], ..Commit::default() }).await?;
        Ok(Sent::Yes(None))
    }
}
