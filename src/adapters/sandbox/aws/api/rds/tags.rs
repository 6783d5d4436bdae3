//! Tags of instances and snapshots, by ARN.

use serde_json::json;

use super::{
    super::super::{
        judge::Made,
        world::{Region, Tags},
    },
    Context, Outcome, Refusal, Request, no_instance, no_snapshot, tag_list,
};
use crate::domain::moment::Moment;

pub(super) fn list(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (arn, now) = (request.need("ResourceName")?, cx.now);
    let place = cx.place(request);
    let tags = of(place, arn, now).ok_or_else(|| missing(arn))?;
    Ok(json!({"TagList": tag_list(tags)}))
}

pub(super) fn add(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (arn, now) = (request.need("ResourceName")?, cx.now);
    let new = request.tags("Tags");
    let tags = tags_mut(cx.place(request), arn, now).ok_or_else(|| missing(arn))?;
    let changed: Tags = new.into_iter().filter(|(key, value)| tags.get(key) != Some(value)).collect();
    tags.extend(changed.clone());
    for (key, value) in changed {
        let target = format!("tag {key} of {arn}");
        cx.changed(request, target, Made::RdsTag { arn: arn.to_owned(), key, value: Some(value) });
    }
    Ok(json!({}))
}

pub(super) fn remove(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (arn, now) = (request.need("ResourceName")?, cx.now);
    let tags = tags_mut(cx.place(request), arn, now).ok_or_else(|| missing(arn))?;
    let gone: Vec<String> =
        request.texts("TagKeys").into_iter().filter(|key| tags.remove(*key).is_some()).map(str::to_owned).collect();
    for key in gone {
        let target = format!("tag {key} of {arn}");
        cx.changed(request, target, Made::RdsTag { arn: arn.to_owned(), key, value: None });
    }
    Ok(json!({}))
}

/// Tags of what has this ARN, if it is there.
pub(super) fn of<'p>(place: &'p Region, arn: &str, now: Moment) -> Option<&'p Tags> {
    let (kind, id) = kind_of(arn)?;
    match kind {
        "db" => place.rds.instance(id, now).map(|i| &i.tags),
        "snapshot" => place.rds.snapshot(id, now).map(|s| &s.tags),
        _ => None,
    }
}

fn tags_mut<'p>(place: &'p mut Region, arn: &str, now: Moment) -> Option<&'p mut Tags> {
    of(place, arn, now)?;
    let (kind, id) = kind_of(arn)?;
    match kind {
        "db" => place.rds.instances.get_mut(&id.to_lowercase()).map(|i| &mut i.tags),
        _ => place.rds.snapshots.get_mut(&id.to_lowercase()).map(|s| &mut s.tags),
    }
}

/// `db` or `snapshot`, and the identifier.
fn kind_of(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.split(':').skip(5);
    Some((parts.next()?, parts.next()?))
}

fn missing(arn: &str) -> Refusal {
    match kind_of(arn) {
        Some(("db", id)) => no_instance(id),
        Some(("snapshot", id)) => no_snapshot(id),
        _ => Refusal::new(
            "InvalidParameterValue",
            format!("The specified resource name does not match an RDS resource in this region: {arn}"),
        ),
    }
}
