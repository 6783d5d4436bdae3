//! Two file systems: folders side by side on the NFS server that `tests/run` starts.

use std::{
    fs::{self, File, FileTimes},
    io,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bbws::{
    adapters::files::{Checked, Limits, Place, Wanted, validate},
    domain::moment::Moment,
};

use crate::archive::bed::name;

fn set(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run these tests by `tests/run files`, which says why if there is no NFS server")
    })
}

pub fn port() -> u16 {
    let url = set("BBWS_TEST_NFS");
    url.trim_end_matches('/').rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("it names a port")
}

/// Now, as the file systems' clock has it.
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Moment(i64::try_from(since.as_millis()).expect("before the end"))
}

pub struct Bed {
    dir: PathBuf,
    /// Where the server has it.
    root: String,
    /// What the source has.
    pub source: PathBuf,
    /// What was restored, with the folder that AWS Backup makes.
    pub restored: PathBuf,
}

impl Bed {
    /// A source with these files (a path that ends in `/` is a folder), and nothing restored.
    pub fn new(files: &[(&str, &str)]) -> Bed {
        Bed::in_folder("", files)
    }

    /// The same where the server lets names be changed.
    pub fn writable(files: &[(&str, &str)]) -> Bed {
        Bed::in_folder("writable/", files)
    }

    fn in_folder(folder: &str, files: &[(&str, &str)]) -> Bed {
        let root = format!("{folder}{}", name("files"));
        let dir = Path::new(&set("BBWS_TEST_NFS_DIR")).join(&root);
        let (source, restored) = (dir.join("source"), dir.join("restored/aws-backup-restore_2026-11-25T10-00-00Z"));
        fs::create_dir_all(&source).expect("the server's folder can be written");
        fs::create_dir_all(dir.join("restored")).expect("a folder");
        let bed = Bed { dir, root, source, restored };
        for (path, text) in files {
            bed.put(path, text);
        }
        bed
    }

    pub fn put(&self, path: &str, text: &str) {
        let path = self.source.join(path);
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return fs::create_dir_all(path).expect("a folder");
        }
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Restores the source as it is.
    pub fn restore(self) -> Bed {
        copy(&self.source, &self.restored).expect("it can be copied");
        self
    }

    /// Changes what was restored, but not when it says that it was changed.
    pub fn spoil(&self, path: &str, text: &str) {
        let path = self.restored.join(path);
        let then = fs::metadata(&path).expect("it is there").modified().expect("a time");
        fs::write(&path, text).expect("it can be written");
        dated(&path, then).expect("it can be dated");
    }

    pub fn place(&self, side: &str) -> Place {
        let folder = &self.root;
        Place {
            name: format!("fs-{side}"),
            address: "127.0.0.1".into(),
            port: port(),
            root: format!("/{folder}/{side}"),
            tls: None,
        }
    }

    pub async fn check(&self, wanted: &Wanted) -> Vec<Checked> {
        validate(&self.place("restored"), &self.place("source"), wanted, |_, _| ()).await
    }

    /// The same, with what was told on the way.
    pub async fn told(&self, wanted: &Wanted) -> (Vec<Checked>, Vec<(Option<u8>, String)>) {
        let told = Mutex::new(Vec::new());
        let tell = |percent, text| told.lock().expect("unharmed").push((percent, text));
        let checks = validate(&self.place("restored"), &self.place("source"), wanted, tell).await;
        (checks, told.into_inner().expect("unharmed"))
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else if entry.file_type()?.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?;
        } else {
            fs::copy(&from, &to)?;
            dated(&to, entry.metadata()?.modified()?)?;
        }
    }
    Ok(())
}

pub fn dated(path: &Path, then: SystemTime) -> io::Result<()> {
    File::options().write(true).open(path)?.set_times(FileTimes::new().set_modified(then))
}

/// Everything that is there now is older than the backup.
pub fn wanted() -> Wanted {
    wanted_of(now() + Duration::from_secs(600))
}

/// What is there now is older than the backup, and what comes is newer.
pub fn wanted_as_of_now() -> Wanted {
    // File systems take their times from the kernel's clock, which ticks every few milliseconds; nobody can set a ctime.
    let pause = || std::thread::sleep(Duration::from_millis(20));
    pause();
    let wanted = wanted_of(now() + Duration::from_secs(300));
    pause();
    wanted
}

pub fn wanted_of(data_of: Moment) -> Wanted {
    Wanted {
        data_of,
        folders: Vec::new(),
        found: false,
        seed: name("seed"),
        limits: Limits { answer: Duration::from_secs(10), time: Duration::from_secs(120), ..Limits::default() },
    }
}

#[track_caller]
pub fn all_good(checks: &[Checked]) {
    assert!(checks.iter().all(|c| c.ok && c.found.ends_with('.')), "{checks:#?}");
}

/// Exactly this check is not ok; its sentence.
#[track_caller]
pub fn only<'c>(checks: &'c [Checked], name: &str) -> &'c str {
    let bad: Vec<_> = checks.iter().filter(|c| !c.ok).collect();
    assert!(bad.len() == 1 && bad[0].name == name && bad[0].found.ends_with('.'), "{checks:#?}");
    &bad[0].found
}

#[track_caller]
pub fn found<'c>(checks: &'c [Checked], name: &str) -> &'c str {
    &checks.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no {name} in {checks:#?}")).found
}
