//! Files below cards, reports and receipts, each shared once; and the canvas of an incident's room.

use super::{
    announce::{Announcer, CARD_EVERY, Sent},
    deliver::{Delivered, Place, later},
};
use crate::{
    domain::{incident, operation::OpId, text::escape},
    ports::{
        chat::{Attachment, ChatError, File, Level},
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

    /// The canvas of an incident's room: worth less than the file, which says the same. Where Slack does not take it, that is said.
    pub(super) async fn canvas(&self, queued: &Queued, id: &OpId, markdown: &str) -> Result<Sent, StoreError> {
        let run = self.store.load(id).await?;
        let Some((run, room)) = run.as_ref().and_then(|run| Some((run, incident::room(run)?))) else {
            return Ok(Sent::Yes(None));
        };
        let why = match self.postman().leads_outside(&Place::Channel(room.to_owned())).await {
            Ok(true) => "the channel is shared with another organisation".to_owned(),
            Ok(false) => {
                let title = format!("Review of {}", run.op.plan.scope);
                match self.chat.canvas(room, &title, markdown).await {
                    Ok(()) => return Ok(Sent::Yes(None)),
                    // An earlier attempt of ours got through.
                    Err(ChatError::Refused { code, .. }) if code == THERE && queued.uncertain => {
                        return Ok(Sent::Yes(None));
                    }
                    Err(ChatError::Refused { code, .. }) => code,
                    Err(error) => return Ok(later(&error, queued, true).into_sent()),
                }
            }
            Err(why) => return Ok(Sent::No { again: CARD_EVERY, uncertain: queued.uncertain, why }),
        };
        tracing::warn!(operation = %id, why, "the review is in no canvas");
        let next = match why.as_str() {
            "missing_scope" => {
                "Give the app what `bbws manifest` asks for, `canvases:write` among it, and install it again."
            }
            _ => "Whoever wants it there pastes it by hand.",
        };
        let notice = Notice::Thread {
            operation: id.clone(),
            key: "no-canvas".to_owned(),
            level: Level::Info,
            text: format!(
                "The review is in the file alone, and not in the canvas of the room ({}). {next}",
                escape(&why)
            ),
            attachment: Attachment::default(),
        };
        self.store.commit(Commit { notices: vec![notice], ..Commit::default() }).await?;
        Ok(Sent::Yes(None))
    }
}

/// What Slack says where the room has a canvas.
const THERE: &str = "channel_canvas_already_exists";
