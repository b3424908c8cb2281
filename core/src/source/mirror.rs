//! A bare copy of each remote, so that the second fetch brings only what is new.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use git2::{AutotagOption, FetchOptions, FetchPrune, Oid, RemoteCallbacks, Repository};
use sha2::{Digest, Sha256};

use super::access::Access;
use super::error::SourceError;
use super::refs::{RefName, RemoteRefs, nearest};
use super::session::{Open, of_git};
use super::url::{Place, RemoteUrl};

/// The mirrors of all remotes, in one folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mirrors {
    root: Arc<Path>,
    /// One fetch of a remote at a time: the others wait, and find what it brought.
    locks: Arc<Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>>,
}

/// A commit that is in a mirror.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub(super) mirror: PathBuf,
    pub(super) remote: RemoteUrl,
    /// The commit.
    pub commit: Commit,
    /// The branch that was asked for, or the remote's default branch when nothing was. `None` for tags and commits.
    pub branch: Option<String>,
    /// The tag that was asked for.
    pub tag: Option<String>,
    /// How many bytes came over the network.
    pub received_bytes: u64,
    /// How many objects came.
    pub received_objects: u64,
}

/// A commit in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The id, 40 hexadecimal digits.
    pub sha: String,
    /// The author, `Name <address>`.
    pub author: String,
    /// The message.
    pub message: String,
    /// When it was made, in seconds since 1970.
    pub time: i64,
}

impl Mirrors {
    /// Mirrors in this folder, which is made with the first one. One process at a time.
    pub fn new(root: PathBuf) -> Self {
        Self { root: root.into(), locks: Arc::default() }
    }

    /// The folder in which the mirror of a remote is: its address decides, and nothing of the address is a path.
    fn folder(&self, remote: &RemoteUrl) -> PathBuf {
        let hash = Sha256::digest(remote.to_string().as_bytes());
        let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.root.join(format!("{name}.git"))
    }

    fn lock(&self, folder: &Path) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.entry(folder.to_owned()).or_default().clone()
    }

    /// Brings the mirror of a remote up to date, and finds a commit in it: the one of `wanted`, or of the remote's default
    /// branch.
    pub async fn fetch(
        &self,
        remote: &RemoteUrl,
        access: &Access,
        wanted: Option<&RefName>,
    ) -> Result<Fetched, SourceError> {
        let folder = self.folder(remote);
        let lock = self.lock(&folder);
        let _alone = lock.lock().await;
        let (remote, access, wanted) = (remote.clone(), access.clone(), wanted.cloned());
        let runtime = tokio::runtime::Handle::current();
        blocking(&remote.clone(), move || {
            let open = Open::new(&remote, &access, runtime);
            Fetch { folder: &folder, open: &open, remote: &remote }.run(wanted.as_ref())
        })
        .await
    }

    /// What branches and tags a remote has, without fetching anything: also the test of an address with a credential.
    pub async fn refs(&self, remote: &RemoteUrl, access: &Access) -> Result<RemoteRefs, SourceError> {
        let (remote, access) = (remote.clone(), access.clone());
        let runtime = tokio::runtime::Handle::current();
        blocking(&remote.clone(), move || list(&Open::new(&remote, &access, runtime))).await
    }

    /// Removes the mirror of a remote. Fine when there is none.
    pub async fn remove(&self, remote: &RemoteUrl) -> Result<(), SourceError> {
        let folder = self.folder(remote);
        let lock = self.lock(&folder);
        let _alone = lock.lock().await;
        let owned = remote.clone();
        blocking(remote, move || remove(&folder, &owned)).await
    }
}

/// Off the runtime's own threads; a panic in libgit2's wrapper is an error like any other.
async fn blocking<T: Send + 'static>(
    remote: &RemoteUrl,
    job: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let url = remote.to_string();
    let done = tokio::task::spawn_blocking(job).await;
    done.unwrap_or_else(|error| Err(SourceError::Failed { url, why: error.to_string() }))
}

struct Fetch<'a> {
    folder: &'a Path,
    open: &'a Open,
    remote: &'a RemoteUrl,
}

/// What a remote tells at the beginning.
struct Heads {
    default: Option<String>,
    names: HashMap<String, Oid>,
}

