//! The files of a folder of this machine, copied into a fresh workspace.

use std::path::PathBuf;

use super::Container;
use crate::executor::ExecutorError;
use crate::executor::folder::{copy, remove};
use crate::executor::pack::pack;

impl Container {
    /// Copies what belongs into a workspace: what git ignores stays out.
    pub(in crate::executor) async fn copy_source(&self, source: PathBuf) -> Result<(), ExecutorError> {
        let draft = std::env::temp_dir().join(format!("windlass-source-{}", self.inner.clock.new_id()));
        let folder = draft.clone();
        let packed = tokio::task::spawn_blocking(move || {
            let io =
                |source| ExecutorError::Io { doing: format!("copying the source into {}", folder.display()), source };
            std::fs::create_dir(&folder).map_err(io)?;
            copy::copy_tree(&source, &folder, &folder)
        });
        let copied = packed.await.unwrap_or_else(|error| {
            Err(ExecutorError::Io { doing: "copying the source".to_owned(), source: std::io::Error::other(error) })
        });
        let written = match copied {
            Ok(()) => {
                let tar = pack(draft.clone(), PathBuf::new(), "reading the source folder".to_owned(), ());
                self.write(".", tar).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = remove::remove_folder(&draft) {
            tracing::warn!(%error, ?draft, "a copy of the source could not be removed");
        }
        written
    }
}
