//! SNS: notices to machines.

use std::time::Duration;

use serde_json::json;

use super::{
    super::{judge::Made, world::sns::Message},
    Context, Outcome, Refusal, Request,
};

/// How long SNS remembers a deduplication id.
const REMEMBERED: Duration = Duration::from_secs(300);
/// The longest message, in bytes.
const LONGEST: usize = 256 * 1024;

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "CreateTopic" => create_topic(cx, request),
        "GetTopicAttributes" => get_topic_attributes(cx, request),
        "ListTopics" => list_topics(cx, request),
        "Publish" => publish(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn create_topic(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let name = request.need("Name")?;
    cx.place(request).sns.topics.entry(name.to_owned()).or_default();
    Ok(json!({"TopicArn": arn(request, name)}))
}

fn get_topic_attributes(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let name = topic(request)?;
    if !cx.place(request).sns.topics.contains_key(name) {
        return Err(missing());
    }
    let attributes = json!([
        {"key": "TopicArn", "value": arn(request, name)},
        {"key": "Owner", "value": request.account()},
        {"key": "SubscriptionsConfirmed", "value": "0"},
        {"key": "DisplayName", "value": ""},
    ]);
    Ok(json!({"Attributes": attributes}))
}

fn list_topics(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let names: Vec<String> = cx.place(request).sns.topics.keys().cloned().collect();
    let (names, next) = super::page(names, request.text("NextToken"), 100);
    let topics: Vec<_> = names.iter().map(|name| json!({"TopicArn": arn(request, name)})).collect();
    Ok(json!({"Topics": topics, "NextToken": next}))
}

fn publish(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let name = topic(request)?;
    let (subject, body) = (request.text("Subject").unwrap_or_default(), request.need("Message")?);
    let printable = subject.chars().count() < 100 && !subject.chars().any(char::is_control);
    if !printable {
        return Err(request.invalid("Invalid parameter: Subject"));
    }
    if body.len() > LONGEST {
        return Err(request.invalid("Invalid parameter: Message too long"));
    }
    let deduplication = request.text("MessageDeduplicationId").map(str::to_owned);
    if name.ends_with(".fifo") && (deduplication.is_none() || request.text("MessageGroupId").is_none()) {
        return Err(request.invalid("Invalid parameter: The MessageGroupId parameter is required for FIFO topics"));
    }
    let (now, id) = (cx.now, cx.world.next_id("message"));
    let Some(topic) = cx.place(request).sns.topics.get_mut(name) else { return Err(missing()) };
    let repeated =
        |m: &&Message| deduplication.is_some() && m.deduplication == deduplication && now < m.at + REMEMBERED;
    if let Some(earlier) = topic.messages.iter().rev().find(repeated) {
        return Ok(json!({"MessageId": earlier.id}));
    }
    let message =
        Message { id: id.clone(), at: now, subject: subject.to_owned(), body: body.to_owned(), deduplication };
    topic.messages.push(message);
    cx.changed(request, format!("topic {name}"), Made::Message { id: id.clone() });
    Ok(json!({"MessageId": id}))
}

/// The name of the topic that a request is about, which has to be in its account and region.
fn topic(request: &Request) -> Result<&str, Refusal> {
    let arn = request.need("TopicArn")?;
    let parts: Vec<&str> = arn.split(':').collect();
    match parts[..] {
        ["arn", _, "sns", region, account, name] if region == request.region && account == request.account() => {
            Ok(name)
        }
        ["arn", _, "sns", region, _, _] if region == request.region => {
            Err(Refusal::with_status(403, "AuthorizationError", "User is not authorized to perform this on that topic"))
        }
        _ => Err(request.invalid("Invalid parameter: TopicArn")),
    }
}

fn missing() -> Refusal {
    Refusal::with_status(404, "NotFound", "Topic does not exist")
}

fn arn(request: &Request, name: &str) -> String {
    format!("arn:aws:sns:{}:{}:{name}", request.region, request.account())
}
