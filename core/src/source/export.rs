//! A working copy from a mirror: the files of a commit, with a `.git` folder of their own.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{Oid, Repository};

use super::error::SourceError;
use super::mirror::{Fetched, io};
use super::partial;
use super::session::of_git;

/// How many files with Git LFS are named.
const NAMED: usize = 20;
/// Pointers of Git LFS are small.
const POINTER_BYTES: u64 = 1024;
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What became of a working copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many files it has.
    pub files: u64,
    /// Files that are only pointers of Git LFS, whose content was not fetched: the first ones by name.
    pub lfs: Vec<String>,
    /// How many of them there are.
    pub lfs_files: u64,
}

impl Fetched {
    /// Makes a working copy in a folder, which must be empty or missing: the files, and a repository with so many commits of
    /// history (all when `depth` is `None`) whose remote `origin` is the remote. Blocks.
    ///
    /// Links are made as links and never followed; names that would be git's own folder in any spelling are refused.
    pub fn export(&self, folder: &Path, depth: Option<NonZeroU32>) -> Result<Exported, SourceError> {
        self.export_with(folder, depth, Objects::Copied)
    }

    pub(super) fn export_with(
        &self,
        folder: &Path,
        depth: Option<NonZeroU32>,
        objects: Objects,
    ) -> Result<Exported, SourceError> {
        let failed = |error: git2::Error| of_git(&self.remote, &error);
        let mirror = Repository::open_bare(&self.mirror).map_err(failed)?;
        let id = Oid::from_str(&self.commit.sha).map_err(failed)?;
        let mut options = git2::RepositoryInitOptions::new();
        options.external_template(false).no_reinit(true).mkpath(true);
        let copy = Repository::init_opts(folder, &options).map_err(failed)?;
        match depth {
            Some(depth) => self.copy_some(&mirror, &copy, id, depth)?,
            None => self.copy_all(&mirror, &copy, objects)?,
        }
        // What it knows of its history it learned when it was opened.
        let copy = Repository::open(folder).map_err(failed)?;
        self.point(&mirror, &copy, id)?;
        let tree = copy.find_commit(id).and_then(|commit| commit.tree()).map_err(failed)?;
        let mut checkout = CheckoutBuilder::new();
        checkout.force().recreate_missing(true);
        copy.checkout_tree(tree.as_object(), Some(&mut checkout)).map_err(failed)?;
        Ok(look_for_lfs(&copy))
    }

    /// Every object of the mirror, as files, which is quick.
    fn copy_all(&self, mirror: &Repository, copy: &Repository, objects: Objects) -> Result<(), SourceError> {
        let (from, to) = (mirror.path().join("objects"), copy.path().join("objects"));
        copy_objects(&from, &to, objects).map_err(|error| io(&self.remote, &error))?;
        partial::note(copy.path(), &partial::cut_in(mirror), &self.remote)
    }

    /// The newest commits, in one pack, with a note where the history is cut.
    fn copy_some(&self, mirror: &Repository, copy: &Repository, id: Oid, depth: NonZeroU32) -> Result<(), SourceError> {
        let failed = |error: git2::Error| of_git(&self.remote, &error);
        let (kept, cut) = newest(mirror, id, depth).map_err(failed)?;
        let mut pack = mirror.packbuilder().map_err(failed)?;
        for commit in &kept {
            pack.insert_commit(*commit).map_err(failed)?;
        }
        let folder = copy.path().join("objects/pack");
        fs::create_dir_all(&folder).map_err(|error| io(&self.remote, &error))?;
        pack.write(&folder, 0).map_err(failed)?;
        // The mirror's own history may end earlier than that.
        let of_mirror = partial::cut_in(mirror);
        let ended = of_mirror.lines().filter(|line| kept.iter().any(|id| id.to_string() == *line));
        let lines: String = cut.iter().map(Oid::to_string).chain(ended.map(str::to_owned)).map(|l| l + "\n").collect();
        partial::note(copy.path(), &lines, &self.remote)
    }

