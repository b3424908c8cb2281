//! The threads on which the core works, and the one thread that brings what it says back to Python.
//!
//! Both are made when they are needed first. After a fork the threads of the parent are not there any more: the child makes its
//! own, and leaves alone what it inherited.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::fork::this_process;

/// Work for which the interpreter is needed.
type Errand = Box<dyn FnOnce(Python<'_>) + Send>;

/// How many errands are run while the interpreter is held once. It belongs to the program, whose event loop waits meanwhile.
const AT_ONCE: usize = 16;
/// Engines mostly wait for disks and processes.
const MOST_THREADS: usize = 4;

#[derive(Debug)]
pub(crate) struct Bridge {
    process: u32,
    runtime: Runtime,
    errands: Sender<Errand>,
}

/// Never freed: threads of the process use it to its end.
static BRIDGE: AtomicPtr<Bridge> = AtomicPtr::new(ptr::null_mut());

impl Bridge {
    /// The bridge of this process. No lock is taken, since a fork could have left it locked for ever.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(crate) fn get() -> std::io::Result<&'static Self> {
        loop {
            let there = BRIDGE.load(Ordering::Acquire);
            // SAFETY: what is in `BRIDGE` came from `Box::leak`, and nothing frees it.
            if let Some(bridge) = unsafe { there.as_ref() }
                && bridge.process == this_process()
            {
                return Ok(bridge);
            }
            let made = Box::into_raw(Box::new(Self::new()?));
            if BRIDGE.compare_exchange(there, made, Ordering::AcqRel, Ordering::Acquire).is_err() {
                // SAFETY: nobody else has seen it. Another thread was faster.
                let superfluous = unsafe { Box::from_raw(made) };
                superfluous.runtime.shutdown_background();
            }
        }
    }

    fn new() -> std::io::Result<Self> {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads(cores.clamp(2, MOST_THREADS))
            .thread_name("windlass")
            .enable_all()
            .build()?;
        let (errands, waiting) = mpsc::channel();
        thread::Builder::new().name("windlass-python".to_owned()).spawn(move || bring(&waiting))?;
        Ok(Self { process: this_process(), runtime, errands })
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Lets the bringing thread do something with the interpreter, so that no thread of the core ever waits for it.
    pub(crate) fn send(&self, errand: impl FnOnce(Python<'_>) + Send + 'static) {
        // It ends only with the process.
        let _ = self.errands.send(Box::new(errand));
    }
}

fn bring(waiting: &Receiver<Errand>) {
    while let Ok(first) = waiting.recv() {
        let brought = Python::try_attach(|py| {
            first(py);
            for next in waiting.try_iter().take(AT_ONCE - 1) {
                next(py);
            }
        });
        if brought.is_none() {
            // The interpreter is ending, and nobody waits any more.
            return;
        }
    }
}
