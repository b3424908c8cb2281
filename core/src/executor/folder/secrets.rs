//! Secret files of a step: in a folder of their own below the step's, for their owner only, gone when the step ends.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::layout::{StepFolder, open_writable};
use super::remove;
use crate::below::{self, System, Use};
use crate::disk;
use crate::executor::StepSecrets;

/// Their folder below that of the step.
const FOLDER: &str = "secrets";

impl StepFolder {
    /// Where they are.
    pub(in crate::executor) fn secrets(&self) -> PathBuf {
        self.path().join(FOLDER)
    }

    /// Removes the secret files; fine when there are none.
    pub(in crate::executor) fn remove_secrets(&self) -> io::Result<()> {
        remove::remove(&self.secrets())
    }
}

/// Writes the secret files below a step's folder, or below the draft of one. Names of variables are names of files.
pub(in crate::executor) fn write_secrets(step: &Path, secrets: &StepSecrets) -> io::Result<()> {
    if secrets.files.is_empty() {
        return Ok(());
    }
    let folder = step.join(FOLDER);
    match disk::make_folder(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for (variable, content) in &secrets.files {
        if let Some(why) = below::refused(OsStr::new(variable), System::HERE, Use::File) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("the variable {variable:?} {why}")));
        }
        // Another start may have written it already, with the same content.
        let draft = folder.join(format!(".{variable}"));
        let mut file = open_writable(&draft, 0o600)?;
        file.set_len(0)?;
        file.write_all(content.expose())?;
        fs::rename(&draft, folder.join(variable))?;
    }
    Ok(())
}
