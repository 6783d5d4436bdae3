//! Folders found where AWS Backup puts them, and swapped with the live ones, by NFS against a real server.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use bbws::{
    adapters::files::{FileSystems as _, Folder, NoSwap, Place, Servers, Swap, Swapped, Wanted, With, validate},
    domain::moment::Moment,
};

use super::bed::{Bed, all_good, now, wanted};

const AGO: Moment = Moment(0);

/// A file system with a live folder and one that was restored beside it.
fn bed() -> (Bed, Place) {
    let bed = Bed::writable(&[
        ("tenant-1/a.txt", "live"),
        ("tenant-2/b.txt", "other"),
        ("aws-backup-restore_2026-11-25T10-00-00Z/tenant-1/a.txt", "restored"),
        ("aws-backup-restore_2026-11-25T11-00-00Z/tenant-3/c.txt", "else"),
    ]);
    let place = bed.place("source");
    (bed, place)
}

async fn found(place: &Place) -> Folder {
    Servers.restored(place, "/tenant-1", AGO).await.expect("it is there")
}

fn forward(folder: &Folder) -> Swap {
    Swap {
        path: "/tenant-1".into(),
        aside: "/tenant-1.before-rs-1".into(),
        with: Some(With { path: folder.path.clone(), id: folder.id }),
        only: None,
    }
}

fn back(folder: &Folder) -> Swap {
    Swap {
        path: "/tenant-1".into(),
        aside: "/tenant-1.undone-rs-1".into(),
        with: folder.live.as_ref().map(|(id, _)| With { path: "/tenant-1.before-rs-1".into(), id: *id }),
        only: Some(folder.id),
    }
}

