//! Registries of images: tags listed, digests resolved, images copied, deleted and pushed, a login tried.
//!
//! A [`Registry`] is one server with a way in ([`RegistryAccess`]): anonymous, a user with a password, or a token, each as the
//! registry asks for it (basic, or a token that its token server gives out for them). It speaks TLS, by the authorities of the
//! system and those that it was given, and plain HTTP only where that was asked for.
//!
//! ```no_run
//! use windlass::registry::{Registry, RegistryAccess};
//!
//! # async fn show() -> Result<(), windlass::registry::RegistryError> {
//! let registry = Registry::new("registry.example.com:5000", RegistryAccess::user("builder", "s3cret"))?;
//! registry.test().await?;
//! for tag in registry.tags("team/web").await? {
//!     println!("{tag}: {}", registry.digest("team/web", &tag).await?);
//! }
//! # Ok(())
//! # }
//! ```

mod access;
mod archive;
mod certificates;
mod client;
mod copy;
mod error;
mod fault;
mod name;
mod push;
mod session;
mod test;

pub use access::{RegistryAccess, Transport};
pub use archive::{ArchiveError, ImageArchive};
pub use certificates::Certificates;
pub use client::Registry;
pub use error::RegistryError;
pub use fault::RegistryFault;
pub use name::ImageName;
pub use push::PushProgress;
pub use test::RegistryTest;
