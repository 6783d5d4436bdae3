//! Walks a file system, folder by folder, and chooses a uniform sample of its files as it goes.
//!
//! Memory is bounded by the number of entries: a folder is its name and its parent, a file is forgotten unless it is among
//! the chosen. Folders nearer to the root come first, those at one depth in an order that the seed makes, so that a walk that
//! is cut short saw other folders each time.

use std::{cmp::Reverse, collections::BinaryHeap};

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{
    answers::{Entry, Facts, Handle, Kind, Position, Time},
    nfs::{Client, Trouble},
    words,
};

/// Deeper than EFS lets folders be.
const DEEPEST: u32 = 1000;
/// Progress is told about every so many entries.
const STRIDE: u64 = 5000;

/// How far to go.
pub(super) struct Reach<'w> {
    pub(super) seed: &'w str,
    /// Files that changed later do not count.
    pub(super) margin: Time,
    pub(super) entries: u64,
    pub(super) files: usize,
    pub(super) until: Instant,
}

/// Folders by number; the first is the root.
#[derive(Default)]
pub(super) struct Tree(Vec<Folder>);

struct Folder {
    parent: usize,
    name: Box<[u8]>,
    ctime: Time,
}

impl Tree {
    /// From a folder up to the root, without it.
    fn upward(&self, from: usize) -> impl Iterator<Item = &Folder> {
        let up = |at: &usize| Some(self.0[*at].parent).filter(|_| *at != 0);
        std::iter::successors(Some(from), up).filter(|at| *at != 0).map(|at| &self.0[at])
    }

    /// The names on the way from the root to a file in a folder.
    pub(super) fn names<'t>(&'t self, folder: usize, name: &'t [u8]) -> Vec<&'t [u8]> {
        let mut names: Vec<&[u8]> = std::iter::once(name).chain(self.upward(folder).map(|f| &*f.name)).collect();
        names.reverse();
        names
    }

    /// `/tenant-1/a.txt`.
    pub(super) fn path(&self, folder: usize, name: &[u8]) -> Vec<u8> {
        self.names(folder, name).iter().flat_map(|name| [b"/", *name]).collect::<Vec<_>>().concat()
    }

    /// Whether something was put into or taken out of a folder on the way, or the folder was put there, after that time.
    pub(super) fn moved_since(&self, folder: usize, time: Time) -> bool {
        self.0.first().is_some_and(|root| root.ctime > time) || self.upward(folder).any(|folder| folder.ctime > time)
    }
}

/// A file of the sample.
pub(super) struct Chosen {
    hash: [u8; 32],
    pub(super) folder: usize,
    pub(super) name: Box<[u8]>,
    pub(super) facts: Facts,
}

impl PartialEq for Chosen {
    fn eq(&self, other: &Chosen) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Chosen {}
impl PartialOrd for Chosen {
    fn partial_cmp(&self, other: &Chosen) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Chosen {
    fn cmp(&self, other: &Chosen) -> std::cmp::Ordering {
        self.hash.cmp(&other.hash)
    }
}

/// What was found.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) tree: Tree,
    /// In the order of their hashes, which is no order.
    pub(super) chosen: Vec<Chosen>,
    /// Files that are old enough.
    pub(super) older: u64,
    pub(super) entries: u64,
    /// What ended it early: `the first 200,000 entries`.
    pub(super) cut: Option<String>,
    /// What could not be read, and why.
    pub(super) unread: Vec<String>,
    /// Folders that changed while they were listed, and were not listed to their end.
    pub(super) shuffled: u64,
}

type Waiting = Reverse<(u32, [u8; 32], usize, Handle)>;

/// Walks everything below a folder.
pub(super) async fn walk(
    client: &mut Client,
    root: &Facts,
    reach: &Reach<'_>,
    tell: &(impl Fn(Option<u8>, String) + Sync),
) -> Result<Walked, Trouble> {
    let mut walked = Walked::default();
    walked.tree.0.push(Folder { parent: 0, name: Box::default(), ctime: root.ctime });
    let mut waiting: BinaryHeap<Waiting> = BinaryHeap::from([Reverse((0, [0; 32], 0, root.handle.clone()))]);
    let mut kept = BinaryHeap::new();
    let mut told = 0;
    'folders: while let Some(Reverse((depth, _, number, handle))) = waiting.pop() {
        // Names of a folder share what is hashed before them.
        let mut prefix = Sha256::new_with_prefix(reach.seed.as_bytes());
        prefix.update(walked.tree.path(number, b""));
        let (mut place, mut last) = (Position::default(), false);
        while !last {
            let page = match client.list(&handle, place).await {
                Ok(page) => page,
                Err(Trouble::Line(why)) => return Err(Trouble::Line(why)),
                // Removed since its name was read.
                Err(trouble) if trouble.absent() && number != 0 => break,
                Err(trouble) if trouble.shuffled() => {
                    walked.shuffled += 1;
                    break;
                }
                Err(trouble) => {
                    walked.unread(number, b"", &trouble);
                    break;
                }
            };
            (place, last) = (page.next, page.last);
            for (name, facts) in page.entries {
                if walked.entries == reach.entries {
                    walked.cut = Some(format!("the first {}", words::count(reach.entries, "entry")));
                    break 'folders;
                }
                walked.entries += 1;
                match facts {
                    Ok(facts) if facts.kind == Kind::Folder && depth < DEEPEST => {
                        let hash = prefix.clone().chain_update(&name).finalize().into();
                        waiting.push(Reverse((depth + 1, hash, walked.tree.0.len(), facts.handle)));
                        walked.tree.0.push(Folder { parent: number, name, ctime: facts.ctime });
                    }
                    Ok(facts) if facts.kind == Kind::File && facts.ctime <= reach.margin => {
                        walked.older += 1;
                        let hash = prefix.clone().chain_update(&name).finalize().into();
                        keep(&mut kept, Chosen { hash, folder: number, name, facts }, reach.files);
                    }
                    Ok(_) => (),
                    Err(status) if Trouble::Status(status).absent() => (),
                    Err(status) => walked.unread(number, &name, &Trouble::Status(status)),
                }
            }
            if walked.entries / STRIDE > told {
                told = walked.entries / STRIDE;
                tell(None, format!("{} of the source looked at", words::count(walked.entries, "entry")));
            }
            if Instant::now() >= reach.until {
                walked.cut = Some(format!("the first {} within the time", words::count(walked.entries, "entry")));
                break 'folders;
            }
        }
    }
    walked.chosen = kept.into_sorted_vec();
    Ok(walked)
}

