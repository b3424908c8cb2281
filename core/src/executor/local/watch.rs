//! Being woken when something in a step's folder changes. One inotify instance for all steps, since a user has few of them.
//!
//! A missed change does no harm: who waits here also looks again after [`FALLBACK`](super::FALLBACK).

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes those who watch folders.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    #[cfg(target_os = "linux")]
    shared: Arc<linux::Shared>,
}

/// A folder that is watched as long as this lives.
#[derive(Debug)]
pub(super) struct Watched {
    wake: Arc<Notify>,
    #[cfg(target_os = "linux")]
    place: Option<linux::Place>,
}

impl Watched {
    /// Whether changes are told at all.
    pub(super) fn works(&self) -> bool {
        #[cfg(target_os = "linux")]
        let works = self.place.is_some();
        #[cfg(not(target_os = "linux"))]
        let works = false;
        works
    }

    /// Returns after a change since the last call, or since the watch began.
    pub(super) async fn changed(&self) {
        self.wake.notified().await;
    }
}

#[cfg(not(target_os = "linux"))]
impl Watcher {
    pub(super) fn watch(&self, _folder: &Path) -> Watched {
        Watched { wake: Arc::new(Notify::new()) }
    }
}

#[cfg(target_os = "linux")]
impl Watcher {
    /// Watches a folder. When the system refuses, the fallback must do.
    pub(super) fn watch(&self, folder: &Path) -> Watched {
        let wake = Arc::new(Notify::new());
        let place = linux::Place::take(&self.shared, folder, &wake).inspect_err(|error| {
            tracing::debug!(%error, ?folder, "the folder cannot be watched; it is polled");
        });
        Watched { wake, place: place.ok() }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::io;
    use std::path::Path;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

    use futures::StreamExt;
    use inotify::{EventMask, EventStream, Inotify, WatchDescriptor, WatchMask, Watches};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    #[derive(Debug, Default)]
    pub(super) struct Shared(Mutex<Option<Live>>);

    /// An instance with the task that reads it.
    struct Live {
        watches: Watches,
        sleepers: HashMap<WatchDescriptor, Vec<Arc<Notify>>>,
        task: JoinHandle<()>,
    }

    impl std::fmt::Debug for Live {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Live").field("watched", &self.sleepers.len()).finish_non_exhaustive()
        }
    }

    impl Drop for Live {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    impl Shared {
        fn lock(&self) -> MutexGuard<'_, Option<Live>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Live {
        fn start(shared: &Arc<Shared>) -> io::Result<Self> {
            let inotify = Inotify::init()?;
            let watches = inotify.watches();
            let events = inotify.into_event_stream(vec![0; 16 * 1024])?;
            let task = tokio::spawn(dispatch(events, Arc::downgrade(shared)));
            Ok(Self { watches, sleepers: HashMap::new(), task })
        }
    }

    async fn dispatch(mut events: EventStream<Vec<u8>>, shared: Weak<Shared>) {
        while let Some(event) = events.next().await {
            let Some(shared) = shared.upgrade() else { return };
            let mut live = shared.lock();
            let (Ok(event), Some(live)) = (event, live.as_mut()) else { continue };
            if event.mask.contains(EventMask::Q_OVERFLOW) {
                live.sleepers.values().flatten().for_each(|sleeper| sleeper.notify_one());
            } else if let Some(sleepers) = live.sleepers.get(&event.wd) {
                sleepers.iter().for_each(|sleeper| sleeper.notify_one());
            }
        }
    }

    /// One sleeper's place in the list of a folder.
    #[derive(Debug)]
    pub(super) struct Place {
        shared: Weak<Shared>,
        descriptor: WatchDescriptor,
        wake: Arc<Notify>,
    }

    impl Place {
        pub(super) fn take(shared: &Arc<Shared>, folder: &Path, wake: &Arc<Notify>) -> io::Result<Self> {
            let mut live = shared.lock();
            // The runtime that read the events may be gone.
            if live.as_ref().is_none_or(|live| live.task.is_finished()) {
                *live = Some(Live::start(shared)?);
            }
            let Some(live) = live.as_mut() else { return Err(io::ErrorKind::NotFound.into()) };
            let mask = WatchMask::MODIFY
                | WatchMask::CREATE
                | WatchMask::MOVED_TO
                | WatchMask::DELETE_SELF
                | WatchMask::ONLYDIR;
            let descriptor = live.watches.add(folder, mask)?;
            live.sleepers.entry(descriptor.clone()).or_default().push(Arc::clone(wake));
            Ok(Self { shared: Arc::downgrade(shared), descriptor, wake: Arc::clone(wake) })
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let Some(shared) = self.shared.upgrade() else { return };
            let mut live = shared.lock();
            let Some(live) = live.as_mut() else { return };
            let Some(sleepers) = live.sleepers.get_mut(&self.descriptor) else { return };
            sleepers.retain(|sleeper| !Arc::ptr_eq(sleeper, &self.wake));
            if sleepers.is_empty() {
                live.sleepers.remove(&self.descriptor);
                // Fails when the folder is gone, and the watch with it.
                let _ = live.watches.remove(self.descriptor.clone());
            }
        }
    }
}
