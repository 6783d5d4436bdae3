//! The files of the sample, on both sides: size, time, SHA-256 of what is in them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};

use super::{
    Limits,
    answers::{Facts, Handle, Kind, Time},
    nfs::{CHUNK, Client, Trouble},
    walk::{Chosen, Walked},
    words::{count, number, path, several, size},
};

/// So many files in folders that were moved since the backup are no reason to doubt it, or one in twenty.
const EXCUSED: u64 = 1;

/// A line to either side.
pub(super) struct Pair {
    pub(super) restored: Client,
    pub(super) source: Client,
}

/// What became of one file.
enum Verdict {
    Same {
        read: u64,
        partly: bool,
    },
    Differs(&'static str),
    /// The source's file changed or went while it was looked at.
    Changed,
    /// It is not in the restored tree, but may have been moved to where it is since.
    Moved,
    Unknown(String),
}

/// What the comparison is about.
pub(super) struct Task<'t> {
    pub(super) walked: &'t Walked,
    /// The folder of the restored tree that plays the root.
    pub(super) base: &'t Handle,
    pub(super) margin: Time,
    pub(super) limits: &'t Limits,
    pub(super) until: Instant,
}

impl Task<'_> {
    /// Compares, by all pairs side by side, and tells what came of it.
    pub(super) async fn compare(
        &self,
        pairs: &mut [Pair],
        tell: &(impl Fn(Option<u8>, String) + Sync),
    ) -> Result<String, String> {
        let (next, verdicts) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let fits = self.fits();
        let workers = pairs.iter_mut().map(|pair| async {
            while let Some(file) = self.walked.chosen[..fits].get(next.fetch_add(1, Ordering::Relaxed)) {
                let verdict = self.one(pair, file).await;
                let done = {
                    let mut verdicts = verdicts.lock().unwrap_or_else(PoisonError::into_inner);
                    verdicts.insert(self.walked.tree.path(file.folder, &file.name), verdict);
                    verdicts.len()
                };
                let percent = u8::try_from(done * 100 / fits.max(1)).unwrap_or(100);
                tell(Some(percent), format!("{} of {fits} files compared", number(done as u64)));
            }
        });
        let _ = timeout_at(self.until, futures::future::join_all(workers)).await;
        let verdicts = verdicts.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.sentence(&verdicts, fits)
    }

    /// How many of the chosen may be read by the limit of bytes.
    fn fits(&self) -> usize {
        let mut left = self.limits.bytes;
        let fits = |file: &&Chosen| match left.checked_sub(file.facts.size.min(self.limits.bytes_per_file)) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        };
        self.walked.chosen.iter().take_while(fits).count()
    }

    async fn one(&self, pair: &mut Pair, file: &Chosen) -> Verdict {
        let before = &file.facts;
        let verdict = self.look(pair, file).await;
        // Whatever was found: it is about nothing if the source's file is not what it was.
        match pair.source.look(&before.handle).await {
            Ok(now) if now.ctime != before.ctime => Verdict::Changed,
            Ok(_) => verdict,
            Err(trouble) if trouble.absent() => Verdict::Changed,
            Err(trouble) => Verdict::Unknown(format!("source: {}", trouble.words())),
        }
    }

    async fn look(&self, pair: &mut Pair, file: &Chosen) -> Verdict {
        let (tree, wanted) = (&self.walked.tree, &file.facts);
        let here = match pair.restored.find(Some(self.base), &tree.names(file.folder, &file.name)).await {
            Ok(here) => here,
            Err(trouble) if trouble.absent() => return self.missing(pair, file).await,
            Err(trouble) => return Verdict::Unknown(format!("restored: {}", trouble.words())),
        };
        if let Some(what) = difference(&here, wanted) {
            return Verdict::Differs(what);
        }
        let ranges = ranges(wanted.size, self.limits.bytes_per_file);
        let (ours, theirs) = tokio::join!(
            digest(&mut pair.restored, &here.handle, &ranges),
            digest(&mut pair.source, &wanted.handle, &ranges)
        );
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) if ours == theirs => {
                Verdict::Same { read: ranges.iter().map(|range| range.1).sum(), partly: ranges.len() > 1 }
            }
            (Ok(_), Ok(_)) => Verdict::Differs("other contents"),
            (Err(trouble), _) => Verdict::Unknown(format!("restored: {}", trouble.words())),
            (_, Err(trouble)) => Verdict::Unknown(format!("source: {}", trouble.words())),
        }
    }

    /// A file whose folder was restored without it is missing: had it been put there since, it would have changed since. Only a
    /// whole folder may have been moved to where it is.
    async fn missing(&self, pair: &mut Pair, file: &Chosen) -> Verdict {
        let tree = &self.walked.tree;
        let names = tree.names(file.folder, &file.name);
        let folder = &names[..names.len().saturating_sub(1)];
        match pair.restored.find(Some(self.base), folder).await {
            Ok(found) if found.kind == Kind::Folder => Verdict::Differs("missing"),
            Err(trouble) if !trouble.absent() => Verdict::Unknown(format!("restored: {}", trouble.words())),
            _ if tree.moved_since(file.folder, self.margin) => Verdict::Moved,
            _ => Verdict::Differs("missing"),
        }
    }

    fn sentence(&self, verdicts: &BTreeMap<Vec<u8>, Verdict>, fits: usize) -> Result<String, String> {
        let (mut same, mut read, mut partly, mut changed, mut moved) = (0, 0, 0, 0, 0);
        let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
        for (name, verdict) in verdicts {
            match verdict {
                Verdict::Same { read: bytes, partly: part } => {
                    (same, read, partly) = (same + 1, read + bytes, partly + u64::from(*part));
                }
                Verdict::Differs(how) => wrong.push(format!("{} ({how})", path(name))),
                Verdict::Changed => changed += 1,
                Verdict::Moved => moved += 1,
                Verdict::Unknown(why) => unknown.push(format!("{} ({why})", path(name))),
            }
        }
        let mut also = self.also(partly, changed, moved);
        let chosen = self.walked.chosen.len();
        if verdicts.len() < chosen {
            let why = if verdicts.len() < fits { "the time was up" } else { "enough bytes were read" };
            also.push_str(&format!(" Of {} that were chosen, {} were looked at when {why}.", chosen, verdicts.len()));
        }
        let unread = &self.walked.unread;
        if !unread.is_empty() {
            also.push_str(&format!(" Of the source cannot be read: {}.", several(unread)));
        }
        let older = count(self.walked.older, "file");
        if !wrong.is_empty() || !unknown.is_empty() {
            let mut told = String::new();
            if !wrong.is_empty() {
                told = format!("{} not as in the source: {}. ", are(wrong.len(), "file"), several(&wrong));
            }
            if !unknown.is_empty() {
                told += &format!("{} unknown: {}. ", are(unknown.len(), "file"), several(&unknown));
            }
            return Err(format!("{told}Of {older} older than the backup, {} the same.{also}", are(same, "")));
        }
        if same == 0 {
            return Err(format!("None of {older} older than the backup could be compared, so this is unknown.{also}"));
        }
        if moved > EXCUSED.max(same as u64 / 20) {
            return Err(format!(
                "Too many files are missing ({}, and {} the same) to say that all was restored. Back up again, then test \
                 again.{also}",
                number(moved),
                are(same, "")
            ));
        }
        if same * 2 < fits {
            return Err(format!(
                "Only {} of {} files that were chosen could be compared, too few to tell. Test again.{also}",
                number(same as u64),
                number(fits as u64)
            ));
        }
        let told = format!(
            "{} of {older} older than the backup, {}, {} the same: size, time and SHA-256.{also}",
            number(same as u64),
            size(read),
            if same == 1 { "is" } else { "are" }
        );
        if unread.is_empty() { Ok(told) } else { Err(told) }
    }

    /// What else there is to know.
    fn also(&self, partly: u64, changed: u64, moved: u64) -> String {
        let mut also = String::new();
        if partly > 0 {
            let (limit, half) = (size(self.limits.bytes_per_file), size(self.limits.bytes_per_file / 2));
            also += &format!(" {} larger than {limit}: the first and the last {half} were read.", were(partly));
        }
        if changed > 0 {
            also += &format!(" {} changed at the source meanwhile and do not count.", count(changed, "file"));
        }
        if moved > 0 {
            let moved = count(moved, "file");
            also += &format!(
                " {moved} missing in the restored folder do not count, since folders on the way changed after the backup."
            );
        }
        if let Some(cut) = &self.walked.cut {
            also += &format!(" Only {cut} of the source were looked at.");
        }
        if self.walked.shuffled > 0 {
            let folders = count(self.walked.shuffled, "folder");
            also += &format!(" {folders} changed while being listed, and were not listed to the end.");
        }
        also
    }
}