/// The smallest hashes stay.
fn keep(kept: &mut BinaryHeap<Chosen>, file: Chosen, most: usize) {
    if kept.len() < most {
        kept.push(file);
    } else if kept.peek().is_some_and(|largest| file < *largest) {
        kept.pop();
        kept.push(file);
    }
}

impl Walked {
    /// Some are told and the others counted, so their names need not be kept.
    fn unread(&mut self, folder: usize, name: &[u8], trouble: &Trouble) {
        let text = if self.unread.len() < words::NAMED {
            format!("{} ({})", words::path(&self.tree.path(folder, name)), trouble.words())
        } else {
            String::new()
        };
        self.unread.push(text);
    }
}

/// Whether there is a file below a folder that changed last before a time; `None` where it is not known after so many entries.
pub(super) async fn any_file(
    client: &mut Client,
    folder: &Handle,
    margin: Option<Time>,
    most: usize,
) -> Result<Option<bool>, Trouble> {
    let (mut waiting, mut seen) = (vec![folder.clone()], 0);
    while let Some(folder) = waiting.pop() {
        let (mut place, mut last) = (Position::default(), false);
        while !last {
            let page = match client.list(&folder, place).await {
                // Removed, or changed so much, since its name was read.
                Err(trouble) if trouble.absent() || trouble.shuffled() => break,
                page => page?,
            };
            (place, last, seen) = (page.next, page.last, seen + page.entries.len());
            if page.entries.iter().any(|entry| is_file(entry, margin)) {
                return Ok(Some(true));
            }
            if seen > most {
                return Ok(None);
            }
            for (_, facts) in page.entries {
                match facts {
                    Ok(facts) => waiting.extend((facts.kind == Kind::Folder).then_some(facts.handle)),
                    Err(status) if Trouble::Status(status).absent() => (),
                    Err(status) => return Err(Trouble::Status(status)),
                }
            }
        }
    }
    Ok(Some(false))
}

fn is_file((_, facts): &Entry, margin: Option<Time>) -> bool {
    let old = |facts: &Facts| margin.is_none_or(|margin| facts.ctime <= margin);
    facts.as_ref().is_ok_and(|facts| facts.kind == Kind::File && old(facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(hash: u8) -> Chosen {
        let facts = Facts { kind: Kind::File, size: 0, ctime: (0, 0), mtime: (0, 0), handle: Handle::default() };
        Chosen { hash: [hash; 32], folder: 0, name: Box::default(), facts }
    }

    #[test]
    fn the_smallest_hashes_stay() {
        let mut kept = BinaryHeap::new();
        for hash in [9, 3, 7, 1, 8, 2, 6] {
            keep(&mut kept, chosen(hash), 3);
        }
        let hashes: Vec<u8> = kept.into_sorted_vec().iter().map(|file| file.hash[0]).collect();
        assert_eq!(hashes, [1, 2, 3]);
        let mut none = BinaryHeap::new();
        keep(&mut none, chosen(1), 0);
        assert!(none.is_empty());
    }

    #[test]
    fn paths_lead_from_the_root() {
        let folder = |parent, name: &str, ctime| Folder { parent, name: name.as_bytes().into(), ctime: (ctime, 0) };
        let tree = Tree(vec![folder(0, "", 1), folder(0, "a", 2), folder(1, "b", 5)]);
        assert_eq!(tree.path(2, b"c"), b"/a/b/c");
        assert_eq!(tree.path(0, b"c"), b"/c");
        assert_eq!(tree.path(0, b""), b"/");
        assert!(tree.moved_since(2, (4, 9)) && !tree.moved_since(2, (5, 0)) && !tree.moved_since(1, (2, 0)));
    }
}
