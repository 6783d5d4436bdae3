//! Folders that AWS Backup brought back beside the live ones: where they are, whose they are, and the swap of two names.
//!
//! A swap is two renames in one question to the server: the live folder gets a name that keeps it, the other one gets the live
//! name. The server carries them out one after the other, so that for the blink between them there is none; nothing is copied,
//! written over or deleted. What is where tells how far an earlier attempt came, so that it may be asked for again.

use crate::domain::moment::Moment;

use super::{
    Kind, Side,
    answers::{Facts, Handle, Identity, Position},
    names,
    nfs::{Client, Rename, Trouble},
    restored::PREFIX,
    words,
};

/// A root with more names than this is not read to its end.
const ROOT: usize = 10_000;
/// How often a swap begins anew because the folder around changed while it was looked at.
const TRIES: usize = 5;
/// The server does not know this question.
const NOT_SUPPORTED: u32 = 10_004;
/// Something is not as the question says.
const NOT_SAME: u32 = 10_027;

/// Which folders are to change places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// The live one, from the root.
    pub path: String,
    /// What it is called afterwards, in the same folder.
    pub aside: String,
    /// What takes its place; nothing, where there was nothing before.
    pub with: Option<With>,
    /// The live one may only be set aside where it is this one: on the way back, what was put there.
    pub only: Option<u64>,
}

/// What takes the place of a live folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct With {
    /// Where it is, from the root.
    pub path: String,
    /// The server's number of it, which stays with it.
    pub id: u64,
}

/// How far a swap is, by what is where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swapped {
    /// Nothing has happened, or the first of two renames.
    Open,
    /// It is done.
    Done,
}

/// Why there was no swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoSwap {
    /// Certainly nothing happened, and later it may work. A sentence.
    Later(String),
    /// Certainly nothing happened, and nothing will before somebody acts. A sentence.
    Never(String),
    /// It may have happened. A sentence.
    Unknown(String),
}

/// What is known of a folder that was brought back, and of the live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is, from the root: `/aws-backup-restore_…/tenant-1`.
    pub path: String,
    /// Its owner, group and mode, in words.
    pub owner: String,
    /// The server's number of it.
    pub id: u64,
    /// The same of the live one, where there is one.
    pub live: Option<(u64, String)>,
}

/// Finds the folder that was brought back since a moment.
pub(super) async fn find(side: &mut Side, path: &str, since: Moment) -> Result<Folder, String> {
    let unknown = |why: String| format!("What was restored is unknown: the root cannot be listed ({why}).");
    let steps = names(path)?;
    let mut found: Vec<(String, Facts)> = Vec::new();
    let (mut place, mut last, mut seen) = (Position::default(), false, 0);
    while !last {
        let page = side.client.list(&side.root.handle, place).await.map_err(|trouble| unknown(trouble.words()))?;
        (place, last, seen) = (page.next, page.last, seen + page.entries.len());
        if seen > ROOT {
            return Err(unknown(format!("it has more than {}", words::count(ROOT as u64, "entry"))));
        }
        for (name, facts) in page.entries.into_iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            let facts = facts.map_err(|status| unknown(Trouble::Status(status).words()))?;
            // Of an earlier restore: it has not changed since.
            if facts.kind != Kind::Folder || facts.ctime.0 < since.seconds() {
                continue;
            }
            match side.client.find(Some(&facts.handle), &steps).await {
                Ok(inner) if inner.kind == Kind::Folder => {
                    found.push((String::from_utf8_lossy(&name).into_owned(), inner));
                }
                Ok(_) => {}
                Err(trouble) if trouble.absent() => {}
                Err(trouble) => return Err(unknown(trouble.words())),
            }
        }
    }
    let shown = words::path(path.as_bytes());
    let (name, facts) = match (found.pop(), found.len()) {
        (Some(one), 0) => one,
        (None, _) => {
            return Err(format!(
                "There is no folder {shown} in any `aws-backup-restore_…` since the restore began. Look at the restore job, and whether the recovery point holds it."
            ));
        }
        (Some(one), _) => {
            let all: Vec<String> = found.iter().chain([&one]).map(|(name, _)| words::path(name.as_bytes())).collect();
            return Err(format!(
                "{shown} was restored more than once since, in {}, and which one is meant is unknown. Remove those that are not.",
                words::several(&all)
            ));
        }
    };
    let asked = |trouble: Trouble| format!("Whose {shown} is cannot be read: {}.", trouble.words());
    let restored = side.client.identity(&facts.handle).await.map_err(asked)?;
    let live = match side.client.find(Some(&side.root.handle), &steps).await {
        Ok(live) => Some(side.client.identity(&live.handle).await.map_err(asked)?),
        Err(trouble) if trouble.absent() => None,
        Err(trouble) => return Err(asked(trouble)),
    };
    Ok(Folder {
        path: format!("/{name}/{}", path.trim_matches('/')),
        owner: whose(&restored),
        id: restored.fileid,
        live: live.map(|live| (live.fileid, whose(&live))),
    })
}

