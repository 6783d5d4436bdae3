//! A large database needs no more memory than a small one.

use async_trait::async_trait;
use bbws::adapters::archive::{ArchiveError, Part, PartSink, Written, dump};

use crate::archive::bed::{Pg, key};

/// Forgets everything.
struct Discard;

#[async_trait]
impl PartSink for Discard {
    async fn put(&mut self, _: Part) -> Result<(), ArchiveError> {
        Ok(())
    }

    async fn complete(&mut self, _: &Written) -> Result<(), ArchiveError> {
        Ok(())
    }

    async fn abort(&mut self) {}
}

fn kb(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is /proc");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_megabytes_pass_in_constant_memory() {
    // Most of it compresses well: sealing is slow without optimisation, and memory is about what is read.
    let pg = Pg::new(
        "CREATE EXTENSION pgcrypto; CREATE UNLOGGED TABLE big (b bytea);
         ALTER TABLE big ALTER b SET STORAGE EXTERNAL; INSERT INTO big SELECT gen_random_bytes(160) || decode(repeat('abcd', 432), 'hex') FROM generate_series(1, 100000)",
    )
    .await;
    let before = kb("VmRSS:");
    let written = dump(&pg.source(), &key(7), Discard, |_| ()).await.expect("it is dumped");
    let grown = kb("VmHWM:").saturating_sub(before) / 1024;
    assert!(written.bytes_plain > 200_000_000 && written.bytes_archive > 16_000_000, "{written:?}");
    assert!(written.parts >= 2, "{written:?}");
    assert!(grown < 120, "{grown} MB more than before");
}
