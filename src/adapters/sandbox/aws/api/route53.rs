//! Route 53: hosted zones, lists of record sets, and batches of changes, which are carried out as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    super::{
        judge::Made,
        time::{Timeline, between},
        world::route53::{Zone, key, text},
    },
    Context, Outcome, Refusal, Request, Route,
};

/// Where its control plane is, wherever it is asked from.
pub const REGION: &str = "us-east-1";

/// Most entries of a list.
const PAGE: usize = 300;
/// The largest weight.
const HEAVIEST: u64 = 255;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/2013-04-01/hostedzone", "ListHostedZones"),
    ("GET", "/2013-04-01/hostedzone/{Id}", "GetHostedZone"),
    ("GET", "/2013-04-01/hostedzone/{HostedZoneId}/rrset", "ListResourceRecordSets"),
    ("POST", "/2013-04-01/hostedzone/{HostedZoneId}/rrset", "ChangeResourceRecordSets"),
    ("GET", "/2013-04-01/change/{Id}", "GetChange"),
];

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "ChangeResourceRecordSets" => change(cx, request),
        "GetChange" => get_change(cx, request),
        "GetHostedZone" => zone(cx, request),
        "ListHostedZones" => zones(cx, request),
        "ListResourceRecordSets" => list(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn no_zone(id: &str) -> Refusal {
    Refusal::with_status(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"))
}

fn shown(id: &str, zone: &Zone) -> Value {
    json!({
        "Id": format!("/hostedzone/{id}"),
        "Name": zone.name,
        "CallerReference": format!("made-{id}"),
        "Config": {"PrivateZone": false},
        "ResourceRecordSetCount": zone.sets.len(),
    })
}

fn zones(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let most = most(request, "maxitems").min(100);
    let zones = &cx.place(request).route53.zones;
    let begin = request.text("marker").unwrap_or_default().to_owned();
    let mut rest = zones.range(begin..);
    let page: Vec<Value> = rest.by_ref().take(most).map(|(id, zone)| shown(id, zone)).collect();
    let next = rest.next().map(|(id, _)| id.clone());
    Ok(json!({
        "HostedZones": page,
        "Marker": request.text("marker").unwrap_or_default(),
        "IsTruncated": next.is_some(),
        "NextMarker": next,
        "MaxItems": most.to_string(),
    }))
}

fn zone(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("Id")?.to_owned();
    let Some(zone) = cx.place(request).route53.zones.get(&id) else { return Err(no_zone(&id)) };
    Ok(json!({
        "HostedZone": shown(&id, zone),
        "DelegationSet": {"NameServers": ["ns-1.awsdns-01.com", "ns-2.awsdns-02.net"]},
    }))
}

fn most(request: &Request, name: &str) -> usize {
    request.number(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(PAGE).clamp(1, PAGE)
}

fn list(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("HostedZoneId")?.to_owned();
    let most = most(request, "maxitems");
    let Some(zone) = cx.place(request).route53.zones.get(&id) else { return Err(no_zone(&id)) };
    let part = |name: &str| request.text(name).unwrap_or_default();
    let begin = request.text("name").map(|name| key(name, part("type"), part("identifier"))).unwrap_or_default();
    let mut rest = zone.sets.range(begin..);
    let page: Vec<Value> = rest.by_ref().take(most).map(|(_, set)| set.clone()).collect();
    let next = rest.next().map(|(_, set)| set);
    let field = |name: &str| next.map(|set| set[name].clone());
    Ok(json!({
        "ResourceRecordSets": page,
        "IsTruncated": next.is_some(),
        "NextRecordName": field("Name"),
        "NextRecordType": field("Type"),
        "NextRecordIdentifier": field("SetIdentifier"),
        "MaxItems": most.to_string(),
    }))
}

/// Everything that is wrong with a batch, in Route 53's manner: a message each.
fn refused(messages: Vec<String>) -> Refusal {
    let mut refusal = Refusal::new("InvalidChangeBatch", messages.join(" "));
    refusal.fields = Some(Box::new(json!({ "Messages": messages })));
    refusal
}

fn change(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("HostedZoneId")?.to_owned();
    let now = cx.now;
    let Some(zone) = cx.place(request).route53.zones.get(&id).cloned() else { return Err(no_zone(&id)) };
    let changes = request.input["ChangeBatch"]["Changes"].as_array().cloned().unwrap_or_default();
    if changes.is_empty() {
        return Err(request.invalid("The batch has no changes."));
    }
    let mut after = zone.sets.clone();
    let mut wrong = Vec::new();
    for change in &changes {
        if let Err(why) = applied(&mut after, change) {
            wrong.push(why);
        }
    }
    wrong.extend(groups(&after));
    if !wrong.is_empty() {
        return Err(refused(wrong));
    }
    let name = format!("C{}", cx.world.next_id("change").replace('-', "").to_uppercase());
    let lasts = cx.fate(request).stretch(between(cx.world.seed, &format!("dns/{id}/{name}"), 15, 60));
    let timeline = Timeline::new(now, now, lasts, None);
    let answer = info(request, &name, &timeline, now);
    let dns = &mut cx.place(request).route53;
    dns.changes.insert(name.clone(), timeline);
    if let Some(zone) = dns.zones.get_mut(&id) {
        zone.sets = after;
    }
    cx.changed(request, format!("records of {id}"), Made::Records { change: name });
    Ok(answer)
}

/// Carries one change out.
fn applied(sets: &mut BTreeMap<String, Value>, change: &Value) -> Result<(), String> {
    let set = &change["ResourceRecordSet"];
    let (name, kind, identifier) = (text(set, "Name"), text(set, "Type"), text(set, "SetIdentifier"));
    let what = format!("[name='{name}', type='{kind}', set-identifier='{identifier}']");
    if name.is_empty() || kind.is_empty() {
        return Err(format!("Invalid request: Missing field 'Name' or 'Type' in Change {what}"));
    }
    let weight = set.get("Weight").map(|_| text(set, "Weight").parse::<u64>());
    match weight {
        Some(Ok(weight)) if weight <= HEAVIEST && !identifier.is_empty() => {}
        Some(Ok(weight)) if weight > HEAVIEST => {
            return Err(format!("Invalid weight {weight}: it must be between 0 and {HEAVIEST} {what}"));
        }
        Some(_) => return Err(format!("Missing field 'SetIdentifier' in Change with weight {what}")),
        None => {}
    }
    let valued = set["ResourceRecords"].as_array().is_some_and(|values| !values.is_empty());
    if valued == set.get("AliasTarget").is_some() || valued != set.get("TTL").is_some() {
        return Err(format!("Invalid Change: a record set has values and a TTL, or an alias target {what}"));
    }
    let key = key(name, kind, identifier);
    match text(change, "Action") {
        "UPSERT" => drop(sets.insert(key, set.clone())),
        "CREATE" if sets.contains_key(&key) => {
            return Err(format!("Tried to create resource record set {what} but it already exists"));
        }
        "CREATE" => drop(sets.insert(key, set.clone())),
        "DELETE" if sets.get(&key) != Some(set) => {
            return Err(format!(
                "Tried to delete resource record set {what} but the values provided do not match the current values"
            ));
        }
        "DELETE" => drop(sets.remove(&key)),
        other => return Err(format!("Invalid action {other} {what}")),
    }
    Ok(())
}

/// Record sets of one name and type: all have an identifier and the same TTL, or there is one.
fn groups(sets: &BTreeMap<String, Value>) -> Vec<String> {
    let mut of_group: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for set in sets.values() {
        of_group.entry((text(set, "Name"), text(set, "Type"))).or_default().push(set);
    }
    let wrong = |((name, kind), sets): (&(&str, &str), &Vec<&Value>)| {
        let ttls: BTreeSet<&str> = sets.iter().map(|set| text(set, "TTL")).collect();
        let bare = sets.len() > 1 && sets.iter().any(|set| text(set, "SetIdentifier").is_empty());
        if bare {
            return Some(format!(
                "RRSet with DNS name {name}, type {kind} cannot be created as other RRSets exist with the same name and type."
            ));
        }
        (ttls.len() > 1)
            .then(|| format!("RRSet with DNS name {name}, type {kind} has TTLs that differ within its group."))
    };
    of_group.iter().filter_map(wrong).collect()
}

fn info(request: &Request, id: &str, timeline: &Timeline, now: crate::domain::moment::Moment) -> Value {
    let status = if timeline.done(now) { "INSYNC" } else { "PENDING" };
    json!({"ChangeInfo": {
        "Id": format!("/change/{id}"), "Status": status, "SubmittedAt": request.time(timeline.created),
    }})
}

fn get_change(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("Id")?.to_owned(), cx.now);
    let Some(timeline) = cx.place(request).route53.changes.get(&id).cloned() else {
        return Err(Refusal::with_status(404, "NoSuchChange", format!("Could not find resource with ID: {id}")));
    };
    Ok(info(request, &id, &timeline, now))
}
