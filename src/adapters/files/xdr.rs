//! XDR (RFC 4506), as much of it as NFS needs. What is read comes from a server and may be anything: every length is held
//! against what is there and against a limit, and nothing is allocated before that.

/// What was read is no answer to what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Garbled;

/// Bytes on their way to a server.
#[derive(Debug, Clone, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn u32(&mut self, value: u32) -> &mut Writer {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Writer {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// Bytes of a length that both sides know.
    pub(super) fn fixed(&mut self, bytes: &[u8]) -> &mut Writer {
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    pub(super) fn opaque(&mut self, bytes: &[u8]) -> &mut Writer {
        // What is written is ours or was read under a limit, far below four billion.
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).fixed(bytes)
    }
}

/// What is left of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'r>(&'r [u8]);

impl<'r> Reader<'r> {
    pub(super) fn new(bytes: &'r [u8]) -> Reader<'r> {
        Reader(bytes)
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    fn take(&mut self, length: usize) -> Result<&'r [u8], Garbled> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Garbled)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Garbled> {
        self.take(N)?.try_into().map_err(|_| Garbled)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Garbled> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Garbled> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, Garbled> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub(super) fn bool(&mut self) -> Result<bool, Garbled> {
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Garbled),
        }
    }

    /// Eight bytes that only the server understands.
    pub(super) fn verifier(&mut self) -> Result<[u8; 8], Garbled> {
        self.array()
    }

    /// Bytes with their length, of which there may be `most`.
    pub(super) fn opaque(&mut self, most: usize) -> Result<&'r [u8], Garbled> {
        let length = usize::try_from(self.u32()?).map_err(|_| Garbled)?;
        if length > most {
            return Err(Garbled);
        }
        let padded = self.take(length.next_multiple_of(4))?;
        Ok(&padded[..length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        writer.u32(7).u64(1 << 40).opaque(b"abcde").fixed(b"12345678");
        assert_eq!(writer.0.len() % 4, 0);
        let mut reader = Reader::new(&writer.0);
        assert_eq!((reader.u32(), reader.u64()), (Ok(7), Ok(1 << 40)));
        assert_eq!((reader.opaque(5), reader.verifier()), (Ok(b"abcde".as_slice()), Ok(*b"12345678")));
        assert_eq!((reader.left(), reader.u32()), (0, Err(Garbled)));
    }

    #[test]
    fn lengths_are_held_against_what_is_there() {
        for claimed in [6, 9, 1 << 20, u32::MAX] {
            let bytes = [&claimed.to_be_bytes()[..], &[0; 5]].concat();
            assert_eq!(Reader::new(&bytes).opaque(usize::MAX >> 1), Err(Garbled), "{claimed}");
        }
        let bytes = [&4_u32.to_be_bytes()[..], &[0; 4]].concat();
        assert_eq!(Reader::new(&bytes).opaque(3), Err(Garbled));
        assert_eq!(Reader::new(&[0, 0, 0, 2]).bool(), Err(Garbled));
    }
}
