//! One fetch into a mirror: ask what there is, bring what is missing, find the commit.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use git2::{AutotagOption, FetchOptions, FetchPrune, Oid, RemoteCallbacks, Repository};

use super::error::SourceError;
use super::mirror::{Commit, Fetched, io, remove};
use super::partial;
use super::refs::{RefName, RemoteRefs, nearest};
use super::session::{Open, of_git};
use super::tidy::{gather, is_damaged, keep_commits, tidy};
use super::url::{Place, RemoteUrl};

/// The name in a mirror of the commit that a remote has checked out, when that is no branch.
const DETACHED: &str = "refs/windlass/detached";

pub(super) struct Fetch<'a> {
    pub(super) folder: &'a Path,
    pub(super) open: &'a Open,
    pub(super) remote: &'a RemoteUrl,
}

/// What a remote tells at the beginning.
struct Heads {
    /// The full name of the branch that it has checked out.
    default: Option<String>,
    /// Whether it has something checked out at all.
    has_head: bool,
    names: HashMap<String, Oid>,
}

struct Brought {
    heads: Heads,
    bytes: u64,
    objects: u64,
}

/// A commit with the branch or the tag by which it was found.
struct Found {
    id: Oid,
    branch: Option<String>,
    tag: Option<String>,
}

impl Fetch<'_> {
    pub(super) fn run(&self, wanted: Option<&RefName>) -> Result<Fetched, SourceError> {
        match self.attempt(wanted) {
            // A mirror that a crash or a disk damaged is only a copy: it is made again, once.
            Err(error @ (SourceError::Failed { .. } | SourceError::NoSuchRef { .. })) if is_damaged(self.folder) => {
                tracing::warn!(remote = %self.remote, %error, "the mirror is damaged and is made again");
                remove(self.folder, self.remote)?;
                self.attempt(wanted)
            }
            other => other,
        }
    }

    fn attempt(&self, wanted: Option<&RefName>) -> Result<Fetched, SourceError> {
        look_for(self.remote)?;
        let cut = partial::cut_of(self.remote);
        if let Some(cut) = &cut {
            partial::forget_other(self.folder, cut, self.remote)?;
        }
        let Brought { heads, bytes, objects } = self.fetch_heads(&self.repository()?, wanted)?;
        if let Some(cut) = &cut {
            partial::note(self.folder, cut, self.remote)?;
        }
        let repository = Repository::open_bare(self.folder).map_err(|error| of_git(self.remote, &error))?;
        if let Err(error) = keep_commits(&repository).and_then(|()| gather(&repository)) {
            tracing::warn!(remote = %self.remote, %error, "the mirror could not be put in order");
        }
        let Found { id, branch, tag } = self.find(&repository, &heads, wanted)?;
        let commit = self.describe(&repository, id)?;
        let (mirror, remote) = (self.folder.to_owned(), self.remote.clone());
        Ok(Fetched { mirror, remote, commit, branch, tag, received_bytes: bytes, received_objects: objects })
    }

    fn describe(&self, repository: &Repository, id: Oid) -> Result<Commit, SourceError> {
        let commit = repository.find_commit(id).map_err(|error| of_git(self.remote, &error))?;
        let author = commit.author();
        let name = String::from_utf8_lossy(author.name_bytes()).into_owned();
        let email = String::from_utf8_lossy(author.email_bytes()).into_owned();
        Ok(Commit {
            sha: id.to_string(),
            author: format!("{name} <{email}>"),
            message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
            time: commit.time().seconds(),
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
        fs::create_dir_all(parent).map_err(|error| io(self.remote, &error))?;
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
            Heads::of(connected.list().map_err(failed)?, connected.default_branch().ok())
        };
        let mut refspecs = vec!["+refs/heads/*:refs/heads/*".to_owned(), "+refs/tags/*:refs/tags/*".to_owned()];
        let beside = self.beside_branches(repository, &heads, wanted)?;
        refspecs.extend(beside);
        let (bytes, objects) = (Cell::new(0), Cell::new(0));
        let mut options = FetchOptions::new();
        options.prune(FetchPrune::On).download_tags(AutotagOption::None).update_fetchhead(false);
        let mut callbacks = RemoteCallbacks::new();
        callbacks.transfer_progress(|progress| {
            bytes.set(progress.received_bytes() as u64);
            objects.set(progress.received_objects() as u64);
            !self.open.session.waiting.is_over()
        });
        options.remote_callbacks(callbacks);
        let fetched = remote.fetch(&refspecs, Some(&mut options), None);
        match (fetched, wanted) {
            // Others give out no single commits; then it must be below a branch.
            (Err(error), Some(RefName::Commit(id))) if refspecs.len() > 2 => {
                tracing::debug!(%error, "the server gives out no single commits");
                self.open.session.forget_failure();
                refspecs.pop();
                remote.fetch(&refspecs, Some(&mut options), None).map_err(failed)?;
                if repository.find_commit(*id).is_err() {
                    return Err(self.no_such_ref(&heads, &id.to_string()));
                }
            }
            (fetched, _) => fetched.map_err(failed)?,
        }
        drop(options);
        Ok(Brought { heads, bytes: bytes.get(), objects: objects.get() })
    }

    /// What has to be asked for beside all branches and tags.
    fn beside_branches(
        &self,
        repository: &Repository,
        heads: &Heads,
        wanted: Option<&RefName>,
    ) -> Result<Option<String>, SourceError> {
        Ok(match wanted {
            Some(RefName::Full(name)) if !name.starts_with("refs/heads/") && !name.starts_with("refs/tags/") => {
                if !heads.names.contains_key(name) {
                    return Err(self.no_such_ref(heads, name));
                }
                Some(format!("+{name}:{name}"))
            }
            // Most servers give out a commit that no branch ends at, when they are asked for it.
            Some(RefName::Commit(id))
                if !heads.names.values().any(|known| known == id) && repository.find_commit(*id).is_err() =>
            {
                Some(format!("+{id}:refs/windlass/{id}"))
            }
            None if heads.default.is_none() && heads.has_head => Some(format!("+HEAD:{DETACHED}")),
            _ => None,
        })
    }

    /// The commit with its branch and its tag.
    fn find(&self, repository: &Repository, heads: &Heads, wanted: Option<&RefName>) -> Result<Found, SourceError> {
        let commit = |name: &str| {
            let found = repository.find_reference(name).ok()?;
            found.peel_to_commit().ok().map(|commit| commit.id())
        };
        let at = |full: &str| {
            let id = commit(full).ok_or_else(|| self.no_such_ref(heads, full))?;
            let below = |prefix: &str| full.strip_prefix(prefix).map(str::to_owned);
            Ok(Found { id, branch: below("refs/heads/"), tag: below("refs/tags/") })
        };
        match wanted {
            None => match &heads.default {
                Some(full) if !heads.names.is_empty() => at(full),
                None if heads.has_head => at(DETACHED),
                _ => Err(SourceError::Empty { url: self.remote.to_string() }),
            },
            Some(RefName::Named(name)) => at(&format!("refs/heads/{name}"))
                .or_else(|_: SourceError| at(&format!("refs/tags/{name}")))
                .map_err(|_| self.no_such_ref(heads, name)),
            Some(RefName::Full(name)) => at(name),
            Some(RefName::Commit(id)) => match repository.find_commit(*id) {
                Ok(_) => Ok(Found { id: *id, branch: None, tag: None }),
                Err(_) => Err(self.no_such_ref(heads, &id.to_string())),
            },
        }
    }

    fn no_such_ref(&self, heads: &Heads, name: &str) -> SourceError {
        let url = self.remote.to_string();
        if heads.names.is_empty() {
            return SourceError::Empty { url };
        }
        let short =
            |full: &'_ str| full.strip_prefix("refs/heads/").or(full.strip_prefix("refs/tags/")).map(str::to_owned);
        let names: Vec<_> = heads.names.keys().filter_map(|full| short(full)).collect();
        let nearest = nearest(name, names.iter().map(String::as_str));
        SourceError::NoSuchRef { url, name: name.to_owned(), nearest }
    }
}

