//! Slack, as far as rooms are made and furnished: channels, people in them, topics, pins and bookmarks.

use async_trait::async_trait;

use super::chat::ChatError;

/// What Slack knows of a channel that somebody may want to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomFacts {
    /// Channel id.
    pub id: String,
    /// Nothing can be said in it any more.
    pub archived: bool,
    /// Shared with another organisation, or about to be.
    pub external: bool,
    /// Only who is invited sees it.
    pub private: bool,
}

impl RoomFacts {
    /// Whether it may be used as if it had just been made.
    pub fn adoptable(&self) -> bool {
        !self.archived && !self.external && !self.private
    }
}

/// The Web API methods that rooms take. Each may be repeated: what is there already is no error.
#[async_trait]
pub trait Rooms: Send + Sync {
    /// `conversations.create` of a public channel; its id.
    ///
    /// # Errors
    /// `name_taken` where there is one of that name, be it archived or unseen. After `Unknown` it may be there.
    async fn create_room(&self, name: &str) -> Result<String, ChatError>;

    /// `conversations.list`: the channel of that name, as far as we can see it.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn find_room(&self, name: &str) -> Result<Option<RoomFacts>, ChatError>;

    /// `conversations.join`.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn join_room(&self, room: &str) -> Result<(), ChatError>;

    /// `conversations.members`: everybody who is in it.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn people_in(&self, room: &str) -> Result<Vec<String>, ChatError>;

    /// `conversations.invite` of at most a hundred people.
    ///
    /// # Errors
    /// See [`ChatError`]; where one of them cannot be invited, none of them may have been.
    async fn invite(&self, room: &str, users: &[String]) -> Result<(), ChatError>;

    /// `conversations.setTopic`, unless it is that already.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn set_topic(&self, room: &str, topic: &str) -> Result<(), ChatError>;

    /// `pins.add`.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn pin(&self, room: &str, ts: &str) -> Result<(), ChatError>;

    /// `conversations.canvases.create`: the canvas of the channel, in Markdown.
    ///
    /// # Errors
    /// `channel_canvas_already_exists` where it has one; other codes where the workspace has none.
    async fn canvas(&self, room: &str, title: &str, markdown: &str) -> Result<(), ChatError>;

    /// `bookmarks.add`, unless a bookmark leads there already.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn bookmark(&self, room: &str, title: &str, link: &str) -> Result<(), ChatError>;
}
