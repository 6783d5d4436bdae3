//! Messages and the app's channels, which outlive the process: a file of JSON lines, one for every message posted, edited or
//! deleted, and for every channel made or changed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{message::Message, people::Channel};

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// A message as it stands from now on.
    Put(Box<Message>),
    /// A channel that the app made, as it is from now on.
    Channel(Box<Channel>),
    /// A message that is no more: channel and ts.
    Gone(String, String),
}

/// Lines written before the file is written anew, beside four for every message.
const SLACK: usize = 2_000;

/// The open file.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl Journal {
    /// Writes the file anew: one line for every channel and message, none for what was changed since.
    pub(super) fn fresh(path: &Path, channels: &[Channel], messages: &[Message]) -> io::Result<Self> {
        let new = path.with_extension("new");
        let mut journal = Journal { path: path.to_owned(), file: File::create(&new)?, lines: 0 };
        channels.iter().filter(|channel| channel.of_app()).for_each(|channel| {
            journal.write(&Entry::Channel(Box::new(channel.clone())));
        });
        messages.iter().for_each(|message| journal.write(&Entry::Put(Box::new(message.clone()))));
        std::fs::rename(&new, path)?;
        Ok(journal)
    }

    /// Keeps the file from growing with every edit of the same few messages.
    pub(super) fn tidy(&mut self, channels: &[Channel], messages: &[Message]) {
        if self.lines < 4 * messages.len() + SLACK {
            return;
        }
        match Journal::fresh(&self.path, channels, messages) {
            Ok(journal) => *self = journal,
            Err(error) => tracing::warn!(%error, "the workspace's messages could not be written anew"),
        }
    }

    /// Writes one line; a write that fails is told to the operator, and the workspace goes on.
    pub(super) fn write(&mut self, entry: &Entry) {
        let written = serde_json::to_string(entry).map_err(io::Error::other).and_then(|mut line| {
            line.push('\n');
            self.lines += 1;
            self.file.write_all(line.as_bytes())
        });
        if let Err(error) = written {
            tracing::warn!(%error, "the workspace's messages could not be kept on disk");
        }
    }
}

/// Reads the file, line by line. A last line that broke off with the process is left out.
pub(super) fn replay(file: &Path, mut each: impl FnMut(Entry)) -> io::Result<()> {
    let reader = match File::open(file) {
        Ok(open) => BufReader::new(open),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    // Bytes, not text: what broke off may have done so within a character.
    for line in reader.split(b'\n') {
        match serde_json::from_slice(&line?) {
            Ok(entry) => each(entry),
            Err(error) => {
                tracing::warn!(%error, file = %file.display(), "a line of the workspace's messages cannot be read")
            }
        }
    }
    Ok(())
}
