//! A cutover by secret: the instance is tagged as live, and the secret that applications read leads to it. Of the secret's JSON
//! host and port change and nothing else, byte for byte: it may hold what nobody here knows of.

use std::ops::Range;

use aws_sdk_rds::types::Tag;
use secrecy::zeroize::Zeroizing;

use super::{
    super::{
        background::Outcome,
        error::Attempt,
        login,
        secrets::{self, CURRENT, Live, Value},
        session::Session,
        tags,
    },
    At, Change, begun, finished,
    restore_database::{describe, endpoint},
    restore_secrets::{version, version_back},
};
use crate::{
    domain::step::{Outputs, PointSecret, PointSecretBack, TagLive},
    ports::cloud::{CloudError, Probe, Progress, Started},
};

/// The stage of the version before the current one.
const PREVIOUS: &str = "AWSPREVIOUS";
/// The output of a step that led a secret elsewhere: where it led before, `host:port`. It is what its way back leads it to.
const LED: &str = "led";

impl Change for TagLive {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let found = describe(&at.session, &self.instance).await?;
        let tagged = |db: &aws_sdk_rds::types::DbInstance| {
            let value = db.tag_list().iter().find(|tag| tag.key() == Some(tags::LIVE)).and_then(Tag::value);
            value == Some(self.database.as_str())
        };
        Ok(match found.is_some_and(|db| tagged(&db)) {
            true => Probe::Present(finished(&self.instance)),
            false => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let attempt = at.session.changes("rds:AddTagsToResource", format!("tag {} of {}", tags::LIVE, self.instance));
        let found = describe(&at.session, &self.instance).await?;
        let Some(arn) = found.and_then(|db| db.db_instance_arn) else {
            return Err(attempt.never("it does not exist", "Restore it again."));
        };
        let tag = Tag::builder().key(tags::LIVE).value(&self.database).build();
        let request = at.session.rds().add_tags_to_resource().resource_name(arn).tags(tag);
        request.send().await.map_err(|e| attempt.failed(e))?;
        Ok(begun(&self.instance))
    }

    /// Reads it back.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        Ok(match self.probe(at).await? {
            Probe::Present(_) => Progress::Done { outputs: Outputs::new(), detail: "tagged as live".to_owned() },
            Probe::Absent => Progress::Running { percent: None, detail: "RDS does not show the tag yet".to_owned() },
        })
    }
}

impl Change for PointSecret {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        Ok(match standing(&at.session, at, &self.secret).await? {
            Some(Stands { ours: true, .. }) => Probe::Present(begun(&self.secret)),
            _ => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, name) = (&at.session, &self.secret);
        let attempt = session.changes("secretsmanager:PutSecretValue", format!("secret {name}"));
        let own = version(at.call, name);
        let text = match secrets::value(session, name).await? {
            Live::Value { version, .. } if version == own => return Ok(begun(name)),
            Live::Value { string: Some(text), .. } => text,
            Live::Value { .. } | Live::Empty => {
                return Err(attempt.never("it holds no text", "Write its JSON with host, port, username and password."));
            }
            Live::Missing => return Err(attempt.never("it does not exist", "Correct `endpoint_secret` in bbws.toml.")),
            Live::Doomed => return Err(attempt.never("it is scheduled for deletion", "Restore it, then retry.")),
        };
        if standing(session, at, name).await?.is_some_and(|stands| stands.made) {
            return Err(attempt.never(
                "somebody has moved it away from the version that this operation made",
                "Look who did, and ask for the restore anew.",
            ));
        }
        let there = at.elsewhere(self.to_region.as_deref().unwrap_or(&self.region)).await;
        let to = place(&there, &self.to, &attempt).await?;
        let leads = login::place(&text);
        let goes = |(host, port): &(String, u16), (wanted, at): &(String, u16)| {
            host.eq_ignore_ascii_case(wanted) && port == at
        };
        if leads.as_ref().is_some_and(|leads| goes(leads, &to)) {
            return Ok(finished(name));
        }
        let (left, wanted) = match self.away_from.as_slice() {
            [] => {
                let from = place(session, &self.from, &attempt).await?;
                let left = leads.as_ref().is_some_and(|leads| goes(leads, &from));
                (left, format!("{} at {}:{}", self.from, from.0, from.1))
            }
            away => {
                let left = leads.as_ref().is_some_and(|(host, _)| away.iter().any(|away| away.is_at(host)));
                let named: Vec<String> = away.iter().map(|a| format!("{} in {}", a.instance, a.region)).collect();
                (left, named.join(" or "))
            }
        };
        if !left {
            let leads =
                leads.map_or_else(|| "to no host and port".to_owned(), |(host, port)| format!("to {host}:{port}"));
            return Err(attempt.never(
                &format!("it leads {leads} and not to {wanted}"),
                "Nothing was changed. Correct the secret or `endpoint_secret` in bbws.toml, then retry.",
            ));
        }
        let Some(pointed) = pointed(&text, &to.0, to.1) else {
            return Err(attempt.never("its JSON names host or port twice", "Write each once, then retry."));
        };
        secrets::put(session, name, &own, &Value::String(&pointed)).await?;
        Ok(begun(name))
    }

