//! What belongs to one process: after a fork the child has a copy that it must neither use nor free.

use std::mem::ManuallyDrop;

use windlass::{Error, ErrorKind, Result};

/// The id of this process.
pub(crate) fn this_process() -> u32 {
    std::process::id()
}

/// Something that only the process may touch that made it.
#[derive(Debug)]
pub(crate) struct Owned<T> {
    process: u32,
    value: ManuallyDrop<T>,
}

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: this_process(), value: ManuallyDrop::new(value) }
    }

    /// The value, in the process that made it.
    ///
    /// # Errors
    /// `forkedHandle` in another one.
    pub(crate) fn get(&self) -> Result<&T> {
        let here = this_process();
        if self.process == here {
            return Ok(&self.value);
        }
        let message = format!(
            "this object belongs to the process {}, and this is its child {here}: an engine, its runs and its streams do not \
             go over a fork. Open the engine in the process that uses it, or start the child with `spawn`",
            self.process
        );
        Err(Error::new(ErrorKind::Conflict, "forkedHandle", "use", message))
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.process == this_process() {
            // SAFETY: nothing uses the value after this.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
        // In a child the value stays: freeing it would take away files and wait for threads that are the parent's.
    }
}