impl Heads {
    fn of(list: &[git2::RemoteHead<'_>], default: Option<git2::Buf>) -> Self {
        let named = list.iter().filter(|head| head.name().starts_with("refs/") && !head.name().ends_with("^{}"));
        let names: HashMap<_, _> = named.map(|head| (head.name().to_owned(), head.oid())).collect();
        let told = default.and_then(|name| name.as_str().ok().map(str::to_owned));
        let told = told.filter(|name| name.starts_with("refs/heads/"));
        let head = list.iter().find(|head| head.name() == "HEAD").map(git2::RemoteHead::oid);
        let default = told.or_else(|| guessed(head?, &names));
        Self { default, has_head: head.is_some(), names }
    }
}

/// An old server does not tell which branch it has checked out; then it is one that ends where HEAD does.
fn guessed(head: Oid, names: &HashMap<String, Oid>) -> Option<String> {
    let fits = names.iter().filter(|(name, id)| **id == head && name.starts_with("refs/heads/"));
    let mut fits: Vec<_> = fits.map(|(name, _)| name).collect();
    fits.sort();
    let usual = fits.iter().find(|name| name.ends_with("/main") || name.ends_with("/master"));
    usual.or(fits.first()).map(|name| (*name).clone())
}

/// libgit2 takes a folder that is not there for an address that it does not know.
fn look_for(remote: &RemoteUrl) -> Result<(), SourceError> {
    match remote.place() {
        Place::Local(path) if !path.exists() => Err(SourceError::NotFound { url: remote.to_string() }),
        _ => Ok(()),
    }
}

/// What a remote has, without fetching it.
pub(super) fn list(open: &Open) -> Result<RemoteRefs, SourceError> {
    look_for(&open.session.remote)?;
    let failed = |error: git2::Error| open.session.explain(&error);
    let mut remote = git2::Remote::create_detached(open.address()).map_err(failed)?;
    let connected = remote.connect_auth(git2::Direction::Fetch, None, None).map_err(failed)?;
    let heads = Heads::of(connected.list().map_err(failed)?, connected.default_branch().ok());
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
