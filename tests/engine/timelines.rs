//! Messages of a room join its timeline by an emoji, and what becomes of them later is told beside what they said.

use std::time::Duration;

use bbws::{
    app::inbound::{Inbound, Inbox, Via},
    domain::operation::State,
    ports::{clock::Clock as _, store::Store as _},
};

use crate::support::rig::Rig;

/// What happens to a message, as Slack tells of it.
async fn happens(rig: &mut Rig, user: &str, channel: &str, what: Inbound) -> String {
    let mut envelope = rig.envelope(user, Via::Event, what);
    envelope.channel = channel.to_owned();
    let said = rig.process.desk.take(envelope).await.ok().flatten().expect("an answer").text;
    rig.settle(Duration::from_secs(2)).await;
    said
}

fn reacted(emoji: &str, ts: &str) -> Inbound {
    Inbound::Reacted { emoji: emoji.to_owned(), ts: ts.to_owned() }
}

fn amended(ts: &str, text: Option<&str>) -> Inbound {
    Inbound::Amended { ts: ts.to_owned(), text: text.map(str::to_owned) }
}

/// Entries of the audit chain so far.
async fn audited(rig: &Rig) -> i64 {
    rig.ledger.head().await.unwrap().seq
}

#[tokio::test]
async fn a_message_joins_by_an_emoji_and_its_edits_and_its_end_are_told_beside_it() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked("dr declare prod --ticket INC-1 orders are gone").await;
    rig.settle(Duration::from_secs(60)).await;
    let room = rig.chat.room("inc-inc-1-prod").expect("the room").id;
    let ts = format!("{}.000100", rig.clock.now().seconds());
    rig.chat.writes(&room, &ts, "U0DAVE", "the release at 02:40 did it");
    rig.chat.writes("C0OPS", &ts, "U0DAVE", "lunch?");

    let before = audited(&rig).await;
    for (channel, what) in [
        (room.as_str(), reacted("eyes", &ts)),
        ("C0OPS", reacted("memo", &ts)),
        (room.as_str(), amended(&ts, Some("not on the timeline yet"))),
        ("C0OPS", amended(&ts, None)),
    ] {
        happens(&mut rig, "U0BOB", channel, what).await;
    }
    assert_eq!(audited(&rig).await, before, "what is nobody's business is not even written down");
    assert!(rig.chat.whispers("U0BOB").is_empty(), "and nobody is told");

    let refused = happens(&mut rig, "U0DAVE", &room, reacted("memo", &ts)).await;
    assert!(refused.contains("You hold no role"), "{refused}");
    let said = happens(&mut rig, "U0BOB", &room, reacted("memo::skin-tone-2", &ts)).await;
    assert!(said.contains(&format!("It is on the timeline of {id}.")), "{said}");
    assert!(rig.chat.whispers("U0BOB").iter().any(|told| told.contains("It is on the timeline")));
    let again = happens(&mut rig, "U0CAROL", &room, reacted("memo", &ts)).await;
    assert!(again.contains("It is on the timeline of in-1 already"), "{again}");
    let gone = happens(&mut rig, "U0BOB", &room, reacted("memo", "1.000001")).await;
    assert!(gone.contains("Slack does not find the message") && gone.contains("*not* on the timeline"), "{gone}");

    let whispered = rig.chat.whispers("U0DAVE").len();
    happens(&mut rig, "U0DAVE", &room, amended(&ts, Some("the release at 02:40 did <i>nothing</i>"))).await;
    happens(&mut rig, "U0DAVE", &room, amended(&ts, None)).await;
    assert_eq!(rig.chat.whispers("U0DAVE").len(), whispered, "whoever edits or deletes is told nothing");
    let run = rig.run(&id).await;
    let entry = run.op.incident.expect("people did something").timeline.pop().expect("the message");
    assert_eq!((entry.text.as_str(), entry.later.len()), ("the release at 02:40 did it", 2), "what was read stays");

    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    rig.settle(Duration::from_secs(30)).await;
    let (file, _) = rig.chat.files_with_places().pop().expect("the review is shared");
    for told in [
        "<td>U0DAVE</td><td>the release at 02:40 did it [edited at ",
        ": the release at 02:40 did &lt;i&gt;nothing&lt;/i&gt;] [deleted at ",
    ] {
        assert!(file.text.contains(told), "{told} is missing from {}", file.text);
    }
    let before = audited(&rig).await;
    happens(&mut rig, "U0BOB", &room, reacted("memo", &ts)).await;
    assert_eq!(audited(&rig).await, before, "the room of an incident that is closed has no timeline any more");
}
