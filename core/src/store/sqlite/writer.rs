//! The one thread that writes. Commits that wait for it at the same time go to the disk together.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::change::Change;
use super::failure::Failure;
use super::positions::Positions;
use super::schema;
use crate::store::StoreError;

/// So many commits share a flush at most, so that the first one does not wait for ever.
const GROUP: usize = 256;

type Answer = oneshot::Sender<Result<(), StoreError>>;

enum Job {
    Commit(Box<Change>, Answer),
    Close(oneshot::Sender<()>),
    /// For tests: something done with the writer's connection.
    #[cfg(test)]
    With(Box<dyn FnOnce(&Connection) + Send>),
}

/// The handle to the thread.
pub(super) struct Writer {
    path: PathBuf,
    jobs: Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn spawn(path: PathBuf, connection: Connection) -> Result<Self, StoreError> {
        let (jobs, queue) = channel();
        let pen = Pen::new(connection).map_err(|failure| failure.explain(&path))?;
        let worker = Worker { path: path.clone(), pen: Some(pen) };
        let thread = std::thread::Builder::new().name("windlass-store".to_owned()).spawn(move || worker.work(&queue));
        let thread = thread.map_err(|error| StoreError::from_io(&path, "starting the writer of", &error))?;
        Ok(Self { path, jobs, thread: Mutex::new(Some(thread)) })
    }

    /// Returns when the change is on the disk, or refused.
    pub(super) async fn commit(&self, change: Change) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::Commit(Box::new(change), answer)).map_err(|_| self.closed())?;
        answered.await.unwrap_or_else(|_| Err(self.closed()))
    }

    /// Waits for what was sent before, and closes the database.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        if self.jobs.send(Job::Close(answer)).is_ok() {
            // An error means that the thread is gone, which is what was wanted.
            let _ = answered.await;
        }
        Ok(())
    }

    fn closed(&self) -> StoreError {
        StoreError::Io { doing: format!("writing {}", self.path.display()), why: "the store is closed".to_owned() }
    }

    #[cfg(test)]
    pub(super) fn with(&self, act: impl FnOnce(&Connection) + Send + 'static) {
        let _ = self.jobs.send(Job::With(Box::new(act)));
    }
}

/// Whoever drops the store may open the database again at once.
impl Drop for Writer {
    fn drop(&mut self) {
        let (nobody, _) = oneshot::channel();
        let _ = self.jobs.send(Job::Close(nobody));
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

struct Worker {
    path: PathBuf,
    /// `None` after an error that left it in doubt; opened again for the next group.
    pen: Option<Pen>,
}

/// What one writes with: the connection, and the positions that come next.
pub(super) struct Pen {
    db: Connection,
    positions: Positions,
}

impl Pen {
    pub(super) fn new(db: Connection) -> Result<Self, Failure> {
        Ok(Self { positions: Positions::of(&db)?, db })
    }
}

impl Worker {
    fn work(mut self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            let mut group = Vec::new();
            let mut last = None;
            for job in std::iter::once(first).chain(queue.try_iter()) {
                match job {
                    Job::Commit(change, answer) => group.push((*change, answer)),
                    Job::Close(closed) => last = Some(closed),
                    #[cfg(test)]
                    Job::With(act) => {
                        if let Some(pen) = &self.pen {
                            act(&pen.db);
                        }
                    }
                }
                if last.is_some() || group.len() == GROUP {
                    break;
                }
            }
            self.commit(group);
            if let Some(closed) = last {
                drop(self.pen.take());
                let _ = closed.send(());
                return;
            }
        }
    }

    /// Writes the group, and tells everyone in it how that went.
    fn commit(&mut self, group: Vec<(Change, Answer)>) {
        if group.is_empty() {
            return;
        }
        let (changes, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let results = self.pen().and_then(|pen| write(pen, &changes));
        let doubtful = results.as_ref().is_err_and(Failure::distrusts_connection);
        answer(&self.path, results, answers);
        if doubtful {
            self.pen = None;
        }
    }

    fn pen(&mut self) -> Result<&mut Pen, Failure> {
        let pen = match self.pen.take() {
            Some(pen) => pen,
            None => Pen::new(schema::open_for_writing(&self.path)?)?,
        };
        Ok(self.pen.insert(pen))
    }
}

/// One transaction for all. The inner results are those of changes that were refused alone; the outer error is everyone's.
pub(super) fn write(pen: &mut Pen, changes: &[Change]) -> Result<Vec<Result<(), Failure>>, Failure> {
    let Pen { db, positions } = pen;
    db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let written = apply(db, positions, changes).and_then(|results| {
        db.prepare_cached("COMMIT")?.execute([])?;
        Ok(results)
    });
    // After some errors SQLite has rolled back by itself.
    if written.is_err() && !db.is_autocommit() {
        let _ = db.execute_batch("ROLLBACK");
    }
    written
}

fn apply(db: &Connection, positions: &mut Positions, changes: &[Change]) -> Result<Vec<Result<(), Failure>>, Failure> {
    if let [alone] = changes {
        return alone.apply(db, positions).map(|()| vec![Ok(())]);
    }
    changes.iter().map(|change| apply_one_of_many(db, positions, change)).collect()
}

/// A refused change takes back its own rows and nobody else's.
fn apply_one_of_many(
    db: &Connection,
    positions: &mut Positions,
    change: &Change,
) -> Result<Result<(), Failure>, Failure> {
    db.prepare_cached("SAVEPOINT change")?.execute([])?;
    let result = change.apply(db, positions);
    match result {
        // The disk's troubles are everyone's.
        Err(Failure::Sqlite(error)) => return Err(error.into()),
        Err(_) => {
            db.prepare_cached("ROLLBACK TO change")?.execute([])?;
        }
        Ok(()) => {}
    }
    db.prepare_cached("RELEASE change")?.execute([])?;
    Ok(result)
}

fn answer(path: &Path, results: Result<Vec<Result<(), Failure>>, Failure>, answers: Vec<Answer>) {
    // Nobody listens any more where a future was dropped; that is fine.
    match results {
        Ok(results) => {
            for (result, answer) in results.into_iter().zip(answers) {
                let _ = answer.send(result.map_err(|failure| failure.explain(path)));
            }
        }
        Err(Failure::Sqlite(error)) => {
            for answer in answers {
                let _ = answer.send(Err(super::failure::explain(&error, path)));
            }
        }
        Err(other) => {
            let why = other.explain(path);
            let text = why.to_string();
            let mut first = Some(why);
            for answer in answers {
                let again = || StoreError::Io { doing: format!("writing {}", path.display()), why: text.clone() };
                let _ = answer.send(Err(first.take().unwrap_or_else(again)));
            }
        }
    }
}
