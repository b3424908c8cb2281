//! Files of a workspace on their way between an executor and the objects.

use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::StreamExt;

use super::valve::{Shutter, Valve, valve};
use crate::blob::{ArchiveLimits, BlobError, BlobStore, Globs, PackError, Packed, Packer, Unpacked, to_tar};
use crate::executor::stream::{Inlet, Outlet, outlet, pipe};
use crate::executor::{Executor, ExecutorError};
use crate::explain::{self, Explained};
use crate::run::RunId;

/// What is written at once.
const PIECE: usize = 128 << 10;

/// The workspace of a run.
pub(super) struct Workspace<'a> {
    pub(super) executor: &'a dyn Executor,
    pub(super) run: RunId,
}

/// Why files could not be carried.
#[derive(Debug, thiserror::Error)]
pub(super) enum CarryError {
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl CarryError {
    /// For people and for the run.
    pub(super) fn explained(&self) -> Explained {
        match self {
            Self::Executor(error) => explain::executor_error(error),
            Self::Blob(error) => explain::blob_error(error),
        }
    }
}

type Making = Packer<BufWriter<Valve<Outlet<BlobError>>>>;

/// An archive that is being made.
struct Filling {
    packer: Making,
    /// Files that have to be read by themselves.
    alone: Vec<PathBuf>,
}

impl Workspace<'_> {
    /// Lets `take` read a file or folder as a tar stream on a thread that may block. False when there is no such thing.
    pub(super) async fn read<T, F>(
        &self,
        path: &str,
        what: &str,
        on: &Arc<Mutex<T>>,
        take: F,
    ) -> Result<bool, CarryError>
    where
        T: Send + 'static,
        F: FnOnce(&mut T, Inlet, &Path) -> Result<(), PackError> + Send + 'static,
    {
        let tar = match self.executor.read(self.run, path).await {
            Ok(tar) => tar,
            Err(error) if is_missing(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let (feed, inlet) = pipe(tar);
        // Names in the stream begin with the last part of the path.
        let place = Path::new(path).parent().map(Path::to_path_buf).unwrap_or_default();
        let on = on.clone();
        let job = blocking(what, move || take(&mut hold(&on), inlet, &place));
        let (fed, done) = futures::join!(feed, job);
        match (fed, done?) {
            (Err(error), _) if is_missing(&error) => Ok(false),
            (Err(error), _) => Err(error.into()),
            (Ok(()), Err(error)) => Err(BlobError::of_pack(what, error).into()),
            (Ok(()), Ok(())) => Ok(true),
        }
    }

    /// Stores an archive of what the globs take; `None`, and nothing is stored, when that is nothing.
    pub(super) async fn pack(
        &self,
        globs: &Globs,
        limits: ArchiveLimits,
        (store, object, what): (&BlobStore, &str, &str),
    ) -> Result<Option<Packed>, CarryError> {
        let (outlet, stream) = outlet::<BlobError>();
        let (out, shutter) = valve(outlet.clone());
        let packer = Packer::new(BufWriter::with_capacity(PIECE, out), limits);
        let making = async {
            let made = self.fill((packer, shutter), globs, what).await;
            // Without this the store would take what it has for the whole.
            if !matches!(made, Ok(Some(_))) {
                outlet.give_up(BlobError::Missing { what: what.to_owned() }).await;
            } else {
                drop(outlet);
            }
            made
        };
        let (made, stored) = futures::join!(making, store.put(object, Box::pin(stream)));
        match (made, stored) {
            // An archive that cannot be written on fails as well, and knows less of why.
            (_, Err(error)) => Err(error.into()),
            (made, Ok(_)) => made,
        }
    }

    async fn fill(
        &self,
        (packer, shutter): (Making, Shutter),
        globs: &Globs,
        what: &str,
    ) -> Result<Option<Packed>, CarryError> {
        let filling = Arc::new(Mutex::new(Filling { packer, alone: Vec::new() }));
        // Goes before the archive does, when this is given up.
        let closing = shutter;
        for root in globs.roots() {
            self.add(&filling, root, globs, what).await?;
        }
        let alone = std::mem::take(&mut hold(&filling).alone);
        for file in alone {
            self.add(&filling, &file.to_string_lossy(), globs, what).await?;
        }
        let Some(filling) = Arc::into_inner(filling) else { return Err(died(what)) };
        let packer = filling.into_inner().unwrap_or_else(PoisonError::into_inner).packer;
        closing.leave_open();
        let packed = blocking(what, move || (packer.entries() > 0).then(|| packer.finish()).transpose()).await?;
        Ok(packed.map_err(|error| BlobError::of_pack(what, error))?)
    }

    async fn add(
        &self,
        filling: &Arc<Mutex<Filling>>,
        path: &str,
        globs: &Globs,
        what: &str,
    ) -> Result<(), CarryError> {
        let globs = globs.clone();
        let read = self.read(path, what, filling, move |filling, tar, place| {
            filling.alone.extend(filling.packer.add(tar, place, |name| globs.take(name))?);
            Ok(())
        });
        read.await.map(drop)
    }

    /// Puts the content of an archive into the workspace.
    pub(super) async fn unpack(
        &self,
        store: &BlobStore,
        object: &str,
        limits: ArchiveLimits,
    ) -> Result<Unpacked, CarryError> {
        let (feed, inlet) = pipe(store.get(object).await?);
        let (outlet, tar) = outlet::<ExecutorError>();
        let job = blocking(object, move || {
            let unpacked = to_tar(inlet, BufWriter::with_capacity(PIECE, outlet.clone()), limits);
            if unpacked.is_err() {
                // The executor must not take what it has for the whole.
                outlet.fail(ExecutorError::Infrastructure {
                    code: "objectDamaged",
                    message: "the archive cannot be unpacked".to_owned(),
                    advice: String::new(),
                });
            }
            unpacked
        });
        let (fed, unpacked, written) = futures::join!(feed, job, self.executor.write(self.run, ".", tar.boxed()));
        fed?;
        match (unpacked?, written) {
            // The executor stopped reading, and knows why.
            (Err(PackError::Io(error)), Err(why)) if error.kind() == io::ErrorKind::BrokenPipe => Err(why.into()),
            (Err(error), _) => Err(BlobError::of_pack(object, error).into()),
            (Ok(_), Err(error)) => Err(error.into()),
            (Ok(unpacked), Ok(())) => Ok(unpacked),
        }
    }
}

/// The digest of an object, read as a stream.
pub(super) async fn digest_of(store: &BlobStore, object: &str) -> Result<String, BlobError> {
    use sha2::{Digest, Sha256};
    let mut stream = store.get(object).await?;
    let mut digest = Sha256::new();
    while let Some(piece) = stream.next().await {
        let piece: Bytes = piece?;
        digest.update(&piece);
    }
    Ok(hexadecimal(&digest.finalize()))
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a broken-down thread left is as good as it was.
pub(super) fn hold<T>(on: &Mutex<T>) -> MutexGuard<'_, T> {
    on.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_missing(error: &ExecutorError) -> bool {
    matches!(error, ExecutorError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

async fn blocking<T: Send + 'static>(what: &str, job: impl FnOnce() -> T + Send + 'static) -> Result<T, CarryError> {
    tokio::task::spawn_blocking(job).await.map_err(|_| died(what))
}

fn died(what: &str) -> CarryError {
    let why = "the thread that worked on it broke down; the details are on the standard error of the process";
    BlobError::Io { doing: what.to_owned(), why: why.to_owned() }.into()
}
