//! Certificates of authorities, where Docker looks for them.

use std::io;
use std::path::{Path, PathBuf};

use super::name::checked_server;

/// Folders with the certificates of registries' authorities, in the form that Docker has them: a folder for each registry, such
/// as `registry.example.com:5000`, with files `*.crt` in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    folders: Vec<PathBuf>,
}

impl Default for Certificates {
    /// Those of Docker: `/etc/docker/certs.d` (on Windows `%ProgramData%\docker\certs.d`, where the folder of a registry has no `:`
    /// in its name) and `.docker/certs.d` in the home folder.
    fn default() -> Self {
        let home = std::env::home_dir().map(|home| home.join(".docker/certs.d"));
        let system = match cfg!(windows) {
            true => std::env::var_os("ProgramData").map(|data| PathBuf::from(data).join("docker/certs.d")),
            false => Some(PathBuf::from("/etc/docker/certs.d")),
        };
        Self { folders: system.into_iter().chain(home).collect() }
    }
}

impl Certificates {
    /// These folders, and no others.
    pub fn in_folders(folders: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self { folders: folders.into_iter().map(Into::into).collect() }
    }

    /// The certificates for a registry, in one text; `None` when there are none. Blocks.
    ///
    /// # Errors
    /// What keeps a file from being read that is there.
    pub fn of(&self, server: &str) -> io::Result<Option<String>> {
        if checked_server(server).is_err() {
            return Ok(None);
        }
        let mut found = String::new();
        let name = if cfg!(windows) { server.replace(':', "") } else { server.to_owned() };
        for folder in &self.folders {
            read_folder(&folder.join(&name), &mut found)?;
        }
        Ok((!found.is_empty()).then_some(found))
    }
}

fn read_folder(folder: &Path, found: &mut String) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "crt") {
            found.push_str(&std::fs::read_to_string(path)?);
            found.push('\n');
        }
    }
    Ok(())
}
