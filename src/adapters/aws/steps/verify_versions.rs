//! A bucket listed again after its objects were brought back, held against the list of what was to be.

use std::sync::Arc;

use super::{
    super::{
        background::{Outcome, Teller},
        s3::Object,
        session::Session,
    },
    At, Look, lines,
    list_versions::{Act, Entry, Groups, Was},
    verify_secrets::listed,
};
use crate::{
    domain::{
        step::{ISSUE, Outputs, VerifyVersions, Versions},
        text::count,
    },
    ports::cloud::{Call, CloudError, Progress},
};

/// More names than this are counted, not told.
const NAMED: usize = 10;

impl Look for VerifyVersions {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let what = self.versions.clone();
        at.watch(|session, call, tell| verify(session, call, what, tell))
    }
}

async fn verify(session: Arc<Session>, call: Call, what: Versions, tell: Teller) -> Outcome {
    let account = &call.environment.account;
    let object = Object { account, bucket: &what.archive, key: &what.list };
    let list = lines::whole(&session, &object).await?;
    let mut reading = list.read(&session, &object).await?;
    let mut live = Groups::new(&session, &what.bucket, &what.prefix, account);
    let (mut good, mut wrong, mut names) = (0_u64, 0_u64, Vec::new());
    while let Some(entries) = reading.next::<Entry>().await? {
        for entry in entries.iter().filter(|entry| entry.act != Act::Frozen) {
            match is_back(&mut live, entry).await? {
                true => good += 1,
                false => {
                    wrong += 1;
                    if names.len() < NAMED {
                        names.push(entry.key.clone());
                    }
                }
            }
        }
        tell.tell(None, format!("{} looked at", count(good + wrong, "object")));
    }
    // Those that somebody wrote meanwhile were left as they are.
    let left = call.inputs.get("left").and_then(|left| left.parse::<u64>().ok()).unwrap_or(0);
    let mut outputs: Outputs =
        [("verified", good), ("wrong", wrong)].map(|(name, number)| (name.to_owned(), number.to_string())).into();
    if wrong > left {
        let reason = format!(
            "Of bucket {} in {} {} not back: {}. Look who writes them, then restore again.",
            what.bucket,
            session.region,
            count(wrong, "object"),
            listed(&names)
        );
        return Ok(Progress::Refuted { reason, outputs });
    }
    let mut detail = format!("{} back, listed again", count(good, "object"));
    if wrong > 0 {
        let words = format!("{} written anew meanwhile and left so: {}", count(wrong, "object"), listed(&names));
        detail.push_str(&format!("; {words}"));
        outputs.insert(ISSUE.to_owned(), words);
    }
    Ok(Progress::Done { outputs, detail })
}

/// Whether an object of the list is current again. The list and the bucket are in the same order of keys.
async fn is_back(live: &mut Groups<'_>, entry: &Entry) -> Result<bool, CloudError> {
    while live.peek().await?.is_some_and(|key| key < entry.key.as_str()) {
        live.next().await?;
    }
    let Some(group) = live.take(&entry.key).await? else { return Ok(false) };
    let Some((id, size)) = group.current() else { return Ok(false) };
    Ok(match (entry.act, &entry.was) {
        (Act::Unmark, _) => id == entry.version,
        (_, Was::Version { id: was, .. }) => id != was && size == entry.size,
        (_, Was::Marker { .. } | Was::Nothing) => size == entry.size,
    })
}
