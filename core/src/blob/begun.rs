//! Objects of a folder that are being written: each is a file beside its place, named `NAME#1`, until it is whole.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is being written now, by name.
#[derive(Debug, Default)]
pub(super) struct Begun {
    names: Mutex<HashMap<String, usize>>,
}

/// See [`Begun::writing`].
pub(super) struct Writing {
    begun: Arc<Begun>,
    name: String,
}

impl Begun {
    /// Says that an object is being written, until what is returned is dropped.
    pub(super) fn writing(self: &Arc<Self>, name: &str) -> Writing {
        *self.names().entry(name.to_owned()).or_default() += 1;
        Writing { begun: self.clone(), name: name.to_owned() }
    }

    /// Removes the files of those that nobody writes any more. Returns how many there were.
    pub(super) fn remove_others(&self, root: &Path) -> io::Result<usize> {
        let (mut folders, mut removed) = (vec![root.to_path_buf()], 0);
        while let Some(folder) = folders.pop() {
            for entry in there(fs::read_dir(&folder))?.into_iter().flatten() {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if let Some(name) = object_of(root, &entry.path()) {
                    // Held while the file goes: nobody begins to write it meanwhile.
                    let names = self.names();
                    if !names.contains_key(&name) {
                        there(fs::remove_file(entry.path()))?;
                        removed += 1;
                    }
                }
            }
        }
        Ok(removed)
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let mut names = self.begun.names();
        if let Some(count) = names.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                names.remove(&self.name);
            }
        }
    }
}

/// The object that a file becomes; `None` for a file that is one already.
fn object_of(root: &Path, file: &Path) -> Option<String> {
    let path = file.strip_prefix(root).ok()?.to_str()?;
    let (name, number) = path.rsplit_once('#')?;
    let counted = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    counted.then(|| name.split(std::path::MAIN_SEPARATOR).collect::<Vec<_>>().join("/"))
}

/// What is gone meanwhile is fine.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_writes_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::create_dir_all(file("runs/one")).unwrap();
        let names =
            ["runs/one/a.tar.gz", "runs/one/a.tar.gz#1", "runs/one/b.tar.gz#1", "runs/one/b.tar.gz#12", "runs/c#x"];
        for name in names {
            fs::write(file(name), "x").unwrap();
        }
        let begun = Arc::new(Begun::default());
        let writing = [begun.writing("runs/one/a.tar.gz"), begun.writing("runs/one/a.tar.gz")];
        assert_eq!(begun.remove_others(folder.path()).unwrap(), 2);
        let left = |name: &str| file(name).exists();
        assert_eq!(names.map(left), [true, true, false, false, true]);
        drop(writing);
        assert_eq!(begun.remove_others(folder.path()).unwrap(), 1);
        assert_eq!(names.map(left), [true, false, false, false, true]);
        assert_eq!(begun.remove_others(&file("nowhere")).unwrap(), 0);
    }
}
