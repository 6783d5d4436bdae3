//! Rooms in the Slack of tests: channels by name, who was invited, what hangs on the wall; the product's own channel and those of others.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bbws::ports::{
    chat::ChatError,
    rooms::{RoomFacts, Rooms},
};

use super::chat::FakeChat;

/// A channel.
#[derive(Debug, Clone, Default)]
pub struct Room {
    /// Its id.
    pub id: String,
    /// Nothing can be said in it any more.
    pub archived: bool,
    /// Shared with another organisation.
    pub external: bool,
    /// Only who is in it sees it.
    pub private: bool,
    /// The app made it.
    pub made: bool,
    /// Who is in it.
    pub people: Vec<String>,
    /// What it is about.
    pub topic: String,
    /// How often that was set.
    pub topics: usize,
    /// Messages pinned.
    pub pins: Vec<String>,
    /// Links.
    pub links: Vec<String>,
    /// What stands in its canvas.
    pub canvas: Option<String>,
    /// Everybody who was invited, each time.
    pub invited: Vec<String>,
}

/// All channels by name.
pub type AllRooms = BTreeMap<String, Room>;

fn refused(method: &str, code: &str) -> ChatError {
    ChatError::Refused { method: method.to_owned(), code: code.to_owned() }
}

fn of<'r>(rooms: &'r mut AllRooms, method: &str, id: &str) -> Result<&'r mut Room, ChatError> {
    rooms.values_mut().find(|room| room.id == id).ok_or_else(|| refused(method, "channel_not_found"))
}

impl FakeChat {
    /// The channel of that name.
    pub fn room(&self, name: &str) -> Option<Room> {
        self.with_rooms(|rooms| rooms.get(name).cloned())
    }

    /// Names of all channels that the app made.
    pub fn rooms_made(&self) -> Vec<String> {
        self.with_rooms(|rooms| rooms.iter().filter(|(_, room)| room.made).map(|(name, _)| name.clone()).collect())
    }

    /// Somebody else made a channel.
    pub fn others_room(&self, name: &str, room: Room) {
        self.with_rooms(|rooms| rooms.insert(name.to_owned(), Room { id: format!("C0THEIRS{}", rooms.len()), ..room }));
    }
}

#[async_trait]
impl Rooms for FakeChat {
    async fn create_room(&self, name: &str) -> Result<String, ChatError> {
        self.change_rooms("conversations.create", name, |rooms| {
            if rooms.contains_key(name) {
                return Err(refused("conversations.create", "name_taken"));
            }
            let id = format!("C0ROOM{}", rooms.len());
            let room = Room { id: id.clone(), made: true, people: vec!["U0BBWS".to_owned()], ..Room::default() };
            rooms.insert(name.to_owned(), room);
            Ok(id)
        })
    }
    async fn find_room(&self, name: &str) -> Result<Option<RoomFacts>, ChatError> {
        self.change_rooms("conversations.list", name, |rooms| {
            let seen = rooms.get(name).filter(|room| !room.private);
            Ok(seen.map(|room| RoomFacts {
                id: room.id.clone(),
                archived: room.archived,
                external: room.external,
                private: room.private,
            }))
        })
    }
    async fn join_room(&self, room: &str) -> Result<(), ChatError> {
        self.change_rooms("conversations.join", room, |rooms| of(rooms, "conversations.join", room).map(drop))
    }
    async fn people_in(&self, room: &str) -> Result<Vec<String>, ChatError> {
        self.change_rooms("conversations.members", room, |rooms| {
            of(rooms, "conversations.members", room).map(|room| room.people.clone())
        })
    }
    async fn invite(&self, room: &str, users: &[String]) -> Result<(), ChatError> {
        self.change_rooms("conversations.invite", room, |rooms| {
            let room = of(rooms, "conversations.invite", room)?;
            if users.len() > 100 {
                return Err(refused("conversations.invite", "too_many_users"));
            }
            if users.iter().any(|user| user == "U0GONE") {
                return Err(refused("conversations.invite", "user_disabled"));
            }
            if users.iter().all(|user| room.people.contains(user)) {
                return Err(refused("conversations.invite", "already_in_channel"));
            }
            room.invited.extend(users.iter().cloned());
            room.people.extend(users.iter().cloned());
            Ok(())
        })
    }
    async fn set_topic(&self, room: &str, topic: &str) -> Result<(), ChatError> {
        self.change_rooms("conversations.setTopic", room, |rooms| {
            let room = of(rooms, "conversations.setTopic", room)?;
            if room.topic != topic {
                (room.topic, room.topics) = (topic.to_owned(), room.topics + 1);
            }
            Ok(())
        })
    }
    async fn pin(&self, room: &str, ts: &str) -> Result<(), ChatError> {
        self.change_rooms("pins.add", room, |rooms| {
            let room = of(rooms, "pins.add", room)?;
            if room.pins.iter().any(|pin| pin == ts) {
                return Err(refused("pins.add", "already_pinned"));
            }
            room.pins.push(ts.to_owned());
            Ok(())
        })
    }
    async fn canvas(&self, room: &str, _: &str, markdown: &str) -> Result<(), ChatError> {
        self.change_rooms("conversations.canvases.create", room, |rooms| {
            let room = of(rooms, "conversations.canvases.create", room)?;
            if room.canvas.is_some() {
                return Err(refused("conversations.canvases.create", "channel_canvas_already_exists"));
            }
            room.canvas = Some(markdown.to_owned());
            Ok(())
        })
    }
    async fn bookmark(&self, room: &str, _: &str, link: &str) -> Result<(), ChatError> {
        self.change_rooms("bookmarks.add", room, |rooms| {
            let room = of(rooms, "bookmarks.add", room)?;
            if !room.links.iter().any(|there| there == link) {
                room.links.push(link.to_owned());
            }
            Ok(())
        })
    }
}
