//! Keeping a mirror in order: what a process that was killed leaves in it, and what many fetches make of it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use git2::Repository;

/// Removes half packs and locks. Nobody else fetches into the mirror now.
pub(super) fn tidy(folder: &Path) {
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

/// Whether something that a mirror speaks of is not in it.
pub(super) fn is_damaged(folder: &Path) -> bool {
    let Ok(repository) = Repository::open_bare(folder) else { return folder.exists() };
    let Ok(references) = repository.references() else { return true };
    let missing = |id: git2::Oid| repository.find_object(id, None).is_err();
    references.flatten().any(|found| found.target().is_some_and(missing))
}

/// Forgets names of files and folders, which tags can be: nothing is checked out of them, and libgit2 cannot fetch from a folder
/// into a mirror that has any.
pub(super) fn keep_commits(repository: &Repository) -> Result<(), git2::Error> {
    for mut reference in repository.references()?.flatten() {
        let object = reference.target().and_then(|target| repository.find_object(target, None).ok());
        let refused = object.and_then(|object| object.peel(git2::ObjectType::Commit).err());
        let is_no_commit = |code| matches!(code, git2::ErrorCode::InvalidSpec | git2::ErrorCode::Peel);
        if refused.is_some_and(|error| is_no_commit(error.code())) {
            reference.delete()?;
        }
    }
    Ok(())
}

/// Each fetch brings a pack. So many may be there before they become one: every working copy gets all of them.
const MOST_PACKS: usize = 40;

/// Makes one pack of many. Nobody else uses the mirror now.
pub(super) fn gather(repository: &Repository) -> Result<(), git2::Error> {
    let folder = repository.path().join("objects/pack");
    let before = packs(&folder);
    if before.len() <= MOST_PACKS {
        return Ok(());
    }
    let (mut walk, mut all) = (repository.revwalk()?, repository.packbuilder()?);
    for reference in repository.references()?.flatten() {
        let Some(target) = reference.target() else { continue };
        let object = repository.find_object(target, None)?;
        if let Ok(commit) = object.peel_to_commit() {
            walk.push(commit.id())?;
        }
        if object.kind() != Some(git2::ObjectType::Commit) {
            all.insert_recursive(object.id(), None)?;
        }
    }
    all.insert_walk(&mut walk)?;
    all.write(&folder, 0)?;
    let written = packs(&folder).difference(&before).count() > 0;
    // Everything that a name leads to is in the new one.
    for old in before.iter().filter(|_| written) {
        for ending in ["idx", "pack"] {
            // What cannot be removed is only in the way of nobody.
            let _ = fs::remove_file(folder.join(old).with_extension(ending));
        }
    }
    Ok(())
}

fn packs(folder: &Path) -> HashSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| PathBuf::from(entry.file_name()));
    entries.filter(|name| name.extension().is_some_and(|ending| ending == "pack")).collect()
}
