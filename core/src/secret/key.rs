//! The key that seals everything else.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, Zeroizing};

use super::error::SecretError;
use super::key_source::read_private;

/// The length of keys.
pub(super) const KEY_BYTES: usize = 32;

/// The key of an installation: 32 random bytes, written in base64. Never printed.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: KeyId,
}

/// A name for a key that tells nothing about it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The name: 16 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl MasterKey {
    /// A key from its 32 bytes, which must be random.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        let bytes = Zeroizing::new(bytes);
        let id = KeyId::of(&bytes);
        Self { bytes, id }
    }

    /// A key from base64, as `openssl rand -base64 32` prints it. `place` is named in errors.
    ///
    /// # Errors
    /// [`SecretError::BadKey`] for anything but 32 bytes.
    pub fn from_base64(text: &str, place: impl Into<String>) -> Result<Self, SecretError> {
        let advice = "it must be 32 random bytes in base64, such as `openssl rand -base64 32` prints";
        let bad = |why: String| SecretError::BadKey { place: place.into(), why };
        let Ok(mut decoded) = STANDARD.decode(text.trim()) else {
            return Err(bad(format!("it is not base64; {advice}")));
        };
        let length = decoded.len();
        let key = <[u8; KEY_BYTES]>::try_from(decoded.as_slice()).map(Self::new);
        decoded.zeroize();
        key.map_err(|_| bad(format!("it has {length} bytes; {advice}")))
    }

    /// A key from a file that only its owner can read.
    ///
    /// # Errors
    /// [`SecretError::OpenKeyFile`] when others can read it, [`SecretError::BadKey`] when it is not there or no key.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let place = format!("the file {}", path.display());
        let missing = || SecretError::BadKey { place: place.clone(), why: "it is not there".to_owned() };
        let text = read_private(path, &place)?.ok_or_else(missing)?;
        Self::from_base64(&text, place)
    }

    /// The key in base64, to be written to where it is kept.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(*self.bytes))
    }

    /// Its name.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    pub(super) fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.bytes).into())
    }
}

impl KeyId {
    /// The tag of an empty text under a number that seals nothing else: it names the key and does not tell it.
    fn of(bytes: &[u8; KEY_BYTES]) -> Self {
        let cipher = XChaCha20Poly1305::new(&(*bytes).into());
        let sealed = cipher.encrypt(&XNonce::from([0; 24]), Payload { msg: &[], aad: b"windlass key id" });
        let tag = sealed.unwrap_or_default();
        Self(tag.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}
