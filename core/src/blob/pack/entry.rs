//! What an archive may contain. Pure.
//!
//! An archive is taken when no name and no link in it can lead out of the folder into which it is unpacked, whatever order
//! the entries are unpacked in: names go only downwards, never through a link; a link goes up first, no further than to the
//! folder, and then only down. So a chain of links cannot climb either.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::PackError;
use crate::below::{self, Use};

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A folder.
    Folder,
    /// A file with content.
    File,
    /// A symbolic link with what stands in it.
    Link(PathBuf),
    /// Another name of a file that stands earlier in the archive.
    SameFile(PathBuf),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Folder,
    File,
    Link,
}

/// The entries that were taken so far.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    known: HashMap<PathBuf, Known>,
}

impl Tree {
    /// Takes an entry, and returns its name as it is to be used; empty for the folder itself.
    pub(crate) fn admit(&mut self, name: &Path, kind: &Kind) -> Result<PathBuf, PackError> {
        let clean = clean(name)?;
        if clean.as_os_str().is_empty() {
            return if *kind == Kind::Folder { Ok(clean) } else { Err(bad(name, "has no name")) };
        }
        self.check_parents(name, &clean)?;
        let becomes = match kind {
            Kind::Folder => Known::Folder,
            Kind::File => Known::File,
            Kind::Link(target) => {
                stays_inside(&clean, target)?;
                Known::Link
            }
            Kind::SameFile(target) => {
                let target = self::clean(target)?;
                if self.known.get(&target) != Some(&Known::File) {
                    return Err(PackError::LeavesByLink { name: clean, target });
                }
                Known::File
            }
        };
        match self.known.get(&clean) {
            Some(Known::Folder) if becomes == Known::Folder => {}
            Some(_) => return Err(bad(name, "comes twice")),
            None => {
                self.known.insert(clean.clone(), becomes);
            }
        }
        Ok(clean)
    }

    /// Whether an entry of this name was taken.
    pub(crate) fn has(&self, name: &Path) -> bool {
        self.known.contains_key(name)
    }

    /// Folders that are not entries of their own become known as well, so that none of them turns into a link later.
    fn check_parents(&mut self, name: &Path, clean: &Path) -> Result<(), PackError> {
        for parent in clean.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty()) {
            match self.known.get(parent) {
                Some(Known::Folder) => return Ok(()),
                Some(_) => return Err(bad(name, "lies below something that is no folder")),
                None => {
                    self.known.insert(parent.to_owned(), Known::Folder);
                }
            }
        }
        Ok(())
    }
}

/// The name without `.` in it, when it goes nowhere but down.
pub(super) fn clean(name: &Path) -> Result<PathBuf, PackError> {
    below::checked(name, Use::Carried).map_err(|what| bad(name, what))
}

/// The same below a folder.
pub(super) fn clean_below(folder: &Path, name: &Path) -> Result<PathBuf, PackError> {
    Ok(below::joined(&clean(folder)?, &clean(name)?))
}

/// Refuses what cannot become a file of this machine, or a link.
pub(super) fn check_file(name: &Path, kind: &Kind) -> Result<(), PackError> {
    below::checked(name, Use::File).map_err(|what| bad(name, what))?;
    match kind {
        // Most users may make none there, and an archive does not say whether one leads to a folder, which it would have to.
        Kind::Link(_) if cfg!(windows) => Err(bad(name, "is a symbolic link, and those are not unpacked on Windows")),
        _ => Ok(()),
    }
}

/// Whether a link of this name to this target stays inside.
fn stays_inside(name: &Path, target: &Path) -> Result<(), PackError> {
    let outside = || PackError::LeavesByLink { name: name.to_owned(), target: target.to_owned() };
    let depth = name.components().count().saturating_sub(1);
    let (mut ups, mut went_down) = (0, false);
    for component in target.components() {
        match component {
            Component::Normal(part) if has_nul(part) => return Err(outside()),
            Component::Normal(_) => went_down = true,
            Component::CurDir => {}
            Component::ParentDir if went_down => return Err(outside()),
            Component::ParentDir => ups += 1,
            Component::RootDir | Component::Prefix(_) => return Err(outside()),
        }
    }
    if ups > depth || target.as_os_str().is_empty() { Err(outside()) } else { Ok(()) }
}

fn has_nul(part: &std::ffi::OsStr) -> bool {
    part.as_encoded_bytes().contains(&0)
}

fn bad(name: &Path, what: &'static str) -> PackError {
    PackError::BadName { name: name.to_owned(), what }
}
