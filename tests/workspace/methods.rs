//! The methods real clients call beside those the product uses today.

use serde_json::{Value, json};

use super::Desk;
use super::limits::{plain, section};

async fn ok(desk: &Desk, method: &str, args: Value) -> Value {
    let answer = desk.call(method, args.clone()).await;
    assert_eq!(answer["ok"], true, "{method} {args}: {answer}");
    answer
}

async fn code(desk: &Desk, method: &str, args: Value) -> String {
    let answer = desk.call(method, args.clone()).await;
    assert_eq!(answer["ok"], false, "{method} {args}: {answer}");
    answer["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_incident_gets_its_channel_and_its_people() {
    let desk = Desk::new();
    for (name, why) in [
        ("Inc 1", "invalid_name_specials"),
        ("--", "invalid_name_punctuation"),
        (&*"x".repeat(81), "invalid_name_maxlength"),
        ("ops", "name_taken"),
    ] {
        assert_eq!(code(&desk, "conversations.create", json!({"name": name})).await, why);
    }
    let made = ok(&desk, "conversations.create", json!({"name": "inc-4711-prod"})).await;
    let id = made["channel"]["id"].as_str().unwrap();
    let invite = |users: &str| json!({"channel": id, "users": users});
    ok(&desk, "conversations.invite", invite("U0ALICE,U0BOB")).await;
    assert_eq!(code(&desk, "conversations.invite", invite("U0ALICE")).await, "already_in_channel");
    assert_eq!(code(&desk, "conversations.invite", invite("U0NOBODY")).await, "user_not_found");
    let members = ok(&desk, "conversations.members", json!({"channel": id})).await;
    assert_eq!(members["members"], json!(["U0BBWS", "U0ALICE", "U0BOB"]));
    ok(&desk, "conversations.kick", json!({"channel": id, "user": "U0BOB"})).await;
    ok(&desk, "conversations.setTopic", json!({"channel": id, "topic": "database corrupt"})).await;
    ok(&desk, "conversations.rename", json!({"channel": id, "name": "inc-4711-prod-db"})).await;
    let told = ok(&desk, "conversations.info", json!({"channel": id})).await;
    assert_eq!(
        (&told["channel"]["name"], &told["channel"]["topic"]["value"], &told["channel"]["num_members"]),
        (&json!("inc-4711-prod-db"), &json!("database corrupt"), &json!(2))
    );
    ok(&desk, "conversations.archive", json!({"channel": id})).await;
    assert_eq!(code(&desk, "conversations.archive", json!({"channel": id})).await, "already_archived");
    ok(&desk, "conversations.leave", json!({"channel": "C0GENERAL"})).await;
    assert_eq!(code(&desk, "conversations.history", json!({"channel": "C0GENERAL"})).await, "not_in_channel");
    ok(&desk, "conversations.join", json!({"channel": "C0GENERAL"})).await;
    ok(&desk, "conversations.history", json!({"channel": "C0GENERAL"})).await;
    let open = ok(&desk, "conversations.open", json!({"users": "U0ALICE"})).await;
    assert!(open["channel"]["id"].as_str().unwrap().starts_with('D'));
}

#[tokio::test]
async fn people_groups_and_the_team_are_told_of() {
    let desk = Desk::new();
    desk.workspace.set_user_group("S0DBA", &["U0BOB"]);
    let groups = ok(&desk, "usergroups.list", json!({})).await;
    assert_eq!(
        (&groups["usergroups"][0]["id"], &groups["usergroups"][0]["users"]),
        (&json!("S0DBA"), &json!(["U0BOB"]))
    );
    let bob = ok(&desk, "users.lookupByEmail", json!({"email": "Bob@bbws.example"})).await;
    assert_eq!(bob["user"]["id"], "U0BOB");
    assert_eq!(code(&desk, "users.lookupByEmail", json!({"email": "eve@bbws.example"})).await, "users_not_found");
    assert_eq!(ok(&desk, "team.info", json!({})).await["team"]["id"], "T0BBWS");
    assert_eq!(ok(&desk, "api.test", json!({"a": "b"})).await["args"]["a"], "b");
    assert_eq!(code(&desk, "api.test", json!({"error": "my_error"})).await, "my_error");
}

#[tokio::test]
async fn pins_bookmarks_and_links_hang_on_a_channel() {
    let desk = Desk::new();
    let ts = desk.post(json!({"text": "the plan"})).await;
    let pin = json!({"channel": "C0OPS", "timestamp": ts});
    ok(&desk, "pins.add", pin.clone()).await;
    assert_eq!(code(&desk, "pins.add", pin.clone()).await, "already_pinned");
    assert_eq!(ok(&desk, "pins.list", json!({"channel": "C0OPS"})).await["items"][0]["message"]["text"], "the plan");
    ok(&desk, "pins.remove", pin.clone()).await;
    assert_eq!(code(&desk, "pins.remove", pin).await, "no_pin");
    let link = ok(&desk, "chat.getPermalink", json!({"channel": "C0OPS", "message_ts": ts})).await;
    assert_eq!(link["permalink"], format!("https://bbws-demo.slack.com/archives/C0OPS/p{}", ts.replace('.', "")));
    let bookmark = json!({"channel_id": "C0OPS", "title": "Runbook", "type": "link", "link": "https://example.com"});
    let made = ok(&desk, "bookmarks.add", bookmark.clone()).await;
    let id = &made["bookmark"]["id"];
    ok(&desk, "bookmarks.edit", json!({"channel_id": "C0OPS", "bookmark_id": id, "title": "The runbook"})).await;
    let listed = ok(&desk, "bookmarks.list", json!({"channel_id": "C0OPS"})).await;
    assert_eq!(listed["bookmarks"][0]["title"], "The runbook");
    ok(&desk, "bookmarks.remove", json!({"channel_id": "C0OPS", "bookmark_id": id})).await;
    let bad = json!({"channel_id": "C0OPS", "title": "x", "type": "link", "link": "javascript:1"});
    assert_eq!(code(&desk, "bookmarks.add", bad).await, "invalid_link");
}

#[tokio::test]
async fn a_file_is_shared_once_it_has_arrived_whole() {
    let desk = Desk::new();
    let asked = ok(&desk, "files.getUploadURLExternal", json!({"filename": "report.csv", "length": "12"})).await;
    let id = asked["file_id"].as_str().unwrap();
    assert!(asked["upload_url"].as_str().unwrap().ends_with(id));
    let complete = json!({"files": [{"id": id, "title": "Report"}], "channel_id": "C0OPS"});
    assert_eq!(code(&desk, "files.completeUploadExternal", complete.clone()).await, "file_upload_size_mismatch");
    assert!(desk.workspace.uploaded(id, vec![b'x'; 12]) && !desk.workspace.uploaded(id, vec![b'x'; 12]), "once");
    ok(&desk, "files.completeUploadExternal", complete).await;
    assert_eq!(ok(&desk, "files.info", json!({"file": id})).await["file"]["title"], "Report");
    assert_eq!(ok(&desk, "files.list", json!({"channel": "C0OPS"})).await["files"][0]["id"], *id);
    assert!(desk.workspace.messages("C0OPS")[0].text.contains("report.csv"));
    ok(&desk, "files.delete", json!({"file": id})).await;
    assert_eq!(code(&desk, "files.info", json!({"file": id})).await, "file_not_found");
}

#[tokio::test]
async fn home_and_stacked_modals_keep_their_rules() {
    let desk = Desk::new();
    let home = json!({"type": "home", "blocks": [section("hello")]});
    let first = ok(&desk, "views.publish", json!({"user_id": "U0BOB", "view": home})).await;
    let hash = &first["view"]["hash"];
    let second = ok(&desk, "views.publish", json!({"user_id": "U0BOB", "view": home, "hash": hash})).await;
    assert_eq!(second["view"]["id"], first["view"]["id"]);
    let stale = json!({"user_id": "U0BOB", "view": home, "hash": hash});
    assert_eq!(code(&desk, "views.publish", stale).await, "hash_conflict");
    desk.workspace.set_tabs(false, true);
    assert_eq!(code(&desk, "views.publish", json!({"user_id": "U0BOB", "view": home})).await, "not_enabled");

    let modal = json!({"type": "modal", "title": plain("T"), "blocks": [section("x")]});
    let trigger = || {
        let form = desk.workspace.command_form("U0BOB", "C0OPS", "help").unwrap();
        let fields: Vec<(String, String)> = serde_urlencoded::from_str(&form.body).unwrap();
        fields.into_iter().find(|(name, _)| name == "trigger_id").unwrap().1
    };
    let args = || json!({"trigger_id": trigger(), "view": modal});
    assert_eq!(code(&desk, "views.push", args()).await, "not_found");
    ok(&desk, "views.open", args()).await;
    ok(&desk, "views.push", args()).await;
    ok(&desk, "views.push", args()).await;
    assert_eq!(code(&desk, "views.push", args()).await, "push_limit_reached");
}