fn are(n: usize, what: &str) -> String {
    let counted = if what.is_empty() { number(n as u64) } else { count(n as u64, what) };
    format!("{counted} {}", if n == 1 { "is" } else { "are" })
}

fn were(n: u64) -> String {
    format!("{} {}", number(n), if n == 1 { "was" } else { "were" })
}

/// Restores keep times, but not every one keeps the fractions of a second.
fn difference(ours: &Facts, theirs: &Facts) -> Option<&'static str> {
    if ours.kind != Kind::File {
        Some("no regular file")
    } else if ours.size != theirs.size {
        Some("another size")
    } else if ours.mtime.0 != theirs.mtime.0 {
        Some("another time")
    } else {
        None
    }
}

/// Where to read, and how much: everything, or of a large file both ends.
fn ranges(size: u64, most: u64) -> Vec<(u64, u64)> {
    if size <= most {
        return vec![(0, size)];
    }
    let half = most / 2;
    vec![(0, half), (size - half, half)]
}

/// SHA-256 of parts of a file, which is over when the server says so.
async fn digest(client: &mut Client, file: &Handle, ranges: &[(u64, u64)]) -> Result<[u8; 32], Trouble> {
    let mut hash = Sha256::new();
    for (start, length) in ranges {
        let (mut offset, end) = (*start, start + length);
        while offset < end {
            let want = u32::try_from(end - offset).unwrap_or(CHUNK).min(CHUNK);
            let (bytes, over) = client.read(file, offset, want).await?;
            hash.update(&bytes);
            offset += bytes.len() as u64;
            if over {
                break;
            }
        }
        // A part that ends early is another part.
        hash.update(offset.to_be_bytes());
    }
    Ok(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_are_read_at_both_ends() {
        assert_eq!(ranges(0, 10), [(0, 0)]);
        assert_eq!(ranges(10, 10), [(0, 10)]);
        assert_eq!(ranges(11, 10), [(0, 5), (6, 5)]);
        assert_eq!(ranges(u64::MAX, 10), [(0, 5), (u64::MAX - 5, 5)]);
        assert_eq!(ranges(5, 0), [(0, 0), (5, 0)]);
    }
}
