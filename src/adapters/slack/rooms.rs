//! Rooms over the Web API: channels, people in them, topics, pins and bookmarks.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SlackChat, answers::Cursor, client::unknown};
use crate::ports::{
    chat::ChatError,
    rooms::{RoomFacts, Rooms},
};

/// Most pages of channels looked through for a name, and channels per page: thirty thousand of them.
const PAGES: usize = 30;
const PAGE: usize = 1_000;
/// What a channel that was made is known by: no answer of Slack's is read further.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Made {
    channel: Listed,
}

/// A channel in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listed {
    id: String,
    name: String,
    is_archived: bool,
    is_private: bool,
    is_ext_shared: bool,
    is_pending_ext_shared: bool,
    topic: Topic,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Topic {
    value: String,
}

/// `conversations.list`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Channels {
    channels: Vec<Listed>,
    response_metadata: Option<Cursor>,
}

/// `conversations.members`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inside {
    members: Vec<String>,
    response_metadata: Option<Cursor>,
}

/// `bookmarks.list`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bookmarks {
    bookmarks: Vec<Bookmark>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bookmark {
    link: String,
}

fn next(cursor: Option<Cursor>) -> Option<String> {
    cursor.map(|cursor| cursor.next_cursor).filter(|cursor| !cursor.is_empty())
}

#[async_trait]
impl Rooms for SlackChat {
    async fn create_room(&self, name: &str) -> Result<String, ChatError> {
        let made: Made = self.client.post("conversations.create", &json!({"name": name, "is_private": false})).await?;
        if made.channel.id.is_empty() {
            return Err(unknown("conversations.create", "the answer names no channel".to_owned()).into());
        }
        Ok(made.channel.id)
    }

    async fn find_room(&self, name: &str) -> Result<Option<RoomFacts>, ChatError> {
        let mut cursor = None;
        for _ in 0..PAGES {
            let params = vec![
                ("types", Some("public_channel".to_owned())),
                ("exclude_archived", Some("false".to_owned())),
                ("limit", Some(PAGE.to_string())),
                ("cursor", cursor.take()),
            ];
            let answer: Channels = self.client.get("conversations.list", params).await?;
            if let Some(found) = answer.channels.into_iter().find(|channel| channel.name == name) {
                return Ok(Some(RoomFacts {
                    id: found.id,
                    archived: found.is_archived,
                    external: found.is_ext_shared || found.is_pending_ext_shared,
                    private: found.is_private,
                }));
            }
            match next(answer.response_metadata) {
                Some(more) => cursor = Some(more),
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    async fn join_room(&self, room: &str) -> Result<(), ChatError> {
        let _: Value = self.client.post("conversations.join", &json!({"channel": room})).await?;
        Ok(())
    }

    async fn people_in(&self, room: &str) -> Result<Vec<String>, ChatError> {
        let (mut people, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES {
            let params =
                vec![("channel", Some(room.to_owned())), ("limit", Some(PAGE.to_string())), ("cursor", cursor.take())];
            let answer: Inside = self.client.get("conversations.members", params).await?;
            people.extend(answer.members);
            match next(answer.response_metadata) {
                Some(more) => cursor = Some(more),
                None => break,
            }
        }
        Ok(people)
    }

    async fn invite(&self, room: &str, users: &[String]) -> Result<(), ChatError> {
        let body = json!({"channel": room, "users": users.join(",")});
        let _: Value = self.client.post("conversations.invite", &body).await?;
        Ok(())
    }

    async fn set_topic(&self, room: &str, topic: &str) -> Result<(), ChatError> {
        // Each change is told in the channel.
        let now: Made = self.client.get("conversations.info", vec![("channel", Some(room.to_owned()))]).await?;
        if now.channel.topic.value == topic {
            return Ok(());
        }
        let _: Value = self.client.post("conversations.setTopic", &json!({"channel": room, "topic": topic})).await?;
        Ok(())
    }

    async fn pin(&self, room: &str, ts: &str) -> Result<(), ChatError> {
        let _: Value = self.client.post("pins.add", &json!({"channel": room, "timestamp": ts})).await?;
        Ok(())
    }

    async fn canvas(&self, room: &str, title: &str, markdown: &str) -> Result<(), ChatError> {
        let content = json!({"type": "markdown", "markdown": markdown});
        let body = json!({"channel_id": room, "title": title, "document_content": content});
        let _: Value = self.client.post("conversations.canvases.create", &body).await?;
        Ok(())
    }

    async fn bookmark(&self, room: &str, title: &str, link: &str) -> Result<(), ChatError> {
        let hung: Bookmarks = self.client.get("bookmarks.list", vec![("channel_id", Some(room.to_owned()))]).await?;
        if hung.bookmarks.iter().any(|bookmark| bookmark.link == link) {
            return Ok(());
        }
        let body = json!({"channel_id": room, "title": title, "type": "link", "link": link});
        let _: Value = self.client.post("bookmarks.add", &body).await?;
        Ok(())
    }
}
