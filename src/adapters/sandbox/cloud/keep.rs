//! The simulated AWS outlives the process: a file that is written anew before a call that changes something is answered.

use std::{
    fs, io,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    sync::MutexGuard,
};

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

use super::{Inner, Published, SimCloud, faults::Faults, journal::Journal, time::Reading, world::Aws};

/// Changes when a file of an earlier program can no longer be read.
const FORMAT: u32 = 1;

/// What is written.
#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    clock: Reading,
    /// The generator's next draw, from which its successor is seeded.
    draw: u64,
    blind_probe: bool,
    faults: &'a Faults,
    journal: &'a Journal,
    published: &'a [Published],
    aws: &'a Aws,
}

/// What is read back.
#[derive(Deserialize)]
struct Kept {
    format: u32,
    clock: Reading,
    draw: u64,
    blind_probe: bool,
    faults: Faults,
    journal: Journal,
    published: Vec<Published>,
    aws: Aws,
}

impl SimCloud {
    /// Keeps everything in a file from now on, after taking up what is already in it. What changes AWS, its faults or
    /// its clock is on disk before the caller hears of it; reads are not written, nor are the calls one by one.
    ///
    /// # Errors
    /// A sentence, where the file can be neither read nor written.
    pub fn keep_in(&self, file: &Path) -> Result<(), String> {
        let mut inner = self.lock();
        if let Some(kept) = read(file)? {
            inner.take_up(kept);
        }
        inner.file = Some(file.to_owned());
        inner.write(file).map_err(|e| {
            format!(
                "The simulated AWS cannot be kept in {}: {e}. Choose another directory with --data.",
                file.display()
            )
        })
    }

    /// For what is about to change something: it is written when the guard goes, before anybody else gets in.
    pub(super) fn changing(&self) -> Changing<'_> {
        Changing { inner: self.lock() }
    }
}

/// The state under its lock; see [`SimCloud::changing`].
pub(super) struct Changing<'a> {
    inner: MutexGuard<'a, Inner>,
}

impl Deref for Changing<'_> {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl DerefMut for Changing<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        &mut self.inner
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let Some(file) = &self.inner.file else { return };
        if let Err(error) = self.inner.write(file) {
            tracing::error!(%error, file = %file.display(), "the simulated AWS could not be kept on disk");
        }
    }
}

impl Inner {
    fn write(&self, file: &Path) -> io::Result<()> {
        let written = Written {
            format: FORMAT,
            clock: self.time.reading(),
            draw: self.rng.clone().random(),
            blind_probe: self.blind_probe,
            faults: &self.faults,
            journal: &self.journal,
            published: &self.published,
            aws: &self.aws,
        };
        // Never half a file, whenever the process dies.
        let new: PathBuf = file.with_extension("new");
        fs::write(&new, serde_json::to_vec(&written)?)?;
        fs::rename(&new, file)
    }

    fn take_up(&mut self, kept: Kept) {
        self.time.resume(&kept.clock);
        self.rng = Xoshiro256PlusPlus::seed_from_u64(kept.draw);
        self.blind_probe = kept.blind_probe;
        self.faults = kept.faults;
        self.journal = kept.journal;
        self.published = kept.published;
        self.aws = kept.aws;
        self.aws.grow_further(&self.environments, self.time.now());
    }
}

/// What the file holds; nothing where there is none yet.
fn read(file: &Path) -> Result<Option<Kept>, String> {
    let refused = |why: String| {
        format!(
            "The simulated AWS kept in {} cannot be read: {why}. Move the file away to begin with a new AWS, or choose another directory with --data.",
            file.display()
        )
    };
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(error.to_string())),
    };
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|e| refused(e.to_string()))?;
    if kept.format != FORMAT {
        return Err(refused(format!("it is of format {}, and this bbws knows format {FORMAT}", kept.format)));
    }
    Ok(Some(kept))
}
