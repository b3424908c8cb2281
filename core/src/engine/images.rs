//! Images: the action that builds them, and the registries that an embedder looks into.

use std::sync::Arc;

use super::credential_tests::Tests;
use super::{Engine, EngineBuilder};
use crate::action::{Actions, BuildImageAction, ImageBuilder};
use crate::error::{Error, ErrorKind, Result};
use crate::registry::{Registry, RegistryAccess, RegistryTest, Transport};
use crate::secret::TargetKind;

/// Adds the action, and the test of credentials of registries where the embedder has none of its own.
pub(super) fn bring(mut actions: Actions, mut tests: Tests, images: &ImageBuilder) -> (Actions, Tests) {
    actions.build_in("buildImage", BuildImageAction::new(images.clone()));
    tests.entry(TargetKind::Registry).or_insert_with(|| Arc::new(RegistryTest::new(images.trusted())));
    (actions, tests)
}

impl EngineBuilder {
    /// Where `buildImage` builds images, and which authorities of registries are trusted. The Docker engine of the environment
    /// and the certificates of Docker unless set.
    #[must_use]
    pub fn images(mut self, images: ImageBuilder) -> Self {
        self.images = images;
        self
    }
}

impl Engine {
    /// A registry, with the login of one of the engine's credentials, and trusted by the authorities that it was given
    /// ([`EngineBuilder::images`]). Nothing is asked yet; [`Registry::test`] does.
    ///
    /// # Errors
    /// `badImageName` for what is no address, `credential` for one that is not there, `badRegistryCredential` for one that is
    /// not for this registry, `badRegistryAuthority`.
    pub async fn registry(&self, server: &str, credential: Option<&str>, transport: Transport) -> Result<Registry> {
        let core = &self.handle.core;
        let access = match credential {
            None => RegistryAccess::anonymous(),
            Some(name) => {
                let found = core.secrets.credential(name).await.map_err(|error| {
                    let message = error.to_string();
                    Error::new(ErrorKind::NotFound, "credential", "registry", message).with_source(error)
                })?;
                RegistryAccess::of_credential(name, &found, server)?
            }
        };
        let authority = core.certificates.of(server).map_err(|error| {
            let message = format!("the certificates of authorities for {server} cannot be read: {error}");
            Error::new(ErrorKind::Unavailable, "badRegistryAuthority", "registry", message).with_source(error)
        })?;
        let access = match authority {
            Some(pem) => access.authorities(pem),
            None => access,
        };
        Ok(Registry::new(server, access.transport(transport))?)
    }
}
