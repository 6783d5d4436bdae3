//! App Home: what waits for whom with its buttons, drawn anew for those who looked at it lately, and never in the way of anything.

use std::time::Duration;

use bbws::{
    adapters::{
        sandbox::workspace::{Surface, problems},
        slack::draw_home,
    },
    app::inbound::{Inbound, Inbox, Via},
    domain::{
        answers::home::{Board, Home},
        operation::State,
    },
    ports::{chat::Form, clock::Clock},
};
use secrecy::SecretString;
use serde_json::Value;

use crate::support::{chat::Trouble, kill::Killer, rig::Rig};

/// Somebody opens App Home, as Slack tells of it.
async fn opens(rig: &mut Rig, user: &str) {
    let mut envelope = rig.envelope(user, Via::Event, Inbound::OpenedHome);
    envelope.channel = String::new();
    rig.process.desk.take(envelope).await.unwrap();
    rig.process.desk.show_homes().await.unwrap();
}

/// What somebody sees there.
fn board(rig: &Rig, user: &str) -> Board {
    match rig.chat.homes(user).pop() {
        Some(Home::Open(board)) => *board,
        other => panic!("{user} sees no board: {other:?}"),
    }
}

/// The ids of what waits for somebody there.
fn waits(rig: &Rig, user: &str) -> Vec<String> {
    board(rig, user).waits.iter().map(|run| run.op.id.to_string()).collect()
}

/// The view as Slack would be sent it, which keeps the rules of its surface.
fn view(rig: &Rig, user: &str) -> Value {
    let view = draw_home(&rig.chat.homes(user).pop().expect("a Home"));
    assert_eq!(problems(&view["blocks"], Surface::Home), Vec::<String>::new(), "{view:#}");
    let mut keys: Vec<&String> = view.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["blocks", "type"], "no metadata and nothing private");
    view
}

/// The button of this label on somebody's Home, with its block.
fn button(view: &Value, label: &str) -> (Value, String) {
    let blocks = view["blocks"].as_array().unwrap();
    let found = blocks.iter().find_map(|block| {
        let button = block["elements"].as_array()?.iter().find(|button| button["text"]["text"] == label)?;
        Some((button.clone(), block["block_id"].as_str()?.to_owned()))
    });
    found.unwrap_or_else(|| panic!("no button {label} in {view:#}"))
}

/// Somebody presses the button of this label on their Home.
async fn presses(rig: &mut Rig, user: &str, label: &str) -> String {
    let (button, block) = button(&view(rig, user), label);
    let what = Inbound::Click {
        action: button["action_id"].as_str().unwrap().to_owned(),
        value: button["value"].as_str().unwrap().to_owned(),
        block_id: Some(block),
        message_ts: None,
        reason: None,
    };
    let mut envelope = rig.envelope(user, Via::Interaction, what);
    envelope.channel = String::new();
    rig.process.desk.triggered(&envelope.id, SecretString::from("1.2.trigger".to_owned()));
    let reply = rig.process.desk.take(envelope).await.unwrap().expect("an answer");
    rig.process.desk.show_homes().await.unwrap();
    reply.text
}

#[tokio::test]
async fn what_waits_for_somebody_has_the_buttons_of_its_card() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked("backup create prod config").await;
    rig.settle(Duration::from_secs(5)).await;
    for user in ["U0ALICE", "U0CAROL", "U0DAVE", "U0MALLORY"] {
        opens(&mut rig, user).await;
    }
    assert_eq!(waits(&rig, "U0ALICE"), Vec::<String>::new(), "nobody approves what they asked for");
    assert_eq!(waits(&rig, "U0DAVE"), Vec::<String>::new(), "whoever holds no role may read");
    assert_eq!(waits(&rig, "U0CAROL"), std::slice::from_ref(&id));
    let Some(Home::Shut(sentence)) = rig.chat.homes("U0MALLORY").pop() else { panic!("guests see no board") };
    assert_eq!(sentence, "Sorry, guests may not use this app.");
    for user in ["U0ALICE", "U0DAVE", "U0MALLORY"] {
        view(&rig, user);
    }
    let said = presses(&mut rig, "U0CAROL", "Approve").await;
    assert_eq!(said, format!("Your approval of {id} counts."));
    assert_eq!(rig.state(&id).await, State::Queued);
    assert_eq!(waits(&rig, "U0CAROL"), Vec::<String>::new(), "it is drawn anew at once");
    let under_way = board(&rig, "U0CAROL").more.iter().find(|panel| panel.text.starts_with("*Under way*")).cloned();
    assert!(under_way.unwrap().text.contains(&format!("`{id}` Backup of prod (config) (prod): about to start")));
}

