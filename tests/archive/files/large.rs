//! Many files, large files, and limits.

use std::{fs, io::Write as _, time::Duration};

use bbws::adapters::files::{Limits, Wanted};

use super::bed::{Bed, all_good, dated, found, only, wanted};

fn limited(change: impl Fn(&mut Limits)) -> Wanted {
    let mut wanted = wanted();
    change(&mut wanted.limits);
    wanted
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_thousand_files_some_are_compared() {
    let bed = Bed::new(&[]);
    for folder in ["few", "many"] {
        fs::create_dir(bed.source.join(folder)).unwrap();
    }
    for i in 0..20_000 {
        fs::write(bed.source.join(if i < 5000 { "few" } else { "many" }).join(format!("file-{i}")), "").unwrap();
    }
    let bed = bed.restore();
    let (checks, told) = bed.told(&wanted()).await;
    all_good(&checks);
    assert!(found(&checks, "files compared").starts_with("200 of 20,000 files older than the backup"), "{checks:#?}");
    assert!(told.contains(&(Some(50), "100 of 200 files compared".into())), "{told:#?}");
    assert!(told.iter().any(|(percent, text)| percent.is_none() && text.contains(" entries of the source looked at")));

    let cut = |seed: &str| Wanted { seed: seed.into(), ..limited(|limits| limits.entries = 4000) };
    let checks = bed.check(&cut("a")).await;
    all_good(&checks);
    let said = found(&checks, "files compared");
    assert!(said.contains("Only the first 4,000 entries of the source were looked at."), "{said}");
    // Other seeds see other files: one in a hundred is spoilt, and is found sooner or later.
    for i in (0..20_000).step_by(100) {
        bed.spoil(&format!("{}/file-{i}", if i < 5000 { "few" } else { "many" }), "x");
    }
    let mut bad = 0;
    for seed in 0..6 {
        let wanted = Wanted { seed: seed.to_string(), ..limited(|limits| limits.files = 100) };
        bad += usize::from(bed.check(&wanted).await.iter().any(|c| !c.ok));
    }
    assert!((1..=6).contains(&bad), "{bad}");
}

fn kb(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("there is /proc");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_megabytes_are_read_in_constant_memory() {
    let bed = Bed::new(&[]);
    let mut file = fs::File::create(bed.source.join("big")).unwrap();
    for i in 0..200_u32 {
        file.write_all(&vec![u8::try_from(i).unwrap(); 1 << 20]).unwrap();
    }
    drop(file);
    let bed = bed.restore();
    let before = kb("VmRSS:");
    let checks = bed.check(&limited(|limits| limits.bytes_per_file = 1 << 30)).await;
    let grown = kb("VmHWM:").saturating_sub(before) / 1024;
    all_good(&checks);
    assert!(
        found(&checks, "files compared").contains("1 of 1 file older than the backup, 200 MiB, is the same"),
        "{checks:#?}"
    );
    assert!(grown < 32, "{grown} MB more than before");

    // Of a file above the limit both ends are read, and not what is between.
    let path = bed.restored.join("big");
    let then = fs::metadata(&path).unwrap().modified().unwrap();
    let spoil = |at: u64| {
        use std::os::unix::fs::FileExt as _;
        fs::File::options().write(true).open(&path).unwrap().write_at(b"?", at).unwrap();
        dated(&path, then).unwrap();
    };
    spoil(100 << 20);
    let small = limited(|limits| limits.bytes_per_file = 3 << 20);
    let checks = bed.check(&small).await;
    all_good(&checks);
    let said = found(&checks, "files compared");
    assert!(said.contains("1 was larger than 3 MiB: the first and the last 1.5 MiB were read."), "{said}");
    spoil((200 << 20) - 1);
    assert!(only(&bed.check(&small).await, "files compared").contains("other contents"));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_end_it() {
    let text = "x".repeat(1000);
    let bed = Bed::new(&[("a", &text), ("b", &text), ("c", &text)]).restore();
    let checks = bed.check(&limited(|limits| limits.bytes = 2500)).await;
    all_good(&checks);
    let said = found(&checks, "files compared");
    assert!(said.starts_with("2 of 3 files") && said.contains("enough bytes were read"), "{said}");

    let checks = bed.check(&limited(|limits| limits.time = Duration::ZERO)).await;
    assert!(checks.iter().all(|c| !c.ok) && checks[0].found.contains("time for all checks was up"), "{checks:#?}");
}
