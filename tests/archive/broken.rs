//! Archives that are not what was written are refused, whatever was done to them.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bbws::{
    adapters::archive::{ArchiveError, Contents, Expected, Header, MAGIC, Sealed, Written, dump, verify},
    domain::environment::Engine,
};
use sha2::{Digest as _, Sha256};

use crate::archive::bed::{Maria, Memory, Pg, key};

const CHUNK: usize = (1 << 20) + 16;

/// An archive of several chunks, and what is known of it.
async fn archive() -> (Vec<u8>, Written, Memory) {
    let pg = Pg::new(
        "CREATE TABLE noise AS SELECT g, sha512(g::text::bytea) || sha512((-g)::text::bytea) AS b FROM generate_series(1, 30000) g",
    )
    .await;
    let memory = Memory::small();
    let written = dump(&pg.source(), &key(7), memory.sink(), |_| ()).await.expect("it is dumped");
    assert!(memory.bytes().len() > 3 * CHUNK, "several chunks: {}", memory.bytes().len());
    (memory.bytes(), written, memory)
}

async fn read(bytes: &[u8], by: u8, expected: &Expected) -> Result<Contents, ArchiveError> {
    verify(Sealed::read(bytes).await?, &key(by), expected).await
}

fn begin(bytes: &[u8]) -> usize {
    13 + u32::from_be_bytes(bytes[9..13].try_into().unwrap()) as usize
}

/// `Damaged`, and a sentence with what to do.
#[track_caller]
fn damaged(what: &str, answer: Result<Contents, ArchiveError>) -> String {
    match answer {
        Err(ArchiveError::Damaged(why)) => {
            assert!(why.contains("dump again"), "{what}: {why}");
            why
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_to_an_archive_is_noticed() {
    let (good, written, memory) = archive().await;
    let anything = Expected::default();
    let known = Expected { plan: Some(memory.plan), ..Expected::from(&written) };
    read(&good, 7, &known).await.expect("untouched it is good");
    read(&good, 7, &anything).await.expect("it proves itself");

    let why = damaged("another key", read(&good, 8, &anything).await);
    assert!(why.contains("the key is another one"), "{why}");

    let start = begin(&good);
    for at in [0, 8, 12, 40, start, start + CHUNK - 1, start + CHUNK, good.len() - 60, good.len() - 1] {
        for bit in [0x01, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= bit;
            let answer = read(&bytes, 7, &anything).await;
            assert!(matches!(answer, Err(ArchiveError::Damaged(_))), "bit {bit:#x} of byte {at}: {answer:?}");
        }
    }
    for length in [0, 5, 13, start - 1, start, start + 7, start + CHUNK, start + 2 * CHUNK, good.len() - 1] {
        damaged(&format!("cut to {length}"), read(&good[..length], 7, &anything).await);
    }
    damaged("something added", read(&[good.as_slice(), b"x"].concat(), 7, &anything).await);
    damaged("twice the same", read(&[good.as_slice(), &good[start..]].concat(), 7, &anything).await);

    let mut swapped = good.clone();
    let (first, second) = swapped[start..].split_at_mut(CHUNK);
    first.swap_with_slice(&mut second[..CHUNK]);
    damaged("chunks in another order", read(&swapped, 7, &anything).await);

    let without = [&good[..start], &good[start + CHUNK..]].concat();
    damaged("a chunk left out", read(&without, 7, &anything).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_archive_in_the_wrong_place_is_noticed() {
    let (good, written, memory) = archive().await;
    let known = Expected { plan: Some(memory.plan), engine: Some(Engine::Postgres), ..Expected::from(&written) };
    let wrong = [
        Expected { bytes_archive: Some(1), ..known.clone() },
        Expected { sha256_archive: Some("0".repeat(64)), ..known.clone() },
        Expected { sha256_plain: Some("0".repeat(64)), ..known.clone() },
        Expected { checksum: Some("AAAA-3".into()), ..known.clone() },
        Expected { engine: Some(Engine::Mysql), ..known.clone() },
    ];
    for expected in wrong {
        let why = damaged("not what was expected", read(&good, 7, &expected).await);
        assert!(why.contains("not the one that was written"), "{why}");
    }
    let hash = hex::encode(Sha256::digest(&good));
    assert_eq!(written.sha256_archive, hash, "the hash is that of the stored bytes");
}

/// The header is read before anything is authenticated, so it must not be believed.
#[tokio::test]
async fn hostile_headers_are_refused() {
    let header = |json: &str| {
        let length = u32::try_from(json.len()).unwrap().to_be_bytes();
        [MAGIC.as_slice(), &length, json.as_bytes(), &[0; 100]].concat()
    };
    let json = |chunk: &str, nonce: &str, compression: &str| {
        format!(
            r#"{{"engine":"mysql","kms_key":"k","data_key":"{}","context":{{}},"nonce":"{nonce}","compression":"{compression}","chunk":{chunk}}}"#,
            BASE64.encode([1; 8])
        )
    };
    let good: Header = serde_json::from_str(&json("1048576", "00112233445566", "zstd")).expect("the form is right");
    assert_eq!(good.engine, Engine::Mysql);
    let bad = [
        header(&json("0", "00112233445566", "zstd")),
        header(&json("99999999999", "00112233445566", "zstd")),
        header(&json("1048576", "0011", "zstd")),
        header(&json("1048576", "00112233445566", "none")),
        header("{}"),
        header("\u{0}"),
        [MAGIC.as_slice(), &[0xff; 200]].concat(),
        b"PGDMP and much more text".to_vec(),
    ];
    for bytes in bad {
        damaged("a hostile header", read(&bytes, 7, &Expected::default()).await);
    }
}

/// Sealed well, but what is in it is no dump of the engine that it names.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_another_engine_is_no_dump() {
    let maria = Maria::new("CREATE TABLE t (a int)").await;
    let memory = Memory::new();
    dump(&maria.source(), &key(7), memory.sink(), |_| ()).await.expect("it is dumped");
    let contents = read(&memory.bytes(), 7, &Expected::default()).await.expect("it is good");
    assert_eq!(contents.held.tables.names, [format!("{}.t", maria.database)]);
    // The engine is authenticated: one cannot be passed off as the other.
    let text = String::from_utf8_lossy(&memory.bytes()[..200]).into_owned();
    let at = text.find("mariadb").expect("the header names its engine");
    let mut bytes = memory.bytes();
    bytes[at..at + 7].copy_from_slice(b"mysql  ");
    damaged("another engine", read(&bytes, 7, &Expected::default()).await);
}
