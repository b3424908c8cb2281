//! Looking at the files of a tar stream.

use std::io::Read;
use std::path::Path;

use tar::{Archive, EntryType};

use super::PackError;
use super::entry::clean_below;

/// Calls for each file of a tar stream whose names are below `place`, with its name, its size and its content. Links are not
/// followed.
pub(crate) fn each_file(
    tar: impl Read,
    place: &Path,
    wanted: impl Fn(&Path) -> bool,
    mut take: impl FnMut(&Path, u64, &mut dyn Read) -> Result<(), PackError>,
) -> Result<(), PackError> {
    for entry in Archive::new(tar).entries()? {
        let mut entry = entry?;
        let name = clean_below(place, &entry.path()?)?;
        let file =
            matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse);
        if file && wanted(&name) {
            take(&name, entry.size(), &mut entry)?;
        }
    }
    Ok(())
}
