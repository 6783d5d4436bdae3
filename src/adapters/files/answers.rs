//! What NFSv4.0 tells about files and folders. Only what was asked for, in full, is understood.

use super::xdr::{Garbled, Reader};

pub(super) const LONGEST_HANDLE: usize = 128;
pub(super) const LONGEST_NAME: usize = 1024;

/// Type, size, rdattr_error, filehandle; then, in the second word, time_metadata (ctime) and time_modify.
pub(super) const WANTED: [u32; 2] = [1 << 1 | 1 << 4 | 1 << 11 | 1 << 19, 1 << (52 - 32) | 1 << (53 - 32)];

/// A filehandle.
pub(super) type Handle = Box<[u8]>;

/// Seconds and nanoseconds since the epoch.
pub(super) type Time = (i64, u32);

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// Also symbolic links, which are never followed.
    Other,
}

/// What is known about something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    pub(super) size: u64,
    /// When anything about it changed last; nobody can set this.
    pub(super) ctime: Time,
    pub(super) mtime: Time,
    pub(super) handle: Handle,
}

/// A name in a folder, with what the server tells about it or the status it gives instead.
pub(super) type Entry = (Box<[u8]>, Result<Facts, u32>);

/// A part of a folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    pub(super) next: Position,
    pub(super) last: bool,
}

/// Where in a folder a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Position {
    pub(super) cookie: u64,
    pub(super) verifier: [u8; 8],
}

/// A part of a folder; each leads on, or is the last.
pub(super) fn page(reader: &mut Reader, from: Position) -> Result<Page, Garbled> {
    let mut next = Position { verifier: reader.verifier()?, ..from };
    let mut entries = Vec::new();
    while reader.bool()? {
        next.cookie = reader.u64()?;
        let name = reader.opaque(LONGEST_NAME)?;
        if !is_name(name) {
            return Err(Garbled);
        }
        entries.push((name.into(), facts(reader)?));
    }
    let last = reader.bool()?;
    // Nothing and more to come would be asked for ever.
    if entries.is_empty() && !last {
        return Err(Garbled);
    }
    Ok(Page { entries, next, last })
}

/// Whether it can be a name: no way up, no path.
fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.iter().any(|byte| matches!(byte, 0 | b'/'))
}

/// Attributes in the order of their numbers. A server that leaves one out, or adds one, is not understood.
pub(super) fn facts(reader: &mut Reader) -> Result<Result<Facts, u32>, Garbled> {
    let words = reader.u32()?;
    if words > 8 {
        return Err(Garbled);
    }
    let mut mask = [0; 2];
    for i in 0..words {
        let word = reader.u32()?;
        match mask.get_mut(i as usize) {
            Some(place) => *place = word,
            None if word == 0 => (),
            None => return Err(Garbled),
        }
    }
    let mut values = Reader::new(reader.opaque(4096)?);
    if mask[0] & !WANTED[0] != 0 || mask[1] & !WANTED[1] != 0 {
        return Err(Garbled);
    }
    let has = |number: u32| mask[number as usize / 32] & 1 << (number % 32) != 0;
    let kind = match if has(1) { values.u32()? } else { 0 } {
        1 => Kind::File,
        2 => Kind::Folder,
        _ => Kind::Other,
    };
    let size = if has(4) { values.u64()? } else { 0 };
    let status = if has(11) { values.u32()? } else { 0 };
    if status != 0 {
        return Ok(Err(status));
    }
    // Some servers leave the status out where there is none to tell.
    if [mask[0] | 1 << 11, mask[1]] != WANTED {
        return Err(Garbled);
    }
    let handle = values.opaque(LONGEST_HANDLE)?.into();
    let ctime = (values.i64()?, values.u32()?);
    let mtime = (values.i64()?, values.u32()?);
    Ok(Ok(Facts { kind, size, ctime, mtime, handle }))
}

/// Change, fileid; then, in the second word, mode, owner and owner_group.
pub(super) const IDENTITY: [u32; 2] = [1 << 3 | 1 << 20, 1 << (33 - 32) | 1 << (36 - 32) | 1 << (37 - 32)];

