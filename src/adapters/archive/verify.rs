//! Reading an archive back: every byte of it, down to the table of contents of what was dumped.

use std::{
    io::{self, Write},
    process::Stdio,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout},
    sync::mpsc,
};

use super::{
    ArchiveError, Written,
    child::{ended, said, tail},
    contents::PgList,
    error::lost,
    format::{Header, PREAMBLE, TAG, not_ours},
    key::DataKey,
    programs::{Programs, unstarted},
    scan::{Scan, incomplete},
    seal::PartPlan,
    tally::Tally,
    unseal::{Opened, Opener},
};
use crate::domain::environment::Engine;

/// A program that takes nothing for so long hangs.
const STALL: Duration = Duration::from_secs(5 * 60);
/// Longest line of pg_restore's list.
const LINE: u64 = 4096;

/// An archive whose header has been read and nothing else.
#[derive(Debug)]
pub struct Sealed<R> {
    /// What is needed to open it. Not to be believed before [`verify`] has come to its end.
    pub header: Header,
    associated: Vec<u8>,
    reader: R,
}

impl<R: AsyncRead + Unpin> Sealed<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// `Damaged` when this is no archive, or what the reader says.
    pub async fn read(mut reader: R) -> Result<Sealed<R>, ArchiveError> {
        let mut preamble = [0; PREAMBLE];
        reader.read_exact(&mut preamble).await.map_err(short)?;
        let mut json = vec![0; Header::length(&preamble)?];
        reader.read_exact(&mut json).await.map_err(short)?;
        let header = Header::decode(&json)?;
        Ok(Sealed { header, associated: [preamble.as_slice(), &json].concat(), reader })
    }
}

/// What is known of an archive from elsewhere; what is `None` is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    /// What was dumped.
    pub engine: Option<Engine>,
    /// Bytes of the archive.
    pub bytes_archive: Option<u64>,
    /// SHA-256 of the archive, hex.
    pub sha256_archive: Option<String>,
    /// SHA-256 of the dump, hex.
    pub sha256_plain: Option<String>,
    /// S3's SHA-256 over the parts, `base64-N`, as `HeadObject` gives it.
    pub checksum: Option<String>,
    /// How the archive was cut, for `checksum`; without it as [`PartPlan::S3`] says.
    pub plan: Option<PartPlan>,
}

impl From<&Written> for Expected {
    fn from(written: &Written) -> Expected {
        Expected {
            engine: None,
            bytes_archive: Some(written.bytes_archive),
            sha256_archive: Some(written.sha256_archive.clone()),
            sha256_plain: Some(written.sha256_plain.clone()),
            checksum: Some(written.checksum.clone()),
            plan: None,
        }
    }
}

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// What the dump holds.
    pub held: Tally,
    /// Entries of the table of contents: for PostgreSQL all objects, otherwise the tables.
    pub entries: u64,
    /// Bytes of the dump.
    pub bytes_plain: u64,
    /// Bytes of the archive.
    pub bytes_archive: u64,
    /// SHA-256 of the dump, hex.
    pub sha256: String,
    /// SHA-256 of the archive, hex.
    pub sha256_archive: String,
    /// How long it took.
    pub took: Duration,
}

