//! The pipeline from the dump program to the sink.

use std::{fmt, io, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::mpsc,
};

use super::{
    ArchiveError, Expected, Sealed, Source, Written,
    child::Dump,
    error::lost,
    format::Header,
    globals,
    key::DataKey,
    load::load,
    scan::Scan,
    seal::{Part, PartPlan, Sealer},
    tally::Tally,
};
use crate::domain::environment::Engine;

/// What is read at once.
const READ: usize = 256 * 1024;
/// A program that writes nothing for so long hangs. Time in which we do not take what it writes does not count.
const STALL: Duration = Duration::from_secs(30 * 60);

/// Where the parts go. Each is given once, in order, one at a time; after [`PartSink::complete`] or [`PartSink::abort`]
/// nothing follows. A sink that is dropped without either has to undo what it made as [`PartSink::abort`] does.
#[async_trait]
pub trait PartSink: Send {
    /// How the archive is to be cut.
    fn plan(&self) -> PartPlan {
        PartPlan::S3
    }

    /// Takes a part. An error ends the dump.
    async fn put(&mut self, part: Part) -> Result<(), ArchiveError>;

    /// Everything was given and is good: makes it visible.
    async fn complete(&mut self, written: &Written) -> Result<(), ArchiveError>;

    /// Leaves nothing behind. Cannot fail: what is left is for the next attempt to clear away.
    async fn abort(&mut self);
}

#[async_trait]
impl PartSink for Box<dyn PartSink> {
    fn plan(&self) -> PartPlan {
        (**self).plan()
    }

    async fn put(&mut self, part: Part) -> Result<(), ArchiveError> {
        (**self).put(part).await
    }

    async fn complete(&mut self, written: &Written) -> Result<(), ArchiveError> {
        (**self).complete(written).await
    }

    async fn abort(&mut self) {
        (**self).abort().await;
    }
}

