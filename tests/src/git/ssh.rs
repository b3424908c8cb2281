//! Git over SSH: an `sshd` of its own, with its own keys, on a free port.

use std::fs::File;
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
        keygen("ed25519", &folder.path().join("host"), "");
        keygen("ecdsa", &folder.path().join("host-ecdsa"), "");
        keygen("ed25519", &folder.path().join("user"), passphrase);
        keygen("ed25519", &folder.path().join("stranger"), "");
        let repository = repository.bare();
        // Somebody else may take the port before sshd does.
        for _ in 0..20 {
            let port = free_port();
            if let Some(process) = serve(folder.path(), port) {
                return Self { folder, process, port, repository };
            }
        }
        panic!("sshd does not start: {}", read(&folder.path().join("complaints")));
    }

    /// The address of the repository.
    pub fn url(&self) -> String {
        self.url_of(&self.repository.display().to_string())
    }

    /// The address of a path.
    pub fn url_of(&self, path: &str) -> String {
        format!("ssh://{}@127.0.0.1:{}{path}", user(), self.port)
    }

    /// Where somebody logs in.
    pub fn host(&self) -> String {
        format!("{}@127.0.0.1:{}", user(), self.port)
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

    /// The same for its other key, of an older kind.
    pub fn known_host_by_its_older_key(&self) -> String {
        self.line(&self.read("host-ecdsa.pub"))
    }

    /// A line with the key of another host.
    pub fn other_host(&self) -> String {
        self.line(&self.read("stranger.pub"))
    }

    fn line(&self, key: &str) -> String {
        format!("[127.0.0.1]:{} {key}", self.port)
    }

    fn read(&self, name: &str) -> String {
        read(&self.folder.path().join(name))
    }
}

impl Drop for SshRemote {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the server, and returns once it answers; `None` when it ended instead.
fn serve(folder: &Path, port: u16) -> Option<Child> {
    let path = |name: &str| folder.join(name).display().to_string();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
         UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
         LogLevel ERROR\n",
        path("host"),
        path("host-ecdsa"),
        path("user.pub"),
    );
    let written = std::fs::write(folder.join("config"), config).and_then(|()| File::create(folder.join("complaints")));
    let complaints = written.unwrap_or_else(|error| panic!("{error}"));
    // The folder into which sshd puts the part of it that has no rights.
    let _ = std::fs::create_dir_all("/run/sshd");
    let program = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|program| Path::new(program).exists());
    let program = program.unwrap_or_else(|| panic!("sshd is needed for this test: install openssh-server"));
    let mut command = Command::new(program);
    command.arg("-D").arg("-e").arg("-f").arg(folder.join("config")).stdin(Stdio::null()).stderr(complaints);
    let mut process = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    while process.try_wait().unwrap_or_else(|error| panic!("{error}")).is_none() {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
            let mut line = String::new();
            if BufReader::new(stream).read_line(&mut line).is_ok() && line.starts_with("SSH-") {
                return Some(process);
            }
        }
        std::thread::yield_now();
    }
    None
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn keygen(kind: &str, path: &Path, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    let command = command.args(["-q", "-t", kind, "-C", "a test", "-N", passphrase, "-f"]).arg(path);
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
