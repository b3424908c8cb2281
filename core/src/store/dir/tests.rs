use std::fs;
use std::path::Path;

use super::format::{bring_up_to_date, take_steps};
use crate::store::StoreError;

fn add(dir: &Path, what: &str) -> Result<(), StoreError> {
    let done = fs::read_to_string(dir.join("done")).unwrap_or_default();
    fs::write(dir.join("done"), done + what).map_err(|error| StoreError::from_io(dir, "writing", &error))
}

fn fail(dir: &Path) -> Result<(), StoreError> {
    Err(StoreError::Full { path: dir.to_path_buf() })
}

fn format(dir: &Path) -> String {
    fs::read_to_string(dir.join("format")).unwrap()
}

#[test]
fn an_older_folder_takes_the_steps_that_it_misses() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    bring_up_to_date(dir).unwrap();
    take_steps(dir, &[|dir| add(dir, "one "), |dir| add(dir, "two "), |dir| add(dir, "three ")]).unwrap();
    assert_eq!(fs::read_to_string(dir.join("done")).unwrap(), "two three ");
    assert_eq!(format(dir), "Windlass data directory, format 3\n");
    let error = bring_up_to_date(dir).unwrap_err();
    assert!(matches!(error, StoreError::NewerFormat { found: 3, known: 1, .. }), "{error:?}");
}

#[test]
fn a_step_that_fails_is_taken_again() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path();
    let error = take_steps(dir, &[|dir| add(dir, "one "), fail, |dir| add(dir, "three ")]).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert_eq!(format(dir), "Windlass data directory, format 1\n");
    take_steps(dir, &[|dir| add(dir, "one "), |dir| add(dir, "two "), |dir| add(dir, "three ")]).unwrap();
    assert_eq!(fs::read_to_string(dir.join("done")).unwrap(), "one two three ");
}
