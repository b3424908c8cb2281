//! Paths of sockets: the system takes 107 bytes, and folders may have longer names.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The longest path that a socket's address takes, in bytes.
const MAX_PATH: usize = if cfg!(any(target_os = "linux", target_os = "android")) { 107 } else { 103 };

/// A path that leads to a socket and is short enough for its address.
#[derive(Debug)]
pub(super) struct Address {
    path: PathBuf,
    /// The path leads through this folder as long as it is open.
    _folder: Option<File>,
}

impl Address {
    /// Finds one. An error where a long path cannot be shortened.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= MAX_PATH {
            return Ok(Self { path: path.to_path_buf(), _folder: None });
        }
        through_folder(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn through_folder(path: &Path) -> io::Result<Address> {
    let too_long = || {
        let message = format!(
            "its path is longer than the {MAX_PATH} bytes that a socket can have, and there is no /proc to shorten it: choose \
             a data directory with a shorter path"
        );
        io::Error::new(io::ErrorKind::InvalidInput, message)
    };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(too_long()) };
    let folder = File::open(parent)?;
    let here = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    if !here.is_dir() {
        return Err(too_long());
    }
    Ok(Address { path: here.join(name), _folder: Some(folder) })
}
