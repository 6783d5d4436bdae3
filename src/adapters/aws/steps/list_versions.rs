//! Which versions of a bucket's objects were current at a moment and are not now: a sealed list in the bucket of archives,
//! which says of each object what to do and what was current instead.
//!
//! A list goes by keys, so that a bucket and its replica are read side by side; memory is that of one page of either.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_s3::types::{DeleteMarkerEntry, ObjectVersion};
use aws_smithy_types::DateTime;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        background::{Outcome, Teller},
        s3::Object,
        session::Session,
    },
    At, Change,
    lines::{self, Lines},
    objects,
    record::{self, Marker, Page},
    uploads,
};
use crate::{
    domain::{
        attachment::{Attachment, Report, Table},
        moment::Moment,
        step::{ListVersions, Outputs, Versions},
        text::{count, escape, number},
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// One object that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: String,
    #[serde(rename = "do")]
    pub(super) act: Act,
    /// The version that was current at the moment asked for.
    pub(super) version: String,
    pub(super) size: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) class: Option<String>,
    /// What is current instead.
    pub(super) was: Was,
}

/// What brings an object back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Act {
    /// The version is copied on top.
    Copy,
    /// The one delete marker above the version is removed.
    Unmark,
    /// Nothing: the version lies in a storage class from which it would have to be thawed.
    Frozen,
}

/// What was current when the list was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Was {
    /// A version, with its ETag without quotes.
    Version { id: String, etag: String },
    /// A delete marker.
    Marker { id: String },
    /// Nothing of that key.
    Nothing,
}

/// Storage classes whose objects cannot be read before they are thawed, which is paid for by the GiB: S3's name, what people
/// call it, and how long a thaw takes.
const FROZEN: [(&str, &str, &str); 2] = [
    ("GLACIER", "Glacier Flexible Retrieval", "3 to 5 hours, or up to 12 in bulk"),
    ("DEEP_ARCHIVE", "Glacier Deep Archive", "up to 12 hours, or up to 48 in bulk"),
];

impl Change for ListVersions {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        objects::written(at, &self.versions.archive, &self.versions.list).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let from = match &self.versions.from {
            Some((region, _)) => at.elsewhere(region).await,
            None => Arc::clone(&at.session),
        };
        let (session, call, what) = (Arc::clone(&at.session), at.call.clone(), self.versions.clone());
        let work = |tell| list(session, from, call, what, tell);
        uploads::start(at, &at.object(&self.versions.archive, &self.versions.list), work).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let object = at.object(&self.versions.archive, &self.versions.list);
        let found = |made: Started| Progress::Done { detail: String::new(), outputs: made.outputs };
        match uploads::poll(at, &object, found).await? {
            // Another process, or an earlier life of this one, wrote it: what it comes to stands in it.
            Progress::Done { detail, outputs } if detail.is_empty() => {
                let counted = lines::whole(&at.session, &object).await?.sums().unwrap_or_default();
                Ok(done(&counted, outputs, &self.versions))
            }
            progress => Ok(progress),
        }
    }
}

fn done(counted: &Counted, mut outputs: Outputs, what: &Versions) -> Progress {
    outputs.remove("count");
    outputs.extend(counted.outputs());
    outputs.extend([counted.report(what).to_output()]);
    Progress::Done { outputs, detail: counted.words() }
}

/// What a list counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    overwritten: u64,
    deleted: u64,
    /// Came since, and stays.
    newer: u64,
    same: u64,
    bytes: u64,
    /// By storage class: objects and bytes.
    frozen: BTreeMap<String, (u64, u64)>,
}

async fn list(session: Arc<Session>, from: Arc<Session>, call: Call, what: Versions, tell: Teller) -> Outcome {
    let account = call.environment.account.clone();
    let object = Object { account: &account, bucket: &what.archive, key: &what.list };
    let (mut lines, mut counted) = (Lines::new()?, Counted::default());
    let mut here = Groups::new(&session, &what.bucket, &what.prefix, &account);
    let mut there = what.from.as_ref().map(|(_, bucket)| Groups::new(&from, bucket, &what.prefix, &account));
    let mut keys = 0_u64;
    while let Some(pair) = next(&mut here, there.as_mut()).await? {
        if let Some(entry) = pair.judge(what.as_of, &mut counted) {
            lines.add(&entry)?;
        }
        keys += 1;
        if keys.is_multiple_of(1000) {
            tell.tell(None, count(keys, "object"));
            lines.send(&session, &call, &object).await?;
        }
    }
    lines.seal(&counted)?;
    let outputs = lines.finish(&session, &call, &object, []).await?;
    Ok(done(&counted, outputs, &what))
}