    /// Reads it back.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let (session, own) = (&at.session, version(at.call, &self.secret));
        Ok(match secrets::value(session, &self.secret).await? {
            Live::Value { version, string: Some(text), .. } if version == own => {
                let (host, port) = login::place(&text).unwrap_or_default();
                let detail =
                    format!("{} leads to {host}:{port}; the version before keeps the stage {PREVIOUS}", self.secret);
                let led = leads(secrets::text_at(session, &self.secret, PREVIOUS).await?);
                Progress::Done { outputs: led.map(|led| (LED.to_owned(), led)).into_iter().collect(), detail }
            }
            _ => Progress::Failed {
                reason: format!(
                    "Secret {} is not as it was written: somebody gave it another version. Look who did before anything else.",
                    self.secret
                ),
            },
        })
    }
}

impl Change for PointSecretBack {
    /// Where the stage stands is looked at before it is moved.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        Ok(match standing(&at.session, at, &self.secret).await? {
            Some(Stands { made: true, .. }) => Probe::Absent,
            // What never came about has no way back.
            _ => Probe::Present(finished(&self.secret)),
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, name) = (&at.session, &self.secret);
        let own = version(at.call, name);
        let Some(stands) = standing(session, at, name).await?.filter(|stands| stands.made) else {
            return Ok(finished(name));
        };
        let led = at.call.inputs.get(LED);
        let moved = match led {
            // It leads there already, by an earlier attempt or by somebody.
            Some(_) => leads(secrets::text_at(session, name, CURRENT).await?).as_ref() == led,
            None => stands.back,
        };
        if moved {
            return Ok(begun(name));
        }
        let host = led.map_or("the host of what was live before", String::as_str);
        if !stands.ours {
            return Err(CloudError::Permanent {
                reason: format!(
                    "Secret {name} got another version since the cutover, which is left alone. Write {host} into it, and redeploy the services."
                ),
            });
        }
        let Some(led) = led else {
            return match stands.previous {
                Some(previous) => {
                    secrets::make_current(session, name, &previous, &own).await?;
                    Ok(begun(name))
                }
                None => Err(CloudError::Permanent {
                    reason: format!(
                        "Secret {name} has no version with the stage {PREVIOUS} to go back to. Write {host} into it, and redeploy the services."
                    ),
                }),
            };
        };
        // A later cutover that was rolled back has left its own version as the one before.
        let before = leads(secrets::text_at(session, name, PREVIOUS).await?);
        if let Some(previous) = stands.previous.filter(|_| before.as_ref() == Some(led)) {
            secrets::make_current(session, name, &previous, &own).await?;
            return Ok(begun(name));
        }
        let text = secrets::text_at(session, name, CURRENT).await?.unwrap_or_default();
        let place = led.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let Some(pointed) = place.and_then(|(host, port)| pointed(&text, host, port)) else {
            let attempt = session.changes("secretsmanager:PutSecretValue", format!("secret {name}"));
            return Err(attempt.never(
                "its JSON does not name host and port once",
                &format!("Write {host} into it, and redeploy the services."),
            ));
        };
        secrets::put(session, name, &version_back(at.call, name), &Value::String(&pointed)).await?;
        Ok(begun(name))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let (session, name) = (&at.session, &self.secret);
        let stands = standing(session, at, name).await?;
        if stands.as_ref().is_some_and(|stands| stands.ours) {
            return Ok(Progress::Running { percent: None, detail: "the stage has not moved yet".to_owned() });
        }
        if let (Some(led), true) = (at.call.inputs.get(LED), stands.is_some_and(|stands| stands.made)) {
            let now = leads(secrets::text_at(session, name, CURRENT).await?);
            if now.as_ref() != Some(led) {
                let now = now.unwrap_or_else(|| "no host and port".to_owned());
                let reason = format!(
                    "Secret {name} leads to {now} and not back to {led}: somebody gave it another version. Write {led} into it, and redeploy the services."
                );
                return Ok(Progress::Failed { reason });
            }
        }
        Ok(Progress::Done {
            outputs: Outputs::new(),
            detail: format!(
                "{name} leads to what was live before: redeploy the services, which read it at their start"
            ),
        })
    }
}

/// Where a secret's text leads, `host:port`.
fn leads(text: Option<Zeroizing<String>>) -> Option<String> {
    let (host, port) = login::place(&text?)?;
    Some(format!("{}:{port}", host.to_lowercase()))
}

/// How a secret stands to the version that this operation makes of it.
struct Stands {
    /// That version exists.
    made: bool,
    /// It is the current one.
    ours: bool,
    /// It is the one before the current one: the stage has moved back.
    back: bool,
    /// The version before the current one.
    previous: Option<String>,
}

