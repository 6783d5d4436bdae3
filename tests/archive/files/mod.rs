//! Restored file systems compared with their source, by NFS against a real server.

use std::{
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bbws::adapters::files::{Limits, Wanted, validate};

mod bed;
mod large;
mod swap;
mod wire;

use bed::{Bed, all_good, found, now, only, wanted, wanted_as_of_now, wanted_of};

const TREE: [(&str, &str); 5] = [
    ("tenant-1/a.txt", "one"),
    ("tenant-1/deep/er/b.txt", "two"),
    ("tenant-2/c", "three"),
    ("zero", ""),
    ("nobody/", ""),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_restored_well_passes_everything() {
    let bed = Bed::new(&TREE);
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9");
    fs::write(bed.source.join(odd), "latin").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", bed.source.join("link")).unwrap();
    std::os::unix::fs::symlink("tenant-1", bed.source.join("tenant-x")).unwrap();
    let bed = bed.restore();
    let folders = ["/tenant-1", "/tenant-1/deep", "/nobody"].map(str::to_owned).to_vec();
    let (checks, told) = bed.told(&Wanted { folders, ..wanted() }).await;
    all_good(&checks);
    let names: Vec<_> = checks.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "connection to the restored file system",
            "connection to the source file system",
            "restored folder",
            "files compared",
            "folder of /tenant-1",
            "folder of /tenant-1/deep",
            "folder of /nobody"
        ]
    );
    assert!(checks[0].found.contains("without TLS"), "{checks:#?}");
    assert_eq!(checks[3].found, "5 of 5 files older than the backup, 16 bytes, are the same: size, time and SHA-256.");
    assert_eq!(told.last(), Some(&(Some(100), "5 of 5 files compared".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_named() {
    let bed = Bed::new(&TREE).restore();
    bed.spoil("tenant-1/deep/er/b.txt", "twO");
    bed.spoil("tenant-2/c", "three!");
    fs::remove_file(bed.restored.join("tenant-1/a.txt")).unwrap();
    bed::dated(&bed.restored.join("zero"), std::time::UNIX_EPOCH).unwrap();
    let checks = bed.check(&wanted()).await;
    assert_eq!(
        only(&checks, "files compared"),
        "4 files are not as in the source: `/tenant-1/a.txt` (missing), `/tenant-1/deep/er/b.txt` (other contents), \
         `/tenant-2/c` (another size), `/zero` (another time). Of 4 files older than the backup, 0 are the same."
    );
    // A folder or a link in the place of a file, and a link in the place of a folder.
    let bed = Bed::new(&TREE).restore();
    fs::remove_file(bed.restored.join("tenant-1/a.txt")).unwrap();
    fs::create_dir(bed.restored.join("tenant-1/a.txt")).unwrap();
    fs::remove_file(bed.restored.join("zero")).unwrap();
    std::os::unix::fs::symlink("tenant-2/c", bed.restored.join("zero")).unwrap();
    fs::rename(bed.restored.join("tenant-2"), bed.restored.join("other")).unwrap();
    std::os::unix::fs::symlink("other", bed.restored.join("tenant-2")).unwrap();
    let found = bed.check(&wanted()).await;
    let found = only(&found, "files compared");
    assert!(
        found.contains("`/tenant-1/a.txt` (no regular file), `/tenant-2/c` (missing), `/zero` (no regular file)"),
        "{found}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_after_the_backup_does_not_count() {
    let bed = Bed::new(&TREE).restore();
    let wanted = wanted_as_of_now();
    bed.put("tenant-1/a.txt", "new");
    bed.put("tenant-1/deep/fresh", "new");
    let checks = bed.check(&wanted).await;
    all_good(&checks);
    assert!(found(&checks, "files compared").starts_with("3 of 3 files"), "{checks:#?}");

    // What was moved is as old as it was, and is not where it was.
    fs::rename(bed.source.join("tenant-1/deep/er"), bed.source.join("tenant-2/er")).unwrap();
    let checks = bed.check(&wanted).await;
    all_good(&checks);
    let found = found(&checks, "files compared");
    assert!(found.starts_with("2 of 3 files") && found.contains("1 file missing in the restored folder do"), "{found}");

    // It does not excuse that most is missing.
    fs::remove_dir_all(bed.restored.join("tenant-2")).unwrap();
    let checks = bed.check(&wanted).await;
    assert!(
        only(&checks, "files compared").contains("Too many files are missing (2, and 1 is the same)"),
        "{checks:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_meanwhile_does_not_count() {
    let names: Vec<String> = (0..40).map(|i| format!("f{i}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "text")).collect();
    for (changed, enough) in [(10, true), (40, false)] {
        let bed = Bed::new(&files).restore();
        let first = AtomicBool::new(true);
        let change = |percent: Option<u8>, _| {
            if percent.is_some() && first.swap(false, Ordering::SeqCst) {
                for name in &names[..changed] {
                    fs::set_permissions(bed.source.join(name), fs::Permissions::from_mode(0o600)).unwrap();
                }
                // Also those that are not as they were.
                fs::remove_file(bed.source.join("f0")).unwrap();
            }
        };
        let checks = validate(&bed.place("restored"), &bed.place("source"), &wanted(), change).await;
        let found = found(&checks, "files compared");
        assert!(found.contains("changed at the source meanwhile and do not count"), "{found}");
        if enough {
            all_good(&checks);
        } else {
            assert!(only(&checks, "files compared").contains("too few to tell"), "{checks:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_folder_was_restored() {
    let bed = Bed::new(&TREE);
    let root = bed.restored.parent().unwrap().to_owned();
    fs::write(root.join("aws-backup-restore_file"), "").unwrap();
    let wanted = Wanted { folders: vec!["/tenant-1".into()], ..wanted() };
    let checks = bed.check(&wanted).await;
    assert!(!checks[2].ok && checks[2].found.contains("nothing was restored"), "{checks:#?}");
    assert!(checks[3..].iter().all(|c| !c.ok && c.found.contains("unknown")), "{checks:#?}");

    let bed = bed.restore();
    all_good(&bed.check(&wanted).await);
    fs::create_dir(root.join("aws-backup-lost+found_2026")).unwrap();
    assert!(found(&bed.check(&wanted).await, "restored folder").contains("lost+found"));
    fs::create_dir(root.join("aws-backup-restore_2026-11-26T10-00-00Z")).unwrap();
    let checks = bed.check(&wanted).await;
    assert!(!checks[2].ok && checks[2].found.contains("several") && !checks[3].ok, "{checks:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tenant_has_files() {
    let bed = Bed::new(&TREE).restore();
    let wanted = |folder: &str| Wanted { folders: vec![folder.into()], ..wanted() };
    fs::remove_dir_all(bed.restored.join("nobody")).unwrap();
    bed.put("late/new", "x");
    for (folder, said) in [
        ("/nobody", "take a newer recovery point"),
        ("/nowhere", "not in the source either"),
        ("/zero", "is no folder"),
        ("/../source", "no path"),
    ] {
        let checks = bed.check(&wanted(folder)).await;
        let found = &checks.last().unwrap();
        assert!(!found.ok && found.found.contains(said), "{checks:#?}");
    }
    fs::remove_dir_all(bed.restored.join("tenant-1/deep/er")).unwrap();
    let checks = bed.check(&wanted("/tenant-1/deep")).await;
    assert!(found(&checks, "folder of /tenant-1/deep").contains("was restored without files"), "{checks:#?}");
    fs::remove_dir_all(bed.restored.join("tenant-2")).unwrap();
    let checks = bed.check(&wanted("/tenant-2")).await;
    assert!(
        found(&checks, "folder of /tenant-2").contains("was not restored; in the source it holds files"),
        "{checks:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_compare_is_told_from_nothing_at_all() {
    let empty = Bed::new(&[("a/", ""), ("b/c/", "")]).restore();
    let checks = empty.check(&wanted()).await;
    all_good(&checks);
    assert!(found(&checks, "files compared").contains("both are empty"), "{checks:#?}");

    let bed = Bed::new(&TREE).restore();
    let checks = bed.check(&wanted_of(now() - Duration::from_secs(3600))).await;
    assert!(only(&checks, "files compared").contains("nothing to compare"), "{checks:#?}");
    // Nobody knows what is behind the limit.
    let limits = Limits { entries: 1, ..wanted().limits };
    let checks = empty.check(&Wanted { limits, ..wanted() }).await;
    assert!(only(&checks, "files compared").contains("only 1 entry could be looked at"), "{checks:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_told_harmlessly() {
    let names = ["a\nb", "\u{202e}gpj", "`<!channel>`", "\x1b[31m", &"x".repeat(255)];
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (*name, "1")).collect();
    let more: Vec<String> = (0..10).map(|i| format!("y{i}")).collect();
    files.extend(more.iter().map(|name| (name.as_str(), "1")));
    let bed = Bed::new(&files).restore();
    files.iter().for_each(|(name, _)| bed.spoil(name, "2"));
    let checks = bed.check(&wanted()).await;
    let found = only(&checks, "files compared");
    assert!(!found.chars().any(|c| c.is_control() || c == '\u{202e}') && found.contains("and 5 more"), "{found}");
    assert!(found.contains("`/a b`") && found.len() < 1000, "{found}");
}