impl Fetch<'_> {
    fn run(&self, wanted: Option<&RefName>) -> Result<Fetched, SourceError> {
        match self.attempt(wanted) {
            // A mirror that a crash or a disk damaged is only a copy: it is made again, once.
            Err(error @ (SourceError::Failed { .. } | SourceError::NoSuchRef { .. })) if self.is_damaged() => {
                tracing::warn!(remote = %self.remote, %error, "the mirror is damaged and is made again");
                remove(self.folder, self.remote)?;
                self.attempt(wanted)
            }
            other => other,
        }
    }

    fn attempt(&self, wanted: Option<&RefName>) -> Result<Fetched, SourceError> {
        look_for(self.remote)?;
        let repository = self.repository()?;
        let heads = self.fetch_heads(&repository, wanted)?;
        let (id, branch, tag) = self.find(&repository, &heads.heads, wanted)?;
        let commit = repository.find_commit(id).map_err(|error| of_git(self.remote, &error))?;
        let author = commit.author();
        let name = String::from_utf8_lossy(author.name_bytes()).into_owned();
        let email = String::from_utf8_lossy(author.email_bytes()).into_owned();
        Ok(Fetched {
            mirror: self.folder.to_owned(),
            remote: self.remote.clone(),
            commit: Commit {
                sha: id.to_string(),
                author: format!("{name} <{email}>"),
                message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
                time: commit.time().seconds(),
            },
            branch,
            tag,
            received_bytes: heads.bytes,
            received_objects: heads.objects,
        })
    }

    /// The mirror, made when there is none.
    fn repository(&self) -> Result<Repository, SourceError> {
        let failed = |error: git2::Error| of_git(self.remote, &error);
        if self.folder.join("HEAD").is_file() {
            tidy(self.folder);
            return Repository::open_bare(self.folder).map_err(failed);
        }
        remove(self.folder, self.remote)?;
        let parent = self.folder.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|error| self.io(&error))?;
        let mut options = git2::RepositoryInitOptions::new();
        // Nothing of the host's templates, such as hooks.
        options.bare(true).external_template(false).mode(git2::RepositoryInitMode::from_bits_truncate(0o700));
        Repository::init_opts(self.folder, &options).map_err(failed)
    }

    fn fetch_heads(&self, repository: &Repository, wanted: Option<&RefName>) -> Result<Brought, SourceError> {
        let failed = |error: git2::Error| self.open.session.explain(&error);
        let mut remote = repository.remote_anonymous(&self.open.address()).map_err(failed)?;
        let heads = {
            let connected = remote.connect_auth(git2::Direction::Fetch, None, None).map_err(failed)?;
            heads_of(connected.list().map_err(failed)?, connected.default_branch().ok())
        };
        let mut refspecs = vec!["+refs/heads/*:refs/heads/*".to_owned(), "+refs/tags/*:refs/tags/*".to_owned()];
        match wanted {
            Some(RefName::Full(name)) if !name.starts_with("refs/heads/") && !name.starts_with("refs/tags/") => {
                if !heads.names.contains_key(name) {
                    return Err(self.no_such_ref(&heads, name));
                }
                refspecs.push(format!("+{name}:{name}"));
            }
            // Most servers give out a commit that no branch ends at, when they are asked for it.
            Some(RefName::Commit(id))
                if !heads.names.values().any(|known| known == id) && repository.find_commit(*id).is_err() =>
            {
                refspecs.push(format!("+{id}:refs/windlass/{id}"));
            }
            _ => {}
        }
        let (bytes, objects) = (Cell::new(0), Cell::new(0));
        let mut callbacks = RemoteCallbacks::new();
        callbacks.transfer_progress(|progress| {
            bytes.set(progress.received_bytes() as u64);
            objects.set(progress.received_objects() as u64);
            true
        });
        let mut options = FetchOptions::new();
        options.prune(FetchPrune::On).download_tags(AutotagOption::None).update_fetchhead(false);
        options.remote_callbacks(callbacks);
        let fetched = remote.fetch(&refspecs, Some(&mut options), None);
        if let (Err(error), Some(RefName::Commit(id))) = (&fetched, wanted)
            && refspecs.len() > 2
        {
            // Others do not; then it must be below a branch.
            tracing::debug!(%error, "the server gives out no single commits");
            refspecs.pop();
            remote.fetch(&refspecs, Some(&mut options), None).map_err(failed)?;
            if repository.find_commit(*id).is_err() {
                return Err(self.no_such_ref(&heads, &id.to_string()));
            }
        } else {
            fetched.map_err(failed)?;
        }
        Ok(Brought { heads, bytes: bytes.get(), objects: objects.get() })
    }

    /// The commit with its branch and its tag.
    fn find(
        &self,
        repository: &Repository,
        heads: &Heads,
        wanted: Option<&RefName>,
    ) -> Result<(Oid, Option<String>, Option<String>), SourceError> {
        let commit = |name: &str| {
            let found = repository.find_reference(name).ok()?;
            found.peel_to_commit().ok().map(|commit| commit.id())
        };
        match wanted {
            None => {
                let empty = || SourceError::Empty { url: self.remote.to_string() };
                let full = heads.default.as_ref().filter(|_| !heads.names.is_empty()).ok_or_else(empty)?;
                let id = commit(full).ok_or_else(|| self.no_such_ref(heads, full))?;
                Ok((id, full.strip_prefix("refs/heads/").map(str::to_owned), None))
            }
            Some(RefName::Named(name)) => {
                if let Some(id) = commit(&format!("refs/heads/{name}")) {
                    return Ok((id, Some(name.clone()), None));
                }
                let id = commit(&format!("refs/tags/{name}")).ok_or_else(|| self.no_such_ref(heads, name))?;
                Ok((id, None, Some(name.clone())))
            }
            Some(RefName::Full(name)) => {
                let id = commit(name).ok_or_else(|| self.no_such_ref(heads, name))?;
                let (branch, tag) = (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/"));
                Ok((id, branch.map(str::to_owned), tag.map(str::to_owned)))
            }
            Some(RefName::Commit(id)) => match repository.find_commit(*id) {
                Ok(_) => Ok((*id, None, None)),
                Err(_) => Err(self.no_such_ref(heads, &id.to_string())),
            },
        }
    }

    fn no_such_ref(&self, heads: &Heads, name: &str) -> SourceError {
        let url = self.remote.to_string();
        if heads.names.is_empty() {
            return SourceError::Empty { url };
        }
        let short = |full: &'_ str| -> Option<String> {
            let name = full.strip_prefix("refs/heads/").or(full.strip_prefix("refs/tags/"))?;
            Some(name.to_owned())
        };
        let names: Vec<_> = heads.names.keys().filter_map(|full| short(full)).collect();
        let nearest = nearest(name, names.iter().map(String::as_str));
        SourceError::NoSuchRef { url, name: name.to_owned(), nearest }
    }

    fn is_damaged(&self) -> bool {
        let Ok(repository) = Repository::open_bare(self.folder) else { return self.folder.exists() };
        let Ok(references) = repository.references() else { return true };
        references.flatten().any(|found| found.peel_to_commit().is_err())
    }

    fn io(&self, error: &std::io::Error) -> SourceError {
        io(self.remote, error)
    }
}

