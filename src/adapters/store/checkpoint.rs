//! Folding SQLite's write-ahead log back into the database file, soon after something was written.
//!
//! Without this the file of a small ledger stays without tables for as long as the process runs, and whoever copies it for
//! safety copies nothing.

use std::{path::Path, time::Duration};

use sqlx::{AnyConnection, Connection as _};
use tokio::{sync::oneshot, task::JoinHandle};

use super::place::file_options;
use crate::ports::store::StoreError;

/// What was committed is in the file after this long, unless somebody was still reading an older state.
const EVERY: Duration = Duration::from_secs(2);

/// PASSIVE waits for nobody and lets nobody wait. It costs nothing when nothing was written.
const FOLD: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The task that does it.
#[derive(Debug)]
pub(super) struct Checkpoints {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Checkpoints {
    /// Folds what is there now, and then again and again over a connection of its own.
    pub(super) async fn start(path: &Path) -> Result<Checkpoints, StoreError> {
        let mut connection = AnyConnection::connect_with(&file_options(path, "rw")?).await?;
        sqlx::raw_sql("PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000;").execute(&mut connection).await?;
        sqlx::raw_sql(FOLD).execute(&mut connection).await?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            tokio::pin!(stopped);
            loop {
                // Only the pause is broken off, never the work.
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    _ = &mut stopped => break,
                }
                if let Err(error) = sqlx::raw_sql(FOLD).execute(&mut connection).await {
                    tracing::warn!(%error, "the write-ahead log could not be folded into the ledger's file; trying again");
                }
            }
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "the connection that folds the write-ahead log was not closed in order");
            }
        });
        Ok(Checkpoints { stop, task })
    }

    /// Ends it, and closes its connection: the one that closes last folds everything.
    pub(super) async fn end(self) {
        // It has ended by itself where nobody listens any more.
        let _ = self.stop.send(());
        if self.task.await.is_err() {
            tracing::error!("the task that folds the write-ahead log ended abnormally");
        }
    }
}
