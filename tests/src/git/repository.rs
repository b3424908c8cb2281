//! A repository that a test writes, with the git program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A bare repository, and a working copy that pushes to it.
#[derive(Debug)]
pub struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    /// An empty one, whose branch will be `main`.
    pub fn empty() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")) };
        this.git(this.folder.path(), &["init", "-q", "--bare", "-b", "main", "shop.git"]);
        this.git(&this.bare(), &["config", "uploadpack.allowAnySHA1InWant", "false"]);
        this.git(&this.bare(), &["config", "http.receivepack", "false"]);
        this.git(this.folder.path(), &["init", "-q", "-b", "main", "work"]);
        this.git(&this.work(), &["remote", "add", "origin", "../shop.git"]);
        this
    }

    /// One with a commit on `main`.
    pub fn with_a_commit() -> Self {
        let this = Self::empty();
        this.commit("README.md", "a shop\n", "Begin");
        this.push("main");
        this
    }

    /// The folder in which the bare repository is, under the name `shop.git`.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The bare repository.
    pub fn bare(&self) -> PathBuf {
        self.folder.path().join("shop.git")
    }

    /// The working copy.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Writes a file of the working copy and commits everything. The commit's id.
    pub fn commit(&self, file: &str, content: &str, message: &str) -> String {
        let path = self.work().join(file);
        let folder = path.parent().unwrap_or_else(|| panic!("{file} has no folder"));
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, content)).unwrap_or_else(|e| panic!("{e}"));
        self.commit_all(message)
    }

    /// Commits everything in the working copy. The commit's id.
    pub fn commit_all(&self, message: &str) -> String {
        self.git(&self.work(), &["add", "-A"]);
        self.git(&self.work(), &["commit", "-q", "-m", message]);
        self.git(&self.work(), &["rev-parse", "HEAD"])
    }

    /// Pushes a name, by force.
    pub fn push(&self, what: &str) {
        self.git(&self.work(), &["push", "-q", "-f", "origin", what]);
    }

    /// Runs git in the working copy.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.git(&self.work(), arguments)
    }

    /// Runs git in a folder, with nothing of this machine's configuration. What it printed, without the line end.
    pub fn git(&self, folder: &Path, arguments: &[&str]) -> String {
        git(folder, arguments)
    }
}

/// Runs git in a folder, with nothing of this machine's configuration.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    clean(&mut command);
    let output = command.output().unwrap_or_else(|error| panic!("git is needed for this test: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?} in {}: {said}", folder.display());
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Keeps the configuration of this machine and its users out.
pub(super) fn clean(command: &mut Command) {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIT_")) {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("GIT_TERMINAL_PROMPT", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Ana").env(format!("GIT_{role}_EMAIL"), "ana@example.com");
    }
}
