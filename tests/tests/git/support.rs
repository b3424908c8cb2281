//! What the tests of sources share.

use std::num::NonZeroU32;
use std::path::PathBuf;

use windlass::secret::{Credential, SecretText};
use windlass::source::{Access, Exported, Fetched, Mirrors, RefName, RemoteUrl, SourceError};

/// Mirrors in a folder that goes with the test, and a place for working copies.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) mirrors: Mirrors,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mirrors = Mirrors::new(folder.path().join("mirrors"));
        Self { folder, mirrors }
    }

    pub(crate) async fn fetch(&self, url: &str, access: &Access, wanted: Option<&str>) -> Result<Fetched, SourceError> {
        let wanted = wanted.map(|name| RefName::parse(name).unwrap());
        self.mirrors.fetch(&RemoteUrl::parse(url).unwrap(), access, wanted.as_ref()).await
    }

    /// A working copy in a new folder.
    pub(crate) async fn export(&self, fetched: &Fetched, depth: Option<u32>) -> (PathBuf, Exported) {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let (fetched, into) = (fetched.clone(), folder.clone());
        let depth = depth.and_then(NonZeroU32::new);
        let exported = tokio::task::spawn_blocking(move || fetched.export(&into, depth)).await.unwrap().unwrap();
        (folder, exported)
    }

    /// The folder of the only mirror.
    pub(crate) fn mirror(&self) -> PathBuf {
        let mut found = std::fs::read_dir(self.folder.path().join("mirrors")).unwrap();
        found.next().unwrap().unwrap().path()
    }
}

pub(crate) fn anonymous() -> Access {
    Access::default()
}

pub(crate) fn password(user: &str, password: &str) -> Access {
    let credential = Credential::UserPassword { user: user.to_owned(), password: SecretText::new(password) };
    Access::with("team-git", &credential).unwrap()
}
