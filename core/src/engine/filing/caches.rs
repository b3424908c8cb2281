//! Caches into the workspace and out of it. Whatever goes wrong is a line in the log, and never fails a task.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::note::{files, size};
use super::wanted::{WantedCache, checked_name};
use super::workspace::{CarryError, Workspace, digest_of, hexadecimal, hold};
use super::{FilingJob, Lines};
use crate::blob::{BlobError, CacheEntry, Found, Globs, Shelf, Unpacked, each_file, make_room};
use crate::failpoint;
use crate::pipeline::KeyPiece;
use crate::run::RestoredCache;

impl FilingJob {
    pub(super) async fn restore_caches(&self, workspace: &Workspace<'_>, notes: &Lines) -> Vec<RestoredCache> {
        let mut restored = Vec::new();
        for cache in &self.wanted.caches {
            let (line, done) = match self.restore(cache, workspace).await {
                Ok(done) => done,
                Err(Trouble { key, what }) => {
                    let named = key.as_ref().map_or(String::new(), |key| format!(" {key:?}"));
                    let line = format!("cache{named}: not restored: {what}");
                    (line, RestoredCache { key: key.unwrap_or_default(), from: None })
                }
            };
            notes.note(line);
            restored.push(done);
        }
        restored
    }

    async fn restore(
        &self,
        cache: &WantedCache,
        workspace: &Workspace<'_>,
    ) -> Result<(String, RestoredCache), Trouble> {
        let mut known = HashMap::new();
        let key = self.key_of(&cache.key, workspace, &mut known).await.map_err(Trouble::early)?;
        let trouble = |what: String| Trouble { key: Some(key.clone()), what };
        let mut fallbacks = Vec::new();
        for fallback in &cache.fallbacks {
            fallbacks.push(self.key_of(fallback, workspace, &mut known).await.map_err(trouble)?);
        }
        let found = self.shelf(cache).find(&key, &fallbacks).await.map_err(|error| trouble(error.to_string()))?;
        let Some(found) = found else {
            let may = if self.wanted.may_save { "" } else { "; the run comes from a fork, and will leave none" };
            return Ok((format!("cache {key:?}: there is none yet{may}"), RestoredCache { key, from: None }));
        };
        let started = self.core.clock.now().elapsed;
        let unpacked = match self.unpack_cache(&found, workspace).await {
            Ok(unpacked) => unpacked,
            Err(error) => return Err(trouble(self.after_damage(&found, error).await)),
        };
        let time = self.core.clock.now().elapsed.since(started).as_millis();
        let what = format!("{}, {} in {time} ms", files(unpacked.files), size(unpacked.bytes));
        let from = found.entry.key;
        let line = if from == key {
            format!("cache {key:?}: restored, {what}")
        } else {
            format!("cache {key:?}: restored from {from:?}, {what}")
        };
        Ok((line, RestoredCache { key, from: Some(from) }))
    }

    async fn unpack_cache(&self, found: &Found, workspace: &Workspace<'_>) -> Result<Unpacked, CarryError> {
        let (store, object) = (&self.core.archive.blobs, &found.entry.archive);
        // First whether it is whole: half a cache in the workspace is worse than none.
        if digest_of(store, object).await? != found.entry.digest {
            let why = "its content is not what was stored".to_owned();
            return Err(BlobError::Damaged { what: object.clone(), why }.into());
        }
        let unpacked = workspace.unpack(store, object, self.core.blob_settings.cache).await?;
        if let Err(error) = found.touch(store).await {
            tracing::warn!(step = %self.key, %error, "that a cache was used could not be noted");
        }
        Ok(unpacked)
    }

    /// A cache that is damaged or gone is given up, so that it is made again.
    async fn after_damage(&self, found: &Found, error: CarryError) -> String {
        let lost = matches!(error, CarryError::Blob(BlobError::Damaged { .. } | BlobError::Missing { .. }));
        if !lost {
            return error.to_string();
        }
        if let Err(error) = found.discard(&self.core.archive.blobs).await {
            tracing::warn!(step = %self.key, %error, "a damaged cache could not be removed");
        }
        format!("{error}; it is removed, and made again by the next task that succeeds with this key")
    }

    pub(super) async fn save_caches(&self, workspace: &Workspace<'_>, notes: &Lines) {
        let restored = self.restored.as_deref().unwrap_or_default();
        for (cache, restored) in self.wanted.caches.iter().zip(restored) {
            let key = &restored.key;
            // It has what it would be saved under already; or its key is not known.
            if restored.from.as_ref() == Some(key) || key.is_empty() {
                continue;
            }
            let line = if self.wanted.may_save {
                self.save(cache, key, workspace).await
            } else {
                "not saved: what comes from a fork leaves no caches for others".to_owned()
            };
            notes.note(format!("cache {key:?}: {line}"));
        }
    }

    async fn save(&self, cache: &WantedCache, key: &str, workspace: &Workspace<'_>) -> String {
        let shelf = self.shelf(cache);
        let Some(_saving) = self.core.saving.begin(&shelf.own_stem(key)) else {
            return "not saved: another task is saving it".to_owned();
        };
        match self.save_on(&shelf, cache, key, workspace).await {
            Ok(line) => line,
            Err(error) => {
                let explained = error.explained().cause;
                let advice =
                    if explained.advice.is_empty() { String::new() } else { format!(". {}", explained.advice) };
                format!("not saved: {}{advice}", explained.message)
            }
        }
    }

