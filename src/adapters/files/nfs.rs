//! The questions of NFSv4.0 (RFC 7530) that reading takes, and the one change there is: renaming. All are asked without client
//! id, open or lock (files are read by the anonymous stateid), so that a server keeps no state for us.

use std::time::Duration;

use super::{
    answers::{
        Facts, Handle, IDENTITY, Identity, LONGEST_HANDLE, LONGEST_NAME, Page, Position, WANTED, facts, identity, page,
    },
    rpc::Line,
    xdr::{Garbled, Reader, Writer},
};

const GETATTR: u32 = 9;
const GETFH: u32 = 10;
const LOOKUP: u32 = 15;
const PUTFH: u32 = 22;
const PUTROOTFH: u32 = 24;
const READ: u32 = 25;
const READDIR: u32 = 26;
const RENAME: u32 = 29;
const SAVEFH: u32 = 32;
const VERIFY: u32 = 37;

/// Bytes of a file in one answer.
pub(super) const CHUNK: u32 = 512 << 10;
/// Bytes of a folder in one answer.
const PAGE: u32 = 128 << 10;
/// Names that are looked up in one question.
const STEPS: usize = 8;
/// How often a server may ask us to come back later.
const LATER: u32 = 20;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server's refusal.
    Status(u32),
    /// It cannot be asked (any more).
    Line(String),
}

impl Trouble {
    /// Whether what was asked for is not there (any more).
    pub(super) fn absent(&self) -> bool {
        // NOENT, NOTDIR, STALE, FHEXPIRED, SYMLINK
        matches!(self, Trouble::Status(2 | 20 | 70 | 10_014 | 10_029))
    }

    /// Whether a folder's order changed between two pages.
    pub(super) fn shuffled(&self) -> bool {
        matches!(self, Trouble::Status(10_003 | 10_027))
    }

    /// Half a sentence.
    pub(super) fn words(&self) -> String {
        match self {
            Trouble::Status(2) => "it is not there".to_owned(),
            Trouble::Status(1 | 13) => "root may not read it; look at the file system's policy".to_owned(),
            Trouble::Status(5) => "the server could not read it (NFS4ERR_IO)".to_owned(),
            Trouble::Status(20 | 10_029) => "a part of its path is no folder".to_owned(),
            Trouble::Status(70) => "it is gone".to_owned(),
            Trouble::Status(17 | 66) => "something of that name is there".to_owned(),
            Trouble::Status(30) => "the file system may only be read; look at its policy (ClientWrite)".to_owned(),
            Trouble::Status(10_008 | 10_013) => "the server is busy".to_owned(),
            Trouble::Status(10_021) => "the server does not speak NFSv4.0".to_owned(),
            Trouble::Status(status) => format!("NFS error {status}"),
            Trouble::Line(why) => why.clone(),
        }
    }
}

impl From<Garbled> for Trouble {
    fn from(_: Garbled) -> Trouble {
        Trouble::Line("what it answers is not NFS".to_owned())
    }
}

/// One rename into a folder.
pub(super) struct Rename<'r> {
    /// The folder it is in.
    pub(super) from: &'r [u8],
    /// Its name there.
    pub(super) name: &'r [u8],
    /// Its name afterwards.
    pub(super) to: &'r [u8],
}

/// A question in the making.
#[derive(Default)]
struct Compound {
    operations: u32,
    body: Writer,
}

impl Compound {
    fn at(handle: Option<&[u8]>) -> Compound {
        let mut compound = Compound::default();
        match handle {
            Some(handle) => _ = compound.then(PUTFH).opaque(handle),
            None => _ = compound.then(PUTROOTFH),
        }
        compound
    }

    fn then(&mut self, operation: u32) -> &mut Writer {
        self.operations += 1;
        self.body.u32(operation)
    }

    fn attributes(mut self) -> Compound {
        self.then(GETATTR).u32(2).u32(WANTED[0]).u32(WANTED[1]);
        self
    }

    /// Without a tag, minor version 0.
    fn bytes(&self) -> Vec<u8> {
        let mut whole = Writer::default();
        whole.u32(0).u32(0).u32(self.operations);
        whole.0.extend_from_slice(&self.body.0);
        whole.0
    }
}

/// The results of a question, in its order.
struct Results<'r> {
    reader: Reader<'r>,
    left: u32,
}

impl<'r> Results<'r> {
    fn new(bytes: &'r [u8]) -> Result<(u32, Results<'r>), Garbled> {
        let mut reader = Reader::new(bytes);
        let status = reader.u32()?;
        reader.opaque(LONGEST_NAME)?;
        let left = reader.u32()?;
        Ok((status, Results { reader, left }))
    }

    /// The result of this operation, if it went well.
    fn of(&mut self, operation: u32) -> Result<&mut Reader<'r>, Trouble> {
        self.left = self.left.checked_sub(1).ok_or(Garbled)?;
        if self.reader.u32()? != operation {
            return Err(Garbled.into());
        }
        match self.reader.u32()? {
            0 => Ok(&mut self.reader),
            status => Err(Trouble::Status(status)),
        }
    }
}

/// A session that needs none.
pub(super) struct Client(Line);

impl Client {
    pub(super) fn new(line: Line) -> Client {
        Client(line)
    }

    async fn ask(&mut self, compound: &Compound, most: u32) -> Result<Vec<u8>, Trouble> {
        let bytes = compound.bytes();
        for _ in 0..LATER {
            let answer = self.0.ask(&bytes, most as usize).await.map_err(Trouble::Line)?;
            match Results::new(&answer)?.0 {
                // DELAY, GRACE: the server asks to be asked again later.
                10_008 | 10_013 => tokio::time::sleep(Duration::from_millis(500)).await,
                _ => return Ok(answer),
            }
        }
        Err(Trouble::Status(10_008))
    }