/// None where there is no such secret.
async fn standing(session: &Session, at: &At<'_>, name: &str) -> Result<Option<Stands>, CloudError> {
    let Some(secret) = secrets::describe(session, name).await? else { return Ok(None) };
    let stages = secret.version_ids_to_stages.unwrap_or_default();
    let own = version(at.call, name);
    let at_stage = |wanted: &str| {
        let has = |stages: &Vec<String>| stages.iter().any(|stage| stage == wanted);
        stages.iter().find(|(_, stages)| has(stages)).map(|(id, _)| id.clone())
    };
    let previous = at_stage(PREVIOUS);
    Ok(Some(Stands {
        made: stages.contains_key(&own),
        ours: at_stage(CURRENT).as_ref() == Some(&own),
        back: previous.as_ref() == Some(&own),
        previous,
    }))
}

/// Where RDS says that an instance is reached.
async fn place(session: &Session, instance: &str, attempt: &Attempt<'_>) -> Result<(String, u16), CloudError> {
    let Some(found) = describe(session, instance).await? else {
        return Err(attempt.never(&format!("{instance} does not exist"), "Restore it again."));
    };
    endpoint(&found).ok_or_else(|| attempt.later(&format!("RDS tells no endpoint of {instance}"), None))
}

/// The same JSON with another host and port; none where either is not there exactly once.
fn pointed(text: &str, host: &str, port: u16) -> Option<Zeroizing<String>> {
    let members = members(text)?;
    let only = |key: &str| {
        let mut found = members.iter().filter(|(name, _)| name == key);
        found.next().filter(|_| found.next().is_none()).map(|(_, place)| place.clone())
    };
    let (at_host, at_port) = (only("host")?, only("port")?);
    // A port that is written as text stays text.
    let port = if text[at_port.clone()].starts_with('"') { format!("\"{port}\"") } else { port.to_string() };
    let mut changes = [(at_host, format!("\"{host}\"")), (at_port, port)];
    changes.sort_by_key(|(place, _)| place.start);
    // Room for everything from the start: a text that grows leaves unwiped copies behind.
    let room = text.len() + changes.iter().map(|(_, new)| new.len()).sum::<usize>();
    let mut pointed = Zeroizing::new(String::with_capacity(room));
    let mut from = 0;
    for (place, new) in changes {
        pointed.push_str(&text[from..place.start]);
        pointed.push_str(&new);
        from = place.end;
    }
    pointed.push_str(&text[from..]);
    Some(pointed)
}

/// The members of a JSON object, each with the place of its value. The text was read as JSON before.
fn members(text: &str) -> Option<Vec<(String, Range<usize>)>> {
    let bytes = text.as_bytes();
    let blank = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        at
    };
    let mut members = Vec::new();
    let mut at = blank(blank(0) + 1);
    while bytes.get(at) == Some(&b'"') {
        let key = at..end_of(bytes, at)?;
        at = blank(blank(key.end) + 1);
        let value = at..end_of(bytes, at)?;
        members.push((serde_json::from_str(text.get(key)?).ok()?, value.clone()));
        at = blank(blank(value.end) + 1);
    }
    Some(members)
}

/// Where the JSON value that begins here ends.
fn end_of(bytes: &[u8], begin: usize) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate().skip(begin) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => {
                quoted = !quoted;
                if !quoted && depth == 0 {
                    return Some(at + 1);
                }
            }
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b',' if depth == 0 => return Some(at),
            byte if depth == 0 && byte.is_ascii_whitespace() => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_secret_only_host_and_port_change_byte_for_byte() {
        for (text, wanted) in [
            (r#"{"host":"old","port":3306}"#, r#"{"host":"new.example","port":3307}"#),
            (
                "{ \"port\" : \"3306\",\n\t\"password\":\"a\\\"b{,}\\\\\", \"x\":{\"host\":\"inner\",\"port\":1}, \"host\" :\"old\" , \"n\": [1, 2] }\n",
                "{ \"port\" : \"3307\",\n\t\"password\":\"a\\\"b{,}\\\\\", \"x\":{\"host\":\"inner\",\"port\":1}, \"host\" :\"new.example\" , \"n\": [1, 2] }\n",
            ),
            (r#"{"h\u006fst":"ö","port":1.0e3,"é":null}"#, r#"{"h\u006fst":"new.example","port":3307,"é":null}"#),
        ] {
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
            assert_eq!(pointed(text, "new.example", 3307).unwrap().as_str(), wanted);
        }
        for text in ["{}", r#"{"host":"a"}"#, r#"{"host":"a","host":"b","port":1}"#, "[]", "", "\"host\"", "{\"host\""]
        {
            assert!(pointed(text, "new.example", 3307).is_none(), "{text}");
        }
    }
}