/// Everything there is of a key, the newest first.
pub(super) struct Group {
    pub(super) key: String,
    entries: Vec<Version>,
}

/// A version or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    id: String,
    /// Milliseconds since 1970; S3 tells whole seconds.
    made: i64,
    latest: bool,
    object: Option<Content>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    etag: String,
    size: i64,
    class: Option<String>,
}

/// One key in the bucket and in what is brought back from; one of them may not have it.
struct Two {
    key: String,
    here: Vec<Version>,
    /// None where it is the bucket itself.
    there: Option<Vec<Version>>,
}

impl Two {
    /// What is to be done, if anything.
    fn judge(&self, as_of: Moment, counted: &mut Counted) -> Option<Entry> {
        let from = self.there.as_ref().unwrap_or(&self.here);
        let then = from.iter().find(|version| version.made <= as_of.0);
        let live = self.here.first();
        let Some((wanted, content)) = then.and_then(|version| Some((version, version.object.as_ref()?))) else {
            counted.newer += u64::from(live.is_some_and(|live| live.object.is_some()));
            return None;
        };
        let was = match live.map(|live| (live, &live.object)) {
            Some((live, Some(now)))
                if live.id == wanted.id || (now.etag == content.etag && now.size == content.size) =>
            {
                counted.same += 1;
                return None;
            }
            Some((live, Some(now))) => Was::Version { id: live.id.clone(), etag: now.etag.clone() },
            Some((live, None)) => Was::Marker { id: live.id.clone() },
            None => Was::Nothing,
        };
        let only_hidden = matches!(was, Was::Marker { .. }) && self.here.get(1).map(|v| &v.id) == Some(&wanted.id);
        let class = content.class.clone();
        let act = match &class {
            _ if only_hidden => Act::Unmark,
            Some(class) if FROZEN.iter().any(|(name, ..)| name == class) => Act::Frozen,
            _ => Act::Copy,
        };
        let size = u64::try_from(content.size).unwrap_or(0);
        match (act, &was, &class) {
            (Act::Frozen, _, Some(class)) => {
                let (objects, bytes) = counted.frozen.entry(class.clone()).or_default();
                (*objects, *bytes) = (*objects + 1, *bytes + size);
            }
            (_, Was::Version { .. }, _) => counted.overwritten += 1,
            (_, Was::Marker { .. } | Was::Nothing, _) => counted.deleted += 1,
        }
        if act == Act::Copy {
            counted.bytes += size;
        }
        Some(Entry { key: self.key.clone(), act, version: wanted.id.clone(), size: content.size, class, was })
    }
}

/// The next key of either.
async fn next(here: &mut Groups<'_>, there: Option<&mut Groups<'_>>) -> Result<Option<Two>, CloudError> {
    let Some(there) = there else {
        let group = here.next().await?;
        return Ok(group.map(|group| Two { key: group.key, here: group.entries, there: None }));
    };
    let (ours, theirs) = (here.peek().await?.map(str::to_owned), there.peek().await?.map(str::to_owned));
    let key = match (ours, theirs) {
        (None, None) => return Ok(None),
        (Some(one), None) | (None, Some(one)) => one,
        (Some(one), Some(other)) => one.min(other),
    };
    let ours = here.take(&key).await?;
    let theirs = there.take(&key).await?;
    let entries = |group: Option<Group>| group.map(|group| group.entries).unwrap_or_default();
    Ok(Some(Two { key, here: entries(ours), there: Some(entries(theirs)) }))
}

/// The keys of a bucket with everything there is of each, in the order of their bytes.
pub(super) struct Groups<'s> {
    session: &'s Session,
    bucket: &'s str,
    prefix: &'s str,
    account: &'s str,
    /// Where the listing goes on; none once it has ended.
    marker: Option<Marker>,
    read: BTreeMap<String, Vec<Version>>,
    /// The last key read: more of it may follow.
    last: Option<String>,
}

