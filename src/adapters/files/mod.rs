//! Validator of a restored file system (EFS), without a mount: NFSv4.0 spoken in this process, over TLS. It reads; the one change
//! it knows is two folders changing names ([`Swap`]).
//!
//! A random sample of the source's files that are older than the backup is compared with what AWS Backup restored: size, time
//! and SHA-256. The source is live, so that a file counts only if its change time, which nobody can set, says that it has been
//! as it is since before the backup, and still does after it was read. Each check is one [`Checked`] with a sentence; what
//! cannot be found out is not ok. Everything ends by itself: each question and the whole have time limits.

use std::{fmt, path::PathBuf, time::Duration};

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use crate::domain::moment::Moment;

mod answers;
mod compare;
mod dial;
mod folders;
mod nfs;
mod restored;
mod rpc;
mod walk;
mod words;
mod xdr;

use answers::{Facts, Handle, Kind, Time};
use compare::{Pair, Task};
use dial::Dialer;
use nfs::{Client, Trouble};
use rpc::Line;

pub use folders::{Folder, NoSwap, Swap, Swapped, With};

/// The clocks of AWS Backup and of a file system may differ, and a backup begins a while before its first file is read.
const MARGIN: Duration = Duration::from_secs(300);
/// Files that are compared at a time.
const ABREAST: usize = 4;

/// A file system and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What people call it: `fs-0123456789abcdef0`.
    pub name: String,
    /// Address of a mount target.
    pub address: String,
    /// Port; EFS has 2049.
    pub port: u16,
    /// The folder that is looked at as if it were the root: `/`.
    pub root: String,
    /// Without it the connection is in plain text, which is for tests.
    pub tls: Option<Tls>,
}

/// How the server proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Has to be in its certificate: `fs-….efs.<region>.amazonaws.com`.
    pub server_name: String,
    /// Certificate authorities (PEM); without them the system's.
    pub ca: Option<PathBuf>,
}

/// What has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// When the backup was begun.
    pub data_of: Moment,
    /// Folders of tenants, `/tenant-1`, which have to be there with files in them.
    pub folders: Vec<String>,
    /// Whether the root of the restored side is itself what was restored, and not a folder `aws-backup-restore_…` in it.
    pub found: bool,
    /// Makes the sample; different for each run, so that other files are looked at.
    pub seed: String,
    /// How much is looked at.
    pub limits: Limits,
}

/// How much is looked at, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Names of the source that are looked at.
    pub entries: u64,
    /// Files that are compared.
    pub files: usize,
    /// Of a larger file the first and the last half of this are read.
    pub bytes_per_file: u64,
    /// Bytes that are read of either side.
    pub bytes: u64,
    /// For everything; half of it at most for choosing the files.
    pub time: Duration,
    /// For each answer of a server.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            entries: 200_000,
            files: 200,
            bytes_per_file: 64 << 20,
            bytes: 2 << 30,
            time: Duration::from_secs(30 * 60),
            answer: Duration::from_secs(30),
        }
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was looked at: `files compared`.
    pub name: String,
    /// Whether it is as it has to be; what is unknown is not.
    pub ok: bool,
    /// A sentence for people.
    pub found: String,
}

impl Checked {
    fn new(name: impl Into<String>, answer: Result<String, String>) -> Checked {
        let ok = answer.is_ok();
        Checked { name: name.into(), ok, found: answer.unwrap_or_else(|wrong| wrong) }
    }
}

/// A side that answers.
struct Side {
    dialer: Dialer,
    client: Client,
    root: Facts,
}

impl Side {
    /// Connects, and finds the folder that plays the root.
    async fn open(place: &Place, answer: Duration) -> Result<(Side, String), String> {
        let Place { name, address, port, .. } = place;
        let dialer = Dialer::new(place, answer).await?;
        let (line, how) = Line::open(dialer.clone(), answer).await?;
        let mut client = Client::new(line);
        let names = names(&place.root)?;
        let root = client.find(None, &names).await.map_err(|trouble| match trouble {
            Trouble::Status(1 | 13) => format!(
                "{name} lets nobody in without an identity. Its file system policy has to allow ClientMount and ClientRootAccess."
            ),
            trouble if trouble.absent() => format!("{name} has no folder {}.", words::path(place.root.as_bytes())),
            trouble => format!("{name} does not answer NFSv4.0 at {address}:{port}: {}.", trouble.words()),
        })?;
        Ok((Side { dialer, client, root }, format!("{name} answers NFSv4.0 at {address}:{port} {how}.")))
    }
}

