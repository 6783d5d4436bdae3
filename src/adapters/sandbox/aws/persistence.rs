//! The simulated AWS outlives the process: a file that is written anew before a request that changes something is answered.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

use super::{Inner, SimAws, faults::Faults, judge::Judge, seed, world::World};
use crate::domain::moment::Moment;

/// Changes when a file of an earlier program can no longer be read.
const FORMAT: u32 = 2;

/// What is written.
#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    /// When.
    at: Moment,
    /// The generator's next draw, from which its successor is seeded.
    draw: u64,
    faults: &'a Faults,
    judge: &'a Judge,
    world: &'a World,
}

/// What is read back.
#[derive(Deserialize)]
struct Kept {
    draw: u64,
    faults: Faults,
    judge: Judge,
    world: World,
}

impl SimAws {
    /// Keeps everything in a file from now on, after taking up what is already in it. What changes AWS or its faults is on
    /// disk before the caller hears of it; reads are not written, nor are the requests one by one.
    ///
    /// # Errors
    /// A sentence, where the file can be neither read nor written.
    pub fn keep_in(&self, file: &Path) -> Result<(), String> {
        let now = self.now();
        let mut inner = self.lock();
        if let Some(kept) = read(file)? {
            inner.take_up(kept, now);
        }
        inner.file = Some(file.to_owned());
        inner.write(file, now).map_err(|e| {
            format!(
                "The simulated AWS cannot be kept in {}: {e}. Choose another directory with --data.",
                file.display()
            )
        })
    }
}

impl Inner {
    /// To be told after every change.
    pub(super) fn keep(&self, now: Moment) {
        let Some(file) = &self.file else { return };
        if let Err(error) = self.write(file, now) {
            tracing::error!(%error, file = %file.display(), "the simulated AWS could not be kept on disk");
        }
    }

    fn write(&self, file: &Path, now: Moment) -> io::Result<()> {
        let written = Written {
            format: FORMAT,
            at: now,
            draw: self.rng.clone().random(),
            faults: &self.faults,
            judge: &self.judge,
            world: &self.world,
        };
        // Never half a file, whenever the process dies.
        let new: PathBuf = file.with_extension("new");
        fs::write(&new, serde_json::to_vec(&written)?)?;
        fs::rename(&new, file)
    }

    fn take_up(&mut self, kept: Kept, now: Moment) {
        self.rng = Xoshiro256PlusPlus::seed_from_u64(kept.draw);
        self.faults = kept.faults;
        self.judge = kept.judge;
        self.world = kept.world;
        seed::seed(&mut self.world, &self.environments, &self.topics, now);
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
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(error.to_string())),
    };
    let Format { format } = serde_json::from_slice(&bytes).map_err(|e| refused(e.to_string()))?;
    if format != FORMAT {
        return Err(refused(format!("it is of format {format}, and this bbws knows format {FORMAT}")));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|e| refused(e.to_string()))
}
