//! How big a document may be. Looked at before anything is built of it.

use std::sync::Arc;

use crate::pipeline::problem::Problems;

/// The biggest document, in bytes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The deepest nesting.
pub const MAX_DEPTH: usize = 64;
/// The most values in a document, all aliases unfolded.
pub const MAX_NODES: usize = 1_000_000;
/// The most values that aliases may add.
pub(super) const MAX_ALIASED: usize = 100_000;

/// The text of a document: not too big, UTF-8, without the mark that some editors put in front.
pub(super) fn text<'a>(bytes: &'a [u8], file: &Arc<str>) -> Result<&'a str, Problems> {
    if bytes.len() > MAX_BYTES {
        return Err(too_big(file, bytes.len() as u64));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(Problems::of_file(file, not_utf8(bytes, error.valid_up_to()))),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Problems::of_file(file, "the file is empty; a pipeline begins with name: and stages:"));
    }
    Ok(text)
}

pub(super) fn too_big(file: &Arc<str>, bytes: u64) -> Problems {
    let limit = MAX_BYTES / (1024 * 1024);
    let size = bytes as f64 / (1024.0 * 1024.0);
    Problems::of_file(file, format!("the document is {size:.1} MiB big; a pipeline may have {limit} MiB"))
}

fn not_utf8(bytes: &[u8], offset: usize) -> String {
    let byte = bytes.get(offset).copied().unwrap_or_default();
    let line = bytes[..offset].iter().filter(|b| **b == b'\n').count() + 1;
    let hint = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "; it looks like UTF-16",
        _ => "",
    };
    format!("not UTF-8: byte 0x{byte:02x} at offset {offset} (line {line}){hint}; save the file as UTF-8")
}
