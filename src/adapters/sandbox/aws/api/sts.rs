//! STS: who somebody is, and roles.

use std::time::Duration;

use serde_json::json;

use super::{
    super::{time::hex_for, world::RoleSession},
    Context, Outcome, Request,
};

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "AssumeRole" => assume_role(cx, request),
        "GetCallerIdentity" => Ok(json!({
            "UserId": request.caller.id,
            "Account": request.account(),
            "Arn": request.caller.arn,
        })),
        _ => Err(super::unknown(request)),
    }
}

/// Every role of every account exists, and may be assumed by whoever asks.
fn assume_role(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (arn, session) = (request.need("RoleArn")?, request.need("RoleSessionName")?);
    let Some((account, role)) = role_of(arn) else {
        return Err(request.invalid(format!("{arn} is invalid")));
    };
    let source_identity = request.text("SourceIdentity");
    for (name, text) in [("roleSessionName", Some(session)), ("sourceIdentity", source_identity)] {
        if text.is_some_and(|text| !is_name(text)) {
            let rule = r"Member must satisfy regular expression pattern: [\w+=,.@-]*";
            return Err(request.invalid(format!("Value at '{name}' failed to satisfy constraint: {rule}")));
        }
    }
    let seconds = request.number("DurationSeconds").unwrap_or(3600);
    let lasts = u64::try_from(seconds).ok().filter(|s| (900..=43_200).contains(s));
    let Some(lasts) = lasts else { return Err(request.invalid("The requested DurationSeconds exceeds the limits")) };
    let id = cx.world.next_id("session");
    let key = format!("ASIA{}", hex_for(cx.world.seed, &id, 16).to_uppercase());
    let token = format!("{}{}", hex_for(cx.world.seed, &format!("{id}/a"), 32), hex_for(0, &id, 32));
    let expires = cx.now + Duration::from_secs(lasts);
    let now = cx.now;
    cx.world.sessions.retain(|_, session| session.expires > now);
    cx.world.sessions.insert(
        key.clone(),
        RoleSession {
            account: account.to_owned(),
            role: role.to_owned(),
            session: session.to_owned(),
            source_identity: source_identity.map(str::to_owned),
            token: token.clone(),
            expires,
        },
    );
    Ok(json!({
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": hex_for(cx.world.seed, &format!("{id}/secret"), 32),
            "SessionToken": token,
            "Expiration": request.time(expires),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": format!("AROA{}:{session}", &key[4..]),
            "Arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
        },
        "SourceIdentity": source_identity,
    }))
}

/// Account and name of a role.
fn role_of(arn: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "iam", "", account, role] if account.len() == 12 => {
            Some((account, role.strip_prefix("role/")?.rsplit('/').next()?))
        }
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    (2..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
}
