//! The file of the control socket, which goes before the hold on the data directory does.

use std::fs;
use std::path::PathBuf;

/// Removes the file when it is dropped. Whoever has it holds the data directory, so that the file is its own.
#[derive(Debug)]
pub(crate) struct SocketFile(pub(super) PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // When it cannot be removed, the next engine replaces it, and until then nobody answers there.
        let _ = fs::remove_file(&self.0);
    }
}
