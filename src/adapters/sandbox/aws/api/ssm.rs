//! SSM: parameters.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    super::{
        judge::Made,
        world::{kms::SSM_KEY, ssm::Parameter},
    },
    Context, Outcome, Refusal, Request, paging,
};

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "DeleteParameter" => delete(cx, request),
        "DescribeParameters" => describe(cx, request),
        "GetParameter" => get(cx, request),
        "GetParametersByPath" => by_path(cx, request),
        "PutParameter" => put(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn put(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (name, value, now) = (request.need("Name")?, request.need("Value")?, cx.now);
    let there = cx.place(request).ssm.parameters.get(name);
    if there.is_some() && !request.flag("Overwrite") {
        let why =
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(Refusal::new("ParameterAlreadyExists", why));
    }
    let kind = request.text("Type").or(there.map(|p| p.kind.as_str())).unwrap_or("String").to_owned();
    if !["String", "StringList", "SecureString"].contains(&kind.as_str()) {
        return Err(request.invalid(format!("{kind} is no type of parameters")));
    }
    let version = there.map_or(1, |p| p.version + 1);
    let mut tags = request.tags("Tags");
    if there.is_some() && !tags.is_empty() {
        let why = "Tags and overwrite can't be used together.";
        return Err(request.invalid(why));
    }
    let mut earlier = there.map(|p| p.earlier.clone()).unwrap_or_default();
    if let Some(there) = there {
        earlier.insert(there.version, there.value.clone());
        tags.clone_from(&there.tags);
    }
    // AWS keeps the last hundred.
    while earlier.len() > 99 {
        earlier.pop_first();
    }
    let key = (kind == "SecureString").then(|| request.text("KeyId").unwrap_or(SSM_KEY).to_owned());
    let parameter = Parameter { kind, value: value.to_owned(), version, modified: now, key, tags, earlier };
    cx.place(request).ssm.parameters.insert(name.to_owned(), parameter);
    let made = Made::Parameter { name: name.to_owned(), version };
    cx.changed(request, format!("value of parameter {name}"), made);
    Ok(json!({ "Version": version, "Tier": "Standard" }))
}

fn get(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (asked, clear) = (request.need("Name")?, request.flag("WithDecryption"));
    // `name:3` is the third version of it.
    let (name, version) = match asked.rsplit_once(':').and_then(|(name, n)| Some((name, n.parse::<i64>().ok()?))) {
        Some((name, version)) => (name, Some(version)),
        None => (asked, None),
    };
    let found = cx.place(request).ssm.parameters.get(name).ok_or_else(|| not_found(name))?;
    let found = match version.filter(|version| *version != found.version) {
        None => found.clone(),
        Some(version) => match found.earlier.get(&version) {
            Some(value) => Parameter { value: value.clone(), version, ..found.clone() },
            None => {
                let why = format!("Systems Manager could not find version {version} of {name}.");
                return Err(Refusal::new("ParameterVersionNotFound", why));
            }
        },
    };
    Ok(json!({ "Parameter": with_value(request, name, &found, clear) }))
}

fn delete(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let name = request.need("Name")?;
    cx.place(request).ssm.parameters.remove(name).ok_or_else(|| not_found(name))?;
    Ok(json!({}))
}

fn by_path(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let path = request.need("Path")?;
    if !path.starts_with('/') {
        let why = "The parameter path must begin with a slash and name a level of the hierarchy.";
        return Err(request.invalid(why));
    }
    let (deep, clear) = (request.flag("Recursive"), request.flag("WithDecryption"));
    let root = format!("{}/", path.trim_end_matches('/'));
    let under = |name: &str, _: &Parameter| {
        name.strip_prefix(&root).is_some_and(|rest| !rest.is_empty() && (deep || !rest.contains('/')))
    };
    let show = |name: &str, found: &Parameter| with_value(request, name, found, clear);
    // AWS gives ten at most.
    let most = most_of(request, 10);
    let token = request.text("NextToken");
    let (page, next) = paging::keyed(request, &cx.place(request).ssm.parameters, token, most, under, show)?;
    Ok(json!({ "Parameters": page, "NextToken": next }))
}

fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let wanted = |name: &str, found: &Parameter| {
        request.list("ParameterFilters").iter().all(|filter| {
            let values: Vec<&str> =
                filter["Values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let it = match filter["Key"].as_str() {
                Some("Name") => name,
                Some("Type") => &found.kind,
                _ => return true,
            };
            values.iter().any(|value| match filter["Option"].as_str() {
                Some("BeginsWith") => it.starts_with(value),
                Some("Contains") => it.contains(value),
                _ => it == *value,
            })
        })
    };
    let show = |name: &str, found: &Parameter| {
        json!({
            "Name": name,
            "ARN": arn(request, name),
            "Type": found.kind,
            "KeyId": found.key,
            "LastModifiedDate": request.time(found.modified),
            "Version": found.version,
            "Tier": "Standard",
            "Policies": [],
            "DataType": "text",
        })
    };
    let most = most_of(request, 50);
    let token = request.text("NextToken");
    let (page, next) = paging::keyed(request, &cx.place(request).ssm.parameters, token, most, wanted, show)?;
    Ok(json!({ "Parameters": page, "NextToken": next }))
}

fn with_value(request: &Request, name: &str, found: &Parameter, clear: bool) -> Value {
    let value = if clear { found.value.clone() } else { kept(found) };
    json!({
        "Name": name,
        "ARN": arn(request, name),
        "Type": found.kind,
        "Value": value,
        "Version": found.version,
        "LastModifiedDate": request.time(found.modified),
        "DataType": "text",
    })
}

/// Its value as SSM keeps it: a SecureString encrypted.
pub(in super::super) fn kept(parameter: &Parameter) -> String {
    if parameter.kind == "SecureString" { sealed(&parameter.value) } else { parameter.value.clone() }
}

/// What stands for a value that is encrypted: it looks like KMS's, and nothing of the value can be read out of it.
fn sealed(value: &str) -> String {
    BASE64.encode([b"\x01\x02\x02\x00".as_slice(), &Sha256::digest(value.as_bytes())].concat())
}

fn most_of(request: &Request, most: usize) -> usize {
    request.number("MaxResults").and_then(|wanted| usize::try_from(wanted).ok()).map_or(most, |w| w.clamp(1, most))
}

fn arn(request: &Request, name: &str) -> String {
    arn_in(&request.region, request.account(), name)
}

/// The ARN of a parameter of this name.
pub(in super::super) fn arn_in(region: &str, account: &str, name: &str) -> String {
    format!("arn:aws:ssm:{region}:{account}:parameter/{}", name.trim_start_matches('/'))
}

fn not_found(name: &str) -> Refusal {
    Refusal::new("ParameterNotFound", format!("Parameter {name} not found."))
}
