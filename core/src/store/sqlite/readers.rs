//! Connections for reading.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::failure::Failure;
use super::schema;
use crate::store::StoreError;

/// How many read at the same time. More than processors makes no sense, and each connection has its cache.
const CONNECTIONS: usize = 4;

/// A few connections that are kept open, each used by one reader at a time in a thread that may block.
pub(super) struct Readers {
    shared: Arc<Shared>,
    free: Arc<Semaphore>,
}

struct Shared {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        let shared = Shared { path, idle: Mutex::new(Vec::new()) };
        Self { shared: Arc::new(shared), free: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Takes a connection in.
    pub(super) fn keep(&self, connection: Connection) {
        self.shared.keep(connection);
    }

    /// Runs the query in a thread that may block. All that it reads is as it was at one moment between two commits.
    pub(super) async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.with(|connection| at_one_moment(connection, query)).await
    }

    /// Does something with a connection, in a thread that may block.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else { return Err(self.closed()) };
        let shared = Arc::clone(&self.shared);
        let answer = tokio::task::spawn_blocking(move || {
            let answer = shared.with(query);
            drop(permit);
            answer
        });
        answer.await.unwrap_or_else(|error| {
            Err(StoreError::Io { doing: format!("reading {}", self.shared.path.display()), why: error.to_string() })
        })
    }

    /// Closes the connections that nobody uses; the others are closed after their query.
    pub(super) fn close(&self) {
        self.free.close();
        self.shared.idle().clear();
    }

    fn closed(&self) -> StoreError {
        StoreError::Io {
            doing: format!("reading {}", self.shared.path.display()),
            why: "the store is closed".to_owned(),
        }
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, connection: Connection) {
        self.idle().push(connection);
    }

    /// A connection that met an error is not used again.
    fn with<T>(&self, query: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_for_reading(&self.path)?,
        };
        let answer = query(&connection).map_err(|failure| failure.explain(&self.path))?;
        self.keep(connection);
        Ok(answer)
    }
}

/// Several statements see the same only in one transaction: between two a run may be deleted.
fn at_one_moment<T>(
    connection: &Connection,
    query: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let answer = query(connection)?;
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(answer)
}