/// Who something is and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Another one whenever the thing changes; of a folder, whenever a name comes or goes.
    pub(super) change: u64,
    /// Stays with it when it is renamed.
    pub(super) fileid: u64,
    pub(super) mode: u32,
    pub(super) owner: String,
    pub(super) group: String,
}

/// Attributes of [`IDENTITY`], all of them.
pub(super) fn identity(reader: &mut Reader) -> Result<Identity, Garbled> {
    let words = reader.u32()?;
    if words > 8 {
        return Err(Garbled);
    }
    let mut mask = [0; 2];
    for i in 0..words {
        let word = reader.u32()?;
        match mask.get_mut(i as usize) {
            Some(place) => *place = word,
            None if word == 0 => (),
            None => return Err(Garbled),
        }
    }
    if mask != IDENTITY {
        return Err(Garbled);
    }
    let mut values = Reader::new(reader.opaque(4096)?);
    let (change, fileid, mode) = (values.u64()?, values.u64()?, values.u32()?);
    let mut text = || values.opaque(LONGEST_NAME).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Ok(Identity { change, fileid, mode, owner: text()?, group: text()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::xdr::Writer;
    use super::*;

    fn attributes(out: &mut Writer, kind: u32) {
        let mut values = Writer::default();
        values.u32(kind).u64(42).u32(0).opaque(b"handle").u64(5).u32(6).u64(7).u32(8);
        out.u32(2).u32(WANTED[0]).u32(WANTED[1]).opaque(&values.0);
    }

    fn listing(name: &[u8]) -> Vec<u8> {
        let mut out = Writer::default();
        out.fixed(b"verifier").u32(1).u64(9).opaque(name);
        attributes(&mut out, 1);
        out.u32(0).u32(1);
        out.0
    }

    fn read(bytes: &[u8]) -> Result<Page, Garbled> {
        page(&mut Reader::new(bytes), Position::default())
    }

    #[test]
    fn a_page_is_read() {
        let page = read(&listing(b"caf\xe9")).unwrap();
        let facts = Facts { kind: Kind::File, size: 42, ctime: (5, 6), mtime: (7, 8), handle: (*b"handle").into() };
        assert_eq!(page.entries, [((*b"caf\xe9").into(), Ok(facts))]);
        assert!(page.last);
        assert_eq!(page.next, Position { cookie: 9, verifier: *b"verifier" });
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "a/b", "/", "a\0"] {
            assert_eq!(read(&listing(name.as_bytes())), Err(Garbled), "{name:?}");
        }
        assert_eq!(read(&listing(&[b'a'; LONGEST_NAME + 1])), Err(Garbled));
        assert!(read(&listing(b"...")).is_ok() && read(&listing(b"..a")).is_ok());
    }

    #[test]
    fn every_page_leads_on() {
        let mut nothing = Writer::default();
        nothing.fixed(b"verifier").u32(0).u32(0);
        assert_eq!(read(&nothing.0), Err(Garbled));
    }

    #[test]
    fn an_entry_may_be_unknown() {
        let mut out = Writer::default();
        out.fixed(b"verifier")
            .u32(1)
            .u64(9)
            .opaque(b"a")
            .u32(1)
            .u32(1 << 11)
            .opaque(&13_u32.to_be_bytes())
            .u32(0)
            .u32(1);
        assert_eq!(read(&out.0).unwrap().entries, [((*b"a").into(), Err(13))]);
    }

    #[test]
    fn half_an_answer_is_none() {
        let whole = listing(b"name");
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), Err(Garbled), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn anything_may_be_a_page(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = read(&bytes);
        }

        #[test]
        fn a_page_may_be_damaged(at in 0_usize..80, byte in any::<u8>()) {
            let mut bytes = listing(b"name");
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(page) = read(&bytes) {
                prop_assert!(page.entries.len() <= 1 && page.entries.iter().all(|(name, _)| is_name(name)));
            }
        }
    }
}
