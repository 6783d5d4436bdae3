//! ONC RPC (RFC 5531) over a stream: one question at a time, as root (AUTH_SYS), each with a time limit. Questions are asked
//! again on a new line when one breaks; what changes something is asked for once.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{
    dial::{Dialer, Stream},
    xdr::{Garbled, Reader, Writer},
};

const NFS: u32 = 100_003;
const VERSION: u32 = 4;
const COMPOUND: u32 = 1;
const AUTH_NONE: u32 = 0;
const AUTH_SYS: u32 = 1;
/// The longest that RFC 5531 allows.
const LONGEST_VERIFIER: usize = 400;
/// What surrounds the payload of an answer.
const AROUND: usize = 64 << 10;
/// The last piece of a record.
const LAST: u32 = 1 << 31;
/// A record in more pieces than this is an attempt to keep us busy.
const PIECES: usize = 1024;

/// A line to one server.
pub(super) struct Line {
    dialer: Dialer,
    stream: Option<Box<dyn Stream>>,
    xid: u32,
    patience: Duration,
    /// Once it broke twice in a row nothing is asked any more.
    gone: Option<String>,
}

impl Line {
    /// Connects; says over what.
    pub(super) async fn open(dialer: Dialer, patience: Duration) -> Result<(Line, String), String> {
        let (stream, how) = dialer.dial().await?;
        Ok((Line { dialer, stream: Some(stream), xid: rand::random(), patience, gone: None }, how))
    }

    /// Asks; a line that broke is mended once, since every question that only reads may be asked twice. The answer's payload may
    /// have `most` bytes.
    pub(super) async fn ask(&mut self, compound: &[u8], most: usize) -> Result<Vec<u8>, String> {
        if let Some(why) = &self.gone {
            return Err(why.clone());
        }
        let why = match self.once(compound, most).await {
            Err(_) => match self.once(compound, most).await {
                Err(why) => why,
                good => return good,
            },
            good => return good,
        };
        self.gone = Some(why.clone());
        Err(why)
    }

    /// Asks for something that must not be asked for twice: whoever gets no answer has to look.
    pub(super) async fn change(&mut self, compound: &[u8]) -> Result<Vec<u8>, String> {
        match &self.gone {
            Some(why) => Err(why.clone()),
            None => self.once(compound, 0).await,
        }
    }

    async fn once(&mut self, compound: &[u8], most: usize) -> Result<Vec<u8>, String> {
        // Taken out: whatever ends this early, nobody reads the rest of an answer as another one.
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.dialer.dial().await?.0,
        };
        self.xid = self.xid.wrapping_add(1);
        let call = call(self.xid, compound);
        let exchange = async {
            stream.write_all(&call).await?;
            stream.flush().await?;
            record(&mut stream, most + AROUND).await
        };
        let answer = timeout(self.patience, exchange)
            .await
            .map_err(|_| format!("it did not answer within {} s", self.patience.as_secs_f32()))?
            .map_err(|e| match e.kind() {
                std::io::ErrorKind::InvalidData => "what it answers is not NFS".to_owned(),
                _ => "it hung up".to_owned(),
            })?;
        let start = accepted(&answer, self.xid)?;
        self.stream = Some(stream);
        let mut answer = answer;
        answer.drain(..start);
        Ok(answer)
    }
}

/// The call with its record mark.
fn call(xid: u32, compound: &[u8]) -> Vec<u8> {
    let mut credential = Writer::default();
    // Stamp, machine, uid, gid, no other groups.
    credential.u32(0).opaque(b"bbws").u32(0).u32(0).u32(0);
    let mut call = Writer::default();
    call.u32(0).u32(xid).u32(0).u32(2).u32(NFS).u32(VERSION).u32(COMPOUND);
    call.u32(AUTH_SYS).opaque(&credential.0).u32(AUTH_NONE).u32(0);
    call.0.extend_from_slice(compound);
    let length = u32::try_from(call.0.len() - 4).unwrap_or(0) | LAST;
    call.0[..4].copy_from_slice(&length.to_be_bytes());
    call.0
}

