//! Who is told how a deployment goes.

use async_trait::async_trait;

/// Who is told how a deployment goes.
#[async_trait]
pub trait Progress: Send + Sync {
    /// Takes a line for people, without its end.
    async fn line(&self, line: &str);
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

#[async_trait]
impl Progress for Silent {
    async fn line(&self, _line: &str) {}
}
