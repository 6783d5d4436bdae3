//! The restored side's own questions: where AWS Backup put the files, and whether every tenant has some.

use super::{
    Kind, Side,
    answers::{Facts, Handle, Position, Time},
    names,
    nfs::{Client, Trouble},
    walk::{Walked, any_file},
    words,
};

/// AWS Backup restores into a folder of this name with a date behind it, also where the file system is new.
pub(super) const PREFIX: &[u8] = b"aws-backup-restore_";
/// What it could not put in its place is in a folder of this name.
const LOST: &[u8] = b"aws-backup-lost+found_";
/// A root with more names than this is not read to its end.
const ROOT: usize = 10_000;
/// Entries that are looked at in search of one file.
const SEARCH: usize = 20_000;

/// The one folder that was restored.
pub(super) async fn base(client: &mut Client, root: &Facts) -> Result<(Handle, String), String> {
    let unknown = |why: String| format!("What was restored is unknown: the root cannot be listed ({why}).");
    let (mut found, mut lost, mut seen) = (Vec::new(), false, 0);
    let (mut place, mut last) = (Position::default(), false);
    while !last {
        let page = client.list(&root.handle, place).await.map_err(|trouble| unknown(trouble.words()))?;
        (place, last, seen) = (page.next, page.last, seen + page.entries.len());
        if seen > ROOT {
            return Err(unknown(format!("it has more than {}", words::count(ROOT as u64, "entry"))));
        }
        for (name, facts) in page.entries {
            lost |= name.starts_with(LOST);
            if name.starts_with(PREFIX) {
                let facts = facts.map_err(|status| unknown(Trouble::Status(status).words()))?;
                found.extend((facts.kind == Kind::Folder).then_some((name, facts.handle)));
            }
        }
    }
    let names: Vec<String> = found.iter().map(|(name, _)| words::path(name)).collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some((_, handle)), None) => {
            let lost =
                if lost { " Beside it AWS Backup put files whose folders it did not find (lost+found)." } else { "" };
            Ok((handle, format!("{} holds what was restored.{lost}", names.concat())))
        }
        (None, _) => {
            Err("There is no folder `aws-backup-restore_…`, so nothing was restored. Look at the restore job."
                .to_owned())
        }
        _ => Err(format!(
            "There are several restored folders, {}, and which one is meant is unknown. Restore into a new file system.",
            words::several(&names)
        )),
    }
}

/// Whether a tenant's folder is there and holds files, or held none when the backup was made.
pub(super) async fn folder(
    client: &mut Client,
    base: &Handle,
    source: &mut Side,
    path: &str,
    margin: Time,
) -> Result<String, String> {
    let (steps, shown) = (names(path)?, words::path(path.as_bytes()));
    let unknown = |side: &str, trouble: Trouble| format!("Unknown: {shown} of the {side} side: {}.", trouble.words());
    let there = match client.find(Some(base), &steps).await {
        Ok(facts) if facts.kind == Kind::Folder => {
            let found = any_file(client, &facts.handle, None, SEARCH).await;
            match found.map_err(|trouble| unknown("restored", trouble))? {
                Some(true) => return Ok(format!("{shown} is there, with files in it.")),
                Some(false) => true,
                None => {
                    return Err(format!(
                        "{shown} has so many folders without files that it is unknown whether there is one."
                    ));
                }
            }
        }
        Ok(_) => return Err(format!("{shown} was restored, but is no folder.")),
        Err(trouble) if trouble.absent() => false,
        Err(trouble) => return Err(unknown("restored", trouble)),
    };
    let what = if there { "was restored without files" } else { "was not restored" };
    let facts = match source.client.find(Some(&source.root.handle), &steps).await {
        Ok(facts) => facts,
        Err(trouble) if trouble.absent() => {
            return Err(format!(
                "{shown} {what}, and is not in the source either. Look at the tenant's folder in the configuration."
            ));
        }
        Err(trouble) => return Err(unknown("source", trouble)),
    };
    let older = any_file(&mut source.client, &facts.handle, Some(margin), SEARCH).await;
    match older.map_err(|trouble| unknown("source", trouble))? {
        Some(false) if there => Ok(format!("{shown} is empty, as nothing in the source's is older than the backup.")),
        Some(false) => Err(format!(
            "{shown} was not restored. In the source it holds no file that is older than the backup, so it may be newer: \
             take a newer recovery point."
        )),
        Some(true) => Err(format!("{shown} {what}; in the source it holds files that are older than the backup.")),
        None => Err(format!("{shown} {what}; whether the source's held files before the backup is unknown.")),
    }
}

/// Nothing of the source is old enough: that is right only if nothing was restored either, or where what is live may be what is
/// wrong and is to be replaced.
pub(super) async fn nothing(
    client: &mut Client,
    base: &Handle,
    walked: &Walked,
    replaced: bool,
) -> Result<String, String> {
    let whole = walked.cut.is_none() && walked.unread.is_empty() && walked.shuffled == 0 && walked.older == 0;
    let looked = words::count(walked.entries, "entry");
    match any_file(client, base, None, SEARCH).await {
        Ok(Some(false)) if whole => {
            Ok("Neither side has files that are older than the backup: both are empty.".to_owned())
        }
        Ok(Some(true)) if replaced => Ok(format!(
            "Files were restored, and there is nothing to compare them with: none of {looked} that are live is a file older than the backup."
        )),
        Ok(Some(true)) => Err(format!(
            "There is nothing to compare: none of {looked} of the source is a file older than the backup, but files were restored."
        )),
        Ok(_) => Err(format!(
            "There is nothing to compare: of the source only {looked} could be looked at, and none is a file older than the backup."
        )),
        Err(trouble) => Err(format!("What was restored cannot be read: {}.", trouble.words())),
    }
}
