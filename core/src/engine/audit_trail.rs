//! Reading who changed what.

use super::Engine;
#[cfg(feature = "sqlite")]
use super::Reader;
use crate::error::Result;
use crate::store::{AuditFilter, Audited};

impl Engine {
    /// Who changed what, newest first; 50 entries unless the filter says otherwise. For the page after, give the position
    /// of the last entry as `before`.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Audited>> {
        Ok(self.handle.core.archive.store.audit(filter).await?)
    }
}

#[cfg(feature = "sqlite")]
impl Reader {
    /// Who changed what, newest first; 50 entries unless the filter says otherwise. For the page after, give the position
    /// of the last entry as `before`.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<Audited>> {
        Ok(self.archive.store.audit(filter).await?)
    }
}