    async fn save_on(
        &self,
        shelf: &Shelf<'_>,
        cache: &WantedCache,
        key: &str,
        workspace: &Workspace<'_>,
    ) -> Result<String, CarryError> {
        if shelf.has(key).await? {
            return Ok("not saved: it is there already".to_owned());
        }
        let (settings, store) = (&self.core.blob_settings, &self.core.archive.blobs);
        let archive = shelf.archive(key, &self.key);
        let what = format!("the cache {key:?}");
        let packed = workspace.pack(&cache.globs, settings.cache, (store, &archive, &what)).await?;
        let Some(packed) = packed else {
            return Ok(format!("not saved: there is nothing at {}", cache.globs.text()));
        };
        if packed.size > settings.caches {
            store.delete(&archive).await?;
            let why =
                format!("it takes {}, and all caches together may take {}", size(packed.size), size(settings.caches));
            return Err(BlobError::TooBig { what, why }.into());
        }
        failpoint::crash("cache.uploaded");
        let entry = CacheEntry {
            key: key.to_owned(),
            paths: cache.paths.clone(),
            archive,
            size: packed.size,
            files: packed.files,
            digest: packed.digest,
            created: self.now(),
        };
        let first = shelf.keep(&entry).await?;
        failpoint::crash("cache.kept");
        self.make_room().await;
        let left_out = left_out(&packed.left_out);
        Ok(if first {
            format!("saved, {}, {} packed{left_out}", files(packed.files), size(packed.size))
        } else {
            "not saved: another run was faster".to_owned()
        })
    }

    async fn make_room(&self) {
        match make_room(&self.core.archive.blobs, self.core.blob_settings.caches, self.now()).await {
            Ok(0) => {}
            Ok(caches) => tracing::info!(caches, "caches that were used longest ago were removed, to make room"),
            Err(error) => tracing::warn!(%error, "no room could be made for caches"),
        }
    }

    fn now(&self) -> Timestamp {
        self.core.clock.now().wall
    }

    fn shelf<'a>(&'a self, cache: &'a WantedCache) -> Shelf<'a> {
        Shelf {
            store: &self.core.archive.blobs,
            pipeline: &self.wanted.pipeline,
            scopes: &self.wanted.scopes,
            paths: &cache.paths,
        }
    }

    /// The key with digests of files put in.
    async fn key_of(
        &self,
        pieces: &[KeyPiece],
        workspace: &Workspace<'_>,
        known: &mut HashMap<String, String>,
    ) -> Result<String, String> {
        let mut key = String::new();
        for piece in pieces {
            match piece {
                KeyPiece::Text(text) => key.push_str(text),
                KeyPiece::FilesHash(patterns) => {
                    if !known.contains_key(patterns) {
                        known.insert(patterns.clone(), digest_of_files(workspace, patterns).await?);
                    }
                    key.push_str(&known[patterns]);
                }
            }
        }
        checked_name(key, "key of a cache").map_err(|bad| format!("{}; {}", bad.message, bad.advice))
    }
}

/// Why a cache was not restored.
struct Trouble {
    key: Option<String>,
    what: String,
}

impl Trouble {
    fn early(what: String) -> Self {
        Self { key: None, what }
    }
}

/// What was left out of an archive, in words.
pub(super) fn left_out(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [name] => format!("; left out {name}"),
        [name, rest @ ..] => format!("; left out {name}, and {} more", rest.len()),
    }
}

/// A digest of the names and the content of files, the same in whatever order they are read.
async fn digest_of_files(workspace: &Workspace<'_>, patterns: &str) -> Result<String, String> {
    let globs = Globs::new(patterns.split(',').map(str::trim)).map_err(|bad| bad.to_string())?;
    let all: Arc<Mutex<BTreeMap<Vec<u8>, [u8; 32]>>> = Arc::default();
    for root in globs.roots() {
        let taken = globs.clone();
        let read = workspace.read(root, "digesting files", &all, move |all, tar, place| {
            let take = |name: &Path, _, content: &mut dyn io::Read| {
                let mut digest = Sha256::new();
                io::copy(content, &mut DigestWriter(&mut digest))?;
                all.insert(name.as_os_str().as_encoded_bytes().to_vec(), digest.finalize().into());
                Ok(())
            };
            each_file(tar, place, |name| taken.take(name), take)
        });
        read.await.map_err(|error| error.explained().cause.message)?;
    }
    let all = std::mem::take(&mut *hold(&all));
    if all.is_empty() {
        return Err(format!(
            "no file is there for ${{hash:{patterns}}}; an earlier task has to bring it, as a checkout does"
        ));
    }
    let mut digest = Sha256::new();
    for (name, content) in all {
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(&name);
        digest.update(content);
    }
    Ok(hexadecimal(&digest.finalize()[..16]))
}

struct DigestWriter<'a>(&'a mut Sha256);

impl io::Write for DigestWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
