//! Lines that the engine adds to a task's log.

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};

/// A log to which the engine adds lines of its own, each on a line of its own.
#[async_trait]
pub(in crate::engine) trait Notes: Send {
    /// Adds a line. What goes wrong is told elsewhere.
    async fn note(&mut self, line: String);
}

/// Where lines for the log are put by work that may be given up at any moment. Writing a line may not: so somebody else does.
pub(super) struct Lines(mpsc::UnboundedSender<String>);

impl Lines {
    /// Puts a line.
    pub(super) fn note(&self, line: String) {
        let _ = self.0.send(line);
    }
}

/// Does something that puts lines, and writes these; `None` when it was given up because `stop` came first.
pub(super) async fn noting<T>(
    notes: &mut dyn Notes,
    mut stop: watch::Receiver<bool>,
    work: impl AsyncFnOnce(Lines) -> T,
) -> Option<T> {
    let (sender, mut lines) = mpsc::unbounded_channel();
    let mut work = std::pin::pin!(work(Lines(sender)));
    let mut stopped = std::pin::pin!(async { stop.wait_for(|stop| *stop).await.map(drop) });
    let done = loop {
        tokio::select! {
            biased;
            Some(line) = lines.recv() => notes.note(line).await,
            done = &mut work => break Some(done),
            // Without anybody who could want it, it is not stopped.
            Ok(()) = &mut stopped => break None,
        }
    };
    while let Ok(line) = lines.try_recv() {
        notes.note(line).await;
    }
    done
}

/// `1 file`, `1234 files`.
pub(super) fn files(number: u64) -> String {
    format!("{number} file{}", if number == 1 { "" } else { "s" })
}

/// A size with as much detail as a person wants: `812 B`, `3.4 KiB`, `1.2 GiB`.
pub(super) fn size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let sizes = [0, 1023, 1024, 1536, 5 << 20, (3 << 30) / 2].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "1.5 GiB"]);
        assert_eq!([1, 2].map(files), ["1 file", "2 files"]);
    }
}
