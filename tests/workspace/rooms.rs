//! Rooms by the real client, over HTTP, in a workspace that holds state and has granted what the manifest asks for and no more.

use std::{future::IntoFuture as _, sync::Arc};

use axum::Router;
use bbws::{
    adapters::{
        sandbox::workspace::{Channel, Workspace},
        slack::SlackChat,
    },
    ports::{
        chat::{Chat, ChatError, Content, Level, Outgoing},
        rooms::Rooms,
    },
};
use serde_json::json;

/// The workspace served on loopback, and a client that speaks to it.
async fn served() -> (Workspace, SlackChat) {
    let clock = Arc::new(|| super::START_MS);
    let workspace = Workspace::new("shh", "xoxb-1", clock.clone(), clock);
    workspace.grant(&bbws::manifest::SCOPES);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().nest("/api", workspace.slack_api()).merge(workspace.page(&url, Vec::new()));
    tokio::spawn(axum::serve(listener, app).into_future());
    let chat = SlackChat::new(&format!("{url}/api"), "xoxb-1".to_owned().into()).unwrap();
    (workspace, chat)
}

fn code<T: std::fmt::Debug>(answer: Result<T, ChatError>) -> String {
    match answer.expect_err("a refusal") {
        ChatError::Refused { code, .. } => code,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_room_is_made_furnished_and_found_again() {
    let (workspace, chat) = served().await;
    let room = chat.create_room("inc-inc-1-prod").await.unwrap();
    assert_eq!(code(chat.create_room("inc-inc-1-prod").await), "name_taken");
    let found = chat.find_room("inc-inc-1-prod").await.unwrap().expect("it is there");
    assert!(found.id == room && found.adoptable(), "{found:?}");
    assert_eq!(chat.find_room("inc-inc-2-prod").await.unwrap(), None);
    chat.join_room(&room).await.unwrap();
    let people = ["U0ALICE".to_owned(), "U0BOB".to_owned()];
    chat.invite(&room, &people).await.unwrap();
    assert_eq!(code(chat.invite(&room, &people).await), "already_in_channel");
    assert_eq!(chat.people_in(&room).await.unwrap(), ["U0BBWS", "U0ALICE", "U0BOB"]);
    for _ in 0..2 {
        chat.set_topic(&room, "INC-1 · prod").await.unwrap();
        chat.bookmark(&room, "Runbook", "https://wiki.example/dr").await.unwrap();
    }
    assert_eq!(
        (workspace.count("conversations.setTopic"), workspace.count("bookmarks.add")),
        (1, 1),
        "set and hung once"
    );
    let card = Outgoing {
        channel: room.clone(),
        thread: None,
        content: Content::Line { level: Level::Info, text: "a card".into(), attachment: Box::default() },
        event_type: "bbws_event".into(),
        payload: json!({"key": "card"}),
    };
    let ts = chat.post(&card).await.unwrap();
    chat.pin(&room, &ts).await.unwrap();
    assert_eq!(code(chat.pin(&room, &ts).await), "already_pinned");
}

#[tokio::test]
async fn what_is_no_place_to_meet_says_so() {
    let (workspace, chat) = served().await;
    workspace.add_channel(Channel { is_archived: true, ..Channel::open("C0OLD", "inc-inc-1-prod", "") });
    workspace.add_channel(Channel { is_ext_shared: true, ..Channel::open("C0THEIRS", "inc-inc-2-prod", "") });
    for name in ["inc-inc-1-prod", "inc-inc-2-prod"] {
        assert_eq!(code(chat.create_room(name).await), "name_taken");
        assert!(!chat.find_room(name).await.unwrap().expect("it is seen").adoptable(), "{name}");
    }
    workspace.grant(&["chat:write", "users:read"]);
    assert_eq!(code(chat.create_room("inc-inc-3-prod").await), "missing_scope");
}

#[tokio::test]
async fn people_react_to_messages_edit_and_delete_them_and_the_app_is_told_and_reads_them() {
    let (workspace, chat) = served().await;
    let room = chat.create_room("inc-inc-1-prod").await.unwrap();
    let ts = workspace.say("U0CAROL", &room, "the release did it", None).unwrap();
    let event = |told: Result<bbws::adapters::sandbox::workspace::SignedForm, String>| {
        let body: serde_json::Value = serde_json::from_str(&told.expect("it is told").body).unwrap();
        body["event"].clone()
    };
    let told = event(workspace.react("U0BOB", &room, &ts, "memo"));
    assert_eq!(
        (&told["type"], &told["item"]["ts"], &told["item_user"]),
        (&json!("reaction_added"), &json!(ts), &json!("U0CAROL"))
    );
    assert_eq!(workspace.react("U0BOB", &room, &ts, "memo").unwrap_err(), "already_reacted");
    let read = chat.message(&room, &ts).await.unwrap().expect("it is there");
    assert_eq!((read.by.as_str(), read.text.as_str()), ("U0CAROL", "the release did it"));
    assert_eq!(workspace.edit("U0BOB", &room, &ts, "mine").unwrap_err(), "cant_update_message");
    let told = event(workspace.edit("U0CAROL", &room, &ts, "the release did nothing"));
    assert_eq!(
        (&told["subtype"], &told["previous_message"]["text"]),
        (&json!("message_changed"), &json!("the release did it"))
    );
    assert_eq!(chat.message(&room, &ts).await.unwrap().expect("it is there").text, "the release did nothing");
    assert_eq!(workspace.erase("U0BOB", &room, &ts).unwrap_err(), "cant_delete_message");
    let told = event(workspace.erase("U0CAROL", &room, &ts));
    assert_eq!((&told["subtype"], &told["deleted_ts"]), (&json!("message_deleted"), &json!(ts)));
    assert_eq!(chat.message(&room, &ts).await.unwrap(), None);
}
