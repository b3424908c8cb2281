//! What can be seen from outside: processes and files.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A process that has to do with a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its command line, for messages.
    pub command: String,
}

/// Every living process whose environment, command line, working directory or open files name something below the folder.
/// The steps of a trial all have it in their environment, and what they hide from it still stands in their workspace.
pub fn processes_of(folder: &Path) -> io::Result<Vec<Process>> {
    let needle = folder.as_os_str().as_bytes();
    let own = std::process::id().cast_signed();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        if pid != own && is_alive(&entry.path()) && belongs(&entry.path(), needle) {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ").trim().chars().take(200).collect();
            found.push(Process { pid, command });
        }
    }
    Ok(found)
}

/// A zombie has ended; only its parent has not looked yet.
fn is_alive(process: &Path) -> bool {
    let Ok(stat) = fs::read_to_string(process.join("stat")) else { return false };
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Files of `/proc` vanish while they are read; then the process is gone, and belongs nowhere.
fn belongs(process: &Path, needle: &[u8]) -> bool {
    let mentions = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let names = |file: &str| fs::read(process.join(file)).is_ok_and(|bytes| mentions(&bytes));
    let points = |link: &Path| fs::read_link(link).is_ok_and(|target| mentions(target.as_os_str().as_bytes()));
    let opened = || {
        let Ok(files) = fs::read_dir(process.join("fd")) else { return false };
        files.flatten().any(|file| points(&file.path()))
    };
    names("environ") || names("cmdline") || points(&process.join("cwd")) || opened()
}

/// Kills what a broken engine has left, so that the next trial begins on a clean machine.
pub fn end(processes: &[Process]) {
    for process in processes {
        let pid = nix::unistd::Pid::from_raw(process.pid);
        // It may have ended since; then there is nothing to do.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    }
}

/// Everything in the folders of runs below `data_dir`: files, and folders with nothing in them. Logs, artifacts and
/// the database stay; they are what a data directory is for.
pub fn left_files(data_dir: &Path) -> io::Result<Vec<String>> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = vec![data_dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if ["logs", "blobs"].iter().any(|kept| path.strip_prefix(data_dir) == Ok(Path::new(kept))) {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_run_id(&name) || name.starts_with("workspace") || name == "steps" {
                all_below(&path, &mut found)?;
            } else if entry.file_type()?.is_dir() {
                folders.push(path);
            }
        }
    }
    let below = |path: &PathBuf| path.strip_prefix(data_dir).unwrap_or(path).display().to_string();
    let mut found: Vec<_> = found.iter().map(below).collect();
    found.sort();
    Ok(found)
}

/// The files of caches, artifacts and reports, by their names below their folder.
pub fn blobs(data_dir: &Path) -> io::Result<Vec<String>> {
    let (root, mut found) = (data_dir.join("blobs"), Vec::new());
    if root.is_dir() {
        all_below(&root, &mut found)?;
    }
    // Folders that are empty by now do no harm.
    found.retain(|path| !path.is_dir());
    let below = |path: &PathBuf| path.strip_prefix(&root).unwrap_or(path).display().to_string();
    let mut found: Vec<_> = found.iter().map(below).collect();
    found.sort();
    Ok(found)
}

fn all_below(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        found.push(path.to_path_buf());
        return Ok(());
    }
    let mut empty = true;
    for entry in fs::read_dir(path)? {
        all_below(&entry?.path(), found)?;
        empty = false;
    }
    found.extend(empty.then(|| path.to_path_buf()));
    Ok(())
}

/// Whether a folder is called like a run: a UUID.
fn is_run_id(name: &str) -> bool {
    name.parse::<windlass::run::RunId>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::kill::program::becomes_true;

    #[test]
    fn a_process_is_found_by_its_environment_its_folder_and_its_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let mut by_environment = Command::new("sleep").arg("60").env("WITNESS", path.join("witness")).spawn().unwrap();
        let mut by_folder = Command::new("env").args(["-i", "sleep", "60"]).current_dir(path).spawn().unwrap();
        let mut by_argument = Command::new("sh").args(["-c", "sleep 60; true"]).arg(path).spawn().unwrap();
        let pids = [by_environment.id(), by_folder.id(), by_argument.id()].map(u32::cast_signed);
        let all_found = || {
            let found = processes_of(path).unwrap();
            pids.iter().all(|pid| found.iter().any(|process| process.pid == *pid))
        };
        assert!(becomes_true(std::time::Duration::from_secs(5), all_found));
        end(&processes_of(path).unwrap());
        for child in [&mut by_environment, &mut by_folder, &mut by_argument] {
            child.wait().unwrap();
        }
        let gone = || processes_of(path).unwrap().is_empty();
        assert!(becomes_true(std::time::Duration::from_secs(5), gone), "{:?}", processes_of(path));
    }

    #[test]
    fn folders_of_runs_are_left_files_and_logs_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let run = "01a4f0c2-0000-7000-8000-000000000001";
        for path in [format!("logs/{run}"), format!("executors/local/{run}/steps"), "other".to_owned()] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        fs::write(folder.path().join("windlass.db"), "").unwrap();
        fs::create_dir_all(folder.path().join(format!("executors/local/{run}/workspace-1/deep"))).unwrap();
        fs::write(folder.path().join(format!("executors/local/{run}/workspace-1/deep/file")), "").unwrap();
        let left = ["steps", "workspace-1/deep/file"].map(|name| format!("executors/local/{run}/{name}"));
        assert_eq!(left_files(folder.path()).unwrap(), left);
    }
}
