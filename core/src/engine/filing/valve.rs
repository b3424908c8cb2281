//! A way out that can be shut: an archive that is given up writes its end when it is dropped, also where nothing may block.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lets through what is written, until its [`Shutter`] is dropped.
pub(super) struct Valve<W> {
    out: W,
    shut: Arc<AtomicBool>,
}

/// Shuts its valve when it is dropped.
pub(super) struct Shutter {
    shut: Option<Arc<AtomicBool>>,
}

pub(super) fn valve<W: Write>(out: W) -> (Valve<W>, Shutter) {
    let shut = Arc::new(AtomicBool::new(false));
    (Valve { out, shut: shut.clone() }, Shutter { shut: Some(shut) })
}

impl Shutter {
    /// Leaves the valve open for ever.
    pub(super) fn leave_open(mut self) {
        self.shut = None;
    }
}

impl Drop for Shutter {
    fn drop(&mut self) {
        if let Some(shut) = &self.shut {
            shut.store(true, Ordering::SeqCst);
        }
    }
}

impl<W: Write> Write for Valve<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.shut.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.shut.load(Ordering::SeqCst) { Ok(()) } else { self.out.flush() }
    }
}
