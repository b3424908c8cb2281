//! What goes wrong around credentials.

use crate::run::Cause;
use crate::secret::SecretError;

/// A credential could not be had.
pub fn no_credential(error: &SecretError) -> Cause {
    Cause::new(super::code::CREDENTIAL, error.to_string(), error.advice())
}
