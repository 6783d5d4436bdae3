//! SQLite called directly, for what is asked most: storing requests, and short lists.
//!
//! The pools of `connect` hand every statement to a thread and wait for its answer. That costs several times what SQLite itself
//! takes for a few rows that are in memory, and a transaction has half a dozen statements. So requests are written by one
//! thread that owns its connection, and short lists are read where they are asked for. The file and the SQL text are the same, and
//! writers take turns (`connect::Turn`), so that they queue up instead of finding the file locked.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags, Params, Row, TransactionBehavior, config::DbConfig, params};

use super::{
    audit::{MOVE_HEAD, WHERE_IT_ENDS},
    connect::{SQLITE_READER, SQLITE_WRITER, Turn},
    waiting::{KNOWN, Waiting},
};
use crate::{
    domain::audit::Head,
    ports::store::{Accepted, StoreError},
};

/// Reads at the same time; whoever comes when all are in use takes the way over the pool.
const READERS: usize = 2;

const INSERT: &str =
    "INSERT INTO inbox (id, at, body, answer, answered) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING";
const APPEND: &str = "INSERT INTO audit (seq, body, previous, hash) VALUES (?1, ?2, ?3, ?4)";

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        StoreError::Database(Box::new(error))
    }
}

fn connect(path: &Path, script: &str) -> Result<Connection, StoreError> {
    // Each connection has one user at a time: its owner, or whoever took it out of `Readers`.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(script)?;
    // Without this a statement whose plan might depend on a parameter is prepared anew each time the parameter is bound, which costs more than
    // carrying it out.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Connections for short reads.
#[derive(Debug)]
pub(super) struct Readers(Mutex<Vec<Connection>>);

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Readers, StoreError> {
        let all = (0..READERS).map(|_| connect(path, SQLITE_READER)).collect::<Result<Vec<_>, _>>()?;
        Ok(Readers(all.into()))
    }

    /// The rows of a statement, read on the spot; nothing where every connection is in use. For a few rows only: whoever else runs
    /// on this thread waits.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Option<Result<Vec<T>, StoreError>> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        let read = || -> rusqlite::Result<Vec<T>> {
            connection.prepare_cached(&numbered(sql))?.query_map(parameters, row)?.collect()
        };
        let rows = read().map_err(StoreError::from);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Some(rows)
    }

    /// Closes what is not in use just now.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// To SQLite `$2` is a name like any other, whose place is that of its first appearance; `?2` is the second parameter.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

/// The connection of the thread that stores requests.
pub(super) struct Writer {
    connection: Connection,
    turn: Turn,
}

impl Writer {
    pub(super) fn open(path: &Path, turn: Turn) -> Result<Writer, StoreError> {
        Ok(Writer { connection: connect(path, SQLITE_WRITER)?, turn })
    }

    /// Stores a batch in one transaction; answers for each request whether it was new. Must not be called by a task.
    pub(super) fn store(&mut self, batch: &[Waiting]) -> Result<Vec<Accepted>, StoreError> {
        let _turn = self.turn.blocking_lock();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut accepted = Vec::with_capacity(batch.len());
        {
            let mut known = transaction.prepare_cached(&numbered(KNOWN))?;
            let mut insert = transaction.prepare_cached(INSERT)?;
            let mut append = transaction.prepare_cached(APPEND)?;
            let end = |row: &Row<'_>| Ok(Head { seq: row.get(0)?, hash: row.get(1)? });
            let mut head = transaction.prepare_cached(WHERE_IT_ENDS)?.query_row([], end)?;
            let began = head.seq;
            for waiting in batch {
                let Waiting { id, at, body, answer, audit } = waiting;
                let answered = answer.as_ref().map(|_| at.0);
                let replay = match waiting.earlier() {
                    Some(earlier) => known.exists([earlier])?,
                    None => false,
                };
                if replay || insert.execute(params![id, at.0, body, answer, answered])? == 0 {
                    accepted.push(Accepted::Replay);
                    continue;
                }
                accepted.push(Accepted::New);
                for entry in audit {
                    let next = head.extend(entry);
                    append.execute(params![next.seq, entry, head.hash, next.hash])?;
                    head = next;
                }
            }
            if head.seq > began {
                transaction.prepare_cached(&numbered(MOVE_HEAD))?.execute(params![head.seq, head.hash])?;
            }
        }
        transaction.commit()?;
        Ok(accepted)
    }
}