    /// Sets HEAD, the remote, and the remote's branches and tags as far as their commits are there.
    fn point(&self, mirror: &Repository, copy: &Repository, id: Oid) -> Result<(), SourceError> {
        let failed = |error: git2::Error| of_git(&self.remote, &error);
        copy.remote("origin", &self.remote.to_string()).map_err(failed)?;
        let odb = copy.odb().map_err(failed)?;
        for found in mirror.references().map_err(failed)?.flatten() {
            let (Ok(name), Some(target)) = (found.name(), found.target()) else { continue };
            let name = match name.strip_prefix("refs/heads/") {
                Some(branch) => format!("refs/remotes/origin/{branch}"),
                None if name.starts_with("refs/tags/") => name.to_owned(),
                None => continue,
            };
            if odb.exists(target) {
                copy.reference(&name, target, true, "fetch").map_err(failed)?;
            }
        }
        match &self.branch {
            Some(branch) => {
                let name = format!("refs/heads/{branch}");
                copy.reference(&name, id, true, "checkout").map_err(failed)?;
                copy.set_head(&name).map_err(failed)
            }
            None => copy.set_head_detached(id).map_err(failed),
        }
    }
}

/// The commits up to a depth, and those of them whose parents are left out.
fn newest(mirror: &Repository, id: Oid, depth: NonZeroU32) -> Result<(Vec<Oid>, Vec<Oid>), git2::Error> {
    let (mut kept, mut cut, mut level) = (Vec::new(), Vec::new(), vec![id]);
    let mut seen = HashSet::from([id]);
    for at in 1..=depth.get() {
        let mut next = Vec::new();
        for id in std::mem::take(&mut level) {
            kept.push(id);
            let parents: Vec<_> = mirror.find_commit(id)?.parent_ids().collect();
            if at == depth.get() && parents.iter().any(|parent| !seen.contains(parent)) {
                cut.push(id);
            } else if at < depth.get() {
                next.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
            }
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    Ok((kept, cut))
}

/// How the objects of a mirror get into a copy.
#[derive(Clone, Copy)]
pub(super) enum Objects {
    /// As files of its own: who damages them does not damage the mirror.
    Copied,
    /// As links to the same files.
    Linked,
}

impl Objects {
    fn bring(self, from: &Path, to: &Path) -> std::io::Result<()> {
        match self {
            Self::Linked if fs::hard_link(from, to).is_ok() => Ok(()),
            // Some file systems have no links, or no more of them.
            Self::Linked | Self::Copied => fs::copy(from, to).map(drop),
        }
    }
}

fn copy_objects(from: &Path, to: &Path, objects: Objects) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if kind.is_dir() {
            copy_objects(&entry.path(), &to.join(&name), objects)?;
        } else if kind.is_file() && !name.to_string_lossy().starts_with("tmp_") {
            match objects.bring(&entry.path(), &to.join(&name)) {
                // A fetch of another run tidied it away meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                result => result?,
            }
        }
    }
    Ok(())
}

/// Looks for files that are only pointers: nobody fetched what they point to.
fn look_for_lfs(copy: &Repository) -> Exported {
    let mut exported = Exported::default();
    let (Ok(index), Some(root)) = (copy.index(), copy.workdir()) else { return exported };
    for entry in index.iter() {
        exported.files += 1;
        if u64::from(entry.file_size) > POINTER_BYTES || (entry.file_size as usize) < POINTER.len() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path).into_owned();
        if is_pointer(&root.join(PathBuf::from(&name))) {
            exported.lfs_files += 1;
            if exported.lfs.len() < NAMED {
                exported.lfs.push(name);
            }
        }
    }
    exported
}

fn is_pointer(path: &Path) -> bool {
    let plain = fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    let mut start = [0; POINTER.len()];
    plain && fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *POINTER
}
