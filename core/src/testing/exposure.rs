//! Looking for secrets where none may be.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::secret::forms;

/// A place where a value stands in clear.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposure {
    /// The file.
    pub path: PathBuf,
    /// The form in which the value stands there, or in the file's name.
    pub form: String,
}

/// Looks through every file below a folder, and through their names, for a value in every form in which programs write it: as it
/// is, in base64, escaped for URLs, JSON and shells. Meant for a data directory, a backup, a folder of logs.
///
/// # Errors
/// When a file cannot be read; one that vanishes meanwhile is passed over.
///
/// # Panics
/// For a value that is too short to be told from others.
pub fn exposures(folder: &Path, secret: &str) -> io::Result<Vec<Exposure>> {
    let forms = forms(secret);
    assert!(!forms.is_empty(), "a value of fewer than 4 characters cannot be looked for");
    let mut found = BTreeSet::new();
    look(folder, &forms, &mut found)?;
    Ok(found.into_iter().collect())
}

/// The same for a text: an event, an error, a page.
pub fn exposed_in(text: &str, secret: &str) -> bool {
    forms(secret).iter().any(|form| text.contains(form.as_str()))
}

fn look(path: &Path, forms: &[String], found: &mut BTreeSet<Exposure>) -> io::Result<()> {
    let data = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        data => data?,
    };
    let name = path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
    let content = if data.is_file() { read(path)? } else { Vec::new() };
    for form in forms {
        if [&name, &content].into_iter().any(|bytes| memmem::find(bytes, form.as_bytes()).is_some()) {
            found.insert(Exposure { path: path.to_path_buf(), form: form.clone() });
        }
    }
    if data.is_dir() {
        for entry in std::fs::read_dir(path)? {
            look(&entry?.path(), forms, found)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}
