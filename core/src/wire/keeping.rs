//! Where and how much is kept beside runs, and where the master key comes from, as data.

use std::path::PathBuf;

use serde::Deserialize;

use crate::blob::{ArchiveLimits, BlobSettings, BlobStore};
use crate::error::Result;
use crate::pipeline::HumanDuration;
use crate::secret::KeySource;

/// What a [`KeySource`] says: `{"file": "/run/secrets/windlass"}` or `{"environment": "WINDLASS_MASTER_KEY"}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyOptions {
    /// See [`KeySource::File`].
    File(PathBuf),
    /// See [`KeySource::Environment`].
    Environment(String),
}

impl From<KeyOptions> for KeySource {
    fn from(options: KeyOptions) -> Self {
        match options {
            KeyOptions::File(path) => Self::File(path),
            KeyOptions::Environment(name) => Self::Environment(name),
        }
    }
}

/// What a [`BlobStore`] is: `{"folder": "/srv/windlass"}` or `{"s3": {"bucket": "ci", …}}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BlobOptions {
    /// See [`BlobStore::folder`].
    Folder(PathBuf),
    /// See [`BlobStore::s3`]. Only in builds with the feature `s3`.
    S3(S3Options),
}

/// What `S3Settings` of the room `blob` say.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct S3Options {
    /// The bucket.
    pub bucket: String,
    /// The region; `us-east-1` when it is left out.
    #[serde(default)]
    pub region: String,
    /// The address of a service other than AWS.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The id of the access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: crate::secret::SecretText,
    /// The token of a session, for keys that need one.
    #[serde(default)]
    pub session_token: Option<crate::secret::SecretText>,
    /// Below which names everything is kept.
    #[serde(default)]
    pub prefix: String,
    /// Certificates in PEM of authorities that are trusted beside those of the machine.
    #[serde(default)]
    pub authorities: Option<String>,
    /// How long a request is sent again while the service does not answer; three minutes when it is left out.
    #[serde(default)]
    pub patience: Option<HumanDuration>,
}

impl BlobOptions {
    /// The store.
    ///
    /// # Errors
    /// `unsupported` where this build has no S3; what makes no sense in the settings of a bucket.
    pub fn store(self) -> Result<BlobStore> {
        match self {
            Self::Folder(path) => Ok(BlobStore::folder(path)),
            Self::S3(options) => options.store(),
        }
    }
}

impl S3Options {
    #[cfg(feature = "s3")]
    fn store(self) -> Result<BlobStore> {
        let settings = crate::blob::S3Settings {
            bucket: self.bucket,
            region: self.region,
            endpoint: self.endpoint,
            access_key: self.access_key,
            secret_key: self.secret_key.expose().to_owned(),
            session_token: self.session_token.map(|token| token.expose().to_owned()),
            prefix: self.prefix,
            authorities: self.authorities,
            patience: self.patience.map(HumanDuration::get),
        };
        Ok(BlobStore::s3(&settings)?)
    }

    #[cfg(not(feature = "s3"))]
    fn store(self) -> Result<BlobStore> {
        let message = "this build of Windlass keeps no objects in S3: it was built without the feature `s3`";
        Err(crate::Error::new(crate::ErrorKind::Unsupported, "unsupported", "open", message))
    }
}

/// What [`BlobSettings`] say. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KeepingOptions {
    /// All caches together, in bytes. See [`BlobSettings::caches`].
    pub cache_bytes: Option<u64>,
    /// See [`BlobSettings::keep_artifacts`].
    pub keep_artifacts: Option<HumanDuration>,
    /// See [`BlobSettings::default_branches`].
    pub default_branches: Option<Vec<String>>,
    /// What one cache may hold. See [`BlobSettings::cache`].
    pub cache: LimitOptions,
    /// What one artifact may hold. See [`BlobSettings::artifact`].
    pub artifact: LimitOptions,
}

/// What [`ArchiveLimits`] say.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LimitOptions {
    /// See [`ArchiveLimits::entries`].
    pub entries: Option<u64>,
    /// See [`ArchiveLimits::bytes`].
    pub bytes: Option<u64>,
    /// See [`ArchiveLimits::ratio`].
    pub ratio: Option<u64>,
}

impl LimitOptions {
    fn over(&self, usual: ArchiveLimits) -> ArchiveLimits {
        ArchiveLimits {
            entries: self.entries.unwrap_or(usual.entries),
            bytes: self.bytes.unwrap_or(usual.bytes),
            ratio: self.ratio.unwrap_or(usual.ratio),
        }
    }
}

impl From<KeepingOptions> for BlobSettings {
    fn from(options: KeepingOptions) -> Self {
        let usual = Self::default();
        Self {
            caches: options.cache_bytes.unwrap_or(usual.caches),
            cache: options.cache.over(usual.cache),
            artifact: options.artifact.over(usual.artifact),
            keep_artifacts: options.keep_artifacts.map(HumanDuration::get).or(usual.keep_artifacts),
            default_branches: options.default_branches.unwrap_or(usual.default_branches),
        }
    }
}