    /// What is at a path below a folder, or below the root. Symbolic links in it are not followed.
    pub(super) async fn find(&mut self, from: Option<&Handle>, path: &[&[u8]]) -> Result<Facts, Trouble> {
        let mut steps = path.chunks(STEPS);
        let mut facts = self.step(from, steps.next().unwrap_or_default()).await?;
        for names in steps {
            facts = self.step(Some(&facts.handle), names).await?;
        }
        Ok(facts)
    }

    async fn step(&mut self, from: Option<&Handle>, names: &[&[u8]]) -> Result<Facts, Trouble> {
        let mut compound = Compound::at(from.map(|handle| &**handle));
        for name in names {
            compound.then(LOOKUP).opaque(name);
        }
        compound.then(GETFH);
        let answer = self.ask(&compound.attributes(), 0).await?;
        let mut results = Results::new(&answer)?.1;
        results.of(if from.is_some() { PUTFH } else { PUTROOTFH })?;
        for _ in names {
            results.of(LOOKUP)?;
        }
        let handle: Handle = results.of(GETFH)?.opaque(LONGEST_HANDLE)?.into();
        Ok(Facts { handle, ..facts(results.of(GETATTR)?)?.map_err(Trouble::Status)? })
    }

    /// What there is to know about something now.
    pub(super) async fn look(&mut self, handle: &Handle) -> Result<Facts, Trouble> {
        self.step(Some(handle), &[]).await
    }

    /// Who something is and whose.
    pub(super) async fn identity(&mut self, handle: &Handle) -> Result<Identity, Trouble> {
        let mut compound = Compound::at(Some(handle));
        compound.then(GETATTR).u32(2).u32(IDENTITY[0]).u32(IDENTITY[1]);
        let answer = self.ask(&compound, 0).await?;
        let mut results = Results::new(&answer)?.1;
        results.of(PUTFH)?;
        Ok(identity(results.of(GETATTR)?)?)
    }

    /// Renames, one after the other and in one question, as long as the folder to which they lead is as it was when `change`
    /// was read. Asked for once. Answers how many were carried out, and why not all were.
    pub(super) async fn rename(
        &mut self,
        renames: &[Rename<'_>],
        (folder, change): (&Handle, Option<u64>),
    ) -> Result<(usize, Option<Trouble>), Trouble> {
        let mut compound = Compound::at(Some(folder));
        if let Some(change) = change {
            compound.then(VERIFY).u32(1).u32(1 << 3).opaque(&change.to_be_bytes());
        }
        for rename in renames {
            compound.then(PUTFH).opaque(rename.from);
            compound.then(SAVEFH);
            compound.then(PUTFH).opaque(folder);
            compound.then(RENAME).opaque(rename.name).opaque(rename.to);
        }
        let answer = self.0.change(&compound.bytes()).await.map_err(Trouble::Line)?;
        let mut results = Results::new(&answer)?.1;
        let mut done = 0;
        let read = |results: &mut Results<'_>, done: &mut usize| -> Result<(), Trouble> {
            results.of(PUTFH)?;
            if change.is_some() {
                results.of(VERIFY)?;
            }
            for _ in renames {
                results.of(PUTFH)?;
                results.of(SAVEFH)?;
                results.of(PUTFH)?;
                let changed = results.of(RENAME)?;
                // Whether before and after were read at once, before, and after: of either folder.
                for _ in 0..2 {
                    changed.bool()?;
                    changed.u64()?;
                    changed.u64()?;
                }
                *done += 1;
            }
            Ok(())
        };
        match read(&mut results, &mut done) {
            Ok(()) => Ok((done, None)),
            // The answer says what was carried out, as far as it can be read at all.
            Err(trouble @ Trouble::Status(_)) => Ok((done, Some(trouble))),
            Err(trouble) => Err(trouble),
        }
    }

    /// A page of a folder.
    pub(super) async fn list(&mut self, folder: &Handle, from: Position) -> Result<Page, Trouble> {
        let mut compound = Compound::at(Some(folder));
        let question = compound.then(READDIR).u64(from.cookie).fixed(&from.verifier);
        question.u32(PAGE).u32(PAGE).u32(2).u32(WANTED[0]).u32(WANTED[1]);
        let answer = self.ask(&compound, PAGE).await?;
        let mut results = Results::new(&answer)?.1;
        results.of(PUTFH)?;
        Ok(page(results.of(READDIR)?, from)?)
    }

    /// Bytes of a file, and whether they reach its end.
    pub(super) async fn read(&mut self, file: &Handle, offset: u64, count: u32) -> Result<(Vec<u8>, bool), Trouble> {
        let mut compound = Compound::at(Some(file));
        // The anonymous stateid is all zeros.
        compound.then(READ).fixed(&[0; 16]).u64(offset).u32(count.min(CHUNK));
        let answer = self.ask(&compound, CHUNK).await?;
        let mut results = Results::new(&answer)?.1;
        results.of(PUTFH)?;
        let reader = results.of(READ)?;
        let end = reader.bool()?;
        let bytes = reader.opaque(count.min(CHUNK) as usize)?;
        if bytes.is_empty() && !end {
            return Err(Trouble::Line("it gives nothing of a file and does not say that it ends".to_owned()));
        }
        Ok((bytes.to_vec(), end))
    }
}
