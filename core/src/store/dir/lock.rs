//! One owner at a time.
//!
//! A POSIX record lock ends with its process, whatever children it left (a `flock` would live on in them). But it does not
//! hold within one process, and it vanishes when *any* descriptor of the file is closed. So the file is opened exactly
//! once: a list of the folders that this process has open comes first.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::StoreError;

/// The file that carries the lock.
pub(super) const FILE: &str = "lock";

/// Device and inode: the same folder has the same ones, whatever path leads to it.
type FolderId = (u64, u64);

static OPEN_FOLDERS: Mutex<BTreeSet<FolderId>> = Mutex::new(BTreeSet::new());

/// Holds the folder until it is dropped.
#[derive(Debug)]
pub(super) struct DirLock {
    folder: FolderId,
    /// Taken out to be closed while the list is held.
    file: Option<File>,
}

impl DirLock {
    pub(super) fn take(dir: &Path) -> Result<Self, StoreError> {
        let folder = folder_id(dir)?;
        let mut open = open_folders();
        if open.contains(&folder) {
            return Err(StoreError::Locked { path: dir.to_path_buf(), pid: Some(std::process::id()) });
        }
        let path = dir.join(FILE);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| StoreError::from_io(&path, "opening", &error))?;
        system::lock(&file, dir)?;
        open.insert(folder);
        Ok(Self { folder, file: Some(file) })
    }
}

/// Says who holds the folder; takes nothing.
pub(super) fn check_free(dir: &Path) -> Result<(), StoreError> {
    let folder = folder_id(dir)?;
    // Closing a descriptor of the file would end a lock that this process has taken: nobody takes one meanwhile.
    let open = open_folders();
    if open.contains(&folder) {
        return Err(StoreError::Locked { path: dir.to_path_buf(), pid: Some(std::process::id()) });
    }
    let path = dir.join(FILE);
    match File::open(&path) {
        Ok(file) => system::check_free(&file, dir),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StoreError::from_io(&path, "opening", &error)),
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        let mut open = open_folders();
        drop(self.file.take());
        open.remove(&self.folder);
    }
}

fn open_folders() -> MutexGuard<'static, BTreeSet<FolderId>> {
    OPEN_FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn folder_id(dir: &Path) -> Result<FolderId, StoreError> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(dir).map_err(|error| StoreError::from_io(dir, "opening", &error))?;
    Ok((found.dev(), found.ino()))
}

/// Elsewhere the path has to do; it is a canonical one.
#[cfg(not(unix))]
fn folder_id(dir: &Path) -> Result<FolderId, StoreError> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let path = fs::canonicalize(dir).map_err(|error| StoreError::from_io(dir, "opening", &error))?;
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    Ok((0, hasher.finish()))
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::path::Path;

    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    use crate::store::StoreError;

    pub(super) fn lock(file: &File, dir: &Path) -> Result<(), StoreError> {
        match fcntl(file, FcntlArg::F_SETLK(&whole_file())) {
            Ok(_) => Ok(()),
            Err(Errno::EACCES | Errno::EAGAIN) => {
                Err(StoreError::Locked { path: dir.to_path_buf(), pid: holder(file) })
            }
            Err(errno) => Err(StoreError::from_io(dir, "locking", &errno.into())),
        }
    }

    pub(super) fn check_free(file: &File, dir: &Path) -> Result<(), StoreError> {
        let mut found = whole_file();
        match fcntl(file, FcntlArg::F_GETLK(&mut found)) {
            Ok(_) if found.l_type == libc::F_UNLCK as libc::c_short => Ok(()),
            Ok(_) => Err(StoreError::Locked { path: dir.to_path_buf(), pid: holder(file) }),
            Err(errno) => Err(StoreError::from_io(dir, "looking at the lock of", &errno.into())),
        }
    }

    fn holder(file: &File) -> Option<u32> {
        let mut found = whole_file();
        fcntl(file, FcntlArg::F_GETLK(&mut found)).ok()?;
        let held = found.l_type != libc::F_UNLCK as libc::c_short;
        held.then(|| u32::try_from(found.l_pid).ok()).flatten().filter(|pid| *pid != 0)
    }

    fn whole_file() -> libc::flock {
        libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{File, TryLockError};
    use std::path::Path;

    use crate::store::StoreError;

    pub(super) fn lock(file: &File, dir: &Path) -> Result<(), StoreError> {
        match file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: dir.to_path_buf(), pid: None }),
            Err(TryLockError::Error(error)) => Err(StoreError::from_io(dir, "locking", &error)),
        }
    }

    /// Given back when the file is closed.
    pub(super) fn check_free(file: &File, dir: &Path) -> Result<(), StoreError> {
        lock(file, dir)
    }
}