fn text(bed: &Bed, path: &str) -> Option<String> {
    fs::read_to_string(bed.source.join(path)).ok()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn never(answer: Result<(), NoSwap>) -> String {
    match answer {
        Err(NoSwap::Never(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_folder_is_found_with_its_owner_and_mode() {
    let (bed, place) = bed();
    let restored = bed.source.join("aws-backup-restore_2026-11-25T10-00-00Z/tenant-1");
    fs::set_permissions(&restored, fs::Permissions::from_mode(0o2750)).unwrap();
    fs::set_permissions(bed.source.join("tenant-1"), fs::Permissions::from_mode(0o755)).unwrap();
    let folder = found(&place).await;
    assert_eq!(folder.path, "/aws-backup-restore_2026-11-25T10-00-00Z/tenant-1");
    assert_eq!(folder.id, fs::metadata(&restored).unwrap().ino(), "the number is the inode's");
    assert!(folder.owner.ends_with(" 2750"), "{}", folder.owner);
    assert!(folder.live.as_ref().is_some_and(|(_, owner)| owner.ends_with(" 0755")), "{folder:?}");
    // Of an earlier restore, of none, and of two.
    let later = Moment(now().0 + 3_600_000);
    for (path, since) in [("/tenant-1", later), ("/tenant-9", AGO)] {
        let why = Servers.restored(&place, path, since).await.unwrap_err();
        assert!(why.contains("in any `aws-backup-restore_…` since the restore began"), "{why}");
    }
    bed.put("aws-backup-restore_2026-11-25T12-00-00Z/tenant-1/a.txt", "restored again");
    let why = Servers.restored(&place, "/tenant-1", AGO).await.unwrap_err();
    assert!(why.starts_with("`/tenant-1` was restored more than once since, in `aws-backup-restore_2026"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_folder_is_compared_with_the_live_one() {
    let (bed, place) = bed();
    let wanted = Wanted { found: true, ..wanted() };
    let [restored, live] = ["aws-backup-restore_2026-11-25T10-00-00Z/tenant-1", "tenant-1"]
        .map(|folder| Place { root: format!("{}/{folder}", place.root), ..place.clone() });
    let checks = validate(&restored, &live, &wanted, |_, _| ()).await;
    assert!(checks.iter().any(|c| c.name == "files compared" && !c.ok), "{checks:#?}");
    // Where nothing old is left alive there is nothing to compare with, and that is no reason against it.
    fs::remove_file(bed.source.join("tenant-1/a.txt")).unwrap();
    let checks = validate(&restored, &live, &wanted, |_, _| ()).await;
    all_good(&checks);
    assert!(
        checks[3].found.starts_with("Files were restored, and there is nothing to compare them with"),
        "{checks:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_are_swapped_once_and_back_with_everything_in_them() {
    let (bed, place) = bed();
    let folder = found(&place).await;
    let swap = forward(&folder);
    assert_eq!(Servers.swapped(&place, &swap).await, Ok(Swapped::Open));
    for _ in 0..2 {
        Servers.swap(&place, &swap).await.expect("swapped, or swapped already");
        assert_eq!(Servers.swapped(&place, &swap).await, Ok(Swapped::Done));
        assert_eq!(text(&bed, "tenant-1/a.txt").as_deref(), Some("restored"));
        assert_eq!(text(&bed, "tenant-1.before-rs-1/a.txt").as_deref(), Some("live"));
    }
    let back = back(&folder);
    assert_eq!(Servers.swapped(&place, &back).await, Ok(Swapped::Open));
    for _ in 0..2 {
        Servers.swap(&place, &back).await.expect("swapped back, or so already");
        assert_eq!(text(&bed, "tenant-1/a.txt").as_deref(), Some("live"));
        assert_eq!(text(&bed, "tenant-1.undone-rs-1/a.txt").as_deref(), Some("restored"));
    }
    assert_eq!(text(&bed, "tenant-2/b.txt").as_deref(), Some("other"));
    assert_eq!(
        names(&bed.source),
        [
            "aws-backup-restore_2026-11-25T10-00-00Z",
            "aws-backup-restore_2026-11-25T11-00-00Z",
            "tenant-1",
            "tenant-1.undone-rs-1",
            "tenant-2"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_swap_is_carried_on_and_never_taken_for_a_whole_one() {
    let (bed, place) = bed();
    let folder = found(&place).await;
    fs::rename(bed.source.join("tenant-1"), bed.source.join("tenant-1.before-rs-1")).unwrap();
    assert_eq!(Servers.swapped(&place, &forward(&folder)).await, Ok(Swapped::Open));
    Servers.swap(&place, &forward(&folder)).await.expect("the rest of it");
    assert_eq!(text(&bed, "tenant-1/a.txt").as_deref(), Some("restored"));
    assert_eq!(text(&bed, "tenant-1.before-rs-1/a.txt").as_deref(), Some("live"));
    fs::rename(bed.source.join("tenant-1"), bed.source.join("tenant-1.undone-rs-1")).unwrap();
    Servers.swap(&place, &back(&folder)).await.expect("the rest of the way back");
    assert_eq!(text(&bed, "tenant-1/a.txt").as_deref(), Some("live"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_before_anything_was_swapped_does_nothing() {
    let (bed, place) = bed();
    let folder = found(&place).await;
    let before = names(&bed.source);
    Servers.swap(&place, &back(&folder)).await.expect("what was live is live");
    assert_eq!(names(&bed.source), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_was_gone_altogether_is_put_there_and_taken_away_again() {
    let (bed, place) = bed();
    fs::remove_dir_all(bed.source.join("tenant-1")).unwrap();
    let folder = found(&place).await;
    assert_eq!(folder.live, None);
    for _ in 0..2 {
        Servers.swap(&place, &forward(&folder)).await.expect("put there");
        assert_eq!(text(&bed, "tenant-1/a.txt").as_deref(), Some("restored"));
    }
    for _ in 0..2 {
        Servers.swap(&place, &back(&folder)).await.expect("set aside");
        assert_eq!(text(&bed, "tenant-1/a.txt"), None);
        assert_eq!(text(&bed, "tenant-1.undone-rs-1/a.txt").as_deref(), Some("restored"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_over_and_nobody_elses_folder_is_moved() {
    let (bed, place) = bed();
    let folder = found(&place).await;
    // An empty folder is what a plain rename would silently replace.
    fs::create_dir(bed.source.join("tenant-1.before-rs-1")).unwrap();
    let why = never(Servers.swap(&place, &forward(&folder)).await);
    assert_eq!(
        why,
        "There is a `/tenant-1.before-rs-1` already. Nothing is written over: look at it and rename it, then retry."
    );
    fs::remove_dir(bed.source.join("tenant-1.before-rs-1")).unwrap();
    Servers.swap(&place, &forward(&folder)).await.expect("swapped");
    // Somebody put another folder there since.
    fs::rename(bed.source.join("tenant-1"), bed.source.join("moved")).unwrap();
    bed.put("tenant-1/a.txt", "theirs");
    let why = never(Servers.swap(&place, &back(&folder)).await);
    assert_eq!(why, "`/tenant-1` is another folder by now, and stays. Look who put it there.");
    assert_eq!(text(&bed, "tenant-1/a.txt").as_deref(), Some("theirs"));
    // What was to take the place is gone.
    let lost = Swap { with: Some(With { path: "/aws-backup-restore_x/tenant-2".into(), id: 1 }), ..forward(&folder) };
    let lost = Swap { path: "/tenant-2".into(), aside: "/tenant-2.before-rs-1".into(), ..lost };
    let why = never(Servers.swap(&place, &lost).await);
    assert!(why.starts_with("`/aws-backup-restore_x/tenant-2` is not there any more"), "{why}");
    assert_eq!(text(&bed, "tenant-2/b.txt").as_deref(), Some("other"));
    for (path, aside) in [("/tenant-2", "/elsewhere/tenant-2"), ("/tenant-2", "/tenant-2"), ("/", "/x")] {
        let odd = Swap { path: path.into(), aside: aside.into(), ..lost.clone() };
        never(Servers.swap(&place, &odd).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_the_old_folder_or_the_new_one() {
    let (bed, place) = bed();
    let folder = found(&place).await;
    let file = bed.source.join("tenant-1/a.txt");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reader = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let mut seen = Vec::new();
            loop {
                // Asked before the look: after the last swap it looks once more, however long it was kept from running.
                let last = stop.load(std::sync::atomic::Ordering::Acquire);
                let read = fs::read_to_string(&file).ok();
                if seen.last() != Some(&read) {
                    seen.push(read);
                }
                if last {
                    return seen;
                }
            }
        }
    });
    for _ in 0..20 {
        Servers.swap(&place, &forward(&folder)).await.expect("swapped");
        Servers.swap(&place, &back(&folder)).await.expect("swapped back");
        fs::create_dir_all(bed.source.join("aws-backup-restore_2026-11-25T10-00-00Z")).unwrap();
        let restored = bed.source.join("aws-backup-restore_2026-11-25T10-00-00Z/tenant-1");
        fs::rename(bed.source.join("tenant-1.undone-rs-1"), restored).unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Release);
    let seen = reader.join().expect("it read");
    let allowed = ["live", "restored"];
    // Between the two renames there is none, for the blink that is announced.
    assert!(seen.iter().flatten().all(|text| allowed.contains(&text.as_str())), "{seen:?}");
    assert_eq!(seen.last().and_then(Option::as_deref), Some("live"));
}