/// One record of at most `most` bytes; memory grows with what arrives, not with what is claimed.
async fn record(stream: &mut Box<dyn Stream>, most: usize) -> std::io::Result<Vec<u8>> {
    let mut record = Vec::new();
    for _ in 0..PIECES {
        let mark = stream.read_u32().await?;
        let length = usize::try_from(mark & !LAST).unwrap_or(usize::MAX);
        if length > most - record.len() {
            break;
        }
        let read = (&mut *stream).take(length as u64).read_to_end(&mut record).await?;
        if read < length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if mark & LAST != 0 {
            return Ok(record);
        }
    }
    Err(std::io::ErrorKind::InvalidData.into())
}

/// Where in the reply the results begin.
fn accepted(reply: &[u8], xid: u32) -> Result<usize, String> {
    let read = |reader: &mut Reader| -> Result<Option<String>, Garbled> {
        if reader.u32()? != xid || reader.u32()? != 1 {
            return Err(Garbled);
        }
        if reader.u32()? != 0 {
            return Ok(Some("it refuses root's questions (AUTH_SYS)".to_owned()));
        }
        reader.u32()?;
        reader.opaque(LONGEST_VERIFIER)?;
        Ok(match reader.u32()? {
            0 => None,
            1 | 2 => Some("it does not offer NFSv4".to_owned()),
            _ => Some("it did not understand the question".to_owned()),
        })
    };
    let mut reader = Reader::new(reply);
    match read(&mut reader) {
        Ok(None) => Ok(reply.len() - reader.left()),
        Ok(Some(why)) => Err(why),
        Err(Garbled) => Err("what it answers is not NFS".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(xid: u32, rest: &[u32]) -> Vec<u8> {
        let mut reply = Writer::default();
        reply.u32(xid).u32(1);
        rest.iter().for_each(|value| _ = reply.u32(*value));
        reply.0
    }

    #[test]
    fn only_the_answer_to_the_question_counts() {
        assert_eq!(accepted(&reply(7, &[0, 0, 0, 0, 99]), 7), Ok(24));
        assert!(accepted(&reply(8, &[0, 0, 0, 0]), 7).unwrap_err().contains("not NFS"));
        assert!(accepted(&reply(7, &[1, 1, 1]), 7).unwrap_err().contains("AUTH_SYS"));
        assert!(accepted(&reply(7, &[0, 0, 0, 2, 4, 4]), 7).unwrap_err().contains("NFSv4"));
        assert!(accepted(&reply(7, &[0, 0, 0, 5]), 7).is_err());
        assert!(accepted(&reply(7, &[0, 0, 500, 0]), 7).is_err());
    }

    async fn sent(bytes: Vec<u8>, most: usize) -> std::io::Result<Vec<u8>> {
        let mut stream: Box<dyn Stream> = Box::new(tokio::io::join(std::io::Cursor::new(bytes), tokio::io::sink()));
        record(&mut stream, most).await
    }

    #[tokio::test]
    async fn records_are_bounded() {
        let piece = |mark: u32, bytes: &[u8]| [&mark.to_be_bytes()[..], bytes].concat();
        let two = [piece(2, b"ab"), piece(LAST | 1, b"c")].concat();
        assert_eq!(sent(two.clone(), 3).await.unwrap(), b"abc");
        assert!(sent(two, 2).await.is_err());
        assert!(sent(piece(LAST | 5, b"abc"), 9).await.is_err());
        assert!(sent(piece(0, b"").repeat(PIECES + 1), 9).await.is_err());
        assert!(sent(piece(u32::MAX, b""), 9).await.is_err());
    }

    proptest! {
        #[test]
        fn anything_may_be_a_reply(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(start) = accepted(&bytes, 7) {
                prop_assert!(start <= bytes.len());
            }
        }
    }
}
