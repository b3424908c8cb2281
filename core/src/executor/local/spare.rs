//! Folders for steps with their copiers, made before they are needed: while one step runs, those of the next are made.
//!
//! Making files and starting a process is most of what a short step would wait for; a rename is cheap everywhere. Spare
//! folders lie in the run's folder, and go with it; their copiers end with the engine that holds the other end of the pipe.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::copier::Copier;
use super::layout::{RunFolder, open_log, open_writable, tempfile_name};
use crate::clock::SharedClock;

/// So many are kept ready for a run.
const READY: usize = 1;

/// Spare folders by run.
#[derive(Debug, Default)]
pub(super) struct Spares {
    ready: Arc<Mutex<Ready>>,
}

type Ready = HashMap<PathBuf, Vec<Spare>>;

/// A folder with an empty log and an empty script, and the copier that holds the log.
#[derive(Debug)]
pub(super) struct Spare {
    pub(super) folder: PathBuf,
    pub(super) copier: Copier,
}

fn locked(ready: &Mutex<Ready>) -> MutexGuard<'_, Ready> {
    ready.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spares {
    /// A spare that nobody else has.
    pub(super) fn take(&self, run: &RunFolder, cat: &Path) -> io::Result<Spare> {
        let spare = locked(&self.ready).get_mut(run.path()).and_then(Vec::pop);
        match spare {
            // Somebody may have cleaned up meanwhile.
            Some(spare) if spare.folder.is_dir() => Ok(spare),
            _ => make(run, cat),
        }
    }

    /// Makes new ones in the background. Failing does no harm: the next start makes its own, and tells why it cannot.
    pub(super) fn refill(&self, run: &RunFolder, cat: &Path) {
        let (spares, run, cat) = (Self { ready: Arc::clone(&self.ready) }, run.clone(), cat.to_path_buf());
        if !spares.is_full(&run) {
            tokio::task::spawn_blocking(move || spares.fill(&run, &cat));
        }
    }

    /// Makes a new one, here and now, unless there are enough.
    pub(super) fn fill(&self, run: &RunFolder, cat: &Path) {
        if self.is_full(run) {
            return;
        }
        let Ok(spare) = make(run, cat) else { return };
        let mut ready = locked(&self.ready);
        // The run may have been released meanwhile, or only its workspace is kept.
        if !run.steps().is_dir() {
            let stale = ready.remove(run.path()).into_iter().flatten();
            drop(ready);
            for spare in stale.chain([spare]) {
                spare.copier.dismiss_here();
                let _ = fs::remove_dir_all(spare.folder);
            }
            return;
        }
        let spares = ready.entry(run.path().to_owned()).or_default();
        if spares.len() < READY {
            spares.push(spare);
        } else {
            drop(ready);
            spare.copier.dismiss_here();
            let _ = fs::remove_dir_all(spare.folder);
        }
    }

    fn is_full(&self, run: &RunFolder) -> bool {
        locked(&self.ready).get(run.path()).is_some_and(|spares| spares.len() >= READY)
    }

    /// Forgets those of a run.
    pub(super) fn drop_run(&self, run: &RunFolder, clock: &SharedClock) {
        let spares = locked(&self.ready).remove(run.path());
        spares.into_iter().flatten().for_each(|spare| spare.copier.dismiss(clock));
    }
}

fn make(run: &RunFolder, cat: &Path) -> io::Result<Spare> {
    let folder = tempfile_name(run.path(), "step");
    crate::disk::make_folder(&folder)?;
    let log = open_log(&folder.join("log"))?;
    open_writable(&folder.join("script"), 0o700)?;
    let copier = Copier::start(cat, &log)?;
    Ok(Spare { folder, copier })
}