struct Brought {
    heads: Heads,
    bytes: u64,
    objects: u64,
}

fn heads_of(list: &[git2::RemoteHead<'_>], default: Option<git2::Buf>) -> Heads {
    let named = list.iter().filter(|head| head.name().starts_with("refs/") && !head.name().ends_with("^{}"));
    let names: HashMap<_, _> = named.map(|head| (head.name().to_owned(), head.oid())).collect();
    let told = default.and_then(|name| name.as_str().ok().map(str::to_owned));
    // An old server does not tell; then the branch is the one that ends where HEAD does.
    let guessed = || {
        let head = list.iter().find(|head| head.name() == "HEAD")?.oid();
        let mut fit: Vec<_> = names
            .iter()
            .filter(|(name, id)| **id == head && name.starts_with("refs/heads/"))
            .map(|(name, _)| name)
            .collect();
        fit.sort();
        fit.iter()
            .find(|name| name.ends_with("/main") || name.ends_with("/master"))
            .or(fit.first())
            .map(|name| (*name).clone())
    };
    Heads { default: told.or_else(guessed), names }
}

/// libgit2 takes a folder that is not there for an address that it does not know.
fn look_for(remote: &RemoteUrl) -> Result<(), SourceError> {
    match remote.place() {
        Place::Local(path) if !path.exists() => Err(SourceError::NotFound { url: remote.to_string() }),
        _ => Ok(()),
    }
}

fn list(open: &Open) -> Result<RemoteRefs, SourceError> {
    look_for(&open.session.remote)?;
    let failed = |error: git2::Error| open.session.explain(&error);
    let mut remote = git2::Remote::create_detached(open.address()).map_err(failed)?;
    let connected = remote.connect_auth(git2::Direction::Fetch, None, None).map_err(failed)?;
    let heads = heads_of(connected.list().map_err(failed)?, connected.default_branch().ok());
    let below = |prefix: &str| {
        let found =
            heads.names.iter().filter_map(|(name, id)| Some((name.strip_prefix(prefix)?.to_owned(), id.to_string())));
        let mut found: Vec<_> = found.collect();
        found.sort();
        found
    };
    let default = heads.default.as_deref().and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
    let (branches, tags) = (below("refs/heads/"), below("refs/tags/"));
    Ok(RemoteRefs { default: default.filter(|_| !branches.is_empty()), branches, tags })
}

/// What a fetch that was killed left: half packs and locks. Nobody else fetches into the mirror now.
fn tidy(folder: &Path) {
    let pack = folder.join("objects/pack");
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let left = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("pack_") || name.starts_with("tmp_") || name.ends_with(".lock")
    };
    for path in entries(&pack).chain(entries(folder)).filter(left) {
        // What cannot be removed now is met again by git, which says so.
        let _ = fs::remove_file(path);
    }
    remove_locks(&folder.join("refs"));
}

fn remove_locks(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => remove_locks(&entry.path()),
            Ok(_) if entry.file_name().to_string_lossy().ends_with(".lock") => drop(fs::remove_file(entry.path())),
            _ => {}
        }
    }
}

fn remove(folder: &Path, remote: &RemoteUrl) -> Result<(), SourceError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(remote, &error)),
        _ => Ok(()),
    }
}

pub(super) fn io(remote: &RemoteUrl, error: &std::io::Error) -> SourceError {
    let url = remote.to_string();
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => SourceError::NoSpace { url },
        _ => SourceError::Failed { url, why: error.to_string() },
    }
}
