//! Processes without an engine: the floors.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::measure::{Failure, time};

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).stdin(Stdio::null());
    command
}

/// Runs a script with its output in a file.
pub(crate) fn run_to_file(script: &str, file: &Path) -> Result<f64, Failure> {
    let (took, status) = time(|| Ok(shell(script).stdout(File::create(file)?).status()?))?;
    if status.success() { Ok(took) } else { Err(format!("{script}: {status}").into()) }
}

/// So many `sh -c true`, one after another, in milliseconds for each.
pub(crate) fn shells_in_sequence(count: usize) -> Result<f64, Failure> {
    let (took, ()) = time(|| {
        for _ in 0..count {
            shell("true").status()?;
        }
        Ok(())
    })?;
    Ok(took / count as f64)
}

/// So many `sh -c true` at once, in milliseconds for each.
pub(crate) fn shells_at_once(count: usize) -> Result<f64, Failure> {
    let (took, ()) = time(|| {
        let children: Result<Vec<_>, _> = (0..count).map(|_| shell("true").spawn()).collect();
        for mut child in children? {
            child.wait()?;
        }
        Ok(())
    })?;
    Ok(took / count as f64)
}

/// The least that durable means: a small record appended and synced, in milliseconds for each.
pub(crate) fn durable_writes(folder: &Path, count: usize) -> Result<f64, Failure> {
    let mut file = File::create(folder.join("durable"))?;
    file.write_all(&vec![0; 4096 * (count + 1)])?;
    file.sync_all()?;
    let mut file = File::options().write(true).open(folder.join("durable"))?;
    let (took, ()) = time(|| {
        for _ in 0..count {
            file.write_all(&[1; 4096])?;
            file.sync_data()?;
        }
        Ok(())
    })?;
    Ok(took / count as f64)
}

/// Reads a file and counts its lines.
pub(crate) fn read_and_split(file: &Path) -> Result<(f64, usize), Failure> {
    use std::io::Read as _;
    time(|| {
        let mut file = File::open(file)?;
        let (mut buffer, mut lines) = (vec![0; 64 * 1024], 0);
        loop {
            let length = file.read(&mut buffer)?;
            if length == 0 {
                return Ok(lines);
            }
            lines += memchr::memchr_iter(b'\n', &buffer[..length]).count();
        }
    })
}
