//! The thin shell around reading: a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::budget::{MAX_BYTES, too_big};
use crate::pipeline::model::Pipeline;
use crate::pipeline::problem::Problems;

/// Reads a definition from a file. No more than [`MAX_BYTES`] of it are looked at.
pub fn read_file(path: impl AsRef<Path>) -> Result<Pipeline, Problems> {
    let path = path.as_ref();
    let shown = path.display().to_string();
    let name: Arc<str> = Arc::from(shown.as_str());
    super::read(&bytes(path, &name)?, &shown)
}

fn bytes(path: &Path, name: &Arc<str>) -> Result<Vec<u8>, Problems> {
    let failed = |error: std::io::Error| Problems::of_file(name, explain(&error));
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(Problems::of_file(name, "this is a directory; name the file of the pipeline in it"));
    }
    if metadata.len() > MAX_BYTES as u64 {
        return Err(too_big(name, metadata.len()));
    }
    let mut bytes = Vec::new();
    // A pipe or a growing file has no length worth believing.
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn explain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "the file may not be read; give this user the right to (chmod u+r)".to_owned()
        }
        _ => format!("the file cannot be read: {error}"),
    }
}