impl<'s> Groups<'s> {
    pub(super) fn new(session: &'s Session, bucket: &'s str, prefix: &'s str, account: &'s str) -> Groups<'s> {
        let marker = Some(Marker::default());
        Groups { session, bucket, prefix, account, marker, read: BTreeMap::new(), last: None }
    }

    /// The next key, if there is one.
    pub(super) async fn peek(&mut self) -> Result<Option<&str>, CloudError> {
        loop {
            let whole = match (self.read.first_key_value(), &self.last) {
                // Keys before the last one are complete.
                (Some((first, _)), Some(last)) => first != last,
                _ => false,
            };
            if whole || self.marker.is_none() {
                break;
            }
            let marker = self.marker.take().unwrap_or_default();
            let (page, next) = record::page(self.session, self.bucket, self.prefix, self.account, marker).await?;
            self.marker = next;
            self.add(page);
        }
        Ok(self.read.first_key_value().map(|(key, _)| key.as_str()))
    }

    pub(super) async fn next(&mut self) -> Result<Option<Group>, CloudError> {
        if self.peek().await?.is_none() {
            return Ok(None);
        }
        Ok(self.read.pop_first().map(|(key, mut entries)| {
            // S3 tells versions and markers apart, each in its order; within a second the latest is told by its own word.
            entries.sort_by_key(|version| std::cmp::Reverse((version.latest, version.made)));
            Group { key, entries }
        }))
    }

    /// What there is of this key, where it is the next one.
    pub(super) async fn take(&mut self, key: &str) -> Result<Option<Group>, CloudError> {
        match self.peek().await? == Some(key) {
            true => self.next().await,
            false => Ok(None),
        }
    }

    fn add(&mut self, page: Page) {
        let versions = page.versions.into_iter().map(of_version).chain(page.markers.into_iter().map(of_marker));
        for (key, version) in versions {
            if self.last.as_ref().is_none_or(|last| *last < key) {
                self.last = Some(key.clone());
            }
            self.read.entry(key).or_default().push(version);
        }
    }
}

impl Group {
    /// The current version with its size; none where there is none, or a delete marker.
    pub(super) fn current(&self) -> Option<(&str, i64)> {
        let first = self.entries.first()?;
        Some((&first.id, first.object.as_ref()?.size))
    }
}

fn of_version(version: ObjectVersion) -> (String, Version) {
    let content = Content {
        etag: version.e_tag().unwrap_or_default().trim_matches('"').to_owned(),
        size: version.size().unwrap_or(0),
        class: version.storage_class().map(|class| class.as_str().to_owned()).filter(|class| class != "STANDARD"),
    };
    let found = Version {
        id: version.version_id.unwrap_or_else(|| "null".to_owned()),
        made: millis(version.last_modified),
        latest: version.is_latest.unwrap_or(false),
        object: Some(content),
    };
    (version.key.unwrap_or_default(), found)
}

fn of_marker(marker: DeleteMarkerEntry) -> (String, Version) {
    let found = Version {
        id: marker.version_id.unwrap_or_else(|| "null".to_owned()),
        made: millis(marker.last_modified),
        latest: marker.is_latest.unwrap_or(false),
        object: None,
    };
    (marker.key.unwrap_or_default(), found)
}

fn millis(at: Option<DateTime>) -> i64 {
    at.and_then(|at| at.to_millis().ok()).unwrap_or(i64::MAX)
}

impl Counted {
    fn frozen(&self) -> (u64, u64) {
        self.frozen.values().fold((0, 0), |(objects, bytes), (o, b)| (objects + o, bytes + b))
    }

    fn outputs(&self) -> Outputs {
        let numbers = [
            ("overwritten", self.overwritten),
            ("deleted", self.deleted),
            ("newer", self.newer),
            ("same", self.same),
            ("bytes", self.bytes),
            ("frozen", self.frozen().0),
        ];
        numbers.into_iter().map(|(name, number)| (name.to_owned(), number.to_string())).collect()
    }

    fn words(&self) -> String {
        let mut words = format!(
            "{} overwritten since and {} deleted since come back ({} to copy), {} newer stay, {} as they were",
            spoken(self.overwritten),
            spoken(self.deleted),
            uploads::bytes(self.bytes),
            spoken(self.newer),
            spoken(self.same)
        );
        for (class, (objects, bytes)) in &self.frozen {
            words.push_str(&format!("; not brought back: {}", cold(class, *objects, *bytes)));
        }
        words
    }

    /// What bringing them back would do, for whoever is asked whether it shall be.
    fn report(&self, what: &Versions) -> Report {
        let row = |name: &str, objects: u64, becomes: &str| vec![name.to_owned(), spoken(objects), becomes.to_owned()];
        let mut rows = vec![
            row(
                "overwritten since",
                self.overwritten,
                "the earlier version is copied on top; the later one stays below it",
            ),
            row("deleted since", self.deleted, "comes back"),
            row("came since", self.newer, "stays"),
            row("as it was", self.same, "stays"),
        ];
        for (class, (objects, bytes)) in &self.frozen {
            rows.push(row("archived", *objects, &cold(class, *objects, *bytes)));
        }
        let source = what.from.as_ref().map_or(&what.bucket, |(_, bucket)| bucket);
        let text = format!(
            "*{}* as of {} out of *{}*: {} come back.",
            escape(&what.bucket),
            what.as_of,
            escape(source),
            count(self.overwritten + self.deleted, "object")
        );
        let table = Table {
            caption: format!(
                "Objects of {} under {}",
                what.bucket,
                if what.prefix.is_empty() { "/" } else { &what.prefix }
            ),
            columns: ["Objects", "How many", "What becomes of them"].map(str::to_owned).to_vec(),
            rows,
            offers: Vec::new(),
        };
        Report { text, attachment: Attachment { table: Some(table), ..Attachment::default() }, breaches: Vec::new() }
    }
}