/// `0:0 0755`.
fn whose(identity: &Identity) -> String {
    format!("{}:{} {:04o}", identity.owner, identity.group, identity.mode & 0o7777)
}

/// What is at the places of a swap.
struct Places {
    /// The folder around the live one and the one aside.
    parent: Handle,
    /// Its state before the others were looked for.
    change: u64,
    live: Option<u64>,
    kept: Option<u64>,
    /// The folder around what takes its place, and the number of that.
    with: Option<(Handle, u64)>,
}

/// Looks how far a swap is.
pub(super) async fn standing(side: &mut Side, swap: &Swap) -> Result<Swapped, NoSwap> {
    let places = look(side, swap).await?;
    Ok(if places.are_swapped(swap) { Swapped::Done } else { Swapped::Open })
}

/// Makes the swap, or the rest of it.
pub(super) async fn swap(side: &mut Side, name: &str, swap: &Swap) -> Result<(), NoSwap> {
    let shown = words::path(swap.path.as_bytes());
    let mut verified = true;
    for _ in 0..TRIES {
        let places = look(side, swap).await?;
        if places.are_swapped(swap) {
            return Ok(());
        }
        let renames = places.renames(swap).map_err(NoSwap::Never)?;
        let change = Some(places.change).filter(|_| verified);
        match side.client.rename(&renames, (&places.parent, change)).await {
            Ok((_, None)) => return Ok(()),
            Ok((0, Some(Trouble::Status(NOT_SAME)))) => {}
            Ok((0, Some(Trouble::Status(NOT_SUPPORTED)))) if verified => verified = false,
            Ok((0, Some(trouble @ Trouble::Status(10_008 | 10_013)))) => {
                return Err(NoSwap::Later(format!("{name}: {}. It is tried again.", trouble.words())));
            }
            Ok((0, Some(trouble))) => {
                let why = trouble.words();
                return Err(NoSwap::Never(format!(
                    "{shown} could not be renamed in {name}: {why}. Mend that, then retry."
                )));
            }
            Ok((_, Some(trouble))) | Err(trouble) => {
                return Err(NoSwap::Unknown(format!("Whether {shown} was swapped is not known: {}.", trouble.words())));
            }
        }
    }
    Err(NoSwap::Later(format!("Names around {shown} in {name} change all the time. It is tried again.")))
}

impl Places {
    fn are_swapped(&self, swap: &Swap) -> bool {
        match &swap.with {
            Some(with) => self.live == Some(with.id),
            None => self.live.is_none(),
        }
    }

