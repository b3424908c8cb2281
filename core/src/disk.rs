//! Files of the engine on the disk: for their owner alone, and there also when the power goes. What systems disagree on is here.
//!
//! On Unix a mode keeps others away. Windows has no modes: there a new file or folder has the rights of the folder that it is
//! made in, and what is below the folder of a user (`C:\Users\NAME`) is for this user, the system and administrators. So a data
//! directory belongs there, or into a folder whose rights say the same.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf, Prefix};

/// From this length on programs of Windows may need the other form of a path; some room for what comes below it is taken off.
const LONG_PATH: usize = 160;

/// Makes a folder for its owner alone, whose parent is there.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    private(&mut DirBuilder::new()).create(path)
}

/// Makes a folder and those above it for their owner alone. One that is there is fine.
pub(crate) fn make_folders(path: &Path) -> io::Result<()> {
    private(DirBuilder::new().recursive(true)).create(path)
}

fn private(folder: &mut DirBuilder) -> &mut DirBuilder {
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(folder, 0o700);
    folder
}

/// A file that is made is for its owner alone.
pub(crate) fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    with_mode(options, 0o600)
}

/// The mode of a file that is made, where files have modes.
pub(crate) fn with_mode(options: &mut OpenOptions, mode: u32) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options
}

/// The mode of a file that others than its owner can read. `None` where it is for its owner alone, or where files have none.
pub(crate) fn open_to_others(found: &fs::Metadata) -> Option<u32> {
    #[cfg(unix)]
    let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o7777;
    #[cfg(not(unix))]
    let mode = {
        let _ = found;
        0
    };
    (mode & 0o077 != 0).then_some(mode)
}

/// Lets the owner of a folder into it and change what is in it, as far as what it may so far (`now`) keeps him out. On Windows
/// folders have no such modes.
pub(crate) fn let_owner_in(folder: &Path, now: &fs::Permissions) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = now.mode();
        if mode & 0o700 == 0o700 {
            Ok(())
        } else {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode | 0o700))
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (folder, now);
        Ok(())
    }
}

/// Makes a symbolic link. Windows lets everybody do that in its developer mode alone, and wants to know whether it leads to a
/// folder.
pub(crate) fn make_link(target: &Path, link: &Path, to_folder: bool) -> io::Result<()> {
    #[cfg(unix)]
    {
        let _ = to_folder;
        std::os::unix::fs::symlink(target, link)
    }
    #[cfg(windows)]
    {
        /// What Windows says to those who may not.
        const PRIVILEGE_NOT_HELD: i32 = 1314;
        use std::os::windows::fs::{symlink_dir, symlink_file};
        let made = if to_folder { symlink_dir(target, link) } else { symlink_file(target, link) };
        made.map_err(|error| match error.raw_os_error() {
            Some(PRIVILEGE_NOT_HELD) => {
                let why = "Windows lets this user make no symbolic links; turn on its developer mode";
                io::Error::new(io::ErrorKind::PermissionDenied, why)
            }
            _ => error,
        })
    }
}

/// The path of something that is there, absolute and without links. On Windows without the `\\?\` of long paths as far as it is not
/// needed: many programs cannot work in a folder that is named like that.
pub(crate) fn real(path: &Path) -> io::Result<PathBuf> {
    let real = fs::canonicalize(path)?;
    let mut parts = real.components();
    match parts.next() {
        Some(Component::Prefix(prefix)) if real.as_os_str().len() < LONG_PATH => match prefix.kind() {
            Prefix::VerbatimDisk(drive) => Ok(Path::new(&format!("{}:", char::from(drive))).join(parts.as_path())),
            _ => Ok(real),
        },
        _ => Ok(real),
    }
}

/// Makes durable what a file holds, or the names in a folder. Windows writes these down by itself, in the journal of its file
/// system, and lets nobody ask for more.
pub(crate) fn flush(path: &Path) -> io::Result<()> {
    // The folder of a name without one is the one in which we are.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    if cfg!(windows) && path.is_dir() {
        return Ok(());
    }
    // Windows flushes only for those who may write.
    OpenOptions::new().read(true).write(cfg!(windows)).open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_made_is_for_its_owner_and_durable() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        make_folders(&folder).unwrap();
        make_folders(&folder).unwrap();
        assert_eq!(make_folder(&folder).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let file = folder.join("file");
        let mut options = OpenOptions::new();
        for_owner(options.write(true).create_new(true)).open(&file).unwrap().write_all(b"x").unwrap();
        for path in [&place.path().join("a"), &folder, &file] {
            assert_eq!(open_to_others(&fs::metadata(path).unwrap()), None, "{}", path.display());
        }
        for path in [&file, &folder, Path::new("")] {
            flush(path).unwrap();
        }
    }

    #[test]
    fn a_real_path_is_absolute_and_plain() {
        let place = tempfile::tempdir().unwrap();
        let path = real(place.path()).unwrap();
        assert!(
            path.is_absolute() && path.is_dir() && !path.to_string_lossy().starts_with("\\\\?"),
            "{}",
            path.display()
        );
        assert_eq!(fs::canonicalize(&path).unwrap(), fs::canonicalize(place.path()).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_told() {
        use std::os::unix::fs::PermissionsExt;

        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(open_to_others(&fs::metadata(&file).unwrap()), Some(0o640));
    }
}
