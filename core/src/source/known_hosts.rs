//! Which keys of a host are known.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use russh::Preferred;
use russh::keys::ssh_key::{Algorithm, PublicKey};

/// The keys that are known of a host: those in the lines that are given, or else those that the user and the machine know.
pub(super) fn keys_of(host: &str, port: u16, lines: Option<&str>) -> Result<Vec<PublicKey>, russh::keys::Error> {
    let mut keys = Vec::new();
    let mut read = |path: PathBuf| -> Result<(), russh::keys::Error> {
        let found = russh::keys::known_hosts::known_host_keys_path(host, port, path)?;
        keys.extend(found.into_iter().map(|(_, key)| key));
        Ok(())
    };
    match lines {
        Some(lines) => {
            // The library reads known hosts from files only.
            let file = KnownHosts::write(lines)?;
            read(file.0.clone())?;
        }
        None => {
            if let Some(home) = std::env::home_dir() {
                read(home.join(".ssh/known_hosts"))?;
            }
            read(PathBuf::from("/etc/ssh/ssh_known_hosts"))?;
        }
    }
    Ok(keys)
}

/// What is asked of a host: a key of a kind that is known, so that a host with several keys does not look like another one.
pub(super) fn preferring(known: &[PublicKey]) -> Preferred {
    let family = |algorithm: &Algorithm| match algorithm {
        Algorithm::Rsa { .. } => Algorithm::Rsa { hash: None },
        other => other.clone(),
    };
    let is_known = |algorithm: &Algorithm| known.iter().any(|key| family(&key.algorithm()) == family(algorithm));
    let mut preferred = Preferred::default();
    let mut kinds = preferred.key.to_vec();
    kinds.sort_by_key(|algorithm| !is_known(algorithm));
    preferred.key = Cow::Owned(kinds);
    preferred
}

/// A file that goes when it is not needed any more. What is in it is no secret.
struct KnownHosts(PathBuf);

impl KnownHosts {
    fn write(lines: &str) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let name = format!("windlass-known-hosts-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            // Never through a link that somebody else put there.
            let mut file = match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened?,
            };
            let this = Self(path);
            file.write_all(lines.as_bytes())?;
            file.write_all(b"\n")?;
            return Ok(this);
        }
    }
}

impl Drop for KnownHosts {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
