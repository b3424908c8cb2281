//! Systems without sockets that have their place among the files.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use super::file::SocketFile;
use crate::engine::Handle;
use crate::engine::core::Core;

/// There is none.
#[derive(Debug)]
pub(crate) enum Door {}

impl Door {
    pub(crate) fn open(_path: PathBuf) -> io::Result<(Self, SocketFile)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) async fn serve(self, _engine: Weak<Handle>, _core: Arc<Core>) {
        match self {}
    }
}