/// The names in a path that we were given.
fn names(path: &str) -> Result<Vec<&[u8]>, String> {
    let names: Vec<&str> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    if names.iter().any(|name| *name == ".." || name.contains('\0')) {
        return Err(format!("{} is no path from the root.", words::path(path.as_bytes())));
    }
    Ok(names.into_iter().map(str::as_bytes).collect())
}

/// File systems, as far as backups look into them. Those that can be reached are [`Servers`]; a simulated AWS brings
/// simulated ones.
#[async_trait]
pub trait FileSystems: fmt::Debug + Send + Sync {
    /// See [`validate`].
    async fn validate(
        &self,
        restored: &Place,
        source: &Place,
        wanted: &Wanted,
        tell: &(dyn Fn(Option<u8>, String) + Send + Sync),
    ) -> Vec<Checked>;

    /// Finds the folder that AWS Backup brought back since a moment into the file system it is of, and the live one.
    ///
    /// # Errors
    /// A sentence: what is not as it has to be, or cannot be found out.
    async fn restored(&self, place: &Place, path: &str, since: Moment) -> Result<Folder, String>;

    /// Looks how far a swap is. Reads only.
    ///
    /// # Errors
    /// See [`NoSwap`].
    async fn swapped(&self, place: &Place, swap: &Swap) -> Result<Swapped, NoSwap>;

    /// Makes a swap, or the rest of one.
    ///
    /// # Errors
    /// See [`NoSwap`].
    async fn swap(&self, place: &Place, swap: &Swap) -> Result<(), NoSwap>;
}

/// For each answer of a server where names are swapped.
const ANSWER: Duration = Duration::from_secs(20);

/// Servers that speak NFS.
#[derive(Debug, Clone, Copy, Default)]
pub struct Servers;

#[async_trait]
impl FileSystems for Servers {
    async fn validate(
        &self,
        restored: &Place,
        source: &Place,
        wanted: &Wanted,
        tell: &(dyn Fn(Option<u8>, String) + Send + Sync),
    ) -> Vec<Checked> {
        validate(restored, source, wanted, tell).await
    }

    async fn restored(&self, place: &Place, path: &str, since: Moment) -> Result<Folder, String> {
        let (mut side, _) = Side::open(place, ANSWER).await?;
        folders::find(&mut side, path, since).await
    }

    async fn swapped(&self, place: &Place, swap: &Swap) -> Result<Swapped, NoSwap> {
        let (mut side, _) = Side::open(place, ANSWER).await.map_err(NoSwap::Later)?;
        folders::standing(&mut side, swap).await
    }

    async fn swap(&self, place: &Place, swap: &Swap) -> Result<(), NoSwap> {
        let (mut side, _) = Side::open(place, ANSWER).await.map_err(NoSwap::Later)?;
        folders::swap(&mut side, &place.name, swap).await
    }
}