    /// What is left to be renamed; a sentence where nothing may be.
    fn renames<'r>(&'r self, swap: &'r Swap) -> Result<Vec<Rename<'r>>, String> {
        let [path, aside] = [&swap.path, &swap.aside].map(|path| words::path(path.as_bytes()));
        let mut renames = Vec::new();
        if let Some(live) = self.live {
            if swap.only.is_some_and(|only| only != live) {
                return Err(format!("{path} is another folder by now, and stays. Look who put it there."));
            }
            if self.kept.is_some() {
                return Err(format!(
                    "There is a {aside} already. Nothing is written over: look at it and rename it, then retry."
                ));
            }
            renames.push(Rename { from: &self.parent, name: last(&swap.path), to: last(&swap.aside) });
        }
        if let Some(with) = &swap.with {
            match &self.with {
                Some((folder, id)) if *id == with.id => {
                    renames.push(Rename { from: folder, name: last(&with.path), to: last(&swap.path) });
                }
                _ => {
                    return Err(format!(
                        "{} is not there any more, so that nothing can take the place of {path}. Look who moved it.",
                        words::path(with.path.as_bytes())
                    ));
                }
            }
        }
        Ok(renames)
    }
}

/// The name at the end of a path.
fn last(path: &str) -> &[u8] {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().as_bytes()
}

async fn look(side: &mut Side, swap: &Swap) -> Result<Places, NoSwap> {
    let (live, aside) = (parts(&swap.path)?, parts(&swap.aside)?);
    if live.0 != aside.0 || live.1 == aside.1 {
        return Err(NoSwap::Never(format!(
            "{} and {} are no two names in one folder. Nothing was done. Report this.",
            words::path(swap.path.as_bytes()),
            words::path(swap.aside.as_bytes())
        )));
    }
    let later = |trouble: Trouble| {
        NoSwap::Later(format!("What is where cannot be read: {}. It is tried again.", trouble.words()))
    };
    let root = side.root.handle.clone();
    let parent = match side.client.find(Some(&root), &live.0).await {
        Ok(parent) => parent.handle,
        Err(trouble) if trouble.absent() => {
            let why = "the folder around it is not there. Make it, with its owner and mode, then retry";
            return Err(NoSwap::Never(format!("{}: {why}.", words::path(swap.path.as_bytes()))));
        }
        Err(trouble) => return Err(later(trouble)),
    };
    // Before what is looked for in it: a name that comes in between is noticed.
    let change = side.client.identity(&parent).await.map_err(later)?.change;
    let with = match &swap.with {
        Some(with) => held(&mut side.client, &root, parts(&with.path)?).await.map_err(later)?,
        None => None,
    };
    let kept = who(&mut side.client, &parent, aside.1).await.map_err(later)?;
    let live = who(&mut side.client, &parent, live.1).await.map_err(later)?;
    Ok(Places { parent, change, live, kept, with })
}

/// The folders on the way, and the name.
fn parts(path: &str) -> Result<(Vec<&[u8]>, &[u8]), NoSwap> {
    let mut steps = names(path).map_err(NoSwap::Never)?;
    match steps.pop() {
        Some(name) => Ok((steps, name)),
        None => Err(NoSwap::Never("The root of a file system cannot be renamed. Name a folder in it.".to_owned())),
    }
}

/// The folder around something and the number of that, where both are there.
async fn held(
    client: &mut Client,
    root: &Handle,
    (steps, name): (Vec<&[u8]>, &[u8]),
) -> Result<Option<(Handle, u64)>, Trouble> {
    let folder = match client.find(Some(root), &steps).await {
        Ok(folder) => folder.handle,
        Err(trouble) if trouble.absent() => return Ok(None),
        Err(trouble) => return Err(trouble),
    };
    Ok(who(client, &folder, name).await?.map(|id| (folder, id)))
}

async fn who(client: &mut Client, folder: &Handle, name: &[u8]) -> Result<Option<u64>, Trouble> {
    match client.find(Some(folder), &[name]).await {
        Ok(found) => client.identity(&found.handle).await.map(|identity| Some(identity.fileid)),
        Err(trouble) if trouble.absent() => Ok(None),
        Err(trouble) => Err(trouble),
    }
}