/// Reads the whole archive, opens it and reads the dump's table of contents.
///
/// # Errors
/// `Damaged` when it was cut, changed or re-ordered, when it is not what was expected, or when the key is another one.
pub async fn verify<R: AsyncRead + Unpin>(
    sealed: Sealed<R>,
    key: &DataKey,
    expected: &Expected,
) -> Result<Contents, ArchiveError> {
    let begun = Instant::now();
    let engine = sealed.header.engine;
    let (held, entries, opened) = if engine == Engine::Postgres {
        let (to_list, plain) = mpsc::channel(2);
        let tee = Tee { scan: Scan::new(engine), pipe: Pipe { to: Some(to_list) } };
        let opening = async { open(sealed, key, expected.plan, tee).await.map(|opened| opened.split(|tee| tee.scan)) };
        let (opened, list) = futures::future::join(opening, list(plain)).await;
        // An archive that cannot be opened is the reason why pg_restore cannot read it.
        let ((scan, opened), list) = (opened?, list?);
        let held = scan.finish().map_err(|why| incomplete(&why))?;
        if list.tables.count != held.tables.count {
            return Err(incomplete(&format!(
                "pg_restore lists {} tables, and it has {}",
                list.tables.count, held.tables.count
            )));
        }
        (held, list.entries, opened)
    } else {
        let (scan, opened) = open(sealed, key, expected.plan, Scan::new(engine)).await?.split(|scan| scan);
        let held = scan.finish().map_err(|why| incomplete(&why))?;
        let entries = held.tables.count;
        (held, entries, opened)
    };
    compare(&opened, engine, expected)?;
    Ok(Contents {
        held,
        entries,
        bytes_plain: opened.bytes_plain,
        bytes_archive: opened.bytes_archive,
        sha256: opened.sha256_plain,
        sha256_archive: opened.sha256_archive,
        took: begun.elapsed(),
    })
}

/// Writes the dump itself to `to`, such as the standard input of `pg_restore` or `mariadb`. What was written is to be
/// trusted only when this ends well.
///
/// # Errors
/// As [`verify`].
pub async fn unseal<R: AsyncRead + Unpin>(
    sealed: Sealed<R>,
    key: &DataKey,
    expected: &Expected,
    mut to: impl AsyncWrite + Unpin,
) -> Result<u64, ArchiveError> {
    let engine = sealed.header.engine;
    let (to_writer, mut plain) = mpsc::channel::<Bytes>(2);
    // Whoever reads may go away in the middle. Then the receiver has to go as well: what opens the archive would wait for ever
    // for room in a channel that nobody empties.
    let writing = async move {
        while let Some(bytes) = plain.recv().await {
            to.write_all(&bytes).await?;
        }
        to.shutdown().await
    };
    let opening = open_into(sealed, key, expected.plan, to_writer);
    let (opened, written) = futures::future::join(opening, writing).await;
    let opened = opened?;
    written.map_err(|e| ArchiveError::from_io(e, "The dump could not be passed on"))?;
    compare(&opened, engine, expected)?;
    Ok(opened.bytes_plain)
}

fn compare<W>(opened: &Opened<W>, engine: Engine, expected: &Expected) -> Result<(), ArchiveError> {
    let differs = |what: &str, found: &str, promised: &str| {
        Err(ArchiveError::Damaged(format!(
            "The archive is not the one that was written: its {what} is {found}, not {promised}. Look at who replaced it; dump again."
        )))
    };
    let texts = [
        ("engine", engine.to_string(), expected.engine.map(|e| e.to_string())),
        ("size", opened.bytes_archive.to_string(), expected.bytes_archive.map(|b| b.to_string())),
        ("SHA-256", opened.sha256_archive.clone(), expected.sha256_archive.clone()),
        (
            "checksum in S3",
            opened.checksum.clone(),
            expected.checksum.as_ref().map(|sum| with_parts(sum, &opened.checksum)),
        ),
        ("dump's SHA-256", opened.sha256_plain.clone(), expected.sha256_plain.clone()),
    ];
    for (what, found, promised) in texts {
        if let Some(promised) = promised.filter(|promised| *promised != found) {
            return differs(what, &found, &promised);
        }
    }
    Ok(())
}

/// S3's emulators leave out how many parts there were.
fn with_parts(promised: &str, found: &str) -> String {
    match found.split_once('-') {
        Some((_, parts)) if !promised.contains('-') => format!("{promised}-{parts}"),
        _ => promised.to_owned(),
    }
}

fn short(error: io::Error) -> ArchiveError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return not_ours("it ends within its header");
    }
    ArchiveError::from_io(error, "The archive could not be read")
}

/// Opens the archive into a channel, which is closed when that is done.
async fn open_into<R: AsyncRead + Unpin>(
    sealed: Sealed<R>,
    key: &DataKey,
    plan: Option<PartPlan>,
    to: mpsc::Sender<Bytes>,
) -> Result<Opened<()>, ArchiveError> {
    let opened = open(sealed, key, plan, Pipe { to: Some(to) }).await?;
    Ok(opened.split(drop).1)
}