/// Runs all checks. `tell` hears how far they are, in percent where that is known.
pub async fn validate(
    restored: &Place,
    source: &Place,
    wanted: &Wanted,
    tell: impl Fn(Option<u8>, String) + Send + Sync,
) -> Vec<Checked> {
    let limits = &wanted.limits;
    let until = Instant::now() + limits.time;
    let mut checks = Vec::new();
    let here = if (&restored.address, restored.port, &restored.root) == (&source.address, source.port, &source.root) {
        Err(format!("What was restored is the source itself, {}, so there is nothing to compare.", source.name))
    } else {
        within(until, Side::open(restored, limits.answer)).await
    };
    let mut here = noted(&mut checks, "connection to the restored file system", here);
    let there = within(until, Side::open(source, limits.answer)).await;
    let mut there = noted(&mut checks, "connection to the source file system", there);

    let base = match &mut here {
        Ok(here) if wanted.found => {
            let found = format!("{} is what was restored.", words::path(restored.root.as_bytes()));
            Ok((here.root.handle.clone(), found))
        }
        Ok(here) => within(until, restored::base(&mut here.client, &here.root)).await,
        Err(why) => Err(why.clone()),
    };
    let base = noted(&mut checks, "restored folder", base);
    let margin = instant(wanted.data_of - MARGIN);

    let mut folders = Vec::new();
    for folder in &wanted.folders {
        let answer = match (&mut here, &base, &mut there) {
            (Ok(here), Ok(base), Ok(there)) => {
                within(until, restored::folder(&mut here.client, base, there, folder, margin)).await
            }
            (Err(why), _, _) | (_, _, Err(why)) => Err(why.clone()),
            (_, Err(why), _) => Err(why.clone()),
        };
        folders.push(Checked::new(format!("folder of {}", words::plain(folder)), answer));
    }
    let files = match (here, base, there) {
        (Ok(here), Ok(base), Ok(there)) => compared((here, &base), there, wanted, margin, until, &tell).await,
        (Err(why), _, _) | (_, Err(why), _) | (_, _, Err(why)) => Err(why),
    };
    checks.push(Checked::new("files compared", files));
    checks.extend(folders);
    checks
}

/// Puts the answer among the checks; what depends on it is unknown if it is bad.
fn noted<T>(checks: &mut Vec<Checked>, name: &str, answer: Result<(T, String), String>) -> Result<T, String> {
    let (value, answer) = match answer {
        Ok((value, found)) => (Ok(value), Ok(found)),
        Err(why) => (Err(format!("This is unknown: the {name} is not as it has to be.")), Err(why)),
    };
    checks.push(Checked::new(name, answer));
    value
}

/// The answer, unless the time for everything is up before.
async fn within<T>(until: Instant, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = || Err("The time for all checks was up before this one was done, so it is unknown.".to_owned());
    // Work that needs no waiting would be done however late it is.
    if Instant::now() >= until {
        return late();
    }
    timeout_at(until, work).await.unwrap_or_else(|_| late())
}

fn instant(moment: Moment) -> Time {
    let nanoseconds = moment.0.rem_euclid(1000) * 1_000_000;
    (moment.seconds(), u32::try_from(nanoseconds).unwrap_or(0))
}

/// Chooses files of the source and compares them.
async fn compared(
    (mut here, base): (Side, &Handle),
    mut there: Side,
    wanted: &Wanted,
    margin: Time,
    until: Instant,
    tell: &(impl Fn(Option<u8>, String) + Sync),
) -> Result<String, String> {
    let limits = &wanted.limits;
    let reach = walk::Reach {
        seed: &wanted.seed,
        margin,
        entries: limits.entries,
        files: limits.files,
        until: until - limits.time / 2,
    };
    let walked = within(until, async {
        let walked = walk::walk(&mut there.client, &there.root, &reach, tell).await;
        walked.map_err(|trouble| format!("The source could not be read to its end: {}.", trouble.words()))
    });
    let walked = walked.await?;
    if walked.chosen.is_empty() {
        return within(until, restored::nothing(&mut here.client, base, &walked, wanted.found)).await;
    }
    let mut pairs = vec![Pair { restored: here.client, source: there.client }];
    while pairs.len() < ABREAST.min(walked.chosen.len()) {
        // More lines are for speed alone.
        let lines = within(until, async {
            let restored = Line::open(here.dialer.clone(), limits.answer).await?.0;
            Ok(Pair {
                restored: Client::new(restored),
                source: Client::new(Line::open(there.dialer.clone(), limits.answer).await?.0),
            })
        });
        match lines.await {
            Ok(pair) => pairs.push(pair),
            Err(_) => break,
        }
    }
    Task { walked: &walked, base, margin, limits, until }.compare(&mut pairs, tell).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_at_the_root() {
        assert_eq!(names("/a//b/./c/"), Ok(vec![b"a".as_slice(), b"b", b"c"]));
        assert_eq!(names("/"), Ok(vec![]));
        assert!(names("/a/../b").is_err() && names("a\0").is_err());
    }

    #[test]
    fn moments_are_times() {
        assert_eq!(instant(Moment(1_500)), (1, 500_000_000));
        assert_eq!(instant(Moment(-1)), (-1, 999_000_000));
    }
}
