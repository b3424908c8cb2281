//! Names of files as somebody else wrote them, in definitions and in archives: what goes nowhere but down. Pure.
//!
//! Such a name has `/` between its parts on every system. On Windows more than `..` and a leading `/` leads elsewhere: a drive
//! (`C:x`), a backslash, a stream of another file (`a:b`), a device (`con`, `nul.txt`), and a dot or a space at the end, which
//! that system drops (`.. ` would be `..`). Names that only pass through a Windows machine, between a container and a store, keep
//! all that Linux allows but the first two; they are checked again where they become files.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

/// The system by whose rules a name is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Unix,
    Windows,
}

impl System {
    /// The one on which we run.
    pub(crate) const HERE: Self = if cfg!(windows) { Self::Windows } else { Self::Unix };
}

/// What happens to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It goes on to somewhere else, which has rules of its own.
    Carried,
    /// It becomes a file of this machine.
    File,
}

/// The name without `.` in it, when it goes nowhere but down; else what is wrong with it. It has `/` between its parts on every
/// system, and so it is the same name in an archive and in a container.
pub(crate) fn checked(name: &Path, of: Use) -> Result<PathBuf, &'static str> {
    refused(name.as_os_str(), System::HERE, of).map_or(Ok(()), Err)?;
    Ok(slashed(name))
}

/// A checked name below a checked folder, with `/` between all parts.
pub(crate) fn joined(folder: &Path, name: &Path) -> PathBuf {
    slashed(&folder.join(name))
}

fn slashed(name: &Path) -> PathBuf {
    let mut all = OsString::with_capacity(name.as_os_str().len());
    for part in name.components().filter(|part| matches!(part, Component::Normal(_))) {
        if !all.is_empty() {
            all.push("/");
        }
        all.push(part);
    }
    all.into()
}

/// What keeps a name from being used on a system.
pub(crate) fn refused(name: &OsStr, system: System, of: Use) -> Option<&'static str> {
    let name = name.as_encoded_bytes();
    if name.contains(&0) {
        return Some("contains a NUL byte");
    }
    if name.starts_with(b"/") {
        return Some("is absolute");
    }
    let windows = system == System::Windows;
    if windows && name.contains(&b'\\') {
        return Some("contains `\\`, which Windows takes for a separator; write `/`");
    }
    let mut parts = name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    parts.find_map(|part| match part {
        b".." => Some("contains `..`"),
        [letter, b':', ..] if windows && letter.is_ascii_alphabetic() => Some("names a drive of Windows"),
        part if windows && of == Use::File => no_file_of_windows(part),
        _ => None,
    })
}

/// What keeps a part of a name from being a file of Windows.
fn no_file_of_windows(part: &[u8]) -> Option<&'static str> {
    if part.iter().any(|byte| *byte < 0x20 || b"<>:\"|?*".contains(byte)) {
        return Some("contains a character that no file of Windows can have in its name");
    }
    if part.ends_with(b".") || part.ends_with(b" ") {
        return Some("has a part that ends with a dot or a space, which Windows drops");
    }
    is_device(part).then_some("is the name of a device of Windows")
}

/// Whether Windows takes a name for a device, whatever ending it has.
pub(crate) fn is_device(part: &[u8]) -> bool {
    let stem = part.split(|byte| *byte == b'.').next().unwrap_or_default().trim_ascii_end();
    let stem = String::from_utf8_lossy(stem).to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$" => true,
        stem => {
            let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
            let mut number = number.unwrap_or_default().chars();
            // The raised digits of the old character set are digits as well.
            matches!((number.next(), number.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn on(system: System, of: Use, name: &str) -> Option<&'static str> {
        refused(OsStr::new(name), system, of)
    }

    #[test]
    fn what_leads_elsewhere_is_refused_on_every_system() {
        for system in [System::Unix, System::Windows] {
            for of in [Use::Carried, Use::File] {
                for bad in ["/etc/passwd", "//server/share", "..", "a/../b", "./..", "a\0b", "/"] {
                    assert!(on(system, of, bad).is_some(), "{bad:?} on {system:?}");
                }
                for good in ["", ".", "a", "./a//b/", "...a", "a..b", ".git", "com", "com10", "console", "lpt", "nulls"]
                {
                    assert_eq!(on(system, of, good), None, "{good:?} on {system:?}");
                }
            }
        }
    }

    #[test]
    fn what_means_something_else_on_windows_is_refused_there_alone() {
        let elsewhere =
            ["..\\x", "a\\..\\..\\x", "\\\\server\\share", "\\\\?\\C:\\x", "C:x", "c:/x", "a/C:", "a/d:e", "\\x"];
        let no_files = [
            "file:stream",
            "ab::$DATA",
            "dir::$INDEX_ALLOCATION",
            "con",
            "CON",
            "a/nul.txt",
            "aux.tar.gz",
            "Com1",
            "com¹.x",
            "lpt9",
            "nul .txt",
            "conin$",
            "prn/x",
            "a.",
            "a ",
            "a/b. /c",
            ".. /x",
            "... ",
            "a?b",
            "a*",
            "a|b",
            "<a>",
            "\"a\"",
            "a\nb",
        ];
        for name in elsewhere {
            assert_eq!(on(System::Unix, Use::File, name), None, "{name:?}");
            assert!(on(System::Windows, Use::Carried, name).is_some(), "{name:?}");
            assert!(on(System::Windows, Use::File, name).is_some(), "{name:?}");
        }
        for name in no_files {
            assert_eq!(on(System::Unix, Use::File, name), None, "{name:?}");
            assert_eq!(on(System::Windows, Use::Carried, name), None, "{name:?}");
            assert!(on(System::Windows, Use::File, name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn a_checked_name_has_plain_parts_only() {
        let clean = |name: &str| checked(Path::new(name), Use::Carried).map(|name| name.display().to_string());
        assert_eq!(clean("./a//b/./c/"), Ok("a/b/c".to_owned()));
        assert_eq!(clean("."), Ok(String::new()));
        assert_eq!(clean("a/.."), Err("contains `..`"));
        let both = joined(Path::new("a/b"), Path::new("c/d"));
        assert_eq!(both.as_os_str(), "a/b/c/d");
        assert_eq!(checked(&both, Use::File), Ok(both));
    }

    proptest! {
        /// By the words of Windows itself: a name that is taken has only plain parts, wherever it is cut.
        #[test]
        fn what_is_taken_for_windows_goes_nowhere_but_down(name in "[a-cA-C.:/\\\\ ?1nulco]{0,12}") {
            if on(System::Windows, Use::File, &name).is_none() {
                for part in name.split(['/', '\\']).filter(|part| !matches!(*part, "" | ".")) {
                    prop_assert!(!part.contains([':', '?']) && part.trim_end_matches(['.', ' ']) == part && !is_device(part.as_bytes()));
                }
                prop_assert!(!name.contains('\\') && !name.starts_with('/'));
            }
            // Where this is Windows, its own reading of the name says the same.
            if let Ok(taken) = checked(Path::new(&name), Use::Carried) {
                prop_assert!(taken.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
