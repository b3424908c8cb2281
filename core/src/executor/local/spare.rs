//! Folders for steps, made before they are needed: while one step runs, the folder of the next is made.
//!
//! Where a file system takes long to make a file, this is most of what a short step would wait for. A rename is cheap
//! everywhere. Spare folders lie in the run's folder, and go with it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::layout::{RunFolder, make_folder, open_writable, tempfile_name};

/// So many are kept ready for a run.
const READY: usize = 2;

/// Spare folders by run.
#[derive(Debug, Default)]
pub(super) struct Spares {
    ready: Arc<Mutex<Ready>>,
}

type Ready = HashMap<PathBuf, Vec<PathBuf>>;

fn locked(ready: &Mutex<Ready>) -> MutexGuard<'_, Ready> {
    ready.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spares {
    /// A folder with an empty log and an empty script, which nobody else has.
    pub(super) fn take(&self, run: &RunFolder) -> io::Result<PathBuf> {
        let spare = locked(&self.ready).get_mut(run.path()).and_then(Vec::pop);
        match spare {
            // Somebody may have cleaned up meanwhile.
            Some(spare) if spare.is_dir() => Ok(spare),
            _ => make(run),
        }
    }

    /// Makes new ones in the background. Failing does no harm: the next start makes its own, and tells why it cannot.
    pub(super) fn refill(&self, run: &RunFolder) {
        let (ready, run) = (Arc::clone(&self.ready), run.clone());
        if locked(&ready).get(run.path()).is_some_and(|spares| spares.len() >= READY) {
            return;
        }
        tokio::task::spawn_blocking(move || {
            let Ok(spare) = make(&run) else { return };
            let mut ready = locked(&ready);
            // The run may have been released meanwhile.
            if !run.path().is_dir() {
                ready.remove(run.path());
                return;
            }
            let spares = ready.entry(run.path().to_owned()).or_default();
            if spares.len() < READY {
                spares.push(spare);
            } else {
                drop(ready);
                let _ = fs::remove_dir_all(spare);
            }
        });
    }

    /// Forgets those of a run.
    pub(super) fn drop_run(&self, run: &RunFolder) {
        locked(&self.ready).remove(run.path());
    }
}

fn make(run: &RunFolder) -> io::Result<PathBuf> {
    let spare = tempfile_name(run.path(), "step");
    make_folder(&spare)?;
    open_writable(&spare.join("log"), 0o600)?;
    open_writable(&spare.join("script"), 0o700)?;
    Ok(spare)
}
