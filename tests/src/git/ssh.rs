//! Git over SSH: an `sshd` of its own, with its own keys, on a free port.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::repository::Repository;

/// An `sshd` that lets one key in.
#[derive(Debug)]
pub struct SshRemote {
    folder: tempfile::TempDir,
    process: Child,
    port: u16,
    repository: PathBuf,
}

impl SshRemote {
    /// Starts it. The key that it lets in has this passphrase, none when it is empty.
    pub fn start(repository: &Repository, passphrase: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        keygen(&folder.path().join("host"), "");
        keygen(&folder.path().join("user"), passphrase);
        keygen(&folder.path().join("stranger"), "");
        let port = free_port();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
             LogLevel ERROR\n",
            path("host"),
            path("user.pub"),
        );
        std::fs::write(folder.path().join("config"), config).unwrap_or_else(|error| panic!("{error}"));
        // The folder into which sshd puts the part of it that has no rights.
        let _ = std::fs::create_dir_all("/run/sshd");
        let program = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|program| Path::new(program).exists());
        let program = program.unwrap_or_else(|| panic!("sshd is needed for this test: install openssh-server"));
        let mut process = Command::new(program);
        let process = process.arg("-D").arg("-e").arg("-f").arg(folder.path().join("config"));
        let process =
            process.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{error}"));
        let mut this = Self { folder, process, port, repository: repository.bare() };
        this.wait_until_it_answers();
        this
    }

    fn wait_until_it_answers(&mut self) {
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                let mut line = String::new();
                if BufReader::new(stream).read_line(&mut line).is_ok() && line.starts_with("SSH-") {
                    return;
                }
            }
            let ended = self.process.try_wait().unwrap_or_else(|error| panic!("{error}"));
            assert!(ended.is_none(), "sshd ended: {ended:?}");
            std::thread::yield_now();
        }
    }

    /// The address of the repository.
    pub fn url(&self) -> String {
        self.url_of(&self.repository.display().to_string())
    }

    /// The address of a path.
    pub fn url_of(&self, path: &str) -> String {
        format!("ssh://{}@127.0.0.1:{}{path}", user(), self.port)
    }

    /// The private key that it lets in.
    pub fn key(&self) -> String {
        self.read("user")
    }

    /// A private key that it does not let in.
    pub fn strange_key(&self) -> String {
        self.read("stranger")
    }

    /// The line of a `known_hosts` file for it.
    pub fn known_host(&self) -> String {
        self.line(&self.read("host.pub"))
    }

    /// A line with the key of another host.
    pub fn other_host(&self) -> String {
        self.line(&self.read("stranger.pub"))
    }

    fn line(&self, key: &str) -> String {
        format!("[127.0.0.1]:{} {key}", self.port)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for SshRemote {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn keygen(path: &Path, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    let command = command.args(["-q", "-t", "ed25519", "-C", "a test", "-N", passphrase, "-f"]).arg(path);
    let done = command.stdin(Stdio::null()).status().unwrap_or_else(|error| panic!("ssh-keygen is needed: {error}"));
    assert!(done.success());
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    listener.local_addr().unwrap_or_else(|error| panic!("{error}")).port()
}

fn user() -> String {
    let id = nix::unistd::Uid::current();
    let user = nix::unistd::User::from_uid(id).ok().flatten();
    user.map_or_else(|| "root".to_owned(), |user| user.name)
}
