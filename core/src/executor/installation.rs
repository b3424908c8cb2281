//! By what things of one installation are known where several share a Docker engine or a namespace.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::clock::SharedClock;

/// By what everything of an installation is known.
#[derive(Debug)]
pub(super) enum Installation {
    Word(String),
    File(PathBuf),
}

impl Installation {
    /// Whether it can have made anything.
    pub(super) fn was_used(&self) -> bool {
        match self {
            Self::Word(_) => true,
            Self::File(file) => file.exists(),
        }
    }

    pub(super) fn word(&self, clock: &SharedClock) -> std::io::Result<String> {
        let file = match self {
            Self::Word(word) => return Ok(word.clone()),
            Self::File(file) => file,
        };
        match std::fs::read_to_string(file) {
            Ok(word) if !word.trim().is_empty() => Ok(word.trim().to_owned()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => draw(file, clock),
        }
    }
}

/// Another process may draw at the same time; the first one wins.
fn draw(file: &Path, clock: &SharedClock) -> std::io::Result<String> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let draft = file.with_extension(std::process::id().to_string());
    std::fs::write(&draft, clock.new_id().to_string())?;
    let linked = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    Ok(std::fs::read_to_string(file)?.trim().to_owned())
}

/// The first hexadecimal digits of a hash.
pub(super) fn digest(bytes: &[u8], digits: usize) -> String {
    let hash = Sha256::digest(bytes);
    let mut text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(digits);
    text
}
