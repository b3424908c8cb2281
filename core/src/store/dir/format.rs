//! The version of the folder's layout, and the steps from one to the next.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::not_a_data_dir;
use crate::disk;
use crate::store::StoreError;

/// The file with the version.
pub(super) const FILE: &str = "format";
/// Where the next version of that file is written before it takes its place.
pub(super) const NEW_FILE: &str = "format.new";
/// What stands in it before the number.
const WORDS: &str = "Windlass data directory, format ";

/// A step to the next format. It may be repeated: a crash can come between the step and the note that it was done.
type Step = fn(&Path) -> Result<(), StoreError>;

/// Step number n leads from format n to format n + 1; an empty folder has format 0.
const STEPS: &[Step] = &[first_format];

/// Keeps the folder out of version control, wherever it is.
fn first_format(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(".gitignore");
    fs::write(&path, "*\n").map_err(|error| StoreError::from_io(&path, "writing", &error))
}

/// Takes the steps that are missing.
pub(super) fn bring_up_to_date(dir: &Path) -> Result<(), StoreError> {
    take_steps(dir, STEPS)
}

/// Says whether the folder can be read as it is.
pub(super) fn check_for_reading(dir: &Path) -> Result<(), StoreError> {
    let known = STEPS.len() as u32;
    match read(dir)? {
        None => Err(not_a_data_dir(dir, "it has no file named `format`; the first run makes it")),
        Some(found) if found > known => Err(StoreError::NewerFormat { path: dir.join(FILE), found, known }),
        Some(found) if found < known => Err(StoreError::OlderFormat { path: dir.join(FILE), found, known }),
        Some(_) => Ok(()),
    }
}

pub(super) fn take_steps(dir: &Path, steps: &[Step]) -> Result<(), StoreError> {
    let known = steps.len() as u32;
    let found = read(dir)?.unwrap_or(0);
    if found > known {
        return Err(StoreError::NewerFormat { path: dir.join(FILE), found, known });
    }
    for (format, step) in (1u32..).zip(steps).skip(found as usize) {
        step(dir)?;
        write(dir, format)?;
    }
    Ok(())
}

fn read(dir: &Path) -> Result<Option<u32>, StoreError> {
    let path = dir.join(FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::from_io(&path, "reading", &error)),
    };
    let text = String::from_utf8_lossy(&text);
    match text.strip_prefix(WORDS).and_then(|number| number.trim_end().parse().ok()) {
        Some(format) => Ok(Some(format)),
        None => Err(StoreError::Damaged { path, why: format!("it should say `{WORDS}{}`", STEPS.len()) }),
    }
}

/// In one piece or not at all, also when the power goes.
fn write(dir: &Path, format: u32) -> Result<(), StoreError> {
    let (path, new) = (dir.join(FILE), dir.join(NEW_FILE));
    let written = fs::File::create(&new).and_then(|mut file| {
        writeln!(file, "{WORDS}{format}")?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        disk::flush(dir)
    });
    written.map_err(|error| StoreError::from_io(&path, "writing", &error))
}
