//! Where the master key comes from.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::error::SecretError;
use super::key::MasterKey;
use crate::disk;

/// The keys of an installation: one that seals, and older ones that still open what they sealed.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: MasterKey,
    older: Vec<MasterKey>,
}

impl KeyRing {
    /// The key that seals, and older ones.
    pub fn new(current: MasterKey, older: impl IntoIterator<Item = MasterKey>) -> Self {
        Self { current, older: older.into_iter().collect() }
    }

    /// Keys in base64, with white space between them; the first one seals. `place` is named in errors.
    ///
    /// # Errors
    /// [`SecretError::BadKey`] when there is none, or one is no key.
    pub fn parse(text: &str, place: &str) -> Result<Self, SecretError> {
        let mut words = text.split_whitespace();
        // An empty text is no key, and is told as such.
        let current = MasterKey::from_base64(words.next().unwrap_or_default(), place)?;
        let older = words.map(|word| MasterKey::from_base64(word, place)).collect::<Result<_, _>>()?;
        Ok(Self { current, older })
    }

    /// The key that seals.
    pub fn current(&self) -> &MasterKey {
        &self.current
    }

    /// All of them, the current one first.
    pub fn all(&self) -> Vec<MasterKey> {
        std::iter::once(&self.current).chain(&self.older).cloned().collect()
    }

    fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        for key in self.all() {
            text.push_str(&key.to_base64());
            text.push('\n');
        }
        text
    }
}

/// Something that gives the keys as text: in base64, the current one first.
pub type KeyCallback = dyn Fn() -> Result<String, String> + Send + Sync;

/// Where the master key comes from.
#[derive(Clone)]
#[non_exhaustive]
pub enum KeySource {
    /// A file that only its owner can read (mode 0600), with keys in base64, one a line; the first one seals. It is made when it
    /// is not there and nothing is sealed yet.
    File(PathBuf),
    /// An environment variable of this process with keys in base64, separated by spaces; the first one seals.
    Environment(String),
    /// A function that gives the same text: from a hardware module, a cloud's key service. It may block.
    Callback {
        /// What it is called in messages.
        name: String,
        /// The function. What it says when it fails is shown to people, and must not hold a key.
        keys: Arc<KeyCallback>,
    },
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySource({})", self.place())
    }
}

impl KeySource {
    /// A function that gives the keys, with its name for messages.
    pub fn callback(
        name: impl Into<String>,
        keys: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        Self::Callback { name: name.into(), keys: Arc::new(keys) }
    }

    /// What it is called in messages.
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => format!("the file {}", path.display()),
            Self::Environment(name) => format!("the environment variable {name}"),
            Self::Callback { name, .. } => name.clone(),
        }
    }

    /// The keys; `None` when it is a file that is not there. Blocks.
    ///
    /// # Errors
    /// [`SecretError::BadKey`], [`SecretError::OpenKeyFile`].
    pub fn load(&self) -> Result<Option<KeyRing>, SecretError> {
        let bad = |why: String| SecretError::BadKey { place: self.place(), why };
        let text = match self {
            Self::File(path) => match read_private(path, &self.place())? {
                Some(text) => text,
                None => return Ok(None),
            },
            Self::Environment(name) => {
                let unset = "it is not set: it must have the key in base64, such as `openssl rand -base64 32` prints";
                Zeroizing::new(std::env::var(name).map_err(|_| bad(unset.to_owned()))?)
            }
            Self::Callback { keys, .. } => Zeroizing::new(keys().map_err(bad)?),
        };
        KeyRing::parse(&text, &self.place()).map(Some)
    }

    /// Writes the keys into the file, for its owner only, whole or not at all. Blocks.
    ///
    /// # Errors
    /// [`SecretError::BadKey`] when this is no file, or it cannot be written.
    pub(crate) fn store(&self, ring: &KeyRing) -> Result<(), SecretError> {
        let bad = |why: String| SecretError::BadKey { place: self.place(), why };
        match self {
            Self::File(path) => write_private(path, &ring.to_text()).map_err(|error| bad(error.to_string())),
            _ => Err(bad("the engine cannot write there".to_owned())),
        }
    }
}

/// The text of a file that only its owner can read; `None` when there is none.
pub(super) fn read_private(path: &Path, place: &str) -> Result<Option<Zeroizing<String>>, SecretError> {
    let unreadable = |error: io::Error| SecretError::BadKey { place: place.to_owned(), why: error.to_string() };
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.map_err(unreadable)?,
    };
    if let Some(mode) = disk::open_to_others(&found) {
        return Err(SecretError::OpenKeyFile { path: path.to_path_buf(), mode });
    }
    fs::read_to_string(path).map(Zeroizing::new).map(Some).map_err(unreadable)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    if let Err(error) = fs::remove_file(&new)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = disk::for_owner(OpenOptions::new().write(true).create_new(true)).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), disk::flush)
}
