//! What tests of checkouts by an engine share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use windlass::secret::{Credential, SecretError, SecretProvider, SecretText};
use windlass::testing::exposures;
use windlass::{Engine, Event, Pipeline, RunRequest, RunSummary, pipeline};

/// Credentials that a portal keeps.
#[derive(Debug, Default)]
pub(crate) struct Vault(BTreeMap<String, Credential>);

impl Vault {
    pub(crate) fn password(user: &str, password: &str) -> Self {
        let credential = Credential::UserPassword { user: user.to_owned(), password: SecretText::new(password) };
        Self([("team-git".to_owned(), credential)].into())
    }

    pub(crate) fn key(private_key: &str, known_hosts: &str) -> Self {
        let credential = Credential::SshKey {
            user: None,
            private_key: SecretText::new(private_key),
            passphrase: None,
            known_hosts: Some(known_hosts.to_owned()),
        };
        Self([("team-git".to_owned(), credential)].into())
    }
}

#[async_trait]
impl SecretProvider for Vault {
    fn name(&self) -> &str {
        "the vault of a test"
    }

    async fn credential(&self, name: &str) -> Result<Option<Credential>, SecretError> {
        Ok(self.0.get(name).cloned())
    }
}

/// An engine in a folder of its own.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) engine: Engine,
    /// The values that the vault gives out.
    secrets: Vec<String>,
}

/// Whatever a test did: at its end no file of the engine shows what opens a repository.
impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for secret in &self.secrets {
            assert_eq!(exposures(&self.data_dir(), secret).unwrap(), [], "at the end of the test");
        }
    }
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::with(Vault::default()).await
    }

    pub(crate) async fn with(vault: Vault) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secrets = vault.0.values().flat_map(Credential::secrets).map(str::to_owned).collect();
        let engine = Engine::builder().data_dir(folder.path().join("data")).secrets(vault).open().await.unwrap();
        Self { folder, engine, secrets }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs a definition to its end.
    pub(crate) async fn run(&self, document: &str) -> RunSummary {
        self.run_for(document, RunRequest::manual()).await
    }

    pub(crate) async fn run_for(&self, document: &str, request: RunRequest) -> RunSummary {
        self.engine.start(&read(document), request).await.unwrap().wait().await.unwrap()
    }

    pub(crate) async fn log(&self, run: &RunSummary, task: &str) -> String {
        let log = self.engine.run(run.id).await.unwrap().logs(task).await.unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }

    pub(crate) async fn events(&self, run: &RunSummary) -> Vec<Event> {
        let mut events = self.engine.run(run.id).await.unwrap().events().await.unwrap();
        let mut all = Vec::new();
        while let Some(event) = events.next().await.unwrap() {
            all.push(event);
        }
        all
    }

    /// The code of the cause of a task, after a run of this definition.
    pub(crate) async fn cause(&self, document: &str, task: &str) -> (String, String) {
        let run = self.run(document).await;
        let cause = run.task(task).unwrap().cause.clone().unwrap_or_else(|| panic!("{task} succeeded: {run:?}"));
        (cause.code, format!("{} {}", cause.message, cause.advice))
    }
}

pub(crate) fn read(document: &str) -> Pipeline {
    pipeline::read(document.as_bytes(), "shop.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}

/// A pipeline of one checkout with these settings, and a script after it.
pub(crate) fn checking_out(settings: &str, script: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!(
        "name: shop\nstages:\n- name: Source\n  tasks:\n  - name: source\n    checkout: {settings}\n  - {{name: look, script: \
         {script}}}\n"
    )
}

/// Every file below a folder that holds these bytes.
pub(crate) fn files_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files_with(&entry.path(), bytes));
        } else if kind.is_file() {
            let content = std::fs::read(entry.path()).unwrap_or_default();
            if content.windows(bytes.len()).any(|window| window == bytes) {
                found.push(entry.path());
            }
        }
    }
    found
}