/// What dumps databases: the programs on this machine, or, with a simulated AWS, something that writes what they would.
#[async_trait]
pub trait Dumper: fmt::Debug + Send + Sync {
    /// See [`dump`].
    ///
    /// # Errors
    /// See [`dump`].
    async fn dump(
        &self,
        source: &Source,
        key: &DataKey,
        sink: Box<dyn PartSink>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Written, ArchiveError>;

    /// See [`load`].
    ///
    /// # Errors
    /// See [`load`].
    async fn load(
        &self,
        sealed: Sealed<AnyReader>,
        key: &DataKey,
        expected: &Expected,
        to: &Source,
    ) -> Result<u64, ArchiveError>;
}

/// Wherever an archive is read from.
pub type AnyReader = Box<dyn AsyncRead + Send + Unpin>;

/// The dump programs on this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct DumpPrograms;

#[async_trait]
impl Dumper for DumpPrograms {
    async fn dump(
        &self,
        source: &Source,
        key: &DataKey,
        sink: Box<dyn PartSink>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Written, ArchiveError> {
        dump(source, key, sink, progress).await
    }

    async fn load(
        &self,
        sealed: Sealed<AnyReader>,
        key: &DataKey,
        expected: &Expected,
        to: &Source,
    ) -> Result<u64, ArchiveError> {
        load(sealed, key, expected, to).await
    }
}

/// Parts of the archive of a dump that is at hand as a whole.
///
/// # Errors
/// See [`ArchiveError`]; a text that is no whole dump is refused.
pub fn sealed(
    text: &[u8],
    engine: Engine,
    key: &DataKey,
    plan: PartPlan,
) -> Result<(Vec<Part>, Written), ArchiveError> {
    let mut scan = Scan::new(engine);
    scan.see(text);
    let held = scan.finish().map_err(|why| ArchiveError::Permanent(format!("This is not a complete dump: {why}.")))?;
    let (to_list, parts) = std::sync::mpsc::channel();
    let emit = move |part| to_list.send(part).map_err(|_| io::ErrorKind::BrokenPipe.into());
    let mut sealer = Sealer::new(&key.header(engine), key, plan, emit)?;
    sealer.write(text)?;
    let written = Written { held, ..sealer.finish()? };
    Ok((parts.into_iter().collect(), written))
}

/// Seals a dump that is at hand as a whole into `sink` under `key`.
///
/// # Errors
/// See [`ArchiveError`]; a text that is no whole dump is refused.
pub async fn seal(
    text: &[u8],
    engine: Engine,
    key: &DataKey,
    mut sink: impl PartSink,
) -> Result<Written, ArchiveError> {
    let (parts, written) = sealed(text, engine, key, sink.plan())?;
    let given = async {
        for part in parts {
            sink.put(part).await?;
        }
        sink.complete(&written).await
    };
    let outcome = given.await;
    if matches!(&outcome, Err(error) if !matches!(error, ArchiveError::Unknown(_))) {
        sink.abort().await;
    }
    outcome.map(|()| written)
}

/// Dumps a database into `sink` under `key`. `progress` is told how many bytes the dump program has written so far.
///
/// The future may be dropped at any time: the program is killed and the sink is dropped unfinished.
///
/// # Errors
/// See [`ArchiveError`]; nothing was stored, except with `Unknown`, when nobody knows.
pub async fn dump(
    source: &Source,
    key: &DataKey,
    mut sink: impl PartSink,
    progress: impl Fn(u64),
) -> Result<Written, ArchiveError> {
    let outcome = match stream(source, key, &mut sink, &progress).await {
        Ok(written) => sink.complete(&written).await.map(|()| written),
        Err(error) => Err(error),
    };
    if matches!(&outcome, Err(error) if !matches!(error, ArchiveError::Unknown(_))) {
        sink.abort().await;
    }
    outcome
}

/// What the sealing thread is told. Without `End` it seals nothing for good, however its input ends.
enum Feed {
    Bytes(Bytes),
    End,
}

/// Why the pipeline stopped.
enum Halt {
    Because(ArchiveError),
    /// The sealing thread is gone and knows why.
    Worker,
}

async fn stream(
    source: &Source,
    key: &DataKey,
    sink: &mut impl PartSink,
    progress: &impl Fn(u64),
) -> Result<Written, ArchiveError> {
    let globals = globals::read(source).await?.map(|text| globals::seal(&text, key)).transpose()?;
    let header = Header { globals, ..key.header(source.server.engine) };
    let child = Dump::start(source).await?;
    let (to_worker, mut fed) = mpsc::channel(4);
    let (to_sink, mut parts) = mpsc::channel::<Part>(1);
    let emit = move |part| to_sink.blocking_send(part).map_err(|_| io::ErrorKind::BrokenPipe.into());
    let mut sealer = Sealer::new(&header, key, sink.plan(), emit)?;
    let worker = tokio::task::spawn_blocking(move || {
        while let Some(feed) = fed.blocking_recv() {
            match feed {
                Feed::Bytes(bytes) => sealer.write(&bytes)?,
                Feed::End => return sealer.finish(),
            }
        }
        Err(ArchiveError::Retryable("The dump was given up before its end. It is tried again.".into()))
    });
    let upload = async {
        while let Some(part) = parts.recv().await {
            sink.put(part).await.map_err(Halt::Because)?;
        }
        Ok(())
    };
    // Either error drops both, which closes the thread's channels and kills the program.
    let scan = Scan::new(source.server.engine);
    match tokio::try_join!(read(child, scan, to_worker, progress), upload) {
        Err(Halt::Because(error)) => Err(error),
        Ok((held, ())) => Ok(Written { held, ..worker.await.map_err(lost)?? }),
        // It is gone before its time, so this is an error.
        Err(Halt::Worker) => worker.await.map_err(lost)?,
    }
}

/// Reads the program's output to its good end. A program may end well and yet have been cut off by something between us,
/// so what it wrote has to be a whole dump as well.
async fn read(
    mut child: Dump,
    mut scan: Scan,
    to_worker: mpsc::Sender<Feed>,
    progress: &impl Fn(u64),
) -> Result<Tally, Halt> {
    let mut bytes = 0;
    loop {
        let mut buffer = BytesMut::with_capacity(READ);
        let read = match tokio::time::timeout(STALL, child.stdout.read_buf(&mut buffer)).await {
            Ok(read) => read.map_err(|e| Halt::Because(ArchiveError::from_io(e, "The dump could not be read")))?,
            Err(_) => {
                return Err(Halt::Because(ArchiveError::Retryable(format!(
                    "{} has written nothing for {} minutes and was killed. Look for locks in the database. It is tried again.",
                    child.name,
                    STALL.as_secs() / 60
                ))));
            }
        };
        if read == 0 {
            break;
        }
        child.signed_in();
        scan.see(&buffer);
        bytes += buffer.len() as u64;
        progress(bytes);
        to_worker.send(Feed::Bytes(buffer.freeze())).await.map_err(|_| Halt::Worker)?;
    }
    let name = child.name.clone();
    child.end().await.map_err(Halt::Because)?;
    let held = scan.finish().map_err(|why| {
        Halt::Because(ArchiveError::Permanent(format!(
            "{name} ended well, but what it wrote ({bytes} bytes) is not a complete dump: {why}. Nothing was stored. Look at what {name} is on this machine."
        )))
    })?;
    to_worker.send(Feed::End).await.map_err(|_| Halt::Worker)?;
    Ok(held)
}