#[tokio::test]
async fn each_environment_says_what_status_says_and_who_could_approve() {
    let mut rig = Rig::demo_sqlite().await;
    rig.say("U0BOB", "dr approver days").await;
    rig.settle(Duration::from_secs(5)).await;
    opens(&mut rig, "U0CAROL").await;
    let places = board(&rig, "U0CAROL").places;
    let prod = &places.iter().find(|place| place.text.starts_with("*prod*")).expect("prod is there").text;
    let status = rig.say("U0CAROL", "status prod").await;
    assert_eq!(prod.lines().next(), status.lines().next(), "the same head");
    assert!(prod.contains("Approvers of a failover:") && prod.contains("*nobody*"), "{prod}");
    // A button there opens the form that the command alone would open, and the answer says so.
    let said = presses(&mut rig, "U0CAROL", "Declare an incident…").await;
    assert_eq!(said, "The form asks for the rest.");
    let Some(Form::Command(form)) = rig.chat.forms().pop() else { panic!("a form") };
    assert!(form.channel.is_empty() && form.open.command.starts_with("dr declare "), "{form:?}");
}

#[tokio::test]
async fn it_is_drawn_anew_when_something_changed_and_only_for_who_looked_lately() {
    let mut rig = Rig::demo_sqlite().await;
    opens(&mut rig, "U0CAROL").await;
    let drawn = |rig: &Rig| rig.chat.homes("U0CAROL").len();
    assert_eq!(drawn(&rig), 1);
    let id = rig.asked("backup create prod config").await;
    rig.process.desk.show_homes().await.unwrap();
    assert_eq!(drawn(&rig), 1, "not more often than that");
    rig.clock.advance(Duration::from_secs(21));
    rig.process.desk.show_homes().await.unwrap();
    assert_eq!((drawn(&rig), waits(&rig, "U0CAROL")), (2, vec![id.clone()]));
    for _ in 0..5 {
        rig.clock.advance(Duration::from_secs(21));
        rig.process.desk.show_homes().await.unwrap();
    }
    assert_eq!(drawn(&rig), 2, "nothing changed but the time");
    assert_eq!(rig.chat.homes("U0BOB").len(), 0, "nobody else looks");
    rig.clock.advance(Duration::from_secs(1800));
    rig.say("U0ALICE", &format!("op cancel {id}")).await;
    assert_eq!(rig.process.desk.show_homes().await.unwrap(), None, "nobody looks any more");
    assert_eq!(drawn(&rig), 2);
    opens(&mut rig, "U0CAROL").await;
    assert_eq!((drawn(&rig), waits(&rig, "U0CAROL")), (3, Vec::new()));
}

#[tokio::test]
async fn a_slack_that_refuses_costs_a_drawing_and_nothing_else() {
    let mut rig = Rig::demo_sqlite().await;
    // The app has no Home in this workspace: it is not asked for again.
    rig.chat.refuse("views.publish", "U0BOB", "not_enabled");
    opens(&mut rig, "U0BOB").await;
    rig.chat.open();
    assert_eq!(rig.process.desk.show_homes().await.unwrap(), None);
    // Somebody else drew it meanwhile: it is drawn whatever stands there.
    opens(&mut rig, "U0CAROL").await;
    let mut other = rig.another(Killer::never());
    std::mem::swap(&mut rig.process, &mut other);
    opens(&mut rig, "U0CAROL").await;
    std::mem::swap(&mut rig.process, &mut other);
    let id = rig.asked("backup create prod config").await;
    rig.clock.advance(Duration::from_secs(21));
    let again = rig.process.desk.show_homes().await.unwrap();
    assert_eq!(again, Some(rig.clock.now()), "the conflict is known");
    rig.process.desk.show_homes().await.unwrap();
    assert_eq!(waits(&rig, "U0CAROL"), std::slice::from_ref(&id));
    // No answer, and too many: later.
    for trouble in [Trouble::LostRequest, Trouble::LostReply, Trouble::RateLimited] {
        rig.chat.trouble(trouble);
        rig.clock.advance(Duration::from_secs(21));
        opens(&mut rig, "U0CAROL").await;
        rig.clock.advance(Duration::from_secs(21));
        rig.process.desk.show_homes().await.unwrap();
        assert_eq!(
            rig.process.desk.show_homes().await.unwrap(),
            Some(rig.clock.now() + Duration::from_secs(20)),
            "{trouble:?}"
        );
    }
}
