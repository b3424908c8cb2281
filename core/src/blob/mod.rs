//! What is kept beside runs, as objects: caches, artifacts, whole test reports. In a folder of the data directory, or where
//! the embedder says.
//!
//! What is decided (names, keys, which cache will do, what is thrown away, what an archive may hold) is pure; [`BlobStore`] is
//! a thin layer over [`object_store`].

mod artifact;
mod begun;
mod cache;
mod error;
mod fault;
mod glob;
mod pack;
mod place;
#[cfg(feature = "s3")]
mod s3;
mod settings;
mod store;
mod upload;

pub(crate) use artifact::{
    EXPIRING, RUNS, artifact_object, expiry_marker, expiry_of, is_artifact, report_object, run_prefix,
};
pub(crate) use cache::{CacheEntry, CacheScope, Found, Saving, Shelf, lost_archives, make_room, may_save, scopes};
pub use error::BlobError;
pub(crate) use glob::{BadGlob, Globs};
pub use pack::ArchiveLimits;
pub(crate) use pack::{PackError, Packed, Packer, Unpacked, each_file, to_folder, to_tar};
pub use place::BlobStore;
#[cfg(feature = "s3")]
pub use s3::S3Settings;
pub use settings::BlobSettings;

/// The crate whose stores an engine can be given.
pub use object_store;
