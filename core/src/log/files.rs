//! Writing to segments.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::LogError;
use super::segment::{self, Segment};
use crate::{disk, failpoint};

/// The segments being written.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    segment_bytes: u64,
    /// The offset after the last byte written.
    end: u64,
    current: Option<Current>,
    /// Folders whose entries are not yet durable.
    new_entries: Vec<PathBuf>,
}

#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    start: u64,
}

impl Files {
    /// Where they are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The offset after the last byte written.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Checks that what was committed is there, and removes what lies beyond.
    pub(super) fn recover(folder: PathBuf, segment_bytes: u64, committed: u64) -> Result<Self, LogError> {
        let segments = segment::list(&folder)?;
        segment::check_complete(&folder, &segments, committed)?;
        let mut end = committed;
        if failpoint::bug("log.skip-truncate") {
            end = segments.last().map_or(committed, Segment::end);
        }
        let mut files = Self { folder, segment_bytes, end, current: None, new_entries: Vec::new() };
        for segment in &segments {
            if segment.start >= end {
                fs::remove_file(&segment.path).map_err(|error| LogError::from_io(&segment.path, "removing", &error))?;
                files.new_entries = vec![files.folder.clone()];
            } else if segment.end() >= end {
                files.take_up(segment)?;
            }
        }
        Ok(files)
    }

    fn take_up(&mut self, segment: &Segment) -> Result<(), LogError> {
        let opened = OpenOptions::new().append(true).open(&segment.path).and_then(|file| {
            if segment.end() > self.end {
                file.set_len(self.end - segment.start)?;
            }
            Ok(file)
        });
        let file = opened.map_err(|error| LogError::from_io(&segment.path, "taking up", &error))?;
        self.current = Some(Current { file, path: segment.path.clone(), start: segment.start });
        Ok(())
    }

    /// Writes to the last segment, and to the next ones when it is full.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), LogError> {
        while !bytes.is_empty() {
            let segment_bytes = self.segment_bytes;
            let end = self.end;
            let current = self.with_room()?;
            let room = segment_bytes.saturating_sub(end - current.start);
            let part = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(part);
            current.file.write_all(now).map_err(|error| LogError::from_io(&current.path, "writing", &error))?;
            self.end += part as u64;
            bytes = later;
        }
        Ok(())
    }

    /// The segment to write to: the next one when this one is full.
    fn with_room(&mut self) -> Result<&mut Current, LogError> {
        let current = match self.current.take() {
            Some(current) if self.end - current.start < self.segment_bytes => current,
            Some(full) => {
                sync_file(&full)?;
                self.begin_segment()?
            }
            None => self.begin_segment()?,
        };
        Ok(self.current.insert(current))
    }

    fn begin_segment(&mut self) -> Result<Current, LogError> {
        let (folder, start) = (self.folder.clone(), self.end);
        if start == 0 {
            self.make_folder(&folder)?;
        }
        let path = segment::path(&folder, start);
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path);
        let file = file.map_err(|error| LogError::from_io(&path, "making", &error))?;
        self.new_entries.push(folder);
        Ok(Current { file, path, start })
    }

    /// Makes the folder and those above it, and notes which ones have to be flushed.
    fn make_folder(&mut self, folder: &Path) -> Result<(), LogError> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.make_folder(parent)?;
            self.new_entries.push(parent.to_path_buf());
        }
        match fs::create_dir(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(LogError::from_io(folder, "making", &error))
            }
            _ => Ok(()),
        }
    }

    /// Makes durable what was written: the bytes first, then the names of new files.
    pub(super) fn sync(&mut self) -> Result<(), LogError> {
        if let Some(current) = &self.current {
            sync_file(current)?;
        }
        for folder in self.new_entries.drain(..) {
            disk::flush(&folder).map_err(|error| LogError::from_io(&folder, "flushing", &error))?;
        }
        Ok(())
    }
}

fn sync_file(current: &Current) -> Result<(), LogError> {
    current.file.sync_data().map_err(|error| LogError::from_io(&current.path, "flushing", &error))
}
