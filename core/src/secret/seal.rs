//! Sealing: XChaCha20-Poly1305, a data key for each secret, the data key sealed with the master key. Pure: random bytes are
//! arguments.
//!
//! The name of the credential is part of what is authenticated, so that what is stored under one name cannot be put under
//! another one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::credential::Credential;
use super::error::SecretError;
use super::key::{KEY_BYTES, MasterKey};

const NONCE_BYTES: usize = 24;
/// How many random bytes [`Sealed::seal`] wants.
const RANDOM_BYTES: usize = KEY_BYTES + 2 * NONCE_BYTES;

/// A sealed credential, as it is stored. It may be seen by anyone who does not have the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sealed {
    /// The form; 1.
    version: u32,
    /// The master key that sealed the data key.
    key: String,
    /// The sealed data key, with its number in front, in base64.
    data_key: String,
    /// The sealed credential, with its number in front, in base64.
    sealed: String,
}

impl Sealed {
    /// How many random bytes sealing takes, and resealing.
    pub const RANDOM_BYTES: usize = RANDOM_BYTES;

    /// Seals a credential under its name. The random bytes must be new for each call.
    pub fn seal(
        name: &str,
        credential: &Credential,
        master: &MasterKey,
        random: &[u8; RANDOM_BYTES],
    ) -> Result<Self, SecretError> {
        let random = Zeroizing::new(*random);
        let (data_key, numbers) = random.split_at(KEY_BYTES);
        let (first, second) = numbers.split_at(NONCE_BYTES);
        let tampered = || SecretError::Tampered { name: name.to_owned() };
        let clear = Zeroizing::new(serde_json::to_vec(credential).map_err(|_| tampered())?);
        let cipher = XChaCha20Poly1305::new_from_slice(data_key).map_err(|_| tampered())?;
        let sealed = encrypt(&cipher, first, &clear, &content_of(name)).ok_or_else(tampered)?;
        let data_key = encrypt(&master.cipher(), second, data_key, &key_of(name)).ok_or_else(tampered)?;
        Ok(Self { version: 1, key: master.id().to_string(), data_key, sealed })
    }

    /// The name of the master key that sealed it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`SecretError::OtherKey`] when none of these keys sealed it, [`SecretError::Tampered`] when it was changed or moved.
    pub fn open(&self, name: &str, keys: &[MasterKey]) -> Result<Credential, SecretError> {
        let tampered = || SecretError::Tampered { name: name.to_owned() };
        let data_key = self.data_key(name, keys)?;
        let cipher = XChaCha20Poly1305::new_from_slice(&data_key).map_err(|_| tampered())?;
        let clear = Zeroizing::new(decrypt(&cipher, &self.sealed, &content_of(name)).ok_or_else(tampered)?);
        serde_json::from_slice(&clear).map_err(|_| tampered())
    }

    /// The same with its data key sealed with another master key. The content is not touched.
    pub fn reseal(
        &self,
        name: &str,
        keys: &[MasterKey],
        master: &MasterKey,
        random: &[u8; RANDOM_BYTES],
    ) -> Result<Self, SecretError> {
        let data_key = Zeroizing::new(self.data_key(name, keys)?);
        let sealed = encrypt(&master.cipher(), &random[KEY_BYTES..KEY_BYTES + NONCE_BYTES], &data_key, &key_of(name));
        let data_key = sealed.ok_or_else(|| SecretError::Tampered { name: name.to_owned() })?;
        Ok(Self { version: 1, key: master.id().to_string(), data_key, sealed: self.sealed.clone() })
    }

    fn data_key(&self, name: &str, keys: &[MasterKey]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let master = keys.iter().find(|key| key.id().as_str() == self.key).ok_or_else(|| {
            let known = keys.iter().map(|key| key.id().as_str()).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none".to_owned() } else { known };
            SecretError::OtherKey { name: name.to_owned(), sealed_with: self.key.clone(), known }
        })?;
        let opened = decrypt(&master.cipher(), &self.data_key, &key_of(name));
        opened.map(Zeroizing::new).ok_or_else(|| SecretError::Tampered { name: name.to_owned() })
    }
}

fn content_of(name: &str) -> Vec<u8> {
    format!("windlass credential 1\0{name}").into_bytes()
}

fn key_of(name: &str) -> Vec<u8> {
    format!("windlass data key 1\0{name}").into_bytes()
}

fn encrypt(cipher: &XChaCha20Poly1305, nonce: &[u8], clear: &[u8], aad: &[u8]) -> Option<String> {
    let nonce = <[u8; NONCE_BYTES]>::try_from(nonce).ok()?;
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: clear, aad }).ok()?;
    Some(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
}

fn decrypt(cipher: &XChaCha20Poly1305, text: &str, aad: &[u8]) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
    let nonce = <[u8; NONCE_BYTES]>::try_from(nonce).ok()?;
    cipher.decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad }).ok()
}
