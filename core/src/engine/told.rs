//! What executors tell of steps beside their logs, on its way into these.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::run::StepKey;

/// Lines on their way to one log. What is more is not told.
const QUEUE: usize = 256;

/// Who hears what is told of each step of a run. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    listeners: Arc<Mutex<HashMap<StepKey, mpsc::Sender<String>>>>,
}

impl Told {
    /// From now on what is told of the step comes here; an earlier listener hears no more.
    pub(super) fn listen(&self, step: &StepKey) -> Listener {
        let (sender, lines) = mpsc::channel(QUEUE);
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).insert(step.clone(), sender);
        Listener { lines }
    }

    /// Tells something of a step. It is dropped when nobody listens, or listens too slowly.
    pub(super) fn tell(&self, step: &StepKey, line: String) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = listeners.get(step)
            && matches!(sender.try_send(line), Err(mpsc::error::TrySendError::Closed(_)))
        {
            listeners.remove(step);
        }
    }
}

/// Hears what is told of one step.
#[derive(Debug)]
pub(super) struct Listener {
    lines: mpsc::Receiver<String>,
}

impl Listener {
    /// The next line. Never returns when there is none any more.
    pub(super) async fn next(&mut self) -> String {
        match self.lines.recv().await {
            Some(line) => line,
            None => std::future::pending().await,
        }
    }

    /// The next line, when there is one already.
    pub(super) fn ready(&mut self) -> Option<String> {
        self.lines.try_recv().ok()
    }
}
