//! The data directory: its format, who holds it, its room, its database, what waits in it.

use std::path::Path;

use super::Check;
use crate::cli::text::count;
use crate::engine::Control;
use crate::store::{DataDir, SqliteStore, Store, StoreError};

/// With less room than this runs soon wait for more …
const LITTLE: u64 = 1 << 30;
/// … and with less than this they do now.
const NONE: u64 = 16 << 20;

/// Looks at the data directory, and changes nothing.
pub(super) async fn look(path: &Path) -> Vec<Check> {
    if !path.exists() {
        let shown = path.display();
        let nearest = path.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("."));
        return vec![
            Check::fine("data directory", format!("{shown} is not there yet; the first run makes it")),
            room(nearest),
        ];
    }
    let data_dir = match DataDir::open_read_only(path) {
        Ok(data_dir) => data_dir,
        Err(error) => return vec![Check::bad("data directory", error, "")],
    };
    let held = DataDir::check_free(data_dir.path());
    let mut checks = vec![folder(&data_dir), holder(&held), socket(&data_dir, held.is_err()).await];
    checks.push(room(data_dir.path()));
    checks.extend(database(&data_dir, held.is_err()).await);
    checks
}

fn folder(data_dir: &DataDir) -> Check {
    let shown = data_dir.path().display();
    match may_write(data_dir.path()) {
        Ok(()) => Check::fine("data directory", format!("{shown} can be read and written")),
        Err(why) => Check::bad(
            "data directory",
            format!("{shown} cannot be written: {why}"),
            "work as the user to whom it belongs, and see that its file system is not read-only",
        ),
    }
}

#[cfg(unix)]
fn may_write(path: &Path) -> Result<(), String> {
    use nix::unistd::{AccessFlags, access};
    access(path, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK).map_err(|errno| errno.desc().to_owned())
}

#[cfg(not(unix))]
fn may_write(path: &Path) -> Result<(), String> {
    match std::fs::metadata(path) {
        Ok(found) if found.permissions().readonly() => Err("it is read-only".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn holder(held: &Result<(), StoreError>) -> Check {
    match held {
        Ok(()) => Check::fine("engine", "none works on it"),
        Err(StoreError::Locked { pid: Some(pid), .. }) => Check::fine("engine", format!("process {pid} works on it")),
        Err(StoreError::Locked { pid: None, .. }) => Check::fine("engine", "a process works on it"),
        Err(error) => Check::bad("engine", error, ""),
    }
}

async fn socket(data_dir: &DataDir, held: bool) -> Check {
    const NAME: &str = "control socket";
    let status = match Control::connect(data_dir.path()).await {
        Ok(control) => control.status().await,
        Err(error) => Err(error),
    };
    match status {
        Ok(status) => {
            let (running, queued) = (count(status.running, "run"), status.queued);
            Check::fine(NAME, format!("Windlass {} answers: {running} going on, {queued} queued", status.version))
        }
        Err(error) if error.code() == "noEngine" && !held => Check::fine(NAME, "nobody listens, as no engine works"),
        Err(error) if error.code() == "noEngine" => Check::warning(
            NAME,
            "an engine works on it and takes no requests",
            "it was opened without a control socket, or could not make one and said so: `cancel`, `approve` and the like \
             work only from its own process",
        ),
        Err(error) => Check::bad(NAME, error, "look at the process of the engine: it may be stopped or overloaded"),
    }
}

fn room(path: &Path) -> Check {
    const NAME: &str = "room";
    const ADVICE: &str = "free some, or remove old runs; what runs waits until there is room, and nothing is lost";
    match free(path) {
        Ok(bytes) if bytes < NONE => Check::bad(NAME, format!("{} free", size(bytes)), ADVICE),
        Ok(bytes) if bytes < LITTLE => Check::warning(NAME, format!("{} free", size(bytes)), ADVICE),
        Ok(bytes) => Check::fine(NAME, format!("{} free", size(bytes))),
        Err(why) => Check::warning(NAME, format!("how much is free cannot be told: {why}"), ""),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(unix)]
#[expect(clippy::useless_conversion, reason = "the types are others on other systems")]
fn free(path: &Path) -> Result<u64, String> {
    let found = nix::sys::statvfs::statvfs(path).map_err(|errno| errno.desc().to_owned())?;
    Ok(u64::from(found.blocks_available()).saturating_mul(u64::from(found.fragment_size())))
}

#[cfg(not(unix))]
fn free(_path: &Path) -> Result<u64, String> {
    Err("this system is not asked".to_owned())
}

async fn database(data_dir: &DataDir, held: bool) -> Vec<Check> {
    const NAME: &str = "database";
    let store = match SqliteStore::open_read_only(data_dir.db()) {
        Ok(store) => store,
        Err(error) => return vec![Check::bad(NAME, error, "")],
    };
    if let Err(error) = store.check().await {
        return vec![Check::bad(NAME, error, "")];
    }
    vec![Check::fine(NAME, "SQLite finds nothing wrong"), unfinished(&store, held).await, kept(&store).await]
}

async fn unfinished(store: &SqliteStore, held: bool) -> Check {
    const NAME: &str = "runs";
    match store.unfinished().await {
        Ok(runs) if runs.is_empty() => Check::fine(NAME, "none is unfinished"),
        Ok(runs) if held => Check::fine(NAME, format!("{} unfinished", count(runs.len(), "run"))),
        Ok(runs) => Check::warning(
            NAME,
            format!("{} unfinished, and no engine works", count(runs.len(), "run")),
            "`windlass attach` takes them up and follows them to their ends",
        ),
        Err(error) => Check::bad(NAME, error, ""),
    }
}

async fn kept(store: &SqliteStore) -> Check {
    const NAME: &str = "workspaces";
    match store.kept().await {
        Ok(kept) if kept.is_empty() => Check::fine(NAME, "none is kept of runs that ended"),
        Ok(kept) => Check::fine(NAME, format!("{} kept of runs that failed", count(kept.len(), "workspace"))),
        Err(error) => Check::bad(NAME, error, ""),
    }
}