fn spoken(n: u64) -> String {
    number(usize::try_from(n).unwrap_or(usize::MAX))
}

/// `3 objects, 1.2 GiB in DEEP_ARCHIVE (Glacier Deep Archive): …`.
fn cold(class: &str, objects: u64, bytes: u64) -> String {
    let (called, takes) =
        FROZEN.iter().find(|(name, ..)| *name == class).map_or(("", "hours"), |(_, called, takes)| (called, takes));
    format!(
        "{}, {} in {class} ({called}): a thaw takes {takes}, and is charged by the GiB; ask for it in S3, then restore again",
        count(objects, "object"),
        uploads::bytes(bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(id: &str, made: i64, etag: Option<&str>) -> Version {
        let object = etag.map(|etag| Content { etag: etag.into(), size: 5, class: None });
        Version { id: id.into(), made, latest: false, object }
    }

    fn judged(here: Vec<Version>, there: Option<Vec<Version>>) -> (Option<(Act, Was)>, Counted) {
        let mut counted = Counted::default();
        let two = Two { key: "k".into(), here, there };
        let entry = two.judge(Moment(100), &mut counted);
        (entry.map(|entry| (entry.act, entry.was)), counted)
    }

    #[test]
    fn an_object_is_brought_back_by_what_happened_to_it() {
        let old = || version("v1", 90, Some("a"));
        let overwritten = Was::Version { id: "v2".into(), etag: "b".into() };
        assert_eq!(judged(vec![version("v2", 110, Some("b")), old()], None).0, Some((Act::Copy, overwritten)));
        let hidden = Was::Marker { id: "m".into() };
        assert_eq!(judged(vec![version("m", 110, None), old()], None).0, Some((Act::Unmark, hidden.clone())));
        // Below the marker lies something later than what is wanted.
        let deeper = vec![version("m", 120, None), version("v2", 110, Some("b")), old()];
        assert_eq!(judged(deeper, None).0, Some((Act::Copy, hidden)));
        let (entry, counted) = judged(vec![version("v2", 110, Some("b"))], None);
        assert_eq!((entry, counted.newer), (None, 1), "it came since");
        assert_eq!(judged(vec![old()], None).1.same, 1);
        let deleted_then = vec![version("v2", 110, Some("b")), version("m", 95, None), old()];
        assert_eq!((judged(deleted_then.clone(), None).0, judged(deleted_then, None).1.newer), (None, 1));
        assert_eq!(judged(vec![version("v2", 110, Some("a")), old()], None).1.same, 1, "the same bytes again");
    }

    #[test]
    fn a_replica_tells_what_was_and_the_bucket_what_is() {
        let old = version("v1", 90, Some("a"));
        assert_eq!(judged(vec![], Some(vec![old.clone()])).0, Some((Act::Copy, Was::Nothing)));
        // Markers are not replicated; removing one would bring back what the bucket itself has.
        let marker = vec![version("m", 110, None), version("v0", 80, Some("z"))];
        assert_eq!(judged(marker, Some(vec![old.clone()])).0, Some((Act::Copy, Was::Marker { id: "m".into() })));
        assert_eq!(judged(vec![old.clone()], Some(vec![old])).1.same, 1);
        assert_eq!(judged(vec![version("v9", 99, Some("q"))], Some(vec![])).1.newer, 1);
    }

    #[test]
    fn what_is_archived_is_named_with_hours_and_never_copied() {
        let mut cold = version("v1", 90, Some("a"));
        cold.object.as_mut().unwrap().class = Some("DEEP_ARCHIVE".into());
        let (entry, counted) = judged(vec![version("v2", 110, Some("b")), cold.clone()], None);
        assert_eq!(entry.map(|(act, _)| act), Some(Act::Frozen));
        assert_eq!((counted.overwritten, counted.bytes, counted.frozen()), (0, 0, (1, 5)));
        assert!(
            counted.words().ends_with(
                "; not brought back: 1 object, 5 bytes in DEEP_ARCHIVE (Glacier Deep Archive): a thaw takes up to 12 hours, \
                 or up to 48 in bulk, and is charged by the GiB; ask for it in S3, then restore again"
            ),
            "{}",
            counted.words()
        );
        // Below its marker it comes back as it lies, and nothing has to be read.
        assert_eq!(judged(vec![version("m", 110, None), cold], None).0.map(|(act, _)| act), Some(Act::Unmark));
    }
}