/// Reads all chunks and hands them to a thread that opens them.
async fn open<R: AsyncRead + Unpin, W: Write + Send + 'static>(
    sealed: Sealed<R>,
    key: &DataKey,
    plan: Option<PartPlan>,
    writer: W,
) -> Result<Opened<W>, ArchiveError> {
    let Sealed { header, associated, mut reader } = sealed;
    let mut opener = Opener::new(&header, associated, key, plan.unwrap_or(PartPlan::S3), writer)?;
    let (to_worker, mut chunks) = mpsc::channel::<(Vec<u8>, bool)>(2);
    let worker = tokio::task::spawn_blocking(move || {
        while let Some((sealed, last)) = chunks.blocking_recv() {
            opener.chunk(sealed, last)?;
        }
        opener.finish()
    });
    let mut chunk = next(&mut reader, header.chunk).await?;
    loop {
        let following = next(&mut reader, header.chunk).await?;
        let last = following.is_empty();
        // A thread that is gone knows why.
        if to_worker.send((chunk, last)).await.is_err() || last {
            break;
        }
        chunk = following;
    }
    drop(to_worker);
    worker.await.map_err(lost)?
}

/// A sealed chunk; only the last one is shorter, and after it come empty ones.
async fn next(reader: &mut (impl AsyncRead + Unpin), chunk: usize) -> Result<Vec<u8>, ArchiveError> {
    let length = chunk + TAG;
    let mut sealed = Vec::with_capacity(length);
    let mut limited = reader.take(length as u64);
    while sealed.len() < length {
        let read = limited.read_buf(&mut sealed).await;
        if read.map_err(|e| ArchiveError::from_io(e, "The archive could not be read"))? == 0 {
            break;
        }
    }
    Ok(sealed)
}

/// Passes plaintext on until nobody wants it any more.
struct Pipe {
    to: Option<mpsc::Sender<Bytes>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(to) = &self.to
            && to.blocking_send(Bytes::copy_from_slice(bytes)).is_err()
        {
            self.to = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Looks at plaintext and passes it on.
struct Tee {
    scan: Scan,
    pipe: Pipe,
}

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.scan.see(bytes);
        self.pipe.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Has pg_restore read the table of contents. It stops reading after that; the rest is nobody's then.
async fn list(plain: mpsc::Receiver<Bytes>) -> Result<PgList, ArchiveError> {
    const NAME: &str = "pg_restore";
    let mut command = Programs::installed().newest(NAME)?.command();
    command.arg("--list").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|e| unstarted(NAME, &e))?;
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(ArchiveError::Retryable(format!("{NAME} was started without its pipes. It is tried again.")));
    };
    let (fed, list, stderr) = futures::future::join3(feed(stdin, plain), lines(stdout), tail(stderr)).await;
    fed?;
    let list = list.map_err(|e| ArchiveError::from_io(e, "The list of pg_restore could not be read"))?;
    let status = child.wait().await.map_err(|e| unstarted(NAME, &e))?;
    if !status.success() {
        return Err(incomplete(&format!("{NAME} {}{}", ended(status), said(&stderr, ""))));
    }
    if list.entries == 0 {
        return Err(incomplete("its table of contents is empty"));
    }
    Ok(list)
}

async fn feed(mut stdin: ChildStdin, mut plain: mpsc::Receiver<Bytes>) -> Result<(), ArchiveError> {
    while let Some(bytes) = plain.recv().await {
        match tokio::time::timeout(STALL, stdin.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => break,
            Err(_) => {
                return Err(ArchiveError::Retryable("pg_restore reads nothing any more. It is tried again.".into()));
            }
        }
    }
    Ok(())
}

async fn lines(stdout: ChildStdout) -> io::Result<PgList> {
    let mut reader = BufReader::new(stdout);
    let mut list = PgList::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut reader).take(LINE).read_until(b'\n', &mut line).await? == 0 {
            return Ok(list);
        }
        list.line(String::from_utf8_lossy(&line).trim_end());
    }
}
